/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by dom-iommu*.c: what a domain with a space has besides. */
#ifndef DOM_IOMMU_PRIV_H
#define DOM_IOMMU_PRIV_H

#include <xen/addr.h>
#include <xen/spinlock.h>
#include <xen/timer.h>

#include "dom-iommu-sets.h"

struct domain;
struct iommu_gather;
struct iospace;

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
    spinlock_t lock; /* guards foreign, identity and the mappings of both */
    struct foreign *foreign[FOREIGN_BUCKETS];
    struct identity_sets identity; /* frames mapped 1:1, Dom0's; lock */
    struct timer settle;
    uint32_t settling; /* 1 while the timer is armed; atomic */
};

/**
 * dom_iommu_state() - A domain's state. @d: the domain.
 * Locks: none. Context: any. Return: NULL for a domain without a space.
 */
struct dom_iommu *dom_iommu_state(const struct domain *d);

/**
 * dom_iommu_foreign_clear() - Forget all foreign frames. @st: the state.
 * Locks: none. Context: the space is about to go.
 */
void dom_iommu_foreign_clear(struct dom_iommu *st);

/**
 * dom_iommu_foreign_prot() - Is a frame mapped as foreign, and how?
 * @st: the state. @mfn: the frame. Locks: takes the state's. Context: any but
 * interrupt. Return: IOMMU_R/W, 0: it is not.
 */
unsigned int dom_iommu_foreign_prot(struct dom_iommu *st, uint64_t mfn);

/**
 * dom_iommu_is_ram() - Is any of some frames RAM of the memory map?
 * @first, @last: frames, inclusive. Locks: none. Context: any. Return: true if.
 */
bool dom_iommu_is_ram(uint64_t first, uint64_t last);

/**
 * dom0_map_identity() - Compute Dom0's identity ranges by the options and map
 * them. @d: Dom0. @st: its state; the sets are filled. @g: collects debts.
 * Locks: the space's. Context: boot. Return: 0, -ENOMEM.
 */
int must_check dom0_map_identity(struct domain *d, struct dom_iommu *st,
                                 struct iommu_gather *g);

/**
 * dom_iommu_print_types() - One line: how many pages of each type it has.
 * @d: a domain that does not run. Locks: none. Context: boot; visits every
 * frame of the machine.
 */
void dom_iommu_print_types(const struct domain *d);

/**
 * dom_iommu_keys() - Register debug keys o, O and V.
 * Locks: the key lock. Context: boot.
 */
void dom_iommu_keys(void);

#endif
