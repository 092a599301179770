/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the decoded DMAR to units, and from a PCI function to its unit. The
 * DMAR is firmware's: a scope that leads nowhere matches nothing.
 * Spec: VTD "BIOS Considerations".
 */
#include <xen/bits.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include "vtd-priv.h"

struct vtd_unit *vtd_units[IOMMU_MAX_UNITS];
unsigned int vtd_nr_units;
const struct dmar_info *vtd_dmar;

static_assert(DMAR_MAX_UNITS <= IOMMU_MAX_UNITS, "each DRHD has a slot");

/* Tallest tables that a unit walks and we build: 3 or 4 levels. */
static uint8_t tallest(uint64_t cap)
{
    const uint64_t sagaw = FIELD_GET(VTD_CAP_SAGAW, cap);

    return sagaw & 4 ? 4 : sagaw & 2 ? 3 : 0;
}

static int read_caps(struct vtd_unit *u)
{
    u->ver = vtd_read32(u, VTD_VER);
    u->cap = vtd_read64(u, VTD_CAP);
    u->ecap = vtd_read64(u, VTD_ECAP);
    if (u->cap == ~UINT64_C(0) || u->ecap == ~UINT64_C(0) || u->cap == 0) {
        log_err("%s: no registers at %#lx\n", u->name, u->drhd->pa);
        return -EOPNOTSUPP;
    }
    /* Reserved encoding: such a unit's id field would not hold its ids. */
    if (FIELD_GET(VTD_CAP_ND, u->cap) == 7) {
        log_err("%s: reserved number of domain ids\n", u->name);
        return -EOPNOTSUPP;
    }
    if (!(u->ecap & VTD_ECAP_QI)) {
        log_err("%s: no queued invalidation\n", u->name);
        return -EOPNOTSUPP;
    }
    u->coherent = (u->ecap & VTD_ECAP_C) != 0;
    u->levels = tallest(u->cap);
    u->frcd = (uint16_t)(16 * FIELD_GET(VTD_CAP_FRO, u->cap));
    u->nr_frcd = (uint16_t)(FIELD_GET(VTD_CAP_NFR, u->cap) + 1);
    return 0;
}

static int map_registers(struct vtd_unit *u)
{
    const uint64_t cap_at = 16;
    size_t size = u->drhd->size;
    int rc = mmio_map(u->drhd->pa, size, &u->regs);
    uint64_t cap;

    if (rc) {
        return rc;
    }
    /* Fault records may lie beyond what the table says. */
    cap = mmio_read64(u->regs, VTD_CAP.off);
    if (cap != ~UINT64_C(0)) {
        const size_t need = cap_at * (FIELD_GET(VTD_CAP_FRO, cap) +
                                      FIELD_GET(VTD_CAP_NFR, cap) + 1);

        if (need > size) {
            rc = mmio_map(u->drhd->pa, align_up(need, PAGE_SIZE), &u->regs);
        }
    }
    return rc;
}

static void print_caps(const struct vtd_unit *u)
{
    log_info("%s: %#lx version %u.%u cap %#lx ecap %#lx: %u levels, %lu bits, "
             "leaves 4K%s%s, %lu records%s%s%s%s%s\n",
             u->name, u->drhd->pa,
             (unsigned int)FIELD_GET(VTD_VER_MAJOR, u->ver),
             (unsigned int)FIELD_GET(VTD_VER_MINOR, u->ver), u->cap, u->ecap,
             u->levels, FIELD_GET(VTD_CAP_MGAW, u->cap) + 1,
             u->cap & VTD_CAP_SSLPS_2M ? " 2M" : "",
             u->cap & VTD_CAP_SSLPS_1G ? " 1G" : "",
             FIELD_GET(VTD_CAP_NFR, u->cap) + 1,
             u->coherent ? "" : ", non-coherent",
             u->cap & VTD_CAP_CM ? ", caching mode" : "",
             u->ecap & VTD_ECAP_PT ? ", pass-through" : "",
             u->ecap & VTD_ECAP_SC ? ", snoop control" : "",
             u->ecap & VTD_ECAP_IR ? ", interrupt remapping" : "");
}

static int probe_unit(unsigned int i)
{
    struct vtd_unit *u;
    paddr_t pa;
    int rc;

    /* Holds a bitmap, so it is most of a page: a page it is. */
    static_assert(sizeof(*u) <= PAGE_SIZE, "one page");
    rc = pool_block_alloc(0, &pa);
    if (rc) {
        return rc;
    }
    u = pool_page_ptr(pa);
    u->index = i;
    u->drhd = &vtd_dmar->unit[i];
    snprintf(u->name, sizeof(u->name), "vtd%u", i % 100);
    rc = map_registers(u);
    if (rc == 0) {
        rc = read_caps(u);
    }
    if (rc) {
        pool_block_free(pa, 0);
        return rc;
    }
    vtd_quirks(u);
    print_caps(u);
    vtd_units[i] = u;
    return 0;
}

