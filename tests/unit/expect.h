/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks of the table-driven unit tests: every failure prints its operands,
 * the run goes on, and main() returns expect_failures(). With EXPECT_STOP in
 * the environment the first failure ends the program: the mutation check asks
 * only whether there is one.
 */
#ifndef TESTS_UNIT_EXPECT_H
#define TESTS_UNIT_EXPECT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned int expect_bad;

static inline void expect_failed(void)
{
    expect_bad++;
    if (getenv("EXPECT_STOP")) {
        exit(1);
    }
}

/* @what names the case; got and want are compared as 64-bit integers. */
#define EXPECT_EQ(what, got, want)                                       \
    do {                                                                 \
        const long long got_ = (long long)(got);                         \
        const long long want_ = (long long)(want);                       \
        if (got_ != want_) {                                             \
            printf("%s:%d: %s: %s is %lld (%#llx), want %lld (%#llx)\n", \
                   __FILE__, __LINE__, what, #got, got_,                 \
                   (unsigned long long)got_, want_,                      \
                   (unsigned long long)want_);                           \
            expect_failed();                                             \
        }                                                                \
    } while (0)

#define EXPECT_STR(what, got, want)                                    \
    do {                                                               \
        const char *got_ = (got);                                      \
        const char *want_ = (want);                                    \
        if (strcmp(got_, want_) != 0) {                                \
            printf("%s:%d: %s: %s is \"%s\", want \"%s\"\n", __FILE__, \
                   __LINE__, what, #got, got_, want_);                 \
            expect_failed();                                           \
        }                                                              \
    } while (0)

static inline int expect_failures(void)
{
    printf("%u failures\n", expect_bad);
    return expect_bad != 0;
}

#endif
