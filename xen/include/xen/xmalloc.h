/* SPDX-License-Identifier: GPL-2.0 */
/* Small zeroed objects. Layer L2 (port). */
#ifndef XEN_XMALLOC_H
#define XEN_XMALLOC_H

#include <xen/types.h>

/**
 * xzalloc_bytes() - Allocate zeroed memory, 16-byte aligned.
 * @bytes: size, at most a few pages.
 * Locks: the heap's, irq-safe. Context: any but NMI.
 * Return: the memory, or NULL when there is none.
 */
void *xzalloc_bytes(size_t bytes);

/**
 * xfree() - Give memory of xzalloc_bytes() back.
 * @p: the memory; NULL is allowed.
 * Locks: the heap's, irq-safe. Context: any but NMI.
 */
void xfree(void *p);

#define xzalloc(type)           ((type *)xzalloc_bytes(sizeof(type)))
#define xzalloc_array(type, nr) ((type *)xzalloc_bytes(sizeof(type) * (nr)))

#endif
