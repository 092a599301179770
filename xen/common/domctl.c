/* SPDX-License-Identifier: GPL-2.0 */
/*
 * domctl: what the toolstack asks about and of one domain. Only for control
 * domains. Here are dispatch, looking, pausing and limits; the other domctl-*.c
 * have the rest. What none knows answers -ENOSYS. No lock of its own.
 */
#include <xen/domain.h>
#include <xen/domctl.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/lib.h>
#include <xen/printk.h>
#include <xen/wallclock.h>

#include <asm/current.h>

#include "ctl-priv.h"

void domctl_describe(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    bool running = false;
    bool blocked = true;

    memset(info, 0, sizeof(*info));
    info->domain = d->id;
    info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        struct vcpu_runstate_info rs;
        struct vcpu *v = d->vcpu[i];

        if (!v) {
            continue;
        }
        vcpu_runstate_get(v, &rs);
        info->cpu_time += rs.time[RUNSTATE_running];
        info->max_vcpu_id = i;
        if (read_once(v->down)) {
            continue;
        }
        info->nr_online_vcpus++;
        running |= read_once(v->running);
        blocked &= read_once(v->blocked) != 0;
    }
    info->flags = (d->dying ? XEN_DOMINF_dying : 0) |
                  (d->shut_down ? XEN_DOMINF_shutdown : 0) |
                  (read_once(d->tool_pauses) ? XEN_DOMINF_paused : 0) |
                  (running   ? XEN_DOMINF_running
                   : blocked ? XEN_DOMINF_blocked
                             : 0);
    if (d->shut_down) {
        info->flags |= (uint32_t)d->shutdown_code << XEN_DOMINF_shutdownshift;
    }
    info->tot_pages = read_once(d->tot_pages);
    info->max_pages = read_once(d->max_pages);
    info->shared_info_frame = d->shared_mfn.n;
    memcpy(info->handle, d->handle, sizeof(info->handle));
    info->gpaddr_bits = 0; /* PV: no guest-physical address space */
}

/* The first domain from @id on, which is how tools walk the list. */
static long op_getdomaininfo(struct xen_domctl *op)
{
    struct domain *d = dom_next((int)op->domain - 1);

    if (!d) {
        return -ESRCH;
    }
    domctl_describe(d, &op->u.getdomaininfo);
    op->domain = d->id;
    dom_put(d);
    return 0;
}

static long op_max_mem(struct domain *d, const struct xen_domctl_max_mem *op)
{
    spin_lock(&d->page_lock);
    d->max_pages = op->max_memkb >> (PAGE_SHIFT - 10);
    spin_unlock(&d->page_lock);
    return 0;
}

/* One pause of the toolstack's, never one of a hypercall that is under way. */
static bool take_tool_pause(struct domain *d)
{
    uint32_t n = read_once(d->tool_pauses);

    while (n) {
        if (atomic_cas(&d->tool_pauses, &n, n - 1)) {
            return true;
        }
    }
    return false;
}

static long op_on_domain(struct domain *d, struct xen_domctl *op)
{
    switch (op->cmd) {
    case XEN_DOMCTL_pausedomain:
        if (d == current->domain) {
            return -EINVAL;
        }
        dom_pause(d);
        atomic_add(&d->tool_pauses, 1);
        return 0;
    case XEN_DOMCTL_unpausedomain:
        if (d == current->domain || d->dying || !take_tool_pause(d)) {
            return -EINVAL;
        }
        dom_unpause(d);
        return 0;
    case XEN_DOMCTL_max_mem:
        return op_max_mem(d, &op->u.max_mem);
    case XEN_DOMCTL_setdomainhandle:
        memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
        return 0;
    case XEN_DOMCTL_settimeoffset:
        d->wallclock_offset_s = op->u.settimeoffset.time_offset_seconds;
        time_update_wallclock(d);
        return 0;
    default:
        return -ENOSYS;
    }
}

static long run(struct domain *d, struct xen_domctl *op, bool *copy)
{
    static long (*const groups[])(struct domain * d, struct xen_domctl * op,
                                  bool *copy) = {
        domctl_sched, domctl_build, domctl_policy, domctl_perm, domctl_inspect,
    };
    long rc = -ENOSYS;

    for (size_t i = 0; i < array_size(groups) && rc == -ENOSYS; i++) {
        rc = groups[i](d, op, copy);
    }
    if (rc == -ENOSYS) {
        *copy = false;
        rc = op_on_domain(d, op);
    }
    return rc;
}

long do_domctl(struct hypercall_args *args)
{
    struct xen_domctl op;
    bool copy = false;
    struct domain *d;
    long rc;

    if (!is_control_domain(current->domain)) {
        return -EPERM;
    }
    if (guest_read(&op, args->a[0], sizeof(op))) {
        return -EFAULT;
    }
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION) {
        return -EACCES;
    }
    if (op.cmd == XEN_DOMCTL_getdomaininfo) {
        rc = op_getdomaininfo(&op);
        if (!rc && guest_write(args->a[0], &op, sizeof(op))) {
            rc = -EFAULT;
        }
        return rc;
    }
    if (op.cmd == XEN_DOMCTL_createdomain) {
        rc = domctl_createdomain(&op);
        if (!rc && guest_write(args->a[0], &op, sizeof(op))) {
            rc = -EFAULT;
        }
        return rc;
    }
    rc = domctl_device(&op);
    if (rc != -ENOSYS) {
        return rc;
    }
    d = dom_find_self(op.domain);
    if (!d) {
        return -ESRCH;
    }
    rc = run(d, &op, &copy);
    dom_put(d);
    if (rc == -ERESTART) {
        return hypercall_continue(__HYPERVISOR_domctl, args);
    }
    if ((!rc || op.cmd == XEN_DOMCTL_set_cpu_policy) && copy &&
        guest_write(args->a[0], &op, sizeof(op))) {
        rc = -EFAULT;
    }
    if (rc == -ENOSYS) {
        log_guest(LOG_DEBUG, "d%u: domctl %u is not implemented\n",
                  current->domain->id, op.cmd);
    }
    return rc;
}
