/* SPDX-License-Identifier: GPL-2.0 */
/* Dispatch, continuation, and the list of handlers. */
#ifndef XEN_HYPERCALL_H
#define XEN_HYPERCALL_H

#include <xen/types.h>

#include <public/xen.h>

/* Arguments as the guest passed them: rdi rsi rdx r10 r8 r9. */
struct hypercall_args {
    uint64_t a[6];
};

/* A handler returns what the guest gets in RAX: >= 0, or a negative errno. */
typedef long (*hypercall_fn_t)(struct hypercall_args *args);

/**
 * pv_hypercall() - Run the hypercall a guest kernel's SYSCALL asked for.
 * @regs: the guest's frame: RAX number, result goes there.
 * Locks: none. Context: from entry code, interrupts on.
 */
void pv_hypercall(struct cpu_user_regs *regs);

/**
 * hypercall_continue() - Ask for the current hypercall to be issued again with
 * other arguments, so that softirqs and events get their turn in between.
 * @nr:   hypercall number. @args: arguments of the next try.
 *
 * RIP is moved back over the SYSCALL instruction, or, inside a multicall, the
 * entry is rewritten. The handler must return what this returns, at once.
 * Locks: none. Context: hypercall. Return: value to return from the handler.
 */
long hypercall_continue(unsigned int nr, const struct hypercall_args *args);

/* True when a long hypercall should stop and call hypercall_continue(). */
bool hypercall_preempt(void);

/* PV MMU: xen/arch/x86/pv/mm-*.c */
long do_mmu_update(struct hypercall_args *args);
long do_mmuext_op(struct hypercall_args *args);
long do_update_va_mapping(struct hypercall_args *args);
long do_update_va_mapping_otherdomain(struct hypercall_args *args);
/* PV CPU: xen/arch/x86/pv */
long do_set_trap_table(struct hypercall_args *args);
long do_set_gdt(struct hypercall_args *args);
long do_stack_switch(struct hypercall_args *args);
long do_set_callbacks(struct hypercall_args *args);
long do_fpu_taskswitch(struct hypercall_args *args);
long do_set_debugreg(struct hypercall_args *args);
long do_get_debugreg(struct hypercall_args *args);
long do_update_descriptor(struct hypercall_args *args);
long do_iret(struct hypercall_args *args);
long do_set_segment_base(struct hypercall_args *args);
long do_callback_op(struct hypercall_args *args);
long do_nmi_op(struct hypercall_args *args);
/* Interrupts: xen/arch/x86 */
long do_physdev_op(struct hypercall_args *args);
long do_platform_op(struct hypercall_args *args);
long do_mca(struct hypercall_args *args);
/* Common: xen/common */
long do_memory_op(struct hypercall_args *args);
long do_multicall(struct hypercall_args *args);
long do_set_timer_op(struct hypercall_args *args);
long do_xen_version(struct hypercall_args *args);
long do_console_io(struct hypercall_args *args);
long do_grant_table_op(struct hypercall_args *args);
long do_vm_assist(struct hypercall_args *args);
long do_vcpu_op(struct hypercall_args *args);
long do_sched_op(struct hypercall_args *args);
long do_event_channel_op(struct hypercall_args *args);
long do_xsm_op(struct hypercall_args *args);
long do_sysctl(struct hypercall_args *args);
long do_domctl(struct hypercall_args *args);

#endif
