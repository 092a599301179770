/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Descriptor tables of each CPU, and what happens on an exception, an interrupt
 * or a SYSCALL. Spec: SDM vol 3A, chapter 6.
 */
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/cmdline.h>
#include <xen/domain.h>
#include <xen/hypercall.h>
#include <xen/irq.h>
#include <xen/lib.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/shutdown.h>
#include <xen/smp.h>
#include <xen/softirq.h>
#include <xen/symbols.h>

#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/pagetable.h>
#include <asm/setup.h>
#include <asm/system.h>
#include <asm/traps.h>

#define IST_DF  1
#define IST_NMI 2
#define IST_MC  3
#define IST_DB  4

struct idt_gate {
    uint64_t lo;
    uint64_t hi;
};

struct packed_abi tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t iomap_base;
};
static_assert(sizeof(struct tss) == 104, "SDM vol 3A, figure 7-11");

struct packed_abi table_ptr {
    uint16_t limit;
    uint64_t base;
};

extern const uint64_t entry_stubs[256];
extern char syscall_entry[], syscall32_entry[], sysenter_entry[], guest_iretq[];

static struct idt_gate idt[256] aligned_to(16);
static struct tss tss[MAX_CPUS] aligned_to(16);

static void set_gate(unsigned int v, uint16_t cs, unsigned int dpl,
                     unsigned int ist)
{
    const uint64_t a = entry_stubs[v];

    idt[v].lo = (a & 0xffff) | (uint64_t)cs << 16 | (uint64_t)ist << 32 |
                (UINT64_C(0x8e) | dpl << 5) << 40 | (a >> 16 & 0xffff) << 48;
    idt[v].hi = a >> 32;
}

void traps_init_early(void)
{
    const struct table_ptr ptr = { sizeof(idt) - 1, (uint64_t)idt };
    uint16_t cs;

    __asm__("mov %%cs, %0" : "=r"(cs));
    for (unsigned int v = 0; v < 256; v++) {
        set_gate(v, cs, 0, 0);
    }
    __asm__ volatile("lidt %0" ::"m"(ptr));
}

/* The CPU's own page of its GDT window: selectors 0xe000 to 0xefff. */
static uint64_t *make_gdt_page(unsigned int cpu)
{
    const uint64_t va = GDT_WINDOW_START + ((uint64_t)cpu << GDT_WINDOW_SHIFT) +
                        GDT_RESERVED_BYTE;
    const uint64_t tss_va = (uint64_t)&tss[cpu];
    uint64_t *page = pg_alloc_zeroed();
    uint64_t *d;

    if (!page ||
        pt_map(va, va_to_pa(page), PAGE_SIZE,
               PTE_P | PTE_RW | PTE_A | PTE_D | (boot_cpu.nx ? PTE_NX : 0))) {
        panic("no memory for the descriptors of CPU%u", cpu);
    }
    d = page - GDT_RESERVED_BYTE / 8;
    /* Present, accessed; limit 4 GiB. Spec: SDM vol 3A, 3.4.5. */
    d[SEL_HYP_CS >> 3] = UINT64_C(0x00af9b000000ffff);
    d[SEL_HYP_DS >> 3] = UINT64_C(0x00cf93000000ffff);
    d[SEL_GUEST_CS32 >> 3] = UINT64_C(0x00cffb000000ffff);
    d[SEL_GUEST_DS >> 3] = UINT64_C(0x00cff3000000ffff);
    d[SEL_GUEST_CS64 >> 3] = UINT64_C(0x00affb000000ffff);
    d[SEL_TSS >> 3] = (sizeof(struct tss) - 1) | (tss_va & 0xffffff) << 16 |
                      UINT64_C(0x89) << 40 | (tss_va >> 24 & 0xff) << 56;
    d[(SEL_TSS >> 3) + 1] = tss_va >> 32;
    return d;
}

