/* SPDX-License-Identifier: GPL-2.0 */
/* Flushes as the generic layer makes them; see the header. */
#include "bench-flush.h"

#include <stdlib.h>
#include <string.h>

#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/perf-counter.h>
#include <xen/time.h>

#include "xen/drivers/passthrough/iommu-priv.h"

/* Ours: writing one descriptor and the tail register. */
#define POST_NS UINT64_C(100)

struct iommu_caps iommu_caps;
uint32_t perf_values[PERF_ROW_WORDS];

/* A clock that only what units do moves on. */
static uint64_t clock_ns;
static uint64_t done_at[IOMMU_MAX_UNITS];

uint64_t now_ns(void)
{
    return clock_ns;
}

static int post(unsigned int unit, const struct iommu_flush_req *f,
                uint64_t *ticket)
{
    (void)f;
    *ticket = unit;
    clock_ns += POST_NS;
    done_at[unit] = clock_ns + FLUSH_NS;
    return 0;
}

static int wait(unsigned int unit, uint64_t ticket)
{
    (void)ticket;
    clock_ns = max_of(clock_ns, done_at[unit]);
    return 0;
}

static const struct iommu_vendor_ops units = {
    .name = "model",
    .flush_post = post,
    .flush_wait = wait,
};
const struct iommu_vendor_ops *iommu_ops = &units;

int iommu_unit_check(unsigned int unit, int rc, const char *what)
{
    (void)unit;
    (void)what;
    return rc;
}

/* Counters are counted where they are shown, not here. */
struct flush_cost flush_cost_of(const struct iopt_gather *g, bool vtd)
{
    struct iommu_flush_req f = { .did = 1 };
    struct flush_cost c = { 0, 0, false };

    /* AMD's commands reach any power of two, VT-d's units 1 GiB as a rule. */
    iommu_caps.flush_order = vtd ? 18 : 52;
    iommu_flush_plan(g, &f);
    c.all = f.all;
    c.commands = f.all ? 1 : f.nr;
    for (unsigned int i = 0; !f.all && i < f.nr; i++) {
        c.frames += BIT64(iommu_block_order(f.block[i]));
    }
    return c;
}

uint64_t flush_time_ns(unsigned int nr)
{
    static struct iospace s;
    const struct iopt_extent e = { 0, 511, 9, IOPT_OWE_STALE };
    struct iommu_gather g = IOMMU_GATHER_INIT;

    memset(&s, 0, sizeof(s));
    iommu_caps.nr_units = nr;
    iommu_caps.flush_order = 52;
    atomic_store(&s.units, BIT64(nr) - 1);
    g.space = &s;
    iopt_gather_add(gather_pt(&g), &e);
    clock_ns = 0;
    if (iommu_flush(&s, &g)) {
        abort();
    }
    return clock_ns;
}
