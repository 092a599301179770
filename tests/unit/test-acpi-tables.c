// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/acpi/tables.c xen/drivers/acpi/mcfg.c xen/drivers/acpi/hpet.c xen/drivers/acpi/fadt.c xen/lib/checksum.c
/*
 * RSDP search, root tables, hiding, and the small tables. Machine memory is one
 * megabyte of array; whatever leaves it cannot be mapped.
 */
#include <xen/errno.h>

#include "acpi-build.h"
#include "expect.h"

#define MEM_BYTES 0x100000u

static uint8_t mem[MEM_BYTES];

void *acpi_map(paddr_t pa, size_t len)
{
    return pa < MEM_BYTES && len <= MEM_BYTES - pa ? mem + pa : NULL;
}

static void place(paddr_t pa, struct build *b)
{
    memcpy(mem + pa, b->p, b->len);
    free(b->p);
}

static void place_table(paddr_t pa, const char *sig, unsigned int body)
{
    struct build b;

    build_begin(&b, sig, 1);
    put_zero(&b, body);
    build_end(&b);
    place(pa, &b);
}

/* @entry: 8 for an XSDT, 4 for an RSDT. */
static void place_root(paddr_t pa, const char *sig, unsigned int entry,
                       const uint64_t *list, unsigned int nr)
{
    struct build b;

    build_begin(&b, sig, 1);
    for (unsigned int i = 0; i < nr; i++) {
        put_le(&b, list[i], entry);
    }
    build_end(&b);
    place(pa, &b);
}

static void place_rsdp(paddr_t pa, uint8_t rev, uint64_t xsdt, uint32_t rsdt)
{
    struct build b = { NULL, 0 };

    put_bytes(&b, "RSD PTR ", 8);
    put_zero(&b, 7);
    put_le(&b, rev, 1);
    put_le(&b, rsdt, 4);
    put_le(&b, 36, 4);
    put_le(&b, xsdt, 8);
    put_zero(&b, 4);
    b.p[8] = (uint8_t)-byte_sum(b.p, 20);
    b.p[32] = (uint8_t)-byte_sum(b.p, 36);
    place(pa, &b);
}

static void test_search(void)
{
    static const uint64_t list[] = { 0x2000, 0, 0x3000, 0x2000 };
    static const uint64_t short_list[] = { 0x3000 };
    size_t len = 0;

    memset(mem, 0, sizeof(mem));
    EXPECT_EQ("no RSDP", acpi_init(0), -ENOENT);
    EXPECT_EQ("RSDP outside memory", acpi_init(0x200000), -ENOENT);
    EXPECT_EQ("no RSDP there", acpi_init(0x5000), -ENOENT);

    place_table(0x2000, "TAB1", 4);
    place_table(0x3000, "TAB2", 0);
    place_root(0x1000, "XSDT", 8, list, 4);
    place_root(0x1800, "RSDT", 4, short_list, 1);
    place_rsdp(0xf5a30, 2, 0x1000, 0x1800);
    EXPECT_EQ("BIOS area", acpi_init(0), 0);
    EXPECT_EQ("BIOS area", acpi_rsdp(), 0xf5a30);
    EXPECT_EQ("first", acpi_find("TAB1", 0, &len) == mem + 0x2000, 1);
    EXPECT_EQ("first", len, 40);
    EXPECT_EQ("second of a kind", acpi_find("TAB1", 1, NULL) == mem + 0x2000,
              1);
    EXPECT_EQ("third of a kind", acpi_find("TAB1", 2, NULL) == NULL, 1);
    EXPECT_EQ("other", acpi_find("TAB2", 0, &len) == mem + 0x3000, 1);
    EXPECT_EQ("none", acpi_find("NONE", 0, &len) == NULL, 1);

    /* The EBDA comes first. */
    mem[0x40e] = 0xc0;
    mem[0x40f] = 0x9f;
    place_rsdp(0x9fc00, 0, 0, 0x1800);
    EXPECT_EQ("EBDA", acpi_init(0), 0);
    EXPECT_EQ("EBDA", acpi_rsdp(), 0x9fc00);
    EXPECT_EQ("RSDT of revision 0", acpi_find("TAB1", 0, NULL) == NULL, 1);
    EXPECT_EQ("RSDT of revision 0", acpi_find("TAB2", 0, NULL) == mem + 0x3000,
              1);
    EXPECT_EQ("given", acpi_init(0xf5a30), 0);
    EXPECT_EQ("given", acpi_find("TAB1", 0, NULL) == mem + 0x2000, 1);

    EXPECT_EQ("hide", acpi_hide("TAB1"), 0);
    EXPECT_EQ("hide", memcmp(mem + 0x2000, "XAB1", 4), 0);
    EXPECT_EQ("hide", byte_sum(mem + 0x2000, 40), 0);
    EXPECT_EQ("hide twice", acpi_hide("TAB1"), 0);
    EXPECT_EQ("hide twice", byte_sum(mem + 0x2000, 40), 0);
    EXPECT_EQ("hide none", acpi_hide("NONE"), -ENOENT);
    EXPECT_EQ("still found", acpi_find("TAB1", 0, NULL) == mem + 0x2000, 1);
    EXPECT_EQ("others stay", memcmp(mem + 0x3000, "TAB2", 4), 0);

    mem[0x2010] ^= 1;
    EXPECT_EQ("bad table", acpi_init(0xf5a30), 0);
    EXPECT_EQ("bad table", acpi_find("XAB1", 0, NULL) == NULL, 1);
    mem[0x1010] ^= 1;
    EXPECT_EQ("bad XSDT, good RSDT", acpi_init(0xf5a30), 0);
    EXPECT_EQ("RSDT", acpi_find("TAB2", 0, NULL) == mem + 0x3000, 1);
    mem[0x1810] ^= 1;
    EXPECT_EQ("both bad", acpi_init(0xf5a30), -EBADMSG);
    mem[0xf5a30 + 20] = 200; /* length of the RSDP */
    EXPECT_EQ("bad RSDP length", acpi_init(0xf5a30), -ENOENT);
}

