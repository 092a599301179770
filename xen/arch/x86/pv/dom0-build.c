/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Building Dom0: how much memory, what lies where, the tables and the start
 * info. Memory comes in the largest blocks there are; each block is typed,
 * DMA-mapped and entered into M2P and P2M as a whole. Page-table pages are left
 * out of the DMA mapping from the start. Boot only, nothing else runs.
 * Spec: <public/xen.h> "struct start_info".
 */
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/cmdline.h>
#include <xen/console.h>
#include <xen/dom-iommu.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/printk.h>
#include <xen/rangeset.h>
#include <xen/time.h>
#include <xen/wallclock.h>

#include <asm/current.h>
#include <asm/dom0-caps.h>
#include <asm/dom0-image.h>
#include <asm/mm-types.h>
#include <asm/page.h>
#include <asm/pagetable.h>
#include <asm/setup.h>

#define MAX_BLOCK_ORDER 18 /* 1 GiB: the largest DMA leaf */

/* Kept for ourselves out of free memory: 1/16, but not over this. */
#define RESERVE_MAX_FRAMES (UINT64_C(128) << (20 - PAGE_SHIFT))

/* --- options --- */

struct mem_size {
    bool set;
    bool negative;        /* all memory but this much */
    unsigned int percent; /* of free memory, added to frames */
    uint64_t frames;
};

static struct mem_size want_size;
static struct mem_size want_min;
static struct mem_size want_max;
static unsigned int opt_vcpus_min = 1;
static unsigned int opt_vcpus_max = MAX_CPUS;

/* <size>, -<size>, <n>%, or <size>+<n>% */
static int parse_mem_size(const char *s, struct mem_size *out)
{
    struct mem_size m = { .set = true };
    uint64_t v;
    int rc;

    if (*s == '-') {
        m.negative = true;
        s++;
    }
    rc = parse_size(s, &v, 1024, &s);
    if (!rc && *s == '%' && !m.negative) {
        /* parse_size() scaled it: a bare number counts KiB. */
        m.percent = (unsigned int)min_of(v / 1024, UINT64_C(1000));
        v = 0;
        s++;
    } else if (!rc && *s == '+' && !m.negative) {
        uint64_t pc;

        rc = parse_u64(s + 1, &pc, &s);
        if (!rc && (*s != '%' || pc > 100)) {
            rc = -EINVAL;
        } else if (!rc) {
            m.percent = (unsigned int)pc;
            s++;
        }
    }
    if (rc || *s || m.percent > 100) {
        return -EINVAL;
    }
    m.frames = v >> PAGE_SHIFT;
    *out = m;
    return 0;
}

static int parse_dom0_mem(const char *value)
{
    char item[64];

    while (cmdline_next_item(&value, item, sizeof(item))) {
        int rc;

        if (!strncmp(item, "min:", 4)) {
            rc = parse_mem_size(item + 4, &want_min);
        } else if (!strncmp(item, "max:", 4)) {
            rc = parse_mem_size(item + 4, &want_max);
        } else {
            rc = parse_mem_size(item, &want_size);
        }
        if (rc) {
            return rc;
        }
    }
    return 0;
}
custom_param("dom0_mem", parse_dom0_mem);

/* <n> or <min>-<max> or -<max> */
static int parse_dom0_vcpus(const char *value)
{
    uint64_t lo = 1;
    uint64_t hi = 0;
    int rc = 0;

    if (*value != '-') {
        rc = parse_u64(value, &lo, &value);
        hi = lo;
    }
    if (!rc && *value == '-') {
        hi = MAX_CPUS;
        if (value[1]) {
            rc = parse_u64(value + 1, &hi, &value);
        } else {
            value++;
        }
    }
    if (rc || *value || lo == 0 || hi < lo || lo > MAX_VCPUS) {
        return -EINVAL;
    }
    opt_vcpus_min = (unsigned int)lo;
    opt_vcpus_max = (unsigned int)min_of(hi, (uint64_t)MAX_VCPUS);
    return 0;
}
custom_param("dom0_max_vcpus", parse_dom0_vcpus);

