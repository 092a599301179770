/* SPDX-License-Identifier: GPL-2.0 */
/*
 * XZ decoder for one-shot unpacking: no stream state, no window copy. It is
 * here because unpacking is most of the time from reset to Dom0, and a decoder
 * that owns the whole output needs a third fewer instructions than liblzma.
 * Manual: "The .xz File Format" 1.1.0; "LZMA specification" (LZMA SDK).
 *
 * Bytes are untrusted: input is bounded once per LZMA symbol, which reads less
 * than SLACK bytes; output and distances are bounded at each copy.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/unxz.h>

/*
 * Most a symbol reads: 22 modelled bits of at most 6.05 bits and 26 direct
 * ones, 159 bits. After the last chunk a stream has at least 25 bytes more:
 * end marker, index, footer.
 */
#define SLACK 24

#define PROB_BITS 11
#define PROB_MAX  (1u << PROB_BITS)
#define PROB_MOVE 5
#define RC_TOP    (UINT32_C(1) << 24)

#define STATE_LITERALS 7 /* below: the last symbol was a literal */
#define DIST_SLOTS_MID 4
#define DIST_SLOTS_TOP 14
#define ALIGN_BITS     4

#define STREAM_HEAD 12
#define STREAM_FOOT 12

#define CHECK_NONE  0
#define CHECK_CRC32 1

#define FILTER_X86   0x04
#define FILTER_LZMA2 0x21

/* The builtin: a freestanding build would call the function for 8 bytes. */
static uint32_t load32(const uint8_t *p)
{
    uint32_t v;

    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;

    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static void store64(uint8_t *p, uint64_t v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

/* ---- CRC32, 16 bytes at a time ---- */

static void crc_init(struct unxz_work *w)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int k = 0; k < 8; k++) {
            c = c >> 1 ^ (c & 1 ? UINT32_C(0xedb88320) : 0);
        }
        w->crc[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int k = 1; k < 16; k++) {
            const uint32_t c = w->crc[k - 1][i];

            w->crc[k][i] = c >> 8 ^ w->crc[0][c & 0xff];
        }
    }
}

static always_inline uint32_t crc_word(const struct unxz_work *w,
                                       unsigned int k, uint64_t v)
{
    return w->crc[k][v & 0xff] ^ w->crc[k - 1][v >> 8 & 0xff] ^
           w->crc[k - 2][v >> 16 & 0xff] ^ w->crc[k - 3][v >> 24 & 0xff] ^
           w->crc[k - 4][v >> 32 & 0xff] ^ w->crc[k - 5][v >> 40 & 0xff] ^
           w->crc[k - 6][v >> 48 & 0xff] ^ w->crc[k - 7][v >> 56];
}

static uint32_t crc32_of(const struct unxz_work *w, const uint8_t *p,
                         size_t len)
{
    uint32_t c = ~UINT32_C(0);

    for (; len >= 16; p += 16, len -= 16) {
        c = crc_word(w, 15, load64(p) ^ c) ^ crc_word(w, 7, load64(p + 8));
    }
    for (; len > 0; p++, len--) {
        c = c >> 8 ^ w->crc[0][(c ^ *p) & 0xff];
    }
    return ~c;
}

/* ---- LZMA ---- */

/* The range decoder lives in locals of the function that uses these. */
#define RC_NORMALISE()              \
    if (unlikely(range < RC_TOP)) { \
        range <<= 8;                \
        code = code << 8 | *in++;   \
    }

/*
 * One modelled bit. The new probability comes from a table: two instructions
 * less than arithmetic, and this line runs 180 million times for a kernel.
 */
#define RC_BIT(prob, if0, if1)              \
    do {                                    \
        uint16_t *const prob_ = (prob);     \
        const uint32_t p_ = *prob_;         \
        uint32_t bound_;                    \
        RC_NORMALISE()                      \
        bound_ = (range >> PROB_BITS) * p_; \
        if (code < bound_) {                \
            range = bound_;                 \
            *prob_ = w->next0[p_];          \
            if0;                            \
        } else {                            \
            range -= bound_;                \
            code -= bound_;                 \
            *prob_ = w->next1[p_];          \
            if1;                            \
        }                                   \
    } while (0)

