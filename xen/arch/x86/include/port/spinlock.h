/* SPDX-License-Identifier: GPL-2.0 */
/* Ticket locks: first come, first served, so no CPU starves. */
#ifndef PORT_SPINLOCK_H
#define PORT_SPINLOCK_H

#include <xen/atomic.h>

static inline void spin_lock(spinlock_t *l)
{
    const uint32_t mine = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

    /* Acquire: what the previous holder wrote is seen after this loop. */
    while (atomic_load(&l->owner) != mine) {
        __builtin_ia32_pause();
    }
}

static inline void spin_unlock(spinlock_t *l)
{
    atomic_store(&l->owner, l->owner + 1);
}

static inline bool spin_trylock(spinlock_t *l)
{
    uint32_t owner = atomic_load(&l->owner);

    return atomic_cas(&l->next, &owner, owner + 1);
}

static inline unsigned long local_irq_save(void)
{
    unsigned long flags;

    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags)::"memory");
    return flags;
}

static inline void local_irq_restore(unsigned long flags)
{
    __asm__ volatile("pushq %0; popfq" ::"r"(flags) : "memory", "cc");
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
