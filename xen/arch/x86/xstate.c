/* SPDX-License-Identifier: GPL-2.0 */
/*
 * FPU and extended state of vCPUs, saved and restored eagerly. The hypervisor
 * itself never touches these registers.
 *
 * The standard (not compacted) format is used, and always all components: a
 * guest that clears an XCR0 bit must not find another guest's registers when it
 * sets it again. No lock: a vCPU's area belongs to the CPU it runs on.
 * Spec: SDM vol 1, ch. 13 "Managing State Using the XSAVE Feature Set".
 */
#include <xen/bits.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/pv.h>
#include <asm/system.h>

#define XCR0_X87    BIT64(0)
#define XCR0_SSE    BIT64(1)
#define XCR0_AVX    BIT64(2)
#define XCR0_AVX512 FIELD64(7, 5)
/* Components whose state is plain registers; others need more care. */
#define XCR0_KNOWN  (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)

#define FX_BYTES      512 /* legacy region */
#define FX_FCW        0   /* x87 control word */
#define FX_FSW        2   /* x87 status word */
#define FX_MXCSR      24
#define FX_MXCSR_MASK 28
#define FX_ST         32  /* x87 registers */
#define FX_XMM        160 /* SSE registers */
#define FX_XMM_END    416
#define XSAVE_HEADER  512 /* offset of XSTATE_BV */
#define XSAVE_MIN     576 /* legacy region and header */

#define FCW_DEFAULT        0x037f
#define MXCSR_DEFAULT      0x1f80
#define FSW_ES             0x80 /* an unmasked exception is pending */
/* Bits of MXCSR when the CPU reports no mask. Spec: SDM vol 1, 11.6.6. */
#define MXCSR_MASK_DEFAULT 0x0000ffbf

static uint64_t xmask;        /* XCR0 bits guests may set */
static uint32_t comp_end[64]; /* end of a component in the area */
static uint32_t mxcsr_mask = MXCSR_MASK_DEFAULT;
static bool fx_leaks;                  /* FXSAVE skips x87 pointers (AMD) */
static uint64_t xcr0_loaded[MAX_CPUS]; /* what each CPU's XCR0 is */

static void xsetbv(uint64_t v)
{
    __asm__ volatile("xsetbv" ::"c"(0), "a"((uint32_t)v),
                     "d"((uint32_t)(v >> 32))
                     : "memory");
}

/* XSETBV exits to an outer hypervisor, so it is worth remembering. */
static void xcr0_load(uint64_t v)
{
    uint64_t *loaded = &xcr0_loaded[smp_cpu_id()];

    if (*loaded != v) {
        xsetbv(v);
        *loaded = v;
    }
}

static void probe_fx(void)
{
    static uint8_t area[FX_BYTES] aligned_to(16);
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint32_t d;

    __asm__ volatile("fxsave64 %0" : "=m"(area));
    memcpy(&a, area + FX_MXCSR_MASK, sizeof(a));
    if (a) {
        mxcsr_mask = a;
    }
    if (boot_cpu.amd) {
        fx_leaks = true;
        if (boot_cpu.max_ext >= 0x80000008) {
            cpuid(0x80000008, 0, &a, &b, &c, &d);
            fx_leaks = !(b & BIT32(2)); /* RstrFpErrPtrs */
        }
    }
}

static void probe_components(void)
{
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint32_t d;

    cpuid(0xd, 0, &a, &b, &c, &d);
    xmask = ((uint64_t)d << 32 | a) & XCR0_KNOWN;
    for (unsigned int i = 2; i < 63; i++) {
        if (!(xmask >> i & 1)) {
            continue;
        }
        cpuid(0xd, i, &a, &b, &c, &d);
        comp_end[i] = a + b;
    }
    /* All three parts of AVX-512 or none; and nothing beyond one page. */
    if ((xmask & XCR0_AVX512) != XCR0_AVX512 || !(xmask & XCR0_AVX) ||
        xstate_size(xmask) > PAGE_SIZE) {
        xmask &= ~XCR0_AVX512;
    }
    if (xstate_size(xmask) > PAGE_SIZE) {
        xmask = XCR0_X87 | XCR0_SSE;
    }
}

void xstate_init(bool boot)
{
    if (boot) {
        probe_fx();
        if (boot_cpu.xsave && boot_cpu.max_basic >= 0xd) {
            probe_components();
        } else {
            boot_cpu.xsave = false;
            mmu_cr4 &= ~CR4_OSXSAVE;
        }
        log_info("xstate: XCR0 mask %#lx, %u bytes, %s\n", (unsigned long)xmask,
                 xstate_size(xmask),
                 !boot_cpu.xsave     ? "fxsave"
                 : boot_cpu.xsaveopt ? "xsaveopt"
                                     : "xsave");
    }
    if (!boot_cpu.xsave) {
        write_cr4(read_cr4() & ~CR4_OSXSAVE);
        return;
    }
    mmu_cr4 |= CR4_OSXSAVE;
    write_cr4(read_cr4() | CR4_OSXSAVE);
    xsetbv(xmask);
    xcr0_loaded[smp_cpu_id()] = xmask;
}

uint64_t xstate_mask(void)
{
    return xmask;
}

