// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/common/grant-table.c xen/common/grant-map.c
// SOURCES: xen/common/grant-copy.c
// CFLAGS: -include tests/model/sched/shim.h -I xen/arch/x86/include
/*
 * Random grants, maps, unmaps and copies between two domains, good and bad ones,
 * while page tables, the IOMMU and memory fail now and then. At the end every
 * reference must be back: frames, pins, the guest's marks, the IOMMU's counts,
 * the granter. Long calls must stop when something waits, also if all they do is
 * fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/bits.h>
#include <xen/dom-iommu.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/grant-resource.h>
#include <xen/grant.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/mm.h>

#include <asm/mm-types.h>

#include <public/grant_table.h>

#define GUEST_PAGES 8  /* of the granter; frames from here are the table's */
#define NR_FRAMES   64 /* in all */
#define NR_REFS     24 /* references in use */
#define NR_SLOTS    16 /* page-table entries of the mapper */
#define NR_SEEDS    60
#define NR_CALLS    1500
#define MANY        1000
#define SLOT_VA(i)  (0x1000u + 8u * (i))

_Thread_local struct cpu_info cpu_self = { .irqs_on = true };
uint64_t model_m2p[NR_FRAMES];

static struct page_info frames[NR_FRAMES];
static uint8_t ram[NR_FRAMES][PAGE_SIZE] aligned_to(4096);
static unsigned int nr_allocated; /* frames from GUEST_PAGES on */
static struct domain granter = { .id = 1, .refs = 1 };
static struct domain mapper = { .id = 2, .refs = 1 };
static struct vcpu vcpu;
static uint64_t slot[NR_SLOTS]; /* what each entry maps, plus one; 0: nothing */
static int foreign[NR_FRAMES];  /* dom_iommu_map_foreign() less unmap */
static bool failing;            /* calls below may fail */
static bool preempting;
static unsigned int seed;

/* Handles the mapper was given, with what it was told. */
static struct {
    uint32_t handle;
    uint32_t slot; /* NR_SLOTS: not host mapped */
    uint64_t bus;  /* 0: not device mapped */
} held[4096];
static unsigned int nr_held;

static void noreturn_fn fail(const char *what, long got)
{
    printf("FAIL seed %u: %s (%ld)\n", seed, what, got);
    exit(1);
}

static unsigned int below(unsigned int n)
{
    return (unsigned int)rand() % n;
}

static bool unlucky(void)
{
    return failing && below(12) == 0;
}

/* --- what the code under test calls --------------------------------------- */

void model_pause(void)
{
}

void model_irqs(void)
{
}

int guest_read(void *dst, uint64_t gva, size_t len)
{
    memcpy(dst, (const void *)gva, len);
    return 0;
}

int guest_write(uint64_t gva, const void *src, size_t len)
{
    memcpy((void *)gva, src, len);
    return 0;
}

bool mfn_valid(mfn_t m)
{
    return m.n < NR_FRAMES;
}

struct page_info *mfn_to_page(mfn_t m)
{
    return frames + m.n;
}

mfn_t page_to_mfn(const struct page_info *pg)
{
    return MFN((uint64_t)(pg - frames));
}

void *page_to_va(const struct page_info *pg)
{
    return ram[pg - frames];
}

void *mfn_to_va(mfn_t m)
{
    return ram[m.n];
}

mfn_t va_to_mfn(const void *va)
{
    return MFN(((uintptr_t)va - (uintptr_t)ram) / PAGE_SIZE);
}

struct page_info *pg_alloc(unsigned int order, unsigned int bits)
{
    (void)bits;
    if (order || GUEST_PAGES + nr_allocated == NR_FRAMES || unlucky()) {
        return NULL;
    }
    frames[GUEST_PAGES + nr_allocated].count = 1;
    return &frames[GUEST_PAGES + nr_allocated++];
}

void page_share_with(struct page_info *pg, struct domain *d)
{
    (void)pg;
    (void)d;
}

bool page_get(struct page_info *pg, const struct domain *d)
{
    if (d != &granter || pg >= frames + GUEST_PAGES) {
        return false;
    }
    pg->count++;
    return true;
}

