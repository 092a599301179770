/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An AMD IOMMU and what the files of this folder offer each other.
 *
 * Locks, all irq-safe, outermost first: irt_lock (interrupt tables), dte_lock
 * (device table), cmd_lock (command ring); evt_lock (event log) stands alone.
 * The unit list is constant after probing.
 */
#ifndef AMDVI_PRIV_H
#define AMDVI_PRIV_H

#include <xen/acpi.h>
#include <xen/mmio.h>
#include <xen/page-pool.h>
#include <xen/spinlock.h>

#include "../iommu-entry.h"
#include "../iommu-priv.h"
#include "amdvi-regs.h"

/* Ours: no limit in the manual; see docs on what follows a time-out. */
#define AMDVI_REG_TIMEOUT_NS   UINT64_C(100000000)  /* 100 ms */
#define AMDVI_FLUSH_TIMEOUT_NS UINT64_C(1000000000) /* 1 s */
#define AMDVI_INT_TIMEOUT_NS   UINT64_C(100000000)  /* 100 ms */

/* The smallest rings there are: a page of 256 entries. */
#define AMDVI_RING_LG2   8u
#define AMDVI_RING_SLOTS (1u << AMDVI_RING_LG2)
#define AMDVI_BATCH      (IOMMU_FLUSH_BLOCKS + 4u) /* ours: posted in one go */
#define AMDVI_DEVS       65536u
#define AMDVI_DEVTAB_LG2 9u /* pages: 32 bytes for each requester id */

/*
 * A message has room for a vector and two fixed delivery modes: 512 entries is
 * what every kind of interrupt can name.
 */
#define AMDVI_IRT_LG2   9u
#define AMDVI_IRT_SLOTS (1u << AMDVI_IRT_LG2)

/* Hardware ids: 0 is what a unit uses for entries that are not valid. */
#define AMDVI_DID_BLOCK 1u /* ours: whatever reaches nothing */
#define AMDVI_DID_PASS  2u /* ours: every passed-through device */
#define AMDVI_DID_FIRST 3u

static_assert(AMDVI_RING_SLOTS >= 4 * AMDVI_BATCH, "a few batches fit");

/* Halves of a device table entry: each is replaced in one store. */
struct amdvi_dte {
    struct iommu_entry128 dma;  /* words 0 and 1 */
    struct iommu_entry128 intr; /* words 2 and 3 */
};
static_assert(sizeof(struct amdvi_dte) == 32, "AMD48882: device table entry");

/* Interrupt table of one requester id. */
#define AMDVI_IRT_IDS 8u /* ours: ids remembered; more cost a larger flush */
struct amdvi_irt {
    paddr_t pa;
    uint64_t used[AMDVI_IRT_SLOTS / 64]; /* irt_lock */
    uint16_t id[AMDVI_IRT_IDS];          /* which ids use it; irt_lock */
    unsigned int nr_ids; /* AMDVI_IRT_IDS + 1: some are not there */
    bool ioapic;         /* its low entries are for pins */
};

struct amdvi_unit {
    char name[8];       /* "amdvi0" */
    unsigned int index; /* number to the neutral layer */
    const struct ivrs_unit *ivhd;
    sbdf_t self; /* its own PCI function */
    mmio_t regs;
    uint32_t cap;  /* header of the capability block */
    uint64_t efr;  /* features; 0 without the register */
    uint64_t ctrl; /* control register as last written; boot, evt_lock */
    uint8_t pa_bits;
    uint8_t va_bits;
    bool coherent; /* reads of device and interrupt tables snoop */
    bool ga;       /* 128-bit interrupt entries */
    bool enabled;  /* translates and takes commands */
    bool deaf;     /* its interrupt does not arrive; boot */

