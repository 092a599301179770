/* SPDX-License-Identifier: GPL-2.0 */
/* The three memory-map calls of XENMEM_*; xen/common/memory-map.c. */
#ifndef XEN_MEMORY_MAP_H
#define XEN_MEMORY_MAP_H

#include <xen/types.h>

/**
 * memory_map_op() - XENMEM_memory_map: what set_memory_map stored.
 * @gva: struct xen_memory_map of the current guest, untrusted.
 * Locks: d->hypercall_lock. Context: hypercall.
 * Return: 0, -ENOSYS nothing was stored, -EFAULT.
 */
long memory_map_op(uint64_t gva);

/**
 * set_memory_map_op() - XENMEM_set_memory_map: for control domains.
 * @gva: struct xen_foreign_memory_map, untrusted.
 * Locks: the target's hypercall_lock. Context: hypercall.
 * Return: 0, -EPERM, -ESRCH, -EINVAL too long, -ENOMEM, -EFAULT.
 */
long set_memory_map_op(uint64_t gva);

/**
 * machine_memory_map_op() - XENMEM_machine_memory_map: the host's map, with
 * what the caller must not touch below 4 GiB marked reserved.
 * @gva: struct xen_memory_map, untrusted; a NULL buffer asks for the size.
 * Locks: the caller's iomem set. Context: hypercall.
 * Return: 0, -EPERM, -ENOMEM, -ENOBUFS buffer too small, -EFAULT.
 */
long machine_memory_map_op(uint64_t gva);

#endif
