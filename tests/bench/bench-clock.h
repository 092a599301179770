/* SPDX-License-Identifier: GPL-2.0 */
/* The clock of the benches. */
#ifndef TESTS_BENCH_BENCH_CLOCK_H
#define TESTS_BENCH_BENCH_CLOCK_H

#include <stdint.h>

static inline uint64_t ticks(void)
{
    uint32_t lo, hi;

    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(lo), "=d"(hi)::"memory");
    return (uint64_t)hi << 32 | lo;
}

extern double ticks_per_ns;
extern uint64_t overhead; /* two readings with nothing between */

#endif
