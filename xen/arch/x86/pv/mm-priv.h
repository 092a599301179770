/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the PV MMU share.
 *
 * Waiting rule, which is what keeps page types free of dead-locks: the only
 * thing anyone waits for is PGT_BUSY of one page. Who holds PGT_BUSY on a table
 * of level n waits, if at all, for pages typed as level n - 1 or as writable; a
 * busy page of any other type is refused. So every chain of waiters descends,
 * and a table that maps itself is an error, not a hang. PGT_BUSY with a type
 * count of 0 is a writable page whose holder waits for nothing. Nobody who holds
 * PGT_BUSY drops the last reference of a page that has work left to undo:
 * PGT_PARTIAL holds a general reference of its own. mm-batch.c holds PGT_BUSY of
 * many writable pages at a time and of no other, takes each only if it is free,
 * and waits for nothing but the IOMMUs. It needs no reference: a page is freed
 * only when it is not busy, and with count 0 nobody takes it.
 */
#ifndef PV_MM_PRIV_H
#define PV_MM_PRIV_H

#include <xen/domain.h>

#include <asm/current.h>
#include <asm/mm-types.h>
#include <asm/page.h>

/* May a long operation stop when softirqs wait? */
enum mm_preempt { MM_RUN_ON, MM_PREEMPT };

static inline unsigned int mm_level(uint64_t type)
{
    return (unsigned int)FIELD_GET(PGT_TYPE, type);
}

static inline bool mm_is_table(uint64_t type)
{
    return mm_level(type) >= 1 && mm_level(type) <= 4;
}

/* RAM that has an owner to ask; anything else is I/O memory for guests. */
static inline bool mm_is_ram(mfn_t m)
{
    return mfn_valid(m) && mfn_to_page(m)->owner != DOMID_IO;
}

/**
 * mm_contents_take() - Check the contents of a frame of new type L1..L4 or
 * segment descriptors, and take the references its entries need.
 * @pg: PGT_BUSY is the caller's. nr_validated says where L2..L4 continue.
 * @owner: of the frame. @type: PGT_L1..PGT_SEG. @preempt: L2..L4 may stop.
 * Locks: see above. Context: hypercall or boot.
 * Return: 0; -EINVAL, -EPERM, -ENOMEM; -ERESTART. On any error entries below
 * nr_validated hold their references, the others none (L1: none hold any).
 */
int must_check mm_contents_take(struct page_info *pg, struct domain *owner,
                                uint64_t type, enum mm_preempt preempt);

/**
 * mm_contents_drop() - Undo mm_contents_take() from nr_validated downwards.
 * @pg, @type, @preempt: as there.
 * Locks: see above. Context: as there. Return: 0 or -ERESTART.
 */
int must_check mm_contents_drop(struct page_info *pg, uint64_t type,
                                enum mm_preempt preempt);

/**
 * mm_write_table() - Replace an entry of an L2..L4.
 * @pg: the table, with type reference. @idx: slot. @val: untrusted.
 * @owner: of the table and of what it may map.
 * Locks: none. Context: hypercall.
 * Return: 0; -EINVAL, -EPERM, -ENOMEM; -ERESTART (slot unchanged, try again).
 */
int must_check mm_write_table(struct page_info *pg, unsigned int idx,
                              uint64_t val, struct domain *owner);

/**
 * mm_put_parked() - As page_put_and_type() for tables of any size: what cannot
 * be done now is parked in the current vCPU, see mm_finish_parked().
 * @pg: the page. Locks: none. Context: hypercall.
 */
void mm_put_parked(struct page_info *pg);

/**
 * mm_finish_parked() - Go on with what mm_put_parked() left to do.
 * Locks: none. Context: hypercall, before it does anything else.
 * Return: 0 nothing is parked any more, -ERESTART let the hypercall continue.
 */
int must_check mm_finish_parked(void);

/**
 * mm_table_ref() - One more type reference on a table in use, of any level.
 * @pg: the caller has a general reference. @type: what it is, on success.
 * Locks: waits for PGT_BUSY. Context: hypercall or trap, holding no PGT_BUSY.
 * Return: false if it is not a validated table.
 */
bool must_check mm_table_ref(struct page_info *pg, uint64_t *type);

