/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Multiboot entry of the first CPU: 32-bit protected mode, no paging, to
 * xen_boot(mbi) in 64-bit mode on our own stack and tables.
 * Spec: Multiboot 0.6.96, 3.1 and 3.2.
 */
#include <asm-offsets.h>
#include <asm/config.h>

#define MB_MAGIC 0x1badb002
#define MB_FLAGS 0x00000003 /* align modules on pages, give a memory map */
#define MB_LOADED 0x2badb002

#define PA(sym) ((sym) - XEN_VIRT_START)

#define PTE_TABLE 0x003 /* present, writable */
#define PTE_LEAF  0x083 /* present, writable, large */

    .section .multiboot, "ax", @progbits
    .balign 4
    .long MB_MAGIC
    .long MB_FLAGS
    .long -(MB_MAGIC + MB_FLAGS)

    .section .text.head, "ax", @progbits
    .code32
    .globl start
start:
    cld
    cli
    cmpl $MB_LOADED, %eax
    jne .Lno_loader
    movl $PA(boot_stack_end), %esp
    movl %ebx, %ebp

    /* Need long mode. Spec: SDM vol 2 "CPUID", leaf 0x80000001 EDX[29]. */
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb .Lno_long_mode
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc .Lno_long_mode

    /* Four level-2 tables: the first 4 GiB in 2 MiB leaves. */
    movl $PA(boot_l2), %edi
    movl $PTE_LEAF, %eax
    movl $2048, %ecx
1:  movl %eax, (%edi)
    movl $0, 4(%edi)
    addl $0x200000, %eax
    addl $8, %edi
    decl %ecx
    jnz 1b

    /* One level-3 table serves identity and direct map, another the image. */
    movl $PA(boot_l2) + PTE_TABLE, %eax
    movl $PA(boot_l3_low), %edi
    movl $4, %ecx
1:  movl %eax, (%edi)
    addl $4096, %eax
    addl $8, %edi
    decl %ecx
    jnz 1b
    movl $PA(boot_l2) + PTE_TABLE, %eax
    movl %eax, PA(boot_l3_image) + ((XEN_VIRT_START >> 30) & 511) * 8

    movl $PA(boot_l3_low) + PTE_TABLE, PA(idle_l4)
    movl $PA(boot_l3_low) + PTE_TABLE, \
         PA(idle_l4) + ((DIRECTMAP_START >> 39) & 511) * 8
    movl $PA(boot_l3_image) + PTE_TABLE, \
         PA(idle_l4) + ((XEN_VIRT_START >> 39) & 511) * 8

    movl $PA(idle_l4), %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $0x20, %eax             /* PAE */
    movl %eax, %cr4
    movl $0xc0000080, %ecx      /* EFER */
    rdmsr
    orl $0x101, %eax            /* SCE, LME */
    wrmsr
    movl %cr0, %eax
    orl $0x80010001, %eax       /* PG, WP, PE */
    movl %eax, %cr0
    lgdt PA(boot_gdt_ptr)
    ljmp $0x08, $PA(.Llow64)

.Lno_loader:
    movl $PA(.Lmsg_loader), %esi
    jmp .Ldie
.Lno_long_mode:
    movl $PA(.Lmsg_long), %esi
    /* No console yet: straight to the first serial port. */
.Ldie:
    lodsb
    testb %al, %al
    jz 2f
    movb %al, %ah
1:  movw $0x3fd, %dx
    inb %dx, %al
    testb $0x20, %al
    jz 1b
    movb %ah, %al
    movw $0x3f8, %dx
    outb %al, %dx
    jmp .Ldie
2:  hlt
    jmp 2b
.Lmsg_loader:
    .asciz "xen: not started by a multiboot loader\r\n"
.Lmsg_long:
    .asciz "xen: this CPU has no 64-bit mode\r\n"

    .code64
.Llow64:
    movabsq $.Lhigh64, %rax
    jmp *%rax
.Lhigh64:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    leaq boot_stack_end(%rip), %rsp
    subq $CPU_INFO_BYTES, %rsp
    andq $-16, %rsp             /* as the C ABI wants it at a call */
    movl %ebp, %edi
    xorl %ebp, %ebp
    call xen_boot
    ud2

    .balign 8
    .word 0
boot_gdt_ptr:
    .word boot_gdt_end - boot_gdt - 1
    .long PA(boot_gdt)
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff    /* 0x08: 64-bit code, DPL 0 */
    .quad 0x00cf93000000ffff    /* 0x10: data, DPL 0 */
boot_gdt_end:

/*
 * Start of the other CPUs: copied below 1 MiB, entered in real mode at
 * page:0000. The words at its end are filled in by smpboot.c.
 */
    .balign 16
    .globl trampoline_start, trampoline_end, trampoline_cr3
    .globl trampoline_stack
#define TR(sym) ((sym) - trampoline_start)
    .code16
trampoline_start:
    cli
    movw %cs, %ax
    movw %ax, %ds
    xorl %esi, %esi
    movw %ax, %si
    shll $4, %esi               /* esi: where we were copied to */
    lgdtl TR(.Ltr_gdt_ptr)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl *TR(.Ltr_far32)
    .code32
.Ltr32:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %ss
    movl TR(trampoline_cr3)(%esi), %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $0x20, %eax
    movl %eax, %cr4
    movl $0xc0000080, %ecx
    rdmsr
    orl TR(trampoline_efer)(%esi), %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80010001, %eax
    movl %eax, %cr0
    ljmpl *TR(.Ltr_far64)(%esi)
    .code64
.Ltr64:
    movl %esi, %esi
    movq TR(trampoline_stack)(%rsi), %rsp
    subq $CPU_INFO_BYTES, %rsp
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    xorl %ebp, %ebp
    movabsq $ap_boot, %rax
    jmp *%rax
    .balign 8
.Ltr_gdt:
    .quad 0
    .quad 0x00af9b000000ffff    /* 0x08: 64-bit code */
    .quad 0x00cf93000000ffff    /* 0x10: data */
    .quad 0x00cf9b000000ffff    /* 0x18: 32-bit code */
    .word 0
.Ltr_gdt_ptr:
    .word . - .Ltr_gdt - 3
    .globl trampoline_gdt_base
trampoline_gdt_base:
    .long TR(.Ltr_gdt)          /* + load address */
    .globl trampoline_far32, trampoline_far64
.Ltr_far32:
trampoline_far32:
    .long TR(.Ltr32)            /* + load address */
    .word 0x18
    .balign 4
.Ltr_far64:
trampoline_far64:
    .long TR(.Ltr64)            /* + load address */
    .word 0x08
    .balign 8
trampoline_cr3:
    .quad 0
    .globl trampoline_efer
trampoline_efer:
    .quad 0x101                 /* SCE, LME; NXE too where the CPU has it */
trampoline_stack:
    .quad 0
trampoline_end:

    .section .bss.page_aligned, "aw", @nobits
    .balign 4096
    .globl idle_l4
idle_l4:
    .skip 4096
boot_l3_low:
    .skip 4096
boot_l3_image:
    .skip 4096
boot_l2:
    .skip 4 * 4096

    .section .bss.stack, "aw", @nobits
    .balign STACK_SIZE
    .globl boot_stack
boot_stack:
    .skip STACK_SIZE
boot_stack_end:

    .section .note.GNU-stack, "", @progbits
