/* SPDX-License-Identifier: GPL-2.0 */
/* The guest is the test itself. Who wants faults says which address has none. */
#ifndef PORT_GUEST_WORD_H
#define PORT_GUEST_WORD_H

#include <xen/types.h>

extern uint64_t guest_hole; /* reading this word fails */

static inline bool guest_range_ok(uint64_t gva, size_t len)
{
    return gva + len >= gva;
}

static inline void guest_window_open(void)
{
}

static inline void guest_window_close(void)
{
}

static inline bool guest_word(uint64_t gva, uint64_t *val)
{
    if (gva == guest_hole) {
        return false;
    }
    *val = *(const uint64_t *)(uintptr_t)gva;
    return true;
}

#endif
