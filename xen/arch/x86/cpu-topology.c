/* SPDX-License-Identifier: GPL-2.0 */
/*
 * APIC ids as thread, core and socket numbers. Every CPU of a machine has the
 * same field widths, so whichever CPU this runs on may be asked. No lock.
 */
#include <xen/bits.h>

#include <asm/apic.h>
#include <asm/cpu-topology.h>
#include <asm/cpufeature.h>
#include <asm/system.h>

struct widths {
    unsigned int thread; /* bits of the APIC id that number threads */
    unsigned int core;   /* and cores, above those */
};

#define LEAF_TOPOLOGY 0xb

/* Bits that number @nr things. */
static unsigned int bits_for(unsigned int nr)
{
    return nr > 1 ? fls64(nr - 1) + 1 : 0;
}

/* Leaf 0xb states the shifts themselves, once for each level. */
static bool from_leaf_b(struct widths *w)
{
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
    unsigned int below;

    if (boot_cpu.max_basic < LEAF_TOPOLOGY) {
        return false;
    }
    cpuid(LEAF_TOPOLOGY, 0, &eax, &ebx, &ecx, &edx);
    if (!(ebx & 0xffff)) {
        return false; /* listed, but empty */
    }
    w->thread = eax & 0x1f;
    cpuid(LEAF_TOPOLOGY, 1, &eax, &ebx, &ecx, &edx);
    below = ebx & 0xffff ? eax & 0x1f : w->thread;
    w->core = below > w->thread ? below - w->thread : 0;
    return true;
}

static void from_counts(struct widths *w)
{
    const unsigned int logical =
        boot_cpu.l1_edx & BIT32(28) ? (boot_cpu.l1_ebx >> 16) & 0xff : 1;
    unsigned int cores = 1;
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;

    if (boot_cpu.amd && boot_cpu.max_ext >= 0x80000008) {
        cpuid(0x80000008, 0, &eax, &ebx, &ecx, &edx);
        cores = (ecx & 0xff) + 1;
    } else if (boot_cpu.intel && boot_cpu.max_basic >= 4) {
        cpuid(4, 0, &eax, &ebx, &ecx, &edx);
        cores = (eax >> 26) + 1;
    }
    w->core = bits_for(cores);
    w->thread = logical > cores ? bits_for(logical) - w->core : 0;
}

void cpu_topology(unsigned int cpu, struct cpu_place *out)
{
    const uint32_t id = cpu_apicid[cpu];
    struct widths w;

    if (!from_leaf_b(&w)) {
        from_counts(&w);
    }
    out->core = id >> w.thread & (uint32_t)(BIT64(w.core) - 1);
    /* A whole id's worth of thread and core bits leaves one socket. */
    out->socket = (uint32_t)((uint64_t)id >> (w.thread + w.core));
}
