/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PORT_PAGE_POOL_H
#define PORT_PAGE_POOL_H

#include <asm/config.h>

static inline void *pool_page_ptr(paddr_t pa)
{
    return (void *)(DIRECTMAP_START + pa);
}

/* RAM stays in the direct map whoever has it. */
static inline const void *pool_page_peek(paddr_t pa)
{
    return pool_page_ptr(pa);
}

static inline paddr_t pool_page_pa(const void *p)
{
    return (uintptr_t)p - DIRECTMAP_START;
}

#define POOL_RECORD_BYTES 32 /* a frame's record in the frame table */
#define POOL_META_OFFSET  16 /* its tail, which pool pages leave unused */

static inline void *pool_page_meta(paddr_t pa)
{
    return (unsigned char *)FRAMETABLE_START +
           (pa >> PAGE_SHIFT) * POOL_RECORD_BYTES + POOL_META_OFFSET;
}

#endif
