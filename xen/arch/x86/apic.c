/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Local APICs, by memory-mapped registers (xAPIC) or by MSRs (x2APIC). Owns the
 * register block of the CPU it runs on; needs no lock, but the interrupt
 * command register is two words in xAPIC mode, so interrupts are off for it.
 * Spec: SDM vol 3A, 11 "Advanced Programmable Interrupt Controller".
 */
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/cmdline.h>
#include <xen/errno.h>
#include <xen/mmio.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/spinlock.h>
#include <xen/time.h>
#include <xen/wallclock.h>

#include <asm/apic.h>
#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/system.h>

/* Register offsets; an x2APIC register is MSR 0x800 + offset / 16. */
#define REG_ID        0x020u
#define REG_VERSION   0x030u
#define REG_TPR       0x080u
#define REG_EOI       0x0b0u
#define REG_LDR       0x0d0u
#define REG_DFR       0x0e0u
#define REG_SVR       0x0f0u
#define REG_ISR       0x100u /* eight words, 16 bytes apart */
#define REG_ESR       0x280u
#define REG_LVT_CMCI  0x2f0u
#define REG_ICR       0x300u
#define REG_ICR_HIGH  0x310u
#define REG_LVT_TIMER 0x320u
#define REG_LVT_HEAT  0x330u
#define REG_LVT_PERF  0x340u
#define REG_LVT_LINT0 0x350u
#define REG_LVT_LINT1 0x360u
#define REG_LVT_ERROR 0x370u
#define REG_COUNT     0x380u /* initial */
#define REG_CURRENT   0x390u
#define REG_DIVIDE    0x3e0u
#define LAPIC_BYTES   0x400u

#define BASE_ENABLE BIT64(11) /* MSR_APIC_BASE */
#define BASE_X2APIC BIT64(10)
#define BASE_ADDR   FIELD64(51, 12)

#define VERSION_MAX_LVT FIELD32(23, 16)
#define SVR_ENABLE      BIT32(8)

#define ICR_FIXED   0u
#define ICR_NMI     0x400u
#define ICR_INIT    0x500u
#define ICR_STARTUP 0x600u
#define ICR_PENDING BIT32(12)
#define ICR_ASSERT  BIT32(14)

#define LVT_NMI      0x400u
#define LVT_MASKED   BIT32(16)
#define LVT_DEADLINE (2u << 17)

#define DIVIDE_BY_16 0x3u /* ours: about 70 s of range at 1 GHz */

#define MSR_TSC_DEADLINE 0x000006e0

#define COUNT_TRIES 5 /* ours: a host may take the CPU away in most of them */

#define ICR_WAIT_NS  (10 * NS_PER_MS) /* ours; SDM: microseconds */
#define CALIBRATE_NS (10 * NS_PER_MS)

uint32_t cpu_apicid[MAX_CPUS] = { [0 ... MAX_CPUS - 1] = APICID_NONE };

static mmio_t lapic_regs;
static bool lapic_ready;
static bool x2apic_mode;
static bool deadline_mode;
static uint64_t timer_hz; /* counts a second after the divider; 0: unknown */

/*
 * Switch to x2APIC although the firmware did not. Off by default: it asks
 * interrupt remapping for 32-bit destinations, which only large machines need.
 */
static bool opt_x2apic;
bool_param("x2apic", opt_x2apic);

static uint32_t lapic_read(unsigned int reg)
{
    if (x2apic_mode) {
        return (uint32_t)rdmsr(MSR_X2APIC_BASE + (reg >> 4));
    }
    return mmio_read32(lapic_regs, reg);
}

static void lapic_write(unsigned int reg, uint32_t v)
{
    if (x2apic_mode) {
        wrmsr(MSR_X2APIC_BASE + (reg >> 4), v);
    } else {
        mmio_write32(lapic_regs, reg, v);
    }
}

bool lapic_present(void)
{
    return lapic_ready;
}

bool lapic_is_x2apic(void)
{
    return x2apic_mode;
}

uint32_t lapic_id(void)
{
    const uint32_t id = lapic_read(REG_ID);

    return x2apic_mode ? id : id >> 24;
}

void lapic_eoi(void)
{
    lapic_write(REG_EOI, 0);
}

bool lapic_in_service(unsigned int vector)
{
    return lapic_read(REG_ISR + vector / 32 * 16) >> (vector % 32) & 1;
}

