/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the page-table engine costs, against floors measured in the same run
 * and against two other ways to do it. Writes one line of tab-separated
 * figures for each pattern and variant; tools/bench/engine.py makes the table
 * and plots of them. bench-engine [rounds]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xen/bits.h>
#include <xen/cache.h>
#include <xen/page-pool.h>

#include "bench-clock.h"
#include "bench-flush.h"
#include "bench-turns.h"

#define M2      UINT64_C(512)
#define G1      (M2 * 512)
#define MAX_RUN 2000u

extern const struct iopt_ops iopt_untracked_ops, plain_amdv1_ops,
    plain_vtdss_ops;

struct variant {
    const char *name;
    const struct iopt_ops *ops;
    uint8_t no_coalesce;
    bool lazy;
    bool coherent;
};

static const struct variant variants[] = {
    { "engine", &iopt_amdv1_ops, 0, false, true },
    { "engine, lazy", &iopt_amdv1_ops, 0, true, true },
    { "engine, sizes between", &iopt_amdv1x_ops, 0, false, true },
    { "engine, VT-d", &iopt_vtdss_ops, 0, false, true },
    { "engine, no snooping", &iopt_vtdss_ops, 0, false, false },
    { "never coalesces", &iopt_amdv1_ops, 0xff, false, true },
    { "never coalesces, VT-d", &iopt_vtdss_ops, 0xff, false, true },
    { "no counts", &iopt_untracked_ops, 0xff, false, true },
    { "per page", &plain_amdv1_ops, 0, false, true },
    { "per page, VT-d", &plain_vtdss_ops, 0, false, true },
    { "per page, no snooping", &plain_vtdss_ops, 0, false, false },
};

static const struct variant *v; /* under test */
static struct iopt pt;
static struct iopt_gather g;
static double floor_store, floor_clear, floor_walk, floor_store4, floor_clear4;
double ticks_per_ns;
static unsigned int rounds = 200;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void calibrate(void)
{
    const uint64_t t0 = ticks(), n0 = now_ns();

    while (now_ns() - n0 < 100000000) {
    }
    ticks_per_ns = (double)(ticks() - t0) / (double)(now_ns() - n0);
}

struct figure {
    double min, median;
};

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static struct figure figure_of(uint64_t *t, unsigned int n, uint64_t extra)
{
    qsort(t, n, sizeof(*t), by_value);
    return (struct figure){
        (double)(t[0] - min_of(extra, t[0])) / ticks_per_ns,
        (double)(t[n / 2] - min_of(extra, t[n / 2])) / ticks_per_ns,
    };
}

/* Two readings of the clock with nothing between. */
static uint64_t clock_ticks(void)
{
    uint64_t best = ~UINT64_C(0);

    for (int i = 0; i < 1000; i++) {
        const uint64_t t = ticks();

        best = min_of(best, ticks() - t);
    }
    return best;
}

uint64_t overhead;

/* ---- floors ----------------------------------------------------------- */

static uint64_t floor_table[M2] aligned_to(4096);
static uint64_t chain[4][M2] aligned_to(4096);

/* Aligned, or the floor depends on where the linker puts the loop. */
#define FLOOR_LOOP noinline_fn __attribute__((optimize("align-loops=64")))

static FLOOR_LOOP bool loop_store(uint64_t *s, uint64_t e)
{
    for (unsigned int i = 0; i < M2; i++, e += PAGE_SIZE) {
        if (read_once(s[i]) & 1) {
            return false;
        }
        write_once(s[i], e);
    }
    return true;
}

/* The same unrolled: compilers differ in how well they place short loops. */
static noinline_fn bool loop_store4(uint64_t *s, uint64_t e)
{
    for (unsigned int i = 0; i < M2; i += 4, e += 4 * PAGE_SIZE) {
        if (read_once(s[i]) & 1) {
            return false;
        }
        write_once(s[i], e);
        if (read_once(s[i + 1]) & 1) {
            return false;
        }
        write_once(s[i + 1], e + PAGE_SIZE);
        if (read_once(s[i + 2]) & 1) {
            return false;
        }
        write_once(s[i + 2], e + 2 * PAGE_SIZE);
        if (read_once(s[i + 3]) & 1) {
            return false;
        }
        write_once(s[i + 3], e + 3 * PAGE_SIZE);
    }
    return true;
}

static noinline_fn bool loop_clear4(uint64_t *s)
{
    for (unsigned int i = 0; i < M2; i += 4) {
        if (!(read_once(s[i]) & 1)) {
            return false;
        }
        write_once(s[i], 0);
        if (!(read_once(s[i + 1]) & 1)) {
            return false;
        }
        write_once(s[i + 1], 0);
        if (!(read_once(s[i + 2]) & 1)) {
            return false;
        }
        write_once(s[i + 2], 0);
        if (!(read_once(s[i + 3]) & 1)) {
            return false;
        }
        write_once(s[i + 3], 0);
    }
    return true;
}

static FLOOR_LOOP bool loop_clear(uint64_t *s)
{
    for (unsigned int i = 0; i < M2; i++) {
        if (!(read_once(s[i]) & 1)) {
            return false;
        }
        write_once(s[i], 0);
    }
    return true;
}

