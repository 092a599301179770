/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instructions that write one operand of 1, 2, 4 or 8 bytes to memory: those
 * with which kernels change page-table entries. Pure: bytes and registers in,
 * operation out; no guest memory, no lock. 64-bit code only.
 * Spec: SDM vol 2, chapter 2 "Instruction Format" and the opcode's own page.
 */
#ifndef PV_DECODE_H
#define PV_DECODE_H

#include <xen/types.h>

#define DECODE_MAX_LEN 15 /* longest instruction. Spec: SDM vol 2, 2.3.11 */

/* Register numbers are the encoding's: 0 rax, 1 rcx, ... 15 r15. */
struct decode_in {
    uint8_t bytes[DECODE_MAX_LEN];
    unsigned int nr_bytes; /* how many of them are known */
    uint64_t gpr[16];
    uint64_t rip; /* of the instruction */
    uint64_t fs_base;
    uint64_t gs_base;
};

enum write_kind {
    WRITE_MOV,
    WRITE_XCHG,
    WRITE_ADD,
    WRITE_OR,
    WRITE_AND,
    WRITE_SUB,
    WRITE_XOR,
    WRITE_XADD,
    WRITE_BTS,
    WRITE_BTR,
    WRITE_BTC,
    WRITE_CMPXCHG,
};

struct write_op {
    enum write_kind kind;
    unsigned int len;   /* of the instruction, bytes */
    unsigned int width; /* of the operand, bytes: 1, 2, 4 or 8 */
    uint64_t ea;        /* linear address of the operand */
    uint64_t src;       /* register or immediate, cut to width; BT*: bit */
    unsigned int reg;   /* XCHG, XADD: register that gets the old value */
    bool reg_high;      /* that register is AH, CH, DH or BH */
};

/* What an operation does to a known old value; see write_apply(). */
struct write_result {
    uint64_t val;     /* new memory operand, cut to width */
    bool store;       /* memory changes; false for a failed CMPXCHG */
    uint64_t reg_val; /* for `reg` (XCHG, XADD) or RAX (failed CMPXCHG) */
    bool reg_write;
    uint64_t rflags; /* new RFLAGS; what is undefined is kept */
};

/**
 * write_decode() - Decode one instruction that writes to memory.
 * @in:  bytes at RIP and the register state, untrusted.
 * @out: the operation; undefined unless true is returned.
 *
 * Locks: none. Context: any. Trust: everything in @in.
 * Return: false for anything else: other instructions, register operands, too
 * few bytes, LOCK where the CPU forbids it.
 */
bool must_check write_decode(const struct decode_in *in, struct write_op *out);

/**
 * write_apply() - Compute an operation.
 * @op: from write_decode(). @old: memory operand, cut to its width.
 * @rax: accumulator, for CMPXCHG. @rflags: flags before. @out: the result.
 * Locks: none. Context: any.
 */
void write_apply(const struct write_op *op, uint64_t old, uint64_t rax,
                 uint64_t rflags, struct write_result *out);

/**
 * write_reg_merge() - A register after a part of it was written.
 * @old: whole register. @val: what is written. @width: 1, 2, 4 (clears the
 * upper half) or 8. @high: bits 15..8, width 1 only.
 * Locks: none. Context: any. Return: the whole new register.
 */
uint64_t write_reg_merge(uint64_t old, uint64_t val, unsigned int width,
                         bool high);

#endif
