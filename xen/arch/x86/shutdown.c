/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reset, power off, halt. What is needed of the firmware's tables is copied at
 * boot, because afterwards nothing may be trusted to work. No lock.
 * Spec: ACPI 4.8.3.2 "PM1 Control Registers", 4.8.3.6 "Reset Register"; ICH9
 * "Reset Control Register" (0xcf9); 8042 "Pulse Output Port".
 */
#include <xen/acpi.h>
#include <xen/bits.h>
#include <xen/iommu.h>
#include <xen/keyhandler.h>
#include <xen/mmio.h>
#include <xen/pci.h>
#include <xen/printk.h>
#include <xen/shutdown.h>
#include <xen/smp.h>
#include <xen/time.h>

#include <asm/io.h>
#include <asm/system.h>

#define PM1_SLP_TYP FIELD32(12, 10)
#define PM1_SLP_EN  BIT32(13)
#define PM1_KEEP    0x0203u /* SCI_EN, BM_RLD, ignore bit: as they are */

#define RESET_CONTROL 0xcf9
#define RESET_HARD    0x02
#define RESET_GO      0x06
#define RESET_FULL    0x0e

#define KBC_STATUS  0x64
#define KBC_COMMAND 0x64
#define KBC_BUSY    0x02
#define KBC_PULSE   0xfe

#define SETTLE_US    UINT64_C(50000)   /* ours: before the next method */
#define POWER_OFF_US UINT64_C(2000000) /* ours: S5 may take its time */

static struct {
    struct acpi_reg reset;
    struct acpi_reg pm1a;
    struct acpi_reg pm1b;
    mmio_t reset_mmio;
    uint8_t reset_value;
    uint8_t typ_a;
    uint8_t typ_b;
    bool has_reset;
    bool has_s5;
} fw;

void machine_prepare_shutdown(void)
{
    const struct fadt_info *fadt = acpi_fadt();

    if (!fadt) {
        return;
    }
    fw.reset = fadt->reset;
    fw.reset_value = fadt->reset_value;
    fw.has_reset = fadt->has_reset && fadt->reset.pa;
    fw.pm1a = fadt->pm1a_cnt;
    fw.pm1b = fadt->pm1b_cnt;
    fw.has_s5 = fadt->has_s5;
    fw.typ_a = fadt->s5_typ_a;
    fw.typ_b = fadt->s5_typ_b;
    if (fw.has_reset && fw.reset.space == ACPI_SPACE_MEM &&
        mmio_map(fw.reset.pa, 1, &fw.reset_mmio)) {
        fw.has_reset = false;
    }
}

void machine_set_sleep_type(uint8_t typ_a, uint8_t typ_b)
{
    if (!fw.has_s5) {
        fw.typ_a = typ_a & 7;
        fw.typ_b = typ_b & 7;
        fw.has_s5 = true;
    }
}

static void noreturn_fn stand_still(void)
{
    for (;;) {
        __asm__ volatile("cli; hlt" ::: "memory");
    }
}

/* ---- reset ---- */

static void reset_by_register(void)
{
    if (!fw.has_reset) {
        return;
    }
    switch (fw.reset.space) {
    case ACPI_SPACE_IO:
        outb(fw.reset_value, (uint16_t)fw.reset.pa);
        break;
    case ACPI_SPACE_MEM:
        mmio_write8(fw.reset_mmio, 0, fw.reset_value);
        break;
    case ACPI_SPACE_PCI:
        /* Bus 0; device, function and offset in words of the address. */
        pci_write(SBDF(0, 0, fw.reset.pa >> 32 & 0x1f, fw.reset.pa >> 16 & 7),
                  (unsigned int)fw.reset.pa & 0xff, 1, fw.reset_value);
        break;
    default:
        return;
    }
    udelay(SETTLE_US);
}

static void reset_by_chipset(void)
{
    const uint8_t old =
        (uint8_t)(inb(RESET_CONTROL) & ~(RESET_FULL | RESET_GO));

    outb(old | RESET_HARD, RESET_CONTROL);
    udelay(50);
    outb(old | RESET_GO, RESET_CONTROL);
    udelay(SETTLE_US);
    outb(old | RESET_FULL, RESET_CONTROL);
    udelay(SETTLE_US);
}

static void reset_by_keyboard(void)
{
    for (unsigned int i = 0; i < 10; i++) {
        for (unsigned int j = 0; j < 1000; j++) {
            if (!(inb(KBC_STATUS) & KBC_BUSY)) {
                break;
            }
            udelay(2);
        }
        outb(KBC_PULSE, KBC_COMMAND);
        udelay(SETTLE_US / 10);
    }
}

/* An exception without an IDT is a triple fault, which resets the CPU. */
static void noreturn_fn reset_by_fault(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } packed_abi none = { 0, 0 };

    __asm__ volatile("lidt %0; int3" ::"m"(none) : "memory");
    stand_still();
}

static void noreturn_fn reset(void)
{
    local_irq_disable();
    reset_by_register();
    reset_by_chipset();
    reset_by_keyboard();
    reset_by_fault();
}

void machine_restart(void)
{
    printk("Restarting the machine\n");
    smp_stop_others();
    local_irq_disable();
    if (iommu_enabled) {
        iommu_disable_all();
    }
    reset();
}

void machine_restart_after_panic(void)
{
    smp_stop_others();
    reset();
}

/* ---- power off, halt ---- */

static void pm1_write(const struct acpi_reg *reg, uint8_t typ, bool enable)
{
    uint16_t port;
    uint32_t v;

    if (!reg->pa || reg->space != ACPI_SPACE_IO || reg->pa > 0xfffe) {
        return;
    }
    port = (uint16_t)reg->pa;
    v = (inw(port) & PM1_KEEP) | FIELD_PREP(PM1_SLP_TYP, (uint32_t)typ) |
        (enable ? PM1_SLP_EN : 0);
    outw((uint16_t)v, port);
}

void machine_power_off(void)
{
    printk("Switching the machine off\n");
    smp_stop_others();
    local_irq_disable();
    if (iommu_enabled) {
        iommu_disable_all();
    }
    if (fw.has_s5) {
        /* First the type in both, then the command in both. */
        pm1_write(&fw.pm1a, fw.typ_a, false);
        pm1_write(&fw.pm1b, fw.typ_b, false);
        pm1_write(&fw.pm1a, fw.typ_a, true);
        pm1_write(&fw.pm1b, fw.typ_b, true);
        udelay(POWER_OFF_US);
    }
    printk("The machine did not switch off%s\n",
           fw.has_s5 ? "" : ": firmware describes no S5");
    machine_halt();
}

void machine_halt(void)
{
    printk("The machine is halted; it is safe to switch it off\n");
    smp_stop_others();
    stand_still();
}

void machine_halt_after_panic(void)
{
    smp_stop_others();
    stand_still();
}

static void restart_key(unsigned char key)
{
    (void)key;
    printk("Restarting at the console's request\n");
    machine_restart();
}

void shutdown_init(void)
{
    key_register('R', restart_key, "reboot the machine");
}
