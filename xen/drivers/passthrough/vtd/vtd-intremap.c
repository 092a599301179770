/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupt remap tables, one a unit. An entry names who may use it and where
 * it goes; compatibility-format interrupts are blocked. irt_lock guards a
 * unit's table and its bitmap. Spec: VTD "Interrupt Remapping".
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/lib.h>
#include <xen/page-pool.h>
#include <xen/printk.h>

#include "vtd-priv.h"

static_assert(VTD_IRT_SLOTS <= 65536 && VTD_IRT_SLOTS % 64 == 0,
              "an index is 16 bits");

/*
 * Drop what the unit's interrupt entry cache holds of one index, or of all. An
 * entry that stays cached could go on raising what was taken from its source.
 */
static int forget_index(struct vtd_unit *u, bool all, unsigned int index)
{
    const struct iommu_entry128 d = {
        .lo =
            FIELD_PREP(VTD_QI_TYPE, VTD_QI_IEC) |
            (all ? 0
                 : VTD_QI_IEC_G | FIELD_PREP(VTD_QI_IEC_IDX, (uint64_t)index)),
    };

    return iommu_unit_check(u->index, vtd_qi_run(u, &d, 1),
                            "a change of interrupt routes");
}

static int start_unit(struct vtd_unit *u)
{
    const uint64_t size_code = fls64(VTD_IRT_SLOTS) - 1;
    paddr_t pa;
    int rc = pool_block_alloc(VTD_IRT_ORDER, &pa);

    if (rc) {
        return rc;
    }
    u->irt = pool_page_ptr(pa);
    u->eim = iommu_opt.x2apic;
    vtd_publish(u, u->irt, VTD_IRT_SLOTS * sizeof(*u->irt));
    vtd_write64(u, VTD_IRTA, pa | size_code | (u->eim ? VTD_IRTA_EIME : 0));
    rc = vtd_global_set(u, VTD_G_IRTP);
    if (rc == 0) {
        rc = forget_index(u, true, 0);
    }
    /* Nothing may get round the table. */
    if (rc == 0 && (vtd_read32(u, VTD_GSTS) & VTD_G_CFI)) {
        rc = vtd_global_clear(u, VTD_G_CFI);
    }
    if (rc == 0) {
        rc = vtd_global_set(u, VTD_G_IRE);
    }
    if (rc) {
        pool_block_free(pa, VTD_IRT_ORDER);
        u->irt = NULL;
    }
    return rc;
}

int vtd_intremap_start(void)
{
    for (unsigned int i = 0; i < vtd_nr_units; i++) {
        struct vtd_unit *const u = vtd_units[i];
        int rc = iommu_opt.x2apic && !(u->ecap & VTD_ECAP_EIM) ? -EOPNOTSUPP
                                                               : start_unit(u);

        if (rc) {
            log_err("%s: interrupt remapping does not start: error %d\n",
                    u->name, rc);
            while (i-- > 0) {
                if (vtd_global_clear(vtd_units[i], VTD_G_IRE)) {
                    log_err("%s: remapping does not stop\n",
                            vtd_units[i]->name);
                }
            }
            return rc;
        }
    }
    return 0;
}

static int alloc_index(struct vtd_unit *u, unsigned int *index)
{
    for (unsigned int w = 0; w < VTD_IRT_SLOTS / 64; w++) {
        if (~u->irt_used[w]) {
            const unsigned int b = ctz64(~u->irt_used[w]);

            u->irt_used[w] |= BIT64(b);
            *index = w * 64 + b;
            return 0;
        }
    }
    return -ENOSPC;
}

/* Source check of an entry: the high half. */
static uint64_t source_bits(const struct iommu_source *src)
{
    if (src->by_bus) {
        return FIELD_PREP(VTD_IRTE_SVT, VTD_SVT_BUS) |
               (uint64_t)src->bus_first << 8 | src->bus_last;
    }
    return FIELD_PREP(VTD_IRTE_SVT, VTD_SVT_SID) | src->sid[0].bdf;
}

/*
 * Write an entry, allocated at the first call. An entry that stays as it is
 * costs nothing; one that changes goes from old to new in one store.
 */
static int set_entry(struct vtd_unit *u, ire_t *ire, const struct intr_route *r,
                     bool level, uint64_t hi)
{
    const uint64_t lo = VTD_IRTE_P | (level ? VTD_IRTE_TM : 0) |
                        FIELD_PREP(VTD_IRTE_V, (uint64_t)r->vector) |
                        (u->eim ? FIELD_PREP(VTD_IRTE_DST, (uint64_t)r->dest)
                                : FIELD_PREP(VTD_IRTE_DST8, (uint64_t)r->dest));
    unsigned long flags;
    unsigned int index;
    int rc = 0;

    if (!u->irt) {
        return -ENODEV;
    }
    if (!u->eim && r->dest > 0xff) {
        return -ERANGE;
    }
    flags = spin_lock_irqsave(&u->irt_lock);
    if (ire->valid) {
        index = ire->index;
        rc = ire->unit == u->index && index < VTD_IRT_SLOTS ? 0 : -EINVAL;
    } else {
        rc = alloc_index(u, &index);
    }
    if (rc == 0) {
        struct iommu_entry128 *const e = &u->irt[index];

        *ire = (ire_t){ (uint16_t)u->index, (uint16_t)index, true };
        if (e->lo != lo || e->hi != hi) {
            const struct iommu_entry128 old = iommu_entry_swap(e, lo, hi);

            vtd_publish(u, e, sizeof(*e));
            /* Absent entries are cached in caching mode only. */
            if ((old.lo & VTD_IRTE_P) || (u->cap & VTD_CAP_CM)) {
                rc = forget_index(u, false, index);
            } else {
                rc = vtd_flush_write_buffer(u);
            }
        }
    }
    spin_unlock_irqrestore(&u->irt_lock, flags);
    return rc;
}

