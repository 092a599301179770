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

/**
 * hypercall_preempt() - Should a long hypercall stop and be continued?
 * Locks: none. Context: hypercall.
 * Return: true if softirqs or events wait; then call hypercall_continue().
 */
bool hypercall_preempt(void);

/*
 * The handlers. Each runs on the current vCPU, in its kernel's address space,
 * interrupts on, no lock held; arguments and all guest memory are untrusted.
 * gva is a guest virtual address. Where a line of Return: says "the result",
 * it is not negative. What an operation itself may refuse stands with the
 * operation in <public/...>.
 */

/* --- PV MMU: xen/arch/x86/pv/mm-*.c --- */

/**
 * do_mmu_update() - Write page-table entries or M2P entries.
 * @args: gva of mmu_update records, their number (32 bits), gva where the
 * number done goes (0: nowhere), table owner and page owner as two 16-bit ids,
 * the upper one plus one or 0.
 * Locks: takes PGT_BUSY of pages, the domain list lock.
 * Context: hypercall; continues by itself when preempted.
 * Return: 0; -EFAULT a record or the count cannot be accessed; -ESRCH, -EPERM
 * the domains; -EINVAL address, type or entry; -ENOMEM. The records before the
 * failing one have been done.
 */
long do_mmu_update(struct hypercall_args *args);

/**
 * do_mmuext_op() - Pin tables, load base pointers, flush TLBs and caches.
 * @args: gva of mmuext_op records, their number, gva where the number done goes
 * (0: nowhere), the domain whose frames they name.
 * Locks: takes PGT_BUSY of pages.
 * Context: hypercall; continues by itself when preempted.
 * Return: 0; -EFAULT, -ESRCH, -EPERM, -EINVAL, -ENOMEM; -EACCES, -EOPNOTSUPP,
 * -ENOSYS operation refused or unknown. The operations before the failing one
 * have been done.
 */
long do_mmuext_op(struct hypercall_args *args);

/**
 * do_update_va_mapping() - Replace the L1 entry of one address.
 * @args: virtual address, new entry, UVMF_* flush.
 * Locks: none held; see pv_write_l1(). Context: hypercall.
 * Return: 0; -EINVAL no L1 there, bad entry or flush; -EPERM, -ENOMEM as
 * pv_write_l1(); -EFAULT the mask of vCPUs (the entry has been written).
 */
long do_update_va_mapping(struct hypercall_args *args);

/**
 * do_update_va_mapping_otherdomain() - As do_update_va_mapping(), mapping a
 * frame of another domain.
 * @args: as do_update_va_mapping(), then the owner's id.
 * Locks: takes the domain list lock. Context: hypercall.
 * Return: as do_update_va_mapping(), or -ESRCH, -EPERM for the domain.
 */
long do_update_va_mapping_otherdomain(struct hypercall_args *args);

/* --- PV CPU: xen/arch/x86/pv --- */

/**
 * do_set_trap_table() - Set entries of the current vCPU's trap table.
 * @args: gva of trap_info records ended by one with address 0; 0 clears the
 * table.
 * Locks: none held. Context: hypercall; continues by itself when preempted.
 * Return: 0; -EFAULT; -EINVAL address not canonical. Entries before the failing
 * one are set.
 */
long do_set_trap_table(struct hypercall_args *args);

/**
 * do_set_gdt() - Replace the current vCPU's GDT.
 * @args: gva of frame numbers, number of descriptors, at most
 * PV_GDT_MAX_ENTRIES.
 * Locks: takes PGT_BUSY of pages. Context: hypercall; continues by itself when
 * preempted.
 * Return: 0; -EFAULT; -EINVAL, -ENOMEM as pv_set_gdt(). All or nothing.
 */
long do_set_gdt(struct hypercall_args *args);

/**
 * do_stack_switch() - Set the stack for entries from user mode.
 * @args: SS selector, RSP; any values.
 * Locks: none held. Context: hypercall.
 * Return: 0.
 */
long do_stack_switch(struct hypercall_args *args);

/**
 * do_set_callbacks() - Set the event, failsafe and SYSCALL entry points.
 * @args: the three addresses.
 * Locks: none held. Context: hypercall.
 * Return: 0; -EINVAL one is not canonical (none is set).
 */
long do_set_callbacks(struct hypercall_args *args);

/**
 * do_fpu_taskswitch() - Set or clear the virtual CR0.TS.
 * @args: not 0: set.
 * Locks: none held. Context: hypercall.
 * Return: 0.
 */
long do_fpu_taskswitch(struct hypercall_args *args);

/**
 * do_set_debugreg() - Set a virtual debug register.
 * @args: number, value.
 * Locks: none held. Context: hypercall.
 * Return: 0; -EINVAL, -EPERM as pv_set_debugreg().
 */
