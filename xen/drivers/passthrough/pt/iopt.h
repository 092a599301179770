/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IOMMU page tables as the IOMMU layer sees them: one tree (struct iopt), the
 * runs it maps, and the gather that says which invalidation is owed. Knows no
 * domain, no device, no vendor. The caller serialises calls on one tree, except
 * iopt_lookup() and iopt_trace(), which take no lock and wait for nobody.
 *
 * What always holds, between calls:
 *  - a frame translates as the last call that covered it said;
 *  - the leaves are the fewest possible for that mapping and the leaf mask
 *    (with lazy coalescing: after iopt_settle());
 *  - no table is empty, the root aside.
 * What holds at every single store in between: a device sees the old or the
 * new translation inside the call's run, and the old one outside.
 */
#ifndef PT_IOPT_H
#define PT_IOPT_H

#include <xen/addr.h>

#define IOPT_MAX_LEVELS 6 /* AMD's largest mode; VT-d stops at 5 */

enum iopt_prot {
    IOPT_R = 1, /* the device may read */
    IOPT_W = 2, /* the device may write */
    IOPT_RW = 3,
};

/* What an extent of a gather owes to the IOMMUs' caches. */
enum iopt_owe {
    IOPT_OWE_STALE = 1,  /* a translation changed or went away */
    IOPT_OWE_TABLES = 2, /* a table was unlinked: paging-structure caches */
    IOPT_OWE_ADDED = 4,  /* absent became present (caching mode, NpCache) */
};

/* Frames to map; the same frames without mfn and prot to unmap. */
struct iopt_run {
    dfn_t dfn;     /* first frame as the device sees it */
    mfn_t mfn;     /* its machine frame; ignored by unmap and protect */
    uint64_t nr;   /* 4K frames, at least 1 */
    uint32_t prot; /* IOPT_R, IOPT_W or both; ignored by unmap */
};

/* A list of unlinked or reserved table pages. head is valid if nr > 0. */
struct iopt_pages {
    paddr_t head;
    paddr_t tail;
    uint64_t nr;
};

/* Frames whose cached translations are owed an invalidation. */
struct iopt_extent {
    uint64_t first;     /* dfn */
    uint64_t last;      /* dfn, inclusive */
    uint8_t leaf_order; /* largest old leaf or group inside, log2 of frames */
    uint8_t owe;        /* enum iopt_owe */
};

#define IOPT_GATHER_EXTENTS 16 /* ours: a forked process; then they merge */

/*
 * What is owed after a batch of calls on one tree. Each extent is already
 * rounded out to the old leaves it held: invalidating it with commands that
 * reach at least leaf_order suffices. Guarded by the tree's lock.
 */
struct iopt_gather {
    uint8_t nr_ext;            /* extents in use */
    uint8_t owe;               /* union over the extents */
    uint8_t leaf_order;        /* largest over the extents */
    struct iopt_pages retired; /* tables to release after the flush */
    struct iopt_extent ext[IOPT_GATHER_EXTENTS]; /* nr_ext are valid */
};

/* Is a frame in an extent, or next to it? */
static inline bool iopt_extent_touches(const struct iopt_extent *e,
                                       uint64_t dfn)
{
    return dfn + 1 - e->first <= e->last - e->first + 2;
}

/* Numbers for the dump and for tests. */
struct iopt_counts {
    uint64_t tables;                  /* linked tables, the root included */
    uint64_t leaves[IOPT_MAX_LEVELS]; /* by level */
    uint64_t shatters;                /* leaves replaced by a table */
    uint64_t coalesces_full;          /* tables replaced by a leaf */
    uint64_t coalesces_empty;         /* tables dropped as empty */
    uint64_t spare_hits;              /* tables that needed no allocator */
    uint64_t pool_allocs;             /* tables that did */
    uint64_t pool_frees;              /* tables given back to it */
};

#define IOPT_PENDING 32 /* ours: deferred coalesces remembered per tree */

/* A table that became uniform while coalescing is lazy; found by address. */
struct iopt_pending {
    uint64_t dfn;  /* first frame the table translates */
    uint8_t level; /* level of the table */
};

struct iopt_ops;

/*
 * One tree of tables. All members are guarded by the caller's lock; lookups
 * read reuses and what is constant without it.
 */
