/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Device interrupts: vectors of each CPU, descriptors, dispatch, routing.
 *
 * A descriptor's lock guards it and the routing of its pin or message. Order:
 * descriptor, vector_lock, the IO-APIC's or a remap unit's. Event channels are
 * signalled with no lock held: their owners call us with theirs. A descriptor
 * is never freed, so dispatch may look at one that has just been recycled.
 * Spec: SDM vol 3A, 11.8 "Handling Interrupts".
 */
#include <xen/acpi.h>
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/cpumask.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/host-irq.h>
#include <xen/iommu.h>
#include <xen/irq.h>
#include <xen/keyhandler.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/shutdown.h>
#include <xen/smp.h>
#include <xen/softirq.h>
#include <xen/time.h>

#include <asm/apic.h>
#include <asm/current.h>
#include <asm/io.h>
#include <asm/ioapic.h>
#include <asm/irq-desc.h>
#include <asm/msi.h>

#define EOI_PATIENCE_NS NS_PER_S          /* ours: shared line, silent guest */
#define MOVE_DWELL_NS   (100 * NS_PER_MS) /* ours: longest interrupts-off */
#define MAX_HOST_IRQS   64                /* ours: IOMMUs have two each */

/* 8259 pair. Spec: 8259A "Initialization Command Words". */
#define PIC1_COMMAND  0x20
#define PIC1_DATA     0x21
#define PIC2_COMMAND  0xa0
#define PIC2_DATA     0xa1
#define PIC_ICW1      0x11
#define PIC_ICW4_8086 0x01

#define MSI_ADDRESS_BASE UINT64_C(0xfee00000)
#define MSI_DEST_SHIFT   12

static spinlock_t vector_lock = SPINLOCK_INIT; /* guards vectors, next_vector */
static struct irq_desc *vectors[MAX_CPUS][256];
static uint8_t next_vector[MAX_CPUS];

static struct irq_desc gsi_desc[MAX_GSIS];
static struct irq_desc host_desc[MAX_HOST_IRQS];
static unsigned int nr_host_irqs;

/* MSI descriptors: all ever made, and those nobody uses. */
struct msi_desc {
    struct irq_desc desc;
    struct msi_desc *next_all;
    struct msi_desc *next_free;
};
static spinlock_t msi_desc_lock = SPINLOCK_INIT;
static struct msi_desc *msi_desc_all;
static struct msi_desc *msi_desc_free;
static unsigned int nr_msi_descs;

static uint64_t nr_strays; /* vectors without a descriptor; a rough count */

/* ---- vectors ---- */

/*
 * Take a vector of a CPU: @prefer if it is free, else any unless @only.
 * Neighbours are handed out far apart: 16 vectors share one priority.
 * Return: the vector, 0 if there is none.
 */
static unsigned int vector_take(unsigned int cpu, struct irq_desc *d,
                                unsigned int prefer, bool only)
{
    const unsigned int span = VEC_LAST_DYNAMIC - VEC_FIRST_DYNAMIC + 1;
    const unsigned long flags = spin_lock_irqsave(&vector_lock);
    unsigned int found = 0;

    if (prefer && !vectors[cpu][prefer]) {
        found = prefer;
    }
    for (unsigned int i = 0; !found && !only && i < span; i++) {
        const unsigned int v = VEC_FIRST_DYNAMIC + next_vector[cpu];

        /* 17 and the span have no common factor, so all are visited. */
        next_vector[cpu] = (uint8_t)((next_vector[cpu] + 17) % span);
        if (!vectors[cpu][v]) {
            found = v;
        }
    }
    if (found) {
        vectors[cpu][found] = d;
    }
    spin_unlock_irqrestore(&vector_lock, flags);
    return found;
}
static_assert((VEC_LAST_DYNAMIC - VEC_FIRST_DYNAMIC + 1) % 17 != 0, "stride");

static void vector_give(unsigned int cpu, unsigned int vector,
                        const struct irq_desc *d)
{
    const unsigned long flags = spin_lock_irqsave(&vector_lock);

    if (vector && vectors[cpu][vector] == d) {
        vectors[cpu][vector] = NULL;
    }
    spin_unlock_irqrestore(&vector_lock, flags);
}

/* ---- hardware of a descriptor ---- */

static void hw_mask(struct irq_desc *d, bool masked)
{
    if (d->kind == IRQ_GSI) {
        ioapic_mask(d->nr, masked);
    } else if (d->kind == IRQ_MSI) {
        msi_mask(d->msi, masked);
    }
    d->masked = masked;
}

