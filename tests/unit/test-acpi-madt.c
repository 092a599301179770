// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/acpi/madt.c xen/drivers/acpi/tables.c xen/lib/checksum.c
/* MADT tables, good and malformed. */
#include <xen/errno.h>

#include "acpi-build.h"
#include "expect.h"

void *acpi_map(paddr_t pa, size_t len)
{
    (void)pa;
    (void)len;
    return NULL;
}

static struct madt_info info;

static const struct {
    const char *what;
    int rc;
    unsigned int cpus;
    unsigned int ioapics;
    unsigned int isos;
    unsigned int nmis;
    unsigned int nr; /* bytes used below */
    uint8_t bytes[48];
} cases[] = {
    { "nothing", 0, 0, 0, 0, 0, 0, { 0 } },
    { "two CPUs, one of them off",
      0,
      1,
      0,
      0,
      0,
      16,
      { 0, 8, 0, 0, 1, 0, 0, 0, 0, 8, 1, 1, 0, 0, 0, 0 } },
    { "one CPU in both forms", 0, 1, 0, 0, 0, 24, { 0, 8,  0, 7, 1, 0, 0, 0,
                                                    9, 16, 0, 0, 7, 0, 0, 0,
                                                    1, 0,  0, 0, 0, 0, 0, 0 } },
    { "IO-APIC and override", 0, 0, 1, 1, 0, 22, { 1,    12,   2, 0, 0, 0,
                                                   0xc0, 0xfe, 0, 0, 0, 0,
                                                   2,    10,   0, 0, 2, 0,
                                                   0,    0,    0, 0 } },
    { "override of irq 16 ignored",
      0,
      0,
      0,
      0,
      0,
      10,
      { 2, 10, 0, 16, 2, 0, 0, 0, 0, 0 } },
    { "IO-APIC at 0 ignored",
      0,
      0,
      0,
      0,
      0,
      12,
      { 1, 12, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { "NMIs",
      0,
      0,
      0,
      0,
      3,
      26,
      { 4, 6, 0xff, 5, 0, 1, 10, 12, 0, 0, 1, 0, 0,
        0, 1, 0,    0, 0, 3, 8,  0,  0, 9, 0, 0, 0 } },
    { "NMI on LINT2 ignored", 0, 0, 0, 0, 0, 6, { 4, 6, 0xff, 5, 0, 2 } },
    { "unknown type", 0, 0, 0, 0, 0, 4, { 0x7f, 4, 1, 2 } },
    { "length 0", -EBADMSG, 0, 0, 0, 0, 8, { 0, 0, 0, 0, 1, 0, 0, 0 } },
    { "length 1", -EBADMSG, 0, 0, 0, 0, 8, { 0, 1, 0, 0, 1, 0, 0, 0 } },
    { "length 7 of 8", -EBADMSG, 0, 0, 0, 0, 7, { 0, 7, 0, 0, 1, 0, 0 } },
    { "leaves the table", -EBADMSG, 0, 0, 0, 0, 7, { 0, 8, 0, 0, 1, 0, 0 } },
    { "one byte", -EBADMSG, 0, 0, 0, 0, 1, { 0 } },
    { "short IO-APIC",
      -EBADMSG,
      0,
      0,
      0,
      0,
      11,
      { 1, 11, 2, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0 } },
    { "short x2APIC", -EBADMSG, 0, 0, 0, 0, 8, { 9, 8, 0, 0, 1, 0, 0, 0 } },
};

static struct build begin(void)
{
    struct build b;

    build_begin(&b, "APIC", 3);
    put_le(&b, 0xfee00000, 4);
    put_le(&b, 1, 4);
    return b;
}

static void test_values(void)
{
    struct build b = begin();

    put_bytes(&b, "\x05\x0c\0\0", 4); /* local APIC address */
    put_le(&b, UINT64_C(0x1fee00000), 8);
    put_bytes(&b, "\x02\x0a\0\x09", 4); /* override, level and low */
    put_le(&b, 20, 4);
    put_le(&b, 0xf, 2);
    put_bytes(&b, "\x01\x0c\x05\0", 4); /* IO-APIC 5 */
    put_le(&b, 0xfec10000, 4);
    put_le(&b, 24, 4);
    build_end(&b);
    EXPECT_EQ("values", madt_parse(b.p, b.len, &info), 0);
    EXPECT_EQ("values", info.lapic_pa, 0x1fee00000);
    EXPECT_EQ("values", info.has_pic, 1);
    EXPECT_EQ("values", info.iso[0].irq, 9);
    EXPECT_EQ("values", info.iso[0].gsi, 20);
    EXPECT_EQ("values", info.iso[0].flags, MADT_LEVEL | MADT_ACTIVE_LOW);
    EXPECT_EQ("values", info.ioapic[0].id, 5);
    EXPECT_EQ("values", info.ioapic[0].pa, 0xfec10000);
    EXPECT_EQ("values", info.ioapic[0].gsi_base, 24);

    b.p[44] ^= 1;
    EXPECT_EQ("checksum", madt_parse(b.p, b.len, &info), -EBADMSG);
    for (size_t len = 0; len < b.len; len++) {
        EXPECT_EQ("cut short", madt_parse(b.p, len, &info), -EBADMSG);
    }
    free(b.p);
}

static void test_many(void)
{
    struct build b = begin();

    for (unsigned int i = 0; i < ACPI_MAX_CPUS + 3; i++) {
        put_bytes(&b, "\x09\x10\0\0", 4);
        put_le(&b, i, 4);
        put_le(&b, 1, 4);
        put_le(&b, i, 4);
    }
    for (unsigned int i = 0; i < ACPI_MAX_IOAPICS + 3; i++) {
        put_bytes(&b, "\x01\x0c\x05\0", 4);
        put_le(&b, 0xfec00000 + i * 0x1000, 4);
        put_le(&b, 24 * i, 4);
    }
    for (unsigned int i = 0; i < ACPI_MAX_ISOS + 3; i++) {
        put_bytes(&b, "\x02\x0a\0\x09\0\0\0\0\0\0", 10);
        put_bytes(&b, "\x04\x06\xff\0\0\x01", 6);
    }
    build_end(&b);
    EXPECT_EQ("many", madt_parse(b.p, b.len, &info), 0);
    EXPECT_EQ("many", info.nr_cpus, ACPI_MAX_CPUS);
    EXPECT_EQ("many", info.nr_ioapics, ACPI_MAX_IOAPICS);
    EXPECT_EQ("many", info.nr_isos, ACPI_MAX_ISOS);
    EXPECT_EQ("many", info.nr_nmis, ACPI_MAX_NMIS);
    free(b.p);
}

int main(void)
{
    for (unsigned int n = 0; n < array_size(cases); n++) {
        struct build b = begin();

        put_bytes(&b, cases[n].bytes, cases[n].nr);
        build_end(&b);
        EXPECT_EQ(cases[n].what, madt_parse(b.p, b.len, &info), cases[n].rc);
        EXPECT_EQ(cases[n].what, info.nr_cpus, cases[n].cpus);
        EXPECT_EQ(cases[n].what, info.nr_ioapics, cases[n].ioapics);
        EXPECT_EQ(cases[n].what, info.nr_isos, cases[n].isos);
        EXPECT_EQ(cases[n].what, info.nr_nmis, cases[n].nmis);
        free(b.p);
    }
    test_values();
    test_many();
    return expect_failures();
}
