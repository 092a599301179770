/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One-shot timers: a pairing heap for each CPU, which needs no memory beyond
 * the timers themselves. Lock order: a CPU's heap lock is innermost; functions
 * are called without it. Hardware: the local APIC's timer of that CPU.
 */
#include <xen/bug.h>
#include <xen/keyhandler.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/softirq.h>
#include <xen/spinlock.h>
#include <xen/time.h>
#include <xen/timer.h>

#include <asm/apic.h>
#include <asm/current.h>

#define TIMERS_A_ROUND 64 /* ours: then other softirqs get their turn */

struct timer_cpu {
    spinlock_t lock;
    struct timer *root;    /* earliest */
    struct timer *running; /* whose function is being called */
    uint32_t nr;           /* armed */
} aligned_to(64);

static struct timer_cpu timer_cpus[MAX_CPUS];

/* ---- pairing heap ---- */

/* Both are roots or NULL, next and prev NULL; so is the result. */
static struct timer *heap_merge(struct timer *a, struct timer *b)
{
    if (!a) {
        return b;
    }
    if (!b) {
        return a;
    }
    if (b->expires_ns < a->expires_ns) {
        struct timer *t = a;

        a = b;
        b = t;
    }
    b->next = a->child;
    if (b->next) {
        b->next->prev = b;
    }
    b->prev = a;
    a->child = b;
    return a;
}

/* Merge a list of siblings into one root: pairs first, then right to left. */
static struct timer *heap_merge_list(struct timer *first)
{
    struct timer *pairs = NULL; /* linked by next, the last pair first */
    struct timer *root = NULL;

