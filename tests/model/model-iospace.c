// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/passthrough/iommu-map.c
// SOURCES: xen/drivers/passthrough/iommu-gather.c
// SOURCES: xen/drivers/passthrough/iommu-space.c
// SOURCES: xen/drivers/passthrough/iommu-dump.c
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c tests/port/iopt/audit.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1x.c
// SOURCES: xen/drivers/passthrough/pt/iopt-vtdss.c tests/port/iopt/skew.c
// ARGS: 8
/*
 * The generic IOMMU layer against a flat array and units that remember every
 * translation and table pointer a command does not tell them to forget. First
 * single cases, then random requests: model-iospace [seconds [seed]], or
 * model-iospace episodes N for the first N seeds.
 */
#include <stdlib.h>
#include <time.h>

#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/page-pool.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/time.h>
#include <xen/xmalloc.h>

#include "tests/port/iopt/audit.h"
#include "tests/unit/expect.h"
#include "xen/drivers/passthrough/iommu-priv.h"

#define WINDOW UINT64_C(8192)
#define BASE   ((UINT64_C(1) << 18) - WINDOW / 2) /* around a 1G border */
#define CACHED 64

uint32_t perf_values[PERF_ROW_WORDS];
struct iommu_caps iommu_caps;
bool iommu_enabled = true;

static struct {
    uint64_t mfn;
    unsigned int prot;
} flat[WINDOW];

static struct {
    bool valid;
    uint64_t dfn, mfn;
    unsigned int prot, order;
} tlb[CACHED];

static struct {
    bool valid;
    uint64_t dfn, pa;
    unsigned int level, span;
} psc[CACHED];

/* What caching mode and NpCache allow: that nothing is mapped there. */
static struct {
    bool valid;
    uint64_t dfn;
} absent[CACHED];

static struct iospace *s;
static uint64_t seed, state, blocks_posted, flushes_posted, all_posted;
static uint64_t waits;
static unsigned int xzallocs_left = ~0u;
static int post_error, wait_error, init_error;
static uint64_t fine; /* units that those do not hit */
static struct iommu_flush_req last_req;
static uint64_t groups_cached; /* leaves of AMD's sizes between */

