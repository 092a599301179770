// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/common/unpack.c
// CFLAGS: -llzma -lz -lzstd
/*
 * Unpacking against the reference encoders: every shape of data, every format,
 * then truncated, extended and bent streams. UNPACK_KERNEL=payload compares a
 * real kernel's payload with liblzma and prints nothing else.
 */
#include <lzma.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include <xen/errno.h>
#include <xen/unpack.h>

#include "expect.h"

#define MAX (3u << 20)

static uint8_t *plain, *packed, *result;
static uint64_t state = 88172645463325252u;

static uint32_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

/* Shapes that reach every kind of symbol: runs, text, calls, noise. */
static size_t fill(unsigned int shape)
{
    const size_t n = shape == 0 ? 1 : shape == 1 ? 5 : 1 + rnd() % MAX;

    for (size_t i = 0; i < n; i++) {
        switch (shape % 6) {
        case 2:
            plain[i] = (uint8_t)rnd();
            break;
        case 3: /* far and near repeats of random pieces */
            plain[i] = i > 4096 && rnd() % 64 ? plain[i - 1 - i % 4096]
                                              : (uint8_t)(rnd() % 7);
            break;
        case 4: /* like code: opcodes with small and large operands */
            plain[i] = rnd() % 5 == 0   ? (uint8_t)(0xe8 + rnd() % 2)
                       : rnd() % 3 == 0 ? (uint8_t)(rnd() % 2 * 0xff)
                                        : (uint8_t)rnd();
            break;
        case 5:
            plain[i] =
                (uint8_t)("the quick brown fox\n"[i % 20] + (rnd() % 50 == 0));
            break;
        default:
            plain[i] = (uint8_t)(i >> 10);
            break;
        }
    }
    return n;
}

static size_t pack_xz(size_t n, bool x86, lzma_check check)
{
    lzma_options_lzma opt;
    lzma_filter f[3] = { { LZMA_FILTER_X86, NULL } };
    size_t len = 0;

    lzma_lzma_preset(&opt, rnd() % 7);
    opt.lc = rnd() % 5;
    opt.lp = rnd() % (5 - opt.lc);
    opt.pb = rnd() % 5;
    f[x86] = (lzma_filter){ LZMA_FILTER_LZMA2, &opt };
    f[x86 + 1].id = LZMA_VLI_UNKNOWN;
    if (lzma_stream_buffer_encode(f, check, NULL, plain, n, packed, &len,
                                  2 * MAX) != LZMA_OK) {
        printf("liblzma did not encode\n");
        exit(1);
    }
    return len;
}

static size_t pack_gzip(size_t n)
{
    z_stream z = { .next_in = plain,
                   .avail_in = (uInt)n,
                   .next_out = packed,
                   .avail_out = 2 * MAX };

    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, 0) != Z_OK ||
        deflate(&z, Z_FINISH) != Z_STREAM_END) {
        printf("zlib did not encode\n");
        exit(1);
    }
    deflateEnd(&z);
    return z.total_out;
}

/* As the kernel's build appends it. */
static size_t append_size(size_t len, size_t n)
{
    const uint32_t v = (uint32_t)n;

    memcpy(packed + len, &v, 4);
    return len + 4;
}

static int try_unpack(size_t len, size_t *got)
{
    uint8_t *in = malloc(len ? len : 1), *out;
    int rc;

    /* Exact heap blocks: the sanitizer sees every byte too far. */
    memcpy(in, packed, len);
    rc = unpack_size(in, len, got);
    if (rc == 0 && *got > 2 * MAX) {
        rc = -EOVERFLOW;
    }
    if (rc == 0) {
        out = malloc(*got);
        rc = unpack(in, len, out, *got);
        if (rc == 0) {
            memcpy(result, out, *got);
        }
        free(out);
    }
    free(in);
    return rc;
}

static void expect_good(const char *what, size_t len, size_t n)
{
    size_t got = 0;

    EXPECT_EQ(what, try_unpack(len, &got), 0);
    EXPECT_EQ(what, got, n);
    EXPECT_EQ(what, memcmp(result, plain, n), 0);
}

/* No bent stream is taken for good, unless the bend does not matter. */
static void expect_rejected(const char *what, size_t len, size_t n)
{
    size_t got;

    for (int k = 0; k < 60; k++) {
        const size_t at = k < 30 ? rnd() % len : rnd() % (len < 64 ? len : 64);
        const uint8_t old = packed[at];

        packed[at] = (uint8_t)(old ^ (1u << rnd() % 8));
        got = 0;
        if (try_unpack(len, &got) == 0 &&
            (got != n || memcmp(result, plain, n) != 0)) {
            printf("%s: bent byte %zu of %zu unpacks to something else\n", what,
                   at, len);
            expect_bad++;
        }
        packed[at] = old;
        got = 0;
        if (try_unpack(rnd() % len, &got) == 0) {
            printf("%s: cut stream unpacks\n", what);
            expect_bad++;
        }
    }
}

static void test_kernel(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *in = malloc(64 << 20), *out, *want;
    uint64_t limit = UINT64_MAX;
    size_t len, size = 0, ip = 0, op = 0;

    if (!f || !in) {
        perror(path);
        exit(1);
    }
    len = fread(in, 1, 64 << 20, f);
    fclose(f);
    EXPECT_EQ("kernel size", unpack_size(in, len, &size), 0);
    out = malloc(size);
    want = malloc(size);
    EXPECT_EQ("kernel", unpack(in, len, out, size), 0);
    EXPECT_EQ("liblzma",
              lzma_stream_buffer_decode(&limit, 0, NULL, in, &ip, len, want,
                                        &op, size),
              0);
    EXPECT_EQ("sizes", op, size);
    EXPECT_EQ("contents", memcmp(out, want, size), 0);
    free(want);
    free(out);
    free(in);
}

int main(void)
{
    const char *kernel = getenv("UNPACK_KERNEL");
    size_t n, len, got = 0;

    plain = malloc(MAX);
    packed = malloc(2 * MAX + 4);
    result = malloc(2 * MAX);
    if (!plain || !packed || !result) {
        return 2;
    }
    if (kernel) {
        test_kernel(kernel);
        return expect_failures();
    }

    for (unsigned int shape = 0; shape < 24; shape++) {
        n = fill(shape);
        len = pack_xz(n, shape & 1, LZMA_CHECK_CRC32);
        expect_good("xz", len, n);
        expect_good("xz with size", append_size(len, n), n);
        if (n < (1u << 19) || shape < 12) {
            expect_rejected("xz", len, n);
        }
        len = pack_gzip(n);
        expect_good("gzip", len, n);
        if (shape < 4) {
            expect_rejected("gzip", len, n);
        }
        len = ZSTD_compress(packed, 2 * MAX, plain, n, 3);
        expect_good("zstd", len, n);
        expect_good("zstd with size", append_size(len, n), n);
    }

    n = fill(5);
    len = pack_xz(n, false, LZMA_CHECK_NONE);
    expect_good("no check", len, n);
    len = pack_xz(n, false, LZMA_CHECK_SHA256);
    expect_good("SHA-256 check", len, n);
    memcpy(packed, "\177ELF and so on", 15);
    memcpy(plain, packed, 15);
    expect_good("elf", 15, 15);
    memcpy(packed, "no such format", 15);
    EXPECT_EQ("unknown", try_unpack(15, &got), -ENOEXEC);
    EXPECT_EQ("nothing", try_unpack(0, &got), -ENOEXEC);
    free(plain);
    free(packed);
    free(result);
    return expect_failures();
}
