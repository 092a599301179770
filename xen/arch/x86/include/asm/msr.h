/* SPDX-License-Identifier: GPL-2.0 */
/* What PV guests may do with model-specific registers. */
#ifndef ASM_MSR_H
#define ASM_MSR_H

#include <asm/system.h>

struct vcpu;

/**
 * pv_rdmsr() - Read an MSR as a guest kernel sees it.
 * @v:   the current vCPU. @msr: number, any value.
 * @val: the value; unchanged on error.
 * Locks: none. Context: current vCPU. Trust: @msr is the guest's.
 * Return: 0, -EPERM (the guest gets #GP).
 */
int must_check pv_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *val);

/**
 * pv_wrmsr() - Write an MSR on behalf of a guest kernel.
 * @v:   the current vCPU. @msr: number. @val: any value.
 * Locks: none. Context: current vCPU. Trust: @msr and @val are the guest's.
 * Return: 0, -EPERM (the guest gets #GP).
 */
int must_check pv_wrmsr(struct vcpu *v, uint32_t msr, uint64_t val);

#endif