void traps_init_cpu(unsigned int cpu)
{
    struct cpu_info *info = cpu_info();
    const uint64_t stack = (uint64_t)(info + 1) - STACK_SIZE;
    const struct table_ptr gdt = {
        GDT_LIMIT, GDT_WINDOW_START + ((uint64_t)cpu << GDT_WINDOW_SHIFT)
    };
    const struct table_ptr idt_ptr = { sizeof(idt) - 1, (uint64_t)idt };

    info->processor_id = cpu;
    info->rsp0 = (uint64_t)&info->guest_regs.es;
    make_gdt_page(cpu);

    tss[cpu].rsp[0] = info->rsp0;
    tss[cpu].ist[IST_DF - 1] = stack + 1 * PAGE_SIZE;
    tss[cpu].ist[IST_NMI - 1] = stack + 2 * PAGE_SIZE;
    tss[cpu].ist[IST_MC - 1] = stack + 3 * PAGE_SIZE;
    tss[cpu].ist[IST_DB - 1] = stack + 4 * PAGE_SIZE;
    tss[cpu].iomap_base = sizeof(struct tss);

    __asm__ volatile("lgdt %0" ::"m"(gdt));
    __asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq\n"
                     "1:" ::"i"(SEL_HYP_CS)
                     : "rax", "memory");
    __asm__ volatile("mov %0, %%ss" ::"r"(0));
    __asm__ volatile(
        "mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" ::"r"(0));
    __asm__ volatile("lldt %w0" ::"r"(0));
    __asm__ volatile("ltr %w0" ::"r"(SEL_TSS));

    if (cpu == 0) {
        for (unsigned int v = 0; v < 256; v++) {
            const unsigned int ist = v == EXC_DF    ? IST_DF
                                     : v == EXC_NMI ? IST_NMI
                                     : v == EXC_MC  ? IST_MC
                                     : v == EXC_DB  ? IST_DB
                                                    : 0;

            set_gate(v, SEL_HYP_CS, v == EXC_BP || v == EXC_OF ? 3 : 0, ist);
        }
    }
    __asm__ volatile("lidt %0" ::"m"(idt_ptr));

    wrmsr(MSR_STAR,
          (uint64_t)SEL_GUEST_CS32 << 48 | (uint64_t)SEL_HYP_CS << 32);
    wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
    wrmsr(MSR_CSTAR, (uint64_t)syscall32_entry);
    wrmsr(MSR_SFMASK, RFLAGS_IF | RFLAGS_TF | RFLAGS_DF | RFLAGS_AC |
                          RFLAGS_NT | RFLAGS_IOPL | RFLAGS_RF);
    wrmsr(MSR_KERNEL_GS_BASE, (uint64_t)info);
    wrmsr(MSR_GS_BASE, 0);
    if (boot_cpu.intel) {
        wrmsr(MSR_SYSENTER_CS, SEL_HYP_CS);
        wrmsr(MSR_SYSENTER_ESP, info->rsp0);
        wrmsr(MSR_SYSENTER_EIP, (uint64_t)sysenter_entry);
    }
}

/* --- exception fix-ups --- */

struct extable_entry {
    int32_t from; /* relative to this field */
    int32_t to;
};
extern const struct extable_entry xen_extable_start[], xen_extable_end[];

static uint64_t extable_find(uint64_t rip)
{
    const size_t nr = section_bytes(xen_extable_start, xen_extable_end) /
                      sizeof(struct extable_entry);

    for (size_t i = 0; i < nr; i++) {
        const struct extable_entry *e = &xen_extable_start[i];

        if ((uint64_t)&e->from + e->from == rip) {
            return (uint64_t)&e->to + e->to;
        }
    }
    return 0;
}

/* --- state dumps --- */

