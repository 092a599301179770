#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs each tests/fuzz/fuzz-NAME.c under libFuzzer for FUZZ_SECONDS seconds,
from the inputs in tests/fuzz/corpus/NAME, which "make check" replays. New
inputs go to build/fuzz/NAME. With KEEP=1 those that reach code which the
corpus does not are added to it; libFuzzer names them by their hash."""
import glob
import os
import re
import shlex
import subprocess
import sys


def main():
    clang = shlex.split(os.environ["CLANG"])
    # Its own sanitizer list and none of gcc's options.
    flags = [f for f in shlex.split(os.environ["HOST_CFLAGS"])
             if not f.startswith("-fsanitize")]
    flags += ["-fsanitize=fuzzer,address,undefined",
              "-Wno-unknown-warning-option"]
    words = sys.argv[1:]
    passed = failed = 0
    for src in sorted(glob.glob("tests/fuzz/fuzz-*.c")):
        name = re.match(r"tests/fuzz/fuzz-(.*)\.c$", src)[1]
        if words and not any(w in name for w in words):
            continue
        text = "".join(open(src).readlines()[:60])
        extra = " ".join(re.findall(r"^//\s*(?:SOURCES|CFLAGS):(.*)$", text,
                                    re.M)).split()
        out = f"build/fuzz/{name}"
        os.makedirs(out, exist_ok=True)
        exe = f"build/fuzz/fuzz-{name}"
        ok = subprocess.run(clang + flags + [src] + extra + sorted(
            glob.glob("tests/port/*.c")) + ["-o", exe]).returncode == 0
        corpus = [d for d in (f"tests/fuzz/corpus/{name}",)
                  if os.path.isdir(d)]
        ok = ok and subprocess.run(
            [exe, f"-max_total_time={os.environ['FUZZ_SECONDS']}",
             f"-artifact_prefix=build/fuzz/{name}-", "-print_final_stats=1",
             out] + corpus).returncode == 0
        if ok and os.environ.get("KEEP"):
            kept = f"tests/fuzz/corpus/{name}"
            os.makedirs(kept, exist_ok=True)
            ok = subprocess.run([exe, "-merge=1", kept, out]).returncode == 0
        passed += ok
        failed += not ok
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
