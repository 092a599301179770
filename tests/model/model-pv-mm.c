// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/arch/x86/pv/mm-types.c xen/arch/x86/pv/mm-validate.c
// SOURCES: xen/arch/x86/pv/mm-update.c xen/arch/x86/pv/mmuext.c
// SOURCES: xen/arch/x86/pv/va-mapping.c xen/arch/x86/pv/mm-batch.c
// CFLAGS: -include tests/model/pv-mm/shim.h -I xen/arch/x86/include
/*
 * Page types under random hypercalls of one vCPU. After each call every count is
 * compared with one recomputed from the tables, no table may be mapped writable
 * and "writable" must mean DMA-mapped. Calls are preempted and abandoned half
 * way at random, DMA mapping fails now and then; in the end teardown must get
 * every page back.
 *
 * A device writes into pages until the flush after their unmapping has ended:
 * what is believed before that differs from the tables afterwards. Flushes are
 * counted: a pinned tree, a multicall and a list of frames have one each.
 *
 * In the end several vCPUs pin, unpin and map the same few pages at a time.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <xen/cache.h>
#include <xen/dom-iommu.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/perf-counter.h>
#include <xen/rangeset.h>
#include <xen/smp.h>
#include <xen/softirq.h>

#include <asm/cpufeature.h>
#include <asm/mm-types.h>

#include "../../xen/arch/x86/pv/mm-priv.h"

#define NR_PAGES  96
#define NR_SEEDS  40
#define NR_CALLS  600
#define NR_CPUS   4
#define MMIO_LAST 1999 /* first is 1000 */
#define MMIO_RO   1500

static struct page_info frames[NR_PAGES];
static uint8_t ram[NR_PAGES][PAGE_SIZE] aligned_to(4096);
static bool dma_mapped[NR_PAGES];
static uint8_t dma_stale[NR_PAGES]; /* unmapped by CPU n - 1, not flushed yet */
static pthread_mutex_t dma_lock = PTHREAD_MUTEX_INITIALIZER;
static bool map_failed; /* some page lost its mapping for that */
static bool map_fails;  /* now and then */
static unsigned int nr_flushes;
static unsigned int nr_map_lists; /* of pages mapped together */
static bool freed[NR_PAGES];
static struct domain dom;
static struct vcpu vcpus[NR_CPUS];
static bool preempting;
static bool scribbling; /* a device writes what it can reach */
static unsigned int seed;
static bool threaded; /* nothing is quiet enough to be checked */
static _Thread_local const char *last_call = "start";

uint64_t m2p_tab[NR_PAGES];
uint32_t perf_values[PERF_ROW_WORDS];
_Thread_local struct vcpu *current = &vcpus[0];
_Thread_local unsigned int model_cpu;
struct domain *dom0;
struct cpu_features boot_cpu = { .phys_bits = 40, .nx = true };
cpumask_t cpu_online = { 1 };
uint64_t guest_hole;

static void fail(const char *what, unsigned int page)
{
    printf("seed %u, %s: page %u %s: count %#x type %#llx\n", seed, last_call,
           page, what, frames[page].count,
           (unsigned long long)frames[page].type);
    exit(1);
}

static unsigned int below(unsigned int n)
{
    return (unsigned int)rand() % n;
}

/* --- what the code under test calls --------------------------------------- */

bool mfn_valid(mfn_t m)
{
    return m.n < NR_PAGES;
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
    if (dma_stale[pg - frames]) {
        fail("contents are looked at before the flush",
             (unsigned int)(pg - frames));
    }
    return ram[pg - frames];
}

void *mfn_to_va(mfn_t m)
{
    return ram[m.n];
}

struct domain *dom_find(domid_t id)
{
    return id == dom.id ? &dom : NULL;
}

void dom_put(struct domain *d)
{
    (void)d;
}

void page_list_add_tail(struct page_list *l, struct page_info *pg)
{
    const uint32_t self = (uint32_t)(pg - frames);

    pg->next = PAGE_LIST_NONE;
    pg->prev = l->last;
    if (l->last != PAGE_LIST_NONE) {
        frames[l->last].next = self;
    } else {
        l->first = self;
    }
    l->last = self;
    l->nr++;
}

void page_list_del(struct page_list *l, struct page_info *pg)
{
    if (pg->prev != PAGE_LIST_NONE) {
        frames[pg->prev].next = pg->next;
    } else {
        l->first = pg->next;
    }
    if (pg->next != PAGE_LIST_NONE) {
        frames[pg->next].prev = pg->prev;
    } else {
        l->last = pg->prev;
    }
    l->nr--;
}

bool page_get(struct page_info *pg, const struct domain *d)
{
    return page_get_id(pg, d->id);
}

void page_put_last(struct page_info *pg, uint32_t left)
{
    const unsigned int i = (unsigned int)(pg - frames);

    if (left & PAGE_COUNT) {
        fail("put once too often", i);
    }
    pv_page_freed(pg, &dom);
    page_list_del(&dom.pages, pg);
    freed[i] = true;
    pg->owner = DOMID_INVALID;
}

