/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The software VT-d unit; see its header. Accesses the manual forbids, and
 * those known to abort emulators, end the test.
 */
#include "dev-vtd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/bits.h>
#include <xen/page-pool.h>

enum {
    F_ROOT_NP = 1,
    F_CTX_NP = 2,
    F_CTX_BAD = 3,
    F_ADDR = 4,
    F_WRITE = 5,
    F_READ = 6,
    F_TABLE = 7,
    F_ROOT_RSVD = 0xa,
    F_CTX_RSVD = 0xb,
    F_PTE_RSVD = 0xc,
    F_INTR_OUT = 0xe,
    F_IR_INDEX = 0x21,
    F_IR_NP = 0x22,
    F_IR_RSVD = 0x24,
    F_IR_COMPAT = 0x25,
    F_IR_SID = 0x26
};

#define CM(v)   ((v)->cap >> 7 & 1)
#define NFR(v)  ((unsigned int)((v)->cap >> 40 & 0xff) + 1)
#define MAMV(v) ((unsigned int)((v)->cap >> 48 & 0x3f))
#define FRO(v)  ((size_t)((v)->cap >> 24 & 0x3ff) * 16)

static void die(const char *what, unsigned long long a, unsigned long long b)
{
    printf("dev-vtd: %s: %#llx %#llx\n", what, a, b);
    fflush(stdout);
    abort();
}

void dev_vtd_reset(struct dev_vtd *v, uint64_t cap, uint64_t ecap)
{
    memset(v, 0, sizeof(*v));
    v->cap = cap;
    v->ecap = ecap;
    v->fectl = v->iectl = 0x80000000u;
}

void dev_vtd_count(struct dev_vtd *v)
{
    v->nr_context = v->nr_global = v->nr_domain = v->nr_page = 0;
    v->nr_iec = v->nr_wait = 0;
}

static bool in_pool(uint64_t pa)
{
    const uint64_t i = (pa - POOL_BASE) >> PAGE_SHIFT;

    return i < POOL_PAGES && pool_used[i];
}

/* What this walker finds in memory; false where there is nothing. */
static bool mem64(const struct dev_vtd *v, uint64_t pa, uint64_t *out)
{
    const uint64_t page = pa & ~UINT64_C(0xfff);
    const unsigned char *p;

    if (!in_pool(page)) {
        return false;
    }
    p = v->ecap & 1 ? pool_page_ptr(page) : pool_device_ptr(page);
    memcpy(out, p + (pa & 0xff8), 8);
    return true;
}

/* ---- translation --------------------------------------------------------- */

static unsigned int context(struct dev_vtd *v, uint16_t sid, uint64_t *lo,
                            uint64_t *hi)
{
    uint64_t root = 0, rhi = 0;
    unsigned int free_slot = DEV_VTD_CTX;

    for (unsigned int i = 0; i < DEV_VTD_CTX; i++) {
        if (v->ctx[i].valid && v->ctx[i].sid == sid) {
            *lo = v->ctx[i].lo;
            *hi = v->ctx[i].hi;
            return *lo & 1 ? 0 : F_CTX_NP;
        }
        if (!v->ctx[i].valid) {
            free_slot = i;
        }
    }
    *lo = *hi = 0;
    if (!mem64(v, v->root + (sid >> 8) * 16u, &root) ||
        !mem64(v, v->root + (sid >> 8) * 16u + 8, &rhi)) {
        return 8;
    }
    if (rhi || root & 0xffe) {
        return F_ROOT_RSVD;
    }
    if (root & 1) {
        const uint64_t at = (root & ~UINT64_C(0xfff)) + (sid & 0xff) * 16u;

        if (!mem64(v, at, lo) || !mem64(v, at + 8, hi)) {
            return 9;
        }
    }
    if (*lo & 1 && (*lo & 0xff0 || *hi & ~UINT64_C(0xffff7f))) {
        return F_CTX_RSVD;
    }
    if ((*lo & 1 || CM(v)) && free_slot < DEV_VTD_CTX) {
        v->ctx[free_slot].valid = true;
        v->ctx[free_slot].sid = sid;
        v->ctx[free_slot].lo = *lo;
        v->ctx[free_slot].hi = *hi;
    }
    return *lo & 1 ? 0 : root & 1 ? F_CTX_NP : F_ROOT_NP;
}

