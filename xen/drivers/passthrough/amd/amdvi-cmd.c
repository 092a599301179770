/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command ring. Callers post a batch that ends in a COMPLETION_WAIT, which
 * stores a number into the word of its own slot; they poll that word without a
 * lock. Where the unit's head stands says what was fetched, not what is done,
 * so it only tells how much room there is. cmd_lock guards the ring.
 * Spec: AMD48882 "Commands".
 */
#include <xen/atomic.h>
#include <xen/bug.h>
#include <xen/lib.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/time.h>

#include "amdvi-priv.h"

/* Some units show a head just past the end before they wrap. */
static unsigned int head_slot(const struct amdvi_unit *u)
{
    return (unsigned int)(FIELD_GET(AMDVI_RING_PTR,
                                    amdvi_read(u, AMDVI_CMD_HEAD))) %
           AMDVI_RING_SLOTS;
}

int amdvi_cmd_init(struct amdvi_unit *u)
{
    paddr_t ring, done;
    int rc = pool_block_alloc(0, &ring);

    static_assert(AMDVI_RING_SLOTS * sizeof(struct iommu_entry128) == PAGE_SIZE,
                  "one page");
    static_assert(AMDVI_RING_SLOTS * sizeof(uint64_t) <= PAGE_SIZE, "one page");
    if (rc) {
        return rc;
    }
    rc = pool_block_alloc(0, &done);
    if (rc) {
        pool_block_free(ring, 0);
        return rc;
    }
    u->cmd = pool_page_ptr(ring);
    u->done = pool_page_ptr(done);
    u->done_pa = done;
    u->cmd_tail = 0;
    u->cmd_room = AMDVI_RING_SLOTS - 1;
    u->cmd_seq = 0;
    amdvi_write(u, AMDVI_CMD_BASE,
                ring | FIELD_PREP(AMDVI_RING_LEN, (uint64_t)AMDVI_RING_LG2));
    amdvi_write(u, AMDVI_CMD_HEAD, 0);
    amdvi_write(u, AMDVI_CMD_TAIL, 0);
    return 0;
}

/* A unit that meets a command it does not take stops: our mistake, say which */
static int check_running(struct amdvi_unit *u)
{
    unsigned int at;

    if (amdvi_read(u, AMDVI_STATUS) & AMDVI_S_CMD_RUN) {
        return 0;
    }
    at = head_slot(u);
    log_err("%s: stopped taking commands at slot %u: %#lx %#lx\n", u->name, at,
            u->cmd[at].lo, u->cmd[at].hi);
    return -EIO;
}

/* The ring might be full, so the head is asked for: it is far away. */
static noinline_fn int wait_for_room(struct amdvi_unit *u, unsigned int need)
{
    const uint64_t start_ns = now_ns();

    for (;;) {
        /* Clock first: a CPU held up here must not blame the unit. */
        const bool late = now_ns() - start_ns > AMDVI_FLUSH_TIMEOUT_NS;
        const unsigned int used =
            (u->cmd_tail - head_slot(u)) % AMDVI_RING_SLOTS;

        /* A full ring would look empty, so one slot stays free. */
        u->cmd_room = AMDVI_RING_SLOTS - 1 - used;
        if (u->cmd_room >= need) {
            return 0;
        }
        if (check_running(u)) {
            return -EIO;
        }
        if (late) {
            log_err("%s: command ring stays full, head %u tail %u\n", u->name,
                    head_slot(u), u->cmd_tail);
            return -ETIMEDOUT;
        }
        cpu_relax();
    }
}

static always_inline struct iommu_entry128 *slot_after(
    struct iommu_entry128 *ring, struct iommu_entry128 *c)
{
    c++;
    return unlikely(c == ring + AMDVI_RING_SLOTS) ? ring : c;
}

/*
 * The wait goes into slot @c, behind the batch. @how: AMDVI_WAIT_INT for an
 * interrupt besides the store, or 0. cmd_lock is held. The ticket is a number
 * above a slot; 0: nothing to wait for.
 */
static always_inline uint64_t post_end(struct amdvi_unit *u,
                                       struct iommu_entry128 *c, uint64_t how)
{
    const unsigned int at = (unsigned int)(c - u->cmd);
    const unsigned int tail = (at + 1) % AMDVI_RING_SLOTS;
    const uint64_t seq = ++u->cmd_seq;

