/* SPDX-License-Identifier: GPL-2.0 */
/* The log of a test that looks at what was said; with PORT_LOG set it is
 * printed, too. In place of tests/port/printk.c. */
#ifndef TESTS_UNIT_LOG_CAPTURE_H
#define TESTS_UNIT_LOG_CAPTURE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/printk.h>

/* What was printed since the last log_clear(). */
static char text[65536];
static size_t text_len;

static void log_clear(void)
{
    text_len = 0;
    text[0] = '\0';
}

static void log_add(const char *fmt, va_list ap) printf_like(1, 0);

static void log_add(const char *fmt, va_list ap)
{
    const int n = vsnprintf(text + text_len, sizeof(text) - text_len, fmt, ap);

    if (getenv("PORT_LOG")) {
        fputs(text + text_len, stdout);
    }
    text_len = n < 0 || text_len + (size_t)n >= sizeof(text)
                   ? 0
                   : text_len + (size_t)n;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    (void)level;
    va_start(ap, fmt);
    log_add(fmt, ap);
    va_end(ap);
}

void log_guest(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    (void)level;
    va_start(ap, fmt);
    log_add(fmt, ap);
    va_end(ap);
}

void printk(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_add(fmt, ap);
    va_end(ap);
}

static bool said(const char *what)
{
    return strstr(text, what) != NULL;
}

static unsigned int times(const char *what)
{
    unsigned int n = 0;

    for (const char *p = text; (p = strstr(p, what)) != NULL; p++) {
        n++;
    }
    return n;
}

#endif
