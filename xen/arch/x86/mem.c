/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the memory map to running allocators: direct map of all RAM, frame table,
 * M2P, image permissions. Until the buddy allocator runs, memory is taken from
 * the top of the highest free range that is already mapped.
 */
#include <xen/bug.h>
#include <xen/errno.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/page-pool.h>
#include <xen/printk.h>

#include <asm/boot-info.h>
#include <asm/cpufeature.h>
#include <asm/e820.h>
#include <asm/mm-types.h>
#include <asm/pagetable.h>
#include <asm/setup.h>
#include <asm/system.h>

extern char xen_start[], xen_text_end[], xen_rodata_start[], xen_data_start[],
    xen_end[];

struct span {
    paddr_t start;
    paddr_t end;
};

#define MAX_SPANS 192
static struct span free_span[MAX_SPANS]; /* RAM nobody uses yet, ascending */
static unsigned int nr_spans;
static paddr_t mapped_end = UINT64_C(0x100000000); /* direct map so far */
static bool heap_ready;

uint64_t total_frames;
uint64_t max_mfn;

static void span_insert(unsigned int at, paddr_t start, paddr_t end)
{
    if (nr_spans == MAX_SPANS) {
        panic("memory map has more than %u pieces", MAX_SPANS);
    }
    memmove(&free_span[at + 1], &free_span[at],
            (nr_spans - at) * sizeof(free_span[0]));
    free_span[at] = (struct span){ start, end };
    nr_spans++;
}

static void span_remove(paddr_t start, paddr_t end)
{
    for (unsigned int i = 0; i < nr_spans; i++) {
        struct span *s = &free_span[i];

        if (end <= s->start || start >= s->end) {
            continue;
        }
        if (start > s->start && end < s->end) {
            span_insert(i + 1, end, s->end);
            free_span[i].end = start;
            return;
        }
        if (start <= s->start) {
            s->start = min_of(end, s->end);
        } else {
            s->end = start;
        }
    }
}

/* Highest @size bytes below the end of the direct map; panics if there is none. */
static paddr_t early_alloc(uint64_t size, uint64_t align)
{
    for (unsigned int i = nr_spans; i-- > 0;) {
        struct span *s = &free_span[i];
        const paddr_t end = min_of(s->end, mapped_end);
        paddr_t start;

        if (end <= s->start || end - s->start < size) {
            continue;
        }
        start = align_down(end - size, align);
        if (start >= s->start) {
            const paddr_t tail = start + size;

            span_remove(start, tail);
            return start;
        }
    }
    panic("not enough memory: no free %lu KiB", (unsigned long)(size >> 10));
}

uint64_t *boot_table_alloc(void)
{
    void *p;

    if (heap_ready) {
        return pg_alloc_zeroed();
    }
    p = pa_to_va(early_alloc(PAGE_SIZE, PAGE_SIZE));
    memset(p, 0, PAGE_SIZE);
    return p;
}

static void find_free_ram(void)
{
    unsigned int nr;
    const struct e820_entry *e = e820_host(&nr);

    for (unsigned int i = 0; i < nr; i++) {
        const paddr_t start = align_up(e[i].addr, PAGE_SIZE);
        const paddr_t end = align_down(e[i].addr + e[i].size, PAGE_SIZE);

        if (e[i].type == E820_RAM && end > start) {
            span_insert(nr_spans, start, end);
            max_mfn = max_of(max_mfn, end >> PAGE_SHIFT);
            total_frames += (end - start) >> PAGE_SHIFT;
        }
    }
    if (max_mfn > (DIRECTMAP_END - DIRECTMAP_START) >> PAGE_SHIFT) {
        panic("RAM up to %#lx: more than the direct map holds",
              (unsigned long)(max_mfn << PAGE_SHIFT));
    }
    /* The first MiB stays firmware's: BIOS data, our trampoline. */
    span_remove(0, 0x100000);
    span_remove((paddr_t)xen_start - XEN_VIRT_START,
                (paddr_t)xen_end - XEN_VIRT_START);
    for (unsigned int i = 0; i < boot_info.nr_modules; i++) {
        const struct boot_module *m = &boot_info.modules[i];

        span_remove(align_down(m->pa, PAGE_SIZE),
                    align_up(m->pa + m->len, PAGE_SIZE));
    }
}

static void must_map(uint64_t va, paddr_t pa, uint64_t size, uint64_t flags)
{
    const int rc = pt_map(va, pa, size, flags);

    if (rc) {
        panic("cannot map %#lx at %#lx: error %d", (unsigned long)pa,
              (unsigned long)va, rc);
    }
}

static uint64_t data_flags(void)
{
    return PTE_P | PTE_RW | PTE_A | PTE_D | (boot_cpu.pge ? PTE_G : 0) |
           (boot_cpu.nx ? PTE_NX : 0);
}

