/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The invalidation queue. Callers post a batch that ends in a wait descriptor,
 * which writes a number into the status word of its own slot; they poll that
 * word without a lock. qi_lock guards the ring.
 * Spec: VTD "Queued Invalidation Interface".
 */
#include <xen/atomic.h>
#include <xen/bug.h>
#include <xen/lib.h>
#include <xen/page-pool.h>
#include <xen/printk.h>
#include <xen/time.h>

#include "vtd-priv.h"

static unsigned int head_slot(const struct vtd_unit *u)
{
    return (unsigned int)((vtd_read64(u, VTD_IQH) & VTD_IQ_PTR) >> 4) %
           VTD_QI_SLOTS;
}

int vtd_qi_init(struct vtd_unit *u)
{
    paddr_t ring, status;
    int rc = pool_block_alloc(0, &ring);

    if (rc) {
        return rc;
    }
    rc = pool_block_alloc(0, &status);
    if (rc) {
        pool_block_free(ring, 0);
        return rc;
    }
    u->qi = pool_page_ptr(ring);
    u->qi_done = pool_page_ptr(status);
    u->qi_done_pa = status;
    u->qi_tail = 0;
    u->qi_room = VTD_QI_SLOTS - 1;
    u->qi_seq = 0;
    vtd_write64(u, VTD_IQT, 0);
    vtd_write64(u, VTD_IQA, ring);
    return vtd_global_set(u, VTD_G_QIE);
}

/* A descriptor that the unit does not take is our mistake: say which. */
static int check_error(struct vtd_unit *u)
{
    const uint32_t sts =
        vtd_read32(u, VTD_FSTS) & (VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE);
    unsigned int at;

    if (sts == 0) {
        return 0;
    }
    at = head_slot(u);
    log_err("%s: invalidation error %#x at slot %u: %#lx %#lx\n", u->name, sts,
            at, u->qi[at].lo, u->qi[at].hi);
    vtd_write32(u, VTD_FSTS, sts);
    return -EIO;
}

/* The ring might be full, so the head is asked for: it is far away. */
static noinline_fn int wait_for_room(struct vtd_unit *u, unsigned int need)
{
    const uint64_t start_ns = now_ns();

    for (;;) {
        const bool late = now_ns() - start_ns > VTD_FLUSH_TIMEOUT_NS;
        const unsigned int used = (u->qi_tail - head_slot(u)) % VTD_QI_SLOTS;

        /* A full ring would look empty, so one slot stays free. */
        u->qi_room = VTD_QI_SLOTS - 1 - used;
        if (u->qi_room >= need) {
            return 0;
        }
        if (check_error(u)) {
            return -EIO;
        }
        if (late) {
            return -ETIMEDOUT;
        }
        cpu_relax();
    }
}

static always_inline struct iommu_entry128 *slot_after(
    struct iommu_entry128 *ring, struct iommu_entry128 *d)
{
    d++;
    return unlikely(d == ring + VTD_QI_SLOTS) ? ring : d;
}

/* The wait descriptor goes into slot @d, behind the batch. qi_lock is held. */
static always_inline uint64_t post_end(struct vtd_unit *u,
                                       struct iommu_entry128 *d)
{
    const unsigned int at = (unsigned int)(d - u->qi);
    const unsigned int tail = (at + 1) % VTD_QI_SLOTS;
    const uint32_t seq = ++u->qi_seq;

    /* Status write alone: a unit may not take it with an interrupt. */
    d->lo = FIELD_PREP(VTD_QI_TYPE, VTD_QI_WAIT) | VTD_QI_SW |
            FIELD_PREP(VTD_QI_STATUS, (uint64_t)seq);
    d->hi = u->qi_done_pa + at * sizeof(uint32_t);
    u->qi_room -= (at - u->qi_tail) % VTD_QI_SLOTS + 1;
    u->qi_tail = tail;
    /* Tables and descriptors before the tail that lets the unit look. */
    smp_mb();
    vtd_write64(u, VTD_IQT, (uint64_t)tail << 4);
    return (uint64_t)at << 32 | seq;
}

