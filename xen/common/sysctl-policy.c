/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sysctl: what CPUID can show to guests, for the toolstack to choose from. There
 * are no HVM guests, so there is nothing to choose for them.
 */
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/lib.h>
#include <xen/mm.h>

#include <asm/cpu-policy.h>

#include "ctl-priv.h"

/* Feature words that hold the second of them. */
#define WORD_ARCH_CAPS_LO 16
#define WORD_ARCH_CAPS_HI 17

static long op_featureset(struct xen_sysctl_cpu_featureset *op)
{
    static const enum cpu_featureset sets[] = {
        [XEN_SYSCTL_cpu_featureset_raw] = CPU_FEATURES_RAW,
        [XEN_SYSCTL_cpu_featureset_host] = CPU_FEATURES_HOST,
        [XEN_SYSCTL_cpu_featureset_pv] = CPU_FEATURES_PV,
        [XEN_SYSCTL_cpu_featureset_pv_max] = CPU_FEATURES_PV,
    };
    const uint32_t room = op->nr_features;
    const uint32_t *words;
    uint32_t nr;

    if (!op->features.p) {
        op->nr_features = PV_FEATURE_WORDS;
        return 0;
    }
    switch (op->index) {
    case XEN_SYSCTL_cpu_featureset_raw:
    case XEN_SYSCTL_cpu_featureset_host:
    case XEN_SYSCTL_cpu_featureset_pv:
    case XEN_SYSCTL_cpu_featureset_pv_max:
        break;
    case XEN_SYSCTL_cpu_featureset_hvm:
    case XEN_SYSCTL_cpu_featureset_hvm_max:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
    words = cpu_policy_words(sets[op->index]);
    nr = min_of(room, (uint32_t)PV_FEATURE_WORDS);
    if (guest_write((uint64_t)op->features.p, words, nr * sizeof(*words))) {
        return -EFAULT;
    }
    op->nr_features = nr;
    return room < PV_FEATURE_WORDS ? -ENOBUFS : 0;
}

uint64_t policy_arch_caps(const uint32_t *words)
{
    return words[WORD_ARCH_CAPS_LO] | (uint64_t)words[WORD_ARCH_CAPS_HI] << 32;
}

static long write_leaves(const uint32_t *words, const struct policy_dest *to)
{
    struct xen_cpuid_leaf *leaves =
        xzalloc_array(struct xen_cpuid_leaf, CPU_POLICY_MAX_LEAVES);
    unsigned int nr;
    long rc;

    if (!leaves) {
        return -ENOMEM;
    }
    rc = cpu_policy_leaves(words, leaves, CPU_POLICY_MAX_LEAVES, &nr);
    if (!rc && nr > *to->nr_leaves) {
        rc = -ENOBUFS;
    }
    if (!rc && guest_write(to->leaves_gva, leaves, nr * sizeof(leaves[0]))) {
        rc = -EFAULT;
    }
    xfree(leaves);
    *to->nr_leaves = nr;
    return rc;
}

static long write_msrs(const uint32_t *words, const struct policy_dest *to)
{
    /* Platform info reads as zero: CPUID faulting is not offered. */
    const struct xen_msr_entry msrs[CPU_POLICY_MAX_MSRS] = {
        { .idx = POLICY_MSR_PLATFORM_INFO },
        { .idx = POLICY_MSR_ARCH_CAPS, .val = policy_arch_caps(words) },
    };

    if (*to->nr_msrs < CPU_POLICY_MAX_MSRS) {
        return -ENOBUFS;
    }
    *to->nr_msrs = CPU_POLICY_MAX_MSRS;
    return guest_write(to->msrs_gva, msrs, sizeof(msrs)) ? -EFAULT : 0;
}

long policy_write(const uint32_t *words, const struct policy_dest *to)
{
    long rc = 0;

    /* Each of the two may be left out. */
    if (to->leaves_gva) {
        rc = write_leaves(words, to);
    } else {
        *to->nr_leaves = CPU_POLICY_MAX_LEAVES;
    }
    if (rc) {
        return rc;
    }
    if (to->msrs_gva) {
        return write_msrs(words, to);
    }
    *to->nr_msrs = CPU_POLICY_MAX_MSRS;
    return 0;
}

static long op_policy(struct xen_sysctl_cpu_policy *op)
{
    const struct policy_dest to = { &op->nr_leaves, &op->nr_msrs,
                                    (uint64_t)op->leaves.p,
                                    (uint64_t)op->msrs.p };
    uint32_t words[PV_FEATURE_WORDS];

    if (op->_rsvd) {
        return -EINVAL;
    }
    switch (op->index) {
    case XEN_SYSCTL_cpu_policy_raw:
        memcpy(words, cpu_policy_words(CPU_FEATURES_RAW), sizeof(words));
        break;
    case XEN_SYSCTL_cpu_policy_host:
        memcpy(words, cpu_policy_words(CPU_FEATURES_HOST), sizeof(words));
        break;
    case XEN_SYSCTL_cpu_policy_pv_max:
        memcpy(words, cpu_policy_words(CPU_FEATURES_PV), sizeof(words));
        break;
    case XEN_SYSCTL_cpu_policy_pv_default:
        cpu_policy_default(false, words);
        break;
    case XEN_SYSCTL_cpu_policy_hvm_max:
    case XEN_SYSCTL_cpu_policy_hvm_default:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
    return policy_write(words, &to);
}

long sysctl_policy(struct xen_sysctl *op)
{
    switch (op->cmd) {
    case XEN_SYSCTL_get_cpu_levelling_caps:
        /* PV guests' CPUID is emulated where it traps; nothing is masked. */
        op->u.cpu_levelling_caps.caps = 0;
        return 0;
    case XEN_SYSCTL_get_cpu_featureset:
        return op_featureset(&op->u.cpu_featureset);
    case XEN_SYSCTL_get_cpu_policy:
        return op_policy(&op->u.cpu_policy);
    default:
        return -ENOSYS;
    }
}
