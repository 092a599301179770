/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What chipsets do that their capability registers do not say. One function
 * per erratum; each sets a flag that the rest of the driver looks at.
 */
#include <xen/printk.h>

#include "vtd-priv.h"

#define INTEL_VENDOR 0x8086u

static uint32_t host_bridge(void)
{
    return pci_read(SBDF(0, 0, 0, 0), 0, 4);
}

/*
 * Mobile 4 series (2a40): writes to tables stay in a write buffer although the
 * capability says that there is none. Remedy: flush it as if it were announced.
 */
static void quirk_hidden_write_buffer(struct vtd_unit *u)
{
    if (host_bridge() == (UINT32_C(0x2a40) << 16 | INTEL_VENDOR)) {
        u->quirks |= VTD_QUIRK_RWBF;
        log_info("%s: quirk: flushing the write buffer\n", u->name);
    }
}

/*
 * 5500 and 5520 (3403, 3405, 3406) before revision 0x22: interrupts get lost
 * when remap entries change. Remedy: no interrupt remapping.
 */
static void quirk_remap_loses_interrupts(struct vtd_unit *u)
{
    const uint32_t id = host_bridge();
    const uint32_t dev = id >> 16;

    if ((id & 0xffff) == INTEL_VENDOR &&
        (dev == 0x3403 || dev == 0x3405 || dev == 0x3406) &&
        (pci_read(SBDF(0, 0, 0, 0), 8, 4) & 0xff) < 0x22) {
        u->quirks |= VTD_QUIRK_NO_IR;
        log_info("%s: quirk: no interrupt remapping\n", u->name);
    }
}

void vtd_quirks(struct vtd_unit *u)
{
    quirk_hidden_write_buffer(u);
    quirk_remap_loses_interrupts(u);
}
