#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes docs/bench/boot.md, boot.csv and boot-*.svg of what boot.py measured,
and says where a bar was missed. Exit code 1 if a boot was not measured with
today's images; what there is is shown all the same."""
import csv
import os
import subprocess
import sys

import boot
from boot import HVS, IOMMUS, MODES, SIZES, SMALL, Run

OUT = "docs/bench"
NAMES = {"debian": "Debian's Xen", "ours": "ours"}
UNITS = {"intel": "VT-d", "amd": "AMD-Vi"}
PHASES = {"total": "reset to Dom0", "unpack": "unpacking the kernel",
          "build": "building Dom0", "iommu": "of that for the IOMMU",
          "userspace": "Dom0 to its first test"}
# What a row of microbench.c is called here.
WORK = {"syscall": "system call", "fork": "fork, exit, wait",
        "exec": "fork, exec, wait", "map-4K": "map, touch, unmap a page",
        "touch-1M": "touch 1 MiB", "tables-64M": "32 new page tables",
        "mprotect-64": "mprotect of 64 pages", "pipe-round": "pipe round trip",
        "event-round": "event channel round trip",
        "ahci-read": "AHCI, 1 MiB read", "ahci-write": "AHCI, 1 MiB written",
        "nvme-read": "NVMe, 1 MiB read", "nvme-write": "NVMe, 1 MiB written"}
# Bars of the mission: thousands of instructions, by Dom0's size.
IOMMU_BAR = {"3G": 4000, "12G": 6000}
BUILD_BAR = {"3G": 45000, "12G": 170000}
RATIO_BAR = {"unpack": 0.6, "total": 0.5}
FORK_BAR = 0.01


class Figures:
    """rows[run] of what was measured, the IOMMU's share added."""

    def __init__(self):
        self.rows = {}
        self.missing = []
        for run in boot.matrix(False):
            rows = boot.load(run)
            if rows is None:
                self.missing.append("-".join(run))
            else:
                self.rows[run] = dict(rows)
        for run, rows in self.rows.items():
            free = self.rows.get(run._replace(mode="passthrough"))
            if free and run.mode != "passthrough":
                rows["iommu"] = rows["build"] - free["build"]

    def get(self, hv, iommu, dom0, mode, row):
        return self.rows.get(Run(hv, iommu, dom0, mode), {}).get(row)

    def ratio(self, iommu, dom0, mode, row):
        a, b = (self.get(hv, iommu, dom0, mode, row)
                for hv in ("ours", "debian"))
        # A share of the build is a difference, and may be nothing.
        return a / b if a is not None and b and b > 0 else None


def cell(value, form="{:.1f}", scale=1.0):
    return "-" if value is None else form.format(value / scale)


def table(heads, rows):
    out = ["| " + " | ".join(heads) + " |",
           "|---" + "|---:" * (len(heads) - 1) + "|"]
    return out + ["| " + " | ".join(r) + " |" for r in rows] + [""]


def compared(f, iommu, dom0, names, form, scale):
    """A table: for each mode Debian's, ours and ours over Debian's."""
    heads = [""] + [f"{mode}, {NAMES[hv]}" if hv else "ratio"
                    for mode in MODES for hv in HVS + ("",)]
    rows = []
    for row, name in names.items():
        line = [name]
        for mode in MODES:
            line += [cell(f.get(hv, iommu, dom0, mode, row), form, scale)
                     for hv in HVS]
            line.append(cell(f.ratio(iommu, dom0, mode, row), "{:.2f}"))
        if any(x != "-" for x in line[1:]):
            rows.append(line)
    return table(heads, rows) if rows else []


def over_passthrough(f, hv, iommu, row):
    a, b = (f.get(hv, iommu, SMALL, mode, row)
            for mode in ("strict", "passthrough"))
    return a / b - 1 if a and b else None


