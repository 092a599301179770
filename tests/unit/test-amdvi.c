// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/passthrough/iommu-attach.c xen/drivers/passthrough/iommu-fault.c
// SOURCES: xen/drivers/passthrough/iommu-gather.c xen/drivers/passthrough/iommu-intremap.c
// SOURCES: xen/drivers/passthrough/iommu-map.c xen/drivers/passthrough/iommu-reserved.c
// SOURCES: xen/drivers/passthrough/iommu-options.c xen/drivers/passthrough/iommu-regions.c
// SOURCES: xen/drivers/passthrough/iommu-space.c xen/drivers/pci/name.c
// SOURCES: xen/drivers/passthrough/amd/amdvi-cmd.c xen/drivers/passthrough/amd/amdvi-dte.c
// SOURCES: xen/drivers/passthrough/amd/amdvi-event.c xen/drivers/passthrough/amd/amdvi-intremap.c
// SOURCES: xen/drivers/passthrough/amd/amdvi-ops.c xen/drivers/passthrough/amd/amdvi-probe.c
// SOURCES: xen/drivers/passthrough/amd/amdvi-quirk.c xen/drivers/passthrough/amd/amdvi-unit.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1x.c
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c xen/drivers/passthrough/pt/iopt-amdv1.c
// SOURCES: xen/common/cmdline.c xen/lib/strtox.c
/*
 * The neutral IOMMU layer and the AMD driver against software units that cache
 * all they may, and log what QEMU's model never logs. Each configuration runs
 * in a process of its own.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/acpi.h>
#include <xen/cmdline.h>
#include <xen/page-pool.h>
#include <xen/perf-counter.h>
#include <xen/time.h>
#include <xen/xmalloc.h>

#include "expect.h"
#include "log-capture.h"
#include "tests/port/dev-amdvi.h"
#include "xen/drivers/passthrough/amd/amdvi-priv.h"
#include "xen/drivers/passthrough/iommu.c"

/* ---- the world around the driver ------------------------------------------ */

uint32_t perf_values[PERF_ROW_WORDS];
const struct xen_param xen_param_start[1];
const struct xen_param xen_param_end[1];

static int no_unit(struct iommu_caps *caps)
{
    (void)caps;
    return -ENODEV;
}

const struct iommu_vendor_ops vtd_ops = { .name = "vtd", .setup = no_unit };

static struct dev_amdvi dev[2];
static struct ivrs_info ivrs;
static struct madt_info madt;

/* The clock moves when it is read; an entry may come late by it. */
static uint64_t clock_ns;
static uint64_t release_ns;

uint64_t now_ns(void)
{
    clock_ns += 100;
    if (release_ns && clock_ns >= release_ns) {
        release_ns = 0;
        dev_amdvi_release_entry(&dev[0]);
    }
    return clock_ns;
}

#define NR_DEVS 9
#define IOMMU0  6
#define IOMMU1  7
static struct pci_dev devs[NR_DEVS] = {
    { .sbdf = { 0, 0x0020 }, .kind = PCI_ENDPOINT },
    { .sbdf = { 0, 0x0028 }, .kind = PCI_ENDPOINT },
    { .sbdf = { 0, 0x0008 },
      .kind = PCI_BRIDGE,
      .secondary = 1,
      .subordinate = 1 },
    { .sbdf = { 0, 0x0100 }, .kind = PCI_ENDPOINT },
    { .sbdf = { 0, 0x0018 },
      .kind = PCI_PCIE_TO_PCI,
      .secondary = 3,
      .subordinate = 3 },
    { .sbdf = { 0, 0x0318 }, .kind = PCI_ENDPOINT },
    { .sbdf = { 0, 0x0010 }, .kind = PCI_ENDPOINT },
    { .sbdf = { 0, 0x4010 }, .kind = PCI_ENDPOINT },
    { .sbdf = { 0, 0x0102 }, .kind = PCI_ENDPOINT },
};
static uint8_t conf[NR_DEVS][256];

void *xzalloc_bytes(size_t bytes)
{
    return calloc(1, bytes);
}

void xfree(void *p)
{
    free(p);
}

int acpi_ivrs(const struct ivrs_info **info)
{
    *info = &ivrs;
    return ivrs.nr_units ? 0 : -ENOENT;
}

const struct madt_info *acpi_madt(void)
{
    return &madt;
}

struct pci_dev *pci_find(sbdf_t s)
{
    for (unsigned int i = 0; i < NR_DEVS; i++) {
        if (sbdf_eq(devs[i].sbdf, s)) {
            return &devs[i];
        }
    }
    return NULL;
}

struct pci_dev *pci_parent(sbdf_t s)
{
    for (unsigned int i = 0; i < NR_DEVS; i++) {
        if (devs[i].secondary && devs[i].secondary == s.bdf >> 8) {
            return &devs[i];
        }
    }
    return NULL;
}

int pci_for_each(int (*fn)(struct pci_dev *d, void *arg), void *arg)
{
    int rc = 0;

    for (unsigned int i = 0; i < NR_DEVS && rc == 0; i++) {
        rc = fn(&devs[i], arg);
    }
    return rc;
}

uint32_t pci_read(sbdf_t s, unsigned int reg, unsigned int width)
{
    const struct pci_dev *const d = pci_find(s);
    uint32_t v = 0;

    if (!d) {
        return ~UINT32_C(0);
    }
    memcpy(&v, &conf[d - devs][reg], width);
    return v;
}

void pci_write(sbdf_t s, unsigned int reg, unsigned int width, uint32_t v)
{
    const struct pci_dev *const d = pci_find(s);

    if (d) {
        memcpy(&conf[d - devs][reg], &v, width);
    }
}

/* The first of the two: the other one is none. */
unsigned int pci_cap_find(sbdf_t s, unsigned int id)
{
    (void)s;
    EXPECT_EQ("capability", id, PCI_CAP_ID_MSI);
    return 0x60;
}

int mmio_map(paddr_t pa, size_t size, mmio_t *out)
{
    (void)size;
    out->va = pa; /* the handle is opaque: the address will do */
    return 0;
}

static struct dev_amdvi *dev_at(uintptr_t va)
{
    return &dev[va == ivrs.unit[0].pa ? 0 : 1];
}

uint64_t port_mmio_read(uintptr_t va, size_t off, unsigned int bytes)
{
    return dev_amdvi_read(dev_at(va), off, bytes);
}

void port_mmio_write(uintptr_t va, size_t off, unsigned int bytes, uint64_t v)
{
    dev_amdvi_write(dev_at(va), off, bytes, v);
}

static void (*irq_fn[2])(void *arg);
static void *irq_arg[2];
static unsigned int nr_irqs;

int host_irq_request(const char *name, void (*fn)(void *arg), void *arg,
                     struct msi_msg *msg)
{
    (void)name;
    irq_fn[nr_irqs] = fn;
    irq_arg[nr_irqs] = arg;
    *msg = (struct msi_msg){ 0xfee00000, 0x40 + nr_irqs };
    nr_irqs++;
    return 0;
}

static bool hold_irq;

static void raise_msi(struct dev_amdvi *v)
{
    const unsigned int i = v == &dev[0] ? 0 : 1;
    const uint8_t *const c = conf[i ? IOMMU1 : IOMMU0] + 0x60;

    uint32_t address;

    /* Programmed and enabled, 64-bit layout. */
    memcpy(&address, c + 4, sizeof(address));
    EXPECT_EQ("message address", address, 0xfee00000);
    EXPECT_EQ("message enabled", c[2] & 1, 1);
    if (!hold_irq && c[2] & 1) {
        irq_fn[c[12] - 0x40](irq_arg[c[12] - 0x40]);
    }
}

/* ---- set-up --------------------------------------------------------------- */

#define EFR_QEMU UINT64_C(0x29d3)
#define EFR_IA   BIT64(6)
#define EFR_GA   BIT64(7)
#define HATS(n)  ((uint64_t)(n) << 10)

