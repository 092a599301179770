// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/acpi/madt.c xen/drivers/acpi/tables.c xen/lib/checksum.c
/*
 * Any bytes as a table: no crash, and what comes out is within its bounds. The
 * input is used as it is and once more with a good header, because a fuzzer
 * does not guess checksums.
 */
#include "fuzz-acpi.h"

static void check(const uint8_t *p, size_t len)
{
    static struct madt_info info;

    if (madt_parse(p, len, &info)) {
        return;
    }
    FUZZ_REQUIRE(info.nr_cpus <= ACPI_MAX_CPUS);
    FUZZ_REQUIRE(info.nr_ioapics <= ACPI_MAX_IOAPICS);
    FUZZ_REQUIRE(info.nr_isos <= ACPI_MAX_ISOS);
    FUZZ_REQUIRE(info.nr_nmis <= ACPI_MAX_NMIS);
    for (unsigned int i = 0; i < info.nr_isos; i++) {
        FUZZ_REQUIRE(info.iso[i].irq < 16);
    }
    for (unsigned int i = 0; i < info.nr_nmis; i++) {
        FUZZ_REQUIRE(info.nmi[i].lint < 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_table(data, size, "APIC", check);
    return 0;
}
