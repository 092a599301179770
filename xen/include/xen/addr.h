/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses carry their kind in their type, so that a frame a device sees
 * cannot be passed where a machine frame is meant. 4K frames. Layer L0.
 */
#ifndef XEN_ADDR_H
#define XEN_ADDR_H

#include <xen/types.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  UINT64_C(4096)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

typedef uint64_t paddr_t; /* machine address in bytes */

typedef struct {
    uint64_t n;
} mfn_t; /* machine frame */

typedef struct {
    uint64_t n;
} dfn_t; /* frame as a device sees it */

typedef struct {
    uint64_t n;
} gfn_t; /* frame as a guest numbers it (its pfn) */

#define MFN(v) ((mfn_t){ (v) })
#define DFN(v) ((dfn_t){ (v) })
#define GFN(v) ((gfn_t){ (v) })

static inline paddr_t mfn_to_pa(mfn_t m)
{
    return m.n << PAGE_SHIFT;
}

static inline mfn_t pa_to_mfn(paddr_t pa)
{
    return MFN(pa >> PAGE_SHIFT);
}

static inline mfn_t mfn_add(mfn_t m, uint64_t nr)
{
    return MFN(m.n + nr);
}

static inline dfn_t dfn_add(dfn_t d, uint64_t nr)
{
    return DFN(d.n + nr);
}

#endif
