/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Spaces: creation, hardware ids, what is in them. A space's lock guards its
 * tree; attach_lock the list of spaces and the ids.
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/lib.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/xmalloc.h>

#include "iommu-priv.h"

spinlock_t attach_lock = SPINLOCK_INIT;

static struct list_head spaces = LIST_HEAD_INIT(spaces); /* attach_lock */
static uint64_t did_used[65536 / 64];                    /* attach_lock */

/* Rotates, so that an id rests a while after its last flush. */
static int did_alloc(uint16_t *did)
{
    static unsigned int next;
    const unsigned int first = iommu_caps.did_first;
    const unsigned int nr = iommu_caps.did_last - first + 1u;

    for (unsigned int i = 0; i < nr; i++) {
        const unsigned int d = first + (next + i) % nr;

        if (!test_bit(did_used, d)) {
            (void)atomic_test_set_bit(did_used, d);
            next = d - first + 1;
            *did = (uint16_t)d;
            return 0;
        }
    }
    return -ENOSPC;
}

int iospace_create(uint16_t owner, struct iospace **out)
{
    struct iopt_config cfg = iommu_caps.pt;
    struct iospace *s;
    int rc;

    if (!iommu_enabled) {
        return -ENODEV;
    }
    s = xzalloc(struct iospace);
    if (!s) {
        return -ENOMEM;
    }
    s->owner = owner;
    iopt_gather_init(&s->deferred);
    list_init(&s->all);
    list_init(&s->devices);
    list_init(&s->reserved);
    /* Page types come and go: a table that fills up often empties again. */
    cfg.lazy_coalesce = true;
    rc = iopt_init(&s->pt, &cfg);
    if (rc) {
        goto err_free;
    }

    spin_lock(&attach_lock);
    rc = did_alloc(&s->did);
    if (rc == 0) {
        list_add_tail(&s->all, &spaces);
    }
    spin_unlock(&attach_lock);
    if (rc) {
        log_err("iommu: d%u: no hardware id left for a space\n", owner);
        rc = -ENOMEM;
        goto err_tree;
    }

    rc = iommu_ops->space_init(s);
    if (rc) {
        goto err_did;
    }
    *out = s;
    return 0;

err_did:
    spin_lock(&attach_lock);
    (void)atomic_test_clear_bit(did_used, s->did);
    list_del(&s->all);
    spin_unlock(&attach_lock);
err_tree:
    while (iopt_destroy(&s->pt, 512)) {
    }
err_free:
    xfree(s);
    return rc;
}

/* Pages that are in our hands: linked, spare, or waiting for a flush. */
static uint64_t tables_held(const struct iopt_counts *c)
{
    return c->pool_allocs - c->pool_frees;
}

static void count_tables(struct iospace *s, const struct iopt_counts *now,
                         const struct iopt_counts *told)
{
    const uint64_t linked = now->tables - told->tables;
    const uint64_t spare = (uint64_t)s->pt.spare.nr - s->told_spare;

    perf_add(iommu_pt_allocs, now->pool_allocs - told->pool_allocs);
    perf_add(iommu_pt_frees, now->pool_frees - told->pool_frees);
    perf_add(iommu_pt_spares, now->spare_hits - told->spare_hits);
    perf_add_array(iommu_tables, 0, linked);
    perf_add_array(iommu_tables, 1, spare);
    perf_add_array(iommu_tables, 2,
                   tables_held(now) - tables_held(told) - linked - spare);
    s->told_spare = s->pt.spare.nr;
}

/* Add what happened in a tree since the last time. The space's lock is held. */
static void count_space(struct iospace *s)
{
    const struct iopt_counts *const now = &s->pt.counts;
    struct iopt_counts *const told = &s->told;
    const uint64_t full = now->coalesces_full - told->coalesces_full;
    const uint64_t empty = now->coalesces_empty - told->coalesces_empty;

    perf_add(iommu_pt_shatters, now->shatters - told->shatters);
    /* Tables that went upward, full or empty; not those that were replaced. */
    perf_add(iommu_pt_coalesces, full + empty);
    perf_add(iommu_coalesces_full, full);
    perf_add(iommu_coalesces_empty, empty);
    for (unsigned int l = 0; l < 3; l++) {
        perf_add_array(iommu_leaves, l, now->leaves[l] - told->leaves[l]);
    }
    count_tables(s, now, told);
    *told = *now;
}

void iommu_count_all(void)
{
    struct list_head *p;

    spin_lock(&attach_lock);
    list_for_each(p, &spaces) {
        struct iospace *const s = list_entry(p, struct iospace, all);

        spin_lock(&s->lock);
        count_space(s);
        spin_unlock(&s->lock);
    }
    spin_unlock(&attach_lock);
}

void iospace_destroy(struct iospace *s)
{
    if (!s) {
        return;
    }
    spin_lock(&attach_lock);
    ASSERT(list_empty(&s->devices) && list_empty(&s->reserved));
    list_del(&s->all);
    spin_unlock(&attach_lock);

    /*
     * No device has used the tree since the last one was detached, and that
     * detach flushed everything of this id. A fault handler may still be in it.
     */
    iommu_fault_quiesce(s);
    spin_lock(&s->lock);
    iopt_gather_release(&s->pt, &s->deferred);
    spin_unlock(&s->lock);
    while (iopt_destroy(&s->pt, 512)) {
    }
    memset(s->pt.counts.leaves, 0, sizeof(s->pt.counts.leaves));
    count_space(s);
    iommu_ops->space_fini(s);

    spin_lock(&attach_lock);
    (void)atomic_test_clear_bit(did_used, s->did);
    spin_unlock(&attach_lock);
    xfree(s);
}

struct iospace *iospace_from(unsigned int did)
{
    struct iospace *best = NULL;
    struct list_head *p;

    list_for_each(p, &spaces) {
        struct iospace *const s = list_entry(p, struct iospace, all);

        if (s->did >= did && (!best || s->did < best->did)) {
            best = s;
        }
    }
    return best;
}

uint64_t iospace_dfn_last(const struct iospace *s)
{
    return s->pt.dfn_last;
}

void iommu_limit_pages(struct iospace *s, unsigned int max_level)
{
    spin_lock(&s->lock);
    iopt_limit_leaf(&s->pt, min_of(max_level, 7u));
    spin_unlock(&s->lock);
}

void iommu_no_coalesce(struct iospace *s, unsigned int levels)
{
    spin_lock(&s->lock);
    s->pt.no_coalesce = (uint8_t)levels;
    spin_unlock(&s->lock);
}

struct walk_arg {
    int (*visit)(const struct iommu_range *r, void *arg);
    void *arg;
};

static int walk_one(dfn_t dfn, const struct iopt_view *v, void *arg)
{
    const struct walk_arg *const w = arg;
    const struct iommu_range r = {
        .dfn = dfn,
        .mfn = v->mfn,
        .nr = v->nr,
        .prot = v->prot,
        .level = v->level,
    };

    return w->visit(&r, w->arg);
}

int iommu_walk(struct iospace *s, uint64_t first, uint64_t last,
               int (*visit)(const struct iommu_range *r, void *arg), void *arg)
{
    struct walk_arg w = { visit, arg };
    int rc;

    spin_lock(&s->lock);
    rc = iopt_walk(&s->pt, first, min_of(last, s->pt.dfn_last), walk_one, &w);
    spin_unlock(&s->lock);
    return rc;
}
