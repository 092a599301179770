// SPDX-License-Identifier: GPL-2.0
/*
 * IVRS to plain arrays. Decides nothing but which description of a unit counts.
 * No lock: constant after the first use.
 * Spec: AMD48882 "I/O Virtualization ACPI Table".
 */
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/printk.h>

#include "acpi-priv.h"

#define IVRS_INFO   36 /* u32: address widths. Spec: "IVinfo" */
#define IVRS_BLOCKS 48u

#define IVINFO_PA_BITS FIELD32(14, 8)
#define IVINFO_VA_BITS FIELD32(21, 15)

#define BLOCK_HEAD 4u /* u8 type, u8 flags, u16 length */

enum block_type {
    IVHD_10 = 0x10, /* unit: first form */
    IVHD_11 = 0x11, /* with an image of the feature register */
    IVHD_40 = 0x40, /* may also name devices by ACPI id */
    IVMD_ALL = 0x20,
    IVMD_ONE = 0x21,
    IVMD_RANGE = 0x22,
};

/* Unit: fixed part. Spec: "IVHD". */
#define IVHD_LEN_10  24u
#define IVHD_LEN_11  40u /* 40h too */
#define IVHD_DEVID   4
#define IVHD_CAP     6
#define IVHD_BASE    8
#define IVHD_SEG     16
#define IVHD_FEATURE 20 /* u32 */
#define IVHD_EFR     24 /* u64, not in 10h */

/* Type 10h feature word: banks and counters of the performance unit. */
#define FEATURE_COUNTERS FIELD32(22, 13)
#define EFR_COUNTERS     BIT64(9)

/* Register window. Spec: "MMIO Registers"; counters lie beyond the rest. */
#define WINDOW          UINT64_C(0x4000)
#define WINDOW_COUNTERS UINT64_C(0x80000)

enum entry_type {
    DEV_PAD4 = 0,
    DEV_ALL = 1,
    DEV_ONE = 2,
    DEV_FIRST = 3,
    DEV_LAST = 4,
    DEV_PAD8 = 64,
    DEV_ALIAS_ONE = 66,
    DEV_ALIAS_FIRST = 67,
    DEV_EXT_ONE = 70,
    DEV_EXT_FIRST = 71,
    DEV_SPECIAL = 72,
    DEV_HID = 240,
};

#define HID_LEN         22u /* then the unique id */
#define HID_UID_FORMAT  20
#define HID_UID_LEN     21
#define HID_UID_NONE    0
#define HID_UID_INTEGER 1
#define HID_UID_STRING  2
#define EXT_ATS_OFF     BIT32(31)

#define IVMD_SEG       8 /* u16; 0 in older revisions */
#define IVMD_LEN       32u
#define IVMD_UNITY     0x01u
#define IVMD_READ      0x02u
#define IVMD_WRITE     0x04u
#define IVMD_EXCLUSION 0x08u

/* Widest address any CPU has; higher bits are rubbish. */
#define PA_LIMIT (UINT64_C(1) << 52)

static_assert(IVRS_MAX_DEVS <= UINT16_MAX && IVRS_MAX_UNITS <= UINT8_MAX,
              "indices fit their members");

/* 0: this type has no fixed length. Spec: "IVHD Device Entry Types". */
static size_t entry_len(const uint8_t *p, size_t left)
{
    if (p[0] == DEV_HID) {
        return left < HID_LEN ? SIZE_MAX : HID_LEN + p[HID_UID_LEN];
    }
    return (size_t)4 << (p[0] >> 6);
}

static int add_dev(struct ivrs_info *out, const struct ivrs_dev *d)
{
    if (d->first > d->last) {
        log_err("ivrs: range ends at %#x before it starts at %#x\n", d->last,
                d->first);
        return -EBADMSG;
    }
    if (out->nr_devs == IVRS_MAX_DEVS) {
        log_err("ivrs: more than %u device entries\n", IVRS_MAX_DEVS);
        return -ENOSPC;
    }
    out->dev[out->nr_devs++] = *d;
    return 0;
}

