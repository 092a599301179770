#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What system calls, fork, exec, page tables and pipes cost in Dom0, in
instructions (-icount shift=0, -smp 1), ours beside Debian's Xen, strict beside
passthrough: tests/guest/microbench.c in the initrd. micro.py [hv...]"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "boot"))
from machine import Boot, Machine  # noqa: E402


def run(hv, mode):
    m = Machine(mem="4G", cpus=1, dom0_mem="3G", hv=hv, icount=True,
                cmdline=f"dom0-iommu={mode}", dom0_cmdline="test=bench")
    with Boot(m, f"build/logs/micro-{hv}-{mode}.log", 1200) as b:
        b.wait(r"TEST bench (ok|FAIL)")
        return dict(re.findall(r"BENCH (\S+) (\d+)", b.text))


def main():
    hvs = sys.argv[1:] or ["debian", "ours"]
    columns = [(hv, mode) for hv in hvs for mode in ("strict", "passthrough")]
    got = [run(*c) for c in columns]
    print("instructions per operation, intel, 3G of 4G, -smp 1")
    print(f"{'':12}" + "".join(f"{hv + ' ' + mode:>20}"
                               for hv, mode in columns))
    for name in got[0]:
        print(f"{name:12}" + "".join(f"{g.get(name, '-'):>20}" for g in got))
    return 0 if all(got) else 1


if __name__ == "__main__":
    sys.exit(main())
