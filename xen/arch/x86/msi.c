/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MSI and MSI-X: finding the registers, writing messages, mask bits, keeping
 * MSI-X tables out of guests' reach. Guests only switch the capability on and
 * off. msi_lock guards the list of devices and of their messages; a message's
 * words in the device are written under its descriptor's lock.
 * Lock order: msi_lock, descriptor. Spec: PCI 3.0, 6.8 "MSI and MSI-X".
 */
#include <xen/bits.h>
#include <xen/dom-iommu.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/iommu.h>
#include <xen/keyhandler.h>
#include <xen/list.h>
#include <xen/mm.h>
#include <xen/mmio.h>
#include <xen/pci.h>
#include <xen/printk.h>
#include <xen/rangeset.h>
#include <xen/spinlock.h>

#include <asm/irq-desc.h>
#include <asm/mm-types.h>
#include <asm/msi.h>

#define PCI_COMMAND        0x04u
#define PCI_COMMAND_MEMORY 0x02u
#define PCI_BAR(n)         (0x10u + 4 * (n))
#define PCI_NR_BARS        6u
#define BAR_IO             0x1u
#define BAR_TYPE           0x6u
#define BAR_64             0x4u
#define BAR_ADDR           (~0xfu)

/* MSI capability, relative to its start. */
#define MSI_CONTROL  0x2u
#define MSI_ENABLE   0x0001u
#define MSI_MULTIPLE 0x0070u /* how many the device may use, log2 */
#define MSI_64BIT    0x0080u
#define MSI_MASKABLE 0x0100u
#define MSI_ADDRESS  0x4u

/* MSI-X capability and table. */
#define MSIX_CONTROL    0x2u
#define MSIX_SIZE       0x07ffu /* entries - 1 */
#define MSIX_MASK_ALL   0x4000u
#define MSIX_ENABLE     0x8000u
#define MSIX_TABLE      0x4u
#define MSIX_BIR        0x7u
#define MSIX_ENTRY      16u
#define ENTRY_ADDR_LOW  0x0u
#define ENTRY_ADDR_HIGH 0x4u
#define ENTRY_DATA      0x8u
#define ENTRY_CONTROL   0xcu
#define ENTRY_MASKED    0x1u

#define MAX_TABLE_MAPS 16 /* ours: a mapping is for ever, BARs may move */

struct msi_entry {
    struct list_head link; /* msi_dev.entries */
    struct msi_dev *owner;
    struct irq_desc *desc;
    unsigned int nr; /* MSI-X table index */
    bool msix;
    bool maskable;
    bool masked;
    struct msi_msg msg; /* last one written */
    ire_t ire;
};

/* What pci_dev.msi points to; lives as long as the device. */
struct msi_dev {
    struct list_head all;
    struct pci_dev *dev;
    struct list_head entries;
    bool msix;      /* kind of the entries in the list */
    bool prepared;  /* msix_prepare() was called */
    bool protected; /* table frames are in mmio_ro_ranges */
    paddr_t table_pa;
    unsigned int table_size; /* entries */
    mmio_t table;
    unsigned int nr_maps;
};

static spinlock_t msi_lock = SPINLOCK_INIT;
static struct list_head msi_devs = LIST_HEAD_INIT(msi_devs);

static struct msi_dev *msi_dev_get(struct pci_dev *dev)
{
    struct msi_dev *m = dev->msi;

    if (!m) {
        m = xzalloc(struct msi_dev);
        if (m) {
            m->dev = dev;
            list_init(&m->entries);
            list_add_tail(&m->all, &msi_devs);
            dev->msi = m;
        }
    }
    return m;
}

/* ---- where things are ---- */

static bool memory_decoded(const struct pci_dev *dev)
{
    const uint32_t cmd = pci_read(dev->sbdf, PCI_COMMAND, 2);

    return cmd != 0xffff && (cmd & PCI_COMMAND_MEMORY);
}

/* Address of a memory BAR; 0 for any other. */
static uint64_t bar_address(const struct pci_dev *dev, unsigned int bir)
{
    uint32_t low;
    uint64_t pa;

    if (bir >= PCI_NR_BARS) {
        return 0;
    }
    low = pci_read(dev->sbdf, PCI_BAR(bir), 4);
    if (low & BAR_IO) {
        return 0;
    }
    pa = low & BAR_ADDR;
    if ((low & BAR_TYPE) == BAR_64) {
        if (bir + 1 >= PCI_NR_BARS) {
            return 0;
        }
        pa |= (uint64_t)pci_read(dev->sbdf, PCI_BAR(bir + 1), 4) << 32;
    }
    return pa;
}

static unsigned int msix_entries(const struct pci_dev *dev)
{
    return (pci_read(dev->sbdf, dev->cap_msix + MSIX_CONTROL, 2) & MSIX_SIZE) +
           1;
}

