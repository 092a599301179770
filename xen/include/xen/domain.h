/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Domains and vCPUs. Subsystems keep their own state behind opaque pointers;
 * what is here is what several of them share.
 */
#ifndef XEN_DOMAIN_H
#define XEN_DOMAIN_H

#include <xen/cpumask.h>
#include <xen/list.h>
#include <xen/mm.h>
#include <xen/timer.h>

#include <asm/pv.h>

#include <public/vcpu.h>
#include <public/xen.h>

struct dom_misc;
struct evtchn_table;
struct grant_table;
struct iospace;
struct pirq_table;
struct rangeset;

#define MAX_DOMAINS 1024 /* ids 0..1023; DOMID_FIRST_RESERVED is far above */
#define MAX_VCPUS   MAX_CPUS

enum vcpu_runstate { VCPU_RUNNING, VCPU_RUNNABLE, VCPU_BLOCKED, VCPU_OFFLINE };
static_assert(VCPU_RUNNING == RUNSTATE_running &&
                  VCPU_OFFLINE == RUNSTATE_offline,
              "guest ABI");

struct vcpu {
    struct domain *domain;
    unsigned int id;        /* number inside the domain */
    unsigned int processor; /* CPU it runs on or ran on last */

    struct vcpu_info *info; /* guest-visible; direct map of a pinned frame */
    mfn_t info_mfn;         /* frame of info if registered by the guest */
    bool info_registered;   /* info_mfn is valid and holds a reference */

    /* Scheduler; guarded by the run queue lock of `processor`. */
    struct list_head runq;   /* in its CPU's queue while runnable */
    cpumask_t affinity;      /* CPUs it may run on; sched_set_affinity() */
    cpumask_t soft_affinity; /* CPUs it had better run on */
    bool running;            /* on a CPU just now */
    bool initialised;        /* has a register state */
    uint32_t pause_count;    /* not run while positive; atomic */
    uint32_t down;           /* VCPUOP_down or not yet up */
    uint32_t blocked;        /* waits for an event */
    uint32_t polling;        /* blocked in SCHEDOP_poll */
    int credit;              /* time left in this period, in us */
    cpumask_t dirty;         /* CPU whose registers/TLB may hold its state */
    uint64_t slice_end_ns;   /* when its time slice ends */
    uint64_t ran_ns;         /* when it last left a CPU */
    unsigned int irq_cpu;    /* where its physical interrupts are sent */

    /* Run-state accounting. */
    struct vcpu_runstate_info runstate;
    uint64_t runstate_gva; /* where the guest wants it; 0: nowhere */
    bool runstate_gva_set;
    bool runstate_update_pending; /* could not be written in user mode */

    struct timer singleshot;     /* VIRQ_TIMER; event-channel side fires it */
    struct timer periodic;       /* VIRQ_TIMER */
    uint64_t periodic_period_ns; /* 0: off */
    struct timer poll_timer;     /* SCHEDOP_poll time-out */
    uint64_t *poll_ports;        /* opaque to all but SCHEDOP_poll */

    uint16_t virq_port[NR_VIRQS]; /* 0: not bound; evtchn code */
    uint32_t nmi_pending;         /* an NMI waits to be delivered */

    /* Multicall: set while entries run; see hypercall.h. */
    bool in_multicall;
    bool multicall_restart; /* the current entry asked to be continued */
    struct multicall_entry multicall;
    uint64_t multicall_list; /* gva of the first entry */
    uint32_t multicall_at;   /* which of them it is */
    uint32_t multicall_nr;

    struct evtchn_fifo_vcpu *fifo; /* FIFO event ABI, or NULL */

    struct pv_vcpu pv;
};

struct domain {
    domid_t id;
    bool privileged;      /* control domain: Dom0 */
    bool is_idle;         /* the idle domain: no memory, no guest */
    uint32_t refs;        /* atomic; freed at 0 */
    uint32_t dying;       /* 1 once destroy began, 2 when nothing is left */
    uint32_t pause_count; /* whole domain; atomic */
    uint32_t tool_pauses; /* those of them domctl may take back; atomic */
    bool shut_down;       /* SCHEDOP_shutdown done; shutdown_code says why */
    uint8_t shutdown_code;
    uint8_t handle[16];    /* toolstack's UUID */
    uint16_t sched_weight; /* share of CPU time; SCHED_WEIGHT_DEFAULT */

