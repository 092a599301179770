// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/common/dom-iommu-sets.c xen/common/rangeset.c
// CFLAGS: -I xen/arch/x86/include
/*
 * Dom0's identity sets for random memory maps and options against the rules
 * applied frame by frame, in a window around 4 GiB; the changes that follow the
 * read-only set likewise. And areas so large that a loop over frames would not
 * end.
 */
#include <stdlib.h>

#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/mm.h>

#include <asm/mm-types.h>

#include "expect.h"
#include "xen/common/dom-iommu-sets.h"

static long allocs_left = -1; /* -1: never fail */

void *xzalloc_bytes(size_t bytes)
{
    if (allocs_left == 0) {
        return NULL;
    }
    if (allocs_left > 0) {
        allocs_left--;
    }
    return calloc(1, bytes);
}

void xfree(void *p)
{
    free(p);
}

#define FRAMES    96 /* of the window */
#define BELOW     48 /* of these, so many are below 4 GiB */
#define WINDOW    ((UINT64_C(1) << 20) - BELOW)
#define MAX_AREAS 12
#define ROUNDS    3000

static uint64_t rng = 0x9e3779b97f4a7c15;

static unsigned int below(unsigned int n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (unsigned int)((rng >> 32) % n);
}

/* A set and the same as an array, one flag a frame of the window. */
struct both {
    struct rangeset *set;
    bool in[FRAMES];
};

static void both_init(struct both *b)
{
    memset(b, 0, sizeof(*b));
    b->set = rangeset_create("test");
}

static void both_add(struct both *b, unsigned int first, unsigned int nr)
{
    EXPECT_EQ("add",
              rangeset_add(b->set, WINDOW + first, WINDOW + first + nr - 1), 0);
    memset(b->in + first, true, nr);
}

static void both_remove(struct both *b, unsigned int first, unsigned int nr)
{
    EXPECT_EQ("remove",
              rangeset_remove(b->set, WINDOW + first, WINDOW + first + nr - 1),
              0);
    memset(b->in + first, false, nr);
}

static void both_random(struct both *b, unsigned int ranges, unsigned int most)
{
    while (ranges--) {
        const unsigned int nr = 1 + below(most);

        both_add(b, below(FRAMES - nr + 1), nr);
    }
}

/* Areas in ascending order that start and end anywhere, with gaps or none. */
static unsigned int random_map(struct e820_entry *map)
{
    uint64_t at = WINDOW << PAGE_SHIFT;
    const uint64_t end = (WINDOW + FRAMES) << PAGE_SHIFT;
    unsigned int nr = 0;

    while (nr < MAX_AREAS) {
        const uint64_t gap = below(3) ? 0 : below(5 * PAGE_SIZE);
        uint64_t size = (uint64_t)(1 + below(16)) << PAGE_SHIFT;

        if (below(3) == 0) {
            size = 1 + below(6 * PAGE_SIZE); /* ends inside a frame */
        }
        if (at + gap + size > end) {
            break;
        }
        map[nr++] = (struct e820_entry){ at + gap, size, 1 + below(5) };
        at += gap + size;
    }
    return nr;
}

/* ---- the rules, for one frame -------------------------------------------- */

static bool touches(const struct identity_rules *k, uint64_t frame,
                    uint32_t type)
{
    for (unsigned int i = 0; i < k->nr; i++) {
        if (k->map[i].type == type &&
            k->map[i].addr < (frame + 1) << PAGE_SHIFT &&
            k->map[i].addr + k->map[i].size > frame << PAGE_SHIFT) {
            return true;
        }
    }
    return false;
}

/* All of the frame lies in one area of the type. */
static bool fills(const struct identity_rules *k, uint64_t frame, uint32_t type)
{
    for (unsigned int i = 0; i < k->nr; i++) {
        if (k->map[i].type == type && k->map[i].addr <= frame << PAGE_SHIFT &&
            k->map[i].addr + k->map[i].size >= (frame + 1) << PAGE_SHIFT) {
            return true;
        }
    }
    return false;
}

