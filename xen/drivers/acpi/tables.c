// SPDX-License-Identifier: GPL-2.0
/*
 * RSDP, root table, and the index of what it lists. Knows no table's content.
 * No lock: filled once at boot, constant afterwards.
 * Spec: ACPI "Root System Description Pointer", "XSDT".
 */
#include <xen/acpi.h>
#include <xen/errno.h>
#include <xen/printk.h>

#include "acpi-priv.h"

#define RSDP_LEN_V1   20u
#define RSDP_LEN_V2   36u
#define RSDP_REVISION 15
#define RSDP_RSDT     16
#define RSDP_LENGTH   20
#define RSDP_XSDT     24
#define RSDP_STEP     16u /* it lies on such a boundary */

/* Where a BIOS keeps it. */
#define BDA_EBDA_SEG UINT64_C(0x40e) /* u16: segment of the EBDA */
#define EBDA_SEARCH  1024u
#define BIOS_START   UINT64_C(0xe0000)
#define BIOS_LEN     0x20000u

struct table {
    uint8_t *p;
    uint32_t len;
    char sig[4]; /* as found; acpi_hide() changes the memory, not this */
    bool hidden;
};

static struct table tables[ACPI_MAX_TABLES];
static unsigned int nr_tables;
static paddr_t rsdp_at;

int acpi_check(const uint8_t *table, size_t len, const char *sig, size_t min,
               size_t *table_len)
{
    uint32_t own;

    if (len < ACPI_HEAD_LEN) {
        return -EBADMSG;
    }
    if (sig && memcmp(table + ACPI_HEAD_SIG, sig, 4) != 0) {
        return -EBADMSG;
    }
    own = load_le32(table + ACPI_HEAD_LENGTH);
    if (own < min || own < ACPI_HEAD_LEN || own > len || own > ACPI_TABLE_MAX) {
        return -EBADMSG;
    }
    if (byte_sum(table, own)) {
        return -EBADMSG;
    }
    *table_len = own;
    return 0;
}

uint8_t *acpi_map_table(paddr_t pa, const char *sig, size_t *len)
{
    uint8_t *p = pa ? acpi_map(pa, ACPI_HEAD_LEN) : NULL;
    uint32_t own;

    if (!p) {
        log_warn("acpi: no table can be at %#llx\n", (unsigned long long)pa);
        return NULL;
    }
    own = load_le32(p + ACPI_HEAD_LENGTH);
    if (own < ACPI_HEAD_LEN || own > ACPI_TABLE_MAX) {
        log_warn("acpi: table at %#llx has length %#x\n",
                 (unsigned long long)pa, own);
        return NULL;
    }
    p = acpi_map(pa, own);
    if (!p || acpi_check(p, own, sig, ACPI_HEAD_LEN, len)) {
        log_warn("acpi: table at %#llx, length %#x: %s\n",
                 (unsigned long long)pa, own,
                 p ? "bad signature or checksum" : "not reachable");
        return NULL;
    }
    return p;
}

static bool rsdp_valid(const uint8_t *p, size_t len)
{
    uint32_t own;

    if (len < RSDP_LEN_V1 || memcmp(p, "RSD PTR ", 8) != 0 ||
        byte_sum(p, RSDP_LEN_V1)) {
        return false;
    }
    if (p[RSDP_REVISION] < 2) {
        return true;
    }
    if (len < RSDP_LEN_V2) {
        return false;
    }
    own = load_le32(p + RSDP_LENGTH);
    return own >= RSDP_LEN_V2 && own <= len && !byte_sum(p, own);
}

static paddr_t rsdp_search(paddr_t pa, size_t len)
{
    const uint8_t *p = acpi_map(pa, len);
    size_t at;

    for (at = 0; p && at + RSDP_LEN_V1 <= len; at += RSDP_STEP) {
        if (rsdp_valid(p + at, len - at)) {
            return pa + at;
        }
    }
    return 0;
}

static paddr_t rsdp_search_bios(void)
{
    const uint8_t *seg = acpi_map(BDA_EBDA_SEG, 2);
    const paddr_t ebda = seg ? (paddr_t)load_le16(seg) << 4 : 0;
    paddr_t pa = 0;

    /* The EBDA is at the top of the low 640 KiB; anything else is no EBDA. */
    if (ebda >= 0x400 && ebda + EBDA_SEARCH <= 0xa0000) {
        pa = rsdp_search(ebda, EBDA_SEARCH);
    }
    return pa ? pa : rsdp_search(BIOS_START, BIOS_LEN);
}

