/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Foreign frames (grants) that a domain has mapped: its devices reach them as
 * long as it does, read-only unless some mapping is writable. Counted per frame;
 * the state's lock is held across count and mapping, so that they agree.
 */
#include <xen/bug.h>
#include <xen/dom-iommu.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/iommu-gather.h>
#include <xen/iommu.h>
#include <xen/printk.h>

#include "dom-iommu-priv.h"

static struct foreign **bucket(struct dom_iommu *st, uint64_t mfn)
{
    /* Fibonacci hashing: neighbouring frames spread. */
    return &st->foreign[mfn * UINT64_C(0x9e3779b97f4a7c15) >> 58];
}
static_assert(FOREIGN_BUCKETS == 64, "six bits of the product");

static struct foreign *find(struct dom_iommu *st, uint64_t mfn)
{
    struct foreign *f = *bucket(st, mfn);

    while (f && f->mfn != mfn) {
        f = f->next;
    }
    return f;
}

static unsigned int prot_of(uint32_t readers, uint32_t writers)
{
    return writers ? IOMMU_R | IOMMU_W : readers ? IOMMU_R : 0;
}

/* Change the translation of one frame from one permission to another. */
static int retarget(struct dom_iommu *st, uint64_t mfn, unsigned int from,
                    unsigned int to)
{
    struct iommu_gather g;
    int rc = 0, rc2;

    if (from == to) {
        return 0;
    }
    iommu_gather_init(&g);
    if (from == 0) {
        rc = iommu_map(st->space, DFN(mfn), MFN(mfn), 1, to, &g);
    } else if (to == 0) {
        rc = iommu_unmap(st->space, DFN(mfn), 1, &g);
    } else {
        rc = iommu_protect(st->space, DFN(mfn), 1, to, &g);
    }
    rc2 = iommu_flush(st->space, &g);
    return rc ? rc : rc2;
}

/* A domain may map its own grant; its types rule that frame, not its maps. */
static struct dom_iommu *state_for(const struct domain *d, mfn_t mfn)
{
    if (!d->iommu_sync ||
        (mfn_valid(mfn) && mfn_to_page(mfn)->owner == d->id)) {
        return NULL;
    }
    return dom_iommu_state(d);
}

int dom_iommu_map_foreign(struct domain *d, mfn_t mfn, bool writable)
{
    struct dom_iommu *const st = state_for(d, mfn);
    struct foreign *f, *fresh = NULL;
    int rc;

    if (!st) {
        return 0;
    }
    spin_lock(&st->lock);
    f = find(st, mfn.n);
    if (!f) {
        fresh = xzalloc(struct foreign);
        if (!fresh) {
            spin_unlock(&st->lock);
            return -ENOMEM;
        }
        fresh->mfn = mfn.n;
        f = fresh;
    }
    rc = f->readers == UINT32_MAX || f->writers == UINT32_MAX
             ? -ENOSPC
             : retarget(st, mfn.n, prot_of(f->readers, f->writers),
                        prot_of(f->readers + !writable, f->writers + writable));
    if (rc == 0) {
        f->readers += !writable;
        f->writers += writable;
        if (fresh) {
            fresh->next = *bucket(st, mfn.n);
            *bucket(st, mfn.n) = fresh;
            fresh = NULL;
        }
    }
    spin_unlock(&st->lock);
    xfree(fresh);
    return rc;
}

void dom_iommu_unmap_foreign(struct domain *d, mfn_t mfn, bool writable)
{
    struct dom_iommu *const st = state_for(d, mfn);
    struct foreign *f, *gone = NULL;
    uint32_t *count;
    unsigned int from;

    if (!st) {
        return;
    }
    spin_lock(&st->lock);
    f = find(st, mfn.n);
    /* Each of these was counted by a map that succeeded. */
    ASSERT(f);
    count = writable ? &f->writers : &f->readers;
    ASSERT(*count);
    from = prot_of(f->readers, f->writers);
    --*count;
    if (retarget(st, mfn.n, from, prot_of(f->readers, f->writers))) {
        /*
         * Less than asked for is safe where "less" could not be had: a frame
         * that should be read-only is not reachable at all.
         */
        log_err("iommu: d%u: foreign frame %#lx loses its mapping\n", st->id,
                mfn.n);
        BUG_ON(retarget(st, mfn.n, from, 0));
    }
    if (f->readers == 0 && f->writers == 0) {
        struct foreign **p = bucket(st, mfn.n);

        while (*p != f) {
            p = &(*p)->next;
        }
        *p = f->next;
        gone = f;
    }
    spin_unlock(&st->lock);
    xfree(gone);
}

void dom_iommu_foreign_clear(struct dom_iommu *st)
{
    for (unsigned int b = 0; b < FOREIGN_BUCKETS; b++) {
        while (st->foreign[b]) {
            struct foreign *const f = st->foreign[b];

            st->foreign[b] = f->next;
            xfree(f);
        }
    }
}

unsigned int dom_iommu_foreign_prot(struct dom_iommu *st, uint64_t mfn)
{
    const struct foreign *f;
    unsigned int prot;

    spin_lock(&st->lock);
    f = find(st, mfn);
    prot = f ? prot_of(f->readers, f->writers) : 0;
    spin_unlock(&st->lock);
    return prot;
}
