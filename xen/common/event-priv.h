/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the event-channel files share.
 *
 * Locks, in order: config_lock (plain; binding operations that call the
 * interrupt code) > interrupt locks > table lock (irq-safe) > FIFO lock.
 * An interdomain link changes only with the table locks of both ends held, so
 * either lock makes it stable. Two table locks: the second by spin_trylock or
 * in address order.
 */
#ifndef XEN_COMMON_EVENT_PRIV_H
#define XEN_COMMON_EVENT_PRIV_H

#include <xen/domain.h>
#include <xen/event.h>
#include <xen/spinlock.h>

#include <public/event_channel.h>

enum port_state {
    PORT_FREE,
    PORT_UNBOUND,
    PORT_INTERDOMAIN,
    PORT_PIRQ,
    PORT_VIRQ,
    PORT_IPI,
};

struct evtchn {
    uint8_t state;         /* enum port_state */
    uint8_t priority;      /* FIFO: queue to use */
    bool fifo_owed;        /* FIFO: raised before its event word existed */
    uint8_t last_priority; /* FIFO: queue it was linked to last */
    uint16_t notify_vcpu;  /* index of the vCPU that is told */
    uint16_t last_vcpu;    /* FIFO: whose queue that was; kept when free */
    union {
        domid_t unbound_for; /* UNBOUND: who may bind */
        struct {
            struct domain *dom; /* INTERDOMAIN: other end */
            uint32_t port;
        } remote;
        struct {
            uint32_t pirq;
            uint32_t next; /* next port of notify_vcpu with a pirq; 0: end */
        } pirq;
        uint32_t virq;
    };
};
static_assert(sizeof(struct evtchn) == 24, "PORTS_PER_PAGE below counts on it");

#define PORTS_PER_PAGE 128 /* ours: 3 KiB, one small allocation */

#define FIFO_PAGE_WORDS (PAGE_SIZE / sizeof(event_word_t))
#define FIFO_MAX_PAGES  (EVTCHN_FIFO_NR_CHANNELS / FIFO_PAGE_WORDS)

/* FIFO state of a domain; guarded by its own lock once published. */
struct evtchn_fifo {
    spinlock_t lock;   /* queues of all vCPUs, event words' links */
    uint32_t nr_pages; /* event array pages so far */
    event_word_t *page[FIFO_MAX_PAGES];
};

/* FIFO state of a vCPU. */
struct evtchn_fifo_vcpu {
    struct evtchn_fifo_control_block *control;
    uint32_t tail[EVTCHN_FIFO_MAX_QUEUES]; /* 0: queue known to be empty */
};

struct evtchn_table {
    spinlock_t config_lock;
    spinlock_t lock;
    struct evtchn **page;     /* of PORTS_PER_PAGE records; filled on demand */
    uint32_t nr_valid;        /* ports that have a record */
    uint32_t max_ports;       /* of the domain's configuration */
    uint32_t free_hint;       /* no free port below */
    uint32_t reset_pos;       /* where an interrupted reset goes on */
    uint32_t nr_bound;        /* ports that are not free */
    bool dead;                /* destroy has begun: nothing is bound any more */
    bool closed;              /* destroy has closed them all */
    struct evtchn_fifo *fifo; /* NULL: two-level ABI */
    uint64_t pollers;         /* vCPUs in SCHEDOP_poll; atomic */
    uint32_t poll_port[MAX_VCPUS];  /* the one port, 0: several */
    uint32_t pirq_first[MAX_VCPUS]; /* list of ports with a pirq */
};

static inline struct evtchn *port_record(const struct evtchn_table *t,
                                         uint32_t port)
{
    return port < t->nr_valid
               ? &t->page[port / PORTS_PER_PAGE][port % PORTS_PER_PAGE]
               : NULL;
}

/**
 * evtchn_mark_upcall() - A vCPU must look at its events: flag it, kick it.
 * @v: the vCPU. Locks: any. Context: any but NMI.
 */
void evtchn_mark_upcall(struct vcpu *v);

/**
 * evtchn_2l_raise() - Two-level: make a port pending, and tell the vCPU unless it
 * is masked.
 * @d: the domain. @v: whom the port notifies. @port: bound, below 4096.
 * Locks: a table lock that keeps the port bound. Context: any but NMI.
 */
