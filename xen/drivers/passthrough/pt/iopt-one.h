/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Template part: single frames of 4K tables that exist, alone or in lists. Type
 * changes of pages come this way: no job, no check apart from the store, and a
 * frame of a list begins its walk where the one before ended.
 */
#ifndef PT_IOPT_ONE_H
#define PT_IOPT_ONE_H

#include "iopt-resize.h"

#define fold_one      IOPT_SYM(fold_one)
#define op_map_list   IOPT_SYM(map_list)
#define op_unmap_list IOPT_SYM(unmap_list)

/* Where the last frame was found. */
struct iopt_near {
    uint64_t chunk;        /* its number in tables of 4K leaves, or NEAR_NONE */
    const uint64_t *above; /* slots of the table above t */
    struct iopt_tab t;     /* its table of 4K leaves */
    bool coherent;         /* of the tree; constant, known to the compiler */
    bool fence;            /* lines were written back since the last fence */
};

#define NEAR_NONE (~UINT64_C(0)) /* far from every table */

static always_inline struct iopt_near near_start(bool coherent)
{
    return (struct iopt_near){ .chunk = NEAR_NONE, .coherent = coherent };
}

/* at->t becomes the 4K-leaf table that translates dfn; false: there is none. */
static always_inline bool near_find(const struct iopt *pt, struct iopt_near *at,
                                    uint64_t dfn)
{
    const uint64_t chunk = dfn >> fmt_order(1);
    uint64_t e;

    if (chunk == at->chunk) {
        return true;
    }
    if ((chunk ^ at->chunk) >> (fmt_order(2) - fmt_order(1)) != 0) {
        at->above = pool_page_ptr(pt->root_pa);
        for (unsigned int level = pt->levels - 1u; level > 1; level--) {
            e = at->above[slot_of(dfn, level)];
            if (fmt_kind(e, level) != IOPT_TABLE) {
                return false;
            }
            at->above = pool_page_ptr(fmt_table_pa(e));
        }
    }
    e = at->above[slot_of(dfn, 1)];
    if (fmt_kind(e, 1) != IOPT_TABLE) {
        return false;
    }
    at->t = tab_open(fmt_table_pa(e), 0, dfn, true);
    at->chunk = chunk;
    return true;
}

/*
 * Pairs that a leaf with this word makes, or made, in slot i. A word one step
 * away from a leaf's is a leaf's, so the kind needs no second look.
 */
static always_inline int pairs_of_leaf(const uint64_t *s, unsigned int i,
                                       uint64_t leaf)
{
    const uint64_t step = fmt_step(0);

    if (!IOPT_TRACK) {
        return 0;
    }
    if (unlikely(i == 0)) {
        return word_at(s + 1, 0) == leaf + step;
    }
    if (unlikely(i == FMT_SLOTS - 1)) {
        return word_at(s - 1, 0) + step == leaf;
    }
    return (word_at(s - 1, 0) + step == leaf) +
           (word_at(s + 1, 0) == leaf + step);
}

/* The table of 4K leaves that translates dfn became full or empty. */
static noinline_fn void fold_one(struct iopt *pt, struct iopt_gather *g,
                                 uint64_t dfn)
{
    struct iopt_job j = { .pt = pt, .g = g };

    fold_path(&j, dfn, 0);
}

/* The line of a slot that was stored to; ones_end() completes it. */
static always_inline void one_write_back(struct iopt_near *at,
                                         const uint64_t *s)
{
    if (!at->coherent) {
        cache_line_write_back(s);
        at->fence = true;
    }
}

static always_inline void ones_end(const struct iopt_near *at)
{
    if (at->fence) {
        cache_fence();
    }
}

/*
 * One frame into an empty slot of a table that exists; false: not so. @v: what
 * goes there.
 */
static always_inline bool map_one(struct iopt *pt, struct iopt_near *at,
                                  uint64_t dfn, uint64_t v,
                                  struct iopt_gather *g)
{
    const unsigned int i = slot_of(dfn, 0);
    uint64_t *s;