/* No RAM, and nothing that the control domain may not map itself. */
static bool table_is_harmless(uint64_t first, uint64_t last)
{
    for (uint64_t f = first; f <= last; f++) {
        if (mfn_valid(MFN(f))) {
            return false;
        }
    }
    return !dom0 || rangeset_contains(dom0->iomem_caps, first, last);
}

/*
 * Find and map the MSI-X table. @table_base, if not 0, is where the caller
 * thinks the BAR is.
 */
static int find_table(struct msi_dev *m, uint64_t table_base)
{
    const struct pci_dev *dev = m->dev;
    const uint32_t reg = pci_read(dev->sbdf, dev->cap_msix + MSIX_TABLE, 4);
    const uint64_t bar = bar_address(dev, reg & MSIX_BIR);
    const uint64_t pa = bar + (reg & ~MSIX_BIR);
    const unsigned int nr = msix_entries(dev);
    const uint64_t last = pa + nr * MSIX_ENTRY - 1;
    int rc;

    if (!memory_decoded(dev)) {
        return -ENXIO;
    }
    if (!bar || (table_base && table_base != bar) || last < pa || last >> 52) {
        log_guest(LOG_WARN,
                  SBDF_FMT ": MSI-X table BAR is %#llx, caller says %#llx\n",
                  SBDF_ARG(dev->sbdf), (unsigned long long)bar,
                  (unsigned long long)table_base);
        return -EINVAL;
    }
    if (m->table.va && m->table_pa == pa && m->table_size == nr) {
        return 0;
    }
    if (!list_empty(&m->entries) || m->protected) {
        return -EINVAL; /* it moved under our feet */
    }
    if (!table_is_harmless(pa >> PAGE_SHIFT, last >> PAGE_SHIFT)) {
        log_guest(LOG_WARN, SBDF_FMT ": MSI-X table at %#llx is refused\n",
                  SBDF_ARG(dev->sbdf), (unsigned long long)pa);
        return -EPERM;
    }
    if (m->nr_maps == MAX_TABLE_MAPS) {
        return -ENOMEM;
    }
    rc = mmio_map(pa, nr * MSIX_ENTRY, &m->table);
    if (rc) {
        return rc;
    }
    m->nr_maps++;
    m->table_pa = pa;
    m->table_size = nr;
    return 0;
}

static int protect_table(struct msi_dev *m)
{
    const uint64_t first = m->table_pa >> PAGE_SHIFT;
    const uint64_t last =
        (m->table_pa + m->table_size * MSIX_ENTRY - 1) >> PAGE_SHIFT;
    int rc = 0;

    if (!m->protected) {
        rc = rangeset_add(mmio_ro_ranges, first, last);
        if (rc == 0) {
            rc = dom0_iommu_follow_read_only(first, last);
        }
        /* Not followed: read-only for CPUs, and to be tried again. */
        m->protected = !rc;
    }
    return rc;
}

/*
 * Frames two tables share stay protected for the other one: every device that
 * is still protected is added again.
 */
static void unprotect_table(struct msi_dev *m)
{
    const uint64_t first = m->table_pa >> PAGE_SHIFT;
    const uint64_t last =
        (m->table_pa + m->table_size * MSIX_ENTRY - 1) >> PAGE_SHIFT;
    struct list_head *p;

    if (!m->protected || m->prepared || !list_empty(&m->entries)) {
        return;
    }
    m->protected = false;
    if (rangeset_remove(mmio_ro_ranges, first, last)) {
        m->protected = true; /* no memory to split: stays protected */
        return;
    }
    list_for_each(p, &msi_devs) {
        struct msi_dev *o = list_entry(p, struct msi_dev, all);

        if (o->protected) {
            o->protected = false;
            if (protect_table(o)) {
                log_err(SBDF_FMT ": MSI-X table lost its protection\n",
                        SBDF_ARG(o->dev->sbdf));
            }
        }
    }
    if (dom0_iommu_follow_read_only(first, last)) {
        log_warn(SBDF_FMT ": MSI-X table stays read-only for devices\n",
                 SBDF_ARG(m->dev->sbdf));
    }
}

/* ---- one message ---- */

struct pci_dev *msi_device(const struct msi_entry *e)
{
    return e->owner->dev;
}

bool msi_can_mask(const struct msi_entry *e)
{
    return e->maskable;
}

static uint32_t msi_control(const struct pci_dev *dev)
{
    return pci_read(dev->sbdf, dev->cap_msi + MSI_CONTROL, 2);
}

static size_t entry_offset(const struct msi_entry *e)
{
    return (size_t)e->nr * MSIX_ENTRY;
}

/* Writing to a device that does not decode hits nothing, or something else. */
static bool reachable(const struct msi_entry *e)
{
    return !e->msix || memory_decoded(e->owner->dev);
}

