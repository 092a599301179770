/* SPDX-License-Identifier: GPL-2.0 */
/*
 * 16-byte entries that hardware reads while we change them: replaced in one
 * store, so that it never sees a mix of old and new. Owns nothing.
 */
#ifndef PT_IOMMU_ENTRY_H
#define PT_IOMMU_ENTRY_H

#include <xen/atomic.h>

struct iommu_entry128 {
    uint64_t lo;
    uint64_t hi;
} aligned_to(16);

/**
 * iommu_entry_swap() - Replace an entry by a new one in a single store.
 * @e: the entry, in memory hardware reads. @lo, @hi: its new contents.
 * Locks: whatever guards the entry. Context: any. Return: what was there.
 */
static inline struct iommu_entry128 iommu_entry_swap(
    volatile struct iommu_entry128 *e, uint64_t lo, uint64_t hi)
{
    struct iommu_entry128 old = { e->lo, e->hi };

    while (!atomic_cas2(e, &old.lo, &old.hi, lo, hi)) {
    }
    return old;
}

#endif
