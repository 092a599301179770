/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the grant files share.
 *
 * table->lock guards the shared frames' bookkeeping and the active entries of
 * the granting domain; table->track_lock the handles of the mapping domain. The
 * two are never held together, and neither while a page's type changes: an
 * active entry that is pinned keeps its frame number while no lock is held.
 *
 * Shared entries are the guest's memory: each field is read once, and what was
 * read is what is used.
 */
#ifndef XEN_COMMON_GRANT_PRIV_H
#define XEN_COMMON_GRANT_PRIV_H

#include <xen/domain.h>
#include <xen/grant-resource.h>
#include <xen/grant.h>

#include <public/grant_table.h>

#define GRANT_MAX_FRAMES   64    /* ours, the default of createdomain too */
#define GRANT_MAX_MAPTRACK 65536 /* ours: handles of one domain */

#define V1_PER_FRAME      (PAGE_SIZE / sizeof(grant_entry_v1_t))
#define V2_PER_FRAME      (PAGE_SIZE / sizeof(grant_entry_v2_t))
#define STATUS_PER_FRAME  (PAGE_SIZE / sizeof(grant_status_t))
#define STATUS_MAX_FRAMES (GRANT_MAX_FRAMES * V2_PER_FRAME / STATUS_PER_FRAME)
static_assert(V1_PER_FRAME == 512 && V2_PER_FRAME == 256 &&
                  STATUS_PER_FRAME == 2048,
              "guest ABI");

/* What is in use of an entry. Guarded by table->lock. */
struct grant_active {
    uint64_t mfn;     /* frame; constant while pinned */
    uint32_t readers; /* read-only uses */
    uint32_t writers; /* read-write uses */
    domid_t domid;    /* who uses it */
    uint16_t start;   /* bytes that may be copied: first */
    uint16_t length;  /* and number; PAGE_SIZE unless sub-page */
    uint16_t pad;     /* not used */
};
static_assert(sizeof(struct grant_active) == 24, "ACTIVE_PER_PAGE");

#define ACTIVE_PER_PAGE 128 /* ours: 3 KiB, one small allocation */
#define ACTIVE_PAGES    (GRANT_MAX_FRAMES * V1_PER_FRAME / ACTIVE_PER_PAGE)

/* A handle. Guarded by table->track_lock of the mapping domain. */
struct grant_track {
    struct domain *granter; /* with reference; NULL: handle is free */
    uint64_t mfn;           /* frame, with one reference (and type if r/w) */
    uint32_t ref;           /* grant reference; next free handle when free */
    uint16_t flags;         /* GNTMAP_device_map, host_map, readonly */
    bool busy;              /* an operation on it runs */
    bool iommu;             /* dom_iommu_map_foreign() was done */
};

#define TRACK_PER_PAGE 128 /* ours: 3 KiB, one small allocation */
#define TRACK_PAGES    (GRANT_MAX_MAPTRACK / TRACK_PER_PAGE)
#define TRACK_END      UINT32_MAX /* end of the free list */

struct grant_table {
    spinlock_t lock;
    unsigned int version;     /* 1 or 2: layout of the shared frames */
    unsigned int max_version; /* what set_version may choose */
    uint32_t nr_frames;
    uint32_t max_frames;
    uint32_t nr_status; /* status frames (version 2) */
    uint64_t nr_pins;   /* sum of all readers and writers */
    bool dead;          /* destroy has begun */
    void *shared[GRANT_MAX_FRAMES];
    grant_status_t *status[STATUS_MAX_FRAMES];
    struct grant_active *active[ACTIVE_PAGES];

    spinlock_t track_lock;
    uint32_t nr_tracks; /* handles that have a record */
    uint32_t max_tracks;
    uint32_t track_free; /* first free handle or TRACK_END */
    uint32_t released;   /* handles below are gone; a dying domain's */
    struct grant_track *track[TRACK_PAGES];
};

/* Entries the table has now. Locks: table->lock. */
static inline uint32_t grant_nr_entries(const struct grant_table *t)
{
    return t->nr_frames *
           (uint32_t)(t->version == 2 ? V2_PER_FRAME : V1_PER_FRAME);
}

/* Locks: table->lock; @ref is below grant_nr_entries(). */
static inline struct grant_active *grant_active_of(struct grant_table *t,
                                                   uint32_t ref)
{
    return &t->active[ref / ACTIVE_PER_PAGE][ref % ACTIVE_PER_PAGE];
}

