/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IO-APICs. Owns their registers; ioapic_lock guards the index and data
 * windows and the cached entries. An entry is always composed whole and handed
 * to interrupt remapping, which may replace it.
 * Spec: 82093AA 3.0 "Register Description"; ICH9 "EOI register".
 */
#include <xen/acpi.h>
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/iommu.h>
#include <xen/mmio.h>
#include <xen/printk.h>
#include <xen/rangeset.h>
#include <xen/spinlock.h>

#include <asm/ioapic.h>
#include <asm/mm-types.h>

#define IOAPIC_INDEX 0x00u
#define IOAPIC_DATA  0x10u
#define IOAPIC_EOI   0x40u
#define IOAPIC_BYTES 0x44u

#define REG_ID      0x00u
#define REG_VERSION 0x01u
#define REG_ARB     0x02u
#define REG_RTE(p)  (0x10u + 2 * (p))

#define VERSION_MASK    FIELD32(7, 0)
#define VERSION_MAX_PIN FIELD32(23, 16)
#define VERSION_EOI     0x20u /* first with an EOI register */

#define RTE_VECTOR     FIELD64(7, 0)
#define RTE_STATUS     BIT64(12)
#define RTE_ACTIVE_LOW BIT64(13)
#define RTE_REMOTE_IRR BIT64(14)
#define RTE_LEVEL      BIT64(15)
#define RTE_MASK       BIT64(16)
#define RTE_DEST       FIELD64(63, 56)

struct ioapic {
    mmio_t regs;
    paddr_t pa;
    uint32_t gsi_base;
    uint32_t version; /* whole register */
    unsigned int nr_pins;
    uint8_t id; /* as the MADT says: remapping finds its unit by that */
};

struct pin {
    const struct ioapic *ioapic; /* NULL: no such GSI */
    uint64_t rte;                /* last value written */
    ire_t ire;
};

unsigned int nr_gsis;

static spinlock_t ioapic_lock = SPINLOCK_INIT;
static struct ioapic ioapics[ACPI_MAX_IOAPICS];
static unsigned int nr_ioapics;
static struct pin pins[MAX_GSIS];

static uint32_t reg_read(const struct ioapic *io, unsigned int reg)
{
    mmio_write32(io->regs, IOAPIC_INDEX, reg);
    return mmio_read32(io->regs, IOAPIC_DATA);
}

static void reg_write(const struct ioapic *io, unsigned int reg, uint32_t v)
{
    mmio_write32(io->regs, IOAPIC_INDEX, reg);
    mmio_write32(io->regs, IOAPIC_DATA, v);
}

bool gsi_valid(unsigned int gsi)
{
    return gsi < MAX_GSIS && pins[gsi].ioapic;
}

static unsigned int pin_of(unsigned int gsi)
{
    return gsi - pins[gsi].ioapic->gsi_base;
}

/*
 * The low word holds the mask. A pin that is to be unmasked gets its high word
 * first, one that is masked its low word first, so that no half-written entry
 * is ever unmasked - unless both are, where only the high word may differ.
 */
static void pin_write(unsigned int gsi, uint64_t rte)
{
    struct pin *p = &pins[gsi];
    const unsigned int reg = REG_RTE(pin_of(gsi));

    if (rte & RTE_MASK) {
        reg_write(p->ioapic, reg, (uint32_t)rte);
        reg_write(p->ioapic, reg + 1, (uint32_t)(rte >> 32));
    } else {
        if ((rte ^ p->rte) >> 32) {
            reg_write(p->ioapic, reg + 1, (uint32_t)(rte >> 32));
        }
        if ((uint32_t)(rte ^ p->rte)) {
            reg_write(p->ioapic, reg, (uint32_t)rte);
        }
    }
    p->rte = rte;
}

int ioapic_route(unsigned int gsi, const struct intr_route *r)
{
    const unsigned long flags = spin_lock_irqsave(&ioapic_lock);
    struct pin *p = &pins[gsi];
    uint64_t rte = (p->rte & RTE_MASK) | r->vector |
                   FIELD_PREP(RTE_DEST, (uint64_t)(r->dest & 0xff)) |
                   (r->level ? RTE_LEVEL : 0) |
                   (r->active_low ? RTE_ACTIVE_LOW : 0);
    const int rc =
        intremap_ioapic(p->ioapic->id, pin_of(gsi), &p->ire, r, &rte);

    if (!rc && rte != p->rte) {
        pin_write(gsi, rte);
    }
    spin_unlock_irqrestore(&ioapic_lock, flags);
    return rc;
}

