/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PORT_PERF_COUNTER_H
#define PORT_PERF_COUNTER_H
#include <xen/types.h>
#define PERF_ROW_WORDS 256
extern uint32_t perf_values[PERF_ROW_WORDS];
#define perf_add_index(i, n) (perf_values[i] += (uint32_t)(n))
#endif