static inline grant_entry_v1_t *grant_v1(struct grant_table *t, uint32_t ref)
{
    return (grant_entry_v1_t *)t->shared[ref / V1_PER_FRAME] +
           ref % V1_PER_FRAME;
}

static inline grant_entry_v2_t *grant_v2(struct grant_table *t, uint32_t ref)
{
    return (grant_entry_v2_t *)t->shared[ref / V2_PER_FRAME] +
           ref % V2_PER_FRAME;
}

static inline grant_status_t *grant_status(struct grant_table *t, uint32_t ref)
{
    return t->status[ref / STATUS_PER_FRAME] + ref % STATUS_PER_FRAME;
}

enum grant_access { GRANT_READ, GRANT_WRITE };
enum grant_use { GRANT_FOR_MAP, GRANT_FOR_COPY };

/* What a pinned entry allows. */
struct grant_pin {
    mfn_t mfn;
    uint16_t start;
    uint16_t length;
};

/**
 * grant_pin() - Use an entry of @rd for domain @user: checks it, tells the guest
 * (reading, writing), and keeps the frame number. No page reference is taken.
 * @rd: granting domain. @ref: untrusted. @user: who wants it. @access: how.
 * @use: what for: parts of a page can be copied only.
 * @out: what may be used; unchanged on error.
 * Locks: takes the table's. Context: hypercall.
 * Return: GNTST_okay, bad_gntref, general_error.
 */
int16_t must_check grant_pin(struct domain *rd, uint32_t ref, domid_t user,
                             enum grant_access access, enum grant_use use,
                             struct grant_pin *out);

/**
 * grant_unpin() - Undo one grant_pin().
 * @rd: granting domain, maybe dead. @ref: pinned. @access: as then.
 * Locks: takes the table's. Context: hypercall or domctl.
 */
void grant_unpin(struct domain *rd, uint32_t ref, enum grant_access access);

/**
 * grant_page_get() - Reference the frame of a pinned entry.
 * @mfn: untrusted. @rd: owner it must have. @access: write takes a type too.
 * Locks: none. Context: hypercall. Return: GNTST_okay or bad_page.
 */
int16_t must_check grant_page_get(mfn_t mfn, struct domain *rd,
                                  enum grant_access access);

/**
 * grant_page_put() - Undo grant_page_get().
 * @mfn: the frame. @access: as then. Locks: none. Context: hypercall.
 */
void grant_page_put(mfn_t mfn, enum grant_access access);

/**
 * grant_map_ops() - Map the grants of an array; each gets its own status.
 * @gva: first element, untrusted. @count: elements.
 * @done: how many are finished; less than @count when preempted.
 * Locks: see the top. Context: hypercall. Return: 0, -EFAULT.
 */
int must_check grant_map_ops(uint64_t gva, uint32_t count, uint32_t *done);

/**
 * grant_unmap_ops() - Unmap the grants of an array; each gets its own status.
 * @gva: first element, untrusted. @count: elements.
 * @done: how many are finished; less than @count when preempted.
 * Locks: see the top. Context: hypercall. Return: 0, -EFAULT.
 */
int must_check grant_unmap_ops(uint64_t gva, uint32_t count, uint32_t *done);

/**
 * grant_replace_ops() - Unmap the grants of an array, moving another address's
 * entry to where each was; each gets its own status.
 * @gva: first element, untrusted. @count: elements.
 * @done: how many are finished; less than @count when preempted.
 * Locks: see the top. Context: hypercall. Return: 0, -EFAULT.
 */
int must_check grant_replace_ops(uint64_t gva, uint32_t count, uint32_t *done);

/**
 * grant_copy_ops() - Run the copies of an array; each gets its own status.
 * @gva: first element, untrusted. @count: elements.
 * @done: how many are finished; less than @count when preempted.
 * Locks: see the top. Context: hypercall. Return: 0, -EFAULT.
 */
int must_check grant_copy_ops(uint64_t gva, uint32_t count, uint32_t *done);

/**
 * grant_release_all() - Release every mapping a dying domain holds.
 * @d: none of its vCPUs runs. Locks: see the top. Context: domctl.
 * Return: 0, done; -ERESTART call again.
 */
int must_check grant_release_all(struct domain *d);

#endif
