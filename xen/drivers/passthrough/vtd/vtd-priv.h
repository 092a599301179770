/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VT-d unit and what the files of this folder offer each other.
 *
 * Locks, all irq-safe, outermost first: irt_lock (remap entries), ctx_lock
 * (root and context tables), reg_lock (GCMD), qi_lock (queue). The unit list is
 * constant after probing.
 */
#ifndef VTD_PRIV_H
#define VTD_PRIV_H

#include <xen/acpi.h>
#include <xen/mmio.h>
#include <xen/page-pool.h>
#include <xen/spinlock.h>

#include "../iommu-entry.h"
#include "../iommu-priv.h"
#include "vtd-regs.h"

/* Ours: no limit in the manual; see docs on what follows a time-out. */
#define VTD_CMD_TIMEOUT_NS   UINT64_C(100000000)  /* 100 ms */
#define VTD_FLUSH_TIMEOUT_NS UINT64_C(1000000000) /* 1 s */

#define VTD_QI_SLOTS  256u /* one page of 16-byte descriptors */
#define VTD_QI_BATCH  (IOMMU_FLUSH_BLOCKS + 4u) /* ours: posted in one go */
#define VTD_IRT_ORDER 4u /* ours: 64 KiB of remap entries */
#define VTD_IRT_SLOTS ((4096u << VTD_IRT_ORDER) / 16u)
#define VTD_DID_NONE  0u /* caching mode tags absent entries with it */
#define VTD_DID_PASS  1u /* ours: every passed-through device */
#define VTD_DID_FIRST 2u

static_assert(VTD_QI_SLOTS >= 4 * VTD_QI_BATCH, "a few batches fit");

/* Things a unit does that its capabilities do not say; see vtd-quirk.c. */
#define VTD_QUIRK_RWBF  1u /* write buffer needs flushing after all */
#define VTD_QUIRK_NO_IR 2u /* interrupt remapping does not work */

struct vtd_unit {
    char name[8];       /* "vtd0" */
    unsigned int index; /* number to the neutral layer */
    const struct dmar_unit *drhd;
    mmio_t regs;
    uint64_t cap;
    uint64_t ecap;
    uint32_t ver;
    uint32_t quirks;
    uint16_t frcd; /* offset of the fault records */
    uint16_t nr_frcd;
    uint8_t levels; /* of tables that this unit walks; 0: translates nothing */
    bool coherent;
    bool enabled; /* translates */

    spinlock_t reg_lock; /* GCMD, and enabled */

    spinlock_t qi_lock;
    struct iommu_entry128 *qi; /* ring */
    volatile uint32_t
        *qi_done; /* one status word a slot, written by the unit */
    paddr_t qi_done_pa;
    unsigned int qi_tail; /* next slot */
    unsigned int qi_room; /* slots that are free for certain */
    uint32_t qi_seq;      /* of the last wait */

    spinlock_t ctx_lock;
    struct iommu_entry128 *root;

    spinlock_t irt_lock;
    struct iommu_entry128 *irt;
    uint64_t irt_used[VTD_IRT_SLOTS / 64];
    bool eim;
};

extern struct vtd_unit *vtd_units[IOMMU_MAX_UNITS];
extern unsigned int vtd_nr_units;
extern const struct dmar_info *vtd_dmar;
extern uint8_t vtd_tree_levels; /* of the engine's trees */

static inline uint32_t vtd_read32(const struct vtd_unit *u, vtd_r32_t r)
{
    return mmio_read32(u->regs, r.off);
}

static inline uint64_t vtd_read64(const struct vtd_unit *u, vtd_r64_t r)
{
    return mmio_read64(u->regs, r.off);
}

static inline void vtd_write32(const struct vtd_unit *u, vtd_r32_t r,
                               uint32_t v)
{
    mmio_write32(u->regs, r.off, v);
}

static inline void vtd_write64(const struct vtd_unit *u, vtd_r64_t r,
                               uint64_t v)
{
    mmio_write64(u->regs, r.off, v);
}

