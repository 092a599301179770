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
        cache_line_write_back((const void *)at);
    }
    cache_fence();
}
