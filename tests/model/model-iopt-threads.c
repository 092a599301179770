// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1.c
// SOURCES: xen/drivers/passthrough/pt/iopt-amdv1x.c
// SOURCES: xen/drivers/passthrough/pt/iopt-vtdss.c
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c tests/port/panic.c
// CFLAGS: -fno-sanitize=all -fsanitize=thread
// CFLAGS: -include tests/model/iopt-threads/pool.h
// ARGS: 15000
/*
 * Lookups on some threads while others map, unmap, protect, coalesce and reuse
 * tables under a lock; the thread sanitizer watches. Half of the frames never
 * change what they translate to, however their leaves do.
 * model-iopt-threads [requests]: of each writer and format.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/cache.h>
#include <xen/errno.h>
#include <xen/page-pool.h>

#include "xen/drivers/passthrough/pt/iopt.h"

#define READERS 2
#define WRITERS 2
#define FRAMES  (UINT64_C(1) << 18) /* requests stay below */
#define MFN_A   (UINT64_C(1) << 24) /* frames translate to A + dfn */
#define MFN_B   (UINT64_C(2) << 24) /* or, while they move, to B + dfn */

uint64_t pool_words[POOL_PAGES][512] __attribute__((aligned(PAGE_SIZE)));
uint64_t pool_meta[POOL_PAGES][2];

static paddr_t free_page[POOL_PAGES];
static unsigned int nr_free, nr_fresh = 1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct iopt pt;
static struct iopt_gather gather; /* lock */
static unsigned int requests, writers_left;
static uint64_t found[3]; /* at A, at B, nowhere */

/* ---- what the engine is linked with --------------------------------------- */

int pool_page_alloc(paddr_t *pa)
{
    if (nr_free) {
        *pa = free_page[--nr_free];
    } else if (nr_fresh < POOL_PAGES) {
        *pa = (paddr_t)nr_fresh++ << PAGE_SHIFT;
    } else {
        return -ENOMEM;
    }
    return 0;
}

void pool_page_free(paddr_t pa)
{
    uint64_t *const s = pool_page_ptr(pa);

    for (unsigned int i = 0; i < 512; i++) {
        /* A leaf of both formats, to a frame that nothing translates to. */
        atomic_store_relaxed(&s[i], UINT64_C(0x6000ffffffff0083));
    }
    free_page[nr_free++] = pa;
}

void cache_write_back(const void *p, size_t bytes)
{
    (void)p;
    (void)bytes;
}

void cache_line_write_back(const void *p)
{
    (void)p;
}

void cache_fence(void)
{
}

/* ---- threads ---------------------------------------------------------------- */

static uint64_t below(uint64_t *state, uint64_t n)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % n;
}

/* Of each 16 frames the first 8 stay, so no leaf of 2M can be all of one. */
static bool stays(uint64_t dfn)
{
    return (dfn & 15) < 8;
}

static void fail(const char *what, uint64_t dfn, uint64_t mfn, int rc)
{
    printf("FAIL %s: %s: dfn %#llx gives %d, mfn %#llx\n", pt.ops->name, what,
           (unsigned long long)dfn, rc, (unsigned long long)mfn);
    exit(1);
}

static void *reader(void *arg)
{
    uint64_t state = (uintptr_t)arg * 7919 + 1, sum[3] = { 0 };

    while (atomic_load(&writers_left)) {
        const uint64_t dfn = below(&state, FRAMES);
        struct iopt_view v = { .level = 0 };
        const int rc = iopt_lookup(&pt, DFN(dfn), &v);

        if (rc == 0 && v.mfn.n == MFN_A + dfn) {
            sum[0]++;
        } else if (rc == 0 && v.mfn.n == MFN_B + dfn && !stays(dfn)) {
            sum[1]++;
        } else if (rc == -ENOENT && !stays(dfn)) {
            sum[2]++;
        } else {
            fail("lookup", dfn, v.mfn.n, rc);
        }
    }
    for (unsigned int i = 0; i < 3; i++) {
        (void)atomic_add(&found[i], sum[i]);
    }
    return NULL;
}

