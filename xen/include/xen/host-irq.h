/* SPDX-License-Identifier: GPL-2.0 */
/* One host interrupt for a driver, delivered as an MSI. Layer L2 (port). */
#ifndef XEN_HOST_IRQ_H
#define XEN_HOST_IRQ_H

#include <xen/types.h>

struct msi_msg {
    uint64_t address; /* what the device writes to */
    uint32_t data;    /* and what it writes */
};

/**
 * host_irq_request() - Claim a vector and get the message that raises it.
 * @name: for debug key i; kept, not copied.
 * @fn:   called with interrupts off, on some CPU, after the APIC was told.
 * @arg:  passed to @fn.
 * @msg:  unremapped-format message to program into the device.
 * Locks: none. Context: boot. Return: 0, -ENOSPC no free vector.
 */
int must_check host_irq_request(const char *name, void (*fn)(void *arg),
                                void *arg, struct msi_msg *msg);

#endif
