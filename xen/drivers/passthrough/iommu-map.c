/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests to map, unmap and protect, cut into runs of leaves of one order;
 * each run is one call of the engine. The space's lock is held for a whole
 * request, so requests are atomic to each other.
 */
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>

#include "iommu-priv.h"

/* Ours: pieces of a request that may be mapped already; more is refused. */
#define PIECES_MAX 16

/* Ours: frames of a list that are worth being looked at as a run. */
#define RUN_MIN 16u

static int check_dfns(const struct iospace *s, dfn_t dfn, uint64_t nr)
{
    if (nr == 0) {
        return -EINVAL;
    }
    /* Compared as counts: dfn + nr may wrap, dfn_last - dfn cannot. */
    if (dfn.n > s->pt.dfn_last || nr - 1 > s->pt.dfn_last - dfn.n) {
        return -ERANGE;
    }
    return 0;
}

static bool touches_intr(uint64_t first, uint64_t nr)
{
    return first <= INTR_LAST && first + (nr - 1) >= INTR_FIRST;
}

/*
 * The next run: as many leaves of the largest order that the tree's sizes, both
 * alignments and the length allow. Bounded by the next 1G border.
 */
static uint64_t next_run(const struct iospace *s, uint64_t dfn, uint64_t mfn,
                         uint64_t nr)
{
    const uint64_t chunk = iopt_chunk(dfn, nr);

    for (unsigned int l = fls64(s->pt.leaf_mask); l > 0; l--) {
        const uint64_t span = BIT64(9 * l);
        const uint64_t to_border = span - (dfn & (span - 1));

        if (!(s->pt.leaf_mask & BIT32(l)) || ((dfn ^ mfn) & (span - 1))) {
            continue;
        }
        if (to_border == span && chunk >= span) {
            return align_down(chunk, span);
        }
        /* Larger leaves begin there: a run of smaller ones ends there. */
        if (to_border < chunk && nr - to_border >= span) {
            return next_run(s, dfn, mfn, to_border);
        }
    }
    return chunk;
}

struct piece {
    uint64_t first;
    uint64_t nr;
};

struct pieces {
    uint64_t dfn, mfn; /* of the request */
    unsigned int prot;
    unsigned int nr;
    struct piece p[PIECES_MAX];
};

static int note_piece(dfn_t dfn, const struct iopt_view *v, void *arg)
{
    struct pieces *const ps = arg;
    struct piece *const last = &ps->p[ps->nr ? ps->nr - 1 : 0];

    if (v->prot != ps->prot || v->mfn.n - ps->mfn != dfn.n - ps->dfn) {
        return -EEXIST;
    }
    if (ps->nr && last->first + last->nr == dfn.n) {
        last->nr += v->nr;
        return 0;
    }
    if (ps->nr == PIECES_MAX) {
        return -EEXIST;
    }
    ps->p[ps->nr++] = (struct piece){ dfn.n, v->nr };
    return 0;
}

/* Maps a hole; *done says how much of it, also on error. */
static int map_hole(struct iospace *s, struct iopt_run r, struct iopt_gather *g,
                    uint64_t *done)
{
    const uint64_t total = r.nr;

    for (*done = 0; *done < total; *done += r.nr) {
        int rc;

        r.nr = next_run(s, r.dfn.n, r.mfn.n, total - *done);
        rc = iopt_map(&s->pt, &r, g);
        if (rc) {
            return rc;
        }
        r.dfn = dfn_add(r.dfn, r.nr);
        r.mfn = mfn_add(r.mfn, r.nr);
    }
    return 0;
}

/*
 * Takes a part away that this request mapped. What an undo would need is what
 * the request had just brought in, so running dry here is a lost frame or two
 * of headroom; but never leave a translation that was not granted.
 */
static void undo(struct iospace *s, uint64_t first, uint64_t nr,
                 struct iopt_gather *g)
{
    const struct iopt_run r = { .dfn = DFN(first), .nr = nr };

