// SPDX-License-Identifier: GPL-2.0
/*
 * xen/lib/string.c against the host's library, at every small length and
 * alignment. The names are prefixed so that both can be linked.
 */
#include <stdint.h>
#include <stdlib.h>

#include <xen/lib.h>

#include "expect.h"

void *xen_memcpy(void *dst, const void *src, size_t n);
void *xen_memmove(void *dst, const void *src, size_t n);
void *xen_memset(void *dst, int c, size_t n);
int xen_memcmp(const void *a, const void *b, size_t n);
void *xen_memchr(const void *p, int c, size_t n);
size_t xen_strlen(const char *s);
size_t xen_strnlen(const char *s, size_t n);
int xen_strcmp(const char *a, const char *b);
int xen_strncmp(const char *a, const char *b, size_t n);
char *xen_strchr(const char *s, int c);
char *xen_strstr(const char *s, const char *what);

#define memcpy  xen_memcpy
#define memmove xen_memmove
#define memset  xen_memset
#define memcmp  xen_memcmp
#define memchr  xen_memchr
#undef strlen
#define strlen xen_strlen
#undef strnlen
#define strnlen xen_strnlen
#undef strcmp
#define strcmp xen_strcmp
#undef strncmp
#define strncmp xen_strncmp
#undef strchr
#define strchr xen_strchr
#undef strstr
#define strstr xen_strstr
#include "xen/lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strstr

#define LEN 80

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void fill(unsigned char *p)
{
    for (unsigned int i = 0; i < LEN; i++) {
        p[i] = (unsigned char)(i * 37 + 1);
    }
}

static void test_moves(void)
{
    unsigned char a[LEN];
    unsigned char b[LEN];
    char what[64];

    for (unsigned int from = 0; from < 24; from++) {
        for (unsigned int to = 0; to < 24; to++) {
            for (unsigned int n = 0; n < 50; n++) {
                snprintf(what, sizeof(what), "from %u to %u n %u", from, to, n);
                fill(a);
                fill(b);
                EXPECT_EQ(what, xen_memmove(a + to, a + from, n) == a + to, 1);
                memmove(b + to, b + from, n);
                EXPECT_EQ(what, memcmp(a, b, LEN), 0);

                fill(a);
                fill(b);
                xen_memset(a + to, (int)from + 250, n);
                memset(b + to, (int)from + 250, n);
                EXPECT_EQ(what, memcmp(a, b, LEN), 0);

                fill(b);
                memset(a, 0, LEN);
                xen_memcpy(a + to, b + from, n);
                EXPECT_EQ(what, memcmp(a + to, b + from, n), 0);
                EXPECT_EQ(what, a[to + n], 0);
            }
        }
    }
}

static void test_compare(void)
{
    unsigned char a[LEN];
    unsigned char b[LEN];
    char what[64];

    for (unsigned int at = 0; at < 40; at++) {
        for (unsigned int n = 0; n < 40; n++) {
            snprintf(what, sizeof(what), "differs at %u n %u", at, n);
            fill(a);
            fill(b);
            a[at] ^= 0x80;
            EXPECT_EQ(what, sign(xen_memcmp(a, b, n)), sign(memcmp(a, b, n)));
            EXPECT_EQ(what, xen_memchr(a, a[at], n) == memchr(a, a[at], n), 1);
        }
    }
}

static void test_strings(void)
{
    static const char *const s[] = { "",     "a",  "ab",       "abc",
                                     "abd",  "b",  "\xff",     "aab",
                                     "aaab", "ba", "abcabcabd" };
    char what[64];

    for (unsigned int i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
        EXPECT_EQ(s[i], xen_strlen(s[i]), strlen(s[i]));
        EXPECT_EQ(s[i], xen_strnlen(s[i], 2), strnlen(s[i], 2));
        EXPECT_EQ(s[i], xen_strchr(s[i], 'b') == strchr(s[i], 'b'), 1);
        EXPECT_EQ(s[i], xen_strchr(s[i], 0) == strchr(s[i], 0), 1);
        for (unsigned int j = 0; j < sizeof(s) / sizeof(s[0]); j++) {
            snprintf(what, sizeof(what), "\"%s\" and \"%s\"", s[i], s[j]);
            EXPECT_EQ(what, sign(xen_strcmp(s[i], s[j])),
                      sign(strcmp(s[i], s[j])));
            EXPECT_EQ(what, sign(xen_strncmp(s[i], s[j], 2)),
                      sign(strncmp(s[i], s[j], 2)));
            EXPECT_EQ(what, xen_strstr(s[i], s[j]) == strstr(s[i], s[j]), 1);
        }
    }
}

int main(void)
{
    test_moves();
    test_compare();
    test_strings();
    return expect_failures();
}