struct iopt {
    const struct iopt_ops *ops;
    paddr_t root_pa;   /* never changes, never freed */
    uint64_t reuses;   /* times that unlinked tables became reusable; atomic */
    uint64_t dfn_last; /* highest frame that may be mapped; constant */
    uint64_t mfn_last; /* highest output frame; constant */
    uint64_t leaf_extra; /* bits the unit wants in leaves */
    uint8_t levels;      /* 2..6, root included; constant */
    uint8_t leaf_mask;   /* bit n: leaves are made at level n */
    uint8_t leaf_all;    /* the same without any limit; constant */
    uint8_t no_coalesce; /* bit n: do not coalesce to level n */
    bool coherent;       /* walks snoop CPU caches */
    bool track_added;    /* gather IOPT_OWE_ADDED extents */
    bool lazy_coalesce;  /* leave coalescing to settle */
    uint8_t nr_pending;
    uint16_t spare_min;      /* reserved for unmap's shatters */
    uint16_t spare_max;      /* kept for page-type churn */
    struct iopt_pages spare; /* free tables of our own */
    struct iopt_pending pending[IOPT_PENDING];
    struct iopt_counts counts;
};

struct iopt_config {
    const struct iopt_ops *ops; /* &iopt_amdv1_ops, &iopt_vtdss_ops */
    uint8_t levels;             /* 2..6 as the format allows */
    uint8_t leaf_mask;          /* bits 0..n without a gap */
    uint8_t leaf_off;           /* bits m..7: not used, see iopt_limit_leaf() */
    uint8_t no_coalesce;        /* bit n: do not coalesce to level n */
    bool coherent;
    bool track_added;
    bool lazy_coalesce;
    uint8_t input_bits;  /* width of device addresses, bytes */
    uint64_t mfn_last;   /* 0: all the format can hold */
    uint64_t leaf_extra; /* such as VT-d's snoop bit */
};

/* What a leaf, or a run of consecutive ones, says. */
struct iopt_view {
    mfn_t mfn;     /* output frame of the frame asked for */
    uint64_t nr;   /* frames from there on that the same leaf or run covers */
    uint32_t prot; /* enum iopt_prot */
    uint8_t level; /* 0: 4K leaf */
};

/* The raw entries that requests for a frame meet. */
struct iopt_trace {
    uint64_t entry[IOPT_MAX_LEVELS]; /* by level of the table it is in */
    uint8_t lowest; /* entries of levels lowest..levels - 1 are valid */
};

/* Return of a visit: anything but 0 ends the walk and becomes its result. */
typedef int (*iopt_visit_t)(dfn_t dfn, const struct iopt_view *v, void *arg);

/* One format's instance of the engine. */
struct iopt_ops {
    const char *name;
    uint8_t max_levels;
    uint8_t max_leaf_level;
    uint8_t slot_bits;                          /* log2 of slots per table */
    uint64_t mfn_limit;                         /* frames a leaf can name */
    uint64_t leaf_extra_ok;                     /* bits leaf_extra may set */
    uint8_t (*level_order)(unsigned int level); /* log2 frames per entry */
    int (*init)(struct iopt *pt);
    int (*map)(struct iopt *pt, const struct iopt_run *r,
               struct iopt_gather *g);
    unsigned int (*map_list)(struct iopt *pt, const uint32_t *frame,
                             unsigned int nr, uint32_t prot,
                             struct iopt_gather *g);
    unsigned int (*unmap_list)(struct iopt *pt, const uint32_t *frame,
                               unsigned int nr, struct iopt_gather *g);
    int (*replace)(struct iopt *pt, const struct iopt_run *r,
                   struct iopt_gather *g);
    int (*unmap)(struct iopt *pt, const struct iopt_run *r,
                 struct iopt_gather *g);
    int (*protect)(struct iopt *pt, const struct iopt_run *r,
                   struct iopt_gather *g);
    int (*split)(struct iopt *pt, const struct iopt_run *r,
                 unsigned int max_level, struct iopt_gather *g);
    int (*settle)(struct iopt *pt, unsigned int budget, struct iopt_gather *g);
    int (*lookup)(const struct iopt *pt, dfn_t dfn, struct iopt_view *v);
    void (*trace)(const struct iopt *pt, dfn_t dfn, struct iopt_trace *t);
    int (*walk)(const struct iopt *pt, uint64_t first, uint64_t last,
                iopt_visit_t visit, void *arg);
    int (*destroy)(struct iopt *pt, unsigned int budget);
};