static int hw_route(struct irq_desc *d, unsigned int cpu, unsigned int vector)
{
    const struct intr_route r = { .dest = cpu_apicid[cpu],
                                  .vector = (uint8_t)vector,
                                  .level = d->level,
                                  .active_low = d->active_low };

    return d->kind == IRQ_GSI ? ioapic_route(d->nr, &r) : msi_route(d->msi, &r);
}

/* May destination and vector change in one go without a half-way message? */
static bool can_change_vector(const struct irq_desc *d)
{
    return d->masked || (d->kind == IRQ_MSI && msi_can_mask(d->msi));
}

/*
 * Route a descriptor to a CPU. The vector number is kept if it is free there:
 * then a single word changes in the device. The place it had stays claimed for
 * interrupts that are on their way.
 * Locks: the descriptor's. Return: 0, -ENOSPC, or as hw_route().
 */
static int route(struct irq_desc *d, unsigned int cpu)
{
    const unsigned int v =
        vector_take(cpu, d, d->vector, d->vector && !can_change_vector(d));
    int rc;

    if (!v) {
        return -ENOSPC;
    }
    rc = hw_route(d, cpu, v);
    if (rc) {
        vector_give(cpu, v, d);
        return rc;
    }
    vector_give(d->old_cpu, d->old_vector, d);
    d->old_cpu = d->cpu;
    d->old_vector = d->vector;
    d->cpu = cpu;
    d->vector = v;
    d->want_cpu = cpu;
    d->moved_ns = now_ns();
    return 0;
}

static void unroute(struct irq_desc *d)
{
    hw_mask(d, true);
    vector_give(d->cpu, d->vector, d);
    vector_give(d->old_cpu, d->old_vector, d);
    d->vector = 0;
    d->old_vector = 0;
}

/* An interrupt has just arrived, so the next one is some way off: move now. */
static void move_if_wanted(struct irq_desc *d)
{
    const unsigned int cpu = d->want_cpu;

    if (likely(cpu == d->cpu) || now_ns() - d->moved_ns < MOVE_DWELL_NS) {
        return;
    }
    /* The old place may be the new one: the vector is ours there already. */
    if (d->old_vector && d->old_cpu == cpu) {
        vector_give(d->old_cpu, d->old_vector, d);
        d->old_vector = 0;
    }
    if (!cpumask_test(&cpu_online, cpu) || route(d, cpu)) {
        d->want_cpu = d->cpu; /* stays where it is */
    }
}

/* ---- guests of a descriptor ---- */

static struct irq_guest *find_guest(struct irq_desc *d,
                                    const struct domain *dom, unsigned int pirq)
{
    for (unsigned int i = 0; i < d->nr_guests; i++) {
        if (d->guest[i].domain == dom && d->guest[i].pirq == pirq) {
            return &d->guest[i];
        }
    }
    return NULL;
}

/* A guest is done; the last one opens the line again. */
static void guest_done(struct irq_desc *d, struct irq_guest *g)
{
    if (!g->in_service) {
        return;
    }
    g->in_service = false;
    if (--d->nr_in_service == 0) {
        timer_stop(&d->eoi_timer);
        hw_mask(d, false);
    }
}

/* Some guest of a shared line sleeps on it: the others must not suffer. */
static void eoi_timeout(void *arg)
{
    struct irq_desc *d = arg;
    const unsigned long flags = spin_lock_irqsave(&d->lock);

    if (d->nr_in_service) {
        d->nr_timeouts++;
        for (unsigned int i = 0; i < d->nr_guests; i++) {
            if (d->guest[i].in_service) {
                log_guest(LOG_WARN, "irq: GSI %u: d%u did not end it\n", d->nr,
                          d->guest[i].domid);
                guest_done(d, &d->guest[i]);
            }
        }
    }
    spin_unlock_irqrestore(&d->lock, flags);
}

static int add_guest_locked(struct irq_desc *d, const struct irq_guest *g,
                            unsigned int cpu)
{
    int rc;

    if (d->kind == IRQ_FREE || d->kind == IRQ_HOST) {
        return -EBUSY;
    }
    if (d->nr_guests) {
        if (!d->level || !g->share || !d->guest[0].share) {
            return -EBUSY;
        }
        if (d->nr_guests == IRQ_MAX_GUESTS) {
            return -ENOSPC;
        }
    } else {
        rc = route(d, cpu);
        if (rc) {
            return rc;
        }
        d->nr_in_service = 0;
    }
    d->guest[d->nr_guests] = *g;
    d->guest[d->nr_guests].in_service = false;
    d->nr_guests++;
    if (!d->nr_in_service) {
        hw_mask(d, false);
    }
    return 0;
}

