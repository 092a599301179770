# SPDX-License-Identifier: GPL-2.0
"""One description of an emulated machine, and the QEMU that runs it. Both
"make run" and the boot tests build their command lines here."""
import os
import pty
import re
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

XEN_OURS = "xen/xen"
XEN_DEBIAN = "build/image/xen/xen"
KERNEL = "build/image/vmlinuz"
INITRD = "build/image/initrd.gz"
INITRD_TOOLS = "build/image/initrd-tools"    # and Debian's toolstack

# SMAP is broken in this TCG for ring 3, MONITOR is advertised but not there.
CPU = {"intel": "Skylake-Server,-smap", "amd": "EPYC,-smap,-monitor",
       "none": "Skylake-Server,-smap"}


@dataclass
class Machine:
    iommu: str = "intel"
    aw_bits: int = 48
    caching_mode: bool = False
    iommu_opts: str = ""
    mem: str = "4G"
    cpus: int = 2
    cpu: str = ""
    disks: list = field(default_factory=list)   # (ahci|nvme|virtio, file)
    nic: str = ""                               # "e1000e"|"virtio"
    net_dir: str = ""                           # see net_args()
    hv: str = "ours"
    hv_file: str = ""
    dom0_mem: str = ""
    cmdline: str = ""
    dom0_cmdline: str = ""
    kernel: str = KERNEL
    initrd: str = INITRD
    modules: list = None                        # overrides kernel and initrd
    icount: bool = False                        # time is instructions
    stamps: str = ""                            # console_timestamps=
    args: list = field(default_factory=list)

    def hypervisor(self):
        if self.hv_file:
            return self.hv_file
        return XEN_DEBIAN if self.hv == "debian" else XEN_OURS

    def hv_append(self):
        words = ["console=com1", "com1=115200,8n1", "loglvl=all",
                 "guest_loglvl=all"]
        if self.dom0_mem:
            mem = self.dom0_mem
            # A maximum equal to the start keeps frame lists the same size.
            words.append(f"dom0_mem={mem}" if "," in mem or ":" in mem
                         else f"dom0_mem={mem},max:{mem}")
        if self.stamps:
            words.append(f"console_timestamps={self.stamps}")
        return " ".join(words + [self.cmdline]).strip()

    def module_list(self):
        if self.modules is not None:
            return self.modules
        return [f"{self.kernel} console=hvc0 earlyprintk=xen "
                f"{self.dom0_cmdline}".strip(), self.initrd]

    def iommu_args(self):
        if self.iommu == "intel":
            opts = ["intel-iommu", f"aw-bits={self.aw_bits}",
                    f"caching-mode={'on' if self.caching_mode else 'off'}"]
        elif self.iommu == "amd":
            opts = ["amd-iommu"]
        else:
            return []
        if self.iommu_opts:
            opts.append(self.iommu_opts)
        return ["-device", ",".join(opts)]

    def disk_args(self):
        out = []
        port = 0
        for i, (kind, path) in enumerate(self.disks):
            out += ["-drive", f"if=none,id=d{i},format=raw,"
                    f"file={path.replace(',', ',,')}"]
            if kind == "ahci":
                out += ["-device", f"ide-hd,drive=d{i},bus=ide.{port}"]
                port += 1
            elif kind == "nvme":
                out += ["-device", f"nvme,drive=d{i},serial=n{i}"]
            elif kind == "virtio":
                out += ["-device", f"virtio-blk-pci,drive=d{i},"
                        "disable-legacy=on,iommu_platform=on"]
            else:
                raise ValueError(kind)
        return out

    def net_args(self):
        """A card on QEMU's user network. With net_dir, port 7001 of
        10.0.2.100 sends net_dir/send, 7002 stores into net_dir/got and
        answers with its sum."""
        if not self.nic:
            return []
        netdev = "user,id=n0,restrict=on"
        if self.net_dir:
            sink = os.path.join(os.path.dirname(__file__), "sink.py")
            netdev += (f",guestfwd=tcp:10.0.2.100:7001-cmd:cat "
                       f"{self.net_dir}/send"
                       f",guestfwd=tcp:10.0.2.100:7002-cmd:python3 {sink} "
                       f"{self.net_dir}/got")
        dev = {"e1000e": "e1000e",
               "virtio": "virtio-net-pci,disable-legacy=on,iommu_platform=on"
               }[self.nic]
        return ["-netdev", netdev, "-device", f"{dev},netdev=n0"]

    def argv(self, serial):
        out = ["qemu-system-x86_64", "-nodefaults", "-no-user-config",
               "-machine", "q35", "-accel", "tcg",
               "-cpu", self.cpu or CPU[self.iommu],
               "-m", self.mem, "-smp", str(self.cpus),
               "-display", "none", "-vga", "none", "-no-reboot"]
        out += serial
        out += self.iommu_args() + self.disk_args() + self.net_args()
        if self.icount:
            out += ["-icount", "shift=0,sleep=off", "-rtc",
                    "base=2024-01-01,clock=vm", "-seed", "42"]
        out += ["-kernel", self.hypervisor(), "-append", self.hv_append()]
        mods = self.module_list()
        if mods:
            out += ["-initrd", ",".join(m.replace(",", ",,") for m in mods)]
        return out + self.args


