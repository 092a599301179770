// SPDX-License-Identifier: GPL-2.0
/*
 * The mem* and str* functions of the freestanding build, standard meaning.
 * Pure code, no lock. The bulk moves are string instructions: the compiler
 * cannot turn those back into a call of the function it is compiling.
 */
#include <xen/lib.h>

/* Keeps the compiler from recognising a loop as a library call. */
#define hide_from_idioms(v) __asm__ volatile("" : "+r"(v))

static inline uint64_t load_u64(const void *p)
{
    uint64_t v;

    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline void store_u64(void *p, uint64_t v)
{
    __builtin_memcpy(p, &v, sizeof(v));
}

void *memcpy(void *dst, const void *src, size_t n)
{
    void *d = dst;
    size_t quads = n / 8;
    size_t bytes = n % 8;

    __asm__ volatile("rep movsq" : "+D"(d), "+S"(src), "+c"(quads)::"memory");
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(bytes)::"memory");
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    unsigned char *d = dst;
    const unsigned char *s = src;

    /* One compare covers "dst below src" too: the difference wraps. */
    if ((uintptr_t)d - (uintptr_t)s >= n) {
        return memcpy(dst, src, n);
    }
    while (n % 8) {
        n--;
        d[n] = s[n];
        hide_from_idioms(n);
    }
    while (n) {
        n -= 8;
        store_u64(d + n, load_u64(s + n));
        hide_from_idioms(n);
    }
    return dst;
}

void *memset(void *dst, int c, size_t n)
{
    void *d = dst;
    size_t quads = n / 8;
    size_t bytes = n % 8;
    const uint64_t v = (unsigned char)c * UINT64_C(0x0101010101010101);

    __asm__ volatile("rep stosq" : "+D"(d), "+c"(quads) : "a"(v) : "memory");
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(bytes) : "a"(v) : "memory");
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *pa = a;
    const unsigned char *pb = b;

    while (n >= 8 && load_u64(pa) == load_u64(pb)) {
        pa += 8;
        pb += 8;
        n -= 8;
    }
    for (; n; n--, pa++, pb++) {
        if (*pa != *pb) {
            return *pa - *pb;
        }
    }
    return 0;
}

void *memchr(const void *p, int c, size_t n)
{
    const unsigned char *s = p;

    for (; n; n--, s++) {
        if (*s == (unsigned char)c) {
            return (void *)(uintptr_t)s;
        }
    }
    return NULL;
}

size_t strnlen(const char *s, size_t n)
{
    size_t len = 0;

    while (len < n && s[len]) {
        len++;
        hide_from_idioms(len);
    }
    return len;
}

size_t strlen(const char *s)
{
    size_t len = 0;

    while (s[len]) {
        len++;
        hide_from_idioms(len);
    }
    return len;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n; n--, a++, b++) {
        const unsigned char ca = (unsigned char)*a;
        const unsigned char cb = (unsigned char)*b;

        if (ca != cb) {
            return ca - cb;
        }
        if (!ca) {
            break;
        }
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c) {
            return (char *)(uintptr_t)s;
        }
        if (!*s) {
            return NULL;
        }
    }
}

char *strstr(const char *s, const char *what)
{
    const size_t len = strlen(what);

    for (;; s++) {
        if (!strncmp(s, what, len)) {
            return (char *)(uintptr_t)s;
        }
        if (!*s) {
            return NULL;
        }
    }
}
