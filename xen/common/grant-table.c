/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Grant tables: life cycle, growth, versions, pinning of entries, dispatch.
 * Locks and trust: see grant-priv.h.
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/printk.h>

#include <asm/current.h>
#include <asm/mm-types.h>
#include <asm/pagetable.h>

#include <public/memory.h>

#include "grant-priv.h"

/* --- Growth; all of it with table->lock held ------------------------------ */

/* A zeroed frame of ours that @d may map. NULL: out of memory. */
static void *shared_frame(struct domain *d)
{
    struct page_info *pg = pg_alloc(0, ALLOC_ANY_BITS);
    void *va;

    if (!pg) {
        return NULL;
    }
    va = memset(page_to_va(pg), 0, PAGE_SIZE);
    *m2p_slot(page_to_mfn(pg)) = M2P_INVALID;
    page_share_with(pg, d);
    return va;
}

static int grow_status(struct domain *d, struct grant_table *t,
                       uint32_t nr_frames)
{
    const uint32_t want =
        (uint32_t)div_round_up(nr_frames * V2_PER_FRAME, STATUS_PER_FRAME);

    while (t->nr_status < want) {
        void *va = shared_frame(d);

        if (!va) {
            return -ENOMEM;
        }
        t->status[t->nr_status++] = va;
    }
    return 0;
}

static int grow_active(struct grant_table *t, uint32_t nr_frames)
{
    const uint32_t want =
        (uint32_t)(nr_frames * V1_PER_FRAME / ACTIVE_PER_PAGE);

    for (uint32_t i = 0; i < want; i++) {
        if (!t->active[i]) {
            t->active[i] = xzalloc_array(struct grant_active, ACTIVE_PER_PAGE);
            if (!t->active[i]) {
                return -ENOMEM;
            }
        }
    }
    return 0;
}

/* What was allocated stays on failure: the next try needs it again. */
static int grow(struct domain *d, struct grant_table *t, uint32_t nr_frames)
{
    int rc;

    if (t->dead) {
        return -ESRCH;
    }
    if (nr_frames > t->max_frames) {
        return -EINVAL;
    }
    if (nr_frames <= t->nr_frames) {
        return 0;
    }
    rc = grow_active(t, nr_frames);
    if (!rc && t->version == 2) {
        rc = grow_status(d, t, nr_frames);
    }
    while (!rc && t->nr_frames < nr_frames) {
        void *va = shared_frame(d);

        if (va) {
            t->shared[t->nr_frames++] = va;
        } else {
            rc = -ENOMEM;
        }
    }
    return rc;
}

int grant_resource_size(struct domain *d, uint32_t id, uint32_t *nr)
{
    const struct grant_table *t = d->grants;

    switch (id) {
    case XENMEM_resource_grant_table_id_shared:
        *nr = t->max_frames;
        return 0;
    case XENMEM_resource_grant_table_id_status:
        *nr = (uint32_t)div_round_up(t->max_frames * V2_PER_FRAME,
                                     STATUS_PER_FRAME);
        return 0;
    default:
        return -EINVAL;
    }
}

int grant_resource_frame(struct domain *d, uint32_t id, uint32_t idx,
                         mfn_t *mfn)
{
    struct grant_table *t = d->grants;
    int rc = -EINVAL;

    if (idx >= GRANT_MAX_FRAMES) {
        return -EINVAL;
    }
    spin_lock(&t->lock);
    if (id == XENMEM_resource_grant_table_id_shared) {
        rc = grow(d, t, idx + 1);
        if (!rc) {
            *mfn = va_to_mfn(t->shared[idx]);
        }
    } else if (id == XENMEM_resource_grant_table_id_status && t->version == 2) {
        rc = grow(d, t,
                  (uint32_t)((idx + 1) * (STATUS_PER_FRAME / V2_PER_FRAME)));
        if (rc == -EINVAL && idx < STATUS_MAX_FRAMES) {
            /* The last status frame may serve fewer than its share. */
            rc = grow(d, t, t->max_frames);
        }
        if (!rc && idx >= t->nr_status) {
            rc = -EINVAL;
        }
        if (!rc) {
            *mfn = va_to_mfn(t->status[idx]);
        }
    }
    spin_unlock(&t->lock);
    return rc;
}

/* --- Pinning -------------------------------------------------------------- */

