// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/common/sched.c xen/common/softirq.c xen/common/timer.c
// SOURCES: xen/arch/x86/smp.c
// CFLAGS: -include tests/model/sched/shim.h -I xen/arch/x86/include
/*
 * The scheduler with threads for CPUs. Guests pass tokens to each other as
 * events, block, spin, yield and sleep on timers; a control domain pauses and
 * moves them. At each step of a guest: no other CPU runs the same vCPU, its
 * registers are those it left, nobody has paused it. No event may be lost: the
 * tokens go on moving, and interrupts are all that wakes a CPU that idles.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <xen/atomic.h>
#include <xen/bug.h>
#include <xen/domain.h>
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

#include <asm/apic.h>
#include <asm/setup.h>
#include <asm/spec-ctrl.h>

#define NR_CPUS   3
#define NR_DOMS   3 /* the first one controls the others */
#define NR_VCPUS  2 /* of each */
#define ALL_VCPUS (NR_DOMS * NR_VCPUS)
#define TOKENS    3
#define ROUNDS    4
#define PASSES    3000     /* of tokens in a round */
#define STALL_S   60       /* a loaded host may take its time */
#define SLEEP_NS  (200000) /* of a guest, at most */
#define IRQ_CALL  1u
#define IRQ_LOOK  2u

struct model_vcpu {
    struct vcpu *v;
    uint32_t on_cpu;   /* CPUs that run it now: 0 or 1 */
    uint32_t paused;   /* vcpu_pause() has returned, vcpu_unpause() not begun */
    uint32_t mail;     /* tokens sent to it */
    uint32_t held;     /* tokens it has; its own */
    uint64_t steps;    /* what its register must hold; its own */
    struct timer wake; /* sends it an event */
};

_Thread_local struct cpu_info cpu_self;
static _Thread_local jmp_buf top;
static _Thread_local unsigned int dice;

static uint32_t irqs[NR_CPUS + 1]; /* main() is no CPU, but has a number */
static struct model_vcpu vm[ALL_VCPUS];
static struct domain doms[NR_DOMS];
static struct vcpu_info infos[ALL_VCPUS];
static uint64_t passes;
static uint32_t stop;
static uint32_t ready;

uint64_t idle_l4[1];
cpumask_t cpu_online;
struct domain *dom0;
uint32_t cpu_apicid[MAX_CPUS];
uint32_t perf_values[PERF_ROW_WORDS];

static void noreturn_fn fail(const char *what, unsigned int which)
{
    printf("FAIL %s: vCPU %u, CPU%u, pass %llu\n", what, which,
           cpu_self.processor_id, (unsigned long long)passes);
    fflush(stdout);
    _exit(1);
}

static unsigned int below(unsigned int n)
{
    dice = dice * 1103515245u + 12345u;
    return (dice >> 16) % n;
}

/* --- what the code under test calls --------------------------------------- */

void model_pause(void)
{
    if (below(8) == 0) {
        syscall(SYS_sched_yield);
    }
}

uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

void model_irqs(void)
{
    const unsigned int cpu = cpu_self.processor_id;
    uint32_t due;

    if (!cpu_self.irqs_on) {
        return;
    }
    cpu_self.irqs_on = false;
    due = atomic_xchg(&irqs[cpu], 0);
    if (due & IRQ_CALL) {
        smp_call_interrupt();
    }
    if (cpu_self.deadline_ns && cpu_self.deadline_ns <= now_ns()) {
        cpu_self.deadline_ns = 0;
        softirq_raise(SOFTIRQ_TIMER);
    }
    cpu_self.irqs_on = true;
}

int lapic_send_ipi(uint32_t apic_id, unsigned int vector)
{
    atomic_or(&irqs[apic_id], vector == VEC_CALL ? IRQ_CALL : IRQ_LOOK);
    return 0;
}

int lapic_send_nmi(uint32_t apic_id)
{
    fail("a CPU does not answer", apic_id);
}

bool lapic_present(void)
{
    return true;
}

void lapic_timer_set(uint64_t deadline_ns)
{
    cpu_self.deadline_ns = deadline_ns;
}

void write_guest_cr3(uint64_t cr3)
{
    (void)cr3;
}

mfn_t pv_active_l4(const struct vcpu *v)
{
    (void)v;
    return MFN(0);
}

void spec_ctrl_switch(uint16_t domid)
{
    (void)domid;
}

void pv_context_save(struct vcpu *v)
{
    (void)v;
    model_pause();
}

void pv_context_load(struct vcpu *v)
{
    (void)v;
    model_pause();
}

