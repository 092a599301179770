/* SPDX-License-Identifier: GPL-2.0 */
/*
 * XENMEM_*: how much memory a domain has, and which frames. Long operations
 * carry on at a start extent in the upper bits of the command. Owns no lock; a
 * domain's list and totals are guarded by its page_lock.
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/dom-iommu.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/grant-resource.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/iommu-gather.h>
#include <xen/lib.h>
#include <xen/memory-map.h>
#include <xen/mm.h>
#include <xen/printk.h>

#include <asm/current.h>
#include <asm/mm-types.h>
#include <asm/pagetable.h>

#include <public/memory.h>

#define CMD_BITS  6 /* ABI: the start extent is above them */
#define CMD_MASK  (BIT64(CMD_BITS) - 1)
#define MAX_START (~UINT64_C(0) >> CMD_BITS)

/* Ours: largest extents, as log2 of frames. Builders use 9, Linux at most 6. */
#define ORDER_MAX_CONTROL 12
#define ORDER_MAX_GUEST   9

static unsigned int order_max(void)
{
    return is_control_domain(current->domain) ? ORDER_MAX_CONTROL
                                              : ORDER_MAX_GUEST;
}

static unsigned int address_bits(unsigned int mem_flags)
{
    const unsigned int bits = XENMEMF_get_address_bits(mem_flags);

    return bits == 0 || bits > ALLOC_ANY_BITS ? ALLOC_ANY_BITS : bits;
}

/* --- Frames come ---------------------------------------------------------- */

/* The run from @first was marked busy: map it, then let others go on. */
static int publish_run(struct domain *d, struct page_info *first, uint64_t nr,
                       struct iommu_gather *g)
{
    int rc = 0;

    if (nr == 0) {
        return 0;
    }
    rc = dom_iommu_map_gather(d, page_to_mfn(first), nr, g);
    for (uint64_t i = 0; i < nr; i++) {
        atomic_store(&first[i].type, rc ? PGT_NONE : PGT_FRESH);
        page_put(&first[i]);
    }
    return rc;
}

/*
 * Fresh frames of a domain become writable, for its devices as well. The guest
 * may have guessed their numbers and use some already: those got their type,
 * and the mapping that goes with it, from page_type_get().
 */
static int publish_extent(struct domain *d, struct page_info *pg,
                          unsigned int order, struct iommu_gather *g)
{
    const uint64_t nr = BIT64(order);
    uint64_t first = 0;
    int rc = 0;
    int rest;

    if (!d->iommu_sync) {
        for (uint64_t i = 0; i < nr; i++) {
            uint64_t none = PGT_NONE;

            atomic_cas(&pg[i].type, &none, PGT_FRESH);
        }
        return 0;
    }
    for (uint64_t i = 0; i < nr; i++) {
        uint64_t none = PGT_NONE;

        if (page_get(&pg[i], d)) {
            if (atomic_cas(&pg[i].type, &none, PGT_BUSY)) {
                continue;
            }
            page_put(&pg[i]);
        }
        rest = publish_run(d, pg + first, i - first, g);
        rc = rest ? rest : rc;
        first = i + 1;
    }
    rest = publish_run(d, pg + first, nr - first, g);
    return rest ? rest : rc;
}

/*
 * Allocate an extent, with types and M2P. @gpfn: M2P_INVALID, or its first
 * frame number. @g: what its mapping owes. Return: 0, -ENOMEM (nothing was
 * allocated).
 */
static int extent_alloc(struct domain *d, unsigned int order, unsigned int bits,
                        uint64_t gpfn, mfn_t *mfn, struct iommu_gather *g)
{
    const uint64_t nr = BIT64(order);
    struct page_info *pg = dom_alloc_pages(d, order, bits);

    if (!pg) {
        return -ENOMEM;
    }
    *mfn = page_to_mfn(pg);
    for (uint64_t i = 0; i < nr; i++) {
        *m2p_slot(mfn_add(*mfn, i)) =
            gpfn == M2P_INVALID ? M2P_INVALID : gpfn + i;
    }
    if (publish_extent(d, pg, order, g)) {
        for (uint64_t i = 0; i < nr; i++) {
            page_put_alloc(&pg[i]);
        }
        return -ENOMEM;
    }
    return 0;
}

/* The end of extent_alloc()s: only units that cache absent entries care. */
static void maps_flush(struct domain *d, struct iommu_gather *g)
{
    if (dom_iommu_flush(d, g)) {
        log_err("d%u: new frames may not be seen by devices\n", d->id);
    }
}

