/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that the neutral IOMMU layer knows of a vendor. Every member is
 * mandatory: a vendor that cannot do something supplies a function that says
 * so. Units are numbered 0..nr_units - 1.
 */
#ifndef PT_IOMMU_OPS_H
#define PT_IOMMU_OPS_H

#include <xen/iommu.h>

#include "pt/iopt.h"

#define IOMMU_MAX_UNITS    32 /* ours: more is refused at setup */
#define IOMMU_FLUSH_BLOCKS 32 /* ours: beyond that one domain-wide command */

struct iospace;

/* What every unit can do; the vendor's setup fills it, constant afterwards. */
struct iommu_caps {
    struct iopt_config pt; /* how trees are built */
    unsigned int nr_units;
    uint16_t did_first; /* hardware ids free for spaces, both inclusive */
    uint16_t did_last;
    uint8_t flush_order; /* largest block one command reaches, log2 frames */
    bool passthrough;    /* every unit can leave a device untranslated */
    bool intremap;       /* every unit can remap interrupts */
};

/*
 * 2^order frames from dfn on, naturally aligned: the byte address with the order
 * in its low bits, which is about what commands look like.
 */
typedef uint64_t iommu_block_t;

static inline iommu_block_t iommu_block(uint64_t dfn, unsigned int order)
{
    return dfn << PAGE_SHIFT | order;
}

static inline uint64_t iommu_block_dfn(iommu_block_t b)
{
    return b >> PAGE_SHIFT;
}

static inline unsigned int iommu_block_order(iommu_block_t b)
{
    return b & (PAGE_SIZE - 1);
}

/* What has to be invalidated for one space. */
struct iommu_flush_req {
    uint16_t did;
    bool tables; /* entries of paging-structure caches too */
    uint8_t nr;  /* blocks in use */
    bool all;    /* everything of did; blocks are not valid */
    iommu_block_t block[IOMMU_FLUSH_BLOCKS];
};

/*
 * How requests of a device look to a unit: requester ids that it may use. The
 * first is the one its interrupts carry.
 */
struct iommu_source {
    sbdf_t sid[3];
    uint8_t nr_sids;
    bool by_bus; /* interrupts: any function of these buses */
    uint8_t bus_first;
    uint8_t bus_last;
};

/*
 * Return values are 0 or -errno. Unless said otherwise a function is called
 * with no lock held, in boot or hypercall context; the vendor has its own
 * locks. -ETIMEDOUT means that a unit did not answer in time: the neutral layer
 * then stops the system once translation is on.
 */
struct iommu_vendor_ops {
    const char *name;

    /*
     * Find and initialise the units: all devices blocked, translation off,
     * fault interrupts on. -ENODEV: none of this vendor.
     */
    int (*setup)(struct iommu_caps *caps);
    /* Start remapping interrupts on every unit, or on none. */
    int (*intremap_start)(void);

    /* Which unit serves a function; -ENODEV: none. */
    int (*unit_of)(sbdf_t s, unsigned int *unit);
    /* Which requester id a unit sees for one; itself unless firmware says. */
    sbdf_t (*shown_as)(unsigned int unit, sbdf_t s);
    /* Hardware parts of a space whose tree exists; s->vendor is theirs. */
    int (*space_init)(struct iospace *s);
    void (*space_fini)(struct iospace *s);
    /*
     * Point one requester id at a space (NULL: pass-through), atomically, and
     * forget what caches hold of its old state. Done on return.
     */
    int (*attach)(unsigned int unit, sbdf_t sid, const struct iospace *s);
    /* Let one requester id reach nothing. Done on return. */
    int (*block)(unsigned int unit, sbdf_t sid);

    /* Start invalidations; the ticket is for flush_wait. Any context. */
    int (*flush_post)(unsigned int unit, const struct iommu_flush_req *f,
                      uint64_t *ticket);
    int (*flush_wait)(unsigned int unit, uint64_t ticket);

    int (*enable)(unsigned int unit);
    void (*disable)(unsigned int unit);

    int (*ire_msi)(unsigned int unit, const struct iommu_source *src,
                   ire_t *ire, const struct intr_route *r, struct msi_msg *msg);
    int (*ire_ioapic)(unsigned int ioapic_id, unsigned int pin, ire_t *ire,
                      const struct intr_route *r, uint64_t *rte);
    int (*ire_hpet)(unsigned int number, ire_t *ire, const struct intr_route *r,
                    struct msi_msg *msg);
    void (*ire_free)(const ire_t *ire);

    /* Registers of a unit as frames, to be kept from guests. */
    void (*registers)(unsigned int unit, uint64_t *first, uint64_t *last);
    /* Print state and remap entries of a unit: debug key. */
    void (*dump)(unsigned int unit);
    /*
     * Print the raw entries that a request for dfn meets: iopt_trace(). Called
     * with no lock, in any context; s may be NULL and is not freed meanwhile.
     */
    void (*print_walk)(unsigned int unit, sbdf_t sid, const struct iospace *s,
                       dfn_t dfn);
};

extern const struct iommu_vendor_ops vtd_ops;
extern const struct iommu_vendor_ops amdvi_ops;

#endif
