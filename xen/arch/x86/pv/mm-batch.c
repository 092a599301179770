/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What page type changes of one hypercall owe to the IOMMUs, done together.
 *
 * Pages that are about to become tables, or to be given up, leave the devices'
 * reach ahead of that, many with one flush: PGT_AHEAD then says that a writable
 * page is unmapped and flushed already. Which pages those are is guessed from
 * guest memory, tables not validated yet included. A wrong guess costs time and
 * nothing else: of a page only its owner and its type word are believed, its
 * contents not before its validation.
 *
 * The other way, pages that become writable in a multicall are marked just so.
 * What is still marked when the hypercall ends, or stops to be continued, is
 * mapped then, all with one flush.
 *
 * Pages in a list are not held by it: they may change their type, be freed and
 * be in other lists meanwhile. All that counts is what their words say when they
 * are taken.
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
#define LINE     8  /* entries of a table in a cache line */

struct mm_batch mm_batches[MAX_CPUS];

static inline void set_domain(struct mm_batch *b, struct domain *d)
{
    b->d = d;
    b->holders = (uint64_t)d->id << 32 | PAGE_ALLOCATED;
}

/*
 * PGT_BUSY of a page, unless it is in use, not the domain's, or one of ours that
 * it shares: those are never mapped for devices. All in one step: a page that is
 * busy is not freed.
 */
static always_inline bool take(struct mm_batch *b, mfn_t mfn, uint64_t users)
{
    const uint64_t plain = PGT_TYPE | PGT_VALIDATED | PGT_BUSY | PGT_PINNED |
                           PGT_AHEAD | PGT_NONCOHERENT | PGT_COUNT;
    /* The owner's reference is the only one that has to be there. */
    const uint64_t whose = PAGE_OWNER | PAGE_ALLOCATED | PAGE_HYP | PAGE_FREE;
    struct page_info *pg;
    uint64_t x, h;

    if (b->nr == PV_AHEAD_MAX || !mfn_valid(mfn)) {
        return false;
    }
    pg = mfn_to_page(mfn);
    x = read_once(pg->type);
    h = read_once(pg->holders);
    if ((x & plain & ~users) != PGT_FRESH || ((h ^ b->holders) & whose) != 0 ||
        !atomic_cas2(pg, &x, &h, x | PGT_BUSY, h)) {
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

        (void)atomic_and(&pg->type, ~PGT_BUSY);
    }
}

static bool line_is_absent(const uint64_t *e)
{
    uint64_t any = 0;

#pragma GCC unroll 8
    for (unsigned int k = 0; k < LINE; k++) {
        any |= read_once(e[k]);
    }
    return !(any & PTE_P);
}

static void take_children(struct mm_batch *b, mfn_t table, bool top)
{
    const uint64_t *const t = mfn_to_va(table);

    for (unsigned int i = 0; i < PT_ENTRIES; i += LINE) {
        if (line_is_absent(&t[i]) ||
            (top && i >= HYP_FIRST_SLOT && i <= HYP_LAST_SLOT)) {
            continue;
        }
        for (unsigned int k = i; k < i + LINE; k++) {
            const uint64_t e = read_once(t[k]);

            if (e & PTE_P) {
                (void)take(b, pte_mfn(e), 0);
            }
        }
    }
}
static_assert(HYP_FIRST_SLOT % LINE == 0 && (HYP_LAST_SLOT + 1) % LINE == 0,
              "whole lines");

/*
 * The tables below the last one taken, which is of a level: a tree that nobody
 * has validated. Level by level, so the frames taken are the queue; each is
 * looked at once, whatever the entries say.
 */
static void take_below(struct mm_batch *b, unsigned int level)
{
    unsigned int at = b->nr - 1;

    for (; level > 1; level--) {
        const unsigned int end = b->nr;

        for (; at < end; at++) {
            take_children(b, MFN(b->mfn[at]), level == 4);
        }
    }
}

