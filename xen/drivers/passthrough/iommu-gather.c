/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From what a gather owes to invalidation commands: planned once, posted to
 * every unit that serves the space, waited for once, and only then are the
 * unlinked tables given back. The space's lock guards its deferred gather; it
 * is not held while waiting.
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/perf-counter.h>
#include <xen/time.h>

#include "iommu-priv.h"

/*
 * Ours: tables that may wait for the next flush before one is done for their
 * sake. Bounds memory held back to 256 KiB a space.
 */
#define DEFERRED_TABLES_MAX 64

/* Order of the smallest aligned block that holds first..last. */
static unsigned int cover_order(uint64_t first, uint64_t last)
{
    return first == last ? 0 : fls64(first ^ last) + 1;
}

static bool is_planned(const struct iommu_flush_req *f, uint64_t dfn,
                       unsigned int order)
{
    for (unsigned int i = 0; i < f->nr; i++) {
        if (f->block[i].dfn == dfn && f->block[i].order == order) {
            return true;
        }
    }
    return false;
}

/*
 * Most blocks are unlike all before, which one bit of seen tells: the list is
 * looked through only if a block with the same low bits is in it.
 */
static always_inline void plan_block(struct iommu_flush_req *f, uint64_t *seen,
                                     uint64_t first, unsigned int order)
{
    const uint64_t dfn = align_down(first, BIT64(order));
    const uint64_t bit = BIT64(dfn >> order & 63);

    if (order > iommu_caps.flush_order || f->nr == IOMMU_FLUSH_BLOCKS) {
        f->all = true;
        return;
    }
    if (*seen & bit && is_planned(f, dfn, order)) {
        return;
    }
    *seen |= bit;
    f->block[f->nr].dfn = dfn;
    f->block[f->nr].order = (uint8_t)order;
    f->nr++;
}

/*
 * One block, unless the extent straddles a border so that the block would be
 * out of proportion: then one on each side of it.
 */
static noinline_fn void plan_extent(struct iommu_flush_req *f, uint64_t *seen,
                                    const struct iopt_extent *e)
{
    const uint64_t nr = e->last - e->first + 1;
    unsigned int order = cover_order(e->first, e->last);

    if (order > iommu_caps.flush_order || order > fls64(nr) + 3) {
        const uint64_t border = align_down(e->last, BIT64(order - 1));

        order = max_of(cover_order(e->first, border - 1),
                       (unsigned int)e->leaf_order);
        plan_block(f, seen, e->first, order);
        order =
            max_of(cover_order(border, e->last), (unsigned int)e->leaf_order);
        plan_block(f, seen, border, order);
        return;
    }
    /* A command reaches a large leaf only if it spans the leaf. */
    plan_block(f, seen, e->first, max_of(order, (unsigned int)e->leaf_order));
}

void iommu_flush_plan(const struct iopt_gather *g, struct iommu_flush_req *f)
{
    const struct iopt_extent *const end = &g->ext[g->nr_ext];
    uint64_t seen = f->nr ? ~UINT64_C(0) : 0;

    f->tables |= (g->owe & IOPT_OWE_TABLES) != 0;
    for (const struct iopt_extent *e = g->ext; e < end; e++) {
        if (e->first == e->last && e->leaf_order == 0) {
            plan_block(f, &seen, e->first, 0);
        } else {
            plan_extent(f, &seen, e);
        }
    }
    /* Unlinked tables without an extent cannot be; but never rely on it. */
    if (g->retired.nr && g->nr_ext == 0) {
        f->all = true;
        f->tables = true;
    }
}

static void count_posted(const struct iommu_flush_req *f)
{
    if (f->all) {
        perf_inc(iommu_flushes);
        perf_inc(iommu_flush_domain);
    } else {
        perf_add(iommu_flushes, f->nr);
        perf_add(iommu_flush_range, f->nr);
    }
}

/*
 * In whole microseconds of the clock, not of the span: what one wait loses by
 * rounding the next one gets back.
 */
void iommu_count_wait(uint64_t from_ns)
{
    perf_add(iommu_flush_us, now_ns() / 1000 - from_ns / 1000);
}

