// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/arch/x86/spec-ctrl.c xen/common/cmdline.c xen/lib/strtox.c
// CFLAGS: -I xen/arch/x86/include
/* Which barriers a CPU gets: QEMU's emulated ones never have any to offer. */
#include <stdio.h>

#include <xen/bits.h>
#include <xen/cmdline.h>

#include <asm/cpufeature.h>
#include <asm/spec-ctrl.h>

struct cpu_features boot_cpu;

/* The command line is not parsed here. */
extern const struct xen_param xen_param_start[];
extern const struct xen_param xen_param_end[];
const struct xen_param xen_param_start[1] = { 0 };
const struct xen_param xen_param_end[1] = { 0 };

static const struct {
    const char *what;
    uint32_t l7_edx;
    uint32_t e8_ebx;
    uint64_t caps;
    bool ibpb;
    bool md_clear;
} cases[] = {
    { "nothing", 0, 0, 0, false, false },
    { "Intel with IBRS and IBPB", BIT32(26), 0, 0, true, false },
    { "AMD with IBPB", 0, BIT32(12), 0, true, false },
    { "its neighbours", ~(BIT32(26) | BIT32(10)), ~BIT32(12), 0, false, false },
    { "MD_CLEAR", BIT32(10), 0, 0, false, true },
    { "MD_CLEAR, not affected", BIT32(10), 0, BIT64(5), false, false },
    { "both", BIT32(26) | BIT32(10), 0, ~BIT64(5), true, true },
};

int main(void)
{
    unsigned int failed = 0;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct cpu_features c = { .l7_edx = cases[i].l7_edx,
                                        .e8_ebx = cases[i].e8_ebx };
        const struct spec_ctrl s = spec_ctrl_choose(&c, cases[i].caps);

        if (s.ibpb != cases[i].ibpb || s.md_clear != cases[i].md_clear) {
            printf("FAIL %s: ibpb %d md_clear %d\n", cases[i].what, s.ibpb,
                   s.md_clear);
            failed++;
        }
    }
    return failed ? 1 : 0;
}
