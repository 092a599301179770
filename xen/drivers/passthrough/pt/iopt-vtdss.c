/* SPDX-License-Identifier: GPL-2.0 */
/* The page-table engine for VT-d second-stage tables. */
#define IOPT_FMT   vtdss
#define IOPT_FMT_H "iopt-fmt-vtdss.h"
#include "iopt-engine.h"
