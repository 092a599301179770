#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs the named make targets one after another, whatever fails, and adds up:
a target that ends with "N passed, N failed" counts as that, any other as one.
The last line is the sum."""
import re
import subprocess
import sys
import time


def main():
    passed = failed = 0
    summary = []
    for target in sys.argv[1:]:
        print(f"== {target}", flush=True)
        start = time.monotonic()
        proc = subprocess.Popen(["make", target], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True,
                                errors="replace")
        count = None
        for line in proc.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            m = re.match(r"(\d+) passed, (\d+) failed$", line)
            if m:
                count = int(m[1]), int(m[2])
        rc = proc.wait()
        if count is None:
            count = (0, 1) if rc else (1, 0)
        elif rc and not count[1]:
            count = count[0], 1
        passed += count[0]
        failed += count[1]
        summary.append(f"{target:16} {count[0]:4} passed {count[1]:4} failed "
                       f"{time.monotonic() - start:6.0f} s")
    print("== summary")
    print("\n".join(summary))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
