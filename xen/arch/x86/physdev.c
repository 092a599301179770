/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HYPERVISOR_physdev_op: interrupts and PCI devices as guests manage them.
 * Copies arguments, checks who asks, and leaves the work to pirq.c, irq.c,
 * msi.c and the PCI registry. Owns no state, needs no lock.
 * ABI: <public/physdev.h>.
 */
#include <xen/acpi.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/iommu.h>
#include <xen/irq.h>
#include <xen/pci.h>
#include <xen/printk.h>
#include <xen/rangeset.h>

#include <asm/current.h>
#include <asm/ioapic.h>
#include <asm/irq-desc.h>
#include <asm/msi.h>
#include <asm/pirq.h>

#include <public/physdev.h>

#define MAX_IO_PORTS 65536u

/* ---- mapping ---- */

/* Whose device may become whose interrupt: the owner's, or Dom0's to give. */
static bool device_belongs_to(const struct pci_dev *dev, const struct domain *d)
{
    if (dev->owner == d->id) {
        return true;
    }
    /* Without an IOMMU nothing is ever assigned: Dom0 lends its devices. */
    return !iommu_enabled && dom0 && dev->owner == dom0->id;
}

static int map_gsi(struct domain *d, struct physdev_map_pirq *op)
{
    const struct domain *self = current->domain;
    int pirq = op->pirq;
    int rc;

    if (op->index < 0) {
        return -EINVAL;
    }
    if (!is_control_domain(self) &&
        !rangeset_contains(self->irq_caps, (uint64_t)op->index,
                           (uint64_t)op->index)) {
        return -EPERM;
    }
    rc = pirq_map_gsi(d, (unsigned int)op->index, &pirq);
    op->pirq = rc ? op->pirq : pirq;
    return rc;
}

static int map_msi(struct domain *d, struct physdev_map_pirq *op)
{
    const uint32_t bus = (uint32_t)op->bus;
    const sbdf_t s = {
        .seg = op->type == MAP_PIRQ_TYPE_MSI ? 0 : (uint16_t)(bus >> 16),
        .bdf = (uint16_t)((bus & 0xff) << 8 | ((uint32_t)op->devfn & 0xff)),
    };
    struct pci_dev *dev;
    int pirq = op->pirq;
    int rc;

    if (!is_control_domain(current->domain)) {
        return -EPERM;
    }
    if (op->entry_nr < 0) {
        return -EINVAL;
    }
    dev = pci_find(s);
    if (!dev) {
        return -ENODEV;
    }
    if (dev->hidden || !device_belongs_to(dev, d)) {
        log_guest(LOG_WARN, SBDF_FMT ": no interrupt for d%u: not its own\n",
                  SBDF_ARG(s), d->id);
        return -EPERM;
    }
    rc =
        pirq_map_msi(d, dev, (unsigned int)op->entry_nr, op->table_base, &pirq);
    if (rc) {
        log_guest(LOG_WARN, SBDF_FMT ": message %d for d%u: error %d\n",
                  SBDF_ARG(s), op->entry_nr, d->id, -rc);
        return rc;
    }
    op->pirq = pirq;
    /* Guests of both interfaces expect the plain type back. */
    op->type = MAP_PIRQ_TYPE_MSI;
    return 0;
}

static int op_map_pirq(struct physdev_map_pirq *op)
{
    struct domain *d = dom_find_self(op->domid);
    int rc;

    if (!d) {
        return -ESRCH;
    }
    if (d != current->domain && !is_control_domain(current->domain)) {
        rc = -EPERM;
    } else {
        switch (op->type) {
        case MAP_PIRQ_TYPE_GSI:
            rc = map_gsi(d, op);
            break;
        case MAP_PIRQ_TYPE_MSI:
        case MAP_PIRQ_TYPE_MSI_SEG:
            rc = map_msi(d, op);
            break;
        case MAP_PIRQ_TYPE_MULTI_MSI:
            /* Several vectors in one message block: the guest uses one. */
            rc = -EOPNOTSUPP;
            break;
        default:
            rc = -EINVAL;
            break;
        }
    }
    dom_put(d);
    return rc;
}

static int op_unmap_pirq(const struct physdev_unmap_pirq *op)
{
    struct domain *d = dom_find_self(op->domid);
    int rc;

    if (!d) {
        return -ESRCH;
    }
    if (d != current->domain && !is_control_domain(current->domain)) {
        rc = -EPERM;
    } else {
        rc = pirq_unmap(d, op->pirq);
    }
    dom_put(d);
    return rc;
}

