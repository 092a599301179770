/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page type reference counts: the state machine of page_info.type, which changes
 * by compare-exchange, or by plain stores of whoever set PGT_BUSY. What a table
 * may contain is mm-validate.c's. The waiting rule is in mm-priv.h.
 *
 *   state                     count  VALIDATED  meaning
 *   none, writable               0   writable   a write reference needs no work
 *   table, segment               0   no         contents are not trusted
 *   any                        > 0   yes        in use
 *   L2..L4 + PARTIAL             0   no         a promotion was preempted
 *   L2..L4 + PARTIAL             1   no         dropping the last was preempted
 *
 * In both partial states entries below nr_validated hold their references, so
 * either direction can go on from either; PARTIAL holds a general reference.
 */
#include <xen/bug.h>
#include <xen/cache.h>
#include <xen/dom-iommu.h>
#include <xen/errno.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/softirq.h>
#include <xen/time.h>

#include <asm/current.h>
#include <asm/pagetable.h>

#include "mm-priv.h"

/* The state the word keeps while PGT_BUSY and PGT_PARTIAL come and go. */
#define PGT_KEPT (PGT_TYPE | PGT_NONCOHERENT | PGT_AHEAD)

/* False at the counter's limit, and for a page that is being freed. */
static bool ref_again(struct page_info *pg)
{
    uint32_t c = read_once(pg->count);

    do {
        if (!(c & PAGE_COUNT) || (c & PAGE_COUNT) == PAGE_COUNT) {
            return false;
        }
    } while (!atomic_cas(&pg->count, &c, c + 1));
    return true;
}

/* Owner of a page, without the list lock where it can be avoided. */
static struct domain *owner_get(const struct page_info *pg)
{
    if (dom0 && dom0->id == pg->owner) {
        return dom0;
    }
    if (current->domain->id == pg->owner) {
        return current->domain;
    }
    return dom_find(pg->owner);
}

static void owner_put(struct domain *d)
{
    if (d != dom0 && d != current->domain) {
        dom_put(d);
    }
}

/*
 * Nobody may go on using the page as what it was: not by a writable TLB entry,
 * and, of a table, not by a paging-structure cache that still points into it.
 */
static void flush_old_use(struct page_info *pg, const struct domain *owner)
{
    cpumask_t mask = { read_once(owner->dirty.bits) };

    if (cpumask_empty(&mask)) {
        return;
    }
    tlb_clock_filter(&mask, pg->tlb_stamp);
    if (!cpumask_empty(&mask)) {
        perf_inc(need_flush_tlb_flush);
        tlb_flush_mask(&mask);
    }
}

static void flush_noncoherent(struct page_info *pg, uint64_t old)
{
    if (old & PGT_NONCOHERENT) {
        cache_write_back(page_to_va(pg), PAGE_SIZE);
    }
}

/* The page's new type is published already; @old is the word before. */
static int leave_old_type(struct page_info *pg, struct domain *owner,
                          uint64_t old, uint64_t type)
{
    perf_inc(type_changes);
    if ((old & PGT_TYPE) != PGT_NONE) {
        flush_old_use(pg, owner);
    }
    if ((old & PGT_TYPE) == PGT_WRITABLE) {
        flush_noncoherent(pg, old);
        return owner->iommu_sync && !(old & PGT_AHEAD)
                   ? mm_leave_devices(owner, pg, type)
                   : 0;
    }
    return 0;
}

/* PGT_BUSY is ours, the word before was @old, of another type and unused. */
static int make_writable(struct page_info *pg, struct domain *owner,
                         uint64_t old)
{
    uint64_t word = PGT_FRESH + 1;
    int rc = leave_old_type(pg, owner, old, PGT_WRITABLE);

    if (rc == 0 && owner->iommu_sync) {
        if (mm_map_later(owner, pg)) {
            word |= PGT_AHEAD;
        } else {
            rc = dom_iommu_map_ram(owner, page_to_mfn(pg), 1);
        }
    }
    atomic_store(&pg->type, rc ? old : word);
    return rc;
}

/*
 * Take or drop contents, then leave PGT_BUSY with type and count as given, or as
 * a partial state. @partial: the word had PGT_PARTIAL, hence a reference.
 */
static void settle(struct page_info *pg, uint64_t word, bool partial)
{
    atomic_store(&pg->type, word);
    if (partial) {
        page_put(pg);
    }
}

/* Return: false if there is no room for the reference PARTIAL needs. */
static bool settle_partial(struct page_info *pg, uint64_t type, uint64_t count,
                           bool partial)
{
    if (!partial && !ref_again(pg)) {
        return false;
    }
    atomic_store(&pg->type, type | PGT_PARTIAL | count);
    return true;
}

static void drop_all(struct page_info *pg, uint64_t type)
{
    const int rc = mm_contents_drop(pg, type, MM_RUN_ON);

    ASSERT(!rc);
}