static noinline_fn uint64_t loop_walk(unsigned int n)
{
    uint64_t at = 0;

    for (unsigned int i = 0; i < n; i++) {
        const uint64_t *s = chain[0];

        for (unsigned int l = 0; l < 3; l++) {
            s = (const uint64_t *)(uintptr_t)read_once(s[at >> 12 & 511]);
        }
        at = read_once(s[at & 511]);
    }
    return at;
}

#define FLOOR_ROUNDS 200

static void floors(void)
{
    static uint64_t st[FLOOR_ROUNDS], cl[FLOOR_ROUNDS], wa[FLOOR_ROUNDS];
    static uint64_t st4[FLOOR_ROUNDS], cl4[FLOOR_ROUNDS];
    uint64_t t;

    for (unsigned int l = 0; l < 4; l++) {
        for (unsigned int i = 0; i < M2; i++) {
            chain[l][i] = l < 3 ? (uintptr_t)chain[l + 1] : (i * 37 + 11) % 512;
        }
    }
    for (unsigned int r = 0; r < FLOOR_ROUNDS; r++) {
        t = ticks();
        if (!loop_store(floor_table, 1)) {
            abort();
        }
        st[r] = ticks() - t;
        t = ticks();
        if (!loop_clear(floor_table)) {
            abort();
        }
        cl[r] = ticks() - t;
        t = ticks();
        if (!loop_store4(floor_table, 1)) {
            abort();
        }
        st4[r] = ticks() - t;
        t = ticks();
        if (!loop_clear4(floor_table)) {
            abort();
        }
        cl4[r] = ticks() - t;
        t = ticks();
        if (loop_walk(100) > 511) {
            abort();
        }
        wa[r] = ticks() - t;
    }
    /* The least disturbed ones, as of what is compared with them. */
    floor_store = figure_of(st, FLOOR_ROUNDS, overhead).min / (double)M2;
    floor_clear = figure_of(cl, FLOOR_ROUNDS, overhead).min / (double)M2;
    /* Clearing asks for no more than storing does, however it is compiled. */
    floor_clear = min_of(floor_clear, floor_store);
    floor_store4 = figure_of(st4, FLOOR_ROUNDS, overhead).min / (double)M2;
    floor_clear4 = figure_of(cl4, FLOOR_ROUNDS, overhead).min / (double)M2;
    floor_walk = figure_of(wa, FLOOR_ROUNDS, overhead).min / 100;
}

/* ---- one space under test --------------------------------------------- */

static void start_masked(uint8_t leaf_mask)
{
    const struct iopt_config cfg = {
        .ops = v->ops,
        .levels = 4,
        .leaf_mask = leaf_mask,
        .no_coalesce = v->no_coalesce,
        .coherent = v->coherent,
        .lazy_coalesce = v->lazy,
        .input_bits = 48,
    };

    pool_reset();
    if (iopt_init(&pt, &cfg)) {
        abort();
    }
    iopt_gather_init(&g);
}

static void start(void)
{
    start_masked(7);
}

static void start_2m(void)
{
    start_masked(3);
}

static void start_4k(void)
{
    start_masked(1);
}

static void stop(void)
{
    iopt_gather_release(&pt, &g);
    while (iopt_destroy(&pt, 1000)) {
    }
}

static void map(uint64_t dfn, uint64_t mfn, uint64_t nr)
{
    while (nr) {
        const struct iopt_run r = { { dfn }, { mfn }, iopt_chunk(dfn, nr), 3 };

        if (iopt_map(&pt, &r, &g)) {
            abort();
        }
        dfn += r.nr;
        mfn += r.nr;
        nr -= r.nr;
    }
}

static void unmap(uint64_t dfn, uint64_t nr)
{
    while (nr) {
        const struct iopt_run r = { .dfn = { dfn }, .nr = iopt_chunk(dfn, nr) };

        if (iopt_unmap(&pt, &r, &g)) {
            abort();
        }
        dfn += r.nr;
        nr -= r.nr;
    }
}

static void protect(uint64_t dfn, uint64_t nr, unsigned int prot)
{
    const struct iopt_run r = { .dfn = { dfn }, .nr = nr, .prot = prot };

    if (iopt_protect(&pt, &r, &g)) {
        abort();
    }
}

/* What the timed part of a pattern owes; taken in a round nobody times. */
static bool planning;
static struct {
    uint64_t extents, commands, frames, flushes;
    bool all;
} owed;

static void plan(void)
{
    const struct flush_cost c = flush_cost_of(&g, v->ops->max_levels == 5);

    owed.extents += g.nr_ext;
    owed.commands += c.commands;
    owed.frames += c.frames;
    owed.flushes += c.commands != 0;
    owed.all |= c.all;
}

static void flushed(void)
{
    if (unlikely(planning)) {
        plan();
    }
    iopt_gather_release(&pt, &g);
}

struct tally {
    dfn_t dfn;
    mfn_t mfn;
    uint64_t nr;
    unsigned int prot;
    uint64_t leaves, fewest;
};

