/* SPDX-License-Identifier: GPL-2.0 */
/* The per-page engine for AMD v1 tables. */
#define IOPT_FMT   amdv1
#define IOPT_FMT_H "xen/drivers/passthrough/pt/iopt-fmt-amdv1.h"
#include "plain.h"