struct config {
    const char *name;
    uint64_t efr, efr2; /* efr2: second unit's, if two_units */
    bool np_cache, coherent, two_units;
    unsigned int pa_bits, va_bits;
    unsigned int levels; /* wanted */
};

static void add_dev(unsigned int unit, unsigned int first, unsigned int last,
                    int alias)
{
    ivrs.dev[ivrs.nr_devs++] = (struct ivrs_dev){
        .first = (uint16_t)first,
        .last = (uint16_t)last,
        .aliased = alias >= 0,
        .alias = (uint16_t)(alias >= 0 ? alias : 0),
        .flags = first == 0x0028 ? 0x34 : 0,
    };
    ivrs.unit[unit].nr_devs++;
}

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

static void make_unit(unsigned int i, const struct config *c)
{
    uint8_t *const f = conf[i ? IOMMU1 : IOMMU0];

    put32(f + 0x40, 0x1b03000f | (c->np_cache ? 1u << 26 : 0));
    put32(f + 0x44, 0xfed80000 + i * 0x4000);
    put32(f + 0x50, c->va_bits << 15 | c->pa_bits << 8);
    f[0x62] = 0x80; /* 64-bit messages */
    ivrs.unit[i] = (struct ivrs_unit){
        .pa = 0xfed80000 + i * 0x4000,
        .size = 0x4000,
        .devid = devs[i ? IOMMU1 : IOMMU0].sbdf.bdf,
        .cap = 0x40,
        .flags = (uint8_t)(c->coherent ? 0x20 : 0),
        .first_dev = (uint16_t)ivrs.nr_devs,
        .type = 0x10,
    };
    dev_amdvi_reset(&dev[i], i ? c->efr2 : c->efr, c->np_cache);
    dev[i].msi = raise_msi;
    ivrs.nr_units++;
}

/* Unit 0: bus 0 but 00:05.0, buses 1 to 3. Unit 1, if any: 00:05.0, bus 40. */
static void machine(const struct config *c)
{
    pool_shadow_on();
    make_unit(0, c);
    add_dev(0, 0x0000, 0x0027, -1);
    add_dev(0, 0x0029, 0x00ff, -1);
    add_dev(0, 0x0100, 0x0101, -1);
    add_dev(0, 0x0102, 0x0103, 0x0101); /* show function 1 */
    add_dev(0, 0x0300, 0x03ff, -1);
    add_dev(0, 0x00f0, 0x00f0, 0x00f1); /* the last word on 00:1e.0 */
    if (c->two_units) {
        make_unit(1, c);
        add_dev(1, 0x4000, 0x40ff, -1);
    }
    add_dev(c->two_units, 0x0028, 0x0028, -1);
    ivrs.special[ivrs.nr_specials++] =
        (struct ivrs_special){ .kind = IVRS_IOAPIC, .devid = 0x00a0 };
    ivrs.special[ivrs.nr_specials++] = (struct ivrs_special){ .kind = IVRS_HPET,
                                                              .handle = 3,
                                                              .devid = 0x00a1 };
    ivrs.region[ivrs.nr_regions++] =
        (struct ivrs_region){ .first = 0x7e0000,
                              .last = 0x7e1fff,
                              .devid_first = 0x0028,
                              .devid_last = 0x0030,
                              .read = true,
                              .write = true };
    ivrs.region[ivrs.nr_regions++] =
        (struct ivrs_region){ .first = 0x7d0000,
                              .last = 0x7d0fff,
                              .devid_first = 0x0101,
                              .devid_last = 0x0101,
                              .read = true };
    ivrs.region[ivrs.nr_regions++] = (struct ivrs_region){ .first = 0x7c0000,
                                                           .last = 0x7c0fff,
                                                           .seg = 1,
                                                           .devid_last = 0xffff,
                                                           .read = true };
    madt.nr_ioapics = 1;
    for (unsigned int i = 0; i < NR_DEVS; i++) {
        conf[i][PCI_REG_COMMAND] = 7;
    }
    EXPECT_EQ("setup", iommu_setup(), 0);
    EXPECT_EQ("enabled", iommu_enabled, true);
}

static struct dev_amdvi *unit_dev(unsigned int d)
{
    unsigned int unit = 0;

    EXPECT_EQ("unit", amdvi_unit_of(devs[d].sbdf, &unit), 0);
    return &dev[unit];
}

static unsigned int dma(unsigned int d, uint64_t dfn, bool write, uint64_t *mfn)
{
    uint64_t pa = 0;
    const unsigned int rc = dev_amdvi_dma(unit_dev(d), devs[d].sbdf.bdf,
                                          dfn << 12 | 0x123, write, &pa);

    *mfn = pa >> 12;
    return rc;
}

/* Device d reads dfn: expects mfn, or a fault when want_ok is false. */
#define EXPECT_DMA(what, d, dfn, write, want_ok, want_mfn)              \
    do {                                                                \
        uint64_t got_mfn_;                                              \
        const unsigned int why_ = dma(d, dfn, write, &got_mfn_);        \
                                                                        \
        EXPECT_EQ(what, why_ && (want_ok) ? why_ : why_ == 0, want_ok); \
        if (why_ == 0) {                                                \
            EXPECT_EQ(what, got_mfn_, want_mfn);                        \
        }                                                               \
    } while (0)

static unsigned int stale(struct iospace *s)
{
    unsigned int bad = 0;

    for (unsigned int u = 0; u < amdvi_nr_units; u++) {
        bad += dev_amdvi_stale(&dev[u], s->did, s->pt.root_pa, s->pt.levels);
    }
    return bad;
}

static void counters_clear(void)
{
    dev_amdvi_count(&dev[0]);
    dev_amdvi_count(&dev[1]);
}

static int map_flush(struct iospace *s, uint64_t dfn, uint64_t mfn, uint64_t nr,
                     unsigned int prot)
{
    struct iommu_gather g = IOMMU_GATHER_INIT;
    const int rc = iommu_map(s, DFN(dfn), MFN(mfn), nr, prot, &g);
    const int rc2 = iommu_flush(s, &g);

    return rc ? rc : rc2;
}

static int unmap_flush(struct iospace *s, uint64_t dfn, uint64_t nr)
{
    struct iommu_gather g = IOMMU_GATHER_INIT;
    const int rc = iommu_unmap(s, DFN(dfn), nr, &g);
    const int rc2 = iommu_flush(s, &g);

    return rc ? rc : rc2;
}

/* ---- cases ---------------------------------------------------------------- */

