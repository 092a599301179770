/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PORT_PORTIO_H
#define PORT_PORTIO_H

#include <xen/types.h>

#define PORT_PORTIO_WIDTH(bits, suffix)                                \
    static inline uint##bits##_t port_in##bits(uint16_t port)          \
    {                                                                  \
        uint##bits##_t v;                                              \
                                                                       \
        __asm__ volatile("in" suffix " %1, %0"                         \
                         : "=a"(v)                                     \
                         : "Nd"(port)                                  \
                         : "memory");                                  \
        return v;                                                      \
    }                                                                  \
    static inline void port_out##bits(uint16_t port, uint##bits##_t v) \
    {                                                                  \
        __asm__ volatile("out" suffix " %0, %1" ::"a"(v), "Nd"(port)   \
                         : "memory");                                  \
    }
PORT_PORTIO_WIDTH(8, "b")
PORT_PORTIO_WIDTH(16, "w")
PORT_PORTIO_WIDTH(32, "l")
#undef PORT_PORTIO_WIDTH

#endif
