/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VCPUOP_* and set_timer_op: bringing vCPUs up and down, their timers, run-state
 * areas and vcpu_info frames. d->hypercall_lock serialises what changes a vCPU
 * other than the current one.
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/dom-misc.h>
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/lib.h>
#include <xen/printk.h>
#include <xen/softirq.h>
#include <xen/time.h>
#include <xen/vcpu-op.h>

#include <asm/current.h>
#include <asm/mm-types.h>
#include <asm/pagetable.h>

#include <public/sched.h>
#include <public/vcpu.h>

#define PERIOD_MIN_NS NS_PER_MS /* ABI: shorter periods may be refused */
/* Ours: no guest means a longer period, and additions cannot wrap. */
#define PERIOD_MAX_NS (UINT64_C(1) << 56)

/* --- Timers --------------------------------------------------------------- */

static void singleshot_fired(void *arg)
{
    evtchn_send_virq(arg, VIRQ_TIMER);
}

static void periodic_fired(void *arg)
{
    struct vcpu *v = arg;
    const uint64_t period = read_once(v->periodic_period_ns);
    uint64_t next = v->periodic.expires_ns;
    const uint64_t now = now_ns();

    if (!period) {
        return; /* stopped meanwhile */
    }
    evtchn_send_virq(v, VIRQ_TIMER);
    next += period;
    if (next <= now) {
        /* Missed ticks are not made up for: the guest reads the clock. */
        next = now + period;
    }
    timer_set(&v->periodic, next);
}

static void poll_fired(void *arg)
{
    struct vcpu *v = arg;

    evtchn_poll_end(v);
    vcpu_wake(v);
}

void vcpu_timers_init(struct vcpu *v)
{
    timer_init(&v->singleshot, singleshot_fired, v, v->processor);
    timer_init(&v->periodic, periodic_fired, v, v->processor);
    timer_init(&v->poll_timer, poll_fired, v, v->processor);
}

void vcpu_timers_kill(struct vcpu *v)
{
    write_once(v->periodic_period_ns, 0);
    timer_kill(&v->singleshot);
    timer_kill(&v->periodic);
    timer_kill(&v->poll_timer);
}

void vcpu_timers_migrate(struct vcpu *v)
{
    timer_migrate(&v->singleshot, v->processor);
    timer_migrate(&v->periodic, v->processor);
    timer_migrate(&v->poll_timer, v->processor);
}

/* The current vCPU's timer: moved here first, which is free once it is. */
static void set_singleshot(struct vcpu *v, uint64_t deadline_ns)
{
    if (unlikely(v->singleshot.cpu != smp_cpu_id())) {
        timer_migrate(&v->singleshot, smp_cpu_id());
    }
    timer_set(&v->singleshot, deadline_ns);
}

long do_set_timer_op(struct hypercall_args *args)
{
    const uint64_t deadline_ns = args->a[0];

    if (deadline_ns == 0) {
        timer_stop(&current->singleshot);
    } else {
        set_singleshot(current, deadline_ns);
    }
    return 0;
}

static long op_set_singleshot(struct vcpu *v, uint64_t gva)
{
    struct vcpu_set_singleshot_timer op;

    if (v != current) {
        return -EINVAL;
    }
    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    if ((op.flags & VCPU_SSHOTTMR_future) && op.timeout_abs_ns <= now_ns()) {
        return -ETIME;
    }
    set_singleshot(v, op.timeout_abs_ns);
    return 0;
}

static long op_set_periodic(struct vcpu *v, uint64_t gva)
{
    struct vcpu_set_periodic_timer op;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    if (op.period_ns < PERIOD_MIN_NS || op.period_ns > PERIOD_MAX_NS) {
        return -EINVAL;
    }
    write_once(v->periodic_period_ns, op.period_ns);
    timer_set(&v->periodic, now_ns() + op.period_ns);
    return 0;
}

/* --- Run-state area ------------------------------------------------------- */

