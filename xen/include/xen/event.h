/* SPDX-License-Identifier: GPL-2.0 */
/* Event channels as the rest of the hypervisor sees them. */
#ifndef XEN_EVENT_H
#define XEN_EVENT_H

#include <xen/types.h>

struct domain;
struct vcpu;

/**
 * evtchn_init() - Give a domain its (empty) port table.
 * @d: the domain. @max_ports: ports it may have, port 0 (never valid) counted.
 * Locks: heap. Context: boot or domctl. Return: 0 or -ENOMEM.
 */
int must_check evtchn_init(struct domain *d, unsigned int max_ports);

/**
 * evtchn_set_limit() - Let a domain have fewer ports than evtchn_init() said.
 * @d: has not run yet. @last: highest port number it may use.
 * Locks: none. Context: domctl.
 */
void evtchn_set_limit(struct domain *d, uint32_t last);

/**
 * evtchn_destroy() - A domain dies: close every port, bind no more, let go of
 * guest frames. Its vCPUs do not run any more.
 * @d: the domain. Locks: event locks of it and of its peers. Context: domctl.
 * Return: 0, done, also when called again; -ERESTART call again.
 */
int must_check evtchn_destroy(struct domain *d);

/**
 * evtchn_free() - Free the port table, after evtchn_destroy().
 * @d: its last reference is gone. Locks: heap. Context: not interrupt.
 */
void evtchn_free(struct domain *d);

/**
 * evtchn_send_virq() - Raise a per-vCPU virtual interrupt.
 * @v: whose. @virq: VIRQ_*. Not bound: no effect.
 * Locks: the domain's event lock, irq-safe. Context: any but NMI.
 */
void evtchn_send_virq(struct vcpu *v, unsigned int virq);

/**
 * evtchn_send_global_virq() - Raise a global one with its owner (Dom0).
 * @virq: VIRQ_*.
 * Locks: the domain's event lock, irq-safe. Context: any but NMI.
 */
void evtchn_send_global_virq(unsigned int virq);

/**
 * evtchn_send_pirq() - A physical interrupt arrived for a port.
 * @d: the domain. @port: what EVTCHNOP_bind_pirq returned.
 * Locks: the domain's event lock, irq-safe. Context: any but NMI.
 */
void evtchn_send_pirq(struct domain *d, unsigned int port);

/**
 * evtchn_port_pending() - Is a port pending (used by SCHEDOP_poll and others)?
 * @d: the domain. @port: any number.
 * Locks: the domain's event lock, irq-safe. Context: any.
 * Return: true if it is valid and pending.
 */
bool evtchn_port_pending(struct domain *d, unsigned int port);

/**
 * evtchn_port_bound() - Is there a binding at all?
 * @d: the domain. @port: any number.
 * Locks: the domain's event lock, irq-safe. Context: any.
 * Return: true if it is bound, to whatever.
 */
bool evtchn_port_bound(struct domain *d, unsigned int port);

/**
 * evtchn_poll_begin() - From now to evtchn_poll_end() an event on a port calls
 * vcpu_wake(), once, whether masked or not.
 * @v: the current vCPU. @only: the one port that counts; 0: any of the domain.
 * Locks: none. Context: hypercall. The caller looks at the pending bits after
 * this, which is a full barrier.
 */
void evtchn_poll_begin(struct vcpu *v, unsigned int only);

/**
 * evtchn_poll_end() - Undo evtchn_poll_begin(); repeatable.
 * @v: current, or not running. Locks: none. Context: any.
 */
void evtchn_poll_end(struct vcpu *v);

/**
 * evtchn_move_pirqs() - Move the physical interrupts bound to a vCPU.
 * @v: it now is on v->processor.
 * Locks: event lock, then interrupt locks, one after the other. Context: any
 * but NMI and interrupt handlers.
 */
void evtchn_move_pirqs(struct vcpu *v);

/**
 * vcpu_upcall_due() - Is an event upcall pending and not masked?
 * @v: the vCPU. Locks: none. Context: any. Return: true if it is.
 */
bool vcpu_upcall_due(const struct vcpu *v);

#endif
