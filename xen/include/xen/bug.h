/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ASSERT for what our own code guarantees; BUG where going on would break
 * isolation. Never for what a guest, device or firmware can cause. L2 (port).
 */
#ifndef XEN_BUG_H
#define XEN_BUG_H

#include <xen/compiler.h>

/**
 * panic() - Print a reason with registers and backtrace, stop every CPU, reboot.
 * @fmt: printf format of the reason, without newline.
 * Locks: none taken that the caller could hold. Context: any. Never returns.
 */
void panic(const char *fmt, ...) printf_like(1, 2) noreturn_fn;

/**
 * boot_stop() - End a boot that cannot go on for a reason that is not ours.
 * @fmt: printf format of the one line that says why, without newline.
 *
 * The machine restarts, or halts if noreboot was given.
 * Locks: the console's. Context: boot. Never returns.
 */
void boot_stop(const char *fmt, ...) printf_like(1, 2) noreturn_fn;

#define BUG() panic("BUG at %s:%d", __FILE__, __LINE__)
#define BUG_ON(c)                                              \
    do {                                                       \
        if (unlikely(c)) {                                     \
            panic("BUG at %s:%d: %s", __FILE__, __LINE__, #c); \
        }                                                      \
    } while (0)
#define ASSERT(c)                                                           \
    do {                                                                    \
        if (unlikely(!(c))) {                                               \
            panic("assertion failed at %s:%d: %s", __FILE__, __LINE__, #c); \
        }                                                                   \
    } while (0)

#endif
