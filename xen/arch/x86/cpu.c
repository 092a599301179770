/* SPDX-License-Identifier: GPL-2.0 */
/* What the CPU can do, and switching it on. Spec: SDM vol 2 "CPUID". */
#include <xen/bits.h>
#include <xen/cmdline.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include <asm/cpufeature.h>
#include <asm/system.h>

struct cpu_features boot_cpu;
uint64_t mmu_cr4;

static bool opt_smep = true;
static bool opt_smap = true;
bool_param("smep", opt_smep);
bool_param("smap", opt_smap);

void cpu_detect(void)
{
    struct cpu_features *c = &boot_cpu;
    uint32_t a;
    uint32_t b;
    uint32_t x;
    uint32_t d;

    cpuid(0, 0, &c->max_basic, &b, &x, &d);
    memcpy(c->vendor, &b, 4);
    memcpy(c->vendor + 4, &d, 4);
    memcpy(c->vendor + 8, &x, 4);
    c->intel = !strcmp(c->vendor, "GenuineIntel");
    c->amd = !strcmp(c->vendor, "AuthenticAMD") ||
             !strcmp(c->vendor, "HygonGenuine");
    cpuid(1, 0, &c->l1_eax, &c->l1_ebx, &c->l1_ecx, &c->l1_edx);
    if (c->max_basic >= 7) {
        cpuid(7, 0, &a, &c->l7_ebx, &c->l7_ecx, &c->l7_edx);
    }
    cpuid(0x80000000, 0, &c->max_ext, &b, &x, &d);
    cpuid(0x80000001, 0, &a, &b, &c->e1_ecx, &c->e1_edx);
    c->phys_bits = 36;
    if (c->max_ext >= 0x80000008) {
        cpuid(0x80000008, 0, &a, &c->e8_ebx, &x, &d);
        c->phys_bits = a & 0xff;
    }
    if (c->max_ext >= 0x80000007) {
        cpuid(0x80000007, 0, &a, &b, &x, &d);
        c->invariant_tsc = d & BIT32(8);
    }
    c->clflush_bytes = (c->l1_ebx >> 8 & 0xff) * 8;
    if (!c->clflush_bytes) {
        c->clflush_bytes = 64;
    }
    c->nx = c->e1_edx & BIT32(20);
    c->page_1g = c->e1_edx & BIT32(26);
    c->rdtscp = c->e1_edx & BIT32(27);
    c->pge = c->l1_edx & BIT32(13);
    c->xsave = c->l1_ecx & BIT32(26);
    c->x2apic = c->l1_ecx & BIT32(21);
    c->tsc_deadline = c->l1_ecx & BIT32(24);
    c->fsgsbase = c->l7_ebx & BIT32(0);
    c->smep = c->l7_ebx & BIT32(7);
    c->smap = c->l7_ebx & BIT32(20);
    c->clflushopt = c->l7_ebx & BIT32(23);
    if (c->xsave && c->max_basic >= 0xd) {
        cpuid(0xd, 1, &a, &b, &x, &d);
        c->xsaveopt = a & BIT32(0);
    }
}

void cpu_enable(void)
{
    struct cpu_features *c = &boot_cpu;

    if (!mmu_cr4) {
        c->smep = c->smep && opt_smep;
        c->smap = c->smap && opt_smap;
        mmu_cr4 = CR4_PAE | CR4_PSE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
        mmu_cr4 |= c->pge ? CR4_PGE : 0;
        mmu_cr4 |= c->smep ? CR4_SMEP : 0;
        mmu_cr4 |= c->smap ? CR4_SMAP : 0;
        mmu_cr4 |= c->fsgsbase ? CR4_FSGSBASE : 0;
        mmu_cr4 |= c->xsave ? CR4_OSXSAVE : 0;
    }
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | (c->nx ? EFER_NXE : 0));
    write_cr0(CR0_PG | CR0_AM | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
    write_cr4(mmu_cr4);
    wrmsr(MSR_PAT, PAT_VALUE);
}
