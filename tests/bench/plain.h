/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the engine is compared with: a page-table engine that takes one leaf at
 * a time, walks from the root for each, and keeps, in ignored bits of the
 * entries, the order of the uniform block that begins at each slot. Template:
 * a file defines IOPT_FMT and IOPT_FMT_H and includes this.
 *
 * It coalesces, shatters and drops empty tables just as exactly, so that only
 * the way differs. It is a yardstick: allocation failure ends the program.
 */
#include <stdlib.h>

#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/cache.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#include "xen/drivers/passthrough/pt/iopt-priv.h"

#include IOPT_FMT_H

#include "xen/drivers/passthrough/pt/iopt-contract.h"

#define JOIN2(a, b, c) a##b##_##c
#define JOIN(a, b, c)  JOIN2(a, b, c)
#define SYM(name)      JOIN(plain_, IOPT_FMT, name)
#define STR2(x)        #x
#define STR(x)         STR2(x)

/* Both formats ignore these bits of any entry. */
#define MARK       FIELD64(55, 52)
#define MARK_WHOLE FMT_SLOT_BITS

extern const struct iopt_ops SYM(ops);

static unsigned int mark_of(uint64_t e)
{
    return (unsigned int)FIELD_GET(MARK, e);
}

static uint64_t with_mark(uint64_t e, unsigned int order)
{
    return (e & ~MARK) | FIELD_PREP(MARK, (uint64_t)order);
}

static unsigned int mark_max(unsigned int i)
{
    return i ? ctz64(i) : MARK_WHOLE;
}

static void put(const struct iopt *pt, uint64_t *slot, uint64_t e)
{
    atomic_store(slot, e);
    if (!pt->coherent) {
        cache_write_back(slot, sizeof(*slot));
    }
}

/* b is what comes 2^order slots after a in a uniform block. */
static bool continues(uint64_t a, uint64_t b, unsigned int order,
                      unsigned int level)
{
    a &= ~MARK;
    b &= ~MARK;
    if (fmt_is_empty(a)) {
        return fmt_is_empty(b);
    }
    return b == a + (fmt_step(level) << order) &&
           fmt_kind(a, level) == IOPT_LEAF;
}

/* Store into slot i and correct the marks. Returns whether all are uniform. */
static bool set_marked(const struct iopt *pt, uint64_t *s, unsigned int i,
                       uint64_t e, unsigned int level)
{
    unsigned int order;

    put(pt, &s[i], with_mark(e, 0));
    /* No block that holds the slot is uniform until shown to be. */
    for (order = 1; order <= FMT_SLOT_BITS; order++) {
        const unsigned int head = i >> order << order;

        if (mark_of(s[head]) >= order) {
            put(pt, &s[head], with_mark(s[head], order - 1));
        }
    }
    for (order = 0; order < FMT_SLOT_BITS; order++) {
        const unsigned int head = i >> (order + 1) << (order + 1);
        const unsigned int other = head + (1u << order);

        if (mark_of(s[head]) < order || mark_of(s[other]) < order ||
            !continues(s[head], s[other], order, level)) {
            return false;
        }
        put(pt, &s[head], with_mark(s[head], order + 1));
    }
    return true;
}

static paddr_t new_table(struct iopt *pt, uint64_t e, uint64_t step)
{
    uint64_t *s;
    paddr_t pa;

    if (pool_page_alloc(&pa)) {
        abort();
    }
    s = pool_page_ptr(pa);
    for (unsigned int i = 0; i < FMT_SLOTS; i++, e += step) {
        s[i] = with_mark(e, mark_max(i));
    }
    if (!pt->coherent) {
        cache_write_back(s, PAGE_SIZE);
    }
    *iopt_meta_of(pa) = (struct iopt_meta){ .present = 0 };
    pt->counts.tables++;
    return pa;
}

static void owe(struct iopt_gather *g, uint64_t dfn, unsigned int level,
                unsigned int what)
{
    const uint64_t size = UINT64_C(1) << fmt_order(level);
    const uint64_t first = align_down(dfn, size);
    const struct iopt_extent e = { first, first + size - 1,
                                   (uint8_t)fmt_order(level), (uint8_t)what };

    iopt_gather_add(g, &e);
}

