/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupt tables, one for each requester id that sends interrupts; an id
 * without one is refused. A device that shows another id shares that id's
 * table. irt_lock guards tables, their bitmaps and the array of them; a table
 * stays with its id for ever. Spec: AMD48882 "Interrupt Remapping Tables".
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/lib.h>
#include <xen/printk.h>
#include <xen/xmalloc.h>

#include "amdvi-priv.h"

/* Entries that an IO-APIC's vector field can name: its pins come first. */
#define PIN_SLOTS 256u

#define IRT_ARRAY_LG2 7u /* pages of the array of pointers */
static_assert(AMDVI_DEVS * sizeof(struct amdvi_irt *) == PAGE_SIZE
                                                             << IRT_ARRAY_LG2,
              "a pointer for each id");
static_assert(AMDVI_IRT_SLOTS <= 65536 && AMDVI_IRT_SLOTS >= 2 * PIN_SLOTS,
              "an ire_t holds an id and an index; pins leave half");

/* 512 entries of 4 bytes take half a page, of 16 bytes two. */
static unsigned int irt_order(const struct amdvi_unit *u)
{
    return u->ga ? 1 : 0;
}

/*
 * Caches hold entries by the id that used them, so each id that shares the
 * table is named. An entry that stays cached could go on raising what was taken
 * from its source, hence the check.
 */
static int forget_irt(struct amdvi_unit *u, const struct amdvi_irt *irt)
{
    struct iommu_entry128 c[AMDVI_IRT_IDS];

    for (unsigned int i = 0; i < min_of(irt->nr_ids, AMDVI_IRT_IDS); i++) {
        c[i] = amdvi_cmd_intr(irt->id[i]);
    }
    return iommu_unit_check(u->index,
                            irt->nr_ids > AMDVI_IRT_IDS
                                ? amdvi_cmd_forget_all(u)
                                : amdvi_cmd_run(u, c, irt->nr_ids),
                            "a change of interrupt routes");
}

/* Make an id use a table; done already at the second call. */
static int use_irt(struct amdvi_unit *u, struct amdvi_irt *irt, uint16_t devid)
{
    if (u->irt[devid] == irt) {
        return 0;
    }
    if (u->irt[devid]) {
        log_err("%s: ids %#x and %#x show one device, but have two interrupt "
                "tables\n",
                u->name, irt->id[0], devid);
        return -EXDEV;
    }
    if (irt->nr_ids < AMDVI_IRT_IDS) {
        irt->id[irt->nr_ids] = devid;
    }
    /* Counts one past the end at most: from there on all is forgotten. */
    irt->nr_ids = min_of(irt->nr_ids + 1, AMDVI_IRT_IDS + 1);
    u->irt[devid] = irt;
    return amdvi_dte_set_irt(u, devid, irt);
}

static int make_irt(const struct amdvi_unit *u, struct amdvi_irt **out)
{
    struct amdvi_irt *const irt = xzalloc(struct amdvi_irt);
    int rc;

    if (!irt) {
        return -ENOMEM;
    }
    rc = pool_block_alloc(irt_order(u), &irt->pa);
    if (rc) {
        xfree(irt);
        return rc;
    }
    amdvi_publish(u, pool_page_ptr(irt->pa), PAGE_SIZE << irt_order(u));
    *out = irt;
    return 0;
}

/* What is no PCI function has no other ids. */
static const struct iommu_source no_others;

/*
 * The table of a source: of the id that it shows and, whichever of them a
 * message carries, of its other ones. A bridge that sends for others and for
 * itself has one table for all.
 */
