#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Lines and branches of the page-table engine and the generic IOMMU layer that
their tests reach, by gcov: every instance of the engine's template, over the
same tests "make mutate" uses and the fuzz corpus. Fails below LINES and
BRANCHES percent. Branches inside an assertion of our own (ASSERT, BUG_ON,
panic) cannot be taken both ways and are left out, line by line, with a count.

A line or branch counts as reached if any instance reaches it: the formats
differ in what they can be made to do."""
import collections
import glob
import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from engine_tests import ROOT, TESTS, head, sources

CC = shlex.split(os.environ["CC"])
PLAIN = [f for f in shlex.split(os.environ["HOST_CFLAGS"])
         if not f.startswith(("-fsanitize", "-fno-sanitize", "-O"))]
# Unoptimised, so that a branch of the source is one of the object.
PLAIN += ["-O0", "-w"]
FLAGS = PLAIN + ["--coverage", "-fprofile-abs-path",
                 "-include", "tests/port/coverage.h"]
LINES, BRANCHES = 98.0, 95.0
WANTED = [f"{ROOT}/iommu-map.c", f"{ROOT}/iommu-gather.c",
          f"{ROOT}/iommu-space.c"] + sorted(glob.glob(f"{ROOT}/pt/*.[ch]"))


def build_and_run(work):
    made = {}
    port = []
    for src in sorted(glob.glob("tests/port/*.c")):
        port.append(f"{work}/p{len(port)}.o")
        subprocess.run(CC + PLAIN + ["-c", src, "-o", port[-1]], check=True)
    subprocess.run(["ar", "rcs", f"{work}/libport.a"] + port, check=True)
    for test, args in TESTS:
        # One that must be built in its own way says nothing built in this one.
        if "-fno-sanitize=all" in head(test, "CFLAGS"):
            continue
        objs = []
        for src in sources(test):
            if src not in made:
                made[src] = f"{work}/o{len(made)}.o"
                subprocess.run(CC + FLAGS + ["-c", src, "-o", made[src]],
                               check=True)
            objs.append(made[src])
        exe = f"{work}/exe"
        subprocess.run(CC + ["--coverage"] + objs
                       + [f"{work}/libport.a", "-lm", "-o", exe], check=True)
        subprocess.run([exe] + args, check=True, stdout=subprocess.DEVNULL)
    return made


def collect(work):
    lines = collections.defaultdict(lambda: collections.defaultdict(int))
    branches = collections.defaultdict(lambda: collections.defaultdict(list))
    for gcda in sorted(glob.glob(f"{work}/*.gcda")):
        subprocess.run(["gcov", "-b", "-c", "-j", os.path.basename(gcda)],
                       cwd=work, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
        for path in glob.glob(f"{work}/*.gcov.json.gz"):
            for f in json.load(gzip.open(path))["files"]:
                name = os.path.relpath(f["file"])
                if name not in WANTED:
                    continue
                # An inlined function is told once for each use: merge.
                for entry in f["lines"]:
                    n = entry["line_number"]
                    lines[name][n] += entry["count"]
                    have = branches[name][n]
                    taken = [b["count"] for b in entry["branches"]]
                    for i, c in enumerate(taken):
                        if i < len(have):
                            have[i] += c
                        else:
                            have.append(c)
            os.unlink(path)
    return lines, branches


def main():
    os.makedirs("build", exist_ok=True)
    work = os.path.abspath(tempfile.mkdtemp(prefix="coverage-", dir="build"))
    try:
        build_and_run(work)
        lines, branches = collect(work)
    finally:
        shutil.rmtree(work)
    total = [0, 0, 0, 0, 0]
    print(f"  {'file':44} {'lines':>14} {'branches':>14}")
    for name in WANTED:
        if not lines[name]:
            continue
        text = [""] + open(name).read().splitlines()
        ours = [0, 0, 0, 0]
        for n, count in sorted(lines[name].items()):
            own = re.search(r"\b(ASSERT|BUG_ON|BUG|panic)\(", text[n]) or \
                re.search(r"\bpanic\(", text[n - 1] + text[n])
            if own and count == 0:
                total[4] += 1
                continue
            ours[0] += count > 0
            ours[1] += 1
            if count == 0:
                print(f"    {name}:{n}: not reached: {text[n].strip()}")
            b = [] if own else branches[name][n]
            ours[2] += sum(c > 0 for c in b)
            ours[3] += len(b)
            if count and any(c == 0 for c in b):
                print(f"    {name}:{n}: {sum(c == 0 for c in b)} of {len(b)} "
                      f"branches: {text[n].strip()}")
        total = [t + o for t, o in zip(total, ours + [0])]
        print("  %-44s %5d/%-5d %2d %% %5d/%-5d %2d %%" % (
            name[len(ROOT) + 1:], ours[0], ours[1],
            100 * ours[0] / max(1, ours[1]), ours[2], ours[3],
            100 * ours[2] / max(1, ours[3])))
    line = 100 * total[0] / total[1]
    branch = 100 * total[2] / total[3]
    print(f"lines {line:.2f} % of {total[1]} (at least {LINES}), branches "
          f"{branch:.2f} % of {total[3]} (at least {BRANCHES}); "
          f"{total[4]} lines of assertions left out")
    return 0 if line >= LINES and branch >= BRANCHES else 1


sys.exit(main())
