/* SPDX-License-Identifier: GPL-2.0 */
/*
 * domctl: what CPUID tells one domain. d->hypercall_lock guards its feature
 * words, which change only before it runs.
 */
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/mm.h>

#include <asm/cpu-policy.h>
#include <asm/current.h>

#include "ctl-priv.h"

static long check_msrs(const struct domain *d,
                       const struct xen_domctl_cpu_policy *op, uint32_t *bad)
{
    const uint64_t caps = policy_arch_caps(d->pv.features);

    for (uint32_t i = 0; i < op->nr_msrs; i++) {
        struct xen_msr_entry m;

        if (guest_read_handle(&m, op->msrs, i)) {
            return -EFAULT;
        }
        *bad = m.idx;
        if (m.flags) {
            return -EINVAL;
        }
        switch (m.idx) {
        case POLICY_MSR_PLATFORM_INFO:
            if (m.val) {
                return -EINVAL; /* CPUID faulting is not offered */
            }
            break;
        case POLICY_MSR_ARCH_CAPS:
            if (m.val & ~caps) {
                return -EINVAL;
            }
            break;
        default:
            return -EINVAL;
        }
    }
    return 0;
}

static long op_set(struct domain *d, struct xen_domctl_cpu_policy *op)
{
    long rc;

    op->err_leaf = CPU_POLICY_NO_SUBLEAF;
    op->err_subleaf = CPU_POLICY_NO_SUBLEAF;
    op->err_msr = UINT32_MAX;
    if (op->nr_leaves > CPU_POLICY_MAX_LEAVES ||
        op->nr_msrs > CPU_POLICY_MAX_MSRS) {
        return -E2BIG;
    }
    rc = check_msrs(d, op, &op->err_msr);
    if (rc) {
        return rc;
    }
    for (uint32_t i = 0; i < op->nr_leaves; i++) {
        struct xen_cpuid_leaf leaf;

        if (guest_read_handle(&leaf, op->leaves, i)) {
            return -EFAULT;
        }
        rc = cpu_policy_restrict(d, &leaf);
        if (rc) {
            op->err_leaf = leaf.leaf;
            op->err_subleaf = leaf.subleaf;
            return rc;
        }
    }
    op->err_msr = UINT32_MAX;
    return 0;
}

static bool has_run(const struct domain *d)
{
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        if (d->vcpu[i] && d->vcpu[i]->initialised) {
            return true;
        }
    }
    return false;
}

long domctl_policy(struct domain *d, struct xen_domctl *op, bool *copy)
{
    struct xen_domctl_cpu_policy *p = &op->u.cpu_policy;
    struct policy_dest to = { &p->nr_leaves, &p->nr_msrs, (uint64_t)p->leaves.p,
                              (uint64_t)p->msrs.p };
    long rc;

    *copy = true;
    switch (op->cmd) {
    case XEN_DOMCTL_get_cpu_policy:
        return policy_write(d->pv.features, &to);
    case XEN_DOMCTL_set_cpu_policy:
        spin_lock(&d->hypercall_lock);
        rc = d == current->domain || has_run(d) ? -EEXIST : op_set(d, p);
        spin_unlock(&d->hypercall_lock);
        return rc;
    default:
        return -ENOSYS;
    }
}
