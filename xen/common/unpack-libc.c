/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of libc that Debian's static libz and libzstd refer to, for boot
 * time unpacking on one CPU. No lock: nothing else calls it.
 */
#include "unpack-libc.h"

#include <xen/bug.h>
#include <xen/lib.h>
#include <xen/unpack.h>

#define ALIGNMENT 16

/* Before each block; a freed one keeps it. */
struct block {
    size_t bytes;       /* usable, a multiple of ALIGNMENT */
    struct block *next; /* while free */
};
static_assert(sizeof(struct block) == ALIGNMENT, "keeps blocks aligned");

static uint8_t *top; /* next byte never given out; NULL: no arena yet */
static size_t room;
static struct block *freed;

void unpack_heap_reset(void)
{
    top = NULL;
    room = 0;
    freed = NULL;
}

void *malloc(size_t bytes)
{
    struct block **link, *b;

    if (!top) {
        top = unpack_arena(&room);
        if (!top) {
            return NULL;
        }
    }
    if (bytes > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    bytes = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    for (link = &freed; (b = *link) != NULL; link = &b->next) {
        if (b->bytes >= bytes) {
            *link = b->next;
            return b + 1;
        }
    }
    if (room < sizeof(*b) || bytes > room - sizeof(*b)) {
        return NULL;
    }
    b = (struct block *)(void *)top;
    b->bytes = bytes;
    top += sizeof(*b) + bytes;
    room -= sizeof(*b) + bytes;
    return b + 1;
}

void *calloc(size_t nr, size_t bytes)
{
    size_t total;
    void *p;

    if (__builtin_mul_overflow(nr, bytes, &total)) {
        return NULL;
    }
    p = malloc(total);
    return p ? memset(p, 0, total) : NULL;
}

void free(void *p)
{
    struct block *b;

    if (p) {
        b = (struct block *)p - 1;
        b->next = freed;
        freed = b;
    }
}

/* The compiler's name, and its only caller, fix these declarations. */
void __stack_chk_fail(void);

void __stack_chk_fail(void)
{
    panic("unpack: a library function overran its stack frame");
}

/* Weak hooks of libzstd; absent, their references would not reach address 0. */
int ZSTD_trace_decompress_begin(void);
void ZSTD_trace_decompress_end(void);

int ZSTD_trace_decompress_begin(void)
{
    return 0;
}

void ZSTD_trace_decompress_end(void)
{
}
