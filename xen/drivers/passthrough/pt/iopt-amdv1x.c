/* SPDX-License-Identifier: GPL-2.0 */
/* The page-table engine for AMD v1 tables with the sizes between. */
#define IOPT_FMT   amdv1x
#define IOPT_FMT_H "iopt-fmt-amdv1x.h"
#include "iopt-engine.h"
