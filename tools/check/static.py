#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Static analysis: clang's warnings over the same sources, cppcheck, and
shellcheck over every shell script of the tree."""
import concurrent.futures
import os
import shlex
import subprocess
import sys

CLANG = shlex.split(os.environ["CLANG"]) + shlex.split(
    os.environ["CLANG_CFLAGS"]) + ["-fsyntax-only"]
CPPCHECK = ["cppcheck", "--quiet", "--enable=warning,portability",
            "--std=c11", "--platform=unix64", "--inline-suppr",
            "--error-exitcode=1", "-Ixen/include", "-Ixen/arch/x86/include",
            "-D__XEN_TOOLS__", "-D__x86_64__", "-D__GNUC__=12",
            "--suppress=missingIncludeSystem", "--suppress=unknownMacro",
            "--suppress=preprocessorErrorDirective",
            "--suppress=internalAstError", "--suppress=syntaxError:/usr/*",
            "--template={file}:{line}: {severity}: {message} [{id}]",
            f"-j{os.cpu_count()}"]


def scripts():
    out = []
    for top, dirs, files in os.walk("."):
        dirs[:] = [d for d in sorted(dirs) if d not in (".git", "build")]
        for f in sorted(files):
            path = os.path.join(top, f)
            with open(path, "rb") as fh:
                first = fh.readline(80)
            if first.startswith((b"#!/bin/sh", b"#!/bin/bash")):
                out.append(path)
    return out


def clang(src):
    r = subprocess.run(CLANG + [src], capture_output=True, text=True)
    return r.returncode, r.stderr


def main():
    sources = sys.argv[1:]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for rc, err in pool.map(clang, sources):
            if rc:
                bad += 1
                print(err)
    if sources:
        r = subprocess.run(CPPCHECK + sources)
        bad += r.returncode != 0
    sh = scripts()
    bad += subprocess.run(["shellcheck", "-x"] + sh).returncode != 0
    print(f"static: {len(sources)} C files, {len(sh)} scripts, {bad} bad")
    return 1 if bad else 0


sys.exit(main())
