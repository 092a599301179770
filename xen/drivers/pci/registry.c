// SPDX-License-Identifier: GPL-2.0
/*
 * Device objects. An array that only grows its used part: readers need no lock
 * and a device's memory is never given back.
 *
 * Lock: registry_lock for adding and removing; slots are published by their
 * state.
 */
#include <xen/atomic.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/pci.h>
#include <xen/printk.h>
#include <xen/spinlock.h>

/* Device/port types. Spec: PCI Express Base, 7.5.3.2. */
#define PCIE_TYPE(flags) ((flags) >> 4 & 0xfu)
#define PCIE_ROOT_PORT   4u
#define PCIE_UPSTREAM    5u
#define PCIE_DOWNSTREAM  6u
#define PCIE_TO_PCI      7u
#define PCIE_CAP_FLAGS   2u

#define CLASS_HOST_BRIDGE 0x0600u

enum slot_state { SLOT_FREE, SLOT_USED };

struct slot {
    struct pci_dev dev;
    uint32_t state; /* enum slot_state; release after dev is filled in */
};

static struct slot slots[PCI_MAX_DEVS];
static uint32_t nr_slots; /* those ever used; only grows */
static spinlock_t registry_lock = SPINLOCK_INIT;

static struct slot *slot_find(sbdf_t s)
{
    const uint32_t nr = atomic_load(&nr_slots);
    uint32_t i;

    for (i = 0; i < nr; i++) {
        /* Acquire: pairs with the release in pci_add(). */
        if (atomic_load(&slots[i].state) == SLOT_USED &&
            sbdf_eq(slots[i].dev.sbdf, s)) {
            return &slots[i];
        }
    }
    return NULL;
}

struct pci_dev *pci_find(sbdf_t s)
{
    struct slot *slot = slot_find(s);

    return slot ? &slot->dev : NULL;
}

int pci_for_each(int (*fn)(struct pci_dev *dev, void *arg), void *arg)
{
    uint32_t i;
    int rc;

    for (i = 0; i < atomic_load(&nr_slots); i++) {
        if (atomic_load(&slots[i].state) == SLOT_USED) {
            rc = fn(&slots[i].dev, arg);
            if (rc) {
                return rc;
            }
        }
    }
    return 0;
}

static enum pci_kind kind_of(const struct pci_dev *dev)
{
    if (dev->header == 1) {
        if (dev->cap_pcie && (dev->pcie_type == PCIE_ROOT_PORT ||
                              dev->pcie_type == PCIE_UPSTREAM ||
                              dev->pcie_type == PCIE_DOWNSTREAM)) {
            return PCI_BRIDGE;
        }
        return PCI_PCIE_TO_PCI;
    }
    return dev->class >> 8 == CLASS_HOST_BRIDGE ? PCI_HOST_BRIDGE
                                                : PCI_ENDPOINT;
}

/* What the hardware says; leaves owner and private data alone. */
static void read_header(struct pci_dev *dev)
{
    const sbdf_t s = dev->sbdf;
    const sbdf_t identity = dev->is_vf ? dev->physfn : s;
    const uint32_t id = pci_read(identity, PCI_REG_VENDOR_ID, 4);
    const uint32_t class = pci_read(identity, PCI_REG_REVISION, 4);
    uint32_t buses;

    dev->vendor = (uint16_t)id;
    dev->device = (uint16_t)(id >> 16);
    dev->class = class >> 8;
    dev->header = dev->is_vf ? 0
                             : (uint8_t)(pci_read(s, PCI_REG_HEADER_TYPE, 1) &
                                         ~PCI_HEADER_MULTI);
    dev->cap_msi = (uint16_t)pci_cap_find(s, PCI_CAP_ID_MSI);
    dev->cap_msix = (uint16_t)pci_cap_find(s, PCI_CAP_ID_MSIX);
    dev->cap_pcie = (uint16_t)pci_cap_find(s, PCI_CAP_ID_PCIE);
    dev->cap_ats =
        dev->cap_pcie ? (uint16_t)pci_ext_cap_find(s, PCI_EXT_CAP_ID_ATS) : 0;
    dev->pcie_type =
        dev->cap_pcie
            ? (uint8_t)PCIE_TYPE(pci_read(s, dev->cap_pcie + PCIE_CAP_FLAGS, 2))
            : 0;
    dev->kind = kind_of(dev);
    dev->secondary = 0;
    dev->subordinate = 0;
    if (dev->header == 1) {
        buses = pci_read(s, PCI_REG_BUSES, 4);
        dev->secondary = (uint8_t)(buses >> 8);
        dev->subordinate = (uint8_t)(buses >> 16);
    }
}

/* Registry lock held. */
static struct slot *slot_alloc(void)
{
    uint32_t i;

    for (i = 0; i < nr_slots; i++) {
        if (slots[i].state == SLOT_FREE) {
            return &slots[i];
        }
    }
    if (nr_slots == PCI_MAX_DEVS) {
        return NULL;
    }
    atomic_store(&nr_slots, nr_slots + 1);
    return &slots[nr_slots - 1];
}

int pci_add(sbdf_t s, const sbdf_t *physfn, struct pci_dev **out)
{
    struct slot *slot;
    unsigned long flags;
    int rc = 0;

    if (s.seg) {
        return -ENODEV;
    }
    if (physfn ? !pci_find(*physfn)
               : (uint16_t)pci_read(s, PCI_REG_VENDOR_ID, 2) == UINT16_MAX) {
        return physfn ? -ENOENT : -ENODEV;
    }
    /* Without it the device only lacks its extended capabilities. */
    if (pci_ecam_map(s.seg, s.bdf >> 8) == -ENOMEM) {
        log_warn("pci: " SBDF_FMT ": extended configuration not reachable\n",
                 SBDF_ARG(s));
    }

    flags = spin_lock_irqsave(&registry_lock);
    slot = slot_find(s);
    if (slot) {
        read_header(&slot->dev);
    } else {
        slot = slot_alloc();
        if (!slot) {
            rc = -ENOSPC;
        } else {
            memset(&slot->dev, 0, sizeof(slot->dev));
            slot->dev.sbdf = s;
            slot->dev.is_vf = physfn != NULL;
            if (physfn) {
                slot->dev.physfn = *physfn;
            }
            read_header(&slot->dev);
            /* Release: whoever sees the state sees the device filled in. */
            atomic_store(&slot->state, (uint32_t)SLOT_USED);
        }
    }
    spin_unlock_irqrestore(&registry_lock, flags);

    if (rc) {
        log_err("pci: " SBDF_FMT ": more than %u devices\n", SBDF_ARG(s),
                PCI_MAX_DEVS);
    } else if (out) {
        *out = &slot->dev;
    }
    return rc;
}

int pci_remove(sbdf_t s)
{
    const unsigned long flags = spin_lock_irqsave(&registry_lock);
    struct slot *slot = slot_find(s);
    int rc = 0;

    if (!slot) {
        rc = -ENODEV;
    } else if (slot->dev.iommu || slot->dev.msi) {
        rc = -EBUSY;
    } else {
        atomic_store(&slot->state, (uint32_t)SLOT_FREE);
    }
    spin_unlock_irqrestore(&registry_lock, flags);
    return rc;
}
