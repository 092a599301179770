/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupts between CPUs: run a function there, make them look at their
 * softirqs, stop them. Owns the one call slot; call_lock guards it.
 * Spec: SDM vol 3A, 11.6 "Issuing Interprocessor Interrupts".
 */
#include <xen/atomic.h>
#include <xen/bug.h>
#include <xen/printk.h>
#include <xen/smp.h>
#include <xen/spinlock.h>
#include <xen/time.h>

#include <asm/apic.h>
#include <asm/current.h>
#include <asm/system.h>

/* Ours: a CPU that takes longer is asked once more, then we give up. */
#define CALL_PATIENCE_NS (20 * NS_PER_S)
#define STOP_PATIENCE_NS (200 * NS_PER_MS)

static spinlock_t call_lock = SPINLOCK_INIT;
static struct {
    void (*fn)(void *arg);
    void *arg;
    cpumask_t todo;   /* CPUs that have not begun */
    cpumask_t active; /* CPUs that have not finished */
} call;

static uint32_t stopping; /* 1 once smp_stop_others() was called */
static cpumask_t stopped; /* CPUs that obeyed */

void smp_stop_check(void)
{
    if (likely(!read_once(stopping)) || cpumask_test(&stopped, smp_cpu_id())) {
        return;
    }
    local_irq_disable();
    cpumask_set(&stopped, smp_cpu_id());
    for (;;) {
        __asm__ volatile("cli; hlt" ::: "memory");
    }
}

void smp_call_interrupt(void)
{
    const unsigned int cpu = smp_cpu_id();
    const uint64_t me = BIT64(cpu);

    smp_stop_check();
    /* Claim it, so that a poll and the interrupt do not both run it. */
    if (!(atomic_and(&call.todo.bits, ~me) & me)) {
        return;
    }
    call.fn(call.arg);
    cpumask_clear(&call.active, cpu);
}

static void send_to(uint64_t cpus, unsigned int vector)
{
    const cpumask_t mask = { cpus };
    unsigned int cpu;

    cpumask_for_each(cpu, &mask)
    {
        (void)lapic_send_ipi(cpu_apicid[cpu], vector);
    }
}

/* Serve calls of others while we wait with interrupts off. */
static void poll_calls(void)
{
    unsigned long flags;

    if (local_irq_enabled()) {
        return;
    }
    flags = local_irq_save();
    smp_call_interrupt();
    local_irq_restore(flags);
}

void smp_call(const cpumask_t *mask, void (*fn)(void *arg), void *arg)
{
    const uint64_t me = BIT64(smp_cpu_id());
    const uint64_t others =
        read_once(mask->bits) & read_once(cpu_online.bits) & ~me;
    unsigned int tries = 0;
    uint64_t deadline;

    if (others) {
        while (!spin_trylock(&call_lock)) {
            poll_calls();
            cpu_relax();
        }
        call.fn = fn;
        call.arg = arg;
        atomic_store(&call.active.bits, others);
        atomic_store(&call.todo.bits, others);
        smp_mb();
        send_to(others, VEC_CALL);
    }
    if (read_once(mask->bits) & me) {
        fn(arg);
    }
    if (!others) {
        return;
    }

    deadline = now_ns() + CALL_PATIENCE_NS;
    while (!cpumask_empty(&call.active)) {
        if (unlikely(now_ns() > deadline)) {
            const uint64_t late = read_once(call.active.bits);

            if (tries++) {
                panic("smp: CPUs %#llx do not answer",
                      (unsigned long long)late);
            }
            log_err("smp: CPUs %#llx are late, asked again\n",
                    (unsigned long long)late);
            send_to(late, VEC_CALL);
            deadline = now_ns() + CALL_PATIENCE_NS;
        }
        smp_stop_check();
        cpu_relax();
    }
    spin_unlock(&call_lock);
}

void smp_event_check(const cpumask_t *mask)
{
    send_to(read_once(mask->bits) & read_once(cpu_online.bits) &
                ~BIT64(smp_cpu_id()),
            VEC_EVENT_CHECK);
}

static bool all_stopped(uint64_t others)
{
    const uint64_t end = now_ns() + STOP_PATIENCE_NS;

    while (others & ~read_once(stopped.bits)) {
        if (now_ns() > end) {
            return false;
        }
        cpu_relax();
    }
    return true;
}

void smp_stop_others(void)
{
    const uint64_t others = read_once(cpu_online.bits) & ~BIT64(smp_cpu_id());
    uint32_t expected = 0;
    const cpumask_t mask = { others };
    unsigned int cpu;

    if (!lapic_present()) {
        return;
    }
    if (!atomic_cas(&stopping, &expected, 1)) {
        /* Another CPU stops us, or this one did it before. */
        return;
    }
    cpumask_set(&stopped, smp_cpu_id()); /* it must not stop itself */
    send_to(others, VEC_CALL);
    if (all_stopped(others)) {
        return;
    }
    /* The rest has interrupts off: an NMI gets through. */
    cpumask_for_each(cpu, &mask)
    {
        if (!cpumask_test(&stopped, cpu)) {
            (void)lapic_send_nmi(cpu_apicid[cpu]);
        }
    }
    if (!all_stopped(others)) {
        log_err("smp: CPUs %#llx did not stop\n",
                (unsigned long long)(others & ~read_once(stopped.bits)));
    }
}
