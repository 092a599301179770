// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/common/printk.c xen/common/console.c xen/common/keyhandler.c
// SOURCES: xen/common/cmdline.c xen/drivers/char/ns16550.c xen/lib/strtox.c
/*
 * The log ring, levels, rate limit, time stamps, UART and input switch, with a
 * UART that is an array. The table of options is empty.
 */
#include <stdlib.h>

#include <xen/cmdline.h>
#include <xen/console.h>
#include <xen/errno.h>
#include <xen/keyhandler.h>
#include <xen/lib.h>
#include <xen/mmio.h>
#include <xen/ns16550.h>
#include <xen/portio.h>
#include <xen/printk.h>
#include <xen/time.h>
#include <xen/wallclock.h>

#include "expect.h"

extern const struct xen_param xen_param_start[];
extern const struct xen_param xen_param_end[];
const struct xen_param xen_param_start[1];
const struct xen_param xen_param_end[1];

/* ---- the machine ------------------------------------------------------ */

static char sent[300000];
static size_t nr_sent;
static const char *received = "";
static uint8_t regs[8];
static uint8_t divisor[2];
static bool stuck;
static uint64_t clock_ns;

uint64_t now_ns(void)
{
    clock_ns += 1000;
    return clock_ns;
}

uint64_t raw_cycles(void)
{
    return clock_ns;
}

uint64_t wallclock_secs(void)
{
    return 0;
}

uint8_t port_in8(uint16_t port)
{
    const unsigned int reg = port - 0x3f8u;

    if (reg > 7) {
        return 0xff;
    }
    if (reg < 2 && (regs[3] & 0x80)) {
        return divisor[reg];
    }
    switch (reg) {
    case 0:
        return *received ? (uint8_t)*received++ : 0;
    case 2:
        return 0xc1;
    case 5:
        return (uint8_t)((*received ? 1 : 0) | (stuck ? 0 : 0x60));
    default:
        return regs[reg];
    }
}

void port_out8(uint16_t port, uint8_t v)
{
    const unsigned int reg = port - 0x3f8u;

    if (reg > 7) {
        return;
    }
    if (reg < 2 && (regs[3] & 0x80)) {
        divisor[reg] = v;
    } else if (reg == 0) {
        sent[nr_sent++] = (char)v;
        sent[nr_sent] = 0;
    } else {
        regs[reg] = v;
    }
}

uint16_t port_in16(uint16_t port)
{
    return port;
}

uint32_t port_in32(uint16_t port)
{
    return port;
}

void port_out16(uint16_t port, uint16_t v)
{
    (void)port;
    (void)v;
}

void port_out32(uint16_t port, uint32_t v)
{
    (void)port;
    (void)v;
}

uint64_t port_mmio_read(uintptr_t va, size_t off, unsigned int bytes)
{
    (void)va;
    (void)off;
    (void)bytes;
    return 0;
}

void port_mmio_write(uintptr_t va, size_t off, unsigned int bytes, uint64_t v)
{
    (void)va;
    (void)off;
    (void)bytes;
    (void)v;
}

/* ---- the tests -------------------------------------------------------- */

static char log_text[LOG_RING_BYTES + 1];

static uint32_t log_all(bool clear)
{
    uint32_t index = 0;
    const uint32_t n = log_read(log_text, LOG_RING_BYTES, &index, false, clear);

    log_text[n] = 0;
    return n;
}

static void test_com1_option(void)
{
    static const struct {
        const char *value;
        int rc;
    } cases[] = {
        { "", 0 },
        { "auto", 0 },
        { "9600", 0 },
        { "115200,8n1", 0 },
        { "115200,7e2,0x3f8,4", 0 },
        { "115200/14745600,8n1", 0 },
        { ",,0x2f8", 0 },
        { "0", -EINVAL },
        { "115201000", -EINVAL },
        { "fast", -EINVAL },
        { "1", -EINVAL },
        { "115200,9n1", -EINVAL },
        { "115200,8x1", -EINVAL },
        { "115200,8n3", -EINVAL },
        { "115200,8n", -EINVAL },
        { "115200,8n1,0x10000", -EINVAL },
        { "115200,8n1,0", -EINVAL },
        { "115200,8n1,0x3f8,16", -EINVAL },
        { "115200,8n1,0x3f8,4,x", -EINVAL },
        { "115200,8n1,0x3f8,4,01:00.0", -EINVAL },
    };

    for (unsigned int i = 0; i < array_size(cases); i++) {
        EXPECT_EQ(cases[i].value, ns16550_parse(cases[i].value), cases[i].rc);
    }
    EXPECT_EQ("reset", ns16550_parse("9600/1843200,8n1,0x3f8,4"), 0);
}