/* Choose the interface and make the registers reachable; boot CPU only. */
static void lapic_probe(void)
{
    const uint64_t base = rdmsr(MSR_APIC_BASE);

    x2apic_mode = (base & BASE_X2APIC) || (boot_cpu.x2apic && opt_x2apic);
    if (!x2apic_mode && mmio_map(base & BASE_ADDR, LAPIC_BYTES, &lapic_regs)) {
        panic("local APIC: no room to map %#llx",
              (unsigned long long)(base & BASE_ADDR));
    }
    deadline_mode = boot_cpu.tsc_deadline;
}

/* The enable bits of MSR_APIC_BASE as this mode wants them. */
static void lapic_enable_base(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    if (!(base & BASE_ENABLE)) {
        /* x2APIC may only be set while the APIC is enabled already. */
        base |= BASE_ENABLE;
        wrmsr(MSR_APIC_BASE, base);
    }
    if (x2apic_mode && !(base & BASE_X2APIC)) {
        wrmsr(MSR_APIC_BASE, base | BASE_X2APIC);
    } else if (!x2apic_mode && (base & BASE_X2APIC)) {
        /* x2APIC can only be left through the disabled state. */
        wrmsr(MSR_APIC_BASE, base & ~(BASE_ENABLE | BASE_X2APIC));
        wrmsr(MSR_APIC_BASE, (base & ~BASE_X2APIC) | BASE_ENABLE);
    }
}

static void lapic_setup_timer(void)
{
    if (deadline_mode) {
        lapic_write(REG_LVT_TIMER, VEC_TIMER | LVT_DEADLINE);
        /* The mode change must be done before the first deadline. */
        smp_mb();
        wrmsr(MSR_TSC_DEADLINE, 0);
    } else {
        lapic_write(REG_DIVIDE, DIVIDE_BY_16);
        lapic_write(REG_LVT_TIMER, VEC_TIMER);
        lapic_write(REG_COUNT, 0);
    }
}

void lapic_init(bool boot)
{
    unsigned int max_lvt;

    if (boot) {
        lapic_probe();
    }
    lapic_enable_base();
    max_lvt = FIELD_GET(VERSION_MAX_LVT, lapic_read(REG_VERSION));

    lapic_write(REG_LVT_LINT0, LVT_MASKED);
    lapic_write(REG_LVT_LINT1, boot ? LVT_NMI : LVT_NMI | LVT_MASKED);
    lapic_write(REG_LVT_TIMER, VEC_TIMER | LVT_MASKED);
    if (max_lvt >= 4) {
        lapic_write(REG_LVT_PERF, LVT_MASKED);
    }
    if (max_lvt >= 5) {
        lapic_write(REG_LVT_HEAT, LVT_MASKED);
    }
    if (max_lvt >= 6) {
        lapic_write(REG_LVT_CMCI, LVT_MASKED);
    }
    if (!x2apic_mode) {
        /* Logical mode is not used; flat keeps the registers harmless. */
        lapic_write(REG_DFR, UINT32_MAX);
        lapic_write(REG_LDR, 0);
    }
    lapic_write(REG_TPR, 0);
    lapic_write(REG_SVR, SVR_ENABLE | VEC_SPURIOUS);

    /*
     * Whatever firmware left in service would block lower vectors. EOI ends
     * the highest one, so the count of set bits is what matters.
     */
    for (unsigned int i = 0; i < 8; i++) {
        uint32_t word = lapic_read(REG_ISR + i * 16);

        for (; word; word &= word - 1) {
            lapic_eoi();
        }
    }
    lapic_write(REG_ESR, 0);
    lapic_write(REG_LVT_ERROR, VEC_ERROR);
    lapic_write(REG_ESR, 0);
    lapic_setup_timer();

    if (boot) {
        cpu_apicid[0] = lapic_id();
        lapic_ready = true;
        log_info("apic: %s, boot CPU id %#x, timer %s\n",
                 x2apic_mode ? "x2APIC" : "xAPIC", cpu_apicid[0],
                 deadline_mode ? "TSC deadline" : "one-shot");
    }
}

/*
 * Wait until the last command has left. x2APIC has no such state. The deadline
 * is in now_ns() time, which also runs before calibration.
 */
static int icr_wait(void)
{
    uint64_t end;

    if (x2apic_mode || !(mmio_read32(lapic_regs, REG_ICR) & ICR_PENDING)) {
        return 0;
    }
    end = now_ns() + ICR_WAIT_NS;
    while (mmio_read32(lapic_regs, REG_ICR) & ICR_PENDING) {
        if (now_ns() > end) {
            return -ETIMEDOUT;
        }
        cpu_relax();
    }
    return 0;
}

