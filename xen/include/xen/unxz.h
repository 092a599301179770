/* SPDX-License-Identifier: GPL-2.0 */
/*
 * XZ streams as the Linux kernel's build makes them: one stream, LZMA2 with or
 * without the x86 branch filter, no check or CRC32. Layer L1.
 * Manual: "The .xz File Format" 1.1.0; "LZMA specification" (LZMA SDK).
 */
#ifndef XEN_UNXZ_H
#define XEN_UNXZ_H

#include <xen/types.h>

/* LZMA2 allows lc + lp up to 4. */
#define UNXZ_LITERAL_PROBS (UINT32_C(0x300) << 4)
#define UNXZ_LENGTH_PROBS  (2 + 16 * 8 + 16 * 8 + 256)

/* What unxz() works with; contents need no set-up. 40 KiB. */
struct unxz_work {
    uint16_t next0[2048]; /* probability after a 0, by probability before */
    uint16_t next1[2048]; /* and after a 1 */
    uint16_t is_match[12][16];
    uint16_t is_rep[12];
    uint16_t is_rep0[12];
    uint16_t is_rep1[12];
    uint16_t is_rep2[12];
    uint16_t is_rep0_long[12][16];
    uint16_t dist_slot[4][64];
    uint16_t dist_special[128];
    uint16_t dist_align[16];
    uint16_t match_len[UNXZ_LENGTH_PROBS];
    uint16_t rep_len[UNXZ_LENGTH_PROBS];
    uint16_t literal[UNXZ_LITERAL_PROBS];
    uint32_t crc[16][256];

    /* Carried from one LZMA2 chunk to the next. */
    uint32_t state;
    uint32_t rep[4]; /* last distances, minus 1 */
    uint32_t lc;
    uint32_t lp_mask;
    uint32_t pb_mask;
};

/**
 * unxz_size() - What an XZ stream unpacks to, as its index says.
 * @in:      the stream; bytes after its footer are not allowed.
 * @len:     bytes.
 * @out_len: the size; unchanged on error. Not verified against the data.
 * Locks: none. Context: any. Trust: @in is not trusted.
 * Return: 0, -EBADMSG no complete stream, -EOVERFLOW sizes do not add up.
 */
int must_check unxz_size(const void *in, size_t len, uint64_t *out_len);

/**
 * unxz() - Unpack an XZ stream in one go.
 * @in:      the stream, as unxz_size().
 * @in_len:  bytes.
 * @out:     room for the result; contents undefined on error.
 * @out_len: its size, which must be the stream's exactly.
 * @work:    scratch.
 *
 * The output is the dictionary, so there is no other large buffer.
 * Locks: none. Context: boot or preemptible; about 40 instructions per byte of
 * output at worst. Trust: @in is not trusted.
 * Return: 0, -EBADMSG malformed or truncated, -EILSEQ corrupt data or check,
 *         -EOPNOTSUPP a filter or check we do not know, -ENOBUFS other size.
 */
int must_check unxz(const void *in, size_t in_len, void *out, size_t out_len,
                    struct unxz_work *work);

#endif
