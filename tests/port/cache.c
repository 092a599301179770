/* SPDX-License-Identifier: GPL-2.0 */
/* Write-back of caches: counted, and copied to what devices see. */
#include <string.h>

#include <xen/cache.h>
#include <xen/page-pool.h>

#define LINE 64

uint64_t cache_nr_calls;
uint64_t cache_nr_lines;

void cache_write_back(const void *p, size_t len)
{
    const uintptr_t from = (uintptr_t)p & ~(uintptr_t)(LINE - 1);
    const uintptr_t to =
        ((uintptr_t)p + len + LINE - 1) & ~(uintptr_t)(LINE - 1);
    const uintptr_t start = (uintptr_t)pool_memory;
    const uintptr_t size = (uintptr_t)POOL_PAGES << PAGE_SHIFT;

    cache_nr_calls++;
    cache_nr_lines += (to - from) / LINE;
    if (pool_shadow && from - start < size && to - start <= size) {
        memcpy(pool_shadow + (from - start), pool_memory + (from - start),
               to - from);
    }
}
