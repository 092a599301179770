/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupts of devices. A pirq is a domain's number for one: GSIs map 1:1,
 * MSIs are numbered from the top. Binding a pirq to an event channel makes the
 * hypervisor route and unmask it.
 */
#ifndef XEN_IRQ_H
#define XEN_IRQ_H

#include <xen/host-irq.h>
#include <xen/pci.h>

struct cpu_user_regs;
struct domain;
struct vcpu;

/**
 * irq_dispatch() - Handle an interrupt vector; called by entry code.
 * @vector: 0x20..0xff. Locks: none held. Context: interrupts off.
 */
void irq_dispatch(unsigned int vector);

/**
 * pirq_init() - Make a domain's pirq table.
 * @d: without one. Locks: the heap's. Context: boot or domctl.
 * Return: 0, -ENOMEM.
 */
int must_check pirq_init(struct domain *d);

/**
 * pirq_destroy() - Unbind and unmap everything, map no more, wait until no CPU
 * signals the domain any more.
 * @d: the domain; no effect without a table, or when called again.
 * Locks: takes the table's, MSI lock, call lock; none may be held. Context: boot
 * or hypercall, interrupts on; before the domain's event channels go and before
 * its last page reference.
 */
void pirq_destroy(struct domain *d);

/**
 * pirq_free() - Free the table, after pirq_destroy().
 * @d: its last reference is gone. Locks: heap. Context: not interrupt.
 */
void pirq_free(struct domain *d);

/**
 * pirq_bind() - Route a domain's pirq to an event-channel port.
 * @v:     vCPU to notify first. @pirq: guest's number, any value.
 * @port:  event channel port, kept until pirq_unbind().
 * @share: the guest tolerates sharing of the line with other domains.
 * Locks: takes the irq locks. Context: hypercall.
 * Return: 0, -EINVAL not mapped, -EBUSY bound or not sharable, -ENOSPC vectors.
 */
int must_check pirq_bind(struct vcpu *v, unsigned int pirq, unsigned int port,
                         bool share);

/**
 * pirq_unbind() - The port is closed: stop the interrupt.
 * @d: the domain. @pirq: any value; not bound: no effect.
 * Locks: the irq locks. Context: hypercall.
 */
void pirq_unbind(struct domain *d, unsigned int pirq);

/**
 * pirq_eoi() - The guest handled the interrupt (PHYSDEVOP_eoi).
 * @d: the domain. @pirq: any value.
 * Locks: the irq locks. Context: any but NMI. Return: 0, -EINVAL not mapped.
 */
int must_check pirq_eoi(struct domain *d, unsigned int pirq);

/**
 * pirq_set_affinity() - The port is another vCPU's now, or that vCPU has moved:
 * take the interrupt to its CPU, when the next one arrives.
 * @d: the domain. @pirq: any value. @cpu: CPU; offline ones are ignored.
 * Locks: the irq locks. Context: any but NMI.
 */
void pirq_set_affinity(struct domain *d, unsigned int pirq, unsigned int cpu);

/**
 * irq_setup_early() - PIC off, LAPIC of the boot CPU on.
 * Locks: none. Context: boot, once; the MADT is known.
 */
void irq_setup_early(void);

/**
 * irq_setup() - IO-APICs from the MADT, every pin masked; message descriptors.
 * Locks: none. Context: boot, once; before iommu_setup(), which wants all pins
 * masked.
 */
void irq_setup(void);

#endif
