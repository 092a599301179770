/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Template part 1: one table and its counts. Every store to a table
 * goes through here, so that the counts, the write-back range and the release
 * order cannot be forgotten.
 */
#ifndef PT_IOPT_WALK_H
#define PT_IOPT_WALK_H

#include "iopt-contract.h"

#define tab_write_back IOPT_SYM(tab_write_back)
#define tab_set        IOPT_SYM(tab_set)

/* Slots are taken a cache line at a time where they are alike. */
#define LINE_SLOTS 8u
static_assert(FMT_SLOTS <= 64 * LINE_SLOTS, "a bit for each line of a table");

/* A table being worked on. */
struct iopt_tab {
    uint64_t *slots;
    struct iopt_meta *meta;
    paddr_t pa;
    uint64_t base;      /* dfn that slot 0 translates */
    unsigned int level; /* 0: its leaves are 4K */
    uint64_t dirty;     /* bit n: line n was stored to, not written back */
    bool live;          /* reachable by devices; else written at link */
};

/* One call, from its check to its last store. */
struct iopt_job {
    struct iopt *pt;
    struct iopt_gather *g;
    struct iopt_pages tables; /* reserved before the first store */
    uint64_t need;            /* tables the check asks for */
    uint64_t delta;           /* mfn - dfn, modulo 2^64 */
    uint32_t prot;            /* of the leaves to write */
    bool overwrite;           /* replace what is there */
    bool todo;                /* the check found something to change */
    bool blank;               /* the check found nothing but empty slots */
    bool force;               /* coalesce even if the tree is lazy */
};

static always_inline uint64_t frames_at(unsigned int level)
{
    return UINT64_C(1) << fmt_order(level);
}

static always_inline unsigned int slot_of(uint64_t dfn, unsigned int level)
{
    return (unsigned int)(dfn >> fmt_order(level)) & (FMT_SLOTS - 1);
}

/* Last frame of the slot that holds dfn, or last if that comes first. */
static always_inline uint64_t slot_end(uint64_t dfn, unsigned int level,
                                       uint64_t last)
{
    const uint64_t end = dfn | (frames_at(level) - 1);

    return end < last ? end : last;
}

static always_inline bool is_whole(uint64_t dfn, uint64_t end,
                                   unsigned int level)
{
    return end - dfn == frames_at(level) - 1;
}

/* b translates the frames after a's, with the same attributes. */
static always_inline bool follows(uint64_t a, uint64_t b, unsigned int level)
{
    return b == a + fmt_step(level) && fmt_kind(a, level) == IOPT_LEAF;
}

/* The leaf in a slot as if it stood there alone; tables are aligned pages. */
static always_inline uint64_t word_at(const uint64_t *s, unsigned int level)
{
    return fmt_plain(
        *s, (unsigned int)((uintptr_t)s / sizeof(*s)) & (FMT_SLOTS - 1), level);
}

static always_inline uint64_t tab_word(const struct iopt_tab *t, unsigned int i)
{
    return word_at(&t->slots[i], t->level);
}

static always_inline struct iopt_tab tab_open(paddr_t pa, unsigned int level,
                                              uint64_t dfn, bool live)
{
    return (struct iopt_tab){
        .slots = pool_page_ptr(pa),
        .meta = iopt_meta_of(pa),
        .pa = pa,
        .base = align_down(dfn, frames_at(level) << FMT_SLOT_BITS),
        .level = level,
        .dirty = 0,
        .live = live,
    };
}

static always_inline struct iopt_tab root_open(const struct iopt *pt)
{
    return tab_open(pt->root_pa, pt->levels - 1u, 0, true);
}

static always_inline uint64_t tab_dfn(const struct iopt_tab *t, unsigned int i)
{
    return t->base + ((uint64_t)i << fmt_order(t->level));
}

static always_inline void tab_touch(struct iopt_tab *t, unsigned int i,
                                    unsigned int n)
{
    const unsigned int first = i / LINE_SLOTS;
    const unsigned int last = (i + n - 1) / LINE_SLOTS;

    t->dirty |= ~UINT64_C(0) >> (63 - (last - first)) << first;
}

/* Exactly the lines stored to, once per table and call. */
static noinline_fn void tab_write_back(struct iopt_tab *t)
{
    while (t->dirty) {
        /* Neighbours together: each call of the port ends with a fence. */
        const unsigned int first = ctz64(t->dirty);
        const uint64_t clean = ~(t->dirty >> first);
        const unsigned int n = clean ? ctz64(clean) : 64;

        cache_write_back(&t->slots[first * LINE_SLOTS],
                         n * LINE_SLOTS * sizeof(t->slots[0]));
        t->dirty &= ~(~UINT64_C(0) >> (64 - n) << first);
    }
}

static always_inline void tab_close(const struct iopt *pt, struct iopt_tab *t)
{
    if (unlikely(!pt->coherent) && t->live) {
        tab_write_back(t);
    }
}

