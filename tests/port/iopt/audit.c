/* SPDX-License-Identifier: GPL-2.0 */
/* See audit.h. */
#include "tests/port/iopt/audit.h"

#include <stdio.h>
#include <string.h>

#include <xen/bits.h>
#include <xen/page-pool.h>

#include "xen/drivers/passthrough/pt/iopt-priv.h"

#define OA51_12 UINT64_C(0x000ffffffffff000)

/*
 * Next level 7 (AMD48882, page size encoding): from bit 12 up the address is
 * ones, then a zero at bit n - 1, then the base; the page has 2^n bytes.
 */
static void decode_amd_size(struct audit_entry *r, uint64_t e,
                            unsigned int level)
{
    unsigned int n = 12;

    while (e >> n & 1 && n < 51) {
        n++;
    }
    r->order = n + 1 - 12;
    r->mfn = (e & OA51_12) >> (n + 1) << (n + 1 - 12);
    r->reserved |= r->order <= 9 * level || r->order >= 9 * (level + 1);
}

static struct audit_entry decode_amd(const struct iopt *pt, uint64_t e,
                                     unsigned int level)
{
    const bool sized = !strcmp(pt->ops->name, "amdv1x") && (e >> 9 & 7) == 7;
    const unsigned int next = sized ? 0 : e >> 9 & 7;
    struct audit_entry r = { .present = e & 1 };

    if (!r.present) {
        r.reserved = e != 0;
        return r;
    }
    r.leaf = next == 0;
    r.pa = e & OA51_12;
    r.mfn = r.pa >> 12;
    r.prot = (e >> 61 & 1 ? IOPT_R : 0) | (e >> 62 & 1 ? IOPT_W : 0);
    r.reserved = r.leaf ? (e & UINT64_C(0x8ff00000000001fe)) != 0
                        : next != level || r.prot != 3 ||
                              (e & UINT64_C(0x9ff00000000001fe)) != 0;
    r.order = 9 * level;
    if (sized) {
        decode_amd_size(&r, e, level);
    }
    return r;
}

static struct audit_entry decode_vtd(const struct iopt *pt, uint64_t e,
                                     unsigned int level)
{
    struct audit_entry r = { .present = e & 3 };

    if (!r.present) {
        r.reserved = e != 0;
        return r;
    }
    r.leaf = level == 0 || e >> 7 & 1;
    r.pa = e & OA51_12;
    r.mfn = r.pa >> 12;
    r.prot = (e & 1 ? IOPT_R : 0) | (e & 2 ? IOPT_W : 0);
    r.reserved = (e & UINT64_C(0xfff000000000077c)) != 0 ||
                 (level == 0 && e >> 7 & 1) ||
                 (r.leaf ? (e & 0x800) != pt->leaf_extra : (e & 0x800) != 0);
    return r;
}

static struct audit_entry decode_skew(const struct iopt *pt, uint64_t e,
                                      unsigned int level)
{
    struct audit_entry r = { .present = !(e & 4) };

    if (!r.present) {
        r.reserved = e != 6;
        return r;
    }
    r.leaf = !(e >> 63);
    r.pa = e & UINT64_C(0x07fffffffffff000);
    r.mfn = (e & UINT64_C(0x07fffffffffffff0)) >> (14 - 2 * level);
    r.prot = (e & 1 ? 0 : IOPT_R) | (e & 2 ? 0 : IOPT_W);
    r.reserved = r.leaf ? (e & 8) != pt->leaf_extra
                        : (e >> 4 & 0xff) != level || r.prot != 3;
    return r;
}

struct audit_entry audit_decode(const struct iopt *pt, uint64_t e,
                                unsigned int level)
{
    struct audit_entry r;

    if (pt->ops == &iopt_skew_ops) {
        r = decode_skew(pt, e, level);
    } else if (pt->ops->name[0] == 'a') {
        r = decode_amd(pt, e, level);
    } else {
        r = decode_vtd(pt, e, level);
    }
    if (r.present && r.leaf) {
        uint64_t size;

        r.order = max_of(r.order, (unsigned int)pt->ops->level_order(level));
        size = UINT64_C(1) << r.order;

        r.reserved |= (r.mfn & (size - 1)) != 0 || r.prot == 0;
    }
    return r;
}

static const uint64_t *device_view(const struct iopt *pt, uint64_t pa)
{
    return pt->coherent || !pool_shadow ? pool_page_ptr(pa)
                                        : pool_device_ptr(pa);
}

struct audit_hit audit_walk_from(const struct iopt *pt, uint64_t pa,
                                 unsigned int level, uint64_t dfn)
{
    const unsigned int slots = 1u << pt->ops->slot_bits;

    for (;; level--) {
        const unsigned int order = pt->ops->level_order(level);
        const uint64_t e = device_view(pt, pa)[dfn >> order & (slots - 1)];
        const struct audit_entry a = audit_decode(pt, e, level);

        if (!a.present) {
            return (struct audit_hit){ .present = false };
        }
        if (a.leaf) {
            return (struct audit_hit){
                .present = true,
                .mfn = a.mfn + (dfn & ((UINT64_C(1) << a.order) - 1)),
                .prot = a.prot,
                .order = a.order,
            };
        }
        pa = a.pa;
    }
}

