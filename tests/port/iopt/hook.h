/* SPDX-License-Identifier: GPL-2.0 */
/* Each store of the engine, and each load of a lookup, goes through the test. */
#ifndef TESTS_PORT_IOPT_HOOK_H
#define TESTS_PORT_IOPT_HOOK_H

#include <xen/atomic.h>

extern void (*iopt_after_store)(void);
extern void (*iopt_before_load)(void);

#define IOPT_STORE(p, v)    \
    do {                    \
        atomic_store(p, v); \
        iopt_after_store(); \
    } while (0)

#define IOPT_LOAD(p) (iopt_before_load(), atomic_load(p))

#endif