/* --- Frames go ------------------------------------------------------------ */

/* Return: false if the frame is not the domain's to give up. */
static bool frame_release(struct domain *d, mfn_t mfn)
{
    struct page_info *pg;
    bool ok;

    if (!mfn_valid(mfn)) {
        return false;
    }
    pg = mfn_to_page(mfn);
    if (!page_get(pg, d)) {
        return false;
    }
    /* A pinned table would keep the frame, out of everybody's sight. */
    ok = !(read_once(pg->type) & PGT_PINNED) && !(pg->count & PAGE_HYP);
    if (ok) {
        *m2p_slot(mfn) = M2P_INVALID;
        ok = page_put_alloc(pg);
    }
    page_put(pg);
    return ok;
}

/* --- Reservations --------------------------------------------------------- */

struct reservation {
    struct domain *d;
    unsigned int cmd;
    unsigned int order;
    unsigned int bits;
    uint64_t list;          /* guest address of the extents, 0: none */
    uint64_t nr;            /* extents */
    uint64_t ahead;         /* frames from the list's start looked ahead at */
    struct iommu_gather *g; /* of the mappings */
};

/* Goes through the frames of a list of extents. */
struct frame_walk {
    const struct reservation *r;
    uint64_t at; /* frames from the list's start */
    xen_pfn_t extent;
    bool read; /* extent is that of at */
};

static mfn_t next_frame(void *arg)
{
    struct frame_walk *const w = arg;
    const uint64_t per = BIT64(w->r->order);
    const uint64_t in = w->at % per;

    if (in == 0 || !w->read) {
        w->read = true;
        if (guest_read(&w->extent, w->r->list + w->at / per * sizeof(xen_pfn_t),
                       sizeof(w->extent))) {
            w->extent = M2P_INVALID;
        }
    }
    w->at++;
    return MFN(w->extent + in);
}

static_assert(PV_AHEAD_MAX >= 512, "an extent of 2M has one flush");

/*
 * Frame @at of the list is next to be given up. As many as share a flush leave
 * the devices' reach with it.
 */
static void look_ahead(struct reservation *r, uint64_t at)
{
    const uint64_t extents =
        min_of(r->nr - (at >> r->order), (uint64_t)PV_AHEAD_MAX);
    const uint64_t in = at & (BIT64(r->order) - 1);
    struct frame_walk w = { .r = r, .at = at };

    if (at < r->ahead || !r->d->iommu_sync) {
        return;
    }
    r->ahead =
        at + pv_ahead_frames(r->d, next_frame, &w, (extents << r->order) - in);
}

/* One extent. Return: false: stop here. */
static bool one_extent(struct reservation *r, uint64_t i)
{
    const uint64_t gva = r->list + i * sizeof(xen_pfn_t);
    xen_pfn_t n = M2P_INVALID;
    mfn_t mfn;

    if (r->cmd != XENMEM_increase_reservation &&
        guest_read(&n, gva, sizeof(n))) {
        return false;
    }
    if (r->cmd == XENMEM_decrease_reservation) {
        const uint64_t nr = BIT64(r->order);

        for (uint64_t j = 0; j < nr; j++) {
            look_ahead(r, (i << r->order) + j);
            if (n + j < n || !frame_release(r->d, MFN(n + j))) {
                return false;
            }
        }
        return true;
    }
    if (extent_alloc(r->d, r->order, r->bits, n, &mfn, r->g)) {
        return false;
    }
    n = mfn.n;
    return !r->list || !guest_write(gva, &n, sizeof(n));
}

static long reservation_op(struct hypercall_args *args, unsigned int cmd,
                           uint64_t start)
{
    struct xen_memory_reservation op;
    struct iommu_gather g;
    struct reservation r = { .cmd = cmd, .g = &g };
    uint64_t i = start;
    bool again = false;
    int rc;

    if (guest_read(&op, args->a[1], sizeof(op))) {
        return -EFAULT;
    }
    if (op.nr_extents > MAX_START || start >= op.nr_extents ||
        op.extent_order > order_max() ||
        (op.mem_flags & XENMEMF_populate_on_demand)) {
        return (long)start; /* ABI: how many were done, never an error */
    }
    rc = dom_find_target(op.domid, &r.d);
    if (rc) {
        return start ? (long)start : rc;
    }
    r.order = op.extent_order;
    r.bits = address_bits(op.mem_flags);
    r.list = (uint64_t)op.extent_start.p;
    r.nr = op.nr_extents;
    iommu_gather_init(&g);

    while (i < op.nr_extents && one_extent(&r, i)) {
        i++;
        if (i < op.nr_extents && hypercall_preempt()) {
            again = true;
            break;
        }
    }
    pv_batch_end();
    maps_flush(r.d, &g);
    dom_put(r.d);
    if (again) {
        args->a[0] = cmd | i << CMD_BITS;
        return hypercall_continue(__HYPERVISOR_memory_op, args);
    }
    return (long)i;
}

