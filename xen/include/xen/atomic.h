/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Atomics by meaning. Built on the compiler's, which are the same in the
 * hypervisor and in hosted tests. Layer L2 (port).
 */
#ifndef XEN_ATOMIC_H
#define XEN_ATOMIC_H

#include <xen/types.h>

/* Full ordering unless the name says otherwise. */
#define atomic_load(p)             __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define atomic_store(p, v)         __atomic_store_n(p, v, __ATOMIC_RELEASE)
/* No order at all: for words that nobody believes before they are published. */
#define atomic_store_relaxed(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define atomic_add(p, v)           __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST)
#define atomic_sub(p, v)           __atomic_sub_fetch(p, v, __ATOMIC_SEQ_CST)
#define atomic_or(p, v)            __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define atomic_and(p, v)           __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST)
#define atomic_xor(p, v)           __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST)
#define atomic_xchg(p, v)          __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
/* True if *p was *old and is now v; else *old holds what *p was. */
#define atomic_cas(p, old, v)                                       \
    __atomic_compare_exchange_n(p, old, v, false, __ATOMIC_SEQ_CST, \
                                __ATOMIC_SEQ_CST)

struct word_pair {
    uint64_t lo;
    uint64_t hi;
};

/*
 * As atomic_cas() for the two words at @p, which is 16-byte aligned. Needs
 * CMPXCHG16B. SDM vol 2A "CMPXCHG8B/CMPXCHG16B".
 */
static always_inline bool atomic_cas2(volatile void *p, uint64_t *old_lo,
                                      uint64_t *old_hi, uint64_t lo,
                                      uint64_t hi)
{
    bool done; /* the CPU's zero flag says */

    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(done), "+m"(*(volatile struct word_pair *)p),
                       "+a"(*old_lo), "+d"(*old_hi)
                     : "b"(lo), "c"(hi)
                     : "memory");
    return done;
}

#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* Bit operations on arrays of 64-bit words; each returns the old bit. */
static inline bool atomic_test_set_bit(uint64_t *words, unsigned int bit)
{
    const uint64_t m = UINT64_C(1) << (bit % 64);

    return atomic_or(&words[bit / 64], m) & m;
}

static inline bool atomic_test_clear_bit(uint64_t *words, unsigned int bit)
{
    const uint64_t m = UINT64_C(1) << (bit % 64);

    return atomic_and(&words[bit / 64], ~m) & m;
}

static inline bool test_bit(const uint64_t *words, unsigned int bit)
{
    return read_once(words[bit / 64]) >> (bit % 64) & 1;
}

#endif
