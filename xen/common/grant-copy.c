/* SPDX-License-Identifier: GPL-2.0 */
/*
 * GNTTABOP_copy: bytes between pages that are the caller's or granted to it.
 * Successive operations on the same page (network backends do that) keep it.
 * No lock is held while bytes are copied; pins and references keep the pages.
 */
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/lib.h>

#include <asm/current.h>
#include <asm/pagetable.h>

#include "grant-priv.h"

/* One side of a copy; kept from one operation to the next. */
struct side {
    bool held;
    bool is_gref;
    domid_t domid;        /* as the guest named it */
    uint64_t name;        /* reference or frame, ditto */
    struct domain *owner; /* with reference */
    struct grant_pin pin;
    enum grant_access access;
};

static void side_release(struct side *s)
{
    if (!s->held) {
        return;
    }
    s->held = false;
    grant_page_put(s->pin.mfn, s->access);
    if (s->is_gref) {
        grant_unpin(s->owner, (uint32_t)s->name, s->access);
    }
    dom_put(s->owner);
}

static int16_t side_acquire(struct side *s, const struct gnttab_copy_ptr *p,
                            bool is_gref)
{
    const uint64_t name = is_gref ? p->u.ref : p->u.gmfn;
    int16_t st = GNTST_okay;

    if (s->held && s->is_gref == is_gref && s->domid == p->domid &&
        s->name == name) {
        return GNTST_okay;
    }
    side_release(s);

    /* Frames that nobody granted must be one's own. */
    if (!is_gref && p->domid != DOMID_SELF) {
        return GNTST_permission_denied;
    }
    s->owner = dom_find_self(p->domid);
    if (!s->owner) {
        return GNTST_bad_domain;
    }
    s->is_gref = is_gref;
    s->domid = p->domid;
    s->name = name;
    if (is_gref) {
        st = grant_pin(s->owner, p->u.ref, current->domain->id, s->access,
                       GRANT_FOR_COPY, &s->pin);
    } else {
        s->pin = (struct grant_pin){ MFN(p->u.gmfn), 0, PAGE_SIZE };
    }
    if (st != GNTST_okay) {
        goto err_put;
    }
    st = grant_page_get(s->pin.mfn, s->owner, s->access);
    if (st == GNTST_okay) {
        s->held = true;
        return GNTST_okay;
    }
    if (is_gref) {
        grant_unpin(s->owner, p->u.ref, s->access);
    }
err_put:
    dom_put(s->owner);
    return st;
}

/* Is the part of the page inside what the grant gives? */
static bool side_covers(const struct side *s, uint16_t offset, uint16_t len)
{
    return offset >= s->pin.start &&
           (uint32_t)offset + len <= (uint32_t)s->pin.start + s->pin.length;
}

static int16_t copy_one(const struct gnttab_copy *op, struct side *src,
                        struct side *dst)
{
    int16_t st;

    if ((uint32_t)op->source.offset + op->len > PAGE_SIZE ||
        (uint32_t)op->dest.offset + op->len > PAGE_SIZE) {
        return GNTST_bad_copy_arg;
    }
    st = side_acquire(src, &op->source, op->flags & GNTCOPY_source_gref);
    if (st != GNTST_okay) {
        return st;
    }
    st = side_acquire(dst, &op->dest, op->flags & GNTCOPY_dest_gref);
    if (st != GNTST_okay) {
        return st;
    }
    if (!side_covers(src, op->source.offset, op->len) ||
        !side_covers(dst, op->dest.offset, op->len)) {
        return GNTST_general_error;
    }
    /* Both may be the same page. */
    memmove((char *)mfn_to_va(dst->pin.mfn) + op->dest.offset,
            (const char *)mfn_to_va(src->pin.mfn) + op->source.offset, op->len);
    return GNTST_okay;
}

int grant_copy_ops(uint64_t gva, uint32_t count, uint32_t *done)
{
    struct side src = { .access = GRANT_READ };
    struct side dst = { .access = GRANT_WRITE };
    int rc = 0;

    for (*done = 0; !rc && *done < count; ++*done) {
        const uint64_t at = gva + *done * sizeof(struct gnttab_copy);
        struct gnttab_copy op;

        if (*done && hypercall_preempt()) {
            break;
        }
        rc = guest_read(&op, at, sizeof(op));
        if (rc) {
            break;
        }
        op.status = copy_one(&op, &src, &dst);
        rc = guest_write(at + offsetof(struct gnttab_copy, status), &op.status,
                         sizeof(op.status));
    }
    side_release(&src);
    side_release(&dst);
    return rc;
}
