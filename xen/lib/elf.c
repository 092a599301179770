/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ELF64 validation, segment walk and Xen notes; see the header. Headers are
 * copied out before use, so the image needs no alignment.
 */
#include <xen/bits.h>
#include <xen/elf.h>
#include <xen/errno.h>
#include <xen/lib.h>

/* Spec: ELF-64 Object File Format, "File Header" and following. */
struct ehdr {
    uint8_t ident[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t phoff;
    uint64_t shoff;
    uint32_t flags;
    uint16_t ehsize;
    uint16_t phentsize;
    uint16_t phnum;
    uint16_t shentsize;
    uint16_t shnum;
    uint16_t shstrndx;
};
static_assert(sizeof(struct ehdr) == 64, "ELF-64: file header");

struct phdr {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t vaddr;
    uint64_t paddr;
    uint64_t filesz;
    uint64_t memsz;
    uint64_t align;
};
static_assert(sizeof(struct phdr) == 56, "ELF-64: program header");

struct shdr {
    uint32_t name;
    uint32_t type;
    uint64_t flags;
    uint64_t addr;
    uint64_t offset;
    uint64_t size;
    uint32_t link;
    uint32_t info;
    uint64_t align;
    uint64_t entsize;
};
static_assert(sizeof(struct shdr) == 64, "ELF-64: section header");

#define ET_EXEC   2
#define ET_DYN    3
#define EM_X86_64 62
#define SHT_NOTE  7
#define MAX_HEADS 512 /* ours: kernels have about 5 segments, 80 sections */

/* Spec: <public/elfnote.h>. */
enum {
    NOTE_ENTRY = 1,
    NOTE_HYPERCALL_PAGE = 2,
    NOTE_VIRT_BASE = 3,
    NOTE_PADDR_OFFSET = 4,
    NOTE_XEN_VERSION = 5,
    NOTE_GUEST_OS = 6,
    NOTE_GUEST_VERSION = 7,
    NOTE_LOADER = 8,
    NOTE_PAE_MODE = 9,
    NOTE_FEATURES = 10,
    NOTE_BSD_SYMTAB = 11,
    NOTE_HV_START_LOW = 12,
    NOTE_L1_MFN_VALID = 13,
    NOTE_SUSPEND_CANCEL = 14,
    NOTE_INIT_P2M = 15,
    NOTE_MOD_START_PFN = 16,
    NOTE_SUPPORTED_FEATURES = 17,
    NOTE_PHYS32_ENTRY = 18,
};

/* Spec: <public/features.h>; names as the FEATURES note spells them. */
static const struct {
    const char *name;
    unsigned int bit;
} feature_names[] = {
    { "writable_page_tables", 0 },
    { "writable_descriptor_tables", 1 },
    { "auto_translated_physmap", 2 },
    { "supervisor_mode_kernel", 3 },
    { "pae_pgdir_above_4gb", 4 },
    { "hvm_callback_vector", 8 },
    { "dom0", 11 },
};

/* off..off+size lies in the file. */
static bool inside(size_t len, uint64_t off, uint64_t size)
{
    return off <= len && size <= len - off;
}

static void read_phdr(const struct elf *e, unsigned int i, struct phdr *p)
{
    memcpy(p, e->bytes + e->phoff + (uint64_t)i * sizeof(*p), sizeof(*p));
}

int elf_open(struct elf *e, const void *bytes, size_t len)
{
    static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
    struct ehdr h;

    if (len < sizeof(h)) {
        return -ENOEXEC;
    }
    memcpy(&h, bytes, sizeof(h));
    if (memcmp(h.ident, ident, sizeof(ident)) != 0 ||
        (h.type != ET_EXEC && h.type != ET_DYN) || h.machine != EM_X86_64 ||
        h.version != 1) {
        return -ENOEXEC;
    }
    if (h.phentsize != sizeof(struct phdr) || h.phnum == 0 ||
        h.phnum > MAX_HEADS ||
        !inside(len, h.phoff, (uint64_t)h.phnum * sizeof(struct phdr))) {
        return -EBADMSG;
    }

    *e = (struct elf){ .bytes = bytes,
                       .len = len,
                       .entry = h.entry,
                       .phoff = h.phoff,
                       .nr_segments = h.phnum };
    /* Sections are optional for a loader: bad ones are as good as none. */
    if (h.shentsize == sizeof(struct shdr) && h.shnum <= MAX_HEADS &&
        inside(len, h.shoff, (uint64_t)h.shnum * sizeof(struct shdr))) {
        e->shoff = h.shoff;
        e->nr_sections = h.shnum;
    }

    for (unsigned int i = 0; i < e->nr_segments; i++) {
        struct phdr p;

        read_phdr(e, i, &p);
        if (p.type != ELF_LOAD && p.type != ELF_NOTE) {
            continue;
        }
        if (!inside(len, p.offset, p.filesz)) {
            return -EBADMSG;
        }
        if (p.type == ELF_LOAD &&
            (p.filesz > p.memsz || p.paddr + p.memsz < p.paddr ||
             p.vaddr + p.memsz < p.vaddr)) {
            return -EBADMSG;
        }
    }
    return 0;
}

void elf_segment(const struct elf *e, unsigned int i, struct elf_segment *seg)
{
    struct phdr p;

    read_phdr(e, i, &p);
    *seg = (struct elf_segment){
        .type = p.type,
        .flags = p.flags,
        .vaddr = p.vaddr,
        .paddr = p.paddr,
        .file_bytes = p.filesz,
        .mem_bytes = p.memsz,
    };
    if (inside(e->len, p.offset, p.filesz)) {
        seg->data = e->bytes + p.offset;
    } else {
        /* Of a type elf_open() did not look at. */
        seg->file_bytes = 0;
    }
}

int elf_phys_range(const struct elf *e, uint64_t *first, uint64_t *end)
{
    uint64_t lo = ~UINT64_C(0), hi = 0;

    for (unsigned int i = 0; i < e->nr_segments; i++) {
        struct elf_segment s;

        elf_segment(e, i, &s);
        if (s.type == ELF_LOAD && s.mem_bytes > 0) {
            lo = min_of(lo, s.paddr);
            hi = max_of(hi, s.paddr + s.mem_bytes);
        }
    }
    if (hi <= lo) {
        return -ENOEXEC;
    }
    *first = lo;
    *end = hi;
    return 0;
}

/* One feature name of len bytes, '!' already off. */
static void note_feature(struct elf_xen_notes *n, const char *s, size_t len,
                         bool required)
{
    for (size_t i = 0; i < array_size(feature_names); i++) {
        const char *const name = feature_names[i].name;

        if (strlen(name) == len && memcmp(name, s, len) == 0) {
            n->feat_known |= BIT64(feature_names[i].bit);
            if (required) {
                n->feat_required |= BIT64(feature_names[i].bit);
            }
            return;
        }
    }
    n->feat_required_other |= required && len > 0;
}

/* Not always terminated: Debian's kernel has none here. */
static void note_features(struct elf_xen_notes *n, const char *s, size_t size)
{
    const char *const end = s + strnlen(s, size);

    while (s < end) {
        const bool required = *s == '!';
        const char *bar;

        s += required;
        bar = memchr(s, '|', (size_t)(end - s));
        if (!bar) {
            bar = end;
        }
        note_feature(n, s, (size_t)(bar - s), required);
        s = bar + 1;
    }
}

static int note_string(const char **to, const uint8_t *desc, uint32_t size)
{
    if (memchr(desc, 0, size) == NULL) {
        return -EBADMSG;
    }
    if (!*to) {
        *to = (const char *)desc;
    }
    return 0;
}

/* Numbers are 4 or 8 bytes, whatever their type says. */
static int note_number(struct elf_note_u64 *to, const uint8_t *desc,
                       uint32_t size)
{
    uint64_t v = 0;

    if (size != 4 && size != 8) {
        return -EBADMSG;
    }
    memcpy(&v, desc, size);
    if (!to->present) {
        *to = (struct elf_note_u64){ true, v };
    }
    return 0;
}

/* A pair of mask and value; kernels may give several, the first counts. */
static int note_l1_valid(struct elf_xen_notes *n, const uint8_t *desc,
                         uint32_t size)
{
    const uint32_t half = size >= 16 ? 8 : 4;
    int rc;

    if (size < 8) {
        return -EBADMSG;
    }
    rc = note_number(&n->l1_valid_mask, desc, half);
    return rc ? rc : note_number(&n->l1_valid_value, desc + half, half);
}

static int one_note(struct elf_xen_notes *n, uint32_t type, const uint8_t *desc,
                    uint32_t size)
{
    n->any = true;
    switch (type) {
    case NOTE_ENTRY:
        return note_number(&n->entry, desc, size);
    case NOTE_HYPERCALL_PAGE:
        return note_number(&n->hypercall_page, desc, size);
    case NOTE_VIRT_BASE:
        return note_number(&n->virt_base, desc, size);
    case NOTE_PADDR_OFFSET:
        return note_number(&n->paddr_offset, desc, size);
    case NOTE_HV_START_LOW:
        return note_number(&n->hv_start_low, desc, size);
    case NOTE_SUSPEND_CANCEL:
        return note_number(&n->suspend_cancel, desc, size);
    case NOTE_INIT_P2M:
        return note_number(&n->init_p2m, desc, size);
    case NOTE_MOD_START_PFN:
        return note_number(&n->mod_start_pfn, desc, size);
    case NOTE_SUPPORTED_FEATURES:
        return note_number(&n->supported, desc, size);
    case NOTE_PHYS32_ENTRY:
        return note_number(&n->phys32_entry, desc, size);
    case NOTE_L1_MFN_VALID:
        return note_l1_valid(n, desc, size);
    case NOTE_XEN_VERSION:
        return note_string(&n->xen_version, desc, size);
    case NOTE_GUEST_OS:
        return note_string(&n->guest_os, desc, size);
    case NOTE_GUEST_VERSION:
        return note_string(&n->guest_version, desc, size);
    case NOTE_LOADER:
        return note_string(&n->loader, desc, size);
    case NOTE_PAE_MODE:
        return note_string(&n->pae_mode, desc, size);
    case NOTE_FEATURES:
        if (!n->features) {
            n->features = (const char *)desc;
            n->features_len = size;
            note_features(n, n->features, size);
        }
        return 0;
    case NOTE_BSD_SYMTAB:
        n->bsd_symtab = size >= 3 && memcmp(desc, "yes", 3) == 0;
        return 0;
    default:
        /* Information for debuggers and dumps. */
        return 0;
    }
}

/* Name and description are each padded to four bytes. */
static int walk_notes(struct elf_xen_notes *n, const uint8_t *p, size_t len)
{
    while (len >= 12) {
        uint32_t head[3]; /* name size, description size, type */
        uint64_t name, desc;
        int rc = 0;

        memcpy(head, p, sizeof(head));
        name = align_up((uint64_t)head[0], 4);
        desc = align_up((uint64_t)head[1], 4);
        p += 12;
        len -= 12;
        /* The last description's padding may be missing. */
        if (name > len || head[1] > len - name) {
            return -EBADMSG;
        }
        if (head[0] == 4 && memcmp(p, "Xen", 4) == 0) {
            rc = one_note(n, head[2], p + name, head[1]);
        }
        if (rc) {
            return rc;
        }
        desc = min_of(desc, (uint64_t)len - name);
        p += name + desc;
        len -= name + desc;
    }
    return 0;
}

static int note_sections(const struct elf *e, struct elf_xen_notes *n)
{
    for (unsigned int i = 0; i < e->nr_sections; i++) {
        struct shdr s;
        int rc;

        memcpy(&s, e->bytes + e->shoff + (uint64_t)i * sizeof(s), sizeof(s));
        if (s.type != SHT_NOTE || !inside(e->len, s.offset, s.size)) {
            continue;
        }
        rc = walk_notes(n, e->bytes + s.offset, s.size);
        if (rc) {
            return rc;
        }
    }
    return 0;
}

int elf_xen_notes(const struct elf *e, struct elf_xen_notes *n)
{
    *n = (struct elf_xen_notes){ .any = false };

    for (unsigned int i = 0; i < e->nr_segments; i++) {
        struct elf_segment s;
        int rc;

        elf_segment(e, i, &s);
        if (s.type != ELF_NOTE) {
            continue;
        }
        rc = walk_notes(n, s.data, s.file_bytes);
        if (rc) {
            return rc;
        }
    }
    return n->any ? 0 : note_sections(e, n);
}