/* All of RAM, in whole 2 MiB pieces; the boot tables cover the first 4 GiB. */
static void map_ram(void)
{
    unsigned int nr;
    const struct e820_entry *e = e820_host(&nr);
    paddr_t done = mapped_end;

    for (unsigned int i = 0; i < nr; i++) {
        const paddr_t start = max_of(align_down(e[i].addr, BIT64(21)), done);
        const paddr_t end = align_up(e[i].addr + e[i].size, BIT64(21));

        if (e[i].type == E820_RAM && end > start) {
            must_map(DIRECTMAP_START + start, start, end - start, data_flags());
            done = end;
        }
    }
    mapped_end = max_of(done, mapped_end);
}

/* Tools may read frames of ours, by the name of DOMID_XEN; for ever, never write. */
static void show_frames(paddr_t pa, uint64_t bytes)
{
    struct page_info *const pg = mfn_to_page(pa_to_mfn(pa));

    for (uint64_t i = 0; i < bytes >> PAGE_SHIFT; i++) {
        pg[i].owner = DOMID_XEN;
        pg[i].count = PAGE_HYP | 1;
        pg[i].type = PGT_NONE | 1; /* in use, so never writable */
    }
}

/*
 * Back a table indexed by frame number (frame table, M2P) where RAM needs it.
 * @alias_va: where guests see it, if they do. @entry: bytes a frame; @fill:
 * initial byte.
 */
static void map_frame_array(uint64_t va, uint64_t alias_va, unsigned int entry,
                            int fill)
{
    const uint64_t chunk = BIT64(21);
    unsigned int nr;
    const struct e820_entry *e = e820_host(&nr);
    uint64_t done = 0;

    for (unsigned int i = 0; i < nr; i++) {
        const uint64_t first = (e[i].addr >> PAGE_SHIFT) * entry;
        const uint64_t last =
            ((e[i].addr + e[i].size + PAGE_SIZE - 1) >> PAGE_SHIFT) * entry;
        uint64_t at = max_of(align_down(first, chunk), done);

        if (e[i].type != E820_RAM) {
            continue;
        }
        for (; at < last; at += chunk) {
            const paddr_t pa = early_alloc(chunk, chunk);

            memset(pa_to_va(pa), fill, chunk);
            must_map(va + at, pa, chunk, data_flags());
            if (alias_va) {
                must_map(alias_va + at, pa, chunk,
                         (data_flags() & ~(PTE_RW | PTE_D)) | PTE_US);
                show_frames(pa, chunk);
            }
            done = at + chunk;
        }
    }
}

/* One bit for each 64 frames (256 KiB) that are all RAM would do; keep exact. */
uint64_t *ram_bitmap;

static void bitmap_fill(uint64_t first, uint64_t end)
{
    for (; first < end && first % 64; first++) {
        ram_bitmap[first / 64] |= BIT64(first % 64);
    }
    for (; first + 64 <= end; first += 64) {
        ram_bitmap[first / 64] = ~UINT64_C(0);
    }
    for (; first < end; first++) {
        ram_bitmap[first / 64] |= BIT64(first % 64);
    }
}

static void make_ram_bitmap(void)
{
    const uint64_t bytes = align_up(div_round_up(max_mfn, 8), PAGE_SIZE);
    unsigned int nr;
    const struct e820_entry *e = e820_host(&nr);

    ram_bitmap = pa_to_va(early_alloc(bytes, PAGE_SIZE));
    memset(ram_bitmap, 0, bytes);
    for (unsigned int i = 0; i < nr; i++) {
        if (e[i].type == E820_RAM) {
            bitmap_fill(align_up(e[i].addr, PAGE_SIZE) >> PAGE_SHIFT,
                        (e[i].addr + e[i].size) >> PAGE_SHIFT);
        }
    }
}

/* Text is read-only and executable, constants read-only, data not executable. */
static void protect_image(void)
{
    const uint64_t nx = boot_cpu.nx ? PTE_NX : 0;
    const uint64_t g = boot_cpu.pge ? PTE_G : 0;
    uint64_t *l3 = mfn_to_va(pte_mfn(idle_l4[PT_SLOT(XEN_VIRT_START, 4)]));
    uint64_t *l2 = boot_table_alloc();

    if (!l2) {
        panic("no memory for the image's page table");
    }
    for (uint64_t va = (uint64_t)xen_start; va < (uint64_t)xen_end;
         va += BIT64(21)) {
        uint64_t flags = PTE_P | PTE_A | PTE_D | PTE_PS | g;

        if (va >= (uint64_t)xen_data_start) {
            flags |= PTE_RW | nx;
        } else if (va >= (uint64_t)xen_rodata_start) {
            flags |= nx;
        }
        l2[PT_SLOT(va, 2)] = pte_make(pa_to_mfn(va - XEN_VIRT_START), flags);
    }
    l3[PT_SLOT(XEN_VIRT_START, 3)] =
        pte_make(va_to_mfn(l2), PTE_P | PTE_RW | PTE_A);
}

