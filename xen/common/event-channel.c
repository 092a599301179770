/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Event channels: port records, bindings, EVTCHNOP_*, and raising events from
 * inside. How a raised event reaches the guest is event-2level.c's and
 * event-fifo.c's. Locks: see event-priv.h.
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/irq.h>
#include <xen/lib.h>
#include <xen/time.h>

#include <asm/current.h>

#include "event-priv.h"

static_assert(MAX_VCPUS <= 64, "pollers is one word");

/* --- Raising -------------------------------------------------------------- */

void evtchn_mark_upcall(struct vcpu *v)
{
    struct vcpu_info *info = read_once(v->info);

    if (info && !atomic_xchg(&info->evtchn_upcall_pending, 1)) {
        vcpu_kick(v);
    }
}

bool vcpu_upcall_due(const struct vcpu *v)
{
    const struct vcpu_info *info = v->info;

    return info && read_once(info->evtchn_upcall_pending) &&
           !read_once(info->evtchn_upcall_mask);
}

/* vCPUs in SCHEDOP_poll do not care for masks: they look at the bit itself. */
static void wake_pollers(struct domain *d, uint32_t port)
{
    struct evtchn_table *t = d->evtchn;
    uint64_t todo = read_once(t->pollers);

    while (unlikely(todo)) {
        const unsigned int id = ctz64(todo);
        const uint32_t only = read_once(t->poll_port[id]);

        todo &= todo - 1;
        if ((only == 0 || only == port) &&
            atomic_test_clear_bit(&t->pollers, id)) {
            vcpu_wake(d->vcpu[id]);
        }
    }
}

/* Make a bound port pending. Locks: the port must stay bound meanwhile. */
static void raise_port(struct domain *d, uint32_t port, struct evtchn *chn)
{
    struct evtchn_table *t = d->evtchn;
    struct vcpu *v = d->vcpu[read_once(chn->notify_vcpu)];

    if (atomic_load(&t->fifo)) {
        evtchn_fifo_raise(d, v, port, chn);
    } else {
        evtchn_2l_raise(d, v, port);
    }
    /* The locked operation above orders the bit before reading pollers. */
    wake_pollers(d, port);
}

void evtchn_send_virq(struct vcpu *v, unsigned int virq)
{
    struct domain *d = v->domain;
    struct evtchn_table *t = d->evtchn;
    struct evtchn *chn;
    unsigned long flags;
    uint32_t port;

    ASSERT(virq < NR_VIRQS);
    if (!t || !read_once(v->virq_port[virq])) {
        return;
    }
    flags = spin_lock_irqsave(&t->lock);
    port = v->virq_port[virq];
    chn = port_record(t, port);
    if (port && chn->state == PORT_VIRQ) {
        raise_port(d, port, chn);
    }
    spin_unlock_irqrestore(&t->lock, flags);
}

void evtchn_send_global_virq(unsigned int virq)
{
    struct domain *d = read_once(dom0);

    if (d && d->vcpu[0]) {
        evtchn_send_virq(d->vcpu[0], virq);
    }
}

void evtchn_send_pirq(struct domain *d, unsigned int port)
{
    struct evtchn_table *t = d->evtchn;
    struct evtchn *chn;
    unsigned long flags;

    if (!t) {
        return;
    }
    flags = spin_lock_irqsave(&t->lock);
    chn = port_record(t, port);
    if (chn && chn->state == PORT_PIRQ) {
        raise_port(d, port, chn);
    }
    spin_unlock_irqrestore(&t->lock, flags);
}