/* --- Exchange ------------------------------------------------------------- */

/*
 * Take a frame away from its domain if nothing but the domain holds it. While
 * stolen its count is 0: page_get() refuses it, so it gains no user.
 */
static bool frame_steal(struct domain *d, mfn_t mfn, struct page_list *stolen)
{
    uint32_t only = PAGE_ALLOCATED | 1;
    struct page_info *pg;

    if (!mfn_valid(mfn)) {
        return false;
    }
    pg = mfn_to_page(mfn);
    /* The reference makes the owner certain; then it must be the second. */
    if (!page_get(pg, d)) {
        return false;
    }
    only++;
    if ((read_once(pg->type) &
         (PGT_COUNT | PGT_PINNED | PGT_PARTIAL | PGT_BUSY)) ||
        !atomic_cas(&pg->count, &only, 0)) {
        page_put(pg);
        return false;
    }
    spin_lock(&d->page_lock);
    page_list_del(&d->pages, pg);
    d->tot_pages--;
    spin_unlock(&d->page_lock);
    page_list_add_tail(stolen, pg);
    return true;
}

/*
 * Give stolen frames back: to stay, or (count without PAGE_ALLOCATED) so that
 * page_put() frees them the usual way, IOMMU and type included.
 */
static void frames_return(struct domain *d, struct page_list *stolen, bool stay)
{
    struct page_info *pg;

    while ((pg = page_list_pop(stolen)) != NULL) {
        spin_lock(&d->page_lock);
        page_list_add_tail(&d->pages, pg);
        d->tot_pages++;
        spin_unlock(&d->page_lock);
        if (stay) {
            atomic_store(&pg->count, PAGE_ALLOCATED | 1);
        } else {
            *m2p_slot(page_to_mfn(pg)) = M2P_INVALID;
            atomic_store(&pg->count, 1);
            page_put(pg);
        }
    }
}

/*
 * Stolen frames, which nobody can use meanwhile, leave the devices' reach with
 * one flush. Whatever fails is done, and judged, when each is freed.
 */
static void frames_unmap(struct domain *d, const struct page_list *stolen)
{
    struct iommu_gather g;
    int rc = 0;

    if (!d->iommu_sync) {
        return;
    }
    iommu_gather_init(&g);
    for (uint32_t at = stolen->first; at != PAGE_LIST_NONE && rc == 0;
         at = mfn_to_page(MFN(at))->next) {
        if (mfn_to_page(MFN(at))->type == PGT_FRESH) {
            rc = dom_iommu_unmap_gather(d, MFN(at), 1, &g);
        }
    }
    if (dom_iommu_flush(d, &g) || rc) {
        return;
    }
    for (uint32_t at = stolen->first; at != PAGE_LIST_NONE;
         at = mfn_to_page(MFN(at))->next) {
        if (mfn_to_page(MFN(at))->type == PGT_FRESH) {
            mfn_to_page(MFN(at))->type = PGT_FRESH | PGT_AHEAD;
        }
    }
}

struct exchange {
    struct domain *d;
    uint64_t in_list;
    uint64_t out_list;
    unsigned int in_order;
    unsigned int out_order;
    unsigned int in_per_chunk;  /* log2 of extents */
    unsigned int out_per_chunk; /* ditto */
    unsigned int bits;
};

static int chunk_steal(const struct exchange *x, uint64_t chunk,
                       struct page_list *stolen)
{
    const uint64_t first = chunk << x->in_per_chunk;

    for (uint64_t i = first; i < first + BIT64(x->in_per_chunk); i++) {
        xen_pfn_t mfn;

        if (guest_read(&mfn, x->in_list + i * sizeof(mfn), sizeof(mfn))) {
            return -EFAULT;
        }
        for (uint64_t j = 0; j < BIT64(x->in_order); j++) {
            if (mfn + j < mfn || !frame_steal(x->d, MFN(mfn + j), stolen)) {
                return -EINVAL;
            }
        }
    }
    return 0;
}