/* Entry head as one word, so that flags and domid are read and set together. */
union head {
    uint32_t word;
    struct {
        uint16_t flags;
        domid_t domid;
    };
};
static_assert(offsetof(grant_entry_v1_t, domid) == 2 &&
                  offsetof(grant_entry_header_t, domid) == 2,
              "guest ABI");

/* May @user do this by what the entry says? */
static bool head_allows(union head h, domid_t user, enum grant_access access)
{
    return (h.flags & GTF_type_mask) == GTF_permit_access && h.domid == user &&
           (access == GRANT_READ || !(h.flags & GTF_readonly));
}

#define MARK_TRIES 5 /* ours: a guest that changes the entry this often loses */

static int16_t mark_v1(grant_entry_v1_t *e, domid_t user,
                       enum grant_access access)
{
    uint32_t *word = (uint32_t *)(void *)e;
    union head h = { .word = read_once(*word) };

    for (unsigned int i = 0; i < MARK_TRIES; i++) {
        union head marked = h;

        if (!head_allows(h, user, access)) {
            return GNTST_general_error;
        }
        marked.flags |= GTF_reading;
        if (access == GRANT_WRITE) {
            marked.flags |= GTF_writing;
        }
        if (atomic_cas(word, &h.word, marked.word)) {
            return GNTST_okay;
        }
    }
    return GNTST_general_error;
}

/*
 * Version 2 keeps the marks apart: mark first, then see whether the entry still
 * grants. The guest revokes first, then looks for marks; one of us sees it.
 */
static int16_t mark_v2(grant_entry_v2_t *e, grant_status_t *status,
                       domid_t user, enum grant_access access,
                       uint16_t *marks_set)
{
    const uint16_t marks =
        access == GRANT_WRITE ? GTF_reading | GTF_writing : GTF_reading;
    const uint32_t *word = (const uint32_t *)(const void *)e;
    union head h = { .word = read_once(*word) };

    if (!head_allows(h, user, access)) {
        return GNTST_general_error;
    }
    *marks_set = marks & ~atomic_or(status, marks);
    h.word = read_once(*word);
    if (!head_allows(h, user, access)) {
        atomic_and(status, (uint16_t) ~*marks_set);
        return GNTST_general_error;
    }
    return GNTST_okay;
}

static void unmark(struct grant_table *t, uint32_t ref, uint16_t marks)
{
    if (marks == 0) {
        return;
    }
    if (t->version == 2) {
        atomic_and(grant_status(t, ref), (uint16_t)~marks);
    } else {
        atomic_and(&grant_v1(t, ref)->flags, (uint16_t)~marks);
    }
}

/* What the entry gives access to. Locks: t->lock; the entry is marked. */
static int16_t read_frame(struct grant_table *t, uint32_t ref,
                          enum grant_use use, struct grant_active *a)
{
    uint16_t flags;
    const grant_entry_v2_t *e;

    a->start = 0;
    a->length = PAGE_SIZE;
    if (t->version == 1) {
        a->mfn = read_once(grant_v1(t, ref)->frame);
        return GNTST_okay;
    }
    e = grant_v2(t, ref);
    flags = read_once(e->hdr.flags);
    if (!(flags & GTF_sub_page)) {
        a->mfn = read_once(e->full_page.frame);
        return GNTST_okay;
    }
    a->mfn = read_once(e->sub_page.frame);
    a->start = read_once(e->sub_page.page_off);
    a->length = read_once(e->sub_page.length);
    /* A part of a page can be copied, not mapped. */
    if (use == GRANT_FOR_MAP || a->start > PAGE_SIZE ||
        a->length > PAGE_SIZE - a->start) {
        return GNTST_general_error;
    }
    return GNTST_okay;
}

/* Locks: t->lock. */
static int16_t pin_locked(struct grant_table *t, uint32_t ref, domid_t user,
                          enum grant_access access, enum grant_use use)
{
    struct grant_active *a;
    struct grant_active fresh;
    uint16_t marks = 0;
    int16_t st = GNTST_okay;

    if (t->dead || ref >= grant_nr_entries(t)) {
        return GNTST_bad_gntref;
    }
    a = grant_active_of(t, ref);
    if (a->readers + a->writers == 0) {
        fresh = (struct grant_active){ .domid = user };
    } else if (a->domid != user || a->readers + a->writers == UINT16_MAX) {
        return GNTST_general_error;
    } else if (use == GRANT_FOR_MAP && a->length != PAGE_SIZE) {
        return GNTST_general_error;
    } else {
        fresh = *a;
    }