bool page_put_alloc(struct page_info *pg)
{
    if (!(pg->count & PAGE_ALLOCATED)) {
        return false;
    }
    pg->count &= ~PAGE_ALLOCATED;
    page_put(pg);
    return true;
}

int dom_iommu_map_ram(struct domain *d, mfn_t mfn, uint64_t nr)
{
    if (d != &dom || nr != 1 || dma_mapped[mfn.n]) {
        fail("DMA-mapped twice", (unsigned int)mfn.n);
    }
    if (map_fails && below(50) == 0) {
        map_failed = true;
        return -ENOMEM;
    }
    pthread_mutex_lock(&dma_lock);
    dma_mapped[mfn.n] = true;
    pthread_mutex_unlock(&dma_lock);
    return 0;
}

int dom_iommu_map_list(struct domain *d, const uint32_t *frame, unsigned int nr,
                       unsigned int *done)
{
    int rc = 0;

    nr_map_lists++;
    for (*done = 0; *done < nr && rc == 0; *done += rc == 0) {
        if (!(frames[frame[*done]].type & PGT_BUSY)) {
            fail("is mapped without being held", frame[*done]);
        }
        rc = dom_iommu_map_ram(d, MFN(frame[*done]), 1);
    }
    return rc;
}

static uint64_t random_entry(unsigned int level);

static void unmap_one(const struct domain *d, uint64_t i)
{
    if (d != &dom || i >= NR_PAGES || !dma_mapped[i]) {
        fail("DMA-unmapped twice", (unsigned int)i);
    }
    pthread_mutex_lock(&dma_lock);
    dma_mapped[i] = false;
    dma_stale[i] = (uint8_t)(model_cpu + 1);
    pthread_mutex_unlock(&dma_lock);
}

static void flush(void)
{
    if (threaded) {
        sched_yield();
    }
    pthread_mutex_lock(&dma_lock);
    /* The device's last chance. Another vCPU must not believe it either. */
    for (unsigned int i = 0; i < NR_PAGES; i++) {
        if (dma_stale[i] != model_cpu + 1) {
            continue;
        }
        if ((frames[i].count & PAGE_COUNT) && !(frames[i].type & PGT_BUSY)) {
            fail("can be used before the flush has ended", i);
        }
        if (scribbling) {
            uint64_t *const table = (uint64_t *)(void *)ram[i];

            table[below(PT_ENTRIES)] = random_entry(below(4));
        }
        dma_stale[i] = 0;
    }
    nr_flushes++;
    pthread_mutex_unlock(&dma_lock);
}

int dom_iommu_unmap_list(struct domain *d, const uint32_t *frame,
                         unsigned int nr, enum iommu_cause cause)
{
    (void)cause;
    for (unsigned int i = 0; i < nr; i++) {
        /* Its only user may be a mapping that is about to shrink. */
        if ((frames[frame[i]].type & PGT_COUNT) > 1) {
            fail("is in use and out of devices' reach", frame[i]);
        }
        unmap_one(d, frame[i]);
    }
    flush();
    return 0;
}

int dom_iommu_unmap_ram(struct domain *d, mfn_t mfn, uint64_t nr,
                        enum iommu_cause cause)
{
    (void)cause;
    for (uint64_t i = 0; i < nr; i++) {
        unmap_one(d, mfn.n + i);
    }
    flush();
    return 0;
}

bool rangeset_contains(struct rangeset *r, uint64_t first, uint64_t last)
{
    (void)r;
    return first >= 1000 && last <= MMIO_LAST;
}

bool rangeset_overlaps(struct rangeset *r, uint64_t first, uint64_t last)
{
    (void)r;
    return first <= MMIO_RO && last >= MMIO_RO;
}

bool softirq_pending(void)
{
    return preempting && below(3) == 0;
}

bool hypercall_preempt(void)
{
    return softirq_pending();
}

void tlb_flush_local(void)
{
}

void tlb_flush_mask(const cpumask_t *mask)
{
    (void)mask;
}

void tlb_flush_va_mask(const cpumask_t *mask, uint64_t va)
{
    (void)mask;
    (void)va;
}

void write_guest_cr3(uint64_t cr3)
{
    (void)cr3;
}

uint32_t tlb_clock(void)
{
    return 1;
}

void tlb_clock_filter(cpumask_t *mask, uint32_t stamp)
{
    (void)mask;
    (void)stamp;
}

void pt_fill_hyp_slots(uint64_t *l4)
{
    for (unsigned int i = HYP_FIRST_SLOT; i <= HYP_LAST_SLOT; i++) {
        l4[i] = PTE_P | PTE_RW;
    }
}

void smp_call(const cpumask_t *mask, void (*fn)(void *arg), void *arg)
{
    (void)mask;
    (void)fn;
    (void)arg;
}

