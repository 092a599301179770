/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page pool of the engine's bench: as cheap as the hypervisor's, which adds a
 * constant to an address. Nothing is checked here: that is tests/port's job.
 */
#ifndef PORT_PAGE_POOL_H
#define PORT_PAGE_POOL_H

#define POOL_PAGES 0x100000u /* 4 GiB of address space, lazily used */

/* A fixed place, so that it costs an addition as in the hypervisor. */
#define pool_memory ((unsigned char *)0x100000000000)
extern unsigned char pool_metas[POOL_PAGES][16];

static inline void *pool_page_ptr(paddr_t pa)
{
    return pool_memory + pa;
}

static inline const void *pool_page_peek(paddr_t pa)
{
    return pool_page_ptr(pa);
}

static inline paddr_t pool_page_pa(const void *p)
{
    return (uint64_t)((const unsigned char *)p - pool_memory);
}

static inline void *pool_page_meta(paddr_t pa)
{
    return pool_metas[pa >> PAGE_SHIFT];
}

void pool_reset(void);
extern uint64_t pool_nr_used;   /* pages given out */
extern uint64_t pool_nr_allocs; /* calls that succeeded */

#endif
