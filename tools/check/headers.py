#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compiles each header alone, included twice: it names what it needs and
guards itself."""
import concurrent.futures
import glob
import os
import shlex
import subprocess
import sys

CC = shlex.split(os.environ["CC"])
XEN = shlex.split(os.environ["XEN_CFLAGS"])
# Lists without an include guard say so in their first comment. The parts of
# the engine's template are compiled through its root, for one format.
LIST = "no include guard"
FORMAT = """#define IOPT_FMT vtdss
#define IOPT_FMT_H "xen/drivers/passthrough/pt/iopt-fmt-vtdss.h"
#include "xen/drivers/passthrough/pt/iopt-engine.h"
"""
UNUSED = ["-Wno-unused-function", "-Wno-unused-const-variable",
          "-fsyntax-only", "-x", "c", "-"]


def compile_alone(job):
    path, flags = job
    rel = path
    for top in ("xen/include/", "xen/arch/x86/include/", "tests/port/include/"):
        if path.startswith(top):
            rel = path[len(top):]
    text = open(path).read()
    pre = FORMAT if "IOPT_SYM(" in text or "FMT_IS(" in text else ""
    src = pre + f'#include "{rel}"\n#include "{rel}"\nextern int end_of_test;\n'
    r = subprocess.run(CC + flags + ["-I", "."] + UNUSED, input=src, text=True,
                       capture_output=True)
    return path, r.returncode, r.stderr


def main():
    jobs = []
    for path in sorted(glob.glob("xen/**/*.h", recursive=True)):
        if LIST in open(path).read(1500):
            continue
        # The halves of the port are always reached through their interface.
        if "/include/port/" in path:
            continue
        jobs.append((path, XEN))
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, rc, err in pool.map(compile_alone, jobs):
            if rc:
                bad += 1
                print(f"{path}: does not compile alone\n{err}")
    print(f"headers: {len(jobs)} compiled, {bad} bad")
    return 1 if bad else 0


sys.exit(main())
