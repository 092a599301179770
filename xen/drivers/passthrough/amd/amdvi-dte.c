/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device table: what each requester id of a unit reaches, and where its
 * interrupts are looked up. An entry has two halves that have nothing to do
 * with each other; each is replaced in one store, so that the unit sees the old
 * or the new one, and caches are told afterwards. dte_lock guards the table; it
 * is never freed. Spec: AMD48882 "Device Table", "Making Device Table Changes".
 */
#include <xen/lib.h>
#include <xen/perf-counter.h>

#include "amdvi-priv.h"

/* Valid, and neither reads nor writes: zero would mean "untranslated". */
#define BLOCKED_LO (AMDVI_DTE_V | AMDVI_DTE_TV)
#define BLOCKED_HI FIELD_PREP(AMDVI_DTE_DID, (uint64_t)AMDVI_DID_BLOCK)

bool amdvi_dte_blocked(const struct amdvi_dte *d)
{
    return !(d->dma.lo & (AMDVI_DTE_IR | AMDVI_DTE_IW));
}

int amdvi_dte_init(struct amdvi_unit *u)
{
    paddr_t pa;
    const int rc = pool_block_alloc(AMDVI_DEVTAB_LG2, &pa);

    static_assert(AMDVI_DEVS * sizeof(*u->devtab) == PAGE_SIZE
                                                         << AMDVI_DEVTAB_LG2,
                  "an entry for each id");
    if (rc) {
        return rc;
    }
    u->devtab = pool_page_ptr(pa);
    for (unsigned int i = 0; i < AMDVI_DEVS; i++) {
        u->devtab[i].dma = (struct iommu_entry128){ BLOCKED_LO, BLOCKED_HI };
    }
    amdvi_publish(u, u->devtab, AMDVI_DEVS * sizeof(*u->devtab));
    amdvi_write(u, AMDVI_DEV_BASE,
                pa | ((UINT64_C(1) << AMDVI_DEVTAB_LG2) - 1));
    return 0;
}

/* Messages that firmware wants to pass although fixed ones are remapped. */
static uint64_t pass_bits(const struct amdvi_unit *u, uint16_t devid)
{
    unsigned int f;

    (void)amdvi_device(u, devid, &f);
    return (f & IVHD_INIT_PASS ? AMDVI_DTE_INIT : 0) |
           (f & IVHD_EINT_PASS ? AMDVI_DTE_EINT : 0) |
           (f & IVHD_NMI_PASS ? AMDVI_DTE_NMI : 0) |
           (f & IVHD_LINT0_PASS ? AMDVI_DTE_LINT0 : 0) |
           (f & IVHD_LINT1_PASS ? AMDVI_DTE_LINT1 : 0);
}

void amdvi_dte_block_interrupts(struct amdvi_unit *u, bool on)
{
    const unsigned long flags = spin_lock_irqsave(&u->dte_lock);

    for (unsigned int i = 0; i < AMDVI_DEVS; i++) {
        /* The unit's own messages are not looked up anywhere. */
        const bool own = i == u->self.bdf;

        u->devtab[i].intr = (struct iommu_entry128){
            on && !own ? AMDVI_DTE_IV |
                             FIELD_PREP(AMDVI_DTE_INT_CTL, AMDVI_INT_ABORT) |
                             pass_bits(u, (uint16_t)i)
                       : 0,
            0
        };
    }
    amdvi_publish(u, u->devtab, AMDVI_DEVS * sizeof(*u->devtab));
    spin_unlock_irqrestore(&u->dte_lock, flags);
}

int amdvi_dte_set_dma(struct amdvi_unit *u, uint16_t devid, uint64_t lo,
                      uint64_t hi)
{
    struct amdvi_dte *const d = &u->devtab[devid];
    struct iommu_entry128 old, c[2];
    unsigned long flags;
    unsigned int from_fw;
    int rc = 0;

    (void)amdvi_device(u, devid, &from_fw);
    hi |= FIELD_PREP(AMDVI_DTE_SYS_MGT,
                     amdvi_quirk_sys_mgt(lo, FIELD_GET((uint64_t)IVHD_SYS_MGT,
                                                       (uint64_t)from_fw)));
    flags = spin_lock_irqsave(&u->dte_lock);
    if (d->dma.lo != lo || d->dma.hi != hi) {
        old = iommu_entry_swap(&d->dma, lo, hi);
        amdvi_publish(u, d, sizeof(*d));
        /* The id the entry had, not the one that someone believes it had. */
        c[0] = amdvi_cmd_devtab(devid);
        c[1] = amdvi_cmd_pages((uint16_t)FIELD_GET(AMDVI_DTE_DID, old.hi), 0,
                               AMDVI_MAX_ORDER + 1, true);
        perf_inc(iommu_flushes);
        perf_inc(iommu_flush_domain);
        /* Under the lock, so that a second change cannot overtake this. */
        rc = amdvi_cmd_run(u, c, array_size(c));
    }
    spin_unlock_irqrestore(&u->dte_lock, flags);
    return rc;
}

int amdvi_dte_set_irt(struct amdvi_unit *u, uint16_t devid,
                      const struct amdvi_irt *irt)
{
    struct amdvi_dte *const d = &u->devtab[devid];
    const uint64_t lo =
        AMDVI_DTE_IV | FIELD_PREP(AMDVI_DTE_INT_LEN, (uint64_t)AMDVI_IRT_LG2) |
        irt->pa | FIELD_PREP(AMDVI_DTE_INT_CTL, AMDVI_INT_REMAP) |
        pass_bits(u, devid);
    struct iommu_entry128 c[2];
    unsigned long flags;
    int rc = 0;

    flags = spin_lock_irqsave(&u->dte_lock);
    if (d->intr.lo != lo) {
        (void)iommu_entry_swap(&d->intr, lo, d->intr.hi);
        amdvi_publish(u, d, sizeof(*d));
        c[0] = amdvi_cmd_devtab(devid);
        c[1] = amdvi_cmd_intr(devid);
        rc = iommu_unit_check(u->index, amdvi_cmd_run(u, c, array_size(c)),
                              "a new interrupt table");
    }
    spin_unlock_irqrestore(&u->dte_lock, flags);
    return rc;
}

static_assert(offsetof(struct amdvi_dte, intr) == 16, "AMD48882: words 2, 3");
