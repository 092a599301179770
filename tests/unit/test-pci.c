// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/pci/access.c xen/drivers/pci/caps.c xen/drivers/pci/probe.c xen/drivers/pci/registry.c
/*
 * Configuration access, the bus walk, capability lists and requester ids over a
 * small machine whose configuration space is an array.
 */
#include <stdlib.h>

#include <xen/acpi.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/mmio.h>
#include <xen/pci.h>
#include <xen/portio.h>

#include "expect.h"

/* ---- the machine ------------------------------------------------------ */

#define MAX_FNS 1200

static struct fn {
    uint16_t bdf;
    uint8_t cfg[4096];
} * fns[MAX_FNS];
static unsigned int nr_fns;
static uint32_t address;
static unsigned int ecam_maps;

static struct mcfg_info mcfg = {
    .nr = 1,
    .region = { { .pa = 0xb0000000, .last_bus = 4 } },
};

const struct mcfg_info *acpi_mcfg(void)
{
    return &mcfg;
}

static struct fn *fn_at(unsigned int bdf)
{
    for (unsigned int i = 0; i < nr_fns; i++) {
        if (fns[i]->bdf == bdf) {
            return fns[i];
        }
    }
    return NULL;
}

static uint32_t cfg_get(unsigned int bdf, unsigned int reg, unsigned int bytes)
{
    const struct fn *f = fn_at(bdf);
    uint32_t v = UINT32_MAX;

    if (f) {
        v = 0;
        memcpy(&v, f->cfg + reg, bytes);
    }
    return v;
}

static void cfg_set(unsigned int bdf, unsigned int reg, unsigned int bytes,
                    uint32_t v)
{
    struct fn *f = fn_at(bdf);

    if (f) {
        memcpy(f->cfg + reg, &v, bytes);
    }
}

static uint32_t type1(uint16_t port, unsigned int bytes, bool write, uint32_t v)
{
    const unsigned int reg = (address & 0xfc) | (port & 3);

    if (port == 0xcf8) {
        EXPECT_EQ("address port is 32 bits", bytes, 4);
        address = v;
        return 0;
    }
    EXPECT_EQ("data port", port & ~3, 0xcfc);
    EXPECT_EQ("enable bit", address >> 24, 0x80);
    EXPECT_EQ("inside one register", (port & 3) + bytes <= 4, 1);
    if (write) {
        cfg_set(address >> 8 & 0xffff, reg, bytes, v);
        return 0;
    }
    return cfg_get(address >> 8 & 0xffff, reg, bytes);
}

uint8_t port_in8(uint16_t port)
{
    return (uint8_t)type1(port, 1, false, 0);
}

uint16_t port_in16(uint16_t port)
{
    return (uint16_t)type1(port, 2, false, 0);
}

uint32_t port_in32(uint16_t port)
{
    return type1(port, 4, false, 0);
}

void port_out8(uint16_t port, uint8_t v)
{
    type1(port, 1, true, v);
}

void port_out16(uint16_t port, uint16_t v)
{
    type1(port, 2, true, v);
}

void port_out32(uint16_t port, uint32_t v)
{
    type1(port, 4, true, v);
}

int mmio_map(paddr_t pa, size_t size, mmio_t *out)
{
    EXPECT_EQ("one bus", size, 1 << 20);
    EXPECT_EQ("inside the region", pa >= 0xb0000000 && pa < 0xb0500000, 1);
    out->va = pa; /* a handle, not a pointer */
    ecam_maps++;
    return 0;
}

uint64_t port_mmio_read(uintptr_t va, size_t off, unsigned int bytes)
{
    return cfg_get((unsigned int)((va - 0xb0000000 + off) >> 12), off & 0xfff,
                   bytes);
}

void port_mmio_write(uintptr_t va, size_t off, unsigned int bytes, uint64_t v)
{
    cfg_set((unsigned int)((va - 0xb0000000 + off) >> 12), off & 0xfff, bytes,
            (uint32_t)v);
}

static struct fn *add_fn(sbdf_t s, uint32_t class, uint8_t header)
{
    struct fn *f = calloc(1, sizeof(*f));

