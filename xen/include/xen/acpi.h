/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Firmware tables as plain structs. Every byte of a table is untrusted: lengths
 * are bounded, checksums verified, arrays end where these constants say.
 * Layer L4. Spec: ACPI "ACPI Software Programming Model".
 */
#ifndef XEN_ACPI_H
#define XEN_ACPI_H

#include <xen/addr.h>
#include <xen/types.h>

/* Ours: room in the arrays below; more than that is reported and left out. */
#define ACPI_MAX_TABLES  64
#define ACPI_MAX_CPUS    512
#define ACPI_MAX_IOAPICS 64
#define ACPI_MAX_ISOS    32
#define ACPI_MAX_NMIS    32
#define ACPI_MAX_ECAM    16
#define DMAR_MAX_UNITS   32
#define DMAR_MAX_REGIONS 64
#define DMAR_MAX_ATSRS   16
#define DMAR_MAX_SCOPES  512
#define DMAR_MAX_PATH    8
#define IVRS_MAX_UNITS   32
#define IVRS_MAX_DEVS    1024
#define IVRS_MAX_SPECIAL 64
#define IVRS_MAX_REGIONS 64

/**
 * acpi_map() - Reach firmware memory (port: the architecture supplies it).
 * @pa:  machine address, any alignment. @len: bytes, not 0.
 * Locks: none. Context: boot. Return: pointer good for ever, or NULL if the
 * range is not memory or cannot be reached.
 */
void *acpi_map(paddr_t pa, size_t len);

/**
 * acpi_init() - Find the root table and index what it lists.
 * @rsdp_pa: RSDP as the boot loader gave it, or 0 to search the BIOS areas.
 *
 * A table with a wrong length or checksum is left out with a line in the log.
 * Locks: none. Context: boot, once. Trust: everything read is firmware's.
 * Return: 0, -ENOENT no valid RSDP, -EBADMSG no usable root table.
 * Spec: ACPI "Root System Description Pointer".
 */
int must_check acpi_init(paddr_t rsdp_pa);

/**
 * acpi_rsdp() - Where the RSDP is (XENPF_firmware_info, Dom0's start info).
 * Locks: none. Context: after acpi_init(). Return: machine address, 0: none.
 */
paddr_t acpi_rsdp(void);

/**
 * acpi_find() - Look a table up.
 * @sig: its signature; also finds tables that acpi_hide() renamed.
 * @nth: 0 for the first with that signature.
 * @len: receives its length, at least 36; may be NULL.
 * Locks: none. Context: after acpi_init(). Return: the table, or NULL.
 */
const void *acpi_find(const char sig[4], unsigned int nth, size_t *len);

/**
 * acpi_hide() - Rename every table of a signature in memory, so that Dom0 does
 * not find it; the checksum stays right.
 * @sig: signature; its first letter becomes X.
 * Locks: none. Context: boot. Return: 0, -ENOENT no such table.
 */
int acpi_hide(const char sig[4]);

/* ---- MADT: processors and interrupt controllers ------------------------- */

struct madt_cpu {
    uint32_t apic_id;
    uint32_t uid;        /* ACPI processor id */
    bool enabled;        /* usable at boot */
    bool online_capable; /* may be enabled later */
};

struct madt_ioapic {
    paddr_t pa;
    uint32_t gsi_base;
    uint8_t id;
};

/* Flags of overrides and NMIs. Spec: ACPI "MPS INTI Flags". */
#define MADT_POLARITY   0x3u /* 0 bus default, 1 active high, 3 active low */
#define MADT_ACTIVE_LOW 0x3u
#define MADT_TRIGGER    0xcu /* 0 bus default, 4 edge, 0xc level */
#define MADT_LEVEL      0xcu

struct madt_iso {
    uint32_t gsi;
    uint16_t flags;
    uint8_t irq; /* ISA interrupt */
};

struct madt_nmi {
    uint32_t uid; /* of the processor; UINT32_MAX: all */
    uint32_t gsi; /* for an NMI source on an IO-APIC */
    uint16_t flags;
    uint8_t lint; /* 0 or 1 */
    bool is_lint; /* else an IO-APIC source */
};

struct madt_info {
    paddr_t lapic_pa;
    bool has_pic; /* a pair of 8259s exists too */
    unsigned int nr_cpus;
    unsigned int nr_ioapics;
    unsigned int nr_isos;
    unsigned int nr_nmis;
    struct madt_cpu cpu[ACPI_MAX_CPUS];
    struct madt_ioapic ioapic[ACPI_MAX_IOAPICS];
    struct madt_iso iso[ACPI_MAX_ISOS];
    struct madt_nmi nmi[ACPI_MAX_NMIS];
};

