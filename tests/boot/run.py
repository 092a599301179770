#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Boots the hypervisor with Debian's Dom0 under QEMU and checks what it says.

run.py [case...]      runs the cases whose names contain a word; all if none
run.py --list         names them
run.py --regenerate   with HV=debian: writes expected-warnings.txt anew

HV=debian runs the same cases on Debian's Xen: one that fails there too is a
wrong case. BOOT_SLOW=n multiplies every deadline. Logs are in build/logs."""
import hashlib
import itertools
import os
import random
import re
import signal
import struct
import subprocess
import sys
import tarfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import attack_table  # noqa: E402
import badinput  # noqa: E402
import oracle  # noqa: E402
import tools  # noqa: E402
from gdb import Gdb, find_table  # noqa: E402
from machine import (Boot, Ended, INITRD,  # noqa: E402
                     INITRD_TOOLS, KERNEL,
                     Machine, Terminal, noise)

HV = os.environ.get("HV", "ours")
SLOW = float(os.environ.get("BOOT_SLOW", "1"))
REGENERATE = "--regenerate" in sys.argv
EXPECTED = f"{HERE}/expected-warnings.txt"
LOGS = "build/logs"
MIB = 1 << 20
PART = 64 * MIB
SUMMARY = re.compile(r"iommu: d0: (\d+) tables, (\d+) x 1G \+ (\d+) x 2M \+ "
                     r"(\d+) x 4K leaves, (\d+) bytes mapped, fewest "
                     r"possible (\d+) leaves")
SUSPECT = re.compile(r"warn|error|fail|\bfault|\bbug\b|panic|assert|unable|"
                     r"cannot|can't|\binvalid\b|\bbad\b|corrupt|unexpected",
                     re.I)


class Case:
    """One boot: named results, so that one boot checks many things."""

    def __init__(self, name):
        self.name = name
        self.log = f"{LOGS}/{name}-{HV}.log"
        self.failed = []
        self.passed = 0
        self.seen = set()

    def check(self, what, ok, detail=""):
        if ok:
            self.passed += 1
            print(f"  ok    {self.name}: {what}", flush=True)
        else:
            self.failed.append(what)
            print(f"  FAIL  {self.name}: {what} {detail} [{self.log}]",
                  flush=True)
        return ok


def normal(line):
    """A line without what differs between two boots of one machine."""
    line = re.sub(r"^\(XEN\)\s*", "(XEN) ", line)
    line = re.sub(r"\[ *\d+\.\d+\]\s*", "", line)
    line = re.sub(r"\b0x[0-9a-fA-F]+\b", "N", line)
    line = re.sub(r"\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{6,}\b", "N", line)
    return re.sub(r"\d+", "N", line).strip()


# The kernel's clock watchdog was not run in time by a busy host.
STARVED = re.compile(r"clocksource: Long readout interval")
# Our own module, which makes page tables of pages.
MODULE = re.compile(r"^edu_attack: ")


# A line of debug key p: a counter's name, and how much.
COUNTER = re.compile(r"\(XEN\) +\S.* {3,}\d+\b")


def warnings(text):
    """Normalised lines Linux rates warning or worse, and hypervisor lines
    that sound like one."""
    out = set()
    for m in re.finditer(r"DMESG-WARN-BEGIN\n(.*?)DMESG-WARN-END", text, re.S):
        out |= {normal(x) for x in m[1].splitlines() if x.strip()}
    for line in text.splitlines():
        if (line.startswith("(XEN)") and SUSPECT.search(line)
                and not COUNTER.match(line)):
            out.add(normal(line))
    return {x for x in out if x and not STARVED.search(x)
            and not MODULE.search(x)}


def expected():
    try:
        with open(EXPECTED) as f:
            return {x.rstrip("\n") for x in f if not x.startswith("#")}
    except FileNotFoundError:
        return set()


APIC_KHZ = 62500    # QEMU's local APIC: 1 GHz, and we divide by 16


def common_checks(case, machine, boot, allowed=None):
    """What every boot owes once it was powered off."""
    m = re.search(r"apic: timer (\d+) kHz", boot.text)
    if HV == "ours":
        case.check("local timer measured within 1 %",
                   m and abs(int(m[1]) - APIC_KHZ) < APIC_KHZ / 100, m and m[0])
    m = re.search(r"^DOM0-CPUS (\d+)", boot.text, re.M)
    case.check(f"{machine.cpus} vCPUs online",
               m and int(m[1]) == machine.cpus, m and m[0])
    case.seen |= {x for x in warnings(boot.text)
                  if not (allowed and re.search(allowed, x))}
    new = [] if REGENERATE else sorted(case.seen - expected())
    case.check("no warning that Debian's Xen does not cause", not new,
               "".join(f"\n          {x}" for x in new))
    with open(case.log + ".stderr") as f:
        err = [x.strip() for x in f if x.strip() and not noise(x)
               and not (allowed and re.search(allowed, x))]
    case.check("nothing on QEMU's stderr", not err, repr(err[:5]))
    if HV == "ours" and machine.iommu != "none" and not allowed:
        fault = re.search(r"\(XEN\).*(?:vtd|amdvi)\d+: (?:fault:|\d+ faults|"
                          r"more (?:faults|events)).*", boot.text)
        case.check("no IOMMU fault", not fault, fault and fault[0])
        at = boot.text.find("DOM0-INIT-REACHED")
        case.check("IOMMU summary before Dom0's first program",
                   SUMMARY.search(boot.text[:at]))


def tables(boot, case, when, want_1g=False):
    """Live tables: as few leaves as can be, and what the page types say."""
    if HV != "ours":
        return
    time.sleep(3 * SLOW)  # leaves are joined again when the tree is quiet
    text = debug_key(boot, "o", SUMMARY.pattern, 120)
    n = [int(x) for x in SUMMARY.search(text).groups()]
    leaves, fewest = sum(n[1:4]), n[5]
    case.check(f"{when}: leaves at most 1.05 times the fewest",
               0 < fewest and leaves <= 1.05 * fewest, f"{leaves} of {fewest}")
    case.check(f"{when}: large leaves hold nearly all",
               n[2] > 0 and (n[1] > 0 or not want_1g)
               and n[3] * 4096 * 20 < n[4], SUMMARY.search(text)[0])
    text = debug_key(boot, "O", r"iommu sweep: d0: \d+ pages.*\n", 120)
    m = re.search(r"iommu sweep: d0: (\d+) pages, (\d+) mismatches", text)
    case.check(f"{when}: sweep finds no mismatch",
               m and int(m[1]) > 0 and m[2] == "0", text[-400:])


def view(boot, case):
    """Every range, by parts, and what iommu-view makes of this console."""
    if HV != "ours":
        return
    part = r"iommu dump: (more|end), [1-9]\d* ranges.*\n"
    # Twice each time: too late to go on with it, it begins anew.
    while re.search(part, debug_key(boot, "oo", part))[1] == "more":
        pass
    r = subprocess.run([sys.executable, "tools/iommu-view", case.log],
                       capture_output=True, text=True, check=False)
    case.check("iommu-view shows the whole dump", r.returncode == 0
               and re.search(r"^d0\n(.*\n)*  mapped .*\n(.*\n)*"
                             r"  0x0+  [A-Za-z.]{64}$", r.stdout, re.M),
               f"rc {r.returncode}: {r.stderr}{r.stdout[:300]}")


def test_boot(case, machine, tests, deadline_s=300):
    """Boots with test=...; each TEST line of Dom0 is a result. A test named
    keys stands still while we look at the live tables."""
    machine.hv = HV
    machine.dom0_cmdline = f"test={tests} {machine.dom0_cmdline}".strip()
    with Boot(machine, case.log, int(deadline_s * SLOW)) as boot:
        try:
            boot.wait(r"^DOM0-INIT-REACHED")
            case.check(f"Dom0 after {time.monotonic() - boot.start:.0f} s",
                       True)
            names = tests.split("+")
            for i, name in enumerate(names):
                if name == "keys":
                    boot.wait(r"^KEYS-READY")
                    tables(boot, case, f"after {names[i - 1]}")
                    boot.send("go\n")
            boot.wait(r"^DOM0-POWEROFF")
            ended = boot.finish(60 * SLOW)
            case.check("poweroff ends QEMU", ended == 0, f"rc {ended}")
        except Ended as e:
            case.check("boot", False, str(e))
        results = re.findall(r"^TEST (\S+) (ok|FAIL.*)$", boot.text, re.M)
        for name, verdict in results:
            case.check(name, verdict == "ok", verdict)
        for want in tests.split("+"):
            if want not in [n for n, _ in results]:
                case.check(want, False, "no result")
        common_checks(case, machine, boot)
        return boot.text


def shell_boot(case, machine, session, deadline_s=300, allowed=None):
    """Boots to the shell; session(boot, case) types, then poweroff. Warnings
    that match allowed are what the session is about."""
    machine.hv = HV
    with Boot(machine, case.log, int(deadline_s * SLOW)) as boot:
        try:
            boot.wait(r"^DOM0-INIT-REACHED")
            boot.wait(r"^Dom0 shell")
            boot.wait(r"# $")
            case.check("prompt", True)
            session(boot, case)
            boot.send("poweroff\n")
            ended = boot.finish(60 * SLOW)
            case.check("poweroff ends QEMU", ended == 0, f"rc {ended}")
        except Ended as e:
            case.check("boot", False, str(e))
        common_checks(case, machine, boot, allowed)
        return boot.text


def command(boot, line, pattern, timeout_s=60):
    """Types a line; what it prints must match before the next prompt."""
    boot.send(line + "\n")
    m = boot.wait(pattern, timeout_s * SLOW)
    boot.wait(r"# $", timeout_s * SLOW)
    return m


def debug_key(boot, key, done, timeout_s=60):
    """Presses a debug key of the hypervisor, waits for the pattern that ends
    its output, and gives the keyboard back to Dom0; what was printed."""
    boot.send("\x01\x01\x01")
    boot.wait(r"Serial input to Xen|input goes to the hypervisor",
              timeout_s * SLOW)
    start = boot.pos
    boot.send(key)
    boot.wait(done, timeout_s * SLOW)
    boot.send("\x01\x01\x01")
    boot.wait(r"Serial input to DOM0|input goes to Dom0", timeout_s * SLOW)
    return boot.text[start:boot.pos]


# ---- cases ----------------------------------------------------------------


SIZES = {"2G": "1536M", "4G": "3G", "14G": "12G"}    # machine: Dom0
VENDORS = {"vtd": "intel", "amd": "amd"}


def sized(vendor, mem, cpus, **more):
    """A machine with an IOMMU of a vendor and a Dom0 that nearly fills it."""
    return Machine(iommu=VENDORS[vendor], mem=mem, cpus=cpus,
                   dom0_mem=SIZES[mem], **more)


# Every pair of (memory, CPUs, width, caching mode) is in one of the six of
# VT-d (vtd-4g-2cpu-aw48 has the shell); AMD's unit has no such options.
BOOTS = {
    "vtd-2g-1cpu-aw39": ("boot+debug+keys", dict(aw_bits=39)),
    "vtd-2g-2cpu-aw48-cm": ("boot+balloon+keys", dict(caching_mode=True)),
    "vtd-4g-1cpu-aw39-cm": ("boot+fork+keys",
                            dict(aw_bits=39, caching_mode=True)),
    "vtd-14g-2cpu-aw39-cm": ("boot+keys",
                             dict(aw_bits=39, caching_mode=True)),
    "vtd-14g-1cpu-aw48": ("boot+keys", {}),
    "amd-2g-1cpu": ("boot+debug+keys", {}),
    # With the page sizes between; Debian's Xen has no such option.
    "amd-2g-2cpu": ("boot+balloon+keys", dict(
        cmdline="iommu=amd-mid-pages" if HV == "ours" else "")),
    "amd-4g-1cpu": ("boot+fork+keys", {}),
    "amd-14g-2cpu": ("boot+keys", {}),
    "amd-14g-1cpu": ("boot+keys", {}),
}


def boots(case):
    tests, more = BOOTS[case.name]
    vendor, mem, cpus = case.name.split("-")[:3]
    text = test_boot(case, sized(vendor, mem.upper(), int(cpus[0]), **more),
                     tests)
    if more.get("cmdline"):
        case.check("the sizes between are in use",
                   "amdvi: page sizes between" in text)


FLUSHES = "IOMMU flushes waited for"
FORKS = 200


def counter(boot, name):
    """A performance counter, as the debug key prints it."""
    return int(re.search(rf"{name} +(\d+)",
                         debug_key(boot, "p", rf"{name} +\d+\n"))[1])


def flushes(boot, case, what, most, line, pattern):
    """How many times a command waits for the IOMMUs."""
    before = counter(boot, FLUSHES) if HV == "ours" else 0
    m = command(boot, line, pattern, 180)
    if HV == "ours":
        rise = counter(boot, FLUSHES) - before
        case.check(f"{what}: {rise} flushes", 0 < rise <= most,
                   f"more than {most}")
    return m


def shell(case, vendor):
    """The shell, and the live tables of a 3 GiB Dom0. Without batches a fork
    would wait for some ten flushes, and a balloon for one a page."""
    def session(boot, case):
        command(boot, "echo $((6*7))", r"^42$")
        command(boot, "cat /proc/cmdline", r"^.*console=hvc0")
        m = command(boot, "cat /sys/hypervisor/type", r"^(\w+)\n")
        case.check("typed commands answer", m[1] == "xen", m[1])
        keys = debug_key(boot, "h", r"'q'.*\n")
        case.check("debug keys answer", "'R'" in keys, repr(keys[:200]))
        tables(boot, case, "after boot", want_1g=True)
        view(boot, case)
        # A flush for each table would be nine a fork, eighteen where AMD's
        # unit also caches what is absent.
        flushes(boot, case, f"{FORKS} forks",
                FORKS * (10 if vendor == "amd" else 5),
                f"i=0; while [ $i -lt {FORKS} ]; do (:); i=$((i+1)); done; "
                "echo FORK''ED", r"^FORKED\n")
        for test, most in (("fork", 40000), ("balloon", 6000)):
            m = flushes(boot, case, test, most, f"/tests/{test}",
                        rf"^TEST {test} (.*)\n")
            case.check(test, m[1] == "ok", m[1])
            tables(boot, case, f"after {test}")

    shell_boot(case, sized(vendor, "4G", 2), session, 500)


def case_vtd_4g_2cpu_aw48(case):
    shell(case, "vtd")


def case_amd_4g_2cpu(case):
    shell(case, "amd")


def case_vtd_matrix(case):
    """MATRIX=1: all 24 machines, half an hour."""
    if "MATRIX" not in os.environ:
        return
    for mem in SIZES:
        for cpus, aw, cm in itertools.product((1, 2), (39, 48),
                                              (False, True)):
            one = Case(f"{case.name}-{mem}-{cpus}cpu-aw{aw}"
                       + ("-cm" if cm else ""))
            test_boot(one, sized("vtd", mem, cpus, aw_bits=aw,
                                 caching_mode=cm), "boot+keys")
            case.passed += one.passed
            case.failed += one.failed
            case.seen |= one.seen


def irq_counts(text, mark):
    """Device -> message-signalled interrupts of all CPUs, from the lines of
    /proc/interrupts behind a mark."""
    out = {}
    for line in text[text.rfind(mark):].splitlines()[1:]:
        m = re.match(r"\s*\d+:((?:\s+\d+)+)\s+\S+\s+-msi(?:-x)?\s+"
                     r"(ahci|nvme|virtio|eth)", line)
        if m:
            out[m[2]] = out.get(m[2], 0) + sum(map(int, m[1].split()))
        elif not re.match(r"\s*\d+:", line):
            break
    return out


def dma(case, vendor):
    """64 MiB both ways through every device, compared on both sides."""
    work = f"build/{case.name}-{HV}"
    os.makedirs(work, exist_ok=True)
    rng = random.Random(20220125)
    disks, sums = [], {}
    for kind in ("ahci", "nvme", "virtio"):
        data = rng.randbytes(PART)
        path = f"{work}/{kind}.img"
        with open(path, "wb") as f:
            f.write(data)
            f.truncate(4 * PART)
        disks.append((kind, path))
        sums[kind] = hashlib.md5(data).hexdigest()
    send = rng.randbytes(PART)
    with open(f"{work}/send", "wb") as f:
        f.write(send)
    text = test_boot(case, sized(vendor, "4G", 2, disks=disks, nic="e1000e",
                                 net_dir=work), "boot+hw+dma+keys", 600)
    names = {"sda": "ahci", "nvme0n1": "nvme", "vda": "virtio"}
    read = dict(re.findall(r"^DMA-READ (\S+) (\w+)", text, re.M))
    wrote = dict(re.findall(r"^DMA-WROTE (\S+) (\w+)", text, re.M))
    for dev, kind in names.items():
        with open(f"{work}/{kind}.img", "rb") as f:
            f.seek(PART)
            there = hashlib.md5(f.read(PART)).hexdigest()
        case.check(f"{kind}: Dom0 read what we seeded",
                   read.get(dev) == sums[kind], str(read.get(dev)))
        case.check(f"{kind}: the disk holds what Dom0 wrote",
                   wrote.get(dev) == there, str(wrote.get(dev)))
    m = re.search(r"^NET-READ \S+ (\w+)", text, re.M)
    case.check("e1000e: Dom0 got what we sent",
               m and m[1] == hashlib.md5(send).hexdigest(), m and m[0])
    try:
        with open(f"{work}/got", "rb") as f:
            got = hashlib.md5(f.read()).hexdigest()
    except FileNotFoundError:
        got = None
    case.check("e1000e: we got what Dom0 sent", m and m[1] == got, str(got))
    before = irq_counts(text, "IRQS-BEFORE")
    after = irq_counts(text, "IRQS-AFTER")
    for dev in ("ahci", "nvme", "virtio", "eth"):
        rise = after.get(dev, 0) - before.get(dev, 0)
        case.check(f"{dev}: interrupts by MSI or MSI-X", rise >= 20,
                   f"{rise} more")
    for kind in names.values():
        os.unlink(f"{work}/{kind}.img")


def case_vtd_dma(case):
    dma(case, "vtd")


def case_amd_dma(case):
    dma(case, "amd")


def case_tools(case):
    """Every tool of Debian's xen-utils against what it says on Debian's Xen;
    there with the scheduler we call ourselves."""
    text = test_boot(case, Machine(
        mem="2G", cpus=2, dom0_mem="1G", initrd=INITRD_TOOLS,
        cmdline="sched=credit" if HV == "debian" else ""),
        "tools", 1200)
    got = tools.parse(text)
    for what in ("store xenstored up", "xen-init-dom0 0", "xenconsoled 0"):
        case.check(f"toolstack: {what}", f"TOOLSTACK {what}" in text)
    if REGENERATE:
        tools.save(got)
    missing = tools.not_run(text)
    case.check("every program of the packages is run", "TOOL-FILE" in text
               and not missing, " ".join(missing))
    for command, ok, detail in tools.compare(got, HV == "ours"):
        case.check(command, ok, detail)


def case_counters(case):
    """What scripted sequences add to the counters, read by Debian's xenperf;
    Debian's Xen has none."""
    if HV != "ours":
        return
    text = test_boot(case, Machine(mem="2G", cpus=2, dom0_mem="1G",
                                   initrd=INITRD_TOOLS), "counters")
    case.check("counters are exact", re.search(
        r"^COUNTERS 60 exact$", text, re.M), "\n".join(
            re.findall(r"^COUNT .* FAIL$", text, re.M)))


