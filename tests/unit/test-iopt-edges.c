// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c tests/port/iopt/audit.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1x.c
// SOURCES: xen/drivers/passthrough/pt/iopt-vtdss.c
// SOURCES: tests/port/iopt/skew.c
/*
 * The page-table engine at its edges: refused arguments, exact debts, bounds
 * on tables and commands, coalescing that is off, put off, or overflows.
 */
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#include "expect.h"
#include "tests/port/iopt/audit.h"

static struct iopt pt;
static struct iopt_gather g;
static const char *name;
static uint64_t slots, span1, span2;

static struct iopt_config config(const struct iopt_ops *ops)
{
    return (struct iopt_config){
        .ops = ops,
        .levels = 4,
        .leaf_mask = 7,
        .coherent = true,
        .input_bits = 48,
    };
}

static void start(const struct iopt_config *cfg)
{
    pool_reset();
    name = cfg->ops->name;
    EXPECT_EQ(name, iopt_init(&pt, cfg), 0);
    iopt_gather_init(&g);
    slots = UINT64_C(1) << cfg->ops->slot_bits;
    span1 = UINT64_C(1) << cfg->ops->level_order(1);
    span2 = UINT64_C(1) << cfg->ops->level_order(2);
}

static void finish(void)
{
    EXPECT_EQ(name, audit_tree(&pt, NULL, NULL), 0);
    iopt_gather_release(&pt, &g);
    while (iopt_destroy(&pt, 64) == -ERESTART) {
    }
    EXPECT_EQ(name, pool_nr_used, 0);
}

static int map(uint64_t dfn, uint64_t mfn, uint64_t nr)
{
    const struct iopt_run r = { { dfn }, { mfn }, nr, IOPT_RW };

    return iopt_map(&pt, &r, &g);
}

static int unmap(uint64_t dfn, uint64_t nr)
{
    const struct iopt_run r = { .dfn = { dfn }, .nr = nr };

    return iopt_unmap(&pt, &r, &g);
}

static int protect(uint64_t dfn, uint64_t nr, unsigned int prot)
{
    const struct iopt_run r = { .dfn = { dfn }, .nr = nr, .prot = prot };

    return iopt_protect(&pt, &r, &g);
}

static int split(uint64_t dfn, uint64_t nr, unsigned int level)
{
    const struct iopt_run r = { .dfn = { dfn }, .nr = nr };

    return iopt_split(&pt, &r, level, &g);
}

static void test_config(const struct iopt_ops *ops)
{
    const struct iopt_config good = config(ops);
    const struct {
        uint8_t levels, mask, bits;
    } bad[] = {
        { 1, 1, 48 },
        { (uint8_t)(ops->max_levels + 1), 1, 48 },
        { 4, 1, 12 },
        { 4, 1, 65 },
        { 4, 0, 48 },
        { 4, 2, 48 },
        { 4, 5, 48 },
        { 2, 7, 48 },
        { 4, 13, 48 },
        { 5, (uint8_t)(4u << ops->max_leaf_level), 48 },
        { 6, (uint8_t)((4u << ops->max_leaf_level) - 1), 48 },
    };
    struct iopt_config c;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        c = good;
        c.levels = bad[i].levels;
        c.leaf_mask = bad[i].mask;
        c.input_bits = bad[i].bits;
        EXPECT_EQ(ops->name, iopt_init(&pt, &c), -EINVAL);
    }
    for (unsigned int off = 0; off < 256; off++) {
        const uint8_t used = good.leaf_mask & (uint8_t)~off;

        c = good;
        c.leaf_off = (uint8_t)off;
        pool_reset();
        EXPECT_EQ(ops->name, iopt_init(&pt, &c),
                  used == 1 || used == 3 || used == 7 ? 0 : -EINVAL);
    }
    /* Nor may what is not used have a gap. */
    c.leaf_mask = 5;
    c.leaf_off = 0xfe;
    EXPECT_EQ(ops->name, iopt_init(&pt, &c), -EINVAL);
    pool_reset();
    pool_fail_after(0);
    EXPECT_EQ(ops->name, iopt_init(&pt, &good), -ENOMEM);

    c = good;
    c.mfn_last = 1000;
    c.input_bits = 64;
    start(&c);
    EXPECT_EQ(name, map(0, 1000, 1), 0);
    EXPECT_EQ(name, map(2, 1001, 1), -ERANGE);
    EXPECT_EQ(name, map(2, 1000, 2), -ERANGE);
    finish();
    /* More than the format can hold is what it can hold. */
    c.mfn_last = ~UINT64_C(0);
    start(&c);
    EXPECT_EQ(name, pt.mfn_last, ops->mfn_limit - 1);
    finish();
}

