// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/arch/x86/pv/pv-decode.c
/* Decoder of memory writes: encodings, addresses, refusals, arithmetic. */
#include <xen/bits.h>

#include "expect.h"
#include "xen/arch/x86/pv/pv-decode.h"

#define RIP UINT64_C(0xffffffff81234560)

static const uint64_t regs[16] = {
    0x1122334455667788, /* rax */
    0x0000000000001000, /* rcx */
    0xffff888000001008, /* rdx */
    0xdeadbeefcafef00d, /* rbx */
    0xffffc90000000100, /* rsp */
    0xffff888000002000, /* rbp */
    0xfedcba9876543210, /* rsi */
    0xffff888000003000, /* rdi */
    0x8888888888888888, /* r8 */
    0x0000000000000009, /* r9 */
    0xffffffffffffffbf, /* r10: -65 */
    0x0000000000000043, /* r11: 67 */
    0xffff888000004000, /* r12 */
    0xffff888000005000, /* r13 */
    0x0e0e0e0e0e0e0e0e, /* r14 */
    0x0f0f0f0f0f0f0f0f, /* r15 */
};

struct decode_case {
    const char *what;
    uint8_t bytes[16];
    unsigned int nr;
    bool ok;
    enum write_kind kind;
    unsigned int len;
    unsigned int width;
    uint64_t ea;
    uint64_t src;
};

#define B(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })

