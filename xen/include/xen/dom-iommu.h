/* SPDX-License-Identifier: GPL-2.0 */
/* Where domains meet their IOMMU space. Layer L6: xen/common/dom-iommu.c. */
#ifndef XEN_DOM_IOMMU_H
#define XEN_DOM_IOMMU_H

#include <xen/addr.h>
#include <xen/iommu-gather.h>
#include <xen/types.h>

struct domain;

/**
 * dom_iommu_init() - Give a domain that may get devices a space of its own.
 * @d: not Dom0, without memory. Locks: none. Context: domctl.
 * Return: 0, -ENODEV no IOMMU in use, -ENOMEM.
 */
int must_check dom_iommu_init(struct domain *d);

/**
 * dom_iommu_destroy() - Take a domain's space away; harmless without one.
 * @d: dying, its devices detached. Its pages may be freed before or after.
 * Locks: none. Context: domctl.
 */
void dom_iommu_destroy(struct domain *d);

/**
 * dom_iommu_map_ram() - DMA-map a domain's own frames read/write (dfn = mfn).
 * @d: a domain with iommu_sync, else no effect. @mfn, @nr: the run.
 * Flushes what it owes, except while Dom0 is being built (once at the end).
 * Locks: the space's. Context: boot or hypercall. Return: 0, -ENOMEM.
 */
int must_check dom_iommu_map_ram(struct domain *d, mfn_t mfn, uint64_t nr);

/**
 * dom_iommu_unmap_ram() - The reverse; cannot fail for lack of memory.
 * @d: as dom_iommu_map_ram(). @mfn, @nr: the run. @cause: for the counters.
 * Locks: the space's. Context: boot or hypercall. Flush: done on return.
 * Return: 0, -ERANGE, -ETIMEDOUT.
 */
int must_check dom_iommu_unmap_ram(struct domain *d, mfn_t mfn, uint64_t nr,
                                   enum iommu_cause cause);

/**
 * dom_iommu_map_list() - As dom_iommu_map_ram() for single frames.
 * @d: as there, not while Dom0 is being built. @frame, @nr: the frames.
 * @done: how many of them are mapped, also on error.
 * Locks: the space's. Context: hypercall. Flush: done. Return: 0, -ENOMEM.
 */
int must_check dom_iommu_map_list(struct domain *d, const uint32_t *frame,
                                  unsigned int nr, unsigned int *done);

/**
 * dom_iommu_unmap_list() - As dom_iommu_unmap_ram() for single frames.
 * @d, @cause: as there. @frame, @nr: the frames.
 * Locks: the space's. Context: hypercall. Flush: done on return, one for all.
 * Return: as there.
 */
int must_check dom_iommu_unmap_list(struct domain *d, const uint32_t *frame,
                                    unsigned int nr, enum iommu_cause cause);

/**
 * dom_iommu_map_gather() - As dom_iommu_map_ram(), the flush put off until
 * dom_iommu_flush(): what is owed only delays when devices see the frames.
 * @d: as there, not while Dom0 is being built. @mfn, @nr: the run.
 * @g: iommu_gather_init() before the first call.
 * Locks: the space's. Context: hypercall. Flush: what @g says.
 * Return: 0, -ENOMEM.
 */
int must_check dom_iommu_map_gather(struct domain *d, mfn_t mfn, uint64_t nr,
                                    struct iommu_gather *g);

/**
 * dom_iommu_unmap_gather() - As dom_iommu_unmap_ram(), the flush put off: for a
 * batch of pages that all change type. None of them may be relied on not to be
 * written by a device before dom_iommu_flush() returned.
 * @d, @mfn, @nr: as there. @g: IOMMU_GATHER_INIT before the first call.
 * Locks: the space's. Context: hypercall. Return: as there.
 */
int must_check dom_iommu_unmap_gather(struct domain *d, mfn_t mfn, uint64_t nr,
                                      struct iommu_gather *g);

/**
 * dom_iommu_flush() - End such a batch; no effect on an empty one.
 * @d: the domain. @g: its gather, empty afterwards.
 * Locks: the space's. Context: hypercall. Return: 0, -ETIMEDOUT.
 */
int must_check dom_iommu_flush(struct domain *d, struct iommu_gather *g);

/**
 * dom_iommu_map_foreign() - @d mapped a grant or other page of someone else's.
 * @d: the mapper. @mfn: the frame. @writable: how.
 *
 * Counted per frame: its devices may write as long as some mapping may. No
 * effect on @d's own frames and without iommu_sync.
 * Locks: its foreign lock, the space's. Context: hypercall. Flush: done.
 * Return: 0, -ENOMEM, -ENOSPC counted too often, -EEXIST mapped otherwise.
 */
int must_check dom_iommu_map_foreign(struct domain *d, mfn_t mfn,
                                     bool writable);

/**
 * dom_iommu_unmap_foreign() - A mapping that was counted is gone.
 * @d: the mapper. @mfn: the frame. @writable: how it was mapped.
 * Locks: its foreign lock, the space's. Context: hypercall. Flush: done.
 */
void dom_iommu_unmap_foreign(struct domain *d, mfn_t mfn, bool writable);

/**
 * dom0_iommu_init() - Give Dom0 its space by the options; before its memory is
 * allocated. @d: Dom0. Locks: none. Context: boot. Return: 0, -ENOMEM.
 */
int must_check dom0_iommu_init(struct domain *d);

/**
 * dom0_iommu_finish() - Memory is in place: map identity ranges, attach all
 * devices, flush once, enable translation, print the summary line.
 * @d: Dom0. Locks: the space's. Context: boot.
 * Return: 0, -ENOMEM, -ETIMEDOUT, or what a conflicting range gave.
 */
int must_check dom0_iommu_finish(struct domain *d);

/**
 * dom0_iommu_follow_read_only() - mmio_ro_ranges changed (an MSI-X table was
 * taken over or given back): what Dom0's devices may write follows.
 * @first, @last: the frames, inclusive. No effect on what the mode does not map.
 * Locks: Dom0's state's, the space's. Context: hypercall. Flush: done.
 * Return: 0, -ENOMEM (frames may have stayed writable), -ETIMEDOUT.
 */
int must_check dom0_iommu_follow_read_only(uint64_t first, uint64_t last);

/**
 * dom_iommu_sweep() - Compare every page's type with the live table.
 * Prints each mismatch and a closing line "iommu sweep: d0: N pages, M
 * mismatches". @d: the domain. Locks: the space's, for 1 GiB at a time.
 * Context: debug key. Return: number of mismatches.
 */
uint64_t dom_iommu_sweep(struct domain *d);

#endif
