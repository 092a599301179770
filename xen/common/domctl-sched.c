/* SPDX-License-Identifier: GPL-2.0 */
/*
 * domctl: a domain's vCPUs as the scheduler sees them: state, where they may
 * run, and the domain's weight. Locks are the scheduler's.
 */
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/sched.h>

#include "ctl-priv.h"

#define CAP_UNCHANGED 0xffff /* ABI: in a putinfo */

static long op_getvcpuinfo(struct domain *d, struct xen_domctl_getvcpuinfo *op)
{
    struct vcpu_runstate_info rs;
    struct vcpu *v;

    if (op->vcpu >= d->max_vcpus) {
        return -EINVAL;
    }
    v = d->vcpu[op->vcpu];
    if (!v) {
        return -ESRCH;
    }
    vcpu_runstate_get(v, &rs);
    op->online = !read_once(v->down);
    op->blocked = read_once(v->blocked) != 0;
    op->running = read_once(v->running);
    op->cpu_time = rs.time[RUNSTATE_running];
    op->cpu = read_once(v->processor);
    return 0;
}

static long op_get_affinity(const struct vcpu *v,
                            struct xen_domctl_vcpuaffinity *op)
{
    long rc = 0;

    if (op->flags & XEN_VCPUAFFINITY_HARD) {
        rc = ctl_bitmap_write(&op->cpumap_hard, &v->affinity);
    }
    if (!rc && op->flags & XEN_VCPUAFFINITY_SOFT) {
        rc = ctl_bitmap_write(&op->cpumap_soft, &v->soft_affinity);
    }
    return rc;
}

/* What is set is written back as what it amounts to. */
static long op_set_affinity(struct vcpu *v, struct xen_domctl_vcpuaffinity *op)
{
    const bool set_hard = op->flags & XEN_VCPUAFFINITY_HARD;
    const bool set_soft = op->flags & XEN_VCPUAFFINITY_SOFT;
    cpumask_t hard = { 0 };
    cpumask_t soft = { 0 };
    cpumask_t eff;
    long rc = 0;

    if (set_hard) {
        rc = ctl_bitmap_read(&op->cpumap_hard, &hard);
    }
    if (!rc && set_soft) {
        rc = ctl_bitmap_read(&op->cpumap_soft, &soft);
    }
    if (!rc) {
        rc = sched_set_affinity(v, set_hard ? &hard : NULL,
                                set_soft ? &soft : NULL);
    }
    eff.bits = v->affinity.bits & cpu_online.bits;
    if (!rc && set_hard) {
        rc = ctl_bitmap_write(&op->cpumap_hard, &eff);
    }
    eff.bits &= v->soft_affinity.bits;
    if (!rc && set_soft) {
        rc = ctl_bitmap_write(&op->cpumap_soft, &eff);
    }
    return rc;
}

static long op_affinity(struct domain *d, uint32_t cmd,
                        struct xen_domctl_vcpuaffinity *op)
{
    struct vcpu *v;

    if (op->vcpu >= d->max_vcpus) {
        return -EINVAL;
    }
    v = d->vcpu[op->vcpu];
    if (!v) {
        return -ESRCH;
    }
    if (!(op->flags & (XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT))) {
        return -EINVAL;
    }
    return cmd == XEN_DOMCTL_setvcpuaffinity ? op_set_affinity(v, op)
                                             : op_get_affinity(v, op);
}

/* One node: every set that holds it is the same. */
static long op_node_affinity(uint32_t cmd, struct xen_domctl_nodeaffinity *op)
{
    cpumask_t nodes = { 1 };

    if (cmd == XEN_DOMCTL_getnodeaffinity) {
        return ctl_bitmap_write(&op->nodemap, &nodes);
    }
    if (ctl_bitmap_read(&op->nodemap, &nodes)) {
        return -EFAULT;
    }
    return nodes.bits & 1 ? 0 : -EINVAL;
}

static long op_scheduler(struct domain *d, struct xen_domctl_scheduler_op *op)
{
    struct xen_domctl_sched_credit *c = &op->u.credit;

    if (op->sched_id != XEN_SCHEDULER_CREDIT) {
        return -EINVAL;
    }
    switch (op->cmd) {
    case XEN_DOMCTL_SCHEDOP_putinfo:
        if (c->cap != CAP_UNCHANGED && c->cap != 0) {
            return -EOPNOTSUPP; /* what nobody else wants is not withheld */
        }
        if (c->weight) {
            write_once(d->sched_weight, c->weight);
        }
        break;
    case XEN_DOMCTL_SCHEDOP_getinfo:
        break;
    default:
        return -EINVAL; /* nothing is kept for single vCPUs */
    }
    c->weight = read_once(d->sched_weight);
    c->cap = 0;
    return 0;
}

long domctl_sched(struct domain *d, struct xen_domctl *op, bool *copy)
{
    *copy = true;
    switch (op->cmd) {
    case XEN_DOMCTL_getvcpuinfo:
        return op_getvcpuinfo(d, &op->u.getvcpuinfo);
    case XEN_DOMCTL_setvcpuaffinity:
    case XEN_DOMCTL_getvcpuaffinity:
        return op_affinity(d, op->cmd, &op->u.vcpuaffinity);
    case XEN_DOMCTL_setnodeaffinity:
    case XEN_DOMCTL_getnodeaffinity:
        return op_node_affinity(op->cmd, &op->u.nodeaffinity);
    case XEN_DOMCTL_scheduler_op:
        return op_scheduler(d, &op->u.scheduler_op);
    default:
        return -ENOSYS;
    }
}
