/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HYPERVISOR_mmuext_op: pins, base pointers, flushes, LDT, whole pages.
 * Locks: none; page references carry everything.
 * Spec: <public/xen.h>, mmuext_op.
 */
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/lib.h>
#include <xen/perf-counter.h>
#include <xen/smp.h>

#include <asm/current.h>
#include <asm/pagetable.h>
#include <asm/system.h>

#include "mm-priv.h"

/* Clears the pin; its references are the caller's then. */
static bool take_pin(struct page_info *pg)
{
    uint64_t x = read_once(pg->type);

    while (x & PGT_PINNED) {
        if (atomic_cas(&pg->type, &x, x & ~PGT_PINNED)) {
            return true;
        }
    }
    return false;
}

static int op_pin(struct domain *d, mfn_t mfn, unsigned int level)
{
    struct page_info *pg;
    int rc;

    rc = page_get_and_type(mfn, d, FIELD_PREP(PGT_TYPE, (uint64_t)level));
    if (rc) {
        return rc;
    }
    pg = mfn_to_page(mfn);
    if (atomic_or(&pg->type, PGT_PINNED) & PGT_PINNED) {
        mm_put_parked(pg);
        return -EINVAL;
    }
    /* Teardown visits each page once: what it missed we undo. */
    if (read_once(d->dying) && take_pin(pg)) {
        mm_put_parked(pg);
        return -EINVAL;
    }
    return 0;
}

static int op_unpin(struct domain *d, mfn_t mfn)
{
    struct page_info *pg;
    int rc = -EINVAL;

    if (!mfn_valid(mfn)) {
        return -EINVAL;
    }
    pg = mfn_to_page(mfn);
    if (!page_get(pg, d)) {
        return -EINVAL;
    }
    if (take_pin(pg)) {
        mm_put_parked(pg);
        rc = 0;
    }
    page_put(pg);
    return rc;
}

static void flush_caches(void *arg)
{
    (void)arg;
    __asm__ volatile("wbinvd" ::: "memory");
}

static int op_flush_cache(bool everywhere)
{
    const struct domain *d = current->domain;
    cpumask_t mask = CPUMASK_OF(smp_cpu_id());

    if (!d->privileged && !d->iospace) {
        return -EACCES;
    }
    /* Dirty lines stay where a vCPU ran before. */
    mask.bits |=
        everywhere ? read_once(cpu_online.bits) : read_once(d->dirty.bits);
    smp_call(&mask, flush_caches, NULL);
    return 0;
}

static int op_fill_page(struct domain *d, mfn_t dst, const mfn_t *src)
{
    int rc = page_get_and_type(dst, d, PGT_WRITABLE);

    if (rc) {
        return rc;
    }
    if (!src) {
        memset(mfn_to_va(dst), 0, PAGE_SIZE);
    } else if (mfn_valid(*src) && page_get(mfn_to_page(*src), d)) {
        memmove(mfn_to_va(dst), mfn_to_va(*src), PAGE_SIZE);
        page_put(mfn_to_page(*src));
    } else {
        rc = -EINVAL;
    }
    page_put_and_type(mfn_to_page(dst));
    return rc;
}

static int op_flush_multi(const struct mmuext_op *op, bool one_page)
{
    cpumask_t mask;
    const int rc = mm_read_vcpumask((uint64_t)op->arg2.vcpumask.p, &mask);

    if (rc) {
        return rc;
    }
    if (one_page) {
        tlb_flush_va_mask(&mask, op->arg1.linear_addr);
    } else {
        tlb_flush_mask(&mask);
    }
    return 0;
}

