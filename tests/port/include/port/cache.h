/* SPDX-License-Identifier: GPL-2.0 */
/* Hosted: a line that was written back is in memory after the fence only. */
#ifndef PORT_CACHE_H
#define PORT_CACHE_H

void cache_line_write_back(const void *p);
void cache_fence(void);

#endif
