/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPUID policy. Feature bits live in words; the other leaves pass through from
 * hardware or read zero. Guest kernels ask by a forced-emulation prefix; what
 * guest user code executes itself sees the hardware's answer.
 *
 * Constant after boot but for a domain's words, see struct pv_domain.
 * Spec: SDM vol 2A "CPUID"; AMD24594 appendix E; <public/arch-x86/cpuid.h>.
 */
#include <xen/bits.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/wallclock.h>

#include <asm/cpu-policy.h>
#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/pv.h>
#include <asm/system.h>

#include <public/arch-x86/cpuid.h>

#define XEN_VERSION_MAJOR 4 /* what the toolstack's paths are named after */
#define XEN_VERSION_MINOR 17

#define MAX_BASIC_LEAF 0xdu
#define MAX_EXT_INTEL  0x80000008u
#define MAX_EXT_AMD    0x80000021u

/* Bits of leaf 0x80000001 EDX that AMD CPUs copy from leaf 1 EDX. */
#define E1D_COPIES (FIELD32(9, 0) | FIELD32(17, 12) | FIELD32(24, 23))

/* Words of a feature set, by leaf, subleaf and register. */
enum { REG_A, REG_B, REG_C, REG_D };
static const struct {
    uint32_t leaf;
    uint32_t sub;
    uint8_t reg;
} word_source[PV_FEATURE_WORDS] = {
    [0] = { 0x1, 0, REG_D },        [1] = { 0x1, 0, REG_C },
    [2] = { 0x80000001, 0, REG_D }, [3] = { 0x80000001, 0, REG_C },
    [4] = { 0xd, 1, REG_A },        [5] = { 0x7, 0, REG_B },
    [6] = { 0x7, 0, REG_C },        [7] = { 0x80000007, 0, REG_D },
    [8] = { 0x80000008, 0, REG_B }, [9] = { 0x7, 0, REG_D },
    [10] = { 0x7, 1, REG_A },       [11] = { 0x80000021, 0, REG_A },
    [12] = { 0x7, 1, REG_B },       [13] = { 0x7, 2, REG_D },
    [14] = { 0x7, 1, REG_C },       [15] = { 0x7, 1, REG_D },
    [16] = { 0, 0, REG_A }, /* words 16 and 17 are an MSR's: not offered */
    [17] = { 0, 0, REG_A },         [18] = { 0x80000021, 0, REG_C },
};
#define WORD_IS_MSR(w) (word_source[w].leaf == 0)

#define F(name) XEN_X86_FEATURE_##name

/*
 * What code at CPL 3 can use, or a guest kernel through our emulation. Left out
 * are paging modes and protections that would need our page tables, virtual
 * MSRs for speculation control, and transactional memory.
 */
static const uint16_t pv_features[] = {
    F(FPU),
    F(DE),
    F(TSC),
    F(MSR),
    F(PAE),
    F(MCE),
    F(CX8),
    F(APIC),
    F(SEP),
    F(MCA),
    F(CMOV),
    F(PAT),
    F(CLFLUSH),
    F(ACPI),
    F(MMX),
    F(FXSR),
    F(SSE),
    F(SSE2),
    F(SS),
    F(HTT),
    F(SSE3),
    F(PCLMULQDQ),
    F(SSSE3),
    F(FMA),
    F(CX16),
    F(SSE4_1),
    F(SSE4_2),
    F(MOVBE),
    F(POPCNT),
    F(AESNI),
    F(XSAVE),
    F(OSXSAVE),
    F(AVX),
    F(F16C),
    F(RDRAND),
    F(HYPERVISOR),
    F(SYSCALL),
    F(NX),
    F(MMXEXT),
    F(FFXSR),
    F(RDTSCP),
    F(LM),
    F(3DNOWEXT),
    F(3DNOW),
    F(LAHF_LM),
    F(CMP_LEGACY),
    F(ABM),
    F(SSE4A),
    F(MISALIGNSSE),
    F(3DNOWPREFETCH),
    F(XOP),
    F(FMA4),
    F(TBM),
    F(XSAVEOPT),
    F(XSAVEC),
    F(XGETBV1),
    F(FSGSBASE),
    F(BMI1),
    F(AVX2),
    F(FDP_EXCP_ONLY),
    F(BMI2),
    F(ERMS),
    F(NO_FPU_SEL),
    F(AVX512F),
    F(AVX512DQ),
    F(RDSEED),
    F(ADX),
    F(AVX512_IFMA),
    F(CLFLUSHOPT),
    F(CLWB),
    F(AVX512PF),
    F(AVX512ER),
    F(AVX512CD),
    F(SHA),
    F(AVX512BW),
    F(AVX512VL),
    F(PREFETCHWT1),
    F(AVX512_VBMI),
    F(AVX512_VBMI2),
    F(GFNI),
    F(VAES),
    F(VPCLMULQDQ),
    F(AVX512_VNNI),
    F(AVX512_BITALG),
    F(AVX512_VPOPCNTDQ),
    F(RDPID),
    F(CLDEMOTE),
    F(MOVDIRI),
    F(MOVDIR64B),
    F(ITSC),
    F(CLZERO),
    F(RSTR_FP_ERR_PTRS),
    F(SSB_NO),
    F(BTC_NO),
    F(AVX512_4VNNIW),
    F(AVX512_4FMAPS),
    F(FSRM),
    F(AVX512_VP2INTERSECT),
    F(MD_CLEAR),
    F(SERIALIZE),
    F(AVX512_FP16),
    F(AVX_VNNI),
    F(AVX512_BF16),
    F(FZRM),
    F(FSRS),
    F(FSRCS),
    F(LFENCE_DISPATCH),
    F(VERW_CLEAR),
    F(NSCB),
    F(SRSO_NO),
    F(MCDT_NO),
    F(TSA_SQ_NO),
    F(TSA_L1_NO),
};

