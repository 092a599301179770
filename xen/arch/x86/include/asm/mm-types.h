/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page types of PV guests. A frame has one type while its type count is
 * positive; a frame with a table or descriptor type has no writable mapping
 * anywhere, CPU or (strict mode) device:
 *
 *   type is "writable"  <=>  DMA-mapped read/write in its owner's iospace
 *
 * whatever the type count is, for RAM of a domain with iommu_sync. Inside a
 * hypercall PGT_AHEAD and PGT_BUSY mark what is just changing.
 */
#ifndef ASM_MM_TYPES_H
#define ASM_MM_TYPES_H

#include <xen/mm.h>

struct vcpu;

/* page_info.type: */
#define PGT_COUNT       UINT64_C(0x00000000ffffffff) /* references of this type */
#define PGT_VALIDATED   UINT64_C(0x0000000100000000)
#define PGT_PINNED      UINT64_C(0x0000000200000000)
#define PGT_PARTIAL     UINT64_C(0x0000000400000000) /* nr_validated entries done */
#define PGT_BUSY        UINT64_C(0x0000000800000000) /* someone (de)validates */
/* Was mapped writable and not write-back: caches may disagree with memory. */
#define PGT_NONCOHERENT UINT64_C(0x0000001000000000)
/*
 * Writable, but not mapped for devices and not in their caches: it is about to
 * become something else, or has just been. Only inside the hypercall that
 * changes it, see mm-batch.c.
 */
#define PGT_AHEAD       UINT64_C(0x0000002000000000)
#define PGT_TYPE        UINT64_C(0xf000000000000000)
#define PGT_NONE        UINT64_C(0x0000000000000000)
#define PGT_L1          UINT64_C(0x1000000000000000)
#define PGT_L2          UINT64_C(0x2000000000000000)
#define PGT_L3          UINT64_C(0x3000000000000000)
#define PGT_L4          UINT64_C(0x4000000000000000)
#define PGT_SEG         UINT64_C(0x5000000000000000) /* GDT or LDT page */
#define PGT_WRITABLE    UINT64_C(0x7000000000000000)

/* The state of fresh RAM in every mode: writable, no reference. */
#define PGT_FRESH (PGT_WRITABLE | PGT_VALIDATED)

/**
 * page_type_get() - Take a type reference, changing the type if none is held.
 * @pg:   frame on which the caller holds a general reference.
 * @type: PGT_L1 .. PGT_WRITABLE.
 *
 * Order (XSA-401): the new type and reference first, then the flush of CPU TLBs
 * which may hold the old use, then the owner's IOMMU mapping, then validation,
 * which takes references on what a table maps. Others wait on PGT_BUSY.
 * Locks: none held. Context: hypercall or boot, interrupts on.
 * Return: 0; -EINVAL in use as another type, or contents not valid; -EPERM it
 * maps forbidden I/O memory; -ERESTART L2..L4 only: validation was preempted,
 * state is kept, call again; -ENOMEM.
 */
int must_check page_type_get(struct page_info *pg, uint64_t type);

/**
 * page_type_put() - Drop a type reference; a table's last one devalidates it.
 * @pg: the frame. Never preempted: bounded by the subtree; in hypercalls use
 * page_type_put_preempt() for L2 and up.
 * Locks: none held. Context: hypercall or boot, interrupts on.
 */
void page_type_put(struct page_info *pg);

/**
 * page_type_put_preempt() - As page_type_put(), but stops when softirqs wait.
 * @pg: the frame.
 * Locks: as page_type_put(). Context: hypercall, interrupts on.
 * Return: 0, or -ERESTART (the reference is kept, what was done is noted).
 */
int must_check page_type_put_preempt(struct page_info *pg);

/**
 * page_get_and_type() - Take a general and a type reference together.
 * @mfn: any number. @d: the owner it must have. @type: PGT_L1 .. PGT_WRITABLE.
 * Locks: as page_type_get(). Context: hypercall or boot, interrupts on.
 * Return: 0; -EINVAL no RAM, or not @d's; else as page_type_get(). On error no
 * reference is held.
 */
