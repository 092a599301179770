// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/common/dom-iommu-identity.c xen/common/dom-iommu-sets.c
// SOURCES: xen/common/rangeset.c
// CFLAGS: -I xen/arch/x86/include -include xen/arch/x86/include/asm/config.h
/*
 * Dom0's identity ranges as they are mapped, and as the mapping follows the set
 * of read-only pages: against a table of permissions per frame, with requests
 * that fail.
 */
#include <stdlib.h>

#include <xen/dom-iommu.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/iommu-gather.h>
#include <xen/iommu.h>
#include <xen/perf-counter.h>
#include <xen/rangeset.h>

#include <asm/mm-types.h>
#include <asm/setup.h>

#include "expect.h"
#include "xen/common/dom-iommu-priv.h"

/* ---- the world around ----------------------------------------------------- */

#define FRAMES 64 /* below this number; the last four are out of reach */
#define REACH  59

/* As the linker would; the address is of no interest here. */
char xen_start[8192];
__asm__(".globl xen_end\nxen_end = xen_start + 8192\n");

uint32_t perf_values[PERF_ROW_WORDS];
struct domain *dom0;
struct rangeset *mmio_ro_ranges;
struct iommu_options iommu_opt;

static struct domain domain;
static struct dom_iommu state = { .space = (struct iospace *)&state };
static unsigned int prot[FRAMES];
static unsigned int requests, flushes;
static int fail; /* what the next request for a permission returns */

void *xzalloc_bytes(size_t bytes)
{
    return calloc(1, bytes);
}

void xfree(void *p)
{
    free(p);
}

struct dom_iommu *dom_iommu_state(const struct domain *d)
{
    return d == &domain ? &state : NULL;
}

/* Frames 0..9 RAM, 20..29 reserved, 40..49 reserved, the rest a hole. */
const struct e820_entry *e820_host(unsigned int *nr)
{
    static const struct e820_entry map[] = {
        { 0, 10 * PAGE_SIZE, E820_RAM },
        { 20 * PAGE_SIZE, 10 * PAGE_SIZE, E820_RESERVED },
        { 40 * PAGE_SIZE, 22 * PAGE_SIZE, E820_RESERVED },
    };

    *nr = array_size(map);
    return map;
}

/* A unit's registers: never mapped. */
int iommu_for_each_mmio(int (*fn)(uint64_t first, uint64_t last, void *arg),
                        void *arg)
{
    return fn(45, 45, arg);
}

uint64_t iospace_dfn_last(const struct iospace *s)
{
    (void)s;
    return REACH;
}

static void set(uint64_t first, uint64_t nr, unsigned int p, bool only_mapped)
{
    requests++;
    for (uint64_t f = first; f < first + nr; f++) {
        EXPECT_EQ("in reach", f <= REACH, 1);
        if (!only_mapped || prot[f]) {
            prot[f] = p;
        }
    }
}

int iommu_map(struct iospace *s, dfn_t dfn, mfn_t mfn, uint64_t nr,
              unsigned int p, struct iommu_gather *g)
{
    (void)s;
    (void)g;
    EXPECT_EQ("one to one", dfn.n, mfn.n);
    set(dfn.n, nr, p, false);
    return 0;
}

int iommu_protect(struct iospace *s, dfn_t dfn, uint64_t nr, unsigned int p,
                  struct iommu_gather *g)
{
    (void)s;
    (void)g;
    if (fail) {
        return fail;
    }
    set(dfn.n, nr, p, true);
    return 0;
}

int iommu_unmap(struct iospace *s, dfn_t dfn, uint64_t nr,
                struct iommu_gather *g)
{
    (void)s;
    (void)g;
    set(dfn.n, nr, 0, true);
    return 0;
}

int iommu_flush(struct iospace *s, struct iommu_gather *g)
{
    (void)s;
    (void)g;
    flushes++;
    return 0;
}

/* ---- the tests ------------------------------------------------------------ */

#define RW (IOMMU_R | IOMMU_W)

