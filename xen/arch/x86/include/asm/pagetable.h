/* SPDX-License-Identifier: GPL-2.0 */
/* The hypervisor's own page tables and the CPU TLBs. */
#ifndef ASM_PAGETABLE_H
#define ASM_PAGETABLE_H

#include <xen/cpumask.h>

#include <asm/config.h>
#include <asm/page.h>

static inline void *pa_to_va(paddr_t pa)
{
    return (void *)(DIRECTMAP_START + pa);
}

static inline void *mfn_to_va(mfn_t m)
{
    return pa_to_va(mfn_to_pa(m));
}

/* For direct-map addresses only. */
static inline paddr_t va_to_pa(const void *va)
{
    return (uintptr_t)va - DIRECTMAP_START;
}

static inline mfn_t va_to_mfn(const void *va)
{
    return pa_to_mfn(va_to_pa(va));
}

extern uint64_t idle_l4[PT_ENTRIES]; /* tables of idle and of boot */

/**
 * pt_map() - Map machine memory in the hypervisor's half of every space.
 * @va:    page aligned, inside slots 256..271.
 * @pa:    page aligned.
 * @size:  bytes, multiple of 4K. Large leaves are used where aligned.
 * @flags: leaf bits besides the address (PTE_P, PTE_RW, ...).
 * Locks: takes the kernel page-table lock. Context: boot or hypercall.
 * Return: 0, -ENOMEM (then part of the range may be mapped), -EEXIST.
 */
int must_check pt_map(uint64_t va, paddr_t pa, uint64_t size, uint64_t flags);

/**
 * pt_protect() - Replace the leaf bits of a mapped range, splitting leaves.
 * @va, @size, @flags: as pt_map(); flags 0 unmaps.
 * Locks: takes the kernel page-table lock. Context: boot or hypercall.
 * Flush: done on this CPU only.
 * Return: 0, -ENOMEM, -ENOENT nothing mapped there.
 */
int must_check pt_protect(uint64_t va, uint64_t size, uint64_t flags);

/**
 * pt_fill_hyp_slots() - Write our 16 slots into a guest's L4.
 * @l4: the table, writable. Locks: none. Context: any.
 */
void pt_fill_hyp_slots(uint64_t *l4);

/**
 * tlb_flush_local() - Drop this CPU's non-global TLB entries.
 * Locks: none. Context: any.
 */
void tlb_flush_local(void);

/**
 * tlb_flush_all_local() - Drop this CPU's TLB, global entries included.
 * Locks: none. Context: any.
 */
void tlb_flush_all_local(void);

/**
 * tlb_flush_mask() - Drop the non-global TLB entries of several CPUs, wait.
 * @mask: CPUs, may include this one; offline ones are ignored.
 * Locks: none held that an interrupted CPU may spin on with interrupts off.
 * Context: interrupts on, or only this CPU in @mask.
 */
void tlb_flush_mask(const cpumask_t *mask);

/**
 * tlb_flush_va_mask() - As tlb_flush_mask() for one page.
 * @mask: CPUs. @va: any address inside the page.
 * Locks: as tlb_flush_mask(). Context: as tlb_flush_mask().
 */
void tlb_flush_va_mask(const cpumask_t *mask, uint64_t va);

/**
 * write_guest_cr3() - Load CR3, which also flushes, and note the TLB clock.
 * @cr3: machine address of an L4 that holds our slots.
 * Locks: none. Context: interrupts may be on.
 */
void write_guest_cr3(uint64_t cr3);

/*
 * A clock lets a type change skip CPUs which have flushed since the page was last
 * writable.
 */

/**
 * tlb_clock() - The time now, to be stored when a page loses its last use.
 * Locks: none. Context: any, with an atomic operation since the entry that was
 * the last use changed: no CPU can load it any more. Return: the stamp.
 */
uint32_t tlb_clock(void);

/**
 * tlb_clock_filter() - Take the CPUs that flushed after a stamp out of a mask.
 * @mask: changed. @stamp: from tlb_clock().
 * Locks: none. Context: any.
 */
void tlb_clock_filter(cpumask_t *mask, uint32_t stamp);

/**
 * gdt_window_l1() - Page-table entries of a CPU's descriptor window.
 * @cpu: our CPU number. Locks: none. Context: any after that CPU's bring-up.
 * Return: 64 entries: 0..15 map the GDT, 16..31 the LDT.
 */
uint64_t *gdt_window_l1(unsigned int cpu);

#endif
