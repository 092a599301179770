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
    "xenperf -f": (0, r"^hypercalls +T= +[1-9]\d*( +\d+){64}$"),
    "xenperf -p": (0, r"^ *mmuext_op .*[1-9]"),
    "xenperf -r": (0, r"^$"),
    # What there is outlives a reset, what happened does not.
    'xenperf -r; xenperf | grep "leaves\\|identity\\|type changes"':
        (0, r"page type changes +T= +\d{1,4} (.|\n)*"
            r"leaves: 4K, 2M, 1G +T= +[1-9]\d* (.|\n)*"
            r"identity ranges +T= +[1-9]"),
    # Trace buffers are not there: refused, nothing started.
    "timeout 3 xentrace -D -S 16 /tmp/trace": (1, r"Operation not supported"),
    "xentrace_setsize 16": (1, r"Operation not supported"),
    # Microcode comes from the firmware.
    "echo junk > /tmp/u; xen-ucode /tmp/u": (1, r"Operation not supported"),
    # We have fewer options that change at run time, and no configuration file.
    "xenhypfs tree": (0, r"compiler\n    version/(.|\n)*params/\n"
                         r"    console_timestamps\n    conswitch\n"
                         r"    guest_loglvl\n    loglvl\n"),
    # Debug key o prints our dump.
    "iommu-view": (0, r"^d0\n  addresses +\d+ bits(.|\n)*^  mapped .* by "
                      r"[1-9]\d* leaves(.|\n)*^  0x0+  [A-Za-z.]{64}$(.|\n)*"
                      r"small: a part"),
    'iommu-view --svg - | grep -c "^</svg>$"': (0, r"^1$"),
    "iommu-view --live 0.5 --count 2": (
        0, r"^per second: +shatters +coalesces(.|\n)*^d0 +\S+ .iB by "
           r"(.|\n)*(^\d\d:\d\d:\d\d( +\d+\.\d){6}\n){2}"),
    # Dom0 may map its own shared page here, so this gets further.
    "xen-mfndump dump-p2m 0 | head -n 3": (
        0, r"Dumping P2M for domain 0(.|\n)*^ *pfn=0x0 ==> mfn=0x"),
    "xen-mfndump dump-ptes 0 0x1000": (1, r"out of range for domain 0"),
    # Frequencies are the firmware's; Debian's Xen prints what is no number.
    "xenpm start 1": (0, r"C1(.|\n)*Socket 0\n\s+Core 0 CPU 0"),
    # There are no HVM guests, and so none whose policy could be read.
    "test-tsx": (1, r"Xen doesn't support HVM(.|\n)*"
                    r"Testing MSR_TSX_FORCE_ABORT consistency\n"
                    r"Testing MSR_TSX_CTRL consistency\n"
                    r"Testing MSR_MCU_OPT_CTRL consistency\n"
                    r"Testing RTM behaviour\n(.|\n)*"
                    r"Testing PV guest\n  Created d\d+\n  Cur: RTM"),
    "xen-cpuid": (0, r"^HVM Default featureset not supported by Xen"),
    "xen-cpuid -p": (0, r"HVM Max policy not supported by Xen"),
}

# Started by tools-root/toolstack, or by others that are run.
STARTED = ("xenstored", "oxenstored", "xenconsoled", "xen-init-dom0",
           "xen-utils-wrapper", "xen-toolstack-wrapper")
NOT_RUN = {
    "xendomains": "needs bash; runs xl",
    "xencons": "starts a shell on a guest's console by ssh",
    "xencov_split": "splits what xencov reads, which is refused",
    "xentrace_format": "formats what xentrace writes, which is refused",
    "xen-mceinj": "makes machine checks up; Debian's Xen raises them",
    "xenpvnetboot": "fetches a kernel over the network",
    "xen-init-list": "for the init script that starts guests",
    "xen-init-name": "for the init script that starts guests",
}


def parse(text):
    """{command: (exit code, output)} from the console of test=tools."""
    got = {}
    for m in re.finditer(r"^TOOL-BEGIN (\d+) (.*)\n((?:.*\n)*?)"
                         r"TOOL-END \1 (\d+)$", text, re.M):
        command = m[2]
        while command in got:
            command += " (again)"
        got[command] = (int(m[4]), m[3])
    return got


def not_run(text):
    """Programs of the packages that no command names, those aside which say
    below why. The boot lists them."""
    commands = " ".join(m for m in re.findall(r"^TOOL-BEGIN \d+ (.*)$", text,
                                              re.M))
    words = set(re.findall(r"[\w.-]+", commands)) | set(STARTED) | set(NOT_RUN)
    return sorted(set(re.findall(r"^TOOL-FILE (\S+)$", text, re.M)) - words)


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
