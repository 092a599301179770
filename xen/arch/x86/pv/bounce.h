/* SPDX-License-Identifier: GPL-2.0 */
/* Entering the guest kernel; private to xen/arch/x86/pv. */
#ifndef PV_BOUNCE_H
#define PV_BOUNCE_H

#include <xen/types.h>

/* One entry into the guest kernel. */
struct pv_bounce {
    uint64_t entry;      /* guest virtual address of the handler */
    bool mask_events;    /* set the upcall mask, after it was saved */
    bool has_error;      /* push an error code */
    uint32_t error_code; /* what to push */
    bool has_selectors;  /* failsafe: push the four data selectors */
    uint16_t sel[4];     /* DS, ES, FS, GS */
};

/**
 * pv_bounce() - Build a frame on the guest kernel stack and enter a handler.
 * @b: what to enter and what to push.
 *
 * Switches to guest kernel mode first if the vCPU is in user mode. A stack that
 * cannot be written crashes the domain.
 * Locks: none. Context: current vCPU, interrupts on.
 */
void pv_bounce(const struct pv_bounce *b);

#endif
