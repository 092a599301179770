// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1x.c
// SOURCES: xen/drivers/passthrough/pt/iopt-vtdss.c tests/port/iopt/skew.c
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c tests/port/iopt/audit.c
// SOURCES: tests/bench/plain-amdv1.c tests/bench/plain-vtdss.c
/*
 * Ranges: leaves of mixed sizes, vectors that broke other engines, orders of
 * filling, cutting a request into parts, undoing, and the same requests to the
 * per-page engine of the bench, frame by frame.
 */
#include <stdlib.h>

#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#include "expect.h"
#include "tests/port/iopt/audit.h"

extern const struct iopt_ops plain_amdv1_ops, plain_vtdss_ops;

struct tree {
    struct iopt pt;
    struct iopt_gather g;
};

static struct tree a, b;
static const char *name;
static uint64_t slots, span1, span2;
static uint64_t state = 1;

static uint64_t below(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

static void start(struct tree *t, const struct iopt_ops *ops)
{
    const struct iopt_config c = { .ops = ops,
                                   .levels = 4,
                                   .leaf_mask = 7,
                                   .coherent = true,
                                   .input_bits = 48 };

    name = ops->name;
    EXPECT_EQ(name, iopt_init(&t->pt, &c), 0);
    iopt_gather_init(&t->g);
    slots = UINT64_C(1) << ops->slot_bits;
    span1 = UINT64_C(1) << ops->level_order(1);
    span2 = UINT64_C(1) << ops->level_order(2);
}

static void stop(struct tree *t)
{
    iopt_gather_release(&t->pt, &t->g);
    while (iopt_destroy(&t->pt, 100) == -ERESTART) {
    }
}

static int map(struct tree *t, uint64_t dfn, uint64_t mfn, uint64_t nr)
{
    const struct iopt_run r = { { dfn }, { mfn }, nr, IOPT_RW };

    return iopt_map(&t->pt, &r, &t->g);
}

static int unmap(struct tree *t, uint64_t dfn, uint64_t nr)
{
    const struct iopt_run r = { .dfn = { dfn }, .nr = nr };

    return iopt_unmap(&t->pt, &r, &t->g);
}

static int protect(struct tree *t, uint64_t dfn, uint64_t nr, unsigned int prot)
{
    const struct iopt_run r = { .dfn = { dfn }, .nr = nr, .prot = prot };

    return iopt_protect(&t->pt, &r, &t->g);
}

/* Number of entries, each frame, and down to nothing. */
static void test_sizes(const struct iopt_ops *ops)
{
    uint64_t mid;

    pool_reset();
    start(&a, ops);
    /* One of each size, none next to another. */
    EXPECT_EQ(name, map(&a, 3, 3, 1), 0);
    EXPECT_EQ(name, map(&a, 2 * span1, 5 * span1, span1), 0);
    EXPECT_EQ(name, map(&a, 2 * span2, 7 * span2, span2), 0);
    for (unsigned int l = 0; l < 3; l++) {
        EXPECT_EQ(name, a.pt.counts.leaves[l], 1);
    }
    EXPECT_EQ(name, audit_walk(&a.pt, 3).mfn, 3);
    for (uint64_t k = 0; k < span1; k++) {
        EXPECT_EQ(name, audit_walk(&a.pt, 2 * span1 + k).mfn, 5 * span1 + k);
    }
    for (uint64_t k = 0; k < span2; k += 1 + below(1000)) {
        EXPECT_EQ(name, audit_walk(&a.pt, 2 * span2 + k).mfn, 7 * span2 + k);
    }
    EXPECT_EQ(name, unmap(&a, 0, 4 * span2), 0);
    EXPECT_EQ(name, a.pt.counts.tables, 1);

    /* A few below a large border, three large ones, three small ones. */
    mid = 5 * span2;
    EXPECT_EQ(name,
              map(&a, mid - 14 * span1, mid - 14 * span1,
                  14 * span1 + 3 * span2 + 3 * span1),
              0);
    EXPECT_EQ(name, iopt_nr_leaves(&a.pt), 20);
    EXPECT_EQ(name, a.pt.counts.leaves[1], 17);
    EXPECT_EQ(name, a.pt.counts.leaves[2], 3);
    EXPECT_EQ(name, audit_tree(&a.pt, NULL, NULL), 0);
    stop(&a);
    EXPECT_EQ(name, pool_nr_used, 0);
}

/* Requests whose sizes were chosen wrongly elsewhere. */
static void test_vectors(const struct iopt_ops *ops)
{
    static const struct {
        uint64_t dfn, mfn, nr, leaves[3];
    } v[] = {
        { 0x1ff, 0x3ff, 0x202, { 2, 1, 0 } },
        { 0x1ff, 0x400, 0x202, { 0x202, 0, 0 } },
        { 0x40000, 0x40000, 0x80200, { 0, 1, 2 } },
        { 0xfef80, 0x208b95d, 0x1000, { 0x1000, 0, 0 } },
        { 0xfef80, 0x208b980, 0x280, { 0x80, 1, 0 } },
        { 0x3ffff, 0x7ffff, 2, { 2, 0, 0 } },
        { 0x3fe00, 0x7fe00, 0x40400, { 0, 2, 1 } },
    };

    for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        pool_reset();
        start(&a, ops);
        EXPECT_EQ(name, map(&a, v[i].dfn, v[i].mfn, v[i].nr), 0);
        for (unsigned int l = 0; l < 3; l++) {
            EXPECT_EQ(name, a.pt.counts.leaves[l], v[i].leaves[l]);
        }
        for (uint64_t k = 0; k < v[i].nr; k += 1 + below(16)) {
            EXPECT_EQ(name, audit_walk(&a.pt, v[i].dfn + k).mfn, v[i].mfn + k);
        }
        EXPECT_EQ(name, audit_walk(&a.pt, v[i].dfn - 1).present, false);
        EXPECT_EQ(name, audit_walk(&a.pt, v[i].dfn + v[i].nr).present, false);
        stop(&a);
    }
}

