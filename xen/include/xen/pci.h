/* SPDX-License-Identifier: GPL-2.0 */
/* PCI devices: names, registry, configuration space. Layer L4. */
#ifndef XEN_PCI_H
#define XEN_PCI_H

#include <xen/types.h>

/* Segment, bus, device, function. bdf is bus << 8 | dev << 3 | fn. */
typedef struct {
    uint16_t seg;
    uint16_t bdf;
} sbdf_t;

#define SBDF(s, b, d, f) \
    ((sbdf_t){ (uint16_t)(s), (uint16_t)((b) << 8 | (d) << 3 | (f)) })
#define SBDF_FMT    "%04x:%02x:%02x.%u"
#define SBDF_ARG(s) (s).seg, (s).bdf >> 8, (s).bdf >> 3 & 31u, (s).bdf & 7u

/*
 * PCI_BRIDGE keeps the requester ids of what is behind it (PCI Express ports);
 * PCI_PCIE_TO_PCI does not (also a conventional bridge on a root bus).
 */
enum pci_kind { PCI_ENDPOINT, PCI_BRIDGE, PCI_PCIE_TO_PCI, PCI_HOST_BRIDGE };

/* Ours: entries of the registry, about 80 bytes each. */
#define PCI_MAX_DEVS 1024u

/* Registers of the common header. Spec: PCI Local Bus 3.0, 6.1. */
#define PCI_REG_VENDOR_ID    0x00u
#define PCI_REG_COMMAND      0x04u
#define PCI_CMD_IO           0x001u
#define PCI_CMD_MEM          0x002u
#define PCI_CMD_MASTER       0x004u
#define PCI_CMD_NO_INTX      0x400u
#define PCI_REG_STATUS       0x06u
#define PCI_STS_CAPS         0x0010u
#define PCI_REG_REVISION     0x08u
#define PCI_REG_HEADER_TYPE  0x0eu
#define PCI_HEADER_MULTI     0x80u
#define PCI_REG_BAR0         0x10u
#define PCI_REG_BUSES        0x18u /* bridges: primary, secondary, last */
#define PCI_REG_CAP_FIRST    0x34u
#define PCI_REG_CAP_FIRST_CB 0x14u /* CardBus bridges */

#define PCI_CAP_ID_MSI       0x05u
#define PCI_CAP_ID_PCIE      0x10u
#define PCI_CAP_ID_MSIX      0x11u
#define PCI_EXT_CAP_ID_ACS   0x0du
#define PCI_EXT_CAP_ID_ATS   0x0fu
#define PCI_EXT_CAP_ID_PASID 0x1bu

struct pci_dev {
    sbdf_t sbdf;
    enum pci_kind kind;
    uint16_t vendor;
    uint16_t device;
    uint32_t class;      /* class << 16 | subclass << 8 | interface */
    uint8_t header;      /* header type without the multi-function bit */
    uint8_t secondary;   /* bridges: bus behind */
    uint8_t subordinate; /* bridges: last bus behind */
    uint8_t pcie_type;   /* device/port type, if cap_pcie */
    uint16_t cap_msi;    /* offset of the capability, 0: none */
    uint16_t cap_msix;
    uint16_t cap_pcie;
    uint16_t cap_ats; /* extended capability, 0: none */
    uint16_t owner;   /* domain id; DOMID_* reserved ids for ours */
    bool hidden;      /* ours: Dom0 must not program it (IOMMU, UART) */
    bool is_vf;       /* SR-IOV virtual function of physfn */
    sbdf_t physfn;
    void *iommu; /* private to drivers/passthrough */
    void *msi;   /* private to arch msi.c */
};

/**
 * pci_read() - Read configuration space, through ECAM beyond offset 0xff.
 * @s:     function.
 * @reg:   offset below 4096, aligned to @width.
 * @width: 1, 2 or 4 bytes.
 * Locks: takes the type-1 lock, irq-safe. Context: any but NMI.
 * Return: the value; all ones of that width for what cannot be reached.
 * Spec: PCI Local Bus 3.0, 3.2.2.3.2 "Software Generation of Configuration
 * Transactions".
 */
uint32_t pci_read(sbdf_t s, unsigned int reg, unsigned int width);

/**
 * pci_write() - Write configuration space, as pci_read() reads it.
 * @s:     function.
 * @reg:   offset below 4096, aligned to @width.
 * @width: 1, 2 or 4 bytes.
 * @v:     value; higher bits are ignored. Lost where nothing can be reached.
 * Locks: takes the type-1 lock, irq-safe. Context: any but NMI.
 */
void pci_write(sbdf_t s, unsigned int reg, unsigned int width, uint32_t v);

