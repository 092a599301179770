/* SPDX-License-Identifier: GPL-2.0 */
/* The log of hosted tests: to stdout if PORT_LOG is set, else nowhere. */
#include <stdio.h>
#include <stdlib.h>

#include <xen/printk.h>

static void out(const char *fmt, va_list ap) printf_like(1, 0);

static void out(const char *fmt, va_list ap)
{
    static int wanted = -1;

    if (wanted < 0) {
        wanted = getenv("PORT_LOG") != NULL;
    }
    if (wanted) {
        vprintf(fmt, ap);
    }
}

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    (void)level;
    va_start(ap, fmt);
    out(fmt, ap);
    va_end(ap);
}

void log_guest(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    (void)level;
    va_start(ap, fmt);
    out(fmt, ap);
    va_end(ap);
}

void printk(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    out(fmt, ap);
    va_end(ap);
}
