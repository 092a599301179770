/* SPDX-License-Identifier: GPL-2.0 */
/* Debug keys: one letter, one dump. Layer L6. */
#ifndef XEN_KEYHANDLER_H
#define XEN_KEYHANDLER_H

#include <xen/types.h>

/**
 * key_register() - Say what a key does. The last registration wins.
 * @key:  7-bit character.
 * @fn:   called from key_run().
 * @what: one line for the help text; kept, not copied.
 * Locks: takes the key lock. Context: boot.
 */
void key_register(char key, void (*fn)(unsigned char key), const char *what);

/**
 * key_run() - Do what a key asks for, now.
 * @key: any character; one without a handler is ignored.
 * Locks: those of the handler. Context: hypercall or softirq, not interrupt.
 * Trust: the key may come from Dom0 (XEN_SYSCTL_debug_keys).
 */
void key_run(unsigned char key);

/**
 * key_queue() - Remember a key for key_run_pending().
 * @key: any character; dropped when 16 are waiting.
 * Locks: none. Context: any, interrupt handlers included.
 */
void key_queue(unsigned char key);

/**
 * key_run_pending() - Run what key_queue() collected.
 * Locks: those of the handlers. Context: softirq or idle loop.
 */
void key_run_pending(void);

/**
 * key_set_notify() - Be told that key_run_pending() has work.
 * @fn: raises a softirq; called in any context.
 * Locks: none. Context: boot.
 */
void key_set_notify(void (*fn)(void));

/**
 * pci_keys_init() - Register debug key Q (xen/common/pci-keys.c).
 * Locks: none. Context: boot.
 */
void pci_keys_init(void);

#endif