static uint64_t fewest(uint64_t dfn, uint64_t mfn, uint64_t nr, unsigned int l)
{
    const uint64_t size = BIT64(9 * l);
    const uint64_t from = align_up(dfn, size), to = align_down(dfn + nr, size);

    if (l == 0) {
        return nr;
    }
    if ((dfn ^ mfn) & (size - 1) || from >= to ||
        (pt.leaf_mask >> l & 1) == 0) {
        return fewest(dfn, mfn, nr, l - 1);
    }
    return (to - from) / size + fewest(dfn, mfn, from - dfn, l - 1) +
           fewest(to, mfn + (to - dfn), dfn + nr - to, l - 1);
}

static int tally_one(dfn_t dfn, const struct iopt_view *w, void *arg)
{
    struct tally *const t = arg;

    t->leaves += w->nr >> (9 * w->level);
    if (t->nr && dfn.n == t->dfn.n + t->nr && w->mfn.n == t->mfn.n + t->nr &&
        w->prot == t->prot) {
        t->nr += w->nr;
        return 0;
    }
    t->fewest += fewest(t->dfn.n, t->mfn.n, t->nr, 2);
    t->dfn = dfn;
    t->mfn = w->mfn;
    t->nr = w->nr;
    t->prot = w->prot;
    return 0;
}

static double quality(void)
{
    struct tally t = { .nr = 0 };

    iopt_walk(&pt, 0, pt.dfn_last, tally_one, &t);
    t.fewest += fewest(t.dfn.n, t.mfn.n, t.nr, 2);
    return t.fewest ? (double)t.leaves / (double)t.fewest : 1;
}

/* ---- patterns ---------------------------------------------------------- */

struct pattern {
    const char *name;
    double per;    /* what the time is divided by */
    uint64_t most; /* rounds at most; 0: as asked */
    const double *floor;
    void (*begin)(void); /* once */
    void (*prep)(void);  /* before each round, not timed */
    void (*timed)(void);
    void (*after)(void); /* after each round, not timed */
};

#define FAR  (UINT64_C(1) << 30) /* a delta that keeps 1G alignment */
#define HOLE (2 * G1)            /* a neighbour that keeps tables alive */

static void nothing(void)
{
}

static void begin_hot(void)
{
    start();
    map(HOLE + 511, FAR + 7, 1);
    map(HOLE + 511 * M2, FAR + 7, 1);
}

/* 4K leaves only, and a neighbour far away that keeps the tables above. */
static void begin_4k(void)
{
    start_4k();
    map(511 * G1, FAR + 7, 1);
}

static void begin_hot_top(void)
{
    start();
    map(511 * G1, FAR + 7, 1);
}

/* 256 single calls that never complete a table. */
static void ones_map(void)
{
    for (uint64_t i = 0; i < 256; i++) {
        map(HOLE + i, FAR + HOLE + i, 1);
    }
}

static void ones_unmap(void)
{
    for (uint64_t i = 0; i < 256; i++) {
        unmap(HOLE + i, 1);
    }
    flushed();
}

static uint16_t shuffled[M2];

static void begin_shuffled(void)
{
    uint64_t x = 88172645463325252u;

    for (unsigned int i = 0; i < M2; i++) {
        shuffled[i] = (uint16_t)i;
    }
    for (unsigned int i = M2 - 1; i > 0; i--) {
        uint16_t t;
        unsigned int k;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        k = (unsigned int)(x % (i + 1));
        t = shuffled[i];
        shuffled[i] = shuffled[k];
        shuffled[k] = t;
    }
}

static void run256_map(void)
{
    map(HOLE, FAR + HOLE, 256);
}
static void run256_unmap(void)
{
    unmap(HOLE, 256);
}

/* 512 x 4K that are not aligned to each other, so they stay 4K. */
static void run512_map(void)
{
    map(HOLE, FAR + HOLE + 1, 512);
}
static void run512_unmap(void)
{
    unmap(HOLE, 512);
    flushed();
}
static void run512_unmap_only(void)
{
    unmap(HOLE, 512);
}
static void begin_run512(void)
{
    /* The last slot of the table stays, so that the table does. */
    start();
    map(HOLE + 511, FAR + 7, 1);
}
static void begin_new(void)
{
    start();
    map(HOLE + 511 * M2, FAR + 7, 1);
}
static void run511_map(void)
{
    map(HOLE, FAR + HOLE + 1, 511);
}
static void run511_unmap(void)
{
    unmap(HOLE, 511);
}

static void run2m_map(void)
{
    map(HOLE, FAR + HOLE + M2, 511 * M2);
}
static void run2m_unmap(void)
{
    unmap(HOLE, 511 * M2);
}
static void begin_2m(void)
{
    start();
    map(HOLE + 511 * M2, FAR + M2 * 7, M2);
}
static void run1g_map(void)
{
    map(0, FAR, 256 * G1);
}
static void run1g_unmap(void)
{
    unmap(0, 256 * G1);
}

static void g1_map(void)
{
    map(HOLE, FAR + HOLE, G1);
}
static void g1_map_off(void)
{
    map(HOLE, FAR + HOLE + 1, G1);
}
static void g1_unmap(void)
{
    unmap(HOLE, G1);
}
static void g1_unmap_flush(void)
{
    unmap(HOLE, G1);
    flushed();
}

