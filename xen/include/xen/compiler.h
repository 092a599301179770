/* SPDX-License-Identifier: GPL-2.0 */
/* Names for what the compiler can check or optimise. Layer L0. */
#ifndef XEN_COMPILER_H
#define XEN_COMPILER_H

#ifndef static_assert
#define static_assert _Static_assert
#endif

#define must_check        __attribute__((warn_unused_result))
#define noreturn_fn       __attribute__((noreturn))
#define printf_like(f, a) __attribute__((format(printf, f, a)))
#define always_inline     inline __attribute__((always_inline))
#define noinline_fn       __attribute__((noinline))
#define packed_abi        __attribute__((packed))
#define aligned_to(n)     __attribute__((aligned(n)))
#define in_section(s)     __attribute__((section(s)))
#define used_symbol       __attribute__((used))
#define maybe_unused      __attribute__((unused))
#define fallthrough       __attribute__((fallthrough))
#define likely(x)         __builtin_expect(!!(x), 1)
#define unlikely(x)       __builtin_expect(!!(x), 0)
#define barrier()         __asm__ volatile("" ::: "memory")
#define read_once(x)      (*(volatile __typeof__(x) *)(uintptr_t) & (x))
#define write_once(x, v)  (*(volatile __typeof__(x) *)(uintptr_t) & (x) = (v))
#define array_size(a)     (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) \
    ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* Documentation for readers (and clang's -Wthread-safety where it can). */
#define must_hold(lock)

#endif