void run_on_reset_stack(void (*fn)(void), uint64_t rsp)
{
    (void)fn;
    (void)rsp;
    longjmp(top, 1);
}

void ret_to_guest_reset(struct cpu_user_regs *regs)
{
    (void)regs;
    longjmp(top, 1);
}

bool vcpu_upcall_due(const struct vcpu *v)
{
    return read_once(v->info->evtchn_upcall_pending);
}

void evtchn_move_pirqs(struct vcpu *v)
{
    (void)v;
}

void time_update_vcpu(struct vcpu *v)
{
    (void)v;
}

void vcpu_runstate_publish(struct vcpu *v)
{
    (void)v;
}

void key_register(char key, void (*fn)(unsigned char key), const char *what)
{
    (void)key;
    (void)fn;
    (void)what;
}

void *xzalloc_bytes(size_t bytes)
{
    return calloc(1, bytes);
}

/* --- guests --------------------------------------------------------------- */

static void send_event(struct model_vcpu *to)
{
    if (!atomic_xchg(&to->v->info->evtchn_upcall_pending, 1)) {
        vcpu_kick(to->v);
    }
}

static void wake_fired(void *arg)
{
    send_event(arg);
}

static bool timer_due(void)
{
    return cpu_self.deadline_ns && cpu_self.deadline_ns <= now_ns();
}

/* In user mode, or halted: only an interrupt ends it. */
static void wait_for_interrupt(void)
{
    while (!read_once(irqs[cpu_self.processor_id]) && !timer_due() &&
           !read_once(stop)) {
        model_pause();
    }
}

static void pass_token(struct model_vcpu *from)
{
    struct model_vcpu *to = &vm[below(ALL_VCPUS)];

    from->held--;
    atomic_add(&to->mail, 1);
    atomic_add(&passes, 1);
    send_event(to);
}

/* Pause a vCPU of another domain, look at its state, let it go on. */
static void control(void)
{
    struct model_vcpu *m = &vm[NR_VCPUS + below(ALL_VCPUS - NR_VCPUS)];
    struct vcpu *v = m->v;
    const bool whole = below(2);

    if (whole) {
        dom_pause(v->domain);
    } else {
        vcpu_pause(v);
    }
    atomic_add(&m->paused, 1);
    if (read_once(m->on_cpu)) {
        fail("runs although paused", (unsigned int)(m - vm));
    }
    if (v->pv.regs.rax != m->steps) {
        fail("registers not fetched", (unsigned int)(m - vm));
    }
    for (unsigned int i = below(50); i; i--) {
        model_pause();
        if (read_once(m->on_cpu)) {
            fail("runs while paused", (unsigned int)(m - vm));
        }
    }
    atomic_sub(&m->paused, 1);
    if (whole) {
        dom_unpause(v->domain);
    } else {
        vcpu_unpause(v);
    }
}

static void move_someone(void)
{
    const cpumask_t hard = { 1 + below((1u << NR_CPUS) - 1) };

    if (sched_set_affinity(vm[below(ALL_VCPUS)].v, &hard, NULL)) {
        fail("affinity refused", 0);
    }
}

static void sleep_on_timer(struct model_vcpu *m)
{
    if (m->wake.cpu != smp_cpu_id()) {
        timer_migrate(&m->wake, smp_cpu_id());
    }
    timer_set(&m->wake, now_ns() + below(SLEEP_NS));
    vcpu_block();
}

/*
 * What the guest does until it next enters the hypervisor, and there. Interrupts
 * that come in while it runs wait until it ends: each would be an entry.
 */
static void guest_step(struct model_vcpu *m)
{
    const unsigned int which = (unsigned int)(m - vm);

    if (atomic_add(&m->on_cpu, 1) != 1) {
        fail("runs on two CPUs", which);
    }
    if (read_once(m->paused)) {
        fail("runs while paused", which);
    }
    if (guest_regs()->rax != m->steps) {
        fail("has the registers of another moment", which);
    }
    m->steps++;
    guest_regs()->rax++;
    if (atomic_xchg(&m->v->info->evtchn_upcall_pending, 0)) {
        m->held += atomic_xchg(&m->mail, 0);
    }
    if (!m->held && below(3) == 0) {
        wait_for_interrupt();
        atomic_sub(&m->on_cpu, 1);
        local_irq_enable();
        return;
    }
    atomic_sub(&m->on_cpu, 1);
    local_irq_enable();
    if (m->held && below(4)) {
        pass_token(m);
    } else if (m->v->domain == dom0 && below(8) == 0) {
        control();
    } else if (m->v->domain == dom0 && below(16) == 0) {
        move_someone();
    } else if (m->held) {
        vcpu_yield();
    } else if (below(2)) {
        sleep_on_timer(m);
    } else {
        vcpu_block();
    }
}

