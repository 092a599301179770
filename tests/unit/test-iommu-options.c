// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/passthrough/iommu-options.c xen/drivers/passthrough/iommu-regions.c
// SOURCES: xen/drivers/acpi/ivrs-options.c xen/drivers/pci/name.c
// SOURCES: xen/common/cmdline.c xen/lib/strtox.c
// CFLAGS: -Wl,-T,tests/unit/params.lds
/*
 * The IOMMU's options from the command line to what they set: each spelling,
 * each contradiction, and refused values, which cost one line and change
 * nothing. Each case runs in a process of its own: options are set once.
 */
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/cmdline.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include "expect.h"
#include "xen/drivers/acpi/acpi-priv.h"
#include "xen/drivers/passthrough/iommu-priv.h"

static unsigned int warnings;

void log_line(enum log_level level, const char *fmt, ...)
{
    (void)fmt;
    warnings += level == LOG_WARN || level == LOG_ERR;
}

/* Five functions; what each was given as text. */
static struct pci_dev devs[] = {
    { .sbdf = { 0, 0x0010 } }, /* 00:02.0 */
    { .sbdf = { 0, 0x0020 } }, /* 00:04.0 */
    { .sbdf = { 0, 0x0021 } }, /* 00:04.1 */
    { .sbdf = { 0, 0x0300 } }, /* 03:00.0 */
    { .sbdf = { 1, 0x0020 } }, /* 0001:00:04.0 */
};
static char added[1024];

int pci_for_each(int (*fn)(struct pci_dev *dev, void *arg), void *arg)
{
    int rc = 0;

    for (size_t i = 0; i < array_size(devs) && rc == 0; i++) {
        rc = fn(&devs[i], arg);
    }
    return rc;
}

int iommu_reserved_add(sbdf_t s, uint64_t first, uint64_t last,
                       unsigned int prot)
{
    const size_t at = strlen(added);

    if (first == 0xfee00) {
        return -EINVAL; /* as the real one */
    }
    snprintf(added + at, sizeof(added) - at, "%x:%04x %llx-%llx%s ", s.seg,
             s.bdf, (unsigned long long)first, (unsigned long long)last,
             prot == (IOMMU_R | IOMMU_W) ? "" : "?");
    return 0;
}

/* ---- iommu= and dom0-iommu= ----------------------------------------------- */

/* What is on, a letter each, in this order. */
static void state(char *out)
{
    const struct iommu_options *const o = &iommu_opt;
    const struct {
        bool on;
        char letter;
    } bits[] = {
        { o->enable, 'E' },
        { o->force, 'F' },
        { o->verbose, 'v' },
        { o->debug, 'd' },
        { o->superpages, 'S' },
        { o->intremap, 'I' },
        { o->qinval, 'Q' },
        { o->snoop, 'N' },
        { o->quarantine, 'U' },
        { o->dom0_strict, 'T' },
        { o->dom0_passthrough, 'P' },
        { o->dom0_map_inclusive, 'C' },
        { o->dom0_map_reserved, 'R' },
    };

    for (size_t i = 0; i < array_size(bits); i++) {
        if (bits[i].on) {
            *out++ = bits[i].letter;
        }
    }
    *out = '\0';
}

