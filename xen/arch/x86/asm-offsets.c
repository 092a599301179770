/* SPDX-License-Identifier: GPL-2.0 */
/* Constants assembly needs; the build turns the "->" lines into a header. */
#include <xen/domain.h>

#include <asm/current.h>

#define EMIT(name, value) \
    __asm__ volatile("\n->" #name " %0" ::"i"((unsigned long)(value)))

void asm_offsets(void);

void asm_offsets(void)
{
    EMIT(CPU_INFO_BYTES, sizeof(struct cpu_info));
    EMIT(CPU_INFO_SCRATCH, offsetof(struct cpu_info, scratch_rsp));
    EMIT(CPU_INFO_PTR_RSP0, offsetof(struct cpu_info, rsp0));
    EMIT(REGS_FRAME_RBP, offsetof(struct cpu_user_regs, rbp));
    EMIT(REGS_ERROR, offsetof(struct cpu_user_regs, error_code));
    EMIT(REGS_VECTOR, offsetof(struct cpu_user_regs, entry_vector));
    EMIT(REGS_RIP, offsetof(struct cpu_user_regs, rip));
    EMIT(REGS_CS, offsetof(struct cpu_user_regs, cs));
    EMIT(REGS_RFLAGS, offsetof(struct cpu_user_regs, rflags));
    EMIT(REGS_RSP, offsetof(struct cpu_user_regs, rsp));
    EMIT(REGS_SS, offsetof(struct cpu_user_regs, ss));
    EMIT(REGS_RCX, offsetof(struct cpu_user_regs, rcx));
    EMIT(REGS_R11, offsetof(struct cpu_user_regs, r11));
}

/* What entry.S assumes of the frame. */
static_assert(offsetof(struct cpu_user_regs, r15) == 0, "r15 pushed last");
static_assert(offsetof(struct cpu_user_regs, rdi) == 14 * 8,
              "rdi pushed first");
static_assert(offsetof(struct cpu_user_regs, error_code) == 15 * 8, "frame");
static_assert(offsetof(struct cpu_user_regs, entry_vector) == 15 * 8 + 4,
              "frame");
static_assert(offsetof(struct cpu_user_regs, rip) == 16 * 8, "frame");
static_assert(offsetof(struct cpu_user_regs, es) == 21 * 8, "frame");
/* The CPU aligns RSP down to 16 before it pushes: the frame must end there. */
static_assert(
    (sizeof(struct cpu_info) - offsetof(struct cpu_info, guest_regs.es)) % 16 ==
        0,
    "TSS.rsp0 alignment");
