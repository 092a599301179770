/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What units do that their registers do not say. One function per erratum; a
 * remedy that is needed on every part stands where it is used (see
 * amdvi-event.c on entries that come late).
 */
#include <xen/printk.h>

#include "amdvi-priv.h"

#define AMD_VENDOR 0x1022u

/* Window to internal registers, in the unit's configuration space. */
#define L2_INDEX 0xf0u
#define L2_DATA  0xf4u
#define L2_WRITE 0x100u /* in the index: the data register may be written */
#define L2_90    0x90u

/*
 * 1022:1419 (family 15h, models 10h to 1fh), erratum 746: while an event is
 * logged translations may stall for ever. Remedy: bit 2 of internal register
 * 90h, which some firmware sets. Spec: AMD48931 "746".
 */
static void quirk_log_stalls(const struct amdvi_unit *u)
{
    uint32_t v;

    if (pci_read(u->self, PCI_REG_VENDOR_ID, 4) !=
        (UINT32_C(0x1419) << 16 | AMD_VENDOR)) {
        return;
    }
    pci_write(u->self, L2_INDEX, 4, L2_90);
    v = pci_read(u->self, L2_DATA, 4);
    if (!(v & 4)) {
        pci_write(u->self, L2_INDEX, 4, L2_90 | L2_WRITE);
        pci_write(u->self, L2_DATA, 4, v | 4);
        /* Closes the window for writes again. */
        pci_write(u->self, L2_INDEX, 4, L2_90);
        log_info("%s: quirk: erratum 746\n", u->name);
    }
}

/*
 * SR5690 and its kin, erratum 63: with setting 01b (messages pass as posted
 * writes) the entry must allow writes or the message is aborted. A blocked
 * device must not write, so its messages are blocked with the rest of it.
 * Spec: SR5690 "63".
 */
uint64_t amdvi_quirk_sys_mgt(uint64_t lo, uint64_t wanted)
{
    return wanted == 1 && !(lo & AMDVI_DTE_IW) ? 0 : wanted;
}

/* 1002:4385 (SP5100): its system management function. */
#define ATI_VENDOR    0x1002u
#define SP5100_SMBUS  0x4385u
#define SATA_CONFIG   0xadu
#define SATA_COMBINED 0x08u

static int is_combined(struct pci_dev *dev, void *arg)
{
    (void)arg;
    return dev->vendor == ATI_VENDOR && dev->device == SP5100_SMBUS &&
           (pci_read(dev->sbdf, SATA_CONFIG, 1) & SATA_COMBINED);
}

/*
 * SP5100 erratum 28: in combined mode interrupts of the SATA function carry the
 * id of the IDE function, so tables by id refuse them. Remedy: combined mode
 * off in firmware's set-up, else no remapping. Spec: SP5100 "28".
 */
bool amdvi_quirk_no_intremap(void)
{
    if (!pci_for_each(is_combined, NULL)) {
        return false;
    }
    log_warn("amdvi: quirk: SP5100 erratum 28: interrupts cannot be remapped "
             "while SATA is in combined mode\n");
    return true;
}

void amdvi_quirks(struct amdvi_unit *u)
{
    quirk_log_stalls(u);
}
