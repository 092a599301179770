/* SPDX-License-Identifier: GPL-2.0 */
/* Barriers against speculation from one guest into another. */
#ifndef ASM_SPEC_CTRL_H
#define ASM_SPEC_CTRL_H

#include <xen/types.h>

#include <asm/config.h>

struct cpu_features;

struct spec_ctrl {
    bool ibpb;     /* branch predictions do not pass from guest to guest */
    bool md_clear; /* buffers are overwritten before a guest runs */
};

extern struct spec_ctrl spec_ctrl; /* what is in force; constant after boot */

/**
 * spec_ctrl_choose() - What a CPU needs and can do.
 * @c: what CPUID says. @arch_caps: IA32_ARCH_CAPABILITIES, 0 if there is none.
 * Locks: none. Context: any. Return: the barriers to use.
 * Spec: SDM vol 4 "IA32_ARCH_CAPABILITIES", "IA32_PRED_CMD".
 */
struct spec_ctrl spec_ctrl_choose(const struct cpu_features *c,
                                  uint64_t arch_caps);

/**
 * spec_ctrl_init() - Choose by CPU and command line (spec-ctrl=), and log it.
 * Locks: the log's. Context: boot, first CPU, after cpu_detect().
 */
void spec_ctrl_init(void);

/**
 * spec_ctrl_switch() - This CPU is about to run a vCPU of a domain.
 * @domid: its domain; the barrier is for a change only.
 * Locks: none. Context: interrupts off.
 */
void spec_ctrl_switch(uint16_t domid);

/**
 * spec_ctrl_exit() - This CPU is about to run guest code.
 * Locks: none. Context: interrupts off, last thing before the return.
 * Spec: SDM vol 2 "VERR/VERW" (with MD_CLEAR it overwrites buffers).
 */
static inline void spec_ctrl_exit(void)
{
    /* The operand is a selector of ours; only the memory form clears. */
    static const uint16_t sel = SEL_HYP_DS;

    if (spec_ctrl.md_clear) {
        __asm__ volatile("verw %0" ::"m"(sel) : "cc");
    }
}

#endif
