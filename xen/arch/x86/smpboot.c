/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bringing up the other CPUs: INIT, SIPI, SIPI, one at a time, each on its own
 * stack. Spec: SDM vol 3A, 8.4.4 "MP Initialization Example".
 */
#include <xen/acpi.h>
#include <xen/bug.h>
#include <xen/cmdline.h>
#include <xen/cpumask.h>
#include <xen/domain.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/printk.h>
#include <xen/softirq.h>
#include <xen/time.h>

#include <asm/apic.h>
#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/pagetable.h>
#include <asm/setup.h>
#include <asm/system.h>

#define AP_TIMEOUT_NS (NS_PER_S) /* ours: an AP that has not come is absent */

extern char trampoline_start[], trampoline_end[], trampoline_cr3[],
    trampoline_stack[], trampoline_gdt_base[], trampoline_far32[],
    trampoline_far64[], trampoline_efer[];

cpumask_t cpu_online;

static unsigned int opt_maxcpus = MAX_CPUS;
uint_param("maxcpus", opt_maxcpus);

static unsigned int ap_number; /* CPU being started */
static volatile bool ap_arrived;

static void *in_trampoline(const char *sym)
{
    return pa_to_va(TRAMPOLINE_PA + (uint64_t)(sym - trampoline_start));
}

static void add32(void *p, uint32_t v)
{
    uint32_t x;

    memcpy(&x, p, 4);
    x += v;
    memcpy(p, &x, 4);
}

static void prepare_trampoline(void)
{
    const uint64_t cr3 = (uint64_t)idle_l4 - XEN_VIRT_START;

    memcpy(pa_to_va(TRAMPOLINE_PA), trampoline_start,
           section_bytes(trampoline_start, trampoline_end));
    add32(in_trampoline(trampoline_gdt_base), TRAMPOLINE_PA);
    add32(in_trampoline(trampoline_far32), TRAMPOLINE_PA);
    add32(in_trampoline(trampoline_far64), TRAMPOLINE_PA);
    memcpy(in_trampoline(trampoline_cr3), &cr3, 8);
    /* The tables already use the no-execute bit. */
    add32(in_trampoline(trampoline_efer), boot_cpu.nx ? EFER_NXE : 0);
}

/* Called by the trampoline, on the AP, on its own stack. */
void ap_boot(void)
{
    const unsigned int cpu = ap_number;

    cpu_info()->processor_id = cpu;
    cpu_info()->vcpu = NULL;
    cpu_enable();
    write_cr3(read_cr3());
    traps_init_cpu(cpu);
    xstate_init(false);
    lapic_init(false);
    sched_init_cpu(cpu);
    cpumask_set(&cpu_online, cpu);
    ap_arrived = true;
    local_irq_enable();
    idle_loop();
}

static bool start_cpu(unsigned int cpu, uint32_t apic_id)
{
    struct page_info *stack = pg_alloc(STACK_ORDER, ALLOC_ANY_BITS);
    uint64_t top;
    uint64_t start_ns;

    if (!stack) {
        return false;
    }
    memset(page_to_va(stack), 0, STACK_SIZE);
    top = (uint64_t)page_to_va(stack) + STACK_SIZE;
    memcpy(in_trampoline(trampoline_stack), &top, 8);
    cpu_apicid[cpu] = apic_id;
    ap_number = cpu;
    ap_arrived = false;

    if (lapic_send_init(apic_id)) {
        return false;
    }
    udelay(10000);
    for (unsigned int i = 0; i < 2 && !ap_arrived; i++) {
        if (lapic_send_startup(apic_id, TRAMPOLINE_PA >> PAGE_SHIFT)) {
            return false;
        }
        udelay(200);
    }
    start_ns = now_ns();
    while (!ap_arrived && now_ns() - start_ns < AP_TIMEOUT_NS) {
        cpu_relax();
    }
    return ap_arrived;
}

void boot_fn smp_boot_all(void)
{
    const struct madt_info *madt = acpi_madt();
    const uint32_t self = cpu_apicid[0];
    unsigned int cpu = 1;

    cpumask_set(&cpu_online, 0);
    if (!madt) {
        return;
    }
    /* The trampoline runs at its machine address: map it there meanwhile. */
    idle_l4[0] = idle_l4[PT_SLOT(DIRECTMAP_START, 4)];
    prepare_trampoline();
    for (unsigned int i = 0; i < madt->nr_cpus; i++) {
        if (!madt->cpu[i].enabled || madt->cpu[i].apic_id == self) {
            continue;
        }
        if (cpu >= MAX_CPUS || cpu >= opt_maxcpus) {
            break;
        }
        if (start_cpu(cpu, madt->cpu[i].apic_id)) {
            cpu++;
        } else {
            log_err("CPU%u: APIC %#x did not start, left out\n", cpu,
                    madt->cpu[i].apic_id);
        }
    }
    idle_l4[0] = 0;
    tlb_flush_mask(&cpu_online);
    log_info("smp: %u CPUs\n", cpumask_weight(&cpu_online));
}
