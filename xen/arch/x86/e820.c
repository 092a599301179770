/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory map. Firmware's entries may overlap and come in any order; the
 * result is sorted and disjoint, and where two entries claim a byte, the one
 * that forbids more wins. Boot only, no lock.
 */
#include <xen/addr.h>
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include <asm/e820.h>

static struct e820_entry raw[E820_MAX];
static unsigned int nr_raw;
static struct e820_entry map[E820_MAX];
static unsigned int nr_map;

const struct e820_entry *e820_host(unsigned int *nr)
{
    *nr = nr_map;
    return map;
}

void boot_fn e820_add(uint64_t addr, uint64_t size, uint32_t type)
{
    if (size == 0 || addr + size < addr) {
        return;
    }
    if (nr_raw == E820_MAX) {
        log_warn("e820: more than %u entries, %#lx+%#lx ignored\n", E820_MAX,
                 addr, size);
        return;
    }
    raw[nr_raw++] = (struct e820_entry){ addr, size, type };
}

/* Which claim on a byte is believed: unusable, NVS, ACPI, reserved, RAM. */
static unsigned int rank(uint32_t type)
{
    switch (type) {
    case E820_RAM:
        return 1;
    case E820_RESERVED:
        return 2;
    case E820_ACPI:
        return 3;
    case E820_NVS:
        return 4;
    default:
        return 5;
    }
}

/* Strongest claim on the bytes right after @pos, and where it may change. */
static uint32_t claim_at(uint64_t pos, uint64_t *next)
{
    uint32_t type = 0;

    *next = ~UINT64_C(0);
    for (unsigned int i = 0; i < nr_raw; i++) {
        const uint64_t start = raw[i].addr;
        const uint64_t end = start + raw[i].size;

        if (start > pos) {
            *next = min_of(*next, start);
        } else if (end > pos) {
            *next = min_of(*next, end);
            if (!type || rank(raw[i].type) > rank(type)) {
                type = raw[i].type;
            }
        }
    }
    return type;
}

int boot_fn e820_finish(uint64_t limit)
{
    uint64_t pos = 0;
    bool have_ram = false;

    nr_map = 0;
    while (pos != ~UINT64_C(0)) {
        uint64_t next;
        uint32_t type = claim_at(pos, &next);
        uint64_t end = next;

        if (type == E820_RAM && limit && end > limit) {
            end = max_of(pos, limit);
        }
        if (type && end > pos) {
            struct e820_entry *last = nr_map ? &map[nr_map - 1] : NULL;

            have_ram |= type == E820_RAM;
            if (last && last->type == type && last->addr + last->size == pos) {
                last->size += end - pos;
            } else if (nr_map < E820_MAX) {
                map[nr_map++] = (struct e820_entry){ pos, end - pos, type };
            }
        }
        pos = next;
    }
    for (unsigned int i = 0; i < nr_map; i++) {
        static const char *const names[] = { "hole", "RAM", "reserved",
                                             "ACPI data", "ACPI NVS" };
        log_info("e820: %016lx-%016lx %s\n", (unsigned long)map[i].addr,
                 (unsigned long)(map[i].addr + map[i].size - 1),
                 map[i].type < array_size(names) ? names[map[i].type]
                                                 : "unusable");
    }
    return have_ram ? 0 : -EINVAL;
}