/* Features that are only offered if asked for: not in a guest's default. */
static const uint16_t pv_opt_in[] = {
    F(ITSC),
    F(MOVDIRI),
    F(MOVDIR64B),
    F(AVX512_VP2INTERSECT),
};

/* Features that make no sense without XCR0 bits. */
static const uint16_t needs_xsave[] = {
    F(XSAVE), F(OSXSAVE), F(XSAVEOPT), F(XSAVEC), F(XGETBV1),
};
static const uint16_t needs_avx[] = {
    F(AVX),  F(FMA),  F(F16C),       F(AVX2),     F(XOP),
    F(FMA4), F(VAES), F(VPCLMULQDQ), F(AVX_VNNI), F(AVX512F),
};
static const uint16_t needs_avx512[] = {
    F(AVX512F),          F(AVX512DQ),
    F(AVX512_IFMA),      F(AVX512PF),
    F(AVX512ER),         F(AVX512CD),
    F(AVX512BW),         F(AVX512VL),
    F(AVX512_VBMI),      F(AVX512_VBMI2),
    F(AVX512_VNNI),      F(AVX512_BITALG),
    F(AVX512_VPOPCNTDQ), F(AVX512_4VNNIW),
    F(AVX512_4FMAPS),    F(AVX512_VP2INTERSECT),
    F(AVX512_FP16),      F(AVX512_BF16),
};

static uint32_t words[CPU_FEATURES_NR][PV_FEATURE_WORDS];

static void hw_cpuid(uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    const uint32_t last = leaf >> 31 ? boot_cpu.max_ext : boot_cpu.max_basic;

    /* Intel answers for leaves it lacks with those of another one. */
    if (leaf > last) {
        memset(out, 0, 4 * sizeof(out[0]));
        return;
    }
    cpuid(leaf, sub, &out[0], &out[1], &out[2], &out[3]);
}

static void feature_set(uint32_t *w, unsigned int f)
{
    w[f / 32] |= BIT32(f % 32);
}

static void feature_clear(uint32_t *w, unsigned int f)
{
    w[f / 32] &= ~BIT32(f % 32);
}

static bool feature_test(const uint32_t *w, unsigned int f)
{
    return w[f / 32] >> (f % 32) & 1;
}

static void clear_list(uint32_t *w, const uint16_t *list, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        feature_clear(w, list[i]);
    }
}

/* A feature whose register state the policy lacks goes, too. */
static void clear_dependent(uint32_t *w)
{
    const uint64_t xcr0 = xstate_mask();

    if (!feature_test(w, F(XSAVE)) || !boot_cpu.xsave) {
        clear_list(w, needs_xsave, array_size(needs_xsave));
        clear_list(w, needs_avx, array_size(needs_avx));
    }
    if (!feature_test(w, F(AVX)) || !(xcr0 & BIT64(2))) {
        clear_list(w, needs_avx, array_size(needs_avx));
    }
    if (!feature_test(w, F(AVX512F)) || !(xcr0 & BIT64(5))) {
        clear_list(w, needs_avx512, array_size(needs_avx512));
    }
}

