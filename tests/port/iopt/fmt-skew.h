/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table format nobody builds: 16 slots, present when bit 2 is CLEAR, the
 * level kept in the entry, output frames shifted by an amount that depends on
 * the level, permissions that forbid. Code that knows too much about x86
 * tables fails here first. An empty word is not zero.
 */
#ifndef TESTS_PORT_IOPT_FMT_SKEW_H
#define TESTS_PORT_IOPT_FMT_SKEW_H

#include <xen/bits.h>

#include "xen/drivers/passthrough/pt/iopt-priv.h"

#define SKEW_ABSENT BIT64(2)
#define SKEW_TABLE  BIT64(63)
#define SKEW_NO_R   BIT64(0)
#define SKEW_NO_W   BIT64(1)
#define SKEW_EXTRA  BIT64(3)
#define SKEW_PA     FIELD64(58, 12)
#define SKEW_FRAME  FIELD64(58, 4)

#define FMT_SLOT_BITS      4
#define FMT_MAX_LEVELS     6
#define FMT_MAX_LEAF_LEVEL 4
#define FMT_MFN_LIMIT      BIT64(40)
#define FMT_LEAF_EXTRA_OK  SKEW_EXTRA
#define FMT_EMPTY_WORD     (SKEW_ABSENT | SKEW_NO_W)

static inline unsigned int skew_order(unsigned int level)
{
    return 4 * level;
}
#define fmt_order skew_order

/* Where the frame number starts in a leaf. */
static inline unsigned int skew_shift(unsigned int level)
{
    return 14 - 2 * level;
}

static inline uint64_t skew_full(uint64_t e)
{
    return ~e & SKEW_ABSENT;
}
#define fmt_full skew_full

static inline enum iopt_kind skew_kind(uint64_t e, unsigned int level)
{
    (void)level;
    if (!skew_full(e)) {
        return IOPT_EMPTY;
    }
    return e & SKEW_TABLE ? IOPT_TABLE : IOPT_LEAF;
}
#define fmt_kind skew_kind

static inline uint64_t skew_leaf(uint64_t mfn, unsigned int prot,
                                 unsigned int level, uint64_t extra)
{
    return mfn << skew_shift(level) | (prot & IOPT_R ? 0 : SKEW_NO_R) |
           (prot & IOPT_W ? 0 : SKEW_NO_W) | extra;
}
#define fmt_leaf skew_leaf

static inline uint64_t skew_step(unsigned int level)
{
    return UINT64_C(1) << (skew_shift(level) + skew_order(level));
}
#define fmt_step skew_step

static inline uint64_t skew_table(paddr_t pa, unsigned int level)
{
    return SKEW_TABLE | pa | (uint64_t)level << 4;
}
#define fmt_table skew_table

static inline paddr_t skew_table_pa(uint64_t e)
{
    return e & SKEW_PA;
}
#define fmt_table_pa skew_table_pa

static inline uint64_t skew_leaf_mfn(uint64_t e, unsigned int level)
{
    return (e & SKEW_FRAME) >> skew_shift(level);
}
#define fmt_leaf_mfn skew_leaf_mfn

static inline unsigned int skew_prot(uint64_t e)
{
    return (e & SKEW_NO_R ? 0 : IOPT_R) | (e & SKEW_NO_W ? 0 : IOPT_W);
}
#define fmt_prot skew_prot

#endif