#define RC_TREE_BIT(base, m) RC_BIT(&(base)[m], (m) += (m), (m) += (m) + 1)

/* Low bit first, as distances store theirs. */
#define RC_REVERSE_BIT(base, m, sum, bit) \
    RC_BIT(&(base)[m], (m) += (m), (m) += (m) + 1; (sum) += 1u << (bit))

struct lzma_chunk {
    const uint8_t *in;     /* range coder bytes */
    const uint8_t *in_end; /* SLACK bytes more may be read */
    uint8_t *out;          /* next byte to write */
    uint8_t *out_end;      /* the chunk's last, plus 1 */
    uint8_t *dict;         /* nothing before may be referred to */
    uint8_t *room;         /* end of the output buffer */
};

/* Distances may be shorter than lengths: then the copy repeats itself. */
static inline void copy_match(uint8_t *out, size_t dist, size_t len,
                              const uint8_t *room)
{
    const uint8_t *from = out - dist;

    if (dist >= 8 && (size_t)(room - out) >= len + 7) {
        uint8_t *const end = out + len;

        do {
            store64(out, load64(from));
            out += 8;
            from += 8;
        } while (out < end);
        return;
    }
    do {
        *out++ = *from++;
    } while (--len > 0);
}

static noinline_fn int lzma_chunk(struct unxz_work *w, struct lzma_chunk *c)
{
    const uint8_t *in = c->in;
    uint8_t *out = c->out;
    uint32_t rep0 = w->rep[0], rep1 = w->rep[1], rep2 = w->rep[2];
    uint32_t rep3 = w->rep[3], state = w->state;
    uint32_t range = ~UINT32_C(0), code = 0;
    uint32_t m;

    if (in[0] != 0) {
        return -EILSEQ;
    }
    for (int i = 1; i < 5; i++) {
        code = code << 8 | in[i];
    }
    in += 5;

    while (out < c->out_end) {
        const uint32_t pos = (uint32_t)(out - c->dict);
        const uint32_t ps = pos & w->pb_mask;
        uint16_t *len_probs;
        uint32_t len;

        if (unlikely(in > c->in_end)) {
            return -EILSEQ;
        }
        RC_BIT(&w->is_match[state][ps], goto literal, goto match);

literal : {
    /* The byte before the first one counts as 0. */
    const uint32_t prev = pos ? out[-1] : 0;
    uint16_t *const lit = &w->literal[0x300 * (((pos & w->lp_mask) << w->lc) +
                                               (prev >> (8 - w->lc)))];

    m = 1;
    if (state >= STATE_LITERALS) {
        /* Coded against the byte at rep0 until they differ. */
        uint32_t guess;

        /* rep0 was checked when it was used or set. */
        guess = (uint32_t)out[-(ptrdiff_t)rep0 - 1] | 0x100;
        state = state < 10 ? state - 3 : state - 6;
        do {
            const uint32_t bit = guess >> 7 & 1;

            guess <<= 1;
            RC_BIT(&lit[0x100 + (bit << 8) + m], m += m;
                   if (bit) goto differs, m += m + 1; if (!bit) goto differs);
        } while (m < 0x100);
differs:
        while (m < 0x100) {
            RC_TREE_BIT(lit, m);
        }
    } else {
        state = state < 4 ? 0 : state - 3;
        RC_TREE_BIT(lit, m);
        RC_TREE_BIT(lit, m);
        RC_TREE_BIT(lit, m);
        RC_TREE_BIT(lit, m);
        RC_TREE_BIT(lit, m);
        RC_TREE_BIT(lit, m);
        RC_TREE_BIT(lit, m);
        RC_TREE_BIT(lit, m);
    }
    *out++ = (uint8_t)m;
    continue;
}

match:
        RC_BIT(&w->is_rep[state], goto new_distance, goto repeat);

new_distance:
        rep3 = rep2;
        rep2 = rep1;
        rep1 = rep0;
        state = state < STATE_LITERALS ? 7 : 10;
        len_probs = w->match_len;
        goto length;

repeat:
        if (unlikely(rep0 >= pos)) {
            return -EILSEQ;
        }
        RC_BIT(&w->is_rep0[state], goto rep_zero, goto rep_other);

rep_zero:
        RC_BIT(&w->is_rep0_long[state][ps], goto rep_byte, goto rep_length);

rep_byte:
        *out = out[-(ptrdiff_t)rep0 - 1];
        out++;
        state = state < STATE_LITERALS ? 9 : 11;
        continue;

rep_other:
        RC_BIT(&w->is_rep1[state], m = rep1; rep1 = rep0; rep0 = m;
               goto rep_length, goto rep_farther);

rep_farther:
        RC_BIT(&w->is_rep2[state], m = rep2, m = rep3; rep3 = rep2);
        rep2 = rep1;
        rep1 = rep0;
        rep0 = m;

rep_length:
        state = state < STATE_LITERALS ? 8 : 11;
        len_probs = w->rep_len;

length:
        /* choice, choice2, low[16][8], mid[16][8], high[256] */
        RC_BIT(&len_probs[0], goto len_low, goto len_more);
len_low : {
    uint16_t *const tree = &len_probs[2 + (ps << 3)];

    m = 1;
    RC_TREE_BIT(tree, m);
    RC_TREE_BIT(tree, m);
    RC_TREE_BIT(tree, m);
    len = m - 8 + 2;
    goto have_length;
}
len_more:
        RC_BIT(&len_probs[1], goto len_mid, goto len_high);
len_mid : {
    uint16_t *const tree = &len_probs[2 + 128 + (ps << 3)];

    m = 1;
    RC_TREE_BIT(tree, m);
    RC_TREE_BIT(tree, m);
    RC_TREE_BIT(tree, m);
    len = m - 8 + 2 + 8;
    goto have_length;
}
len_high : {
    uint16_t *const tree = &len_probs[2 + 256];

    m = 1;
    do {
        RC_TREE_BIT(tree, m);
    } while (m < 0x100);
    len = m - 0x100 + 2 + 16;
}

have_length:
        if (len_probs == w->match_len) {
            uint16_t *const slots = w->dist_slot[len < 6 ? len - 2 : 3];
            uint32_t bits, slot;

            m = 1;
            RC_TREE_BIT(slots, m);
            RC_TREE_BIT(slots, m);
            RC_TREE_BIT(slots, m);
            RC_TREE_BIT(slots, m);
            RC_TREE_BIT(slots, m);
            RC_TREE_BIT(slots, m);
            slot = m - 0x40;
            rep0 = slot;
            if (slot >= DIST_SLOTS_MID) {
                bits = (slot >> 1) - 1;
                rep0 = (2 | (slot & 1)) << bits;
                m = 1;
                if (slot < DIST_SLOTS_TOP) {
                    /* Each slot's tree starts where the last one ended. */
                    uint16_t *const tree = &w->dist_special[rep0 - slot];

                    for (uint32_t b = 0; b < bits; b++) {
                        RC_REVERSE_BIT(tree, m, rep0, b);
                    }
                } else {
                    uint32_t direct = 0;

                    for (bits -= ALIGN_BITS; bits > 0; bits--) {
                        RC_NORMALISE()
                        range >>= 1;
                        direct += direct;
                        if (code >= range) {
                            code -= range;
                            direct++;
                        }
                    }
                    rep0 += direct << ALIGN_BITS;
                    RC_REVERSE_BIT(w->dist_align, m, rep0, 0);
                    RC_REVERSE_BIT(w->dist_align, m, rep0, 1);
                    RC_REVERSE_BIT(w->dist_align, m, rep0, 2);
                    RC_REVERSE_BIT(w->dist_align, m, rep0, 3);
                }
            }
        }
        /* All ones would be LZMA's end marker, which LZMA2 has not. */
        if (unlikely(rep0 >= pos || len > (size_t)(c->out_end - out))) {
            return -EILSEQ;
        }
        copy_match(out, (size_t)rep0 + 1, len, c->room);
        out += len;
    }

    RC_NORMALISE()
    w->rep[0] = rep0;
    w->rep[1] = rep1;
    w->rep[2] = rep2;
    w->rep[3] = rep3;
    w->state = state;
    /* The encoder flushes so that nothing is left over. */
    return in == c->in_end && code == 0 ? 0 : -EILSEQ;
}

