/* SPDX-License-Identifier: GPL-2.0 */
/* The end: panic's helpers and what the architecture must supply. Layer L6. */
#ifndef XEN_SHUTDOWN_H
#define XEN_SHUTDOWN_H

#include <xen/compiler.h>
#include <xen/types.h>

/*
 * Supplied by the architecture; called with nothing trusted any more: they
 * take no lock, allocate nothing and return (the first two) whatever happens.
 */

/**
 * arch_cpu_number() - This CPU's number, for the panic line.
 * Locks: none. Context: any. Return: the number.
 */
unsigned int arch_cpu_number(void);

/**
 * arch_dump_state() - Print registers and backtrace of the failure.
 * Locks: none. Context: any.
 */
void arch_dump_state(void);

/**
 * machine_restart_after_panic() - Stop the other CPUs and reset the machine.
 * Locks: none. Context: any. Never returns.
 */
void machine_restart_after_panic(void) noreturn_fn;

/**
 * machine_halt_after_panic() - Stop every CPU for good, interrupts off.
 * Locks: none. Context: any. Never returns.
 */
void machine_halt_after_panic(void) noreturn_fn;

/**
 * panic_noreboot() - Was noreboot given? Then a crash ends in a halt.
 * Locks: none. Context: any. Return: the option.
 */
bool panic_noreboot(void);

/**
 * panic_begun() - Has some CPU called panic()?
 * Locks: none. Context: any. Return: true from then on.
 */
bool panic_begun(void);

/**
 * backtrace_print() - Print a symbolised call chain along frame pointers.
 * @rip: first address to print.
 * @rbp: first frame pointer; any value.
 * @lo:  lowest address of the stack.
 * @hi:  one past its highest address.
 *
 * Reads nothing outside @lo..@hi, whatever the frames say; at most 64 lines.
 * Locks: the log's. Context: any.
 */
void backtrace_print(uintptr_t rip, uintptr_t rbp, uintptr_t lo, uintptr_t hi);

/**
 * machine_restart() - Reset the machine: FADT reset register, port 0xcf9,
 * keyboard controller, triple fault, in this order.
 * Locks: none. Context: any.
 */
void machine_restart(void) noreturn_fn;

/**
 * machine_power_off() - ACPI S5; halts if the firmware gave no way.
 * Locks: none. Context: any.
 */
void machine_power_off(void) noreturn_fn;

/**
 * machine_halt() - Stop every CPU for good, saying so.
 * Locks: none. Context: any. Never returns.
 */
void machine_halt(void) noreturn_fn;

/**
 * machine_prepare_shutdown() - Copy and map what the functions above need of
 * the firmware's tables. Called by irq_setup().
 * Locks: none. Context: boot, ACPI parsed, mmio_map() works.
 */
void machine_prepare_shutdown(void);

/**
 * machine_set_sleep_type() - Dom0's values for S5, used if we did not
 * understand the firmware's package ourselves.
 * @typ_a: SLP_TYP of PM1a, 0..7.
 * @typ_b: SLP_TYP of PM1b.
 * Locks: none. Context: hypercall.
 */
void machine_set_sleep_type(uint8_t typ_a, uint8_t typ_b);

/**
 * shutdown_init() - Register debug key R.
 * Locks: none. Context: boot.
 */
void shutdown_init(void);

#endif