    while (first) {
        struct timer *a = first;
        struct timer *b = a->next;

        first = b ? b->next : NULL;
        a->next = NULL;
        a->prev = NULL;
        if (b) {
            b->next = NULL;
            b->prev = NULL;
        }
        a = heap_merge(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct timer *a = pairs;

        pairs = a->next;
        a->next = NULL;
        root = heap_merge(root, a);
    }
    return root;
}

static void heap_insert(struct timer_cpu *tc, struct timer *t)
{
    t->child = NULL;
    t->next = NULL;
    t->prev = NULL;
    t->heap_pos = 1;
    tc->root = heap_merge(tc->root, t);
    tc->nr++;
}

static void heap_remove(struct timer_cpu *tc, struct timer *t)
{
    if (t == tc->root) {
        tc->root = heap_merge_list(t->child);
    } else {
        if (t->prev->child == t) {
            t->prev->child = t->next;
        } else {
            t->prev->next = t->next;
        }
        if (t->next) {
            t->next->prev = t->prev;
        }
        tc->root = heap_merge(tc->root, heap_merge_list(t->child));
    }
    t->child = NULL;
    t->next = NULL;
    t->prev = NULL;
    t->heap_pos = 0;
    tc->nr--;
}

/* ---- interface ---- */

void timer_init(struct timer *t, void (*fn)(void *arg), void *arg,
                unsigned int cpu)
{
    ASSERT(cpu < MAX_CPUS);
    *t = (struct timer){ .fn = fn, .arg = arg, .cpu = cpu };
}

/* Lock the heap of the CPU a timer is bound to, which may change meanwhile. */
static struct timer_cpu *timer_lock(const struct timer *t, unsigned long *flags)
{
    for (;;) {
        const unsigned int cpu = read_once(t->cpu);
        struct timer_cpu *tc = &timer_cpus[cpu];

        *flags = spin_lock_irqsave(&tc->lock);
        if (likely(read_once(t->cpu) == cpu)) {
            return tc;
        }
        spin_unlock_irqrestore(&tc->lock, *flags);
    }
}

/* The earliest time of a heap has changed: its CPU must look. */
static void timer_notify(unsigned int cpu, const struct timer_cpu *tc)
{
    if (cpu == smp_cpu_id()) {
        lapic_timer_set(tc->root ? max_of(tc->root->expires_ns, UINT64_C(1))
                                 : 0);
    } else if (tc->root) {
        softirq_raise_cpu(cpu, SOFTIRQ_TIMER);
    }
}

void timer_set(struct timer *t, uint64_t expires_ns)
{
    unsigned long flags;
    struct timer_cpu *tc = timer_lock(t, &flags);
    const struct timer *before = tc->root;

    if (t->heap_pos) {
        heap_remove(tc, t);
    }
    if (!t->killed) {
        t->expires_ns = expires_ns;
        heap_insert(tc, t);
    }
    /* A later first time needs no notice: the CPU finds out by itself. */
    if (tc->root == t || before == t) {
        timer_notify(t->cpu, tc);
    }
    spin_unlock_irqrestore(&tc->lock, flags);
}

void timer_stop(struct timer *t)
{
    unsigned long flags;
    struct timer_cpu *tc = timer_lock(t, &flags);

    if (t->heap_pos) {
        heap_remove(tc, t);
    }
    spin_unlock_irqrestore(&tc->lock, flags);
}

/* Is the function of @t being called on any CPU (it may have migrated)? */
static bool timer_is_running(const struct timer *t)
{
    for (unsigned int i = 0; i < MAX_CPUS; i++) {
        if (atomic_load(&timer_cpus[i].running) == t) {
            return true;
        }
    }
    return false;
}

void timer_kill(struct timer *t)
{
    unsigned long flags;
    struct timer_cpu *tc = timer_lock(t, &flags);

    t->killed = true;
    if (t->heap_pos) {
        heap_remove(tc, t);
    }
    spin_unlock_irqrestore(&tc->lock, flags);

    while (timer_is_running(t)) {
        cpu_relax();
    }
}

void timer_migrate(struct timer *t, unsigned int cpu)
{
    unsigned long flags;
    struct timer_cpu *tc;
    bool armed;

    ASSERT(cpu < MAX_CPUS);
    for (;;) {
        const unsigned int old = read_once(t->cpu);
        /* Two heaps are locked in the order of their CPUs. */
        struct timer_cpu *lo = &timer_cpus[min_of(old, cpu)];
        struct timer_cpu *hi = &timer_cpus[max_of(old, cpu)];

        if (old == cpu) {
            return;
        }
        flags = spin_lock_irqsave(&lo->lock);
        spin_lock(&hi->lock);
        if (read_once(t->cpu) == old) {
            armed = t->heap_pos;
            if (armed) {
                heap_remove(&timer_cpus[old], t);
            }
            write_once(t->cpu, cpu);
            tc = &timer_cpus[cpu];
            if (armed) {
                heap_insert(tc, t);
                if (tc->root == t) {
                    timer_notify(cpu, tc);
                }
            }
            spin_unlock(&hi->lock);
            spin_unlock_irqrestore(&lo->lock, flags);
            return;
        }
        spin_unlock(&hi->lock);
        spin_unlock_irqrestore(&lo->lock, flags);
    }
}

/* ---- the softirq ---- */

static void timer_softirq(void)
{
    struct timer_cpu *tc = &timer_cpus[smp_cpu_id()];
    unsigned long flags = spin_lock_irqsave(&tc->lock);

    for (unsigned int i = 0; i < TIMERS_A_ROUND; i++) {
        struct timer *t = tc->root;
        void (*fn)(void *arg);
        void *arg;

        if (!t || t->expires_ns > now_ns()) {
            break;
        }
        heap_remove(tc, t);
        fn = t->fn;
        arg = t->arg;
        atomic_store(&tc->running, t);
        spin_unlock_irqrestore(&tc->lock, flags);

        fn(arg);

        flags = spin_lock_irqsave(&tc->lock);
        atomic_store(&tc->running, (struct timer *)NULL);
    }
    timer_notify(smp_cpu_id(), tc);
    spin_unlock_irqrestore(&tc->lock, flags);
}

static void timer_dump(unsigned char key)
{
    const uint64_t now = now_ns();

    printk("'%c' pressed: timers, now %llu ns\n", key, (unsigned long long)now);
    for (unsigned int i = 0; i < MAX_CPUS; i++) {
        struct timer_cpu *tc = &timer_cpus[i];
        const unsigned long flags = spin_lock_irqsave(&tc->lock);
        const struct timer *t = tc->root;
        const uint32_t nr = tc->nr;
        const uint64_t at = t ? t->expires_ns : 0;

        spin_unlock_irqrestore(&tc->lock, flags);
        if (nr) {
            printk("cpu%u: %u armed, first in %lld us\n", i, nr,
                   (long long)(at - now) / 1000);
        }
    }
}

void timers_init(void)
{
    softirq_open(SOFTIRQ_TIMER, timer_softirq);
    key_register('a', timer_dump, "dump timers");
}
