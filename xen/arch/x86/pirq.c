/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Each domain's table of physical interrupts: number -> descriptor, port. The
 * table's lock guards it and is taken before a descriptor's; the event channel
 * code calls in with its own lock held, so nothing here calls back.
 * ABI: <public/physdev.h>.
 */
#include <xen/bits.h>
#include <xen/cpumask.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/irq.h>
#include <xen/mm.h>
#include <xen/pci.h>
#include <xen/printk.h>
#include <xen/rangeset.h>
#include <xen/smp.h>
#include <xen/spinlock.h>

#include <asm/ioapic.h>
#include <asm/irq-desc.h>
#include <asm/mm-types.h>
#include <asm/msi.h>
#include <asm/pagetable.h>
#include <asm/pirq.h>

#include <public/physdev.h>

#define NR_MSI_PIRQS 392 /* ours: as many as Debian's Xen offers */

struct pirq {
    struct irq_desc *desc; /* NULL: not mapped */
    uint32_t port;         /* 0: not bound */
    bool reserved;         /* handed out by pirq_reserve() */
};

struct pirq_table {
    spinlock_t lock;
    unsigned int nr;
    unsigned int nr_gsi; /* numbers below are GSIs' own */
    bool was_bound;      /* some interrupt may be on its way to the domain */
    bool dead;           /* destroy has begun: nothing is mapped any more */
    struct pirq pirq[];
};

int pirq_init(struct domain *d)
{
    const unsigned int nr = nr_gsis + NR_MSI_PIRQS;
    struct pirq_table *t = xzalloc_bytes(sizeof(*t) + nr * sizeof(struct pirq));

    if (!t) {
        return -ENOMEM;
    }
    t->nr = nr;
    t->nr_gsi = nr_gsis;
    d->pirqs = t;
    return 0;
}

/* The mapped pirq, with the table locked; NULL (not locked) if not mapped. */
static struct pirq *lock_mapped(struct domain *d, unsigned int pirq,
                                unsigned long *flags)
{
    struct pirq_table *t = d->pirqs;

    if (!t || pirq >= t->nr) {
        return NULL;
    }
    *flags = spin_lock_irqsave(&t->lock);
    if (t->pirq[pirq].desc) {
        return &t->pirq[pirq];
    }
    spin_unlock_irqrestore(&t->lock, *flags);
    return NULL;
}

/* ---- mapping ---- */

static bool is_free(const struct pirq *p)
{
    return !p->desc && !p->port && !p->reserved;
}

/* Highest free number for a message. Return: false if there is none. */
static bool find_free(const struct pirq_table *t, unsigned int *pirq)
{
    for (unsigned int i = t->nr; i-- > t->nr_gsi;) {
        if (is_free(&t->pirq[i])) {
            *pirq = i;
            return true;
        }
    }
    return false;
}

/* Locks: the table's. Return: 0 or an errno of pirq_map_gsi(). */
static int map_locked(struct pirq_table *t, struct irq_desc *desc,
                      unsigned int pirq)
{
    struct pirq *p = &t->pirq[pirq];

    if (t->dead) {
        return -ESRCH;
    }
    if (p->desc == desc) {
        return 0;
    }
    if (p->desc || p->port) {
        return -EEXIST;
    }
    for (unsigned int i = 0; i < t->nr; i++) {
        if (t->pirq[i].desc == desc) {
            return -EEXIST;
        }
    }
    p->desc = desc;
    p->reserved = false;
    return 0;
}

int pirq_map_gsi(struct domain *d, unsigned int gsi, int *pirq)
{
    struct irq_desc *desc = irq_desc_gsi(gsi);
    struct pirq_table *t = d->pirqs;
    const unsigned int nr = *pirq < 0 ? gsi : (unsigned int)*pirq;
    unsigned long flags;
    int rc;

    if (!desc || !t || nr >= t->nr) {
        return -EINVAL;
    }
    flags = spin_lock_irqsave(&t->lock);
    rc = map_locked(t, desc, nr);
    spin_unlock_irqrestore(&t->lock, flags);
    if (!rc) {
        *pirq = (int)nr;
    }
    return rc;
}

