// SPDX-License-Identifier: GPL-2.0
// SOURCES: tests/port/iopt/hooked-amdv1x.c
// SOURCES: tests/port/iopt/hooked-amdv1.c tests/port/iopt/hooked-vtdss.c
// SOURCES: tests/port/iopt/hooked-skew.c
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c tests/port/iopt/audit.c
// ARGS: 20
/*
 * Random requests to the page-table engine against a flat array. A device
 * walks the tables after every store; an IOTLB and a paging-structure cache
 * remember what it saw and forget only what the gather names; allocations
 * fail; after each step the tree is audited and its leaves compared with the
 * fewest possible. model-iopt [seconds [seed]]: the seed of a failure is
 * printed and replays that episode alone. model-iopt steps N [first seed]: at
 * least N requests, of consecutive seeds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#include "tests/port/iopt/audit.h"
#include "tests/port/iopt/hook.h"

#define WINDOW_MAX  (UINT64_C(3) << 17)
#define TLB_ENTRIES 64
#define PSC_ENTRIES 32

struct cell {
    uint64_t mfn;
    uint8_t prot; /* 0: not mapped */
};

struct tlb {
    bool valid;
    uint64_t dfn; /* first frame of the leaf */
    uint64_t mfn;
    unsigned int prot;
    unsigned int order;
};

struct psc {
    bool valid;
    uint64_t dfn; /* first frame of the table */
    unsigned int level;
    uint64_t pa;
};

static struct cell *cur, *next;
static struct tlb tlb[TLB_ENTRIES];
static struct psc psc[PSC_ENTRIES];
static uint64_t seed, state;
static struct iopt pt;
static struct iopt_gather gather;
static uint64_t base, window; /* frames the requests stay in */
static uint64_t op_first, op_last;
static bool in_op;
static unsigned long nr_ops, nr_stores, nr_nomem, nr_leaf_checks;
static char op_text[160];

static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t below(uint64_t n)
{
    return rnd() % n;
}

static void fail(const char *what, uint64_t dfn)
{
    const struct audit_hit h = audit_walk(&pt, dfn);

    printf("FAIL seed %#llx: %s at dfn %#llx (window %#llx+%#llx)\n"
           "  during: %s\n  %s levels %u mask %#x coherent %d lazy %d\n"
           "  device sees %d mfn %#llx prot %u order %u\n",
           (unsigned long long)seed, what, (unsigned long long)dfn,
           (unsigned long long)base, (unsigned long long)window, op_text,
           pt.ops->name, pt.levels, pt.leaf_mask, pt.coherent, pt.lazy_coalesce,
           h.present, (unsigned long long)h.mfn, h.prot, h.order);
    exit(1);
}

static struct cell cell_of(const struct cell *map, uint64_t dfn)
{
    return dfn - base < window ? map[dfn - base] : (struct cell){ 0, 0 };
}

static bool says(struct audit_hit h, struct cell c)
{
    return h.present ? c.prot == h.prot && c.mfn == h.mfn : c.prot == 0;
}

/* A device access: what it reads must be legal now, and may be remembered. */
static void device_access(uint64_t dfn)
{
    struct audit_hit h;
    uint64_t pa;

    if (dfn > pt.dfn_last) {
        return;
    }
    h = audit_walk(&pt, dfn);
    if (!says(h, cell_of(cur, dfn)) &&
        !(in_op && dfn >= op_first && dfn <= op_last &&
          says(h, cell_of(next, dfn)))) {
        fail("device sees neither old nor new translation", dfn);
    }
    if (h.present) {
        const uint64_t into = dfn & ((UINT64_C(1) << h.order) - 1);

        tlb[below(TLB_ENTRIES)] =
            (struct tlb){ true, dfn - into, h.mfn - into, h.prot, h.order };
    }
    if (below(4) == 0) {
        const unsigned int level = (unsigned int)below(pt.levels - 1u);

        if (audit_table_at(&pt, dfn, level, &pa)) {
            const unsigned int span =
                pt.ops->level_order(level) + pt.ops->slot_bits;

            psc[below(PSC_ENTRIES)] =
                (struct psc){ true, dfn >> span << span, level, pa };
        }
    }
    if (below(4) == 0) {
        const struct psc *p = &psc[below(PSC_ENTRIES)];

        /* Aborts if the table is not ours any more. */
        if (p->valid) {
            (void)audit_walk_from(&pt, p->pa, p->level, p->dfn);
        }
    }
}

static void after_store(void)
{
    nr_stores++;
    /* Long runs are sampled: every store of short ones is looked at. */
    if (op_last - op_first > 600 && below(32)) {
        return;
    }
    device_access(op_first);
    device_access(op_last);
    device_access(op_first - 1);
    device_access(op_last + 1);
    device_access(op_first + below(op_last - op_first + 1));
    device_access(base + below(window));
}

