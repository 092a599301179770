/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What Dom0's devices reach at its own address besides Dom0's RAM, as a set:
 * built from the memory map and the options, holes punched, then mapped range
 * by range. Boot only, no lock of its own.
 *
 * strict    reserved areas; never RAM
 * relaxed   reserved areas and all RAM but the hypervisor's image
 * inclusive everything below 4 GiB as well; in strict mode without RAM
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

#define BELOW_4G_LAST UINT64_C(0xfffff)

/*
 * Requests to these addresses are interrupts and never reach memory; units
 * refuse leaves that lead there. SDM vol 3A "Message Signalled Interrupts".
 */
#define INTR_FIRST UINT64_C(0xfee00)
#define INTR_LAST  UINT64_C(0xfeeff)

extern char xen_start[], xen_end[];

/* An area of the memory map as frames; false if it has none. */
static bool area_frames(const struct e820_entry *e, bool outward,
                        uint64_t *first, uint64_t *last)
{
    const uint64_t start = outward ? e->addr : e->addr + (PAGE_SIZE - 1);
    const uint64_t end = e->addr + e->size + (outward ? PAGE_SIZE - 1 : 0);

    *first = start >> PAGE_SHIFT;
    *last = (end >> PAGE_SHIFT) - 1;
    return end >> PAGE_SHIFT > start >> PAGE_SHIFT;
}

bool dom_iommu_is_ram(uint64_t first, uint64_t last)
{
    unsigned int nr;
    const struct e820_entry *const map = e820_host(&nr);

    for (unsigned int i = 0; i < nr; i++) {
        uint64_t a, b;

        if (map[i].type == E820_RAM && area_frames(&map[i], true, &a, &b) &&
            a <= last && first <= b) {
            return true;
        }
    }
    return false;
}

static int change_areas(struct rangeset *r, uint32_t type, bool add)
{
    unsigned int nr;
    const struct e820_entry *const map = e820_host(&nr);
    int rc = 0;

    for (unsigned int i = 0; i < nr && rc == 0; i++) {
        uint64_t first, last;

        /*
         * Outward for what is added; a page that is RAM in part only is no
         * page of anyone's.
         */
        if (map[i].type == type && area_frames(&map[i], add, &first, &last)) {
            rc = add ? rangeset_add(r, first, last)
                     : rangeset_remove(r, first, last);
        }
    }
    return rc;
}

static int remove_one(uint64_t first, uint64_t last, void *arg)
{
    return rangeset_remove(arg, first, last);
}

/* The wanted areas, before anything is punched out of them. */
static int base_set(struct rangeset *r)
{
    int rc = 0;

    if (iommu_opt.dom0_map_inclusive) {
        rc = rangeset_add(r, 0, BELOW_4G_LAST);
        if (rc == 0) {
            rc = change_areas(r, E820_UNUSABLE, false);
        }
    }
    if (rc == 0 && iommu_opt.dom0_map_reserved) {
        rc = change_areas(r, E820_RESERVED, true);
    }
    if (rc == 0) {
        /* Whatever else was asked for, strict reaches no RAM by address. */
        rc = change_areas(r, E820_RAM, !iommu_opt.dom0_strict);
    }
    return rc;
}

static int punch_holes(struct rangeset *r)
{
    const uint64_t image = (uint64_t)(uintptr_t)xen_start - XEN_VIRT_START;
    const uint64_t image_end = (uint64_t)(uintptr_t)xen_end - XEN_VIRT_START;
    int rc =
        rangeset_remove(r, image >> PAGE_SHIFT, (image_end - 1) >> PAGE_SHIFT);

    if (rc == 0) {
        rc = rangeset_remove(r, TRAMPOLINE_PA >> PAGE_SHIFT,
                             TRAMPOLINE_PA >> PAGE_SHIFT);
    }
    if (rc == 0) {
        rc = rangeset_remove(r, INTR_FIRST, INTR_LAST);
    }
    return rc ? rc : iommu_for_each_mmio(remove_one, r);
}

/* A range cut with another set; results go to out. */
struct cut {
    struct rangeset *with;
    struct rangeset *out;
    uint64_t first, last;
};

