/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Domains: the list, references, creation, shutdown. list_lock guards the table
 * of domains and nests inside nothing; a found domain is kept by a reference.
 */
#include <xen/bug.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/grant.h>
#include <xen/irq.h>
#include <xen/keyhandler.h>
#include <xen/lib.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/rangeset.h>
#include <xen/sched.h>
#include <xen/shutdown.h>
#include <xen/softirq.h>
#include <xen/vcpu-op.h>
#include <xen/wallclock.h>

#include <asm/current.h>
#include <asm/pagetable.h>
#include <asm/traps.h>

#include <public/event_channel.h>
#include <public/sched.h>

static spinlock_t list_lock = SPINLOCK_INIT;
static struct domain *table[MAX_DOMAINS];

struct domain *dom0;

struct domain *dom_find(domid_t id)
{
    struct domain *d = NULL;

    if (id < MAX_DOMAINS) {
        spin_lock(&list_lock);
        d = table[id];
        if (d) {
            atomic_add(&d->refs, 1);
        }
        spin_unlock(&list_lock);
    }
    return d;
}

struct domain *dom_find_self(domid_t id)
{
    return dom_find(id == DOMID_SELF ? current->domain->id : id);
}

int dom_find_target(domid_t id, struct domain **out)
{
    struct domain *d = dom_find_self(id);

    if (!d) {
        return -ESRCH;
    }
    if (d != current->domain && !is_control_domain(current->domain)) {
        dom_put(d);
        return -EPERM;
    }
    *out = d;
    return 0;
}

struct domain *dom_next(int id)
{
    struct domain *d = NULL;

    while (!d && ++id < MAX_DOMAINS) {
        d = dom_find((domid_t)id);
    }
    return d;
}

static void domain_free(struct domain *d)
{
    perf_inc(dom_destroy);
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        if (d->vcpu[i]) {
            pv_vcpu_destroy(d->vcpu[i]);
            xfree(d->vcpu[i]);
        }
    }
    if (d->shared) {
        page_put(mfn_to_page(d->shared_mfn));
    }
    if (d->evtchn) {
        evtchn_free(d);
    }
    if (d->grants) {
        grant_free(d);
    }
    pirq_free(d);
    xfree(d->pv.e820);
    rangeset_destroy(d->iomem_caps);
    rangeset_destroy(d->ioport_caps);
    rangeset_destroy(d->irq_caps);
    xfree(d);
}

void dom_put(struct domain *d)
{
    if (atomic_sub(&d->refs, 1) == 0) {
        domain_free(d);
    }
}

static int make_shared_info(struct domain *d)
{
    struct page_info *pg = pg_alloc(0, ALLOC_ANY_BITS);

    if (!pg) {
        return -ENOMEM;
    }
    d->shared = memset(page_to_va(pg), 0, PAGE_SIZE);
    d->shared_mfn = page_to_mfn(pg);
    *m2p_slot(d->shared_mfn) = M2P_INVALID;
    page_share_with(pg, d);
    /* Upcalls stay masked until a vCPU asks for them. */
    for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++) {
        d->shared->vcpu_info[i].evtchn_upcall_mask = 1;
    }
    return 0;
}

int dom_create(domid_t id, unsigned int max_vcpus, bool privileged,
               struct domain **out)
{
    struct domain *d;
    int rc;

    if (id >= MAX_DOMAINS || max_vcpus == 0 || max_vcpus > MAX_VCPUS) {
        return -EINVAL;
    }
    d = xzalloc(struct domain);
    if (!d) {
        return -ENOMEM;
    }
    perf_inc(dom_init);
    d->id = id;
    d->privileged = privileged;
    d->max_vcpus = max_vcpus;
    d->sched_weight = SCHED_WEIGHT_DEFAULT;
    d->refs = 1;
    d->pause_count = 1;
    d->pages = (struct page_list)PAGE_LIST_INIT;
    d->spare_pages = (struct page_list)PAGE_LIST_INIT;
    d->iomem_caps = rangeset_create("iomem");
    d->ioport_caps = rangeset_create("ioport");
    d->irq_caps = rangeset_create("irq");
    pv_domain_init(d);
    rc = d->iomem_caps && d->ioport_caps && d->irq_caps ? 0 : -ENOMEM;
    if (!rc) {
        rc = make_shared_info(d);
    }
    if (!rc) {
        rc = evtchn_init(d, EVTCHN_FIFO_NR_CHANNELS);
    }
    if (!rc) {
        rc = grant_init(d);
    }
    if (!rc) {
        rc = pirq_init(d);
    }
    if (rc) {
        goto err;
    }
    spin_lock(&list_lock);
    rc = table[id] ? -EEXIST : 0;
    if (!rc) {
        table[id] = d;
    }
    spin_unlock(&list_lock);
    if (rc) {
        goto err;
    }
    *out = d;
    return 0;

err:
    if (d->pirqs) {
        pirq_destroy(d);
    }
    /* Both are empty, so neither has to be called again. */
    if (grant_destroy(d) || evtchn_destroy(d)) {
        BUG();
    }
    domain_free(d);
    return rc;
}

