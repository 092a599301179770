/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Error numbers. The values are those of the guest ABI (<public/errno.h>), so
 * that one returned from a hypercall needs no translation. Layer L0.
 */
#ifndef XEN_ERRNO_H
#define XEN_ERRNO_H

#define EPERM         1   /* the caller may not do this */
#define ENOENT        2   /* no such object */
#define ESRCH         3   /* no such domain */
#define EINTR         4   /* interrupted */
#define EIO           5   /* a device failed */
#define ENXIO         6   /* no such device or address */
#define E2BIG         7   /* argument list too long */
#define ENOEXEC       8   /* not an image we can load */
#define EBADF         9   /* object is in a bad state */
#define EAGAIN        11  /* try again */
#define ENOMEM        12  /* out of memory */
#define EACCES        13  /* not permitted, or wrong interface version */
#define EFAULT        14  /* bad guest address */
#define EBUSY         16  /* object is in use */
#define EEXIST        17  /* already there */
#define EXDEV         18  /* crosses a boundary it must not */
#define ENODEV        19  /* no such device */
#define EINVAL        22  /* argument makes no sense */
#define ENOSPC        28  /* no room */
#define EROFS         30  /* read-only */
#define ERANGE        34  /* result or range does not fit */
#define EDEADLK       35  /* would dead-lock */
#define ENOSYS        38  /* call not implemented */
#define ENODATA       61  /* nothing there */
#define ETIME         62  /* deadline already passed */
#define EBADMSG       74  /* malformed bytes from firmware or an image */
#define EOVERFLOW     75  /* value does not fit */
#define EILSEQ        84  /* corrupt compressed stream */
#define ERESTART      85  /* internal: continue this operation later */
#define EUSERS        87  /* too many users */
#define EOPNOTSUPP    95  /* understood, not supported */
#define EADDRINUSE    98  /* overlaps something */
#define EADDRNOTAVAIL 99  /* address not available */
#define ENOBUFS       105 /* caller's buffer is too small */
#define ETIMEDOUT     110 /* hardware did not answer in time */

#endif
