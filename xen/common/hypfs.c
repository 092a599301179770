/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hypfs_op: a small tree of texts that tools can list and read, and of options
 * they can change. Options have locks of their own where they are kept; all
 * else is constant, so there is none here.
 * Spec: <public/hypfs.h>.
 */
#include <xen/bits.h>
#include <xen/bug.h>
#include <xen/cmdline.h>
#include <xen/console.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/lib.h>
#include <xen/version.h>

#include <asm/current.h>

#include <public/hypfs.h>

#define INTERFACE_VERSION 1
#define PATH_BYTES        128  /* ours: longer than any path there is */
#define CONTENT_BYTES     1024 /* ours: larger than any content there is */
#define ENTRY_ALIGN       4    /* ABI: of struct xen_hypfs_dirlistentry */

struct node {
    const char *path; /* whole, from the root */
    uint8_t type;     /* XEN_HYPFS_TYPE_* */
    const char *(*text)(void);
    unsigned int value;              /* of a XEN_HYPFS_TYPE_UINT */
    const struct run_option *option; /* instead of text: can be written */
};

static size_t text_len(const char *s)
{
    size_t n = 0;

    while (s[n]) {
        n++;
    }
    return n;
}

static const char *text_extra(void)
{
    return version_text.extra;
}

static const char *text_changeset(void)
{
    return version_text.changeset;
}

static const char *text_compiler(void)
{
    return version_text.compiler;
}

static const char *text_by(void)
{
    return version_text.compile_by;
}

static const char *text_domain(void)
{
    return version_text.compile_domain;
}

static const char *text_date(void)
{
    return version_text.compile_date;
}

/* CPUs are scheduled one by one, and the pool always has some. */
static int set_gran(const char *value)
{
    const size_t bytes = text_len(value) + 1;

    if (bytes == sizeof("cpu") && !memcmp(value, "cpu", bytes)) {
        return 0;
    }
    return (bytes == sizeof("core") && !memcmp(value, "core", bytes)) ||
                   (bytes == sizeof("socket") &&
                    !memcmp(value, "socket", bytes))
               ? -EBUSY
               : -EINVAL;
}

static void get_gran(char *value, size_t size)
{
    ASSERT(size >= sizeof("cpu"));
    memcpy(value, "cpu", sizeof("cpu"));
}

static const struct run_option run_gran = { set_gran, get_gran };

#define DIR(p)                               \
    {                                        \
        p, XEN_HYPFS_TYPE_DIR, NULL, 0, NULL \
    }
#define TEXT(p, fn)                           \
    {                                         \
        p, XEN_HYPFS_TYPE_STRING, fn, 0, NULL \
    }
#define NUMBER(p, v)                          \
    {                                         \
        p, XEN_HYPFS_TYPE_UINT, NULL, v, NULL \
    }
#define OPTION(name)                                                  \
    {                                                                 \
        "/params/" #name, XEN_HYPFS_TYPE_STRING, NULL, 0, &run_##name \
    }

/* The root is "/"; below it a path has no slash at its end. */
static const struct node nodes[] = {
    DIR("/"),
    DIR("/buildinfo"),
    TEXT("/buildinfo/changeset", text_changeset),
    DIR("/buildinfo/compileinfo"),
    TEXT("/buildinfo/compileinfo/compile_by", text_by),
    TEXT("/buildinfo/compileinfo/compile_date", text_date),
    TEXT("/buildinfo/compileinfo/compile_domain", text_domain),
    TEXT("/buildinfo/compileinfo/compiler", text_compiler),
    DIR("/buildinfo/version"),
    TEXT("/buildinfo/version/extra", text_extra),
    NUMBER("/buildinfo/version/major", 4),
    NUMBER("/buildinfo/version/minor", 17),
    DIR("/cpupool"),
    DIR("/cpupool/0"),
    { "/cpupool/0/sched-gran", XEN_HYPFS_TYPE_STRING, NULL, 0, &run_gran },
    DIR("/params"),
    OPTION(console_timestamps),
    OPTION(conswitch),
    OPTION(guest_loglvl),
    OPTION(loglvl),
};

static const struct node *find(const char *path)
{
    const size_t len = text_len(path);

    for (size_t i = 0; i < array_size(nodes); i++) {
        if (text_len(nodes[i].path) == len &&
            !memcmp(nodes[i].path, path, len)) {
            return &nodes[i];
        }
    }
    return NULL;
}

/* The last part of @n's path if @n is directly below @dir, else NULL. */
static const char *name_below(const struct node *n, const struct node *dir)
{
    /* "/" itself counts as an empty prefix: each child begins with '/'. */
    const size_t skip = dir == &nodes[0] ? 0 : text_len(dir->path);
    const char *rest = n->path + skip;

    if (n == dir || text_len(n->path) <= skip + 1 ||
        memcmp(n->path, dir->path, skip) || *rest != '/') {
        return NULL;
    }
    rest++;
    for (const char *p = rest; *p; p++) {
        if (*p == '/') {
            return NULL;
        }
    }
    return rest;
}

/* A string's text. @buf: RUN_OPTION_BYTES, used if it is no constant. */
static const char *node_text(const struct node *n, char *buf)
{
    if (!n->option) {
        return n->text();
    }
    n->option->get(buf, RUN_OPTION_BYTES);
    return buf;
}

static uint32_t write_len(const struct node *n)
{
    return n->option ? RUN_OPTION_BYTES : 0;
}

static uint32_t list_dir(const struct node *dir, uint8_t *out);