static void basics(const struct config *c, struct iospace *s)
{
    EXPECT_EQ("levels", iommu_caps.pt.levels, c->levels);
    EXPECT_EQ("absent entries", iommu_caps.pt.track_added, c->np_cache);
    EXPECT_EQ("hidden", devs[IOMMU0].hidden, true);
    EXPECT_EQ("off", dev[0].control & 1, 0);
    EXPECT_EQ("exclusion", dev[0].excl, 0);
    EXPECT_EQ("last entry counts", amdvi_shown_as(0, SBDF(0, 0, 30, 0)).bdf,
              0x00f1);
    EXPECT_EQ("remapping", iommu_intremap_enabled, true);

    EXPECT_EQ("attach", iommu_attach(&devs[0], s), 0);
    EXPECT_EQ("attach", iommu_attach(&devs[1], s), 0);
    EXPECT_EQ("attach its own", iommu_attach(&devs[IOMMU0], s), 0);
    EXPECT_EQ("enable", iommu_enable_all(), 0);
    EXPECT_EQ("translating", dev[0].control & 1, 1);
    EXPECT_EQ("completion by interrupt", amdvi_units[0]->nr_wait_int, 1);
    EXPECT_EQ("its bit is cleared", dev[0].status & 4, 0);
    EXPECT_EQ("hears", amdvi_units[0]->deaf, false);
    EXPECT_EQ("coherent", dev[0].control >> 10 & 1, c->coherent);
    EXPECT_EQ("entry format", dev[0].control >> 17 & 1, c->efr >> 7 & 1);
    if (c->efr & EFR_IA) {
        EXPECT_EQ("forgot all", dev[0].nr_all, 1);
    } else {
        EXPECT_EQ("forgot each", dev[0].nr_dte, 65536);
    }

    /* Nothing is mapped; an unattached device reaches nothing either. */
    EXPECT_DMA("empty", 0, 0x200, false, false, 0);
    EXPECT_DMA("blocked", 3, 0x200, false, false, 0);
    EXPECT_DMA("own function", IOMMU0, 0x200, false, false, 0);

    counters_clear();
    EXPECT_EQ("map", map_flush(s, 0x200, 0x8200, 0x200, 3), 0);
    EXPECT_EQ("fresh map, commands", dev[0].nr_page + dev[0].nr_domain,
              c->np_cache ? 1 : 0);
    EXPECT_DMA("mapped", 0, 0x3ff, true, true, 0x83ff);
    EXPECT_DMA("mapped, other device", 1, 0x201, true, true, 0x8201);
    EXPECT_DMA("beside", 0, 0x400, false, false, 0);
    EXPECT_EQ("identical", map_flush(s, 0x210, 0x8210, 0x10, 3), 0);
    EXPECT_EQ("different", map_flush(s, 0x210, 0x8211, 0x10, 3), -EEXIST);

    counters_clear();
    EXPECT_EQ("unmap", unmap_flush(s, 0x210, 1), 0);
    EXPECT_EQ("commands", dev[0].nr_page, 1);
    EXPECT_EQ("domain-wide", dev[0].nr_domain, 0);
    EXPECT_EQ("one wait", dev[0].nr_wait, 1);
    EXPECT_EQ("reach", dev[0].last_nr, 512);
    EXPECT_EQ("stale", stale(s), 0);
    EXPECT_DMA("unmapped", 0, 0x210, false, false, 0);
    EXPECT_DMA("neighbour", 0, 0x211, true, true, 0x8211);
    counters_clear();
    EXPECT_EQ("unmap", unmap_flush(s, 0x220, 1), 0);
    /* The group around it, if a shatter leaves groups. */
    EXPECT_EQ("reach of one", dev[0].last_nr, iommu_opt.amd_mid_pages ? 32 : 1);
    EXPECT_EQ("leaf only", dev[0].last_tables, false);
    EXPECT_EQ("again", map_flush(s, 0x220, 0x8220, 1, 3), 0);

    counters_clear();
    EXPECT_EQ("remap", map_flush(s, 0x210, 0x8210, 1, 3), 0);
    for (bool more = true; more;) {
        EXPECT_EQ("settle", iommu_settle(s, &more), 0);
    }
    /* Beside it the two frames that firmware wants for 00:05.0. */
    EXPECT_EQ("coalesced", iopt_nr_leaves(&s->pt), 3);
    EXPECT_EQ("stale", stale(s), 0);
    EXPECT_EQ("range", map_flush(s, s->pt.dfn_last, 0, 2, 3), -ERANGE);
    EXPECT_EQ("top", map_flush(s, s->pt.dfn_last, 0x77, 1, 3), 0);
    EXPECT_DMA("top", 0, s->pt.dfn_last, true, true, 0x77);
    EXPECT_EQ("top", unmap_flush(s, s->pt.dfn_last, 1), 0);
    EXPECT_EQ("unmap", unmap_flush(s, 0x200, 0x200), 0);
}

static uint64_t rnd_state = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t rnd(uint64_t below)
{
    rnd_state ^= rnd_state << 13;
    rnd_state ^= rnd_state >> 7;
    rnd_state ^= rnd_state << 17;
    return rnd_state % below;
}

/* Random requests against a flat array; caches judged after each flush. */
static void soak(struct iospace *s)
{
    static uint64_t flat[0x1000]; /* mfn + 1; 0: none */
    const uint64_t base = UINT64_C(0x80000);

    hold_irq = true; /* thousands of faults: nobody listens */
    for (unsigned int i = 0; i < 300; i++) {
        const uint64_t at = rnd(4) ? rnd(8) * 0x200 : rnd(0x1000);
        const uint64_t nr =
            min_of(rnd(3) ? 1 + rnd(8) : 0x200 * (1 + rnd(3)), 0x1000 - at);
        const bool mapping = rnd(2);
        bool clash = false;
        int rc;

        for (uint64_t k = 0; k < nr; k++) {
            clash |= flat[at + k] && flat[at + k] != base + at + k + 1;
        }
        rc = mapping ? map_flush(s, base + at, base + at, nr, 3)
                     : unmap_flush(s, base + at, nr);
        EXPECT_EQ("soak", rc, mapping && clash ? -EEXIST : 0);
        for (uint64_t k = 0; rc == 0 && k < nr; k++) {
            flat[at + k] = mapping ? base + at + k + 1 : 0;
        }
        for (unsigned int k = 0; k < 8; k++) {
            const uint64_t f =
                k < 4 ? min_of(at + rnd(nr + 1), 0xfff) : rnd(0x1000);

            EXPECT_DMA("soak", rnd(2), base + f, rnd(2), flat[f] != 0,
                       flat[f] - 1);
        }
        if (i % 8 == 0) {
            EXPECT_EQ("stale", stale(s), 0);
        }
        if (i % 100 == 0) {
            bool more;

            EXPECT_EQ("settle", iommu_settle(s, &more), 0);
        }
    }
    EXPECT_EQ("unmap", unmap_flush(s, base, 0x1000), 0);
    EXPECT_EQ("stale", stale(s), 0);
    hold_irq = false;
}

static void drain_all(void)
{
    for (unsigned int u = 0; u < amdvi_nr_units; u++) {
        for (unsigned int k = 0; k < 8; k++) {
            amdvi_event_drain(amdvi_units[u]);
        }
        EXPECT_EQ("log empty", dev[u].head[1], dev[u].tail[1]);
    }
    clock_ns += 2 * NS_PER_S; /* another second for the rate limit */
}

static void quiet(void)
{
    drain_all();
    for (unsigned int i = 0; i < NR_DEVS; i++) {
        struct iommu_dev *const id = devs[i].iommu;

        conf[i][PCI_REG_COMMAND] = 7;
        if (id) {
            id->faults = 0;
        }
    }
    log_clear();
}

/* A device that other ids speak for is the one that is silenced. */
static void flood(unsigned int id, unsigned int d)
{
    for (unsigned int i = 0; i < 10; i++) {
        EXPECT_EQ("bus master on", conf[d][4] & 4, 4);
        dev_amdvi_log(&dev[0], UINT64_C(2) << 60 | id, 0x5000);
    }
    EXPECT_EQ("owner", said("(not mapped), d7"), true);
    EXPECT_EQ("bus master off", conf[d][4] & 4, 0);
    EXPECT_EQ("others keep it", conf[1][4] & 4, 4);
    EXPECT_EQ("a line says so", times("bus mastering is off"), 1);
    quiet();
}

