/* SPDX-License-Identifier: GPL-2.0 */
/* Two engines in turns, where their difference is what is asked for. */
#ifndef TESTS_BENCH_BENCH_TURNS_H
#define TESTS_BENCH_BENCH_TURNS_H

/* Writes lines "counts", "formats", "between": times of many rounds. */
void turns(unsigned int rounds);

/* Writes lines "sizes": leaves with and without AMD's sizes between. */
void sizes(void);

#endif
