// SPDX-License-Identifier: GPL-2.0
/*
 * The walk over buses at boot, and the way up from a device to its root. Sizes
 * no BAR and changes no register. Lock: none; the walk is the boot CPU's.
 */
#include <xen/errno.h>
#include <xen/pci.h>
#include <xen/printk.h>

/* Buses walked, one bit each: a bridge that leads back is not followed. */
static uint64_t walked[4];

static bool mark_walked(unsigned int bus)
{
    const uint64_t bit = UINT64_C(1) << bus % 64;
    const bool was = walked[bus / 64] & bit;

    walked[bus / 64] |= bit;
    return !was;
}

/* Registers one function; sets the bit of the bus behind it. */
static bool probe_function(sbdf_t s, uint64_t *pending)
{
    struct pci_dev *dev;

    if ((uint16_t)pci_read(s, PCI_REG_VENDOR_ID, 2) == UINT16_MAX) {
        return false;
    }
    if (pci_add(s, NULL, &dev)) {
        return false;
    }
    if (dev->header == 1) {
        const unsigned int bus = s.bdf >> 8;

        /* 0: the firmware gave it none. */
        if (dev->secondary > bus && dev->secondary <= dev->subordinate) {
            pending[dev->secondary / 64] |= UINT64_C(1) << dev->secondary % 64;
        } else if (dev->secondary) {
            log_warn("pci: " SBDF_FMT ": leads to bus %02x-%02x, ignored\n",
                     SBDF_ARG(s), dev->secondary, dev->subordinate);
        }
    }
    return true;
}

static unsigned int probe_bus(unsigned int bus, uint64_t *pending)
{
    unsigned int nr = 0;
    unsigned int dev;
    unsigned int fn;

    for (dev = 0; dev < 32; dev++) {
        const sbdf_t first = SBDF(0, bus, dev, 0);
        bool multi;

        if (!probe_function(first, pending)) {
            continue;
        }
        nr++;
        multi = pci_read(first, PCI_REG_HEADER_TYPE, 1) & PCI_HEADER_MULTI;
        for (fn = 1; multi && fn < 8; fn++) {
            nr += probe_function(SBDF(0, bus, dev, fn), pending);
        }
    }
    return nr;
}

unsigned int pci_probe_root(unsigned int bus)
{
    uint64_t pending[4] = { 0 };
    unsigned int nr = 0;

    if (bus > 255) {
        return 0;
    }
    pending[bus / 64] |= UINT64_C(1) << bus % 64;
    /* Buses behind a bridge have higher numbers: one pass meets them all. */
    for (; bus < 256; bus++) {
        if ((pending[bus / 64] >> bus % 64 & 1) && mark_walked(bus)) {
            nr += probe_bus(bus, pending);
        }
    }
    return nr;
}

unsigned int pci_probe(void)
{
    return pci_probe_root(0);
}

struct parent_search {
    unsigned int bus;
    uint16_t seg;
    struct pci_dev *found;
};

static int is_parent(struct pci_dev *dev, void *arg)
{
    struct parent_search *p = arg;

    if (dev->header == 1 && dev->sbdf.seg == p->seg &&
        dev->secondary == p->bus && dev->sbdf.bdf >> 8 < p->bus) {
        p->found = dev;
        return 1;
    }
    return 0;
}

struct pci_dev *pci_parent(sbdf_t s)
{
    struct parent_search p = { .bus = s.bdf >> 8, .seg = s.seg };

    return pci_for_each(is_parent, &p) ? p.found : NULL;
}

bool pci_requester(const struct pci_dev *dev, sbdf_t *rid)
{
    const struct pci_dev *p;

    *rid = dev->sbdf;
    /* Ends: a parent's bus number is lower than its child's. */
    for (p = pci_parent(dev->sbdf); p; p = pci_parent(p->sbdf)) {
        if (p->kind != PCI_PCIE_TO_PCI) {
            continue;
        }
        *rid = p->cap_pcie ? SBDF(p->sbdf.seg, p->secondary, 0, 0) : p->sbdf;
    }
    return !sbdf_eq(*rid, dev->sbdf);
}
