#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Builds and runs tests/bench/bench-engine.c and writes its figures to
docs/bench/engine.{md,csv} and docs/bench/engine-*.svg (gnuplot). With --build it
only builds."""
import csv
import os
import shlex
import subprocess
import sys

CC = shlex.split(os.environ["CC"])
FLAGS = shlex.split(os.environ["BENCH_CFLAGS"])
OUT = "docs/bench"
PT = "xen/drivers/passthrough/pt"
SOURCES = [f"{PT}/iopt-amdv1.c", f"{PT}/iopt-amdv1x.c",
           f"{PT}/iopt-vtdss.c", f"{PT}/iopt-gather.c",
           "xen/drivers/passthrough/iommu-gather.c",
           "tests/bench/bench-flush.c", "tests/bench/bench-port.c",
           "tests/bench/bench-turns.c",
           "tests/bench/plain-amdv1.c", "tests/bench/plain-vtdss.c",
           "tests/bench/untracked.c", "tests/port/panic.c"]
COMPARED = ["engine", "never coalesces", "per page"]
HEADS = ["pattern", "variant", "ns min", "ns median", "x floor",
         "tables allocated", "flush extents", "commands", "frames flushed",
         "whole space", "ns with flush", "lines written back",
         "leaves over fewest"]

# The patterns asked for, by number, and the rows that show each.
PLAN = [
    (1, "one 4K map, hot", "map 4K, hot"),
    (2, "one 4K unmap, hot, the table stays", "unmap 4K, hot"),
    (3, "one 4K map and unmap, cold", "map 4K, cold; unmap 4K, cold: 64 GiB, "
     "whose 128 MiB of tables no cache holds (1 TiB of them would be 2 GiB)"),
    (4, "map a run", "map run ..., x 4K, x 2M, x 1G"),
    (5, "unmap a run", "unmap run ..."),
    (6, "map 1 GiB in 4K", "map 1 GiB, 4K forced"),
    (7, "map 1 GiB in 2M, in 1G", "map 1 GiB of 2M; map 1 GiB as 1G"),
    (8, "map a machine", "map 1 TiB of 1G, of 2M; map 64 GiB of 4K (1 TiB "
     "would be 2 GiB of tables); map 64 GiB with small holes"),
    (9, "worst alignment", "map 1 GiB, off by 4K"),
    (10, "512 x 4K one by one", "fill 512 x 4K ascending, descending, at "
     "random"),
    (11, "4K to 2M to 1G", "fill 1 GiB in 4K calls"),
    (12, "4K out of 2M, of 1G", "cut 4K out of 2M; cut 4K out of 1G"),
    (13, "cut and mend in turns", "toggle 4K in 2M"),
    (14, "1G down to 4K", "split 1G into 4K"),
    (15, "what never coalesces", "map every other 4K; map 512 x 4K, outputs "
     "by two; The cost of the counts"),
    (16, "who makes counting dear", "strays after a prefix; a first entry "
     "that changes; entries looked at: tests/unit/test-iopt-work.c"),
    (17, "free 1 GiB of 4K", "unmap 1 GiB of 4K, one call, 2M calls, 4K "
     "calls"),
    (18, "a leaf over a table", "replace table by 2M leaf; replace equal "
     "table by 2M leaf"),
    (19, "other permissions", "protect 512 x 4K; protect one 2M"),
    (20, "AMD's sizes between", "AMD's sizes between; variant \"engine, "
     "sizes between\""),
    (21, "walkers that do not snoop", "variants \"no snooping\""),
    (22, "flushes", "columns commands, frames flushed, whole space, ns with "
     "flush"),
    (23, "many units", "Flush of a space that several units serve"),
    (24, "lookup", "lookup in 4K, 2M, 1G; lookup, cold, 64 GiB"),
    (25, "clear dirty bits", "not applicable: no dirty bits are kept, "
     "live migration of what has devices being no aim"),
    (26, "disjoint ranges", "Two CPUs, disjoint ranges"),
    (27, "longest call", "Longest call between two points of preemption"),
    (28, "memory", "Tables for a layout, and after unmapping it"),
    (29, "random requests", "Random requests over 64 GiB; ten million under "
     "audit: make soak"),
]


def build():
    os.makedirs("build/bench", exist_ok=True)
    objs = []
    # Aligned, so that no figure hangs on what is linked in front.
    flags = ["-I", "tests/bench/include", "-falign-functions=64"] + FLAGS
    for src in SOURCES + ["tests/bench/bench-engine.c"]:
        obj = f"build/bench/{os.path.basename(src)[:-2]}.o"
        # The clockwork divides; what it measures must not use SSE.
        own = [f for f in flags if f != "-mgeneral-regs-only"
               or not src.endswith(("bench-engine.c", "bench-turns.c"))]
        subprocess.run(CC + own + ["-c", src, "-o", obj], check=True)
        objs.append(obj)
    subprocess.run(CC + objs + ["-pthread", "-o", "build/bench/bench-engine"],
                   check=True)


def run():
    out = subprocess.run(["build/bench/bench-engine", os.environ["ROUNDS"]],
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    data = {}
    for line in out.splitlines():
        kind, *rest = line.split("\t")
        data.setdefault(kind, []).append(rest)
    return data


def table(heads, rows):
    yield "| " + " | ".join(heads) + " |"
    yield "| " + " | ".join(["---"] * len(heads)) + " |"
    for r in rows:
        yield "| " + " | ".join(str(c) for c in r) + " |"
    yield ""


def counts(data):
    """What the counts cost: pattern, times, instructions, bar, cost, met."""
    for name, *rest in data["counts"]:
        v = [float(x) for x in rest]
        # Engine, without counts, floor: least ns, first decile, instructions.
        least, insns = v[0::3], v[2::3]
        share = 100 * (least[0] / least[1] - 1)
        ns = least[0] - least[1]
        if " run " in name:
            yield name, v, insns, "5 %", f"{share:.1f} %", share <= 5
        else:
            yield name, v, insns, "3 ns", f"{ns:.2f} ns", ns <= 3


def cost_rows(data):
    for name, v, insns, limit, got, met in counts(data):
        decile = (f"{100 * (v[1] / v[4] - 1):.1f} %" if limit[-1] == "%"
                  else f"{v[1] - v[4]:.2f} ns")
        yield [name] + [f"{x:.3f}" for x in v[0::3]] + [
            got, decile] + [f"{x:.2f}" for x in insns] + [
            limit, "met" if met else "**not met**"]


def between_rows(data):
    for name, *rest in data["between"]:
        v = [float(x) for x in rest]
        yield ([name] + [f"{x:.1f}" for x in v[0::3]]
               + [f"{x / v[6]:.2f}" for x in v[0:4:3]]
               + [f"{x:.0f}" for x in v[2::3]])


def size_rows(data):
    for name, plain, few, between, few_between in data["sizes"]:
        yield [name, plain, few, between, few_between,
               f"{int(between) / int(few_between):.2f}",
               f"{int(plain) / int(between):.1f}"]


def bars(data):
    """The bars of architecture.md section 3, each with what was measured."""
    f = {(r[0], r[1]): r for r in data["row"]}

    def times(name, variant="engine"):
        return float(f[name, variant][4])

    def ns(name, variant="engine"):
        return float(f[name, variant][2])

    def leaves(name, variant="engine"):
        return float(f[name, variant][12])

    store = float(data["floor"][0][1])
    rows = []

    def bar(what, limit, got, met):
        rows.append([what, limit, got, "met" if met else "**not met**"])

    turns = {r[0]: [float(x) for x in r[1:]] for r in data["formats"]}
    for n in ("map run 511 x 4K, table there", "map run 512 x 4K, new table",
              "unmap run 511 x 4K, table stays",
              "unmap run 512 x 4K, table goes"):
        if n in turns:
            slow = max(turns[n][0], turns[n][3])
            worst = slow / turns[n][6]
        else:
            slow = max(ns(n), ns(n, "engine, VT-d"))
            worst = max(times(n), times(n, "engine, VT-d"))
        hard = slow / float(data["floor"][2 if n.startswith("map") else 3][1])
        bar(n, "2 x plain loop", f"{worst:.2f} x ({hard:.2f} x unrolled)",
            worst <= 2)
    # The bar was set for a CPU whose floor is 0.36 ns an entry.
    limit = 30 * max(1.0, store / 0.36)
    for n in ("map 4K, hot", "unmap 4K, hot"):
        got = max(turns[n][0], turns[n][3])
        bar(n, f"30 ns at a floor of 0.36 ns, here {limit:.0f}",
            f"{got:.1f} ns, {got / turns[n][6]:.2f} walks", got <= limit)
    for n, _, _, limit, got, met in counts(data):
        bar(f"counts in {n}", limit, got, met)
    for n in ("ascending", "descending", "at random"):
        got = leaves(f"fill 512 x 4K {n}")
        bar(f"512 single maps {n}", "one leaf", f"{got:.2f} x fewest",
            got == 1)
    for r in data["soak"]:
        if r[0] in ("engine", "engine, lazy", "engine, VT-d"):
            bar(f"leaves over fewest in a soak, {r[0]}", "1.00", r[3],
                float(r[3]) == 1)
    for n, limit in (("map run 512 x 4K, new table", 0),
                     ("map 1 GiB, 4K forced", 0), ("map 1 TiB of 2M", 0),
                     ("unmap run 512 x 4K, table goes", 1),
                     ("unmap 1 GiB of 4K, one call", 1),
                     ("cut 4K out of 1G", 1),
                     ("fill 512 x 4K ascending", 1),
                     ("protect 512 x 4K", 1)):
        worst = max(int(f[n, v][7]) for v in ("engine", "engine, VT-d"))
        bar(f"commands of: {n}", str(limit), worst, worst <= limit)
    # Where AMD's commands cover over 1 GiB, one of VT-d's does not reach.
    reach = 1 << 18
    wide = sorted({r[0] for r in data["row"] if r[9] == "yes"
                   and r[1].startswith("engine")
                   and (r[1] == "engine"
                        or int(f[r[0], "engine"][8]) <= reach)})
    bar("patterns that flush the whole space though a range fits", "none",
        ", ".join(wide) or "none", not wide)
    for units, got, _ in data["units"]:
        bar(f"flush on {units} units", "max, not sum",
            f"{int(got) / int(data['units'][0][1]):.2f} x one unit",
            int(got) < 2 * int(data["units"][0][1]))
    got = int(f["toggle 4K in 2M", "engine, lazy"][5])
    bar("tables allocated to toggle a page of a superpage", "0", got, got == 0)
    return rows


def write(data):
    os.makedirs(OUT, exist_ok=True)
    with open(f"{OUT}/engine.csv", "w", newline="") as fd:
        w = csv.writer(fd, lineterminator="\n")
        w.writerow(HEADS)
        w.writerows(data["row"])
    text = ["# The page-table engine's figures", "",
            "Made by `make bench-engine`; do not edit. Times are per entry"
            " for runs and per call else, hot unless the name says cold,",
            "without flushes; \"ns with flush\" adds 1 us if there is any"
            " command. Commands, frames flushed: the generic layer's plan",
            "for what the batch owes, for one unit. A ratio is the least time"
            " over the least time of the floor, which is measured next to",
            "each pattern: a check-and-store or check-and-clear loop over 512"
            " entries for runs, a dependent walk of four levels for single",
            "calls.",
            "A shared virtual machine: compare within the table only.", ""]
    text += ["## Floors", ""]
    text += table(["floor", "ns"], data["floor"])
    text += ["## Bars", ""]
    text += table(["what", "bar", "measured", ""], bars(data))
    text += ["Runs of 511, single calls and the counts: slices taken in turns,"
             " as below.", ""]
    text += ["## The cost of the counts", "",
             "The engine, the engine without its counts and the floor in"
             " turns, a slice of a few microseconds of each, up to 20,000",
             "times; the least slice of each counts. \"At the decile\": the"
             " cost by the slice that a tenth were shorter than. The floor is",
             "the check-and-store (or clear) loop for runs, the walk of four"
             " levels for single calls. Times and instructions per entry.",
             "Instructions are counted by a trap after each, as virtual"
             " machines may lack a counter.", ""]
    text += table(["pattern", "ns", "ns without", "floor", "cost",
                   "at the decile", "instructions", "without", "of the floor",
                   "bar", ""], cost_rows(data))
    text += ["## AMD's sizes between", "",
             "Per call, in turns as above, hot, tables there; amdv1x is the"
             " engine with these sizes (`iommu=amd-mid-pages`), amdv1 the one",
             "without. A call maps or unmaps one naturally aligned block of"
             " that size: one leaf to a unit with them, a leaf for each 4K or",
             "2M without. The floor walks four levels and checks and stores"
             " (clears) each slot.", ""]
    text += table(["call", "ns amdv1x", "ns amdv1", "ns floor",
                   "x floor amdv1x", "x floor amdv1", "instructions amdv1x",
                   "amdv1", "floor"], between_rows(data))
    text += ["Leaves as a unit counts them, and the fewest there can be. The"
             " sizes between are made when a run is mapped and when a leaf is",
             "shattered, never later: what comes one by one stays as it is"
             " until it fills a 2M or 1G leaf.", ""]
    text += table(["layout", "amdv1", "fewest", "amdv1x", "fewest with them",
                   "amdv1x over fewest", "amdv1 over amdv1x"],
                  size_rows(data))
    text += ["The bars on boot, Dom0's build and processes: boot.md and"
             " process.md.", ""]
    text += ["![map and unmap against the floor](engine-runs.svg)", "",
             "![single calls](engine-single.svg)", ""]
    text += ["## Random requests over 64 GiB", ""]
    text += table(["variant", "requests", "ns a request",
                   "leaves over fewest, worst", "leaves at the end"],
                  data["soak"])
    text += ["## Longest call between two points of preemption", ""]
    text += table(["variant", "map, us", "unmap, us"], data["latency"])
    text += ["## Tables for a layout, and after unmapping it", ""]
    text += table(["variant", "layout", "tables", "KiB with counts",
                   "tables after"], data["memory"])
    text += ["## Flush of a space that several units serve", "",
             "The generic layer's code with units that take 1 us from the"
             " moment they are told; telling one takes 0.1 us.", ""]
    text += table(["units", "ns", "ns one after another"], data["units"])
    text += ["## Two CPUs, disjoint ranges", "",
             "One lock a space: two CPUs on one space share its bandwidth,"
             " two spaces do not meet. Best of three.", ""]
    text += table(["variant", "load", "million calls a second"], data["cpus"])
    text += ["## What was asked and where it is", ""]
    text += table(["", "pattern", "rows"], PLAN)
    text += ["## Patterns", ""]
    text += table(HEADS, data["row"])
    with open(f"{OUT}/engine.md", "w") as fd:
        fd.write("\n".join(text).rstrip() + "\n")


def plot(data, name, title, patterns, column, label):
    f = {(r[0], r[1]): r for r in data["row"]}
    path = f"build/bench/{name}.dat"
    with open(path, "w") as fd:
        for p in patterns:
            fd.write(f'"{p}"\t' + "\t".join(f[p, c][column] for c in COMPARED)
                     + "\n")
    style = "set style data histogram; set style fill solid 0.8; "
    names = ", ".join(
        f"'{path}' using {i + 2}:xtic(1) title '{c}'"
        for i, c in enumerate(COMPARED))
    subprocess.run(["gnuplot", "-e", f"set terminal svg size 900,480; "
                    f"set output '{OUT}/{name}.svg'; set title '{title}'; "
                    f"set ylabel '{label}'; set logscale y; set grid ytics; "
                    f"set xtics rotate by -20; set rmargin 12; {style}"
                    f"set datafile separator '\\t'; plot {names}"], check=True)


def main():
    build()
    if sys.argv[1:] == ["--build"]:
        return 0
    data = run()
    write(data)
    plot(data, "engine-runs", "Runs, per entry, over the floor",
         ["map run 256 x 4K", "unmap run 256 x 4K",
          "map run 511 x 4K, table there", "unmap run 511 x 4K, table stays",
          "map run 512 x 4K, new table", "unmap run 512 x 4K, table goes",
          "map run 511 x 2M", "unmap run 511 x 2M"], 4, "multiple of floor")
    plot(data, "engine-single", "Single calls",
         ["map 4K, hot", "unmap 4K, hot", "fill 512 x 4K ascending",
          "fill 512 x 4K at random", "cut 4K out of 2M", "toggle 4K in 2M"],
         2, "ns")
    for row in bars(data):
        print("  %-52s %-40s %-22s %s" % tuple(row))
    print(f"written: {OUT}/engine.md, engine.csv, engine-*.svg")
    return 0


sys.exit(main())