static void raw_words(uint32_t *w)
{
    uint32_t seven[4];

    hw_cpuid(7, 0, seven);
    for (unsigned int i = 0; i < PV_FEATURE_WORDS; i++) {
        uint32_t regs[4];

        if (WORD_IS_MSR(i) ||
            (word_source[i].leaf == 7 && word_source[i].sub > seven[0])) {
            w[i] = 0;
            continue;
        }
        hw_cpuid(word_source[i].leaf, word_source[i].sub, regs);
        w[i] = regs[word_source[i].reg];
    }
    /* AMD repeats the bits of leaf 1 in leaf 0x80000001: not features. */
    if (boot_cpu.amd) {
        w[2] &= ~E1D_COPIES;
    }
}

void cpu_policy_init(void)
{
    uint32_t *raw = words[CPU_FEATURES_RAW];
    uint32_t *host = words[CPU_FEATURES_HOST];
    uint32_t *pv = words[CPU_FEATURES_PV];

    raw_words(raw);
    memcpy(host, raw, sizeof(words[0]));
    if (!boot_cpu.smep) {
        feature_clear(host, F(SMEP));
    }
    if (!boot_cpu.smap) {
        feature_clear(host, F(SMAP));
    }
    clear_dependent(host);

    memset(pv, 0, sizeof(words[0]));
    for (size_t i = 0; i < array_size(pv_features); i++) {
        if (feature_test(host, pv_features[i])) {
            feature_set(pv, pv_features[i]);
        }
    }
    /* True of every PV guest, whatever the hardware says. */
    feature_set(pv, F(HYPERVISOR));
    feature_set(pv, F(APIC));
    if (feature_test(pv, F(XSAVE))) {
        feature_set(pv, F(OSXSAVE));
    }
    clear_dependent(pv);
}

const uint32_t *cpu_policy_words(enum cpu_featureset which)
{
    return words[which];
}

void cpu_policy_default(bool control, uint32_t *w)
{
    memcpy(w, words[CPU_FEATURES_PV], sizeof(words[0]));
    clear_list(w, pv_opt_in, array_size(pv_opt_in));
    if (control && boot_cpu.invariant_tsc) {
        feature_set(w, F(ITSC));
    }
}

static uint32_t max_basic(void)
{
    return min_of(boot_cpu.max_basic, MAX_BASIC_LEAF);
}

static uint32_t max_ext(void)
{
    return min_of(boot_cpu.max_ext, boot_cpu.amd ? MAX_EXT_AMD : MAX_EXT_INTEL);
}

static uint64_t policy_xcr0(const uint32_t *w)
{
    uint64_t xcr0 = xstate_mask();

    if (!feature_test(w, F(XSAVE))) {
        return 0;
    }
    xcr0 &= feature_test(w, F(AVX)) ? xcr0 : ~BIT64(2);
    xcr0 &= feature_test(w, F(AVX512F)) ? xcr0 : ~FIELD64(7, 5);
    return xcr0;
}

/* Leaf 0xd. @v: whose XCR0 counts, NULL for a policy without a vCPU. */
static void leaf_xsave(const struct vcpu *v, const uint32_t *w, uint32_t sub,
                       uint32_t out[4])
{
    const uint64_t xcr0 = policy_xcr0(w);
    uint32_t hw[4];

    memset(out, 0, 4 * sizeof(out[0]));
    if (!xcr0) {
        return;
    }
    switch (sub) {
    case 0:
        out[0] = (uint32_t)xcr0;
        out[1] = xstate_size(v ? v->pv.xcr0 : xcr0);
        out[2] = xstate_size(xcr0);
        out[3] = (uint32_t)(xcr0 >> 32);
        break;
    case 1:
        out[0] = w[4];
        /* Compacted size: of what is in XCR0 now, which is the vCPU's. */
        if (v && v == current) {
            hw_cpuid(0xd, 1, hw);
            out[1] = hw[1];
        }
        break;
    default:
        if (sub < 63 && xcr0 >> sub & 1) {
            hw_cpuid(0xd, sub, out);
        }
        break;
    }
}

