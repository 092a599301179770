// SPDX-License-Identifier: GPL-2.0
/*
 * Debug keys. A key typed at the console is queued, because its handler may
 * take locks that the interrupted code holds.
 *
 * Lock: key_lock guards the table; a handler runs without it. The queue is
 * guarded by queue_lock, a leaf taken in interrupt handlers.
 */
#include <xen/atomic.h>
#include <xen/init.h>
#include <xen/keyhandler.h>
#include <xen/printk.h>
#include <xen/spinlock.h>

#define KEYS        128u
#define QUEUE_BYTES 16u

struct key {
    void (*fn)(unsigned char key);
    const char *what;
};

static void show_help(unsigned char key);

static spinlock_t key_lock = SPINLOCK_INIT;
static struct key keys[KEYS] = {
    ['h'] = { show_help, "show this help" },
};

static spinlock_t queue_lock = SPINLOCK_INIT;
static unsigned char queue[QUEUE_BYTES];
static uint32_t queue_head; /* keys ever queued, modulo 2^32 */
static uint32_t queue_tail; /* keys ever run */
static void (*queue_notify)(void);

static struct key key_get(unsigned int i)
{
    struct key k;
    unsigned long flags;

    flags = spin_lock_irqsave(&key_lock);
    k = keys[i];
    spin_unlock_irqrestore(&key_lock, flags);
    return k;
}

static void show_help(unsigned char key)
{
    unsigned int i;

    printk("'%c' pressed -> showing installed handlers\n", key);
    for (i = 0; i < KEYS; i++) {
        const struct key k = key_get(i);

        if (!k.fn) {
            continue;
        }
        if (i > ' ' && i < 0x7f) {
            printk(" key '%c' (ascii '%02x') => %s\n", (char)i, i, k.what);
        } else {
            printk(" key ascii '%02x' => %s\n", i, k.what);
        }
    }
}

void key_register(char key, void (*fn)(unsigned char key), const char *what)
{
    const unsigned int i = (unsigned char)key;
    unsigned long flags;

    if (i >= KEYS) {
        log_err("keyhandler: key %#x is not a 7-bit character\n", i);
        return;
    }
    flags = spin_lock_irqsave(&key_lock);
    keys[i] = (struct key){ fn, what };
    spin_unlock_irqrestore(&key_lock, flags);
}

void key_run(unsigned char key)
{
    struct key k;

    if (key >= KEYS) {
        return;
    }
    k = key_get(key);
    if (k.fn) {
        k.fn(key);
    }
}

void key_set_notify(void (*fn)(void))
{
    atomic_store(&queue_notify, fn);
}

void key_queue(unsigned char key)
{
    void (*fn)(void) = atomic_load(&queue_notify);
    const unsigned long flags = spin_lock_irqsave(&queue_lock);

    if (queue_head - queue_tail < QUEUE_BYTES) {
        queue[queue_head++ % QUEUE_BYTES] = key;
    }
    spin_unlock_irqrestore(&queue_lock, flags);
    if (fn) {
        fn();
    }
}

void key_run_pending(void)
{
    for (;;) {
        const unsigned long flags = spin_lock_irqsave(&queue_lock);
        const bool some = queue_head != queue_tail;
        const unsigned char key = some ? queue[queue_tail++ % QUEUE_BYTES] : 0;

        spin_unlock_irqrestore(&queue_lock, flags);
        if (!some) {
            return;
        }
        key_run(key);
    }
}
