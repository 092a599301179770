/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The local APIC of each CPU: interrupts between CPUs, end of interrupt, the
 * one-shot timer. Layer L6. Spec: SDM vol 3A, 11 "APIC".
 */
#ifndef ASM_APIC_H
#define ASM_APIC_H

#include <xen/types.h>

#include <asm/config.h>

#define APICID_NONE UINT32_MAX

/*
 * APIC id of each CPU number; APICID_NONE where there is no such CPU. Written
 * by CPU bring-up from the MADT before a CPU starts, constant afterwards.
 */
extern uint32_t cpu_apicid[MAX_CPUS];

/**
 * lapic_init() - Enable the local APIC of this CPU, everything masked but the
 * timer, errors and spurious interrupts; the boot CPU's NMI pin is kept.
 * @boot_cpu: true on the first CPU: map the registers or choose x2APIC mode,
 *            and set cpu_apicid[0].
 * Locks: none. Context: boot of each CPU, interrupts off.
 */
void lapic_init(bool boot_cpu);

/**
 * lapic_present() - Has lapic_init(true) run?
 * Locks: none. Context: any. Return: true from then on.
 */
bool lapic_present(void);

/**
 * lapic_is_x2apic() - Which interface is in use?
 * Locks: none. Context: any after lapic_init(true).
 * Return: true for x2APIC, where ids have 32 bits; false for xAPIC.
 */
bool lapic_is_x2apic(void);

/**
 * lapic_id() - APIC id of this CPU. Locks: none. Context: any.
 * Return: the id, 8 bits in xAPIC mode.
 */
uint32_t lapic_id(void);

/**
 * lapic_eoi() - End the interrupt in service with the highest priority.
 * Locks: none. Context: interrupt handler.
 */
void lapic_eoi(void);

/**
 * lapic_in_service() - Is a vector's in-service bit set on this CPU?
 * @vector: 0x20..0xff. Locks: none. Context: interrupts off. Return: the bit.
 */
bool lapic_in_service(unsigned int vector);

/**
 * lapic_send_ipi() - Send a fixed interrupt to one CPU.
 * @apic_id: destination. @vector: 0x20..0xff.
 * Locks: none. Context: any; interrupts are off meanwhile.
 * Return: 0, -ETIMEDOUT the APIC did not take the command (logged).
 */
int lapic_send_ipi(uint32_t apic_id, unsigned int vector);

/**
 * lapic_send_nmi() - Send a non-maskable interrupt to one CPU.
 * @apic_id: destination.
 * Locks: none. Context: any; interrupts are off meanwhile.
 * Return: 0, -ETIMEDOUT the APIC did not take the command (logged).
 */
int lapic_send_nmi(uint32_t apic_id);

/**
 * lapic_send_init() - Put a CPU into its wait-for-startup state.
 * @apic_id: destination, not this CPU.
 *
 * Sends the assertion; the caller waits 10 ms before lapic_send_startup().
 * Locks: none. Context: boot. Return: 0, -ETIMEDOUT.
 */
int must_check lapic_send_init(uint32_t apic_id);

/**
 * lapic_send_startup() - Start a CPU that is waiting, in real mode.
 * @apic_id: destination. @page: frame below 1 MiB where it starts, 0..0xff.
 * Locks: none. Context: boot. Return: 0, -EINVAL page, -ETIMEDOUT.
 */
int must_check lapic_send_startup(uint32_t apic_id, unsigned int page);

/**
 * lapic_timer_set() - Arm this CPU's one-shot timer (VEC_TIMER).
 * @deadline_ns: now_ns() value; 0 disarms, the past fires at once. It may fire
 *               early when the deadline is farther away than the counter goes.
 * Locks: none. Context: interrupts off.
 */
void lapic_timer_set(uint64_t deadline_ns);

/**
 * lapic_calibrate_begin() - Start measuring the timer's rate; without effect
 * before lapic_init(true).
 * Locks: none. Context: boot, interrupts off.
 */
void lapic_calibrate_begin(void);

/**
 * lapic_calibrate_end() - The timer's rate from its count since
 * lapic_calibrate_begin(), measured against the TSC.
 * @tsc_hz: the TSC's rate; 0 (not known) leaves the timer as it was.
 * Locks: none. Context: boot, interrupts off.
 */
void lapic_calibrate_end(uint64_t tsc_hz);

/**
 * lapic_error_interrupt() - Log and clear the error status register.
 * Locks: the log's. Context: interrupt handler.
 */
void lapic_error_interrupt(void);

#endif
