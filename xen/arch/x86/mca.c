/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine-check interface Dom0 sees: which CPUs there are, and a log that is
 * always empty, because a machine check stops the hypervisor. No lock.
 * Spec: <public/arch-x86/xen-mca.h>.
 */
#include <xen/cpumask.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/lib.h>

#include <asm/apic.h>
#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/system.h>

#include <public/arch-x86/xen-mca.h>

static void describe_cpu(unsigned int cpu, xen_mc_logical_cpu_t *out)
{
    memset(out, 0, sizeof(*out));
    out->mc_cpunr = cpu;
    out->mc_chipid = 0;
    out->mc_coreid = (uint16_t)cpu;
    out->mc_threadid = 0;
    out->mc_apicid = cpu_apicid[cpu];
    out->mc_clusterid = -1;
    out->mc_ncores = cpumask_weight(&cpu_online);
    out->mc_ncores_active = cpumask_weight(&cpu_online);
    out->mc_nthreads = 1;
    out->mc_cpuid_level = (int32_t)boot_cpu.max_basic;
    out->mc_family = boot_cpu.l1_eax >> 8 & 0xf;
    if (out->mc_family == 0xf) {
        out->mc_family += boot_cpu.l1_eax >> 20 & 0xff;
    }
    out->mc_model =
        (boot_cpu.l1_eax >> 4 & 0xf) | (boot_cpu.l1_eax >> 12 & 0xf0);
    out->mc_step = boot_cpu.l1_eax & 0xf;
    out->mc_vendor = boot_cpu.intel ? 0 : boot_cpu.amd ? 2 : UINT32_MAX;
    memcpy(out->mc_vendorid, boot_cpu.vendor, sizeof(boot_cpu.vendor));
    out->mc_cpu_caps[0] = boot_cpu.l1_edx;
    out->mc_cpu_caps[1] = boot_cpu.e1_edx;
    out->mc_cpu_caps[4] = boot_cpu.l1_ecx;
    out->mc_cpu_caps[6] = boot_cpu.e1_ecx;
}

/* Without a buffer, only the number is told; else as many as fit. */
static int physcpuinfo(struct xen_mc_physcpuinfo *op)
{
    const bool count_only = op->info.p == NULL;
    unsigned int cpu;
    uint32_t n = 0;
    int rc = 0;

    if (!count_only && op->ncpus == 0) {
        return -EINVAL;
    }
    cpumask_for_each(cpu, &cpu_online)
    {
        xen_mc_logical_cpu_t info;

        if (!count_only) {
            if (n == op->ncpus) {
                break;
            }
            describe_cpu(cpu, &info);
            rc = guest_write_handle(op->info, n, &info);
            if (rc) {
                return rc;
            }
        }
        n++;
    }
    op->ncpus = n;
    return 0;
}

long do_mca(struct hypercall_args *args)
{
    const uint64_t gva = args->a[0];
    struct xen_mc op;
    int rc;

    if (!is_control_domain(current->domain)) {
        return -EPERM;
    }
    rc = guest_read(&op, gva, sizeof(op));
    if (rc) {
        return rc;
    }
    if (op.interface_version != XEN_MCA_INTERFACE_VERSION) {
        return -EACCES;
    }
    switch (op.cmd) {
    case XEN_MC_fetch:
        op.u.mc_fetch.flags = XEN_MC_NODATA;
        op.u.mc_fetch.fetch_id = 0;
        break;
    case XEN_MC_physcpuinfo:
        rc = physcpuinfo(&op.u.mc_physcpuinfo);
        break;
    default:
        return -ENOSYS;
    }
    return rc ? rc : guest_write(gva, &op, sizeof(op));
}
