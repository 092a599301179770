// SPDX-License-Identifier: GPL-2.0
/*
 * 16550 UART behind I/O ports: polled output, received characters on request.
 * Works before memory, interrupts and the clock are set up.
 *
 * Lock: none of its own. Output is serialised by the console lock; receiving is
 * serialised here by rx_lock, since any CPU may poll.
 * Spec: PC16550D data sheet, "Registers".
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/ns16550.h>
#include <xen/portio.h>
#include <xen/spinlock.h>
#include <xen/time.h>

/* Offsets; the divisor replaces the first two while LCR_DLAB is set. */
#define UART_DATA 0
#define UART_IER  1
#define UART_FCR  2 /* write */
#define UART_LCR  3
#define UART_MCR  4
#define UART_LSR  5
#define UART_DLL  0
#define UART_DLM  1

#define IER_RX        0x01u /* received data */
#define FCR_ENABLE    0x01u
#define FCR_CLEAR_RX  0x02u
#define FCR_CLEAR_TX  0x04u
#define FCR_TRIGGER14 0xc0u
#define LCR_STOP2     0x04u
#define LCR_DLAB      0x80u
#define MCR_DTR       0x01u
#define MCR_RTS       0x02u
#define MCR_OUT2      0x08u /* on a PC: gate of the interrupt line */
#define LSR_DATA      0x01u
#define LSR_THRE      0x20u /* transmit FIFO is empty */

#define UART_FIFO     16u
#define UART_CLOCK_HZ 1843200u
#define BAUD_DEFAULT  115200u

/* Ours: a full FIFO drains in 2 ms at 115200 baud, in 20 ms at 9600. */
#define TX_TIMEOUT_NS (100 * NS_PER_MS)
/* Ours: bytes taken at one call, so that a babbling line cannot hold a CPU. */
#define RX_MAX        256u

struct uart {
    uint32_t baud; /* 0: keep the divisor the firmware left */
    uint32_t clock_hz;
    uint16_t base;
    uint8_t irq; /* 0: polled */
    uint8_t lcr; /* data, parity and stop bits */
};

static struct uart com1 = {
    .baud = 0,
    .clock_hz = UART_CLOCK_HZ,
    .base = 0x3f8,
    .irq = 4,
    .lcr = 0x03, /* 8n1 */
};
static bool up;
static bool tx_dead;
static bool tx_fifo;
static void (*rx_fn)(char c);
static spinlock_t rx_lock = SPINLOCK_INIT;

static uint8_t uart_in(unsigned int reg)
{
    return port_in8((uint16_t)(com1.base + reg));
}

static void uart_out(unsigned int reg, unsigned int v)
{
    port_out8((uint16_t)(com1.base + reg), (uint8_t)v);
}

/* <data bits><parity><stop bits>, as in 8n1. */
static int parse_dps(const char *s, uint8_t *lcr)
{
    static const char parities[] = "noems"; /* LCR bits 5..3 in steps of 2 */
    static const uint8_t parity_bits[] = { 0x00, 0x08, 0x18, 0x28, 0x38 };
    const char *p;

    if (s[0] < '5' || s[0] > '8' || !s[1] || !s[2] || s[3]) {
        return -EINVAL;
    }
    p = strchr(parities, s[1]);
    if (!p || (s[2] != '1' && s[2] != '2')) {
        return -EINVAL;
    }
    *lcr = (uint8_t)((unsigned int)(s[0] - '5') | parity_bits[p - parities] |
                     (s[2] == '2' ? LCR_STOP2 : 0));
    return 0;
}

static int parse_baud(const char *s, struct uart *u)
{
    uint64_t baud = 0;
    uint64_t clock = u->clock_hz;
    int rc;

    if (!strncmp(s, "auto", 4)) {
        s += 4;
    } else {
        rc = parse_u64(s, &baud, &s);
        if (rc || !baud) {
            return -EINVAL;
        }
    }
    if (*s == '/') {
        rc = parse_u64(s + 1, &clock, &s);
        if (rc) {
            return -EINVAL;
        }
    }
    /* The divisor has 16 bits and 0 is no divisor. */
    if (*s || clock > UINT32_MAX || !clock || baud > clock / 16 ||
        (baud && clock / 16 / baud > UINT16_MAX)) {
        return -EINVAL;
    }
    u->baud = (uint32_t)baud;
    u->clock_hz = (uint32_t)clock;
    return 0;
}

static int parse_number(const char *s, uint64_t max, uint64_t *out)
{
    uint64_t v;

    if (parse_u64(s, &v, NULL) || v > max) {
        return -EINVAL;
    }
    *out = v;
    return 0;
}