    c->lo = FIELD_PREP(AMDVI_OP, AMDVI_OP_WAIT) | AMDVI_WAIT_STORE | how |
            (u->done_pa + at * sizeof(uint64_t));
    c->hi = seq;
    u->cmd_room -= (at - u->cmd_tail) % AMDVI_RING_SLOTS + 1;
    u->cmd_tail = tail;
    /* Tables and commands before the tail that lets the unit look. */
    smp_mb();
    amdvi_write(u, AMDVI_CMD_TAIL, FIELD_PREP(AMDVI_RING_PTR, (uint64_t)tail));
    return seq << AMDVI_RING_LG2 | at;
}

static int post(struct amdvi_unit *u, const struct iommu_entry128 *c,
                unsigned int nr, uint64_t how, uint64_t *ticket)
{
    unsigned long flags;
    int rc;

    ASSERT(nr <= AMDVI_BATCH);
    *ticket = 0;
    if (!u->enabled) {
        return 0;
    }
    flags = spin_lock_irqsave(&u->cmd_lock);
    rc = likely(u->cmd_room > nr) ? 0 : wait_for_room(u, nr + 1);
    if (rc == 0) {
        struct iommu_entry128 *to = &u->cmd[u->cmd_tail];

        for (unsigned int i = 0; i < nr; i++) {
            *to = c[i];
            to = slot_after(u->cmd, to);
        }
        *ticket = post_end(u, to, how);
    }
    spin_unlock_irqrestore(&u->cmd_lock, flags);
    return rc;
}

int amdvi_cmd_post(struct amdvi_unit *u, const struct iommu_entry128 *c,
                   unsigned int nr, uint64_t *ticket)
{
    return post(u, c, nr, 0, ticket);
}

/* The high half of the command that forgets a block, tables apart. */
static noinline_fn uint64_t pages_hi(iommu_block_t b)
{
    const unsigned int order = iommu_block_order(b);
    const uint64_t pa = b & AMDVI_PAGES_ADDR;

    if (order == 0) {
        return pa;
    }
    if (order > AMDVI_MAX_ORDER) {
        return AMDVI_PAGES_S | AMDVI_PAGES_ALL;
    }
    /*
     * The lowest clear address bit is the upper half's: ones below it say how
     * large the block is.
     */
    return AMDVI_PAGES_S | align_down(pa, BIT64(PAGE_SHIFT + order)) |
           ((BIT64(order - 1) - 1) << PAGE_SHIFT);
}

struct iommu_entry128 amdvi_cmd_pages(uint16_t did, uint64_t dfn,
                                      unsigned int order, bool tables)
{
    return (struct iommu_entry128){
        .lo = FIELD_PREP(AMDVI_OP, AMDVI_OP_PAGES) |
              FIELD_PREP(AMDVI_CMD_DID, (uint64_t)did),
        .hi =
            pages_hi(iommu_block(dfn, order)) | (tables ? AMDVI_PAGES_PDE : 0),
    };
}

int amdvi_cmd_post_blocks(struct amdvi_unit *u, const struct iommu_flush_req *f,
                          uint64_t *ticket)
{
    const uint64_t lo = amdvi_cmd_pages(f->did, 0, 0, false).lo;
    unsigned long flags;
    int rc;

    *ticket = 0;
    if (!u->enabled) {
        return 0;
    }
    flags = spin_lock_irqsave(&u->cmd_lock);
    rc = likely(u->cmd_room > f->nr) ? 0 : wait_for_room(u, f->nr + 1u);
    if (rc == 0) {
        const iommu_block_t *const end = &f->block[f->nr];
        const uint64_t pde = f->tables ? AMDVI_PAGES_PDE : 0;
        struct iommu_entry128 *const ring = u->cmd;
        struct iommu_entry128 *c = &ring[u->cmd_tail];

        for (const iommu_block_t *b = f->block; b < end; b++) {
            c->lo = lo;
            c->hi =
                pde | (likely(iommu_block_order(*b) == 0) ? *b : pages_hi(*b));
            c = slot_after(ring, c);
        }
        *ticket = post_end(u, c, 0);
    }
    spin_unlock_irqrestore(&u->cmd_lock, flags);
    return rc;
}

