/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A software AMD IOMMU: registers, rings, device table, and a walker that
 * caches whatever the manual lets it cache and forgets only what it is told to.
 * Its constants are typed from the manual on their own, not taken from the
 * driver.
 */
#ifndef TESTS_PORT_DEV_AMDVI_H
#define TESTS_PORT_DEV_AMDVI_H

#include <xen/addr.h>

#define DEV_AMDVI_TLB 8192
#define DEV_AMDVI_PSC 4096
#define DEV_AMDVI_DTE 64
#define DEV_AMDVI_IRC 64

/* Why a request was refused; 0: it was not. Also the event's code. */
enum dev_amdvi_why {
    DEV_AMDVI_BAD_DTE = 1,
    DEV_AMDVI_FAULT = 2,
    DEV_AMDVI_DEVTAB = 3,
    DEV_AMDVI_PAGETAB = 4,
    DEV_AMDVI_BAD_CMD = 5,
};

struct dev_amdvi {
    uint64_t efr;
    bool np_cache;
    uint64_t dev_base, cmd_base, evt_base, ppr_base, excl, control, status;
    uint64_t head[3], tail[3]; /* commands, events, page requests */
    bool mute;                 /* takes commands and does nothing */
    bool head_past_end;        /* shows the ring's size instead of 0 */
    bool hold_entry;           /* moves the tail, writes the entry later */
    bool stuck;                /* its logs do not stop */
    uint64_t held[2], held_pa; /* that entry */
    void (*msi)(struct dev_amdvi *v);
    uint64_t sought; /* what it read last */

    struct {
        bool valid;
        uint16_t id;
        uint64_t w[4];
    } dte[DEV_AMDVI_DTE];
    struct {
        bool valid;
        uint16_t did;
        uint64_t dfn, mfn;
        unsigned int order, prot; /* prot 0: absent, cached with NpCache */
    } tlb[DEV_AMDVI_TLB];
    struct {
        bool valid;
        uint16_t did;
        unsigned int level; /* of the table pointed to, lowest is 1 */
        uint64_t dfn;       /* first frame it spans */
        uint64_t pa;
    } psc[DEV_AMDVI_PSC];
    struct {
        bool valid;
        uint16_t id;
        unsigned int index;
        uint64_t lo, hi;
    } irc[DEV_AMDVI_IRC];

    /* What it was told, for tests that count. */
    unsigned int nr_dte, nr_all, nr_domain, nr_page, nr_intr, nr_wait, nr_msi;
    uint64_t last_nr; /* frames of the last range */
    bool last_tables;
};

void dev_amdvi_reset(struct dev_amdvi *v, uint64_t efr, bool np_cache);
uint64_t dev_amdvi_read(struct dev_amdvi *v, size_t off, unsigned int bytes);
void dev_amdvi_write(struct dev_amdvi *v, size_t off, unsigned int bytes,
                     uint64_t val);
/* A request: 0 and the machine address, or why not; that is logged. */
unsigned int dev_amdvi_dma(struct dev_amdvi *v, uint16_t id, uint64_t addr,
                           bool write, uint64_t *pa);
/* An interrupt request: 0, or why not; that is logged. */
unsigned int dev_amdvi_msi(struct dev_amdvi *v, uint16_t id, uint64_t address,
                           uint32_t data, uint8_t *vector, uint32_t *dest);
/* Put an event, or a page request, into its log. */
void dev_amdvi_log(struct dev_amdvi *v, uint64_t lo, uint64_t hi);
void dev_amdvi_ppr(struct dev_amdvi *v, unsigned int nr);
/* Write the entry that hold_entry kept back. */
void dev_amdvi_release_entry(struct dev_amdvi *v);
/*
 * Everything cached for an id that contradicts the tables at root_pa; prints
 * each. Tables that are free pages count too.
 */
unsigned int dev_amdvi_stale(const struct dev_amdvi *v, uint16_t did,
                             uint64_t root_pa, unsigned int levels);
/* Clear the counters. */
void dev_amdvi_count(struct dev_amdvi *v);

#endif
