/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scheduler: a run queue for each CPU, round robin with a time slice as long as
 * the domain's weight says, and idle CPUs take runnable vCPUs from busy ones. A
 * vCPU that wakes preempts one that has run for params.min_run_ns.
 *
 * A CPU keeps the registers of the vCPU it ran last while it idles ("loaded"),
 * so that waking the same one again costs nothing; whoever needs that state
 * elsewhere calls vcpu_sync_state(). rq lock: irq-safe; two of them are taken in
 * CPU order.
 */
#include <xen/bug.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/keyhandler.h>
#include <xen/lib.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/sched.h>
#include <xen/smp.h>
#include <xen/softirq.h>
#include <xen/time.h>
#include <xen/vcpu-op.h>
#include <xen/wallclock.h>

#include <asm/current.h>
#include <asm/pagetable.h>
#include <asm/setup.h>
#include <asm/spec-ctrl.h>
#include <asm/system.h>

/* Longest slice a weight can give: others must not starve. Ours. */
#define SLICE_MAX_NS (1000 * NS_PER_MS)

struct run_queue {
    spinlock_t lock;
    struct list_head list; /* runnable, not running */
    unsigned int nr;
    struct vcpu *idle;
    struct vcpu *loaded; /* whose registers this CPU holds; only it writes */
    struct timer slice;
    uint64_t idle_count; /* times it had nothing to run; only it writes */
};

static struct run_queue rq[MAX_CPUS];

/* Each word is read and written whole; the two need not agree. */
static struct sched_params params = {
    .slice_ns = 30 * NS_PER_MS,  /* ours: the ABI's default for "credit" */
    .min_run_ns = 1 * NS_PER_MS, /* ours: bounds the switch rate */
};

struct sched_params sched_params_get(void)
{
    return (struct sched_params){
        .slice_ns = read_once(params.slice_ns),
        .min_run_ns = read_once(params.min_run_ns),
        .stay_ns = read_once(params.stay_ns),
    };
}

void sched_params_set(const struct sched_params *p)
{
    write_once(params.slice_ns, p->slice_ns);
    write_once(params.min_run_ns, p->min_run_ns);
    write_once(params.stay_ns, p->stay_ns);
}

/* Turns are taken in a circle, so a turn's length is the share. */
static uint64_t slice_of(const struct vcpu *v)
{
    const uint64_t ns = read_once(params.slice_ns) *
                        read_once(v->domain->sched_weight) /
                        SCHED_WEIGHT_DEFAULT;

    return max_of(min_of(ns, SLICE_MAX_NS), NS_PER_MS);
}

bool vcpu_runnable(const struct vcpu *v)
{
    const struct domain *d = v->domain;

    return v->initialised && !read_once(v->down) && !read_once(v->blocked) &&
           !read_once(v->pause_count) && !read_once(d->pause_count) &&
           !read_once(d->shut_down) && !read_once(d->dying);
}

static void set_runstate(struct vcpu *v, int state)
{
    const uint64_t now = now_ns();

    if (v->runstate.state_entry_time) {
        v->runstate.time[v->runstate.state] +=
            now - v->runstate.state_entry_time;
    }
    v->runstate.state = state;
    v->runstate.state_entry_time = now;
}

void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
    *out = v->runstate;
    if (out->state_entry_time) {
        out->time[out->state] += now_ns() - out->state_entry_time;
    }
}

static struct run_queue *lock_home(struct vcpu *v, unsigned long *flags)
{
    for (;;) {
        struct run_queue *q = &rq[read_once(v->processor)];

        *flags = spin_lock_irqsave(&q->lock);
        if (q == &rq[v->processor]) {
            return q;
        }
        spin_unlock_irqrestore(&q->lock, *flags);
    }
}

static bool cpu_is_idle(unsigned int cpu)
{
    const struct vcpu *running = read_once(rq[cpu].idle);

    return running && read_once(running->running) && !read_once(rq[cpu].nr);
}

/* All online ones when its last CPU went away. */
static cpumask_t allowed_cpus(const struct vcpu *v)
{
    const cpumask_t may = { read_once(v->affinity.bits) & cpu_online.bits };

    return cpumask_empty(&may) ? cpu_online : may;
}

static bool may_run_on(const struct vcpu *v, unsigned int cpu)
{
    const cpumask_t may = allowed_cpus(v);

    return cpumask_test(&may, cpu);
}

