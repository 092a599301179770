#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes build/image/initrd-tools: the test initrd with Debian's toolstack in
it. The packages are installed by mmdebstrap, unmodified, under /debian, which
the guest enters with chroot. The unpacked packages stay in a cache outside
the tree, named by the versions that apt's lists give."""
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import build  # noqa: E402

PACKAGES = ["xen-utils-4.17", "xen-utils-common", "xenstore-utils", "dash",
            "bash", "util-linux"]
MODULES = ["xen-gntalloc", "xen-pciback"]
# What Dom0 and a guest load for /tests/guests.
BACKENDS = ["xen-blkback", "xen-netback", "bridge", "loop"]
FRONTENDS = ["xen-blkfront", "xen-netfront"]
# What no tool under test reads; each megabyte costs a second of each boot.
LEFT_OUT = """usr/share/doc usr/share/man usr/share/locale usr/share/info
usr/share/perl usr/share/perl5 usr/share/zoneinfo usr/share/lintian
usr/share/common-licenses usr/lib/xen-4.17/boot lib/udev/hwdb.d lib/systemd
usr/lib/python3.11/test usr/lib/python3.11/idlelib usr/lib/python3
usr/share/python3 usr/share/bash-completion usr/share/pam usr/lib/dpkg
usr/share/debconf usr/lib/x86_64-linux-gnu/perl-base bin/udevadm
usr/lib/x86_64-linux-gnu/gconv var/cache var/lib/dpkg var/lib/apt dev
etc/apt usr/bin/lsblk usr/bin/lsfd usr/sbin/zramctl
usr/lib/x86_64-linux-gnu/libgcrypt.so.20.4.1
usr/lib/x86_64-linux-gnu/libsystemd.so.0.35.0""".split()
HERE = os.path.dirname(os.path.abspath(__file__))
EXTRA = f"{HERE}/tools-root"
VIEW = "tools/iommu-view"
COUNTERS = "tests/guest/counters.c"
OUT = build.OUT


def versions():
    text = subprocess.run(
        ["apt-cache", "show", "--no-all-versions"] + PACKAGES, check=True,
        capture_output=True, text=True).stdout
    found = [line for line in text.splitlines()
             if line.startswith(("Package:", "Version:", "SHA256:"))]
    if len(found) != 3 * len(PACKAGES):
        sys.exit("tools.py: apt does not know all of " + " ".join(PACKAGES))
    return "\n".join(found)


def sources(suite="bookworm"):
    host = "http://deb.debian.org"
    return [f"deb {host}/debian {suite} main",
            f"deb {host}/debian-security {suite}-security main"]


def packages_tar():
    base = os.environ.get("XDG_CACHE_HOME",
                          os.path.expanduser("~/.cache")) + "/pv-boot-debs"
    key = hashlib.sha256(versions().encode()).hexdigest()[:16]
    tar = f"{base}/toolstack-{key}.tar"
    if os.path.exists(tar):
        return tar
    os.makedirs(base, exist_ok=True)
    new = f"{tar}.{os.getpid()}.new.tar"
    print("  FETCH   " + " ".join(PACKAGES), flush=True)
    # "extract": packages are unpacked and no script of theirs is run.
    subprocess.run(["mmdebstrap", "--quiet", "--variant=extract",
                    "--include=" + ",".join(PACKAGES), "bookworm", new]
                   + sources(), check=True)
    os.rename(new, tar)
    return tar


def wanted(member, path):
    name = os.path.normpath(member.name)
    if any(name == x or name.startswith(x + "/") for x in LEFT_OUT):
        return None
    return tarfile.tar_filter(member, path)


def extra_files():
    names = []
    for top, dirs, files in os.walk(EXTRA):
        dirs.sort()
        names += [os.path.join(top, f) for f in sorted(files)]
    return names


def digest(tar):
    h = hashlib.sha256()
    inputs = [f"{OUT}/.initrd", __file__, VIEW, COUNTERS]
    for name in inputs + extra_files():
        h.update(name.encode())
        with open(name, "rb") as f:
            h.update(f.read())
    return h.hexdigest() + " " + os.path.basename(tar)


def fill(root, tar):
    with tarfile.open(tar) as t:
        t.extractall(f"{root}/debian", filter=wanted)
    shutil.copytree(EXTRA, root, dirs_exist_ok=True)
    for name in extra_files():
        os.chmod(os.path.join(root, os.path.relpath(name, EXTRA)), 0o755)
    for d in ("proc", "sys", "dev", "run", "tmp", "usr/local/bin"):
        os.makedirs(f"{root}/debian/{d}", exist_ok=True)
    shutil.copy(VIEW, f"{root}/debian/usr/local/bin/")
    os.makedirs(f"{root}/bin", exist_ok=True)
    subprocess.run(["gcc", "-static", "-O2", "-s", "-Wall", "-Wextra",
                    "-Werror", "-o", f"{root}/bin/counters", COUNTERS],
                   check=True)
    # Scripts of the packages call grep and the like: busybox has them.
    shutil.copy("/bin/busybox", f"{root}/debian/usr/local/bin/busybox")
    for applet in subprocess.run(["/bin/busybox", "--list"], check=True,
                                 capture_output=True, text=True
                                 ).stdout.split():
        if applet != "busybox":
            os.symlink("busybox", f"{root}/debian/usr/local/bin/{applet}")
    if not os.path.lexists(f"{root}/debian/bin/sh"):
        os.symlink("dash", f"{root}/debian/bin/sh")
    os.makedirs(f"{root}/lib", exist_ok=True)
    put_modules(root, "tools", build.MODULES, MODULES)
    put_modules(root, "backends", build.MODULES + MODULES, BACKENDS)
    put_modules(root, "frontends", build.MODULES, FRONTENDS)


def put_modules(root, name, loaded, wanted_ones):
    """Modules and the order in which to load them, in /lib/order-NAME; not
    those that are loaded by then."""
    there = build.load_order(loaded)
    order = [p for p in build.load_order(loaded + wanted_ones)
             if p not in there]
    for path in order:
        shutil.copy(path, f"{root}/lib/")
    with open(f"{root}/lib/order-{name}", "w") as f:
        f.writelines(os.path.basename(p) + "\n" for p in order)


def main():
    build.main()
    tar = packages_tar()
    stamp = f"{OUT}/.initrd-tools"
    want = digest(tar)
    if (os.path.exists(stamp) and open(stamp).read() == want
            and os.path.exists(f"{OUT}/initrd-tools")):
        return
    root = f"{OUT}/root-tools"
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    fill(root, tar)
    packed = subprocess.run(["zstd", "-q", "-9", "-c"], check=True,
                            input=build.pack(root), capture_output=True).stdout
    # Linux unpacks one archive after the other into the same root.
    with open(f"{OUT}/initrd.gz", "rb") as f:
        base = f.read()
    with open(f"{OUT}/initrd-tools", "wb") as f:
        f.write(base + b"\0" * (-len(base) % 4) + packed)
    shutil.rmtree(root)
    with open(stamp, "w") as f:
        f.write(want)
    print(f"  INITRD  {OUT}/initrd-tools "
          f"({(len(base) + len(packed)) >> 10} KiB)")


if __name__ == "__main__":
    main()
