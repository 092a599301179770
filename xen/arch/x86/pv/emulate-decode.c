/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Decoder for the few instructions that trap in a guest kernel. No state.
 * Spec: SDM vol 2A, ch. 2 "Instruction Format", and 2D, appendix A.
 */
#include "emulate-decode.h"

#include <xen/errno.h>

#define REX_W 0x8
#define REX_R 0x4
#define REX_B 0x1

/* What comes after the opcode. */
enum insn_tail { TAIL_UNKNOWN, TAIL_NONE, TAIL_MODRM, TAIL_IMM8 };

struct cursor {
    const uint8_t *buf;
    unsigned int len;
    unsigned int pos;
};

static int next_byte(struct cursor *c, uint8_t *b)
{
    if (c->pos >= INSN_MAX_BYTES) {
        return -EINVAL;
    }
    if (c->pos >= c->len) {
        return -ENODATA;
    }
    *b = c->buf[c->pos++];
    return 0;
}

static enum insn_tail insn_tail(uint16_t opcode)
{
    switch (opcode) {
    case 0x6c ... 0x6f:    /* INS, OUTS */
    case 0xec ... 0xef:    /* IN, OUT with DX */
    case 0xf4:             /* HLT */
    case 0xfa:             /* CLI */
    case 0xfb:             /* STI */
    case INSN_2BYTE(0x06): /* CLTS */
    case INSN_2BYTE(0x08): /* INVD */
    case INSN_2BYTE(0x09): /* WBINVD */
    case INSN_2BYTE(0x30): /* WRMSR */
    case INSN_2BYTE(0x31): /* RDTSC */
    case INSN_2BYTE(0x32): /* RDMSR */
    case INSN_2BYTE(0xa2): /* CPUID */
        return TAIL_NONE;
    case 0xe4 ... 0xe7: /* IN, OUT with an immediate */
        return TAIL_IMM8;
    case INSN_2BYTE(0x01):                     /* LMSW, XSETBV, RDTSCP */
    case INSN_2BYTE(0x20)... INSN_2BYTE(0x23): /* MOV CR, MOV DR */
        return TAIL_MODRM;
    default:
        return TAIL_UNKNOWN;
    }
}

/*
 * Legacy prefixes in any order, then REX, which counts only directly before
 * the opcode. On return *b is the first opcode byte.
 */
static int prefixes(struct cursor *c, bool long_mode, struct pv_insn *out,
                    uint8_t *rex, uint8_t *b)
{
    for (;;) {
        const int rc = next_byte(c, b);

        if (rc) {
            return rc;
        }
        if (long_mode && (*b & 0xf0) == 0x40) {
            *rex = *b;
            continue;
        }
        switch (*b) {
        case 0x66:
            out->op_bytes = 2;
            break;
        case 0x67:
            out->ad_bytes = long_mode ? 4 : 2;
            break;
        case 0xf2:
        case 0xf3:
            out->rep = *b;
            break;
        case 0x64:
            out->seg = INSN_SEG_FS;
            break;
        case 0x65:
            out->seg = INSN_SEG_GS;
            break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            if (!long_mode) {
                out->seg = INSN_SEG_DEFAULT;
            }
            break;
        case 0xf0: /* LOCK is not allowed with any of these */
            return -EINVAL;
        default:
            return 0;
        }
        *rex = 0;
    }
}

static int tail(struct cursor *c, uint8_t rex, struct pv_insn *out)
{
    int rc = 0;

    switch (insn_tail(out->opcode)) {
    case TAIL_NONE:
        break;
    case TAIL_IMM8:
        rc = next_byte(c, &out->imm8);
        break;
    case TAIL_MODRM:
        rc = next_byte(c, &out->modrm);
        out->reg = (out->modrm >> 3 & 7) | (rex & REX_R ? 8 : 0);
        out->rm = (out->modrm & 7) | (rex & REX_B ? 8 : 0);
        /* MOV CR and DR ignore mod; all else we take in register form. */
        if (!rc && out->opcode == INSN_2BYTE(0x01) && out->modrm < 0xc0) {
            rc = -EINVAL;
        }
        break;
    case TAIL_UNKNOWN:
        rc = -EINVAL;
        break;
    }
    return rc;
}

int pv_insn_decode(const uint8_t *buf, unsigned int len, bool long_mode,
                   struct pv_insn *out)
{
    struct cursor c = { buf, len, 0 };
    uint8_t rex = 0;
    uint8_t b;
    int rc;

    *out = (struct pv_insn){ .op_bytes = 4, .ad_bytes = long_mode ? 8 : 4 };
    rc = prefixes(&c, long_mode, out, &rex, &b);
    if (rc) {
        return rc;
    }
    out->opcode = b;
    if (b == 0x0f) {
        rc = next_byte(&c, &b);
        if (rc) {
            return rc;
        }
        out->opcode = INSN_2BYTE(b);
    }
    if (rex & REX_W) {
        out->op_bytes = 8;
    }
    rc = tail(&c, rex, out);
    out->len = (uint8_t)c.pos;
    return rc;
}
