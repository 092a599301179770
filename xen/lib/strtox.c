// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers from text nobody vouches for: overflow is an error, never a
 * truncation. Pure code, no lock.
 */
#include <xen/errno.h>
#include <xen/lib.h>

/* Value of a digit, or 16 for any other character. */
static unsigned int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned int)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (unsigned int)(c - 'a') + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return (unsigned int)(c - 'A') + 10;
    }
    return 16;
}

static bool has_0x(const char *s)
{
    /* A lone "0x" is the number 0 followed by an x, as in C. */
    return s[0] == '0' && (s[1] == 'x' || s[1] == 'X') &&
           digit_value(s[2]) < 16;
}

static int parse_digits(const char *s, unsigned int base, uint64_t *out,
                        const char **endp)
{
    uint64_t v = 0;

    if (digit_value(*s) >= base) {
        return -EINVAL;
    }
    for (; digit_value(*s) < base; s++) {
        if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
            __builtin_add_overflow(v, (uint64_t)digit_value(*s), &v)) {
            return -ERANGE;
        }
    }
    if (!endp && *s) {
        return -EINVAL;
    }
    *out = v;
    if (endp) {
        *endp = s;
    }
    return 0;
}

int parse_u64(const char *s, uint64_t *out, const char **endp)
{
    return has_0x(s) ? parse_digits(s + 2, 16, out, endp)
                     : parse_digits(s, 10, out, endp);
}

int parse_hex(const char *s, uint64_t *out, const char **endp)
{
    return parse_digits(has_0x(s) ? s + 2 : s, 16, out, endp);
}

int parse_size(const char *s, uint64_t *out, uint64_t unit, const char **endp)
{
    uint64_t v;
    int rc = parse_u64(s, &v, &s);

    if (rc) {
        return rc;
    }
    switch (*s) {
    case 'T':
    case 't':
        unit = UINT64_C(1) << 40;
        s++;
        break;
    case 'G':
    case 'g':
        unit = UINT64_C(1) << 30;
        s++;
        break;
    case 'M':
    case 'm':
        unit = UINT64_C(1) << 20;
        s++;
        break;
    case 'K':
    case 'k':
        unit = UINT64_C(1) << 10;
        s++;
        break;
    case 'B':
    case 'b':
        unit = 1;
        s++;
        break;
    default:
        break;
    }
    if (__builtin_mul_overflow(v, unit, &v)) {
        return -ERANGE;
    }
    if (!endp && *s) {
        return -EINVAL;
    }
    *out = v;
    if (endp) {
        *endp = s;
    }
    return 0;
}
