/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PORT_MMIO_H
#define PORT_MMIO_H

#define PORT_MMIO_WIDTH(bits)                                          \
    static inline uint##bits##_t mmio_read##bits(mmio_t h, size_t off) \
    {                                                                  \
        return *(volatile uint##bits##_t *)(h.va + off);               \
    }                                                                  \
    static inline void mmio_write##bits(mmio_t h, size_t off,          \
                                        uint##bits##_t v)              \
    {                                                                  \
        *(volatile uint##bits##_t *)(h.va + off) = v;                  \
    }
PORT_MMIO_WIDTH(8)
PORT_MMIO_WIDTH(16)
PORT_MMIO_WIDTH(32)
PORT_MMIO_WIDTH(64)
#undef PORT_MMIO_WIDTH

#endif