static void prob_fill(uint16_t *p, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof(*p); i++) {
        p[i] = PROB_MAX / 2;
    }
}

static void lzma_reset(struct unxz_work *w)
{
    w->state = 0;
    memset(w->rep, 0, sizeof(w->rep));
    prob_fill(w->is_match[0], sizeof(w->is_match));
    prob_fill(w->is_rep, sizeof(w->is_rep));
    prob_fill(w->is_rep0, sizeof(w->is_rep0));
    prob_fill(w->is_rep1, sizeof(w->is_rep1));
    prob_fill(w->is_rep2, sizeof(w->is_rep2));
    prob_fill(w->is_rep0_long[0], sizeof(w->is_rep0_long));
    prob_fill(w->dist_slot[0], sizeof(w->dist_slot));
    prob_fill(w->dist_special, sizeof(w->dist_special));
    prob_fill(w->dist_align, sizeof(w->dist_align));
    prob_fill(w->match_len, sizeof(w->match_len));
    prob_fill(w->rep_len, sizeof(w->rep_len));
    prob_fill(w->literal, sizeof(w->literal));
}

static int lzma_props(struct unxz_work *w, uint32_t props)
{
    const uint32_t lc = props % 9, lp = props / 9 % 5, pb = props / 45;

    if (pb > 4 || lc + lp > 4) {
        return -EBADMSG;
    }
    w->lc = lc;
    w->lp_mask = (1u << lp) - 1;
    w->pb_mask = (1u << pb) - 1;
    return 0;
}

