// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c tests/port/iopt/audit.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1x.c
// SOURCES: xen/drivers/passthrough/pt/iopt-vtdss.c
// SOURCES: tests/port/iopt/skew.c
/* The page-table engine over every format and configuration: single cases. */
#include <stdlib.h>

#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#include "expect.h"
#include "tests/port/iopt/audit.h"

static struct iopt pt;
static struct iopt_gather g;
static char name[64];
static unsigned int slots, top; /* of the configuration under test */
static uint64_t span1, span2;   /* frames of a leaf at level 1, 2 */

static void start(const struct iopt_config *cfg)
{
    pool_reset();
    pool_shadow_on();
    snprintf(name, sizeof(name), "%s levels %u mask %#x %s", cfg->ops->name,
             cfg->levels, cfg->leaf_mask, cfg->coherent ? "snoop" : "no snoop");
    EXPECT_EQ(name, iopt_init(&pt, cfg), 0);
    iopt_gather_init(&g);
    slots = 1u << cfg->ops->slot_bits;
    top = fls64(cfg->leaf_mask);
    span1 = UINT64_C(1) << cfg->ops->level_order(1);
    span2 = UINT64_C(1) << cfg->ops->level_order(2);
}

static void finish(void)
{
    EXPECT_EQ(name, audit_tree(&pt, NULL, NULL), 0);
    iopt_gather_release(&pt, &g);
    while (iopt_destroy(&pt, 3) == -ERESTART) {
    }
    EXPECT_EQ(name, pool_nr_used, 0);
}

static int map(uint64_t dfn, uint64_t mfn, uint64_t nr, unsigned int prot)
{
    const struct iopt_run r = { { dfn }, { mfn }, nr, prot };

    return iopt_map(&pt, &r, &g);
}

static int unmap(uint64_t dfn, uint64_t nr)
{
    const struct iopt_run r = { .dfn = { dfn }, .nr = nr };

    return iopt_unmap(&pt, &r, &g);
}

static void expect_at(uint64_t dfn, int64_t mfn, unsigned int prot)
{
    const struct audit_hit h = audit_walk(&pt, dfn);
    struct iopt_view v;
    const int rc = iopt_lookup(&pt, DFN(dfn), &v);

    EXPECT_EQ(name, rc, mfn < 0 ? -ENOENT : 0);
    EXPECT_EQ(name, h.present, mfn >= 0);
    if (rc == 0 && mfn >= 0) {
        EXPECT_EQ(name, v.mfn.n, mfn);
        EXPECT_EQ(name, v.prot, prot);
        EXPECT_EQ(name, h.mfn, mfn);
        EXPECT_EQ(name, h.prot, prot);
    }
}

/* Arguments at their edges; nothing may change. */
static void test_arguments(const struct iopt_config *cfg)
{
    const struct iopt_run cases[] = {
        { { 0 }, { 0 }, 0, IOPT_RW },
        { { 0 }, { 0 }, 1, 0 },
        { { 0 }, { 0 }, 1, 4 },
    };
    const uint64_t last = (start(cfg), pt.dfn_last);

    for (size_t i = 0; i < 3; i++) {
        EXPECT_EQ(name, iopt_map(&pt, &cases[i], &g), -EINVAL);
    }
    EXPECT_EQ(name, map(last + 1, 0, 1, IOPT_RW), -ERANGE);
    EXPECT_EQ(name, map(last, 0, 2, IOPT_RW), -ERANGE);
    EXPECT_EQ(name, map(1, 0, ~UINT64_C(0), IOPT_RW), -ERANGE);
    EXPECT_EQ(name, map(0, pt.mfn_last, 2, IOPT_RW), -ERANGE);
    EXPECT_EQ(name, map(0, pt.mfn_last + 1, 1, IOPT_RW), -ERANGE);
    EXPECT_EQ(name, unmap(0, 0), -EINVAL);
    EXPECT_EQ(name, unmap(last, 2), -ERANGE);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), 0);
    EXPECT_EQ(name, map(last, pt.mfn_last, 1, IOPT_W), 0);
    expect_at(last, (int64_t)pt.mfn_last, IOPT_W);
    EXPECT_EQ(name, unmap(0, last + 1), 0);
    expect_at(last, -1, 0);
    EXPECT_EQ(name, pt.counts.tables, 1);
    finish();
}

