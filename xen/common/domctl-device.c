/* SPDX-License-Identifier: GPL-2.0 */
/*
 * domctl: who has a PCI device. One is Dom0's or in quarantine, where its DMA
 * reaches nothing; `xl pci-assignable-add` and `-remove` move it. Guests get no
 * devices. One lock makes a look at the owner and a move one step.
 */
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/iommu.h>
#include <xen/pci.h>
#include <xen/printk.h>
#include <xen/spinlock.h>

#include "ctl-priv.h"

static spinlock_t owner_lock = SPINLOCK_INIT;

static long quarantine(struct pci_dev *dev)
{
    int rc;

    if (dev->owner == DOMID_IO) {
        return 0;
    }
    if (dev->hidden || dev->owner != dom0->id) {
        return -EBUSY;
    }
    rc = iommu_detach(dev);
    if (rc == 0) {
        dev->owner = DOMID_IO;
        log_info(SBDF_FMT ": in quarantine\n", SBDF_ARG(dev->sbdf));
    }
    return rc;
}

static long give_back(struct pci_dev *dev)
{
    int rc;

    if (dev->owner != DOMID_IO) {
        return -ENODEV;
    }
    rc = iommu_attach(dev, dom0->iospace);
    if (rc == 0) {
        dev->owner = dom0->id;
        log_info(SBDF_FMT ": Dom0's again\n", SBDF_ARG(dev->sbdf));
    }
    return rc;
}

static long change_owner(const struct xen_domctl *op, struct pci_dev *dev)
{
    switch (op->cmd) {
    case XEN_DOMCTL_assign_device:
        return quarantine(dev);
    case XEN_DOMCTL_deassign_device:
        return give_back(dev);
    default: /* test_assign_device */
        return dev->hidden || (dev->owner != dom0->id && dev->owner != DOMID_IO)
                   ? -EINVAL
                   : 0;
    }
}

long domctl_device(const struct xen_domctl *op)
{
    const struct xen_domctl_assign_device *const a = &op->u.assign_device;
    struct pci_dev *dev;
    long rc;

    if (op->cmd != XEN_DOMCTL_assign_device &&
        op->cmd != XEN_DOMCTL_deassign_device &&
        op->cmd != XEN_DOMCTL_test_assign_device) {
        return -ENOSYS;
    }
    if (!iommu_enabled) {
        return -EOPNOTSUPP;
    }
    if (a->dev != XEN_DOMCTL_DEV_PCI ||
        a->flags & ~XEN_DOMCTL_DEV_RDM_RELAXED) {
        return -EINVAL;
    }
    if (op->domain != DOMID_IO && op->cmd != XEN_DOMCTL_test_assign_device) {
        log_guest(LOG_DEBUG, "domctl: devices are not given to guests\n");
        return -EOPNOTSUPP;
    }
    dev = pci_find((sbdf_t){ (uint16_t)(a->u.pci.machine_sbdf >> 16),
                             (uint16_t)a->u.pci.machine_sbdf });
    if (!dev) {
        return op->cmd == XEN_DOMCTL_test_assign_device ? -EINVAL : -ENODEV;
    }
    spin_lock(&owner_lock);
    rc = change_owner(op, dev);
    spin_unlock(&owner_lock);
    return rc;
}