static int get_irt(struct amdvi_unit *u, uint16_t devid,
                   const struct iommu_source *src, struct amdvi_irt **out)
{
    struct amdvi_irt *irt = u->irt[devid];
    int rc = 0;

    for (unsigned int i = 0; i < src->nr_sids && !irt; i++) {
        irt = u->irt[src->sid[i].bdf];
    }
    if (!irt) {
        rc = make_irt(u, &irt);
    }
    if (rc == 0) {
        rc = use_irt(u, irt, devid);
    }
    for (unsigned int i = 0; i < src->nr_sids && rc == 0; i++) {
        rc = use_irt(u, irt, src->sid[i].bdf);
    }
    *out = irt;
    return rc;
}

/* Before anything can send: an IO-APIC's table keeps its low entries free. */
static int reserve_pins(struct amdvi_unit *u)
{
    for (unsigned int i = 0; i < amdvi_ivrs->nr_specials; i++) {
        const struct ivrs_special *const sp = &amdvi_ivrs->special[i];
        struct amdvi_irt *irt;

        if (sp->unit == u->index && sp->kind == IVRS_IOAPIC) {
            const int rc = get_irt(u, sp->devid, &no_others, &irt);

            if (rc) {
                return rc;
            }
            irt->ioapic = true;
        }
    }
    return 0;
}

static int start_unit(struct amdvi_unit *u)
{
    unsigned long flags;
    paddr_t pa;
    int rc;

    if (iommu_opt.x2apic && (!u->ga || !(u->efr & AMDVI_EFR_XT))) {
        return -EOPNOTSUPP;
    }
    rc = pool_block_alloc(IRT_ARRAY_LG2, &pa);
    if (rc) {
        return rc;
    }
    amdvi_dte_block_interrupts(u, true);
    flags = spin_lock_irqsave(&u->irt_lock);
    u->irt = pool_page_ptr(pa);
    rc = reserve_pins(u);
    spin_unlock_irqrestore(&u->irt_lock, flags);
    return rc;
}

static void stop_unit(struct amdvi_unit *u)
{
    amdvi_dte_block_interrupts(u, false);
    u->irt = NULL; /* the few tables are lost: boot, and out of memory */
}

int amdvi_intremap_start(void)
{
    for (unsigned int i = 0; i < amdvi_nr_units; i++) {
        const int rc = start_unit(amdvi_units[i]);

        if (rc) {
            log_err("%s: interrupt remapping does not start: error %d\n",
                    amdvi_units[i]->name, rc);
            do {
                stop_unit(amdvi_units[i]);
            } while (i-- > 0);
            return rc;
        }
    }
    return 0;
}

static int alloc_range(struct amdvi_irt *irt, unsigned int first,
                       unsigned int nr, unsigned int *index)
{
    for (unsigned int i = first; i < first + nr; i++) {
        if (!(irt->used[i / 64] & BIT64(i % 64))) {
            irt->used[i / 64] |= BIT64(i % 64);
            *index = i;
            return 0;
        }
    }
    return -ENOSPC;
}

/* @pin: of an IO-APIC, or -1 for a message. */
static int alloc_index(struct amdvi_irt *irt, int pin, unsigned int *index)
{
    int rc;

    if (pin >= 0) {
        /* Its own number, so that each pin has an end of its own. */
        rc = (unsigned int)pin < PIN_SLOTS
                 ? alloc_range(irt, (unsigned int)pin, 1, index)
                 : -ENOSPC;
        return rc ? alloc_range(irt, 0, PIN_SLOTS, index) : 0;
    }
    return irt->ioapic
               ? alloc_range(irt, PIN_SLOTS, AMDVI_IRT_SLOTS - PIN_SLOTS, index)
               : alloc_range(irt, 0, AMDVI_IRT_SLOTS, index);
}

