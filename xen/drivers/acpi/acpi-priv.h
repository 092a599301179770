/* SPDX-License-Identifier: GPL-2.0 */
/* Loads from firmware bytes, and the checks every table goes through. */
#ifndef DRIVERS_ACPI_ACPI_PRIV_H
#define DRIVERS_ACPI_ACPI_PRIV_H

#include <xen/acpi.h>
#include <xen/lib.h>

/* Table header. Spec: ACPI "System Description Table Header". */
#define ACPI_HEAD_LEN    36u
#define ACPI_HEAD_SIG    0
#define ACPI_HEAD_LENGTH 4
#define ACPI_HEAD_REV    8
#define ACPI_HEAD_SUM    9
#define ACPI_TABLE_MAX   (UINT32_C(16) << 20) /* ours; real ones are < 1 MiB */

/* Printing a signature that may hold anything. */
#define SIG_FMT "%c%c%c%c"
#define SIG_ARG(s) \
    sig_char((s)[0]), sig_char((s)[1]), sig_char((s)[2]), sig_char((s)[3])

static inline char sig_char(char c)
{
    return c >= ' ' && c < 0x7f ? c : '?';
}

/* Firmware aligns nothing, so bytes it is. */
static inline uint16_t load_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | (unsigned int)p[1] << 8);
}

static inline uint32_t load_le32(const uint8_t *p)
{
    return load_le16(p) | (uint32_t)load_le16(p + 2) << 16;
}

static inline uint64_t load_le64(const uint8_t *p)
{
    return load_le32(p) | (uint64_t)load_le32(p + 4) << 32;
}

/**
 * acpi_check() - Is this a whole table of a given kind?
 * @table:     the bytes.
 * @len:       how many may be read.
 * @sig:       signature wanted, NULL for any.
 * @min:       smallest length that makes sense, at least ACPI_HEAD_LEN.
 * @table_len: receives its own length, within @min..@len; unchanged on error.
 * Locks: none. Context: boot.
 * Return: 0, -EBADMSG signature, length or checksum is wrong.
 */
int must_check acpi_check(const uint8_t *table, size_t len, const char *sig,
                          size_t min, size_t *table_len);

/**
 * ivrs_override() - Apply what the command line says of IO-APICs and HPETs.
 * @info: a decoded IVRS. One line for each id, applied or refused.
 * Locks: none. Context: boot.
 */
void ivrs_override(struct ivrs_info *info);

/**
 * acpi_map_table() - Map a whole table and check it.
 * @pa:  where. @sig: as acpi_check(). @len: receives the length.
 * Locks: none. Context: boot. Return: the table, or NULL (logged).
 */
uint8_t *acpi_map_table(paddr_t pa, const char *sig, size_t *len);

#endif
