/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by dom-iommu*.c: what a domain with a space has besides. */
#ifndef DOM_IOMMU_PRIV_H
#define DOM_IOMMU_PRIV_H

#include <xen/addr.h>
#include <xen/spinlock.h>
#include <xen/timer.h>

struct domain;
struct iommu_gather;
struct iospace;
struct rangeset;

#define FOREIGN_BUCKETS 64 /* ours: grants mapped at a time are hundreds */

/* A frame of someone else's that the domain has mapped. */
struct foreign {
    struct foreign *next;
    uint64_t mfn;
    uint32_t readers; /* read-only mappings */
    uint32_t writers; /* writable ones */
};

struct dom_iommu {
    uint16_t id;
    struct iospace *space;
    spinlock_t lock; /* guards foreign and the mappings it stands for */
    struct foreign *foreign[FOREIGN_BUCKETS];
    struct rangeset *identity_rw; /* frames mapped 1:1; constant after boot */
    struct rangeset *identity_ro;
    struct timer settle;
    uint32_t settling; /* 1 while the timer is armed; atomic */
};

/* NULL for a domain without a space. Locks: none. Context: any. */
struct dom_iommu *dom_iommu_state(const struct domain *d);

/* Forget all foreign frames. Context: the space is about to go. */
void dom_iommu_foreign_clear(struct dom_iommu *st);

/* Is a frame mapped as foreign, and how (IOMMU_R/W; 0: no)? */
unsigned int dom_iommu_foreign_prot(struct dom_iommu *st, uint64_t mfn);

/* Is any frame of first..last RAM of the memory map? */
bool dom_iommu_is_ram(uint64_t first, uint64_t last);

/**
 * dom0_map_identity() - Compute Dom0's identity ranges by the options and map
 * them. @d: Dom0. @st: its state; the sets are filled. @g: collects debts.
 * Locks: the space's. Context: boot. Return: 0, -ENOMEM.
 */
int must_check dom0_map_identity(struct domain *d, struct dom_iommu *st,
                                 struct iommu_gather *g);

/* Register debug keys. Context: boot. */
void dom_iommu_keys(void);

#endif
