/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A unit's life: taken over from firmware, made ready, translating, off. The
 * control register is the only one that says what is on; others are written
 * while the parts they belong to are off, and none is cleared for tidiness.
 * Spec: AMD48882 "IOMMU Initialization", "IOMMU Control Register".
 */
#include <xen/cache.h>
#include <xen/printk.h>
#include <xen/time.h>

#include "amdvi-priv.h"

#define RUNNING (AMDVI_S_EVT_RUN | AMDVI_S_CMD_RUN)

void amdvi_publish(const struct amdvi_unit *u, const void *p, size_t len)
{
    if (!u->coherent) {
        cache_write_back(p, len);
    }
}

int amdvi_wait_status(const struct amdvi_unit *u, uint64_t bits, uint64_t want)
{
    const uint64_t start_ns = now_ns();

    for (;;) {
        const bool late = now_ns() - start_ns > AMDVI_REG_TIMEOUT_NS;

        if ((amdvi_read(u, AMDVI_STATUS) & bits) == want) {
            return 0;
        }
        if (late) {
            log_err("%s: status is %#lx, bits %#lx did not become %#lx\n",
                    u->name, amdvi_read(u, AMDVI_STATUS), bits, want);
            return -ETIMEDOUT;
        }
        cpu_relax();
    }
}

static void set_control(struct amdvi_unit *u, uint64_t v)
{
    u->ctrl = v;
    amdvi_write(u, AMDVI_CONTROL, v);
}

/* Rings first, so that nothing is fetched or logged while the rest stops. */
static int stop(struct amdvi_unit *u)
{
    const uint64_t was = amdvi_read(u, AMDVI_CONTROL);
    int rc;

    if (was & AMDVI_C_EN) {
        set_control(u, was & ~(AMDVI_C_CMD | AMDVI_C_EVT_LOG | AMDVI_C_EVT_INT |
                               AMDVI_C_WAIT_INT | AMDVI_C_PPR |
                               AMDVI_C_PPR_LOG | AMDVI_C_PPR_INT));
        rc = amdvi_wait_status(u, RUNNING, 0);
        if (rc) {
            return rc;
        }
    }
    set_control(u, 0);
    return amdvi_wait_status(u, RUNNING, 0);
}

int amdvi_unit_init(struct amdvi_unit *u)
{
    int rc;

    if (amdvi_read(u, AMDVI_CONTROL) & AMDVI_C_EN) {
        log_info("%s: was in use, control %#lx\n", u->name,
                 amdvi_read(u, AMDVI_CONTROL));
    }
    rc = stop(u);
    if (rc) {
        return rc;
    }
    /* What firmware excluded is mapped 1:1 instead; see amdvi_probe_reserved */
    amdvi_write(u, AMDVI_EXCL_BASE, 0);
    rc = amdvi_dte_init(u);
    if (rc == 0) {
        rc = amdvi_cmd_init(u);
    }
    if (rc == 0) {
        rc = amdvi_event_init(u);
    }
    return rc;
}

/* What firmware wants, and what we use. */
static uint64_t control_bits(const struct amdvi_unit *u)
{
    const unsigned int f = u->ivhd->flags;

    return (f & IVHD_HT_TUN ? AMDVI_C_HT_TUN : 0) |
           (f & IVHD_PASS_PW ? AMDVI_C_PASS_PW : 0) |
           (f & IVHD_RES_PASS_PW ? AMDVI_C_RES_PASS : 0) |
           (f & IVHD_ISOC ? AMDVI_C_ISOC : 0) |
           (u->coherent ? AMDVI_C_COHERENT : 0) | (u->ga ? AMDVI_C_GA : 0) |
           (iommu_opt.x2apic && u->irt ? AMDVI_C_XT : 0) |
           FIELD_PREP(AMDVI_C_INV_TO, AMDVI_INV_TO_1S);
}

int amdvi_unit_enable(struct amdvi_unit *u)
{
    const uint64_t logs = AMDVI_C_EVT_LOG | AMDVI_C_EVT_INT | AMDVI_C_WAIT_INT |
                          (u->ppr ? AMDVI_C_PPR_LOG | AMDVI_C_PPR_INT : 0);
    int rc;

    /* Logs before what may fill them, the ring before what needs it. */
    set_control(u, control_bits(u) | logs);
    set_control(u, u->ctrl | AMDVI_C_CMD);
    set_control(u, u->ctrl | AMDVI_C_EN);
    rc = amdvi_wait_status(u, RUNNING, RUNNING);
    u->enabled = rc == 0;
    if (rc == 0) {
        rc = amdvi_cmd_forget_all(u);
    }
    if (rc == 0) {
        rc = amdvi_cmd_check_interrupt(u);
    }
    if (rc) {
        amdvi_unit_disable(u);
    }
    return rc;
}

void amdvi_unit_disable(struct amdvi_unit *u)
{
    amdvi_event_quiesce(u);
    u->enabled = false;
    if (stop(u)) {
        log_err("%s: did not stop\n", u->name);
    }
}
