/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What Dom0's devices reach at its own address besides Dom0's RAM: the sets of
 * dom-iommu-sets.c, mapped range by range, and changed when the set of pages
 * that Dom0 may only read does. Dom0's lock guards the sets after boot.
 */
#include <xen/bits.h>
#include <xen/dom-iommu.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/iommu-gather.h>
#include <xen/iommu.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/rangeset.h>

#include <asm/config.h>
#include <asm/e820.h>
#include <asm/mm-types.h>
#include <asm/setup.h>

#include "dom-iommu-priv.h"

/*
 * Requests to these addresses are interrupts and never reach memory; units
 * refuse leaves that lead there. SDM vol 3A "Message Signalled Interrupts".
 */
#define INTR_FIRST UINT64_C(0xfee00)
#define INTR_LAST  UINT64_C(0xfeeff)

extern char xen_start[], xen_end[];

bool dom_iommu_is_ram(uint64_t first, uint64_t last)
{
    unsigned int nr;
    const struct e820_entry *const map = e820_host(&nr);

    return identity_ram(map, nr, first, last, true) != 0;
}

static int add_one(uint64_t first, uint64_t last, void *arg)
{
    return rangeset_add(arg, first, last);
}

static int remove_one(uint64_t first, uint64_t last, void *arg)
{
    return rangeset_remove(arg, first, last);
}

/* What is nobody's but the hypervisor's, whatever the mode. */
static int never_set(struct rangeset *r)
{
    const uint64_t image = (uint64_t)(uintptr_t)xen_start - XEN_VIRT_START;
    const uint64_t image_end = (uint64_t)(uintptr_t)xen_end - XEN_VIRT_START;
    int rc =
        rangeset_add(r, image >> PAGE_SHIFT, (image_end - 1) >> PAGE_SHIFT);

    if (rc == 0) {
        rc = rangeset_add(r, TRAMPOLINE_PA >> PAGE_SHIFT,
                          TRAMPOLINE_PA >> PAGE_SHIFT);
    }
    if (rc == 0) {
        rc = rangeset_add(r, INTR_FIRST, INTR_LAST);
    }
    return rc ? rc : iommu_for_each_mmio(add_one, r);
}

struct map_arg {
    struct dom_iommu *st;
    struct iommu_gather *g;
    unsigned int prot;
};

/* False for a range that starts where no device can; its end is cut. */
static bool in_reach(const struct dom_iommu *st, uint64_t first, uint64_t *last)
{
    *last = min_of(*last, iospace_dfn_last(st->space));
    return first <= *last;
}

static int map_one(uint64_t first, uint64_t last, void *arg)
{
    const struct map_arg *const m = arg;
    const char *const how = m->prot & IOMMU_W ? "rw" : "r";

    if (!in_reach(m->st, first, &last)) {
        log_warn("iommu: d%u: identity %#lx..%#lx is out of reach\n", m->st->id,
                 first, last);
        return 0;
    }
    if (iommu_opt.verbose) {
        log_info("iommu: d%u: identity %#lx..%#lx %s\n", m->st->id, first, last,
                 how);
    }
    perf_add_array(iommu_identity, 0, 1);
    return iommu_map(m->st->space, DFN(first), MFN(first), last - first + 1,
                     m->prot, m->g);
}

struct exposed {
    uint64_t ram, all; /* frames */
};

static int count_one(uint64_t first, uint64_t last, void *arg)
{
    struct exposed *const e = arg;
    unsigned int nr;
    const struct e820_entry *const map = e820_host(&nr);

    e->ram += identity_ram(map, nr, first, last, false);
    e->all += last - first + 1;
    return 0;
}

/* A mode that is wider than it need be says by how much. */
static void print_exposed(const struct domain *d, struct dom_iommu *st)
{
    struct exposed e = { 0, 0 };

    (void)rangeset_each(st->identity.rw, count_one, &e);
    if (e.ram) {
        log_info("iommu: d%u: relaxed: devices reach %lu bytes of RAM, "
                 "whoever owns it, and %lu bytes that are none\n",
                 d->id, e.ram << PAGE_SHIFT, (e.all - e.ram) << PAGE_SHIFT);
    }
}