static int op_get_free_pirq(struct physdev_get_free_pirq *op)
{
    if (op->type != MAP_PIRQ_TYPE_GSI && op->type != MAP_PIRQ_TYPE_MSI) {
        return -EINVAL;
    }
    return pirq_reserve(current->domain, &op->pirq);
}

/* ---- pins ---- */

static int op_setup_gsi(const struct physdev_setup_gsi *op)
{
    if (op->gsi < 0 || op->triggering > 1 || op->polarity > 1) {
        return -EINVAL;
    }
    return irq_desc_configure((unsigned int)op->gsi, op->triggering == 1,
                              op->polarity == 1);
}

/* Vectors are ours and given at bind time; the guest only wants to hear yes. */
static int op_alloc_irq_vector(struct physdev_irq *op)
{
    if (!irq_desc_gsi(op->irq)) {
        return -EINVAL;
    }
    op->vector = op->irq;
    return 0;
}

static int op_apic_write(const struct physdev_apic *op)
{
    log_guest(LOG_WARN,
              "d%u: IO-APIC %#lx register %#x = %#x ignored: it is ours\n",
              current->domain->id, op->apic_physbase, op->reg, op->value);
    return 0;
}

static int op_set_iopl(const struct physdev_set_iopl *op)
{
    if (op->iopl > 3) {
        return -EINVAL;
    }
    current->pv.iopl = op->iopl;
    return 0;
}

static int op_set_iobitmap(const struct physdev_set_iobitmap *op)
{
    if (op->nr_ports > MAX_IO_PORTS) {
        return -EINVAL;
    }
    current->pv.iobmp_gva = (uint64_t)op->bitmap.p;
    current->pv.iobmp_limit = op->nr_ports;
    return 0;
}

/* ---- PCI devices ---- */

/*
 * What Dom0 finds is normally known from the scan at boot; a new device becomes
 * Dom0's, with its DMA translated like that of the others.
 */
static int add_device(sbdf_t s, const sbdf_t *physfn)
{
    const bool known = pci_find(s);
    struct pci_dev *dev;
    int rc = pci_add(s, physfn, &dev);

    if (rc) {
        log_guest(LOG_WARN, SBDF_FMT ": not added, error %d\n", SBDF_ARG(s),
                  -rc);
        return rc;
    }
    if (known) {
        return 0;
    }
    dev->owner = current->domain->id;
    rc = iommu_enabled ? iommu_attach(dev, current->domain->iospace) : 0;
    if (rc) {
        log_err(SBDF_FMT ": added, but its DMA cannot be translated: %d\n",
                SBDF_ARG(s), -rc);
        if (pci_remove(s)) {
            dev->hidden = true; /* known, but nobody's */
        }
    }
    return rc;
}

static int remove_device(sbdf_t s)
{
    struct pci_dev *dev = pci_find(s);
    int rc;

    if (!dev) {
        return -ENODEV;
    }
    if (dev->hidden) {
        return -EPERM;
    }
    rc = msi_device_gone(dev);
    if (!rc && iommu_enabled) {
        rc = iommu_detach(dev);
    }
    return rc ? rc : pci_remove(s);
}

static int op_add_ext(const struct physdev_manage_pci_ext *op)
{
    const sbdf_t s = { 0, (uint16_t)(op->bus << 8 | op->devfn) };
    const sbdf_t pf = { 0, (uint16_t)(op->physfn.bus << 8 | op->physfn.devfn) };

    return add_device(s, op->is_virtfn ? &pf : NULL);
}

static int op_device_add(const struct physdev_pci_device_add *op)
{
    const sbdf_t s = { op->seg, (uint16_t)(op->bus << 8 | op->devfn) };
    const sbdf_t pf = { op->seg,
                        (uint16_t)(op->physfn.bus << 8 | op->physfn.devfn) };

    /* The node number that may follow has no use here: there is one node. */
    return add_device(s, op->flags & XEN_PCI_DEV_VIRTFN ? &pf : NULL);
}

/* An operation on a registered device that is not ours. */
static int on_device(sbdf_t s, int (*fn)(struct pci_dev *dev))
{
    struct pci_dev *dev = pci_find(s);

    if (!dev) {
        return -ENODEV;
    }
    return dev->hidden ? -EPERM : fn(dev);
}

