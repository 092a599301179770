/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sysctl: CPU pools and the scheduler's parameters. There is one pool, number
 * 0, which every CPU and domain is in; tools see its scheduler as "credit".
 */
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/sched.h>
#include <xen/time.h>

#include "ctl-priv.h"

static uint32_t count_domains(void)
{
    uint32_t nr = 0;
    int id = -1;
    struct domain *d;

    while ((d = dom_next(id)) != NULL) {
        id = d->id;
        dom_put(d);
        nr++;
    }
    return nr;
}

static long pool_move(const struct xen_sysctl_cpupool_op *op)
{
    struct domain *d;

    if (op->cpupool_id != 0) {
        return -ENOENT;
    }
    d = op->domid < MAX_DOMAINS ? dom_find((domid_t)op->domid) : NULL;
    if (!d) {
        return -ESRCH;
    }
    dom_put(d); /* it is in there */
    return 0;
}

static long op_cpupool(struct xen_sysctl_cpupool_op *op)
{
    switch (op->op) {
    case XEN_SYSCTL_CPUPOOL_OP_INFO: /* the first one from this number on */
        if (op->cpupool_id != 0) {
            return -ENOENT;
        }
        op->sched_id = XEN_SCHEDULER_CREDIT;
        op->n_dom = count_domains();
        return ctl_bitmap_write(&op->cpumap, &cpu_online);
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return ctl_bitmap_write(&op->cpumap, &CPUMASK_NONE);
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return pool_move(op);
    case XEN_SYSCTL_CPUPOOL_OP_CREATE:
        return -EOPNOTSUPP;
    case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
    case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
    case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
        return op->cpupool_id ? -ENOENT : -EBUSY;
    default:
        return -ENOSYS;
    }
}

static long put_params(const struct xen_sysctl_credit_schedule *c)
{
    if (c->tslice_ms < XEN_SYSCTL_CSCHED_TSLICE_MIN ||
        c->tslice_ms > XEN_SYSCTL_CSCHED_TSLICE_MAX) {
        return -EINVAL;
    }
    if (c->ratelimit_us && (c->ratelimit_us < XEN_SYSCTL_SCHED_RATELIMIT_MIN ||
                            c->ratelimit_us > XEN_SYSCTL_SCHED_RATELIMIT_MAX ||
                            c->ratelimit_us > c->tslice_ms * 1000)) {
        return -EINVAL;
    }
    if (c->vcpu_migr_delay_us > XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US) {
        return -EINVAL;
    }
    sched_params_set(&(struct sched_params){
        .slice_ns = c->tslice_ms * NS_PER_MS,
        .min_run_ns = c->ratelimit_us * NS_PER_US,
        .stay_ns = c->vcpu_migr_delay_us * NS_PER_US,
    });
    return 0;
}

static long op_scheduler(struct xen_sysctl_scheduler_op *op)
{
    struct xen_sysctl_credit_schedule *c = &op->u.sched_credit;
    struct sched_params now;
    long rc;

    if (op->cpupool_id != 0) {
        return -ESRCH;
    }
    if (op->sched_id != XEN_SCHEDULER_CREDIT) {
        return -EINVAL;
    }
    switch (op->cmd) {
    case XEN_SYSCTL_SCHEDOP_putinfo:
        rc = put_params(c);
        if (rc) {
            return rc;
        }
        break;
    case XEN_SYSCTL_SCHEDOP_getinfo:
        break;
    default:
        return -EINVAL;
    }
    now = sched_params_get();
    c->tslice_ms = (uint32_t)(now.slice_ns / NS_PER_MS);
    c->ratelimit_us = (uint32_t)(now.min_run_ns / NS_PER_US);
    c->vcpu_migr_delay_us = (uint32_t)(now.stay_ns / NS_PER_US);
    return 0;
}

long sysctl_pool(struct xen_sysctl *op)
{
    switch (op->cmd) {
    case XEN_SYSCTL_sched_id:
        op->u.sched_id.sched_id = XEN_SCHEDULER_CREDIT;
        return 0;
    case XEN_SYSCTL_cpupool_op:
        return op_cpupool(&op->u.cpupool_op);
    case XEN_SYSCTL_scheduler_op:
        return op_scheduler(&op->u.scheduler_op);
    default:
        return -ENOSYS;
    }
}
