/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The log. A line names its object first ("vtd0:", "0000:03:00.0:", "d7v0:"),
 * then the event, then the operands in hex. Layer L2 (port).
 */
#ifndef XEN_PRINTK_H
#define XEN_PRINTK_H

#include <xen/types.h>

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/**
 * log_line() - Write one line to the log and, if its level passes, the console.
 * @level: severity; compared with loglvl=.
 * @fmt:   printf format with a newline at the end.
 * Locks: takes the console lock, safe from any context. Context: any.
 */
void log_line(enum log_level level, const char *fmt, ...) printf_like(2, 3);

/**
 * log_guest() - As log_line(), for lines a guest can cause: compared with
 * guest_loglvl= and rate limited (the number suppressed is reported later).
 * @level: severity.
 * @fmt:   printf format with a newline at the end.
 * Locks: as log_line(). Context: any.
 */
void log_guest(enum log_level level, const char *fmt, ...) printf_like(2, 3);

/**
 * printk() - Unconditional output, for banners and debug-key dumps.
 * @fmt: printf format; may hold part of a line.
 * Locks: as log_line(). Context: any.
 */
void printk(const char *fmt, ...) printf_like(1, 2);

#define log_err(...)   log_line(LOG_ERR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