/* All that changes a table's counts, by how much each. */
static always_inline void tab_count(struct iopt_tab *t, int present, int joined)
{
    if (IOPT_TRACK) {
        t->meta->counts += (uint32_t)(present + 65536 * joined);
    }
}

/* Whether slot i continues the one before it. */
static always_inline int pair_left(const struct iopt_tab *t, unsigned int i)
{
    return IOPT_TRACK && i > 0 &&
           follows(tab_word(t, i - 1), tab_word(t, i), t->level);
}

static always_inline int pair_right(const struct iopt_tab *t, unsigned int i)
{
    return IOPT_TRACK && i + 1 < FMT_SLOTS &&
           follows(tab_word(t, i), tab_word(t, i + 1), t->level);
}

/* Store one entry of any kind over one of any kind. */
static void tab_set(struct iopt_tab *t, unsigned int i, uint64_t v)
{
    const int was = !fmt_is_empty(t->slots[i]);
    const int before = pair_left(t, i) + pair_right(t, i);

    IOPT_STORE(&t->slots[i], v);
    tab_count(t, !fmt_is_empty(v) - was,
              pair_left(t, i) + pair_right(t, i) - before);
    tab_touch(t, i, 1);
}

/* n consecutive leaves were stored into empty slots: count them at once. */
static always_inline void tab_count_run(struct iopt_tab *t, unsigned int i,
                                        unsigned int n)
{
    tab_count(t, (int)n,
              (int)n - 1 + pair_left(t, i) + pair_right(t, i + n - 1));
    tab_touch(t, i, n);
}

static always_inline void owe(struct iopt_job *j, uint64_t first, uint64_t last,
                              unsigned int leaf_order, unsigned int what)
{
    const struct iopt_extent e = {
        .first = first,
        .last = last,
        .leaf_order = (uint8_t)leaf_order,
        .owe = (uint8_t)what,
    };

    iopt_gather_add(j->g, &e);
}

static always_inline void owe_slot(struct iopt_job *j, const struct iopt_tab *t,
                                   unsigned int i, unsigned int leaf_order,
                                   unsigned int what)
{
    const uint64_t first = tab_dfn(t, i);

    owe(j, first, first + frames_at(t->level) - 1, leaf_order, what);
}

/*
 * A table that no device reaches needs no order among its stores. A lookup that
 * was here when it was another table may read them, but does not believe them.
 */
static always_inline void put_one(uint64_t *s, uint64_t v, bool live)
{
    if (live) {
        IOPT_STORE(s, v);
    } else {
        atomic_store_relaxed(s, v);
    }
}

/* Leaves for n slots that hold nothing. */
static always_inline void put_run(uint64_t *s, unsigned int n, uint64_t v,
                                  uint64_t step, bool live)
{
    unsigned int k = 0;

    for (; k + LINE_SLOTS <= n; k += LINE_SLOTS, v += LINE_SLOTS * step) {
#pragma GCC unroll 8
        for (unsigned int i = 0; i < LINE_SLOTS; i++) {
            put_one(&s[k + i], v + i * step, live);
        }
    }
    for (; k < n; k++, v += step) {
        put_one(&s[k], v, live);
    }
}

/* Empty slots i..i+n-1 of an unlinked table. */
static always_inline void tab_blank(struct iopt_tab *t, unsigned int i,
                                    unsigned int n)
{
    for (unsigned int k = i; k < i + n; k++) {
        atomic_store_relaxed(&t->slots[k], FMT_EMPTY_WORD);
    }
}

/* A reserved page as a table below t's slot for dfn; contents undefined. */
static always_inline struct iopt_tab tab_new(struct iopt_job *j,
                                             unsigned int level, uint64_t dfn)
{
    struct iopt_tab c;

    /* The check counted every table the commit can ask for. */
    BUG_ON(j->tables.nr == 0);
    c = tab_open(iopt_pages_pop(&j->tables), level, dfn, false);
    /* Without counts no table ever looks empty. */
    *c.meta = (struct iopt_meta){ .present = !IOPT_TRACK };
    return c;
}

/*
 * Make a finished table reachable with one store. A walker that does not snoop
 * reads memory, so the table must be there first.
 */
static always_inline void tab_link(struct iopt_job *j, struct iopt_tab *t,
                                   unsigned int i, struct iopt_tab *c)
{
    if (unlikely(!j->pt->coherent)) {
        cache_write_back(c->slots, FMT_SLOTS * sizeof(c->slots[0]));
    }
    tab_set(t, i, fmt_table(c->pa, t->level));
    j->pt->counts.tables++;
}

/*
 * An unlinked table: units may still walk through it until the flush, so it
 * only becomes free with iopt_gather_release(). Its contents stay.
 */
static always_inline void tab_retire(struct iopt_job *j, paddr_t pa)
{
    iopt_pages_add(&j->g->retired, pa);
    j->pt->counts.tables--;
}

#endif