void dom_reap(struct domain *d)
{
    bool mine;

    if (read_once(d->dying) != 2 || read_once(d->tot_pages)) {
        return;
    }
    spin_lock(&list_lock);
    mine = table[d->id] == d;
    if (mine) {
        table[d->id] = NULL;
    }
    spin_unlock(&list_lock);
    if (mine) {
        log_info("d%u: gone\n", d->id);
        dom_put(d);
        evtchn_send_global_virq(VIRQ_DOM_EXC);
    }
}

int vcpu_create(struct domain *d, unsigned int id, unsigned int cpu,
                struct vcpu **out)
{
    struct vcpu *v;
    int rc;

    if (id >= d->max_vcpus) {
        return -EINVAL;
    }
    if (d->vcpu[id]) {
        return -EEXIST;
    }
    v = xzalloc(struct vcpu);
    if (!v) {
        return -ENOMEM;
    }
    v->domain = d;
    v->id = id;
    v->processor = cpu;
    v->affinity = (cpumask_t){ ~UINT64_C(0) };
    v->soft_affinity = v->affinity;
    v->down = 1;
    v->runstate.state = RUNSTATE_offline;
    list_init(&v->runq);
    if (id < XEN_LEGACY_MAX_VCPUS) {
        v->info = &d->shared->vcpu_info[id];
    } else {
        v->info = &d->shared->vcpu_info[XEN_LEGACY_MAX_VCPUS - 1];
    }
    rc = pv_vcpu_init(v);
    if (rc) {
        xfree(v);
        return rc;
    }
    vcpu_timers_init(v);
    d->vcpu[id] = v;
    *out = v;
    return 0;
}

static void stop_machine(uint8_t code)
{
    switch (code) {
    case SHUTDOWN_poweroff:
        log_info("Dom0 powers the machine off\n");
        machine_power_off();
    case SHUTDOWN_reboot:
    case SHUTDOWN_watchdog:
        log_info("Dom0 restarts the machine\n");
        machine_restart();
    default:
        log_err("Dom0 crashed, code %u\n", code);
        if (panic_noreboot()) {
            machine_halt_after_panic();
        }
        machine_restart();
    }
}

void dom_shutdown(struct domain *d, uint8_t code)
{
    if (d->shut_down) {
        return;
    }
    d->shutdown_code = code;
    write_once(d->shut_down, true);
    smp_mb(); /* the scheduler stores `running`, then looks at shut_down */
    if (d == dom0) {
        stop_machine(code);
    }
    log_info("d%u: shut down, code %u\n", d->id, code);
    if (current->domain == d) {
        softirq_raise(SOFTIRQ_SCHED);
    }
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        const struct vcpu *v = d->vcpu[i];

        if (v && v != current && read_once(v->running)) {
            softirq_raise_cpu(v->processor, SOFTIRQ_SCHED);
        }
    }
    evtchn_send_global_virq(VIRQ_DOM_EXC);
}

void dom_crash(struct domain *d, const char *fmt, ...)
{
    char reason[160];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason, sizeof(reason), fmt, ap);
    va_end(ap);
    if (d->shut_down) {
        return;
    }
    log_err("d%u: crashed: %s", d->id, reason);
    if (current->domain == d) {
        log_err("d%uv%u: registers at the crash:\n", d->id, current->id);
        regs_print(guest_regs());
    }
    dom_shutdown(d, SHUTDOWN_crash);
}

static void dump_domains(unsigned char key)
{
    int id = -1;
    struct domain *d;

    (void)key;
    while ((d = dom_next(id)) != NULL) {
        id = d->id;
        printk("d%u: refs %u dying %u pauses %u pages %lu of %lu shared %#lx"
               "%s%s\n",
               d->id, d->refs, d->dying, d->pause_count,
               (unsigned long)d->tot_pages, (unsigned long)d->max_pages,
               (unsigned long)d->shared_mfn.n, d->privileged ? " control" : "",
               d->shut_down ? " shut-down" : "");
        for (unsigned int i = 0; i < d->max_vcpus; i++) {
            const struct vcpu *v = d->vcpu[i];
            const struct vcpu_info *info = v ? read_once(v->info) : NULL;

            if (!v) {
                continue;
            }
            printk("d%uv%u: CPU%u%s%s%s%s pauses %u upcall pending %u mask "
                   "%u%s\n",
                   d->id, i, v->processor, v->running ? " running" : "",
                   v->initialised ? "" : " new", v->down ? " down" : "",
                   v->blocked ? " blocked" : "", v->pause_count,
                   info ? info->evtchn_upcall_pending : 0,
                   info ? info->evtchn_upcall_mask : 1,
                   v->pv.kernel_mode ? "" : " user");
        }
        dom_put(d);
    }
}

void domain_init(void)
{
    key_register('q', dump_domains, "domains and vCPUs");
}
