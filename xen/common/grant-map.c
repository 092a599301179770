/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mapping grants: handles, page-table entries, IOMMU upkeep. A handle holds a
 * reference on the granting domain, a pin on the grant, and a reference on the
 * frame (with type if writable) that outlives the entry until TLBs are flushed.
 * Locks: see grant-priv.h.
 */
#include <xen/bits.h>
#include <xen/dom-iommu.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/mm.h>

#include <asm/current.h>
#include <asm/mm-types.h>
#include <asm/pagetable.h>

#include "grant-priv.h"

/* Ours: unmaps that share one TLB flush, and are done without a pause. */
#define UNMAP_BATCH 32

#define MAP_FLAGS ((uint32_t)(GNTMAP_device_map | GNTMAP_host_map))

static enum grant_access access_of(uint32_t flags)
{
    return flags & GNTMAP_readonly ? GRANT_READ : GRANT_WRITE;
}

/* --- Handles -------------------------------------------------------------- */

/* Locks: t->track_lock; @h is below t->nr_tracks. */
static struct grant_track *track_of(struct grant_table *t, uint32_t h)
{
    return &t->track[h / TRACK_PER_PAGE][h % TRACK_PER_PAGE];
}

/* Locks: t->track_lock. */
static bool tracks_grow(struct grant_table *t)
{
    const uint32_t first = t->nr_tracks;
    struct grant_track *page;

    if (first >= t->max_tracks || first / TRACK_PER_PAGE >= TRACK_PAGES) {
        return false;
    }
    page = xzalloc_array(struct grant_track, TRACK_PER_PAGE);
    if (!page) {
        return false;
    }
    t->track[first / TRACK_PER_PAGE] = page;
    t->nr_tracks += TRACK_PER_PAGE;
    for (uint32_t i = 0; i < TRACK_PER_PAGE; i++) {
        page[i].ref = i + 1 < TRACK_PER_PAGE ? first + i + 1 : TRACK_END;
    }
    t->track_free = first;
    return true;
}

/* Publish a complete handle. Return: false: no room. */
static bool track_add(struct grant_table *t, const struct grant_track *init,
                      uint32_t *h)
{
    bool ok;

    spin_lock(&t->track_lock);
    ok = t->track_free != TRACK_END || tracks_grow(t);
    if (ok) {
        struct grant_track *k = track_of(t, t->track_free);

        *h = t->track_free;
        t->track_free = k->ref;
        *k = *init;
    }
    spin_unlock(&t->track_lock);
    return ok;
}

/* Locks: t->track_lock. */
static void track_free_locked(struct grant_table *t, uint32_t h)
{
    struct grant_track *k = track_of(t, h);

    *k = (struct grant_track){ .ref = t->track_free };
    t->track_free = h;
}

/* Make a handle ours for an operation. Return: false: not one, or in use. */
static bool track_claim(struct grant_table *t, uint32_t h,
                        struct grant_track *copy)
{
    bool ok = false;

    spin_lock(&t->track_lock);
    if (h < t->nr_tracks) {
        struct grant_track *k = track_of(t, h);

        ok = k->granter && !k->busy;
        if (ok) {
            k->busy = true;
            *copy = *k;
        }
    }
    spin_unlock(&t->track_lock);
    return ok;
}

/* Give a claimed handle back with what is left of it. */
static void track_return(struct grant_table *t, uint32_t h, uint16_t flags)
{
    spin_lock(&t->track_lock);
    track_of(t, h)->flags = flags;
    track_of(t, h)->busy = false;
    spin_unlock(&t->track_lock);
}

/* What a handle holds, in the order in which it must go. */
static void track_release(struct domain *d, const struct grant_track *k)
{
    const enum grant_access access = access_of(k->flags);

    if (k->iommu) {
        dom_iommu_unmap_foreign(d, MFN(k->mfn), access == GRANT_WRITE);
    }
    grant_page_put(MFN(k->mfn), access);
    grant_unpin(k->granter, k->ref, access);
    dom_put(k->granter);
}

int grant_release_all(struct domain *d)
{
    struct grant_table *t = d->grants;

    while (t->released < t->nr_tracks) {
        const uint32_t h = t->released++;
        struct grant_track k;

        /* Entries went or go with the domain's page tables. */
        if (track_claim(t, h, &k)) {
            track_release(d, &k);
            spin_lock(&t->track_lock);
            track_free_locked(t, h);
            spin_unlock(&t->track_lock);
        }
        if (h % UNMAP_BATCH == UNMAP_BATCH - 1 && hypercall_preempt()) {
            return -ERESTART;
        }
    }
    return 0;
}