    /* Marked already for what is wanted: the guest was told. */
    if (fresh.writers == 0 && (access == GRANT_WRITE || fresh.readers == 0)) {
        if (t->version == 2) {
            st = mark_v2(grant_v2(t, ref), grant_status(t, ref), user, access,
                         &marks);
        } else {
            st = mark_v1(grant_v1(t, ref), user, access);
            marks =
                access == GRANT_WRITE ? GTF_reading | GTF_writing : GTF_reading;
        }
    }
    if (st == GNTST_okay && fresh.readers + fresh.writers == 0) {
        st = read_frame(t, ref, use, &fresh);
        if (st != GNTST_okay) {
            unmark(t, ref, marks);
        }
    }
    if (st != GNTST_okay) {
        return st;
    }
    if (access == GRANT_WRITE) {
        fresh.writers++;
    } else {
        fresh.readers++;
    }
    t->nr_pins++;
    *a = fresh;
    return GNTST_okay;
}

int16_t grant_pin(struct domain *rd, uint32_t ref, domid_t user,
                  enum grant_access access, enum grant_use use,
                  struct grant_pin *out)
{
    struct grant_table *t = rd->grants;
    int16_t st;

    if (!t) {
        return GNTST_bad_domain;
    }
    spin_lock(&t->lock);
    st = pin_locked(t, ref, user, access, use);
    if (st == GNTST_okay) {
        const struct grant_active *a = grant_active_of(t, ref);

        out->mfn = MFN(a->mfn);
        out->start = a->start;
        out->length = a->length;
    }
    spin_unlock(&t->lock);
    return st;
}

void grant_unpin(struct domain *rd, uint32_t ref, enum grant_access access)
{
    struct grant_table *t = rd->grants;
    struct grant_active *a;
    uint16_t marks = 0;

    if (!t) {
        return;
    }
    spin_lock(&t->lock);
    if (!t->dead) {
        a = grant_active_of(t, ref);
        if (access == GRANT_WRITE) {
            a->writers--;
        } else {
            a->readers--;
        }
        t->nr_pins--;
        if (a->writers == 0 && access == GRANT_WRITE) {
            marks |= GTF_writing;
        }
        if (a->readers + a->writers == 0) {
            marks |= GTF_reading;
        }
        unmark(t, ref, marks);
    }
    spin_unlock(&t->lock);
}

int16_t grant_page_get(mfn_t mfn, struct domain *rd, enum grant_access access)
{
    if (!mfn_valid(mfn)) {
        return GNTST_bad_page;
    }
    if (access == GRANT_WRITE) {
        return page_get_and_type(mfn, rd, PGT_WRITABLE) ? GNTST_bad_page
                                                        : GNTST_okay;
    }
    return page_get(mfn_to_page(mfn), rd) ? GNTST_okay : GNTST_bad_page;
}

void grant_page_put(mfn_t mfn, enum grant_access access)
{
    if (access == GRANT_WRITE) {
        page_put_and_type(mfn_to_page(mfn));
    } else {
        page_put(mfn_to_page(mfn));
    }
}

/* --- Operations on a table ------------------------------------------------ */

/* Status instead of errno, as these operations report. */
static int16_t target_get(domid_t id, struct domain **out)
{
    switch (dom_find_target(id, out)) {
    case 0:
        return GNTST_okay;
    case -EPERM:
        return GNTST_permission_denied;
    default:
        return GNTST_bad_domain;
    }
}

static long op_setup_table(uint64_t gva)
{
    struct gnttab_setup_table op;
    struct domain *d;
    int rc = 0;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    op.status = target_get(op.dom, &d);
    if (op.status == GNTST_okay) {
        spin_lock(&d->grants->lock);
        if (grow(d, d->grants, op.nr_frames)) {
            op.status = GNTST_general_error;
        }
        spin_unlock(&d->grants->lock);
        for (uint32_t i = 0; !rc && op.status == GNTST_okay && i < op.nr_frames;
             i++) {
            const xen_pfn_t mfn = va_to_mfn(d->grants->shared[i]).n;

            rc = guest_write_handle(op.frame_list, i, &mfn);
        }
        dom_put(d);
    }
    return rc || guest_write(gva, &op, sizeof(op)) ? -EFAULT : 0;
}

