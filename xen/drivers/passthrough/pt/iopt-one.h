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
#define owe_merged    IOPT_SYM(owe_merged)
#define op_map_list   IOPT_SYM(map_list)
#define op_unmap_list IOPT_SYM(unmap_list)

/* Where the last frame was found. */
struct iopt_near {
    uint64_t dfn;          /* that frame, or beyond all frames */
    const uint64_t *above; /* slots of the table above t */
    struct iopt_tab t;     /* its table of 4K leaves */
    bool fence;            /* lines were written back since the last fence */
};

static always_inline struct iopt_near near_nothing(void)
{
    return (struct iopt_near){ .dfn = ~UINT64_C(0) };
}

/* at->t becomes the 4K-leaf table that translates dfn; false: there is none. */
static always_inline bool near_find(const struct iopt *pt, struct iopt_near *at,
                                    uint64_t dfn)
{
    const uint64_t far = dfn ^ at->dfn;
    uint64_t e;

    if (far >> fmt_order(1) == 0) {
        return true;
    }
    if (far >> fmt_order(2) != 0) {
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
    at->dfn = dfn;
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

/*
 * What single frames must know of a gather: close_nr frames from close_first on
 * touch its last extent. A look at all the others does not pay.
 */
struct iopt_tail {
    struct iopt_gather *g;
    struct iopt_extent *next; /* after the last one */
    uint64_t close_first;     /* modulo 2^64 */
    uint64_t close_nr;
};

static always_inline struct iopt_tail tail_of(struct iopt_gather *g)
{
    struct iopt_extent *const next = &g->ext[g->nr_ext];

    if (g->nr_ext == 0) {
        return (struct iopt_tail){ g, next, 0, 0 };
    }
    return (struct iopt_tail){ g, next, next[-1].first - 1,
                               next[-1].last - next[-1].first + 3 };
}

static noinline_fn struct iopt_tail owe_merged(struct iopt_gather *g,
                                               uint64_t dfn, unsigned int what)
{
    const struct iopt_extent e = { .first = dfn,
                                   .last = dfn,
                                   .owe = (uint8_t)what };

    iopt_gather_add(g, &e);
    return tail_of(g);
}

/* What one frame of a table of 4K leaves owes. */
static always_inline void owe_one(struct iopt_tail *to, uint64_t dfn,
                                  unsigned int what)
{
    struct iopt_extent *const e = to->next;

    if (dfn - to->close_first < to->close_nr ||
        e == &to->g->ext[IOPT_GATHER_EXTENTS]) {
        *to = owe_merged(to->g, dfn, what);
        return;
    }
    *e = (struct iopt_extent){ dfn, dfn, 0, (uint8_t)what };
    to->g->owe |= (uint8_t)what;
    to->g->nr_ext++;
    to->next = e + 1;
    to->close_first = dfn - 1;
    to->close_nr = 3;
}

/* The table of 4K leaves that translates dfn became full or empty. */
static noinline_fn struct iopt_tail fold_one(struct iopt *pt,
                                             struct iopt_gather *g,
                                             uint64_t dfn)
{
    struct iopt_job j = { .pt = pt, .g = g };

    fold_path(&j, dfn, 0);
    return tail_of(g);
}

/* The line of a slot that was stored to; ones_end() completes it. */
static always_inline void one_write_back(const struct iopt *pt,
                                         struct iopt_near *at,
                                         const uint64_t *s)
{
    if (!pt->coherent) {
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

/* One frame into an empty slot of a table that exists; false: not so. */
static always_inline bool map_one(struct iopt *pt, struct iopt_near *at,
                                  uint64_t dfn, uint64_t mfn, uint32_t prot,
                                  struct iopt_gather *g)
{
    const unsigned int i = slot_of(dfn, 0);
    const uint64_t v = fmt_leaf(mfn, prot, 0, pt->leaf_extra);
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
    one_write_back(pt, at, s);
    if (unlikely(pt->track_added)) {
        struct iopt_tail to = tail_of(g);

        owe_one(&to, dfn, IOPT_OWE_ADDED);
    }
    if (unlikely(at->t.meta->joined == FMT_SLOTS - 1) &&
        !is_put_off(pt, &at->t)) {
        (void)fold_one(pt, g, dfn);
        at->dfn = near_nothing().dfn;
    }
    return true;
}

/* A frame of a table that exists, in no group; false if anything else. */
static always_inline bool unmap_one(struct iopt *pt, struct iopt_near *at,
                                    uint64_t dfn, struct iopt_tail *to)
{
    const unsigned int i = slot_of(dfn, 0);
    uint64_t *s, old;

    if (!near_find(pt, at, dfn)) {
        return false;
    }
    s = &at->t.slots[i];
    old = *s;
    if (fmt_is_empty(old)) {
        return true;
    }
    if (FMT_GROUP_BITS && fmt_group_bits(old, 0)) {
        return false;
    }
    IOPT_STORE(s, FMT_EMPTY_WORD);
    tab_count(&at->t, -1, -pairs_of_leaf(s, i, old));
    pt->counts.leaves[0]--;
    one_write_back(pt, at, s);
    owe_one(to, dfn, IOPT_OWE_STALE);
    if (unlikely(at->t.meta->present == 0)) {
        *to = fold_one(pt, to->g, dfn);
        at->dfn = near_nothing().dfn;
    }
    return true;
}

static unsigned int op_map_list(struct iopt *pt, const uint32_t *frame,
                                unsigned int nr, uint32_t prot,
                                struct iopt_gather *g)
{
    const uint64_t last = min_of(pt->dfn_last, pt->mfn_last);
    const uint32_t *const end = frame + nr;
    const uint32_t *f = frame;
    struct iopt_near at = near_nothing();

    /* As for any map: unmap must afford what this one may coalesce to. */
    if (pt->spare.nr < pt->spare_min) {
        return 0;
    }
    while (f < end && *f <= last && map_one(pt, &at, *f, *f, prot, g)) {
        f++;
    }
    ones_end(&at);
    return (unsigned int)(f - frame);
}

static unsigned int op_unmap_list(struct iopt *pt, const uint32_t *frame,
                                  unsigned int nr, struct iopt_gather *g)
{
    const uint32_t *const end = frame + nr;
    const uint32_t *f = frame;
    struct iopt_near at = near_nothing();
    struct iopt_tail to = tail_of(g);

    while (f < end && *f <= pt->dfn_last && unmap_one(pt, &at, *f, &to)) {
        f++;
    }
    ones_end(&at);
    return (unsigned int)(f - frame);
}

#endif
