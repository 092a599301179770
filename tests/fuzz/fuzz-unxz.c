// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/lib/unxz.c
/* Any bytes as an XZ stream: no access outside the two buffers. */
#include <stdlib.h>

#include <xen/unxz.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct unxz_work work;
    uint64_t len;
    uint8_t *out;

    if (unxz_size(data, size, &len) || len > (1u << 20)) {
        return 0;
    }
    out = malloc(len ? len : 1);
    if (!out || unxz(data, size, out, len, &work) > 0) {
        abort();
    }
    free(out);
    return 0;
}