/* Operations on the caller's own CPU state. @d: whom the caller named. */
static int do_self_op(const struct mmuext_op *op, const struct domain *d)
{
    const cpumask_t all = { read_once(current->domain->dirty.bits) };

    if (d != current->domain) {
        return -EPERM;
    }
    switch (op->cmd) {
    case MMUEXT_NEW_BASEPTR:
    case MMUEXT_NEW_USER_BASEPTR:
        return pv_new_l4(current, MFN(op->arg1.mfn),
                         op->cmd == MMUEXT_NEW_USER_BASEPTR);
    case MMUEXT_TLB_FLUSH_LOCAL:
        tlb_flush_local();
        return 0;
    case MMUEXT_INVLPG_LOCAL:
        invlpg(op->arg1.linear_addr);
        return 0;
    case MMUEXT_TLB_FLUSH_MULTI:
    case MMUEXT_INVLPG_MULTI:
        return op_flush_multi(op, op->cmd == MMUEXT_INVLPG_MULTI);
    case MMUEXT_TLB_FLUSH_ALL:
        tlb_flush_mask(&all);
        return 0;
    case MMUEXT_INVLPG_ALL:
        tlb_flush_va_mask(&all, op->arg1.linear_addr);
        return 0;
    case MMUEXT_FLUSH_CACHE:
    case MMUEXT_FLUSH_CACHE_GLOBAL:
        return op_flush_cache(op->cmd == MMUEXT_FLUSH_CACHE_GLOBAL);
    case MMUEXT_SET_LDT:
        return pv_set_ldt(current, op->arg1.linear_addr, op->arg2.nr_ents);
    case MMUEXT_MARK_SUPER:
    case MMUEXT_UNMARK_SUPER:
        return -EOPNOTSUPP;
    default:
        return -ENOSYS;
    }
}

/* @rest_gva, @rest: the operations after it. */
static int do_one_op(const struct mmuext_op *op, struct domain *d,
                     uint64_t rest_gva, uint32_t rest)
{
    const mfn_t mfn = MFN(op->arg1.mfn);

    switch (op->cmd) {
    case MMUEXT_PIN_L1_TABLE:
    case MMUEXT_PIN_L2_TABLE:
    case MMUEXT_PIN_L3_TABLE:
    case MMUEXT_PIN_L4_TABLE: {
        struct pv_vcpu *const pv = &current->pv;
        int rc;

        pv->ops_gva = rest_gva;
        pv->ops_nr = rest;
        pv->ops_ahead = true;
        rc = op_pin(d, mfn, op->cmd - MMUEXT_PIN_L1_TABLE + 1);
        pv->ops_ahead = false;
        return rc;
    }
    case MMUEXT_UNPIN_TABLE:
        return op_unpin(d, mfn);
    case MMUEXT_CLEAR_PAGE:
        return op_fill_page(d, mfn, NULL);
    case MMUEXT_COPY_PAGE: {
        const mfn_t src = MFN(op->arg2.src_mfn);

        return op_fill_page(d, mfn, &src);
    }
    default:
        return do_self_op(op, d);
    }
}

static int do_all_ops(uint64_t gva, uint32_t count, struct domain *d,
                      uint32_t *done)
{
    int rc = 0;
    uint32_t i;

    for (i = 0; i < count; i++) {
        struct mmuext_op op;

        if (i && (current->pv.put_pending || hypercall_preempt())) {
            rc = -ERESTART;
            break;
        }
        rc = guest_read(&op, gva + i * sizeof(op), sizeof(op));
        if (rc) {
            break;
        }
        rc = do_one_op(&op, d, gva + (i + 1) * sizeof(op), count - i - 1);
        if (rc) {
            break;
        }
    }
    *done = i;
    return rc;
}

long do_mmuext_op(struct hypercall_args *args)
{
    const uint32_t count = (uint32_t)args->a[1] & ~MM_PREEMPTED;
    const bool again = args->a[1] & MM_PREEMPTED;
    const uint64_t pdone = args->a[2];
    struct domain *d;
    uint32_t before = 0;
    uint32_t done = 0;
    int rc;

    if (!again) {
        perf_inc(calls_to_mmuext_op);
    } else if (pdone) {
        rc = guest_read(&before, pdone, sizeof(before));
        if (rc) {
            return rc;
        }
    }
    rc = mm_finish_parked();
    if (!rc) {
        rc = mm_foreign_get((domid_t)args->a[3], &d);
        if (rc) {
            return rc;
        }
        rc = d ? do_all_ops(args->a[0], count, d, &done) : -EINVAL;
        /* A multicall's pages may be taken together, but no one else's. */
        if (!current->in_multicall || d != current->domain) {
            pv_batch_end();
        }
        mm_foreign_put(d);
        perf_add(num_mmuext_ops, done);
        if (!rc && current->pv.put_pending) {
            rc = -ERESTART;
        }
    }
    if (pdone) {
        const uint32_t sum = before + done;

        if (guest_write(pdone, &sum, sizeof(sum))) {
            return -EFAULT;
        }
    }
    if (rc == -ERESTART) {
        struct hypercall_args next = *args;

        next.a[0] += done * sizeof(struct mmuext_op);
        next.a[1] = (count - done) | MM_PREEMPTED;
        return hypercall_continue(__HYPERVISOR_mmuext_op, &next);
    }
    return rc;
}
