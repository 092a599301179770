/* SPDX-License-Identifier: GPL-2.0 */
/* Control registers, MSRs, interrupt flag, segment bases. */
#ifndef ASM_SYSTEM_H
#define ASM_SYSTEM_H

#include <xen/types.h>

#define CR0_PE UINT64_C(0x00000001)
#define CR0_MP UINT64_C(0x00000002)
#define CR0_EM UINT64_C(0x00000004)
#define CR0_TS UINT64_C(0x00000008)
#define CR0_ET UINT64_C(0x00000010)
#define CR0_NE UINT64_C(0x00000020)
#define CR0_WP UINT64_C(0x00010000)
#define CR0_AM UINT64_C(0x00040000)
#define CR0_NW UINT64_C(0x20000000)
#define CR0_CD UINT64_C(0x40000000)
#define CR0_PG UINT64_C(0x80000000)

#define CR4_TSD        UINT64_C(0x00000004)
#define CR4_DE         UINT64_C(0x00000008)
#define CR4_PSE        UINT64_C(0x00000010)
#define CR4_PAE        UINT64_C(0x00000020)
#define CR4_MCE        UINT64_C(0x00000040)
#define CR4_PGE        UINT64_C(0x00000080)
#define CR4_PCE        UINT64_C(0x00000100)
#define CR4_OSFXSR     UINT64_C(0x00000200)
#define CR4_OSXMMEXCPT UINT64_C(0x00000400)
#define CR4_UMIP       UINT64_C(0x00000800)
#define CR4_FSGSBASE   UINT64_C(0x00010000)
#define CR4_OSXSAVE    UINT64_C(0x00040000)
#define CR4_SMEP       UINT64_C(0x00100000)
#define CR4_SMAP       UINT64_C(0x00200000)

#define MSR_TSC            0x00000010
#define MSR_APIC_BASE      0x0000001b
#define MSR_PLATFORM_ID    0x00000017
#define MSR_UCODE_REV      0x0000008b
#define MSR_ARCH_CAPS      0x0000010a
#define MSR_MCG_CAP        0x00000179
#define MSR_MCG_STATUS     0x0000017a
#define MSR_MISC_ENABLE    0x000001a0
#define MSR_PAT            0x00000277
#define MSR_X2APIC_BASE    0x00000800
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_SFMASK         0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX        0xc0000103
#define MSR_SYSENTER_CS    0x00000174
#define MSR_SYSENTER_ESP   0x00000175
#define MSR_SYSENTER_EIP   0x00000176

#define EFER_SCE UINT64_C(0x001)
#define EFER_LME UINT64_C(0x100)
#define EFER_NXE UINT64_C(0x800)

/* WB WT UC- UC WC WP UC UC: the meaning of each index is guest ABI. */
#define PAT_VALUE UINT64_C(0x0000050100070406)

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo;
    uint32_t hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v),
                     "d"((uint32_t)(v >> 32))
                     : "memory");
}

/**
 * rdmsr_safe() - Read an MSR that may not exist.
 * @msr: its number. @v: the value; unchanged on failure.
 * Locks: none. Context: any. Return: 0, -EFAULT the CPU raised #GP.
 */
int must_check rdmsr_safe(uint32_t msr, uint64_t *v);

/**
 * wrmsr_safe() - Write an MSR that may not exist or not take the value.
 * @msr: its number. @v: the value.
 * Locks: none. Context: any. Return: 0, -EFAULT the CPU raised #GP.
 */
int must_check wrmsr_safe(uint32_t msr, uint64_t v);

#define ASM_CR(n)                                                   \
    static inline uint64_t read_cr##n(void)                         \
    {                                                               \
        uint64_t v;                                                 \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v)::"memory"); \
        return v;                                                   \
    }                                                               \
    static inline void write_cr##n(uint64_t v)                      \
    {                                                               \
        __asm__ volatile("mov %0, %%cr" #n ::"r"(v) : "memory");    \
    }
ASM_CR(0)
ASM_CR(2)
ASM_CR(3)
ASM_CR(4)
#undef ASM_CR

static inline uint64_t read_rflags(void)
{
    uint64_t v;

    __asm__ volatile("pushfq; popq %0" : "=r"(v)::"memory");
    return v;
}

static inline void local_irq_disable(void)
{
    __asm__ volatile("cli" ::: "memory");
}

static inline void local_irq_enable(void)
{
    __asm__ volatile("sti" ::: "memory");
}

static inline bool local_irq_enabled(void)
{
    return read_rflags() & 0x200;
}

static inline uint64_t rdtsc(void)
{
    uint32_t lo;
    uint32_t hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return (uint64_t)hi << 32 | lo;
}

static inline void cpuid(uint32_t leaf, uint32_t sub, uint32_t *a, uint32_t *b,
                         uint32_t *c, uint32_t *d)
{
    __asm__ volatile("cpuid"
                     : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d)
                     : "a"(leaf), "c"(sub));
}

static inline void invlpg(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static inline bool is_canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

#endif