static int never(dfn_t dfn, const struct iopt_view *v, void *arg)
{
    (void)dfn;
    (void)v;
    (void)arg;
    return 1;
}

static void test_refused(const struct iopt_ops *ops)
{
    const struct iopt_config c = config(ops);
    struct iopt_view v;
    uint64_t last;

    start(&c);
    last = pt.dfn_last;
    EXPECT_EQ(name, protect(0, 0, IOPT_R), -EINVAL);
    EXPECT_EQ(name, protect(0, 1, 0), -EINVAL);
    EXPECT_EQ(name, protect(0, 1, 4), -EINVAL);
    EXPECT_EQ(name, protect(last, 2, IOPT_R), -ERANGE);
    EXPECT_EQ(name, protect(last + 1, 1, IOPT_R), -ERANGE);
    EXPECT_EQ(name, split(0, 0, 0), -EINVAL);
    EXPECT_EQ(name, split(last, 2, 0), -ERANGE);
    EXPECT_EQ(name, split(0, 1, 4), -EINVAL);
    EXPECT_EQ(name, iopt_lookup(&pt, DFN(last + 1), &v), -ENOENT);
    EXPECT_EQ(name, iopt_walk(&pt, last + 1, ~UINT64_C(0), never, NULL), 0);
    EXPECT_EQ(name, iopt_walk(&pt, 5, 4, never, NULL), 0);
    EXPECT_EQ(name, iopt_gather_is_empty(&g), true);
    finish();
}

/* Calls that need tables and get none change nothing. */
static void test_no_tables(const struct iopt_ops *ops)
{
    const struct iopt_config c = config(ops);
    struct iopt_view v;

    start(&c);
    EXPECT_EQ(name, map(0, 0, span2), 0);
    pool_fail_after(0);
    EXPECT_EQ(name, protect(3, 1, IOPT_R), -ENOMEM);
    EXPECT_EQ(name, split(0, span2, 0), -ENOMEM);
    EXPECT_EQ(name, iopt_gather_is_empty(&g), true);
    EXPECT_EQ(name, iopt_lookup(&pt, DFN(3), &v), 0);
    EXPECT_EQ(name, v.level, 2);
    /* Unmap may use the reserve; then neither map nor protect goes on. */
    EXPECT_EQ(name, unmap(3, 1), 0);
    EXPECT_EQ(name, map(3, 3, 1), -ENOMEM);
    EXPECT_EQ(name, protect(4, 1, IOPT_R), -ENOMEM);
    iopt_gather_release(&pt, &g);
    pool_fail_after(~UINT64_C(0));
    EXPECT_EQ(name, map(3, 3, 1), 0);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), 1);
    finish();
}

static void test_lookup(const struct iopt_ops *ops)
{
    const struct iopt_config c = config(ops);
    struct iopt_view v;

    start(&c);
    EXPECT_EQ(name, map(0, span2, span2), 0);
    EXPECT_EQ(name, iopt_lookup(&pt, DFN(5), &v), 0);
    EXPECT_EQ(name, v.mfn.n, span2 + 5);
    EXPECT_EQ(name, v.nr, span2 - 5);
    EXPECT_EQ(name, v.level, 2);
    EXPECT_EQ(name, v.prot, IOPT_RW);
    EXPECT_EQ(name, split(0, 1, 1), 0);
    EXPECT_EQ(name, iopt_lookup(&pt, DFN(span1 + 7), &v), 0);
    EXPECT_EQ(name, v.nr, span1 - 7);
    EXPECT_EQ(name, v.level, 1);
    /* Down, over a hole, and where it is small enough already. */
    EXPECT_EQ(name, unmap(span1, span1), 0);
    EXPECT_EQ(name, split(0, span2, 0), 0);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), span2 - span1);
    EXPECT_EQ(name, split(0, span2, 0), 0);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), span2 - span1);
    finish();
}

/* Coalescing to a size can be forbidden; mapping that size cannot. */
static void test_no_coalesce(const struct iopt_ops *ops)
{
    struct iopt_config c = config(ops);

    c.no_coalesce = 2;
    start(&c);
    for (uint64_t i = 0; i < slots; i++) {
        EXPECT_EQ(name, map(i, i, 1), 0);
    }
    EXPECT_EQ(name, iopt_nr_leaves(&pt), slots);
    EXPECT_EQ(name, map(span1, span1, span1), 0);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), slots + 1);
    finish();
}

