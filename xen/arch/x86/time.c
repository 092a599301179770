/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The clock: TSC scaled to nanoseconds since boot, the same for us and, by the
 * guests' time pages, for every vCPU; UTC on top of it. The scale is set once,
 * before the second CPU starts; wallclock_lock guards the UTC base and the
 * wallclock words of shared info pages.
 * Spec: SDM vol 3B "Time-Stamp Counter"; HPET 2.3; ACPI "Power
 * Management Timer"; <public/xen.h> struct vcpu_time_info.
 */
#include <xen/acpi.h>
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/console.h>
#include <xen/domain.h>
#include <xen/mmio.h>
#include <xen/printk.h>
#include <xen/smp.h>
#include <xen/spinlock.h>
#include <xen/time.h>
#include <xen/timer.h>
#include <xen/wallclock.h>

#include <asm/apic.h>
#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/io.h>
#include <asm/system.h>

#include <public/xen.h>

/* ns = ((ticks shifted left by shift) * mul) >> 32, as guests compute it. */
struct tsc_scale {
    uint32_t mul; /* its top bit is set */
    int8_t shift; /* negative: to the right */
};

/*
 * Before calibration time-outs must not end too early, so assume a TSC that is
 * faster than any: 5 GHz.
 */
#define ASSUMED_HZ UINT64_C(5000000000)

#define HPET_BYTES     0x400u
#define HPET_ID_PERIOD 0x004u /* femtoseconds a tick */
#define HPET_CONFIG    0x010u
#define HPET_COUNTER   0x0f0u
#define HPET_ENABLE    BIT32(0)
#define HPET_MAX_FS    100000000u /* spec: 100 ns at most */
#define FS_PER_NS      1000000u

#define PM_TIMER_HZ  UINT64_C(3579545)
#define PIT_HZ       UINT64_C(1193182)
#define PIT_CH2      0x42
#define PIT_COMMAND  0x43
#define PIT_GATE     0x61
#define PIT_GATE_ON  0x01
#define PIT_SPEAKER  0x02
#define PIT_OUT2     0x20
#define PIT_CH2_ONCE 0xb0 /* channel 2, both bytes, mode 0 */

#define CALIBRATE_NS      (10 * NS_PER_MS) /* ours */
#define CALIBRATE_SLOW_NS (20 * NS_PER_MS) /* for coarser clocks */
#define CALIBRATE_POLLS   20000000u        /* ours: then the clock is dead */
#define SYNC_ROUNDS       8u               /* ours: samples of each CPU */

#define CMOS_INDEX   0x70
#define CMOS_DATA    0x71
#define RTC_SEC      0x00
#define RTC_MIN      0x02
#define RTC_HOUR     0x04
#define RTC_DAY      0x07
#define RTC_MONTH    0x08
#define RTC_YEAR     0x09
#define RTC_A        0x0a
#define RTC_A_UIP    0x80
#define RTC_B        0x0b
#define RTC_B_BINARY 0x04
#define RTC_B_24H    0x02
#define RTC_PM       0x80
#define RTC_NMI_OFF  0x80 /* in the index port; we leave NMIs on */

static struct tsc_scale scale;
static uint64_t tsc_hz;   /* 0 until time_init() */
static uint64_t tsc_base; /* TSC of the boot CPU at time 0 */
static bool tsc_checked;  /* all CPUs agree with the boot CPU */
/* Added to a CPU's TSC to get the boot CPU's. */
static int64_t tsc_offset[MAX_CPUS];

static spinlock_t wallclock_lock = SPINLOCK_INIT;
static uint64_t wallclock_base_ns; /* UTC since 1970 at system time 0 */

/* ---- scale ---- */

/* a * b / c without overflow in between; UINT64_MAX if the result is larger. */
static uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    const unsigned __int128 p = (unsigned __int128)a * b;
    const uint64_t hi = (uint64_t)(p >> 64);
    uint64_t quotient;
    uint64_t rest;

    if (hi >= c) {
        return UINT64_MAX;
    }
    __asm__("divq %4"
            : "=a"(quotient), "=d"(rest)
            : "0"((uint64_t)p), "1"(hi), "rm"(c));
    (void)rest;
    return quotient;
}

