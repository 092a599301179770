/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Constants of a hardware header against a table typed from its manual
 * (tests/golden/NAME.def). Each name that the header defines must have a row,
 * so a new constant cannot come in unchecked.
 */
#ifndef TESTS_UNIT_GOLDEN_H
#define TESTS_UNIT_GOLDEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "expect.h"

struct golden {
    const char *name;
    const char *table; /* of the manual; NULL: made of other names */
    uint64_t is;
    uint64_t want;
};

/* Bits high..low of an entry, seen in the word that holds them. */
static inline uint64_t golden_bits(unsigned int high, unsigned int low)
{
    const unsigned int width = high - low + 1;
    const uint64_t ones = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;

    return ones << low % 64;
}

#define FIELD(name, table, high, low) \
    { #name, table, (uint64_t)(name), golden_bits(high, low) },
#define VALUE(name, table, value)  { #name, table, (uint64_t)(name), value },
#define OFFSET(name, table, value) { #name, table, (name).off, value },
#define COMPOSITE(name)            { #name, NULL, 0, 0 },

static inline const struct golden *golden_find(const struct golden *g,
                                               size_t nr, const char *name)
{
    for (size_t i = 0; i < nr; i++) {
        if (strcmp(g[i].name, name) == 0) {
            return &g[i];
        }
    }
    return NULL;
}

/* @prefix: of the names in the header that must have rows. */
static inline void golden_check(const struct golden *g, size_t nr,
                                const char *header, const char *prefix)
{
    char line[256], name[64];
    unsigned int defined = 0;
    FILE *const f = fopen(header, "r");

    EXPECT_EQ(header, f != NULL, true);
    while (f && fgets(line, sizeof(line), f)) {
        char next = '\0';

        /* "NAME(": a function; "NAME" and nothing else: an include guard. */
        if (sscanf(line, "#define %63[A-Za-z0-9_]%c", name, &next) == 2 &&
            strncmp(name, prefix, strlen(prefix)) == 0 && next == ' ') {
            defined++;
            if (!golden_find(g, nr, name)) {
                printf("%s: %s has no row in tests/golden\n", header, name);
                expect_bad++;
            }
        }
    }
    if (f) {
        fclose(f);
    }
    EXPECT_EQ("names found", defined > 0, true);
    for (size_t i = 0; i < nr; i++) {
        EXPECT_EQ(g[i].name, g[i].is, g[i].want);
        EXPECT_EQ(g[i].name, golden_find(g, i, g[i].name) == NULL, true);
    }
}

#endif
