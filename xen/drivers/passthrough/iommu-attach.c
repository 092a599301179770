/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which device uses which space. attach_lock guards all of it. A device is in
 * one of three states: blocked, attached to a space, or passed through; it goes
 * from one to the next in one step per requester id, never through "open".
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/printk.h>
#include <xen/xmalloc.h>

#include "iommu-priv.h"

static struct iospace *quarantine; /* attach_lock; for all that need no own */

void iommu_source_of(const struct pci_dev *dev, struct iommu_source *src)
{
    const struct pci_dev *top = NULL;
    const struct pci_dev *p = dev;

    /* Bus numbers are the device's: bound the climb. */
    for (unsigned int hops = 0; hops < 256; hops++) {
        p = pci_parent(p->sbdf);
        if (!p) {
            break;
        }
        if (p->kind == PCI_PCIE_TO_PCI) {
            top = p;
        }
    }

    *src = (struct iommu_source){ .sid = { dev->sbdf }, .nr_sids = 1 };
    if (top) {
        /*
         * Requests from behind such a bridge carry its secondary bus with
         * device 0, or its own id. PCI Express to PCI Bridge 1.0, 2.3.
         */
        src->sid[1] = SBDF(top->sbdf.seg, top->secondary, 0, 0);
        src->sid[2] = top->sbdf;
        src->nr_sids = 3;
        src->by_bus = true;
        src->bus_first = top->secondary;
        src->bus_last = max_of(top->secondary, top->subordinate);
    }
}

int iommu_dev_get(struct pci_dev *dev, struct iommu_dev **out)
{
    struct iommu_dev *id = dev->iommu;
    unsigned int unit;
    int rc;

    if (!id) {
        rc = iommu_ops->unit_of(dev->sbdf, &unit);
        if (rc) {
            return rc;
        }
        id = xzalloc(struct iommu_dev);
        if (!id) {
            return -ENOMEM;
        }
        id->dev = dev;
        id->unit = unit;
        id->state = IOMMU_DEV_BLOCKED;
        list_init(&id->link);
        iommu_source_of(dev, &id->src);
        dev->iommu = id;
    }
    *out = id;
    return 0;
}

struct alias_check {
    const struct iommu_dev *id;
    const struct iospace *to;
};

/* A neighbour behind the same bridge cannot be told from this device. */
static int alias_conflict(struct pci_dev *dev, void *arg)
{
    const struct alias_check *const c = arg;
    const struct iommu_dev *const other = dev->iommu;

    return other && other != c->id && other->src.nr_sids > 1 &&
           sbdf_eq(other->src.sid[1], c->id->src.sid[1]) &&
           other->state == IOMMU_DEV_ATTACHED && other->space != c->to;
}

static void serve(struct iospace *s, unsigned int unit)
{
    if (s->unit_devs[unit]++ == 0) {
        /* Before the first entry is live: from now on flushes go there. */
        (void)atomic_or(&s->units, BIT64(unit));
    }
}

static void unserve(struct iospace *s, unsigned int unit)
{
    if (--s->unit_devs[unit] == 0) {
        (void)atomic_and(&s->units, ~BIT64(unit));
    }
}

static int point(const struct iommu_dev *id, unsigned int i,
                 enum iommu_dev_state state, const struct iospace *s)
{
    return state == IOMMU_DEV_BLOCKED
               ? iommu_ops->block(id->unit, id->src.sid[i])
               : iommu_ops->attach(id->unit, id->src.sid[i], s);
}

/* Every requester id of a device, or none: an error leaves the old state. */
static int point_all(const struct iommu_dev *id, enum iommu_dev_state state,
                     const struct iospace *s)
{
    for (unsigned int i = 0; i < id->src.nr_sids; i++) {
        int rc = point(id, i, state, s);

        if (iommu_unit_check(id->unit, rc, "a change of owner")) {
            while (i-- > 0) {
                if (point(id, i, id->state, id->space)) {
                    log_err(SBDF_FMT ": stays blocked\n",
                            SBDF_ARG(id->dev->sbdf));
                    rc = iommu_ops->block(id->unit, id->src.sid[i]);
                    if (iommu_unit_check(id->unit, rc, "blocking a device")) {
                        return rc;
                    }
                }
            }
            return rc;
        }
    }
    return 0;
}

