// SPDX-License-Identifier: GPL-2.0
/*
 * The log: levels, prefixes, the ring behind `xl dmesg`, and the limit on lines
 * a guest can cause. Output devices are console.c's business.
 *
 * Lock: the console lock (console_lock()) guards everything static here.
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/cmdline.h>
#include <xen/console.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/printk.h>
#include <xen/time.h>
#include <xen/wallclock.h>

/* Ours: longest text of one call; the rest of a longer one is cut off. */
#define LINE_BYTES 1024

static char ring[LOG_RING_BYTES];
/* Bytes ever logged, and the first one readers still see; both modulo 2^32. */
static uint32_t ring_head;
static uint32_t ring_tail;
static_assert((LOG_RING_BYTES & (LOG_RING_BYTES - 1)) == 0,
              "the ring index survives the wrap of its 32-bit counters");

static char line[LINE_BYTES];
static bool line_open; /* the last text written did not end in a newline */
static void (*log_notify)(void);
static uint64_t (*wallclock_ns)(void);

/* Lines up to always are printed, those up to limited at a bounded rate. */
struct thresholds {
    int always;
    int limited;
};

#define LEVEL_NONE (-1)

static struct thresholds host_level = { LOG_INFO, LOG_INFO };
static struct thresholds guest_level = { LEVEL_NONE, LOG_WARN };

static enum {
    STAMP_NONE,
    STAMP_BOOT,
    STAMP_DATE,
    STAMP_DATEMS,
    STAMP_RAW
} stamp;

/* A bucket of tokens: one line costs one. Both figures are ours. */
#define LIMIT_BURST     10u
#define LIMIT_REFILL_NS (500 * NS_PER_MS)

static struct {
    unsigned int tokens;
    uint64_t refilled_ns;
    unsigned int suppressed;
} limit = { .tokens = LIMIT_BURST };

/* The last of two names for one level is the one we print. */
static const struct {
    const char *name;
    int level;
} levels[] = {
    { "none", LEVEL_NONE }, { "error", LOG_ERR },   { "warning", LOG_WARN },
    { "info", LOG_INFO },   { "debug", LOG_DEBUG }, { "all", LOG_DEBUG },
};

static int parse_level(const char *s, size_t len, int *level)
{
    unsigned int i;

    for (i = 0; i < array_size(levels); i++) {
        if (strlen(levels[i].name) == len && !strncmp(levels[i].name, s, len)) {
            *level = levels[i].level;
            return 0;
        }
    }
    return -EINVAL;
}

static const char *level_name(int level)
{
    const char *name = "";

    for (unsigned int i = 0; i < array_size(levels); i++) {
        if (levels[i].level == level) {
            name = levels[i].name;
        }
    }
    return name;
}

/* @parse is one of those below; the caller runs while lines are printed. */
static int set_locked(int (*parse)(const char *value), const char *value)
{
    const unsigned long flags = console_lock();
    const int rc = parse(value);

    console_unlock(flags);
    return rc;
}

static void get_thresholds(const struct thresholds *t, char *value, size_t size)
{
    const struct thresholds v = { read_once(t->always), read_once(t->limited) };

    snprintf(value, size, "%s/%s", level_name(v.always), level_name(v.limited));
}

/* "<always>" or "<always>/<limited>". */
static int parse_thresholds(const char *value, struct thresholds *t)
{
    const char *slash = strchr(value, '/');
    struct thresholds v;
    int rc;

    rc = parse_level(value, slash ? (size_t)(slash - value) : strlen(value),
                     &v.always);
    if (rc) {
        return rc;
    }
    v.limited = v.always;
    if (slash) {
        rc = parse_level(slash + 1, strlen(slash + 1), &v.limited);
        if (rc) {
            return rc;
        }
    }
    if (v.limited < v.always) {
        v.limited = v.always;
    }
    *t = v;
    return 0;
}

static int parse_loglvl(const char *value)
{
    return parse_thresholds(value, &host_level);
}
custom_param("loglvl", parse_loglvl);

static int set_loglvl(const char *value)
{
    return set_locked(parse_loglvl, value);
}

static void get_loglvl(char *value, size_t size)
{
    get_thresholds(&host_level, value, size);
}

const struct run_option run_loglvl = { set_loglvl, get_loglvl };

static int parse_guest_loglvl(const char *value)
{
    return parse_thresholds(value, &guest_level);
}
custom_param("guest_loglvl", parse_guest_loglvl);