static bool of_mode(const struct identity_rules *k, uint64_t frame)
{
    bool in = k->inclusive && !k->strict && frame < UINT64_C(1) << 20 &&
              !fills(k, frame, E820_UNUSABLE);

    in = in || (k->reserved && touches(k, frame, E820_RESERVED));
    return k->strict ? in && !fills(k, frame, E820_RAM)
                     : in || touches(k, frame, E820_RAM);
}

/* ---- comparison ----------------------------------------------------------- */

static unsigned int compared;

static void same(const char *what, struct rangeset *r, const bool *want)
{
    for (unsigned int i = 0; i < FRAMES; i++) {
        const bool got = rangeset_contains(r, WINDOW + i, WINDOW + i);

        if (got != want[i]) {
            printf("%s: frame %u is %d, want %d\n", what, i, got, want[i]);
            expect_bad++;
        }
        compared += got;
    }
}

struct world {
    struct e820_entry map[MAX_AREAS];
    struct both never, caps, ro;
    struct identity_rules k;
};

static void world_init(struct world *w)
{
    both_init(&w->never);
    both_init(&w->caps);
    both_init(&w->ro);
    both_random(&w->never, below(4), 8);
    both_random(&w->caps, 1 + below(3), FRAMES);
    both_random(&w->ro, below(5), 6);
    w->k = (struct identity_rules){
        .map = w->map,
        .nr = random_map(w->map),
        .strict = below(2),
        .inclusive = below(2),
        .reserved = below(3) != 0,
        .never = w->never.set,
        .caps = w->caps.set,
        .read_only = w->ro.set,
    };
}

static void world_fini(struct world *w)
{
    rangeset_destroy(w->never.set);
    rangeset_destroy(w->caps.set);
    rangeset_destroy(w->ro.set);
}

static void check_sets(const struct world *w, const struct identity_sets *s)
{
    bool wanted[FRAMES], rw[FRAMES], ro[FRAMES];

    for (unsigned int i = 0; i < FRAMES; i++) {
        const uint64_t f = WINDOW + i;

        wanted[i] = of_mode(&w->k, f) && !w->never.in[i] && w->caps.in[i];
        rw[i] = wanted[i] && !w->ro.in[i];
        ro[i] = w->ro.in[i] && w->caps.in[i] && !w->never.in[i] &&
                !fills(&w->k, f, E820_RAM);
        /* Strict by any route: no RAM, and nothing that is not reserved. */
        if (w->k.strict && rangeset_contains(s->rw, f, f)) {
            EXPECT_EQ("strict: reserved", touches(&w->k, f, E820_RESERVED), 1);
            EXPECT_EQ("strict: RAM", fills(&w->k, f, E820_RAM), 0);
        }
    }
    same("wanted", s->wanted, wanted);
    same("rw", s->rw, rw);
    same("ro", s->ro, ro);
}

static int move_one(uint64_t first, uint64_t last, void *arg)
{
    struct rangeset **const pair = arg;

    EXPECT_EQ("from", rangeset_contains(pair[0], first, last), 1);
    EXPECT_EQ("from", rangeset_remove(pair[0], first, last), 0);
    return rangeset_add(pair[1], first, last);
}

