/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AMD-Vi as the neutral layer sees it: what all units have in common, and the
 * table of operations. Owns nothing but what it found at setup.
 */
#include <xen/lib.h>
#include <xen/printk.h>

#include "amdvi-priv.h"

#define MIN_LEVELS 3u

static bool ioapics_covered(void)
{
    const struct madt_info *const madt = acpi_madt();

    if (!madt) {
        return false;
    }
    for (unsigned int i = 0; i < madt->nr_ioapics; i++) {
        unsigned int unit;
        uint16_t devid;

        if (amdvi_special(IVRS_IOAPIC, madt->ioapic[i].id, &unit, &devid)) {
            log_warn("amdvi: no unit remaps IO-APIC %u\n", madt->ioapic[i].id);
            return false;
        }
    }
    return true;
}

/*
 * Next level 7 is part of the format and no unit says that it lacks it. Where
 * secure nested paging may be on, pages have the three sizes that CPUs know.
 */
static bool mid_pages_ok(void)
{
    for (unsigned int i = 0; i < amdvi_nr_units; i++) {
        if (amdvi_units[i]->efr & AMDVI_EFR_SNP) {
            log_warn(
                "%s: amd-mid-pages is ignored: the unit may be held to the "
                "page sizes of CPUs\n",
                amdvi_units[i]->name);
            return false;
        }
    }
    return true;
}

/*
 * Tables are as tall as machine addresses need, because those are what Dom0's
 * devices use; not taller than every unit walks.
 */
static void common_caps(struct iommu_caps *caps)
{
    unsigned int levels = MIN_LEVELS, most = IOPT_MAX_LEVELS;
    unsigned int va_bits = 64;

    caps->pt = (struct iopt_config){
        .ops = iommu_opt.amd_mid_pages && mid_pages_ok() ? &iopt_amdv1x_ops
                                                         : &iopt_amdv1_ops,
        .coherent = true, /* no entry of the device table says otherwise */
        .leaf_mask = 7,   /* every unit knows 2M and 1G */
    };
    if (caps->pt.ops == &iopt_amdv1x_ops) {
        log_info("amdvi: page sizes between 4K, 2M and 1G are used\n");
    }
    caps->nr_units = amdvi_nr_units;
    caps->passthrough = true;
    caps->flush_order = AMDVI_MAX_ORDER;
    for (unsigned int i = 0; i < amdvi_nr_units; i++) {
        const struct amdvi_unit *const u = amdvi_units[i];
        const unsigned int need = (u->pa_bits - PAGE_SHIFT + 8u) / 9;

        levels = max_of(levels, need);
        most =
            min_of(most, 4 + (unsigned int)FIELD_GET(AMDVI_EFR_HATS, u->efr));
        va_bits = min_of(va_bits, (unsigned int)u->va_bits);
        caps->pt.track_added |= (u->cap & AMDVI_CAP_NPCACHE) != 0;
    }
    levels = min_of(levels, most);
    caps->pt.levels = (uint8_t)levels;
    caps->pt.input_bits =
        (uint8_t)min_of(va_bits, 9 * levels + (unsigned int)PAGE_SHIFT);
    caps->did_first = AMDVI_DID_FIRST;
    caps->did_last = UINT16_MAX;
    caps->intremap = ioapics_covered() && !amdvi_quirk_no_intremap();
}

static int amdvi_setup(struct iommu_caps *caps)
{
    int rc = amdvi_probe();

    if (rc) {
        return rc;
    }
    common_caps(caps);
    for (unsigned int i = 0; i < amdvi_nr_units; i++) {
        rc = amdvi_unit_init(amdvi_units[i]);
        if (rc) {
            log_err("%s: cannot be set up: error %d\n", amdvi_units[i]->name,
                    rc);
            return rc;
        }
    }
    return amdvi_probe_reserved();
}

static int amdvi_space_init(struct iospace *s)
{
    s->vendor = 0;
    return 0;
}

static void amdvi_space_fini(struct iospace *s)
{
    (void)s;
}

/* Would another device that shows the same id lose what it has? */
static bool alias_taken(const struct amdvi_unit *u, uint16_t sid,
                        uint16_t alias, uint64_t did)
{
    for (unsigned int i = 0; i < u->ivhd->nr_devs; i++) {
        const struct ivrs_dev *const e =
            &amdvi_ivrs->dev[u->ivhd->first_dev + i];

        for (unsigned int id = e->first; e->aliased && id <= e->last; id++) {
            const struct amdvi_dte *const d = &u->devtab[id];
            unsigned int unused;

            if (id != sid && e->alias == alias && !amdvi_dte_blocked(d) &&
                FIELD_GET(AMDVI_DTE_DID, d->dma.hi) != did &&
                amdvi_device(u, (uint16_t)id, &unused) == alias) {
                return true;
            }
        }
    }
    return false;
}

/* An entry and, if firmware says that it shows another id, that one's. */
static int set_both(struct amdvi_unit *u, uint16_t sid, uint64_t lo,
                    uint64_t hi)
{
    const struct iommu_entry128 old = u->devtab[sid].dma;
    unsigned int unused;
    const uint16_t alias = amdvi_device(u, sid, &unused);
    int rc = amdvi_dte_set_dma(u, sid, lo, hi);

    if (rc == 0 && alias != sid) {
        rc = amdvi_dte_set_dma(u, alias, lo, hi);
        if (rc && amdvi_dte_set_dma(u, sid, old.lo, old.hi)) {
            log_err("%s: id %#x and its alias %#x disagree\n", u->name, sid,
                    alias);
        }
    }
    return rc;
}

