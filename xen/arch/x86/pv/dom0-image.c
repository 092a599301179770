/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dom0's kernel: unpacked, its headers and notes checked, its segments placed.
 * Every byte of the module is untrusted. Boot only.
 */
#include <xen/bits.h>
#include <xen/bzimage.h>
#include <xen/elf.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/unpack.h>

#include <asm/dom0-image.h>
#include <asm/pagetable.h>
#include <asm/system.h>

#include <public/features.h>

/* The libraries' heap: 128 MiB, or 64 where there is no such block. */
#define ARENA_ORDER     15
#define ARENA_ORDER_MIN 14

/* Features a kernel may require and we have. */
#define OUR_FEATURES                            \
    (BIT64(XENFEAT_pae_pgdir_above_4gb) |       \
     BIT64(XENFEAT_mmu_pt_update_preserve_ad) | \
     BIT64(XENFEAT_writable_page_tables) | BIT64(XENFEAT_dom0))

/* Largest kernel we place: its tables and block stay below 1 GiB. */
#define MAX_IMAGE_BYTES (UINT64_C(512) << 20)

static struct page_info *arena;
static unsigned int arena_order = ARENA_ORDER;

void *unpack_arena(size_t *size)
{
    while (!arena && arena_order >= ARENA_ORDER_MIN) {
        arena = pg_alloc(arena_order, ALLOC_ANY_BITS);
        arena_order -= !arena;
    }
    *size = PAGE_SIZE << arena_order;
    return arena ? page_to_va(arena) : NULL;
}

/*
 * The libraries are built for user space: they keep data below RSP, which an
 * interrupt would overwrite, and read a stack-protector word at %fs:0x28.
 */
static unsigned long library_enter(void)
{
    static uint64_t tls[8];
    const unsigned long flags = local_irq_save();

    wrmsr(MSR_FS_BASE, (uint64_t)tls);
    return flags;
}

static void library_leave(unsigned long flags)
{
    wrmsr(MSR_FS_BASE, 0);
    local_irq_restore(flags);
    unpack_heap_reset();
    if (arena) {
        pg_free(arena, arena_order);
        arena = NULL;
    }
}

static int guarded_size(const void *in, size_t in_len, size_t *out_len)
{
    const unsigned long flags = library_enter();
    const int rc = unpack_size(in, in_len, out_len);

    library_leave(flags);
    return rc;
}

static int guarded_unpack(const void *in, size_t in_len, void *out,
                          size_t out_len)
{
    const unsigned long flags = library_enter();
    const int rc = unpack(in, in_len, out, out_len);

    library_leave(flags);
    return rc;
}

static int unpack_module(const struct boot_module *mod, struct dom0_image *img,
                         const char **why)
{
    const void *in = pa_to_va(mod->pa);
    size_t in_len = mod->len;
    size_t out_len;
    int rc = bzimage_payload(in, in_len, &in, &in_len);

    if (rc == -EBADMSG || rc == -EOPNOTSUPP) {
        *why = rc == -EBADMSG ? "it is truncated, or its bzImage header lies"
                              : "its bzImage header is too old";
        return rc;
    }
    rc = guarded_size(in, in_len, &out_len);
    if (rc) {
        *why = rc == -ENOEXEC ? "not a kernel in a format we know"
                              : "its compressed data is malformed";
        return rc;
    }
    img->buffer_order = 0;
    while ((PAGE_SIZE << img->buffer_order) < out_len) {
        img->buffer_order++;
    }
    img->buffer = pg_alloc(img->buffer_order, ALLOC_ANY_BITS);
    if (!img->buffer) {
        *why = "no memory to unpack it";
        return -ENOMEM;
    }
    img->elf = page_to_va(img->buffer);
    img->elf_len = out_len;
    rc = guarded_unpack(in, in_len, page_to_va(img->buffer), out_len);
    if (rc) {
        *why = "its compressed data is corrupt";
    }
    return rc;
}

