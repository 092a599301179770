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

/**
 * boot_table_alloc() - A zeroed page for our page tables: early boot memory
 * first, then the heap.
 * Locks: the heap's, once there is one. Context: boot or hypercall.
 * Return: the page, or NULL when there is none.
 */
uint64_t *boot_table_alloc(void);

/**
 * mem_free_range() - Give memory that was kept (boot modules) to the allocator.
 * @start: page aligned. @end: one past the last byte; only whole frames are given.
 * Locks: the heap's. Context: boot, after mem_init().
 */
void mem_free_range(paddr_t start, paddr_t end);

/**
 * traps_init_cpu() - GDT, IDT, TSS and entry MSRs of the calling CPU.
 * @cpu: our number of it.
 * Locks: none. Context: bring-up, interrupts off.
 */
void traps_init_cpu(unsigned int cpu);

/**
 * smp_boot_all() - Start all other CPUs the MADT lists, up to maxcpus=.
 * Locks: none. Context: boot, interrupts on; waits for each CPU, and goes on
 * without one that does not answer.
 */
void smp_boot_all(void);

/**
 * ap_boot() - C entry of another CPU; ends in its idle loop.
 * Locks: none. Context: that CPU, from the trampoline.
 */
void ap_boot(void) noreturn_fn;

/**
 * xen_boot() - C entry of the first CPU: the whole boot.
 * @mbi_pa: address of the loader's multiboot information, untrusted.
 * Locks: none. Context: boot, from head.S.
 */
void xen_boot(uint32_t mbi_pa) noreturn_fn;

/* Page the AP trampoline is copied to; kept out of every allocator. */
#define TRAMPOLINE_PA 0x8000

/**
 * dom0_build() - Make Dom0 from the boot modules and make its vCPU 0 runnable.
 * Panics with one clear line when it cannot.
 * Locks: none. Context: boot, all CPUs up.
 */
void dom0_build(void);

/**
 * idle_loop() - Scheduler's loop of a CPU without a runnable vCPU.
 * Locks: none. Context: the idle vCPU, on an empty stack.
 */
void idle_loop(void) noreturn_fn;

/**
 * run_on_reset_stack() - Leave the stack's contents behind and call a function.
 * @fn: never returns. @rsp: its stack pointer, 16-byte aligned.
 * Locks: none. Context: this CPU, nothing below @rsp in use. In entry.S.
 */
void run_on_reset_stack(void (*fn)(void), uint64_t rsp) noreturn_fn;

/**
 * ret_to_guest_reset() - Leave the stack's contents behind and go to the guest.
 * @regs: guest_regs(). Locks: none. Context: the vCPU is loaded. In entry.S.
 */
void ret_to_guest_reset(struct cpu_user_regs *regs) noreturn_fn;

#endif
