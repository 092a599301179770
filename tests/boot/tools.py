# SPDX-License-Identifier: GPL-2.0
"""What Debian's Xen tools said, and how two answers are compared: exit code
and shape. The shape of an output is its set of lines without what differs
between two boots: numbers, states, paths, white space. For tables of
"name : value" it is the names alone."""
import json
import os
import re

EXPECTED = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "expected-tools.json")

# Free text of either hypervisor: that there is some is all that is compared.
TEXT = ("xl dmesg", "xl debug-keys", "xl list -l",
        "xenhypfs cat /buildinfo/compileinfo")
# "name : value".
TABLES = ("xl info", "xen-cpuid", "xenpm get-cpuidle", "test-xenstore",
          "xenstore-ls", "lsevtchn 0")

# Where we answer otherwise than Debian's Xen, and why: exit code, what the
# output must show.
DIFFERENT = {
    # Debian's is built without counters.
    "xenperf": (0, r"^hypercalls +T= +[1-9]\d*"),
    "xenperf -r": (0, r"^$"),
    # Trace buffers are not there: refused, nothing started.
    "timeout 3 xentrace -D -S 16 /tmp/trace": (1, r"Operation not supported"),
    # Microcode comes from the firmware.
    "echo junk > /tmp/u; xen-ucode /tmp/u": (1, r"Operation not supported"),
    # SMT siblings are CPUs like others.
    "xenpm set-sched-smt enable": (0, r"Operation not supported"),
    # The tree has no options that could be changed at run time.
    "xenhypfs tree": (0, r"buildinfo/(.|\n)*params/"),
    "xl set-parameters loglvl=all": (1, r"cannot set parameters"),
    # Neither our own tables nor a guest's types are shown to tools.
    "xen-mfndump dump-m2p | head -n 2": (0, r"Failed to map live M2P"),
    "xen-mfndump dump-p2m 0 | head -n 3": (0, r"Could not map domain 0"),
    # Its checks of MSRs need resource_op; what follows is compared.
    "test-tsx": (1, r"Testing PV guest\n  Created d\d+\n  Cur: RTM"),
    # Debian's Xen prints another dump, and has no counters.
    "iommu-view": (0, r"^d0\n  addresses +\d+ bits(.|\n)*^  mapped .* by "
                      r"[1-9]\d* leaves(.|\n)*^  0x0+  [A-Za-z.]{64}$(.|\n)*"
                      r"small: a part"),
    'iommu-view --svg /dev/stdout | grep -c "^</svg>$"': (0, r"^1$"),
    "iommu-view --live 0.5 --count 2": (
        0, r"^per second: +shatters +coalesces(.|\n)*^d0 +\S+ .iB by "
           r"(.|\n)*(^\d\d:\d\d:\d\d( +\d+\.\d){6}\n){2}"),
    # There are no HVM guests whose policy could be read.
    "xen-cpuid": (0, r"^HVM Default featureset not supported by Xen"),
    "xen-cpuid -p": (0, r"HVM Max policy not supported by Xen"),
}


def parse(text):
    """{command: (exit code, output)} from the console of test=tools."""
    got = {}
    for m in re.finditer(r"^TOOL-BEGIN (\d+) (.*)\n((?:.*\n)*?)"
                         r"TOOL-END \1 (\d+)$", text, re.M):
        got[m[2]] = (int(m[4]), m[3])
    return got


def normal(line):
    line = re.sub(r"\b[0-9a-f]{8}(:[0-9a-f]{8})+\b", "N", line)
    line = re.sub(r"(?<!\w)[-rbpscdh]{3,6}(?!\w)", "STATE", line)
    line = re.sub(r"0x[0-9a-fA-F]+|\d+(\.\d+)?", "N", line)
    return " ".join(line.split())


def shape(command, output):
    lines = [x for x in output.splitlines()
             if x.strip() and not re.match(r"\(XEN\)|\[ *\d+\.\d+\]", x)]
    if command.startswith(TEXT):
        return ["text"] if output.strip() else []
    if command.startswith(TABLES):
        lines = [re.split(r"[:=]|->| {2}", x.strip())[0] for x in lines]
    return sorted({normal(x) for x in lines})


def load():
    with open(EXPECTED) as f:
        return json.load(f)


def save(got):
    with open(EXPECTED, "w") as f:
        json.dump({c: {"rc": rc, "shape": shape(c, out)}
                   for c, (rc, out) in got.items()}, f, indent=1)
        f.write("\n")


def compare(got, ours):
    """[(command, ok, detail)] for what the boot ran and should have run."""
    want = load()
    out = []
    for c in sorted(set(want) | set(got), key=list(want).index
                    if set(got) <= set(want) else str):
        if c not in got or c not in want:
            out.append((c, False, "not in " + ("the boot" if c not in got else
                                               "expected-tools.json")))
            continue
        rc, text = got[c]
        if ours and c in DIFFERENT:
            wrc, rx = DIFFERENT[c]
            ok = rc == wrc and re.search(rx, text, re.M)
            out.append((c, bool(ok), f"rc {rc}: {text[-200:]!r}"))
            continue
        have, should = set(shape(c, text)), set(want[c]["shape"])
        ok = rc == want[c]["rc"] and have == should
        out.append((c, ok, f"rc {rc} for {want[c]['rc']}, more "
                    f"{sorted(have - should)[:3]}, less "
                    f"{sorted(should - have)[:3]}"))
    return out
