/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where domains meet their spaces: a domain's RAM follows its page types,
 * foreign frames are counted, and Dom0 gets its identity ranges.
 *
 * A domain's state is found by its id; it is made and taken away with the
 * space. Its lock guards the foreign frames and the settle timer.
 */
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/dom-iommu.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/iommu-gather.h>
#include <xen/iommu.h>
#include <xen/mm.h>
#include <xen/printk.h>
#include <xen/time.h>

#include <asm/mm-types.h>

#include "dom-iommu-priv.h"

#define SETTLE_NS (50 * NS_PER_MS) /* ours: a tree this quiet coalesces */

static struct dom_iommu *states[MAX_DOMAINS];

/* Dom0 while it is being built: its flushes wait for the end. Boot only. */
static struct domain *building;
static struct iommu_gather build_gather = IOMMU_GATHER_INIT;

struct dom_iommu *dom_iommu_state(const struct domain *d)
{
    return d->id < MAX_DOMAINS ? states[d->id] : NULL;
}

/* Coalescing that was put off while the tree was changing. */
static void settle(void *arg)
{
    struct dom_iommu *const st = arg;
    bool more = false;

    if (iommu_settle(st->space, &more)) {
        log_err("iommu: d%u: a flush failed\n", st->id);
    }
    if (more) {
        timer_set(&st->settle, now_ns() + SETTLE_NS);
        return;
    }
    atomic_store(&st->settling, 0);
}

static noinline_fn void settle_soon(struct dom_iommu *st)
{
    if (atomic_xchg(&st->settling, 1) == 0) {
        timer_set(&st->settle, now_ns() + SETTLE_NS);
    }
}

/* The tree changed: have a look at it when it is quiet. */
static inline void changed(const struct domain *d)
{
    struct dom_iommu *const st = dom_iommu_state(d);

    if (st && d != building && !read_once(st->settling)) {
        settle_soon(st);
    }
}

static int state_create(struct domain *d, bool sync)
{
    struct dom_iommu *const st = xzalloc(struct dom_iommu);
    int rc;

    if (!st) {
        return -ENOMEM;
    }
    st->id = d->id;
    rc = identity_create(&st->identity);
    if (rc) {
        xfree(st);
        return rc;
    }
    rc = iospace_create(d->id, &st->space);
    if (rc) {
        identity_destroy(&st->identity);
        xfree(st);
        return rc;
    }
    timer_init(&st->settle, settle, st, 0);
    states[d->id] = st;
    d->iospace = st->space;
    d->iommu_sync = sync;
    return 0;
}

int dom_iommu_init(struct domain *d)
{
    if (!iommu_enabled) {
        return -ENODEV;
    }
    return state_create(d, true);
}

void dom_iommu_destroy(struct domain *d)
{
    struct dom_iommu *const st = dom_iommu_state(d);

    if (!st) {
        return;
    }
    d->iommu_sync = false;
    d->iospace = NULL;
    states[d->id] = NULL;
    timer_kill(&st->settle);
    dom_iommu_foreign_clear(st);
    iospace_destroy(st->space);
    identity_destroy(&st->identity);
    xfree(st);
}

int dom_iommu_map_ram(struct domain *d, mfn_t mfn, uint64_t nr)
{
    struct iommu_gather local;
    struct iommu_gather *g = &build_gather;
    int rc, rc2;

    if (!d->iommu_sync) {
        return 0;
    }
    if (d != building) {
        iommu_gather_init(&local);
        g = &local;
    }
    rc = iommu_map(d->iospace, DFN(mfn.n), mfn, nr, IOMMU_R | IOMMU_W, g);
    if (g == &build_gather) {
        return rc;
    }
    rc2 = iommu_flush(d->iospace, g);
    changed(d);
    return rc ? rc : rc2;
}

int dom_iommu_map_list(struct domain *d, const uint32_t *frame, unsigned int nr,
                       unsigned int *done)
{
    int rc;

    *done = nr;
    if (!d->iommu_sync) {
        return 0;
    }
    rc = iommu_map_list(d->iospace, frame, nr, IOMMU_R | IOMMU_W, done);
    changed(d);
    return rc;
}

