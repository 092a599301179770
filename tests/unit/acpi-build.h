/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables built byte by byte for the ACPI tests, in heap memory of their exact
 * size so that the address sanitizer sees a read past their end. Also the log
 * (quiet) and an acpi_map() over one flat piece of machine memory.
 */
#ifndef TESTS_UNIT_ACPI_BUILD_H
#define TESTS_UNIT_ACPI_BUILD_H

#include <stdlib.h>

#include <xen/acpi.h>
#include <xen/lib.h>
#include <xen/printk.h>

/* Weak: a harness may bring its own; in the same file it says so. */
#ifndef ACPI_BUILD_OWN_LOG
__attribute__((weak)) void log_line(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}
#endif

struct build {
    uint8_t *p;
    size_t len;
};

static inline void put_bytes(struct build *b, const void *p, size_t n)
{
    b->p = realloc(b->p, b->len + n);
    if (n) {
        memcpy(b->p + b->len, p, n);
    }
    b->len += n;
}

static inline void put_le(struct build *b, uint64_t v, unsigned int bytes)
{
    for (; bytes; bytes--, v >>= 8) {
        const uint8_t c = (uint8_t)v;

        put_bytes(b, &c, 1);
    }
}

static inline void put_zero(struct build *b, size_t n)
{
    while (n--) {
        put_le(b, 0, 1);
    }
}

/* A 36-byte header; build_end() fills in length and checksum. */
static inline void build_begin(struct build *b, const char *sig, uint8_t rev)
{
    b->p = NULL;
    b->len = 0;
    put_bytes(b, sig, 4);
    put_le(b, 0, 4);
    put_le(b, rev, 1);
    put_zero(b, 27);
}

static inline void build_sum(struct build *b)
{
    b->p[9] = 0;
    b->p[9] = (uint8_t)-byte_sum(b->p, b->len);
}

static inline void build_end(struct build *b)
{
    b->p[4] = (uint8_t)b->len;
    b->p[5] = (uint8_t)(b->len >> 8);
    b->p[6] = (uint8_t)(b->len >> 16);
    b->p[7] = 0;
    build_sum(b);
}

#endif