/* Frame 0 is like any other; holes cost nothing; a fresh map owes nothing. */
static void test_zero_and_holes(const struct iopt_config *cfg)
{
    start(cfg);
    EXPECT_EQ(name, unmap(0, span2), 0);
    EXPECT_EQ(name, map(0, 0, span1, IOPT_R), 0);
    EXPECT_EQ(name, iopt_gather_is_empty(&g), !cfg->track_added);
    expect_at(0, 0, IOPT_R);
    expect_at(span1 - 1, (int64_t)span1 - 1, IOPT_R);
    expect_at(span1, -1, 0);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), top >= 1 ? 1 : slots);
    EXPECT_EQ(name, map(0, 1, 1, IOPT_R), -EEXIST);
    EXPECT_EQ(name, map(0, 0, 1, IOPT_W), -EEXIST);
    /* The same again is nothing, in any size. */
    EXPECT_EQ(name, map(3, 3, 1, IOPT_R), 0);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), top >= 1 ? 1 : slots);
    iopt_gather_release(&pt, &g);
    EXPECT_EQ(name, unmap(1, 1), 0);
    expect_at(0, 0, IOPT_R);
    expect_at(1, -1, 0);
    expect_at(2, 2, IOPT_R);
    /* The unit of invalidation is the old leaf. */
    EXPECT_EQ(name, g.nr_ext, 1);
    EXPECT_EQ(name, g.ext[0].first, top >= 1 ? 0 : 1);
    EXPECT_EQ(name, g.ext[0].last, top >= 1 ? span1 - 1 : 1);
    EXPECT_EQ(name, g.ext[0].leaf_order, top >= 1 ? pt.ops->level_order(1) : 0);
    EXPECT_EQ(name, pt.counts.shatters, top >= 1);
    EXPECT_EQ(name, unmap(0, span1), 0);
    EXPECT_EQ(name, pt.counts.tables, 1);
    finish();
}

/* Single maps in some order end as one leaf, and back to nothing. */
static void test_orders(const struct iopt_config *cfg)
{
    for (int order = 0; order < 3; order++) {
        uint64_t perm[512];

        start(cfg);
        for (unsigned int i = 0; i < slots; i++) {
            perm[i] = order == 1 ? slots - 1 - i : i;
        }
        for (unsigned int i = slots - 1; order == 2 && i > 0; i--) {
            const unsigned int k = (unsigned int)rand() % (i + 1);
            const uint64_t t = perm[i];

            perm[i] = perm[k];
            perm[k] = t;
        }
        for (unsigned int i = 0; i < slots; i++) {
            EXPECT_EQ(name, map(span1 + perm[i], 7 * span1 + perm[i], 1, 3), 0);
        }
        EXPECT_EQ(name, iopt_nr_leaves(&pt), top >= 1 ? 1 : slots);
        EXPECT_EQ(name, pt.counts.coalesces_full, top >= 1);
        EXPECT_EQ(name, g.owe,
                  (top >= 1 ? IOPT_OWE_TABLES : 0) |
                      (cfg->track_added ? IOPT_OWE_ADDED : 0));
        iopt_gather_release(&pt, &g);
        for (unsigned int i = 0; i < slots; i++) {
            EXPECT_EQ(name, unmap(span1 + perm[i], 1), 0);
            expect_at(span1 + perm[i], -1, 0);
        }
        EXPECT_EQ(name, pt.counts.tables, 1);
        EXPECT_EQ(name, iopt_nr_leaves(&pt), 0);
        finish();
    }
}

