/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event log: read, reported to the neutral layer, cleared; started again
 * when it overflowed. Page requests are read and thrown away: no device is
 * allowed to make any, but a full log must not stop the unit. The unit's
 * interrupt is a message of its own PCI function, not remapped. evt_lock guards
 * both rings. Spec: AMD48882 "Event Logging", "PPR Log", "Capability Block".
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/lib.h>
#include <xen/printk.h>
#include <xen/time.h>

#include "amdvi-priv.h"

#define DRAIN_PASSES  4     /* ours: rounds over the log in one interrupt */
#define ENTRY_WAIT_NS 10000 /* ours: how long an entry may come late */

/* Message capability. Spec: PCI Local Bus 3.0, 6.8.1. */
#define MSI_CONTROL  2u
#define MSI_ENABLE   0x0001u
#define MSI_MULTIPLE 0x0070u
#define MSI_64BIT    0x0080u
#define MSI_ADDRESS  4u

/* ---- what an event says ---- */

static const char *const event_names[] = {
    [AMDVI_EV_BAD_DTE] = "illegal device table entry",
    [AMDVI_EV_PAGE_FAULT] = "page fault",
    [AMDVI_EV_DEVTAB_HW] = "device table not readable",
    [AMDVI_EV_PAGETAB_HW] = "page table not readable",
    [AMDVI_EV_BAD_COMMAND] = "illegal command",
    [AMDVI_EV_COMMAND_HW] = "command ring not readable",
    [AMDVI_EV_IOTLB_TIMEOUT] = "device TLB does not answer",
    [AMDVI_EV_BAD_REQUEST] = "invalid request",
    [AMDVI_EV_BAD_PPR] = "invalid page request",
};

static const char *const hw_errors[4] = {
    "error of no type",
    "nothing answers",
    "access refused",
    "data is damaged",
};

/* A page fault's flags say why; without PR the others mean nothing. */
static const char *page_fault_reason(uint64_t lo)
{
    if (lo & AMDVI_EV_INTR) {
        return lo & AMDVI_EV_PR ? "interrupt entry not usable"
                                : "interrupt not allowed";
    }
    if (!(lo & AMDVI_EV_PR)) {
        return "not mapped";
    }
    if (lo & AMDVI_EV_RZ) {
        return "reserved bits or level";
    }
    return lo & AMDVI_EV_PE
               ? lo & AMDVI_EV_RW ? "no write permission" : "no read permission"
           : lo & AMDVI_EV_TR ? "translation request"
                              : "refused";
}

static void report(const struct amdvi_unit *u, uint64_t lo, uint64_t addr)
{
    const unsigned int code = (unsigned int)FIELD_GET(AMDVI_EV_CODE, lo);
    char text[80];
    struct iommu_fault f = {
        .unit_name = u->name,
        .unit = u->index,
        .sid = { u->ivhd->seg, (uint16_t)FIELD_GET(AMDVI_EV_DEVID, lo) },
        .addr = addr,
        .write = (lo & AMDVI_EV_RW) != 0,
        .translated = !(lo & AMDVI_EV_INTR),
        .code = code,
        .reason = code < array_size(event_names) && event_names[code]
                      ? event_names[code]
                      : "unknown event",
    };

    switch (code) {
    case AMDVI_EV_PAGE_FAULT:
        f.reason = page_fault_reason(lo);
        break;
    case AMDVI_EV_BAD_COMMAND:
    case AMDVI_EV_COMMAND_HW:
        /* Ours, not a device's; the address is that of the command. */
        log_err("%s: %s at %#lx\n", u->name, f.reason, addr);
        return;
    case AMDVI_EV_BAD_DTE:
        break;
    case AMDVI_EV_DEVTAB_HW:
    case AMDVI_EV_PAGETAB_HW:
        /* The address is where the table is, not what the device named. */
        snprintf(text, sizeof(text), "%s at that machine address, %s", f.reason,
                 hw_errors[FIELD_GET(AMDVI_EV_TYPE, lo)]);
        f.reason = text;
        f.translated = false;
        break;
    default:
        f.translated = false;
        break;
    }
    iommu_fault_report(&f);
}

/* ---- the rings ---- */

static unsigned int ring_slot(const struct amdvi_unit *u, unsigned int reg)
{
    return (unsigned int)FIELD_GET(AMDVI_RING_PTR, amdvi_read(u, reg)) %
           AMDVI_RING_SLOTS;
}

static void set_slot(const struct amdvi_unit *u, unsigned int reg,
                     unsigned int slot)
{
    amdvi_write(u, reg, FIELD_PREP(AMDVI_RING_PTR, (uint64_t)slot));
}

