// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c tests/port/iopt/audit.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1x.c tests/port/iopt/skew.c
/* AMD's sizes between: when slots become one, and what a change leaves. */
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#include "expect.h"
#include "tests/port/iopt/audit.h"

static struct iopt pt;
static struct iopt_gather g;
static const char *name;

static void start(const char *what, uint8_t leaf_mask)
{
    const struct iopt_config cfg = {
        .ops = &iopt_amdv1x_ops,
        .levels = 4,
        .leaf_mask = leaf_mask,
        .coherent = true,
        .input_bits = 48,
    };

    name = what;
    pool_reset();
    EXPECT_EQ(name, iopt_init(&pt, &cfg), 0);
    iopt_gather_init(&g);
}

static void finish(void)
{
    EXPECT_EQ(name, audit_tree(&pt, NULL, NULL), 0);
    iopt_gather_release(&pt, &g);
    while (iopt_destroy(&pt, 64)) {
    }
    EXPECT_EQ(name, pool_nr_used, 0);
}

static void call(int (*op)(struct iopt *pt, const struct iopt_run *r,
                           struct iopt_gather *g),
                 uint64_t dfn, uint64_t mfn, uint64_t nr, unsigned int prot)
{
    const struct iopt_run r = { { dfn }, { mfn }, nr, prot };

    EXPECT_EQ(name, op(&pt, &r, &g), 0);
}

/* Log2 of the frames that a unit caches as one at a frame; -1: none. */
static int order_at(uint64_t dfn)
{
    const struct audit_hit h = audit_walk(&pt, dfn);
    struct iopt_view v;

    EXPECT_EQ(name, iopt_lookup(&pt, DFN(dfn), &v), h.present ? 0 : -ENOENT);
    if (!h.present) {
        return -1;
    }
    EXPECT_EQ(name, v.mfn.n, h.mfn);
    EXPECT_EQ(name, v.prot, h.prot);
    EXPECT_EQ(name, v.nr, BIT64(h.order) - (dfn & (BIT64(h.order) - 1)));
    return (int)h.order;
}

static void expect_debt(uint64_t first, uint64_t last, unsigned int order)
{
    bool found = false;

    for (unsigned int i = 0; i < g.nr_ext; i++) {
        found |= g.ext[i].first <= first && g.ext[i].last >= last &&
                 g.ext[i].leaf_order >= order && g.ext[i].owe & IOPT_OWE_STALE;
    }
    EXPECT_EQ(name, found, true);
}

static void flush(void)
{
    iopt_gather_release(&pt, &g);
}

static void test_sizes(void)
{
    /* A frame, then as large as both alignments and the length allow. */
    start("each size", 7);
    call(pt.ops->map, 1, 4096 + 1, 510, IOPT_RW);
    for (unsigned int k = 0; k < 8; k++) {
        EXPECT_EQ(name, order_at(UINT64_C(1) << k), k);
        EXPECT_EQ(name, order_at(511 - (UINT64_C(1) << k)), k);
    }
    EXPECT_EQ(name, pt.counts.leaves[0], 510);
    EXPECT_EQ(name, iopt_gather_is_empty(&g), true);
    finish();

    start("output off by 8", 7);
    call(pt.ops->map, 0, 8, 64, IOPT_R);
    EXPECT_EQ(name, order_at(0), 3);
    EXPECT_EQ(name, order_at(63), 3);
    finish();

    start("4M to 512M", 7);
    call(pt.ops->map, 512, BIT64(20) + 512, 510 * 512, IOPT_RW);
    for (unsigned int k = 0; k < 8; k++) {
        EXPECT_EQ(name, order_at(UINT64_C(512) << k), 9 + k);
    }
    EXPECT_EQ(name, pt.counts.leaves[1], 510);
    finish();

    /* Nothing larger than the largest leaf that is allowed. */
    start("4K alone", 1);
    call(pt.ops->map, 0, 0, 512, IOPT_RW);
    EXPECT_EQ(name, order_at(0), 0);
    finish();
    start("up to 2M", 3);
    call(pt.ops->map, 512, 512, 512 * 8 + 16, IOPT_RW);
    EXPECT_EQ(name, order_at(1024), 9);
    EXPECT_EQ(name, order_at(512 * 9), 4);
    finish();
}