bool evtchn_port_pending(struct domain *d, unsigned int port)
{
    struct evtchn_table *t = d->evtchn;
    const struct evtchn *chn;
    unsigned long flags;
    bool yes = false;

    flags = spin_lock_irqsave(&t->lock);
    chn = port_record(t, port);
    if (chn && chn->state != PORT_FREE) {
        yes =
            t->fifo ? evtchn_fifo_pending(d, port) : evtchn_2l_pending(d, port);
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return yes;
}

bool evtchn_port_bound(struct domain *d, unsigned int port)
{
    struct evtchn_table *t = d->evtchn;
    const struct evtchn *chn;
    unsigned long flags;
    bool yes;

    flags = spin_lock_irqsave(&t->lock);
    chn = port_record(t, port);
    yes = chn && chn->state != PORT_FREE;
    spin_unlock_irqrestore(&t->lock, flags);
    return yes;
}

void evtchn_poll_begin(struct vcpu *v, unsigned int only)
{
    struct evtchn_table *t = v->domain->evtchn;

    write_once(t->poll_port[v->id], only);
    atomic_test_set_bit(&t->pollers, v->id);
}

void evtchn_poll_end(struct vcpu *v)
{
    struct evtchn_table *t = v->domain->evtchn;

    if (test_bit(&t->pollers, v->id)) {
        atomic_test_clear_bit(&t->pollers, v->id);
    }
}

/* --- Ports ---------------------------------------------------------------- */

static uint32_t port_limit(const struct evtchn_table *t)
{
    return t->fifo ? t->max_ports
                   : min_of(t->max_ports, (uint32_t)EVTCHN_2L_NR_CHANNELS);
}

/*
 * Find a free port; the caller binds it with port_bind() before it drops the
 * lock, or leaves it.
 * Locks: t->lock. Return: 0, -ENOSPC, -ENOMEM, -ESRCH the domain dies.
 */
static int port_alloc(struct evtchn_table *t, uint32_t *port)
{
    const uint32_t limit = port_limit(t);
    uint32_t p;

    if (t->dead) {
        return -ESRCH;
    }
    for (p = t->free_hint; p < limit; p++) {
        struct evtchn *chn;

        if (p >= t->nr_valid) {
            struct evtchn *page = xzalloc_array(struct evtchn, PORTS_PER_PAGE);

            if (!page) {
                return -ENOMEM;
            }
            t->page[p / PORTS_PER_PAGE] = page;
            t->nr_valid += PORTS_PER_PAGE;
        }
        chn = port_record(t, p);
        if (chn->state == PORT_FREE) {
            /*
             * Its word may still be the tail of the queue it was in last:
             * what says which one stays.
             */
            *chn = (struct evtchn){
                .priority = EVTCHN_FIFO_PRIORITY_DEFAULT,
                .last_priority = chn->last_priority,
                .last_vcpu = chn->last_vcpu,
            };
            t->free_hint = p + 1;
            *port = p;
            return 0;
        }
    }
    t->free_hint = max_of(t->free_hint, limit);
    return -ENOSPC;
}

/* Locks: t->lock; @chn is free, its other fields are filled. */
static void port_bind(struct evtchn_table *t, struct evtchn *chn,
                      enum port_state state)
{
    chn->state = (uint8_t)state;
    t->nr_bound++;
}

/* Locks: t->lock. */
static void port_free(struct domain *d, uint32_t port)
{
    struct evtchn_table *t = d->evtchn;
    struct evtchn *chn = port_record(t, port);

    if (t->fifo) {
        evtchn_fifo_clear(d, port, chn);
    } else {
        evtchn_2l_clear(d, port);
    }
    chn->state = PORT_FREE;
    chn->notify_vcpu = 0;
    t->nr_bound--;
    t->free_hint = min_of(t->free_hint, port);
}

static bool virq_is_global(uint32_t virq)
{
    switch (virq) {
    case VIRQ_TIMER:
    case VIRQ_DEBUG:
    case VIRQ_XENOPROF:
    case VIRQ_XENPMU:
        return false;
    default:
        return true;
    }
}

static struct vcpu *vcpu_of(const struct domain *d, uint32_t id)
{
    return id < d->max_vcpus ? d->vcpu[id] : NULL;
}

/* The pirq ports of a vCPU, so that they can follow it. Locks: t->lock. */
static void pirq_list_add(struct evtchn_table *t, uint32_t port)
{
    struct evtchn *chn = port_record(t, port);

    chn->pirq.next = t->pirq_first[chn->notify_vcpu];
    t->pirq_first[chn->notify_vcpu] = port;
}

static void pirq_list_del(struct evtchn_table *t, uint32_t port)
{
    struct evtchn *chn = port_record(t, port);
    uint32_t *p = &t->pirq_first[chn->notify_vcpu];

    while (*p && *p != port) {
        p = &port_record(t, *p)->pirq.next;
    }
    if (*p) {
        *p = chn->pirq.next;
    }
}

/* --- Closing -------------------------------------------------------------- */

/* The other end loses its peer and waits for the same domain again. */
static void peer_detach(struct domain *peer, uint32_t port, domid_t who)
{
    struct evtchn *chn = port_record(peer->evtchn, port);

    chn->state = PORT_UNBOUND;
    chn->unbound_for = who;
}

/*
 * Close a port of any kind. Locks: takes everything; d's config_lock is held.
 * Return: 0, -EINVAL not bound.
 */
static int close_port(struct domain *d, uint32_t port)
{
    struct evtchn_table *t = d->evtchn;
    unsigned long flags;
    struct evtchn *chn;
    struct domain *peer;
    struct vcpu *v;
    uint32_t pirq;

again:
    flags = spin_lock_irqsave(&t->lock);
    chn = port_record(t, port);
    if (!chn || chn->state == PORT_FREE) {
        spin_unlock_irqrestore(&t->lock, flags);
        return -EINVAL;
    }
    switch ((enum port_state)chn->state) {
    case PORT_FREE:
    case PORT_UNBOUND:
    case PORT_IPI:
        break;
    case PORT_VIRQ:
        v = d->vcpu[virq_is_global(chn->virq) ? 0 : chn->notify_vcpu];
        write_once(v->virq_port[chn->virq], 0);
        break;
    case PORT_PIRQ:
        /* The interrupt code is called without our lock; config_lock keeps
         * the port from being closed or bound again meanwhile. */
        pirq = chn->pirq.pirq;
        spin_unlock_irqrestore(&t->lock, flags);
        pirq_unbind(d, pirq);
        flags = spin_lock_irqsave(&t->lock);
        pirq_list_del(t, port);
        break;
    case PORT_INTERDOMAIN:
        /* Our lock keeps the peer from being freed. */
        peer = chn->remote.dom;
        if (peer == d) {
            peer_detach(d, chn->remote.port, d->id);
            break;
        }
        if (!spin_trylock(&peer->evtchn->lock)) {
            spin_unlock_irqrestore(&t->lock, flags);
            cpu_relax();
            goto again;
        }
        peer_detach(peer, chn->remote.port, d->id);
        spin_unlock(&peer->evtchn->lock);
        break;
    }
    port_free(d, port);
    spin_unlock_irqrestore(&t->lock, flags);
    return 0;
}

/* --- Operations; each takes its structure from and leaves it for the guest --
 */

static int op_alloc_unbound(struct evtchn_alloc_unbound *op)
{
    struct domain *d;
    struct evtchn_table *t;
    unsigned long flags;
    uint32_t port;
    int rc = dom_find_target(op->dom, &d);

    if (rc) {
        return rc;
    }
    t = d->evtchn;
    flags = spin_lock_irqsave(&t->lock);
    rc = port_alloc(t, &port);
    if (!rc) {
        struct evtchn *chn = port_record(t, port);

        chn->unbound_for =
            op->remote_dom == DOMID_SELF ? current->domain->id : op->remote_dom;
        port_bind(t, chn, PORT_UNBOUND);
        op->port = port;
    }
    spin_unlock_irqrestore(&t->lock, flags);
    dom_put(d);
    return rc;
}

static unsigned long lock_two(struct evtchn_table *a, struct evtchn_table *b)
{
    struct evtchn_table *lo = a < b ? a : b;
    struct evtchn_table *hi = a < b ? b : a;
    const unsigned long flags = spin_lock_irqsave(&lo->lock);

    if (hi != lo) {
        spin_lock(&hi->lock);
    }
    return flags;
}

static void unlock_two(struct evtchn_table *a, struct evtchn_table *b,
                       unsigned long flags)
{
    struct evtchn_table *lo = a < b ? a : b;
    struct evtchn_table *hi = a < b ? b : a;

    if (hi != lo) {
        spin_unlock(&hi->lock);
    }
    spin_unlock_irqrestore(&lo->lock, flags);
}

static int op_bind_interdomain(struct evtchn_bind_interdomain *op)
{
    struct domain *ld = current->domain;
    struct domain *rd = dom_find_self(op->remote_dom);
    struct evtchn *lchn;
    struct evtchn *rchn;
    unsigned long flags;
    uint32_t port;
    int rc;

    if (!rd) {
        return -ESRCH;
    }
    flags = lock_two(ld->evtchn, rd->evtchn);
    rchn = port_record(rd->evtchn, op->remote_port);
    rc = -EINVAL;
    if (rd->evtchn->dead || !rchn || rchn->state != PORT_UNBOUND ||
        rchn->unbound_for != ld->id) {
        goto out;
    }
    rc = port_alloc(ld->evtchn, &port);
    if (rc) {
        goto out;
    }
    lchn = port_record(ld->evtchn, port);
    lchn->remote.dom = rd;
    lchn->remote.port = op->remote_port;
    port_bind(ld->evtchn, lchn, PORT_INTERDOMAIN);
    rchn->remote.dom = ld;
    rchn->remote.port = port;
    rchn->state = PORT_INTERDOMAIN;
    op->local_port = port;
    /* The other side may have sent before there was anyone to hear it. */
    raise_port(ld, port, lchn);
out:
    unlock_two(ld->evtchn, rd->evtchn, flags);
    dom_put(rd);
    return rc;
}

static int op_bind_virq(struct evtchn_bind_virq *op)
{
    struct domain *d = current->domain;
    struct evtchn_table *t = d->evtchn;
    struct vcpu *v = vcpu_of(d, op->vcpu);
    unsigned long flags;
    uint32_t port;
    int rc;

    if (op->virq >= NR_VIRQS || (virq_is_global(op->virq) && op->vcpu != 0)) {
        return -EINVAL;
    }
    if (!v) {
        return -ENOENT;
    }
    flags = spin_lock_irqsave(&t->lock);
    rc = v->virq_port[op->virq] ? -EEXIST : port_alloc(t, &port);
    if (!rc && port > UINT16_MAX) {
        rc = -ENOSPC; /* what virq_port[] can hold; the port stays free */
    }
    if (!rc) {
        struct evtchn *chn = port_record(t, port);

        chn->virq = op->virq;
        chn->notify_vcpu = (uint16_t)op->vcpu;
        port_bind(t, chn, PORT_VIRQ);
        write_once(v->virq_port[op->virq], (uint16_t)port);
        op->port = port;
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return rc;
}

static int op_bind_ipi(struct evtchn_bind_ipi *op)
{
    struct domain *d = current->domain;
    struct evtchn_table *t = d->evtchn;
    unsigned long flags;
    uint32_t port;
    int rc;

    if (!vcpu_of(d, op->vcpu)) {
        return -ENOENT;
    }
    flags = spin_lock_irqsave(&t->lock);
    rc = port_alloc(t, &port);
    if (!rc) {
        struct evtchn *chn = port_record(t, port);

        chn->notify_vcpu = (uint16_t)op->vcpu;
        port_bind(t, chn, PORT_IPI);
        op->port = port;
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return rc;
}

static int op_bind_pirq(struct evtchn_bind_pirq *op)
{
    struct domain *d = current->domain;
    struct evtchn_table *t = d->evtchn;
    struct evtchn *chn;
    unsigned long flags;
    uint32_t port;
    int rc;

    spin_lock(&t->config_lock);
    flags = spin_lock_irqsave(&t->lock);
    rc = port_alloc(t, &port);
    if (!rc) {
        /* Bound before the line is unmasked: the first one may come at once. */
        chn = port_record(t, port);
        chn->pirq.pirq = op->pirq;
        port_bind(t, chn, PORT_PIRQ);
        pirq_list_add(t, port);
    }
    spin_unlock_irqrestore(&t->lock, flags);
    if (!rc) {
        rc = pirq_bind(d->vcpu[0], op->pirq, port,
                       op->flags & BIND_PIRQ__WILL_SHARE);
        if (rc) {
            flags = spin_lock_irqsave(&t->lock);
            pirq_list_del(t, port);
            port_free(d, port);
            spin_unlock_irqrestore(&t->lock, flags);
        }
    }
    spin_unlock(&t->config_lock);
    op->port = port;
    return rc;
}

static int op_close(const struct evtchn_close *op)
{
    struct domain *d = current->domain;
    int rc;

    spin_lock(&d->evtchn->config_lock);
    rc = close_port(d, op->port);
    spin_unlock(&d->evtchn->config_lock);
    return rc;
}

static int op_send(const struct evtchn_send *op)
{
    struct domain *d = current->domain;
    struct evtchn_table *t = d->evtchn;
    struct evtchn *chn;
    unsigned long flags;
    int rc = 0;

    flags = spin_lock_irqsave(&t->lock);
    chn = port_record(t, op->port);
    switch (chn ? (enum port_state)chn->state : PORT_FREE) {
    case PORT_INTERDOMAIN:
        /* Our lock keeps the other end bound to us. */
        raise_port(chn->remote.dom, chn->remote.port,
                   port_record(chn->remote.dom->evtchn, chn->remote.port));
        break;
    case PORT_IPI:
        raise_port(d, op->port, chn);
        break;
    case PORT_UNBOUND:
        break; /* nobody listens yet */
    case PORT_FREE:
    case PORT_PIRQ:
    case PORT_VIRQ:
        rc = -EINVAL;
        break;
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return rc;
}

static int op_status(struct evtchn_status *op)
{
    struct domain *d;
    const struct evtchn *chn;
    unsigned long flags;
    int rc = dom_find_target(op->dom, &d);

    if (rc) {
        return rc;
    }
    flags = spin_lock_irqsave(&d->evtchn->lock);
    chn = port_record(d->evtchn, op->port);
    if (!chn) {
        rc = -EINVAL; /* tools count ports up to this answer */
        goto out;
    }
    op->vcpu = chn->notify_vcpu;
    switch ((enum port_state)chn->state) {
    case PORT_FREE:
        op->status = EVTCHNSTAT_closed;
        break;
    case PORT_UNBOUND:
        op->status = EVTCHNSTAT_unbound;
        op->u.unbound.dom = chn->unbound_for;
        break;
    case PORT_INTERDOMAIN:
        op->status = EVTCHNSTAT_interdomain;
        op->u.interdomain.dom = chn->remote.dom->id;
        op->u.interdomain.port = chn->remote.port;
        break;
    case PORT_PIRQ:
        op->status = EVTCHNSTAT_pirq;
        op->u.pirq = chn->pirq.pirq;
        break;
    case PORT_VIRQ:
        op->status = EVTCHNSTAT_virq;
        op->u.virq = chn->virq;
        break;
    case PORT_IPI:
        op->status = EVTCHNSTAT_ipi;
        break;
    }
out:
    spin_unlock_irqrestore(&d->evtchn->lock, flags);
    dom_put(d);
    return rc;
}

static int op_bind_vcpu(const struct evtchn_bind_vcpu *op)
{
    struct domain *d = current->domain;
    struct evtchn_table *t = d->evtchn;
    struct vcpu *v = vcpu_of(d, op->vcpu);
    struct evtchn *chn;
    unsigned long flags;
    bool is_pirq = false;
    uint32_t pirq = 0;
    int rc = 0;

    if (!v) {
        return -ENOENT;
    }
    spin_lock(&t->config_lock);
    flags = spin_lock_irqsave(&t->lock);
    chn = port_record(t, op->port);
    switch (chn ? (enum port_state)chn->state : PORT_FREE) {
    case PORT_VIRQ:
        if (!virq_is_global(chn->virq)) {
            rc = -EINVAL;
        }
        break;
    case PORT_UNBOUND:
    case PORT_INTERDOMAIN:
        break;
    case PORT_PIRQ:
        is_pirq = chn->notify_vcpu != v->id;
        pirq = chn->pirq.pirq;
        break;
    case PORT_FREE:
    case PORT_IPI:
        rc = -EINVAL;
        break;
    }
    if (!rc) {
        if (is_pirq) {
            pirq_list_del(t, op->port);
        }
        write_once(chn->notify_vcpu, (uint16_t)v->id);
        if (is_pirq) {
            pirq_list_add(t, op->port);
        }
        if (!t->fifo) {
            /* A FIFO event stays in the old queue, which is served as well. */
            evtchn_2l_moved(d, v, op->port);
        }
    }
    spin_unlock_irqrestore(&t->lock, flags);
    if (!rc && is_pirq) {
        pirq_set_affinity(d, pirq, v->processor);
    }
    spin_unlock(&t->config_lock);
    return rc;
}

static int op_unmask(const struct evtchn_unmask *op)
{
    struct domain *d = current->domain;
    struct evtchn_table *t = d->evtchn;
    struct evtchn *chn;
    unsigned long flags;
    int rc = -EINVAL;

    flags = spin_lock_irqsave(&t->lock);
    chn = port_record(t, op->port);
    if (chn && op->port) {
        struct vcpu *v = d->vcpu[chn->notify_vcpu];

        rc = 0;
        if (t->fifo) {
            evtchn_fifo_unmask(d, v, op->port, chn);
        } else {
            evtchn_2l_unmask(d, v, op->port);
        }
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return rc;
}

/*
 * Close everything. Return: 0, -ERESTART, -EAGAIN the guest binds ports as fast
 * as we close them.
 */
static int close_all(struct domain *d)
{
    struct evtchn_table *t = d->evtchn;
    int rc = 0;

    spin_lock(&t->config_lock);
    while (t->reset_pos < read_once(t->nr_valid)) {
        const uint32_t port = t->reset_pos++;

        /* The common case is a port nobody uses. */
        if (port_record(t, port)->state != PORT_FREE) {
            rc = close_port(d, port);
            ASSERT(rc == 0);
        }
        if (port % 64 == 63 && hypercall_preempt()) {
            rc = -ERESTART;
            break;
        }
    }
    if (!rc) {
        t->reset_pos = 1;
        rc = evtchn_fifo_destroy(d);
    }
    spin_unlock(&t->config_lock);
    return rc;
}

static int op_reset(const struct evtchn_reset *op)
{
    struct domain *d;
    int rc = dom_find_target(op->dom, &d);

    if (!rc) {
        rc = close_all(d);
        dom_put(d);
    }
    return rc;
}

static int op_set_priority(const struct evtchn_set_priority *op)
{
    struct evtchn_table *t = current->domain->evtchn;
    struct evtchn *chn;
    unsigned long flags;
    int rc = 0;

    if (op->priority > EVTCHN_FIFO_PRIORITY_MIN) {
        return -EINVAL;
    }
    flags = spin_lock_irqsave(&t->lock);
    chn = port_record(t, op->port);
    if (!t->fifo) {
        rc = -ENOSYS;
    } else if (!chn || chn->state == PORT_FREE) {
        rc = -EINVAL;
    } else {
        write_once(chn->priority, (uint8_t)op->priority);
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return rc;
}

union evtchn_any {
    struct evtchn_alloc_unbound alloc_unbound;
    struct evtchn_bind_interdomain bind_interdomain;
    struct evtchn_bind_virq bind_virq;
    struct evtchn_bind_pirq bind_pirq;
    struct evtchn_bind_ipi bind_ipi;
    struct evtchn_close close;
    struct evtchn_send send;
    struct evtchn_status status;
    struct evtchn_bind_vcpu bind_vcpu;
    struct evtchn_unmask unmask;
    struct evtchn_reset reset;
    struct evtchn_init_control init_control;
    struct evtchn_expand_array expand_array;
    struct evtchn_set_priority set_priority;
};

#define ARG(name) [EVTCHNOP_##name] = sizeof(struct evtchn_##name)
static const uint8_t arg_bytes[] = {
    ARG(alloc_unbound), ARG(bind_interdomain),
    ARG(bind_virq),     ARG(bind_pirq),
    ARG(bind_ipi),      ARG(close),
    ARG(send),          ARG(status),
    ARG(bind_vcpu),     ARG(unmask),
    ARG(reset),         ARG(init_control),
    ARG(expand_array),  ARG(set_priority),
};
#undef ARG

/* Operations that return something in their structure. */
#define HAS_OUTPUT                                                      \
    (BIT32(EVTCHNOP_alloc_unbound) | BIT32(EVTCHNOP_bind_interdomain) | \
     BIT32(EVTCHNOP_bind_virq) | BIT32(EVTCHNOP_bind_pirq) |            \
     BIT32(EVTCHNOP_bind_ipi) | BIT32(EVTCHNOP_status) |                \
     BIT32(EVTCHNOP_init_control))

static int run_op(unsigned int cmd, union evtchn_any *u)
{
    switch (cmd) {
    case EVTCHNOP_send:
        return op_send(&u->send);
    case EVTCHNOP_unmask:
        return op_unmask(&u->unmask);
    case EVTCHNOP_alloc_unbound:
        return op_alloc_unbound(&u->alloc_unbound);
    case EVTCHNOP_bind_interdomain:
        return op_bind_interdomain(&u->bind_interdomain);
    case EVTCHNOP_bind_virq:
        return op_bind_virq(&u->bind_virq);
    case EVTCHNOP_bind_pirq:
        return op_bind_pirq(&u->bind_pirq);
    case EVTCHNOP_bind_ipi:
        return op_bind_ipi(&u->bind_ipi);
    case EVTCHNOP_close:
        return op_close(&u->close);
    case EVTCHNOP_status:
        return op_status(&u->status);
    case EVTCHNOP_bind_vcpu:
        return op_bind_vcpu(&u->bind_vcpu);
    case EVTCHNOP_reset:
        return op_reset(&u->reset);
    case EVTCHNOP_init_control:
        return evtchn_fifo_init_control(current->domain, &u->init_control);
    case EVTCHNOP_expand_array:
        return evtchn_fifo_expand(current->domain, &u->expand_array);
    case EVTCHNOP_set_priority:
        return op_set_priority(&u->set_priority);
    default:
        return -ENOSYS;
    }
}

/* What an operation bound is unbound if the guest cannot be told its port. */
static void undo_bind(unsigned int cmd, const union evtchn_any *u)
{
    struct evtchn_close c = { 0 };

    switch (cmd) {
    case EVTCHNOP_bind_interdomain:
        c.port = u->bind_interdomain.local_port;
        break;
    case EVTCHNOP_bind_virq:
        c.port = u->bind_virq.port;
        break;
    case EVTCHNOP_bind_pirq:
        c.port = u->bind_pirq.port;
        break;
    case EVTCHNOP_bind_ipi:
        c.port = u->bind_ipi.port;
        break;
    default:
        return;
    }
    if (op_close(&c)) {
        return; /* another vCPU of the guest was faster */
    }
}

long do_event_channel_op(struct hypercall_args *args)
{
    const uint64_t cmd = args->a[0];
    union evtchn_any u;
    int rc;

    if (cmd >= array_size(arg_bytes)) {
        return -ENOSYS;
    }
    if (guest_read(&u, args->a[1], arg_bytes[cmd])) {
        return -EFAULT;
    }
    rc = run_op((unsigned int)cmd, &u);
    if (rc == -ERESTART) {
        return hypercall_continue(__HYPERVISOR_event_channel_op, args);
    }
    if (!rc && (HAS_OUTPUT & BIT32(cmd)) &&
        guest_write(args->a[1], &u, arg_bytes[cmd])) {
        undo_bind((unsigned int)cmd, &u);
        return -EFAULT;
    }
    return rc;
}

/* --- Life cycle ----------------------------------------------------------- */

void evtchn_set_limit(struct domain *d, uint32_t last)
{
    struct evtchn_table *t = d->evtchn;

    if (last < t->max_ports) {
        t->max_ports = last + 1;
    }
}

int evtchn_init(struct domain *d, unsigned int max_ports)
{
    struct evtchn_table *t = xzalloc(struct evtchn_table);

    if (!t) {
        return -ENOMEM;
    }
    t->max_ports = min_of(max_ports, (unsigned int)EVTCHN_FIFO_NR_CHANNELS);
    t->page = xzalloc_array(struct evtchn *,
                            div_round_up(t->max_ports, PORTS_PER_PAGE) + 1);
    if (!t->page) {
        xfree(t);
        return -ENOMEM;
    }
    t->free_hint = 1; /* port 0 is never valid */
    t->reset_pos = 1;
    d->evtchn = t;
    return 0;
}

int evtchn_destroy(struct domain *d)
{
    struct evtchn_table *t = d->evtchn;
    unsigned long flags;
    int rc;

    if (!t || t->closed) {
        return 0;
    }
    if (!t->dead) {
        flags = spin_lock_irqsave(&t->lock);
        t->dead = true;
        spin_unlock_irqrestore(&t->lock, flags);
        t->reset_pos = 1; /* the guest may have left a reset half way */
    }
    rc = close_all(d);
    ASSERT(rc == 0 || rc == -ERESTART); /* nothing can be bound any more */
    t->closed = rc == 0;
    return rc;
}

void evtchn_free(struct domain *d)
{
    struct evtchn_table *t = d->evtchn;

    if (!t) {
        return;
    }
    d->evtchn = NULL;
    for (uint32_t i = 0; i < t->nr_valid / PORTS_PER_PAGE; i++) {
        xfree(t->page[i]);
    }
    xfree(t->page);
    xfree(t);
}

/* Ours: how many are moved per round without the lock. */
#define MOVE_BATCH 16

void evtchn_move_pirqs(struct vcpu *v)
{
    struct domain *d = v->domain;
    struct evtchn_table *t = d->evtchn;
    uint32_t batch[MOVE_BATCH];
    uint32_t skip = 0;
    unsigned int nr;

    if (!t || !read_once(t->pirq_first[v->id])) {
        return;
    }
    do {
        unsigned long flags = spin_lock_irqsave(&t->lock);
        uint32_t port = t->pirq_first[v->id];

        for (uint32_t i = 0; port && i < skip; i++) {
            port = port_record(t, port)->pirq.next;
        }
        for (nr = 0; port && nr < MOVE_BATCH; nr++) {
            batch[nr] = port_record(t, port)->pirq.pirq;
            port = port_record(t, port)->pirq.next;
        }
        spin_unlock_irqrestore(&t->lock, flags);
        for (unsigned int i = 0; i < nr; i++) {
            pirq_set_affinity(d, batch[i], v->processor);
        }
        skip += nr;
    } while (nr == MOVE_BATCH);
}
