/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MSR accesses that may fault, and the MSR policy for PV guests: a short list
 * of what they may see; all the rest is #GP, which Linux expects.
 * Spec: SDM vol 4 "Model-Specific Registers".
 */
#include <xen/bits.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/printk.h>

#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/extable.h>
#include <asm/msr.h>
#include <asm/segment.h>

#define MSR_HWCR             0xc0010015 /* AMD "Hardware Configuration" */
#define HWCR_TSC_FREQ_SEL    BIT64(24)  /* TSC counts at the P0 rate */
#define MSR_DE_CFG           0xc0011029 /* AMD "Decode Configuration" */
#define DE_CFG_LFENCE_SERIAL BIT64(1)

#define APIC_BASE_DEFAULT UINT64_C(0xfee00000)
#define APIC_BASE_ENABLED BIT64(11)
#define APIC_BASE_BSP     BIT64(8)

#define MISC_ENABLE_PERFMON      BIT64(7)
#define MISC_ENABLE_BTS_UNAVAIL  BIT64(11)
#define MISC_ENABLE_PEBS_UNAVAIL BIT64(12)
#define MISC_ENABLE_MONITOR      BIT64(18)

#define EFER_LMA BIT64(10)

int rdmsr_safe(uint32_t msr, uint64_t *v)
{
    uint32_t bad = 1;
    uint32_t lo;
    uint32_t hi;

    /* A fault skips the instruction that clears the flag. */
    __asm__ volatile("1: rdmsr\n\t"
                     "xorl %[bad], %[bad]\n"
                     "2:\n\t" EXTABLE("1b", "2b")
                     : "=a"(lo), "=d"(hi), [bad] "+&r"(bad)
                     : "c"(msr)
                     : "cc");
    if (bad) {
        return -EFAULT;
    }
    *v = (uint64_t)hi << 32 | lo;
    return 0;
}

int wrmsr_safe(uint32_t msr, uint64_t v)
{
    uint32_t bad = 1;

    __asm__ volatile("1: wrmsr\n\t"
                     "xorl %[bad], %[bad]\n"
                     "2:\n\t" EXTABLE("1b", "2b")
                     : [bad] "+&r"(bad)
                     : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
                     : "memory", "cc");
    return bad ? -EFAULT : 0;
}

static int misc_enable(uint64_t *val)
{
    uint64_t hw;

    if (!boot_cpu.intel || rdmsr_safe(MSR_MISC_ENABLE, &hw)) {
        return -EPERM;
    }
    /* No performance counters and no MONITOR are offered. */
    hw &= ~(MISC_ENABLE_PERFMON | MISC_ENABLE_MONITOR);
    hw |= MISC_ENABLE_BTS_UNAVAIL | MISC_ENABLE_PEBS_UNAVAIL;
    *val = hw;
    return 0;
}

int pv_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *val)
{
    switch (msr) {
    case MSR_FS_BASE:
        *val = fs_base_read(v);
        return 0;
    case MSR_GS_BASE:
        *val = gs_base_read(v);
        return 0;
    case MSR_KERNEL_GS_BASE:
        *val = v->pv.gs_inactive;
        return 0;
    case MSR_TSC_AUX:
        if (!boot_cpu.rdtscp) {
            return -EPERM;
        }
        *val = v->pv.tsc_aux;
        return 0;
    case MSR_TSC:
        *val = rdtsc();
        return 0;
    case MSR_APIC_BASE:
        *val = APIC_BASE_DEFAULT | APIC_BASE_ENABLED |
               (v->id == 0 ? APIC_BASE_BSP : 0);
        return 0;
    case MSR_PAT:
        *val = PAT_VALUE;
        return 0;
    case MSR_EFER:
        *val = rdmsr(MSR_EFER) & (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
        return 0;
    case MSR_MCG_CAP:
    case MSR_MCG_STATUS:
        *val = 0; /* no machine-check banks: those are ours */
        return 0;
    case MSR_MISC_ENABLE:
        return misc_enable(val);
    case MSR_PLATFORM_ID:
        return boot_cpu.intel && rdmsr_safe(msr, val) == 0 ? 0 : -EPERM;
    case MSR_UCODE_REV:
        return rdmsr_safe(msr, val) ? -EPERM : 0;
    case MSR_HWCR:
        if (!boot_cpu.amd) {
            return -EPERM;
        }
        *val = HWCR_TSC_FREQ_SEL;
        return 0;
    case MSR_DE_CFG:
        if (!boot_cpu.amd || rdmsr_safe(msr, val)) {
            return -EPERM;
        }
        *val &= DE_CFG_LFENCE_SERIAL;
        return 0;
    default:
        return -EPERM;
    }
}

int pv_wrmsr(struct vcpu *v, uint32_t msr, uint64_t val)
{
    uint64_t now;

    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        if (!is_canonical(val)) {
            return -EPERM;
        }
        if (msr == MSR_FS_BASE) {
            fs_base_write(v, val);
        } else if (msr == MSR_GS_BASE) {
            gs_base_write(v, val);
        } else {
            v->pv.gs_inactive = val;
        }
        return 0;
    case MSR_TSC_AUX:
        if (!boot_cpu.rdtscp || val >> 32) {
            return -EPERM;
        }
        v->pv.tsc_aux = (uint32_t)val;
        tsc_aux_load(v);
        return 0;
    case MSR_MCG_STATUS:
    case MSR_UCODE_REV:
        /* Linux writes 0 before it asks for the revision. */
        return val ? -EPERM : 0;
    case MSR_EFER:
    case MSR_PAT:
    case MSR_MISC_ENABLE:
    case MSR_DE_CFG:
        /* Fixed, but writing back what was read is harmless. */
        return pv_rdmsr(v, msr, &now) == 0 && now == val ? 0 : -EPERM;
    default:
        return -EPERM;
    }
}
