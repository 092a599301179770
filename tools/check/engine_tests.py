# SPDX-License-Identifier: GPL-2.0
"""The tests that vouch for the page-table engine and the generic layer, for
the mutation check and for coverage: path and arguments, the quick ones first.
Bounded by requests and not by time, so that a run says the same anywhere."""
import glob
import re

ROOT = "xen/drivers/passthrough"
TESTS = [("tests/unit/test-iopt-basic.c", []),
         ("tests/unit/test-iopt-edges.c", []),
         ("tests/unit/test-iopt-lookup.c", []),
         ("tests/unit/test-iopt-group.c", []),
         ("tests/unit/test-iopt-range.c", []),
         ("tests/unit/test-iopt-format.c", []),
         ("tests/unit/test-iopt-work.c", []),
         ("tests/fuzz/fuzz-iopt.c",
          sorted(glob.glob("tests/fuzz/corpus/iopt/*"))),
         ("tests/model/model-iospace.c", ["episodes", "60"]),
         ("tests/model/model-iopt.c", ["steps", "6000"])]


def head(path, key):
    """The words after "// KEY:" in the head of a test, as unit.py reads it."""
    text = "".join(open(path).readlines()[:60])
    return " ".join(re.findall(rf"^//\s*{key}:(.*)$", text, re.M)).split()


def sources(test):
    """What a test is linked from, itself first."""
    replay = ["tests/fuzz/replay.c"] if test.startswith("tests/fuzz") else []
    return [test] + head(test, "SOURCES") + replay
