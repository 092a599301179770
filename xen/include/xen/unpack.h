/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel images as boot loaders hand them over: XZ, gzip or zstd, or a plain
 * ELF that passes through. One at a time, during boot.
 */
#ifndef XEN_UNPACK_H
#define XEN_UNPACK_H

#include <xen/types.h>

#define UNPACK_MAX_BYTES (UINT64_C(1) << 30) /* ours: no kernel is larger */

/**
 * unpack_size() - How large an image gets.
 * @in:      compressed image or plain ELF; may be followed by the four bytes
 *           of size that Linux appends inside a bzImage.
 * @len:     bytes.
 * @out_len: bytes unpack() will write; unchanged on error. What the image
 *           claims: capped at UNPACK_MAX_BYTES and verified by unpack().
 * Locks: none. Context: boot. Trust: @in is not trusted.
 * Return: 0, -ENOEXEC no format we know, -EBADMSG malformed, -EOVERFLOW too
 *         large or no size.
 */
int must_check unpack_size(const void *in, size_t len, size_t *out_len);

/**
 * unpack() - Unpack an image.
 * @in:      as unpack_size().
 * @in_len:  bytes.
 * @out:     room for the image; contents undefined on error.
 * @out_len: exactly what unpack_size() said.
 *
 * Debian's libraries are compiled with SSE and stack protector: the caller sets
 * CR4.OSFXSR, CR0.TS = 0 and an FS base with a readable word at 0x28.
 * Locks: none. Context: boot, one CPU. Trust: @in is not trusted.
 * Return: 0, -ENOEXEC, -EBADMSG, -EILSEQ corrupt, -EOPNOTSUPP a variant we
 *         cannot unpack, -ENOBUFS it is not @out_len bytes, -ENOMEM.
 */
int must_check unpack(const void *in, size_t in_len, void *out, size_t out_len);

/**
 * unpack_arena() - Memory for the libraries' malloc(); the core provides it.
 * @size: its bytes; XZ takes the most, its dictionary of up to 64 MiB.
 * Locks: none. Context: boot; called once after each unpack_heap_reset().
 * Return: the memory, 16-byte aligned, or NULL.
 */
void *unpack_arena(size_t *size);

/**
 * unpack_heap_reset() - Forget every allocation and the arena.
 * Locks: none. Context: boot, after unpack(), before the arena is freed.
 */
void unpack_heap_reset(void);

#endif
