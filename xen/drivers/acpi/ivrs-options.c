// SPDX-License-Identifier: GPL-2.0
/*
 * ivrs_ioapic[id]= and ivrs_hpet[id]=: the requester ids of IO-APICs and HPETs
 * where firmware's table has them wrong or not at all. Boot only, no lock.
 * Spelling: Xen 4.17's.
 */
#include <xen/cmdline.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/pci.h>
#include <xen/printk.h>

#include "acpi-priv.h"

static struct {
    unsigned int nr;
    struct {
        uint8_t kind; /* enum ivrs_special_kind */
        uint8_t handle;
        sbdf_t sbdf;
    } id[IVRS_MAX_SPECIAL];
} given;

static int parse_id(uint8_t kind, uint64_t handle, const char *value)
{
    unsigned int i;
    sbdf_t s;

    if (handle > 0xff || pci_parse_sbdf(value, &s, NULL, NULL)) {
        return -EINVAL;
    }
    for (i = 0; i < given.nr; i++) {
        if (given.id[i].kind == kind && given.id[i].handle == handle) {
            break; /* the last one counts */
        }
    }
    if (i == array_size(given.id)) {
        return -ENOSPC;
    }
    given.id[i].kind = kind;
    given.id[i].handle = (uint8_t)handle;
    given.id[i].sbdf = s;
    given.nr += i == given.nr;
    return 0;
}

static int parse_ioapic(uint64_t handle, const char *value)
{
    return parse_id(IVRS_IOAPIC, handle, value);
}

static int parse_hpet(uint64_t handle, const char *value)
{
    return parse_id(IVRS_HPET, handle, value);
}

indexed_param("ivrs_ioapic", parse_ioapic);
indexed_param("ivrs_hpet", parse_hpet);

/* The unit of a segment whose entries hold a requester id, else its first. */
static int find_unit(const struct ivrs_info *info, sbdf_t s, uint8_t *unit)
{
    int rc = -ENODEV;

    for (unsigned int u = info->nr_units; u-- > 0;) {
        const struct ivrs_unit *const iu = &info->unit[u];

        if (iu->seg != s.seg) {
            continue;
        }
        *unit = (uint8_t)u;
        rc = 0;
        for (unsigned int i = 0; i < iu->nr_devs; i++) {
            const struct ivrs_dev *const d = &info->dev[iu->first_dev + i];

            if (s.bdf >= d->first && s.bdf <= d->last) {
                return 0;
            }
        }
    }
    return rc;
}

static struct ivrs_special *find_special(struct ivrs_info *info, uint8_t kind,
                                         uint8_t handle)
{
    for (unsigned int i = 0; i < info->nr_specials; i++) {
        struct ivrs_special *const sp = &info->special[i];

        if (sp->kind == kind && sp->handle == handle) {
            return sp;
        }
    }
    return NULL;
}

void ivrs_override(struct ivrs_info *info)
{
    for (unsigned int i = 0; i < given.nr; i++) {
        const uint8_t kind = given.id[i].kind;
        const uint8_t handle = given.id[i].handle;
        const sbdf_t s = given.id[i].sbdf;
        const char *const what = kind == IVRS_IOAPIC ? "IO-APIC" : "HPET";
        struct ivrs_special *sp = find_special(info, kind, handle);
        uint8_t unit;

        if (find_unit(info, s, &unit)) {
            log_err("ivrs: %s %u: no unit serves " SBDF_FMT "\n", what, handle,
                    SBDF_ARG(s));
            continue;
        }
        if (!sp && info->nr_specials < array_size(info->special)) {
            sp = &info->special[info->nr_specials++];
            *sp = (struct ivrs_special){ .kind = kind, .handle = handle };
        } else if (!sp) {
            log_err("ivrs: %s %u: more than %zu special devices\n", what,
                    handle, array_size(info->special));
            continue;
        }
        sp->devid = s.bdf;
        sp->unit = unit;
        log_info("ivrs: %s %u is " SBDF_FMT ", by the command line\n", what,
                 handle, SBDF_ARG(s));
    }
}
