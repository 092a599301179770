/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Template part: what a format must provide. Types are compared, not redeclared, so that a
 * format may keep its functions static inline under its own names.
 *
 * fmt_order(level)   log2 of the 4K frames one entry of that level spans
 * fmt_full(e)        bits that are all 0 exactly if the entry translates nothing
 *                    and points nowhere; a word, so that many can be OR-ed
 * fmt_kind(e, level) empty, leaf or table
 * fmt_leaf(mfn, prot, level, extra) and its inverses fmt_leaf_mfn, fmt_prot
 * fmt_step(level)    what fmt_leaf() grows by for the next slot's mfn
 * fmt_table(pa, level of that table) and its inverse fmt_table_pa
 * FMT_EMPTY_WORD     what an empty entry is written as
 *
 * A format may have groups: 2^k aligned slots of leaves that continue each other
 * and all hold one word, so that units cache them as one. Then also
 * FMT_GROUP_BITS     largest k
 * fmt_group(leaf, k, level)        that word; leaf is the first slot's
 * fmt_group_bits(e, level)         k; 0: no group
 * fmt_plain(e, slot, level)        the leaf that the slot would hold alone
 */
#ifndef PT_IOPT_CONTRACT_H
#define PT_IOPT_CONTRACT_H

#define FMT_IS(fn, type)                                              \
    static_assert(__builtin_types_compatible_p(__typeof__(fn), type), \
                  "format function has another type")

FMT_IS(fmt_order, unsigned int(unsigned int));
FMT_IS(fmt_full, uint64_t(uint64_t));
FMT_IS(fmt_kind, enum iopt_kind(uint64_t, unsigned int));
FMT_IS(fmt_leaf, uint64_t(uint64_t, unsigned int, unsigned int, uint64_t));
FMT_IS(fmt_step, uint64_t(unsigned int));
FMT_IS(fmt_table, uint64_t(paddr_t, unsigned int));
FMT_IS(fmt_table_pa, paddr_t(uint64_t));
FMT_IS(fmt_leaf_mfn, uint64_t(uint64_t, unsigned int));
FMT_IS(fmt_prot, unsigned int(uint64_t));

#ifdef FMT_GROUP_BITS
FMT_IS(fmt_group, uint64_t(uint64_t, unsigned int, unsigned int));
FMT_IS(fmt_group_bits, unsigned int(uint64_t, unsigned int));
FMT_IS(fmt_plain, uint64_t(uint64_t, unsigned int, unsigned int));
#else
#define FMT_GROUP_BITS        0
#define fmt_group(leaf, k, l) ((void)(k), (void)(l), (leaf))
#define fmt_group_bits(e, l)  ((void)(e), (void)(l), 0u)
#define fmt_plain(e, slot, l) ((void)(slot), (void)(l), (e))
#endif

#define fmt_is_empty(e) (fmt_full(e) == 0)

#define FMT_SLOTS (1u << FMT_SLOT_BITS)

static_assert(FMT_SLOTS * sizeof(uint64_t) <= PAGE_SIZE, "one page a table");
static_assert(FMT_MAX_LEVELS >= 2 && FMT_MAX_LEVELS <= IOPT_MAX_LEVELS,
              "levels");
static_assert(FMT_MAX_LEAF_LEVEL < FMT_MAX_LEVELS, "leaf levels");

#endif