static int runstate_write(struct vcpu *v, struct vcpu_runstate_info *info)
{
    const uint64_t entry_gva =
        v->runstate_gva + offsetof(struct vcpu_runstate_info, state_entry_time);

    if (!(read_once(v->domain->vm_assist) &
          BIT64(VMASST_TYPE_runstate_update_flag))) {
        return guest_write(v->runstate_gva, info, sizeof(*info));
    }
    /*
     * The flag goes first and leaves last, so that a reader which sees the
     * same time twice without it has a consistent copy. x86 keeps the order
     * of stores; the barriers are for the compiler.
     */
    info->state_entry_time |= XEN_RUNSTATE_UPDATE;
    if (guest_write(entry_gva, &info->state_entry_time, sizeof(uint64_t))) {
        return -EFAULT;
    }
    barrier();
    if (guest_write(v->runstate_gva, info, sizeof(*info))) {
        return -EFAULT;
    }
    barrier();
    info->state_entry_time &= ~XEN_RUNSTATE_UPDATE;
    return guest_write(entry_gva, &info->state_entry_time, sizeof(uint64_t));
}

void vcpu_runstate_publish(struct vcpu *v)
{
    struct vcpu_runstate_info info;

    if (!v->runstate_gva_set) {
        return;
    }
    if (!v->pv.kernel_mode) {
        v->runstate_update_pending = true;
        return;
    }
    v->runstate_update_pending = false;
    info = v->runstate;
    if (runstate_write(v, &info)) {
        return; /* the guest unmapped it: nothing to tell anyone */
    }
}

static long op_runstate_area(struct vcpu *v, uint64_t gva)
{
    struct vcpu_register_runstate_memory_area op;
    struct vcpu_runstate_info info;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    if (op.addr.p >= HYP_VIRT_START - sizeof(info) &&
        op.addr.p < HYP_VIRT_END) {
        return -EFAULT;
    }
    v->runstate_gva = op.addr.p;
    v->runstate_gva_set = op.addr.p != 0;
    if (!op.addr.p) {
        return 0;
    }
    vcpu_runstate_get(v, &info);
    if (runstate_write(v, &info)) {
        /* Legal: mapped later, or only in the vCPU's own tables. */
        return 0;
    }
    return 0;
}

/* --- vcpu_info ------------------------------------------------------------ */

static long op_register_info(struct vcpu *v, uint64_t gva)
{
    struct vcpu_register_vcpu_info op;
    struct vcpu_info *fresh;
    int rc;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    if (op.offset > PAGE_SIZE - sizeof(struct vcpu_info) || (op.offset & 7)) {
        return -EINVAL;
    }
    /* A running vCPU other than ourselves could lose events in the copy. */
    if (v->info_registered || (v != current && !read_once(v->down))) {
        return -EINVAL;
    }
    if (!mfn_valid(MFN(op.mfn))) {
        return -EINVAL;
    }
    rc = page_get_and_type(MFN(op.mfn), v->domain, PGT_WRITABLE);
    if (rc) {
        return -EINVAL;
    }
    fresh = (void *)((char *)mfn_to_va(MFN(op.mfn)) + op.offset);
    if (v->info) {
        memcpy(fresh, v->info, sizeof(*fresh));
    } else {
        memset(fresh, 0, sizeof(*fresh));
        fresh->evtchn_upcall_mask = 1;
    }
    v->info_mfn = MFN(op.mfn);
    v->info_registered = true;
    atomic_store(&v->info, fresh);
    /*
     * A sender may have marked the old place after the copy: make the guest
     * look at every port once. Pairs with the locked operation by which a
     * sender sets the pending bit before it reads v->info.
     */
    smp_mb();
    write_once(fresh->evtchn_pending_sel, ~(xen_ulong_t)0);
    write_once(fresh->evtchn_upcall_pending, 1);
    return 0;
}

void vcpu_info_release(struct vcpu *v)
{
    if (v->info_registered) {
        v->info_registered = false;
        v->info = NULL;
        page_put_and_type(mfn_to_page(v->info_mfn));
    }
}

/* --- Up and down ---------------------------------------------------------- */

static long op_initialise(struct vcpu *v, uint64_t gva)
{
    struct vcpu_guest_context *c;
    long rc;

    if (!v->info) {
        return -EINVAL;
    }
    c = xzalloc(struct vcpu_guest_context); /* 5 KiB: not for the stack */
    if (!c) {
        return -ENOMEM;
    }
    if (guest_read(c, gva, sizeof(*c))) {
        rc = -EFAULT;
        goto out;
    }
    spin_lock(&v->domain->hypercall_lock);
    rc = v->initialised ? -EEXIST : pv_set_context(v, c);
    spin_unlock(&v->domain->hypercall_lock);
out:
    xfree(c);
    return rc;
}