    if (nr && iopt_unmap(&s->pt, &r, g)) {
        panic("iommu: d%u: cannot undo a map of dfn %#lx + %#lx", s->owner,
              first, nr);
    }
}

/*
 * Several engine calls, yet all or nothing: what is there already is looked up
 * first, so that an undo takes away only what was added.
 */
static int map_in_pieces(struct iospace *s, const struct iopt_run *r,
                         struct iopt_gather *g)
{
    struct pieces ps = { r->dfn.n, r->mfn.n, r->prot, 0, { { 0, 0 } } };
    const uint64_t end = r->dfn.n + r->nr;
    uint64_t pos = r->dfn.n;
    unsigned int i;
    int rc = iopt_walk(&s->pt, pos, end - 1, note_piece, &ps);

    if (rc) {
        return rc;
    }
    for (i = 0; i <= ps.nr; i++) {
        const uint64_t to = i < ps.nr ? ps.p[i].first : end;
        struct iopt_run hole = *r;
        uint64_t done;

        hole.dfn = DFN(pos);
        hole.mfn = mfn_add(r->mfn, pos - r->dfn.n);
        hole.nr = to - pos;
        rc = map_hole(s, hole, g, &done);
        if (rc) {
            undo(s, pos, done, g);
            break;
        }
        pos = i < ps.nr ? ps.p[i].first + ps.p[i].nr : end;
    }
    if (rc == 0) {
        return 0;
    }
    while (i-- > 0) {
        const uint64_t from = i ? ps.p[i - 1].first + ps.p[i - 1].nr : r->dfn.n;

        undo(s, from, ps.p[i].first - from, g);
    }
    return rc;
}

static int check_map(const struct iospace *s, dfn_t dfn, mfn_t mfn, uint64_t nr,
                     unsigned int prot)
{
    const int rc = check_dfns(s, dfn, nr);

    if (rc) {
        return rc;
    }
    if (prot == 0 || prot & ~(IOMMU_R | IOMMU_W)) {
        return -EINVAL;
    }
    if (mfn.n > s->pt.mfn_last || nr - 1 > s->pt.mfn_last - mfn.n) {
        return -ERANGE;
    }
    /* Units take these as interrupts, or refuse a whole leaf for them. */
    return touches_intr(dfn.n, nr) || touches_intr(mfn.n, nr) ? -EINVAL : 0;
}

int iommu_map(struct iospace *s, dfn_t dfn, mfn_t mfn, uint64_t nr,
              unsigned int prot, struct iommu_gather *g)
{
    const struct iopt_run r = { dfn, mfn, nr, prot };
    int rc = check_map(s, dfn, mfn, nr, prot);

    if (rc) {
        return rc;
    }
    ASSERT(!g->space || g->space == s);
    g->space = s;

    spin_lock(&s->lock);
    s->ops++;
    perf_inc(iommu_maps);
    rc = nr == 1 || next_run(s, dfn.n, mfn.n, nr) == nr
             ? iopt_map(&s->pt, &r, gather_pt(g))
             : map_in_pieces(s, &r, gather_pt(g));
    gather_note(s, g);
    iospace_blame(s, g->cause); /* an undo may cut a leaf */
    spin_unlock(&s->lock);
    return rc;
}

/* A slice is done. Whether the request is to stop there: -ERESTART. */
static int next_slice(struct iommu_progress *p, uint64_t slice, uint64_t nr)
{
    p->done += slice;
    return p->done < nr && p->stop && p->stop() ? -ERESTART : 0;
}

/* As much of a run as one slice may map. */
static uint64_t map_slice(const struct iospace *s, uint64_t dfn, uint64_t mfn,
                          uint64_t nr)
{
    const uint64_t run = next_run(s, dfn, mfn, nr);
    const uint64_t in_page = BIT64(9) - 1;
    /* A limit that changes meanwhile makes a slice longer, never wrong. */
    const bool large =
        (read_once(s->pt.leaf_mask) & 2) && ((dfn | mfn | run) & in_page) == 0;

    return large ? run : min_of(run, IOMMU_SLICE - (dfn & (IOMMU_SLICE - 1)));
}

