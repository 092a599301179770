/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds out how an image is packed and unpacks it with Debian's static
 * libraries: liblzma for XZ, the format of Debian's kernels, zlib, libzstd.
 */
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/unpack.h>

#include "unpack-libc.h"

enum format { FMT_NONE, FMT_ELF, FMT_XZ, FMT_GZIP, FMT_ZSTD };

#define TRAILER    4 /* Linux appends the size, little endian */
#define XZ_MEMORY  (UINT64_C(96) << 20) /* ours: a 64 MiB dictionary fits */
#define GZIP_WBITS (15 + 16)            /* zlib: largest window, gzip wrapper */
#define GZIP_MIN   18                   /* head and tail of a gzip member */

static enum format format_of(const uint8_t *p, size_t len)
{
    static const struct {
        uint8_t magic[6];
        uint8_t bytes;
        enum format format;
    } magics[] = {
        { { 0x7f, 'E', 'L', 'F' }, 4, FMT_ELF },
        { { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, FMT_XZ },
        { { 0x1f, 0x8b, 8 }, 3, FMT_GZIP },
        { { 0x28, 0xb5, 0x2f, 0xfd }, 4, FMT_ZSTD },
    };

    for (size_t i = 0; i < array_size(magics); i++) {
        if (len >= magics[i].bytes &&
            memcmp(p, magics[i].magic, magics[i].bytes) == 0) {
            return magics[i].format;
        }
    }
    return FMT_NONE;
}

static uint32_t load_le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

/* A stream ends with its footer; Linux's trailer would come after that. */
static size_t xz_stream_len(const uint8_t *in, size_t len)
{
    const bool bare = len >= 2 && in[len - 2] == 'Y' && in[len - 1] == 'Z';

    return bare || len < TRAILER ? len : len - TRAILER;
}

static int zstd_size(const uint8_t *in, size_t len, uint64_t *size)
{
    const unsigned long long told = ZSTD_getFrameContentSize(in, len);
    const size_t frame = ZSTD_findFrameCompressedSize(in, len);

    if (told == ZSTD_CONTENTSIZE_ERROR || ZSTD_isError(frame)) {
        return -EBADMSG;
    }
    if (told != ZSTD_CONTENTSIZE_UNKNOWN) {
        *size = told;
        return 0;
    }
    if (len - frame != TRAILER) {
        return -EOVERFLOW;
    }
    *size = load_le32(in + frame);
    return 0;
}

static int xz_error(lzma_ret rc)
{
    switch (rc) {
    case LZMA_OK:
        return 0;
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
        return -ENOMEM;
    case LZMA_OPTIONS_ERROR:
    case LZMA_UNSUPPORTED_CHECK:
        return -EOPNOTSUPP;
    case LZMA_BUF_ERROR:
        return -ENOBUFS;
    default:
        return -EILSEQ;
    }
}

/* The index at the end of the stream tells the size; its checksum is tested. */
static int xz_size(const uint8_t *in, size_t len, uint64_t *size)
{
    lzma_stream_flags flags;
    lzma_index *index = NULL;
    uint64_t limit = UINT64_MAX;
    size_t pos = 0;
    lzma_ret rc;

    if (len < 2 * LZMA_STREAM_HEADER_SIZE ||
        lzma_stream_footer_decode(&flags, in + len - LZMA_STREAM_HEADER_SIZE) !=
            LZMA_OK ||
        flags.backward_size > len - 2 * LZMA_STREAM_HEADER_SIZE) {
        return -EBADMSG;
    }
    len -= LZMA_STREAM_HEADER_SIZE;
    rc = lzma_index_buffer_decode(&index, &limit, NULL,
                                  in + len - flags.backward_size, &pos,
                                  flags.backward_size);
    if (rc != LZMA_OK) {
        return rc == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
    }
    *size = lzma_index_uncompressed_size(index);
    lzma_index_end(index, NULL);
    return 0;
}

int unpack_size(const void *in, size_t len, size_t *out_len)
{
    const uint8_t *const p = in;
    uint64_t size = 0;
    int rc = 0;

    switch (format_of(p, len)) {
    case FMT_NONE:
        return -ENOEXEC;
    case FMT_ELF:
        size = len;
        break;
    case FMT_XZ:
        rc = xz_size(p, xz_stream_len(p, len), &size);
        break;
    case FMT_GZIP:
        if (len < GZIP_MIN) {
            return -EBADMSG;
        }
        size = load_le32(p + len - 4);
        break;
    case FMT_ZSTD:
        rc = zstd_size(p, len, &size);
        break;
    }
    if (rc) {
        return rc;
    }
    if (size == 0 || size > UNPACK_MAX_BYTES) {
        return -EOVERFLOW;
    }
    *out_len = size;
    return 0;
}

static int unpack_xz(const uint8_t *in, size_t in_len, void *out,
                     size_t out_len)
{
    uint64_t limit = XZ_MEMORY;
    size_t in_pos = 0;
    size_t out_pos = 0;
    const int rc =
        xz_error(lzma_stream_buffer_decode(&limit, 0, NULL, in, &in_pos,
                                           xz_stream_len(in, in_len), out,
                                           &out_pos, out_len));

    return rc ? rc : out_pos == out_len ? 0 : -ENOBUFS;
}

static int unpack_gzip(const uint8_t *in, size_t in_len, void *out,
                       size_t out_len)
{
    z_stream z = { 0 };
    int rc;

    /* zlib counts in 32 bits. */
    if (in_len > UNPACK_MAX_BYTES || out_len > UNPACK_MAX_BYTES) {
        return -EOVERFLOW;
    }
    if (inflateInit2(&z, GZIP_WBITS) != Z_OK) {
        return -ENOMEM;
    }
    z.next_in = (z_const Bytef *)(uintptr_t)in;
    z.avail_in = (uInt)in_len;
    z.next_out = out;
    z.avail_out = (uInt)out_len;
    rc = inflate(&z, Z_FINISH);
    if (rc == Z_STREAM_END) {
        rc = z.avail_out == 0 ? 0 : -ENOBUFS;
    } else if (rc == Z_MEM_ERROR) {
        rc = -ENOMEM;
    } else if (rc == Z_BUF_ERROR || rc == Z_OK) {
        rc = z.avail_out == 0 ? -ENOBUFS : -EBADMSG;
    } else {
        rc = -EILSEQ;
    }
    (void)inflateEnd(&z);
    return rc;
}

static int unpack_zstd(const uint8_t *in, size_t in_len, void *out,
                       size_t out_len)
{
    const size_t frame = ZSTD_findFrameCompressedSize(in, in_len);
    size_t got;

    if (ZSTD_isError(frame)) {
        return -EBADMSG;
    }
    got = ZSTD_decompress(out, out_len, in, frame);
    if (ZSTD_isError(got)) {
        return -EILSEQ;
    }
    return got == out_len ? 0 : -ENOBUFS;
}

int unpack(const void *in, size_t in_len, void *out, size_t out_len)
{
    const uint8_t *const p = in;

    switch (format_of(p, in_len)) {
    case FMT_NONE:
        break;
    case FMT_ELF:
        if (in_len != out_len) {
            return -ENOBUFS;
        }
        memcpy(out, in, in_len);
        return 0;
    case FMT_XZ:
        return unpack_xz(p, in_len, out, out_len);
    case FMT_GZIP:
        return unpack_gzip(p, in_len, out, out_len);
    case FMT_ZSTD:
        return unpack_zstd(p, in_len, out, out_len);
    }
    return -ENOEXEC;
}
