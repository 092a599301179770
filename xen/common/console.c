// SPDX-License-Identifier: GPL-2.0
/*
 * Console devices, the guest's console and the split of input between Dom0 and
 * the hypervisor. What is written is printk.c's business.
 *
 * Locks: console_lock guards the devices; input_lock the input ring and focus.
 * Both are leaves: nothing else is taken under them.
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/cmdline.h>
#include <xen/console.h>
#include <xen/errno.h>
#include <xen/keyhandler.h>
#include <xen/lib.h>
#include <xen/ns16550.h>
#include <xen/printk.h>
#include <xen/spinlock.h>
#include <xen/time.h>

/* ---- which devices ---------------------------------------------------- */

static bool want_com1 = true;
static bool want_vga = true;
static bool com1_on;
static bool vga_on;
static bool vga_keep;

static int parse_console(const char *value)
{
    char item[16];
    bool com1 = false;
    bool vga = false;
    int rc = 0;

    while (cmdline_next_item(&value, item, sizeof(item))) {
        if (!strcmp(item, "com1")) {
            com1 = true;
        } else if (!strcmp(item, "vga")) {
            vga = true;
        } else if (strcmp(item, "none") != 0) {
            rc = -EINVAL;
        }
    }
    if (!rc) {
        want_com1 = com1;
        want_vga = vga;
    }
    return rc;
}
custom_param("console", parse_console);

/* Only "keep" matters: the mode is the boot loader's. */
static int parse_vga(const char *value)
{
    char item[32];
    int rc = 0;

    while (cmdline_next_item(&value, item, sizeof(item))) {
        if (!strcmp(item, "keep")) {
            vga_keep = true;
        } else if (strcmp(item, "current") != 0) {
            rc = -EINVAL;
        }
    }
    return rc;
}
custom_param("vga", parse_vga);
custom_param("com1", ns16550_parse);

/* ---- VGA text --------------------------------------------------------- */

#define VGA_COLS 80u
#define VGA_ROWS 25u
#define VGA_ATTR 0x0700u /* light grey on black */

static mmio_t vga_fb;
static unsigned int vga_x;

static size_t vga_cell(unsigned int y, unsigned int x)
{
    return (y * VGA_COLS + x) * 2;
}

/* Always the bottom row; the rest moves up. */
static void vga_newline(void)
{
    const size_t last = vga_cell(VGA_ROWS - 1, 0);
    size_t at;
    unsigned int x;

    for (at = 0; at < last; at += 4) {
        mmio_write32(vga_fb, at, mmio_read32(vga_fb, at + VGA_COLS * 2));
    }
    for (x = 0; x < VGA_COLS; x++) {
        mmio_write16(vga_fb, last + x * 2u, VGA_ATTR | ' ');
    }
    vga_x = 0;
}

static void vga_write(const char *s, size_t n)
{
    for (; n; n--, s++) {
        const unsigned char c = (unsigned char)*s;

        if (c == '\n') {
            vga_newline();
        } else if (c == '\r') {
            vga_x = 0;
        } else if (c >= ' ' && c < 0x7f) {
            if (vga_x == VGA_COLS) {
                vga_newline();
            }
            mmio_write16(vga_fb, vga_cell(VGA_ROWS - 1, vga_x++),
                         (uint16_t)(VGA_ATTR | c));
        }
    }
}

/* ---- output ----------------------------------------------------------- */

static spinlock_t out_lock = SPINLOCK_INIT;
static bool panicking;
static char last_sent;

/* Ours: spins before a crashing CPU writes without the lock. */
#define PANIC_SPINS 1000000u

/* Set in flags when the lock was not taken; EFLAGS has no such bit. */
#define NOT_LOCKED (1ul << 63)

unsigned long console_lock(void)
{
    unsigned int spins;

    /*
     * The holder may be the code that crashed, on this very CPU: it will
     * never let go, and a garbled line is better than none.
     */
    for (spins = 0; atomic_load(&panicking); spins++) {
        if (spin_trylock(&out_lock)) {
            spin_unlock(&out_lock);
            break;
        }
        if (spins >= PANIC_SPINS) {
            return NOT_LOCKED;
        }
        cpu_relax();
    }
    return spin_lock_irqsave(&out_lock);
}

void console_unlock(unsigned long flags)
{
    if (flags != NOT_LOCKED) {
        spin_unlock_irqrestore(&out_lock, flags);
    }
}

void console_start_panic(void)
{
    atomic_store(&panicking, true);
}

static void com1_write(const char *s, size_t n)
{
    while (n) {
        const char *nl = memchr(s, '\n', n);
        const size_t text = nl ? (size_t)(nl - s) : n;

        if (text) {
            ns16550_write(s, text);
            last_sent = s[text - 1];
        }
        if (!nl) {
            break;
        }
        /* A guest's terminal layer has already sent its own. */
        if (last_sent != '\r') {
            ns16550_write("\r", 1);
        }
        ns16550_write("\n", 1);
        last_sent = '\n';
        s += text + 1;
        n -= text + 1;
    }
}

void console_emit(const char *s, size_t n)
{
    if (com1_on) {
        com1_write(s, n);
    }
    if (vga_on) {
        vga_write(s, n);
    }
}

