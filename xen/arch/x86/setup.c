/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The order of boot, and nothing else: each step says in its header what it
 * needs to have run before.
 */
#include <xen/acpi.h>
#include <xen/bug.h>
#include <xen/cmdline.h>
#include <xen/console.h>
#include <xen/domain.h>
#include <xen/iommu.h>
#include <xen/irq.h>
#include <xen/keyhandler.h>
#include <xen/lib.h>
#include <xen/pci.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/rangeset.h>
#include <xen/shutdown.h>
#include <xen/softirq.h>
#include <xen/time.h>
#include <xen/wallclock.h>

#include <asm/apic.h>
#include <asm/cpu-policy.h>
#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/e820.h>
#include <asm/mm-types.h>
#include <asm/pagetable.h>
#include <asm/setup.h>
#include <asm/spec-ctrl.h>
#include <asm/system.h>
#include <asm/traps.h>

static uint64_t opt_mem;
size_param("mem", opt_mem, 1024);

/* QEMU's -kernel puts the file's name in front of the options, GRUB does not. */
static const char *options_of(const char *line)
{
    const char *end = strchr(line, ' ');
    const char *eq = strchr(line, '=');
    const bool name = strchr(line, '/') == line ||
                      (strstr(line, "xen") && (!end || !eq || eq > end) &&
                       strstr(line, "xen") < (end ? end : line + strlen(line)));

    if (!name) {
        return line;
    }
    return end ? end + 1 : "";
}

static void banner(void)
{
    printk("Xen version 4.17.0-iommu: PV hypervisor with unshared IOMMU page "
           "tables\n");
    log_info("boot: loader %s, command line: %s\n", boot_info.loader,
             cmdline_saved());
    log_info("cpu: %s, %u physical address bits%s%s%s%s%s\n", boot_cpu.vendor,
             boot_cpu.phys_bits, boot_cpu.nx ? " nx" : "",
             boot_cpu.pge ? " global" : "", boot_cpu.page_1g ? " 1G" : "",
             boot_cpu.smep ? " smep" : "", boot_cpu.smap ? " smap" : "");
}

void *acpi_map(paddr_t pa, size_t len)
{
    mmio_t m;

    /* RAM and the first MiB are in the direct map; other tables are mapped. */
    if (pa + len <= BIT64(32) || mfn_valid(pa_to_mfn(pa))) {
        return pa_to_va(pa);
    }
    return mmio_map(pa, len, &m) ? NULL : (void *)m.va;
}

static void boot_tables(void)
{
    if (acpi_init(0)) {
        log_err("acpi: no usable tables\n");
    }
    irq_setup_early();
    time_init();
}

static void boot_devices(void)
{
    mmio_ro_ranges = rangeset_create("mmio-ro");
    if (!mmio_ro_ranges) {
        panic("no memory for the set of read-only device pages");
    }
    log_info("pci: %u functions\n", pci_probe());
    irq_setup();
    if (iommu_setup()) {
        log_warn("iommu: not used\n");
    }
}

static void boot_on_stack(void)
{
    sched_init();
    domain_init();
    perf_init();
    shutdown_init();
    pci_keys_init();
    xstate_init(true);
    cpu_policy_init();
    local_irq_enable();
    boot_devices();
    smp_boot_all();
    time_sync_cpus();
    console_events_init();
    dom0_build();
    console_vga_release();
    idle_loop();
}

void xen_boot(uint32_t mbi_pa)
{
    int rc;

    traps_init_early();
    cpu_detect();
    rc = multiboot_parse(mbi_pa);
    cmdline_parse(options_of(boot_info.cmdline));
    console_init();
    banner();
    if (rc || e820_finish(opt_mem)) {
        panic("boot: the loader gave no usable memory map (error %d)", rc);
    }
    cpu_enable();
    spec_ctrl_init();
    mem_init();
    traps_init_cpu(0);
    boot_tables();
    boot_on_stack();
    for (;;) {
        /* boot_on_stack() ended in the idle loop. */
    }
}
