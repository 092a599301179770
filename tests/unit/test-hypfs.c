// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/common/hypfs.c
// CFLAGS: -include tests/model/pv-mm/shim.h -I xen/arch/x86/include
/*
 * hypfs_op as a tool calls it, and as one that means harm does. Guest memory is
 * ours, but for one page that faults.
 */
#include <stdlib.h>
#include <string.h>

#include <xen/cmdline.h>
#include <xen/console.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/version.h>

#include <public/hypfs.h>

#include "expect.h"

#define FAULTS 0x1000u /* an address that is not mapped */

static struct domain dom = { .privileged = true };
static struct vcpu vcpu = { .domain = &dom };
_Thread_local struct vcpu *current = &vcpu;
struct domain *dom0 = &dom;

const struct version_text version_text = {
    .extra = ".0-test",
    .changeset = "none",
    .compiler = "cc",
    .compile_by = "",
    .compile_domain = "",
    .compile_date = "",
};

int guest_read(void *dst, uint64_t gva, size_t len)
{
    if (gva < 2 * FAULTS) {
        return -EFAULT;
    }
    memcpy(dst, (const void *)gva, len);
    return 0;
}

int guest_write(uint64_t gva, const void *src, size_t len)
{
    if (gva < 2 * FAULTS) {
        return -EFAULT;
    }
    memcpy((void *)gva, src, len);
    return 0;
}

static char option[RUN_OPTION_BYTES] = "old";
static unsigned int sets;

static int set(const char *value)
{
    sets++;
    if (!strcmp(value, "bad")) {
        return -EINVAL;
    }
    strcpy(option, value);
    return 0;
}

static void get(char *value, size_t size)
{
    EXPECT_EQ("room", size, RUN_OPTION_BYTES);
    strcpy(value, option);
}

const struct run_option run_loglvl = { set, get };
const struct run_option run_guest_loglvl = { set, get };
const struct run_option run_console_timestamps = { set, get };
const struct run_option run_conswitch = { set, get };

static long call(uint32_t cmd, const char *path, uint64_t len, const void *buf,
                 uint64_t size)
{
    struct hypercall_args a = { .a = { cmd, (uint64_t)path, len, (uint64_t)buf,
                                       size } };

    return do_hypfs_op(&a);
}

/* An exact copy on the heap, so that the sanitizer sees one byte too many. */
static long read_node(const char *path, void *buf, uint64_t size)
{
    const size_t len = strlen(path) + 1;
    char *const copy = memcpy(malloc(len), path, len);
    const long rc = call(XEN_HYPFS_OP_read, copy, len, buf, size);

    free(copy);
    return rc;
}

static long write_node(const char *path, const char *value, uint64_t len)
{
    return call(XEN_HYPFS_OP_write_contents, path, strlen(path) + 1, value,
                len);
}

static unsigned int nodes, writable;

/* Reads a node with exactly the room it needs, and what is below it. */
static void walk(const char *path, uint32_t content_len, uint8_t type)
{
    const size_t size = sizeof(struct xen_hypfs_direntry) + content_len;
    uint8_t *const buf = malloc(size);
    struct xen_hypfs_direntry e = { 0 };
    char below[200];

    nodes++;
    EXPECT_EQ(path, read_node(path, buf, size), 0);
    memcpy(&e, buf, sizeof(e));
    EXPECT_EQ(path, e.content_len, content_len);
    EXPECT_EQ(path, e.type, type);
    writable += e.max_write_len != 0;
    /* One byte less: only the head, which says how much it takes. */
    if (content_len) {
        EXPECT_EQ(path, read_node(path, buf, size - 1), -ENOBUFS);
    }
    EXPECT_EQ(path, read_node(path, buf, size), 0);
    for (uint32_t at = sizeof(e); type == XEN_HYPFS_TYPE_DIR && at < size;) {
        struct xen_hypfs_dirlistentry d;

        memcpy(&d, buf + at, offsetof(struct xen_hypfs_dirlistentry, name));
        snprintf(below, sizeof(below), "%s/%s", path[1] ? path : "",
                 (const char *)buf + at +
                     offsetof(struct xen_hypfs_dirlistentry, name));
        walk(below, d.e.content_len, d.e.type);
        if (!d.off_next) {
            break;
        }
        at += d.off_next;
    }
    free(buf);
}

