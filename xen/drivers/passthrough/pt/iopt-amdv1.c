/* SPDX-License-Identifier: GPL-2.0 */
/* The page-table engine for AMD v1 tables. */
#define IOPT_FMT   amdv1
#define IOPT_FMT_H "iopt-fmt-amdv1.h"
#include "iopt-engine.h"
