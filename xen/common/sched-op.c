/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SCHEDOP_*: what a guest may ask of the scheduler, its own end, and watchdogs.
 * d->misc->lock guards watchdogs and pins.
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/dom-misc.h>
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/printk.h>
#include <xen/sched.h>
#include <xen/time.h>

#include <asm/current.h>

#include <public/event_channel.h>
#include <public/sched.h>

#define POLL_PORTS_MAX 128 /* ours: what fits on the stack */

static long op_block(void)
{
    struct vcpu *v = current;

    evtchn_poll_end(v);
    write_once(v->info->evtchn_upcall_mask, 0);
    vcpu_block();
    /*
     * Pairs with evtchn_mark_upcall(): it sets pending, then wakes. Either it
     * sees us blocked, or we see its event here.
     */
    smp_mb();
    if (vcpu_upcall_due(v)) {
        vcpu_wake(v);
    }
    return 0;
}

static long op_poll(uint64_t gva)
{
    struct vcpu *v = current;
    evtchn_port_t ports[POLL_PORTS_MAX];
    struct sched_poll op;
    bool ready = false;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    if (op.nr_ports > POLL_PORTS_MAX) {
        return -EINVAL;
    }
    if (op.nr_ports && guest_read(ports, (uint64_t)op.ports.p,
                                  op.nr_ports * sizeof(ports[0]))) {
        return -EFAULT;
    }
    for (unsigned int i = 0; i < op.nr_ports; i++) {
        if (!evtchn_port_bound(v->domain, ports[i])) {
            return -EINVAL;
        }
    }

    timer_stop(&v->poll_timer); /* of a poll that an upcall has ended */
    evtchn_poll_begin(v, op.nr_ports == 1 ? ports[0] : 0);
    vcpu_block();
    smp_mb(); /* as in op_block() */
    for (unsigned int i = 0; i < op.nr_ports && !ready; i++) {
        ready = evtchn_port_pending(v->domain, ports[i]);
    }
    if (ready || vcpu_upcall_due(v)) {
        evtchn_poll_end(v);
        vcpu_wake(v);
    } else if (op.timeout) {
        if (v->poll_timer.cpu != smp_cpu_id()) {
            timer_migrate(&v->poll_timer, smp_cpu_id());
        }
        timer_set(&v->poll_timer, op.timeout);
    }
    return 0;
}

static int read_reason(uint64_t gva, uint8_t *code)
{
    struct sched_shutdown op;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    if (op.reason > SHUTDOWN_MAX) {
        return -EINVAL;
    }
    *code = (uint8_t)op.reason;
    return 0;
}

static long op_shutdown(uint64_t gva)
{
    uint8_t code;
    const int rc = read_reason(gva, &code);

    if (!rc) {
        dom_shutdown(current->domain, code);
    }
    return rc;
}

/* Only the reason: the domain goes on and shuts down later. */
static long op_shutdown_code(uint64_t gva)
{
    struct domain *d = current->domain;
    uint8_t code;
    const int rc = read_reason(gva, &code);

    if (!rc && !d->shut_down) {
        d->shutdown_code = code;
    }
    return rc;
}

static long op_remote_shutdown(uint64_t gva)
{
    struct sched_remote_shutdown op;
    struct domain *d;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    if (!is_control_domain(current->domain)) {
        return -EPERM;
    }
    if (op.reason > SHUTDOWN_MAX) {
        return -EINVAL;
    }
    d = dom_find(op.domain_id);
    if (!d) {
        return -ESRCH;
    }
    if (d == current->domain) {
        dom_put(d);
        return -EINVAL;
    }
    dom_shutdown(d, (uint8_t)op.reason);
    dom_put(d);
    return 0;
}

/* --- Watchdogs ------------------------------------------------------------ */

static void watchdog_fired(void *arg)
{
    struct domain *d = arg;

    log_warn("d%u: watchdog expired\n", d->id);
    dom_shutdown(d, SHUTDOWN_watchdog);
}

