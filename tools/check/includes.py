#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks every #include under xen/ against the tables of docs/layers.md, and
that no vendor's half of the IOMMU maps, unmaps, splits or merges."""
import fnmatch
import os
import re
import sys

COMPILER = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h"}
LIBRARY = {"lzma.h", "zlib.h", "zstd.h"}
GENERATED = {"asm-offsets.h"}
# Mapping is the engine's: what a vendor's half may say of it is which format.
VENDORS = ("xen/drivers/passthrough/amd/", "xen/drivers/passthrough/vtd/")
ENGINE = re.compile(r"\b(?:(?:iopt|IOPT|amdv1|AMDV1|vtdss|VTDSS)_\w+|"
                    r"iommu_(?:map|unmap|protect)\w*)")
ENGINE_OK = {"iopt_config", "iopt_amdv1_ops", "iopt_amdv1x_ops",
             "iopt_vtdss_ops", "iopt_trace", "IOPT_MAX_LEVELS"}


def tables():
    classes, rows, table = {}, {}, None
    for line in open("docs/layers.md"):
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if not line.startswith("|") or set(cells[0]) == {"-"}:
            continue
        if cells[0] in ("class", "where"):
            table = cells[0]
        elif table == "class":
            for h in cells[1].split():
                classes[h] = cells[0]
        elif table == "where":
            cells += [""] * (4 - len(cells))
            rows[cells[0]] = (set(cells[2].split()), cells[3].split())
    return classes, rows


CLASSES, ROWS = tables()


def header_class(name):
    return CLASSES.get(name[len("xen/"):-len(".h")], "core")


def row_of(path):
    if path.startswith("xen/include/xen/"):
        return ROWS["xen/include/xen:" + header_class(path[len("xen/include/"):])]
    d = os.path.dirname(path)
    while d and d not in ROWS:
        d = os.path.dirname(d)
    return ROWS.get(d)


def problem(path, kind, name):
    row = row_of(path)
    if row is None:
        return "no row of docs/layers.md covers this folder"
    allowed, foreign = row
    here = os.path.dirname(path)
    if kind == '"':
        target = os.path.normpath(os.path.join(here, name))
        if not os.path.exists(target):
            return "no such file next to it"
        if os.path.dirname(target) == here:
            return None
        if any(fnmatch.fnmatch(target, p) for p in foreign):
            return None
        return "a private header of another folder"
    if name in COMPILER:
        return (None if path == "xen/include/xen/types.h"
                else "comes through <xen/types.h>")
    if name in LIBRARY:
        return (None if path.startswith("xen/common/unpack")
                else "libraries are for xen/common/unpack*.c")
    if name in GENERATED:
        return None if path.endswith(".S") else "for assembly only"
    top = name.split("/")[0]
    cls = {"xen": None, "asm": "asm", "public": "public",
           "port": "seam"}.get(top, "?")
    if cls == "?":
        return "neither ours nor allowed"
    if cls is None:
        cls = header_class(name)
        if not os.path.exists("xen/include/" + name):
            return "no such header"
    if cls not in allowed:
        return f"class {cls}, allowed are {' '.join(sorted(allowed))}"
    return None


def main():
    bad = n = 0
    for top, dirs, files in os.walk("xen"):
        dirs.sort()
        for f in sorted(files):
            path = os.path.join(top, f)
            if not f.endswith((".c", ".h", ".S")):
                continue
            for i, line in enumerate(open(path), 1):
                for name in (ENGINE.findall(line)
                             if path.startswith(VENDORS) else ()):
                    if name not in ENGINE_OK:
                        bad += 1
                        print(f"{path}:{i}: {name}: the engine's business")
                m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
                if not m:
                    continue
                n += 1
                why = problem(path, m[1], m[2])
                if why:
                    bad += 1
                    print(f"{path}:{i}: {m[2]}: {why}")
            if path.startswith(("xen/drivers", "xen/lib", "xen/include")):
                text = open(path).read()
                m = re.search(r"#\s*if.*\b(__XEN__|HOSTED|CONFIG_X86)\b", text)
                if m:
                    bad += 1
                    print(f"{path}: {m[1]}: the seam is a folder, not an #if")
    print(f"includes: {n} checked, {bad} bad")
    return 1 if bad else 0


sys.exit(main())
