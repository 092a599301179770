/* SPDX-License-Identifier: GPL-2.0 */
/* Sets of numbers held as disjoint, sorted, merged closed ranges. */
#ifndef XEN_RANGESET_H
#define XEN_RANGESET_H

#include <xen/types.h>

struct rangeset;

/**
 * rangeset_create() - Make an empty set.
 * @name: kept, not copied. Locks: heap. Context: boot or hypercall.
 * Return: the set or NULL.
 */
struct rangeset *rangeset_create(const char *name);

/**
 * rangeset_destroy() - Free a set nobody uses any more.
 * @r: the set; may be NULL. Locks: heap. Context: boot or hypercall.
 */
void rangeset_destroy(struct rangeset *r);

/**
 * rangeset_add() - Add first..last, both inclusive.
 * @r: the set. @first, @last: first <= last.
 * Locks: the set's own. Context: any but interrupt.
 * Return: 0, -EINVAL, -ENOMEM (then the set is unchanged).
 */
int must_check rangeset_add(struct rangeset *r, uint64_t first, uint64_t last);

/**
 * rangeset_remove() - Remove first..last, both inclusive.
 * @r: the set. @first, @last: first <= last.
 * Locks: the set's own. Context: any but interrupt.
 * Return: 0, -EINVAL, -ENOMEM (then the set is unchanged).
 */
int must_check rangeset_remove(struct rangeset *r, uint64_t first,
                               uint64_t last);

/**
 * rangeset_contains() - Is all of first..last in the set?
 * @r: the set; NULL is the empty one. @first, @last: first <= last, else false.
 * Locks: the set's own. Context: any but interrupt. Return: the answer.
 */
bool rangeset_contains(struct rangeset *r, uint64_t first, uint64_t last);

/**
 * rangeset_overlaps() - Is any of first..last in the set?
 * @r: the set; NULL is the empty one. @first, @last: first <= last, else false.
 * Locks: the set's own. Context: any but interrupt. Return: the answer.
 */
bool rangeset_overlaps(struct rangeset *r, uint64_t first, uint64_t last);

/**
 * rangeset_each() - Call @fn for each range in ascending order.
 * @r: the set, not changed meanwhile. @fn: non-zero return stops. @arg: for it.
 * Locks: the set's own is held. Context: any. Return: 0 or what @fn returned.
 */
int rangeset_each(struct rangeset *r,
                  int (*fn)(uint64_t first, uint64_t last, void *arg),
                  void *arg);

#endif
