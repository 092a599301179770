/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Public face of the IOMMU subsystem. Layer L5: a guest is a number here, a
 * struct iospace is one tree of translations with the devices that use it.
 */
#ifndef XEN_IOMMU_H
#define XEN_IOMMU_H

#include <xen/addr.h>
#include <xen/host-irq.h>
#include <xen/iommu-gather.h>
#include <xen/pci.h>
#include <xen/types.h>

#define IOMMU_R 1u /* DMA reads allowed */
#define IOMMU_W 2u /* DMA writes allowed */

/* Options, from iommu= and dom0-iommu=; constant after boot. */
struct iommu_options {
    bool enable;
    bool force;
    bool verbose;
    bool debug;
    bool superpages;
    bool amd_mid_pages; /* sizes between 4K, 2M and 1G, where units can */
    bool intremap;
    bool qinval;
    bool snoop;
    bool quarantine;
    bool dom0_strict; /* default */
    bool dom0_passthrough;
    bool dom0_map_inclusive;
    bool dom0_map_reserved;
    bool x2apic; /* not an option: CPUs are in x2APIC mode; set by APIC code */
};
extern struct iommu_options iommu_opt;
extern bool iommu_enabled;          /* units found, initialised and in use */
extern bool iommu_intremap_enabled; /* interrupts go through remap tables */

/**
 * iommu_setup() - Find units in DMAR (or IVRS), initialise them, bring up
 * interrupt remapping. Dom0's devices are attached by iommu_attach_all().
 * Locks: none. Context: boot, ACPI parsed, PCI scanned, IO-APICs masked.
 * Return: 0 (also when there is no IOMMU and none is required);
 * panics with a clear line for iommu=force without one.
 */
int must_check iommu_setup(void);

/**
 * iospace_create() - Make an empty space. @owner: number for logs and tables.
 * @out: the space; unchanged on error.
 * Locks: the list's. Context: boot or hypercall. Return: 0, -ENOMEM, -ENODEV.
 */
int must_check iospace_create(uint16_t owner, struct iospace **out);

/**
 * iospace_destroy() - Free a space and its tables.
 * @s: the space, without devices; NULL is allowed.
 * Locks: the list's. Context: hypercall; linear in its tables.
 */
void iospace_destroy(struct iospace *s);

/**
 * iommu_count_all() - Bring the performance counters up to date with what each
 * tree has counted by itself: shatters, coalesces, tables, leaves. They go to
 * the row of the CPU that asks.
 * Locks: attach_lock, each space's. Context: hypercall, debug key.
 */
void iommu_count_all(void);

/**
 * iommu_map() - Let a space's devices reach a run of machine frames.
 * @s: the space. @dfn, @mfn: first frames. @nr: count, not 0. @prot: IOMMU_R/W.
 * @g: collects what must be invalidated; the caller ends with iommu_flush().
 * All or nothing; an identical mapping is no change, a different one is -EEXIST.
 * Locks: takes the space's lock. Context: boot or hypercall.
 * Return: 0, -EINVAL, -ERANGE, -EEXIST, -ENOMEM.
 */
int must_check iommu_map(struct iospace *s, dfn_t dfn, mfn_t mfn, uint64_t nr,
                         unsigned int prot, struct iommu_gather *g);

/**
 * iommu_unmap() - Remove exactly a run; holes are fine.
 * @s: the space. @dfn: first frame. @nr: count, not 0. @g: as iommu_map().
 *
 * Does not fail for lack of memory: when no table is left to split a leaf with,
 * the whole leaf is unmapped and an error is logged.
 * Locks: takes the space's. Context: boot or hypercall.
 * Return: 0, -EINVAL, -ERANGE, -ETIMEDOUT as iommu_flush().
 */
int must_check iommu_unmap(struct iospace *s, dfn_t dfn, uint64_t nr,
                           struct iommu_gather *g);

/* How far a request got that may stop on its way. All zero: at its beginning. */
struct iommu_progress {
    uint64_t done;      /* frames, from the first on, that are done */
    bool (*stop)(void); /* asked after each slice but the last; NULL: never */
};

#define IOMMU_SLICE (UINT64_C(1) << 14) /* ours: 4K pages; some 10 us */