/* What a fault says, the walk behind it, and a device that does not stop. */
static void faults(struct iospace *s)
{
    uint32_t before;

    quiet();
    EXPECT_EQ("attach", iommu_attach(&devs[5], s), 0);
    EXPECT_EQ("attach", iommu_attach(&devs[8], s), 0);
    EXPECT_EQ("map", map_flush(s, 0x12000, 0x12000, 0x200, IOMMU_R), 0);
    log_clear();
    before = perf_values[PERF_iommu_faults];
    EXPECT_DMA("not mapped", 0, 0x12345, true, false, 0);
    EXPECT_EQ("counted", perf_values[PERF_iommu_faults], before + 1);
    EXPECT_EQ("device", said("0000:00:04.0 write address 0x12345123"), true);
    EXPECT_EQ("reason and owner", said("(not mapped), d7"), true);
    EXPECT_EQ("walk: device", said("device 0000:00:04.0 0x6"), true);
    EXPECT_EQ("walk: lowest level", said("L2[0x91] = 0 -- not present"), true);
    EXPECT_EQ("walk: highest level", times("]"), iommu_caps.pt.levels - 1);
    log_clear();
    EXPECT_DMA("no permission", 0, 0x12010, true, false, 0);
    EXPECT_EQ("reason", said("no write permission"), true);
    EXPECT_EQ("walk: leaf", said("r- leaf"), true);
    log_clear();
    EXPECT_DMA("blocked", 3, 0x10, false, false, 0);
    EXPECT_EQ("read", said("0000:01:00.0 read address 0x10123"), true);
    EXPECT_EQ("never attached", said("), no owner"), true);
    EXPECT_EQ("walk: blocked", said("blocked"), true);
    log_clear();
    dev_amdvi_log(&dev[0], UINT64_C(1) << 60 | 0x20, 0x5000);
    EXPECT_EQ("bad entry", said("code 0x1 (illegal device table entry)"), true);
    log_clear();
    dev_amdvi_log(&dev[0], UINT64_C(13) << 60 | 0x777, 0x5000);
    EXPECT_EQ("unknown code", said("code 0xd (unknown event)"), true);
    EXPECT_EQ("unknown device", said("unknown device"), true);
    EXPECT_EQ("no walk", times("device"), 2);
    log_clear();
    dev_amdvi_log(&dev[0], UINT64_C(4) << 60 | BIT64(58) | 0x20, 0x7654320);
    EXPECT_EQ("where the table is",
              said("address 0x7654320 code 0x4 (page table not readable at "
                   "that machine address, access refused), d7"),
              true);
    EXPECT_EQ("is not walked", said("L"), false);
    log_clear();
    dev_amdvi_log(&dev[0], UINT64_C(2) << 60 | BIT64(51) | 0x20, 0xfee00000);
    EXPECT_EQ("interrupt", said("interrupt not allowed"), true);
    EXPECT_EQ("no walk", said("L"), false);

    quiet();
    for (unsigned int i = 0; i < 9; i++) {
        EXPECT_DMA("some", 0, 0x12345 + i, true, false, 0);
    }
    EXPECT_EQ("bus master on", conf[0][4] & 4, 4);
    EXPECT_DMA("one more", 0, 0x12345, true, false, 0);
    EXPECT_EQ("bus master off", conf[0][4] & 4, 0);
    EXPECT_EQ("others keep it", conf[1][4] & 4, 4);
    EXPECT_EQ("a line says so", times("bus mastering is off"), 1);
    EXPECT_EQ("walks", times("fault: device"), 10);

    quiet();
    flood(0x0300, 5); /* behind a bridge: its bus's id */
    flood(0x0018, 5); /* or the bridge's own */
    flood(0x0101, 8); /* IVRS: the id that 01:00.2 shows */

    /* Whoever it is, lines are bounded; how many were not, follows. */
    for (unsigned int i = 0; i < 1000; i++) {
        dev_amdvi_log(&dev[0], UINT64_C(2) << 60 | 0x777, i << 12);
    }
    EXPECT_EQ("bounded", times("fault: device"), 16);
    clock_ns += 2 * NS_PER_S;
    dev_amdvi_log(&dev[0], UINT64_C(2) << 60 | 0x777, 0);
    EXPECT_EQ("not printed", said("984 faults were not printed"), true);
    quiet();
    EXPECT_DMA("its own unit", 1, 0x12345, true, false, 0);
    EXPECT_EQ("its own unit",
              said(amdvi_nr_units > 1 ? "amdvi1: fault: device 0000:00:05.0"
                                      : "amdvi0: fault: device 0000:00:05.0"),
              true);
    EXPECT_EQ("unmap", unmap_flush(s, 0x12000, 0x200), 0);
    quiet();
}

/* The log overflows, an entry comes late or never, page requests. */
static void logs(void)
{
    quiet();
    hold_irq = true;
    for (unsigned int i = 0; i < 300; i++) {
        EXPECT_DMA("overflow", 0, 0x12345 + i, false, false, 0);
    }
    EXPECT_EQ("overflowed", dev[0].status & 9, 1);
    hold_irq = false;
    amdvi_event_drain(amdvi_units[0]);
    EXPECT_EQ("running again", dev[0].status & 9, 8);
    EXPECT_EQ("a line says so", times("more events than the log holds"), 1);
    quiet();
    EXPECT_DMA("logged again", 0, 0x12345, false, false, 0);
    EXPECT_EQ("logged again", said("fault: device"), true);

    quiet();
    dev[0].hold_entry = true;
    release_ns = clock_ns + 2000;
    EXPECT_DMA("late", 0, 0x12345, false, false, 0);
    EXPECT_EQ("late", said("fault: device 0000:00:04.0"), true);
    quiet();
    EXPECT_DMA("never", 0, 0x12345, false, false, 0);
    EXPECT_EQ("never", said("was never written"), true);
    dev[0].hold_entry = false;
    dev[0].held_pa = 0;
    quiet();

    if (dev[0].efr & 2) {
        dev_amdvi_ppr(&dev[0], 5);
        EXPECT_EQ("thrown away", dev[0].head[2], dev[0].tail[2]);
        EXPECT_EQ("counted", amdvi_units[0]->nr_ppr, 5);
        hold_irq = true;
        dev_amdvi_ppr(&dev[0], 300);
        EXPECT_EQ("overflowed", dev[0].status & 0xa0, 0x20);
        hold_irq = false;
        amdvi_event_drain(amdvi_units[0]);
        EXPECT_EQ("running again", dev[0].status & 0xa0, 0x80);
    }
    quiet();
}

/* What a unit remembers of an id: an id that nobody uses may be given out. */
static unsigned int remembered(const struct dev_amdvi *v, uint16_t did)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < DEV_AMDVI_TLB; i++) {
        n += v->tlb[i].valid && v->tlb[i].did == did;
    }
    for (unsigned int i = 0; i < DEV_AMDVI_PSC; i++) {
        n += v->psc[i].valid && v->psc[i].did == did;
    }
    return n;
}

