/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PORT_LIBC_H
#define PORT_LIBC_H
#include <stdio.h>
#include <string.h>
#endif
