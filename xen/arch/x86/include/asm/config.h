/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual memory layout; the single source for C, assembly and linker script.
 * L4 slots 256..271 are ours in every address space, the rest is the guest's.
 * Spec: <public/arch-x86/xen-x86_64.h>, HYPERVISOR_VIRT_START.
 */
#ifndef ASM_CONFIG_H
#define ASM_CONFIG_H

#ifdef __ASSEMBLY__
#define ADDR_CONST(x) x
#else
#define ADDR_CONST(x) x##UL
#endif

#define HYP_FIRST_SLOT 256 /* first L4 slot that is ours */
#define HYP_LAST_SLOT  271

/* Canonical addresses of the lower half, all of them the guest's, end here. */
#define LOWER_HALF_END ADDR_CONST(0x0000800000000000)

#define HYP_VIRT_START ADDR_CONST(0xffff800000000000)
#define HYP_VIRT_END   ADDR_CONST(0xffff880000000000)

/* Slot 256: machine-to-frame table, which guests may read (ABI address). */
#define M2P_START ADDR_CONST(0xffff800000000000)
#define M2P_END   ADDR_CONST(0xffff804000000000)

/* Slot 257: the same table, writable for us. */
#define M2P_RW_START ADDR_CONST(0xffff808000000000)

/* Slots 258 and 259: struct page_info of each frame. */
#define FRAMETABLE_START ADDR_CONST(0xffff810000000000)
#define FRAMETABLE_END   ADDR_CONST(0xffff820000000000)

/* Slot 260: per-CPU windows onto the running vCPU's GDT and LDT frames. */
#define GDT_WINDOW_START ADDR_CONST(0xffff820000000000)
#define GDT_WINDOW_SHIFT 18 /* 64 pages a CPU: 16 GDT, 16 LDT, rest unmapped */

/* Slot 261: device mappings and scattered pages, then the image itself. */
#define VMAP_START     ADDR_CONST(0xffff828000000000)
#define VMAP_END       ADDR_CONST(0xffff82c000000000)
#define XEN_VIRT_START ADDR_CONST(0xffff82d040000000)
#define XEN_IMAGE_MAX  ADDR_CONST(0x0000000040000000)

/* Slots 262..271: all of RAM at its machine address plus this. */
#define DIRECTMAP_START ADDR_CONST(0xffff830000000000)
#define DIRECTMAP_END   HYP_VIRT_END

/* Where the image is loaded: 2 MiB aligned, above the first MiB. */
#define XEN_LOAD_PA 0x200000

#define STACK_ORDER 3 /* pages of a CPU's stack: 8, IST stacks included */
#define STACK_SIZE  (4096 << STACK_ORDER)

#define MAX_CPUS 64

/*
 * Flat selectors every PV guest may use. The ABI fixes the values; they live in
 * GDT page 14 (selector 0xe000), which is ours.
 */
#define SEL_GUEST_CS32    0xe023
#define SEL_GUEST_DS      0xe02b
#define SEL_GUEST_CS64    0xe033
#define SEL_HYP_CS        0xe008
#define SEL_HYP_DS        0xe010
#define SEL_TSS           0xe040
#define SEL_LDT           0xe050
#define GDT_RESERVED_PAGE 14
#define GDT_RESERVED_BYTE 0xe000
#define GDT_LIMIT         0xefff

/* Vectors. 0x20..0xef are handed out to devices. */
#define VEC_FIRST_DYNAMIC 0x20
#define VEC_LAST_DYNAMIC  0xef
#define VEC_TIMER         0xf0
#define VEC_CALL          0xf1 /* run a function on this CPU */
#define VEC_EVENT_CHECK   0xf2 /* look at softirqs and pending events */
#define VEC_ERROR         0xfe
#define VEC_SPURIOUS      0xff

#endif