/* --- CPUs ----------------------------------------------------------------- */

/* As the way out to the guest, and as the idle loop. */
static void *cpu_main(void *arg)
{
    const unsigned int cpu = (unsigned int)(uintptr_t)arg;

    cpu_self.processor_id = cpu;
    dice = cpu + 1;
    if (cpu == 0) {
        sched_init();
        timers_init();
    } else {
        while (!read_once(dom_idle)) {
            model_pause();
        }
        sched_init_cpu(cpu);
    }
    atomic_add(&ready, 1);
    while (read_once(ready) <= NR_CPUS) {
        model_pause();
    }
    (void)setjmp(top);
    while (!read_once(stop)) {
        local_irq_disable();
        if (softirq_pending()) {
            local_irq_enable();
            softirq_run(true);
        } else if (current->domain->is_idle) {
            wait_for_interrupt();
            local_irq_enable();
        } else {
            guest_step(&vm[current->domain->id * NR_VCPUS + current->id]);
        }
    }
    return NULL;
}

static void add_vcpu(struct domain *d, unsigned int id)
{
    const unsigned int which = d->id * NR_VCPUS + id;
    struct vcpu *v = calloc(1, sizeof(*v));

    if (!v) {
        fail("no memory", which);
    }
    v->domain = d;
    v->id = id;
    v->processor = which % NR_CPUS;
    v->affinity = cpu_online;
    v->soft_affinity = cpu_online;
    v->initialised = true;
    v->info = &infos[which];
    list_init(&v->runq);
    d->vcpu[id] = v;
    vm[which].v = v;
    timer_init(&vm[which].wake, wake_fired, &vm[which], v->processor);
}

static void dump(void)
{
    for (unsigned int i = 0; i < ALL_VCPUS; i++) {
        const struct vcpu *v = vm[i].v;

        printf("vCPU %u: CPU%u running %u blocked %u pauses %u queued %u "
               "upcall %u mail %u held %u\n",
               i, v->processor, v->running, v->blocked, v->pause_count,
               !list_empty(&v->runq), v->info->evtchn_upcall_pending,
               vm[i].mail, vm[i].held);
    }
}

static void round_of(unsigned int nr)
{
    const struct sched_params p = { .slice_ns = NS_PER_MS << (2 * nr),
                                    .min_run_ns = NS_PER_US };
    const uint64_t goal = (nr + 1) * (uint64_t)PASSES;
    uint64_t last = 0;
    unsigned int still = 0;

    sched_params_set(&p);
    while (read_once(passes) < goal) {
        usleep(10000);
        still = read_once(passes) == last ? still + 1 : 0;
        last = read_once(passes);
        if (still == STALL_S * 100) {
            dump();
            fail("no token moves any more", 0);
        }
    }
}

int main(void)
{
    pthread_t thread[NR_CPUS];

    cpu_self.processor_id = NR_CPUS;
    dice = 99;
    for (unsigned int i = 0; i < NR_CPUS; i++) {
        cpumask_set(&cpu_online, i);
        cpu_apicid[i] = i;
    }
    dom0 = &doms[0];
    for (unsigned int i = 0; i < NR_DOMS; i++) {
        doms[i].id = (domid_t)i;
        doms[i].privileged = i == 0;
        doms[i].max_vcpus = NR_VCPUS;
        doms[i].sched_weight = SCHED_WEIGHT_DEFAULT;
        for (unsigned int j = 0; j < NR_VCPUS; j++) {
            add_vcpu(&doms[i], j);
        }
    }
    for (uintptr_t i = 0; i < NR_CPUS; i++) {
        if (pthread_create(&thread[i], NULL, cpu_main, (void *)i)) {
            fail("no thread", (unsigned int)i);
        }
    }
    while (read_once(ready) < NR_CPUS) {
        usleep(1000);
    }
    /* Queued before the CPUs begin to look: nobody is interrupted. */
    for (unsigned int i = 0; i < ALL_VCPUS; i++) {
        vm[i].mail = i < TOKENS;
        infos[i].evtchn_upcall_pending = 1;
        vcpu_wake(vm[i].v);
    }
    atomic_add(&ready, 1);
    for (unsigned int i = 0; i < ROUNDS; i++) {
        round_of(i);
    }
    write_once(stop, 1);
    for (unsigned int i = 0; i < NR_CPUS; i++) {
        pthread_join(thread[i], NULL);
    }
    printf("%llu passes\n", (unsigned long long)passes);
    return 0;
}
