/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DMA faults: counted, printed at a bounded rate with the table entries the
 * request met, and a device that does not stop is silenced. fault_lock guards
 * the counts; the handler runs in interrupts, so it only tries for others.
 */
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
static bool may_print(uint64_t now, uint64_t *missed)
{
    *missed = 0;
    if (window_lines == 0 || now - window_ns >= NS_PER_S) {
        window_ns = now;
        window_lines = 0;
        *missed = suppressed;
        suppressed = 0;
    }
    if (window_lines >= FAULT_LINES) {
        suppressed++;
        return false;
    }
    window_lines++;
    return true;
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

void iommu_fault_report(const struct iommu_fault *f)
{
    struct pci_dev *const dev = pci_find(f->sid);
    struct iommu_dev *const id = dev ? dev->iommu : NULL;
    const uint64_t now = now_ns();
    unsigned long flags;
    uint64_t missed;
    bool print, flood;

    perf_inc(iommu_faults);
    flags = spin_lock_irqsave(&fault_lock);
    flood = id && count(id, now);
    print = may_print(now, &missed);
    spin_unlock_irqrestore(&fault_lock, flags);

    if (missed) {
        log_warn("%s: %lu faults were not printed\n", f->unit_name, missed);
    }
    if (print) {
        log_warn("%s: fault: device " SBDF_FMT " %s address %#lx code %#x (%s)"
                 "%s\n",
                 f->unit_name, SBDF_ARG(f->sid), f->write ? "write" : "read",
                 f->addr, f->code, f->reason, dev ? "" : ", unknown device");
        if (f->translated) {
            print_walk(f, id);
        }
    }
    if (flood) {
        const uint32_t cmd = pci_read(dev->sbdf, PCI_REG_COMMAND, 2);

        pci_write(dev->sbdf, PCI_REG_COMMAND, 2, cmd & ~PCI_CMD_MASTER);
        log_err(SBDF_FMT ": %u faults in a row, bus mastering is off\n",
                SBDF_ARG(dev->sbdf), FAULTS_MAX);
    }
}
