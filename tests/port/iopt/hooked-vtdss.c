/* SPDX-License-Identifier: GPL-2.0 */
/* The engine's vtdss instance with a look at the tree after each store. */
#include "hook.h"
#include "xen/drivers/passthrough/pt/iopt.h"

#define IOPT_FMT   vtdss
#define IOPT_FMT_H "iopt-fmt-vtdss.h"
#include "xen/drivers/passthrough/pt/iopt-engine.h"