/* Home if it is in @set and idles, else an idle CPU of @set. */
static bool pick_idle(const struct vcpu *v, const cpumask_t *set,
                      unsigned int *out)
{
    unsigned int cpu;

    if (cpumask_test(set, v->processor) && cpu_is_idle(v->processor)) {
        *out = v->processor;
        return true;
    }
    cpumask_for_each(cpu, set)
    {
        if (cpu_is_idle(cpu)) {
            *out = cpu;
            return true;
        }
    }
    return false;
}

/* An idle CPU, better one it prefers, else home. */
static unsigned int pick_cpu(const struct vcpu *v)
{
    const cpumask_t may = allowed_cpus(v);
    const cpumask_t soft = { may.bits & read_once(v->soft_affinity.bits) };
    unsigned int cpu;

    if (pick_idle(v, &soft, &cpu) || pick_idle(v, &may, &cpu)) {
        return cpu;
    }
    return cpumask_test(&may, v->processor) ? v->processor
                                            : cpumask_next(&may, 0);
}

static void enqueue(struct run_queue *q, struct vcpu *v)
{
    list_add_tail(&v->runq, &q->list);
    write_once(q->nr, q->nr + 1);
}

static void dequeue(struct run_queue *q, struct vcpu *v)
{
    list_del(&v->runq);
    write_once(q->nr, q->nr - 1);
}

/* Wakes that find nothing to do, by the reason. */
static void count_idle_wake(const struct vcpu *v)
{
    if (v->running) {
        perf_inc(unit_wake_running);
    } else if (!list_empty(&v->runq)) {
        perf_inc(unit_wake_onrunq);
    } else {
        perf_inc(unit_wake_not_runnable);
    }
}

/*
 * Put a runnable vCPU into a queue. Return: true if it was, and in @where
 * whose queue that is; the CPU has not been told.
 */
static bool queue_vcpu(struct vcpu *v, unsigned int *where)
{
    unsigned long flags;
    struct run_queue *q = lock_home(v, &flags);
    unsigned int cpu;

    if (!vcpu_runnable(v) || v->running || !list_empty(&v->runq)) {
        count_idle_wake(v);
        spin_unlock_irqrestore(&q->lock, flags);
        return false;
    }
    perf_inc(unit_wake_runnable);
    cpu = pick_cpu(v);
    if (cpu != v->processor) {
        /* Not queued and not running: only we may change its home. */
        write_once(v->processor, cpu);
        spin_unlock(&q->lock);
        q = &rq[cpu];
        spin_lock(&q->lock);
        if (v->processor != cpu || v->running || !list_empty(&v->runq)) {
            spin_unlock_irqrestore(&q->lock, flags);
            return false;
        }
    }
    set_runstate(v, RUNSTATE_runnable);
    enqueue(q, v);
    spin_unlock_irqrestore(&q->lock, flags);
    *where = cpu;
    return true;
}

/* Queue it if it may run, and let that CPU choose anew. */
static void make_runnable(struct vcpu *v)
{
    unsigned int cpu;

    if (queue_vcpu(v, &cpu)) {
        softirq_raise_cpu(cpu, SOFTIRQ_SCHED);
    }
}

void vcpu_wake(struct vcpu *v)
{
    write_once(v->blocked, 0);
    smp_mb();
    make_runnable(v);
}

void vcpu_kick(struct vcpu *v)
{
    smp_mb(); /* the event is visible before we look whether it sleeps */
    if (read_once(v->blocked)) {
        vcpu_wake(v);
    } else if (read_once(v->running) && v != current) {
        const cpumask_t mask = CPUMASK_OF(v->processor);

        smp_event_check(&mask);
    }
}

void vcpu_block(void)
{
    struct vcpu *v = current;

    write_once(v->blocked, 1);
    smp_mb(); /* pairs with vcpu_kick(): event first, then the look */
    if (vcpu_upcall_due(v)) {
        write_once(v->blocked, 0);
        return;
    }
    softirq_raise(SOFTIRQ_SCHED);
}

void vcpu_yield(void)
{
    perf_inc(vcpu_yield);
    current->slice_end_ns = 0;
    softirq_raise(SOFTIRQ_SCHED);
}