/* More tables wait to coalesce than are remembered: the rest is done now. */
static void test_pending(const struct iopt_ops *ops)
{
    struct iopt_config c = config(ops);
    const uint64_t nr = IOPT_PENDING + 3;

    c.lazy_coalesce = true;
    c.leaf_mask = 3;
    start(&c);
    for (uint64_t i = 0; i < nr * span1; i++) {
        EXPECT_EQ(name, map(i, i, 1), 0);
    }
    EXPECT_EQ(name, pt.nr_pending, IOPT_PENDING);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), IOPT_PENDING * slots + 3);
    /* Once more for a table that waits already, which changed meanwhile. */
    EXPECT_EQ(name, unmap(5, 1), 0);
    EXPECT_EQ(name, map(5, 5, 1), 0);
    EXPECT_EQ(name, pt.nr_pending, IOPT_PENDING);
    /* One that waits is gone, one is not uniform any more. */
    EXPECT_EQ(name, unmap(0, span1), 0);
    EXPECT_EQ(name, unmap(span1, 1), 0);
    EXPECT_EQ(name, iopt_settle(&pt, 5, &g), -ERESTART);
    EXPECT_EQ(name, pt.nr_pending, IOPT_PENDING - 5);
    EXPECT_EQ(name, iopt_settle(&pt, 1000, &g), 0);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), nr - 2 + slots - 1);
    EXPECT_EQ(name, iopt_settle(&pt, 0, &g), 0);
    finish();

    /* The same address waits at two levels. */
    c.leaf_mask = 7;
    start(&c);
    for (uint64_t i = 0; i < span1; i++) {
        EXPECT_EQ(name, map(i, i, 1), 0);
    }
    EXPECT_EQ(name, map(span1, span1, span2 - span1), 0);
    EXPECT_EQ(name, iopt_settle(&pt, 100, &g), 0);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), 1);
    finish();
}

/* What a destroy does in one call is bounded by what was asked. */
static void test_destroy(const struct iopt_ops *ops)
{
    const struct iopt_config c = config(ops);
    uint64_t tables, n = 1;

    start(&c);
    EXPECT_EQ(name, map(1, 2, 3 * span1), 0);
    tables = pt.counts.tables;
    EXPECT_EQ(name, tables > 4, 1);
    while (iopt_destroy(&pt, 1) == -ERESTART) {
        n++;
    }
    EXPECT_EQ(name, n, tables + 0);
    EXPECT_EQ(name, pool_nr_used, 0);
}

/* Tables: what a run needs, no more, and none to replace a table by a leaf. */
static void test_bounds(const struct iopt_ops *ops)
{
    const struct iopt_config c = config(ops);
    uint64_t taken;

    start(&c);
    EXPECT_EQ(name, map(0, 1, span1), 0);
    EXPECT_EQ(name, pt.counts.tables, 4);
    taken = pt.counts.pool_allocs + pt.counts.spare_hits;
    iopt_gather_release(&pt, &g);
    {
        const struct iopt_run r = { { 0 }, { 0 }, span1, IOPT_RW };

        pool_fail_after(0);
        EXPECT_EQ(name, iopt_replace(&pt, &r, &g), 0);
        pool_fail_after(~UINT64_C(0));
    }
    EXPECT_EQ(name, pt.counts.pool_allocs + pt.counts.spare_hits, taken);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), 1);
    EXPECT_EQ(name, pt.counts.tables, 3);
    iopt_gather_release(&pt, &g);
    /* A cut takes a table a level and end at most, and owes old leaves. */
    EXPECT_EQ(name, map(span2, span2, 2 * span2), 0);
    taken = pt.counts.tables;
    EXPECT_EQ(name, unmap(2 * span2 - 3, 6), 0);
    EXPECT_EQ(name, pt.counts.tables, taken + 4);
    EXPECT_EQ(name, g.nr_ext <= 2, 1);
    EXPECT_EQ(name, g.leaf_order, ops->level_order(2));
    EXPECT_EQ(name, g.owe, IOPT_OWE_STALE);
    finish();
}

/* A unit that caches what is absent is told of each frame added. */
static void test_added(const struct iopt_ops *ops)
{
    struct iopt_config c = config(ops);

    c.track_added = true;
    start(&c);
    EXPECT_EQ(name, map(3, 9, 1), 0);
    EXPECT_EQ(name, g.nr_ext, 1);
    EXPECT_EQ(name, g.ext[0].first, 3);
    EXPECT_EQ(name, g.ext[0].owe, IOPT_OWE_ADDED);
    iopt_gather_release(&pt, &g);
    EXPECT_EQ(name, map(7, 9, 1), 0);
    EXPECT_EQ(name, g.nr_ext, 1);
    EXPECT_EQ(name, g.ext[0].first, 7);
    EXPECT_EQ(name, g.ext[0].last, 7);
    EXPECT_EQ(name, g.ext[0].owe, IOPT_OWE_ADDED);
    iopt_gather_release(&pt, &g);
    EXPECT_EQ(name, map(9, 100, 4), 0);
    EXPECT_EQ(name, g.ext[0].first, 9);
    EXPECT_EQ(name, g.ext[0].last, 12);
    finish();
}

