/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who owns a frame and who uses it. page_info.count changes by compare-exchange;
 * a domain's list and totals are guarded by its page_lock, which nests outside
 * the heap lock.
 */
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/domain.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/printk.h>

#include <asm/mm-types.h>

void page_list_add_tail(struct page_list *l, struct page_info *pg)
{
    const uint32_t self = (uint32_t)page_to_mfn(pg).n;

    pg->next = PAGE_LIST_NONE;
    pg->prev = l->last;
    if (l->last != PAGE_LIST_NONE) {
        mfn_to_page(MFN(l->last))->next = self;
    } else {
        l->first = self;
    }
    l->last = self;
    l->nr++;
}

void page_list_del(struct page_list *l, struct page_info *pg)
{
    if (pg->prev != PAGE_LIST_NONE) {
        mfn_to_page(MFN(pg->prev))->next = pg->next;
    } else {
        l->first = pg->next;
    }
    if (pg->next != PAGE_LIST_NONE) {
        mfn_to_page(MFN(pg->next))->prev = pg->prev;
    } else {
        l->last = pg->prev;
    }
    l->nr--;
}

struct page_info *page_list_pop(struct page_list *l)
{
    struct page_info *pg;

    if (l->first == PAGE_LIST_NONE) {
        return NULL;
    }
    pg = mfn_to_page(MFN(l->first));
    page_list_del(l, pg);
    return pg;
}

struct page_info *dom_alloc_pages(struct domain *d, unsigned int order,
                                  unsigned int bits)
{
    const uint64_t nr = BIT64(order);
    struct page_info *pg;

    spin_lock(&d->page_lock);
    if (d->dying || d->tot_pages + nr > d->max_pages) {
        spin_unlock(&d->page_lock);
        return NULL;
    }
    d->tot_pages += nr;
    spin_unlock(&d->page_lock);

    pg = pg_alloc(order, bits);
    if (!pg) {
        spin_lock(&d->page_lock);
        d->tot_pages -= nr;
        spin_unlock(&d->page_lock);
        return NULL;
    }
    /* What the firmware left in RAM may go to Dom0; a guest's must not. */
    if (d != dom0 || dom0->vcpu[0]->initialised) {
        memset(page_to_va(pg), 0, PAGE_SIZE << order);
    }
    spin_lock(&d->page_lock);
    for (uint64_t i = 0; i < nr; i++) {
        pg[i].type = 0;
        pg[i].owner = d->id;
        pg[i].tlb_stamp = 0;
        pg[i].nr_validated = 0;
        atomic_store(&pg[i].count, PAGE_ALLOCATED | 1);
        page_list_add_tail(&d->pages, &pg[i]);
    }
    spin_unlock(&d->page_lock);
    return pg;
}

void page_share_with(struct page_info *pg, struct domain *d)
{
    pg->owner = d->id;
    pg->type = PGT_WRITABLE | PGT_VALIDATED | 1;
    atomic_store(&pg->count, PAGE_HYP | 1);
}

bool page_get(struct page_info *pg, const struct domain *d)
{
    return page_get_id(pg, d->id);
}

static void free_domain_page(struct page_info *pg)
{
    struct domain *d = dom_find(pg->owner);

    if (d) {
        pv_page_freed(pg, d);
        spin_lock(&d->page_lock);
        page_list_del(&d->pages, pg);
        d->tot_pages--;
        spin_unlock(&d->page_lock);
        dom_reap(d); /* it may have been the last of a destroyed domain */
        dom_put(d);
    }
    if (mfn_valid(page_to_mfn(pg))) {
        *m2p_slot(page_to_mfn(pg)) = M2P_INVALID;
    }
    pg_free(pg, 0);
}

void page_put_last(struct page_info *pg, uint32_t left)
{
    ASSERT((left & PAGE_COUNT) == 0);
    if (left & PAGE_HYP) {
        pg_free(pg, 0);
    } else {
        free_domain_page(pg);
    }
}

bool page_put_alloc(struct page_info *pg)
{
    if (!(atomic_and(&pg->count, ~PAGE_ALLOCATED) & PAGE_ALLOCATED)) {
        return false;
    }
    page_put(pg);
    return true;
}