static void psc_add(struct dev_vtd *v, uint16_t did, unsigned int level,
                    uint64_t dfn, uint64_t pa)
{
    unsigned int slot = DEV_VTD_PSC;

    for (unsigned int i = 0; i < DEV_VTD_PSC; i++) {
        if (v->psc[i].valid && v->psc[i].did == did &&
            v->psc[i].level == level && v->psc[i].dfn == dfn) {
            return;
        }
        slot = v->psc[i].valid ? slot : i;
    }
    if (slot < DEV_VTD_PSC) {
        v->psc[slot].valid = true;
        v->psc[slot].did = did;
        v->psc[slot].level = level;
        v->psc[slot].dfn = dfn;
        v->psc[slot].pa = pa;
    }
}

static void tlb_add(struct dev_vtd *v, uint16_t did, uint64_t dfn,
                    unsigned int order, uint64_t mfn, unsigned int prot)
{
    for (unsigned int i = 0; i < DEV_VTD_TLB; i++) {
        if (!v->tlb[i].valid) {
            v->tlb[i].valid = true;
            v->tlb[i].did = did;
            v->tlb[i].dfn = dfn & ~(BIT64(order) - 1);
            v->tlb[i].order = order;
            v->tlb[i].mfn = mfn & ~(BIT64(order) - 1);
            v->tlb[i].prot = prot;
            return;
        }
    }
}

static unsigned int walk(struct dev_vtd *v, uint16_t did, uint64_t table,
                         unsigned int levels, uint64_t dfn, bool write,
                         uint64_t *mfn)
{
    unsigned int level = levels - 1;

    /* The deepest table it remembers. */
    for (unsigned int i = 0; i < DEV_VTD_PSC; i++) {
        if (v->psc[i].valid && v->psc[i].did == did &&
            v->psc[i].level < level &&
            dfn >> (9 * (v->psc[i].level + 1)) ==
                v->psc[i].dfn >> (9 * (v->psc[i].level + 1))) {
            level = v->psc[i].level;
            table = v->psc[i].pa;
        }
    }
    for (;; level--) {
        const unsigned int order = 9 * level;
        uint64_t e, rsvd;

        if (!mem64(v, table + (dfn >> order & 511) * 8, &e)) {
            return F_TABLE;
        }
        if (!(e & (write ? 2u : 1u))) {
            if ((e & 3) == 0 && CM(v)) {
                tlb_add(v, did, dfn, 0, 0, 0);
            }
            return write ? F_WRITE : F_READ;
        }
        rsvd = BIT64(62);
        rsvd |= v->ecap & BIT64(7) ? 0 : BIT64(11);
        if (level == 3) {
            rsvd |= BIT64(7);
        }
        if (level && e & BIT64(7)) {
            rsvd |= ((BIT64(order) - 1) << 12);
            rsvd |= v->cap & BIT64(33 + level) ? 0 : BIT64(7);
        }
        if (e & rsvd) {
            return F_PTE_RSVD;
        }
        if (level == 0 || e & BIT64(7)) {
            const uint64_t out = (e & FIELD64(51, 12)) >> 12;

            if (out <= 0xfeeff && out + BIT64(order) > 0xfee00) {
                return F_INTR_OUT;
            }
            *mfn = out | (dfn & (BIT64(order) - 1));
            tlb_add(v, did, dfn, order, out, e & 3);
            return 0;
        }
        table = e & FIELD64(51, 12);
        psc_add(v, did, level - 1, dfn & ~(BIT64(order) - 1), table);
    }
}

