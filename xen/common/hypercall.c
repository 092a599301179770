/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a hypercall number to its handler, multicalls, and continuations. Owns
 * no lock: everything here belongs to the current vCPU.
 */
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/perf-counter.h>
#include <xen/softirq.h>

#include <asm/current.h>
#include <asm/mm-types.h>

#define NR_HYPERCALLS 64 /* ABI: numbers a call page had room for */
#define SYSCALL_BYTES 2  /* 0f 05 */

static const hypercall_fn_t table[NR_HYPERCALLS] = {
    [__HYPERVISOR_set_trap_table] = do_set_trap_table,
    [__HYPERVISOR_mmu_update] = do_mmu_update,
    [__HYPERVISOR_set_gdt] = do_set_gdt,
    [__HYPERVISOR_stack_switch] = do_stack_switch,
    [__HYPERVISOR_set_callbacks] = do_set_callbacks,
    [__HYPERVISOR_fpu_taskswitch] = do_fpu_taskswitch,
    [__HYPERVISOR_platform_op] = do_platform_op,
    [__HYPERVISOR_set_debugreg] = do_set_debugreg,
    [__HYPERVISOR_get_debugreg] = do_get_debugreg,
    [__HYPERVISOR_update_descriptor] = do_update_descriptor,
    [__HYPERVISOR_memory_op] = do_memory_op,
    [__HYPERVISOR_multicall] = do_multicall,
    [__HYPERVISOR_update_va_mapping] = do_update_va_mapping,
    [__HYPERVISOR_set_timer_op] = do_set_timer_op,
    [__HYPERVISOR_xen_version] = do_xen_version,
    [__HYPERVISOR_console_io] = do_console_io,
    [__HYPERVISOR_grant_table_op] = do_grant_table_op,
    [__HYPERVISOR_vm_assist] = do_vm_assist,
    [__HYPERVISOR_update_va_mapping_otherdomain] =
        do_update_va_mapping_otherdomain,
    [__HYPERVISOR_iret] = do_iret,
    [__HYPERVISOR_vcpu_op] = do_vcpu_op,
    [__HYPERVISOR_set_segment_base] = do_set_segment_base,
    [__HYPERVISOR_mmuext_op] = do_mmuext_op,
    [__HYPERVISOR_xsm_op] = do_xsm_op,
    [__HYPERVISOR_nmi_op] = do_nmi_op,
    [__HYPERVISOR_sched_op] = do_sched_op,
    [__HYPERVISOR_callback_op] = do_callback_op,
    [__HYPERVISOR_event_channel_op] = do_event_channel_op,
    [__HYPERVISOR_physdev_op] = do_physdev_op,
    [__HYPERVISOR_sysctl] = do_sysctl,
    [__HYPERVISOR_domctl] = do_domctl,
    [__HYPERVISOR_hypfs_op] = do_hypfs_op,
    [__HYPERVISOR_arch_0] = do_mca,
};

void pv_hypercall(struct cpu_user_regs *regs)
{
    const uint64_t nr = regs->rax;
    struct hypercall_args args;

    if (unlikely(nr >= NR_HYPERCALLS)) {
        regs->rax = (uint64_t)-ENOSYS;
        return;
    }
    perf_inc_array(hypercalls, nr);
    if (unlikely(!table[nr])) {
        regs->rax = (uint64_t)-ENOSYS;
        return;
    }
    args.a[0] = regs->rdi;
    args.a[1] = regs->rsi;
    args.a[2] = regs->rdx;
    args.a[3] = regs->r10;
    args.a[4] = regs->r8;
    args.a[5] = regs->r9;
    /* A continuation's result is the number: RAX for the next try. */
    regs->rax = (uint64_t)table[nr](&args);
}

long hypercall_continue(unsigned int nr, const struct hypercall_args *args)
{
    struct vcpu *v = current;
    struct cpu_user_regs *regs;

    if (v->in_multicall) {
        v->multicall.op = nr;
        for (unsigned int i = 0; i < array_size(v->multicall.args); i++) {
            v->multicall.args[i] = args->a[i];
        }
        v->multicall_restart = true;
        return 0;
    }

    regs = guest_regs();
    regs->rip -= SYSCALL_BYTES;
    regs->rdi = args->a[0];
    regs->rsi = args->a[1];
    regs->rdx = args->a[2];
    regs->r10 = args->a[3];
    regs->r8 = args->a[4];
    regs->r9 = args->a[5];
    return nr;
}

bool hypercall_preempt(void)
{
    return softirq_pending() || vcpu_upcall_due(current);
}

/* One entry, already copied to v->multicall. */
static void multicall_run(struct vcpu *v)
{
    struct multicall_entry *e = &v->multicall;
    struct hypercall_args args;
    long rc;

    /* IRET replaces the frame the other entries and the result belong to. */
    if (e->op < NR_HYPERCALLS) {
        perf_inc_array(hypercalls, e->op);
    }
    if (unlikely(e->op >= NR_HYPERCALLS || !table[e->op] ||
                 e->op == __HYPERVISOR_iret)) {
        e->result = (xen_ulong_t)-ENOSYS;
        return;
    }
    for (unsigned int i = 0; i < array_size(e->args); i++) {
        args.a[i] = e->args[i];
    }
    v->multicall_restart = false;
    v->in_multicall = true;
    rc = table[e->op](&args);
    v->in_multicall = false;
    e->result = (xen_ulong_t)rc;
}

/* Return: 0; -EFAULT; -ERESTART, entry *done is the next. */
static int multicall_list(struct vcpu *v, uint64_t list, uint32_t nr,
                          uint32_t *done)
{
    v->multicall_list = list;
    v->multicall_nr = nr;
    for (*done = 0; *done < nr; ++*done) {
        const uint64_t gva = list + *done * sizeof(struct multicall_entry);

        if (*done && hypercall_preempt()) {
            return -ERESTART;
        }
        if (guest_read(&v->multicall, gva, sizeof(v->multicall))) {
            return -EFAULT;
        }
        v->multicall_at = *done;
        v->multicall_restart = false;
        multicall_run(v);
        if (v->multicall_restart) {
            /* The entry itself carries the state of its next try. */
            v->multicall_restart = false;
            if (guest_write(gva, &v->multicall, sizeof(v->multicall))) {
                return -EFAULT;
            }
            return -ERESTART;
        }
        if (guest_write(gva + offsetof(struct multicall_entry, result),
                        &v->multicall.result, sizeof(v->multicall.result))) {
            return -EFAULT;
        }
    }
    return 0;
}

long do_multicall(struct hypercall_args *args)
{
    struct vcpu *v = current;
    const uint64_t list = args->a[0];
    /* The ABI's count is 32 bits wide. */
    const uint32_t nr = (uint32_t)args->a[1];
    uint32_t done;
    int rc;

    if (v->in_multicall) {
        return -EINVAL;
    }
    perf_add(calls_from_multicall, nr);
    rc = multicall_list(v, list, nr, &done);
    pv_batch_end();
    if (rc != -ERESTART) {
        return rc;
    }
    args->a[0] = list + done * sizeof(struct multicall_entry);
    args->a[1] = nr - done;
    return hypercall_continue(__HYPERVISOR_multicall, args);
}
static_assert(sizeof(struct multicall_entry) == 64, "guest ABI");
