/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared inside drivers/passthrough: the space, a device's state, what vendors
 * call back.
 *
 * Locks, outermost first: attach_lock (who uses which space), a space's lock
 * (its tree), a unit's lock (vendor). Interrupt handlers take none of the first
 * two: lookups need no lock.
 */
#ifndef PT_IOMMU_PRIV_H
#define PT_IOMMU_PRIV_H

#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/iommu-gather.h>
#include <xen/iommu.h>
#include <xen/list.h>
#include <xen/perf-counter.h>
#include <xen/spinlock.h>

#include "iommu-ops.h"

#define IOMMU_NO_OWNER 0x7ff4 /* quarantine in logs; ours, no domain's id */

/*
 * Frames whose accesses are interrupts, never memory: neither a device address
 * nor a machine address of a translation. VTD 3.14, SDM vol 3A 11.11.
 */
#define INTR_FIRST UINT64_C(0xfee00)
#define INTR_LAST  UINT64_C(0xfeeff)

struct iospace {
    spinlock_t lock;             /* guards the tree and deferred */
    struct iopt pt;              /* the tree */
    struct iopt_gather deferred; /* coalesces that ride on the next flush */
    uint64_t ops;                /* calls that changed the tree */
    uint64_t ops_seen;           /* ops at the last iommu_settle() */
    struct iopt_counts told;     /* what the performance counters hold */
    uint16_t told_spare;         /* so of pt.spare.nr */
    uint64_t blamed;             /* shatters whose cause was counted */
    uint32_t wide;               /* gathers with more than 4K leaves; lock */
    uint32_t fault_readers;      /* fault handlers in the tree; fault_lock */
    uint16_t owner;              /* for logs */
    uint16_t did;                /* hardware id on every unit; constant */
    paddr_t vendor;              /* the vendor's, see space_init */
    struct list_head all;        /* in the list of spaces; attach_lock */
    struct list_head devices;    /* struct iommu_dev.link; attach_lock */
    struct list_head reserved;   /* identity ranges; attach_lock */
    uint32_t unit_devs[IOMMU_MAX_UNITS]; /* devices on it; attach_lock */
    uint64_t units;                      /* bit n: unit n serves it; atomic */
};

enum iommu_dev_state {
    IOMMU_DEV_BLOCKED,     /* reaches nothing */
    IOMMU_DEV_ATTACHED,    /* translated by space */
    IOMMU_DEV_PASSTHROUGH, /* not translated */
};

/* pci_dev.iommu */
struct iommu_dev {
    struct pci_dev *dev;
    unsigned int unit;
    struct iommu_source src;
    enum iommu_dev_state state; /* attach_lock */
    struct iospace *space;      /* while attached; attach_lock, reads atomic */
    struct iospace *quarantine; /* its own, or NULL: the common one */
    struct list_head link;      /* in space->devices */
    uint32_t faults;            /* decaying count; fault lock */
    uint64_t last_fault_ns;
};

extern const struct iommu_vendor_ops *iommu_ops; /* chosen once, at boot */
extern struct iommu_caps iommu_caps;
extern bool iommu_translating; /* iommu_enable_all() succeeded */
extern spinlock_t attach_lock;

/* The engine's part of a gather. */
static inline struct iopt_gather *gather_pt(struct iommu_gather *g)
{
    static_assert(sizeof(struct iopt_gather) <= sizeof(g->engine), "room");
    static_assert(offsetof(struct iopt_gather, ext) <=
                      IOMMU_GATHER_HEAD * sizeof(g->engine[0]),
                  "extents are valid up to nr_ext only");
    return (struct iopt_gather *)(void *)g->engine;
}

/*
 * After each change, the space's lock held. A leaf that was cut, or a table that
 * was unlinked, may stay cached until this gather is flushed, and then hides
 * what others change in its rest. They owe only what they find in the tables,
 * so until then they flush everything: flush() asks for it.
 */
static inline void gather_note(struct iospace *s, struct iommu_gather *g)
{
    const struct iopt_gather *const owed = gather_pt(g);

    if (!g->wide && (owed->leaf_order || owed->owe & IOPT_OWE_TABLES)) {
        g->wide = true;
        s->wide++;
    }
}

/**
 * iospace_blame() - Count shatters since the last call by their cause.
 * @s: the space. @cause: why. Locks: the space's held. Context: any; one
 * comparison unless there was one. The other counters of a tree are read from
 * it when someone asks, see iommu_count_all().
 */
static inline void iospace_blame(struct iospace *s, enum iommu_cause cause)
{
    const uint64_t nr = s->pt.counts.shatters - s->blamed;

    static_assert(PERF_iommu_shatters_prot ==
                          PERF_iommu_shatters_unmap + IOMMU_BY_PROT &&
                      PERF_iommu_shatters_split ==
                          PERF_iommu_shatters_unmap + IOMMU_BY_SPLIT,
                  "one counter a cause");
    if (unlikely(nr)) {
        s->blamed += nr;
        perf_add_index(PERF_iommu_shatters_unmap + cause, nr);
    }
}

/**
 * iospace_from() - The space with the least hardware id from one on.
 * @did: that id. Locks: attach_lock held. Context: any.
 * Return: the space, which lives as long as the lock is held, or NULL.
 */