int guest_read(void *dst, uint64_t gva, size_t len)
{
    memcpy(dst, (void *)(uintptr_t)gva, len);
    return 0;
}

int guest_write(uint64_t gva, const void *src, size_t len)
{
    memcpy((void *)(uintptr_t)gva, src, len);
    return 0;
}

int pv_validate_seg_page(struct page_info *pg)
{
    (void)pg;
    return 0;
}

void pv_release_descriptors(struct vcpu *v)
{
    (void)v;
}

int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned int entries)
{
    (void)v;
    (void)base;
    (void)entries;
    return 0;
}

static _Thread_local struct hypercall_args next_args;
static _Thread_local bool continued;

long hypercall_continue(unsigned int nr, const struct hypercall_args *args)
{
    (void)nr;
    next_args = *args;
    continued = true;
    return 0;
}

/* --- the model ------------------------------------------------------------ */

static uint32_t want_refs[NR_PAGES];
static uint64_t want_types[NR_PAGES];

static void expect_ref(uint64_t page, bool typed)
{
    want_refs[page]++;
    want_types[page] += typed;
}

static unsigned int level_of(unsigned int page)
{
    return (unsigned int)FIELD_GET(PGT_TYPE, frames[page].type);
}

static void expect_leaf(unsigned int page, uint64_t e)
{
    const uint64_t target = pte_mfn(e).n;

    if (!(e & PTE_US)) {
        fail("leaf without U/S", page);
    }
    if (target >= NR_PAGES) {
        if (target == MMIO_RO && (e & PTE_RW)) {
            fail("maps r/o MMIO writable", page);
        }
        return;
    }
    expect_ref(target, e & PTE_RW);
    if ((e & PTE_RW) && (frames[target].type & PGT_TYPE) != PGT_WRITABLE) {
        fail("is mapped writable", (unsigned int)target);
    }
    if ((e & PTE_RW) && (e & PTE_PCD) &&
        !(frames[target].type & PGT_NONCOHERENT)) {
        fail("is mapped uncached and not marked so", (unsigned int)target);
    }
}

/* Entries of a page that hold references now. */
static void expect_entries(unsigned int page)
{
    const uint64_t *table = (const uint64_t *)(const void *)ram[page];
    const uint64_t type = frames[page].type;
    const unsigned int level = level_of(page);
    unsigned int nr = 0;

    if (level < 1 || level > 4) {
        return;
    }
    if (type & PGT_VALIDATED) {
        nr = PT_ENTRIES;
    } else if (type & PGT_PARTIAL) {
        nr = frames[page].nr_validated;
    }
    for (unsigned int i = 0; i < nr; i++) {
        const uint64_t e = table[i];

        if (!(e & PTE_P) ||
            (level == 4 && i >= HYP_FIRST_SLOT && i <= HYP_LAST_SLOT)) {
            continue;
        }
        if (level == 1) {
            expect_leaf(page, e);
            continue;
        }
        expect_ref(pte_mfn(e).n, true);
        if (level_of((unsigned int)pte_mfn(e).n) != level - 1) {
            fail("has a child of wrong type", page);
        }
    }
}

static void check(void)
{
    if (threaded) {
        return;
    }
    memset(want_refs, 0, sizeof(want_refs));
    memset(want_types, 0, sizeof(want_types));
    for (unsigned int i = 0; i < NR_PAGES; i++) {
        const uint64_t type = frames[i].type;

        if (freed[i]) {
            continue;
        }
        if (type & PGT_BUSY) {
            fail("left busy", i);
        }
        if (dma_stale[i]) {
            fail("was not flushed", i);
        }
        /* In the middle of a multicall, or for want of memory. */
        if ((type & PGT_AHEAD) && !current->in_multicall && !map_failed) {
            fail("is left out of devices' reach", i);
        }
        if (frames[i].count & PAGE_HYP) {
            if (dma_mapped[i]) {
                fail("is ours and mapped for devices", i);
            }
            expect_ref(i, true); /* page_share_with() */
        } else if (((type & (PGT_TYPE | PGT_AHEAD)) == PGT_WRITABLE) !=
                   dma_mapped[i]) {
            fail("type and DMA mapping differ", i);
        }
        want_refs[i] += !!(frames[i].count & PAGE_ALLOCATED);
        want_refs[i] += !!(type & PGT_PARTIAL);
        if (type & PGT_PINNED) {
            expect_ref(i, true);
        }
        expect_entries(i);
    }
    for (unsigned int i = 0; i < NR_CPUS; i++) {
        const struct pv_vcpu *const pv = &vcpus[i].pv;

        if (pv->kernel_l4_set) {
            expect_ref(pv->kernel_l4.n, true);
        }
        if (pv->user_l4_set) {
            expect_ref(pv->user_l4.n, true);
        }
        if (pv->put_pending) {
            expect_ref((uint64_t)(pv->put_pending - frames), true);
        }
    }
    for (unsigned int i = 0; i < NR_PAGES; i++) {
        if (!freed[i] && (want_refs[i] != (frames[i].count & PAGE_COUNT) ||
                          want_types[i] != (frames[i].type & PGT_COUNT))) {
            fail("counts differ from the tables", i);
        }
    }
}