void msi_mask(struct msi_entry *e, bool masked)
{
    const struct pci_dev *dev = e->owner->dev;

    if (!e->maskable) {
        return;
    }
    e->masked = masked;
    if (!reachable(e)) {
        return;
    }
    if (e->msix) {
        mmio_write32(e->owner->table, entry_offset(e) + ENTRY_CONTROL,
                     masked ? ENTRY_MASKED : 0);
        if (masked) {
            /* Posted writes: once it reads back, no message follows. */
            (void)mmio_read32(e->owner->table, entry_offset(e) + ENTRY_CONTROL);
        }
    } else {
        const unsigned int reg =
            dev->cap_msi + (msi_control(dev) & MSI_64BIT ? 0x10u : 0xcu);
        const uint32_t v = pci_read(dev->sbdf, reg, 4);

        pci_write(dev->sbdf, reg, 4, masked ? v | 1 : v & ~1u);
    }
}

static void msix_write(struct msi_entry *e)
{
    const mmio_t table = e->owner->table;
    const size_t off = entry_offset(e);
    const bool was_masked = e->masked;

    if (!was_masked) {
        msi_mask(e, true);
    }
    mmio_write32(table, off + ENTRY_ADDR_LOW, (uint32_t)e->msg.address);
    mmio_write32(table, off + ENTRY_ADDR_HIGH,
                 (uint32_t)(e->msg.address >> 32));
    mmio_write32(table, off + ENTRY_DATA, e->msg.data);
    if (!was_masked) {
        msi_mask(e, false);
    }
}

static void msi_write(const struct msi_entry *e)
{
    const struct pci_dev *dev = e->owner->dev;
    const uint32_t control = msi_control(dev);
    const unsigned int addr = dev->cap_msi + MSI_ADDRESS;
    const bool wide = control & MSI_64BIT;

    if (control & MSI_MULTIPLE) {
        pci_write(dev->sbdf, dev->cap_msi + MSI_CONTROL, 2,
                  control & ~MSI_MULTIPLE);
    }
    pci_write(dev->sbdf, addr, 4, (uint32_t)e->msg.address);
    if (wide) {
        pci_write(dev->sbdf, addr + 4, 4, (uint32_t)(e->msg.address >> 32));
    }
    pci_write(dev->sbdf, addr + (wide ? 8 : 4), 2, e->msg.data);
}

int msi_route(struct msi_entry *e, const struct intr_route *r)
{
    struct msi_msg msg = { 0, 0 };
    const int rc = intremap_msi(e->owner->dev, &e->ire, r, &msg);

    if (rc) {
        return rc;
    }
    if (msg.address == e->msg.address && msg.data == e->msg.data) {
        return 0; /* the remap entry changed, not the message */
    }
    e->msg = msg;
    if (!reachable(e)) {
        return 0; /* asleep: msi_restore() follows when it wakes */
    }
    if (e->msix) {
        msix_write(e);
    } else {
        msi_write(e);
    }
    return 0;
}

/* ---- mapping ---- */

static struct msi_entry *find_entry(const struct msi_dev *m, unsigned int nr)
{
    struct list_head *p;

    list_for_each(p, &m->entries) {
        struct msi_entry *e = list_entry(p, struct msi_entry, link);

        if (e->nr == nr) {
            return e;
        }
    }
    return NULL;
}

/* Checks common to both kinds, and finding the table. */
static int check_map(struct msi_dev *m, unsigned int nr, uint64_t table_base)
{
    const struct pci_dev *dev = m->dev;
    const bool msix = table_base != 0;
    int rc;

    if (!(msix ? dev->cap_msix : dev->cap_msi)) {
        return -ENODEV;
    }
    if (!list_empty(&m->entries) && m->msix != msix) {
        return -EEXIST;
    }
    if (!msix) {
        return nr ? -EINVAL : find_entry(m, 0) ? -EEXIST : 0;
    }
    rc = find_table(m, table_base);
    if (rc) {
        return rc;
    }
    if (nr >= m->table_size) {
        return -EINVAL;
    }
    return find_entry(m, nr) ? -EEXIST : protect_table(m);
}

static int msi_map_locked(struct pci_dev *dev, unsigned int nr,
                          uint64_t table_base, struct irq_desc **desc)
{
    struct msi_dev *m = msi_dev_get(dev);
    struct msi_entry *e;
    int rc;

    if (!m) {
        return -ENOMEM;
    }
    rc = check_map(m, nr, table_base);
    if (rc) {
        return rc;
    }
    e = xzalloc(struct msi_entry);
    if (!e) {
        unprotect_table(m);
        return -ENOMEM;
    }
    e->owner = m;
    e->nr = nr;
    e->msix = table_base != 0;
    e->maskable = e->msix || (msi_control(dev) & MSI_MASKABLE);
    e->desc = irq_desc_msi_alloc(e);
    if (!e->desc) {
        xfree(e);
        unprotect_table(m);
        return -ENOMEM;
    }
    m->msix = e->msix;
    list_add_tail(&e->link, &m->entries);
    msi_mask(e, true);
    *desc = e->desc;
    return 0;
}

