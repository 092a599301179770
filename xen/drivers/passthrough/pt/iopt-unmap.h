/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Template part 4: what works on what is there: unmap, protect, split.
 * Only leaves cut by the run's two ends need tables; they are taken first.
 */
#ifndef PT_IOPT_UNMAP_H
#define PT_IOPT_UNMAP_H

#include "iopt-map.h"

#define check_ends   IOPT_SYM(check_ends)
#define clear_leaves IOPT_SYM(clear_leaves)
#define clear_run    IOPT_SYM(clear_run)
#define protect_run  IOPT_SYM(protect_run)
#define commit_unmap IOPT_SYM(commit_unmap)
#define commit_prot  IOPT_SYM(commit_prot)
#define check_split  IOPT_SYM(check_split)
#define commit_split IOPT_SYM(commit_split)
#define unmap_run    IOPT_SYM(unmap_run)
#define op_unmap     IOPT_SYM(unmap)
#define op_protect   IOPT_SYM(protect)
#define op_split     IOPT_SYM(split)

/* Tables to cut a leaf down to dfn..last, the first one being of level. */
static uint64_t tables_to_cut(unsigned int level, uint64_t dfn, uint64_t last)
{
    uint64_t nr = 1;

    if (level > 0) {
        const uint64_t end = slot_end(dfn, level, last);

        if (!is_whole(dfn, end, level)) {
            nr += tables_to_cut(level - 1, dfn, end);
        }
        if (end != last) {
            const uint64_t begin = align_down(last, frames_at(level));

            if (!is_whole(begin, last, level)) {
                nr += tables_to_cut(level - 1, begin, last);
            }
        }
    }
    return nr;
}

/* Tables for the leaf or subtree that holds dfn..end, a part of one slot. */
static void check_ends(struct iopt_job *j, paddr_t pa, unsigned int level,
                       uint64_t dfn, uint64_t last)
{
    const uint64_t *const slots = pool_page_ptr(pa);
    uint64_t begin = dfn;

    for (;;) {
        const uint64_t end = slot_end(begin, level, last);
        const uint64_t e = slots[slot_of(begin, level)];

        if (!is_whole(begin, end, level)) {
            switch (fmt_kind(e, level)) {
            case IOPT_EMPTY:
                break;
            case IOPT_LEAF:
                /* Permissions that are right already need no cut. */
                if (fmt_prot(e) != j->prot) {
                    j->need += tables_to_cut(level - 1, begin, end);
                }
                break;
            case IOPT_TABLE:
                check_ends(j, fmt_table_pa(e), level - 1, begin, end);
                break;
            }
        }
        if (end == last) {
            break;
        }
        /* On to the last slot; whole ones in between need nothing. */
        begin = max_of(end + 1, align_down(last, frames_at(level)));
    }
}

static always_inline bool line_continues(const uint64_t *s, uint64_t next,
                                         uint64_t step)
{
    uint64_t differs = 0;

#pragma GCC unroll 8
    for (unsigned int n = 0; n < LINE_SLOTS; n++, next += step) {
        differs |= s[n] ^ next;
    }
    return differs == 0;
}

/*
 * The leaf in slot i and those before end that continue it cease to be. A slot
 * that equals the last one plus a step is present and joined, so one comparison
 * tells both. Returns the slot after them; the pairs that go, except the one to
 * the left of i, are added to *pairs.
 */
static always_inline unsigned int clear_stretch(struct iopt_tab *t,
                                                unsigned int i,
                                                unsigned int end, uint64_t step,
                                                int *pairs)
{
    uint64_t *const s = t->slots;
    uint64_t next = tab_word(t, i) + step;
    unsigned int k = i + 1;

    IOPT_STORE(&s[i], FMT_EMPTY_WORD);
    while (!FMT_GROUP_BITS && k + LINE_SLOTS <= end &&
           line_continues(&s[k], next, step)) {
#pragma GCC unroll 8
        for (unsigned int n = 0; n < LINE_SLOTS; n++) {
            IOPT_STORE(&s[k + n], FMT_EMPTY_WORD);
        }
        k += LINE_SLOTS;
        next += LINE_SLOTS * step;
    }
    while (k < end && tab_word(t, k) == next) {
        for (const unsigned int to = min_of(group_end(t, k), end); k < to;
             k++) {
            IOPT_STORE(&s[k], FMT_EMPTY_WORD);
            next += step;
        }
    }
    /* Inside the stretch, and to a slot that stays. */
    *pairs += (int)(k - i) - 1 +
              (k == end && k < FMT_SLOTS && tab_word(t, k) == next);
    return k;
}

