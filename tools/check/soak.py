#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Random requests to the engine against the flat array (model-iopt), STEPS in
all, shared among the CPUs. Seeds are consecutive from SEED (or the clock) and
printed; each process prints the seed of a failure, which replays alone with
"model-iopt 0 SEED"."""
import os
import re
import shlex
import subprocess
import sys
import time

CC = shlex.split(os.environ["CC"])
FLAGS = [f for f in shlex.split(os.environ["SOAK_CFLAGS"]) if f != "-Werror"]
TEST = "tests/model/model-iopt.c"
EXE = "build/soak-model-iopt"


def main():
    text = "".join(open(TEST).readlines()[:60])
    srcs = " ".join(re.findall(r"^//\s*SOURCES:(.*)$", text, re.M)).split()
    os.makedirs("build", exist_ok=True)
    port = [f"tests/port/{n}.c" for n in ("page-pool", "cache", "panic",
                                          "printk")]
    subprocess.run(CC + FLAGS + [TEST] + srcs + port + ["-lm", "-o", EXE],
                   check=True)
    cpus = os.cpu_count()
    steps = int(os.environ["STEPS"])
    seed = int(os.environ["SEED"] or int(time.time()) * 1000)
    runs = []
    for c in range(cpus):
        # Far apart: no process reaches the seeds of the next.
        first = seed + c * 10000000
        print(f"seeds from {first}: {steps // cpus} steps", flush=True)
        runs.append(subprocess.Popen(
            [EXE, "steps", str(steps // cpus), str(first)]))
    failed = sum(r.wait() != 0 for r in runs)
    print(f"{steps} steps, {failed} of {cpus} processes failed")
    return 1 if failed else 0


sys.exit(main())
