/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Port I/O of PV guests: who may, and what happens at the ports that several
 * parties share. cmos_lock keeps index and data accesses together.
 */
#include "io-ports.h"

#include <xen/acpi.h>
#include <xen/bits.h>
#include <xen/domain.h>
#include <xen/guest-access.h>
#include <xen/pci.h>
#include <xen/rangeset.h>
#include <xen/spinlock.h>

#include <asm/io.h>
#include <asm/pv.h>

#define PORT_PIC1       0x20
#define PORT_PIC2       0xa0
#define PORT_PIT        0x40 /* to 0x43 */
#define PORT_NMI_SC     0x61 /* NMI status and control, PIT channel 2 gate */
#define NMI_SC_OUT2     0x20 /* output of PIT channel 2 */
#define PORT_CMOS_IDX   0x70
#define PORT_CMOS_DATA  0x71
#define CMOS_IDX_MASK   0x7f /* bit 7 would mask NMIs */
#define PORT_PCI_ADDR   0xcf8
#define PORT_PCI_DATA   0xcfc /* to 0xcff */
#define PCI_ADDR_ENABLE BIT32(31)

static spinlock_t cmos_lock = SPINLOCK_INIT;

static uint32_t all_ones(unsigned int bytes)
{
    return bytes == 4 ? UINT32_MAX : BIT32(bytes * 8) - 1;
}

bool pv_iopl_ok(const struct vcpu *v)
{
    unsigned int ring = 3;

    /* Guest kernels run in ring 1 as seen from here, or 0 by their choice. */
    if (v->pv.kernel_mode) {
        ring =
            v->domain->vm_assist >> VMASST_TYPE_architectural_iopl & 1 ? 0 : 1;
    }
    return v->pv.iopl >= ring;
}

bool pv_io_allowed(struct vcpu *v, uint16_t port, unsigned int bytes)
{
    const uint32_t last = port + bytes - 1;
    const bool user = !v->pv.kernel_mode;
    uint8_t map[2] = { 0xff, 0xff };
    bool allowed = false;
    unsigned int bits;

    if (last > UINT16_MAX) {
        return false;
    }
    if (pv_iopl_ok(v)) {
        return true;
    }
    if (!v->pv.iobmp_gva || last >= v->pv.iobmp_limit) {
        return false;
    }
    /* The bitmap is the guest kernel's memory, not mapped in user mode. */
    if (user && !pv_toggle_mode()) {
        return false;
    }
    if (guest_read(map, v->pv.iobmp_gva + port / 8, last / 8 - port / 8 + 1) ==
        0) {
        bits = (map[0] | (unsigned int)map[1] << 8) >> (port % 8);
        allowed = (bits & ((1u << bytes) - 1)) == 0;
    }
    if (user && !pv_toggle_mode()) {
        dom_crash(v->domain, "d%u: user tables vanished\n", v->domain->id);
        return false;
    }
    return allowed;
}

static bool conf_address(const struct domain *d, uint16_t port,
                         unsigned int bytes, sbdf_t *s, unsigned int *reg)
{
    const uint32_t addr = d->pv.cf8;

    if (!(addr & PCI_ADDR_ENABLE) || (port & 3) + bytes > 4 ||
        (port & (bytes - 1))) {
        return false;
    }
    *s = (sbdf_t){ .seg = 0, .bdf = (uint16_t)(addr >> 8) };
    *reg = (addr & 0xfc) | (port & 3);
    return true;
}

uint32_t pv_pci_conf_read(const struct domain *d, uint16_t port,
                          unsigned int bytes)
{
    unsigned int reg;
    sbdf_t s;

    if (!conf_address(d, port, bytes, &s, &reg)) {
        return all_ones(bytes);
    }
    return pci_read(s, reg, bytes) & all_ones(bytes);
}

void pv_pci_conf_write(const struct domain *d, uint16_t port,
                       unsigned int bytes, uint32_t val)
{
    const struct pci_dev *dev;
    unsigned int reg;
    sbdf_t s;

    if (!conf_address(d, port, bytes, &s, &reg)) {
        return;
    }
    /*
     * MSI and MSI-X capabilities are not special here: the guest sets only the
     * enable bit there, as it gets its vectors by PHYSDEVOP_map_pirq.
     */
    dev = pci_find(s);
    if (dev && dev->hidden) {
        return;
    }
    pci_write(s, reg, bytes, val);
}

static uint32_t real_read(uint16_t port, unsigned int bytes)
{
    switch (bytes) {
    case 1:
        return inb(port);
    case 2:
        return inw(port);
    default:
        return inl(port);
    }
}

static void real_write(uint16_t port, unsigned int bytes, uint32_t val)
{
    switch (bytes) {
    case 1:
        outb((uint8_t)val, port);
        break;
    case 2:
        outw((uint16_t)val, port);
        break;
    default:
        outl(val, port);
        break;
    }
}

