/* SPDX-License-Identifier: GPL-2.0 */
/* What tlb.c sees of the CPU, for test-tlb-clock.c: included first, in place of
 * the headers whose guards it takes. */
#ifndef TESTS_UNIT_TLB_CLOCK_H
#define TESTS_UNIT_TLB_CLOCK_H

#define ASM_CURRENT_H
#define ASM_PAGETABLE_H
#define ASM_SYSTEM_H

#include <xen/cpumask.h>

#define MAX_CPUS 64
#define CR4_PGE  0x80u

extern unsigned int this_cpu;
#define smp_cpu_id() this_cpu

void write_cr3(uint64_t val);
uint64_t read_cr3(void);
#define read_cr4()   mmu_cr4
#define write_cr4(v) (mmu_cr4 = (v))
#define invlpg(va)   ((void)(va))

uint32_t tlb_clock(void);
void tlb_clock_filter(cpumask_t *mask, uint32_t stamp);
void tlb_flush_local(void);
void tlb_flush_all_local(void);
void tlb_flush_mask(const cpumask_t *mask);
void tlb_flush_va_mask(const cpumask_t *mask, uint64_t va);
void write_guest_cr3(uint64_t cr3);

#endif
