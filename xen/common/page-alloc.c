/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buddy allocator over all RAM. Free blocks are naturally aligned; a block never
 * crosses a power of two of the address, so "zone" (the address's highest bit)
 * sorts blocks by the width a device or guest needs. High zones are used first.
 * heap_lock guards everything here; it is taken with interrupts off.
 */
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/mm.h>

#include <public/xen.h>

#define MAX_ORDER 20
#define NR_ZONES  40 /* zone z: frames with highest bit z */

static spinlock_t heap_lock = SPINLOCK_INIT;
static uint32_t free_head[NR_ZONES][MAX_ORDER + 1]; /* mfn + 1; 0: empty */
static uint32_t free_orders[NR_ZONES]; /* bit o: free_head[z][o] not empty */
static uint64_t free_frames;

static unsigned int zone_of(uint64_t mfn)
{
    return mfn ? fls64(mfn) : 0;
}

static void block_insert(uint64_t mfn, unsigned int order)
{
    struct page_info *pg = mfn_to_page(MFN(mfn));
    const unsigned int z = zone_of(mfn);
    const uint32_t next = free_head[z][order];

    pg->count = PAGE_FREE;
    pg->order = order;
    pg->next = next;
    pg->prev = 0;
    if (next) {
        mfn_to_page(MFN(next - 1))->prev = (uint32_t)mfn + 1;
    }
    free_head[z][order] = (uint32_t)mfn + 1;
    free_orders[z] |= BIT32(order);
}

static void block_remove(uint64_t mfn, unsigned int order)
{
    struct page_info *pg = mfn_to_page(MFN(mfn));
    const unsigned int z = zone_of(mfn);

    if (pg->prev) {
        mfn_to_page(MFN(pg->prev - 1))->next = pg->next;
    } else {
        free_head[z][order] = pg->next;
        if (!pg->next) {
            free_orders[z] &= ~BIT32(order);
        }
    }
    if (pg->next) {
        mfn_to_page(MFN(pg->next - 1))->prev = pg->prev;
    }
    pg->count = 0;
}

struct page_info *pg_alloc(unsigned int order, unsigned int bits)
{
    struct page_info *found = NULL;
    unsigned long flags;

    if (order > MAX_ORDER || bits <= PAGE_SHIFT + order) {
        return NULL;
    }
    flags = spin_lock_irqsave(&heap_lock);
    for (unsigned int z = min_of(bits - PAGE_SHIFT, NR_ZONES + 0u); z-- > 0;) {
        const uint32_t fit = free_orders[z] & (~UINT32_C(0) << order);
        unsigned int o;
        uint64_t mfn;

        if (!fit) {
            continue;
        }
        o = ctz64(fit);
        mfn = free_head[z][o] - 1;
        block_remove(mfn, o);
        while (o > order) {
            o--;
            block_insert(mfn + BIT64(o), o);
        }
        free_frames -= BIT64(order);
        found = mfn_to_page(MFN(mfn));
        break;
    }
    spin_unlock_irqrestore(&heap_lock, flags);
    if (found) {
        found->type = 0;
        found->owner = DOMID_INVALID;
        found->count = 1;
    }
    return found;
}

void pg_free(struct page_info *pg, unsigned int order)
{
    uint64_t mfn = page_to_mfn(pg).n;
    const unsigned long flags = spin_lock_irqsave(&heap_lock);

    free_frames += BIT64(order);
    for (uint64_t i = 0; i < BIT64(order); i++) {
        pg[i].count = 0;
        pg[i].owner = DOMID_INVALID;
        pg[i].type = 0;
    }
    while (order < MAX_ORDER) {
        const uint64_t buddy = mfn ^ BIT64(order);
        const struct page_info *b;

        if (!mfn_valid(MFN(buddy)) || zone_of(buddy) != zone_of(mfn)) {
            break;
        }
        b = mfn_to_page(MFN(buddy));
        if (b->count != PAGE_FREE || b->order != order) {
            break;
        }
        block_remove(buddy, order);
        mfn &= ~BIT64(order);
        order++;
    }
    block_insert(mfn, order);
    spin_unlock_irqrestore(&heap_lock, flags);
}

uint64_t pg_free_total(void)
{
    return read_once(free_frames);
}

void *pg_alloc_zeroed(void)
{
    struct page_info *pg = pg_alloc(0, ALLOC_ANY_BITS);

    return pg ? memset(page_to_va(pg), 0, PAGE_SIZE) : NULL;
}

void pg_free_va(void *va)
{
    pg_free(mfn_to_page(va_to_frame(va)), 0);
}

/* --- xmalloc: one size class a page; larger objects are whole blocks --- */

static const uint16_t class_bytes[] = { 32,  64,  96,  128,  192,
                                        256, 384, 512, 1008, 2032 };
#define NR_CLASSES  array_size(class_bytes)
#define LARGE_BLOCK 0xffff /* page_info.nr_validated of a large object */

static spinlock_t slab_lock = SPINLOCK_INIT;
static uint32_t slab_head[NR_CLASSES]; /* pages with room: mfn + 1; 0: none */

/*
 * A slab page's record: type: address of the first free object (0: none),
 * spare: objects in use, nr_validated: class + 1, next/prev: list of pages with
 * room as mfn + 1.
 */
static void slab_link(struct page_info *pg, unsigned int class)
{
    const uint32_t self = (uint32_t)page_to_mfn(pg).n + 1;

    pg->next = slab_head[class];
    pg->prev = 0;
    if (pg->next) {
        mfn_to_page(MFN(pg->next - 1))->prev = self;
    }
    slab_head[class] = self;
}

static void slab_unlink(struct page_info *pg, unsigned int class)
{
    if (pg->prev) {
        mfn_to_page(MFN(pg->prev - 1))->next = pg->next;
    } else {
        slab_head[class] = pg->next;
    }
    if (pg->next) {
        mfn_to_page(MFN(pg->next - 1))->prev = pg->prev;
    }
}

static struct page_info *slab_grow(unsigned int class)
{
    struct page_info *pg = pg_alloc(0, ALLOC_ANY_BITS);
    const unsigned int size = class_bytes[class];
    char *base;

    if (!pg) {
        return NULL;
    }
    base = page_to_va(pg);
    pg->type = 0;
    for (unsigned int off = 0; off + size <= PAGE_SIZE; off += size) {
        *(uint64_t *)(void *)(base + off) = pg->type;
        pg->type = (uint64_t)(base + off);
    }
    pg->spare = 0;
    pg->nr_validated = (uint16_t)(class + 1);
    slab_link(pg, class);
    return pg;
}

static void *large_alloc(size_t bytes)
{
    unsigned int order = 0;
    struct page_info *pg;

    while ((PAGE_SIZE << order) < bytes) {
        if (++order > MAX_ORDER) {
            return NULL;
        }
    }
    pg = pg_alloc(order, ALLOC_ANY_BITS);
    if (!pg) {
        return NULL;
    }
    pg->nr_validated = LARGE_BLOCK;
    pg->spare = order;
    return memset(page_to_va(pg), 0, PAGE_SIZE << order);
}

void *xzalloc_bytes(size_t bytes)
{
    struct page_info *pg;
    unsigned long flags;
    unsigned int class = 0;
    uint64_t obj;

    while (class < NR_CLASSES && class_bytes[class] < bytes) {
        class ++;
    }
    if (class == NR_CLASSES) {
        return large_alloc(bytes);
    }
    flags = spin_lock_irqsave(&slab_lock);
    pg = slab_head[class] ? mfn_to_page(MFN(slab_head[class] - 1))
                          : slab_grow(class);
    if (!pg) {
        spin_unlock_irqrestore(&slab_lock, flags);
        return NULL;
    }
    obj = pg->type;
    pg->type = *(uint64_t *)obj;
    pg->spare++;
    if (!pg->type) {
        slab_unlink(pg, class);
    }
    spin_unlock_irqrestore(&slab_lock, flags);
    return memset((void *)obj, 0, class_bytes[class]);
}

void xfree(void *p)
{
    struct page_info *pg;
    unsigned long flags;
    unsigned int class;

    if (!p) {
        return;
    }
    pg = mfn_to_page(va_to_frame(p));
    if (pg->nr_validated == LARGE_BLOCK) {
        pg->nr_validated = 0;
        pg_free(pg, pg->spare);
        return;
    }
    class = pg->nr_validated - 1u;
    ASSERT(class < NR_CLASSES);
    flags = spin_lock_irqsave(&slab_lock);
    if (!pg->type) {
        slab_link(pg, class);
    }
    *(uint64_t *)p = pg->type;
    pg->type = (uint64_t)p;
    pg->spare--;
    if (!pg->spare) {
        slab_unlink(pg, class);
        pg->nr_validated = 0;
        pg_free(pg, 0);
    }
    spin_unlock_irqrestore(&slab_lock, flags);
}
