/* SPDX-License-Identifier: GPL-2.0 */
/* Entry points called from entry.S, and register dumps. */
#ifndef ASM_TRAPS_H
#define ASM_TRAPS_H

#include <asm/regs.h>

/**
 * traps_init_early() - An IDT for the boot GDT, so that an early fault is a
 * message. Locks: none. Context: boot, first CPU, before all else.
 */
void traps_init_early(void);

/**
 * regs_print() - Print a frame.
 * @r: the frame. Locks: the console's. Context: any.
 */
void regs_print(const struct cpu_user_regs *r);

/*
 * Called by entry.S only, with interrupts off; r is guest_regs() if a guest was
 * interrupted.
 */

/**
 * handle_entry() - An exception or interrupt, of a guest or of our own.
 * @r: the interrupted frame; entry_vector says what it was.
 * Locks: any may be held if our own code was interrupted. Context: entry code.
 */
void handle_entry(struct cpu_user_regs *r);

/**
 * handle_syscall() - SYSCALL from 64-bit guest code: a hypercall from a kernel,
 * else the guest kernel's callback.
 * @r: guest_regs(). Locks: none. Context: entry code.
 */
void handle_syscall(struct cpu_user_regs *r);

/**
 * handle_syscall32() - SYSCALL from 32-bit guest code: the guest kernel's
 * callback; a kernel that does this is crashed.
 * @r: guest_regs(). Locks: none. Context: entry code.
 */
void handle_syscall32(struct cpu_user_regs *r);

/**
 * handle_sysenter() - SYSENTER: the guest kernel's callback; a kernel that does
 * this is crashed.
 * @r: guest_regs(). Locks: none. Context: entry code.
 */
void handle_sysenter(struct cpu_user_regs *r);

/**
 * exit_to_guest() - Last stop before guest code: softirqs, pending events and
 * NMIs, and the frame's flags and selectors forced to what a guest may have.
 * Locks: none. Context: on the way to a guest; interrupts are off on return.
 * Return: 1 if SYSRET can do the return, 0 if it takes an IRET.
 */
int exit_to_guest(void);

#endif
