/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A panic, or the end of a boot, fails the test with its reason and leaves a
 * core for the debugger.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <xen/bug.h>

static _Noreturn void end(const char *what, const char *fmt, va_list ap)
    printf_like(2, 0);

static _Noreturn void end(const char *what, const char *fmt, va_list ap)
{
    printf("%s: ", what);
    vprintf(fmt, ap);
    printf("\n");
    fflush(stdout);
    abort();
}

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    end("panic", fmt, ap);
    va_end(ap);
}

void boot_stop(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    end("boot stop", fmt, ap);
    va_end(ap);
}