/* Present slots of i..i+n-1 of a 4K-leaf table cease to be. */
static void clear_leaves(struct iopt_job *j, struct iopt_tab *t, unsigned int i,
                         unsigned int n)
{
    const unsigned int end = i + n;
    const unsigned int order = group_order(t, i, n);
    int pairs = pair_left(t, i), gone = 0;
    unsigned int first = FMT_SLOTS, last = 0;

    cut(j, t, i, n);

    while (i < end) {
        unsigned int k;

        if (fmt_is_empty(t->slots[i])) {
            i++;
            continue;
        }
        k = clear_stretch(t, i, end, fmt_step(0), &pairs);
        gone += (int)(k - i);
        tab_touch(t, i, k - i);
        first = min_of(first, i);
        last = k - 1;
        i = k;
    }
    if (gone == 0) {
        return;
    }
    tab_count(t, -gone, -pairs);
    j->pt->counts.leaves[0] -= (unsigned int)gone;
    owe(j, tab_dfn(t, first), tab_dfn(t, last), order, IOPT_OWE_STALE);
}

/* Whole leaves from slot i on cease to be; returns the slot after them. */
static unsigned int clear_run(struct iopt_job *j, struct iopt_tab *t,
                              unsigned int i, unsigned int end)
{
    const unsigned int order = group_order(t, i, end - i);
    int pairs = pair_left(t, i);
    unsigned int k;

    cut(j, t, i, end - i);
    k = clear_stretch(t, i, end, fmt_step(t->level), &pairs);
    tab_count(t, -(int)(k - i), -pairs);
    j->pt->counts.leaves[t->level] -= k - i;
    tab_touch(t, i, k - i);
    owe(j, tab_dfn(t, i), tab_dfn(t, k) - 1, order, IOPT_OWE_STALE);
    return k;
}

/* Whole leaves from slot i on, as far as they continue, get j's permission. */
static unsigned int protect_run(struct iopt_job *j, struct iopt_tab *t,
                                unsigned int i, unsigned int end)
{
    const uint64_t step = fmt_step(t->level);
    uint64_t *const s = t->slots;
    const int before = pair_left(t, i);
    uint64_t next = tab_word(t, i);
    uint64_t v = fmt_leaf(fmt_leaf_mfn(next, t->level), j->prot, t->level,
                          j->pt->leaf_extra);
    unsigned int k, order;
    int right;

    if (FMT_GROUP_BITS) {
        for (k = i; k < end && tab_word(t, k) == next; k++, next += step) {
        }
        cut(j, t, i, k - i);
        order = group_order(t, i, k - i);
        put_groups(j->pt, t, i, k - i, v);
    } else {
        for (k = i; k < end && s[k] == next; k++, next += step, v += step) {
            IOPT_STORE(&s[k], v);
        }
        order = fmt_order(t->level);
    }
    /* The one to the right was joined if it continues the old leaves. */
    right = IOPT_TRACK && k < FMT_SLOTS && tab_word(t, k) == next;
    tab_count(t, 0, pair_left(t, i) + pair_right(t, k - 1) - before - right);
    tab_touch(t, i, k - i);
    owe(j, tab_dfn(t, i), tab_dfn(t, k) - 1, order, IOPT_OWE_STALE);
    return k;
}

