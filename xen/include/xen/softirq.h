/* SPDX-License-Identifier: GPL-2.0 */
/* Deferred per-CPU work, run with interrupts on before we return to a guest. */
#ifndef XEN_SOFTIRQ_H
#define XEN_SOFTIRQ_H

#include <xen/cpumask.h>

enum softirq { SOFTIRQ_TIMER, SOFTIRQ_SCHED, SOFTIRQ_TASKLET, SOFTIRQ_NR };

/**
 * softirq_open() - Set the function that a softirq runs. Boot only.
 * @nr: which. @fn: runs on the CPU it was raised on, interrupts on.
 * Locks: none. Context: boot.
 */
void softirq_open(enum softirq nr, void (*fn)(void));

/**
 * softirq_raise() - Ask this CPU to run @nr soon.
 * @nr: which. Locks: none. Context: any.
 */
void softirq_raise(enum softirq nr);

/**
 * softirq_raise_cpu() - Ask any CPU; sends an interrupt if it is another one.
 * @cpu: our CPU number, online. @nr: which. Locks: none. Context: any.
 */
void softirq_raise_cpu(unsigned int cpu, enum softirq nr);

/* What is raised, a bit for each, by CPU: for who cannot afford the call below. */
extern uint32_t softirq_raised[];

/**
 * softirq_pending() - Has this CPU work? Long operations stop when it has.
 * Locks: none. Context: any. Return: true if some softirq is raised.
 */
bool softirq_pending(void);

/**
 * softirq_run() - Run all that are raised on this CPU, SCHED excepted when
 * called from boot or idle polling loops (@may_switch false).
 * @may_switch: SCHED may be run too; then this may not return.
 * Locks: none held. Context: interrupts on.
 */
void softirq_run(bool may_switch);

/* A function to be run once, later, on the CPU that scheduled it. */
struct tasklet {
    void (*fn)(void *arg); /* runs from SOFTIRQ_TASKLET, interrupts on */
    void *arg;             /* its argument */
    struct tasklet *next;  /* queue of one CPU */
    uint32_t queued;       /* 1 while in a queue */
};

/**
 * tasklet_schedule() - Run @t->fn soon; no effect if it is already queued.
 * @t: the tasklet. Locks: none. Context: any but NMI.
 */
void tasklet_schedule(struct tasklet *t);

#endif