/*
 * Promote to @type. PGT_BUSY is ours; the word before was @old, which is either
 * of another type and unused, or of this one and not validated.
 */
static int promote(struct page_info *pg, struct domain *owner, uint64_t old,
                   uint64_t type)
{
    const bool partial = old & PGT_PARTIAL;
    const uint64_t held = old & PGT_COUNT;
    enum mm_preempt preempt = MM_PREEMPT;
    int rc;

    if (type == PGT_WRITABLE) {
        return make_writable(pg, owner, old);
    }
    if ((old & PGT_TYPE) != type) {
        rc = leave_old_type(pg, owner, old, type);
        if (rc) {
            atomic_store(&pg->type, old);
            return rc;
        }
    }
    if (!partial) {
        pg->nr_validated = 0;
    }
    for (;;) {
        rc = mm_contents_take(pg, owner, type, preempt);
        if (!rc) {
            settle(pg, type | PGT_VALIDATED | (held + 1), partial);
            return 0;
        }
        if (rc != -ERESTART) {
            break;
        }
        if (settle_partial(pg, type, held, partial)) {
            return rc;
        }
        preempt = MM_RUN_ON;
    }

    /* Who is dropping the last reference goes on from where we got. */
    if (held) {
        atomic_store(&pg->type, type | PGT_PARTIAL | held);
        return rc;
    }
    if (mm_contents_drop(pg, type, preempt)) {
        if (settle_partial(pg, type, 0, partial)) {
            return rc;
        }
        drop_all(pg, type);
    }
    pg->tlb_stamp = tlb_clock();
    settle(pg, type, partial);
    return rc;
}

/*
 * An unused table whose promotion was given up becomes a plain unused one.
 * PGT_BUSY is ours and is kept on success. Return: 0, -ERESTART.
 */
static int drop_partial(struct page_info *pg, uint64_t old)
{
    const uint64_t type = old & PGT_TYPE;

    if (mm_contents_drop(pg, type, MM_PREEMPT)) {
        atomic_store(&pg->type, old);
        return -ERESTART;
    }
    pg->tlb_stamp = tlb_clock();
    return 0;
}

/* Return: as page_type_get(), or -EAGAIN if the word was not @x any more. */
static int type_change(struct page_info *pg, uint64_t x, uint64_t type)
{
    const bool same = (x & PGT_TYPE) == type;
    const bool stale = !same && (x & PGT_PARTIAL);
    struct domain *owner = owner_get(pg);
    uint64_t busy;
    int rc = -EAGAIN;

    if (!owner) {
        return -EINVAL;
    }
    /* A count above 0 tells others that the holder may wait: see mm-priv.h. */
    if (same || stale) {
        busy = (x | PGT_BUSY) + ((x & PGT_COUNT) ? 0 : 1);
    } else {
        busy = type | PGT_BUSY | 1;
    }
    if (!atomic_cas(&pg->type, &x, busy)) {
        goto out;
    }
    if (stale) {
        rc = drop_partial(pg, x);
        if (rc) {
            goto out;
        }
        x &= PGT_KEPT;
        atomic_store(&pg->type, type | PGT_BUSY | 1);
        rc = promote(pg, owner, x, type);
        page_put(pg);
        goto out;
    }
    rc = promote(pg, owner, x, type);
out:
    owner_put(owner);
    return rc;
}

int page_type_get(struct page_info *pg, uint64_t type)
{
    uint64_t x = read_once(pg->type);

    for (;;) {
        int rc;

        if (likely((x & (PGT_TYPE | PGT_VALIDATED | PGT_BUSY)) ==
                   (type | PGT_VALIDATED))) {
            if ((x & PGT_COUNT) == PGT_COUNT) {
                return -EINVAL;
            }
            if (atomic_cas(&pg->type, &x, x + 1)) {
                return 0;
            }
            continue;
        }
        if (x & PGT_BUSY) {
            if ((x & PGT_TYPE) != type && (x & PGT_COUNT)) {
                return -EINVAL;
            }
            cpu_relax();
            x = read_once(pg->type);
            continue;
        }
        if ((x & PGT_TYPE) != type && (x & PGT_COUNT)) {
            return -EINVAL;
        }
        rc = type_change(pg, x, type);
        if (rc != -EAGAIN) {
            return rc;
        }
        x = read_once(pg->type);
    }
}

