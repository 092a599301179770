/* SPDX-License-Identifier: GPL-2.0 */
/*
 * console_io: Dom0 reads and writes the console as it is; what other guests
 * write becomes whole log lines that name them. d->misc->lock guards the
 * unfinished line of a guest.
 */
#include <xen/bits.h>
#include <xen/console.h>
#include <xen/dom-misc.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>

#include <asm/current.h>

#define CHUNK 256 /* ours: bytes copied at a time */

static void write_line_buffered(struct domain *d, const char *s, size_t n)
{
    struct dom_misc *m = dom_misc_get(d);

    if (!m) {
        return; /* output is lost, nothing else */
    }
    spin_lock(&m->lock);
    for (size_t i = 0; i < n; i++) {
        if (s[i] != '\n') {
            m->line[m->line_len++] = s[i];
        }
        if (m->line_len == sizeof(m->line) ||
            (s[i] == '\n' && m->line_len > 0)) {
            console_write_domu(d->id, m->line, m->line_len);
            m->line_len = 0;
        }
    }
    spin_unlock(&m->lock);
}

static long op_write(struct hypercall_args *args)
{
    struct domain *d = current->domain;
    char buf[CHUNK];

    while ((uint32_t)args->a[1] > 0) {
        const uint32_t left = (uint32_t)args->a[1];
        const uint32_t n = min_of(left, (uint32_t)CHUNK);

        if (guest_read(buf, args->a[2], n)) {
            return -EFAULT;
        }
        if (is_control_domain(d)) {
            console_write_guest(buf, n);
        } else {
            write_line_buffered(d, buf, n);
        }
        args->a[1] = left - n;
        args->a[2] += n;
        if (left > n && hypercall_preempt()) {
            return hypercall_continue(__HYPERVISOR_console_io, args);
        }
    }
    return 0;
}

static long op_read(uint32_t count, uint64_t gva)
{
    char buf[CHUNK];
    uint32_t done = 0;

    if (!is_control_domain(current->domain)) {
        return -EPERM;
    }
    while (done < count) {
        const uint32_t want = min_of(count - done, (uint32_t)CHUNK);
        const int got = console_read_guest(buf, want);

        if (got <= 0) {
            break;
        }
        if (guest_write(gva + done, buf, (size_t)got)) {
            return -EFAULT;
        }
        done += (uint32_t)got;
    }
    return done;
}

long do_console_io(struct hypercall_args *args)
{
    switch ((uint32_t)args->a[0]) {
    case CONSOLEIO_write:
        return op_write(args);
    case CONSOLEIO_read:
        return op_read((uint32_t)args->a[1], args->a[2]);
    default:
        return -ENOSYS;
    }
}
