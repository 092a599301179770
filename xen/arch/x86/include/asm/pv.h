/* SPDX-License-Identifier: GPL-2.0 */
/* State and operations of PV guests that only x86 has. */
#ifndef ASM_PV_H
#define ASM_PV_H

#include <xen/addr.h>

#include <asm/regs.h>

#include <public/xen.h>

struct domain;
struct page_info;
struct vcpu;

#define PV_GDT_FRAMES      14
#define PV_GDT_MAX_ENTRIES (PV_GDT_FRAMES * 512)

/* CPUID feature words. Spec: <public/arch-x86/cpufeatureset.h>, words 0..18. */
#define PV_FEATURE_WORDS 19

struct pv_callback {
    uint64_t entry;   /* guest virtual address; 0: not registered */
    bool mask_events; /* set the upcall mask on entry */
};

struct pv_vcpu {
    struct cpu_user_regs regs; /* while not on a CPU */
    struct trap_info trap[256];

    struct pv_callback event_cb;
    struct pv_callback failsafe_cb;
    struct pv_callback syscall_cb;
    struct pv_callback syscall32_cb;
    struct pv_callback sysenter_cb;
    struct pv_callback nmi_cb;

    uint64_t kernel_ss; /* stack for user -> kernel entries */
    uint64_t kernel_sp;

    bool kernel_mode;   /* guest kernel (true) or guest user address space */
    mfn_t kernel_l4;    /* holds a type reference when valid */
    mfn_t user_l4;      /* ditto */
    bool kernel_l4_set; /* mfn 0 is a frame like any other */
    bool user_l4_set;
    /* A table whose last references are being dropped, a bit at each try. */
    struct page_info *put_pending;
    /* For mm_leave_devices(): what follows the operation of mmuext_op's list. */
    uint64_t ops_gva;
    uint32_t ops_nr;
    bool ops_ahead; /* it may look ahead, once */

    uint64_t cr0_ts;    /* CR0_TS if the guest thinks it is set, else 0 */
    uint64_t cr2;       /* virtual CR2 */
    uint64_t guest_cr4; /* bits the guest chose: TSD, DE, FSGSBASE, OSXSAVE */
    uint64_t dr[8];     /* debug registers; 4, 5 unused */
    unsigned int iopl;  /* virtual I/O privilege level */
    uint64_t iobmp_gva; /* PHYSDEVOP_set_iobitmap */
    uint32_t iobmp_limit;

    mfn_t gdt_frame[PV_GDT_FRAMES]; /* each holds a seg-desc type reference */
    unsigned int gdt_entries;       /* 0: only the reserved ones */
    uint64_t ldt_base;              /* guest virtual address */
    unsigned int ldt_entries;       /* 0: no LDT */
    mfn_t ldt_frame[16];            /* frames of it, type references held */
    unsigned int nr_ldt_frames;

    /* Segment bases and selectors while not on a CPU; gs_inactive always. */
    uint64_t fs_base;
    uint64_t gs_base;     /* of the mode it is in */
    uint64_t gs_inactive; /* of the other one: the guest's "kernel GS base" */
    uint16_t ds, es, fs, gs;
    uint16_t gs_user_sel; /* SEGBASE_GS_USER_SEL */

    uint32_t tsc_aux;
    void *xsave_area; /* 64-byte aligned, size from CPUID 0xd */
    uint64_t xcr0;    /* the guest's XCR0 */
    bool fpu_loaded;  /* its FPU state is in this CPU's registers */

    bool failsafe_pending; /* ds, es, fs, gs hold what could not be loaded */
    bool nmi_active;       /* an NMI was delivered, no iret since */
};

struct pv_domain {
    /* CPUID feature words (asm/cpu-policy.h); changed only before it runs. */
    uint32_t features[PV_FEATURE_WORDS];
    uint64_t release_left; /* pages teardown has still to visit, plus one */
    uint32_t cmos_index;   /* port 0x70 shadow */
    uint32_t cf8;          /* port 0xcf8 shadow */
    mfn_t eoi_map_mfn;     /* pirq_eoi_gmfn page */
    bool eoi_map_set;
    uint64_t *eoi_map;
    struct xen_memory_map *e820; /* XENMEM_set_memory_map; NULL: none */
};

/* --- pv/traps.c, callback.c: delivering things to the guest kernel -------- */

/**
 * pv_inject_exception() - Enter the guest's handler for a CPU exception.
 * @vector: 0..31. @error_code: pushed for vectors that have one.
 *
 * Builds the bounce frame on the guest kernel stack of the current vCPU at once
 * and points guest_regs() at the handler; crashes the guest if it cannot.
 * Locks: none. Context: current vCPU, interrupts on.
 */
