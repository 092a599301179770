/* SPDX-License-Identifier: GPL-2.0 */
/* Every store of the engine goes through the model, before and after it. */
#ifndef TESTS_PORT_IOPT_HOOK_H
#define TESTS_PORT_IOPT_HOOK_H

#include <xen/atomic.h>

extern void (*iopt_after_store)(void);

#define IOPT_STORE(p, v)    \
    do {                    \
        atomic_store(p, v); \
        iopt_after_store(); \
    } while (0)

#endif
