// SPDX-License-Identifier: GPL-2.0
/*
 * FADT: power management registers and reset; from the DSDT only the sleep
 * types of S5, found by a bounded scan, because we run no AML.
 * No lock: constant after the first use.
 * Spec: ACPI "Fixed ACPI Description Table (FADT)".
 */
#include <xen/errno.h>
#include <xen/printk.h>

#include "acpi-priv.h"

#define FADT_MIN_LEN     116u /* revision 1 */
#define FADT_FACS        36
#define FADT_DSDT        40
#define FADT_SCI         46
#define FADT_SMI_CMD     48
#define FADT_ENABLE      52
#define FADT_DISABLE     53
#define FADT_PM1A_EVT    56
#define FADT_PM1B_EVT    60
#define FADT_PM1A_CNT    64
#define FADT_PM1B_CNT    68
#define FADT_PM_TMR      76
#define FADT_PM1_EVT_LEN 88
#define FADT_PM1_CNT_LEN 89
#define FADT_PM_TMR_LEN  91
#define FADT_CENTURY     108
#define FADT_BOOT_ARCH   109
#define FADT_FLAGS       112
#define FADT_RESET       116 /* generic address, then the value */
#define FADT_RESET_VALUE 128
#define FADT_X_FACS      132
#define FADT_X_DSDT      140
#define FADT_X_PM1A_EVT  148
#define FADT_X_PM1B_EVT  160
#define FADT_X_PM1A_CNT  172
#define FADT_X_PM1B_CNT  184
#define FADT_X_PM_TMR    208

#define GAS_LEN   12u
#define GAS_SPACE 0
#define GAS_BITS  1
#define GAS_PA    4

/* AML. Spec: ACPI "AML Byte Stream Byte Values". */
#define AML_ZERO    0x00
#define AML_ONE     0x01
#define AML_NAME    0x08
#define AML_BYTE    0x0a
#define AML_WORD    0x0b
#define AML_DWORD   0x0c
#define AML_PACKAGE 0x12
#define AML_ROOT    0x5c

static bool has(size_t table_len, size_t offset, size_t bytes)
{
    return table_len >= offset + bytes;
}

static struct acpi_reg load_gas(const uint8_t *p)
{
    return (struct acpi_reg){ .space = p[GAS_SPACE],
                              .bits = p[GAS_BITS],
                              .pa = load_le64(p + GAS_PA) };
}

/* A register block by its extended address if there is one, else its port. */
static struct acpi_reg load_block(const uint8_t *p, size_t table_len,
                                  unsigned int port_at, unsigned int x_at,
                                  unsigned int bytes)
{
    struct acpi_reg r = { .space = ACPI_SPACE_IO,
                          .pa = load_le32(p + port_at) };

    if (has(table_len, x_at, GAS_LEN)) {
        const struct acpi_reg x = load_gas(p + x_at);

        if (x.pa && x.space <= ACPI_SPACE_IO) {
            r = x;
        }
    }
    if (!bytes || bytes > 31 || (r.space == ACPI_SPACE_IO && r.pa > 0xffff)) {
        r.pa = 0;
    }
    r.bits = (uint8_t)(bytes * 8);
    return r;
}

int fadt_parse(const void *table, size_t len, struct fadt_info *out)
{
    const uint8_t *p = table;
    size_t n;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = acpi_check(p, len, "FACP", FADT_MIN_LEN, &n);
    if (rc) {
        return rc;
    }
    out->revision = p[ACPI_HEAD_REV];
    out->facs_pa = load_le32(p + FADT_FACS);
    out->dsdt_pa = load_le32(p + FADT_DSDT);
    if (has(n, FADT_X_FACS, 8) && load_le64(p + FADT_X_FACS)) {
        out->facs_pa = load_le64(p + FADT_X_FACS);
    }
    if (has(n, FADT_X_DSDT, 8) && load_le64(p + FADT_X_DSDT)) {
        out->dsdt_pa = load_le64(p + FADT_X_DSDT);
    }
    out->sci_irq = load_le16(p + FADT_SCI);
    out->smi_cmd = load_le32(p + FADT_SMI_CMD);
    if (out->smi_cmd > 0xffff) {
        out->smi_cmd = 0;
    }
    out->acpi_enable = p[FADT_ENABLE];
    out->acpi_disable = p[FADT_DISABLE];
    out->century = p[FADT_CENTURY];
    out->flags = load_le32(p + FADT_FLAGS);
    /* Revision 1 has reserved bytes there. */
    out->boot_arch = out->revision > 1 ? load_le16(p + FADT_BOOT_ARCH) : 0;

    if (!(out->flags & FADT_HW_REDUCED)) {
        out->pm1a_evt = load_block(p, n, FADT_PM1A_EVT, FADT_X_PM1A_EVT,
                                   p[FADT_PM1_EVT_LEN]);
        out->pm1b_evt = load_block(p, n, FADT_PM1B_EVT, FADT_X_PM1B_EVT,
                                   p[FADT_PM1_EVT_LEN]);
        out->pm1a_cnt = load_block(p, n, FADT_PM1A_CNT, FADT_X_PM1A_CNT,
                                   p[FADT_PM1_CNT_LEN]);
        out->pm1b_cnt = load_block(p, n, FADT_PM1B_CNT, FADT_X_PM1B_CNT,
                                   p[FADT_PM1_CNT_LEN]);
        out->pm_timer =
            load_block(p, n, FADT_PM_TMR, FADT_X_PM_TMR, p[FADT_PM_TMR_LEN]);
    }
    out->pm_timer_32bit = out->flags & FADT_TMR_VAL_EXT;

    if ((out->flags & FADT_RESET_REG) && has(n, FADT_RESET_VALUE, 1)) {
        out->reset = load_gas(p + FADT_RESET);
        out->reset_value = p[FADT_RESET_VALUE];
        out->has_reset =
            (out->reset.pa && out->reset.space == ACPI_SPACE_MEM) ||
            (out->reset.pa && out->reset.pa <= 0xffff &&
             out->reset.space == ACPI_SPACE_IO) ||
            out->reset.space == ACPI_SPACE_PCI;
    }
    return 0;
}

