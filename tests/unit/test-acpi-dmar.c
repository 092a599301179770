// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/acpi/dmar.c xen/drivers/acpi/tables.c xen/lib/checksum.c
/* DMAR tables, good and malformed, each built from a few steps. */
#include <xen/errno.h>

#include "acpi-build.h"
#include "expect.h"

void *acpi_map(paddr_t pa, size_t len)
{
    (void)pa;
    (void)len;
    return NULL;
}

enum op {
    END,
    UNIT,    /* a: flags, b: base, c: segment */
    SIZED,   /* as UNIT, flags 0, c: size field */
    REGION,  /* a: first, b: last */
    ATSR,    /* a: flags */
    UNKNOWN, /* a: type, b: body bytes */
    SCOPE,   /* a: kind, b: start bus << 16 | dev << 8 | fn, c: id */
    DEEP,    /* a: kind, b: path pairs */
    RAW,     /* a: byte put into the current structure */
    LENGTH,  /* a: overrides the length of the current structure */
    TAIL,    /* a: bytes after the last structure */
    CUT,     /* a: table length in its header is so much less */
    SUM,     /* spoil the checksum */
    WIDTH,   /* a: address width byte */
};

struct step {
    enum op op;
    uint64_t a;
    uint64_t b;
    uint64_t c;
};

#define BASE UINT64_C(0xfed90000)

