// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/passthrough/iommu-attach.c xen/drivers/passthrough/iommu-fault.c
// SOURCES: xen/drivers/passthrough/iommu-gather.c xen/drivers/passthrough/iommu-intremap.c
// SOURCES: xen/drivers/passthrough/iommu-map.c xen/drivers/passthrough/iommu-reserved.c
// SOURCES: xen/drivers/passthrough/iommu-options.c xen/drivers/passthrough/iommu-regions.c
// SOURCES: xen/drivers/passthrough/iommu-space.c xen/drivers/pci/name.c
// SOURCES: xen/drivers/passthrough/vtd/vtd-context.c xen/drivers/passthrough/vtd/vtd-fault.c
// SOURCES: xen/drivers/passthrough/vtd/vtd-intremap.c xen/drivers/passthrough/vtd/vtd-ops.c
// SOURCES: xen/drivers/passthrough/vtd/vtd-probe.c xen/drivers/passthrough/vtd/vtd-qi.c
// SOURCES: xen/drivers/passthrough/vtd/vtd-quirk.c xen/drivers/passthrough/vtd/vtd-unit.c
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c xen/drivers/passthrough/pt/iopt-vtdss.c
// SOURCES: xen/common/cmdline.c xen/lib/strtox.c
/*
 * The neutral IOMMU layer and the VT-d driver against software units that cache
 * all they may. Each configuration runs in a process of its own.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/acpi.h>
#include <xen/cmdline.h>
#include <xen/mm.h>
#include <xen/page-pool.h>
#include <xen/perf-counter.h>
#include <xen/time.h>

#include "expect.h"
#include "log-capture.h"
#include "tests/port/dev-vtd.h"
#include "xen/drivers/passthrough/iommu.c"
#include "xen/drivers/passthrough/vtd/vtd-priv.h"

#define CAP39  UINT64_C(0xd2008c22260206)
#define CAP48  UINT64_C(0xd2008c222f0606)
#define ECAP   UINT64_C(0xf00f4a)
#define CAP_CM BIT64(7)
#define PSI    BIT64(39)

/* ---- the world around the driver ----------------------------------------- */

uint32_t perf_values[PERF_ROW_WORDS];
const struct xen_param xen_param_start[1];
const struct xen_param xen_param_end[1];

static int no_unit(struct iommu_caps *caps)
{
    (void)caps;
    return -ENODEV;
}

const struct iommu_vendor_ops amdvi_ops = { .name = "amdvi", .setup = no_unit };

static struct dev_vtd dev[2];
static struct dmar_info dmar;
static struct madt_info madt;
static unsigned int nr_acpi_hidden;

#define NR_DEVS 6
static struct pci_dev devs[NR_DEVS] = {
    { .sbdf = { 0, 0x0020 }, .kind = PCI_ENDPOINT },
    { .sbdf = { 0, 0x0028 }, .kind = PCI_ENDPOINT },
    { .sbdf = { 0, 0x0008 },
      .kind = PCI_BRIDGE,
      .secondary = 1,
      .subordinate = 1 },
    { .sbdf = { 0, 0x0100 }, .kind = PCI_ENDPOINT },
    { .sbdf = { 0, 0x0010 },
      .kind = PCI_PCIE_TO_PCI,
      .secondary = 3,
      .subordinate = 3 },
    { .sbdf = { 0, 0x0318 }, .kind = PCI_ENDPOINT },
};
static uint32_t pci_command[NR_DEVS];

void *xzalloc_bytes(size_t bytes)
{
    return calloc(1, bytes);
}

void xfree(void *p)
{
    free(p);
}

int acpi_dmar(const struct dmar_info **info)
{
    *info = &dmar;
    return dmar.nr_units ? 0 : -ENOENT;
}

const struct madt_info *acpi_madt(void)
{
    return &madt;
}

int acpi_hide(const char sig[4])
{
    EXPECT_EQ("hidden table", memcmp(sig, "DMAR", 4), 0);
    nr_acpi_hidden++;
    return 0;
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

    (void)width;
    return d && reg == PCI_REG_COMMAND ? pci_command[d - devs] : ~UINT32_C(0);
}