def bars(f):
    """[(what, bar, measured, reached)] of all that could be judged."""
    out = []

    def judge(what, bar, text, value):
        if value is not None:
            out.append((what, bar, text, value))

    for iommu in IOMMUS:
        unit = UNITS[iommu]
        for dom0, bar in IOMMU_BAR.items():
            for row, limit in (("iommu", bar), ("build", BUILD_BAR[dom0])):
                v = f.get("ours", iommu, dom0, "strict", row)
                judge(f"{PHASES[row]}, {dom0}, strict, {unit}",
                      f"{limit / 1e3:.0f} M", cell(v, "{:.1f} M", 1e3),
                      None if v is None else v <= limit)
        for row, limit in RATIO_BAR.items():
            v = f.ratio(iommu, SMALL, "strict", row)
            judge(f"{PHASES[row]}, {SMALL}, strict, {unit}",
                  f"{limit} of Debian's", cell(v, "{:.2f}"),
                  None if v is None else v <= limit)
        v = over_passthrough(f, "ours", iommu, "fork")
        judge(f"fork, strict over passthrough, {unit}",
              f"+{FORK_BAR:.0%}", cell(v, "{:+.1%}"),
              None if v is None else v <= FORK_BAR)
    above = [(f"{UNITS[i]}, {d}, {m}: {(PHASES | WORK)[row]}",
              f.ratio(i, d, m, row))
             for i in IOMMUS for d in SIZES for m in MODES
             for row in PHASES | WORK]
    known = [x for x in above if x[1] is not None]
    worst = [x for x in known if x[1] > 1]
    judge(f"each of {len(known)} rows against Debian's Xen", "1.0",
          "; ".join(f"{n} {r:.2f}" for n, r in worst) or
          (f"at most {max(r for _, r in known):.2f}" if known else "-"),
          not worst if known else None)
    return out


def page(f):
    text = [
        "# Booting and running Dom0, against Debian's Xen", "",
        "Made by `make bench`; do not edit. Debian's Xen 4.17 and ours boot "
        "the same kernel and initrd on the same QEMU 7.2 command line",
        "with `-icount shift=0 -smp 1`: one nanosecond of the machine is one "
        "instruction, and equal images give equal figures on any host. Disks "
        "answer when",
        "the host lets them: their rows are what a transfer takes away from a "
        "process that computes meanwhile, and vary a little.",
        "Time in which Dom0's vCPU is blocked is in none of the rows.",
        "All figures are in `boot.csv`.", ""]
    if f.missing:
        text += ["Not measured: " + ", ".join(f.missing) + ".", ""]
    text += ["## Bars", ""]
    text += table(["what", "bar", "measured", ""],
                  [(w, b, m, "met" if ok else "**not met**")
                   for w, b, m, ok in bars(f)])
    text += ["![from reset to Dom0](boot-phases.svg)", "",
             "![the IOMMU's share of building Dom0](boot-iommu.svg)", "",
             "![work in Dom0 over Debian's Xen](boot-work.svg)", ""]
    for iommu in IOMMUS:
        for dom0, mem in SIZES.items():
            rows = compared(f, iommu, dom0, PHASES, "{:.1f}", 1e3)
            if rows:
                text += [f"## {UNITS[iommu]}, Dom0 with {dom0}iB of {mem}iB",
                         "", "Millions of instructions.", ""] + rows
        rows = compared(f, iommu, SMALL, WORK, "{:.0f}", 1)
        if rows:
            text += [f"## {UNITS[iommu]}, work in Dom0, {SMALL}iB", "",
                     "Instructions for one of each "
                     "(`tests/guest/microbench.c`).", ""] + rows
    text += ["## What strict mode costs over passthrough", ""]
    heads = [""] + [f"{UNITS[i]}, {NAMES[hv]}" for i in IOMMUS for hv in HVS]
    text += table(heads, [
        [name] + [cell(over_passthrough(f, hv, i, row), "{:+.1%}")
                  for i in IOMMUS for hv in HVS]
        for row, name in WORK.items()])
    return "\n".join(text).rstrip() + "\n"


