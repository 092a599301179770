/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Decoder for the few instructions that trap in a guest kernel. Pure: bytes in,
 * fields out, so that hosted tests and fuzzers can use it.
 * Spec: SDM vol 2A, ch. 2 "Instruction Format".
 */
#ifndef PV_EMULATE_DECODE_H
#define PV_EMULATE_DECODE_H

#include <xen/types.h>

#define INSN_MAX_BYTES 15

/* Two-byte opcodes are numbered 0x0f00 | second byte. */
#define INSN_2BYTE(x) (0x0f00 | (x))

enum insn_seg { INSN_SEG_DEFAULT, INSN_SEG_FS, INSN_SEG_GS };

struct pv_insn {
    uint16_t opcode;
    uint8_t len;       /* bytes in all */
    uint8_t modrm;     /* 0 if it has none */
    uint8_t imm8;      /* port of IN and OUT with an immediate */
    uint8_t reg;       /* ModRM.reg with REX.R: 0..15 */
    uint8_t rm;        /* ModRM.rm with REX.B, register form: 0..15 */
    uint8_t op_bytes;  /* operand size: 2, 4 or 8 */
    uint8_t ad_bytes;  /* address size: 2, 4 or 8 */
    uint8_t rep;       /* 0, 0xf2 or 0xf3 */
    enum insn_seg seg; /* override that matters in 64-bit mode */
};

/**
 * pv_insn_decode() - Decode one instruction.
 * @buf: bytes from its first prefix on. @len: how many there are, 0..15.
 * @long_mode: the code segment is 64-bit, else it is 32-bit.
 * @out: the instruction; undefined on error.
 * Locks: none. Context: any. Trust: all bytes are the guest's.
 * Return: 0, -ENODATA more bytes are needed, -EINVAL none that we emulate.
 */
int must_check pv_insn_decode(const uint8_t *buf, unsigned int len,
                              bool long_mode, struct pv_insn *out);

#endif
