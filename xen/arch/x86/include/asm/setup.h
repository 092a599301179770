/* SPDX-License-Identifier: GPL-2.0 */
/* Boot steps that setup.c calls in order. Context of all: boot, first CPU. */
#ifndef ASM_SETUP_H
#define ASM_SETUP_H

#include <asm/boot-info.h>
#include <asm/regs.h>

/**
 * mem_init() - Final page tables, frame table, M2P, buddy allocator.
 * Locks: none. Context: boot; e820 finished. Panics with a line if memory is
 * too small.
 */
void mem_init(void);

/* Memory that holds modules is kept until this gives it to the allocator. */
/* A zeroed page for page tables: early boot memory first, then the heap. */
uint64_t *boot_table_alloc(void);

void mem_free_range(paddr_t start, paddr_t end);

/* Traps: GDT, IDT, TSS, MSRs of the calling CPU. @cpu: our number. */
void traps_init_cpu(unsigned int cpu);

/* Start all other CPUs the MADT lists, up to maxcpus=. */
void smp_boot_all(void);
void ap_boot(void) noreturn_fn;
void xen_boot(uint32_t mbi_pa) noreturn_fn;

/* Page the AP trampoline is copied to; kept out of every allocator. */
#define TRAMPOLINE_PA 0x8000

/**
 * dom0_build() - Make Dom0 from the boot modules and make its vCPU 0 runnable.
 * Panics with one clear line when it cannot. Context: boot, all CPUs up.
 */
void dom0_build(void);

/* Scheduler's loop of a CPU without a runnable vCPU. Never returns. */
void idle_loop(void) noreturn_fn;

/* Assembly. */
void run_on_reset_stack(void (*fn)(void), uint64_t rsp) noreturn_fn;
void ret_to_guest_reset(struct cpu_user_regs *regs) noreturn_fn;

#endif
