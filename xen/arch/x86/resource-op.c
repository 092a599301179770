/* SPDX-License-Identifier: GPL-2.0 */
/*
 * XENPF_resource_op: a control domain reads registers of one CPU. Only those
 * that tell something about the CPU and change nothing; none is written.
 * Spec: <public/platform.h>, XENPF_resource_op.
 */
#include <xen/bits.h>
#include <xen/cpumask.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/smp.h>
#include <xen/spinlock.h>
#include <xen/time.h>

#include <asm/config.h>
#include <asm/resource-op.h>
#include <asm/system.h>

#define ENTRIES_MAX 3 /* ABI: as many as 4.17 takes in one call */

/* Spec: SDM vol 4 "Architectural MSRs". */
#define MSR_TSX_FORCE_ABORT 0x10f
#define MSR_TSX_CTRL        0x122
#define MSR_MCU_OPT_CTRL    0x123

struct batch {
    struct xenpf_resource_entry e[ENTRIES_MAX];
    unsigned int nr;
    unsigned int done; /* in order; the first that fails ends it */
};

static int check(const struct xenpf_resource_entry *e)
{
    if (e->rsvd) {
        return -EINVAL;
    }
    if (e->u.cmd != XEN_RESOURCE_OP_MSR_READ) {
        return e->u.cmd == XEN_RESOURCE_OP_MSR_WRITE ? -EACCES : -EOPNOTSUPP;
    }
    switch (e->idx) {
    case MSR_TSC:
    case MSR_TSX_FORCE_ABORT:
    case MSR_TSX_CTRL:
    case MSR_MCU_OPT_CTRL:
        return 0;
    default:
        return -EACCES;
    }
}

/* A register that CPUID does not announce may read as anything. */
static bool announced(uint64_t msr)
{
    uint32_t a, b, c, d;
    uint64_t caps = 0;

    cpuid(7, 0, &a, &b, &c, &d);
    if (d & BIT32(29) && rdmsr_safe(MSR_ARCH_CAPS, &caps)) {
        caps = 0;
    }
    switch (msr) {
    case MSR_TSX_FORCE_ABORT:
        return d & BIT32(13);
    case MSR_TSX_CTRL:
        return caps & BIT64(7);
    default: /* MSR_MCU_OPT_CTRL */
        return d & BIT32(9);
    }
}

static int read_one(struct xenpf_resource_entry *e)
{
    const int rc = check(e);

    if (rc) {
        return rc;
    }
    if (e->idx == MSR_TSC) {
        e->val = now_ns(); /* ABI: time, not the register */
        return 0;
    }
    return !announced(e->idx) || rdmsr_safe((uint32_t)e->idx, &e->val) ? -EPERM
                                                                       : 0;
}

static void run(void *arg)
{
    struct batch *const b = arg;
    /* ABI: a time read after a register belongs to it. */
    const unsigned long flags = local_irq_save();
    int rc = 0;

    for (b->done = 0; rc == 0 && b->done < b->nr; b->done += !rc) {
        rc = read_one(&b->e[b->done]);
        b->e[b->done].u.ret = rc;
    }
    local_irq_restore(flags);
}

int resource_op(const struct xenpf_resource_op *op)
{
    struct batch b = { .nr = op->nr_entries };
    cpumask_t mask;

    if (op->nr_entries > ENTRIES_MAX) {
        return -EINVAL;
    }
    if (op->cpu >= MAX_CPUS || !cpumask_test(&cpu_online, op->cpu)) {
        return -ENODEV;
    }
    for (unsigned int i = 0; i < b.nr; i++) {
        if (guest_read_handle(&b.e[i], op->entries, i)) {
            return -EFAULT;
        }
    }
    mask = CPUMASK_OF(op->cpu);
    smp_call(&mask, run, &b);
    for (unsigned int i = 0; i < b.nr && i <= b.done; i++) {
        if (guest_write_handle(op->entries, i, &b.e[i])) {
            return -EFAULT;
        }
    }
    return (int)b.done;
}