int pirq_map_msi(struct domain *d, struct pci_dev *dev, unsigned int entry_nr,
                 uint64_t table_base, int *pirq)
{
    struct pirq_table *t = d->pirqs;
    struct irq_desc *desc;
    unsigned int nr = (unsigned int)*pirq;
    unsigned long flags;
    int rc;

    if (!t || (*pirq >= 0 && (nr < t->nr_gsi || nr >= t->nr))) {
        return -EINVAL;
    }
    rc = msi_map(dev, entry_nr, table_base, &desc);
    if (rc) {
        return rc;
    }
    flags = spin_lock_irqsave(&t->lock);
    rc = *pirq >= 0 || find_free(t, &nr) ? map_locked(t, desc, nr) : -ENOSPC;
    spin_unlock_irqrestore(&t->lock, flags);
    if (rc) {
        msi_unmap(desc);
        return rc;
    }
    *pirq = (int)nr;
    return 0;
}

static void set_eoi_bit(struct domain *d, unsigned int pirq, bool on)
{
    uint64_t *map = d->pv.eoi_map;

    if (!map || pirq >= PAGE_SIZE * 8) {
        return;
    }
    if (on) {
        atomic_test_set_bit(map, pirq);
    } else {
        atomic_test_clear_bit(map, pirq);
    }
}

int pirq_unmap(struct domain *d, int pirq)
{
    unsigned long flags;
    struct pirq *p;
    struct irq_desc *desc;

    if (pirq < 0) {
        return -EINVAL;
    }
    p = lock_mapped(d, (unsigned int)pirq, &flags);
    if (!p) {
        return -EINVAL;
    }
    desc = p->desc;
    if (p->port) {
        log_guest(LOG_WARN, "d%u: pirq %d unmapped while bound to port %u\n",
                  d->id, pirq, p->port);
        irq_desc_del_guest(desc, d, (unsigned int)pirq);
        set_eoi_bit(d, (unsigned int)pirq, false);
    }
    p->desc = NULL;
    spin_unlock_irqrestore(&d->pirqs->lock, flags);

    if (desc->kind == IRQ_MSI) {
        msi_unmap(desc);
    }
    return 0;
}

