/* SPDX-License-Identifier: GPL-2.0 */
/* The test that links a driver with ports defines these and plays the device */
#ifndef PORT_PORTIO_H
#define PORT_PORTIO_H
uint8_t port_in8(uint16_t port);
uint16_t port_in16(uint16_t port);
uint32_t port_in32(uint16_t port);
void port_out8(uint16_t port, uint8_t v);
void port_out16(uint16_t port, uint16_t v);
void port_out32(uint16_t port, uint32_t v);
#endif