/**
 * iommu_map_slices() - As iommu_map(), stopping between slices if asked to.
 * @s, @dfn, @mfn, @nr, @prot, @g: as there, the same in each call of a request.
 * @p: how far it got; done is exact whatever is returned.
 *
 * A slice is mapped whole or not at all: IOMMU_SLICE frames at most where they
 * are 4K pages, 1 GiB where they are larger. Together the slices make the table
 * that one iommu_map() makes. What earlier slices mapped stays, also on error,
 * and devices may use it meanwhile; to take it back, iommu_unmap_slices() @p->done
 * frames, which takes what was mapped just so before the request as well.
 * Locks: takes the space's for each slice. Context: boot or hypercall.
 * Flush: what @g says of all slices so far, also on error and -ERESTART; before
 * the hypercall is left, as @g is on its stack.
 * Return: 0, -ERESTART call again, or as iommu_map() for the slice at @p->done.
 */
int must_check iommu_map_slices(struct iospace *s, dfn_t dfn, mfn_t mfn,
                                uint64_t nr, unsigned int prot,
                                struct iommu_gather *g,
                                struct iommu_progress *p);

/**
 * iommu_unmap_slices() - As iommu_unmap(), stopping between slices if asked to.
 * @s, @dfn, @nr, @g: as there, the same in each call of a request.
 * @p: how far it got; done is exact whatever is returned. A slice is a run of
 * pages of one size, or of holes, of 1 GiB at most.
 * Locks: takes the space's for each slice. Context: boot or hypercall.
 * Flush: as iommu_map_slices(); no frame may be reused before it.
 * Return: 0, -ERESTART call again, or as iommu_unmap() for the slice at @p->done.
 */
int must_check iommu_unmap_slices(struct iospace *s, dfn_t dfn, uint64_t nr,
                                  struct iommu_gather *g,
                                  struct iommu_progress *p);

/**
 * iommu_map_list() - As iommu_map() for single frames mapped at their own
 * number, and iommu_flush().
 * @s, @prot: as there. @frame, @nr: the frames, in any order.
 * @done: how many are mapped, also on error; those stay.
 * Locks: takes the space's. Context: boot or hypercall; bounded by @nr.
 * Flush: done on return, also on error. Return: as iommu_map().
 */
int must_check iommu_map_list(struct iospace *s, const uint32_t *frame,
                              unsigned int nr, unsigned int prot,
                              unsigned int *done);

/**
 * iommu_unmap_list() - As iommu_unmap() for single frames, and iommu_flush().
 * @s: as there. @frame, @nr: the frames, in any order. @cause: for the counters.
 * Locks: takes the space's. Context: boot or hypercall; bounded by @nr.
 * Flush: done on return, also on error. Return: as iommu_unmap().
 */
int must_check iommu_unmap_list(struct iospace *s, const uint32_t *frame,
                                unsigned int nr, enum iommu_cause cause);

/**
 * iommu_protect() - Give the mapped frames of a run other permissions.
 * @s: the space. @dfn: first frame. @nr: count, not 0; holes stay holes.
 * @prot: IOMMU_R/W. @g: as iommu_map().
 * Locks: takes the space's. Context: boot or hypercall.
 * Return: 0, or with nothing changed -EINVAL, -ERANGE, -ENOMEM.
 */
int must_check iommu_protect(struct iospace *s, dfn_t dfn, uint64_t nr,
                             unsigned int prot, struct iommu_gather *g);

/**
 * iommu_split() - Break larger pages of a space's table down; no translation
 * changes.
 * @s: the space. @dfn: first frame. @nr: count, not 0; rounded out to pages of
 * @max_level. @max_level: largest page wanted inside, 0: 4K, 1: 2M, 2: 1G.
 * @g: as iommu_map(). A later store may make larger ones again, unless
 * iommu_limit_pages() or iommu_no_coalesce() forbids it.
 * Locks: takes the space's, for 1 GiB at a time. Context: boot or hypercall.
 * Flush: what @g says, the old pages. Return: 0, -EINVAL, -ERANGE, or with some
 * of it done -ENOMEM.
 */
int must_check iommu_split(struct iospace *s, dfn_t dfn, uint64_t nr,
                           unsigned int max_level, struct iommu_gather *g);

/**
 * iommu_limit_pages() - Set the largest page that a space's table gets from now
 * on. A new space has what the units can, and only 4K with iommu=no-superpages.
 * @s: the space. @max_level: as iommu_split(); more than units can is no error.
 *
 * Lowered: larger pages stay until something cuts them, iommu_split() all of
 * them. Raised: 4K pages that could be one become one with the next change to
 * one of them.
 * Locks: takes the space's. Context: boot or hypercall. Flush: none.
 */
void iommu_limit_pages(struct iospace *s, unsigned int max_level);

/**
 * iommu_no_coalesce() - Set which page sizes are not made of smaller pages.
 * Requests large enough are mapped with them all the same.
 * @s: the space. @levels: bit n: level n as in iommu_split(); replaces what was.
 * Locks: takes the space's. Context: boot or hypercall. Flush: none.
 */
