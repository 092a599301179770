/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of sysctl and domctl share. */
#ifndef CTL_PRIV_H
#define CTL_PRIV_H

#include <xen/cpumask.h>
#include <xen/types.h>

#include <public/domctl.h>
#include <public/sysctl.h>

struct domain;

/**
 * ctl_bitmap_read() - Take a set from a tool's bitmap.
 * @b:   untrusted. Bits beyond its end are 0, beyond ours ignored.
 * @out: undefined on error.
 * Locks: none. Context: hypercall. Return: 0, -EFAULT.
 */
int must_check ctl_bitmap_read(const struct xenctl_bitmap *b, cpumask_t *out);

/**
 * ctl_bitmap_write() - Give a set to a tool, padded with zeros or cut.
 * @b:  untrusted; says how many bits the tool has room for.
 * @in: the set.
 * Locks: none. Context: hypercall.
 * Return: 0, -EFAULT, -EINVAL more room than any tool needs.
 */
int must_check ctl_bitmap_write(const struct xenctl_bitmap *b,
                                const cpumask_t *in);

/*
 * sysctl_NAME(): one group of operations each. They get the whole structure,
 * untrusted, and change what the tool gets back; the caller copies it.
 * Locks: the sysctl lock is held. Context: hypercall.
 * Return: 0, -errno; -ENOSYS not one of the group.
 */
long sysctl_info(struct xen_sysctl *op);   /* machine, topology, memory */
long sysctl_perf(struct xen_sysctl *op);   /* performance counters */
long sysctl_pool(struct xen_sysctl *op);   /* CPU pool, scheduler */
long sysctl_policy(struct xen_sysctl *op); /* CPUID for guests */
long sysctl_power(struct xen_sysctl *op);  /* power, hotplug, bad memory */

/*
 * domctl_NAME(): the same for one domain. @d is referenced; *@copy says whether
 * the structure goes back to the tool. Locks: none. Context: hypercall.
 * Return: as sysctl_NAME().
 */
long domctl_sched(struct domain *d, struct xen_domctl *op, bool *copy);

#endif
