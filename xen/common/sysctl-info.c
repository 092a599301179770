/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sysctl: what the machine is made of: CPUs and their topology, memory, and
 * where devices are. There is one NUMA node.
 */
#include <xen/bits.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/iommu.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/pci.h>
#include <xen/sched.h>
#include <xen/softirq.h>
#include <xen/wallclock.h>

#include <asm/cpu-topology.h>
#include <asm/system.h>

#include "ctl-priv.h"

#define DISTANCE_SELF 10 /* ACPI: a node to itself. Spec: ACPI "SLIT" */

/* Feature words in the order tools print them. Spec: SDM vol 2A, CPUID. */
static void fill_hw_cap(uint32_t cap[8])
{
    uint32_t a;
    uint32_t b;
    uint32_t max_basic;
    uint32_t max_ext;

    cpuid(0, 0, &max_basic, &a, &a, &b);
    cpuid(0x80000000, 0, &max_ext, &a, &a, &b);
    cpuid(1, 0, &a, &b, &cap[1], &cap[0]);
    if (max_ext >= 0x80000001) {
        cpuid(0x80000001, 0, &a, &b, &cap[3], &cap[2]);
    }
    if (max_basic >= 0xd) {
        cpuid(0xd, 1, &cap[4], &a, &b, &max_basic);
        cpuid(7, 0, &a, &cap[5], &cap[6], &b);
    }
    if (max_ext >= 0x80000007) {
        cpuid(0x80000007, 0, &a, &b, &max_basic, &cap[7]);
    }
}

void ctl_count_siblings(uint32_t *threads, uint32_t *cores)
{
    struct cpu_place first;
    uint32_t in_socket = 0;
    unsigned int cpu;

    *threads = 0;
    cpu_topology(0, &first);
    cpumask_for_each(cpu, &cpu_online)
    {
        struct cpu_place p;

        cpu_topology(cpu, &p);
        if (p.socket == first.socket) {
            in_socket++;
            *threads += p.core == first.core;
        }
    }
    *cores = in_socket / *threads;
}

static uint32_t highest_cpu(void)
{
    return (uint32_t)fls64(cpu_online.bits);
}

static long op_physinfo(struct xen_sysctl_physinfo *op)
{
    memset(op, 0, sizeof(*op));
    ctl_count_siblings(&op->threads_per_core, &op->cores_per_socket);
    op->nr_cpus = cpumask_weight(&cpu_online);
    op->max_cpu_id = highest_cpu();
    op->nr_nodes = 1;
    op->cpu_khz = (uint32_t)tsc_khz();
    op->capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1 |
                       XEN_SYSCTL_PHYSCAP_gnttab_v2;
    if (iommu_enabled) {
        op->capabilities |= XEN_SYSCTL_PHYSCAP_directio;
    }
    op->total_pages = total_frames;
    op->free_pages = pg_free_total();
    op->max_mfn = max_mfn - 1;
    fill_hw_cap(op->hw_cap);
    return 0;
}

static long op_cputopoinfo(struct xen_sysctl_cputopoinfo *op)
{
    const uint32_t nr = highest_cpu() + 1;

    for (uint32_t i = 0; op->cputopo.p && i < min_of(op->num_cpus, nr); i++) {
        struct xen_sysctl_cputopo t = {
            .core = XEN_INVALID_CORE_ID,
            .socket = XEN_INVALID_SOCKET_ID,
            .node = XEN_INVALID_NODE_ID,
        };
        struct cpu_place p;

        if (cpumask_test(&cpu_online, i)) {
            cpu_topology(i, &p);
            t.core = p.core;
            t.socket = p.socket;
            t.node = 0;
        }
        if (guest_write_handle(op->cputopo, i, &t)) {
            return -EFAULT;
        }
    }
    op->num_cpus = nr;
    return 0;
}

static long op_numainfo(struct xen_sysctl_numainfo *op)
{
    const struct xen_sysctl_meminfo mem = {
        .memsize = total_frames << PAGE_SHIFT,
        .memfree = pg_free_total() << PAGE_SHIFT,
    };
    const uint32_t distance = DISTANCE_SELF;

    if (op->num_nodes && op->meminfo.p &&
        guest_write_handle(op->meminfo, 0, &mem)) {
        return -EFAULT;
    }
    if (op->num_nodes && op->distance.p &&
        guest_write_handle(op->distance, 0, &distance)) {
        return -EFAULT;
    }
    op->num_nodes = 1;
    return 0;
}

/* Firmware's word on devices and nodes is not read, so none has one. */
static long op_pcitopoinfo(struct xen_sysctl_pcitopoinfo *op)
{
    uint32_t i;

    if (!op->devs.p || !op->nodes.p) {
        return -EINVAL;
    }
    for (i = 0; i < op->num_devs; i++) {
        struct physdev_pci_device dev;
        uint32_t node;

        if (guest_read_handle(&dev, op->devs, i)) {
            return -EFAULT;
        }
        node =
            pci_find((sbdf_t){ dev.seg, (uint16_t)(dev.bus << 8 | dev.devfn) })
                ? XEN_INVALID_NODE_ID
                : XEN_INVALID_DEV;
        if (guest_write_handle(op->nodes, i, &node)) {
            return -EFAULT;
        }
        if (softirq_pending()) {
            i++;
            break; /* ABI: the tool goes on where we stopped */
        }
    }
    op->num_devs = i;
    return 0;
}

static long op_getcpuinfo(struct xen_sysctl_getcpuinfo *op)
{
    const uint32_t nr = min_of(op->max_cpus, highest_cpu() + 1);

    for (uint32_t i = 0; i < nr; i++) {
        struct xen_sysctl_cpuinfo info = { 0 };

        if (cpumask_test(&cpu_online, i)) {
            info.idletime = sched_idle_ns(i);
        }
        if (guest_write_handle(op->info, i, &info)) {
            return -EFAULT;
        }
    }
    op->nr_cpus = nr;
    return 0;
}

static long op_availheap(struct xen_sysctl_availheap *op)
{
    if (op->min_bitwidth || op->max_bitwidth) {
        return -EOPNOTSUPP; /* not counted by address */
    }
    op->avail_bytes =
        op->node <= 0 ? pg_free_total() << PAGE_SHIFT : UINT64_C(0);
    return 0;
}

long sysctl_info(struct xen_sysctl *op)
{
    switch (op->cmd) {
    case XEN_SYSCTL_physinfo:
        return op_physinfo(&op->u.physinfo);
    case XEN_SYSCTL_cputopoinfo:
        return op_cputopoinfo(&op->u.cputopoinfo);
    case XEN_SYSCTL_numainfo:
        return op_numainfo(&op->u.numainfo);
    case XEN_SYSCTL_pcitopoinfo:
        return op_pcitopoinfo(&op->u.pcitopoinfo);
    case XEN_SYSCTL_getcpuinfo:
        return op_getcpuinfo(&op->u.getcpuinfo);
    case XEN_SYSCTL_availheap:
        return op_availheap(&op->u.availheap);
    default:
        return -ENOSYS;
    }
}
