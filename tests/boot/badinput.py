# SPDX-License-Identifier: GPL-2.0
"""Files that lie: kernels and ACPI tables for the bad-input boots. Everything
is derived from Debian's own kernel, so that all but the lie is right."""
import lzma
import os
import struct

from machine import KERNEL

OUT = "build/bad"
LIES = r"Dom0 kernel: it is truncated, or its ELF headers lie"
XZ_MAGIC = b"\xfd7zXZ\0"


def write(name, data):
    os.makedirs(OUT, exist_ok=True)
    path = f"{OUT}/{name}"
    with open(path, "wb") as f:
        f.write(data)
    return path


def bzimage():
    with open(KERNEL, "rb") as f:
        return f.read()


def payload(image):
    """(offset, length) of the compressed kernel, as the boot header says."""
    setup_sects = image[0x1F1] or 4
    off, length = struct.unpack_from("<II", image, 0x248)
    return (setup_sects + 1) * 512 + off, length


def vmlinux():
    image = bzimage()
    off, length = payload(image)
    # The last four bytes are the unpacked size, not part of the stream.
    return lzma.LZMADecompressor().decompress(image[off:off + length])


def kernels():
    """name -> (path, what the hypervisor's line must say)."""
    image = bzimage()
    off, length = payload(image)
    elf = bytearray(vmlinux())
    out = {}

    def add(name, data, says):
        out[name] = (write(name, bytes(data)), says)

    add("truncated-bzimage", image[:off + length // 2],
        r"Dom0 kernel: it is truncated, or its bzImage header lies")
    add("not-a-kernel", b"This is not a kernel.\n" * 512,
        r"Dom0 kernel: not a kernel in a format we know")
    bent = bytearray(image)
    for i in range(off + length // 3, off + length // 3 + 64):
        bent[i] ^= 0x5A
    add("corrupt-xz", bent, r"Dom0 kernel: its compressed data is corrupt")
    lie = bytearray(image)
    struct.pack_into("<I", lie, 0x24C, 0xFFFFFFF0)
    add("lying-payload-length", lie, 
        r"Dom0 kernel: it is truncated, or its bzImage header lies")

    cls = bytearray(elf)
    cls[4] = 1
    add("elf32-class", cls, r"Dom0 kernel: not a 64-bit x86 ELF executable")
    cut = elf[:len(elf) // 2]
    add("truncated-elf", cut, LIES)
    phoff = struct.unpack_from("<Q", elf, 32)[0]
    ph = bytearray(elf)
    struct.pack_into("<Q", ph, phoff + 8, 1 << 62)  # p_offset
    add("elf-offset-out", ph, LIES)
    ph = bytearray(elf)
    struct.pack_into("<Q", ph, phoff + 40, 1 << 62)  # p_memsz
    add("elf-memsz-huge", ph, LIES)
    ph = bytearray(elf)
    struct.pack_into("<H", ph, 56, 0xFFFF)  # e_phnum
    add("elf-phnum-lie", ph, LIES)
    notes = bytearray(elf)
    phentsize, phnum = struct.unpack_from("<HH", elf, 54)
    for i in range(phnum):
        at = phoff + i * phentsize
        if struct.unpack_from("<I", elf, at)[0] == 4:  # PT_NOTE
            note = struct.unpack_from("<Q", elf, at + 8)[0]
            struct.pack_into("<I", notes, note, 0xFFFFFFF0)  # namesz
    add("elf-note-lie", notes, r"Dom0 kernel: its Xen notes lie")
    return out


def acpi_table(sig, body, rev=1):
    """A table with header; QEMU puts the checksum right."""
    return (sig + struct.pack("<IBB", 36 + len(body), rev, 0)
            + b"BADINP" + b"BADTABLE" + struct.pack("<I", 1)
            + b"TEST" + struct.pack("<I", 1) + body)


def drhd(pa=0xFED90000, flags=1, scope=b""):
    return struct.pack("<HHBBHQ", 0, 16 + len(scope), flags, 0, 0, pa) + scope


def dmars():
    """name -> (path of a DMAR for a machine without a unit, what the
    hypervisor's line must say)."""
    head = struct.pack("<BB10x", 47, 0)
    dev = struct.pack("<BBHBBBB", 1, 8, 0, 0, 0, 2, 0)  # 00:02.0
    return {n: (write(f"dmar-{n}", acpi_table(b"DMAR", head + b)), says)
            for n, b, says in (
                ("zero-length", drhd() + struct.pack("<HH", 0, 0),
                 r"dmar: structure at offset 0x40 has length 0"),
                ("cut-entry", struct.pack("<HHBB", 0, 64, 1, 0),
                 r"dmar: structure at offset 0x30 has length 0x40"),
                ("unknown-type", struct.pack("<HH12x", 0x7777, 16) + drhd(),
                 r"dmar: structure of type 30583, length 0x10 skipped"),
                ("missing-unit", drhd(), r"vtd0: no registers at 0xfed90000"),
                ("overlapping-units", drhd() + drhd(flags=0, scope=dev),
                 r"dmar: units 0 and 1 share registers at 0xfed90000"),
                ("overlapping-scopes", drhd(flags=0, scope=dev)
                 + drhd(0xFED91000, 0, dev), r"dmar: units 0 and 1 both claim"),
                ("empty", b"", r"dmar: no remapping unit"),
            )}


def ivhd(entries=b"", kind=0x10, devid=0x10, cap=0x40, pa=0xFED80000):
    """A unit. Spec: AMD48882 "IVHD"."""
    more = b"" if kind == 0x10 else bytes(16)
    return struct.pack("<BBHHHQHHI", kind, 0, 24 + len(more) + len(entries),
                       devid, cap, pa, 0, 0, 0) + more + entries


def ivmd(start, size, kind=0x20, flags=7, first=0, last=0):
    return struct.pack("<BBHHH8xQQ", kind, flags, 32, first, last, start, size)


def ivrs_dev(kind, devid, flags=0):
    return struct.pack("<BHB", kind, devid, flags)


def ivrss():
    """As dmars(), of IVRSs; on this machine 00:02.0 is nothing."""
    head = struct.pack("<I8x", 48 << 15 | 40 << 8)
    every = ivrs_dev(1, 0)
    hid = struct.pack("<BHB16xBB", 240, 0x98, 0, 1, 4) + bytes(4)
    ioapic = struct.pack("<BHBBHB", 72, 0, 0, 0, 0xA0, 1)
    return {n: (write(f"ivrs-{n}", acpi_table(b"IVRS", head + b, 2)), says)
            for n, b, says in (
                ("zero-length", ivhd(every) + bytes(4),
                 r"ivrs: structure at offset 0x4c has length 0"),
                ("cut-entry", ivhd(b"\x42\0\0\0"),
                 r"ivrs: device entry of type 66 leaves its structure"),
                ("unknown-type", bytes((0x77, 0, 8, 0, 0, 0, 0, 0))
                 + ivhd(every, devid=0x10),
                 r"ivrs: structure of type 0x77, length 0x8 skipped"),
                ("missing-unit", ivhd(every),
                 r"amdvi0: 0000:00:02.0 has no IOMMU capability"),
                ("open-range", ivhd(ivrs_dev(3, 8)),
                 r"ivrs: range from 0x8 has no end"),
                ("short-acpi-id", ivhd(hid, kind=0x40),
                 r"ivrs: device 0x98 has a unique id of format 1, length 4"),
                ("one-ioapic-two-ids", ivhd(ioapic + ioapic.replace(
                    b"\xa0", b"\xa1")), r"ivrs: IO-APIC 0 is named twice"),
                ("overlapping-units", ivhd(every) + ivhd(devid=0x18),
                 r"ivrs: units 0 and 1 share registers at 0xfed80000"),
                ("overlapping-devices", ivhd(every)
                 + ivhd(every, devid=0x18, pa=0xFED84000),
                 r"ivrs: units 0 and 1 both claim"),
                ("memory-wraps", ivhd(every) + ivmd(0x1000, 2**64 - 0x1000),
                 r"ivrs: memory 0x1000, 0xf+0* bytes, makes no sense"),
                ("empty", b"", r"ivrs: no remapping unit"),
            )}