/* A guest's L4 is filled once, so every slot of ours gets its table now. */
static void make_all_slots(void)
{
    for (unsigned int i = HYP_FIRST_SLOT; i <= HYP_LAST_SLOT; i++) {
        if (!(idle_l4[i] & PTE_P)) {
            idle_l4[i] = pte_make(va_to_mfn(boot_table_alloc()),
                                  PTE_P | PTE_RW | PTE_US | PTE_A);
        } else {
            idle_l4[i] |= PTE_US | PTE_A;
        }
    }
}

void mem_free_range(paddr_t start, paddr_t end)
{
    for (paddr_t pa = start; pa + PAGE_SIZE <= end;) {
        const uint64_t mfn = pa >> PAGE_SHIFT;
        unsigned int order = min_of(ctz64(mfn), 20u);

        while (pa + (PAGE_SIZE << order) > end) {
            order--;
        }
        pg_free(mfn_to_page(MFN(mfn)), order);
        pa += PAGE_SIZE << order;
    }
}

void boot_fn mem_init(void)
{
    find_free_ram();
    make_all_slots();
    map_ram();
    protect_image();
    write_cr3(read_cr3());
    make_ram_bitmap();
    map_frame_array(FRAMETABLE_START, 0, sizeof(struct page_info), 0);
    map_frame_array(M2P_RW_START, M2P_START, sizeof(uint64_t), 0xff);
    heap_ready = true;
    for (unsigned int i = 0; i < nr_spans; i++) {
        mem_free_range(free_span[i].start, free_span[i].end);
    }
    log_info("memory: %lu MiB of RAM, %lu MiB free, top %#lx\n",
             (unsigned long)(total_frames >> 8),
             (unsigned long)(pg_free_total() >> 8),
             (unsigned long)(max_mfn << PAGE_SHIFT));
}

/* --- page-pool port: pages of the IOMMU engine --- */

/*
 * Pages come from the heap in batches. A domain that gives memory back has its
 * large leaf split, and the heap's next single page then lies in that very leaf:
 * as a table it would keep the leaf from ever being joined again.
 */
#define POOL_BATCH_ORDER 5   /* ours */
#define POOL_KEEP        64u /* ours: free pages kept beyond a batch */

static spinlock_t pool_lock = SPINLOCK_INIT; /* leaf */
static uint32_t pool_head;                   /* mfn + 1; 0: none */
static unsigned int pool_pages;

static bool pool_push(struct page_info *pg, unsigned int limit)
{
    const unsigned long flags = spin_lock_irqsave(&pool_lock);
    const bool room = pool_pages < limit;

    if (room) {
        pg->next = pool_head;
        pool_head = (uint32_t)page_to_mfn(pg).n + 1;
        pool_pages++;
    }
    spin_unlock_irqrestore(&pool_lock, flags);
    return room;
}

static struct page_info *pool_pop(void)
{
    const unsigned long flags = spin_lock_irqsave(&pool_lock);
    struct page_info *pg = NULL;

    if (pool_head) {
        pg = mfn_to_page(MFN(pool_head - 1));
        pool_head = pg->next;
        pool_pages--;
    }
    spin_unlock_irqrestore(&pool_lock, flags);
    return pg;
}

static struct page_info *pool_refill(void)
{
    struct page_info *const pg = pg_alloc(POOL_BATCH_ORDER, ALLOC_ANY_BITS);

    if (!pg) {
        return pg_alloc(0, ALLOC_ANY_BITS);
    }
    for (unsigned int i = 1; i < 1u << POOL_BATCH_ORDER; i++) {
        pg[i].type = 0;
        pg[i].owner = DOMID_INVALID;
        pg[i].count = 1;
        (void)pool_push(&pg[i], ~0u);
    }
    return pg;
}

int pool_page_alloc(paddr_t *pa)
{
    struct page_info *pg = pool_pop();

    if (!pg) {
        pg = pool_refill();
    }
    if (!pg) {
        return -ENOMEM;
    }
    *pa = mfn_to_pa(page_to_mfn(pg));
    return 0;
}

void pool_page_free(paddr_t pa)
{
    struct page_info *const pg = mfn_to_page(pa_to_mfn(pa));

    if (!pool_push(pg, POOL_KEEP)) {
        pg_free(pg, 0);
    }
}

/* What means something only for free pages and pages of domains. */
static_assert(sizeof(struct page_info) == POOL_RECORD_BYTES &&
                  offsetof(struct page_info, next) == POOL_META_OFFSET &&
                  POOL_META_OFFSET + POOL_META_BYTES == POOL_RECORD_BYTES,
              "an engine's words end the record");
