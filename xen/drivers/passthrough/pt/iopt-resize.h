/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Template part 2: a leaf becomes a table (shatter) and a table
 * becomes a leaf or nothing (fold). Neither changes a translation.
 */
#ifndef PT_IOPT_RESIZE_H
#define PT_IOPT_RESIZE_H

#include "iopt-group.h"

#define tab_shatter  IOPT_SYM(tab_shatter)
#define fold         IOPT_SYM(fold)
#define fold_path    IOPT_SYM(fold_path)
#define drop_subtree IOPT_SYM(drop_subtree)
#define op_settle    IOPT_SYM(settle)

/*
 * A table that says what the leaf in slot i says, not linked yet: the caller
 * changes its part and links it, so devices see both steps as one store.
 */
static struct iopt_tab tab_shatter(struct iopt_job *j, struct iopt_tab *t,
                                   unsigned int i)
{
    struct iopt *const pt = j->pt;
    const uint64_t old = tab_word(t, i);
    const unsigned int level = t->level - 1;
    const uint64_t step = fmt_step(level);
    struct iopt_tab c = tab_new(j, level, tab_dfn(t, i));
    const uint64_t v = fmt_leaf(fmt_leaf_mfn(old, t->level), fmt_prot(old),
                                level, pt->leaf_extra);

    cut(j, t, i, 1);
    put_leaf_run(pt, &c, 0, FMT_SLOTS, v, step, false);
    tab_count(&c, FMT_SLOTS, FMT_SLOTS - 1);
    pt->counts.leaves[t->level]--;
    pt->counts.leaves[level] += FMT_SLOTS;
    pt->counts.shatters++;
    /* The cached large translation outlives any smaller invalidation. */
    owe_slot(j, t, i, fmt_order(t->level), IOPT_OWE_STALE);
    return c;
}

/*
 * Unlinked tables of a subtree to the gather. Returns the order of its largest
 * leaf; where there may be groups, of the largest there may be.
 */
static unsigned int drop_subtree(struct iopt_job *j, paddr_t pa,
                                 unsigned int level)
{
    const uint64_t *const slots = pool_page_ptr(pa);
    uint64_t *const leaves = j->pt->counts.leaves;
    unsigned int left = iopt_meta_of(pa)->present;
    unsigned int top = 0;

    if (level == 0) {
        leaves[0] -= left;
        left = 0;
        top = FMT_GROUP_BITS;
    }
    for (unsigned int i = 0; left > 0; i++) {
        const uint64_t e = slots[i];

        switch (fmt_kind(e, level)) {
        case IOPT_EMPTY:
            continue;
        case IOPT_LEAF:
            leaves[level]--;
            top = fmt_order(level) + FMT_GROUP_BITS;
            break;
        case IOPT_TABLE:
            top = max_of(top, drop_subtree(j, fmt_table_pa(e), level - 1));
            break;
        }
        left--;
    }
    tab_retire(j, pa);
    return top;
}

/* Will iopt_settle() look at this table anyway? */
static inline bool is_put_off(const struct iopt *pt, const struct iopt_tab *c)
{
    for (unsigned int k = 0; k < pt->nr_pending; k++) {
        if (pt->pending[k].dfn == c->base && pt->pending[k].level == c->level) {
            return true;
        }
    }
    return false;
}

/* Remember a full table for iopt_settle(); false if there is no room. */
static bool put_off(struct iopt *pt, const struct iopt_tab *c)
{
    if (is_put_off(pt, c)) {
        return true;
    }
    if (pt->nr_pending == IOPT_PENDING) {
        return false;
    }
    pt->pending[pt->nr_pending++] =
        (struct iopt_pending){ .dfn = c->base, .level = (uint8_t)c->level };
    return true;
}

/*
 * After a change in c, the table in slot i of t: drop it if empty, make it one
 * leaf if it is uniform. Returns whether slot i changed.
 */
static bool fold(struct iopt_job *j, struct iopt_tab *t, unsigned int i,
                 const struct iopt_tab *c)
{
    struct iopt *const pt = j->pt;
    uint64_t first, mfn;

    if (c->meta->present == 0) {
        tab_set(t, i, FMT_EMPTY_WORD);
        owe_slot(j, t, i, 0, IOPT_OWE_TABLES);
        tab_retire(j, c->pa);
        pt->counts.coalesces_empty++;
        return true;
    }
    if (likely(c->meta->joined != FMT_SLOTS - 1)) {
        return false;
    }
    if (((unsigned int)pt->leaf_mask & ~pt->no_coalesce) >> t->level & 1) {
        first = tab_word(c, 0);
        mfn = fmt_leaf_mfn(first, c->level);
        if (!is_aligned(mfn, frames_at(t->level)) ||
            (pt->lazy_coalesce && !j->force && put_off(pt, c))) {
            return false;
        }
        tab_set(t, i, fmt_leaf(mfn, fmt_prot(first), t->level, pt->leaf_extra));
        owe_slot(j, t, i, fmt_order(c->level), IOPT_OWE_TABLES);
        tab_retire(j, c->pa);
        pt->counts.leaves[c->level] -= FMT_SLOTS;
        pt->counts.leaves[t->level]++;
        pt->counts.coalesces_full++;
        return true;
    }
    return false;
}

/* Fold the table of a level that translates dfn, then its parents. */
static noinline_fn void fold_path(struct iopt_job *j, uint64_t dfn,
                                  unsigned int level)
{
    const unsigned int top = j->pt->levels - 1u;

    for (; level < top; level++) {
        struct iopt_tab t = root_open(j->pt);
        struct iopt_tab c;
        unsigned int i;

        for (;;) {
            i = slot_of(dfn, t.level);
            /* Folded, shattered or dropped meanwhile: nothing to do. */
            if (fmt_kind(t.slots[i], t.level) != IOPT_TABLE) {
                return;
            }
            c = tab_open(fmt_table_pa(t.slots[i]), t.level - 1, dfn, true);
            if (c.level == level) {
                break;
            }
            t = c;
        }
        if (!fold(j, &t, i, &c)) {
            return;
        }
        tab_close(j->pt, &t);
    }
}

static int op_settle(struct iopt *pt, unsigned int budget,
                     struct iopt_gather *g)
{
    struct iopt_job j = { .pt = pt, .g = g, .force = true };

    for (; pt->nr_pending > 0; budget--) {
        struct iopt_pending p;

        if (budget == 0) {
            return -ERESTART;
        }
        p = pt->pending[--pt->nr_pending];
        fold_path(&j, p.dfn, p.level);
    }
    return 0;
}

#endif
