/* SPDX-License-Identifier: GPL-2.0 */
/* Per-domain state of small hypercalls: watchdogs, console line, CPU pins. */
#ifndef XEN_DOM_MISC_H
#define XEN_DOM_MISC_H

#include <xen/domain.h>

#define NR_WATCHDOGS       2   /* ABI: ids 1 and 2 */
#define CONSOLE_LINE_BYTES 160 /* ours: longest line logged in one piece */

struct dom_misc {
    spinlock_t lock; /* guards all of it */
    struct {
        struct timer timer; /* shuts the domain down */
        bool armed;         /* the id is in use */
    } watchdog[NR_WATCHDOGS];
    unsigned int line_len;         /* bytes of an unfinished console line */
    char line[CONSOLE_LINE_BYTES]; /* console output of an ordinary guest */
    uint64_t pinned;               /* vCPUs under SCHEDOP_pin_override */
    cpumask_t saved[MAX_VCPUS];    /* and their affinity before it */
};

/**
 * dom_misc_get() - d->misc, allocated when first needed.
 * @d: the domain. Locks: heap. Context: hypercall.
 * Return: the state, or NULL when out of memory.
 */
struct dom_misc *dom_misc_get(struct domain *d);

/**
 * dom_misc_destroy() - Stop the watchdogs and free d->misc.
 * @d: none of its vCPUs runs. Locks: timer heaps. Context: teardown.
 */
void dom_misc_destroy(struct domain *d);

#endif
