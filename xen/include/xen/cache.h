/* SPDX-License-Identifier: GPL-2.0 */
/* Write-back of CPU caches for walkers that do not snoop. Layer L2 (port). */
#ifndef XEN_CACHE_H
#define XEN_CACHE_H

#include <xen/types.h>

/**
 * cache_write_back() - Make stores to a range visible to non-coherent readers.
 * @p:   start, any alignment.
 * @len: bytes; whole lines that touch the range are written back.
 *
 * Ends with a fence: on return the data is in memory.
 * Locks: none. Context: any. Spec: SDM vol 2 "CLFLUSHOPT".
 */
void cache_write_back(const void *p, size_t len);

/*
 * cache_line_write_back(p): the same for the line that holds one aligned word,
 * without the fence: it is complete only after the next cache_fence() of this
 * CPU. Inline, as it goes with a store. Locks: none. Context: any.
 */
#include <port/cache.h>

#endif
