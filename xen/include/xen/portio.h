/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86 I/O ports, for drivers that must not see <asm/…>. Hosted tests supply
 * the functions and play the device. Layer L2 (port).
 *
 * port_in8/16/32(port) and port_out8/16/32(port, value): one access of exactly
 * that width, in program order.
 */
#ifndef XEN_PORTIO_H
#define XEN_PORTIO_H

#include <port/portio.h>

#include <xen/types.h>

#endif
