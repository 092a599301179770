/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ELF64 x86-64 images and their Xen notes, over untrusted bytes. Pure: points
 * into the caller's buffer and copies nothing. Layer L1.
 * Manual: ELF-64 Object File Format; Xen's public elfnote.h for the notes.
 */
#ifndef XEN_ELF_H
#define XEN_ELF_H

#include <xen/types.h>

/* A validated image; members are for the functions below. */
struct elf {
    const uint8_t *bytes;
    size_t len;
    uint64_t entry; /* e_entry; a PV guest starts at its note instead */
    uint64_t phoff;
    unsigned int nr_segments;
    uint64_t shoff;
    unsigned int nr_sections; /* 0: none that can be used */
};

#define ELF_LOAD 1u /* segment types */
#define ELF_NOTE 4u

#define ELF_X 1u /* segment flags */
#define ELF_W 2u
#define ELF_R 4u

struct elf_segment {
    uint32_t type;
    uint32_t flags;      /* ELF_X, ELF_W, ELF_R */
    uint64_t vaddr;      /* where it runs; 0 for per-CPU data */
    uint64_t paddr;      /* where it loads */
    uint64_t file_bytes; /* to copy from data */
    uint64_t mem_bytes;  /* >= file_bytes; the rest is zero */
    const void *data;    /* in the image */
};

/* A number that may be absent: 0 is a legal value for most of them. */
struct elf_note_u64 {
    bool present;
    uint64_t value;
};

/* The notes of owner "Xen". Strings end with NUL, are in the image, or NULL. */
struct elf_xen_notes {
    bool any;                           /* at least one was there */
    struct elf_note_u64 entry;          /* virtual address to start at */
    struct elf_note_u64 hypercall_page; /* virtual address */
    struct elf_note_u64 virt_base;      /* virtual address of pfn 0 */
    struct elf_note_u64 paddr_offset;   /* to subtract from paddr */
    struct elf_note_u64 hv_start_low;   /* lowest address left to us */
    struct elf_note_u64 init_p2m;       /* virtual address for the P2M */
    struct elf_note_u64 mod_start_pfn;  /* not 0: initrd is passed by pfn */
    struct elf_note_u64 suspend_cancel; /* not 0: suspend may be cancelled */
    struct elf_note_u64 supported;      /* feature bits the kernel can use */
    struct elf_note_u64 phys32_entry;   /* PVH only */
    struct elf_note_u64 l1_valid_mask;  /* (entry & mask) == value: present */
    struct elf_note_u64 l1_valid_value;
    const char *xen_version;
    const char *guest_os;
    const char *guest_version;
    const char *loader;
    const char *pae_mode;
    const char *features;     /* names joined by '|', '!' = required; */
    size_t features_len;      /* its bytes: it may lack the NUL */
    uint64_t feat_known;      /* XENFEAT_ bits named in features */
    uint64_t feat_required;   /* likewise, those with '!' */
    bool feat_required_other; /* '!' and a name not known */
    bool bsd_symtab;          /* wants its symbol table loaded */
};

/**
 * elf_open() - Check that bytes are an ELF64 x86-64 executable.
 * @e:   filled on success; points into @bytes.
 * @bytes: the image; no alignment is needed.
 * @len: its length.
 *
 * Every segment is checked to lie within the file and not to wrap.
 * Locks: none. Context: any. Trust: @bytes is not trusted.
 * Return: 0, -ENOEXEC not such a file, -EBADMSG its headers lie.
 */
int must_check elf_open(struct elf *e, const void *bytes, size_t len);

/**
 * elf_segment() - One program header.
 * @e:   of elf_open().
 * @i:   below @e->nr_segments.
 * @seg: filled; bounds are as elf_open() promised.
 * Locks: none. Context: any.
 */
void elf_segment(const struct elf *e, unsigned int i, struct elf_segment *seg);

/**
 * elf_phys_range() - Lowest and highest load address.
 * @e:     of elf_open().
 * @first: lowest paddr of a loadable segment with memory.
 * @end:   highest, exclusive.
 * Locks: none. Context: any. Return: 0, -ENOEXEC there is none.
 */
int must_check elf_phys_range(const struct elf *e, uint64_t *first,
                              uint64_t *end);

/**
 * elf_xen_notes() - Collect the Xen notes.
 * @e: of elf_open().
 * @n: filled; everything absent if the image has none. If a note comes twice
 *     the first one counts.
 *
 * Note segments are read, and note sections if no segment has one of Xen's.
 * Locks: none. Context: any. Trust: the image.
 * Return: 0, -EBADMSG a note overruns its segment, has a size its type cannot
 *         have, or a string without end.
 */
int must_check elf_xen_notes(const struct elf *e, struct elf_xen_notes *n);

#endif
