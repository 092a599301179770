/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AMD IOMMU host page table entry ("v1"). Pure functions on raw words.
 * Spec: AMD48882, "I/O Page Tables for Host Translations".
 */
#ifndef PT_IOPT_FMT_AMDV1_H
#define PT_IOPT_FMT_AMDV1_H

#include <xen/bits.h>

#include "iopt-priv.h"

#define FMT_SLOT_BITS      9 /* log2 of the slots in one table */
#define FMT_MAX_LEVELS     6 /* paging mode 6 */
#define FMT_MAX_LEAF_LEVEL 2 /* 1G; larger leaves make unmap unbounded */
#define FMT_MFN_LIMIT      BIT64(40)
#define FMT_LEAF_EXTRA_OK  UINT64_C(0)
#define FMT_EMPTY_WORD     UINT64_C(0)

#define AMDV1_PR BIT64(0)        /* present */
#define AMDV1_NL FIELD64(11, 9)  /* level of the table below; 0 = leaf */
#define AMDV1_OA FIELD64(51, 12) /* output address bits */
#define AMDV1_FC BIT64(60)       /* force coherent */
#define AMDV1_IR BIT64(61)       /* DMA reads allowed */
#define AMDV1_IW BIT64(62)       /* DMA writes allowed */
#define AMDV1_RW (AMDV1_IR | AMDV1_IW)

static inline unsigned int amdv1_order(unsigned int level)
{
    return 9 * level;
}
#define fmt_order amdv1_order

static inline uint64_t amdv1_full(uint64_t e)
{
    return e & AMDV1_PR;
}
#define fmt_full amdv1_full

static inline enum iopt_kind amdv1_kind(uint64_t e, unsigned int level)
{
    if (!amdv1_full(e)) {
        return IOPT_EMPTY;
    }
    /* 7 is a leaf of encoded size. We never write one, so never see one. */
    return level && (e & AMDV1_NL) ? IOPT_TABLE : IOPT_LEAF;
}
#define fmt_kind amdv1_kind

static inline uint64_t amdv1_leaf(uint64_t mfn, unsigned int prot,
                                  unsigned int level, uint64_t extra)
{
    (void)level; /* next level 0 at any level is a leaf of that level */
    return AMDV1_PR | AMDV1_FC | mfn << PAGE_SHIFT |
           (prot & IOPT_R ? AMDV1_IR : 0) | (prot & IOPT_W ? AMDV1_IW : 0) |
           extra;
}
#define fmt_leaf amdv1_leaf

/* What a leaf's word grows by for the next slot's. */
static inline uint64_t amdv1_step(unsigned int level)
{
    return UINT64_C(1) << (PAGE_SHIFT + 9 * level);
}
#define fmt_step amdv1_step

/*
 * Only leaves may narrow permissions: a table entry grants both, as the
 * hardware takes the AND along the walk.
 */
static inline uint64_t amdv1_table(paddr_t pa, unsigned int level)
{
    return AMDV1_PR | AMDV1_RW | FIELD_PREP(AMDV1_NL, (uint64_t)level) |
           (pa & AMDV1_OA);
}
#define fmt_table amdv1_table

static inline paddr_t amdv1_table_pa(uint64_t e)
{
    return e & AMDV1_OA;
}
#define fmt_table_pa amdv1_table_pa

static inline uint64_t amdv1_leaf_mfn(uint64_t e, unsigned int level)
{
    (void)level;
    return (e & AMDV1_OA) >> PAGE_SHIFT;
}
#define fmt_leaf_mfn amdv1_leaf_mfn

static inline unsigned int amdv1_prot(uint64_t e)
{
    return (e & AMDV1_IR ? IOPT_R : 0) | (e & AMDV1_IW ? IOPT_W : 0);
}
#define fmt_prot amdv1_prot

static_assert((AMDV1_OA & (AMDV1_PR | AMDV1_NL | AMDV1_FC | AMDV1_RW)) == 0,
              "AMD48882: fields are disjoint");

#endif
