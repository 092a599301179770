#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Boot figures by instruction count, against Debian's Xen on the same machine
with the same kernel and initrd. With -icount shift=0 one nanosecond of the
machine's time is one instruction and the TSC counts them from reset, so equal
images give equal figures whatever the host does.

boot.py [hv...] prints a table for each machine; hv is debian or ours, both if
none. IOMMU=intel|amd chooses the unit. In millions of instructions:

  total    reset to Dom0's first instruction (the hypervisor's last line
           before it)
  unpack   the kernel's decompression
  build    from the unpacked kernel to Dom0's first instruction
  iommu    build in strict mode less build in passthrough mode"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "boot"))
from machine import Boot, Ended, Machine  # noqa: E402

# Which line ends which phase: (start of unpacking, end of it, entering Dom0).
MARKS = {
    "debian": (r"\*\*\* Building a PV Dom0 \*\*\*", r" Xen  kernel: ",
               r"Freed \d+kB init memory"),
    "ours": (r"boot: unpacking the kernel", r"boot: kernel unpacked",
             r"boot: entering dom0"),
}
STAMPS = {"debian": "raw", "ours": "raw"}
SIZES = (("4G", "3G"), ("14G", "12G"))
BARS = {"3G": {"build": 45, "iommu": 4}, "12G": {"build": 170, "iommu": 6}}


def stamp(text, pattern):
    """Instructions since reset of the first line that has the pattern."""
    m = re.search(rf"^\D*?\[ *([0-9a-f.]+)\].*{pattern}", text, re.M)
    if not m:
        return None
    # Seconds with six decimals, or the raw TSC in hexadecimal.
    return (int(m[1].replace(".", "")) / 1.0 if "." in m[1]
            else int(m[1], 16) / 1e3)


def boot(hv, iommu, mem, dom0, mode):
    m = Machine(iommu=iommu, mem=mem, cpus=1, dom0_mem=dom0, hv=hv,
                icount=True, stamps=STAMPS[hv],
                cmdline=f"dom0-iommu={mode}")
    first, unpacked, enter = MARKS[hv]
    with Boot(m, f"build/logs/bench-{hv}-{iommu}-{dom0}-{mode}.log",
              600) as b:
        b.wait(enter)
        b.wait(r"Linux version")
        t = [stamp(b.text, p) for p in (first, unpacked, enter)]
    if None in t:
        raise Ended(f"marks missing: {t}")
    # Stamps are in thousands of instructions (microseconds).
    return {"total": t[2] / 1e3, "unpack": (t[1] - t[0]) / 1e3,
            "build": (t[2] - t[1]) / 1e3}


def main():
    hvs = sys.argv[1:] or ["debian", "ours"]
    iommu = os.environ.get("IOMMU", "intel")
    only = os.environ.get("DOM0_MEM")
    rows, bad = {}, 0
    print(f"boot, {iommu}, -smp 1, millions of instructions")
    print(f"{'dom0':5} {'hv':7} {'total':>9} {'unpack':>9} {'build':>9} "
          f"{'iommu':>9}")
    for mem, dom0 in SIZES:
        if only and only != dom0:
            continue
        for hv in hvs:
            try:
                strict = boot(hv, iommu, mem, dom0, "strict")
                free = boot(hv, iommu, mem, dom0, "passthrough")
            except Ended as e:
                print(f"{dom0:5} {hv:7} {e}")
                bad = 1
                continue
            strict["iommu"] = strict["build"] - free["build"]
            rows[dom0, hv] = strict
            print(f"{dom0:5} {hv:7} " + " ".join(
                f"{strict[k]:9.1f}" for k in ("total", "unpack", "build",
                                              "iommu")), flush=True)
        if (dom0, "ours") in rows:
            ours = rows[dom0, "ours"]
            for k, bar in BARS[dom0].items():
                print(f"      {k}: {ours[k]:.1f} M, bar {bar} M: "
                      f"{'reached' if ours[k] <= bar else 'missed'}")
            if (dom0, "debian") in rows:
                deb = rows[dom0, "debian"]
                for k, bar in (("total", 0.5), ("unpack", 0.6)):
                    r = ours[k] / deb[k]
                    print(f"      {k}: {r:.2f} of Debian's, bar {bar}: "
                          f"{'reached' if r <= bar else 'missed'}")
    return bad


sys.exit(main())