static long op_query_size(uint64_t gva)
{
    struct gnttab_query_size op;
    struct domain *d;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    op.status = target_get(op.dom, &d);
    if (op.status == GNTST_okay) {
        op.nr_frames = read_once(d->grants->nr_frames);
        op.max_nr_frames = d->grants->max_frames;
        dom_put(d);
    }
    return guest_write(gva, &op, sizeof(op)) ? -EFAULT : 0;
}

/* Console and xenstore entries outlive a change. Locks: t->lock. */
static int convert_reserved(struct grant_table *t, unsigned int to)
{
    grant_entry_v1_t old1[GNTTAB_NR_RESERVED_ENTRIES] = { 0 };
    grant_entry_v2_t old2[GNTTAB_NR_RESERVED_ENTRIES] = { 0 };

    if (t->nr_frames == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
        uint16_t flags;

        if (to == 2) {
            const grant_entry_v1_t e =
                *(const volatile grant_entry_v1_t *)grant_v1(t, i);

            flags = e.flags & (GTF_type_mask | GTF_readonly);
            if ((flags & GTF_type_mask) == GTF_permit_access) {
                old2[i].full_page.hdr.flags = flags;
                old2[i].full_page.hdr.domid = e.domid;
                old2[i].full_page.frame = e.frame;
            }
            continue;
        }
        flags = read_once(grant_v2(t, i)->hdr.flags);
        if ((flags & (GTF_type_mask | GTF_sub_page)) == GTF_permit_access) {
            const uint64_t frame = read_once(grant_v2(t, i)->full_page.frame);

            if (frame > UINT32_MAX) {
                return -ERANGE;
            }
            old1[i].flags = flags & (GTF_type_mask | GTF_readonly);
            old1[i].domid = read_once(grant_v2(t, i)->hdr.domid);
            old1[i].frame = (uint32_t)frame;
        }
    }
    for (uint32_t i = 0; i < t->nr_frames; i++) {
        memset(t->shared[i], 0, PAGE_SIZE);
    }
    if (to == 2) {
        memcpy(t->shared[0], old2, sizeof(old2));
    } else {
        memcpy(t->shared[0], old1, sizeof(old1));
    }
    return 0;
}

static long op_set_version(uint64_t gva)
{
    struct domain *d = current->domain;
    struct grant_table *t = d->grants;
    struct gnttab_set_version op;
    long rc = 0;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    spin_lock(&t->lock);
    if (op.version < 1 || op.version > t->max_version) {
        rc = -EINVAL;
    } else if (op.version != t->version) {
        rc = t->nr_pins ? -EBUSY : 0;
        if (!rc && op.version == 2) {
            rc = grow_status(d, t, t->nr_frames);
        }
        if (!rc) {
            rc = convert_reserved(t, op.version);
        }
        if (!rc) {
            for (uint32_t i = 0; i < t->nr_status; i++) {
                memset(t->status[i], 0, PAGE_SIZE);
            }
            t->version = op.version;
        }
    }
    op.version = t->version;
    spin_unlock(&t->lock);
    if (guest_write(gva, &op, sizeof(op))) {
        return -EFAULT;
    }
    return rc;
}

static long op_get_version(uint64_t gva)
{
    struct gnttab_get_version op;
    struct domain *d;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    switch (target_get(op.dom, &d)) {
    case GNTST_okay:
        break;
    case GNTST_permission_denied:
        return -EPERM;
    default:
        return -ESRCH;
    }
    op.version = read_once(d->grants->version);
    dom_put(d);
    return guest_write(gva, &op, sizeof(op)) ? -EFAULT : 0;
}

static long op_get_status_frames(uint64_t gva)
{
    struct gnttab_get_status_frames op;
    struct domain *d;
    int rc = 0;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    op.status = target_get(op.dom, &d);
    if (op.status == GNTST_okay) {
        const struct grant_table *t = d->grants;

        /* Frames are never taken away while the domain lives. */
        if (read_once(t->version) != 2 ||
            op.nr_frames > read_once(t->nr_status)) {
            op.status = GNTST_general_error;
        }
        for (uint32_t i = 0; !rc && op.status == GNTST_okay && i < op.nr_frames;
             i++) {
            const uint64_t mfn = va_to_mfn(t->status[i]).n;

            rc = guest_write_handle(op.frame_list, i, &mfn);
        }
        dom_put(d);
    }
    return rc || guest_write(gva, &op, sizeof(op)) ? -EFAULT : 0;
}

