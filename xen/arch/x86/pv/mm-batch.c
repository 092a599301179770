/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What page type changes of one hypercall owe to the IOMMUs, done together.
 *
 * Pages that are about to become tables, or to be given up, leave the devices'
 * reach ahead of that, many with one flush: PGT_AHEAD then says that a writable
 * page is unmapped and flushed already. Which pages those are is guessed from
 * guest memory, tables not validated yet included. A wrong guess costs time and
 * nothing else: of a page only its owner and its type word are believed, its
 * contents not before its validation. What is still marked when the hypercall
 * ends, or stops to be continued, is mapped again.
 *
 * The other way, pages that become writable in a multicall are given to the
 * IOMMU layer one by one, and the flush at its end is for all of them.
 *
 * Locks: PGT_BUSY of many pages at a time, each taken only if it is free, and
 * waiting for nothing but the IOMMUs.
 */
#include <xen/bits.h>
#include <xen/dom-iommu.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/printk.h>
#include <xen/time.h>

#include <asm/current.h>
#include <asm/pagetable.h>

#include "mm-priv.h"

#define LOOK_MAX 64 /* ours: operations or calls of a list that are looked at */
#define PAIR     2  /* the multicall of a single table: its mapping, its pin */
#define LOOK_AT  8  /* ours: as many are read at once, 512 bytes of stack */

struct mm_batch mm_batches[MAX_CPUS];

/*
 * This CPU's batch, to take pages of a domain. What the hypercall takes is what
 * is added to mfn[], PGT_BUSY ours, until ahead_unmap().
 */
static struct mm_batch *ahead_begin(struct domain *d)
{
    struct mm_batch *const b = &mm_batches[smp_cpu_id()];

    if (b->nr == PV_AHEAD_MAX || (b->d != d && mm_batch_holds(b))) {
        pv_batch_end();
    }
    b->d = d;
    return b;
}

/* Writable, mapped for devices, and used at most @users times. */
static inline bool is_fresh(uint64_t x, uint64_t users)
{
    const uint64_t plain = PGT_TYPE | PGT_VALIDATED | PGT_BUSY | PGT_PINNED |
                           PGT_AHEAD | PGT_NONCOHERENT;

    return (x & plain) == PGT_FRESH && (x & PGT_COUNT) <= users;
}

/*
 * PGT_BUSY and a general reference on a page, unless it is in use, not the
 * domain's, or one of ours that it shares: those are never mapped for devices.
 */
static always_inline bool take(struct mm_batch *b, mfn_t mfn, uint64_t users)
{
    const domid_t owner = b->d->id;
    struct page_info *pg;
    uint64_t x;
    uint32_t c;

    if (b->nr == PV_AHEAD_MAX || !mfn_valid(mfn)) {
        return false;
    }
    pg = mfn_to_page(mfn);
    x = read_once(pg->type);
    c = read_once(pg->count);
    /*
     * As page_get(), but any obstacle will do; and no flag but PAGE_ALLOCATED:
     * ours are never mapped for devices.
     */
    if (!is_fresh(x, users) || read_once(pg->owner) != owner ||
        c - (PAGE_ALLOCATED | 1) >= PAGE_COUNT - 1 ||
        !atomic_cas(&pg->count, &c, c + 1)) {
        return false;
    }
    if (read_once(pg->owner) != owner ||
        !atomic_cas(&pg->type, &x, x | PGT_BUSY)) {
        page_put(pg);
        return false;
    }
    b->mfn[b->nr++] = (uint32_t)mfn.n;
    return true;
}

/* All but the first @keep of the batch are left as they were. */
static void give_back(struct mm_batch *b, unsigned int keep)
{
    while (b->nr > keep) {
        struct page_info *const pg = mfn_to_page(MFN(b->mfn[--b->nr]));

        atomic_store(&pg->type, pg->type & ~PGT_BUSY);
        page_put(pg);
    }
}

static bool line_is_absent(const uint64_t *e)
{
    uint64_t any = 0;

    for (unsigned int k = 0; k < LOOK_AT; k++) {
        any |= read_once(e[k]);
    }
    return !(any & PTE_P);
}

static void take_children(struct mm_batch *b, mfn_t table, bool top)
{
    const uint64_t *const t = mfn_to_va(table);

    for (unsigned int i = 0; i < PT_ENTRIES; i += LOOK_AT) {
        if (line_is_absent(&t[i]) ||
            (top && i >= HYP_FIRST_SLOT && i <= HYP_LAST_SLOT)) {
            continue;
        }
        for (unsigned int k = i; k < i + LOOK_AT; k++) {
            const uint64_t e = read_once(t[k]);

            if (e & PTE_P) {
                (void)take(b, pte_mfn(e), 0);
            }
        }
    }
}
static_assert(HYP_FIRST_SLOT % LOOK_AT == 0 &&
                  (HYP_LAST_SLOT + 1) % LOOK_AT == 0,
              "whole lines");

