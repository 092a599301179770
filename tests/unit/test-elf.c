// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/lib/elf.c xen/common/bzimage.c
/* ELF images and Xen notes that are right, and many that lie; bzImage heads. */
#include <elf.h>
#include <stdlib.h>

#include <xen/bits.h>
#include <xen/bzimage.h>
#include <xen/elf.h>
#include <xen/errno.h>

#include "expect.h"

#define NOTES_AT 0x400
#define DATA_AT  0x200
#define SIZE     0x800

static unsigned char image[SIZE];
static size_t notes_len;

static Elf64_Ehdr *ehdr(void)
{
    return (Elf64_Ehdr *)(void *)image;
}

static Elf64_Phdr *phdr(unsigned int i)
{
    return (Elf64_Phdr *)(void *)(image + sizeof(Elf64_Ehdr)) + i;
}

static void add_note(const char *owner, uint32_t type, const void *desc,
                     uint32_t size)
{
    unsigned char *p = image + NOTES_AT + notes_len;
    const uint32_t name = (uint32_t)strlen(owner) + 1;
    const uint32_t head[3] = { name, size, type };

    memcpy(p, head, 12);
    memcpy(p + 12, owner, name);
    memcpy(p + 12 + align_up(name, 4), desc, size);
    notes_len += 12 + align_up(name, 4) + align_up(size, 4);
    phdr(2)->p_filesz = notes_len;
}

static void add_number(uint32_t type, uint64_t v, uint32_t size)
{
    add_note("Xen", type, &v, size);
}

/* Two loadable segments as Debian's per-CPU one is: vaddr 0, paddr not. */
static void build(void)
{
    memset(image, 0, sizeof(image));
    notes_len = 0;
    *ehdr() = (Elf64_Ehdr){
        .e_ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 },
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = 1,
        .e_entry = 0x1000000,
        .e_phoff = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 3,
    };
    *phdr(0) =
        (Elf64_Phdr){ PT_LOAD,   PF_R | PF_X, DATA_AT, 0xffffffff81000000,
                      0x1000000, 0x100,       0x2000,  0 };
    *phdr(1) = (Elf64_Phdr){ PT_LOAD,   PF_R | PF_W, DATA_AT, 0,
                             0x3044000, 0x80,        0x80,    0 };
    *phdr(2) = (Elf64_Phdr){ PT_NOTE, PF_R, NOTES_AT, 0, 0, 0, 0, 4 };
}

static int open_exact(struct elf *e, size_t len)
{
    static void *copy;

    /* On the heap, so that the sanitizer sees a read past the end. */
    free(copy);
    copy = malloc(len ? len : 1);
    memcpy(copy, image, len);
    return elf_open(e, copy, len);
}

static void test_good(void)
{
    struct elf_xen_notes n;
    struct elf_segment s;
    uint64_t first, end;
    struct elf e;
    const uint64_t l1[2] = { 1, 1 };

    build();
    add_number(1, 0, 8);
    add_note("GNU", 3, "xxxxxxxxxxxxxxxxxxxx", 20);
    add_number(3, 0xffffffff80000000, 8);
    add_number(4, 0, 8);
    add_note("Xen", 5, "xen-3.0", 8);
    add_note("Xen", 10, "!writable_page_tables|pae_pgdir_above_4gb", 42);
    add_note("Xen", 13, l1, 16);
    add_number(14, 1, 4);
    add_number(15, 0x8000000000, 8);
    add_number(17, 0x8801, 4);
    add_number(17, 0xffff, 4);
    EXPECT_EQ("good", open_exact(&e, SIZE), 0);
    EXPECT_EQ("good", elf_phys_range(&e, &first, &end), 0);
    EXPECT_EQ("first", first, 0x1000000);
    EXPECT_EQ("end", end, 0x3044080);
    elf_segment(&e, 0, &s);
    EXPECT_EQ("memory", s.mem_bytes, 0x2000);
    EXPECT_EQ("flags", s.flags, ELF_R | ELF_X);
    EXPECT_EQ("notes", elf_xen_notes(&e, &n), 0);
    EXPECT_EQ("entry 0 is present", n.entry.present, 1);
    EXPECT_EQ("entry", n.entry.value, 0);
    EXPECT_EQ("base", n.virt_base.value, 0xffffffff80000000);
    EXPECT_EQ("no hypercall page", n.hypercall_page.present, 0);
    EXPECT_STR("version", n.xen_version, "xen-3.0");
    EXPECT_EQ("required", n.feat_required, 1);
    EXPECT_EQ("known", n.feat_known, 0x11);
    EXPECT_EQ("other", n.feat_required_other, 0);
    EXPECT_EQ("mask", n.l1_valid_mask.value, 1);
    EXPECT_EQ("p2m", n.init_p2m.value, 0x8000000000);
    EXPECT_EQ("first of two counts", n.supported.value, 0x8801);
    EXPECT_EQ("cancel", n.suspend_cancel.value, 1);
    EXPECT_EQ("no loader", n.loader == NULL, 1);
}

