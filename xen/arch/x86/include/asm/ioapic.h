/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IO-APIC pins by their global interrupt number (GSI). Layer L6.
 * Spec: 82093AA "I/O Advanced Programmable Interrupt Controller".
 */
#ifndef ASM_IOAPIC_H
#define ASM_IOAPIC_H

#include <xen/types.h>

struct intr_route;

#define MAX_GSIS 256 /* ours: pins above are reported and left masked */

extern unsigned int nr_gsis; /* one more than the highest GSI we can use */

/**
 * ioapic_setup() - Map every IO-APIC of the MADT and mask every pin.
 * Locks: the IO-APIC lock. Context: boot, once, before the IOMMU's set-up.
 * Trust: addresses and numbers are the firmware's.
 */
void ioapic_setup(void);

/**
 * ioapic_reserve() - Keep guests from writing IO-APIC registers: adds their
 * frames to mmio_ro_ranges; logs those it cannot add.
 * Locks: that set's. Context: boot, once the set exists.
 */
void ioapic_reserve(void);

/**
 * gsi_valid() - Does a pin with this number exist? @gsi: any value.
 * Locks: none. Context: any. Return: true if it does.
 */
bool gsi_valid(unsigned int gsi);

/**
 * ioapic_route() - Write a pin's destination, vector, trigger and polarity; the
 * mask stays. Interrupt remapping has its say.
 * @gsi: valid. @r: where to; vector 0 only while masked.
 * Locks: the IO-APIC lock, irq-safe. Context: any but NMI.
 * Return: 0, or as intremap_ioapic() (then nothing has changed).
 */
int must_check ioapic_route(unsigned int gsi, const struct intr_route *r);

/**
 * ioapic_mask() - Mask or unmask a pin. @gsi: valid. @masked: which.
 * Locks: the IO-APIC lock, irq-safe. Context: any but NMI.
 */
void ioapic_mask(unsigned int gsi, bool masked);

/**
 * ioapic_eoi() - End a level interrupt at the pin itself, where the IO-APIC can
 * (version 0x20 and later); others learn it from the local APIC.
 * @gsi: valid, routed. Locks: the IO-APIC lock, irq-safe. Context: any but NMI.
 */
void ioapic_eoi(unsigned int gsi);

/**
 * ioapic_guest_read() - PHYSDEVOP_apic_read.
 * @pa: claimed address of an IO-APIC. @reg: claimed register. @v: its value.
 * Locks: the IO-APIC lock. Context: hypercall.
 * Return: 0, -ENODEV no IO-APIC there, -EINVAL no such register.
 */
int must_check ioapic_guest_read(uint64_t pa, uint32_t reg, uint32_t *v);

/**
 * ioapic_rte() - A pin's redirection entry as it is in the hardware.
 * @gsi: valid.
 * Locks: the IO-APIC lock, irq-safe. Context: any but NMI.
 * Return: the 64-bit entry.
 */
uint64_t ioapic_rte(unsigned int gsi);

#endif
