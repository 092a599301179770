// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/lib/strtox.c xen/lib/checksum.c
/* Number parsing at its edges, and the byte sum. */
#include <xen/errno.h>
#include <xen/lib.h>

#include "expect.h"

static const struct {
    const char *s;
    int rc;       /* with an end pointer */
    int rc_whole; /* without one */
    uint64_t v;
    unsigned int used;
} numbers[] = {
    { "0", 0, 0, 0, 1 },
    { "12ab", 0, -EINVAL, 12, 2 },
    { "0x1fG", 0, -EINVAL, 0x1f, 4 },
    { "0XFf", 0, 0, 0xff, 4 },
    { "0x", 0, -EINVAL, 0, 1 },
    { "0xg", 0, -EINVAL, 0, 1 },
    { "", -EINVAL, -EINVAL, 0, 0 },
    { "-1", -EINVAL, -EINVAL, 0, 0 },
    { " 1", -EINVAL, -EINVAL, 0, 0 },
    { "a", -EINVAL, -EINVAL, 0, 0 },
    { "18446744073709551615", 0, 0, UINT64_MAX, 20 },
    { "18446744073709551616", -ERANGE, -ERANGE, 0, 0 },
    { "99999999999999999999999", -ERANGE, -ERANGE, 0, 0 },
    { "0xffffffffffffffff", 0, 0, UINT64_MAX, 18 },
    { "0x10000000000000000", -ERANGE, -ERANGE, 0, 0 },
};

static const struct {
    const char *s;
    int rc;
    uint64_t v;
    unsigned int used;
} hexes[] = {
    { "0", 0, 0, 1 },
    { "12ag", 0, 0x12a, 3 },
    { "0x1F-2", 0, 0x1f, 4 },
    { "0x", 0, 0, 1 },
    { "x1", -EINVAL, 0, 0 },
    { "", -EINVAL, 0, 0 },
    { "ffffffffffffffff", 0, UINT64_MAX, 16 },
    { "10000000000000000", -ERANGE, 0, 0 },
};

static const struct {
    const char *s;
    uint64_t unit;
    int rc;
    uint64_t v;
    unsigned int used;
} sizes[] = {
    { "1", 1024, 0, 1024, 1 },
    { "1B", 1024, 0, 1, 2 },
    { "3g,max:4g", 1024, 0, UINT64_C(3) << 30, 2 },
    { "512M", 1, 0, UINT64_C(512) << 20, 4 },
    { "0x10k", 1, 0, 16384, 5 },
    { "16777215T", 1, 0, UINT64_C(16777215) << 40, 9 },
    { "16777216T", 1, -ERANGE, 0, 0 },
    { "18446744073709551615", 2, -ERANGE, 0, 0 },
    { "M", 1, -EINVAL, 0, 0 },
    { "2Mi", 1, 0, 2097152, 2 },
};

int main(void)
{
    static const uint8_t bytes[] = { 0xff, 2, 0x80, 0x81 };

    for (unsigned int i = 0; i < array_size(numbers); i++) {
        const char *end = NULL;
        uint64_t v = 77;

        EXPECT_EQ(numbers[i].s, parse_u64(numbers[i].s, &v, &end),
                  numbers[i].rc);
        EXPECT_EQ(numbers[i].s, v, numbers[i].rc ? 77 : numbers[i].v);
        if (!numbers[i].rc) {
            EXPECT_EQ(numbers[i].s, end - numbers[i].s, numbers[i].used);
        }
        v = 77;
        EXPECT_EQ(numbers[i].s, parse_u64(numbers[i].s, &v, NULL),
                  numbers[i].rc_whole);
        EXPECT_EQ(numbers[i].s, v, numbers[i].rc_whole ? 77 : numbers[i].v);
    }
    for (unsigned int i = 0; i < array_size(hexes); i++) {
        const char *end = NULL;
        uint64_t v = 77;

        EXPECT_EQ(hexes[i].s, parse_hex(hexes[i].s, &v, &end), hexes[i].rc);
        EXPECT_EQ(hexes[i].s, v, hexes[i].rc ? 77 : hexes[i].v);
        if (!hexes[i].rc) {
            EXPECT_EQ(hexes[i].s, end - hexes[i].s, hexes[i].used);
        }
    }
    for (unsigned int i = 0; i < array_size(sizes); i++) {
        const char *end = NULL;
        uint64_t v = 77;

        EXPECT_EQ(sizes[i].s, parse_size(sizes[i].s, &v, sizes[i].unit, &end),
                  sizes[i].rc);
        EXPECT_EQ(sizes[i].s, v, sizes[i].rc ? 77 : sizes[i].v);
        if (!sizes[i].rc) {
            EXPECT_EQ(sizes[i].s, end - sizes[i].s, sizes[i].used);
        }
    }
    EXPECT_EQ("sum", byte_sum(bytes, sizeof(bytes)), 2);
    EXPECT_EQ("empty sum", byte_sum(bytes, 0), 0);
    return expect_failures();
}
