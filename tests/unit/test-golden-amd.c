// SPDX-License-Identifier: GPL-2.0
/* AMD's registers, tables, commands, events and page-table entries. */
#include "golden.h"
#include "xen/drivers/passthrough/amd/amdvi-regs.h"
#include "xen/drivers/passthrough/pt/iopt-fmt-amdv1.h"

int main(void)
{
    const struct golden regs[] = {
#include "tests/golden/amdvi.def"
    };
    const struct golden entry[] = {
#include "tests/golden/amdv1.def"
    };

    golden_check(regs, array_size(regs),
                 "xen/drivers/passthrough/amd/amdvi-regs.h", "AMDVI_");
    golden_check(entry, array_size(entry),
                 "xen/drivers/passthrough/pt/iopt-fmt-amdv1.h", "AMDV1_");
    /* Words of the manual's figures, whole: 2M leaf, table of level 1. */
    EXPECT_EQ("2M leaf", amdv1_leaf(0x12345600, IOPT_R | IOPT_W, 1, 0),
              UINT64_C(0x7000012345600001));
    EXPECT_EQ("table", amdv1_table(0x12345000, 1),
              UINT64_C(0x6000000012345201));
    return expect_failures();
}
