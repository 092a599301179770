/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Machine memory: one 32-byte record per frame, a buddy allocator for our own
 * use and for domains, reference counts.
 *
 * A frame's owner holds one reference (PAGE_ALLOCATED) until it gives the frame
 * up; each use adds one. When the last goes, the frame is free. Types (what a PV
 * guest may do with a frame) are counted apart: <asm/mm-types.h>.
 */
#ifndef XEN_MM_H
#define XEN_MM_H

#include <xen/addr.h>
#include <xen/atomic.h>
#include <xen/spinlock.h>
#include <xen/xmalloc.h>

#define PAGE_LIST_NONE UINT32_MAX /* no frame has this number: RAM < 16 TiB */

struct page_info {
    uint64_t type; /* type, flags and type count; <asm/mm-types.h> */
    union {
        struct {
            uint32_t count; /* PAGE_* flags and reference count */
            uint16_t owner; /* domain id, or DOMID_INVALID when nobody's */
            uint16_t nr_validated; /* entries done of a partial table */
        };
        uint64_t holders; /* all of these, to be compared with the type */
    };
    uint32_t next; /* domain's page list or free list */
    uint32_t prev;
    union {
        uint32_t order;     /* free block's head: its order */
        uint32_t tlb_stamp; /* domain page: tlb_clock() at last type drop */
    };
    uint32_t spare; /* free: address bits zone; IOMMU table: its domain */
} aligned_to(16);
static_assert(sizeof(struct page_info) == 32, "frame table size");

#define PAGE_ALLOCATED UINT32_C(0x80000000) /* the owner's reference */
#define PAGE_HYP       UINT32_C(0x40000000) /* ours, shared with its owner */
#define PAGE_FREE      UINT32_C(0x20000000) /* head of a free block */
#define PAGE_COUNT     UINT32_C(0x0fffffff) /* references */
/* page_info.holders: PAGE_* are in its low half. */
#define PAGE_OWNER     UINT64_C(0x0000ffff00000000)

struct page_list {
    uint32_t first;
    uint32_t last;
    uint64_t nr;
};
#define PAGE_LIST_INIT                    \
    {                                     \
        PAGE_LIST_NONE, PAGE_LIST_NONE, 0 \
    }

extern uint64_t total_frames; /* frames of RAM we manage, in use or not */
extern uint64_t max_mfn;      /* highest RAM frame + 1 */

/* Frame table; only frames for which mfn_valid() may be looked up. */
#include <port/frame-table.h>

/**
 * page_list_add_tail() - Put a frame at the end of a list.
 * @l: the list. @pg: a frame on no list.
 * Locks: the list's is held. Context: any.
 */
void page_list_add_tail(struct page_list *l, struct page_info *pg);

/**
 * page_list_del() - Take a frame off its list.
 * @l: the list. @pg: a frame on it.
 * Locks: the list's is held. Context: any.
 */
void page_list_del(struct page_list *l, struct page_info *pg);

/**
 * page_list_pop() - Take the first frame off a list.
 * @l: the list.
 * Locks: the list's is held. Context: any. Return: NULL if the list is empty.
 */
struct page_info *page_list_pop(struct page_list *l);

#define ALLOC_ANY_BITS 64

/**
 * pg_alloc() - Allocate frames for the hypervisor itself.
 * @order: log2 of the number of contiguous, naturally aligned frames.
 * @bits:  machine addresses must fit in this many bits; ALLOC_ANY_BITS: any.
 *
 * Contents are undefined. count is 1, owner DOMID_INVALID, type 0.
 * Locks: takes the heap lock, irq-safe. Context: any but NMI.
 * Return: the first frame's record, or NULL when there is no such block.
 */
struct page_info *pg_alloc(unsigned int order, unsigned int bits);

/**
 * pg_free() - Give frames of pg_alloc() back.
 * @pg: first frame. @order: as allocated (or any split of it).
 * Locks: heap lock. Context: any but NMI.
 */
void pg_free(struct page_info *pg, unsigned int order);

/**
 * pg_alloc_zeroed() - Allocate one zeroed frame, by address.
 * Locks: takes the heap lock, irq-safe. Context: any but NMI.
 * Return: its direct-map address, or NULL when out of memory.
 */
