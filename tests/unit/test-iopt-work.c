// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1.c
// SOURCES: xen/drivers/passthrough/pt/iopt-vtdss.c tests/port/iopt/skew.c
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c tests/port/iopt/audit.c
// SOURCES: tests/port/page-pool.c tests/port/panic.c tests/port/printk.c
// CFLAGS: -fno-sanitize=all -fsanitize=kernel-address
// CFLAGS: -fsanitize-recover=kernel-address
// CFLAGS: --param=asan-instrumentation-with-call-threshold=0
// CFLAGS: --param=asan-stack=0 --param=asan-globals=0 -fno-inline-atomics
/*
 * How much the engine does: the compiler calls a function of ours before each
 * load and store (it believes to build for a kernel's address sanitizer), and
 * those that hit table memory are counted. So the bounds that engine.md states
 * hold for what is executed, not for what a comment says; and the cache lines
 * written back are compared with the lines stored to, one by one. A word the
 * compiler has just announced it does not announce again, so loads is a lower
 * bound; words, the different ones among them, is exact.
 */
#include <xen/bits.h>
#include <xen/cache.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#include "expect.h"
#include "tests/port/iopt/audit.h"

#define LINE_SHIFT 6
#define POOL_LINES ((size_t)POOL_PAGES << (PAGE_SHIFT - LINE_SHIFT))
#define UNHOOKED   __attribute__((no_sanitize("kernel-address")))

uint64_t cache_nr_fences, cache_nr_lines;

enum { STORED = 1, WRITTEN = 2 };

static bool counting;
static uint64_t loads, stores, words, twice;
static uintptr_t last_store;
static unsigned char line_is[POOL_LINES];
static unsigned char word_is[POOL_LINES]; /* bit n: word n of the line read */
#define NR_SEEN (1u << 20)
static uint32_t seen[NR_SEEN];
static uint32_t nr_seen;

static UNHOOKED size_t line_of(uintptr_t at)
{
    const size_t line = (at - (uintptr_t)pool_memory) >> LINE_SHIFT;

    if (line_is[line] == 0 && word_is[line] == 0 && nr_seen < NR_SEEN) {
        seen[nr_seen++] = (uint32_t)line;
    }
    return line;
}

static UNHOOKED void mark(uintptr_t at, unsigned char what)
{
    const size_t line = line_of(at);

    twice += what == WRITTEN && (line_is[line] & WRITTEN);
    line_is[line] |= what;
}

static UNHOOKED bool in_tables(uintptr_t at)
{
    return counting && at - (uintptr_t)pool_memory < (size_t)POOL_PAGES
                                                         << PAGE_SHIFT;
}

static UNHOOKED void on_load(uintptr_t at)
{
    last_store = 0;
    if (in_tables(at)) {
        const size_t line = line_of(at);
        const unsigned char bit = (unsigned char)(1u << (at >> 3 & 7));

        loads++;
        words += (word_is[line] & bit) == 0;
        word_is[line] |= bit;
    }
}

static UNHOOKED void on_store(uintptr_t at)
{
    if (in_tables(at)) {
        stores++;
        last_store = at;
        mark(at, STORED);
    }
}

/* The compiler's names for what it calls. */
#define HOOKS(size)                                      \
    void __asan_load##size##_noabort(void *);            \
    void __asan_store##size##_noabort(void *);           \
    UNHOOKED void __asan_load##size##_noabort(void *at)  \
    {                                                    \
        on_load((uintptr_t)at);                          \
    }                                                    \
    UNHOOKED void __asan_store##size##_noabort(void *at) \
    {                                                    \
        on_store((uintptr_t)at);                         \
    }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

void __asan_loadN_noabort(void *, long);
void __asan_storeN_noabort(void *, long);
void __asan_handle_no_return(void);

UNHOOKED void __asan_loadN_noabort(void *at, long n)
{
    (void)n;
    on_load((uintptr_t)at);
}

UNHOOKED void __asan_storeN_noabort(void *at, long n)
{
    (void)n;
    on_store((uintptr_t)at);
}

UNHOOKED void __asan_handle_no_return(void)
{
}

/* What it calls for atomic accesses with -fno-inline-atomics. */
uint64_t __atomic_load_8(const volatile void *, int);
void __atomic_store_8(volatile void *, uint64_t, int);
uint64_t __atomic_fetch_add_8(volatile void *, uint64_t, int);

UNHOOKED uint64_t __atomic_load_8(const volatile void *at, int order)
{
    (void)order;
    on_load((uintptr_t)at);
    return *(const volatile uint64_t *)at;
}