static void fill_up(void)
{
    for (uint64_t i = 0; i < M2; i++) {
        map(HOLE + i, FAR + HOLE + i, 1);
    }
}
static void fill_down(void)
{
    for (uint64_t i = M2; i-- > 0;) {
        map(HOLE + i, FAR + HOLE + i, 1);
    }
}
static void fill_random(void)
{
    for (uint64_t i = 0; i < M2; i++) {
        map(HOLE + shuffled[i], FAR + HOLE + shuffled[i], 1);
    }
}
static void begin_fill(void)
{
    begin_shuffled();
    start();
    map(HOLE + M2, FAR + 7, 1);
}
static void fill_away(void)
{
    unmap(HOLE, M2);
    flushed();
    while (iopt_settle(&pt, 64, &g)) {
    }
    flushed();
}
static void cascade(void)
{
    for (uint64_t i = 0; i < G1; i++) {
        map(HOLE + i, FAR + HOLE + i, 1);
    }
}
static void uncascade_4k(void)
{
    for (uint64_t i = 0; i < G1; i++) {
        unmap(HOLE + i, 1);
    }
}
static void uncascade_2m(void)
{
    for (uint64_t i = 0; i < G1; i += M2) {
        unmap(HOLE + i, M2);
    }
}

static void begin_super(void)
{
    start();
    map(HOLE, FAR + HOLE, G1);
    map(0, FAR, M2);
}
static void cut_2m(void)
{
    unmap(7, 1);
}
static void mend_2m(void)
{
    map(7, FAR + 7, 1);
    flushed();
    while (iopt_settle(&pt, 64, &g)) {
    }
    flushed();
}
static void cut_1g(void)
{
    unmap(HOLE + 7, 1);
}
static void mend_1g(void)
{
    map(HOLE + 7, FAR + HOLE + 7, 1);
    flushed();
    while (iopt_settle(&pt, 64, &g)) {
    }
    flushed();
}
static void toggle(void)
{
    unmap(7, 1);
    flushed();
    map(7, FAR + 7, 1);
    flushed();
}
static void split_1g(void)
{
    const struct iopt_run r = { .dfn = { HOLE }, .nr = G1 };

    if (iopt_split(&pt, &r, 0, &g)) {
        abort();
    }
}
static void whole_1g(void)
{
    unmap(HOLE, G1);
    flushed();
    map(HOLE, FAR + HOLE, G1);
}

static void stripes(void)
{
    for (uint64_t i = 0; i < M2; i += 2) {
        map(HOLE + i, FAR + HOLE + i, 1);
    }
}
/* 512 neighbours that never continue each other. */
static void strides(void)
{
    for (uint64_t i = 0; i < M2; i++) {
        map(HOLE + i, FAR + HOLE + 2 * i, 1);
    }
}
static void replace(uint64_t dfn, uint64_t mfn, uint64_t nr)
{
    const struct iopt_run r = { { dfn }, { mfn }, nr, 3 };

    if (iopt_replace(&pt, &r, &g)) {
        abort();
    }
}
/* Who would make counting dear: a prefix that agrees, then strays. */
static void strays(void)
{
    for (uint64_t i = 0; i < M2; i++) {
        replace(HOLE + i, FAR + HOLE + (i < 31 ? i : 3 * i), 1);
    }
}
/* Or: each entry agrees with a first one that is then another. */
static void fickle(void)
{
    for (uint64_t i = 1; i < M2; i++) {
        replace(HOLE, FAR + HOLE + G1 * (i & 1), 1);
        replace(HOLE + i, FAR + HOLE + i + G1 * (i & 1), 1);
    }
}
static void begin_strays(void)
{
    begin_hot();
    map(HOLE, FAR + HOLE + 1, 511);
}
static void unstray(void)
{
    replace(HOLE, FAR + HOLE + 1, M2);
    flushed();
}
static void table_over(void)
{
    replace(HOLE, FAR + HOLE, M2);
}
static void equal_table(void)
{
    const struct iopt_run r = { .dfn = { HOLE }, .nr = M2 };

    replace(HOLE, FAR + HOLE, M2);
    if (iopt_split(&pt, &r, 0, &g)) {
        abort();
    }
    flushed();
}
static void half_table(void)
{
    unmap(HOLE, M2);
    map(HOLE, FAR + HOLE + 9, M2);
    flushed();
}
static void ro_512(void)
{
    protect(HOLE, 512, 1);
}
static void rw_512(void)
{
    protect(HOLE, 512, 3);
    flushed();
}
static void begin_attr(void)
{
    start();
    map(HOLE, FAR + HOLE + 1, M2 + 2);
}
static void begin_attr_2m(void)
{
    start();
    map(HOLE, FAR + HOLE, M2);
}

static uint64_t cold_at;
static uint64_t cold_dfn(void)
{
    cold_at = cold_at * 6364136223846793005u + 1442695040888963407u;
    return (cold_at >> 30 & (G1 * 64 - 1)) | 1;
}
/* 64 GiB in single frames that never join: 128 MiB of tables. */
static void begin_cold(void)
{
    start_4k();
    map(0, FAR + 1, 64 * G1);
    cold_at = 1;
}
static uint64_t cold_list[256];
static void cold_pick(void)
{
    for (int i = 0; i < 256; i++) {
        cold_list[i] = cold_dfn();
    }
}
static void cold_unmap(void)
{
    for (int i = 0; i < 256; i++) {
        unmap(cold_list[i], 1);
    }
}
static void cold_map(void)
{
    for (int i = 0; i < 256; i++) {
        map(cold_list[i], FAR + 1 + cold_list[i], 1);
    }
}
static void cold_lookup(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < 256; i++) {
        struct iopt_view w;

        sum += (uint64_t)iopt_lookup(&pt, DFN(cold_list[i]), &w);
    }
    if (sum) {
        abort();
    }
}
static void cold_prep_map(void)
{
    cold_pick();
    cold_unmap();
    flushed();
}