struct audit_hit audit_walk(const struct iopt *pt, uint64_t dfn)
{
    return audit_walk_from(pt, pt->root_pa, pt->levels - 1u, dfn);
}

bool audit_table_at(const struct iopt *pt, uint64_t dfn, unsigned int level,
                    uint64_t *pa)
{
    const unsigned int slots = 1u << pt->ops->slot_bits;

    *pa = pt->root_pa;
    for (unsigned int l = pt->levels - 1u; l > level; l--) {
        const unsigned int order = pt->ops->level_order(l);
        const uint64_t e = device_view(pt, *pa)[dfn >> order & (slots - 1)];
        const struct audit_entry a = audit_decode(pt, e, l);

        if (!a.present || a.leaf) {
            return false;
        }
        *pa = a.pa;
    }
    return true;
}

struct audit {
    const struct iopt *pt;
    void (*leaf)(uint64_t dfn, uint64_t mfn, unsigned int prot,
                 unsigned int order, void *arg);
    void *arg;
    unsigned int bad;
    uint64_t tables;
    uint64_t leaves[IOPT_MAX_LEVELS];
};

static void audit_table(struct audit *a, uint64_t pa, unsigned int level,
                        uint64_t dfn)
{
    const struct iopt *pt = a->pt;
    const unsigned int slots = 1u << pt->ops->slot_bits;
    const unsigned int order = pt->ops->level_order(level);
    const struct iopt_meta *m = pool_page_meta(pa);
    const uint64_t *s = pool_page_ptr(pa);
    struct audit_entry prev = { .present = false };
    unsigned int present = 0, joined = 0;

    a->tables++;
    if (memcmp(s, device_view(pt, pa), slots * 8)) {
        printf("table level %u at dfn %#llx: not written back\n", level,
               (unsigned long long)dfn);
        a->bad++;
    }
    for (unsigned int i = 0; i < slots; i++) {
        struct audit_entry e = audit_decode(pt, s[i], level);
        const uint64_t at = dfn + ((uint64_t)i << order);

        if (e.present && e.leaf) {
            /* All slots of a group hold the same; each counts as a leaf. */
            const unsigned int nr = 1u << (e.order - order);

            for (unsigned int k = align_down(i, nr); k < align_down(i, nr) + nr;
                 k++) {
                e.reserved |= s[k] != s[i];
            }
            e.mfn += at & ((UINT64_C(1) << e.order) - 1);
        }

        if (e.reserved) {
            printf("reserved bits: %#llx level %u dfn %#llx\n",
                   (unsigned long long)s[i], level, (unsigned long long)at);
            a->bad++;
        }
        present += e.present;
        if (i && prev.present && prev.leaf && e.present && e.leaf &&
            prev.prot == e.prot && prev.mfn + (UINT64_C(1) << order) == e.mfn) {
            joined++;
        }
        if (e.present && e.leaf) {
            a->leaves[level]++;
            if (a->leaf) {
                a->leaf(at, e.mfn, e.prot, order, a->arg);
            }
        } else if (e.present) {
            audit_table(a, e.pa, level - 1, at);
        }
        prev = e;
    }
    if (present != m->present || joined != m->joined) {
        printf("table level %u dfn %#llx: counts say %u/%u, are %u/%u\n", level,
               (unsigned long long)dfn, m->present, m->joined, present, joined);
        a->bad++;
    }
    if (present == 0 && pa != pt->root_pa) {
        printf("table level %u dfn %#llx is empty\n", level,
               (unsigned long long)dfn);
        a->bad++;
    }
}

unsigned int audit_tree(const struct iopt *pt,
                        void (*leaf)(uint64_t dfn, uint64_t mfn,
                                     unsigned int prot, unsigned int order,
                                     void *arg),
                        void *arg)
{
    struct audit a = { .pt = pt, .leaf = leaf, .arg = arg };

    audit_table(&a, pt->root_pa, pt->levels - 1u, 0);
    if (a.tables != pt->counts.tables ||
        memcmp(a.leaves, pt->counts.leaves, sizeof(a.leaves))) {
        printf("counters: %llu tables counted, %llu there; leaves",
               (unsigned long long)pt->counts.tables,
               (unsigned long long)a.tables);
        for (unsigned int l = 0; l < pt->levels; l++) {
            printf(" %llu/%llu", (unsigned long long)pt->counts.leaves[l],
                   (unsigned long long)a.leaves[l]);
        }
        printf("\n");
        a.bad++;
    }
    return a.bad;
}