static void take_op(struct mm_batch *b, const struct mmuext_op *op)
{
    if (op->cmd <= MMUEXT_PIN_L4_TABLE && take(b, MFN(op->arg1.mfn), 0)) {
        take_below(b, op->cmd - MMUEXT_PIN_L1_TABLE + 1);
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

/* The operations of a multicall's entry at @e; the window is open. */
static noinline_fn void take_called(struct mm_batch *b, uint64_t e)
{
    uint64_t list, nr;
    const bool ok =
        guest_word(e + offsetof(struct multicall_entry, args[0]), &list) &&
        guest_word(e + offsetof(struct multicall_entry, args[1]), &nr);

    guest_window_close();
    if (ok) {
        take_ops(b, list, (uint32_t)nr);
    }
    guest_window_open();
}

/*
 * The multicall around the current entry: a page that it makes read-only before
 * a later pin is meant to be a table. Its only user is the mapping that shrinks.
 */
static void take_calls(struct mm_batch *b, const struct vcpu *v)
{
    const size_t size = sizeof(struct multicall_entry);
    const uint64_t now = v->multicall_list + v->multicall_at * size;
    const uint32_t before = min_of(v->multicall_at, (uint32_t)LOOK_MAX / 2);
    const uint32_t nr = min_of(v->multicall_nr - (v->multicall_at - before),
                               (uint32_t)LOOK_MAX);
    const uint64_t first = now - before * size;
    const uint64_t end = first + nr * size;
    unsigned int sure = b->nr; /* those that a pin follows */
    bool named = false;        /* by the call before */
    uint64_t op, arg;

    if (!guest_range_ok(first, nr * size)) {
        return;
    }
    guest_window_open();
    for (uint64_t e = first; e != end; e += size) {
        if (!guest_word(e + offsetof(struct multicall_entry, op), &op)) {
            break;
        }
        if (op == __HYPERVISOR_update_va_mapping) {
            if (!guest_word(e + offsetof(struct multicall_entry, args[1]),
                            &arg)) {
                break;
            }
            named =
                (arg & (PTE_P | PTE_RW)) == PTE_P && take(b, pte_mfn(arg), 1);
        } else if (op == __HYPERVISOR_mmuext_op) {
            /* What it pins is most often what was just taken. */
            if (!named && e > now) {
                take_called(b, e);
            }
            named = false;
            sure = b->nr;
        }
    }
    guest_window_close();
    give_back(b, sure);
}

/*
 * Pages that are busy by us are so no more, and marked if they were not. Other
 * flags of a page in use may change meanwhile.
 */
static always_inline void flip(const uint32_t *mfn, unsigned int nr)
{
    for (const uint32_t *const end = mfn + nr; mfn < end; mfn++) {
        (void)atomic_xor(&mfn_to_page(MFN(*mfn))->type, PGT_BUSY | PGT_AHEAD);
    }
}

/*
 * There may be no memory for a table, where there was one a moment ago: then a
 * page in use stays out of reach, which harms its owner's devices only.
 */
static void not_mapped(const struct domain *d, uint32_t mfn, int rc)
{
    struct page_info *const pg = mfn_to_page(MFN(mfn));

    log_err("d%u: frame %#x is not mapped for devices: error %d\n", d->id, mfn,
            rc);
    if (read_once(pg->type) & (PGT_COUNT | PGT_NONCOHERENT)) {
        (void)atomic_and(&pg->type, ~PGT_BUSY);
    } else {
        atomic_store(&pg->type, PGT_NONE);
    }
}

/*
 * Map pages for devices, with one flush. Each is marked, and busy by us until
 * then.
 */
static void map_marked(struct domain *d, const uint32_t *mfn, unsigned int nr)
{
    while (nr) {
        unsigned int done;
        const int rc = dom_iommu_map_list(d, mfn, nr, &done);

        flip(mfn, done);
        if (likely(done == nr)) {
            return;
        }
        not_mapped(d, mfn[done], rc);
        mfn += done + 1;
        nr -= done + 1;
    }
}

/* What was taken from @first on left the devices' reach, if @rc is 0. */
static void taken_left(struct mm_batch *b, unsigned int first, int rc)
{
    if (likely(rc == 0)) {
        flip(&b->mfn[first], b->nr - first);
        return;
    }
    /* Not flushed: as if nothing had been done. */
    for (unsigned int i = first; i < b->nr; i++) {
        (void)atomic_or(&mfn_to_page(MFN(b->mfn[i]))->type, PGT_AHEAD);
    }
    map_marked(b->d, &b->mfn[first], b->nr - first);
}

int mm_leave_devices(struct domain *d, struct page_info *pg, uint64_t type)
{
    struct vcpu *const v = current;
    struct mm_batch *const b = mm_batch();
    const unsigned int first = b->nr;
    const mfn_t mfn = page_to_mfn(pg);
    unsigned int others = 0;
    int rc;

    if (v->pv.ops_ahead && mm_is_table(type) && first < PV_AHEAD_MAX &&
        (!first || b->d == d)) {
        v->pv.ops_ahead = false;
        set_domain(b, d);
        b->mfn[b->nr++] = (uint32_t)mfn.n;
        if (type != PGT_L1) {
            take_below(b, mm_level(type));
        }
        if (v->pv.ops_nr) {
            take_ops(b, v->pv.ops_gva, v->pv.ops_nr);
        }
        if (v->in_multicall && v->multicall_nr > PAIR && d == v->domain) {
            take_calls(b, v);
        }
        others = b->nr - first - 1;
    }
    if (others == 0) {
        b->nr = first;
        return dom_iommu_unmap_ram(d, mfn, 1, IOMMU_BY_TYPE);
    }
    rc = dom_iommu_unmap_list(d, &b->mfn[first], others + 1, IOMMU_BY_TYPE);
    /* The page itself is the caller's; in the list it does no harm. */
    taken_left(b, first + 1, rc);
    return rc;
}

uint64_t pv_ahead_frames(struct domain *d, mfn_t (*next)(void *arg), void *arg,
                         uint64_t nr)
{
    struct mm_batch *const b = mm_batch();

    pv_batch_end();
    set_domain(b, d);
    nr = min_of(nr, (uint64_t)PV_AHEAD_MAX);
    for (uint64_t i = 0; i < nr; i++) {
        (void)take(b, next(arg), 0);
    }
    if (b->nr) {
        taken_left(b, 0,
                   dom_iommu_unmap_list(d, b->mfn, b->nr, IOMMU_BY_UNMAP));
    }
    return nr;
}

bool mm_batch_begins(struct mm_batch *b, const struct domain *d)
{
    const struct vcpu *const v = current;

    if (!v->in_multicall || v->multicall_nr <= PAIR || d != v->domain) {
        return false;
    }
    set_domain(b, v->domain);
    return true;
}

/* Most pages became what they were taken for; the others are mapped. */
static noinline_fn void batch_finish(struct mm_batch *b)
{
    const uint32_t *const end = &b->mfn[b->nr];
    const uint32_t *m = b->mfn;
    unsigned int left = 0; /* the first ones of mfn[]: busy by us */

    while (m < end) {
        struct page_info *const pg = mfn_to_page(MFN(*m));
        uint64_t x = read_once(pg->type);
        uint64_t h;

        if (!(x & PGT_AHEAD)) {
            m++;
            continue;
        }
        h = read_once(pg->holders);
        if (((h ^ b->holders) & PAGE_OWNER) != 0 || !(h & PAGE_COUNT)) {
            m++; /* it was freed */
        } else if (unlikely(x & PGT_BUSY)) {
            /*
             * By us, if it became a table and writable again: then it is in the
             * list twice. Nobody waits for others while he holds some.
             */
            map_marked(b->d, b->mfn, left);
            left = 0;
            cpu_relax();
        } else if (likely(atomic_cas2(pg, &x, &h, x | PGT_BUSY, h))) {
            b->mfn[left++] = *m++;
        }
    }
    if (left) {
        map_marked(b->d, b->mfn, left);
    }
    b->nr = 0;
}

void pv_batch_end(void)
{
    struct mm_batch *const b = mm_batch();

    if (unlikely(b->nr)) {
        batch_finish(b);
    }
}