/* --- layout --- */

/* All in bytes from pfn 0 unless the name says otherwise. */
struct layout {
    uint64_t start_info;
    uint64_t tables;
    uint64_t nr_tables; /* pages */
    uint64_t stack;
    uint64_t end;         /* what the initial tables map */
    uint64_t block_pages; /* frames of the first block */
    uint64_t initrd_pfn;
    uint64_t initrd_pages;
    uint64_t p2m_pfn;   /* of the P2M's own frames */
    uint64_t p2m_pages; /* tables and data */
    uint64_t nr_pages;  /* Dom0's memory */
};

struct builder {
    struct domain *d;
    struct dom0_image img;
    struct layout lay;
    const struct boot_module *initrd;
    mfn_t block;       /* machine frame of pfn 0 */
    uint64_t *l4;      /* of the initial tables */
    uint64_t *p2m;     /* contiguous frames; entry i is pfn i's frame */
    uint64_t p2m_data; /* first frame of it */
};

static uint64_t resolve(const struct mem_size *m, uint64_t avail)
{
    if (m->negative) {
        return avail > m->frames ? avail - m->frames : 0;
    }
    return m->frames + avail * m->percent / 100;
}

/* Frames Dom0 gets; @avail are free now and not yet the hypervisor's. */
static uint64_t choose_size(uint64_t avail, uint64_t initrd_pages)
{
    const uint64_t reserve = min_of(avail / 16, RESERVE_MAX_FRAMES);
    const uint64_t most = avail - reserve + initrd_pages;
    uint64_t n = want_size.set ? resolve(&want_size, avail) : most;

    if (want_min.set) {
        n = max_of(n, resolve(&want_min, avail));
    }
    if (want_max.set) {
        n = min_of(n, resolve(&want_max, avail));
    }
    if (n > most) {
        log_warn("boot: dom0_mem asks for %lu MiB, only %lu MiB can be had\n",
                 (unsigned long)(n >> 8), (unsigned long)(most >> 8));
        n = most;
    }
    return n;
}

/* Table pages to map @bytes from virt_base on in 4K leaves. */
static uint64_t tables_for(uint64_t virt_base, uint64_t bytes)
{
    const uint64_t last = virt_base + bytes - 1;
    uint64_t n = 1;

    for (unsigned int level = 2; level <= 4; level++) {
        const unsigned int shift = 12 + 9 * (level - 1);

        n += (last >> shift) - (virt_base >> shift) + 1;
    }
    return n;
}

static void plan(struct builder *b, uint64_t nr_pages)
{
    struct layout *l = &b->lay;
    uint64_t pos = align_up(b->img.end, PAGE_SIZE);

    l->nr_pages = nr_pages;
    if (!b->img.has_p2m_base) {
        boot_stop("Dom0 kernel without INIT_P2M note is not supported");
    }
    l->start_info = pos;
    l->tables = pos + PAGE_SIZE;
    for (l->nr_tables = 1;; l->nr_tables++) {
        l->stack = l->tables + (l->nr_tables << PAGE_SHIFT);
        /* At least 512 KiB of slack, then whole 4 MiB. ABI of the builder. */
        l->end = align_up(l->stack + PAGE_SIZE + (UINT64_C(512) << 10),
                          UINT64_C(4) << 20);
        if (tables_for(b->img.virt_base, l->end) <= l->nr_tables) {
            break;
        }
    }
    l->initrd_pages = b->initrd ? div_round_up(b->initrd->len, PAGE_SIZE) : 0;
    l->p2m_pages = div_round_up(nr_pages * 8, PAGE_SIZE);
    l->p2m_pages += tables_for(b->img.p2m_base, nr_pages * 8) - 1;
}

/* --- memory --- */

