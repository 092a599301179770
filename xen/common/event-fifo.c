/* SPDX-License-Identifier: GPL-2.0 */
/*
 * FIFO event delivery: per vCPU sixteen queues, linked through event words in
 * guest memory. The guest is trusted with nothing but its own events: links it
 * forges are masked to 17 bits and only looked up in our page array.
 * fifo->lock guards queues and links; it is the innermost lock.
 * Spec: <public/event_channel.h>, "FIFO ABI".
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include <asm/mm-types.h>
#include <asm/pagetable.h>

#include "event-priv.h"

#define W_PENDING BIT32(EVTCHN_FIFO_PENDING)
#define W_MASKED  BIT32(EVTCHN_FIFO_MASKED)
#define W_LINKED  BIT32(EVTCHN_FIFO_LINKED)
#define W_BUSY    BIT32(EVTCHN_FIFO_BUSY)
#define W_LINK    ((uint32_t)EVTCHN_FIFO_LINK_MASK)

/* Ours: a guest that changes a word this often meanwhile gets it marked busy. */
#define LINK_TRIES 4

static event_word_t *word_of(const struct evtchn_fifo *f, uint32_t port)
{
    const uint32_t n = port / FIFO_PAGE_WORDS;

    /* Pairs with the release in expand: the count covers filled slots. */
    if (n >= atomic_load(&f->nr_pages)) {
        return NULL;
    }
    return f->page[n] + port % FIFO_PAGE_WORDS;
}

/*
 * Link @port behind the word @w, if that is still queued. The guest clears
 * LINKED and fetches the link in one exchange, so either it sees our link or we
 * see LINKED clear. Return: true if linked.
 */
static bool try_link(event_word_t *w, uint32_t port)
{
    uint32_t old = read_once(*w);

    for (unsigned int i = 0; i < LINK_TRIES; i++) {
        if (!(old & W_LINKED)) {
            return false;
        }
        if (atomic_cas(w, &old, (old & ~W_LINK) | port)) {
            return true;
        }
    }
    return false;
}

/* As try_link(), with the word marked busy if the guest hammers on it. */
static bool link_behind(struct domain *d, event_word_t *w, uint32_t port)
{
    bool linked = try_link(w, port);

    if (linked || !(read_once(*w) & W_LINKED)) {
        return linked;
    }
    /* A guest that follows the ABI leaves a busy word alone. */
    atomic_or(w, W_BUSY);
    linked = try_link(w, port);
    if (!linked && (read_once(*w) & W_LINKED)) {
        log_guest(LOG_WARN, "d%u: event word busy for port %u, queue cut\n",
                  d->id, port);
    }
    atomic_and(w, ~W_BUSY);
    return linked;
}

/* Put an event that has just become LINKED at the end of its queue. */
static void enqueue(struct domain *d, struct vcpu *v, uint32_t port,
                    struct evtchn *chn, event_word_t *w)
{
    struct evtchn_fifo *f = d->evtchn->fifo;
    struct evtchn_fifo_vcpu *q = v->fifo;
    const unsigned int prio = chn->priority;
    struct vcpu *last = d->vcpu[chn->last_vcpu];
    event_word_t *tail;
    uint32_t t;

    /* It was consumed where it was queued last, so it is no tail there. */
    if (last && last->fifo && last->fifo->tail[chn->last_priority] == port) {
        last->fifo->tail[chn->last_priority] = 0;
    }
    chn->last_vcpu = (uint16_t)v->id;
    chn->last_priority = (uint8_t)prio;

    atomic_and(w, ~W_LINK); /* end of the queue */
    t = q->tail[prio];
    q->tail[prio] = port;
    tail = t ? word_of(f, t) : NULL;
    if (tail && link_behind(d, tail, port)) {
        return;
    }
    /* The queue is empty: a new head, and the vCPU has to be told. */
    write_once(q->control->head[prio], port);
    if (!(atomic_or(&q->control->ready, BIT32(prio)) & BIT32(prio))) {
        evtchn_mark_upcall(v);
    }
}

static void link_if_due(struct domain *d, struct vcpu *v, uint32_t port,
                        struct evtchn *chn, event_word_t *w)
{
    struct evtchn_fifo *f = d->evtchn->fifo;
    unsigned long flags;

    if ((read_once(*w) & (W_MASKED | W_LINKED)) || !v->fifo) {
        return;
    }
    flags = spin_lock_irqsave(&f->lock);
    if (!(atomic_or(w, W_LINKED) & W_LINKED)) {
        enqueue(d, v, port, chn, w);
    }
    spin_unlock_irqrestore(&f->lock, flags);
}

void evtchn_fifo_raise(struct domain *d, struct vcpu *v, uint32_t port,
                       struct evtchn *chn)
{
    event_word_t *w = word_of(d->evtchn->fifo, port);

    if (!w) {
        write_once(chn->fifo_owed, true);
        smp_mb(); /* partner: expand publishes the page, then looks at owed */
        w = word_of(d->evtchn->fifo, port);
        if (!w) {
            return;
        }
    }
    atomic_or(w, W_PENDING);
    link_if_due(d, v, port, chn, w);
}

void evtchn_fifo_unmask(struct domain *d, struct vcpu *v, uint32_t port,
                        struct evtchn *chn)
{
    event_word_t *w = word_of(d->evtchn->fifo, port);

    if (!w) {
        return;
    }
    atomic_and(w, ~W_MASKED);
    if (read_once(*w) & W_PENDING) {
        link_if_due(d, v, port, chn, w);
    }
}

