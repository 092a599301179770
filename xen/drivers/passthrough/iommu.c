/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The subsystem's start: options, choice of the vendor, the order of bringing
 * units up and down. Options are written while the command line is parsed and
 * constant afterwards.
 */
#include <xen/bug.h>
#include <xen/cmdline.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include "iommu-priv.h"

struct iommu_options iommu_opt = {
    .enable = true,
    .superpages = true,
    .intremap = true,
    .qinval = true,
    .snoop = true,
    .quarantine = true,
    .dom0_strict = true,
    .dom0_map_reserved = true,
};
bool iommu_enabled;
bool iommu_intremap_enabled;
bool iommu_translating;
const struct iommu_vendor_ops *iommu_ops;
struct iommu_caps iommu_caps;

/* "strict" was asked for by name, so nothing may widen it. */
static bool strict_wanted;
/* Accepted spellings that change nothing here; see docs on why. */
static bool ignored;

static const struct {
    const char *name;
    bool *var;
} iommu_bools[] = {
    { "force", &iommu_opt.force },
    { "required", &iommu_opt.force },
    { "verbose", &iommu_opt.verbose },
    { "debug", &iommu_opt.debug },
    { "superpages", &iommu_opt.superpages },
    { "intremap", &iommu_opt.intremap },
    { "qinval", &iommu_opt.qinval },
    { "snoop", &iommu_opt.snoop },
    { "quarantine", &iommu_opt.quarantine },
    { "sharept", &ignored },       /* no nested paging */
    { "intpost", &ignored },       /* no HVM guests */
    { "igfx", &ignored },          /* graphics is translated like the rest */
    { "crash-disable", &ignored }, /* no crash kernel */
    { "amd-iommu-perdev-intremap", &ignored }, /* tables are per device */
};

static void want_strict(bool on)
{
    iommu_opt.dom0_strict = on;
    strict_wanted = on;
}

static void want_passthrough(bool on)
{
    iommu_opt.dom0_passthrough = on;
}

/* The default gives way to less; a "strict" that was spelled out does not. */
static void resolve_dom0_mode(void)
{
    if (iommu_opt.dom0_passthrough && strict_wanted) {
        log_warn("iommu: dom0-iommu=strict overrides passthrough\n");
        iommu_opt.dom0_passthrough = false;
    }
    if (iommu_opt.dom0_passthrough) {
        iommu_opt.dom0_strict = false;
    }
}

static int parse_iommu_item(const char *item)
{
    bool on;
    int rc;

    if (strcmp(item, "quarantine=scratch-page") == 0) {
        /* Stricter than asked for: a device sees faults, not a scratch page. */
        iommu_opt.quarantine = true;
        return 0;
    }
    for (size_t i = 0; i < array_size(iommu_bools); i++) {
        rc = cmdline_bool_item(iommu_bools[i].name, item, iommu_bools[i].var);
        if (rc != -ENOENT) {
            return rc;
        }
    }
    rc = cmdline_bool_item("dom0-passthrough", item, &on);
    if (rc != -ENOENT) {
        if (rc == 0) {
            want_passthrough(on);
        }
        return rc;
    }
    rc = cmdline_bool_item("dom0-strict", item, &on);
    if (rc != -ENOENT) {
        if (rc == 0) {
            want_strict(on);
        }
        return rc;
    }
    return cmdline_parse_bool(item, &iommu_opt.enable);
}

static int parse_dom0_item(const char *item)
{
    bool on;
    int rc;

    rc = cmdline_bool_item("passthrough", item, &on);
    if (rc == 0) {
        want_passthrough(on);
    }
    if (rc != -ENOENT) {
        return rc;
    }
    rc = cmdline_bool_item("strict", item, &on);
    if (rc == 0) {
        want_strict(on);
    }
    if (rc != -ENOENT) {
        return rc;
    }
    rc =
        cmdline_bool_item("map-inclusive", item, &iommu_opt.dom0_map_inclusive);
    if (rc != -ENOENT) {
        return rc;
    }
    rc = cmdline_bool_item("map-reserved", item, &iommu_opt.dom0_map_reserved);
    if (rc != -ENOENT) {
        return rc;
    }
    /* "none" is about PVH sanity checks; there is no PVH Dom0 here. */
    return strcmp(item, "none") == 0 ? 0 : -EINVAL;
}

/* Every item is tried; the first error is the result of the whole option. */
static int parse_list(const char *value, int (*parse)(const char *item))
{
    const char *pos = value;
    char item[64];
    int rc = 0;

    while (cmdline_next_item(&pos, item, sizeof(item))) {
        const int one = parse(item);

        if (one && rc == 0) {
            rc = one == -ENOENT ? -EINVAL : one;
        }
    }
    if (iommu_opt.debug) {
        iommu_opt.verbose = true;
    }
    resolve_dom0_mode();
    return rc;
}

static int parse_iommu(const char *value)
{
    return parse_list(value, parse_iommu_item);
}

static int parse_dom0_iommu(const char *value)
{
    return parse_list(value, parse_dom0_item);
}

static int parse_inclusive(const char *value)
{
    return cmdline_parse_bool(value, &iommu_opt.dom0_map_inclusive);
}

custom_param("iommu", parse_iommu);
custom_param("dom0-iommu", parse_dom0_iommu);
custom_param("iommu_inclusive_mapping", parse_inclusive);

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
    int rc = -ENODEV;

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
        iommu_caps.pt.leaf_mask = 1;
    }
    iommu_enabled = true;

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
    if (iommu_opt.dom0_passthrough && !iommu_caps.passthrough) {
        log_warn("iommu: units cannot pass through; Dom0 is strict\n");
        iommu_opt.dom0_passthrough = false;
        iommu_opt.dom0_strict = true;
    }
    log_info("iommu: %s, %u unit%s, %u levels, leaves 4K%s%s, interrupt "
             "remapping %s, Dom0 %s\n",
             iommu_ops->name, iommu_caps.nr_units,
             iommu_caps.nr_units == 1 ? "" : "s", iommu_caps.pt.levels,
             iommu_caps.pt.leaf_mask & 2 ? " 2M" : "",
             iommu_caps.pt.leaf_mask & 4 ? " 1G" : "",
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
