/* SPDX-License-Identifier: GPL-2.0 */
/* What of the machine Dom0 may touch. */
#ifndef ASM_DOM0_CAPS_H
#define ASM_DOM0_CAPS_H

#include <xen/compiler.h>

struct domain;

/**
 * dom0_set_caps() - Fill Dom0's sets of MMIO frames, ports and interrupts with
 * everything but what is ours, and mmio_ro_ranges with what it may only read.
 * @d: Dom0. Locks: the sets'. Context: boot, ACPI parsed.
 * Return: 0 or -ENOMEM.
 */
int must_check dom0_set_caps(struct domain *d);

#endif