    struct vcpu *vcpu[MAX_VCPUS];
    unsigned int max_vcpus;
    cpumask_t dirty; /* CPUs whose TLB may hold its translations */

    spinlock_t page_lock; /* guards pages, tot_pages, max_pages */
    struct page_list pages;
    struct page_list spare_pages; /* detached by relinquish, see there */
    uint64_t tot_pages;
    uint64_t max_pages;

    struct shared_info *shared;
    mfn_t shared_mfn;
    uint64_t vm_assist;         /* VMASST_TYPE_* bits */
    int64_t wallclock_offset_s; /* domctl settimeoffset */

    struct evtchn_table *evtchn;
    struct grant_table *grants;
    struct pirq_table *pirqs;

    struct iospace *iospace; /* NULL: its devices are not translated */
    bool iommu_sync;         /* page types are mirrored in iospace */

    /* Machine resources it may use. NULL for none. */
    struct rangeset *iomem_caps;  /* frames */
    struct rangeset *ioport_caps; /* ports */
    struct rangeset *irq_caps;    /* pirqs */

    spinlock_t hypercall_lock; /* domctl-like operations on this domain */
    struct dom_misc *misc;     /* <xen/dom-misc.h> */

    struct pv_domain pv;
};

extern struct domain *dom0;     /* the control domain, once it exists */
extern struct domain *dom_idle; /* owner of the idle vCPUs */

/**
 * dom_find() - Look a domain up and take a reference.
 * @id: any number a guest may pass; DOMID_SELF is resolved by the caller.
 * Locks: takes the domain list lock. Context: any but interrupt.
 * Return: the domain, to be released with dom_put(), or NULL.
 */
struct domain *dom_find(domid_t id);

/**
 * dom_find_self() - As dom_find(), DOMID_SELF meaning the caller's own domain.
 * @id: any number a guest may pass.
 * Locks: takes the domain list lock. Context: hypercall.
 * Return: the domain, to be released with dom_put(), or NULL.
 */
struct domain *dom_find_self(domid_t id);

/**
 * dom_reap() - Take a destroyed domain off the list once it owns no page, so
 * that its number never names pages of two domains.
 * @d: referenced by the caller; no effect while it lives or owns a page.
 * Locks: domain list. Context: hypercall. May be repeated.
 */
void dom_reap(struct domain *d);

/**
 * dom_find_target() - The domain an operation of the current one is for: itself,
 * or any for the control domain.
 * @id: any number a guest may pass, DOMID_SELF too.
 * @out: the domain, to be released with dom_put(); unchanged on error.
 * Locks: takes the domain list lock. Context: hypercall.
 * Return: 0, -ESRCH no such domain, -EPERM it is not the caller's to name.
 */
int must_check dom_find_target(domid_t id, struct domain **out);

/**
 * dom_put() - Drop a reference; the last one frees the record.
 * @d: the domain; not to be used by the caller any more.
 * Locks: none held; the last one takes the heap's. Context: not interrupt.
 */
void dom_put(struct domain *d);

/**
 * dom_next() - For loops over all domains: the next one by id.
 * @id: where the loop is, -1 to begin; any greater number ends it.
 * Locks: takes the domain list lock. Context: any but interrupt; at most
 * MAX_DOMAINS steps.
 * Return: the next domain, to be released with dom_put(), or NULL.
 */
struct domain *dom_next(int id);

/**
 * dom_create() - Make an empty domain, paused, with @max_vcpus slots.
 * @id: free id. @max_vcpus: 1..MAX_VCPUS. @privileged: control domain?
 * @out: the domain with one reference for the list; unchanged on error.
 * Locks: domain list lock. Context: boot or domctl.
 * Return: 0, -EINVAL, -EEXIST, -ENOMEM.
 */
int must_check dom_create(domid_t id, unsigned int max_vcpus, bool privileged,
                          struct domain **out);

/**
 * vcpu_create() - Add a vCPU in state down; not runnable until initialised.
 * @d: the domain. @id: below d->max_vcpus, not yet there. @cpu: first home.
 * @out: the vCPU. Locks: none. Context: boot or hypercall.
 * Return: 0, -EINVAL, -EEXIST, -ENOMEM.
 */
int must_check vcpu_create(struct domain *d, unsigned int id, unsigned int cpu,
                           struct vcpu **out);

