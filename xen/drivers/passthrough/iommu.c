/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The subsystem's start: choice of the vendor, the order of bringing units up
 * and down.
 */
#include <xen/bug.h>
#include <xen/init.h>
#include <xen/printk.h>

#include "iommu-priv.h"

bool iommu_enabled;
bool iommu_intremap_enabled;
bool iommu_translating;
const struct iommu_vendor_ops *iommu_ops;
struct iommu_caps iommu_caps;

static int no_iommu(const char *why)
{
    if (iommu_opt.force) {
        boot_stop("iommu: required by the command line, but %s", why);
    }
    log_info("iommu: off: %s\n", why);
    return 0;
}

static const struct iommu_vendor_ops *const vendors[] = {
    &vtd_ops,
    &amdvi_ops,
};

int iommu_setup(void)
{
    unsigned int leaves;
    int rc = -ENODEV;

    iommu_options_resolve();
    if (!iommu_opt.enable) {
        return no_iommu("disabled by the command line");
    }
    for (size_t i = 0; i < array_size(vendors) && rc == -ENODEV; i++) {
        iommu_caps = (struct iommu_caps){ .nr_units = 0 };
        iommu_ops = vendors[i];
        rc = iommu_ops->setup(&iommu_caps);
    }
    if (rc) {
        return no_iommu(rc == -ENODEV ? "no unit found"
                                      : "its units cannot be used");
    }
    /* One table never needs to be larger than what all units can read. */
    if (iommu_caps.nr_units == 0 || iommu_caps.nr_units > IOMMU_MAX_UNITS ||
        (iommu_caps.pt.leaf_mask & 1) == 0) {
        return no_iommu("its units have nothing in common");
    }
    if (!iommu_opt.superpages) {
        iommu_caps.pt.leaf_off = (uint8_t)~1u;
    }
    iommu_enabled = true;
    iommu_regions_add(iommu_ops == &vtd_ops ? IOMMU_RMRR : IOMMU_IVMD);

    if (!iommu_opt.intremap) {
        log_info("iommu: interrupt remapping is off: command line\n");
    } else if (!iommu_caps.intremap) {
        log_info("iommu: interrupt remapping is off: not supported\n");
    } else {
        rc = iommu_ops->intremap_start();
        iommu_intremap_enabled = rc == 0;
        if (rc) {
            log_err("iommu: interrupt remapping is off: error %d\n", rc);
        }
    }
    if (iommu_opt.force && iommu_opt.intremap && !iommu_intremap_enabled) {
        boot_stop("iommu: required, but interrupts cannot be remapped");
    }
    leaves = iommu_caps.pt.leaf_mask & ~(unsigned int)iommu_caps.pt.leaf_off;
    if (iommu_opt.dom0_passthrough && !iommu_caps.passthrough) {
        log_warn("iommu: units cannot pass through; Dom0 is strict\n");
        iommu_opt.dom0_passthrough = false;
        iommu_opt.dom0_strict = true;
    }
    log_info("iommu: %s, %u unit%s, %u levels, leaves 4K%s%s, interrupt "
             "remapping %s, Dom0 %s\n",
             iommu_ops->name, iommu_caps.nr_units,
             iommu_caps.nr_units == 1 ? "" : "s", iommu_caps.pt.levels,
             leaves & 2 ? " 2M" : "", leaves & 4 ? " 1G" : "",
             iommu_intremap_enabled ? "on" : "off",
             iommu_opt.dom0_passthrough ? "passthrough"
             : iommu_opt.dom0_strict    ? "strict"
                                        : "relaxed");
    return 0;
}

bool iommu_can_passthrough(void)
{
    return iommu_enabled && iommu_caps.passthrough;
}

int iommu_unit_check(unsigned int unit, int rc, const char *what)
{
    if ((rc == -ETIMEDOUT || rc == -EIO) && iommu_translating) {
        panic("%s%u: no answer to %s: devices could go on using what was taken "
              "from them",
              iommu_ops->name, unit, what);
    }
    if (rc) {
        log_err("%s%u: %s failed: error %d\n", iommu_ops->name, unit, what, rc);
    }
    return rc;
}

int iommu_enable_all(void)
{
    for (unsigned int u = 0; u < iommu_caps.nr_units; u++) {
        const int rc = iommu_ops->enable(u);

        if (rc) {
            log_err("%s%u: cannot start translating: error %d\n",
                    iommu_ops->name, u, rc);
            while (u > 0) {
                iommu_ops->disable(--u);
            }
            return rc;
        }
    }
    iommu_translating = iommu_enabled;
    return 0;
}

void iommu_disable_all(void)
{
    if (!iommu_enabled) {
        return;
    }
    iommu_translating = false;
    for (unsigned int u = 0; u < iommu_caps.nr_units; u++) {
        iommu_ops->disable(u);
    }
}

int iommu_for_each_mmio(int (*fn)(uint64_t first, uint64_t last, void *arg),
                        void *arg)
{
    for (unsigned int u = 0; u < iommu_caps.nr_units; u++) {
        uint64_t first, last;
        int rc;

        iommu_ops->registers(u, &first, &last);
        rc = fn(first, last, arg);
        if (rc) {
            return rc;
        }
    }
    return 0;
}

void iommu_dump_units(void)
{
    if (!iommu_enabled) {
        printk("iommu: off\n");
        return;
    }
    for (unsigned int u = 0; u < iommu_caps.nr_units; u++) {
        iommu_ops->dump(u);
    }
}