/* 4K to 2M to 1G in one call; one odd frame keeps it from happening. */
static void test_cascade(const struct iopt_config *cfg)
{
    const struct iopt_run odd = { { span2 + 5 }, { 5 }, 1, IOPT_R };

    start(cfg);
    EXPECT_EQ(name, map(span2, 0, 5, IOPT_RW), 0);
    EXPECT_EQ(name, map(span2 + 6, 6, span2 - 6, IOPT_RW), 0);
    EXPECT_EQ(name, map(span2 + 5, 5, 1, IOPT_RW), 0);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), span2 >> pt.ops->level_order(top));
    EXPECT_EQ(name, iopt_protect(&pt, &odd, &g), 0);
    expect_at(span2 + 5, 5, IOPT_R);
    expect_at(span2 + 4, 4, IOPT_RW);
    EXPECT_EQ(name, map(span2 + 5, 5, 1, IOPT_RW), -EEXIST);
    EXPECT_EQ(name, unmap(span2 + 5, 1), 0);
    EXPECT_EQ(name, map(span2 + 5, 5, 1, IOPT_RW), 0);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), span2 >> pt.ops->level_order(top));
    EXPECT_EQ(name, unmap(0, span2 * 2), 0);
    EXPECT_EQ(name, pt.counts.tables, 1);
    finish();
}

/* An unmap cuts a leaf of each size exactly, with the pool exhausted. */
static void test_reserve(const struct iopt_config *cfg)
{
    start(cfg);
    EXPECT_EQ(name, map(0, 0, 2 * span2, IOPT_RW), 0);
    pool_fail_after(0);
    EXPECT_EQ(name, unmap(span2 - 3, 6), 0);
    expect_at(span2 - 4, (int64_t)span2 - 4, IOPT_RW);
    expect_at(span2 - 3, -1, 0);
    expect_at(span2 + 2, -1, 0);
    expect_at(span2 + 3, (int64_t)span2 + 3, IOPT_RW);
    finish();
}

/* Every allocation of a map fails in turn; each time nothing changed. */
static void test_faults(const struct iopt_config *cfg)
{
    uint64_t n;

    for (n = 0;; n++) {
        int rc;

        start(cfg);
        EXPECT_EQ(name, map(span2 - 1, span2 + 6, 1, IOPT_R), 0);
        pool_fail_after(n);
        rc = map(1, 9, span2 - 2, IOPT_R);
        pool_fail_after(UINT64_MAX);
        if (rc == 0) {
            expect_at(1, 9, IOPT_R);
            finish();
            break;
        }
        EXPECT_EQ(name, rc, -ENOMEM);
        EXPECT_EQ(name, iopt_nr_leaves(&pt), 1);
        expect_at(1, -1, 0);
        finish();
        /* Every one in trees of four levels; in others fewer, once many. */
        n += cfg->levels == 4 ? 0 : n / 4;
    }
    EXPECT_EQ(name, n > 0, 1);
}

/* One line for one entry; never a line nobody stored to. */
static void test_write_back(const struct iopt_config *cfg)
{
    start(cfg);
    EXPECT_EQ(name, map(0, 1, 1, IOPT_RW), 0);
    cache_nr_lines = 0;
    cache_nr_fences = 0;
    EXPECT_EQ(name, map(3, 1, 1, IOPT_RW), 0);
    EXPECT_EQ(name, cache_nr_lines, !cfg->coherent);
    EXPECT_EQ(name, map(8, 1, 8, IOPT_RW), 0);
    EXPECT_EQ(name, cache_nr_lines, cfg->coherent ? 0 : 2);
    EXPECT_EQ(name, unmap(3, 1), 0);
    EXPECT_EQ(name, cache_nr_lines, cfg->coherent ? 0 : 3);
    EXPECT_EQ(name, cache_nr_fences, cfg->coherent ? 0 : 3);
    finish();
}

/* Every frame of a list is inside an extent that says it is stale. */
static void expect_owed(const uint32_t *frame, unsigned int nr)
{
    for (unsigned int i = 0; i < nr; i++) {
        bool found = false;

        for (unsigned int k = 0; k < g.nr_ext; k++) {
            found |= g.ext[k].first <= frame[i] && frame[i] <= g.ext[k].last &&
                     g.ext[k].owe & IOPT_OWE_STALE;
        }
        EXPECT_EQ(name, found, true);
    }
    EXPECT_EQ(name, g.owe & IOPT_OWE_STALE, IOPT_OWE_STALE);
}

