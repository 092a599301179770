// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/acpi/ivrs-options.c xen/drivers/pci/name.c xen/lib/strtox.c
// SOURCES: xen/drivers/acpi/ivrs.c xen/drivers/acpi/tables.c xen/lib/checksum.c
/*
 * IVRS tables, good and malformed, each built from a few steps. A malformed one
 * must leave exactly one line that says error, or fall back with one.
 */
#include <stdarg.h>

#include <xen/bits.h>
#include <xen/errno.h>

#define ACPI_BUILD_OWN_LOG
#include "acpi-build.h"
#include "expect.h"

static unsigned int nr_errors;

void log_line(enum log_level level, const char *fmt, ...)
{
    (void)fmt;
    nr_errors += level == LOG_ERR;
}

void *acpi_map(paddr_t pa, size_t len)
{
    (void)pa;
    (void)len;
    return NULL;
}

enum op {
    END,
    UNIT,    /* a: type, b: base, c: segment << 16 | devid */
    FEATURE, /* a: u32 at 20 of the unit */
    EFR,     /* a: u64 at 24 of the unit */
    CAP,     /* a: capability offset */
    DEV4,    /* a: type, b: devid, c: flags */
    ALIAS,   /* a: type, b: devid, c: alias */
    EXT,     /* a: type, b: devid, c: extended flags */
    SPECIAL, /* a: kind, b: devid, c: handle */
    HID,     /* a: devid, b: uid format, c: uid length */
    LONG,    /* a: type, b: bytes behind the type */
    MEM,     /* a: type | flags << 8, b: start, c: size */
    MEMDEV,  /* a: first, b: last, c: segment of the last MEM */
    UNKNOWN, /* a: type, b: body bytes */
    LENGTH,  /* a: overrides the length of the current structure */
    TAIL,    /* a: bytes after the last structure */
    CUT,     /* a: table length in its header is so much less */
    SUM,     /* spoil the checksum */
    SIG,     /* spoil the signature */
    MANY,    /* a: so many of DEV4 type 2 with ascending ids */
    UNITS,   /* a: so many units with one device each */
    MEMS,    /* a: so many regions */
};

struct step {
    enum op op;
    uint64_t a;
    uint64_t b;
    uint64_t c;
};

#define BASE UINT64_C(0xfed80000)
#define OWN  0x0010

struct want {
    int rc;
    unsigned int units, devs, specials, regions;
};

