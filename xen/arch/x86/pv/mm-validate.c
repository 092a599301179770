/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What page tables of PV guests may contain, and the references that entries
 * hold. An entry of a table in use is replaced by
 * atomic exchange: references for the new one are taken before, those of the
 * old one are dropped after, so no lock is needed. Waiting rule: mm-priv.h.
 * Spec: SDM vol 3A, 4.5 "4-Level Paging".
 */
#include <xen/errno.h>
#include <xen/perf-counter.h>
#include <xen/rangeset.h>
#include <xen/softirq.h>

#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/pagetable.h>

#include "mm-priv.h"

struct rangeset *mmio_ro_ranges;

#define L1_CACHE  (PTE_PAT | PTE_PCD | PTE_PWT)
/* Bits that have no place in an entry that points to a table. */
#define TABLE_BAD (PTE_PS | PTE_G | PTE_PCD | PTE_PWT)

/* Bits no CPU of this machine accepts. */
static inline uint64_t reserved_bits(void)
{
    const uint64_t addr = PTE_ADDR & (~UINT64_C(0) << boot_cpu.phys_bits);

    return addr | (boot_cpu.nx ? 0 : PTE_NX);
}

/*
 * Both halves of a PV guest run at CPL 3, so every entry needs U/S. No guest
 * leaf is global: a switch between kernel and user tables must flush it.
 */
uint64_t pv_l1_adjust(const struct domain *d, uint64_t entry)
{
    (void)d;
    if (!(entry & PTE_P)) {
        return entry;
    }
    if (!(entry & PTE_US)) {
        entry |= PTE_US | PTE_GUEST_KERNEL;
    }
    return entry & ~PTE_G;
}

uint64_t pv_table_adjust(uint64_t entry)
{
    return entry & PTE_P ? entry | PTE_US | PTE_A : entry;
}

/* --- leaves --------------------------------------------------------------- */

/*
 * PAT index 0 is WB, 1 WT, 5 WP: no cacheable view of I/O memory. The others
 * (UC-, UC, WC) are the guest's choice.
 */
static uint64_t mmio_cache(uint64_t e)
{
    switch (e & L1_CACHE) {
    case 0:
    case PTE_PWT:
    case PTE_PAT | PTE_PWT:
        return (e & ~L1_CACHE) | PTE_CACHE_UC;
    default:
        return e;
    }
}

static int mmio_take(uint64_t *e, struct domain *pt_owner,
                     struct domain *pg_dom)
{
    const uint64_t n = pte_mfn(*e).n;

    if (!rangeset_contains(pt_owner->iomem_caps, n, n) ||
        (pg_dom && pg_dom != pt_owner &&
         !rangeset_contains(pg_dom->iomem_caps, n, n))) {
        return -EPERM;
    }
    if ((*e & PTE_RW) && rangeset_overlaps(mmio_ro_ranges, n, n)) {
        *e &= ~PTE_RW;
    }
    *e = mmio_cache(*e);
    return 0;
}

/* Only who drives devices has a use for RAM that is not write-back. */
static inline bool may_be_noncoherent(const struct domain *d)
{
    return d->privileged || d->iospace;
}

/*
 * Take the references of a present, adjusted leaf. What the guest may not have
 * is either an error or taken out of *e.
 */
static int l1_take(uint64_t *e, struct domain *pt_owner, struct domain *pg_dom)
{
    const mfn_t mfn = pte_mfn(*e);
    struct page_info *pg;
    int rc;

    if (!mm_is_ram(mfn)) {
        return mmio_take(e, pt_owner, pg_dom);
    }
    pg = mfn_to_page(mfn);
    if (!pg_dom || !page_get_id(pg, pg_dom->id)) {
        return -EINVAL;
    }
    if (unlikely((*e & L1_CACHE) && !may_be_noncoherent(pt_owner))) {
        *e &= ~L1_CACHE;
    }
    if (!(*e & PTE_RW)) {
        return 0;
    }
    rc = page_type_get(pg, PGT_WRITABLE);
    if (rc) {
        page_put(pg);
        return rc;
    }
    if (unlikely((*e & L1_CACHE) && !(pg->type & PGT_NONCOHERENT))) {
        atomic_or(&pg->type, PGT_NONCOHERENT);
    }
    return 0;
}

static void l1_drop(uint64_t e)
{
    const mfn_t mfn = pte_mfn(e);

    if (!(e & PTE_P) || !mm_is_ram(mfn)) {
        return;
    }
    if (e & PTE_RW) {
        page_type_put(mfn_to_page(mfn));
    } else {
        /* A CPU may still read it: matters when it is freed. */
        write_once(mfn_to_page(mfn)->tlb_stamp, tlb_clock());
    }
    page_put(mfn_to_page(mfn));
}

/*
 * Same frame, same caching and no new right to write: the references of the old
 * entry serve the new one, less the writable type if that right goes.
 */