void iommu_no_coalesce(struct iospace *s, unsigned int levels);

/**
 * iommu_flush() - Do the invalidations that are owed, wait, release tables.
 * @s: the space. @g: the gather; empty afterwards.
 * Locks: takes the space's, not while waiting. Context: boot or hypercall.
 * Return: 0, -ETIMEDOUT or -EIO before translation is on: tables are lost
 * rather than reused. Once it is on a unit that does not answer is a panic.
 */
int must_check iommu_flush(struct iospace *s, struct iommu_gather *g);

/**
 * iommu_lookup() - What a frame translates to.
 * @s: the space. @dfn: any frame. @mfn, @prot: the answer; either may be NULL.
 * True at some moment of the call; waits for nobody.
 * Locks: none. Context: any; the space must not be destroyed meanwhile.
 * Return: 0, -ENOENT.
 */
int must_check iommu_lookup(const struct iospace *s, dfn_t dfn, mfn_t *mfn,
                            unsigned int *prot);

/**
 * iospace_dfn_last() - Highest frame a space's devices can name.
 * @s: the space. Locks: none. Context: any. Return: the frame.
 */
uint64_t iospace_dfn_last(const struct iospace *s);

/* Consecutive leaves of one size, or a part of one. */
struct iommu_range {
    dfn_t dfn;
    mfn_t mfn;
    uint64_t nr;        /* 4K frames */
    unsigned int prot;  /* IOMMU_R/W */
    unsigned int level; /* 0: 4K leaves, 1: 2M, 2: 1G */
};

/**
 * iommu_walk() - Visit what is mapped, in ascending order.
 * @s: the space. @first, @last: dfns looked at, inclusive.
 * @visit: called with the space's lock held; non-zero ends the walk.
 * @arg: passed on. Locks: takes the space's. Context: boot or hypercall.
 * Return: 0 or what @visit returned.
 */
int iommu_walk(struct iospace *s, uint64_t first, uint64_t last,
               int (*visit)(const struct iommu_range *r, void *arg), void *arg);

/**
 * iommu_settle() - Do coalesces that were put off while the tree was changing.
 * @s: the space. @more: true if it should be called again in a while.
 *
 * Does nothing but note the time if the tree changed since the last call.
 * Locks: takes the space's. Context: softirq or hypercall.
 * Return: 0, -ETIMEDOUT as iommu_flush().
 */
int must_check iommu_settle(struct iospace *s, bool *more);

/**
 * iommu_attach() - Let a device use a space, from whatever it used before.
 * @dev: the device. @s: the space; NULL: no translation.
 *
 * One step: its requests see the old space or the new one. What firmware
 * reserved for it is mapped before and unmapped after.
 * Locks: attach lock, spaces'. Context: boot or hypercall.
 * Return: 0, or with the old state kept -ENODEV behind no unit, -EOPNOTSUPP no
 * pass-through, -EXDEV shares its requester id, -EADDRINUSE, -ENOMEM, -ETIMEDOUT.
 */
int must_check iommu_attach(struct pci_dev *dev, struct iospace *s);

/**
 * iommu_detach() - Put a device into quarantine; it reaches nothing.
 * @dev: the device. Locks: as iommu_attach(). Context: boot or hypercall.
 * Locks: attach lock. Return: 0, -ENODEV, -ETIMEDOUT.
 */
int must_check iommu_detach(struct pci_dev *dev);

/**
 * iommu_enable_all() - Start translating on all units.
 * Locks: units'. Context: boot, Dom0's devices are attached.
 * Return: 0, -ETIMEDOUT (then none translates).
 */
int must_check iommu_enable_all(void);

/**
 * iommu_disable_all() - Stop all units; power-off and reboot only.
 * Locks: units'. Context: devices are of no more use.
 */
void iommu_disable_all(void);

/**
 * iommu_can_passthrough() - Can devices be left untranslated?
 * Locks: none. Context: after iommu_setup(). Return: true if all units can.
 */
bool iommu_can_passthrough(void);

/**
 * iommu_for_each_mmio() - Visit each unit's registers as frames first..last.
 * @fn: non-zero return stops. @arg: passed on.
 * Locks: none. Context: after iommu_setup(). Return: 0 or what @fn returned.
 */
int iommu_for_each_mmio(int (*fn)(uint64_t first, uint64_t last, void *arg),
                        void *arg);

/**
 * iommu_reserved_validate() - Drop firmware's reserved ranges that are RAM.
 * @is_ram: true if any frame of first..last is RAM of the memory map.
 * Locks: attach_lock. Context: boot, before the first attach.
 */
