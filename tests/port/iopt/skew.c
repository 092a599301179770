/* SPDX-License-Identifier: GPL-2.0 */
/* The page-table engine for the tests' own format. */
#include "xen/drivers/passthrough/pt/iopt.h"

extern const struct iopt_ops iopt_skew_ops;

#define IOPT_FMT   skew
#define IOPT_FMT_H "tests/port/iopt/fmt-skew.h"
#include "xen/drivers/passthrough/pt/iopt-engine.h"
