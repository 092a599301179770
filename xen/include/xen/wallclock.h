/* SPDX-License-Identifier: GPL-2.0 */
/* Guest-visible time: pvclock pages and wallclock. */
#ifndef XEN_WALLCLOCK_H
#define XEN_WALLCLOCK_H

#include <xen/types.h>

struct domain;
struct vcpu;

/**
 * time_update_vcpu() - Refresh v->info->time from this CPU's TSC scale.
 * @v: the vCPU. Writes nothing when the page is right already.
 * Locks: none. Context: any, on @v's CPU.
 */
void time_update_vcpu(struct vcpu *v);

/**
 * time_update_wallclock() - Refresh wc_* of a domain's shared info.
 * @d: the domain. Locks: the wallclock's. Context: any.
 */
void time_update_wallclock(struct domain *d);

/**
 * time_set_wallclock() - XENPF_settime: set UTC and tell all domains.
 * @secs: seconds since 1970. @nsecs: nanoseconds, below a second.
 * @at_ns: system time at which that was true.
 * Locks: the wallclock's, the domain list's. Context: hypercall.
 * Trust: the values are Dom0's; any is taken, modulo 2^64 ns.
 */
void time_set_wallclock(uint64_t secs, uint32_t nsecs, uint64_t at_ns);

/**
 * time_init() - Calibrate the TSC (and the local APIC's timer, if that is on)
 * against HPET, PM timer or PIT; read the real-time clock; start the timers.
 * Locks: none. Context: boot, interrupts off, ACPI parsed. Panics without any
 * clock that counts.
 */
void time_init(void);

/**
 * tsc_khz() - TSC rate for physinfo.
 * Locks: none. Context: any. Return: the rate, assumed before time_init().
 */
uint64_t tsc_khz(void);

/**
 * tsc_from_ns() - TSC value of this CPU when now_ns() has reached a time.
 * @ns: now_ns() scale.
 * Locks: none. Context: interrupts off. Return: the value, never before @ns.
 */
uint64_t tsc_from_ns(uint64_t ns);

/**
 * time_sync_cpus() - Compare every CPU's TSC with this one's, correct what
 * differs, and only if nothing does call it stable to guests. Call once, when
 * all CPUs are up.
 * Locks: the call lock. Context: boot, interrupts on.
 */
void time_sync_cpus(void);

/**
 * wallclock_secs() - UTC now.
 * Locks: none. Context: any. Return: seconds since 1970.
 */
uint64_t wallclock_secs(void);

#endif
