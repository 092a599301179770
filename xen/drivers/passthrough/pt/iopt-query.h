/* SPDX-License-Identifier: GPL-2.0 */
/* Template part 5: lookup (without a lock), ordered walk, set-up and tear-down. */
#ifndef PT_IOPT_QUERY_H
#define PT_IOPT_QUERY_H

#include "iopt-walk.h"

#define op_level_order IOPT_SYM(level_order)
#define walk_down      IOPT_SYM(walk_down)
#define op_lookup      IOPT_SYM(lookup)
#define op_trace       IOPT_SYM(trace)
#define walk_table     IOPT_SYM(walk_table)
#define op_walk        IOPT_SYM(walk)
#define op_init        IOPT_SYM(init)
#define op_destroy     IOPT_SYM(destroy)

static uint8_t op_level_order(unsigned int level)
{
    return (uint8_t)fmt_order(level);
}

/*
 * From the root to the entry that says what dfn translates to, beside calls
 * that change the tree. Tables may be unlinked while we are in them; then they
 * still say what was true when they were, which is an answer. Once they are
 * reused they say anything: so an entry is believed, and a pointer followed,
 * only if no table became reusable since we began. A table is unlinked before
 * pt->reuses grows, so what we reach after reading that was not reusable then.
 */
static always_inline uint64_t walk_down(const struct iopt *pt, uint64_t dfn,
                                        unsigned int *at, uint64_t *entries)
{
    for (;;) {
        const uint64_t seen = IOPT_LOAD(&pt->reuses);
        unsigned int level = pt->levels - 1u;
        paddr_t pa = pt->root_pa;

        for (;; level--) {
            const uint64_t *const slots = pool_page_peek(pa);
            const uint64_t e = IOPT_LOAD(&slots[slot_of(dfn, level)]);

            if (unlikely(IOPT_LOAD(&pt->reuses) != seen)) {
                break;
            }
            if (entries) {
                entries[level] = e;
            }
            if (fmt_kind(e, level) != IOPT_TABLE) {
                *at = level;
                return e;
            }
            pa = fmt_table_pa(e);
        }
    }
}

static int op_lookup(const struct iopt *pt, dfn_t dfn, struct iopt_view *v)
{
    unsigned int level;
    uint64_t e, into, span;

    if (dfn.n > pt->dfn_last) {
        return -ENOENT;
    }
    e = walk_down(pt, dfn.n, &level, NULL);
    if (fmt_is_empty(e)) {
        return -ENOENT;
    }
    into = dfn.n & (frames_at(level) - 1);
    span = frames_at(level) << fmt_group_bits(e, level);
    e = fmt_plain(e, slot_of(dfn.n, level), level);
    v->mfn = MFN(fmt_leaf_mfn(e, level) + into);
    v->nr = span - (dfn.n & (span - 1));
    v->prot = fmt_prot(e);
    v->level = (uint8_t)level;
    return 0;
}

static void op_trace(const struct iopt *pt, dfn_t dfn, struct iopt_trace *t)
{
    unsigned int level = pt->levels;

    if (dfn.n <= pt->dfn_last) {
        (void)walk_down(pt, dfn.n, &level, t->entry);
    }
    t->lowest = (uint8_t)level;
}

struct iopt_walk {
    uint64_t last;
    iopt_visit_t visit;
    void *arg;
};

static int walk_table(const struct iopt_walk *w, paddr_t pa, unsigned int level,
                      uint64_t dfn, uint64_t last)
{
    const uint64_t *const slots = pool_page_ptr(pa);

    for (;;) {
        uint64_t end = slot_end(dfn, level, last);
        unsigned int i = slot_of(dfn, level);
        const uint64_t *const at = &slots[i];
        const uint64_t e = *at;
        struct iopt_view v;
        int rc = 0;

        switch (fmt_kind(e, level)) {
        case IOPT_EMPTY:
            break;
        case IOPT_TABLE:
            rc = walk_table(w, fmt_table_pa(e), level - 1, dfn, end);
            break;
        case IOPT_LEAF:
            for (; end < last && i + 1 < FMT_SLOTS &&
                   follows(word_at(&slots[i], level),
                           word_at(&slots[i + 1], level), level);
                 i++) {
                end = slot_end(end + 1, level, last);
            }
            v = (struct iopt_view){
                .mfn = MFN(fmt_leaf_mfn(word_at(at, level), level) +
                           (dfn & (frames_at(level) - 1))),
                .nr = end - dfn + 1,
                .prot = fmt_prot(e),
                .level = (uint8_t)level,
            };
            rc = w->visit(DFN(dfn), &v, w->arg);
            break;
        }
        if (rc || end == last) {
            return rc;
        }
        dfn = end + 1;
    }
}

static int op_walk(const struct iopt *pt, uint64_t first, uint64_t last,
                   iopt_visit_t visit, void *arg)
{
    const struct iopt_walk w = { .visit = visit, .arg = arg };

    last = min_of(last, pt->dfn_last);
    if (first > last) {
        return 0;
    }
    return walk_table(&w, pt->root_pa, pt->levels - 1u, first, last);
}

static int op_init(struct iopt *pt)
{
    struct iopt_tab root;
    const int rc = pool_page_alloc(&pt->root_pa);

    if (rc) {
        return rc;
    }
    root = root_open(pt);
    tab_blank(&root, 0, FMT_SLOTS);
    *root.meta = (struct iopt_meta){ .present = 0 };
    if (!pt->coherent) {
        cache_write_back(root.slots, FMT_SLOTS * sizeof(root.slots[0]));
    }
    pt->counts.tables = 1;
    pt->counts.pool_allocs = 1;
    return 0;
}

/*
 * Depth first without a stack: each table's cursor says how far it was
 * emptied, so a later call finds its way down again in at most levels steps.
 */
static int op_destroy(struct iopt *pt, unsigned int budget)
{
    for (;; budget--) {
        struct iopt_meta *up = NULL;
        paddr_t pa = pt->root_pa;
        unsigned int level = pt->levels - 1u;

        if (budget == 0) {
            return -ERESTART;
        }
        for (;;) {
            const uint64_t *const slots = pool_page_ptr(pa);
            struct iopt_meta *const m = iopt_meta_of(pa);

            while (level > 0 && m->cursor < FMT_SLOTS &&
                   fmt_kind(slots[m->cursor], level) != IOPT_TABLE) {
                m->cursor++;
            }
            if (level == 0 || m->cursor == FMT_SLOTS) {
                break;
            }
            up = m;
            pa = fmt_table_pa(slots[m->cursor]);
            level--;
        }
        pool_page_free(pa);
        pt->counts.pool_frees++;
        pt->counts.tables--;
        if (!up) {
            return 0;
        }
        up->cursor++;
    }
}

#endif