/* Lists stop before what is not one store, having done all before it. */
static void test_list_stops(const struct iopt_config *cfg)
{
    const uint32_t alias = (uint32_t)((start(cfg), pt.dfn_last) + 1);
    const uint32_t no_table[] = { 6, (uint32_t)(8 * span1), 9 };
    const uint32_t taken[] = { 7, 6, 9 };
    const uint32_t beyond[] = { 8, alias + 10, 9 };
    const uint32_t there[] = { 8, alias + 7, 9 };

    EXPECT_EQ(name, iopt_map_list(&pt, taken, 3, IOPT_RW, &g), 0);
    EXPECT_EQ(name, map(0, 0, 1, IOPT_RW), 0);
    EXPECT_EQ(name, iopt_map_list(&pt, no_table, 3, IOPT_RW, &g), 1);
    EXPECT_EQ(name, iopt_map_list(&pt, taken, 3, IOPT_RW, &g), 1);
    EXPECT_EQ(name, iopt_map_list(&pt, taken, 0, IOPT_RW, &g), 0);
    expect_at(6, 6, IOPT_RW);
    expect_at(7, 7, IOPT_RW);
    if (pt.dfn_last < UINT32_MAX) {
        EXPECT_EQ(name, iopt_map_list(&pt, beyond, 3, IOPT_RW, &g), 1);
        expect_at(10, -1, 0);
        EXPECT_EQ(name, iopt_unmap_list(&pt, there, 3, &g), 1);
        expect_at(7, 7, IOPT_RW);
    }
    /* An unmap may need what is missing; holes are no reason to stop. */
    pt.spare_min++;
    EXPECT_EQ(name, iopt_map_list(&pt, &taken[2], 1, IOPT_RW, &g), 0);
    pt.spare_min--;
    EXPECT_EQ(name, iopt_unmap_list(&pt, taken, 3, &g), 3);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), 1);
    /* A leaf that must be cut is. */
    EXPECT_EQ(name, map(span2, span2, span1, IOPT_RW), 0);
    EXPECT_EQ(name,
              iopt_unmap_list(&pt, &(uint32_t){ (uint32_t)span2 + 1 }, 1, &g),
              top == 0);
    finish();
}

/* Frames one by one: those that follow each other owe as one, none is lost. */
static void test_singles_owe(const struct iopt_config *cfg)
{
    uint32_t frame[24];

    start(cfg);
    for (unsigned int i = 0; i < 24; i++) {
        frame[i] = i < 8 ? i : 3 * i;
        EXPECT_EQ(name, map(frame[i], frame[i], 1, IOPT_RW), 0);
        EXPECT_EQ(name, g.nr_ext,
                  !cfg->track_added             ? 0
                  : i < 8                       ? 1
                  : i - 6 < IOPT_GATHER_EXTENTS ? i - 6
                                                : IOPT_GATHER_EXTENTS);
    }
    EXPECT_EQ(name, g.owe, cfg->track_added ? IOPT_OWE_ADDED : 0);
    iopt_gather_release(&pt, &g);
    for (unsigned int i = 0; i < 23; i++) {
        EXPECT_EQ(name, unmap(frame[i], 1), 0);
        EXPECT_EQ(name, g.owe & IOPT_OWE_STALE, IOPT_OWE_STALE);
    }
    EXPECT_EQ(name, g.nr_ext, IOPT_GATHER_EXTENTS);
    EXPECT_EQ(name, g.owe & ~IOPT_OWE_TABLES, IOPT_OWE_STALE);
    EXPECT_EQ(name, unmap(frame[22], 1), 0);
    EXPECT_EQ(name, unmap(frame[23], 1), 0);
    EXPECT_EQ(name, g.owe, IOPT_OWE_STALE | IOPT_OWE_TABLES);
    expect_owed(frame, 24);
    EXPECT_EQ(name, pt.counts.tables, 1);
    finish();
}