long do_set_debugreg(struct hypercall_args *args);

/**
 * do_get_debugreg() - Read a virtual debug register.
 * @args: number.
 * Locks: none held. Context: hypercall.
 * Return: the value, or -EINVAL.
 */
long do_get_debugreg(struct hypercall_args *args);

/**
 * do_update_descriptor() - Write one descriptor of a GDT or LDT page.
 * @args: machine address, descriptor.
 * Locks: takes PGT_BUSY of the page. Context: hypercall; continues by itself
 * when preempted.
 * Return: 0; -EINVAL address, owner or descriptor; -EPERM, -ENOMEM as
 * page_type_get().
 */
long do_update_descriptor(struct hypercall_args *args);

/**
 * do_iret() - Return from a guest handler by the frame on the guest's stack.
 * @args: unused.
 * Locks: none held. Context: hypercall.
 * Return: the guest's RAX; -EINVAL inside a multicall; -EFAULT: the frame could
 * not be read or there is no user table, and the guest has been crashed.
 */
long do_iret(struct hypercall_args *args);

/**
 * do_set_segment_base() - Set FS base, a GS base or the user GS selector.
 * @args: SEGBASE_*, value.
 * Locks: none held. Context: hypercall.
 * Return: 0; -EINVAL unknown, or base not canonical.
 */
long do_set_segment_base(struct hypercall_args *args);

/**
 * do_callback_op() - Register or unregister one entry point.
 * @args: CALLBACKOP_*, gva of its argument.
 * Locks: none held. Context: hypercall.
 * Return: 0; -EFAULT; -EINVAL address; -ENOSYS operation or type unknown.
 */
long do_callback_op(struct hypercall_args *args);

/**
 * do_nmi_op() - Register or unregister the NMI handler.
 * @args: XENNMI_*, gva of its argument.
 * Locks: none held. Context: hypercall.
 * Return: 0; -EFAULT; -EINVAL address, or not vCPU 0 of the control domain;
 * -ENOSYS operation unknown.
 */
long do_nmi_op(struct hypercall_args *args);

/* --- interrupts, platform: xen/arch/x86 --- */

/**
 * do_physdev_op() - Interrupt pins, messages, PCI devices, I/O privileges.
 * @args: PHYSDEVOP_*, gva of its argument.
 * Locks: takes the domain's pirq lock, the MSI lock, descriptor locks. Context:
 * hypercall.
 * Return: 0; -EPERM not the control domain's; -EFAULT; -EINVAL; -ENODEV, -ESRCH
 * no such device; -EBUSY, -EEXIST, -ENOSPC, -ENOMEM; -ENOSYS, -EOPNOTSUPP
 * operation unknown or not offered.
 */
long do_physdev_op(struct hypercall_args *args);

/**
 * do_platform_op() - What the control domain asks about the machine.
 * @args: gva of a xen_platform_op.
 * Locks: none held. Context: hypercall.
 * Return: 0; -EPERM not the control domain; -EFAULT; -EACCES interface version;
 * -EINVAL; -ESRCH no such CPU; -ENOSYS, -EOPNOTSUPP operation unknown or not
 * offered.
 */
long do_platform_op(struct hypercall_args *args);

/**
 * do_mca() - Machine-check interface: CPU data, and that there are no records.
 * @args: gva of a xen_mc.
 * Locks: none held. Context: hypercall.
 * Return: 0; -EPERM not the control domain; -EFAULT; -EACCES interface version;
 * -EINVAL; -ENOSYS operation unknown.
 */
long do_mca(struct hypercall_args *args);

/* --- xen/common --- */

/**
 * do_memory_op() - Memory reservation, memory maps, resources.
 * @args: XENMEM_* with a continuation's start in its upper bits, gva of the
 * argument.
 * Locks: takes page locks, the heap lock, PGT_BUSY of pages. Context:
 * hypercall; continues by itself when preempted.
 * Return: the result (for reservations: extents done); -EFAULT, -EPERM, -ESRCH,
 * -EINVAL, -ENOMEM, -ENOSPC, -ENOBUFS; -ENOSYS, -EOPNOTSUPP operation unknown
 * or not offered.
 */
long do_memory_op(struct hypercall_args *args);

/**
 * do_multicall() - Run a list of hypercalls.
 * @args: gva of multicall_entry records, their number (32 bits).
 * Locks: none held. Context: hypercall, not inside itself; continues by itself
 * when preempted.
 * Return: 0; -EINVAL nested; -EFAULT a record cannot be accessed. Each entry's
 * own result is in its record.
 */
long do_multicall(struct hypercall_args *args);

/**
 * do_set_timer_op() - Set the current vCPU's one-shot timer.
 * @args: deadline in ns of system time; 0 stops it.
 * Locks: the timer queue's. Context: hypercall.
 * Return: 0.
 */
