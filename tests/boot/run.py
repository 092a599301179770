#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Boots the hypervisor with Debian's Dom0 under QEMU and checks what it says.

run.py [case...]      runs the cases whose names contain a word; all if none
run.py --list         names them
run.py --regenerate   with HV=debian: writes expected-warnings.txt anew

HV=debian runs the same cases on Debian's Xen: one that fails there too is a
wrong case. BOOT_SLOW=n multiplies every deadline. Logs are in build/logs."""
import hashlib
import os
import random
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import badinput  # noqa: E402
from machine import (Boot, Ended, KERNEL, Machine,  # noqa: E402
                     noise)

HV = os.environ.get("HV", "ours")
SLOW = float(os.environ.get("BOOT_SLOW", "1"))
REGENERATE = "--regenerate" in sys.argv
EXPECTED = f"{HERE}/expected-warnings.txt"
LOGS = "build/logs"
MIB = 1 << 20
PART = 64 * MIB
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


def warnings(text):
    """Normalised lines Linux rates warning or worse, and hypervisor lines
    that sound like one."""
    out = set()
    for m in re.finditer(r"DMESG-WARN-BEGIN\n(.*?)DMESG-WARN-END", text, re.S):
        out |= {normal(x) for x in m[1].splitlines() if x.strip()}
    for line in text.splitlines():
        if line.startswith("(XEN)") and SUSPECT.search(line):
            out.add(normal(line))
    return {x for x in out if x}


def expected():
    try:
        with open(EXPECTED) as f:
            return {x.rstrip("\n") for x in f if not x.startswith("#")}
    except FileNotFoundError:
        return set()


def common_checks(case, machine, boot):
    """What every boot owes once it was powered off."""
    m = re.search(r"^DOM0-CPUS (\d+)", boot.text, re.M)
    case.check(f"{machine.cpus} vCPUs online",
               m and int(m[1]) == machine.cpus, m and m[0])
    case.seen |= warnings(boot.text)
    new = [] if REGENERATE else sorted(case.seen - expected())
    case.check("no warning that Debian's Xen does not cause", not new,
               "".join(f"\n          {x}" for x in new))
    with open(case.log + ".stderr") as f:
        err = [x.strip() for x in f if x.strip() and not noise(x)]
    case.check("nothing on QEMU's stderr", not err, repr(err[:5]))


def test_boot(case, machine, tests, deadline_s=300):
    """Boots with test=...; each TEST line of Dom0 is a result."""
    machine.hv = HV
    machine.dom0_cmdline = f"test={tests} {machine.dom0_cmdline}".strip()
    with Boot(machine, case.log, int(deadline_s * SLOW)) as boot:
        try:
            boot.wait(r"^DOM0-INIT-REACHED")
            case.check(f"Dom0 after {time.monotonic() - boot.start:.0f} s",
                       True)
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


def shell_boot(case, machine, session, deadline_s=300):
    """Boots to the shell; session(boot, case) types, then poweroff."""
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
        common_checks(case, machine, boot)
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


def case_vtd_2g_1cpu_aw39(case):
    test_boot(case, Machine(mem="2G", cpus=1, aw_bits=39, dom0_mem="1536M"),
              "boot+fork+balloon")


def case_vtd_4g_2cpu_aw48(case):
    def session(boot, case):
        command(boot, "echo $((6*7))", r"^42$")
        command(boot, "cat /proc/cmdline", r"^.*console=hvc0")
        m = command(boot, "cat /sys/hypervisor/type", r"^(\w+)\n")
        case.check("typed commands answer", m[1] == "xen", m[1])
        keys = debug_key(boot, "h", r"'q'.*\n")
        case.check("debug keys answer", "'R'" in keys, repr(keys[:200]))

    shell_boot(case, Machine(mem="4G", cpus=2, aw_bits=48, dom0_mem="3G"),
               session)


def case_vtd_14g_2cpu_cm(case):
    test_boot(case, Machine(mem="14G", cpus=2, aw_bits=48, caching_mode=True,
                            dom0_mem="12G"), "boot+fork")


def case_vtd_4g_1cpu_aw39_cm(case):
    test_boot(case, Machine(mem="4G", cpus=1, aw_bits=39, caching_mode=True,
                            dom0_mem="3G"), "boot")


def case_vtd_dma(case):
    """64 MiB both ways through every device, compared on both sides."""
    work = f"build/dma-{HV}"
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
        sums[kind] = hashlib.sha256(data).hexdigest()
    send = rng.randbytes(PART)
    with open(f"{work}/send", "wb") as f:
        f.write(send)
    text = test_boot(case, Machine(
        mem="4G", cpus=2, aw_bits=48, dom0_mem="3G", disks=disks,
        nic="e1000e", net_dir=work), "boot+hw+dma", 900)
    names = {"sda": "ahci", "nvme0n1": "nvme", "vda": "virtio"}
    read = dict(re.findall(r"^DMA-READ (\S+) (\w+)", text, re.M))
    wrote = dict(re.findall(r"^DMA-WROTE (\S+) (\w+)", text, re.M))
    for dev, kind in names.items():
        with open(f"{work}/{kind}.img", "rb") as f:
            f.seek(PART)
            there = hashlib.sha256(f.read(PART)).hexdigest()
        case.check(f"{kind}: Dom0 read what we seeded",
                   read.get(dev) == sums[kind], str(read.get(dev)))
        case.check(f"{kind}: the disk holds what Dom0 wrote",
                   wrote.get(dev) == there, str(wrote.get(dev)))
    m = re.search(r"^NET-READ \S+ (\w+)", text, re.M)
    case.check("e1000e: Dom0 got what we sent",
               m and m[1] == hashlib.sha256(send).hexdigest(), m and m[0])
    m = re.search(r"^NET-WROTE \S+ (\w+)", text, re.M)
    try:
        with open(f"{work}/got", "rb") as f:
            got = hashlib.sha256(f.read()).hexdigest()
    except FileNotFoundError:
        got = None
    case.check("e1000e: we got what Dom0 sent", m and m[1] == got, str(got))
    # The table is printed after the work, counts are per CPU.
    last = text[text.rfind("TEST-BEGIN dma"):]
    for dev in ("ahci", "nvme", "virtio", "eth"):
        lines = [x.split() for x in last.splitlines()
                 if re.match(r"\s*\d+:", x) and dev in x and "-msi" in x]
        count = sum(int(n) for w in lines for n in w[1:3] if n.isdigit())
        case.check(f"{dev}: interrupts by MSI or MSI-X", count > 0,
                   f"{len(lines)} lines, {count} interrupts")
    for kind in names.values():
        os.unlink(f"{work}/{kind}.img")


def case_load(case):
    """Processes, files and pipes; LOAD=seconds of guest time, 30 if not set."""
    secs = int(os.environ.get("LOAD", "30"))
    test_boot(case, Machine(mem="4G", cpus=2, dom0_mem="3G",
                            dom0_cmdline=f"load={secs}"),
              "boot+load", 300 + 4 * secs)


def stops(case, name, machine, says, deadline_s=60):
    """The hypervisor must say why in one line and end the machine itself."""
    machine.hv = HV
    log = f"{LOGS}/{case.name}-{name}-{HV}.log"
    with Boot(machine, log, int(deadline_s * SLOW)) as boot:
        ended = boot.finish(deadline_s * SLOW)
        line = re.search(rf"^\(XEN\).*(?:{says}).*$", boot.text, re.M | re.I)
        case.check(f"{name}: a line says why", line, f"[{log}]")
        case.check(f"{name}: orderly stop", ended == 0
                   and "Linux version" not in boot.text, f"rc {ended} [{log}]")


def goes_on(case, name, machine, says, deadline_s=90):
    """The hypervisor must say it in one line and start Dom0 all the same."""
    machine.hv = HV
    log = f"{LOGS}/{case.name}-{name}-{HV}.log"
    with Boot(machine, log, int(deadline_s * SLOW)) as boot:
        try:
            boot.wait(r"Linux version")
            started = True
        except Ended:
            started = False
        line = re.search(rf"^\(XEN\).*(?:{says}).*$", boot.text, re.M | re.I)
        case.check(f"{name}: a line says so", line, f"[{log}]")
        case.check(f"{name}: Dom0 starts", started, f"[{log}]")


def case_bad_image(case):
    """Dom0 images that are not what they should be."""
    if HV != "ours":
        return
    stops(case, "no-modules", Machine(mem="1G", cpus=1, modules=[]),
          r"no .*(module|kernel)|modules? ")
    for name, (path, says) in badinput.kernels().items():
        stops(case, name, Machine(mem="2G", cpus=1, kernel=path), says)
    # Larger than what dom0_mem leaves for it, though it fits the machine.
    big = badinput.write("big-initrd", b"")
    os.truncate(big, 700 * MIB)
    stops(case, "initrd-too-large",
          Machine(mem="2G", cpus=1, dom0_mem="512M",
                  modules=[f"{KERNEL} console=hvc0", big]),
          r"initrd|ramdisk|memory")


def case_bad_memory(case):
    if HV != "ours":
        return
    stops(case, "dom0-mem-too-small",
          Machine(mem="1G", cpus=1, dom0_mem="8M"), r"dom0_mem|memory")
    goes_on(case, "dom0-mem-too-large",
            Machine(mem="2G", cpus=1, dom0_mem="64G"), r"dom0_mem|memory")
    goes_on(case, "option-unknown",
            Machine(mem="1G", cpus=1, cmdline="nonsense=1"), r"nonsense")
    goes_on(case, "option-malformed",
            Machine(mem="1G", cpus=1, cmdline="maxcpus=lots"), r"maxcpus")


def case_bad_dmar(case):
    if HV != "ours":
        return
    for name, path in badinput.dmars().items():
        goes_on(case, name, Machine(
            iommu="none", mem="1G", cpus=1,
            args=["-acpitable", f"file={path}"]), r"DMAR|vtd")
    stops(case, "force-without-unit",
          Machine(iommu="none", mem="1G", cpus=1, cmdline="iommu=force"),
          r"IOMMU")
    goes_on(case, "no-unit", Machine(iommu="none", mem="1G", cpus=1),
            r"IOMMU|I/O virtuali[sz]ation")


CASES = {n[5:].replace("_", "-"): f for n, f in list(globals().items())
         if n.startswith("case_")}


def main():
    words = [a for a in sys.argv[1:] if not a.startswith("--")]
    if "--list" in sys.argv:
        print("\n".join(CASES))
        return 0
    if REGENERATE and HV != "debian":
        sys.exit("--regenerate needs HV=debian")
    os.makedirs(LOGS, exist_ok=True)
    passed = failed = 0
    seen = set()
    for name, fn in CASES.items():
        if words and not any(w in name for w in words):
            continue
        case = Case(name)
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
