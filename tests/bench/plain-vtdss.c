/* SPDX-License-Identifier: GPL-2.0 */
/* The per-page engine for VT-d second-level tables. */
#define IOPT_FMT   vtdss
#define IOPT_FMT_H "xen/drivers/passthrough/pt/iopt-fmt-vtdss.h"
#include "plain.h"
