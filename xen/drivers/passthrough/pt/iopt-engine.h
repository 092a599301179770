/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Root of the page-table engine. Template part: needs its instance. A file that
 * defines IOPT_FMT and
 * IOPT_FMT_H and includes this becomes that format's instance; the entry
 * operations inline, so there is no call per entry. Takes no lock and reads no
 * global: the caller serialises what changes a tree.
 *
 * A test may define IOPT_STORE(p, v) to look at the tree between two stores,
 * and IOPT_LOAD(p) to change it between two loads of a lookup.
 */
#ifndef PT_IOPT_ENGINE_H
#define PT_IOPT_ENGINE_H

#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/cache.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#include "iopt-priv.h"

#include IOPT_FMT_H

#define IOPT_JOIN2(a, b, c) a##b##_##c
#define IOPT_JOIN(a, b, c)  IOPT_JOIN2(a, b, c)
/* A backtrace or profile then says which format it was in. */
#define IOPT_SYM(name)      IOPT_JOIN(iopt_, IOPT_FMT, name)

#ifndef IOPT_STORE
/*
 * Release: a device that follows a table pointer, or a CPU that looks the
 * entry up, finds what was written below it before.
 */
#define IOPT_STORE(p, v) atomic_store(p, v)
#endif

#ifndef IOPT_LOAD
/*
 * Acquire, for lookups, which hold no lock. Of an entry: partner of IOPT_STORE,
 * so the table that it points to is read as it was filled. Of pt->reuses:
 * partner of the addition in iopt_gather_release().
 */
#define IOPT_LOAD(p) atomic_load(p)
#endif

#ifndef IOPT_TRACK
#define IOPT_TRACK 1 /* the bench has an instance without, to see the cost */
#endif

/* Each part includes those it builds on: their order here does not matter. */
#include "iopt-group.h"
#include "iopt-map.h"
#include "iopt-one.h"
#include "iopt-query.h"
#include "iopt-resize.h"
#include "iopt-unmap.h"

#define IOPT_STR2(x) #x
#define IOPT_STR(x)  IOPT_STR2(x)

const struct iopt_ops IOPT_SYM(ops) = {
    .name = IOPT_STR(IOPT_FMT),
    .max_levels = FMT_MAX_LEVELS,
    .max_leaf_level = FMT_MAX_LEAF_LEVEL,
    .slot_bits = FMT_SLOT_BITS,
    .mfn_limit = FMT_MFN_LIMIT,
    .leaf_extra_ok = FMT_LEAF_EXTRA_OK,
    .level_order = op_level_order,
    .init = op_init,
    .map = op_map,
    .map_list = op_map_list,
    .unmap_list = op_unmap_list,
    .replace = op_replace,
    .unmap = op_unmap,
    .protect = op_protect,
    .split = op_split,
    .settle = op_settle,
    .lookup = op_lookup,
    .trace = op_trace,
    .walk = op_walk,
    .destroy = op_destroy,
};

#endif