static inline bool l1_no_more_than(uint64_t val, uint64_t old)
{
    return (old & PTE_P) && !((val ^ old) & (PTE_ADDR | L1_CACHE)) &&
           !(val & ~old & PTE_RW);
}

static inline void l1_drop_write(uint64_t val, uint64_t old)
{
    if ((old & ~val & PTE_RW) && mm_is_ram(pte_mfn(old))) {
        page_type_put(mfn_to_page(pte_mfn(old)));
    }
}

int pv_write_l1(uint64_t *slot, uint64_t val, struct domain *pt_owner,
                struct domain *pg_dom, bool preserve_ad)
{
    const uint64_t kept = preserve_ad ? PTE_A | PTE_D : 0;
    uint64_t old = read_once(*slot);

    if (val & PTE_P) {
        int rc;

        if (unlikely(val & reserved_bits())) {
            return -EINVAL;
        }
        val = pv_l1_adjust(pt_owner, val);
        while (l1_no_more_than(val, old)) {
            if (atomic_cas(slot, &old, val | (old & kept))) {
                l1_drop_write(val, old);
                return 0;
            }
        }
        rc = l1_take(&val, pt_owner, pg_dom);
        if (rc) {
            return rc;
        }
    }
    if (kept) {
        old = read_once(*slot);
        while (!atomic_cas(slot, &old, val | (old & kept))) {
            /* old was reloaded: the CPU set A or D */
        }
    } else {
        old = atomic_xchg(slot, val);
    }
    l1_drop(old);
    return 0;
}

int pv_cas_l1(uint64_t *slot, uint64_t old, uint64_t val, struct domain *d)
{
    if (val & PTE_P) {
        int rc;

        if (val & reserved_bits()) {
            return -EINVAL;
        }
        val = pv_l1_adjust(d, val);
        if (l1_no_more_than(val, old)) {
            const uint64_t was = old;

            if (!atomic_cas(slot, &old, val)) {
                return -EAGAIN;
            }
            l1_drop_write(val, was);
            return 0;
        }
        rc = l1_take(&val, d, d);
        if (rc) {
            return rc;
        }
    }
    if (!atomic_cas(slot, &old, val)) {
        l1_drop(val);
        return -EAGAIN;
    }
    l1_drop(old);
    return 0;
}

/* --- entries that point to tables ----------------------------------------- */

/* @e: present entry of a table of type @type; adjusted in place. */
static int table_take(uint64_t *e, uint64_t type, struct domain *owner)
{
    const uint64_t bad = reserved_bits() | TABLE_BAD;

    if (*e & bad) {
        return -EINVAL;
    }
    *e = pv_table_adjust(*e);
    return page_get_and_type(pte_mfn(*e), owner, type - PGT_L1);
}

/* Return: 0, or -ERESTART if @preempt (the references are kept). */
static int table_drop(uint64_t e, enum mm_preempt preempt)
{
    struct page_info *pg = mfn_to_page(pte_mfn(e));

    if (preempt == MM_RUN_ON) {
        page_type_put(pg);
    } else if (page_type_put_preempt(pg)) {
        return -ERESTART;
    }
    page_put(pg);
    return 0;
}

static inline bool is_hyp_slot(uint64_t type, unsigned int i)
{
    return type == PGT_L4 && i >= HYP_FIRST_SLOT && i <= HYP_LAST_SLOT;
}

int mm_write_table(struct page_info *pg, unsigned int idx, uint64_t val,
                   struct domain *owner)
{
    const uint64_t type = pg->type & PGT_TYPE;
    uint64_t *slot = (uint64_t *)page_to_va(pg) + idx;
    uint64_t old = read_once(*slot);

    if (is_hyp_slot(type, idx)) {
        return -EINVAL;
    }
    if (val & PTE_P) {
        int rc;

        if ((old & PTE_P) && !((val ^ old) & PTE_ADDR) &&
            !(val & (reserved_bits() | TABLE_BAD))) {
            val = pv_table_adjust(val);
            do {
                if (atomic_cas(slot, &old, val)) {
                    return 0;
                }
            } while ((old & PTE_P) && !((val ^ old) & PTE_ADDR));
        }
        rc = table_take(&val, type, owner);
        if (rc) {
            return rc;
        }
    }
    old = atomic_xchg(slot, val);
    if (old & PTE_P) {
        mm_put_parked(mfn_to_page(pte_mfn(old)));
    }
    return 0;
}

/* --- whole pages ---------------------------------------------------------- */

static void l1_contents_drop(const uint64_t *table, unsigned int nr)
{
    while (nr-- > 0) {
        l1_drop(table[nr]);
    }
}

static int l1_contents_take(uint64_t *table, struct domain *owner)
{
    const uint64_t bad = reserved_bits();

    for (unsigned int i = 0; i < PT_ENTRIES; i++) {
        const uint64_t old = read_once(table[i]);
        uint64_t e;
        int rc;

        if (!(old & PTE_P)) {
            continue;
        }
        e = pv_l1_adjust(owner, old);
        rc = e & bad ? -EINVAL : l1_take(&e, owner, owner);
        if (rc) {
            l1_contents_drop(table, i);
            return rc;
        }
        if (e != old) {
            write_once(table[i], e);
        }
    }
    return 0;
}

