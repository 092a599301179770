/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VT-d as the neutral layer sees it: what all units have in common, and the
 * table of operations. Owns nothing but what it found at setup.
 */
#include <xen/lib.h>
#include <xen/page-pool.h>
#include <xen/printk.h>

#include "vtd-priv.h"

#define SS_SNOOP BIT64(11) /* leaf bit. Spec: VTD "Second-Stage Entries" */

uint8_t vtd_tree_levels;

static uint64_t sagaw(const struct vtd_unit *u)
{
    return FIELD_GET(VTD_CAP_SAGAW, u->cap);
}

/*
 * Heights: the tallest tables that every unit walks. When one unit walks only
 * three levels and another only four, trees have three, and the second gets a
 * root whose first entry is the tree.
 */
static int choose_levels(void)
{
    uint64_t common = ~UINT64_C(0);

    for (unsigned int i = 0; i < vtd_nr_units; i++) {
        struct vtd_unit *const u = vtd_units[i];

        if (u->levels == 0) {
            log_err("%s: translates no width we know, sagaw %#lx\n", u->name,
                    sagaw(u));
            return -EOPNOTSUPP;
        }
        common &= sagaw(u);
    }
    vtd_tree_levels = common & 4 ? 4 : 3;
    for (unsigned int i = 0; i < vtd_nr_units; i++) {
        struct vtd_unit *const u = vtd_units[i];

        if (sagaw(u) & BIT64(vtd_tree_levels - 2)) {
            u->levels = vtd_tree_levels;
        }
    }
    return 0;
}

static bool ioapics_covered(void)
{
    const struct madt_info *const madt = acpi_madt();

    if (!madt) {
        return false;
    }
    for (unsigned int i = 0; i < madt->nr_ioapics; i++) {
        unsigned int unit;
        uint16_t sid;

        if (vtd_unit_of_special(DMAR_SCOPE_IOAPIC, madt->ioapic[i].id, &unit,
                                &sid)) {
            log_warn("vtd: no unit remaps IO-APIC %u\n", madt->ioapic[i].id);
            return false;
        }
    }
    return true;
}

static void common_caps(struct iommu_caps *caps)
{
    unsigned int bits = 9u * vtd_tree_levels + PAGE_SHIFT;
    bool leaf_2m = true, leaf_1g = true, snoop = iommu_opt.snoop;
    uint64_t dids = 65536;

    caps->pt = (struct iopt_config){
        .ops = &iopt_vtdss_ops,
        .levels = vtd_tree_levels,
        .coherent = true,
    };
    caps->nr_units = vtd_nr_units;
    caps->passthrough = true;
    caps->intremap = (vtd_dmar->flags & DMAR_FLAG_INTR_REMAP) != 0;
    caps->flush_order = 63;
    for (unsigned int i = 0; i < vtd_nr_units; i++) {
        const struct vtd_unit *const u = vtd_units[i];
        const uint64_t nd = FIELD_GET(VTD_CAP_ND, u->cap);

        leaf_2m &= (u->cap & VTD_CAP_SSLPS_2M) != 0;
        leaf_1g &= (u->cap & VTD_CAP_SSLPS_1G) != 0;
        snoop &= (u->ecap & VTD_ECAP_SC) != 0;
        caps->pt.coherent &= u->coherent;
        caps->pt.track_added |= (u->cap & VTD_CAP_CM) != 0 || vtd_needs_wbf(u);
        bits = min_of(bits, (unsigned int)FIELD_GET(VTD_CAP_MGAW, u->cap) + 1);
        dids = min_of(dids, BIT64(4 + 2 * nd));
        if (u->cap & VTD_CAP_PSI) {
            caps->flush_order =
                min_of(caps->flush_order,
                       (uint8_t)FIELD_GET(VTD_CAP_MAMV, u->cap));
        }
        caps->passthrough &= (u->ecap & VTD_ECAP_PT) != 0;
        caps->intremap &=
            (u->ecap & VTD_ECAP_IR) != 0 && !(u->quirks & VTD_QUIRK_NO_IR);
    }
    caps->pt.leaf_mask =
        (uint8_t)(1 | (leaf_2m ? 2 : 0) | (leaf_2m && leaf_1g ? 4 : 0));
    caps->pt.leaf_extra = snoop ? SS_SNOOP : 0;
    caps->pt.input_bits = (uint8_t)bits;
    caps->did_first = VTD_DID_FIRST;
    caps->did_last = (uint16_t)(dids - 1);
    caps->intremap = caps->intremap && ioapics_covered();
}

static int vtd_setup(struct iommu_caps *caps)
{
    int rc = vtd_probe();

    if (rc) {
        return rc;
    }
    rc = choose_levels();
    if (rc) {
        return rc;
    }
    if (!iommu_opt.qinval) {
        log_warn("vtd: no-qinval is ignored, there is no other way\n");
    }
    common_caps(caps);
    for (unsigned int i = 0; i < vtd_nr_units; i++) {
        rc = vtd_unit_init(vtd_units[i]);
        if (rc) {
            log_err("%s: cannot be set up: error %d\n", vtd_units[i]->name, rc);
            return rc;
        }
    }
    rc = vtd_probe_reserved();
    if (rc == 0 && acpi_hide("DMAR")) {
        log_warn("vtd: Dom0 may find the DMAR\n");
    }
    return rc;
}

static bool needs_taller_root(void)
{
    for (unsigned int i = 0; i < vtd_nr_units; i++) {
        if (vtd_units[i]->levels > vtd_tree_levels) {
            return true;
        }
    }
    return false;
}

