/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ties the console to the rest: a timer looks for input, debug keys run from a
 * tasklet, and Dom0 is told of input and of new log lines by virtual interrupts.
 */
#include <xen/console.h>
#include <xen/event.h>
#include <xen/keyhandler.h>
#include <xen/softirq.h>
#include <xen/time.h>
#include <xen/timer.h>

#include <public/xen.h>

/* Ours: a keystroke is answered within a frame's time, at 100 port reads/s. */
#define POLL_NS (10 * NS_PER_MS)

static struct timer poll_timer;

static void run_keys(void *arg)
{
    (void)arg;
    key_run_pending();
}

static void raise_console(void *arg)
{
    (void)arg;
    evtchn_send_global_virq(VIRQ_CONSOLE);
}

static void raise_con_ring(void *arg)
{
    (void)arg;
    evtchn_send_global_virq(VIRQ_CON_RING);
}

static struct tasklet keys_tasklet = { .fn = run_keys };
static struct tasklet input_tasklet = { .fn = raise_console };
static struct tasklet ring_tasklet = { .fn = raise_con_ring };

static void on_key(void)
{
    tasklet_schedule(&keys_tasklet);
}

static void on_input(void)
{
    tasklet_schedule(&input_tasklet);
}

/* May be called with any lock held, so only a tasklet is set going. */
static void on_log(void)
{
    tasklet_schedule(&ring_tasklet);
}

static void poll(void *arg)
{
    (void)arg;
    console_poll();
    timer_set(&poll_timer, now_ns() + POLL_NS);
}

void console_events_init(void)
{
    key_set_notify(on_key);
    console_set_input_notify(on_input);
    console_set_log_notify(on_log);
    timer_init(&poll_timer, poll, NULL, 0);
    timer_set(&poll_timer, now_ns() + POLL_NS);
}
