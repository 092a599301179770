/* SPDX-License-Identifier: GPL-2.0 */
/* One-shot timers. They run from SOFTIRQ_TIMER on the CPU they are bound to. */
#ifndef XEN_TIMER_H
#define XEN_TIMER_H

#include <xen/types.h>

struct timer {
    uint64_t expires_ns;   /* now_ns() value; never run before it */
    void (*fn)(void *arg); /* interrupts on; may set the timer again */
    void *arg;             /* its argument */
    unsigned int cpu;      /* CPU whose heap holds it */
    uint32_t heap_pos;     /* 1 while in the heap; 0: not armed */
    struct timer *child;   /* pairing heap: first child */
    struct timer *next;    /* next sibling */
    struct timer *prev;    /* sibling before, or parent of a first child */
    bool killed;           /* never armed again */
};

/**
 * timer_init() - Prepare a timer; it is not armed.
 * @t: the timer. @fn, @arg: what to call. @cpu: where.
 * Locks: none. Context: any.
 */
void timer_init(struct timer *t, void (*fn)(void *arg), void *arg,
                unsigned int cpu);

/**
 * timer_set() - (Re-)arm a timer; a time in the past fires at once.
 * @t: an initialised timer. @expires_ns: absolute, now_ns() scale.
 * Locks: takes the timer CPU's heap lock. Context: any but NMI.
 */
void timer_set(struct timer *t, uint64_t expires_ns);

/**
 * timer_stop() - Disarm. The function may still be running on another CPU.
 * @t: an initialised timer. Locks: heap lock. Context: any but NMI.
 */
void timer_stop(struct timer *t);

/**
 * timer_kill() - Disarm for good and wait until the function is not running.
 * @t: an initialised timer. Locks: heap lock. Context: not from @t's function.
 */
void timer_kill(struct timer *t);

/**
 * timer_migrate() - Move a timer to another CPU, armed or not.
 * @t: an initialised timer. @cpu: online CPU. Locks: both heaps. Context: any.
 */
void timer_migrate(struct timer *t, unsigned int cpu);

/**
 * timers_init() - Take SOFTIRQ_TIMER over. Called by time_init().
 * Locks: none. Context: boot.
 */
void timers_init(void);

#endif
