// SPDX-License-Identifier: GPL-2.0
// SOURCES: tests/port/iopt/skew.c tests/port/iopt/audit.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1x.c
// SOURCES: xen/drivers/passthrough/pt/iopt-vtdss.c
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c
// CFLAGS: -DREPLAY_BENT=1
/*
 * Bytes as requests to the page-table engine, against a flat array of the last
 * frame and permission given. One byte of configuration, then six a request:
 * what to do, whether to flush and how many allocations succeed; first frame;
 * how many; output and permission. Lists have up to 16 frames, equally far from
 * each other, at their own number.
 *
 * What a unit may hold as one is a leaf, or with AMD's sizes between a group of
 * them: its size decides what is owed when any frame of it changes.
 */
#include <stdlib.h>
#include <string.h>

#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#include "tests/port/iopt/audit.h"

#define FRAMES    2048u
#define LIST_MOST 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    uint64_t mfn;
    unsigned int prot;
} flat[FRAMES];

static struct iopt pt;

/* What a device found before a request, at the ends of it and beside them. */
#define NR_SEEN 4
static struct {
    uint64_t first;
    struct audit_hit h;
} seen[NR_SEEN];

static void look(const struct iopt_run *r)
{
    const uint64_t at[NR_SEEN] = { r->dfn.n - 1, r->dfn.n, r->dfn.n + r->nr - 1,
                                   r->dfn.n + r->nr };

    for (unsigned int i = 0; i < NR_SEEN; i++) {
        seen[i].h.present = false;
        if (at[i] < FRAMES) {
            seen[i].h = audit_walk(&pt, at[i]);
            seen[i].first = align_down(at[i], BIT64(seen[i].h.order));
            seen[i].h.mfn -= at[i] - seen[i].first;
        }
    }
}

static bool is_owed(const struct iopt_gather *g, uint64_t first,
                    unsigned int order)
{
    for (unsigned int i = 0; i < g->nr_ext; i++) {
        const struct iopt_extent *const e = &g->ext[i];

        if (e->first <= first && e->last >= first + (BIT64(order) - 1) &&
            e->leaf_order >= order && e->owe & IOPT_OWE_STALE) {
            return true;
        }
    }
    return false;
}

/* A leaf or group of which a frame changed is owed, all of it, as one. */
static void check_owed(const struct iopt_gather *g)
{
    for (unsigned int i = 0; i < NR_SEEN; i++) {
        const struct audit_hit *const h = &seen[i].h;
        bool changed = false;

        for (uint64_t k = 0; h->present && k < BIT64(h->order); k++) {
            const uint64_t d = seen[i].first + k;

            changed |= flat[d].prot != h->prot || flat[d].mfn != h->mfn + k;
        }
        if (changed && !is_owed(g, seen[i].first, h->order)) {
            abort();
        }
    }
}

/* The sizes that units take leaves for, as lookups and the tree's limit say. */
static void check_orders(void)
{
    const unsigned int most = pt.ops->level_order(fls64(pt.leaf_mask));

    for (uint64_t d = 0; d < FRAMES; d++) {
        const struct audit_hit h = audit_walk(&pt, d);
        struct iopt_view v;

        if (iopt_lookup(&pt, DFN(d), &v) != (h.present ? 0 : -ENOENT)) {
            abort();
        }
        if (h.present &&
            (h.order > most || v.mfn.n != h.mfn || v.prot != h.prot ||
             v.nr != BIT64(h.order) - (d & (BIT64(h.order) - 1)))) {
            abort();
        }
    }
}

static void check_leaf(uint64_t dfn, uint64_t mfn, unsigned int prot,
                       unsigned int order, void *arg)
{
    uint64_t *frames = arg;

    for (uint64_t k = 0; k < UINT64_C(1) << order; k++) {
        if (dfn + k >= FRAMES || flat[dfn + k].prot != prot ||
            flat[dfn + k].mfn != mfn + k) {
            abort();
        }
    }
    *frames += UINT64_C(1) << order;
}

/* Of runs; the two numbers after them are a list to map and one to unmap. */
enum op { OP_MAP, OP_REPLACE, OP_UNMAP, OP_PROTECT, OP_SPLIT, OP_SETTLE };

static int call(enum op op, const struct iopt_run *r, unsigned int level,
                struct iopt_gather *g)
{
    switch (op) {
    case OP_MAP:
        return iopt_map(&pt, r, g);
    case OP_REPLACE:
        return iopt_replace(&pt, r, g);
    case OP_UNMAP:
        return iopt_unmap(&pt, r, g);
    case OP_PROTECT:
        return iopt_protect(&pt, r, g);
    case OP_SPLIT:
        return iopt_split(&pt, r, level, g);
    case OP_SETTLE:
        while (iopt_settle(&pt, 1 + level, g) == -ERESTART) {
        }
        return 0;
    }
    return 0;
}

