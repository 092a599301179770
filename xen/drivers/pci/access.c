// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration space: mechanism 1 for the first 256 bytes of segment 0, ECAM
 * for the rest. Refuses nothing but what cannot be expressed.
 *
 * Lock: type1_lock makes the address and the data port one access.
 * Spec: PCI Local Bus 3.0, 3.2.2.3.2; PCI Express Base, 7.2.2 "ECAM".
 */
#include <xen/acpi.h>
#include <xen/atomic.h>
#include <xen/errno.h>
#include <xen/mmio.h>
#include <xen/pci.h>
#include <xen/portio.h>
#include <xen/printk.h>
#include <xen/spinlock.h>

#define TYPE1_ADDRESS 0xcf8
#define TYPE1_DATA    0xcfc
#define TYPE1_ENABLE  0x80000000u
#define TYPE1_LIMIT   256u

#define ECAM_BUS_BYTES (1u << 20)
#define ECAM_LIMIT     4096u

static spinlock_t type1_lock = SPINLOCK_INIT;

/* One handle a bus of segment 0, each set once: buses come one by one. */
static mmio_t ecam[256];

static bool ecam_handle(sbdf_t s, mmio_t *h)
{
    h->va = s.seg ? 0 : atomic_load(&ecam[s.bdf >> 8].va);
    return h->va != 0;
}

static bool valid(unsigned int reg, unsigned int width)
{
    return (width == 1 || width == 2 || width == 4) && reg < ECAM_LIMIT &&
           reg % width == 0;
}

/* Within a bus: function << 12, which is the low byte of bdf. */
static size_t ecam_offset(sbdf_t s, unsigned int reg)
{
    return (size_t)(s.bdf & 0xff) << 12 | reg;
}

static uint32_t ones(unsigned int width)
{
    return width >= 4 ? UINT32_MAX : (1u << width * 8) - 1;
}

static uint16_t type1_select(sbdf_t s, unsigned int reg)
{
    port_out32(TYPE1_ADDRESS,
               TYPE1_ENABLE | (uint32_t)s.bdf << 8 | (reg & 0xfc));
    return (uint16_t)(TYPE1_DATA + (reg & 3));
}

uint32_t pci_read(sbdf_t s, unsigned int reg, unsigned int width)
{
    unsigned long flags;
    uint32_t v = UINT32_MAX;
    uint16_t port;
    mmio_t h;

    if (!valid(reg, width)) {
        return ones(width);
    }
    if (!s.seg && reg < TYPE1_LIMIT) {
        flags = spin_lock_irqsave(&type1_lock);
        port = type1_select(s, reg);
        v = width == 1   ? port_in8(port)
            : width == 2 ? port_in16(port)
                         : port_in32(port);
        spin_unlock_irqrestore(&type1_lock, flags);
        return v;
    }
    if (!ecam_handle(s, &h)) {
        return ones(width);
    }
    return width == 1   ? mmio_read8(h, ecam_offset(s, reg))
           : width == 2 ? mmio_read16(h, ecam_offset(s, reg))
                        : mmio_read32(h, ecam_offset(s, reg));
}

void pci_write(sbdf_t s, unsigned int reg, unsigned int width, uint32_t v)
{
    unsigned long flags;
    uint16_t port;
    mmio_t h;

    if (!valid(reg, width)) {
        return;
    }
    if (!s.seg && reg < TYPE1_LIMIT) {
        flags = spin_lock_irqsave(&type1_lock);
        port = type1_select(s, reg);
        if (width == 1) {
            port_out8(port, (uint8_t)v);
        } else if (width == 2) {
            port_out16(port, (uint16_t)v);
        } else {
            port_out32(port, v);
        }
        spin_unlock_irqrestore(&type1_lock, flags);
        return;
    }
    if (!ecam_handle(s, &h)) {
        return;
    }
    if (width == 1) {
        mmio_write8(h, ecam_offset(s, reg), (uint8_t)v);
    } else if (width == 2) {
        mmio_write16(h, ecam_offset(s, reg), (uint16_t)v);
    } else {
        mmio_write32(h, ecam_offset(s, reg), v);
    }
}

int pci_ecam_map(unsigned int seg, unsigned int bus)
{
    const struct mcfg_info *info = acpi_mcfg();
    unsigned int i;
    mmio_t h;
    int rc;

    if (seg || bus > 255) {
        return -ENODEV;
    }
    if (atomic_load(&ecam[bus].va)) {
        return 0;
    }
    for (i = 0; info && i < info->nr; i++) {
        const struct mcfg_region *r = &info->region[i];

        if (r->seg || bus < r->first_bus || bus > r->last_bus) {
            continue;
        }
        rc =
            mmio_map(r->pa + (paddr_t)bus * ECAM_BUS_BYTES, ECAM_BUS_BYTES, &h);
        if (rc) {
            log_warn("pci: 0000:%02x: no mapping of its ECAM (%d)\n", bus, rc);
            return -ENOMEM;
        }
        atomic_store(&ecam[bus].va, h.va);
        return 0;
    }
    return -ENODEV;
}