static inline bool vtd_needs_wbf(const struct vtd_unit *u)
{
    return (u->cap & VTD_CAP_RWBF) || (u->quirks & VTD_QUIRK_RWBF);
}

/**
 * vtd_publish() - A table of ours was written: let this unit see it.
 * @u: the unit. @p, @len: what was written, in bytes.
 * Locks: none. Context: any.
 */
void vtd_publish(const struct vtd_unit *u, const void *p, size_t len);

/* ---- vtd-probe.c ---- */

/**
 * vtd_probe() - Make a struct vtd_unit of each DRHD of the DMAR.
 * Locks: none. Context: boot. Trust: firmware's tables.
 * Return: 0, -ENODEV no DMAR, -EBADMSG, -ENOMEM, -EOPNOTSUPP a unit lacks what
 * we need.
 */
int must_check vtd_probe(void);
/**
 * vtd_unit_of() - Which unit serves a function.
 * @s: the function. @unit: its number. Locks: none. Context: any.
 * Return: 0, -ENODEV.
 */
int must_check vtd_unit_of(sbdf_t s, unsigned int *unit);
/**
 * vtd_shown_as() - Member shown_as of the vendor's operations.
 * @unit: number. @s: requester id. Locks: none. Context: any. Return: @s.
 */
sbdf_t vtd_shown_as(unsigned int unit, sbdf_t s);
/**
 * vtd_unit_of_special() - Which unit remaps what is no PCI function, and under
 * which id.
 * @kind: IO-APIC or HPET. @id: as in the MADT, or the HPET's number.
 * @unit: number. @sid: requester id.
 * Locks: none. Context: any. Return: 0, -ENODEV.
 */
int must_check vtd_unit_of_special(enum dmar_scope_kind kind, unsigned int id,
                                   unsigned int *unit, uint16_t *sid);
/**
 * vtd_probe_reserved() - Hand firmware's RMRRs to the neutral layer.
 * Locks: none. Context: boot. Trust: firmware's. Return: 0, -ENOMEM.
 */
int must_check vtd_probe_reserved(void);

/* ---- vtd-quirk.c ---- */

/**
 * vtd_quirks() - Set the flags of known errata, by the host bridge's ids.
 * @u: a unit whose registers can be read. Locks: none. Context: boot.
 */
void vtd_quirks(struct vtd_unit *u);

/* ---- vtd-unit.c ---- */

/**
 * vtd_unit_init() - Take a unit over from firmware: queue up, root table set,
 * everything blocked, translation and remapping off.
 * @u: a probed unit. Locks: takes reg_lock. Context: boot.
 * Return: 0, -ENOMEM, -ETIMEDOUT.
 */
int must_check vtd_unit_init(struct vtd_unit *u);

/**
 * vtd_unit_enable() - Start translating; firmware's protected memory ends.
 * @u: the unit. Locks: takes reg_lock. Context: boot. Return: 0, -ETIMEDOUT.
 */
int must_check vtd_unit_enable(struct vtd_unit *u);

/**
 * vtd_unit_disable() - Stop translating, remapping and the queue.
 * @u: the unit. Locks: takes reg_lock, qi_lock. Context: power-off, reboot.
 */
void vtd_unit_disable(struct vtd_unit *u);

/**
 * vtd_global_set() - Set one bit of GCMD and wait until GSTS follows.
 * @u: the unit. @bit: VTD_G_*.
 * Locks: takes reg_lock. Context: any. Return: 0, -ETIMEDOUT.
 * Spec: VTD "Global Command Register".
 */
int must_check vtd_global_set(struct vtd_unit *u, uint32_t bit);

/**
 * vtd_global_clear() - Clear one bit of GCMD and wait until GSTS follows.
 * @u: the unit. @bit: VTD_G_*, not a one-shot one.
 * Locks: takes reg_lock. Context: any. Return: 0, -ETIMEDOUT.
 * Spec: VTD "Global Command Register".
 */