void console_write_guest(const char *s, size_t n)
{
    const unsigned long flags = console_lock();

    console_emit(s, n);
    console_unlock(flags);
}

void console_write_domu(unsigned int domid, const char *s, size_t n)
{
    char text[201];
    size_t len = 0;

    for (; n && len < sizeof(text) - 1; n--, s++) {
        if ((unsigned char)*s >= ' ' && *s != 0x7f) {
            text[len++] = *s;
        }
    }
    text[len] = '\0';
    if (len) {
        log_guest(LOG_WARN, "d%u: console: %s\n", domid, text);
    }
}

void console_vga_init(mmio_t fb)
{
    unsigned long flags;
    bool com1;

    if (!want_vga) {
        return;
    }
    flags = console_lock();
    vga_fb = fb;
    vga_on = true;
    vga_newline();
    /* Only the new device lacks what was logged so far. */
    com1 = com1_on;
    com1_on = false;
    log_replay();
    com1_on = com1;
    console_unlock(flags);
}

void console_vga_release(void)
{
    const unsigned long flags = console_lock();

    if (!vga_keep) {
        vga_on = false;
    }
    console_unlock(flags);
}

void console_init(void)
{
    unsigned long flags;
    int rc = -ENODEV;

    if (want_com1) {
        rc = ns16550_init();
    }
    if (!rc) {
        ns16550_set_rx(console_input);
        flags = console_lock();
        com1_on = true;
        log_replay();
        console_unlock(flags);
    }
}

void console_poll(void)
{
    if (com1_on) {
        ns16550_rx();
    }
}

/* ---- input ------------------------------------------------------------ */

#define INPUT_BYTES 1024u /* ours: a pasted line or two */

static spinlock_t input_lock = SPINLOCK_INIT;
static char input[INPUT_BYTES];
static uint32_t input_head; /* bytes ever stored, modulo 2^32 */
static uint32_t input_tail; /* bytes ever taken */
static bool focus_xen;
static char switch_char = 'a' & 0x1f; /* 0: no switching */
static unsigned int switch_seen;      /* switch characters in a row */
static void (*input_notify)(void);

static int set_conswitch(const char *value)
{
    unsigned long flags;
    char c = value[0];

    if (c == '^' && value[1]) {
        c = *++value;
    }
    if (c >= 'A' && c <= 'Z') {
        c = (char)(c - 'A' + 'a');
    }
    /* A backquote switches switching off; x stays with the hypervisor. */
    if ((c < 'a' || c > 'z') && c != '`') {
        return -EINVAL;
    }
    if (value[1] && (value[1] != 'x' || value[2])) {
        return -EINVAL;
    }
    flags = spin_lock_irqsave(&input_lock);
    switch_char = c & 0x1f;
    spin_unlock_irqrestore(&input_lock, flags);
    return 0;
}

static int parse_conswitch(const char *value)
{
    const int rc = set_conswitch(value);

    if (!rc) {
        focus_xen = value[value[0] == '^' ? 2 : 1] == 'x';
    }
    return rc;
}
custom_param("conswitch", parse_conswitch);

static void get_conswitch(char *value, size_t size)
{
    snprintf(value, size, "%c", read_once(switch_char) + '`');
}

const struct run_option run_conswitch = { set_conswitch, get_conswitch };

void console_set_input_notify(void (*fn)(void))
{
    atomic_store(&input_notify, fn);
}

/* Input lock held. A full ring drops the newest: the reader has lost anyway. */
static void input_put(char c)
{
    if (input_head - input_tail < INPUT_BYTES) {
        input[input_head++ % INPUT_BYTES] = c;
    }
}

static void say_focus(bool xen)
{
    printk("console: input goes to %s", xen ? "the hypervisor" : "Dom0");
    if (switch_char) {
        printk(" (Ctrl-%c three times switches)", switch_char + 'A' - 1);
    }
    printk("\n");
}

void console_input(char c)
{
    void (*fn)(void) = atomic_load(&input_notify);
    unsigned long flags = spin_lock_irqsave(&input_lock);
    bool switched = false;
    bool wake = false;
    bool xen;

    if (switch_char && c == switch_char && ++switch_seen == 3) {
        switch_seen = 0;
        focus_xen = !focus_xen;
        switched = true;
    } else if (!switch_char || c != switch_char) {
        if (!focus_xen) {
            /* The held-back switch characters were meant for Dom0. */
            for (; switch_seen; switch_seen--) {
                input_put(switch_char);
            }
            input_put(c);
            wake = true;
        }
        switch_seen = 0;
    }
    xen = focus_xen;
    spin_unlock_irqrestore(&input_lock, flags);

    if (switched) {
        say_focus(xen);
    } else if (wake) {
        if (fn) {
            fn();
        }
    } else if (!switch_char || c != switch_char) {
        key_queue((unsigned char)c);
    }
}

int console_read_guest(char *buf, size_t n)
{
    const unsigned long flags = spin_lock_irqsave(&input_lock);
    size_t nr = 0;

    while (nr < n && nr < INPUT_BYTES && input_tail != input_head) {
        buf[nr++] = input[input_tail++ % INPUT_BYTES];
    }
    spin_unlock_irqrestore(&input_lock, flags);
    return (int)nr;
}