static long op_up(struct vcpu *v)
{
    long rc = 0;

    spin_lock(&v->domain->hypercall_lock);
    if (!v->initialised) {
        rc = -EINVAL;
    } else if (atomic_xchg(&v->down, 0)) {
        vcpu_wake(v);
    }
    spin_unlock(&v->domain->hypercall_lock);
    return rc;
}

static long op_down(struct vcpu *v)
{
    struct domain *d = v->domain;
    bool some_up = false;

    spin_lock(&d->hypercall_lock);
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        if (d->vcpu[i] && d->vcpu[i] != v && !read_once(d->vcpu[i]->down)) {
            some_up = true;
        }
    }
    if (some_up) {
        atomic_xchg(&v->down, 1);
    }
    spin_unlock(&d->hypercall_lock);

    if (!some_up) {
        /* With its last vCPU down nothing could ever wake the domain. */
        dom_shutdown(d, SHUTDOWN_poweroff);
    } else if (v == current) {
        softirq_raise(SOFTIRQ_SCHED);
    } else if (read_once(v->running)) {
        softirq_raise_cpu(v->processor, SOFTIRQ_SCHED);
    }
    return 0;
}

static long op_get_runstate(struct vcpu *v, uint64_t gva)
{
    struct vcpu_runstate_info info;

    vcpu_runstate_get(v, &info);
    return guest_write(gva, &info, sizeof(info)) ? -EFAULT : 0;
}

static long op_get_physid(const struct vcpu *v)
{
    /* Only a pinned vCPU of the control domain has one, and nothing in
     * Debian's kernel asks: the CPU-to-APIC map is not kept for it. */
    if (!is_control_domain(v->domain) || cpumask_weight(&v->affinity) != 1) {
        return -EINVAL;
    }
    log_guest(LOG_DEBUG, "d%uv%u: VCPUOP_get_physid is a stub\n", v->domain->id,
              v->id);
    return -EOPNOTSUPP;
}

static long vcpu_op(uint64_t cmd, struct vcpu *v, uint64_t gva)
{
    switch (cmd) {
    case VCPUOP_set_singleshot_timer:
        return op_set_singleshot(v, gva);
    case VCPUOP_stop_singleshot_timer:
        if (v != current) {
            return -EINVAL;
        }
        timer_stop(&v->singleshot);
        return 0;
    case VCPUOP_is_up:
        return !read_once(v->down);
    case VCPUOP_initialise:
        return op_initialise(v, gva);
    case VCPUOP_up:
        return op_up(v);
    case VCPUOP_down:
        return op_down(v);
    case VCPUOP_get_runstate_info:
        return op_get_runstate(v, gva);
    case VCPUOP_register_runstate_memory_area:
        return op_runstate_area(v, gva);
    case VCPUOP_set_periodic_timer:
        return op_set_periodic(v, gva);
    case VCPUOP_stop_periodic_timer:
        write_once(v->periodic_period_ns, 0);
        timer_stop(&v->periodic);
        return 0;
    case VCPUOP_register_vcpu_info: {
        long rc;

        spin_lock(&v->domain->hypercall_lock);
        rc = op_register_info(v, gva);
        spin_unlock(&v->domain->hypercall_lock);
        return rc;
    }
    case VCPUOP_send_nmi:
        atomic_xchg(&v->nmi_pending, 1);
        vcpu_kick(v);
        return 0;
    case VCPUOP_get_physid:
        return op_get_physid(v);
    default:
        return -ENOSYS; /* register_vcpu_time_memory_area among them */
    }
}

long do_vcpu_op(struct hypercall_args *args)
{
    const struct domain *d = current->domain;
    const uint32_t id = (uint32_t)args->a[1];
    long rc;

    /* Linux probes thousands of ids: there must be an end to them. */
    if (id >= d->max_vcpus || !d->vcpu[id]) {
        return -ENOENT;
    }
    rc = vcpu_op((uint32_t)args->a[0], d->vcpu[id], args->a[2]);
    return rc == -ERESTART ? hypercall_continue(__HYPERVISOR_vcpu_op, args)
                           : rc;
}