static int set_guest_loglvl(const char *value)
{
    return set_locked(parse_guest_loglvl, value);
}

static void get_guest_loglvl(char *value, size_t size)
{
    get_thresholds(&guest_level, value, size);
}

const struct run_option run_guest_loglvl = { set_guest_loglvl,
                                             get_guest_loglvl };

static const char *const stamp_names[] = {
    [STAMP_NONE] = "none",     [STAMP_BOOT] = "boot", [STAMP_DATE] = "date",
    [STAMP_DATEMS] = "datems", [STAMP_RAW] = "raw",
};

static int parse_timestamps(const char *value)
{
    bool on;

    for (unsigned int i = 0; i < array_size(stamp_names); i++) {
        if (!strcmp(value, stamp_names[i])) {
            stamp = i;
            return 0;
        }
    }
    if (cmdline_parse_bool(value, &on)) {
        return -EINVAL;
    }
    stamp = on ? STAMP_DATE : STAMP_NONE;
    return 0;
}
custom_param("console_timestamps", parse_timestamps);

static int set_timestamps(const char *value)
{
    return set_locked(parse_timestamps, value);
}

static void get_timestamps(char *value, size_t size)
{
    snprintf(value, size, "%s", stamp_names[read_once(stamp)]);
}

const struct run_option run_console_timestamps = { set_timestamps,
                                                   get_timestamps };

void console_set_log_notify(void (*fn)(void))
{
    atomic_store(&log_notify, fn);
}

void console_set_wallclock(uint64_t (*ns_since_epoch)(void))
{
    atomic_store(&wallclock_ns, ns_since_epoch);
}

static void ring_put(const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        ring[ring_head++ % LOG_RING_BYTES] = s[i];
    }
    if (ring_head - ring_tail > LOG_RING_BYTES) {
        ring_tail = ring_head - LOG_RING_BYTES;
    }
}

/* Days since 1970-01-01 to a date of the Gregorian calendar. */
static void civil_date(uint64_t days, unsigned int *y, unsigned int *m,
                       unsigned int *d)
{
    static const uint8_t month_days[12] = { 31, 28, 31, 30, 31, 30,
                                            31, 31, 30, 31, 30, 31 };
    unsigned int year = 1970;
    unsigned int month = 0;

    /* Bounded: a 64-bit count of nanoseconds ends within 600 years. */
    for (;; year++) {
        const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        const unsigned int in_year = leap ? 366 : 365;

        if (days >= in_year) {
            days -= in_year;
            continue;
        }
        for (;; month++) {
            const unsigned int in_month =
                month_days[month] + (leap && month == 1 ? 1u : 0u);

            if (days < in_month) {
                break;
            }
            days -= in_month;
        }
        break;
    }
    *y = year;
    *m = month + 1;
    *d = (unsigned int)days + 1;
}

static int format_date(char *buf, size_t size, uint64_t ns)
{
    const uint64_t secs = ns / NS_PER_S;
    const unsigned int in_day = (unsigned int)(secs % 86400);
    unsigned int y;
    unsigned int m;
    unsigned int d;
    int len;

    civil_date(secs / 86400, &y, &m, &d);
    len = snprintf(buf, size, "[%04u-%02u-%02u %02u:%02u:%02u", y, m, d,
                   in_day / 3600, in_day / 60 % 60, in_day % 60);
    if (stamp == STAMP_DATEMS) {
        len += snprintf(buf + len, size - (size_t)len, ".%03u",
                        (unsigned int)(ns / NS_PER_MS % 1000));
    }
    len += snprintf(buf + len, size - (size_t)len, "] ");
    return len;
}

/* Time of day, or 0 as long as nobody knows it. */
static uint64_t utc_ns(void)
{
    uint64_t (*fn)(void) = atomic_load(&wallclock_ns);

    return fn ? fn() : wallclock_secs() * NS_PER_S;
}

