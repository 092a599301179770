/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the decoded IVRS to units, and from a requester id to its unit. Both the
 * table and the capability blocks are checked; what is not there is an error,
 * because half of the devices translated is no protection at all.
 * Spec: AMD48882 "IOMMU Capability Block", "I/O Virtualization ACPI Table".
 */
#include <xen/bits.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include "amdvi-priv.h"

struct amdvi_unit *amdvi_units[IOMMU_MAX_UNITS];
unsigned int amdvi_nr_units;
const struct ivrs_info *amdvi_ivrs;

static_assert(IVRS_MAX_UNITS <= IOMMU_MAX_UNITS, "each unit has a slot");

/* Ours: what is assumed of a unit that does not say. Every one has 48. */
#define DEFAULT_BITS 48u

static int read_cap_block(struct amdvi_unit *u)
{
    const unsigned int at = u->ivhd->cap;
    const uint32_t misc = pci_read(u->self, at + AMDVI_CAP_MISC, 4);
    const uint32_t base = pci_read(u->self, at + AMDVI_CAP_BASE, 4);
    const uint64_t pa = (uint64_t)pci_read(u->self, at + AMDVI_CAP_BASE_HI, 4)
                            << 32 |
                        (base & AMDVI_CAP_BASE_PA);

    u->cap = pci_read(u->self, at + AMDVI_CAP_HEADER, 4);
    if (FIELD_GET(AMDVI_CAP_ID, u->cap) != AMDVI_ID_SECURE ||
        FIELD_GET(AMDVI_CAP_TYPE, u->cap) != AMDVI_TYPE_IOMMU) {
        log_err("%s: " SBDF_FMT " has no IOMMU capability at %#x: %#x\n",
                u->name, SBDF_ARG(u->self), at, u->cap);
        return -EOPNOTSUPP;
    }
    /* Tables and commands given to something else would protect nothing. */
    if (pa && pa != u->ivhd->pa) {
        log_err("%s: IVRS has its registers at %#lx, its capability at %#lx\n",
                u->name, u->ivhd->pa, pa);
        return -EOPNOTSUPP;
    }
    /* Firmware enables it; an emulated one may decode without. */
    if (!(base & AMDVI_CAP_BASE_EN)) {
        log_info("%s: registers are not marked as enabled\n", u->name);
    }
    u->pa_bits = (uint8_t)FIELD_GET(AMDVI_MISC_PA, misc);
    u->va_bits = (uint8_t)FIELD_GET(AMDVI_MISC_VA, misc);
    if (misc == UINT32_MAX || u->pa_bits == 0) {
        u->pa_bits = amdvi_ivrs->pa_bits ? amdvi_ivrs->pa_bits : DEFAULT_BITS;
    }
    if (misc == UINT32_MAX || u->va_bits == 0) {
        u->va_bits = amdvi_ivrs->va_bits ? amdvi_ivrs->va_bits : DEFAULT_BITS;
    }
    if (u->pa_bits < 32 || u->va_bits < 32) {
        log_err("%s: addresses of %u and %u bits\n", u->name, u->pa_bits,
                u->va_bits);
        return -EOPNOTSUPP;
    }
    return 0;
}

static int read_features(struct amdvi_unit *u)
{
    const uint64_t ctrl = amdvi_read(u, AMDVI_CONTROL);

    u->efr = u->cap & AMDVI_CAP_EFR ? amdvi_read(u, AMDVI_EFR) : 0;
    if (ctrl == ~UINT64_C(0) || u->efr == ~UINT64_C(0)) {
        log_err("%s: no registers at %#lx\n", u->name, u->ivhd->pa);
        return -EOPNOTSUPP;
    }
    if (FIELD_GET(AMDVI_EFR_HATS, u->efr) == 3) {
        log_err("%s: reserved number of table levels, features %#lx\n", u->name,
                u->efr);
        return -EOPNOTSUPP;
    }
    if (u->ivhd->efr && u->ivhd->efr != u->efr) {
        log_info("%s: firmware says features %#lx, register says %#lx\n",
                 u->name, u->ivhd->efr, u->efr);
    }
    u->coherent = (u->ivhd->flags & IVHD_COHERENT) != 0;
    u->ga = (u->efr & AMDVI_EFR_GA) != 0;
    return 0;
}

static void print_caps(const struct amdvi_unit *u)
{
    log_info("%s: " SBDF_FMT " %#lx, IVHD type %#x, features %#lx: up to %lu "
             "levels, %u-bit addresses%s%s%s%s%s%s\n",
             u->name, SBDF_ARG(u->self), u->ivhd->pa, u->ivhd->type, u->efr,
             4 + FIELD_GET(AMDVI_EFR_HATS, u->efr), u->va_bits,
             u->coherent ? "" : ", non-coherent device table",
             u->cap & AMDVI_CAP_NPCACHE ? ", caches absent entries" : "",
             u->efr & AMDVI_EFR_IA ? ", invalidate all" : "",
             u->ga ? ", 128-bit interrupt entries" : "",
             u->efr & AMDVI_EFR_XT ? ", x2APIC" : "",
             u->efr & AMDVI_EFR_PPR ? ", page requests" : "");
}

