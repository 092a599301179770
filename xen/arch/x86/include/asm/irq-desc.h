/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One device interrupt as the hypervisor sees it: a pin or a message, where it
 * is routed, who uses it. Shared by irq.c, pirq.c and msi.c. Layer L6.
 */
#ifndef ASM_IRQ_DESC_H
#define ASM_IRQ_DESC_H

#include <xen/irq.h>
#include <xen/spinlock.h>
#include <xen/timer.h>

#define IRQ_MAX_GUESTS 8 /* ours: domains that share one line */

enum irq_kind { IRQ_FREE, IRQ_GSI, IRQ_MSI, IRQ_HOST };

struct irq_guest {
    struct domain *domain;
    uint16_t domid; /* its number, for the dump */
    uint32_t pirq;
    uint32_t port;   /* event channel */
    bool share;      /* tolerates others */
    bool in_service; /* level: told, and has not said EOI */
};

/* All but the first three members are guarded by the lock. Never freed. */
struct irq_desc {
    spinlock_t lock;
    unsigned int nr; /* GSI, or number of an MSI for the dump */
    struct msi_entry *msi;
    enum irq_kind kind;
    const char *name;
    bool level;
    bool active_low;
    bool configured;     /* trigger and polarity were set by Dom0 */
    bool masked;         /* as told to the hardware */
    unsigned int vector; /* 0: not routed */
    unsigned int cpu;
    /* Before the last move: still accepted, an interrupt may be on its way. */
    unsigned int old_vector; /* 0: none */
    unsigned int old_cpu;
    unsigned int want_cpu; /* move here at the next interrupt */
    uint64_t moved_ns;
    void (*fn)(void *arg); /* IRQ_HOST */
    void *arg;
    unsigned int nr_guests;
    unsigned int nr_in_service;
    struct irq_guest guest[IRQ_MAX_GUESTS];
    struct timer eoi_timer; /* level shared by several guests */
    uint64_t count;
    uint64_t nr_timeouts;
};

/**
 * irq_desc_gsi() - The descriptor of a pin. @gsi: any value.
 * Locks: none. Context: after irq_setup(). Return: it, or NULL without a pin.
 */
struct irq_desc *irq_desc_gsi(unsigned int gsi);

/**
 * irq_desc_configure() - PHYSDEVOP_setup_gsi: trigger and polarity of a pin.
 * @gsi: any value. @level, @active_low: as the firmware's AML says.
 * Locks: the descriptor's. Context: hypercall.
 * Return: 0, -EINVAL no such pin, -EEXIST it was configured before, -EBUSY it
 * is in use with other settings.
 */
int must_check irq_desc_configure(unsigned int gsi, bool level,
                                  bool active_low);

/**
 * irq_desc_msi_alloc() - A descriptor for a message.
 * @entry: the message.
 * Locks: the free list's. Context: hypercall.
 * Return: an unrouted descriptor without guests, or NULL when out of memory.
 */
struct irq_desc *irq_desc_msi_alloc(struct msi_entry *entry);

/**
 * irq_desc_msi_free() - A message is gone. Descriptors are recycled, never given
 * back, so that a late interrupt finds a descriptor.
 * @d: from irq_desc_msi_alloc(), unrouted, no guest.
 * Locks: the free list's, @d's. Context: hypercall.
 */
void irq_desc_msi_free(struct irq_desc *d);

/**
 * irq_desc_add_guest() - Tell a domain's port about an interrupt from now on;
 * the first user gets it routed and unmasked.
 * @d: descriptor. @g: who. @cpu: where to route it, online.
 * Locks: takes @d's. Context: hypercall.
 * Return: 0, -EBUSY used by others, -ENOSPC no vector or no room for another
 * guest, or as intremap_ioapic().
 */
int must_check irq_desc_add_guest(struct irq_desc *d, const struct irq_guest *g,
                                  unsigned int cpu);

/**
 * irq_desc_del_guest() - The reverse; the last one leaves it masked, unrouted.
 * @d: descriptor. @dom, @pirq: who; no effect if it is not there.
 * Locks: takes @d's. Context: hypercall.
 */
void irq_desc_del_guest(struct irq_desc *d, const struct domain *dom,
                        unsigned int pirq);

/**
 * irq_desc_guest_eoi() - A guest is done with a level interrupt; the last of
 * those it was delivered to lets the pin go on.
 * @d: descriptor. @dom, @pirq: who; no effect if it owes none.
 * Locks: takes @d's, irq-safe. Context: any but NMI.
 */
void irq_desc_guest_eoi(struct irq_desc *d, const struct domain *dom,
                        unsigned int pirq);

/**
 * irq_desc_set_affinity() - Route an interrupt with a single user to a CPU, from
 * its next occurrence on.
 * @d: descriptor; no effect if several share it. @cpu: online.
 * Locks: takes @d's, irq-safe. Context: any but NMI.
 */
void irq_desc_set_affinity(struct irq_desc *d, unsigned int cpu);

/**
 * irq_desc_reprogram() - Write the routing to the device again (after a reset).
 * @d: descriptor of a message. Locks: takes @d's. Context: hypercall.
 * Return: 0, or as intremap_msi().
 */
int must_check irq_desc_reprogram(struct irq_desc *d);

#endif
