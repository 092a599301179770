/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPU TLB flushes. A clock that ticks on every flush tells which CPUs have
 * flushed since a moment; it saturates rather than wraps, after which nothing is
 * filtered any more: slower, never wrong.
 */
#include <xen/smp.h>

#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/pagetable.h>
#include <asm/system.h>

static uint32_t clock_now = 1;
static uint32_t last_flush[MAX_CPUS];

uint32_t tlb_clock(void)
{
    return atomic_load(&clock_now);
}

/* Before the flush itself: a stamp taken later must compare as later. */
static void note_flush(void)
{
    uint32_t t = atomic_load(&clock_now);

    while (t != UINT32_MAX && !atomic_cas(&clock_now, &t, t + 1)) {
        /* t was reloaded */
    }
    atomic_store(&last_flush[smp_cpu_id()], t);
}

void tlb_clock_filter(cpumask_t *mask, uint32_t stamp)
{
    unsigned int cpu;

    cpumask_for_each(cpu, mask)
    {
        const uint32_t t = atomic_load(&last_flush[cpu]);

        /* The flush moved the clock past t: a later stamp is above t. */
        if (t >= stamp && t != UINT32_MAX) {
            mask->bits &= ~BIT64(cpu);
        }
    }
}

void tlb_flush_local(void)
{
    note_flush();
    write_cr3(read_cr3());
}

void tlb_flush_all_local(void)
{
    note_flush();
    write_cr4(read_cr4() & ~CR4_PGE);
    write_cr4(read_cr4() | (mmu_cr4 & CR4_PGE));
}

void write_guest_cr3(uint64_t cr3)
{
    note_flush();
    write_cr3(cr3);
}

static void flush_ipi(void *arg)
{
    if (arg) {
        invlpg(*(uint64_t *)arg);
    } else {
        tlb_flush_local();
    }
}

void tlb_flush_mask(const cpumask_t *mask)
{
    if (!cpumask_empty(mask)) {
        smp_call(mask, flush_ipi, NULL);
    }
}

void tlb_flush_va_mask(const cpumask_t *mask, uint64_t va)
{
    if (!cpumask_empty(mask)) {
        smp_call(mask, flush_ipi, &va);
    }
}
