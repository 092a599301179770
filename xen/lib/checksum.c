// SPDX-License-Identifier: GPL-2.0
/* Byte sums over firmware tables. Pure code, no lock. */
#include <xen/lib.h>

uint8_t byte_sum(const void *p, size_t len)
{
    const uint8_t *b = p;
    uint8_t sum = 0;
    size_t i;

    for (i = 0; i < len; i++) {
        sum = (uint8_t)(sum + b[i]);
    }
    return sum;
}