struct iospace *iospace_from(unsigned int did);

/**
 * iommu_flush_list() - As iommu_flush(), for frames of a list besides.
 * @s, @g: as there. @frame, @nr: frames of 4K leaves that were unmapped, or
 * mapped where that owes a flush; 0: none.
 * Locks: the space's held, but not on return. Context: boot or hypercall.
 * Return: as there.
 */
int must_check iommu_flush_list(struct iospace *s, struct iommu_gather *g,
                                const uint32_t *frame, unsigned int nr);

/**
 * iommu_flush_plan() - Turn extents into the fewest blocks that suffice.
 * @g: what is owed. @f: blocks are appended; all is set when they would not fit.
 * Locks: none. Context: any.
 */
void iommu_flush_plan(const struct iopt_gather *g, struct iommu_flush_req *f);

/**
 * iommu_count_wait() - A vendor's flush_wait() found its flush not done at the
 * first look. @from_ns: when that was.
 * Locks: none. Context: any.
 */
void iommu_count_wait(uint64_t from_ns);

/**
 * iommu_unit_check() - A unit reported the outcome of an operation.
 * @unit: its number. @rc: 0 or -errno. @what: for the log.
 *
 * While devices are being translated a unit that does not answer leaves stale
 * translations usable, so the system stops.
 * Locks: none. Context: any. Return: @rc.
 */
int must_check iommu_unit_check(unsigned int unit, int rc, const char *what);

/**
 * iommu_dev_get() - The IOMMU's state of a device, made at first use.
 * @dev: a device. @out: its state. Locks: attach_lock held. Context: hypercall.
 * Return: 0, -ENODEV no unit serves it, -ENOMEM.
 */
int must_check iommu_dev_get(struct pci_dev *dev, struct iommu_dev **out);

/**
 * iommu_source_of() - Requester ids of a device, aliases of bridges included.
 * @dev: a device. @src: the answer. Locks: none. Context: any.
 */
void iommu_source_of(const struct pci_dev *dev, struct iommu_source *src);

/**
 * iommu_reserved_add() - Firmware says a device needs a range mapped 1:1.
 * @s: the device. @first, @last: frames, inclusive. @prot: IOMMU_R/W.
 * Locks: none. Context: boot. Return: 0, -EINVAL, -ENOMEM. Trust: firmware.
 */
int must_check iommu_reserved_add(sbdf_t s, uint64_t first, uint64_t last,
                                  unsigned int prot);

/* Whose firmware tables a range on the command line stands in for. */
enum iommu_region_kind {
    IOMMU_RMRR, /* VT-d's */
    IOMMU_IVMD, /* AMD's */
};

/**
 * iommu_regions_add() - Add the ranges that rmrr= or ivmd= gave to devices.
 * @kind: those of the vendor in use; the others are not looked at.
 * One line for each device that is not there and each range that is refused.
 * Locks: none. Context: boot, PCI scanned, before the first attach.
 */
void iommu_regions_add(enum iommu_region_kind kind);

/**
 * iommu_options_resolve() - Settle what contradicts itself in the options.
 * Locks: none. Context: boot, the command line was parsed, once.
 */
void iommu_options_resolve(void);

/**
 * iommu_reserved_any() - Does firmware want ranges for this device?
 * @s: the device. Locks: none. Context: any. Return: true if it does.
 */
bool iommu_reserved_any(sbdf_t s);
/**
 * iommu_reserved_map() - Map a device's ranges in a space before it is attached.
 * @s: the space. @dev: the device. Locks: attach_lock held. Context: hypercall.
 * Return: 0, -EADDRINUSE overlaps another kind of mapping, -ENOMEM; undone.
 */
int must_check iommu_reserved_map(struct iospace *s, const struct pci_dev *dev);

/**
 * iommu_reserved_unmap() - Unmap them after it was detached.
 * @s: the space. @dev: the device.
 * Locks: attach_lock held. Context: hypercall.
 */
void iommu_reserved_unmap(struct iospace *s, const struct pci_dev *dev);

/* One fault as a unit reported it. */
struct iommu_fault {
    const char *unit_name; /* "vtd0" */
    unsigned int unit;
    sbdf_t sid;    /* requester id, from a device: untrusted */
    uint64_t addr; /* bytes */
    bool write;
    bool translated; /* addr means something: the walk is printed */
    unsigned int code;
    const char *reason;
};

/**
 * iommu_fault_report() - Count, print (rate limited), and silence a device
 * that keeps faulting. @f: the fault.
 * Locks: none but fault_lock; what else it reads it reads without one.
 * Context: any but NMI. Trust: @f is the device's.
 */
void iommu_fault_report(const struct iommu_fault *f);

/**
 * iommu_fault_lost() - A unit had no room for its faults; one line at most, at
 * the rate of theirs. @unit_name: "vtd0". Locks: fault lock. Context: any but
 * NMI.
 */
void iommu_fault_lost(const char *unit_name);

/**
 * iommu_fault_quiesce() - Wait until no fault handler looks at a space.
 * @s: the space; no device's state names it any more, so none can begin to.
 * Locks: fault_lock. Context: hypercall, interrupts on; as long as printing a
 *        few lines takes on another CPU.
 */
void iommu_fault_quiesce(struct iospace *s);

#endif
