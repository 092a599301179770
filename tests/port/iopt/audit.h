/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A second opinion on a tree: entries decoded by hand from the manuals (not by
 * the engine's format headers) and side counts recomputed by brute force.
 */
#ifndef TESTS_PORT_IOPT_AUDIT_H
#define TESTS_PORT_IOPT_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "xen/drivers/passthrough/pt/iopt.h"

extern const struct iopt_ops iopt_skew_ops;

/* One entry as its manual reads. */
struct audit_entry {
    bool present;
    bool leaf;
    uint64_t pa;        /* of the table */
    uint64_t mfn;       /* of the leaf, or of the group of slots that are one */
    unsigned int order; /* log2 of its frames */
    unsigned int prot;
    bool reserved; /* a bit is set that must not be */
};

struct audit_entry audit_decode(const struct iopt *pt, uint64_t e,
                                unsigned int level);

/* What a device finds for one frame; order is the leaf's. */
struct audit_hit {
    bool present;
    uint64_t mfn;
    unsigned int prot;
    unsigned int order;
};

/* Walk as a device: in written-back memory if the tree is not coherent. */
struct audit_hit audit_walk(const struct iopt *pt, uint64_t dfn);
/* The same, starting at a table it remembers. */
struct audit_hit audit_walk_from(const struct iopt *pt, uint64_t pa,
                                 unsigned int level, uint64_t dfn);
/* Table of a level on the way to dfn; false if there is none. */
bool audit_table_at(const struct iopt *pt, uint64_t dfn, unsigned int level,
                    uint64_t *pa);

/*
 * Check every table: counts against contents, no empty table, no reserved bit,
 * written back. Calls leaf() for each in order. Returns failures, printed.
 */
unsigned int audit_tree(const struct iopt *pt,
                        void (*leaf)(uint64_t dfn, uint64_t mfn,
                                     unsigned int prot, unsigned int order,
                                     void *arg),
                        void *arg);

#endif