int iommu_map_slices(struct iospace *s, dfn_t dfn, mfn_t mfn, uint64_t nr,
                     unsigned int prot, struct iommu_gather *g,
                     struct iommu_progress *p)
{
    int rc = check_map(s, dfn, mfn, nr, prot);

    while (rc == 0 && p->done < nr) {
        const dfn_t at = dfn_add(dfn, p->done);
        const mfn_t to = mfn_add(mfn, p->done);
        const uint64_t slice = map_slice(s, at.n, to.n, nr - p->done);

        rc = iommu_map(s, at, to, slice, prot, g);
        if (rc == 0) {
            rc = next_slice(p, slice, nr);
        }
    }
    return rc;
}

/* Frames from the first on that may be mapped at their own number. */
static always_inline unsigned int list_mappable(const uint32_t *frame,
                                                unsigned int nr)
{
    const uint32_t *const end = frame + nr;
    const uint32_t *f = frame;

    while (f < end && !touches_intr(*f, 1)) {
        f++;
    }
    return (unsigned int)(f - frame);
}

static void owe_list(struct iommu_gather *g, const uint32_t *frame,
                     unsigned int nr, enum iopt_owe what)
{
    for (unsigned int i = 0; i < nr; i++) {
        iopt_gather_frame(gather_pt(g), frame[i], what);
    }
}

/* As many frames of a list as is easy. The space's lock is held afterwards. */
static always_inline unsigned int map_easy(struct iospace *s,
                                           const uint32_t *frame,
                                           unsigned int nr, unsigned int prot,
                                           struct iommu_gather *g)
{
    unsigned int done = list_mappable(frame, nr);

    g->space = s;
    spin_lock(&s->lock);
    s->ops++;
    done = iopt_map_list(&s->pt, frame, done, prot, gather_pt(g));
    perf_add(iommu_maps, done);
    return done;
}

/* A list with frames that are not easy; the first of them is @frame[*done]. */
static noinline_fn int map_list_rest(struct iospace *s, const uint32_t *frame,
                                     unsigned int nr, unsigned int prot,
                                     struct iommu_gather *g, unsigned int *done)
{
    const bool owes = s->pt.track_added;
    unsigned int first = 0;
    int rc, rc2;

    for (;;) {
        if (owes) {
            owe_list(g, &frame[first], *done - first, IOPT_OWE_ADDED);
        }
        gather_note(s, g);
        spin_unlock(&s->lock);
        /* The long way, with all its checks. */
        rc = iommu_map(s, DFN(frame[*done]), MFN(frame[*done]), 1, prot, g);
        if (rc) {
            break;
        }
        first = ++*done;
        *done += map_easy(s, &frame[first], nr - first, prot, g);
        if (*done == nr) {
            return iommu_flush_list(s, g, &frame[first], owes ? nr - first : 0);
        }
    }
    rc2 = iommu_flush(s, g);
    return rc ? rc : rc2;
}

int iommu_map_list(struct iospace *s, const uint32_t *frame, unsigned int nr,
                   unsigned int prot, unsigned int *done)
{
    struct iommu_gather g;

    *done = 0;
    if (prot == 0 || prot & ~(IOMMU_R | IOMMU_W)) {
        return -EINVAL;
    }
    iommu_gather_init(&g);
    *done = map_easy(s, frame, nr, prot, &g);
    if (likely(*done == nr)) {
        return iommu_flush_list(s, &g, frame, s->pt.track_added ? nr : 0);
    }
    return map_list_rest(s, frame, nr, prot, &g, done);
}

/* Rounds a frame down (or up to the last) of the leaf that holds it. */
static uint64_t leaf_edge(const struct iospace *s, uint64_t dfn, bool last)
{
    struct iopt_view v;
    uint64_t span;

    if (iopt_lookup(&s->pt, DFN(dfn), &v)) {
        return dfn;
    }
    span = BIT64(9 * v.level);
    return last ? dfn | (span - 1) : align_down(dfn, span);
}