/* Frames get their place in M2P and P2M, and their type. */
static void enter_frames(struct builder *b, uint64_t pfn, mfn_t mfn,
                         uint64_t nr)
{
    uint64_t *m2p = m2p_slot(mfn);
    struct page_info *pg = mfn_to_page(mfn);

    if (pfn + nr > b->lay.nr_pages) {
        panic("Dom0 builder: pfn %#lx beyond its memory",
              (unsigned long)(pfn + nr));
    }
    for (uint64_t i = 0; i < nr; i++) {
        m2p[i] = pfn + i;
        pg[i].type = PGT_FRESH;
    }
    for (uint64_t i = 0; i < nr; i++) {
        b->p2m[pfn + i] = mfn.n + i;
    }
}

static void dma_map(struct builder *b, mfn_t mfn, uint64_t nr)
{
    const int rc = nr ? dom_iommu_map_ram(b->d, mfn, nr) : 0;

    if (rc) {
        boot_stop("Dom0: cannot map frames %#lx+%#lx for DMA, error %d",
                  (unsigned long)mfn.n, (unsigned long)nr, rc);
    }
}

/* Frames [skip, skip + nr_skip) of the run will be tables: no DMA, no type. */
static void dma_map_around(struct builder *b, mfn_t mfn, uint64_t nr,
                           uint64_t skip, uint64_t nr_skip)
{
    struct page_info *pg = mfn_to_page(mfn);

    dma_map(b, mfn, skip);
    for (uint64_t i = skip; i < skip + nr_skip; i++) {
        pg[i].type = PGT_NONE;
    }
    dma_map(b, mfn_add(mfn, skip + nr_skip), nr - skip - nr_skip);
}

static unsigned int order_of(uint64_t nr)
{
    return nr <= 1 ? 0 : fls64(nr - 1) + 1;
}

static struct page_info *take(struct builder *b, unsigned int order,
                              const char *what)
{
    struct page_info *pg = dom_alloc_pages(b->d, order, ALLOC_ANY_BITS);

    if (!pg) {
        boot_stop("Dom0: no %lu KiB of contiguous memory for %s", 4UL << order,
                  what);
    }
    return pg;
}

/* Give what a block has beyond @used back, in the largest pieces. */
static void trim(struct builder *b, struct page_info *pg, unsigned int order,
                 uint64_t used)
{
    for (uint64_t i = used; i < BIT64(order); i++) {
        if (!page_put_alloc(&pg[i])) {
            BUG();
        }
    }
    (void)b;
}

/* The initrd stays where the loader put it, if that is on a page boundary. */
static mfn_t place_initrd(struct builder *b)
{
    const struct boot_module *m = b->initrd;
    const uint64_t nr = b->lay.initrd_pages;
    struct domain *d = b->d;
    struct page_info *pg;
    unsigned int order;

    if (m->pa % PAGE_SIZE == 0 && mfn_valid(pa_to_mfn(m->pa))) {
        pg = mfn_to_page(pa_to_mfn(m->pa));
        for (uint64_t i = 0; i < nr; i++) {
            pg[i].type = 0;
            pg[i].owner = d->id;
            pg[i].count = PAGE_ALLOCATED | 1;
            page_list_add_tail(&d->pages, &pg[i]);
        }
        d->tot_pages += nr;
        return pa_to_mfn(m->pa);
    }
    order = order_of(nr);
    pg = take(b, order, "the initrd");
    memcpy(page_to_va(pg), pa_to_va(m->pa), m->len);
    trim(b, pg, order, nr);
    return page_to_mfn(pg);
}

static void take_rest(struct builder *b, uint64_t pfn)
{
    unsigned int order = MAX_BLOCK_ORDER;

    while (pfn < b->lay.nr_pages) {
        const uint64_t left = b->lay.nr_pages - pfn;
        struct page_info *pg;

        while (BIT64(order) > left) {
            order--;
        }
        pg = dom_alloc_pages(b->d, order, ALLOC_ANY_BITS);
        if (!pg && order == 0) {
            boot_stop("Dom0: out of memory after %lu of %lu MiB",
                      (unsigned long)(pfn >> 8),
                      (unsigned long)(b->lay.nr_pages >> 8));
        }
        if (!pg) {
            order--;
            continue;
        }
        enter_frames(b, pfn, page_to_mfn(pg), BIT64(order));
        dma_map(b, page_to_mfn(pg), BIT64(order));
        pfn += BIT64(order);
    }
}