    spinlock_t cmd_lock;
    struct iommu_entry128 *cmd; /* ring */
    volatile uint64_t *done;    /* a word for each slot, written by the unit */
    paddr_t done_pa;
    unsigned int cmd_tail; /* next slot */
    unsigned int cmd_room; /* slots that are free for certain */
    uint64_t cmd_seq;      /* of the last wait */

    spinlock_t evt_lock;
    volatile struct iommu_entry128 *evt; /* ring */
    volatile struct iommu_entry128 *ppr; /* ring, or NULL */
    uint64_t nr_ppr;                     /* thrown away */
    uint64_t nr_wait_int; /* completion interrupts seen; read without lock */

    spinlock_t dte_lock;
    struct amdvi_dte *devtab;

    spinlock_t irt_lock;
    struct amdvi_irt **irt; /* by requester id; NULL before intremap_start */
};

extern struct amdvi_unit *amdvi_units[IOMMU_MAX_UNITS];
extern unsigned int amdvi_nr_units;
extern const struct ivrs_info *amdvi_ivrs;

static inline uint64_t amdvi_read(const struct amdvi_unit *u, unsigned int off)
{
    return mmio_read64(u->regs, off);
}

static inline void amdvi_write(const struct amdvi_unit *u, unsigned int off,
                               uint64_t v)
{
    mmio_write64(u->regs, off, v);
}

/* ---- amdvi-probe.c ---- */

/**
 * amdvi_probe() - Make a struct amdvi_unit of each unit of the IVRS, and hide
 * their PCI functions from Dom0.
 *
 * Locks: none. Context: boot. Trust: firmware's tables.
 * Return: 0, -ENODEV no IVRS, -EOPNOTSUPP a unit is not there or lacks what we
 * need, -ENOMEM, or as acpi_ivrs().
 */
int must_check amdvi_probe(void);

/**
 * amdvi_unit_of() - Which unit serves a function.
 * @s: the function. @unit: its number.
 * Locks: none. Context: any. Return: 0, -ENODEV.
 */
int must_check amdvi_unit_of(sbdf_t s, unsigned int *unit);

/**
 * amdvi_device() - What firmware says about a requester id.
 * @u: the unit. @devid: the id. @flags: receives IVHD_*_PASS and such.
 *
 * Of several entries the last one counts.
 * Locks: none. Context: any.
 * Return: the id that its requests carry: its own unless there is an alias.
 */
uint16_t amdvi_device(const struct amdvi_unit *u, uint16_t devid,
                      unsigned int *flags);

/**
 * amdvi_shown_as() - Vendor op: the id that a unit sees for an id.
 * @unit: number. @s: the id. Locks: none. Context: any.
 * Return: @s, or its alias.
 */
sbdf_t amdvi_shown_as(unsigned int unit, sbdf_t s);

/**
 * amdvi_special() - Which unit remaps what is no PCI function, and under which
 * id.
 * @kind: IO-APIC or HPET. @id: as in the MADT, or the HPET's number.
 * @unit: number. @devid: requester id.
 * Locks: none. Context: any. Return: 0, -ENODEV.
 */
int must_check amdvi_special(enum ivrs_special_kind kind, unsigned int id,
                             unsigned int *unit, uint16_t *devid);

/**
 * amdvi_probe_reserved() - Hand firmware's IVMDs to the neutral layer.
 * Locks: none. Context: boot. Return: 0, -ENOMEM.
 */
int must_check amdvi_probe_reserved(void);

/* ---- amdvi-quirk.c ---- */

/**
 * amdvi_quirks() - Apply what a unit's errata ask for.
 * @u: a probed unit, not in use yet. Locks: none. Context: boot.
 */
void amdvi_quirks(struct amdvi_unit *u);

/**
 * amdvi_quirk_sys_mgt() - Which system management setting an entry may have.
 * @lo: word 0 of the entry. @wanted: firmware's.
 * Locks: none. Context: any. Return: the setting.
 */
uint64_t amdvi_quirk_sys_mgt(uint64_t lo, uint64_t wanted);