/* Lists from table to table: each store, one fence. */
static void test_lists(const struct iopt_config *cfg)
{
    uint32_t list[8] = { 3, 0, 5, 0, 4, 0, 0, 1 };

    start(cfg);
    list[1] = (uint32_t)span1 + 2;
    list[3] = (uint32_t)span2 + 7;
    list[5] = (uint32_t)(span2 + span1 + 6);
    list[6] = (uint32_t)span1 - 1;
    EXPECT_EQ(name, map(0, 0, 1, IOPT_R), 0);
    EXPECT_EQ(name, map(span1, 0, 1, IOPT_R), 0);
    EXPECT_EQ(name, map(span2, 0, 1, IOPT_R), 0);
    EXPECT_EQ(name, map(span2 + span1, 0, 1, IOPT_R), 0);
    iopt_gather_release(&pt, &g);
    cache_nr_lines = cache_nr_fences = 0;
    EXPECT_EQ(name, iopt_map_list(&pt, list, 8, IOPT_W, &g), 8);
    EXPECT_EQ(name, cache_nr_lines, cfg->coherent ? 0 : 8);
    EXPECT_EQ(name, cache_nr_fences, !cfg->coherent);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), 12);
    for (unsigned int i = 0; i < 8; i++) {
        expect_at(list[i], list[i], IOPT_W);
    }
    EXPECT_EQ(name, audit_tree(&pt, NULL, NULL), 0);
    EXPECT_EQ(name, iopt_unmap_list(&pt, list, 8, &g), 8);
    EXPECT_EQ(name, cache_nr_lines, cfg->coherent ? 0 : 16);
    EXPECT_EQ(name, cache_nr_fences, cfg->coherent ? 0 : 2);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), 4);
    /* Whose list it is knows what it owes. */
    EXPECT_EQ(name, g.nr_ext, 0);
    EXPECT_EQ(name, audit_tree(&pt, NULL, NULL), 0);
    finish();

    /* The last one empties its table, of which the list says nothing. */
    start(cfg);
    EXPECT_EQ(name, map(4, 4, 1, IOPT_RW), 0);
    iopt_gather_release(&pt, &g);
    EXPECT_EQ(name, iopt_unmap_list(&pt, &list[4], 1, &g), 1);
    EXPECT_EQ(name, g.owe & IOPT_OWE_TABLES, IOPT_OWE_TABLES);
    EXPECT_EQ(name, pt.counts.tables, 1);
    finish();

    /* The last one completes a table. */
    start(cfg);
    EXPECT_EQ(name, map(1, 1, span1 - 2, IOPT_RW), 0);
    list[0] = (uint32_t)span1 - 1;
    list[1] = 0;
    EXPECT_EQ(name, iopt_map_list(&pt, list, 2, IOPT_RW, &g), 2);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), top >= 1 ? 1 : slots);
    expect_at(0, 0, IOPT_RW);
    finish();
}

/* A page that toggles in a superpage costs no allocation once warm. */
static void test_churn(const struct iopt_config *cfg)
{
    struct iopt_config lazy = *cfg;
    uint64_t allocs = 0, shatters = 0;

    lazy.lazy_coalesce = true;
    for (int i = 0; i < 2; i++) {
        start(i ? &lazy : cfg);
        EXPECT_EQ(name, map(0, 0, span2, IOPT_RW), 0);
        for (int k = 0; k < 20; k++) {
            if (k == 2) {
                allocs = pool_nr_allocs;
                shatters = pt.counts.shatters;
            }
            EXPECT_EQ(name, unmap(7, 1), 0);
            EXPECT_EQ(name, map(7, 7, 1, IOPT_RW), 0);
            iopt_gather_release(&pt, &g);
        }
        EXPECT_EQ(name, pool_nr_allocs, allocs);
        if (i) {
            EXPECT_EQ(name, pt.counts.shatters, shatters);
            EXPECT_EQ(name, iopt_settle(&pt, 100, &g), 0);
        }
        EXPECT_EQ(name, iopt_nr_leaves(&pt), span2 >> pt.ops->level_order(top));
        finish();
    }
}

