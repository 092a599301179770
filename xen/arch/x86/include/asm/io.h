/* SPDX-License-Identifier: GPL-2.0 */
/* Port I/O. */
#ifndef ASM_IO_H
#define ASM_IO_H

#include <xen/types.h>

#define ASM_IO(suffix, type)                                             \
    static inline type in##suffix(uint16_t port)                         \
    {                                                                    \
        type v;                                                          \
        __asm__ volatile("in" #suffix " %1, %0" : "=a"(v) : "Nd"(port)); \
        return v;                                                        \
    }                                                                    \
    static inline void out##suffix(type v, uint16_t port)                \
    {                                                                    \
        __asm__ volatile("out" #suffix " %0, %1" ::"a"(v), "Nd"(port));  \
    }
ASM_IO(b, uint8_t)
ASM_IO(w, uint16_t)
ASM_IO(l, uint32_t)
#undef ASM_IO

#endif