/**
 * amdvi_quirk_no_intremap() - Must interrupts of this machine stay as they are?
 * Locks: none. Context: boot. Return: true, with a line why, if so.
 */
bool amdvi_quirk_no_intremap(void);

/* ---- amdvi-unit.c ---- */

/**
 * amdvi_publish() - A table was written: let a unit that does not snoop see it.
 * @u: the unit. @p: start. @len: bytes. Locks: none. Context: any.
 */
void amdvi_publish(const struct amdvi_unit *u, const void *p, size_t len);

/**
 * amdvi_wait_status() - Wait until status bits have a value.
 * @u: the unit. @bits: of AMDVI_STATUS. @want: their value.
 * Locks: none. Context: any. Return: 0, -ETIMEDOUT.
 */
int must_check amdvi_wait_status(const struct amdvi_unit *u, uint64_t bits,
                                 uint64_t want);

/**
 * amdvi_unit_init() - Take a unit over from firmware: off, tables and rings
 * made, every device blocked.
 * @u: a probed unit.
 * Locks: none. Context: boot. Return: 0, -ENOMEM, -ETIMEDOUT.
 * Spec: AMD48882 "IOMMU Initialization".
 */
int must_check amdvi_unit_init(struct amdvi_unit *u);

/**
 * amdvi_unit_enable() - Start logs, commands, translation, in that order, and
 * forget all that is cached.
 * @u: an initialised unit.
 * Locks: takes cmd_lock. Context: boot. Return: 0, -ETIMEDOUT or -EIO: off.
 */
int must_check amdvi_unit_enable(struct amdvi_unit *u);

/**
 * amdvi_unit_disable() - Stop translating: DMA and interrupts pass.
 * @u: the unit. Locks: none. Context: any, last thing done with it.
 */
void amdvi_unit_disable(struct amdvi_unit *u);

/* ---- amdvi-cmd.c ---- */

/**
 * amdvi_cmd_init() - Make the command ring and tell the unit.
 * @u: the unit, not taking commands.
 * Locks: none. Context: boot. Return: 0, -ENOMEM.
 */
int must_check amdvi_cmd_init(struct amdvi_unit *u);

/**
 * amdvi_cmd_post() - Queue commands and a wait behind them.
 * @u: the unit. @c: commands. @nr: 0..AMDVI_BATCH. @ticket: for the wait.
 *
 * A unit that is not enabled has nothing cached: nothing is queued then.
 * Locks: takes cmd_lock. Context: any but NMI.
 * Return: 0, -ETIMEDOUT no room in time, -EIO the unit has stopped.
 */
int must_check amdvi_cmd_post(struct amdvi_unit *u,
                              const struct iommu_entry128 *c, unsigned int nr,
                              uint64_t *ticket);

/**
 * amdvi_cmd_post_blocks() - Queue the commands that forget a request's blocks
 * and a wait behind them, straight into the ring.
 * @u: the unit. @f: its all is not set. @ticket: for the wait.
 * Locks: takes cmd_lock. Context: any but NMI.
 * Return: as amdvi_cmd_post(), for a unit that is not enabled as well.
 */
int must_check amdvi_cmd_post_blocks(struct amdvi_unit *u,
                                     const struct iommu_flush_req *f,
                                     uint64_t *ticket);

/**
 * amdvi_cmd_wait() - Wait until everything up to a ticket is done.
 * @u: the unit. @ticket: from amdvi_cmd_post().
 * Locks: none. Context: any but NMI; at most AMDVI_FLUSH_TIMEOUT_NS.
 * Return: 0, -ETIMEDOUT, -EIO the unit has stopped.
 */
int must_check amdvi_cmd_wait(struct amdvi_unit *u, uint64_t ticket);

