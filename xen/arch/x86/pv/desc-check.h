/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which segment descriptors a guest may put into its GDT or LDT. Pure, so that
 * hosted tests can use it.
 * Spec: SDM vol 3A, 3.4.5 "Segment Descriptors"; AMD24593, 4.8.
 */
#ifndef PV_DESC_CHECK_H
#define PV_DESC_CHECK_H

#include <xen/bits.h>

#define DESC_A    BIT64(40)       /* accessed */
#define DESC_TYPE FIELD64(43, 40) /* bit 43: code */
#define DESC_S    BIT64(44)       /* code or data, not system */
#define DESC_DPL  FIELD64(46, 45)
#define DESC_P    BIT64(47)
#define DESC_L    BIT64(53) /* 64-bit code */
#define DESC_D    BIT64(54) /* default size 32 bits */

#define DESC_TYPE_LDT 2

/**
 * desc_check() - Make a descriptor safe for the CPU to use, or refuse it.
 * @desc: the descriptor, guest's; rewritten only when it is accepted.
 *
 * Only code and data segments pass, as a gate could lead into our code. They
 * become DPL 3, the only level at which guest code runs, and accessed, so that
 * the CPU never needs to write to the table.
 * Locks: none. Context: any. Return: false if it must not enter a table.
 */
static inline bool desc_check(uint64_t *desc)
{
    const uint64_t d = *desc;

    /* One that is not present faults on every use. */
    if (!(d & DESC_P)) {
        return true;
    }
    if (!(d & DESC_S)) {
        return false;
    }
    *desc = d | DESC_DPL | DESC_A;
    return true;
}

/* Base address of a code or data descriptor. */
static inline uint32_t desc_base(uint64_t desc)
{
    return (uint32_t)FIELD_GET(FIELD64(39, 16), desc) |
           (uint32_t)FIELD_GET(FIELD64(63, 56), desc) << 24;
}

#endif