static void test_early_and_replay(void)
{
    log_info("early %d\n", 1);
    EXPECT_EQ("nothing is sent before", nr_sent, 0);
    console_init();
    EXPECT_STR("replayed", sent, "(XEN) early 1\r\n");
    EXPECT_EQ("divisor", divisor[0] | divisor[1] << 8, 12);
    EXPECT_EQ("line control", regs[3], 3);
    nr_sent = 0;
    printk("a%s", "b");
    printk("c\nd\n");
    EXPECT_STR("parts of lines", sent, "(XEN) abc\r\n(XEN) d\r\n");
    log_debug("not shown\n");
    EXPECT_EQ("log", log_all(false), 6 + 8 + 6 + 4 + 6 + 2);
    EXPECT_STR("log", log_text, "(XEN) early 1\n(XEN) abc\n(XEN) d\n");
}

static void test_log_read(void)
{
    uint32_t index = 0;
    char buf[64];
    uint32_t n;

    log_all(true);
    EXPECT_EQ("cleared", log_all(false), 0);
    log_err("x1\n");
    n = log_read(buf, 4, &index, false, false);
    EXPECT_EQ("first part", n, 4);
    n = log_read(buf, sizeof(buf), &index, true, false);
    buf[n] = 0;
    EXPECT_STR("the rest", buf, ") x1\n");
    EXPECT_EQ("nothing new", log_read(buf, sizeof(buf), &index, true, false),
              0);
    log_err("x2\n");
    n = log_read(buf, sizeof(buf), &index, true, false);
    buf[n] = 0;
    EXPECT_STR("only the new", buf, "(XEN) x2\n");
    index += 100000;
    EXPECT_EQ("made-up index", log_read(buf, sizeof(buf), &index, true, false),
              18);

    nr_sent = 0;
    for (unsigned int i = 0; i < 10000; i++) {
        log_err("line %04u\n", i);
    }
    EXPECT_EQ("full ring", log_all(false), LOG_RING_BYTES);
    EXPECT_STR("its end", log_text + LOG_RING_BYTES - 16, "(XEN) line 9999\n");
    index = 5;
    EXPECT_EQ("overwritten index",
              log_read(buf, sizeof(buf), &index, true, false), sizeof(buf));
    log_all(true);
}

static void test_limit(void)
{
    unsigned int lines = 0;

    clock_ns += 100 * NS_PER_S;
    for (unsigned int i = 0; i < 100; i++) {
        log_guest(LOG_WARN, "g%u\n", i);
    }
    log_guest(LOG_INFO, "below the level\n");
    log_all(true);
    for (const char *p = log_text; *p; p++) {
        lines += *p == '\n';
    }
    EXPECT_EQ("burst", lines, 10);
    clock_ns += 100 * NS_PER_S;
    log_guest(LOG_WARN, "later\n");
    log_all(true);
    EXPECT_STR("told", log_text,
               "(XEN) log: 90 messages suppressed\n(XEN) later\n");
    EXPECT_EQ("host lines are not limited", lines, 10);
}

static unsigned int notified;
static unsigned char last_key;

static void notify(void)
{
    notified++;
}

static void on_key(unsigned char key)
{
    last_key = key;
}

