/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vCPU's state and a page's type, as debuggers and core dumps want them: the
 * reverse of pv_set_context(). Nothing here changes anything.
 * Spec: <public/arch-x86/xen.h>, vcpu_guest_context; <public/domctl.h>.
 */
#include <xen/bits.h>
#include <xen/domain.h>
#include <xen/lib.h>

#include <asm/mm-types.h>
#include <asm/pagetable.h>
#include <asm/pv.h>
#include <asm/system.h>

#include <public/domctl.h>

static void read_regs(const struct pv_vcpu *pv, struct vcpu_guest_context *c)
{
    c->user_regs = pv->regs;
    c->user_regs.rflags |= (uint64_t)pv->iopl << 12;
    c->user_regs.ds = pv->ds;
    c->user_regs.es = pv->es;
    c->user_regs.fs = pv->fs;
    c->user_regs.gs = pv->gs;
    c->fs_base = pv->fs_base;
    c->gs_base_kernel = pv->kernel_mode ? pv->gs_base : pv->gs_inactive;
    c->gs_base_user = pv->kernel_mode ? pv->gs_inactive : pv->gs_base;
    for (unsigned int i = 0; i < array_size(pv->dr); i++) {
        c->debugreg[i] = pv->dr[i];
    }
}

static void read_entries(const struct pv_vcpu *pv, struct vcpu_guest_context *c)
{
    for (unsigned int i = 0; i < array_size(pv->trap); i++) {
        c->trap_ctxt[i] = pv->trap[i];
    }
    c->kernel_ss = pv->kernel_ss;
    c->kernel_sp = pv->kernel_sp;
    c->event_callback_eip = pv->event_cb.entry;
    c->failsafe_callback_eip = pv->failsafe_cb.entry;
    c->syscall_callback_eip = pv->syscall_cb.entry;
    c->flags |= pv->failsafe_cb.mask_events ? VGCF_failsafe_disables_events : 0;
    c->flags |= pv->syscall_cb.mask_events ? VGCF_syscall_disables_events : 0;
}

static void read_tables(const struct pv_vcpu *pv, struct vcpu_guest_context *c)
{
    c->ldt_base = pv->ldt_base;
    c->ldt_ents = pv->ldt_entries;
    c->gdt_ents = pv->gdt_entries;
    for (unsigned int i = 0; i * 512 < pv->gdt_entries; i++) {
        c->gdt_frames[i] = pv->gdt_frame[i].n;
    }
    c->ctrlreg[0] = CR0_PE | CR0_PG | CR0_WP | pv->cr0_ts;
    c->ctrlreg[1] = pv->user_l4_set ? xen_pfn_to_cr3(pv->user_l4.n) : 0;
    c->ctrlreg[2] = pv->cr2;
    c->ctrlreg[3] = pv->kernel_l4_set ? xen_pfn_to_cr3(pv->kernel_l4.n) : 0;
    c->ctrlreg[4] = pv->guest_cr4;
}

void pv_get_context(const struct vcpu *v, struct vcpu_guest_context *c)
{
    memset(c, 0, sizeof(*c));
    c->flags =
        (v->pv.kernel_mode ? VGCF_in_kernel : 0) | (v->down ? 0 : VGCF_online);
    c->vm_assist = v->domain->vm_assist;
    read_regs(&v->pv, c);
    read_entries(&v->pv, c);
    read_tables(&v->pv, c);
}

xen_pfn_t pv_page_kind(struct domain *d, mfn_t mfn)
{
    struct page_info *pg;
    xen_pfn_t kind = XEN_DOMCTL_PFINFO_NOTAB;
    uint64_t type;

    if (!mfn_valid(mfn) || !page_get(mfn_to_page(mfn), d)) {
        return XEN_DOMCTL_PFINFO_XTAB;
    }
    pg = mfn_to_page(mfn);
    type = read_once(pg->type);
    if ((type & PGT_TYPE) >= PGT_L1 && (type & PGT_TYPE) <= PGT_L4) {
        kind = FIELD_GET(PGT_TYPE, type) << XEN_DOMCTL_PFINFO_LTAB_SHIFT;
    }
    if (type & PGT_PINNED) {
        kind |= XEN_DOMCTL_PFINFO_LPINTAB;
    }
    page_put(pg);
    return kind;
}
