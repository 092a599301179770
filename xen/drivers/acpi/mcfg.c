// SPDX-License-Identifier: GPL-2.0
/*
 * MCFG: where configuration space is in memory. No lock: constant after use.
 * Spec: PCI Firmware Specification "MCFG Table Description".
 */
#include <xen/errno.h>
#include <xen/printk.h>

#include "acpi-priv.h"

#define MCFG_ENTRIES   44u
#define MCFG_ENTRY_LEN 16u
#define MCFG_BUS_BYTES (UINT64_C(1) << 20)

int mcfg_parse(const void *table, size_t len, struct mcfg_info *out)
{
    const uint8_t *p = table;
    size_t table_len;
    size_t pos;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = acpi_check(p, len, "MCFG", MCFG_ENTRIES, &table_len);
    if (rc) {
        return rc;
    }
    for (pos = MCFG_ENTRIES; table_len - pos >= MCFG_ENTRY_LEN;
         pos += MCFG_ENTRY_LEN) {
        const uint8_t *e = p + pos;
        const struct mcfg_region r = {
            .pa = load_le64(e),
            .seg = load_le16(e + 8),
            .first_bus = e[10],
            .last_bus = e[11],
        };

        if (!r.pa || r.pa % MCFG_BUS_BYTES || r.first_bus > r.last_bus ||
            r.pa > (UINT64_C(1) << 52) - 256 * MCFG_BUS_BYTES) {
            log_warn("mcfg: %04x:%02x-%02x at %#llx ignored\n", r.seg,
                     r.first_bus, r.last_bus, (unsigned long long)r.pa);
            continue;
        }
        if (out->nr == ACPI_MAX_ECAM) {
            log_warn("mcfg: more than %u regions\n", ACPI_MAX_ECAM);
            break;
        }
        out->region[out->nr++] = r;
    }
    return 0;
}

const struct mcfg_info *acpi_mcfg(void)
{
    static struct mcfg_info info;
    static bool tried;
    static bool good;
    size_t len;
    const void *table;

    if (!tried) {
        tried = true;
        table = acpi_find("MCFG", 0, &len);
        good = table && !mcfg_parse(table, len, &info);
    }
    return good ? &info : NULL;
}
