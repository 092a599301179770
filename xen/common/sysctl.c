/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sysctl: what tools ask about the machine as a whole. Only for control
 * domains. Here are dispatch, the console log, debug keys and the list of
 * domains; the other sysctl-*.c have the rest. One lock serialises callers.
 */
#include <xen/bits.h>
#include <xen/console.h>
#include <xen/domain.h>
#include <xen/domctl.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/keyhandler.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include <asm/current.h>

#include <public/sysctl.h>

#include "ctl-priv.h"

#define CHUNK 512 /* ours: log bytes copied at a time */

static spinlock_t sysctl_lock = SPINLOCK_INIT;

static long op_readconsole(struct xen_sysctl_readconsole *op)
{
    bool incremental = op->incremental != 0;
    uint32_t done = 0;
    char buf[CHUNK];

    while (done < op->count) {
        const uint32_t want = min_of(op->count - done, (uint32_t)CHUNK);
        const uint32_t got =
            log_read(buf, want, &op->index, incremental, false);

        if (got == 0) {
            break;
        }
        if (guest_write((uint64_t)op->buffer.p + done, buf, got)) {
            return -EFAULT;
        }
        incremental = true; /* go on where this chunk ended */
        done += got;
    }
    if (op->clear) {
        log_read(buf, 0, &op->index, true, true);
    }
    op->count = done;
    return 0;
}

static long op_debug_keys(const struct xen_sysctl_debug_keys *op)
{
    for (uint32_t i = 0; i < op->nr_keys; i++) {
        char c;

        if (guest_read_handle(&c, op->keys, i)) {
            return -EFAULT;
        }
        key_run((unsigned char)c);
    }
    return 0;
}

static long op_getdomaininfolist(struct xen_sysctl_getdomaininfolist *op)
{
    int id = (int)op->first_domain - 1;

    op->num_domains = 0;
    while (op->num_domains < op->max_domains) {
        struct xen_domctl_getdomaininfo info;
        struct domain *d = dom_next(id);

        if (!d) {
            break;
        }
        id = d->id;
        domctl_describe(d, &info);
        dom_put(d);
        if (guest_write_handle(op->buffer, op->num_domains, &info)) {
            return -EFAULT;
        }
        op->num_domains++;
    }
    return 0;
}

/* Facilities that are not built in: each with the error tools know. */
static long op_absent(struct xen_sysctl *op)
{
    switch (op->cmd) {
    case XEN_SYSCTL_tbuf_op:
    case XEN_SYSCTL_coverage_op:
        return -EOPNOTSUPP;
    case XEN_SYSCTL_psr_cmt_op:
        if (op->u.psr_cmt_op.cmd != XEN_SYSCTL_PSR_CMT_enabled) {
            return -ENODEV;
        }
        op->u.psr_cmt_op.u.data = 0;
        return 0;
    case XEN_SYSCTL_psr_alloc:
        return -ENODEV;
    case XEN_SYSCTL_livepatch_op:
        if (op->u.livepatch.cmd != XEN_SYSCTL_LIVEPATCH_LIST) {
            return -EOPNOTSUPP;
        }
        memset(&op->u.livepatch.u.list, 0, sizeof(op->u.livepatch.u.list));
        return 0; /* none is loaded */
    default:      /* lockprof_op, and what the ABI does not know */
        return -ENOSYS;
    }
}

static long run(struct xen_sysctl *op)
{
    static long (*const groups[])(struct xen_sysctl * op) = {
        sysctl_info, sysctl_perf, sysctl_pool, sysctl_policy, sysctl_power,
    };
    long rc = -ENOSYS;

    switch (op->cmd) {
    case XEN_SYSCTL_readconsole:
        return op_readconsole(&op->u.readconsole);
    case XEN_SYSCTL_getdomaininfolist:
        return op_getdomaininfolist(&op->u.getdomaininfolist);
    case XEN_SYSCTL_debug_keys:
        return op_debug_keys(&op->u.debug_keys);
    default:
        break;
    }
    for (size_t i = 0; i < array_size(groups) && rc == -ENOSYS; i++) {
        rc = groups[i](op);
    }
    return rc == -ENOSYS ? op_absent(op) : rc;
}

long do_sysctl(struct hypercall_args *args)
{
    struct xen_sysctl op;
    long rc;

    if (!is_control_domain(current->domain)) {
        return -EPERM;
    }
    if (guest_read(&op, args->a[0], sizeof(op))) {
        return -EFAULT;
    }
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION) {
        return -EACCES;
    }
    if (op.cmd == XEN_SYSCTL_debug_keys) {
        return run(&op); /* a key may take long, and changes nothing of ours */
    }
    spin_lock(&sysctl_lock);
    rc = run(&op);
    spin_unlock(&sysctl_lock);
    if (rc == -ENOSYS) {
        log_guest(LOG_DEBUG, "d%u: sysctl %u is not implemented\n",
                  current->domain->id, op.cmd);
    }
    if (!rc && guest_write(args->a[0], &op, sizeof(op))) {
        rc = -EFAULT;
    }
    return rc;
}
