/* SPDX-License-Identifier: GPL-2.0 */
/* The entry functions of format vtdss, for the test of formats. */
#define IOPT_FMT   vtdss
#define IOPT_FMT_H "xen/drivers/passthrough/pt/iopt-fmt-vtdss.h"
#include "probe.h"
