// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/acpi/ivrs-options.c xen/drivers/pci/name.c xen/lib/strtox.c
// SOURCES: xen/drivers/acpi/ivrs.c xen/drivers/acpi/tables.c xen/lib/checksum.c
/*
 * Any bytes as a table: no crash, and what comes out is within its bounds. The
 * input is used as it is and once more with a good header, because a fuzzer
 * does not guess checksums.
 */
#include "fuzz-acpi.h"

static void check(const uint8_t *p, size_t len)
{
    static struct ivrs_info info;
    unsigned int devs = 0;

    if (ivrs_parse(p, len, &info)) {
        return;
    }
    FUZZ_REQUIRE(info.nr_units >= 1 && info.nr_units <= IVRS_MAX_UNITS);
    FUZZ_REQUIRE(info.nr_devs <= IVRS_MAX_DEVS);
    FUZZ_REQUIRE(info.nr_specials <= IVRS_MAX_SPECIAL);
    FUZZ_REQUIRE(info.nr_regions <= IVRS_MAX_REGIONS);
    for (unsigned int i = 0; i < info.nr_units; i++) {
        const struct ivrs_unit *u = &info.unit[i];

        FUZZ_REQUIRE(u->pa && u->pa % 0x4000 == 0 && u->pa + u->size > u->pa);
        FUZZ_REQUIRE(u->first_dev == devs);
        FUZZ_REQUIRE(u->cap >= 0x40 && u->cap + 0x14 <= 0x100);
        devs += u->nr_devs;
        for (unsigned int j = 0; j < i; j++) {
            FUZZ_REQUIRE(info.unit[j].seg != u->seg ||
                         info.unit[j].devid != u->devid);
        }
    }
    FUZZ_REQUIRE(devs == info.nr_devs);
    for (unsigned int i = 0; i < info.nr_devs; i++) {
        FUZZ_REQUIRE(info.dev[i].first <= info.dev[i].last);
    }
    for (unsigned int i = 0; i < info.nr_specials; i++) {
        FUZZ_REQUIRE(info.special[i].unit < info.nr_units);
    }
    for (unsigned int i = 0; i < info.nr_regions; i++) {
        const struct ivrs_region *r = &info.region[i];

        FUZZ_REQUIRE(r->first < r->last && r->last < UINT64_C(1) << 52);
        FUZZ_REQUIRE(r->devid_first <= r->devid_last);
        FUZZ_REQUIRE(r->read || r->write);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_table(data, size, "IVRS", check);
    return 0;
}