int vtd_probe(void)
{
    int rc = acpi_dmar(&vtd_dmar);

    if (rc) {
        return rc == -ENOENT ? -ENODEV : rc;
    }
    vtd_nr_units = 0;
    for (unsigned int i = 0; i < vtd_dmar->nr_units; i++) {
        rc = probe_unit(i);
        if (rc) {
            /* Half of the devices translated is no protection at all. */
            return rc;
        }
        vtd_nr_units = i + 1;
    }
    return vtd_nr_units ? 0 : -ENODEV;
}

/* Follow a scope's path through bridges; false if it leads nowhere. */
static bool scope_function(const struct dmar_scope *sc, uint16_t seg,
                           sbdf_t *out)
{
    unsigned int bus = sc->start_bus;

    for (unsigned int i = 0; i < sc->nr_path && i < DMAR_MAX_PATH; i++) {
        const struct pci_dev *bridge;

        *out = SBDF(seg, bus, sc->path[i].dev, sc->path[i].fn);
        if (i + 1 == sc->nr_path) {
            return true;
        }
        bridge = pci_find(*out);
        if (!bridge ||
            (bridge->kind != PCI_BRIDGE && bridge->kind != PCI_PCIE_TO_PCI)) {
            return false;
        }
        bus = bridge->secondary;
    }
    return false;
}

/* Is a function the scope's device, or behind its bridge? */
static bool scope_covers(const struct dmar_scope *sc, uint16_t seg, sbdf_t s)
{
    sbdf_t at;

    if ((sc->kind != DMAR_SCOPE_ENDPOINT && sc->kind != DMAR_SCOPE_BRIDGE) ||
        !scope_function(sc, seg, &at)) {
        return false;
    }
    if (sbdf_eq(at, s)) {
        return true;
    }
    if (sc->kind != DMAR_SCOPE_BRIDGE) {
        return false;
    }
    /* Bus numbers are the bridges': bound the climb. */
    for (unsigned int hops = 0; hops < 256; hops++) {
        const struct pci_dev *const p = pci_parent(s);

        if (!p) {
            return false;
        }
        if (sbdf_eq(p->sbdf, at)) {
            return true;
        }
        s = p->sbdf;
    }
    return false;
}

int vtd_unit_of(sbdf_t s, unsigned int *unit)
{
    int all = -1;

    for (unsigned int i = 0; i < vtd_nr_units; i++) {
        const struct dmar_unit *const d = vtd_units[i]->drhd;

        if (d->seg != s.seg) {
            continue;
        }
        if (d->flags & DRHD_INCLUDE_PCI_ALL) {
            all = (int)i;
        }
        for (unsigned int k = 0; k < d->nr_scopes; k++) {
            if (scope_covers(&vtd_dmar->scope[d->first_scope + k], d->seg, s)) {
                *unit = i;
                return 0;
            }
        }
    }
    if (all < 0) {
        return -ENODEV;
    }
    *unit = (unsigned int)all;
    return 0;
}

sbdf_t vtd_shown_as(unsigned int unit, sbdf_t s)
{
    (void)
        unit; /* DMAR knows no aliases: a device shows what buses make of it */
    return s;
}

int vtd_unit_of_special(enum dmar_scope_kind kind, unsigned int id,
                        unsigned int *unit, uint16_t *sid)
{
    for (unsigned int i = 0; i < vtd_nr_units; i++) {
        const struct dmar_unit *const d = vtd_units[i]->drhd;

        for (unsigned int k = 0; k < d->nr_scopes; k++) {
            const struct dmar_scope *const sc =
                &vtd_dmar->scope[d->first_scope + k];
            sbdf_t at;

            if (sc->kind == kind && sc->enum_id == id &&
                scope_function(sc, d->seg, &at)) {
                *unit = i;
                *sid = at.bdf;
                return 0;
            }
        }
    }
    return -ENODEV;
}

int vtd_probe_reserved(void)
{
    for (unsigned int i = 0; i < vtd_dmar->nr_regions; i++) {
        const struct dmar_region *const r = &vtd_dmar->region[i];

        for (unsigned int k = 0; k < r->nr_scopes; k++) {
            const struct dmar_scope *const sc =
                &vtd_dmar->scope[r->first_scope + k];
            sbdf_t at;
            int rc;

            if (!scope_function(sc, r->seg, &at)) {
                continue;
            }
            rc = iommu_reserved_add(at, r->first >> PAGE_SHIFT,
                                    r->last >> PAGE_SHIFT, IOMMU_R | IOMMU_W);
            if (rc == -ENOMEM) {
                return rc;
            }
            log_info(SBDF_FMT ": reserved range %#lx..%#lx%s\n", SBDF_ARG(at),
                     r->first, r->last, rc ? ", refused" : "");
        }
    }
    return 0;
}
