/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Decoder of instructions that write memory, and their arithmetic. Refuses
 * whatever it does not know. No lock, no state.
 * Spec: SDM vol 2, chapter 2 and appendix A "Opcode Map".
 */
#include "pv-decode.h"

#include <xen/bits.h>

#define FLAG_CF     BIT64(0)
#define FLAG_PF     BIT64(2)
#define FLAG_AF     BIT64(4)
#define FLAG_ZF     BIT64(6)
#define FLAG_SF     BIT64(7)
#define FLAG_OF     BIT64(11)
#define FLAGS_ARITH (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define REX_B 1u
#define REX_X 2u
#define REX_R 4u
#define REX_W 8u

struct cursor {
    const struct decode_in *in;
    unsigned int pos;
    bool short_of; /* the instruction needs more bytes than there are */

    /* Prefixes. */
    bool opsize; /* 66 */
    bool addr32; /* 67 */
    bool lock;
    bool has_rex;
    unsigned int rex;
    uint64_t seg_base;

    /* ModRM. */
    unsigned int reg; /* REX.R included */
    uint64_t ea;
    bool rip_relative; /* ea lacks the address of the next instruction */
};

static uint64_t fetch(struct cursor *c, unsigned int nr)
{
    uint64_t v = 0;

    if (nr > c->in->nr_bytes || c->pos > c->in->nr_bytes - nr) {
        c->short_of = true;
        return 0;
    }
    for (unsigned int i = 0; i < nr; i++) {
        v |= (uint64_t)c->in->bytes[c->pos++] << (8 * i);
    }
    return v;
}

static uint64_t sign_extend(uint64_t v, unsigned int bytes)
{
    const unsigned int shift = 64 - 8 * bytes;

    return (uint64_t)((int64_t)(v << shift) >> shift);
}

static uint64_t cut(uint64_t v, unsigned int width)
{
    return width == 8 ? v : v & (BIT64(8 * width) - 1);
}

/* Return: false if @b is no legacy prefix. */
static bool legacy_prefix(struct cursor *c, unsigned int b)
{
    switch (b) {
    case 0x66:
        c->opsize = true;
        return true;
    case 0x67:
        c->addr32 = true;
        return true;
    case 0xf0:
        c->lock = true;
        return true;
    case 0xf2: /* hints for locked operations and MOV */
    case 0xf3:
    case 0x26: /* these four are without effect in 64-bit code; */
    case 0x2e: /* 3e is what a lock prefix is patched to on one CPU */
    case 0x36:
    case 0x3e:
        return true;
    case 0x64:
        c->seg_base = c->in->fs_base;
        return true;
    case 0x65:
        c->seg_base = c->in->gs_base;
        return true;
    default:
        return false;
    }
}

/* Leaves the cursor after the first opcode byte, which is returned. */
static unsigned int fetch_opcode(struct cursor *c)
{
    for (;;) {
        const unsigned int b = (unsigned int)fetch(c, 1);

        if (c->short_of) {
            return 0;
        }
        if ((b & 0xf0) == 0x40) {
            c->has_rex = true;
            c->rex = b & 0xf;
            continue;
        }
        if (!legacy_prefix(c, b)) {
            return b;
        }
        /* A REX prefix counts only right before the opcode. */
        c->has_rex = false;
        c->rex = 0;
    }
}

/* Index and base of a SIB byte. @mod: of ModRM. */
static uint64_t sib_address(struct cursor *c, unsigned int mod)
{
    const unsigned int sib = (unsigned int)fetch(c, 1);
    const unsigned int index = (sib >> 3 & 7) | (c->rex & REX_X ? 8 : 0);
    const unsigned int base = (sib & 7) | (c->rex & REX_B ? 8 : 0);
    uint64_t ea = 0;

    /* Without REX.X, 4 means no index. */
    if (index != 4) {
        ea = c->in->gpr[index] << (sib >> 6);
    }
    /* Whatever REX.B, 5 with mod 0 means a displacement instead. */
    if ((base & 7) == 5 && mod == 0) {
        return ea + sign_extend(fetch(c, 4), 4);
    }
    return ea + c->in->gpr[base];
}

/* Return: false for a register operand. */
static bool fetch_modrm(struct cursor *c)
{
    const unsigned int modrm = (unsigned int)fetch(c, 1);
    const unsigned int mod = modrm >> 6;
    const unsigned int rm = modrm & 7;

    c->reg = (modrm >> 3 & 7) | (c->rex & REX_R ? 8 : 0);
    if (mod == 3) {
        return false;
    }
    if (rm == 4) {
        c->ea = sib_address(c, mod);
    } else if (rm == 5 && mod == 0) {
        c->rip_relative = true;
        c->ea = sign_extend(fetch(c, 4), 4);
    } else {
        c->ea = c->in->gpr[rm | (c->rex & REX_B ? 8 : 0)];
    }
    if (mod == 1) {
        c->ea += sign_extend(fetch(c, 1), 1);
    } else if (mod == 2) {
        c->ea += sign_extend(fetch(c, 4), 4);
    }
    return true;
}