/**
 * madt_parse() - Decode a MADT.
 * @table: the table. @len: bytes that may be read.
 * @out:   overwritten; on error what was read so far.
 * Locks: none. Context: boot.
 * Return: 0, -EBADMSG malformed.
 * Spec: ACPI "Multiple APIC Description Table".
 */
int must_check madt_parse(const void *table, size_t len, struct madt_info *out);

/**
 * acpi_madt() - The machine's MADT, decoded at the first call.
 * Locks: none. Context: boot, one CPU. Return: the result, NULL without one.
 */
const struct madt_info *acpi_madt(void);

/* ---- MCFG: memory-mapped PCI configuration space ------------------------ */

struct mcfg_region {
    paddr_t pa; /* where bus 0 is or would be; a bus takes 1 MiB */
    uint16_t seg;
    uint8_t first_bus;
    uint8_t last_bus; /* inclusive */
};

struct mcfg_info {
    unsigned int nr;
    struct mcfg_region region[ACPI_MAX_ECAM];
};

/**
 * mcfg_parse() - Decode an MCFG.
 * @table: the table. @len: bytes that may be read. @out: overwritten.
 * Locks: none. Context: boot. Return: 0, -EBADMSG malformed.
 * Spec: PCI Firmware Specification "MCFG Table Description".
 */
int must_check mcfg_parse(const void *table, size_t len, struct mcfg_info *out);

/**
 * acpi_mcfg() - The machine's MCFG, decoded at the first call.
 * Locks: none. Context: boot, one CPU. Return: the result, NULL without one.
 */
const struct mcfg_info *acpi_mcfg(void);

/* ---- FADT: power management and reset ----------------------------------- */

enum acpi_space { ACPI_SPACE_MEM = 0, ACPI_SPACE_IO = 1, ACPI_SPACE_PCI = 2 };

/* Where a register is; pa 0: it does not exist. */
struct acpi_reg {
    uint64_t pa;
    uint8_t space; /* enum acpi_space, or something we do not support */
    uint8_t bits;
};

struct fadt_info {
    struct acpi_reg pm1a_evt; /* bits covers status and enable */
    struct acpi_reg pm1b_evt;
    struct acpi_reg pm1a_cnt;
    struct acpi_reg pm1b_cnt;
    struct acpi_reg pm_timer;
    struct acpi_reg reset;
    paddr_t facs_pa;
    paddr_t dsdt_pa;
    uint32_t smi_cmd; /* port, 0: none */
    uint32_t flags;   /* FADT_* */
    uint16_t sci_irq;
    uint16_t boot_arch; /* FADT_BOOT_* */
    uint8_t reset_value;
    uint8_t acpi_enable; /* written to smi_cmd */
    uint8_t acpi_disable;
    uint8_t century; /* CMOS index, 0: none */
    uint8_t revision;
    bool pm_timer_32bit;
    bool has_reset;
    bool has_s5;
    uint8_t s5_typ_a; /* SLP_TYP for PM1a and PM1b */
    uint8_t s5_typ_b;
};

#define FADT_TMR_VAL_EXT     (1u << 8)
#define FADT_RESET_REG       (1u << 10)
#define FADT_HW_REDUCED      (1u << 20)
#define FADT_BOOT_NO_VGA     (1u << 2)
#define FADT_BOOT_NO_MSI     (1u << 3)
#define FADT_BOOT_NO_CMOSRTC (1u << 5)

/**
 * fadt_parse() - Decode a FADT; the sleep types are fadt_find_s5()'s.
 * @table: the table. @len: bytes that may be read. @out: overwritten.
 * Locks: none. Context: boot. Return: 0, -EBADMSG malformed.
 * Spec: ACPI "Fixed ACPI Description Table".
 */
int must_check fadt_parse(const void *table, size_t len, struct fadt_info *out);

/**
 * fadt_find_s5() - Find the package \_S5_ in a DSDT or SSDT.
 * @table: the table, with its header. @len: bytes that may be read.
 * @typ_a: SLP_TYP for PM1a. @typ_b: for PM1b. Both unchanged on error.
 * Locks: none. Context: boot. Return: 0, -ENOENT none that is understood.
 * Spec: ACPI "AML Byte Stream Byte Values", "\_S5".
 */
int must_check fadt_find_s5(const void *table, size_t len, uint8_t *typ_a,
                            uint8_t *typ_b);

/**
 * acpi_fadt() - The machine's FADT, decoded at the first call.
 * Locks: none. Context: boot, one CPU. Return: the result, NULL without one.
 */
const struct fadt_info *acpi_fadt(void);

