/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A software VT-d unit: registers, invalidation queue, and a walker that caches
 * whatever the manual lets it cache and forgets only what it is told to. Its
 * constants are typed from the manual on their own, not taken from the driver.
 */
#ifndef TESTS_PORT_DEV_VTD_H
#define TESTS_PORT_DEV_VTD_H

#include <xen/addr.h>

#define DEV_VTD_TLB  8192
#define DEV_VTD_PSC  4096
#define DEV_VTD_CTX  64
#define DEV_VTD_IEC  64
#define DEV_VTD_FRCD 4

struct dev_vtd {
    uint64_t cap, ecap;
    uint32_t gsts, fsts, fectl, fedata, feaddr, feuaddr, iectl, pmen;
    uint64_t rtaddr, iqh, iqt, iqa, irta;
    uint64_t root, irt; /* latched by SRTP and SIRTP */
    uint64_t frcd[DEV_VTD_FRCD][2];
    bool last_was_wait;
    bool mute; /* takes descriptors and does nothing */
    void (*msi)(uint64_t address, uint32_t data);

    struct {
        bool valid;
        uint16_t did;
        uint64_t dfn, mfn;
        unsigned int order, prot; /* prot 0: absent, cached in caching mode */
    } tlb[DEV_VTD_TLB];
    struct {
        bool valid;
        uint16_t did;
        unsigned int level; /* of the table pointed to */
        uint64_t dfn;       /* first frame it spans */
        uint64_t pa;
    } psc[DEV_VTD_PSC];
    struct {
        bool valid;
        uint16_t sid;
        uint64_t lo, hi;
    } ctx[DEV_VTD_CTX];
    struct {
        bool valid;
        unsigned int index;
        uint64_t lo, hi;
    } iec[DEV_VTD_IEC];

    /* What it was told, for tests that count. */
    unsigned int nr_context, nr_global, nr_domain, nr_page, nr_iec, nr_wait;
    unsigned int last_order; /* of the last page-selective command */
    unsigned int nr_msi;
};

void dev_vtd_reset(struct dev_vtd *v, uint64_t cap, uint64_t ecap);
uint64_t dev_vtd_read(struct dev_vtd *v, size_t off, unsigned int bytes);
void dev_vtd_write(struct dev_vtd *v, size_t off, unsigned int bytes,
                   uint64_t val);
/* A request: 0 and the machine address, or the fault reason, recorded. */
unsigned int dev_vtd_dma(struct dev_vtd *v, uint16_t sid, uint64_t addr,
                         bool write, uint64_t *pa);
/* An interrupt request: 0, or the fault reason. */
unsigned int dev_vtd_msi(struct dev_vtd *v, uint16_t sid, uint64_t address,
                         uint32_t data, uint8_t *vector, uint32_t *dest,
                         bool *level);
/*
 * Everything cached for an id that contradicts the tables at root_pa; prints
 * each. Tables that are free pages count too.
 */
unsigned int dev_vtd_stale(const struct dev_vtd *v, uint16_t did,
                           uint64_t root_pa, unsigned int levels);
/* Clear the counters. */
void dev_vtd_count(struct dev_vtd *v);

#endif
