/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a batch of iommu_map() and iommu_unmap() calls on one space owes to the
 * IOMMUs' caches. Callers hold one on their stack and end with iommu_flush();
 * only drivers/passthrough looks inside. Layer L5.
 */
#ifndef XEN_IOMMU_GATHER_H
#define XEN_IOMMU_GATHER_H

#include <xen/types.h>

struct iospace;

#define IOMMU_GATHER_WORDS 52 /* ours: room for the engine's gather */
#define IOMMU_GATHER_HEAD  4  /* words that say whether it is empty */

/* Why an unmap cuts a large leaf: for the counters, nothing depends on it. */
enum iommu_cause {
    IOMMU_BY_UNMAP, /* the frame goes away */
    IOMMU_BY_TYPE,  /* it stays and becomes a table or the like */
    IOMMU_BY_PROT,  /* never in a gather: iommu_protect() means it */
    IOMMU_BY_SPLIT, /* never in a gather: iommu_split() means it */
};

struct iommu_gather {
    struct iospace *space;               /* whose debts; NULL: none yet */
    enum iommu_cause cause;              /* of the unmaps to come */
    bool wide;                           /* counted in the space's wide */
    uint64_t engine[IOMMU_GATHER_WORDS]; /* struct iopt_gather */
};

/* An empty gather. It may be dropped only when empty, so end with a flush. */
#define IOMMU_GATHER_INIT            \
    {                                \
        NULL, IOMMU_BY_UNMAP, false, \
        {                            \
            0                        \
        }                            \
    }

/* The same without touching all of it, where it is on the path of one page. */
static inline void iommu_gather_init(struct iommu_gather *g)
{
    g->space = NULL;
    g->cause = IOMMU_BY_UNMAP;
    g->wide = false;
    for (unsigned int i = 0; i < IOMMU_GATHER_HEAD; i++) {
        g->engine[i] = 0;
    }
}

#endif