void regs_print(const struct cpu_user_regs *r)
{
    size_t off = 0;
    const char *sym = regs_from_guest(r) ? NULL : symbol_lookup(r->rip, &off);

    printk("CPU%u %s%s\n", smp_cpu_id(),
           regs_from_guest(r) ? "guest" : "hypervisor",
           current && current->domain->is_idle ? " idle" : "");
    printk("rip %04x:%016lx %s+%#lx vector %#x error %#x\n", r->cs,
           (unsigned long)r->rip, sym ? sym : "?", (unsigned long)off,
           r->entry_vector, r->error_code);
    printk("rsp %04x:%016lx rflags %016lx cr2 %016lx cr3 %016lx\n", r->ss,
           (unsigned long)r->rsp, (unsigned long)r->rflags,
           (unsigned long)read_cr2(), (unsigned long)read_cr3());
    printk("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n",
           (unsigned long)r->rax, (unsigned long)r->rbx, (unsigned long)r->rcx,
           (unsigned long)r->rdx);
    printk("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n",
           (unsigned long)r->rsi, (unsigned long)r->rdi, (unsigned long)r->rbp,
           (unsigned long)r->r8);
    printk("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n",
           (unsigned long)r->r9, (unsigned long)r->r10, (unsigned long)r->r11,
           (unsigned long)r->r12);
    printk("r13 %016lx r14 %016lx r15 %016lx\n", (unsigned long)r->r13,
           (unsigned long)r->r14, (unsigned long)r->r15);
}

static const struct cpu_user_regs *panic_frame[MAX_CPUS];

unsigned int arch_cpu_number(void)
{
    return smp_cpu_id();
}

void arch_dump_state(void)
{
    const struct cpu_user_regs *r = panic_frame[smp_cpu_id()];
    const uint64_t hi = (uint64_t)(cpu_info() + 1);
    uint64_t rip;

    if (r) {
        regs_print(r);
        if (!regs_from_guest(r)) {
            backtrace_print(r->rip, r->rbp, hi - STACK_SIZE, hi);
        }
        return;
    }
    __asm__("leaq (%%rip), %0" : "=r"(rip));
    backtrace_print(rip, (uint64_t)__builtin_frame_address(0), hi - STACK_SIZE,
                    hi);
}

static void noreturn_fn fatal(struct cpu_user_regs *r, const char *what)
{
    panic_frame[smp_cpu_id()] = r;
    panic("%s in the hypervisor, vector %u, error %#x, address %#lx", what,
          r->entry_vector, r->error_code, (unsigned long)read_cr2());
}

/* --- entries --- */

/*
 * IRETQ to the guest faulted: its frame held a selector or address that cannot
 * be loaded. The guest's registers were popped; the fault's frame overlaps where
 * they were, so they are put back by way of a copy.
 */
static void noreturn_fn iret_fault(struct cpu_user_regs *r)
{
    struct cpu_user_regs *g = guest_regs();
    const struct cpu_user_regs copy = *r;

    memcpy(g, &copy, offsetof(struct cpu_user_regs, error_code));
    g->error_code = 0;
    g->entry_vector = copy.entry_vector;
    local_irq_enable();
    pv_inject_failsafe();
    ret_to_guest_reset(g);
}

static void handle_nmi(struct cpu_user_regs *r)
{
    (void)r;
    smp_stop_check();
    if (dom0 && dom0->vcpu[0]) {
        dom0->vcpu[0]->nmi_pending = 1;
        softirq_raise(SOFTIRQ_TASKLET);
    }
}

static void hypervisor_fault(struct cpu_user_regs *r)
{
    uint64_t fix;

    switch (r->entry_vector) {
    case EXC_NMI:
        handle_nmi(r);
        return;
    case EXC_DB:
        /* A guest's watchpoint hit by our access on its behalf. */
        __asm__ volatile("mov %0, %%dr6" ::"r"(UINT64_C(0xffff0ff0)));
        r->rflags &= ~RFLAGS_TF;
        return;
    case EXC_DF:
    case EXC_MC:
        break;
    default:
        if (r->rip == (uint64_t)guest_iretq) {
            iret_fault(r);
        }
        fix = extable_find(r->rip);
        if (fix) {
            if (r->entry_vector == EXC_PF) {
                perf_inc(copy_user_faults);
            }
            perf_inc(exception_fixed);
            r->rip = fix;
            return;
        }
        break;
    }
    fatal(r, r->entry_vector == EXC_PF   ? "page fault"
             : r->entry_vector == EXC_DF ? "double fault"
             : r->entry_vector == EXC_MC ? "machine check"
                                         : "exception");
}