static const struct {
    const char *what;
    struct want want;
    unsigned int errors; /* lines, when it succeeds */
    struct step step[8];
} cases[] = {
    { "one unit, all devices",
      { 0, 1, 1, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { DEV4, 1, 0, 0 } } },
    { "as QEMU does it",
      { 0, 1, 4, 1, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { DEV4, 2, 0x0000, 0 },
        { DEV4, 2, 0x0010, 0 },
        { DEV4, 3, 0x0100, 0 },
        { DEV4, 4, 0x01ff, 0 },
        { ALIAS, 66, 0x0200, 0x00f0 },
        { SPECIAL, 1, 0x00a0, 0 } } },
    { "extended entries and padding",
      { 0, 1, 2, 1, 0 },
      0,
      { { UNIT, 0x11, BASE, OWN },
        { EXT, 70, 0x0100, UINT64_C(0x80000000) },
        { DEV4, 0, 0, 0 },
        { EXT, 71, 0x0200, 0 },
        { DEV4, 4, 0x02ff, 0 },
        { SPECIAL, 2, 0x00a1, 0 } } },
    { "ACPI devices",
      { 0, 1, 3, 0, 0 },
      0,
      { { UNIT, 0x40, BASE, OWN },
        { HID, 0x0098, 0, 0 },
        { HID, 0x0099, 1, 8 },
        { HID, 0x009a, 2, 5 } } },
    { "entries of unknown types",
      { 0, 1, 1, 0, 0 },
      0,
      { { UNIT, 0x40, BASE, OWN },
        { LONG, 63, 3, 0 },
        { LONG, 127, 7, 0 },
        { LONG, 128, 15, 0 },
        { LONG, 239, 31, 0 },
        { LONG, 255, 31, 0 },
        { DEV4, 2, 8, 0 } } },
    { "special of an unknown kind",
      { 0, 1, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { SPECIAL, 3, 0xa0, 0 } } },
    { "unknown structure",
      { 0, 1, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { UNKNOWN, 0x77, 12, 0 } } },
    { "the newest description counts",
      { 0, 1, 2, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { DEV4, 1, 0, 0 },
        { UNIT, 0x40, BASE, OWN },
        { DEV4, 2, 8, 0 },
        { DEV4, 2, 9, 0 },
        { UNIT, 0x11, BASE, OWN } } },
    { "a bad new description, a good old one",
      { 0, 1, 1, 0, 0 },
      1,
      { { UNIT, 0x10, BASE, OWN },
        { DEV4, 1, 0, 0 },
        { UNIT, 0x40, BASE, OWN },
        { DEV4, 2, 8, 0 },
        { DEV4, 3, 9, 0 } } },
    { "new bad, newer worse",
      { 0, 1, 1, 0, 0 },
      2,
      { { UNIT, 0x40, BASE, OWN },
        { DEV4, 4, 9, 0 },
        { UNIT, 0x10, BASE, OWN },
        { DEV4, 1, 0, 0 },
        { UNIT, 0x11, BASE + 4, OWN } } },
    { "old and new are bad",
      { -EBADMSG, 0, 0, 0, 0 },
      2,
      { { UNIT, 0x10, BASE + 8, OWN }, { UNIT, 0x11, 0, OWN } } },
    { "one description twice",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { UNIT, 0x10, BASE + 0x4000, OWN } } },
    { "two units",
      { 0, 2, 2, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { DEV4, 2, 8, 0 },
        { UNIT, 0x11, BASE + 0x4000, 0x4010 },
        { DEV4, 2, 0x4008, 0 } } },
    { "two segments, one id",
      { 0, 2, 2, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { DEV4, 1, 0, 0 },
        { UNIT, 0x10, BASE + 0x4000, 0x10000 | OWN },
        { DEV4, 1, 0, 0 } } },
    { "two units at one place",
      { -EADDRINUSE, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { UNIT, 0x10, BASE, 0x4010 } } },
    { "counters lie over the next unit",
      { -EADDRINUSE, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { FEATURE, 1 << 13, 0, 0 },
        { UNIT, 0x10, BASE + 0x4000, 0x4010 } } },
    { "one device, two units",
      { -EADDRINUSE, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { DEV4, 3, 0x0100, 0 },
        { DEV4, 4, 0x01ff, 0 },
        { UNIT, 0x10, BASE + 0x4000, 0x4010 },
        { DEV4, 2, 0x01ff, 0 } } },
    { "empty table", { -ENODEV, 0, 0, 0, 0 }, 0, { { END, 0, 0, 0 } } },
    { "only memory",
      { -ENODEV, 0, 0, 0, 0 },
      0,
      { { MEM, 0x720, 0x1000, 0x1000 } } },
    { "memory for all, one and some",
      { 0, 1, 0, 0, 3 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { MEM, 0x720, 0x1000, 0x1000 },
        { MEM, 0x321, 0x2000, 0x1000 },
        { MEM, 0x822, 0x3000, 0x1000 },
        { MEMDEV, 8, 9, 0 } } },
    { "memory that grants nothing",
      { 0, 1, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { MEM, 0x120, 0x1000, 0x1000 } } },
    { "memory of no bytes",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { MEM, 0x720, 0x1000, 0 } } },
    { "memory that wraps",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { MEM, 0x720, 0x1000, UINT64_MAX - 0xfff } } },
    { "memory beyond any address",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { MEM, 0x720, BIT64(52), 1 } } },
    { "memory for a range that runs backwards",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { MEM, 0x722, 0x1000, 0x1000 },
        { MEMDEV, 9, 8, 0 } } },
    { "memory structure cut short",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { UNKNOWN, 0x21, 27, 0 } } },
    { "memory structure without a body",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { UNKNOWN, 0x22, 0, 0 } } },
    { "base 0", { -EBADMSG, 0, 0, 0, 0 }, 0, { { UNIT, 0x10, 0, OWN } } },
    { "base unaligned",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE + 0x1000, OWN } } },
    { "base at the very top",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, UINT64_MAX & ~UINT64_C(0x3fff), OWN } } },
    { "capability in the header",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { CAP, 0x3c, 0, 0 } } },
    { "capability beyond the space",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { CAP, 0xf0, 0, 0 } } },
    { "capability unaligned",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { CAP, 0x42, 0, 0 } } },
    { "range without an end",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { DEV4, 3, 8, 0 } } },
    { "range without a start",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { DEV4, 4, 8, 0 } } },
    { "range that runs backwards",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { DEV4, 3, 9, 0 }, { DEV4, 4, 8, 0 } } },
    { "range in a range",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { DEV4, 3, 8, 0 },
        { ALIAS, 67, 9, 10 },
        { DEV4, 4, 10, 0 } } },
    { "device in a range",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { DEV4, 3, 8, 0 },
        { DEV4, 2, 9, 0 },
        { DEV4, 4, 10, 0 } } },
    { "one IO-APIC, two ids",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { SPECIAL, 1, 0xa0, 0 },
        { SPECIAL, 1, 0xa1, 0 } } },
    { "one IO-APIC, said twice",
      { 0, 1, 0, 1, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { SPECIAL, 1, 0xa0, 0 },
        { SPECIAL, 1, 0xa0, 0 } } },
    { "one HPET, two ids",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN },
        { SPECIAL, 2, 0xa0, 0 },
        { SPECIAL, 2, 0xa1, 0 } } },
    { "ACPI device in an old structure",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x11, BASE, OWN }, { HID, 0x98, 0, 0 } } },
    { "ACPI device, unknown id format",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x40, BASE, OWN }, { HID, 0x98, 3, 0 } } },
    { "ACPI device, short integer",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x40, BASE, OWN }, { HID, 0x98, 1, 4 } } },
    { "ACPI device, no id but bytes of it",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x40, BASE, OWN }, { HID, 0x98, 0, 1 } } },
    { "ACPI device cut in its id",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x40, BASE, OWN },
        { HID, 0x98, 2, 9 },
        { LENGTH, 64, 0, 0 } } },
    { "ACPI device cut in its fixed part",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x40, BASE, OWN }, { LONG, 240, 20, 0 } } },
    { "entry cut",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { LONG, 66, 3, 0 } } },
    { "one byte of an entry",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { LONG, 2, 0, 0 } } },
    { "structure of length 0",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { LENGTH, 0, 0, 0 } } },
    { "structure of length 3",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { LENGTH, 3, 0, 0 } } },
    { "unit too short",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNKNOWN, 0x10, 19, 0 } } },
    { "new unit as short as an old one",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNKNOWN, 0x11, 35, 0 } } },
    { "structure leaves the table",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { LENGTH, 25, 0, 0 } } },
    { "structure of the largest length",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { LENGTH, 0xffff, 0, 0 } } },
    { "one stray byte",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { TAIL, 1, 0, 0 } } },
    { "four zero bytes",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { TAIL, 4, 0, 0 } } },
    { "cut within the unit",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { CUT, 1, 0, 0 } } },
    { "cut within the head",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { CUT, 30, 0, 0 } } },
    { "longer than its bytes",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { CUT, (uint64_t)-1, 0, 0 } } },
    { "bad checksum",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { SUM, 0, 0, 0 } } },
    { "bad signature",
      { -EBADMSG, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { SIG, 0, 0, 0 } } },
    { "as many devices as fit",
      { 0, 1, IVRS_MAX_DEVS, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { MANY, IVRS_MAX_DEVS, 0, 0 } } },
    { "one device too many",
      { -ENOSPC, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { MANY, IVRS_MAX_DEVS + 1, 0, 0 } } },
    { "as many units as fit",
      { 0, IVRS_MAX_UNITS, IVRS_MAX_UNITS, 0, 0 },
      0,
      { { UNITS, IVRS_MAX_UNITS, 0, 0 } } },
    { "one unit too many",
      { -ENOSPC, 0, 0, 0, 0 },
      0,
      { { UNITS, IVRS_MAX_UNITS + 1, 0, 0 } } },
    { "one region too many",
      { -ENOSPC, 0, 0, 0, 0 },
      0,
      { { UNIT, 0x10, BASE, OWN }, { MEMS, IVRS_MAX_REGIONS + 1, 0, 0 } } },
};