static uint64_t nth(unsigned int order, uint64_t i)
{
    switch (order) {
    case 0:
        return i;
    case 1:
        return slots - 1 - i;
    case 2: /* two halves, each ascending, in turns */
        return i % 2 * (slots / 2) + i / 2;
    case 3: /* the upper half first */
        return (i + slots / 2) % slots;
    default: /* strides, all odd: each meets every slot once */
        return i * (2 * order - 5) % slots;
    }
}

/* Every order of single frames ends as one leaf and goes away to nothing. */
static void test_orders(const struct iopt_ops *ops)
{
    for (unsigned int order = 0; order < 12; order++) {
        pool_reset();
        start(&a, ops);
        for (uint64_t i = 0; i < slots; i++) {
            const uint64_t k = nth(order, i);

            EXPECT_EQ(name, a.pt.counts.leaves[1], 0);
            EXPECT_EQ(name, map(&a, span1 + k, 9 * span1 + k, 1), 0);
        }
        EXPECT_EQ(name, iopt_nr_leaves(&a.pt), 1);
        EXPECT_EQ(name, a.pt.counts.leaves[1], 1);
        for (uint64_t i = 0; i < slots; i++) {
            EXPECT_EQ(name, unmap(&a, span1 + nth(order, i), 1), 0);
            EXPECT_EQ(name, iopt_nr_leaves(&a.pt), slots - 1 - i);
        }
        EXPECT_EQ(name, a.pt.counts.tables, 1);
        stop(&a);
        EXPECT_EQ(name, pool_nr_used, 0);
    }
}

/* One entry that differs, wherever it is, keeps the leaf away; set right, not.*/
static void test_mismatch(const struct iopt_ops *ops)
{
    const uint64_t at[] = { 0, 1, 2, slots / 2, slots - 2, slots - 1 };

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        const struct iopt_run right = { { at[i] }, { at[i] }, 1, IOPT_RW };
        const struct iopt_run wrong = { { at[i] }, { at[i] ^ 1 }, 1, IOPT_RW };

        pool_reset();
        start(&a, ops);
        EXPECT_EQ(name, map(&a, 0, 0, span1), 0);
        EXPECT_EQ(name, protect(&a, at[i], 1, IOPT_R), 0);
        EXPECT_EQ(name, iopt_nr_leaves(&a.pt), slots);
        EXPECT_EQ(name, protect(&a, at[i], 1, IOPT_RW), 0);
        EXPECT_EQ(name, iopt_nr_leaves(&a.pt), 1);
        EXPECT_EQ(name, iopt_replace(&a.pt, &wrong, &a.g), 0);
        EXPECT_EQ(name, iopt_nr_leaves(&a.pt), slots);
        EXPECT_EQ(name, iopt_replace(&a.pt, &right, &a.g), 0);
        EXPECT_EQ(name, iopt_nr_leaves(&a.pt), 1);
        EXPECT_EQ(name, audit_tree(&a.pt, NULL, NULL), 0);
        stop(&a);
    }
    /* All consecutive, but the first output is not aligned: stays small. */
    pool_reset();
    start(&a, ops);
    EXPECT_EQ(name, map(&a, 0, 1, span1), 0);
    EXPECT_EQ(name, iopt_nr_leaves(&a.pt), slots);
    stop(&a);
}

/* ---- trees compared -------------------------------------------------------- */

