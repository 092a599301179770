/* SPDX-License-Identifier: GPL-2.0 */
/* A grant table's frames for the toolstack (XENMEM_acquire_resource). */
#ifndef XEN_GRANT_RESOURCE_H
#define XEN_GRANT_RESOURCE_H

#include <xen/addr.h>

struct domain;

/**
 * grant_resource_size() - How many frames a domain's table may have.
 * @d: the domain. @id: XENMEM_resource_grant_table_id_*, untrusted.
 * @nr: frames; unchanged on error.
 * Locks: none. Context: hypercall. Return: 0, -EINVAL no such kind.
 */
int must_check grant_resource_size(struct domain *d, uint32_t id, uint32_t *nr);

/**
 * grant_resource_frame() - One of them; the table grows up to it.
 * @d, @id: as above. @idx: untrusted. @mfn: the frame; unchanged on error.
 * Locks: the table's. Context: hypercall.
 * Return: 0, -EINVAL no such kind or too large, -ENOMEM.
 */
int must_check grant_resource_frame(struct domain *d, uint32_t id, uint32_t idx,
                                    mfn_t *mfn);

/**
 * grant_set_limits() - Sizes from createdomain, before the domain runs.
 * @d: the domain. @max_frames, @max_maptrack (handles): 0 keeps the default,
 * larger than ours is cut. @max_version: 1 or 2; 0 keeps 2.
 * Locks: none. Context: domctl. Return: 0, -EINVAL, -EBUSY already in use.
 */
int must_check grant_set_limits(struct domain *d, uint32_t max_frames,
                                uint32_t max_maptrack,
                                unsigned int max_version);

#endif
