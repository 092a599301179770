/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HYPERVISOR_platform_op and HYPERVISOR_mca: the machine as Dom0 manages it.
 * Owns no state, needs no lock. ABI: <public/platform.h>.
 */
#include <xen/acpi.h>
#include <xen/cpumask.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/lib.h>
#include <xen/printk.h>
#include <xen/sched.h>
#include <xen/shutdown.h>
#include <xen/symbols.h>
#include <xen/time.h>
#include <xen/wallclock.h>

#include <asm/apic.h>
#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/resource-op.h>

#include <public/platform.h>

#define PM1_SLP_TYP(v) ((uint8_t)((v) >> 10 & 7))
#define ACPI_S5        5

static int op_settime(uint64_t secs, uint32_t nsecs, uint64_t at_ns)
{
    if (nsecs >= NS_PER_S) {
        return -EINVAL;
    }
    time_set_wallclock(secs, nsecs, at_ns);
    return 0;
}

/* We are started by a boot loader and ask the BIOS nothing. */
static int op_firmware_info(const struct xenpf_firmware_info *op)
{
    switch (op->type) {
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
    case XEN_FW_VBEDDC_INFO:
    case XEN_FW_KBD_SHIFT_FLAGS:
        return -ESRCH;
    case XEN_FW_EFI_INFO:
        return -ENOSYS;
    default:
        return -EINVAL;
    }
}

/* Only S5 exists; the rest of the values is checked by not being used. */
static int op_enter_sleep(const struct xenpf_enter_acpi_sleep *op)
{
    if (op->flags || op->sleep_state != ACPI_S5) {
        log_guest(LOG_WARN, "platform: sleep state S%u (flags %#x) refused\n",
                  op->sleep_state, op->flags);
        return op->sleep_state == ACPI_S5 ? -EINVAL : -EOPNOTSUPP;
    }
    machine_set_sleep_type(PM1_SLP_TYP(op->val_a), PM1_SLP_TYP(op->val_b));
    log_info("Dom0 asks for sleep state S5\n");
    machine_power_off();
}

static unsigned int highest_cpu(void)
{
    return (unsigned int)fls64(read_once(cpu_online.bits) | 1);
}

static int op_get_cpuinfo(struct xenpf_pcpuinfo *op)
{
    const struct madt_info *madt = acpi_madt();
    const uint32_t cpu = op->xen_cpuid;

    op->max_present = highest_cpu();
    op->flags = XEN_PCPU_FLAGS_INVALID;
    op->apic_id = UINT32_MAX;
    op->acpi_id = UINT32_MAX;
    if (cpu >= MAX_CPUS || !cpumask_test(&cpu_online, cpu)) {
        return 0;
    }
    op->flags = XEN_PCPU_FLAGS_ONLINE;
    op->apic_id = cpu_apicid[cpu];
    for (unsigned int i = 0; madt && i < madt->nr_cpus; i++) {
        if (madt->cpu[i].apic_id == op->apic_id) {
            op->acpi_id = madt->cpu[i].uid;
        }
    }
    return 0;
}

static int op_get_cpu_version(struct xenpf_pcpu_version *op)
{
    const uint32_t eax = boot_cpu.l1_eax;

    op->max_present = highest_cpu();
    if (op->xen_cpuid >= MAX_CPUS ||
        !cpumask_test(&cpu_online, op->xen_cpuid)) {
        memset(op->vendor_id, 0, sizeof(op->vendor_id));
        op->family = 0;
        op->model = 0;
        op->stepping = 0;
        return 0;
    }
    memcpy(op->vendor_id, boot_cpu.vendor, sizeof(op->vendor_id));
    op->family = eax >> 8 & 0xf;
    op->model = eax >> 4 & 0xf;
    if (op->family == 0xf || op->family == 6) {
        op->model |= (eax >> 16 & 0xf) << 4;
    }
    if (op->family == 0xf) {
        op->family += eax >> 20 & 0xff;
    }
    op->stepping = eax & 0xf;
    return 0;
}

static int op_cpu_online(const struct xenpf_cpu_ol *op, bool up)
{
    if (op->cpuid >= MAX_CPUS) {
        return -EINVAL;
    }
    if (up && cpumask_test(&cpu_online, op->cpuid)) {
        return 0;
    }
    log_guest(LOG_WARN, "platform: cpu%u cannot be taken %s\n", op->cpuid,
              up ? "up" : "down");
    return -EOPNOTSUPP;
}