int must_check vtd_global_clear(struct vtd_unit *u, uint32_t bit);

/**
 * vtd_flush_write_buffer() - Flush the unit's write buffer if it has one.
 * @u: the unit. Locks: takes reg_lock. Context: any. Return: 0, -ETIMEDOUT.
 */
int must_check vtd_flush_write_buffer(struct vtd_unit *u);

/* ---- vtd-qi.c ---- */

/**
 * vtd_qi_init() - Allocate the ring and switch the queue on.
 * @u: the unit. Locks: takes reg_lock. Context: boot.
 * Return: 0, -ENOMEM, -ETIMEDOUT.
 */
int must_check vtd_qi_init(struct vtd_unit *u);

/**
 * vtd_qi_post() - Queue descriptors and a wait behind them.
 * @u: the unit. @d: descriptors. @nr: 0..VTD_QI_BATCH. @ticket: for the wait.
 * Locks: takes qi_lock. Context: any but NMI.
 * Return: 0, -ETIMEDOUT no room in time, -EIO the unit rejected a descriptor.
 */
int must_check vtd_qi_post(struct vtd_unit *u, const struct iommu_entry128 *d,
                           unsigned int nr, uint64_t *ticket);

/**
 * vtd_qi_wait() - Wait until everything up to a ticket is done.
 * @u: the unit. @ticket: of vtd_qi_post().
 * Locks: none. Context: any but NMI; spins at most VTD_FLUSH_TIMEOUT_NS.
 * Return: 0, -ETIMEDOUT, -EIO the unit rejected a descriptor.
 */
int must_check vtd_qi_wait(struct vtd_unit *u, uint64_t ticket);

/**
 * vtd_qi_run() - Post and wait. @u, @d, @nr: as vtd_qi_post().
 * Locks: takes qi_lock. Context: any but NMI. Return: 0, -ETIMEDOUT, -EIO.
 */
int must_check vtd_qi_run(struct vtd_unit *u, const struct iommu_entry128 *d,
                          unsigned int nr);

/**
 * vtd_qi_post_blocks() - Post the invalidation of blocks of frames.
 * @u: has page-selective invalidation. @f: f->nr blocks, at most
 * IOMMU_FLUSH_BLOCKS, each aligned and of order MAMV at most. @ticket: as
 * vtd_qi_post().
 * Locks: qi_lock. Context: any. Return: as vtd_qi_post().
 * Spec: VTD "IOTLB Invalidate Descriptor".
 */
int must_check vtd_qi_post_blocks(struct vtd_unit *u,
                                  const struct iommu_flush_req *f,
                                  uint64_t *ticket);

/**
 * vtd_qi_context() - A descriptor that invalidates context entries.
 * @granularity: VTD_G_*. @did: id in the old entry. @sid: requester id.
 * Locks: none. Context: any. Return: the descriptor.
 * Spec: VTD "Context-cache Invalidate Descriptor".
 */
struct iommu_entry128 vtd_qi_context(uint64_t granularity, uint16_t did,
                                     uint16_t sid);

/**
 * vtd_qi_iotlb() - A descriptor that invalidates translations.
 * @u: the unit. @granularity: VTD_G_*; with VTD_G_SELECT the block is missing in
 * the high half, see vtd_qi_post_blocks(). @did: id.
 * Locks: none. Context: any. Return: the descriptor.
 * Spec: VTD "IOTLB Invalidate Descriptor".
 */
struct iommu_entry128 vtd_qi_iotlb(const struct vtd_unit *u,
                                   uint64_t granularity, uint16_t did);

/* ---- vtd-context.c ---- */

/**
 * vtd_root_init() - Make an empty root table: every device is blocked.
 * @u: the unit. Locks: none. Context: boot. Return: 0, -ENOMEM.
 */
int must_check vtd_root_init(struct vtd_unit *u);

