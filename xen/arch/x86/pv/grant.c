/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Granted frames in a PV guest's page tables. An entry made here is an ordinary
 * L1 entry with ordinary references, so a guest that clears it by other means
 * harms nobody. Locks: none, entries change by compare-exchange.
 */
#include <xen/errno.h>

#include <asm/current.h>
#include <asm/pagetable.h>

#include <public/grant_table.h>

#include "mm-priv.h"

/* An entry by its machine address. @table: as pv_l1_slot_get(). */
static uint64_t *slot_by_pa(paddr_t pa, struct page_info **table)
{
    if ((pa & 7) || !mfn_valid(pa_to_mfn(pa)) ||
        !mm_l1_get(pa_to_mfn(pa), table)) {
        return NULL;
    }
    return pa_to_va(pa);
}

static uint64_t *slot_get(uint64_t addr, uint32_t flags,
                          struct page_info **table)
{
    return flags & GNTMAP_contains_pte ? slot_by_pa(addr, table)
                                       : pv_l1_slot_get(addr, table);
}

int pv_grant_map_pte(uint64_t addr, uint32_t flags, mfn_t mfn,
                     struct domain *granter)
{
    uint64_t e = pte_make(mfn, PTE_P | PTE_A | PTE_D);
    struct page_info *table;
    uint64_t *slot;
    int rc;

    if (!(flags & GNTMAP_readonly)) {
        e |= PTE_RW;
    }
    if (flags & GNTMAP_application_map) {
        e |= PTE_US;
    }
    e |= FIELD_PREP(PTE_AVAIL, (uint64_t)(flags >> _GNTMAP_guest_avail0));

    slot = slot_get(addr, flags, &table);
    if (!slot) {
        return -ENOENT;
    }
    rc = pv_write_l1(slot, e, current->domain, granter, false);
    page_put_and_type(table);
    return rc;
}

/* Replace what maps @mfn. */
static int replace(uint64_t *slot, mfn_t mfn, uint64_t val)
{
    const uint64_t e = read_once(*slot);

    if (!(e & PTE_P) || pte_mfn(e).n != mfn.n) {
        return -EINVAL;
    }
    return pv_write_l1(slot, val, current->domain, current->domain, false);
}

int pv_grant_unmap_pte(uint64_t addr, uint32_t flags, mfn_t mfn)
{
    struct page_info *table;
    uint64_t *slot = slot_get(addr, flags, &table);
    int rc;

    if (!slot) {
        return -ENOENT;
    }
    rc = replace(slot, mfn, 0);
    page_put_and_type(table);
    return rc;
}

int pv_grant_replace_pte(uint64_t va, uint64_t new_va, mfn_t mfn)
{
    struct page_info *new_table = NULL;
    struct page_info *table;
    uint64_t *new_slot = NULL;
    uint64_t *slot;
    int rc;

    slot = pv_l1_slot_get(va, &table);
    if (!slot) {
        return -ENOENT;
    }
    if (new_va) {
        new_slot = pv_l1_slot_get(new_va, &new_table);
        if (!new_slot) {
            page_put_and_type(table);
            return -ENOENT;
        }
    }
    rc = replace(slot, mfn, new_slot ? read_once(*new_slot) : 0);
    if (new_slot) {
        if (!rc) {
            rc = pv_write_l1(new_slot, 0, current->domain, current->domain,
                             false);
        }
        page_put_and_type(new_table);
    }
    page_put_and_type(table);
    return rc;
}