static const struct decode_case cases[] = {
    { "xchg %rbx,(%rdx)", B(0x48, 0x87, 0x1a), true, WRITE_XCHG, 3, 8,
      0xffff888000001008, 0xdeadbeefcafef00d },
    { "lock andb $0xfd,(%r12)", B(0xf0, 0x41, 0x80, 0x24, 0x24, 0xfd), true,
      WRITE_AND, 6, 1, 0xffff888000004000, 0xfd },
    { "ds andb $0xfd,(%r12)", B(0x3e, 0x41, 0x80, 0x24, 0x24, 0xfd), true,
      WRITE_AND, 6, 1, 0xffff888000004000, 0xfd },
    { "mov %rax,(%rcx)", B(0x48, 0x89, 0x01), true, WRITE_MOV, 3, 8, 0x1000,
      0x1122334455667788 },
    { "mov %eax,(%rcx)", B(0x89, 0x01), true, WRITE_MOV, 2, 4, 0x1000,
      0x55667788 },
    { "mov %ax,(%rcx)", B(0x66, 0x89, 0x01), true, WRITE_MOV, 3, 2, 0x1000,
      0x7788 },
    { "mov %ah,(%rcx)", B(0x88, 0x21), true, WRITE_MOV, 2, 1, 0x1000, 0x77 },
    { "mov %spl,(%rcx)", B(0x40, 0x88, 0x21), true, WRITE_MOV, 3, 1, 0x1000,
      0x00 },
    { "xchg %rsi,0(%rbp)", B(0x48, 0x87, 0x75, 0x00), true, WRITE_XCHG, 4, 8,
      0xffff888000002000, 0xfedcba9876543210 },
    { "mov %r15,-8(%r13)", B(0x4d, 0x89, 0x7d, 0xf8), true, WRITE_MOV, 4, 8,
      0xffff888000004ff8, 0x0f0f0f0f0f0f0f0f },
    { "movq $-1,0x100(%rdi)",
      B(0x48, 0xc7, 0x87, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff), true, WRITE_MOV,
      11, 8, 0xffff888000003100, ~UINT64_C(0) },
    { "movw $0x1234,(%rdi)", B(0x66, 0xc7, 0x07, 0x34, 0x12), true, WRITE_MOV,
      5, 2, 0xffff888000003000, 0x1234 },
    { "mov %rax,0x10(%rip)", B(0x48, 0x89, 0x05, 0x10, 0, 0, 0), true,
      WRITE_MOV, 7, 8, RIP + 7 + 0x10, 0x1122334455667788 },
    { "movl $5,0x10(%rip)", B(0xc7, 0x05, 0x10, 0, 0, 0, 5, 0, 0, 0), true,
      WRITE_MOV, 10, 4, RIP + 10 + 0x10, 5 },
    { "mov %rax,(%rdi,%r9,8)", B(0x4a, 0x89, 0x04, 0xcf), true, WRITE_MOV, 4, 8,
      0xffff888000003048, 0x1122334455667788 },
    { "mov %rax,(%rsp)", B(0x48, 0x89, 0x04, 0x24), true, WRITE_MOV, 4, 8,
      0xffffc90000000100, 0x1122334455667788 },
    { "mov %rax,8(%rsp)", B(0x48, 0x89, 0x44, 0x24, 8), true, WRITE_MOV, 5, 8,
      0xffffc90000000108, 0x1122334455667788 },
    { "mov %rax,-16(,%r9,8)", B(0x4a, 0x89, 0x04, 0xcd, 0xf0, 0xff, 0xff, 0xff),
      true, WRITE_MOV, 8, 8, 0x38, 0x1122334455667788 },
    { "mov %rax,0(%r13,%r12)", B(0x4b, 0x89, 0x44, 0x25, 0), true, WRITE_MOV, 5,
      8, 0xffff888000005000 + 0xffff888000004000, 0x1122334455667788 },
    { "mov %rax,%gs:(%rcx)", B(0x65, 0x48, 0x89, 0x01), true, WRITE_MOV, 4, 8,
      0x7000000000001000, 0x1122334455667788 },
    { "mov %rax,%fs:(%rcx)", B(0x64, 0x48, 0x89, 0x01), true, WRITE_MOV, 4, 8,
      0x0000600000001000, 0x1122334455667788 },
    { "mov %rax,(%edx)", B(0x67, 0x48, 0x89, 0x02), true, WRITE_MOV, 4, 8,
      0x1008, 0x1122334455667788 },
    { "rex before a prefix is void", B(0x48, 0x66, 0x89, 0x01), true, WRITE_MOV,
      4, 2, 0x1000, 0x7788 },
    { "lock btrq $5,(%rdi)", B(0xf0, 0x48, 0x0f, 0xba, 0x37, 5), true,
      WRITE_BTR, 6, 8, 0xffff888000003000, 5 },
    { "btsl $37,(%rdi)", B(0x0f, 0xba, 0x2f, 37), true, WRITE_BTS, 4, 4,
      0xffff888000003000, 5 },
    { "lock btr %r11,(%rdi)", B(0xf0, 0x4c, 0x0f, 0xb3, 0x1f), true, WRITE_BTR,
      5, 8, 0xffff888000003008, 3 },
    { "bts %r10,(%rdi)", B(0x4c, 0x0f, 0xab, 0x17), true, WRITE_BTS, 4, 8,
      0xffff888000002ff0, 63 },
    { "btc %r11d,(%rdi)", B(0x44, 0x0f, 0xbb, 0x1f), true, WRITE_BTC, 4, 4,
      0xffff888000003008, 3 },
    { "lock cmpxchg %rbx,(%rdx)", B(0xf0, 0x48, 0x0f, 0xb1, 0x1a), true,
      WRITE_CMPXCHG, 5, 8, 0xffff888000001008, 0xdeadbeefcafef00d },
    { "cmpxchg %bh,(%rdx)", B(0x0f, 0xb0, 0x3a), true, WRITE_CMPXCHG, 3, 1,
      0xffff888000001008, 0xf0 },
    { "lock xadd %ecx,(%rdx)", B(0xf0, 0x0f, 0xc1, 0x0a), true, WRITE_XADD, 4,
      4, 0xffff888000001008, 0x1000 },
    { "or %rbx,(%rdi)", B(0x48, 0x09, 0x1f), true, WRITE_OR, 3, 8,
      0xffff888000003000, 0xdeadbeefcafef00d },
    { "xor %bl,(%rdi)", B(0x30, 0x1f), true, WRITE_XOR, 2, 1,
      0xffff888000003000, 0x0d },
    { "and %ebx,(%rdi)", B(0x21, 0x1f), true, WRITE_AND, 2, 4,
      0xffff888000003000, 0xcafef00d },
    { "addq $-2,(%rdi)", B(0x48, 0x83, 0x07, 0xfe), true, WRITE_ADD, 4, 8,
      0xffff888000003000, ~UINT64_C(1) },
    { "subl $1,(%rdi)", B(0x83, 0x2f, 1), true, WRITE_SUB, 3, 4,
      0xffff888000003000, 1 },
    { "orl $0x80000000,(%rdi)", B(0x81, 0x0f, 0, 0, 0, 0x80), true, WRITE_OR, 6,
      4, 0xffff888000003000, 0x80000000 },
    { "orq $-0x80000000,(%rdi)", B(0x48, 0x81, 0x0f, 0, 0, 0, 0x80), true,
      WRITE_OR, 7, 8, 0xffff888000003000, 0xffffffff80000000 },
    { "xorw $0x8001,(%rdi)", B(0x66, 0x81, 0x37, 0x01, 0x80), true, WRITE_XOR,
      5, 2, 0xffff888000003000, 0x8001 },

    { .what = "mov %rax,%rcx", B(0x48, 0x89, 0xc1) },
    { .what = "lock mov", B(0xf0, 0x48, 0x89, 0x01) },
    { .what = "cmpq $1,(%rdi)", B(0x48, 0x83, 0x3f, 1) },
    { .what = "adcq $1,(%rdi)", B(0x48, 0x83, 0x17, 1) },
    { .what = "cmpxchg8b (%rdi)", B(0x0f, 0xc7, 0x0f) },
    { .what = "cmpxchg16b (%rdi)", B(0x48, 0x0f, 0xc7, 0x0f) },
    { .what = "bt $5,(%rdi)", B(0x0f, 0xba, 0x27, 5) },
    { .what = "mov (%rdi),%rax", B(0x48, 0x8b, 0x07) },
    { .what = "c7 /1", B(0xc7, 0x0f, 0, 0, 0, 0) },
    { .what = "82 /1", B(0x82, 0x0f, 0) },
    { .what = "stosq", B(0x48, 0xab) },
    { .what = "nothing", { 0 }, 0 },
    { .what = "prefixes only",
      B(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
        0x66, 0x66, 0x66) },
};

