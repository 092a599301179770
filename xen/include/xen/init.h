/* SPDX-License-Identifier: GPL-2.0 */
/* Boot-only code and data; given back to the allocator before Dom0 runs. */
#ifndef XEN_INIT_H
#define XEN_INIT_H

#include <xen/compiler.h>

#define boot_fn   in_section(".init.text") noinline_fn
#define boot_data in_section(".init.data")

#endif