uint32_t xstate_size(uint64_t xcr0)
{
    uint32_t size = XSAVE_MIN;

    for (unsigned int i = 2; i < 63; i++) {
        if (xcr0 >> i & 1) {
            size = max_of(size, comp_end[i]);
        }
    }
    return size;
}

static void area_reset(uint8_t *area)
{
    const uint16_t fcw = FCW_DEFAULT;
    const uint32_t mxcsr = MXCSR_DEFAULT;

    memset(area, 0, PAGE_SIZE);
    memcpy(area + FX_FCW, &fcw, sizeof(fcw));
    memcpy(area + FX_MXCSR, &mxcsr, sizeof(mxcsr));
}

int xstate_alloc(struct vcpu *v)
{
    v->pv.xsave_area = pg_alloc_zeroed();
    if (!v->pv.xsave_area) {
        return -ENOMEM;
    }
    area_reset(v->pv.xsave_area);
    v->pv.xcr0 = XCR0_X87; /* value after reset */
    v->pv.fpu_loaded = false;
    return 0;
}

void xstate_free(struct vcpu *v)
{
    if (v->pv.xsave_area) {
        pg_free_va(v->pv.xsave_area);
        v->pv.xsave_area = NULL;
    }
}

void xstate_save(struct vcpu *v)
{
    uint8_t *area = v->pv.xsave_area;
    const uint32_t lo = (uint32_t)xmask;
    const uint32_t hi = (uint32_t)(xmask >> 32);

    if (!v->pv.fpu_loaded) {
        return;
    }
    v->pv.fpu_loaded = false;
    if (!boot_cpu.xsave) {
        __asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
        return;
    }
    xcr0_load(xmask);
    if (boot_cpu.xsaveopt) {
        __asm__ volatile("xsaveopt64 (%0)" ::"r"(area), "a"(lo), "d"(hi)
                         : "memory");
    } else {
        __asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(lo), "d"(hi)
                         : "memory");
    }
}

/*
 * Some CPUs restore the x87 instruction and data pointers only if an exception
 * is pending; else those of the last vCPU would stay visible. Loading a value
 * replaces them with ours.
 */
static void x87_pointers_clear(const uint8_t *area)
{
    static const uint32_t zero;
    uint16_t fsw;

    memcpy(&fsw, area + FX_FSW, sizeof(fsw));
    if (!(fsw & FSW_ES)) {
        __asm__ volatile("fnclex\n\t"
                         "ffree %%st(7)\n\t"
                         "fildl %0" ::"m"(zero));
    }
}

void xstate_restore(struct vcpu *v)
{
    const uint8_t *area = v->pv.xsave_area;

    v->pv.fpu_loaded = true;
    if (fx_leaks) {
        x87_pointers_clear(area);
    }
    if (!boot_cpu.xsave) {
        __asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
        return;
    }
    xcr0_load(xmask);
    __asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"((uint32_t)xmask),
                     "d"((uint32_t)(xmask >> 32))
                     : "memory");
    xcr0_load(v->pv.xcr0);
}

int xstate_set_xcr0(struct vcpu *v, uint64_t xcr0)
{
    if (!boot_cpu.xsave || !(xcr0 & XCR0_X87) || xcr0 & ~xmask) {
        return -EINVAL;
    }
    if (xcr0 & XCR0_AVX && !(xcr0 & XCR0_SSE)) {
        return -EINVAL;
    }
    if (xcr0 & XCR0_AVX512 &&
        ((xcr0 & XCR0_AVX512) != XCR0_AVX512 || !(xcr0 & XCR0_AVX))) {
        return -EINVAL;
    }
    v->pv.xcr0 = xcr0;
    if (v->pv.fpu_loaded) {
        xcr0_load(xcr0);
    }
    return 0;
}

void xstate_set_fx(struct vcpu *v, const void *fx)
{
    uint8_t *area = v->pv.xsave_area;
    const uint64_t bv = XCR0_X87 | XCR0_SSE;
    uint32_t mxcsr;

    area_reset(area);
    memcpy(area, fx, FX_BYTES);
    /* Reserved bits would make the restore fault. */
    memcpy(&mxcsr, area + FX_MXCSR, sizeof(mxcsr));
    mxcsr &= mxcsr_mask;
    memcpy(area + FX_MXCSR, &mxcsr, sizeof(mxcsr));
    if (boot_cpu.xsave) {
        memcpy(area + XSAVE_HEADER, &bv, sizeof(bv));
    }
}

void xstate_get_fx(const struct vcpu *v, void *fx)
{
    uint8_t init[XSAVE_MIN] = { 0 };
    const uint8_t *area = v->pv.xsave_area;
    const uint16_t fcw = FCW_DEFAULT;
    uint64_t bv = XCR0_X87 | XCR0_SSE;

    /* What XSTATE_BV says is in its initial state need not be in memory. */
    if (boot_cpu.xsave) {
        memcpy(&bv, area + XSAVE_HEADER, sizeof(bv));
    }
    memcpy(init, area, FX_BYTES);
    if (!(bv & XCR0_X87)) {
        memset(init, 0, FX_MXCSR);
        memset(init + FX_ST, 0, FX_XMM - FX_ST);
        memcpy(init + FX_FCW, &fcw, sizeof(fcw));
    }
    if (!(bv & XCR0_SSE)) {
        memset(init + FX_XMM, 0, FX_XMM_END - FX_XMM);
    }
    memcpy(fx, init, FX_BYTES);
}