bool evtchn_fifo_pending(const struct domain *d, uint32_t port)
{
    const event_word_t *w = word_of(d->evtchn->fifo, port);

    return w && (read_once(*w) & W_PENDING);
}

void evtchn_fifo_clear(struct domain *d, uint32_t port, struct evtchn *chn)
{
    event_word_t *w = word_of(d->evtchn->fifo, port);

    chn->fifo_owed = false;
    if (w) {
        atomic_and(w, ~W_PENDING);
    }
}

/* Guest frames we write to for as long as they are registered. */
static int pin_frame(struct domain *d, uint64_t gfn, void **va)
{
    if (!mfn_valid(MFN(gfn)) || page_get_and_type(MFN(gfn), d, PGT_WRITABLE)) {
        return -EINVAL;
    }
    *va = mfn_to_va(MFN(gfn));
    return 0;
}

static void unpin_frame(const void *va)
{
    const uintptr_t page = (uintptr_t)va & PAGE_MASK;

    page_put_and_type(mfn_to_page(va_to_mfn((const void *)page)));
}

/* What is pending in the two-level words must not get lost in the switch. */
static void switch_to_fifo(struct domain *d, struct evtchn_fifo *f)
{
    struct evtchn_table *t = d->evtchn;

    for (uint32_t port = 1; port < t->nr_valid; port++) {
        struct evtchn *chn = port_record(t, port);

        chn->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
        chn->fifo_owed = port < EVTCHN_2L_NR_CHANNELS &&
                         chn->state != PORT_FREE && evtchn_2l_pending(d, port);
    }
    atomic_store(&t->fifo, f);
}

int evtchn_fifo_init_control(struct domain *d, struct evtchn_init_control *op)
{
    struct evtchn_table *t = d->evtchn;
    struct evtchn_fifo_vcpu *q;
    struct evtchn_fifo *f = NULL;
    struct vcpu *v;
    unsigned long flags;
    void *va;
    int rc;

    op->link_bits = EVTCHN_FIFO_LINK_BITS;
    if (op->vcpu >= d->max_vcpus || !d->vcpu[op->vcpu]) {
        return -ENOENT;
    }
    v = d->vcpu[op->vcpu];
    if ((op->offset & 7) ||
        op->offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block)) {
        return -EINVAL;
    }
    rc = pin_frame(d, op->control_gfn, &va);
    if (rc) {
        return rc;
    }
    q = xzalloc(struct evtchn_fifo_vcpu);
    f = xzalloc(struct evtchn_fifo);
    rc = -ENOMEM;
    if (!q || !f) {
        goto err_free;
    }
    q->control = (void *)((char *)va + op->offset);

    flags = spin_lock_irqsave(&t->lock);
    rc = t->dead ? -ESRCH : v->fifo ? -EINVAL : 0;
    if (!rc) {
        atomic_store(&v->fifo, q);
        if (!t->fifo) {
            switch_to_fifo(d, f);
            f = NULL;
        }
    }
    spin_unlock_irqrestore(&t->lock, flags);
    if (rc) {
        goto err_free;
    }
    xfree(f);
    return 0;

err_free:
    xfree(f);
    xfree(q);
    unpin_frame(va);
    return rc;
}

int evtchn_fifo_expand(struct domain *d, const struct evtchn_expand_array *op)
{
    struct evtchn_table *t = d->evtchn;
    struct evtchn_fifo *f;
    unsigned long flags;
    uint32_t first;
    void *va;
    int rc;

    rc = pin_frame(d, op->array_gfn, &va);
    if (rc) {
        return rc;
    }
    flags = spin_lock_irqsave(&t->lock);
    f = t->fifo;
    rc = t->dead ? -ESRCH : !f ? -EINVAL : 0;
    if (!rc && f->nr_pages == FIFO_MAX_PAGES) {
        rc = -ENOSPC;
    }
    if (!rc) {
        first = f->nr_pages * FIFO_PAGE_WORDS;
        f->page[f->nr_pages] = va;
        /* Pairs with word_of(): the slot is filled before it counts. */
        atomic_store(&f->nr_pages, f->nr_pages + 1);
        smp_mb(); /* partner: evtchn_fifo_raise() */
        for (uint32_t i = 0; i < FIFO_PAGE_WORDS; i++) {
            struct evtchn *chn = port_record(t, first + i);

            if (!chn) {
                break;
            }
            if (chn->state != PORT_FREE && read_once(chn->fifo_owed)) {
                chn->fifo_owed = false;
                evtchn_fifo_raise(d, d->vcpu[chn->notify_vcpu], first + i, chn);
            }
        }
    }
    spin_unlock_irqrestore(&t->lock, flags);
    if (rc) {
        unpin_frame(va);
    }
    return rc;
}

int evtchn_fifo_destroy(struct domain *d)
{
    struct evtchn_table *t = d->evtchn;
    const unsigned long flags = spin_lock_irqsave(&t->lock);
    struct evtchn_fifo *f = t->fifo;
    const int rc = t->nr_bound ? -EAGAIN : 0;

    /*
     * A sender of another domain holds its own table's lock only, and may use
     * our queues for as long as a port of ours is bound to it.
     */
    if (!rc) {
        t->fifo = NULL;
    }
    spin_unlock_irqrestore(&t->lock, flags);
    if (rc || !f) {
        return rc;
    }

    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = d->vcpu[i];

        if (v && v->fifo) {
            struct evtchn_fifo_vcpu *q = v->fifo;

            v->fifo = NULL;
            unpin_frame(q->control);
            xfree(q);
        }
    }
    for (uint32_t i = 0; i < f->nr_pages; i++) {
        unpin_frame(f->page[i]);
    }
    xfree(f);
    return 0;
}