/**
 * dom_pause() - Keep a domain from running: all its vCPUs are off their CPUs on
 * return.
 * @d: never the caller's own. Counted: as many dom_unpause() let it go on.
 * Locks: takes run queue locks. Context: hypercall or boot, interrupts on;
 * waits for the other CPUs.
 */
void dom_pause(struct domain *d);

/**
 * dom_unpause() - Take one dom_pause() back; the last wakes its vCPUs.
 * @d: the domain.
 * Locks: takes run queue locks. Context: any but NMI.
 */
void dom_unpause(struct domain *d);

/**
 * vcpu_pause() - Keep a vCPU from running: it is off its CPU on return.
 * @v: never the current one. Counted: as many vcpu_unpause() let it go on.
 * Locks: takes the run queue lock. Context: hypercall or boot, interrupts on;
 * waits for the other CPU.
 */
void vcpu_pause(struct vcpu *v);

/**
 * vcpu_unpause() - Take one vcpu_pause() back; the last wakes it.
 * @v: the vCPU.
 * Locks: takes the run queue lock. Context: any but NMI.
 */
void vcpu_unpause(struct vcpu *v);

/**
 * dom_shutdown() - A domain stops for a reason; Dom0's stops the machine.
 * @d: the domain. @code: SHUTDOWN_*. Locks: none. Context: hypercall.
 */
void dom_shutdown(struct domain *d, uint8_t code);

/**
 * dom_crash() - A guest did what it must not: log why, shut it down as crashed.
 * If it is the current one it does not run guest code again.
 * @d: the domain. @fmt: reason with newline. Locks: none. Context: any but NMI.
 */
void dom_crash(struct domain *d, const char *fmt, ...) printf_like(2, 3);

/**
 * vcpu_block() - The current vCPU waits until vcpu_wake(), unless an event is
 * due for it already.
 * Locks: none. Context: hypercall; takes effect at the next softirq_run().
 */
void vcpu_block(void);

/**
 * vcpu_wake() - End a vCPU's wait and make it runnable if nothing else holds it.
 * @v: the vCPU; no effect if it runs.
 * Locks: takes the run queue lock, irq-safe. Context: any but NMI.
 */
void vcpu_wake(struct vcpu *v);

/**
 * vcpu_kick() - An event is pending for a vCPU: wake it, or interrupt the CPU it
 * runs on so that it is delivered.
 * @v: the vCPU.
 * Locks: takes the run queue lock, irq-safe. Context: any but NMI.
 */
void vcpu_kick(struct vcpu *v);

/**
 * vcpu_yield() - Let other vCPUs of this CPU run before the current one.
 * Locks: none. Context: hypercall; takes effect at the next softirq_run().
 */
void vcpu_yield(void);

/**
 * sched_init() - The idle domain, the first CPU's queue, softirq and debug key.
 * Panics if there is no memory. Locks: none. Context: boot, once.
 */
void sched_init(void);

/**
 * sched_init_cpu() - A CPU's queue and idle vCPU, which becomes current.
 * @cpu: the calling CPU. Panics if there is no memory.
 * Locks: none. Context: bring-up of that CPU.
 */
void sched_init_cpu(unsigned int cpu);

/**
 * vcpu_sync_state() - Fetch the registers of a vCPU from the CPU it ran on last.
 * @v: not running. On return its state is in v->pv and on no CPU.
 * Locks: none held that an interrupted CPU may spin on with interrupts off.
 * Context: hypercall, interrupts on; waits for the other CPU.
 */
void vcpu_sync_state(struct vcpu *v);

/**
 * domain_init() - Register the debug keys of domains.
 * Locks: none. Context: boot, once.
 */
void domain_init(void);

/**
 * vcpu_runnable() - Does nothing keep a vCPU from running?
 * @v: the vCPU.
 * Locks: none; without the run queue lock the answer may be out of date.
 * Context: any. Return: true if it may run.
 */
bool vcpu_runnable(const struct vcpu *v);

/**
 * vcpu_runstate_get() - A vCPU's run-state with its times up to now, in ns.
 * @v: the vCPU. @out: filled.
 * Locks: none; exact for the current vCPU. Context: any.
 */
void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out);

static inline bool is_control_domain(const struct domain *d)
{
    return d->privileged;
}

#endif
