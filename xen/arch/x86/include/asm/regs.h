/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The saved register frame, at the top of the stack on each entry from a guest.
 * Its layout is the guest ABI's, so it can be copied to and from contexts.
 */
#ifndef ASM_REGS_H
#define ASM_REGS_H

#include <xen/types.h>

#include <public/xen.h>

#define RFLAGS_CF   UINT64_C(0x00000001)
#define RFLAGS_MBS  UINT64_C(0x00000002) /* always one */
#define RFLAGS_TF   UINT64_C(0x00000100)
#define RFLAGS_IF   UINT64_C(0x00000200)
#define RFLAGS_DF   UINT64_C(0x00000400)
#define RFLAGS_IOPL UINT64_C(0x00003000)
#define RFLAGS_NT   UINT64_C(0x00004000)
#define RFLAGS_RF   UINT64_C(0x00010000)
#define RFLAGS_VM   UINT64_C(0x00020000)
#define RFLAGS_AC   UINT64_C(0x00040000)
#define RFLAGS_VIF  UINT64_C(0x00080000)
#define RFLAGS_VIP  UINT64_C(0x00100000)
#define RFLAGS_ID   UINT64_C(0x00200000)

/* entry_vector of a SYSCALL: not a CPU exception number. */
#define ENTRY_SYSCALL 0x100

/* Exceptions. Spec: SDM vol 3A, table 6-1. */
#define EXC_DE  0
#define EXC_DB  1
#define EXC_NMI 2
#define EXC_BP  3
#define EXC_OF  4
#define EXC_BR  5
#define EXC_UD  6
#define EXC_NM  7
#define EXC_DF  8
#define EXC_TS  10
#define EXC_NP  11
#define EXC_SS  12
#define EXC_GP  13
#define EXC_PF  14
#define EXC_MF  16
#define EXC_AC  17
#define EXC_MC  18
#define EXC_XM  19

#define PF_PRESENT 0x01
#define PF_WRITE   0x02
#define PF_USER    0x04
#define PF_RSVD    0x08
#define PF_INSN    0x10

/* True if the frame came from guest code (CPL 3), not from us. */
static inline bool regs_from_guest(const struct cpu_user_regs *regs)
{
    return (regs->cs & 3) == 3;
}

#endif
