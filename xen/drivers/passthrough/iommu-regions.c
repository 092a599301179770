/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rmrr= and ivmd=: ranges that firmware forgot to reserve for devices. A value
 * is taken whole or not at all. Boot only, no lock.
 * Spelling: Xen 4.17's; frames and requester ids are hexadecimal.
 */
#include <xen/cmdline.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include "iommu-priv.h"

/* Ours, all three: as many as Xen takes. */
#define MAX_REGIONS    10
#define MAX_DEVS       20
#define MAX_RMRR_PAGES 16

#define FRAME_LAST ((UINT64_C(1) << 40) - 1) /* addresses have 52 bits */

struct region_opt {
    uint64_t first, last; /* frames */
    unsigned int nr_devs; /* 0: every device */
    uint16_t seg;
    struct {
        uint16_t first, last;
    } dev[MAX_DEVS]; /* requester ids, inclusive */
};

struct region_list {
    unsigned int nr;
    struct region_opt region[MAX_REGIONS];
};

static struct region_list given[2]; /* by enum iommu_region_kind */

/* start[-end] */
static int parse_frames(const char **s, struct region_opt *r)
{
    if (parse_hex(*s, &r->first, s)) {
        return -EINVAL;
    }
    r->last = r->first;
    if (**s == '-') {
        ++*s;
        if (parse_hex(*s, &r->last, s)) {
            return -EINVAL;
        }
    }
    return r->first <= r->last && r->last <= FRAME_LAST ? 0 : -EINVAL;
}

/* bdf, or of ivmd= bdf-bdf; the first one's segment is that of all. */
static int parse_device(const char **s, enum iommu_region_kind kind,
                        struct region_opt *r)
{
    sbdf_t a, b;
    bool has_seg, has_seg2 = false;

    if (r->nr_devs == MAX_DEVS) {
        return -ENOSPC;
    }
    if (pci_parse_sbdf(*s, &a, s, &has_seg)) {
        return -EINVAL;
    }
    b = a;
    if (kind == IOMMU_IVMD && **s == '-') {
        ++*s;
        if (pci_parse_sbdf(*s, &b, s, &has_seg2) || b.bdf < a.bdf ||
            (has_seg2 && b.seg != a.seg)) {
            return -EINVAL;
        }
    }
    if (r->nr_devs == 0) {
        r->seg = a.seg;
    } else if (has_seg && a.seg != r->seg) {
        return -EINVAL;
    }
    r->dev[r->nr_devs].first = a.bdf;
    r->dev[r->nr_devs].last = b.bdf;
    r->nr_devs++;
    return 0;
}

/* Two descriptions of one frame would contradict each other at attach. */
static bool overlaps(const struct region_list *l, const struct region_opt *r)
{
    for (unsigned int i = 0; i < l->nr; i++) {
        const struct region_opt *const o = &l->region[i];

        if (r->first <= o->last && o->first <= r->last &&
            (r->first != o->first || r->last != o->last)) {
            return true;
        }
    }
    return false;
}

static int parse_region(const char **s, enum iommu_region_kind kind,
                        struct region_list *l)
{
    struct region_opt r = { .nr_devs = 0 };
    int rc = parse_frames(s, &r);

    if (rc == 0 && kind == IOMMU_RMRR && r.last - r.first >= MAX_RMRR_PAGES) {
        rc = -E2BIG;
    }
    if (rc == 0 && **s == '=') {
        do {
            ++*s;
            rc = parse_device(s, kind, &r);
        } while (rc == 0 && **s == ',');
    }
    if (rc) {
        return rc;
    }
    /* Firmware's RMRR names its devices; an IVMD may mean all of them. */
    if (kind == IOMMU_RMRR && r.nr_devs == 0) {
        return -EINVAL;
    }
    if (overlaps(l, &r)) {
        return -EEXIST;
    }
    if (l->nr == MAX_REGIONS) {
        return -ENOSPC;
    }
    l->region[l->nr++] = r;
    return 0;
}

static int parse(const char *s, enum iommu_region_kind kind)
{
    struct region_list l = given[kind];
    int rc = parse_region(&s, kind, &l);

    while (rc == 0 && *s == ';') {
        s++;
        rc = parse_region(&s, kind, &l);
    }
    if (rc == 0 && *s) {
        rc = -EINVAL;
    }
    if (rc == 0) {
        given[kind] = l;
    }
    return rc;
}

static int parse_rmrr(const char *value)
{
    return parse(value, IOMMU_RMRR);
}

static int parse_ivmd(const char *value)
{
    return parse(value, IOMMU_IVMD);
}

custom_param("rmrr", parse_rmrr);
custom_param("ivmd", parse_ivmd);

static bool wants(const struct region_opt *r, sbdf_t s)
{
    for (unsigned int i = 0; i < r->nr_devs; i++) {
        if (s.seg == r->seg && s.bdf >= r->dev[i].first &&
            s.bdf <= r->dev[i].last) {
            return true;
        }
    }
    return r->nr_devs == 0;
}

struct add_arg {
    const struct region_opt *r;
    unsigned int nr;
};

static int add_one(struct pci_dev *dev, void *arg)
{
    struct add_arg *const a = arg;
    const struct region_opt *const r = a->r;
    int rc;

    if (!wants(r, dev->sbdf)) {
        return 0;
    }
    a->nr++;
    rc = iommu_reserved_add(dev->sbdf, r->first, r->last, IOMMU_R | IOMMU_W);
    if (rc) {
        log_err(SBDF_FMT ": reserved range %#lx..%#lx of the command line is "
                         "refused: error %d\n",
                SBDF_ARG(dev->sbdf), r->first, r->last, rc);
    } else {
        log_info(SBDF_FMT ": reserved range %#lx..%#lx, by the command line\n",
                 SBDF_ARG(dev->sbdf), r->first, r->last);
    }
    return 0;
}

void iommu_regions_add(enum iommu_region_kind kind)
{
    const struct region_list *const l = &given[kind];

    for (unsigned int i = 0; i < l->nr; i++) {
        struct add_arg a = { .r = &l->region[i] };

        (void)pci_for_each(add_one, &a);
        if (a.nr == 0) {
            log_warn("iommu: reserved range %#lx..%#lx of the command line: no "
                     "such device\n",
                     a.r->first, a.r->last);
        }
    }
}