/*
 * There is no memory for a table to split a leaf with. Isolation goes before
 * service: the whole leaf goes, and devices fault on the rest of it.
 */
static int unmap_whole_leaves(struct iospace *s, const struct iopt_run *r,
                              struct iopt_gather *g)
{
    const uint64_t first = leaf_edge(s, r->dfn.n, false);
    const uint64_t last = leaf_edge(s, r->dfn.n + r->nr - 1, true);
    const struct iopt_run whole = { .dfn = DFN(first), .nr = last - first + 1 };

    log_err(
        "iommu: d%u: out of memory: dfn %#lx..%#lx is unmapped for the sake "
        "of %#lx + %#lx\n",
        s->owner, first, last, r->dfn.n, r->nr);
    return iopt_unmap(&s->pt, &whole, g);
}

static int unmap_run(struct iospace *s, const struct iopt_run *r,
                     struct iommu_gather *g)
{
    int rc;

    spin_lock(&s->lock);
    s->ops++;
    rc = iopt_unmap(&s->pt, r, gather_pt(g));
    gather_note(s, g);
    iospace_blame(s, g->cause);
    spin_unlock(&s->lock);
    if (rc != -ENOMEM) {
        return rc;
    }
    /* Tables that wait for a flush come back with it. */
    rc = iommu_flush(s, g);
    g->space = s;
    if (rc) {
        return rc;
    }
    spin_lock(&s->lock);
    rc = iopt_unmap(&s->pt, r, gather_pt(g));
    if (rc == -ENOMEM) {
        rc = unmap_whole_leaves(s, r, gather_pt(g));
    }
    gather_note(s, g);
    iospace_blame(s, g->cause);
    spin_unlock(&s->lock);
    return rc;
}

int iommu_unmap_slices(struct iospace *s, dfn_t dfn, uint64_t nr,
                       struct iommu_gather *g, struct iommu_progress *p)
{
    int rc = check_dfns(s, dfn, nr);

    if (rc) {
        return rc;
    }
    ASSERT(!g->space || g->space == s);
    g->space = s;
    if (p->done == 0) {
        perf_inc(iommu_unmaps);
    }
    while (rc == 0 && p->done < nr) {
        struct iopt_run r = { .dfn = dfn_add(dfn, p->done), .nr = 1 };
        const uint64_t left = nr - p->done;

        if (left > 1) {
            /* Holes are fine, so only dfn alignment and the length matter. */
            r.nr = next_run(s, r.dfn.n, r.dfn.n, left);
        }
        rc = unmap_run(s, &r, g);
        if (rc == 0) {
            rc = next_slice(p, r.nr, nr);
        }
    }
    return rc;
}

int iommu_unmap(struct iospace *s, dfn_t dfn, uint64_t nr,
                struct iommu_gather *g)
{
    struct iommu_progress p = { .stop = NULL };

    return iommu_unmap_slices(s, dfn, nr, g, &p);
}

/* Frames of a list that follow each other; 0 if they are few. */
static unsigned int list_run(const uint32_t *frame, unsigned int nr)
{
    unsigned int run = 1;

    if (nr < RUN_MIN || frame[RUN_MIN - 1] - frame[0] != RUN_MIN - 1) {
        return 0;
    }
    while (run < nr && frame[run] == frame[0] + run) {
        run++;
    }
    return run < RUN_MIN ? 0 : run;
}

/* Frames before the first run of a list; *run is its length, 0: there is none. */
static unsigned int list_singles(const uint32_t *frame, unsigned int nr,
                                 unsigned int *run)
{
    *run = 0;
    for (unsigned int i = 0; i + RUN_MIN <= nr; i++) {
        *run = list_run(&frame[i], nr - i);
        if (*run) {
            return i;
        }
    }
    return nr;
}

/*
 * As many frames of a list as is easy, then *next of them are a request of their
 * own. The space's lock is held afterwards.
 */
