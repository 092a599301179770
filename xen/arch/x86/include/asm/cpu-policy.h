/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPUID as feature words and leaves: what the hardware has, what PV guests get.
 * Spec: <public/arch-x86/cpufeatureset.h>.
 */
#ifndef ASM_CPU_POLICY_H
#define ASM_CPU_POLICY_H

#include <xen/types.h>

#include <asm/pv.h>

#include <public/arch-x86/cpufeatureset.h>

struct domain;

enum cpu_featureset {
    CPU_FEATURES_RAW,  /* as CPUID says */
    CPU_FEATURES_HOST, /* what we use or could offer */
    CPU_FEATURES_PV,   /* most a PV guest can get */
    CPU_FEATURES_NR,
};

/* One leaf of a serialised policy; subleaf ~0 means it has none. */
#define CPU_POLICY_NO_SUBLEAF UINT32_C(0xffffffff)
#define CPU_POLICY_MAX_LEAVES 0x78 /* what a size query reports */
#define CPU_POLICY_MAX_MSRS   2    /* platform info, arch capabilities */

/**
 * cpu_policy_init() - Read CPUID and work out what PV guests may see.
 * Locks: none. Context: boot, after cpu_detect() and xstate_init(true).
 */
void cpu_policy_init(void);

/**
 * cpu_policy_words() - Feature words of the host or of PV guests.
 * @which: below CPU_FEATURES_NR.
 * Locks: none. Context: after cpu_policy_init().
 * Return: PV_FEATURE_WORDS words; never NULL.
 */
const uint32_t *cpu_policy_words(enum cpu_featureset which);

/**
 * cpu_policy_default() - What a new PV domain sees.
 * @control: for Dom0, which also learns that the TSC is invariant.
 * @words: PV_FEATURE_WORDS words, filled. Locks: none. Context: any.
 */
void cpu_policy_default(bool control, uint32_t *words);

/**
 * cpu_policy_leaves() - Serialise a policy for sysctl or domctl.
 * @words: feature words of the policy.
 * @out:   receives leaves in ascending order; NULL to count only.
 * @max:   room in @out.
 * @nr:    leaves there are, also on error.
 * Locks: none. Context: hypercall. Return: 0, -ENOBUFS @max is too small.
 */
int must_check cpu_policy_leaves(const uint32_t *words,
                                 struct xen_cpuid_leaf *out, unsigned int max,
                                 unsigned int *nr);

/**
 * cpu_policy_restrict() - Apply a toolstack's leaf to a domain's policy.
 * @d:    domain that does not run yet.
 * @leaf: untrusted; leaves that hold no feature words are accepted and ignored.
 * Locks: d->hypercall_lock held. Context: domctl.
 * Return: 0, -EINVAL a feature was asked for that PV guests cannot have.
 */
int must_check cpu_policy_restrict(struct domain *d,
                                   const struct xen_cpuid_leaf *leaf);

#endif
