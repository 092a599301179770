/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registers, table entries, commands and events of an AMD IOMMU; only files of
 * this folder (and its tests) may include this. Names are the manual's. All
 * registers are 64 bits wide.
 * Spec: AMD48882 "Registers", "Data Structures", "Commands", "Event Logging".
 */
#ifndef AMDVI_REGS_H
#define AMDVI_REGS_H

#include <xen/bits.h>

/* ---- capability block in configuration space, offsets in it ---- */

#define AMDVI_CAP_HEADER  0x00u
#define AMDVI_CAP_ID      FIELD32(7, 0)
#define AMDVI_CAP_TYPE    FIELD32(18, 16)
#define AMDVI_CAP_IOTLB   BIT32(24) /* can serve device TLBs */
#define AMDVI_CAP_NPCACHE BIT32(26) /* caches absent entries */
#define AMDVI_CAP_EFR     BIT32(27) /* has the extended feature register */
#define AMDVI_CAP_BASE    0x04u
#define AMDVI_CAP_BASE_EN BIT32(0)
#define AMDVI_CAP_BASE_PA FIELD32(31, 14)
#define AMDVI_CAP_BASE_HI 0x08u
#define AMDVI_CAP_MISC    0x10u
#define AMDVI_MISC_PA     FIELD32(14, 8)
#define AMDVI_MISC_VA     FIELD32(21, 15)
#define AMDVI_ID_SECURE   0x0fu /* capability id: secure device */
#define AMDVI_TYPE_IOMMU  3u

/* ---- registers ---- */

#define AMDVI_DEV_BASE 0x0000u         /* Device Table Base */
#define AMDVI_DEV_SIZE FIELD64(8, 0)   /* pages, minus 1 */
#define AMDVI_CMD_BASE 0x0008u         /* Command Buffer Base */
#define AMDVI_EVT_BASE 0x0010u         /* Event Log Base */
#define AMDVI_PPR_BASE 0x0038u         /* PPR Log Base */
#define AMDVI_RING_LEN FIELD64(59, 56) /* of the three: log2 of the entries */

#define AMDVI_CONTROL    0x0018u  /* IOMMU Control */
#define AMDVI_C_EN       BIT64(0) /* translates */
#define AMDVI_C_HT_TUN   BIT64(1)
#define AMDVI_C_EVT_LOG  BIT64(2)
#define AMDVI_C_EVT_INT  BIT64(3)
#define AMDVI_C_WAIT_INT BIT64(4)
#define AMDVI_C_INV_TO   FIELD64(7, 5) /* device TLB time-out, code */
#define AMDVI_C_PASS_PW  BIT64(8)
#define AMDVI_C_RES_PASS BIT64(9)
#define AMDVI_C_COHERENT BIT64(10) /* device table reads snoop */
#define AMDVI_C_ISOC     BIT64(11)
#define AMDVI_C_CMD      BIT64(12)
#define AMDVI_C_PPR_LOG  BIT64(13)
#define AMDVI_C_PPR_INT  BIT64(14)
#define AMDVI_C_PPR      BIT64(15)
#define AMDVI_C_GT       BIT64(16)
#define AMDVI_C_GA       BIT64(17) /* 128-bit interrupt entries */
#define AMDVI_C_XT       BIT64(50) /* 32-bit destinations */
#define AMDVI_C_XT_INT   BIT64(51) /* own interrupts from registers */
#define AMDVI_INV_TO_1S  UINT64_C(4)

#define AMDVI_EXCL_BASE  0x0020u
#define AMDVI_EXCL_EN    BIT64(0)
#define AMDVI_EXCL_LIMIT 0x0028u

#define AMDVI_EFR      0x0030u /* Extended Feature, RO */
#define AMDVI_EFR_PREF BIT64(0)
#define AMDVI_EFR_PPR  BIT64(1)
#define AMDVI_EFR_XT   BIT64(2)
#define AMDVI_EFR_IA   BIT64(6)        /* has INVALIDATE_IOMMU_ALL */
#define AMDVI_EFR_GA   BIT64(7)        /* has 128-bit interrupt entries */
#define AMDVI_EFR_SNP  BIT64(43)       /* secure nested paging */
#define AMDVI_EFR_HATS FIELD64(11, 10) /* tables have up to 4 + HATS levels */