static int icr_send(uint32_t apic_id, uint32_t command)
{
    unsigned long flags;
    int rc;

    if (x2apic_mode) {
        /* MSR writes are not ordered with earlier stores by themselves. */
        smp_mb();
        wrmsr(MSR_X2APIC_BASE + (REG_ICR >> 4),
              (uint64_t)apic_id << 32 | command);
        return 0;
    }
    flags = local_irq_save();
    rc = icr_wait();
    if (!rc) {
        mmio_write32(lapic_regs, REG_ICR_HIGH, apic_id << 24);
        mmio_write32(lapic_regs, REG_ICR, command);
    }
    local_irq_restore(flags);
    if (rc) {
        log_err("apic: command register busy, %#x for id %#x not sent\n",
                command, apic_id);
    }
    return rc;
}

int lapic_send_ipi(uint32_t apic_id, unsigned int vector)
{
    perf_inc(ipis);
    return icr_send(apic_id, ICR_FIXED | ICR_ASSERT | vector);
}

int lapic_send_nmi(uint32_t apic_id)
{
    perf_inc(ipis);
    return icr_send(apic_id, ICR_NMI | ICR_ASSERT);
}

int lapic_send_init(uint32_t apic_id)
{
    const int rc = icr_send(apic_id, ICR_INIT | ICR_ASSERT);

    return rc ? rc : icr_wait();
}

int lapic_send_startup(uint32_t apic_id, unsigned int page)
{
    int rc;

    if (page > 0xff) {
        return -EINVAL;
    }
    rc = icr_send(apic_id, ICR_STARTUP | ICR_ASSERT | page);
    return rc ? rc : icr_wait();
}

/*
 * The counter and the TSC at one moment. Of several readings the one that took
 * least: anything may come between two instructions of a guest.
 */
static uint32_t count_sample(uint64_t *tsc)
{
    uint64_t best = UINT64_MAX;
    uint32_t count = 0;

    for (unsigned int i = 0; i < COUNT_TRIES; i++) {
        const uint64_t before = raw_cycles();
        const uint32_t c = lapic_read(REG_CURRENT);
        const uint64_t took = raw_cycles() - before;

        if (took < best) {
            best = took;
            *tsc = before + took / 2;
            count = c;
        }
    }
    return count;
}

static uint32_t begin_count;
static uint64_t begin_tsc;

void lapic_calibrate_begin(void)
{
    if (lapic_ready && !deadline_mode) {
        lapic_write(REG_LVT_TIMER, VEC_TIMER | LVT_MASKED);
        lapic_write(REG_COUNT, UINT32_MAX);
        begin_count = count_sample(&begin_tsc);
    }
}

void lapic_calibrate_end(uint64_t tsc_hz)
{
    uint64_t tsc;
    uint64_t counts;

    if (!lapic_ready || deadline_mode || !tsc_hz) {
        return;
    }
    counts = begin_count - count_sample(&tsc);
    lapic_write(REG_COUNT, 0);
    lapic_write(REG_LVT_TIMER, VEC_TIMER);
    if (tsc > begin_tsc) {
        timer_hz = counts * (tsc_hz / 1000) / (tsc - begin_tsc) * 1000;
    }
    if (!timer_hz) {
        panic("apic: the timer does not count");
    }
    log_info("apic: timer %llu kHz after division by 16\n",
             (unsigned long long)timer_hz / 1000);
}

void lapic_timer_set(uint64_t deadline_ns)
{
    uint64_t now;
    uint64_t counts;

    if (deadline_mode) {
        wrmsr(MSR_TSC_DEADLINE, deadline_ns ? tsc_from_ns(deadline_ns) : 0);
        return;
    }
    if (!deadline_ns) {
        lapic_write(REG_COUNT, 0);
        return;
    }
    if (!timer_hz) {
        /* time_init() ran before the APIC was there: measure against TSC. */
        lapic_calibrate_begin();
        udelay(CALIBRATE_NS / NS_PER_US);
        lapic_calibrate_end(tsc_khz() * 1000);
    }
    now = now_ns();
    counts = 1;
    if (deadline_ns > now) {
        /* At most ten seconds, so that the product stays below 2^64. */
        const uint64_t ns = min_of(deadline_ns - now, 10 * NS_PER_S);

        counts = min_of(ns * (timer_hz / 1000) / (NS_PER_S / 1000) + 1,
                        (uint64_t)UINT32_MAX);
    }
    lapic_write(REG_COUNT, (uint32_t)counts);
}

void lapic_error_interrupt(void)
{
    uint32_t status;

    lapic_write(REG_ESR, 0);
    status = lapic_read(REG_ESR);
    log_err("cpu%u: local APIC error, status %#x\n", smp_cpu_id(), status);
}
