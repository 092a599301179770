#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes the table of docs/iommu/policy.md from the logs of the attack cases:
one row per target, one column per boot, R and W for a read and a write that
got through, r and w for blocked ones, ! behind what was not expected."""
import re
import sys

MODES = ["strict", "inclusive", "noreserved", "relaxed", "passthrough"]
ROW = re.compile(r"^ATTACK (\S+) (read|write) got=(\S+) expected=\S+ (\S+) ",
                 re.M)


def results(mode, hv):
    try:
        with open(f"build/logs/attack-{mode}-{hv}.log", errors="replace") as f:
            return ROW.findall(f.read().replace("\r", ""))
    except FileNotFoundError:
        return []


def cell(rows, target):
    out = ""
    for name, op, got, verdict in rows:
        if name == target:
            letter = op[0].upper() if got == "allowed" else op[0]
            out += (letter if got in ("allowed", "blocked") else "?"
                    ) + ("" if verdict == "ok" else "!")
    return out or "-"


def main():
    boots = [(m, hv) for hv in ("ours", "debian") for m in MODES]
    columns = [(m, hv, rows) for m, hv in boots if (rows := results(m, hv))]
    targets = list(dict.fromkeys(
        r[0] for _, _, rows in columns for r in rows))
    print("| target | " + " | ".join(
        m if hv == "ours" else f"{m}, Xen" for m, hv, _ in columns) + " |")
    print("| --- " * (len(columns) + 1) + "|")
    for t in targets:
        print(f"| {t} | " + " | ".join(
            cell(rows, t) for _, _, rows in columns) + " |")
    bad = sum(r[3] != "ok" for _, _, rows in columns for r in rows)
    total = sum(len(rows) for _, _, rows in columns)
    print(f"\n{total} attempts, {bad} deviations")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