static const char *special_name(unsigned int kind)
{
    return kind == IVRS_IOAPIC ? "IO-APIC" : "HPET";
}

static int add_special(struct ivrs_info *out, const uint8_t *p)
{
    const struct ivrs_special s = {
        .kind = p[7],
        .handle = p[4],
        .flags = p[3],
        .unit = (uint8_t)out->nr_units,
        .devid = load_le16(p + 5),
    };

    if (s.kind != IVRS_IOAPIC && s.kind != IVRS_HPET) {
        log_warn("ivrs: special device of unknown kind %u skipped\n", s.kind);
        return 0;
    }
    for (unsigned int i = 0; i < out->nr_specials; i++) {
        const struct ivrs_special *const o = &out->special[i];

        if (o->kind != s.kind || o->handle != s.handle) {
            continue;
        }
        /* Said twice, it is still one; two ids, and one of them is wrong. */
        if (o->devid == s.devid && o->unit == s.unit) {
            log_info("ivrs: %s %u is listed twice\n", special_name(s.kind),
                     s.handle);
            return 0;
        }
        log_err("ivrs: %s %u is named twice, as devices %#x and %#x\n",
                special_name(s.kind), s.handle, o->devid, s.devid);
        return -EBADMSG;
    }
    if (out->nr_specials == IVRS_MAX_SPECIAL) {
        log_err("ivrs: more than %u special devices\n", IVRS_MAX_SPECIAL);
        return -ENOSPC;
    }
    out->special[out->nr_specials++] = s;
    return 0;
}

/* A device without a PCI function; its name is nothing to us. */
static int add_hid(struct ivrs_info *out, const uint8_t *p, unsigned int type)
{
    const unsigned int format = p[HID_UID_FORMAT];
    const unsigned int len = p[HID_UID_LEN];
    const struct ivrs_dev d = {
        .first = load_le16(p + 1),
        .last = load_le16(p + 1),
        .flags = p[3],
    };

    if (type != IVHD_40) {
        log_err("ivrs: ACPI device in a structure of type %#x\n", type);
        return -EBADMSG;
    }
    if (format > HID_UID_STRING || (format == HID_UID_NONE && len) ||
        (format == HID_UID_INTEGER && len != 8)) {
        log_err("ivrs: device %#x has a unique id of format %u, length %u\n",
                d.first, format, len);
        return -EBADMSG;
    }
    return add_dev(out, &d);
}

/* A range that was opened and waits for its end. */
struct open_range {
    bool open;
    struct ivrs_dev dev;
};

static int add_entry(struct ivrs_info *out, const uint8_t *p, unsigned int type,
                     struct open_range *range)
{
    struct ivrs_dev d = {
        .first = load_le16(p + 1),
        .last = load_le16(p + 1),
        .flags = p[3],
    };

    if (range->open && p[0] != DEV_LAST && p[0] != DEV_PAD4 &&
        p[0] != DEV_PAD8) {
        log_err("ivrs: range from %#x is not closed\n", range->dev.first);
        return -EBADMSG;
    }
    switch (p[0]) {
    case DEV_PAD4:
    case DEV_PAD8:
        return 0;
    case DEV_ALL:
        d.first = 0;
        d.last = UINT16_MAX;
        return add_dev(out, &d);
    case DEV_ALIAS_ONE:
    case DEV_ALIAS_FIRST:
        d.aliased = true;
        d.alias = load_le16(p + 5);
        break;
    case DEV_EXT_ONE:
    case DEV_EXT_FIRST:
        d.no_ats = (load_le32(p + 4) & EXT_ATS_OFF) != 0;
        break;
    case DEV_ONE:
    case DEV_FIRST:
        break;
    case DEV_LAST:
        if (!range->open) {
            log_err("ivrs: range that ends at %#x was not opened\n", d.last);
            return -EBADMSG;
        }
        range->open = false;
        range->dev.last = d.last;
        return add_dev(out, &range->dev);
    case DEV_SPECIAL:
        return add_special(out, p);
    case DEV_HID:
        return add_hid(out, p, type);
    default:
        log_info("ivrs: device entry of type %u skipped\n", p[0]);
        return 0;
    }
    if (p[0] == DEV_FIRST || p[0] == DEV_ALIAS_FIRST || p[0] == DEV_EXT_FIRST) {
        range->open = true;
        range->dev = d;
        return 0;
    }
    return add_dev(out, &d);
}

