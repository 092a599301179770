/* SPDX-License-Identifier: GPL-2.0 */
/* The engine's skew instance with a look at the tree after each store. */
#include "hook.h"
#include "xen/drivers/passthrough/pt/iopt.h"

extern const struct iopt_ops iopt_skew_ops;

#define IOPT_FMT   skew
#define IOPT_FMT_H "tests/port/iopt/fmt-skew.h"
#include "xen/drivers/passthrough/pt/iopt-engine.h"