static const struct {
    const char *line;
    unsigned int warnings;
    const char *state;
} modes[] = {
    { "", 0, "ESIQNUTR" },
    { "iommu", 0, "ESIQNUTR" },
    { "iommu=1", 0, "ESIQNUTR" },
    { "iommu=off", 0, "SIQNUTR" },
    { "no-iommu", 0, "SIQNUTR" },
    { "iommu=no", 0, "SIQNUTR" },
    { "iommu=off iommu=on", 0, "ESIQNUTR" },
    { "iommu=force", 0, "EFSIQNUTR" },
    { "iommu=required", 0, "EFSIQNUTR" },
    { "iommu=required,no-force", 0, "ESIQNUTR" },
    { "iommu=verbose", 0, "EvSIQNUTR" },
    { "iommu=debug", 0, "EvdSIQNUTR" },
    { "iommu=debug,no-verbose", 0, "EvdSIQNUTR" },
    { "iommu=no-superpages,no-intremap", 0, "EQNUTR" },
    { "iommu=superpages=off,intremap=0", 0, "EQNUTR" },
    { "iommu=no-qinval,no-snoop", 0, "ESIUTR" },
    { "iommu=qinval=disable,snoop=false", 0, "ESIUTR" },
    { "iommu=no-quarantine", 0, "ESIQNTR" },
    { "iommu=quarantine=off", 0, "ESIQNTR" },
    { "iommu=no-quarantine,quarantine=scratch-page", 0, "ESIQNUTR" },
    { "iommu=quarantine=scratch", 1, "ESIQNUTR" },
    { "iommu=sharept,no-intpost,igfx=off,crash-disable", 0, "ESIQNUTR" },
    { "iommu=amd-iommu-perdev-intremap=no", 0, "ESIQNUTR" },
    /* Unknown and malformed items: one line; the others count. */
    { "iommu=nonsense", 1, "ESIQNUTR" },
    { "iommu=force,nonsense,no-snoop", 1, "EFSIQUTR" },
    { "iommu=force=perhaps", 1, "ESIQNUTR" },
    { "iommu=no-force=1", 1, "ESIQNUTR" },
    { "iommu=strict", 1, "ESIQNUTR" },
    { "iommu=force iommu", 0, "EFSIQNUTR" },
    /* Dom0's modes. */
    { "dom0-iommu=strict", 0, "ESIQNUTR" },
    { "dom0-iommu=no-strict", 0, "ESIQNUR" },
    { "dom0-iommu=strict=0", 0, "ESIQNUR" },
    { "dom0_iommu=strict=no", 0, "ESIQNUR" },
    { "iommu=no-dom0-strict", 0, "ESIQNUR" },
    { "iommu=dom0-strict=off", 0, "ESIQNUR" },
    { "dom0-iommu=passthrough", 0, "ESIQNUPR" },
    { "iommu=dom0-passthrough", 0, "ESIQNUPR" },
    { "dom0-iommu=passthrough,no-passthrough", 0, "ESIQNUTR" },
    { "dom0-iommu=passthrough=0", 0, "ESIQNUTR" },
    { "dom0-iommu=no-strict,passthrough", 0, "ESIQNUPR" },
    { "dom0-iommu=no-map-reserved", 0, "ESIQNUT" },
    { "dom0-iommu=map-reserved=off,no-strict", 0, "ESIQNU" },
    { "dom0-iommu=no-strict,map-inclusive", 0, "ESIQNUCR" },
    { "iommu_inclusive_mapping dom0-iommu=no-strict", 0, "ESIQNUCR" },
    { "iommu_inclusive_mapping=on dom0-iommu=no-strict,no-map-inclusive", 0,
      "ESIQNUR" },
    { "dom0-iommu=none", 0, "ESIQNUTR" },
    { "dom0-iommu=relaxed", 1, "ESIQNUTR" },
    { "dom0-iommu", 1, "ESIQNUTR" },
    { "no-dom0-iommu", 1, "ESIQNUTR" },
    /* Strict by name or by default: nothing widens it, in any order. */
    { "dom0-iommu=strict,passthrough", 1, "ESIQNUTR" },
    { "dom0-iommu=passthrough,strict", 1, "ESIQNUTR" },
    { "dom0-iommu=passthrough iommu=dom0-strict", 1, "ESIQNUTR" },
    { "iommu=dom0-passthrough dom0-iommu=strict", 1, "ESIQNUTR" },
    { "dom0-iommu=map-inclusive", 1, "ESIQNUTR" },
    { "dom0-iommu=strict,map-inclusive", 1, "ESIQNUTR" },
    { "iommu_inclusive_mapping", 1, "ESIQNUTR" },
    { "dom0-iommu=passthrough,strict,map-inclusive", 2, "ESIQNUTR" },
    { "dom0-iommu=passthrough,map-inclusive", 0, "ESIQNUPCR" },
    { "dom0-iommu=strict,no-strict,passthrough", 0, "ESIQNUPR" },
    /* Known names of what is not here. */
    { "ats", 0, "ESIQNUTR" },
    { "no-ats", 0, "ESIQNUTR" },
    { "ats=maybe", 1, "ESIQNUTR" },
    { "iommu_dev_iotlb_timeout=500", 0, "ESIQNUTR" },
    { "iommu_dev_iotlb_timeout=soon", 1, "ESIQNUTR" },
    { "pci-phantom=0:3,4", 1, "ESIQNUTR" },
};