static int amdvi_block(unsigned int unit, sbdf_t sid)
{
    return set_both(amdvi_units[unit], sid.bdf, AMDVI_DTE_V | AMDVI_DTE_TV,
                    FIELD_PREP(AMDVI_DTE_DID, (uint64_t)AMDVI_DID_BLOCK));
}

static int amdvi_attach(unsigned int unit, sbdf_t sid, const struct iospace *s)
{
    struct amdvi_unit *const u = amdvi_units[unit];
    const uint64_t did = s ? s->did : AMDVI_DID_PASS;
    uint64_t lo = AMDVI_DTE_V | AMDVI_DTE_TV | AMDVI_DTE_IR | AMDVI_DTE_IW;
    unsigned int unused;
    uint16_t alias;

    if (sbdf_eq(sid, u->self)) {
        return 0; /* the unit's own function reaches nothing, and needs not */
    }
    alias = amdvi_device(u, sid.bdf, &unused);
    if (alias != sid.bdf && alias_taken(u, sid.bdf, alias, did) &&
        (!s || s->owner != IOMMU_NO_OWNER)) {
        log_err(SBDF_FMT ": shows id %#x, which a device of another owner "
                         "shows too\n",
                SBDF_ARG(sid), alias);
        return -EXDEV;
    }
    if (s) {
        lo |=
            FIELD_PREP(AMDVI_DTE_MODE, (uint64_t)s->pt.levels) | s->pt.root_pa;
    }
    return set_both(u, sid.bdf, lo, FIELD_PREP(AMDVI_DTE_DID, did));
}

static noinline_fn int post_all(struct amdvi_unit *u, uint16_t did,
                                uint64_t *ticket)
{
    const struct iommu_entry128 all =
        amdvi_cmd_pages(did, 0, AMDVI_MAX_ORDER + 1, true);

    return amdvi_cmd_post(u, &all, 1, ticket);
}

static int amdvi_flush_post(unsigned int unit, const struct iommu_flush_req *f,
                            uint64_t *ticket)
{
    struct amdvi_unit *const u = amdvi_units[unit];

    return unlikely(f->all) ? post_all(u, f->did, ticket)
                            : amdvi_cmd_post_blocks(u, f, ticket);
}

static int amdvi_flush_wait(unsigned int unit, uint64_t ticket)
{
    struct amdvi_unit *const u = amdvi_units[unit];

    /* The only one who ever looks, when no interrupt tells. */
    if (u->deaf) {
        amdvi_event_drain(u);
    }
    return amdvi_cmd_wait(u, ticket);
}

static int amdvi_enable(unsigned int unit)
{
    return amdvi_unit_enable(amdvi_units[unit]);
}

static void amdvi_disable(unsigned int unit)
{
    amdvi_unit_disable(amdvi_units[unit]);
}

static void amdvi_registers(unsigned int unit, uint64_t *first, uint64_t *last)
{
    const struct ivrs_unit *const v = amdvi_units[unit]->ivhd;

    *first = v->pa >> PAGE_SHIFT;
    *last = (v->pa + v->size - 1) >> PAGE_SHIFT;
}

static void amdvi_dump(unsigned int unit)
{
    struct amdvi_unit *const u = amdvi_units[unit];

    printk("%s: " SBDF_FMT " %#lx features %#lx control %#lx status %#lx (%s) "
           "commands head %#lx tail %#lx, events head %#lx tail %#lx, %lu page "
           "requests ignored, interrupt %s\n",
           u->name, SBDF_ARG(u->self), u->ivhd->pa, u->efr,
           amdvi_read(u, AMDVI_CONTROL), amdvi_read(u, AMDVI_STATUS),
           u->enabled ? "translating" : "off",
           amdvi_read(u, AMDVI_CMD_HEAD) >> 4,
           amdvi_read(u, AMDVI_CMD_TAIL) >> 4,
           amdvi_read(u, AMDVI_EVT_HEAD) >> 4,
           amdvi_read(u, AMDVI_EVT_TAIL) >> 4, u->nr_ppr,
           u->deaf ? "does not arrive" : "arrives");
    for (unsigned int id = 0; id < AMDVI_DEVS; id++) {
        const struct amdvi_dte *const d = &u->devtab[id];

        if (!amdvi_dte_blocked(d)) {
            printk("%s:  %04x:%02x:%02x.%u: %s, id %#x, root %#lx, %u "
                   "levels\n",
                   u->name, u->ivhd->seg, id >> 8, id >> 3 & 31, id & 7,
                   d->dma.lo & AMDVI_DTE_MODE ? "translated" : "pass-through",
                   (unsigned int)FIELD_GET(AMDVI_DTE_DID, d->dma.hi),
                   d->dma.lo & AMDVI_DTE_ROOT,
                   (unsigned int)FIELD_GET(AMDVI_DTE_MODE, d->dma.lo));
        }
    }
    amdvi_intremap_dump(u);
}

const struct iommu_vendor_ops amdvi_ops = {
    .name = "amdvi",
    .setup = amdvi_setup,
    .intremap_start = amdvi_intremap_start,
    .unit_of = amdvi_unit_of,
    .shown_as = amdvi_shown_as,
    .space_init = amdvi_space_init,
    .space_fini = amdvi_space_fini,
    .attach = amdvi_attach,
    .block = amdvi_block,
    .flush_post = amdvi_flush_post,
    .flush_wait = amdvi_flush_wait,
    .enable = amdvi_enable,
    .disable = amdvi_disable,
    .ire_msi = amdvi_ire_msi,
    .ire_ioapic = amdvi_ire_ioapic,
    .ire_hpet = amdvi_ire_hpet,
    .ire_free = amdvi_ire_free,
    .registers = amdvi_registers,
    .dump = amdvi_dump,
    .print_walk = amdvi_print_walk,
};
