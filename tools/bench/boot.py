#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Boots Debian's Xen and ours on the same machines with the same kernel and
initrd, and counts instructions: with -icount shift=0 one nanosecond of the
machine's time is one instruction and the TSC counts them from reset, so equal
images give equal figures whatever the host does.

boot.py [word...]   runs the boots whose names (hv-iommu-dom0-mode) contain
                    every word; all if none

A result is kept in build/bench as long as hypervisor, kernel, initrd and
QEMU's command line stay the same; a boot that has one is not run again, so
what was interrupted goes on where it stopped. Environment: QUICK=1 takes the
two modes that matter most on one small machine, JOBS=n boots at a time, LIMIT=n
runs at most n boots. report.py makes the tables.

What is read, in thousands of instructions:

  total      reset to Dom0's first instruction (the hypervisor's last line
             before it)
  unpack     the kernel's decompression
  build      from the unpacked kernel to Dom0's first instruction
  userspace  Dom0's first instruction to the first test, drivers loaded and
             disks probed, without the time in which its vCPU was blocked

and, on the smallest machine, the rows of tests/guest/microbench.c, in
instructions; processes lie at fixed addresses there, or one boot's would need a
page table more than another's."""
import concurrent.futures
import hashlib
import json
import os
import re
import sys
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "boot"))
from machine import Boot, Ended, Machine  # noqa: E402

OUT = "build/bench"
HVS = ("debian", "ours")
IOMMUS = ("intel", "amd")
# Dom0's memory: the machine's. The largest is more than the host may have;
# only pages that are touched cost it something.
SIZES = {"3G": "4G", "12G": "14G", "48G": "50G"}
SMALL = "3G"
# All are spelled out: Debian's Xen has another default.
MODES = {"strict": "strict", "relaxed": "no-strict",
         "passthrough": "passthrough"}
# Which line ends which phase: (start of unpacking, end of it, entering Dom0).
MARKS = {
    "debian": (r"\*\*\* Building a PV Dom0 \*\*\*", r" Xen  kernel: ",
               r"Freed \d+kB init memory"),
    "ours": (r"boot: unpacking the kernel", r"boot: kernel unpacked",
             r"boot: entering dom0"),
}
DISK_BYTES = 64 << 20
DEADLINE_S = 900 * float(os.environ.get("BOOT_SLOW", "1"))

Run = namedtuple("Run", "hv iommu dom0 mode")


def matrix(quick):
    for dom0 in SIZES:
        for iommu in IOMMUS:
            for mode in MODES:
                for hv in HVS:
                    if not quick or (dom0 == SMALL and iommu == "intel"
                                     and mode != "relaxed"):
                        yield Run(hv, iommu, dom0, mode)


def machine(run):
    mem = SIZES[run.dom0]
    small = run.dom0 == SMALL
    disks = [(kind, f"{OUT}/{'-'.join(run)}.{kind}")
             for kind in ("ahci", "nvme")] if small else []
    return Machine(
        iommu=run.iommu, mem=mem, cpus=1, dom0_mem=run.dom0, hv=run.hv,
        icount=True, stamps="raw", cmdline=f"dom0-iommu={MODES[run.mode]}",
        dom0_cmdline="test=bench norandmaps" if small else "test=stamp", disks=disks,
        args=["-object", f"memory-backend-ram,id=ram,size={mem},reserve=off",
              "-machine", "memory-backend=ram"])


def digest(m):
    h = hashlib.sha256()
    for name in [m.hypervisor(), m.kernel, m.initrd]:
        with open(name, "rb") as f:
            h.update(f.read())
    h.update(json.dumps(m.argv([])).encode())
    return h.hexdigest()


def result_file(run):
    return f"{OUT}/{'-'.join(run)}.json"


def load(run):
    """The rows of a run that was made with today's images, or None."""
    try:
        with open(result_file(run)) as f:
            kept = json.load(f)
    except (FileNotFoundError, ValueError):
        return None
    return kept["rows"] if kept.get("digest") == digest(machine(run)) else None


def stamp(text, pattern):
    """Thousands of instructions since reset at the first line that has the
    pattern; the stamp is the TSC in hexadecimal."""
    m = re.search(rf"^\D*?\[ *([0-9a-f]+)\].*{pattern}", text, re.M)
    if not m:
        raise Ended(f"no stamp before /{pattern}/")
    return int(m[1], 16) / 1e3


def measure(run):
    m = machine(run)
    want = digest(m)
    for _, path in m.disks:
        with open(path, "wb") as f:
            f.truncate(DISK_BYTES)
    try:
        with Boot(m, f"{OUT}/{'-'.join(run)}.log", DEADLINE_S) as b:
            first, unpacked, enter = MARKS[run.hv]
            b.wait(enter)
            user = b.wait(r"^BENCH-STAMP (\d+) (\d+)$")
            busy = (int(user[1]) - int(user[2])) / 1e3
            t = [stamp(b.text, p) for p in (first, unpacked, enter)]
            rows = {"total": t[2], "unpack": t[1] - t[0],
                    "build": t[2] - t[1], "userspace": busy - t[2]}
            if m.disks:
                verdict = b.wait(r"^TEST bench (ok|FAIL.*)")[1]
                if verdict != "ok" or "BENCH-SKIP" in b.text:
                    raise Ended("microbench: not all rows were measured")
                found = re.findall(r"^BENCH (\S+) (\d+)$", b.text, re.M)
                rows.update((k, int(v)) for k, v in found)
    finally:
        for _, path in m.disks:
            os.unlink(path)
    with open(result_file(run), "w") as f:
        json.dump({"digest": want, "argv": m.argv([]), "rows": rows}, f,
                  indent=1)
    return rows


def main():
    words = sys.argv[1:]
    quick = os.environ.get("QUICK", "") not in ("", "0")
    limit = int(os.environ.get("LIMIT", "1000"))
    jobs = int(os.environ.get("JOBS", os.cpu_count()))
    os.makedirs(OUT, exist_ok=True)
    todo = [r for r in matrix(quick)
            if all(w in "-".join(r) for w in words) and load(r) is None]
    left = len(todo) - len(todo[:limit])
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(measure, r): r for r in todo[:limit]}
        for done in concurrent.futures.as_completed(running):
            name = "-".join(running[done])
            try:
                rows = done.result()
            except Ended as e:
                print(f"{name:32} {e} [{OUT}/{name}.log]", flush=True)
                bad = 1
                continue
            print(f"{name:32} " + " ".join(
                f"{k} {rows[k] / 1e3:.1f} M" for k in
                ("total", "build", "userspace")), flush=True)
    if left:
        print(f"{left} boots left")
    return bad


if __name__ == "__main__":
    sys.exit(main())