static void list_request(const uint8_t *p, struct iopt_gather *g)
{
    const struct iopt_run first = { .dfn = { (p[1] | p[2] << 8) % FRAMES },
                                    .nr = 1 };
    const bool mapping = (p[0] & 7) == OP_SETTLE + 1;
    const unsigned int nr = 1 + p[3] % LIST_MOST;
    const uint32_t prot = 1 + (p[5] >> 2) % 3;
    uint32_t frame[LIST_MOST];
    unsigned int done;

    look(&first);
    for (unsigned int i = 0; i < nr; i++) {
        frame[i] = (uint32_t)(first.dfn.n + i * p[4]) % FRAMES;
    }
    done = mapping ? iopt_map_list(&pt, frame, nr, prot, g)
                   : iopt_unmap_list(&pt, frame, nr, g);
    for (unsigned int i = 0; i < done; i++) {
        const uint32_t d = frame[i];

        if (mapping) {
            if (flat[d].prot) {
                abort();
            }
            flat[d].mfn = d;
            flat[d].prot = prot;
        } else {
            flat[d].prot = 0;
            iopt_gather_frame(g, d, IOPT_OWE_STALE);
        }
    }
}

/* A strict map finds another translation in its way. */
static bool in_the_way(const struct iopt_run *r)
{
    for (uint64_t k = 0; k < r->nr; k++) {
        const uint64_t d = r->dfn.n + k;

        if (flat[d].prot &&
            (flat[d].prot != r->prot || flat[d].mfn != r->mfn.n + k)) {
            return true;
        }
    }
    return false;
}

static void run_request(const uint8_t *p, struct iopt_gather *g)
{
    const uint64_t first = (p[1] | p[2] << 8) % FRAMES;
    const uint64_t nr = 1 + (p[3] | p[4] << 8) % (FRAMES - first);
    const enum op op = (enum op)(p[0] & 7);
    const bool failing = p[0] & 16;
    const bool reserve = pt.spare.nr >= pt.spare_min;
    const struct iopt_run r = {
        .dfn = { first },
        .mfn = { first + (uint64_t)(p[5] & 3) * 512 + (p[5] >> 7) },
        .nr = nr,
        .prot = 1 + (p[5] >> 2) % 3,
    };
    int rc;

    look(&r);
    pool_fail_after(failing ? p[0] >> 5 : UINT64_MAX);
    rc = call(op, &r, (p[5] >> 2) % 3, g);
    pool_fail_after(UINT64_MAX);
    if (op == OP_MAP && rc != -ENOMEM && (rc == -EEXIST) != in_the_way(&r)) {
        abort();
    }
    if (rc == -ENOMEM ? !failing || (op == OP_UNMAP && reserve)
                      : rc && rc != -EEXIST) {
        abort();
    }
    for (uint64_t k = 0; rc == 0 && k < nr; k++) {
        if (op == OP_UNMAP) {
            flat[first + k].prot = 0;
        } else if (op == OP_MAP || op == OP_REPLACE) {
            flat[first + k].mfn = r.mfn.n + k;
            flat[first + k].prot = r.prot;
        } else if (op == OP_PROTECT && flat[first + k].prot) {
            flat[first + k].prot = r.prot;
        }
    }
}

static void request(const uint8_t *p, struct iopt_gather *g)
{
    if ((p[0] & 7) <= OP_SETTLE) {
        run_request(p, g);
    } else {
        list_request(p, g);
    }
    check_owed(g);
    if (p[0] & 8) {
        iopt_gather_release(&pt, g);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct iopt_ops *const formats[] = {
        &iopt_skew_ops, &iopt_amdv1_ops, &iopt_vtdss_ops, &iopt_amdv1x_ops
    };
    struct iopt_config cfg = { .input_bits = 48 };
    uint64_t frames = 0, mapped = 0;
    struct iopt_gather g;

    if (size < 1) {
        return 0;
    }
    cfg.ops = formats[data[0] & 3];
    cfg.levels = 4;
    cfg.leaf_mask = (uint8_t)((2u << (data[0] >> 2) % 3) - 1);
    cfg.coherent = data[0] >> 5 & 1;
    cfg.track_added = data[0] >> 6 & 1;
    cfg.lazy_coalesce = data[0] >> 7;
    memset(flat, 0, sizeof(flat));
    pool_reset();
    if (iopt_init(&pt, &cfg)) {
        abort();
    }
    iopt_gather_init(&g);
    for (size_t i = 1; i + 6 <= size && i < 6 * 64; i += 6) {
        request(data + i, &g);
    }
    for (unsigned int i = 0; i < FRAMES; i++) {
        mapped += flat[i].prot != 0;
    }
    if (audit_tree(&pt, check_leaf, &frames) || frames != mapped) {
        abort();
    }
    check_orders();
    iopt_gather_release(&pt, &g);
    while (iopt_destroy(&pt, 16)) {
    }
    if (pool_nr_used) {
        abort();
    }
    return 0;
}
