// SPDX-License-Identifier: GPL-2.0
/*
 * Capability lists. They are the device's, so they may be loops or point
 * anywhere: a walk has no more steps than a list can have entries. No lock.
 * Spec: PCI Local Bus 3.0, 6.7; PCI Express Base, 7.9 "Extended Capabilities".
 */
#include <xen/pci.h>

/* 4-byte entries from 0x40 to 0xff; 8-byte ones from 0x100 to 0xfff. */
#define CAP_START     0x40u
#define CAP_STEPS     48u
#define EXT_CAP_START 0x100u
#define EXT_CAP_STEPS 480u

unsigned int pci_cap_find(sbdf_t s, unsigned int id)
{
    unsigned int header;
    unsigned int at;
    unsigned int i;

    if (!(pci_read(s, PCI_REG_STATUS, 2) & PCI_STS_CAPS)) {
        return 0;
    }
    header = pci_read(s, PCI_REG_HEADER_TYPE, 1) & ~PCI_HEADER_MULTI;
    at = pci_read(s, header == 2 ? PCI_REG_CAP_FIRST_CB : PCI_REG_CAP_FIRST, 1);
    for (i = 0; i < CAP_STEPS; i++) {
        unsigned int entry;

        /* The low two bits are reserved. */
        at &= ~3u;
        if (at < CAP_START) {
            return 0;
        }
        entry = pci_read(s, at, 2);
        if ((entry & 0xff) == 0xff) {
            return 0; /* the device is gone */
        }
        if ((entry & 0xff) == id) {
            return at;
        }
        at = entry >> 8;
    }
    return 0;
}

unsigned int pci_ext_cap_find(sbdf_t s, unsigned int id)
{
    unsigned int at = EXT_CAP_START;
    unsigned int i;

    for (i = 0; i < EXT_CAP_STEPS; i++) {
        const uint32_t entry = pci_read(s, at, 4);

        /* 0: no list. All ones: no ECAM, or the device is gone. */
        if (!entry || entry == UINT32_MAX) {
            return 0;
        }
        if ((entry & 0xffff) == id) {
            return at;
        }
        at = entry >> 20 & ~3u;
        if (at < EXT_CAP_START) {
            return 0;
        }
    }
    return 0;
}