static void add(uint64_t first, uint64_t last, uint8_t order, uint8_t owe)
{
    const struct iopt_extent e = { first, last, order, owe };

    iopt_gather_add(&g, &e);
}

static void test_gather(void)
{
    uint64_t next = 5000; /* apart from all that is added before */
    struct iopt_gather to;

    name = "gather";
    iopt_gather_init(&g);
    EXPECT_EQ(name, iopt_gather_is_empty(&g), true);
    add(10, 19, 0, IOPT_OWE_STALE);
    EXPECT_EQ(name, iopt_gather_is_empty(&g), false);
    /* It touches, above and below. */
    add(20, 20, 0, IOPT_OWE_STALE);
    add(9, 9, 0, IOPT_OWE_STALE);
    EXPECT_EQ(name, g.nr_ext, 1);
    EXPECT_EQ(name, g.ext[0].first, 9);
    EXPECT_EQ(name, g.ext[0].last, 20);
    /* A frame away, another debt, another leaf: apart. */
    add(22, 22, 0, IOPT_OWE_STALE);
    EXPECT_EQ(name, g.nr_ext, 2);
    add(23, 23, 0, IOPT_OWE_ADDED);
    EXPECT_EQ(name, g.nr_ext, 3);
    add(512, 1023, 9, IOPT_OWE_STALE);
    add(1024, 1024, 0, IOPT_OWE_STALE);
    EXPECT_EQ(name, g.nr_ext, 5);
    /* Inside: joins whatever it is, and makes it coarser. */
    add(600, 600, 0, IOPT_OWE_TABLES);
    EXPECT_EQ(name, g.nr_ext, 5);
    EXPECT_EQ(name, g.ext[3].owe, IOPT_OWE_STALE | IOPT_OWE_TABLES);
    EXPECT_EQ(name, g.owe, 7);
    EXPECT_EQ(name, g.leaf_order, 9);
    /* Full: the closest two join, nothing is lost. */
    while (g.nr_ext < IOPT_GATHER_EXTENTS) {
        add(next, next, 0, IOPT_OWE_STALE);
        next += 1000;
    }
    next += 1000;
    add(next, next, 0, IOPT_OWE_STALE);
    EXPECT_EQ(name, g.nr_ext, IOPT_GATHER_EXTENTS);
    for (uint64_t d = 5000; d <= next; d += 1000) {
        bool found = d == next - 1000;

        for (unsigned int i = 0; i < g.nr_ext; i++) {
            found |= g.ext[i].first <= d && g.ext[i].last >= d;
        }
        EXPECT_EQ(name, found, true);
    }
    iopt_gather_init(&to);
    iopt_gather_move(&to, &g);
    EXPECT_EQ(name, iopt_gather_is_empty(&g), true);
    EXPECT_EQ(name, to.nr_ext, IOPT_GATHER_EXTENTS);
    EXPECT_EQ(name, to.leaf_order, 9);
    /* Tables alone make it full, too. */
    iopt_gather_init(&to);
    to.retired.nr = 1;
    EXPECT_EQ(name, iopt_gather_is_empty(&to), false);
}

static void test_chunk(void)
{
    const uint64_t g1 = UINT64_C(1) << 18;

    EXPECT_EQ("chunk", iopt_chunk(0, ~UINT64_C(0)), g1);
    EXPECT_EQ("chunk", iopt_chunk(g1 - 1, 5), 1);
    EXPECT_EQ("chunk", iopt_chunk(g1 + 5, 3), 3);
    EXPECT_EQ("chunk", iopt_chunk(5, g1), g1 - 5);
}

int main(void)
{
    static const struct iopt_ops *const formats[] = {
        &iopt_amdv1_ops, &iopt_amdv1x_ops, &iopt_vtdss_ops, &iopt_skew_ops
    };

    for (unsigned int f = 0; f < 4; f++) {
        test_config(formats[f]);
        test_refused(formats[f]);
        test_no_tables(formats[f]);
        test_lookup(formats[f]);
        test_no_coalesce(formats[f]);
        test_pending(formats[f]);
        test_destroy(formats[f]);
        test_bounds(formats[f]);
        test_added(formats[f]);
    }
    test_gather();
    test_chunk();
    return expect_failures();
}