void page_put_last(struct page_info *pg, uint32_t left)
{
    if (left & PAGE_COUNT) {
        fail("page put too often", pg - frames);
    }
}

int page_get_and_type(mfn_t mfn, struct domain *d, uint64_t type)
{
    if (type != PGT_WRITABLE || unlucky() || !page_get(&frames[mfn.n], d)) {
        return -EINVAL;
    }
    frames[mfn.n].type++;
    return 0;
}

void page_put_and_type(struct page_info *pg)
{
    if (pg->type == 0) {
        fail("type put too often", pg - frames);
    }
    pg->type--;
    page_put(pg);
}

void *xzalloc_bytes(size_t bytes)
{
    return unlucky() ? NULL : calloc(1, bytes);
}

void xfree(void *p)
{
    free(p);
}

struct domain *dom_find(domid_t id)
{
    struct domain *d = id == 1 ? &granter : id == 2 ? &mapper : NULL;

    if (d) {
        d->refs++;
    }
    return d;
}

struct domain *dom_find_self(domid_t id)
{
    return dom_find(id == DOMID_SELF ? current->domain->id : id);
}

int dom_find_target(domid_t id, struct domain **out)
{
    *out = dom_find_self(id);
    return *out ? 0 : -ESRCH;
}

void dom_put(struct domain *d)
{
    d->refs--;
}

int dom_iommu_map_foreign(struct domain *d, mfn_t mfn, bool writable)
{
    (void)d;
    (void)writable;
    if (unlucky()) {
        return -ENOMEM;
    }
    foreign[mfn.n]++;
    return 0;
}

void dom_iommu_unmap_foreign(struct domain *d, mfn_t mfn, bool writable)
{
    (void)d;
    (void)writable;
    foreign[mfn.n]--;
}

void tlb_flush_mask(const cpumask_t *mask)
{
    (void)mask;
}

/* Entries hold a reference of their own, as pv_write_l1() takes it. */
static uint64_t *slot_at(uint64_t addr)
{
    const uint64_t i = (addr - SLOT_VA(0)) / 8;

    return addr >= SLOT_VA(0) && i < NR_SLOTS ? &slot[i] : NULL;
}

static void slot_set(uint64_t *s, uint64_t val)
{
    if (*s) {
        page_put(&frames[*s - 1]);
    }
    *s = val;
}

int pv_grant_map_pte(uint64_t addr, uint32_t flags, mfn_t mfn,
                     struct domain *owner)
{
    uint64_t *s = slot_at(addr);

    (void)flags;
    if (!s) {
        return -ENOENT;
    }
    if (unlucky() || !page_get(&frames[mfn.n], owner)) {
        return -EINVAL;
    }
    slot_set(s, mfn.n + 1);
    return 0;
}

int pv_grant_unmap_pte(uint64_t addr, uint32_t flags, mfn_t mfn)
{
    uint64_t *s = slot_at(addr);

    (void)flags;
    if (!s) {
        return -ENOENT;
    }
    if (*s != mfn.n + 1) {
        return -EINVAL;
    }
    slot_set(s, 0);
    return 0;
}

int pv_grant_replace_pte(uint64_t va, uint64_t new_va, mfn_t mfn)
{
    return new_va ? -ENOENT : pv_grant_unmap_pte(va, 0, mfn);
}

bool hypercall_preempt(void)
{
    return preempting;
}

static bool continued;
static struct hypercall_args next_args;

long hypercall_continue(unsigned int nr, const struct hypercall_args *args)
{
    (void)nr;
    continued = true;
    next_args = *args;
    return 0;
}

/* --- guests --------------------------------------------------------------- */

static long call(unsigned int cmd, void *arg, uint32_t count)
{
    struct hypercall_args args = { .a = { cmd, (uint64_t)arg, count } };
    long rc;

    for (;;) {
        const uint64_t before = args.a[2];

        continued = false;
        rc = do_grant_table_op(&args);
        if (!continued) {
            return rc;
        }
        if (next_args.a[2] >= before) {
            fail("continued without progress", (long)before);
        }
        args = next_args;
    }
}