long do_set_timer_op(struct hypercall_args *args);

/**
 * do_xen_version() - Version, features, build data.
 * @args: XENVER_*, gva of the result.
 * Locks: none held. Context: hypercall.
 * Return: the result; -EFAULT; -EPERM; -EINVAL; -ENODATA, -ENOBUFS no build id,
 * or no room for it; -ENOSYS unknown.
 */
long do_xen_version(struct hypercall_args *args);

/**
 * do_console_io() - Write to or read from the console.
 * @args: CONSOLEIO_*, number of bytes, gva of the buffer.
 * Locks: the console's. Context: hypercall; continues by itself when preempted.
 * Return: bytes read, or 0; -EPERM; -EFAULT; -ENOSYS unknown.
 */
long do_console_io(struct hypercall_args *args);

/**
 * do_grant_table_op() - Grant-table operations.
 * @args: GNTTABOP_*, gva of records, their number.
 * Locks: takes grant-table locks, PGT_BUSY of pages. Context: hypercall;
 * continues by itself when preempted.
 * Return: 0, each record holding its own status; -EFAULT, -EINVAL, -EPERM,
 * -ESRCH, -EBUSY, -ENOMEM, -ERANGE; -ENOSYS, -EOPNOTSUPP operation unknown or
 * not offered.
 */
long do_grant_table_op(struct hypercall_args *args);

/**
 * do_vm_assist() - Switch an assist of the domain on or off.
 * @args: VMASST_CMD_*, VMASST_TYPE_*.
 * Locks: none held. Context: hypercall.
 * Return: 0; -EINVAL type unknown; -ENOSYS command unknown.
 */
long do_vm_assist(struct hypercall_args *args);

/**
 * do_vcpu_op() - Start, stop, inspect a vCPU, and its timers.
 * @args: VCPUOP_*, vCPU number, gva of the argument.
 * Locks: takes run queue and timer locks, PGT_BUSY of pages. Context:
 * hypercall; continues by itself when preempted.
 * Return: 0 or the result; -ENOENT no such vCPU; -EFAULT, -EINVAL, -EEXIST,
 * -ENOMEM; -ETIME deadline has passed; -ENOSYS, -EOPNOTSUPP operation unknown
 * or not offered.
 */
long do_vcpu_op(struct hypercall_args *args);

/**
 * do_sched_op() - Block, yield, poll, shut down, watchdog.
 * @args: SCHEDOP_*, gva of the argument.
 * Locks: takes run queue and timer locks. Context: hypercall.
 * Return: 0 or the result; -EFAULT, -EINVAL, -EPERM, -ESRCH, -EBUSY, -ENOMEM,
 * -ENOSPC; -ENOSYS operation unknown.
 */
long do_sched_op(struct hypercall_args *args);

/**
 * do_event_channel_op() - Event-channel operations.
 * @args: EVTCHNOP_*, gva of the argument.
 * Locks: takes event-channel locks. Context: hypercall; continues by itself
 * when preempted.
 * Return: 0; -EFAULT, -EINVAL, -ENOENT, -EEXIST, -ENOSPC, -ENOMEM, -EPERM,
 * -ESRCH; -ENOSYS operation unknown.
 */
long do_event_channel_op(struct hypercall_args *args);

/**
 * do_xsm_op() - Security modules: there are none.
 * @args: unused.
 * Locks: none. Context: hypercall.
 * Return: -ENOSYS.
 */
long do_xsm_op(struct hypercall_args *args);

/**
 * do_sysctl() - What the toolstack asks about or sets in the hypervisor.
 * @args: gva of a xen_sysctl.
 * Locks: takes the sysctl lock. Context: hypercall.
 * Return: 0; -EPERM not the control domain; -EFAULT; -EACCES interface version;
 * -EINVAL; -ENOSYS operation unknown.
 */
long do_sysctl(struct hypercall_args *args);

/**
 * do_domctl() - What the toolstack does to a domain.
 * @args: gva of a xen_domctl.
 * Locks: takes the domain list lock, the operation's own. Context: hypercall; may
 * continue by itself.
 * Return: 0; -EPERM not the control domain; -EFAULT; -EACCES interface version;
 * -ESRCH no such domain; -EINVAL; -ENOSYS operation unknown; else the
 * operation's own.
 */
long do_domctl(struct hypercall_args *args);

/**
 * do_hypfs_op() - Texts about us, as a tree that tools can list and read.
 * @args: XEN_HYPFS_OP_*, gva and length of a path, gva and size of a buffer.
 * Locks: none. Context: hypercall.
 * Return: 0, interface version; -EPERM, -EFAULT, -EINVAL, -ENOENT; -ENOBUFS
 * content is larger; -EACCES nothing can be written; -EOPNOTSUPP.
 */
long do_hypfs_op(struct hypercall_args *args);

#endif
