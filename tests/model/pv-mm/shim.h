/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the PV MMU sees of the machine, for model-pv-mm.c: included first, in
 * place of the four headers whose guards it takes. RAM is an array.
 */
#ifndef TESTS_MODEL_PV_MM_SHIM_H
#define TESTS_MODEL_PV_MM_SHIM_H

#define ASM_CURRENT_H
#define ASM_PAGETABLE_H
#define PORT_FRAME_TABLE_H
#define PORT_TIME_H

#include <sched.h>

#include <xen/addr.h>
#include <xen/cpumask.h>

#include <asm/config.h>
#include <asm/page.h>
#include <asm/regs.h>

struct page_info;
struct vcpu;

extern _Thread_local struct vcpu *current;
extern _Thread_local unsigned int model_cpu;
#define smp_cpu_id() model_cpu

extern uint64_t m2p_tab[];
#define frame_m2p m2p_tab

bool mfn_valid(mfn_t m);
struct page_info *mfn_to_page(mfn_t m);
mfn_t page_to_mfn(const struct page_info *pg);
void *page_to_va(const struct page_info *pg);
void *mfn_to_va(mfn_t m);

static inline void cpu_relax(void)
{
    (void)sched_yield();
}

void pt_fill_hyp_slots(uint64_t *l4);
void tlb_flush_local(void);
void tlb_flush_mask(const cpumask_t *mask);
void tlb_flush_va_mask(const cpumask_t *mask, uint64_t va);
void write_guest_cr3(uint64_t cr3);
uint32_t tlb_clock(void);
void tlb_clock_filter(cpumask_t *mask, uint32_t stamp);

#endif
