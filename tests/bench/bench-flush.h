/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the generic layer makes of a gather, for the engine's bench: its own
 * code plans and posts; only the units are made up.
 */
#ifndef TESTS_BENCH_BENCH_FLUSH_H
#define TESTS_BENCH_BENCH_FLUSH_H

#include <xen/types.h>

#include "xen/drivers/passthrough/pt/iopt.h"

/* Ours: what a command and the wait for it are charged at. */
#define FLUSH_NS UINT64_C(1000)

struct flush_cost {
    uint64_t commands; /* invalidations for one unit, without the wait */
    uint64_t frames;   /* covered by them */
    bool all;          /* the whole space instead */
};

/* The plan for a gather; it stays as it is. */
struct flush_cost flush_cost_of(const struct iopt_gather *g, bool vtd);

/*
 * Modelled time of one flush of a space that nr units serve, each of which
 * takes FLUSH_NS from the moment it is told.
 */
uint64_t flush_time_ns(unsigned int nr);

#endif
