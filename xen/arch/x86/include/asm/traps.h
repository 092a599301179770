/* SPDX-License-Identifier: GPL-2.0 */
/* Entry points called from entry.S, and register dumps. */
#ifndef ASM_TRAPS_H
#define ASM_TRAPS_H

#include <asm/regs.h>

/* An IDT for the boot GDT, so that an early fault is a message. Boot. */
void traps_init_early(void);

/* Print a frame. Context: any. */
void regs_print(const struct cpu_user_regs *r);

/* From entry.S; interrupts off on entry, r is guest_regs() if from a guest. */
void handle_entry(struct cpu_user_regs *r);
void handle_syscall(struct cpu_user_regs *r);
void handle_syscall32(struct cpu_user_regs *r);
void handle_sysenter(struct cpu_user_regs *r);
int exit_to_guest(void);

#endif
