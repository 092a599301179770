/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is in the spaces, as text: docs/iommu/dump-format.md, which
 * tools/iommu-view reads. Looks at a part of a space at a time and prints
 * without a lock; between two parts the tree may change and the space may go.
 */
#include <xen/bits.h>
#include <xen/printk.h>

#include "iommu-priv.h"

/* Ours: runs seen under one lock. A run is found in at most 512 slots. */
#define LOOK_RANGES 32u

struct look {
    unsigned int did; /* the space with the least id from here on */
    uint64_t next;    /* first frame that was not looked at */
    bool end;         /* none is left */
    unsigned int nr;
    struct iommu_range range[LOOK_RANGES];
    uint16_t owner;
    uint64_t dfn_last;
    unsigned int leaf_mask;
    struct iopt_counts counts;
    struct iopt_memory memory;
};

static int look_one(const struct iommu_range *r, void *arg)
{
    struct look *const l = arg;

    l->range[l->nr++] = *r;
    l->next = r->dfn.n + r->nr;
    return l->nr == LOOK_RANGES;
}

/* attach_lock held. */
static void look_at(struct look *l, struct iospace *s)
{
    l->did = s->did;
    l->owner = s->owner;
    l->dfn_last = s->pt.dfn_last;
    l->leaf_mask = s->pt.leaf_mask;
    l->nr = 0;
    l->end = l->next > l->dfn_last ||
             iommu_walk(s, l->next, l->dfn_last, look_one, l) == 0;
    spin_lock(&s->lock);
    l->counts = s->pt.counts;
    l->memory = iopt_memory(&s->pt);
    spin_unlock(&s->lock);
}

static bool look(struct look *l)
{
    struct iospace *s;

    spin_lock(&attach_lock);
    s = iospace_from(l->did);
    if (s) {
        look_at(l, s);
    }
    spin_unlock(&attach_lock);
    return s;
}

/* "d0" for a domain's, "q5" for a quarantined device's own, by its id. */
#define NAME_FMT    "%c%u"
#define NAME_ARG(l) name_letter(l), name_number(l)

static char name_letter(const struct look *l)
{
    return l->owner == IOMMU_NO_OWNER ? 'q' : 'd';
}

static unsigned int name_number(const struct look *l)
{
    return l->owner == IOMMU_NO_OWNER ? l->did : l->owner;
}

/* Does @r go on where @now ends, leaf size aside? */
static bool continues(const struct iommu_range *now,
                      const struct iommu_range *r)
{
    return now->nr && now->dfn.n + now->nr == r->dfn.n &&
           now->mfn.n + now->nr == r->mfn.n && now->prot == r->prot;
}

/* ---- summary ------------------------------------------------------------- */

/* Fewest leaves that can express one contiguous extent. */
static uint64_t fewest(uint64_t dfn, uint64_t mfn, uint64_t nr,
                       unsigned int level)
{
    const uint64_t span = BIT64(9 * level);
    const uint64_t start = align_up(dfn, span);
    const uint64_t end = align_down(dfn + nr, span);

    if (level == 0) {
        return nr;
    }
    if ((dfn ^ mfn) & (span - 1) || start >= end) {
        return fewest(dfn, mfn, nr, level - 1);
    }
    return (end - start) / span + fewest(dfn, mfn, start - dfn, level - 1) +
           fewest(end, mfn + (end - dfn), dfn + nr - end, level - 1);
}

struct summary {
    struct iommu_range now; /* extent being collected; nr 0: none */
    unsigned int top;       /* largest leaf level allowed */
    uint64_t frames;
    uint64_t leaves[IOPT_MAX_LEVELS];
    uint64_t fewest;
};

static void summary_close(struct summary *sum)
{
    if (sum->now.nr) {
        sum->fewest +=
            fewest(sum->now.dfn.n, sum->now.mfn.n, sum->now.nr, sum->top);
        sum->now.nr = 0;
    }
}

static void summary_add(struct summary *sum, const struct iommu_range *r)
{
    sum->frames += r->nr;
    sum->leaves[r->level] += r->nr >> (9 * r->level);
    if (continues(&sum->now, r)) {
        sum->now.nr += r->nr;
        return;
    }
    summary_close(sum);
    sum->now = *r;
}