static int sum_runs(dfn_t dfn, const struct iopt_view *v, void *arg)
{
    uint64_t *sum = arg;

    expect_at(dfn.n, (int64_t)v->mfn.n, v->prot);
    *sum += v->nr;
    return *sum > 3 * span2 ? 42 : 0;
}

/* Split down, walk in order, replace across everything. */
static void test_split_walk_replace(const struct iopt_config *cfg)
{
    const struct iopt_run part = { .dfn = { 3 }, .nr = span1 };
    const struct iopt_run over = { { 1 }, { 64 * span2 }, span2, IOPT_W };
    uint64_t sum = 0;

    start(cfg);
    EXPECT_EQ(name, map(0, span2, 2 * span2, IOPT_RW), 0);
    EXPECT_EQ(name, iopt_split(&pt, &part, 0, &g), 0);
    EXPECT_EQ(name, pt.counts.leaves[0] >= 2 * span1, 1);
    EXPECT_EQ(name, iopt_walk(&pt, 5, span2 + 4, sum_runs, &sum), 0);
    EXPECT_EQ(name, sum, span2);
    EXPECT_EQ(name, iopt_replace(&pt, &over, &g), 0);
    expect_at(0, (int64_t)span2, IOPT_RW);
    expect_at(1, 64 * (int64_t)span2, IOPT_W);
    expect_at(span2, 65 * (int64_t)span2 - 1, IOPT_W);
    expect_at(span2 + 1, 2 * (int64_t)span2 + 1, IOPT_RW);
    sum = 2 * span2;
    EXPECT_EQ(name, iopt_walk(&pt, 0, ~UINT64_C(0), sum_runs, &sum), 42);
    finish();
}

static void test_limit(const struct iopt_config *cfg)
{
    struct iopt_config bad = *cfg;

    start(cfg);
    iopt_limit_leaf(&pt, 0);
    EXPECT_EQ(name, map(0, 0, span1, IOPT_RW), 0);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), slots);
    finish();
    bad.leaf_mask = 6;
    EXPECT_EQ(name, iopt_init(&pt, &bad), -EINVAL);
    bad = *cfg;
    bad.leaf_extra = BIT64(62);
    EXPECT_EQ(name, iopt_init(&pt, &bad), -EINVAL);
    bad = *cfg;
    bad.levels = 7;
    EXPECT_EQ(name, iopt_init(&pt, &bad), -EINVAL);
}

static void all(const struct iopt_config *cfg)
{
    test_arguments(cfg);
    test_zero_and_holes(cfg);
    test_orders(cfg);
    test_cascade(cfg);
    test_reserve(cfg);
    test_faults(cfg);
    test_write_back(cfg);
    test_list_stops(cfg);
    test_singles_owe(cfg);
    test_lists(cfg);
    test_churn(cfg);
    test_split_walk_replace(cfg);
    test_limit(cfg);
}

int main(void)
{
    static const struct iopt_ops *const formats[] = {
        &iopt_amdv1_ops, &iopt_amdv1x_ops, &iopt_vtdss_ops, &iopt_skew_ops
    };

    for (unsigned int f = 0; f < 4; f++) {
        for (unsigned int i = 0; i < 2 * 3 * 4; i++) {
            const struct iopt_config cfg = {
                .ops = formats[f],
                .levels = (uint8_t)(3 + i % 4),
                .leaf_mask = (uint8_t)((2u << i / 4 % 3) - 1),
                .coherent = i / 12 & 1,
                .track_added = i & 1,
                .input_bits = 57,
                .leaf_extra = formats[f]->leaf_extra_ok,
            };

            if (cfg.levels <= formats[f]->max_levels) {
                all(&cfg);
            }
        }
    }
    return expect_failures();
}