static void fill(struct decode_in *in, const uint8_t *bytes, unsigned int nr)
{
    memset(in, 0, sizeof(*in));
    memcpy(in->bytes, bytes, nr);
    memcpy(in->gpr, regs, sizeof(regs));
    in->nr_bytes = nr;
    in->rip = RIP;
    in->fs_base = 0x600000000000;
    in->gs_base = 0x7000000000000000;
}

static void check_decode(const struct decode_case *c)
{
    struct decode_in in;
    struct write_op op;
    bool ok;

    fill(&in, c->bytes, c->nr);
    ok = write_decode(&in, &op);
    EXPECT_EQ(c->what, ok, c->ok);
    if (!ok || !c->ok) {
        return;
    }
    EXPECT_EQ(c->what, op.kind, c->kind);
    EXPECT_EQ(c->what, op.len, c->len);
    EXPECT_EQ(c->what, op.width, c->width);
    EXPECT_EQ(c->what, op.ea, c->ea);
    EXPECT_EQ(c->what, op.src, c->src);
    /* Every byte counts: one less must not decode. */
    for (unsigned int nr = 0; nr < c->len; nr++) {
        fill(&in, c->bytes, nr);
        EXPECT_EQ(c->what, write_decode(&in, &op), false);
    }
}

/*
 * The CPU that runs the test is the reference for values and flags: each
 * operation is executed on both.
 */
#define FLAGS_ALL UINT64_C(0x8d5)
#define RUN(insn, suffix, type)                                              \
    {                                                                        \
        type m = (type)*mem;                                                 \
        type s = (type)*src;                                                 \
        uint64_t a = *rax;                                                   \
        /* Past the red zone, and nothing addressed by the stack pointer. */ \
        __asm__ volatile(                                                    \
            "lea -128(%%rsp), %%rsp; push %[fl]; popfq; lock " insn suffix   \
            " %[s], (%[m]); pushfq; pop %[fl]; "                             \
            "lea 128(%%rsp), %%rsp"                                          \
            : [s] "+q"(s), "+a"(a), [fl] "+r"(fl)                            \
            : [m] "r"(&m)                                                    \
            : "cc", "memory");                                               \
        *mem = m;                                                            \
        *src = s;                                                            \
        *rax = a;                                                            \
    }
#define RUN_ALL(name, insn)                                       \
    static uint64_t run_##name(unsigned int width, uint64_t *mem, \
                               uint64_t *src, uint64_t *rax)      \
    {                                                             \
        uint64_t fl = 2;                                          \
        switch (width) {                                          \
        case 1:                                                   \
            RUN(insn, "b", uint8_t) break;                        \
        case 2:                                                   \
            RUN(insn, "w", uint16_t) break;                       \
        case 4:                                                   \
            RUN(insn, "l", uint32_t) break;                       \
        default:                                                  \
            RUN(insn, "q", uint64_t) break;                       \
        }                                                         \
        return fl;                                                \
    }

RUN_ALL(add, "add")
RUN_ALL(or, "or")
RUN_ALL(and, "and")
RUN_ALL(sub, "sub")
RUN_ALL(xor, "xor")
RUN_ALL(xadd, "xadd")
RUN_ALL(cmpxchg, "cmpxchg")