static unsigned int translate(struct dev_vtd *v, uint16_t sid, uint64_t addr,
                              bool write, uint64_t *pa)
{
    const unsigned int mgaw = (unsigned int)(v->cap >> 16 & 0x3f) + 1;
    uint64_t lo, hi, mfn = 0;
    unsigned int rc, aw, agaw;
    uint16_t did;

    *pa = addr;
    if (!(v->gsts >> 31)) {
        return 0;
    }
    rc = context(v, sid, &lo, &hi);
    if (rc) {
        return rc;
    }
    aw = hi & 7;
    if (!(v->cap >> 8 >> aw & 1)) {
        return F_CTX_BAD;
    }
    if ((lo >> 2 & 3) == 2) {
        return v->ecap & BIT64(6) ? 0 : F_CTX_BAD;
    }
    if (lo >> 2 & 3) {
        return F_CTX_BAD;
    }
    agaw = 30 + 9 * aw;
    if (addr >> (agaw < mgaw ? agaw : mgaw)) {
        return F_ADDR;
    }
    did = (uint16_t)(hi >> 8);
    if (did == 0 && CM(v)) {
        die("caching mode and domain id 0", sid, hi);
    }
    for (unsigned int i = 0; i < DEV_VTD_TLB; i++) {
        if (v->tlb[i].valid && v->tlb[i].did == did &&
            addr >> 12 >> v->tlb[i].order == v->tlb[i].dfn >> v->tlb[i].order) {
            if (!(v->tlb[i].prot & (write ? 2u : 1u))) {
                return write ? F_WRITE : F_READ;
            }
            *pa = (v->tlb[i].mfn << 12) +
                  (addr & ((BIT64(v->tlb[i].order) << 12) - 1));
            return 0;
        }
    }
    rc = walk(v, did, lo & ~UINT64_C(0xfff), aw + 2, addr >> 12, write, &mfn);
    if (rc == 0) {
        *pa = mfn << 12 | (addr & 0xfff);
    }
    return rc;
}

static void record(struct dev_vtd *v, uint16_t sid, uint64_t lo, bool write,
                   unsigned int reason)
{
    for (unsigned int i = 0; i < NFR(v) && i < DEV_VTD_FRCD; i++) {
        if (!(v->frcd[i][1] >> 63)) {
            const bool first = !(v->fsts & 2);

            v->frcd[i][0] = lo;
            /* Some units leave rubbish in bits that mean nothing. */
            v->frcd[i][1] = BIT64(63) | (write ? 0 : BIT64(62)) |
                            UINT64_C(0xffff) << 40 | (uint64_t)reason << 32 |
                            sid;
            v->fsts |= 2;
            if (first && !(v->fectl >> 31)) {
                v->nr_msi++;
                if (v->msi) {
                    v->msi((uint64_t)v->feuaddr << 32 | v->feaddr, v->fedata);
                }
            }
            return;
        }
    }
    v->fsts |= 1;
}

unsigned int dev_vtd_dma(struct dev_vtd *v, uint16_t sid, uint64_t addr,
                         bool write, uint64_t *pa)
{
    uint64_t unused;
    const unsigned int rc = translate(v, sid, addr, write, pa ? pa : &unused);

    if (rc) {
        record(v, sid, addr & ~UINT64_C(0xfff), write, rc);
    }
    return rc;
}

/* ---- interrupts ---------------------------------------------------------- */

static unsigned int irte(struct dev_vtd *v, unsigned int index, uint64_t *lo,
                         uint64_t *hi)
{
    unsigned int slot = DEV_VTD_IEC;

    for (unsigned int i = 0; i < DEV_VTD_IEC; i++) {
        if (v->iec[i].valid && v->iec[i].index == index) {
            *lo = v->iec[i].lo;
            *hi = v->iec[i].hi;
            return 0;
        }
        slot = v->iec[i].valid ? slot : i;
    }
    if (index >> ((v->irt & 15) + 1)) {
        return F_IR_INDEX;
    }
    if (!mem64(v, (v->irt & ~UINT64_C(0xfff)) + index * 16u, lo) ||
        !mem64(v, (v->irt & ~UINT64_C(0xfff)) + index * 16u + 8, hi)) {
        return 0x23;
    }
    if ((*lo & 1 || CM(v)) && slot < DEV_VTD_IEC) {
        v->iec[slot].valid = true;
        v->iec[slot].index = index;
        v->iec[slot].lo = *lo;
        v->iec[slot].hi = *hi;
    }
    return 0;
}

