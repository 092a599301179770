/* SPDX-License-Identifier: GPL-2.0 */
/* The only memory the page-table engine knows. Layer L2 (port). */
#ifndef XEN_PAGE_POOL_H
#define XEN_PAGE_POOL_H

#include <xen/addr.h>

/**
 * pool_page_alloc() - Allocate one 4K page.
 * @pa: its machine address; unchanged on failure. Address 0 is never given out
 *      by the hypervisor's pool, but callers must not rely on it.
 *
 * The page is NOT zeroed: users that fill it whole need not pay for it.
 * Locks: takes the allocator's. Context: any but NMI. Return: 0 or -ENOMEM.
 */
int must_check pool_page_alloc(paddr_t *pa);

/**
 * pool_page_free() - Give a page of pool_page_alloc() back.
 * @pa: its machine address; no walker may reach it any more.
 * Locks: takes the allocator's. Context: any but NMI.
 */
void pool_page_free(paddr_t pa);

/**
 * pool_block_alloc() - Allocate contiguous, naturally aligned, zeroed pages for
 * what hardware wants in one piece (remap and device tables, rings).
 * @order: log2 of the 4K pages, at most 9. @pa: address; unchanged on failure.
 * Locks: takes the allocator's. Context: boot. Return: 0 or -ENOMEM.
 */
int must_check pool_block_alloc(unsigned int order, paddr_t *pa);

/**
 * pool_block_free() - Give pages of pool_block_alloc() back.
 * @pa: their address. @order: as allocated.
 * Locks: the allocator's. Context: boot.
 */
void pool_block_free(paddr_t pa, unsigned int order);

#define POOL_META_BYTES 16 /* ours: what struct page_info can spare */

/*
 * pool_page_ptr(pa): where the page can be read and written; never NULL.
 * pool_page_peek(pa): where a page can be read that may have been freed since
 * its address was found: the read does not fault, and what it gives means
 * nothing until the reader knows that the page was not freed.
 * pool_page_pa(ptr): the reverse.
 * pool_page_meta(pa): POOL_META_BYTES bytes beside a page of pool_page_alloc()
 * that its owner may use freely: 8-byte aligned, undefined after allocation,
 * kept until the page is freed; never NULL. Inline, as a store to a table goes
 * with one to them.
 */
#include <port/page-pool.h>

#endif
