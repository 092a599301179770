#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Breaks the page-table engine and the generic IOMMU layer as
tests/mutation/*.txt says, one way at a time, in a copy of the tree, and runs
the engine's tests. A break that no test notices is a survivor; so is a test
that is not there. Each break must still compile: one that does not, or whose
text is not found exactly once, is an error of the list.

mutate.py [word]: only the breaks whose name or file contains it. SAMPLE=n in the
environment tries n of them, drawn at random by SEED, which is printed: what
"make check" does, so that a list that rots is noticed there."""
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

CC = shlex.split(os.environ["CC"])
FLAGS = [f for f in shlex.split(os.environ["HOST_CFLAGS"])
         if not f.startswith(("-fsanitize", "-fno-sanitize", "-Werror", "-O"))]
# -Wno: a break may leave something unused.
FLAGS += ["-O1", "-w"]
ROOT = "xen/drivers/passthrough"
# In this order, until one fails: name of the test, its arguments.
TESTS = [("tests/unit/test-iopt-basic.c", []),
         ("tests/unit/test-iopt-edges.c", []),
         ("tests/model/model-iospace.c", ["episodes", "60"]),
         ("tests/model/model-iopt.c", ["steps", "6000"])]
TIMEOUT_S = 120


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


def sources(test):
    text = "".join(open(test).readlines()[:60])
    return " ".join(re.findall(r"^//\s*SOURCES:(.*)$", text, re.M)).split()


def depends(src):
    """Does an object of src change with the engine's or the layer's files?"""
    return src.startswith((ROOT, "tests/port/iopt"))


def compile_one(src, obj, cwd):
    r = subprocess.run(CC + FLAGS + ["-c", src, "-o", obj], cwd=cwd,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
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


def try_break(job):
    name, file, old, new, base, work = job
    text = open(file).read()
    found = list(re.finditer(spread(old), text))
    if len(found) != 1:
        return name, "error", f"text occurs {len(found)} times in {file}"
    at = found[0]
    tree = tempfile.mkdtemp(prefix="mut-", dir=work)
    try:
        copy_tree(tree)
        with open(f"{tree}/{file}", "w") as fd:
            fd.write(text[:at.start()] + new.strip("\n") + text[at.end():])
        made = {}
        for test, args in TESTS:
            objs = []
            for src in [test] + sources(test):
                if not affected(src, file):
                    objs.append(base[src])
                    continue
                if src not in made:
                    made[src] = f"{tree}/o{len(made)}.o"
                    err = compile_one(src, made[src], tree)
                    if err:
                        return name, "error", "does not compile\n" + err
                objs.append(made[src])
            exe = f"{tree}/exe"
            subprocess.run(CC + objs + [f"{work}/libport.a", "-lm", "-o", exe],
                           check=True)
            try:
                # A broken engine may print, or ask for memory, without end.
                r = subprocess.run([exe] + args, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL,
                                   env=dict(os.environ, EXPECT_STOP="1"),
                                   timeout=TIMEOUT_S, preexec_fn=limit)
                code = r.returncode
            except subprocess.TimeoutExpired:
                code = "time"
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
            if compile_one(src, obj, "."):
                sys.exit(f"{src} does not build")
            objs.append(obj)
        subprocess.run(["ar", "rcs", f"{work}/libport.a"] + objs, check=True)
        for test, args in TESTS:
            objs = []
            for src in [test] + sources(test):
                if src not in base:
                    base[src] = f"{work}/b{len(base)}.o"
                    err = compile_one(src, base[src], ".")
                    if err:
                        sys.exit(err)
                objs.append(base[src])
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