/* Undo chunk_alloc() of @nr extents, whose numbers are in @fresh. */
static void chunk_unalloc(const struct exchange *x, struct page_list *fresh)
{
    uint32_t at = fresh->first;

    while (at != PAGE_LIST_NONE) {
        struct page_info *pg = mfn_to_page(MFN(at));

        at = pg->spare;
        for (uint64_t j = 0; j < BIT64(x->out_order); j++) {
            page_put_alloc(&pg[j]);
        }
    }
}

/*
 * Allocate the new extents of a chunk, chained by `spare` of their first frames:
 * next and prev belong to d->pages already.
 */
static int chunk_alloc(const struct exchange *x, struct page_list *fresh)
{
    struct page_info *last = NULL;
    struct iommu_gather g;
    int rc = 0;

    iommu_gather_init(&g);
    for (uint64_t i = 0; i < BIT64(x->out_per_chunk); i++) {
        struct page_info *pg;
        mfn_t mfn;

        rc = extent_alloc(x->d, x->out_order, x->bits, M2P_INVALID, &mfn, &g);
        if (rc) {
            break;
        }
        pg = mfn_to_page(mfn);
        pg->spare = PAGE_LIST_NONE;
        if (last) {
            last->spare = (uint32_t)mfn.n;
        } else {
            fresh->first = (uint32_t)mfn.n;
        }
        last = pg;
    }
    maps_flush(x->d, &g);
    return rc;
}

/* Number the new frames as the guest asked for and tell it where they are. */
static int chunk_announce(const struct exchange *x, uint64_t chunk,
                          const struct page_list *fresh)
{
    uint64_t i = chunk << x->out_per_chunk;
    int rc = 0;

    for (uint32_t at = fresh->first; at != PAGE_LIST_NONE; i++) {
        const uint64_t gva = x->out_list + i * sizeof(xen_pfn_t);
        const xen_pfn_t mfn = at;
        xen_pfn_t gpfn;

        at = mfn_to_page(MFN(at))->spare;
        mfn_to_page(MFN(mfn))->spare = 0;
        if (rc || guest_read(&gpfn, gva, sizeof(gpfn)) ||
            guest_write(gva, &mfn, sizeof(mfn))) {
            rc = -EFAULT; /* the frames are the guest's, it cannot know */
            continue;
        }
        for (uint64_t j = 0; j < BIT64(x->out_order); j++) {
            *m2p_slot(MFN(mfn + j)) = gpfn + j;
        }
    }
    return rc;
}

/* The out list must be there before anything is given up. */
static int chunk_probe(const struct exchange *x, uint64_t chunk)
{
    const uint64_t first = chunk << x->out_per_chunk;

    for (uint64_t i = first; i < first + BIT64(x->out_per_chunk); i++) {
        const uint64_t gva = x->out_list + i * sizeof(xen_pfn_t);
        xen_pfn_t n;

        if (guest_read(&n, gva, sizeof(n)) || guest_write(gva, &n, sizeof(n))) {
            return -EFAULT;
        }
    }
    return 0;
}

/* All or nothing but for faults of the guest's own making. */
static int chunk_exchange(const struct exchange *x, uint64_t chunk)
{
    struct page_list stolen = PAGE_LIST_INIT;
    struct page_list fresh = PAGE_LIST_INIT;
    int rc = chunk_probe(x, chunk);

    if (!rc) {
        rc = chunk_steal(x, chunk, &stolen);
    }
    if (rc) {
        frames_return(x->d, &stolen, true);
        return rc;
    }
    rc = chunk_alloc(x, &fresh);
    if (rc) {
        chunk_unalloc(x, &fresh);
        frames_return(x->d, &stolen, true);
        return rc;
    }
    frames_unmap(x->d, &stolen);
    frames_return(x->d, &stolen, false);
    return chunk_announce(x, chunk, &fresh);
}

static int exchange_check(const struct xen_memory_exchange *op)
{
    const unsigned int max = order_max();

    if (op->in.domid != op->out.domid ||
        (op->in.domid != DOMID_SELF && op->in.domid != current->domain->id)) {
        return -EPERM; /* frames are named in the caller's memory */
    }
    if (op->in.extent_order > max || op->out.extent_order > max) {
        return -EPERM;
    }
    if (op->in.nr_extents > MAX_START >> op->in.extent_order ||
        op->out.nr_extents > MAX_START >> op->out.extent_order) {
        return -ENOSPC;
    }
    if (op->in.nr_extents << op->in.extent_order !=
            op->out.nr_extents << op->out.extent_order ||
        op->nr_exchanged > op->in.nr_extents) {
        return -EINVAL;
    }
    return 0;
}