/* ---- LZMA2: chunks ---- */

enum { NEED_NOTHING, NEED_RESET, NEED_PROPS, NEED_DICT };

struct cursor {
    const uint8_t *p;
    const uint8_t *end;
};

static size_t left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}

static int lzma2_chunk(struct unxz_work *w, struct cursor *c,
                       struct lzma_chunk *k, unsigned int *need)
{
    const unsigned int control = c->p[0];
    const unsigned int reset = control >> 5 & 3;
    const size_t head = reset >= 2 ? 6 : 5;
    size_t packed, size;
    int rc;

    if (left(c) < head) {
        return -EBADMSG;
    }
    size = ((control & 0x1f) << 16 | c->p[1] << 8 | c->p[2]) + 1;
    packed = (size_t)(c->p[3] << 8 | c->p[4]) + 1;
    if (reset >= 2) {
        rc = lzma_props(w, c->p[5]);
        if (rc) {
            return rc;
        }
    }
    if (reset < (*need == NEED_NOTHING ? 0 : *need)) {
        return -EBADMSG;
    }
    if (reset == 3) {
        k->dict = k->out;
    }
    if (reset) {
        lzma_reset(w);
    }
    *need = NEED_NOTHING;
    c->p += head;
    if (left(c) < packed + SLACK || packed < 5) {
        return -EBADMSG;
    }
    if (size > (size_t)(k->room - k->out)) {
        return -ENOBUFS;
    }
    k->in = c->p;
    k->in_end = c->p + packed;
    k->out_end = k->out + size;
    rc = lzma_chunk(w, k);
    c->p += packed;
    k->out += size;
    return rc;
}

