/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HYPERVISOR_mmu_update: a batch of writes to page-table entries, plain memory
 * or the machine-to-frame table. No lock: entries change by atomic exchange.
 * Spec: <public/xen.h>, mmu_update.
 */
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/perf-counter.h>

#include <asm/current.h>
#include <asm/pagetable.h>

#include "mm-priv.h"

#define REQ_CHUNK 16 /* requests read at once: 256 bytes of stack; ours */

/*
 * The page that updates go to. Neighbouring requests mostly hit the same table,
 * so its references are kept from one to the next.
 */
struct target {
    struct page_info *pg; /* NULL: none; else general and type reference */
    mfn_t mfn;            /* of pg */
    uint64_t type;        /* PGT_L1..PGT_L4, or PGT_WRITABLE */
};

struct batch {
    struct domain *pt_owner; /* whose tables are written */
    struct domain *pg_dom;   /* whose pages are mapped; NULL: I/O only */
    struct target t;
};

/* Owner of frames of ours that tools may read; there is no more to it. */
static struct domain machine = { .id = DOMID_XEN };

int mm_foreign_get(domid_t id, struct domain **out)
{
    struct domain *self = current->domain;

    *out = NULL;
    if (id == DOMID_IO) {
        return 0;
    }
    if (id == DOMID_SELF || id == self->id) {
        *out = self;
        return 0;
    }
    if (!is_control_domain(self)) {
        return -EPERM;
    }
    if (id == DOMID_XEN) {
        *out = &machine;
        return 0;
    }
    *out = dom_find(id);
    return *out ? 0 : -ESRCH;
}

static void target_drop(struct target *t)
{
    if (t->pg) {
        /* The last reference to a table may have become ours meanwhile. */
        mm_put_parked(t->pg);
        t->pg = NULL;
    }
}

static int target_set(struct batch *b, mfn_t mfn)
{
    struct target *t = &b->t;
    struct page_info *pg;
    int rc;

    target_drop(t);
    if (!mfn_valid(mfn)) {
        return -EINVAL;
    }
    pg = mfn_to_page(mfn);
    if (!page_get(pg, b->pt_owner)) {
        return -EINVAL;
    }
    if (!mm_table_ref(pg, &t->type)) {
        rc = page_type_get(pg, PGT_WRITABLE);
        if (rc) {
            page_put(pg);
            return rc;
        }
        t->type = PGT_WRITABLE;
    }
    t->pg = pg;
    t->mfn = mfn;
    return 0;
}

static int update_entry(struct batch *b, uint64_t ptr, uint64_t val,
                        bool preserve_ad)
{
    const mfn_t mfn = pa_to_mfn(ptr);
    const unsigned int idx = (ptr & ~PAGE_MASK) / sizeof(uint64_t);
    uint64_t *slot;
    int rc;

    if (ptr & 4) {
        return -EINVAL;
    }
    if (!b->t.pg || b->t.mfn.n != mfn.n) {
        rc = target_set(b, mfn);
        if (rc) {
            return rc;
        }
    }
    slot = (uint64_t *)mfn_to_va(mfn) + idx;
    switch (b->t.type) {
    case PGT_L1:
        return pv_write_l1(slot, val, b->pt_owner, b->pg_dom, preserve_ad);
    case PGT_WRITABLE:
        perf_inc(writable_mmu_updates);
        atomic_store(slot, val);
        return 0;
    default:
        return mm_write_table(b->t.pg, idx, val, b->pt_owner);
    }
}

static int update_m2p(struct batch *b, uint64_t ptr, uint64_t val)
{
    const mfn_t mfn = pa_to_mfn(ptr);

    if (!b->pg_dom || b->pg_dom == &machine || !mfn_valid(mfn) ||
        !page_get(mfn_to_page(mfn), b->pg_dom)) {
        return -EINVAL;
    }
    *m2p_slot(mfn) = val;
    page_put(mfn_to_page(mfn));
    return 0;
}

