// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/drivers/passthrough/iommu-dump.c
// SOURCES: xen/drivers/passthrough/iommu-map.c
// SOURCES: xen/drivers/passthrough/iommu-gather.c
// SOURCES: xen/drivers/passthrough/iommu-space.c
// SOURCES: xen/drivers/passthrough/pt/iopt-gather.c
// SOURCES: xen/drivers/passthrough/pt/iopt-vtdss.c
/*
 * The dump of spaces, word for word: docs/iommu/dump-format.md. Lines are
 * merged across tables, bounded, gone on with, and no space is lost or printed
 * twice when others come and go between two parts.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <xen/perf-counter.h>
#include <xen/printk.h>
#include <xen/xmalloc.h>

#include "tests/unit/expect.h"
#include "xen/drivers/passthrough/iommu-priv.h"

uint32_t perf_values[PERF_ROW_WORDS];
bool iommu_enabled = true;
struct iommu_caps iommu_caps = {
    .pt = { .ops = &iopt_vtdss_ops,
            .levels = 4,
            .leaf_mask = 7,
            .coherent = true,
            .input_bits = 48 },
    .did_first = 3,
    .did_last = 40,
    .flush_order = 18,
};

/* ---- the world around it ------------------------------------------------- */

static char text[1u << 20];
static size_t text_len;