/* The last reference goes. PGT_BUSY is ours, @x is the word before. */
static int drop_last(struct page_info *pg, uint64_t x, enum mm_preempt preempt)
{
    const uint64_t type = x & PGT_TYPE;
    const bool partial = x & PGT_PARTIAL;
    uint64_t word = x & PGT_KEPT;

    if (mm_is_table(type)) {
        if (!partial) {
            pg->nr_validated = PT_ENTRIES;
        }
        if (mm_contents_drop(pg, type, preempt)) {
            if (settle_partial(pg, word, 1, partial)) {
                return -ERESTART;
            }
            drop_all(pg, type);
        }
    } else if (type == PGT_WRITABLE) {
        word |= PGT_VALIDATED;
    }
    /*
     * After the last use ended and before anyone can see a count of 0: a stamp
     * from earlier would excuse a CPU that flushed in between.
     */
    pg->tlb_stamp = tlb_clock();
    settle(pg, word, partial);
    return 0;
}

static int type_put(struct page_info *pg, enum mm_preempt preempt)
{
    uint64_t x = read_once(pg->type);

    for (;;) {
        uint64_t busy;

        if (x & PGT_BUSY) {
            cpu_relax();
            x = read_once(pg->type);
            continue;
        }
        ASSERT(x & PGT_COUNT);
        if ((x & PGT_COUNT) > 1) {
            if (atomic_cas(&pg->type, &x, x - 1)) {
                return 0;
            }
            continue;
        }
        busy = x | PGT_BUSY;
        if (!mm_is_table(x)) {
            busy--;
        }
        if (atomic_cas(&pg->type, &x, busy)) {
            return drop_last(pg, x, preempt);
        }
    }
}

void page_type_put(struct page_info *pg)
{
    const int rc = type_put(pg, MM_RUN_ON);

    ASSERT(!rc);
}

int page_type_put_preempt(struct page_info *pg)
{
    return type_put(pg, MM_PREEMPT);
}

bool mm_table_ref(struct page_info *pg, uint64_t *type)
{
    uint64_t x = read_once(pg->type);

    for (;;) {
        if (x & PGT_BUSY) {
            cpu_relax();
            x = read_once(pg->type);
            continue;
        }
        if (!mm_is_table(x) || !(x & PGT_VALIDATED) ||
            (x & PGT_COUNT) == PGT_COUNT) {
            return false;
        }
        if (atomic_cas(&pg->type, &x, x + 1)) {
            *type = x & PGT_TYPE;
            return true;
        }
    }
}

int page_get_and_type(mfn_t mfn, struct domain *d, uint64_t type)
{
    struct page_info *pg;
    int rc;

    if (!mfn_valid(mfn)) {
        return -EINVAL;
    }
    pg = mfn_to_page(mfn);
    if (!page_get_id(pg, d->id)) {
        return -EINVAL;
    }
    rc = page_type_get(pg, type);
    if (rc) {
        page_put(pg);
    }
    return rc;
}

void page_put_and_type(struct page_info *pg)
{
    page_type_put(pg);
    page_put(pg);
}

void mm_put_parked(struct page_info *pg)
{
    struct vcpu *v = current;

    if (v->pv.put_pending) {
        page_put_and_type(pg);
        return;
    }
    if (page_type_put_preempt(pg)) {
        v->pv.put_pending = pg;
        return;
    }
    page_put(pg);
}

int mm_finish_parked(void)
{
    struct page_info *pg = current->pv.put_pending;

    if (likely(!pg)) {
        return 0;
    }
    if (page_type_put_preempt(pg)) {
        return -ERESTART;
    }
    current->pv.put_pending = NULL;
    page_put(pg);
    return 0;
}

static void put_l4(struct vcpu *v, mfn_t mfn)
{
    if (v == current) {
        mm_put_parked(mfn_to_page(mfn));
    } else {
        page_put_and_type(mfn_to_page(mfn));
    }
}

int pv_new_l4(struct vcpu *v, mfn_t mfn, bool user)
{
    mfn_t *slot = user ? &v->pv.user_l4 : &v->pv.kernel_l4;
    bool *set = user ? &v->pv.user_l4_set : &v->pv.kernel_l4_set;
    const bool in_use = v == current && v->pv.kernel_mode != user;
    const bool had = *set;
    const mfn_t old = *slot;
    int rc;

    if (user && mfn.n == 0) {
        *set = false;
        if (had) {
            put_l4(v, old);
        }
        return 0;
    }
    if (had && old.n == mfn.n) {
        if (in_use) {
            write_guest_cr3(mfn_to_pa(mfn));
        }
        return 0;
    }
    /* What the last change left over must not be joined by more. */
    if (v == current) {
        rc = mm_finish_parked();
        if (rc) {
            return rc;
        }
    }
    rc = page_get_and_type(mfn, v->domain, PGT_L4);
    if (rc) {
        return rc;
    }
    *slot = mfn;
    *set = true;
    if (in_use) {
        write_guest_cr3(mfn_to_pa(mfn));
    }
    /* Not before CR3 left it. */
    if (had) {
        put_l4(v, old);
    }
    return 0;
}