/* --- the guest ------------------------------------------------------------ */

/* Pages meant for each level: 0..3 L4, 4..11 L3, 12..27 L2, 28..59 L1, data. */
static const unsigned int first_of[] = { 60, 28, 12, 4, 0 };
static const unsigned int nr_of[] = { 36, 32, 16, 8, 4 };

static unsigned int meant_level(unsigned int page)
{
    unsigned int level = 0;

    while (level < 4 && page < first_of[level]) {
        level++;
    }
    return level;
}

static uint64_t random_entry(unsigned int level)
{
    uint64_t e = below(2) ? PTE_P : 0;
    uint64_t mfn = below(NR_PAGES);

    if (level && below(4)) {
        mfn = first_of[level - 1] + below(nr_of[level - 1]);
    } else {
        mfn = below(30) ? mfn : 1000 + below(600);
        e |= below(40) ? 0 : PTE_PCD | PTE_PWT;
        e |= below(60) ? 0 : PTE_PS;
        e |= below(200) ? 0 : BIT64(45);
    }
    e |= below(3) ? 0 : PTE_RW;
    e |= below(2) ? 0 : PTE_US;
    e |= below(2) ? 0 : PTE_NX;
    return pte_make(MFN(mfn), e);
}

static void hypercall(hypercall_fn_t fn, void *list, uint64_t nr)
{
    const bool give_up = below(10) == 0;
    uint32_t done = 0;
    struct hypercall_args args = { { (uintptr_t)list, nr, (uintptr_t)&done,
                                     DOMID_SELF } };
    long rc;

    for (;;) {
        continued = false;
        rc = fn(&args);
        check();
        if (!continued || give_up) {
            break;
        }
        args = next_args;
    }
    if (!continued && rc == 0 && done != nr) {
        printf("seed %u, %s: %u of %u done\n", seed, last_call, done,
               (unsigned int)nr);
        exit(1);
    }
}

static void random_updates(void)
{
    struct mmu_update u[5];
    const unsigned int nr = 1 + below(5);
    unsigned int page = below(60);

    last_call = "mmu_update";
    for (unsigned int i = 0; i < nr; i++) {
        page = below(3) ? page : below(NR_PAGES);
        u[i].ptr = (uint64_t)page << PAGE_SHIFT | below(512) << 3;
        u[i].ptr |= below(4) ? MMU_NORMAL_PT_UPDATE : MMU_PT_UPDATE_PRESERVE_AD;
        if (below(20) == 0) {
            u[i].ptr = (u[i].ptr & ~UINT64_C(7)) | MMU_MACHPHYS_UPDATE;
        }
        u[i].val = random_entry(meant_level(page));
    }
    hypercall(do_mmu_update, u, nr);
}

static void random_ext(void)
{
    struct mmuext_op op = { 0 };
    unsigned int page = below(4) ? below(60) : below(NR_PAGES);
    unsigned int level = meant_level(page);

    last_call = "mmuext_op";
    switch (below(8)) {
    case 0:
    case 1:
    case 2:
        level = below(10) && level ? level : 1 + below(4);
        op.cmd = MMUEXT_PIN_L1_TABLE + level - 1;
        break;
    case 3:
    case 4:
        op.cmd = MMUEXT_UNPIN_TABLE;
        break;
    case 5:
        op.cmd = MMUEXT_NEW_BASEPTR;
        page %= 4;
        break;
    case 6:
        op.cmd = MMUEXT_NEW_USER_BASEPTR;
        page %= 4;
        break;
    default:
        op.cmd = MMUEXT_CLEAR_PAGE;
        page = below(4) ? first_of[0] + below(nr_of[0]) : page;
        break;
    }
    op.arg1.mfn = page;
    hypercall(do_mmuext_op, &op, 1);
}

static void random_va(void)
{
    struct hypercall_args args = { { (uint64_t)below(512) << 12 |
                                         (uint64_t)below(3) << 21,
                                     random_entry(below(2)), UVMF_NONE } };

    last_call = "update_va_mapping";
    (void)do_update_va_mapping(&args);
    check();
}

/* --- multicalls ------------------------------------------------------------ */

#define CALLS_MAX 40

static _Thread_local struct multicall_entry calls[CALLS_MAX];
static _Thread_local struct mmuext_op call_ops[CALLS_MAX];
static _Thread_local unsigned int nr_calls;

static void add_va(uint64_t va, uint64_t entry)
{
    calls[nr_calls++] = (struct multicall_entry){
        .op = __HYPERVISOR_update_va_mapping,
        .args = { va, entry, UVMF_NONE },
    };
}