static void owners(struct iospace *a)
{
    struct iospace *b;
    uint64_t pa;

    EXPECT_EQ("create", iospace_create(8, &b), 0);
    EXPECT_EQ("ids differ", a->did != b->did && b->did > 2, true);
    EXPECT_EQ("map", map_flush(a, 0x10, 0x10, 1, 3), 0);
    EXPECT_EQ("map", map_flush(b, 0x10, 0x99, 1, 1), 0);
    EXPECT_DMA("first owner", 0, 0x10, true, true, 0x10);
    EXPECT_EQ("move", iommu_attach(&devs[0], b), 0);
    EXPECT_DMA("second owner", 0, 0x10, false, true, 0x99);
    EXPECT_DMA("read-only", 0, 0x10, true, false, 0);
    EXPECT_DMA("the other device stays", 1, 0x10, true, true, 0x10);
    if (amdvi_nr_units > 1) {
        EXPECT_EQ("one unit serves it", map_flush(b, 0x40, 0x40, 1, 1), 0);
        counters_clear();
        EXPECT_EQ("one unit serves it", unmap_flush(b, 0x40, 1), 0);
        EXPECT_EQ("told", dev[0].nr_page, 1);
        EXPECT_EQ("not told", dev[1].nr_page + dev[1].nr_wait, 0);
    }
    EXPECT_EQ("remembered", remembered(unit_dev(0), b->did) > 0, true);
    EXPECT_EQ("detach", iommu_detach(&devs[0]), 0);
    EXPECT_EQ("nothing is left", remembered(unit_dev(0), b->did), 0);
    log_clear();
    EXPECT_DMA("quarantine", 0, 0x10, false, false, 0);
    EXPECT_EQ("quarantine", said("), quarantine"), true);
    log_clear();
    spin_lock(&attach_lock);
    spin_lock(&a->lock);
    EXPECT_DMA("interrupted", 0, 0x10, false, false, 0);
    spin_unlock(&a->lock);
    spin_unlock(&attach_lock);
    /* Whoever holds whatever lock: the handler waits for none of them. */
    EXPECT_EQ("interrupted", said("), quarantine"), true);
    EXPECT_EQ("walked", said("L"), true);

    EXPECT_EQ("pass-through", iommu_attach(&devs[0], NULL), 0);
    EXPECT_DMA("passed through", 0, 0x4321, true, true, 0x4321);
    EXPECT_EQ("back", iommu_attach(&devs[0], a), 0);
    EXPECT_DMA("translated", 0, 0x10, true, true, 0x10);
    EXPECT_DMA("nothing else", 0, 0x4321, true, false, 0);

    /* A device behind a bridge that hides it uses the bridge's ids. */
    EXPECT_EQ("bridged", iommu_attach(&devs[5], a), 0);
    EXPECT_EQ("alias", dev_amdvi_dma(&dev[0], 0x0300, 0x10000, true, &pa), 0);

    /* 01:00.2 shows 01:00.1, and so does 01:00.3. */
    EXPECT_EQ("shows another", iommu_attach(&devs[8], a), 0);
    EXPECT_EQ("shown id", dev_amdvi_dma(&dev[0], 0x0101, 0x10000, true, &pa),
              0);
    /* A range for the id that 01:00.2 shows; one of another segment. */
    EXPECT_EQ("reserved by the shown id",
              dev_amdvi_dma(&dev[0], 0x0101, 0x7d0000, false, &pa), 0);
    EXPECT_EQ("another segment's",
              dev_amdvi_dma(&dev[0], 0x0101, 0x7c0000, false, &pa),
              DEV_AMDVI_FAULT);
    EXPECT_EQ("its neighbour, same owner",
              iommu_ops->attach(0, SBDF(0, 1, 0, 3), a), 0);
    EXPECT_EQ("its neighbour, another owner",
              iommu_ops->attach(0, SBDF(0, 1, 0, 3), b), -EXDEV);
    EXPECT_EQ("still the first",
              dev_amdvi_dma(&dev[0], 0x0101, 0x10000, true, &pa), 0);
    EXPECT_EQ("blocked", iommu_ops->block(0, SBDF(0, 1, 0, 3)), 0);
    EXPECT_EQ("and the shown id",
              dev_amdvi_dma(&dev[0], 0x0101, 0x10000, true, &pa),
              DEV_AMDVI_FAULT);

    /* Firmware's range for 00:05.0, mapped wherever it is. */
    EXPECT_DMA("reserved", 1, 0x7e1, true, true, 0x7e1);
    EXPECT_EQ("move", iommu_attach(&devs[1], b), 0);
    EXPECT_DMA("reserved", 1, 0x7e0, true, true, 0x7e0);
    EXPECT_EQ("back", iommu_attach(&devs[1], a), 0);
    iospace_destroy(b);
    EXPECT_EQ("unmap", unmap_flush(a, 0x10, 1), 0);
    quiet();
}

/* An HPET's timers: its id, an entry for each, nobody else's. */
static void hpet(void)
{
    const struct intr_route r = { .dest = 2, .vector = 0x91 };
    const struct intr_route r2 = { .dest = 1, .vector = 0x92 };
    ire_t timer[2] = { { 0, 0, false }, { 0, 0, false } };
    struct msi_msg m[2];
    uint8_t vec = 0;
    uint32_t dest = 0;

    EXPECT_EQ("no such HPET", intremap_hpet(0, &timer[0], &r, &m[0]), -ENODEV);
    EXPECT_EQ("silent",
              dev_amdvi_msi(&dev[0], 0xa1, 0xfee00000, 0, &vec, &dest),
              DEV_AMDVI_FAULT);
    EXPECT_EQ("first", intremap_hpet(3, &timer[0], &r, &m[0]), 0);
    EXPECT_EQ("second", intremap_hpet(3, &timer[1], &r2, &m[1]), 0);
    for (unsigned int i = 0; i < 2; i++) {
        EXPECT_EQ("arrives",
                  dev_amdvi_msi(&dev[0], 0xa1, m[i].address, m[i].data, &vec,
                                &dest),
                  0);
        EXPECT_EQ("vector", vec, 0x91 + i);
        EXPECT_EQ("destination", dest, 2 - i);
    }
    EXPECT_EQ("not for others",
              dev_amdvi_msi(&dev[0], 0xa2, m[0].address, m[0].data, &vec,
                            &dest),
              DEV_AMDVI_FAULT);
    EXPECT_EQ("moved", intremap_hpet(3, &timer[0], &r2, &m[0]), 0);
    EXPECT_EQ(
        "arrives",
        dev_amdvi_msi(&dev[0], 0xa1, m[0].address, m[0].data, &vec, &dest), 0);
    EXPECT_EQ("vector", vec, 0x92);
    intremap_free(&timer[0]);
    EXPECT_EQ("gone",
              dev_amdvi_msi(&dev[0], 0xa1, m[0].address, m[0].data, &vec,
                            &dest),
              DEV_AMDVI_FAULT);
    intremap_free(&timer[1]);
    quiet();
}