static long op_watchdog(uint64_t gva)
{
    struct domain *d = current->domain;
    struct dom_misc *m = dom_misc_get(d);
    struct sched_watchdog op;
    long rc = 0;
    uint32_t id;

    if (!m) {
        return -ENOMEM;
    }
    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    if (op.id > NR_WATCHDOGS) {
        return -EINVAL;
    }
    spin_lock(&m->lock);
    id = op.id;
    if (id == 0) {
        if (op.timeout == 0) {
            rc = -EINVAL;
            goto out;
        }
        for (id = 1; id <= NR_WATCHDOGS && m->watchdog[id - 1].armed; id++) {
        }
        if (id > NR_WATCHDOGS) {
            rc = -ENOSPC;
            goto out;
        }
        rc = id;
    } else if (!m->watchdog[id - 1].armed) {
        rc = -EINVAL;
        goto out;
    }
    m->watchdog[id - 1].armed = op.timeout != 0;
    if (op.timeout) {
        timer_set(&m->watchdog[id - 1].timer, now_ns() + op.timeout * NS_PER_S);
    } else {
        timer_stop(&m->watchdog[id - 1].timer);
    }
out:
    spin_unlock(&m->lock);
    return rc;
}

static long op_pin_override(uint64_t gva)
{
    struct vcpu *v = current;
    struct dom_misc *m = dom_misc_get(v->domain);
    const uint64_t me = BIT64(v->id);
    struct sched_pin_override op;
    long rc = 0;

    if (!is_control_domain(v->domain)) {
        return -EPERM;
    }
    if (!m) {
        return -ENOMEM;
    }
    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    if (op.pcpu >= 0 && !cpumask_test(&cpu_online, (unsigned int)op.pcpu)) {
        return -EINVAL;
    }
    spin_lock(&m->lock);
    if (op.pcpu < 0) {
        if (m->pinned & me) {
            m->pinned &= ~me;
            rc = sched_set_affinity(v, &m->saved[v->id], NULL);
        } else {
            rc = -EINVAL;
        }
    } else if (m->pinned & me) {
        rc = -EBUSY;
    } else {
        m->pinned |= me;
        m->saved[v->id] = v->affinity;
        rc = sched_set_affinity(v, &CPUMASK_OF(op.pcpu), NULL);
    }
    spin_unlock(&m->lock);
    return rc;
}

long do_sched_op(struct hypercall_args *args)
{
    const uint64_t gva = args->a[1];

    switch ((uint32_t)args->a[0]) {
    case SCHEDOP_block:
        return op_block();
    case SCHEDOP_yield:
        vcpu_yield();
        return 0;
    case SCHEDOP_poll:
        return op_poll(gva);
    case SCHEDOP_shutdown:
        return op_shutdown(gva);
    case SCHEDOP_shutdown_code:
        return op_shutdown_code(gva);
    case SCHEDOP_remote_shutdown:
        return op_remote_shutdown(gva);
    case SCHEDOP_watchdog:
        return op_watchdog(gva);
    case SCHEDOP_pin_override:
        return op_pin_override(gva);
    default:
        return -ENOSYS;
    }
}

/* --- Life cycle ----------------------------------------------------------- */

struct dom_misc *dom_misc_get(struct domain *d)
{
    struct dom_misc *m = atomic_load(&d->misc);
    struct dom_misc *none = NULL;

    if (m) {
        return m;
    }
    m = xzalloc(struct dom_misc);
    if (!m) {
        return NULL;
    }
    for (unsigned int i = 0; i < NR_WATCHDOGS; i++) {
        timer_init(&m->watchdog[i].timer, watchdog_fired, d, smp_cpu_id());
    }
    /* Another vCPU may have been as fast: one of the two is kept. */
    if (!atomic_cas(&d->misc, &none, m)) {
        xfree(m);
        m = none;
    }
    return m;
}

void dom_misc_destroy(struct domain *d)
{
    struct dom_misc *m = d->misc;

    if (!m) {
        return;
    }
    for (unsigned int i = 0; i < NR_WATCHDOGS; i++) {
        timer_kill(&m->watchdog[i].timer);
    }
    d->misc = NULL;
    xfree(m);
}
