/* SPDX-License-Identifier: GPL-2.0 */
/* Grant tables as the rest of the hypervisor sees them. */
#ifndef XEN_GRANT_H
#define XEN_GRANT_H

#include <xen/types.h>

struct domain;

/**
 * grant_init() - Give a domain an empty grant table (d->grants).
 * @d: being created. Locks: none. Context: boot or domctl.
 * Return: 0 or -ENOMEM.
 */
int must_check grant_init(struct domain *d);

/**
 * grant_destroy() - Release a domain's mappings of others' grants, its handles
 * and its shared frames. d->grants stays, marked dead, because other domains
 * may hold handles to it. Calling it again has no effect.
 * @d: dying, none of its vCPUs runs. Locks: none. Context: domctl.
 * Return: 0, done; -ERESTART call again.
 */
int must_check grant_destroy(struct domain *d);

/**
 * grant_free() - Free d->grants, after grant_destroy().
 * @d: its last reference is gone. Locks: heap. Context: not interrupt.
 */
void grant_free(struct domain *d);

#endif
