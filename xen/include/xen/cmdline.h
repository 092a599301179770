/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Command-line parameters. Each file declares its own next to the variable they
 * set; the table is a linker section. Layer L6.
 */
#ifndef XEN_CMDLINE_H
#define XEN_CMDLINE_H

#include <xen/types.h>

#define CMDLINE_MAX 2048 /* ours: bytes kept, the final NUL included */

enum param_kind {
    PARAM_STRING,
    PARAM_BOOL,
    PARAM_SIZE,
    PARAM_UINT,
    PARAM_FN,
    PARAM_INDEXED,
};

struct xen_param {
    const char *name; /* '-' and '_' are the same */
    enum param_kind kind;
    uint32_t bytes; /* size of *var */
    union {
        void *var;
        int (*fn)(const char *value);
        int (*fn_at)(uint64_t index, const char *value);
    };
    uint64_t unit; /* PARAM_SIZE: multiplier of a number without suffix */
};

/* The explicit alignment keeps the section an array without gaps. */
#define PARAM_ENTRY(id)                                                 \
    static const struct xen_param used_symbol in_section(".init.setup") \
        aligned_to(sizeof(void *)) param_##id

/* name= into a char array; a value that does not fit is refused. */
#define string_param(text, array) \
    PARAM_ENTRY(array) = { text, PARAM_STRING, sizeof(array), { array }, 0 }
/* name, name=yes, no-name and so on into a bool. */
#define bool_param(text, variable)                                       \
    PARAM_ENTRY(variable) = { text, PARAM_BOOL, 1, { &(variable) }, 0 }; \
    static_assert(sizeof(variable) == sizeof(bool), "bool_param sets a bool")
/* name=<number>[BKMGT] into a uint64_t. */
#define size_param(text, variable, mul)                                    \
    PARAM_ENTRY(variable) = { text, PARAM_SIZE, 8, { &(variable) }, mul }; \
    static_assert(sizeof(variable) == 8, "size_param sets a uint64_t")
/* name=<number> into an unsigned integer of 1, 2, 4 or 8 bytes. */
#define uint_param(text, variable) \
    PARAM_ENTRY(                   \
        variable) = { text, PARAM_UINT, sizeof(variable), { &(variable) }, 0 }
/* fn("" when there is no value, "no" for no-name) returns 0 or -errno. */
#define custom_param(text, func) \
    PARAM_ENTRY(func) = { .name = text, .kind = PARAM_FN, .fn = (func) }
/* name[<number>]=value: fn_at(the number, the value) returns 0 or -errno. */
#define indexed_param(text, func) \
    PARAM_ENTRY(func) = { .name = text, .kind = PARAM_INDEXED, .fn_at = (func) }

/* An option that can be read and changed while we run: hypfs, /params. */
struct run_option {
    int (*set)(const char *value);         /* 0 or -errno, nothing changed */
    void (*get)(char *value, size_t size); /* as set would take it */
};

#define RUN_OPTION_BYTES 32 /* ours: the longest value, its NUL included */

/**
 * cmdline_parse() - Keep the command line and apply every option in it.
 * @line: options separated by white space; a value may hold "quoted blanks".
 *        Whatever follows a lone "--" is not ours.
 *
 * One warning per unknown option or refused value; the rest still applies.
 * Locks: the log's. Context: boot, once, before anything else works.
 * Trust: the text is the boot loader's.
 */
void cmdline_parse(const char *line);

/**
 * cmdline_parse_table() - cmdline_parse() against a given table, for tests.
 * @line:  as there.
 * @first: first parameter.
 * @end:   one past the last.
 * Locks: the log's. Context: boot. Return: number of options refused.
 */
unsigned int cmdline_parse_table(const char *line,
                                 const struct xen_param *first,
                                 const struct xen_param *end);

/**
 * cmdline_saved() - The whole command line (XENVER_commandline).
 * Locks: none. Context: after cmdline_parse().
 * Return: text, cut at CMDLINE_MAX.
 */
const char *cmdline_saved(void);

/**
 * cmdline_next_item() - Take the next item of a comma-separated value.
 * @pos:  in: where to look; out: behind the item and its comma, NULL at
 *        the end.
 * @item: receives the item, NUL-terminated.
 * @size: bytes of @item.
 *
 * An item that does not fit is cut, which then matches nothing; empty items are
 * delivered as "". Start with *@pos = value; ends with false.
 * Locks: none. Context: any. Return: true if there was an item.
 */
bool cmdline_next_item(const char **pos, char *item, size_t size);

/**
 * cmdline_bool_item() - Is this item a given boolean, and which way?
 * @name:  the boolean's name.
 * @item:  "name", "no-name" or "name=<bool>".
 * @value: the value; unchanged unless the return is 0.
 * Locks: none. Context: any.
 * Return: 0, -ENOENT some other name, -EINVAL this name with a bad value.
 */
int must_check cmdline_bool_item(const char *name, const char *item,
                                 bool *value);

/**
 * cmdline_item_value() - The value of an item "name=value".
 * @name: the item's name.
 * @item: the item.
 * Locks: none. Context: any.
 * Return: what follows the '=', or NULL for another name or no '='.
 */
const char *cmdline_item_value(const char *name, const char *item);

/**
 * cmdline_parse_bool() - on/off, yes/no, true/false, enable/disable, 1/0.
 * @s:     text; "" is true.
 * @value: the value; unchanged on error.
 * Locks: none. Context: any. Return: 0, -EINVAL none of them.
 */
int must_check cmdline_parse_bool(const char *s, bool *value);

#endif
