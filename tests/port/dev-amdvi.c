/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The software AMD IOMMU; see its header. What the manual forbids, and what is
 * known to hang emulators, ends the test.
 */
#include "dev-amdvi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/bits.h>
#include <xen/page-pool.h>

#define ON(v, bit) ((v)->control >> (bit)&1)
#define EN         0
#define EVT_LOG    2
#define EVT_INT    3
#define WAIT_INT   4
#define COHERENT   10
#define CMD        12
#define PPR_LOG    13
#define PPR_INT    14
#define GA         17

#define FULL 0xffffffffffffffff

static void die(const char *what, unsigned long long a, unsigned long long b)
{
    printf("dev-amdvi: %s: %#llx %#llx\n", what, a, b);
    fflush(stdout);
    abort();
}

void dev_amdvi_reset(struct dev_amdvi *v, uint64_t efr, bool np_cache)
{
    memset(v, 0, sizeof(*v));
    v->efr = efr;
    v->np_cache = np_cache;
    v->excl = 0x9000 | 1; /* firmware left a range excluded */
}

void dev_amdvi_count(struct dev_amdvi *v)
{
    v->nr_dte = v->nr_all = v->nr_domain = v->nr_page = 0;
    v->nr_intr = v->nr_wait = 0;
}

static bool in_pool(uint64_t pa)
{
    const uint64_t i = (pa - POOL_BASE) >> PAGE_SHIFT;

    return i < POOL_PAGES && pool_used[i];
}

/* What its reads find in memory; false where there is nothing. */
static bool mem64(struct dev_amdvi *v, bool snoop, uint64_t pa, uint64_t *out)
{
    const uint64_t page = pa & ~UINT64_C(0xfff);
    const unsigned char *p;

    v->sought = pa;
    if (!in_pool(page)) {
        return false;
    }
    p = snoop ? pool_page_ptr(page) : pool_device_ptr(page);
    memcpy(out, p + (pa & 0xff8), 8);
    return true;
}

/* ---- logs ----------------------------------------------------------------- */

static unsigned int ring_bytes(uint64_t base)
{
    const unsigned int lg2 = base >> 56 & 15;

    if (lg2 < 8) {
        die("ring shorter than 256 entries", base, lg2);
    }
    return 16u << lg2;
}

/* A bit of the status register, and a message if this one raises it. */
static void raise_interrupt(struct dev_amdvi *v, uint64_t bit,
                            unsigned int enable)
{
    const bool pending = v->status & bit;

    v->status |= bit;
    /* Edges only: a bit that software did not clear says nothing new. */
    if (!pending && v->control >> enable & 1 && v->msi) {
        v->nr_msi++;
        v->msi(v);
    }
}

static void append(struct dev_amdvi *v, unsigned int ring, uint64_t base,
                   uint64_t lo, uint64_t hi, uint64_t over, uint64_t run,
                   uint64_t intr)
{
    const unsigned int bytes = ring_bytes(base);
    const uint64_t next = (v->tail[ring] + 16) % bytes;
    uint64_t e[2] = { lo, hi };
    uint64_t pa;

    if (!(v->status & run)) {
        return;
    }
    if (next == v->head[ring]) {
        v->status = (v->status | over) & ~run;
    } else {
        pa = (base & FIELD64(51, 12)) + v->tail[ring];
        if (v->hold_entry) {
            memcpy(v->held, e, 16);
            v->held_pa = pa;
        } else {
            memcpy((char *)pool_page_ptr(pa & ~UINT64_C(0xfff)) + (pa & 0xfff),
                   e, 16);
        }
        v->tail[ring] = next;
    }
    raise_interrupt(v, intr, ring == 2 ? PPR_INT : EVT_INT);
}

void dev_amdvi_release_entry(struct dev_amdvi *v)
{
    if (v->held_pa) {
        memcpy((char *)pool_page_ptr(v->held_pa & ~UINT64_C(0xfff)) +
                   (v->held_pa & 0xfff),
               v->held, 16);
        v->held_pa = 0;
    }
}