/* --- page tables --- */

/* Next free page of a run of table pages. */
struct table_source {
    mfn_t next;
    uint64_t left;
};

static uint64_t *new_table(struct table_source *src)
{
    void *va = mfn_to_va(src->next);

    ASSERT(src->left > 0);
    src->left--;
    src->next = mfn_add(src->next, 1);
    return memset(va, 0, PAGE_SIZE);
}

#define GUEST_TABLE_BITS (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

/* The L1 slot of @va, tables made on the way. */
static uint64_t *slot_of(uint64_t *l4, uint64_t va, struct table_source *src)
{
    uint64_t *table = l4;

    for (unsigned int level = 4; level > 1; level--) {
        uint64_t *e = &table[PT_SLOT(va, level)];

        if (!(*e & PTE_P)) {
            *e = pte_make(va_to_mfn(new_table(src)), GUEST_TABLE_BITS);
        }
        table = mfn_to_va(pte_mfn(*e));
    }
    return &table[PT_SLOT(va, 1)];
}

static void map_kernel(struct builder *b)
{
    const struct layout *l = &b->lay;
    const uint64_t tables_end = l->tables + (l->nr_tables << PAGE_SHIFT);
    struct table_source src = { mfn_add(b->block, l->tables >> PAGE_SHIFT),
                                l->nr_tables };

    b->l4 = new_table(&src);
    for (uint64_t at = 0; at < l->end; at += PAGE_SIZE) {
        const bool table = at >= l->tables && at < tables_end;

        *slot_of(b->l4, b->img.virt_base + at, &src) = pte_make(
            mfn_add(b->block, at >> PAGE_SHIFT),
            pv_l1_adjust(b->d, PTE_P | PTE_A | PTE_D | (table ? 0 : PTE_RW)));
    }
    /* Pages planned for tables but not needed stay zero: valid, empty. */
    while (src.left) {
        new_table(&src);
    }
}

static void map_p2m(struct builder *b, mfn_t tables, uint64_t nr_tables)
{
    struct table_source src = { tables, nr_tables };
    const uint64_t bytes = align_up(b->lay.nr_pages * 8, PAGE_SIZE);

    for (uint64_t at = 0; at < bytes; at += PAGE_SIZE) {
        *slot_of(b->l4, b->img.p2m_base + at, &src) =
            pte_make(MFN(b->p2m_data + (at >> PAGE_SHIFT)),
                     pv_l1_adjust(b->d, PTE_P | PTE_RW | PTE_A | PTE_D));
    }
    while (src.left) {
        new_table(&src);
    }
}

/* --- start info and registers --- */

static void fill_start_info(struct builder *b, const char *cmdline)
{
    const struct layout *l = &b->lay;
    struct start_info *si = mfn_to_va(mfn_add(b->block, l->start_info >> 12));
    const size_t len = strnlen(cmdline, MAX_GUEST_CMDLINE - 1);

    memset(si, 0, PAGE_SIZE);
    memcpy(si->magic, "xen-3.0-x86_64p", 16);
    si->nr_pages = l->nr_pages;
    si->shared_info = mfn_to_pa(b->d->shared_mfn);
    si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
    si->pt_base = b->img.virt_base + l->tables;
    si->nr_pt_frames = l->nr_tables;
    si->mfn_list = b->img.p2m_base;
    si->first_p2m_pfn = l->p2m_pfn;
    si->nr_p2m_frames = l->p2m_pages;
    if (b->initrd) {
        si->flags |= SIF_MOD_START_PFN;
        si->mod_start = l->initrd_pfn;
        si->mod_len = b->initrd->len;
    }
    memcpy(si->cmd_line, cmdline, len);
    if (len < strlen(cmdline)) {
        log_warn("boot: Dom0's command line is cut to %u bytes\n",
                 MAX_GUEST_CMDLINE - 1);
    }
}

