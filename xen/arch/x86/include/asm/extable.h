/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instructions that may fault, and where to go on when they did. An entry of
 * .ex_table is two 32-bit offsets from themselves: the instruction, the target.
 */
#ifndef ASM_EXTABLE_H
#define ASM_EXTABLE_H

#include <xen/types.h>

struct extable_entry {
    int32_t from; /* &from + from: instruction that may fault */
    int32_t to;   /* &to + to: where execution goes on */
};

/* For inline assembly; both arguments are label strings like "1b". */
#define EXTABLE(from, to)                          \
    ".pushsection .ex_table, \"a\", @progbits\n\t" \
    ".balign 4\n\t"                                \
    ".long " from " - .\n\t"                       \
    ".long " to " - .\n\t"                         \
    ".popsection\n\t"

#endif
