/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPU state of PV vCPUs: creation, the switch between guest kernel and user
 * mode, and moving state to and from a CPU. A vCPU's state belongs to the CPU
 * that runs it, or to whoever keeps it from running; there is no lock.
 * Spec: <public/arch-x86/xen.h>; SDM vol 3A 2.5, 3.4, 18.2.
 */
#include <xen/atomic.h>
#include <xen/bug.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/hypercall.h>
#include <xen/lib.h>
#include <xen/printk.h>
#include <xen/vcpu-op.h>

#include <asm/cpu-policy.h>
#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/mm-types.h>
#include <asm/pagetable.h>
#include <asm/pv.h>
#include <asm/segment.h>
#include <asm/system.h>

#define DR6_INIT      UINT64_C(0xffff0ff0)
#define DR6_ZERO      UINT64_C(0x00001000) /* always reads as zero */
#define DR7_INIT      UINT64_C(0x00000400)
#define DR7_ZERO      UINT64_C(0x0000d800) /* RTM and reserved bits */
#define DR7_GD        UINT64_C(0x00002000) /* general detect: ours */
#define DR7_ENABLES   UINT64_C(0x000000ff)
#define DR7_RW(v, n)  ((v) >> (16 + 4 * (n)) & 3)
#define DR7_LEN(v, n) ((v) >> (18 + 4 * (n)) & 3)

/* CR4 bits that are in force as the guest chose them. */
#define CR4_GUEST_REAL (CR4_TSD | CR4_DE | CR4_FSGSBASE)
/* CR4 bits the guest may choose; OSXSAVE is always on in hardware. */
#define CR4_GUEST_MAY  (CR4_GUEST_REAL | CR4_OSXSAVE)
/* CR4 bits of ours that it sees. */
#define CR4_GUEST_SEES (CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT)

#define VM_ASSIST_KNOWN                       \
    (BIT64(VMASST_TYPE_4gb_segments) |        \
     BIT64(VMASST_TYPE_writable_pagetables) | \
     BIT64(VMASST_TYPE_pae_extended_cr3) |    \
     BIT64(VMASST_TYPE_architectural_iopl) |  \
     BIT64(VMASST_TYPE_runstate_update_flag))

static uint32_t tsc_aux_loaded[MAX_CPUS];
static bool tsc_aux_known[MAX_CPUS];

void tsc_aux_load(const struct vcpu *v)
{
    const unsigned int cpu = smp_cpu_id();

    if (!boot_cpu.rdtscp ||
        (tsc_aux_known[cpu] && tsc_aux_loaded[cpu] == v->pv.tsc_aux)) {
        return;
    }
    wrmsr(MSR_TSC_AUX, v->pv.tsc_aux);
    tsc_aux_loaded[cpu] = v->pv.tsc_aux;
    tsc_aux_known[cpu] = true;
}

void pv_domain_init(struct domain *d)
{
    cpu_policy_default(d->privileged, d->pv.features);
}

int pv_vcpu_init(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->pv;

    pv->kernel_mode = true;
    pv->dr[6] = DR6_INIT;
    pv->dr[7] = DR7_INIT;
    pv->regs.rflags = RFLAGS_MBS | RFLAGS_IF;
    pv->regs.cs = SEL_GUEST_CS64;
    pv->regs.ss = SEL_GUEST_DS;
    return xstate_alloc(v);
}

void pv_vcpu_destroy(struct vcpu *v)
{
    pv_release_descriptors(v);
    xstate_free(v);
}

mfn_t pv_active_l4(const struct vcpu *v)
{
    return v->pv.kernel_mode ? v->pv.kernel_l4 : v->pv.user_l4;
}

bool pv_toggle_mode(void)
{
    struct vcpu *v = current;
    struct pv_vcpu *pv = &v->pv;
    uint64_t active;

    if (pv->kernel_mode && !pv->user_l4_set) {
        return false;
    }
    /* The pair changes places, as SWAPGS would have it. */
    active = gs_base_read(v);
    gs_base_write(v, pv->gs_inactive);
    pv->gs_inactive = active;

    pv->kernel_mode = !pv->kernel_mode;
    write_guest_cr3(mfn_to_pa(pv_active_l4(v)));
    if (pv->kernel_mode && v->runstate_update_pending) {
        vcpu_runstate_publish(v);
    }
    return true;
}

