// SPDX-License-Identifier: GPL-2.0
/*
 * The command line: split into options, matched with the parameters that files
 * declared, kept for those who ask. No lock: used by the boot CPU only.
 */
#include <xen/cmdline.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/printk.h>

/* Linker script: bounds of .init.setup. */
extern const struct xen_param xen_param_start[];
extern const struct xen_param xen_param_end[];

/* Ours: longest single option, name and value. */
#define OPTION_MAX 512

static char saved[CMDLINE_MAX];

const char *cmdline_saved(void)
{
    return saved;
}

/* Compares @len characters of @s with a whole name; '-' and '_' are one. */
static bool name_is(const char *name, const char *s, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        const char a = name[i] == '_' ? '-' : name[i];
        const char b = s[i] == '_' ? '-' : s[i];

        if (!a || a != b) {
            return false;
        }
    }
    return !name[len];
}

int cmdline_parse_bool(const char *s, bool *value)
{
    static const char *const yes[] = { "", "1", "on", "true", "yes", "enable" };
    static const char *const no[] = { "0", "off", "false", "no", "disable" };
    unsigned int i;

    for (i = 0; i < array_size(yes); i++) {
        if (!strcmp(s, yes[i])) {
            *value = true;
            return 0;
        }
    }
    for (i = 0; i < array_size(no); i++) {
        if (!strcmp(s, no[i])) {
            *value = false;
            return 0;
        }
    }
    return -EINVAL;
}

bool cmdline_next_item(const char **pos, char *item, size_t size)
{
    const char *s = *pos;
    size_t len = 0;

    /* The end is NULL, so that a final comma delivers its empty item. */
    if (!s) {
        return false;
    }
    for (; *s && *s != ','; s++) {
        if (len + 1 < size) {
            item[len++] = *s;
        }
    }
    if (size) {
        item[len] = '\0';
    }
    *pos = *s ? s + 1 : NULL;
    return true;
}

int cmdline_bool_item(const char *name, const char *item, bool *value)
{
    const char *eq = strchr(item, '=');
    const size_t len = eq ? (size_t)(eq - item) : strlen(item);

    if (name_is(name, item, len)) {
        return cmdline_parse_bool(eq ? eq + 1 : "", value);
    }
    if (len > 3 && !strncmp(item, "no-", 3) &&
        name_is(name, item + 3, len - 3)) {
        /* "no-x=off" would be a riddle. */
        if (eq) {
            return -EINVAL;
        }
        *value = false;
        return 0;
    }
    return -ENOENT;
}

const char *cmdline_item_value(const char *name, const char *item)
{
    const char *eq = strchr(item, '=');

    if (!eq || !name_is(name, item, (size_t)(eq - item))) {
        return NULL;
    }
    return eq + 1;
}

static int set_uint(const struct xen_param *p, const char *value)
{
    uint64_t v;
    int rc = parse_u64(value, &v, NULL);

    if (rc) {
        return rc;
    }
    if (p->bytes < 8 && v >> p->bytes * 8) {
        return -ERANGE;
    }
    /* Little-endian: the low bytes come first. */
    memcpy(p->var, &v, p->bytes);
    return 0;
}

/* @value is NULL when the option has no '='; @negated: it began with "no-". */
static int apply(const struct xen_param *p, const char *value, bool negated)
{
    bool b = false;
    size_t len;
    int rc;

    if (negated && (value || (p->kind != PARAM_BOOL && p->kind != PARAM_FN))) {
        return -EINVAL;
    }
    switch (p->kind) {
    case PARAM_FN:
        return p->fn(negated ? "no" : value ? value : "");
    case PARAM_BOOL:
        rc = negated ? 0 : cmdline_parse_bool(value ? value : "", &b);
        if (!rc) {
            *(bool *)p->var = b;
        }
        return rc;
    case PARAM_STRING:
        if (!value) {
            return -EINVAL;
        }
        len = strlen(value) + 1;
        if (len > p->bytes) {
            return -ERANGE;
        }
        memcpy(p->var, value, len);
        return 0;
    case PARAM_SIZE:
        return value ? parse_size(value, p->var, p->unit, NULL) : -EINVAL;
    case PARAM_UINT:
        return value ? set_uint(p, value) : -EINVAL;
    case PARAM_INDEXED:
        break; /* apply_indexed()'s */
    }
    return -EINVAL;
}

