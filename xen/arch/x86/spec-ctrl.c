/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which barriers against speculation between guests the CPU needs, and the one
 * at a change of domain. What there is not, and why: docs/isolation.md.
 */
#include <xen/bits.h>
#include <xen/cmdline.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/spec-ctrl.h>
#include <asm/system.h>

/* CPUID leaf 7.0 EDX. Spec: SDM vol 2A "CPUID". */
#define L7_EDX_MD_CLEAR  BIT32(10)
#define L7_EDX_IBRS_IBPB BIT32(26)
#define L7_EDX_ARCH_CAPS BIT32(29)
/* CPUID leaf 0x80000008 EBX. Spec: AMD24594 "CPUID", extended feature ids. */
#define E8_EBX_IBPB      BIT32(12)
/* Spec: SDM vol 4 "IA32_ARCH_CAPABILITIES". */
#define CAPS_MDS_NO      BIT64(5)
#define MSR_PRED_CMD     0x00000049 /* Spec: SDM vol 4 "IA32_PRED_CMD" */
#define PRED_CMD_IBPB    BIT64(0)

struct spec_ctrl spec_ctrl;

static bool opt_ibpb = true;
static bool opt_md_clear = true;
static uint16_t last_domid[MAX_CPUS]; /* whom it ran last, plus one; 0: none */

static int parse_spec_ctrl(const char *value)
{
    char item[16];
    bool all;

    if (!cmdline_parse_bool(value, &all)) {
        opt_ibpb = all;
        opt_md_clear = all;
        return 0;
    }
    while (cmdline_next_item(&value, item, sizeof(item))) {
        int rc = cmdline_bool_item("ibpb", item, &opt_ibpb);

        if (rc == -ENOENT) {
            rc = cmdline_bool_item("md-clear", item, &opt_md_clear);
        }
        if (rc) {
            return -EINVAL;
        }
    }
    return 0;
}
custom_param("spec-ctrl", parse_spec_ctrl);

struct spec_ctrl spec_ctrl_choose(const struct cpu_features *c,
                                  uint64_t arch_caps)
{
    return (struct spec_ctrl){
        .ibpb = c->l7_edx & L7_EDX_IBRS_IBPB || c->e8_ebx & E8_EBX_IBPB,
        .md_clear = c->l7_edx & L7_EDX_MD_CLEAR && !(arch_caps & CAPS_MDS_NO),
    };
}

void spec_ctrl_init(void)
{
    const bool has_caps = boot_cpu.l7_edx & L7_EDX_ARCH_CAPS;

    spec_ctrl =
        spec_ctrl_choose(&boot_cpu, has_caps ? rdmsr(MSR_ARCH_CAPS) : 0);
    spec_ctrl.ibpb &= opt_ibpb;
    spec_ctrl.md_clear &= opt_md_clear;
    log_info("spec-ctrl: between domains %s, on the way to guests %s\n",
             spec_ctrl.ibpb ? "IBPB" : "nothing",
             spec_ctrl.md_clear ? "VERW" : "nothing");
}

void spec_ctrl_switch(uint16_t domid)
{
    uint16_t *last = &last_domid[smp_cpu_id()];

    /* No domain has number 0xffff, so the sum does not wrap. */
    if (*last == domid + 1) {
        return;
    }
    if (spec_ctrl.ibpb && *last) {
        wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
    }
    *last = (uint16_t)(domid + 1);
}
