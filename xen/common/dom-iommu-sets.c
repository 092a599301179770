/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sets of Dom0's identity ranges.
 *
 * strict    reserved areas; never RAM
 * relaxed   reserved areas and all RAM
 * inclusive everything below 4 GiB but unusable areas as well
 */
#include "dom-iommu-sets.h"

#include <xen/bits.h>
#include <xen/errno.h>

#include <asm/mm-types.h>

#define BELOW_4G_LAST UINT64_C(0xfffff)

int identity_create(struct identity_sets *s)
{
    s->wanted = rangeset_create("dma-wanted");
    s->rw = rangeset_create("dma-identity");
    s->ro = rangeset_create("dma-identity-ro");
    if (s->wanted && s->rw && s->ro) {
        return 0;
    }
    identity_destroy(s);
    return -ENOMEM;
}

void identity_destroy(struct identity_sets *s)
{
    rangeset_destroy(s->wanted);
    rangeset_destroy(s->rw);
    rangeset_destroy(s->ro);
    *s = (struct identity_sets){ NULL, NULL, NULL };
}

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

uint64_t identity_ram(const struct e820_entry *map, unsigned int nr,
                      uint64_t first, uint64_t last, bool outward)
{
    uint64_t frames = 0;

    for (unsigned int i = 0; i < nr; i++) {
        uint64_t a, b;

        if (map[i].type == E820_RAM && area_frames(&map[i], outward, &a, &b) &&
            a <= last && first <= b) {
            frames += min_of(b, last) - max_of(a, first) + 1;
        }
    }
    return frames;
}

static int change_areas(const struct identity_rules *k, struct rangeset *r,
                        uint32_t type, bool add)
{
    int rc = 0;

    for (unsigned int i = 0; i < k->nr && rc == 0; i++) {
        uint64_t first, last;

        /*
         * Outward for what is added; a page that is RAM in part only is no
         * page of anyone's.
         */
        if (k->map[i].type == type &&
            area_frames(&k->map[i], add, &first, &last)) {
            rc = add ? rangeset_add(r, first, last)
                     : rangeset_remove(r, first, last);
        }
    }
    return rc;
}

static int add_one(uint64_t first, uint64_t last, void *arg)
{
    return rangeset_add(arg, first, last);
}

static int remove_one(uint64_t first, uint64_t last, void *arg)
{
    return rangeset_remove(arg, first, last);
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

/* The areas of the mode, before anything is punched out of them. */
static int areas(const struct identity_rules *k, struct rangeset *r)
{
    int rc = 0;

    if (k->inclusive && !k->strict) {
        rc = rangeset_add(r, 0, BELOW_4G_LAST);
        if (rc == 0) {
            rc = change_areas(k, r, E820_UNUSABLE, false);
        }
    }
    if (rc == 0 && k->reserved) {
        rc = change_areas(k, r, E820_RESERVED, true);
    }
    if (rc == 0) {
        /* Whatever else was asked for, strict reaches no RAM by address. */
        rc = change_areas(k, r, E820_RAM, !k->strict);
    }
    return rc;
}

int identity_compute(const struct identity_rules *k, struct identity_sets *s)
{
    struct rangeset *const all = rangeset_create("dma-areas");
    int rc;

    if (!all) {
        return -ENOMEM;
    }
    rc = areas(k, all);
    if (rc == 0) {
        rc = rangeset_each(k->never, remove_one, all);
    }
    /* Devices reach what the CPU of their owner reaches, and no more. */
    if (rc == 0) {
        rc = intersect(all, k->caps, s->wanted);
    }
    if (rc == 0) {
        rc = rangeset_each(s->wanted, add_one, s->rw);
    }
    if (rc == 0) {
        rc = rangeset_each(k->read_only, remove_one, s->rw);
    }
    /*
     * Pages that Dom0 may only read (IO-APICs, configuration space) are so for
     * its devices, wherever they lie.
     */
    if (rc == 0) {
        rc = intersect(k->read_only, k->caps, s->ro);
    }
    if (rc == 0) {
        rc = rangeset_each(k->never, remove_one, s->ro);
    }
    if (rc == 0) {
        rc = change_areas(k, s->ro, E820_RAM, false);
    }
    rangeset_destroy(all);
    return rc;
}

int identity_changes(const struct identity_sets *s, struct rangeset *read_only,
                     uint64_t first, uint64_t last, struct rangeset *to_ro,
                     struct rangeset *to_rw)
{
    struct rangeset *const here = rangeset_create("dma-changed");
    struct rangeset *const ro = rangeset_create("dma-changed-ro");
    struct cut c = { .with = s->wanted, .out = here };
    int rc = here && ro ? cut_range(first, last, &c) : -ENOMEM;

    if (rc == 0) {
        rc = intersect(here, read_only, ro);
    }
    if (rc == 0) {
        rc = intersect(ro, s->rw, to_ro);
    }
    if (rc == 0) {
        rc = intersect(here, s->ro, to_rw);
    }
    if (rc == 0) {
        rc = rangeset_each(ro, remove_one, to_rw);
    }
    rangeset_destroy(here);
    rangeset_destroy(ro);
    return rc;
}