static void one_mode(size_t i)
{
    char got[32];

    cmdline_parse(modes[i].line);
    iommu_options_resolve();
    state(got);
    EXPECT_STR(modes[i].line, got, modes[i].state);
    EXPECT_EQ(modes[i].line, warnings, modes[i].warnings);
}

/* ---- rmrr= and ivmd= ------------------------------------------------------ */

static const struct {
    const char *line;
    enum iommu_region_kind kind;
    unsigned int warnings;
    const char *added;
} regions[] = {
    { "rmrr=e0=2:0.0", IOMMU_RMRR, 1, "" }, /* no such device */
    { "rmrr=e0=0:2.0", IOMMU_RMRR, 0, "0:0010 e0-e0 " },
    { "rmrr=0xe0-0xef=0:2.0", IOMMU_RMRR, 0, "0:0010 e0-ef " },
    { "rmrr=e0-ef=0:2.0,0:4.1", IOMMU_RMRR, 0, "0:0010 e0-ef 0:0021 e0-ef " },
    { "rmrr=e0=0:2.0;f0-f1=03:00.0", IOMMU_RMRR, 0,
      "0:0010 e0-e0 0:0300 f0-f1 " },
    { "rmrr=e0=0:2.0 rmrr=f0=0:2.0", IOMMU_RMRR, 0,
      "0:0010 e0-e0 0:0010 f0-f0 " },
    { "rmrr=e0=1:0:4.0", IOMMU_RMRR, 0, "1:0020 e0-e0 " },
    { "rmrr=e0=0001:00:04.0,0:4.0", IOMMU_RMRR, 0, "1:0020 e0-e0 " },
    { "rmrr=e0=0:2.0;e0=0:4.0", IOMMU_RMRR, 0, "0:0010 e0-e0 0:0020 e0-e0 " },
    /* Each vendor's own. */
    { "rmrr=e0=0:2.0", IOMMU_IVMD, 0, "" },
    { "ivmd=e0=0:2.0", IOMMU_RMRR, 0, "" },
    /* Refused by what all ranges go through: one line from us. */
    { "rmrr=fee00=0:2.0", IOMMU_RMRR, 1, "" },
    /* Malformed: nothing of the value counts, what came before does. */
    { "rmrr", IOMMU_RMRR, 1, "" },
    { "rmrr=", IOMMU_RMRR, 1, "" },
    { "no-rmrr", IOMMU_RMRR, 1, "" },
    { "rmrr=e0", IOMMU_RMRR, 1, "" },
    { "rmrr=e0=", IOMMU_RMRR, 1, "" },
    { "rmrr=g0=0:2.0", IOMMU_RMRR, 1, "" },
    { "rmrr=e0-=0:2.0", IOMMU_RMRR, 1, "" },
    { "rmrr=e1-e0=0:2.0", IOMMU_RMRR, 1, "" },
    { "rmrr=e0-f0=0:2.0", IOMMU_RMRR, 1, "" }, /* 17 pages */
    { "rmrr=e0=0:2", IOMMU_RMRR, 1, "" },
    { "rmrr=e0=0:20.0", IOMMU_RMRR, 1, "" },
    { "rmrr=e0=0:2.8", IOMMU_RMRR, 1, "" },
    { "rmrr=e0=100:2.0", IOMMU_RMRR, 1, "" },
    { "rmrr=e0=10000:0:2.0", IOMMU_RMRR, 1, "" },
    { "rmrr=e0=0:0:0:2.0", IOMMU_RMRR, 1, "" },
    { "rmrr=e0=0:2.0,", IOMMU_RMRR, 1, "" },
    { "rmrr=e0=0:2.0;", IOMMU_RMRR, 1, "" },
    { "rmrr=e0=0:2.0x", IOMMU_RMRR, 1, "" },
    { "rmrr=e0=0:2.0-0:4.0", IOMMU_RMRR, 1, "" },
    { "rmrr=e0=0:2.0,1:0:4.0", IOMMU_RMRR, 1, "" },
    { "rmrr=10000000000=0:2.0", IOMMU_RMRR, 1, "" }, /* 53 bits */
    { "rmrr=fffffffffffffffff=0:2.0", IOMMU_RMRR, 1, "" },
    { "rmrr=e0-ef=0:2.0;e8=0:2.0", IOMMU_RMRR, 1, "" }, /* overlap */
    { "rmrr=e0=0:2.0 rmrr=f0=0:4.0;oops", IOMMU_RMRR, 1, "0:0010 e0-e0 " },
    { "rmrr=1=0:2.0;2=0:2.0;3=0:2.0;4=0:2.0;5=0:2.0;6=0:2.0;7=0:2.0;8=0:2.0;"
      "9=0:2.0;a=0:2.0;b=0:2.0",
      IOMMU_RMRR, 1, "" },
    { "rmrr=e0=0:2.0,0:2.0,0:2.0,0:2.0,0:2.0,0:2.0,0:2.0,0:2.0,0:2.0,0:2.0,"
      "0:2.0,0:2.0,0:2.0,0:2.0,0:2.0,0:2.0,0:2.0,0:2.0,0:2.0,0:2.0,0:2.0",
      IOMMU_RMRR, 1, "" },
    /* ivmd=: runs of ids, no limit of pages, and all devices. */
    { "ivmd=e0-fff=0:2.0", IOMMU_IVMD, 0, "0:0010 e0-fff " },
    { "ivmd=e0=0:2.0-0:4.0", IOMMU_IVMD, 0, "0:0010 e0-e0 0:0020 e0-e0 " },
    { "ivmd=e0=0:2.0-0:4.0,3:0.0", IOMMU_IVMD, 0,
      "0:0010 e0-e0 0:0020 e0-e0 0:0300 e0-e0 " },
    { "ivmd=e0", IOMMU_IVMD, 0,
      "0:0010 e0-e0 0:0020 e0-e0 0:0021 e0-e0 0:0300 e0-e0 1:0020 e0-e0 " },
    { "ivmd=e0=1:0:0.0-1:0:1f.7", IOMMU_IVMD, 0, "1:0020 e0-e0 " },
    { "ivmd=e0=0:4.0-0:2.0", IOMMU_IVMD, 1, "" },
    { "ivmd=e0=0:2.0-", IOMMU_IVMD, 1, "" },
    { "ivmd=e0=0:2.0-1:0:4.0", IOMMU_IVMD, 1, "" },
    { "ivmd=e0;", IOMMU_IVMD, 1, "" },
};