static void lookups(uint64_t first, uint64_t mask)
{
    struct iopt_view w = { .nr = 0 };

    for (uint64_t i = 0; i < 256; i++) {
        /* Each depends on the one before. */
        if (iopt_lookup(&pt, DFN(first + ((i * 37 + w.prot) & mask)), &w)) {
            abort();
        }
    }
}
static void lookup_4k(void)
{
    lookups(HOLE, 511);
}
static void lookup_2m(void)
{
    lookups(HOLE + M2, 511);
}
static void lookup_1g(void)
{
    lookups(HOLE + G1, 511);
}
static void begin_lookup(void)
{
    start();
    map(HOLE, FAR + HOLE + 1, M2);
    map(HOLE + M2, FAR + M2, M2);
    map(HOLE + G1, FAR, G1);
}

static void boot_1t_1g(void)
{
    map(0, FAR, 1024 * G1);
}
static void unboot_1t(void)
{
    unmap(0, 1024 * G1);
    flushed();
}
/* RAM with holes as firmware leaves them: every 96 MiB 1 to 3 pages. */
static void boot_mix(void)
{
    const uint64_t step = 48 * M2;

    for (uint64_t d = 0; d < 64 * G1; d += step) {
        map(d, FAR + d, step - 1 - d / step % 3);
    }
}
static void unboot_mix(void)
{
    unmap(0, 64 * G1);
    flushed();
}

static void boot_64g(void)
{
    map(0, FAR, 64 * G1);
}

#define ST &floor_store
#define CL &floor_clear
#define WA &floor_walk

static const struct pattern patterns[] = {
    { "map 4K, hot", 256, 0, WA, begin_hot, nothing, ones_map, ones_unmap },
    { "unmap 4K, hot", 256, 0, WA, begin_hot, ones_map, ones_unmap, nothing },
    { "map 4K, cold, 64 GiB", 256, 0, WA, begin_cold, cold_prep_map, cold_map,
      flushed },
    { "unmap 4K, cold, 64 GiB", 256, 0, WA, begin_cold, cold_pick, cold_unmap,
      cold_map },
    { "map run 256 x 4K", 256, 0, ST, begin_hot, nothing, run256_map,
      run256_unmap },
    { "unmap run 256 x 4K", 256, 0, CL, begin_hot, run256_map, run256_unmap,
      flushed },
    { "map run 511 x 4K, table there", 511, 0, ST, begin_run512, nothing,
      run511_map, run511_unmap },
    { "unmap run 511 x 4K, table stays", 511, 0, CL, begin_run512, run511_map,
      run511_unmap, flushed },
#define FIRST_FILLING 8
    { "map run 512 x 4K, new table", 512, 0, ST, begin_new, nothing, run512_map,
      run512_unmap },
    { "unmap run 512 x 4K, table goes", 512, 0, CL, begin_new, run512_map,
      run512_unmap_only, flushed },
    { "map run 511 x 2M", 511, 0, ST, begin_2m, nothing, run2m_map,
      run2m_unmap },
    { "unmap run 511 x 2M", 511, 0, CL, begin_2m, run2m_map, run2m_unmap,
      flushed },
    { "map run 256 x 1G", 256, 0, ST, begin_hot_top, nothing, run1g_map,
      run1g_unmap },
    { "unmap run 256 x 1G", 256, 0, CL, begin_hot_top, run1g_map, run1g_unmap,
      flushed },
    { "map 1 GiB, 4K forced", 262144, 5, ST, start_4k, nothing, g1_map,
      g1_unmap_flush },
    { "unmap 1 GiB of 4K, one call", 262144, 5, CL, begin_4k, g1_map, g1_unmap,
      flushed },
    { "unmap 1 GiB of 4K, 2M calls", 262144, 5, CL, begin_4k, g1_map,
      uncascade_2m, flushed },
    { "unmap 1 GiB of 4K, 4K calls", 262144, 5, WA, begin_4k, g1_map,
      uncascade_4k, flushed },
    { "map 1 GiB, off by 4K", 262144, 5, ST, start, nothing, g1_map_off,
      g1_unmap_flush },
    { "map 1 GiB as 1G", 1, 0, WA, begin_hot_top, nothing, g1_map, g1_unmap },
    { "map 1 GiB of 2M", 512, 0, ST, start_2m, nothing, g1_map,
      g1_unmap_flush },
    { "map 1 TiB of 1G", 1024, 0, ST, start, nothing, boot_1t_1g, unboot_1t },
    { "map 1 TiB of 2M", 524288, 5, ST, start_2m, nothing, boot_1t_1g,
      unboot_1t },
    { "map 64 GiB of 4K", 16777216, 3, ST, start_4k, nothing, boot_64g,
      unboot_mix },
    { "map 64 GiB with small holes", 1, 20, ST, start, nothing, boot_mix,
      unboot_mix },
    { "fill 512 x 4K ascending", 512, 0, WA, begin_fill, nothing, fill_up,
      fill_away },
    { "fill 512 x 4K descending", 512, 0, WA, begin_fill, nothing, fill_down,
      fill_away },
    { "fill 512 x 4K at random", 512, 0, WA, begin_fill, nothing, fill_random,
      fill_away },
    { "fill 1 GiB in 4K calls", 262144, 5, WA, start, nothing, cascade,
      g1_unmap_flush },
    { "cut 4K out of 2M", 1, 0, WA, begin_super, nothing, cut_2m, mend_2m },
    { "cut 4K out of 1G", 1, 0, WA, begin_super, nothing, cut_1g, mend_1g },
    { "toggle 4K in 2M", 1, 0, WA, begin_super, nothing, toggle, nothing },
    { "split 1G into 4K", 262144, 5, ST, begin_super, nothing, split_1g,
      whole_1g },
    { "map every other 4K, 256 calls", 256, 0, WA, begin_hot, nothing, stripes,
      run511_unmap },
    { "map 512 x 4K, outputs by two", 512, 0, WA, begin_hot_top, nothing,
      strides, run512_unmap },
    { "strays after a prefix", 512, 0, WA, begin_strays, nothing, strays,
      unstray },
    { "a first entry that changes", 1022, 0, WA, begin_strays, nothing, fickle,
      unstray },
    { "replace table by 2M leaf", 1, 0, WA, begin_hot, half_table, table_over,
      nothing },
    { "replace equal table by 2M leaf", 1, 0, WA, begin_hot, equal_table,
      table_over, nothing },
    { "protect 512 x 4K", 512, 0, ST, begin_attr, nothing, ro_512, rw_512 },
    { "protect one 2M", 1, 0, WA, begin_attr_2m, nothing, ro_512, rw_512 },
    { "lookup in 4K", 256, 0, WA, begin_lookup, nothing, lookup_4k, nothing },
    { "lookup in 2M", 256, 0, WA, begin_lookup, nothing, lookup_2m, nothing },
    { "lookup in 1G", 256, 0, WA, begin_lookup, nothing, lookup_1g, nothing },
    { "lookup, cold, 64 GiB", 256, 0, WA, begin_cold, cold_pick, cold_lookup,
      nothing },
};