static int lzma2_block(struct unxz_work *w, struct cursor *c, uint8_t *out,
                       size_t room, size_t *out_len)
{
    struct lzma_chunk k = { .out = out, .dict = out, .room = out + room };
    unsigned int need = NEED_DICT;

    for (;;) {
        size_t size;
        int rc;

        if (left(c) < 1) {
            return -EBADMSG;
        }
        if (c->p[0] == 0) {
            c->p++;
            *out_len = (size_t)(k.out - out);
            return 0;
        }
        if (c->p[0] >= 0x80) {
            rc = lzma2_chunk(w, c, &k, &need);
            if (rc) {
                return rc;
            }
            continue;
        }

        /* 1: copied, dictionary anew; 2: copied. */
        if (c->p[0] > 2 || left(c) < 3 || (c->p[0] == 2 && need == NEED_DICT)) {
            return -EBADMSG;
        }
        size = (size_t)(c->p[1] << 8 | c->p[2]) + 1;
        if (c->p[0] == 1) {
            k.dict = k.out;
            need = NEED_PROPS;
        }
        c->p += 3;
        if (left(c) < size) {
            return -EBADMSG;
        }
        if (size > (size_t)(k.room - k.out)) {
            return -ENOBUFS;
        }
        memcpy(k.out, c->p, size);
        c->p += size;
        k.out += size;
    }
}

/* ---- the x86 branch filter ---- */

static bool is_sign_byte(uint32_t b)
{
    return (b & 0xff) == 0 || (b & 0xff) == 0xff;
}

#define BYTES(b) (UINT64_C(0x0101010101010101) * (b))

/* Next CALL or JMP rel32 opcode (0xe8, 0xe9) at or after p, or end. */
static inline uint8_t *next_branch(uint8_t *p, const uint8_t *end)
{
    while (end - p >= 8) {
        const uint64_t x = (load64(p) | BYTES(1)) ^ BYTES(0xe9);
        /* The lowest zero byte of x gives the lowest set bit, exactly. */
        const uint64_t zero = (x - BYTES(1)) & ~x & BYTES(0x80);

        if (zero) {
            return p + (__builtin_ctzll(zero) >> 3);
        }
        p += 8;
    }
    while (p < end && (*p & 0xfe) != 0xe8) {
        p++;
    }
    return p;
}

/*
 * Absolute targets back to relative ones. "recent" tells which of the three
 * bytes before an opcode were opcodes that were left alone (bit 2: the byte
 * just before); the encoder used the same rule, so it must be followed.
 */
static void x86_unfilter(uint8_t *buf, size_t size, uint32_t start)
{
    uint8_t *const end = buf + (size > 4 ? size - 4 : 0);
    uint8_t *p = buf;
    uint32_t recent = 0;

    if (size <= 4) {
        return;
    }
    for (;;) {
        uint8_t *const op = next_branch(p, end);
        const size_t skipped = (size_t)(op - p);
        uint32_t v, here;

        if (op >= end) {
            return;
        }
        recent = skipped > 2 ? 0 : recent >> skipped;
        p = op + 1;
        if (!is_sign_byte(op[4]) ||
            (recent && (recent > 4 || recent == 3 ||
                        is_sign_byte(op[(recent >> 1) + 1])))) {
            recent = recent >> 1 | 4;
            continue;
        }
        here = start + (uint32_t)(op - buf) + 5;
        v = load32(op + 1) - here;
        if (recent) {
            const uint32_t shift = (recent & 6) * 4;

            if (is_sign_byte(v >> shift)) {
                v = (v ^ ((UINT32_C(0x100) << shift) - 1)) - here;
            }
            recent = 0;
        }
        v = (v & 0x1ffffff) | (v & 0x1000000 ? 0xff000000 : 0);
        if (!(v & 0x1000000)) {
            v &= 0xffffff;
        }
        __builtin_memcpy(op + 1, &v, sizeof(v));
        p = op + 5;
    }
}

/* ---- the container ---- */

/* Seven bits a byte, low first, no superfluous zero byte at the end. */
static int read_vli(struct cursor *c, uint64_t *out)
{
    uint64_t v = 0;

    for (unsigned int shift = 0; shift < 63; shift += 7) {
        uint64_t b;

        if (left(c) < 1) {
            return -EBADMSG;
        }
        b = *c->p++;
        v |= (b & 0x7f) << shift;
        if (!(b & 0x80)) {
            if (b == 0 && shift > 0) {
                return -EBADMSG;
            }
            *out = v;
            return 0;
        }
    }
    return -EBADMSG;
}

