/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The format-neutral part of the engine: set-up, the gather and the spare
 * tables. The caller holds the tree's lock.
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/errno.h>

#include "iopt-priv.h"

/* A table that leaves the tree and one that enters it per toggled page. */
#define SPARE_CHURN 8 /* ours: tables kept beyond the reserve */

int iopt_init(struct iopt *pt, const struct iopt_config *cfg)
{
    const struct iopt_ops *ops = cfg->ops;
    const unsigned int mask = cfg->leaf_mask;
    const unsigned int used = mask & ~(unsigned int)cfg->leaf_off;
    unsigned int frame_bits, top;

    if (cfg->levels < 2 || cfg->levels > ops->max_levels ||
        cfg->input_bits <= PAGE_SHIFT || cfg->input_bits > 64) {
        return -EINVAL;
    }
    /*
     * Without gaps: any part of a leaf can then be told in leaves of the next
     * smaller size, so one shatter needs one table.
     */
    if ((used & 1) == 0 || (used & (used + 1)) != 0 ||
        (mask & (mask + 1)) != 0 || mask >> (ops->max_leaf_level + 1) != 0 ||
        mask >> cfg->levels != 0) {
        return -EINVAL;
    }
    if ((cfg->leaf_extra & ~ops->leaf_extra_ok) != 0) {
        return -EINVAL;
    }

    *pt = (struct iopt){
        .ops = ops,
        .levels = cfg->levels,
        .leaf_mask = (uint8_t)used,
        .leaf_all = cfg->leaf_mask,
        .no_coalesce = cfg->no_coalesce,
        .coherent = cfg->coherent,
        .track_added = cfg->track_added,
        .lazy_coalesce = cfg->lazy_coalesce,
        .leaf_extra = cfg->leaf_extra,
        .mfn_last = ops->mfn_limit - 1,
    };
    if (cfg->mfn_last && cfg->mfn_last < pt->mfn_last) {
        pt->mfn_last = cfg->mfn_last;
    }
    frame_bits = min_of((unsigned int)cfg->input_bits - PAGE_SHIFT,
                        (unsigned int)ops->level_order(cfg->levels - 1) +
                            ops->slot_bits);
    /* A tree may be taller than 64-bit addresses can use. */
    pt->dfn_last = ~UINT64_C(0) >> (64 - min_of(frame_bits, 52u));

    /* One call shatters at most one leaf per level at each of its two ends. */
    top = fls64(mask);
    pt->spare_min = (uint16_t)(2 * top);
    pt->spare_max = (uint16_t)(pt->spare_min + SPARE_CHURN);
    return ops->init(pt);
}

int iopt_destroy(struct iopt *pt, unsigned int budget)
{
    const int rc = pt->ops->destroy(pt, budget);

    if (rc == 0) {
        while (pt->spare.nr) {
            pool_page_free(iopt_pages_pop(&pt->spare));
            pt->counts.pool_frees++;
        }
    }
    return rc;
}

static void extent_join(struct iopt_extent *to, const struct iopt_extent *e)
{
    to->first = min_of(to->first, e->first);
    to->last = max_of(to->last, e->last);
    to->leaf_order = max_of(to->leaf_order, e->leaf_order);
    to->owe |= e->owe;
}

/* Frames between two extents; 0 if they overlap or touch. */
static uint64_t extent_gap(const struct iopt_extent *a,
                           const struct iopt_extent *b)
{
    const uint64_t from = min_of(a->last, b->last);
    const uint64_t to = max_of(a->first, b->first);

    return to > from ? to - from - 1 : 0;
}

/*
 * Neighbours merge if that makes nothing coarser: the same is owed for leaves
 * of the same size. What lies inside another extent joins it in any case.
 */
static bool extent_absorbs(struct iopt_extent *x, const struct iopt_extent *e)
{
    const bool alike = x->owe == e->owe && x->leaf_order == e->leaf_order;
    const bool inside = e->first >= x->first && e->last <= x->last;

    if (!inside && !(alike && extent_gap(x, e) == 0)) {
        return false;
    }
    extent_join(x, e);
    return true;
}

