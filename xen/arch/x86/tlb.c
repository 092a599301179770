/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPU TLB flushes, and a clock that tells which CPUs have flushed since a moment.
 * It is odd once a CPU flushed at the current time, and even again when a stamp
 * is taken after that: so a flush at t came after a stamp s exactly if t > s, and
 * flushes without stamps between them, or stamps without flushes, write nothing
 * that CPUs share. It stops rather than wraps; then nothing is filtered any
 * more: slower, never wrong.
 */
#include <xen/smp.h>

#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/pagetable.h>
#include <asm/system.h>

#define CLOCK_STOPPED UINT32_MAX

static uint32_t clock_now;
static uint32_t last_flush[MAX_CPUS]; /* odd, or 0: not known */

uint32_t tlb_clock(void)
{
    uint32_t t = atomic_load(&clock_now);

    while ((t & 1) && t != CLOCK_STOPPED) {
        if (atomic_cas(&clock_now, &t, t + 1)) {
            return t + 1;
        }
    }
    return t;
}

/* The time of a flush that is about to be made; for flush_done() after it. */
static inline uint32_t flush_time(void)
{
    uint32_t t = atomic_load(&clock_now);

    while (unlikely(!(t & 1)) && !atomic_cas(&clock_now, &t, t | 1)) {
        /* t was reloaded */
    }
    return t | 1;
}

static inline void flush_done(uint32_t t)
{
    write_once(last_flush[smp_cpu_id()], t);
}

void tlb_clock_filter(cpumask_t *mask, uint32_t stamp)
{
    unsigned int cpu;

    cpumask_for_each(cpu, mask)
    {
        const uint32_t t = atomic_load(&last_flush[cpu]);

        if (t > stamp && t != CLOCK_STOPPED) {
            mask->bits &= ~BIT64(cpu);
        }
    }
}

void tlb_flush_local(void)
{
    const uint32_t t = flush_time();

    write_cr3(read_cr3());
    flush_done(t);
}

void tlb_flush_all_local(void)
{
    const uint32_t t = flush_time();

    write_cr4(read_cr4() & ~CR4_PGE);
    write_cr4(read_cr4() | (mmu_cr4 & CR4_PGE));
    flush_done(t);
}

void write_guest_cr3(uint64_t cr3)
{
    const uint32_t t = flush_time();

    write_cr3(cr3);
    flush_done(t);
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