unsigned int dev_vtd_msi(struct dev_vtd *v, uint16_t sid, uint64_t address,
                         uint32_t data, uint8_t *vector, uint32_t *dest,
                         bool *level)
{
    const bool eim = v->irt >> 11 & 1;
    uint64_t lo, hi;
    unsigned int index, rc;

    if (!(v->gsts >> 25 & 1)) {
        *vector = (uint8_t)data;
        *dest = address >> 12 & 0xff;
        return 0;
    }
    if (!(address >> 4 & 1)) {
        return F_IR_COMPAT;
    }
    index = (unsigned int)(address >> 5 & 0x7fff) |
            (unsigned int)(address >> 2 & 1) << 15;
    if (address >> 3 & 1) {
        index += data & 0xffff;
    }
    rc = irte(v, index, &lo, &hi);
    if (rc) {
        return rc;
    }
    if (!(lo & 1)) {
        return F_IR_NP;
    }
    if (lo & (FIELD64(14, 12) | FIELD64(31, 24)) || hi >> 20) {
        return F_IR_RSVD;
    }
    if ((hi >> 18 & 3) == 1 && sid != (uint16_t)hi) {
        return F_IR_SID;
    }
    if ((hi >> 18 & 3) == 2 &&
        (sid >> 8 < (hi >> 8 & 0xff) || sid >> 8 > (hi & 0xff))) {
        return F_IR_SID;
    }
    *vector = (uint8_t)(lo >> 16);
    *dest = eim ? (uint32_t)(lo >> 32) : (uint32_t)(lo >> 40) & 0xff;
    *level = lo >> 4 & 1;
    return 0;
}

/* ---- invalidation -------------------------------------------------------- */

static void drop_context(struct dev_vtd *v, unsigned int g, uint16_t did,
                         uint16_t sid)
{
    v->nr_context++;
    for (unsigned int i = 0; i < DEV_VTD_CTX; i++) {
        /* Absent entries carry id 0. */
        const uint16_t tag =
            v->ctx[i].lo & 1 ? (uint16_t)(v->ctx[i].hi >> 8) : 0;

        if (g == 1 || (tag == did && (g == 2 || v->ctx[i].sid == sid))) {
            v->ctx[i].valid = false;
        }
    }
}

static void drop_iotlb(struct dev_vtd *v, unsigned int g, uint16_t did,
                       uint64_t addr, unsigned int am, bool leaves_only)
{
    const uint64_t first = addr >> 12 & ~(BIT64(am) - 1);
    const uint64_t last = first + BIT64(am) - 1;

    v->nr_global += g == 1;
    v->nr_domain += g == 2;
    v->nr_page += g == 3;
    if (g == 3) {
        v->last_order = am;
    }
    for (unsigned int i = 0; i < DEV_VTD_TLB; i++) {
        /* As little as the manual allows: leaves wholly inside. */
        const uint64_t a = v->tlb[i].dfn;
        const uint64_t b = a + BIT64(v->tlb[i].order) - 1;

        if (g == 1 ||
            (v->tlb[i].did == did && (g == 2 || (a >= first && b <= last)))) {
            v->tlb[i].valid = false;
        }
    }
    for (unsigned int i = 0; i < DEV_VTD_PSC; i++) {
        const uint64_t a = v->psc[i].dfn;
        const uint64_t b = a + BIT64(9 * (v->psc[i].level + 1)) - 1;

        if (g == 1 || (v->psc[i].did == did &&
                       (g == 2 || (!leaves_only && a <= last && b >= first)))) {
            v->psc[i].valid = false;
        }
    }
}

