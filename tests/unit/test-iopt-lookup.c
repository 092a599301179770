// SPDX-License-Identifier: GPL-2.0
// SOURCES: tests/port/iopt/hooked-amdv1x.c
// SOURCES: tests/port/iopt/hooked-amdv1.c tests/port/iopt/hooked-vtdss.c
// SOURCES: tests/port/iopt/hooked-skew.c
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c tests/port/iopt/audit.c
/*
 * Lookups take no lock: between any two of their loads the tree changes, the
 * tables they are in are unlinked, released and filled again. Whatever they
 * answer must have been true at some moment in between.
 */
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#include "expect.h"
#include "tests/port/iopt/audit.h"
#include "tests/port/iopt/hook.h"

#define TRUTHS   8
#define FRAME    5 /* the one looked up */
#define OLD_MFN  (UINT64_C(1) << 20)
#define NEW_MFN  (UINT64_C(2) << 20)
#define JUNK_MFN ((UINT64_C(3) << 20) + 1) /* fits no superpage */

static struct iopt pt;
static struct iopt_gather g;
static char name[80];
static uint64_t span1, span2;

static void nothing(void)
{
}

void (*iopt_after_store)(void) = nothing;
void (*iopt_before_load)(void) = nothing;

/* All that FRAME translated to since the lookup began. */
static struct audit_hit truth[TRUTHS];
static unsigned int nr_truths;

static bool was_true(bool present, uint64_t mfn, unsigned int prot)
{
    for (unsigned int i = 0; i < nr_truths; i++) {
        if (present ? truth[i].present && truth[i].mfn == mfn &&
                          truth[i].prot == prot
                    : !truth[i].present) {
            return true;
        }
    }
    return false;
}

static void note_truth(void)
{
    const struct audit_hit h = audit_walk(&pt, FRAME);

    if (!was_true(h.present, h.mfn, h.prot)) {
        EXPECT_EQ(name, nr_truths < TRUTHS, 1);
        truth[nr_truths++ % TRUTHS] = h;
    }
}

static void call(int (*op)(struct iopt *pt, const struct iopt_run *r,
                           struct iopt_gather *g),
                 uint64_t dfn, uint64_t mfn, uint64_t nr, unsigned int prot)
{
    const struct iopt_run r = { { dfn }, { mfn }, nr, prot };

    EXPECT_EQ(name, op(&pt, &r, &g), 0);
    note_truth();
}

/* Unlinked tables, and as many again, become tables full of other leaves. */
static void reuse(void)
{
    const uint64_t far = 8 * span2;

    iopt_gather_release(&pt, &g);
    for (uint64_t i = 0; i < 20; i++) {
        call(pt.ops->map, far + i * span1, JUNK_MFN + i * span1, span1,
             IOPT_RW);
    }
    call(pt.ops->unmap, far, 0, 20 * span1, 0);
    iopt_gather_release(&pt, &g);
}

static void drop(void)
{
    call(pt.ops->unmap, 0, 0, span2, 0);
    reuse();
}

static void drop_and_map(void)
{
    call(pt.ops->unmap, 0, 0, span2, 0);
    reuse();
    call(pt.ops->map, FRAME, NEW_MFN + FRAME, 1, IOPT_R);
}

/* What is around FRAME comes or goes, so that its leaf changes size. */
static void coalesce(void)
{
    call(pt.ops->replace, 0, OLD_MFN, span1, IOPT_RW);
    reuse();
    call(pt.ops->replace, 0, OLD_MFN, span2, IOPT_RW);
    reuse();
}

static void shatter(void)
{
    call(pt.ops->unmap, FRAME + 1, 0, 1, 0);
    reuse();
    call(pt.ops->protect, 0, 0, FRAME, IOPT_R);
    reuse();
}

static void move(void)
{
    call(pt.ops->replace, 0, NEW_MFN, span2, IOPT_W);
    reuse();
    call(pt.ops->replace, FRAME, OLD_MFN, 1, IOPT_R);
    reuse();
}

static void (*script)(void);
static unsigned int quiet; /* loads before the next run of the script */
static unsigned int runs;  /* times it runs yet, one load apart */