static void one_region(size_t i)
{
    cmdline_parse(regions[i].line);
    iommu_regions_add(regions[i].kind);
    EXPECT_STR(regions[i].line, added, regions[i].added);
    EXPECT_EQ(regions[i].line, warnings, regions[i].warnings);
}

/* ---- ivrs_ioapic[]= and ivrs_hpet[]= -------------------------------------- */

static const struct {
    const char *line;
    unsigned int warnings;
    const char *specials; /* kind.handle unit id, each */
} overrides[] = {
    { "", 0, "1.7 0 00a0 " },
    { "ivrs_ioapic[7]=00:14.1", 0, "1.7 0 00a1 " },
    { "ivrs-ioapic[0x7]=0000:00:14.1", 0, "1.7 0 00a1 " },
    { "ivrs_ioapic[8]=80:14.0", 0, "1.7 0 00a0 1.8 1 80a0 " },
    { "ivrs_hpet[0]=00:14.0", 0, "1.7 0 00a0 2.0 0 00a0 " },
    { "ivrs_hpet[7]=00:14.2 ivrs_ioapic[7]=00:14.3", 0,
      "1.7 0 00a3 2.7 0 00a2 " },
    { "ivrs_ioapic[7]=00:1.0 ivrs_ioapic[7]=00:2.0", 0, "1.7 0 0010 " },
    { "ivrs_ioapic[7]=1:00:14.0", 1, "1.7 0 00a0 " }, /* no unit there */
    { "ivrs_ioapic[256]=00:14.0", 1, "1.7 0 00a0 " },
    { "ivrs_ioapic[7]", 1, "1.7 0 00a0 " },
    { "ivrs_ioapic[7]=", 1, "1.7 0 00a0 " },
    { "ivrs_ioapic[]=00:14.1", 1, "1.7 0 00a0 " },
    { "ivrs_ioapic[7=00:14.1", 1, "1.7 0 00a0 " },
    { "ivrs_ioapic7]=00:14.1", 1, "1.7 0 00a0 " },
    { "ivrs_ioapic=00:14.1", 1, "1.7 0 00a0 " },
    { "ivrs_ioapic[7]x=00:14.1", 1, "1.7 0 00a0 " },
    { "ivrs_ioapic[7]=00:14.8", 1, "1.7 0 00a0 " },
    { "ivrs_ioapic[7]=00:14.1,00:14.2", 1, "1.7 0 00a0 " },
    { "no-ivrs_ioapic[7]", 1, "1.7 0 00a0 " },
};