static void nothing(void)
{
}

void (*iopt_after_store)(void) = after_store;
void (*iopt_before_load)(void) = nothing;

static bool overlap(uint64_t first, uint64_t order, const struct iopt_extent *e)
{
    return first <= e->last && first + ((UINT64_C(1) << order) - 1) >= e->first;
}

/* The hardware: forgets exactly what it is asked to, by the strictest rule. */
static void flush(void)
{
    for (unsigned int x = 0; x < gather.nr_ext; x++) {
        const struct iopt_extent *e = &gather.ext[x];

        for (unsigned int i = 0; i < TLB_ENTRIES; i++) {
            if (e->owe & IOPT_OWE_STALE &&
                overlap(tlb[i].dfn, tlb[i].order, e) &&
                tlb[i].order <= e->leaf_order) {
                tlb[i].valid = false;
            }
        }
        for (unsigned int i = 0; i < PSC_ENTRIES; i++) {
            if (e->owe & IOPT_OWE_TABLES &&
                overlap(psc[i].dfn,
                        pt.ops->level_order(psc[i].level) + pt.ops->slot_bits,
                        e)) {
                psc[i].valid = false;
            }
        }
    }
    if ((gather.retired.nr != 0) != ((gather.owe & IOPT_OWE_TABLES) != 0)) {
        fail("tables retired without owing, or the reverse", base);
    }
    iopt_gather_release(&pt, &gather);

    for (unsigned int i = 0; i < TLB_ENTRIES; i++) {
        const struct tlb *t = &tlb[i];
        const uint64_t size = UINT64_C(1) << t->order;

        for (uint64_t k = 0; t->valid && k < size;
             k += k + 1 < size && size > 64 ? 1 + below(size / 16) : 1) {
            const struct cell c = cell_of(cur, t->dfn + k);

            if (c.prot != t->prot || c.mfn != t->mfn + k) {
                fail("stale IOTLB entry after the flush", t->dfn + k);
            }
        }
    }
    for (unsigned int i = 0; i < PSC_ENTRIES; i++) {
        uint64_t pa;

        if (psc[i].valid &&
            (!audit_table_at(&pt, psc[i].dfn, psc[i].level, &pa) ||
             pa != psc[i].pa)) {
            fail("stale table pointer after the flush", psc[i].dfn);
        }
    }
}

/* Fewest leaves for a slot of a level, and whether it can be one. */
static uint64_t fewest(uint64_t dfn, unsigned int level)
{
    const uint64_t size = UINT64_C(1) << pt.ops->level_order(level);
    const struct cell a = cell_of(cur, dfn);
    uint64_t sum = 0, k;

    if (dfn >= base + window || dfn + size - 1 < base) {
        return 0;
    }
    if (level == 0) {
        return a.prot != 0;
    }
    if (pt.leaf_mask >> level & 1 && a.prot && a.mfn % size == 0) {
        for (k = 1; k < size; k++) {
            const struct cell c = cell_of(cur, dfn + k);

            if (c.prot != a.prot || c.mfn != a.mfn + k) {
                break;
            }
        }
        if (k == size) {
            return 1;
        }
    }
    for (k = 0; k < size; k += UINT64_C(1) << pt.ops->level_order(level - 1)) {
        sum += fewest(dfn + k, level - 1);
    }
    return sum;
}

static void audit_leaf(uint64_t dfn, uint64_t mfn, unsigned int prot,
                       unsigned int order, void *arg)
{
    uint64_t *sum = arg;

    for (uint64_t k = 0; k < UINT64_C(1) << order; k++) {
        const struct cell c = cell_of(cur, dfn + k);

        if (c.prot != prot || c.mfn != mfn + k) {
            fail("tree and model differ", dfn + k);
        }
    }
    *sum += UINT64_C(1) << order;
}

