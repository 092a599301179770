/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Looking at spaces from outside: the dump, and the sweep that compares every
 * frame's page type with the live tables. Debug keys only; changes nothing.
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/dom-iommu.h>
#include <xen/domain.h>
#include <xen/iommu.h>
#include <xen/keyhandler.h>
#include <xen/printk.h>
#include <xen/rangeset.h>
#include <xen/softirq.h>
#include <xen/time.h>

#include <asm/mm-types.h>

#include "dom-iommu-priv.h"

/* ---- sweep --------------------------------------------------------------- */

#define PGT_TYPE_SHIFT 60 /* of PGT_TYPE */

#define SWEEP_CHUNK   (UINT64_C(1) << 18) /* ours: frames under one lock */
#define SWEEP_SUSPECT 64 /* ours: looked at again without the lock */

#define SWEEP_LINES 64 /* ours: the rest is only counted */

struct sweep {
    struct domain *d;
    struct dom_iommu *st;
    uint64_t next; /* first frame not looked at in this chunk */
    uint64_t pages;
    uint64_t printed;         /* lines about mismatches */
    unsigned int nr_suspects; /* beyond SWEEP_SUSPECT: all of the chunk */
    uint64_t suspect[SWEEP_SUSPECT];
};

/* The frame, if it is the domain's RAM: neither ours nor nobody's. */
static const struct page_info *ram_of(const struct domain *d, uint64_t frame)
{
    const struct page_info *pg;
    uint32_t count;

    if (!mfn_valid(MFN(frame))) {
        return NULL;
    }
    pg = mfn_to_page(MFN(frame));
    count = read_once(pg->count);
    return (count & (PAGE_HYP | PAGE_FREE)) == 0 && count & PAGE_COUNT &&
                   pg->owner == d->id
               ? pg
               : NULL;
}

/* How the frame ought to be reachable by its owner's devices, by type. */
static unsigned int ram_prot(const struct domain *d, uint64_t frame)
{
    const struct page_info *const pg = ram_of(d, frame);

    return pg && (read_once(pg->type) & PGT_TYPE) == PGT_WRITABLE
               ? IOMMU_R | IOMMU_W
               : 0;
}

struct reserved_arg {
    uint64_t frame;
    unsigned int prot;
};

static int reserved_one(sbdf_t s, uint64_t first, uint64_t last,
                        unsigned int prot, void *arg)
{
    struct reserved_arg *const a = arg;

    (void)s;
    if (a->frame >= first && a->frame <= last) {
        a->prot |= prot;
    }
    return 0;
}

/* The same for frames that are not the domain's RAM. */
static unsigned int other_prot(struct dom_iommu *st, uint64_t frame)
{
    struct reserved_arg a = { frame, 0 };

    if (rangeset_contains(st->identity.rw, frame, frame)) {
        return IOMMU_R | IOMMU_W;
    }
    if (rangeset_contains(st->identity.ro, frame, frame)) {
        return IOMMU_R;
    }
    (void)iommu_reserved_each(reserved_one, &a);
    return a.prot ? a.prot : dom_iommu_foreign_prot(st, frame);
}

static void suspect(struct sweep *s, uint64_t frame)
{
    if (s->nr_suspects < SWEEP_SUSPECT) {
        s->suspect[s->nr_suspects] = frame;
    }
    s->nr_suspects++;
}

static void expect_unmapped(struct sweep *s, uint64_t end)
{
    for (; s->next < end; s->next++) {
        if (ram_prot(s->d, s->next)) {
            suspect(s, s->next);
        }
    }
}

/* Called with the space's lock: types only, sets and hashes come later. */
static int sweep_run(const struct iommu_range *r, void *arg)
{
    struct sweep *const s = arg;
    const bool identity = r->dfn.n == r->mfn.n;

    expect_unmapped(s, r->dfn.n);
    for (uint64_t i = 0; i < r->nr; i++) {
        if (!identity || ram_prot(s->d, r->dfn.n + i) != r->prot) {
            /* All of a run that is not RAM has one reason: ask once. */
            if (!mfn_valid(MFN(r->dfn.n + i)) && i != 0 && identity &&
                i + 1 != r->nr && !mfn_valid(MFN(r->dfn.n + i - 1))) {
                continue;
            }
            suspect(s, r->dfn.n + i);
        }
    }
    s->next = r->dfn.n + r->nr;
    return 0;
}

/* Inside a hypercall, type and mapping of a page may differ for a moment. */
static bool is_changing(uint64_t frame)
{
    return mfn_valid(MFN(frame)) &&
           (read_once(mfn_to_page(MFN(frame))->type) & (PGT_BUSY | PGT_AHEAD));
}

#define CHANGING_NS (100 * NS_PER_MS) /* ours: far longer than a hypercall */

/* Look again, on its own: types may have been changing. */
static bool mismatch(struct sweep *s, uint64_t frame)
{
    const uint64_t start_ns = now_ns();
    unsigned int want = 0, prot = 0;
    mfn_t mfn = MFN(frame);

    for (unsigned int tries = 0;
         tries < 8 || (is_changing(frame) && now_ns() - start_ns < CHANGING_NS);
         tries++) {
        prot = 0;
        if (iommu_lookup(s->d->iospace, DFN(frame), &mfn, &prot)) {
            prot = 0;
            mfn = MFN(frame);
        }
        want = ram_prot(s->d, frame);
        if (want == 0) {
            want = other_prot(s->st, frame);
        }
        if (prot == want && mfn.n == frame) {
            return false;
        }
        udelay(20);
    }
    if (s->printed++ >= SWEEP_LINES) {
        return true;
    }
    printk("iommu sweep: d%u: frame %#lx maps %#lx %s, should be %s\n",
           s->d->id, frame, mfn.n, iommu_prot_text(prot),
           iommu_prot_text(want));
    return true;
}