int dom_iommu_unmap_list(struct domain *d, const uint32_t *frame,
                         unsigned int nr, enum iommu_cause cause)
{
    int rc;

    if (!d->iommu_sync) {
        return 0;
    }
    rc = iommu_unmap_list(d->iospace, frame, nr, cause);
    changed(d);
    return rc;
}

int dom_iommu_map_gather(struct domain *d, mfn_t mfn, uint64_t nr,
                         struct iommu_gather *g)
{
    return d->iommu_sync ? iommu_map(d->iospace, DFN(mfn.n), mfn, nr,
                                     IOMMU_R | IOMMU_W, g)
                         : 0;
}

int dom_iommu_unmap_gather(struct domain *d, mfn_t mfn, uint64_t nr,
                           struct iommu_gather *g)
{
    return d->iommu_sync ? iommu_unmap(d->iospace, DFN(mfn.n), nr, g) : 0;
}

int dom_iommu_flush(struct domain *d, struct iommu_gather *g)
{
    int rc;

    if (!d->iospace) {
        return 0;
    }
    rc = iommu_flush(d->iospace, g);
    changed(d);
    return rc;
}

int dom_iommu_unmap_ram(struct domain *d, mfn_t mfn, uint64_t nr,
                        enum iommu_cause cause)
{
    struct iommu_gather local;
    struct iommu_gather *g = &build_gather;
    int rc, rc2;

    if (d != building) {
        iommu_gather_init(&local);
        g = &local;
    }
    g->cause = cause;
    rc = dom_iommu_unmap_gather(d, mfn, nr, g);
    if (g == &build_gather) {
        return rc;
    }
    rc2 = dom_iommu_flush(d, g);
    return rc ? rc : rc2;
}

/* ---- Dom0 ---------------------------------------------------------------- */

int dom0_iommu_init(struct domain *d)
{
    int rc;

    dom_iommu_keys();
    if (!iommu_enabled || iommu_opt.dom0_passthrough) {
        log_info("iommu: d%u: %s: devices reach all addresses, %lu bytes of "
                 "RAM among them\n",
                 d->id, iommu_enabled ? "passthrough" : "no IOMMU",
                 total_frames << PAGE_SHIFT);
        return 0;
    }
    rc = state_create(d, iommu_opt.dom0_strict);
    if (rc == 0) {
        building = d;
    }
    return rc;
}

static int attach_one(struct pci_dev *dev, void *arg)
{
    struct domain *const d = arg;
    const int rc = iommu_attach(dev, d->iospace);

    if (rc == -ENODEV) {
        log_warn(SBDF_FMT ": behind no IOMMU: its DMA is not restricted\n",
                 SBDF_ARG(dev->sbdf));
        return 0;
    }
    if (rc) {
        log_err(SBDF_FMT ": cannot be attached, its DMA stays blocked: error "
                         "%d\n",
                SBDF_ARG(dev->sbdf), rc);
    }
    return rc == -ETIMEDOUT || rc == -EIO ? rc : 0;
}

int dom0_iommu_finish(struct domain *d)
{
    struct dom_iommu *const st = dom_iommu_state(d);
    int rc;

    if (iommu_opt.debug) {
        dom_iommu_print_types(d);
    }
    if (!iommu_enabled) {
        return 0;
    }
    iommu_reserved_validate(dom_iommu_is_ram);
    if (st) {
        rc = dom0_map_identity(d, st, &build_gather);
        if (rc) {
            log_err("iommu: d%u: identity ranges: error %d\n", d->id, rc);
            return rc;
        }
    }
    rc = pci_for_each(attach_one, d);
    if (rc) {
        return rc;
    }
    if (st) {
        building = NULL;
        rc = iommu_flush(st->space, &build_gather);
        if (rc) {
            return rc;
        }
    }
    rc = iommu_enable_all();
    if (rc == 0 && st) {
        iommu_print_summary(st->space);
    }
    return rc;
}
