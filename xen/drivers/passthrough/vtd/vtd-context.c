/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Root and context tables: what each requester id of a unit reaches. An absent
 * entry reaches nothing. ctx_lock guards a unit's tables; tables are never
 * freed. Spec: VTD "Root Entry", "Context Entry", "Caching of Absent Entries".
 */
#include <xen/atomic.h>
#include <xen/page-pool.h>
#include <xen/perf-counter.h>

#include "vtd-priv.h"

int vtd_root_init(struct vtd_unit *u)
{
    paddr_t pa;
    const int rc = pool_block_alloc(0, &pa);

    if (rc) {
        return rc;
    }
    u->root = pool_page_ptr(pa);
    vtd_publish(u, u->root, PAGE_SIZE);
    return 0;
}

/* Context table of a bus, or NULL. */
static struct iommu_entry128 *bus_table(const struct vtd_unit *u,
                                        unsigned int bus)
{
    const uint64_t lo = atomic_load(&u->root[bus].lo);

    return lo & VTD_ROOT_P ? pool_page_ptr(lo & VTD_ROOT_CTP) : NULL;
}

static int bus_table_make(struct vtd_unit *u, unsigned int bus,
                          struct iommu_entry128 **out)
{
    paddr_t pa;
    int rc;

    *out = bus_table(u, bus);
    if (*out) {
        return 0;
    }
    rc = pool_block_alloc(0, &pa);
    if (rc) {
        return rc;
    }
    *out = pool_page_ptr(pa);
    /* Empty in memory before the unit can find it. */
    vtd_publish(u, *out, PAGE_SIZE);
    (void)iommu_entry_swap(&u->root[bus], pa | VTD_ROOT_P, 0);
    vtd_publish(u, &u->root[bus], sizeof(u->root[bus]));
    return 0;
}

/* Caches may hold the old state of this requester id: which commands end it. */
static int forget(struct vtd_unit *u, uint16_t sid,
                  const struct iommu_entry128 *old)
{
    /* The id the entry had, not the one that someone believes it had. */
    const uint16_t did = (uint16_t)FIELD_GET(VTD_CTX_DID, old->hi);
    struct iommu_entry128 d[2];
    int rc;

    if (old->lo & VTD_CTX_P) {
        d[0] = vtd_qi_context(VTD_G_SELECT, did, sid);
        d[1] = vtd_qi_iotlb(u, VTD_G_DOMAIN, did);
        perf_inc(iommu_flushes);
        perf_inc(iommu_flush_domain);
        return vtd_qi_run(u, d, 2);
    }
    rc = vtd_flush_write_buffer(u);
    if (rc == 0 && (u->cap & VTD_CAP_CM)) {
        d[0] = vtd_qi_context(VTD_G_SELECT, VTD_DID_NONE, sid);
        rc = vtd_qi_run(u, d, 1);
    }
    return rc;
}

int vtd_context_set(struct vtd_unit *u, uint16_t sid, uint64_t lo, uint64_t hi)
{
    const unsigned long flags = spin_lock_irqsave(&u->ctx_lock);
    struct iommu_entry128 *e, old;
    int rc = 0;

    if (!(lo & VTD_CTX_P) && !bus_table(u, sid >> 8)) {
        goto out; /* blocked already */
    }
    rc = bus_table_make(u, sid >> 8, &e);
    if (rc) {
        goto out;
    }
    e += sid & 0xff;
    if (e->lo == lo && e->hi == hi) {
        goto out;
    }
    /* One store: a request in flight sees the old owner or the new one. */
    old = iommu_entry_swap(e, lo, hi);
    vtd_publish(u, e, sizeof(*e));
    /* Under the lock, so that a second change cannot overtake this flush. */
    rc = forget(u, sid, &old);
out:
    spin_unlock_irqrestore(&u->ctx_lock, flags);
    return rc;
}

struct iommu_entry128 vtd_context_get(struct vtd_unit *u, uint16_t sid)
{
    const struct iommu_entry128 *const t = bus_table(u, sid >> 8);

    return t ? t[sid & 0xff] : (struct iommu_entry128){ 0, 0 };
}

paddr_t vtd_space_root(const struct vtd_unit *u, const struct iospace *s)
{
    /* A unit that only walks taller tables enters one storey above. */
    return u->levels > vtd_tree_levels ? s->vendor : s->pt.root_pa;
}
