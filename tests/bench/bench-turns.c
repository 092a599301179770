/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two engines and a floor in turns: a slice of microseconds of each, many
 * times over, so that whatever else the machine does meets all of them alike.
 * The least disturbed slice of each counts. Beside the times stand
 * instructions, which no neighbour disturbs: each is trapped on once.
 */
#include "bench-turns.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <xen/bits.h>
#include <xen/page-pool.h>

#include "bench-clock.h"
#include "xen/drivers/passthrough/pt/iopt.h"

#define M2     UINT64_C(512)
#define G1     (M2 * 512)
#define FAR    (UINT64_C(1) << 30) /* a delta that keeps 1G alignment */
#define HOLE   (2 * G1)            /* a neighbour that keeps tables alive */
#define MOST   20000u              /* slices of each */
#define DECILE 10

extern const struct iopt_ops iopt_untracked_ops;

struct side {
    const struct iopt_ops *ops;
    uint8_t no_coalesce;
    struct iopt pt;
    struct iopt_gather g;
};

/*
 * Calls for runs of slots, one after another, in tables that stay. Several
 * tables where a table's worth is short: clocks may tick in steps of 10 ns.
 */
struct work {
    const char *name;
    unsigned int tables, calls; /* calls for each table */
    unsigned int slots, level;
    uint64_t off; /* of the output */
    bool unmap;   /* else map */
    bool walk;    /* the floor walks from the root for each call */
    bool store;   /* and stores each entry */
};

/* ---- the floor ---------------------------------------------------------- */

#define MOST_TABLES 4

static uint64_t floor_tables[MOST_TABLES][M2] aligned_to(4096);
static uint64_t chain[4][M2] aligned_to(4096);

static void make_chain(void)
{
    for (unsigned int l = 0; l < 4; l++) {
        for (unsigned int i = 0; i < M2; i++) {
            chain[l][i] = l < 3 ? (uintptr_t)chain[l + 1] : (i * 37 + 11) % 512;
        }
    }
}

/* Aligned, or the floor depends on where the linker puts the loop. */
#define FLOOR_LOOP noinline_fn __attribute__((optimize("align-loops=64")))

static FLOOR_LOOP bool floor_store(uint64_t *s, unsigned int n, uint64_t e)
{
    for (unsigned int i = 0; i < n; i++, e += PAGE_SIZE) {
        if (read_once(s[i]) & 1) {
            return false;
        }
        write_once(s[i], e);
    }
    return true;
}

static FLOOR_LOOP bool floor_clear(uint64_t *s, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        if (!(read_once(s[i]) & 1)) {
            return false;
        }
        write_once(s[i], 0);
    }
    return true;
}

static noinline_fn uint64_t floor_walk(uint64_t at)
{
    const uint64_t *s = chain[0];

    for (unsigned int l = 0; l < 3; l++) {
        s = (const uint64_t *)(uintptr_t)read_once(s[at >> 12 & 511]);
    }
    return read_once(s[at & 511]);
}

static void floor_slice(const struct work *w)
{
    uint64_t at = 0;

    for (unsigned int c = 0; c < w->tables * w->calls; c++) {
        uint64_t *const s =
            &floor_tables[c / w->calls][c % w->calls * w->slots];

        if (w->walk) {
            at = floor_walk(at);
        }
        if (w->store && !(w->unmap ? floor_clear(s, w->slots)
                                   : floor_store(s, w->slots, 1))) {
            abort();
        }
    }
    if (at > 511) {
        abort();
    }
}

/* What the timed slice leaves is undone, what it needs is done. */
static void floor_reset(const struct work *w)
{
    const uint64_t e = w->unmap && w->store;

    for (unsigned int i = 0; i < MOST_TABLES * M2; i++) {
        floor_tables[i / M2][i % M2] = e;
    }
}

/* ---- the engines -------------------------------------------------------- */

static void begin(struct side *s)
{
    const struct iopt_config cfg = {
        .ops = s->ops,
        .levels = 4,
        .leaf_mask = 7,
        .no_coalesce = s->no_coalesce,
        .coherent = true,
        .input_bits = 48,
    };

    if (iopt_init(&s->pt, &cfg)) {
        abort();
    }
    iopt_gather_init(&s->g);
}

