/* SPDX-License-Identifier: GPL-2.0 */
/* Linux's bzImage container. Spec: Linux "x86 boot protocol", 2.08 and up. */
#ifndef XEN_BZIMAGE_H
#define XEN_BZIMAGE_H

#include <xen/types.h>

/**
 * bzimage_payload() - Find the compressed kernel in a bzImage.
 * @image:   the file.
 * @len:     its length.
 * @payload: where the payload begins, inside @image; unchanged on error.
 * @bytes:   its length, Linux's appended size included; unchanged on error.
 * Locks: none. Context: any. Trust: @image is not trusted.
 * Return: 0, -ENOEXEC not a bzImage (perhaps a plain ELF), -EOPNOTSUPP too old
 *         to name its payload, -EBADMSG the payload is not in the file.
 */
int must_check bzimage_payload(const void *image, size_t len,
                               const void **payload, size_t *bytes);

#endif
