// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/common/event-channel.c xen/common/event-2level.c
// SOURCES: xen/common/event-fifo.c
// CFLAGS: -include tests/model/sched/shim.h -I xen/arch/x86/include
/*
 * Event channels with a guest that consumes them as the FIFO ABI says. First, one
 * step after the other, what must hold when ports are closed and bound again;
 * then threads that send, mask, unmask and move ports while two vCPUs consume:
 * each event sent must be handled, whatever came in between.
 * Spec: <public/event_channel.h>, "FIFO ABI".
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/irq.h>

#include <asm/mm-types.h>

#include <public/event_channel.h>

#define NR_VCPUS 2
#define NR_PAIRS 24    /* ports that are sent to in the threaded part */
#define SENDS    60000 /* of each sender */
#define SENDERS  2
#define PATIENCE 6000u /* polls of 10 ms until an event counts as lost */
#define W_BIT(b) BIT32(EVTCHN_FIFO_##b)

enum { FRAME_CONTROL, FRAME_ARRAY = NR_VCPUS, NR_FRAMES };

_Thread_local struct cpu_info cpu_self;
static _Thread_local unsigned int dice = 1;

static uint8_t ram[NR_FRAMES][PAGE_SIZE] aligned_to(4096);
static uint32_t pins[NR_FRAMES];
static struct domain dom = { .id = 1, .max_vcpus = NR_VCPUS };
static struct vcpu vcpus[NR_VCPUS];
static struct vcpu_info infos[NR_VCPUS];
static struct shared_info shared aligned_to(4096);
static void (*at_preempt)(void);

/* Of the guest: heads of its queues, what was sent and handled. */
static uint32_t head[NR_VCPUS][EVTCHN_FIFO_MAX_QUEUES];
static uint32_t local_ready[NR_VCPUS];
static uint32_t sent[4096];
static uint32_t handled[4096];
static uint32_t handled_by[4096];
static uint32_t stop;

struct domain *dom0;

static void noreturn_fn fail(const char *what, unsigned int port)
{
    printf("FAIL %s: port %u, word %#x\n", what, port,
           port ? ((uint32_t *)(void *)ram[FRAME_ARRAY])[port] : 0);
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
    if (below(16) == 0) {
        syscall(SYS_sched_yield);
    }
}

void model_irqs(void)
{
}

void vcpu_kick(struct vcpu *v)
{
    (void)v; /* consumers poll */
}

void vcpu_wake(struct vcpu *v)
{
    (void)v;
}

int guest_read(void *dst, uint64_t gva, size_t len)
{
    memcpy(dst, (const void *)gva, len);
    return 0;
}

int guest_write(uint64_t gva, const void *src, size_t len)
{
    memcpy((void *)gva, src, len);
    return 0;
}

bool mfn_valid(mfn_t m)
{
    return m.n < NR_FRAMES;
}

void *mfn_to_va(mfn_t m)
{
    return ram[m.n];
}

mfn_t va_to_mfn(const void *va)
{
    return MFN(((uintptr_t)va - (uintptr_t)ram) / PAGE_SIZE);
}

struct page_info *mfn_to_page(mfn_t m)
{
    return (struct page_info *)(uintptr_t)(m.n + 1);
}

int page_get_and_type(mfn_t mfn, struct domain *d, uint64_t type)
{
    (void)d;
    (void)type;
    pins[mfn.n]++;
    return 0;
}

void page_put_and_type(struct page_info *pg)
{
    pins[(uintptr_t)pg - 1]--;
}

void *xzalloc_bytes(size_t bytes)
{
    return calloc(1, bytes);
}

void xfree(void *p)
{
    free(p);
}

int dom_find_target(domid_t id, struct domain **out)
{
    (void)id;
    *out = &dom;
    return 0;
}

struct domain *dom_find_self(domid_t id)
{
    (void)id;
    return &dom;
}

void dom_put(struct domain *d)
{
    (void)d;
}

int pirq_bind(struct vcpu *v, unsigned int pirq, unsigned int port, bool share)
{
    (void)v;
    (void)pirq;
    (void)port;
    (void)share;
    return -EINVAL;
}

void pirq_unbind(struct domain *d, unsigned int pirq)
{
    (void)d;
    (void)pirq;
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, unsigned int cpu)
{
    (void)d;
    (void)pirq;
    (void)cpu;
}

bool hypercall_preempt(void)
{
    if (at_preempt) {
        at_preempt();
    }
    return false;
}

long hypercall_continue(unsigned int nr, const struct hypercall_args *args)
{
    (void)nr;
    (void)args;
    fail("continued", 0);
}

/* --- the guest ------------------------------------------------------------ */

static long op(unsigned int cmd, void *arg)
{
    struct hypercall_args args = { .a = { cmd, (uint64_t)arg } };

    return do_event_channel_op(&args);
}

static event_word_t *word(uint32_t port)
{
    return (event_word_t *)(void *)ram[FRAME_ARRAY] + port;
}

