// SPDX-License-Identifier: GPL-2.0
// SOURCES: tests/port/iopt/probe-amdv1.c tests/port/iopt/probe-vtdss.c
// SOURCES: tests/port/iopt/probe-skew.c tests/port/iopt/skew.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1.c
// SOURCES: xen/drivers/passthrough/pt/iopt-vtdss.c
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c tests/port/iopt/audit.c
/*
 * The entry formats by themselves: every function against words typed from the
 * manuals and against the audit's decoder, which shares no code with them; and
 * each leaf size in each slot of a table, read back by a device.
 */
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#include "expect.h"
#include "tests/port/iopt/audit.h"
#include "tests/port/iopt/probe.h"

static const struct probe *const probes[] = { &probe_amdv1, &probe_vtdss,
                                              &probe_skew };
static const char *name;

/* Each address bit selects a slot at exactly one level. */
static void test_levels(const struct probe *p)
{
    const unsigned int slot_bits = p->ops->slot_bits;

    EXPECT_EQ(name, p->order(0), 0);
    for (unsigned int bit = 0; bit < p->ops->max_levels * slot_bits; bit++) {
        unsigned int found = 0;

        for (unsigned int l = 0; l < p->ops->max_levels; l++) {
            const unsigned int order = p->order(l);

            EXPECT_EQ(name, order, p->ops->level_order(l));
            found += BIT64(bit) >> order != 0 &&
                     (BIT64(bit) >> order & (BIT64(slot_bits) - 1)) != 0;
        }
        EXPECT_EQ(name, found, 1);
    }
}

/* What the manuals say an entry is, bit by bit. */
static void test_words(void)
{
    /* AMD48882, page table entries: PR, next level, FC, IR, IW. */
    EXPECT_EQ("amd", probe_amdv1.leaf(0x12345, IOPT_RW, 0, 0),
              0x7000000012345001);
    EXPECT_EQ("amd", probe_amdv1.leaf(0x200, IOPT_R, 1, 0), 0x3000000000200001);
    EXPECT_EQ("amd", probe_amdv1.leaf(0, IOPT_W, 2, 0), 0x5000000000000001);
    EXPECT_EQ("amd", probe_amdv1.leaf(BIT64(40) - 1, IOPT_RW, 0, 0),
              0x700ffffffffff001);
    EXPECT_EQ("amd", probe_amdv1.table(0x5000, 1), 0x6000000000005201);
    EXPECT_EQ("amd", probe_amdv1.table(0xfffff00000000, 3), 0x600fffff00000601);
    EXPECT_EQ("amd", probe_amdv1.empty_word, 0);
    /* VTD, second-stage entries: R, W, page size, snoop. */
    EXPECT_EQ("vtd", probe_vtdss.leaf(0x12345, IOPT_RW, 0, 0), 0x12345003);
    EXPECT_EQ("vtd", probe_vtdss.leaf(0x200, IOPT_R, 1, 0x800), 0x200881);
    EXPECT_EQ("vtd", probe_vtdss.leaf(0, IOPT_W, 2, 0), 0x82);
    EXPECT_EQ("vtd", probe_vtdss.leaf(BIT64(40) - 1, IOPT_RW, 0, 0),
              0xffffffffff003);
    EXPECT_EQ("vtd", probe_vtdss.table(0x5000, 1), 0x5003);
    EXPECT_EQ("vtd", probe_vtdss.empty_word, 0);
}

static void test_empty(const struct probe *p)
{
    const struct iopt pt = { .ops = p->ops };

    EXPECT_EQ(name, p->full(p->empty_word), 0);
    for (unsigned int l = 0; l < p->ops->max_levels; l++) {
        const struct audit_entry a = audit_decode(&pt, p->empty_word, l);

        EXPECT_EQ(name, p->kind(p->empty_word, l), IOPT_EMPTY);
        EXPECT_EQ(name, a.present || a.reserved, false);
    }
}

/* A pointer to a table in each page a bit can name, from each level. */
static void test_tables(const struct probe *p)
{
    const struct iopt pt = { .ops = p->ops };

    for (unsigned int l = 1; l < p->ops->max_levels; l++) {
        for (unsigned int bit = PAGE_SHIFT; bit <= 51; bit++) {
            const uint64_t e = p->table(BIT64(bit), l);
            const struct audit_entry a = audit_decode(&pt, e, l);

            EXPECT_EQ(name, p->full(e) != 0, true);
            EXPECT_EQ(name, p->kind(e, l), IOPT_TABLE);
            EXPECT_EQ(name, p->table_pa(e), BIT64(bit));
            EXPECT_EQ(name, a.present && !a.leaf && !a.reserved, true);
            EXPECT_EQ(name, a.pa, BIT64(bit));
        }
    }
}