/* Content of a node; @out has CONTENT_BYTES. Returns its length. */
static uint32_t content(const struct node *n, uint8_t *out)
{
    char buf[RUN_OPTION_BYTES];
    const char *text;
    uint32_t len;

    switch (n->type) {
    case XEN_HYPFS_TYPE_DIR:
        return list_dir(n, out);
    case XEN_HYPFS_TYPE_UINT:
        memcpy(out, &n->value, sizeof(n->value));
        return sizeof(n->value);
    default:
        text = node_text(n, buf);
        len = (uint32_t)text_len(text) + 1;
        ASSERT(len <= CONTENT_BYTES);
        memcpy(out, text, len);
        return len;
    }
}

/* Bytes of content without making it: directories inside a listing. */
static uint32_t content_len(const struct node *n)
{
    char buf[RUN_OPTION_BYTES];
    uint32_t len = 0;

    if (n->type == XEN_HYPFS_TYPE_UINT) {
        return sizeof(n->value);
    }
    if (n->type == XEN_HYPFS_TYPE_STRING) {
        return (uint32_t)text_len(node_text(n, buf)) + 1;
    }
    for (size_t i = 0; i < array_size(nodes); i++) {
        const char *name = name_below(&nodes[i], n);

        if (name) {
            len += (uint32_t)align_up(offsetof(struct xen_hypfs_dirlistentry,
                                               name) +
                                          text_len(name) + 1,
                                      ENTRY_ALIGN);
        }
    }
    return len;
}

static uint32_t list_dir(const struct node *dir, uint8_t *out)
{
    uint8_t *last = NULL;
    uint32_t at = 0;

    for (size_t i = 0; i < array_size(nodes); i++) {
        const char *name = name_below(&nodes[i], dir);
        struct xen_hypfs_dirlistentry e = { 0 };
        uint32_t room;

        if (!name) {
            continue;
        }
        room = (uint32_t)align_up(
            offsetof(struct xen_hypfs_dirlistentry, name) + text_len(name) + 1,
            ENTRY_ALIGN);
        ASSERT(at + room <= CONTENT_BYTES);
        e.e.type = nodes[i].type;
        e.e.encoding = XEN_HYPFS_ENC_PLAIN;
        e.e.content_len = content_len(&nodes[i]);
        e.e.max_write_len = write_len(&nodes[i]);
        e.off_next = (uint16_t)room;
        memset(out + at, 0, room);
        memcpy(out + at, &e, offsetof(struct xen_hypfs_dirlistentry, name));
        memcpy(out + at + offsetof(struct xen_hypfs_dirlistentry, name), name,
               text_len(name));
        last = out + at;
        at += room;
    }
    if (last) { /* ABI: the last entry has no next one */
        memset(last + offsetof(struct xen_hypfs_dirlistentry, off_next), 0,
               sizeof(uint16_t));
    }
    return at;
}

static long read_path(uint64_t gva, uint64_t len, const struct node **out)
{
    char path[PATH_BYTES];

    if (len < 2 || len > XEN_HYPFS_MAX_PATHLEN) {
        return -EINVAL;
    }
    if (len > sizeof(path)) {
        return -ENOENT;
    }
    if (guest_read(path, gva, len)) {
        return -EFAULT;
    }
    if (path[len - 1] || text_len(path) != len - 1 || path[0] != '/') {
        return -EINVAL;
    }
    *out = find(path);
    return *out ? 0 : -ENOENT;
}

static long op_read(const struct node *n, uint64_t gva, uint64_t room)
{
    uint8_t buf[CONTENT_BYTES];
    struct xen_hypfs_direntry e = {
        .type = n->type,
        .encoding = XEN_HYPFS_ENC_PLAIN,
        .max_write_len = write_len(n),
    };

    if (room < sizeof(e)) {
        return -EINVAL;
    }
    e.content_len = content(n, buf);
    if (guest_write(gva, &e, sizeof(e))) {
        return -EFAULT;
    }
    if (room - sizeof(e) < e.content_len) {
        return -ENOBUFS;
    }
    return guest_write(gva + sizeof(e), buf, e.content_len) ? -EFAULT : 0;
}

static long op_write(const struct node *n, uint64_t gva, uint64_t len)
{
    char value[RUN_OPTION_BYTES];

    if (!n->option) {
        return -EACCES;
    }
    if (len > sizeof(value)) {
        return -ENOSPC;
    }
    if (guest_read(value, gva, len)) {
        return -EFAULT;
    }
    if (len == 0 || value[len - 1] || text_len(value) != len - 1) {
        return -EINVAL;
    }
    return n->option->set(value);
}

long do_hypfs_op(struct hypercall_args *args)
{
    const struct node *n;
    long rc;

    if (!is_control_domain(current->domain)) {
        return -EPERM;
    }
    switch ((uint32_t)args->a[0]) {
    case XEN_HYPFS_OP_get_version:
        return args->a[1] || args->a[2] || args->a[3] || args->a[4]
                   ? -EINVAL
                   : INTERFACE_VERSION;
    case XEN_HYPFS_OP_read:
    case XEN_HYPFS_OP_write_contents:
        rc = read_path(args->a[1], args->a[2], &n);
        break;
    default:
        return -EOPNOTSUPP;
    }
    if (rc) {
        return rc;
    }
    return (uint32_t)args->a[0] == XEN_HYPFS_OP_read
               ? op_read(n, args->a[3], args->a[4])
               : op_write(n, args->a[3], args->a[4]);
}