int sched_set_affinity(struct vcpu *v, const cpumask_t *hard,
                       const cpumask_t *soft)
{
    unsigned long flags;
    struct run_queue *q;

    if (hard && !(hard->bits & cpu_online.bits)) {
        return -EINVAL;
    }
    q = lock_home(v, &flags);
    if (soft) {
        write_once(v->soft_affinity.bits, soft->bits);
    }
    if (hard) {
        write_once(v->affinity.bits, hard->bits);
    }
    if (!may_run_on(v, v->processor)) {
        if (!list_empty(&v->runq)) {
            dequeue(q, v);
        }
        if (v->running) {
            /* Its CPU finds out in choose() and hands it on. */
            softirq_raise_cpu(v->processor, SOFTIRQ_SCHED);
        }
    }
    spin_unlock_irqrestore(&q->lock, flags);
    make_runnable(v); /* nothing happens where it runs or sleeps */
    return 0;
}

uint64_t sched_idle_ns(unsigned int cpu)
{
    struct vcpu_runstate_info rs;

    vcpu_runstate_get(rq[cpu].idle, &rs);
    return rs.time[RUNSTATE_running];
}

uint64_t sched_idle_count(unsigned int cpu)
{
    return read_once(rq[cpu].idle_count);
}

/* --- pausing --- */

static void save_loaded(void)
{
    struct run_queue *q = &rq[smp_cpu_id()];
    struct vcpu *v = q->loaded;

    if (!v) {
        return;
    }
    v->pv.regs = *guest_regs();
    pv_context_save(v);
    q->loaded = NULL;
}

static void unload(void)
{
    struct vcpu *v = rq[smp_cpu_id()].loaded;

    if (!v) {
        return;
    }
    save_loaded();
    write_guest_cr3((uint64_t)idle_l4 - XEN_VIRT_START);
    cpumask_clear(&v->domain->dirty, smp_cpu_id());
    cpumask_clear(&v->dirty, smp_cpu_id());
}

static void sync_ipi(void *arg)
{
    struct run_queue *q = &rq[smp_cpu_id()];

    if (q->loaded == arg && current == q->idle) {
        unload();
    }
}

void vcpu_sync_state(struct vcpu *v)
{
    while (!cpumask_empty(&v->dirty)) {
        const cpumask_t mask = v->dirty;

        smp_call(&mask, sync_ipi, v);
        cpu_relax();
    }
}

/*
 * What keeps it from running was stored with a locked operation or a fence, so
 * that claim() sees it or we see `running`; then its `processor` is right too.
 */
static void send_off_cpu(const struct vcpu *v)
{
    if (read_once(v->running)) {
        softirq_raise_cpu(read_once(v->processor), SOFTIRQ_SCHED);
    }
}

static void wait_off_cpu(struct vcpu *v)
{
    ASSERT(v != current);
    send_off_cpu(v);
    while (read_once(v->running)) {
        softirq_run(false);
        cpu_relax();
    }
    vcpu_sync_state(v);
}

void vcpu_pause(struct vcpu *v)
{
    atomic_add(&v->pause_count, 1);
    wait_off_cpu(v);
}

void vcpu_unpause(struct vcpu *v)
{
    if (atomic_sub(&v->pause_count, 1) == 0) {
        make_runnable(v);
    }
}

void dom_pause(struct domain *d)
{
    ASSERT(d != current->domain);
    atomic_add(&d->pause_count, 1);
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        if (d->vcpu[i]) {
            wait_off_cpu(d->vcpu[i]);
        }
    }
}

void dom_unpause(struct domain *d)
{
    if (atomic_sub(&d->pause_count, 1)) {
        return;
    }
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        if (d->vcpu[i]) {
            make_runnable(d->vcpu[i]);
        }
    }
}

/* --- switching --- */

/*
 * Make @v, which is in no queue, the next one of its processor. Who stops a vCPU
 * stores the reason, then looks at `running`; we store `running`, then look for
 * a reason: one of the two sees the other, and a paused vCPU never runs.
 * Locks: the queue it was in. Return: false if it must not run.
 */
static bool claim(struct vcpu *v)
{
    do {
        write_once(v->running, true);
        smp_mb();
        if (vcpu_runnable(v)) {
            return true;
        }
        /* Who wakes it meanwhile sees `running` and leaves it to us. */
        write_once(v->running, false);
        smp_mb();
    } while (vcpu_runnable(v));
    set_runstate(v,
                 read_once(v->blocked) ? RUNSTATE_blocked : RUNSTATE_offline);
    return false;
}

