/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Template part 3: map and replace. The check walks the run, finds
 * conflicts and counts tables; only when all of them are in hand does the
 * commit store anything, and then nothing can fail.
 */
#ifndef PT_IOPT_MAP_H
#define PT_IOPT_MAP_H

#include "iopt-one.h"

#define check_leaves IOPT_SYM(check_leaves)
#define check_map    IOPT_SYM(check_map)
#define tables_for   IOPT_SYM(tables_for)
#define put_leaves   IOPT_SYM(put_leaves)
#define put_over     IOPT_SYM(put_over)
#define descend_map  IOPT_SYM(descend_map)
#define commit_map   IOPT_SYM(commit_map)
#define map_run      IOPT_SYM(map_run)
#define op_map       IOPT_SYM(map)
#define op_replace   IOPT_SYM(replace)

/* dfn..end, inside one slot, can be one leaf of the level. */
static always_inline bool fits(const struct iopt_job *j, unsigned int level,
                               uint64_t dfn, uint64_t end)
{
    return is_whole(dfn, end, level) && (j->pt->leaf_mask >> level & 1) &&
           is_aligned(dfn + j->delta, frames_at(level));
}

/* The leaf translates dfn, and so the rest of it, just as the job asks. */
static always_inline bool says_same(const struct iopt_job *j, uint64_t leaf,
                                    unsigned int level, uint64_t dfn)
{
    return fmt_leaf_mfn(leaf, level) + (dfn & (frames_at(level) - 1)) ==
               dfn + j->delta &&
           fmt_prot(leaf) == j->prot;
}

/* Tables for dfn..end below a slot that holds none: one of level, and more. */
static uint64_t tables_for(const struct iopt_job *j, unsigned int level,
                           uint64_t dfn, uint64_t last)
{
    uint64_t nr = 1;

    while (level > 0) {
        const uint64_t end = slot_end(dfn, level, last);

        if (!fits(j, level, dfn, end)) {
            nr += tables_for(j, level - 1, dfn, end);
        }
        if (end == last) {
            break;
        }
        dfn = end + 1;
    }
    return nr;
}

static always_inline bool line_is_empty(const uint64_t *s)
{
    uint64_t full = 0;

#pragma GCC unroll 8
    for (unsigned int k = 0; k < LINE_SLOTS; k++) {
        full |= fmt_full(s[k]);
    }
    return full == 0;
}

/* How many of n slots are empty before the first that is not. */
static always_inline unsigned int empty_prefix(const uint64_t *s,
                                               unsigned int n)
{
    unsigned int k = 0;

    while (k + LINE_SLOTS <= n && line_is_empty(&s[k])) {
        k += LINE_SLOTS;
    }
    while (k < n && fmt_is_empty(s[k])) {
        k++;
    }
    return k;
}

/* Slots of a table from dfn's on that dfn..last covers whole. */
static always_inline unsigned int whole_slots(unsigned int level, uint64_t dfn,
                                              uint64_t last)
{
    const uint64_t n = ((last - dfn) + 1) >> fmt_order(level);

    return (unsigned int)min_of(n, (uint64_t)FMT_SLOTS - slot_of(dfn, level));
}

/* The same for n slots of a 4K-leaf table, most often empty ones. */
static int check_leaves(struct iopt_job *j, const uint64_t *s, uint64_t dfn,
                        unsigned int n)
{
    for (unsigned int k = 0;; k++) {
        const unsigned int from = k;

        k += empty_prefix(&s[k], n - k);
        j->todo |= k > from;
        if (k == n) {
            return 0;
        }
        j->blank = false;
        if (!says_same(j, word_at(&s[k], 0), 0, dfn + k)) {
            if (!j->overwrite) {
                return -EEXIST;
            }
            j->todo = true;
        }
    }
}

