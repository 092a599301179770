/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registers, table entries and descriptors of a VT-d unit; only files of this
 * folder (and its tests) may include this. Names are the manual's.
 * Spec: VTD "Register Descriptions", "Translation Structure Formats".
 */
#ifndef VTD_REGS_H
#define VTD_REGS_H

#include <xen/bits.h>

/* Width is part of the type: some units reject an access of another width. */
typedef struct {
    uint16_t off;
} vtd_r32_t;

typedef struct {
    uint16_t off;
} vtd_r64_t;

#define VTD_R32(o) ((vtd_r32_t){ (uint16_t)(o) })
#define VTD_R64(o) ((vtd_r64_t){ (uint16_t)(o) })

#define VTD_VER       VTD_R32(0x000) /* Version, RO */
#define VTD_VER_MAJOR FIELD32(7, 4)
#define VTD_VER_MINOR FIELD32(3, 0)

#define VTD_CAP          VTD_R64(0x008)  /* Capability, RO */
#define VTD_CAP_ND       FIELD64(2, 0)   /* 2^(4 + 2 * ND) domain ids */
#define VTD_CAP_RWBF     BIT64(4)        /* write buffer must be flushed */
#define VTD_CAP_PLMR     BIT64(5)        /* protected low memory */
#define VTD_CAP_PHMR     BIT64(6)        /* protected high memory */
#define VTD_CAP_CM       BIT64(7)        /* caches absent entries */
#define VTD_CAP_SAGAW    FIELD64(12, 8)  /* bit n: n + 2 level tables */
#define VTD_CAP_MGAW     FIELD64(21, 16) /* input width in bits, minus 1 */
#define VTD_CAP_FRO      FIELD64(33, 24) /* fault records at 16 * FRO */
#define VTD_CAP_SSLPS    FIELD64(37, 34) /* bit 0: 2M leaves, bit 1: 1G */
#define VTD_CAP_SSLPS_2M BIT64(34)
#define VTD_CAP_SSLPS_1G BIT64(35)
#define VTD_CAP_PSI      BIT64(39)       /* page-selective invalidation */
#define VTD_CAP_NFR      FIELD64(47, 40) /* fault records, minus 1 */
#define VTD_CAP_MAMV     FIELD64(53, 48) /* largest address mask */
#define VTD_CAP_DWD      BIT64(54)       /* write draining */
#define VTD_CAP_DRD      BIT64(55)       /* read draining */

#define VTD_ECAP     VTD_R64(0x010) /* Extended Capability, RO */
#define VTD_ECAP_C   BIT64(0)       /* page walks snoop */
#define VTD_ECAP_QI  BIT64(1)       /* queued invalidation */
#define VTD_ECAP_DT  BIT64(2)       /* device TLBs */
#define VTD_ECAP_IR  BIT64(3)       /* interrupt remapping */
#define VTD_ECAP_EIM BIT64(4)       /* x2APIC destinations */
#define VTD_ECAP_PT  BIT64(6)       /* pass-through */
#define VTD_ECAP_SC  BIT64(7)       /* snoop control */
#define VTD_ECAP_IRO FIELD64(17, 8) /* IOTLB registers at 16 * IRO */

#define VTD_GCMD      VTD_R32(0x018) /* Global Command, WO */
#define VTD_GSTS      VTD_R32(0x01c) /* Global Status, RO */
/* The two share bit positions, so one set of names serves both. */
#define VTD_G_TE      BIT32(31) /* translation enable */
#define VTD_G_RTP     BIT32(30) /* set root table pointer; one-shot */
#define VTD_G_SFL     BIT32(29) /* set fault log; one-shot */
#define VTD_G_WBF     BIT32(27) /* write buffer flush; one-shot */
#define VTD_G_QIE     BIT32(26) /* queued invalidation enable */
#define VTD_G_IRE     BIT32(25) /* interrupt remapping enable */
#define VTD_G_IRTP    BIT32(24) /* set remap table pointer; one-shot */
#define VTD_G_CFI     BIT32(23) /* let compatibility interrupts pass */
#define VTD_G_ONESHOT (VTD_G_RTP | VTD_G_SFL | VTD_G_WBF | VTD_G_IRTP)