static void must(long rc, const char *what)
{
    if (rc) {
        printf("%s gave %ld\n", what, rc);
        fail(what, 0);
    }
}

static uint32_t bind_ipi(uint32_t vcpu)
{
    struct evtchn_bind_ipi b = { .vcpu = vcpu };

    must(op(EVTCHNOP_bind_ipi, &b), "bind_ipi");
    return b.port;
}

static void close_port(uint32_t port)
{
    struct evtchn_close c = { .port = port };

    must(op(EVTCHNOP_close, &c), "close");
}

static void send(uint32_t port)
{
    struct evtchn_send s = { .port = port };

    must(op(EVTCHNOP_send, &s), "send");
}

static void fifo_on(void)
{
    struct evtchn_expand_array e = { .array_gfn = FRAME_ARRAY };

    memset(ram, 0, sizeof(ram));
    memset(head, 0, sizeof(head));
    memset(local_ready, 0, sizeof(local_ready));
    for (uint32_t i = 0; i < NR_VCPUS; i++) {
        struct evtchn_init_control c = { .control_gfn = FRAME_CONTROL + i,
                                         .vcpu = i };

        must(op(EVTCHNOP_init_control, &c), "init_control");
    }
    must(op(EVTCHNOP_expand_array, &e), "expand_array");
}

static void handle(uint32_t v, uint32_t port)
{
    event_word_t *w = word(port);
    uint32_t seen;

    if (!(read_once(*w) & W_BIT(PENDING)) || (read_once(*w) & W_BIT(MASKED))) {
        return;
    }
    atomic_and(w, ~W_BIT(PENDING));
    seen = atomic_load(&sent[port]);
    atomic_store(&handled[port], seen);
    atomic_store(&handled_by[port], v);
}

/* One event off a queue: LINKED and the link go in one exchange. */
static void consume(uint32_t v, unsigned int prio,
                    struct evtchn_fifo_control_block *c)
{
    uint32_t port = head[v][prio];
    uint32_t old;

    if (port == 0) {
        port = read_once(c->head[prio]);
    }
    old = read_once(*word(port));
    while (!atomic_cas(word(port), &old,
                       old & ~(W_BIT(LINKED) | EVTCHN_FIFO_LINK_MASK))) {
    }
    head[v][prio] = old & EVTCHN_FIFO_LINK_MASK;
    if (head[v][prio] == 0) {
        local_ready[v] &= ~BIT32(prio);
    }
    handle(v, port);
}

/* What an upcall does on a vCPU. */
static void upcall(uint32_t v)
{
    struct evtchn_fifo_control_block *c = (void *)ram[FRAME_CONTROL + v];

    if (!atomic_xchg(&infos[v].evtchn_upcall_pending, 0)) {
        return;
    }
    local_ready[v] |= atomic_xchg(&c->ready, 0);
    while (local_ready[v]) {
        consume(v, ctz64(local_ready[v]), c);
        local_ready[v] |= atomic_xchg(&c->ready, 0);
    }
}

/* --- one step after the other --------------------------------------------- */

static void expect_at(uint32_t port, uint32_t v, const char *what)
{
    handled_by[port] = UINT32_MAX;
    sent[port]++;
    send(port);
    upcall(v);
    if (handled_by[port] != v) {
        fail(what, port);
    }
    upcall(1 - v);
}

/* A port whose word ends the queue of one vCPU is bound again to another. */
static void port_moves_house(void)
{
    const uint32_t a = bind_ipi(1);
    uint32_t b;

    expect_at(a, 1, "IPI of vCPU 1");
    close_port(a);
    if (bind_ipi(0) != a) {
        fail("the lowest free port is not taken", a);
    }
    b = bind_ipi(1);
    sent[a]++;
    send(a); /* now in the queue of vCPU 0, and not consumed */
    expect_at(b, 1, "an event in the queue of another vCPU");
    upcall(0);
    if (handled[a] != sent[a]) {
        fail("an event got lost", a);
    }
    close_port(a);
    close_port(b);
}

static uint32_t sneaked;

static void sneak(void)
{
    if (!sneaked) {
        sneaked = bind_ipi(0);
    }
}

/* Another vCPU binds what a reset has closed: the queues must stay. */
static void reset_against_bind(void)
{
    struct evtchn_reset r = { .dom = DOMID_SELF };

    for (unsigned int i = 0; i < 100; i++) {
        (void)bind_ipi(0);
    }
    at_preempt = sneak;
    if (op(EVTCHNOP_reset, &r) != -EAGAIN) {
        fail("reset did not see a port that is bound", sneaked);
    }
    at_preempt = NULL;
    expect_at(sneaked, 0, "an event after half a reset");
    must(op(EVTCHNOP_reset, &r), "reset");
    for (unsigned int i = 0; i < NR_FRAMES; i++) {
        if (pins[i]) {
            fail("reset kept a frame", 0);
        }
    }
}

