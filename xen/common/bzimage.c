/* SPDX-License-Identifier: GPL-2.0 */
/* The setup header of a bzImage; see the header. Bytes are untrusted. */
#include <xen/bzimage.h>
#include <xen/errno.h>
#include <xen/lib.h>

/* Spec: Linux "x86 boot protocol", "Details of Header Fields". */
#define BZ_SETUP_SECTS     0x1f1 /* u8; 0 means 4 */
#define BZ_BOOT_FLAG       0x1fe /* u16 */
#define BZ_HEADER          0x202 /* u32 */
#define BZ_VERSION         0x206 /* u16 */
#define BZ_PAYLOAD_OFFSET  0x248 /* u32, from the protected-mode code */
#define BZ_PAYLOAD_LENGTH  0x24c /* u32 */
#define BZ_END             0x250
#define BZ_BOOT_FLAG_VALUE 0xaa55
#define BZ_HEADER_VALUE    UINT32_C(0x53726448) /* "HdrS" */
#define BZ_SECTOR          512

static uint32_t load_le(const uint8_t *p, unsigned int bytes)
{
    uint32_t v = 0;

    for (unsigned int i = 0; i < bytes; i++) {
        v |= (uint32_t)p[i] << (8 * i);
    }
    return v;
}

int bzimage_payload(const void *image, size_t len, const void **payload,
                    size_t *bytes)
{
    const uint8_t *const p = image;
    uint64_t off, size;

    if (len < BZ_END || load_le(p + BZ_BOOT_FLAG, 2) != BZ_BOOT_FLAG_VALUE ||
        load_le(p + BZ_HEADER, 4) != BZ_HEADER_VALUE) {
        return -ENOEXEC;
    }
    if (load_le(p + BZ_VERSION, 2) < 0x208) {
        return -EOPNOTSUPP;
    }
    off =
        ((uint64_t)(p[BZ_SETUP_SECTS] ? p[BZ_SETUP_SECTS] : 4) + 1) * BZ_SECTOR;
    off += load_le(p + BZ_PAYLOAD_OFFSET, 4);
    size = load_le(p + BZ_PAYLOAD_LENGTH, 4);
    if (size == 0 || off > len || size > len - off) {
        return -EBADMSG;
    }
    *payload = p + off;
    *bytes = size;
    return 0;
}