static void interrupts(const struct config *c)
{
    const struct iommu_source as_ioapic = { .sid = { { 0, 0x00a0 } },
                                            .nr_sids = 1 };
    struct intr_route r = { .dest = 3, .vector = 0x55 };
    ire_t msi = { 0, 0, false }, second = { 0, 0, false };
    ire_t pin = { 0, 0, false }, other = { 0, 0, false };
    ire_t bridge = { 0, 0, false };
    struct dev_amdvi *const v = unit_dev(0);
    const uint16_t id = devs[0].sbdf.bdf;
    struct msi_msg m, m2, m3;
    uint64_t rte = BIT64(16);
    uint8_t vec = 0;
    uint32_t dest = 0;

    EXPECT_EQ("before it has a table",
              dev_amdvi_msi(v, id, 0xfee00000, 0, &vec, &dest),
              DEV_AMDVI_FAULT);
    EXPECT_EQ("unit's own",
              dev_amdvi_msi(v, 0x0010, 0xfee00000, 0x40, &vec, &dest), 0);
    EXPECT_EQ("msi", intremap_msi(&devs[0], &msi, &r, &m), 0);
    EXPECT_EQ("right", dev_amdvi_msi(v, id, m.address, m.data, &vec, &dest), 0);
    EXPECT_EQ("vector", vec, 0x55);
    EXPECT_EQ("destination", dest, 3);
    EXPECT_EQ("wrong source",
              dev_amdvi_msi(v, 0x0100, m.address, m.data, &vec, &dest),
              DEV_AMDVI_FAULT);
    EXPECT_EQ("other entry",
              dev_amdvi_msi(v, id, m.address, m.data + 1, &vec, &dest),
              DEV_AMDVI_FAULT);
    EXPECT_EQ("NMI", dev_amdvi_msi(v, id, m.address, 0x400, &vec, &dest),
              DEV_AMDVI_FAULT);
    EXPECT_EQ("second", intremap_msi(&devs[0], &second, &r, &m2), 0);
    EXPECT_EQ("another entry", m2.data != m.data, true);
    counters_clear();
    r.vector = 0x66;
    EXPECT_EQ("again", intremap_msi(&devs[0], &msi, &r, &m2), 0);
    EXPECT_EQ("message stays", m2.data, m.data);
    EXPECT_EQ("one flush", v->nr_intr, 1);
    EXPECT_EQ("moved", dev_amdvi_msi(v, id, m.address, m.data, &vec, &dest), 0);
    EXPECT_EQ("vector", vec, 0x66);
    counters_clear();
    EXPECT_EQ("same", intremap_msi(&devs[0], &msi, &r, &m2), 0);
    EXPECT_EQ("no flush", v->nr_intr, 0);

    /* Behind a bridge: whichever id it shows. */
    EXPECT_EQ("bridged", intremap_msi(&devs[5], &other, &r, &m2), 0);
    EXPECT_EQ("by bus",
              dev_amdvi_msi(v, 0x0300, m2.address, m2.data, &vec, &dest), 0);
    EXPECT_EQ("by bridge",
              dev_amdvi_msi(v, 0x0018, m2.address, m2.data, &vec, &dest), 0);
    /* The bridge itself may send too: its messages are in the same table. */
    EXPECT_EQ("bridge", intremap_msi(&devs[4], &bridge, &r, &m3), 0);
    EXPECT_EQ("another entry", m3.data != m2.data, true);
    EXPECT_EQ("its own",
              dev_amdvi_msi(v, 0x0018, m3.address, m3.data, &vec, &dest), 0);
    EXPECT_EQ("still by bridge",
              dev_amdvi_msi(v, 0x0018, m2.address, m2.data, &vec, &dest), 0);
    intremap_free(&bridge);
    intremap_free(&other);
    EXPECT_EQ("gone for each id",
              dev_amdvi_msi(v, 0x0018, m2.address, m2.data, &vec, &dest),
              DEV_AMDVI_FAULT);
    EXPECT_EQ("gone for each id",
              dev_amdvi_msi(v, 0x0300, m2.address, m2.data, &vec, &dest),
              DEV_AMDVI_FAULT);
    other = (ire_t){ 0, 0, false };
    EXPECT_EQ("shown id", intremap_msi(&devs[8], &other, &r, &m2), 0);
    EXPECT_EQ("shown id",
              dev_amdvi_msi(v, 0x0101, m2.address, m2.data, &vec, &dest), 0);
    intremap_free(&other);

    /* Pins: the index is the pin, in the vector's place. */
    r = (struct intr_route){
        .dest = 1, .vector = 0x31, .level = true, .active_low = true
    };
    EXPECT_EQ("pin", intremap_ioapic(0, 5, &pin, &r, &rte), 0);
    EXPECT_EQ("entry", rte, 0x1a005);
    EXPECT_EQ("arrives",
              dev_amdvi_msi(&dev[0], 0x00a0, 0xfee00000, 5, &vec, &dest), 0);
    EXPECT_EQ("vector", vec, 0x31);
    r.vector = 0x32;
    EXPECT_EQ("moved", intremap_ioapic(0, 5, &pin, &r, &rte), 0);
    EXPECT_EQ("entry stays", rte, 0x1a005);
    EXPECT_EQ("arrives",
              dev_amdvi_msi(&dev[0], 0x00a0, 0xfee00000, 5, &vec, &dest), 0);
    EXPECT_EQ("vector", vec, 0x32);
    EXPECT_EQ("other pin",
              dev_amdvi_msi(&dev[0], 0x00a0, 0xfee00000, 6, &vec, &dest),
              DEV_AMDVI_FAULT);
    EXPECT_EQ("no such IO-APIC", intremap_ioapic(9, 5, &pin, &r, &rte),
              -ENODEV);
    /* A function with the IO-APIC's id leaves the pins their entries. */
    EXPECT_EQ("same id", iommu_ops->ire_msi(0, &as_ioapic, &other, &r, &m2), 0);
    EXPECT_EQ("upper half", m2.data >= 256, true);
    intremap_free(&other);
    r.dest = 0x100;
    EXPECT_EQ("far", intremap_msi(&devs[0], &msi, &r, &m), -ERANGE);
    if (c->efr & EFR_GA) {
        const struct intr_route far = { .dest = 0x12345678, .vector = 0x77 };

        iommu_opt.x2apic = true;
        EXPECT_EQ("x2APIC", intremap_msi(&devs[0], &msi, &far, &m), 0);
        EXPECT_EQ("x2APIC",
                  dev_amdvi_msi(v, id, m.address, m.data, &vec, &dest), 0);
        EXPECT_EQ("all of it", dest, 0x12345678);
        iommu_opt.x2apic = false;
    }

    hpet();
    intremap_free(&msi);
    EXPECT_EQ("freed", msi.valid, false);
    EXPECT_EQ("gone", dev_amdvi_msi(v, id, m.address, m.data, &vec, &dest),
              DEV_AMDVI_FAULT);
    r.dest = 2;
    EXPECT_EQ("reused", intremap_msi(&devs[0], &msi, &r, &m2), 0);
    EXPECT_EQ("reused", m2.data, m.data);
    intremap_free(&msi);

    /* As many as there are, and then none. */
    for (unsigned int i = 0; i < AMDVI_IRT_SLOTS; i++) {
        ire_t one = { 0, 0, false };

        EXPECT_EQ("fill", intremap_msi(&devs[0], &one, &r, &m),
                  i + 1 < AMDVI_IRT_SLOTS ? 0 : -ENOSPC);
        EXPECT_EQ("reachable", m.data < 512, true);
    }
    quiet();
}

/* The ring round and round, a command that is none, and a dead unit. */
static void ring(void)
{
    struct amdvi_unit *const u = amdvi_units[0];
    struct iommu_entry128 c[AMDVI_BATCH];
    uint64_t ticket;

    for (unsigned int i = 0; i < AMDVI_BATCH; i++) {
        c[i] = amdvi_cmd_pages(5, 0, AMDVI_MAX_ORDER + 1, true);
    }
    counters_clear();
    for (unsigned int i = 0; i < 200; i++) {
        dev[0].head_past_end = i & 1;
        EXPECT_EQ("run", amdvi_cmd_run(u, c, i % AMDVI_BATCH), 0);
    }
    dev[0].head_past_end = false;
    EXPECT_EQ("waits", dev[0].nr_wait, 200);

    dev[0].mute = true;
    EXPECT_EQ("post", amdvi_cmd_post(u, c, 0, &ticket), 0);
    EXPECT_EQ("dead unit", amdvi_cmd_wait(u, ticket), -ETIMEDOUT);
    for (unsigned int i = 0; i < 6; i++) {
        EXPECT_EQ("fills", amdvi_cmd_post(u, c, AMDVI_BATCH, &ticket), 0);
    }
    EXPECT_EQ("full", amdvi_cmd_post(u, c, AMDVI_BATCH, &ticket), -ETIMEDOUT);
    dev[0].mute = false;
    EXPECT_EQ("alive", amdvi_cmd_run(u, c, 1), 0);

    quiet();
    c[0].lo = UINT64_C(15) << 60;
    EXPECT_EQ("no command", amdvi_cmd_run(u, c, 1), -EIO);
    EXPECT_EQ("which", said("stopped taking commands at slot"), true);
    EXPECT_EQ("logged", said("illegal command"), true);
}

/* Runs fn in a process of its own: does the system stop, and why? */
static void dies(const char *what, void (*fn)(void), const char *why)
{
    char out[4096];
    size_t len = 0;
    int fd[2], status = 0;
    pid_t pid;

    fflush(stdout);
    EXPECT_EQ(what, pipe(fd), 0);
    pid = fork();
    if (pid == 0) {
        dup2(fd[1], STDOUT_FILENO);
        fn();
        _exit(0);
    }
    close(fd[1]);
    for (ssize_t n = 1; n > 0 && len + 1 < sizeof(out); len += (size_t)n) {
        n = read(fd[0], out + len, sizeof(out) - 1 - len);
        n = n < 0 ? 0 : n;
    }
    out[len] = '\0';
    close(fd[0]);
    EXPECT_EQ(what, waitpid(pid, &status, 0), pid);
    EXPECT_EQ(what, WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, true);
    EXPECT_EQ(what, strstr(out, why) != NULL, true);
}

static struct iospace *space_of_0;

static void unmap_mute(void)
{
    dev[0].mute = true;
    EXPECT_EQ("unmap", unmap_flush(space_of_0, 0x3000, 1), 0);
}