/* The read-only set changes somewhere: rw and ro must stay what they'd be. */
static void check_change(struct world *w, struct identity_sets *s)
{
    const unsigned int nr = 1 + below(6);
    const unsigned int at = below(FRAMES - nr + 1);
    struct rangeset *const to_ro = rangeset_create("to-ro");
    struct rangeset *const to_rw = rangeset_create("to-rw");
    bool want_ro[FRAMES], want_rw[FRAMES];

    for (unsigned int i = 0; i < FRAMES; i++) {
        const uint64_t f = WINDOW + i;

        want_ro[i] = rangeset_contains(s->rw, f, f);
        want_rw[i] = rangeset_contains(s->wanted, f, f) &&
                     rangeset_contains(s->ro, f, f);
    }
    if (below(2)) {
        both_add(&w->ro, at, nr);
    } else {
        both_remove(&w->ro, at, nr);
    }
    for (unsigned int i = 0; i < FRAMES; i++) {
        const bool here = i >= at && i < at + nr;

        want_ro[i] = want_ro[i] && here && w->ro.in[i];
        want_rw[i] = want_rw[i] && here && !w->ro.in[i];
    }
    EXPECT_EQ("changes",
              identity_changes(s, w->ro.set, WINDOW + at, WINDOW + at + nr - 1,
                               to_ro, to_rw),
              0);
    same("to ro", to_ro, want_ro);
    same("to rw", to_rw, want_rw);
    EXPECT_EQ("move",
              rangeset_each(to_ro, move_one,
                            (struct rangeset *[]){ s->rw, s->ro }),
              0);
    EXPECT_EQ("move",
              rangeset_each(to_rw, move_one,
                            (struct rangeset *[]){ s->ro, s->rw }),
              0);
    /* What the mode maps is in exactly one of the two, by the set's word. */
    for (unsigned int i = 0; i < FRAMES; i++) {
        const uint64_t f = WINDOW + i;

        if (rangeset_contains(s->wanted, f, f) && !fills(&w->k, f, E820_RAM)) {
            EXPECT_EQ("is rw", rangeset_contains(s->rw, f, f), !w->ro.in[i]);
            EXPECT_EQ("is ro", rangeset_contains(s->ro, f, f), w->ro.in[i]);
        }
    }
    rangeset_destroy(to_ro);
    rangeset_destroy(to_rw);
}

static void test_random(void)
{
    for (unsigned int round = 0; round < ROUNDS && !expect_bad; round++) {
        struct identity_sets s;
        struct world w;

        world_init(&w);
        EXPECT_EQ("create", identity_create(&s), 0);
        EXPECT_EQ("compute", identity_compute(&w.k, &s), 0);
        check_sets(&w, &s);
        for (unsigned int i = 0; i < 8; i++) {
            check_change(&w, &s);
        }
        identity_destroy(&s);
        world_fini(&w);
        if (expect_bad) {
            printf("round %u\n", round);
        }
    }
    EXPECT_EQ("something was in the sets", compared > ROUNDS, 1);
}

/* Without memory: an error, and nothing left behind (the sanitizer looks). */
static void test_no_memory(void)
{
    struct identity_sets s;
    struct world w;
    int rc = -ENOMEM;

    world_init(&w);
    for (long n = 0; rc; n++) {
        allocs_left = n;
        rc = identity_create(&s);
        if (rc == 0) {
            rc = identity_compute(&w.k, &s);
            identity_destroy(&s);
        }
        EXPECT_EQ("out of memory", rc == 0 || rc == -ENOMEM, 1);
    }
    allocs_left = -1;
    world_fini(&w);
}

/* 2^40 frames in three areas: only their number may count. */
static void test_huge(void)
{
    static const struct e820_entry map[] = {
        { 0, UINT64_C(1) << 50, E820_RAM },
        { UINT64_C(1) << 50, UINT64_C(1) << 50, E820_RESERVED },
        { UINT64_C(1) << 51, (UINT64_C(1) << 51) - PAGE_SIZE, E820_RAM },
    };
    struct both none, all;
    struct identity_rules k = { .map = map, .nr = 3, .reserved = true };
    struct identity_sets s;

    both_init(&none);
    both_init(&all);
    EXPECT_EQ("all", rangeset_add(all.set, 0, (UINT64_C(1) << 40) - 1), 0);
    k.never = none.set;
    k.read_only = none.set;
    k.caps = all.set;
    EXPECT_EQ("create", identity_create(&s), 0);
    EXPECT_EQ("compute", identity_compute(&k, &s), 0);
    EXPECT_EQ("all of it", rangeset_contains(s.rw, 0, (UINT64_C(1) << 40) - 2),
              1);
    EXPECT_EQ("no more",
              rangeset_contains(s.rw, (UINT64_C(1) << 40) - 1,
                                (UINT64_C(1) << 40) - 1),
              0);
    EXPECT_EQ("RAM", identity_ram(map, 3, 0, UINT64_MAX >> PAGE_SHIFT, false),
              (UINT64_C(3) << 38) - 1);
    identity_destroy(&s);
    rangeset_destroy(none.set);
    rangeset_destroy(all.set);
}

int main(void)
{
    test_random();
    test_no_memory();
    test_huge();
    return expect_failures();
}