int msi_map(struct pci_dev *dev, unsigned int entry_nr, uint64_t table_base,
            struct irq_desc **desc)
{
    int rc;

    spin_lock(&msi_lock);
    rc = msi_map_locked(dev, entry_nr, table_base, desc);
    spin_unlock(&msi_lock);
    return rc;
}

void msi_unmap(struct irq_desc *desc)
{
    struct msi_entry *e;

    spin_lock(&msi_lock);
    e = desc->msi;
    msi_mask(e, true);
    irq_desc_msi_free(desc);
    intremap_free(&e->ire);
    list_del(&e->link);
    unprotect_table(e->owner);
    xfree(e);
    spin_unlock(&msi_lock);
}

int msi_restore(struct pci_dev *dev)
{
    struct msi_dev *m;
    struct list_head *p;
    int rc = 0;

    spin_lock(&msi_lock);
    m = dev->msi;
    if (!m || list_empty(&m->entries)) {
        rc = -ESRCH;
    } else if (m->msix && !memory_decoded(dev)) {
        rc = -ENXIO;
    } else {
        list_for_each(p, &m->entries) {
            struct msi_entry *e = list_entry(p, struct msi_entry, link);

            /* Forget what the device has lost, so that it is written. */
            e->msg = (struct msi_msg){ 0, 0 };
            rc = irq_desc_reprogram(e->desc);
            if (rc) {
                break;
            }
        }
    }
    spin_unlock(&msi_lock);
    return rc;
}

int msix_prepare(struct pci_dev *dev)
{
    struct msi_dev *m;
    int rc;

    if (!dev->cap_msix) {
        return -ENODEV;
    }
    spin_lock(&msi_lock);
    m = msi_dev_get(dev);
    if (!m) {
        rc = -ENOMEM;
    } else if (!list_empty(&m->entries)) {
        rc = -EBUSY;
    } else {
        rc = find_table(m, 0);
        rc = rc ? rc : protect_table(m);
        m->prepared = m->prepared || !rc;
    }
    spin_unlock(&msi_lock);
    return rc;
}

int msix_release(struct pci_dev *dev)
{
    struct msi_dev *m;
    int rc = 0;

    spin_lock(&msi_lock);
    m = dev->msi;
    if (!dev->cap_msix) {
        rc = -ENODEV;
    } else if (!m || !m->prepared) {
        rc = -ENOENT;
    } else if (!list_empty(&m->entries)) {
        rc = -EBUSY;
    } else {
        m->prepared = false;
        unprotect_table(m);
    }
    spin_unlock(&msi_lock);
    return rc;
}

int msi_device_gone(struct pci_dev *dev)
{
    struct msi_dev *m;
    int rc = 0;

    spin_lock(&msi_lock);
    m = dev->msi;
    if (m && !list_empty(&m->entries)) {
        rc = -EBUSY;
    } else if (m) {
        m->prepared = false;
        unprotect_table(m);
        list_del(&m->all);
        dev->msi = NULL;
        xfree(m);
    }
    spin_unlock(&msi_lock);
    return rc;
}

static void dump_entry(const struct msi_entry *e)
{
    printk("  " SBDF_FMT " %s%-4u vector %02x cpu%-2u %s address %#llx data "
           "%#x ire %s%u\n",
           SBDF_ARG(e->owner->dev->sbdf), e->msix ? "MSI-X " : "MSI   ", e->nr,
           e->desc->vector, e->desc->cpu,
           !e->maskable ? "unmaskable"
           : e->masked  ? "masked"
                        : "open",
           (unsigned long long)e->msg.address, e->msg.data,
           e->ire.valid ? "" : "none ", e->ire.index);
}

static void msi_dump(unsigned char key)
{
    struct list_head *p;
    struct list_head *q;

    printk("'%c' pressed: MSI and MSI-X\n", key);
    spin_lock(&msi_lock);
    list_for_each(p, &msi_devs) {
        const struct msi_dev *m = list_entry(p, struct msi_dev, all);

        if (m->protected) {
            printk("  " SBDF_FMT " table at %#llx, %u entries, read-only%s\n",
                   SBDF_ARG(m->dev->sbdf), (unsigned long long)m->table_pa,
                   m->table_size, m->prepared ? ", prepared" : "");
        }
        list_for_each(q, &m->entries) {
            dump_entry(list_entry(q, struct msi_entry, link));
        }
    }
    spin_unlock(&msi_lock);
}

void msi_setup(void)
{
    key_register('M', msi_dump, "dump MSI state");
}
