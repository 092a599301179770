/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the guest kernel wants to be entered: trap table, callbacks, stack for
 * entries from user mode; and its virtual CR0.TS. State is the current vCPU's,
 * so there is no lock. Spec: <public/callback.h>, <public/nmi.h>.
 */
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/lib.h>

#include <asm/current.h>
#include <asm/pv.h>
#include <asm/system.h>

#include <public/callback.h>
#include <public/nmi.h>

uint16_t pv_fix_code_selector(uint16_t sel)
{
    if ((sel & ~3u) == 0) {
        return SEL_GUEST_CS64;
    }
    return sel | 3;
}

long do_set_trap_table(struct hypercall_args *args)
{
    struct pv_vcpu *pv = &current->pv;
    uint64_t gva = args->a[0];

    if (!gva) {
        memset(pv->trap, 0, sizeof(pv->trap));
        return 0;
    }
    /* The guest ends the list by a zero address; it may never do so. */
    for (;; gva += sizeof(struct trap_info)) {
        struct trap_info t;

        if (hypercall_preempt()) {
            args->a[0] = gva;
            return hypercall_continue(__HYPERVISOR_set_trap_table, args);
        }
        if (guest_read(&t, gva, sizeof(t))) {
            return -EFAULT;
        }
        if (!t.address) {
            return 0;
        }
        if (!is_canonical(t.address)) {
            return -EINVAL;
        }
        t.cs = pv_fix_code_selector(t.cs);
        pv->trap[t.vector] = t;
    }
}

static struct pv_callback *callback_slot(struct pv_vcpu *pv, unsigned int type)
{
    switch (type) {
    case CALLBACKTYPE_event:
        return &pv->event_cb;
    case CALLBACKTYPE_failsafe:
        return &pv->failsafe_cb;
    case CALLBACKTYPE_syscall:
        return &pv->syscall_cb;
    case CALLBACKTYPE_syscall32:
        return &pv->syscall32_cb;
    case CALLBACKTYPE_sysenter:
        return &pv->sysenter_cb;
    case CALLBACKTYPE_nmi:
        return &pv->nmi_cb;
    default:
        return NULL;
    }
}

static int nmi_register(struct vcpu *v, uint64_t address)
{
    if (!is_control_domain(v->domain) || v->id != 0) {
        return -EINVAL;
    }
    if (!is_canonical(address)) {
        return -EINVAL;
    }
    v->pv.nmi_cb =
        (struct pv_callback){ .entry = address, .mask_events = true };
    return 0;
}

static long callback_register(uint64_t arg)
{
    struct vcpu *v = current;
    struct callback_register reg;
    struct pv_callback *cb;

    if (guest_read(&reg, arg, sizeof(reg))) {
        return -EFAULT;
    }
    cb = callback_slot(&v->pv, reg.type);
    if (!cb) {
        return -ENOSYS;
    }
    if (reg.type == CALLBACKTYPE_nmi) {
        return nmi_register(v, reg.address);
    }
    if (!is_canonical(reg.address)) {
        return -EINVAL;
    }
    cb->entry = reg.address;
    /* The flag says nothing for events: those always mask. */
    cb->mask_events =
        reg.type == CALLBACKTYPE_event || reg.flags & CALLBACKF_mask_events;
    return 0;
}

static long callback_unregister(uint64_t arg)
{
    struct callback_unregister unreg;

    if (guest_read(&unreg, arg, sizeof(unreg))) {
        return -EFAULT;
    }
    if (!callback_slot(&current->pv, unreg.type)) {
        return -ENOSYS;
    }
    if (unreg.type != CALLBACKTYPE_nmi) {
        return -EINVAL; /* a guest without them could not be entered */
    }
    current->pv.nmi_cb = (struct pv_callback){ 0 };
    return 0;
}

long do_callback_op(struct hypercall_args *args)
{
    switch ((int)args->a[0]) {
    case CALLBACKOP_register:
        return callback_register(args->a[1]);
    case CALLBACKOP_unregister:
        return callback_unregister(args->a[1]);
    default:
        return -ENOSYS;
    }
}

long do_set_callbacks(struct hypercall_args *args)
{
    struct pv_vcpu *pv = &current->pv;

    for (unsigned int i = 0; i < 3; i++) {
        if (!is_canonical(args->a[i])) {
            return -EINVAL;
        }
    }
    pv->event_cb = (struct pv_callback){ args->a[0], true };
    pv->failsafe_cb = (struct pv_callback){ args->a[1], false };
    pv->syscall_cb = (struct pv_callback){ args->a[2], false };
    return 0;
}

long do_nmi_op(struct hypercall_args *args)
{
    struct vcpu *v = current;
    struct xennmi_callback cb;

    switch ((unsigned int)args->a[0]) {
    case XENNMI_register_callback:
        if (guest_read(&cb, args->a[1], sizeof(cb))) {
            return -EFAULT;
        }
        return nmi_register(v, cb.handler_address);
    case XENNMI_unregister_callback:
        v->pv.nmi_cb = (struct pv_callback){ 0 };
        return 0;
    default:
        return -ENOSYS;
    }
}

long do_stack_switch(struct hypercall_args *args)
{
    struct pv_vcpu *pv = &current->pv;

    /* Not checked: a bad stack is found out when a frame is pushed on it. */
    pv->kernel_ss = (uint16_t)args->a[0] | 3u;
    pv->kernel_sp = args->a[1];
    return 0;
}

void pv_set_ts(bool set)
{
    struct pv_vcpu *pv = &current->pv;

    if (set && !pv->cr0_ts) {
        pv->cr0_ts = CR0_TS;
        write_cr0(read_cr0() | CR0_TS);
    } else if (!set && pv->cr0_ts) {
        pv->cr0_ts = 0;
        __asm__ volatile("clts");
    }
}

long do_fpu_taskswitch(struct hypercall_args *args)
{
    pv_set_ts((int)args->a[0] != 0);
    return 0;
}
