/* SPDX-License-Identifier: GPL-2.0 */
/* What is left of the port interface: write-back of CPU caches. */
#include <xen/bits.h>
#include <xen/cache.h>

#include <asm/cpufeature.h>

void cache_write_back(const void *p, size_t len)
{
    const uintptr_t line = boot_cpu.clflush_bytes;
    uintptr_t at = align_down((uintptr_t)p, line);
    const uintptr_t end = (uintptr_t)p + len;

    for (; at < end; at += line) {
        if (boot_cpu.clflushopt) {
            __asm__ volatile("clflushopt (%0)" ::"r"(at) : "memory");
        } else {
            __asm__ volatile("clflush (%0)" ::"r"(at) : "memory");
        }
    }
    /* CLFLUSHOPT is ordered by fences only. */
    __asm__ volatile("mfence" ::: "memory");
}