static long exchange_op(struct hypercall_args *args)
{
    const uint64_t done_gva =
        args->a[1] + offsetof(struct xen_memory_exchange, nr_exchanged);
    struct xen_memory_exchange op;
    struct exchange x = { .d = current->domain };
    uint64_t chunk;
    uint64_t nr;
    long rc;

    if (guest_read(&op, args->a[1], sizeof(op))) {
        return -EFAULT;
    }
    rc = exchange_check(&op);
    if (rc) {
        return rc;
    }
    x.in_list = (uint64_t)op.in.extent_start.p;
    x.out_list = (uint64_t)op.out.extent_start.p;
    x.in_order = op.in.extent_order;
    x.out_order = op.out.extent_order;
    x.bits = address_bits(op.out.mem_flags);
    if (x.out_order > x.in_order) {
        x.in_per_chunk = x.out_order - x.in_order;
    } else {
        x.out_per_chunk = x.in_order - x.out_order;
    }
    /* Totals are equal, so only whole chunks are left over or missing. */
    if (op.in.nr_extents & (BIT64(x.in_per_chunk) - 1)) {
        return -EINVAL;
    }
    nr = op.in.nr_extents >> x.in_per_chunk;
    for (chunk = op.nr_exchanged >> x.in_per_chunk; chunk < nr; chunk++) {
        rc = chunk_exchange(&x, chunk);
        if (rc) {
            break;
        }
        if (chunk + 1 < nr && hypercall_preempt()) {
            chunk++;
            rc = -ERESTART;
            break;
        }
    }
    op.nr_exchanged = chunk << x.in_per_chunk;
    if (guest_write(done_gva, &op.nr_exchanged, sizeof(op.nr_exchanged))) {
        return -EFAULT;
    }
    return rc == -ERESTART ? hypercall_continue(__HYPERVISOR_memory_op, args)
                           : rc;
}

/* --- Questions ------------------------------------------------------------ */

static long count_op(uint64_t gva, unsigned int cmd)
{
    struct xen_memory_domain op;
    struct domain *d;
    uint64_t v;
    int rc;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    rc = dom_find_target(op.domid, &d);
    if (rc) {
        return rc;
    }
    switch (cmd) {
    case XENMEM_current_reservation:
        v = d->tot_pages;
        break;
    case XENMEM_maximum_reservation:
        /* "No limit" must not look like an error. */
        v = min_of(d->max_pages, (uint64_t)UINT32_MAX);
        break;
    default: /* XENMEM_maximum_gpfn */
        v = d->shared->arch.max_pfn;
        v = v ? v - 1 : 0;
        break;
    }
    dom_put(d);
    return (long)(v & INT64_MAX);
}

/* The frame behind 2 MiB of the M2P; 0 for a hole. */
static uint64_t m2p_frame(uint64_t va)
{
    const uint64_t *table = idle_l4;

    for (unsigned int level = 4; level > 1; level--) {
        const uint64_t e = table[PT_SLOT(va, level)];

        if (!(e & PTE_P)) {
            return 0;
        }
        if (e & PTE_PS) {
            /* A leaf of 1 GiB or 2 MiB; bit 12 of its address is PAT. */
            const uint64_t bytes = BIT64(12 + 9 * (level - 1));

            return ((e & PTE_ADDR & ~(bytes - 1)) | (va & (bytes - 1))) >>
                   PAGE_SHIFT;
        }
        table = mfn_to_va(pte_mfn(e));
    }
    return table[PT_SLOT(va, 1)] & PTE_P ? pte_mfn(table[PT_SLOT(va, 1)]).n : 0;
}

#define M2P_STEP UINT64_C(0x200000) /* ABI: one list entry per 2 MiB */

static long machphys_list_op(uint64_t gva)
{
    const uint64_t bytes = max_mfn * sizeof(uint64_t);
    struct xen_machphys_mfn_list op;
    unsigned int i;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    for (i = 0; i < op.max_extents && i * M2P_STEP < bytes; i++) {
        const xen_pfn_t mfn = m2p_frame(M2P_START + i * M2P_STEP);

        if (guest_write_handle(op.extent_start, i, &mfn)) {
            return -EFAULT;
        }
    }
    op.nr_extents = i;
    return guest_write(gva, &op, sizeof(op)) ? -EFAULT : 0;
}