void pci_write(sbdf_t s, unsigned int reg, unsigned int width, uint32_t v)
{
    const struct pci_dev *const d = pci_find(s);

    (void)width;
    if (d && reg == PCI_REG_COMMAND) {
        pci_command[d - devs] = v;
    }
}

int mmio_map(paddr_t pa, size_t size, mmio_t *out)
{
    (void)size;
    out->va = pa; /* the handle is opaque: the address will do */
    return 0;
}

static struct dev_vtd *dev_at(uintptr_t va)
{
    return &dev[va == dmar.unit[0].pa ? 0 : 1];
}

uint64_t port_mmio_read(uintptr_t va, size_t off, unsigned int bytes)
{
    return dev_vtd_read(dev_at(va), off, bytes);
}

void port_mmio_write(uintptr_t va, size_t off, unsigned int bytes, uint64_t v)
{
    dev_vtd_write(dev_at(va), off, bytes, v);
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

static void raise_msi(uint64_t address, uint32_t data)
{
    EXPECT_EQ("fault message", address, 0xfee00000);
    irq_fn[data - 0x40](irq_arg[data - 0x40]);
}

/* ---- set-up -------------------------------------------------------------- */

struct config {
    const char *name;
    uint64_t cap, ecap;
    uint64_t cap2, ecap2; /* second unit, 0: none */
    unsigned int levels;
    unsigned int leaf_mask;
};

static void add_scope(unsigned int kind, unsigned int enum_id, unsigned int bus,
                      unsigned int d, unsigned int fn)
{
    struct dmar_scope *const sc = &dmar.scope[dmar.nr_scopes++];

    *sc = (struct dmar_scope){ .kind = (uint8_t)kind,
                               .enum_id = (uint8_t)enum_id,
                               .start_bus = (uint8_t)bus,
                               .nr_path = 1 };
    sc->path[0].dev = (uint8_t)d;
    sc->path[0].fn = (uint8_t)fn;
}

/* Unit 0: 00:04.0, IO-APIC, both bridges. Unit 1, if any: the rest. */
static void machine(const struct config *c)
{
    pool_shadow_on();
    dev_vtd_reset(&dev[0], c->cap, c->ecap);
    dev_vtd_reset(&dev[1], c->cap2, c->ecap2);
    dev[0].msi = dev[1].msi = raise_msi;

    dmar.flags = DMAR_FLAG_INTR_REMAP;
    dmar.nr_units = c->cap2 ? 2 : 1;
    add_scope(DMAR_SCOPE_IOAPIC, 0, 0xff, 0, 0);
    add_scope(DMAR_SCOPE_HPET, 3, 0xf0, 15, 0);
    add_scope(DMAR_SCOPE_ENDPOINT, 0, 0, 4, 0);
    add_scope(DMAR_SCOPE_BRIDGE, 0, 0, 1, 0);
    add_scope(DMAR_SCOPE_BRIDGE, 0, 0, 2, 0);
    dmar.unit[0] =
        (struct dmar_unit){ .pa = 0xfed90000, .size = 0x1000, .nr_scopes = 5 };
    if (c->cap2) {
        dmar.unit[1] = (struct dmar_unit){ .pa = 0xfed91000,
                                           .size = 0x1000,
                                           .flags = DRHD_INCLUDE_PCI_ALL };
    } else {
        add_scope(DMAR_SCOPE_ENDPOINT, 0, 0, 5, 0);
        dmar.unit[0].nr_scopes = 6;
    }
    madt.nr_ioapics = 1;
    for (unsigned int i = 0; i < NR_DEVS; i++) {
        pci_command[i] = 7;
    }
    EXPECT_EQ("setup", iommu_setup(), 0);
    EXPECT_EQ("enabled", iommu_enabled, true);
}

static unsigned int dma(unsigned int d, uint64_t dfn, bool write, uint64_t *mfn)
{
    unsigned int unit = 0;
    uint64_t pa = 0;
    unsigned int rc;

    EXPECT_EQ("unit", vtd_unit_of(devs[d].sbdf, &unit), 0);
    rc = dev_vtd_dma(&dev[unit], devs[d].sbdf.bdf, dfn << 12 | 0x123, write,
                     &pa);
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

    for (unsigned int u = 0; u < vtd_nr_units; u++) {
        const struct vtd_unit *const unit = vtd_units[u];

        bad += dev_vtd_stale(&dev[u], s->did, vtd_space_root(unit, s),
                             unit->levels);
    }
    return bad;
}

static void counters_clear(void)
{
    dev_vtd_count(&dev[0]);
    dev_vtd_count(&dev[1]);
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

/* ---- cases --------------------------------------------------------------- */

static void basics(const struct config *c, struct iospace *s)
{
    const bool cm = (c->cap & CAP_CM) != 0;
    const bool psi = (c->cap & PSI) != 0;
    unsigned int prot;
    mfn_t mfn;

    EXPECT_EQ("levels", iommu_caps.pt.levels, c->levels);
    EXPECT_EQ("leaf mask", iommu_caps.pt.leaf_mask & ~iommu_caps.pt.leaf_off,
              c->leaf_mask);
    EXPECT_EQ("queue", dev[0].gsts >> 26 & 1, 1);
    EXPECT_EQ("remapping", dev[0].gsts >> 25 & 1, 1);
    EXPECT_EQ("DMAR hidden", nr_acpi_hidden, 1);

    EXPECT_EQ("attach", iommu_attach(&devs[0], s), 0);
    EXPECT_EQ("attach", iommu_attach(&devs[1], s), 0);
    EXPECT_EQ("enable", iommu_enable_all(), 0);
    EXPECT_EQ("translating", dev[0].gsts >> 31, 1);

    /* Nothing is mapped; an unattached device reaches nothing either. */
    EXPECT_DMA("empty", 0, 0x200, false, false, 0);
    EXPECT_DMA("blocked", 3, 0x200, false, false, 0);

    counters_clear();
    EXPECT_EQ("map", map_flush(s, 0x200, 0x8200, 0x200, 3), 0);
    EXPECT_EQ("fresh map, commands",
              dev[0].nr_page + dev[0].nr_domain + dev[0].nr_global, cm ? 1 : 0);
    EXPECT_DMA("mapped", 0, 0x3ff, true, true, 0x83ff);
    EXPECT_DMA("mapped, other device", 1, 0x201, true, true, 0x8201);
    EXPECT_DMA("beside", 0, 0x400, false, false, 0);
    EXPECT_EQ("identical", map_flush(s, 0x210, 0x8210, 0x10, 3), 0);
    EXPECT_EQ("different", map_flush(s, 0x210, 0x8211, 0x10, 3), -EEXIST);
    EXPECT_EQ("other permission", map_flush(s, 0x210, 0x8210, 0x10, 1),
              -EEXIST);

    counters_clear();
    EXPECT_EQ("unmap", unmap_flush(s, 0x210, 1), 0);
    EXPECT_EQ("commands", dev[0].nr_page + dev[0].nr_domain, 1);
    EXPECT_EQ("one wait", dev[0].nr_wait, 1);
    if (psi) {
        EXPECT_EQ("reach", dev[0].last_order, c->leaf_mask & 2 ? 9 : 0);
    }
    EXPECT_EQ("stale", stale(s), 0);
    EXPECT_DMA("unmapped", 0, 0x210, false, false, 0);
    EXPECT_DMA("neighbour", 0, 0x211, true, true, 0x8211);

    /* Coalescing owes nothing at once, and nothing is stale meanwhile. */
    counters_clear();
    EXPECT_EQ("remap", map_flush(s, 0x210, 0x8210, 1, 3), 0);
    for (bool more = true; more;) {
        EXPECT_EQ("settle", iommu_settle(s, &more), 0);
    }
    EXPECT_EQ("coalesced", iopt_nr_leaves(&s->pt), c->leaf_mask & 2 ? 1 : 512);
    EXPECT_EQ("commands of a coalesce",
              dev[0].nr_page + dev[0].nr_domain + dev[0].nr_global, cm ? 1 : 0);
    EXPECT_EQ("stale", stale(s), 0);

    EXPECT_EQ("lookup", iommu_lookup(s, DFN(0x300), &mfn, &prot), 0);
    EXPECT_EQ("lookup", mfn.n, 0x8300);
    EXPECT_EQ("lookup", prot, 3);
    EXPECT_EQ("lookup", iommu_lookup(s, DFN(0x400), &mfn, &prot), -ENOENT);

    EXPECT_EQ("interrupts", map_flush(s, 0xfee00, 0x1000, 1, 3), -EINVAL);
    EXPECT_EQ("interrupts", map_flush(s, 0x1000, 0xfeeff, 1, 3), -EINVAL);
    EXPECT_EQ("interrupts", map_flush(s, 0xc0000, 0xc0000, 0x40000, 3),
              -EINVAL);
    EXPECT_EQ("range", map_flush(s, s->pt.dfn_last, 0, 2, 3), -ERANGE);
    EXPECT_EQ("nothing", map_flush(s, 1, 1, 0, 3), -EINVAL);
    EXPECT_EQ("no permission", map_flush(s, 1, 1, 1, 0), -EINVAL);
}

/* All or nothing over several runs, with parts that were there before. */
static void undo_case(struct iospace *s)
{
    const uint64_t base = UINT64_C(0x40000) - 0x300;

    EXPECT_EQ("piece", map_flush(s, base + 0x10, base + 0x10, 5, 3), 0);
    for (uint64_t n = 0; n < 2000; n += n < 40 ? 1 : 61) {
        int rc;

        pool_fail_after(n);
        rc = map_flush(s, base, base, 0x40000 + 0x500, 3);
        pool_fail_after(UINT64_MAX);
        if (rc == 0) {
            EXPECT_DMA("all of it", 0, base + 0x40400, true, true,
                       base + 0x40400);
            break;
        }
        EXPECT_EQ("error", rc, -ENOMEM);
        EXPECT_DMA("piece stays", 0, base + 0x14, true, true, base + 0x14);
        EXPECT_DMA("before it", 0, base + 0xf, true, false, 0);
        EXPECT_DMA("behind it", 0, base + 0x15, true, false, 0);
        EXPECT_DMA("far", 0, base + 0x20000, true, false, 0);
        EXPECT_EQ("stale", stale(s), 0);
    }
    EXPECT_EQ("clash at the end",
              map_flush(s, base - 0x1000, base - 0x1000, 0x1001, 1), -EEXIST);
    EXPECT_DMA("unchanged", 0, base - 1, false, false, 0);
    EXPECT_EQ("unmap", unmap_flush(s, base, 0x40000 + 0x500), 0);
    EXPECT_EQ("stale", stale(s), 0);
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

    for (unsigned int i = 0; i < 1500; i++) {
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
}

/* What a fault says, the walk behind it, and a device that does not stop. */
static void faults(struct iospace *s)
{
    const uint32_t before = perf_values[PERF_iommu_faults];
    const unsigned int msis = dev[0].nr_msi;

    pci_command[0] = pci_command[1] = 7;

    EXPECT_EQ("map", map_flush(s, 0x12000, 0x12000, 0x200, IOMMU_R), 0);
    udelay(2000000); /* others' faults are long ago */
    log_clear();
    EXPECT_DMA("fault", 0, 0x12345, true, false, 0);
    EXPECT_EQ("message", dev[0].nr_msi, msis + 1);
    EXPECT_EQ("counted", perf_values[PERF_iommu_faults], before + 1);
    EXPECT_EQ("record cleared", dev[0].frcd[0][1] >> 63, 0);
    EXPECT_EQ("device", said("0000:00:04.0 write address 0x12345000"), true);
    EXPECT_EQ("reason", said("code 0x5 (no write permission)"), true);
    EXPECT_EQ("walk: device", said("context 0000:00:04.0 0x"), true);
    EXPECT_EQ("walk: not mapped", said(" -- not present"), true);
    EXPECT_EQ("walk: not too far", times("]") <= iommu_caps.pt.levels, true);
    log_clear();
    EXPECT_DMA("read-only", 0, 0x12010, true, false, 0);
    EXPECT_EQ("walk: leaf", said(" r-"), true);
    for (unsigned int i = 0; i < 20; i++) {
        EXPECT_DMA("flood", 0, 0x12345 + i, true, false, 0);
    }
    EXPECT_EQ("bus master off", pci_command[0] & 4, 0);
    EXPECT_EQ("others keep it", pci_command[1] & 4, 4);
    EXPECT_EQ("a line says so", said("bus mastering is off"), true);

    /* Whoever it is, lines are bounded, and how many were not follows. */
    udelay(2000000);
    log_clear();
    for (unsigned int i = 0; i < 100; i++) {
        EXPECT_DMA("more", i & 1, 0x22345 + i, true, false, 0);
        iommu_fault_lost("vtd0");
    }
    EXPECT_EQ("bounded", times("fault: device") + times("faults were lost"),
              16);
    udelay(2000000);
    EXPECT_DMA("again", 0, 0x22345, true, false, 0);
    EXPECT_EQ("not printed", said("184 faults were not printed"), true);
    EXPECT_EQ("all are counted", perf_values[PERF_iommu_faults] - before, 123);
    EXPECT_EQ("unmap", unmap_flush(s, 0x12000, 0x200), 0);
    pci_command[0] = pci_command[1] = 7;
}

static void owners(struct iospace *a)
{
    struct iospace *b;

    EXPECT_EQ("create", iospace_create(7, &b), 0);
    EXPECT_EQ("ids differ", a->did != b->did && b->did != 0, true);
    EXPECT_EQ("map", map_flush(a, 0x10, 0x10, 1, 3), 0);
    EXPECT_EQ("map", map_flush(b, 0x10, 0x99, 1, 1), 0);
    EXPECT_DMA("first owner", 0, 0x10, true, true, 0x10);
    EXPECT_EQ("move", iommu_attach(&devs[0], b), 0);
    EXPECT_DMA("second owner", 0, 0x10, false, true, 0x99);
    EXPECT_DMA("read-only", 0, 0x10, true, false, 0);
    EXPECT_DMA("the other device stays", 1, 0x10, true, true, 0x10);

    /* While no device uses a space nothing is flushed: so it was on leaving. */
    EXPECT_EQ("leave", iommu_attach(&devs[0], a), 0);
    counters_clear();
    EXPECT_EQ("unmap", unmap_flush(b, 0x10, 1), 0);
    EXPECT_EQ("no command", dev[0].nr_page + dev[0].nr_domain, 0);
    EXPECT_EQ("map", map_flush(b, 0x10, 0x77, 1, 3), 0);
    EXPECT_EQ("come back", iommu_attach(&devs[0], b), 0);
    EXPECT_DMA("as it is now", 0, 0x10, true, true, 0x77);

    EXPECT_EQ("detach", iommu_detach(&devs[0]), 0);
    EXPECT_DMA("quarantine", 0, 0x10, false, false, 0);
    iospace_destroy(b);

    EXPECT_EQ("pass-through", iommu_attach(&devs[0], NULL), 0);
    EXPECT_DMA("passed through", 0, 0x4321, true, true, 0x4321);
    EXPECT_EQ("back", iommu_attach(&devs[0], a), 0);
    EXPECT_DMA("translated", 0, 0x10, true, true, 0x10);
    EXPECT_DMA("nothing else", 0, 0x4321, true, false, 0);

    /* A device behind a bridge that hides it uses the bridge's ids. */
    EXPECT_EQ("bridged", iommu_attach(&devs[5], a), 0);
    EXPECT_EQ("alias", dev_vtd_dma(&dev[0], 0x0300, 0x10000, true, NULL), 0);
    EXPECT_EQ("behind a port", iommu_attach(&devs[3], a), 0);
    EXPECT_DMA("behind a port", 3, 0x10, true, true, 0x10);
    EXPECT_EQ("unmap", unmap_flush(a, 0x10, 1), 0);
}

static void reserved(struct iospace *s)
{
    struct iospace *b;

    EXPECT_EQ("create", iospace_create(9, &b), 0);
    EXPECT_EQ("add", iommu_reserved_add(devs[1].sbdf, 0x7f0, 0x7f3, 3), 0);
    EXPECT_EQ("attach", iommu_attach(&devs[1], b), 0);
    EXPECT_DMA("reserved", 1, 0x7f3, true, true, 0x7f3);
    EXPECT_EQ("detach", iommu_detach(&devs[1]), 0);
    EXPECT_DMA("in quarantine too", 1, 0x7f0, true, true, 0x7f0);
    EXPECT_EQ("not for its old owner", iommu_lookup(b, DFN(0x7f0), NULL, NULL),
              -ENOENT);
    EXPECT_EQ("back", iommu_attach(&devs[1], s), 0);
    iospace_destroy(b);
}

static void interrupts(void)
{
    struct intr_route r = { .dest = 3, .vector = 0x55 };
    ire_t msi = { 0, 0, false }, pin = { 0, 0, false };
    ire_t timer = { 0, 0, false };
    struct msi_msg m;
    uint64_t rte = BIT64(16);
    uint8_t vector = 0;
    uint32_t dest = 0;
    bool level = false;

    EXPECT_EQ("msi", intremap_msi(&devs[0], &msi, &r, &m), 0);
    EXPECT_EQ("right",
              dev_vtd_msi(&dev[0], devs[0].sbdf.bdf, m.address, m.data, &vector,
                          &dest, &level),
              0);
    EXPECT_EQ("vector", vector, 0x55);
    EXPECT_EQ("destination", dest, 3);
    EXPECT_EQ("wrong source",
              dev_vtd_msi(&dev[0], 0x0999, m.address, m.data, &vector, &dest,
                          &level),
              0x26);
    EXPECT_EQ("compatibility format",
              dev_vtd_msi(&dev[0], devs[0].sbdf.bdf, 0xfee03000, 0x55, &vector,
                          &dest, &level),
              0x25);
    r.vector = 0x66;
    EXPECT_EQ("again", intremap_msi(&devs[0], &msi, &r, &m), 0);
    EXPECT_EQ("moved",
              dev_vtd_msi(&dev[0], devs[0].sbdf.bdf, m.address, m.data, &vector,
                          &dest, &level),
              0);
    EXPECT_EQ("vector", vector, 0x66);

    r = (struct intr_route){
        .dest = 1, .vector = 0x31, .level = true, .active_low = true
    };
    EXPECT_EQ("pin", intremap_ioapic(0, 5, &pin, &r, &rte), 0);
    EXPECT_EQ("another entry", pin.index != msi.index, true);
    EXPECT_EQ("rte", rte & 0xffff, 0xa031);
    EXPECT_EQ("still masked", rte >> 16 & 1, 1);
    EXPECT_EQ("rte format", rte >> 48 & 1, 1);
    EXPECT_EQ("rte index", rte >> 49, pin.index);
    EXPECT_EQ("no such IO-APIC", intremap_ioapic(9, 5, &pin, &r, &rte),
              -ENODEV);
    EXPECT_EQ("no such HPET", intremap_hpet(0, &timer, &r, &m), -ENODEV);
    EXPECT_EQ("HPET", intremap_hpet(3, &timer, &r, &m), 0);
    EXPECT_EQ("HPET",
              dev_vtd_msi(&dev[0], 0xf078, m.address, m.data, &vector, &dest,
                          &level),
              0);
    EXPECT_EQ("vector", vector, 0x31);
    EXPECT_EQ("edges only", level, false);
    EXPECT_EQ("somebody else's",
              dev_vtd_msi(&dev[0], devs[0].sbdf.bdf, m.address, m.data, &vector,
                          &dest, &level),
              0x26);
    intremap_free(&timer);
    r.dest = 0x100;
    EXPECT_EQ("far", intremap_msi(&devs[0], &msi, &r, &m), -ERANGE);

    intremap_free(&msi);
    EXPECT_EQ("freed", msi.valid, false);
    EXPECT_EQ("gone",
              dev_vtd_msi(&dev[0], devs[0].sbdf.bdf, m.address, m.data, &vector,
                          &dest, &level),
              0x22);
    r.dest = 2;
    EXPECT_EQ("reused", intremap_msi(&devs[0], &msi, &r, &m), 0);
    intremap_free(&msi);
    intremap_free(&pin);
}

/* The queue round and round, a rejected descriptor, and a dead unit. */
static void queue(void)
{
    struct vtd_unit *const u = vtd_units[0];
    struct iommu_entry128 d[VTD_QI_BATCH];
    uint64_t ticket;

    for (unsigned int i = 0; i < VTD_QI_BATCH; i++) {
        d[i] = vtd_qi_iotlb(u, VTD_G_DOMAIN, 5);
    }
    counters_clear();
    for (unsigned int i = 0; i < 100; i++) {
        EXPECT_EQ("run", vtd_qi_run(u, d, VTD_QI_BATCH), 0);
    }
    EXPECT_EQ("all done", dev[0].nr_domain, 100 * VTD_QI_BATCH);

    d[0].lo = 15;
    EXPECT_EQ("bad descriptor", vtd_qi_run(u, d, 1), -EIO);
    EXPECT_EQ("error cleared", dev[0].fsts & 0x10, 0);

    dev[0].mute = true;
    EXPECT_EQ("post", vtd_qi_post(u, d, 0, &ticket), 0);
    EXPECT_EQ("dead unit", vtd_qi_wait(u, ticket), -ETIMEDOUT);
}

static void run(const struct config *c)
{
    struct iospace *s;

    machine(c);
    EXPECT_EQ("create", iospace_create(0, &s), 0);
    basics(c, s);
    EXPECT_EQ("unmap", unmap_flush(s, 0x200, 0x200), 0);
    undo_case(s);
    soak(s);
    faults(s);
    owners(s);
    reserved(s);
    interrupts();
    if (c->cap2 == 0) {
        queue();
    }
}

static const struct config configs[] = {
    { "39 bits", CAP39, ECAP, 0, 0, 3, 7 },
    { "48 bits", CAP48, ECAP, 0, 0, 4, 7 },
    { "coherent", CAP48, ECAP | 1, 0, 0, 4, 7 },
    { "snoop control", CAP48, ECAP | BIT64(7), 0, 0, 4, 7 },
    { "caching mode", CAP48 | CAP_CM, ECAP, 0, 0, 4, 7 },
    { "no 1G", CAP48 & ~BIT64(35), ECAP, 0, 0, 4, 3 },
    { "no large leaves", CAP39 & ~FIELD64(35, 34), ECAP, 0, 0, 3, 1 },
    { "1G without 2M", CAP48 & ~BIT64(34), ECAP, 0, 0, 4, 1 },
    { "no page-selective", CAP39 & ~PSI, ECAP, 0, 0, 3, 7 },
    { "two units", CAP48, ECAP, CAP48, ECAP, 4, 7 },
    { "39 and 48", CAP39, ECAP, CAP48, ECAP, 3, 7 },
    { "39 only and 48 only", CAP39, ECAP, CAP48 & ~BIT64(9), ECAP, 3, 7 },
    { "one without 2M", CAP48, ECAP, CAP48 & ~BIT64(34), ECAP | 1, 4, 1 },
};

static unsigned int child(const char *name, const struct config *c)
{
    int status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        run(c);
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

    for (size_t i = 0; i < array_size(configs); i++) {
        if (argc < 2 || strcmp(argv[1], configs[i].name) == 0) {
            failed += child(configs[i].name, &configs[i]);
        }
    }
    printf("%u of %zu configurations failed\n", failed, array_size(configs));
    return failed != 0;
}
