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

/**
 * ctl_count_siblings() - How many CPUs share the first one's socket and core.
 * @threads: CPUs of its core. @cores: cores of its socket.
 * Locks: none. Context: any.
 */
void ctl_count_siblings(uint32_t *threads, uint32_t *cores);

/*
 * One group of operations each. They change what the tool gets back; the caller
 * copies it.
 */

/**
 * sysctl_info() - sysctl: the machine, its topology, memory.
 * @op: untrusted. Locks: the sysctl lock is held. Context: hypercall.
 * Return: 0, -errno; -ENOSYS not one of the group.
 */
long sysctl_info(struct xen_sysctl *op);

/**
 * sysctl_perf() - sysctl: performance counters.
 * @op: untrusted. Locks: the sysctl lock is held. Context: hypercall.
 * Return: 0, -errno; -ENOSYS not one of the group.
 */
long sysctl_perf(struct xen_sysctl *op);

/**
 * sysctl_pool() - sysctl: the CPU pool and the scheduler.
 * @op: untrusted. Locks: the sysctl lock is held. Context: hypercall.
 * Return: 0, -errno; -ENOSYS not one of the group.
 */
long sysctl_pool(struct xen_sysctl *op);

/**
 * sysctl_policy() - sysctl: CPUID for guests.
 * @op: untrusted. Locks: the sysctl lock is held. Context: hypercall.
 * Return: 0, -errno; -ENOSYS not one of the group.
 */
long sysctl_policy(struct xen_sysctl *op);

/**
 * sysctl_power() - sysctl: power states, hotplug, bad memory.
 * @op: untrusted. Locks: the sysctl lock is held. Context: hypercall.
 * Return: 0, -errno; -ENOSYS not one of the group.
 */
long sysctl_power(struct xen_sysctl *op);

/**
 * domctl_sched() - domctl: vCPUs and the scheduler.
 * @d: referenced by the caller. @op: untrusted. @copy: set if the structure goes
 * back to the tool.
 * Locks: none held. Context: hypercall.
 * Return: as sysctl_info(); -ERESTART call again.
 */
long domctl_sched(struct domain *d, struct xen_domctl *op, bool *copy);

/**
 * domctl_build() - domctl: filling and destroying a domain.
 * @d: referenced by the caller. @op: untrusted. @copy: set if the structure goes
 * back to the tool.
 * Locks: none held. Context: hypercall.
 * Return: as sysctl_info(); -ERESTART call again.
 */
long domctl_build(struct domain *d, struct xen_domctl *op, bool *copy);

/**
 * domctl_policy() - domctl: CPUID of a domain.
 * @d: referenced by the caller. @op: untrusted. @copy: set if the structure goes
 * back to the tool.
 * Locks: none held. Context: hypercall.
 * Return: as sysctl_info(); -ERESTART call again.
 */
long domctl_policy(struct domain *d, struct xen_domctl *op, bool *copy);

/**
 * domctl_perm() - domctl: machine resources of a domain.
 * @d: referenced by the caller. @op: untrusted. @copy: set if the structure goes
 * back to the tool.
 * Locks: none held. Context: hypercall.
 * Return: as sysctl_info(); -ERESTART call again.
 */
long domctl_perm(struct domain *d, struct xen_domctl *op, bool *copy);

/**
 * domctl_device() - domctl: who has a PCI device.
 * @op: untrusted; the domain may be DOMID_IO, which is quarantine.
 * Locks: none held. Context: hypercall.
 * Return: 0, -ENOSYS not one of the group, -EOPNOTSUPP no IOMMU or for a guest,
 * -EINVAL, -EBUSY not Dom0's, -ENODEV, -ETIMEDOUT.
 */
long domctl_device(const struct xen_domctl *op);

/**
 * domctl_inspect() - domctl: state of vCPUs and pages, for debuggers.
 * @d: referenced by the caller. @op: untrusted. @copy: set if the structure goes
 * back to the tool.
 * Locks: none held. Context: hypercall.
 * Return: as sysctl_info().
 */
long domctl_inspect(struct domain *d, struct xen_domctl *op, bool *copy);

/**
 * domctl_createdomain() - Make an empty PV domain, paused.
 * @op: untrusted; domain is the id wished for on entry, the one given on return.
 * Locks: domain list. Context: hypercall.
 * Return: 0, -EINVAL, -ENOMEM, -ENODEV DMA wanted without IOMMU.
 */
long domctl_createdomain(struct xen_domctl *op);

/**
 * domctl_destroy() - Stop a domain for ever and give up all it has.
 * @d: referenced by the caller. It stays in the list until nobody maps a page
 * of it any more.
 * Locks: takes d->hypercall_lock. Context: hypercall.
 * Return: 0, -EINVAL not that one, -ERESTART call again.
 */
long domctl_destroy(struct domain *d);

/* Where a tool wants a CPUID policy; sizes are in and out. */
struct policy_dest {
    uint32_t *nr_leaves;
    uint32_t *nr_msrs;
    uint64_t leaves_gva;
    uint64_t msrs_gva;
};

#define POLICY_MSR_PLATFORM_INFO 0xce  /* Spec: SDM vol 4 */
#define POLICY_MSR_ARCH_CAPS     0x10a /* Spec: SDM vol 4 */

/**
 * policy_arch_caps() - The second of them as feature words have it.
 * @words: feature words. Locks: none. Context: any. Return: the MSR.
 */
uint64_t policy_arch_caps(const uint32_t *words);

/**
 * policy_write() - Give a tool leaves and MSRs of a policy.
 * @words: feature words. @to: untrusted; where an address is 0: the size.
 * Locks: none. Context: hypercall. Return: 0, -EFAULT, -ENOBUFS, -ENOMEM.
 */
long policy_write(const uint32_t *words, const struct policy_dest *to);

#endif
