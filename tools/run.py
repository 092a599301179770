#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Boots an interactive Dom0 on this terminal, as make's variables say."""
import os
import shlex
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "tests", "boot"))
from machine import INITRD, INITRD_TOOLS, Machine, interactive  # noqa: E402


def main():
    env = os.environ.get
    disk = env("DISK", "")
    m = Machine(iommu=env("IOMMU", "intel"), mem=env("MEM", "4G"),
                cpus=int(env("CPUS", "2")), dom0_mem=env("DOM0_MEM", ""),
                cmdline=env("CMDLINE", ""),
                dom0_cmdline=env("DOM0_CMDLINE", ""),
                disks=[("ahci", disk)] if disk else [], nic="e1000e",
                hv=env("HV", "ours"),
                initrd=INITRD_TOOLS if env("TOOLS") else INITRD,
                args=shlex.split(env("QEMU_ARGS", "")))
    if m.iommu not in ("intel", "amd", "none"):
        sys.exit("IOMMU must be intel, amd or none")
    return interactive(m)


sys.exit(main())
