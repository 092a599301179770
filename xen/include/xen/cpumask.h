/* SPDX-License-Identifier: GPL-2.0 */
/* Sets of CPUs. Layer L0 plus atomics. */
#ifndef XEN_CPUMASK_H
#define XEN_CPUMASK_H

#include <xen/atomic.h>
#include <xen/bits.h>

#define CPUMASK_BITS 64

typedef struct {
    uint64_t bits;
} cpumask_t;

#define CPUMASK_NONE    ((cpumask_t){ 0 })
#define CPUMASK_OF(cpu) ((cpumask_t){ BIT64(cpu) })

static inline bool cpumask_test(const cpumask_t *m, unsigned int cpu)
{
    return cpu < CPUMASK_BITS && (read_once(m->bits) >> cpu & 1);
}

/* Atomic, as is clear. */
static inline void cpumask_set(cpumask_t *m, unsigned int cpu)
{
    atomic_or(&m->bits, BIT64(cpu));
}

static inline void cpumask_clear(cpumask_t *m, unsigned int cpu)
{
    atomic_and(&m->bits, ~BIT64(cpu));
}

static inline bool cpumask_empty(const cpumask_t *m)
{
    return read_once(m->bits) == 0;
}

static inline unsigned int cpumask_weight(const cpumask_t *m)
{
    return (unsigned int)__builtin_popcountll(m->bits);
}

/* First CPU of the set from @from on; CPUMASK_BITS if there is none. */
static inline unsigned int cpumask_next(const cpumask_t *m, unsigned int from)
{
    return from >= CPUMASK_BITS ? CPUMASK_BITS
                                : ctz64(m->bits & (~UINT64_C(0) << from));
}

#define cpumask_for_each(cpu, m)                       \
    for (cpu = cpumask_next(m, 0); cpu < CPUMASK_BITS; \
         cpu = cpumask_next(m, cpu + 1))

extern cpumask_t cpu_online; /* CPUs that run; written by CPU bring-up only */

#endif