/*
 * Take a runnable vCPU that may run here from another CPU's queue. A queue never
 * holds one that its CPU has not let go of yet: see let_go().
 */
static struct vcpu *steal(unsigned int self, uint64_t now)
{
    const uint64_t stay = read_once(params.stay_ns);
    unsigned int cpu;

    cpumask_for_each(cpu, &cpu_online)
    {
        struct run_queue *q = &rq[cpu];
        struct vcpu *taken = NULL;
        struct list_head *p;

        if (cpu == self || !read_once(q->nr) || !spin_trylock(&q->lock)) {
            continue;
        }
        list_for_each(p, &q->list) {
            struct vcpu *v = list_entry(p, struct vcpu, runq);

            if (may_run_on(v, self) && now - read_once(v->ran_ns) >= stay) {
                dequeue(q, v);
                /* Both queues are locked, so its home may change. */
                write_once(v->processor, self);
                if (claim(v)) {
                    taken = v;
                }
                break;
            }
        }
        spin_unlock(&q->lock);
        if (taken) {
            return taken;
        }
    }
    return NULL;
}

static struct vcpu *pop_runnable(struct run_queue *q)
{
    while (!list_empty(&q->list)) {
        struct vcpu *v = list_entry(q->list.next, struct vcpu, runq);

        dequeue(q, v);
        if (claim(v)) {
            return v;
        }
    }
    return NULL;
}

/* Return: who runs next, claimed if it is not @prev; NULL: nobody of here. */
static struct vcpu *choose(struct run_queue *q, struct vcpu *prev, bool prev_ok,
                           uint64_t now)
{
    const uint64_t min_run =
        min_of(read_once(params.min_run_ns), slice_of(prev));
    struct vcpu *next;

    if (prev_ok && (list_empty(&q->list) ||
                    now + slice_of(prev) - min_run < prev->slice_end_ns)) {
        return prev;
    }
    next = pop_runnable(q);
    return !next && prev_ok ? prev : next;
}

static void noreturn_fn resume(struct vcpu *next)
{
    if (next->domain->is_idle) {
        run_on_reset_stack(idle_loop, (uint64_t)guest_regs());
    }
    ret_to_guest_reset(guest_regs());
}

static void load(struct vcpu *next)
{
    struct run_queue *q = &rq[smp_cpu_id()];
    struct vcpu *old = q->loaded;

    if (old == next) {
        return;
    }
    cpumask_set(&next->domain->dirty, smp_cpu_id());
    cpumask_set(&next->dirty, smp_cpu_id());
    save_loaded();
    spec_ctrl_switch(next->domain->id);
    write_guest_cr3(mfn_to_pa(pv_active_l4(next)));
    if (old) {
        cpumask_clear(&old->dirty, smp_cpu_id());
        if (old->domain != next->domain) {
            cpumask_clear(&old->domain->dirty, smp_cpu_id());
        }
    }
    *guest_regs() = next->pv.regs;
    q->loaded = next;
    pv_context_load(next);
}

/*
 * @prev is off this CPU. Only from here on may it be in a queue: another CPU that
 * took it out earlier would have `running` cleared under its feet, and the vCPU
 * would be queued, and run, twice. It may also have been woken since the choice:
 * pairs with vcpu_wake(), which clears `blocked`, then looks at `running`.
 * @turn_over: it waits for its next turn; no reason to choose anew at once,
 * which would let a slow host's CPU switch back and forth for ever.
 */
static void let_go(struct vcpu *prev, bool turn_over)
{
    const unsigned int cpu = smp_cpu_id();
    unsigned int where;

    atomic_store(&prev->running, false);
    smp_mb();
    if (prev->domain->is_idle || !vcpu_runnable(prev) ||
        !queue_vcpu(prev, &where)) {
        return;
    }
    if (where == cpu && turn_over) {
        timer_set(&rq[cpu].slice, current->slice_end_ns);
    } else {
        softirq_raise_cpu(where, SOFTIRQ_SCHED);
    }
}

