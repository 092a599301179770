/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Write-back of caches: counted, and copied to what devices see. A line that
 * waits for its fence is copied by that, as late as a CPU may do it.
 */
#include <string.h>

#include <xen/cache.h>
#include <xen/page-pool.h>

#define LINE    64
#define WAITING 64 /* lines that a CPU may have on their way */

uint64_t cache_nr_fences;
uint64_t cache_nr_lines;

static uintptr_t waiting[WAITING];
static unsigned int nr_waiting;

static void copy(uintptr_t from, uintptr_t to)
{
    const uintptr_t start = (uintptr_t)pool_memory;
    const uintptr_t size = (uintptr_t)POOL_PAGES << PAGE_SHIFT;

    if (pool_shadow && from - start < size && to - start <= size) {
        memcpy(pool_shadow + (from - start), pool_memory + (from - start),
               to - from);
    }
}

static void complete(void)
{
    while (nr_waiting > 0) {
        const uintptr_t at = waiting[--nr_waiting];

        copy(at, at + LINE);
    }
}

void cache_line_write_back(const void *p)
{
    cache_nr_lines++;
    if (nr_waiting == WAITING) {
        complete();
    }
    waiting[nr_waiting++] = (uintptr_t)p & ~(uintptr_t)(LINE - 1);
}

void cache_fence(void)
{
    cache_nr_fences++;
    complete();
}

void cache_write_back(const void *p, size_t len)
{
    const uintptr_t from = (uintptr_t)p & ~(uintptr_t)(LINE - 1);
    const uintptr_t to =
        ((uintptr_t)p + len + LINE - 1) & ~(uintptr_t)(LINE - 1);

    cache_nr_lines += (to - from) / LINE;
    copy(from, to);
    cache_fence();
}
