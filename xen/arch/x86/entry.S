/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entries from guests and interrupts, and the way back.
 *
 * Every entry makes a struct cpu_user_regs on the stack. One from a guest lies
 * at the top of the CPU's stack (guest_regs()), because TSS.rsp0 and the SYSCALL
 * path both start there. The guest's GS base stays in place all the time;
 * MSR_KERNEL_GS_BASE points at this CPU's struct cpu_info and is used by the
 * SYSCALL entry for as long as it has no stack.
 */
#include <asm-offsets.h>
#include <asm/config.h>

#define ENTRY_SYSCALL 0x100

    .text

    .macro SAVE_REGS
    cld
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    .endm

    .macro RESTORE_REGS
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    .endm

    /* SYSCALL from 64-bit guest code: hypercall or guest system call. */
    .globl syscall_entry
    .balign 16
syscall_entry:
    swapgs
    movq %rsp, %gs:CPU_INFO_SCRATCH
    movq %gs:CPU_INFO_PTR_RSP0, %rsp
    pushq $SEL_GUEST_DS
    pushq %gs:CPU_INFO_SCRATCH
    swapgs
    pushq %r11
    pushq $SEL_GUEST_CS64
    pushq %rcx
    pushq $0
    movl $ENTRY_SYSCALL, 4(%rsp)
    SAVE_REGS
    movq %rsp, %rdi
    xorl %ebp, %ebp
    call handle_syscall
    jmp ret_to_guest

    /* SYSCALL from compatibility mode (AMD). */
    .globl syscall32_entry
    .balign 16
syscall32_entry:
    swapgs
    movq %rsp, %gs:CPU_INFO_SCRATCH
    movq %gs:CPU_INFO_PTR_RSP0, %rsp
    pushq $SEL_GUEST_DS
    pushq %gs:CPU_INFO_SCRATCH
    swapgs
    pushq %r11
    pushq $SEL_GUEST_CS32
    pushq %rcx
    pushq $0
    SAVE_REGS
    movq %rsp, %rdi
    xorl %ebp, %ebp
    call handle_syscall32
    jmp ret_to_guest

    /*
     * SYSENTER (Intel). The CPU saves nothing: RSP was set from the MSR to this
     * CPU's rsp0; the guest finds its way back by itself.
     */
    .globl sysenter_entry
    .balign 16
sysenter_entry:
    pushq $SEL_GUEST_DS
    pushq $0
    pushfq
    pushq $SEL_GUEST_CS32
    pushq $0
    pushq $0
    SAVE_REGS
    movq %rsp, %rdi
    xorl %ebp, %ebp
    call handle_sysenter
    jmp ret_to_guest

    /* Exceptions and interrupts share the tail; the stub pushed the error. */
    .balign 16
common_entry:
    SAVE_REGS
    movq %rsp, %rdi
    testb $3, REGS_CS(%rsp)
    jz 1f
    xorl %ebp, %ebp
    call handle_entry
    jmp ret_to_guest
1:  call handle_entry            /* RBP still is the interrupted frame's */
    RESTORE_REGS
    addq $8, %rsp
    iretq

    /* NMI, #DF, #MC have stacks of their own: never the guest's frame. */
    .balign 16
ist_common:
    SAVE_REGS
    movq %rsp, %rdi
    jmp 1b

    /*
     * #DB has a stack of its own because a guest can have one delivered on the
     * first instruction of a SYSCALL entry (a watchpoint on the operand of a
     * MOV SS just before), where RSP still is the guest's. One from guest code
     * goes on as other exceptions do, its frame moved to where theirs start.
     */
    .balign 16
debug_entry:
    testb $3, 16(%rsp)          /* cs, above the vector and rip */
    jz ist_common
    pushq %rax
    pushq %rbx
    movq %rsp, %rbx
    swapgs
    movq %gs:CPU_INFO_PTR_RSP0, %rsp
    swapgs
    pushq 56(%rbx)              /* ss */
    pushq 48(%rbx)              /* rsp */
    pushq 40(%rbx)              /* rflags */
    pushq 32(%rbx)              /* cs */
    pushq 24(%rbx)              /* rip */
    pushq 16(%rbx)              /* vector */
    movq 8(%rbx), %rax
    movq (%rbx), %rbx
    jmp common_entry

    /* Where the scheduler jumps after it changed guest_regs(). */
    .globl ret_to_guest_reset
ret_to_guest_reset:
    movq %rdi, %rsp             /* &guest_regs */
    .globl ret_to_guest
ret_to_guest:
    call exit_to_guest          /* returns with interrupts off */
    testl %eax, %eax            /* 1: SYSRET will do */
    jz .Liret
    RESTORE_REGS
    movq 8(%rsp), %rcx          /* rip */
    movq 24(%rsp), %r11         /* rflags */
    movq 32(%rsp), %rsp
    sysretq
.Liret:
    RESTORE_REGS
    addq $8, %rsp
    .globl guest_iretq
guest_iretq:
    iretq

    .globl run_on_reset_stack
run_on_reset_stack:             /* (fn, new_rsp): never returns */
    movq %rsi, %rsp
    andq $-16, %rsp
    xorl %ebp, %ebp
    call *%rdi
    ud2

    .macro STUB vector, has_error
    .balign 8
.Lstub_\vector:
    .if \has_error == 0
    pushq $0
    .endif
    movl $\vector, 4(%rsp)
    .if \vector == 1
    jmp debug_entry
    .elseif \vector == 2 || \vector == 8 || \vector == 18
    jmp ist_common
    .else
    jmp common_entry
    .endif
    .endm

    .altmacro
    .macro STUB_N n
    .if \n == 8 || (\n >= 10 && \n <= 14) || \n == 17 || \n == 21 || \n == 29 || \n == 30
    STUB \n, 1
    .else
    STUB \n, 0
    .endif
    .endm
    .set i, 0
    .rept 256
    STUB_N %i
    .set i, i + 1
    .endr

    .section .rodata
    .balign 8
    .globl entry_stubs
entry_stubs:
    .macro STUB_ADDR n
    .quad .Lstub_\n
    .endm
    .set i, 0
    .rept 256
    STUB_ADDR %i
    .set i, i + 1
    .endr

    .section .note.GNU-stack, "", @progbits
