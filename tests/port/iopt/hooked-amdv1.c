/* SPDX-License-Identifier: GPL-2.0 */
/* The engine's amdv1 instance with a look at the tree after each store. */
#include "hook.h"
#include "xen/drivers/passthrough/pt/iopt.h"

#define IOPT_FMT   amdv1
#define IOPT_FMT_H "iopt-fmt-amdv1.h"
#include "xen/drivers/passthrough/pt/iopt-engine.h"