/**
 * vtd_context_set() - Replace one requester id's context entry and forget its
 * old state. @u: the unit. @sid: requester id. @lo, @hi: new entry; 0: blocked.
 * Locks: takes ctx_lock. Context: hypercall. Return: 0, -ENOMEM (unchanged),
 * -ETIMEDOUT, -EIO. Spec: VTD "Context-Entry Programming Considerations".
 */
int must_check vtd_context_set(struct vtd_unit *u, uint16_t sid, uint64_t lo,
                               uint64_t hi);

/**
 * vtd_context_get() - A requester id's context entry as it is now.
 * @u: the unit. @sid: requester id. Locks: none. Context: any.
 * Return: the entry; zeroes if there is none.
 */
struct iommu_entry128 vtd_context_get(struct vtd_unit *u, uint16_t sid);

/**
 * vtd_space_root() - Root of a space's tree as this unit has to see it.
 * @u: the unit. @s: the space. Locks: none. Context: any. Return: its address.
 */
paddr_t vtd_space_root(const struct vtd_unit *u, const struct iospace *s);

/* ---- vtd-fault.c ---- */

/**
 * vtd_fault_init() - Have faults reported by interrupt.
 * @u: the unit. Locks: none. Context: boot.
 */
void vtd_fault_init(struct vtd_unit *u);

/**
 * vtd_fault_drain() - Read, report and clear all fault records.
 * @u: the unit. Locks: as iommu_fault_report(). Context: any; bounded.
 */
void vtd_fault_drain(struct vtd_unit *u);

/**
 * vtd_print_walk() - Member print_walk of the vendor's operations.
 * @unit: number. @sid: requester id. @s: its space or NULL. @dfn: frame.
 * Locks: the space's is held. Context: any.
 */
void vtd_print_walk(unsigned int unit, sbdf_t sid, const struct iospace *s,
                    dfn_t dfn);

/* ---- vtd-intremap.c ---- */

/**
 * vtd_intremap_start() - Member intremap_start of the vendor's operations.
 * Locks: takes reg_locks. Context: boot. Return: 0, -ENOMEM, -ETIMEDOUT,
 * -EOPNOTSUPP x2APIC destinations are needed and not supported.
 */
int must_check vtd_intremap_start(void);

/**
 * vtd_ire_msi() - Member ire_msi of the vendor's operations.
 * @unit: number. @src: who may use it. @ire: in/out. @r: where to. @msg: result.
 * Locks: takes irt_lock. Context: any but NMI.
 * Return: 0, -ENOSPC, -ENODEV, -ERANGE, -EINVAL, -ETIMEDOUT.
 */
int vtd_ire_msi(unsigned int unit, const struct iommu_source *src, ire_t *ire,
                const struct intr_route *r, struct msi_msg *msg);

/**
 * vtd_ire_ioapic() - Member ire_ioapic of the vendor's operations.
 * @ioapic_id: as in the MADT. @pin: number. @ire: in/out. @r: where to.
 * @rte: in/out. Locks: takes irt_lock. Context: any but NMI.
 * Return: as vtd_ire_msi().
 */
int vtd_ire_ioapic(unsigned int ioapic_id, unsigned int pin, ire_t *ire,
                   const struct intr_route *r, uint64_t *rte);

/**
 * vtd_ire_hpet() - Member ire_hpet of the vendor's operations.
 * @number: of the HPET. @ire: in/out. @r: where to. @msg: result.
 * Locks: takes irt_lock. Context: any but NMI. Return: as vtd_ire_msi().
 */
int vtd_ire_hpet(unsigned int number, ire_t *ire, const struct intr_route *r,
                 struct msi_msg *msg);

/**
 * vtd_ire_free() - Member ire_free of the vendor's operations.
 * @ire: a valid entry. Locks: takes irt_lock. Context: any but NMI.
 */
void vtd_ire_free(const ire_t *ire);

/**
 * vtd_intremap_dump() - Print a unit's remap entries.
 * @u: the unit. Locks: none. Context: debug key.
 */
void vtd_intremap_dump(const struct vtd_unit *u);

#endif