static const struct {
    const char *what;
    int rc;
    unsigned int units;
    unsigned int regions;
    unsigned int atsrs;
    unsigned int scopes;
    struct step step[8];
} cases[] = {
    { "one unit, all devices", 0, 1, 0, 0, 0, { { UNIT, 1, BASE, 0 } } },
    { "unit with scopes",
      0,
      1,
      0,
      0,
      3,
      { { UNIT, 0, BASE, 0 },
        { SCOPE, 3, 0xff0000, 0 },
        { SCOPE, 1, 0x000100, 0 },
        { SCOPE, 2, 0x001f07, 0 } } },
    { "empty table", -ENODEV, 0, 0, 0, 0, { { END, 0, 0, 0 } } },
    { "only a region", -ENODEV, 0, 0, 0, 0, { { REGION, 0x1000, 0x1fff, 0 } } },
    { "unit, region, ats, unknown",
      0,
      1,
      1,
      1,
      2,
      { { UNIT, 1, BASE, 0 },
        { REGION, 0x1000, 0x2fff, 0 },
        { SCOPE, 1, 0x000200, 0 },
        { ATSR, 0, 0, 0 },
        { SCOPE, 2, 0x000300, 0 },
        { UNKNOWN, 3, 16, 0 },
        { UNKNOWN, 77, 0, 0 } } },
    { "base 0", -EBADMSG, 0, 0, 0, 0, { { UNIT, 1, 0, 0 } } },
    { "base unaligned", -EBADMSG, 0, 0, 0, 0, { { UNIT, 1, BASE + 8, 0 } } },
    { "base all ones", -EBADMSG, 0, 0, 0, 0, { { UNIT, 1, UINT64_MAX, 0 } } },
    { "base at the very top",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, UINT64_MAX & ~UINT64_C(4095), 0 } } },
    { "two units",
      0,
      2,
      0,
      0,
      2,
      { { UNIT, 0, BASE, 0 },
        { SCOPE, 1, 0x000200, 0 },
        { UNIT, 1, BASE + 0x1000, 0 },
        { SCOPE, 3, 0xf01f00, 2 } } },
    { "two units at one place",
      -EADDRINUSE,
      0,
      0,
      0,
      0,
      { { UNIT, 0, BASE, 0 }, { UNIT, 0, BASE, 1 } } },
    { "a large unit over a small one",
      -EADDRINUSE,
      0,
      0,
      0,
      0,
      { { UNIT, 0, BASE + 0x3000, 0 }, { SIZED, 0, BASE, 2 } } },
    { "a large unit below a small one",
      0,
      2,
      0,
      0,
      0,
      { { UNIT, 0, BASE + 0x4000, 0 }, { SIZED, 0, BASE, 2 } } },
    { "two units for all devices",
      -EADDRINUSE,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { UNIT, 1, BASE + 0x1000, 0 } } },
    { "two segments, all devices each",
      0,
      2,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { UNIT, 1, BASE + 0x1000, 1 } } },
    { "one device, two units",
      -EADDRINUSE,
      0,
      0,
      0,
      0,
      { { UNIT, 0, BASE, 0 },
        { SCOPE, 1, 0x000200, 0 },
        { UNIT, 0, BASE + 0x1000, 0 },
        { SCOPE, 1, 0x000200, 0 } } },
    { "one device, two segments",
      0,
      2,
      0,
      0,
      2,
      { { UNIT, 0, BASE, 0 },
        { SCOPE, 1, 0x000200, 0 },
        { UNIT, 0, BASE + 0x1000, 1 },
        { SCOPE, 1, 0x000200, 0 } } },
    { "structure of length 0",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { LENGTH, 0, 0, 0 } } },
    { "structure of length 3",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { LENGTH, 3, 0, 0 } } },
    { "unit too short",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { LENGTH, 15, 0, 0 } } },
    { "structure leaves the table",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { LENGTH, 17, 0, 0 } } },
    { "structure of the largest length",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { LENGTH, 0xffff, 0, 0 } } },
    { "one stray byte",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { TAIL, 1, 0, 0 } } },
    { "four zero bytes",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { TAIL, 4, 0, 0 } } },
    { "cut within the unit",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { CUT, 1, 0, 0 } } },
    { "cut within the head",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { CUT, 20, 0, 0 } } },
    { "longer than its bytes",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { CUT, (uint64_t)-1, 0, 0 } } },
    { "bad checksum",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { SUM, 0, 0, 0 } } },
    { "32 address bits",
      0,
      1,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { WIDTH, 31, 0, 0 } } },
    { "31 address bits",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { WIDTH, 30, 0, 0 } } },
    { "65 address bits",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { WIDTH, 64, 0, 0 } } },
    { "scope cut after its head",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 0, BASE, 0 },
        { RAW, 1, 0, 0 },
        { RAW, 6, 0, 0 },
        { RAW, 0, 0, 0 },
        { RAW, 0, 0, 0 },
        { RAW, 0, 0, 0 },
        { RAW, 0, 0, 0 } } },
    { "scope of one byte",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 0, BASE, 0 }, { RAW, 1, 0, 0 } } },
    { "scope of length 0",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 0, BASE, 0 },
        { RAW, 1, 0, 0 },
        { RAW, 0, 0, 0 },
        { RAW, 0, 0, 0 },
        { RAW, 0, 0, 0 },
        { RAW, 0, 0, 0 },
        { RAW, 0, 0, 0 } } },
    { "scope leaves its unit",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 0, BASE, 0 },
        { RAW, 1, 0, 0 },
        { RAW, 8, 0, 0 },
        { RAW, 0, 0, 0 },
        { RAW, 0, 0, 0 },
        { RAW, 0, 0, 0 },
        { RAW, 0, 0, 0 },
        { RAW, 0, 0, 0 } } },
    { "longest path",
      0,
      1,
      0,
      0,
      1,
      { { UNIT, 0, BASE, 0 }, { DEEP, 1, 8, 0 } } },
    { "path too long",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 0, BASE, 0 }, { DEEP, 1, 9, 0 } } },
    { "device 32",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 0, BASE, 0 }, { SCOPE, 1, 0x2000, 0 } } },
    { "function 8",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 0, BASE, 0 }, { SCOPE, 1, 0x0008, 0 } } },
    { "unknown scope is skipped",
      0,
      1,
      0,
      0,
      1,
      { { UNIT, 0, BASE, 0 },
        { SCOPE, 9, 0x000100, 0 },
        { SCOPE, 1, 0x000100, 0 } } },
    { "region upside down",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { REGION, 0x2000, 0x1fff, 0 } } },
    { "region unaligned start",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { REGION, 0x2100, 0x2fff, 0 } } },
    { "region unaligned end",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { REGION, 0x2000, 0x2ffe, 0 } } },
    { "region to the end of everything",
      -EBADMSG,
      0,
      0,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { REGION, 0, UINT64_MAX, 0 } } },
    { "region at 0",
      0,
      1,
      1,
      0,
      0,
      { { UNIT, 1, BASE, 0 }, { REGION, 0, 0xfff, 0 } } },
};