static int add_entries(struct ivrs_info *out, const uint8_t *p, size_t len,
                       unsigned int type)
{
    struct open_range range = { .open = false };
    size_t pos = 0;

    while (pos < len) {
        const size_t own = entry_len(p + pos, len - pos);
        int rc;

        if (own > len - pos) {
            log_err("ivrs: device entry of type %u leaves its structure, "
                    "%#zx bytes left\n",
                    p[pos], len - pos);
            return -EBADMSG;
        }
        rc = add_entry(out, p + pos, type, &range);
        if (rc) {
            return rc;
        }
        pos += own;
    }
    if (range.open) {
        log_err("ivrs: range from %#x has no end\n", range.dev.first);
        return -EBADMSG;
    }
    return 0;
}

static int check_unit(const struct ivrs_info *out, const struct ivrs_unit *u)
{
    if (!u->pa || !is_aligned(u->pa, WINDOW) || u->pa > PA_LIMIT - u->size) {
        log_err("ivrs: unit %u has its registers at %#llx\n", out->nr_units,
                (unsigned long long)u->pa);
        return -EBADMSG;
    }
    /* The block is in configuration space behind the header. */
    if (u->cap < 0x40 || u->cap > 0xec || u->cap % 4) {
        log_err("ivrs: unit %u has its capability at %#x\n", out->nr_units,
                u->cap);
        return -EBADMSG;
    }
    for (unsigned int i = 0; i < out->nr_units; i++) {
        const struct ivrs_unit *v = &out->unit[i];

        if (u->pa < v->pa + v->size && v->pa < u->pa + u->size) {
            log_err("ivrs: units %u and %u share registers at %#llx\n", i,
                    out->nr_units, (unsigned long long)u->pa);
            return -EADDRINUSE;
        }
    }
    return 0;
}

/* Everything or nothing of one description of a unit. */
static int add_unit(struct ivrs_info *out, const uint8_t *p, size_t len)
{
    const unsigned int devs = out->nr_devs;
    const unsigned int specials = out->nr_specials;
    const size_t fixed = p[0] == IVHD_10 ? IVHD_LEN_10 : IVHD_LEN_11;
    struct ivrs_unit *u;
    bool counters;
    int rc;

    if (len < fixed) {
        log_err("ivrs: unit of type %#x has length %#zx\n", p[0], len);
        return -EBADMSG;
    }
    if (out->nr_units == IVRS_MAX_UNITS) {
        log_err("ivrs: more than %u units\n", IVRS_MAX_UNITS);
        return -ENOSPC;
    }
    u = &out->unit[out->nr_units];
    *u = (struct ivrs_unit){
        .type = p[0],
        .flags = p[1],
        .devid = load_le16(p + IVHD_DEVID),
        .cap = load_le16(p + IVHD_CAP),
        .pa = load_le64(p + IVHD_BASE),
        .seg = load_le16(p + IVHD_SEG),
        .efr = p[0] == IVHD_10 ? 0 : load_le64(p + IVHD_EFR),
        .first_dev = (uint16_t)devs,
    };
    counters = p[0] == IVHD_10
                   ? (load_le32(p + IVHD_FEATURE) & FEATURE_COUNTERS) != 0
                   : (u->efr & EFR_COUNTERS) != 0;
    u->size = counters ? WINDOW_COUNTERS : WINDOW;
    rc = check_unit(out, u);
    if (rc == 0) {
        rc = add_entries(out, p + fixed, len - fixed, p[0]);
    }
    if (rc) {
        out->nr_devs = devs;
        out->nr_specials = specials;
        return rc;
    }
    u->nr_devs = (uint16_t)(out->nr_devs - devs);
    out->nr_units++;
    return 0;
}