#define VTD_RTADDR    VTD_R64(0x020) /* Root Table Address */
#define VTD_FSTS      VTD_R32(0x034) /* Fault Status */
#define VTD_FSTS_PFO  BIT32(0)       /* records lost; W1C */
#define VTD_FSTS_PPF  BIT32(1)       /* some record is pending, RO */
#define VTD_FSTS_IQE  BIT32(4)       /* bad descriptor; W1C */
#define VTD_FSTS_ICE  BIT32(5)       /* bad completion; W1C */
#define VTD_FSTS_ITE  BIT32(6)       /* device TLB time-out; W1C */
#define VTD_FSTS_FRI  FIELD32(15, 8) /* first pending record */
#define VTD_FSTS_W1C  (VTD_FSTS_PFO | VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE)
#define VTD_FECTL     VTD_R32(0x038) /* Fault Event Control */
#define VTD_FECTL_IM  BIT32(31)      /* masked */
#define VTD_FEDATA    VTD_R32(0x03c)
#define VTD_FEADDR    VTD_R32(0x040)
#define VTD_FEUADDR   VTD_R32(0x044)
#define VTD_PMEN      VTD_R32(0x064) /* Protected Memory Enable */
#define VTD_PMEN_EPM  BIT32(31)
#define VTD_PMEN_PRS  BIT32(0)       /* status, RO */
#define VTD_IQH       VTD_R64(0x080) /* Invalidation Queue Head, RO */
#define VTD_IQT       VTD_R64(0x088) /* Invalidation Queue Tail */
#define VTD_IQ_PTR    FIELD64(18, 4) /* 16-byte descriptors */
#define VTD_IQA       VTD_R64(0x090) /* queue address; QS 0: one page */
#define VTD_IECTL     VTD_R32(0x0a0) /* Invalidation Event Control */
#define VTD_IECTL_IM  BIT32(31)
#define VTD_IRTA      VTD_R64(0x0b8) /* Interrupt Remap Table Address */
#define VTD_IRTA_EIME BIT64(11)      /* 32-bit destinations */
#define VTD_IRTA_S    FIELD64(3, 0)  /* 2^(S + 1) entries */

/* Fault record n, two 64-bit registers at 16 * (FRO + n). */
#define VTD_FRCD_LO(base, n) VTD_R64((base) + 16 * (n))
#define VTD_FRCD_HI(base, n) VTD_R64((base) + 16 * (n) + 8)
#define VTD_FRCD_FI          FIELD64(63, 12) /* faulting page, or remap index */
#define VTD_FRCD_IDX         FIELD64(63, 48) /* for interrupt faults */
#define VTD_FRCD_F           BIT64(63)       /* record is valid; W1C */
#define VTD_FRCD_T           BIT64(62)       /* read request */
#define VTD_FRCD_FR          FIELD64(39, 32) /* reason */
#define VTD_FRCD_SID         FIELD64(15, 0)  /* requester id */

/* Root entry, low half; the high half is 0. Spec: VTD "Root Entry". */
#define VTD_ROOT_P   BIT64(0)
#define VTD_ROOT_CTP FIELD64(63, 12)

/* Context entry. Spec: VTD "Context Entry". */
#define VTD_CTX_P       BIT64(0) /* low half */
#define VTD_CTX_FPD     BIT64(1)
#define VTD_CTX_TT      FIELD64(3, 2)
#define VTD_CTX_SSPTPTR FIELD64(63, 12)
#define VTD_CTX_AW      FIELD64(2, 0) /* high half: levels - 2 */
#define VTD_CTX_DID     FIELD64(23, 8)
#define VTD_TT_SECOND   UINT64_C(0) /* second-stage translation */
#define VTD_TT_PASS     UINT64_C(2) /* pass-through */

/* Interrupt remap entry. Spec: VTD "Interrupt Remapping Table Entry". */
#define VTD_IRTE_P    BIT64(0) /* low half */
#define VTD_IRTE_FPD  BIT64(1)
#define VTD_IRTE_DM   BIT64(2) /* logical destination */
#define VTD_IRTE_RH   BIT64(3)
#define VTD_IRTE_TM   BIT64(4)      /* level triggered */
#define VTD_IRTE_DLM  FIELD64(7, 5) /* 0: fixed */
#define VTD_IRTE_V    FIELD64(23, 16)
#define VTD_IRTE_DST  FIELD64(63, 32) /* x2APIC: all of it */
#define VTD_IRTE_DST8 FIELD64(47, 40) /* xAPIC */
#define VTD_IRTE_SID  FIELD64(15, 0)  /* high half */
#define VTD_IRTE_SQ   FIELD64(17, 16)
#define VTD_IRTE_SVT  FIELD64(19, 18)
#define VTD_SVT_SID   UINT64_C(1) /* compare the whole id */
#define VTD_SVT_BUS   UINT64_C(2) /* bus in SID[15:8]..SID[7:0] */