static int16_t swap_locked(struct grant_table *t, uint32_t a, uint32_t b)
{
    const struct grant_active *x;
    const struct grant_active *y;

    if (a >= grant_nr_entries(t) || b >= grant_nr_entries(t)) {
        return GNTST_bad_gntref;
    }
    x = grant_active_of(t, a);
    y = grant_active_of(t, b);
    if (x->readers + x->writers + y->readers + y->writers) {
        return GNTST_eagain;
    }
    if (t->version == 2) {
        const grant_entry_v2_t tmp = *grant_v2(t, a);

        *grant_v2(t, a) = *grant_v2(t, b);
        *grant_v2(t, b) = tmp;
    } else {
        const grant_entry_v1_t tmp = *grant_v1(t, a);

        *grant_v1(t, a) = *grant_v1(t, b);
        *grant_v1(t, b) = tmp;
    }
    return GNTST_okay;
}

static int op_swap(uint64_t gva, uint32_t count, uint32_t *done)
{
    struct grant_table *t = current->domain->grants;

    for (*done = 0; *done < count; ++*done) {
        const uint64_t at = gva + *done * sizeof(struct gnttab_swap_grant_ref);
        struct gnttab_swap_grant_ref op;

        if (*done && hypercall_preempt()) {
            return 0;
        }
        if (guest_read(&op, at, sizeof(op))) {
            return -EFAULT;
        }
        spin_lock(&t->lock);
        op.status = swap_locked(t, op.ref_a, op.ref_b);
        spin_unlock(&t->lock);
        if (guest_write(at, &op, sizeof(op))) {
            return -EFAULT;
        }
    }
    return 0;
}

static void dump(struct domain *d)
{
    struct grant_table *t = d->grants;

    spin_lock(&t->lock);
    log_info("d%u: grants v%u, %u of %u frames, %u handles, %llu in use\n",
             d->id, t->version, t->nr_frames, t->max_frames, t->nr_tracks,
             (unsigned long long)t->nr_pins);
    for (uint32_t i = 0; t->nr_pins && i < grant_nr_entries(t); i++) {
        const struct grant_active *a = grant_active_of(t, i);

        if (a->readers + a->writers) {
            log_info("d%u: ref %u frame %#llx for d%u readers %u writers %u\n",
                     d->id, i, (unsigned long long)a->mfn, a->domid, a->readers,
                     a->writers);
        }
    }
    spin_unlock(&t->lock);
}

static long op_dump_table(uint64_t gva)
{
    struct gnttab_dump_table op;
    struct domain *d;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    /* The log is the control domain's to fill. */
    op.status = is_control_domain(current->domain) ? target_get(op.dom, &d)
                                                   : GNTST_permission_denied;
    if (op.status == GNTST_okay) {
        dump(d);
        dom_put(d);
    }
    return guest_write(gva, &op, sizeof(op)) ? -EFAULT : 0;
}

/* Bytes of an element of each array operation; 0: not one. */
static size_t element_bytes(uint32_t cmd)
{
    switch (cmd) {
    case GNTTABOP_map_grant_ref:
        return sizeof(struct gnttab_map_grant_ref);
    case GNTTABOP_unmap_grant_ref:
        return sizeof(struct gnttab_unmap_grant_ref);
    case GNTTABOP_unmap_and_replace:
        return sizeof(struct gnttab_unmap_and_replace);
    case GNTTABOP_copy:
        return sizeof(struct gnttab_copy);
    case GNTTABOP_swap_grant_ref:
        return sizeof(struct gnttab_swap_grant_ref);
    default:
        return 0;
    }
}

static int array_op(uint32_t cmd, uint64_t gva, uint32_t count, uint32_t *done)
{
    switch (cmd) {
    case GNTTABOP_map_grant_ref:
        return grant_map_ops(gva, count, done);
    case GNTTABOP_unmap_grant_ref:
        return grant_unmap_ops(gva, count, done);
    case GNTTABOP_unmap_and_replace:
        return grant_replace_ops(gva, count, done);
    case GNTTABOP_copy:
        return grant_copy_ops(gva, count, done);
    default:
        return op_swap(gva, count, done);
    }
}

