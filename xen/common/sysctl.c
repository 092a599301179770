/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sysctl: what tools ask about the machine as a whole. Only for control
 * domains; what is not here answers -ENOSYS. One lock serialises callers.
 */
#include <xen/bits.h>
#include <xen/console.h>
#include <xen/domain.h>
#include <xen/domctl.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/iommu.h>
#include <xen/keyhandler.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/wallclock.h>

#include <asm/current.h>
#include <asm/system.h>

#include <public/sysctl.h>

#define CHUNK 512 /* ours: log bytes copied at a time */

static spinlock_t sysctl_lock = SPINLOCK_INIT;

static long op_readconsole(struct xen_sysctl_readconsole *op)
{
    bool incremental = op->incremental != 0;
    uint32_t done = 0;
    char buf[CHUNK];

    while (done < op->count) {
        const uint32_t want = min_of(op->count - done, (uint32_t)CHUNK);
        const uint32_t got =
            log_read(buf, want, &op->index, incremental, false);

        if (got == 0) {
            break;
        }
        if (guest_write((uint64_t)op->buffer.p + done, buf, got)) {
            return -EFAULT;
        }
        incremental = true; /* go on where this chunk ended */
        done += got;
    }
    if (op->clear) {
        log_read(buf, 0, &op->index, true, true);
    }
    op->count = done;
    return 0;
}

static long op_debug_keys(const struct xen_sysctl_debug_keys *op)
{
    for (uint32_t i = 0; i < op->nr_keys; i++) {
        char c;

        if (guest_read_handle(&c, op->keys, i)) {
            return -EFAULT;
        }
        key_run((unsigned char)c);
    }
    return 0;
}

/* --- Performance counters --------------------------------------------------
 */

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

/* --- The machine -----------------------------------------------------------
 */

/* Feature words in the order tools print them. Spec: SDM vol 2A, CPUID. */
static void fill_hw_cap(uint32_t cap[8])
{
    uint32_t a;
    uint32_t b;
    uint32_t max_basic;
    uint32_t max_ext;

    cpuid(0, 0, &max_basic, &a, &a, &b);
    cpuid(0x80000000, 0, &max_ext, &a, &a, &b);
    cpuid(1, 0, &a, &b, &cap[1], &cap[0]);
    if (max_ext >= 0x80000001) {
        cpuid(0x80000001, 0, &a, &b, &cap[3], &cap[2]);
    }
    if (max_basic >= 0xd) {
        cpuid(0xd, 1, &cap[4], &a, &b, &max_basic);
        cpuid(7, 0, &a, &cap[5], &cap[6], &b);
    }
    if (max_ext >= 0x80000007) {
        cpuid(0x80000007, 0, &a, &b, &max_basic, &cap[7]);
    }
}

static long op_physinfo(struct xen_sysctl_physinfo *op)
{
    memset(op, 0, sizeof(*op));
    /* Topology is not evaluated: every CPU is a core of its own. */
    op->threads_per_core = 1;
    op->nr_cpus = cpumask_weight(&cpu_online);
    op->cores_per_socket = op->nr_cpus;
    op->max_cpu_id = fls64(cpu_online.bits);
    op->nr_nodes = 1;
    op->cpu_khz = (uint32_t)tsc_khz();
    op->capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1 |
                       XEN_SYSCTL_PHYSCAP_gnttab_v2;
    if (iommu_enabled) {
        op->capabilities |= XEN_SYSCTL_PHYSCAP_directio;
    }
    op->total_pages = total_frames;
    op->free_pages = pg_free_total();
    op->max_mfn = max_mfn - 1;
    fill_hw_cap(op->hw_cap);
    return 0;
}

static long op_getdomaininfolist(struct xen_sysctl_getdomaininfolist *op)
{
    int id = (int)op->first_domain - 1;

    op->num_domains = 0;
    while (op->num_domains < op->max_domains) {
        struct xen_domctl_getdomaininfo info;
        struct domain *d = dom_next(id);

        if (!d) {
            break;
        }
        id = d->id;
        domctl_describe(d, &info);
        dom_put(d);
        if (guest_write_handle(op->buffer, op->num_domains, &info)) {
            return -EFAULT;
        }
        op->num_domains++;
    }
    return 0;
}

static long run(struct xen_sysctl *op)
{
    switch (op->cmd) {
    case XEN_SYSCTL_readconsole:
        return op_readconsole(&op->u.readconsole);
    case XEN_SYSCTL_physinfo:
        return op_physinfo(&op->u.physinfo);
    case XEN_SYSCTL_perfc_op:
        return op_perfc(&op->u.perfc_op);
    case XEN_SYSCTL_getdomaininfolist:
        return op_getdomaininfolist(&op->u.getdomaininfolist);
    case XEN_SYSCTL_debug_keys:
        return op_debug_keys(&op->u.debug_keys);
    default:
        return -ENOSYS;
    }
}

long do_sysctl(struct hypercall_args *args)
{
    struct xen_sysctl op;
    long rc;

    if (!is_control_domain(current->domain)) {
        return -EPERM;
    }
    if (guest_read(&op, args->a[0], sizeof(op))) {
        return -EFAULT;
    }
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION) {
        return -EACCES;
    }
    if (op.cmd == XEN_SYSCTL_debug_keys) {
        return run(&op); /* a key may take long, and changes nothing of ours */
    }
    spin_lock(&sysctl_lock);
    rc = run(&op);
    spin_unlock(&sysctl_lock);
    if (rc == -ENOSYS) {
        log_guest(LOG_DEBUG, "d%u: sysctl %u is not implemented\n",
                  current->domain->id, op.cmd);
    }
    if (!rc && guest_write(args->a[0], &op, sizeof(op))) {
        rc = -EFAULT;
    }
    return rc;
}
