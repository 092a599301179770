/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The standard names with the standard's meaning, implemented in xen/lib. Pure:
 * no lock, any context. In hosted tests the host's library stands here.
 */
#ifndef PORT_LIBC_H
#define PORT_LIBC_H

#include <xen/types.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *p, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strstr(const char *s, const char *what);
int snprintf(char *buf, size_t size, const char *fmt, ...) printf_like(3, 4);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
    printf_like(3, 0);

#endif
