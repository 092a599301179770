// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/arch/x86/pv/mm-types.c xen/arch/x86/pv/mm-validate.c
// SOURCES: xen/arch/x86/pv/mm-update.c xen/arch/x86/pv/mmuext.c
// SOURCES: xen/arch/x86/pv/va-mapping.c
// CFLAGS: -include tests/model/pv-mm/shim.h -I xen/arch/x86/include
/*
 * Page types under random hypercalls of one vCPU. After each call every count is
 * compared with one recomputed from the tables, no table may be mapped writable
 * and "writable" must mean DMA-mapped. Calls are preempted and abandoned half
 * way at random, DMA mapping fails now and then; in the end teardown must get
 * every page back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

#define NR_PAGES  96
#define NR_SEEDS  40
#define NR_CALLS  600
#define MMIO_LAST 1999 /* first is 1000 */
#define MMIO_RO   1500

static struct page_info frames[NR_PAGES];
static uint8_t ram[NR_PAGES][PAGE_SIZE] aligned_to(4096);
static bool dma_mapped[NR_PAGES];
static bool freed[NR_PAGES];
static struct domain dom;
static struct vcpu vcpu;
static bool preempting;
static unsigned int seed;
static const char *last_call = "start";

uint64_t m2p_tab[NR_PAGES];
uint32_t perf_values[PERF_ROW_WORDS];
struct vcpu *current = &vcpu;
struct domain *dom0;
struct cpu_features boot_cpu = { .phys_bits = 40, .nx = true };
cpumask_t cpu_online = { 1 };

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
    if (!(pg->count & PAGE_COUNT) || pg->owner != d->id) {
        return false;
    }
    pg->count++;
    return true;
}

void page_put(struct page_info *pg)
{
    const unsigned int i = (unsigned int)(pg - frames);

    if (!(pg->count & PAGE_COUNT)) {
        fail("put once too often", i);
    }
    if (--pg->count & PAGE_COUNT) {
        return;
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
    if (below(50) == 0) {
        return -ENOMEM;
    }
    dma_mapped[mfn.n] = true;
    return 0;
}

int dom_iommu_unmap_ram(struct domain *d, mfn_t mfn, uint64_t nr,
                        enum iommu_cause cause)
{
    (void)cause;
    if (d != &dom || nr != 1 || !dma_mapped[mfn.n]) {
        fail("DMA-unmapped twice", (unsigned int)mfn.n);
    }
    dma_mapped[mfn.n] = false;
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

static struct hypercall_args next_args;
static bool continued;

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
        if (((type & PGT_TYPE) == PGT_WRITABLE) != dma_mapped[i]) {
            fail("type and DMA mapping differ", i);
        }
        want_refs[i] += !!(frames[i].count & PAGE_ALLOCATED);
        want_refs[i] += !!(type & PGT_PARTIAL);
        if (type & PGT_PINNED) {
            expect_ref(i, true);
        }
        expect_entries(i);
    }
    if (vcpu.pv.kernel_l4_set) {
        expect_ref(vcpu.pv.kernel_l4.n, true);
    }
    if (vcpu.pv.user_l4_set) {
        expect_ref(vcpu.pv.user_l4.n, true);
    }
    if (vcpu.pv.put_pending) {
        expect_ref((uint64_t)(vcpu.pv.put_pending - frames), true);
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

static void set_up(void)
{
    memset(&dom, 0, sizeof(dom));
    memset(&vcpu, 0, sizeof(vcpu));
    memset(ram, 0, sizeof(ram));
    memset(frames, 0, sizeof(frames));
    memset(freed, 0, sizeof(freed));
    memset(dma_mapped, 0, sizeof(dma_mapped));
    srand(seed);
    preempting = seed % 2;
    dom.id = 1;
    dom.max_vcpus = 1;
    dom.vcpu[0] = &vcpu;
    dom.iommu_sync = true;
    dom.privileged = seed % 3 == 0;
    dom.dirty.bits = 1;
    dom.pages = (struct page_list)PAGE_LIST_INIT;
    vcpu.domain = &dom;
    vcpu.pv.kernel_mode = true;
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

int main(void)
{
    for (seed = 1; seed <= NR_SEEDS; seed++) {
        set_up();
        for (unsigned int i = 0; i < NR_CALLS; i++) {
            if (below(10) < 4) {
                random_updates();
            } else {
                random_ext();
            }
            if (vcpu.pv.kernel_l4_set && below(4) == 0) {
                random_va();
            }
        }
        tear_down();
    }
    printf("%u seeds, %u calls each\n", NR_SEEDS, NR_CALLS);
    return 0;
}
