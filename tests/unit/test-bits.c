// SPDX-License-Identifier: GPL-2.0
/* Bit helpers against brute force: bit by bit, or by division. */
#include <xen/bits.h>

#include "expect.h"

static uint64_t state = 1;

static uint64_t random64(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void check_word(uint64_t v)
{
    unsigned int low = 64, high = 64;

    for (unsigned int b = 0; b < 64; b++) {
        if (v >> b & 1) {
            low = low == 64 ? b : low;
            high = b;
        }
    }
    EXPECT_EQ("ctz64", ctz64(v), low);
    if (v) {
        EXPECT_EQ("fls64", fls64(v), high);
    }
    for (unsigned int b = 0; b < 63; b++) {
        const uint64_t a = BIT64(b);

        EXPECT_EQ("down", align_down(v, a), v - v % a);
        EXPECT_EQ("is", is_aligned(v, a), v % a == 0);
        if (v <= ~UINT64_C(0) - a) {
            EXPECT_EQ("up", align_up(v, a), (v + a - 1) / a * a);
        }
    }
}

static void check_field(unsigned int hi, unsigned int lo, uint64_t v)
{
    const uint64_t mask = FIELD64(hi, lo);
    uint64_t by_bit = 0, got = 0;

    for (unsigned int b = lo; b <= hi; b++) {
        by_bit |= BIT64(b);
        got |= (v >> b & 1) << (b - lo);
    }
    EXPECT_EQ("mask", mask, by_bit);
    EXPECT_EQ("get", FIELD_GET(mask, v), got);
    EXPECT_EQ("prep", FIELD_PREP(mask, got), v & mask);
}

int main(void)
{
    int calls = 0;

    check_word(0);
    check_word(~UINT64_C(0));
    for (unsigned int i = 0; i < 64; i++) {
        check_word(BIT64(i));
        check_word(BIT64(i) - 1);
        check_word(~BIT64(i));
    }
    for (unsigned int i = 0; i < 20000; i++) {
        check_word(random64() >> i % 64);
    }
    for (unsigned int hi = 0; hi < 64; hi++) {
        for (unsigned int lo = 0; lo <= hi; lo++) {
            check_field(hi, lo, random64());
        }
    }
    for (uint32_t n = 0; n < 300; n++) {
        for (uint32_t d = 1; d < 20; d++) {
            EXPECT_EQ("div", div_round_up(n, d), n / d + (n % d != 0));
        }
    }
    /* Each operand is evaluated once. */
    EXPECT_EQ("min", min_of(++calls, 5), 1);
    EXPECT_EQ("max", max_of(++calls, 1), 2);
    EXPECT_EQ("calls", calls, 2);
    return expect_failures();
}