static void attach_mute(void)
{
    dev[0].mute = true;
    EXPECT_EQ("detach", iommu_detach(&devs[0]), 0);
}

static ire_t routed;

static void route_mute(void)
{
    const struct intr_route r = { .dest = 1, .vector = 0x77 };
    struct msi_msg m;

    dev[0].mute = true;
    EXPECT_EQ("route", intremap_msi(&devs[1], &routed, &r, &m), 0);
}

static void free_mute(void)
{
    dev[0].mute = true;
    intremap_free(&routed);
}

/* A unit that does not answer: what was taken away could still be used. */
static void silence(struct iospace *s)
{
    const struct intr_route r = { .dest = 1, .vector = 0x76 };
    struct msi_msg m;

    space_of_0 = s;
    EXPECT_EQ("map", map_flush(s, 0x3000, 0x3000, 1, 3), 0);
    EXPECT_EQ("attach", iommu_attach(&devs[0], s), 0);
    EXPECT_EQ("route", intremap_msi(&devs[1], &routed, &r, &m), 0);
    dies("unmap", unmap_mute, "panic: amdvi0: no answer to");
    dies("detach", attach_mute,
         "panic: amdvi0: no answer to a change of owner");
    dies("route", route_mute, "panic: amdvi0: no answer to a change of inter");
    dies("free", free_mute, "panic: amdvi0: no answer to a change of inter");
    EXPECT_EQ("unmap", unmap_flush(s, 0x3000, 1), 0);
    intremap_free(&routed);
    quiet();
}

/*
 * Whoever reads an entry while it changes sees one of its values: looked at
 * after every single instruction of the change.
 */
static const struct iommu_entry128 *watched;
static unsigned int nr_steps, nr_torn;

static void on_step(int sig)
{
    (void)sig;
    nr_steps++;
    nr_torn += (watched->lo >> 12 & 0xffff) != (watched->hi & 0xffff);
}

/* Sets or clears the trap flag; the ABI's red zone is left alone. */
static inline void stepping(bool on)
{
    if (on) {
        __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\t"
                         "orq $0x100, (%%rsp)\n\tpopfq\n\t"
                         "lea 128(%%rsp), %%rsp" ::
                             : "memory", "cc");
    } else {
        __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\t"
                         "andq $~0x100, (%%rsp)\n\tpopfq\n\t"
                         "lea 128(%%rsp), %%rsp" ::
                             : "memory", "cc");
    }
}

static void whole_entries(void)
{
    struct amdvi_unit *const u = amdvi_units[0];
    const uint16_t id = 0x00f8;
    const struct iommu_entry128 old = u->devtab[id].dma;

    EXPECT_EQ("first", amdvi_dte_set_dma(u, id, 3 | 1 << 12, 1), 0);
    watched = &u->devtab[id].dma;
    EXPECT_EQ("handler", signal(SIGTRAP, on_step) != SIG_ERR, true);
    for (uint64_t n = 2; n < 4; n++) {
        int rc;

        stepping(true);
        rc = amdvi_dte_set_dma(u, id, 3 | n << 12, n);
        stepping(false);
        EXPECT_EQ("change", rc, 0);
        EXPECT_EQ("changed", watched->hi, n);
    }
    EXPECT_EQ("looked", nr_steps > 1000, true);
    EXPECT_EQ("half-written", nr_torn, 0);
    EXPECT_EQ("back", amdvi_dte_set_dma(u, id, old.lo, old.hi), 0);
}

/* Without its interrupt a unit is looked after at flushes. */
static void deaf(struct iospace *s)
{
    quiet();
    hold_irq = true;
    dev[0].status &= ~UINT64_C(6);
    EXPECT_EQ("asks", amdvi_cmd_check_interrupt(amdvi_units[0]), 0);
    EXPECT_EQ("notices", amdvi_units[0]->deaf, true);
    EXPECT_EQ("says so", times("its interrupt does not arrive"), 1);
    EXPECT_EQ("asks no more", amdvi_cmd_check_interrupt(amdvi_units[0]), 0);
    EXPECT_EQ("says no more", times("its interrupt does not arrive"), 1);
    log_clear();
    EXPECT_DMA("fault", 0, 0x12345, false, false, 0);
    EXPECT_EQ("not seen", said("fault: device"), false);
    EXPECT_EQ("map", map_flush(s, 0x3000, 0x3000, 1, 3), 0);
    EXPECT_EQ("unmap", unmap_flush(s, 0x3000, 1), 0);
    EXPECT_EQ("seen at a flush", said("fault: device 0000:00:04.0"), true);
    amdvi_units[0]->deaf = false;
    hold_irq = false;
    quiet();

    /* A log that does not stop when told to: reports are lost, no more. */
    dev[0].status |= 1;
    dev[0].stuck = true;
    amdvi_event_drain(amdvi_units[0]);
    EXPECT_EQ("gives up", said("log stays off"), true);
    log_clear();
    amdvi_event_drain(amdvi_units[0]);
    EXPECT_EQ("does not try again", said("log"), false);
    EXPECT_EQ("translates", dev[0].control & 1, 1);
    dev[0].stuck = false;
}

/* Blocks: which frames the unit understands. */
static void blocks(void)
{
    for (unsigned int order = 0; order <= AMDVI_MAX_ORDER; order++) {
        const uint64_t first = BIT64(order) * 6;
        const struct iommu_entry128 c =
            amdvi_cmd_pages(9, first & (BIT64(52) - 1), order, order & 1);

        EXPECT_EQ("run", amdvi_cmd_run(amdvi_units[0], &c, 1), 0);
        EXPECT_EQ("frames", dev[0].last_nr, BIT64(order));
        EXPECT_EQ("tables", dev[0].last_tables, order & 1);
    }
}

/* Layout of what hardware reads, against words typed from the manual. */
static void golden(struct iospace *s)
{
    const struct amdvi_dte *const d = &amdvi_units[0]->devtab[0x0020];
    const struct amdvi_dte *const free_one = &amdvi_units[0]->devtab[0x00f0];
    const struct iommu_entry128 one = amdvi_cmd_pages(0x1234, 0xabcde, 0, true);
    const struct iommu_entry128 two = amdvi_cmd_pages(7, 0x200, 9, false);
    unsigned int unit = 0;

    EXPECT_EQ("blocked", free_one->dma.lo, 3);
    EXPECT_EQ("blocked", free_one->intr.lo, 1);
    EXPECT_EQ("word 0", d->dma.lo & ~s->pt.root_pa,
              UINT64_C(0x6000000000000003) | (uint64_t)s->pt.levels << 9);
    EXPECT_EQ("word 1", d->dma.hi, s->did);
    EXPECT_EQ("device table", dev[0].dev_base & 0xfff, 0x1ff);
    EXPECT_EQ("ring", dev[0].cmd_base >> 56, 8);
    EXPECT_EQ("one page", one.lo, UINT64_C(0x3000123400000000));
    EXPECT_EQ("one page", one.hi, UINT64_C(0xabcde002));
    EXPECT_EQ("2M", two.hi, UINT64_C(0x2ff001));
    EXPECT_EQ("device", amdvi_cmd_devtab(0x1234).lo,
              UINT64_C(0x2000000000001234));
    EXPECT_EQ("interrupts", amdvi_cmd_intr(0x1234).lo,
              UINT64_C(0x5000000000001234));
    /* 00:05.0: firmware lets NMIs pass and wants system management mode 3. */
    EXPECT_EQ("unit", amdvi_unit_of(devs[1].sbdf, &unit), 0);
    EXPECT_EQ("passes", amdvi_units[unit]->devtab[0x28].intr.lo >> 56 & 7, 4);
    EXPECT_EQ("management", amdvi_units[unit]->devtab[0x28].dma.hi >> 40, 3);
}

