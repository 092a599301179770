// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/arch/x86/pv/emulate-decode.c
/* The decoder of privileged instructions: prefixes, lengths, refusals. */
#include <xen/errno.h>

#include "expect.h"
#include "xen/arch/x86/pv/emulate-decode.h"

#define L64 true
#define L32 false

static const struct {
    const char *name;
    uint8_t buf[INSN_MAX_BYTES];
    unsigned int nr; /* bytes of the instruction */
    bool long_mode;
    int rc;
    uint16_t opcode;
    uint8_t op, ad, rep, reg, rm;
} cases[] = {
    { "cli", { 0xfa }, 1, L64, 0, 0xfa, 4, 8, 0, 0, 0 },
    { "out imm8, al", { 0xe6, 0x80 }, 2, L64, 0, 0xe6, 4, 8, 0, 0, 0 },
    { "in ax, dx", { 0x66, 0xed }, 2, L64, 0, 0xed, 2, 8, 0, 0, 0 },
    { "in eax, dx", { 0xed }, 1, L32, 0, 0xed, 4, 4, 0, 0, 0 },
    { "rep outsw", { 0xf3, 0x66, 0x6f }, 3, L64, 0, 0x6f, 2, 8, 0xf3, 0, 0 },
    { "rep insb, 32-bit",
      { 0x67, 0xf3, 0x6c },
      3,
      L64,
      0,
      0x6c,
      4,
      4,
      0xf3,
      0,
      0 },
    { "rdmsr", { 0x0f, 0x32 }, 2, L64, 0, 0x0f32, 4, 8, 0, 0, 0 },
    { "mov r8, cr0",
      { 0x41, 0x0f, 0x20, 0xc0 },
      4,
      L64,
      0,
      0x0f20,
      4,
      8,
      0,
      0,
      8 },
    { "mov cr8, rax",
      { 0x44, 0x0f, 0x22, 0xc0 },
      4,
      L64,
      0,
      0x0f22,
      4,
      8,
      0,
      8,
      0 },
    { "mov cr4, rbx, mod ignored",
      { 0x0f, 0x22, 0x23 },
      3,
      L64,
      0,
      0x0f22,
      4,
      8,
      0,
      4,
      3 },
    { "xsetbv", { 0x0f, 0x01, 0xd1 }, 3, L64, 0, 0x0f01, 4, 8, 0, 2, 1 },
    { "invlpg memory",
      { 0x0f, 0x01, 0x38 },
      3,
      L64,
      -EINVAL,
      0,
      0,
      0,
      0,
      0,
      0 },
    { "rex forgotten before a prefix",
      { 0x41, 0x66, 0x0f, 0x20, 0xc0 },
      5,
      L64,
      0,
      0x0f20,
      2,
      8,
      0,
      0,
      0 },
    { "rex.w wins over 66",
      { 0x66, 0x48, 0x6f },
      3,
      L64,
      0,
      0x6f,
      8,
      8,
      0,
      0,
      0 },
    { "inc eax is no rex",
      { 0x41, 0x0f, 0x20, 0xc0 },
      4,
      L32,
      -EINVAL,
      0,
      0,
      0,
      0,
      0,
      0 },
    { "lock", { 0xf0, 0xfa }, 2, L64, -EINVAL, 0, 0, 0, 0, 0, 0 },
    { "mov", { 0x48, 0x89, 0xc0 }, 3, L64, -EINVAL, 0, 0, 0, 0, 0, 0 },
    { "prefixes without end",
      { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
        0x66, 0x66, 0x66 },
      15,
      L64,
      -EINVAL,
      0,
      0,
      0,
      0,
      0,
      0 },
};

int main(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pv_insn insn;
        const int rc = pv_insn_decode(cases[i].buf, cases[i].nr,
                                      cases[i].long_mode, &insn);

        EXPECT_EQ(cases[i].name, rc, cases[i].rc);
        if (rc || cases[i].rc) {
            continue;
        }
        EXPECT_EQ(cases[i].name, insn.len, cases[i].nr);
        EXPECT_EQ(cases[i].name, insn.opcode, cases[i].opcode);
        EXPECT_EQ(cases[i].name, insn.op_bytes, cases[i].op);
        EXPECT_EQ(cases[i].name, insn.ad_bytes, cases[i].ad);
        EXPECT_EQ(cases[i].name, insn.rep, cases[i].rep);
        EXPECT_EQ(cases[i].name, insn.reg, cases[i].reg);
        EXPECT_EQ(cases[i].name, insn.rm, cases[i].rm);
        /* Each shorter piece asks for more, and never reads beyond it. */
        for (unsigned int n = 0; n < cases[i].nr; n++) {
            EXPECT_EQ(cases[i].name,
                      pv_insn_decode(cases[i].buf, n, cases[i].long_mode,
                                     &insn),
                      -ENODATA);
        }
    }
    return expect_failures();
}