int dom0_map_identity(struct domain *d, struct dom_iommu *st,
                      struct iommu_gather *g)
{
    struct rangeset *const never = rangeset_create("dma-never");
    struct identity_rules k = {
        .strict = iommu_opt.dom0_strict,
        .inclusive = iommu_opt.dom0_map_inclusive,
        .reserved = iommu_opt.dom0_map_reserved,
        .never = never,
        .caps = d->iomem_caps,
        .read_only = mmio_ro_ranges,
    };
    struct map_arg m = { st, g, IOMMU_R | IOMMU_W };
    int rc;

    if (!never) {
        return -ENOMEM;
    }
    k.map = e820_host(&k.nr);
    rc = never_set(never);
    if (rc == 0) {
        rc = identity_compute(&k, &st->identity);
    }
    if (rc == 0) {
        rc = rangeset_each(st->identity.rw, map_one, &m);
    }
    if (rc == 0) {
        m.prot = IOMMU_R;
        rc = rangeset_each(st->identity.ro, map_one, &m);
    }
    if (rc == 0) {
        print_exposed(d, st);
    }
    rangeset_destroy(never);
    return rc;
}

/* ---- later changes ------------------------------------------------------- */

/* Frames whose permission changes. */
struct change {
    struct dom_iommu *st;
    struct iommu_gather *g;
    struct rangeset *from;
    struct rangeset *to;
    unsigned int prot;
};

static int change_one(uint64_t first, uint64_t last, void *arg)
{
    const struct change *const c = arg;
    int rc;

    if (!in_reach(c->st, first, &last)) {
        return 0;
    }
    rc = rangeset_add(c->to, first, last);
    if (rc == 0) {
        rc = iommu_protect(c->st->space, DFN(first), last - first + 1, c->prot,
                           c->g);
        if (rc) {
            /* No more than was in it before the line above. */
            (void)remove_one(first, last, c->to);
        }
    }
    if (rc && c->prot & IOMMU_W) {
        return 0; /* stays read-only, which is safe */
    }
    if (rc) {
        /* What cannot be made read-only is not to be reached at all. */
        log_err("iommu: d%u: identity %#lx..%#lx loses its mapping: error %d\n",
                c->st->id, first, last, rc);
        rc = iommu_unmap(c->st->space, DFN(first), last - first + 1, c->g);
    }
    /* A frame in both sets is looked up as writable: the sweep would tell. */
    (void)remove_one(first, last, c->from);
    return rc;
}

static int follow(struct dom_iommu *st, uint64_t first, uint64_t last,
                  struct iommu_gather *g)
{
    struct rangeset *const to_ro = rangeset_create("dma-to-ro");
    struct rangeset *const to_rw = rangeset_create("dma-to-rw");
    struct change down = { st, g, st->identity.rw, st->identity.ro, IOMMU_R };
    struct change up = { st, g, st->identity.ro, st->identity.rw,
                         IOMMU_R | IOMMU_W };
    int rc = to_ro && to_rw ? identity_changes(&st->identity, mmio_ro_ranges,
                                               first, last, to_ro, to_rw)
                            : -ENOMEM;

    if (rc == 0) {
        rc = rangeset_each(to_ro, change_one, &down);
    }
    if (rc == 0) {
        rc = rangeset_each(to_rw, change_one, &up);
    }
    rangeset_destroy(to_ro);
    rangeset_destroy(to_rw);
    return rc;
}

int dom0_iommu_follow_read_only(uint64_t first, uint64_t last)
{
    struct dom_iommu *const st = dom0 ? dom_iommu_state(dom0) : NULL;
    struct iommu_gather g = IOMMU_GATHER_INIT;
    int rc, rc2;

    if (!st) {
        return 0;
    }
    spin_lock(&st->lock);
    rc = follow(st, first, last, &g);
    rc2 = iommu_flush(st->space, &g);
    spin_unlock(&st->lock);
    return rc ? rc : rc2;
}