void dev_amdvi_log(struct dev_amdvi *v, uint64_t lo, uint64_t hi)
{
    append(v, 1, v->evt_base, lo, hi, 1, 8, 2);
}

void dev_amdvi_ppr(struct dev_amdvi *v, unsigned int nr)
{
    while (nr-- > 0) {
        append(v, 2, v->ppr_base, nr | UINT64_C(1) << 60, 0x1000, 0x20, 0x80,
               0x40);
    }
}

static void event(struct dev_amdvi *v, unsigned int code, uint16_t id,
                  uint16_t did, uint64_t flags, uint64_t addr)
{
    dev_amdvi_log(v, (uint64_t)code << 60 | flags | (uint64_t)did << 32 | id,
                  addr);
}

/* ---- device table --------------------------------------------------------- */

static unsigned int device(struct dev_amdvi *v, uint16_t id, uint64_t *w)
{
    const uint64_t base = v->dev_base & FIELD64(51, 12);
    unsigned int slot = DEV_AMDVI_DTE;

    for (unsigned int i = 0; i < DEV_AMDVI_DTE; i++) {
        if (v->dte[i].valid && v->dte[i].id == id) {
            memcpy(w, v->dte[i].w, 32);
            return 0;
        }
        slot = v->dte[i].valid ? slot : i;
    }
    if (id * 32u >= ((v->dev_base & 0x1ff) + 1) * 4096) {
        return DEV_AMDVI_BAD_DTE;
    }
    for (unsigned int i = 0; i < 4; i++) {
        if (!mem64(v, ON(v, COHERENT), base + id * 32u + i * 8, &w[i])) {
            return DEV_AMDVI_DEVTAB;
        }
    }
    /* Reserved bits. */
    if (w[0] & (FIELD64(6, 2) | BIT64(63)) || w[2] & FIELD64(55, 52) ||
        w[3] & FIELD64(14, 0)) {
        return DEV_AMDVI_BAD_DTE;
    }
    if (slot < DEV_AMDVI_DTE) {
        v->dte[slot].valid = true;
        v->dte[slot].id = id;
        memcpy(v->dte[slot].w, w, 32);
    }
    return 0;
}

/* ---- translation ---------------------------------------------------------- */

static void psc_add(struct dev_amdvi *v, uint16_t did, unsigned int level,
                    uint64_t dfn, uint64_t pa)
{
    unsigned int slot = DEV_AMDVI_PSC;

    for (unsigned int i = 0; i < DEV_AMDVI_PSC; i++) {
        if (v->psc[i].valid && v->psc[i].did == did &&
            v->psc[i].level == level && v->psc[i].dfn == dfn) {
            return;
        }
        slot = v->psc[i].valid ? slot : i;
    }
    if (slot < DEV_AMDVI_PSC) {
        v->psc[slot].valid = true;
        v->psc[slot].did = did;
        v->psc[slot].level = level;
        v->psc[slot].dfn = dfn;
        v->psc[slot].pa = pa;
    }
}