static int add_region(struct ivrs_info *out, const uint8_t *p, size_t len)
{
    const unsigned int flags = p[1];
    struct ivrs_region r = { .devid_last = UINT16_MAX };
    uint64_t start, size;

    if (len < IVMD_LEN) {
        log_err("ivrs: memory of type %#x has length %#zx\n", p[0], len);
        return -EBADMSG;
    }
    if (p[0] != IVMD_ALL) {
        r.devid_first = load_le16(p + 4);
        r.devid_last = p[0] == IVMD_ONE ? r.devid_first : load_le16(p + 6);
    }
    r.seg = load_le16(p + IVMD_SEG);
    start = load_le64(p + 16);
    size = load_le64(p + 24);
    /* Compared as counts: start + size may wrap. */
    if (size == 0 || start >= PA_LIMIT || size > PA_LIMIT - start) {
        log_err("ivrs: memory %#llx, %#llx bytes, makes no sense\n",
                (unsigned long long)start, (unsigned long long)size);
        return -EBADMSG;
    }
    if (r.devid_first > r.devid_last) {
        log_err("ivrs: memory for devices %#x to %#x\n", r.devid_first,
                r.devid_last);
        return -EBADMSG;
    }
    /* Excluded memory is reached untranslated, which mapping it 1:1 gives. */
    if (flags & IVMD_EXCLUSION) {
        r.read = r.write = true;
    } else if (flags & IVMD_UNITY) {
        r.read = (flags & IVMD_READ) != 0;
        r.write = (flags & IVMD_WRITE) != 0;
    }
    if (!r.read && !r.write) {
        log_warn("ivrs: memory at %#llx grants nothing, skipped\n",
                 (unsigned long long)start);
        return 0;
    }
    if (out->nr_regions == IVRS_MAX_REGIONS) {
        log_err("ivrs: more than %u memory regions\n", IVRS_MAX_REGIONS);
        return -ENOSPC;
    }
    r.first = align_down(start, PAGE_SIZE);
    r.last = align_up(start + size, PAGE_SIZE) - 1;
    out->region[out->nr_regions++] = r;
    return 0;
}

static bool is_unit(const uint8_t *p)
{
    return (p[0] == IVHD_10 || p[0] == IVHD_11 || p[0] == IVHD_40) &&
           load_le16(p + 2) >= IVHD_LEN_10;
}

/*
 * Where the description of the same unit as that at @at is that has the highest
 * type below @below; 0: there is none. Newer forms have higher numbers.
 */
static size_t best_below(const uint8_t *p, size_t len, size_t at,
                         unsigned int below)
{
    size_t best = 0;

    for (size_t pos = IVRS_BLOCKS; pos < len; pos += load_le16(p + pos + 2)) {
        if (is_unit(p + pos) && p[pos] < below &&
            (best == 0 || p[pos] > p[best]) &&
            load_le16(p + pos + IVHD_DEVID) == load_le16(p + at + IVHD_DEVID) &&
            load_le16(p + pos + IVHD_SEG) == load_le16(p + at + IVHD_SEG)) {
            best = pos;
        }
    }
    return best;
}

/*
 * A unit from the best description that makes sense: newer forms are supersets
 * of older ones, so a bad new one has a substitute.
 */
static int add_best(struct ivrs_info *out, const uint8_t *p, size_t len,
                    size_t at)
{
    for (;;) {
        const int rc = add_unit(out, p + at, load_le16(p + at + 2));
        const size_t next = best_below(p, len, at, p[at]);

        if (rc != -EBADMSG || next == 0) {
            return rc;
        }
        log_warn("ivrs: unit %u: falling back to type %#x\n", out->nr_units,
                 p[next]);
        at = next;
    }
}

