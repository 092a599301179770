// SPDX-License-Identifier: GPL-2.0
/*
 * MADT: processors, IO-APICs, overrides. No lock: constant after the first use.
 * Spec: ACPI "Multiple APIC Description Table (MADT)".
 */
#include <xen/errno.h>
#include <xen/printk.h>

#include "acpi-priv.h"

#define MADT_LAPIC_PA 36
#define MADT_FLAGS    40
#define MADT_ENTRIES  44u
#define MADT_PCAT     1u

enum madt_type {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_ISO = 2,
    MADT_NMI_SOURCE = 3,
    MADT_LAPIC_NMI = 4,
    MADT_LAPIC_OVERRIDE = 5,
    MADT_X2APIC = 9,
    MADT_X2APIC_NMI = 10,
    MADT_TYPES,
};

/* Shortest entry of each type; 0: a type we have no use for. */
static const uint8_t min_len[MADT_TYPES] = {
    [MADT_LAPIC] = 8,      [MADT_IOAPIC] = 12,     [MADT_ISO] = 10,
    [MADT_NMI_SOURCE] = 8, [MADT_LAPIC_NMI] = 6,   [MADT_LAPIC_OVERRIDE] = 12,
    [MADT_X2APIC] = 16,    [MADT_X2APIC_NMI] = 12,
};

#define CPU_ENABLED        1u
#define CPU_ONLINE_CAPABLE 2u

static void add_cpu(struct madt_info *out, uint32_t apic_id, uint32_t uid,
                    uint32_t flags)
{
    unsigned int i;

    if (!(flags & (CPU_ENABLED | CPU_ONLINE_CAPABLE))) {
        return;
    }
    for (i = 0; i < out->nr_cpus; i++) {
        /* Firmware may list a CPU in either form. */
        if (out->cpu[i].apic_id == apic_id) {
            return;
        }
    }
    if (out->nr_cpus == ACPI_MAX_CPUS) {
        log_warn("madt: more than %u CPUs, APIC id %#x left out\n",
                 ACPI_MAX_CPUS, apic_id);
        return;
    }
    out->cpu[out->nr_cpus++] = (struct madt_cpu){
        .apic_id = apic_id,
        .uid = uid,
        .enabled = flags & CPU_ENABLED,
        .online_capable = flags & CPU_ONLINE_CAPABLE,
    };
}

static void add_ioapic(struct madt_info *out, const uint8_t *e)
{
    const struct madt_ioapic io = {
        .id = e[2],
        .pa = load_le32(e + 4),
        .gsi_base = load_le32(e + 8),
    };

    if (!io.pa || io.pa % 16) {
        log_warn("madt: IO-APIC %u at %#llx ignored\n", io.id,
                 (unsigned long long)io.pa);
        return;
    }
    if (out->nr_ioapics == ACPI_MAX_IOAPICS) {
        log_warn("madt: more than %u IO-APICs, id %u left out\n",
                 ACPI_MAX_IOAPICS, io.id);
        return;
    }
    out->ioapic[out->nr_ioapics++] = io;
}

static void add_iso(struct madt_info *out, const uint8_t *e)
{
    const struct madt_iso iso = {
        .irq = e[3],
        .gsi = load_le32(e + 4),
        .flags = load_le16(e + 8),
    };

    /* Bus 0 is ISA, the only one the format knows. */
    if (e[2] != 0 || iso.irq > 15) {
        log_warn("madt: override of bus %u irq %u ignored\n", e[2], iso.irq);
        return;
    }
    if (out->nr_isos == ACPI_MAX_ISOS) {
        log_warn("madt: more than %u overrides, irq %u left out\n",
                 ACPI_MAX_ISOS, iso.irq);
        return;
    }
    out->iso[out->nr_isos++] = iso;
}

static void add_nmi(struct madt_info *out, const struct madt_nmi *nmi)
{
    if (nmi->is_lint && nmi->lint > 1) {
        log_warn("madt: NMI on LINT%u ignored\n", nmi->lint);
        return;
    }
    if (out->nr_nmis == ACPI_MAX_NMIS) {
        log_warn("madt: more than %u NMIs\n", ACPI_MAX_NMIS);
        return;
    }
    out->nmi[out->nr_nmis++] = *nmi;
}

/* @e has at least min_len[] bytes. */
static void add_entry(struct madt_info *out, const uint8_t *e)
{
    switch ((enum madt_type)e[0]) {
    case MADT_LAPIC:
        add_cpu(out, e[3], e[2], load_le32(e + 4));
        break;
    case MADT_X2APIC:
        add_cpu(out, load_le32(e + 4), load_le32(e + 12), load_le32(e + 8));
        break;
    case MADT_IOAPIC:
        add_ioapic(out, e);
        break;
    case MADT_ISO:
        add_iso(out, e);
        break;
    case MADT_NMI_SOURCE:
        add_nmi(out, &(struct madt_nmi){ .flags = load_le16(e + 2),
                                         .gsi = load_le32(e + 4) });
        break;
    case MADT_LAPIC_NMI:
        add_nmi(out,
                &(struct madt_nmi){ .is_lint = true,
                                    .uid = e[2] == 0xff ? UINT32_MAX : e[2],
                                    .flags = load_le16(e + 3),
                                    .lint = e[5] });
        break;
    case MADT_X2APIC_NMI:
        add_nmi(out, &(struct madt_nmi){ .is_lint = true,
                                         .flags = load_le16(e + 2),
                                         .uid = load_le32(e + 4),
                                         .lint = e[8] });
        break;
    case MADT_LAPIC_OVERRIDE:
        out->lapic_pa = load_le64(e + 4);
        break;
    case MADT_TYPES:
        break;
    }
}

int madt_parse(const void *table, size_t len, struct madt_info *out)
{
    const uint8_t *p = table;
    size_t table_len;
    size_t pos;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = acpi_check(p, len, "APIC", MADT_ENTRIES, &table_len);
    if (rc) {
        return rc;
    }
    out->lapic_pa = load_le32(p + MADT_LAPIC_PA);
    out->has_pic = load_le32(p + MADT_FLAGS) & MADT_PCAT;

    for (pos = MADT_ENTRIES; pos < table_len;) {
        const uint8_t *e = p + pos;
        const size_t left = table_len - pos;

        /* Zero would loop, large would overrun. */
        if (left < 2 || e[1] < 2 || e[1] > left) {
            log_err("madt: entry at offset %#zx has a bad length\n", pos);
            return -EBADMSG;
        }
        pos += e[1];
        if (e[0] >= MADT_TYPES || !min_len[e[0]]) {
            continue;
        }
        if (e[1] < min_len[e[0]]) {
            log_err("madt: entry of type %u has length %u\n", e[0], e[1]);
            return -EBADMSG;
        }
        add_entry(out, e);
    }
    return 0;
}

const struct madt_info *acpi_madt(void)
{
    static struct madt_info info;
    static bool tried;
    static bool good;
    size_t len;
    const void *table;

    if (!tried) {
        tried = true;
        table = acpi_find("APIC", 0, &len);
        good = table && !madt_parse(table, len, &info);
    }
    return good ? &info : NULL;
}