static struct tsc_scale scale_of(uint64_t hz)
{
    struct tsc_scale s = { 0, 0 };
    uint64_t ns = NS_PER_S;

    /* Find 2^31 <= ns * 2^32 / hz < 2^32 by scaling one side or the other. */
    while (hz <= ns) {
        hz <<= 1;
        s.shift++;
    }
    while (hz > 2 * ns) {
        ns <<= 1;
        s.shift--;
    }
    s.mul = (uint32_t)mul_div(ns, BIT64(32), hz);
    if (!(s.mul & BIT32(31))) {
        s.mul = BIT32(31); /* hz was exactly twice ns: rounding only */
    }
    return s;
}

static uint64_t scale_ticks(struct tsc_scale s, uint64_t ticks)
{
    ticks = s.shift >= 0 ? ticks << s.shift : ticks >> -s.shift;
    return (uint64_t)(((unsigned __int128)ticks * s.mul) >> 32);
}

/* RDTSC may pass earlier loads; a time read after a flag must be later. */
static uint64_t tsc_read(void)
{
    __asm__ volatile("lfence" ::: "memory");
    return rdtsc();
}

static uint64_t tsc_now(void)
{
    if (unlikely(!tsc_hz)) {
        if (!tsc_base) {
            tsc_base = tsc_read();
            scale = scale_of(ASSUMED_HZ);
        }
        return tsc_read();
    }
    return tsc_read() + (uint64_t)read_once(tsc_offset[smp_cpu_id()]);
}

uint64_t raw_cycles(void)
{
    return rdtsc();
}

uint64_t now_ns(void)
{
    const uint64_t tsc = tsc_now();

    return likely(tsc > tsc_base) ? scale_ticks(scale, tsc - tsc_base) : 0;
}

void udelay(uint64_t us)
{
    const uint64_t start = now_ns();

    while (now_ns() - start < us * NS_PER_US) {
        cpu_relax();
    }
}

uint64_t tsc_khz(void)
{
    return (tsc_hz ? tsc_hz : ASSUMED_HZ) / 1000;
}

uint64_t tsc_from_ns(uint64_t ns)
{
    /* Years away is far enough, and the shifts below cannot overflow. */
    uint64_t ticks = mul_div(min_of(ns, BIT64(58)), BIT64(32), scale.mul) + 1;

    /* Round up at each step: a timer may be late, never early. */
    if (scale.shift >= 0) {
        ticks = (ticks + BIT64(scale.shift) - 1) >> scale.shift;
    } else {
        ticks <<= -scale.shift;
    }
    return tsc_base + ticks - (uint64_t)tsc_offset[smp_cpu_id()];
}

/* ---- reference clocks ---- */

/* A counter of known rate that goes up and wraps at mask + 1. */
struct ref_clock {
    const char *name;
    uint32_t (*read)(void);
    uint32_t mask;
    uint64_t fs;   /* femtoseconds a tick */
    uint64_t span; /* nanoseconds to measure over */
};

static mmio_t hpet_regs;
static uint16_t pm_timer_port;

static uint32_t hpet_read(void)
{
    return mmio_read32(hpet_regs, HPET_COUNTER);
}

static uint32_t pm_timer_read(void)
{
    return inl(pm_timer_port);
}

static bool boot_hpet(struct ref_clock *clk)
{
    const struct hpet_info *info = acpi_hpet();
    uint32_t fs;

    if (!info || mmio_map(info->pa, HPET_BYTES, &hpet_regs)) {
        return false;
    }
    fs = mmio_read32(hpet_regs, HPET_ID_PERIOD);
    if (!fs || fs > HPET_MAX_FS) {
        log_warn("time: HPET period %u fs makes no sense\n", fs);
        return false;
    }
    mmio_write32(hpet_regs, HPET_CONFIG,
                 mmio_read32(hpet_regs, HPET_CONFIG) | HPET_ENABLE);
    *clk =
        (struct ref_clock){ "HPET", hpet_read, UINT32_MAX, fs, CALIBRATE_NS };
    return true;
}