/*
 * Several parts move the tail before the entry is in memory (an erratum of
 * families 15h and 16h, seen on later ones too): a code of 0 means "not yet".
 */
static uint64_t read_entry(volatile const struct iommu_entry128 *e,
                           uint64_t *addr)
{
    const uint64_t start_ns = now_ns();
    uint64_t lo;

    do {
        lo = atomic_load(&e->lo);
        if (lo & AMDVI_EV_CODE) {
            break;
        }
        cpu_relax();
    } while (now_ns() - start_ns < ENTRY_WAIT_NS);
    /* Pairs with the unit writing the code last. */
    *addr = atomic_load(&e->hi);
    return lo;
}

static void drain_events(struct amdvi_unit *u)
{
    unsigned int head = ring_slot(u, AMDVI_EVT_HEAD);
    const unsigned int tail = ring_slot(u, AMDVI_EVT_TAIL);

    while (head != tail) {
        volatile struct iommu_entry128 *const e = &u->evt[head];
        uint64_t addr;
        const uint64_t lo = read_entry(e, &addr);

        if (lo & AMDVI_EV_CODE) {
            report(u, lo, addr);
        } else {
            log_warn("%s: event in slot %u was never written\n", u->name, head);
        }
        /* So that the next one in this slot can be told from this. */
        e->lo = 0;
        e->hi = 0;
        head = (head + 1) % AMDVI_RING_SLOTS;
        set_slot(u, AMDVI_EVT_HEAD, head);
    }
}

static void drain_ppr(struct amdvi_unit *u)
{
    unsigned int head, tail;

    if (!u->ppr) {
        return;
    }
    head = ring_slot(u, AMDVI_PPR_HEAD);
    tail = ring_slot(u, AMDVI_PPR_TAIL);
    if (head != tail) {
        log_warn("%s: %u page requests ignored\n", u->name,
                 (tail - head) % AMDVI_RING_SLOTS);
        u->nr_ppr += (tail - head) % AMDVI_RING_SLOTS;
        set_slot(u, AMDVI_PPR_HEAD, tail);
    }
}

/*
 * A log that overflowed is off until software has switched it off, cleared the
 * bit and switched it on again.
 */
static void restart_log(struct amdvi_unit *u, uint64_t enable, uint64_t run,
                        uint64_t over)
{
    amdvi_write(u, AMDVI_CONTROL, u->ctrl & ~enable);
    if (amdvi_wait_status(u, run, 0)) {
        /* Losing reports opens nothing: it goes on translating, silently. */
        u->ctrl &= ~enable;
        log_err("%s: log stays off: faults are not reported any more\n",
                u->name);
        return;
    }
    amdvi_write(u, AMDVI_STATUS, over);
    amdvi_write(u, AMDVI_CONTROL, u->ctrl);
}

static void drain_locked(struct amdvi_unit *u)
{
    /* A device that faults all the time must not keep us here. */
    for (unsigned int pass = 0; pass < DRAIN_PASSES; pass++) {
        const uint64_t sts = amdvi_read(u, AMDVI_STATUS);

        /* Before the tails are read: what comes later raises it again. */
        amdvi_write(u, AMDVI_STATUS,
                    sts &
                        (AMDVI_S_EVT_INT | AMDVI_S_WAIT_INT | AMDVI_S_PPR_INT));
        if (sts & AMDVI_S_WAIT_INT) {
            atomic_store(&u->nr_wait_int, u->nr_wait_int + 1);
        }
        drain_events(u);
        drain_ppr(u);
        if (sts & AMDVI_S_EVT_OVER && u->ctrl & AMDVI_C_EVT_LOG) {
            log_warn("%s: more events than the log holds\n", u->name);
            restart_log(u, AMDVI_C_EVT_LOG, AMDVI_S_EVT_RUN, AMDVI_S_EVT_OVER);
        }
        if (sts & AMDVI_S_PPR_OVER && u->ctrl & AMDVI_C_PPR_LOG) {
            restart_log(u, AMDVI_C_PPR_LOG, AMDVI_S_PPR_RUN, AMDVI_S_PPR_OVER);
        }
        if (ring_slot(u, AMDVI_EVT_HEAD) == ring_slot(u, AMDVI_EVT_TAIL)) {
            break;
        }
    }
}

void amdvi_event_drain(struct amdvi_unit *u)
{
    const unsigned long flags = spin_lock_irqsave(&u->evt_lock);

    drain_locked(u);
    spin_unlock_irqrestore(&u->evt_lock, flags);
}

static void event_interrupt(void *arg)
{
    amdvi_event_drain(arg);
}

/* ---- set-up ---- */