static void end(struct side *s)
{
    iopt_gather_release(&s->pt, &s->g);
    while (iopt_destroy(&s->pt, 1000)) {
    }
}

static void map(struct side *s, uint64_t dfn, uint64_t mfn, uint64_t nr)
{
    const struct iopt_run r = { { dfn }, { mfn }, nr, IOPT_RW };

    if (iopt_map(&s->pt, &r, &s->g)) {
        abort();
    }
}

static void unmap(struct side *s, uint64_t dfn, uint64_t nr)
{
    const struct iopt_run r = { .dfn = { dfn }, .nr = nr };

    if (iopt_unmap(&s->pt, &r, &s->g)) {
        abort();
    }
}

static noinline_fn void map_slice(struct side *s, const struct work *w)
{
    const uint64_t nr = (uint64_t)w->slots << (9 * w->level);

    for (unsigned int k = 0; k < w->tables; k++) {
        uint64_t at = HOLE + (k * M2 << (9 * w->level));

        for (unsigned int c = 0; c < w->calls; c++, at += nr) {
            map(s, at, FAR + w->off + at, nr);
        }
    }
}

static noinline_fn void unmap_slice(struct side *s, const struct work *w)
{
    const uint64_t nr = (uint64_t)w->slots << (9 * w->level);

    for (unsigned int k = 0; k < w->tables; k++) {
        uint64_t at = HOLE + (k * M2 << (9 * w->level));

        for (unsigned int c = 0; c < w->calls; c++, at += nr) {
            unmap(s, at, nr);
        }
    }
}

/* Before and after what counts: the state that the other call leaves. */
static void reset(struct side *s, const struct work *w, bool before)
{
    if (before == w->unmap) {
        (before ? map_slice : unmap_slice)(s, w);
    }
    iopt_gather_release(&s->pt, &s->g);
}

/* ---- one slice ----------------------------------------------------------- */

static volatile uint64_t steps;

static void on_step(int sig)
{
    (void)sig;
    steps++;
}

static void nothing(struct side *s, const struct work *w)
{
    (void)s;
    (void)w;
}

static void floor_of(struct side *s, const struct work *w)
{
    (void)s;
    floor_slice(w);
}

typedef void (*slice_t)(struct side *s, const struct work *w);

/*
 * Lines further down the stack, up to a page: where it is to the tables is
 * worth a nanosecond to a call, and is another for each start of the program.
 */
static unsigned int depth;

static noinline_fn uint64_t time_of(slice_t f, struct side *s,
                                    const struct work *w)
{
    volatile char *const room = __builtin_alloca(depth % 64 * 64 + 1);
    uint64_t t;

    room[0] = 0;
    t = ticks();
    f(s, w);
    return ticks() - t;
}

#define EFLAGS_TF UINT64_C(0x100)

/* With the trap flag set, the kernel sends a signal after each instruction. */
static noinline_fn uint64_t steps_of(slice_t f, struct side *s,
                                     const struct work *w)
{
    steps = 0;
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | EFLAGS_TF);
    f(s, w);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() &
                                   ~EFLAGS_TF);
    return steps;
}

static slice_t slice_of(unsigned int who, const struct work *w)
{
    return who == 2 ? floor_of : w->unmap ? unmap_slice : map_slice;
}

static uint64_t measure(unsigned int who, struct side *s, const struct work *w,
                        uint64_t (*meter)(slice_t f, struct side *s,
                                          const struct work *w))
{
    uint64_t v;

    if (who == 2) {
        floor_reset(w);
    } else {
        reset(s, w, true);
    }
    v = meter(slice_of(who, w), s, w);
    if (who != 2) {
        reset(s, w, false);
    }
    return v;
}

