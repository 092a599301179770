/* SPDX-License-Identifier: GPL-2.0 */
/* What the boot CPU can do; filled by cpu_detect(), constant afterwards. */
#ifndef ASM_CPUFEATURE_H
#define ASM_CPUFEATURE_H

#include <xen/types.h>

struct cpu_features {
    char vendor[13];
    bool intel;         /* GenuineIntel */
    bool amd;           /* AuthenticAMD or HygonGenuine */
    uint32_t max_basic; /* highest leaf below 0x40000000 */
    uint32_t max_ext;   /* highest leaf from 0x80000000 */
    uint32_t l1_eax;    /* leaf 1, raw */
    uint32_t l1_ebx;
    uint32_t l1_ecx;
    uint32_t l1_edx;
    uint32_t l7_ebx; /* leaf 7.0, raw */
    uint32_t l7_ecx;
    uint32_t l7_edx;
    uint32_t e1_ecx; /* leaf 0x80000001, raw */
    uint32_t e1_edx;
    uint32_t e8_ebx;        /* leaf 0x80000008, raw */
    unsigned int phys_bits; /* width of machine addresses */
    unsigned int clflush_bytes;
    bool nx;
    bool pge;
    bool page_1g;
    bool smep;
    bool smap;
    bool fsgsbase;
    bool xsave;
    bool xsaveopt;
    bool x2apic;
    bool tsc_deadline;
    bool invariant_tsc;
    bool rdtscp;
    bool clflushopt;
};

extern struct cpu_features boot_cpu;

/**
 * cpu_detect() - Fill boot_cpu from CPUID.
 * Locks: none. Context: boot, first CPU, before anything reads boot_cpu.
 */
void cpu_detect(void);

/**
 * cpu_enable() - Set this CPU's CR0, CR4, EFER and PAT as boot_cpu and the
 * options smep= and smap= allow.
 * Locks: none. Context: boot of each CPU.
 */
void cpu_enable(void);

extern uint64_t mmu_cr4; /* CR4 every CPU runs with, before guest bits */

#endif
