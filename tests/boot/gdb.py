# SPDX-License-Identifier: GPL-2.0
"""A few words of gdb's remote protocol: stop a machine at its hypervisor's
first instruction and change memory that firmware wrote."""
import socket
import struct
import time


class Gdb:
    """QEMU's stub behind a unix socket; the machine was started with -S."""

    def __init__(self, path, deadline_s=20):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(deadline_s)
        end = time.monotonic() + deadline_s
        while True:
            try:
                self.sock.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self.held = b""

    def _byte(self):
        if not self.held:
            self.held = self.sock.recv(1 << 16)
            if not self.held:
                raise OSError("the stub hung up")
        c, self.held = self.held[:1], self.held[1:]
        return c

    def packet(self):
        while self._byte() != b"$":
            pass
        out = b""
        while (c := self._byte()) != b"#":
            out += c
        self._byte(), self._byte()  # its sum: a socket loses nothing
        self.sock.sendall(b"+")
        return out.decode()

    def ask(self, text):
        self.sock.sendall(b"$%s#%02x" % (text.encode(),
                                         sum(text.encode()) & 0xFF))
        return self.packet()

    def run_to(self, addr):
        if self.ask(f"Z1,{addr:x},1") != "OK":
            raise OSError("no breakpoint")
        self.ask("c")
        self.ask(f"z1,{addr:x},1")

    def read(self, addr, length):
        out = b""
        while len(out) < length:
            n = min(1024, length - len(out))
            out += bytes.fromhex(self.ask(f"m{addr + len(out):x},{n:x}"))
        return out

    def write(self, addr, data):
        if self.ask(f"M{addr:x},{len(data):x}:{data.hex()}") != "OK":
            raise OSError(f"cannot write at {addr:#x}")

    def go(self):
        self.ask("D")
        self.sock.close()


def find_table(gdb, sig, top):
    """(address, bytes) of an ACPI table in the last 128 KiB below @top."""
    base = top - (128 << 10)
    mem = gdb.read(base, 128 << 10)
    at = -1
    while (at := mem.find(sig, at + 1)) >= 0:
        length = struct.unpack_from("<I", mem, at + 4)[0]
        if 36 <= length < 4096 and sum(mem[at:at + length]) & 0xFF == 0:
            return base + at, mem[at:at + length]
    raise OSError(f"no {sig.decode()}")
