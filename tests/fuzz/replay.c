// SPDX-License-Identifier: GPL-2.0
/*
 * Feeds files to a fuzz target's entry function, for "make check". Then cut and
 * bent versions of each, so that a run without libFuzzer still tries bad bytes.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of an input that are bent; a target that is slow asks for fewer. */
#ifndef REPLAY_BENT
#define REPLAY_BENT 512
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An exact heap copy, so that the sanitizer sees a read one byte too far. */
static void feed(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy) {
        abort();
    }
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void bend(uint8_t *data, size_t size)
{
    static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
    const size_t cuts = size < REPLAY_BENT ? size : REPLAY_BENT;

    for (size_t n = 0; n < cuts; n++) {
        feed(data, n);
    }
    for (size_t i = 0; i < cuts; i++) {
        const uint8_t old = data[i];

        for (size_t v = 0; v < sizeof(values); v++) {
            data[i] = values[v];
            feed(data, size);
        }
        data[i] = old;
    }
}

int main(int argc, char **argv)
{
    static const uint8_t nothing[1];

    feed(nothing, 0);
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        uint8_t *buf;
        long size;

        if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0) {
            perror(argv[i]);
            return 1;
        }
        rewind(f);
        buf = malloc((size_t)size + 1);
        if (!buf || fread(buf, 1, (size_t)size, f) != (size_t)size) {
            perror(argv[i]);
            return 1;
        }
        fclose(f);
        feed(buf, (size_t)size);
        bend(buf, (size_t)size);
        free(buf);
    }
    printf("%d inputs\n", argc - 1);
    return 0;
}
