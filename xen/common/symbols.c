// SPDX-License-Identifier: GPL-2.0
/*
 * Address to name, over tables that the build appends to the image. Offsets
 * are from xen_start and ascend; the tables may be empty. No lock: constant.
 */
#include <xen/symbols.h>

const char *symbol_lookup(uintptr_t addr, size_t *offset)
{
    const uintptr_t start = (uintptr_t)xen_start;
    uint32_t lo = 0;
    uint32_t hi = symbols_nr;

    if (!hi || addr < start || addr - start > UINT32_MAX ||
        addr - start < symbols_offsets[0]) {
        return NULL;
    }
    /* Invariant: offsets[lo] <= addr < offsets[hi]. */
    while (hi - lo > 1) {
        const uint32_t mid = lo + (hi - lo) / 2;

        if (addr - start >= symbols_offsets[mid]) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    *offset = addr - start - symbols_offsets[lo];
    return symbols_names + symbols_name_offsets[lo];
}