static void tlb_add(struct dev_amdvi *v, uint16_t did, uint64_t dfn,
                    unsigned int order, uint64_t mfn, unsigned int prot)
{
    for (unsigned int i = 0; i < DEV_AMDVI_TLB; i++) {
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

#define F_PR    BIT64(52)
#define F_WRITE BIT64(53)
#define F_PE    BIT64(54)
#define F_RZ    BIT64(55)

/*
 * Log2 of the frames that an entry of next level 7 is for: the lowest zero of
 * its address is bit n - 1 of 2^n bytes.
 */
static unsigned int size_of(uint64_t e)
{
    return (unsigned int)__builtin_ctzll(~(e >> 12)) + 1;
}

/* 0, or the flags of the fault; FULL: a table is not readable. */
static uint64_t walk(struct dev_amdvi *v, uint16_t did, uint64_t table,
                     unsigned int level, uint64_t dfn, unsigned int want,
                     uint64_t *mfn)
{
    unsigned int prot = 3;

    if (level < 6 && dfn >> (9 * level)) {
        return F_PR | F_RZ;
    }
    /* The deepest table it remembers. */
    for (unsigned int i = 0; i < DEV_AMDVI_PSC; i++) {
        if (v->psc[i].valid && v->psc[i].did == did &&
            v->psc[i].level < level &&
            dfn >> (9 * v->psc[i].level) ==
                v->psc[i].dfn >> (9 * v->psc[i].level)) {
            level = v->psc[i].level;
            table = v->psc[i].pa;
        }
    }
    for (;;) {
        const unsigned int order = 9 * (level - 1);
        unsigned int next;
        uint64_t e, out;

        if (!mem64(v, true, table + (dfn >> order & 511) * 8, &e)) {
            return FULL;
        }
        if (!(e & 1)) {
            if (e) {
                die("absent entry with bits set", dfn, e);
            }
            if (v->np_cache) {
                tlb_add(v, did, dfn, 0, 0, 0);
            }
            return BIT64(48); /* no PR; something else may be set */
        }
        prot &= e >> 61 & 3;
        next = e >> 9 & 7;
        out = (e & FIELD64(51, 12)) >> 12;
        if (next == 7) {
            const unsigned int size = size_of(e);

            if (size <= order || size >= order + 9 || !(e >> 60 & 1)) {
                die("page size that does not fit its level", dfn, e);
            }
            out &= ~(BIT64(size) - 1);
            tlb_add(v, did, dfn, size, out, prot);
            if ((prot & want) != want) {
                return F_PR | F_PE;
            }
            *mfn = out | (dfn & (BIT64(size) - 1));
            return 0;
        }
        if (level == 1 || next == 0) {
            if (next || out & (BIT64(order) - 1) || order > 18) {
                return F_PR | F_RZ;
            }
            if (!(e >> 60 & 1)) {
                die("leaf without force-coherent", dfn, e);
            }
            tlb_add(v, did, dfn, order, out, prot);
            if ((prot & want) != want) {
                return F_PR | F_PE;
            }
            *mfn = out | (dfn & (BIT64(order) - 1));
            return 0;
        }
        if (next >= level) {
            return F_PR | F_RZ;
        }
        if (next != level - 1) {
            die("skipped level", dfn, e);
        }
        if (prot != 3) {
            die("table entry narrows permissions", dfn, e);
        }
        table = out << 12;
        level = next;
        psc_add(v, did, level, dfn & ~(BIT64(order) - 1), table);
    }
}

static unsigned int fault(struct dev_amdvi *v, unsigned int code, uint16_t id,
                          uint16_t did, uint64_t flags, uint64_t addr,
                          bool write)
{
    if (flags == FULL) {
        /* A table that is not there: master abort, and where it was sought. */
        flags = BIT64(57);
        addr = v->sought;
    }
    event(v, code, id, did, flags | (write ? F_WRITE : 0), addr);
    return code;
}

unsigned int dev_amdvi_dma(struct dev_amdvi *v, uint16_t id, uint64_t addr,
                           bool write, uint64_t *pa)
{
    const unsigned int want = write ? 2 : 1;
    uint64_t w[4], mfn = 0, flags;
    unsigned int rc, mode;
    uint16_t did;

    *pa = addr;
    if (!ON(v, EN)) {
        return 0;
    }
    rc = device(v, id, w);
    if (rc) {
        return fault(v, rc, id, 0, rc == DEV_AMDVI_DEVTAB ? FULL : 0, addr,
                     write);
    }
    if (!(w[0] & 1)) {
        return 0; /* untranslated */
    }
    if (!(w[0] & 2)) {
        die("entry valid, its translation fields not", id, w[0]);
    }
    mode = w[0] >> 9 & 7;
    did = (uint16_t)w[1];
    if (mode == 7 || mode > 4 + (v->efr >> 10 & 3)) {
        return fault(v, DEV_AMDVI_BAD_DTE, id, did, 0, addr, write);
    }
    if ((w[0] >> 61 & want) != want) {
        return fault(v, DEV_AMDVI_FAULT, id, did, F_PR | F_PE, addr, write);
    }
    if (mode == 0) {
        return 0;
    }
    for (unsigned int i = 0; i < DEV_AMDVI_TLB; i++) {
        if (v->tlb[i].valid && v->tlb[i].did == did &&
            addr >> 12 >> v->tlb[i].order == v->tlb[i].dfn >> v->tlb[i].order) {
            if ((v->tlb[i].prot & want) != want) {
                return fault(v, DEV_AMDVI_FAULT, id, did,
                             v->tlb[i].prot ? F_PR | F_PE : 0, addr, write);
            }
            *pa = (v->tlb[i].mfn << 12) +
                  (addr & ((BIT64(v->tlb[i].order) << 12) - 1));
            return 0;
        }
    }
    flags = walk(v, did, w[0] & FIELD64(51, 12), mode, addr >> 12, want, &mfn);
    if (flags) {
        return fault(v, flags == FULL ? DEV_AMDVI_PAGETAB : DEV_AMDVI_FAULT, id,
                     did, flags, addr, write);
    }
    *pa = mfn << 12 | (addr & 0xfff);
    return 0;
}

/* ---- interrupts ----------------------------------------------------------- */

static bool irte(struct dev_amdvi *v, uint16_t id, uint64_t root,
                 unsigned int index, uint64_t *lo, uint64_t *hi)
{
    const bool snoop = ON(v, COHERENT);
    const uint64_t at = root + index * (ON(v, GA) ? 16u : 4u);
    unsigned int slot = DEV_AMDVI_IRC;

    for (unsigned int i = 0; i < DEV_AMDVI_IRC; i++) {
        if (v->irc[i].valid && v->irc[i].id == id && v->irc[i].index == index) {
            *lo = v->irc[i].lo;
            *hi = v->irc[i].hi;
            return true;
        }
        slot = v->irc[i].valid ? slot : i;
    }
    *hi = 0;
    if (!mem64(v, snoop, at & ~UINT64_C(7), lo) ||
        (ON(v, GA) && !mem64(v, snoop, at + 8, hi))) {
        return false;
    }
    if (!ON(v, GA)) {
        *lo = at & 4 ? *lo >> 32 : *lo & UINT32_MAX;
    }
    if (slot < DEV_AMDVI_IRC) {
        v->irc[slot].valid = true;
        v->irc[slot].id = id;
        v->irc[slot].index = index;
        v->irc[slot].lo = *lo;
        v->irc[slot].hi = *hi;
    }
    return true;
}

unsigned int dev_amdvi_msi(struct dev_amdvi *v, uint16_t id, uint64_t address,
                           uint32_t data, uint8_t *vector, uint32_t *dest)
{
    const unsigned int index = data & 0x7ff;
    const uint64_t intr = BIT64(51);
    uint64_t w[4], lo, hi;
    unsigned int rc;

    *vector = (uint8_t)data;
    *dest = address >> 12 & 0xff;
    if (!ON(v, EN)) {
        return 0;
    }
    rc = device(v, id, w);
    if (rc) {
        return fault(v, rc, id, 0, intr, address, true);
    }
    if (!(w[2] & 1)) {
        return 0;
    }
    /* Fixed and lowest priority look into the table; the rest has pass bits. */
    if ((data >> 8 & 7) > 1 || (w[2] >> 60 & 3) != 2 ||
        index >= 1u << (w[2] >> 1 & 15)) {
        return fault(v, DEV_AMDVI_FAULT, id, 0, intr, address, true);
    }
    if (!irte(v, id, w[2] & FIELD64(51, 6), index, &lo, &hi)) {
        return fault(v, DEV_AMDVI_PAGETAB, id, 0, intr, address, true);
    }
    if (!(lo & 1)) {
        return fault(v, DEV_AMDVI_FAULT, id, 0, intr, address, true);
    }
    if (ON(v, GA) ? lo & (BIT64(7) | FIELD64(63, 32)) || hi & FIELD64(55, 8)
                  : lo & (BIT64(7) | FIELD64(31, 24))) {
        return fault(v, DEV_AMDVI_FAULT, id, 0, intr | F_PR | F_RZ, address,
                     true);
    }
    if (lo >> 2 & 7 || lo >> 6 & 1) {
        die("not a fixed interrupt for one CPU", lo, hi);
    }
    *vector = (uint8_t)(ON(v, GA) ? hi : lo >> 16);
    *dest = (uint32_t)(ON(v, GA) ? (lo >> 8 & 0xffffff) | hi >> 56 << 24
                                 : lo >> 8 & 0xff);
    return 0;
}

/* ---- commands ------------------------------------------------------------- */

static void drop_pages(struct dev_amdvi *v, uint16_t did, uint64_t hi)
{
    uint64_t first = hi >> 12, nr = 1;
    const bool tables = hi & 2;
    bool all = false;

    if (hi & 1) {
        unsigned int ones = 0;

        while (first >> ones & 1) {
            ones++;
        }
        all = ones >= 51;
        nr = all ? 0 : BIT64(ones + 1);
        first &= ~(nr - 1);
    }
    v->nr_domain += all;
    v->nr_page += !all;
    v->last_nr = nr;
    v->last_tables = tables;
    for (unsigned int i = 0; i < DEV_AMDVI_TLB; i++) {
        /* As little as the manual allows: leaves wholly inside. */
        const uint64_t a = v->tlb[i].dfn;
        const uint64_t b = a + BIT64(v->tlb[i].order) - 1;

        if (v->tlb[i].did == did &&
            (all || (a >= first && b <= first + nr - 1))) {
            v->tlb[i].valid = false;
        }
    }
    for (unsigned int i = 0; i < DEV_AMDVI_PSC; i++) {
        const uint64_t a = v->psc[i].dfn;
        const uint64_t b = a + BIT64(9 * v->psc[i].level) - 1;

        if (v->psc[i].did == did && tables &&
            (all || (a <= first + nr - 1 && b >= first))) {
            v->psc[i].valid = false;
        }
    }
}

static void drop_all(struct dev_amdvi *v)
{
    v->nr_all++;
    memset(v->dte, 0, sizeof(v->dte));
    memset(v->tlb, 0, sizeof(v->tlb));
    memset(v->psc, 0, sizeof(v->psc));
    memset(v->irc, 0, sizeof(v->irc));
}

static bool command(struct dev_amdvi *v, uint64_t lo, uint64_t hi)
{
    const uint16_t id = (uint16_t)lo;
    uint64_t at;

    switch (lo >> 60) {
    case 1:
        at = lo & FIELD64(51, 3);
        if (lo & FIELD64(59, 52)) {
            return false;
        }
        v->nr_wait++;
        if (lo & 1) {
            memcpy((char *)pool_page_ptr(at & ~UINT64_C(0xfff)) + (at & 0xfff),
                   &hi, 8);
        }
        if (lo & 2) {
            raise_interrupt(v, 4, WAIT_INT);
        }
        return true;
    case 2:
        if (lo & FIELD64(59, 16) || hi) {
            return false;
        }
        v->nr_dte++;
        for (unsigned int i = 0; i < DEV_AMDVI_DTE; i++) {
            v->dte[i].valid = v->dte[i].valid && v->dte[i].id != id;
        }
        return true;
    case 3:
        if (lo & (FIELD64(59, 48) | FIELD64(31, 0)) || hi & FIELD64(11, 2)) {
            return false;
        }
        drop_pages(v, (uint16_t)(lo >> 32), hi);
        return true;
    case 5:
        if (lo & FIELD64(59, 16) || hi) {
            return false;
        }
        v->nr_intr++;
        for (unsigned int i = 0; i < DEV_AMDVI_IRC; i++) {
            v->irc[i].valid = v->irc[i].valid && v->irc[i].id != id;
        }
        return true;
    case 8:
        if (!(v->efr >> 6 & 1) || lo << 4 || hi) {
            return false;
        }
        drop_all(v);
        return true;
    default:
        return false;
    }
}

static void run_commands(struct dev_amdvi *v)
{
    while (!v->mute && v->status & 0x10 && v->head[0] != v->tail[0]) {
        /* The ring is always read coherently. */
        const uint64_t pa = (v->cmd_base & FIELD64(51, 12)) + v->head[0];
        uint64_t c[2];

        memcpy(c,
               (const char *)pool_page_ptr(pa & ~UINT64_C(0xfff)) +
                   (pa & 0xfff),
               16);
        if (!command(v, c[0], c[1])) {
            v->status &= ~UINT64_C(0x10);
            event(v, DEV_AMDVI_BAD_CMD, 0, 0, 0, pa);
            return;
        }
        v->head[0] = (v->head[0] + 16) % ring_bytes(v->cmd_base);
    }
}

/* ---- registers ------------------------------------------------------------ */

static void set_control(struct dev_amdvi *v, uint64_t c)
{
    const uint64_t run =
        c & 1 ? (c >> EVT_LOG & 1 && !(v->status & 1) ? 8u : 0u) |
                    (c >> CMD & 1 ? 0x10u : 0u) |
                    (c >> PPR_LOG & 1 && !(v->status & 0x20) ? 0x80u : 0u)
              : 0;

    if (c & 1 && !(v->control & 1) && !(c >> CMD & 1 && c >> EVT_LOG & 1)) {
        die("translation on before log and commands", c, v->control);
    }
    if (c & 1 && v->control & 1 && (c ^ v->control) & BIT64(GA)) {
        die("interrupt format changed while in use", c, v->control);
    }
    if (c >> 15 & 1) {
        die("page requests let in", c, 0);
    }
    v->control = c;
    if (v->stuck) {
        return;
    }
    /* What stopped on an error starts when it is switched on anew. */
    v->status = (v->status & ~UINT64_C(0x98)) | run;
    run_commands(v);
}

uint64_t dev_amdvi_read(struct dev_amdvi *v, size_t off, unsigned int bytes)
{
    if (bytes != 8) {
        die("read of the wrong width", off, bytes);
    }
    switch (off) {
    case 0x18:
        return v->control;
    case 0x30:
        return v->efr;
    case 0x2000:
        return v->head_past_end && v->head[0] == 0 && v->nr_wait
                   ? ring_bytes(v->cmd_base)
                   : v->head[0];
    case 0x2008:
        return v->tail[0];
    case 0x2010:
        return v->head[1];
    case 0x2018:
        return v->tail[1];
    case 0x2030:
        return v->head[2];
    case 0x2038:
        return v->tail[2];
    case 0x2020:
        return v->status;
    default:
        die("read of no register", off, bytes);
        return 0;
    }
}

static void set_base(struct dev_amdvi *v, unsigned int ring, uint64_t run,
                     uint64_t *base, uint64_t val)
{
    if (v->status & run) {
        die("ring moved while in use", ring, val);
    }
    (void)ring_bytes(val);
    *base = val;
    v->head[ring] = v->tail[ring] = 0;
}

void dev_amdvi_write(struct dev_amdvi *v, size_t off, unsigned int bytes,
                     uint64_t val)
{
    if (bytes != 8) {
        die("write of the wrong width", off, bytes);
    }
    switch (off) {
    case 0x00:
        if (ON(v, EN)) {
            die("device table moved while in use", off, val);
        }
        v->dev_base = val;
        break;
    case 0x08:
        set_base(v, 0, 0x10, &v->cmd_base, val);
        break;
    case 0x10:
        set_base(v, 1, 8, &v->evt_base, val);
        break;
    case 0x18:
        set_control(v, val);
        break;
    case 0x20:
        v->excl = val;
        break;
    case 0x38:
        set_base(v, 2, 0x80, &v->ppr_base, val);
        break;
    case 0x2000:
        v->head[0] = val & FIELD64(18, 4);
        break;
    case 0x2010:
        v->head[1] = val & FIELD64(18, 4);
        break;
    case 0x2030:
        v->head[2] = val & FIELD64(18, 4);
        break;
    case 0x2008:
        v->tail[0] = val & FIELD64(18, 4);
        run_commands(v);
        break;
    case 0x2018:
        v->tail[1] = val & FIELD64(18, 4);
        break;
    case 0x2038:
        v->tail[2] = val & FIELD64(18, 4);
        break;
    case 0x2020:
        /* An overflow can only be cleared when its log is off. */
        if ((val & 1 && v->status & 1 && ON(v, EVT_LOG)) ||
            (val & 0x20 && v->status & 0x20 && ON(v, PPR_LOG))) {
            die("overflow cleared while the log is on", val, v->control);
        }
        v->status &= ~(val & 0x67);
        break;
    default:
        die("write of no register", off, val);
    }
}

/* ---- judging -------------------------------------------------------------- */

/* What the tables say now. */
static unsigned int look(uint64_t root, unsigned int levels, uint64_t dfn,
                         uint64_t *mfn, unsigned int down_to, uint64_t *table)
{
    unsigned int level = levels;
    uint64_t at = root;

    for (;;) {
        uint64_t e;

        if (level == down_to) {
            *table = at;
        }
        memcpy(&e,
               (const char *)pool_page_ptr(at) +
                   (dfn >> (9 * (level - 1)) & 511) * 8,
               8);
        if (!(e & 1)) {
            return 0;
        }
        if ((e >> 9 & 7) == 7) {
            const uint64_t in_page = BIT64(size_of(e)) - 1;

            *mfn = ((e & FIELD64(51, 12)) >> 12 & ~in_page) | (dfn & in_page);
            return e >> 61 & 3;
        }
        if (level == 1 || (e >> 9 & 7) == 0) {
            *mfn = (e & FIELD64(51, 12)) >> 12 |
                   (dfn & (BIT64(9 * (level - 1)) - 1));
            return e >> 61 & 3;
        }
        at = e & FIELD64(51, 12);
        level = e >> 9 & 7;
    }
}

unsigned int dev_amdvi_stale(const struct dev_amdvi *v, uint16_t did,
                             uint64_t root_pa, unsigned int levels)
{
    unsigned int bad = 0;

    for (unsigned int i = 0; i < DEV_AMDVI_TLB; i++) {
        const uint64_t nr = BIT64(v->tlb[i].order);
        const uint64_t step = nr > 4096 ? 511 : 1;

        if (!v->tlb[i].valid || v->tlb[i].did != did) {
            continue;
        }
        for (uint64_t k = 0; k < nr; k += step) {
            uint64_t mfn = 0, table;
            const unsigned int prot =
                look(root_pa, levels, v->tlb[i].dfn + k, &mfn, 0, &table);

            if (prot != v->tlb[i].prot || (prot && mfn != v->tlb[i].mfn + k)) {
                printf("dev-amdvi: id %u dfn %#llx order %u: cached %u, now "
                       "%u\n",
                       did, (unsigned long long)(v->tlb[i].dfn + k),
                       v->tlb[i].order, v->tlb[i].prot, prot);
                bad++;
                break;
            }
        }
    }
    for (unsigned int i = 0; i < DEV_AMDVI_PSC; i++) {
        uint64_t mfn, table = 0;

        if (!v->psc[i].valid || v->psc[i].did != did) {
            continue;
        }
        (void)look(root_pa, levels, v->psc[i].dfn, &mfn, v->psc[i].level,
                   &table);
        /* An unlinked table may be remembered only while it is not reused. */
        if (table != v->psc[i].pa && !in_pool(v->psc[i].pa)) {
            printf("dev-amdvi: id %u: free table for dfn %#llx level %u\n", did,
                   (unsigned long long)v->psc[i].dfn, v->psc[i].level);
            bad++;
        }
    }
    return bad;
}