static void all_ports_used(void)
{
    struct evtchn_bind_ipi b = { .vcpu = 0 };
    struct evtchn_reset r = { .dom = DOMID_SELF };
    unsigned int nr = 0;

    while (op(EVTCHNOP_bind_ipi, &b) == 0) {
        nr++;
    }
    if (nr != EVTCHN_2L_NR_CHANNELS - 1) {
        fail("two-level ports", nr);
    }
    close_port(77);
    if (bind_ipi(1) != 77 || op(EVTCHNOP_bind_ipi, &b) != -ENOSPC) {
        fail("the one free port", 77);
    }
    must(op(EVTCHNOP_reset, &r), "reset");
}

/* --- all at once ---------------------------------------------------------- */

static uint32_t from[NR_PAIRS]; /* sent by */
static uint32_t to[NR_PAIRS];   /* arrives at */

static void *sender(void *arg)
{
    dice = (unsigned int)(uintptr_t)arg;
    current = &vcpus[0];
    for (unsigned int i = 0; i < SENDS; i++) {
        const unsigned int p = below(NR_PAIRS);

        atomic_add(&sent[to[p]], 1);
        send(from[p]);
    }
    return NULL;
}

/* Moves ports between vCPUs and queues, masks them and lets them go. */
static void *mover(void *arg)
{
    dice = (unsigned int)(uintptr_t)arg;
    current = &vcpus[0];
    while (!read_once(stop)) {
        const uint32_t port = to[below(NR_PAIRS)];
        struct evtchn_bind_vcpu b = { .port = port, .vcpu = below(NR_VCPUS) };
        struct evtchn_unmask u = { .port = port };
        struct evtchn_set_priority s = { .port = port, .priority = below(16) };

        atomic_or(word(port), W_BIT(MASKED));
        must(op(EVTCHNOP_bind_vcpu, &b), "bind_vcpu");
        must(op(EVTCHNOP_set_priority, &s), "set_priority");
        model_pause();
        must(op(EVTCHNOP_unmask, &u), "unmask");
    }
    return NULL;
}

static void *consumer(void *arg)
{
    const uint32_t v = (uint32_t)(uintptr_t)arg;

    current = &vcpus[v];
    while (!read_once(stop)) {
        upcall(v);
        model_pause();
    }
    return NULL;
}

static void wait_handled(uint32_t port)
{
    for (unsigned int i = 0; atomic_load(&handled[port]) != sent[port]; i++) {
        if (i == PATIENCE) {
            fail("an event is lost", port);
        }
        usleep(10000);
    }
}

static void storm(void)
{
    pthread_t send_by[SENDERS];
    pthread_t consume_by[NR_VCPUS];
    pthread_t move_by;

    for (unsigned int i = 0; i < NR_PAIRS; i++) {
        struct evtchn_alloc_unbound a = { DOMID_SELF, DOMID_SELF, 0 };
        struct evtchn_bind_interdomain b = { .remote_dom = DOMID_SELF };

        must(op(EVTCHNOP_alloc_unbound, &a), "alloc_unbound");
        b.remote_port = a.port;
        must(op(EVTCHNOP_bind_interdomain, &b), "bind_interdomain");
        from[i] = b.local_port;
        to[i] = a.port;
        sent[to[i]] = 0;
        handled[to[i]] = 0;
    }
    for (uintptr_t i = 0; i < NR_VCPUS; i++) {
        must(pthread_create(&consume_by[i], NULL, consumer, (void *)i),
             "thread");
    }
    must(pthread_create(&move_by, NULL, mover, (void *)99), "thread");
    for (uintptr_t i = 0; i < SENDERS; i++) {
        must(pthread_create(&send_by[i], NULL, sender, (void *)(i + 7)),
             "thread");
    }
    for (unsigned int i = 0; i < SENDERS; i++) {
        pthread_join(send_by[i], NULL);
    }
    for (unsigned int i = 0; i < NR_PAIRS; i++) {
        wait_handled(to[i]);
    }
    write_once(stop, 1);
    pthread_join(move_by, NULL);
    for (unsigned int i = 0; i < NR_VCPUS; i++) {
        pthread_join(consume_by[i], NULL);
    }
}

int main(void)
{
    dom.shared = &shared;
    for (unsigned int i = 0; i < NR_VCPUS; i++) {
        vcpus[i].domain = &dom;
        vcpus[i].id = i;
        vcpus[i].info = &infos[i];
        dom.vcpu[i] = &vcpus[i];
    }
    current = &vcpus[0];
    must(evtchn_init(&dom, EVTCHN_FIFO_NR_CHANNELS), "evtchn_init");
    all_ports_used();
    fifo_on();
    port_moves_house();
    reset_against_bind();
    fifo_on();
    storm();
    must(evtchn_destroy(&dom), "destroy");
    must(evtchn_destroy(&dom), "destroy again");
    evtchn_free(&dom);
    return 0;
}