    f->bdf = s.bdf;
    f->cfg[0] = 0x34;
    f->cfg[1] = 0x12;
    f->cfg[2] = (uint8_t)s.bdf;
    f->cfg[0x09] = (uint8_t) class;
    f->cfg[0x0a] = (uint8_t)(class >> 8);
    f->cfg[0x0b] = (uint8_t)(class >> 16);
    f->cfg[0x0e] = header;
    fns[nr_fns++] = f;
    return f;
}

static void add_cap(struct fn *f, unsigned int at, unsigned int id,
                    unsigned int next)
{
    f->cfg[0x06] |= 0x10;
    if (!f->cfg[0x34]) {
        f->cfg[0x34] = (uint8_t)at;
    }
    f->cfg[at] = (uint8_t)id;
    f->cfg[at + 1] = (uint8_t)next;
}

static struct fn *add_bridge(sbdf_t s, unsigned int secondary,
                             unsigned int subordinate, int pcie_type)
{
    struct fn *f = add_fn(s, 0x060400, 1);

    f->cfg[0x18] = (uint8_t)(s.bdf >> 8);
    f->cfg[0x19] = (uint8_t)secondary;
    f->cfg[0x1a] = (uint8_t)subordinate;
    if (pcie_type >= 0) {
        add_cap(f, 0x40, 0x10, 0);
        f->cfg[0x42] = (uint8_t)(pcie_type << 4 | 2);
    }
    return f;
}

static void set32(struct fn *f, unsigned int at, uint32_t v)
{
    memcpy(f->cfg + at, &v, 4);
}

/* ---- the tests -------------------------------------------------------- */

static void build_machine(void)
{
    struct fn *f;

    add_fn(SBDF(0, 0, 0, 0), 0x060000, 0);
    add_bridge(SBDF(0, 0, 1, 0), 1, 2, 4); /* root port */
    add_bridge(SBDF(0, 1, 0, 0), 2, 2, 7); /* PCI Express to PCI */
    add_fn(SBDF(0, 2, 3, 0), 0x020000, 0);
    add_bridge(SBDF(0, 0, 0x1e, 0), 3, 3, -1); /* conventional */
    f = add_fn(SBDF(0, 3, 0, 0), 0x010601, 0x80);
    add_cap(f, 0x50, 0x05, 0x60);
    add_cap(f, 0x60, 0x11, 0x50); /* a loop */
    add_fn(SBDF(0, 3, 0, 5), 0x010601, 0);
    add_fn(SBDF(0, 3, 1, 2), 0x010601, 0);     /* no function 0: not seen */
    add_bridge(SBDF(0, 0, 4, 0), 0, 0, 4);     /* not configured */
    add_bridge(SBDF(0, 3, 2, 0), 1, 9, -1);    /* leads back */
    add_bridge(SBDF(0, 0, 5, 0), 9, 8, 4);     /* upside down */
    f = add_fn(SBDF(0, 1, 1, 0), 0x020000, 0); /* endpoint with ATS */
    add_cap(f, 0x40, 0x10, 0);
    set32(f, 0x100, 0x20010001);
    set32(f, 0x200, 0x2011000f & ~0x100000u);
    add_fn(SBDF(0, 9, 0, 0), 0x020000, 0);  /* behind the upside-down one */
    add_fn(SBDF(0, 40, 0, 0), 0x020000, 0); /* another root bus */
}

static const struct {
    sbdf_t s;
    enum pci_kind kind;
    sbdf_t rid;
} devices[] = {
    { SBDF(0, 0, 0, 0), PCI_HOST_BRIDGE, SBDF(0, 0, 0, 0) },
    { SBDF(0, 0, 1, 0), PCI_BRIDGE, SBDF(0, 0, 1, 0) },
    { SBDF(0, 1, 0, 0), PCI_PCIE_TO_PCI, SBDF(0, 1, 0, 0) },
    { SBDF(0, 1, 1, 0), PCI_ENDPOINT, SBDF(0, 1, 1, 0) },
    { SBDF(0, 2, 3, 0), PCI_ENDPOINT, SBDF(0, 2, 0, 0) },
    { SBDF(0, 0, 0x1e, 0), PCI_PCIE_TO_PCI, SBDF(0, 0, 0x1e, 0) },
    { SBDF(0, 3, 0, 0), PCI_ENDPOINT, SBDF(0, 0, 0x1e, 0) },
    { SBDF(0, 3, 0, 5), PCI_ENDPOINT, SBDF(0, 0, 0x1e, 0) },
};

