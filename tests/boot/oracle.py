# SPDX-License-Identifier: GPL-2.0
"""Looks at an emulated machine from outside: the guest under test asks on its
console ("ASK 7 question argument ."), we answer ("A 7 ...") with what QEMU's
monitor and its trace say. Nothing here goes through the hypervisor, so it
cannot lie to us."""
import json
import re
import socket
import time

PAGE = 4096
GIB = 1 << 30
VTD = 0xFED90000
VTD_ROOT = VTD + 0x20       # Spec: VTD "Root Table Address Register"
AMDVI = 0xFED80000          # Spec: AMD48882 "Device Table Base Address"
ADDR = 0x000FFFFFFFFFF000
UNITY = 0x90100             # a frame there
# Where each hypervisor keeps things, as virtual addresses. Ours: asm/config.h;
# Xen's are measured (its boot log and "info mem").
PLACES = {
    "ours": {"image": 0xFFFF82D040200000, "frametable": 0xFFFF810000000000},
    "debian": {"image": 0xFFFF82D040200000, "frametable": 0xFFFF82E000000000},
}


class Monitor:
    """QEMU's monitor over its machine protocol."""

    def __init__(self, path, timeout_s=20):
        end = time.monotonic() + timeout_s
        self.sock = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.sock.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self.file = self.sock.makefile("rw")
        self.file.readline()
        self.execute("qmp_capabilities")

    def execute(self, command, **args):
        self.file.write(json.dumps({"execute": command, "arguments": args})
                        + "\n")
        self.file.flush()
        while True:
            reply = json.loads(self.file.readline())
            if "return" in reply:
                return reply["return"]
            if "error" in reply:
                raise RuntimeError(reply["error"]["desc"])

    def human(self, line, cpu=0):
        return self.execute("human-monitor-command",
                            **{"command-line": line, "cpu-index": cpu})

    def peek(self, addr):
        """Eight bytes as a number; two halves, because devices want that."""
        text = self.human(f"xp /2wx {addr:#x}")
        if "Cannot access memory" in text:
            return None
        words = re.findall(r"0x([0-9a-f]{8})\b", text)
        if len(words) != 2:
            raise RuntimeError(f"xp {addr:#x}: {text!r}")
        return int(words[1] + words[0], 16)

    def machine(self, va, cpus):
        """The machine address of a hypervisor address. A processor may run on
        tables without it, so ask them all, for a while."""
        for _ in range(50):
            for cpu in range(cpus):
                m = re.search(r"gpa: (?:0x)?([0-9a-f]+)",
                              self.human(f"gva2gpa {va:#x}", cpu))
                if m:
                    return int(m[1], 16)
            time.sleep(0.02)
        return 0