static int vtd_space_init(struct iospace *s)
{
    uint64_t *top;
    int rc;

    s->vendor = 0;
    if (!needs_taller_root()) {
        return 0;
    }
    rc = pool_block_alloc(0, &s->vendor);
    if (rc) {
        return rc;
    }
    top = pool_page_ptr(s->vendor);
    top[0] = s->pt.root_pa | 3; /* read and write: leaves decide */
    for (unsigned int i = 0; i < vtd_nr_units; i++) {
        vtd_publish(vtd_units[i], top, PAGE_SIZE);
    }
    return 0;
}

static void vtd_space_fini(struct iospace *s)
{
    if (needs_taller_root()) {
        pool_block_free(s->vendor, 0);
    }
}

static int vtd_attach(unsigned int unit, sbdf_t sid, const struct iospace *s)
{
    struct vtd_unit *const u = vtd_units[unit];
    uint64_t lo, hi;

    if (s) {
        lo = VTD_CTX_P | FIELD_PREP(VTD_CTX_TT, VTD_TT_SECOND) |
             vtd_space_root(u, s);
        hi = FIELD_PREP(VTD_CTX_AW, (uint64_t)u->levels - 2) |
             FIELD_PREP(VTD_CTX_DID, (uint64_t)s->did);
    } else {
        /* The width does not matter to us, but must be the unit's largest. */
        lo = VTD_CTX_P | FIELD_PREP(VTD_CTX_TT, VTD_TT_PASS);
        hi = FIELD_PREP(VTD_CTX_AW, (uint64_t)fls64(sagaw(u))) |
             FIELD_PREP(VTD_CTX_DID, (uint64_t)VTD_DID_PASS);
    }
    return vtd_context_set(u, sid.bdf, lo, hi);
}

static int vtd_block(unsigned int unit, sbdf_t sid)
{
    return vtd_context_set(vtd_units[unit], sid.bdf, 0, 0);
}

static int vtd_flush_post(unsigned int unit, const struct iommu_flush_req *f,
                          uint64_t *ticket)
{
    struct vtd_unit *const u = vtd_units[unit];
    const int rc = vtd_flush_write_buffer(u);
    struct iommu_entry128 d;

    if (rc) {
        return rc;
    }
    if (!f->all && u->cap & VTD_CAP_PSI) {
        return vtd_qi_post_blocks(u, f, ticket);
    }
    d = vtd_qi_iotlb(u, VTD_G_DOMAIN, f->did);
    return vtd_qi_post(u, &d, 1, ticket);
}

static int vtd_flush_wait(unsigned int unit, uint64_t ticket)
{
    return vtd_qi_wait(vtd_units[unit], ticket);
}

static int vtd_enable(unsigned int unit)
{
    return vtd_unit_enable(vtd_units[unit]);
}

static void vtd_disable(unsigned int unit)
{
    vtd_unit_disable(vtd_units[unit]);
}

static void vtd_registers(unsigned int unit, uint64_t *first, uint64_t *last)
{
    const struct dmar_unit *const d = vtd_units[unit]->drhd;

    *first = d->pa >> PAGE_SHIFT;
    *last = (d->pa + d->size - 1) >> PAGE_SHIFT;
}

static void vtd_dump(unsigned int unit)
{
    struct vtd_unit *const u = vtd_units[unit];
    const uint32_t sts = vtd_read32(u, VTD_GSTS);

    printk("%s: %#lx cap %#lx ecap %#lx gsts %#x (%s%s%s) fsts %#x queue head "
           "%#lx tail %#lx\n",
           u->name, u->drhd->pa, u->cap, u->ecap, sts,
           sts & VTD_G_TE ? "translating" : "off",
           sts & VTD_G_QIE ? ", queue" : "",
           sts & VTD_G_IRE ? ", remapping" : "", vtd_read32(u, VTD_FSTS),
           vtd_read64(u, VTD_IQH) >> 4, vtd_read64(u, VTD_IQT) >> 4);
    for (unsigned int sid = 0; sid < 65536; sid++) {
        struct iommu_entry128 e;

        if (!(u->root[sid >> 8].lo & VTD_ROOT_P)) {
            sid |= 0xff; /* no table for the whole bus */
            continue;
        }
        e = vtd_context_get(u, (uint16_t)sid);
        if (e.lo & VTD_CTX_P) {
            printk("%s:  %04x:%02x:%02x.%u: %s, id %#x, root %#lx, width "
                   "code %u\n",
                   u->name, u->drhd->seg, sid >> 8, sid >> 3 & 31, sid & 7,
                   FIELD_GET(VTD_CTX_TT, e.lo) == VTD_TT_PASS ? "pass-through"
                                                              : "translated",
                   (unsigned int)FIELD_GET(VTD_CTX_DID, e.hi),
                   e.lo & VTD_CTX_SSPTPTR,
                   (unsigned int)FIELD_GET(VTD_CTX_AW, e.hi));
        }
    }
    vtd_intremap_dump(u);
}

const struct iommu_vendor_ops vtd_ops = {
    .name = "vtd",
    .setup = vtd_setup,
    .intremap_start = vtd_intremap_start,
    .unit_of = vtd_unit_of,
    .shown_as = vtd_shown_as,
    .space_init = vtd_space_init,
    .space_fini = vtd_space_fini,
    .attach = vtd_attach,
    .block = vtd_block,
    .flush_post = vtd_flush_post,
    .flush_wait = vtd_flush_wait,
    .enable = vtd_enable,
    .disable = vtd_disable,
    .ire_msi = vtd_ire_msi,
    .ire_ioapic = vtd_ire_ioapic,
    .ire_hpet = vtd_ire_hpet,
    .ire_free = vtd_ire_free,
    .registers = vtd_registers,
    .dump = vtd_dump,
    .print_walk = vtd_print_walk,
};
