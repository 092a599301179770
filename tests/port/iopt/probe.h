/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A format's entry functions by pointer, so that one test can go through all
 * of them. Template: a file defines IOPT_FMT and IOPT_FMT_H and includes this.
 */
#ifndef TESTS_PORT_IOPT_PROBE_H
#define TESTS_PORT_IOPT_PROBE_H

#include "tests/port/iopt/audit.h"
#include "xen/drivers/passthrough/pt/iopt-priv.h"

struct probe {
    const struct iopt_ops *ops;
    uint64_t empty_word;
    unsigned int (*order)(unsigned int level);
    uint64_t (*full)(uint64_t e);
    enum iopt_kind (*kind)(uint64_t e, unsigned int level);
    uint64_t (*leaf)(uint64_t mfn, unsigned int prot, unsigned int level,
                     uint64_t extra);
    uint64_t (*step)(unsigned int level);
    uint64_t (*table)(paddr_t pa, unsigned int level);
    paddr_t (*table_pa)(uint64_t e);
    uint64_t (*leaf_mfn)(uint64_t e, unsigned int level);
    unsigned int (*prot)(uint64_t e);
};

extern const struct probe probe_amdv1, probe_vtdss, probe_skew;

#ifdef IOPT_FMT_H
#include IOPT_FMT_H

#define PROBE_JOIN2(a, b, c) a##_##b##c
#define PROBE_JOIN(a, b, c)  PROBE_JOIN2(a, b, c)

const struct probe PROBE_JOIN(probe, IOPT_FMT, ) = {
    .ops = &PROBE_JOIN(iopt, IOPT_FMT, _ops),
    .empty_word = FMT_EMPTY_WORD,
    .order = fmt_order,
    .full = fmt_full,
    .kind = fmt_kind,
    .leaf = fmt_leaf,
    .step = fmt_step,
    .table = fmt_table,
    .table_pa = fmt_table_pa,
    .leaf_mfn = fmt_leaf_mfn,
    .prot = fmt_prot,
};
#endif

#endif
