/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Delivering exceptions, system calls and events to the guest kernel: a frame
 * is pushed on its stack as the CPU would do, with what the ABI adds; and the
 * last look before guest code runs. All of it
 * concerns the current vCPU only, so there is no lock.
 * Spec: <public/arch-x86/xen.h>, <public/callback.h>.
 */
#include <xen/atomic.h>
#include <xen/bug.h>
#include <xen/domain.h>
#include <xen/event.h>
#include <xen/guest-access.h>
#include <xen/printk.h>
#include <xen/softirq.h>

#include <asm/current.h>
#include <asm/pv.h>
#include <asm/segment.h>
#include <asm/spec-ctrl.h>
#include <asm/system.h>
#include <asm/traps.h>

#include "bounce.h"

/* CPU exceptions that push an error code. Spec: SDM vol 3A, table 6-1. */
#define ERROR_CODE_VECTORS                                           \
    (BIT32(EXC_DF) | BIT32(EXC_TS) | BIT32(EXC_NP) | BIT32(EXC_SS) | \
     BIT32(EXC_GP) | BIT32(EXC_PF) | BIT32(EXC_AC))

#define GP_ERROR_IDT 2u /* error code refers to an IDT entry */

static const struct trap_info *trap_slot(unsigned int vector)
{
    return &current->pv.trap[vector];
}

/*
 * Inlined where nearly all entries come from: what is pushed is known there, and
 * each system call passes here.
 */
static always_inline void bounce(const struct pv_bounce *b)
{
    struct vcpu *const v = current;
    struct cpu_user_regs *const regs = guest_regs();
    const bool from_kernel = v->pv.kernel_mode;
    const uint8_t mask = read_once(v->info->evtchn_upcall_mask);
    uint64_t frame[12];
    uint64_t *const cpu = &frame[array_size(frame) - 5]; /* as a CPU pushes */
    uint64_t *low = cpu;
    uint64_t bytes;
    uint64_t sp;

    if (!from_kernel && !pv_toggle_mode()) {
        BUG(); /* toggling to kernel mode cannot fail */
    }
    cpu[0] = regs->rip;
    /* The guest tells kernel from user by the RPL, which is 3 in hardware. */
    cpu[1] = (from_kernel ? regs->cs & ~3u : regs->cs | 3u) | (uint64_t)mask
                                                                  << 32;
    cpu[2] =
        (regs->rflags & ~(RFLAGS_IF | RFLAGS_IOPL)) | (mask ? 0 : RFLAGS_IF);
    if (v->domain->vm_assist >> VMASST_TYPE_architectural_iopl & 1) {
        cpu[2] |= (uint64_t)v->pv.iopl << 12;
    }
    cpu[3] = regs->rsp;
    cpu[4] = regs->ss;
    if (b->has_error) {
        *--low = b->error_code;
    }
    if (b->has_selectors) {
        for (unsigned int i = 4; i > 0; i--) {
            *--low = b->sel[i - 1];
        }
    }
    *--low = regs->r11;
    *--low = regs->rcx;

    bytes = (uint64_t)(&frame[array_size(frame)] - low) * sizeof(frame[0]);
    sp = ((from_kernel ? regs->rsp : v->pv.kernel_sp) & ~UINT64_C(15)) - bytes;
    if (guest_write(sp, low, bytes)) {
        dom_crash(v->domain,
                  "d%uv%u: kernel stack %#lx cannot take a frame for %#lx "
                  "(rip %#lx, %s mode)\n",
                  v->domain->id, v->id, (unsigned long)sp,
                  (unsigned long)b->entry, (unsigned long)regs->rip,
                  from_kernel ? "kernel" : "user");
        return;
    }
    if (b->mask_events) {
        write_once(v->info->evtchn_upcall_mask, 1);
    }

    regs->rip = b->entry;
    regs->cs = SEL_GUEST_CS64;
    regs->ss = SEL_GUEST_DS;
    regs->rsp = sp;
    regs->rflags &=
        ~(RFLAGS_TF | RFLAGS_AC | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM);
    /* A handler takes RCX and R11 from its frame, so SYSRET may spoil them. */
    regs->entry_vector = ENTRY_SYSCALL;
}

void pv_bounce(const struct pv_bounce *b)
{
    bounce(b);
}

static void inject_trap(unsigned int vector, bool has_error,
                        uint32_t error_code)
{
    const struct trap_info *t = trap_slot(vector);
    const struct cpu_user_regs *regs = guest_regs();
    const struct vcpu *v = current;
    const struct pv_bounce b = {
        .entry = t->address,
        .mask_events = TI_GET_IF(t),
        .has_error = has_error,
        .error_code = error_code,
    };

    if (!t->address) {
        dom_crash(v->domain,
                  "d%uv%u: exception %u (error %#x) without a handler, rip "
                  "%#lx, rsp %#lx, cr2 %#lx, %s mode\n",
                  v->domain->id, v->id, vector, error_code,
                  (unsigned long)regs->rip, (unsigned long)regs->rsp,
                  (unsigned long)v->pv.cr2,
                  v->pv.kernel_mode ? "kernel" : "user");
        return;
    }
    pv_bounce(&b);
}

void pv_inject_exception(unsigned int vector, uint32_t error_code)
{
    ASSERT(vector < 32);
    inject_trap(vector, ERROR_CODE_VECTORS >> vector & 1, error_code);
}