extern const struct iopt_ops iopt_amdv1_ops;
extern const struct iopt_ops iopt_amdv1x_ops; /* with the sizes between */
extern const struct iopt_ops iopt_vtdss_ops;

/**
 * iopt_init() - Make an empty tree on the caller's memory.
 * @pt:  the tree.
 * @cfg: copied; see struct iopt_config.
 * Locks: none. Context: boot or hypercall. Flush: none.
 * Return: 0, -EINVAL a configuration the format cannot have, -ENOMEM.
 */
int must_check iopt_init(struct iopt *pt, const struct iopt_config *cfg);

/**
 * iopt_destroy() - Free every table of a tree no IOMMU can reach any more.
 * @pt:     the tree; after 0 only iopt_init() may use it.
 * @budget: tables to visit at most, at least 1.
 *
 * The caller unhooked the root from every unit and flushed before the first
 * call. Between calls the tree may not be used otherwise.
 * Locks: the tree's. Context: any; bounded by @budget.
 * Return: 0 done, -ERESTART call again.
 */
int must_check iopt_destroy(struct iopt *pt, unsigned int budget);

/**
 * iopt_map() - Translate a run of frames that is not mapped yet.
 * @pt: the tree.
 * @r:  the run; dfn and mfn may have any alignment.
 * @g:  collects what is owed.
 *
 * All or nothing: checked and all tables reserved before the first store.
 * A frame that already translates exactly so is left alone. Uses the largest
 * leaves the mask and both alignments allow, also across calls.
 * Locks: the tree's. Context: any but NMI; work bounded by r->nr, see
 *        iopt_chunk(). Flush: what @g says; none for a fresh mapping.
 * Return: 0, or with nothing changed -EINVAL no frames or no or unknown
 *         permission, -ERANGE leaves the tree's input or output range, -EEXIST
 *         a frame is mapped otherwise, -ENOMEM.
 */
static inline int must_check iopt_map(struct iopt *pt, const struct iopt_run *r,
                                      struct iopt_gather *g)
{
    return pt->ops->map(pt, r, g);
}

/**
 * iopt_map_list() - As iopt_map() for single frames at their own number, where
 * each takes one store: its table exists and says nothing of it yet.
 * @pt, @g: as iopt_map(). @prot: IOPT_R, IOPT_W or both.
 * @frame, @nr: the frames, in any order.
 *
 * Stops before the first frame that is not so or leaves the tree's range, and
 * at once if unmap's reserve is not complete: iopt_map() must be asked.
 * Locks: as iopt_map(). Context: as iopt_map(); bounded by @nr walks.
 * Flush: what @g says, and with track_added IOPT_OWE_ADDED for each frame that
 * was mapped; the caller has the list.
 * Return: how many frames, from the first on, are mapped.
 */
static inline unsigned int must_check iopt_map_list(struct iopt *pt,
                                                    const uint32_t *frame,
                                                    unsigned int nr,
                                                    uint32_t prot,
                                                    struct iopt_gather *g)
{
    return pt->ops->map_list(pt, frame, nr, prot, g);
}

/**
 * iopt_unmap_list() - As iopt_unmap() for single frames, where that needs no
 * table.
 * @pt, @g: as iopt_map(). @frame, @nr: the frames, in any order; holes are fine.
 *
 * Stops before the first frame that needs one or leaves the tree's range:
 * iopt_unmap() must be asked.
 * Locks: as iopt_unmap(). Context: as iopt_map(); bounded by @nr walks.
 * Flush: what @g says, and IOPT_OWE_STALE for each frame that was unmapped; the
 * caller has the list.
 * Return: how many frames, from the first on, are unmapped.
 */
static inline unsigned int must_check iopt_unmap_list(struct iopt *pt,
                                                      const uint32_t *frame,
                                                      unsigned int nr,
                                                      struct iopt_gather *g)
{
    return pt->ops->unmap_list(pt, frame, nr, g);
}

/**
 * iopt_replace() - As iopt_map(), overwriting whatever is mapped there.
 * @pt, @r, @g: as iopt_map(). Locks, Context: as iopt_map().
 * Flush: what @g says, old leaves included.
 * Return: as iopt_map() without -EEXIST.
 */
static inline int must_check iopt_replace(struct iopt *pt,
                                          const struct iopt_run *r,
                                          struct iopt_gather *g)
{
    return pt->ops->replace(pt, r, g);
}