def case_oxenstored(case):
    """The store in OCaml: starts, answers, and xl works with it."""
    def session(boot, case):
        for what in ("store oxenstored up", "xen-init-dom0 0",
                     "xenconsoled 0"):
            case.check(f"toolstack: {what}", f"TOOLSTACK {what}" in boot.text)
        m = command(boot, "chroot /debian /usr/sbin/xl list",
                    r"^Domain-0 +0 .*$")
        case.check("xl list", m)

    shell_boot(case, Machine(mem="2G", cpus=1, dom0_mem="1G",
                             initrd=INITRD_TOOLS,
                             dom0_cmdline="store=oxenstored"), session)


def guest_files(path):
    """A guest's kernel and initrd as an archive, which Dom0 gets as a disk."""
    with tarfile.open(path, "w", dereference=True) as t:
        for name in (KERNEL, INITRD):
            t.add(name, os.path.basename(name))


def case_domu(case):
    """xl create of a PV guest, its own test, xl destroy, memory back."""
    disk = f"build/domu-{HV}.tar"
    guest_files(disk)
    test_boot(case, Machine(mem="2G", cpus=2, dom0_mem="1G",
                            initrd=INITRD_TOOLS, disks=[("ahci", disk)]),
              "domu", 900)
    os.unlink(disk)