static void schedule(void)
{
    const unsigned int cpu = smp_cpu_id();
    struct run_queue *q = &rq[cpu];
    struct vcpu *prev = current;
    struct vcpu *next;
    const uint64_t now = now_ns();
    unsigned long flags = spin_lock_irqsave(&q->lock);
    const bool prev_ok = prev != q->idle && vcpu_runnable(prev) &&
                         may_run_on(prev, prev->processor);

    perf_inc(sched_run);
    next = choose(q, prev, prev_ok, now);
    if (!next) {
        next = steal(cpu, now);
    }
    if (!next) {
        next = q->idle;
        write_once(next->running, true);
    }
    if (next != q->idle && !list_empty(&q->list)) {
        timer_set(&q->slice, now + slice_of(next));
    }
    spin_unlock_irqrestore(&q->lock, flags);

    if (next == prev) {
        if (next->slice_end_ns <= now) {
            next->slice_end_ns = now + slice_of(next);
        }
        return;
    }
    perf_inc(sched_ctx);
    next->slice_end_ns = now + slice_of(next);
    if (next != q->idle && !cpumask_empty(&next->dirty) &&
        !cpumask_test(&next->dirty, cpu)) {
        vcpu_sync_state(next);
    }

    if (next != q->idle && next->irq_cpu != cpu) {
        next->irq_cpu = cpu;
        evtchn_move_pirqs(next);
    }

    write_once(prev->ran_ns, now);
    local_irq_disable();
    if (prev->runstate.state == RUNSTATE_running) {
        if (prev != q->idle && !vcpu_runnable(prev)) {
            perf_inc(unit_sleep);
        }
        set_runstate(prev, vcpu_runnable(prev)        ? RUNSTATE_runnable
                           : read_once(prev->blocked) ? RUNSTATE_blocked
                                                      : RUNSTATE_offline);
    }
    set_runstate(next, RUNSTATE_running);
    if (next != q->idle) {
        load(next);
    } else {
        write_once(q->idle_count, q->idle_count + 1);
    }
    cpu_info()->vcpu = next;
    let_go(prev, prev_ok);
    if (next != q->idle) {
        time_update_vcpu(next);
        vcpu_runstate_publish(next);
    }
    resume(next);
}

static void slice_over(void *arg)
{
    (void)arg;
    perf_inc(sched_irq);
    softirq_raise(SOFTIRQ_SCHED);
}

void idle_loop(void)
{
    for (;;) {
        local_irq_disable();
        if (softirq_pending()) {
            local_irq_enable();
            softirq_run(true);
        } else {
            __asm__ volatile("sti; hlt");
        }
    }
}

/* --- set-up --- */

struct domain *dom_idle;

void sched_init_cpu(unsigned int cpu)
{
    struct run_queue *q = &rq[cpu];
    struct vcpu *v = xzalloc(struct vcpu);

    if (!v) {
        panic("no memory for the idle vCPU of CPU%u", cpu);
    }
    list_init(&q->list);
    list_init(&v->runq);
    v->domain = dom_idle;
    v->id = cpu;
    v->processor = cpu;
    v->running = true;
    v->affinity = CPUMASK_OF(cpu);
    v->soft_affinity = v->affinity;
    v->runstate.state = RUNSTATE_running;
    v->runstate.state_entry_time = now_ns();
    timer_init(&q->slice, slice_over, NULL, cpu);
    write_once(q->idle, v);
    cpu_info()->vcpu = v;
}

static void dump_queues(unsigned char key)
{
    unsigned int cpu;

    (void)key;
    cpumask_for_each(cpu, &cpu_online)
    {
        struct run_queue *q = &rq[cpu];
        const unsigned long flags = spin_lock_irqsave(&q->lock);
        const struct vcpu *l = q->loaded;
        struct list_head *p;

        printk("sched: CPU%u: %s, %u waiting, loaded ", cpu,
               q->idle->running ? "idle" : "busy", q->nr);
        if (l) {
            printk("d%uv%u\n", l->domain->id, l->id);
        } else {
            printk("none\n");
        }
        list_for_each(p, &q->list) {
            const struct vcpu *v = list_entry(p, struct vcpu, runq);

            printk("sched:   d%uv%u\n", v->domain->id, v->id);
        }
        spin_unlock_irqrestore(&q->lock, flags);
    }
}

void sched_init(void)
{
    dom_idle = xzalloc(struct domain);
    if (!dom_idle) {
        panic("no memory for the idle domain");
    }
    dom_idle->id = DOMID_IDLE;
    dom_idle->is_idle = true;
    dom_idle->sched_weight = SCHED_WEIGHT_DEFAULT;
    softirq_open(SOFTIRQ_SCHED, schedule);
    key_register('r', dump_queues, "run queues");
    sched_init_cpu(0);
}
