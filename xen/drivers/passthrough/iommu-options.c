/* SPDX-License-Identifier: GPL-2.0 */
/*
 * iommu=, dom0-iommu= and their kin. Written while the command line is parsed,
 * resolved once by iommu_setup(), constant afterwards.
 * Spelling: Xen 4.17's; docs/command-line.md.
 */
#include <xen/cmdline.h>
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

/* "strict" was asked for by name, so nothing may widen it. */
static bool strict_wanted;
/* Accepted spellings that change nothing here; see docs on why. */
static bool ignored;

struct bool_item {
    const char *name;
    bool *var;
};

static const struct bool_item iommu_bools[] = {
    { "force", &iommu_opt.force },
    { "required", &iommu_opt.force },
    { "verbose", &iommu_opt.verbose },
    { "debug", &iommu_opt.debug },
    { "superpages", &iommu_opt.superpages },
    { "intremap", &iommu_opt.intremap },
    { "qinval", &iommu_opt.qinval },
    { "snoop", &iommu_opt.snoop },
    { "quarantine", &iommu_opt.quarantine },
    { "dom0-passthrough", &iommu_opt.dom0_passthrough },
    { "amd-mid-pages", &iommu_opt.amd_mid_pages },
    { "sharept", &ignored },       /* no nested paging */
    { "intpost", &ignored },       /* no HVM guests */
    { "igfx", &ignored },          /* graphics is translated like the rest */
    { "crash-disable", &ignored }, /* no crash kernel */
    { "amd-iommu-perdev-intremap", &ignored }, /* tables are per device */
};

static const struct bool_item dom0_bools[] = {
    { "passthrough", &iommu_opt.dom0_passthrough },
    { "map-inclusive", &iommu_opt.dom0_map_inclusive },
    { "map-reserved", &iommu_opt.dom0_map_reserved },
    { "none", &ignored }, /* about PVH sanity checks; no PVH Dom0 here */
};

static void want_strict(bool on)
{
    iommu_opt.dom0_strict = on;
    strict_wanted = on;
}

/*
 * The default gives way to less; a "strict" that was spelled out does not. In
 * strict mode nothing is mapped but what the mode maps.
 */
void iommu_options_resolve(void)
{
    if (iommu_opt.debug) {
        iommu_opt.verbose = true;
    }
    if (iommu_opt.dom0_passthrough && strict_wanted) {
        log_warn("iommu: dom0-iommu=strict overrides passthrough\n");
        iommu_opt.dom0_passthrough = false;
    }
    if (iommu_opt.dom0_passthrough) {
        iommu_opt.dom0_strict = false;
    }
    if (iommu_opt.dom0_map_inclusive && iommu_opt.dom0_strict) {
        log_warn("iommu: dom0-iommu=strict overrides map-inclusive; it needs "
                 "no-strict\n");
        iommu_opt.dom0_map_inclusive = false;
    }
}

/* -ENOENT: the item is none of these. */
static int parse_bools(const struct bool_item *items, size_t nr,
                       const char *item)
{
    for (size_t i = 0; i < nr; i++) {
        const int rc = cmdline_bool_item(items[i].name, item, items[i].var);

        if (rc != -ENOENT) {
            return rc;
        }
    }
    return -ENOENT;
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
    rc = parse_bools(iommu_bools, array_size(iommu_bools), item);
    if (rc == -ENOENT) {
        rc = cmdline_bool_item("dom0-strict", item, &on);
        if (rc == 0) {
            want_strict(on);
        }
    }
    return rc == -ENOENT ? cmdline_parse_bool(item, &iommu_opt.enable) : rc;
}

static int parse_dom0_item(const char *item)
{
    bool on;
    int rc = parse_bools(dom0_bools, array_size(dom0_bools), item);

    if (rc == -ENOENT) {
        rc = cmdline_bool_item("strict", item, &on);
        if (rc == 0) {
            want_strict(on);
        }
    }
    return rc == -ENOENT ? -EINVAL : rc;
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

/*
 * Known spellings of what is not here. Each says so once, and the machine is no
 * less protected for it.
 */
static int parse_ats(const char *value)
{
    bool on;
    const int rc = cmdline_parse_bool(value, &on);

    if (rc == 0 && on) {
        log_info("iommu: ats: not supported, devices' TLBs stay off\n");
    }
    return rc;
}

static int parse_dev_timeout(const char *value)
{
    uint64_t ms;
    const int rc = parse_u64(value, &ms, NULL);

    if (rc == 0) {
        log_info("iommu: iommu_dev_iotlb_timeout: no device has a TLB to wait "
                 "for\n");
    }
    return rc;
}

static int parse_phantom(const char *value)
{
    (void)value;
    log_info("iommu: pci-phantom: not supported, what a device sends under "
             "another function's number stays blocked\n");
    return -EOPNOTSUPP;
}

custom_param("ats", parse_ats);
custom_param("iommu_dev_iotlb_timeout", parse_dev_timeout);
custom_param("pci-phantom", parse_phantom);
