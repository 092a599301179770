/* SPDX-License-Identifier: GPL-2.0 */
/* Bit and field arithmetic on whole words. Layer L0. */
#ifndef XEN_BITS_H
#define XEN_BITS_H

#include <xen/types.h>

#define BIT32(n) (UINT32_C(1) << (n))
#define BIT64(n) (UINT64_C(1) << (n))

/* Masks of bits hi..lo, both included, as manuals write them. */
#define FIELD64(hi, lo) ((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))
#define FIELD32(hi, lo) ((uint32_t)FIELD64(hi, lo))
static_assert(FIELD64(2, 0) == 7 && FIELD64(63, 63) == BIT64(63), "edges");
static_assert(FIELD64(63, 0) == ~UINT64_C(0), "whole word");

/* Lowest set bit of a mask is the field's unit. */
#define FIELD_GET(mask, v)  (((v) & (mask)) / ((mask) & -(mask)))
#define FIELD_PREP(mask, v) (((v) * ((mask) & -(mask))) & (mask))
static_assert(FIELD_GET(FIELD64(11, 9), UINT64_C(0xe00)) == 7, "get");
static_assert(FIELD_PREP(FIELD64(11, 9), UINT64_C(3)) == 0x600, "prep");

/* For powers of two only; the result of align_up may wrap to 0. */
#define align_down(v, a)   ((v) & ~((__typeof__(v))(a)-1))
#define align_up(v, a)     align_down((v) + ((__typeof__(v))(a)-1), a)
#define is_aligned(v, a)   (((v) & ((__typeof__(v))(a)-1)) == 0)
#define div_round_up(n, d) (((n) + (d)-1) / (d))
#define min_of(a, b)                       \
    ({                                     \
        __typeof__(a) min_a_ = (a);        \
        __typeof__(b) min_b_ = (b);        \
        min_a_ < min_b_ ? min_a_ : min_b_; \
    })
#define max_of(a, b)                       \
    ({                                     \
        __typeof__(a) max_a_ = (a);        \
        __typeof__(b) max_b_ = (b);        \
        max_a_ > max_b_ ? max_a_ : max_b_; \
    })

/* Number of zero bits below the lowest set one; 64 for 0. */
static inline unsigned int ctz64(uint64_t v)
{
    return v ? (unsigned int)__builtin_ctzll(v) : 64;
}

/* Index of the highest set bit; v must not be 0. */
static inline unsigned int fls64(uint64_t v)
{
    return 63 - (unsigned int)__builtin_clzll(v);
}

#endif