static int op_mmcfg_reserved(const struct physdev_pci_mmcfg_reserved *op)
{
    const struct mcfg_info *mcfg = acpi_mcfg();

    if (op->flags & ~XEN_PCI_MMCFG_RESERVED) {
        return -EINVAL;
    }
    for (unsigned int i = 0; mcfg && i < mcfg->nr; i++) {
        const struct mcfg_region *r = &mcfg->region[i];

        if (r->seg == op->segment && r->pa == op->address &&
            r->first_bus == op->start_bus && r->last_bus == op->end_bus) {
            return 0; /* our own look at the table found it usable too */
        }
    }
    return -ENODEV;
}

/* We drive no debug port, so its controller may be reset at any time. */
static int op_dbgp(const struct physdev_dbgp_op *op)
{
    if (op->op != PHYSDEVOP_DBGP_RESET_PREPARE &&
        op->op != PHYSDEVOP_DBGP_RESET_DONE) {
        return -ENOSYS;
    }
    return op->bus == PHYSDEVOP_DBGP_BUS_UNKNOWN ||
                   op->bus == PHYSDEVOP_DBGP_BUS_PCI
               ? 0
               : -ENOSYS;
}

/* ---- dispatch ---- */

union physdev_arg {
    struct physdev_eoi eoi;
    struct physdev_pirq_eoi_gmfn eoi_gmfn;
    struct physdev_irq_status_query status;
    struct physdev_set_iopl iopl;
    struct physdev_set_iobitmap iobitmap;
    struct physdev_apic apic;
    struct physdev_irq irq;
    struct physdev_map_pirq map;
    struct physdev_unmap_pirq unmap;
    struct physdev_manage_pci pci;
    struct physdev_manage_pci_ext pci_ext;
    struct physdev_setup_gsi gsi;
    struct physdev_get_free_pirq free_pirq;
    struct physdev_pci_mmcfg_reserved mmcfg;
    struct physdev_pci_device_add add;
    struct physdev_pci_device dev;
    struct physdev_dbgp_op dbgp;
};

#define PHYSDEV_OUT 1u /* the structure is written back on success */
#define PHYSDEV_ANY 2u /* not only for the control domain */

struct physdev_row {
    uint8_t bytes; /* of the argument; 0: no such operation */
    uint8_t flags;
};

#define ROW(op, type, f) [PHYSDEVOP_##op] = { sizeof(struct type), f }
static const struct physdev_row rows[] = {
    ROW(irq_status_query, physdev_irq_status_query, PHYSDEV_OUT | PHYSDEV_ANY),
    ROW(set_iopl, physdev_set_iopl, PHYSDEV_ANY),
    ROW(set_iobitmap, physdev_set_iobitmap, PHYSDEV_ANY),
    ROW(apic_read, physdev_apic, PHYSDEV_OUT),
    ROW(apic_write, physdev_apic, 0),
    ROW(alloc_irq_vector, physdev_irq, PHYSDEV_OUT),
    ROW(eoi, physdev_eoi, PHYSDEV_ANY),
    ROW(map_pirq, physdev_map_pirq, PHYSDEV_OUT | PHYSDEV_ANY),
    ROW(unmap_pirq, physdev_unmap_pirq, PHYSDEV_ANY),
    ROW(manage_pci_add, physdev_manage_pci, 0),
    ROW(manage_pci_remove, physdev_manage_pci, 0),
    ROW(restore_msi, physdev_restore_msi, 0),
    ROW(manage_pci_add_ext, physdev_manage_pci_ext, 0),
    ROW(setup_gsi, physdev_setup_gsi, 0),
    ROW(get_free_pirq, physdev_get_free_pirq, PHYSDEV_OUT | PHYSDEV_ANY),
    ROW(pci_mmcfg_reserved, physdev_pci_mmcfg_reserved, 0),
    [PHYSDEVOP_pci_device_add] = { offsetof(struct physdev_pci_device_add,
                                            optarr),
                                   0 },
    ROW(pci_device_remove, physdev_pci_device, 0),
    ROW(restore_msi_ext, physdev_pci_device, 0),
    ROW(pirq_eoi_gmfn_v2, physdev_pirq_eoi_gmfn, PHYSDEV_ANY),
    ROW(dbgp_op, physdev_dbgp_op, 0),
    ROW(prepare_msix, physdev_pci_device, 0),
    ROW(release_msix, physdev_pci_device, 0),
    /* pirq_eoi_gmfn_v1 would have EOI unmask the port; all use version 2. */
};
#undef ROW