static int cut_one(uint64_t first, uint64_t last, void *arg)
{
    const struct cut *const c = arg;
    const uint64_t a = max_of(first, c->first);
    const uint64_t b = min_of(last, c->last);

    return a <= b ? rangeset_add(c->out, a, b) : 0;
}

static int cut_range(uint64_t first, uint64_t last, void *arg)
{
    struct cut *const c = arg;

    c->first = first;
    c->last = last;
    return rangeset_each(c->with, cut_one, c);
}

/* out += a intersected with b. */
static int intersect(struct rangeset *a, struct rangeset *b,
                     struct rangeset *out)
{
    struct cut c = { .with = b, .out = out };

    return rangeset_each(a, cut_range, &c);
}

struct map_arg {
    struct dom_iommu *st;
    struct iommu_gather *g;
    unsigned int prot;
};

static int map_one(uint64_t first, uint64_t last, void *arg)
{
    const struct map_arg *const m = arg;
    const char *const how = m->prot & IOMMU_W ? "rw" : "r";

    if (first > iospace_dfn_last(m->st->space)) {
        log_warn("iommu: d%u: identity %#lx..%#lx is out of reach\n", m->st->id,
                 first, last);
        return 0;
    }
    last = min_of(last, iospace_dfn_last(m->st->space));
    if (iommu_opt.verbose) {
        log_info("iommu: d%u: identity %#lx..%#lx %s\n", m->st->id, first, last,
                 how);
    }
    perf_add_array(iommu_identity, 0, 1);
    return iommu_map(m->st->space, DFN(first), MFN(first), last - first + 1,
                     m->prot, m->g);
}

/* Adds up what of a range is RAM. */
static int count_ram(uint64_t first, uint64_t last, void *arg)
{
    uint64_t *const frames = arg;
    unsigned int nr;
    const struct e820_entry *const map = e820_host(&nr);

    for (unsigned int i = 0; i < nr; i++) {
        uint64_t a, b;

        if (map[i].type == E820_RAM && area_frames(&map[i], false, &a, &b) &&
            a <= last && first <= b) {
            *frames += min_of(b, last) - max_of(a, first) + 1;
        }
    }
    return 0;
}

/* A mode that is wider than it need be says by how much. */
static void print_exposed(const struct domain *d, struct dom_iommu *st)
{
    uint64_t frames = 0;

    (void)rangeset_each(st->identity_rw, count_ram, &frames);
    if (frames) {
        log_info("iommu: d%u: relaxed: devices reach %lu bytes of RAM, "
                 "whoever owns it\n",
                 d->id, frames << PAGE_SHIFT);
    }
}

int dom0_map_identity(struct domain *d, struct dom_iommu *st,
                      struct iommu_gather *g)
{
    struct rangeset *const base = rangeset_create("dma-base");
    struct map_arg m = { st, g, IOMMU_R | IOMMU_W };
    int rc;

    if (!base) {
        return -ENOMEM;
    }
    rc = base_set(base);
    if (rc == 0) {
        rc = punch_holes(base);
    }
    /* Devices reach what the CPU of their owner reaches, and no more. */
    if (rc == 0 && d->iomem_caps) {
        rc = intersect(base, d->iomem_caps, st->identity_rw);
    }
    if (rc == 0 && mmio_ro_ranges) {
        rc = rangeset_each(mmio_ro_ranges, remove_one, st->identity_rw);
    }
    /*
     * Pages that Dom0 may only read (IO-APICs, configuration space) are so for
     * its devices, wherever they lie.
     */
    if (rc == 0 && mmio_ro_ranges && d->iomem_caps) {
        rc = intersect(mmio_ro_ranges, d->iomem_caps, st->identity_ro);
    }
    if (rc == 0) {
        rc = punch_holes(st->identity_ro);
    }
    if (rc == 0) {
        rc = change_areas(st->identity_ro, E820_RAM, false);
    }
    if (rc == 0) {
        rc = rangeset_each(st->identity_rw, map_one, &m);
    }
    if (rc == 0) {
        m.prot = IOMMU_R;
        rc = rangeset_each(st->identity_ro, map_one, &m);
    }
    if (rc == 0) {
        print_exposed(d, st);
    }
    rangeset_destroy(base);
    return rc;
}
