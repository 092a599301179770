/* SPDX-License-Identifier: GPL-2.0 */
/*
 * domctl: making a PV domain, its vCPUs and what they first run, and taking it
 * apart again. d->hypercall_lock serialises what changes one domain.
 */
#include <xen/dom-iommu.h>
#include <xen/dom-misc.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/grant-resource.h>
#include <xen/grant.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/irq.h>
#include <xen/lib.h>
#include <xen/printk.h>
#include <xen/spinlock.h>
#include <xen/vcpu-op.h>
#include <xen/wallclock.h>

#include <asm/current.h>
#include <asm/mm-types.h>

#include "ctl-priv.h"

/* What a PV guest can be created with. */
#define FLAGS_KNOWN (XEN_DOMCTL_CDF_iommu | XEN_DOMCTL_CDF_xs_domain)

#define ADDRESS_BITS 64

/* ABI of settscinfo: by need, never and always emulated. */
#define TSC_BY_NEED 0
#define TSC_NATIVE  2

static spinlock_t id_lock = SPINLOCK_INIT;
static domid_t last_id; /* under id_lock: ids are reused as late as possible */

static long config_sane(const struct xen_domctl_createdomain *c)
{
    if (c->flags & ~FLAGS_KNOWN || c->iommu_opts & ~XEN_DOMCTL_IOMMU_MAX ||
        c->max_vcpus < 1 || c->max_vcpus > MAX_VCPUS ||
        c->grant_opts & ~XEN_DOMCTL_GRANT_version_mask || c->vmtrace_size ||
        c->cpupool_id || c->arch.emulation_flags ||
        c->arch.misc_flags & ~XEN_X86_MSR_RELAXED) {
        return -EINVAL;
    }
    return 0;
}

#define MAPTRACK_PER_FRAME 256u /* handles tools expect of a 4K frame */

/* A size as grant_set_limits() takes it: 0 is its default, 1 its smallest. */
static uint32_t grant_size(int32_t asked)
{
    return asked < 0 ? 0 : asked == 0 ? 1 : (uint32_t)asked;
}

/* The id asked for if it is free, else the next free one. */
static long create_at_free_id(struct xen_domctl *op, struct domain **d)
{
    const struct xen_domctl_createdomain *c = &op->u.createdomain;
    domid_t id = op->domain;
    long rc;

    if (id > 0 && id < MAX_DOMAINS) {
        rc = dom_create(id, c->max_vcpus, false, d);
        if (rc != -EEXIST) {
            return rc;
        }
    }
    for (unsigned int i = 1; i < MAX_DOMAINS; i++) {
        last_id = last_id + 1 < MAX_DOMAINS ? (domid_t)(last_id + 1) : 1;
        rc = dom_create(last_id, c->max_vcpus, false, d);
        if (rc != -EEXIST) {
            return rc;
        }
    }
    return -ENOMEM;
}

static long configure(struct domain *d, const struct xen_domctl_createdomain *c)
{
    const uint32_t maptrack = min_of(grant_size(c->max_maptrack_frames),
                                     UINT32_MAX / MAPTRACK_PER_FRAME);
    long rc = grant_set_limits(d, grant_size(c->max_grant_frames),
                               maptrack * MAPTRACK_PER_FRAME,
                               XEN_DOMCTL_GRANT_version(c->grant_opts));

    if (!rc && c->flags & XEN_DOMCTL_CDF_iommu) {
        rc = dom_iommu_init(d);
    }
    write_once(d->tool_pauses, 1); /* ABI: a new domain is paused */
    evtchn_set_limit(d, c->max_evtchn_port);
    memcpy(d->handle, c->handle, sizeof(d->handle));
    return rc;
}

long domctl_createdomain(struct xen_domctl *op)
{
    struct domain *d = NULL;
    long rc = config_sane(&op->u.createdomain);

    if (rc) {
        return rc;
    }
    spin_lock(&id_lock);
    rc = create_at_free_id(op, &d);
    spin_unlock(&id_lock);
    if (rc) {
        return rc;
    }
    rc = configure(d, &op->u.createdomain);
    if (rc) {
        /* It has no vCPU and no page yet, so this ends in one go. */
        while (domctl_destroy(d) == -ERESTART) {
        }
        return rc;
    }
    op->domain = d->id;
    log_info("d%u: created, up to %u vCPUs\n", d->id, d->max_vcpus);
    return 0;
}

/* --- Taking apart ----------------------------------------------------------
 */

static void release_vcpus(struct domain *d)
{
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = d->vcpu[i];

        if (v) {
            vcpu_timers_kill(v);
            vcpu_info_release(v);
        }
    }
}

