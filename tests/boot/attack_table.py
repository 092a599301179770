#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The attacks as a table: one row per target, one column per boot. R and W: a
read and a write got through; r and w: they were blocked; ! behind what was not
expected, ? where neither is sure; empty: not tried there.

attack_table.py       the table of docs/iommu/policy.md, from the logs of
                      T=attack and HV=debian T=attack in build/logs
attack_table.py maps  what the live tables held, from the same logs"""
import os
import re
import sys

LOGS = "build/logs"
MODES = ["strict", "noreserved", "relaxed", "inclusive", "passthrough"]
UNITS = {"vtd": "intel", "amd": "amd"}
ROW = re.compile(r"^ATTACK (\S+) (read|write) got=(\S+) expected=(\S+) "
                 r"(\S+) proof=(\S+) fault=(\S+)$", re.M)

# Where Debian's Xen 4.17 is known to answer otherwise: targets, in which cases
# (a pattern of MODE-UNIT), and why. docs/iommu/policy.md prints it.
XEN_DIFFERS = [
    ("iommu-registers", "inclusive-.*",
     "its `map-inclusive` leaves out local and IO-APICs, not the units' "
     "registers: a device could program the unit that holds it"),
    ("msix-table-in-use", "inclusive-.*",
     "what became read-only for Dom0's CPU after boot stays writable for its "
     "devices, so one can write another's messages"),
]


def xen_differs(case, target):
    """Is this a difference that we know of?"""
    name = case.removeprefix("attack-")
    return any(re.fullmatch(t, target) and re.fullmatch(c, name)
               for t, c, _ in XEN_DIFFERS)


def results(case, hv):
    try:
        with open(f"{LOGS}/{case}-{hv}.log", errors="replace") as f:
            return ROW.findall(f.read().replace("\r", ""))
    except FileNotFoundError:
        return []


def cell(rows, target):
    out = ""
    for name, op, got, _, verdict, _, _ in rows:
        if name == target:
            letter = {"allowed": op[0].upper(), "blocked": op[0]}.get(got, "?")
            out += letter + ("" if verdict == "ok" else "!")
    return out


def print_table(cases, hvs):
    """One column for each case under each hypervisor; the deviations."""
    columns = [(c, hv, rows) for hv in hvs for c in cases
               if (rows := results(c, hv))]
    targets = list(dict.fromkeys(r[0] for *_, rows in columns for r in rows))
    heads = [c.removeprefix("attack-") + (", Xen" if hv == "debian" else "")
             for c, hv, _ in columns]
    print("| target | " + " | ".join(heads) + " |")
    print("| --- " * (len(columns) + 1) + "|")
    for t in targets:
        print(f"| {t} | " + " | ".join(
            cell(rows, t) for *_, rows in columns) + " |")
    total = sum(len(rows) for *_, rows in columns)
    bad = [hv == "debian" and xen_differs(case, r[0])
           for case, hv, rows in columns for r in rows if r[4] != "ok"]
    print(f"\n{total} attempts, {bad.count(False)} deviations"
          + (f", {bad.count(True)} known ones of Debian's Xen"
             if True in bad else ""))
    return bad.count(False)


def print_maps(cases):
    """What each boot of ours said that it maps, and what its tables held in
    the end (debug key o, twice)."""
    for case in cases:
        try:
            with open(f"{LOGS}/{case}-ours.log", errors="replace") as f:
                text = f.read().replace("\r", "")
        except FileNotFoundError:
            continue
        print(f"{case}:")
        for line in re.findall(
                r"^\(XEN\) (iommu: d0: (?:identity|relaxed|passthrough|pages "
                r"by|.* tables,).*)", text, re.M):
            print(f"    {line}")


if __name__ == "__main__":
    if not os.path.isdir(LOGS):
        sys.exit(__doc__)
    NAMES = [f"attack-{m}-{u}" for m in MODES for u in UNITS]
    if "maps" in sys.argv:
        sys.exit(print_maps(NAMES))
    sys.exit(bool(print_table(NAMES, ["ours", "debian"])))