int must_check page_get_and_type(mfn_t mfn, struct domain *d, uint64_t type);

/**
 * page_put_and_type() - Drop a type and a general reference.
 * @pg: the frame; not to be used by the caller any more.
 * Locks: as page_type_put(), then as page_put(). Context: hypercall or boot,
 * interrupts on.
 */
void page_put_and_type(struct page_info *pg);

/**
 * pv_new_l4() - MMUEXT_NEW_BASEPTR and friends: make a frame the vCPU's kernel
 * (or user) L4, dropping the old reference.
 * @v: current, or a vCPU not running. @mfn: candidate. @user: which of the two;
 * then frame 0 means none.
 *
 * For the current vCPU the L4 in use is loaded at once, even if it is the same.
 * Locks: none. Context: hypercall.
 * Return: 0; -EINVAL not the domain's or not a valid L4; -EPERM, -ENOMEM as
 * page_type_get(); -ERESTART call again with the same frame.
 */
int must_check pv_new_l4(struct vcpu *v, mfn_t mfn, bool user);

/**
 * pv_page_freed() - The last general reference of a domain's page goes away:
 * flush CPU TLBs that may hold it (by tlb_stamp), unmap it from the IOMMU if its
 * type is writable, clear the type.
 * @pg: the frame, count 0. @d: its owner. Waits for PGT_BUSY, see mm-batch.c.
 * Locks: may take those of the owner's iospace. Context: from page_put(),
 * interrupts on.
 */
void pv_page_freed(struct page_info *pg, struct domain *d);

/**
 * pv_domain_release_pages() - Tear down: unpin, drop base pointers, give up all
 * pages of a dying domain.
 * @d: d->dying is set, none of its vCPUs runs.
 * Locks: takes d->page_lock. Context: domctl.
 * Return: 0 when nothing is left, -ERESTART.
 */
int must_check pv_domain_release_pages(struct domain *d);

/**
 * pv_adopt_tables() - Make tables that Dom0's builder wrote with plain stores
 * the domain's: type and validate everything below an L4 and pin it.
 * @d: domain that owns all the frames. @l4: its L4; not yet typed or pinned.
 *
 * Entries may hold adjusted bits already. Every table frame must be mapped
 * read-only, if at all, by the tables themselves.
 * Locks: none. Context: boot. Return: 0, -EINVAL, -ENOMEM.
 */
int must_check pv_adopt_tables(struct domain *d, mfn_t l4);

/**
 * pv_write_l1() - Replace an L1 entry: mmu_update, va_mapping, grants.
 * @slot: the entry, direct-map pointer inside an L1-typed page with reference.
 * @val: the guest's new entry, untrusted. @pt_owner: owner of the table.
 * @pg_dom: owner the target must have; NULL: I/O memory only.
 * @preserve_ad: keep accessed/dirty bits of the live entry.
 *
 * The slot owns one general reference on a RAM target, and a writable type
 * reference if it is writable; both are taken and dropped here. No TLB flush.
 * Locks: none held; none is needed, as the slot changes by compare-exchange.
 * Context: hypercall or trap, interrupts on.
 * Return: 0; -EINVAL bad bits or target; -EPERM I/O memory not permitted;
 * -ENOMEM. On error the slot is unchanged.
 */
int must_check pv_write_l1(uint64_t *slot, uint64_t val,
                           struct domain *pt_owner, struct domain *pg_dom,
                           bool preserve_ad);

/**
 * pv_cas_l1() - As pv_write_l1() for the domain's own pages, if the entry still
 * is what the caller computed the new one from.
 * @slot: as pv_write_l1(). @old: expected entry. @val: the new entry, untrusted.
 * @d: owner of the table and of the target.
 * Locks: as pv_write_l1(). Context: hypercall or trap, interrupts on.
 * Return: as pv_write_l1(), or -EAGAIN when the entry differs from @old.
 */
int must_check pv_cas_l1(uint64_t *slot, uint64_t old, uint64_t val,
                         struct domain *d);