def case_guests(case):
    """Three guests at once, with disks and networks, through their lives."""
    disk, image = f"build/guests-{HV}.tar", f"build/guests-{HV}.img"
    guest_files(disk)
    rng = random.Random(4)
    first = rng.randbytes(16 * MIB)
    with open(image, "wb") as f:
        f.write(first)
        f.truncate(32 * MIB)
    text = test_boot(case, Machine(mem="3G", cpus=2, dom0_mem="1G",
                                   initrd=INITRD_TOOLS,
                                   disks=[("ahci", disk), ("ahci", image)]),
                     "guests", 1200)
    said = dict(re.findall(r"^GUEST g1 (READ|WROTE) (\w+)", text, re.M))
    case.check("g1: read what is on the disk",
               said.get("READ") == hashlib.md5(first).hexdigest())
    with open(image, "rb") as f:
        f.seek(16 * MIB)
        there = hashlib.md5(f.read()).hexdigest()
    case.check("g1: the disk holds what it wrote", said.get("WROTE") == there)
    os.unlink(disk)
    os.unlink(image)


def load(case, vendor):
    """Processes, files and pipes; LOAD=seconds of guest time, 30 if not set."""
    secs = int(os.environ.get("LOAD", "30"))
    test_boot(case, sized(vendor, "4G", 2, dom0_cmdline=f"load={secs}"),
              "boot+load", 300 + 4 * secs)


