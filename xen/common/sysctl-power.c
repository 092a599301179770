/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sysctl: power states of CPUs, their removal, and bad memory. CPUs halt when
 * idle (C1) and nothing else is managed: frequencies are the firmware's.
 */
#include <xen/cpumask.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/mm.h>
#include <xen/sched.h>
#include <xen/softirq.h>
#include <xen/time.h>

#include "ctl-priv.h"

#define NR_CSTATES      2    /* C0 and C1 */
#define FRAMES_PER_CALL 1024 /* ours: bounds the time under the sysctl lock */

static long op_cxstat(struct pm_cx_stat *cx, uint32_t cpu)
{
    const uint64_t idle = sched_idle_ns(cpu);
    const uint64_t count[NR_CSTATES] = { sched_idle_count(cpu),
                                         sched_idle_count(cpu) };
    const uint64_t time[NR_CSTATES] = { now_ns() - idle, idle };
    const uint32_t nr = min_of(cx->nr, (uint32_t)NR_CSTATES);

    if (guest_write((uint64_t)cx->triggers.p, count, nr * sizeof(count[0])) ||
        guest_write((uint64_t)cx->residencies.p, time, nr * sizeof(time[0]))) {
        return -EFAULT;
    }
    cx->nr = NR_CSTATES;
    cx->last = 1;
    cx->idle_time = idle;
    cx->nr_pc = 0;
    cx->nr_cc = 0;
    return 0;
}

static long op_pmstat(struct xen_sysctl_get_pmstat *op)
{
    if (op->cpuid >= MAX_CPUS || !cpumask_test(&cpu_online, op->cpuid)) {
        return -EINVAL;
    }
    switch (op->type) {
    case PMSTAT_get_max_cx:
        op->u.getcx.nr = NR_CSTATES;
        return 0;
    case PMSTAT_get_cxstat:
        return op_cxstat(&op->u.getcx, op->cpuid);
    default:
        return -ENODEV; /* no frequencies; and these counts only grow */
    }
}

/* What tools set, state and sub-state; under the sysctl lock. */
static uint32_t max_cstate[2] = { 1, XEN_SYSCTL_CX_UNLIMITED };

static long op_pm(struct xen_sysctl_pm_op *op)
{
    uint32_t threads, cores;

    switch (op->cmd) {
    case XEN_SYSCTL_pm_op_get_max_cstate:
        /* cpuid 1 asks for the sub-state, which is not limited. */
        op->u.get_max_cstate = max_cstate[op->cpuid != 0];
        return 0;
    case XEN_SYSCTL_pm_op_set_max_cstate:
        /* C1 is all there is, so only "no idling" would change something. */
        if (!op->u.set_max_cstate && !op->cpuid) {
            return -EOPNOTSUPP;
        }
        max_cstate[op->cpuid != 0] = op->u.set_max_cstate;
        return 0;
    case XEN_SYSCTL_pm_op_set_sched_opt_smt:
        ctl_count_siblings(&threads, &cores);
        /* Without siblings there is nothing that it would change. */
        if (op->u.set_sched_opt_smt && threads > 1) {
            return -EOPNOTSUPP;
        }
        op->u.set_sched_opt_smt = 0; /* ABI: what it was before */
        return 0;
    case XEN_SYSCTL_pm_op_get_vcpu_migration_delay:
    case XEN_SYSCTL_pm_op_set_vcpu_migration_delay:
        return -EINVAL; /* ABI: moved to scheduler_op */
    case XEN_SYSCTL_pm_op_enable_turbo:
    case XEN_SYSCTL_pm_op_disable_turbo:
        return -EACCES;
    default:
        return -EINVAL; /* frequencies */
    }
}

static long op_hotplug(const struct xen_sysctl_cpu_hotplug *op)
{
    switch (op->op) {
    case XEN_SYSCTL_CPU_HOTPLUG_ONLINE:
    case XEN_SYSCTL_CPU_HOTPLUG_OFFLINE:
        if (op->cpu >= MAX_CPUS || !cpumask_test(&cpu_online, op->cpu)) {
            return -EINVAL;
        }
        return op->op == XEN_SYSCTL_CPU_HOTPLUG_ONLINE ? -EEXIST : -EOPNOTSUPP;
    default:
        return -EOPNOTSUPP;
    }
}

/* Frames are never taken out of use, so all of them are online. */
static uint32_t frame_status(uint32_t cmd)
{
    switch (cmd) {
    case sysctl_page_online:
        return 0; /* ABI: it was online before */
    case sysctl_page_offline:
        return PG_OFFLINE_FAILED;
    default:
        return PG_OFFLINE_STATUS_ONLINE;
    }
}

static long op_page_offline(const struct xen_sysctl_page_offline_op *op)
{
    if (op->cmd < sysctl_page_offline || op->cmd > sysctl_query_page_offline) {
        return -EINVAL;
    }
    if (op->end < op->start || op->end - op->start >= FRAMES_PER_CALL) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i <= op->end - op->start; i++) {
        const mfn_t m = { op->start + (uint64_t)i };
        const uint32_t status =
            mfn_valid(m) ? frame_status(op->cmd) : PG_OFFLINE_INVALID;

        if (guest_write_handle(op->status, i, &status)) {
            return -EFAULT;
        }
        if (status == PG_OFFLINE_INVALID) {
            return -EINVAL;
        }
    }
    return 0;
}

long sysctl_power(struct xen_sysctl *op)
{
    switch (op->cmd) {
    case XEN_SYSCTL_get_pmstat:
        return op_pmstat(&op->u.get_pmstat);
    case XEN_SYSCTL_pm_op:
        return op_pm(&op->u.pm_op);
    case XEN_SYSCTL_cpu_hotplug:
        return op_hotplug(&op->u.cpu_hotplug);
    case XEN_SYSCTL_page_offline_op:
        return op_page_offline(&op->u.page_offline);
    default:
        return -ENOSYS;
    }
}