int irq_desc_add_guest(struct irq_desc *d, const struct irq_guest *g,
                       unsigned int cpu)
{
    const unsigned long flags = spin_lock_irqsave(&d->lock);
    const int rc = add_guest_locked(d, g, cpu);

    spin_unlock_irqrestore(&d->lock, flags);
    return rc;
}

void irq_desc_del_guest(struct irq_desc *d, const struct domain *dom,
                        unsigned int pirq)
{
    const unsigned long flags = spin_lock_irqsave(&d->lock);
    struct irq_guest *g = find_guest(d, dom, pirq);

    if (g) {
        if (d->nr_guests == 1) {
            /* Order matters: unroute() leaves it masked for good. */
            unroute(d);
            timer_stop(&d->eoi_timer);
            d->nr_in_service = 0;
        } else {
            guest_done(d, g);
        }
        *g = d->guest[--d->nr_guests];
    }
    spin_unlock_irqrestore(&d->lock, flags);
}

void irq_desc_guest_eoi(struct irq_desc *d, const struct domain *dom,
                        unsigned int pirq)
{
    const unsigned long flags = spin_lock_irqsave(&d->lock);
    struct irq_guest *g = find_guest(d, dom, pirq);

    if (g) {
        guest_done(d, g);
    }
    spin_unlock_irqrestore(&d->lock, flags);
}

void irq_desc_set_affinity(struct irq_desc *d, unsigned int cpu)
{
    const unsigned long flags = spin_lock_irqsave(&d->lock);

    if (d->nr_guests == 1) {
        d->want_cpu = cpu;
    }
    spin_unlock_irqrestore(&d->lock, flags);
}

int irq_desc_reprogram(struct irq_desc *d)
{
    const unsigned long flags = spin_lock_irqsave(&d->lock);
    int rc = 0;

    if (d->kind == IRQ_MSI) {
        rc = d->vector ? hw_route(d, d->cpu, d->vector) : 0;
        hw_mask(d, d->masked);
    }
    spin_unlock_irqrestore(&d->lock, flags);
    return rc;
}

/* ---- dispatch ---- */

struct to_signal {
    struct domain *domain;
    uint32_t port;
};

/*
 * Acknowledge for guests and collect whom to tell. A level line stays masked
 * until the last guest has ended it; an edge needs nothing from them.
 */
static unsigned int take_for_guests(struct irq_desc *d, struct to_signal *list)
{
    if (d->level) {
        hw_mask(d, true);
    }
    lapic_eoi();
    if (d->level) {
        ioapic_eoi(d->nr);
    }
    if (!d->nr_guests) {
        hw_mask(d, true); /* unbound while it was on its way */
        return 0;
    }
    move_if_wanted(d);
    for (unsigned int i = 0; i < d->nr_guests; i++) {
        struct irq_guest *g = &d->guest[i];

        list[i] = (struct to_signal){ g->domain, g->port };
        if (d->level && !g->in_service) {
            g->in_service = true;
            d->nr_in_service++;
        }
    }
    if (d->level && d->nr_guests > 1) {
        timer_set(&d->eoi_timer, now_ns() + EOI_PATIENCE_NS);
    }
    return d->nr_guests;
}

static void stray(unsigned int cpu, unsigned int vector)
{
    nr_strays++;
    if (lapic_in_service(vector)) {
        lapic_eoi();
    }
    log_guest(LOG_WARN, "irq: cpu%u: nobody claims vector %#x\n", cpu, vector);
}

static void dispatch_device(unsigned int vector)
{
    const unsigned int cpu = smp_cpu_id();
    struct irq_desc *d = atomic_load(&vectors[cpu][vector]);
    struct to_signal list[IRQ_MAX_GUESTS];
    unsigned int nr = 0;
    void (*fn)(void *arg) = NULL;
    void *arg = NULL;

    if (!d) {
        stray(cpu, vector);
        return;
    }
    spin_lock(&d->lock);
    d->count++;
    if (d->kind == IRQ_HOST) {
        fn = d->fn;
        arg = d->arg;
        lapic_eoi();
    } else if (d->kind == IRQ_FREE) {
        lapic_eoi();
    } else {
        nr = take_for_guests(d, list);
    }
    spin_unlock(&d->lock);

    if (fn) {
        fn(arg);
    }
    for (unsigned int i = 0; i < nr; i++) {
        evtchn_send_pirq(list[i].domain, list[i].port);
    }
}