/* --- Map ------------------------------------------------------------------ */

/* Everything but the entry. On success @k is complete and holds its references.
 */
static int16_t map_acquire(struct domain *ld, struct domain *rd, uint32_t ref,
                           uint32_t flags, struct grant_track *k)
{
    const enum grant_access access = access_of(flags);
    struct grant_pin pin;
    int16_t st;

    st = grant_pin(rd, ref, ld->id, access, GRANT_FOR_MAP, &pin);
    if (st != GNTST_okay) {
        return st;
    }
    st = grant_page_get(pin.mfn, rd, access);
    if (st != GNTST_okay) {
        goto err_unpin;
    }
    *k = (struct grant_track){
        .granter = rd,
        .mfn = pin.mfn.n,
        .ref = ref,
        .flags = (uint16_t)(flags & (MAP_FLAGS | GNTMAP_readonly |
                                     GNTMAP_contains_pte)),
    };
    /* One's own frames are mapped by their type. */
    if (rd != ld) {
        if (dom_iommu_map_foreign(ld, pin.mfn, access == GRANT_WRITE)) {
            st = GNTST_no_device_space;
            goto err_page;
        }
        k->iommu = true;
    }
    return GNTST_okay;

err_page:
    grant_page_put(pin.mfn, access);
err_unpin:
    grant_unpin(rd, ref, access);
    return st;
}

static int16_t map_one(struct gnttab_map_grant_ref *op)
{
    struct domain *ld = current->domain;
    struct grant_track k;
    struct domain *rd;
    int16_t st;

    if (!(op->flags & MAP_FLAGS)) {
        return GNTST_bad_gntref;
    }
    rd = dom_find(op->dom);
    if (!rd) {
        return GNTST_bad_domain;
    }
    st = map_acquire(ld, rd, op->ref, op->flags, &k);
    if (st != GNTST_okay) {
        dom_put(rd);
        return st;
    }
    if (op->flags & GNTMAP_host_map) {
        switch (pv_grant_map_pte(op->host_addr, op->flags, MFN(k.mfn), rd)) {
        case 0:
            break;
        case -ENOENT:
            st = GNTST_bad_virt_addr;
            break;
        default:
            st = GNTST_general_error;
            break;
        }
    }
    if (st == GNTST_okay && !track_add(ld->grants, &k, &op->handle)) {
        st = GNTST_no_space;
        if ((op->flags & GNTMAP_host_map) &&
            pv_grant_unmap_pte(op->host_addr, op->flags, MFN(k.mfn))) {
            /* Another vCPU of the guest replaced it already. */
            st = GNTST_no_space;
        }
        /* No TLB holds it unless the guest used it before it had it. */
        const cpumask_t mask = { read_once(ld->dirty.bits) };

        tlb_flush_mask(&mask);
    }
    if (st != GNTST_okay) {
        track_release(ld, &k); /* drops rd as well */
        return st;
    }
    op->dev_bus_addr = mfn_to_pa(MFN(k.mfn));
    return GNTST_okay;
}

int grant_map_ops(uint64_t gva, uint32_t count, uint32_t *done)
{
    for (*done = 0; *done < count; ++*done) {
        const uint64_t at = gva + *done * sizeof(struct gnttab_map_grant_ref);
        struct gnttab_map_grant_ref op;

        if (*done && hypercall_preempt()) {
            return 0;
        }
        if (guest_read(&op, at, sizeof(op))) {
            return -EFAULT;
        }
        op.status = map_one(&op);
        if (guest_write(at, &op, sizeof(op))) {
            return -EFAULT;
        }
    }
    return 0;
}

/* --- Unmap ---------------------------------------------------------------- */

/* Handles without entries, waiting for the flush. */
struct unmap_batch {
    unsigned int nr;
    bool flush;
    struct {
        struct grant_track k;
        uint32_t handle;
    } gone[UNMAP_BATCH];
};

static void batch_finish(struct domain *ld, struct unmap_batch *b)
{
    struct grant_table *t = ld->grants;

    if (b->flush) {
        const cpumask_t mask = { read_once(ld->dirty.bits) };

        tlb_flush_mask(&mask);
        b->flush = false;
    }
    for (unsigned int i = 0; i < b->nr; i++) {
        track_release(ld, &b->gone[i].k);
        spin_lock(&t->track_lock);
        track_free_locked(t, b->gone[i].handle);
        spin_unlock(&t->track_lock);
    }
    b->nr = 0;
}