static int update_one(struct batch *b, const struct mmu_update *req)
{
    switch (req->ptr & 3) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_NO_TRANSLATE:
        return update_entry(b, req->ptr & ~UINT64_C(3), req->val, false);
    case MMU_PT_UPDATE_PRESERVE_AD:
        return update_entry(b, req->ptr & ~UINT64_C(3), req->val, true);
    default:
        return update_m2p(b, req->ptr, req->val);
    }
}

/* Return: 0 all done, -ERESTART, or the error of request *done. */
static int update_all(struct batch *b, uint64_t reqs_gva, uint32_t count,
                      uint32_t *done)
{
    struct mmu_update req[REQ_CHUNK];
    uint32_t i = 0;
    int rc = 0;

    for (; i < count; i++) {
        const unsigned int in_chunk = i % REQ_CHUNK;

        if (in_chunk == 0) {
            const uint32_t nr = min_of(count - i, (uint32_t)REQ_CHUNK);

            rc = guest_read(req, reqs_gva + i * sizeof(req[0]),
                            nr * sizeof(req[0]));
            if (rc) {
                break;
            }
        }
        if (i && (current->pv.put_pending ||
                  (in_chunk == 0 && hypercall_preempt()))) {
            rc = -ERESTART;
            break;
        }
        rc = update_one(b, &req[in_chunk]);
        if (rc) {
            break;
        }
    }
    *done = i;
    return rc;
}

static int batch_begin(struct batch *b, uint32_t foreigndom)
{
    const domid_t pt_id = (domid_t)(foreigndom >> 16);
    int rc;

    *b = (struct batch){ 0 };
    rc =
        mm_foreign_get(pt_id ? (domid_t)(pt_id - 1) : DOMID_SELF, &b->pt_owner);
    if (rc) {
        return rc;
    }
    if (!b->pt_owner || b->pt_owner->dying) {
        mm_foreign_put(b->pt_owner);
        return -EINVAL;
    }
    rc = mm_foreign_get((domid_t)foreigndom, &b->pg_dom);
    if (rc) {
        mm_foreign_put(b->pt_owner);
    }
    return rc;
}

static void batch_end(struct batch *b)
{
    target_drop(&b->t);
    mm_foreign_put(b->pg_dom);
    mm_foreign_put(b->pt_owner);
}

/* pdone may be NULL; it counts over all tries. */
static int report_done(uint64_t pdone, uint32_t before, uint32_t done)
{
    const uint32_t sum = before + done;

    return pdone ? guest_write(pdone, &sum, sizeof(sum)) : 0;
}

long do_mmu_update(struct hypercall_args *args)
{
    const uint32_t count = (uint32_t)args->a[1] & ~MM_PREEMPTED;
    const bool again = args->a[1] & MM_PREEMPTED;
    const uint64_t pdone = args->a[2];
    uint32_t before = 0;
    uint32_t done = 0;
    struct batch b;
    int rc;

    if (!again) {
        perf_inc(calls_to_mmu_update);
    } else if (pdone) {
        rc = guest_read(&before, pdone, sizeof(before));
        if (rc) {
            return rc;
        }
    }
    rc = mm_finish_parked();
    if (rc) {
        goto out;
    }
    rc = batch_begin(&b, (uint32_t)args->a[3]);
    if (rc) {
        goto out; /* Linux reads the count whatever the result */
    }
    rc = update_all(&b, args->a[0], count, &done);
    batch_end(&b);
    perf_add(num_page_updates, done);
    if (!rc && current->pv.put_pending) {
        rc = -ERESTART;
    }
out:
    if (report_done(pdone, before, done)) {
        return -EFAULT;
    }
    if (rc == -ERESTART) {
        struct hypercall_args next = *args;

        next.a[0] += done * sizeof(struct mmu_update);
        next.a[1] = (count - done) | MM_PREEMPTED;
        return hypercall_continue(__HYPERVISOR_mmu_update, &next);
    }
    return rc;
}