struct block_head {
    bool x86;
    uint32_t x86_start;
    uint64_t packed;   /* as the header says; ~0: it does not */
    uint64_t unpacked; /* likewise */
};

static int read_filters(struct cursor *c, unsigned int nr, struct block_head *b)
{
    for (unsigned int i = 0; i < nr; i++) {
        uint64_t id, size;

        if (read_vli(c, &id) || read_vli(c, &size) || size > left(c)) {
            return -EBADMSG;
        }
        if (id == FILTER_X86 && i + 1 < nr && !b->x86 &&
            (size == 0 || size == 4)) {
            b->x86 = true;
            b->x86_start = size ? load32(c->p) : 0;
        } else if (id != FILTER_LZMA2 || i + 1 != nr || size != 1) {
            return -EOPNOTSUPP;
        }
        c->p += size;
    }
    return 0;
}

static int read_block_head(const struct unxz_work *w, struct cursor *c,
                           struct block_head *b)
{
    const size_t size = ((size_t)c->p[0] + 1) * 4;
    struct cursor h = { c->p + 2, c->p + size - 4 };
    unsigned int flags;
    int rc;

    if (left(c) < size || size < 8) {
        return -EBADMSG;
    }
    flags = c->p[1];
    if (crc32_of(w, c->p, size - 4) != load32(c->p + size - 4)) {
        return -EILSEQ;
    }
    *b =
        (struct block_head){ .packed = ~UINT64_C(0), .unpacked = ~UINT64_C(0) };
    if (flags & 0x3c) {
        return -EOPNOTSUPP;
    }
    if ((flags & 0x40 && read_vli(&h, &b->packed)) ||
        (flags & 0x80 && read_vli(&h, &b->unpacked))) {
        return -EBADMSG;
    }
    rc = read_filters(&h, (flags & 3) + 1, b);
    if (rc) {
        return rc;
    }
    while (left(&h)) {
        if (*h.p++) {
            return -EOPNOTSUPP;
        }
    }
    c->p += size;
    return 0;
}

struct totals {
    uint64_t unpadded; /* of the last block, as the index must repeat it */
    uint64_t packed;   /* sum of blocks with padding */
    uint64_t unpacked;
    uint64_t blocks;
};

/* The index must tell what was unpacked; it is also where sizes come from. */
static int read_index(struct cursor *c, struct totals *t)
{
    uint64_t nr;

    if (left(c) < 1 || *c->p++ != 0 || read_vli(c, &nr)) {
        return -EBADMSG;
    }
    /* Each record is two bytes or more. */
    if (nr > left(c) / 2) {
        return -EBADMSG;
    }
    t->blocks = nr;
    for (; nr > 0; nr--) {
        uint64_t unpadded, size, padded;

        if (read_vli(c, &unpadded) || read_vli(c, &size)) {
            return -EBADMSG;
        }
        padded = (unpadded + 3) & ~UINT64_C(3);
        t->unpadded = unpadded;
        if (__builtin_add_overflow(t->packed, padded, &t->packed) ||
            __builtin_add_overflow(t->unpacked, size, &t->unpacked)) {
            return -EOVERFLOW;
        }
    }
    return 0;
}

static bool is_magic(const uint8_t *p)
{
    static const uint8_t magic[6] = { 0xfd, '7', 'z', 'X', 'Z', 0 };

    return memcmp(p, magic, sizeof(magic)) == 0;
}

/* Finds index and footer; index spans both its bytes and padding. */
static int find_index(const uint8_t *in, size_t len, struct cursor *index)
{
    const uint8_t *foot;
    uint64_t size;

    if (len < STREAM_HEAD + 8 + STREAM_FOOT || len % 4 || !is_magic(in)) {
        return -EBADMSG;
    }
    foot = in + len - STREAM_FOOT;
    size = ((uint64_t)load32(foot + 4) + 1) * 4;
    if (foot[10] != 'Y' || foot[11] != 'Z' ||
        memcmp(foot + 8, in + 6, 2) != 0 ||
        size > len - STREAM_HEAD - STREAM_FOOT || size < 8) {
        return -EBADMSG;
    }
    *index = (struct cursor){ foot - size, foot };
    return 0;
}