static void test_unmap(void)
{
    start("one of a group", 7);
    call(pt.ops->map, 64, 64, 32, IOPT_RW);
    EXPECT_EQ(name, order_at(70), 5);
    call(pt.ops->unmap, 70, 0, 1, 0);
    EXPECT_EQ(name, order_at(64), 2);
    EXPECT_EQ(name, order_at(68), 1);
    EXPECT_EQ(name, order_at(70), -1);
    EXPECT_EQ(name, order_at(71), 0);
    EXPECT_EQ(name, order_at(72), 3);
    EXPECT_EQ(name, order_at(80), 4);
    expect_debt(64, 95, 5);
    flush();
    /* All of one, and a part of each neighbour. */
    call(pt.ops->unmap, 78, 0, 4, 0);
    EXPECT_EQ(name, order_at(72), 2);
    EXPECT_EQ(name, order_at(76), 1);
    EXPECT_EQ(name, order_at(81), -1);
    EXPECT_EQ(name, order_at(82), 1);
    EXPECT_EQ(name, order_at(84), 2);
    EXPECT_EQ(name, order_at(88), 3);
    expect_debt(72, 79, 3);
    expect_debt(80, 95, 4);
    flush();
    call(pt.ops->unmap, 88, 0, 8, 0);
    expect_debt(88, 95, 3);
    flush();
    call(pt.ops->unmap, 0, 0, 512, 0);
    EXPECT_EQ(name, pt.counts.tables, 1);
    finish();

    /* The middle: both ends of the same group. */
    start("middle of a group", 7);
    call(pt.ops->map, 0, 0, 128, IOPT_RW);
    call(pt.ops->unmap, 31, 0, 66, 0);
    EXPECT_EQ(name, order_at(0), 4);
    EXPECT_EQ(name, order_at(30), 0);
    EXPECT_EQ(name, order_at(31), -1);
    EXPECT_EQ(name, order_at(96), -1);
    EXPECT_EQ(name, order_at(97), 0);
    EXPECT_EQ(name, order_at(127), 4);
    expect_debt(0, 127, 7);
    finish();

    start("4K out of 64M", 7);
    call(pt.ops->map, 32 * 512, 32 * 512, 32 * 512, IOPT_RW);
    EXPECT_EQ(name, order_at(32 * 512), 14);
    call(pt.ops->unmap, 33 * 512 + 5, 0, 1, 0);
    EXPECT_EQ(name, order_at(32 * 512), 9);
    EXPECT_EQ(name, order_at(33 * 512), 2);
    EXPECT_EQ(name, order_at(33 * 512 + 256), 8);
    EXPECT_EQ(name, order_at(34 * 512), 10);
    EXPECT_EQ(name, order_at(48 * 512), 13);
    expect_debt(32 * 512, 64 * 512 - 1, 14);
    finish();
}

static void test_change(void)
{
    const struct iopt_run all = { .dfn = { 0 }, .nr = 16 * 512 };

    start("permissions", 7);
    call(pt.ops->map, 0, 0, 64, IOPT_RW);
    call(pt.ops->protect, 0, 0, 64, IOPT_R);
    EXPECT_EQ(name, order_at(33), 6);
    expect_debt(0, 63, 6);
    flush();
    call(pt.ops->protect, 16, 0, 16, IOPT_W);
    EXPECT_EQ(name, order_at(0), 4);
    EXPECT_EQ(name, order_at(16), 4);
    EXPECT_EQ(name, order_at(32), 5);
    expect_debt(0, 63, 6);
    finish();

    start("replaced", 7);
    call(pt.ops->map, 0, 0, 64, IOPT_RW);
    call(pt.ops->replace, 5, 8192, 1, IOPT_RW);
    EXPECT_EQ(name, order_at(5), 0);
    EXPECT_EQ(name, order_at(32), 5);
    expect_debt(0, 63, 6);
    finish();

    /* Groups are counted as the leaves they are, so they coalesce. */
    start("coalesced", 7);
    for (uint64_t i = 0; i < 512; i += 32) {
        call(pt.ops->map, i, i, 32, IOPT_RW);
    }
    EXPECT_EQ(name, order_at(0), 9);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), 1);
    finish();

    start("split", 7);
    call(pt.ops->map, 0, 0, 16 * 512, IOPT_RW);
    EXPECT_EQ(name, order_at(0), 13);
    EXPECT_EQ(name, iopt_split(&pt, &all, 1, &g), 0);
    EXPECT_EQ(name, order_at(0), 9);
    expect_debt(0, 16 * 512 - 1, 13);
    flush();
    EXPECT_EQ(name, iopt_split(&pt, &all, 0, &g), 0);
    EXPECT_EQ(name, order_at(0), 0);
    EXPECT_EQ(name, iopt_nr_leaves(&pt), 16 * 512);
    finish();
}

int main(void)
{
    test_sizes();
    test_unmap();
    test_change();
    return expect_failures();
}
