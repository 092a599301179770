/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PORT_GUEST_WORD_H
#define PORT_GUEST_WORD_H

#include <asm/config.h>
#include <asm/cpufeature.h>
#include <asm/extable.h>
#include <asm/system.h>

/*
 * No wrap, and all of it in the lower half or above our part of the upper one:
 * what is between, our part and addresses that are not canonical, is refused.
 */
static inline bool guest_range_ok(uint64_t gva, size_t len)
{
    const uint64_t last = gva + len - 1;

    return last >= gva && (last < LOWER_HALF_END || gva >= HYP_VIRT_END);
}

static inline void guest_window_open(void)
{
    if (boot_cpu.smap) {
        __asm__ volatile("stac" ::: "memory");
    }
}

static inline void guest_window_close(void)
{
    if (boot_cpu.smap) {
        __asm__ volatile("clac" ::: "memory");
    }
}

static always_inline bool guest_word(uint64_t gva, uint64_t *val)
{
    __asm__ goto("1: mov %1, %0\n" EXTABLE("1b", "%l2")
                 : "=r"(*val)
                 : "m"(*(const volatile uint64_t *)gva)
                 :
                 : fault);
    return true;
fault:
    return false;
}

#endif
