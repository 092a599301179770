/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Named event counters, per CPU, always compiled in. A counter is added by one
 * line in perf-counter-list.h; Debian's xenperf reads them by that string.
 */
#ifndef XEN_PERF_COUNTER_H
#define XEN_PERF_COUNTER_H

#include <port/perf-counter.h>

#include <xen/types.h>

enum perf_counter {
#define PERF_COUNTER(name, text) PERF_##name,
#define PERF_ARRAY(name, text, nr) \
    PERF_##name, PERF_LAST_##name = PERF_##name + (nr)-1,
#define PERF_LEVEL PERF_ARRAY
#include <xen/perf-counter-list.h>
#undef PERF_COUNTER
#undef PERF_ARRAY
#undef PERF_LEVEL
    PERF_NR
};

#define perf_inc(name)             perf_add_index(PERF_##name, 1)
#define perf_add(name, n)          perf_add_index(PERF_##name, n)
#define perf_inc_array(name, i)    perf_add_index(PERF_##name + (i), 1)
#define perf_add_array(name, i, n) perf_add_index(PERF_##name + (i), n)

struct perf_desc {
    const char *name;   /* what tools match by */
    unsigned int first; /* index of its first value */
    unsigned int nr;    /* values: 1, or the elements of an array */
    bool array;         /* delivered per element, not per CPU */
    bool kept;          /* a reset leaves it alone */
};

/**
 * perf_desc_at() - Describe a counter.
 * @i: below perf_nr_descs(). Locks: none. Context: any. Return: never NULL.
 */
const struct perf_desc *perf_desc_at(unsigned int i);

/**
 * perf_nr_descs() - How many counters (single ones and arrays) there are.
 * Locks: none. Context: any. Return: the number.
 */
unsigned int perf_nr_descs(void);

/**
 * perf_value() - One CPU's value.
 * @index: below PERF_NR. @cpu: below MAX_CPUS.
 * Locks: none. Context: any. Return: the count, modulo 2^32.
 */
uint32_t perf_value(unsigned int index, unsigned int cpu);

/**
 * perf_sum() - The sum of a value over all CPUs.
 * @index: below PERF_NR.
 * Locks: none. Context: any. Return: the count, modulo 2^32.
 */
uint32_t perf_sum(unsigned int index);

/** perf_reset() - Zero all that are not kept. Locks: none. Context: any. */
void perf_reset(void);

/** perf_init() - Register the keys p and P. Locks: keys. Context: boot. */
void perf_init(void);

#endif
