/* SPDX-License-Identifier: GPL-2.0 */
/*
 * domctl: what debuggers, core dumps, `xl trigger` and `xl psr-...` ask. Locks:
 * a vCPU is paused while its state is read.
 */
#include <xen/atomic.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/sched.h>
#include <xen/xmalloc.h>

#include <asm/current.h>
#include <asm/pv.h>

#include "ctl-priv.h"

#define PAGES_PER_CALL 1024 /* ABI: what 4.17 takes at a time */

static long find_vcpu(const struct domain *d, uint32_t id, struct vcpu **v)
{
    if (id >= d->max_vcpus) {
        return -EINVAL;
    }
    *v = d->vcpu[id];
    return *v ? 0 : -ESRCH;
}

static long op_getvcpucontext(struct domain *d,
                              const struct xen_domctl_vcpucontext *op)
{
    struct vcpu_guest_context *c;
    struct vcpu *v;
    long rc = find_vcpu(d, op->vcpu, &v);

    if (rc) {
        return rc;
    }
    if (d == current->domain) {
        return -EINVAL; /* two vCPUs could wait for each other */
    }
    if (!v->initialised) {
        return -ENODATA;
    }
    c = xzalloc(struct vcpu_guest_context); /* 5 KiB: not for the stack */
    if (!c) {
        return -ENOMEM;
    }
    vcpu_pause(v);
    pv_get_context(v, c);
    vcpu_unpause(v);
    rc = guest_write((uint64_t)op->ctxt.p, c, sizeof(*c)) ? -EFAULT : 0;
    xfree(c);
    return rc;
}

static long op_getpageframeinfo3(struct domain *d,
                                 const struct xen_domctl_getpageframeinfo3 *op)
{
    if (op->num > PAGES_PER_CALL) {
        return -E2BIG;
    }
    for (uint64_t i = 0; i < op->num; i++) {
        xen_pfn_t pfn;

        if (guest_read_handle(&pfn, op->array, i)) {
            return -EFAULT;
        }
        pfn = pv_page_kind(d, MFN(pfn));
        if (guest_write_handle(op->array, i, &pfn)) {
            return -EFAULT;
        }
    }
    return 0;
}

static long op_sendtrigger(struct domain *d,
                           const struct xen_domctl_sendtrigger *op)
{
    struct vcpu *v;
    const long rc = find_vcpu(d, op->vcpu, &v);

    if (rc) {
        return rc;
    }
    if (op->trigger != XEN_DOMCTL_SENDTRIGGER_NMI) {
        return -ENOSYS; /* buttons are for HVM guests */
    }
    if (!atomic_xchg(&v->nmi_pending, 1)) {
        vcpu_kick(v);
    }
    return 0;
}

long domctl_inspect(struct domain *d, struct xen_domctl *op, bool *copy)
{
    long rc;

    *copy = false;
    switch (op->cmd) {
    case XEN_DOMCTL_getvcpucontext:
        rc = op_getvcpucontext(d, &op->u.vcpucontext);
        *copy = rc == 0;
        return rc;
    case XEN_DOMCTL_getpageframeinfo3:
        return op_getpageframeinfo3(d, &op->u.getpageframeinfo3);
    case XEN_DOMCTL_sendtrigger:
        return op_sendtrigger(d, &op->u.sendtrigger);
    case XEN_DOMCTL_psr_cmt_op:
    case XEN_DOMCTL_psr_alloc:
        return -ENODEV; /* no CPU with monitored caches is supported */
    default:
        return -ENOSYS;
    }
}
