/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hosted page pool: an arena whose physical addresses lie where no pointer
 * can, so that mixing up the two crashes. A free page may not be touched.
 */
#ifndef PORT_PAGE_POOL_H
#define PORT_PAGE_POOL_H

#define POOL_BASE  (UINT64_C(1) << 51) /* beyond any user address */
#define POOL_PAGES 0x40000u            /* 1 GiB of address space, lazily used */

extern unsigned char pool_used[POOL_PAGES];
extern unsigned char *pool_memory; /* what CPUs see */
extern unsigned char *pool_shadow; /* what was written back; NULL: not kept */

void pool_bad(paddr_t pa);
void *pool_page_meta(paddr_t pa);

static inline void *pool_page_ptr(paddr_t pa)
{
    const uint64_t i = (pa - POOL_BASE) >> PAGE_SHIFT;

    if (pa % PAGE_SIZE != 0 || i >= POOL_PAGES || !pool_used[i]) {
        pool_bad(pa);
    }
    return pool_memory + (i << PAGE_SHIFT);
}

/* Readable although it may be free: then it holds poison. */
static inline const void *pool_page_peek(paddr_t pa)
{
    const uint64_t i = (pa - POOL_BASE) >> PAGE_SHIFT;

    if (pa % PAGE_SIZE != 0 || i >= POOL_PAGES) {
        pool_bad(pa);
    }
    return pool_memory + (i << PAGE_SHIFT);
}

static inline paddr_t pool_page_pa(const void *p)
{
    return POOL_BASE + (uint64_t)((const unsigned char *)p - pool_memory);
}

/* What a walker that does not snoop finds at a page; needs pool_shadow_on(). */
static inline const void *pool_device_ptr(paddr_t pa)
{
    return pool_shadow +
           ((const unsigned char *)pool_page_ptr(pa) - pool_memory);
}

/* ---- for tests ---- */

/* Every page back; no failures scheduled; nothing logged. */
void pool_reset(void);
/* Let n allocations succeed and the rest fail; UINT64_MAX: none fails. */
void pool_fail_after(uint64_t n);
/* Keep a copy that only cache_write_back() updates. */
void pool_shadow_on(void);
extern uint64_t pool_nr_used;    /* pages given out */
extern uint64_t pool_nr_allocs;  /* calls that succeeded */
extern uint64_t cache_nr_fences; /* after lines were written back */
extern uint64_t cache_nr_lines;  /* 64-byte lines written back */

#endif