uint64_t pv_real_cr4(const struct vcpu *v)
{
    return (mmu_cr4 & ~CR4_GUEST_REAL) | (v->pv.guest_cr4 & CR4_GUEST_REAL);
}

uint64_t pv_guest_cr4(const struct vcpu *v)
{
    return (mmu_cr4 & CR4_GUEST_SEES) | v->pv.guest_cr4;
}

void pv_set_guest_cr4(struct vcpu *v, uint64_t val)
{
    uint64_t may = CR4_GUEST_MAY;

    may &= boot_cpu.fsgsbase ? may : ~CR4_FSGSBASE;
    may &= boot_cpu.xsave ? may : ~CR4_OSXSAVE;
    v->pv.guest_cr4 = val & may;
    if (v == current && read_cr4() != pv_real_cr4(v)) {
        write_cr4(pv_real_cr4(v));
    }
}

#define ASM_DR(n)                                                \
    static inline void write_dr##n(uint64_t v)                   \
    {                                                            \
        __asm__ volatile("mov %0, %%db" #n ::"r"(v) : "memory"); \
    }
ASM_DR(0)
ASM_DR(1)
ASM_DR(2)
ASM_DR(3)
ASM_DR(6)
ASM_DR(7)
#undef ASM_DR

static void debug_load(const struct pv_vcpu *pv)
{
    write_dr0(pv->dr[0]);
    write_dr1(pv->dr[1]);
    write_dr2(pv->dr[2]);
    write_dr3(pv->dr[3]);
    write_dr6(DR6_INIT);
    write_dr7(pv->dr[7]);
}

/*
 * Instruction breakpoints have length 0; I/O breakpoints are not offered, as
 * their meaning depends on CR4.DE.
 */
static bool dr7_ok(uint64_t v)
{
    if (v >> 32 || v & DR7_GD) {
        return false;
    }
    for (unsigned int i = 0; i < 4; i++) {
        if (!(v >> (2 * i) & 3)) {
            continue;
        }
        if (DR7_RW(v, i) == 2 || (DR7_RW(v, i) == 0 && DR7_LEN(v, i) != 0)) {
            return false;
        }
    }
    return true;
}

int pv_set_debugreg(struct vcpu *v, unsigned int reg, uint64_t val)
{
    struct pv_vcpu *pv = &v->pv;
    const bool was_active = pv->dr[7] & DR7_ENABLES;

    switch (reg) {
    case 0 ... 3:
        /* Our own accesses must not trap. */
        if (!is_canonical(val) ||
            (val >= HYP_VIRT_START && val < HYP_VIRT_END)) {
            return -EPERM;
        }
        pv->dr[reg] = val;
        break;
    case 4:
    case 6:
        pv->dr[6] = ((uint32_t)val | DR6_INIT) & ~DR6_ZERO;
        break;
    case 5:
    case 7:
        if (!dr7_ok(val)) {
            return -EPERM;
        }
        pv->dr[7] = (val & ~DR7_ZERO) | DR7_INIT;
        break;
    default:
        return -EINVAL;
    }
    if (v == current && (was_active || pv->dr[7] & DR7_ENABLES)) {
        debug_load(pv);
    }
    return 0;
}

int pv_get_debugreg(const struct vcpu *v, unsigned int reg, uint64_t *val)
{
    if (reg > 7) {
        return -EINVAL;
    }
    if (reg == 4 || reg == 5) {
        reg += 2;
    }
    *val = v->pv.dr[reg];
    return 0;
}

long do_set_debugreg(struct hypercall_args *args)
{
    return pv_set_debugreg(current, (unsigned int)args->a[0], args->a[1]);
}

long do_get_debugreg(struct hypercall_args *args)
{
    uint64_t val;
    const int rc = pv_get_debugreg(current, (unsigned int)args->a[0], &val);

    return rc ? rc : (long)val;
}

void pv_context_save(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->pv;

    if (v->domain->is_idle) {
        return;
    }
    /* What a pending failsafe still has to report is not in the registers. */
    if (!pv->failsafe_pending) {
        pv->ds = seg_read_ds();
        pv->es = seg_read_es();
        pv->fs = seg_read_fs();
        pv->gs = seg_read_gs();
    }
    pv->fs_base = fs_base_read(v);
    pv->gs_base = gs_base_read(v);
    if (pv->cr0_ts) {
        __asm__ volatile("clts");
    }
    xstate_save(v);
    if (pv->dr[7] & DR7_ENABLES) {
        write_dr7(DR7_INIT);
    }
}

static void selectors_load(struct pv_vcpu *pv)
{
    bool ok = true;

    ok &= seg_load_ds(pv->ds);
    ok &= seg_load_es(pv->es);
    ok &= seg_load_fs(pv->fs);
    ok &= seg_load_gs(pv->gs);
    /* What failed before may be in order by now. */
    pv->failsafe_pending = !ok;
    if (ok) {
        return;
    }
    /* NUL cannot fault. The guest is told when it next runs. */
    if (!seg_load_ds(0) || !seg_load_es(0) || !seg_load_fs(0) ||
        !seg_load_gs(0)) {
        BUG();
    }
}

void pv_context_load(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->pv;
    const uint64_t cr4 = pv_real_cr4(v);

    if (v->domain->is_idle) {
        return;
    }
    gdt_window_load(v);
    ldt_window_load(v);
    /* Before the bases: CR4.FSGSBASE says how they are accessed. */
    if (read_cr4() != cr4) {
        write_cr4(cr4);
    }
    selectors_load(pv);
    fs_base_write(v, pv->fs_base);
    gs_base_write(v, pv->gs_base);
    tsc_aux_load(v);
    xstate_restore(v);
    if (pv->cr0_ts) {
        write_cr0(read_cr0() | CR0_TS);
    }
    if (pv->dr[7] & DR7_ENABLES) {
        debug_load(pv);
    }
}

/* The user GS selector: load it for its base, which goes to the inactive GS. */
static void load_gs_user_sel(struct vcpu *v, uint16_t sel)
{
    const uint64_t active = gs_base_read(v);

    v->pv.gs_user_sel = sel;
    if ((sel & ~3u) == 0) {
        /* AMD CPUs keep the base on a NUL load, Intel's clear it. */
        v->pv.gs_inactive = 0;
        if (!seg_load_gs(sel)) {
            BUG();
        }
    } else if (seg_load_gs(sel)) {
        v->pv.gs_inactive = gs_base_read(v);
    } else {
        v->pv.gs_inactive = 0;
        if (!seg_load_gs(0)) {
            BUG();
        }
    }
    gs_base_write(v, active);
}

long do_set_segment_base(struct hypercall_args *args)
{
    struct vcpu *v = current;
    const uint64_t base = args->a[1];

    switch ((unsigned int)args->a[0]) {
    case SEGBASE_FS:
        if (!is_canonical(base)) {
            return -EINVAL;
        }
        fs_base_write(v, base);
        return 0;
    case SEGBASE_GS_USER:
        if (!is_canonical(base)) {
            return -EINVAL;
        }
        v->pv.gs_inactive = base;
        return 0;
    case SEGBASE_GS_KERNEL:
        if (!is_canonical(base)) {
            return -EINVAL;
        }
        gs_base_write(v, base);
        return 0;
    case SEGBASE_GS_USER_SEL:
        /* Never an error: the guest has no way to go on after one. */
        load_gs_user_sel(v, (uint16_t)base);
        return 0;
    default:
        return -EINVAL;
    }
}

static bool context_sane(const struct vcpu_guest_context *c)
{
    if (!is_canonical(c->user_regs.rip) || !is_canonical(c->fs_base) ||
        !is_canonical(c->gs_base_kernel) || !is_canonical(c->gs_base_user) ||
        !is_canonical(c->event_callback_eip) ||
        !is_canonical(c->failsafe_callback_eip) ||
        !is_canonical(c->syscall_callback_eip)) {
        return false;
    }
    if (c->gdt_ents > PV_GDT_MAX_ENTRIES) {
        return false;
    }
    if (c->ldt_ents) {
        /* Its pages are found through page tables that do not run yet. */
        log_guest(LOG_WARN, "initial LDT of %lu entries refused\n",
                  c->ldt_ents);
        return false;
    }
    for (unsigned int i = 0; i < array_size(c->trap_ctxt); i++) {
        if (!is_canonical(c->trap_ctxt[i].address)) {
            return false;
        }
    }
    return true;
}

/* References: everything that can fail, repeated as a whole after -ERESTART. */
static int context_take_pages(struct vcpu *v,
                              const struct vcpu_guest_context *c)
{
    const mfn_t kernel = MFN(xen_cr3_to_pfn(c->ctrlreg[3]));
    const mfn_t user = MFN(xen_cr3_to_pfn(c->ctrlreg[1]));
    int rc = pv_set_gdt(v, c->gdt_frames, (unsigned int)c->gdt_ents);

    if (rc) {
        return rc;
    }
    rc = pv_new_l4(v, kernel, false);
    if (rc) {
        return rc;
    }
    if (c->ctrlreg[1]) {
        return pv_new_l4(v, user, true);
    }
    return c->flags & VGCF_in_kernel ? 0 : -EINVAL;
}

static void context_set_regs(struct pv_vcpu *pv,
                             const struct vcpu_guest_context *c)
{
    struct cpu_user_regs *regs = &pv->regs;

    *regs = c->user_regs;
    regs->error_code = 0;
    regs->entry_vector = 0; /* first entry by IRET: RCX and R11 matter */
    regs->cs = pv_fix_code_selector(regs->cs);
    regs->ss |= 3;
    pv->iopl = (regs->rflags & RFLAGS_IOPL) >> 12;
    regs->rflags &=
        ~(RFLAGS_IOPL | RFLAGS_VM | RFLAGS_VIF | RFLAGS_VIP | RFLAGS_NT);
    regs->rflags |= RFLAGS_IF | RFLAGS_MBS;

    pv->ds = regs->ds;
    pv->es = regs->es;
    pv->fs = regs->fs;
    pv->gs = regs->gs;
    pv->fs_base = c->fs_base;
    pv->kernel_mode = c->flags & VGCF_in_kernel;
    pv->gs_base = pv->kernel_mode ? c->gs_base_kernel : c->gs_base_user;
    pv->gs_inactive = pv->kernel_mode ? c->gs_base_user : c->gs_base_kernel;
    pv->failsafe_pending = false;
}

static void context_set_entries(struct pv_vcpu *pv,
                                const struct vcpu_guest_context *c)
{
    for (unsigned int i = 0; i < array_size(pv->trap); i++) {
        pv->trap[i] = c->trap_ctxt[i];
        pv->trap[i].vector = (uint8_t)i;
        pv->trap[i].cs = pv_fix_code_selector(pv->trap[i].cs);
    }
    pv->kernel_ss = (uint16_t)c->kernel_ss | 3u;
    pv->kernel_sp = c->kernel_sp;
    pv->event_cb = (struct pv_callback){ c->event_callback_eip, true };
    pv->failsafe_cb =
        (struct pv_callback){ c->failsafe_callback_eip,
                              c->flags & VGCF_failsafe_disables_events };
    pv->syscall_cb =
        (struct pv_callback){ c->syscall_callback_eip,
                              c->flags & VGCF_syscall_disables_events };
}

int pv_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    struct pv_vcpu *pv = &v->pv;
    int rc;

    if (v->initialised) {
        return -EEXIST;
    }
    if (!context_sane(c)) {
        return -EINVAL;
    }
    rc = context_take_pages(v, c);
    if (rc) {
        return rc;
    }
    context_set_regs(pv, c);
    context_set_entries(pv, c);
    pv_set_guest_cr4(v, c->ctrlreg[4]);
    pv->cr0_ts = c->ctrlreg[0] & CR0_TS;
    if (c->flags & VGCF_i387_valid) {
        xstate_set_fx(v, &c->fpu_ctxt);
    }
    /* DR7 last: it switches on what the others say. */
    for (unsigned int i = 0; i < 8; i++) {
        if (i != 4 && i != 5 && c->debugreg[i] &&
            pv_set_debugreg(v, i, c->debugreg[i])) {
            return -EINVAL;
        }
    }
    if (v->id == 0 && c->vm_assist) {
        v->domain->vm_assist = c->vm_assist & VM_ASSIST_KNOWN;
    }
    v->initialised = true;
    if (c->flags & VGCF_online) {
        atomic_store(&v->down, 0);
        vcpu_wake(v);
    }
    return 0;
}
