/* SPDX-License-Identifier: GPL-2.0 */
/* A domain's numbers for device interrupts: making and removing them. L6. */
#ifndef ASM_PIRQ_H
#define ASM_PIRQ_H

#include <xen/types.h>

struct domain;
struct pci_dev;

/**
 * pirq_map_gsi() - Give a domain a pin under a number.
 * @d: the domain. @gsi: any value. @pirq: in: number wanted, or negative for
 * the GSI's own; out: number given.
 * Locks: the table's. Context: hypercall. An identical mapping is no change.
 * Return: 0, -EINVAL no such pin or number, -EEXIST number or pin is taken.
 */
int must_check pirq_map_gsi(struct domain *d, unsigned int gsi, int *pirq);

/**
 * pirq_map_msi() - Give a domain a message of a device under a number.
 * @d: the domain. @dev, @entry_nr, @table_base: as msi_map(). @pirq: as
 * pirq_map_gsi(), negative: any, from the top downwards.
 * Locks: MSI lock, then the table's. Context: hypercall.
 * Return: 0, -EINVAL number, -EEXIST number is taken, -ENOSPC all are, or as
 * msi_map().
 */
int must_check pirq_map_msi(struct domain *d, struct pci_dev *dev,
                            unsigned int entry_nr, uint64_t table_base,
                            int *pirq);

/**
 * pirq_unmap() - Take a number away. If it is bound, the interrupt stops and
 * the number stays in use until the event channel is closed.
 * @d: the domain. @pirq: any value. Locks: as pirq_map_msi().
 * Context: hypercall. Return: 0, -EINVAL not mapped.
 */
int must_check pirq_unmap(struct domain *d, int pirq);

/**
 * pirq_reserve() - PHYSDEVOP_get_free_pirq: set a number aside for a later map.
 * @d: the domain. @pirq: the number. Locks: the table's. Context: hypercall.
 * Return: 0, -ENOSPC.
 */
int must_check pirq_reserve(struct domain *d, uint32_t *pirq);

/**
 * pirq_status() - Flags XENIRQSTAT_* of a number.
 * @d: the domain. @pirq: any value. @flags: result; unchanged on error.
 * Locks: the table's. Context: hypercall. Return: 0, -EINVAL out of range.
 */
int must_check pirq_status(struct domain *d, unsigned int pirq,
                           uint32_t *flags);

/**
 * pirq_set_eoi_map() - Adopt a page in which a bit tells that a pirq needs EOI.
 * @d: the domain. @frame: its frame, untrusted.
 * Locks: page references, the table's. Context: hypercall.
 * Return: 0, -EBUSY it has one, -EINVAL not a writable page of its own.
 */
int must_check pirq_set_eoi_map(struct domain *d, uint64_t frame);

#endif