static size_t current_at; /* of the structure being built */

static void set_le16(struct build *b, size_t at, uint64_t v)
{
    b->p[at] = (uint8_t)v;
    b->p[at + 1] = (uint8_t)(v >> 8);
}

static void begin(struct build *b, uint64_t type, uint64_t flags)
{
    current_at = b->len;
    put_le(b, type, 1);
    put_le(b, flags, 1);
    put_le(b, 0, 2);
}

static void put_unit(struct build *b, const struct step *s)
{
    begin(b, s->a, 0xd1);
    put_le(b, s->c & 0xffff, 2);
    put_le(b, 0x40, 2);
    put_le(b, s->b, 8);
    put_le(b, s->c >> 16, 2);
    put_le(b, 0, 2);
    put_le(b, 0, 4);
    if (s->a != 0x10) {
        put_zero(b, 16);
    }
}

static void put_mem(struct build *b, uint64_t kind, uint64_t start,
                    uint64_t size)
{
    begin(b, kind & 0xff, kind >> 8);
    put_zero(b, 12);
    put_le(b, start, 8);
    put_le(b, size, 8);
}

static void close_struct(struct build *b)
{
    if (current_at) {
        set_le16(b, current_at + 2, b->len - current_at);
    }
}

static void put_step(struct build *b, const struct step *s)
{
    switch (s->op) {
    case END:
    case LENGTH:
    case TAIL:
    case CUT:
    case SUM:
    case SIG:
        return;
    case UNIT:
        put_unit(b, s);
        break;
    case FEATURE:
        set_le16(b, current_at + 20, s->a);
        break;
    case EFR:
        set_le16(b, current_at + 24, s->a);
        break;
    case CAP:
        set_le16(b, current_at + 6, s->a);
        break;
    case DEV4:
        put_le(b, s->a, 1);
        put_le(b, s->b, 2);
        put_le(b, s->c, 1);
        break;
    case ALIAS:
        put_le(b, s->a, 1);
        put_le(b, s->b, 2);
        put_le(b, 0, 2);
        put_le(b, s->c, 2);
        put_le(b, 0, 1);
        break;
    case EXT:
        put_le(b, s->a, 1);
        put_le(b, s->b, 2);
        put_le(b, 0, 1);
        put_le(b, s->c, 4);
        break;
    case SPECIAL:
        put_le(b, 72, 1);
        put_le(b, 0, 2);
        put_le(b, 0xd7, 1);
        put_le(b, s->c, 1);
        put_le(b, s->b, 2);
        put_le(b, s->a, 1);
        break;
    case HID:
        put_le(b, 240, 1);
        put_le(b, s->a, 2);
        put_le(b, 0, 1);
        put_zero(b, 16);
        put_le(b, s->b, 1);
        put_le(b, s->c, 1);
        put_zero(b, s->c);
        break;
    case LONG:
        put_le(b, s->a, 1);
        put_zero(b, s->b);
        break;
    case MEM:
        put_mem(b, s->a, s->b, s->c);
        break;
    case MEMDEV:
        set_le16(b, current_at + 4, s->a);
        set_le16(b, current_at + 6, s->b);
        set_le16(b, current_at + 8, s->c);
        break;
    case UNKNOWN:
        begin(b, s->a, 0);
        put_zero(b, s->b);
        break;
    case MANY:
        for (uint64_t i = 0; i < s->a; i++) {
            put_le(b, 2, 1);
            put_le(b, i, 2);
            put_le(b, 0, 1);
        }
        break;
    case UNITS:
        for (uint64_t i = 0; i < s->a; i++) {
            const struct step u = { UNIT, 0x10, BASE + i * 0x4000, 8 * i };
            const struct step d = { DEV4, 2, 8 * i + 1, 0 };

            put_step(b, &u);
            put_step(b, &d);
            close_struct(b);
        }
        break;
    case MEMS:
        for (uint64_t i = 0; i < s->a; i++) {
            put_mem(b, 0x720, 0x1000 * (i + 1), 0x1000);
            close_struct(b);
        }
        break;
    }
}

