/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hypervisor's half of every address space: slots 256..271 of idle_l4. Their
 * level-3 tables are all made at boot, so a guest's L4 filled once stays right.
 * map_lock guards the tables below.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/mmio.h>
#include <xen/spinlock.h>

#include <asm/cpufeature.h>
#include <asm/pagetable.h>
#include <asm/setup.h>
#include <asm/system.h>

static spinlock_t map_lock = SPINLOCK_INIT;

/* Next table below an entry, made if absent; a large leaf is split. */
static uint64_t *descend(uint64_t *e, unsigned int level)
{
    uint64_t *table;

    if (*e & PTE_P && !(*e & PTE_PS)) {
        return mfn_to_va(pte_mfn(*e));
    }
    table = boot_table_alloc();
    if (!table) {
        return NULL;
    }
    if (*e & PTE_P) {
        const uint64_t step = UINT64_C(1) << (12 + 9 * (level - 2));
        uint64_t leaf = *e & ~(level == 2 ? PTE_PS : 0);

        for (unsigned int i = 0; i < PT_ENTRIES; i++, leaf += step) {
            table[i] = leaf;
        }
    }
    /* The new table says the same as the leaf did: no flush is owed. */
    write_once(*e, pte_make(va_to_mfn(table), PTE_P | PTE_RW | PTE_US | PTE_A));
    return table;
}

static int map_one(uint64_t va, paddr_t pa, unsigned int level, uint64_t flags,
                   bool replace)
{
    uint64_t *table = idle_l4;

    for (unsigned int l = 4; l > level; l--) {
        table = descend(&table[PT_SLOT(va, l)], l);
        if (!table) {
            return -ENOMEM;
        }
    }
    if (!replace && table[PT_SLOT(va, level)] & PTE_P) {
        return -EEXIST;
    }
    write_once(table[PT_SLOT(va, level)],
               flags ? pte_make(pa_to_mfn(pa), flags | (level > 1 ? PTE_PS : 0))
                     : 0);
    return 0;
}

int pt_map(uint64_t va, paddr_t pa, uint64_t size, uint64_t flags)
{
    int rc = 0;

    spin_lock(&map_lock);
    while (size && !rc) {
        unsigned int level = 1;

        if (boot_cpu.page_1g && is_aligned(va | pa, BIT64(30)) &&
            size >= BIT64(30)) {
            level = 3;
        } else if (is_aligned(va | pa, BIT64(21)) && size >= BIT64(21)) {
            level = 2;
        }
        rc = map_one(va, pa, level, flags, false);
        va += BIT64(12 + 9 * (level - 1));
        pa += BIT64(12 + 9 * (level - 1));
        size -= BIT64(12 + 9 * (level - 1));
    }
    spin_unlock(&map_lock);
    return rc;
}

int pt_protect(uint64_t va, uint64_t size, uint64_t flags)
{
    int rc = 0;

    spin_lock(&map_lock);
    for (; size && !rc; va += PAGE_SIZE, size -= PAGE_SIZE) {
        const uint64_t *table = idle_l4;
        uint64_t e = 0;
        unsigned int level;

        for (level = 4; level > 0; level--) {
            e = table[PT_SLOT(va, level)];
            if (!(e & PTE_P)) {
                break;
            }
            if (level == 1 || (level < 4 && e & PTE_PS)) {
                break;
            }
            table = mfn_to_va(pte_mfn(e));
        }
        if (!(e & PTE_P)) {
            rc = -ENOENT;
            break;
        }
        e &= PTE_ADDR & ~(BIT64(12 + 9 * (level - 1)) - 1);
        e |= va & (BIT64(12 + 9 * (level - 1)) - 1) & PAGE_MASK;
        rc = map_one(va, e, 1, flags, true);
        invlpg(va);
    }
    spin_unlock(&map_lock);
    return rc;
}

void pt_fill_hyp_slots(uint64_t *l4)
{
    memcpy(l4 + HYP_FIRST_SLOT, idle_l4 + HYP_FIRST_SLOT,
           (HYP_LAST_SLOT - HYP_FIRST_SLOT + 1) * sizeof(*l4));
}

/* --- device mappings: handed out upwards, never given back --- */

int mmio_map(paddr_t pa, size_t size, mmio_t *out)
{
    static uint64_t next_va = VMAP_START;
    static spinlock_t vmap_lock = SPINLOCK_INIT;
    const paddr_t first = align_down(pa, PAGE_SIZE);
    uint64_t bytes;
    uint64_t va;
    int rc;

    if (!size || pa + size < pa || size > BIT64(30)) {
        return -EINVAL;
    }
    bytes = align_up(pa + size, PAGE_SIZE) - first;
    spin_lock(&vmap_lock);
    va = next_va;
    /* Same offset inside 2 MiB as the device: large leaves where possible. */
    if (bytes >= BIT64(21)) {
        va = align_up(va, BIT64(21)) + (first & (BIT64(21) - 1));
    }
    if (bytes > VMAP_END - va) {
        spin_unlock(&vmap_lock);
        return -ENOMEM;
    }
    next_va = va + bytes + PAGE_SIZE; /* an unmapped page between any two */
    spin_unlock(&vmap_lock);

    rc = pt_map(va, first, bytes,
                PTE_P | PTE_RW | PTE_A | PTE_D | PTE_CACHE_UC |
                    (boot_cpu.pge ? PTE_G : 0) | (boot_cpu.nx ? PTE_NX : 0));
    if (!rc) {
        out->va = va + (pa - first);
    }
    return rc;
}

/* --- descriptor windows --- */

uint64_t *gdt_window_l1(unsigned int cpu)
{
    const uint64_t va = GDT_WINDOW_START + ((uint64_t)cpu << GDT_WINDOW_SHIFT);
    uint64_t *table = idle_l4;

    for (unsigned int l = 4; l > 1; l--) {
        table = mfn_to_va(pte_mfn(table[PT_SLOT(va, l)]));
    }
    return table + PT_SLOT(va, 1);
}