static void test_many(void)
{
    uint64_t list[ACPI_MAX_TABLES + 2];

    memset(mem, 0, sizeof(mem));
    for (unsigned int i = 0; i < array_size(list); i++) {
        list[i] = 0x10000 + i * 64;
        place_table(list[i], "MANY", 0);
    }
    place_root(0x1000, "XSDT", 8, list, array_size(list));
    place_rsdp(0xe0000, 2, 0x1000, 0);
    EXPECT_EQ("many", acpi_init(0), 0);
    EXPECT_EQ("last", acpi_find("MANY", ACPI_MAX_TABLES - 1, NULL) != NULL, 1);
    EXPECT_EQ("beyond", acpi_find("MANY", ACPI_MAX_TABLES, NULL) == NULL, 1);
}

static void test_mcfg(void)
{
    static const struct {
        const char *what;
        uint64_t pa;
        unsigned int first;
        unsigned int last;
        unsigned int nr;
    } cases[] = {
        { "good", 0xb0000000, 0, 255, 1 },
        { "one bus", 0xb0000000, 3, 3, 1 },
        { "base 0", 0, 0, 255, 0 },
        { "unaligned", 0xb0000800, 0, 255, 0 },
        { "upside down", 0xb0000000, 4, 3, 0 },
        { "beyond physical memory", UINT64_C(1) << 52, 0, 0, 0 },
        { "wraps", UINT64_MAX << 20, 0, 0, 0 },
    };
    struct mcfg_info info;

    for (unsigned int i = 0; i < array_size(cases); i++) {
        struct build b;

        build_begin(&b, "MCFG", 1);
        put_zero(&b, 8);
        put_le(&b, cases[i].pa, 8);
        put_le(&b, 0, 2);
        put_le(&b, cases[i].first, 1);
        put_le(&b, cases[i].last, 1);
        put_zero(&b, 4 + 15); /* and a region that is cut off */
        build_end(&b);
        EXPECT_EQ(cases[i].what, mcfg_parse(b.p, b.len, &info), 0);
        EXPECT_EQ(cases[i].what, info.nr, cases[i].nr);
        for (size_t len = 0; len < b.len; len++) {
            EXPECT_EQ("cut", mcfg_parse(b.p, len, &info), -EBADMSG);
        }
        free(b.p);
    }
}