/*
 * A tree of tables that nobody has validated. Level by level, so the frames
 * taken are the queue; each is looked at once, whatever the entries say.
 */
static void take_tree(struct mm_batch *b, mfn_t root, unsigned int level)
{
    unsigned int at = b->nr;

    if (!take(b, root, 0)) {
        return;
    }
    for (; level > 1; level--) {
        const unsigned int end = b->nr;

        for (; at < end; at++) {
            take_children(b, MFN(b->mfn[at]), level == 4);
        }
    }
}

static void take_op(struct mm_batch *b, const struct mmuext_op *op)
{
    if (op->cmd <= MMUEXT_PIN_L4_TABLE) {
        take_tree(b, MFN(op->arg1.mfn), op->cmd - MMUEXT_PIN_L1_TABLE + 1);
    }
}
static_assert(MMUEXT_PIN_L1_TABLE == 0 && MMUEXT_PIN_L4_TABLE == 3, "ABI");

static void take_ops(struct mm_batch *b, uint64_t gva, uint64_t nr)
{
    for (uint64_t i = 0; i < min_of(nr, (uint64_t)LOOK_MAX); i++) {
        struct mmuext_op op;

        if (guest_read(&op, gva + i * sizeof(op), sizeof(op))) {
            return;
        }
        take_op(b, &op);
    }
}

/*
 * The multicall around the current entry: a page that it makes read-only before
 * a later pin is meant to be a table. Its only user is the mapping that shrinks.
 */
static void take_calls(struct mm_batch *b, const struct vcpu *v)
{
    struct multicall_entry e[LOOK_AT];
    const uint32_t first =
        v->multicall_at - min_of(v->multicall_at, (uint32_t)LOOK_MAX / 2);
    const uint32_t nr = min_of(v->multicall_nr - first, (uint32_t)LOOK_MAX);
    const uint64_t gva =
        v->multicall_list + first * sizeof(struct multicall_entry);
    const struct multicall_entry *c = &e[LOOK_AT];
    unsigned int sure = b->nr; /* those that a pin follows */
    bool named = false;        /* by the call before */

    for (uint32_t i = 0; i < nr; i++, c++) {
        if (c == &e[LOOK_AT]) {
            c = e;
            if (guest_read(e, gva + i * sizeof(e[0]),
                           min_of(nr - i, (uint32_t)LOOK_AT) * sizeof(e[0]))) {
                break;
            }
        }
        if (c->op == __HYPERVISOR_update_va_mapping) {
            named = (c->args[1] & (PTE_P | PTE_RW)) == PTE_P &&
                    take(b, pte_mfn(c->args[1]), 1);
        } else if (c->op == __HYPERVISOR_mmuext_op) {
            /* What it pins is most often what was just taken. */
            if (!named && first + i > v->multicall_at) {
                take_ops(b, c->args[0], (uint32_t)c->args[1]);
            }
            named = false;
            sure = b->nr;
        }
    }
    give_back(b, sure);
}

/*
 * Map pages for devices again. PGT_BUSY of each is ours and goes. There may be
 * no memory for a table, where there was one a moment ago: then a page in use
 * stays out of reach, which harms its owner's devices only.
 */
static void map_again(struct domain *d, const uint32_t *mfn, unsigned int nr)
{
    unsigned int done;

    for (unsigned int i = 0; i < nr; i += done + 1) {
        int rc = dom_iommu_map_list(d, &mfn[i], nr - i, &done);

        for (unsigned int k = i; k < i + done; k++) {
            struct page_info *const pg = mfn_to_page(MFN(mfn[k]));

            atomic_store(&pg->type, pg->type & ~(PGT_BUSY | PGT_AHEAD));
        }
        if (i + done < nr) {
            struct page_info *const pg = mfn_to_page(MFN(mfn[i + done]));
            const uint64_t x = pg->type & ~PGT_BUSY;

            log_err("d%u: frame %#x is not mapped for devices: error %d\n",
                    d->id, mfn[i + done], rc);
            atomic_store(&pg->type, x & (PGT_COUNT | PGT_NONCOHERENT)
                                        ? x | PGT_AHEAD
                                        : PGT_NONE);
        }
    }
}

/* What was taken from @first on leaves the devices' reach, with one flush. */
static void ahead_unmap(struct mm_batch *b, unsigned int first)
{
    const unsigned int nr = b->nr - first;

    /* A single page has no company to share its flush with. */
    if (nr <= 1) {
        give_back(b, first);
        return;
    }
    if (dom_iommu_unmap_list(b->d, &b->mfn[first], nr)) {
        /* Not flushed: as if nothing had been done. */
        map_again(b->d, &b->mfn[first], nr);
        return;
    }
    for (unsigned int i = first; i < b->nr; i++) {
        struct page_info *const pg = mfn_to_page(MFN(b->mfn[i]));

        atomic_store(&pg->type, (pg->type & ~PGT_BUSY) | PGT_AHEAD);
    }
}