static void check_all(bool minimal)
{
    uint64_t mapped = 0, there = 0, want = 0;
    const unsigned int top = fls64(pt.leaf_mask);
    const uint64_t step = UINT64_C(1) << pt.ops->level_order(top);

    const struct iopt_memory m = iopt_memory(&pt);

    if (audit_tree(&pt, audit_leaf, &there)) {
        fail("audit", base);
    }
    /* The audit counted the linked ones; nothing is held in secret. */
    if (m.linked != pt.counts.tables || m.spare > pt.spare_max ||
        m.waiting != gather.retired.nr ||
        m.linked + m.spare + m.waiting != pool_nr_used) {
        printf("pages: %llu linked, %llu spare, %llu waiting, %llu in all\n",
               (unsigned long long)m.linked, (unsigned long long)m.spare,
               (unsigned long long)m.waiting, (unsigned long long)pool_nr_used);
        fail("memory of the tables", base);
    }
    for (uint64_t i = 0; i < window; i++) {
        mapped += cur[i].prot != 0;
    }
    if (mapped != there) {
        fail("number of mapped frames differs", base);
    }
    for (uint64_t d = align_down(base, step); d < base + window; d += step) {
        want += fewest(d, top);
    }
    nr_leaf_checks++;
    if (minimal ? iopt_nr_leaves(&pt) != want : iopt_nr_leaves(&pt) < want) {
        printf("leaves %llu, fewest %llu\n",
               (unsigned long long)iopt_nr_leaves(&pt),
               (unsigned long long)want);
        fail("number of leaves", base);
    }
}

enum op { OP_MAP, OP_REPLACE, OP_UNMAP, OP_PROTECT, OP_COUNT };
static const char *const op_names[] = { "map", "replace", "unmap", "protect" };

/* What the call must do to next[]; the errno it must give. */
static int apply(enum op op, const struct iopt_run *r)
{
    int rc = 0;

    for (uint64_t k = 0; k < r->nr; k++) {
        struct cell *c = &next[r->dfn.n - base + k];
        const struct cell want = { r->mfn.n + k, (uint8_t)r->prot };

        switch (op) {
        case OP_MAP:
            if (c->prot && (c->prot != want.prot || c->mfn != want.mfn)) {
                rc = -EEXIST;
            }
            *c = want;
            break;
        case OP_REPLACE:
            *c = want;
            break;
        case OP_UNMAP:
            *c = (struct cell){ 0, 0 };
            break;
        case OP_PROTECT:
            if (c->prot) {
                c->prot = want.prot;
            }
            break;
        case OP_COUNT:
            break;
        }
    }
    return rc;
}

static struct iopt_run random_run(void)
{
    static const uint64_t deltas[] = { 0, UINT64_C(1) << 18, UINT64_C(7) << 20,
                                       1 };
    const unsigned int order =
        (unsigned int)pt.ops->level_order((unsigned int)below(3));
    uint64_t first = below(window), nr, delta = deltas[below(8) & 3];

    if (below(3) == 0) {
        delta = 0;
    }
    switch (below(4)) {
    case 0:
        nr = 1;
        break;
    case 1:
        nr = 1 + below(1 << pt.ops->slot_bits);
        break;
    case 2: /* whole slots */
        first = align_down(first + base, UINT64_C(1) << order);
        first = first < base ? 0 : first - base;
        nr = (1 + below(3)) << order;
        break;
    default:
        nr = 1 + below(window);
        break;
    }
    nr = min_of(nr, window - first);
    return (struct iopt_run){ .dfn = { base + first },
                              .mfn = { base + first + delta },
                              .nr = nr,
                              .prot =
                                  below(4) ? IOPT_RW : 1 + (uint32_t)below(3) };
}

static int call(enum op op, const struct iopt_run *r)
{
    switch (op) {
    case OP_MAP:
        return iopt_map(&pt, r, &gather);
    case OP_REPLACE:
        return iopt_replace(&pt, r, &gather);
    case OP_UNMAP:
        return iopt_unmap(&pt, r, &gather);
    case OP_PROTECT:
        return iopt_protect(&pt, r, &gather);
    case OP_COUNT:
        break;
    }
    return -ENOSYS;
}

static void one_op(void)
{
    const struct iopt_run r = random_run();
    const enum op op = (enum op)below(OP_COUNT);
    const size_t at = r.dfn.n - base, bytes = r.nr * sizeof(*cur);
    const bool full = pt.spare.nr >= pt.spare_min;
    const bool failing = below(4) == 0;
    int rc, want;

    snprintf(op_text, sizeof(op_text),
             "%s dfn %#llx mfn %#llx nr %#llx prot %u failing %d", op_names[op],
             (unsigned long long)r.dfn.n, (unsigned long long)r.mfn.n,
             (unsigned long long)r.nr, r.prot, failing);
    want = apply(op, &r);
    op_first = r.dfn.n;
    op_last = r.dfn.n + r.nr - 1;
    if (failing) {
        pool_fail_after(below(6));
    }
    in_op = true;
    rc = call(op, &r);
    in_op = false;
    pool_fail_after(UINT64_MAX);
    nr_ops++;
    if (rc == -ENOMEM && failing && !(op == OP_UNMAP && full)) {
        nr_nomem++;
    } else if (rc != want) {
        printf("rc %d, want %d\n", rc, want);
        fail("return value", op_first);
    }
    if (rc == 0) {
        memcpy(cur + at, next + at, bytes);
    } else {
        memcpy(next + at, cur + at, bytes);
    }
}