static void commit_unmap(struct iopt_job *j, struct iopt_tab *t, uint64_t dfn,
                         uint64_t last)
{
    if (t->level == 0) {
        clear_leaves(j, t, slot_of(dfn, 0), (unsigned int)(last - dfn) + 1);
        tab_close(j->pt, t);
        return;
    }
    for (;;) {
        const unsigned int i = slot_of(dfn, t->level);
        uint64_t end = slot_end(dfn, t->level, last);
        const bool whole = is_whole(dfn, end, t->level);
        const uint64_t e = t->slots[i];
        const enum iopt_kind kind = fmt_kind(e, t->level);
        struct iopt_tab c;

        if (kind == IOPT_LEAF && whole) {
            end = tab_dfn(t, clear_run(j, t, i,
                                       i + whole_slots(t->level, dfn, last))) -
                  1;
        } else if (kind == IOPT_LEAF) {
            c = tab_shatter(j, t, i);
            commit_unmap(j, &c, dfn, end);
            tab_link(j, t, i, &c);
        } else if (kind == IOPT_TABLE && whole) {
            tab_set(t, i, FMT_EMPTY_WORD);
            owe_slot(j, t, i, drop_subtree(j, fmt_table_pa(e), t->level - 1),
                     IOPT_OWE_STALE | IOPT_OWE_TABLES);
        } else if (kind == IOPT_TABLE) {
            c = tab_open(fmt_table_pa(e), t->level - 1, dfn, t->live);
            commit_unmap(j, &c, dfn, end);
            fold(j, t, i, &c);
        }
        if (end == last) {
            break;
        }
        dfn = end + 1;
    }
    tab_close(j->pt, t);
}

static void commit_prot(struct iopt_job *j, struct iopt_tab *t, uint64_t dfn,
                        uint64_t last)
{
    for (;;) {
        const unsigned int i = slot_of(dfn, t->level);
        uint64_t end = slot_end(dfn, t->level, last);
        const uint64_t e = t->slots[i];
        const enum iopt_kind kind = fmt_kind(e, t->level);
        struct iopt_tab c;

        if (kind == IOPT_TABLE) {
            c = tab_open(fmt_table_pa(e), t->level - 1, dfn, t->live);
            commit_prot(j, &c, dfn, end);
            fold(j, t, i, &c);
        } else if (kind == IOPT_LEAF && fmt_prot(e) != j->prot) {
            if (is_whole(dfn, end, t->level)) {
                end =
                    tab_dfn(t,
                            protect_run(j, t, i,
                                        i + whole_slots(t->level, dfn, last))) -
                    1;
            } else {
                c = tab_shatter(j, t, i);
                commit_prot(j, &c, dfn, end);
                tab_link(j, t, i, &c);
            }
        }
        if (end == last) {
            break;
        }
        dfn = end + 1;
    }
    tab_close(j->pt, t);
}

/* Count the tables j->need of a split to max_level. */
static void check_split(struct iopt_job *j, paddr_t pa, unsigned int level,
                        const struct iopt_run *part, unsigned int max_level)
{
    const uint64_t last = part->dfn.n + (part->nr - 1);
    const uint64_t *const slots = pool_page_ptr(pa);
    uint64_t dfn = part->dfn.n;

    while (level > max_level) {
        const uint64_t end = slot_end(dfn, level, last);
        const uint64_t e = slots[slot_of(dfn, level)];
        const struct iopt_run sub = { .dfn = { dfn }, .nr = end - dfn + 1 };

        if (fmt_kind(e, level) == IOPT_TABLE) {
            check_split(j, fmt_table_pa(e), level - 1, &sub, max_level);
        } else if (fmt_kind(e, level) == IOPT_LEAF) {
            /* One table per slot above max_level that the part touches. */
            for (unsigned int l = level; l > max_level; l--) {
                j->need += (end >> fmt_order(l)) - (dfn >> fmt_order(l)) + 1;
            }
        }
        if (end == last) {
            break;
        }
        dfn = end + 1;
    }
}

