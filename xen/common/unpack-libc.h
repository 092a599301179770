/* SPDX-License-Identifier: GPL-2.0 */
/* What unpack.c uses of libc: ours here, the host's in tests. */
#ifndef COMMON_UNPACK_LIBC_H
#define COMMON_UNPACK_LIBC_H

#include <xen/types.h>

void *malloc(size_t bytes);
void *calloc(size_t nr, size_t bytes);
void free(void *p);

#endif