static void add_op(unsigned int cmd, uint64_t mfn)
{
    call_ops[nr_calls] = (struct mmuext_op){ .cmd = cmd, .arg1.mfn = mfn };
    calls[nr_calls] = (struct multicall_entry){
        .op = __HYPERVISOR_mmuext_op,
        .args = { (uintptr_t)&call_ops[nr_calls], 1, 0, DOMID_SELF },
    };
    nr_calls++;
}

/* As do_multicall() does it, which stops now and then to be continued. */
static void run_calls(void)
{
    last_call = "multicall";
    for (unsigned int i = 0; i < nr_calls; i++) {
        struct hypercall_args args;

        current->in_multicall = true;
        current->multicall_list = (uintptr_t)calls;
        current->multicall_at = i;
        current->multicall_nr = nr_calls;
        memcpy(args.a, calls[i].args, sizeof(args.a));
        continued = false;
        calls[i].result = (xen_ulong_t)(calls[i].op == __HYPERVISOR_mmuext_op
                                            ? do_mmuext_op(&args)
                                            : do_update_va_mapping(&args));
        check();
        current->in_multicall = false;
        if (continued) {
            memcpy(calls[i].args, next_args.a, sizeof(next_args.a));
            i--;
        }
        if (continued || softirq_pending()) {
            pv_batch_end();
            check();
        }
    }
    pv_batch_end();
    check();
    nr_calls = 0;
}

static void random_calls(void)
{
    const unsigned int nr = 2 + below(12);

    while (nr_calls < nr) {
        const unsigned int page = below(60);

        if (below(2)) {
            add_va((uint64_t)below(512) << 12, random_entry(below(2)));
        } else {
            add_op(below(3) ? MMUEXT_PIN_L1_TABLE + meant_level(page) - 1
                            : MMUEXT_UNPIN_TABLE,
                   page);
        }
    }
    run_calls();
}

static void set_up(void)
{
    memset(&dom, 0, sizeof(dom));
    memset(vcpus, 0, sizeof(vcpus));
    memset(ram, 0, sizeof(ram));
    memset(frames, 0, sizeof(frames));
    memset(freed, 0, sizeof(freed));
    memset(dma_mapped, 0, sizeof(dma_mapped));
    srand(seed);
    preempting = seed % 2;
    scribbling = true;
    map_fails = seed % 4 < 2;
    map_failed = false;
    dom.id = 1;
    dom.max_vcpus = NR_CPUS;
    for (unsigned int i = 0; i < NR_CPUS; i++) {
        dom.vcpu[i] = &vcpus[i];
        vcpus[i].domain = &dom;
        vcpus[i].pv.kernel_mode = true;
    }
    dom.iommu_sync = true;
    dom.privileged = seed % 3 == 0;
    dom.dirty.bits = 1;
    dom.pages = (struct page_list)PAGE_LIST_INIT;
    for (unsigned int i = 0; i < NR_PAGES; i++) {
        frames[i].count = PAGE_ALLOCATED | 1;
        frames[i].owner = dom.id;
        dma_mapped[i] = i % 4;
        frames[i].type = i % 4 ? PGT_FRESH : PGT_NONE;
        page_list_add_tail(&dom.pages, &frames[i]);
    }
    for (unsigned int i = 0; i < first_of[0]; i++) {
        uint64_t *table = (uint64_t *)(void *)ram[i];
        const unsigned int level = meant_level(i);

        for (unsigned int k = 0; k < (level > 1 ? 6u : 40u); k++) {
            table[below(512)] =
                pte_make(MFN(first_of[level - 1] + below(nr_of[level - 1])),
                         PTE_P | PTE_RW);
        }
    }
    last_call = "start";
    check();
}

static void tear_down(void)
{
    last_call = "teardown";
    dom.dying = 1;
    while (pv_domain_release_pages(&dom) == -ERESTART) {
        check();
    }
    for (unsigned int i = 0; i < NR_PAGES; i++) {
        if (!freed[i] || dma_mapped[i]) {
            fail("was not freed", i);
        }
    }
}

/* --- how many flushes ------------------------------------------------------ */

/*
 * A kernel with an address space of its own (L4 1, L3 5, L2 13, L1 30 and 31)
 * that maps every page at page number * 4K, tables read-only.
 */
