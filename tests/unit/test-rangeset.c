// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/common/rangeset.c
/* Range sets against a bitmap, at both ends of the number line, and out of
 * memory. */
#include <stdlib.h>

#include <xen/errno.h>
#include <xen/mm.h>
#include <xen/rangeset.h>

#include "expect.h"

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

#define SPAN 64

struct walk {
    uint64_t bits;
    uint64_t prev_last;
    unsigned int nr;
    bool sorted;
};

static int note(uint64_t first, uint64_t last, void *arg)
{
    struct walk *w = arg;

    if (w->nr && first <= w->prev_last + 1) {
        w->sorted = false; /* overlapping, touching or out of order */
    }
    for (uint64_t i = first; i <= last && i < SPAN; i++) {
        w->bits |= UINT64_C(1) << i;
    }
    w->prev_last = last;
    w->nr++;
    return 0;
}

static void check(struct rangeset *r, uint64_t model, const char *what)
{
    struct walk w = { .sorted = true };

    EXPECT_EQ(what, rangeset_each(r, note, &w), 0);
    EXPECT_EQ(what, w.bits, model);
    EXPECT_EQ(what, w.sorted, true);
}

static uint64_t mask_of(unsigned int first, unsigned int last)
{
    return (~UINT64_C(0) >> (63 - last)) & (~UINT64_C(0) << first);
}

static void test_model(unsigned int seed)
{
    struct rangeset *r = rangeset_create("model");
    uint64_t model = 0;

    srand(seed);
    for (unsigned int i = 0; i < 20000; i++) {
        unsigned int a = (unsigned int)rand() % SPAN;
        unsigned int b = (unsigned int)rand() % SPAN;
        const unsigned int first = a < b ? a : b;
        const unsigned int last = a < b ? b : a;
        const uint64_t m = mask_of(first, last);
        int rc;

        allocs_left = rand() % 8 ? -1 : 0;
        if (rand() % 2) {
            rc = rangeset_add(r, first, last);
            model |= rc ? 0 : m;
        } else {
            rc = rangeset_remove(r, first, last);
            model &= rc ? ~UINT64_C(0) : ~m;
        }
        EXPECT_EQ("rc", rc, allocs_left == 0 ? -ENOMEM : 0);
        allocs_left = -1;
        check(r, model, "model");
        EXPECT_EQ("contains", rangeset_contains(r, first, last),
                  (model & m) == m);
        EXPECT_EQ("overlaps", rangeset_overlaps(r, first, last),
                  (model & m) != 0);
    }
    rangeset_destroy(r);
}

static void test_edges(void)
{
    struct rangeset *r = rangeset_create("edges");

    EXPECT_EQ("reversed", rangeset_add(r, 2, 1), -EINVAL);
    EXPECT_EQ("reversed", rangeset_remove(r, 2, 1), -EINVAL);
    EXPECT_EQ("no set", rangeset_contains(NULL, 0, 0), false);
    EXPECT_EQ("no set", rangeset_overlaps(NULL, 0, 0), false);
    EXPECT_EQ("all", rangeset_add(r, 0, UINT64_MAX), 0);
    EXPECT_EQ("all", rangeset_contains(r, 0, UINT64_MAX), true);
    EXPECT_EQ("again", rangeset_add(r, UINT64_MAX, UINT64_MAX), 0);
    EXPECT_EQ("cut low", rangeset_remove(r, 0, 0), 0);
    EXPECT_EQ("cut high", rangeset_remove(r, UINT64_MAX, UINT64_MAX), 0);
    EXPECT_EQ("low", rangeset_overlaps(r, 0, 0), false);
    EXPECT_EQ("high", rangeset_overlaps(r, UINT64_MAX, UINT64_MAX), false);
    EXPECT_EQ("rest", rangeset_contains(r, 1, UINT64_MAX - 1), true);
    EXPECT_EQ("empty", rangeset_remove(r, 0, UINT64_MAX), 0);
    EXPECT_EQ("empty", rangeset_overlaps(r, 0, UINT64_MAX), false);
    rangeset_destroy(r);
    rangeset_destroy(NULL);
}

int main(void)
{
    test_edges();
    test_model(1);
    test_model(2);
    return expect_failures();
}