/* Two units of segment 0: one for bus 0, one for the buses from 0x80 on. */
static struct ivrs_info ivrs = {
    .nr_units = 2,
    .nr_devs = 2,
    .nr_specials = 1,
    .unit = { { .first_dev = 0, .nr_devs = 1 },
              { .first_dev = 1, .nr_devs = 1 } },
    .dev = { { .first = 0x0000, .last = 0x00ff },
             { .first = 0x8000, .last = 0xffff } },
    .special = { { .kind = IVRS_IOAPIC, .handle = 7, .devid = 0xa0 } },
};

static void one_override(size_t i)
{
    char got[256] = "";

    cmdline_parse(overrides[i].line);
    ivrs_override(&ivrs);
    for (unsigned int k = 0; k < ivrs.nr_specials; k++) {
        const struct ivrs_special *const sp = &ivrs.special[k];
        const size_t at = strlen(got);

        snprintf(got + at, sizeof(got) - at, "%u.%u %u %04x ", sp->kind,
                 sp->handle, sp->unit, sp->devid);
    }
    /* In whatever order: hpet was added behind the IO-APIC that was there. */
    EXPECT_STR(overrides[i].line, got, overrides[i].specials);
    EXPECT_EQ(overrides[i].line, warnings, overrides[i].warnings);
}

static void each(size_t nr, void (*one)(size_t i))
{
    for (size_t i = 0; i < nr; i++) {
        int status = -1;
        pid_t pid;

        fflush(stdout);
        pid = fork();
        if (pid == 0) {
            expect_bad = 0;
            one(i);
            fflush(stdout);
            _exit(expect_bad != 0);
        }
        waitpid(pid, &status, 0);
        expect_bad += status != 0;
    }
}

int main(void)
{
    each(array_size(modes), one_mode);
    each(array_size(regions), one_region);
    each(array_size(overrides), one_override);
    return expect_failures();
}