/* Frames that do not stay: away, elsewhere, or back, a few or in superpages. */
static void request(uint64_t *state)
{
    const unsigned int what = (unsigned int)below(state, 8);
    struct iopt_run r = { .nr = 1 + below(state, 8), .prot = IOPT_RW };
    int rc = 0;

    r.dfn = DFN((below(state, FRAMES / 16) << 4) + 8);
    r.nr = min_of(r.nr, UINT64_C(8));
    r.mfn = MFN(MFN_A + r.dfn.n);
    if (what < 2) {
        rc = iopt_unmap(&pt, &r, &gather);
    } else if (what == 2) {
        r.mfn = MFN(MFN_B + r.dfn.n);
        rc = iopt_replace(&pt, &r, &gather);
    } else if (what < 5) {
        rc = iopt_replace(&pt, &r, &gather);
    } else if (what < 7) {
        /* All of a 2M slot back to A: its table goes, as a rule. */
        r.dfn = DFN(align_down(r.dfn.n, 512));
        r.mfn = MFN(MFN_A + r.dfn.n);
        r.nr = 512;
        rc = iopt_replace(&pt, &r, &gather);
    } else if (below(state, 64) == 0) {
        r.dfn = DFN(align_down(r.dfn.n, 512 * 512));
        r.mfn = MFN(MFN_A + r.dfn.n);
        r.nr = 512 * 512;
        rc = iopt_replace(&pt, &r, &gather);
    }
    if (rc) {
        fail("request", r.dfn.n, r.mfn.n, rc);
    }
    if (below(state, 4) == 0) {
        iopt_gather_release(&pt, &gather);
    }
}

static void *writer(void *arg)
{
    uint64_t state = (uintptr_t)arg * 104729 + 1;

    for (unsigned int n = 0; n < requests; n++) {
        pthread_mutex_lock(&lock);
        request(&state);
        pthread_mutex_unlock(&lock);
    }
    (void)atomic_sub(&writers_left, 1);
    return NULL;
}

static void all(const struct iopt_ops *ops)
{
    const struct iopt_config cfg = {
        .ops = ops,
        .levels = 4,
        .leaf_mask = 7,
        .coherent = true,
        .input_bits = 48,
    };
    const struct iopt_run r = { .mfn = { MFN_A },
                                .nr = FRAMES,
                                .prot = IOPT_RW };
    pthread_t t[READERS + WRITERS];

    nr_free = 0;
    nr_fresh = 1;
    iopt_gather_init(&gather);
    if (iopt_init(&pt, &cfg) || iopt_map(&pt, &r, &gather)) {
        fail("set-up", 0, 0, 0);
    }
    writers_left = WRITERS;
    for (uintptr_t i = 0; i < READERS + WRITERS; i++) {
        pthread_create(&t[i], NULL, i < READERS ? reader : writer,
                       (void *)(i + 1));
    }
    for (unsigned int i = 0; i < READERS + WRITERS; i++) {
        pthread_join(t[i], NULL);
    }
    printf("%s: %llu lookups found A, %llu B, %llu nothing; tables reused %llu "
           "times, %llu shatters, %llu tables replaced\n",
           ops->name, (unsigned long long)found[0],
           (unsigned long long)found[1], (unsigned long long)found[2],
           (unsigned long long)pt.reuses,
           (unsigned long long)pt.counts.shatters,
           (unsigned long long)pt.counts.coalesces_full);
    if (!found[0] || !found[1] || !found[2] || pt.reuses < requests / 20) {
        fail("too little happened", 0, 0, 0);
    }
    iopt_gather_release(&pt, &gather);
    while (iopt_destroy(&pt, 512)) {
    }
}

int main(int argc, char **argv)
{
    requests = argc > 1 ? (unsigned int)atoi(argv[1]) : 40000;
    all(&iopt_amdv1_ops);
    all(&iopt_amdv1x_ops);
    all(&iopt_vtdss_ops);
    return 0;
}
