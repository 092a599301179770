/* SPDX-License-Identifier: GPL-2.0 */
/* Names for addresses in the hypervisor's own text. Layer L6. */
#ifndef XEN_SYMBOLS_H
#define XEN_SYMBOLS_H

#include <xen/types.h>

/* Made by tools/gen from the linked image; ascending offsets from xen_start. */
extern const uint32_t symbols_nr;
extern const uint32_t symbols_offsets[];
extern const uint32_t symbols_name_offsets[]; /* into symbols_names */
extern const char symbols_names[];            /* NUL-terminated, one by one */
extern const char xen_start[];                /* linker script */

/**
 * symbol_lookup() - The symbol an address belongs to.
 * @addr:   any value.
 * @offset: distance from the symbol; unchanged if there is none.
 * Locks: none. Context: any. Return: the name, or NULL outside the image.
 */
const char *symbol_lookup(uintptr_t addr, size_t *offset);

#endif