static void test_required_other(void)
{
    struct elf_xen_notes n;
    struct elf e;

    build();
    add_note("Xen", 10, "auto_translated_physmap|!levitation", 36);
    EXPECT_EQ("open", open_exact(&e, SIZE), 0);
    EXPECT_EQ("notes", elf_xen_notes(&e, &n), 0);
    EXPECT_EQ("unknown and required", n.feat_required_other, 1);
    EXPECT_EQ("known", n.feat_known, 4);
}

static void test_sections(void)
{
    struct elf_xen_notes n;
    Elf64_Shdr s = { .sh_type = SHT_NOTE, .sh_offset = NOTES_AT };
    struct elf e;

    build();
    add_note("Xen", 8, "generic", 8);
    s.sh_size = notes_len;
    memcpy(image + 0x600, &s, sizeof(s));
    ehdr()->e_shoff = 0x600;
    ehdr()->e_shentsize = sizeof(s);
    ehdr()->e_shnum = 1;
    phdr(2)->p_type = PT_NULL;
    EXPECT_EQ("open", open_exact(&e, SIZE), 0);
    EXPECT_EQ("notes", elf_xen_notes(&e, &n), 0);
    EXPECT_STR("loader", n.loader ? n.loader : "-", "generic");
}

/* One byte or word bent; what elf_open() must say. */
static void test_bad_heads(void)
{
    static const struct {
        const char *what;
        size_t at;
        unsigned int bytes;
        uint64_t v;
        int rc;
    } cases[] = {
        { "magic", 1, 1, 'X', -ENOEXEC },
        { "32-bit", 4, 1, 1, -ENOEXEC },
        { "big endian", 5, 1, 2, -ENOEXEC },
        { "relocatable", 16, 2, 1, -ENOEXEC },
        { "machine", 18, 2, 3, -ENOEXEC },
        { "phentsize", 54, 2, 32, -EBADMSG },
        { "no segment", 56, 2, 0, -EBADMSG },
        { "too many", 56, 2, 0xffff, -EBADMSG },
        { "phoff at the end", 32, 8, SIZE - 56, -EBADMSG },
        { "phoff wraps", 32, 8, ~UINT64_C(0) - 8, -EBADMSG },
        { "offset past the end", 64 + 8, 8, SIZE + 1, -EBADMSG },
        { "offset wraps", 64 + 8, 8, ~UINT64_C(0), -EBADMSG },
        { "file size", 64 + 32, 8, SIZE, -EBADMSG },
        { "file size wraps", 64 + 32, 8, ~UINT64_C(0), -EBADMSG },
        { "file above memory", 64 + 40, 8, 0x10, -EBADMSG },
        { "paddr wraps", 64 + 24, 8, ~UINT64_C(0) - 0x1000, -EBADMSG },
        { "vaddr wraps", 64 + 16, 8, ~UINT64_C(0) - 0x1000, -EBADMSG },
        { "note past the end", 64 + 112 + 32, 8, SIZE, -EBADMSG },
    };
    struct elf e;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        build();
        memcpy(image + cases[i].at, &cases[i].v, cases[i].bytes);
        EXPECT_EQ(cases[i].what, open_exact(&e, SIZE), cases[i].rc);
    }
    build();
    /* The last thing in it is an empty note segment at NOTES_AT. */
    for (size_t len = 0; len < NOTES_AT; len++) {
        EXPECT_EQ("cut", open_exact(&e, len) != 0, 1);
    }
    EXPECT_EQ("just all of it", open_exact(&e, NOTES_AT), 0);
}