struct unmap {
    uint64_t host_addr;
    uint64_t dev_bus_addr;
    uint64_t new_addr;
    uint32_t handle;
    bool replace; /* unmap_and_replace */
};

/* The entry goes; k->flags says what kind of address the guest gave and gives.
 */
static int16_t unmap_host(const struct unmap *u, const struct grant_track *k)
{
    int rc;

    if (u->replace) {
        rc = pv_grant_replace_pte(u->host_addr, u->new_addr, MFN(k->mfn));
    } else {
        rc = pv_grant_unmap_pte(u->host_addr, k->flags, MFN(k->mfn));
    }
    return rc == 0         ? GNTST_okay
           : rc == -ENOENT ? GNTST_bad_virt_addr
                           : GNTST_general_error;
}

static int16_t unmap_one(struct domain *ld, const struct unmap *u,
                         struct unmap_batch *b)
{
    struct grant_table *t = ld->grants;
    struct grant_track k;
    uint16_t left;
    int16_t st = GNTST_okay;

    if (!track_claim(t, u->handle, &k)) {
        return GNTST_bad_handle;
    }
    left = k.flags;
    if (u->dev_bus_addr && (left & GNTMAP_device_map)) {
        if (u->dev_bus_addr == mfn_to_pa(MFN(k.mfn))) {
            left &= (uint16_t)~GNTMAP_device_map;
        } else {
            st = GNTST_bad_dev_addr;
        }
    }
    if (st == GNTST_okay && u->host_addr && (left & GNTMAP_host_map)) {
        st = unmap_host(u, &k);
        if (st == GNTST_okay) {
            left &= (uint16_t)~GNTMAP_host_map;
            b->flush = true;
        }
    }
    if (left & MAP_FLAGS) {
        track_return(t, u->handle, left);
        return st;
    }
    /* The handle stays busy until the batch is finished. */
    b->gone[b->nr].k = k;
    b->gone[b->nr].handle = u->handle;
    b->nr++;
    return st;
}

int grant_unmap_ops(uint64_t gva, uint32_t count, uint32_t *done)
{
    struct domain *ld = current->domain;
    struct unmap_batch b = { .nr = 0 };
    int rc = 0;

    for (*done = 0; !rc && *done < count; ++*done) {
        const uint64_t at = gva + *done * sizeof(struct gnttab_unmap_grant_ref);
        struct gnttab_unmap_grant_ref op;
        struct unmap u;

        /* Failed ones count too: they take time, but no place in the batch. */
        if (*done && *done % UNMAP_BATCH == 0) {
            batch_finish(ld, &b);
            if (hypercall_preempt()) {
                break;
            }
        }
        rc = guest_read(&op, at, sizeof(op));
        if (rc) {
            break;
        }
        u = (struct unmap){ .host_addr = op.host_addr,
                            .dev_bus_addr = op.dev_bus_addr,
                            .handle = op.handle };
        op.status = unmap_one(ld, &u, &b);
        rc = guest_write(at, &op, sizeof(op));
    }
    batch_finish(ld, &b);
    return rc;
}

int grant_replace_ops(uint64_t gva, uint32_t count, uint32_t *done)
{
    struct domain *ld = current->domain;
    struct unmap_batch b = { .nr = 0 };
    int rc = 0;

    for (*done = 0; !rc && *done < count; ++*done) {
        const uint64_t at =
            gva + *done * sizeof(struct gnttab_unmap_and_replace);
        struct gnttab_unmap_and_replace op;
        struct unmap u;

        /* Failed ones count too: they take time, but no place in the batch. */
        if (*done && *done % UNMAP_BATCH == 0) {
            batch_finish(ld, &b);
            if (hypercall_preempt()) {
                break;
            }
        }
        rc = guest_read(&op, at, sizeof(op));
        if (rc) {
            break;
        }
        u = (struct unmap){ .host_addr = op.host_addr,
                            .new_addr = op.new_addr,
                            .handle = op.handle,
                            .replace = true };
        op.status = unmap_one(ld, &u, &b);
        rc = guest_write(at, &op, sizeof(op));
    }
    batch_finish(ld, &b);
    return rc;
}