static struct build build_table(const struct step *step, size_t nr)
{
    struct build b;

    build_begin(&b, "IVRS", 2);
    put_le(&b, 48u << 15 | 40u << 8, 4);
    put_zero(&b, 8);
    current_at = 0;
    for (size_t i = 0; i < nr && step[i].op != END; i++) {
        put_step(&b, &step[i]);
        close_struct(&b);
    }
    build_end(&b);
    for (size_t i = 0; i < nr && step[i].op != END; i++) {
        const struct step *s = &step[i];

        if (s->op == LENGTH) {
            set_le16(&b, current_at + 2, s->a);
            build_sum(&b);
        } else if (s->op == TAIL) {
            put_zero(&b, s->a);
            build_end(&b);
        } else if (s->op == CUT) {
            set_le16(&b, 4, b.len - s->a);
            build_sum(&b);
        } else if (s->op == SUM) {
            b.p[9]++;
        } else if (s->op == SIG) {
            b.p[0] = 'X';
            build_sum(&b);
        }
    }
    return b;
}

static struct ivrs_info info;

static void fields(void)
{
    static const struct step good[] = {
        { UNIT, 0x11, BASE, 0x10 },      { EFR, 0x200, 0, 0 },
        { DEV4, 3, 0x100, 0xb7 },        { DEV4, 4, 0x1ff, 0 },
        { ALIAS, 67, 0x300, 0x10 },      { DEV4, 4, 0x3ff, 0 },
        { EXT, 70, 0x8, UINT32_MAX },    { SPECIAL, 1, 0xa0, 7 },
        { MEM, 0x522, 0x1800, 0x1000 },  { MEMDEV, 8, 9, 5 },
        { MEM, 0x821, 0x10000, 0x2000 },
    };
    struct build b = build_table(good, array_size(good));

    EXPECT_EQ("parse", ivrs_parse(b.p, b.len, &info), 0);
    EXPECT_EQ("pa bits", info.pa_bits, 40);
    EXPECT_EQ("va bits", info.va_bits, 48);
    EXPECT_EQ("base", info.unit[0].pa, BASE);
    EXPECT_EQ("window", info.unit[0].size, 0x80000);
    EXPECT_EQ("efr", info.unit[0].efr, 0x200);
    EXPECT_EQ("own id", info.unit[0].devid, 0x10);
    EXPECT_EQ("capability", info.unit[0].cap, 0x40);
    EXPECT_EQ("flags", info.unit[0].flags, 0xd1);
    EXPECT_EQ("devices", info.unit[0].nr_devs, 3);
    EXPECT_EQ("range", info.dev[0].first, 0x100);
    EXPECT_EQ("range", info.dev[0].last, 0x1ff);
    EXPECT_EQ("range flags", info.dev[0].flags, 0xb7);
    EXPECT_EQ("not aliased", info.dev[0].aliased, false);
    EXPECT_EQ("aliases", info.dev[1].aliased, true);
    EXPECT_EQ("aliases", info.dev[1].last, 0x3ff);
    EXPECT_EQ("alias", info.dev[1].alias, 0x10);
    EXPECT_EQ("ats", info.dev[2].no_ats, true);
    EXPECT_EQ("special kind", info.special[0].kind, IVRS_IOAPIC);
    EXPECT_EQ("special handle", info.special[0].handle, 7);
    EXPECT_EQ("special id", info.special[0].devid, 0xa0);
    EXPECT_EQ("special flags", info.special[0].flags, 0xd7);
    EXPECT_EQ("rounded out", info.region[0].first, 0x1000);
    EXPECT_EQ("rounded out", info.region[0].last, 0x2fff);
    EXPECT_EQ("write only", info.region[0].read, false);
    EXPECT_EQ("write only", info.region[0].write, true);
    EXPECT_EQ("devices", info.region[0].devid_last, 9);
    EXPECT_EQ("segment", info.region[0].seg, 5);
    EXPECT_EQ("exclusion is both", info.region[1].read, true);
    EXPECT_EQ("one device", info.region[1].devid_first,
              info.region[1].devid_last);
    free(b.p);
}