static void test_bad_notes(void)
{
    static const struct {
        const char *what;
        uint32_t name;
        uint32_t desc;
        uint32_t type;
        uint32_t len; /* of the segment */
    } cases[] = {
        { "name overruns", 100, 8, 1, 24 },
        { "name wraps", 0xffffffff, 8, 1, 24 },
        { "desc overruns", 4, 9, 1, 24 },
        { "desc wraps", 4, 0xfffffffd, 1, 24 },
        { "number of 2 bytes", 4, 2, 1, 24 },
        { "string without end", 4, 8, 5, 24 },
        { "empty string", 4, 0, 5, 16 },
        { "half a pair", 4, 4, 13, 24 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct elf_xen_notes n;
        struct elf e;

        build();
        add_note("Xen", cases[i].type, "abcdefgh", 8);
        memcpy(image + NOTES_AT, &cases[i].name, 4);
        memcpy(image + NOTES_AT + 4, &cases[i].desc, 4);
        phdr(2)->p_filesz = cases[i].len;
        EXPECT_EQ(cases[i].what, open_exact(&e, NOTES_AT + cases[i].len), 0);
        EXPECT_EQ(cases[i].what, elf_xen_notes(&e, &n), -EBADMSG);
    }
}

static void test_bzimage(void)
{
    static unsigned char bz[0x1000];
    const uint32_t magic = 0x53726448, len = 0x100;
    const void *p = NULL;
    size_t n = 0;

    EXPECT_EQ("empty", bzimage_payload(bz, sizeof(bz), &p, &n), -ENOEXEC);
    bz[0x1fe] = 0x55;
    bz[0x1ff] = 0xaa;
    memcpy(bz + 0x202, &magic, 4);
    EXPECT_EQ("old", bzimage_payload(bz, sizeof(bz), &p, &n), -EOPNOTSUPP);
    bz[0x206] = 0x0f;
    bz[0x207] = 2;
    EXPECT_EQ("length 0", bzimage_payload(bz, sizeof(bz), &p, &n), -EBADMSG);
    memcpy(bz + 0x24c, &len, 4);
    bz[0x248] = 0x10;
    EXPECT_EQ("good", bzimage_payload(bz, sizeof(bz), &p, &n), 0);
    EXPECT_EQ("4 sectors", (const unsigned char *)p - bz, 5 * 512 + 0x10);
    EXPECT_EQ("length", n, len);
    EXPECT_EQ("cut", bzimage_payload(bz, 5 * 512 + 0x10f, &p, &n), -EBADMSG);
    bz[0x1f1] = 7;
    EXPECT_EQ("past", bzimage_payload(bz, sizeof(bz), &p, &n), -EBADMSG);
    bz[0x1f1] = 1;
    memset(bz + 0x248, 0xff, 8);
    EXPECT_EQ("huge", bzimage_payload(bz, sizeof(bz), &p, &n), -EBADMSG);
    EXPECT_EQ("short", bzimage_payload(bz, 0x24f, &p, &n), -ENOEXEC);
}

int main(void)
{
    test_good();
    test_required_other();
    test_sections();
    test_bad_heads();
    test_bad_notes();
    test_bzimage();
    return expect_failures();
}