static void test_hpet(void)
{
    struct hpet_info info;
    struct build b;

    build_begin(&b, "HPET", 1);
    put_le(&b, 0x8086a201, 4);
    put_le(&b, 0, 4); /* memory */
    put_le(&b, 0xfed00000, 8);
    put_le(&b, 1, 1);
    put_le(&b, 0x80, 2);
    put_le(&b, 0x32, 1); /* OEM bits above the protection */
    build_end(&b);
    EXPECT_EQ("hpet", hpet_parse(b.p, b.len, &info), 0);
    EXPECT_EQ("hpet", info.pa, 0xfed00000);
    EXPECT_EQ("hpet", info.number, 1);
    EXPECT_EQ("hpet", info.min_tick, 0x80);
    EXPECT_EQ("hpet", info.protect, HPET_PROTECT_64K);
    b.p[40] = 1;
    build_sum(&b);
    EXPECT_EQ("in I/O space", hpet_parse(b.p, b.len, &info), -EOPNOTSUPP);
    b.p[40] = 0;
    b.p[44] = 4;
    build_sum(&b);
    EXPECT_EQ("unaligned", hpet_parse(b.p, b.len, &info), -EBADMSG);
    for (size_t len = 0; len < b.len; len++) {
        EXPECT_EQ("cut", hpet_parse(b.p, len, &info), -EBADMSG);
    }
    free(b.p);
}

static void test_fadt(void)
{
    struct fadt_info info;
    struct build b;

    build_begin(&b, "FACP", 3);
    put_zero(&b, 244 - 36);
    build_end(&b);
    b.p[46] = 9;
    b.p[48] = 0xb2;
    b.p[57] = 0x06; /* PM1a event block 0x600, length 4 */
    b.p[88] = 4;
    b.p[65] = 0x06; /* PM1a control 0x604, length 2 */
    b.p[64] = 0x04;
    b.p[89] = 2;
    b.p[76] = 0x08; /* timer 0x608 */
    b.p[77] = 0x06;
    b.p[91] = 4;
    b.p[108] = 0x32;
    b.p[113] = 0x05; /* 32-bit timer, reset register */
    b.p[116] = 1;    /* I/O, 8 bits, 0xcf9 */
    b.p[117] = 8;
    b.p[120] = 0xf9;
    b.p[121] = 0x0c;
    b.p[128] = 0x0f;
    build_sum(&b);
    EXPECT_EQ("fadt", fadt_parse(b.p, b.len, &info), 0);
    EXPECT_EQ("fadt", info.sci_irq, 9);
    EXPECT_EQ("fadt", info.smi_cmd, 0xb2);
    EXPECT_EQ("fadt", info.pm1a_evt.pa, 0x600);
    EXPECT_EQ("fadt", info.pm1a_evt.bits, 32);
    EXPECT_EQ("fadt", info.pm1a_cnt.pa, 0x604);
    EXPECT_EQ("fadt", info.pm1a_cnt.bits, 16);
    EXPECT_EQ("fadt", info.pm1b_cnt.pa, 0);
    EXPECT_EQ("fadt", info.pm_timer.pa, 0x608);
    EXPECT_EQ("fadt", info.pm_timer_32bit, 1);
    EXPECT_EQ("fadt", info.century, 0x32);
    EXPECT_EQ("fadt", info.has_reset, 1);
    EXPECT_EQ("fadt", info.reset.pa, 0xcf9);
    EXPECT_EQ("fadt", info.reset_value, 0x0f);

    b.p[148] = 0; /* PM1a event block in memory, by its extended address */
    b.p[155] = 0xfe;
    build_sum(&b);
    EXPECT_EQ("extended", fadt_parse(b.p, b.len, &info), 0);
    EXPECT_EQ("extended", info.pm1a_evt.space, ACPI_SPACE_MEM);
    EXPECT_EQ("extended", info.pm1a_evt.pa, UINT64_C(0xfe000000));

    b.p[66] = 1;  /* PM1a control beyond the ports */
    b.p[122] = 1; /* reset too */
    b.p[91] = 0;  /* no timer */
    build_sum(&b);
    EXPECT_EQ("ports", fadt_parse(b.p, b.len, &info), 0);
    EXPECT_EQ("ports", info.pm1a_cnt.pa, 0);
    EXPECT_EQ("ports", info.has_reset, 0);
    EXPECT_EQ("ports", info.pm_timer.pa, 0);

    for (size_t len = 0; len < b.len; len++) {
        uint8_t *cut = malloc(len ? len : 1);

        memcpy(cut, b.p, len);
        EXPECT_EQ("cut", fadt_parse(cut, len, &info), -EBADMSG);
        if (len >= 36) {
            cut[4] = (uint8_t)len;
            cut[9] = 0;
            cut[9] = (uint8_t)-byte_sum(cut, len);
            EXPECT_EQ("old and short", fadt_parse(cut, len, &info),
                      len < 116 ? -EBADMSG : 0);
        }
        free(cut);
    }
    free(b.p);
}

