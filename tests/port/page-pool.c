/* SPDX-License-Identifier: GPL-2.0 */
/* Hosted page pool; see its header. Single threaded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xen/errno.h>
#include <xen/page-pool.h>

unsigned char pool_used[POOL_PAGES];
unsigned char *pool_memory;
unsigned char *pool_shadow;
uint64_t pool_nr_used;
uint64_t pool_nr_allocs;

static uint32_t free_stack[POOL_PAGES];
static uint32_t nr_free;
static uint32_t fresh; /* pages never given out start here */
static uint64_t allowed = UINT64_MAX;
static uint64_t meta[POOL_PAGES][POOL_META_BYTES / 8];

void pool_bad(paddr_t pa)
{
    printf("page pool: %#llx is not a page in use\n", (unsigned long long)pa);
    fflush(stdout);
    abort();
}

static unsigned char *arena(void)
{
    unsigned char *const p =
        mmap(NULL, (size_t)POOL_PAGES << PAGE_SHIFT, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return p;
}

void pool_reset(void)
{
    memset(pool_used, 0, fresh);
    nr_free = 0;
    fresh = 0;
    pool_nr_used = 0;
    pool_nr_allocs = 0;
    allowed = UINT64_MAX;
    cache_nr_fences = 0;
    cache_nr_lines = 0;
}

void pool_fail_after(uint64_t n)
{
    allowed = n;
}

void pool_shadow_on(void)
{
    if (!pool_shadow) {
        pool_shadow = arena();
    }
}

int pool_page_alloc(paddr_t *pa)
{
    uint32_t i;

    if (!pool_memory) {
        pool_memory = arena();
    }
    if (allowed == 0 || (nr_free == 0 && fresh == POOL_PAGES)) {
        return -ENOMEM;
    }
    if (allowed != UINT64_MAX) {
        allowed--;
    }
    i = nr_free ? free_stack[--nr_free] : fresh++;
    pool_used[i] = 1;
    pool_nr_used++;
    pool_nr_allocs++;
    /* Nobody may count on zeroes, in the page or beside it. */
    memset(pool_memory + ((size_t)i << PAGE_SHIFT), 0xa5, PAGE_SIZE);
    if (pool_shadow) {
        memset(pool_shadow + ((size_t)i << PAGE_SHIFT), 0x5b, PAGE_SIZE);
    }
    memset(meta[i], 0xc3, sizeof(meta[i]));
    *pa = POOL_BASE + ((paddr_t)i << PAGE_SHIFT);
    return 0;
}

void pool_page_free(paddr_t pa)
{
    unsigned char *const p = pool_page_ptr(pa);
    const uint64_t i = (pa - POOL_BASE) >> PAGE_SHIFT;

    memset(p, 0x5a, PAGE_SIZE);
    pool_used[i] = 0;
    pool_nr_used--;
    free_stack[nr_free++] = (uint32_t)i;
}

void *pool_page_meta(paddr_t pa)
{
    (void)pool_page_ptr(pa);
    return meta[(pa - POOL_BASE) >> PAGE_SHIFT];
}
