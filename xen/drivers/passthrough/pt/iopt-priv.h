/* SPDX-License-Identifier: GPL-2.0 */
/* What the engine's instances and its format-neutral part share. */
#ifndef PT_IOPT_PRIV_H
#define PT_IOPT_PRIV_H

#include <xen/page-pool.h>

#include "iopt.h"

enum iopt_kind { IOPT_EMPTY, IOPT_LEAF, IOPT_TABLE };

/*
 * Beside each table page, never in it: a coherent table has no private bits,
 * and a count costs no extra dirty line. joined counts the neighbour pairs
 * (i, i + 1) that are leaves with equal attributes and consecutive output; a
 * table equals one big leaf exactly if all pairs are and slot 0 is aligned.
 */
struct iopt_meta {
    uint64_t link; /* next page while on a struct iopt_pages */
    union {
        struct {
            uint16_t present; /* slots that are not empty */
            uint16_t joined;  /* pairs that continue each other */
        };
        uint32_t counts; /* present + 65536 * joined: both in one addition */
    };
    uint32_t cursor; /* first slot iopt_destroy() has not finished */
};
static_assert(sizeof(struct iopt_meta) == POOL_META_BYTES, "fits the slot");

static inline struct iopt_meta *iopt_meta_of(paddr_t pa)
{
    return pool_page_meta(pa);
}

/* Append to the tail, so that tables are reused oldest first. */
static inline void iopt_pages_add(struct iopt_pages *l, paddr_t pa)
{
    if (l->nr++) {
        iopt_meta_of(l->tail)->link = pa;
    } else {
        l->head = pa;
    }
    l->tail = pa;
}

/* The list must not be empty. */
static inline paddr_t iopt_pages_pop(struct iopt_pages *l)
{
    const paddr_t pa = l->head;

    if (--l->nr) {
        l->head = iopt_meta_of(pa)->link;
    }
    return pa;
}

/**
 * iopt_take_tables() - Collect table pages before a commit.
 * @pt:     the tree. @want: how many.
 * @urgent: the reserve for shatters may be used if the pool is exhausted.
 * @out:    gains exactly @want pages; on failure none.
 * Locks: the tree's. Context: any but NMI. Return: 0, -ENOMEM.
 */
int must_check iopt_take_tables(struct iopt *pt, uint64_t want, bool urgent,
                                struct iopt_pages *out);

/**
 * iopt_return_tables() - Put unused pages back to the spares or the pool.
 * @pt: the tree. @l: empty afterwards. Locks: the tree's. Context: any.
 */
void iopt_return_tables(struct iopt *pt, struct iopt_pages *l);

/**
 * iopt_fill_reserve() - Make sure unmap's reserve is complete.
 * @pt: the tree. Locks: the tree's. Context: any but NMI.
 * Return: 0, -ENOMEM (what was got is kept).
 */
int must_check iopt_fill_reserve(struct iopt *pt);

#endif
