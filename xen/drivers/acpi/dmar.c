// SPDX-License-Identifier: GPL-2.0
/*
 * DMAR to plain arrays. Decides nothing: which unit serves a device is the
 * IOMMU code's question. No lock: constant after the first use.
 * Spec: VTD "DMA Remapping Reporting Structure" (8.1 and following).
 */
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/printk.h>

#include "acpi-priv.h"

#define DMAR_WIDTH   36 /* u8: address bits - 1. Spec: VTD 8.1 */
#define DMAR_FLAGS   37
#define DMAR_ENTRIES 48u

#define STRUCT_HEAD 4u /* u16 type, u16 length. Spec: VTD 8.2 */

enum struct_type {
    TYPE_DRHD = 0, /* unit. Spec: VTD 8.3 */
    TYPE_RMRR = 1, /* region some firmware device uses. Spec: VTD 8.4 */
    TYPE_ATSR = 2, /* root ports with ATS. Spec: VTD 8.5 */
    TYPE_RHSA = 3, /* NUMA node of a unit: no use for it */
    TYPE_ANDD = 4, /* names of ACPI devices: no use for them */
};

/* Fixed part of each, where the scopes begin. */
#define DRHD_LEN 16u
#define RMRR_LEN 24u
#define ATSR_LEN 8u

#define SCOPE_HEAD 6u /* type, length, u16, id, start bus. Spec: VTD 8.3.1 */

/* Widest address any CPU has; higher bits are rubbish. */
#define PA_LIMIT (UINT64_C(1) << 52)

static int add_scope(struct dmar_info *out, const uint8_t *p, size_t len)
{
    struct dmar_scope *s;
    unsigned int i;

    /* At least one device and function, and whole pairs. */
    if (len < SCOPE_HEAD + 2 || len % 2 ||
        (len - SCOPE_HEAD) / 2 > DMAR_MAX_PATH) {
        log_err("dmar: scope of type %u has length %#zx\n", p[0], len);
        return -EBADMSG;
    }
    if (out->nr_scopes == DMAR_MAX_SCOPES) {
        log_err("dmar: more than %u scopes\n", DMAR_MAX_SCOPES);
        return -ENOSPC;
    }
    s = &out->scope[out->nr_scopes];
    s->kind = p[0];
    s->enum_id = p[4];
    s->start_bus = p[5];
    s->nr_path = (uint8_t)((len - SCOPE_HEAD) / 2);
    for (i = 0; i < s->nr_path; i++) {
        s->path[i].dev = p[SCOPE_HEAD + 2 * i];
        s->path[i].fn = p[SCOPE_HEAD + 2 * i + 1];
        if (s->path[i].dev > 31 || s->path[i].fn > 7) {
            log_err("dmar: scope of type %u names device %#x function %#x\n",
                    s->kind, s->path[i].dev, s->path[i].fn);
            return -EBADMSG;
        }
    }
    out->nr_scopes++;
    return 0;
}

/* The scopes that fill a structure from its fixed part to its end. */
static int add_scopes(struct dmar_info *out, const uint8_t *p, size_t len,
                      uint16_t *nr)
{
    const unsigned int first = out->nr_scopes;
    size_t pos = 0;

    while (pos < len) {
        const size_t left = len - pos;
        int rc;

        if (left < SCOPE_HEAD || p[pos + 1] < SCOPE_HEAD || p[pos + 1] > left) {
            log_err("dmar: scope leaves its structure, %#zx bytes left\n",
                    left);
            return -EBADMSG;
        }
        if (p[pos] < DMAR_SCOPE_ENDPOINT || p[pos] > DMAR_SCOPE_NAMESPACE) {
            log_warn("dmar: scope of unknown type %u skipped\n", p[pos]);
        } else {
            rc = add_scope(out, p + pos, p[pos + 1]);
            if (rc) {
                return rc;
            }
        }
        pos += p[pos + 1];
    }
    *nr = (uint16_t)(out->nr_scopes - first);
    return 0;
}
static_assert(DMAR_MAX_SCOPES <= UINT16_MAX, "scope indices are 16 bits");

