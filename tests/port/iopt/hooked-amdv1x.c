/* SPDX-License-Identifier: GPL-2.0 */
/* The engine's amdv1x instance with a look at the tree after each store. */
#include "hook.h"
#include "xen/drivers/passthrough/pt/iopt.h"

#define IOPT_FMT   amdv1x
#define IOPT_FMT_H "iopt-fmt-amdv1x.h"
#include "xen/drivers/passthrough/pt/iopt-engine.h"
