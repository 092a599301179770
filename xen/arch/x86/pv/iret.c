/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The iret hypercall: the guest kernel leaves to user mode, or to itself with
 * the event mask changed in the same step. Spec: <public/arch-x86/xen.h>.
 */
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>

#include <asm/current.h>
#include <asm/pv.h>

/* What a guest may not choose. VIF and VIP could make user code fault. */
#define RFLAGS_OURS \
    (RFLAGS_IOPL | RFLAGS_VM | RFLAGS_VIF | RFLAGS_VIP | RFLAGS_IF)

long do_iret(struct hypercall_args *args)
{
    struct vcpu *v = current;
    struct cpu_user_regs *regs = guest_regs();
    struct iret_context f;

    (void)args; /* all of it is on the guest's stack */
    if (v->in_multicall) {
        return -EINVAL;
    }
    if (guest_read(&f, regs->rsp, sizeof(f))) {
        dom_crash(v->domain, "d%uv%u: iret frame at %#lx cannot be read\n",
                  v->domain->id, v->id, (unsigned long)regs->rsp);
        return -EFAULT;
    }
    if ((f.cs & 3) == 3) {
        if (!pv_toggle_mode()) {
            dom_crash(v->domain, "d%uv%u: iret to user mode without tables\n",
                      v->domain->id, v->id);
            return -EFAULT;
        }
    }
    if (v->domain->vm_assist >> VMASST_TYPE_architectural_iopl & 1) {
        v->pv.iopl = (f.rflags & RFLAGS_IOPL) >> 12;
    }
    v->pv.nmi_active = false;

    regs->rip = f.rip;
    regs->rsp = f.rsp;
    regs->rflags = (f.rflags & ~RFLAGS_OURS) | RFLAGS_IF | RFLAGS_MBS;
    if (f.flags & VGCF_in_syscall) {
        /* The ABI discards CS, SS, RCX and R11: SYSRET sets all four. */
        regs->cs = SEL_GUEST_CS64;
        regs->ss = SEL_GUEST_DS;
        regs->rcx = f.rip;
        regs->r11 = regs->rflags;
        regs->entry_vector = ENTRY_SYSCALL;
    } else {
        regs->cs = (uint16_t)f.cs | 3;
        regs->ss = (uint16_t)f.ss | 3;
        regs->rcx = f.rcx;
        regs->r11 = f.r11;
        regs->entry_vector = 0; /* RCX and R11 matter: leave by IRET */
    }
    /* Last: from here on an event may be due, seen on the way out. */
    write_once(v->info->evtchn_upcall_mask, !(f.rflags & RFLAGS_IF));
    return (long)f.rax;
}
