/* SPDX-License-Identifier: GPL-2.0 */
/* Bitmaps of sysctl and domctl: bytes in a tool's memory. No lock. */
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/lib.h>

#include "ctl-priv.h"

#define MAP_BYTES     (CPUMASK_BITS / 8)
#define ROOM_BITS_MAX 65536 /* ours: bounds the zeros we write */

int ctl_bitmap_read(const struct xenctl_bitmap *b, cpumask_t *out)
{
    const uint32_t bits = min_of(b->nr_bits, (uint32_t)CPUMASK_BITS);

    out->bits = 0;
    if (!bits) {
        return 0;
    }
    if (guest_read(&out->bits, (uint64_t)b->bitmap.p, div_round_up(bits, 8))) {
        return -EFAULT;
    }
    out->bits &= ~UINT64_C(0) >> (CPUMASK_BITS - bits);
    return 0;
}

int ctl_bitmap_write(const struct xenctl_bitmap *b, const cpumask_t *in)
{
    const uint64_t gva = (uint64_t)b->bitmap.p;
    const uint8_t zero = 0;
    uint32_t bytes;

    if (b->nr_bits > ROOM_BITS_MAX) {
        return -EINVAL;
    }
    bytes = (uint32_t)div_round_up(b->nr_bits, 8);
    if (guest_write(gva, &in->bits, min_of(bytes, (uint32_t)MAP_BYTES))) {
        return -EFAULT;
    }
    for (uint32_t i = MAP_BYTES; i < bytes; i++) {
        if (guest_write(gva + i, &zero, 1)) {
            return -EFAULT;
        }
    }
    return 0;
}
