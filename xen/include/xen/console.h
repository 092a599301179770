/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The console: where log lines and Dom0's output go, where keys come from, and
 * the ring that keeps the log for readers. Layer L6.
 */
#ifndef XEN_CONSOLE_H
#define XEN_CONSOLE_H

#include <xen/mmio.h>
#include <xen/types.h>

struct run_option;

/* Options of the log and the console that can be changed at any time. */
extern const struct run_option run_loglvl, run_guest_loglvl,
    run_console_timestamps, run_conswitch;

#define LOG_RING_BYTES 65536u /* ours: what `xl dmesg` can look back on */

/**
 * console_init() - Start the devices console= names and replay the log to them.
 *
 * Needs the command line, nothing else: no memory, no interrupts.
 * Locks: takes the console lock. Context: boot, once.
 */
void console_init(void);

/**
 * console_vga_init() - Start the VGA text console, if console= names it.
 * @fb: 80 x 25 text buffer (0xb8000, 4000 bytes), mapped.
 * Locks: takes the console lock. Context: boot, once mmio_map() works.
 */
void console_vga_init(mmio_t fb);

/**
 * console_vga_release() - Stop writing to VGA: Dom0 is about to own it.
 *
 * Nothing happens with vga=keep on the command line.
 * Locks: takes the console lock. Context: boot.
 */
void console_vga_release(void);

/**
 * console_poll() - Look for input on the devices; for the periodic timer.
 * Locks: takes the input lock. Context: any but NMI.
 */
void console_poll(void);

/**
 * console_input() - Take one character from a device.
 * @c: the character. Three Ctrl-A in a row move the focus between Dom0 and the
 *     hypervisor; in the hypervisor a character is a debug key.
 * Locks: takes the input lock. Context: any but NMI.
 */
void console_input(char c);

/**
 * console_read_guest() - Take input that is meant for Dom0.
 * @buf: where to.
 * @n:   bytes at most.
 * Locks: takes the input lock. Context: any but NMI. Return: bytes stored.
 */
int console_read_guest(char *buf, size_t n);

/**
 * console_write_guest() - Write Dom0's output to the devices, not to the log.
 * @s: text, any bytes.
 * @n: bytes.
 * Locks: takes the console lock. Context: any. Trust: the text is a guest's.
 */
void console_write_guest(const char *s, size_t n);

/**
 * console_write_domu() - Write one line of another guest's output as a log line
 * that names the guest; rate limited like log_guest().
 * @domid: the guest.
 * @s:     text; control characters are dropped.
 * @n:     bytes; at most 200 are used.
 * Locks: takes the console lock. Context: any. Trust: the text is a guest's.
 */
void console_write_domu(unsigned int domid, const char *s, size_t n);

/**
 * console_set_input_notify() - Be told when Dom0 has input (VIRQ_CONSOLE).
 * @fn: called without locks of the console, maybe in an interrupt handler.
 * Locks: none. Context: boot.
 */
void console_set_input_notify(void (*fn)(void));

/**
 * console_set_log_notify() - Be told that the log has grown (VIRQ_CON_RING).
 * @fn: must only note the fact (raise a softirq): it is called wherever a line
 *      is logged, in any context and with the caller's locks held.
 * Locks: none. Context: boot.
 */
void console_set_log_notify(void (*fn)(void));

/**
 * console_set_wallclock() - Give date time stamps their clock.
 * @ns_since_epoch: nanoseconds since 1970, UTC; called in any context.
 * Locks: none. Context: boot.
 */
void console_set_wallclock(uint64_t (*ns_since_epoch)(void));

/**
 * console_start_panic() - From here on, never wait long for a console lock.
 * Locks: none. Context: any.
 */
void console_start_panic(void);

/**
 * console_emit() - Write to every active device.
 * @s: text; a bare newline gets its carriage return here.
 * @n: bytes.
 * Locks: console lock held (printk.c). Context: any.
 */
void console_emit(const char *s, size_t n);

/**
 * console_lock() - Take the console lock; only for printk.c and console.c.
 * Locks: acquires the console lock, interrupts off. Context: any; after
 * console_start_panic() it may return without the lock.
 * Return: what console_unlock() wants.
 */
unsigned long console_lock(void);

/**
 * console_unlock() - Undo console_lock().
 * @flags: what that returned. Locks: releases the console lock. Context: any.
 */
void console_unlock(unsigned long flags);

/**
 * log_read() - Copy from the log ring (XEN_SYSCTL_readconsole).
 * @buf:         where to.
 * @len:         bytes at most.
 * @index:       in: where to go on if @incremental; out: where the copy ended.
 *               Counts bytes ever logged, modulo 2^32. Text that was
 *               overwritten or cleared meanwhile is skipped.
 * @incremental: start at *@index rather than at the oldest byte.
 * @clear:       forget everything up to now after the copy.
 * Locks: takes the console lock. Context: any. Return: bytes copied.
 */
uint32_t log_read(char *buf, uint32_t len, uint32_t *index, bool incremental,
                  bool clear);

/**
 * log_replay() - Emit the whole ring, for a device that has just been started.
 * Locks: console lock held. Context: boot.
 */
void log_replay(void);

/**
 * vprintk() - printk() with its arguments in a list.
 * @fmt: printf format.
 * @ap:  arguments.
 * Locks: takes the console lock. Context: any.
 */
void vprintk(const char *fmt, va_list ap) printf_like(1, 0);

/**
 * console_events_init() - Start polling for input, running debug keys, and
 * raising VIRQ_CONSOLE and VIRQ_CON_RING.
 * Locks: none. Context: boot, timers and softirqs work.
 */
void console_events_init(void);

#endif