/**
 * iopt_unmap() - Stop translating exactly these frames; holes are fine.
 * @pt, @g: as iopt_map().
 * @r:      the run; mfn and prot are ignored.
 *
 * The shatters of one call come from a reserve every map tops up first, so an
 * exhausted pool does not fail it.
 * Locks, Context: as iopt_map(). Flush: what @g says.
 * Return: 0, -EINVAL no frames, -ERANGE, or with nothing changed -ENOMEM: the
 *         pool is exhausted and earlier unmaps used the reserve since.
 */
static inline int must_check iopt_unmap(struct iopt *pt,
                                        const struct iopt_run *r,
                                        struct iopt_gather *g)
{
    return pt->ops->unmap(pt, r, g);
}

/**
 * iopt_protect() - Give the mapped frames of a run other permissions.
 * @pt, @g: as iopt_map().
 * @r:      the run; mfn is ignored, holes stay holes.
 * Locks, Context: as iopt_map(). Flush: what @g says.
 * Return: 0, or with nothing changed -EINVAL, -ERANGE, -ENOMEM.
 */
static inline int must_check iopt_protect(struct iopt *pt,
                                          const struct iopt_run *r,
                                          struct iopt_gather *g)
{
    return pt->ops->protect(pt, r, g);
}

/**
 * iopt_split() - Break the leaves of a run down to a size.
 * @pt, @g:    as iopt_map().
 * @r:         the run, rounded out to whole leaves of @max_level; the rest of
 *             a leaf it cuts is split only as far as needed. Others ignored.
 * @max_level: largest leaf level wanted inside.
 *
 * Nothing coalesces here, but a later store may coalesce again unless
 * iopt_limit_leaf() forbids it. Locks, Context: as iopt_map().
 * Flush: what @g says. Return: 0, -EINVAL, -ERANGE, -ENOMEM (unchanged).
 */
static inline int must_check iopt_split(struct iopt *pt,
                                        const struct iopt_run *r,
                                        unsigned int max_level,
                                        struct iopt_gather *g)
{
    return pt->ops->split(pt, r, max_level, g);
}

/**
 * iopt_settle() - Do coalesces that lazy_coalesce put off.
 * @pt:     the tree.
 * @budget: how many to look at.
 * @g:      as iopt_map().
 * Locks: the tree's. Context: any; bounded by @budget walks.
 * Flush: IOPT_OWE_TABLES only. Return: 0 done, -ERESTART some are left.
 */
static inline int must_check iopt_settle(struct iopt *pt, unsigned int budget,
                                         struct iopt_gather *g)
{
    return pt->ops->settle(pt, budget, g);
}

/**
 * iopt_lookup() - What a frame translates to.
 * @pt:  the tree.
 * @dfn: any frame.
 * @v:   the answer; unchanged on error.
 *
 * The answer was true at some moment of the call. Begins again when tables that
 * were unlinked became reusable meanwhile, which is once a completed flush: so
 * as often as others finish one within these few loads, and never because of
 * what this CPU was interrupted in.
 * Locks: none. Context: any, NMI included, but not beside iopt_destroy().
 * Return: 0, -ENOENT not mapped.
 */
static inline int must_check iopt_lookup(const struct iopt *pt, dfn_t dfn,
                                         struct iopt_view *v)
{
    return pt->ops->lookup(pt, dfn, v);
}

/**
 * iopt_trace() - The raw entries on the way to a frame, for a fault report.
 * @pt:  the tree.
 * @dfn: any frame.
 * @t:   the answer; lowest is the number of levels if @dfn is beyond the tree.
 * Locks, Context: as iopt_lookup().
 */
static inline void iopt_trace(const struct iopt *pt, dfn_t dfn,
                              struct iopt_trace *t)
{
    pt->ops->trace(pt, dfn, t);
}

/**
 * iopt_walk() - Visit each run of consecutive equal-sized leaves in order.
 * @pt:    the tree.
 * @first: first dfn looked at.
 * @last:  last one, inclusive.
 * @visit: called with the run's first frame; runs are cut at @first, @last and
 *         at table borders.
 * @arg:   passed on.
 * Locks: the tree's. Context: any; linear in tables and leaves in the range.
 * Return: 0 or what @visit returned.
 */
static inline int iopt_walk(const struct iopt *pt, uint64_t first,
                            uint64_t last, iopt_visit_t visit, void *arg)
{
    return pt->ops->walk(pt, first, last, visit, arg);
}

