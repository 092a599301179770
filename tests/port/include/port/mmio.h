/* SPDX-License-Identifier: GPL-2.0 */
/* The test that links a driver with registers plays the device. */
#ifndef PORT_MMIO_H
#define PORT_MMIO_H
uint64_t port_mmio_read(uintptr_t va, size_t off, unsigned int bytes);
void port_mmio_write(uintptr_t va, size_t off, unsigned int bytes, uint64_t v);
#define PORT_MMIO_WIDTH(bits)                                          \
    static inline uint##bits##_t mmio_read##bits(mmio_t h, size_t off) \
    {                                                                  \
        return (uint##bits##_t)port_mmio_read(h.va, off, bits / 8);    \
    }                                                                  \
    static inline void mmio_write##bits(mmio_t h, size_t off,          \
                                        uint##bits##_t v)              \
    {                                                                  \
        port_mmio_write(h.va, off, bits / 8, v);                       \
    }
PORT_MMIO_WIDTH(8)
PORT_MMIO_WIDTH(16)
PORT_MMIO_WIDTH(32)
PORT_MMIO_WIDTH(64)
#undef PORT_MMIO_WIDTH
#endif
