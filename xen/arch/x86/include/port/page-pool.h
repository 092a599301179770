/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PORT_PAGE_POOL_H
#define PORT_PAGE_POOL_H

#include <asm/config.h>

static inline void *pool_page_ptr(paddr_t pa)
{
    return (void *)(DIRECTMAP_START + pa);
}

static inline paddr_t pool_page_pa(const void *p)
{
    return (uintptr_t)p - DIRECTMAP_START;
}

#endif
