/* SPDX-License-Identifier: GPL-2.0 */
/* What the boot loader gave us, independent of which loader it was. */
#ifndef ASM_BOOT_INFO_H
#define ASM_BOOT_INFO_H

#include <xen/addr.h>

#define BOOT_MAX_MODULES 8
#define BOOT_CMDLINE     2048

struct boot_module {
    paddr_t pa;
    uint64_t len;
    const char *cmdline; /* inside boot_info.strings */
};

struct boot_info {
    char cmdline[BOOT_CMDLINE];
    unsigned int nr_modules;
    struct boot_module modules[BOOT_MAX_MODULES];
    char strings[BOOT_MAX_MODULES * 1024];
    const char *loader;
};

extern struct boot_info boot_info;

/**
 * multiboot_parse() - Copy what we need out of a multiboot 1 structure.
 * @mbi_pa: its machine address, below 4 GiB; contents untrusted.
 *
 * Fills boot_info and the e820 list. Locks: none. Context: boot, first 4 GiB in
 * the direct map. Return: 0, -EINVAL no memory map, -E2BIG too many modules.
 * Spec: Multiboot 0.6.96, 3.3.
 */
int must_check multiboot_parse(uint32_t mbi_pa);

#endif