static uint64_t below(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

static void fail(const char *what, uint64_t dfn)
{
    printf("FAIL seed %#llx: %s at dfn %#llx\n", (unsigned long long)seed, what,
           (unsigned long long)dfn);
    exit(1);
}

/* ---- the world around the layer ------------------------------------------ */

void *xzalloc_bytes(size_t bytes)
{
    if (xzallocs_left == 0) {
        return NULL;
    }
    xzallocs_left--;
    return calloc(1, bytes);
}

void xfree(void *p)
{
    free(p);
}

static bool forgive; /* a unit's error is no error of the request */

int iommu_unit_check(unsigned int unit, int rc, const char *what)
{
    (void)unit;
    (void)what;
    return forgive ? 0 : rc;
}

static unsigned int quiesced; /* fault handlers were waited for */

void iommu_fault_quiesce(struct iospace *n)
{
    (void)n;
    quiesced++;
}

static int space_init(struct iospace *n)
{
    (void)n;
    return init_error;
}

static void space_fini(struct iospace *n)
{
    (void)n;
}

/* A block as tests write it. */
struct span {
    uint64_t dfn;
    unsigned int order;
};

static bool reached(const struct iommu_flush_req *f, uint64_t first,
                    unsigned int order, bool fits)
{
    for (unsigned int b = 0; b < f->nr; b++) {
        const uint64_t from = iommu_block_dfn(f->block[b]);
        const uint64_t to = from + (BIT64(iommu_block_order(f->block[b])) - 1);

        if (from & (to - from)) {
            fail("a block that is not aligned", from);
        }
        /* A smaller command leaves a larger entry in place. */
        if (first <= to && first + (BIT64(order) - 1) >= from &&
            (!fits || order <= iommu_block_order(f->block[b]))) {
            return true;
        }
    }
    return f->all;
}

static void (*meanwhile)(void); /* another CPU, while one waits for a flush */

static int flush_post(unsigned int unit, const struct iommu_flush_req *f,
                      uint64_t *ticket)
{
    if (post_error && !(fine >> unit & 1)) {
        return post_error;
    }
    if (f->did != s->did || unit >= iommu_caps.nr_units ||
        !(s->units & BIT64(unit))) {
        fail("a flush of another space or unit", f->did);
    }
    for (unsigned int b = 0; b < f->nr; b++) {
        if (iommu_block_order(f->block[b]) > iommu_caps.flush_order) {
            fail("a block larger than a command reaches",
                 iommu_block_dfn(f->block[b]));
        }
    }
    *ticket = 7 + unit;
    last_req = *f;
    flushes_posted++;
    blocks_posted += f->nr;
    all_posted += f->all;
    return 0;
}

/* Only what is waited for is done; all units see the same commands. */
static int flush_wait(unsigned int unit, uint64_t ticket)
{
    if (ticket != 7 + unit) {
        fail("a ticket of another unit", ticket);
    }
    waits++;
    if (wait_error && !(fine >> unit & 1)) {
        return wait_error;
    }
    if (meanwhile) {
        void (*const other)(void) = meanwhile;

        meanwhile = NULL;
        other();
    }
    for (unsigned int i = 0; i < CACHED; i++) {
        if (reached(&last_req, tlb[i].dfn, tlb[i].order, true)) {
            tlb[i].valid = false;
        }
        if (reached(&last_req, absent[i].dfn, 0, true)) {
            absent[i].valid = false;
        }
        if (last_req.tables &&
            reached(&last_req, psc[i].dfn, psc[i].span, false)) {
            psc[i].valid = false;
        }
    }
    return 0;
}

static const struct iommu_vendor_ops mock = {
    .name = "mock",
    .space_init = space_init,
    .space_fini = space_fini,
    .flush_post = flush_post,
    .flush_wait = flush_wait,
};
const struct iommu_vendor_ops *iommu_ops = &mock;

/* ---- the device ------------------------------------------------------------ */

static void device_access(uint64_t dfn)
{
    const struct audit_hit h = audit_walk(&s->pt, dfn);
    const unsigned int level = (unsigned int)below(s->pt.levels - 1u);
    const size_t i = below(CACHED);
    uint64_t pa;

    if (h.present) {
        const uint64_t into = dfn & (BIT64(h.order) - 1);

        if (h.order > s->pt.ops->level_order(fls64(s->pt.leaf_all))) {
            fail("a leaf larger than the largest size", dfn);
        }
        groups_cached += h.order % 9 != 0;
        tlb[i].valid = true;
        tlb[i].dfn = dfn - into;
        tlb[i].mfn = h.mfn - into;
        tlb[i].prot = h.prot;
        tlb[i].order = h.order;
    } else if (s->pt.track_added) {
        absent[i].valid = true;
        absent[i].dfn = dfn;
    }
    if (audit_table_at(&s->pt, dfn, level, &pa)) {
        const size_t k = below(CACHED);
        const unsigned int span = s->pt.ops->level_order(level) + 9u;

        psc[k].valid = true;
        psc[k].dfn = dfn >> span << span;
        psc[k].level = level;
        psc[k].span = span;
        psc[k].pa = pa;
    }
}

static unsigned int flat_prot(uint64_t dfn)
{
    return dfn - BASE < WINDOW ? flat[dfn - BASE].prot : 0;
}

static uint64_t flat_mfn(uint64_t dfn)
{
    return dfn - BASE < WINDOW ? flat[dfn - BASE].mfn : 0;
}

/* Whatever is cached says what the flat array says. */
static void check_caches(void)
{
    for (unsigned int i = 0; i < CACHED; i++) {
        if (absent[i].valid && flat_prot(absent[i].dfn)) {
            fail("a frame is hidden after a flush", absent[i].dfn);
        }
        for (uint64_t k = 0; tlb[i].valid && k < BIT64(tlb[i].order); k++) {
            const uint64_t d = tlb[i].dfn + k;

            if (flat_prot(d) != tlb[i].prot || flat_mfn(d) != tlb[i].mfn + k) {
                fail("a stale translation after a flush", d);
            }
            k += tlb[i].order > 9 ? 511 : 0;
        }
        /* A table that waits to be freed must still translate alike. */
        for (unsigned int n = 0; psc[i].valid && n < 4; n++) {
            const uint64_t d = psc[i].dfn + below(BIT64(psc[i].span));
            const struct audit_hit h =
                audit_walk_from(&s->pt, psc[i].pa, psc[i].level, d);

            if (h.present ? h.prot != flat_prot(d) || h.mfn != flat_mfn(d)
                          : flat_prot(d) != 0) {
                fail("a stale table after a flush", d);
            }
        }
    }
}

static void check_leaf(uint64_t dfn, uint64_t mfn, unsigned int prot,
                       unsigned int order, void *arg)
{
    for (uint64_t k = 0; k < BIT64(order); k++) {
        if (flat_prot(dfn + k) != prot || flat_mfn(dfn + k) != mfn + k) {
            fail("tree and flat array differ", dfn + k);
        }
    }
    *(uint64_t *)arg += BIT64(order);
}

static void check_tree(void)
{
    uint64_t there = 0, mapped = 0;

    if (audit_tree(&s->pt, check_leaf, &there)) {
        fail("audit", BASE);
    }
    for (uint64_t i = 0; i < WINDOW; i++) {
        mapped += flat[i].prot != 0;
    }
    if (mapped != there) {
        fail("number of mapped frames", BASE);
    }
}

/* ---- random requests -------------------------------------------------------- */

static int expected_map(uint64_t dfn, uint64_t mfn, uint64_t nr,
                        unsigned int prot)
{
    for (uint64_t k = 0; k < nr; k++) {
        if (flat_prot(dfn + k) &&
            (flat_prot(dfn + k) != prot || flat_mfn(dfn + k) != mfn + k)) {
            return -EEXIST;
        }
    }
    return 0;
}

/* Pieces of the range that are mapped: many may be refused. */
static unsigned int pieces(uint64_t dfn, uint64_t nr)
{
    unsigned int n = 0;

    for (uint64_t k = 0; k < nr; k++) {
        n += flat_prot(dfn + k) && (k == 0 || !flat_prot(dfn + k - 1));
    }
    return n;
}

/* Without memory a whole leaf goes: at either end, all of it or nothing. */
static void forget_leaf(uint64_t dfn)
{
    struct iopt_view w;
    uint64_t first = dfn;

    if (dfn - BASE >= WINDOW || !flat_prot(dfn) ||
        iopt_lookup(&s->pt, DFN(dfn), &w) == 0) {
        return;
    }
    /* Gone although it was not asked for: so is the rest of the leaf. */
    first = align_down(dfn, 512);
    for (uint64_t k = 0; k < 512; k++) {
        if (first + k - BASE < WINDOW &&
            iopt_lookup(&s->pt, DFN(first + k), &w)) {
            flat[first + k - BASE].prot = 0;
        }
    }
}

/* Lists of frames: some follow each other, some are there twice, some not. */
static void list_request(struct iommu_gather *g)
{
    const unsigned int nr = 1 + (unsigned int)below(60);
    const bool failing = below(6) == 0;
    const bool mapping = below(2);
    const bool alone = below(2); /* nothing else is owed */
    uint32_t frame[60];
    unsigned int done = nr;
    int rc;

    for (unsigned int i = 0; i < nr; i++) {
        const uint64_t at = i && below(16) && frame[i - 1] - BASE + 1 < WINDOW
                                ? frame[i - 1] - BASE + 1
                                : below(WINDOW);

        frame[i] = (uint32_t)(BASE + at);
    }
    if (alone) {
        EXPECT_EQ("flush", iommu_flush(s, g), 0);
    }
    if (failing) {
        pool_fail_after(below(4));
    }
    rc = mapping ? iommu_map_list(s, frame, nr, 3, &done)
                 : iommu_unmap_list(s, frame, nr, IOMMU_BY_TYPE);
    pool_fail_after(UINT64_MAX);
    for (unsigned int i = 0; i < done; i++) {
        if (mapping && expected_map(frame[i], frame[i], 1, 3)) {
            fail("a list mapped over something else", frame[i]);
        }
        flat[frame[i] - BASE].prot = mapping ? 3 : 0;
        flat[frame[i] - BASE].mfn = frame[i];
    }
    if (rc == 0 ? done != nr
                : !(mapping && failing && rc == -ENOMEM) &&
                      !(mapping && rc == -EEXIST &&
                        expected_map(frame[done], frame[done], 1, 3))) {
        printf("rc %d, done %u of %u\n", rc, done, nr);
        fail("list", frame[0]);
    }
    for (unsigned int i = 0; failing && !mapping && i < nr; i++) {
        forget_leaf(frame[i] - 1);
        forget_leaf(frame[i] + 1);
    }
    if (alone) {
        check_caches();
    }
}

/* No unit finds a larger page there, a group included. */
static void check_split(uint64_t dfn, uint64_t nr, unsigned int level)
{
    for (unsigned int i = 0; i < 64; i++) {
        const uint64_t d = dfn + (i == 0 ? 0 : i == 1 ? nr - 1 : below(nr));
        const struct audit_hit h = audit_walk(&s->pt, d);

        if (h.present && h.order > 9 * level) {
            fail("a page larger than asked for", d);
        }
    }
}

/* Other page sizes: no translation changes, with or without memory. */
static void resize_request(uint64_t dfn, uint64_t nr, bool failing,
                           struct iommu_gather *g)
{
    const unsigned int level = (unsigned int)below(3);
    int rc;

    if (below(4) == 0) {
        iommu_limit_pages(s, level);
        iommu_no_coalesce(s, 1u << below(4) & 6);
    }
    rc = iommu_split(s, DFN(dfn), nr, level, g);
    pool_fail_after(UINT64_MAX);
    if (rc && !(failing && rc == -ENOMEM)) {
        fail("split", dfn);
    }
    if (rc == 0 && s->pt.levels > level) {
        check_split(dfn, nr, level);
    }
}

/* ---- requests that stop on their way ---------------------------------------- */

static struct {
    struct iommu_progress p;
    uint64_t dfn, mfn, nr;
    unsigned int prot; /* 0: an unmap */
    uint64_t last;     /* done, the last time */
    unsigned int slices;
    bool always; /* stop after each */
} way;

/* One frame says what the progress says it does. */
static void check_way(uint64_t k)
{
    const uint64_t d = way.dfn + k;
    unsigned int prot = k < way.p.done ? way.prot : flat_prot(d);
    uint64_t mfn = k < way.p.done ? way.mfn + k : flat_mfn(d);
    unsigned int has = 0;
    mfn_t to = MFN(0);

    if (iommu_lookup(s, DFN(d), &to, &has) == 0 ? has != prot || to.n != mfn
                                                : prot != 0) {
        fail("progress is not exact", d);
    }
}

/* No slice does more than is said. */
static void check_slice(void)
{
    const uint64_t slice = way.p.done - way.last;
    const bool large =
        s->pt.leaf_mask & 2 &&
        ((way.dfn + way.last) | slice | (way.prot ? way.mfn + way.last : 0)) %
                512 ==
            0;

    way.slices++;
    if (slice == 0 || slice > BIT64(18) ||
        (way.prot && !large && slice > IOMMU_SLICE)) {
        fail("length of a slice", slice);
    }
    way.last = way.p.done;
}

static bool stop(void)
{
    check_slice();
    return way.always || below(2);
}

static bool stop_in_window(void)
{
    check_way(way.p.done - 1);
    check_way(way.p.done);
    for (unsigned int i = 0; i < 4; i++) {
        check_way(below(way.nr));
    }
    return stop();
}

/* One call; the memory may fail it. */
static int go_on(struct iommu_gather *g)
{
    return way.prot ? iommu_map_slices(s, DFN(way.dfn), MFN(way.mfn), way.nr,
                                       way.prot, g, &way.p)
                    : iommu_unmap_slices(s, DFN(way.dfn), way.nr, g, &way.p);
}

static void sliced_request(uint64_t dfn, uint64_t mfn, uint64_t nr,
                           unsigned int prot, struct iommu_gather *g)
{
    int rc;

    way.p = (struct iommu_progress){ .stop = stop_in_window };
    way.dfn = dfn;
    way.mfn = mfn;
    way.nr = nr;
    way.prot = prot;
    way.last = 0;
    way.always = false;
    while ((rc = go_on(g)) == -ERESTART) {
        if (below(2) && iommu_flush(s, g)) {
            fail("flush", dfn);
        }
    }
    if (way.p.done > nr || (rc == 0) != (way.p.done == nr) ||
        expected_map(dfn, mfn, prot ? way.p.done : 0, prot) ||
        (rc && rc != expected_map(dfn + way.p.done, mfn + way.p.done,
                                  nr - way.p.done, prot))) {
        fail("a request in slices", dfn);
    }
    for (uint64_t k = 0; k < way.p.done; k++) {
        flat[dfn + k - BASE].prot = prot;
        flat[dfn + k - BASE].mfn = mfn + k;
    }
}

static void one_request(struct iommu_gather *g)
{
    static const uint64_t deltas[] = { 0, 0, BIT64(20), 1 };
    const uint64_t at = below(WINDOW);
    uint64_t nr = 1 + below(below(3) ? 4 : WINDOW);
    const bool failing = below(6) == 0;
    const unsigned int prot = below(4) ? 3 : 1 + (unsigned int)below(2);
    const uint64_t dfn = BASE + (below(3) ? at : align_down(at, 512));
    const uint64_t mfn = dfn + deltas[below(4)];
    int rc, want;

    if (below(4) == 0) {
        nr = 512 * (1 + below(3));
    }
    nr = min_of(nr, BASE + WINDOW - dfn);
    if (failing) {
        pool_fail_after(below(4));
    }
    switch (below(6)) {
    case 5:
        pool_fail_after(UINT64_MAX);
        sliced_request(dfn, mfn, nr, below(2) ? prot : 0, g);
        break;
    case 4:
        resize_request(dfn, nr, failing, g);
        break;
    case 0:
        rc = iommu_unmap(s, DFN(dfn), nr, g);
        pool_fail_after(UINT64_MAX);
        if (rc) {
            fail("an unmap failed", dfn);
        }
        for (uint64_t k = 0; k < nr; k++) {
            flat[dfn + k - BASE].prot = 0;
        }
        if (failing) {
            forget_leaf(dfn - 1);
            forget_leaf(dfn + nr);
        }
        break;
    case 1:
        rc = iommu_protect(s, DFN(dfn), nr, prot, g);
        pool_fail_after(UINT64_MAX);
        if (rc && !(failing && rc == -ENOMEM)) {
            fail("protect", dfn);
        }
        for (uint64_t k = 0; rc == 0 && k < nr; k++) {
            if (flat[dfn + k - BASE].prot) {
                flat[dfn + k - BASE].prot = prot;
            }
        }
        break;
    default:
        want = expected_map(dfn, mfn, nr, prot);
        rc = iommu_map(s, DFN(dfn), MFN(mfn), nr, prot, g);
        pool_fail_after(UINT64_MAX);
        if (rc != want && !(failing && rc == -ENOMEM) &&
            !(rc == -EEXIST && pieces(dfn, nr) > 16)) {
            printf("rc %d, want %d\n", rc, want);
            fail("map", dfn);
        }
        for (uint64_t k = 0; rc == 0 && k < nr; k++) {
            flat[dfn + k - BASE].prot = prot;
            flat[dfn + k - BASE].mfn = mfn + k;
        }
        break;
    }
}

#define CONFIGS 72 /* from there on again, with the third format */

static void set_up(unsigned int config)
{
    const struct iopt_ops *const ops = config >= CONFIGS ? &iopt_amdv1x_ops
                                       : config & 1      ? &iopt_vtdss_ops
                                                         : &iopt_amdv1_ops;
    static const uint8_t orders[] = { 9, 18, 52 };

    iommu_caps = (struct iommu_caps){
        .pt = { .ops = ops,
                .levels = (uint8_t)(3 + config / 2 % 3),
                .leaf_mask = (uint8_t)((2u << config / 6 % 3) - 1),
                .coherent = config / 18 & 1,
                .track_added = config / 36 & 1,
                .input_bits = 48 },
        .nr_units = 1 + config % 3,
        .did_first = 1,
        .did_last = 3,
        .flush_order = orders[config % 3],
    };
    pool_reset();
    memset(tlb, 0, sizeof(tlb));
    memset(psc, 0, sizeof(psc));
    memset(absent, 0, sizeof(absent));
    memset(flat, 0, sizeof(flat));
    if (iospace_create(1, &s)) {
        fail("create", 0);
    }
    atomic_store(&s->units, BIT64(iommu_caps.nr_units) - 1);
}

static void tear_down(void)
{
    iospace_destroy(s);
    if (pool_nr_used) {
        fail("pages left", pool_nr_used);
    }
}

static void episode(uint64_t n)
{
    struct iommu_gather g = IOMMU_GATHER_INIT;
    bool more;

    seed = n;
    state = n * UINT64_C(0x9e3779b97f4a7c15) | 1;
    for (int i = 0; i < 8; i++) {
        (void)below(2);
    }
    set_up((unsigned int)below(CONFIGS) + (below(3) ? 0 : CONFIGS));
    for (int i = 0; i < 120; i++) {
        if (below(4) == 0) {
            list_request(&g);
        } else {
            one_request(&g);
        }
        for (int k = 0; k < 6; k++) {
            device_access(BASE + below(WINDOW));
        }
        if (below(3)) {
            if (iommu_flush(s, &g) || !iopt_gather_is_empty(gather_pt(&g))) {
                fail("flush", 0);
            }
            check_caches();
        }
        if (below(8) == 0) {
            if (iommu_settle(s, &more)) {
                fail("settle", 0);
            }
        }
        if (i % 8 == 0) {
            check_tree();
        }
    }
    if (iommu_flush(s, &g)) {
        fail("flush", 0);
    }
    /* Quiet: what was put off is done and the leaves are the fewest. */
    do {
        if (iommu_settle(s, &more)) {
            fail("settle", 0);
        }
    } while (more);
    check_tree();
    check_caches();
    tear_down();
}

/* ---- single cases ------------------------------------------------------------ */

static struct iommu_gather g0 = IOMMU_GATHER_INIT;

static int map(uint64_t dfn, uint64_t mfn, uint64_t nr)
{
    return iommu_map(s, DFN(dfn), MFN(mfn), nr, 3, &g0);
}

static void settle_all(void)
{
    bool more;

    do {
        EXPECT_EQ("settle", iommu_settle(s, &more), 0);
    } while (more);
}

static void flush_ok(void)
{
    EXPECT_EQ("flush", iommu_flush(s, &g0), 0);
    EXPECT_EQ("gather's space", g0.space == NULL, 1);
}

static void test_create(void)
{
    struct iospace *more[4] = { NULL };
    struct iospace *none = NULL;
    uint64_t pages;

    set_up(0);
    pages = pool_nr_used;
    iommu_enabled = false;
    EXPECT_EQ("disabled", iospace_create(2, &none), -ENODEV);
    iommu_enabled = true;
    xzallocs_left = 0;
    EXPECT_EQ("no memory", iospace_create(2, &none), -ENOMEM);
    xzallocs_left = ~0u;
    pool_fail_after(0);
    EXPECT_EQ("no page", iospace_create(2, &none), -ENOMEM);
    pool_fail_after(UINT64_MAX);
    init_error = -EIO;
    EXPECT_EQ("vendor", iospace_create(2, &none), -EIO);
    init_error = 0;
    EXPECT_EQ("second", iospace_create(2, &more[0]), 0);
    EXPECT_EQ("third", iospace_create(3, &more[1]), 0);
    EXPECT_EQ("ids differ",
              more[0]->did != more[1]->did && more[0]->did != s->did &&
                  more[1]->did != s->did,
              1);
    EXPECT_EQ("no id left", iospace_create(4, &more[2]), -ENOMEM);
    EXPECT_EQ("none of them", none == NULL && more[2] == NULL, 1);
    iospace_destroy(more[0]);
    EXPECT_EQ("id again", iospace_create(5, &more[2]), 0);
    EXPECT_EQ("owner", more[2]->owner, 5);
    iospace_destroy(more[2]);
    iospace_destroy(more[1]);
    iospace_destroy(NULL);
    EXPECT_EQ("pages", pool_nr_used, pages);
    tear_down();
}

static void test_list_arguments(void)
{
    const uint32_t list[] = { 1, INTR_FIRST - 1, INTR_FIRST, INTR_LAST + 1 };
    /* In one table, so that no check on the long way catches the second. */
    const uint32_t behind[] = { INTR_LAST + 1, INTR_LAST };
    const uint32_t near[] = { 2 }; /* one store maps it */
    const uint32_t beyond[] = { 100, 101 };
    unsigned int done;

    set_up(1);
    EXPECT_EQ("interrupts", iommu_map_list(s, list, 4, 3, &done), -EINVAL);
    EXPECT_EQ("those before", done, 2);
    EXPECT_EQ("leaves", iopt_nr_leaves(&s->pt), 2);
    EXPECT_EQ("interrupts", iommu_map_list(s, behind, 2, 3, &done), -EINVAL);
    EXPECT_EQ("the one behind", done, 1);
    EXPECT_EQ("leaves", iopt_nr_leaves(&s->pt), 3);
    EXPECT_EQ("prot", iommu_map_list(s, near, 1, 4, &done), -EINVAL);
    EXPECT_EQ("prot", iommu_map_list(s, near, 1, 0, &done), -EINVAL);
    EXPECT_EQ("leaves", iopt_nr_leaves(&s->pt), 3);
    EXPECT_EQ("none", iommu_map_list(s, list, 0, 3, &done), 0);
    EXPECT_EQ("none", iommu_unmap_list(s, list, 0, IOMMU_BY_TYPE), 0);
    EXPECT_EQ("holes", iommu_unmap_list(s, list, 4, IOMMU_BY_TYPE), 0);
    EXPECT_EQ("leaves", iopt_nr_leaves(&s->pt), 0);
    flush_ok();
    tear_down();
    /* A tree that ends below a frame of the list. */
    set_up(1);
    s->pt.dfn_last = 100;
    EXPECT_EQ("range", iommu_map_list(s, list, 2, 3, &done), -ERANGE);
    EXPECT_EQ("those before", done, 1);
    EXPECT_EQ("range", iommu_map_list(s, beyond, 2, 3, &done), -ERANGE);
    EXPECT_EQ("the last one", done, 1);
    EXPECT_EQ("leaves", iopt_nr_leaves(&s->pt), 2);
    EXPECT_EQ("range", iommu_unmap_list(s, beyond, 2, IOMMU_BY_TYPE), -ERANGE);
    EXPECT_EQ("range", iommu_unmap_list(s, list, 2, IOMMU_BY_TYPE), -ERANGE);
    EXPECT_EQ("those before", iopt_nr_leaves(&s->pt), 0);
    flush_ok();
    tear_down();
}

/* Every leaf of the tree, as one number. */
static int sum_range(const struct iommu_range *r, void *arg)
{
    uint64_t *const sum = arg;
    const uint64_t words[] = { r->dfn.n, r->mfn.n, r->nr, r->prot, r->level };

    for (size_t i = 0; i < array_size(words); i++) {
        *sum = (*sum ^ words[i]) * UINT64_C(0x100000001b3);
    }
    return 0;
}

static uint64_t sum_tree(void)
{
    uint64_t sum = s->pt.counts.tables;

    settle_all();
    EXPECT_EQ("walk", iommu_walk(s, 0, s->pt.dfn_last, sum_range, &sum), 0);
    return sum;
}

/* A request that stops after each slice ends as one that does not. */
static void test_slices(unsigned int config)
{
    static const struct {
        uint64_t dfn, mfn, nr;
        unsigned int slices; /* with all sizes */
    } cases[] = {
        { 0, 0, 1, 1 },
        { 5, 5, 3, 1 },
        { 512, 1024, 512, 1 },
        { 7, 7, 3 * BIT64(18), 5 },    /* 4K, 2M, two of 1G, 4K */
        { 0, 0, 3 * BIT64(18), 3 },    /* 1 GiB a slice */
        { 0, 1, 40000, 3 },            /* 4K, whatever the sizes */
        { 100, 612, BIT64(18), 3 },    /* 4K, 2M, 4K */
        { BIT64(18) - 9, 503, 18, 2 }, /* to both sides of 1G */
    };

    for (size_t i = 0; i < array_size(cases); i++) {
        uint64_t mapped, holed;

        set_up(config);
        /* Three GiB of 4K pages show nothing more than 40,000. */
        if (s->pt.leaf_mask == 1 && cases[i].nr > 50000) {
            tear_down();
            continue;
        }
        EXPECT_EQ("map", map(cases[i].dfn, cases[i].mfn, cases[i].nr), 0);
        flush_ok();
        mapped = sum_tree();
        EXPECT_EQ("unmap",
                  iommu_unmap(s, DFN(cases[i].dfn + 1), cases[i].nr, &g0), 0);
        flush_ok();
        holed = sum_tree();
        tear_down();

        set_up(config);
        way.always = true;
        for (int unmaps = 0; unmaps < 2; unmaps++) {
            unsigned int calls = 1;

            way.p = (struct iommu_progress){ .stop = stop };
            way.dfn = cases[i].dfn + (unsigned int)unmaps;
            way.mfn = cases[i].mfn;
            way.nr = cases[i].nr;
            way.prot = unmaps ? 0 : 3;
            way.last = 0;
            way.slices = 0;
            for (; go_on(&g0) == -ERESTART; calls++) {
            }
            EXPECT_EQ("done", way.p.done, way.nr);
            /* It is not asked after the last one. */
            EXPECT_EQ("asked", way.slices, calls - 1);
            if (!unmaps && s->pt.leaf_mask == 7) {
                EXPECT_EQ("slices", calls, cases[i].slices);
            }
            EXPECT_EQ("the same tree", sum_tree(), unmaps ? holed : mapped);
            flush_ok();
        }
        tear_down();
    }

    /* In the way of the third slice: two are there, and go by their number. */
    set_up(config);
    EXPECT_EQ("map", map(35000, 0, 1), 0);
    way.p = (struct iommu_progress){ .stop = NULL };
    way.dfn = 0;
    way.mfn = 1;
    way.nr = 40000;
    way.prot = 3;
    EXPECT_EQ("in the way", go_on(&g0), -EEXIST);
    EXPECT_EQ("done", way.p.done, 2 * IOMMU_SLICE);
    EXPECT_EQ("leaves", s->pt.counts.leaves[0], 2 * IOMMU_SLICE + 1);
    EXPECT_EQ("again", go_on(&g0), -EEXIST);
    EXPECT_EQ("done", way.p.done, 2 * IOMMU_SLICE);
    way.nr = way.p.done;
    way.p.done = 0;
    way.prot = 0;
    EXPECT_EQ("back", go_on(&g0), 0);
    EXPECT_EQ("leaves", iopt_nr_leaves(&s->pt), 1);
    /* Refused before the first slice. */
    way.p.done = 0;
    way.prot = 3;
    way.nr = INTR_FIRST + 1;
    EXPECT_EQ("interrupts", go_on(&g0), -EINVAL);
    way.nr = 0;
    EXPECT_EQ("nr 0", go_on(&g0), -EINVAL);
    way.prot = 0;
    EXPECT_EQ("nr 0", go_on(&g0), -EINVAL);
    EXPECT_EQ("done", way.p.done, 0);
    EXPECT_EQ("leaves", iopt_nr_leaves(&s->pt), 1);
    flush_ok();
    tear_down();
}

/* Sizes of one space: from its creation, lowered, raised, split, kept apart. */
static void test_page_sizes(unsigned int config)
{
    const uint64_t g1 = UINT64_C(1) << 18;
    const uint64_t *n;

    set_up(config); /* of up to 1G */
    n = s->pt.counts.leaves;
    EXPECT_EQ("map", map(0, 0, 2 * g1), 0);
    EXPECT_EQ("1G", n[2], 2);
    flush_ok();
    /* Lowered: what is there stays, what is new is smaller. */
    iommu_limit_pages(s, 1);
    EXPECT_EQ("the same again", map(0, 0, g1), 0);
    EXPECT_EQ("nothing owed", iopt_gather_is_empty(gather_pt(&g0)), true);
    EXPECT_EQ("map", map(2 * g1, 2 * g1, g1), 0);
    EXPECT_EQ("1G", n[2], 2);
    EXPECT_EQ("2M", n[1], 512);
    flush_ok();
    EXPECT_EQ("split", iommu_split(s, DFN(0), 2 * g1, 1, &g0), 0);
    EXPECT_EQ("1G", n[2], 0);
    EXPECT_EQ("2M", n[1], 3 * 512);
    EXPECT_EQ("leaf", gather_pt(&g0)->leaf_order, 18);
    EXPECT_EQ("owed", gather_pt(&g0)->owe, IOPT_OWE_STALE);
    flush_ok();
    /* A part, rounded out; in two chunks. */
    EXPECT_EQ("split", iommu_split(s, DFN(g1 - 1), 2, 0, &g0), 0);
    EXPECT_EQ("4K", n[0], 1024);
    flush_ok();
    /* Raised: the next change finds what can be one. */
    iommu_limit_pages(s, 7);
    EXPECT_EQ("unmap", iommu_unmap(s, DFN(5), 1, &g0), 0);
    EXPECT_EQ("map", map(5, 5, 1), 0);
    EXPECT_EQ("unmap", iommu_unmap(s, DFN(g1 - 1), 1, &g0), 0);
    EXPECT_EQ("map", map(g1 - 1, g1 - 1, 1), 0);
    flush_ok();
    settle_all();
    EXPECT_EQ("1G", n[2], 1);
    EXPECT_EQ("2M", n[1], 1023);
    EXPECT_EQ("4K", n[0], 512);
    /* Kept apart: 512 pages stay as they are; one request is still one page. */
    iommu_no_coalesce(s, 2);
    EXPECT_EQ("unmap", iommu_unmap(s, DFN(3 * g1 - 1), 1, &g0), 0);
    EXPECT_EQ("map", map(3 * g1 - 1, 3 * g1 - 1, 1), 0);
    EXPECT_EQ("map", map(3 * g1, 3 * g1, 512), 0);
    flush_ok();
    settle_all();
    EXPECT_EQ("2M", n[1], 1023);
    EXPECT_EQ("4K", n[0], 1024);
    EXPECT_EQ("level", iommu_split(s, DFN(0), 1, 9, &g0), -EINVAL);
    EXPECT_EQ("nr 0", iommu_split(s, DFN(0), 0, 0, &g0), -EINVAL);
    EXPECT_EQ("range", iommu_split(s, DFN(s->pt.dfn_last), 2, 0, &g0), -ERANGE);
    EXPECT_EQ("audit", audit_tree(&s->pt, NULL, NULL), 0);
    flush_ok();
    tear_down();

    /* As with iommu=no-superpages: from the beginning. */
    set_up(config);
    tear_down();
    iommu_caps.pt.leaf_off = 6;
    EXPECT_EQ("create", iospace_create(1, &s), 0);
    atomic_store(&s->units, 1);
    EXPECT_EQ("map", map(0, 0, 1024), 0);
    EXPECT_EQ("4K", s->pt.counts.leaves[0], 1024);
    iommu_limit_pages(s, 1);
    EXPECT_EQ("map", map(1024, 1024, 1024), 0);
    EXPECT_EQ("2M", s->pt.counts.leaves[1], 2);
    flush_ok();
    tear_down();

    /* No more than units can. */
    set_up(config);
    tear_down();
    iommu_caps.pt.leaf_mask = 1;
    EXPECT_EQ("create", iospace_create(1, &s), 0);
    iommu_limit_pages(s, 2);
    EXPECT_EQ("map", map(0, 0, 512), 0);
    EXPECT_EQ("4K", s->pt.counts.leaves[0], 512);
    flush_ok();
    tear_down();
}

static void test_arguments(void)
{
    uint64_t last;

    set_up(1);
    last = iospace_dfn_last(s);
    EXPECT_EQ("nr 0", map(1, 1, 0), -EINVAL);
    EXPECT_EQ("range", map(last, 1, 2), -ERANGE);
    EXPECT_EQ("range", map(last + 1, 1, 1), -ERANGE);
    EXPECT_EQ("mfn", map(1, s->pt.mfn_last, 2), -ERANGE);
    EXPECT_EQ("mfn", map(1, s->pt.mfn_last + 1, 1), -ERANGE);
    EXPECT_EQ("prot", iommu_map(s, DFN(1), MFN(1), 1, 0, &g0), -EINVAL);
    EXPECT_EQ("prot", iommu_map(s, DFN(1), MFN(1), 1, 4, &g0), -EINVAL);
    EXPECT_EQ("prot", iommu_protect(s, DFN(1), 1, 0, &g0), -EINVAL);
    EXPECT_EQ("prot", iommu_protect(s, DFN(1), 1, 7, &g0), -EINVAL);
    EXPECT_EQ("nr 0", iommu_protect(s, DFN(1), 0, 1, &g0), -EINVAL);
    EXPECT_EQ("nr 0", iommu_unmap(s, DFN(1), 0, &g0), -EINVAL);
    EXPECT_EQ("range", iommu_unmap(s, DFN(last), 2, &g0), -ERANGE);
    EXPECT_EQ("interrupts", map(INTR_FIRST, 1, 1), -EINVAL);
    EXPECT_EQ("interrupts", map(INTR_LAST, 1, 1), -EINVAL);
    EXPECT_EQ("interrupts", map(1, INTR_FIRST - 1, 2), -EINVAL);
    EXPECT_EQ("interrupts", map(1, INTR_LAST, 1), -EINVAL);
    EXPECT_EQ("below", map(INTR_FIRST - 1, INTR_FIRST - 1, 1), 0);
    EXPECT_EQ("above", map(INTR_LAST + 1, INTR_LAST + 1, 1), 0);
    EXPECT_EQ("leaves", iopt_nr_leaves(&s->pt), 2);
    EXPECT_EQ("last", map(last, 1, 1), 0);
    /* Refused as a whole, not when it comes to the end. */
    EXPECT_EQ("range", iommu_unmap(s, DFN(1), last + 1, &g0), -ERANGE);
    EXPECT_EQ("still there", iommu_lookup(s, DFN(last), NULL, NULL), 0);
    EXPECT_EQ("still there", iommu_lookup(s, DFN(INTR_LAST + 1), NULL, NULL),
              0);
    EXPECT_EQ("all", iommu_unmap(s, DFN(0), last + 1, &g0), 0);
    EXPECT_EQ("leaves", iopt_nr_leaves(&s->pt), 0);
    flush_ok();
    tear_down();
}

static void test_lookup(void)
{
    unsigned int prot = 0;
    mfn_t mfn = MFN(0);

    set_up(12);
    EXPECT_EQ("nothing", iommu_lookup(s, DFN(5), &mfn, &prot), -ENOENT);
    EXPECT_EQ("map", map(5, 0, 1), 0);
    mfn = MFN(9);
    EXPECT_EQ("lookup", iommu_lookup(s, DFN(5), &mfn, &prot), 0);
    EXPECT_EQ("mfn 0", mfn.n, 0);
    EXPECT_EQ("prot", prot, 3);
    EXPECT_EQ("lookup", iommu_lookup(s, DFN(5), NULL, NULL), 0);
    /* A leaf, and 4K leaves that go on where it ends. */
    EXPECT_EQ("map", map(1024, 1024, 600), 0);
    EXPECT_EQ("other", map(1624, 9000, 1), 0);
    EXPECT_EQ("read", iommu_protect(s, DFN(1623), 1, 1, &g0), 0);
    iommu_print_summary(s);
    flush_ok();
    tear_down();
}

/* A counter as a tool reads it. */
static uint32_t perf(unsigned int index)
{
    iommu_count_all();
    return perf_values[index];
}

/* The performance counters, for a script of which each step is known. */
static void test_counters(void)
{
    static const struct {
        uint64_t dfn, nr;
        bool map;
        unsigned int shatters, coalesces;
    } steps[] = {
        { 0, 512, true, 0, 0 },  /* one 2M leaf */
        { 7, 1, false, 1, 0 },   /* cut */
        { 7, 1, true, 1, 0 },    /* whole, and put off */
        { 8, 1, false, 1, 0 },   /* nothing to cut */
        { 0, 512, false, 1, 0 }, /* the table is replaced: no count */
        { 5, 1, true, 1, 0 },    /* new tables */
        { 5, 1, false, 1, 0 },   /* emptied, see below */
    };

    memset(perf_values, 0, sizeof(perf_values));
    set_up(12 + 18);
    /* So that the upper tables stay. */
    EXPECT_EQ("map", map(600 * 512, 3, 1), 0);
    EXPECT_EQ("map", map(5 * 512, 3, 1), 0);
    for (size_t i = 0; i < array_size(steps); i++) {
        EXPECT_EQ("step",
                  steps[i].map
                      ? map(steps[i].dfn, steps[i].dfn, steps[i].nr)
                      : iommu_unmap(s, DFN(steps[i].dfn), steps[i].nr, &g0),
                  0);
        flush_ok();
        EXPECT_EQ("shatters", perf(PERF_iommu_pt_shatters), steps[i].shatters);
        EXPECT_EQ("coalesces", perf(PERF_iommu_pt_coalesces),
                  i == array_size(steps) - 1 ? 1 : steps[i].coalesces);
    }
    for (uint64_t d = 0; d < 512; d++) {
        EXPECT_EQ("map", map(d, d, 1), 0);
    }
    settle_all();
    EXPECT_EQ("coalesces", perf(PERF_iommu_pt_coalesces), 2);
    flush_ok();
    tear_down();
    EXPECT_EQ("allocs", perf(PERF_iommu_pt_allocs) > 3, 1);
    EXPECT_EQ("frees", perf(PERF_iommu_pt_frees), perf(PERF_iommu_pt_allocs));
}

/* What a step adds to a counter, 0 where it is not named. */
struct counter_step {
    const char *what;
    uint64_t dfn, nr;
    enum { MAP, UNMAP, RETYPE, READ_ONLY, SPLIT, SETTLE } op;
    uint32_t maps, unmaps, shatters, by_unmap, by_type, by_prot, by_split, full,
        empty, range, waits;
    int32_t leaves_4k, leaves_2m, linked;
    uint32_t waiting; /* not what is added: what is there afterwards */
};

static void run_step(const struct counter_step *p)
{
    bool more;

    switch (p->op) {
    case MAP:
        EXPECT_EQ(p->what, map(p->dfn, p->dfn, p->nr), 0);
        break;
    case UNMAP:
    case RETYPE:
        g0.cause = p->op == RETYPE ? IOMMU_BY_TYPE : IOMMU_BY_UNMAP;
        for (uint64_t i = 0; i < p->nr; i++) {
            EXPECT_EQ(p->what, iommu_unmap(s, DFN(p->dfn + i), 1, &g0), 0);
        }
        g0.cause = IOMMU_BY_UNMAP;
        break;
    case READ_ONLY:
        EXPECT_EQ(p->what, iommu_protect(s, DFN(p->dfn), p->nr, IOMMU_R, &g0),
                  0);
        break;
    case SPLIT:
        EXPECT_EQ(p->what, iommu_split(s, DFN(p->dfn), p->nr, 0, &g0), 0);
        break;
    case SETTLE:
        do {
            EXPECT_EQ(p->what, iommu_settle(s, &more), 0);
        } while (more);
        return; /* what it owes rides on the next flush */
    }
    flush_ok();
}

/* One script, every counter of the layer, to the unit. */
static void test_counters_exactly(void)
{
    static const struct counter_step steps[] = {
        { "map 2M", 0, 512, MAP, .maps = 1, .leaves_2m = 1, .linked = 1 },
        { "map 2M", 512, 512, MAP, .maps = 1, .leaves_2m = 1 },
        { "map 2M", 1024, 512, MAP, .maps = 1, .leaves_2m = 1 },
        { "a table", 7, 1, RETYPE, .unmaps = 1, .shatters = 1, .by_type = 1,
          .range = 1, .waits = 1, .leaves_4k = 511, .leaves_2m = -1,
          .linked = 1 },
        { "two more", 8, 2, RETYPE, .unmaps = 2, .range = 1, .waits = 1,
          .leaves_4k = -2 },
        { "given up", 512, 1, UNMAP, .unmaps = 1, .shatters = 1, .by_unmap = 1,
          .range = 1, .waits = 1, .leaves_4k = 511, .leaves_2m = -1,
          .linked = 1 },
        { "read-only", 1030, 1, READ_ONLY, .shatters = 1, .by_prot = 1,
          .range = 1, .waits = 1, .leaves_4k = 512, .leaves_2m = -1,
          .linked = 1 },
        /* Its table is full again, and is joined when all is quiet. */
        { "data again", 7, 3, MAP, .maps = 1, .leaves_4k = 3 },
        { "joined", 0, 0, SETTLE, .full = 1, .leaves_4k = -512, .leaves_2m = 1,
          .linked = -1, .waiting = 1 },
        /* The second command reaches the table that was waiting. */
        { "the rest", 513, 511, UNMAP, .unmaps = 511, .empty = 1, .range = 2,
          .waits = 1, .leaves_4k = -511, .linked = -1 },
        { "one more", 1030, 1, UNMAP, .unmaps = 1, .range = 1, .waits = 1,
          .leaves_4k = -1 },
        { "smaller", 9, 1, SPLIT, .shatters = 1, .by_split = 1, .range = 1,
          .waits = 1, .leaves_4k = 512, .leaves_2m = -1, .linked = 1 },
    };

    memset(perf_values, 0, sizeof(perf_values));
    set_up(12 + 18);
    for (size_t i = 0; i < array_size(steps); i++) {
        const struct counter_step *const p = &steps[i];
        uint32_t b[PERF_NR];
        uint32_t total = 0;

        iommu_count_all();
        memcpy(b, perf_values, sizeof(b));
        run_step(p);
#define ADDED(counter, n) \
    EXPECT_EQ(p->what, perf(PERF_##counter) - b[PERF_##counter], (uint32_t)(n))
        ADDED(iommu_maps, p->maps);
        ADDED(iommu_unmaps, p->unmaps);
        ADDED(iommu_pt_shatters, p->shatters);
        ADDED(iommu_shatters_unmap, p->by_unmap);
        ADDED(iommu_shatters_type, p->by_type);
        ADDED(iommu_shatters_prot, p->by_prot);
        ADDED(iommu_shatters_split, p->by_split);
        ADDED(iommu_pt_coalesces, p->full + p->empty);
        ADDED(iommu_coalesces_full, p->full);
        ADDED(iommu_coalesces_empty, p->empty);
        ADDED(iommu_flushes, p->range);
        ADDED(iommu_flush_range, p->range);
        ADDED(iommu_flush_domain, 0);
        ADDED(iommu_flush_waits, p->waits);
        ADDED(iommu_leaves, p->leaves_4k);
        ADDED(iommu_leaves + 1, p->leaves_2m);
        ADDED(iommu_tables, p->linked);
#undef ADDED
        EXPECT_EQ(p->what, perf(PERF_iommu_tables + 2), p->waiting);
        for (unsigned int k = 0; k < 3; k++) {
            total += perf(PERF_iommu_tables + k);
        }
        EXPECT_EQ(p->what, total,
                  perf(PERF_iommu_pt_allocs) - perf(PERF_iommu_pt_frees));
    }
    tear_down();
    for (unsigned int k = 0; k < 3; k++) {
        EXPECT_EQ("nothing left", perf(PERF_iommu_tables + k), 0);
        EXPECT_EQ("nothing left", perf(PERF_iommu_leaves + k), 0);
    }
}

/* 512 single maps: as many requests, one leaf, no flush. */
static void test_counters_singles(void)
{
    set_up(12 + 18);
    EXPECT_EQ("upper tables", map(700 * 512, 3, 1), 0);
    iommu_count_all();
    memset(perf_values, 0, sizeof(perf_values));
    for (uint64_t d = 0; d < 512; d++) {
        const uint64_t dfn = (d * 167 + 5) % 512;

        EXPECT_EQ("map", map(dfn, dfn, 1), 0);
        flush_ok();
    }
    EXPECT_EQ("4K leaves", perf(PERF_iommu_leaves), 512);
    settle_all();
    EXPECT_EQ("maps", perf(PERF_iommu_maps), 512);
    EXPECT_EQ("4K leaves", perf(PERF_iommu_leaves), 0);
    EXPECT_EQ("2M leaves", perf(PERF_iommu_leaves + 1), 1);
    EXPECT_EQ("full", perf(PERF_iommu_coalesces_full), 1);
    EXPECT_EQ("shatters", perf(PERF_iommu_pt_shatters), 0);
    EXPECT_EQ("flushes", perf(PERF_iommu_flushes), 0);
    EXPECT_EQ("waiting", perf(PERF_iommu_tables + 2), 1);
    tear_down();
}

/* A space of many tables goes in several steps. */
static void test_large(void)
{
    set_up(12 + 18);
    EXPECT_EQ("map", map(0, 1, 700 * 512), 0);
    EXPECT_EQ("tables", s->pt.counts.tables > 700, 1);
    flush_ok();
    tear_down();
}

/* Up to 16 parts of a request may be there already; more is refused. */
static void test_pieces(void)
{
    for (uint64_t n = 15; n <= 18; n++) {
        set_up(12 + 18);
        for (uint64_t i = 0; i < n; i++) {
            EXPECT_EQ("map", map(10 + i * 500, 10 + i * 500, 1), 0);
        }
        EXPECT_EQ("pieces", map(3, 3, 10000), n <= 16 ? 0 : -EEXIST);
        if (n > 16) {
            EXPECT_EQ("unchanged", iopt_nr_leaves(&s->pt), n);
        }
        flush_ok();
        tear_down();
    }
}

/* Tables that wait for a flush come back with one rather than be missing. */
static void test_tables_return(void)
{
    set_up(6 + 18);
    EXPECT_EQ("map", map(0, 0, 40 * 512), 0);
    EXPECT_EQ("map", map(40 * 512, 9, 500), 0);
    flush_ok();
    pool_fail_after(0);
    for (uint64_t d = 0; s->pt.spare.nr; d++) {
        EXPECT_EQ("unmap", iommu_unmap(s, DFN(d * 512 + 100), 1, &g0), 0);
        flush_ok();
        EXPECT_EQ("bounded", d < 39, true);
    }
    EXPECT_EQ("table goes", iommu_unmap(s, DFN(40 * 512), 500, &g0), 0);
    EXPECT_EQ("waits", gather_pt(&g0)->retired.nr, 1);
    EXPECT_EQ("unmap", iommu_unmap(s, DFN(39 * 512 + 100), 1, &g0), 0);
    EXPECT_EQ("neighbour", iommu_lookup(s, DFN(39 * 512), NULL, NULL), 0);
    /* One end in a leaf, one in a hole; nothing left to cut with. */
    EXPECT_EQ("unmap", iommu_unmap(s, DFN(38 * 512), 1, &g0), 0);
    EXPECT_EQ("unmap", iommu_unmap(s, DFN(36 * 512 + 500), 512, &g0), 0);
    EXPECT_EQ("gone", iommu_lookup(s, DFN(36 * 512 + 499), NULL, NULL),
              -ENOENT);
    EXPECT_EQ("gone", iommu_lookup(s, DFN(38 * 512 + 1), NULL, NULL), -ENOENT);
    EXPECT_EQ("unmap", iommu_unmap(s, DFN(35 * 512 + 500), 700, &g0), 0);
    EXPECT_EQ("gone", iommu_lookup(s, DFN(35 * 512), NULL, NULL), -ENOENT);
    /* The far end of the run is in the hole that made. */
    EXPECT_EQ("unmap", iommu_unmap(s, DFN(34 * 512 + 500), 100, &g0), 0);
    EXPECT_EQ("gone", iommu_lookup(s, DFN(34 * 512), NULL, NULL), -ENOENT);
    EXPECT_EQ("left", iommu_lookup(s, DFN(33 * 512), NULL, NULL), 0);
    flush_ok();
    pool_fail_after(UINT64_MAX);
    tear_down();
}

/* Spaces in the order of their ids, each once. */
static unsigned int nr_from(void)
{
    unsigned int nr = 0, next = 0;

    for (struct iospace *x; (x = iospace_from(next)) != NULL; nr++) {
        EXPECT_EQ("id", x->did >= next, true);
        next = x->did + 1u;
    }
    return nr;
}

static void test_from(void)
{
    struct iospace *t, *u;

    set_up(6 + 18);
    EXPECT_EQ("create", iospace_create(2, &t), 0);
    EXPECT_EQ("create", iospace_create(3, &u), 0);
    EXPECT_EQ("all", nr_from(), 3);
    iospace_destroy(t);
    EXPECT_EQ("a gap", nr_from(), 2);
    EXPECT_EQ("create", iospace_create(2, &t), 0);
    EXPECT_EQ("all", nr_from(), 3);
    EXPECT_EQ("itself", iospace_from(u->did) == u, true);
    iospace_destroy(t);
    iospace_destroy(u);
    tear_down();
}

/* Waiting is counted in whole microseconds, none lost over many short ones. */
static void test_wait_counted(void)
{
    const uint32_t before = perf_values[PERF_iommu_flush_us];
    const uint64_t start = now_ns();
    uint64_t from = start, now;

    for (unsigned int i = 0; i < 1000; i++) {
        iommu_count_wait(from);
        /* The clock moved to this when the wait was counted. */
        from += 100;
    }
    now = from;
    EXPECT_EQ("microseconds", perf_values[PERF_iommu_flush_us] - before,
              now / 1000 - start / 1000);
}

/* ---- how requests are cut --------------------------------------------------- */

static struct iopt_run cuts[4096];
static unsigned int nr_cuts;

static int note_cut(struct iopt *pt, const struct iopt_run *r,
                    struct iopt_gather *g)
{
    (void)pt;
    (void)g;
    if (nr_cuts < array_size(cuts)) {
        cuts[nr_cuts++] = *r;
    }
    return 0;
}

/* Largest leaf level for what is left: every size is tried, the largest won. */
static unsigned int best_level(uint64_t dfn, uint64_t mfn, uint64_t left)
{
    unsigned int best = 0;

    for (unsigned int l = 1; l < 3; l++) {
        const uint64_t span = BIT64(9 * l);

        if (s->pt.leaf_mask >> l & 1 && dfn % span == 0 && mfn % span == 0 &&
            left >= span) {
            best = l;
        }
    }
    return best;
}

/*
 * The runs tile the request, each is of leaves of one size, no leaf could have
 * been larger, and a run ends only where the size changes or at a 1G border.
 */
static void check_cuts(uint64_t dfn, uint64_t mfn, uint64_t nr)
{
    uint64_t done = 0;
    unsigned int before = ~0u;

    for (unsigned int i = 0; i < nr_cuts; i++) {
        const uint64_t to = done + cuts[i].nr;
        const unsigned int l = best_level(dfn + done, mfn + done, nr - done);

        EXPECT_EQ("a reason", l != before || is_aligned(dfn + done, BIT64(18)),
                  true);
        before = l;
        EXPECT_EQ("tiled", cuts[i].dfn.n, dfn + done);
        EXPECT_EQ("tiled", cuts[i].mfn.n, mfn + done);
        EXPECT_EQ("no request", cuts[i].nr > 0 && to <= nr, true);
        EXPECT_EQ("one size", cuts[i].nr % BIT64(9 * l), 0);
        EXPECT_EQ("one GiB", (dfn + done) >> 18 == (dfn + to - 1) >> 18, true);
        for (; done < to; done += BIT64(9 * l)) {
            EXPECT_EQ("largest", best_level(dfn + done, mfn + done, nr - done),
                      l);
        }
        done = to;
    }
    EXPECT_EQ("all of it", done, nr);
}

static void test_cuts(void)
{
    static const struct {
        uint64_t dfn, mfn, nr;
        unsigned int cuts;
    } known[] = {
        { 0x1ff, 0x3ff, 0x202, 3 },   { 0x1ff, 0x400, 0x201, 1 },
        { 0x1ff, 0x400, 0x202, 1 },   { 0x40000, 0x40000, 0x80200, 3 },
        { 0x40000, 0x80000, 512, 1 }, { 0x401ff, 0x801ff, 1, 1 },
    };
    struct iopt_ops spy = iopt_amdv1_ops;

    spy.map = note_cut;
    for (unsigned int mask = 1; mask < 8; mask = 2 * mask + 1) {
        set_up(12 + 18);
        s->pt.leaf_mask = (uint8_t)mask;
        s->pt.ops = &spy;
        for (size_t i = 0; mask == 7 && i < array_size(known); i++) {
            nr_cuts = 0;
            EXPECT_EQ("map", map(known[i].dfn, known[i].mfn, known[i].nr), 0);
            check_cuts(known[i].dfn, known[i].mfn, known[i].nr);
            EXPECT_EQ("cuts", nr_cuts, known[i].cuts);
        }
        state = 77;
        for (unsigned int i = 0; i < 3000; i++) {
            static const uint64_t units[] = { 1, 512, BIT64(18) };
            const uint64_t a = units[below(3)], b = units[below(3)];
            /* Away from where units take a frame for an interrupt. */
            const uint64_t dfn = BIT64(24) + below(3) * a + below(2) * below(b);
            const uint64_t mfn =
                dfn + below(3) * units[below(3)] + BIT64(20) * below(2);
            const uint64_t nr = 1 + below(3 * units[below(3)]);

            nr_cuts = 0;
            EXPECT_EQ("map", map(dfn, mfn, nr), 0);
            check_cuts(dfn, mfn, nr);
        }
        s->pt.ops = &iopt_amdv1_ops;
        flush_ok();
        tear_down();
    }
}

/* Commands for what was asked: none for fresh maps, one for one extent. */
static void test_commands(void)
{
    static const struct {
        uint64_t dfn, nr;
        unsigned int blocks;
        uint8_t order; /* of the first block */
        bool all;
    } cases[] = {
        { 0, 1, 1, 9, false },     /* out of a 2M leaf */
        { 5, 3, 1, 9, false },     /* again: 4K leaves of 5..7 */
        { 512, 512, 1, 9, false }, /* one leaf */
        { 1024, 1024, 1, 10, false } /* two leaves, aligned */,
        { 3 * 512, 1024, 0, 0, false },
    };

    for (uint8_t order = 9; order <= 52; order += 43) {
        set_up(6 + 18);
        iommu_caps.flush_order = order;
        iommu_caps.nr_units = 2;
        s->units = 3;
        blocks_posted = flushes_posted = waits = all_posted = 0;
        EXPECT_EQ("map", map(0, 0, 8 * 512), 0);
        flush_ok();
        EXPECT_EQ("fresh map", flushes_posted, 0);
        for (size_t i = 0; i < 4; i++) {
            memset(&last_req, 0, sizeof(last_req));
            flushes_posted = waits = 0;
            EXPECT_EQ("unmap",
                      iommu_unmap(s, DFN(cases[i].dfn), cases[i].nr, &g0), 0);
            flush_ok();
            EXPECT_EQ("units", flushes_posted, 2);
            EXPECT_EQ("waits", waits, 2);
            if (order == 52) {
                EXPECT_EQ("all", last_req.all, false);
                EXPECT_EQ("blocks", last_req.nr, cases[i].blocks);
                if (i != 1) {
                    EXPECT_EQ("order", iommu_block_order(last_req.block[0]),
                              cases[i].order);
                }
            }
        }
        /* Nothing there: nothing to say. */
        flushes_posted = 0;
        EXPECT_EQ("unmap", iommu_unmap(s, DFN(512), 512, &g0), 0);
        flush_ok();
        EXPECT_EQ("empty", flushes_posted, 0);
        tear_down();
    }
}

/* A part of a group goes: a command of the group's size, or everything. */
static void test_between(void)
{
    static const struct {
        uint64_t dfn, nr; /* what is unmapped */
        struct span b;
    } cases[] = {
        { 70, 1, { 64, 5 } },           /* out of 128K */
        { 71, 1, { 71, 0 } },           /* what is left there is smaller */
        { 1024, 512, { 1024, 10 } },    /* out of 4M */
        { 1024 + 512, 1, { 1536, 9 } }, /* out of the other 2M */
    };

    for (uint8_t order = 9; order <= 52; order += 43) {
        set_up(CONFIGS + 12 + 18);
        iommu_caps.flush_order = order;
        EXPECT_EQ("map", map(64, 64, 32), 0);
        EXPECT_EQ("map", map(1024, 1024, 1024), 0);
        flushes_posted = 0;
        flush_ok();
        EXPECT_EQ("fresh map", flushes_posted, 0);
        EXPECT_EQ("128K", audit_walk(&s->pt, 70).order, 5);
        EXPECT_EQ("4M", audit_walk(&s->pt, 1024).order, 10);
        for (size_t i = 0; i < array_size(cases); i++) {
            const bool all = cases[i].b.order > order;

            EXPECT_EQ("unmap",
                      iommu_unmap(s, DFN(cases[i].dfn), cases[i].nr, &g0), 0);
            flush_ok();
            EXPECT_EQ("all", last_req.all, all);
            EXPECT_EQ("blocks", all ? 1 : last_req.nr, 1);
            EXPECT_EQ("dfn", all ? 0 : iommu_block_dfn(last_req.block[0]),
                      all ? 0 : cases[i].b.dfn);
            EXPECT_EQ("order", all ? 0 : iommu_block_order(last_req.block[0]),
                      all ? 0 : cases[i].b.order);
        }
        EXPECT_EQ("leaves", iopt_nr_leaves(&s->pt), 30 + 511);
        tear_down();
    }
}

/* Extents to blocks, by themselves. */
static void test_plan(void)
{
    static const struct {
        uint64_t first, last;
        uint8_t leaf_order, limit;
        uint8_t nr;
        bool all;
        struct span b[2];
    } cases[] = {
        { 0, 0, 0, 52, 1, false, { { 0, 0 } } },
        { 3, 3, 9, 52, 1, false, { { 0, 9 } } },
        { 0, 1, 0, 52, 1, false, { { 0, 1 } } },
        { 1, 2, 0, 52, 1, false, { { 0, 2 } } },
        { 4, 6, 0, 52, 1, false, { { 4, 2 } } },
        { 511, 512, 0, 52, 2, false, { { 511, 0 }, { 512, 0 } } },
        { 508, 515, 0, 52, 2, false, { { 508, 2 }, { 512, 2 } } },
        { 511, 512, 9, 52, 2, false, { { 0, 9 }, { 512, 9 } } },
        { 0, 1023, 9, 9, 2, false, { { 0, 9 }, { 512, 9 } } },
        { 0, 2047, 9, 9, 0, true, { { 0, 0 } } },
        { 0, 511, 18, 9, 0, true, { { 0, 0 } } },
        { 0, 2047, 0, 11, 1, false, { { 0, 11 } } },
        { 0x3ffff, 0x40000, 18, 18, 2, false, { { 0, 18 }, { 0x40000, 18 } } },
    };

    for (size_t i = 0; i < array_size(cases); i++) {
        struct iommu_flush_req f = { .did = 1 };
        struct iopt_gather g;
        const struct iopt_extent e = { cases[i].first, cases[i].last,
                                       cases[i].leaf_order, IOPT_OWE_STALE };

        iommu_caps.flush_order = cases[i].limit;
        iopt_gather_init(&g);
        iopt_gather_add(&g, &e);
        iommu_flush_plan(&g, &f);
        EXPECT_EQ("all", f.all, cases[i].all);
        EXPECT_EQ("tables", f.tables, false);
        for (unsigned int b = 0; !f.all && b < cases[i].nr; b++) {
            EXPECT_EQ("blocks", f.nr, cases[i].nr);
            EXPECT_EQ("dfn", iommu_block_dfn(f.block[b]), cases[i].b[b].dfn);
            EXPECT_EQ("order", iommu_block_order(f.block[b]),
                      cases[i].b[b].order);
        }
        /* The same twice is one command. */
        if (!f.all) {
            iommu_flush_plan(&g, &f);
            EXPECT_EQ("again", f.nr, cases[i].nr);
        }
    }
}

static void test_plan_overflow(void)
{
    const unsigned int full = IOMMU_FLUSH_BLOCKS / IOPT_GATHER_EXTENTS;
    struct iommu_flush_req f = { .did = 1 };
    struct iopt_gather g;

    iommu_caps.flush_order = 52;
    for (unsigned int i = 0; i <= full; i++) {
        iopt_gather_init(&g);
        for (unsigned int k = 0; k < IOPT_GATHER_EXTENTS; k++) {
            const uint64_t d = (i * IOPT_GATHER_EXTENTS + k) * UINT64_C(5000);
            const struct iopt_extent e = { d, d, 0, IOPT_OWE_TABLES };

            iopt_gather_add(&g, &e);
        }
        iommu_flush_plan(&g, &f);
        EXPECT_EQ("all when full", f.all, i == full);
        EXPECT_EQ("tables", f.tables, true);
    }
    /* Tables that wait for no extent: never freed without a flush. */
    iopt_gather_init(&g);
    g.retired.nr = 1;
    f = (struct iommu_flush_req){ .did = 1 };
    iommu_flush_plan(&g, &f);
    EXPECT_EQ("tables alone", f.all && f.tables, true);
}

/* A unit that fails: the error comes out, its tables are never reused. */
static void test_errors(void)
{
    bool more;

    set_up(6 + 18);
    EXPECT_EQ("map", map(0, 0, 5 * 512 + 9), 0);
    flush_ok();
    for (int i = 0; i < 2; i++) {
        const uint64_t used = pool_nr_used;

        post_error = i ? 0 : -EIO;
        wait_error = i ? -ETIMEDOUT : 0;
        EXPECT_EQ("unmap", iommu_unmap(s, DFN(5 * 512), 9, &g0), 0);
        EXPECT_EQ("error", iommu_flush(s, &g0), i ? -ETIMEDOUT : -EIO);
        EXPECT_EQ("kept", pool_nr_used, used);
        EXPECT_EQ("empty", iopt_gather_is_empty(gather_pt(&g0)), true);
        post_error = wait_error = 0;
        EXPECT_EQ("map", map(5 * 512, 5 * 512, 9), 0);
        flush_ok();
    }
    /* Two units fail, one is not of the space: the first error counts. */
    iommu_caps.nr_units = 3;
    s->units = 5;
    for (int i = 0; i < 4; i++) {
        forgive = i >= 2;
        post_error = i & 1 ? 0 : -EIO;
        wait_error = i & 1 ? -ETIMEDOUT : 0;
        flushes_posted = 0;
        EXPECT_EQ("unmap", iommu_unmap(s, DFN(4 * 512), 512, &g0), 0);
        EXPECT_EQ("error", iommu_flush(s, &g0),
                  forgive ? 0
                  : i & 1 ? -ETIMEDOUT
                          : -EIO);
        EXPECT_EQ("units", flushes_posted, i & 1 ? 2 : 0);
        post_error = wait_error = 0;
        EXPECT_EQ("map", map(4 * 512, 4 * 512, 512), 0);
        flush_ok();
    }
    forgive = false;
    /* One fails before the other is told, or after it was done. */
    for (unsigned int i = 0; i < 4; i++) {
        fine = i & 1 ? 4 : 1;
        post_error = i & 2 ? -EIO : 0;
        wait_error = i & 2 ? 0 : -ETIMEDOUT;
        flushes_posted = waits = 0;
        EXPECT_EQ("unmap", iommu_unmap(s, DFN(4 * 512), 512, &g0), 0);
        EXPECT_EQ("error", iommu_flush(s, &g0), i & 2 ? -EIO : -ETIMEDOUT);
        EXPECT_EQ("told", flushes_posted, i & 2 ? 1 : 2);
        EXPECT_EQ("waited for", waits, i & 2 ? 1 : 2);
        post_error = wait_error = 0;
        EXPECT_EQ("map", map(4 * 512, 4 * 512, 512), 0);
        flush_ok();
    }
    fine = 0;
    s->units = 1;
    /* An unmap that must flush first says so when it cannot. */
    EXPECT_EQ("again", iommu_unmap(s, DFN(5 * 512), 9, &g0), 0);
    pool_fail_after(0);
    for (uint64_t d = 0; d < 5 * 512; d += 512) {
        wait_error = -ETIMEDOUT;
        if (iommu_unmap(s, DFN(d + 3), 1, &g0)) {
            break;
        }
        EXPECT_EQ("not the last", d < 4 * 512, true);
    }
    wait_error = 0;
    pool_fail_after(UINT64_MAX);
    EXPECT_EQ("settle", iommu_settle(s, &more), 0);
    flush_ok();
    /* Two sets of tables were lost on purpose. */
    iospace_destroy(s);
    EXPECT_EQ("lost", pool_nr_used >= 2, 1);
}

/* No memory at all: what must go goes, and more rather than less. */
static void test_no_memory(void)
{
    set_up(6 + 18);
    EXPECT_EQ("map", map(0, 0, 40 * 512), 0);
    flush_ok();
    pool_fail_after(0);
    for (uint64_t d = 0; d < 40; d++) {
        EXPECT_EQ("unmap", iommu_unmap(s, DFN(d * 512 + 100), 1, &g0), 0);
        EXPECT_EQ("gone", iommu_lookup(s, DFN(d * 512 + 100), NULL, NULL),
                  -ENOENT);
        flush_ok();
    }
    EXPECT_EQ("whole leaf", iommu_lookup(s, DFN(39 * 512), NULL, NULL),
              -ENOENT);
    EXPECT_EQ("end too", iommu_lookup(s, DFN(40 * 512 - 1), NULL, NULL),
              -ENOENT);
    pool_fail_after(UINT64_MAX);
    tear_down();
}

/* A map in pieces that fails half way takes away only what it added. */
static void test_undo(void)
{
    for (uint64_t n = 0; n < 12; n++) {
        int rc;

        set_up(12 + 18);
        EXPECT_EQ("map", map(700, 700, 5), 0);
        EXPECT_EQ("map", map(5000, 5000, 5), 0);
        flush_ok();
        pool_fail_after(n);
        rc = map(3, 3, 9000);
        pool_fail_after(UINT64_MAX);
        EXPECT_EQ("there", iommu_lookup(s, DFN(702), NULL, NULL), 0);
        EXPECT_EQ("there", iommu_lookup(s, DFN(5004), NULL, NULL), 0);
        if (rc) {
            EXPECT_EQ("error", rc, -ENOMEM);
            EXPECT_EQ("leaves", iopt_nr_leaves(&s->pt), 10);
        } else {
            EXPECT_EQ("last", iommu_lookup(s, DFN(9002), NULL, NULL), 0);
        }
        flush_ok();
        tear_down();
    }
}

/* A coalesce owes no flush of its own, until many of them wait. */
/*
 * Two CPUs take pages out of one leaf. The first cuts it; until its flush is
 * complete, units may hold the leaf, and with it the second one's page.
 */
static void test_two_gathers(void)
{
    struct iommu_gather other = IOMMU_GATHER_INIT;

    set_up(6 + 18);
    EXPECT_EQ("map", map(0, 0, 1024), 0);
    flush_ok();
    tlb[0].valid = true;
    tlb[0].dfn = tlb[0].mfn = 0;
    tlb[0].prot = 3;
    tlb[0].order = 9;
    EXPECT_EQ("cut", iommu_unmap(s, DFN(5), 1, &other), 0);
    EXPECT_EQ("page", iommu_unmap(s, DFN(6), 1, &g0), 0);
    flush_ok();
    EXPECT_EQ("its page is not cached", tlb[0].valid, false);
    EXPECT_EQ("with its tables", last_req.tables, true);
    EXPECT_EQ("one outstanding", s->wide, 1);
    EXPECT_EQ("flush", iommu_flush(s, &other), 0);
    EXPECT_EQ("none outstanding", s->wide, 0);
    EXPECT_EQ("not everything", last_req.all, false);
    /* The same after an error: none is left. */
    EXPECT_EQ("cut", iommu_unmap(s, DFN(600), 1, &other), 0);
    wait_error = -EIO;
    EXPECT_EQ("flush", iommu_flush(s, &other), -EIO);
    wait_error = 0;
    EXPECT_EQ("none outstanding", s->wide, 0);
    EXPECT_EQ("page", iommu_unmap(s, DFN(7), 1, &g0), 0);
    flush_ok();
    EXPECT_EQ("not everything", last_req.all, false);
    tear_down();
}

static struct iommu_gather g1 = IOMMU_GATHER_INIT;

/* Another CPU's page, of which its own gather knows. */
static void unmap_elsewhere(void)
{
    EXPECT_EQ("page", iommu_unmap(s, DFN(BIT64(18) + 6), 1, &g1), 0);
    EXPECT_EQ("flush", iommu_flush(s, &g1), 0);
    EXPECT_EQ("everything", last_req.all && last_req.tables, true);
}

static int map_one_list(uint32_t frame)
{
    unsigned int done;

    return iommu_map_list(s, &frame, 1, 3, &done);
}

/*
 * A frame is mapped where another CPU emptied a table, which is not flushed yet:
 * a walk that still begins in there would not find it.
 */
static void test_hidden(void)
{
    for (unsigned int how = 0; how < 3; how++) {
        set_up(6 + 18);
        EXPECT_EQ("map", map(512, 512, 1), 0);
        flush_ok();
        psc[0].valid = audit_table_at(&s->pt, 512, 0, &psc[0].pa);
        psc[0].dfn = 512;
        psc[0].span = 9;
        EXPECT_EQ("cached", psc[0].valid, true);
        EXPECT_EQ("emptied", iommu_unmap(s, DFN(512), 1, &g1), 0);
        flushes_posted = 0;
        if (how == 0) {
            EXPECT_EQ("map", map(513, 513, 1), 0);
            flush_ok();
        } else if (how == 1) {
            EXPECT_EQ("list", map_one_list(513), 0);
        } else {
            EXPECT_EQ("unmap", iommu_unmap(s, DFN(4000), 1, &g0), 0);
            flush_ok();
        }
        EXPECT_EQ("found", psc[0].valid, false);
        EXPECT_EQ("flush", iommu_flush(s, &g1), 0);
        flushes_posted = 0;
        EXPECT_EQ("map", map(514, 514, 1), 0);
        flush_ok();
        EXPECT_EQ("list", map_one_list(515), 0);
        EXPECT_EQ("none any more", flushes_posted, 0);
        tear_down();
    }
}

/* @nr full tables, each complete with its last page. */
static void fill_tables(uint64_t from, uint64_t nr)
{
    for (uint64_t t = from; t < from + nr; t++) {
        EXPECT_EQ("map", map(t * 512, t * 512, 511), 0);
        EXPECT_EQ("map", map(t * 512 + 511, t * 512 + 511, 1), 0);
    }
    flush_ok();
}

/*
 * Tables that are unlinked on the way of something else may be cached as well:
 * by a settle, and by a list.
 */
static void test_unlinked_on_the_way(void)
{
    bool more;

    set_up(6 + 18);
    EXPECT_EQ("page", map(BIT64(18) + 6, BIT64(18) + 6, 1), 0);
    EXPECT_EQ("its table stays", map(BIT64(18), BIT64(18), 1), 0);
    for (unsigned int k = 0; k < 2; k++) {
        fill_tables(32 * k, 32);
        settle_all();
    }
    EXPECT_EQ("all ride", s->deferred.retired.nr, 64);
    fill_tables(64, 32);
    EXPECT_EQ("settle", iommu_settle(s, &more), 0);
    meanwhile = unmap_elsewhere;
    EXPECT_EQ("settle", iommu_settle(s, &more), 0);
    EXPECT_EQ("met", meanwhile == NULL, true);
    EXPECT_EQ("none rides", s->deferred.retired.nr, 0);
    EXPECT_EQ("none outstanding", s->wide, 0);
    EXPECT_EQ("map", map(BIT64(18) + 6, BIT64(18) + 6, 1), 0);
    /* So many that the next one cannot wait for a settle. */
    fill_tables(100, 32);
    EXPECT_EQ("map", map(200 * 512, 200 * 512, 511), 0);
    flush_ok();
    meanwhile = unmap_elsewhere;
    EXPECT_EQ("list", map_one_list(200 * 512 + 511), 0);
    EXPECT_EQ("met", meanwhile == NULL, true);
    EXPECT_EQ("none outstanding", s->wide, 0);
    EXPECT_EQ("pages", map(300 * 512, 300 * 512, 2), 0);
    flush_ok();
    /* What rode is on its way. */
    settle_all();
    EXPECT_EQ("some ride", s->deferred.retired.nr != 0, true);
    EXPECT_EQ("page", iommu_unmap(s, DFN(300 * 512), 1, &g0), 0);
    EXPECT_EQ("none outstanding", s->wide, 0);
    EXPECT_EQ("map", map(BIT64(18) + 6, BIT64(18) + 6, 1), 0);
    meanwhile = unmap_elsewhere;
    flush_ok();
    EXPECT_EQ("met", meanwhile == NULL, true);
    /* A list that takes the last page of a table. */
    EXPECT_EQ("map", map(BIT64(18) + 6, BIT64(18) + 6, 1), 0);
    EXPECT_EQ("map", map(500 * 512, 500 * 512, 1), 0);
    flush_ok();
    meanwhile = unmap_elsewhere;
    EXPECT_EQ("list",
              iommu_unmap_list(s, (uint32_t[]){ 500 * 512 }, 1, IOMMU_BY_TYPE),
              0);
    EXPECT_EQ("met", meanwhile == NULL, true);
    EXPECT_EQ("none outstanding", s->wide, 0);
    tear_down();
}

/* What lists of unmapped frames become. */
static void test_list_plan(void)
{
    static const struct {
        unsigned int nr, nr_blocks;
        uint32_t frame[6];
        struct span b[4];
    } cases[] = {
        { 1, 1, { 700 }, { { 700, 0 } } },
        { 3, 3, { 0, 9, 4 }, { { 0, 0 }, { 9, 0 }, { 4, 0 } } },
        { 2, 1, { 0, 1 }, { { 0, 1 } } },
        { 4, 3, { 3, 8, 9, 700 }, { { 3, 0 }, { 8, 1 }, { 700, 0 } } },
        { 4, 1, { 11, 10, 9, 8 }, { { 8, 2 } } },
        { 5, 2, { 9, 8, 8, 5, 4 }, { { 8, 1 }, { 4, 1 } } },
        { 6, 2, { 64, 65, 66, 67, 3, 2 }, { { 64, 2 }, { 2, 1 } } },
    };

    set_up(6 + 18 + 1);
    EXPECT_EQ("map", map(0, 0, 1024), 0);
    flush_ok();
    for (unsigned int i = 0; i < array_size(cases); i++) {
        const unsigned int nr = cases[i].nr_blocks;

        EXPECT_EQ("unmap", iommu_unmap(s, DFN(0), 1024, &g0), 0);
        EXPECT_EQ("pages", map(1023, 1023, 1), 0);
        EXPECT_EQ("pages", map(511, 511, 1), 0);
        for (unsigned int k = 0; k < cases[i].nr; k++) {
            EXPECT_EQ("page", map(cases[i].frame[k], cases[i].frame[k], 1), 0);
        }
        flush_ok();
        EXPECT_EQ(
            "list",
            iommu_unmap_list(s, cases[i].frame, cases[i].nr, IOMMU_BY_TYPE), 0);
        EXPECT_EQ("blocks", last_req.nr, nr);
        EXPECT_EQ("not everything", last_req.all, false);
        for (unsigned int k = 0; k < nr; k++) {
            EXPECT_EQ("dfn", iommu_block_dfn(last_req.block[k]),
                      cases[i].b[k].dfn);
            EXPECT_EQ("order", iommu_block_order(last_req.block[k]),
                      cases[i].b[k].order);
        }
    }
    tear_down();
}

/* More frames than blocks: in runs, and not. */
static void test_long_list(void)
{
    uint32_t frame[IOMMU_FLUSH_BLOCKS + 2];

    for (unsigned int apart = 2; apart < 4; apart++) {
        const bool runs = apart == 2;

        set_up(6 + 18 + 1);
        for (unsigned int i = 0; i < array_size(frame); i++) {
            frame[i] = runs ? i / 2 * 4 + i % 2 : i * apart;
            EXPECT_EQ("map", map(frame[i], frame[i], 1), 0);
        }
        EXPECT_EQ("map", map(511, 511, 1), 0);
        flush_ok();
        EXPECT_EQ("list",
                  iommu_unmap_list(s, frame, array_size(frame), IOMMU_BY_TYPE),
                  0);
        EXPECT_EQ("everything", last_req.all, !runs);
        EXPECT_EQ("blocks", !runs || last_req.nr == array_size(frame) / 2,
                  true);
        /* A request that the list fills, and what rides besides. */
        for (unsigned int i = 0; i < array_size(frame); i++) {
            EXPECT_EQ("map", map(frame[i], frame[i], 1), 0);
        }
        fill_tables(10, 1);
        settle_all();
        EXPECT_EQ("one rides", s->deferred.retired.nr, 1);
        EXPECT_EQ("list",
                  iommu_unmap_list(s, frame, IOMMU_FLUSH_BLOCKS, IOMMU_BY_TYPE),
                  0);
        EXPECT_EQ("everything", last_req.all, !runs);
        tear_down();
    }
}

static void test_riding(void)
{
    set_up(6 + 18);
    flushes_posted = 0;
    for (uint64_t t = 0; t < 70; t++) {
        for (uint64_t i = 0; i < 512; i++) {
            EXPECT_EQ("map", map(t * 512 + i, t * 512 + i, 1), 0);
        }
        flush_ok();
        if (t == 3) {
            psc[0].valid = audit_table_at(&s->pt, t * 512, 0, &psc[0].pa);
            psc[0].dfn = t * 512;
            psc[0].span = 9;
            EXPECT_EQ("cached", psc[0].valid, true);
        }
        settle_all();
        EXPECT_EQ("one leaf each", iopt_nr_leaves(&s->pt), t + 1);
        EXPECT_EQ("rides", flushes_posted, t < 64 ? 0 : 1);
        EXPECT_EQ("walk cache", psc[0].valid, t >= 3 && t < 64);
        EXPECT_EQ("waiting", s->deferred.retired.nr, t < 64 ? t + 1 : t - 64);
    }
    /* Without a unit nothing needs to wait. */
    s->units = 0;
    EXPECT_EQ("unmap", iommu_unmap(s, DFN(0), 1, &g0), 0);
    flush_ok();
    EXPECT_EQ("released", s->deferred.retired.nr, 0);
    EXPECT_EQ("no flush", flushes_posted, 1);
    tear_down();
}

static int stop_at(const struct iommu_range *r, void *arg)
{
    *(uint64_t *)arg += r->nr;
    return r->level == 1 ? 5 : 0;
}

/* Toggling pages of superpages: no allocation, no shatter, no coalesce. */
static void test_churn(void)
{
    uint64_t allocs, shatters, coalesces, sum = 0;
    bool more;

    set_up(12 + 18);
    EXPECT_EQ("map", map(0, 0, UINT64_C(1) << 18), 0);
    EXPECT_EQ("one leaf", iopt_nr_leaves(&s->pt), 1);
    for (int pass = 0; pass < 2; pass++) {
        allocs = pool_nr_allocs;
        shatters = s->pt.counts.shatters;
        coalesces = s->pt.counts.coalesces_full;
        for (uint64_t i = 0; i < 2000; i++) {
            const uint64_t d = i * 37 % (16 * 512);

            EXPECT_EQ("unmap", iommu_unmap(s, DFN(d), 1, &g0), 0);
            flush_ok();
            EXPECT_EQ("map", map(d, d, 1), 0);
            flush_ok();
            if (i % 64 == 63) {
                /* Not quiet: it only notes that things changed. */
                EXPECT_EQ("settle", iommu_settle(s, &more), 0);
                EXPECT_EQ("more", more, true);
            }
        }
        EXPECT_EQ("coalesces", s->pt.counts.coalesces_full, coalesces);
        if (pass) {
            EXPECT_EQ("allocations", pool_nr_allocs, allocs);
            EXPECT_EQ("shatters", s->pt.counts.shatters, shatters);
        } else {
            /* One for 1G, one for each 2M that was touched. */
            EXPECT_EQ("shatters", s->pt.counts.shatters, 17);
        }
    }
    EXPECT_EQ("walk", iommu_walk(s, 0, ~UINT64_C(0), stop_at, &sum), 5);
    settle_all();
    EXPECT_EQ("one leaf", iopt_nr_leaves(&s->pt), 1);
    iommu_print_summary(s);
    tear_down();
}

int main(int argc, char **argv)
{
    const double seconds = argc > 1 ? atof(argv[1]) : 8;
    const time_t begin = time(NULL);
    unsigned long n = 0;

    pool_shadow_on();
    if (argc > 2 && strcmp(argv[1], "episodes")) {
        episode(strtoull(argv[2], NULL, 0));
        return 0;
    }
    test_create();
    test_arguments();
    test_list_arguments();
    for (unsigned int i = 0; i < 12; i++) {
        static const unsigned int snoop[] = { 0, 18, 36, 54 };

        for (unsigned int mask = 0; i / 2 % 4 == 1 && mask < 18; mask += 6) {
            test_slices(mask + i % 2 + 18 + (i >= 8 ? CONFIGS : 0));
        }
        /* amdv1, vtdss and amdv1x, 1G leaves, three levels. */
        test_page_sizes(12 + i % 2 + snoop[i / 2 % 4] + (i >= 8 ? CONFIGS : 0));
    }
    test_lookup();
    test_counters();
    test_counters_exactly();
    test_counters_singles();
    test_large();
    test_pieces();
    test_from();
    test_wait_counted();
    test_cuts();
    test_tables_return();
    test_commands();
    test_between();
    test_plan();
    test_plan_overflow();
    test_errors();
    test_no_memory();
    test_undo();
    test_unlinked_on_the_way();
    test_hidden();
    test_list_plan();
    test_long_list();
    test_two_gathers();
    test_riding();
    test_churn();
    for (; argc > 2 && n < strtoul(argv[2], NULL, 0); n++) {
        episode(n + 1);
    }
    if (argc > 2) {
        EXPECT_EQ("sizes between", groups_cached != 0 || n < 20, true);
        return expect_failures();
    }
    /* Half with fixed seeds, half with fresh ones. */
    do {
        episode(n & 1 ? n : (uint64_t)begin * 1000003 + n);
        n++;
    } while (expect_bad == 0 && difftime(time(NULL), begin) < seconds);
    printf("%lu episodes, %llu accesses to sizes between\n", n,
           (unsigned long long)groups_cached);
    EXPECT_EQ("sizes between", groups_cached != 0, true);
    return expect_failures();
}
