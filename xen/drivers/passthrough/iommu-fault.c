/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DMA faults: counted, printed at a bounded rate with the owner of the device
 * and the table entries the request met, and a device that does not stop is
 * silenced. fault_lock guards the counts; the handler runs in interrupts, so it
 * only tries for others.
 */
#include <xen/lib.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/time.h>

#include "iommu-priv.h"

#define FAULTS_MAX      10               /* ours: then the device is silenced */
#define FAULTS_QUIET_NS (10 * NS_PER_MS) /* ours: a count this old halves */
#define FAULT_LINES     16               /* ours: reports a second */

static spinlock_t fault_lock = SPINLOCK_INIT;
static uint64_t window_ns;
static unsigned int window_lines;
static uint64_t suppressed;

/* May one more report be printed? Tells how many were not since the last. */
static bool may_print(const char *unit_name, uint64_t now)
{
    const unsigned long flags = spin_lock_irqsave(&fault_lock);
    uint64_t missed = 0;
    bool print;

    if (window_lines == 0 || now - window_ns >= NS_PER_S) {
        window_ns = now;
        window_lines = 0;
        missed = suppressed;
        suppressed = 0;
    }
    print = window_lines < FAULT_LINES;
    window_lines += print;
    suppressed += !print;
    spin_unlock_irqrestore(&fault_lock, flags);
    if (missed) {
        log_warn("%s: %lu faults were not printed\n", unit_name, missed);
    }
    return print;
}

static bool count(struct iommu_dev *id, uint64_t now)
{
    if (now - id->last_fault_ns >= FAULTS_QUIET_NS) {
        id->faults /= 2;
    }
    id->last_fault_ns = now;
    if (++id->faults < FAULTS_MAX) {
        return false;
    }
    /* From the start: its owner may switch it on again. */
    id->faults = 0;
    return true;
}

/*
 * Who may have sent a request: a bridge or a unit may show one requester id for
 * several devices. They have one owner, because attaching refuses anything
 * else, so the first speaks for all.
 */
struct culprits {
    const struct iommu_fault *f;
    struct iommu_dev *first;
    bool flood; /* one of them is over the limit; fault_lock */
    uint64_t now;
};

/* The state of a device that may have sent it, or NULL. */
static struct iommu_dev *sender(const struct pci_dev *dev,
                                const struct iommu_fault *f)
{
    struct iommu_dev *const id = dev->iommu;

    for (unsigned int i = 0; id && id->unit == f->unit && i < id->src.nr_sids;
         i++) {
        if (sbdf_eq(id->src.sid[i], f->sid) ||
            sbdf_eq(iommu_ops->shown_as(id->unit, id->src.sid[i]), f->sid)) {
            return id;
        }
    }
    return NULL;
}

static int count_one(struct pci_dev *dev, void *arg)
{
    struct culprits *const c = arg;
    struct iommu_dev *const id = sender(dev, c->f);

    if (id) {
        c->flood |= count(id, c->now);
        if (!c->first || sbdf_eq(dev->sbdf, c->f->sid)) {
            c->first = id;
        }
    }
    return 0;
}

static int silence_one(struct pci_dev *dev, void *arg)
{
    const struct culprits *const c = arg;

    if (sender(dev, c->f)) {
        const uint32_t cmd = pci_read(dev->sbdf, PCI_REG_COMMAND, 2);

        pci_write(dev->sbdf, PCI_REG_COMMAND, 2, cmd & ~PCI_CMD_MASTER);
        log_err(SBDF_FMT ": %u faults in a row, bus mastering is off\n",
                SBDF_ARG(dev->sbdf), FAULTS_MAX);
    }
    return 0;
}

/* attach_lock held. */
static void owner_text(const struct iommu_dev *id, char *buf, size_t size)
{
    if (id->state == IOMMU_DEV_BLOCKED) {
        snprintf(buf, size, "no owner");
    } else if (id->state == IOMMU_DEV_PASSTHROUGH) {
        snprintf(buf, size, "passed through");
    } else if (id->space->owner == IOMMU_NO_OWNER) {
        snprintf(buf, size, "quarantine");
    } else {
        snprintf(buf, size, "d%u", id->space->owner);
    }
}

/* attach_lock held if @id is not NULL. */
static void print_walk(const struct iommu_fault *f, const struct iommu_dev *id)
{
    const dfn_t dfn = DFN(f->addr >> PAGE_SHIFT);
    struct iospace *const s = id ? id->space : NULL;

    if (!s) {
        iommu_ops->print_walk(f->unit, f->sid, NULL, dfn);
    } else if (spin_trylock(&s->lock)) {
        /* Whoever holds the lock may be what this interrupt interrupted. */
        iommu_ops->print_walk(f->unit, f->sid, s, dfn);
        spin_unlock(&s->lock);
    } else {
        printk("%s:  tables are being changed, not walked\n", f->unit_name);
    }
}

static void print_fault(const struct iommu_fault *f, const struct iommu_dev *id)
{
    /* Keeps the device with its space, and the space in being. */
    const bool known = id && spin_trylock(&attach_lock);
    char owner[24];

    if (known) {
        owner_text(id, owner, sizeof(owner));
    } else {
        snprintf(owner, sizeof(owner), "%s",
                 id                 ? "changing owner"
                 : pci_find(f->sid) ? "no owner"
                                    : "unknown device");
    }
    log_warn("%s: fault: device " SBDF_FMT " %s address %#lx code %#x (%s), "
             "%s\n",
             f->unit_name, SBDF_ARG(f->sid), f->write ? "write" : "read",
             f->addr, f->code, f->reason, owner);
    if (f->translated) {
        print_walk(f, known ? id : NULL);
    }
    if (known) {
        spin_unlock(&attach_lock);
    }
}

void iommu_fault_report(const struct iommu_fault *f)
{
    struct culprits c = { .f = f, .now = now_ns() };
    unsigned long flags;

    perf_inc(iommu_faults);
    flags = spin_lock_irqsave(&fault_lock);
    (void)pci_for_each(count_one, &c);
    spin_unlock_irqrestore(&fault_lock, flags);

    if (may_print(f->unit_name, c.now)) {
        print_fault(f, c.first);
    }
    if (c.flood) {
        (void)pci_for_each(silence_one, &c);
    }
}

void iommu_fault_lost(const char *unit_name)
{
    if (may_print(unit_name, now_ns())) {
        log_warn("%s: more faults than records, faults were lost\n", unit_name);
    }
}