    if (!near_find(pt, at, dfn)) {
        return false;
    }
    s = &at->t.slots[i];
    if (!fmt_is_empty(*s)) {
        return false;
    }
    IOPT_STORE(s, v);
    tab_count(&at->t, 1, pairs_of_leaf(s, i, v));
    pt->counts.leaves[0]++;
    one_write_back(at, s);
    if (unlikely(at->t.meta->joined == FMT_SLOTS - 1) &&
        !is_put_off(pt, &at->t)) {
        fold_one(pt, g, dfn);
        at->chunk = NEAR_NONE;
    }
    return true;
}

enum iopt_one {
    IOPT_ONE_OTHER, /* not a case for these functions */
    IOPT_ONE_HOLE,  /* nothing was mapped there */
    IOPT_ONE_GONE,  /* unmapped */
};

/* A frame of a table that exists, in no group. What g does not learn is owed. */
static always_inline enum iopt_one unmap_one(struct iopt *pt,
                                             struct iopt_near *at, uint64_t dfn,
                                             struct iopt_gather *g)
{
    const unsigned int i = slot_of(dfn, 0);
    uint64_t *s, old;

    if (!near_find(pt, at, dfn)) {
        return IOPT_ONE_OTHER;
    }
    s = &at->t.slots[i];
    old = *s;
    if (fmt_is_empty(old)) {
        return IOPT_ONE_HOLE;
    }
    if (FMT_GROUP_BITS && fmt_group_bits(old, 0)) {
        return IOPT_ONE_OTHER;
    }
    IOPT_STORE(s, FMT_EMPTY_WORD);
    tab_count(&at->t, -1, -pairs_of_leaf(s, i, old));
    pt->counts.leaves[0]--;
    one_write_back(at, s);
    if (unlikely(at->t.meta->present == 0)) {
        fold_one(pt, g, dfn);
        at->chunk = NEAR_NONE;
    }
    return IOPT_ONE_GONE;
}

static always_inline unsigned int map_each(struct iopt *pt,
                                           const uint32_t *frame,
                                           const uint32_t *end, uint32_t prot,
                                           struct iopt_gather *g, bool coherent)
{
    const uint64_t last = min_of(pt->dfn_last, pt->mfn_last);
    const uint64_t like = fmt_leaf(0, prot, 0, pt->leaf_extra);
    struct iopt_near at = near_start(coherent);
    const uint32_t *f = frame;

    while (f < end && *f <= last &&
           map_one(pt, &at, *f, like + *f * fmt_step(0), g)) {
        f++;
    }
    ones_end(&at);
    return (unsigned int)(f - frame);
}

static always_inline unsigned int unmap_each(struct iopt *pt,
                                             const uint32_t *frame,
                                             const uint32_t *end,
                                             struct iopt_gather *g,
                                             bool coherent)
{
    struct iopt_near at = near_start(coherent);
    const uint32_t *f = frame;

    while (f < end && *f <= pt->dfn_last &&
           unmap_one(pt, &at, *f, g) != IOPT_ONE_OTHER) {
        f++;
    }
    ones_end(&at);
    return (unsigned int)(f - frame);
}

static unsigned int op_map_list(struct iopt *pt, const uint32_t *frame,
                                unsigned int nr, uint32_t prot,
                                struct iopt_gather *g)
{
    /* As for any map: unmap must afford what this one may coalesce to. */
    if (pt->spare.nr < pt->spare_min) {
        return 0;
    }
    return likely(pt->coherent)
               ? map_each(pt, frame, frame + nr, prot, g, true)
               : map_each(pt, frame, frame + nr, prot, g, false);
}

static unsigned int op_unmap_list(struct iopt *pt, const uint32_t *frame,
                                  unsigned int nr, struct iopt_gather *g)
{
    return likely(pt->coherent) ? unmap_each(pt, frame, frame + nr, g, true)
                                : unmap_each(pt, frame, frame + nr, g, false);
}

#endif