void printk(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    text_len +=
        (size_t)vsnprintf(text + text_len, sizeof(text) - text_len, fmt, ap);
    va_end(ap);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

void *xzalloc_bytes(size_t bytes)
{
    return calloc(1, bytes);
}

void xfree(void *p)
{
    free(p);
}

int iommu_unit_check(unsigned int unit, int rc, const char *what)
{
    (void)unit;
    (void)what;
    return rc;
}

/* There are no faults here. */
void iommu_fault_quiesce(struct iospace *n)
{
    (void)n;
}

static int space_init(struct iospace *n)
{
    (void)n;
    return 0;
}

static void space_fini(struct iospace *n)
{
    (void)n;
}

static const struct iommu_vendor_ops none = {
    .name = "none",
    .space_init = space_init,
    .space_fini = space_fini,
};
const struct iommu_vendor_ops *iommu_ops = &none;

/* ---- helpers ------------------------------------------------------------- */

static struct iospace *make(uint16_t owner)
{
    struct iospace *s = NULL;

    EXPECT_EQ("create", iospace_create(owner, &s), 0);
    return s;
}

static void map(struct iospace *s, uint64_t dfn, uint64_t nr, unsigned int prot)
{
    struct iommu_gather g = IOMMU_GATHER_INIT;

    EXPECT_EQ("map", iommu_map(s, DFN(dfn), MFN(dfn), nr, prot, &g), 0);
    EXPECT_EQ("flush", iommu_flush(s, &g), 0);
}

static unsigned int relaxed;
static struct iospace *victim;

static void relax(void)
{
    relaxed++;
    iospace_destroy(victim);
    victim = NULL;
}

static void expect_text(const char *what, const char *want)
{
    if (strcmp(text, want)) {
        printf("FAIL %s: got\n%swant\n%s", what, text, want);
        exit(1);
    }
    text[0] = '\0';
    text_len = 0;
}

static unsigned int count(const char *word)
{
    unsigned int n = 0;

    for (const char *p = text; (p = strstr(p, word)) != NULL; p++) {
        n++;
    }
    return n;
}

/* ---- cases --------------------------------------------------------------- */

/* How many tables the engine keeps in reserve is its own business. */
#define HAPPENED(name, id)                                                     \
    "iommu: " name ": id " id ", 48 bits, sizes 4K 2M 1G, 0 shatters, 0 + 0 "  \
    "coalesces (full + empty), tables: %lu taken, 0 returned\n"                \
    "iommu: " name ": table memory %lu KiB: %lu linked, %lu spare, 0 waiting " \
    "for a flush\n"
#define HAPPENED_ARGS(s)                                        \
    (s)->pt.counts.pool_allocs, (s)->pt.counts.pool_allocs * 4, \
        (s)->pt.counts.tables, (s)->pt.spare.nr

static void test_words(void)
{
    struct iospace *const a = make(0);
    struct iospace *const q = make(IOMMU_NO_OWNER);
    struct iommu_dump at = { .did = 0 };
    char want[2048];

    map(a, 0, 1, IOMMU_R | IOMMU_W);
    map(a, 1, 2, IOMMU_R);
    /* Two tables of 4K leaves and a 2M leaf: three lines, not four. */
    map(a, 512 - 8, 16 + 1024, IOMMU_R | IOMMU_W);
    map(a, UINT64_C(1) << 18, UINT64_C(1) << 18, IOMMU_W);
    map(q, 7, 1, IOMMU_R | IOMMU_W);

    EXPECT_EQ("complete", iommu_dump(&at, true, 100, relax), true);
    EXPECT_EQ("lines", at.printed, 7);
    snprintf(
        want, sizeof(want),
        "iommu: d0: 5 tables, 1 x 1G + 2 x 2M + 19 x 4K leaves, 1078013952 "
        "bytes mapped, fewest possible 22 leaves\n" HAPPENED(
            "d0",
            "3") "iommu: d0: dfn 0x0 nr 0x1 mfn 0x0 rw level 4K\n"
                 "iommu: d0: dfn 0x1 nr 0x2 mfn 0x1 r level 4K\n"
                 "iommu: d0: dfn 0x1f8 nr 0x8 mfn 0x1f8 rw level 4K\n"
                 "iommu: d0: dfn 0x200 nr 0x400 mfn 0x200 rw level 2M\n"
                 "iommu: d0: dfn 0x600 nr 0x8 mfn 0x600 rw level 4K\n"
                 "iommu: d0: dfn 0x40000 nr 0x40000 mfn 0x40000 w level 1G\n"
                 "iommu: q4: 4 tables, 0 x 1G + 0 x 2M + 1 x 4K leaves, 4096 bytes "
                 "mapped, fewest possible 1 leaves\n" HAPPENED(
                     "q4",
                     "4") "iommu: q4: dfn 0x7 nr 0x1 mfn 0x7 rw level 4K\n",
        HAPPENED_ARGS(a), HAPPENED_ARGS(q));
    expect_text("ranges", want);

    at = (struct iommu_dump){ .did = 0 };
    EXPECT_EQ("complete", iommu_dump(&at, false, 0, relax), true);
    EXPECT_EQ("lines", at.printed, 0);
    EXPECT_EQ("summary only", count("dfn"), 0);
    EXPECT_EQ("both spaces", count("fewest possible"), 2);
    expect_text("the same three lines each", text);
    iommu_print_summary(q);
    EXPECT_EQ("that space alone", count("iommu: q"), 3);
    EXPECT_EQ("that space alone", count("iommu: d"), 0);
    expect_text("summary", text);
    iospace_destroy(a);
    iospace_destroy(q);
}

/* 1,000 ranges in parts of @max lines: each of them once, in order. */
static void test_parts(unsigned int max)
{
    struct iospace *const a = make(0);
    struct iospace *const b = make(1);
    struct iommu_dump at = { .did = 0 };
    char line[64];
    const char *p = text;
    uint64_t before = 0;

    for (uint64_t i = 0; i < 1000; i++) {
        map(a, 3 * i, 1, IOMMU_R);
    }
    map(b, 9, 1, IOMMU_R);
    while (!iommu_dump(&at, true, max, relax)) {
        EXPECT_EQ("a full part", at.printed - before, max);
        before = at.printed;
    }
    EXPECT_EQ("lines", at.printed, 1001);
    EXPECT_EQ("lines", count(" dfn "), 1001);
    EXPECT_EQ("one summary each", count("fewest possible"), 2);
    for (unsigned int i = 0; i < 1000; i++) {
        snprintf(line, sizeof(line), "iommu: d0: dfn 0x%x nr 0x1", 3 * i);
        p = strstr(p, line);
        EXPECT_EQ("in order", p != NULL, true);
    }
    expect_text("parts", text);
    iospace_destroy(a);
    iospace_destroy(b);
}

/* Pages of 4K leaves, as many as one looks at and more: one line. */
static void test_one_long_range(void)
{
    struct iospace *a;
    struct iommu_dump at = { .did = 0 };

    iommu_caps.pt.leaf_mask = 1;
    a = make(0);
    map(a, 1, 512 * 100, IOMMU_R | IOMMU_W);
    relaxed = 0;
    EXPECT_EQ("complete", iommu_dump(&at, true, 5, relax), true);
    EXPECT_EQ("lines", at.printed, 1);
    EXPECT_EQ("line", count("iommu: d0: dfn 0x1 nr 0xc800 mfn 0x1 rw level 4K"),
              1);
    EXPECT_EQ("sizes", count("sizes 4K, 0 shatters"), 1);
    EXPECT_EQ("relaxed in between", relaxed >= 6, true);
    expect_text("long", text);
    iospace_destroy(a);
    iommu_caps.pt.leaf_mask = 7;
}

/* The space goes while it is printed, and between two calls. */
static void test_gone(void)
{
    struct iospace *const a = make(0);
    struct iospace *const b = make(1);
    struct iospace *c;
    struct iommu_dump at = { .did = 0 };

    for (uint64_t i = 0; i < 100; i++) {
        map(a, 3 * i, 1, IOMMU_R);
    }
    map(b, 9, 1, IOMMU_R);
    victim = a;
    EXPECT_EQ("complete", iommu_dump(&at, true, 1000, relax), true);
    EXPECT_EQ("not the one that went", count("iommu: d0: dfn"), 0);
    EXPECT_EQ("the other", count("iommu: d1: dfn 0x9"), 1);
    expect_text("gone", text);

    c = make(2);
    for (uint64_t i = 0; i < 100; i++) {
        map(c, 3 * i, 1, IOMMU_R);
    }
    at = (struct iommu_dump){ .did = 0 };
    EXPECT_EQ("more", iommu_dump(&at, true, 51, relax), false);
    EXPECT_EQ("half of it", count("iommu: d2: dfn"), 50);
    iospace_destroy(c);
    EXPECT_EQ("complete", iommu_dump(&at, true, 51, relax), true);
    EXPECT_EQ("no more", count("iommu: d2: dfn"), 50);
    expect_text("gone later", text);
    iospace_destroy(b);
    at = (struct iommu_dump){ .did = 0 };
    EXPECT_EQ("none left", iommu_dump(&at, true, 51, relax), true);
    expect_text("none", "");
}

int main(void)
{
    test_words();
    test_parts(1);
    test_parts(300);
    test_parts(1000);
    test_one_long_range();
    test_gone();
    return expect_failures();
}