static noinline_fn void ahead_pin(struct domain *d, mfn_t mfn,
                                  unsigned int level, uint64_t ops_gva,
                                  uint32_t nr_ops, bool calls)
{
    struct mm_batch *const b = ahead_begin(d);
    const unsigned int first = b->nr;

    take_tree(b, mfn, level);
    take_ops(b, ops_gva, nr_ops);
    if (calls) {
        take_calls(b, current);
    }
    ahead_unmap(b, first);
}

void mm_ahead_pin(struct domain *d, mfn_t mfn, unsigned int level,
                  uint64_t ops_gva, uint32_t nr_ops)
{
    const struct vcpu *const v = current;
    bool calls;

    if (!d->iommu_sync || !mfn_valid(mfn) ||
        !is_fresh(read_once(mfn_to_page(mfn)->type), 0)) {
        return;
    }
    calls = v->in_multicall && v->multicall_nr > PAIR && d == v->domain;
    if (level > 1 || nr_ops || calls) {
        ahead_pin(d, mfn, level, ops_gva, nr_ops, calls);
    }
}

uint64_t pv_ahead_frames(struct domain *d, mfn_t (*next)(void *arg), void *arg,
                         uint64_t nr)
{
    struct mm_batch *const b = ahead_begin(d);
    const unsigned int first = b->nr;

    nr = min_of(nr, (uint64_t)(PV_AHEAD_MAX - first));
    for (uint64_t i = 0; i < nr; i++) {
        (void)take(b, next(arg), 0);
    }
    ahead_unmap(b, first);
    return nr;
}

/* The first page of a multicall; until its end, if there are more to come. */
static noinline_fn int map_first(struct mm_batch *b, struct domain *d,
                                 mfn_t mfn)
{
    const struct vcpu *const v = current;

    if (!v->in_multicall || v->multicall_nr <= PAIR || d != v->domain ||
        (b->d != d && mm_batch_holds(b))) {
        return dom_iommu_map_ram(d, mfn, 1);
    }
    b->d = d;
    b->owes = true;
    return dom_iommu_map_page(d, mfn, &b->gather);
}

int mm_map_ram(struct domain *d, struct page_info *pg)
{
    struct mm_batch *const b = &mm_batches[smp_cpu_id()];
    const mfn_t mfn = page_to_mfn(pg);

    return b->owes && b->d == d ? dom_iommu_map_page(d, mfn, &b->gather)
                                : map_first(b, d, mfn);
}

/* A page may have become a table and writable again: it is in the list twice. */
static bool is_in(const uint32_t *mfn, unsigned int nr, uint32_t one)
{
    while (nr > 0 && mfn[nr - 1] != one) {
        nr--;
    }
    return nr > 0;
}

/*
 * Return: true if page @i has to be mapped again; PGT_BUSY is ours then, as it
 * is of the first @held. Waits for who drops the last use of a writable page,
 * which waits for nobody.
 */
static bool is_left(const struct mm_batch *b, unsigned int i, unsigned int held)
{
    struct page_info *const pg = mfn_to_page(MFN(b->mfn[i]));
    uint64_t x = read_once(pg->type);

    while (x & PGT_AHEAD) {
        /* Given up, and ours is the last reference: freeing it knows. */
        if ((read_once(pg->count) & (PAGE_ALLOCATED | PAGE_COUNT)) == 1) {
            return false;
        }
        if (x & PGT_BUSY) {
            if (is_in(b->mfn, held, b->mfn[i])) {
                return false;
            }
            cpu_relax();
            x = read_once(pg->type);
        } else if (atomic_cas(&pg->type, &x, x | PGT_BUSY)) {
            return true;
        }
    }
    return false;
}

static noinline_fn void batch_finish(struct mm_batch *b)
{
    const unsigned int nr = b->nr;
    unsigned int left = 0;

    for (unsigned int i = 0; i < nr; i++) {
        struct page_info *const pg = mfn_to_page(MFN(b->mfn[i]));

        /* Most became what they were taken for. */
        if (unlikely(read_once(pg->type) & PGT_AHEAD) && is_left(b, i, left)) {
            b->mfn[left++] = b->mfn[i];
        } else {
            page_put(pg);
        }
    }
    map_again(b->d, b->mfn, left);
    for (unsigned int i = 0; i < left; i++) {
        page_put(mfn_to_page(MFN(b->mfn[i])));
    }
    b->nr = 0;
    if (b->owes) {
        b->owes = false;
        if (dom_iommu_flush(b->d, &b->gather)) {
            log_err("d%u: what became writable may not be seen by devices: a "
                    "flush failed\n",
                    b->d->id);
        }
    }
}

void pv_batch_end(void)
{
    struct mm_batch *const b = &mm_batches[smp_cpu_id()];

    if (unlikely(mm_batch_holds(b))) {
        batch_finish(b);
    }
}
