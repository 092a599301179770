/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory maps as guests see them: the toolstack's for a guest, the machine's
 * for Dom0. d->hypercall_lock guards d->pv.e820, which is one allocation: the
 * head, then its entries.
 */
#include <xen/bits.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/lib.h>
#include <xen/memory-map.h>
#include <xen/mm.h>
#include <xen/rangeset.h>

#include <asm/current.h>
#include <asm/e820.h>

#include <public/memory.h>

#define GUEST_MAP_MAX E820_MAX /* ours: as many as the host may have */

/* Where Linux puts BARs it finds no place for. */
#define LOW_END BIT64(32)

static struct e820_entry *stored(struct xen_memory_map *m)
{
    return (struct e820_entry *)(void *)(m + 1);
}

long memory_map_op(uint64_t gva)
{
    struct domain *d = current->domain;
    struct xen_memory_map op;
    long rc = 0;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    spin_lock(&d->hypercall_lock);
    if (!d->pv.e820) {
        rc = -ENOSYS;
    } else {
        op.nr_entries = min_of(op.nr_entries, d->pv.e820->nr_entries);
        if (guest_write((uint64_t)op.buffer.p, stored(d->pv.e820),
                        op.nr_entries * sizeof(struct e820_entry)) ||
            guest_write(gva, &op, sizeof(op))) {
            rc = -EFAULT;
        }
    }
    spin_unlock(&d->hypercall_lock);
    return rc;
}

long set_memory_map_op(uint64_t gva)
{
    struct xen_foreign_memory_map op;
    struct xen_memory_map *m;
    struct domain *d;

    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    if (!is_control_domain(current->domain)) {
        return -EPERM;
    }
    if (op.map.nr_entries > GUEST_MAP_MAX) {
        return -EINVAL;
    }
    m = xzalloc_bytes(sizeof(*m) +
                      op.map.nr_entries * sizeof(struct e820_entry));
    if (!m) {
        return -ENOMEM;
    }
    m->nr_entries = op.map.nr_entries;
    if (guest_read(stored(m), (uint64_t)op.map.buffer.p,
                   op.map.nr_entries * sizeof(struct e820_entry))) {
        xfree(m);
        return -EFAULT;
    }
    d = dom_find_self(op.domid);
    if (!d) {
        xfree(m);
        return -ESRCH;
    }
    spin_lock(&d->hypercall_lock);
    {
        struct xen_memory_map *old = d->pv.e820;

        d->pv.e820 = m;
        m = old;
    }
    spin_unlock(&d->hypercall_lock);
    xfree(m);
    dom_put(d);
    return 0;
}

/* --- The machine's -------------------------------------------------------- */

#define BUILD_MAX (3 * E820_MAX)

struct build {
    uint64_t next; /* first address not yet known to be allowed or not */
    unsigned int nr;
    bool full;
    struct e820_entry e[BUILD_MAX];
};

static void put_entry(struct build *b, uint64_t addr, uint64_t end,
                      uint32_t type)
{
    if (addr >= end) {
        return;
    }
    if (b->nr == BUILD_MAX) {
        b->full = true;
        return;
    }
    b->e[b->nr].addr = addr;
    b->e[b->nr].size = end - addr;
    b->e[b->nr].type = type;
    b->nr++;
}

/* Reserve what of addr..end the host's own map leaves open. */
static void put_filler(struct build *b, uint64_t addr, uint64_t end)
{
    unsigned int nr;
    const struct e820_entry *host = e820_host(&nr);

    for (unsigned int i = 0; i < nr && addr < end; i++) {
        const uint64_t h_end = host[i].addr + host[i].size;

        if (h_end <= addr) {
            continue;
        }
        if (host[i].addr >= end) {
            break;
        }
        /* Part of a frame that RAM ends in is not for BARs either. */
        put_entry(b, addr, host[i].addr, E820_RESERVED);
        addr = h_end;
    }
    put_entry(b, addr, end, E820_RESERVED);
}

/* The caller may use these frames: what lies between them is filler. */
static int note_allowed(uint64_t first, uint64_t last, void *arg)
{
    struct build *b = arg;
    const uint64_t addr = min_of(first, LOW_END >> PAGE_SHIFT) << PAGE_SHIFT;

    put_filler(b, b->next, addr);
    b->next =
        last >= LOW_END >> PAGE_SHIFT ? LOW_END : (last + 1) << PAGE_SHIFT;
    return b->next >= LOW_END;
}

/* Insertion sort: the list is nearly sorted runs, and short. */
static void sort_and_merge(struct build *b)
{
    unsigned int out = 0;

    for (unsigned int i = 1; i < b->nr; i++) {
        const struct e820_entry e = b->e[i];
        unsigned int j = i;

        for (; j > 0 && b->e[j - 1].addr > e.addr; j--) {
            b->e[j] = b->e[j - 1];
        }
        b->e[j] = e;
    }
    for (unsigned int i = 1; i < b->nr; i++) {
        struct e820_entry *last = &b->e[out];

        if (b->e[i].type == last->type &&
            b->e[i].addr == last->addr + last->size) {
            last->size += b->e[i].size;
        } else {
            b->e[++out] = b->e[i];
        }
    }
    b->nr = b->nr ? out + 1 : 0;
}

static void build_machine_map(struct build *b, struct domain *d)
{
    unsigned int nr;
    const struct e820_entry *host = e820_host(&nr);

    for (unsigned int i = 0; i < nr; i++) {
        put_entry(b, host[i].addr, host[i].addr + host[i].size, host[i].type);
    }
    if (!rangeset_each(d->iomem_caps, note_allowed, b)) {
        put_filler(b, b->next, LOW_END);
    }
    sort_and_merge(b);
}

long machine_memory_map_op(uint64_t gva)
{
    struct domain *d = current->domain;
    struct xen_memory_map op;
    struct build *b;
    long rc = 0;

    if (!is_control_domain(d)) {
        return -EPERM;
    }
    if (guest_read(&op, gva, sizeof(op))) {
        return -EFAULT;
    }
    b = xzalloc(struct build);
    if (!b) {
        return -ENOMEM;
    }
    build_machine_map(b, d);
    if (b->full) {
        rc = -ENOBUFS;
    } else if (op.buffer.p && op.nr_entries < b->nr) {
        rc = -ENOBUFS;
    } else if (op.buffer.p && guest_write((uint64_t)op.buffer.p, b->e,
                                          b->nr * sizeof(b->e[0]))) {
        rc = -EFAULT;
    } else {
        op.nr_entries = b->nr;
        if (guest_write(gva, &op, sizeof(op))) {
            rc = -EFAULT;
        }
    }
    xfree(b);
    return rc;
}
