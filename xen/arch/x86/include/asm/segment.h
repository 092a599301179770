/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Segment bases and selectors of the running vCPU. CR4.FSGSBASE is the guest's
 * choice while it runs, so the accessors must look at it.
 */
#ifndef ASM_SEGMENT_H
#define ASM_SEGMENT_H

#include <xen/domain.h>

#include <asm/extable.h>
#include <asm/system.h>

/*
 * fs_base_read() and friends - the current vCPU's bases, as they are in the CPU.
 * @v: the vCPU whose CR4 is loaded. Writes need a canonical value.
 * Locks: none. Context: v is current.
 */
static inline uint64_t fs_base_read(const struct vcpu *v)
{
    uint64_t base;

    if (!(v->pv.guest_cr4 & CR4_FSGSBASE)) {
        return rdmsr(MSR_FS_BASE);
    }
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

static inline uint64_t gs_base_read(const struct vcpu *v)
{
    uint64_t base;

    if (!(v->pv.guest_cr4 & CR4_FSGSBASE)) {
        return rdmsr(MSR_GS_BASE);
    }
    __asm__ volatile("rdgsbase %0" : "=r"(base));
    return base;
}

static inline void fs_base_write(const struct vcpu *v, uint64_t base)
{
    if (v->pv.guest_cr4 & CR4_FSGSBASE) {
        __asm__ volatile("wrfsbase %0" ::"r"(base) : "memory");
    } else {
        wrmsr(MSR_FS_BASE, base);
    }
}

static inline void gs_base_write(const struct vcpu *v, uint64_t base)
{
    if (v->pv.guest_cr4 & CR4_FSGSBASE) {
        __asm__ volatile("wrgsbase %0" ::"r"(base) : "memory");
    } else {
        wrmsr(MSR_GS_BASE, base);
    }
}

/*
 * seg_read_ds() etc. - the selector now. seg_load_ds() etc. - load one; false
 * if it faulted, which leaves the register as it was.
 * Locks: none. Context: any (the GS base follows GS: save it first).
 */
#define ASM_SEG(name)                                         \
    static inline uint16_t seg_read_##name(void)              \
    {                                                         \
        uint32_t sel;                                         \
                                                              \
        __asm__ volatile("movl %%" #name ", %0" : "=r"(sel)); \
        return (uint16_t)sel;                                 \
    }                                                         \
    static inline bool seg_load_##name(uint16_t sel)          \
    {                                                         \
        uint32_t bad = 1;                                     \
                                                              \
        __asm__ volatile("1: movl %[sel], %%" #name "\n\t"    \
                         "xorl %[bad], %[bad]\n"              \
                         "2:\n\t" EXTABLE("1b", "2b")         \
                         : [bad] "+&r"(bad)                   \
                         : [sel] "r"((uint32_t)sel)           \
                         : "memory", "cc");                   \
        return !bad;                                          \
    }
ASM_SEG(ds)
ASM_SEG(es)
ASM_SEG(fs)
ASM_SEG(gs)
#undef ASM_SEG

/**
 * tsc_aux_load() - Give the CPU the vCPU's TSC_AUX if it has another one.
 * @v: current, or about to be. Locks: none. Context: any, not preempted.
 */
void tsc_aux_load(const struct vcpu *v);

#endif
