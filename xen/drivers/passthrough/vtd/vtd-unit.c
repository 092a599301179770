/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A unit's life: taken over from firmware, blocked, translating, off. One
 * function owns each protocol of the global command register; reg_lock guards
 * it. Spec: VTD "Global Command Register", "Set Root Table Pointer Operation".
 */
#include <xen/cache.h>
#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/time.h>

#include "vtd-priv.h"

void vtd_publish(const struct vtd_unit *u, const void *p, size_t len)
{
    if (!u->coherent) {
        cache_write_back(p, len);
    }
}

static int wait_status(const struct vtd_unit *u, vtd_r32_t r, uint32_t bit,
                       uint32_t want)
{
    const uint64_t start_ns = now_ns();

    for (;;) {
        /* Clock first: a CPU held up here must not blame the unit. */
        const bool late = now_ns() - start_ns > VTD_CMD_TIMEOUT_NS;

        if ((vtd_read32(u, r) & bit) == want) {
            return 0;
        }
        if (late) {
            log_err("%s: register %#x bit %#x did not become %u\n", u->name,
                    r.off, bit, want != 0);
            return -ETIMEDOUT;
        }
        cpu_relax();
    }
}

/*
 * GCMD cannot be read, so current state comes from GSTS. One-shot bits read
 * back there as "done"; writing them again would start them again.
 */
static uint32_t global_state(const struct vtd_unit *u)
{
    return vtd_read32(u, VTD_GSTS) & ~VTD_G_ONESHOT;
}

int vtd_global_set(struct vtd_unit *u, uint32_t bit)
{
    const unsigned long flags = spin_lock_irqsave(&u->reg_lock);
    int rc;

    vtd_write32(u, VTD_GCMD, global_state(u) | bit);
    /* The write buffer's bit clears when the work is done. */
    rc = wait_status(u, VTD_GSTS, bit, bit == VTD_G_WBF ? 0 : bit);
    spin_unlock_irqrestore(&u->reg_lock, flags);
    return rc;
}

int vtd_global_clear(struct vtd_unit *u, uint32_t bit)
{
    const unsigned long flags = spin_lock_irqsave(&u->reg_lock);
    int rc;

    vtd_write32(u, VTD_GCMD, global_state(u) & ~bit);
    rc = wait_status(u, VTD_GSTS, bit, 0);
    spin_unlock_irqrestore(&u->reg_lock, flags);
    return rc;
}

int vtd_flush_write_buffer(struct vtd_unit *u)
{
    return vtd_needs_wbf(u) ? vtd_global_set(u, VTD_G_WBF) : 0;
}

/* Firmware may have used the unit; ours is another queue and other tables. */
static int take_over(struct vtd_unit *u)
{
    const uint32_t state = global_state(u);
    int rc = 0;

    if (state & (VTD_G_TE | VTD_G_IRE | VTD_G_QIE)) {
        log_info("%s: was in use, status %#x\n", u->name, state);
    }
    if (state & VTD_G_IRE) {
        rc = vtd_global_clear(u, VTD_G_IRE);
    }
    if (rc == 0 && (state & VTD_G_TE)) {
        rc = vtd_global_clear(u, VTD_G_TE);
    }
    if (rc == 0 && (state & VTD_G_QIE)) {
        /* Only an idle queue can be switched off. */
        const uint64_t start_ns = now_ns();

        while ((vtd_read64(u, VTD_IQH) & VTD_IQ_PTR) !=
               (vtd_read64(u, VTD_IQT) & VTD_IQ_PTR)) {
            if (now_ns() - start_ns > VTD_CMD_TIMEOUT_NS) {
                return -ETIMEDOUT;
            }
            cpu_relax();
        }
        rc = vtd_global_clear(u, VTD_G_QIE);
    }
    return rc;
}

/* What the unit may have cached of tables that are not in use any more. */
static int forget_all(struct vtd_unit *u)
{
    const struct iommu_entry128 d[] = {
        vtd_qi_context(VTD_G_GLOBAL, 0, 0),
        vtd_qi_iotlb(u, VTD_G_GLOBAL, 0),
    };

    perf_inc(iommu_flushes);
    perf_inc(iommu_flush_global);
    return vtd_qi_run(u, d, array_size(d));
}

int vtd_unit_init(struct vtd_unit *u)
{
    int rc = take_over(u);

    if (rc) {
        return rc;
    }
    vtd_write32(u, VTD_FECTL, VTD_FECTL_IM);
    vtd_write32(u, VTD_IECTL, VTD_IECTL_IM);
    vtd_write32(u, VTD_FSTS, VTD_FSTS_W1C);

    rc = vtd_qi_init(u);
    if (rc) {
        return rc;
    }
    rc = vtd_root_init(u);
    if (rc) {
        return rc;
    }
    vtd_write64(u, VTD_RTADDR, pool_page_pa(u->root));
    rc = vtd_flush_write_buffer(u);
    if (rc == 0) {
        rc = vtd_global_set(u, VTD_G_RTP);
    }
    if (rc == 0) {
        rc = forget_all(u);
    }
    if (rc) {
        return rc;
    }
    vtd_fault_drain(u);
    vtd_fault_init(u);
    return 0;
}

/* Firmware's protection is let go only when ours is in force. */
static int protected_memory_off(struct vtd_unit *u)
{
    if (!(u->cap & (VTD_CAP_PLMR | VTD_CAP_PHMR)) ||
        !(vtd_read32(u, VTD_PMEN) & VTD_PMEN_PRS)) {
        return 0;
    }
    vtd_write32(u, VTD_PMEN, vtd_read32(u, VTD_PMEN) & ~VTD_PMEN_EPM);
    return wait_status(u, VTD_PMEN, VTD_PMEN_PRS, 0);
}

int vtd_unit_enable(struct vtd_unit *u)
{
    int rc = vtd_flush_write_buffer(u);

    if (rc == 0) {
        rc = vtd_global_set(u, VTD_G_TE);
    }
    if (rc == 0) {
        rc = protected_memory_off(u);
    }
    u->enabled = rc == 0;
    return rc;
}

void vtd_unit_disable(struct vtd_unit *u)
{
    /*
     * In this order: the queue stops last, because it is idle only behind a
     * wait, and what stops before it may still need it.
     */
    if (vtd_global_clear(u, VTD_G_TE) || vtd_global_clear(u, VTD_G_IRE) ||
        vtd_qi_run(u, NULL, 0) || vtd_global_clear(u, VTD_G_QIE)) {
        log_err("%s: did not stop\n", u->name);
    }
    vtd_write32(u, VTD_FECTL, VTD_FECTL_IM);
    u->enabled = false;
}