static long machphys_mapping_op(uint64_t gva)
{
    struct xen_machphys_mapping op = {
        .v_start = M2P_START,
        .v_end = M2P_END,
        .max_mfn = is_control_domain(current->domain)
                       ? max_mfn - 1
                       : (M2P_END - M2P_START) / sizeof(uint64_t) - 1,
    };

    return guest_write(gva, &op, sizeof(op)) ? -EFAULT : 0;
}

/* --- Resources ------------------------------------------------------------ */

static int resource_frames(struct domain *d, uint64_t gva,
                           const struct xen_mem_acquire_resource *op,
                           uint64_t *start)
{
    uint32_t nr_max;
    int rc = grant_resource_size(d, op->id, &nr_max);

    if (rc) {
        return rc;
    }
    if (!op->frame_list.p) {
        if (op->nr_frames) {
            return -EINVAL;
        }
        return guest_write(gva + offsetof(struct xen_mem_acquire_resource,
                                          nr_frames),
                           &nr_max, sizeof(nr_max))
                   ? -EFAULT
                   : 0;
    }
    if (!op->nr_frames || op->frame > nr_max ||
        op->nr_frames > nr_max - op->frame) {
        return -EINVAL;
    }
    for (; *start < op->nr_frames; ++*start) {
        xen_pfn_t frame;
        mfn_t mfn;

        rc = grant_resource_frame(d, op->id, (uint32_t)(op->frame + *start),
                                  &mfn);
        if (rc) {
            return rc;
        }
        frame = mfn.n;
        if (guest_write_handle(op->frame_list, *start, &frame)) {
            return -EFAULT;
        }
        if (*start + 1 < op->nr_frames && hypercall_preempt()) {
            ++*start;
            return -ERESTART;
        }
    }
    return 0;
}

static long acquire_op(struct hypercall_args *args, uint64_t start)
{
    struct xen_mem_acquire_resource op;
    struct domain *d;
    long rc;

    if (guest_read(&op, args->a[1], sizeof(op))) {
        return -EFAULT;
    }
    if (!is_control_domain(current->domain)) {
        return -EPERM;
    }
    if (op.pad != 0) {
        return -EINVAL;
    }
    d = dom_find(op.domid);
    if (!d) {
        return -ESRCH;
    }
    if (op.type != XENMEM_resource_grant_table) {
        rc = -EOPNOTSUPP;
    } else if (d == current->domain) {
        rc = -EPERM;
    } else {
        rc = resource_frames(d, args->a[1], &op, &start);
    }
    dom_put(d);
    if (rc == -ERESTART) {
        args->a[0] = XENMEM_acquire_resource | start << CMD_BITS;
        return hypercall_continue(__HYPERVISOR_memory_op, args);
    }
    return rc;
}

long do_memory_op(struct hypercall_args *args)
{
    const unsigned int cmd = (unsigned int)(args->a[0] & CMD_MASK);
    const uint64_t start = args->a[0] >> CMD_BITS;

    switch (cmd) {
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
    case XENMEM_populate_physmap:
        return reservation_op(args, cmd, start);
    case XENMEM_exchange:
        return exchange_op(args);
    case XENMEM_maximum_ram_page:
        return (long)max_mfn;
    case XENMEM_current_reservation:
    case XENMEM_maximum_reservation:
    case XENMEM_maximum_gpfn:
        return count_op(args->a[1], cmd);
    case XENMEM_machphys_mfn_list:
        return machphys_list_op(args->a[1]);
    case XENMEM_machphys_mapping:
        return machphys_mapping_op(args->a[1]);
    case XENMEM_memory_map:
        return memory_map_op(args->a[1]);
    case XENMEM_set_memory_map:
        return set_memory_map_op(args->a[1]);
    case XENMEM_machine_memory_map:
        return machine_memory_map_op(args->a[1]);
    case XENMEM_get_sharing_freed_pages:
    case XENMEM_get_sharing_shared_pages:
        return 0; /* pages are never shared */
    case XENMEM_acquire_resource:
        return acquire_op(args, start);
    default:
        /*
         * claim_pages: exactly this error tells the builder to do without.
         * get_vnumainfo, reserved_device_memory_map: one node, PV only.
         */
        return -ENOSYS;
    }
}
