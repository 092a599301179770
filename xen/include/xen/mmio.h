/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Device registers behind a handle, not a pointer: nobody can dereference it
 * by accident. Layer L2 (port).
 */
#ifndef XEN_MMIO_H
#define XEN_MMIO_H

#include <xen/addr.h>

typedef struct {
    uintptr_t va; /* opaque; 0 is "not mapped" */
} mmio_t;

/**
 * mmio_map() - Map device registers uncached.
 * @pa:   machine address, any alignment.
 * @size: bytes, not 0.
 * @out:  the handle, valid until the end of time; unchanged on error.
 * Locks: none. Context: boot or hypercall, not interrupt.
 * Return: 0, -ENOMEM no address space or tables, -EINVAL wraps or too large.
 */
int must_check mmio_map(paddr_t pa, size_t size, mmio_t *out);

/*
 * mmio_read8/16/32/64(h, offset), mmio_write8/16/32/64(h, offset, value):
 * one access of exactly that width, in program order.
 */
#include <port/mmio.h>

#endif