def case_load(case):
    load(case, "vtd")


def case_amd_load(case):
    load(case, "amd")


def case_amd_run(case):
    """"make run" on a terminal: a prompt, an answer, an end."""
    if HV != "ours":
        return
    with Terminal(["make", "run", "IOMMU=amd", "MEM=2G", "DOM0_MEM=1G"],
                  case.log, int(300 * SLOW)) as run:
        try:
            run.wait(r"\(XEN\) iommu: amdvi, 1 unit, .*Dom0 strict")
            run.wait(r"^Dom0 shell")
            run.wait(r"# $")
            run.send("echo $((6*7))\n")
            run.wait(r"^42$")
            run.send("poweroff\n")
            ended = run.finish(60 * SLOW)
            case.check("make run: a shell, an answer, an end", ended == 0,
                       f"rc {ended}")
        except Ended as e:
            case.check("make run", False, str(e))


# What each mode is called on the command line; all are spelled out because
# Debian's Xen has another default.
DMA_MODES = {"strict": "strict",
             "noreserved": "strict,no-map-reserved",
             "relaxed": "no-strict",
             "inclusive": "no-strict,map-inclusive",
             "passthrough": "passthrough"}
EDU_SLOT = 4
EDUS = 6
# The reports of blocked DMA, which are wanted, and what follows from them.
BLOCKED = (r"fault|Bus mastering|bus mastering|out-of-tree module|"
           r"module verification|detected IOVA overflow|"
           r"slpte permission error|detected translation failure")