/* Lengths of all blocks: what follows may step through them blindly. */
static int check_blocks(const uint8_t *p, size_t len)
{
    for (size_t pos = IVRS_BLOCKS; pos < len;) {
        const size_t left = len - pos;
        size_t own;

        if (left < BLOCK_HEAD) {
            log_err("ivrs: %zu stray bytes at the end\n", left);
            return -EBADMSG;
        }
        /* Zero would loop, large would overrun. */
        own = load_le16(p + pos + 2);
        if (own < BLOCK_HEAD || own > left) {
            log_err("ivrs: structure at offset %#zx has length %#zx\n", pos,
                    own);
            return -EBADMSG;
        }
        pos += own;
    }
    return 0;
}

/* Two units for one device: its translations would depend on our order. */
static int check_owners(const struct ivrs_info *out)
{
    for (unsigned int i = 0; i < out->nr_units; i++) {
        const struct ivrs_unit *u = &out->unit[i];

        for (unsigned int j = i + 1; j < out->nr_units; j++) {
            const struct ivrs_unit *v = &out->unit[j];

            if (u->seg != v->seg) {
                continue;
            }
            for (unsigned int a = 0; a < u->nr_devs; a++) {
                const struct ivrs_dev *d = &out->dev[u->first_dev + a];

                for (unsigned int b = 0; b < v->nr_devs; b++) {
                    const struct ivrs_dev *e = &out->dev[v->first_dev + b];

                    if (d->first <= e->last && e->first <= d->last) {
                        log_err("ivrs: units %u and %u both claim device "
                                "%#x\n",
                                i, j, max_of(d->first, e->first));
                        return -EADDRINUSE;
                    }
                }
            }
        }
    }
    return 0;
}

static int add_block(struct ivrs_info *out, const uint8_t *p, size_t len,
                     size_t at)
{
    const size_t own = load_le16(p + at + 2);
    size_t best;

    switch (p[at]) {
    case IVHD_10:
    case IVHD_11:
    case IVHD_40:
        if (!is_unit(p + at)) {
            log_err("ivrs: unit of type %#x has length %#zx\n", p[at], own);
            return -EBADMSG;
        }
        best = best_below(p, len, at, UINT8_MAX + 1u);
        if (p[at] != p[best]) {
            return 0; /* there is a better one */
        }
        if (at != best) {
            log_err("ivrs: unit at device %#x is described twice\n",
                    load_le16(p + at + IVHD_DEVID));
            return -EBADMSG;
        }
        return add_best(out, p, len, at);
    case IVMD_ALL:
    case IVMD_ONE:
    case IVMD_RANGE:
        return add_region(out, p + at, own);
    default:
        log_info("ivrs: structure of type %#x, length %#zx skipped\n", p[at],
                 own);
        return 0;
    }
}

int ivrs_parse(const void *table, size_t len, struct ivrs_info *out)
{
    const uint8_t *p = table;
    size_t table_len;
    uint32_t info;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = acpi_check(p, len, "IVRS", IVRS_BLOCKS, &table_len);
    if (rc) {
        log_err("ivrs: bad signature, length or checksum\n");
        return rc;
    }
    info = load_le32(p + IVRS_INFO);
    out->pa_bits = (uint8_t)FIELD_GET(IVINFO_PA_BITS, info);
    out->va_bits = (uint8_t)FIELD_GET(IVINFO_VA_BITS, info);

    rc = check_blocks(p, table_len);
    for (size_t pos = IVRS_BLOCKS; rc == 0 && pos < table_len;
         pos += load_le16(p + pos + 2)) {
        rc = add_block(out, p, table_len, pos);
    }
    if (rc) {
        return rc;
    }
    if (!out->nr_units) {
        log_err("ivrs: no remapping unit\n");
        return -ENODEV;
    }
    return check_owners(out);
}

int acpi_ivrs(const struct ivrs_info **info)
{
    static struct ivrs_info parsed;
    static bool tried;
    static int result = -ENOENT;
    size_t len;
    const void *table;

    if (!tried) {
        tried = true;
        table = acpi_find("IVRS", 0, &len);
        result = table ? ivrs_parse(table, len, &parsed) : -ENOENT;
        if (!result) {
            ivrs_override(&parsed);
        }
    }
    if (!result) {
        *info = &parsed;
    }
    return result;
}
