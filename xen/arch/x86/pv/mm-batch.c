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
 * The other way, mappings of pages that became data again, owe a flush only
 * to units that cache absent entries: it waits for the end of a multicall.
 *
 * Locks: PGT_BUSY of many pages at a time, each taken only if it is free, and
 * waiting for nothing but the IOMMUs.
 */
#include <xen/bits.h>
#include <xen/dom-iommu.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/iommu-gather.h>
#include <xen/printk.h>
#include <xen/time.h>

#include <asm/current.h>
#include <asm/pagetable.h>

#include "mm-priv.h"

#define LOOK_MAX 64 /* ours: operations or calls of a list that are looked at */
#define LOOK_AT  8  /* ours: as many are read at once, 512 bytes of stack */

struct mm_batch mm_batches[MAX_CPUS];

/* Pages noted for the current hypercall: batch->mfn[batch->nr] up to [nr - 1]. */
struct ahead {
    struct domain *d;
    struct mm_batch *b;
    unsigned int nr;
};

static struct ahead ahead_begin(struct domain *d)
{
    struct mm_batch *const b = &mm_batches[smp_cpu_id()];

    if (b->nr && (b->d != d || b->nr == PV_AHEAD_MAX)) {
        pv_batch_end();
    }
    b->d = d;
    return (struct ahead){ d, b, b->nr };
}

/* Writable, mapped for devices, and used at most @users times. */
static bool is_fresh(uint64_t x, uint64_t users)
{
    const uint64_t plain = PGT_TYPE | PGT_VALIDATED | PGT_BUSY | PGT_PINNED |
                           PGT_AHEAD | PGT_NONCOHERENT;

    return (x & plain) == PGT_FRESH && (x & PGT_COUNT) <= users;
}

static bool note(struct ahead *a, mfn_t mfn, uint64_t users)
{
    const struct page_info *pg;

    if (a->nr == PV_AHEAD_MAX || !mfn_valid(mfn)) {
        return false;
    }
    pg = mfn_to_page(mfn);
    if (read_once(pg->owner) != a->d->id ||
        !is_fresh(read_once(pg->type), users)) {
        return false;
    }
    a->b->mfn[a->nr++] = (uint32_t)mfn.n;
    return true;
}

static bool line_is_absent(const uint64_t *e)
{
    uint64_t any = 0;

    for (unsigned int k = 0; k < LOOK_AT; k++) {
        any |= read_once(e[k]);
    }
    return !(any & PTE_P);
}

static void note_children(struct ahead *a, mfn_t table, bool top)
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
                (void)note(a, pte_mfn(e), 0);
            }
        }
    }
}
static_assert(HYP_FIRST_SLOT % LOOK_AT == 0 &&
                  (HYP_LAST_SLOT + 1) % LOOK_AT == 0,
              "whole lines");

/*
 * A tree of tables that nobody has validated. Level by level, so the frames
 * noted are the queue; each is looked at once, whatever the entries say.
 */
static void note_tree(struct ahead *a, mfn_t root, unsigned int level)
{
    unsigned int at = a->nr;

    if (!note(a, root, 0)) {
        return;
    }
    for (; level > 1; level--) {
        const unsigned int end = a->nr;

        for (; at < end; at++) {
            note_children(a, MFN(a->b->mfn[at]), level == 4);
        }
    }
}

static void note_op(struct ahead *a, const struct mmuext_op *op)
{
    if (op->cmd <= MMUEXT_PIN_L4_TABLE) {
        note_tree(a, MFN(op->arg1.mfn), op->cmd - MMUEXT_PIN_L1_TABLE + 1);
    }
}
static_assert(MMUEXT_PIN_L1_TABLE == 0 && MMUEXT_PIN_L4_TABLE == 3, "ABI");

static void note_ops(struct ahead *a, uint64_t gva, uint64_t nr)
{
    for (uint64_t i = 0; i < min_of(nr, (uint64_t)LOOK_MAX); i++) {
        struct mmuext_op op;

        if (guest_read(&op, gva + i * sizeof(op), sizeof(op))) {
            return;
        }
        note_op(a, &op);
    }
}

/*
 * The rest of the multicall: a page that it makes read-only before a later pin
 * is meant to be a table. Its only user is the mapping that will shrink.
 */
static void note_calls(struct ahead *a, uint64_t gva, uint32_t nr)
{
    struct multicall_entry e[LOOK_AT];
    unsigned int sure = a->nr; /* notes that a pin follows */
    bool named = false;        /* by the call before */

    nr = min_of(nr, (uint32_t)LOOK_MAX);
    for (uint32_t i = 0; i < nr; i++) {
        const struct multicall_entry *const c = &e[i % LOOK_AT];

        if (i % LOOK_AT == 0 &&
            guest_read(e, gva + i * sizeof(e[0]),
                       min_of(nr - i, (uint32_t)LOOK_AT) * sizeof(e[0]))) {
            break;
        }
        if (c->op == __HYPERVISOR_update_va_mapping) {
            named = (c->args[1] & (PTE_P | PTE_RW)) == PTE_P &&
                    note(a, pte_mfn(c->args[1]), 1);
        } else if (c->op == __HYPERVISOR_mmuext_op) {
            /* What it pins is most often what was just noted. */
            if (!named) {
                note_ops(a, c->args[0], (uint32_t)c->args[1]);
            }
            named = false;
            sure = a->nr;
        }
    }
    a->nr = sure;
}

