/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AMD v1 entries with the sizes between: 2^k slots that all hold one entry,
 * next level 7, whose address tells base and size.
 * Spec: AMD48882, "I/O Page Tables for Host Translations", page size encoding.
 */
#ifndef PT_IOPT_FMT_AMDV1X_H
#define PT_IOPT_FMT_AMDV1X_H

#include "iopt-fmt-amdv1.h"

#define FMT_GROUP_BITS 8 /* 2^9 slots would be the next level's leaf */

static inline enum iopt_kind amdv1x_kind(uint64_t e, unsigned int level)
{
    if (!amdv1_full(e)) {
        return IOPT_EMPTY;
    }
    return level && (e & AMDV1_NL) && FIELD_GET(AMDV1_NL, e) != 7 ? IOPT_TABLE
                                                                  : IOPT_LEAF;
}
#undef fmt_kind
#define fmt_kind amdv1x_kind

/*
 * 2^n bytes: address bits n - 2 .. 12 are ones, bit n - 1 is zero, the base is
 * above. A leaf aligned to the group has zeroes in all of them.
 */
static inline uint64_t amdv1x_group(uint64_t leaf, unsigned int bits,
                                    unsigned int level)
{
    const unsigned int ones = amdv1_order(level) + bits - 1;

    return bits == 0 ? leaf : leaf | AMDV1_NL | (BIT64(ones) - 1) << PAGE_SHIFT;
}
#define fmt_group amdv1x_group

static inline unsigned int amdv1x_group_bits(uint64_t e, unsigned int level)
{
    return FIELD_GET(AMDV1_NL, e) == 7 && amdv1_full(e)
               ? ctz64(~(e >> PAGE_SHIFT)) + 1 - amdv1_order(level)
               : 0;
}
#define fmt_group_bits amdv1x_group_bits

static inline uint64_t amdv1x_plain(uint64_t e, unsigned int slot,
                                    unsigned int level)
{
    const unsigned int bits = amdv1x_group_bits(e, level);
    const uint64_t in_group = BIT64(amdv1_order(level) + bits) - 1;

    if (bits == 0) {
        return e;
    }
    e &= ~(AMDV1_NL | in_group << PAGE_SHIFT);
    return e + (slot & (BIT64(bits) - 1)) * amdv1_step(level);
}
#define fmt_plain amdv1x_plain

#endif