void pv_inject_page_fault(uint64_t addr, uint32_t error_code)
{
    struct vcpu *v = current;

    v->pv.cr2 = addr;
    v->info->arch.cr2 = addr;
    /* To the guest its kernel is supervisor code, whatever the CPU thinks. */
    error_code &= ~(uint32_t)PF_USER;
    if (!v->pv.kernel_mode) {
        error_code |= PF_USER;
    }
    inject_trap(EXC_PF, true, error_code);
}

void pv_inject_soft_int(unsigned int vector)
{
    const struct trap_info *t = trap_slot(vector & 0xff);

    /* Guest kernels count as ring 1 here. Spec: <public/arch-x86/xen.h>. */
    if (!t->address || TI_GET_DPL(t) < (current->pv.kernel_mode ? 1 : 3)) {
        guest_regs()->rip -= 2; /* a fault points at the INT n itself */
        pv_inject_exception(EXC_GP, (vector & 0xff) << 3 | GP_ERROR_IDT);
        return;
    }
    inject_trap(vector & 0xff, false, 0);
}

static void bounce_callback(const struct pv_callback *cb)
{
    const struct pv_bounce b = {
        .entry = cb->entry,
        .mask_events = cb->mask_events,
    };

    bounce(&b);
}

void pv_inject_syscall(bool compat)
{
    const struct pv_vcpu *pv = &current->pv;
    const struct pv_callback *cb = compat ? &pv->syscall32_cb : &pv->syscall_cb;

    if (!cb->entry) {
        guest_regs()->rip -= 2;
        guest_regs()->entry_vector = 0;
        pv_inject_exception(EXC_UD, 0);
        return;
    }
    bounce_callback(cb);
}

void pv_inject_sysenter(void)
{
    const struct pv_callback *cb = &current->pv.sysenter_cb;

    if (!cb->entry) {
        pv_inject_exception(EXC_GP, 0);
        return;
    }
    bounce_callback(cb);
}

void pv_inject_failsafe(void)
{
    struct vcpu *v = current;
    struct pv_vcpu *pv = &v->pv;
    struct pv_bounce b = {
        .entry = pv->failsafe_cb.entry,
        .mask_events = pv->failsafe_cb.mask_events,
        .has_selectors = true,
    };

    if (!b.entry) {
        dom_crash(v->domain, "d%uv%u: bad selector and no failsafe callback\n",
                  v->domain->id, v->id);
        return;
    }
    if (pv->failsafe_pending) {
        /* What could not be loaded; the registers hold NUL instead. */
        b.sel[0] = pv->ds;
        b.sel[1] = pv->es;
        b.sel[2] = pv->fs;
        b.sel[3] = pv->gs;
        pv->failsafe_pending = false;
    } else {
        b.sel[0] = seg_read_ds();
        b.sel[1] = seg_read_es();
        b.sel[2] = seg_read_fs();
        b.sel[3] = seg_read_gs();
    }
    pv_bounce(&b);
}

/* Handler for NMIs: the callback, or else the entry in the trap table. */
static uint64_t nmi_entry(const struct pv_vcpu *pv)
{
    return pv->nmi_cb.entry ? pv->nmi_cb.entry : pv->trap[EXC_NMI].address;
}

static inline bool nmi_due(const struct vcpu *v)
{
    return unlikely(v->nmi_pending) && !v->pv.nmi_active && nmi_entry(&v->pv);
}

/* As vcpu_upcall_due(), for a vCPU that runs: it has an info page. */
static inline bool event_due(const struct vcpu *v)
{
    return unlikely(read_once(v->info->evtchn_upcall_pending)) &&
           !read_once(v->info->evtchn_upcall_mask) && v->pv.event_cb.entry;
}

static inline bool delivery_due(const struct vcpu *v)
{
    return unlikely(v->pv.failsafe_pending) || nmi_due(v) || event_due(v);
}

/* Another vCPU may have taken the reason away meanwhile. */
static void deliver_one(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->pv;
    struct pv_bounce b = { .mask_events = true };

    if (pv->failsafe_pending) {
        pv_inject_failsafe();
    } else if (nmi_due(v)) {
        /* Blocked until its IRET, as the hardware does. */
        atomic_store(&v->nmi_pending, 0);
        pv->nmi_active = true;
        b.entry = nmi_entry(pv);
        pv_bounce(&b);
    } else if (event_due(v)) {
        b.entry = pv->event_cb.entry;
        pv_bounce(&b);
    }
}

int exit_to_guest(void)
{
    const struct cpu_info *const info = cpu_info();
    struct cpu_user_regs *const r = guest_regs();

    /* What comes in while interrupts are on is seen by the next look. */
    for (;;) {
        local_irq_disable();
        if (unlikely(read_once(softirq_raised[info->processor_id]))) {
            local_irq_enable();
            softirq_run(true);
        } else if (delivery_due(info->vcpu)) {
            local_irq_enable();
            deliver_one(info->vcpu);
        } else {
            break;
        }
    }
    r->rflags =
        (r->rflags & ~(RFLAGS_VM | RFLAGS_IOPL)) | RFLAGS_IF | RFLAGS_MBS;
    r->cs |= 3;
    r->ss |= 3;
    spec_ctrl_exit();
    return r->entry_vector == ENTRY_SYSCALL && r->cs == SEL_GUEST_CS64 &&
           r->ss == SEL_GUEST_DS && is_canonical(r->rip) &&
           !(r->rflags & (RFLAGS_RF | RFLAGS_TF));
}

void pv_handle_nm(void)
{
    struct pv_vcpu *pv = &current->pv;

    __asm__ volatile("clts");
    if (pv->cr0_ts) {
        /* The ABI has the guest find TS clear already. */
        pv->cr0_ts = 0;
        pv_inject_exception(EXC_NM, 0);
    }
}
