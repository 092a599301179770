// SPDX-License-Identifier: GPL-2.0
/*
 * Formatted output into a bounded buffer: the integer, character, string and
 * pointer conversions of C. No floating point, no %n (an unknown conversion is
 * copied out as it stands). Pure code, no lock.
 */
#include <xen/bits.h>
#include <xen/lib.h>

struct out {
    char *buf;
    size_t size; /* bytes of buf, the final NUL included */
    size_t len;  /* characters produced, stored or not */
};

struct spec {
    bool left;
    bool zero;
    bool plus;
    bool space;
    bool alt;
    bool has_prec;
    bool upper;
    unsigned int base;
    unsigned int width;
    unsigned int prec;
    unsigned int bytes; /* size of the integer argument */
};

/* Ours: far above any real use, and sums of two of them stay in an int. */
#define FIELD_MAX 0x10000u

static void put_char(struct out *o, char c)
{
    if (o->len + 1 < o->size) {
        o->buf[o->len] = c;
    }
    o->len++;
}

static void put_fill(struct out *o, char c, size_t n)
{
    while (n--) {
        put_char(o, c);
    }
}

static void put_text(struct out *o, const struct spec *sp, const char *s,
                     size_t len)
{
    const size_t pad = sp->width > len ? sp->width - len : 0;
    size_t i;

    if (!sp->left) {
        put_fill(o, ' ', pad);
    }
    for (i = 0; i < len; i++) {
        put_char(o, s[i]);
    }
    if (sp->left) {
        put_fill(o, ' ', pad);
    }
}

/* @sign: 0 or the character that stands before the number. */
static void put_number(struct out *o, const struct spec *sp, uint64_t v,
                       char sign)
{
    const char *digits = sp->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char tmp[24];        /* 22 octal digits of 2^64 - 1 */
    unsigned int nr = 0; /* digits in tmp, lowest first */
    unsigned int zeros = 0;
    unsigned int head; /* sign and 0x */
    size_t pad;
    const bool hex_mark = sp->alt && sp->base == 16 && v;

    for (; v; v /= sp->base) {
        tmp[nr++] = digits[v % sp->base];
    }
    /* An explicit precision of 0 prints 0 as nothing. */
    if (!nr && !(sp->has_prec && !sp->prec)) {
        tmp[nr++] = '0';
    }
    if (sp->has_prec && sp->prec > nr) {
        zeros = sp->prec - nr;
    }
    if (sp->alt && sp->base == 8 && !zeros && (!nr || tmp[nr - 1] != '0')) {
        zeros = 1;
    }
    head = (sign ? 1u : 0u) + (hex_mark ? 2u : 0u);
    if (sp->zero && !sp->left && !sp->has_prec &&
        sp->width > head + nr + zeros) {
        zeros = sp->width - head - nr;
    }
    pad = sp->width > head + nr + zeros ? sp->width - head - nr - zeros : 0;

    if (!sp->left) {
        put_fill(o, ' ', pad);
    }
    if (sign) {
        put_char(o, sign);
    }
    if (hex_mark) {
        put_char(o, '0');
        put_char(o, sp->upper ? 'X' : 'x');
    }
    put_fill(o, '0', zeros);
    while (nr) {
        put_char(o, tmp[--nr]);
    }
    if (sp->left) {
        put_fill(o, ' ', pad);
    }
}

/* Decimal field of a format; stops growing at FIELD_MAX. */
static unsigned int take_number(const char **fmt)
{
    unsigned int v = 0;

    for (; **fmt >= '0' && **fmt <= '9'; (*fmt)++) {
        v = v * 10 + (unsigned int)(**fmt - '0');
        if (v > FIELD_MAX) {
            v = FIELD_MAX;
        }
    }
    return v;
}

static const char *take_flags(const char *fmt, struct spec *sp)
{
    for (;; fmt++) {
        switch (*fmt) {
        case '-':
            sp->left = true;
            break;
        case '0':
            sp->zero = true;
            break;
        case '+':
            sp->plus = true;
            break;
        case ' ':
            sp->space = true;
            break;
        case '#':
            sp->alt = true;
            break;
        default:
            return fmt;
        }
    }
}