/**
 * pv_l1_slot_get() - Walk the current vCPU's kernel tables to an L1 slot.
 * @va: guest virtual address, any value. @table: the L1's record, with general
 * and type reference; release with page_put_and_type(). Unchanged on failure.
 * Locks: none. Context: hypercall or trap. Return: the slot, NULL if absent.
 */
uint64_t *pv_l1_slot_get(uint64_t va, struct page_info **table);

/**
 * pv_l1_adjust() - What an entry becomes when it enters an L1: user pages for
 * all, no global leaves. Idempotent; absent entries stay as they are.
 * @d: owner of the table. @entry: the guest's. Locks: none. Context: any.
 * Return: the entry to store.
 */
uint64_t pv_l1_adjust(const struct domain *d, uint64_t entry);

/**
 * pv_table_adjust() - As pv_l1_adjust() for entries of an L2 to L4.
 * @entry: the guest's. Locks: none. Context: any. Return: the entry to store.
 */
uint64_t pv_table_adjust(uint64_t entry);

#define PV_AHEAD_MAX 1018 /* ours: pages that share a flush; 4 KiB a CPU */

/**
 * pv_ahead_frames() - Take frames that are about to be given up out of their
 * owner's devices' reach, with one flush. A hint: those that are in use, or not
 * the owner's, are left as they are.
 * @d: the owner. @next: the next frame, any number; called at most @nr times.
 * @arg: for it. @nr: how many there are, at least 1.
 *
 * Begins with pv_batch_end(), and needs one before the hypercall ends and before
 * @d is put.
 * Locks: PGT_BUSY of the frames, the space's. Context: hypercall.
 * Flush: done. Return: how many were asked for, 1..@nr, at most PV_AHEAD_MAX.
 */
uint64_t pv_ahead_frames(struct domain *d, mfn_t (*next)(void *arg), void *arg,
                         uint64_t nr);

/**
 * pv_batch_end() - End what the current vCPU put together: pages still marked
 * PGT_AHEAD are mapped, with one flush.
 * Locks: waits for PGT_BUSY, takes the space's. Context: hypercall, holding no
 * PGT_BUSY; at its end, and before it stops to be continued.
 */
void pv_batch_end(void);

/* MMIO frames that are never writable for guests (MSI-X tables, MMCFG, IO-APIC). */
extern struct rangeset *mmio_ro_ranges;

/**
 * pv_grant_map_pte() - Enter a granted frame into the current domain's tables.
 * @addr:    virtual address, or machine address of the entry if @flags says so;
 *           any value.
 * @flags:   GNTMAP_* of the guest: contains_pte, application_map, readonly, and
 *           spare bits for the entry.
 * @mfn:     the frame. @granter: owner it must have.
 *
 * The entry takes references of its own, as any other: see pv_write_l1(). What
 * was there is released. Locks: none. Context: hypercall.
 * Return: 0; -ENOENT no L1 entry there; -EINVAL, -EPERM, -ENOMEM.
 */
int must_check pv_grant_map_pte(uint64_t addr, uint32_t flags, mfn_t mfn,
                                struct domain *granter);

/**
 * pv_grant_unmap_pte() - Clear an entry if it maps a certain frame.
 * @addr, @flags: as given to pv_grant_map_pte(). @mfn: what must be mapped.
 * Locks: none. Context: hypercall. Flush: the domain's TLBs, by the caller.
 * Return: 0; -ENOENT no L1 entry there; -EINVAL it maps something else.
 */
int must_check pv_grant_unmap_pte(uint64_t addr, uint32_t flags, mfn_t mfn);

/**
 * pv_grant_replace_pte() - As pv_grant_unmap_pte(), by virtual address, but the
 * entry of another address moves there.
 * @va: where the grant is mapped. @new_va: whose entry moves; 0: none does.
 * @mfn: what @va must map.
 * Locks: none. Context: hypercall. Flush: the domain's TLBs, by the caller.
 * Return: 0; -ENOENT one has no L1 entry; -EINVAL, -EPERM, -ENOMEM.
 */
int must_check pv_grant_replace_pte(uint64_t va, uint64_t new_va, mfn_t mfn);

#endif
