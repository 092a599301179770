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

static bool is_planned(const struct iommu_flush_req *f, iommu_block_t b)
{
    for (unsigned int i = 0; i < f->nr; i++) {
        if (f->block[i] == b) {
            return true;
        }
    }
    return false;
}

/*
 * Most blocks are unlike all before, which one bit of seen tells: the list is
 * looked through only if a block with the same low bits is in it. Returns seen.
 */
static uint64_t plan_block(struct iommu_flush_req *f, uint64_t seen,
                           uint64_t first, unsigned int order)
{
    const uint64_t dfn = align_down(first, BIT64(order));
    const uint64_t bit = BIT64(dfn >> order & 63);

    if (order > iommu_caps.flush_order || f->nr == IOMMU_FLUSH_BLOCKS) {
        f->all = true;
        return seen;
    }
    if (seen & bit && is_planned(f, iommu_block(dfn, order))) {
        return seen;
    }
    f->block[f->nr++] = iommu_block(dfn, order);
    return seen | bit;
}

/*
 * One block, unless the extent straddles a border so that the block would be
 * out of proportion: then one on each side of it.
 */
static noinline_fn uint64_t plan_extent(struct iommu_flush_req *f,
                                        uint64_t seen,
                                        const struct iopt_extent *e)
{
    const uint64_t nr = e->last - e->first + 1;
    unsigned int order = cover_order(e->first, e->last);

    if (order > iommu_caps.flush_order || order > fls64(nr) + 3) {
        const uint64_t border = align_down(e->last, BIT64(order - 1));

        order = max_of(cover_order(e->first, border - 1),
                       (unsigned int)e->leaf_order);
        seen = plan_block(f, seen, e->first, order);
        order =
            max_of(cover_order(border, e->last), (unsigned int)e->leaf_order);
        return plan_block(f, seen, border, order);
    }
    /* A command reaches a large leaf only if it spans the leaf. */
    return plan_block(f, seen, e->first,
                      max_of(order, (unsigned int)e->leaf_order));
}

static_assert(2 * IOPT_GATHER_EXTENTS <= IOMMU_FLUSH_BLOCKS,
              "blocks that are new, two an extent, always fit");

void iommu_flush_plan(const struct iopt_gather *g, struct iommu_flush_req *f)
{
    const struct iopt_extent *const end = &g->ext[g->nr_ext];
    iommu_block_t *b = &f->block[f->nr];
    uint64_t seen = f->nr ? ~UINT64_C(0) : 0;

    f->tables |= (g->owe & IOPT_OWE_TABLES) != 0;
    for (const struct iopt_extent *e = g->ext; e < end; e++) {
        const uint64_t dfn = e->first;

        /* Most gathers hold nothing but single frames. */
        if (likely(dfn == e->last && e->leaf_order == 0 &&
                   !(seen >> (dfn & 63) & 1))) {
            seen |= BIT64(dfn & 63);
            *b++ = iommu_block(dfn, 0);
            continue;
        }
        f->nr = (uint8_t)(b - f->block);
        seen = plan_extent(f, seen, e);
        b = &f->block[f->nr];
    }
    f->nr = (uint8_t)(b - f->block);
    /* Unlinked tables without an extent cannot be; but never rely on it. */
    if (g->retired.nr && g->nr_ext == 0) {
        f->all = true;
        f->tables = true;
    }
}

/* Plans the frames at the head of a list that touch; returns what follows. */
static noinline_fn const uint32_t *plan_run(struct iommu_flush_req *f,
                                            const uint32_t *frame,
                                            const uint32_t *end)
{
    struct iopt_extent e = { .first = *frame, .last = *frame };

    for (frame++; frame < end && iopt_extent_touches(&e, *frame); frame++) {
        e.first = min_of(e.first, (uint64_t)*frame);
        e.last = max_of(e.last, (uint64_t)*frame);
    }
    (void)plan_extent(f, ~UINT64_C(0), &e);
    return frame;
}