static void is(const char *what, uint64_t first, uint64_t last,
               unsigned int want)
{
    for (uint64_t f = first; f <= last; f++) {
        if (prot[f] != want) {
            printf("%s: frame %llu is %u, want %u\n", what,
                   (unsigned long long)f, prot[f], want);
            expect_bad++;
        }
    }
}

static void read_only(uint64_t first, uint64_t last, bool on)
{
    EXPECT_EQ("set",
              on ? rangeset_add(mmio_ro_ranges, first, last)
                 : rangeset_remove(mmio_ro_ranges, first, last),
              0);
    requests = flushes = 0;
    EXPECT_EQ("follow", dom0_iommu_follow_read_only(first, last), 0);
    EXPECT_EQ("flushed once at most", flushes <= 1, 1);
}

static void build(bool strict)
{
    struct iommu_gather g = IOMMU_GATHER_INIT;

    memset(prot, 0, sizeof(prot));
    iommu_opt.dom0_strict = strict;
    iommu_opt.dom0_map_reserved = true;
    mmio_ro_ranges = rangeset_create("ro");
    domain.iomem_caps = rangeset_create("caps");
    EXPECT_EQ("caps", rangeset_add(domain.iomem_caps, 0, FRAMES - 1), 0);
    EXPECT_EQ("caps", rangeset_remove(domain.iomem_caps, 48, 48), 0);
    EXPECT_EQ("ro", rangeset_add(mmio_ro_ranges, 30, 31), 0);
    EXPECT_EQ("sets", identity_create(&state.identity), 0);
    requests = 0;
    EXPECT_EQ("map", dom0_map_identity(&domain, &state, &g), 0);
    /* Reserved in four pieces, read-only, RAM around the trampoline. */
    EXPECT_EQ("one request a range", requests, strict ? 5 : 7);
    dom0 = &domain;
    is("RAM", 0, 7, strict ? 0 : RW);
    is("trampoline", 8, 8, 0);
    is("hole", 10, 19, 0);
    is("reserved", 20, 29, RW);
    is("read-only", 30, 31, IOMMU_R);
    is("reserved", 40, 44, RW);
    is("registers", 45, 45, 0);
    is("not Dom0's", 48, 48, 0);
    is("reserved", 49, REACH, RW);
}

static void end(void)
{
    dom0 = NULL;
    identity_destroy(&state.identity);
    rangeset_destroy(domain.iomem_caps);
    rangeset_destroy(mmio_ro_ranges);
}

static void follow(bool strict)
{
    build(strict);
    /* A table in reserved space, half of it in the hole beside. */
    read_only(28, 33, true);
    is("table", 28, 29, IOMMU_R);
    is("what was", 30, 31, IOMMU_R);
    is("the hole stays one", 32, 33, 0);
    EXPECT_EQ("one request", requests, 1);
    read_only(28, 33, true);
    EXPECT_EQ("nothing new", requests, 0);
    /* Given back, and with it the rest of the set there. */
    read_only(28, 33, false);
    is("given back", 28, 29, RW);
    is("the mode does not map it", 32, 33, 0);
    is("read-only from the start", 30, 31, IOMMU_R);
    /* Across what is nobody's, or out of reach. */
    read_only(44, 49, true);
    is("table", 44, 44, IOMMU_R);
    is("registers", 45, 45, 0);
    is("table", 46, 47, IOMMU_R);
    is("not Dom0's", 48, 48, 0);
    read_only(58, 61, true);
    is("cut at the end", 58, REACH, IOMMU_R);
    read_only(44, 61, false);
    is("given back", 58, REACH, RW);

    /* No memory: less is mapped, never more. */
    fail = -ENOMEM;
    read_only(20, 21, true);
    is("cannot be made read-only", 20, 21, 0);
    fail = 0;
    read_only(22, 23, true);
    fail = -ENOMEM;
    read_only(22, 23, false);
    is("stays read-only", 22, 23, IOMMU_R);
    fail = 0;
    read_only(22, 23, false);
    is("tried again", 22, 23, RW);
    end();
}

int main(void)
{
    EXPECT_EQ("before Dom0", dom0_iommu_follow_read_only(1, 2), 0);
    follow(true);
    follow(false);
    return expect_failures();
}
