/* SPDX-License-Identifier: GPL-2.0 */
/* Spinlocks. Layer L2 (port): tests/port has its own implementation. */
#ifndef XEN_SPINLOCK_H
#define XEN_SPINLOCK_H

#include <xen/types.h>

typedef struct {
    uint32_t next;  /* ticket the next taker draws */
    uint32_t owner; /* ticket that holds the lock */
} spinlock_t;

#define SPINLOCK_INIT \
    {                 \
        0, 0          \
    }

/*
 * spin_lock() / spin_unlock() - a lock never taken from interrupt handlers.
 * spin_lock_irqsave() / spin_unlock_irqrestore() - one that may be: interrupts
 * are off while it is held. spin_trylock() - true if the lock was taken.
 * Locks: acquires or releases *l. Context: any; spins. Return: see above.
 */
#include <port/spinlock.h>

#endif
