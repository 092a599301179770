/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contiguous zeroed pages for what hardware wants in one piece; the port behind
 * <xen/page-pool.h>. No lock but the heap's.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/page-pool.h>

int pool_block_alloc(unsigned int order, paddr_t *pa)
{
    struct page_info *const pg = pg_alloc(order, ALLOC_ANY_BITS);

    if (!pg) {
        return -ENOMEM;
    }
    *pa = mfn_to_pa(page_to_mfn(pg));
    memset(pool_page_ptr(*pa), 0, PAGE_SIZE << order);
    return 0;
}

void pool_block_free(paddr_t pa, unsigned int order)
{
    pg_free(mfn_to_page(pa_to_mfn(pa)), order);
}
