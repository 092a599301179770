/* SPDX-License-Identifier: GPL-2.0 */
/* The machine's memory map, sorted, without overlaps. */
#ifndef ASM_E820_H
#define ASM_E820_H

#include <xen/types.h>

#define E820_RAM      1
#define E820_RESERVED 2
#define E820_ACPI     3
#define E820_NVS      4
#define E820_UNUSABLE 5

#define E820_MAX 128

/* The guest ABI's layout too (XENMEM_machine_memory_map). */
struct e820_entry {
    uint64_t addr;
    uint64_t size;
    uint32_t type;
} __attribute__((packed));
static_assert(sizeof(struct e820_entry) == 20, "E820 entry");

/**
 * e820_host() - The machine's map after mem= was applied.
 * @nr: number of entries. Locks: none. Context: after boot_memory_map().
 * Return: the entries, sorted by address, constant.
 */
const struct e820_entry *e820_host(unsigned int *nr);

/**
 * e820_add() - Take one entry from the loader, before e820_finish().
 * @addr, @size, @type: untrusted. Locks: none. Context: boot.
 */
void e820_add(uint64_t addr, uint64_t size, uint32_t type);

/**
 * e820_finish() - Sort, resolve overlaps (the less usable type wins), merge.
 * @limit: RAM from this address on is left out; 0: no limit.
 * Locks: none. Context: boot. Return: 0, -EINVAL no RAM at all.
 */
int must_check e820_finish(uint64_t limit);

#endif