static bool boot_pm_timer(struct ref_clock *clk)
{
    const struct fadt_info *fadt = acpi_fadt();

    if (!fadt || !fadt->pm_timer.pa || fadt->pm_timer.space != ACPI_SPACE_IO ||
        fadt->pm_timer.pa > 0xfffc) {
        return false;
    }
    pm_timer_port = (uint16_t)fadt->pm_timer.pa;
    /* Only 24 bits are used: they exist in every implementation. */
    *clk = (struct ref_clock){ "ACPI PM timer", pm_timer_read, 0xffffff,
                               UINT64_C(1000000000000000) / PM_TIMER_HZ,
                               CALIBRATE_SLOW_NS };
    return true;
}

/* One pair of readings taken close together: the best of three. */
static uint32_t ref_sample(const struct ref_clock *clk, uint64_t *tsc)
{
    uint64_t best = UINT64_MAX;
    uint32_t ref = 0;

    for (unsigned int i = 0; i < 3; i++) {
        const uint64_t before = tsc_read();
        const uint32_t r = clk->read();
        const uint64_t after = tsc_read();

        if (after - before < best) {
            best = after - before;
            *tsc = before + (after - before) / 2;
            ref = r;
        }
    }
    return ref;
}

/* Return: TSC ticks a second, or 0 if the clock stands still. */
static uint64_t calibrate_ref(const struct ref_clock *clk)
{
    const uint32_t wait = (uint32_t)(clk->span * FS_PER_NS / clk->fs);
    uint64_t tsc0;
    uint64_t tsc1;
    uint32_t ref0;
    uint32_t ticks = 0;
    uint64_t hz;

    ref0 = ref_sample(clk, &tsc0);
    lapic_calibrate_begin();
    for (unsigned int i = 0; ticks < wait; i++) {
        if (i == CALIBRATE_POLLS) {
            return 0;
        }
        /* Device reads are dear: pause some between two of them. */
        for (unsigned int j = 0; j < 16; j++) {
            cpu_relax();
        }
        ticks = (clk->read() - ref0) & clk->mask;
    }
    ticks = (ref_sample(clk, &tsc1) - ref0) & clk->mask;
    hz = mul_div(tsc1 - tsc0, NS_PER_S * FS_PER_NS, (uint64_t)ticks * clk->fs);
    lapic_calibrate_end(hz);
    return hz;
}

/* Channel 2 counts down once; its output, readable at port 0x61, goes up. */
static uint64_t calibrate_pit(void)
{
    const uint16_t count = (uint16_t)(CALIBRATE_SLOW_NS * PIT_HZ / NS_PER_S);
    const uint8_t gate = inb(PIT_GATE);
    const uint64_t ns = count * NS_PER_S / PIT_HZ;
    uint64_t tsc0;
    uint64_t tsc1;
    unsigned int i = 0;
    uint64_t hz = 0;

    outb((uint8_t)((gate & ~PIT_SPEAKER) | PIT_GATE_ON), PIT_GATE);
    outb(PIT_CH2_ONCE, PIT_COMMAND);
    outb((uint8_t)count, PIT_CH2);
    outb((uint8_t)(count >> 8), PIT_CH2);
    tsc0 = tsc_read();
    lapic_calibrate_begin();
    while (!(inb(PIT_GATE) & PIT_OUT2) && i < CALIBRATE_POLLS) {
        i++;
    }
    tsc1 = tsc_read();
    outb(gate, PIT_GATE);
    if (i != CALIBRATE_POLLS && i != 0) {
        hz = mul_div(tsc1 - tsc0, NS_PER_S, ns);
    }
    lapic_calibrate_end(hz);
    return hz;
}

/* ---- real-time clock ---- */

static uint8_t cmos_read(uint8_t reg)
{
    outb((uint8_t)(reg & ~RTC_NMI_OFF), CMOS_INDEX);
    return inb(CMOS_DATA);
}

struct rtc_time {
    uint8_t sec, min, hour, day, month, year, century;
};

static void rtc_read_once(struct rtc_time *t, uint8_t century_reg)
{
    t->sec = cmos_read(RTC_SEC);
    t->min = cmos_read(RTC_MIN);
    t->hour = cmos_read(RTC_HOUR);
    t->day = cmos_read(RTC_DAY);
    t->month = cmos_read(RTC_MONTH);
    t->year = cmos_read(RTC_YEAR);
    t->century = century_reg ? cmos_read(century_reg) : 0;
}