static const char *take_length(const char *fmt, struct spec *sp)
{
    sp->bytes = sizeof(int);
    switch (*fmt) {
    case 'h':
        fmt++;
        sp->bytes = sizeof(short);
        if (*fmt == 'h') {
            fmt++;
            sp->bytes = sizeof(char);
        }
        break;
    case 'l':
        fmt++;
        sp->bytes = sizeof(long);
        if (*fmt == 'l') {
            fmt++;
            sp->bytes = sizeof(long long);
        }
        break;
    case 'z':
    case 'j':
    case 't':
        fmt++;
        sp->bytes = sizeof(size_t);
        break;
    default:
        break;
    }
    return fmt;
}
static_assert(sizeof(size_t) == sizeof(intmax_t) &&
                  sizeof(size_t) == sizeof(ptrdiff_t),
              "z, j and t are fetched alike");

/* The low @bytes of an argument, zero extended. */
static uint64_t narrow(uint64_t v, unsigned int bytes)
{
    return bytes == 8 ? v : v & ((UINT64_C(1) << bytes * 8) - 1);
}

static void put_signed(struct out *o, const struct spec *sp, uint64_t raw)
{
    const unsigned int shift = 64 - sp->bytes * 8;
    const int64_t v = (int64_t)(raw << shift) >> shift;
    /* Negated as unsigned: the most negative number has no positive twin. */
    const uint64_t mag = v < 0 ? -(uint64_t)v : (uint64_t)v;

    put_number(o, sp, mag, v < 0 ? '-' : sp->plus ? '+' : sp->space ? ' ' : 0);
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out o = { .buf = buf, .size = size };

    for (; *fmt; fmt++) {
        const char *start = fmt;
        struct spec sp = { .base = 10 };
        uint64_t raw = 0;
        const char *s;
        char c;

        if (*fmt != '%') {
            put_char(&o, *fmt);
            continue;
        }
        fmt = take_flags(fmt + 1, &sp);
        if (*fmt == '*') {
            const int w = va_arg(ap, int);

            fmt++;
            sp.left |= w < 0;
            sp.width = min_of(w < 0 ? 0u - (unsigned int)w : (unsigned int)w,
                              FIELD_MAX);
        } else {
            sp.width = take_number(&fmt);
        }
        if (*fmt == '.') {
            fmt++;
            sp.has_prec = true;
            if (*fmt == '*') {
                const int p = va_arg(ap, int);

                fmt++;
                sp.has_prec = p >= 0;
                sp.prec = p < 0 ? 0 : min_of((unsigned int)p, FIELD_MAX);
            } else {
                sp.prec = take_number(&fmt);
            }
        }
        fmt = take_length(fmt, &sp);

        switch (*fmt) {
        case 'd':
        case 'i':
        case 'u':
        case 'x':
        case 'X':
        case 'o':
            raw =
                sp.bytes == 8 ? va_arg(ap, uint64_t) : va_arg(ap, unsigned int);
            break;
        default:
            break;
        }

        switch (*fmt) {
        case 'd':
        case 'i':
            put_signed(&o, &sp, raw);
            break;
        case 'X':
            sp.upper = true;
            fallthrough;
        case 'x':
            sp.base = 16;
            put_number(&o, &sp, narrow(raw, sp.bytes), 0);
            break;
        case 'o':
            sp.base = 8;
            put_number(&o, &sp, narrow(raw, sp.bytes), 0);
            break;
        case 'u':
            put_number(&o, &sp, narrow(raw, sp.bytes), 0);
            break;
        case 'p':
            sp.base = 16;
            sp.alt = true;
            put_number(&o, &sp, (uintptr_t)va_arg(ap, void *), 0);
            break;
        case 'c':
            c = (char)va_arg(ap, int);
            put_text(&o, &sp, &c, 1);
            break;
        case 's':
            s = va_arg(ap, const char *);
            s = s ? s : "(null)";
            put_text(&o, &sp, s, sp.has_prec ? strnlen(s, sp.prec) : strlen(s));
            break;
        case '%':
            put_char(&o, '%');
            break;
        default:
            /* Not ours: show it, so that the mistake is seen. */
            for (; start < fmt; start++) {
                put_char(&o, *start);
            }
            if (!*fmt) {
                fmt--;
            } else {
                put_char(&o, *fmt);
            }
            break;
        }
    }
    if (size) {
        buf[o.len < size ? o.len : size - 1] = '\0';
    }
    return o.len > INT32_MAX ? INT32_MAX : (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return len;
}
