/* SPDX-License-Identifier: GPL-2.0 */
/* One 16550 serial port behind I/O ports. Layer L4. */
#ifndef XEN_NS16550_H
#define XEN_NS16550_H

#include <xen/types.h>

#define NS16550_PORTS 8 /* I/O ports the device decodes */

/**
 * ns16550_parse() - Take the value of com1=.
 * @value: <baud>|auto[/<clock-hz>][,<DPS>[,<io-base>[,<irq>]]]; items may be
 *         empty and keep their default: auto, 8n1, 0x3f8, 4.
 * Locks: none. Context: boot, before ns16550_init().
 * Return: 0, -EINVAL malformed or out of range (nothing is changed then).
 */
int must_check ns16550_parse(const char *value);

/**
 * ns16550_init() - Program the port, interrupts of the device off.
 * Locks: none. Context: boot. Return: 0, -ENODEV nothing answers there.
 */
int must_check ns16550_init(void);

/**
 * ns16550_write() - Send bytes as they are, waiting for room in the FIFO.
 * @s: bytes.
 * @n: how many.
 *
 * A transmitter that stops for 100 ms is given up on: the rest and all later
 * output is dropped, so that a dead UART cannot hang the machine.
 * Locks: the console lock held. Context: any.
 */
void ns16550_write(const char *s, size_t n);

/**
 * ns16550_rx() - Hand what was received to the function of ns16550_set_rx().
 * Locks: none. Context: the port's interrupt handler, or a periodic poll.
 */
void ns16550_rx(void);

/**
 * ns16550_set_rx() - Who gets received characters.
 * @fn: called from ns16550_rx(), once a character.
 * Locks: none. Context: boot.
 */
void ns16550_set_rx(void (*fn)(char c));

/**
 * ns16550_irq_enable() - Let the device interrupt on received data.
 * Locks: none. Context: boot, when the handler is in place.
 */
void ns16550_irq_enable(void);

/**
 * ns16550_resources() - What the port occupies, so that no guest is given it.
 * @base: first of NS16550_PORTS ports.
 * @irq:  ISA interrupt, 0 if there is none (polled).
 * Locks: none. Context: after ns16550_init(). Return: true if the port is used.
 */
bool ns16550_resources(uint16_t *base, unsigned int *irq);

#endif
