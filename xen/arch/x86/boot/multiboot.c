/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Multiboot 1 information to struct boot_info. Everything is copied: the memory
 * it lies in belongs to the loader and is given to the allocator later. All of
 * it is untrusted; addresses must lie below 4 GiB, which is mapped.
 * Spec: Multiboot 0.6.96, 3.3 "Boot information format".
 */
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include <asm/boot-info.h>
#include <asm/e820.h>
#include <asm/pagetable.h>

#define MBI_CMDLINE BIT32(2)
#define MBI_MODS    BIT32(3)
#define MBI_MMAP    BIT32(6)
#define MBI_LOADER  BIT32(9)

struct mbi {
    uint32_t flags;
    uint32_t mem_lower;
    uint32_t mem_upper;
    uint32_t boot_device;
    uint32_t cmdline;
    uint32_t mods_count;
    uint32_t mods_addr;
    uint32_t syms[4];
    uint32_t mmap_length;
    uint32_t mmap_addr;
    uint32_t drives[2];
    uint32_t config_table;
    uint32_t boot_loader_name;
};
static_assert(offsetof(struct mbi, mmap_length) == 44, "multiboot 3.3");
static_assert(offsetof(struct mbi, boot_loader_name) == 64, "multiboot 3.3");

struct mbi_module {
    uint32_t start;
    uint32_t end;
    uint32_t string;
    uint32_t reserved;
};

#define LOW_END UINT64_C(0x100000000)

struct boot_info boot_info;

/* Bounded copy of a string at a loader-given address. */
static void copy_string(char *dst, size_t size, uint32_t pa)
{
    const char *src = pa_to_va(pa);
    const size_t max = min_of(size - 1, (size_t)(LOW_END - pa));
    const size_t len = strnlen(src, max);

    memcpy(dst, src, len);
    dst[len] = '\0';
}

static int parse_mmap(const struct mbi *m)
{
    uint64_t pos = m->mmap_addr;
    const uint64_t end = pos + m->mmap_length;

    if (end > LOW_END) {
        return -EINVAL;
    }
    while (pos < end && end - pos >= 24) {
        uint32_t size;
        uint64_t addr;
        uint64_t len;
        uint32_t type;
        const uint8_t *p = pa_to_va(pos);

        memcpy(&size, p, 4);
        memcpy(&addr, p + 4, 8);
        memcpy(&len, p + 12, 8);
        memcpy(&type, p + 20, 4);
        /* The size field does not count itself. */
        if (size < 20 || size > end - pos - 4) {
            log_warn("boot: memory map entry of %u bytes, rest ignored\n",
                     size);
            break;
        }
        e820_add(addr, len, type);
        pos += size + 4;
    }
    return 0;
}

static int parse_modules(const struct mbi *m)
{
    const uint64_t bytes = (uint64_t)m->mods_count * sizeof(struct mbi_module);

    if (m->mods_count > BOOT_MAX_MODULES) {
        return -E2BIG;
    }
    if (m->mods_addr + bytes > LOW_END) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < m->mods_count; i++) {
        struct mbi_module mod;
        struct boot_module *out = &boot_info.modules[boot_info.nr_modules];
        char *str = boot_info.strings + boot_info.nr_modules * 1024;

        memcpy(&mod, pa_to_va(m->mods_addr + i * sizeof(mod)), sizeof(mod));
        if (mod.end < mod.start) {
            log_warn("boot: module %u ends before it starts, ignored\n", i);
            continue;
        }
        if (mod.string) {
            copy_string(str, 1024, mod.string);
        }
        out->pa = mod.start;
        out->len = mod.end - mod.start;
        out->cmdline = str;
        boot_info.nr_modules++;
    }
    return 0;
}

int boot_fn multiboot_parse(uint32_t mbi_pa)
{
    struct mbi m;
    int rc = 0;

    memcpy(&m, pa_to_va(mbi_pa), sizeof(m));
    boot_info.loader = "multiboot";
    if (m.flags & MBI_CMDLINE) {
        copy_string(boot_info.cmdline, sizeof(boot_info.cmdline), m.cmdline);
    }
    if (m.flags & MBI_MODS) {
        rc = parse_modules(&m);
    }
    if (!(m.flags & MBI_MMAP)) {
        return -EINVAL;
    }
    return rc ? rc : parse_mmap(&m);
}