# What firmware might have forgotten, for the first of the devices.
FORGOTTEN = {"intel": f"rmrr={oracle.UNITY:x}=0:{EDU_SLOT}.0",
             "amd": f"ivmd={oracle.UNITY:x}=0:{EDU_SLOT}.0 "
                    "ivrs_ioapic[0]=0:14.0"}
FRESH = {}      # types of Dom0's pages before it runs, by mode


def fresh_types(case, mode, text):
    """The types of fresh memory are the same in every mode."""
    m = re.search(r"iommu: d0: pages by type: (.*)", text)
    FRESH[mode] = m and m[1]
    case.check("no fresh page of Dom0 without a type",
               m and "writable" in m[1] and m[1].endswith(" 0 untyped"),
               m and m[1])
    case.check(f"types of fresh pages as in {', '.join(FRESH)}",
               len(set(FRESH.values())) == 1, repr(FRESH))


def attack(case, iommu, mode):
    """Dom0's devices reach for everything, and for some of it in vain."""
    name = f"{LOGS}/{case.name}-{HV}"
    parts = os.environ.get("PARTS", "")
    edus = [w for i in range(EDUS) for w in (
        "-device", f"edu,addr={EDU_SLOT + i},dma_mask=0xffffffffffffffff")]
    events = [w for e in oracle.UNITS[iommu].EVENTS for w in ("-trace", e)]
    machine = Machine(
        iommu=iommu, mem="4G", cpus=2, dom0_mem="3G",
        cmdline=f"iommu=debug dom0-iommu={DMA_MODES[mode]} "
                + ("xpti=no" if HV == "debian" else FORGOTTEN[iommu]),
        nic="e1000e" if mode == "inclusive" else "",
        args=edus + ["-qmp", f"unix:{name}.qmp,server=on,wait=off",
                     "-D", f"{name}.trace"] + events)

    def session(boot, case):
        mon = oracle.Monitor(f"{name}.qmp")
        out = oracle.Oracle(mon, machine, f"{name}.trace", EDU_SLOT << 3)
        out.console = lambda: boot.text
        boot.send("dmesg | grep 'ACPI: [RX]SDT'\n")
        boot.wait(r"# $")
        rounds = int(os.environ.get("ROUNDS", "1000"))
        start = time.monotonic()
        boot.send(f"/tests/attack {mode} {rounds:x} {parts}\n")
        answers = {}
        while True:
            m = boot.wait(r"ASK (\d+) (\w+) (\S+) \.|"
                          r"^TEST attack (ok|FAIL.*)\n", 300 * SLOW)
            if m[4]:
                break
            if m[1] not in answers:
                answers[m[1]] = out.answer(m[2], m[3])
            boot.send(f"A {m[1]} {answers[m[1]]}\n")
        print(f"  attacks took {time.monotonic() - start:.0f} s")
        boot.wait(r"# $", 60 * SLOW)
        if HV == "ours" and mode in ("strict", "noreserved"):
            text = debug_key(boot, "O", r"iommu sweep: d0: .*", 120)
            case.check("sweep finds no mismatch",
                       re.search(r"d0: \d+ pages, 0 mismatches", text), text)
        if HV == "ours":
            # Twice: the second prints the ranges, for docs/iommu/policy.md.
            debug_key(boot, "o", r"iommu: d0: .*")
            debug_key(boot, "o", r"iommu: d0: .*")

    text = shell_boot(case, machine, session, 600, BLOCKED)
    if HV == "ours":
        fresh_types(case, f"{mode} ({iommu})", text)
    rows = attack_table.ROW.findall(text)
    known = 0
    for target, op, got, want, verdict, proof, fault in rows:
        ok = verdict == "ok"
        if not ok and HV == "debian" and attack_table.xen_differs(case.name,
                                                                  target):
            ok, known = True, known + 1
        case.check(f"{target} {op}: {got} ({proof}, {fault})", ok,
                   f"expected {want}")
    # Its own word too: a row may be torn by a line of the hypervisor.
    said = f"FAIL {known} deviations" if known else "ok"
    case.check("whole matrix ran, no other deviation", len(rows) >= (2 if parts else 70)
               and f"\nTEST attack {said}\n" in text,
               f"{len(rows)} rows, {known} known")
    if iommu == "intel":    # QEMU's amd-iommu never writes its event log
        blocked = sum(r[6].startswith("code") for r in rows)
        device = r"0000:00:0[4-9]\.0"
        logged = len(re.findall(rf"^\(XEN\).*(?:{device}.*fault|"
                                rf"fault.*{device})", text, re.M))
        case.check(f"blocked DMA is logged: {logged} lines for {blocked} rows",
                   logged > 0 or blocked == 0)