/**
 * amdvi_cmd_run() - amdvi_cmd_post() and amdvi_cmd_wait() in one.
 * @u: the unit. @c: commands. @nr: 0..AMDVI_BATCH.
 * Locks: takes cmd_lock. Context: any but NMI. Return: 0, -ETIMEDOUT, -EIO.
 */
int must_check amdvi_cmd_run(struct amdvi_unit *u,
                             const struct iommu_entry128 *c, unsigned int nr);

/**
 * amdvi_cmd_check_interrupt() - Does the unit's interrupt arrive? Asks with a
 * completion that raises it.
 * @u: an enabled unit; deaf if not.
 *
 * Nobody waits for such an interrupt otherwise: whoever waits holds locks, and
 * has the store sooner than any interrupt.
 * Locks: takes cmd_lock. Context: boot, interrupts on; at most
 * AMDVI_INT_TIMEOUT_NS longer than the completion.
 * Return: 0, also if deaf; -ETIMEDOUT, -EIO not completed.
 */
int must_check amdvi_cmd_check_interrupt(struct amdvi_unit *u);

/**
 * amdvi_cmd_forget_all() - Invalidate everything that the unit may hold.
 * @u: an enabled unit.
 * Locks: takes cmd_lock. Context: boot. Return: 0, -ETIMEDOUT, -EIO.
 */
int must_check amdvi_cmd_forget_all(struct amdvi_unit *u);

/**
 * amdvi_cmd_devtab() - The command that forgets a device table entry.
 * @devid: whose. Locks: none. Context: any. Return: the command.
 */
struct iommu_entry128 amdvi_cmd_devtab(uint16_t devid);

/**
 * amdvi_cmd_intr() - The command that forgets an interrupt table's entries.
 * @devid: whose. Locks: none. Context: any. Return: the command.
 */
struct iommu_entry128 amdvi_cmd_intr(uint16_t devid);

/**
 * amdvi_cmd_pages() - The command that forgets translations of a block.
 * @did: hardware id. @dfn: first frame, aligned. @order: log2 of the frames;
 * above AMDVI_MAX_ORDER: all there are. @tables: table entries too.
 * Locks: none. Context: any. Return: the command.
 * Spec: AMD48882 "INVALIDATE_IOMMU_PAGES".
 */
struct iommu_entry128 amdvi_cmd_pages(uint16_t did, uint64_t dfn,
                                      unsigned int order, bool tables);
#define AMDVI_MAX_ORDER 40u /* ours: no space is larger than 2^52 bytes */

/* ---- amdvi-event.c ---- */

/**
 * amdvi_event_init() - Make the logs and tell the unit; claim its interrupt.
 * @u: the unit, not logging.
 * Locks: none. Context: boot. Return: 0, -ENOMEM.
 */
int must_check amdvi_event_init(struct amdvi_unit *u);

/**
 * amdvi_event_drain() - Report and clear what is in the logs; start a log
 * again that has overflowed.
 * @u: the unit. Locks: takes evt_lock. Context: any but NMI; bounded.
 */
void amdvi_event_drain(struct amdvi_unit *u);

/**
 * amdvi_event_quiesce() - Stop the unit's own messages.
 * @u: the unit. Locks: none. Context: any but NMI.
 */
void amdvi_event_quiesce(const struct amdvi_unit *u);

/**
 * amdvi_print_walk() - Vendor op: raw entries that a request meets.
 * @unit: number. @sid: requester id. @s: its space or NULL. @dfn: frame.
 * Locks: the space's held. Context: any.
 */
void amdvi_print_walk(unsigned int unit, sbdf_t sid, const struct iospace *s,
                      dfn_t dfn);

/* ---- amdvi-dte.c ---- */

/**
 * amdvi_dte_init() - Make the device table, every device blocked, interrupts
 * as they are.
 * @u: the unit. Locks: none. Context: boot. Return: 0, -ENOMEM.
 */
int must_check amdvi_dte_init(struct amdvi_unit *u);

