/* SPDX-License-Identifier: GPL-2.0 */
/* A panic fails the test with its reason and leaves a core for the debugger. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <xen/bug.h>

void panic(const char *fmt, ...)
{
    va_list ap;

    printf("panic: ");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
    abort();
}
