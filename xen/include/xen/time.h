/* SPDX-License-Identifier: GPL-2.0 */
/* Time since boot. Layer L2 (port). */
#ifndef XEN_TIME_H
#define XEN_TIME_H

#include <xen/types.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/**
 * now_ns() - Nanoseconds since boot, monotonic, the same on every CPU.
 *
 * Before the clock is calibrated it counts on an assumed TSC rate, so that
 * time-outs still end. Locks: none. Context: any. Return: the time.
 */
uint64_t now_ns(void);

/**
 * raw_cycles() - The CPU's cycle counter as it is, for measurements.
 * Locks: none. Context: any. Return: ticks since the counter was reset.
 */
uint64_t raw_cycles(void);

/**
 * udelay() - Spin for at least @us microseconds.
 * @us: duration. Locks: none. Context: any.
 */
void udelay(uint64_t us);

/* cpu_relax(): tell the CPU (or the host scheduler) that we are spinning. */
#include <port/time.h>

#endif