void evtchn_2l_raise(struct domain *d, struct vcpu *v, uint32_t port);

/**
 * evtchn_2l_unmask() - Two-level: clear a port's mask, and tell the vCPU if it
 * is pending.
 * @d: the domain. @v: whom the port notifies. @port: bound, below 4096.
 * Locks: a table lock that keeps the port bound. Context: any but NMI.
 */
void evtchn_2l_unmask(struct domain *d, struct vcpu *v, uint32_t port);

/**
 * evtchn_2l_moved() - Two-level: tell a port's new vCPU if it is pending and not
 * masked.
 * @d: the domain. @v: whom the port notifies now. @port: bound, below 4096.
 * Locks: a table lock that keeps the port bound. Context: any but NMI.
 */
void evtchn_2l_moved(struct domain *d, struct vcpu *v, uint32_t port);

/**
 * evtchn_2l_pending() - Two-level: the pending bit.
 * @d: the domain. @port: below 4096. Locks: none. Context: any.
 * Return: the bit.
 */
bool evtchn_2l_pending(const struct domain *d, uint32_t port);

/**
 * evtchn_2l_clear() - Two-level: clear the pending bit.
 * @d: the domain. @port: below 4096. Locks: none. Context: any.
 */
void evtchn_2l_clear(struct domain *d, uint32_t port);

/**
 * evtchn_fifo_raise() - As evtchn_2l_raise(), for a domain with the FIFO ABI.
 * @d: the domain. @v: whom the port notifies. @port: bound. @chn: its record.
 * Locks: a table lock that keeps the port bound; takes the FIFO's.
 * Context: any but NMI.
 */
void evtchn_fifo_raise(struct domain *d, struct vcpu *v, uint32_t port,
                       struct evtchn *chn);

/**
 * evtchn_fifo_unmask() - As evtchn_2l_unmask(), for a domain with the FIFO ABI.
 * @d: the domain. @v: whom the port notifies. @port: bound. @chn: its record.
 * Locks: a table lock that keeps the port bound; takes the FIFO's.
 * Context: any but NMI.
 */
void evtchn_fifo_unmask(struct domain *d, struct vcpu *v, uint32_t port,
                        struct evtchn *chn);

/**
 * evtchn_fifo_pending() - FIFO: the pending bit.
 * @d: the domain. @port: any. Locks: the domain's table lock. Context: any.
 * Return: the bit; false if there is no event word yet.
 */
bool evtchn_fifo_pending(const struct domain *d, uint32_t port);

/**
 * evtchn_fifo_clear() - FIFO: forget that a port was raised.
 * @d: the domain. @port: any. @chn: its record.
 * Locks: the domain's table lock. Context: any.
 */
void evtchn_fifo_clear(struct domain *d, uint32_t port, struct evtchn *chn);

/**
 * evtchn_fifo_init_control() - EVTCHNOP_init_control; the first one switches the
 * domain to the FIFO ABI.
 * @d: the current domain. @op: untrusted copy; link_bits is written.
 * Locks: the table lock. Context: hypercall.
 * Return: 0, -ENOENT no such vCPU, -EINVAL bad frame, offset, or done already,
 * -ENOMEM, -ESRCH the domain dies.
 */
int must_check evtchn_fifo_init_control(struct domain *d,
                                        struct evtchn_init_control *op);

/**
 * evtchn_fifo_expand() - EVTCHNOP_expand_array.
 * @d: the current domain. @op: untrusted copy.
 * Locks: the table lock. Context: hypercall.
 * Return: 0, -EINVAL bad frame or not FIFO, -ENOSPC, -ESRCH the domain dies.
 */
int must_check evtchn_fifo_expand(struct domain *d,
                                  const struct evtchn_expand_array *op);

/**
 * evtchn_fifo_destroy() - Back to the two-level ABI, guest frames released.
 * @d: a domain whose ports are all closed.
 * Locks: config_lock held; takes the table lock. Context: hypercall.
 * Return: 0, -EAGAIN another vCPU of @d has bound a port meanwhile; no change.
 */
int must_check evtchn_fifo_destroy(struct domain *d);

#endif