static void leaf_seven(const uint32_t *w, uint32_t sub, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(out[0]));
    switch (sub) {
    case 0:
        hw_cpuid(7, 0, out);
        out[0] = min_of(out[0], 2u);
        out[1] = w[5];
        out[2] = w[6];
        out[3] = w[9];
        break;
    case 1:
        out[0] = w[10];
        out[1] = w[12];
        out[2] = w[14];
        out[3] = w[15];
        break;
    case 2:
        out[3] = w[13];
        break;
    default:
        break;
    }
}

static void basic_leaf(const struct vcpu *v, const uint32_t *w, uint32_t leaf,
                       uint32_t sub, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(out[0]));
    if (leaf > max_basic()) {
        return;
    }
    switch (leaf) {
    case 0:
        hw_cpuid(leaf, sub, out);
        out[0] = max_basic();
        break;
    case 1:
        hw_cpuid(leaf, sub, out);
        /* Initial APIC id: unique per vCPU, no host topology. */
        out[1] = (out[1] & 0x00ffffff) | (v ? v->id * 2u : 0) << 24;
        out[2] = w[1];
        out[3] = w[0];
        break;
    case 2:
    case 4:
        hw_cpuid(leaf, sub, out);
        break;
    case 7:
        leaf_seven(w, sub, out);
        break;
    case 0xd:
        leaf_xsave(v, w, sub, out);
        break;
    default:
        /* MONITOR, thermal, performance counters, topology: not offered. */
        break;
    }
}

static void ext_leaf(const uint32_t *w, uint32_t leaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(out[0]));
    if (leaf > max_ext()) {
        return;
    }
    switch (leaf) {
    case 0x80000000:
        hw_cpuid(leaf, 0, out);
        out[0] = max_ext();
        break;
    case 0x80000001:
        hw_cpuid(leaf, 0, out);
        out[2] = w[3];
        out[3] = w[2];
        if (boot_cpu.amd) {
            /* The copies of leaf 1's bits follow that leaf. */
            out[3] |= w[0] & E1D_COPIES;
        }
        break;
    case 0x80000002 ... 0x80000006:
        hw_cpuid(leaf, 0, out);
        break;
    case 0x80000007:
        out[3] = w[7];
        break;
    case 0x80000008:
        hw_cpuid(leaf, 0, out);
        out[0] = (out[0] & 0xff) | 48 << 8; /* 4-level paging only */
        out[1] = w[8];
        out[2] = boot_cpu.amd ? out[2] & 0xf0ff : 0;
        out[3] = 0;
        break;
    case 0x80000019:
    case 0x8000001a:
        hw_cpuid(leaf, 0, out);
        break;
    case 0x80000021:
        out[0] = w[11];
        out[2] = w[18];
        break;
    default:
        break;
    }
}

/* Our own leaves. Others look here for other hypervisors: zeros say no. */
static void hv_leaf(uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(out[0]));
    switch (leaf) {
    case XEN_CPUID_LEAF(0):
        out[0] = XEN_CPUID_LEAF(XEN_CPUID_MAX_NUM_LEAVES);
        out[1] = XEN_CPUID_SIGNATURE_EBX;
        out[2] = XEN_CPUID_SIGNATURE_ECX;
        out[3] = XEN_CPUID_SIGNATURE_EDX;
        break;
    case XEN_CPUID_LEAF(1):
        out[0] = XEN_VERSION_MAJOR << 16 | XEN_VERSION_MINOR;
        break;
    case XEN_CPUID_LEAF(2):
        out[0] = 1;
        out[1] = XEN_CPUID_FIRST_LEAF;
        out[2] = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
        break;
    case XEN_CPUID_LEAF(3):
        if (sub == 0) {
            out[0] = (boot_cpu.invariant_tsc ? BIT32(1) : 0) |
                     (boot_cpu.rdtscp ? BIT32(2) : 0);
            out[1] = 2; /* never emulated */
            out[2] = (uint32_t)tsc_khz();
        } else if (sub == 2) {
            out[0] = (uint32_t)tsc_khz();
        }
        break;
    case XEN_CPUID_LEAF(5):
        out[1] = (max_mfn ? fls64(max_mfn) + 1 : 0) + PAGE_SHIFT;
        break;
    default:
        break;
    }
}

void pv_cpuid(struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    const uint32_t *w = v->domain->pv.features;

    switch (leaf >> 16) {
    case 0x4000:
        hv_leaf(leaf, sub, out);
        break;
    case 0x8000:
        ext_leaf(w, leaf, out);
        break;
    case 0:
        basic_leaf(v, w, leaf, sub, out);
        break;
    default:
        memset(out, 0, 4 * sizeof(out[0]));
        break;
    }
}