/* Replace an entry in one store; true if it was another one. */
static bool write_entry(const struct amdvi_unit *u, const struct amdvi_irt *irt,
                        unsigned int index, const struct intr_route *r)
{
    if (u->ga) {
        struct iommu_entry128 *const t = pool_page_ptr(irt->pa);
        struct iommu_entry128 *const e = &t[index];
        const uint64_t lo =
            r ? AMDVI_IRTE_EN |
                    FIELD_PREP(AMDVI_GA_DEST_LO, (uint64_t)r->dest & 0xffffff)
              : 0;
        const uint64_t hi =
            r ? FIELD_PREP(AMDVI_GA_VEC, (uint64_t)r->vector) |
                    FIELD_PREP(AMDVI_GA_DEST_HI, (uint64_t)r->dest >> 24)
              : 0;

        if (e->lo == lo && e->hi == hi) {
            return false;
        }
        (void)iommu_entry_swap(e, lo, hi);
        amdvi_publish(u, e, sizeof(*e));
    } else {
        uint32_t *const t = pool_page_ptr(irt->pa);
        const uint32_t v =
            r ? (uint32_t)(AMDVI_IRTE_EN |
                           FIELD_PREP(AMDVI_IRTE_DEST, (uint64_t)r->dest) |
                           FIELD_PREP(AMDVI_IRTE_VEC, (uint64_t)r->vector))
              : 0;

        if (t[index] == v) {
            return false;
        }
        atomic_store(&t[index], v);
        amdvi_publish(u, &t[index], sizeof(t[index]));
    }
    return true;
}

/* An ire_t's index: whose table, and where in it. */
static uint32_t make_index(uint16_t devid, unsigned int index)
{
    return (uint32_t)devid << 16 | index;
}

static int set_entry(struct amdvi_unit *u, struct amdvi_irt *irt,
                     uint16_t devid, int pin, ire_t *ire,
                     const struct intr_route *r)
{
    unsigned int index = ire->index & 0xffff;
    int rc = 0;

    if (ire->valid) {
        if (ire->unit != u->index || ire->index >> 16 != devid ||
            index >= AMDVI_IRT_SLOTS) {
            return -EINVAL;
        }
    } else {
        rc = alloc_index(irt, pin, &index);
        if (rc) {
            return rc;
        }
        *ire = (ire_t){ .unit = (uint16_t)u->index,
                        .index = make_index(devid, index),
                        .valid = true };
    }
    if (write_entry(u, irt, index, r)) {
        rc = forget_irt(u, irt);
    }
    return rc;
}

static int check_dest(const struct intr_route *r)
{
    return r->dest > 0xff && !iommu_opt.x2apic ? -ERANGE : 0;
}

/* Entry and message of a source; @src: its other ids. */
static int route_message(struct amdvi_unit *u, uint16_t devid,
                         const struct iommu_source *src, ire_t *ire,
                         const struct intr_route *r, struct msi_msg *msg)
{
    struct amdvi_irt *irt;
    unsigned long flags;
    int rc = u->irt ? check_dest(r) : -ENODEV;

    if (rc) {
        return rc;
    }
    flags = spin_lock_irqsave(&u->irt_lock);
    rc = get_irt(u, devid, src, &irt);
    if (rc == 0) {
        rc = set_entry(u, irt, devid, -1, ire, r);
    }
    spin_unlock_irqrestore(&u->irt_lock, flags);
    if (rc == 0) {
        msg->address = AMDVI_MSI_BASE;
        msg->data = ire->index & (uint32_t)AMDVI_INDEX;
    }
    return rc;
}

int amdvi_ire_msi(unsigned int unit, const struct iommu_source *src, ire_t *ire,
                  const struct intr_route *r, struct msi_msg *msg)
{
    struct amdvi_unit *const u = amdvi_units[unit];
    const uint16_t shown = src->sid[src->by_bus ? 1 : 0].bdf;
    unsigned int unused;

    return route_message(u, amdvi_device(u, shown, &unused), src, ire, r, msg);
}

int amdvi_ire_hpet(unsigned int number, ire_t *ire, const struct intr_route *r,
                   struct msi_msg *msg)
{
    unsigned int unit;
    uint16_t devid;
    const int rc = amdvi_special(IVRS_HPET, number, &unit, &devid);