int pirq_reserve(struct domain *d, uint32_t *pirq)
{
    struct pirq_table *t = d->pirqs;
    unsigned long flags;
    unsigned int nr = 0;
    bool found;

    if (!t) {
        return -ENOSPC;
    }
    flags = spin_lock_irqsave(&t->lock);
    found = find_free(t, &nr);
    if (found) {
        t->pirq[nr].reserved = true;
        *pirq = nr;
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return found ? 0 : -ENOSPC;
}

/* ---- binding ---- */

/* Pins need permission besides the mapping; a message has one domain. */
static bool may_use(const struct domain *d, const struct irq_desc *desc,
                    unsigned int pirq)
{
    return desc->kind == IRQ_MSI || is_control_domain(d) ||
           rangeset_contains(d->irq_caps, pirq, pirq);
}

int pirq_bind(struct vcpu *v, unsigned int pirq, unsigned int port, bool share)
{
    struct domain *d = v->domain;
    struct irq_guest g = {
        .domain = d, .domid = d->id, .pirq = pirq, .port = port, .share = share
    };
    unsigned long flags;
    struct pirq *p = lock_mapped(d, pirq, &flags);
    int rc;

    if (!p) {
        return -EINVAL;
    }
    if (p->port) {
        rc = -EBUSY;
    } else if (!port || !may_use(d, p->desc, pirq)) {
        rc = -EINVAL;
    } else {
        /* The bit comes first: the interrupt may arrive at once. */
        set_eoi_bit(d, pirq, p->desc->level);
        rc = irq_desc_add_guest(p->desc, &g, v->processor);
        if (rc) {
            set_eoi_bit(d, pirq, false);
        } else {
            p->port = port;
            d->pirqs->was_bound = true;
        }
    }
    spin_unlock_irqrestore(&d->pirqs->lock, flags);
    return rc;
}

void pirq_unbind(struct domain *d, unsigned int pirq)
{
    struct pirq_table *t = d->pirqs;
    unsigned long flags;
    struct pirq *p;

    if (!t || pirq >= t->nr) {
        return;
    }
    flags = spin_lock_irqsave(&t->lock);
    p = &t->pirq[pirq];
    if (p->desc && p->port) {
        irq_desc_del_guest(p->desc, d, pirq);
        set_eoi_bit(d, pirq, false);
    }
    p->port = 0;
    spin_unlock_irqrestore(&t->lock, flags);
}

int pirq_eoi(struct domain *d, unsigned int pirq)
{
    unsigned long flags;
    const struct pirq *p = lock_mapped(d, pirq, &flags);

    if (!p) {
        return -EINVAL;
    }
    if (p->port) {
        irq_desc_guest_eoi(p->desc, d, pirq);
    }
    spin_unlock_irqrestore(&d->pirqs->lock, flags);
    return 0;
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, unsigned int cpu)
{
    unsigned long flags;
    const struct pirq *p;

    if (!cpumask_test(&cpu_online, cpu)) {
        return;
    }
    p = lock_mapped(d, pirq, &flags);
    if (p) {
        if (p->port) {
            irq_desc_set_affinity(p->desc, cpu);
        }
        spin_unlock_irqrestore(&d->pirqs->lock, flags);
    }
}

int pirq_status(struct domain *d, unsigned int pirq, uint32_t *out)
{
    unsigned long flags;
    const struct pirq *p;

    if (!d->pirqs || pirq >= d->pirqs->nr) {
        return -EINVAL;
    }
    *out = 0;
    p = lock_mapped(d, pirq, &flags);
    if (p) {
        *out |= p->desc->level ? XENIRQSTAT_needs_eoi : 0;
        *out |= read_once(p->desc->nr_guests) > 1 ? XENIRQSTAT_shared : 0;
        spin_unlock_irqrestore(&d->pirqs->lock, flags);
    }
    return 0;
}

/* ---- the page of EOI bits ---- */

int pirq_set_eoi_map(struct domain *d, uint64_t frame)
{
    struct pirq_table *t = d->pirqs;
    unsigned long flags;
    int rc;

    if (!t || !mfn_valid(MFN(frame)) ||
        page_get_and_type(MFN(frame), d, PGT_WRITABLE)) {
        return -EINVAL;
    }
    flags = spin_lock_irqsave(&t->lock);
    rc = t->dead ? -EINVAL : d->pv.eoi_map_set ? -EBUSY : 0;
    if (!rc) {
        d->pv.eoi_map_mfn = MFN(frame);
        d->pv.eoi_map = mfn_to_va(MFN(frame));
        d->pv.eoi_map_set = true;
        for (unsigned int i = 0; i < t->nr; i++) {
            const struct pirq *p = &t->pirq[i];

            if (p->desc && p->port) {
                set_eoi_bit(d, i, p->desc->level);
            }
        }
    }
    spin_unlock_irqrestore(&t->lock, flags);
    if (rc) {
        page_put_and_type(mfn_to_page(MFN(frame)));
    }
    return rc;
}

static void drop_eoi_map(struct domain *d)
{
    if (d->pv.eoi_map_set) {
        d->pv.eoi_map = NULL;
        d->pv.eoi_map_set = false;
        page_put_and_type(mfn_to_page(d->pv.eoi_map_mfn));
    }
}

/* ---- end ---- */

static void nothing(void *arg)
{
    (void)arg;
}

void pirq_destroy(struct domain *d)
{
    struct pirq_table *t = d->pirqs;
    unsigned long flags;

    if (!t || t->dead) {
        return;
    }
    /* A control domain may be about to map something for it. */
    flags = spin_lock_irqsave(&t->lock);
    t->dead = true;
    spin_unlock_irqrestore(&t->lock, flags);
    for (unsigned int i = 0; i < t->nr; i++) {
        pirq_unbind(d, i);
        if (t->pirq[i].desc && pirq_unmap(d, (int)i)) {
            log_err("d%u: pirq %u could not be unmapped\n", d->id, i);
        }
    }
    if (t->was_bound) {
        /*
         * A CPU that took an interrupt before we unbound it may still be on
         * its way to signal this domain, with interrupts off: when every CPU
         * has answered, none is.
         */
        smp_call(&cpu_online, nothing, NULL);
    }
    drop_eoi_map(d);
}

void pirq_free(struct domain *d)
{
    xfree(d->pirqs);
    d->pirqs = NULL;
}