static uint64_t judge(struct sweep *s, uint64_t first, uint64_t last)
{
    uint64_t bad = 0;

    if (s->nr_suspects <= SWEEP_SUSPECT) {
        for (unsigned int i = 0; i < s->nr_suspects; i++) {
            bad += mismatch(s, s->suspect[i]);
        }
        return bad;
    }
    for (uint64_t f = first; f <= last; f++) {
        bad += mismatch(s, f);
    }
    return bad;
}

uint64_t dom_iommu_sweep(struct domain *d)
{
    struct sweep s = { .d = d, .st = dom_iommu_state(d) };
    uint64_t bad = 0;

    if (!d->iommu_sync || !s.st) {
        printk("iommu sweep: d%u: page types are not followed\n", d->id);
        return 0;
    }
    for (uint64_t at = 0; at <= iospace_dfn_last(d->iospace);
         at += SWEEP_CHUNK) {
        const uint64_t last =
            min_of(at + SWEEP_CHUNK - 1, iospace_dfn_last(d->iospace));
        const uint64_t ram_end = min_of(last + 1, max_mfn);

        s.next = at;
        s.nr_suspects = 0;
        (void)iommu_walk(d->iospace, at, last, sweep_run, &s);
        expect_unmapped(&s, ram_end);
        bad += judge(&s, at, last);
    }
    for (uint64_t f = 0; f < max_mfn; f++) {
        s.pages += mfn_valid(MFN(f)) && mfn_to_page(MFN(f))->owner == d->id;
    }
    printk("iommu sweep: d%u: %lu pages, %lu mismatches\n", d->id, s.pages,
           bad);
    return bad;
}

/* ---- types --------------------------------------------------------------- */

void dom_iommu_print_types(const struct domain *d)
{
    uint64_t nr[16] = { 0 };

    for (uint64_t f = 0; f < max_mfn; f++) {
        const struct page_info *const pg = ram_of(d, f);

        if (pg) {
            nr[(pg->type & PGT_TYPE) >> PGT_TYPE_SHIFT]++;
        }
    }
    log_info("iommu: d%u: pages by type: %lu writable, %lu L1, %lu L2, %lu L3, "
             "%lu L4, %lu descriptor, %lu untyped\n",
             d->id, nr[PGT_WRITABLE >> PGT_TYPE_SHIFT],
             nr[PGT_L1 >> PGT_TYPE_SHIFT], nr[PGT_L2 >> PGT_TYPE_SHIFT],
             nr[PGT_L3 >> PGT_TYPE_SHIFT], nr[PGT_L4 >> PGT_TYPE_SHIFT],
             nr[PGT_SEG >> PGT_TYPE_SHIFT], nr[PGT_NONE >> PGT_TYPE_SHIFT]);
}

/* ---- keys ---------------------------------------------------------------- */

static void each_domain(void (*fn)(struct domain *d))
{
    for (struct domain *d = dom_next(-1); d;) {
        const int id = d->id;

        fn(d);
        dom_put(d);
        d = dom_next(id);
    }
}

/*
 * Pressed again within this time, or with iommu=verbose, o prints ranges; and
 * what did not fit the last time. A dump that is complete starts afresh.
 */
#define TWICE_NS (5 * NS_PER_S)

/* Ours: a third of the log, so that what leads to it is not pushed out. */
#define DUMP_LINES 300u

static uint32_t dumping; /* 1 while one CPU prints; atomic */
static uint64_t last_o_ns;
static struct iommu_dump dump_at;

/* Timers and keys go on; another domain's vCPU does not run here. */
static void relax(void)
{
    softirq_run(false);
}

static void say_spaceless(struct domain *d)
{
    if (!d->iospace) {
        printk("iommu: d%u: no space, %s\n", d->id,
               d->id == 0 ? "its devices are not translated" : "no devices");
    }
}

static void dump(bool ranges)
{
    const bool begins = dump_at.printed == 0;
    bool complete;

    printk("iommu dump: %s%s\n", ranges ? "ranges" : "summary",
           begins ? "" : ", continued");
    if (begins) {
        each_domain(say_spaceless);
    }
    complete = iommu_dump(&dump_at, ranges, DUMP_LINES, relax);
    if (complete) {
        printk("iommu dump: end, %lu ranges\n", dump_at.printed);
        dump_at = (struct iommu_dump){ .did = 0 };
    } else {
        printk("iommu dump: more, %lu ranges so far; the key again goes on\n",
               dump_at.printed);
    }
    /* A slow console's time does not count. */
    last_o_ns = complete && ranges ? 0 : now_ns();
}

static void key_dump(unsigned char key)
{
    bool again;

    (void)key;
    /* relax() may run a key that was typed meanwhile, or another CPU does. */
    if (atomic_xchg(&dumping, 1)) {
        printk("iommu dump: busy\n");
        return;
    }
    again = last_o_ns && now_ns() - last_o_ns < TWICE_NS;
    if (!again) {
        dump_at = (struct iommu_dump){ .did = 0 };
    }
    dump(iommu_opt.verbose || again);
    atomic_store(&dumping, 0);
}

static void sweep_domain(struct domain *d)
{
    (void)dom_iommu_sweep(d);
}

static void key_sweep(unsigned char key)
{
    (void)key;
    each_domain(sweep_domain);
}

static void key_units(unsigned char key)
{
    (void)key;
    iommu_dump_units();
}

void dom_iommu_keys(void)
{
    key_register('o', key_dump,
                 "IOMMU: tables of each domain; again within 5 s: ranges");
    key_register('O', key_sweep, "IOMMU: compare page types with the tables");
    key_register('V', key_units, "IOMMU: units and remap entries");
}