static int move(struct iommu_dev *id, enum iommu_dev_state state,
                struct iospace *s)
{
    struct iospace *const old = id->space;
    int rc;

    if (id->state == state && old == s) {
        return 0;
    }
    if (s) {
        struct alias_check c = { id, s };

        if (id->src.nr_sids > 1 && s->owner != IOMMU_NO_OWNER &&
            pci_for_each(alias_conflict, &c)) {
            log_err(SBDF_FMT ": shares a requester id with a device of another "
                             "owner\n",
                    SBDF_ARG(id->dev->sbdf));
            return -EXDEV;
        }
        /* What firmware needs must work from the first moment on. */
        rc = iommu_reserved_map(s, id->dev);
        if (rc) {
            return rc;
        }
        serve(s, id->unit);
    }
    rc = point_all(id, state, s);
    if (rc) {
        if (s) {
            unserve(s, id->unit);
            iommu_reserved_unmap(s, id->dev);
        }
        return rc;
    }

    atomic_store(&id->state, state);
    /* Fault handlers read it under fault_lock: see iommu_fault_quiesce(). */
    atomic_store(&id->space, s);
    id->faults = 0;
    if (old) {
        list_del(&id->link);
        /* The old id was flushed when its last entry went. */
        unserve(old, id->unit);
        iommu_reserved_unmap(old, id->dev);
    }
    if (s) {
        list_add_tail(&id->link, &s->devices);
    }
    return 0;
}

/*
 * Where the device goes when it is given back must exist beforehand: giving
 * back cannot fail for lack of memory.
 */
static int prepare_quarantine(const struct pci_dev *dev, struct iospace **own)
{
    struct iospace *q;
    int rc;

    *own = NULL;
    if (!iommu_opt.quarantine) {
        return 0;
    }
    if (iommu_reserved_any(dev->sbdf)) {
        const struct iommu_dev *const id = dev->iommu;

        /* Its ranges must not be reachable for others in quarantine. */
        return id && id->quarantine ? 0 : iospace_create(IOMMU_NO_OWNER, own);
    }
    if (quarantine) {
        return 0;
    }
    rc = iospace_create(IOMMU_NO_OWNER, &q);
    if (rc) {
        return rc;
    }
    spin_lock(&attach_lock);
    if (!quarantine) {
        quarantine = q;
        q = NULL;
    }
    spin_unlock(&attach_lock);
    iospace_destroy(q);
    return 0;
}

int iommu_attach(struct pci_dev *dev, struct iospace *s)
{
    struct iospace *own;
    struct iommu_dev *id;
    int rc;

    if (!iommu_enabled) {
        return -ENODEV;
    }
    if (!s && !iommu_caps.passthrough) {
        return -EOPNOTSUPP;
    }
    rc = prepare_quarantine(dev, &own);
    if (rc) {
        return rc;
    }
    spin_lock(&attach_lock);
    rc = iommu_dev_get(dev, &id);
    if (rc == 0 && own && !id->quarantine) {
        id->quarantine = own;
        own = NULL;
    }
    if (rc == 0) {
        rc = move(id, s ? IOMMU_DEV_ATTACHED : IOMMU_DEV_PASSTHROUGH, s);
    }
    spin_unlock(&attach_lock);
    iospace_destroy(own);
    return rc;
}

int iommu_detach(struct pci_dev *dev)
{
    struct iommu_dev *id;
    int rc;

    if (!iommu_enabled) {
        return -ENODEV;
    }
    spin_lock(&attach_lock);
    rc = iommu_dev_get(dev, &id);
    if (rc == 0) {
        struct iospace *const q = id->quarantine ? id->quarantine : quarantine;

        rc = q && iommu_opt.quarantine ? move(id, IOMMU_DEV_ATTACHED, q)
                                       : move(id, IOMMU_DEV_BLOCKED, NULL);
    }
    spin_unlock(&attach_lock);
    return rc;
}