static int probe_unit(unsigned int i)
{
    struct amdvi_unit *u;
    struct pci_dev *dev;
    paddr_t pa;
    int rc;

    static_assert(sizeof(*u) <= PAGE_SIZE, "one page");
    rc = pool_block_alloc(0, &pa);
    if (rc) {
        return rc;
    }
    u = pool_page_ptr(pa);
    u->index = i;
    u->ivhd = &amdvi_ivrs->unit[i];
    u->self = (sbdf_t){ u->ivhd->seg, u->ivhd->devid };
    snprintf(u->name, sizeof(u->name), "amdvi%u", i % 100);

    rc = read_cap_block(u);
    if (rc == 0) {
        rc = mmio_map(u->ivhd->pa, u->ivhd->size, &u->regs);
    }
    if (rc == 0) {
        rc = read_features(u);
    }
    if (rc) {
        pool_block_free(pa, 0);
        return rc;
    }
    /* It is ours: Dom0 must not write to its configuration space. */
    dev = pci_find(u->self);
    if (dev) {
        dev->hidden = true;
    }
    amdvi_quirks(u);
    print_caps(u);
    amdvi_units[i] = u;
    return 0;
}

int amdvi_probe(void)
{
    int rc = acpi_ivrs(&amdvi_ivrs);

    if (rc) {
        return rc == -ENOENT ? -ENODEV : rc;
    }
    amdvi_nr_units = 0;
    for (unsigned int i = 0; i < amdvi_ivrs->nr_units; i++) {
        rc = probe_unit(i);
        if (rc) {
            return rc == -ENODEV ? -EOPNOTSUPP : rc;
        }
        amdvi_nr_units = i + 1;
    }
    return amdvi_nr_units ? 0 : -ENODEV;
}

/* What a unit's entries say about an id; the last one that names it counts. */
static const struct ivrs_dev *find_entry(const struct amdvi_unit *u,
                                         uint16_t devid)
{
    for (unsigned int i = u->ivhd->nr_devs; i-- > 0;) {
        const struct ivrs_dev *d = &amdvi_ivrs->dev[u->ivhd->first_dev + i];

        if (devid >= d->first && devid <= d->last) {
            return d;
        }
    }
    return NULL;
}

int amdvi_unit_of(sbdf_t s, unsigned int *unit)
{
    for (unsigned int i = 0; i < amdvi_nr_units; i++) {
        if (amdvi_units[i]->ivhd->seg == s.seg &&
            find_entry(amdvi_units[i], s.bdf)) {
            *unit = i;
            return 0;
        }
    }
    return -ENODEV;
}

uint16_t amdvi_device(const struct amdvi_unit *u, uint16_t devid,
                      unsigned int *flags)
{
    const struct ivrs_dev *const d = find_entry(u, devid);

    *flags = d ? d->flags : 0;
    for (unsigned int i = 0; i < amdvi_ivrs->nr_specials; i++) {
        const struct ivrs_special *const sp = &amdvi_ivrs->special[i];

        if (sp->unit == u->index && sp->devid == devid) {
            *flags |= sp->flags;
        }
    }
    return d && d->aliased ? d->alias : devid;
}

sbdf_t amdvi_shown_as(unsigned int unit, sbdf_t s)
{
    unsigned int unused;

    return (sbdf_t){ s.seg, amdvi_device(amdvi_units[unit], s.bdf, &unused) };
}

int amdvi_special(enum ivrs_special_kind kind, unsigned int id,
                  unsigned int *unit, uint16_t *devid)
{
    for (unsigned int i = 0; i < amdvi_ivrs->nr_specials; i++) {
        const struct ivrs_special *const sp = &amdvi_ivrs->special[i];

        if (sp->kind == kind && sp->handle == id) {
            *unit = sp->unit;
            *devid = sp->devid;
            return 0;
        }
    }
    return -ENODEV;
}

struct region_arg {
    const struct ivrs_region *r;
    unsigned int nr; /* devices it was given to */
};

static bool names(const struct ivrs_region *r, sbdf_t s)
{
    return s.bdf >= r->devid_first && s.bdf <= r->devid_last;
}

/* For a device by its own id or by the one that the unit sees. */
static int region_one(struct pci_dev *dev, void *arg)
{
    struct region_arg *const a = arg;
    const struct ivrs_region *const r = a->r;
    unsigned int unit;
    int rc;

    if (dev->sbdf.seg != r->seg || amdvi_unit_of(dev->sbdf, &unit) ||
        (!names(r, dev->sbdf) && !names(r, amdvi_shown_as(unit, dev->sbdf)))) {
        return 0;
    }
    a->nr++;
    rc = iommu_reserved_add(dev->sbdf, r->first >> PAGE_SHIFT,
                            r->last >> PAGE_SHIFT,
                            (r->read ? IOMMU_R : 0) | (r->write ? IOMMU_W : 0));
    if (rc && rc != -ENOMEM) {
        log_warn(SBDF_FMT ": reserved range %#lx..%#lx refused\n",
                 SBDF_ARG(dev->sbdf), r->first, r->last);
        return 0;
    }
    return rc;
}

int amdvi_probe_reserved(void)
{
    for (unsigned int i = 0; i < amdvi_ivrs->nr_regions; i++) {
        struct region_arg a = { &amdvi_ivrs->region[i], 0 };
        const int rc = pci_for_each(region_one, &a);

        if (rc) {
            return rc;
        }
        /* No device, or none that is translated: nothing to be done. */
        log_info("amdvi: reserved range %#lx..%#lx for ids %#x..%#x: %u "
                 "devices\n",
                 a.r->first, a.r->last, a.r->devid_first, a.r->devid_last,
                 a.nr);
    }
    return 0;
}
