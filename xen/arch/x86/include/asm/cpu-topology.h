/* SPDX-License-Identifier: GPL-2.0 */
/* Where a CPU sits. */
#ifndef ASM_CPU_TOPOLOGY_H
#define ASM_CPU_TOPOLOGY_H

#include <xen/types.h>

struct cpu_place {
    uint32_t core;   /* number inside its socket */
    uint32_t socket; /* number in the machine */
};

/**
 * cpu_topology() - Place of a CPU, taken apart from its APIC id.
 * @cpu: an online CPU. @out: filled.
 * Locks: none. Context: any, after cpu_detect().
 * Spec: SDM vol 3A, "Hierarchical Mapping of Shared Resources"; APM vol 3,
 * CPUID 0x80000008.
 */
void cpu_topology(unsigned int cpu, struct cpu_place *out);

#endif
