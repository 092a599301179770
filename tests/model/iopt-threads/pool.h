/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page pool for threads, in place of the hosted one: included first, so its
 * guard keeps the other out. Freed pages stay readable and are full of leaves
 * that nobody made. The caller's lock guards it.
 */
#ifndef PORT_PAGE_POOL_H
#define PORT_PAGE_POOL_H

#include <xen/addr.h>

#define POOL_PAGES 4096u

extern uint64_t pool_words[POOL_PAGES]
                          [512]; /* aligned: slots know their index */
extern uint64_t pool_meta[POOL_PAGES][2];

/* Page 0 is none of the pool's. */
static inline void *pool_page_ptr(paddr_t pa)
{
    return pool_words[pa >> PAGE_SHIFT];
}

static inline const void *pool_page_peek(paddr_t pa)
{
    return pool_page_ptr(pa);
}

static inline void *pool_page_meta(paddr_t pa)
{
    return pool_meta[pa >> PAGE_SHIFT];
}

#endif