/* PGT_BUSY and a general reference on a page, unless it is in use. */
static bool hold(const struct domain *d, struct page_info *pg)
{
    uint64_t x;

    if (!page_get(pg, d)) {
        return false;
    }
    x = read_once(pg->type);
    if (is_fresh(x, 1) && atomic_cas(&pg->type, &x, x | PGT_BUSY)) {
        return true;
    }
    page_put(pg);
    return false;
}

/*
 * PGT_BUSY is ours, @x the word without it. Return: the word to leave. No
 * memory for a table, where there was one a moment ago: a page in use stays
 * out of reach, which harms its owner's devices only.
 */
static uint64_t map_again(struct domain *d, struct page_info *pg, uint64_t x)
{
    if (dom_iommu_map_ram(d, page_to_mfn(pg), 1) == 0) {
        return x & ~PGT_AHEAD;
    }
    log_err("d%u: frame %#lx is not mapped for devices any more\n", d->id,
            page_to_mfn(pg).n);
    return x & (PGT_COUNT | PGT_NONCOHERENT) ? x | PGT_AHEAD : PGT_NONE;
}

/* Frames of the list that follow each other are one run. */
static int unmap_list(struct domain *d, const uint32_t *mfn, unsigned int nr)
{
    struct iommu_gather g;
    int rc = 0;
    int rc2;

    iommu_gather_init(&g);
    g.cause = IOMMU_BY_TYPE;
    for (unsigned int i = 0, run; i < nr && rc == 0; i += run) {
        for (run = 1; i + run < nr && mfn[i + run] == mfn[i] + run; run++) {
            /* counts */
        }
        rc = dom_iommu_unmap_gather(d, MFN(mfn[i]), run, &g);
    }
    rc2 = dom_iommu_flush(d, &g);
    return rc ? rc : rc2;
}

/* What was noted leaves the devices' reach, with one flush. */
static void ahead_take(struct ahead *a)
{
    struct mm_batch *const b = a->b;
    const unsigned int first = b->nr;
    int rc;

    for (unsigned int i = first; i < a->nr; i++) {
        if (hold(a->d, mfn_to_page(MFN(b->mfn[i])))) {
            b->mfn[b->nr++] = b->mfn[i];
        }
    }
    if (b->nr == first) {
        return;
    }
    rc = unmap_list(a->d, &b->mfn[first], b->nr - first);
    for (unsigned int i = first; i < b->nr; i++) {
        struct page_info *const pg = mfn_to_page(MFN(b->mfn[i]));
        const uint64_t x = pg->type & ~PGT_BUSY;

        /* Not flushed: as if nothing had been done. */
        atomic_store(&pg->type, rc ? map_again(a->d, pg, x) : x | PGT_AHEAD);
    }
}

void mm_ahead_pin(struct domain *d, mfn_t mfn, unsigned int level,
                  uint64_t ops_gva, uint32_t nr_ops)
{
    const struct vcpu *const v = current;
    const bool calls = v->in_multicall && v->multicall_left && d == v->domain;
    struct ahead a;

    /* A single table has no company to share its flush with. */
    if (!d->iommu_sync || (level == 1 && !nr_ops && !calls) ||
        !mfn_valid(mfn) || !is_fresh(read_once(mfn_to_page(mfn)->type), 0)) {
        return;
    }
    a = ahead_begin(d);
    note_tree(&a, mfn, level);
    note_ops(&a, ops_gva, nr_ops);
    if (calls) {
        note_calls(&a, v->multicall_next, v->multicall_left);
    }
    if (a.nr - a.b->nr > 1) {
        ahead_take(&a);
    }
}

uint64_t pv_ahead_frames(struct domain *d, mfn_t (*next)(void *arg), void *arg,
                         uint64_t nr)
{
    struct ahead a = ahead_begin(d);

    nr = min_of(nr, (uint64_t)(PV_AHEAD_MAX - a.nr));
    for (uint64_t i = 0; i < nr; i++) {
        (void)note(&a, next(arg), 0);
    }
    if (a.nr - a.b->nr > 1) {
        ahead_take(&a);
    }
    return nr;
}

int mm_map_ram(struct domain *d, mfn_t mfn)
{
    const struct vcpu *const v = current;

    if (v->in_multicall && d == v->domain) {
        struct mm_batch *const b = &mm_batches[smp_cpu_id()];

        b->maps_owed = true;
        return dom_iommu_map_gather(d, mfn, 1, &b->maps);
    }
    return dom_iommu_map_ram(d, mfn, 1);
}

/* The hypercall is over for this page. */
static void ahead_drop(struct domain *d, struct page_info *pg)
{
    const uint32_t c = read_once(pg->count);
    uint64_t x = read_once(pg->type);

    /* Given up, and ours is the last reference: freeing it knows. */
    while ((x & PGT_AHEAD) && (c & (PAGE_ALLOCATED | PAGE_COUNT)) != 1) {
        if (x & PGT_BUSY) {
            cpu_relax();
            x = read_once(pg->type);
        } else if (atomic_cas(&pg->type, &x, x | PGT_BUSY)) {
            atomic_store(&pg->type, map_again(d, pg, x));
            break;
        }
    }
    page_put(pg);
}

void pv_batch_end(void)
{
    struct mm_batch *const b = &mm_batches[smp_cpu_id()];

    for (unsigned int i = 0; i < b->nr; i++) {
        ahead_drop(b->d, mfn_to_page(MFN(b->mfn[i])));
    }
    b->nr = 0;
    if (b->maps_owed) {
        b->maps_owed = false;
        if (dom_iommu_flush(current->domain, &b->maps)) {
            log_err("d%u: mappings for devices may not be seen\n",
                    current->domain->id);
        }
    }
}