/*
 * A later batch may have used the slot again, so "at least" it is. Pairs with
 * the unit's store after its work is done.
 */
static inline bool is_done(const struct amdvi_unit *u, uint64_t ticket)
{
    const uint64_t seq = ticket >> AMDVI_RING_LG2;

    return seq == 0 || atomic_load(&u->done[ticket % AMDVI_RING_SLOTS]) >= seq;
}

static noinline_fn int wait_for(struct amdvi_unit *u, uint64_t ticket)
{
    const uint64_t start_ns = now_ns();

    for (;;) {
        const bool late = now_ns() - start_ns > AMDVI_FLUSH_TIMEOUT_NS;

        if (is_done(u, ticket)) {
            iommu_count_wait(start_ns);
            return 0;
        }
        if (check_running(u)) {
            return -EIO;
        }
        if (late) {
            log_err("%s: flush %#lx not done, head %u tail %u\n", u->name,
                    ticket >> AMDVI_RING_LG2, head_slot(u), u->cmd_tail);
            return -ETIMEDOUT;
        }
        cpu_relax();
    }
}

int amdvi_cmd_wait(struct amdvi_unit *u, uint64_t ticket)
{
    return likely(is_done(u, ticket)) ? 0 : wait_for(u, ticket);
}

int amdvi_cmd_run(struct amdvi_unit *u, const struct iommu_entry128 *c,
                  unsigned int nr)
{
    uint64_t ticket;
    const int rc = amdvi_cmd_post(u, c, nr, &ticket);

    return rc ? rc : amdvi_cmd_wait(u, ticket);
}

int amdvi_cmd_check_interrupt(struct amdvi_unit *u)
{
    const uint64_t before = atomic_load(&u->nr_wait_int);
    uint64_t ticket, start_ns;
    int rc = post(u, NULL, 0, AMDVI_WAIT_INT, &ticket);

    if (rc == 0) {
        rc = amdvi_cmd_wait(u, ticket);
    }
    start_ns = now_ns();
    /* Pairs with the handler's count; the store may be seen before it. */
    while (rc == 0 && !u->deaf && atomic_load(&u->nr_wait_int) == before) {
        if (now_ns() - start_ns > AMDVI_INT_TIMEOUT_NS) {
            log_warn("%s: its interrupt does not arrive: faults are looked for "
                     "at flushes only\n",
                     u->name);
            u->deaf = true;
        }
        cpu_relax();
    }
    return rc;
}

struct iommu_entry128 amdvi_cmd_devtab(uint16_t devid)
{
    return (struct iommu_entry128){
        .lo = FIELD_PREP(AMDVI_OP, AMDVI_OP_DEVTAB) |
              FIELD_PREP(AMDVI_CMD_DEVID, (uint64_t)devid),
    };
}

struct iommu_entry128 amdvi_cmd_intr(uint16_t devid)
{
    return (struct iommu_entry128){
        .lo = FIELD_PREP(AMDVI_OP, AMDVI_OP_INTR) |
              FIELD_PREP(AMDVI_CMD_DEVID, (uint64_t)devid),
    };
}

int amdvi_cmd_forget_all(struct amdvi_unit *u)
{
    const struct iommu_entry128 all = { .lo = FIELD_PREP(AMDVI_OP,
                                                         AMDVI_OP_ALL) };
    int rc = 0;

    perf_inc(iommu_flushes);
    perf_inc(iommu_flush_global);
    if (u->efr & AMDVI_EFR_IA) {
        return amdvi_cmd_run(u, &all, 1);
    }
    /* One by one: every id, as requester and as owner of translations. */
    for (unsigned int i = 0; i < AMDVI_DEVS && rc == 0; i++) {
        const struct iommu_entry128 c[] = {
            amdvi_cmd_devtab((uint16_t)i),
            amdvi_cmd_intr((uint16_t)i),
            amdvi_cmd_pages((uint16_t)i, 0, AMDVI_MAX_ORDER + 1, true),
        };

        rc = amdvi_cmd_run(u, c, array_size(c));
    }
    return rc;
}
