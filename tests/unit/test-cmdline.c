// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/common/cmdline.c xen/lib/strtox.c
/* Options of each kind, refused ones, quotes, and lists of items. */
#include <xen/cmdline.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include "expect.h"

extern const struct xen_param xen_param_start[];
extern const struct xen_param xen_param_end[];

static char last_log[128];
static unsigned int log_lines;

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    (void)level;
    va_start(ap, fmt);
    vsnprintf(last_log, sizeof(last_log), fmt, ap);
    va_end(ap);
    log_lines++;
}

static char name[8];
static bool flag;
static uint64_t size;
static uint8_t small;
static char custom[64];

static int set_custom(const char *value)
{
    snprintf(custom, sizeof(custom), "<%s>", value);
    return strcmp(value, "bad") ? 0 : -EINVAL;
}

static int set_indexed(uint64_t index, const char *value)
{
    snprintf(custom, sizeof(custom), "%llu:%s", (unsigned long long)index,
             value);
    return strcmp(value, "bad") ? 0 : -EINVAL;
}

const struct xen_param xen_param_start[] = {
    { "name", PARAM_STRING, sizeof(name), { name }, 0 },
    { "flag", PARAM_BOOL, 1, { &flag }, 0 },
    { "dom0_size", PARAM_SIZE, 8, { &size }, 1024 },
    { "small", PARAM_UINT, sizeof(small), { &small }, 0 },
    { .name = "custom", .kind = PARAM_FN, .fn = set_custom },
    { .name = "at_index", .kind = PARAM_INDEXED, .fn_at = set_indexed },
};
/* Never used: the tests pass the bounds themselves. */
const struct xen_param xen_param_end[1];

static const struct {
    const char *line;
    unsigned int refused;
    const char *log; /* last line, or NULL for none */
    const char *name;
    bool flag;
    uint64_t size;
    unsigned int small;
    const char *custom;
} lines[] = {
    { "", 0, NULL, "def", false, 7, 9, "" },
    { " \t ", 0, NULL, "def", false, 7, 9, "" },
    { "flag", 0, NULL, "def", true, 7, 9, "" },
    { "flag=on no-flag", 0, NULL, "def", false, 7, 9, "" },
    { "flag=enable", 0, NULL, "def", true, 7, 9, "" },
    { "flag flag=disable", 0, NULL, "def", false, 7, 9, "" },
    { "flag=perhaps", 1, "cmdline: bad value: flag=perhaps (-22)\n", "def",
      false, 7, 9, "" },
    { "no-flag=1", 1, "cmdline: bad value: no-flag=1 (-22)\n", "def", false, 7,
      9, "" },
    { "name=abcdefg", 0, NULL, "abcdefg", false, 7, 9, "" },
    { "name=abcdefgh", 1, "cmdline: bad value: name=abcdefgh (-34)\n", "def",
      false, 7, 9, "" },
    { "name=\"a b\" flag", 0, NULL, "a b", true, 7, 9, "" },
    { "'name=a \"b' flag", 0, NULL, "a \"b", true, 7, 9, "" },
    { "name=\"a b", 0, NULL, "a b", false, 7, 9, "" },
    { "\"\" flag", 0, NULL, "def", true, 7, 9, "" },
    { "name", 1, "cmdline: bad value: name (-22)\n", "def", false, 7, 9, "" },
    { "dom0-size=4", 0, NULL, "def", false, 4096, 9, "" },
    { "dom0_size=3G", 0, NULL, "def", false, UINT64_C(3) << 30, 9, "" },
    { "dom0_size=3Q", 1, "cmdline: bad value: dom0_size=3Q (-22)\n", "def",
      false, 7, 9, "" },
    { "small=255", 0, NULL, "def", false, 7, 255, "" },
    { "small=256", 1, "cmdline: bad value: small=256 (-34)\n", "def", false, 7,
      9, "" },
    { "small=-1", 1, "cmdline: bad value: small=-1 (-22)\n", "def", false, 7, 9,
      "" },
    { "custom=a,b=c", 0, NULL, "def", false, 7, 9, "<a,b=c>" },
    { "custom", 0, NULL, "def", false, 7, 9, "<>" },
    { "no-custom", 0, NULL, "def", false, 7, 9, "<no>" },
    { "custom=bad", 1, "cmdline: bad value: custom=bad (-22)\n", "def", false,
      7, 9, "<bad>" },
    { "at_index[5]=a,b", 0, NULL, "def", false, 7, 9, "5:a,b" },
    { "at-index[0x1f]=", 0, NULL, "def", false, 7, 9, "31:" },
    { "at_index[5]=bad", 1, "cmdline: bad value: at_index[5]=bad (-22)\n",
      "def", false, 7, 9, "5:bad" },
    { "at_index[5]", 1, "cmdline: bad value: at_index[5] (-22)\n", "def", false,
      7, 9, "" },
    { "at_index=5", 1, "cmdline: bad value: at_index=5 (-22)\n", "def", false,
      7, 9, "" },
    { "at_index[5=a", 1, "cmdline: bad value: at_index[5=a (-22)\n", "def",
      false, 7, 9, "" },
    { "at_index[-1]=a", 1, "cmdline: bad value: at_index[-1]=a (-22)\n", "def",
      false, 7, 9, "" },
    { "at_inde[5]=a", 1, "cmdline: unknown option: at_inde[5]=a\n", "def",
      false, 7, 9, "" },
    { "nonsense=1 flag", 1, "cmdline: unknown option: nonsense=1\n", "def",
      true, 7, 9, "" },
    { "fla", 1, "cmdline: unknown option: fla\n", "def", false, 7, 9, "" },
    { "flags", 1, "cmdline: unknown option: flags\n", "def", false, 7, 9, "" },
    { "no-", 1, "cmdline: unknown option: no-\n", "def", false, 7, 9, "" },
    { "small=1 -- flag x", 0, NULL, "def", false, 7, 1, "" },
};