int pv_adopt_tables(struct domain *d, mfn_t l4)
{
    struct page_info *pg;
    int rc;

    do {
        rc = page_get_and_type(l4, d, PGT_L4);
    } while (rc == -ERESTART);
    if (rc) {
        return rc;
    }
    pg = mfn_to_page(l4);
    if (atomic_or(&pg->type, PGT_PINNED) & PGT_PINNED) {
        page_put_and_type(pg);
        return -EINVAL;
    }
    return 0;
}

void pv_page_freed(struct page_info *pg, struct domain *d)
{
    uint64_t x = read_once(pg->type);

    /* Who took it ahead of its end waits for the IOMMUs only. */
    while (x & PGT_BUSY) {
        cpu_relax();
        x = read_once(pg->type);
    }
    ASSERT(!(x & (PGT_COUNT | PGT_PARTIAL | PGT_PINNED)));
    /*
     * The guest need not have flushed what it unmapped, and the next owner may
     * be another. One flush moves the clock past the stamps of a whole batch.
     */
    if ((x & PGT_TYPE) != PGT_NONE) {
        flush_old_use(pg, d);
    }
    if ((x & PGT_TYPE) == PGT_WRITABLE) {
        flush_noncoherent(pg, x);
        if (d->iommu_sync && !(x & PGT_AHEAD)) {
            /* A device that still reaches a freed page breaks isolation. */
            BUG_ON(dom_iommu_unmap_ram(d, page_to_mfn(pg), 1, IOMMU_BY_UNMAP));
        }
    }
    pg->type = 0;
}

/* Take away what keeps a page of a dying domain. Return: 0, -ERESTART. */
static int release_page(struct page_info *pg)
{
    uint64_t x = read_once(pg->type);

    if (x & PGT_PINNED) {
        atomic_and(&pg->type, ~PGT_PINNED);
        if (page_type_put_preempt(pg)) {
            /* The pin's reference remains; come back for it. */
            atomic_or(&pg->type, PGT_PINNED);
            return -ERESTART;
        }
        page_put(pg);
        x = read_once(pg->type);
    }
    if ((x & PGT_PARTIAL) && !(x & (PGT_COUNT | PGT_BUSY)) &&
        atomic_cas(&pg->type, &x, (x | PGT_BUSY) + 1)) {
        if (drop_partial(pg, x)) {
            return -ERESTART;
        }
        settle(pg, x & PGT_KEPT, true);
    }
    (void)page_put_alloc(pg);
    return 0;
}

/* Frames that the vCPU's registers refer to. Return: 0, -ERESTART. */
static int release_vcpu(struct vcpu *v)
{
    struct pv_vcpu *p = &v->pv;

    if (p->put_pending) {
        if (page_type_put_preempt(p->put_pending)) {
            return -ERESTART;
        }
        page_put(p->put_pending);
        p->put_pending = NULL;
    }
    if (p->user_l4_set) {
        p->put_pending = mfn_to_page(p->user_l4);
        p->user_l4_set = false;
        return -ERESTART;
    }
    if (p->kernel_l4_set) {
        p->put_pending = mfn_to_page(p->kernel_l4);
        p->kernel_l4_set = false;
        return -ERESTART;
    }
    pv_release_descriptors(v);
    return 0;
}

/*
 * Give up the first page of the list, which then goes to its end.
 * Return: 0, -ERESTART (it stays first).
 */
static int release_first(struct domain *d)
{
    struct page_info *pg = NULL;
    bool used = false;
    int rc;

    spin_lock(&d->page_lock);
    if (d->pages.first != PAGE_LIST_NONE) {
        pg = mfn_to_page(MFN(d->pages.first));
        used = ref_again(pg);
        if (!used) {
            /* On its way out on another CPU, which waits for our lock. */
            page_list_del(&d->pages, pg);
            page_list_add_tail(&d->pages, pg);
        }
    }
    spin_unlock(&d->page_lock);
    if (!used) {
        return 0;
    }
    rc = release_page(pg);
    if (!rc) {
        spin_lock(&d->page_lock);
        page_list_del(&d->pages, pg);
        page_list_add_tail(&d->pages, pg);
        spin_unlock(&d->page_lock);
    }
    page_put(pg);
    return rc;
}

int pv_domain_release_pages(struct domain *d)
{
    unsigned int done = 0;

    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = d->vcpu[i];

        while (v && release_vcpu(v)) {
            if (softirq_pending()) {
                return -ERESTART;
            }
        }
    }
    /* One round: what others still map is freed when they let go. */
    if (!d->pv.release_left) {
        d->pv.release_left = d->pages.nr + 1;
    }
    while (d->pv.release_left > 1) {
        const int rc = release_first(d);

        if (rc) {
            return rc;
        }
        d->pv.release_left--;
        if (++done % 16 == 0 && softirq_pending()) {
            return -ERESTART;
        }
    }
    return 0;
}
