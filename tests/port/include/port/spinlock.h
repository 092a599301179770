/* SPDX-License-Identifier: GPL-2.0 */
/* Hosted tests are single threaded: a lock only checks that it is balanced. */
#ifndef PORT_SPINLOCK_H
#define PORT_SPINLOCK_H
#include <assert.h> /* assert() */
static inline void spin_lock(spinlock_t *l)
{
    assert(l->next == l->owner);
    l->next++;
}
static inline void spin_unlock(spinlock_t *l)
{
    assert(l->next == l->owner + 1);
    l->owner++;
}
static inline bool spin_trylock(spinlock_t *l)
{
    if (l->next != l->owner) {
        return false;
    }
    l->next++;
    return true;
}
static inline unsigned long spin_lock_irqsave(spinlock_t *l)
{
    spin_lock(l);
    return 0;
}
static inline void spin_unlock_irqrestore(spinlock_t *l, unsigned long flags)
{
    (void)flags;
    spin_unlock(l);
}
#endif