/* Position of the structure being built, to fix its length. */
static size_t open_at;

static void close_struct(struct build *b)
{
    if (open_at) {
        b->p[open_at + 2] = (uint8_t)(b->len - open_at);
        b->p[open_at + 3] = (uint8_t)((b->len - open_at) >> 8);
    }
    open_at = 0;
}

static void open_struct(struct build *b, uint64_t type)
{
    close_struct(b);
    open_at = b->len;
    put_le(b, type, 2);
    put_le(b, 0, 2);
}

static void put_step(struct build *b, const struct step *s)
{
    switch (s->op) {
    case UNIT:
    case SIZED:
        open_struct(b, 0);
        put_le(b, s->op == UNIT ? s->a : 0, 1);
        put_le(b, s->op == SIZED ? s->c : 0, 1);
        put_le(b, s->op == UNIT ? s->c : 0, 2);
        put_le(b, s->b, 8);
        break;
    case REGION:
        open_struct(b, 1);
        put_le(b, 0, 4);
        put_le(b, s->a, 8);
        put_le(b, s->b, 8);
        break;
    case ATSR:
        open_struct(b, 2);
        put_le(b, s->a, 4);
        break;
    case UNKNOWN:
        open_struct(b, s->a);
        put_zero(b, s->b);
        break;
    case SCOPE:
        put_le(b, s->a, 1);
        put_le(b, 8, 1);
        put_le(b, 0, 2);
        put_le(b, s->c, 1);
        put_le(b, s->b >> 16, 1);
        put_le(b, s->b >> 8, 1);
        put_le(b, s->b, 1);
        break;
    case DEEP:
        put_le(b, s->a, 1);
        put_le(b, 6 + 2 * s->b, 1);
        put_zero(b, 4 + 2 * s->b);
        break;
    case RAW:
        put_le(b, s->a, 1);
        break;
    case END:
    case LENGTH:
    case TAIL:
    case CUT:
    case SUM:
    case WIDTH:
        break;
    }
}

static void run_case(unsigned int n)
{
    struct dmar_info info;
    struct build b;
    size_t last = 0;

    build_begin(&b, "DMAR", 1);
    put_le(&b, 38, 1);
    put_le(&b, 1, 1);
    put_zero(&b, 10);
    for (unsigned int i = 0; i < array_size(cases[n].step); i++) {
        put_step(&b, &cases[n].step[i]);
        last = open_at ? open_at : last;
    }
    close_struct(&b);
    for (unsigned int i = 0; i < array_size(cases[n].step); i++) {
        const struct step *s = &cases[n].step[i];

        if (s->op == TAIL) {
            put_zero(&b, s->a);
        } else if (s->op == LENGTH) {
            b.p[last + 2] = (uint8_t)s->a;
            b.p[last + 3] = (uint8_t)(s->a >> 8);
        } else if (s->op == WIDTH) {
            b.p[36] = (uint8_t)s->a;
        }
    }
    build_end(&b);
    for (unsigned int i = 0; i < array_size(cases[n].step); i++) {
        const struct step *s = &cases[n].step[i];

        if (s->op == CUT) {
            const size_t own = b.len;

            b.len -= (size_t)s->a;
            b.p[4] = (uint8_t)b.len;
            b.p[5] = (uint8_t)(b.len >> 8);
            b.len = b.len < own ? b.len : own;
            build_sum(&b);
        } else if (s->op == SUM) {
            b.p[40] ^= 1;
        }
    }
    EXPECT_EQ(cases[n].what, dmar_parse(b.p, b.len, &info), cases[n].rc);
    if (!cases[n].rc) {
        EXPECT_EQ(cases[n].what, info.nr_units, cases[n].units);
        EXPECT_EQ(cases[n].what, info.nr_regions, cases[n].regions);
        EXPECT_EQ(cases[n].what, info.nr_atsrs, cases[n].atsrs);
        EXPECT_EQ(cases[n].what, info.nr_scopes, cases[n].scopes);
    }
    free(b.p);
}

