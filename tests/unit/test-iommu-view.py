#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tools/iommu-view on saved logs: each tests/view/NAME.log gives NAME.txt and
NAME.svg, which someone looked at; and on logs that are not what they should
be. "--write" writes what the logs give today."""
import glob
import os
import subprocess
import sys
import tempfile

TOOL = "tools/iommu-view"
VIEW = "tests/view"
# What a shell, an XML parser and a picture viewer see must not depend on the
# terminal the test runs in.
ENV = dict(os.environ, LC_ALL="C.UTF-8")
failed = 0


def check(what, ok, detail=""):
    global failed
    if not ok:
        failed += 1
        print(f"FAIL {what}: {detail}")


def view(*args, stdin=b""):
    r = subprocess.run([sys.executable, TOOL, *args], input=stdin, env=ENV,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=120, check=False)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def golden(work):
    logs = sorted(glob.glob(f"{VIEW}/*.log"))
    check("there are logs", logs)
    for log in logs:
        base = log[:-4]
        svg = f"{work}/out.svg"
        rc, out, err = view(log, "--svg", svg)
        check(log, rc == 0 and err == "", f"rc {rc}: {err}")
        with open(svg, encoding="utf-8") as f:
            got = {".txt": out, ".svg": f.read()}
        for end, text in got.items():
            if "--write" in sys.argv:
                with open(base + end, "w", encoding="utf-8") as f:
                    f.write(text)
            with open(base + end, encoding="utf-8") as f:
                check(base + end, f.read() == text,
                      f"differs; {TOOL} {log} shows it")


HEAD = ["(XEN) iommu dump: ranges",
        "(XEN) iommu: d0: 4 tables, 0 x 1G + 1 x 2M + 2 x 4K leaves, 2105344 "
        "bytes mapped, fewest possible 3 leaves",
        "(XEN) iommu: d0: dfn 0x1 nr 0x2 mfn 0x1 rw level 4K"]
TWO_M = "(XEN) iommu: d0: dfn 0x200 nr 0x200 mfn 0x200 r level 2M"
END = "(XEN) iommu dump: end, 2 ranges"

# name: lines, exit code, what stdout and stderr must say.
BROKEN = {
    "nothing at all": ([], 1, "", "no IOMMU dump in it; press debug key o"),
    "another log": (["(XEN) hello", "iommu: off: no unit found"], 1, "",
                    "no IOMMU dump in it"),
    "Debian's Xen": (["(XEN) domain0 IOMMU page table: ",
                      "(XEN) gfn: 00000000 mfn: 00000000"], 1, "",
                     "no IOMMU dump in it"),
    "cut before the end": (HEAD + [TWO_M], 2, "d0", "has no end"),
    "cut within a line": (HEAD + [TWO_M[:40]], 2, "d0",
                          "line 4: damaged: (XEN) iommu: d0: dfn 0x200"),
    "more to come": (HEAD + ["(XEN) iommu dump: more, 1 ranges so far; x"], 2,
                     "d0", "has no end: more of it is to come"),
    "a line is missing": (HEAD + [END], 2, "d0",
                          "speaks of 2 ranges, 1 could be read"),
    "a kernel line in between": (
        HEAD + ["[    1.5] e1000e: link up", "[  ", TWO_M, END], 0,
        "read-only    2 MiB", ""),
    "a kernel line before it on the same line": (
        HEAD + ["[    1.5] e1000e: li" + TWO_M, END], 0,
        "read-only    2 MiB", ""),
    "a kernel line behind it on the same line": (
        HEAD + [TWO_M + "[    1.5] e1000e: link up", END], 2, "d0",
        "line 4: damaged"),
    "ranges that overlap": (
        HEAD + ["iommu: d0: dfn 0x2 nr 0x5 mfn 0x2 rw level 4K", END], 2,
        "d0", "line 4: a range that overlaps the one before"),
    "no frames": (HEAD + [TWO_M.replace("nr 0x200", "nr 0x0"), END], 2, "d0",
                  "line 4: an impossible range"),
    "half of a large leaf": (
        HEAD + [TWO_M.replace("nr 0x200", "nr 0x1ff"), END], 2, "d0",
        "line 4: an impossible range"),
    "past the top": (
        HEAD + [TWO_M.replace("nr 0x200", "nr 0xfffffffffffffe00"), END], 2,
        "d0", "line 4: an impossible range"),
    "a number too long": (
        HEAD + [TWO_M.replace("0x200", "0x" + "2" * 50), END], 2, "d0",
        "line 4: damaged"),
    "the beginning was pushed out": (
        ["(XEN) iommu dump: ranges, continued", TWO_M, END], 2, "d0",
        "the beginning of this dump is not in the log"),
    "gone on with": (
        HEAD + ["(XEN) iommu dump: more, 1 ranges so far; x", "other",
                "(XEN) iommu dump: ranges, continued", TWO_M, END], 0,
        "read-only    2 MiB", ""),
    "a whole dump, then half of one": (
        HEAD + [TWO_M, END] + HEAD, 0, "read-only    2 MiB", ""),
    "a summary": (["iommu dump: summary", HEAD[1], "iommu dump: end, 0 ranges"],
                  0, "mapped       2.0 MiB by 3 leaves", "no ranges, hence"),
    "from the boot alone": ([HEAD[1]], 0, "by 3 leaves", "no ranges, hence"),
    "no translation": (
        ["iommu dump: ranges", "iommu: d0: no space, its devices are not "
         "translated", "iommu dump: end, 0 ranges"], 0,
        "no space     its devices are not translated", ""),
    "a line of ten megabytes": (
        HEAD + ["x" * 10_000_000, TWO_M, END], 0, "read-only    2 MiB", ""),
    "too many ranges": (
        HEAD[:2] + [f"iommu: d0: dfn {2 * i:#x} nr 0x1 mfn 0x0 rw level 4K"
                    for i in range((1 << 20) + 1)], 1, "",
        "more than 1048576 ranges"),
    "thousands of damaged lines": (
        HEAD + ["iommu: d0: dfn 0xzz"] * 5000 + [TWO_M, END], 2, "d0",
        "and 4997 more such lines"),
}


def broken():
    for name, (lines, want, says, complains) in BROKEN.items():
        rc, out, err = view("-", stdin="\n".join(lines + [""]).encode())
        check(name, rc == want, f"exit code {rc}, should be {want}: {err}")
        check(name, says in out, f"no {says!r} in {out[:300]!r}")
        check(name, complains in err and (complains or not err),
              f"no {complains!r} in {err[:300]!r}")
        check(name, "Traceback" not in err and len(err) < 2000, err[:2000])
    rc, out, err = view("-", stdin=os.urandom(1 << 20))
    check("noise", rc == 1 and "no IOMMU dump" in err, err)
    rc, out, err = view("/nonexistent/x")
    check("no file", rc == 1 and "/nonexistent/x: No such file" in err, err)
    rc, out, err = view("/")
    check("a folder", rc == 1 and "/: Is a directory" in err, err)
    good = "\n".join(HEAD + [TWO_M, END]).encode()
    rc, out, err = view("-", "--svg", "/nonexistent/x.svg", stdin=good)
    check("no place for the picture", rc == 1 and "/nonexistent/x.svg" in err
          and "Traceback" not in err, err)
    rc, out, err = view("-", "--svg", "-", stdin=good)
    check("the picture alone", rc == 0 and out.startswith("<svg ")
          and out.endswith("</svg>\n"), f"{rc} {out[:100]!r}")
    rc, out, err = view("-", "--space", "d7", stdin=good)
    check("no such space", rc == 1 and "no space d7; there are d0" in err, err)
    rc, out, err = view("-", "--width", "0", stdin=good)
    check("no width", rc == 2 and "--width" in err, err)
    rc, out, err = view("--live", "x.log")
    check("live of a file", rc == 2, f"rc {rc} {err}")
    with tempfile.TemporaryDirectory() as empty:
        r = subprocess.run([sys.executable, TOOL], env={"PATH": empty},
                           capture_output=True, text=True, check=False)
    check("not in Dom0", r.returncode == 1 and "xl: No such file" in r.stderr
          and "must run in Dom0" in r.stderr, r.stderr)


def coverage_of_map():
    """Every frame is in the cell it belongs to: a range that begins and ends
    within cells, at each width."""
    for width in (1, 7, 64, 1000):
        rc, out, err = view("-", "--width", str(width), "--rows", "1000",
                            stdin="\n".join(HEAD + [TWO_M, END]).encode())
        rows = [x.split()[1] for x in out.splitlines()
                if x.startswith("  0x")]
        check(f"width {width}", rc == 0 and rows
              and all(len(r) == width for r in rows), f"{rc} {rows[:3]}")
        check(f"width {width}: first frames",
              "".join(rows)[:3] == ".KK" or width == 1, rows[:3])


def main():
    with tempfile.TemporaryDirectory() as work:
        golden(work)
    broken()
    coverage_of_map()
    print(f"{failed} failures")
    return 1 if failed else 0


sys.exit(main())