int ns16550_parse(const char *value)
{
    struct uart u = com1;
    char item[32];
    unsigned int nr = 0;

    for (;; nr++) {
        const char *comma = strchr(value, ',');
        const size_t len = comma ? (size_t)(comma - value) : strlen(value);
        uint64_t v = 0;
        int rc = 0;

        if (len >= sizeof(item)) {
            return -EINVAL;
        }
        memcpy(item, value, len);
        item[len] = '\0';
        if (len) {
            switch (nr) {
            case 0:
                rc = parse_baud(item, &u);
                break;
            case 1:
                rc = parse_dps(item, &u.lcr);
                break;
            case 2:
                rc = parse_number(item, 0x10000 - NS16550_PORTS, &v);
                rc = rc || !v ? -EINVAL : 0;
                u.base = (uint16_t)v;
                break;
            case 3:
                rc = parse_number(item, 15, &v);
                u.irq = (uint8_t)v;
                break;
            default:
                rc = -EINVAL;
                break;
            }
        }
        if (rc) {
            return rc;
        }
        if (!comma) {
            break;
        }
        value = comma + 1;
    }
    com1 = u;
    return 0;
}

int ns16550_init(void)
{
    uint32_t divisor;

    uart_out(UART_IER, 0);
    /* Nothing there reads as ones, where IER has four bits at most. */
    if (uart_in(UART_IER) != 0) {
        return -ENODEV;
    }
    uart_out(UART_LCR, LCR_DLAB | com1.lcr);
    if (com1.baud) {
        divisor = com1.clock_hz / 16 / com1.baud;
    } else {
        divisor = uart_in(UART_DLL) | (uint32_t)uart_in(UART_DLM) << 8;
        if (!divisor) {
            divisor = com1.clock_hz / 16 / BAUD_DEFAULT;
        }
    }
    uart_out(UART_DLL, divisor & 0xff);
    uart_out(UART_DLM, divisor >> 8);
    uart_out(UART_LCR, com1.lcr);
    uart_out(UART_FCR,
             FCR_ENABLE | FCR_CLEAR_RX | FCR_CLEAR_TX | FCR_TRIGGER14);
    /* Reads as IIR, whose top bits say that there are FIFOs. */
    tx_fifo = (uart_in(UART_FCR) & 0xc0) == 0xc0;
    uart_out(UART_MCR, MCR_DTR | MCR_RTS);
    tx_dead = false;
    up = true;
    return 0;
}

/* False: the transmitter does not drain. */
static bool tx_wait(void)
{
    const uint64_t start_ns = now_ns();

    for (;;) {
        /* Clock first: a CPU held up here must not blame the device. */
        const bool late = now_ns() - start_ns > TX_TIMEOUT_NS;

        if (uart_in(UART_LSR) & LSR_THRE) {
            return true;
        }
        if (late) {
            return false;
        }
        cpu_relax();
    }
}

void ns16550_write(const char *s, size_t n)
{
    /* LSR says "empty", not "room for one": fill the FIFO each time. */
    const unsigned int burst = tx_fifo ? UART_FIFO : 1;

    while (n && up && !tx_dead) {
        size_t chunk = n < burst ? n : burst;

        if (!tx_wait()) {
            tx_dead = true;
            return;
        }
        n -= chunk;
        for (; chunk; chunk--) {
            uart_out(UART_DATA, (unsigned char)*s++);
        }
    }
}

void ns16550_rx(void)
{
    void (*fn)(char c) = atomic_load(&rx_fn);
    char got[RX_MAX];
    unsigned int nr = 0;
    unsigned int i;
    unsigned long flags;

    if (!up || !fn) {
        return;
    }
    flags = spin_lock_irqsave(&rx_lock);
    while (nr < RX_MAX) {
        const uint8_t lsr = uart_in(UART_LSR);

        /* A device that went away reads as ones: data for ever. */
        if (lsr == 0xff || !(lsr & LSR_DATA)) {
            break;
        }
        got[nr++] = (char)uart_in(UART_DATA);
    }
    spin_unlock_irqrestore(&rx_lock, flags);
    for (i = 0; i < nr; i++) {
        fn(got[i]);
    }
}

void ns16550_set_rx(void (*fn)(char c))
{
    atomic_store(&rx_fn, fn);
}

void ns16550_irq_enable(void)
{
    if (up && com1.irq) {
        uart_out(UART_MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
        uart_out(UART_IER, IER_RX);
    }
}

bool ns16550_resources(uint16_t *base, unsigned int *irq)
{
    if (!up) {
        return false;
    }
    *base = com1.base;
    *irq = com1.irq;
    return true;
}