/**
 * pci_ecam_map() - Map a bus's configuration space, if the MCFG covers it.
 * @seg: segment; only 0 is supported. @bus: bus.
 * Locks: none held. Context: boot or hypercall. Idempotent.
 * Return: 0, -ENODEV not covered, -ENOMEM no mapping.
 */
int must_check pci_ecam_map(unsigned int seg, unsigned int bus);

/**
 * pci_probe() - Register every function of segment 0 that bridges lead to.
 * Locks: takes the registry's. Context: boot, ACPI parsed, mmio_map() works.
 * Return: number of devices registered.
 */
unsigned int pci_probe(void);

/**
 * pci_probe_root() - As pci_probe(), from another root bus.
 * @bus: its number; nothing happens if that bus was walked already.
 * Locks: takes the registry's. Context: boot. Return: devices registered.
 */
unsigned int pci_probe_root(unsigned int bus);

/**
 * pci_add() - Register a function, or read a registered one's header again.
 * @s:      the function.
 * @physfn: the physical function if @s is a virtual one (whose identity
 *          registers read as ones), else NULL.
 * @out:    receives the device; may be NULL; unchanged on error.
 * Locks: takes the registry's. Context: boot or hypercall. Trust: @s is Dom0's.
 * Return: 0, -ENODEV nothing answers there or not segment 0, -ENOENT @physfn is
 * not registered, -ENOSPC registry full.
 */
int must_check pci_add(sbdf_t s, const sbdf_t *physfn, struct pci_dev **out);

/**
 * pci_remove() - Forget a function.
 * @s: the function; its owner must have been taken off it already.
 *
 * The memory stays: a reader that still holds the pointer sees a stale device.
 * Locks: takes the registry's. Context: hypercall.
 * Return: 0, -ENODEV not registered, -EBUSY a driver still has private data.
 */
int must_check pci_remove(sbdf_t s);

/**
 * pci_find() - Look a device up.
 * @s: function. Locks: none. Context: any.
 * Return: the device (its memory is never given back), or NULL.
 */
struct pci_dev *pci_find(sbdf_t s);

/**
 * pci_for_each() - Call a function for each registered device.
 * @fn:  called in order of registration; may call anything of this header; a
 *       value other than 0 stops the walk.
 * @arg: passed to @fn.
 * Locks: none held around @fn. Context: any. Return: 0, or what @fn returned.
 */
int pci_for_each(int (*fn)(struct pci_dev *dev, void *arg), void *arg);

/**
 * pci_cap_find() - Offset of a capability.
 * @s: function. @id: PCI_CAP_ID_*.
 * Locks: as pci_read(). Context: any but NMI. Trust: the list is the device's:
 * at most 48 entries are looked at. Return: the offset, 0: none.
 */
unsigned int pci_cap_find(sbdf_t s, unsigned int id);

/**
 * pci_ext_cap_find() - Offset of an extended capability.
 * @s: function. @id: PCI_EXT_CAP_ID_*.
 * Locks: as pci_read(). Context: any but NMI. Trust: as pci_cap_find(), 480.
 * Return: the offset, 0: none or no ECAM.
 */
unsigned int pci_ext_cap_find(sbdf_t s, unsigned int id);

/**
 * pci_parent() - The bridge a function is directly behind.
 * @s: function. Locks: none. Context: any.
 * Return: the bridge, or NULL on a root bus or behind an unknown bridge.
 */
struct pci_dev *pci_parent(sbdf_t s);

/**
 * pci_requester() - The id a function's requests carry where IOMMUs see them.
 * @dev: the function.
 * @rid: its own id, or the one the topmost PCI_PCIE_TO_PCI bridge above it
 *       uses: the secondary bus, device 0 for PCI Express to PCI, the bridge's
 *       own for a conventional one.
 * Locks: none. Context: any. Return: true if @rid is not its own.
 * Spec: PCI Express to PCI/PCI-X Bridge 1.0, 2.3.
 */
bool pci_requester(const struct pci_dev *dev, sbdf_t *rid);

/**
 * pci_parse_sbdf() - Parse "[<seg>:]<bus>:<dev>.<fn>" at the start of a string.
 * @s: text; the numbers are hexadecimal.
 * @out: the function; unchanged on error.
 * @endp: first character not used; NULL demands the whole string.
 * @has_seg: was a segment written? May be NULL.
 * Locks: none. Context: any. Return: 0, -EINVAL.
 */
int must_check pci_parse_sbdf(const char *s, sbdf_t *out, const char **endp,
                              bool *has_seg);

static inline bool sbdf_eq(sbdf_t a, sbdf_t b)
{
    return a.seg == b.seg && a.bdf == b.bdf;
}

#endif