def attack_case(iommu, mode):
    return lambda case: attack(case, iommu, mode)


# attack-MODE-vtd and attack-MODE-amd, each a boot of its own.
ATTACKS = {f"attack-{mode}-{unit}": attack_case(iommu, mode)
           for mode in DMA_MODES
           for unit, iommu in attack_table.UNITS.items()}


def stops(case, name, machine, says, deadline_s=60):
    """The hypervisor must say why in one line and end the machine itself."""
    machine.hv = HV
    log = f"{LOGS}/{case.name}-{name}-{HV}.log"
    with Boot(machine, log, int(deadline_s * SLOW)) as boot:
        ended = boot.finish(deadline_s * SLOW)
        line = re.search(rf"^\(XEN\).*(?:{says}).*$", boot.text, re.M)
        case.check(f"{name}: says {says!r}", line, f"[{log}]")
        case.check(f"{name}: orderly stop", ended == 0
                   and "Linux version" not in boot.text
                   and "Panic on" not in boot.text, f"rc {ended} [{log}]")


def bad_checksum(sig):
    """A poke that spoils a table's checksum."""
    def poke(gdb):
        at, table = find_table(gdb, sig, 1 << 30)
        gdb.write(at + 9, bytes([table[9] ^ 0x55]))
    return poke