#define AMDVI_CMD_HEAD 0x2000u
#define AMDVI_CMD_TAIL 0x2008u
#define AMDVI_EVT_HEAD 0x2010u
#define AMDVI_EVT_TAIL 0x2018u
#define AMDVI_PPR_HEAD 0x2030u
#define AMDVI_PPR_TAIL 0x2038u
#define AMDVI_RING_PTR FIELD64(18, 4) /* of all six: 16-byte entries */

#define AMDVI_STATUS     0x2020u
#define AMDVI_S_EVT_OVER BIT64(0) /* events lost; W1C */
#define AMDVI_S_EVT_INT  BIT64(1) /* W1C */
#define AMDVI_S_WAIT_INT BIT64(2) /* W1C */
#define AMDVI_S_EVT_RUN  BIT64(3) /* RO */
#define AMDVI_S_CMD_RUN  BIT64(4) /* RO */
#define AMDVI_S_PPR_OVER BIT64(5) /* W1C */
#define AMDVI_S_PPR_INT  BIT64(6) /* W1C */
#define AMDVI_S_PPR_RUN  BIT64(7) /* RO */

/* ---- device table entry, four 64-bit words ---- */

#define AMDVI_DTE_V        BIT64(0) /* word 0: bits below mean something */
#define AMDVI_DTE_TV       BIT64(1) /* the translation fields do */
#define AMDVI_DTE_MODE     FIELD64(11, 9) /* levels; 0: not translated */
#define AMDVI_DTE_ROOT     FIELD64(51, 12)
#define AMDVI_DTE_IR       BIT64(61)
#define AMDVI_DTE_IW       BIT64(62)
#define AMDVI_DTE_DID      FIELD64(15, 0) /* word 1 */
#define AMDVI_DTE_IOTLB    BIT64(32)
#define AMDVI_DTE_SYS_MGT  FIELD64(41, 40)
#define AMDVI_DTE_IV       BIT64(0)      /* word 2: interrupts are remapped */
#define AMDVI_DTE_INT_LEN  FIELD64(4, 1) /* log2 of the entries */
#define AMDVI_DTE_IG       BIT64(5)      /* do not log blocked interrupts */
#define AMDVI_DTE_INT_ROOT FIELD64(51, 6)
#define AMDVI_DTE_INIT     BIT64(56) /* these messages pass */
#define AMDVI_DTE_EINT     BIT64(57)
#define AMDVI_DTE_NMI      BIT64(58)
#define AMDVI_DTE_INT_CTL  FIELD64(61, 60) /* fixed and lowest priority */
#define AMDVI_DTE_LINT0    BIT64(62)
#define AMDVI_DTE_LINT1    BIT64(63)
#define AMDVI_INT_ABORT    UINT64_C(0)
#define AMDVI_INT_REMAP    UINT64_C(2)

/* ---- interrupt remapping entry ---- */

/* 32-bit form; the low half of the 128-bit one has the same first bits. */
#define AMDVI_IRTE_EN    BIT64(0)
#define AMDVI_IRTE_TYPE  FIELD64(4, 2) /* 0: fixed */
#define AMDVI_IRTE_LOGIC BIT64(6)      /* logical destination */
#define AMDVI_IRTE_DEST  FIELD64(15, 8)
#define AMDVI_IRTE_VEC   FIELD64(23, 16)
/* 128-bit form: low half, high half. */
#define AMDVI_GA_DEST_LO FIELD64(31, 8)
#define AMDVI_GA_VEC     FIELD64(7, 0)
#define AMDVI_GA_DEST_HI FIELD64(63, 56)

/* A message's data, an IO-APIC entry: the index stands where the vector and
 * the delivery mode do. */
#define AMDVI_MSI_BASE  UINT64_C(0xfee00000)
#define AMDVI_INDEX     FIELD64(10, 0)
#define AMDVI_RTE_MASK  BIT64(16)
#define AMDVI_RTE_LEVEL BIT64(15)
#define AMDVI_RTE_LOW   BIT64(13)

/* ---- commands: low word, high word ---- */