/* What a source sends to get to its entry. Spec: VTD "Interrupt Request". */
static void make_message(const ire_t *ire, struct msi_msg *msg)
{
    msg->address = VTD_MSI_BASE | VTD_MSI_FORMAT |
                   FIELD_PREP(VTD_MSI_IDX, (uint64_t)(ire->index & 0x7fff)) |
                   (ire->index & 0x8000 ? VTD_MSI_IDX15 : 0);
    msg->data = 0;
}

int vtd_ire_msi(unsigned int unit, const struct iommu_source *src, ire_t *ire,
                const struct intr_route *r, struct msi_msg *msg)
{
    const int rc = set_entry(vtd_units[unit], ire, r, false, source_bits(src));

    if (rc == 0) {
        make_message(ire, msg);
    }
    return rc;
}

int vtd_ire_hpet(unsigned int number, ire_t *ire, const struct intr_route *r,
                 struct msi_msg *msg)
{
    unsigned int unit;
    uint16_t sid;
    int rc = vtd_unit_of_special(DMAR_SCOPE_HPET, number, &unit, &sid);

    if (rc == 0) {
        rc = set_entry(vtd_units[unit], ire, r, false,
                       FIELD_PREP(VTD_IRTE_SVT, VTD_SVT_SID) | sid);
    }
    if (rc == 0) {
        make_message(ire, msg);
    }
    return rc;
}

int vtd_ire_ioapic(unsigned int ioapic_id, unsigned int pin, ire_t *ire,
                   const struct intr_route *r, uint64_t *rte)
{
    unsigned int unit;
    uint16_t sid;
    int rc = vtd_unit_of_special(DMAR_SCOPE_IOAPIC, ioapic_id, &unit, &sid);

    (void)pin; /* the entry is per pin, its source the whole IO-APIC */
    if (rc == 0) {
        rc = set_entry(vtd_units[unit], ire, r, r->level,
                       FIELD_PREP(VTD_IRTE_SVT, VTD_SVT_SID) | sid);
    }
    if (rc) {
        return rc;
    }
    /*
     * Vector and trigger mode are repeated: the IO-APIC matches the local
     * APIC's end-of-interrupt message with them.
     */
    *rte = (*rte & VTD_RTE_MASK) | VTD_RTE_FORMAT |
           FIELD_PREP(VTD_RTE_IDX, (uint64_t)(ire->index & 0x7fff)) |
           (ire->index & 0x8000 ? VTD_RTE_IDX15 : 0) |
           (r->level ? VTD_RTE_LEVEL : 0) | (r->active_low ? VTD_RTE_LOW : 0) |
           FIELD_PREP(VTD_RTE_VECTOR, (uint64_t)r->vector);
    return 0;
}

void vtd_ire_free(const ire_t *ire)
{
    struct vtd_unit *const u =
        ire->unit < vtd_nr_units ? vtd_units[ire->unit] : NULL;
    unsigned long flags;

    if (!u || !u->irt || ire->index >= VTD_IRT_SLOTS) {
        return;
    }
    flags = spin_lock_irqsave(&u->irt_lock);
    (void)iommu_entry_swap(&u->irt[ire->index], 0, 0);
    vtd_publish(u, &u->irt[ire->index], sizeof(*u->irt));
    /* Only an index that no cache knows may get another owner. */
    if (forget_index(u, false, ire->index) == 0) {
        u->irt_used[ire->index / 64] &= ~BIT64(ire->index % 64);
    }
    spin_unlock_irqrestore(&u->irt_lock, flags);
}

void vtd_intremap_dump(const struct vtd_unit *u)
{
    if (!u->irt) {
        return;
    }
    for (unsigned int i = 0; i < VTD_IRT_SLOTS; i++) {
        const struct iommu_entry128 e = u->irt[i];

        if (!(e.lo & VTD_IRTE_P)) {
            continue;
        }
        printk("%s:  ire %#x: vector %#x dest %#x %s source %#x check %u\n",
               u->name, i, (unsigned int)FIELD_GET(VTD_IRTE_V, e.lo),
               (unsigned int)(u->eim ? FIELD_GET(VTD_IRTE_DST, e.lo)
                                     : FIELD_GET(VTD_IRTE_DST8, e.lo)),
               e.lo & VTD_IRTE_TM ? "level" : "edge",
               (unsigned int)FIELD_GET(VTD_IRTE_SID, e.hi),
               (unsigned int)FIELD_GET(VTD_IRTE_SVT, e.hi));
    }
}