static bool is_plain(const struct iopt_ops *ops)
{
    return ops == &plain_amdv1_ops || ops == &plain_vtdss_ops;
}

static void run_pattern(const struct pattern *p)
{
    static uint64_t t[MAX_RUN];
    const unsigned int n =
        p->most ? min_of(rounds, (unsigned int)p->most) : rounds;
    uint64_t allocs = 0, lines = 0;
    struct figure f;
    double ratio = 1;

    p->begin();
    for (unsigned int r = 0; r < n + 2; r++) {
        uint64_t from;

        p->prep();
        allocs = pool_nr_allocs;
        lines = cache_nr_lines;
        if (r == 1) {
            /* What came before is not what the timed part owes. */
            flushed();
            memset(&owed, 0, sizeof(owed));
            planning = true;
        }
        from = ticks();
        p->timed();
        t[r < 2 ? 0 : r - 2] = ticks() - from;
        allocs = pool_nr_allocs - allocs;
        lines = cache_nr_lines - lines;
        if (planning) {
            plan();
            planning = false;
        }
        if (r == 0) {
            ratio = quality();
        }
        p->after();
    }
    stop();
    f = figure_of(t, n, overhead);
    printf("row\t%s\t%s\t%.3f\t%.3f\t%.2f\t%llu\t%llu\t%llu\t%llu\t%s\t%.3f"
           "\t%llu\t%.2f\n",
           p->name, v->name, f.min / p->per, f.median / p->per,
           f.min / p->per / *p->floor, (unsigned long long)allocs,
           (unsigned long long)owed.extents, (unsigned long long)owed.commands,
           (unsigned long long)owed.frames, owed.all ? "yes" : "no",
           (f.min + (double)(owed.flushes * FLUSH_NS)) / p->per,
           (unsigned long long)lines, ratio);
}

/* ---- what needs more than one number ------------------------------------ */

/*
 * Random requests over 64 GiB, every other one taken back some requests later
 * as page types are; leaves against the fewest after each spell.
 */