/* The first such capability: emulated units have a second that is none. */
static void msi_enable(struct amdvi_unit *u, const struct msi_msg *msg)
{
    const unsigned int at = pci_cap_find(u->self, PCI_CAP_ID_MSI);
    uint32_t ctl;

    if (!at) {
        log_warn("%s: no message capability: faults are looked for at flushes "
                 "only\n",
                 u->name);
        u->deaf = true;
        return;
    }
    ctl = pci_read(u->self, at + MSI_CONTROL, 2);
    ctl &= ~(MSI_ENABLE | MSI_MULTIPLE);
    pci_write(u->self, at + MSI_CONTROL, 2, ctl);
    pci_write(u->self, at + MSI_ADDRESS, 4, (uint32_t)msg->address);
    if (ctl & MSI_64BIT) {
        pci_write(u->self, at + MSI_ADDRESS + 4, 4,
                  (uint32_t)(msg->address >> 32));
    }
    pci_write(u->self, at + MSI_ADDRESS + (ctl & MSI_64BIT ? 8 : 4), 2,
              msg->data);
    pci_write(u->self, at + MSI_CONTROL, 2, ctl | MSI_ENABLE);
}

void amdvi_event_quiesce(const struct amdvi_unit *u)
{
    const unsigned int at = pci_cap_find(u->self, PCI_CAP_ID_MSI);

    if (at) {
        pci_write(u->self, at + MSI_CONTROL, 2,
                  pci_read(u->self, at + MSI_CONTROL, 2) & ~MSI_ENABLE);
    }
}

static int ring_init(struct amdvi_unit *u, unsigned int base_reg,
                     unsigned int head_reg, unsigned int tail_reg,
                     volatile struct iommu_entry128 **out)
{
    paddr_t pa;
    const int rc = pool_block_alloc(0, &pa);

    if (rc) {
        return rc;
    }
    *out = pool_page_ptr(pa);
    amdvi_write(u, base_reg,
                pa | FIELD_PREP(AMDVI_RING_LEN, (uint64_t)AMDVI_RING_LG2));
    amdvi_write(u, head_reg, 0);
    amdvi_write(u, tail_reg, 0);
    return 0;
}

int amdvi_event_init(struct amdvi_unit *u)
{
    struct msi_msg msg;
    int rc =
        ring_init(u, AMDVI_EVT_BASE, AMDVI_EVT_HEAD, AMDVI_EVT_TAIL, &u->evt);

    if (rc == 0 && u->efr & AMDVI_EFR_PPR) {
        rc = ring_init(u, AMDVI_PPR_BASE, AMDVI_PPR_HEAD, AMDVI_PPR_TAIL,
                       &u->ppr);
    }
    if (rc) {
        return rc;
    }
    amdvi_write(u, AMDVI_STATUS,
                AMDVI_S_EVT_OVER | AMDVI_S_EVT_INT | AMDVI_S_WAIT_INT |
                    AMDVI_S_PPR_OVER | AMDVI_S_PPR_INT);
    rc = host_irq_request(u->name, event_interrupt, u, &msg);
    if (rc) {
        log_err("%s: no interrupt, error %d: faults are looked for at flushes "
                "only\n",
                u->name, rc);
        u->deaf = true;
        return 0;
    }
    msi_enable(u, &msg);
    return 0;
}

/* ---- the walk of a fault ---- */

void amdvi_print_walk(unsigned int unit, sbdf_t sid, const struct iospace *s,
                      dfn_t dfn)
{
    const struct amdvi_unit *const u = amdvi_units[unit];
    const struct amdvi_dte *const d = &u->devtab[sid.bdf];
    struct iopt_trace t;

    printk("%s:  device " SBDF_FMT " %#lx %#lx %#lx %#lx%s\n", u->name,
           SBDF_ARG(sid), d->dma.lo, d->dma.hi, d->intr.lo, d->intr.hi,
           amdvi_dte_blocked(d) ? " blocked" : "");
    if (!s) {
        return;
    }
    iopt_trace(&s->pt, dfn, &t);
    if (t.lowest == s->pt.levels) {
        printk("%s:  dfn %#lx is beyond the tables\n", u->name, dfn.n);
    }
    for (unsigned int level = s->pt.levels; level-- > t.lowest;) {
        const uint64_t e = t.entry[level];

        printk("%s:  L%u[%#lx] = %#lx %s%s%s\n", u->name, level + 1,
               dfn.n >> (9 * level) & 511, e, e & AMDVI_DTE_IR ? "r" : "-",
               e & AMDVI_DTE_IW ? "w" : "-",
               !(e & 1)                     ? " not present"
               : level && level == t.lowest ? " leaf"
                                            : "");
    }
}
