/* SPDX-License-Identifier: GPL-2.0 */
/* As in the hypervisor, and counted. */
#ifndef PORT_CACHE_H
#define PORT_CACHE_H

extern uint64_t cache_nr_lines; /* lines written back */

static inline void cache_line_write_back(const void *p)
{
    __asm__ volatile("clflushopt (%0)" ::"r"(p) : "memory");
    cache_nr_lines++;
}

static inline void cache_fence(void)
{
    __asm__ volatile("mfence" ::: "memory");
}

#endif