static int post_and_wait(struct iospace *s, const struct iommu_flush_req *f)
{
    const uint64_t units = atomic_load(&s->units);
    uint64_t ticket[IOMMU_MAX_UNITS];
    uint64_t posted = 0;
    int rc = 0;

    for (unsigned int u = 0; u < iommu_caps.nr_units; u++) {
        if (units & BIT64(u)) {
            const int one = iommu_ops->flush_post(u, f, &ticket[u]);

            if (one == 0) {
                posted |= BIT64(u);
                count_posted(f);
            } else if (iommu_unit_check(u, one, "posting a flush") && !rc) {
                rc = one;
            }
        }
    }
    /* All units work at the same time; an error of one stops no other. */
    for (unsigned int u = 0; u < iommu_caps.nr_units; u++) {
        if (posted & BIT64(u)) {
            const int one = iommu_ops->flush_wait(u, ticket[u]);

            if (iommu_unit_check(u, one, "a flush") && !rc) {
                rc = one;
            }
        }
    }
    if (posted) {
        perf_inc(iommu_flush_waits);
    }
    return rc;
}

/* Both gathers are ours alone by now. */
static int flush_now(struct iospace *s, struct iommu_gather *gather,
                     struct iopt_gather *riding, bool all)
{
    struct iopt_gather *const g = gather_pt(gather);
    struct iommu_flush_req f; /* large: blocks are valid up to nr only */
    uint64_t generation;
    int rc = 0;

    f.did = s->did;
    f.tables = all;
    f.all = all;
    f.nr = 0;
    iommu_flush_plan(g, &f);
    if (unlikely(!iopt_gather_is_empty(riding))) {
        iommu_flush_plan(riding, &f);
    }
    generation = atomic_add(&s->flush_begun, 1);
    if (f.all || f.nr) {
        rc = post_and_wait(s, &f);
    }
    spin_lock(&s->lock);
    s->wide -= gather->wide;
    gather->wide = false;
    if (rc) {
        spin_unlock(&s->lock);
        /*
         * Some unit may still use the unlinked tables, so they are lost for
         * good rather than reused.
         */
        iopt_gather_init(g);
        iopt_gather_init(riding);
        return rc;
    }

    s->flush_done = max_of(s->flush_done, generation);
    iopt_gather_release(&s->pt, g);
    if (unlikely(riding->retired.nr)) {
        iopt_gather_release(&s->pt, riding);
    }
    spin_unlock(&s->lock);
    return 0;
}

/*
 * may_ride: the gather holds nothing but tables that were full and became one
 * leaf. Every translation is what it was, by the table as by the leaf, so the
 * tables can wait for the next flush. A table that was replaced while it had
 * holes cannot: a cache that still leads to it hides what was added.
 */
static int flush(struct iospace *s, struct iommu_gather *g, bool may_ride)
{
    struct iopt_gather *const owed = gather_pt(g);
    struct iopt_gather riding;
    bool unused, others;

    ASSERT(!g->space || g->space == s);
    g->space = NULL;
    if (iopt_gather_is_empty(owed) && !read_once(s->nr_later)) {
        return 0;
    }

    space_lock(s, owed);
    if (iopt_gather_is_empty(owed)) {
        spin_unlock(&s->lock);
        return 0;
    }
    gather_note(s, g);
    /* A unit that serves no device of the space cannot have cached anything. */
    unused = atomic_load(&s->units) == 0;
    if (!unused && may_ride && owed->owe == IOPT_OWE_TABLES &&
        s->deferred.retired.nr + owed->retired.nr <= DEFERRED_TABLES_MAX) {
        /* Whoever flushes next takes them along. */
        iopt_gather_move(&s->deferred, owed);
        s->wide -= g->wide;
        g->wide = false;
        spin_unlock(&s->lock);
        return 0;
    }
    iopt_gather_init(&riding);
    if (!iopt_gather_is_empty(&s->deferred)) {
        iopt_gather_move(&riding, &s->deferred);
    }
    if (unused) {
        iopt_gather_release(&s->pt, owed);
        iopt_gather_release(&s->pt, &riding);
        s->wide -= g->wide;
        g->wide = false;
        spin_unlock(&s->lock);
        return 0;
    }
    others = s->wide > g->wide;
    if (riding.nr_ext && !g->wide) {
        g->wide = true;
        s->wide++;
    }
    spin_unlock(&s->lock);

    return flush_now(s, g, &riding, others);
}

int iommu_flush(struct iospace *s, struct iommu_gather *g)
{
    return flush(s, g, false);
}

int iommu_settle(struct iospace *s, bool *more)
{
    struct iommu_gather g;
    int rc = 0;

    iommu_gather_init(&g);
    space_lock(s, gather_pt(&g));
    *more = true;
    if (s->ops == s->ops_seen) {
        /* Ours: a few dozen walks at a time keep the lock short. */
        g.space = s;
        rc = iopt_settle(&s->pt, IOPT_PENDING, gather_pt(&g));
        *more = rc == -ERESTART;
    }
    gather_note(s, &g);
    s->ops_seen = s->ops;
    spin_unlock(&s->lock);

    return flush(s, &g, true);
}