#define AMDVI_OP         FIELD64(63, 60) /* low */
#define AMDVI_OP_WAIT    UINT64_C(1)
#define AMDVI_OP_DEVTAB  UINT64_C(2)
#define AMDVI_OP_PAGES   UINT64_C(3)
#define AMDVI_OP_INTR    UINT64_C(5)
#define AMDVI_OP_ALL     UINT64_C(8)
#define AMDVI_WAIT_STORE BIT64(0)        /* low; high is what is stored */
#define AMDVI_WAIT_INT   BIT64(1)        /* low: raise the unit's interrupt */
#define AMDVI_WAIT_ADDR  FIELD64(51, 3)  /* low */
#define AMDVI_CMD_DEVID  FIELD64(15, 0)  /* low; DEVTAB, INTR */
#define AMDVI_CMD_DID    FIELD64(47, 32) /* low; PAGES */
#define AMDVI_PAGES_S    BIT64(0)        /* high: more than one page */
#define AMDVI_PAGES_PDE  BIT64(1)        /* high: table entries too */
#define AMDVI_PAGES_ADDR FIELD64(63, 12) /* high */
#define AMDVI_PAGES_ALL  UINT64_C(0x7ffffffffffff000) /* with S: everything */

/* ---- events: low word, high word is an address ---- */

#define AMDVI_EV_DEVID FIELD64(15, 0)
#define AMDVI_EV_DID   FIELD64(47, 32)
#define AMDVI_EV_INTR  BIT64(51)       /* an interrupt request */
#define AMDVI_EV_PR    BIT64(52)       /* the entry was present */
#define AMDVI_EV_RW    BIT64(53)       /* a write */
#define AMDVI_EV_PE    BIT64(54)       /* no permission */
#define AMDVI_EV_RZ    BIT64(55)       /* reserved bits, or a bad level */
#define AMDVI_EV_TR    BIT64(56)       /* a device TLB's translation request */
#define AMDVI_EV_TYPE  FIELD64(58, 57) /* of a hardware error */
#define AMDVI_EV_CODE  FIELD64(63, 60)

enum amdvi_event {
    AMDVI_EV_NONE = 0, /* not written yet */
    AMDVI_EV_BAD_DTE = 1,
    AMDVI_EV_PAGE_FAULT = 2,
    AMDVI_EV_DEVTAB_HW = 3,
    AMDVI_EV_PAGETAB_HW = 4,
    AMDVI_EV_BAD_COMMAND = 5,
    AMDVI_EV_COMMAND_HW = 6,
    AMDVI_EV_IOTLB_TIMEOUT = 7,
    AMDVI_EV_BAD_REQUEST = 8,
    AMDVI_EV_BAD_PPR = 9,
};

static_assert(AMDVI_RING_LEN == UINT64_C(0x0f00000000000000) &&
                  (AMDVI_DTE_ROOT & (AMDVI_DTE_MODE | AMDVI_DTE_IR)) == 0,
              "AMD48882: base registers, word 0 of a device");
static_assert(FIELD_PREP(AMDVI_DTE_MODE, UINT64_C(4)) == 0x800 &&
                  FIELD_PREP(AMDVI_DTE_INT_CTL, AMDVI_INT_REMAP) == BIT64(61),
              "AMD48882: device table entry");
static_assert((AMDVI_DTE_INT_ROOT & (AMDVI_DTE_INIT | AMDVI_DTE_INT_LEN |
                                     AMDVI_DTE_IG | AMDVI_DTE_IV)) == 0,
              "AMD48882: word 2 of a device");
static_assert((AMDVI_IRTE_DEST & AMDVI_IRTE_VEC) == 0 &&
                  (AMDVI_GA_VEC & AMDVI_GA_DEST_HI) == 0,
              "AMD48882: interrupt entries");
static_assert(FIELD_GET(AMDVI_EFR_HATS, UINT64_C(0x29d3)) == 2 &&
                  (UINT64_C(0x29d3) & (AMDVI_EFR_IA | AMDVI_EFR_GA)) == 0xc0 &&
                  FIELD_GET(AMDVI_MISC_PA, UINT32_C(0x182840)) == 40 &&
                  FIELD_GET(AMDVI_MISC_VA, UINT32_C(0x182840)) == 48,
              "the features of a known unit");
static_assert(FIELD_PREP(AMDVI_OP, AMDVI_OP_PAGES) == UINT64_C(3) << 60 &&
                  (AMDVI_OP & AMDVI_CMD_DID) == 0,
              "AMD48882: commands");

#endif