/* The length of the name before "[", or len. */
static size_t stem_of(const char *opt, size_t len)
{
    size_t n = 0;

    while (n < len && opt[n] != '[') {
        n++;
    }
    return n;
}

/* @index is what follows the name: "[<number>]", then the value's '='. */
static int apply_indexed(const struct xen_param *p, const char *index,
                         const char *value)
{
    uint64_t nr;
    int rc;

    if (!value || *index != '[') {
        return -EINVAL;
    }
    rc = parse_u64(index + 1, &nr, &index);
    if (rc || strncmp(index, "]=", 2)) {
        return rc ? rc : -EINVAL;
    }
    return p->fn_at(nr, value);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * Copies the next option without its quotes. Returns its length, which is at
 * least @size if it was too long and hence cut, or 0 at the end of the line.
 */
static size_t next_option(const char **pos, char *opt, size_t size)
{
    const char *s = *pos;
    size_t len = 0;
    char quote = 0;

    while (is_blank(*s)) {
        s++;
    }
    for (; *s && (quote || !is_blank(*s)); s++) {
        if (quote ? *s == quote : (*s == '"' || *s == '\'')) {
            quote = quote ? 0 : *s;
            continue;
        }
        if (len + 1 < size) {
            opt[len] = *s;
        }
        len++;
    }
    opt[len < size ? len : size - 1] = '\0';
    *pos = s;
    return len;
}

/* 0, or why the option was refused; *known: its name is right. */
static int apply_option(char *opt, const struct xen_param *first,
                        const struct xen_param *end, bool *known)
{
    char *value = strchr(opt, '=');
    const size_t len = value ? (size_t)(value - opt) : strlen(opt);
    const bool no = len > 3 && !strncmp(opt, "no-", 3);
    const struct xen_param *p;
    int rc = 0;
    int rc_one;

    value = value ? value + 1 : NULL;
    *known = false;
    for (p = first; p < end; p++) {
        const bool plain = name_is(p->name, opt, len);

        if (p->kind == PARAM_INDEXED) {
            const size_t stem = stem_of(opt, len);

            if (name_is(p->name, opt, stem)) {
                *known = true;
                rc = apply_indexed(p, opt + stem, value);
            }
            continue;
        }
        if (!plain && !(no && name_is(p->name, opt + 3, len - 3))) {
            continue;
        }
        *known = true;
        rc_one = apply(p, value, !plain);
        rc = rc_one ? rc_one : rc;
    }
    return *known ? rc : -ENOENT;
}

unsigned int cmdline_parse_table(const char *line,
                                 const struct xen_param *first,
                                 const struct xen_param *end)
{
    char opt[OPTION_MAX];
    unsigned int refused = 0;
    size_t len;

    for (;;) {
        bool known;
        int rc;

        len = next_option(&line, opt, sizeof(opt));
        if (!len && !*line) {
            break;
        }
        if (!len) {
            continue;
        }
        if (!strcmp(opt, "--")) {
            break;
        }
        if (len >= sizeof(opt)) {
            log_warn("cmdline: option of %zu bytes is too long: %.32s...\n",
                     len, opt);
            refused++;
            continue;
        }
        rc = apply_option(opt, first, end, &known);
        if (!rc) {
            continue;
        }
        refused++;
        if (known) {
            log_warn("cmdline: bad value: %s (%d)\n", opt, rc);
        } else {
            log_warn("cmdline: unknown option: %s\n", opt);
        }
    }
    return refused;
}

void cmdline_parse(const char *line)
{
    const size_t len = strnlen(line, sizeof(saved));

    if (len == sizeof(saved)) {
        log_warn("cmdline: longer than %zu bytes, the rest is ignored\n",
                 sizeof(saved) - 1);
    }
    memcpy(saved, line, len < sizeof(saved) ? len : sizeof(saved) - 1);
    saved[len < sizeof(saved) ? len : sizeof(saved) - 1] = '\0';
    cmdline_parse_table(saved, xen_param_start, xen_param_end);
}