class Ended(Exception):
    """QEMU ended or the deadline passed before what was waited for."""


class Console:
    """A running program: its output as text, with a deadline on all of it."""

    def __init__(self, argv, log, deadline_s):
        os.makedirs(os.path.dirname(log) or ".", exist_ok=True)
        self.log = open(log, "wb")
        self.err = open(log + ".stderr", "wb")
        argv = ["timeout", "-s", "KILL", str(deadline_s)] + argv
        self.log.write((" ".join(argv) + "\n").encode())
        self.text = ""
        self.held = ""
        self.pos = 0
        self.start = time.monotonic()
        self.end = self.start + deadline_s
        self.open(argv)
        self.sel = selectors.DefaultSelector()
        self.sel.register(self.out, selectors.EVENT_READ)

    def open(self, argv):
        """Starts it: self.proc; self.inp and self.out are descriptors."""
        self.proc = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.err, start_new_session=True)
        self.inp, self.out = self.proc.stdin.fileno(), self.proc.stdout.fileno()

    def read(self):
        return os.read(self.out, 65536)

    def _pump(self, until):
        """Takes in what is there; False when nothing more will come."""
        left = min(until, self.end) - time.monotonic()
        if left <= 0:
            return False
        if self.sel.select(left):
            data = self.read()
            if not data:
                return False
            self.log.write(data)
            self.log.flush()
            text = self.held + data.decode("utf-8", "replace")
            # The shell asks the terminal where its cursor is; nobody answers.
            # Such a sequence may arrive in pieces.
            text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r", "", text)
            cut = re.search(r"\x1b(\[[0-9;]*)?$", text)
            self.held = cut[0] if cut else ""
            self.text += text[:cut.start()] if cut else text
        return True

    def wait(self, pattern, timeout_s=None):
        """Waits for a regular expression in what was not yet consumed."""
        rx = re.compile(pattern, re.M)
        until = time.monotonic() + timeout_s if timeout_s else self.end
        while True:
            m = rx.search(self.text, self.pos)
            if m:
                self.pos = m.end()
                return m
            if not self._pump(until):
                m = rx.search(self.text, self.pos)
                if m:
                    continue
                raise Ended(f"no /{pattern}/ within "
                            f"{time.monotonic() - self.start:.0f} s; "
                            f"last: {self.text[-200:].strip()!r}")

    def send(self, text):
        data = text.encode()
        while data:
            data = data[os.write(self.inp, data):]

    def finish(self, timeout_s=30):
        """Waits for the machine's own end: its exit code, or None if it had
        to be killed."""
        until = time.monotonic() + timeout_s
        while self._pump(until):
            pass
        try:
            rc = self.proc.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            rc = None
        self.close()
        return rc if rc not in (-9, 137) else None

    def close(self):
        if self.proc.poll() is None:
            os.killpg(self.proc.pid, signal.SIGKILL)
            self.proc.wait()
        self.log.close()
        self.err.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Boot(Console):
    """A running machine."""

    def __init__(self, machine, log, deadline_s):
        super().__init__(machine.argv(["-serial", "stdio"]), log, deadline_s)


class Terminal(Console):
    """A program on a terminal of its own, as somebody would start it."""

    def open(self, argv):
        self.out, slave = pty.openpty()
        self.inp = self.out
        self.proc = subprocess.Popen(argv, stdin=slave, stdout=slave,
                                     stderr=self.err, start_new_session=True)
        os.close(slave)

    def read(self):
        try:
            return super().read()
        except OSError:  # the last one has closed the terminal
            return b""


def noise(line):
    """QEMU lists each feature of the CPU model that TCG lacks, per CPU."""
    return "TCG doesn't support requested feature" in line


def interactive(machine):
    """Runs a machine on this terminal."""
    # QEMU's own escape would be Ctrl-A, which three times is the hypervisor's.
    argv = machine.argv(["-serial", "mon:stdio", "-echr", "0x14"])
    proc = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    # Ctrl-C belongs to Dom0's shell (QEMU's mux passes it on), not to us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in proc.stderr:
        if not noise(line):
            sys.stderr.write(line)
    return proc.wait()