void irq_dispatch(unsigned int vector)
{
    switch (vector) {
    case VEC_TIMER:
        perf_inc(apic_timer);
        lapic_eoi();
        softirq_raise(SOFTIRQ_TIMER);
        return;
    case VEC_CALL:
        lapic_eoi();
        smp_call_interrupt();
        return;
    case VEC_EVENT_CHECK:
        /* The way back to the guest looks at softirqs and events. */
        lapic_eoi();
        return;
    case VEC_ERROR:
        lapic_error_interrupt();
        lapic_eoi();
        return;
    case VEC_SPURIOUS:
        return; /* never in service, so no EOI */
    default:
        break;
    }
    if (vector < VEC_FIRST_DYNAMIC || vector > VEC_LAST_DYNAMIC) {
        stray(smp_cpu_id(), vector & 0xff);
        return;
    }
    dispatch_device(vector);
}

/* ---- host interrupts ---- */

int host_irq_request(const char *name, void (*fn)(void *arg), void *arg,
                     struct msi_msg *msg)
{
    struct irq_desc *d;
    unsigned long flags;
    unsigned int v;

    if (nr_host_irqs == MAX_HOST_IRQS) {
        return -ENOSPC;
    }
    d = &host_desc[nr_host_irqs];
    v = vector_take(0, d, 0, false);
    if (!v) {
        return -ENOSPC;
    }
    flags = spin_lock_irqsave(&d->lock);
    d->kind = IRQ_HOST;
    d->name = name;
    d->nr = nr_host_irqs++;
    d->fn = fn;
    d->arg = arg;
    d->cpu = 0;
    d->vector = v;
    spin_unlock_irqrestore(&d->lock, flags);

    /* Fixed delivery, physical destination, edge: everything else is zero. */
    msg->address = MSI_ADDRESS_BASE | (uint64_t)(cpu_apicid[0] & 0xff)
                                          << MSI_DEST_SHIFT;
    msg->data = v;
    return 0;
}

/* ---- descriptors ---- */

struct irq_desc *irq_desc_gsi(unsigned int gsi)
{
    return gsi_valid(gsi) ? &gsi_desc[gsi] : NULL;
}

int irq_desc_configure(unsigned int gsi, bool level, bool active_low)
{
    struct irq_desc *d = irq_desc_gsi(gsi);
    unsigned long flags;
    int rc = 0;

    if (!d) {
        return -EINVAL;
    }
    flags = spin_lock_irqsave(&d->lock);
    if (d->configured) {
        rc = -EEXIST;
    } else if (d->nr_guests &&
               (d->level != level || d->active_low != active_low)) {
        rc = -EBUSY;
    } else {
        d->level = level;
        d->active_low = active_low;
        d->configured = true;
    }
    spin_unlock_irqrestore(&d->lock, flags);
    return rc;
}

struct irq_desc *irq_desc_msi_alloc(struct msi_entry *entry)
{
    unsigned long flags = spin_lock_irqsave(&msi_desc_lock);
    struct msi_desc *m = msi_desc_free;

    if (m) {
        msi_desc_free = m->next_free;
    }
    spin_unlock_irqrestore(&msi_desc_lock, flags);
    if (!m) {
        m = xzalloc(struct msi_desc);
        if (!m) {
            return NULL;
        }
        timer_init(&m->desc.eoi_timer, eoi_timeout, &m->desc, 0);
        flags = spin_lock_irqsave(&msi_desc_lock);
        m->desc.nr = nr_msi_descs++;
        m->next_all = msi_desc_all;
        msi_desc_all = m;
        spin_unlock_irqrestore(&msi_desc_lock, flags);
    }
    flags = spin_lock_irqsave(&m->desc.lock);
    m->desc.kind = IRQ_MSI;
    m->desc.name = "guest MSI";
    m->desc.msi = entry;
    m->desc.masked = true;
    m->desc.count = 0;
    spin_unlock_irqrestore(&m->desc.lock, flags);
    return &m->desc;
}

