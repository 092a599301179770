#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Builds and runs the hosted tests: each tests/unit/test-*.c and each
tests/model/*.c is a program. A line "// SOURCES: a.c b.c" in its head names
what it is linked with besides the hosted port (tests/port/*.c, taken as
needed); "// CFLAGS: ..." adds flags; "// ARGS: ..." are the program's.
A tests/fuzz/fuzz-NAME.c is linked with tests/fuzz/replay.c and given every
file of tests/fuzz/corpus/NAME. A tests/unit/test-*.py is run as it is.

unit.py [word]: only the tests whose path contains it."""
import concurrent.futures
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time

CC = shlex.split(os.environ["CC"])
FLAGS = shlex.split(os.environ["HOST_CFLAGS"])
# Two runs at once must not see each other's half-made files.
os.makedirs("build", exist_ok=True)
OUT = tempfile.mkdtemp(prefix="unit-", dir="build")
KEEP = "build/unit"
TIMEOUT_S = 600
MADE = {}
LOCK = threading.Lock()


def head(path, key):
    text = "".join(open(path).readlines()[:60])
    return " ".join(re.findall(rf"^//\s*{key}:(.*)$", text, re.M)).split()


def run(argv, **kw):
    return subprocess.run(argv, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True,
                          errors="replace", **kw)


def port_library():
    """The hosted port as an archive: a test links what it refers to."""
    lib = f"{OUT}/libport.a"
    sources = sorted(glob.glob("tests/port/*.c"))
    objs = []
    for src in sources:
        obj = f"{OUT}/{os.path.basename(src)[:-2]}.o"
        r = run(CC + FLAGS + ["-c", src, "-o", obj])
        if r.returncode:
            return None, r.stdout
        objs.append(obj)
    if objs:
        run(["ar", "rcs", lib] + objs)
    return [lib] if objs else [], ""


def build_objects(sources, flags):
    """Objects of what several tests are linked with are made once."""
    objs = []
    for src in sources:
        key = (src, tuple(flags))
        with LOCK:
            first = key not in MADE
            if first:
                MADE[key] = (f"{OUT}/shared-{len(MADE)}.o",
                             concurrent.futures.Future())
            obj, done = MADE[key]
        if first:
            try:
                r = run(CC + FLAGS + flags + ["-c", src, "-o", obj])
                done.set_result((r.returncode, r.stdout))
            except BaseException as e:
                done.set_exception(e)
                raise
        code, text = done.result()
        if code:
            return None, text
        objs.append(obj)
    return objs, ""


def run_test(src, argv, **kw):
    start = time.monotonic()
    try:
        r = run(argv, timeout=TIMEOUT_S, **kw)
    except subprocess.TimeoutExpired as e:
        return src, False, f"over {TIMEOUT_S} s\n{e.stdout or ''}", TIMEOUT_S
    return (src, r.returncode == 0, r.stdout[-4000:],
            time.monotonic() - start)


def test(job):
    src, lib = job
    if src.endswith(".py"):
        return run_test(src, [sys.executable, src])
    name = os.path.splitext(src)[0].replace("/", "-")
    exe = f"{OUT}/{name}"
    args = head(src, "ARGS")
    extra = []
    m = re.match(r"tests/fuzz/fuzz-(.*)\.c$", src)
    if m:
        extra = ["tests/fuzz/replay.c"]
        args = sorted(glob.glob(f"tests/fuzz/corpus/{m[1]}/*"))
    flags = head(src, "CFLAGS")
    objs, text = build_objects(head(src, "SOURCES"), flags)
    if objs is None:
        return src, False, "does not build\n" + text, 0
    r = run(CC + FLAGS + flags + [src] + extra + objs + lib
            + ["-pthread", "-lm", "-o", exe])
    if r.returncode:
        return src, False, "does not build\n" + r.stdout, 0
    env = dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1",
               TSAN_OPTIONS="halt_on_error=1",
               ASAN_OPTIONS="detect_leaks=1:abort_on_error=0")
    return run_test(src, [exe] + args, env=env)


def main():
    words = sys.argv[1:]
    tests = sorted(glob.glob("tests/unit/test-*.c")
                   + glob.glob("tests/unit/test-*.py")
                   + glob.glob("tests/model/*.c")
                   + glob.glob("tests/fuzz/fuzz-*.c"))
    tests = [t for t in tests if not words or any(w in t for w in words)]
    lib, err = port_library()
    if lib is None:
        print(err)
        print("0 passed, 1 failed")
        return 1
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for src, ok, out, took in pool.map(test, [(t, lib) for t in tests]):
            passed += ok
            failed += not ok
            print(f"  {'ok  ' if ok else 'FAIL'}  {src} ({took:.1f} s)")
            if not ok or words:
                print(out)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not tests else 0


try:
    code = main()
finally:
    os.makedirs(KEEP, exist_ok=True)
    for made in glob.glob(f"{OUT}/tests-*"):
        os.replace(made, os.path.join(KEEP, os.path.basename(made)))
    shutil.rmtree(OUT)
sys.exit(code)
