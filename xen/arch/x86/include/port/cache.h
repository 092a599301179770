/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PORT_CACHE_H
#define PORT_CACHE_H

#include <asm/cpufeature.h>

static inline void cache_line_write_back(const void *p)
{
    if (boot_cpu.clflushopt) {
        __asm__ volatile("clflushopt (%0)" ::"r"(p) : "memory");
    } else {
        __asm__ volatile("clflush (%0)" ::"r"(p) : "memory");
    }
}

/* CLFLUSHOPT is ordered by fences only. */
static inline void cache_fence(void)
{
    __asm__ volatile("mfence" ::: "memory");
}

#endif