static void drop(struct iopt *pt, struct iopt_gather *g, paddr_t pa,
                 unsigned int level)
{
    const uint64_t *const s = pool_page_ptr(pa);

    for (unsigned int i = 0; i < FMT_SLOTS; i++) {
        const enum iopt_kind kind = fmt_kind(s[i], level);

        if (kind == IOPT_TABLE) {
            drop(pt, g, fmt_table_pa(s[i]), level - 1);
        } else if (kind == IOPT_LEAF) {
            pt->counts.leaves[level]--;
        }
    }
    iopt_pages_add(&g->retired, pa);
    pt->counts.tables--;
}

/* One slot of a level becomes e, found from the root. */
static void set_one(struct iopt *pt, struct iopt_gather *g, uint64_t dfn,
                    unsigned int level, uint64_t e)
{
    uint64_t *path[IOPT_MAX_LEVELS];
    paddr_t pas[IOPT_MAX_LEVELS];
    paddr_t pa = pt->root_pa;
    uint64_t old;
    bool uniform;

    for (unsigned int l = pt->levels - 1u;; l--) {
        uint64_t *const s = pool_page_ptr(pa);
        uint64_t *const slot = &s[dfn >> fmt_order(l) & (FMT_SLOTS - 1)];

        path[l] = s;
        pas[l] = pa;
        if (l == level) {
            break;
        }
        switch (fmt_kind(*slot, l)) {
        case IOPT_TABLE:
            pa = fmt_table_pa(*slot);
            continue;
        case IOPT_EMPTY:
            if (fmt_is_empty(e)) {
                return;
            }
            pa = new_table(pt, FMT_EMPTY_WORD, 0);
            break;
        case IOPT_LEAF:
            pa = new_table(pt,
                           fmt_leaf(fmt_leaf_mfn(*slot, l), fmt_prot(*slot),
                                    l - 1, pt->leaf_extra),
                           fmt_step(l - 1));
            pt->counts.leaves[l]--;
            pt->counts.leaves[l - 1] += FMT_SLOTS;
            pt->counts.shatters++;
            owe(g, dfn, l, IOPT_OWE_STALE);
            break;
        }
        (void)set_marked(pt, s, dfn >> fmt_order(l) & (FMT_SLOTS - 1),
                         fmt_table(pa, l), l);
    }

    old = path[level][dfn >> fmt_order(level) & (FMT_SLOTS - 1)];
    uniform = set_marked(pt, path[level],
                         dfn >> fmt_order(level) & (FMT_SLOTS - 1), e, level);
    if (fmt_kind(old, level) == IOPT_TABLE) {
        drop(pt, g, fmt_table_pa(old), level - 1);
        owe(g, dfn, level, IOPT_OWE_STALE | IOPT_OWE_TABLES);
    } else if (fmt_kind(old, level) == IOPT_LEAF) {
        pt->counts.leaves[level]--;
        owe(g, dfn, level, IOPT_OWE_STALE);
    }
    pt->counts.leaves[level] += !fmt_is_empty(e);

    /* Up for as long as the table below became uniform. */
    for (unsigned int l = level; uniform && l + 1 < pt->levels; l++) {
        const uint64_t first = path[l][0] & ~MARK;
        uint64_t up = FMT_EMPTY_WORD;

        if (!fmt_is_empty(first)) {
            const uint64_t mfn = fmt_leaf_mfn(first, l);

            if ((pt->leaf_mask >> (l + 1) & 1) == 0 ||
                !is_aligned(mfn, BIT64(fmt_order(l + 1)))) {
                return;
            }
            up = fmt_leaf(mfn, fmt_prot(first), l + 1, pt->leaf_extra);
            pt->counts.leaves[l] -= FMT_SLOTS;
            pt->counts.leaves[l + 1]++;
        }
        uniform =
            set_marked(pt, path[l + 1],
                       dfn >> fmt_order(l + 1) & (FMT_SLOTS - 1), up, l + 1);
        iopt_pages_add(&g->retired, pas[l]);
        pt->counts.tables--;
        owe(g, dfn, l + 1, IOPT_OWE_TABLES);
    }
}

/* Largest leaf level for the frames left; unmap has no mfn to respect. */
static unsigned int level_for(const struct iopt *pt, uint64_t bits,
                              uint64_t left)
{
    unsigned int l = fls64(pt->leaf_mask);

    while (l > 0 && (!is_aligned(bits, BIT64(fmt_order(l))) ||
                     left < BIT64(fmt_order(l)))) {
        l--;
    }
    return l;
}

