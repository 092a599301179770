/* SPDX-License-Identifier: GPL-2.0 */
/* CPU page-table entries. Spec: SDM vol 3A, 4.5 "4-Level Paging". */
#ifndef ASM_PAGE_H
#define ASM_PAGE_H

#include <xen/addr.h>
#include <xen/bits.h>

#define PTE_P            BIT64(0)
#define PTE_RW           BIT64(1)
#define PTE_US           BIT64(2)
#define PTE_PWT          BIT64(3)
#define PTE_PCD          BIT64(4)
#define PTE_A            BIT64(5)
#define PTE_D            BIT64(6)
#define PTE_PS           BIT64(7) /* large leaf, levels 2 and 3 */
#define PTE_PAT          BIT64(7) /* level 1 */
#define PTE_G            BIT64(8)
#define PTE_AVAIL        FIELD64(11, 9)
#define PTE_ADDR         FIELD64(51, 12)
#define PTE_GUEST_KERNEL BIT64(52) /* ours: guest asked for U/S = 0 */
#define PTE_NX           BIT64(63)

#define PTE_CACHE_UC (PTE_PCD | PTE_PWT) /* PAT index 3 */

#define PT_ENTRIES         512
#define PT_SLOT(va, level) (((va) >> (12 + 9 * ((level)-1))) & 511)

static inline mfn_t pte_mfn(uint64_t e)
{
    return MFN((e & PTE_ADDR) >> PAGE_SHIFT);
}

static inline uint64_t pte_make(mfn_t m, uint64_t flags)
{
    return m.n << PAGE_SHIFT | flags;
}

#endif
