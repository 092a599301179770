// SPDX-License-Identifier: GPL-2.0
/* Which descriptors may enter a guest's GDT, and what becomes of them. */
#include "expect.h"
#include "xen/arch/x86/pv/desc-check.h"

static const struct {
    const char *name;
    uint64_t in;
    int ok;
    uint64_t out;
} cases[] = {
    { "empty", 0, 1, 0 },
    { "not present data", 0x00cf13000000ffff, 1, 0x00cf13000000ffff },
    { "present call gate", 0xffff8c00e0081234, 0, 0 },
    { "absent call gate", 0xffff0c00e0081234, 1, 0xffff0c00e0081234 },
    { "kernel code 64", 0x00af9b000000ffff, 1, 0x00affb000000ffff },
    { "kernel data", 0x00cf93000000ffff, 1, 0x00cff3000000ffff },
    { "user data, not accessed", 0x00cff2000000ffff, 1, 0x00cff3000000ffff },
    { "user code 32", 0x00cffb000000ffff, 1, 0x00cffb000000ffff },
    { "ring 1 data", 0x00cfb2000000ffff, 1, 0x00cff3000000ffff },
    { "processor number, expand down", 0x0040f50000000000, 1,
      0x0040f50000000000 },
    { "TSS", 0x00008b0000000067, 0, 0 },
    { "LDT", 0x0000820000000fff, 0, 0 },
    { "call gate, DPL 3", 0x0000ec00e0080000, 0, 0 },
    { "interrupt gate", 0x00008e00e0080000, 0, 0 },
    { "task gate", 0x0000e50000000000, 0, 0 },
    { "reserved type 0", 0x0000800000000000, 0, 0 },
    { "all ones", UINT64_MAX, 1, UINT64_MAX },
};

int main(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t d = cases[i].in;
        const int ok = desc_check(&d);

        EXPECT_EQ(cases[i].name, ok, cases[i].ok);
        EXPECT_EQ(cases[i].name, d, ok ? cases[i].out : cases[i].in);
        /* Once accepted it stays as it is. */
        if (ok) {
            uint64_t again = d;

            EXPECT_EQ(cases[i].name, desc_check(&again), 1);
            EXPECT_EQ(cases[i].name, again, d);
        }
    }
    EXPECT_EQ("base", desc_base(0x12cffb345678ffff), 0x12345678);
    EXPECT_EQ("flat base", desc_base(0x00cffb000000ffff), 0);
    return expect_failures();
}