void pv_inject_exception(unsigned int vector, uint32_t error_code);

/**
 * pv_inject_page_fault() - As pv_inject_exception() for #PF; sets the virtual
 * CR2.
 * @addr: what was accessed. @error_code: the CPU's; the U bit is made to say
 * whether the guest's user mode did it.
 * Locks: none. Context: current vCPU, interrupts on.
 */
void pv_inject_page_fault(uint64_t addr, uint32_t error_code);

/**
 * pv_inject_soft_int() - INT n from a guest: its handler, or #GP if the gate is
 * not for this mode.
 * @vector: 0..255. RIP is past the instruction already.
 * Locks: none. Context: current vCPU, interrupts on.
 */
void pv_inject_soft_int(unsigned int vector);

/**
 * pv_inject_syscall() - SYSCALL from guest user mode: the callback, or #UD.
 * @compat: from 32-bit code (CSTAR).
 * Locks: none. Context: current vCPU, interrupts on.
 */
void pv_inject_syscall(bool compat);

/**
 * pv_inject_sysenter() - SYSENTER from guest user mode: the callback, or #GP.
 * Locks: none. Context: current vCPU, interrupts on.
 */
void pv_inject_sysenter(void);

/**
 * pv_inject_failsafe() - Failsafe upcall: a selector could not be loaded, on a
 * context switch or by the IRET that was to enter the guest.
 *
 * Pushes the selectors pv_context_load() could not load, or those now loaded.
 * Locks: none. Context: current vCPU, guest_regs() is what the guest should
 * have returned to; interrupts on.
 */
void pv_inject_failsafe(void);

/**
 * pv_handle_nm() - #NM from guest code: clear CR0.TS and, if the guest set it,
 * tell the guest. Locks: none. Context: current vCPU, interrupts on.
 */
void pv_handle_nm(void);

/**
 * pv_fix_code_selector() - The code selector a guest gets for one it asked for.
 * @sel: untrusted. Locks: none. Context: any.
 * Return: the selector with RPL 3, or the flat 64-bit one for NUL.
 */
uint16_t pv_fix_code_selector(uint16_t sel);

/**
 * pv_set_ts() - Set or clear the current vCPU's virtual CR0.TS, and the real one
 * with it.
 * @set: which. Locks: none. Context: current vCPU.
 */
void pv_set_ts(bool set);

/* --- pv/domain.c: vCPU state ---------------------------------------------- */

/**
 * pv_vcpu_init() - Default registers and an FPU area for a new vCPU.
 * @v: all zero but domain and id.
 * Locks: the heap's. Context: boot or hypercall. Return: 0, -ENOMEM.
 */
int must_check pv_vcpu_init(struct vcpu *v);

/**
 * pv_vcpu_destroy() - Undo pv_vcpu_init() and drop descriptor-table references.
 * @v: never runs again.
 * Locks: the heap's. Context: domctl, or dom_put().
 */
void pv_vcpu_destroy(struct vcpu *v);

/**
 * pv_domain_init() - PV state of a new domain: its CPUID features.
 * @d: all zero but id and privileged.
 * Locks: none. Context: boot or domctl.
 */
void pv_domain_init(struct domain *d);

/**
 * pv_toggle_mode() - Switch the current vCPU between guest kernel and user mode:
 * CR3, GS base pair, run-state area update that was deferred.
 * Locks: none. Context: current vCPU. Return: false if there is no user CR3.
 */
bool pv_toggle_mode(void);

/**
 * pv_active_l4() - The L4 that should be in CR3 while a vCPU runs.
 * @v: initialised. Locks: none. Context: current vCPU, or it does not run.
 * Return: the frame.
 */
mfn_t pv_active_l4(const struct vcpu *v);

/**
 * pv_context_save() - Take segment, FPU and debug state from this CPU.
 * @v: the vCPU loaded here; no effect for an idle one.
 * Locks: none. Context: scheduler, interrupts off.
 */
void pv_context_save(struct vcpu *v);

/**
 * pv_context_load() - Give this CPU a vCPU's segment, FPU, debug and GDT/LDT
 * state. Selectors that cannot be loaded leave a failsafe upcall pending.
 * @v: to run next; no effect for an idle one.
 * Locks: none. Context: scheduler, interrupts off, CR3 is @v's.
 */
void pv_context_load(struct vcpu *v);

/**
 * pv_set_context() - Take a vcpu_guest_context: VCPUOP_initialise, domctl.
 * @v: not running, not initialised. @c: untrusted copy.
 * Locks: takes page references. Context: hypercall.
 * Return: 0, -EINVAL, -EEXIST, -ERESTART (validation of cr3 must continue).
 */