static int add_unit(struct dmar_info *out, const uint8_t *p, size_t len)
{
    struct dmar_unit *u;
    unsigned int i;

    if (out->nr_units == DMAR_MAX_UNITS) {
        log_err("dmar: more than %u units\n", DMAR_MAX_UNITS);
        return -ENOSPC;
    }
    u = &out->unit[out->nr_units];
    u->flags = p[4];
    /* log2 of 4K pages; reserved, hence 0, in older revisions. */
    u->size = PAGE_SIZE << (p[5] & 0xf);
    u->seg = load_le16(p + 6);
    u->pa = load_le64(p + 8);
    u->first_scope = (uint16_t)out->nr_scopes;
    if (!u->pa || !is_aligned(u->pa, PAGE_SIZE) || u->pa > PA_LIMIT - u->size) {
        log_err("dmar: unit %u has its registers at %#llx\n", out->nr_units,
                (unsigned long long)u->pa);
        return -EBADMSG;
    }
    for (i = 0; i < out->nr_units; i++) {
        const struct dmar_unit *v = &out->unit[i];

        if (u->pa < v->pa + v->size && v->pa < u->pa + u->size) {
            log_err("dmar: units %u and %u share registers at %#llx\n", i,
                    out->nr_units, (unsigned long long)u->pa);
            return -EADDRINUSE;
        }
        if (u->seg == v->seg && (u->flags & v->flags & DRHD_INCLUDE_PCI_ALL)) {
            log_err("dmar: units %u and %u claim all of segment %04x\n", i,
                    out->nr_units, u->seg);
            return -EADDRINUSE;
        }
    }
    out->nr_units++;
    return add_scopes(out, p + DRHD_LEN, len - DRHD_LEN, &u->nr_scopes);
}

static int add_region(struct dmar_info *out, const uint8_t *p, size_t len)
{
    struct dmar_region *r;

    if (out->nr_regions == DMAR_MAX_REGIONS) {
        log_err("dmar: more than %u reserved regions\n", DMAR_MAX_REGIONS);
        return -ENOSPC;
    }
    r = &out->region[out->nr_regions];
    r->seg = load_le16(p + 6);
    r->first = load_le64(p + 8);
    r->last = load_le64(p + 16);
    r->first_scope = (uint16_t)out->nr_scopes;
    /* last + 1 cannot wrap: it is checked against the limit first. */
    if (r->last >= PA_LIMIT || r->first >= r->last ||
        !is_aligned(r->first, PAGE_SIZE) ||
        !is_aligned(r->last + 1, PAGE_SIZE)) {
        log_err("dmar: reserved region %#llx-%#llx makes no sense\n",
                (unsigned long long)r->first, (unsigned long long)r->last);
        return -EBADMSG;
    }
    out->nr_regions++;
    return add_scopes(out, p + RMRR_LEN, len - RMRR_LEN, &r->nr_scopes);
}

static int add_atsr(struct dmar_info *out, const uint8_t *p, size_t len)
{
    struct dmar_atsr *a;

    if (out->nr_atsrs == DMAR_MAX_ATSRS) {
        log_err("dmar: more than %u ATS reports\n", DMAR_MAX_ATSRS);
        return -ENOSPC;
    }
    a = &out->atsr[out->nr_atsrs++];
    a->flags = p[4];
    a->seg = load_le16(p + 6);
    a->first_scope = (uint16_t)out->nr_scopes;
    return add_scopes(out, p + ATSR_LEN, len - ATSR_LEN, &a->nr_scopes);
}