/* Each step is short, or goes on where it stopped. Return: 0, -ERESTART. */
static int release(struct domain *d)
{
    int rc;

    pirq_destroy(d);
    rc = evtchn_destroy(d);
    if (!rc) {
        rc = grant_destroy(d);
    }
    if (!rc) {
        dom_misc_destroy(d);
        release_vcpus(d);
        rc = pv_domain_release_pages(d);
    }
    return rc;
}

long domctl_destroy(struct domain *d)
{
    long rc;

    if (d == dom0 || d == current->domain) {
        return -EINVAL;
    }
    /* Not with the lock: a vCPU may be waiting for it on its CPU. */
    dom_pause(d);
    spin_lock(&d->hypercall_lock);
    if (!d->dying) {
        write_once(d->dying, 1); /* none of its vCPUs is runnable any more */
    }
    rc = release(d);
    if (!rc && d->dying == 1) {
        dom_iommu_destroy(d);
        write_once(d->dying, 2);
    }
    spin_unlock(&d->hypercall_lock);
    dom_unpause(d);
    if (!rc) {
        dom_reap(d);
    }
    return rc;
}

/* --- Filling ---------------------------------------------------------------
 */

static long op_max_vcpus(struct domain *d,
                         const struct xen_domctl_max_vcpus *op)
{
    unsigned int cpu = 0;

    if (op->max != d->max_vcpus) {
        return -EINVAL; /* ABI: createdomain has said how many */
    }
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v;
        int rc;

        if (d->vcpu[i]) {
            continue;
        }
        rc = vcpu_create(d, i, cpu, &v);
        if (rc) {
            return rc;
        }
        cpu = cpumask_next(&cpu_online, cpu + 1);
        if (cpu >= CPUMASK_BITS) {
            cpu = cpumask_next(&cpu_online, 0);
        }
    }
    return 0;
}

static long op_setvcpucontext(struct domain *d,
                              const struct xen_domctl_vcpucontext *op)
{
    struct vcpu_guest_context *c;
    struct vcpu *v;
    long rc;

    if (op->vcpu >= d->max_vcpus || !op->ctxt.p) {
        return -EINVAL;
    }
    v = d->vcpu[op->vcpu];
    if (!v) {
        return -ESRCH;
    }
    c = xzalloc(struct vcpu_guest_context); /* 5 KiB: not for the stack */
    if (!c) {
        return -ENOMEM;
    }
    rc = guest_read(c, (uint64_t)op->ctxt.p, sizeof(*c)) ? -EFAULT
                                                         : pv_set_context(v, c);
    xfree(c);
    return rc;
}

/* Guests read the real TSC; a mode that wants less is as good. */
static long op_settscinfo(const struct xen_domctl_tsc_info *op)
{
    return op->tsc_mode == TSC_BY_NEED || op->tsc_mode == TSC_NATIVE
               ? 0
               : -EOPNOTSUPP;
}

static long op_gettscinfo(struct xen_domctl_tsc_info *op)
{
    memset(op, 0, sizeof(*op));
    op->tsc_mode = TSC_NATIVE;
    op->gtsc_khz = (uint32_t)tsc_khz();
    return 0;
}

long domctl_build(struct domain *d, struct xen_domctl *op, bool *copy)
{
    long rc;

    *copy = false;
    switch (op->cmd) {
    case XEN_DOMCTL_get_address_size:
        op->u.address_size.size = ADDRESS_BITS;
        *copy = true;
        return 0;
    case XEN_DOMCTL_set_address_size:
        return op->u.address_size.size == ADDRESS_BITS ? 0 : -EINVAL;
    case XEN_DOMCTL_settscinfo:
        return d == current->domain ? -EINVAL : op_settscinfo(&op->u.tsc_info);
    case XEN_DOMCTL_gettscinfo:
        *copy = true;
        return op_gettscinfo(&op->u.tsc_info);
    case XEN_DOMCTL_destroydomain:
        return domctl_destroy(d);
    case XEN_DOMCTL_max_vcpus:
    case XEN_DOMCTL_setvcpucontext:
        break;
    default:
        return -ENOSYS;
    }
    if (d == current->domain) {
        return -EINVAL;
    }
    spin_lock(&d->hypercall_lock);
    if (d->dying) {
        rc = -EINVAL;
    } else if (op->cmd == XEN_DOMCTL_max_vcpus) {
        rc = op_max_vcpus(d, &op->u.max_vcpus);
    } else {
        rc = op_setvcpucontext(d, &op->u.vcpucontext);
    }
    spin_unlock(&d->hypercall_lock);
    return rc;
}