static grant_entry_v1_t *entry(uint32_t ref)
{
    return (grant_entry_v1_t *)(void *)ram[GUEST_PAGES] + ref;
}

/* The granter changes its mind, where nobody uses the entry. */
static void grant_some(void)
{
    grant_entry_v1_t *e = entry(below(NR_REFS));

    if (e->flags & (GTF_reading | GTF_writing)) {
        return;
    }
    e->domid = below(8) ? 2 : 5;
    e->frame = below(8) ? below(GUEST_PAGES) : below(2 * NR_FRAMES);
    e->flags = (uint16_t)((below(8) ? GTF_permit_access : GTF_invalid) |
                          (below(3) ? 0 : GTF_readonly));
}

static void map_some(void)
{
    struct gnttab_map_grant_ref op[4];
    const unsigned int n = 1 + below(4);
    uint32_t at[4];

    for (unsigned int i = 0; i < n; i++) {
        at[i] = below(NR_SLOTS + 2);
        op[i] = (struct gnttab_map_grant_ref){
            .host_addr = SLOT_VA(at[i]),
            .flags = below(4) * GNTMAP_device_map,
            .ref = below(NR_REFS + 600),
            .dom = below(10) ? 1 : (domid_t)below(4),
        };
        op[i].ref =
            op[i].ref >= NR_REFS && below(20) ? below(NR_REFS) : op[i].ref;
        op[i].flags &= GNTMAP_device_map | GNTMAP_host_map;
        op[i].flags |= below(2) * GNTMAP_readonly;
    }
    if (call(GNTTABOP_map_grant_ref, op, n)) {
        fail("map", n);
    }
    for (unsigned int i = 0; i < n; i++) {
        if (op[i].status != GNTST_okay) {
            continue;
        }
        held[nr_held].handle = op[i].handle;
        held[nr_held].slot =
            op[i].flags & GNTMAP_host_map ? at[i] : (uint32_t)NR_SLOTS;
        held[nr_held].bus =
            op[i].flags & GNTMAP_device_map ? op[i].dev_bus_addr : 0;
        nr_held++;
    }
}

static bool in_use(unsigned int i)
{
    /* Bus address 0 cannot be named, so such a half never goes (ABI). */
    return held[i].slot < NR_SLOTS || held[i].bus;
}

static void unmap_one(unsigned int i)
{
    struct gnttab_unmap_grant_ref op = {
        .handle = held[i].handle,
        .host_addr = held[i].slot < NR_SLOTS ? SLOT_VA(held[i].slot) : 0,
        .dev_bus_addr = held[i].bus,
    };

    if (call(GNTTABOP_unmap_grant_ref, &op, 1)) {
        fail("unmap", i);
    }
    if (op.status == GNTST_okay) {
        held[i] = held[--nr_held];
    }
}

static void unmap_wrongly(void)
{
    struct gnttab_unmap_grant_ref op = {
        .handle = below(2) ? below(300) : UINT32_MAX - below(3),
        .host_addr = SLOT_VA(NR_SLOTS + 1),
        .dev_bus_addr = below(2) ? 0x123000 : 0,
    };

    if (call(GNTTABOP_unmap_grant_ref, &op, 1)) {
        fail("unmap", 0);
    }
    /* One that is mapped for devices only has no address to be wrong. */
    if (op.status == GNTST_okay && op.handle >= 300) {
        fail("a wrong unmap went well", op.handle);
    }
}

static void copy_some(void)
{
    struct gnttab_copy op = {
        .source.u.ref = below(NR_REFS + 2),
        .source.domid = 1,
        .source.offset = (uint16_t)below(5000),
        .dest.u.ref = below(NR_REFS),
        .dest.domid = below(9) ? 1 : DOMID_SELF,
        .dest.offset = (uint16_t)below(5000),
        .len = (uint16_t)below(5000),
        .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref,
    };

    if (call(GNTTABOP_copy, &op, 1)) {
        fail("copy", 0);
    }
    if (op.status == GNTST_okay && (op.source.offset + op.len > PAGE_SIZE ||
                                    op.dest.offset + op.len > PAGE_SIZE)) {
        fail("a copy left its page", op.len);
    }
}

