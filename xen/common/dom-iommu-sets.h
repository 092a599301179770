/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dom0's identity ranges as set algebra: from the memory map, the options and
 * what must not be reached to the frames that are mapped. Knows neither tables
 * nor devices; no lock but the sets' own.
 */
#ifndef DOM_IOMMU_SETS_H
#define DOM_IOMMU_SETS_H

#include <xen/rangeset.h>

#include <asm/e820.h>

/* What the sets are computed from. */
struct identity_rules {
    const struct e820_entry *map; /* sorted, no overlaps */
    unsigned int nr;              /* entries of map */
    bool strict;                  /* no RAM by its address */
    bool inclusive;             /* all below 4 GiB; no effect in strict mode */
    bool reserved;              /* map's reserved areas */
    struct rangeset *never;     /* frames no device of Dom0 may reach */
    struct rangeset *caps;      /* frames Dom0's CPUs may map */
    struct rangeset *read_only; /* of those, the ones they may only read */
};

/* The result: frames mapped at their own address. */
struct identity_sets {
    struct rangeset *wanted; /* what the mode maps, read-only frames included */
    struct rangeset *rw;
    struct rangeset *ro;
};

/**
 * identity_create() - Make the three sets, empty. @s: overwritten.
 * Locks: heap. Context: boot. Return: 0, -ENOMEM (then none exists).
 */
int must_check identity_create(struct identity_sets *s);

/**
 * identity_destroy() - Free them. @s: the sets; members may be NULL.
 * Locks: heap. Context: nobody uses them.
 */
void identity_destroy(struct identity_sets *s);

/**
 * identity_compute() - Fill empty sets by the rules.
 * @k: the rules. @s: the sets; on error what was found so far.
 *
 * wanted = (areas of the mode - never) cut with caps; rw = wanted - read_only;
 * ro = read_only cut with caps, - never, - RAM. Works on ranges: the cost is
 * that of their number, not of their length.
 * Locks: the sets'. Context: boot. Return: 0, -ENOMEM.
 */
int must_check identity_compute(const struct identity_rules *k,
                                struct identity_sets *s);

/**
 * identity_changes() - The read-only set changed: what has to follow?
 * @s: the sets as they are. @read_only: the set as it now is.
 * @first, @last: frames that may have changed, inclusive.
 * @to_ro, @to_rw: sets that the frames are added to whose mapping must change.
 *
 * Frames the mode does not map stay unmapped.
 * Locks: the sets'. Context: any but interrupt. Return: 0, -ENOMEM.
 */
int must_check identity_changes(const struct identity_sets *s,
                                struct rangeset *read_only, uint64_t first,
                                uint64_t last, struct rangeset *to_ro,
                                struct rangeset *to_rw);

/**
 * identity_ram() - How much of some frames is RAM of the memory map?
 * @map, @nr: the map. @first, @last: frames, inclusive.
 * @outward: count a frame that is RAM in part.
 * Locks: none. Context: any. Return: number of frames.
 */
uint64_t identity_ram(const struct e820_entry *map, unsigned int nr,
                      uint64_t first, uint64_t last, bool outward);

#endif