/* ---- in turns ------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* For a and b and the floor: least ns, first decile, instructions. */
static void take_turns(const char *kind, struct side *a, struct side *b,
                       const struct work *w, bool per_slot, unsigned int rounds)
{
    const double per = (double)w->tables * w->calls * (per_slot ? w->slots : 1);
    struct work few = *w; /* traps take their time */
    double few_per;
    static uint64_t t[3][MOST];
    struct side *const who[3] = { a, b, a };
    const uint64_t none = steps_of(nothing, a, w);

    few.tables = 1;
    few.calls = min_of(w->calls, 64u);
    few_per = (double)few.calls * (per_slot ? w->slots : 1);
    pool_reset();
    for (unsigned int k = 0; k < 2; k++) {
        begin(who[k]);
        for (unsigned int n = 1; n <= w->tables; n++) {
            map(who[k], HOLE + ((n * M2 - 1) << (9 * w->level)), FAR + 7, 1);
        }
    }
    for (unsigned int r = 0; r < rounds; r++) {
        depth = r / 3;
        /* Each comes first as often as the others. */
        for (unsigned int k = 0; k < 3; k++) {
            const unsigned int x = (r + k) % 3;

            t[x][r] = measure(x, who[x], w, time_of);
        }
    }
    printf("%s\t%s", kind, w->name);
    for (unsigned int k = 0; k < 3; k++) {
        const uint64_t n = measure(k, who[k], &few, steps_of) - none;
        const uint64_t *const low = &t[k][rounds / DECILE];

        qsort(t[k], rounds, sizeof(t[k][0]), by_value);
        printf("\t%.4f\t%.4f\t%.3f",
               (double)(t[k][0] - min_of(overhead, t[k][0])) / ticks_per_ns /
                   per,
               (double)(*low - min_of(overhead, *low)) / ticks_per_ns / per,
               (double)n / few_per);
    }
    printf("\n");
    fflush(stdout);
    end(a);
    end(b);
}

static const struct work counted[] = {
    { "map run 256 x 4K", 4, 1, 256, 0, 0, false, false, true },
    { "unmap run 256 x 4K", 4, 1, 256, 0, 0, true, false, true },
    { "map run 511 x 4K, table there", 4, 1, 511, 0, 1, false, false, true },
    { "unmap run 511 x 4K, table stays", 4, 1, 511, 0, 1, true, false, true },
    { "map 4K, hot", 1, 256, 1, 0, 0, false, true, false },
    { "unmap 4K, hot", 1, 256, 1, 0, 0, true, true, false },
};

void turns(unsigned int rounds)
{
    static struct side tracked = { .ops = &iopt_amdv1_ops };
    static struct side untracked = { .ops = &iopt_untracked_ops,
                                     .no_coalesce = 0xff };
    static struct side vtd = { .ops = &iopt_vtdss_ops };
    static struct side between = { .ops = &iopt_amdv1x_ops };
    const unsigned int n = max_of(30u, min_of(rounds * 50, MOST));

    signal(SIGTRAP, on_step);
    make_chain();
    for (size_t i = 0; i < array_size(counted); i++) {
        const struct work *const w = &counted[i];

        take_turns("counts", &tracked, &untracked, w, true, n);
        take_turns("formats", &tracked, &vtd, w, true, n / 5);
    }
    for (unsigned int k = 1; k <= 16; k++) {
        const unsigned int bits = (k - 1) % 8 + 1, level = (k - 1) / 8;

        for (unsigned int u = 0; u < 2; u++) {
            const unsigned int kib = 4u << (9 * level + bits);
            char name[32];
            const struct work w = {
                name, 4, 256u >> bits, 1u << bits, level, 0, u == 1, true, true,
            };

            snprintf(name, sizeof(name), "%s %u%s", u ? "unmap" : "map",
                     kib >> 10 ? kib >> 10 : kib, kib >> 10 ? "M" : "K");
            take_turns("between", &between, &tracked, &w, false, n / 5);
        }
    }
}

/* ---- leaves -------------------------------------------------------------- */

/* Fewest naturally aligned leaves; all powers of two, or three sizes. */
static uint64_t fewest(uint64_t dfn, uint64_t mfn, uint64_t nr, bool powers)
{
    uint64_t sum = 0;

    while (nr > 0) {
        unsigned int order = min_of(fls64(nr), 18u);

        if (dfn | mfn) {
            order = min_of(order, ctz64(dfn | mfn));
        }
        if (!powers) {
            order -= order % 9;
        }
        sum++;
        dfn += BIT64(order);
        mfn += BIT64(order);
        nr -= BIT64(order);
    }
    return sum;
}

