/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VT-d second-stage (legacy "second-level") entry. Pure functions on raw words.
 * Spec: VTD "Second-Stage Paging Entries".
 */
#ifndef PT_IOPT_FMT_VTDSS_H
#define PT_IOPT_FMT_VTDSS_H

#include <xen/bits.h>

#include "iopt-priv.h"

#define VTDSS_R   BIT64(0) /* DMA reads allowed */
#define VTDSS_W   BIT64(1) /* DMA writes allowed */
#define VTDSS_RW  (VTDSS_R | VTDSS_W)
#define VTDSS_PS  BIT64(7)        /* leaf above the lowest level */
#define VTDSS_SNP BIT64(11)       /* snoop; reserved without snoop control */
#define VTDSS_OA  FIELD64(51, 12) /* output address bits */

#define FMT_SLOT_BITS      9 /* log2 of the slots in one table */
#define FMT_MAX_LEVELS     5 /* 57-bit addresses */
#define FMT_MAX_LEAF_LEVEL 2 /* 1G is the largest second-stage leaf */
#define FMT_MFN_LIMIT      BIT64(40)
#define FMT_LEAF_EXTRA_OK  VTDSS_SNP
#define FMT_EMPTY_WORD     UINT64_C(0)

static inline unsigned int vtdss_order(unsigned int level)
{
    return 9 * level;
}
#define fmt_order vtdss_order

/* There is no present bit: without a permission an entry is absent. */
static inline uint64_t vtdss_full(uint64_t e)
{
    return e & VTDSS_RW;
}
#define fmt_full vtdss_full

static inline enum iopt_kind vtdss_kind(uint64_t e, unsigned int level)
{
    if (!vtdss_full(e)) {
        return IOPT_EMPTY;
    }
    return level == 0 || (e & VTDSS_PS) ? IOPT_LEAF : IOPT_TABLE;
}
#define fmt_kind vtdss_kind

static inline uint64_t vtdss_leaf(uint64_t mfn, unsigned int prot,
                                  unsigned int level, uint64_t extra)
{
    return mfn << PAGE_SHIFT | (prot & IOPT_R ? VTDSS_R : 0) |
           (prot & IOPT_W ? VTDSS_W : 0) | (level ? VTDSS_PS : 0) | extra;
}
#define fmt_leaf vtdss_leaf

/* What a leaf's word grows by for the next slot's. */
static inline uint64_t vtdss_step(unsigned int level)
{
    return UINT64_C(1) << (PAGE_SHIFT + 9 * level);
}
#define fmt_step vtdss_step

/* Only leaves may narrow permissions; the walk takes the AND. */
static inline uint64_t vtdss_table(paddr_t pa, unsigned int level)
{
    (void)level; /* the format counts levels by itself */
    return VTDSS_RW | (pa & VTDSS_OA);
}
#define fmt_table vtdss_table

static inline paddr_t vtdss_table_pa(uint64_t e)
{
    return e & VTDSS_OA;
}
#define fmt_table_pa vtdss_table_pa

static inline uint64_t vtdss_leaf_mfn(uint64_t e, unsigned int level)
{
    (void)level;
    return (e & VTDSS_OA) >> PAGE_SHIFT;
}
#define fmt_leaf_mfn vtdss_leaf_mfn

static inline unsigned int vtdss_prot(uint64_t e)
{
    return (e & VTDSS_R ? IOPT_R : 0) | (e & VTDSS_W ? IOPT_W : 0);
}
#define fmt_prot vtdss_prot

static_assert((VTDSS_OA & (VTDSS_RW | VTDSS_PS | VTDSS_SNP)) == 0,
              "VTD: fields are disjoint");

#endif