static int plain_map(struct iopt *pt, const struct iopt_run *r,
                     struct iopt_gather *g)
{
    for (uint64_t k = 0, n; k < r->nr; k += n) {
        const uint64_t dfn = r->dfn.n + k, mfn = r->mfn.n + k;
        const unsigned int l = level_for(pt, dfn | mfn, r->nr - k);

        set_one(pt, g, dfn, l, fmt_leaf(mfn, r->prot, l, pt->leaf_extra));
        n = BIT64(fmt_order(l));
    }
    return 0;
}

static int plain_unmap(struct iopt *pt, const struct iopt_run *r,
                       struct iopt_gather *g)
{
    for (uint64_t k = 0, n; k < r->nr; k += n) {
        const unsigned int l = level_for(pt, r->dfn.n + k, r->nr - k);

        set_one(pt, g, r->dfn.n + k, l, FMT_EMPTY_WORD);
        n = BIT64(fmt_order(l));
    }
    return 0;
}

static int plain_protect(struct iopt *pt, const struct iopt_run *r,
                         struct iopt_gather *g)
{
    for (uint64_t k = 0, n; k < r->nr; k += n) {
        struct iopt_view v;
        const unsigned int l = level_for(pt, r->dfn.n + k, r->nr - k);

        n = 1;
        if (iopt_lookup(pt, dfn_add(r->dfn, k), &v) == 0) {
            set_one(pt, g, r->dfn.n + k, min_of(l, (unsigned int)v.level),
                    fmt_leaf(v.mfn.n, r->prot, min_of(l, (unsigned int)v.level),
                             pt->leaf_extra));
            n = BIT64(fmt_order(min_of(l, (unsigned int)v.level)));
        }
    }
    return 0;
}

static int plain_split(struct iopt *pt, const struct iopt_run *r,
                       unsigned int max_level, struct iopt_gather *g)
{
    for (uint64_t k = 0; k < r->nr; k += BIT64(fmt_order(max_level + 1))) {
        struct iopt_view v;

        if (iopt_lookup(pt, dfn_add(r->dfn, k), &v) == 0 &&
            v.level > max_level) {
            /* Two stores, as the table is uniform again after the second. */
            set_one(pt, g, r->dfn.n + k, max_level, FMT_EMPTY_WORD);
        }
    }
    return 0;
}

static int plain_settle(struct iopt *pt, unsigned int budget,
                        struct iopt_gather *g)
{
    (void)pt;
    (void)budget;
    (void)g;
    return 0;
}

static int plain_init(struct iopt *pt)
{
    pt->counts.tables = 0;
    pt->root_pa = new_table(pt, FMT_EMPTY_WORD, 0);
    return 0;
}

static uint8_t plain_order(unsigned int level)
{
    return (uint8_t)fmt_order(level);
}

static int plain_lookup(const struct iopt *pt, dfn_t dfn, struct iopt_view *v)
{
    return JOIN(iopt_, IOPT_FMT, ops).lookup(pt, dfn, v);
}

static int plain_walk(const struct iopt *pt, uint64_t first, uint64_t last,
                      iopt_visit_t visit, void *arg)
{
    return JOIN(iopt_, IOPT_FMT, ops).walk(pt, first, last, visit, arg);
}

static int plain_destroy(struct iopt *pt, unsigned int budget)
{
    return JOIN(iopt_, IOPT_FMT, ops).destroy(pt, budget);
}

const struct iopt_ops SYM(ops) = {
    .name = STR(IOPT_FMT),
    .max_levels = FMT_MAX_LEVELS,
    .max_leaf_level = FMT_MAX_LEAF_LEVEL,
    .slot_bits = FMT_SLOT_BITS,
    .mfn_limit = FMT_MFN_LIMIT,
    .leaf_extra_ok = FMT_LEAF_EXTRA_OK,
    .level_order = plain_order,
    .init = plain_init,
    .map = plain_map,
    .replace = plain_map,
    .unmap = plain_unmap,
    .protect = plain_protect,
    .split = plain_split,
    .settle = plain_settle,
    .lookup = plain_lookup,
    .walk = plain_walk,
    .destroy = plain_destroy,
};