def write_csv(f):
    with open(f"{OUT}/boot.csv", "w", newline="") as fd:
        w = csv.writer(fd, lineterminator="\n")
        w.writerow(["hypervisor", "iommu", "dom0", "mode", "row",
                    "instructions"])
        for run, rows in f.rows.items():
            for row, value in rows.items():
                scale = 1000 if row in PHASES else 1
                w.writerow([*run, row, round(value * scale)])


def plot(name, title, ylabel, series, rows, style, more=""):
    """rows: [(label, value, ...)] with one value for each of series."""
    if not rows:
        return
    path = f"{boot.OUT}/{name}.dat"
    with open(path, "w") as fd:
        for label, *values in rows:
            fd.write("\t".join([f'"{label}"']
                               + ["?" if v is None else f"{v:.6g}"
                                  for v in values]) + "\n")
    plots = ", ".join(f"'{path}' using {i + 2}:xtic(1) title \"{s}\""
                      for i, s in enumerate(series))
    subprocess.run(
        ["gnuplot", "-e",
         f"set terminal svg size 960,480; set output '{OUT}/{name}.svg'; "
         f"set title \"{title}\"; set ylabel '{ylabel}'; set grid ytics; "
         "set datafile missing '?'; set datafile separator '\\t'; "
         "set xtics rotate by -25; set rmargin 8; "
         "set key tmargin center horizontal; "
         f"set style data histogram; {style}; set boxwidth 0.8; "
         f"set style fill solid 0.8; {more} plot {plots}"], check=True)


def plots(f):
    strict = [(i, d, hv) for d in SIZES for i in IOMMUS for hv in HVS
              if Run(hv, i, d, "strict") in f.rows]
    rows = []
    for i, d, hv in strict:
        r = f.rows[Run(hv, i, d, "strict")]
        rows.append((f"{d} {UNITS[i]}, {NAMES[hv]}",
                     (r["total"] - r["unpack"] - r["build"]) / 1e6,
                     r["unpack"] / 1e6, r["build"] / 1e6))
    plot("boot-phases", "Reset to Dom0, strict",
         "thousand million instructions",
         ["before the kernel", "unpacking it", "building Dom0"], rows,
         "set style histogram rowstacked", "set yrange [0:*];")
    rows = [(f"{d} {UNITS[i]} {m}",
             *(f.get(hv, i, d, m, "iommu") for hv in HVS))
            for d in SIZES for i in IOMMUS for m in ("strict", "relaxed")]
    rows = [(n, *(max(v / 1e3, 0.01) if v is not None else None for v in vs))
            for n, *vs in rows if any(v is not None for v in vs)]
    plot("boot-iommu", "The IOMMU's share of building Dom0",
         "million instructions", [NAMES[hv] for hv in HVS], rows,
         "set style histogram clustered", "set logscale y;")
    rows = [(name, *(f.ratio(i, SMALL, m, row) for i in IOMMUS
                     for m in ("strict", "passthrough")))
            for row, name in WORK.items()]
    rows = [r for r in rows if any(v is not None for v in r[1:])]
    plot("boot-work", "Work in Dom0, instructions over Debian's Xen", "ratio",
         [f"{UNITS[i]}, {m}" for i in IOMMUS
          for m in ("strict", "passthrough")], rows,
         "set style histogram clustered",
         "set yrange [0:1.2]; set arrow from graph 0,first 1 to graph 1,"
         "first 1 nohead dt 2;")


def main():
    f = Figures()
    if not f.rows:
        sys.exit("report.py: nothing was measured with today's images")
    os.makedirs(OUT, exist_ok=True)
    write_csv(f)
    with open(f"{OUT}/boot.md", "w") as fd:
        fd.write(page(f))
    plots(f)
    for what, bar, text, ok in bars(f):
        print(f"{'met    ' if ok else 'NOT MET'} {what}: {text}, bar {bar}")
    if f.missing:
        print("not measured: " + ", ".join(f.missing))
    print(f"written: {OUT}/boot.md, boot.csv, boot-*.svg")
    return 1 if f.missing else 0


if __name__ == "__main__":
    sys.exit(main())