static void test_s5(void)
{
    static const struct {
        const char *what;
        int rc;
        uint8_t a;
        uint8_t b;
        unsigned int nr;
        uint8_t aml[24];
    } cases[] = {
        { "bytes",
          0,
          5,
          6,
          14,
          { 0x08, '_', 'S', '5', '_', 0x12, 0x08, 4, 0x0a, 5, 0x0a, 6, 0, 0 } },
        { "root name, ops",
          0,
          0,
          1,
          14,
          { 0x08, 0x5c, '_', 'S', '5', '_', 0x12, 0x06, 4, 0, 1, 0, 0, 0xa4 } },
        { "two-byte length",
          0,
          7,
          7,
          15,
          { 0x08, '_', 'S', '5', '_', 0x12, 0x49, 0x00, 2, 0x0a, 7, 0x0b, 7, 0,
            0 } },
        { "dword",
          0,
          1,
          2,
          16,
          { 0x08, '_', 'S', '5', '_', 0x12, 0x0a, 2, 0x01, 0x0c, 2, 0, 0, 0, 0,
            0 } },
        { "decoy first", 0, 3, 0, 23, { 0x08, '_', 'S',  '5', '_', 0x11,
                                        0x06, 4,   0,    1,   0,   0,
                                        0x08, '_', 'S',  '5', '_', 0x12,
                                        0x05, 2,   0x0a, 3,   0 } },
        { "type 8",
          -ENOENT,
          0,
          0,
          11,
          { 0x08, '_', 'S', '5', '_', 0x12, 0x05, 2, 0x0a, 8, 0 } },
        { "one element",
          -ENOENT,
          0,
          0,
          10,
          { 0x08, '_', 'S', '5', '_', 0x12, 0x04, 1, 0x0a, 5 } },
        { "a name as element",
          -ENOENT,
          0,
          0,
          13,
          { 0x08, '_', 'S', '5', '_', 0x12, 0x07, 2, 'A', 'B', 'C', 'D', 0 } },
        { "package leaves the table",
          -ENOENT,
          0,
          0,
          10,
          { 0x08, '_', 'S', '5', '_', 0x12, 0x06, 2, 0, 0 } },
        { "element leaves the package",
          -ENOENT,
          0,
          0,
          11,
          { 0x08, '_', 'S', '5', '_', 0x12, 0x04, 2, 0, 0x0a, 5 } },
        { "four-byte length, cut",
          -ENOENT,
          0,
          0,
          8,
          { 0x08, '_', 'S', '5', '_', 0x12, 0xc1, 0 } },
        { "name at the end", -ENOENT, 0, 0, 5, { 0x08, '_', 'S', '5', '_' } },
        { "not there",
          -ENOENT,
          0,
          0,
          10,
          { 0x08, '_', 'S', '4', '_', 0x12, 0x05, 2, 0, 0 } },
    };

    for (unsigned int i = 0; i < array_size(cases); i++) {
        struct build b;
        uint8_t typ_a = 77;
        uint8_t typ_b = 77;

        build_begin(&b, "DSDT", 2);
        put_bytes(&b, cases[i].aml, cases[i].nr);
        EXPECT_EQ(cases[i].what, fadt_find_s5(b.p, b.len, &typ_a, &typ_b),
                  cases[i].rc);
        EXPECT_EQ(cases[i].what, typ_a, cases[i].rc ? 77 : cases[i].a);
        EXPECT_EQ(cases[i].what, typ_b, cases[i].rc ? 77 : cases[i].b);
        free(b.p);
    }
}

int main(void)
{
    test_search();
    test_many();
    test_mcfg();
    test_hpet();
    test_fadt();
    test_s5();
    return expect_failures();
}