static int table_contents_take(struct page_info *pg, struct domain *owner,
                               uint64_t type, enum mm_preempt preempt)
{
    uint64_t *table = page_to_va(pg);

    for (unsigned int i = pg->nr_validated; i < PT_ENTRIES; i++) {
        const uint64_t old = read_once(table[i]);
        uint64_t e = old;
        int rc;

        if (!(old & PTE_P) || is_hyp_slot(type, i)) {
            continue;
        }
        do {
            rc = table_take(&e, type, owner);
        } while (rc == -ERESTART && preempt == MM_RUN_ON);
        if (rc) {
            pg->nr_validated = (uint16_t)i;
            return rc;
        }
        if (e != old) {
            write_once(table[i], e);
        }
        /* After an entry was done: every try makes progress. */
        if (preempt == MM_PREEMPT && i + 1 < PT_ENTRIES && softirq_pending()) {
            pg->nr_validated = (uint16_t)(i + 1);
            return -ERESTART;
        }
    }
    pg->nr_validated = PT_ENTRIES;
    if (type == PGT_L4) {
        pt_fill_hyp_slots(table);
    }
    return 0;
}

static int table_contents_drop(struct page_info *pg, uint64_t type,
                               enum mm_preempt preempt)
{
    const uint64_t *table = page_to_va(pg);

    for (unsigned int i = pg->nr_validated; i > 0; i--) {
        const uint64_t e = table[i - 1];

        if (!(e & PTE_P) || is_hyp_slot(type, i - 1)) {
            continue;
        }
        if (table_drop(e, preempt)) {
            pg->nr_validated = (uint16_t)i;
            return -ERESTART;
        }
        if (preempt == MM_PREEMPT && i > 1 && softirq_pending()) {
            pg->nr_validated = (uint16_t)(i - 1);
            return -ERESTART;
        }
    }
    pg->nr_validated = 0;
    return 0;
}

int mm_contents_take(struct page_info *pg, struct domain *owner, uint64_t type,
                     enum mm_preempt preempt)
{
    int rc;

    switch (type) {
    case PGT_L1:
        rc = l1_contents_take(page_to_va(pg), owner);
        break;
    case PGT_SEG:
        rc = pv_validate_seg_page(pg);
        break;
    case PGT_L2:
    case PGT_L3:
    case PGT_L4:
        return table_contents_take(pg, owner, type, preempt);
    default:
        return -EINVAL;
    }
    pg->nr_validated = rc ? 0 : PT_ENTRIES;
    return rc;
}

int mm_contents_drop(struct page_info *pg, uint64_t type,
                     enum mm_preempt preempt)
{
    switch (type) {
    case PGT_L1:
        l1_contents_drop(page_to_va(pg), pg->nr_validated);
        pg->nr_validated = 0;
        return 0;
    case PGT_L2:
    case PGT_L3:
    case PGT_L4:
        return table_contents_drop(pg, type, preempt);
    default:
        return 0;
    }
}

/* --- finding a slot ------------------------------------------------------- */

bool mm_l1_get(mfn_t mfn, struct page_info **table)
{
    struct page_info *pg = mfn_to_page(mfn);
    uint64_t type;

    if (!page_get(pg, current->domain)) {
        return false;
    }
    if (!mm_table_ref(pg, &type)) {
        page_put(pg);
        return false;
    }
    if (type != PGT_L1) {
        page_put_and_type(pg);
        return false;
    }
    *table = pg;
    return true;
}

uint64_t *pv_l1_slot_get(uint64_t va, struct page_info **table)
{
    const struct vcpu *v = current;
    mfn_t mfn = v->pv.kernel_l4;

    if (!v->pv.kernel_l4_set || (uint64_t)((int64_t)(va << 16) >> 16) != va ||
        is_hyp_slot(PGT_L4, PT_SLOT(va, 4))) {
        return NULL;
    }
    perf_inc(guest_walk);
    /*
     * Another vCPU may free these tables under us, in which case we read
     * anything; only frames are read, and what is found in the end is used
     * only if it is an L1 of this domain.
     */
    for (unsigned int level = 4; level > 1; level--) {
        const uint64_t *t = mfn_to_va(mfn);
        const uint64_t e = read_once(t[PT_SLOT(va, level)]);

        if ((e & (PTE_P | PTE_PS)) != PTE_P || !mfn_valid(pte_mfn(e))) {
            return NULL;
        }
        mfn = pte_mfn(e);
    }
    if (!mm_l1_get(mfn, table)) {
        return NULL;
    }
    return (uint64_t *)mfn_to_va(mfn) + PT_SLOT(va, 1);
}
