/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who we are: XENVER_*, vm_assist, and the XSM entry that says there is none.
 * Guests use XENVER_version as a cheap hypercall, so it comes first. No lock.
 */
#include <xen/atomic.h>
#include <xen/bits.h>
#include <xen/cmdline.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/lib.h>
#include <xen/version.h>

#include <asm/current.h>

#include <public/features.h>
#include <public/version.h>

/* What Debian's tools demand: they look for themselves under xen-4.17. */
#define ABI_MAJOR 4
#define ABI_MINOR 17

static const char extraversion[XEN_EXTRAVERSION_LEN] = ".0-iommu";
static const char capabilities[] = "xen-3.0-x86_64 ";
static const char changeset[sizeof(xen_changeset_info_t)] = "unavailable";
static const char denied[] = "<denied>";

/* Builds are reproducible, so there is no date, user or host in them. */
static const struct xen_compile_info compile_info = {
    .compiler = "gcc " __VERSION__,
    .compile_by = "",
    .compile_domain = "",
    .compile_date = "reproducible build",
};

const struct version_text version_text = {
    .major = ABI_MAJOR,
    .minor = ABI_MINOR,
    .extra = extraversion,
    .changeset = changeset,
    .compiler = compile_info.compiler,
    .compile_by = compile_info.compile_by,
    .compile_domain = compile_info.compile_domain,
    .compile_date = compile_info.compile_date,
};

/* Linker script: the .note.gnu.build-id section. */
extern const uint8_t xen_note_start[];
extern const uint8_t xen_note_end[];

/* ELF note head: sizes of name and description, type; then "GNU\0". */
#define NOTE_HEAD_BYTES 12
#define NOTE_GNU_NAME   4
#define NOTE_BUILD_ID   3 /* NT_GNU_BUILD_ID. Spec: ELF-64 "Note Section" */

static long give(uint64_t gva, const void *src, size_t bytes)
{
    return guest_write(gva, src, bytes) ? -EFAULT : 0;
}

static long give_compile_info(uint64_t gva)
{
    return give(gva, &compile_info, sizeof(compile_info));
}

static long give_capabilities(uint64_t gva)
{
    char buf[XEN_CAPABILITIES_INFO_LEN] = { 0 };

    memcpy(buf, capabilities, sizeof(capabilities));
    return give(gva, buf, sizeof(buf));
}

static long give_commandline(uint64_t gva, bool trusted)
{
    char buf[sizeof(xen_commandline_t)] = { 0 };
    const char *s = trusted ? cmdline_saved() : denied;

    for (size_t i = 0; i < sizeof(buf) - 1 && s[i]; i++) {
        buf[i] = s[i];
    }
    return give(gva, buf, sizeof(buf));
}

static uint32_t features(const struct domain *d)
{
    /* Each is a promise of some file: pv/mm-update.c keeps accessed and dirty
     * bits, mmuext.c clears and copies pages, grant.c honours spare bits,
     * memory-op.c takes a virtual node as the hint that it is. A PV guest's
     * frame numbers in this ABI are machine frames: "direct mapped". */
    uint32_t f =
        BIT32(XENFEAT_mmu_pt_update_preserve_ad) |
        BIT32(XENFEAT_highmem_assist) | BIT32(XENFEAT_gnttab_map_avail_bits) |
        BIT32(XENFEAT_memory_op_vnode_supported) | BIT32(XENFEAT_direct_mapped);

    if (is_control_domain(d)) {
        f |= BIT32(XENFEAT_dom0) | BIT32(XENFEAT_pae_pgdir_above_4gb);
    }
    if (read_once(d->vm_assist) & BIT64(VMASST_TYPE_pae_extended_cr3)) {
        f |= BIT32(XENFEAT_pae_pgdir_above_4gb);
    }
    return f;
}

static long give_features(uint64_t gva, const struct domain *d)
{
    struct xen_feature_info info;

    if (guest_read(&info, gva, sizeof(info))) {
        return -EFAULT;
    }
    if (info.submap_idx != 0) {
        return -EINVAL;
    }
    info.submap = features(d);
    return give(gva, &info, sizeof(info));
}

static long give_build_id(uint64_t gva)
{
    const size_t bytes = section_bytes(xen_note_start, xen_note_end);
    const uint8_t *id = xen_note_start + NOTE_HEAD_BYTES + NOTE_GNU_NAME;
    uint32_t head[3];
    uint32_t room;

    if (bytes < NOTE_HEAD_BYTES + NOTE_GNU_NAME) {
        return -ENODATA;
    }
    memcpy(head, xen_note_start, sizeof(head));
    if (head[0] != NOTE_GNU_NAME || head[2] != NOTE_BUILD_ID ||
        head[1] > bytes - NOTE_HEAD_BYTES - NOTE_GNU_NAME) {
        return -ENODATA;
    }
    if (!gva) {
        return head[1];
    }
    if (guest_read(&room, gva, sizeof(room))) {
        return -EFAULT;
    }
    if (room == 0) {
        return -EINVAL;
    }
    if (room < head[1]) {
        return -ENOBUFS;
    }
    if (guest_write(gva + offsetof(struct xen_build_id, buf), id, head[1])) {
        return -EFAULT;
    }
    return head[1];
}

long do_xen_version(struct hypercall_args *args)
{
    static const struct xen_platform_parameters parameters = {
        .virt_start = HYP_VIRT_START,
    };
    const struct domain *d = current->domain;
    const uint64_t gva = args->a[1];

    switch ((uint32_t)args->a[0]) {
    case XENVER_version:
        return ABI_MAJOR << 16 | ABI_MINOR;
    case XENVER_extraversion:
        return give(gva, extraversion, sizeof(extraversion));
    case XENVER_compile_info:
        return give_compile_info(gva);
    case XENVER_capabilities:
        return give_capabilities(gva);
    case XENVER_changeset:
        return give(gva, changeset, sizeof(changeset));
    case XENVER_platform_parameters:
        return give(gva, &parameters, sizeof(parameters));
    case XENVER_get_features:
        return give_features(gva, d);
    case XENVER_pagesize:
        return PAGE_SIZE;
    case XENVER_guest_handle:
        return give(gva, d->handle, sizeof(d->handle));
    case XENVER_commandline:
        return give_commandline(gva, is_control_domain(d));
    case XENVER_build_id:
        return is_control_domain(d) ? give_build_id(gva) : -EPERM;
    default:
        return -ENOSYS;
    }
}

/* The types that mean something for 64-bit guests, or cost nothing. */
#define VM_ASSIST_KNOWN                       \
    (BIT64(VMASST_TYPE_4gb_segments) |        \
     BIT64(VMASST_TYPE_writable_pagetables) | \
     BIT64(VMASST_TYPE_pae_extended_cr3) |    \
     BIT64(VMASST_TYPE_runstate_update_flag))

long do_vm_assist(struct hypercall_args *args)
{
    struct domain *d = current->domain;
    const uint32_t type = (uint32_t)args->a[1];

    if (type >= 64 || !(VM_ASSIST_KNOWN & BIT64(type))) {
        return -EINVAL;
    }
    switch ((uint32_t)args->a[0]) {
    case VMASST_CMD_enable:
        atomic_or(&d->vm_assist, BIT64(type));
        return 0;
    case VMASST_CMD_disable:
        atomic_and(&d->vm_assist, ~BIT64(type));
        return 0;
    default:
        return -ENOSYS;
    }
}

long do_xsm_op(struct hypercall_args *args)
{
    (void)args;
    return -ENOSYS; /* no security modules; the tools know this answer */
}