int must_check pv_set_context(struct vcpu *v,
                              const struct vcpu_guest_context *c);

/**
 * pv_get_context() - The reverse, less the FPU's registers.
 * @v: paused. @c: filled. Locks: none. Context: hypercall.
 */
void pv_get_context(const struct vcpu *v, struct vcpu_guest_context *c);

/**
 * pv_page_kind() - What a domain uses a page as.
 * @d: the domain. @mfn: any frame, untrusted.
 * Locks: none. Context: hypercall.
 * Return: XEN_DOMCTL_PFINFO_*; XTAB for what is no page of @d.
 */
xen_pfn_t pv_page_kind(struct domain *d, mfn_t mfn);

/**
 * pv_set_debugreg() - Set a virtual debug register.
 * @v: current, or not running. @reg: any number. @val: untrusted.
 * Locks: none. Context: hypercall or trap.
 * Return: 0, -EINVAL no such register, -EPERM address or control refused.
 */
int must_check pv_set_debugreg(struct vcpu *v, unsigned int reg, uint64_t val);

/**
 * pv_get_debugreg() - Read a virtual debug register.
 * @v: current, or not running. @reg: any number. @val: unchanged on error.
 * Locks: none. Context: hypercall or trap. Return: 0, -EINVAL.
 */
int must_check pv_get_debugreg(const struct vcpu *v, unsigned int reg,
                               uint64_t *val);

/**
 * pv_real_cr4() - CR4 for the CPU while a vCPU runs: ours with its choices.
 * @v: the vCPU. Locks: none. Context: any. Return: the register's value.
 */
uint64_t pv_real_cr4(const struct vcpu *v);

/**
 * pv_guest_cr4() - CR4 as a vCPU reads it.
 * @v: the vCPU. Locks: none. Context: any. Return: the register's value.
 */
uint64_t pv_guest_cr4(const struct vcpu *v);

/**
 * pv_set_guest_cr4() - A vCPU writes CR4; bits it may not choose are ignored.
 * @v: current, or not running. @val: untrusted.
 * Locks: none. Context: trap or hypercall.
 */
void pv_set_guest_cr4(struct vcpu *v, uint64_t val);

/* --- pv/descriptor.c ------------------------------------------------------ */

/**
 * pv_set_gdt() - Make frames a vCPU's GDT, dropping the old ones.
 * @v:       current, or a vCPU that is not running.
 * @frames:  machine frames, one for each 512 entries; untrusted.
 * @entries: 0..PV_GDT_MAX_ENTRIES.
 * Locks: none. Context: hypercall. All or nothing.
 * Return: 0, -EINVAL too many, not the domain's, in use otherwise, or holding a
 * descriptor that is refused; -ENOMEM, -ERESTART from page_type_get().
 */
int must_check pv_set_gdt(struct vcpu *v, const uint64_t *frames,
                          unsigned int entries);

/**
 * pv_set_ldt() - MMUEXT_SET_LDT: make guest memory the LDT.
 * @v:       the current vCPU, in kernel mode.
 * @base:    guest virtual address, page aligned if @entries is not 0.
 * @entries: 0..8192; 0 means no LDT.
 *
 * All pages must be mapped, read-only, at this time; they are referenced and
 * mapped at once. All or nothing.
 * Locks: none held. Context: hypercall. Return: as pv_set_gdt().
 */
int must_check pv_set_ldt(struct vcpu *v, uint64_t base, unsigned int entries);

/**
 * pv_release_descriptors() - Drop the GDT's and LDT's page references.
 * @v: a vCPU that never runs again. May be repeated.
 * Locks: none. Context: domctl.
 */
void pv_release_descriptors(struct vcpu *v);

/**
 * pv_validate_seg_page() - Check and repair all descriptors of a page that is
 * to become PGT_SEG; called by page_type_get() when nobody can write to it.
 * @pg: the page. Locks: as page_type_get(). Context: hypercall.
 * Return: 0, -EINVAL a gate or system descriptor is present.
 */
int must_check pv_validate_seg_page(struct page_info *pg);

/**
 * pv_code_descriptor() - Look a selector up in the running vCPU's GDT or LDT.
 * @sel: untrusted. Locks: none. Context: current vCPU.
 * Return: the descriptor, or 0 if its page is not mapped.
 */
uint64_t pv_code_descriptor(uint16_t sel);

/* --- pv/emulate*.c -------------------------------------------------------- */

/**
 * pv_emulate_gp() - A guest raised #GP: emulate if a privileged instruction did.
 * @regs: guest_regs(). Locks: takes those of the device models. Context: current
 * vCPU, interrupts on. Trust: the code bytes are the guest's.
 * Return: true if done (RIP advanced, or an exception injected); false: the
 * caller injects #GP.
 */