static int op_getidletime(struct xenpf_getidletime *op)
{
    const uint32_t nr = min_of(op->cpumap_nr_cpus, (uint32_t)MAX_CPUS);
    uint8_t map[MAX_CPUS / 8] = { 0 };

    if (guest_read(map, (uint64_t)op->cpumap_bitmap.p, div_round_up(nr, 8))) {
        return -EFAULT;
    }
    for (unsigned int cpu = 0; cpu < nr; cpu++) {
        uint64_t ns;

        if (!(map[cpu / 8] >> (cpu % 8) & 1)) {
            continue;
        }
        if (!cpumask_test(&cpu_online, cpu)) {
            map[cpu / 8] &= (uint8_t) ~(1u << (cpu % 8));
            continue;
        }
        ns = sched_idle_ns(cpu);
        if (guest_write_handle(op->idletime, cpu, &ns)) {
            return -EFAULT;
        }
    }
    op->now = now_ns();
    return guest_write((uint64_t)op->cpumap_bitmap.p, map, div_round_up(nr, 8));
}

/* Symbol number symnum, and the number to ask for next. */
static int op_get_symbol(struct xenpf_symdata *op)
{
    const uint32_t nr = op->symnum;
    const char *name;
    size_t len;

    if (nr >= symbols_nr) {
        op->namelen = 0;
        return 0; /* symnum unchanged: the end */
    }
    name = symbols_names + symbols_name_offsets[nr];
    len = strlen(name);
    if (guest_write((uint64_t)op->name.p, name,
                    min_of(len + 1, (size_t)op->namelen))) {
        return -EFAULT;
    }
    op->namelen = (uint32_t)len;
    op->address = (uintptr_t)xen_start + symbols_offsets[nr];
    op->type = 't';
    op->symnum = nr + 1;
    return 0;
}

/* Things we know of and do not do; each says so. */
static int not_supported(const char *what)
{
    log_guest(LOG_DEBUG, "platform: %s is not supported\n", what);
    return -EOPNOTSUPP;
}

static int platform_op(struct xen_platform_op *op)
{
    switch (op->cmd) {
    case XENPF_settime32:
        return op_settime(op->u.settime32.secs, op->u.settime32.nsecs,
                          op->u.settime32.system_time);
    case XENPF_settime64:
        return op->u.settime64.mbz
                   ? -EINVAL
                   : op_settime(op->u.settime64.secs, op->u.settime64.nsecs,
                                op->u.settime64.system_time);
    case XENPF_firmware_info:
        return op_firmware_info(&op->u.firmware_info);
    case XENPF_enter_acpi_sleep:
        return op_enter_sleep(&op->u.enter_acpi_sleep);
    case XENPF_get_cpuinfo:
        return op_get_cpuinfo(&op->u.pcpu_info);
    case XENPF_get_cpu_version:
        return op_get_cpu_version(&op->u.pcpu_version);
    case XENPF_cpu_online:
        return op_cpu_online(&op->u.cpu_ol, true);
    case XENPF_cpu_offline:
        return op_cpu_online(&op->u.cpu_ol, false);
    case XENPF_getidletime:
        return op_getidletime(&op->u.getidletime);
    case XENPF_get_symbol:
        return op_get_symbol(&op->u.symdata);
    case XENPF_resource_op:
        return resource_op(&op->u.resource_op);
    case XENPF_set_processor_pminfo:
        return not_supported("power management of processors");
    case XENPF_microcode_update:
        return not_supported("loading microcode from Dom0");
    case XENPF_cpu_hotadd:
    case XENPF_mem_hotadd:
        return not_supported("adding hardware at run time");
    default:
        return -ENOSYS;
    }
}

long do_platform_op(struct hypercall_args *args)
{
    struct xen_platform_op op;
    int rc;

    if (!is_control_domain(current->domain)) {
        return -EPERM;
    }
    if (guest_read(&op, args->a[0], sizeof(op))) {
        return -EFAULT;
    }
    if (op.interface_version != XENPF_INTERFACE_VERSION) {
        return -EACCES;
    }
    rc = platform_op(&op);
    if (!rc && guest_write(args->a[0], &op, sizeof(op))) {
        rc = -EFAULT;
    }
    return rc;
}
