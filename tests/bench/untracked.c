/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The engine without its counts, to see what they cost. Tables neither coalesce
 * nor go away in it.
 */
#include "xen/drivers/passthrough/pt/iopt.h"

extern const struct iopt_ops iopt_untracked_ops;

#define IOPT_TRACK 0
#define IOPT_FMT   untracked
#define IOPT_FMT_H "iopt-fmt-amdv1.h"
#include "xen/drivers/passthrough/pt/iopt-engine.h"