static const struct {
    const char *what;
    enum write_kind kind;
    uint64_t (*run)(unsigned int, uint64_t *, uint64_t *, uint64_t *);
    uint64_t undefined; /* flags the manual leaves open */
} ops[] = {
    { "add", WRITE_ADD, run_add, 0 },
    { "or", WRITE_OR, run_or, 0x10 },
    { "and", WRITE_AND, run_and, 0x10 },
    { "sub", WRITE_SUB, run_sub, 0 },
    { "xor", WRITE_XOR, run_xor, 0x10 },
    { "xadd", WRITE_XADD, run_xadd, 0 },
    { "cmpxchg", WRITE_CMPXCHG, run_cmpxchg, 0 },
};

static const uint64_t values[] = {
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x7fffffffffffffff,
    0x8000000000000000,
    0xffffffffffffffff,
    0x123456789abcdef0,
};

static void check_apply(unsigned int o, unsigned int width, uint64_t mem,
                        uint64_t src, uint64_t rax)
{
    const uint64_t mask = ~UINT64_C(0) >> (64 - 8 * width);
    const struct write_op op = { .kind = ops[o].kind,
                                 .width = width,
                                 .src = src & mask };
    struct write_result r;
    uint64_t cpu_mem = mem & mask;
    uint64_t cpu_src = src & mask;
    uint64_t cpu_rax = rax;
    const uint64_t fl = ops[o].run(width, &cpu_mem, &cpu_src, &cpu_rax);
    uint64_t our_rax = rax;
    const uint64_t keep = FLAGS_ALL & ~ops[o].undefined;

    write_apply(&op, mem & mask, rax, 2, &r);
    if (ops[o].kind == WRITE_CMPXCHG && r.reg_write) {
        our_rax = write_reg_merge(rax, r.reg_val, width, false);
    }
    EXPECT_EQ(ops[o].what, r.store ? r.val : mem & mask, cpu_mem);
    EXPECT_EQ(ops[o].what, r.rflags & keep, fl & keep);
    EXPECT_EQ(ops[o].what, our_rax, cpu_rax);
    if (ops[o].kind == WRITE_XADD) {
        EXPECT_EQ(ops[o].what, r.reg_val, cpu_src);
    }
}

static void check_bits(void)
{
    const struct write_op bts = { .kind = WRITE_BTS, .width = 8, .src = 63 };
    const struct write_op btr = { .kind = WRITE_BTR, .width = 1, .src = 5 };
    const struct write_op btc = { .kind = WRITE_BTC, .width = 4, .src = 0 };
    const struct write_op xchg = { .kind = WRITE_XCHG, .width = 2, .src = 7 };
    struct write_result r;

    write_apply(&bts, 0, 0, 0x8d7, &r);
    EXPECT_EQ("bts", r.val, BIT64(63));
    EXPECT_EQ("bts clears only CF", r.rflags, 0x8d6);
    write_apply(&btr, 0xff, 0, 2, &r);
    EXPECT_EQ("btr", r.val, 0xdf);
    EXPECT_EQ("btr sets CF", r.rflags, 3);
    write_apply(&btc, 1, 0, 2, &r);
    EXPECT_EQ("btc", r.val, 0);
    write_apply(&xchg, 0x1234, 0, 0x8d7, &r);
    EXPECT_EQ("xchg", r.val, 7);
    EXPECT_EQ("xchg", r.reg_val, 0x1234);
    EXPECT_EQ("xchg keeps flags", r.rflags, 0x8d7);

    EXPECT_EQ("merge 4", write_reg_merge(~UINT64_C(0), 5, 4, false), 5);
    EXPECT_EQ("merge 2", write_reg_merge(0x123456, 0xabcd, 2, false), 0x12abcd);
    EXPECT_EQ("merge 1", write_reg_merge(0x123456, 0xcd, 1, false), 0x1234cd);
    EXPECT_EQ("merge h", write_reg_merge(0x123456, 0xcd, 1, true), 0x12cd56);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_decode(&cases[i]);
    }
    for (unsigned int o = 0; o < sizeof(ops) / sizeof(ops[0]); o++) {
        for (unsigned int w = 1; w <= 8; w *= 2) {
            for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
                for (size_t j = 0; j < sizeof(values) / sizeof(values[0]);
                     j++) {
                    check_apply(o, w, values[i], values[j], values[i]);
                    check_apply(o, w, values[i], values[j], values[j]);
                }
            }
        }
    }
    check_bits();
    return expect_failures();
}
