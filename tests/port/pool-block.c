/* SPDX-License-Identifier: GPL-2.0 */
/* Contiguous pages of the hosted pool: single pages until enough are in a row. */
#include <string.h>

#include <xen/errno.h>
#include <xen/page-pool.h>

int pool_block_alloc(unsigned int order, paddr_t *pa)
{
    paddr_t got[1024];
    const unsigned int want = 1u << order;
    unsigned int nr = 0, run = 0;
    int rc = 0;

    while (run < want && rc == 0) {
        rc = nr == 1024 ? -ENOMEM : pool_page_alloc(&got[nr]);
        if (rc == 0) {
            run = nr && got[nr] == got[nr - 1] + PAGE_SIZE ? run + 1 : 1;
            nr++;
        }
    }
    if (rc == 0) {
        *pa = got[nr - want];
        memset(pool_page_ptr(*pa), 0, PAGE_SIZE << order);
        nr -= want;
    }
    while (nr) {
        pool_page_free(got[--nr]);
    }
    return rc;
}

void pool_block_free(paddr_t pa, unsigned int order)
{
    for (unsigned int i = 0; i < 1u << order; i++) {
        pool_page_free(pa + i * PAGE_SIZE);
    }
}
