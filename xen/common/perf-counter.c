/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rows of performance counters, their names, and what reads them: the
 * keys p and P, and XEN_SYSCTL_perfc_op. Rows are written without locks by
 * their own CPU; a reset racing with an increment may lose either.
 */
#include <xen/cpumask.h>
#include <xen/init.h>
#include <xen/iommu.h>
#include <xen/keyhandler.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>

static_assert(PERF_NR <= PERF_ROW_WORDS, "a row holds every counter");

uint32_t perf_values[MAX_CPUS][PERF_ROW_WORDS] aligned_to(64);

static const struct perf_desc descs[] = {
#define PERF_COUNTER(name, text)   { text, PERF_##name, 1, false, false },
#define PERF_ARRAY(name, text, nr) { text, PERF_##name, nr, true, false },
#define PERF_LEVEL(name, text, nr) { text, PERF_##name, nr, true, true },
#include <xen/perf-counter-list.h>
#undef PERF_COUNTER
#undef PERF_ARRAY
#undef PERF_LEVEL
};

unsigned int perf_nr_descs(void)
{
    return array_size(descs);
}

const struct perf_desc *perf_desc_at(unsigned int i)
{
    return &descs[i];
}

uint32_t perf_value(unsigned int index, unsigned int cpu)
{
    return read_once(perf_values[cpu][index]);
}

uint32_t perf_sum(unsigned int index)
{
    uint32_t sum = 0;

    for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++) {
        sum += perf_value(index, cpu);
    }
    return sum;
}

void perf_reset(void)
{
    iommu_count_all(); /* or what happened before would come afterwards */
    for (size_t i = 0; i < array_size(descs); i++) {
        const struct perf_desc *const p = &descs[i];

        for (unsigned int cpu = 0; !p->kept && cpu < MAX_CPUS; cpu++) {
            for (unsigned int j = 0; j < p->nr; j++) {
                write_once(perf_values[cpu][p->first + j], 0);
            }
        }
    }
}

static void key_print(unsigned char key)
{
    (void)key;
    iommu_count_all();
    printk("performance counters (sum over CPUs):\n");
    for (unsigned int i = 0; i < array_size(descs); i++) {
        const struct perf_desc *p = &descs[i];
        uint64_t total = 0;

        for (unsigned int j = 0; j < p->nr; j++) {
            total += perf_sum(p->first + j);
        }
        printk("  %-34s %12llu\n", p->name, (unsigned long long)total);
        for (unsigned int j = 0; p->array && j < p->nr; j++) {
            const uint32_t v = perf_sum(p->first + j);

            if (v) {
                printk("    [%2u] %10u\n", j, v);
            }
        }
    }
}

static void key_reset(unsigned char key)
{
    (void)key;
    perf_reset();
    printk("performance counters cleared\n");
}

boot_fn void perf_init(void)
{
    key_register('p', key_print, "print performance counters");
    key_register('P', key_reset, "reset performance counters");
}