/**
 * iopt_limit_leaf() - Set the largest leaf that is made from now on.
 * @pt:        the tree.
 * @max_level: its level, at most 7; one that the units lack is no error.
 *
 * Lower than before: larger leaves that are there stay until they are cut, see
 * iopt_split(). Higher: a table that could be one leaf becomes one with the next
 * store to it. So after a change the leaves may be more, or larger, than what
 * the new limit makes of the same mapping.
 * Locks: the tree's. Context: any. Flush: none.
 */
static inline void iopt_limit_leaf(struct iopt *pt, unsigned int max_level)
{
    pt->leaf_mask = pt->leaf_all & (uint8_t)((2u << max_level) - 1);
}

/**
 * iopt_chunk() - How much of a run one call should take, for preemption.
 * @first: next dfn. @nr: frames left, not 0.
 *
 * Cuts at the next 1G border, which bounds a call by 513 tables and 262,144
 * entries and loses no leaf up to 1G. Locks: none. Context: any.
 * Return: frames, 1..@nr.
 */
static inline uint64_t iopt_chunk(uint64_t first, uint64_t nr)
{
    const uint64_t span = UINT64_C(1) << 18;
    const uint64_t left = span - (first & (span - 1));

    return nr < left ? nr : left;
}

/* Leaves of every size in the tree. */
static inline uint64_t iopt_nr_leaves(const struct iopt *pt)
{
    uint64_t sum = 0;

    for (unsigned int l = 0; l < IOPT_MAX_LEVELS; l++) {
        sum += pt->counts.leaves[l];
    }
    return sum;
}

/* Every page a tree has is one of these; each is a 4K page of the pool. */
struct iopt_memory {
    uint64_t linked;  /* tables of the tree, the root included */
    uint64_t spare;   /* free, kept; never more than pt->spare_max */
    uint64_t waiting; /* unlinked, in a gather: for a flush, or lost with one */
};

/**
 * iopt_memory() - The pages a tree has of the pool.
 * @pt: the tree.
 * Locks: the tree's. Context: any. Return: by what they are used for.
 */
static inline struct iopt_memory iopt_memory(const struct iopt *pt)
{
    const struct iopt_counts *const c = &pt->counts;
    const uint64_t all = c->pool_allocs - c->pool_frees;

    return (struct iopt_memory){
        .linked = c->tables,
        .spare = pt->spare.nr,
        .waiting = all - c->tables - pt->spare.nr,
    };
}

/* Start an empty gather. Its extents, most of it, are left as they are. */
static inline void iopt_gather_init(struct iopt_gather *g)
{
    g->nr_ext = 0;
    g->owe = 0;
    g->leaf_order = 0;
    g->retired = (struct iopt_pages){ .nr = 0 };
}

/**
 * iopt_gather_add() - Record that an extent is owed an invalidation.
 * @g: the gather. @e: rounded out to whole old leaves already.
 *
 * Extents that touch are merged if they owe the same; when there is no slot
 * left the two closest are. Never loses anything.
 * Locks: the tree's. Context: any.
 */
void iopt_gather_add(struct iopt_gather *g, const struct iopt_extent *e);

/**
 * iopt_gather_frame() - As iopt_gather_add() for one frame that was mapped by
 * itself and touches none but the last one added, as far as the caller knows.
 * @g: the gather. @dfn: the frame. @what: what it owes.
 * Locks: the tree's. Context: any.
 */
void iopt_gather_frame(struct iopt_gather *g, uint64_t dfn, enum iopt_owe what);

/**
 * iopt_gather_move() - Append what one gather owes to another of that tree.
 * @to: gains everything. @from: is empty afterwards.
 * Locks: the tree's. Context: any.
 */
void iopt_gather_move(struct iopt_gather *to, struct iopt_gather *from);

/* Nothing owed and no table waiting: the gather may be dropped. */
static inline bool iopt_gather_is_empty(const struct iopt_gather *g)
{
    return g->nr_ext == 0 && g->retired.nr == 0;
}

/**
 * iopt_gather_release() - The flush is complete: reuse the tables, owe nothing.
 * @pt: the tree of the gather; keeps some tables as spares.
 * @g:  empty afterwards.
 *
 * Only after a flush of every extent that began after the calls which filled
 * @g has completed on every IOMMU serving the tree.
 * Locks: the tree's. Context: any but NMI; linear in retired tables.
 */
void iopt_gather_release(struct iopt *pt, struct iopt_gather *g);

#endif