static void set_up_kernel(void)
{
    uint64_t *const l4 = (uint64_t *)(void *)ram[1];
    uint64_t *const l3 = (uint64_t *)(void *)ram[5];
    uint64_t *const l2 = (uint64_t *)(void *)ram[13];
    uint64_t *const l1 = (uint64_t *)(void *)ram[30];
    struct mmuext_op op[2] = {
        { .cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = 1 },
        { .cmd = MMUEXT_NEW_BASEPTR, .arg1.mfn = 1 },
    };

    set_up();
    preempting = scribbling = map_fails = false;
    memset(ram, 0, sizeof(ram));
    for (unsigned int i = 0; i < NR_PAGES; i++) {
        dma_mapped[i] = true;
        frames[i].type = PGT_FRESH;
    }
    l4[0] = pte_make(MFN(5), PTE_P | PTE_RW);
    l3[0] = pte_make(MFN(13), PTE_P | PTE_RW);
    l2[0] = pte_make(MFN(30), PTE_P | PTE_RW);
    for (unsigned int i = 0; i < NR_PAGES; i++) {
        const bool table = i == 1 || i == 5 || i == 13 || i == 30;

        l1[i] = pte_make(MFN(i), PTE_P | (table ? 0 : PTE_RW));
    }
    nr_flushes = 0;
    last_call = "kernel";
    hypercall(do_mmuext_op, op, 2);
}

/* A process: L4 2, L3 6, L2 14, L1 40 to 40 + nr - 1, which map data pages. */
static void make_tree(unsigned int nr)
{
    uint64_t *const l4 = (uint64_t *)(void *)ram[2];
    uint64_t *const l3 = (uint64_t *)(void *)ram[6];
    uint64_t *const l2 = (uint64_t *)(void *)ram[14];

    l4[3] = pte_make(MFN(6), PTE_P | PTE_RW);
    l3[500] = pte_make(MFN(14), PTE_P | PTE_RW);
    for (unsigned int i = 0; i < nr; i++) {
        uint64_t *const l1 = (uint64_t *)(void *)ram[40 + i];

        l2[i * 50] = pte_make(MFN(40 + i), PTE_P | PTE_RW);
        l1[i] = pte_make(MFN(70 + i), PTE_P | PTE_RW);
    }
}

static void expect_flushes(unsigned int want)
{
    if (nr_flushes != want) {
        printf("%s: %u flushes, not %u\n", last_call, nr_flushes, want);
        exit(1);
    }
    nr_flushes = 0;
}

static void expect_level(unsigned int page, unsigned int level)
{
    if (level_of(page) != level || dma_mapped[page]) {
        fail("is not the table it should be", page);
    }
}

static void add_readonly(unsigned int page)
{
    add_va((uint64_t)page << 12, pte_make(MFN(page), PTE_P));
}

static void add_writable(unsigned int page)
{
    add_va((uint64_t)page << 12, pte_make(MFN(page), PTE_P | PTE_RW));
}

/* The list a kernel sends after a fork; its pages are mapped writable before. */
static void pin_by_calls(unsigned int nr)
{
    add_readonly(6);
    add_readonly(14);
    for (unsigned int i = 0; i < nr; i++) {
        add_readonly(40 + i);
        add_op(MMUEXT_PIN_L1_TABLE, 40 + i);
    }
    add_readonly(2);
    add_op(MMUEXT_PIN_L4_TABLE, 2);
    run_calls();
}

static void test_flushes(void)
{
    struct mmuext_op op[9];

    /* The kernel's own tree: read-only from the start, found by its entries. */
    set_up_kernel();
    expect_flushes(1);

    make_tree(9);
    pin_by_calls(9);
    expect_flushes(1);
    expect_level(2, 4);
    expect_level(6, 3);
    expect_level(14, 2);
    expect_level(48, 1);

    /* All become data again: mapped together, so one flush if any. */
    nr_map_lists = 0;
    add_op(MMUEXT_UNPIN_TABLE, 2);
    for (unsigned int i = 0; i < 9; i++) {
        add_op(MMUEXT_UNPIN_TABLE, 40 + i);
        add_writable(40 + i);
    }
    add_writable(14);
    add_writable(6);
    add_writable(2);
    run_calls();
    expect_flushes(0);
    if (nr_map_lists != 1) {
        fail("was not mapped together with the others", 2);
    }
    if (!dma_mapped[2] || !dma_mapped[40] || !dma_mapped[48]) {
        fail("is data again and not mapped", 2);
    }

    /* Several trees in one list of operations, none mapped by anyone. */
    set_up_kernel();
    nr_flushes = 0;
    for (unsigned int i = 0; i < 9; i++) {
        add_va((uint64_t)(40 + i) << 12, 0);
        op[i] = (struct mmuext_op){ .cmd = MMUEXT_PIN_L1_TABLE,
                                    .arg1.mfn = 40 + i };
    }
    run_calls();
    hypercall(do_mmuext_op, op, 9);
    expect_flushes(1);

    /*
     * A tree that is refused in the end (it maps a table writable), and a page
     * that was only made read-only beside it: that one stays what it was.
     */
    set_up_kernel();
    nr_flushes = 0;
    make_tree(9);
    ((uint64_t *)(void *)ram[48])[7] = pte_make(MFN(1), PTE_P | PTE_RW);
    add_readonly(60);
    pin_by_calls(9);
    expect_flushes(1);
    if (calls[20].result == 0 || calls[22].result == 0 ||
        calls[4].result != 0) {
        fail("has the wrong result", 48);
    }
    expect_level(40, 1);
    if (!dma_mapped[60] || frames[60].type != PGT_FRESH) {
        fail("was taken for a table", 60);
    }
    tear_down();
}