static void fill_registers(struct builder *b, struct vcpu *v)
{
    struct cpu_user_regs *r = &v->pv.regs;
    const struct layout *l = &b->lay;

    memset(r, 0, sizeof(*r));
    r->rip = b->img.entry;
    r->rsi = b->img.virt_base + l->start_info;
    r->rsp = b->img.virt_base + l->stack + PAGE_SIZE;
    r->rflags = RFLAGS_IF | RFLAGS_MBS;
    r->cs = SEL_GUEST_CS64;
    r->ss = SEL_GUEST_DS;
    v->pv.kernel_ss = SEL_GUEST_DS;
    v->pv.kernel_sp = r->rsp;
    v->pv.kernel_mode = true;
}

static const char *kernel_cmdline(const char *line)
{
    /* The first word is the file's name. */
    const char *space = strchr(line, ' ');

    return space ? space + 1 : "";
}

static void build_memory(struct builder *b)
{
    struct layout *l = &b->lay;
    const unsigned int order = order_of(l->end >> PAGE_SHIFT);
    unsigned int p2m_order;
    struct page_info *block;
    struct page_info *p2m_block;
    uint64_t nr_p2m_tables;
    uint64_t pfn;
    mfn_t initrd = MFN(0);

    l->block_pages = BIT64(order);
    p2m_order = order_of(l->p2m_pages);
    if (l->block_pages + l->initrd_pages + BIT64(p2m_order) > l->nr_pages) {
        boot_stop("dom0_mem: %lu MiB is too little, kernel and initrd need %lu",
                  (unsigned long)(l->nr_pages >> 8),
                  (unsigned long)((l->block_pages + l->initrd_pages +
                                   BIT64(p2m_order) + 255) >>
                                  8));
    }
    block = take(b, order, "the kernel");
    b->block = page_to_mfn(block);
    p2m_block = take(b, p2m_order, "the P2M");
    if (b->initrd) {
        initrd = place_initrd(b);
    }
    nr_p2m_tables = l->p2m_pages - div_round_up(l->nr_pages * 8, PAGE_SIZE);
    b->p2m_data = page_to_mfn(p2m_block).n + nr_p2m_tables;
    b->p2m = mfn_to_va(MFN(b->p2m_data));

    /* Frame numbers in order: first block, initrd, P2M, the rest. */
    enter_frames(b, 0, b->block, l->block_pages);
    pfn = l->block_pages;
    dma_map_around(b, b->block, l->block_pages, l->tables >> PAGE_SHIFT,
                   l->nr_tables);
    l->initrd_pfn = pfn;
    if (l->initrd_pages) {
        enter_frames(b, pfn, initrd, l->initrd_pages);
        dma_map(b, initrd, l->initrd_pages);
        pfn += l->initrd_pages;
    }
    l->p2m_pfn = pfn;
    enter_frames(b, pfn, page_to_mfn(p2m_block), BIT64(p2m_order));
    dma_map_around(b, page_to_mfn(p2m_block), BIT64(p2m_order), 0,
                   nr_p2m_tables);
    pfn += BIT64(p2m_order);
    take_rest(b, pfn);

    dom0_image_load(&b->img, mfn_to_va(b->block));
    map_kernel(b);
    map_p2m(b, page_to_mfn(p2m_block), nr_p2m_tables);
    memset(mfn_to_va(mfn_add(b->block, l->stack >> PAGE_SHIFT)), 0, PAGE_SIZE);
}

static void finish_vcpu(struct builder *b, struct vcpu *v)
{
    const mfn_t l4 = va_to_mfn(b->l4);
    int rc = pv_adopt_tables(b->d, l4);

    if (!rc) {
        rc = pv_new_l4(v, l4, false);
    }
    if (rc) {
        panic("Dom0: its initial page tables do not validate, error %d", rc);
    }
    fill_registers(b, v);
}