void irq_desc_msi_free(struct irq_desc *d)
{
    struct msi_desc *m = container_of(d, struct msi_desc, desc);
    unsigned long flags = spin_lock_irqsave(&d->lock);

    ASSERT(!d->nr_guests && !d->vector);
    d->kind = IRQ_FREE;
    d->msi = NULL;
    spin_unlock_irqrestore(&d->lock, flags);

    flags = spin_lock_irqsave(&msi_desc_lock);
    m->next_free = msi_desc_free;
    msi_desc_free = m;
    spin_unlock_irqrestore(&msi_desc_lock, flags);
}

/* ---- key i ---- */

static void dump_desc(struct irq_desc *d)
{
    const unsigned long flags = spin_lock_irqsave(&d->lock);
    const struct irq_desc copy = *d;

    spin_unlock_irqrestore(&d->lock, flags);
    if (copy.kind == IRQ_FREE || (!copy.vector && !copy.count)) {
        return;
    }
    printk("  %s %-3u vector %02x cpu%-2u %s%s count %llu %s\n",
           copy.kind == IRQ_GSI   ? "GSI "
           : copy.kind == IRQ_MSI ? "MSI "
                                  : "host",
           copy.nr, copy.vector, copy.cpu,
           copy.level ? (copy.active_low ? "level-low " : "level-high")
                      : "edge",
           copy.masked ? " masked" : "", (unsigned long long)copy.count,
           copy.name ? copy.name : "");
    if (copy.kind == IRQ_GSI) {
        printk("      entry %#018llx, %llu time-outs\n",
               (unsigned long long)ioapic_rte(copy.nr),
               (unsigned long long)copy.nr_timeouts);
    }
    for (unsigned int i = 0; i < copy.nr_guests; i++) {
        printk("      d%u pirq %u port %u%s%s\n", copy.guest[i].domid,
               copy.guest[i].pirq, copy.guest[i].port,
               copy.guest[i].share ? " shared" : "",
               copy.guest[i].in_service ? " in service" : "");
    }
}

static void irq_dump(unsigned char key)
{
    printk("'%c' pressed: interrupts, %llu strays\n", key,
           (unsigned long long)nr_strays);
    for (unsigned int i = 0; i < nr_host_irqs; i++) {
        dump_desc(&host_desc[i]);
    }
    for (unsigned int i = 0; i < nr_gsis; i++) {
        if (gsi_valid(i)) {
            dump_desc(&gsi_desc[i]);
        }
    }
    for (struct msi_desc *m = msi_desc_all; m; m = m->next_all) {
        dump_desc(&m->desc);
    }
}

/* ---- set-up ---- */

/* Move the PIC's vectors away from exceptions, then mask all its lines. */
static void pic_off(void)
{
    outb(PIC_ICW1, PIC1_COMMAND);
    outb(PIC_ICW1, PIC2_COMMAND);
    outb(VEC_FIRST_DYNAMIC, PIC1_DATA);
    outb(VEC_FIRST_DYNAMIC + 8, PIC2_DATA);
    outb(1 << 2, PIC1_DATA); /* the second one hangs on line 2 */
    outb(2, PIC2_DATA);
    outb(PIC_ICW4_8086, PIC1_DATA);
    outb(PIC_ICW4_8086, PIC2_DATA);
    outb(0xff, PIC1_DATA);
    outb(0xff, PIC2_DATA);
}

void irq_setup_early(void)
{
    pic_off();
    lapic_init(true);
}

/* Trigger and polarity of each pin: PCI's unless firmware says otherwise. */
static void init_gsi_descs(void)
{
    const struct madt_info *madt = acpi_madt();

    for (unsigned int i = 0; i < MAX_GSIS; i++) {
        struct irq_desc *d = &gsi_desc[i];

        timer_init(&d->eoi_timer, eoi_timeout, d, 0);
        d->kind = IRQ_GSI;
        d->nr = i;
        d->masked = true;
        d->name = i < 16 ? "ISA" : "PCI";
        d->level = i >= 16;
        d->active_low = i >= 16;
    }
    for (unsigned int i = 0; madt && i < madt->nr_isos; i++) {
        const struct madt_iso *iso = &madt->iso[i];
        struct irq_desc *d = irq_desc_gsi(iso->gsi);

        if (!d) {
            continue;
        }
        d->level = (iso->flags & MADT_TRIGGER) == MADT_LEVEL;
        d->active_low = (iso->flags & MADT_POLARITY) == MADT_ACTIVE_LOW;
        d->name = "ISA override";
    }
}

void irq_setup(void)
{
    ioapic_setup();
    init_gsi_descs();
    msi_setup();
    machine_prepare_shutdown();
    key_register('i', irq_dump, "dump interrupts");
}