/* Every slot of two trees, a pointer counting as one whatever it points to. */
static unsigned int differs(uint64_t pa, uint64_t pb, unsigned int level)
{
    const uint64_t *const x = pool_page_ptr(pa), *const y = pool_page_ptr(pb);
    unsigned int bad = 0;

    for (unsigned int i = 0; i < slots; i++) {
        const struct audit_entry ex = audit_decode(&a.pt, x[i], level);
        const struct audit_entry ey = audit_decode(&b.pt, y[i], level);

        if (ex.present && !ex.leaf && ey.present && !ey.leaf) {
            bad += differs(ex.pa, ey.pa, level - 1);
        } else {
            bad += x[i] != y[i];
        }
    }
    return bad;
}

static unsigned int trees_differ(void)
{
    return differs(a.pt.root_pa, b.pt.root_pa, a.pt.levels - 1u);
}

static void random_tree(struct tree *t, uint64_t seed)
{
    state = seed * 77 + 1;
    for (unsigned int i = 0; i < 12; i++) {
        const uint64_t dfn = below(3 * span2), nr = 1 + below(2 * span1);
        const struct iopt_run r = {
            { dfn }, { dfn + below(2) * span2 }, nr, 1 + (uint32_t)below(3)
        };

        EXPECT_EQ(name, iopt_replace(&t->pt, &r, &t->g), 0);
    }
}

/* Stopped at each border and gone on with: the tree is that of one call. */
static void test_parts(const struct iopt_ops *ops)
{
    for (uint64_t seed = 1; seed <= 24; seed++) {
        uint64_t first, nr, kind;

        pool_reset();
        start(&a, ops);
        start(&b, ops);
        random_tree(&a, seed);
        random_tree(&b, seed);
        EXPECT_EQ(name, trees_differ(), 0);
        first = below(span2);
        nr = 1 + below(2 * span2);
        kind = seed % 3;
        for (uint64_t done = 0, n; done <= nr; done += n) {
            /* The last round is the whole request at once, to the other. */
            struct tree *const t = done < nr ? &b : &a;
            const uint64_t at = done < nr ? first + done : first;
            const struct iopt_run r = { { at }, { at + span2 }, 0, IOPT_RW };
            struct iopt_run part = r;

            n = done == nr      ? nr
                : below(4) == 0 ? min_of(nr - done, 1 + below(5))
                                : min_of(nr - done, span1 - (at & (span1 - 1)));
            part.nr = n;
            EXPECT_EQ(name,
                      kind == 0   ? iopt_replace(&t->pt, &part, &t->g)
                      : kind == 1 ? unmap(t, at, n)
                                  : protect(t, at, n, IOPT_W),
                      0);
            n += done == nr;
        }
        /* Groups are made of what one call maps, and kept or cut. */
        if (ops != &iopt_amdv1x_ops) {
            EXPECT_EQ(name, trees_differ(), 0);
        }
        EXPECT_EQ(name, audit_tree(&a.pt, NULL, NULL), 0);
        EXPECT_EQ(name, audit_tree(&b.pt, NULL, NULL), 0);
        stop(&a);
        stop(&b);
        EXPECT_EQ(name, pool_nr_used, 0);
    }
}

/* What was taken out of leaves of each size and put back leaves no trace. */
static void test_restored(const struct iopt_ops *ops)
{
    pool_reset();
    start(&a, ops);
    start(&b, ops);
    for (int t = 0; t < 2; t++) {
        struct tree *const x = t ? &b : &a;

        EXPECT_EQ(name, map(x, 0, 0, 2 * span2), 0);
        EXPECT_EQ(name, map(x, 3 * span2, 8 * span2 + span1, 3 * span1 + 5), 0);
    }
    for (int i = 0; i < 60; i++) {
        const uint64_t nr = 1 + below(below(2) ? 3 : 2 * span1);
        const bool tail = below(4) == 0;
        const uint64_t at =
            tail ? 3 * span2 + below(3 * span1) : below(2 * span2 - nr + 1);
        const uint64_t n =
            tail ? min_of(nr, 3 * span2 + 3 * span1 + 5 - at) : nr;
        const uint64_t mfn = tail ? at + 5 * span2 + span1 : at;

        if (below(2)) {
            EXPECT_EQ(name, unmap(&b, at, n), 0);
            EXPECT_EQ(name, trees_differ() > 0, true);
            EXPECT_EQ(name, map(&b, at, mfn, n), 0);
        } else {
            EXPECT_EQ(name, protect(&b, at, n, IOPT_R), 0);
            EXPECT_EQ(name, trees_differ() > 0, true);
            EXPECT_EQ(name, protect(&b, at, n, IOPT_RW), 0);
        }
        EXPECT_EQ(name, trees_differ(), 0);
        iopt_gather_release(&b.pt, &b.g);
    }
    stop(&a);
    stop(&b);
    EXPECT_EQ(name, pool_nr_used, 0);
}