static int check_map(struct iopt_job *j, paddr_t pa, unsigned int level,
                     uint64_t dfn, uint64_t last)
{
    const uint64_t *s = (const uint64_t *)pool_page_ptr(pa);

    s += slot_of(dfn, level);
    if (level == 0) {
        return check_leaves(j, s, dfn, (unsigned int)(last - dfn) + 1);
    }
    for (;;) {
        uint64_t end = slot_end(dfn, level, last);
        const uint64_t e = *s;
        const uint64_t need = j->need;
        unsigned int n = 1;
        int rc;

        switch (fmt_kind(e, level)) {
        case IOPT_LEAF:
            j->blank = false;
            if (says_same(j, word_at(s, level), level, dfn)) {
                break;
            }
            if (!j->overwrite) {
                return -EEXIST;
            }
            /* Its shattered parts are replaced by the same tables. */
            fallthrough;
        case IOPT_EMPTY:
            j->todo = true;
            if (!fits(j, level, dfn, end)) {
                j->need += tables_for(j, level - 1, dfn, end);
            } else if (fmt_is_empty(e)) {
                /* All whole slots after one that fits do, too. */
                n = empty_prefix(s, whole_slots(level, dfn, last));
                end = dfn + ((uint64_t)n << fmt_order(level)) - 1;
            }
            break;
        case IOPT_TABLE:
            if (!fits(j, level, dfn, end)) {
                rc = check_map(j, fmt_table_pa(e), level - 1, dfn, end);
            } else {
                /* One leaf replaces the table: only conflicts matter. */
                j->todo = true;
                j->blank = false;
                rc = j->overwrite
                         ? 0
                         : check_map(j, fmt_table_pa(e), level - 1, dfn, end);
                j->need = need;
            }
            if (rc) {
                return rc;
            }
            break;
        }
        if (end == last) {
            return 0;
        }
        dfn = end + 1;
        s += n;
    }
}

/* Put a leaf over an entry that is not empty. */
static void put_over(struct iopt_job *j, struct iopt_tab *t, unsigned int i,
                     uint64_t v)
{
    uint64_t *const leaves = j->pt->counts.leaves;
    const uint64_t old = t->slots[i];
    unsigned int was, what;

    if (fmt_kind(old, t->level) == IOPT_LEAF) {
        if (!says_same(j, tab_word(t, i), t->level, tab_dfn(t, i))) {
            cut(j, t, i, 1);
            tab_set(t, i, v);
            owe_slot(j, t, i, fmt_order(t->level), IOPT_OWE_STALE);
        }
        return;
    }

    tab_set(t, i, v);
    was = drop_subtree(j, fmt_table_pa(old), t->level - 1);
    leaves[t->level]++;
    /* Without overwrite the check found nothing that translates otherwise. */
    what = IOPT_OWE_TABLES;
    if (j->overwrite) {
        what |= IOPT_OWE_STALE;
    }
    if (j->pt->track_added) {
        what |= IOPT_OWE_ADDED;
    }
    owe_slot(j, t, i, was, what);
}

/* Leaves for slots i..i+n-1, all of which fit. */
static void put_leaves(struct iopt_job *j, struct iopt_tab *t, unsigned int i,
                       unsigned int n)
{
    const uint64_t step = fmt_step(t->level);
    uint64_t v = fmt_leaf(tab_dfn(t, i) + j->delta, j->prot, t->level,
                          j->pt->leaf_extra);

    while (n > 0) {
        const unsigned int k = j->blank ? n : empty_prefix(&t->slots[i], n);

        if (k > 0) {
            if (t->level == 0) {
                put_leaf_run(j->pt, t, i, k, v, fmt_step(0), true);
            } else {
                put_leaf_run(j->pt, t, i, k, v, step, true);
            }
            tab_count_run(t, i, k);
            j->pt->counts.leaves[t->level] += k;
            if (j->pt->track_added) {
                owe(j, tab_dfn(t, i), tab_dfn(t, i + k) - 1, 0, IOPT_OWE_ADDED);
            }
            i += k;
            n -= k;
            v += step * k;
        }
        if (n > 0) {
            put_over(j, t, i, v);
            i++;
            n--;
            v += step;
        }
    }
}

static void commit_map(struct iopt_job *j, struct iopt_tab *t, uint64_t dfn,
                       uint64_t last);

/* A new 4K-leaf table with dfn..end mapped; no slot is written twice. */
static struct iopt_tab fill_leaf_table(struct iopt_job *j, uint64_t dfn,
                                       uint64_t end)
{
    struct iopt_tab c = tab_new(j, 0, dfn);
    const unsigned int i = slot_of(dfn, 0);
    const unsigned int n = (unsigned int)(end - dfn) + 1;
    const uint64_t v = fmt_leaf(dfn + j->delta, j->prot, 0, j->pt->leaf_extra);

    tab_blank(&c, 0, i);
    put_leaf_run(j->pt, &c, i, n, v, fmt_step(0), false);
    tab_blank(&c, i + n, FMT_SLOTS - i - n);
    tab_count(&c, (int)n, (int)n - 1);
    j->pt->counts.leaves[0] += n;
    if (j->pt->track_added) {
        owe(j, dfn, end, 0, IOPT_OWE_ADDED);
    }
    return c;
}

