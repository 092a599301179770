/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What of the machine Dom0 may touch: everything but the interrupt controllers,
 * timers, IOMMUs and the serial port, which are ours. Written once at boot; the
 * IOMMU's identity ranges are derived from the same sets.
 */
#include <xen/acpi.h>
#include <xen/bits.h>
#include <xen/cmdline.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/init.h>
#include <xen/ns16550.h>
#include <xen/rangeset.h>

#include <asm/cpufeature.h>
#include <asm/dom0-caps.h>
#include <asm/mm-types.h>

/* Ports that are ours, and why. Spec: ISA; aliases are PC chipset lore. */
static const struct {
    uint16_t first;
    uint16_t last;
} own_ports[] = {
    { 0x20, 0x21 },   /* first 8259 */
    { 0xa0, 0xa1 },   /* second 8259 */
    { 0x40, 0x43 },   /* 8254 timer */
    { 0x4d0, 0x4d1 }, /* edge/level control */
};

static int set_ports(struct domain *d)
{
    struct rangeset *r = d->ioport_caps;
    uint16_t uart;
    unsigned int irq;
    int rc = rangeset_add(r, 0, 0xffff);

    for (unsigned int i = 0; i < array_size(own_ports) && !rc; i++) {
        rc = rangeset_remove(r, own_ports[i].first, own_ports[i].last);
    }
    if (!rc && ns16550_resources(&uart, &irq)) {
        rc = rangeset_remove(r, uart, uart + NS16550_PORTS - 1u);
    }
    return rc;
}

static int remove_bytes(struct rangeset *r, paddr_t pa, uint64_t size)
{
    return rangeset_remove(r, pa >> PAGE_SHIFT, (pa + size - 1) >> PAGE_SHIFT);
}

static int read_only(paddr_t pa, uint64_t size)
{
    return rangeset_add(mmio_ro_ranges, pa >> PAGE_SHIFT,
                        (pa + size - 1) >> PAGE_SHIFT);
}

/* Dom0 may read the HPET's page and not write it. */
static bool ro_hpet = true;
bool_param("ro-hpet", ro_hpet);

/* What firmware protects around the registers is theirs; the rest is shared. */
static int set_hpet(struct rangeset *r, const struct hpet_info *hpet)
{
    switch (hpet->protect) {
    case HPET_PROTECT_4K:
        return remove_bytes(r, hpet->pa, PAGE_SIZE);
    case HPET_PROTECT_64K:
        return remove_bytes(r, hpet->pa & ~UINT64_C(0xffff), 0x10000);
    default:
        return ro_hpet ? read_only(hpet->pa, PAGE_SIZE) : 0;
    }
}

#define HT_SIZE (UINT64_C(12) << 30)

/*
 * The addresses that AMD's processors use between themselves and never send to
 * memory. Spec: AMD48882 "Special Address Controls".
 */
static int remove_hypertransport(struct rangeset *r)
{
    const unsigned int base = boot_cpu.l1_eax >> 8 & 0xf;
    const unsigned int family =
        base + (base == 0xf ? boot_cpu.l1_eax >> 20 & 0xff : 0);
    const uint64_t end = BIT64(family < 0x17 ? 40 : boot_cpu.phys_bits);

    return boot_cpu.amd && end > HT_SIZE
               ? remove_bytes(r, end - HT_SIZE, HT_SIZE)
               : 0;
}

static int set_memory(struct domain *d)
{
    struct rangeset *r = d->iomem_caps;
    const struct madt_info *madt = acpi_madt();
    const struct mcfg_info *mcfg = acpi_mcfg();
    const struct hpet_info *hpet = acpi_hpet();
    const struct dmar_info *dmar;
    const struct ivrs_info *ivrs;
    int rc = rangeset_add(r, 0, (BIT64(boot_cpu.phys_bits) >> PAGE_SHIFT) - 1);

    if (!rc && madt) {
        rc = remove_bytes(r, madt->lapic_pa, PAGE_SIZE);
    }
    for (unsigned int i = 0; madt && i < madt->nr_ioapics && !rc; i++) {
        rc = read_only(madt->ioapic[i].pa, PAGE_SIZE);
    }
    for (unsigned int i = 0; mcfg && i < mcfg->nr && !rc; i++) {
        const struct mcfg_region *m = &mcfg->region[i];

        rc = read_only(m->pa + ((uint64_t)m->first_bus << 20),
                       (uint64_t)(m->last_bus - m->first_bus + 1) << 20);
    }
    if (!rc && hpet) {
        rc = set_hpet(r, hpet);
    }
    if (!rc) {
        rc = remove_hypertransport(r);
    }
    if (!rc && acpi_dmar(&dmar) == 0) {
        for (unsigned int i = 0; i < dmar->nr_units && !rc; i++) {
            rc = remove_bytes(r, dmar->unit[i].pa,
                              max_of(dmar->unit[i].size, PAGE_SIZE));
        }
    }
    if (!rc && acpi_ivrs(&ivrs) == 0) {
        for (unsigned int i = 0; i < ivrs->nr_units && !rc; i++) {
            rc = remove_bytes(r, ivrs->unit[i].pa, ivrs->unit[i].size);
        }
    }
    return rc;
}

int boot_fn dom0_set_caps(struct domain *d)
{
    int rc = set_ports(d);

    if (!rc) {
        rc = set_memory(d);
    }
    /* pirqs: each one that exists; map_pirq decides about vectors. */
    return rc ? rc : rangeset_add(d->irq_caps, 0, 1023);
}