void iopt_gather_add(struct iopt_gather *g, const struct iopt_extent *e)
{
    unsigned int best_a = 0, best_b = 1;
    uint64_t best = ~UINT64_C(0);

    g->owe |= e->owe;
    g->leaf_order = max_of(g->leaf_order, e->leaf_order);
    /* Latest first: calls come in ascending order more often than not. */
    for (unsigned int i = g->nr_ext; i-- > 0;) {
        if (extent_absorbs(&g->ext[i], e)) {
            return;
        }
    }
    if (g->nr_ext < IOPT_GATHER_EXTENTS) {
        g->ext[g->nr_ext++] = *e;
        return;
    }

    /* Full: make room by joining the closest two. */
    for (unsigned int a = 0; a < IOPT_GATHER_EXTENTS; a++) {
        for (unsigned int b = a + 1; b < IOPT_GATHER_EXTENTS; b++) {
            const uint64_t gap = extent_gap(&g->ext[a], &g->ext[b]);

            if (gap < best) {
                best = gap;
                best_a = a;
                best_b = b;
            }
        }
    }
    extent_join(&g->ext[best_a], &g->ext[best_b]);
    g->ext[best_b] = *e;
}

void iopt_gather_frame(struct iopt_gather *g, uint64_t dfn, enum iopt_owe what)
{
    struct iopt_extent *const next = &g->ext[g->nr_ext];
    const struct iopt_extent e = { dfn, dfn, 0, (uint8_t)what };

    /* A look at all the others does not pay. */
    if (unlikely(g->nr_ext == IOPT_GATHER_EXTENTS ||
                 (g->nr_ext && iopt_extent_touches(&next[-1], dfn)))) {
        iopt_gather_add(g, &e);
        return;
    }
    *next = e;
    g->nr_ext++;
    g->owe |= (uint8_t)what;
}

void iopt_gather_move(struct iopt_gather *to, struct iopt_gather *from)
{
    for (unsigned int i = 0; i < from->nr_ext; i++) {
        iopt_gather_add(to, &from->ext[i]);
    }
    if (from->retired.nr) {
        if (to->retired.nr) {
            iopt_meta_of(to->retired.tail)->link = from->retired.head;
        } else {
            to->retired.head = from->retired.head;
        }
        to->retired.tail = from->retired.tail;
        to->retired.nr += from->retired.nr;
    }
    iopt_gather_init(from);
}

void iopt_gather_release(struct iopt *pt, struct iopt_gather *g)
{
    if (g->retired.nr) {
        /*
         * Before any of them is written: partner of IOPT_LOAD(&pt->reuses).
         * Otherwise a lookup that is still in one would believe what its next
         * user writes there.
         */
        (void)atomic_add(&pt->reuses, 1);
    }
    iopt_return_tables(pt, &g->retired);
    iopt_gather_init(g);
}

void iopt_return_tables(struct iopt *pt, struct iopt_pages *l)
{
    while (l->nr) {
        const paddr_t pa = iopt_pages_pop(l);

        if (pt->spare.nr < pt->spare_max) {
            iopt_pages_add(&pt->spare, pa);
        } else {
            pool_page_free(pa);
            pt->counts.pool_frees++;
        }
    }
}

static int take_one(struct iopt *pt, bool urgent, paddr_t *pa)
{
    if (pt->spare.nr > pt->spare_min) {
        *pa = iopt_pages_pop(&pt->spare);
        pt->counts.spare_hits++;
        return 0;
    }
    if (pool_page_alloc(pa) == 0) {
        pt->counts.pool_allocs++;
        return 0;
    }
    if (!urgent || pt->spare.nr == 0) {
        return -ENOMEM;
    }
    *pa = iopt_pages_pop(&pt->spare);
    pt->counts.spare_hits++;
    return 0;
}

int iopt_take_tables(struct iopt *pt, uint64_t want, bool urgent,
                     struct iopt_pages *out)
{
    while (out->nr < want) {
        paddr_t pa;

        if (take_one(pt, urgent, &pa)) {
            iopt_return_tables(pt, out);
            return -ENOMEM;
        }
        iopt_pages_add(out, pa);
    }
    return 0;
}

int iopt_fill_reserve(struct iopt *pt)
{
    while (pt->spare.nr < pt->spare_min) {
        paddr_t pa;
        const int rc = pool_page_alloc(&pa);

        if (rc) {
            return rc;
        }
        pt->counts.pool_allocs++;
        iopt_pages_add(&pt->spare, pa);
    }
    return 0;
}