static void add_table(paddr_t pa)
{
    size_t len;
    uint8_t *p = acpi_map_table(pa, NULL, &len);
    struct table *t = &tables[nr_tables];

    if (!p) {
        return;
    }
    if (nr_tables == ACPI_MAX_TABLES) {
        log_warn("acpi: more than %u tables, " SIG_FMT " at %#llx left out\n",
                 ACPI_MAX_TABLES, SIG_ARG((const char *)p),
                 (unsigned long long)pa);
        return;
    }
    t->p = p;
    t->len = (uint32_t)len;
    t->hidden = false;
    memcpy(t->sig, p + ACPI_HEAD_SIG, 4);
    nr_tables++;
    log_debug("acpi: " SIG_FMT " at %#llx, length %#x, revision %u\n",
              SIG_ARG(t->sig), (unsigned long long)pa, t->len,
              p[ACPI_HEAD_REV]);
}

/* @entry_bytes: 8 in an XSDT, 4 in an RSDT. */
static int read_root(paddr_t pa, const char *sig, unsigned int entry_bytes)
{
    size_t len;
    const uint8_t *p = acpi_map_table(pa, sig, &len);
    size_t at;

    if (!p) {
        return -EBADMSG;
    }
    for (at = ACPI_HEAD_LEN; len - at >= entry_bytes; at += entry_bytes) {
        const paddr_t table =
            entry_bytes == 8 ? load_le64(p + at) : load_le32(p + at);

        /* Firmware leaves holes. */
        if (table) {
            add_table(table);
        }
    }
    return nr_tables ? 0 : -EBADMSG;
}

int acpi_init(paddr_t rsdp_pa)
{
    const uint8_t *p;
    size_t len;
    uint64_t xsdt = 0;
    int rc = -EBADMSG;

    nr_tables = 0;
    rsdp_at = 0;
    if (!rsdp_pa) {
        rsdp_pa = rsdp_search_bios();
    }
    if (!rsdp_pa) {
        return -ENOENT;
    }
    len = RSDP_LEN_V2;
    p = acpi_map(rsdp_pa, len);
    if (!p) {
        len = RSDP_LEN_V1;
        p = acpi_map(rsdp_pa, len);
    }
    /* A longer one than ours keeps its extra bytes in the checksum. */
    if (p && len == RSDP_LEN_V2 && p[RSDP_REVISION] >= 2) {
        const uint32_t own = load_le32(p + RSDP_LENGTH);

        if (own > RSDP_LEN_V2 && own <= 4096) {
            len = own;
            p = acpi_map(rsdp_pa, len);
        }
    }
    if (!p || !rsdp_valid(p, len)) {
        log_err("acpi: no valid RSDP at %#llx\n", (unsigned long long)rsdp_pa);
        return -ENOENT;
    }
    rsdp_at = rsdp_pa;
    if (p[RSDP_REVISION] >= 2) {
        xsdt = load_le64(p + RSDP_XSDT);
    }
    if (xsdt) {
        rc = read_root(xsdt, "XSDT", 8);
    }
    if (rc) {
        rc = read_root(load_le32(p + RSDP_RSDT), "RSDT", 4);
    }
    if (rc) {
        log_err("acpi: RSDP at %#llx leads to no usable table\n",
                (unsigned long long)rsdp_pa);
    }
    return rc;
}

paddr_t acpi_rsdp(void)
{
    return rsdp_at;
}

const void *acpi_find(const char sig[4], unsigned int nth, size_t *len)
{
    unsigned int i;

    for (i = 0; i < nr_tables; i++) {
        if (!memcmp(tables[i].sig, sig, 4) && nth-- == 0) {
            if (len) {
                *len = tables[i].len;
            }
            return tables[i].p;
        }
    }
    return NULL;
}

int acpi_hide(const char sig[4])
{
    int rc = -ENOENT;
    unsigned int i;

    for (i = 0; i < nr_tables; i++) {
        struct table *t = &tables[i];

        if (memcmp(t->sig, sig, 4) != 0) {
            continue;
        }
        rc = 0;
        if (!t->hidden) {
            /* What the letter gains, the checksum byte must lose. */
            t->p[ACPI_HEAD_SUM] =
                (uint8_t)(t->p[ACPI_HEAD_SUM] + t->p[ACPI_HEAD_SIG] - 'X');
            t->p[ACPI_HEAD_SIG] = 'X';
            t->hidden = true;
        }
    }
    return rc;
}