struct policy_list {
    struct xen_cpuid_leaf *out;
    unsigned int max;
    unsigned int nr;
};

static void policy_add(struct policy_list *l, uint32_t leaf, uint32_t sub,
                       const uint32_t regs[4])
{
    if (l->out && l->nr < l->max) {
        l->out[l->nr] = (struct xen_cpuid_leaf){
            .leaf = leaf,
            .subleaf = sub,
            .a = regs[0],
            .b = regs[1],
            .c = regs[2],
            .d = regs[3],
        };
    }
    l->nr++;
}

#define MAX_CACHE_SUBLEAVES 6 /* ours: caches a CPU may describe in leaf 4 */

static void policy_add_basic(struct policy_list *l, const uint32_t *w,
                             uint32_t leaf)
{
    unsigned int nr_sub = 1;
    bool plain = false;
    uint32_t regs[4];

    switch (leaf) {
    case 4:
        nr_sub = MAX_CACHE_SUBLEAVES;
        break;
    case 7:
        basic_leaf(NULL, w, 7, 0, regs);
        nr_sub = regs[0] + 1;
        break;
    case 0xb: /* topology: not offered, but its format has two subleaves */
        nr_sub = 2;
        break;
    case 0xd:
        nr_sub = policy_xcr0(w) ? fls64(policy_xcr0(w)) + 1 : 1;
        break;
    default:
        plain = true;
        break;
    }
    for (uint32_t sub = 0; sub < nr_sub; sub++) {
        basic_leaf(NULL, w, leaf, sub, regs);
        /* Leaf 4 ends with a cache of type 0. */
        if (leaf == 4 && sub && !(regs[0] & 0x1f)) {
            break;
        }
        policy_add(l, leaf, plain ? CPU_POLICY_NO_SUBLEAF : sub, regs);
    }
}

int cpu_policy_leaves(const uint32_t *w, struct xen_cpuid_leaf *out,
                      unsigned int max, unsigned int *nr)
{
    struct policy_list l = { .out = out, .max = max };
    uint32_t regs[4];

    for (uint32_t leaf = 0; leaf <= max_basic(); leaf++) {
        policy_add_basic(&l, w, leaf);
    }
    hv_leaf(XEN_CPUID_LEAF(0), 0, regs);
    policy_add(&l, XEN_CPUID_LEAF(0), CPU_POLICY_NO_SUBLEAF, regs);
    /* ABI: a second hypervisor's range; serialised even when it is empty. */
    memset(regs, 0, sizeof(regs));
    policy_add(&l, XEN_CPUID_LEAF(0) + 0x100, CPU_POLICY_NO_SUBLEAF, regs);
    for (uint32_t leaf = 0x80000000; leaf <= max_ext(); leaf++) {
        ext_leaf(w, leaf, regs);
        policy_add(&l, leaf, CPU_POLICY_NO_SUBLEAF, regs);
    }
    *nr = l.nr;
    return out && l.nr > max ? -ENOBUFS : 0;
}

int cpu_policy_restrict(struct domain *d, const struct xen_cpuid_leaf *leaf)
{
    const uint32_t regs[4] = { leaf->a, leaf->b, leaf->c, leaf->d };
    const uint32_t *max = words[CPU_FEATURES_PV];
    const uint32_t sub =
        leaf->subleaf == CPU_POLICY_NO_SUBLEAF ? 0 : leaf->subleaf;
    uint32_t fresh[PV_FEATURE_WORDS];

    memcpy(fresh, d->pv.features, sizeof(fresh));
    for (unsigned int i = 0; i < PV_FEATURE_WORDS; i++) {
        uint32_t w;

        if (WORD_IS_MSR(i) || word_source[i].leaf != leaf->leaf ||
            word_source[i].sub != sub) {
            continue;
        }
        w = regs[word_source[i].reg];
        /* AMD's copies of leaf 1 and the dynamic bit are not features here. */
        if (i == 2) {
            w &= ~E1D_COPIES;
        } else if (i == 1) {
            w |= max[1] & BIT32(27);
        }
        if (w & ~max[i]) {
            return -EINVAL;
        }
        fresh[i] = w;
    }
    clear_dependent(fresh);
    memcpy(d->pv.features, fresh, sizeof(fresh));
    return 0;
}
