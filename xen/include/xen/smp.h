/* SPDX-License-Identifier: GPL-2.0 */
/* Interrupts between CPUs. */
#ifndef XEN_SMP_H
#define XEN_SMP_H

#include <xen/cpumask.h>

/**
 * smp_call() - Run a function on several CPUs and wait until all have.
 * @mask: CPUs; may include this one (run directly); offline ones are ignored.
 * @fn:   runs with interrupts off on the others. @arg: its argument.
 * Locks: takes the call lock; hold none that a called CPU spins on with
 * interrupts off. Context: interrupts on (or early boot with one CPU).
 */
void smp_call(const cpumask_t *mask, void (*fn)(void *arg), void *arg);

/**
 * smp_event_check() - Make CPUs look at their softirqs and pending events.
 * @mask: CPUs. Locks: none. Context: any.
 */
void smp_event_check(const cpumask_t *mask);

/**
 * smp_stop_others() - Halt every other CPU for good (panic, reboot).
 * Locks: none. Context: any.
 */
void smp_stop_others(void);

/**
 * smp_call_interrupt() - Do what smp_call() asks of this CPU, if anything.
 * Locks: none. Context: VEC_CALL handler, or a loop with interrupts off that
 * another CPU may be waiting behind.
 */
void smp_call_interrupt(void);

/**
 * smp_stop_check() - Halt this CPU for good if smp_stop_others() asks for it.
 * Locks: none. Context: any; the NMI handler calls it first.
 */
void smp_stop_check(void);

#endif
