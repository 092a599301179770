/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HYPERVISOR_update_va_mapping: the guest kernel changes the L1 entry of an
 * address of its own, usually with a flush. Locks: none, see mm-validate.c.
 * Spec: <public/xen.h>, update_va_mapping.
 */
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/perf-counter.h>

#include <asm/current.h>
#include <asm/pagetable.h>
#include <asm/system.h>

#include "mm-priv.h"

int mm_read_vcpumask(uint64_t gva, cpumask_t *out)
{
    const struct domain *d = current->domain;
    uint64_t vcpus = 0;
    int rc;

    static_assert(MAX_VCPUS <= 64, "one word holds the bitmap");
    *out = CPUMASK_NONE;
    rc = guest_read(&vcpus, gva, div_round_up(d->max_vcpus, 8));
    if (rc) {
        return rc;
    }
    while (vcpus) {
        const unsigned int id = ctz64(vcpus);
        const struct vcpu *v = id < d->max_vcpus ? d->vcpu[id] : NULL;

        vcpus &= vcpus - 1;
        if (!v) {
            continue;
        }
        out->bits |= read_once(v->dirty.bits);
        if (read_once(v->running)) {
            out->bits |= BIT64(read_once(v->processor));
        }
    }
    return 0;
}

static int flush_after(uint64_t va, uint64_t flags)
{
    const uint64_t type = flags & UVMF_FLUSHTYPE_MASK;
    const uint64_t where = flags & ~UVMF_FLUSHTYPE_MASK;
    cpumask_t mask;

    if (type != UVMF_TLB_FLUSH && type != UVMF_INVLPG) {
        return type == UVMF_NONE ? 0 : -EINVAL;
    }
    if (where == UVMF_LOCAL) {
        if (type == UVMF_TLB_FLUSH) {
            tlb_flush_local();
        } else {
            invlpg(va);
        }
        return 0;
    }
    if (where == UVMF_ALL) {
        mask.bits = read_once(current->domain->dirty.bits);
    } else {
        const int rc = mm_read_vcpumask(where, &mask);

        if (rc) {
            return rc;
        }
    }
    if (type == UVMF_TLB_FLUSH) {
        tlb_flush_mask(&mask);
    } else {
        tlb_flush_va_mask(&mask, va);
    }
    return 0;
}

static long update_va(struct hypercall_args *args, struct domain *pg_dom)
{
    const uint64_t va = args->a[0];
    struct page_info *table;
    uint64_t *slot;
    int rc;

    perf_inc(calls_to_update_va);
    slot = pv_l1_slot_get(va, &table);
    if (!slot) {
        return -EINVAL;
    }
    rc = pv_write_l1(slot, args->a[1], current->domain, pg_dom, false);
    page_put_and_type(table);
    return rc ? rc : flush_after(va, args->a[2]);
}

long do_update_va_mapping(struct hypercall_args *args)
{
    return update_va(args, current->domain);
}

long do_update_va_mapping_otherdomain(struct hypercall_args *args)
{
    struct domain *pg_dom;
    long rc = mm_foreign_get((domid_t)args->a[3], &pg_dom);

    if (!rc) {
        rc = update_va(args, pg_dom);
        mm_foreign_put(pg_dom);
    }
    return rc;
}