/**
 * amdvi_dte_block_interrupts() - Let no device send interrupts until it has a
 * table; for a unit that is not enabled yet.
 * @u: the unit. @on: false undoes it. Locks: takes dte_lock. Context: boot.
 */
void amdvi_dte_block_interrupts(struct amdvi_unit *u, bool on);

/**
 * amdvi_dte_set_dma() - Replace the translation half of an entry and forget
 * what is cached of its old state.
 * @u: the unit. @devid: whose. @lo, @hi: words 0 and 1; firmware's system
 * management setting is added.
 * Locks: takes dte_lock. Context: boot or hypercall.
 * Flush: done on return. Return: 0, -ETIMEDOUT, -EIO.
 */
int must_check amdvi_dte_set_dma(struct amdvi_unit *u, uint16_t devid,
                                 uint64_t lo, uint64_t hi);

/**
 * amdvi_dte_set_irt() - Give a requester id an interrupt table.
 * @u: the unit. @devid: whose. @irt: the table.
 * Locks: takes dte_lock; irt_lock held. Context: any but NMI.
 * Flush: done on return. Return: 0, -ETIMEDOUT, -EIO.
 */
int must_check amdvi_dte_set_irt(struct amdvi_unit *u, uint16_t devid,
                                 const struct amdvi_irt *irt);

/**
 * amdvi_dte_blocked() - Does an entry reach nothing?
 * @d: the entry. Locks: none. Context: any. Return: true if so.
 */
bool amdvi_dte_blocked(const struct amdvi_dte *d);

/* ---- amdvi-intremap.c ---- */

/**
 * amdvi_intremap_start() - Vendor op: interrupt tables on every unit or none.
 * Locks: takes irt_lock. Context: boot. Return: 0, -ENOMEM, -EOPNOTSUPP.
 */
int must_check amdvi_intremap_start(void);

/**
 * amdvi_ire_msi() - Vendor op: route a device's message.
 * @unit: number. @src: its requester ids. @ire: in/out. @r: where to.
 * @msg: what the device must send.
 * Locks: takes irt_lock. Context: any but NMI.
 * Return: 0, -ENODEV remapping is off, -ENOMEM, -ENOSPC table full, -ERANGE
 * destination, -EINVAL @ire is not ours, -EXDEV two of its ids have tables of
 * their own, -ETIMEDOUT, -EIO.
 */
int must_check amdvi_ire_msi(unsigned int unit, const struct iommu_source *src,
                             ire_t *ire, const struct intr_route *r,
                             struct msi_msg *msg);

/**
 * amdvi_ire_ioapic() - Vendor op: route an IO-APIC's pin.
 * @ioapic_id: as in the MADT. @pin: number. @ire: in/out. @r: where to.
 * @rte: in/out, mask bit kept.
 * Locks: takes irt_lock. Context: any but NMI. Return: as amdvi_ire_msi().
 */
int must_check amdvi_ire_ioapic(unsigned int ioapic_id, unsigned int pin,
                                ire_t *ire, const struct intr_route *r,
                                uint64_t *rte);

/**
 * amdvi_ire_hpet() - Vendor op: route the messages of an HPET's timer.
 * @number: of the HPET. @ire: in/out. @r: where to. @msg: what it must send.
 * Locks: takes irt_lock. Context: any but NMI. Return: as amdvi_ire_msi().
 */
int must_check amdvi_ire_hpet(unsigned int number, ire_t *ire,
                              const struct intr_route *r, struct msi_msg *msg);

/**
 * amdvi_ire_free() - Vendor op: give an entry back.
 * @ire: the entry. Locks: takes irt_lock. Context: any but NMI.
 */
void amdvi_ire_free(const ire_t *ire);

/**
 * amdvi_intremap_dump() - Print the entries in use.
 * @u: the unit. Locks: none. Context: debug key.
 */
void amdvi_intremap_dump(const struct amdvi_unit *u);

#endif
