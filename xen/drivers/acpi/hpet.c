// SPDX-License-Identifier: GPL-2.0
/*
 * HPET table: where the timer block is. No lock: constant after the first use.
 * Spec: HPET "The ACPI 2.0 HPET Description Table (HPET)".
 */
#include <xen/errno.h>

#include "acpi-priv.h"

#define HPET_LEN      56u
#define HPET_ID       36
#define HPET_SPACE    40
#define HPET_PA       44
#define HPET_NUMBER   52
#define HPET_MIN_TICK 53
#define HPET_PROTECT  55 /* bits 3:0 */

int hpet_parse(const void *table, size_t len, struct hpet_info *out)
{
    const uint8_t *p = table;
    size_t table_len;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = acpi_check(p, len, "HPET", HPET_LEN, &table_len);
    if (rc) {
        return rc;
    }
    if (p[HPET_SPACE] != ACPI_SPACE_MEM) {
        return -EOPNOTSUPP;
    }
    out->pa = load_le64(p + HPET_PA);
    out->id = load_le32(p + HPET_ID);
    out->number = p[HPET_NUMBER];
    out->min_tick = load_le16(p + HPET_MIN_TICK);
    out->protect = p[HPET_PROTECT] & 0xf;
    /* Its registers are 64 bits wide and live below the CPU's limit. */
    return out->pa && !(out->pa % 8) && out->pa < UINT64_C(1) << 52 ? 0
                                                                    : -EBADMSG;
}

const struct hpet_info *acpi_hpet(void)
{
    static struct hpet_info info;
    static bool tried;
    static bool good;
    size_t len;
    const void *table;

    if (!tried) {
        tried = true;
        table = acpi_find("HPET", 0, &len);
        good = table && !hpet_parse(table, len, &info);
    }
    return good ? &info : NULL;
}