static int count(struct pci_dev *dev, void *arg)
{
    (void)dev;
    ++*(unsigned int *)arg;
    return 0;
}

static int stop(struct pci_dev *dev, void *arg)
{
    (void)dev;
    return ++*(unsigned int *)arg == 2 ? 7 : 0;
}

static void test_walk(void)
{
    unsigned int nr = 0;
    char what[32];

    EXPECT_EQ("walk", pci_probe(), 11);
    EXPECT_EQ("again", pci_probe(), 0);
    EXPECT_EQ("for each", pci_for_each(count, &nr), 0);
    EXPECT_EQ("for each", nr, 11);
    nr = 0;
    EXPECT_EQ("stop", pci_for_each(stop, &nr), 7);
    for (unsigned int i = 0; i < array_size(devices); i++) {
        const struct pci_dev *dev = pci_find(devices[i].s);
        sbdf_t rid;

        snprintf(what, sizeof(what), SBDF_FMT, SBDF_ARG(devices[i].s));
        EXPECT_EQ(what, dev != NULL, 1);
        if (!dev) {
            continue;
        }
        EXPECT_EQ(what, dev->kind, devices[i].kind);
        EXPECT_EQ(what, dev->vendor, 0x1234);
        EXPECT_EQ(what, pci_requester(dev, &rid),
                  !sbdf_eq(devices[i].rid, devices[i].s));
        EXPECT_EQ(what, rid.bdf, devices[i].rid.bdf);
    }
    EXPECT_EQ("no function 0", pci_find(SBDF(0, 3, 1, 2)) == NULL, 1);
    EXPECT_EQ("other root", pci_find(SBDF(0, 40, 0, 0)) == NULL, 1);
    EXPECT_EQ("other root", pci_probe_root(40), 1);
    EXPECT_EQ("other root", pci_find(SBDF(0, 40, 0, 0)) != NULL, 1);
    EXPECT_EQ("bus 256", pci_probe_root(256), 0);
    EXPECT_EQ("buses mapped once each", ecam_maps, 4);
}

static void test_access(void)
{
    const sbdf_t s = SBDF(0, 1, 1, 0);

    pci_write(s, 0x3c, 4, 0x11223344);
    EXPECT_EQ("byte", pci_read(s, 0x3d, 1), 0x33);
    EXPECT_EQ("word", pci_read(s, 0x3e, 2), 0x1122);
    pci_write(s, 0x3e, 1, 0xab);
    EXPECT_EQ("one byte changed", pci_read(s, 0x3c, 4), 0x11ab3344);
    pci_write(s, 0xffc, 4, 0x55667788);
    EXPECT_EQ("ECAM", pci_read(s, 0xffe, 2), 0x5566);
    EXPECT_EQ("unaligned", pci_read(s, 0x3d, 2), 0xffff);
    EXPECT_EQ("width 3", pci_read(s, 0x3c, 3), 0xffffff);
    EXPECT_EQ("width 8", pci_read(s, 0x40, 8), 0xffffffff);
    EXPECT_EQ("beyond", pci_read(s, 0x1000, 4), 0xffffffff);
    EXPECT_EQ("segment 1", pci_read(SBDF(1, 1, 1, 0), 0, 4), 0xffffffff);
    EXPECT_EQ("no ECAM there", pci_read(SBDF(0, 40, 0, 0), 0x100, 2), 0xffff);
    EXPECT_EQ("no device", pci_read(SBDF(0, 7, 0, 0), 0, 2), 0xffff);
}