void iommu_reserved_validate(bool (*is_ram)(uint64_t first, uint64_t last));

/**
 * iommu_reserved_each() - Visit firmware's reserved ranges of devices.
 * @fn: called with device, frames (inclusive) and IOMMU_R/W; non-zero stops.
 * @arg: passed on. Locks: none. Context: any but interrupt.
 * Return: 0 or what @fn returned.
 */
int iommu_reserved_each(int (*fn)(sbdf_t s, uint64_t first, uint64_t last,
                                  unsigned int prot, void *arg),
                        void *arg);

/**
 * iommu_dump_units() - Print state and remap entries of every unit.
 * Locks: none. Context: debug key.
 */
void iommu_dump_units(void);

/**
 * iommu_print_summary() - Three lines: tables, leaves by size, bytes mapped, the
 * fewest leaves that could express the same mapping; what happened so far; the
 * memory of its tables.
 * @s: the space. Locks: attach lock, the space's. Context: boot or debug key.
 */
void iommu_print_summary(struct iospace *s);

/* How far a dump got. All zero: at its beginning. */
struct iommu_dump {
    unsigned int did; /* hardware id of the space it is at */
    bool summarised;  /* that space's summary was printed */
    uint64_t dfn;     /* first frame whose range was not printed */
    uint64_t printed; /* ranges so far */
};

/**
 * iommu_dump() - Print a summary of every space, and its ranges if asked to,
 * as docs/iommu/dump-format.md says.
 * @at: where to go on; moved. @ranges: not only summaries. @max: lines about
 * ranges this call may print. @relax: called now and then without a lock.
 *
 * The tree may change between two parts, so what is printed is no snapshot.
 * Locks: attach lock, a space's, for LOOK_RANGES runs at a time; none while
 * printing. Context: debug key. Return: true when it is complete.
 */
bool iommu_dump(struct iommu_dump *at, bool ranges, unsigned int max,
                void (*relax)(void));

/**
 * iommu_prot_text() - "rw", "r", "w" or "none".
 * @prot: IOMMU_R/W. Locks: none. Context: any. Return: the text.
 */
const char *iommu_prot_text(unsigned int prot);

/* Interrupt remapping. An ire_t names one remap entry; IRE_NONE: none. */
typedef struct {
    uint16_t unit;
    uint32_t index; /* the vendor's */
    bool valid;
} ire_t;

struct intr_route {
    uint32_t dest; /* APIC id, physical mode */
    uint8_t vector;
    bool level;      /* IO-APIC pins only */
    bool active_low; /* IO-APIC pins only */
};

/**
 * intremap_msi() - Route an MSI of a device; first call allocates the entry.
 * @dev: source. @ire: in/out; starts invalid. @r: where to. @msg: what the
 * device must be programmed with (unremapped format if remapping is off).
 * Locks: unit's. Context: any but NMI.
 * Return: 0; -ENOSPC no entry left; -ENODEV no unit serves the device; -ERANGE
 * destination too large without remapping; -ETIMEDOUT the unit does not answer.
 */
int must_check intremap_msi(const struct pci_dev *dev, ire_t *ire,
                            const struct intr_route *r, struct msi_msg *msg);

/**
 * intremap_ioapic() - Route an IO-APIC pin.
 * @ioapic_id: as in the MADT. @pin: number. @ire, @r: as above.
 * @rte: in/out: the 64-bit redirection entry, mask bit untouched.
 * Locks: unit's. Context: any but NMI.
 * Return: 0, -ENOSPC, -ENODEV no unit lists it, -ERANGE destination too large.
 */
int must_check intremap_ioapic(unsigned int ioapic_id, unsigned int pin,
                               ire_t *ire, const struct intr_route *r,
                               uint64_t *rte);

/**
 * intremap_hpet() - Route the messages of an HPET's timer.
 * @number: of the HPET, as in its ACPI table. @ire, @r, @msg: as intremap_msi().
 *
 * One entry for each timer that is routed: each has an ire_t of its own.
 * Locks: unit's. Context: any but NMI. Return: as intremap_msi(); -ENODEV
 * firmware does not say which unit sees the HPET.
 */
int must_check intremap_hpet(unsigned int number, ire_t *ire,
                             const struct intr_route *r, struct msi_msg *msg);

/**
 * intremap_free() - Give a remap entry up; its source is blocked from now on.
 * @ire: the entry; invalid afterwards, harmless if it was.
 * Locks: unit's. Context: any but NMI.
 */
void intremap_free(ire_t *ire);

#endif