static void all_back(void)
{
    for (unsigned int i = 0; i < NR_SLOTS; i++) {
        slot_set(&slot[i], 0); /* what no grant operation cleared */
    }
    for (unsigned int i = 0; i < GUEST_PAGES; i++) {
        if (frames[i].count || frames[i].type || foreign[i]) {
            printf("frame %u: count %u type %llu iommu %d\n", i,
                   frames[i].count, (unsigned long long)frames[i].type,
                   foreign[i]);
            fail("a frame is still in use", i);
        }
    }
    for (uint32_t i = 0; i < NR_REFS; i++) {
        if (entry(i)->flags & (GTF_reading | GTF_writing)) {
            fail("an entry is still marked", i);
        }
    }
    if (granter.refs != 1 || mapper.refs != 1) {
        fail("a domain is still referenced", granter.refs);
    }
}

static void destroy(struct domain *d)
{
    preempting = true;
    while (grant_destroy(d) == -ERESTART) {
    }
    preempting = false;
    if (grant_destroy(d)) {
        fail("destroy again", d->id);
    }
}

static void free_both(void)
{
    grant_free(&granter);
    grant_free(&mapper);
    for (unsigned int i = GUEST_PAGES; i < GUEST_PAGES + nr_allocated; i++) {
        if (frames[i].count) {
            fail("a table's frame leaks", i);
        }
    }
    nr_allocated = 0;
}

static void begin(void)
{
    struct gnttab_setup_table op = { .dom = DOMID_SELF, .nr_frames = 1 };
    xen_pfn_t list[1];

    memset(frames, 0, sizeof(frames));
    memset(ram, 0, sizeof(ram));
    nr_held = 0;
    if (grant_init(&granter) || grant_init(&mapper)) {
        fail("init", 0);
    }
    vcpu.domain = &granter;
    op.frame_list.p = list;
    if (call(GNTTABOP_setup_table, &op, 1) || op.status != GNTST_okay ||
        list[0] != GUEST_PAGES) {
        fail("setup_table", op.status);
    }
    vcpu.domain = &mapper;
}

/* Every other seed the mapper dies with what it has mapped. */
static void episode(void)
{
    begin();
    failing = true;
    for (unsigned int i = 0; i < NR_CALLS; i++) {
        preempting = below(4) == 0;
        switch (below(5)) {
        case 0:
            grant_some();
            break;
        case 1:
            if (nr_held < array_size(held) - 4) {
                map_some();
            }
            break;
        case 2:
            if (nr_held) {
                unmap_one(below(nr_held));
            }
            break;
        case 3:
            unmap_wrongly();
            break;
        default:
            copy_some();
            break;
        }
    }
    failing = false;
    preempting = false;
    if (seed & 1) {
        for (unsigned int i = nr_held; i-- > 0;) {
            if (in_use(i)) {
                unmap_one(i);
            }
        }
    }
    destroy(&mapper);
    all_back();
    destroy(&granter);
    free_both();
}

/* An array of unmaps that all fail stops when something waits. */
static void failing_calls_stop(void)
{
    static struct gnttab_unmap_grant_ref op[MANY];
    struct hypercall_args args = { .a = { GNTTABOP_unmap_grant_ref,
                                          (uint64_t)op, MANY } };

    begin();
    for (unsigned int i = 0; i < MANY; i++) {
        op[i].handle = 77;
        op[i].status = 1;
    }
    preempting = true;
    continued = false;
    if (do_grant_table_op(&args) || !continued || op[MANY - 1].status != 1) {
        fail("a thousand failing unmaps in one go", continued);
    }
    preempting = false;
    destroy(&mapper);
    destroy(&granter);
    free_both();
}

int main(void)
{
    current = &vcpu;
    failing_calls_stop();
    for (seed = 1; seed <= NR_SEEDS; seed++) {
        srand(seed);
        episode();
    }
    return 0;
}