static void interpose(void)
{
    if (runs == 0 || quiet-- > 0) {
        return;
    }
    runs--;
    quiet = 0;
    iopt_before_load = nothing;
    script();
    iopt_before_load = interpose;
}

static void start(const struct iopt_ops *ops, unsigned int levels,
                  uint8_t leaf_mask, uint64_t nr)
{
    const struct iopt_config cfg = {
        .ops = ops,
        .levels = (uint8_t)levels,
        .leaf_mask = leaf_mask,
        .coherent = true,
        .input_bits = 57,
    };

    pool_reset();
    EXPECT_EQ(name, iopt_init(&pt, &cfg), 0);
    iopt_gather_init(&g);
    span1 = UINT64_C(1) << ops->level_order(1);
    span2 = UINT64_C(1) << ops->level_order(2);
    nr_truths = 0;
    call(ops->map, 0, OLD_MFN, nr, IOPT_RW);
}

static unsigned int points, reused;

/* The script runs before the k-th load; false: the lookup had fewer. */
static bool one_case(const struct iopt_ops *ops, unsigned int levels,
                     uint8_t leaf_mask, uint64_t nr, unsigned int k,
                     unsigned int times)
{
    struct iopt_view v = { .level = 0 };
    struct iopt_trace t;
    int rc;

    start(ops, levels, leaf_mask, nr);
    quiet = k;
    runs = times;
    iopt_before_load = interpose;
    rc = iopt_lookup(&pt, DFN(FRAME), &v);
    iopt_before_load = nothing;
    EXPECT_EQ(name, was_true(rc == 0, v.mfn.n, v.prot), true);
    points += runs < times;
    reused += pt.reuses != 0;

    /* The trace ends where the lookup does, now that nothing changes. */
    iopt_trace(&pt, DFN(FRAME), &t);
    rc = iopt_lookup(&pt, DFN(FRAME), &v);
    EXPECT_EQ(name, audit_decode(&pt, t.entry[t.lowest], t.lowest).present,
              rc == 0);
    if (rc == 0) {
        EXPECT_EQ(name, t.lowest, v.level);
    }
    iopt_trace(&pt, DFN(pt.dfn_last + 1), &t);
    EXPECT_EQ(name, t.lowest, pt.levels);

    iopt_gather_release(&pt, &g);
    while (iopt_destroy(&pt, 64)) {
    }
    EXPECT_EQ(name, pool_nr_used, 0);
    return runs < times;
}

int main(void)
{
    static const struct iopt_ops *const formats[] = {
        &iopt_amdv1_ops, &iopt_amdv1x_ops, &iopt_vtdss_ops, &iopt_skew_ops
    };
    static const struct {
        const char *name;
        void (*run)(void);
    } scripts[] = {
        { "drop", drop },         { "drop and map", drop_and_map },
        { "coalesce", coalesce }, { "shatter", shatter },
        { "move", move },
    };
    for (unsigned int f = 0; f < 4 * 4 * 5; f++) {
        const struct iopt_ops *const ops = formats[f % 4];
        const unsigned int mask = f / 4 % 4, s = f / 16;
        const uint64_t part = UINT64_C(1) << ops->level_order(mask % 2 + 1);

        script = scripts[s].run;
        for (unsigned int levels = 3; levels <= 5; levels++) {
            for (unsigned int k = 0;; k++) {
                snprintf(name, sizeof(name),
                         "%s levels %u, %s, mask %u, "
                         "before load %u",
                         ops->name, levels, scripts[s].name, mask, k);
                /* Whole leaves of each size, and all but the last frame. */
                const bool more = one_case(ops, levels, mask < 2 ? 1 : 7,
                                           part - (mask == 3), k, 1);

                if (!one_case(ops, levels, 7, part - 1, k, 3) && !more) {
                    break;
                }
            }
        }
    }
    printf("changed before %u loads, with tables reused at %u\n", points,
           reused);
    EXPECT_EQ("points", points > 1000 && reused > 1000, 1);
    return expect_failures();
}