static void set_up(void)
{
    static const struct iopt_ops *const formats[] = {
        &iopt_amdv1_ops, &iopt_vtdss_ops,  &iopt_skew_ops,
        &iopt_skew_ops,  &iopt_amdv1x_ops,
    };
    const struct iopt_ops *ops = formats[below(5)];
    struct iopt_config cfg = {
        .ops = ops,
        .levels = (uint8_t)(3 + below(ops->max_levels - 2u)),
        .coherent = below(2),
        .track_added = below(2),
        .lazy_coalesce = below(3) == 0,
        .input_bits = 60,
    };
    unsigned int leaf;

    leaf = (unsigned int)below(
        min_of(ops->max_leaf_level + 1u, (unsigned int)cfg.levels));
    cfg.leaf_mask = (uint8_t)((2u << leaf) - 1);
    if (below(2)) {
        cfg.leaf_extra = ops->leaf_extra_ok;
    }
    pool_reset();
    if (iopt_init(&pt, &cfg)) {
        fail("init", 0);
    }
    iopt_gather_init(&gather);
    memset(tlb, 0, sizeof(tlb));
    memset(psc, 0, sizeof(psc));

    /* Around a border of tables of several levels, or at either end. */
    if (ops == &iopt_skew_ops) {
        window = min_of(1 + below(6000), pt.dfn_last + 1);
    } else {
        window = below(8) ? 1 + below(4096) : 1 + below(WINDOW_MAX);
    }
    switch (below(3)) {
    case 0:
        base = 0;
        break;
    case 1:
        base = pt.dfn_last - (window - 1);
        break;
    default:
        base = UINT64_C(1) << pt.ops->level_order(2);
        base = base > window / 2 ? base - window / 2 : 0;
        if (base + window - 1 > pt.dfn_last) {
            base = 0;
        }
        break;
    }
    /* Large tops would pass what a leaf can name. */
    if (base + window + (UINT64_C(8) << 20) > pt.mfn_last) {
        base = 0;
    }
    memset(cur, 0, window * sizeof(*cur));
    memset(next, 0, window * sizeof(*next));
}

static void tear_down(void)
{
    int rc;

    flush();
    do {
        rc = iopt_destroy(&pt, 1 + (unsigned int)below(50));
    } while (rc == -ERESTART);
    if (rc || pool_nr_used) {
        printf("destroy gave %d and left %llu pages\n", rc,
               (unsigned long long)pool_nr_used);
        exit(1);
    }
}

static void episode(uint64_t s)
{
    unsigned int ops;

    seed = s;
    state = s * UINT64_C(0x9e3779b97f4a7c15) | 1;
    for (int i = 0; i < 8; i++) {
        rnd();
    }
    set_up();
    ops = window > 10000 ? 30 : 100;
    while (ops-- > 0) {
        one_op();
        if (below(3) == 0) {
            flush();
        }
        if (pt.lazy_coalesce && below(3) == 0) {
            op_first = op_last = base;
            while (iopt_settle(&pt, 1 + (unsigned int)below(4), &gather)) {
            }
            check_all(true);
        } else {
            check_all(!pt.lazy_coalesce);
        }
    }
    tear_down();
}

int main(int argc, char **argv)
{
    const double seconds = argc > 1 ? atof(argv[1]) : 20;
    const time_t start = time(NULL);
    uint64_t s = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    unsigned long n = 0;

    cur = calloc(WINDOW_MAX + 1, sizeof(*cur));
    next = calloc(WINDOW_MAX + 1, sizeof(*next));
    if (!cur || !next) {
        return 2;
    }
    pool_shadow_on();
    if (argc > 2 && strcmp(argv[1], "steps") == 0) {
        const unsigned long steps = strtoul(argv[2], NULL, 0);

        s = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
        for (; nr_ops < steps; s++, n++) {
            episode(s);
        }
        printf("seeds up to %llu: %lu requests (%lu out of memory), "
               "%lu stores, %lu leaf counts\n",
               (unsigned long long)s - 1, nr_ops, nr_nomem, nr_stores,
               nr_leaf_checks);
        return 0;
    }
    if (argc > 2) {
        episode(s);
        return 0;
    }
    /* Half with fixed seeds, half with fresh ones. */
    do {
        episode(s);
        s = n & 1 ? n : (uint64_t)start * 1000003 + n;
        n++;
    } while (difftime(time(NULL), start) < seconds);
    printf("%lu episodes, %lu requests (%lu out of memory), %lu stores, "
           "%lu leaf counts\n",
           n, nr_ops, nr_nomem, nr_stores, nr_leaf_checks);
    free(cur);
    free(next);
    return 0;
}
