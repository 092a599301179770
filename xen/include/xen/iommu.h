/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Public face of the IOMMU subsystem. Layer L5: a guest is a number here, a
 * struct iospace is one tree of translations with the devices that use it.
 */
#ifndef XEN_IOMMU_H
#define XEN_IOMMU_H

#include <xen/addr.h>
#include <xen/host-irq.h>
#include <xen/pci.h>
#include <xen/types.h>

struct iospace;
struct iommu_gather;

#define IOMMU_R 1u /* DMA reads allowed */
#define IOMMU_W 2u /* DMA writes allowed */

/* Options, from iommu= and dom0-iommu=; constant after boot. */
struct iommu_options {
    bool enable;
    bool force;
    bool verbose;
    bool debug;
    bool superpages;
    bool intremap;
    bool qinval;
    bool snoop;
    bool quarantine;
    bool dom0_strict;      /* default */
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
 * @out: the space. Context: boot or hypercall. Return: 0, -ENOMEM, -ENODEV.
 */
int must_check iospace_create(uint16_t owner, struct iospace **out);
void iospace_destroy(struct iospace *s);

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
 * Arguments, Locks, Context as iommu_map(). Return: 0, -EINVAL, -ERANGE.
 */
int must_check iommu_unmap(struct iospace *s, dfn_t dfn, uint64_t nr,
                           struct iommu_gather *g);

/**
 * iommu_protect() - Give the mapped frames of a run other permissions.
 * Arguments, Locks, Context as iommu_map(); holes stay holes.
 * Return: 0, or with nothing changed -EINVAL, -ERANGE, -ENOMEM.
 */
int must_check iommu_protect(struct iospace *s, dfn_t dfn, uint64_t nr,
                             unsigned int prot, struct iommu_gather *g);

/**
 * iommu_flush() - Do the invalidations that are owed, wait, release tables.
 * Return: 0, -ETIMEDOUT (the unit was disabled or the system panics: see docs).
 */
int must_check iommu_flush(struct iospace *s, struct iommu_gather *g);

/* @mfn, @prot may be NULL. Return: 0 or -ENOENT. */
int must_check iommu_lookup(struct iospace *s, dfn_t dfn, mfn_t *mfn,
                            unsigned int *prot);

/* Highest frame a space's devices can name. Context: any. */
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
               int (*visit)(const struct iommu_range *r, void *arg),
               void *arg);

/**
 * iommu_settle() - Do coalesces that were put off while the tree was changing.
 * @s: the space. @more: true if it should be called again in a while.
 *
 * Does nothing but note the time if the tree changed since the last call.
 * Locks: takes the space's. Context: softirq or hypercall.
 * Return: 0, -ETIMEDOUT as iommu_flush().
 */
int must_check iommu_settle(struct iospace *s, bool *more);

/* Devices. attach: to a space, or pass-through when @s is NULL. */
int must_check iommu_attach(struct pci_dev *dev, struct iospace *s);
int must_check iommu_detach(struct pci_dev *dev); /* to quarantine */

/* Start translating on all units (after Dom0's devices are attached). */
int must_check iommu_enable_all(void);
void iommu_disable_all(void); /* power-off, reboot only */

/* Can devices be left untranslated? Context: after iommu_setup(). */
bool iommu_can_passthrough(void);

/* Each unit's registers as frames first..last; non-zero return stops. */
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

/* Print state and remap entries of every unit: debug key V. */
void iommu_dump_units(void);

/* One line a space: tables, leaves by size, bytes. */
void iommu_print_summary(struct iospace *s);

/* Interrupt remapping. An ire_t names one remap entry; IRE_NONE: none. */
typedef struct {
    uint16_t unit;
    uint16_t index;
    bool valid;
} ire_t;

struct intr_route {
    uint32_t dest;      /* APIC id, physical mode */
    uint8_t vector;
    bool level;         /* IO-APIC pins only */
    bool active_low;    /* IO-APIC pins only */
};

/**
 * intremap_msi() - Route an MSI of a device; first call allocates the entry.
 * @dev: source. @ire: in/out; starts invalid. @r: where to. @msg: what the
 * device must be programmed with (unremapped format if remapping is off).
 * Locks: unit's. Context: any but NMI. Return: 0, -ENOSPC, -ENODEV.
 */
int must_check intremap_msi(const struct pci_dev *dev, ire_t *ire,
                            const struct intr_route *r, struct msi_msg *msg);

/**
 * intremap_ioapic() - Route an IO-APIC pin.
 * @ioapic_id: as in the MADT. @pin: number. @ire, @r: as above.
 * @rte: in/out: the 64-bit redirection entry, mask bit untouched.
 */
int must_check intremap_ioapic(unsigned int ioapic_id, unsigned int pin,
                               ire_t *ire, const struct intr_route *r,
                               uint64_t *rte);
void intremap_free(ire_t *ire);

#endif
