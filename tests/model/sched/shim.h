/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the core sees of the machine, for model-sched.c, model-evtchn.c (both with
 * threads) and model-grant.c: included first, in place of the headers whose
 * guards it takes. A CPU is a thread; an interrupt is
 * a bit the thread looks at wherever interrupts can come in.
 */
#ifndef TESTS_MODEL_SCHED_SHIM_H
#define TESTS_MODEL_SCHED_SHIM_H

#define ASM_CURRENT_H
#define ASM_PAGETABLE_H
#define ASM_SYSTEM_H
#define PORT_FRAME_TABLE_H
#define PORT_SPINLOCK_H
#define PORT_TIME_H

#include <xen/addr.h>
#include <xen/cpumask.h>
#include <xen/spinlock.h>

#include <asm/config.h>
#include <asm/page.h>
#include <asm/regs.h>

struct page_info;
struct vcpu;

extern uint64_t model_m2p[];
#define frame_m2p model_m2p
bool mfn_valid(mfn_t m);
struct page_info *mfn_to_page(mfn_t m);
mfn_t page_to_mfn(const struct page_info *pg);
void *page_to_va(const struct page_info *pg);
void *mfn_to_va(mfn_t m);
mfn_t va_to_mfn(const void *va);

struct cpu_info {
    struct cpu_user_regs guest_regs;
    struct vcpu *vcpu;
    unsigned int processor_id;
    bool irqs_on;
    uint64_t deadline_ns; /* of its timer; 0: off */
};
extern _Thread_local struct cpu_info cpu_self;

#define cpu_info()   (&cpu_self)
#define current      (cpu_self.vcpu)
#define smp_cpu_id() (cpu_self.processor_id)
#define guest_regs() (&cpu_self.guest_regs)

extern uint64_t idle_l4[1];
void write_guest_cr3(uint64_t cr3);
void tlb_flush_mask(const cpumask_t *mask);

/* Take interrupts that are due; sometimes lets another thread run first. */
void model_irqs(void);

/* Widens a window between two steps that another CPU could come between. */
void model_pause(void);

static inline void cpu_relax(void)
{
    model_irqs();
    model_pause();
}

static inline bool local_irq_enabled(void)
{
    return cpu_self.irqs_on;
}

static inline void local_irq_disable(void)
{
    model_irqs();
    cpu_self.irqs_on = false;
}

static inline void local_irq_enable(void)
{
    cpu_self.irqs_on = true;
    model_irqs();
}

static inline unsigned long local_irq_save(void)
{
    const bool was = cpu_self.irqs_on;

    local_irq_disable();
    return was;
}

static inline void local_irq_restore(unsigned long flags)
{
    if (flags) {
        local_irq_enable();
    }
}

static inline void spin_lock(spinlock_t *l)
{
    const uint32_t mine = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

    /* As in the hypervisor, but a thread that waits gives its CPU away. */
    while (atomic_load(&l->owner) != mine) {
        model_pause();
    }
}

static inline void spin_unlock(spinlock_t *l)
{
    atomic_store(&l->owner, l->owner + 1);
    model_pause();
}

static inline bool spin_trylock(spinlock_t *l)
{
    uint32_t owner = atomic_load(&l->owner);

    return atomic_cas(&l->next, &owner, owner + 1);
}

static inline unsigned long spin_lock_irqsave(spinlock_t *l)
{
    const unsigned long flags = local_irq_save();

    spin_lock(l);
    return flags;
}

static inline void spin_unlock_irqrestore(spinlock_t *l, unsigned long flags)
{
    spin_unlock(l);
    local_irq_restore(flags);
}

#endif
