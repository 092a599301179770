// SPDX-License-Identifier: GPL-2.0
/*
 * The orderly end after a crash: say why, show where, stop or reset. Trusts
 * nothing but its own text and the console. No lock.
 */
#include <xen/atomic.h>
#include <xen/bug.h>
#include <xen/cmdline.h>
#include <xen/console.h>
#include <xen/lib.h>
#include <xen/printk.h>
#include <xen/shutdown.h>
#include <xen/symbols.h>
#include <xen/time.h>

/* Ours: time to read the screen before it is gone. */
#define REBOOT_DELAY_S 5u

#define BACKTRACE_MAX 64u /* ours: deeper than any sane chain */

static bool opt_noreboot;
bool_param("noreboot", opt_noreboot);

static uint32_t panics;

bool panic_noreboot(void)
{
    return opt_noreboot;
}

bool panic_begun(void)
{
    return atomic_load(&panics) != 0;
}

static void backtrace_line(uintptr_t addr)
{
    size_t offset = 0;
    const char *name = symbol_lookup(addr, &offset);

    if (name) {
        printk("   [<%016lx>] %s+%#zx\n", (unsigned long)addr, name, offset);
    } else {
        printk("   [<%016lx>]\n", (unsigned long)addr);
    }
}

void backtrace_print(uintptr_t rip, uintptr_t rbp, uintptr_t lo, uintptr_t hi)
{
    unsigned int i;

    printk("Call trace:\n");
    backtrace_line(rip);
    for (i = 1; i < BACKTRACE_MAX; i++) {
        const uintptr_t *frame;

        /* Both words of the frame must lie inside; hi - rbp cannot wrap. */
        if (rbp < lo || rbp >= hi || hi - rbp < 2 * sizeof(*frame) ||
            rbp % sizeof(*frame)) {
            return;
        }
        frame = (const uintptr_t *)rbp;
        if (!frame[1]) {
            return;
        }
        backtrace_line(frame[1]);
        /* Callers are further up, or a loop would print for ever. */
        if (frame[0] <= rbp) {
            return;
        }
        rbp = frame[0];
    }
}

void panic(const char *fmt, ...)
{
    const unsigned int nth = atomic_add(&panics, 1u);
    va_list ap;

    console_start_panic();
    /* 1: the first. 2: it crashed again while reporting, or another CPU. */
    if (nth > 2) {
        machine_halt_after_panic();
    }
    printk("\n");
    printk("****************************************\n");
    printk("Panic on CPU %u:\n", arch_cpu_number());
    va_start(ap, fmt);
    vprintk(fmt, ap);
    va_end(ap);
    printk("\n");
    printk("****************************************\n");
    if (nth == 1) {
        arch_dump_state();
    }
    if (opt_noreboot) {
        printk("Halting: 'noreboot' is set\n");
        machine_halt_after_panic();
    }
    printk("Reboot in %u seconds...\n", REBOOT_DELAY_S);
    udelay(REBOOT_DELAY_S * UINT64_C(1000000));
    machine_restart_after_panic();
}

void boot_stop(const char *fmt, ...)
{
    char line[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    log_err("boot: %s\n", line);
    if (opt_noreboot) {
        machine_halt_after_panic();
    }
    machine_restart_after_panic();
}
