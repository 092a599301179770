/* SPDX-License-Identifier: GPL-2.0 */
/* Pending bits of each CPU, and what they run. No lock: bits are atomic. */
#include <xen/bug.h>
#include <xen/smp.h>
#include <xen/softirq.h>

#include <asm/current.h>
#include <asm/system.h>

uint32_t softirq_raised[MAX_CPUS];
static void (*handler[SOFTIRQ_NR])(void);
static struct tasklet *tasklets[MAX_CPUS];

void softirq_open(enum softirq nr, void (*fn)(void))
{
    handler[nr] = fn;
}

void softirq_raise(enum softirq nr)
{
    atomic_or(&softirq_raised[smp_cpu_id()], BIT32(nr));
}

void softirq_raise_cpu(unsigned int cpu, enum softirq nr)
{
    if (!(atomic_or(&softirq_raised[cpu], BIT32(nr)) & BIT32(nr)) &&
        cpu != smp_cpu_id()) {
        const cpumask_t mask = CPUMASK_OF(cpu);

        smp_event_check(&mask);
    }
}

bool softirq_pending(void)
{
    return read_once(softirq_raised[smp_cpu_id()]);
}

static void run_tasklets(void)
{
    struct tasklet *t = atomic_xchg(&tasklets[smp_cpu_id()], NULL);

    while (t) {
        struct tasklet *next = t->next;

        /* Cleared first: it may be scheduled again while it runs. */
        atomic_store(&t->queued, 0);
        t->fn(t->arg);
        t = next;
    }
}

void softirq_run(bool may_switch)
{
    uint32_t *mine = &softirq_raised[smp_cpu_id()];
    const uint32_t skip = may_switch ? 0 : BIT32(SOFTIRQ_SCHED);
    uint32_t todo;

    while ((todo = read_once(*mine) & ~skip) != 0) {
        /* SCHED last: it may not come back. */
        enum softirq nr = SOFTIRQ_SCHED;

        if (todo & ~BIT32(SOFTIRQ_SCHED)) {
            nr = (enum softirq)ctz64(todo & ~BIT32(SOFTIRQ_SCHED));
        }
        atomic_and(mine, ~BIT32(nr));
        if (nr == SOFTIRQ_TASKLET) {
            run_tasklets();
        } else if (handler[nr]) {
            handler[nr]();
        }
    }
}

void tasklet_schedule(struct tasklet *t)
{
    struct tasklet **head = &tasklets[smp_cpu_id()];
    struct tasklet *old;

    if (atomic_xchg(&t->queued, 1)) {
        return;
    }
    /* Interrupt handlers on this CPU are the only competitors. */
    old = atomic_load(head);
    do {
        t->next = old;
    } while (!atomic_cas(head, &old, t));
    softirq_raise(SOFTIRQ_TASKLET);
}