    return rc ? rc
              : route_message(amdvi_units[unit], devid, &no_others, ire, r,
                              msg);
}

int amdvi_ire_ioapic(unsigned int ioapic_id, unsigned int pin, ire_t *ire,
                     const struct intr_route *r, uint64_t *rte)
{
    struct amdvi_unit *u;
    struct amdvi_irt *irt;
    unsigned long flags;
    unsigned int unit;
    uint16_t devid;
    int rc = amdvi_special(IVRS_IOAPIC, ioapic_id, &unit, &devid);

    if (rc == 0) {
        rc = check_dest(r);
    }
    if (rc) {
        return rc;
    }
    u = amdvi_units[unit];
    if (!u->irt) {
        return -ENODEV;
    }
    flags = spin_lock_irqsave(&u->irt_lock);
    rc = get_irt(u, devid, &no_others, &irt);
    if (rc == 0) {
        rc = set_entry(u, irt, devid, (int)pin, ire, r);
    }
    spin_unlock_irqrestore(&u->irt_lock, flags);
    if (rc) {
        return rc;
    }
    /*
     * Vector and delivery mode become the index. So the end of a level
     * interrupt cannot be found by the vector that the CPU saw: whoever ends it
     * must write what stands here into the IO-APIC's EOI register.
     */
    *rte = (*rte & AMDVI_RTE_MASK) | (r->level ? AMDVI_RTE_LEVEL : 0) |
           (r->active_low ? AMDVI_RTE_LOW : 0) | (ire->index & AMDVI_INDEX);
    return 0;
}

void amdvi_ire_free(const ire_t *ire)
{
    struct amdvi_unit *const u =
        ire->unit < amdvi_nr_units ? amdvi_units[ire->unit] : NULL;
    const unsigned int index = ire->index & 0xffff;
    struct amdvi_irt *irt;
    unsigned long flags;

    if (!u || !u->irt || index >= AMDVI_IRT_SLOTS) {
        return;
    }
    flags = spin_lock_irqsave(&u->irt_lock);
    irt = u->irt[ire->index >> 16];
    if (irt) {
        (void)write_entry(u, irt, index, NULL);
        /* Only an index that no cache knows may get another owner. */
        if (forget_irt(u, irt) == 0) {
            irt->used[index / 64] &= ~BIT64(index % 64);
        }
    }
    spin_unlock_irqrestore(&u->irt_lock, flags);
}

void amdvi_intremap_dump(const struct amdvi_unit *u)
{
    for (unsigned int id = 0; u->irt && id < AMDVI_DEVS; id++) {
        const struct amdvi_irt *const irt = u->irt[id];
        /* Once, though it may serve several ids. */
        const bool first = irt && irt->id[0] == id;

        for (unsigned int i = 0; first && i < AMDVI_IRT_SLOTS; i++) {
            const void *const t = pool_page_ptr(irt->pa);
            uint64_t lo, hi = 0;

            if (u->ga) {
                lo = ((const struct iommu_entry128 *)t)[i].lo;
                hi = ((const struct iommu_entry128 *)t)[i].hi;
            } else {
                lo = ((const uint32_t *)t)[i];
            }
            if (!(lo & AMDVI_IRTE_EN)) {
                continue;
            }
            printk("%s:  ire %02x:%02x.%u[%#x]: vector %#x dest %#x\n", u->name,
                   id >> 8, id >> 3 & 31, id & 7, i,
                   (unsigned int)(u->ga ? FIELD_GET(AMDVI_GA_VEC, hi)
                                        : FIELD_GET(AMDVI_IRTE_VEC, lo)),
                   (unsigned int)(u->ga ? FIELD_GET(AMDVI_GA_DEST_LO, lo) |
                                              FIELD_GET(AMDVI_GA_DEST_HI, hi)
                                                  << 24
                                        : FIELD_GET(AMDVI_IRTE_DEST, lo)));
        }
    }
}