static void print_summary(const struct look *l, struct summary *sum)
{
    const struct iopt_counts *const c = &l->counts;
    const struct iopt_memory *const m = &l->memory;

    summary_close(sum);
    printk("iommu: " NAME_FMT
           ": %lu tables, %lu x 1G + %lu x 2M + %lu x 4K leaves, "
           "%lu bytes mapped, fewest possible %lu leaves\n",
           NAME_ARG(l), c->tables, sum->leaves[2], sum->leaves[1],
           sum->leaves[0], sum->frames << PAGE_SHIFT, sum->fewest);
    printk("iommu: " NAME_FMT
           ": id %u, %u bits, sizes 4K%s%s, %lu shatters, %lu + %lu "
           "coalesces (full + empty), tables: %lu taken, %lu returned\n",
           NAME_ARG(l), l->did, fls64(l->dfn_last) + 1 + PAGE_SHIFT,
           l->leaf_mask & 2 ? " 2M" : "", l->leaf_mask & 4 ? " 1G" : "",
           c->shatters, c->coalesces_full, c->coalesces_empty, c->pool_allocs,
           c->pool_frees);
    printk("iommu: " NAME_FMT ": table memory %lu KiB: %lu linked, %lu spare, "
           "%lu waiting for a flush\n",
           NAME_ARG(l),
           (m->linked + m->spare + m->waiting) * (PAGE_SIZE / 1024), m->linked,
           m->spare, m->waiting);
}

/* Looks at all of the space that look() found, from its beginning. */
static void summarise(struct look *l, void (*relax)(void))
{
    struct summary sum = { .top = fls64(l->leaf_mask) };
    const unsigned int did = l->did;

    for (;;) {
        for (unsigned int i = 0; i < l->nr; i++) {
            summary_add(&sum, &l->range[i]);
        }
        if (l->end) {
            break;
        }
        relax();
        if (!look(l) || l->did != did) {
            return; /* destroyed meanwhile */
        }
    }
    print_summary(l, &sum);
}

static void no_relax(void)
{
}

void iommu_print_summary(struct iospace *s)
{
    struct look l = { .did = s->did };

    if (look(&l)) {
        summarise(&l, no_relax);
    }
}

/* ---- ranges -------------------------------------------------------------- */

static const char *const level_text[] = { "4K", "2M", "1G", "512G" };

const char *iommu_prot_text(unsigned int prot)
{
    return prot == (IOMMU_R | IOMMU_W) ? "rw"
           : prot == IOMMU_R           ? "r"
           : prot == IOMMU_W           ? "w"
                                       : "none";
}

static void print_range(const struct look *l, const struct iommu_range *r)
{
    printk("iommu: " NAME_FMT ": dfn 0x%lx nr 0x%lx mfn 0x%lx %s level %s\n",
           NAME_ARG(l), r->dfn.n, r->nr, r->mfn.n, iommu_prot_text(r->prot),
           level_text[r->level & 3]);
}

/* The tables' own borders are of no interest: merged across them. */
static bool print_ranges(struct look *l, struct iommu_dump *at,
                         unsigned int max, void (*relax)(void))
{
    struct iommu_range now = { .nr = 0 };
    const unsigned int did = l->did;

    for (;;) {
        for (unsigned int i = 0; i < l->nr; i++) {
            const struct iommu_range *const r = &l->range[i];

            if (continues(&now, r) && now.level == r->level) {
                now.nr += r->nr;
                continue;
            }
            if (now.nr) {
                print_range(l, &now);
                at->printed++;
                max--;
            }
            now = *r;
            if (max == 0) {
                at->dfn = now.dfn.n;
                return false;
            }
        }
        if (l->end) {
            break;
        }
        relax();
        if (!look(l) || l->did != did) {
            return true; /* destroyed meanwhile */
        }
    }
    if (now.nr) {
        print_range(l, &now);
        at->printed++;
    }
    return true;
}

bool iommu_dump(struct iommu_dump *at, bool ranges, unsigned int max,
                void (*relax)(void))
{
    const uint64_t goal = at->printed + max;

    for (;; relax()) {
        struct look l = { .did = at->did, .next = at->dfn };

        if (!look(&l)) {
            return true;
        }
        if (l.did != at->did) {
            at->did = l.did;
            at->dfn = 0;
            at->summarised = false;
            continue;
        }
        if (!at->summarised) {
            summarise(&l, relax);
            at->summarised = true;
            if (ranges) {
                continue;
            }
        } else if (!print_ranges(&l, at, (unsigned int)(goal - at->printed),
                                 relax)) {
            return false;
        }
        at->did++;
        at->dfn = 0;
        at->summarised = false;
    }
}