static int add_struct(struct dmar_info *out, const uint8_t *p, size_t len)
{
    static const struct {
        size_t min_len;
        int (*add)(struct dmar_info *out, const uint8_t *p, size_t len);
    } types[] = {
        [TYPE_DRHD] = { DRHD_LEN, add_unit },
        [TYPE_RMRR] = { RMRR_LEN, add_region },
        [TYPE_ATSR] = { ATSR_LEN, add_atsr },
    };
    const unsigned int type = load_le16(p);

    if (type >= array_size(types)) {
        if (type != TYPE_RHSA && type != TYPE_ANDD) {
            log_info("dmar: structure of type %u, length %#zx skipped\n", type,
                     len);
        }
        return 0;
    }
    if (len < types[type].min_len) {
        log_err("dmar: structure of type %u has length %#zx\n", type, len);
        return -EBADMSG;
    }
    return types[type].add(out, p, len);
}

static bool same_device(const struct dmar_scope *a, const struct dmar_scope *b)
{
    return a->kind == b->kind && a->start_bus == b->start_bus &&
           a->enum_id == b->enum_id && a->nr_path == b->nr_path &&
           !memcmp(a->path, b->path, a->nr_path * sizeof(a->path[0]));
}

/* Two units for one device: its translations would depend on our order. */
static int check_owners(const struct dmar_info *out)
{
    unsigned int i;
    unsigned int j;
    unsigned int a;
    unsigned int b;

    for (i = 0; i < out->nr_units; i++) {
        const struct dmar_unit *u = &out->unit[i];

        for (j = i + 1; j < out->nr_units; j++) {
            const struct dmar_unit *v = &out->unit[j];

            if (u->seg != v->seg) {
                continue;
            }
            for (a = u->first_scope; a < u->first_scope + u->nr_scopes; a++) {
                for (b = v->first_scope; b < v->first_scope + v->nr_scopes;
                     b++) {
                    if (same_device(&out->scope[a], &out->scope[b])) {
                        log_err("dmar: units %u and %u both claim "
                                "%04x:%02x:%02x.%u\n",
                                i, j, u->seg, out->scope[a].start_bus,
                                out->scope[a].path[0].dev,
                                out->scope[a].path[0].fn);
                        return -EADDRINUSE;
                    }
                }
            }
        }
    }
    return 0;
}

int dmar_parse(const void *table, size_t len, struct dmar_info *out)
{
    const uint8_t *p = table;
    size_t table_len;
    size_t pos;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = acpi_check(p, len, "DMAR", DMAR_ENTRIES, &table_len);
    if (rc) {
        log_err("dmar: bad signature, length or checksum\n");
        return rc;
    }
    if (p[DMAR_WIDTH] < 31 || p[DMAR_WIDTH] > 63) {
        log_err("dmar: %u address bits\n", p[DMAR_WIDTH] + 1u);
        return -EBADMSG;
    }
    out->address_bits = (uint8_t)(p[DMAR_WIDTH] + 1);
    out->flags = p[DMAR_FLAGS];

    for (pos = DMAR_ENTRIES; pos < table_len;) {
        const size_t left = table_len - pos;
        size_t own;

        if (left < STRUCT_HEAD) {
            log_err("dmar: %zu stray bytes at the end\n", left);
            return -EBADMSG;
        }
        /* Zero would loop, large would overrun. */
        own = load_le16(p + pos + 2);
        if (own < STRUCT_HEAD || own > left) {
            log_err("dmar: structure at offset %#zx has length %#zx\n", pos,
                    own);
            return -EBADMSG;
        }
        rc = add_struct(out, p + pos, own);
        if (rc) {
            return rc;
        }
        pos += own;
    }
    if (!out->nr_units) {
        log_err("dmar: no remapping unit\n");
        return -ENODEV;
    }
    return check_owners(out);
}

int acpi_dmar(const struct dmar_info **info)
{
    static struct dmar_info parsed;
    static bool tried;
    static int result = -ENOENT;
    size_t len;
    const void *table;

    if (!tried) {
        tried = true;
        table = acpi_find("DMAR", 0, &len);
        result = table ? dmar_parse(table, len, &parsed) : -ENOENT;
    }
    if (!result) {
        *info = &parsed;
    }
    return result;
}
