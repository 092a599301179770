/* SPDX-License-Identifier: GPL-2.0 */
/* Messages of PCI devices: MSI and MSI-X capabilities. Layer L6. */
#ifndef ASM_MSI_H
#define ASM_MSI_H

#include <xen/types.h>

struct intr_route;
struct irq_desc;
struct msi_entry;
struct pci_dev;

/**
 * msi_map() - Prepare one message of a device, masked where it can be.
 * @dev:        the device.
 * @entry_nr:   MSI-X table index; 0 for MSI.
 * @table_base: address of the BAR that holds the MSI-X table; 0 for MSI.
 * @desc:       its descriptor; unchanged on error.
 * Locks: the MSI lock. Context: hypercall. Trust: the numbers are a guest's.
 * Return: 0, -ENODEV no such capability, -EINVAL index or BAR is wrong, -EPERM
 * the BAR is not Dom0's to use, -ENXIO memory decoding is off, -EEXIST mapped
 * already (or the other kind is), -ENOMEM.
 */
int must_check msi_map(struct pci_dev *dev, unsigned int entry_nr,
                       uint64_t table_base, struct irq_desc **desc);

/**
 * msi_unmap() - Mask a message, free its remap entry and its descriptor.
 * @desc: from msi_map(), no guest bound. Locks: the MSI lock. Context:
 * hypercall.
 */
void msi_unmap(struct irq_desc *desc);

/**
 * msi_route() - Write destination and vector into the device.
 * @e: the message. @r: where to.
 * Locks: the descriptor's is held. Context: any but NMI.
 * Return: 0, or as intremap_msi().
 */
int must_check msi_route(struct msi_entry *e, const struct intr_route *r);

/**
 * msi_mask() - Mask or unmask a message that can be; no effect on others.
 * @e: the message. @masked: which.
 * Locks: the descriptor's is held. Context: any but NMI.
 */
void msi_mask(struct msi_entry *e, bool masked);

/**
 * msi_can_mask() - Can the device hold this message back while it is changed?
 * @e: the message. Locks: none. Context: any. Return: true for MSI-X and for
 * MSI with mask bits.
 */
bool msi_can_mask(const struct msi_entry *e);

/**
 * msi_device() - The device of a message.
 * @e: the message. Locks: none. Context: any.
 * Return: the device; valid while the message is mapped.
 */
struct pci_dev *msi_device(const struct msi_entry *e);

/**
 * msi_restore() - Write all messages of a device again: it was reset.
 * @dev: the device. Locks: the MSI lock, descriptors. Context: hypercall.
 * Return: 0, -ESRCH it has none, -ENXIO memory decoding is off.
 */
int must_check msi_restore(struct pci_dev *dev);

/**
 * msix_prepare() - Keep a device's MSI-X table read-only for every guest before
 * (and while) another guest owns the device.
 * @dev: the device. Locks: the MSI lock. Context: hypercall.
 * Return: 0, -ENODEV no MSI-X, -EBUSY messages in use, -EINVAL, -ENXIO, -EPERM,
 * -ENOMEM.
 */
int must_check msix_prepare(struct pci_dev *dev);

/**
 * msix_release() - Undo msix_prepare().
 * @dev: the device. Locks: the MSI lock. Context: hypercall.
 * Return: 0, -ENODEV no MSI-X, -EBUSY messages in use, -ENOENT not prepared.
 */
int must_check msix_release(struct pci_dev *dev);

/**
 * msi_device_gone() - Forget a device that is about to be removed.
 * @dev: the device. Locks: the MSI lock. Context: hypercall.
 * Return: 0, -EBUSY messages are mapped.
 */
int must_check msi_device_gone(struct pci_dev *dev);

/**
 * msi_setup() - Register the debug key that lists messages.
 * Locks: none. Context: boot, once.
 */
void msi_setup(void);

#endif
