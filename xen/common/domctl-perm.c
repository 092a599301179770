/* SPDX-License-Identifier: GPL-2.0 */
/*
 * domctl: which machine resources a domain may use. A caller can pass on only
 * what it may use itself. Locks are the sets'.
 */
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/printk.h>
#include <xen/rangeset.h>

#include <asm/current.h>

#include "ctl-priv.h"

struct request {
    uint64_t first;
    uint64_t nr;
    uint64_t limit; /* numbers there are; first + nr may not pass it */
    bool allow;
};

static long change(struct rangeset *mine, struct rangeset *theirs,
                   const struct request *r)
{
    uint64_t last;

    if (!r->nr || r->first >= r->limit || r->nr > r->limit - r->first) {
        return -EINVAL;
    }
    last = r->first + r->nr - 1;
    if (!rangeset_contains(mine, r->first, last)) {
        return -EPERM;
    }
    return r->allow ? rangeset_add(theirs, r->first, last)
                    : rangeset_remove(theirs, r->first, last);
}

long domctl_perm(struct domain *d, struct xen_domctl *op, bool *copy)
{
    struct domain *self = current->domain;
    struct request r;

    *copy = false;
    switch (op->cmd) {
    case XEN_DOMCTL_iomem_permission:
        r = (struct request){
            .first = op->u.iomem_permission.first_mfn,
            .nr = op->u.iomem_permission.nr_mfns,
            .limit = UINT64_C(1) << 40, /* frames of a 52-bit machine address */
            .allow = op->u.iomem_permission.allow_access,
        };
        return change(self->iomem_caps, d->iomem_caps, &r);
    case XEN_DOMCTL_ioport_permission:
        r = (struct request){
            .first = op->u.ioport_permission.first_port,
            .nr = op->u.ioport_permission.nr_ports,
            .limit = 0x10000,
            .allow = op->u.ioport_permission.allow_access,
        };
        return change(self->ioport_caps, d->ioport_caps, &r);
    case XEN_DOMCTL_irq_permission:
        r = (struct request){
            .first = op->u.irq_permission.pirq,
            .nr = 1,
            .limit = UINT32_MAX,
            .allow = op->u.irq_permission.allow_access,
        };
        return change(self->irq_caps, d->irq_caps, &r);
    default:
        return -ENOSYS;
    }
}
