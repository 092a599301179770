/* SPDX-License-Identifier: GPL-2.0 */
/* What sysctl and domctl share. */
#ifndef XEN_DOMCTL_H
#define XEN_DOMCTL_H

#include <xen/types.h>

#include <public/domctl.h>

struct domain;

/**
 * domctl_describe() - Fill the toolstack's record of a domain.
 * @d: the domain. @info: all of it is written.
 * Locks: none. Context: hypercall.
 */
void domctl_describe(struct domain *d, struct xen_domctl_getdomaininfo *info);

#endif
