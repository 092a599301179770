/* SPDX-License-Identifier: GPL-2.0 */
/* Debug key Q: PCI devices, who owns them. Reads the registry, no lock. */
#include <xen/keyhandler.h>
#include <xen/pci.h>
#include <xen/printk.h>

#include <public/xen.h>

static int print_device(struct pci_dev *dev, void *arg)
{
    static const char *const kinds[] = { "endpoint", "bridge", "pcie-to-pci",
                                         "host bridge" };

    (void)arg;
    printk("pci: " SBDF_FMT " %04x:%04x class %06x %s ", SBDF_ARG(dev->sbdf),
           dev->vendor, dev->device, dev->class, kinds[dev->kind]);
    if (dev->owner == DOMID_IO) {
        printk("quarantined");
    } else if (dev->hidden) {
        printk("hypervisor's");
    } else {
        printk("d%u", dev->owner);
    }
    printk("%s%s\n", dev->cap_msi ? " msi" : "", dev->cap_msix ? " msix" : "");
    return 0;
}

static void dump_pci(unsigned char key)
{
    (void)key;
    (void)pci_for_each(print_device, NULL);
}

void pci_keys_init(void)
{
    key_register('Q', dump_pci, "PCI devices and owners");
}