static void test_input(void)
{
    char buf[16] = "";

    console_set_input_notify(notify);
    key_register('z', on_key, "test");
    received = "hi";
    console_poll();
    EXPECT_EQ("notified", notified, 2);
    EXPECT_EQ("to Dom0", console_read_guest(buf, sizeof(buf)), 2);
    EXPECT_EQ("to Dom0", memcmp(buf, "hi", 2), 0);
    EXPECT_EQ("empty", console_read_guest(buf, sizeof(buf)), 0);

    received = "\001\001x";
    console_poll();
    EXPECT_EQ("two do not switch", console_read_guest(buf, sizeof(buf)), 3);
    EXPECT_EQ("two do not switch", memcmp(buf, "\001\001x", 3), 0);

    nr_sent = 0;
    notified = 0;
    received = "\001\001\001z";
    console_poll();
    EXPECT_STR("switched", sent,
               "(XEN) console: input goes to the hypervisor (Ctrl-A three "
               "times switches)\r\n");
    EXPECT_EQ("not to Dom0", console_read_guest(buf, sizeof(buf)), 0);
    EXPECT_EQ("not to Dom0", notified, 0);
    EXPECT_EQ("queued only", last_key, 0);
    key_run_pending();
    EXPECT_EQ("run", last_key, 'z');
    key_run(0xff);
    key_run('h');
    received = "\001\001\001q";
    console_poll();
    EXPECT_EQ("back", console_read_guest(buf, sizeof(buf)), 1);
    EXPECT_EQ("back", buf[0], 'q');

    for (unsigned int i = 0; i < 2000; i++) {
        console_input('f');
    }
    for (unsigned int i = 0; i < 64; i++) {
        EXPECT_EQ("ring", console_read_guest(buf, sizeof(buf)), sizeof(buf));
    }
    EXPECT_EQ("the rest was dropped", console_read_guest(buf, sizeof(buf)), 0);
}

static void test_guest_output(void)
{
    nr_sent = 0;
    log_all(true);
    console_write_guest("a\r\nb\nc", 6);
    EXPECT_STR("one carriage return", sent, "a\r\nb\r\nc");
    EXPECT_EQ("not in the log", log_all(false), 0);
    clock_ns += 100 * NS_PER_S;
    console_write_domu(3, "x\033y\n", 4);
    log_all(true);
    EXPECT_STR("other guests", log_text, "(XEN) d3: console: xy\n");
}

/* @next is read back as @back; NULL: refused, and what was there stays. */
static void change(const struct run_option *o, const char *next,
                   const char *back)
{
    char before[RUN_OPTION_BYTES], after[RUN_OPTION_BYTES];

    o->get(before, sizeof(before));
    EXPECT_EQ(next, o->set(next), back ? 0 : -EINVAL);
    o->get(after, sizeof(after));
    EXPECT_STR(next, after, back ? back : before);
}

static void test_run_options(void)
{
    char buf[16] = "";

    change(&run_loglvl, "error/info", "error/info");
    log_all(true);
    log_info("limited\n");
    log_debug("dropped\n");
    log_all(true);
    EXPECT_STR("a level is in force at once", log_text, "(XEN) limited\n");
    change(&run_loglvl, "nonsense", NULL);
    change(&run_loglvl, "warning/nonsense", NULL);
    change(&run_loglvl, "debug", "all/all");
    change(&run_guest_loglvl, "none", "none/none");
    log_guest(LOG_ERR, "dropped\n");
    EXPECT_EQ("guests' too", log_all(true), 0);
    change(&run_guest_loglvl, "none/warning", "none/warning");

    change(&run_console_timestamps, "boot", "boot");
    change(&run_console_timestamps, "sometimes", NULL);
    change(&run_console_timestamps, "no", "none");

    /* Which letter switches, but not who has the keyboard. */
    change(&run_conswitch, "bx", "b");
    change(&run_conswitch, "7", NULL);
    received = "\001\001\001";
    console_poll();
    EXPECT_EQ("all for Dom0", console_read_guest(buf, sizeof(buf)), 3);
    change(&run_conswitch, "`", "`");
    change(&run_conswitch, "a", "a");
}

static void test_dead_uart(void)
{
    nr_sent = 0;
    sent[0] = 0;
    stuck = true;
    log_err("lost\n");
    stuck = false;
    log_err("given up\n");
    EXPECT_STR("nothing is sent", sent, "");
}

int main(void)
{
    test_com1_option();
    test_early_and_replay();
    test_log_read();
    test_limit();
    test_input();
    test_guest_output();
    test_run_options();
    test_dead_uart();
    return expect_failures();
}
