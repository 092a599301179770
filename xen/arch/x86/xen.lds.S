/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Image layout. Linked at XEN_VIRT_START + machine address, loaded as one
 * segment; permissions are set by page tables, section by section.
 */
#include <asm/config.h>

OUTPUT_FORMAT("elf64-x86-64")
OUTPUT_ARCH("i386:x86-64")
ENTRY(start)

PHDRS
{
    image PT_LOAD FLAGS(7);
}

SECTIONS
{
    . = XEN_VIRT_START + XEN_LOAD_PA;
    xen_start = .;

    .text : AT(ADDR(.text) - XEN_VIRT_START) {
        KEEP(*(.multiboot))
        *(.text.head)
        *(.text .text.*)
    } :image
    .init.text : AT(ADDR(.init.text) - XEN_VIRT_START) {
        *(.init.text)
    } :image
    xen_text_end = .;

    . = ALIGN(0x200000);
    xen_rodata_start = .;
    .rodata : AT(ADDR(.rodata) - XEN_VIRT_START) {
        *(.rodata .rodata.*)
        *(.data.rel.ro .data.rel.ro.*)
        *(.got .got.*)
        . = ALIGN(8);
        xen_extable_start = .;
        KEEP(*(.ex_table))
        xen_extable_end = .;
        . = ALIGN(8);
        xen_param_start = .;
        KEEP(*(.init.setup))
        xen_param_end = .;
        . = ALIGN(4);
        xen_note_start = .;
        *(.note.gnu.build-id)
        xen_note_end = .;
    } :image
    .symtab_xen : AT(ADDR(.symtab_xen) - XEN_VIRT_START) {
        KEEP(*(.symtab_xen))
    } :image

    . = ALIGN(0x200000);
    xen_data_start = .;
    .data : AT(ADDR(.data) - XEN_VIRT_START) {
        *(.data.page_aligned)
        *(.data .data.*)
        *(.init.data .init.data.*)
    } :image
    .bss : AT(ADDR(.bss) - XEN_VIRT_START) {
        . = ALIGN(STACK_SIZE);
        *(.bss.stack)
        . = ALIGN(4096);
        *(.bss.page_aligned)
        *(.bss .bss.* COMMON)
    } :image
    . = ALIGN(0x200000);
    xen_end = .;

    /DISCARD/ : {
        *(.comment) *(.note.GNU-stack) *(.note.gnu.property) *(.eh_frame*)
        *(.discard*) *(.interp) *(.dynamic) *(.gnu.hash) *(.hash) *(.dynsym)
        *(.dynstr)
    }
}
