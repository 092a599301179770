// SPDX-License-Identifier: GPL-2.0
/* Names of PCI functions as people write them. Pure code, no lock. */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/pci.h>

int pci_parse_sbdf(const char *s, sbdf_t *out, const char **endp, bool *has_seg)
{
    uint64_t v[3];
    unsigned int nr = 0;
    uint64_t fn;

    /* [segment:]bus:device, then .function; all hexadecimal. */
    do {
        if (nr == array_size(v) || parse_hex(s, &v[nr], &s)) {
            return -EINVAL;
        }
        nr++;
    } while (*s++ == ':');
    if (s[-1] != '.' || nr < 2 || parse_hex(s, &fn, &s)) {
        return -EINVAL;
    }
    if ((nr == 3 && v[0] > 0xffff) || v[nr - 2] > 0xff || v[nr - 1] > 0x1f ||
        fn > 7 || (!endp && *s)) {
        return -EINVAL;
    }
    *out = SBDF(nr == 3 ? v[0] : 0, v[nr - 2], v[nr - 1], fn);
    if (has_seg) {
        *has_seg = nr == 3;
    }
    if (endp) {
        *endp = s;
    }
    return 0;
}