static void print_layout(const struct builder *b)
{
    const struct layout *l = &b->lay;
    const uint64_t base = b->img.virt_base;

    log_info("dom0: %lu MiB, kernel %#lx-%#lx, start info %#lx, tables "
             "%#lx+%lu, stack %#lx, entry %#lx\n",
             (unsigned long)(l->nr_pages >> 8),
             (unsigned long)(base + b->img.first),
             (unsigned long)(base + b->img.end),
             (unsigned long)(base + l->start_info),
             (unsigned long)(base + l->tables), (unsigned long)l->nr_tables,
             (unsigned long)(base + l->stack), (unsigned long)b->img.entry);
    log_info("dom0: first block %#lx+%#lx frames, initrd pfn %#lx+%#lx, P2M "
             "pfn %#lx+%#lx\n",
             (unsigned long)b->block.n, (unsigned long)l->block_pages,
             (unsigned long)l->initrd_pfn, (unsigned long)l->initrd_pages,
             (unsigned long)l->p2m_pfn, (unsigned long)l->p2m_pages);
}

void boot_fn dom0_build(void)
{
    static struct builder b;
    const char *why = "";
    struct vcpu *v0 = NULL;
    unsigned int nr_vcpus = cpumask_weight(&cpu_online);
    int rc;

    if (boot_info.nr_modules == 0) {
        boot_stop("no modules: the loader must pass Dom0's kernel");
    }
    log_info("boot: unpacking the kernel\n");
    rc = dom0_image_open(&boot_info.modules[0], &b.img, &why);
    if (rc) {
        boot_stop("Dom0 kernel: %s (error %d)", why, rc);
    }
    log_info("boot: kernel unpacked\n");
    if (boot_info.nr_modules > 1 && boot_info.modules[1].len) {
        b.initrd = &boot_info.modules[1];
    }
    nr_vcpus = max_of(opt_vcpus_min, min_of(nr_vcpus, opt_vcpus_max));

    log_info("boot: building dom0\n");
    rc = dom_create(0, nr_vcpus, true, &b.d);
    if (rc) {
        panic("Dom0: cannot be created, error %d", rc);
    }
    dom0 = b.d;
    for (unsigned int i = 0; i < nr_vcpus && !rc; i++) {
        struct vcpu *v;

        rc = vcpu_create(b.d, i, i % cpumask_weight(&cpu_online), &v);
        v0 = i == 0 ? v : v0;
    }
    if (!rc) {
        rc = dom0_iommu_init(b.d);
    }
    if (!rc) {
        rc = dom0_set_caps(b.d);
    }
    if (rc) {
        panic("Dom0: cannot be set up, error %d", rc);
    }
    plan(&b,
         choose_size(pg_free_total(),
                     b.initrd ? div_round_up(b.initrd->len, PAGE_SIZE) : 0));
    b.d->max_pages = b.lay.nr_pages;
    build_memory(&b);
    fill_start_info(&b, kernel_cmdline(boot_info.modules[0].cmdline));
    finish_vcpu(&b, v0);
    if (!want_max.set) {
        b.d->max_pages = ~UINT64_C(0);
    } else {
        b.d->max_pages =
            max_of(b.lay.nr_pages, resolve(&want_max, total_frames));
    }
    dom0_image_close(&b.img);
    mem_free_range(align_up(boot_info.modules[0].pa, PAGE_SIZE),
                   align_down(boot_info.modules[0].pa +
                                  boot_info.modules[0].len,
                              PAGE_SIZE));
    if (dom0_iommu_finish(b.d)) {
        panic("Dom0: its devices cannot be put behind the IOMMU");
    }
    print_layout(&b);
    time_update_wallclock(b.d);
    v0->down = 0;
    v0->initialised = true;
    log_info("boot: entering dom0\n");
    dom_unpause(b.d);
}
