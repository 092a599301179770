/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two-level event delivery: a pending and a mask bit per port in the shared
 * info page, a selector word per vCPU. All of it is guest-writable memory:
 * nothing is believed, only bits are set. Lock-free: locked bit operations.
 */
#include <xen/atomic.h>

#include "event-priv.h"

static_assert(sizeof(xen_ulong_t) == 8 && EVTCHN_2L_NR_CHANNELS == 4096,
              "selector has one bit per 64 ports");

static uint64_t *pending_words(const struct domain *d)
{
    return (uint64_t *)d->shared->evtchn_pending;
}

static uint64_t *mask_words(const struct domain *d)
{
    return (uint64_t *)d->shared->evtchn_mask;
}

static void select_port(struct vcpu *v, uint32_t port)
{
    struct vcpu_info *info = read_once(v->info);

    if (info && !atomic_test_set_bit((uint64_t *)&info->evtchn_pending_sel,
                                     port / 64)) {
        evtchn_mark_upcall(v);
    }
}

void evtchn_2l_raise(struct domain *d, struct vcpu *v, uint32_t port)
{
    if (atomic_test_set_bit(pending_words(d), port)) {
        return; /* whoever set it has told the vCPU */
    }
    if (!test_bit(mask_words(d), port)) {
        select_port(v, port);
    }
}

void evtchn_2l_unmask(struct domain *d, struct vcpu *v, uint32_t port)
{
    if (atomic_test_clear_bit(mask_words(d), port) &&
        test_bit(pending_words(d), port)) {
        select_port(v, port);
    }
}

void evtchn_2l_moved(struct domain *d, struct vcpu *v, uint32_t port)
{
    if (test_bit(pending_words(d), port) && !test_bit(mask_words(d), port)) {
        select_port(v, port);
    }
}

bool evtchn_2l_pending(const struct domain *d, uint32_t port)
{
    return test_bit(pending_words(d), port);
}

void evtchn_2l_clear(struct domain *d, uint32_t port)
{
    atomic_test_clear_bit(pending_words(d), port);
}
