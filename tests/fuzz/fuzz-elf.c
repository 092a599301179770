// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/lib/elf.c
/* Any bytes as a kernel image: what elf_open() promises must hold. */
#include <stdlib.h>
#include <string.h>

#include <xen/elf.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads each byte of a string note up to its end. */
static size_t touch(const char *s)
{
    return s ? strlen(s) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_xen_notes n;
    uint64_t first, end;
    struct elf e;

    if (elf_open(&e, data, size)) {
        return 0;
    }
    for (unsigned int i = 0; i < e.nr_segments; i++) {
        struct elf_segment s;

        elf_segment(&e, i, &s);
        if (s.type == ELF_LOAD && s.file_bytes) {
            const uint8_t *const p = s.data;

            if (p < data || s.file_bytes > size - (size_t)(p - data) ||
                s.file_bytes > s.mem_bytes) {
                abort();
            }
        }
    }
    if (elf_phys_range(&e, &first, &end) == 0 && first >= end) {
        abort();
    }
    if (elf_xen_notes(&e, &n) == 0) {
        (void)(touch(n.xen_version) + touch(n.guest_os) + touch(n.loader) +
               touch(n.guest_version) + touch(n.pae_mode) + touch(n.features));
    }
    return 0;
}