/* An integer constant at *pos; false leaves *pos anywhere within @end. */
static bool aml_integer(const uint8_t *p, size_t end, size_t *pos, uint32_t *v)
{
    unsigned int bytes;
    unsigned int i;

    if (*pos >= end) {
        return false;
    }
    switch (p[(*pos)++]) {
    case AML_ZERO:
        *v = 0;
        return true;
    case AML_ONE:
        *v = 1;
        return true;
    case AML_BYTE:
        bytes = 1;
        break;
    case AML_WORD:
        bytes = 2;
        break;
    case AML_DWORD:
        bytes = 4;
        break;
    default:
        return false;
    }
    if (end - *pos < bytes) {
        return false;
    }
    for (*v = 0, i = 0; i < bytes; i++) {
        *v |= (uint32_t)p[(*pos)++] << i * 8;
    }
    return true;
}

/* The package whose operator is at @pos: two sleep types, 3 bits each. */
static bool s5_package(const uint8_t *p, size_t len, size_t pos, uint8_t *typ_a,
                       uint8_t *typ_b)
{
    size_t end;
    size_t pkg;
    unsigned int more;
    unsigned int i;
    uint32_t a;
    uint32_t b;

    if (len - pos < 2 || p[pos++] != AML_PACKAGE) {
        return false;
    }
    /* Length of the package, counted from here. Spec: ACPI "PkgLength". */
    end = pos;
    more = p[pos] >> 6;
    pkg = more ? p[pos] & 0x0f : p[pos] & 0x3f;
    pos++;
    if (len - pos < more) {
        return false;
    }
    for (i = 0; i < more; i++) {
        pkg |= (size_t)p[pos++] << (4 + 8 * i);
    }
    if (pkg > len - end) {
        return false;
    }
    end += pkg;
    /* Element count, then the elements. */
    if (pos >= end || p[pos++] < 2) {
        return false;
    }
    if (!aml_integer(p, end, &pos, &a) || !aml_integer(p, end, &pos, &b) ||
        a > 7 || b > 7) {
        return false;
    }
    *typ_a = (uint8_t)a;
    *typ_b = (uint8_t)b;
    return true;
}

int fadt_find_s5(const void *table, size_t len, uint8_t *typ_a, uint8_t *typ_b)
{
    const uint8_t *p = table;
    size_t pos;

    for (pos = ACPI_HEAD_LEN; pos < len && len - pos >= 6; pos++) {
        size_t name = pos + 1;

        if (p[pos] != AML_NAME) {
            continue;
        }
        if (p[name] == AML_ROOT) {
            name++;
        }
        if (len - name >= 5 && !memcmp(p + name, "_S5_", 4) &&
            s5_package(p, len, name + 4, typ_a, typ_b)) {
            return 0;
        }
    }
    return -ENOENT;
}

static void find_s5(struct fadt_info *info)
{
    size_t len;
    const void *table = acpi_map_table(info->dsdt_pa, "DSDT", &len);
    unsigned int nth = 0;

    do {
        if (table &&
            !fadt_find_s5(table, len, &info->s5_typ_a, &info->s5_typ_b)) {
            info->has_s5 = true;
            return;
        }
        table = acpi_find("SSDT", nth++, &len);
    } while (table);
    log_warn("acpi: no \\_S5_ package, cannot power off\n");
}

const struct fadt_info *acpi_fadt(void)
{
    static struct fadt_info info;
    static bool tried;
    static bool good;
    size_t len;
    const void *table;

    if (!tried) {
        tried = true;
        table = acpi_find("FACP", 0, &len);
        good = table && !fadt_parse(table, len, &info);
        if (good) {
            find_s5(&info);
        }
    }
    return good ? &info : NULL;
}
