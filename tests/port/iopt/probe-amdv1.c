/* SPDX-License-Identifier: GPL-2.0 */
/* The entry functions of format amdv1, for the test of formats. */
#define IOPT_FMT   amdv1
#define IOPT_FMT_H "xen/drivers/passthrough/pt/iopt-fmt-amdv1.h"
#include "probe.h"