static bool descriptor(struct dev_vtd *v, uint64_t lo, uint64_t hi)
{
    const unsigned int g = lo >> 4 & 3;

    v->last_was_wait = false;
    switch (lo & 15) {
    case 1:
        if (g == 0 || lo & ~(FIELD64(49, 16) | 0x3f) || hi) {
            return false;
        }
        drop_context(v, g, (uint16_t)(lo >> 16), (uint16_t)(lo >> 32));
        return true;
    case 2:
        if (g == 0 || lo & ~(FIELD64(31, 16) | 0xff) ||
            (g == 3 && ((hi & 0x3f) > MAMV(v) || !(v->cap >> 39 & 1))) ||
            (g != 3 && hi) || hi & 0xf80) {
            return false;
        }
        drop_iotlb(v, g, (uint16_t)(lo >> 16), hi & ~UINT64_C(0xfff), hi & 0x3f,
                   hi >> 6 & 1);
        return true;
    case 4:
        v->nr_iec++;
        for (unsigned int i = 0; i < DEV_VTD_IEC; i++) {
            if (!(lo >> 4 & 1) || v->iec[i].index >> (lo >> 27 & 31) ==
                                      (lo >> 32 & 0xffff) >> (lo >> 27 & 31)) {
                v->iec[i].valid = false;
            }
        }
        return true;
    case 5: {
        const uint64_t page = hi & ~UINT64_C(0xfff);
        const uint32_t data = (uint32_t)(lo >> 32);

        if ((lo >> 4 & 3) == 3) {
            die("wait with both completions", lo, hi);
        }
        if (lo & FIELD64(31, 7) || hi & 3) {
            return false;
        }
        v->nr_wait++;
        v->last_was_wait = true;
        if (lo >> 5 & 1) {
            memcpy((char *)pool_page_ptr(page) + (hi & 0xfff), &data, 4);
        }
        return true;
    }
    default:
        return false;
    }
}

static void run_queue(struct dev_vtd *v)
{
    while (!v->mute && v->gsts >> 26 & 1 && !(v->fsts >> 4 & 1) &&
           v->iqh != v->iqt) {
        /* The queue is always read coherently. */
        const char *const p = pool_page_ptr(v->iqa & ~UINT64_C(0xfff));
        uint64_t d[2];

        memcpy(d, p + v->iqh, 16);
        if (!descriptor(v, d[0], d[1])) {
            v->fsts |= 0x10;
            return;
        }
        v->iqh = (v->iqh + 16) & 0xfff;
    }
}

/* ---- registers ----------------------------------------------------------- */

static unsigned int width_of(size_t off)
{
    switch (off) {
    case 0x08:
    case 0x10:
    case 0x20:
    case 0x80:
    case 0x88:
    case 0x90:
    case 0xb8:
        return 8;
    default:
        return off >= 0x100 ? 8 : 4;
    }
}

static void global_command(struct dev_vtd *v, uint32_t cmd)
{
    const uint32_t states = 0x86000000u; /* TE, QIE, IRE */
    const uint32_t change = (cmd ^ v->gsts) & states;

    if (cmd >> 30 & 1) {
        v->root = v->rtaddr & ~UINT64_C(0xfff);
        v->gsts |= BIT32(30);
    }
    if (cmd >> 24 & 1) {
        v->irt = v->irta;
        v->gsts |= BIT32(24);
    }
    if (cmd >> 23 & 1) {
        v->gsts |= BIT32(23);
    } else {
        v->gsts &= ~BIT32(23);
    }
    if (change >> 26 & 1 && !(cmd >> 26 & 1) &&
        (v->iqh != v->iqt || !v->last_was_wait)) {
        die("queue switched off while busy", v->iqh, v->iqt);
    }
    if (change >> 31 & 1 && cmd >> 31 && !(v->gsts >> 30 & 1)) {
        die("translation on without a root table", cmd, v->gsts);
    }
    if (change >> 26 & 1 && cmd >> 26 & 1) {
        v->iqh = 0;
    }
    v->gsts = (v->gsts & ~states) | (cmd & states);
}

uint64_t dev_vtd_read(struct dev_vtd *v, size_t off, unsigned int bytes)
{
    if (bytes != width_of(off)) {
        die("read of the wrong width", off, bytes);
    }
    switch (off) {
    case 0x00:
        return 0x10;
    case 0x08:
        return v->cap;
    case 0x10:
        return v->ecap;
    case 0x1c:
        return v->gsts;
    case 0x34:
        return v->fsts;
    case 0x38:
        return v->fectl;
    case 0x64:
        return v->pmen;
    case 0x80:
        return v->iqh;
    case 0x88:
        return v->iqt;
    default:
        if (off >= FRO(v) && off < FRO(v) + 16 * NFR(v)) {
            return v->frcd[(off - FRO(v)) / 16][(off & 8) / 8];
        }
        die("read of no register", off, bytes);
        return 0;
    }
}

