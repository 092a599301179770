/* SPDX-License-Identifier: GPL-2.0 */
/* sysctl: performance counters, in the order and form xenperf reads. */
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/iommu.h>
#include <xen/perf-counter.h>

#include "ctl-priv.h"

static uint32_t perf_values_of(const struct perf_desc *p)
{
    return p->array ? p->nr : cpumask_weight(&cpu_online);
}

static int perf_write_values(const struct xen_sysctl_perfc_op *op,
                             const struct perf_desc *p, uint32_t *at)
{
    uint32_t v;

    if (p->array) {
        for (unsigned int j = 0; j < p->nr; j++, ++*at) {
            v = perf_sum(p->first + j);
            if (guest_write_handle(op->val, *at, &v)) {
                return -EFAULT;
            }
        }
    } else {
        unsigned int cpu;

        cpumask_for_each(cpu, &cpu_online)
        {
            v = perf_value(p->first, cpu);
            if (guest_write_handle(op->val, *at, &v)) {
                return -EFAULT;
            }
            ++*at;
        }
    }
    return 0;
}

static int perf_write_desc(const struct xen_sysctl_perfc_op *op,
                           const struct perf_desc *p, uint32_t i)
{
    struct xen_sysctl_perfc_desc d = { .nr_vals = perf_values_of(p) };

    for (size_t c = 0; c < sizeof(d.name) - 1 && p->name[c]; c++) {
        d.name[c] = p->name[c];
    }
    return guest_write_handle(op->desc, i, &d);
}

static long op_perfc(struct xen_sysctl_perfc_op *op)
{
    uint32_t at = 0;

    switch (op->cmd) {
    case XEN_SYSCTL_PERFCOP_reset:
        perf_reset();
        break;
    case XEN_SYSCTL_PERFCOP_query:
        iommu_count_all();
        break;
    default:
        return -EINVAL;
    }
    op->nr_counters = perf_nr_descs();
    op->nr_vals = 0;
    for (uint32_t i = 0; i < op->nr_counters; i++) {
        op->nr_vals += perf_values_of(perf_desc_at(i));
    }
    /* Descriptors, then values in the same order; no handle: sizes only. */
    for (uint32_t i = 0; op->desc.p && i < op->nr_counters; i++) {
        if (perf_write_desc(op, perf_desc_at(i), i)) {
            return -EFAULT;
        }
    }
    for (uint32_t i = 0; op->val.p && i < op->nr_counters; i++) {
        if (perf_write_values(op, perf_desc_at(i), &at)) {
            return -EFAULT;
        }
    }
    return 0;
}

long sysctl_perf(struct xen_sysctl *op)
{
    return op->cmd == XEN_SYSCTL_perfc_op ? op_perfc(&op->u.perfc_op) : -ENOSYS;
}