static void test_read(void)
{
    struct {
        struct xen_hypfs_direntry e;
        char text[64];
    } r;

    EXPECT_EQ("version", call(XEN_HYPFS_OP_get_version, NULL, 0, NULL, 0), 1);
    EXPECT_EQ("version", call(XEN_HYPFS_OP_get_version, NULL, 1, NULL, 0),
              -EINVAL);
    EXPECT_EQ("root", read_node("/", &r, sizeof(r.e)), -ENOBUFS);
    walk("/", r.e.content_len, XEN_HYPFS_TYPE_DIR);
    EXPECT_EQ("nodes", nodes, 20);
    EXPECT_EQ("options", writable, 5);
    EXPECT_EQ("text", read_node("/buildinfo/version/extra", &r, sizeof(r)), 0);
    EXPECT_STR("text", r.text, ".0-test");
    EXPECT_EQ("option", read_node("/params/loglvl", &r, sizeof(r)), 0);
    EXPECT_STR("option", r.text, "old");
}

static void test_bad_reads(void)
{
    struct xen_hypfs_direntry e;
    static char longest[XEN_HYPFS_MAX_PATHLEN + 1];

    memset(longest, 'x', sizeof(longest) - 1);
    longest[0] = '/';
    EXPECT_EQ("no such node", read_node("/params/none", &e, sizeof(e)),
              -ENOENT);
    EXPECT_EQ("prefix", read_node("/param", &e, sizeof(e)), -ENOENT);
    EXPECT_EQ("slash", read_node("/params/", &e, sizeof(e)), -ENOENT);
    EXPECT_EQ("relative", read_node("params", &e, sizeof(e)), -EINVAL);
    EXPECT_EQ("empty", read_node("", &e, sizeof(e)), -EINVAL);
    EXPECT_EQ("long",
              call(XEN_HYPFS_OP_read, longest, sizeof(longest) - 1, &e,
                   sizeof(e)),
              -ENOENT);
    EXPECT_EQ("longer",
              call(XEN_HYPFS_OP_read, longest, sizeof(longest), &e, sizeof(e)),
              -EINVAL);
    EXPECT_EQ("no end", call(XEN_HYPFS_OP_read, "/x", 2, &e, sizeof(e)),
              -EINVAL);
    EXPECT_EQ("two ends", call(XEN_HYPFS_OP_read, "/\0x", 4, &e, sizeof(e)),
              -EINVAL);
    EXPECT_EQ("path faults",
              call(XEN_HYPFS_OP_read, (const char *)FAULTS, 3, &e, sizeof(e)),
              -EFAULT);
    EXPECT_EQ("buffer faults",
              call(XEN_HYPFS_OP_read, "/", 2, (const void *)FAULTS, 4096),
              -EFAULT);
    EXPECT_EQ("no room", read_node("/", &e, sizeof(e) - 1), -EINVAL);
    EXPECT_EQ("unknown", call(77, "/", 2, &e, sizeof(e)), -EOPNOTSUPP);
}

static void test_write(void)
{
    static const char big[RUN_OPTION_BYTES + 1];

    EXPECT_EQ("write", write_node("/params/loglvl", "new", 4), 0);
    EXPECT_STR("write", option, "new");
    EXPECT_EQ("refused", write_node("/params/loglvl", "bad", 4), -EINVAL);
    EXPECT_EQ("asked", sets, 2);
    EXPECT_EQ("no end", write_node("/params/loglvl", "new", 3), -EINVAL);
    EXPECT_EQ("two ends", write_node("/params/loglvl", "n\0w", 4), -EINVAL);
    EXPECT_EQ("nothing", write_node("/params/loglvl", "", 0), -EINVAL);
    EXPECT_EQ("too long", write_node("/params/loglvl", big, sizeof(big)),
              -ENOSPC);
    EXPECT_EQ("huge", write_node("/params/loglvl", big, UINT64_MAX), -ENOSPC);
    EXPECT_EQ("faults", write_node("/params/loglvl", (const char *)FAULTS, 4),
              -EFAULT);
    EXPECT_EQ("as it is", write_node("/cpupool/0/sched-gran", "cpu", 4), 0);
    EXPECT_EQ("in use", write_node("/cpupool/0/sched-gran", "core", 5), -EBUSY);
    EXPECT_EQ("what?", write_node("/cpupool/0/sched-gran", "cp", 3), -EINVAL);
    EXPECT_EQ("constant", write_node("/buildinfo/version/major", "5", 2),
              -EACCES);
    EXPECT_EQ("directory", write_node("/params", "x", 2), -EACCES);
    EXPECT_EQ("no such node", write_node("/none", "x", 2), -ENOENT);
    EXPECT_EQ("not asked again", sets, 2);
    EXPECT_STR("kept", option, "new");
    dom.privileged = false;
    dom0 = NULL;
    EXPECT_EQ("others", write_node("/params/loglvl", "x", 2), -EPERM);
    EXPECT_EQ("others", call(XEN_HYPFS_OP_get_version, NULL, 0, NULL, 0),
              -EPERM);
}

int main(void)
{
    test_read();
    test_bad_reads();
    test_write();
    return expect_failures();
}