/* dfn..end, inside slot i of t, needs smaller leaves than t's level. */
static void descend_map(struct iopt_job *j, struct iopt_tab *t, unsigned int i,
                        uint64_t dfn, uint64_t end)
{
    const uint64_t e = t->slots[i];
    const unsigned int below = t->level - 1;
    struct iopt_tab c;

    switch (fmt_kind(e, t->level)) {
    case IOPT_EMPTY:
        if (below == 0) {
            c = fill_leaf_table(j, dfn, end);
        } else {
            c = tab_new(j, below, dfn);
            tab_blank(&c, 0, FMT_SLOTS);
            commit_map(j, &c, dfn, end);
        }
        tab_link(j, t, i, &c);
        break;
    case IOPT_LEAF:
        if (!says_same(j, tab_word(t, i), t->level, dfn)) {
            c = tab_shatter(j, t, i);
            commit_map(j, &c, dfn, end);
            tab_link(j, t, i, &c);
        }
        break;
    case IOPT_TABLE:
        c = tab_open(fmt_table_pa(e), below, dfn, t->live);
        commit_map(j, &c, dfn, end);
        fold(j, t, i, &c);
        break;
    }
}

static void commit_map(struct iopt_job *j, struct iopt_tab *t, uint64_t dfn,
                       uint64_t last)
{
    const unsigned int order = fmt_order(t->level);

    for (;;) {
        const unsigned int i = slot_of(dfn, t->level);
        uint64_t end = slot_end(dfn, t->level, last);

        if (fits(j, t->level, dfn, end)) {
            const unsigned int n = whole_slots(t->level, dfn, last);

            put_leaves(j, t, i, n);
            end = dfn + ((uint64_t)n << order) - 1;
        } else {
            descend_map(j, t, i, dfn, end);
        }
        if (end == last) {
            break;
        }
        dfn = end + 1;
    }
    tab_close(j->pt, t);
}

static always_inline int run_check(const struct iopt *pt,
                                   const struct iopt_run *r)
{
    if (r->nr == 0) {
        return -EINVAL;
    }
    /* Compared as counts: dfn + nr may wrap, dfn_last - dfn cannot. */
    if (r->dfn.n > pt->dfn_last || r->nr - 1 > pt->dfn_last - r->dfn.n) {
        return -ERANGE;
    }
    return 0;
}

/* A run that map_one() is not for. */
static noinline_fn int map_run(struct iopt *pt, const struct iopt_run *r,
                               struct iopt_gather *g, bool overwrite)
{
    struct iopt_job j = {
        .pt = pt,
        .g = g,
        .delta = r->mfn.n - r->dfn.n,
        .prot = r->prot,
        .overwrite = overwrite,
        .blank = true,
    };
    const uint64_t first = r->dfn.n;
    const uint64_t last = first + (r->nr - 1);
    struct iopt_tab root;
    int rc;

    rc = check_map(&j, pt->root_pa, pt->levels - 1u, first, last);
    if (rc || !j.todo) {
        return rc;
    }
    rc = iopt_take_tables(pt, j.need, false, &j.tables);
    if (rc) {
        return rc;
    }

    /* Past this line nothing can fail, so devices never see half a run. */
    root = root_open(pt);
    commit_map(&j, &root, first, last);
    iopt_return_tables(pt, &j.tables);
    return 0;
}

static always_inline int map_common(struct iopt *pt, const struct iopt_run *r,
                                    struct iopt_gather *g, bool overwrite)
{
    const int rc = run_check(pt, r);

    if (rc) {
        return rc;
    }
    if (r->prot == 0 || (r->prot & ~(unsigned int)IOPT_RW) != 0) {
        return -EINVAL;
    }
    if (r->mfn.n > pt->mfn_last || r->nr - 1 > pt->mfn_last - r->mfn.n) {
        return -ERANGE;
    }
    /* Any map may end in a large leaf, by coalescing; unmap must afford it. */
    if (pt->spare.nr < pt->spare_min && iopt_fill_reserve(pt)) {
        return -ENOMEM;
    }
    if (r->nr == 1) {
        struct iopt_near at = near_start(pt->coherent);

        if (map_one(pt, &at, r->dfn.n,
                    fmt_leaf(r->mfn.n, r->prot, 0, pt->leaf_extra), g)) {
            if (pt->track_added) {
                iopt_gather_frame(g, r->dfn.n, IOPT_OWE_ADDED);
            }
            ones_end(&at);
            return 0;
        }
    }
    return map_run(pt, r, g, overwrite);
}

static int op_map(struct iopt *pt, const struct iopt_run *r,
                  struct iopt_gather *g)
{
    return map_common(pt, r, g, false);
}

static int op_replace(struct iopt *pt, const struct iopt_run *r,
                      struct iopt_gather *g)
{
    return map_common(pt, r, g, true);
}

#endif