class Vtd:
    """QEMU's intel-iommu, as memory and as its trace show it."""
    EVENTS = ["vtd_dmar_fault"]
    REGISTERS = VTD + 8

    def __init__(self, monitor):
        self.mon = monitor

    def verdict(self, trace, at):
        hit = [m for m in re.finditer(
            r"vtd_dmar_fault sid (\S+) fault (\S+) addr (\S+)", trace)
            if int(m[3], 16) // PAGE == at // PAGE]
        return "none" if not hit else f"code-{int(hit[-1][2], 0)}"

    def _root(self):
        return self.mon.peek(VTD_ROOT) & ADDR

    def at_root(self):
        """The entry of bus 255, which has no devices."""
        return self._root() + 255 * 16

    def _context(self):
        return self.mon.peek(self._root()) & ADDR

    def at_context(self):
        """The entry of function ff.7, which is not there."""
        return self._context() + 255 * 16

    def tables(self, devfn):
        """The device's tables, from its root to the lowest below entry 0 (or
        the first that is there)."""
        entry = self._context() + devfn * 16
        low, high = self.mon.peek(entry), self.mon.peek(entry + 8)
        if low >> 2 & 3 == 2:       # Spec: VTD "Context Entry", pass-through
            return []
        return descend(self.mon, low & ADDR, (high & 7) + 1,
                       lambda e: e & 3 and not e & 0x80)


class Amdvi:
    """QEMU's amd-iommu, which keeps no log of faults: a translation that it
    refuses has the address 0 in its trace."""
    EVENTS = ["amdvi_translation_result"]
    REGISTERS = AMDVI + 0x30

    def __init__(self, monitor):
        self.mon = monitor

    def verdict(self, trace, at):
        hit = [m for m in re.finditer(
            r"amdvi_translation_result \S+ \S+ gpa (\S+) hpa (\S+)", trace)
            if int(m[1], 16) // PAGE == at // PAGE]
        if not hit:
            return "unseen"
        return "none" if all(int(m[2], 16) for m in hit) else "code-0"

    def _root(self):
        return self.mon.peek(AMDVI) & ADDR

    def at_root(self):
        """The entry of function 1f.7, which is not there."""
        return self._root() + 255 * 32

    def at_context(self):
        return 0

    def tables(self, devfn):
        entry = self.mon.peek(self._root() + devfn * 32)
        # Spec: AMD48882 "Device Table Entry Format": V, TV, Mode
        if entry & 3 != 3 or not entry >> 9 & 7:
            return []
        return descend(self.mon, entry & ADDR, (entry >> 9 & 7) - 1,
                       lambda e: e & 1 and e >> 9 & 7)


def descend(mon, table, levels, is_table):
    """A table and, levels times, the first one below it."""
    out = [table]
    for _ in range(levels):
        for i in range(512):
            e = mon.peek(out[-1] + 8 * i)
            if is_table(e):
                out.append(e & ADDR)
                break
        else:
            break
    return out


UNITS = {"intel": Vtd, "amd": Amdvi}


class Oracle:
    def __init__(self, monitor, machine, trace, devfn):
        self.mon = monitor
        self.unit = UNITS[machine.iommu](monitor)
        self.machine = machine
        self.trace = open(trace, errors="replace")
        self.devfn = devfn
        self.console = lambda: ""

    def answer(self, what, arg):
        try:
            return getattr(self, f"ask_{what}")(arg)
        except (RuntimeError, ValueError, AttributeError) as e:
            return f"error:{type(e).__name__}:{e}".replace(" ", "_")

    def ask_peek(self, arg):
        """Eight bytes, or "-" where nothing answers."""
        value = self.mon.peek(int(arg, 16))
        return "-" if value is None else f"{value:016x}"

    def ask_border(self, arg):
        """From a machine address to the next 2 MiB border, in bytes."""
        at = int(arg, 16)
        step = 2 << 20
        return f"{(-at) % step or step:x}"

    def ask_begin(self, arg):
        """Eight bytes; what the trace says of the page counts from here."""
        self.trace.read()
        return self.ask_peek(arg)

    def ask_end(self, arg):
        """What the unit said of the page since, and the bytes now."""
        return f"{self.unit.verdict(self.trace.read(), int(arg, 16))} " \
            + self.ask_peek(arg)

    def ask_trace(self, arg):
        """Thousands of blocked writes need not all be written down."""
        for event in self.unit.EVENTS:
            self.mon.human(f"trace-event {event} {arg}")
        return "done"

    def ask_where(self, arg):
        return f"{getattr(self, 'at_' + arg.replace('-', '_'))():x}"

    def _place(self, name):
        return self.mon.machine(PLACES[self.machine.hv][name],
                                self.machine.cpus)

    def at_image(self):
        return self._place("image")

    def at_frametable(self):
        return self._place("frametable")

    def at_m2p(self):
        """The entry of frame 0. Spec: <public/arch-x86/xen-x86_64.h>."""
        return self.mon.machine(0xFFFF800000000000, self.machine.cpus)

    def at_heap(self):
        """Below the frame on the stack of the second processor, which came
        from the heap. Spec: SDM vol 3A "64-Bit Task State Segment"."""
        cpu = self.machine.cpus - 1
        m = re.search(r"^TR *=\S+ (\S+)", self.mon.human("info registers", cpu),
                      re.M)
        tss = self.mon.machine(int(m[1], 16), self.machine.cpus)
        top = self.mon.peek(tss + 4)
        return self.mon.machine(top - 8, self.machine.cpus)

    def at_iommu_root(self):
        return self.unit.at_root()

    def at_iommu_context(self):
        return self.unit.at_context()

    def at_iommu_table_top(self):
        t = self.unit.tables(self.devfn)
        return t[0] + 511 * 8 if t else 0

    def at_iommu_table_leaf(self):
        """The last entry of the first table at the lowest level."""
        t = self.unit.tables(self.devfn)
        return t[-1] + 511 * 8 if len(t) > 1 else 0

    def at_iommu_registers(self):
        return self.unit.REGISTERS

    def at_unity(self):
        """What the command line reserves; Debian's Xen takes only what is
        RAM of its memory map."""
        return UNITY << 12 if self.machine.hv == "ours" else 0

    def at_ht(self):
        """What AMD's processors never send to memory; here it is a hole of
        another kind. Spec: AMD24593 "Memory Space Map"."""
        return 0xFD00000000

    def at_acpi(self):
        m = re.search(r"ACPI: (?:XSDT|RSDT) 0x([0-9A-Fa-f]+)", self.console())
        return int(m[1], 16) if m else 0

    def at_past(self):
        size = int(self.machine.mem.rstrip("G")) * GIB
        return size if size < 2816 << 20 else 4 * GIB + size - 2 * GIB

    def at_wide(self):
        """No mode maps it even where the unit drops the upper bits, as QEMU's
        of AMD does: map-inclusive maps holes, but not what is past RAM."""
        return 1 << self.machine.aw_bits | self.at_past()
