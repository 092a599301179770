/* SPDX-License-Identifier: GPL-2.0 */
/* The port of the engine's bench: a page arena and real cache write-back. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <xen/bits.h>
#include <xen/cache.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#define LINE 64

unsigned char pool_metas[POOL_PAGES][16];
uint64_t pool_nr_used, pool_nr_allocs, cache_nr_lines;

static uint32_t free_stack[POOL_PAGES];
static uint32_t nr_free, fresh;

static void reserve(void)
{
    static bool done;

    if (!done &&
        mmap(pool_memory, (size_t)POOL_PAGES << PAGE_SHIFT,
             PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
             -1, 0) != pool_memory) {
        perror("mmap");
        exit(2);
    }
    /* The hypervisor's direct map is made of large pages, too. */
    if (!done &&
        madvise(pool_memory, (size_t)POOL_PAGES << PAGE_SHIFT, MADV_HUGEPAGE)) {
        perror("madvise");
    }
    done = true;
}

void pool_reset(void)
{
    reserve();
    nr_free = 0;
    fresh = 0;
    pool_nr_used = 0;
    pool_nr_allocs = 0;
    cache_nr_lines = 0;
}

int pool_page_alloc(paddr_t *pa)
{
    if (nr_free == 0 && fresh == POOL_PAGES) {
        return -ENOMEM;
    }
    *pa = (paddr_t)(nr_free ? free_stack[--nr_free] : fresh++) << PAGE_SHIFT;
    pool_nr_used++;
    pool_nr_allocs++;
    return 0;
}

void pool_page_free(paddr_t pa)
{
    free_stack[nr_free++] = (uint32_t)(pa >> PAGE_SHIFT);
    pool_nr_used--;
}

void cache_write_back(const void *p, size_t len)
{
    const uintptr_t end = (uintptr_t)p + len;

    for (uintptr_t at = align_down((uintptr_t)p, LINE); at < end; at += LINE) {
        cache_line_write_back((const void *)at);
    }
    cache_fence();
}
