#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compares docs/abi.md with the code: each operation the public headers define
has a row, and a row that is not all -ENOSYS names only operations the code
has a case for."""
import glob
import re
import sys

PUBLIC = "build/include/public/"
# Section of the page, header, prefix of the operations, others that look alike.
TABLES = [
    ("memory_op", "memory.h", "XENMEM_",
     r"resource_|access_op_|paging_op_|sharing_op_"),
    ("grant_table_op", "grant_table.h", "GNTTABOP_", None),
    ("physdev_op", "physdev.h", "PHYSDEVOP_", None),
    ("platform_op", "platform.h", "XENPF_", None),
    ("sysctl", "sysctl.h", "XEN_SYSCTL_", r"cpu_featureset_|cpu_policy_"),
    ("domctl", "domctl.h", "XEN_DOMCTL_",
     r"vmtrace_(en|dis|reset|output|get|set)"),
]


def sources():
    text = ""
    for path in glob.glob("xen/**/*.c", recursive=True):
        with open(path) as f:
            text += f.read()
    return text


def rows(page, section):
    """[(cell of names, cell of the answer)] of a section's table."""
    m = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    if not m:
        sys.exit(f"abi.py: docs/abi.md has no section {section}")
    return re.findall(r"^\| (?!op \||---)(.*?) \| (.*) \|$", m[1], re.M)


def expand(cell, known):
    """The operations a cell names; "a(_b)" is a and a_b."""
    names = set()
    for word in re.findall(r"[a-z0-9_]+(?:\(_[a-z0-9]+\))?", cell):
        m = re.fullmatch(r"(\w+)\((\w+)\)", word)
        names |= {m[1], m[1] + m[2]} if m else {word}
    return names & known


def check(page, code, section, header, prefix, alike):
    with open(PUBLIC + header) as f:
        defined = set(re.findall(
            rf"^#define {prefix}([a-z0-9_]+) +\d+ *$", f.read(), re.M))
    defined = {n for n in defined if not alike or not re.match(alike, n)}
    have = set(re.findall(rf"\b{prefix}([a-z0-9_]+)\b", code)) & defined
    bad, told = [], {}
    for cell, answer in rows(page, section):
        for name in expand(cell, defined):
            if name in told:
                bad.append(f"{section}: {name} has two rows")
            told[name] = answer
    for name in sorted(defined - set(told)):
        bad.append(f"{section}: {name} has no row")
    for name, answer in sorted(told.items()):
        absent = answer.startswith("`-ENOSYS`")
        if absent and name in have:
            bad.append(f"{section}: {name} is said to be -ENOSYS, but the "
                       "code knows it")
        if not absent and name not in have:
            bad.append(f"{section}: {name} has no case in the code")
    return len(told), bad


def main():
    with open("docs/abi.md") as f:
        page = f.read()
    code = sources()
    total, bad = 0, []
    for table in TABLES:
        nr, wrong = check(page, code, *table)
        total += nr
        bad += wrong
    print("\n".join(bad + [f"abi: {total} operations, {len(bad)} wrong"]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
