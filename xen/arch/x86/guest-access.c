/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copies to and from guest virtual memory. Addresses in our half are refused;
 * everything else may fault, and the fault is fixed up. SMAP is lifted just
 * around the copy.
 */
#include <xen/errno.h>
#include <xen/guest-access.h>

#include <asm/extable.h>

/* Whole words, then bytes. Returns what is left, 0 on success. */
static inline size_t copy_faulting(void *dst, const void *src, size_t len)
{
    size_t words = len / 8;
    size_t bytes = len % 8;

    __asm__ volatile(
        "1: rep movsq\n"
        "   mov %[bytes], %%rcx\n"
        "2: rep movsb\n"
        "   xor %[bytes], %[bytes]\n"
        "3:\n" EXTABLE("1b", "4f") EXTABLE("2b", "4f") "   jmp 5f\n"
                                                       "4: mov $1, %[bytes]\n"
                                                       "5:\n"
        : [bytes] "+r"(bytes), "+c"(words), "+D"(dst), "+S"(src)::"memory");
    return bytes;
}

int guest_read(void *dst, uint64_t gva, size_t len)
{
    size_t left;

    if (len == 0) {
        return 0;
    }
    if (!guest_range_ok(gva, len)) {
        return -EFAULT;
    }
    guest_window_open();
    left = copy_faulting(dst, (const void *)gva, len);
    guest_window_close();
    return left ? -EFAULT : 0;
}

int guest_write(uint64_t gva, const void *src, size_t len)
{
    size_t left;

    if (len == 0) {
        return 0;
    }
    if (!guest_range_ok(gva, len)) {
        return -EFAULT;
    }
    guest_window_open();
    left = copy_faulting((void *)gva, src, len);
    guest_window_close();
    return left ? -EFAULT : 0;
}
