/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ranges that firmware says a device must reach at their own address (RMRR,
 * IVMD). They are mapped in whatever space the device is in, counted, for as
 * long as it is there. attach_lock guards the spaces' lists; the regions are
 * constant once devices are attached.
 */
#include <xen/list.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/xmalloc.h>

#include "iommu-priv.h"

struct region {
    struct list_head link;
    sbdf_t sid;
    uint64_t first, last; /* frames */
    unsigned int prot;
};

/* One identity range of a space. */
struct ident {
    struct list_head link;
    uint64_t first, last;
    unsigned int prot;
    unsigned int users; /* devices that need it */
};

static struct list_head regions = LIST_HEAD_INIT(regions);

int iommu_reserved_add(sbdf_t s, uint64_t first, uint64_t last,
                       unsigned int prot)
{
    struct region *r;

    if (first > last || prot == 0 || prot & ~(IOMMU_R | IOMMU_W) ||
        (first <= INTR_LAST && last >= INTR_FIRST)) {
        return -EINVAL;
    }
    r = xzalloc(struct region);
    if (!r) {
        return -ENOMEM;
    }
    *r =
        (struct region){ .sid = s, .first = first, .last = last, .prot = prot };
    list_add_tail(&r->link, &regions);
    return 0;
}

bool iommu_reserved_any(sbdf_t s)
{
    struct list_head *p;

    list_for_each(p, &regions) {
        if (sbdf_eq(list_entry(p, struct region, link)->sid, s)) {
            return true;
        }
    }
    return false;
}

void iommu_reserved_validate(bool (*is_ram)(uint64_t first, uint64_t last))
{
    struct list_head *p, *n;

    spin_lock(&attach_lock);
    list_for_each_safe(p, n, &regions) {
        struct region *const r = list_entry(p, struct region, link);

        if (is_ram(r->first, r->last)) {
            log_err(SBDF_FMT ": reserved range %#lx..%#lx is RAM, ignored\n",
                    SBDF_ARG(r->sid), r->first, r->last);
            list_del(p);
            xfree(r);
        }
    }
    spin_unlock(&attach_lock);
}

int iommu_reserved_each(int (*fn)(sbdf_t s, uint64_t first, uint64_t last,
                                  unsigned int prot, void *arg),
                        void *arg)
{
    struct list_head *p;

    list_for_each(p, &regions) {
        const struct region *const r = list_entry(p, struct region, link);
        const int rc = fn(r->sid, r->first, r->last, r->prot, arg);

        if (rc) {
            return rc;
        }
    }
    return 0;
}

static struct ident *find_ident(const struct iospace *s, const struct region *r)
{
    struct list_head *p;

    list_for_each(p, &s->reserved) {
        struct ident *const i = list_entry(p, struct ident, link);

        if (r->first <= i->last && i->first <= r->last) {
            return i;
        }
    }
    return NULL;
}

static void release(struct iospace *s, struct ident *i)
{
    struct iommu_gather g = IOMMU_GATHER_INIT;

    if (--i->users) {
        return;
    }
    /* Dom0's own identity map may hold the same frames, so it keeps them. */
    if (s->owner != 0) {
        int rc = iommu_unmap(s, DFN(i->first), i->last - i->first + 1, &g);
        const int rc2 = iommu_flush(s, &g);

        rc = rc ? rc : rc2;
        if (rc) {
            log_err("iommu: d%u: reserved range %#lx..%#lx stays: error %d\n",
                    s->owner, i->first, i->last, rc);
        }
    }
    perf_add_array(iommu_identity, 0, -1);
    list_del(&i->link);
    xfree(i);
}

static int add(struct iospace *s, const struct region *r)
{
    struct iommu_gather g = IOMMU_GATHER_INIT;
    struct ident *i = find_ident(s, r);
    int rc, rc2;

    if (i) {
        if (i->first != r->first || i->last != r->last || i->prot != r->prot) {
            return -EADDRINUSE;
        }
        i->users++;
        return 0;
    }
    /* Recorded first, so that nothing is mapped that cannot be found again. */
    i = xzalloc(struct ident);
    if (!i) {
        return -ENOMEM;
    }
    *i = (struct ident){
        .first = r->first, .last = r->last, .prot = r->prot, .users = 1
    };
    list_add_tail(&i->link, &s->reserved);
    rc = iommu_map(s, DFN(r->first), MFN(r->first), r->last - r->first + 1,
                   r->prot, &g);
    rc2 = iommu_flush(s, &g);
    if (rc) {
        list_del(&i->link);
        xfree(i);
        return rc == -EEXIST ? -EADDRINUSE : rc;
    }
    perf_add_array(iommu_identity, 0, 1);
    return rc2;
}

int iommu_reserved_map(struct iospace *s, const struct pci_dev *dev)
{
    struct list_head *p, *q;

    list_for_each(p, &regions) {
        const struct region *const r = list_entry(p, struct region, link);
        int rc;

        if (!sbdf_eq(r->sid, dev->sbdf)) {
            continue;
        }
        rc = add(s, r);
        if (rc) {
            log_err(SBDF_FMT ": reserved range %#lx..%#lx cannot be mapped for "
                             "d%u: error %d\n",
                    SBDF_ARG(dev->sbdf), r->first, r->last, s->owner, rc);
            for (q = regions.next; q != p; q = q->next) {
                struct region *const u = list_entry(q, struct region, link);

                if (sbdf_eq(u->sid, dev->sbdf)) {
                    release(s, find_ident(s, u));
                }
            }
            return rc;
        }
    }
    return 0;
}

void iommu_reserved_unmap(struct iospace *s, const struct pci_dev *dev)
{
    struct list_head *p;

    list_for_each(p, &regions) {
        const struct region *const r = list_entry(p, struct region, link);
        struct ident *const i =
            sbdf_eq(r->sid, dev->sbdf) ? find_ident(s, r) : NULL;

        if (i) {
            release(s, i);
        }
    }
}
