/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PORT_PERF_COUNTER_H
#define PORT_PERF_COUNTER_H

#include <asm/current.h>

/* One row a CPU; rows are cache-line multiples apart. */
#define PERF_ROW_WORDS 256
extern uint32_t perf_values[MAX_CPUS][PERF_ROW_WORDS];

/* Not atomic: only its own CPU writes a row; an interrupt may lose one count. */
#define perf_add_index(i, n) (perf_values[smp_cpu_id()][i] += (uint32_t)(n))

#endif
