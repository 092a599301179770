/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PORT_FRAME_TABLE_H
#define PORT_FRAME_TABLE_H

#include <xen/atomic.h>

#include <asm/config.h>

extern uint64_t *ram_bitmap; /* one bit a frame */

#define frame_table ((struct page_info *)FRAMETABLE_START)
#define frame_m2p   ((uint64_t *)M2P_RW_START)

/**
 * mfn_valid() - Is there a record of a frame?
 * @m: any number. Locks: none. Context: any. Return: true for RAM.
 */
static inline bool mfn_valid(mfn_t m)
{
    return m.n < max_mfn && test_bit(ram_bitmap, (unsigned int)m.n);
}

static inline struct page_info *mfn_to_page(mfn_t m)
{
    return frame_table + m.n;
}

static inline mfn_t page_to_mfn(const struct page_info *pg)
{
    return MFN((uint64_t)(pg - frame_table));
}

static inline void *page_to_va(const struct page_info *pg)
{
    return (void *)(DIRECTMAP_START + mfn_to_pa(page_to_mfn(pg)));
}

static inline mfn_t va_to_frame(const void *va)
{
    return pa_to_mfn((uintptr_t)va - DIRECTMAP_START);
}

#endif