void ioapic_mask(unsigned int gsi, bool masked)
{
    const unsigned long flags = spin_lock_irqsave(&ioapic_lock);
    struct pin *p = &pins[gsi];
    const uint64_t rte = masked ? p->rte | RTE_MASK : p->rte & ~RTE_MASK;

    if (rte != p->rte) {
        reg_write(p->ioapic, REG_RTE(pin_of(gsi)), (uint32_t)rte);
        p->rte = rte;
        if (masked) {
            /* A read back makes sure that it has arrived. */
            (void)mmio_read32(p->ioapic->regs, IOAPIC_DATA);
        }
    }
    spin_unlock_irqrestore(&ioapic_lock, flags);
}

void ioapic_eoi(unsigned int gsi)
{
    const struct pin *p = &pins[gsi];
    unsigned long flags;

    if ((p->ioapic->version & VERSION_MASK) < VERSION_EOI) {
        return;
    }
    /* What the entry's vector field holds counts, remapped or not. */
    flags = spin_lock_irqsave(&ioapic_lock);
    mmio_write32(p->ioapic->regs, IOAPIC_EOI, (uint32_t)(p->rte & RTE_VECTOR));
    spin_unlock_irqrestore(&ioapic_lock, flags);
}

uint64_t ioapic_rte(unsigned int gsi)
{
    const unsigned long flags = spin_lock_irqsave(&ioapic_lock);
    const struct ioapic *io = pins[gsi].ioapic;
    const unsigned int reg = REG_RTE(pin_of(gsi));
    const uint64_t rte = reg_read(io, reg) | (uint64_t)reg_read(io, reg + 1)
                                                 << 32;

    spin_unlock_irqrestore(&ioapic_lock, flags);
    return rte;
}

int ioapic_guest_read(uint64_t pa, uint32_t reg, uint32_t *v)
{
    unsigned long flags;

    for (unsigned int i = 0; i < nr_ioapics; i++) {
        const struct ioapic *io = &ioapics[i];

        if (io->pa != pa) {
            continue;
        }
        if (reg > REG_ARB &&
            (reg < REG_RTE(0) || reg >= REG_RTE(io->nr_pins))) {
            return -EINVAL;
        }
        flags = spin_lock_irqsave(&ioapic_lock);
        *v = reg_read(io, reg);
        spin_unlock_irqrestore(&ioapic_lock, flags);
        return 0;
    }
    return -ENODEV;
}

void ioapic_reserve(void)
{
    for (unsigned int i = 0; i < nr_ioapics; i++) {
        const uint64_t frame = ioapics[i].pa >> PAGE_SHIFT;

        if (rangeset_add(mmio_ro_ranges, frame, frame)) {
            log_err("ioapic%u: frame %#llx could not be protected\n", i,
                    (unsigned long long)frame);
        }
    }
}

static void setup_one(const struct madt_ioapic *m)
{
    struct ioapic *io = &ioapics[nr_ioapics];

    if (mmio_map(m->pa, IOAPIC_BYTES, &io->regs)) {
        log_err("ioapic at %#llx: no room to map it\n",
                (unsigned long long)m->pa);
        return;
    }
    io->pa = m->pa;
    io->id = m->id;
    io->gsi_base = m->gsi_base;
    io->version = reg_read(io, REG_VERSION);
    if (io->version == UINT32_MAX) {
        log_err("ioapic at %#llx: does not answer\n",
                (unsigned long long)m->pa);
        return;
    }
    io->nr_pins = FIELD_GET(VERSION_MAX_PIN, io->version) + 1;
    nr_ioapics++;

    for (unsigned int i = 0; i < io->nr_pins; i++) {
        const uint64_t gsi = (uint64_t)m->gsi_base + i;

        /* Masked, whether we can use it or not. */
        reg_write(io, REG_RTE(i), (uint32_t)RTE_MASK);
        reg_write(io, REG_RTE(i) + 1, 0);
        if (gsi >= MAX_GSIS || pins[gsi].ioapic) {
            log_warn("ioapic%u: pin %u (GSI %llu) is not usable\n",
                     nr_ioapics - 1, i, (unsigned long long)gsi);
            continue;
        }
        pins[gsi].ioapic = io;
        pins[gsi].rte = RTE_MASK;
        nr_gsis = max_of(nr_gsis, (unsigned int)gsi + 1);
    }
    log_info("ioapic%u: id %u at %#llx, version %#x, GSI %u..%u\n",
             nr_ioapics - 1, io->id, (unsigned long long)io->pa,
             io->version & 0xff, io->gsi_base, io->gsi_base + io->nr_pins - 1);
}

void ioapic_setup(void)
{
    const struct madt_info *madt = acpi_madt();

    if (!madt || !madt->nr_ioapics) {
        log_warn("ioapic: none described by firmware\n");
        return;
    }
    for (unsigned int i = 0; i < madt->nr_ioapics; i++) {
        setup_one(&madt->ioapic[i]);
    }
}