/* A byte register without REX: 4..7 are the second bytes of 0..3. */
static void source_register(const struct cursor *c, struct write_op *op)
{
    op->reg_high = op->width == 1 && !c->has_rex && c->reg >= 4;
    op->reg = op->reg_high ? c->reg - 4 : c->reg;
    op->src = c->in->gpr[op->reg] >> (op->reg_high ? 8 : 0);
}

/* Immediate of the operand's width, at most 4 bytes, sign-extended. */
static uint64_t fetch_imm(struct cursor *c, unsigned int width)
{
    const unsigned int bytes = min_of(width, 4u);

    return sign_extend(fetch(c, bytes), bytes);
}

/* 80, 81, 83: which operation is in ModRM. */
static bool group1_kind(unsigned int reg, enum write_kind *kind)
{
    switch (reg & 7) {
    case 0:
        *kind = WRITE_ADD;
        return true;
    case 1:
        *kind = WRITE_OR;
        return true;
    case 4:
        *kind = WRITE_AND;
        return true;
    case 5:
        *kind = WRITE_SUB;
        return true;
    case 6:
        *kind = WRITE_XOR;
        return true;
    default:
        return false;
    }
}

/* Opcodes of one byte. Bit 0: full width, not a byte. */
static bool decode_one_byte(struct cursor *c, unsigned int opcode,
                            struct write_op *op)
{
    if (!fetch_modrm(c)) {
        return false;
    }
    switch (opcode & ~1u) {
    case 0x00:
        op->kind = WRITE_ADD;
        break;
    case 0x08:
        op->kind = WRITE_OR;
        break;
    case 0x20:
        op->kind = WRITE_AND;
        break;
    case 0x28:
        op->kind = WRITE_SUB;
        break;
    case 0x30:
        op->kind = WRITE_XOR;
        break;
    case 0x86:
        op->kind = WRITE_XCHG;
        break;
    case 0x88:
        op->kind = WRITE_MOV;
        break;
    case 0x80:
        op->src = fetch_imm(c, op->width);
        return group1_kind(c->reg, &op->kind);
    case 0x82: /* 83: full width, one byte of immediate; 82 does not exist */
        op->src = sign_extend(fetch(c, 1), 1);
        return (opcode & 1) && group1_kind(c->reg, &op->kind);
    case 0xc6:
        op->kind = WRITE_MOV;
        op->src = fetch_imm(c, op->width);
        return (c->reg & 7) == 0;
    default:
        return false;
    }
    source_register(c, op);
    return true;
}

/* A bit index in a register may reach beyond the operand that ModRM names. */
static void bit_from_register(struct cursor *c, struct write_op *op)
{
    const unsigned int bits = 8 * op->width;
    const int64_t index = (int64_t)sign_extend(c->in->gpr[c->reg], op->width);

    op->src = (uint64_t)index & (bits - 1);
    c->ea += (uint64_t)((index >> ctz64(bits)) * (int64_t)op->width);
}

/* 0f ba: bit number in the instruction, taken modulo the width. */
static bool decode_bit_imm(struct cursor *c, struct write_op *op)
{
    static const enum write_kind kind[] = { WRITE_BTS, WRITE_BTR, WRITE_BTC };

    if (!fetch_modrm(c) || (c->reg & 7) < 5) {
        return false;
    }
    op->kind = kind[(c->reg & 7) - 5];
    op->src = fetch(c, 1) & (8 * op->width - 1);
    return true;
}

static bool decode_two_byte(struct cursor *c, struct write_op *op)
{
    const unsigned int opcode = (unsigned int)fetch(c, 1);

    switch (opcode) {
    case 0xab:
        op->kind = WRITE_BTS;
        break;
    case 0xb3:
        op->kind = WRITE_BTR;
        break;
    case 0xbb:
        op->kind = WRITE_BTC;
        break;
    case 0xba:
        return decode_bit_imm(c, op);
    case 0xb0:
    case 0xc0:
        op->width = 1;
        fallthrough;
    case 0xb1:
    case 0xc1:
        op->kind = opcode & 0x40 ? WRITE_XADD : WRITE_CMPXCHG;
        if (!fetch_modrm(c)) {
            return false;
        }
        source_register(c, op);
        return true;
    default:
        return false;
    }
    if (!fetch_modrm(c)) {
        return false;
    }
    bit_from_register(c, op);
    return true;
}

