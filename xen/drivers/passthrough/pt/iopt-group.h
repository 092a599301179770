/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Template part: groups, for formats that have them; for others all of it
 * compiles to nothing. Runs are written as groups when they are mapped. Counts,
 * checks and coalescing see the leaves that a group stands for (tab_word()),
 * so they stay exact. What changes a slot first rewrites what its group has
 * outside; each of these stores leaves the translation as it is.
 */
#ifndef PT_IOPT_GROUP_H
#define PT_IOPT_GROUP_H

#include "iopt-walk.h"

#define put_groups  IOPT_SYM(put_groups)
#define cut_group   IOPT_SYM(cut_group)
#define flatten     IOPT_SYM(flatten)
#define group_order IOPT_SYM(group_order)

/*
 * Leaves for slots i..i+n-1, v the first, as groups where both alignments
 * allow: only between two leaf sizes that the tree may use.
 */
static noinline_fn void put_groups(const struct iopt *pt, struct iopt_tab *t,
                                   unsigned int i, unsigned int n, uint64_t v)
{
    const unsigned int most =
        pt->leaf_mask >> (t->level + 1) & 1 ? FMT_GROUP_BITS : 0;

    while (n > 0) {
        const uint64_t at =
            i | fmt_leaf_mfn(v, t->level) >> fmt_order(t->level);
        unsigned int k = most;
        uint64_t word;

        while (n >> k == 0 || !is_aligned(at, BIT64(k))) {
            k--;
        }
        word = fmt_group(v, k, t->level);
        for (const unsigned int end = i + (1u << k); i < end; i++) {
            put_one(&t->slots[i], word, t->live);
        }
        n -= 1u << k;
        v += fmt_step(t->level) << k;
    }
}

/* Leaves for n slots from i on, v the first; nothing is there, or the same. */
static always_inline void put_leaf_run(const struct iopt *pt,
                                       struct iopt_tab *t, unsigned int i,
                                       unsigned int n, uint64_t v,
                                       uint64_t step, bool live)
{
    if (FMT_GROUP_BITS) {
        put_groups(pt, t, i, n, v);
    } else {
        put_run(&t->slots[i], n, v, step, live);
    }
}

/*
 * Of the group in slot at, the slots outside i..i+n-1 get smaller groups. Units
 * may have cached all of it as one, so all of it is owed.
 */
static noinline_fn void cut_group(struct iopt_job *j, struct iopt_tab *t,
                                  unsigned int at, unsigned int i,
                                  unsigned int n)
{
    const unsigned int bits = fmt_group_bits(t->slots[at], t->level);
    const unsigned int first = align_down(at, 1u << bits);
    const unsigned int end = first + (1u << bits);
    const unsigned int after = i + n;

    if (first >= i && end <= after) {
        return;
    }
    if (first < i) {
        put_groups(j->pt, t, first, i - first, tab_word(t, first));
    }
    if (end > after) {
        put_groups(j->pt, t, after, end - after, tab_word(t, after));
    }
    tab_touch(t, first, end - first);
    if (t->live) {
        owe(j, tab_dfn(t, first), tab_dfn(t, end) - 1,
            fmt_order(t->level) + bits, IOPT_OWE_STALE);
    }
}

/* Slots i..i+n-1 are about to change: no group may reach out of them. */
static always_inline void cut(struct iopt_job *j, struct iopt_tab *t,
                              unsigned int i, unsigned int n)
{
    if (FMT_GROUP_BITS) {
        cut_group(j, t, i, i, n);
        if (align_down(i, 1u << fmt_group_bits(t->slots[i], t->level)) !=
            align_down(i + n - 1,
                       1u << fmt_group_bits(t->slots[i + n - 1], t->level))) {
            cut_group(j, t, i + n - 1, i, n);
        }
    }
}

/* The slot after the group that slot i is in. */
static always_inline unsigned int group_end(const struct iopt_tab *t,
                                            unsigned int i)
{
    const unsigned int bits =
        FMT_GROUP_BITS ? fmt_group_bits(t->slots[i], t->level) : 0;

    return align_down(i, 1u << bits) + (1u << bits);
}

/* Log2 of the frames that a unit may have cached as one for these slots. */
static always_inline unsigned int group_order(const struct iopt_tab *t,
                                              unsigned int i, unsigned int n)
{
    unsigned int bits = 0;

    for (unsigned int k = i; FMT_GROUP_BITS && k < i + n; k = group_end(t, k)) {
        bits = max_of(bits, fmt_group_bits(t->slots[k], t->level));
    }
    return fmt_order(t->level) + bits;
}

/* No groups in slots i..i+n-1. */
static void flatten(struct iopt_job *j, struct iopt_tab *t, unsigned int i,
                    unsigned int n)
{
    const unsigned int order = group_order(t, i, n);

    if (order == fmt_order(t->level)) {
        return;
    }
    cut(j, t, i, n);
    owe(j, tab_dfn(t, i), tab_dfn(t, i + n) - 1, order, IOPT_OWE_STALE);
    for (unsigned int k = i; k < i + n; k++) {
        if (fmt_group_bits(t->slots[k], t->level)) {
            put_one(&t->slots[k], tab_word(t, k), t->live);
        }
    }
    tab_touch(t, i, n);
}

#endif