/* One of our frames that the guest maps goes through the list of a tree. */
static void test_shared(void)
{
    set_up_kernel();
    make_tree(3);
    add_va(UINT64_C(41) << 12, 0);
    run_calls();
    page_list_del(&dom.pages, &frames[41]);
    frames[41].count = PAGE_HYP | 1;
    frames[41].type = PGT_FRESH | 1;
    dma_mapped[41] = false;
    pin_by_calls(3);
    if (calls[5].result == 0) {
        fail("is shared and became a table", 41);
    }
    expect_level(40, 1);
    check();
}

static mfn_t count_up(void *arg)
{
    unsigned int *const n = arg;

    return MFN((*n)++);
}

/* Frames given up in a list, the first of which are in use or not there. */
static void test_frames(void)
{
    unsigned int next = 35;
    unsigned int first = 0;

    set_up_kernel();
    for (unsigned int i = 40; i < 96; i++) {
        add_va((uint64_t)i << 12, 0);
        if (nr_calls == CALLS_MAX) {
            run_calls();
        }
    }
    run_calls();
    nr_flushes = 0;
    last_call = "frames";
    if (pv_ahead_frames(&dom, count_up, &next, 100) != 100) {
        fail("was not asked for", next);
    }
    for (unsigned int i = 40; i < 90; i++) {
        if (dma_mapped[i]) {
            fail("can be reached ahead of its end", i);
        }
        (void)page_put_alloc(&frames[i]);
    }
    pv_batch_end();
    check();
    for (unsigned int i = 0; i < NR_PAGES; i++) {
        first += freed[i];
    }
    if (first != 50 || !dma_mapped[39] || !dma_mapped[92]) {
        fail("was given up, or not", 92);
    }
    expect_flushes(1);
    tear_down();
}

/* Frames 40 to 49 have no use any more and are about to be given up. */
static void ahead_of_ten(const char *name)
{
    unsigned int next = 40;

    set_up_kernel();
    for (unsigned int i = 40; i < 50; i++) {
        add_va((uint64_t)i << 12, 0);
    }
    run_calls();
    last_call = name;
    if (pv_ahead_frames(&dom, count_up, &next, 10) != 10) {
        fail("was not asked for", next);
    }
}

/* Given up, and another's, or its owner's again, before the hypercall ends. */
static void test_other_hands(void)
{
    ahead_of_ten("other hands");
    /* Free; another domain's in the same state; one that is being freed. */
    frames[41].count = 0;
    frames[41].owner = DOMID_INVALID;
    frames[41].type = 0;
    frames[42].owner = 7;
    frames[43].count = 0;
    pv_batch_end();
    if (dma_mapped[41] || dma_mapped[42] || dma_mapped[43]) {
        fail("was freed and is mapped", 41);
    }
    if (!dma_mapped[40] || !dma_mapped[44]) {
        fail("is left out of devices' reach", 40);
    }
    if (frames[42].type != (PGT_FRESH | PGT_AHEAD)) {
        fail("was another's and changed", 42);
    }
}

/* A page that is a table and data again within a call is there twice. */
static void test_twice(void)
{
    set_up_kernel();
    add_readonly(41);
    add_readonly(40);
    add_op(MMUEXT_PIN_L1_TABLE, 40);
    add_op(MMUEXT_PIN_L1_TABLE, 41);
    for (unsigned int k = 0; k < 2; k++) {
        add_op(MMUEXT_UNPIN_TABLE, 40);
        add_writable(40);
        add_readonly(40);
        add_op(MMUEXT_PIN_L1_TABLE, 40);
    }
    add_op(MMUEXT_UNPIN_TABLE, 40);
    add_writable(40);
    run_calls();
    expect_flushes(2);
    if (!dma_mapped[40]) {
        fail("is data again and not mapped", 40);
    }
    expect_level(41, 1);
    tear_down();
}

/* Part of the list cannot be read: what is known by then is taken. */
static void test_hole(void)
{
    for (unsigned int k = 0; k < 24; k++) {
        set_up_kernel();
        make_tree(9);
        guest_hole = (uintptr_t)&calls[k].op + (k % 2 ? 24 : 0);
        pin_by_calls(9);
        guest_hole = 0;
        expect_level(2, 4);
        expect_level(48, 1);
        if (nr_flushes < 2 || nr_flushes > 12) {
            fail("was looked for in a hole", nr_flushes);
        }
        tear_down();
    }
}

static unsigned int busy_page;

/* Another CPU is done with a page. */
static void let_go(int sig)
{
    (void)sig;
    if (busy_page == 44 && !dma_mapped[43]) {
        fail("is held while another is waited for", 43);
    }
    (void)atomic_and(&frames[busy_page].type, ~PGT_BUSY);
    busy_page = 0;
}