static long single_op(uint32_t cmd, uint64_t gva)
{
    switch (cmd) {
    case GNTTABOP_setup_table:
        return op_setup_table(gva);
    case GNTTABOP_query_size:
        return op_query_size(gva);
    case GNTTABOP_set_version:
        return op_set_version(gva);
    case GNTTABOP_get_version:
        return op_get_version(gva);
    case GNTTABOP_get_status_frames:
        return op_get_status_frames(gva);
    case GNTTABOP_dump_table:
        return op_dump_table(gva);
    case GNTTABOP_transfer:
    case GNTTABOP_cache_flush:
        /* Frames do not change hands, and x86 caches are coherent. */
        log_guest(LOG_DEBUG, "d%u: GNTTABOP %u is not supported\n",
                  current->domain->id, cmd);
        return -EOPNOTSUPP;
    default:
        return -ENOSYS;
    }
}

long do_grant_table_op(struct hypercall_args *args)
{
    const uint32_t cmd = (uint32_t)args->a[0];
    const uint64_t gva = args->a[1];
    const uint32_t count = (uint32_t)args->a[2];
    const size_t bytes = element_bytes(cmd);
    uint32_t done = 0;
    int rc;

    if ((int32_t)count < 0) {
        return -EINVAL;
    }
    if (bytes == 0) {
        return count == 1 ? single_op(cmd, gva) : -EINVAL;
    }
    rc = array_op(cmd, gva, count, &done);
    if (rc || done == count) {
        return rc;
    }
    args->a[1] = gva + done * bytes;
    args->a[2] = count - done;
    return hypercall_continue(__HYPERVISOR_grant_table_op, args);
}

/* --- Life cycle ----------------------------------------------------------- */

int grant_init(struct domain *d)
{
    struct grant_table *t = xzalloc(struct grant_table);

    if (!t) {
        return -ENOMEM;
    }
    t->version = 1;
    t->max_version = 2;
    t->max_frames = GRANT_MAX_FRAMES;
    t->max_tracks = GRANT_MAX_MAPTRACK;
    t->track_free = TRACK_END;
    d->grants = t;
    return 0;
}

int grant_set_limits(struct domain *d, uint32_t max_frames,
                     uint32_t max_maptrack, unsigned int max_version)
{
    struct grant_table *t = d->grants;

    if (max_version > 2) {
        return -EINVAL;
    }
    if (t->nr_frames || t->nr_tracks) {
        return -EBUSY;
    }
    if (max_frames) {
        t->max_frames = min_of(max_frames, (uint32_t)GRANT_MAX_FRAMES);
    }
    if (max_maptrack) {
        t->max_tracks = min_of(max_maptrack, (uint32_t)GRANT_MAX_MAPTRACK);
    }
    if (max_version) {
        t->max_version = max_version;
    }
    return 0;
}

int grant_destroy(struct domain *d)
{
    struct grant_table *t = d->grants;
    int rc;

    if (!t || t->dead) {
        return 0;
    }
    rc = grant_release_all(d);
    if (rc) {
        return rc;
    }
    spin_lock(&t->lock);
    t->dead = true; /* others' unmaps no longer look at entries */
    spin_unlock(&t->lock);

    /* Whoever has mapped a frame holds its own reference. */
    for (uint32_t i = 0; i < t->nr_frames; i++) {
        page_put(mfn_to_page(va_to_mfn(t->shared[i])));
    }
    for (uint32_t i = 0; i < t->nr_status; i++) {
        page_put(mfn_to_page(va_to_mfn(t->status[i])));
    }
    t->nr_frames = 0;
    t->nr_status = 0;
    for (unsigned int i = 0; i < ACTIVE_PAGES; i++) {
        xfree(t->active[i]);
        t->active[i] = NULL;
    }
    for (unsigned int i = 0; i < TRACK_PAGES; i++) {
        xfree(t->track[i]);
        t->track[i] = NULL;
    }
    t->nr_tracks = 0;
    return 0;
}

void grant_free(struct domain *d)
{
    struct grant_table *t = d->grants;

    d->grants = NULL;
    xfree(t);
}