/* ---- HPET --------------------------------------------------------------- */

struct hpet_info {
    paddr_t pa;
    uint32_t id;       /* event timer block id */
    uint16_t min_tick; /* smallest periodic count that loses none */
    uint8_t number;
    uint8_t protect; /* HPET_PROTECT_*, 0: other things share the page */
};

/* Memory around the registers with nothing else in it. Spec: HPET "Page
 * Protection And OEM Attribute". */
#define HPET_PROTECT_4K  1
#define HPET_PROTECT_64K 2

/**
 * hpet_parse() - Decode an HPET table.
 * @table: the table. @len: bytes that may be read. @out: overwritten.
 * Locks: none. Context: boot.
 * Return: 0, -EBADMSG malformed, -EOPNOTSUPP not memory mapped.
 * Spec: HPET "The ACPI 2.0 HPET Description Table".
 */
int must_check hpet_parse(const void *table, size_t len, struct hpet_info *out);

/**
 * acpi_hpet() - The machine's HPET, decoded at the first call.
 * Locks: none. Context: boot, one CPU. Return: the result, NULL without one.
 */
const struct hpet_info *acpi_hpet(void);

/* ---- DMAR: Intel's IOMMUs ----------------------------------------------- */

#define DMAR_FLAG_INTR_REMAP 1u /* dmar_info.flags. Spec: VTD 8.1 */
#define DMAR_FLAG_X2APIC_OPT 2u /* firmware asks not to use x2APIC */
#define DMAR_FLAG_DMA_CTRL   4u /* firmware asks to keep DMA blocked */
#define DRHD_INCLUDE_PCI_ALL 1u /* dmar_unit.flags */
#define ATSR_ALL_PORTS       1u /* dmar_atsr.flags */

enum dmar_scope_kind {
    DMAR_SCOPE_ENDPOINT = 1,
    DMAR_SCOPE_BRIDGE = 2, /* and everything behind it */
    DMAR_SCOPE_IOAPIC = 3,
    DMAR_SCOPE_HPET = 4,
    DMAR_SCOPE_NAMESPACE = 5,
};

struct dmar_scope {
    uint8_t kind;    /* enum dmar_scope_kind */
    uint8_t enum_id; /* IO-APIC id, HPET number or ACPI device number */
    uint8_t start_bus;
    uint8_t nr_path; /* at least 1 */
    struct {
        uint8_t dev;       /* 0..31 */
        uint8_t fn;        /* 0..7 */
    } path[DMAR_MAX_PATH]; /* each but the last is a bridge to be followed */
};

/* Scopes of one structure: scope[first_scope .. + nr_scopes - 1]. */
struct dmar_unit {
    paddr_t pa;    /* registers, 4K aligned */
    uint64_t size; /* of the register window, bytes */
    uint16_t seg;
    uint16_t first_scope;
    uint16_t nr_scopes;
    uint8_t flags;
};

struct dmar_region {
    paddr_t first; /* 4K aligned */
    paddr_t last;  /* inclusive, last byte of a page */
    uint16_t seg;
    uint16_t first_scope;
    uint16_t nr_scopes;
};

struct dmar_atsr {
    uint16_t seg;
    uint16_t first_scope;
    uint16_t nr_scopes;
    uint8_t flags;
};

struct dmar_info {
    uint8_t address_bits; /* DMA addresses the platform decodes */
    uint8_t flags;        /* DMAR_FLAG_* */
    unsigned int nr_units;
    unsigned int nr_regions;
    unsigned int nr_atsrs;
    unsigned int nr_scopes;
    struct dmar_unit unit[DMAR_MAX_UNITS]; /* DRHD; INCLUDE_PCI_ALL last */
    struct dmar_region region[DMAR_MAX_REGIONS]; /* RMRR */
    struct dmar_atsr atsr[DMAR_MAX_ATSRS];
    struct dmar_scope scope[DMAR_MAX_SCOPES];
};

/**
 * dmar_parse() - Decode a DMAR.
 * @table: the table. @len: bytes that may be read.
 * @out:   overwritten; meaningless after an error.
 *
 * A structure of unknown type is skipped with a line in the log.
 * Locks: none. Context: boot. Trust: the table is firmware's.
 * Return: 0, or
 *         -EBADMSG    a length, the checksum, a register base, a path or a
 *                     region makes no sense
 *         -EADDRINUSE two units share registers, or two units of one segment
 *                     claim all devices, or one device has two units
 *         -ENOSPC     more structures than struct dmar_info holds
 *         -ENODEV     no unit at all
 * Spec: VTD 8 "BIOS Considerations".
 */
int must_check dmar_parse(const void *table, size_t len, struct dmar_info *out);

