/* SPDX-License-Identifier: GPL-2.0 */
/* Fixed-width types for freestanding and hosted builds alike. Layer L0. */
#ifndef XEN_TYPES_H
#define XEN_TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/compiler.h>

#endif
