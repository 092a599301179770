/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sets of numbers as a sorted list of disjoint closed ranges that do not even
 * touch. Sets are small (tens of ranges), so a list is enough. Each set has its
 * own lock, never taken from interrupts. Hosted test: tests/unit.
 */
#include <xen/bits.h>
#include <xen/errno.h>
#include <xen/list.h>
#include <xen/mm.h>
#include <xen/rangeset.h>
#include <xen/spinlock.h>

struct range {
    struct list_head link; /* in rangeset.ranges, ascending */
    uint64_t first;
    uint64_t last; /* inclusive: all ones is a legal number */
};

struct rangeset {
    spinlock_t lock;
    struct list_head ranges; /* guarded by lock */
    const char *name;
};

struct rangeset *rangeset_create(const char *name)
{
    struct rangeset *r = xzalloc(struct rangeset);

    if (r) {
        list_init(&r->ranges);
        r->name = name;
    }
    return r;
}

static void range_free(struct range *x)
{
    list_del(&x->link);
    xfree(x);
}

void rangeset_destroy(struct rangeset *r)
{
    if (!r) {
        return;
    }
    while (!list_empty(&r->ranges)) {
        range_free(list_entry(r->ranges.next, struct range, link));
    }
    xfree(r);
}

/* First range whose last number is not below @n; NULL if there is none. */
static struct range *range_at_or_after(struct rangeset *r, uint64_t n)
{
    struct list_head *p;

    list_for_each(p, &r->ranges) {
        struct range *x = list_entry(p, struct range, link);

        if (x->last >= n) {
            return x;
        }
    }
    return NULL;
}

int rangeset_add(struct rangeset *r, uint64_t first, uint64_t last)
{
    struct range *fresh;
    struct range *x;

    if (!r || first > last) {
        return -EINVAL;
    }
    /* Allocated before anything changes, so that failing changes nothing. */
    fresh = xzalloc(struct range);
    if (!fresh) {
        return -ENOMEM;
    }

    spin_lock(&r->lock);
    /* Ranges that overlap or touch the new one are swallowed by it. */
    x = range_at_or_after(r, first ? first - 1 : 0);
    while (x && (last == UINT64_MAX || x->first <= last + 1)) {
        struct list_head *next = x->link.next;

        first = min_of(first, x->first);
        last = max_of(last, x->last);
        range_free(x);
        x = next == &r->ranges ? NULL : list_entry(next, struct range, link);
    }
    fresh->first = first;
    fresh->last = last;
    list_add_tail(&fresh->link, x ? &x->link : &r->ranges);
    spin_unlock(&r->lock);
    return 0;
}

int rangeset_remove(struct rangeset *r, uint64_t first, uint64_t last)
{
    struct range *fresh;
    struct range *x;

    if (!r || first > last) {
        return -EINVAL;
    }
    /* Needed only when a range is cut in two, which is not known yet. */
    fresh = xzalloc(struct range);
    if (!fresh) {
        return -ENOMEM;
    }

    spin_lock(&r->lock);
    x = range_at_or_after(r, first);
    while (x && x->first <= last) {
        struct list_head *next = x->link.next;

        if (x->first < first && x->last > last) {
            fresh->first = last + 1;
            fresh->last = x->last;
            x->last = first - 1;
            list_add(&fresh->link, &x->link);
            fresh = NULL;
            break;
        }
        if (x->first < first) {
            x->last = first - 1;
        } else if (x->last > last) {
            x->first = last + 1;
        } else {
            range_free(x);
        }
        x = next == &r->ranges ? NULL : list_entry(next, struct range, link);
    }
    spin_unlock(&r->lock);
    xfree(fresh);
    return 0;
}

bool rangeset_contains(struct rangeset *r, uint64_t first, uint64_t last)
{
    const struct range *x;
    bool yes;

    if (!r || first > last) {
        return false;
    }
    spin_lock(&r->lock);
    x = range_at_or_after(r, first);
    yes = x && x->first <= first && x->last >= last;
    spin_unlock(&r->lock);
    return yes;
}

bool rangeset_overlaps(struct rangeset *r, uint64_t first, uint64_t last)
{
    const struct range *x;
    bool yes;

    if (!r || first > last) {
        return false;
    }
    spin_lock(&r->lock);
    x = range_at_or_after(r, first);
    yes = x && x->first <= last;
    spin_unlock(&r->lock);
    return yes;
}

int rangeset_each(struct rangeset *r,
                  int (*fn)(uint64_t first, uint64_t last, void *arg),
                  void *arg)
{
    struct list_head *p;
    int rc = 0;

    if (!r) {
        return 0;
    }
    spin_lock(&r->lock);
    list_for_each(p, &r->ranges) {
        const struct range *x = list_entry(p, struct range, link);

        rc = fn(x->first, x->last, arg);
        if (rc) {
            break;
        }
    }
    spin_unlock(&r->lock);
    return rc;
}