/* More structures than there is room for, and every value of one good table. */
static void test_limits(void)
{
    struct dmar_info info;

    for (unsigned int nr = DMAR_MAX_UNITS; nr <= DMAR_MAX_UNITS + 1; nr++) {
        struct build b;

        build_begin(&b, "DMAR", 1);
        put_le(&b, 47, 2);
        put_zero(&b, 10);
        for (unsigned int i = 0; i < nr; i++) {
            put_step(&b, &(struct step){ UNIT, 0, BASE + i * 0x1000, 0 });
        }
        close_struct(&b);
        build_end(&b);
        EXPECT_EQ("many units", dmar_parse(b.p, b.len, &info),
                  nr > DMAR_MAX_UNITS ? -ENOSPC : 0);
        free(b.p);
    }
    for (unsigned int nr = DMAR_MAX_SCOPES; nr <= DMAR_MAX_SCOPES + 1; nr++) {
        struct build b;

        build_begin(&b, "DMAR", 1);
        put_le(&b, 47, 2);
        put_zero(&b, 10);
        put_step(&b, &(struct step){ UNIT, 0, BASE, 0 });
        for (unsigned int i = 0; i < nr; i++) {
            put_step(&b, &(struct step){ SCOPE, 1, (i / 32) << 16, 0 });
        }
        close_struct(&b);
        build_end(&b);
        EXPECT_EQ("many scopes", dmar_parse(b.p, b.len, &info),
                  nr > DMAR_MAX_SCOPES ? -ENOSPC : 0);
        free(b.p);
    }
}

static void test_values(void)
{
    struct dmar_info info;
    struct build b;

    build_begin(&b, "DMAR", 1);
    put_le(&b, 0x2f, 1);
    put_le(&b, 3, 1);
    put_zero(&b, 10);
    put_step(&b, &(struct step){ SIZED, 0, BASE, 1 });
    put_step(&b, &(struct step){ SCOPE, 3, 0xff1e07, 5 });
    put_step(&b, &(struct step){ REGION, 0x7f000000, 0x7f00ffff, 0 });
    put_step(&b, &(struct step){ SCOPE, 1, 0x011402, 0 });
    close_struct(&b);
    build_end(&b);
    EXPECT_EQ("values", dmar_parse(b.p, b.len, &info), 0);
    EXPECT_EQ("values", info.address_bits, 48);
    EXPECT_EQ("values", info.flags, 3);
    EXPECT_EQ("values", info.unit[0].pa, BASE);
    EXPECT_EQ("values", info.unit[0].size, 8192);
    EXPECT_EQ("values", info.unit[0].first_scope, 0);
    EXPECT_EQ("values", info.unit[0].nr_scopes, 1);
    EXPECT_EQ("values", info.scope[0].kind, DMAR_SCOPE_IOAPIC);
    EXPECT_EQ("values", info.scope[0].enum_id, 5);
    EXPECT_EQ("values", info.scope[0].start_bus, 0xff);
    EXPECT_EQ("values", info.scope[0].nr_path, 1);
    EXPECT_EQ("values", info.scope[0].path[0].dev, 0x1e);
    EXPECT_EQ("values", info.scope[0].path[0].fn, 7);
    EXPECT_EQ("values", info.region[0].first, 0x7f000000);
    EXPECT_EQ("values", info.region[0].last, 0x7f00ffff);
    EXPECT_EQ("values", info.region[0].first_scope, 1);
    EXPECT_EQ("values", info.scope[1].path[0].dev, 0x14);
    free(b.p);
}

int main(void)
{
    for (unsigned int n = 0; n < array_size(cases); n++) {
        run_case(n);
    }
    test_limits();
    test_values();
    return expect_failures();
}