static always_inline unsigned int unmap_easy(struct iospace *s,
                                             const uint32_t *frame,
                                             unsigned int nr,
                                             struct iommu_gather *g,
                                             unsigned int *next)
{
    const unsigned int singles = list_singles(frame, nr, next);
    unsigned int done;

    g->space = s;
    spin_lock(&s->lock);
    s->ops++;
    done = iopt_unmap_list(&s->pt, frame, singles, gather_pt(g));
    perf_add(iommu_unmaps, done);
    if (unlikely(done < singles)) {
        *next = 1;
    }
    return done;
}

/* A list, @done frames of which are unmapped and the @next ones not easy. */
static noinline_fn int unmap_list_rest(struct iospace *s, const uint32_t *frame,
                                       unsigned int nr, struct iommu_gather *g,
                                       unsigned int done, unsigned int next)
{
    int rc, rc2;

    for (;;) {
        owe_list(g, frame, done, IOPT_OWE_STALE);
        gather_note(s, g);
        spin_unlock(&s->lock);
        rc = iommu_unmap(s, DFN(frame[done]), next, g);
        if (rc) {
            break;
        }
        frame += done + next;
        nr -= done + next;
        done = unmap_easy(s, frame, nr, g, &next);
        if (done == nr) {
            return iommu_flush_list(s, g, frame, nr);
        }
    }
    rc2 = iommu_flush(s, g);
    return rc ? rc : rc2;
}

int iommu_unmap_list(struct iospace *s, const uint32_t *frame, unsigned int nr,
                     enum iommu_cause cause)
{
    struct iommu_gather g;
    unsigned int done, next;

    iommu_gather_init(&g);
    g.cause = cause;
    done = unmap_easy(s, frame, nr, &g, &next);
    if (likely(done == nr)) {
        return iommu_flush_list(s, &g, frame, nr);
    }
    return unmap_list_rest(s, frame, nr, &g, done, next);
}

int iommu_protect(struct iospace *s, dfn_t dfn, uint64_t nr, unsigned int prot,
                  struct iommu_gather *g)
{
    const struct iopt_run r = { .dfn = dfn, .nr = nr, .prot = prot };
    int rc = check_dfns(s, dfn, nr);

    if (rc) {
        return rc;
    }
    if (prot == 0 || prot & ~(IOMMU_R | IOMMU_W)) {
        return -EINVAL;
    }
    ASSERT(!g->space || g->space == s);
    g->space = s;
    spin_lock(&s->lock);
    s->ops++;
    rc = iopt_protect(&s->pt, &r, gather_pt(g));
    gather_note(s, g);
    iospace_blame(s, IOMMU_BY_PROT);
    spin_unlock(&s->lock);
    return rc;
}

int iommu_split(struct iospace *s, dfn_t dfn, uint64_t nr,
                unsigned int max_level, struct iommu_gather *g)
{
    struct iopt_run r = { .dfn = dfn };
    int rc = check_dfns(s, dfn, nr);

    ASSERT(!g->space || g->space == s);
    for (uint64_t left = nr; rc == 0 && left; left -= r.nr) {
        r.nr = iopt_chunk(r.dfn.n, left);
        g->space = s;
        spin_lock(&s->lock);
        s->ops++;
        rc = iopt_split(&s->pt, &r, max_level, gather_pt(g));
        gather_note(s, g);
        iospace_blame(s, IOMMU_BY_SPLIT);
        spin_unlock(&s->lock);
        r.dfn = dfn_add(r.dfn, r.nr);
    }
    return rc;
}

int iommu_lookup(const struct iospace *s, dfn_t dfn, mfn_t *mfn,
                 unsigned int *prot)
{
    struct iopt_view v;
    const int rc = iopt_lookup(&s->pt, dfn, &v);

    if (rc == 0 && mfn) {
        *mfn = v.mfn;
    }
    if (rc == 0 && prot) {
        *prot = v.prot;
    }
    return rc;
}