static void soak(void)
{
    static uint64_t back[64][2], gone[2];
    uint64_t worst_leaves = 0, x = 1, spent = 0;
    double worst = 1;
    const unsigned int steps = 100000;

    start();
    memset(back, 0, sizeof(back));
    map(0, FAR, 64 * G1);
    for (unsigned int i = 0; i < steps; i++) {
        static const unsigned int orders[] = { 0, 0, 3, 9, 12, 15 };
        uint64_t *const b = back[i / 2 % 64];
        uint64_t d, nr, from;

        x = x * 6364136223846793005u + 1442695040888963407u;
        d = x >> 40 & (64 * G1 - 1);
        nr = BIT64(orders[(x >> 33) % 6]);
        d = align_down(d, nr);
        if (i & 1) {
            d = b[0];
            nr = b[1];
        }
        from = ticks();
        if (i & 1 && nr) {
            replace(d, FAR + d, nr);
        } else if (nr) {
            unmap(d, nr);
        }
        spent += ticks() - from;
        flushed();
        if (i & 1) {
            /* What the request before took away comes back in a while. */
            b[0] = gone[0];
            b[1] = gone[1];
        } else {
            gone[0] = d;
            gone[1] = nr;
        }
        if (i % 10000 == 9999) {
            while (iopt_settle(&pt, 64, &g)) {
            }
            flushed();
            worst = max_of(worst, quality());
            worst_leaves = iopt_nr_leaves(&pt);
        }
    }
    printf("soak\t%s\t%u\t%.1f\t%.3f\t%llu\n", v->name, steps,
           (double)spent / ticks_per_ns / steps, worst,
           (unsigned long long)worst_leaves);
    stop();
}

/*
 * Longest call of mapping and unmapping 64 GiB in 4K leaves, cut as
 * iopt_chunk() says. The best of some rounds for each call, so that what else
 * the machine does is not counted as ours.
 */
static void latency(void)
{
    static uint64_t took[2][64];
    uint64_t worst[2] = { 0, 0 };

    start_4k();
    memset(took, 0xff, sizeof(took));
    for (int round = 0; round < 4; round++) {
        for (uint64_t k = 0; k < 64; k++) {
            const uint64_t from = ticks();

            map(k * G1, FAR + k * G1, G1);
            took[0][k] = min_of(took[0][k], ticks() - from);
        }
        for (uint64_t k = 0; k < 64; k++) {
            const uint64_t from = ticks();

            unmap(k * G1, G1);
            took[1][k] = min_of(took[1][k], ticks() - from);
            flushed();
        }
    }
    for (uint64_t k = 0; k < 64; k++) {
        worst[0] = max_of(worst[0], took[0][k]);
        worst[1] = max_of(worst[1], took[1][k]);
    }
    printf("latency\t%s\t%.1f\t%.1f\n", v->name,
           (double)worst[0] / ticks_per_ns / 1000,
           (double)worst[1] / ticks_per_ns / 1000);
    stop();
}

static void memory(void)
{
    /* nr frames every step frames, count times. */
    static const struct {
        const char *name;
        uint8_t mask;
        uint64_t off, nr, step, count;
    } layouts[] = {
        { "1 TiB of 1G", 7, 0, 1024 * G1, 0, 1 },
        { "1 TiB of 2M", 3, 0, 1024 * G1, 0, 1 },
        { "64 GiB of 4K", 1, 0, 64 * G1, 0, 1 },
        { "64 GiB, mfn off by 4K", 7, 1, 64 * G1, 0, 1 },
        { "1 TiB, every other 2M", 7, 0, M2, 2 * M2, 512 * 512 },
        { "1 TiB, 4K in each GiB", 7, 0, 1, G1, 1024 },
        { "1 TiB but 4K of each GiB", 7, 0, G1 - 1, G1, 1024 },
        { "4K at both ends of 48 bits", 7, 0, 1, (UINT64_C(1) << 36) - 1, 2 },
    };

    for (size_t i = 0; i < array_size(layouts); i++) {
        uint64_t full;

        start_masked(layouts[i].mask);
        for (uint64_t k = 0; k < layouts[i].count; k++) {
            const uint64_t at = k * layouts[i].step;

            map(at, FAR + layouts[i].off + at, layouts[i].nr);
        }
        full = pt.counts.tables;
        for (uint64_t k = 0; k < layouts[i].count; k++) {
            unmap(k * layouts[i].step, layouts[i].nr);
        }
        flushed();
        while (iopt_settle(&pt, 64, &g)) {
        }
        flushed();
        printf("memory\t%s\t%s\t%llu\t%llu\t%llu\n", v->name, layouts[i].name,
               (unsigned long long)full,
               (unsigned long long)full * (PAGE_SIZE + POOL_META_BYTES) / 1024,
               (unsigned long long)pt.counts.tables);
        stop();
    }
}

/* ---- two CPUs, a space each or one space and a lock ---------------------- */

static struct {
    struct iopt pt;
    struct iopt_gather g;
    bool lock;
} aligned_to(128) shared, own[2];

static void lock_it(bool *l)
{
    while (__atomic_exchange_n(l, true, __ATOMIC_ACQUIRE)) {
        while (__atomic_load_n(l, __ATOMIC_RELAXED)) {
            __builtin_ia32_pause();
        }
    }
}

struct load {
    struct iopt *pt;
    struct iopt_gather *g;
    bool *lock;
    uint64_t base, nr;
    double mops;
};

static void *hammer(void *arg)
{
    struct load *const l = arg;
    const uint64_t n = 400000 / (l->nr > 1 ? 32 : 1);
    const uint64_t from = now_ns();

    for (uint64_t i = 0; i < n; i++) {
        const uint64_t at = l->base + (l->nr > 1 ? 0 : i & 127);
        const struct iopt_run r = { { at }, { at + FAR + 1 }, l->nr, 3 };
        int rc;

        lock_it(l->lock);
        rc = iopt_map(l->pt, &r, l->g);
        __atomic_store_n(l->lock, false, __ATOMIC_RELEASE);
        lock_it(l->lock);
        rc |= iopt_unmap(l->pt, &r, l->g);
        iopt_gather_release(l->pt, l->g);
        __atomic_store_n(l->lock, false, __ATOMIC_RELEASE);
        if (rc) {
            abort();
        }
    }
    l->mops = 2e3 * (double)n / (double)(now_ns() - from);
    return NULL;
}