bool write_decode(const struct decode_in *in, struct write_op *out)
{
    struct cursor c = { .in = in };
    unsigned int opcode;
    bool known;

    if (in->nr_bytes > DECODE_MAX_LEN) {
        return false;
    }
    opcode = fetch_opcode(&c);
    if (c.short_of) {
        return false;
    }
    *out = (struct write_op){ 0 };
    out->width = c.rex & REX_W ? 8 : c.opsize ? 2 : 4;
    if (opcode == 0x0f) {
        known = decode_two_byte(&c, out);
    } else {
        if (!(opcode & 1)) {
            out->width = 1;
        }
        known = decode_one_byte(&c, opcode, out);
    }
    if (!known || c.short_of || (c.lock && out->kind == WRITE_MOV)) {
        return false;
    }
    out->len = c.pos;
    out->src = cut(out->src, out->width);
    out->ea = c.ea + (c.rip_relative ? in->rip + c.pos : 0);
    if (c.addr32) {
        out->ea = (uint32_t)out->ea;
    }
    out->ea += c.seg_base;
    return true;
}

/* --- arithmetic ----------------------------------------------------------- */

static uint64_t flags_of_result(uint64_t v, unsigned int width)
{
    return (v == 0 ? FLAG_ZF : 0) | (v >> (8 * width - 1) & 1 ? FLAG_SF : 0) |
           (__builtin_parity((unsigned int)(v & 0xff)) ? 0 : FLAG_PF);
}

/* Carry out of and overflow into the top bit, from the operands' top bits. */
static uint64_t flags_of_add(uint64_t a, uint64_t b, uint64_t sum,
                             unsigned int width)
{
    const unsigned int top = 8 * width - 1;
    const uint64_t carry = (a & b) | ((a | b) & ~sum);

    return flags_of_result(sum, width) | (carry >> top & 1 ? FLAG_CF : 0) |
           ((a ^ b ^ sum) & 0x10 ? FLAG_AF : 0) |
           (((a ^ sum) & (b ^ sum)) >> top & 1 ? FLAG_OF : 0);
}

static uint64_t flags_of_sub(uint64_t a, uint64_t b, uint64_t diff,
                             unsigned int width)
{
    const unsigned int top = 8 * width - 1;

    return flags_of_result(diff, width) | (a < b ? FLAG_CF : 0) |
           ((a ^ b ^ diff) & 0x10 ? FLAG_AF : 0) |
           (((a ^ b) & (a ^ diff)) >> top & 1 ? FLAG_OF : 0);
}

static void apply_logic(struct write_result *r, uint64_t val,
                        unsigned int width)
{
    r->val = val;
    r->rflags =
        (r->rflags & ~(FLAGS_ARITH & ~FLAG_AF)) | flags_of_result(val, width);
}

static void apply_arith(struct write_result *r, uint64_t flags)
{
    r->rflags = (r->rflags & ~FLAGS_ARITH) | flags;
}

static void apply_bit(struct write_result *r, uint64_t old, uint64_t val,
                      uint64_t bit)
{
    r->val = val;
    r->rflags = (r->rflags & ~FLAG_CF) | (old >> bit & 1 ? FLAG_CF : 0);
}

void write_apply(const struct write_op *op, uint64_t old, uint64_t rax,
                 uint64_t rflags, struct write_result *out)
{
    const unsigned int w = op->width;
    const uint64_t src = op->src;

    *out = (struct write_result){ .store = true, .rflags = rflags };
    switch (op->kind) {
    case WRITE_XCHG:
        out->reg_val = old;
        out->reg_write = true;
        fallthrough;
    case WRITE_MOV:
        out->val = src;
        break;
    case WRITE_XADD:
        out->reg_val = old;
        out->reg_write = true;
        fallthrough;
    case WRITE_ADD:
        out->val = cut(old + src, w);
        apply_arith(out, flags_of_add(old, src, out->val, w));
        break;
    case WRITE_SUB:
        out->val = cut(old - src, w);
        apply_arith(out, flags_of_sub(old, src, out->val, w));
        break;
    case WRITE_OR:
        apply_logic(out, old | src, w);
        break;
    case WRITE_AND:
        apply_logic(out, old & src, w);
        break;
    case WRITE_XOR:
        apply_logic(out, old ^ src, w);
        break;
    case WRITE_BTS:
        apply_bit(out, old, old | BIT64(src), src);
        break;
    case WRITE_BTR:
        apply_bit(out, old, old & ~BIT64(src), src);
        break;
    case WRITE_BTC:
        apply_bit(out, old, old ^ BIT64(src), src);
        break;
    case WRITE_CMPXCHG: {
        const uint64_t acc = cut(rax, w);

        apply_arith(out, flags_of_sub(acc, old, cut(acc - old, w), w));
        out->store = acc == old;
        out->val = out->store ? src : old;
        out->reg_val = old;
        out->reg_write = !out->store;
        break;
    }
    }
}

uint64_t write_reg_merge(uint64_t old, uint64_t val, unsigned int width,
                         bool high)
{
    switch (width) {
    case 8:
        return val;
    case 4:
        return (uint32_t)val;
    case 2:
        return (old & ~UINT64_C(0xffff)) | (val & 0xffff);
    default:
        return high ? (old & ~UINT64_C(0xff00)) | (val & 0xff) << 8
                    : (old & ~UINT64_C(0xff)) | (val & 0xff);
    }
}