/**
 * acpi_dmar() - The machine's DMAR, decoded at the first call.
 * @info: receives the result; unchanged on error.
 * Locks: none. Context: boot, one CPU.
 * Return: 0, -ENOENT no such table, or as dmar_parse().
 */
int must_check acpi_dmar(const struct dmar_info **info);

/* ---- IVRS: AMD's IOMMUs -------------------------------------------------- */

/* ivrs_unit.flags: what firmware wants in the unit's control register. */
#define IVHD_HT_TUN      0x01u
#define IVHD_PASS_PW     0x02u
#define IVHD_RES_PASS_PW 0x04u
#define IVHD_ISOC        0x08u
#define IVHD_IOTLB       0x10u /* unit can serve device TLBs */
#define IVHD_COHERENT    0x20u /* unit's table reads snoop CPU caches */

/* ivrs_dev.flags: interrupt messages that pass, and how to treat system
 * management requests. */
#define IVHD_INIT_PASS  0x01u
#define IVHD_EINT_PASS  0x02u
#define IVHD_NMI_PASS   0x04u
#define IVHD_SYS_MGT    0x30u
#define IVHD_LINT0_PASS 0x40u
#define IVHD_LINT1_PASS 0x80u

/* Requester ids first..last; alias: all of them show this one instead. */
struct ivrs_dev {
    uint16_t first;
    uint16_t last; /* inclusive */
    uint16_t alias;
    bool aliased;
    bool no_ats; /* firmware forbids device TLBs */
    uint8_t flags;
};

enum ivrs_special_kind { IVRS_IOAPIC = 1, IVRS_HPET = 2 };

/* What is no PCI function but sends interrupts under an id. */
struct ivrs_special {
    uint8_t kind;   /* enum ivrs_special_kind */
    uint8_t handle; /* IO-APIC id, HPET number */
    uint8_t flags;  /* as ivrs_dev.flags */
    uint8_t unit;   /* index into unit[] */
    uint16_t devid;
};

/* Entries of one unit: dev[first_dev .. + nr_devs - 1]. */
struct ivrs_unit {
    paddr_t pa;    /* registers, 16K aligned */
    uint64_t size; /* of the register window, bytes */
    uint64_t efr;  /* extended features as firmware saw them; 0: not told */
    uint16_t seg;
    uint16_t devid; /* of the unit's own function */
    uint16_t cap;   /* offset of its capability block */
    uint16_t first_dev;
    uint16_t nr_devs;
    uint8_t type; /* of the structure used: 0x10, 0x11 or 0x40 */
    uint8_t flags;
};

/* Memory some firmware device needs mapped 1:1, or left alone. */
struct ivrs_region {
    paddr_t first; /* 4K aligned */
    paddr_t last;  /* inclusive, last byte of a page */
    uint16_t seg;
    uint16_t devid_first;
    uint16_t devid_last; /* inclusive */
    bool read;
    bool write;
};

struct ivrs_info {
    uint8_t pa_bits; /* of machine addresses, 0: not told */
    uint8_t va_bits; /* of device addresses, 0: not told */
    unsigned int nr_units;
    unsigned int nr_devs;
    unsigned int nr_specials;
    unsigned int nr_regions;
    struct ivrs_unit unit[IVRS_MAX_UNITS];
    struct ivrs_dev dev[IVRS_MAX_DEVS];
    struct ivrs_special special[IVRS_MAX_SPECIAL];
    struct ivrs_region region[IVRS_MAX_REGIONS];
};

/**
 * ivrs_parse() - Decode an IVRS.
 * @table: the table. @len: bytes that may be read.
 * @out:   overwritten; meaningless after an error.
 *
 * Of several descriptions of one unit the one of the highest type counts that
 * makes sense; each that does not has a line in the log. Structures and
 * entries of unknown type are skipped.
 * Locks: none. Context: boot. Trust: the table is firmware's.
 * Return: 0, or
 *         -EBADMSG    a length, the checksum, a register base, a range or a
 *                     region makes no sense
 *         -EADDRINUSE two units share registers or claim one device
 *         -ENOSPC     more structures than struct ivrs_info holds
 *         -ENODEV     no unit at all
 * Spec: AMD48882 "I/O Virtualization ACPI Table".
 */
int must_check ivrs_parse(const void *table, size_t len, struct ivrs_info *out);

/**
 * acpi_ivrs() - The machine's IVRS, decoded at the first call.
 * @info: receives it. Locks: none. Context: boot, one CPU.
 * Return: 0, -ENOENT no such table, or as ivrs_parse().
 */
int must_check acpi_ivrs(const struct ivrs_info **info);

#endif
