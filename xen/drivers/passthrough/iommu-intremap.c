/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The neutral part of interrupt remapping: what a source must be programmed
 * with when nothing remaps, and which unit to ask when one does. Owns nothing.
 * Spec: SDM vol 3A "Message Signalled Interrupts", IO-APIC datasheet 3.2.4.
 */
#include <xen/bits.h>

#include "iommu-priv.h"

#define MSI_ADDRESS UINT64_C(0xfee00000)
#define MSI_DEST    FIELD64(19, 12)
#define RTE_VECTOR  FIELD64(7, 0)
#define RTE_LOW     BIT64(13)
#define RTE_LEVEL   BIT64(15)
#define RTE_MASK    BIT64(16)
#define RTE_DEST    FIELD64(63, 56)

/* Source ids of MSIs; devices are known to iommu_attach() at the latest. */
static int source_and_unit(const struct pci_dev *dev, struct iommu_source *src,
                           unsigned int *unit)
{
    const struct iommu_dev *const id = dev->iommu;

    if (id) {
        *src = id->src;
        *unit = id->unit;
        return 0;
    }
    iommu_source_of(dev, src);
    return iommu_ops->unit_of(dev->sbdf, unit);
}

/* What a source sends when nothing remaps. */
static int plain_message(const struct intr_route *r, ire_t *ire,
                         struct msi_msg *msg)
{
    if (r->dest > 0xff) {
        return -ERANGE;
    }
    ire->valid = false;
    msg->address = MSI_ADDRESS | FIELD_PREP(MSI_DEST, (uint64_t)r->dest);
    msg->data = r->vector;
    return 0;
}

int intremap_msi(const struct pci_dev *dev, ire_t *ire,
                 const struct intr_route *r, struct msi_msg *msg)
{
    struct iommu_source src;
    unsigned int unit;
    int rc;

    if (!iommu_intremap_enabled) {
        return plain_message(r, ire, msg);
    }
    rc = source_and_unit(dev, &src, &unit);
    if (rc) {
        return rc;
    }
    return iommu_ops->ire_msi(unit, &src, ire, r, msg);
}

int intremap_hpet(unsigned int number, ire_t *ire, const struct intr_route *r,
                  struct msi_msg *msg)
{
    if (!iommu_intremap_enabled) {
        return plain_message(r, ire, msg);
    }
    return iommu_ops->ire_hpet(number, ire, r, msg);
}

int intremap_ioapic(unsigned int ioapic_id, unsigned int pin, ire_t *ire,
                    const struct intr_route *r, uint64_t *rte)
{
    if (!iommu_intremap_enabled) {
        if (r->dest > 0xff) {
            return -ERANGE;
        }
        ire->valid = false;
        *rte = (*rte & RTE_MASK) | FIELD_PREP(RTE_DEST, (uint64_t)r->dest) |
               FIELD_PREP(RTE_VECTOR, (uint64_t)r->vector) |
               (r->level ? RTE_LEVEL : 0) | (r->active_low ? RTE_LOW : 0);
        return 0;
    }
    return iommu_ops->ire_ioapic(ioapic_id, pin, ire, r, rte);
}

void intremap_free(ire_t *ire)
{
    if (ire->valid) {
        iommu_ops->ire_free(ire);
        ire->valid = false;
    }
}