static void guest_page_fault(struct cpu_user_regs *r)
{
    const uint64_t addr = read_cr2();
    const struct pv_vcpu *pv = &current->pv;

    local_irq_enable();
    if (addr >= GDT_WINDOW_START &&
        addr < GDT_WINDOW_START + (MAX_CPUS << GDT_WINDOW_SHIFT)) {
        /* A selector beyond the frames of its GDT or LDT. */
        pv_inject_exception(EXC_GP, (uint32_t)(addr & 0xfff8));
        return;
    }
    if (pv->kernel_mode &&
        (r->error_code & (PF_PRESENT | PF_WRITE | PF_RSVD | PF_INSN)) ==
            (PF_PRESENT | PF_WRITE) &&
        pv_ptwr_fault(r, addr, r->error_code)) {
        return;
    }
    pv_inject_page_fault(addr, r->error_code);
}

static void guest_debug(struct cpu_user_regs *r)
{
    uint64_t dr6;

    __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
    __asm__ volatile("mov %0, %%dr6" ::"r"(UINT64_C(0xffff0ff0)));
    local_irq_enable();
    (void)r;
    current->pv.dr[6] |= dr6 & 0xe00f;
    current->pv.dr[6] |= UINT64_C(0xffff0ff0);
    pv_inject_exception(EXC_DB, 0);
}

static void guest_exception(struct cpu_user_regs *r)
{
    switch (r->entry_vector) {
    case EXC_NMI:
        handle_nmi(r);
        return;
    case EXC_DF:
    case EXC_MC:
        fatal(r, "machine check or double fault");
    case EXC_PF:
        guest_page_fault(r);
        return;
    case EXC_DB:
        guest_debug(r);
        return;
    case EXC_NM:
        local_irq_enable();
        pv_handle_nm();
        return;
    case EXC_GP:
        local_irq_enable();
        if (!pv_emulate_gp(r)) {
            pv_inject_exception(EXC_GP, r->error_code);
        }
        return;
    case EXC_UD:
        local_irq_enable();
        if (!pv_emulate_ud(r)) {
            pv_inject_exception(EXC_UD, 0);
        }
        return;
    default:
        local_irq_enable();
        pv_inject_exception(r->entry_vector, r->error_code);
        return;
    }
}

/* Interrupt gates leave the guest's RFLAGS.AC alone, and it would lift SMAP. */
static inline void clac_if_smap(void)
{
    if (boot_cpu.smap) {
        __asm__ volatile("clac" ::: "memory");
    }
}

void handle_entry(struct cpu_user_regs *r)
{
    const unsigned int v = r->entry_vector;

    if (v >= VEC_FIRST_DYNAMIC) {
        clac_if_smap();
        perf_inc(irqs);
        irq_dispatch(v);
        return;
    }
    perf_inc_array(exceptions, v);
    if (v == EXC_PF) {
        perf_inc(page_faults);
    }
    if (regs_from_guest(r)) {
        clac_if_smap();
        guest_exception(r);
    } else {
        hypervisor_fault(r);
    }
}

void handle_syscall(struct cpu_user_regs *r)
{
    local_irq_enable();
    if (current->pv.kernel_mode) {
        pv_hypercall(r);
    } else {
        pv_inject_syscall(false);
    }
}

void handle_syscall32(struct cpu_user_regs *r)
{
    local_irq_enable();
    (void)r;
    if (current->pv.kernel_mode) {
        dom_crash(current->domain, "32-bit SYSCALL from the kernel\n");
    } else {
        pv_inject_syscall(true);
    }
}

void handle_sysenter(struct cpu_user_regs *r)
{
    (void)r;
    local_irq_enable();
    if (current->pv.kernel_mode) {
        dom_crash(current->domain, "SYSENTER from the kernel\n");
    } else {
        pv_inject_sysenter();
    }
}