/* Of a tree's own words, never of table memory: not counted. */
UNHOOKED uint64_t __atomic_fetch_add_8(volatile void *at, uint64_t v, int order)
{
    volatile uint64_t *const word = at;
    const uint64_t old = *word;

    (void)order;
    *word = old + v;
    return old;
}

UNHOOKED void __atomic_store_8(volatile void *at, uint64_t v, int order)
{
    (void)order;
    /* Some it announces both ways; such a pair is one store. */
    if (last_store != (uintptr_t)at) {
        on_store((uintptr_t)at);
    }
    last_store = 0;
    *(volatile uint64_t *)at = v;
}

UNHOOKED void cache_line_write_back(const void *p)
{
    mark((uintptr_t)p, WRITTEN);
    cache_nr_lines++;
}

UNHOOKED void cache_fence(void)
{
    cache_nr_fences++;
}

UNHOOKED void cache_write_back(const void *p, size_t len)
{
    const uintptr_t from = align_down((uintptr_t)p, UINT64_C(64));

    for (uintptr_t at = from; at < (uintptr_t)p + len; at += 64) {
        cache_line_write_back((const void *)at);
    }
    cache_fence();
}

static void count_from_here(void)
{
    for (uint32_t i = 0; i < nr_seen; i++) {
        line_is[seen[i]] = word_is[seen[i]] = 0;
    }
    nr_seen = 0;
    loads = stores = words = twice = 0;
    cache_nr_lines = cache_nr_fences = 0;
    counting = true;
}

/* Lines that were stored to and not written back, and the other way round. */
static uint64_t lines_wrong(void)
{
    uint64_t wrong = 0;

    for (uint32_t i = 0; i < nr_seen; i++) {
        wrong += line_is[seen[i]] == STORED || line_is[seen[i]] == WRITTEN;
    }
    return wrong;
}

/* Runs of lines next to each other in a table: each call ends with a fence. */
static uint64_t fences_needed(void)
{
    uint64_t runs = 0;

    for (uint32_t i = 0; i < nr_seen; i++) {
        const uint32_t line = seen[i];
        const bool first = line % (PAGE_SIZE >> LINE_SHIFT) == 0;

        runs += (line_is[line] & WRITTEN) &&
                (first || !(line_is[line - 1] & WRITTEN));
    }
    return runs;
}

static struct iopt pt;
static struct iopt_gather g;
static const char *name;
static uint64_t slots, span1, span2, state = 1;
static uint64_t pool_before;