static int irq_op(uint64_t cmd, union physdev_arg *a)
{
    struct domain *d = current->domain;

    switch (cmd) {
    case PHYSDEVOP_eoi:
        return pirq_eoi(d, a->eoi.irq);
    case PHYSDEVOP_irq_status_query:
        return pirq_status(d, a->status.irq, &a->status.flags);
    case PHYSDEVOP_pirq_eoi_gmfn_v2:
        return pirq_set_eoi_map(d, a->eoi_gmfn.gmfn);
    case PHYSDEVOP_set_iopl:
        return op_set_iopl(&a->iopl);
    case PHYSDEVOP_set_iobitmap:
        return op_set_iobitmap(&a->iobitmap);
    case PHYSDEVOP_apic_read:
        return ioapic_guest_read(a->apic.apic_physbase, a->apic.reg,
                                 &a->apic.value);
    case PHYSDEVOP_apic_write:
        return op_apic_write(&a->apic);
    case PHYSDEVOP_alloc_irq_vector:
        return op_alloc_irq_vector(&a->irq);
    case PHYSDEVOP_setup_gsi:
        return op_setup_gsi(&a->gsi);
    case PHYSDEVOP_map_pirq:
        return op_map_pirq(&a->map);
    case PHYSDEVOP_unmap_pirq:
        return op_unmap_pirq(&a->unmap);
    case PHYSDEVOP_get_free_pirq:
        return op_get_free_pirq(&a->free_pirq);
    default:
        return -ENOSYS;
    }
}

static int pci_op(uint64_t cmd, const union physdev_arg *a)
{
    const sbdf_t old = { 0, (uint16_t)(a->pci.bus << 8 | a->pci.devfn) };
    const sbdf_t s = { a->dev.seg, (uint16_t)(a->dev.bus << 8 | a->dev.devfn) };

    switch (cmd) {
    case PHYSDEVOP_manage_pci_add:
        return add_device(old, NULL);
    case PHYSDEVOP_manage_pci_remove:
        return remove_device(old);
    case PHYSDEVOP_restore_msi:
        return on_device(old, msi_restore);
    case PHYSDEVOP_manage_pci_add_ext:
        return op_add_ext(&a->pci_ext);
    case PHYSDEVOP_pci_device_add:
        return op_device_add(&a->add);
    case PHYSDEVOP_pci_device_remove:
        return remove_device(s);
    case PHYSDEVOP_restore_msi_ext:
        return on_device(s, msi_restore);
    case PHYSDEVOP_prepare_msix:
        return on_device(s, msix_prepare);
    case PHYSDEVOP_release_msix:
        return on_device(s, msix_release);
    case PHYSDEVOP_pci_mmcfg_reserved:
        return op_mmcfg_reserved(&a->mmcfg);
    case PHYSDEVOP_dbgp_op:
        return op_dbgp(&a->dbgp);
    default:
        return -ENOSYS;
    }
}

static bool is_irq_op(uint64_t cmd)
{
    switch (cmd) {
    case PHYSDEVOP_eoi:
    case PHYSDEVOP_irq_status_query:
    case PHYSDEVOP_pirq_eoi_gmfn_v2:
    case PHYSDEVOP_set_iopl:
    case PHYSDEVOP_set_iobitmap:
    case PHYSDEVOP_apic_read:
    case PHYSDEVOP_apic_write:
    case PHYSDEVOP_alloc_irq_vector:
    case PHYSDEVOP_setup_gsi:
    case PHYSDEVOP_map_pirq:
    case PHYSDEVOP_unmap_pirq:
    case PHYSDEVOP_get_free_pirq:
        return true;
    default:
        return false;
    }
}

long do_physdev_op(struct hypercall_args *args)
{
    const uint64_t cmd = (uint32_t)args->a[0];
    union physdev_arg arg;
    const struct physdev_row *row;
    int rc;

    if (cmd >= array_size(rows) || !rows[cmd].bytes) {
        return -ENOSYS;
    }
    row = &rows[cmd];
    if (!(row->flags & PHYSDEV_ANY) && !is_control_domain(current->domain)) {
        return -EPERM;
    }
    if (guest_read(&arg, args->a[1], row->bytes)) {
        return -EFAULT;
    }
    rc = is_irq_op(cmd) ? irq_op(cmd, &arg) : pci_op(cmd, &arg);
    if (!rc && (row->flags & PHYSDEV_OUT) &&
        guest_write(args->a[1], &arg, row->bytes)) {
        rc = -EFAULT;
    }
    return rc;
}