/* A range is broken down, and a cap on sizes holds from then on. */
static void test_downgrade(const struct iopt_ops *ops)
{
    const struct iopt_run part = { .dfn = { span2 + 3 * span1 },
                                   .nr = 2 * span1 };

    pool_reset();
    start(&a, ops);
    EXPECT_EQ(name, map(&a, 0, 0, 3 * span2), 0);
    EXPECT_EQ(name, iopt_split(&a.pt, &part, 0, &a.g), 0);
    EXPECT_EQ(name, a.pt.counts.leaves[2], 2);
    EXPECT_EQ(name, a.pt.counts.leaves[1], slots - 2);
    EXPECT_EQ(name, a.pt.counts.leaves[0], 2 * slots);
    EXPECT_EQ(name, a.g.leaf_order, ops->level_order(2));
    iopt_limit_leaf(&a.pt, 1);
    /* What is stored next may coalesce to the cap and no further. */
    EXPECT_EQ(name, unmap(&a, span2 + 3 * span1, 1), 0);
    EXPECT_EQ(name, map(&a, span2 + 3 * span1, span2 + 3 * span1, 1), 0);
    EXPECT_EQ(name, a.pt.counts.leaves[0], slots);
    EXPECT_EQ(name, map(&a, 4 * span2, 4 * span2, span2), 0);
    EXPECT_EQ(name, a.pt.counts.leaves[2], 2);
    EXPECT_EQ(name, audit_tree(&a.pt, NULL, NULL), 0);
    stop(&a);
    EXPECT_EQ(name, pool_nr_used, 0);
}

/* The same requests to an engine that takes one leaf at a time. */
static void test_reference(const struct iopt_ops *ops,
                           const struct iopt_ops *plain)
{
    for (unsigned int n = 0; n < 12; n++) {
        uint64_t window;

        pool_reset();
        start(&b, plain);
        start(&a, ops);
        window = n % 3 ? 5 * span1 : span2 + 3 * span1;
        if (n % 2) {
            a.pt.no_coalesce = 0xff;
        }
        state = n * 99 + 5;
        for (unsigned int i = 0; i < (window > span2 ? 15 : 60); i++) {
            const uint64_t at =
                below(3) ? below(window) : below(window / span1) * span1;
            const uint64_t want = below(2) ? 1 + below(3) : below(window) + 1;
            const uint64_t nr = min_of(want, window - at);
            const struct iopt_run r = {
                { at }, { at + below(2) * span2 }, nr, 1 + (uint32_t)below(3)
            };
            const uint64_t kind = below(3);

            for (int t = 0; t < 2; t++) {
                struct tree *const x = t ? &b : &a;

                EXPECT_EQ(name,
                          kind == 0   ? iopt_replace(&x->pt, &r, &x->g)
                          : kind == 1 ? iopt_unmap(&x->pt, &r, &x->g)
                                      : iopt_protect(&x->pt, &r, &x->g),
                          0);
            }
            for (uint64_t k = 0;
                 k<window; k += window> span2 ? 1 + below(13) : 1) {
                struct iopt_view x = { .prot = 0 }, y = { .prot = 0 };
                const int rx = iopt_lookup(&a.pt, DFN(k), &x);
                const int ry = iopt_lookup(&b.pt, DFN(k), &y);

                if (rx != ry || x.mfn.n != y.mfn.n || x.prot != y.prot) {
                    EXPECT_EQ("both engines at frame", k, -1);
                    return;
                }
            }
            EXPECT_EQ(name,
                      n % 2 || iopt_nr_leaves(&a.pt) == iopt_nr_leaves(&b.pt),
                      true);
            EXPECT_EQ(name, n % 2 || a.pt.counts.tables == b.pt.counts.tables,
                      true);
        }
        stop(&a);
        stop(&b);
    }
}

int main(void)
{
    static const struct iopt_ops *const formats[] = {
        &iopt_amdv1_ops, &iopt_amdv1x_ops, &iopt_vtdss_ops, &iopt_skew_ops
    };

    for (unsigned int f = 0; f < 4; f++) {
        test_sizes(formats[f]);
        if (formats[f] != &iopt_skew_ops) {
            test_vectors(formats[f]);
        }
        test_orders(formats[f]);
        test_mismatch(formats[f]);
        test_parts(formats[f]);
        test_restored(formats[f]);
        test_downgrade(formats[f]);
    }
    test_reference(&iopt_amdv1_ops, &plain_amdv1_ops);
    test_reference(&iopt_vtdss_ops, &plain_vtdss_ops);
    return expect_failures();
}