/**
 * mm_l1_get() - Reference a frame as an L1 table of the current domain.
 * @mfn: mfn_valid(). @table: its record with a general and a type reference, to
 * be released with page_put_and_type(); unchanged on failure.
 * Locks: waits for PGT_BUSY. Context: hypercall or trap, holding no PGT_BUSY.
 * Return: false if it is not one.
 */
bool must_check mm_l1_get(mfn_t mfn, struct page_info **table);

/*
 * Put together by the hypercall that a CPU is in, which does not leave it before
 * its end or continuation; empty in between. See mm-batch.c.
 */
struct mm_batch {
    struct domain *d; /* of the pages */
    uint64_t holders; /* of a page that may be taken, PAGE_COUNT apart */
    unsigned int nr;
    uint32_t mfn[PV_AHEAD_MAX]; /* may be freed and in other hands by now */
};
static_assert(sizeof(struct mm_batch) == 4096, "quick to find");

extern struct mm_batch mm_batches[MAX_CPUS];

/* This CPU's. Its address is computed once, whatever the compiler thinks. */
static always_inline struct mm_batch *mm_batch(void)
{
    struct mm_batch *b = &mm_batches[smp_cpu_id()];

    __asm__("" : "+r"(b));
    return b;
}

/**
 * mm_leave_devices() - A writable page becomes a table: take it, and in a list
 * of pins what is about to become one with it, out of the devices' reach with
 * one flush. What of the others does not is mapped again by pv_batch_end().
 * @d: the owner, with iommu_sync. @pg: the frame; PGT_BUSY is the caller's.
 * @type: what it becomes.
 * Locks: PGT_BUSY of many pages, the space's. Context: boot or hypercall; looks
 * at PV_AHEAD_MAX tables at most. Flush: done.
 * Return: 0, -ERANGE, -ETIMEDOUT.
 */
int must_check mm_leave_devices(struct domain *d, struct page_info *pg,
                                uint64_t type);

/**
 * mm_batch_begins() - For mm_map_later(): should a frame begin a batch?
 * @b: this CPU's, empty. @d: the owner. Locks: none. Context: as there.
 * Return: true inside a multicall that is worth it; @b is @d's then.
 */
bool must_check mm_batch_begins(struct mm_batch *b, const struct domain *d);

/**
 * mm_map_later() - A frame becomes writable: leave it to pv_batch_end() to map
 * it for devices, together with others of a multicall.
 * @d: the owner, with iommu_sync. @pg: the frame; PGT_BUSY is the caller's.
 * Locks: none. Context: boot or hypercall.
 * Return: true, then the caller marks it PGT_AHEAD; false: it is on its own.
 */
static inline bool must_check mm_map_later(const struct domain *d,
                                           const struct page_info *pg)
{
    struct mm_batch *const b = mm_batch();

    if (unlikely(b->nr == 0) ? !mm_batch_begins(b, d)
                             : b->d != d || b->nr == PV_AHEAD_MAX) {
        return false;
    }
    b->mfn[b->nr++] = (uint32_t)page_to_mfn(pg).n;
    return true;
}

/**
 * mm_foreign_get() - The domain a hypercall names as owner of frames.
 * @id: guest's, DOMID_SELF or an id; DOMID_IO gives NULL and success, DOMID_XEN
 * what owns the frames of ours that the control domain may read.
 * @out: release by mm_foreign_put(); the caller's own takes no reference.
 * Locks: domain list. Context: hypercall. Return: 0, -ESRCH, -EPERM.
 */
int must_check mm_foreign_get(domid_t id, struct domain **out);

static inline void mm_foreign_put(struct domain *d)
{
    if (d && d != current->domain && d->id != DOMID_XEN) {
        dom_put(d);
    }
}

/**
 * mm_read_vcpumask() - A guest's bitmap of vCPUs as the CPUs to flush.
 * @gva: guest address of at least max_vcpus bits. @out: the CPUs.
 * Locks: none. Context: hypercall. Return: 0, -EFAULT.
 */
int must_check mm_read_vcpumask(uint64_t gva, cpumask_t *out);

/*
 * Continuation of the two batch calls: bit 31 of the count says that this is
 * not the first try. Ours: what the guest sees of it is only its own register.
 */
#define MM_PREEMPTED UINT32_C(0x80000000)

#endif
