// SPDX-License-Identifier: GPL-2.0
// CFLAGS: -include tests/unit/tlb-clock.h -I xen/arch/x86/include
/*
 * The TLB clock against a count of events: a CPU may be left out of a flush
 * exactly if it flushed after the stamp, and never wrongly near the clock's end.
 * In front of each flush others take stamps and flush, as they may.
 */
#include <stdio.h>
#include <stdlib.h>

#include <xen/cpumask.h>
#include <xen/smp.h>

#include "xen/arch/x86/tlb.c"

#define CPUS   5u
#define PAGES  40u
#define EVENTS 200000u

unsigned int this_cpu;
uint64_t mmu_cr4;
cpumask_t cpu_online = { BIT64(CPUS) - 1 };

static uint64_t now; /* events so far */
static uint64_t flushed[CPUS], stamped[PAGES];
static uint32_t stamp[PAGES];
static bool in_flush;
static unsigned int nr_left_out, nr_not;

static unsigned int below(unsigned int n)
{
    return (unsigned int)rand() % n;
}

static void take_stamp(void)
{
    const unsigned int page = below(PAGES);

    stamp[page] = tlb_clock();
    stamped[page] = ++now;
}

/* What tlb.c loads CR3 with; others do something just before. */
void write_cr3(uint64_t val)
{
    const unsigned int cpu = this_cpu;

    (void)val;
    if (!in_flush && below(3) == 0) {
        in_flush = true;
        take_stamp();
        this_cpu = below(CPUS);
        if (this_cpu != cpu) {
            write_guest_cr3(0);
        }
        this_cpu = cpu;
        take_stamp();
        in_flush = false;
    }
    flushed[cpu] = ++now;
}

uint64_t read_cr3(void)
{
    return 0;
}

void smp_call(const cpumask_t *mask, void (*fn)(void *arg), void *arg)
{
    const unsigned int cpu = this_cpu;

    cpumask_for_each(this_cpu, mask)
    {
        fn(arg);
    }
    this_cpu = cpu;
}

/* @exact: nobody took a stamp while a CPU was about to flush. */
static void check(bool exact)
{
    const unsigned int page = below(PAGES);
    cpumask_t mask = cpu_online;

    tlb_clock_filter(&mask, stamp[page]);
    for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
        const bool asked = cpumask_test(&mask, cpu);

        if (!asked && flushed[cpu] < stamped[page]) {
            printf("event %llu: CPU %u is left out, but did not flush\n",
                   (unsigned long long)now, cpu);
            exit(1);
        }
        if (exact && asked && flushed[cpu] > stamped[page]) {
            printf("event %llu: CPU %u flushed and is asked again\n",
                   (unsigned long long)now, cpu);
            exit(1);
        }
        nr_left_out += !asked;
        nr_not += asked;
    }
}

static void run(bool nested, bool exact)
{
    cpumask_t mask;

    in_flush = !nested;
    for (unsigned int i = 0; i < EVENTS; i++) {
        this_cpu = below(CPUS);
        switch (below(4)) {
        case 0:
            take_stamp();
            break;
        case 1:
            write_guest_cr3(0);
            break;
        case 2:
            mask = CPUMASK_OF(below(CPUS));
            tlb_flush_mask(&mask);
            break;
        default:
            check(exact);
        }
    }
}

int main(void)
{
    uint32_t t;

    srand(1);
    run(false, true);
    run(true, false);
    printf("%u left out, %u not\n", nr_left_out, nr_not);
    if (nr_left_out < EVENTS / 4 || nr_not < EVENTS / 10) {
        return 1;
    }
    /* To the clock's end and beyond it: it stops, and filters nobody then. */
    clock_now = UINT32_MAX - 1001;
    run(true, false);
    t = tlb_clock();
    if (t != UINT32_MAX || tlb_clock() != t) {
        printf("the clock does not stop: %#x\n", t);
        return 1;
    }
    for (this_cpu = 0; this_cpu < CPUS; this_cpu++) {
        write_guest_cr3(0);
    }
    nr_left_out = 0;
    run(false, false);
    return nr_left_out != 0;
}
