/* SPDX-License-Identifier: GPL-2.0 */
/* Port I/O of PV guests; private to xen/arch/x86/pv. */
#ifndef PV_IO_PORTS_H
#define PV_IO_PORTS_H

#include <xen/addr.h>
#include <xen/types.h>

struct domain;
struct vcpu;

/**
 * pv_iopl_ok() - Does the virtual I/O privilege level allow I/O in this mode?
 * @v: the current vCPU. Locks: none. Context: any. Return: true if it does.
 */
bool pv_iopl_ok(const struct vcpu *v);

/**
 * pv_io_allowed() - May the code now running use these ports?
 * @v: the current vCPU. @port: first. @bytes: 1, 2 or 4.
 *
 * By privilege level, else by the guest's I/O bitmap; whether the domain may
 * reach the device is another matter.
 * Locks: none. Context: trap from the guest. Return: true if it may.
 */
bool pv_io_allowed(struct vcpu *v, uint16_t port, unsigned int bytes);

/**
 * pv_port_read() / pv_port_write() - Port access on behalf of a domain.
 * @d: the domain. @port: first port. @bytes: 1, 2 or 4. @val: what to write.
 * Locks: takes the CMOS and PCI locks. Context: any but interrupt.
 * Return: what was read; all ones for ports the domain may not use.
 */
uint32_t pv_port_read(struct domain *d, uint16_t port, unsigned int bytes);
void pv_port_write(struct domain *d, uint16_t port, unsigned int bytes,
                   uint32_t val);

/**
 * pv_pci_conf_read() / pv_pci_conf_write() - Access through ports 0xcfc..0xcff,
 * to the function and register the domain selected at 0xcf8.
 * @d: the control domain. @port: 0xcfc..0xcff. @bytes: 1, 2 or 4.
 * @val: what to write; dropped for devices that are ours.
 * Locks: takes the PCI locks. Context: any but interrupt.
 * Return: what was read; all ones if nothing is selected.
 */
uint32_t pv_pci_conf_read(const struct domain *d, uint16_t port,
                          unsigned int bytes);
void pv_pci_conf_write(const struct domain *d, uint16_t port,
                       unsigned int bytes, uint32_t val);

/**
 * pv_mmcfg_write() - A guest's store into PCI's memory-mapped configuration
 * space, which it may only read directly.
 * @pa: machine address of the store, in mmio_ro_ranges.
 * @width: bytes, any. @val: what it stores.
 * Stores to functions that are ours are dropped.
 * Locks: PCI's. Context: trap from the control domain.
 * Return: false if @pa is not configuration space.
 */
bool pv_mmcfg_write(paddr_t pa, unsigned int width, uint32_t val);

#endif