static int check_notes(struct dom0_image *img, const struct elf *e,
                       const char **why)
{
    struct elf_xen_notes n;
    int rc = elf_xen_notes(e, &n);

    if (rc) {
        *why = "its Xen notes lie";
        return rc;
    }
    if (!n.any || !n.entry.present || !n.virt_base.present) {
        *why = "it has no Xen notes: not a kernel for PV";
        return -ENOEXEC;
    }
    if (n.feat_required_other || n.feat_required & ~OUR_FEATURES) {
        *why = "it requires a feature we do not have";
        return -ENOEXEC;
    }
    if (n.hv_start_low.present && n.hv_start_low.value > HYP_VIRT_START) {
        *why = "it wants addresses that are the hypervisor's";
        return -ENOEXEC;
    }
    img->virt_base = n.virt_base.value;
    img->entry = n.entry.value;
    img->has_p2m_base = n.init_p2m.present;
    img->p2m_base = n.init_p2m.value;
    img->initrd_unmapped = n.mod_start_pfn.present && n.mod_start_pfn.value;

    rc = elf_phys_range(e, &img->first, &img->end);
    if (rc) {
        *why = "it has nothing to load";
        return rc;
    }
    if (n.paddr_offset.present && n.paddr_offset.value) {
        /* Then load addresses are virtual, less this. */
        if (n.paddr_offset.value > img->first) {
            *why = "its PADDR_OFFSET note lies";
            return -EBADMSG;
        }
        img->first -= n.paddr_offset.value;
        img->end -= n.paddr_offset.value;
        img->paddr_offset = n.paddr_offset.value;
    }
    if (img->end > MAX_IMAGE_BYTES || img->virt_base % PAGE_SIZE ||
        !is_canonical(img->virt_base) ||
        img->virt_base + MAX_IMAGE_BYTES * 2 - 1 < img->virt_base ||
        (img->virt_base < HYP_VIRT_END &&
         img->virt_base + MAX_IMAGE_BYTES * 2 > HYP_VIRT_START)) {
        *why = "it wants to be placed where it cannot be";
        return -EBADMSG;
    }
    if (img->has_p2m_base &&
        (img->p2m_base % BIT64(21) || !is_canonical(img->p2m_base) ||
         (img->p2m_base >= HYP_VIRT_START && img->p2m_base < HYP_VIRT_END))) {
        *why = "its INIT_P2M note lies";
        return -EBADMSG;
    }
    if (img->entry < img->virt_base + img->first ||
        img->entry >= img->virt_base + img->end) {
        *why = "its entry point is outside of it";
        return -EBADMSG;
    }
    return 0;
}

int dom0_image_open(const struct boot_module *mod, struct dom0_image *img,
                    const char **why)
{
    struct elf e;
    int rc;

    memset(img, 0, sizeof(*img));
    if (mod->len == 0) {
        *why = "the module is empty";
        return -ENOEXEC;
    }
    rc = unpack_module(mod, img, why);
    if (!rc) {
        rc = elf_open(&e, img->elf, img->elf_len);
        if (rc) {
            *why = rc == -ENOEXEC ? "not a 64-bit x86 ELF executable"
                                  : "it is truncated, or its ELF headers lie";
        }
    }
    if (!rc) {
        rc = check_notes(img, &e, why);
    }
    if (rc) {
        dom0_image_close(img);
    }
    return rc;
}

void dom0_image_load(const struct dom0_image *img, uint8_t *pfn0)
{
    struct elf e;
    struct elf_segment seg;

    if (elf_open(&e, img->elf, img->elf_len)) {
        return; /* dom0_image_open() has seen the same bytes succeed */
    }
    for (unsigned int i = 0; i < e.nr_segments; i++) {
        elf_segment(&e, i, &seg);
        if (seg.type == ELF_LOAD && seg.mem_bytes) {
            uint8_t *at = pfn0 + (seg.paddr - img->paddr_offset);

            memcpy(at, seg.data, seg.file_bytes);
            memset(at + seg.file_bytes, 0, seg.mem_bytes - seg.file_bytes);
        }
    }
}

void dom0_image_close(struct dom0_image *img)
{
    if (img->buffer) {
        pg_free(img->buffer, img->buffer_order);
        img->buffer = NULL;
    }
}