struct tally {
    uint64_t dfn, mfn, nr;
    uint64_t few[2];
};

static void close_run(struct tally *t)
{
    for (unsigned int k = 0; k < 2; k++) {
        t->few[k] += fewest(t->dfn, t->mfn, t->nr, k);
    }
}

static int tally_one(dfn_t dfn, const struct iopt_view *v, void *arg)
{
    struct tally *const t = arg;

    if (dfn.n != t->dfn + t->nr || v->mfn.n != t->mfn + t->nr) {
        close_run(t);
        *t = (struct tally){ dfn.n, v->mfn.n, 0, { t->few[0], t->few[1] } };
    }
    t->nr += v->nr;
    return 0;
}

/* Leaves as a unit counts them: a group is one. */
static int unit_leaves(dfn_t dfn, const struct iopt_view *run, void *arg)
{
    struct iopt *const pt = *(struct iopt **)arg;
    uint64_t *const sum = *((uint64_t **)arg + 1);

    for (uint64_t k = 0; k < run->nr;) {
        struct iopt_view v;

        if (iopt_lookup(pt, DFN(dfn.n + k), &v)) {
            abort();
        }
        k += v.nr;
        ++*sum;
    }
    return 0;
}

static void runs(struct side *s, uint64_t off, uint64_t nr, uint64_t step,
                 uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t left = nr ? nr : 1 + i * i * 7919 % step;

        for (uint64_t at = i * step; left;) {
            const uint64_t n = iopt_chunk(at, left);

            map(s, at, FAR + off + at, n);
            at += n;
            left -= n;
        }
    }
}

void sizes(void)
{
    /* count runs of nr frames (0: as it comes), step apart; then a hole. */
    static const struct {
        const char *name;
        uint64_t off, nr, step, count, hole;
    } layouts[] = {
        { "4 GiB", 0, 4 * G1, 4 * G1, 1, 0 },
        { "4 GiB, output off by 4K", 1, 4 * G1, 4 * G1, 1, 0 },
        { "4 GiB, output off by 32K", 8, 4 * G1, 4 * G1, 1, 0 },
        { "4 GiB, output off by 16M", 8 * M2, 4 * G1, 4 * G1, 1, 0 },
        { "1 GiB, then without one 4K", 0, G1, G1, 1, 12345 },
        { "64 GiB, every 96 MiB a hole of 4K", 0, 48 * M2 - 1, 48 * M2, 682,
          0 },
        { "1000 runs of 4K to 20M", 0, 0, 5000, 1000, 0 },
        { "511 x 4K one by one", 0, 1, 1, 511, 0 },
    };

    for (size_t i = 0; i < array_size(layouts); i++) {
        uint64_t leaves[2] = { 0, 0 };
        struct tally t = { .nr = 0 };

        for (unsigned int k = 0; k < 2; k++) {
            static struct side s;
            void *arg[2] = { &s.pt, &leaves[k] };

            s.ops = k ? &iopt_amdv1x_ops : &iopt_amdv1_ops;
            pool_reset();
            begin(&s);
            runs(&s, layouts[i].off, layouts[i].nr, layouts[i].step,
                 layouts[i].count);
            if (layouts[i].hole) {
                unmap(&s, layouts[i].hole, 1);
            }
            t = (struct tally){ .nr = 0 };
            iopt_walk(&s.pt, 0, s.pt.dfn_last, tally_one, &t);
            close_run(&t);
            iopt_walk(&s.pt, 0, s.pt.dfn_last, unit_leaves, arg);
            end(&s);
        }
        printf("sizes\t%s\t%llu\t%llu\t%llu\t%llu\n", layouts[i].name,
               (unsigned long long)leaves[0], (unsigned long long)t.few[0],
               (unsigned long long)leaves[1], (unsigned long long)t.few[1]);
    }
}