static void put_prefix(void)
{
    char buf[64];
    const uint64_t ns = now_ns();
    uint64_t utc;
    int len = snprintf(buf, sizeof(buf), "(XEN) ");
    const size_t left = sizeof(buf) - (size_t)len;

    switch (stamp) {
    case STAMP_NONE:
        break;
    case STAMP_DATE:
    case STAMP_DATEMS:
        utc = utc_ns();
        if (utc) {
            len += format_date(buf + len, left, utc);
            break;
        }
        fallthrough;
    case STAMP_BOOT:
        len += snprintf(buf + len, left, "[%5u.%06u] ",
                        (unsigned int)(ns / NS_PER_S),
                        (unsigned int)(ns % NS_PER_S / NS_PER_US));
        break;
    case STAMP_RAW:
        len += snprintf(buf + len, left, "[%016llx] ",
                        (unsigned long long)raw_cycles());
        break;
    }
    ring_put(buf, (size_t)len);
    console_emit(buf, (size_t)len);
}

/* Console lock held. Every line that is begun here gets its prefix. */
static void put_text(const char *s, size_t n)
{
    while (n) {
        const char *nl = memchr(s, '\n', n);
        const size_t part = nl ? (size_t)(nl - s) + 1 : n;

        if (!line_open) {
            put_prefix();
        }
        ring_put(s, part);
        console_emit(s, part);
        line_open = !nl;
        s += part;
        n -= part;
    }
}

static void put_format(const char *fmt, va_list ap) printf_like(1, 0);
static void put_format(const char *fmt, va_list ap)
{
    const int len = vsnprintf(line, sizeof(line), fmt, ap);

    if (len >= (int)sizeof(line)) {
        line[sizeof(line) - 2] = '\n';
        put_text(line, sizeof(line) - 1);
    } else if (len > 0) {
        put_text(line, (size_t)len);
    }
}

static void put_note(const char *fmt, ...) printf_like(1, 2);
static void put_note(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    put_format(fmt, ap);
    va_end(ap);
}

/* Console lock held. False: this line must not be printed. */
static bool limit_take(void)
{
    const uint64_t now = now_ns();
    const uint64_t gained = (now - limit.refilled_ns) / LIMIT_REFILL_NS;

    if (gained) {
        limit.tokens =
            (unsigned int)min_of(gained + limit.tokens, (uint64_t)LIMIT_BURST);
        limit.refilled_ns += gained * LIMIT_REFILL_NS;
    }
    if (!limit.tokens) {
        limit.suppressed++;
        return false;
    }
    limit.tokens--;
    if (limit.suppressed) {
        const unsigned int nr = limit.suppressed;

        limit.suppressed = 0;
        put_note("log: %u messages suppressed\n", nr);
    }
    return true;
}

static void tell_readers(void)
{
    void (*fn)(void) = atomic_load(&log_notify);

    if (fn) {
        fn();
    }
}

static void log_at(const struct thresholds *t, enum log_level level,
                   const char *fmt, va_list ap) printf_like(3, 0);
static void log_at(const struct thresholds *t, enum log_level level,
                   const char *fmt, va_list ap)
{
    unsigned long flags;
    bool shown;

    if ((int)level > t->limited) {
        return;
    }
    flags = console_lock();
    shown = (int)level <= t->always || limit_take();
    if (shown) {
        put_format(fmt, ap);
    }
    console_unlock(flags);
    if (shown) {
        tell_readers();
    }
}

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_at(&host_level, level, fmt, ap);
    va_end(ap);
}

void log_guest(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_at(&guest_level, level, fmt, ap);
    va_end(ap);
}

void vprintk(const char *fmt, va_list ap)
{
    const unsigned long flags = console_lock();

    put_format(fmt, ap);
    console_unlock(flags);
    tell_readers();
}

void printk(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vprintk(fmt, ap);
    va_end(ap);
}

uint32_t log_read(char *buf, uint32_t len, uint32_t *index, bool incremental,
                  bool clear)
{
    const unsigned long flags = console_lock();
    uint32_t at = ring_tail;
    uint32_t nr;
    uint32_t i;

    /* An index outside the kept window is stale or made up: start afresh. */
    if (incremental && *index - ring_tail <= ring_head - ring_tail) {
        at = *index;
    }
    nr = min_of(ring_head - at, len);
    for (i = 0; i < nr; i++) {
        buf[i] = ring[(at + i) % LOG_RING_BYTES];
    }
    *index = at + nr;
    if (clear) {
        ring_tail = ring_head;
    }
    console_unlock(flags);
    return nr;
}

void log_replay(void)
{
    uint32_t at = ring_tail;

    while (at != ring_head) {
        const uint32_t pos = at % LOG_RING_BYTES;
        const uint32_t nr = min_of(ring_head - at, LOG_RING_BYTES - pos);

        console_emit(ring + pos, nr);
        at += nr;
    }
}
