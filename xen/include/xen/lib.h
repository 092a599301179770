/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The C library's part that a freestanding build needs, with the standard
 * meaning, plus bounded number parsing. Hosted builds use libc's <string.h> and
 * <stdio.h> for the standard names. Layer L1.
 */
#ifndef XEN_LIB_H
#define XEN_LIB_H

#include <port/libc.h>

#include <xen/types.h>

/**
 * parse_u64() - Parse an unsigned number at the start of a string.
 * @s:    text; 0x prefix means hexadecimal, else decimal.
 * @out:  the value; unchanged on error.
 * @endp: first character not used; may be NULL only to demand the whole string.
 * Locks: none. Context: any.
 * Return: 0, -EINVAL no digit (or junk after it when @endp is NULL), -ERANGE.
 */
int must_check parse_u64(const char *s, uint64_t *out, const char **endp);

/**
 * parse_hex() - As parse_u64(), hexadecimal without a prefix too.
 * @s: text. @out: the value; unchanged on error. @endp: as parse_u64().
 * Locks: none. Context: any. Return: as parse_u64().
 */
int must_check parse_hex(const char *s, uint64_t *out, const char **endp);

/**
 * parse_size() - As parse_u64() with an optional suffix B, K, M, G or T.
 * @s:    text.
 * @out:  bytes; unchanged on error.
 * @unit: multiplier when there is no suffix (Xen's dom0_mem= uses 1024).
 * @endp: as parse_u64().
 * Locks: none. Context: any. Return: as parse_u64().
 */
int must_check parse_size(const char *s, uint64_t *out, uint64_t unit,
                          const char **endp);

/**
 * byte_sum() - Sum of bytes modulo 256, ACPI's checksum.
 * @p:   start. @len: bytes. Locks: none. Context: any. Return: the sum.
 */
uint8_t byte_sum(const void *p, size_t len);

/*
 * Bytes between two symbols of the linker script. They are objects of their own
 * to the compiler, which may assume what it likes about their difference.
 */
static inline size_t section_bytes(const void *start, const void *end)
{
    return (uintptr_t)end - (uintptr_t)start;
}

#endif
