// SPDX-License-Identifier: GPL-2.0
/*
 * xen/lib/snprintf.c against the host's snprintf: the same format and operands
 * must give the same text and length, at every buffer size.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>

#include <xen/bits.h>
#include <xen/lib.h>

#include "expect.h"

int xen_snprintf(char *buf, size_t size, const char *fmt, ...)
    printf_like(3, 4);
int xen_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
    printf_like(3, 0);

#undef snprintf
#undef vsnprintf
#define snprintf  xen_snprintf
#define vsnprintf xen_vsnprintf
#include "xen/lib/snprintf.c"
#undef snprintf
#undef vsnprintf

/* The formats are the data under test, so they cannot all be literals. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

static void same(const char *fmt, ...)
{
    char want[256];
    char got[256];
    char what[512];
    va_list ap;
    int full;

    va_start(ap, fmt);
    full = vsnprintf(want, sizeof(want), fmt, ap);
    va_end(ap);

    for (size_t size = 0; size <= (size_t)full + 2; size++) {
        int len;

        memset(got, '!', sizeof(got));
        va_start(ap, fmt);
        len = xen_vsnprintf(got, size, fmt, ap);
        va_end(ap);
        snprintf(what, sizeof(what), "\"%s\" = \"%s\", size %zu", fmt, want,
                 size);
        EXPECT_EQ(what, len, full);
        EXPECT_EQ(what, got[size], '!');
        if (size) {
            char cut[256];

            memcpy(cut, want, sizeof(cut));
            cut[min_of(size - 1, (size_t)full)] = 0;
            EXPECT_STR(what, got, cut);
        }
    }
}
static void test_integers(void)
{
    static const char *const flags[] = { "",   "-",  "0",  "+",  " ", "#",
                                         "-0", "+0", "#0", "+ ", "-#" };
    static const char *const widths[] = { "",   "1",   "6",    "24",
                                          ".0", ".1",  ".5",   ".24",
                                          "8.", "8.3", "12.8", "3.8" };
    static const char *const convs[] = { "d", "i", "u", "x", "X", "o" };
    static const int ints[] = { 0, 1, -1, 255, 4096, INT_MAX, INT_MIN };
    static const long long longs[] = { 0, 1, -1, 4096, LLONG_MAX, LLONG_MIN };
    char fmt[48];

    for (unsigned int f = 0; f < array_size(flags); f++) {
        for (unsigned int w = 0; w < array_size(widths); w++) {
            for (unsigned int c = 0; c < array_size(convs); c++) {
                for (unsigned int i = 0; i < array_size(ints); i++) {
                    snprintf(fmt, sizeof(fmt), "<%%%s%s%s>", flags[f],
                             widths[w], convs[c]);
                    same(fmt, ints[i]);
                    snprintf(fmt, sizeof(fmt), "<%%%s%sh%s>", flags[f],
                             widths[w], convs[c]);
                    same(fmt, ints[i]);
                    snprintf(fmt, sizeof(fmt), "<%%%s%shh%s>", flags[f],
                             widths[w], convs[c]);
                    same(fmt, ints[i]);
                }
                for (unsigned int i = 0; i < array_size(longs); i++) {
                    snprintf(fmt, sizeof(fmt), "<%%%s%sl%s>", flags[f],
                             widths[w], convs[c]);
                    same(fmt, longs[i]);
                    snprintf(fmt, sizeof(fmt), "<%%%s%sll%s>", flags[f],
                             widths[w], convs[c]);
                    same(fmt, longs[i]);
                    snprintf(fmt, sizeof(fmt), "<%%%s%sz%s>", flags[f],
                             widths[w], convs[c]);
                    same(fmt, longs[i]);
                    snprintf(fmt, sizeof(fmt), "<%%%s%sj%s>", flags[f],
                             widths[w], convs[c]);
                    same(fmt, longs[i]);
                }
            }
        }
    }
}

static void test_rest(void)
{
    static const char raw[3] = { 'a', 'b', 'c' }; /* no NUL on purpose */
    char buf[32];
    const char *volatile none = NULL;

    same("%s", "");
    same("%s|%5s|%-5s|%.2s|%5.1s", "abc", "abc", "abc", "abc", "abc");
    same("%.3s|", raw);
    same("%.*s|", 2, "abcdef");
    same("%.*s|", -1, "abcdef");
    same("%*d|%-*d|%*d", 6, 42, 6, 42, -6, 42);
    same("%.*d|", -3, 7);
    same("%c%3c%-3c|", 'a', 'b', 'c');
    same("100%% of %d", 3);
    same("%p", (void *)(uintptr_t)0xdeadbeef);
    same("%04x:%02x:%02x.%u", 0, 3, 31, 7);
    same("%#" PRIx64 " %" PRIu64, UINT64_MAX, UINT64_MAX);

    EXPECT_EQ("null string", xen_snprintf(buf, sizeof(buf), "%s", none), 6);
    EXPECT_STR("null string", buf, "(null)");
    xen_snprintf(buf, sizeof(buf), (const char *){ "a%qb" });
    EXPECT_STR("unknown conversion is shown", buf, "a%qb");
    xen_snprintf(buf, sizeof(buf), (const char *){ "a%-" });
    EXPECT_STR("format ends inside a conversion", buf, "a%-");
}

int main(void)
{
    test_integers();
    test_rest();
    return expect_failures();
}
