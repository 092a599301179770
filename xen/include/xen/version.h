/* SPDX-License-Identifier: GPL-2.0 */
/* Who we are, in words. */
#ifndef XEN_VERSION_H
#define XEN_VERSION_H

struct version_text {
    unsigned int major; /* of the ABI we speak */
    unsigned int minor;
    const char *extra;
    const char *changeset;
    const char *compiler;
    const char *compile_by;
    const char *compile_domain;
    const char *compile_date;
};

/* What XENVER_* and hypfs tell. Locks: none. Context: any. */
extern const struct version_text version_text;

#endif
