// SPDX-License-Identifier: GPL-2.0
// SOURCES: xen/arch/x86/pv/pv-decode.c
/*
 * Any bytes as an instruction: the decoder reads only what it was given, what it
 * accepts is within bounds, and bytes after the instruction do not matter.
 */
#include <assert.h>
#include <string.h>

#include "xen/arch/x86/pv/pv-decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decode_in in = { .rip = UINT64_C(0xffffffff81000000) };
    struct write_result r;
    struct write_op op;
    struct write_op again;
    uint64_t mask;

    in.nr_bytes = size < DECODE_MAX_LEN ? (unsigned int)size : DECODE_MAX_LEN;
    if (in.nr_bytes) {
        memcpy(in.bytes, data, in.nr_bytes);
    }
    for (unsigned int i = 0; i < 16; i++) {
        in.gpr[i] = UINT64_C(0x9e3779b97f4a7c15) * (i + 1 + size);
    }
    if (!write_decode(&in, &op)) {
        return 0;
    }
    assert(op.len > 0 && op.len <= in.nr_bytes);
    assert(op.width == 1 || op.width == 2 || op.width == 4 || op.width == 8);
    mask = ~UINT64_C(0) >> (64 - 8 * op.width);
    assert(!(op.src & ~mask));
    assert(op.reg < 16);
    assert(!op.reg_high || (op.width == 1 && op.reg < 4));
    write_apply(&op, in.gpr[1] & mask, in.gpr[0], 2, &r);
    assert(!(r.val & ~mask) && !(r.reg_val & ~mask));

    in.nr_bytes = op.len;
    memset(in.bytes + op.len, 0xcc, sizeof(in.bytes) - op.len);
    assert(write_decode(&in, &again));
    assert(again.kind == op.kind && again.len == op.len && again.ea == op.ea &&
           again.src == op.src);
    return 0;
}