/* A list of frames, most of which do not touch the one before. */
static void plan_list(struct iommu_flush_req *f, const uint32_t *frame,
                      unsigned int nr)
{
    const uint64_t far = BIT64(32) + 1; /* from every frame */
    const uint32_t *const end = frame + nr;
    iommu_block_t *b = &f->block[f->nr];
    uint64_t below = far; /* the frame before, less one */

    if (unlikely(nr > (unsigned int)(IOMMU_FLUSH_BLOCKS - f->nr))) {
        while (frame < end) {
            frame = plan_run(f, frame, end);
        }
        return;
    }
    while (frame < end) {
        const uint64_t dfn = *frame++;

        if (likely(dfn - below > 2)) {
            *b++ = iommu_block(dfn, 0);
            below = dfn - 1;
            continue;
        }
        f->nr = (uint8_t)(b - 1 - f->block);
        frame = plan_run(f, frame - 2, end);
        b = &f->block[f->nr];
        below = far;
    }
    f->nr = (uint8_t)(b - f->block);
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

static void keep_first(int *rc, int more)
{
    *rc = *rc ? *rc : more;
}

/*
 * All units work at the same time: the others are told before the first is
 * waited for. An error of one stops no other.
 */
static int post_and_wait(uint64_t units, const struct iommu_flush_req *f)
{
    const unsigned int u = ctz64(units);
    const uint64_t others = units & (units - 1);
    uint64_t ticket;
    int rc = iommu_ops->flush_post(u, f, &ticket);
    const bool posted = rc == 0;

    if (likely(posted)) {
        count_posted(f);
    } else {
        rc = iommu_unit_check(u, rc, "posting a flush");
    }
    if (unlikely(others)) {
        keep_first(&rc, post_and_wait(others, f));
    }
    if (likely(posted)) {
        const int late = iommu_ops->flush_wait(u, ticket);

        if (unlikely(late)) {
            keep_first(&rc, iommu_unit_check(u, late, "a flush"));
        }
    }
    return rc;
}

/* A gather becomes empty, its tables are reused. The space's lock is held. */
static void released(struct iospace *s, struct iommu_gather *g)
{
    iopt_gather_release(&s->pt, gather_pt(g));
    s->wide -= g->wide;
    g->wide = false;
}

/* What was gathered, and with it what rides. The space's lock is held. */
static noinline_fn void plan_owed(struct iospace *s, struct iommu_gather *g,
                                  struct iommu_flush_req *f)
{
    iommu_flush_plan(gather_pt(g), f);
    iommu_flush_plan(&s->deferred, f);
    iopt_gather_move(gather_pt(g), &s->deferred);
    gather_note(s, g);
}

/* The flush of what was gathered has ended with @rc. */
static noinline_fn void forget_owed(struct iospace *s, struct iommu_gather *g,
                                    int rc)
{
    struct iopt_gather *const owed = gather_pt(g);

    if (unlikely(rc)) {
        /*
         * Some unit may still use the unlinked tables, so they are lost for
         * good rather than reused.
         */
        owed->retired.nr = 0;
    }
    if (g->wide || owed->retired.nr) {
        spin_lock(&s->lock);
        released(s, g);
        spin_unlock(&s->lock);
    } else {
        iopt_gather_init(owed);
    }
}

int iommu_flush_list(struct iospace *s, struct iommu_gather *g,
                     const uint32_t *frame, unsigned int nr)
{
    /* A unit that serves no device of the space cannot have cached anything. */
    const uint64_t units = atomic_load(&s->units);
    const bool owes = !iopt_gather_is_empty(gather_pt(g)) ||
                      !iopt_gather_is_empty(&s->deferred);
    struct iommu_flush_req f; /* large: blocks are valid up to nr only */
    int rc;

    f.did = s->did;
    f.nr = 0;
    f.all = s->wide > g->wide;
    f.tables = f.all;
    plan_list(&f, frame, nr);
    if (owes) {
        plan_owed(s, g, &f);
    }
    g->space = NULL;
    if (units == 0 || (f.nr == 0 && !f.all)) {
        released(s, g);
        spin_unlock(&s->lock);
        return 0;
    }
    spin_unlock(&s->lock);

    rc = post_and_wait(units, &f);
    perf_inc(iommu_flush_waits);
    if (owes) {
        forget_owed(s, g, rc);
    }
    return rc;
}

int iommu_flush(struct iospace *s, struct iommu_gather *g)
{
    ASSERT(!g->space || g->space == s);
    /* What was mapped may be hidden by what others have not flushed yet. */
    if (iopt_gather_is_empty(gather_pt(g)) &&
        !(g->space && read_once(s->wide))) {
        g->space = NULL;
        return 0;
    }
    spin_lock(&s->lock);
    return iommu_flush_list(s, g, NULL, 0);
}

/*
 * Tables that were full and became one leaf can wait for the next flush: every
 * translation is what it was, by the table as by the leaf.
 */
static bool may_ride(const struct iospace *s, const struct iopt_gather *owed)
{
    ASSERT((owed->owe & ~IOPT_OWE_TABLES) == 0);
    return atomic_load(&s->units) &&
           s->deferred.retired.nr + owed->retired.nr <= DEFERRED_TABLES_MAX;
}

int iommu_settle(struct iospace *s, bool *more)
{
    struct iommu_gather g;
    int rc;

    iommu_gather_init(&g);
    spin_lock(&s->lock);
    *more = true;
    if (s->ops == s->ops_seen) {
        /* Ours: a few dozen walks at a time keep the lock short. */
        rc = iopt_settle(&s->pt, IOPT_PENDING, gather_pt(&g));
        *more = rc == -ERESTART;
    }
    s->ops_seen = s->ops;
    if (!iopt_gather_is_empty(gather_pt(&g)) && !may_ride(s, gather_pt(&g))) {
        return iommu_flush_list(s, &g, NULL, 0);
    }
    /* Whoever flushes next takes them along. */
    iopt_gather_move(&s->deferred, gather_pt(&g));
    spin_unlock(&s->lock);
    return 0;
}