void *pg_alloc_zeroed(void);

/**
 * pg_free_va() - Give a frame back by its address.
 * @va: direct-map address of a frame of pg_alloc(0) or pg_alloc_zeroed().
 * Locks: takes the heap lock, irq-safe. Context: any but NMI.
 */
void pg_free_va(void *va);

/**
 * pg_free_total() - Free frames now. Locks: none. Context: any.
 * Return: number of 4K frames.
 */
uint64_t pg_free_total(void);

struct domain;

/**
 * dom_alloc_pages() - Allocate frames and make a domain their owner.
 * @d:     the domain; its page count and limit are checked and charged.
 * @order: log2 of the number of frames.
 * @bits:  as pg_alloc().
 *
 * Each frame starts with count PAGE_ALLOCATED | 1 and type 0, on d->pages. The
 * contents are zeroed unless @d is Dom0 being built. M2P is not touched.
 * Locks: takes d->page_lock and the heap lock. Context: boot or hypercall.
 * Return: first frame's record, or NULL (limit reached or out of memory).
 */
struct page_info *dom_alloc_pages(struct domain *d, unsigned int order,
                                  unsigned int bits);

/**
 * page_share_with() - Let a guest map one of our own frames (shared info, grant
 * table). The frame gets @d as owner, PAGE_HYP, one reference that is ours, and
 * a permanent writable type; it never appears in d->pages or in the IOMMU.
 * @pg: from pg_alloc(0). @d: the domain. Locks: none. Context: any.
 */
void page_share_with(struct page_info *pg, struct domain *d);

/**
 * page_get() - Take a reference if the frame belongs to a domain.
 * @pg: any valid frame. @d: the owner it must have.
 * Locks: none. Context: any. Return: false if it is not (or no longer) @d's,
 * or its count is at the limit.
 */
bool must_check page_get(struct page_info *pg, const struct domain *d);

/**
 * page_put_last() - The part of page_put() that frees.
 * @pg: the frame. @left: its count, without a reference.
 * Locks: as page_put(). Context: page_put() only.
 */
void page_put_last(struct page_info *pg, uint32_t left);

/**
 * page_put() - Drop a reference; the last one frees the frame (and unmaps it
 * from its owner's IOMMU tables, pv_page_freed()).
 * @pg: the frame. Locks: may take d->page_lock, heap lock. Context: not NMI.
 */
static inline void page_put(struct page_info *pg)
{
    const uint32_t left = atomic_sub(&pg->count, 1);

    /* None left, or one less than none. */
    if (unlikely(((left + 1) & PAGE_COUNT) <= 1)) {
        page_put_last(pg, left);
    }
}

/**
 * page_get_id() - As page_get(), by the owner's number and without a call.
 * @pg: any valid frame. @owner: whose it must be.
 * Locks: none. Context: any. Return: as page_get().
 */
static inline bool must_check page_get_id(struct page_info *pg, uint16_t owner)
{
    uint32_t c;

    /* Frames that are ours must not see even a passing reference. */
    if (read_once(pg->owner) != owner) {
        return false;
    }
    c = read_once(pg->count);
    do {
        if (!(c & PAGE_COUNT) || (c & PAGE_FREE) ||
            (c & PAGE_COUNT) == PAGE_COUNT) {
            return false;
        }
    } while (!atomic_cas(&pg->count, &c, c + 1));
    /* The reference keeps the owner from changing. */
    if (likely(read_once(pg->owner) == owner)) {
        return true;
    }
    page_put(pg);
    return false;
}

/**
 * page_put_alloc() - The owner gives the frame up: clears PAGE_ALLOCATED once
 * and drops that reference.
 * @pg: the frame. Locks: as page_put(). Context: hypercall.
 * Return: false if it was already given up.
 */
bool page_put_alloc(struct page_info *pg);

/*
 * M2P: what a guest sees as the frame number of a machine frame. m2p_slot() is
 * writable; only for frames with mfn_valid().
 */
#define M2P_INVALID (~UINT64_C(0))
static inline uint64_t *m2p_slot(mfn_t m)
{
    return frame_m2p + m.n;
}

#endif