static uint8_t from_bcd(uint8_t v, uint8_t status_b)
{
    return status_b & RTC_B_BINARY ? v : (uint8_t)((v >> 4) * 10 + (v & 0xf));
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, year >= 1970. */
static uint64_t days_since_1970(unsigned int year, unsigned int month,
                                unsigned int day)
{
    /* Count years from March: the leap day is then the last one. */
    const unsigned int y = month > 2 ? year : year - 1;
    const unsigned int m = month > 2 ? month - 3 : month + 9;
    const uint64_t days = UINT64_C(365) * y + y / 4 - y / 100 + y / 400 +
                          (153 * m + 2) / 5 + day - 1;

    return days - 719468; /* 1970-01-01 on the same count */
}

static uint64_t rtc_seconds(void)
{
    const struct fadt_info *fadt = acpi_fadt();
    const uint8_t century_reg = fadt && fadt->century < 128 ? fadt->century : 0;
    const uint64_t end = now_ns() + 5 * NS_PER_MS;
    struct rtc_time a;
    struct rtc_time b;
    unsigned int year;
    uint8_t status_b;
    uint8_t hour;

    if (fadt && (fadt->boot_arch & FADT_BOOT_NO_CMOSRTC)) {
        return 0;
    }
    /* An update takes 2 ms; two equal readings outside one are good. */
    do {
        while ((cmos_read(RTC_A) & RTC_A_UIP) && now_ns() < end) {
            cpu_relax();
        }
        rtc_read_once(&a, century_reg);
        rtc_read_once(&b, century_reg);
    } while ((a.sec != b.sec || a.min != b.min || a.hour != b.hour) &&
             now_ns() < end);

    status_b = cmos_read(RTC_B);
    hour = from_bcd(b.hour & (uint8_t)~RTC_PM, status_b);
    if (!(status_b & RTC_B_24H)) {
        hour = (uint8_t)(hour % 12 + (b.hour & RTC_PM ? 12 : 0));
    }
    year = from_bcd(b.year, status_b);
    if (century_reg && from_bcd(b.century, status_b) >= 19) {
        year += from_bcd(b.century, status_b) * 100u;
    } else {
        year += year < 70 ? 2000 : 1900;
    }
    b.month = from_bcd(b.month, status_b);
    b.day = from_bcd(b.day, status_b);
    if (year < 1970 || !b.month || b.month > 12 || !b.day || b.day > 31 ||
        hour > 23) {
        log_warn("time: real-time clock shows %u-%u-%u, ignored\n", year,
                 b.month, b.day);
        return 0;
    }
    return days_since_1970(year, b.month, b.day) * 86400 + hour * 3600u +
           from_bcd(b.min, status_b) * 60u + from_bcd(b.sec, status_b);
}

/* ---- setting up ---- */

static uint64_t wallclock_ns(void)
{
    return read_once(wallclock_base_ns) + now_ns();
}

void time_init(void)
{
    const char *name = "PIT";
    struct ref_clock clk;
    uint64_t hz = 0;
    uint64_t secs;

    (void)now_ns(); /* time 0 is at the latest here */
    if (boot_hpet(&clk) && (hz = calibrate_ref(&clk))) {
        name = clk.name;
    }
    if (!hz && boot_pm_timer(&clk) && (hz = calibrate_ref(&clk))) {
        name = clk.name;
    }
    if (!hz) {
        hz = calibrate_pit();
    }
    if (!hz) {
        panic("time: no clock to calibrate the TSC against");
    }
    scale = scale_of(hz);
    tsc_hz = hz;
    log_info("time: TSC %llu.%03llu MHz measured with %s%s\n",
             (unsigned long long)hz / 1000000,
             (unsigned long long)hz / 1000 % 1000, name,
             boot_cpu.invariant_tsc ? ", invariant" : "");

    secs = rtc_seconds();
    if (secs) {
        wallclock_base_ns = secs * NS_PER_S - now_ns();
    }
    log_info("time: %llu s since 1970 at boot\n", (unsigned long long)secs);
    console_set_wallclock(wallclock_ns);
    timers_init();
}

static void read_remote_tsc(void *arg)
{
    *(uint64_t *)arg = tsc_read();
}

/*
 * A sample is taken between two of ours, so its true value on our clock lies
 * between them; several samples narrow that down. Only a CPU that is certainly
 * off is corrected, and then the TSC is not called stable to guests.
 */
void time_sync_cpus(void)
{
    const unsigned int self = smp_cpu_id();
    unsigned int cpu;
    bool good = true;

    cpumask_for_each(cpu, &cpu_online)
    {
        const cpumask_t mask = CPUMASK_OF(cpu);
        int64_t lo = INT64_MIN;
        int64_t hi = INT64_MAX;

        if (cpu == self) {
            continue;
        }
        for (unsigned int i = 0; i < SYNC_ROUNDS; i++) {
            uint64_t there = 0;
            const uint64_t before = tsc_read();
            uint64_t after;

            smp_call(&mask, read_remote_tsc, &there);
            after = tsc_read();
            lo = max_of(lo, (int64_t)(before - there));
            hi = min_of(hi, (int64_t)(after - there));
        }
        if (lo > 0 || hi < 0) {
            const int64_t off = lo + (hi - lo) / 2;

            write_once(tsc_offset[cpu], off);
            log_warn("time: TSC of cpu%u differs by %lld ticks, corrected\n",
                     cpu, (long long)off);
            good = false;
        }
    }
    tsc_checked = good;
}

/* ---- what guests see ---- */

/*
 * The scale never changes, so a page is only written when it is new or another
 * offset applies: most context switches write nothing. One base for all vCPUs
 * makes their clocks equal to ours, to the nanosecond.
 */
void time_update_vcpu(struct vcpu *v)
{
    struct vcpu_time_info *t;
    const uint64_t base = tsc_base - (uint64_t)tsc_offset[smp_cpu_id()];
    const uint8_t flags =
        boot_cpu.invariant_tsc && tsc_checked ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
    uint32_t version;

    if (!v->info || !tsc_hz) {
        return;
    }
    t = &v->info->time;
    if (t->tsc_timestamp == base && t->tsc_to_system_mul == scale.mul &&
        t->tsc_shift == scale.shift && t->flags == flags &&
        t->system_time == 0 && !(t->version & 1)) {
        return;
    }
    /* The guest may scribble on it: whatever is there, be odd, then even. */
    version = read_once(t->version) | 1;
    atomic_store(&t->version, version);
    smp_mb();
    t->tsc_timestamp = base;
    t->system_time = 0;
    t->tsc_to_system_mul = scale.mul;
    t->tsc_shift = scale.shift;
    t->flags = flags;
    smp_mb();
    atomic_store(&t->version, version + 1);
}

void time_update_wallclock(struct domain *d)
{
    struct shared_info *s = d->shared;
    unsigned long flags;
    uint64_t ns;
    uint32_t version;

    if (!s) {
        return;
    }
    flags = spin_lock_irqsave(&wallclock_lock);
    ns = wallclock_base_ns + (uint64_t)d->wallclock_offset_s * NS_PER_S;
    version = read_once(s->wc_version) | 1;
    atomic_store(&s->wc_version, version);
    smp_mb();
    s->wc_sec = (uint32_t)(ns / NS_PER_S);
    s->wc_sec_hi = (uint32_t)(ns / NS_PER_S >> 32);
    s->wc_nsec = (uint32_t)(ns % NS_PER_S);
    smp_mb();
    atomic_store(&s->wc_version, version + 1);
    spin_unlock_irqrestore(&wallclock_lock, flags);
}

void time_set_wallclock(uint64_t secs, uint32_t nsecs, uint64_t at_ns)
{
    const unsigned long flags = spin_lock_irqsave(&wallclock_lock);
    struct domain *d;

    wallclock_base_ns = secs * NS_PER_S + nsecs - at_ns;
    spin_unlock_irqrestore(&wallclock_lock, flags);

    for (d = dom_next(-1); d;) {
        const int id = d->id;

        time_update_wallclock(d);
        dom_put(d);
        d = dom_next(id);
    }
}

uint64_t wallclock_secs(void)
{
    return wallclock_ns() / NS_PER_S;
}