int unxz_size(const void *in, size_t len, uint64_t *out_len)
{
    struct totals t = { 0 };
    struct cursor index;
    int rc = find_index(in, len, &index);

    if (rc == 0) {
        index.end -= 4;
        rc = read_index(&index, &t);
    }
    if (rc == 0) {
        *out_len = t.unpacked;
    }
    return rc;
}

/* One block: header, data, padding, check. Bytes after c->end may be read. */
static int read_block(struct unxz_work *w, struct cursor *c, unsigned int check,
                      uint8_t *out, size_t room, size_t *got)
{
    const uint8_t *const start = c->p;
    const uint8_t *data;
    struct block_head b;
    int rc = read_block_head(w, c, &b);

    if (rc) {
        return rc;
    }
    data = c->p;
    rc = lzma2_block(w, c, out, room, got);
    if (rc) {
        return rc;
    }
    if ((b.packed != ~UINT64_C(0) && b.packed != (size_t)(c->p - data)) ||
        (b.unpacked != ~UINT64_C(0) && b.unpacked != *got)) {
        return -EILSEQ;
    }
    if (b.x86) {
        x86_unfilter(out, *got, b.x86_start);
    }
    while ((c->p - start) % 4) {
        if (left(c) < 1 || *c->p++) {
            return -EBADMSG;
        }
    }
    if (check == CHECK_CRC32) {
        if (left(c) < 4) {
            return -EBADMSG;
        }
        if (load32(c->p) != crc32_of(w, out, *got)) {
            return -EILSEQ;
        }
        c->p += 4;
    }
    return 0;
}

static int check_frame(const struct unxz_work *w, const uint8_t *in,
                       const struct cursor *index)
{
    const uint8_t *const foot = index->end;

    if (load32(in + 8) != crc32_of(w, in + 6, 2) ||
        load32(foot) != crc32_of(w, foot + 4, 6) ||
        load32(foot - 4) !=
            crc32_of(w, index->p, (size_t)(foot - 4 - index->p))) {
        return -EILSEQ;
    }
    if (in[6] != 0 || (in[7] != CHECK_NONE && in[7] != CHECK_CRC32)) {
        return -EOPNOTSUPP;
    }
    return 0;
}

static void work_init(struct unxz_work *w)
{
    for (uint32_t p = 0; p < PROB_MAX; p++) {
        w->next0[p] = (uint16_t)(p + ((PROB_MAX - p) >> PROB_MOVE));
        w->next1[p] = (uint16_t)(p - (p >> PROB_MOVE));
    }
    crc_init(w);
}

int unxz(const void *in, size_t in_len, void *out, size_t out_len,
         struct unxz_work *work)
{
    const uint8_t *const bytes = in;
    struct totals said = { 0 };
    struct cursor index, c;
    uint64_t blocks = 0;
    size_t done = 0;
    int rc = find_index(in, in_len, &index);

    if (rc) {
        return rc;
    }
    work_init(work);
    rc = check_frame(work, bytes, &index);
    if (rc) {
        return rc;
    }
    c = (struct cursor){ index.p, index.end - 4 };
    rc = read_index(&c, &said);
    if (rc) {
        return rc;
    }
    if (said.unpacked != out_len) {
        return -ENOBUFS;
    }

    /*
     * Blocks may look at the index and footer behind them, never past the
     * input: that is the slack the LZMA decoder relies on.
     */
    c = (struct cursor){ bytes + STREAM_HEAD, bytes + in_len };
    while (c.p < index.p && rc == 0) {
        size_t got = 0;

        rc = read_block(work, &c, bytes[7], (uint8_t *)out + done,
                        out_len - done, &got);
        done += got;
        blocks++;
    }
    if (rc) {
        return rc;
    }
    if (c.p != index.p || done != out_len || blocks != said.blocks ||
        said.packed != (uint64_t)(index.p - bytes) - STREAM_HEAD) {
        return -EILSEQ;
    }
    return 0;
}