static const struct config configs[] = {
    { "like QEMU", EFR_QEMU, 0, true, false, false, 40, 48, 4 },
    { "no absent entries", EFR_QEMU, 0, false, false, false, 40, 48, 4 },
    { "coherent", EFR_QEMU, 0, false, true, false, 48, 64, 4 },
    { "32-bit entries", EFR_QEMU & ~EFR_GA, 0, false, true, false, 48, 48, 4 },
    { "no invalidate-all", EFR_QEMU & ~EFR_IA, 0, false, true, false, 48, 48,
      4 },
    { "small", EFR_QEMU, 0, true, true, false, 36, 48, 3 },
    { "52 bits", EFR_QEMU, 0, false, true, false, 52, 64, 5 },
    { "52 bits, four levels", HATS(0) | EFR_GA | EFR_IA, 0, false, true, false,
      52, 64, 4 },
    { "64 bits", EFR_QEMU, 0, false, true, false, 64, 64, 6 },
    { "two units", EFR_QEMU, EFR_QEMU, false, true, true, 48, 48, 4 },
    { "two kinds", EFR_QEMU, HATS(1) | EFR_IA, true, false, true, 52, 48, 5 },
};

static void run(const struct config *c)
{
    struct iospace *s;

    machine(c);
    EXPECT_EQ("create", iospace_create(7, &s), 0);
    basics(c, s);
    golden(s);
    soak(s);
    faults(s);
    logs();
    owners(s);
    interrupts(c);
    blocks();
    iommu_dump_units();
    if (c == configs) {
        whole_entries();
    }
    if (!c->two_units) {
        silence(s);
        deaf(s);
        ring();
    }
    iommu_disable_all();
    EXPECT_EQ("off", dev[0].control, 0);
    EXPECT_EQ("messages off", conf[IOMMU0][0x62] & 1, 0);
}

/* Units that cannot be used: a line, and no IOMMU. */
static void refused(void)
{
    const struct config c = configs[0];

    pool_shadow_on();
    make_unit(0, &c);
    put32(conf[IOMMU0] + 0x40, 0xffffffff);
    EXPECT_EQ("no capability", iommu_setup(), 0);
    EXPECT_EQ("no capability", iommu_enabled, false);
    EXPECT_EQ("no capability", said("has no IOMMU capability"), true);
    log_clear();
    put32(conf[IOMMU0] + 0x40, 0x1b03000f);
    dev[0].efr = HATS(3);
    EXPECT_EQ("levels", iommu_setup(), 0);
    EXPECT_EQ("levels", iommu_enabled, false);
    EXPECT_EQ("levels", said("reserved number of table levels"), true);
    log_clear();
    dev[0].efr = EFR_QEMU;
    dev[0].control = ~UINT64_C(0);
    EXPECT_EQ("no registers", iommu_setup(), 0);
    EXPECT_EQ("no registers", iommu_enabled, false);
    EXPECT_EQ("no registers", said("no registers at"), true);
    log_clear();
    dev[0].control = 0;
    dev[0].efr = ~UINT64_C(0);
    EXPECT_EQ("no features", iommu_setup(), 0);
    EXPECT_EQ("no features", iommu_enabled, false);
    EXPECT_EQ("no features", said("no registers at"), true);
    dev[0].efr = EFR_QEMU;
    log_clear();
    put32(conf[IOMMU0] + 0x44, 0xfeb00001);
    EXPECT_EQ("elsewhere", iommu_setup(), 0);
    EXPECT_EQ("elsewhere", iommu_enabled, false);
    EXPECT_EQ("elsewhere",
              said("registers at 0xfed80000, its capability at 0xfeb00000"),
              true);
    put32(conf[IOMMU0] + 0x44, 0xfed80001);

    /* Out of memory, at every step. */
    for (uint64_t n = 0; n < 5; n++) {
        pool_fail_after(n);
        EXPECT_EQ("memory", iommu_setup(), 0);
        EXPECT_EQ("memory", iommu_enabled, false);
    }
    pool_fail_after(UINT64_MAX);
    /* No IO-APIC is named: everything but interrupt remapping. */
    madt.nr_ioapics = 1;
    EXPECT_EQ("no IO-APIC", iommu_setup(), 0);
    EXPECT_EQ("no IO-APIC", iommu_enabled, true);
    EXPECT_EQ("no IO-APIC", iommu_intremap_enabled, false);
    EXPECT_EQ("no IO-APIC", said("no unit remaps IO-APIC 0"), true);
    EXPECT_EQ("interrupts pass", amdvi_units[0]->devtab[0x20].intr.lo, 0);
    EXPECT_EQ("enable", iommu_enable_all(), 0);
    iommu_disable_all();

    /* One is named, but a chip of the machine sends under the wrong id. */
    ivrs.special[ivrs.nr_specials++] =
        (struct ivrs_special){ .kind = IVRS_IOAPIC, .devid = 0x00a0 };
    devs[3].vendor = 0x1002;
    devs[3].device = 0x4385;
    conf[3][0xad] = 0x08;
    log_clear();
    nr_irqs = 0;
    EXPECT_EQ("erratum", iommu_setup(), 0);
    EXPECT_EQ("erratum", iommu_enabled, true);
    EXPECT_EQ("erratum", iommu_intremap_enabled, false);
    EXPECT_EQ("erratum", said("SP5100 erratum 28"), true);
    conf[3][0xad] = 0xf7;
    nr_irqs = 0;
    EXPECT_EQ("separate modes", iommu_setup(), 0);
    EXPECT_EQ("separate modes", iommu_intremap_enabled, true);

    /* A stalling log: the bit is set through the window, which is closed. */
    put32(conf[IOMMU0] + 0x00, 0x14191022);
    put32(conf[IOMMU0] + 0xf4, 0x10);
    nr_irqs = 0;
    EXPECT_EQ("erratum 746", iommu_setup(), 0);
    EXPECT_EQ("erratum 746", conf[IOMMU0][0xf4], 0x14);
    EXPECT_EQ("erratum 746", conf[IOMMU0][0xf1], 0);
    EXPECT_EQ("erratum 746", said("quirk: erratum 746"), true);
    EXPECT_EQ("erratum 63, no writes", amdvi_quirk_sys_mgt(3, 1), 0);
    EXPECT_EQ("erratum 63, writes", amdvi_quirk_sys_mgt(BIT64(62), 1), 1);
    EXPECT_EQ("other settings", amdvi_quirk_sys_mgt(3, 2), 2);

    /* Sizes between, where the unit may be held to those of CPUs. */
    iommu_opt.amd_mid_pages = true;
    nr_irqs = 0;
    EXPECT_EQ("sizes between", iommu_setup(), 0);
    EXPECT_EQ("sizes between", iommu_caps.pt.ops == &iopt_amdv1x_ops, true);
    dev[0].efr = EFR_QEMU | AMDVI_EFR_SNP;
    nr_irqs = 0;
    EXPECT_EQ("not with SNP", iommu_setup(), 0);
    EXPECT_EQ("not with SNP", iommu_caps.pt.ops == &iopt_amdv1_ops, true);
    EXPECT_EQ("not with SNP", said("amd-mid-pages is ignored"), true);
}

static unsigned int child(const char *name, const struct config *c)
{
    int status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        if (c) {
            run(c);
        } else {
            refused();
        }
        fflush(stdout);
        _exit(expect_bad != 0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        printf("FAIL: %s: status %#x\n", name, status);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    unsigned int failed = 0;

    if (argc < 2) {
        failed += child("refused", NULL);
    }
    for (size_t i = 0; i < array_size(configs); i++) {
        if (argc < 2 || strcmp(argv[1], configs[i].name) == 0) {
            failed += child(configs[i].name, &configs[i]);
            iommu_opt.amd_mid_pages = true;
            failed += child(configs[i].name, &configs[i]);
            iommu_opt.amd_mid_pages = false;
        }
    }
    printf("%u of %zu configurations failed\n", failed,
           2 * array_size(configs));
    return failed != 0;
}
