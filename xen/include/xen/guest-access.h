/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copies between us and the current vCPU's kernel address space. Everything a
 * guest passes is a number until one of these accepted it.
 */
#ifndef XEN_GUEST_ACCESS_H
#define XEN_GUEST_ACCESS_H

#include <xen/types.h>

/**
 * guest_read() - Copy from the current guest's virtual memory.
 * @dst: ours. @gva: guest virtual address, any value. @len: bytes.
 * Locks: none held that the fault path takes. Context: current vCPU in kernel
 * mode (hypercall or trap from it); may fault and recover.
 * Return: 0, -EFAULT (range in our half, not mapped; @dst is then undefined).
 */
int must_check guest_read(void *dst, uint64_t gva, size_t len);

/**
 * guest_write() - Copy to the current guest's virtual memory.
 * @gva: guest virtual address, any value. @src: ours. @len: bytes.
 * Locks: none held that the fault path takes. Context: as guest_read().
 * Return: 0, -EFAULT (part may have been written).
 */
int must_check guest_write(uint64_t gva, const void *src, size_t len);

/*
 * Words of a list that is only looked at: guest_range_ok() for all of it, then
 * guest_word() for each, in between guest_window_open() and _close(), with no
 * other access to the guest meanwhile. All are inline.
 *
 * guest_range_ok() - Could a guest own this range? @gva: any. @len: not 0.
 * guest_word() - Read a word. @gva: from such a range. @val: undefined on failure.
 * Locks, context: as guest_read(). Return: false: not mapped.
 */
#include <port/guest-word.h>

/* Same for one field, from or to a XEN_GUEST_HANDLE (h.p is a plain pointer). */
#define guest_read_handle(dst, h, idx) \
    guest_read(dst, (uint64_t)((h).p + (idx)), sizeof(*(dst)))
#define guest_write_handle(h, idx, src) \
    guest_write((uint64_t)((h).p + (idx)), src, sizeof(*(src)))

#endif