static void test_caps(void)
{
    struct fn *f = fn_at(SBDF(0, 3, 0, 5).bdf);
    const sbdf_t s = SBDF(0, 3, 0, 5);

    EXPECT_EQ("msi", pci_find(SBDF(0, 3, 0, 0))->cap_msi, 0x50);
    EXPECT_EQ("msi-x", pci_find(SBDF(0, 3, 0, 0))->cap_msix, 0x60);
    EXPECT_EQ("loop ends", pci_cap_find(SBDF(0, 3, 0, 0), 0x10), 0);
    EXPECT_EQ("ats", pci_find(SBDF(0, 1, 1, 0))->cap_ats, 0x200);
    EXPECT_EQ("none", pci_cap_find(s, 0x05), 0);

    add_cap(f, 0x43, 0x01, 0);
    f->cfg[0x40] = 5; /* where the reserved bits do not point */
    EXPECT_EQ("reserved bits", pci_cap_find(s, 0x05), 0x40);
    f->cfg[0x34] = 0x3c;
    EXPECT_EQ("into the header", pci_cap_find(s, 0x05), 0);
    f->cfg[0x34] = 0xfc;
    f->cfg[0xfc] = 5;
    EXPECT_EQ("last place", pci_cap_find(s, 0x05), 0xfc);

    set32(f, 0x100, 0x10010001); /* points at itself */
    EXPECT_EQ("extended loop", pci_ext_cap_find(s, 0x0f), 0);
    set32(f, 0x100, 0x08010001); /* into the first 256 bytes */
    EXPECT_EQ("extended low", pci_ext_cap_find(s, 0x0f), 0);
    set32(f, 0x100, 0xffc10001);
    set32(f, 0xffc, 0x0001000f);
    EXPECT_EQ("extended last", pci_ext_cap_find(s, 0x0f), 0xffc);
}

static void test_registry(void)
{
    const sbdf_t pf = SBDF(0, 1, 1, 0);
    const sbdf_t vf = SBDF(0, 1, 2, 0);
    const sbdf_t none = SBDF(0, 4, 9, 0);
    struct pci_dev *dev = NULL;

    EXPECT_EQ("not there", pci_add(none, NULL, &dev), -ENODEV);
    EXPECT_EQ("segment 1", pci_add(SBDF(1, 0, 0, 0), NULL, &dev), -ENODEV);
    EXPECT_EQ("vf of nothing", pci_add(vf, &none, &dev), -ENOENT);
    EXPECT_EQ("untouched", dev == NULL, 1);

    EXPECT_EQ("vf", pci_add(vf, &pf, &dev), 0);
    EXPECT_EQ("vf", dev->is_vf, 1);
    EXPECT_EQ("vf", dev->vendor, 0x1234);
    EXPECT_EQ("vf", dev->class, 0x020000);

    dev->owner = 7;
    EXPECT_EQ("again", pci_add(vf, &pf, &dev), 0);
    EXPECT_EQ("owner stays", dev->owner, 7);
    dev->iommu = dev;
    EXPECT_EQ("in use", pci_remove(vf), -EBUSY);
    dev->iommu = NULL;
    EXPECT_EQ("remove", pci_remove(vf), 0);
    EXPECT_EQ("remove", pci_find(vf) == NULL, 1);
    EXPECT_EQ("remove twice", pci_remove(vf), -ENODEV);

    EXPECT_EQ("fresh", pci_add(vf, &pf, &dev), 0);
    EXPECT_EQ("fresh", dev->owner, 0);

    /* A bridge whose buses changed is read again. */
    cfg_set(SBDF(0, 0, 4, 0).bdf, 0x19, 1, 4);
    cfg_set(SBDF(0, 0, 4, 0).bdf, 0x1a, 1, 4);
    EXPECT_EQ("bridge", pci_add(SBDF(0, 0, 4, 0), NULL, NULL), 0);
    EXPECT_EQ("bridge", pci_find(SBDF(0, 0, 4, 0))->secondary, 4);
    EXPECT_EQ("bridge",
              pci_parent(SBDF(0, 4, 0, 0)) == pci_find(SBDF(0, 0, 4, 0)), 1);
}

static void test_full(void)
{
    unsigned int nr = 0;
    int rc = 0;

    for (unsigned int i = 0; i < 1100 && !rc; i++) {
        const sbdf_t s = { 0, (uint16_t)(0x8000 + i) };

        add_fn(s, 0x020000, 0);
        rc = pci_add(s, NULL, NULL);
    }
    EXPECT_EQ("full", rc, -ENOSPC);
    pci_for_each(count, &nr);
    EXPECT_EQ("full", nr, PCI_MAX_DEVS);
    EXPECT_EQ("full", pci_remove(SBDF(0, 0x80, 0, 0)), 0);
    EXPECT_EQ("room again", pci_add(SBDF(0, 0x80, 0, 0), NULL, NULL), 0);
}

int main(void)
{
    build_machine();
    test_walk();
    test_access();
    test_caps();
    test_registry();
    test_full();
    while (nr_fns) {
        free(fns[--nr_fns]);
    }
    return expect_failures();
}