static uint64_t below(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

static void start(const struct iopt_ops *ops, bool coherent)
{
    const struct iopt_config c = { .ops = ops,
                                   .levels = 4,
                                   .leaf_mask = 7,
                                   .coherent = coherent,
                                   .input_bits = 48 };

    name = ops->name;
    pool_reset();
    EXPECT_EQ(name, iopt_init(&pt, &c), 0);
    iopt_gather_init(&g);
    slots = UINT64_C(1) << ops->slot_bits;
    span1 = UINT64_C(1) << ops->level_order(1);
    span2 = UINT64_C(1) << ops->level_order(2);
}

static void stop(void)
{
    counting = false;
    EXPECT_EQ(name, audit_tree(&pt, NULL, NULL), 0);
    iopt_gather_release(&pt, &g);
    while (iopt_destroy(&pt, 100) == -ERESTART) {
    }
    EXPECT_EQ(name, pool_nr_used, 0);
}

enum op { OP_MAP, OP_REPLACE, OP_UNMAP, OP_PROTECT };

static int call(enum op op, uint64_t dfn, uint64_t mfn, uint64_t nr,
                unsigned int prot)
{
    const struct iopt_run r = { { dfn }, { mfn }, nr, prot };
    int rc = -EINVAL;

    count_from_here();
    pool_before = pt.counts.pool_allocs + pt.counts.pool_frees;
    switch (op) {
    case OP_MAP:
        rc = iopt_map(&pt, &r, &g);
        break;
    case OP_REPLACE:
        rc = iopt_replace(&pt, &r, &g);
        break;
    case OP_UNMAP:
        rc = iopt_unmap(&pt, &r, &g);
        break;
    case OP_PROTECT:
        rc = iopt_protect(&pt, &r, &g);
        break;
    }
    counting = false;
    return rc;
}

/*
 * Slots that a run touches at all levels, and tables they lie in: what any
 * engine may have to look at if nothing of the run is a large leaf.
 */
struct size {
    uint64_t slots, tables;
};

static struct size size_of(uint64_t dfn, uint64_t nr)
{
    struct size s = { 0, 1 };

    for (unsigned int l = 0; l < pt.levels; l++) {
        const unsigned int o = pt.ops->level_order(l);
        const uint64_t n = ((dfn + nr - 1) >> o) - (dfn >> o) + 1;

        s.slots += n;
        s.tables += l ? n : 0;
    }
    return s;
}

/* Pages the last call took from the pool or gave to it. */
static uint64_t pool_calls(void)
{
    return pt.counts.pool_allocs + pt.counts.pool_frees - pool_before;
}

/* Does the last call keep to what engine.md says about every call? */
static void check_bounds(enum op op, uint64_t dfn, uint64_t nr,
                         uint64_t new_tables)
{
    const struct size s = size_of(dfn, nr);
    const unsigned int top = fls64(pt.leaf_mask);

    EXPECT_EQ(name, nr_seen < NR_SEEN, true);
    /* Entries looked at: those of the run, and a neighbour to each side. */
    EXPECT_EQ(name, words <= s.slots + 2 * (s.tables + new_tables), true);
    /* However mixed they are, each is looked at a fixed number of times. */
    EXPECT_EQ(name, loads <= 32 * (s.slots + s.tables + new_tables), true);
    /* A new table is filled; the pool poisons each page in and out by two. */
    EXPECT_EQ(name,
              stores <=
                  s.slots + s.tables + slots * new_tables + 2 * pool_calls(),
              true);
    if (op == OP_UNMAP || op == OP_PROTECT) {
        EXPECT_EQ(name, new_tables <= 2 * top, true);
    } else {
        EXPECT_EQ(name, new_tables <= s.tables, true);
    }
    EXPECT_EQ(name, g.nr_ext <= IOPT_GATHER_EXTENTS, true);
    /* Every line that was stored to is written back, once, and no other. */
    if (pt.coherent) {
        EXPECT_EQ(name, cache_nr_lines, 0);
    } else {
        EXPECT_EQ(name, lines_wrong(), 0);
        EXPECT_EQ(name, twice, 0);
        EXPECT_EQ(name, cache_nr_fences, fences_needed());
    }
}

static uint64_t taken(void)
{
    return pt.counts.pool_allocs + pt.counts.spare_hits;
}

/* Random requests over tables of every kind of contents. */
static void test_random(const struct iopt_ops *ops, bool coherent)
{
    const uint64_t window = (start(ops, coherent), 3 * span2);

    for (unsigned int i = 0; i < 3000; i++) {
        const uint64_t dfn = below(2) ? below(4 * slots) : below(window);
        const uint64_t most = below(2)   ? 1
                              : below(3) ? 1 + below(2 * slots)
                                         : 1 + below(window);
        const uint64_t nr = min_of(most, window - dfn);
        const enum op op = (enum op)below(4);
        const uint64_t before = taken(), spare = pt.spare.nr;
        const int rc = call(op, dfn, dfn + below(2) * span2, nr,
                            1 + (unsigned int)below(3));
        /* The reserve is made full on the way; that is no table of the run. */
        const uint64_t filled = pt.spare.nr > spare ? pt.spare.nr - spare : 0;

        EXPECT_EQ(name, rc == 0 || rc == -EEXIST, true);
        check_bounds(op, dfn, nr, taken() - before - filled);
        if (below(3) == 0) {
            iopt_gather_release(&pt, &g);
        }
        if (expect_bad) {
            printf("step %u: op %d dfn %#llx nr %#llx\n", i, op,
                   (unsigned long long)dfn, (unsigned long long)nr);
            break;
        }
    }
    stop();
}

/*
 * One frame at a time, by those who would make counting dear: each write looks
 * at its neighbours and at the path to its table, whatever the table holds.
 */
static void test_adversaries(const struct iopt_ops *ops)
{
    for (unsigned int who = 0; who < 6; who++) {
        start(ops, true);
        /* Room for the shatters of the first writes. */
        EXPECT_EQ(name, call(OP_MAP, 4 * slots, 1, 1, IOPT_RW), 0);
        for (unsigned int i = 0; i < 6 * slots; i++) {
            const uint64_t k = i % slots, base = (i / slots + 1) * 8 * span2;
            uint64_t dfn = k, mfn = base + k, made, gone;
            unsigned int prot = IOPT_RW;

            switch (who) {
            case 0: /* never two that continue each other */
                mfn = base + 2 * k;
                break;
            case 1: /* all but one agree, and that one moves */
                dfn = i * 7 % slots;
                mfn = 8 * span2 + dfn + (i % 5 == 0);
                break;
            case 2: /* a prefix that agrees, then strays */
                mfn = k < 31 ? base + k : base + span2 * (k + 1);
                break;
            case 3: /* a base is taken up, then its first entry goes */
                dfn = i % 2 ? 0 : k;
                mfn = i % 2 ? span2 * i : base + k;
                break;
            case 4: /* the last pair of a full table is made and broken */
                dfn = i < slots ? i : slots - 1;
                mfn = 8 * span2 + dfn;
                prot = i < slots || i % 2 ? IOPT_RW : IOPT_R;
                break;
            default: /* anything */
                dfn = below(slots);
                mfn = 8 * span2 + dfn + below(2);
                break;
            }
            made = pt.counts.coalesces_full;
            gone = pt.counts.shatters;
            EXPECT_EQ(name, call(OP_REPLACE, dfn, mfn, 1, prot), 0);
            EXPECT_EQ(name, words <= 2 * pt.levels + 4, true);
            EXPECT_EQ(name, loads <= 32, true);
            if (made == pt.counts.coalesces_full &&
                gone == pt.counts.shatters && i >= 1) {
                EXPECT_EQ(name, stores <= 1, true);
            }
            EXPECT_EQ(name, audit_tree(&pt, NULL, NULL), 0);
            iopt_gather_release(&pt, &g);
        }
        stop();
    }
}

/* 512 single frames in any order: the last one folds without looking back. */
static void test_fold(const struct iopt_ops *ops)
{
    for (unsigned int order = 0; order < 3; order++) {
        start(ops, true);
        EXPECT_EQ(name, call(OP_MAP, span1, 3, 1, IOPT_RW), 0);
        for (uint64_t i = 0; i < slots; i++) {
            const uint64_t k = order == 0   ? i
                               : order == 1 ? slots - 1 - i
                                            : i * 37 % slots;

            EXPECT_EQ(name, call(OP_MAP, k, span2 + k, 1, IOPT_RW), 0);
            if (i > 0) {
                EXPECT_EQ(name, loads <= 20, true);
                EXPECT_EQ(name, stores, 1 + (i == slots - 1));
            }
        }
        EXPECT_EQ(name, pt.counts.leaves[1], 1);
        for (uint64_t i = 0; i < slots; i++) {
            const uint64_t k = order == 0   ? i
                               : order == 1 ? slots - 1 - i
                                            : i * 37 % slots;

            EXPECT_EQ(name, call(OP_UNMAP, k, 0, 1, 0), 0);
            EXPECT_EQ(name, loads <= 24, true);
            /* The first cuts the leaf; the last drops the table. */
            EXPECT_EQ(name, stores, i == 0 ? slots + 2 : 1 + (i == slots - 1));
            iopt_gather_release(&pt, &g);
        }
        stop();
    }
}

/* Looking up costs a load a level; settling, a few walks a table. */
static void test_lookup_and_settle(const struct iopt_ops *ops)
{
    struct iopt_view v;

    start(ops, true);
    pt.lazy_coalesce = true;
    for (uint64_t t = 0; t < 20; t++) {
        for (uint64_t i = 0; i < slots; i++) {
            EXPECT_EQ(name, call(OP_MAP, t * span1 + i, t * span1 + i, 1, 3),
                      0);
        }
    }
    count_from_here();
    EXPECT_EQ(name, iopt_lookup(&pt, DFN(5 * slots + 3), &v), 0);
    EXPECT_EQ(name, loads <= 3u * pt.levels, true);
    EXPECT_EQ(name, words <= pt.levels, true);
    EXPECT_EQ(name, stores, 0);
    for (unsigned int left = pt.nr_pending; left > 0; left -= 4) {
        count_from_here();
        EXPECT_EQ(name, iopt_settle(&pt, 4, &g), left > 4 ? -ERESTART : 0);
        EXPECT_EQ(name, loads <= 4u * 32, true);
        EXPECT_EQ(name, stores <= 4u * pt.levels, true);
    }
    EXPECT_EQ(name, iopt_nr_leaves(&pt), slots == 16 ? 1 + 4 : 20);
    stop();
}

int main(void)
{
    static const struct iopt_ops *const formats[] = { &iopt_amdv1_ops,
                                                      &iopt_vtdss_ops,
                                                      &iopt_skew_ops };

    for (unsigned int f = 0; f < 3; f++) {
        test_random(formats[f], true);
        test_random(formats[f], false);
        test_adversaries(formats[f]);
        test_fold(formats[f]);
        test_lookup_and_settle(formats[f]);
    }
    return expect_failures();
}