static void hold(unsigned int page)
{
    const struct itimerval soon = { .it_value = { .tv_usec = 20000 } };

    busy_page = page;
    (void)atomic_or(&frames[page].type, PGT_BUSY);
    if (signal(SIGALRM, let_go) == SIG_ERR ||
        setitimer(ITIMER_REAL, &soon, NULL)) {
        fail("cannot be held", page);
    }
}

/* A page that another CPU holds is neither freed nor mapped meanwhile. */
static void test_held(void)
{
    ahead_of_ten("held");
    hold(41);
    (void)page_put_alloc(&frames[41]);
    if (busy_page || !freed[41]) {
        fail("was freed while it was busy", 41);
    }
    hold(44);
    pv_batch_end();
    if (busy_page || !dma_mapped[44] || !dma_mapped[49]) {
        fail("was not waited for", 44);
    }
    check();
    tear_down();
}

/* --- several vCPUs --------------------------------------------------------- */

/* A table that somebody may use, and that a device reaches. */
static void spot_check(unsigned int page)
{
    const uint64_t x = read_once(frames[page].type);
    bool mapped;

    pthread_mutex_lock(&dma_lock);
    mapped = dma_mapped[page] || dma_stale[page];
    pthread_mutex_unlock(&dma_lock);
    if (mapped && (x & PGT_TYPE) == PGT_L1 && (x & PGT_COUNT) &&
        !(x & PGT_BUSY) && read_once(frames[page].type) == x) {
        fail("is a table that a device reaches", page);
    }
}

/* A page whose caches nobody will flush. One look may fall between changes. */
static void spot_check_uncached(unsigned int page)
{
    const uint64_t *const e = (const uint64_t *)(const void *)ram[30] + page;
    const uint64_t want = PTE_P | PTE_RW | PTE_PCD;

    for (unsigned int k = 0; k < 4; k++) {
        const uint64_t before = read_once(*e);
        const uint64_t x = read_once(frames[page].type);

        if ((before & want) != want || read_once(*e) != before ||
            (x & (PGT_TYPE | PGT_BUSY | PGT_NONCOHERENT)) != PGT_WRITABLE) {
            return;
        }
    }
    fail("is mapped uncached and not marked so", page);
}

/* Lists that pin, unpin and map a few pages, in any order. */
static void *run_vcpu(void *arg)
{
    struct mmuext_op op = { .cmd = MMUEXT_NEW_BASEPTR, .arg1.mfn = 1 };

    model_cpu = (unsigned int)(uintptr_t)arg;
    current = &vcpus[model_cpu];
    hypercall(do_mmuext_op, &op, 1);
    for (unsigned int i = 0; i < 20000; i++) {
        const unsigned int nr = 3 + below(12);

        while (nr_calls < nr) {
            const unsigned int page = 40 + below(8);

            switch (below(5)) {
            case 0:
                add_readonly(page);
                break;
            case 3:
                add_va((uint64_t)page << 12,
                       pte_make(MFN(page), PTE_P | PTE_RW | PTE_PCD | PTE_PWT));
                break;
            case 1:
                add_writable(page);
                break;
            case 2:
                add_op(MMUEXT_UNPIN_TABLE, page);
                break;
            default:
                add_readonly(page);
                add_op(MMUEXT_PIN_L1_TABLE, page);
                break;
            }
        }
        run_calls();
        spot_check(40 + below(8));
        spot_check_uncached(40 + below(8));
    }
    return NULL;
}

static void test_vcpus(void)
{
    pthread_t thread[NR_CPUS];

    set_up_kernel();
    dom.privileged = true; /* it may map RAM uncached */
    preempting = true;
    threaded = true;
    alarm(60); /* two that wait for each other wait for ever */
    for (uintptr_t i = 0; i < NR_CPUS; i++) {
        if (pthread_create(&thread[i], NULL, run_vcpu, (void *)i)) {
            fail("has no thread", (unsigned int)i);
        }
    }
    for (unsigned int i = 0; i < NR_CPUS; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    alarm(0);
    threaded = false;
    last_call = "several vCPUs";
    check();
    tear_down();
}

int main(void)
{
    test_flushes();
    test_other_hands();
    test_twice();
    test_hole();
    test_held();
    test_shared();
    test_frames();
    for (seed = 1; seed <= NR_SEEDS; seed++) {
        set_up();
        for (unsigned int i = 0; i < NR_CALLS; i++) {
            if (below(10) < 4) {
                random_updates();
            } else if (current->pv.kernel_l4_set && below(6) == 0) {
                random_calls();
            } else {
                random_ext();
            }
            if (current->pv.kernel_l4_set && below(4) == 0) {
                random_va();
            }
        }
        tear_down();
    }
    test_vcpus();
    printf("%u seeds, %u calls each\n", NR_SEEDS, NR_CALLS);
    return 0;
}
