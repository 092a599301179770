/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a CPU knows of itself. It lies at the top of the CPU's stack, which is
 * STACK_SIZE aligned and holds the IST stacks too, so it is found from RSP in
 * any context and the guest's GS base can stay in place while we run.
 */
#ifndef ASM_CURRENT_H
#define ASM_CURRENT_H

#include <xen/types.h>

#include <asm/config.h>
#include <asm/regs.h>

struct vcpu;

struct cpu_info {
    struct cpu_user_regs guest_regs; /* frame of the last entry from a guest */
    struct vcpu *vcpu;               /* vCPU whose state is on this CPU */
    uint64_t processor_id;           /* our number of this CPU, dense from 0 */
    uint64_t scratch_rsp;            /* guest RSP during SYSCALL entry */
    uint64_t rsp0;                   /* &guest_regs.es, where frames start */
    uint64_t pad[2]; /* the frame must start at a 16-byte boundary */
};

static inline struct cpu_info *cpu_info(void)
{
    uint64_t sp;

    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (struct cpu_info *)((sp & ~(uint64_t)(STACK_SIZE - 1)) +
                               STACK_SIZE) -
           1;
}

#define current      (cpu_info()->vcpu)
#define smp_cpu_id() ((unsigned int)cpu_info()->processor_id)
#define guest_regs() (&cpu_info()->guest_regs)

#endif
