/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault records: read, reported to the neutral layer, cleared. The interrupt is
 * the unit's own; no lock, because records are only cleared here and clearing
 * one twice is harmless. Spec: VTD "Fault Logging", "Fault Reason Encodings".
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/page-pool.h>
#include <xen/printk.h>

#include "vtd-priv.h"

#define FAULT_PASSES 4 /* ours: rounds over the records in one interrupt */

static const char *const dma_reasons[] = {
    [0x01] = "root entry not present",
    [0x02] = "context entry not present",
    [0x03] = "context entry invalid",
    [0x04] = "address beyond the tables",
    [0x05] = "no write permission",
    [0x06] = "no read permission",
    [0x07] = "table not readable",
    [0x08] = "root table not readable",
    [0x09] = "context table not readable",
    [0x0a] = "root entry: reserved bits",
    [0x0b] = "context entry: reserved bits",
    [0x0c] = "page-table entry: reserved bits",
    [0x0d] = "device TLB request blocked",
    [0x0e] = "output in the interrupt range",
};

static const char *const ir_reasons[] = {
    [0x0] = "interrupt: reserved bits in the request",
    [0x1] = "interrupt: index out of range",
    [0x2] = "interrupt: remap entry not present",
    [0x3] = "interrupt: remap table not readable",
    [0x4] = "interrupt: remap entry: reserved bits",
    [0x5] = "interrupt: compatibility format blocked",
    [0x6] = "interrupt: wrong source",
};

static const char *reason_text(unsigned int code, bool *translated)
{
    const char *text = NULL;

    *translated = code < 0x20;
    if (code < array_size(dma_reasons)) {
        text = dma_reasons[code];
    } else if (code >= 0x20 && code - 0x20 < array_size(ir_reasons)) {
        text = ir_reasons[code - 0x20];
    }
    return text ? text : "unknown reason";
}

static void report(const struct vtd_unit *u, uint64_t lo, uint64_t hi)
{
    struct iommu_fault f = {
        .unit_name = u->name,
        .unit = u->index,
        .sid = { u->drhd->seg, (uint16_t)FIELD_GET(VTD_FRCD_SID, hi) },
        .addr = lo & VTD_FRCD_FI,
        .write = !(hi & VTD_FRCD_T),
        .code = (unsigned int)FIELD_GET(VTD_FRCD_FR, hi),
    };

    f.reason = reason_text(f.code, &f.translated);
    if (!f.translated) {
        /* For interrupts the field is an index into the remap table. */
        f.addr = FIELD_GET(VTD_FRCD_IDX, lo);
    }
    iommu_fault_report(&f);
}

void vtd_fault_drain(struct vtd_unit *u)
{
    /* A device that faults all the time must not keep us here. */
    for (unsigned int pass = 0; pass < FAULT_PASSES; pass++) {
        const uint32_t sts = vtd_read32(u, VTD_FSTS);

        if (sts & VTD_FSTS_PPF) {
            for (unsigned int i = 0; i < u->nr_frcd; i++) {
                const uint64_t hi = vtd_read64(u, VTD_FRCD_HI(u->frcd, i));

                if (hi & VTD_FRCD_F) {
                    const uint64_t lo = vtd_read64(u, VTD_FRCD_LO(u->frcd, i));

                    vtd_write64(u, VTD_FRCD_HI(u->frcd, i), VTD_FRCD_F);
                    report(u, lo, hi);
                }
            }
        }
        if (sts & VTD_FSTS_PFO) {
            iommu_fault_lost(u->name);
            vtd_write32(u, VTD_FSTS, VTD_FSTS_PFO);
        }
        /* Queue errors belong to whoever waits for the queue. */
        if (!(sts & (VTD_FSTS_PPF | VTD_FSTS_PFO))) {
            break;
        }
    }
}

static void fault_interrupt(void *arg)
{
    vtd_fault_drain(arg);
}

void vtd_fault_init(struct vtd_unit *u)
{
    struct msi_msg msg;
    const int rc = host_irq_request(u->name, fault_interrupt, u, &msg);

    if (rc) {
        log_err("%s: faults will not be reported: error %d\n", u->name, rc);
        return;
    }
    /* 32 bits each: some units take no wider access to these. */
    vtd_write32(u, VTD_FEDATA, msg.data);
    vtd_write32(u, VTD_FEADDR, (uint32_t)msg.address);
    vtd_write32(u, VTD_FEUADDR, (uint32_t)(msg.address >> 32));
    vtd_write32(u, VTD_FECTL, 0);
}

void vtd_print_walk(unsigned int unit, sbdf_t sid, const struct iospace *s,
                    dfn_t dfn)
{
    struct vtd_unit *const u = vtd_units[unit];
    const struct iommu_entry128 ctx = vtd_context_get(u, sid.bdf);
    struct iopt_trace t;

    printk("%s:  context " SBDF_FMT " %#lx %#lx%s\n", u->name, SBDF_ARG(sid),
           ctx.lo, ctx.hi, ctx.lo & VTD_CTX_P ? "" : " not present");
    if (!s) {
        return;
    }
    iopt_trace(&s->pt, dfn, &t);
    if (t.lowest == s->pt.levels) {
        printk("%s:  dfn %#lx is beyond the tables\n", u->name, dfn.n);
    }
    for (unsigned int level = s->pt.levels; level-- > t.lowest;) {
        const uint64_t e = t.entry[level];

        printk("%s:  L%u[%#lx] = %#lx %s%s%s\n", u->name, level + 1,
               dfn.n >> (9 * level) & 511, e, e & 1 ? "r" : "-",
               e & 2 ? "w" : "-",
               (e & 3) == 0              ? " not present"
               : level && (e & BIT64(7)) ? " leaf"
                                         : "");
    }
}