def new_bytes(sig, old, new):
    """A poke that replaces bytes of a table and puts its checksum right."""
    def poke(gdb):
        at, table = find_table(gdb, sig, 1 << 30)
        out = bytearray(table.replace(old, new, 1))
        if out == table or len(out) != len(table):
            raise OSError(f"{sig.decode()} is not as expected")
        out[9] = (out[9] - sum(out)) & 0xFF
        gdb.write(at, bytes(out))
    return poke


def goes_on(case, name, machine, *says, deadline_s=90, poke=None):
    """The hypervisor must say it in one line and start Dom0 all the same.
    poke(gdb) may change memory before its first instruction."""
    machine.hv = HV
    if poke:
        sock = f"{LOGS}/gdb-{os.getpid()}"
        machine.args += ["-S", "-gdb", f"unix:{sock},server=on,wait=off"]
    log = f"{LOGS}/{case.name}-{name}-{HV}.log"
    with Boot(machine, log, int(deadline_s * SLOW)) as boot:
        if poke:
            with open(machine.hypervisor(), "rb") as f:
                head = f.read(84)  # ELF32: entry, then the one segment
                entry, virt, phys = (struct.unpack_from("<I", head, at)[0]
                                     for at in (24, 60, 64))
            gdb = Gdb(sock)
            os.unlink(sock)
            gdb.run_to(entry - virt + phys)
            poke(gdb)
            gdb.go()
        try:
            boot.wait(r"Linux version")
            started = True
        except Ended:
            started = False
        for want in says:
            line = re.search(rf"^\(XEN\).*(?:{want}).*$", boot.text, re.M)
            case.check(f"{name}: says {want!r}", line, f"[{log}]")
        case.check(f"{name}: Dom0 starts", started, f"[{log}]")


def case_bad_image(case):
    """Dom0 images that are not what they should be."""
    if HV != "ours":
        return
    stops(case, "no-modules", Machine(mem="1G", cpus=1, modules=[]),
          r"boot: no modules: ")
    for name, (path, says) in badinput.kernels().items():
        stops(case, name, Machine(mem="2G", cpus=1, kernel=path), says)
    # Larger than what dom0_mem leaves for it, though it fits the machine.
    big = badinput.write("big-initrd", b"")
    os.truncate(big, 700 * MIB)
    stops(case, "initrd-too-large",
          Machine(mem="2G", cpus=1, dom0_mem="512M",
                  modules=[f"{KERNEL} console=hvc0", big]),
          r"boot: dom0_mem: 512 MiB is too little, kernel and initrd need \d+")