static bool touches(uint16_t port, unsigned int bytes, uint16_t first,
                    unsigned int nr)
{
    return port < first + nr && first < port + bytes;
}

/* Interrupt controllers and timer are ours; the guest has events instead. */
static bool is_ours(uint16_t port, unsigned int bytes)
{
    return touches(port, bytes, PORT_PIC1, 2) ||
           touches(port, bytes, PORT_PIC2, 2) ||
           touches(port, bytes, PORT_PIT, 4) ||
           touches(port, bytes, PORT_NMI_SC, 1);
}

static bool has_port(struct domain *d, uint16_t port, unsigned int bytes)
{
    return rangeset_contains(d->ioport_caps, port, (uint64_t)port + bytes - 1);
}

static bool is_cmos(uint16_t port, unsigned int bytes)
{
    return touches(port, bytes, PORT_CMOS_IDX, 2);
}

static uint32_t cmos_read(const struct domain *d, uint16_t port,
                          unsigned int bytes)
{
    unsigned long flags;
    uint8_t val;

    if (bytes != 1) {
        return all_ones(bytes);
    }
    if (port == PORT_CMOS_IDX) {
        return d->pv.cmos_index;
    }
    flags = spin_lock_irqsave(&cmos_lock);
    outb((uint8_t)d->pv.cmos_index, PORT_CMOS_IDX);
    val = inb(PORT_CMOS_DATA);
    spin_unlock_irqrestore(&cmos_lock, flags);
    return val;
}

static void cmos_write(struct domain *d, uint16_t port, unsigned int bytes,
                       uint32_t val)
{
    unsigned long flags;

    if (bytes > 2 || (bytes == 2 && port != PORT_CMOS_IDX)) {
        return;
    }
    if (port == PORT_CMOS_IDX) {
        d->pv.cmos_index = val & CMOS_IDX_MASK;
        if (bytes == 1) {
            return;
        }
        val >>= 8; /* index and data in one word */
    }
    flags = spin_lock_irqsave(&cmos_lock);
    outb((uint8_t)d->pv.cmos_index, PORT_CMOS_IDX);
    outb((uint8_t)val, PORT_CMOS_DATA);
    spin_unlock_irqrestore(&cmos_lock, flags);
}

static bool is_pci_data(uint16_t port, unsigned int bytes)
{
    return touches(port, bytes, PORT_PCI_DATA, 4);
}

uint32_t pv_port_read(struct domain *d, uint16_t port, unsigned int bytes)
{
    if (is_control_domain(d)) {
        if (port == PORT_NMI_SC && bytes == 1) {
            /* "Timer expired, no NMI": ends calibration loops at once. */
            return NMI_SC_OUT2;
        }
        if (is_ours(port, bytes)) {
            return all_ones(bytes);
        }
        if (is_cmos(port, bytes)) {
            return cmos_read(d, port, bytes);
        }
        if (port == PORT_PCI_ADDR && bytes == 4) {
            return d->pv.cf8;
        }
        if (is_pci_data(port, bytes)) {
            return pv_pci_conf_read(d, port, bytes);
        }
    }
    return has_port(d, port, bytes) ? real_read(port, bytes) : all_ones(bytes);
}

void pv_port_write(struct domain *d, uint16_t port, unsigned int bytes,
                   uint32_t val)
{
    if (is_control_domain(d)) {
        if (is_ours(port, bytes)) {
            return;
        }
        if (is_cmos(port, bytes)) {
            cmos_write(d, port, bytes, val);
            return;
        }
        if (port == PORT_PCI_ADDR && bytes == 4) {
            d->pv.cf8 = val;
            return;
        }
        if (is_pci_data(port, bytes)) {
            pv_pci_conf_write(d, port, bytes, val);
            return;
        }
    }
    if (has_port(d, port, bytes)) {
        real_write(port, bytes, val);
    }
}

bool pv_mmcfg_write(paddr_t pa, unsigned int width, uint32_t val)
{
    const struct mcfg_info *mcfg = acpi_mcfg();

    for (unsigned int i = 0; mcfg && i < mcfg->nr; i++) {
        const struct mcfg_region *m = &mcfg->region[i];
        const uint64_t at = pa - m->pa;
        const uint64_t bus = at >> 20;
        const struct pci_dev *dev;
        sbdf_t s;

        if (pa < m->pa || bus < m->first_bus || bus > m->last_bus) {
            continue;
        }
        if (width > 4 || !is_aligned(pa, width)) {
            return true; /* no such access: dropped, as the bus would */
        }
        s = (sbdf_t){ m->seg, (uint16_t)(at >> 12) };
        dev = pci_find(s);
        if (!dev || !dev->hidden) {
            pci_write(s, at & 0xfff, width, val);
        }
        return true;
    }
    return false;
}