int vtd_qi_post(struct vtd_unit *u, const struct iommu_entry128 *d,
                unsigned int nr, uint64_t *ticket)
{
    const unsigned long flags = spin_lock_irqsave(&u->qi_lock);
    int rc;

    ASSERT(nr <= VTD_QI_BATCH);
    rc = likely(u->qi_room > nr) ? 0 : wait_for_room(u, nr + 1);
    if (rc == 0) {
        struct iommu_entry128 *to = &u->qi[u->qi_tail];

        for (unsigned int i = 0; i < nr; i++) {
            *to = d[i];
            to = slot_after(u->qi, to);
        }
        *ticket = post_end(u, to);
    }
    spin_unlock_irqrestore(&u->qi_lock, flags);
    return rc;
}

int vtd_qi_post_blocks(struct vtd_unit *u, const struct iommu_flush_req *f,
                       uint64_t *ticket)
{
    const uint64_t lo = vtd_qi_iotlb(u, VTD_G_SELECT, f->did).lo;
    const uint64_t hint = f->tables ? 0 : VTD_QI_IH;
    const unsigned long flags = spin_lock_irqsave(&u->qi_lock);
    const int rc =
        likely(u->qi_room > f->nr) ? 0 : wait_for_room(u, f->nr + 1u);

    if (rc == 0) {
        const iommu_block_t *const end = &f->block[f->nr];
        struct iommu_entry128 *const ring = u->qi;
        struct iommu_entry128 *d = &ring[u->qi_tail];

        for (const iommu_block_t *b = f->block; b < end; b++) {
            d->lo = lo;
            d->hi = (*b & VTD_QI_ADDR) |
                    FIELD_PREP(VTD_QI_AM, (uint64_t)iommu_block_order(*b)) |
                    hint;
            d = slot_after(ring, d);
        }
        *ticket = post_end(u, d);
    }
    spin_unlock_irqrestore(&u->qi_lock, flags);
    return rc;
}

/*
 * A later batch may have used the slot again, so "at least" it is. Pairs with
 * the unit's write after its work is done.
 */
static inline bool is_done(const struct vtd_unit *u, uint64_t ticket)
{
    const unsigned int slot = (unsigned int)(ticket >> 32);

    return (int32_t)(atomic_load(&u->qi_done[slot]) - (uint32_t)ticket) >= 0;
}

static noinline_fn int wait_for(struct vtd_unit *u, uint64_t ticket)
{
    const uint64_t start_ns = now_ns();

    for (;;) {
        const bool late = now_ns() - start_ns > VTD_FLUSH_TIMEOUT_NS;

        if (is_done(u, ticket)) {
            iommu_count_wait(start_ns);
            return 0;
        }
        if (check_error(u)) {
            return -EIO;
        }
        if (late) {
            log_err("%s: flush %#x not done, head %u tail %u\n", u->name,
                    (uint32_t)ticket, head_slot(u), u->qi_tail);
            return -ETIMEDOUT;
        }
        cpu_relax();
    }
}

int vtd_qi_wait(struct vtd_unit *u, uint64_t ticket)
{
    return likely(is_done(u, ticket)) ? 0 : wait_for(u, ticket);
}

int vtd_qi_run(struct vtd_unit *u, const struct iommu_entry128 *d,
               unsigned int nr)
{
    uint64_t ticket;
    int rc = vtd_qi_post(u, d, nr, &ticket);

    return rc ? rc : vtd_qi_wait(u, ticket);
}

struct iommu_entry128 vtd_qi_context(uint64_t granularity, uint16_t did,
                                     uint16_t sid)
{
    return (struct iommu_entry128){
        .lo = FIELD_PREP(VTD_QI_TYPE, VTD_QI_CC) |
              FIELD_PREP(VTD_QI_G, granularity) |
              FIELD_PREP(VTD_QI_DID, (uint64_t)did) |
              FIELD_PREP(VTD_QI_CC_SID, (uint64_t)sid),
    };
}

struct iommu_entry128 vtd_qi_iotlb(const struct vtd_unit *u,
                                   uint64_t granularity, uint16_t did)
{
    return (struct iommu_entry128){
        .lo = FIELD_PREP(VTD_QI_TYPE, VTD_QI_IOTLB) |
              FIELD_PREP(VTD_QI_G, granularity) |
              FIELD_PREP(VTD_QI_DID, (uint64_t)did) |
              (u->cap & VTD_CAP_DWD ? VTD_QI_DW : 0) |
              (u->cap & VTD_CAP_DRD ? VTD_QI_DR : 0),
    };
}