/* Remappable MSI and IO-APIC entry. Spec: VTD "Interrupt Request Formats". */
#define VTD_MSI_BASE   UINT64_C(0xfee00000)
#define VTD_MSI_IDX    FIELD64(19, 5) /* index 14:0 */
#define VTD_MSI_FORMAT BIT64(4)
#define VTD_MSI_IDX15  BIT64(2)
#define VTD_RTE_IDX    FIELD64(63, 49)
#define VTD_RTE_FORMAT BIT64(48)
#define VTD_RTE_MASK   BIT64(16)
#define VTD_RTE_LEVEL  BIT64(15)
#define VTD_RTE_LOW    BIT64(13)
#define VTD_RTE_IDX15  BIT64(11)
#define VTD_RTE_VECTOR FIELD64(7, 0)

/* Invalidation descriptors, low half first. Spec: VTD "Queued Invalidation". */
#define VTD_QI_TYPE    FIELD64(3, 0)
#define VTD_QI_CC      UINT64_C(1) /* context cache */
#define VTD_QI_IOTLB   UINT64_C(2)
#define VTD_QI_IEC     UINT64_C(4) /* interrupt entry cache */
#define VTD_QI_WAIT    UINT64_C(5)
#define VTD_QI_G       FIELD64(5, 4) /* granularity of CC and IOTLB */
#define VTD_G_GLOBAL   UINT64_C(1)
#define VTD_G_DOMAIN   UINT64_C(2)
#define VTD_G_SELECT   UINT64_C(3) /* device, or page */
#define VTD_QI_DID     FIELD64(31, 16)
#define VTD_QI_CC_SID  FIELD64(47, 32)
#define VTD_QI_CC_FM   FIELD64(49, 48)
#define VTD_QI_DW      BIT64(6)      /* IOTLB: drain writes */
#define VTD_QI_DR      BIT64(7)      /* IOTLB: drain reads */
#define VTD_QI_AM      FIELD64(5, 0) /* IOTLB, high half: log2 of pages */
#define VTD_QI_IH      BIT64(6)      /* leaves only */
#define VTD_QI_ADDR    FIELD64(63, 12)
#define VTD_QI_IEC_G   BIT64(4) /* index-selective */
#define VTD_QI_IEC_IM  FIELD64(31, 27)
#define VTD_QI_IEC_IDX FIELD64(47, 32)
#define VTD_QI_SW      BIT64(5) /* wait: write a status word */
#define VTD_QI_STATUS  FIELD64(63, 32)

static_assert(FIELD_PREP(VTD_CTX_DID, UINT64_C(0xffff)) == 0xffff00 &&
                  (VTD_CTX_DID & VTD_CTX_AW) == 0,
              "VTD: context entry, high half");
static_assert(FIELD_PREP(VTD_CTX_TT, VTD_TT_PASS) == 8,
              "VTD: context entry, translation type");
static_assert((VTD_IRTE_V & (VTD_IRTE_DLM | VTD_IRTE_DST)) == 0 &&
                  (VTD_IRTE_DST8 & ~VTD_IRTE_DST) == 0,
              "VTD: remap entry, low half");
static_assert(FIELD_PREP(VTD_IRTE_SVT, VTD_SVT_SID) == 0x40000,
              "VTD: remap entry, source validation");
static_assert((VTD_FSTS_W1C & VTD_FSTS_PPF) == 0 && VTD_FSTS_W1C == 0x71,
              "VTD: fault status");
static_assert(FIELD_GET(VTD_CAP_FRO, UINT64_C(0xd2008c22260206)) == 0x22 &&
                  FIELD_GET(VTD_CAP_MGAW, UINT64_C(0xd2008c22260206)) == 38 &&
                  FIELD_GET(VTD_CAP_MAMV, UINT64_C(0xd2008c22260206)) == 18 &&
                  FIELD_GET(VTD_CAP_SAGAW, UINT64_C(0xd2008c22260206)) == 2 &&
                  FIELD_GET(VTD_CAP_SSLPS, UINT64_C(0xd2008c22260206)) == 3,
              "the capability of a known unit");
static_assert(FIELD_GET(VTD_ECAP_IRO, UINT64_C(0xf00f4a)) == 0xf,
              "the extended capability of a known unit");
static_assert((VTD_G_ONESHOT & (VTD_G_TE | VTD_G_QIE | VTD_G_IRE)) == 0,
              "VTD: one-shot commands are not states");
static_assert(FIELD_PREP(VTD_MSI_IDX, UINT64_C(0x7fff)) == 0xfffe0,
              "VTD: remappable MSI");

#endif
