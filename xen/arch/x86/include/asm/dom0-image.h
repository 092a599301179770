/* SPDX-License-Identifier: GPL-2.0 */
/* Dom0's kernel, unpacked and checked, ready to be placed. */
#ifndef ASM_DOM0_IMAGE_H
#define ASM_DOM0_IMAGE_H

#include <asm/boot-info.h>

struct dom0_image {
    uint64_t virt_base;    /* virtual address of pfn 0 */
    uint64_t entry;        /* first instruction */
    uint64_t p2m_base;     /* where the P2M is wanted; valid if has_p2m_base */
    uint64_t first;        /* bytes from pfn 0 to the first byte loaded */
    uint64_t end;          /* and to the byte after the last (bss included) */
    uint64_t paddr_offset; /* taken off the segments' load addresses */
    bool has_p2m_base;
    bool initrd_unmapped; /* the initrd is passed as a frame number */
    const uint8_t *elf;   /* the unpacked file */
    size_t elf_len;
    struct page_info *buffer; /* holds elf, or NULL if it is the module */
    unsigned int buffer_order;
};

/**
 * dom0_image_open() - Unpack and check a kernel.
 * @mod: the boot module, untrusted. @img: filled on success.
 * @why: on failure, what is wrong with it, a constant string.
 * Locks: none. Context: boot. Return: 0, -ENOEXEC, -EILSEQ, -ENOMEM, -EINVAL.
 */
int must_check dom0_image_open(const struct boot_module *mod,
                               struct dom0_image *img, const char **why);

/**
 * dom0_image_load() - Place the segments.
 * @img: opened. @pfn0: where pfn 0 is in the direct map; img->end bytes there
 * are ours to write. Locks: none. Context: boot.
 */
void dom0_image_load(const struct dom0_image *img, uint8_t *pfn0);

/**
 * dom0_image_close() - Give the unpacked image's memory back.
 * @img: opened; not to be used any more.
 * Locks: the heap's. Context: boot.
 */
void dom0_image_close(struct dom0_image *img);

#endif