def case_bad_memory(case):
    if HV != "ours":
        return
    stops(case, "dom0-mem-too-small",
          Machine(mem="1G", cpus=1, dom0_mem="8M"),
          r"boot: dom0_mem: 8 MiB is too little")
    goes_on(case, "dom0-mem-too-large",
            Machine(mem="2G", cpus=1, dom0_mem="64G"),
            r"boot: dom0_mem asks for 65536 MiB, only \d+ MiB can be had")
    goes_on(case, "option-unknown",
            Machine(mem="1G", cpus=1, cmdline="nonsense=1"),
            r"cmdline: unknown option: nonsense=1")
    goes_on(case, "option-malformed",
            Machine(mem="1G", cpus=1, cmdline="maxcpus=lots"),
            r"cmdline: bad value: maxcpus=lots")


def bad_tables(case, tables):
    """A machine without a unit and a firmware table that speaks of one: a line
    and a Dom0 without; with iommu=force an orderly stop."""
    def machine(path, **more):
        return Machine(iommu="none", mem="1G", cpus=1,
                       args=["-acpitable", f"file={path}"], **more)

    for name, (path, says) in tables.items():
        goes_on(case, name, machine(path), says, r"iommu: off: ")
    stops(case, "force-bad-table",
          machine(tables["zero-length"][0], cmdline="iommu=force"),
          r"iommu: required by the command line, but its units cannot be used")


def case_bad_dmar(case):
    if HV != "ours":
        return
    goes_on(case, "checksum", Machine(mem="1G", cpus=1),
            r"acpi: .*checksum", r"iommu: off: ", poke=bad_checksum(b"DMAR"))
    bad_tables(case, badinput.dmars())
    stops(case, "force-without-unit",
          Machine(iommu="none", mem="1G", cpus=1, cmdline="iommu=force"),
          r"iommu: required by the command line, but no unit found")
    goes_on(case, "no-unit", Machine(iommu="none", mem="1G", cpus=1),
            r"iommu: off: no unit found")


def case_bad_ivrs(case):
    if HV != "ours":
        return
    bad_tables(case, badinput.ivrss())

    def poked(name, poke, *says):
        goes_on(case, name, Machine(iommu="amd", mem="1G", cpus=1), *says,
                poke=poke)

    poked("checksum", bad_checksum(b"IVRS"), r"acpi: .*checksum",
          r"iommu: off: ")
    # What QEMU says, with a lie in it: its unit is there this time.
    poked("wrong-base", new_bytes(b"IVRS", b"\0\0\xd8\xfe", b"\0\0\xdc\xfe"),
          r"IVRS has its registers at 0xfedc0000, its capability at "
          r"0xfed80000", r"iommu: off: ")
    ioapic = b"\x48\0\0\0\0\xa0\0\x01"
    poked("no-ioapic", new_bytes(b"IVRS", ioapic, b"\x40" + bytes(7)),
          r"amdvi: no unit remaps IO-APIC 0",
          r"iommu: amdvi, 1 unit.* interrupt remapping off")


CASES = {n: boots for n in BOOTS} | {
    n[5:].replace("_", "-"): f for n, f in list(globals().items())
    if n.startswith("case_")} | ATTACKS


# Not in a plain run: guests and load take long, these modes differ from the
# others in a row or two. "T=guests", "T=load" and "T=attack" run them.
BY_NAME = {"guests", "amd-load"} | {
    n for n in ATTACKS if "inclusive" in n or "noreserved" in n}


def main():
    words = [a for a in sys.argv[1:] if not a.startswith("--")]
    if "--list" in sys.argv:
        print("\n".join(CASES))
        return 0
    if REGENERATE and HV != "debian":
        sys.exit("--regenerate needs HV=debian")
    os.makedirs(LOGS, exist_ok=True)
    # So that whoever ends us ends the machine, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    passed = failed = 0
    seen, ran = set(), set()
    for name, fn in CASES.items():
        if words and not any(w in name for w in words):
            continue
        if not words and name in BY_NAME:
            continue
        case = Case(name)
        ran.add(name)
        t = time.monotonic()
        print(f"{name} ({HV})", flush=True)
        try:
            fn(case)
        except Exception as e:  # a broken case fails alone
            case.check("case ran", False, repr(e))
        print(f"  {time.monotonic() - t:.0f} s", flush=True)
        seen |= case.seen
        passed += case.passed
        failed += len(case.failed)
    if ran & set(ATTACKS):
        attack_table.print_table([n for n in ATTACKS if n in ran], [HV])
    if REGENERATE:
        if words:
            seen |= expected()
        with open(EXPECTED, "w") as f:
            f.write("# Warnings Debian's Xen 4.17 also causes, numbers "
                    "replaced by N. Made by:\n"
                    "#   HV=debian python3 tests/boot/run.py --regenerate\n")
            f.writelines(x + "\n" for x in sorted(seen))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