/* A good table with any one byte changed, and cut anywhere: no crash. */
static void damage(void)
{
    static const struct step good[] = {
        { UNIT, 0x40, BASE, OWN }, { DEV4, 3, 8, 0 },
        { DEV4, 4, 0xff, 0 },      { HID, 0x98, 1, 8 },
        { SPECIAL, 1, 0xa0, 0 },   { MEM, 0x721, 0x1000, 0x1000 },
        { UNIT, 0x10, BASE, OWN }, { ALIAS, 66, 8, 9 },
    };
    struct build b = build_table(good, array_size(good));

    for (size_t at = 36; at < b.len; at++) {
        for (unsigned int v = 0; v < 256; v++) {
            const uint8_t was = b.p[at];
            int rc;

            b.p[at] = (uint8_t)v;
            build_sum(&b);
            rc = ivrs_parse(b.p, b.len, &info);
            EXPECT_EQ("counts", rc == 0 && info.nr_units == 0, false);
            b.p[at] = was;
        }
    }
    for (size_t n = 0; n < b.len; n++) {
        uint8_t *p = malloc(n ? n : 1);

        memcpy(p, b.p, n);
        EXPECT_EQ("cut", ivrs_parse(p, n, &info), -EBADMSG);
        free(p);
    }
    free(b.p);
}

int main(void)
{
    for (size_t i = 0; i < array_size(cases); i++) {
        struct build b = build_table(cases[i].step, array_size(cases[i].step));
        const struct want *w = &cases[i].want;
        int rc;

        nr_errors = 0;
        rc = ivrs_parse(b.p, b.len, &info);
        EXPECT_EQ(cases[i].what, rc, w->rc);
        /* One line for what is wrong, or one for each fallback. */
        EXPECT_EQ(cases[i].what, nr_errors,
                  cases[i].errors ? cases[i].errors : w->rc != 0);
        if (rc == 0 && w->rc == 0) {
            EXPECT_EQ(cases[i].what, info.nr_units, w->units);
            EXPECT_EQ(cases[i].what, info.nr_devs, w->devs);
            EXPECT_EQ(cases[i].what, info.nr_specials, w->specials);
            EXPECT_EQ(cases[i].what, info.nr_regions, w->regions);
        }
        free(b.p);
    }
    fields();
    damage();
    return expect_bad != 0;
}