static void test_lines(void)
{
    for (unsigned int i = 0; i < array_size(lines); i++) {
        const char *l = lines[i].line;

        strcpy(name, "def");
        flag = false;
        size = 7;
        small = 9;
        custom[0] = 0;
        log_lines = 0;
        EXPECT_EQ(l,
                  cmdline_parse_table(l, xen_param_start,
                                      xen_param_start +
                                          array_size(xen_param_start)),
                  lines[i].refused);
        EXPECT_EQ(l, log_lines, lines[i].refused);
        if (lines[i].log) {
            EXPECT_STR(l, last_log, lines[i].log);
        }
        EXPECT_STR(l, name, lines[i].name);
        EXPECT_EQ(l, flag, lines[i].flag);
        EXPECT_EQ(l, size, lines[i].size);
        EXPECT_EQ(l, small, lines[i].small);
        EXPECT_STR(l, custom, lines[i].custom);
    }
}

static void test_long(void)
{
    char line[CMDLINE_MAX + 100];

    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = 0;
    flag = false;
    EXPECT_EQ("one huge option",
              cmdline_parse_table(line, xen_param_start,
                                  xen_param_start +
                                      array_size(xen_param_start)),
              1);
    memcpy(line + CMDLINE_MAX, " flag", 5);
    line[CMDLINE_MAX + 5] = 0;
    EXPECT_EQ("and one behind it",
              cmdline_parse_table(line, xen_param_start,
                                  xen_param_start +
                                      array_size(xen_param_start)),
              1);
    EXPECT_EQ("and one behind it", flag, 1);
}

static void test_items(void)
{
    static const char *const want[] = { "a", "", "no-b", "c=1", "too-lon", "" };
    const char *pos = "a,,no-b,c=1,too-long,";
    char item[8];
    unsigned int nr = 0;
    bool v = false;

    while (cmdline_next_item(&pos, item, sizeof(item))) {
        EXPECT_STR("item", item, nr < array_size(want) ? want[nr] : "none");
        nr++;
    }
    EXPECT_EQ("items", nr, array_size(want));

    EXPECT_EQ("b", cmdline_bool_item("b", "b", &v), 0);
    EXPECT_EQ("b", v, 1);
    EXPECT_EQ("no-b", cmdline_bool_item("b", "no-b", &v), 0);
    EXPECT_EQ("no-b", v, 0);
    EXPECT_EQ("b=yes", cmdline_bool_item("b", "b=yes", &v), 0);
    EXPECT_EQ("b=yes", v, 1);
    EXPECT_EQ("b=off", cmdline_bool_item("b", "b=off", &v), 0);
    EXPECT_EQ("b=off", v, 0);
    EXPECT_EQ("b=what", cmdline_bool_item("b", "b=what", &v), -EINVAL);
    EXPECT_EQ("no-b=on", cmdline_bool_item("b", "no-b=on", &v), -EINVAL);
    EXPECT_EQ("bb", cmdline_bool_item("b", "bb", &v), -ENOENT);
    EXPECT_EQ("a longer name", cmdline_bool_item("bb", "b", &v), -ENOENT);
    EXPECT_EQ("unchanged", v, 0);
    EXPECT_STR("max:", cmdline_item_value("k", "k=v=w"), "v=w");
    EXPECT_EQ("other", cmdline_item_value("k", "kk=v") == NULL, 1);
    EXPECT_EQ("no value", cmdline_item_value("k", "k") == NULL, 1);
}

int main(void)
{
    test_lines();
    test_long();
    test_items();
    return expect_failures();
}