static void commit_split(struct iopt_job *j, struct iopt_tab *t,
                         const struct iopt_run *part, unsigned int max_level)
{
    const uint64_t last = part->dfn.n + (part->nr - 1);
    uint64_t dfn = part->dfn.n;

    while (t->level > max_level) {
        const unsigned int i = slot_of(dfn, t->level);
        const uint64_t end = slot_end(dfn, t->level, last);
        const uint64_t e = t->slots[i];
        const struct iopt_run sub = { .dfn = { dfn }, .nr = end - dfn + 1 };
        struct iopt_tab c;

        if (fmt_kind(e, t->level) == IOPT_TABLE) {
            c = tab_open(fmt_table_pa(e), t->level - 1, dfn, t->live);
            commit_split(j, &c, &sub, max_level);
        } else if (fmt_kind(e, t->level) == IOPT_LEAF) {
            c = tab_shatter(j, t, i);
            commit_split(j, &c, &sub, max_level);
            tab_link(j, t, i, &c);
        }
        if (end == last) {
            break;
        }
        dfn = end + 1;
    }
    if (FMT_GROUP_BITS && t->level == max_level) {
        flatten(j, t, slot_of(dfn, t->level),
                slot_of(last, t->level) - slot_of(dfn, t->level) + 1);
    }
    tab_close(j->pt, t);
}

/* A run that unmap_one() is not for. */
static noinline_fn int unmap_run(struct iopt *pt, const struct iopt_run *r,
                                 struct iopt_gather *g)
{
    /* No leaf has permission 0, so none looks as if it needed no cut. */
    struct iopt_job j = { .pt = pt, .g = g, .prot = 0 };
    const uint64_t first = r->dfn.n;
    const uint64_t last = first + (r->nr - 1);
    struct iopt_tab root;
    int rc;

    check_ends(&j, pt->root_pa, pt->levels - 1u, first, last);
    rc = iopt_take_tables(pt, j.need, true, &j.tables);
    if (rc) {
        return rc;
    }
    root = root_open(pt);
    commit_unmap(&j, &root, first, last);
    iopt_return_tables(pt, &j.tables);
    /* The next map insists on a full reserve; until then it is a wish. */
    if (pt->spare.nr < pt->spare_min && iopt_fill_reserve(pt)) {
        return 0;
    }
    return 0;
}

static int op_unmap(struct iopt *pt, const struct iopt_run *r,
                    struct iopt_gather *g)
{
    const int rc = run_check(pt, r);

    if (rc) {
        return rc;
    }
    if (r->nr == 1) {
        struct iopt_near at = near_start(pt->coherent);
        const enum iopt_one what = unmap_one(pt, &at, r->dfn.n, g);

        if (what == IOPT_ONE_GONE) {
            iopt_gather_frame(g, r->dfn.n, IOPT_OWE_STALE);
            ones_end(&at);
        }
        if (what != IOPT_ONE_OTHER) {
            return 0;
        }
    }
    return unmap_run(pt, r, g);
}

static int op_protect(struct iopt *pt, const struct iopt_run *r,
                      struct iopt_gather *g)
{
    struct iopt_job j = { .pt = pt, .g = g, .prot = r->prot };
    const uint64_t first = r->dfn.n;
    const uint64_t last = first + (r->nr - 1);
    struct iopt_tab root;
    int rc = run_check(pt, r);

    if (rc) {
        return rc;
    }
    if (r->prot == 0 || (r->prot & ~(unsigned int)IOPT_RW) != 0) {
        return -EINVAL;
    }
    if (pt->spare.nr < pt->spare_min && iopt_fill_reserve(pt)) {
        return -ENOMEM;
    }
    check_ends(&j, pt->root_pa, pt->levels - 1u, first, last);
    rc = iopt_take_tables(pt, j.need, false, &j.tables);
    if (rc) {
        return rc;
    }
    root = root_open(pt);
    commit_prot(&j, &root, first, last);
    iopt_return_tables(pt, &j.tables);
    return 0;
}

static int op_split(struct iopt *pt, const struct iopt_run *r,
                    unsigned int max_level, struct iopt_gather *g)
{
    struct iopt_job j = { .pt = pt, .g = g };
    struct iopt_tab root;
    int rc = run_check(pt, r);

    if (rc) {
        return rc;
    }
    if (max_level >= pt->levels) {
        return -EINVAL;
    }
    check_split(&j, pt->root_pa, pt->levels - 1u, r, max_level);
    rc = iopt_take_tables(pt, j.need, false, &j.tables);
    if (rc) {
        return rc;
    }
    root = root_open(pt);
    commit_split(&j, &root, r, max_level);
    iopt_return_tables(pt, &j.tables);
    return 0;
}

#endif
