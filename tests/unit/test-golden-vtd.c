// SPDX-License-Identifier: GPL-2.0
/* VT-d's registers, tables, descriptors and second-stage entries. */
#include "golden.h"
#include "xen/drivers/passthrough/pt/iopt-fmt-vtdss.h"
#include "xen/drivers/passthrough/vtd/vtd-regs.h"

int main(void)
{
    const struct golden regs[] = {
#include "tests/golden/vtd.def"
    };
    const struct golden entry[] = {
#include "tests/golden/vtdss.def"
    };

    golden_check(regs, array_size(regs),
                 "xen/drivers/passthrough/vtd/vtd-regs.h", "VTD_");
    golden_check(entry, array_size(entry),
                 "xen/drivers/passthrough/pt/iopt-fmt-vtdss.h", "VTDSS_");
    EXPECT_EQ("2M leaf", vtdss_leaf(0x12345600, IOPT_R | IOPT_W, 1, 0),
              UINT64_C(0x12345600083));
    return expect_failures();
}