static void check_leaf(const struct probe *p, uint64_t mfn, unsigned int prot,
                       unsigned int level, uint64_t extra)
{
    const struct iopt pt = { .ops = p->ops, .leaf_extra = extra };
    const uint64_t size = BIT64(p->order(level));
    const uint64_t e = p->leaf(mfn, prot, level, extra);
    const struct audit_entry a = audit_decode(&pt, e, level);

    EXPECT_EQ(name, p->full(e) != 0, true);
    EXPECT_EQ(name, p->kind(e, level), IOPT_LEAF);
    EXPECT_EQ(name, p->leaf_mfn(e, level), mfn);
    EXPECT_EQ(name, p->prot(e), prot);
    EXPECT_EQ(name, a.present && a.leaf && !a.reserved, true);
    EXPECT_EQ(name, a.mfn, mfn);
    EXPECT_EQ(name, a.prot, prot);
    if (mfn + size < p->ops->mfn_limit) {
        EXPECT_EQ(name, p->leaf(mfn + size, prot, level, extra),
                  e + p->step(level));
    }
}

/* Each size, each permission, each bit of the output and its two ends. */
static void test_leaves(const struct probe *p)
{
    for (unsigned int l = 0; l <= p->ops->max_leaf_level; l++) {
        const uint64_t size = BIT64(p->order(l));

        for (unsigned int prot = IOPT_R; prot <= IOPT_RW; prot++) {
            for (int extra = 0; extra < 2; extra++) {
                const uint64_t x = extra ? p->ops->leaf_extra_ok : 0;

                check_leaf(p, 0, prot, l, x);
                check_leaf(p, p->ops->mfn_limit - size, prot, l, x);
                for (uint64_t m = size; m < p->ops->mfn_limit; m <<= 1) {
                    check_leaf(p, m, prot, l, x);
                }
            }
        }
    }
}

/* The sizes and heights the manuals give each format, and no other. */
static void test_sizes(void)
{
    static const struct {
        const struct iopt_ops *ops;
        uint8_t levels, leaf_level;
    } table[] = {
        { &iopt_amdv1_ops, 6, 2 },
        { &iopt_vtdss_ops, 5, 2 },
        { &iopt_skew_ops, 6, 4 },
    };
    struct iopt pt;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        for (unsigned int levels = 0; levels < 9; levels++) {
            for (unsigned int mask = 0; mask < 256; mask++) {
                const struct iopt_config c = { .ops = table[i].ops,
                                               .levels = (uint8_t)levels,
                                               .leaf_mask = (uint8_t)mask,
                                               .input_bits = 48 };
                /* Sizes without a gap from 4K on, no leaf above the root. */
                bool good = levels >= 2 && levels <= table[i].levels && mask;

                for (unsigned int l = 0; l < 8; l++) {
                    if (mask >> l & 1) {
                        good = good && l <= table[i].leaf_level && l < levels &&
                               (l == 0 || mask >> (l - 1) & 1);
                    }
                }
                pool_reset();
                EXPECT_EQ(table[i].ops->name, iopt_init(&pt, &c),
                          good ? 0 : -EINVAL);
            }
        }
    }
}

/*
 * A leaf of each size in each slot of a table, outputs that never continue and
 * that reach both ends of what the format can name; each is read back at its
 * first, a middle and its last frame, and one frame to either side is absent.
 */
static void test_slots(const struct probe *p)
{
    const unsigned int slots = 1u << p->ops->slot_bits;

    for (unsigned int l = 0;
         l <= min_of(2u, (unsigned int)p->ops->max_leaf_level); l++) {
        const uint64_t size = BIT64(p->order(l));
        const struct iopt_config c = { .ops = p->ops,
                                       .levels = 4,
                                       .leaf_mask = 7,
                                       .coherent = true,
                                       .input_bits = 48 };
        struct iopt_gather g;
        struct iopt pt;

        pool_reset();
        EXPECT_EQ(name, iopt_init(&pt, &c), 0);
        iopt_gather_init(&g);
        for (unsigned int i = 0; i < slots; i += 2) {
            const uint64_t mfn =
                i & 2 ? i * size : p->ops->mfn_limit - size * (i + 1);
            const struct iopt_run r = { { i * size }, { mfn }, size, IOPT_RW };

            EXPECT_EQ(name, iopt_map(&pt, &r, &g), 0);
        }
        EXPECT_EQ(name, pt.counts.leaves[l], slots / 2);
        for (unsigned int i = 0; i < slots; i++) {
            const uint64_t mfn =
                i & 2 ? i * size : p->ops->mfn_limit - size * (i + 1);
            const uint64_t at[] = { 0, size / 2, size - 1 };

            for (unsigned int k = 0; k < 3; k++) {
                const struct audit_hit h = audit_walk(&pt, i * size + at[k]);

                EXPECT_EQ(name, h.present, i % 2 == 0);
                if (h.present) {
                    EXPECT_EQ(name, h.mfn, mfn + at[k]);
                    EXPECT_EQ(name, h.order, p->order(l));
                }
            }
        }
        EXPECT_EQ(name, audit_tree(&pt, NULL, NULL), 0);
        while (iopt_destroy(&pt, 100)) {
        }
    }
}

int main(void)
{
    test_words();
    test_sizes();
    for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
        name = probes[i]->ops->name;
        test_levels(probes[i]);
        test_empty(probes[i]);
        test_tables(probes[i]);
        test_leaves(probes[i]);
        test_slots(probes[i]);
    }
    return expect_failures();
}