/* Each CPU has a range of its own, apart from the other's by this much. */
static double hammer_two(bool one_space, unsigned int cpus, uint64_t nr,
                         uint64_t apart)
{
    const struct iopt_config cfg = {
        .ops = v->ops,
        .levels = 4,
        .leaf_mask = 7,
        .coherent = true,
        .input_bits = 48,
    };
    struct load l[2];
    pthread_t id[2];
    double sum = 0;

    pool_reset();
    for (unsigned int c = 0; c < 2; c++) {
        struct iopt *const tree = one_space ? &shared.pt : &own[c].pt;
        const uint64_t base = G1 + c * apart;
        const struct iopt_run keep = { { base | 511 }, { 9 }, 1, 3 };

        l[c] = (struct load){ tree,
                              one_space ? &shared.g : &own[c].g,
                              one_space ? &shared.lock : &own[c].lock,
                              base,
                              nr,
                              0 };
        if ((!one_space || c == 0) && iopt_init(tree, &cfg)) {
            abort();
        }
        iopt_gather_init(l[c].g);
        if (iopt_map(tree, &keep, l[c].g)) {
            abort();
        }
    }
    for (unsigned int c = 0; c < cpus; c++) {
        if (pthread_create(&id[c], NULL, hammer, &l[c])) {
            abort();
        }
    }
    for (unsigned int c = 0; c < cpus; c++) {
        pthread_join(id[c], NULL);
        sum += l[c].mops;
    }
    return sum;
}

static void two_cpus(void)
{
    static const uint64_t sizes[] = { 1, 128 };
    static const struct {
        const char *name;
        bool one_space;
        unsigned int cpus;
        uint64_t apart;
    } loads[] = {
        { "1 CPU", true, 1, G1 },
        { "2 CPUs, one space, one table", true, 2, 256 },
        { "2 CPUs, one space, tables apart", true, 2, G1 },
        { "2 CPUs, a space each", false, 2, G1 },
    };

    for (size_t i = 0; i < array_size(sizes); i++) {
        for (size_t k = 0; k < array_size(loads); k++) {
            double best = 0;

            for (int round = 0; round < 3; round++) {
                const double one = hammer_two(loads[k].one_space, loads[k].cpus,
                                              sizes[i], loads[k].apart);

                best = max_of(best, one);
            }
            printf("cpus\t%s\t%s, %llu x 4K\t%.2f\n", v->name, loads[k].name,
                   (unsigned long long)sizes[i], best);
        }
    }
}

/* A flush of a space that many units serve: all at once, one after another. */
static void fan_out(void)
{
    static const unsigned int units[] = { 1, 2, 4, 8 };

    for (size_t i = 0; i < array_size(units); i++) {
        printf("units\t%u\t%llu\t%llu\n", units[i],
               (unsigned long long)flush_time_ns(units[i]),
               (unsigned long long)(units[i] * flush_time_ns(1)));
    }
}

int main(int argc, char **argv)
{
    const char *only = argc > 2 ? argv[2] : "";

    if (argc > 1) {
        rounds = (unsigned int)strtoul(argv[1], NULL, 0);
        rounds = max_of(3u, min_of(rounds, MAX_RUN));
    }
    calibrate();
    overhead = clock_ticks();
    floors();
    printf("floor\tcheck and store, per entry\t%.4f\n", floor_store);
    printf("floor\tcheck and clear, per entry\t%.4f\n", floor_clear);
    printf("floor\tcheck and store, unrolled\t%.4f\n", floor_store4);
    printf("floor\tcheck and clear, unrolled\t%.4f\n", floor_clear4);
    printf("floor\tdependent walk of 4 levels\t%.3f\n", floor_walk);
    if (*only == 0 || !strcmp(only, "turns")) {
        turns(rounds);
        sizes();
    }
    for (size_t p = 0; p < array_size(patterns); p++) {
        if (!strstr(patterns[p].name, only)) {
            continue;
        }
        /* Side by side: what disturbs the machine disturbs all of them. */
        floors();
        for (size_t i = 0; i < array_size(variants); i++) {
            v = &variants[i];
            /* Nothing goes away in it, so patterns that fill up would loop. */
            if ((v->ops != &iopt_untracked_ops || p < FIRST_FILLING) &&
                (v->coherent || (patterns[p].per < 262144 &&
                                 patterns[p].begin != begin_cold)) &&
                (!is_plain(v->ops) || patterns[p].per < 1e7)) {
                run_pattern(&patterns[p]);
            }
        }
        fflush(stdout);
    }
    for (size_t i = 0; *only == 0 && i < array_size(variants); i++) {
        v = &variants[i];
        if (v->ops == &iopt_untracked_ops || !v->coherent) {
            continue;
        }
        soak();
        latency();
        memory();
        two_cpus();
        fflush(stdout);
    }
    if (*only == 0) {
        fan_out();
    }
    return 0;
}