void dev_vtd_write(struct dev_vtd *v, size_t off, unsigned int bytes,
                   uint64_t val)
{
    if (bytes != width_of(off)) {
        die("write of the wrong width", off, bytes);
    }
    switch (off) {
    case 0x18:
        global_command(v, (uint32_t)val);
        break;
    case 0x20:
        v->rtaddr = val;
        break;
    case 0x34:
        v->fsts &= ~((uint32_t)val & 0x71);
        break;
    case 0x38:
        v->fectl = (uint32_t)val;
        break;
    case 0x3c:
        v->fedata = (uint32_t)val;
        break;
    case 0x40:
        v->feaddr = (uint32_t)val;
        break;
    case 0x44:
        v->feuaddr = (uint32_t)val;
        break;
    case 0x64:
        v->pmen = val >> 31 ? 0x80000001u : 0;
        break;
    case 0x88:
        v->iqt = val;
        run_queue(v);
        break;
    case 0x90:
        v->iqa = val;
        break;
    case 0xa0:
        v->iectl = (uint32_t)val;
        break;
    case 0xb8:
        v->irta = val;
        break;
    default:
        if (off >= FRO(v) && off < FRO(v) + 16 * NFR(v)) {
            if (off & 8 && val >> 63) {
                v->frcd[(off - FRO(v)) / 16][1] &= ~BIT64(63);
                v->fsts &= ~2u;
                for (unsigned int i = 0; i < NFR(v) && i < DEV_VTD_FRCD; i++) {
                    v->fsts |= v->frcd[i][1] >> 63 ? 2u : 0;
                }
            }
            return;
        }
        die("write of no register", off, val);
    }
}

/* ---- judging ------------------------------------------------------------- */

/* What the tables say now, in memory. */
static unsigned int look(uint64_t root, unsigned int levels, uint64_t dfn,
                         uint64_t *mfn, unsigned int down_to, uint64_t *table)
{
    uint64_t at = root;

    for (unsigned int level = levels - 1;; level--) {
        uint64_t e;

        if (level == down_to) {
            *table = at;
        }
        memcpy(&e,
               (const char *)pool_page_ptr(at) + (dfn >> (9 * level) & 511) * 8,
               8);
        if ((e & 3) == 0) {
            return 0;
        }
        if (level == 0 || e & BIT64(7)) {
            *mfn = (e & FIELD64(51, 12)) >> 12 | (dfn & (BIT64(9 * level) - 1));
            return e & 3;
        }
        at = e & FIELD64(51, 12);
    }
}

unsigned int dev_vtd_stale(const struct dev_vtd *v, uint16_t did,
                           uint64_t root_pa, unsigned int levels)
{
    unsigned int bad = 0;

    for (unsigned int i = 0; i < DEV_VTD_TLB; i++) {
        const uint64_t nr = BIT64(v->tlb[i].order);

        if (!v->tlb[i].valid || v->tlb[i].did != did) {
            continue;
        }
        for (uint64_t k = 0; k<nr; k += nr> 4096 ? 511 : 1) {
            uint64_t mfn = 0, table;
            const unsigned int prot =
                look(root_pa, levels, v->tlb[i].dfn + k, &mfn, levels, &table);

            /*
             * A translation that is gone or another; absent ones that came to
             * be present; less permission than now stops a device too.
             */
            if (prot != v->tlb[i].prot || (prot && mfn != v->tlb[i].mfn + k)) {
                printf("dev-vtd: id %u dfn %#llx order %u: cached %u, now %u\n",
                       did, (unsigned long long)(v->tlb[i].dfn + k),
                       v->tlb[i].order, v->tlb[i].prot, prot);
                bad++;
                break;
            }
        }
    }
    for (unsigned int i = 0; i < DEV_VTD_PSC; i++) {
        uint64_t mfn, table = 0;

        if (!v->psc[i].valid || v->psc[i].did != did) {
            continue;
        }
        (void)look(root_pa, levels, v->psc[i].dfn, &mfn, v->psc[i].level,
                   &table);
        /* An unlinked table may be remembered only while it is not reused. */
        if (table != v->psc[i].pa && !in_pool(v->psc[i].pa)) {
            printf("dev-vtd: id %u: free table for dfn %#llx level %u\n", did,
                   (unsigned long long)v->psc[i].dfn, v->psc[i].level);
            bad++;
        }
    }
    return bad;
}
