#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Breaks the page-table engine and the generic IOMMU layer as
tests/mutation/*.txt says, one way at a time, in a copy of the tree, and runs
the engine's tests. A break that no test notices is a survivor; so is a test
that is not there. Each break must still compile: one that does not, or whose
text is not found exactly once, is an error of the list.

mutate.py [word]: only the breaks whose name or file contains it. SAMPLE=n in
the environment tries n of them, drawn at random by SEED, which is printed:
what "make check" does."""
import concurrent.futures
import glob
import os
import random
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

from engine_tests import ROOT, TESTS, head, sources

CC = shlex.split(os.environ["CC"])
FLAGS = [f for f in shlex.split(os.environ["HOST_CFLAGS"])
         if f != "-g" and not f.startswith(
             ("-fsanitize", "-fno-sanitize", "-Werror", "-O"))]
# -w: a break may leave something unused.
FLAGS += ["-O1", "-w"]
# An unbroken test takes three seconds. Of the CPU's time, so that a busy
# machine lets no test pass for one that hangs.
CPU_S = 20


def breaks():
    for path in sorted(glob.glob("tests/mutation/*.txt")):
        name = file = None
        old, new = [], []
        for line in open(path).read().splitlines() + ["@"]:
            if line[:1] in "@F" and name:
                yield name, file, "\n".join(old), "\n".join(new)
                name = None
            if line[:1] == "F":
                file = f"{ROOT}/{line[2:]}"
            elif line[:1] == "@":
                name, old, new = line[2:], [], []
            elif line[:1] == "-":
                old.append(line[2:])
            elif line[:1] == "+":
                new.append(line[2:])


def spread(text):
    """A pattern for text that does not mind how lines are broken."""
    return r"\s*".join(re.escape(w) for w in re.findall(r"\w+|[^\w\s]", text))


def depends(src):
    """Does an object of src change with the engine's or the layer's files?"""
    return src.startswith((ROOT, "tests/port/iopt", "tests/bench"))


def flags(test):
    return tuple(f for f in head(test, "CFLAGS") if f != "-fno-sanitize=all")


def compile_one(src, extra, obj, cwd):
    r = subprocess.run(CC + FLAGS + list(extra) + ["-c", src, "-o", obj],
                       cwd=cwd, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    return r.stdout if r.returncode else None


def affected(src, file):
    """Headers of the engine are in every instance; a .c file only in itself.
    Of the headers only iopt.h is included by what is no instance."""
    if file.endswith(".c"):
        return src == file
    return depends(src) or file.endswith("/iopt.h")


def copy_tree(tree):
    """The folder that is broken is copied; the rest is only pointed to."""
    os.makedirs(f"{tree}/xen/drivers")
    shutil.copytree(ROOT, f"{tree}/{ROOT}")
    for d in ("build", "tests", "xen/include", "xen/lib", "xen/common"):
        os.symlink(os.path.abspath(d), f"{tree}/{d}")


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


def find(file, old):
    """Where the text is; None unless it is there once."""
    found = list(re.finditer(spread(old), open(file).read()))
    return found[0] if len(found) == 1 else None


def try_break(job):
    name, file, old, new, base, work = job
    text = open(file).read()
    at = find(file, old)
    if not at:
        return name, "error", f"text does not occur just once in {file}"
    tree = tempfile.mkdtemp(prefix="mut-", dir=work)
    try:
        copy_tree(tree)
        with open(f"{tree}/{file}", "w") as fd:
            fd.write(text[:at.start()] + new.strip("\n") + text[at.end():])
        made = {}
        for test, args in TESTS:
            objs = []
            for src in sources(test):
                key = src, flags(test)
                if not affected(src, file):
                    objs.append(base[key])
                    continue
                if key not in made:
                    made[key] = f"{tree}/o{len(made)}.o"
                    err = compile_one(src, key[1], made[key], tree)
                    if err:
                        return name, "error", "does not compile\n" + err
                objs.append(made[key])
            exe = f"{tree}/exe"
            subprocess.run(CC + objs + [f"{work}/libport.a", "-lm", "-o", exe],
                           check=True)
            # A broken engine may print, ask for memory, or run, without end.
            code = subprocess.run([exe] + args, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, preexec_fn=limit,
                                  env=dict(os.environ, EXPECT_STOP="1")
                                  ).returncode
            if code != 0:
                return name, "caught", os.path.basename(test)
        return name, "survived", file
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def main():
    words = sys.argv[1:]
    os.makedirs("build", exist_ok=True)
    work = os.path.abspath(tempfile.mkdtemp(prefix="mutate-", dir="build"))
    base = {}
    count = {"caught": 0, "survived": 0, "error": 0}
    try:
        objs = []
        for src in sorted(glob.glob("tests/port/*.c")):
            obj = f"{work}/p-{os.path.basename(src)[:-2]}.o"
            if compile_one(src, (), obj, "."):
                sys.exit(f"{src} does not build")
            objs.append(obj)
        subprocess.run(["ar", "rcs", f"{work}/libport.a"] + objs, check=True)
        for test, args in TESTS:
            objs = []
            for src in sources(test):
                key = src, flags(test)
                if key not in base:
                    base[key] = f"{work}/b{len(base)}.o"
                    err = compile_one(src, key[1], base[key], ".")
                    if err:
                        sys.exit(err)
                objs.append(base[key])
            exe = f"{work}/exe"
            subprocess.run(CC + objs + [f"{work}/libport.a", "-lm", "-o", exe],
                           check=True)
            # Unbroken, every test must pass, or a failure says nothing.
            if subprocess.run([exe] + args,
                              stdout=subprocess.DEVNULL).returncode:
                sys.exit(f"{test} fails without a break")
        jobs = [b + (base, work) for b in breaks()
                if not words or any(w in b[0] + b[1] for w in words)]
        if os.environ.get("SAMPLE"):
            # Of those not tried at least the text must be there.
            for b in jobs:
                if not find(b[1], b[2]):
                    sys.exit(f"{b[0]}: text is not just once in {b[1]}")
            seed = int(os.environ.get("SEED") or time.time())
            print(f"  {os.environ['SAMPLE']} of {len(jobs)}, SEED={seed}")
            jobs = random.Random(seed).sample(
                jobs, min(len(jobs), int(os.environ["SAMPLE"])))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for name, what, why in pool.map(try_break, jobs):
                count[what] += 1
                print(f"  {what:8}  {name} ({why})", flush=True)
    finally:
        shutil.rmtree(work)
    total = sum(count.values())
    print(f"{count['caught']}/{total} caught, {count['survived']} survived, "
          f"{count['error']} errors in the list")
    return 0 if count["caught"] == total and total else 1


sys.exit(main())
