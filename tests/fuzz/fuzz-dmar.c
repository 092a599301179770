// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/acpi/dmar.c xen/drivers/acpi/tables.c xen/lib/checksum.c
/*
 * Any bytes as a table: no crash, and what comes out is within its bounds. The
 * input is used as it is and once more with a good header, because a fuzzer
 * does not guess checksums.
 */
#include "fuzz-acpi.h"

static void check(const uint8_t *p, size_t len)
{
    static struct dmar_info info;

    if (dmar_parse(p, len, &info)) {
        return;
    }
    FUZZ_REQUIRE(info.nr_units >= 1 && info.nr_units <= DMAR_MAX_UNITS);
    FUZZ_REQUIRE(info.nr_regions <= DMAR_MAX_REGIONS);
    FUZZ_REQUIRE(info.nr_atsrs <= DMAR_MAX_ATSRS);
    FUZZ_REQUIRE(info.nr_scopes <= DMAR_MAX_SCOPES);
    for (unsigned int i = 0; i < info.nr_units; i++) {
        const struct dmar_unit *u = &info.unit[i];

        FUZZ_REQUIRE(u->pa && u->pa % PAGE_SIZE == 0 &&
                     u->pa + u->size > u->pa);
        FUZZ_REQUIRE(u->first_scope + u->nr_scopes <= info.nr_scopes);
    }
    for (unsigned int i = 0; i < info.nr_regions; i++) {
        FUZZ_REQUIRE(info.region[i].first < info.region[i].last);
    }
    for (unsigned int i = 0; i < info.nr_scopes; i++) {
        const struct dmar_scope *s = &info.scope[i];

        FUZZ_REQUIRE(s->nr_path >= 1 && s->nr_path <= DMAR_MAX_PATH);
        for (unsigned int j = 0; j < s->nr_path; j++) {
            FUZZ_REQUIRE(s->path[j].dev < 32 && s->path[j].fn < 8);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_table(data, size, "DMAR", check);
    return 0;
}
