/* SPDX-License-Identifier: GPL-2.0 */
/* What the ACPI fuzzers share: log, mapper, header repair. */
#ifndef TESTS_FUZZ_FUZZ_ACPI_H
#define TESTS_FUZZ_FUZZ_ACPI_H

#include <stdio.h>
#include <stdlib.h>

#include <xen/acpi.h>
#include <xen/lib.h>
#include <xen/printk.h>

#define FUZZ_REQUIRE(c)                                                     \
    do {                                                                    \
        if (!(c)) {                                                         \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #c); \
            abort();                                                        \
        }                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Weak: a harness may bring its own. */
__attribute__((weak)) void log_line(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

void *acpi_map(paddr_t pa, size_t len)
{
    (void)pa;
    (void)len;
    return NULL;
}

static inline void fuzz_table(const uint8_t *data, size_t size, const char *sig,
                              void (*check)(const uint8_t *p, size_t len))
{
    /* Heap of the exact size: the sanitizer sees a read past the end. */
    uint8_t *p = malloc(size ? size : 1);

    memcpy(p, data, size);
    check(p, size);
    if (size >= 36 && size <= UINT32_MAX) {
        memcpy(p, sig, 4);
        for (unsigned int i = 0; i < 4; i++) {
            p[4 + i] = (uint8_t)(size >> i * 8);
        }
        p[9] = 0;
        p[9] = (uint8_t)-byte_sum(p, size);
        check(p, size);
    }
    free(p);
}

#endif