bool pv_emulate_gp(struct cpu_user_regs *regs);
/**
 * pv_emulate_ud() - A guest raised #UD: answer a CPUID with the PV prefix.
 * @regs: guest_regs(). Locks: none. Context: current vCPU, interrupts on.
 * Return: true if done; false: the caller injects #UD.
 */
bool pv_emulate_ud(struct cpu_user_regs *regs);
/**
 * pv_cpuid() - CPUID as a PV guest sees it.
 * @v: current, or not running. @leaf: EAX, any value. @sub: ECX, any value.
 * @out: EAX, EBX, ECX, EDX; zeros for leaves there are not.
 * Locks: none. Context: any.
 */
void pv_cpuid(struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t out[4]);

/* --- pv/ptwr.c ------------------------------------------------------------ */

/**
 * pv_ptwr_fault() - The guest kernel wrote to a present read-only page: emulate
 * the write if it hits one of its L1 tables or a read-only device page.
 * @regs: guest_regs(). @addr: what was accessed. @error_code: the CPU's.
 * Locks: see pv_cas_l1(). Context: current vCPU, interrupts on. Trust: the code
 * bytes are the guest's.
 * Return: true if done; false: the caller injects #PF.
 */
bool pv_ptwr_fault(struct cpu_user_regs *regs, uint64_t addr,
                   uint32_t error_code);

/* --- xstate --------------------------------------------------------------- */

/**
 * xstate_init() - Enable the FPU and XSAVE components on the calling CPU.
 * @boot_cpu: the first CPU, which finds out what there is.
 * Locks: none. Context: bring-up, after cpu_enable().
 */
void xstate_init(bool boot_cpu);

/**
 * xstate_mask() - XCR0 bits guests may set.
 * Locks: none. Context: any after xstate_init(true).
 * Return: the bits; 0 without XSAVE.
 */
uint64_t xstate_mask(void);

/**
 * xstate_size() - Size of a save area in the standard format.
 * @xcr0: components in it; unknown bits count nothing.
 * Locks: none. Context: any. Return: bytes.
 */
uint32_t xstate_size(uint64_t xcr0);

/**
 * xstate_alloc() - A save area in the state of reset.
 * @v: without one. Locks: the heap's. Context: boot or hypercall.
 * Return: 0, -ENOMEM.
 */
int must_check xstate_alloc(struct vcpu *v);

/**
 * xstate_free() - Give the save area back; repeatable.
 * @v: never runs again. Locks: the heap's. Context: domctl, or dom_put().
 */
void xstate_free(struct vcpu *v);

/**
 * xstate_save() - Store this CPU's FPU state if it is the vCPU's.
 * @v: the vCPU. Locks: none. Context: scheduler, interrupts off, CR0.TS clear.
 */
void xstate_save(struct vcpu *v);

/**
 * xstate_restore() - Load a vCPU's FPU state and XCR0.
 * @v: the vCPU. Locks: none. Context: scheduler, interrupts off, CR0.TS clear.
 */
void xstate_restore(struct vcpu *v);

/**
 * xstate_set_xcr0() - A guest's XSETBV.
 * @v: current, or not running. @xcr0: untrusted.
 * Locks: none. Context: trap or hypercall.
 * Return: 0, -EINVAL no XSAVE, or a combination the CPU would refuse.
 */
int must_check xstate_set_xcr0(struct vcpu *v, uint64_t xcr0);

/**
 * xstate_set_fx() - Set x87 and SSE state; everything else is as after reset.
 * @v: not running. @fx: 512 bytes in FXSAVE format, untrusted.
 * Locks: none. Context: hypercall.
 */
void xstate_set_fx(struct vcpu *v, const void *fx);

/**
 * xstate_get_fx() - Read x87 and SSE state.
 * @v: not running. @fx: 512 bytes, filled in FXSAVE format.
 * Locks: none. Context: hypercall.
 */
void xstate_get_fx(const struct vcpu *v, void *fx);

/* The running CPU's descriptor window: 16 PTEs of GDT, 16 of LDT. */

/**
 * gdt_window_load() - Show a vCPU's GDT frames in this CPU's window.
 * @v: current, or to run next.
 * Locks: none. Context: hypercall or scheduler. In pv/descriptor.c.
 */
void gdt_window_load(struct vcpu *v);

/**
 * ldt_window_load() - Show a vCPU's LDT frames in this CPU's window, load LDTR.
 * @v: current, or to run next.
 * Locks: none. Context: hypercall or scheduler. In pv/descriptor.c.
 */
void ldt_window_load(struct vcpu *v);

#endif
