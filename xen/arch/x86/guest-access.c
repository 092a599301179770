/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copies to and from guest virtual memory. Addresses in our half are refused;
 * everything else may fault, and the fault is fixed up. SMAP is lifted just
 * around the copy.
 */
#include <xen/errno.h>
#include <xen/guest-access.h>

#include <asm/config.h>
#include <asm/cpufeature.h>
#include <asm/extable.h>
#include <asm/system.h>

static inline void access_begin(void)
{
    if (boot_cpu.smap) {
        __asm__ volatile("stac" ::: "memory");
    }
}

static inline void access_end(void)
{
    if (boot_cpu.smap) {
        __asm__ volatile("clac" ::: "memory");
    }
}

/*
 * No wrap, and all of it in the lower half or above our part of the upper one:
 * what is between, our part and addresses that are not canonical, is refused.
 */
static inline bool range_ok(uint64_t gva, size_t len)
{
    const uint64_t last = gva + len - 1;

    return last >= gva && (last < LOWER_HALF_END || gva >= HYP_VIRT_END);
}

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
    if (!range_ok(gva, len)) {
        return -EFAULT;
    }
    access_begin();
    left = copy_faulting(dst, (const void *)gva, len);
    access_end();
    return left ? -EFAULT : 0;
}

int guest_write(uint64_t gva, const void *src, size_t len)
{
    size_t left;

    if (len == 0) {
        return 0;
    }
    if (!range_ok(gva, len)) {
        return -EFAULT;
    }
    access_begin();
    left = copy_faulting((void *)gva, src, len);
    access_end();
    return left ? -EFAULT : 0;
}
