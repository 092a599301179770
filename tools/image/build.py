#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes what every boot needs: build/image/vmlinuz (Debian's, as packaged) and
build/image/initrd.gz (busybox, a few of the kernel's modules, our init, the
guest-side tests and the module they attack with). Does nothing when its inputs
did not change."""
import hashlib
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = "build/image"
LINUX = f"{OUT}/linux"
HEADERS = f"{OUT}/headers"
ATTACK = "tests/guest/edu-attack"
# Static and stripped: the initrd has no library to link them with.
PROGRAMS = {"bin/microbench": "tests/guest/microbench.c",
            "tests/debug": "tests/guest/debugtrap.c"}
# In the order init loads them; what they depend on goes in before each.
MODULES = """ahci sd_mod nvme e1000e virtio_pci virtio_blk virtio_net
xen-privcmd xen-evtchn xen-gntdev xenfs""".split()


def module_files():
    found = {}
    for top, _, names in os.walk(f"{LINUX}/lib/modules"):
        for name in names:
            if name.endswith(".ko"):
                found[name[:-3].replace("-", "_")] = os.path.join(top, name)
    return found


def depends(path):
    """The module's own word for what it needs: its .modinfo string."""
    with open(path, "rb") as f:
        m = re.search(rb"\0depends=([^\0]*)\0", f.read())
    return [d for d in (m[1].decode() if m else "").split(",") if d]


def load_order(modules):
    files, order = module_files(), []

    def add(name):
        name = name.replace("-", "_")
        path = files.get(name)
        if path is None:
            sys.exit(f"build.py: the kernel package has no module {name}")
        if path in order:
            return
        for d in depends(path):
            add(d)
        order.append(path)

    for m in modules:
        add(m)
    return order


def digest():
    h = hashlib.sha256()
    for name in ([f"{LINUX}/.sha256", f"{HEADERS}/.sha256", "/bin/busybox",
                  __file__] + list(PROGRAMS.values())
                 + sources(f"{HERE}/root") + sources(ATTACK)):
        h.update(name.encode())
        h.update(open(name, "rb").read())
    return h.hexdigest()


def sources(tree):
    names = []
    for top, dirs, files in os.walk(tree):
        dirs.sort()
        names += [os.path.join(top, f) for f in sorted(files)]
    return names


def pack(root):
    """A cpio archive. Sorted names, no times: the same inputs give the same
    archive, so boots counted in instructions can be compared."""
    names = ["."]
    for top, dirs, files in os.walk(root):
        dirs.sort()
        names += [os.path.relpath(os.path.join(top, n), root)
                  for n in sorted(dirs + files)]
    for n in names:
        os.utime(os.path.join(root, n), (0, 0), follow_symlinks=False)
    return subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet", "--reproducible",
         "-R", "0:0"], cwd=root, check=True,
        input="\n".join(sorted(names)).encode(), capture_output=True).stdout


def build_module():
    """Our module against the unpacked headers; nothing is installed."""
    work = f"{OUT}/edu-attack"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(ATTACK, work)
    os.symlink("/usr/include/xen", f"{work}/public")
    release, = os.listdir(f"{LINUX}/lib/modules")
    src = os.path.abspath(f"{HEADERS}/usr/src")
    common = release.rsplit("-", 1)[0] + "-common"
    # The flavour's own Makefile looks for the common tree where the package
    # would be installed, hence -f. Flags of the make above are not for it.
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "V", "CMDLINE")}
    run = subprocess.run(
        ["make", "-s", "-C", f"{src}/linux-headers-{release}",
         "-f", f"{src}/linux-headers-{common}/Makefile",
         f"M={os.path.abspath(work)}", "modules"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode:
        sys.exit(f"build.py: edu-attack:\n{run.stdout}")
    # Debug data names this tree's path.
    subprocess.run(["strip", "--strip-debug", f"{work}/edu-attack.ko"],
                   check=True)
    return f"{work}/edu-attack.ko"


def main():
    subprocess.run([f"{HERE}/fetch.sh", "linux"], check=True)
    subprocess.run([f"{HERE}/fetch.sh", "headers"], check=True)
    stamp = f"{OUT}/.initrd"
    want = digest()
    if (os.path.exists(stamp) and open(stamp).read() == want
            and os.path.exists(f"{OUT}/initrd.gz")):
        return
    root = f"{OUT}/root"
    shutil.rmtree(root, ignore_errors=True)
    for d in ("bin", "proc", "sys", "dev", "tmp", "mnt", "lib"):
        os.makedirs(f"{root}/{d}")
    shutil.copytree(f"{HERE}/root", root, dirs_exist_ok=True)
    for name in sources(f"{HERE}/root"):
        os.chmod(os.path.join(root, os.path.relpath(name, f"{HERE}/root")),
                 0o755)
    shutil.copy("/bin/busybox", f"{root}/bin/busybox")
    for applet in subprocess.run(["/bin/busybox", "--list"], check=True,
                                 capture_output=True, text=True
                                 ).stdout.split():
        # init's own: a power-off that needs no init to answer it.
        if applet not in ("busybox", "poweroff", "reboot", "halt"):
            os.symlink("busybox", f"{root}/bin/{applet}")
    order = load_order(MODULES)
    for path in order:
        shutil.copy(path, f"{root}/lib/")
    with open(f"{root}/lib/order", "w") as f:
        f.writelines(os.path.basename(p) + "\n" for p in order)
    shutil.copy(build_module(), f"{root}/lib/")
    for name, source in PROGRAMS.items():
        subprocess.run(["gcc", "-std=gnu17", "-O2", "-Wall", "-Wextra",
                        "-Werror", "-static", "-s", "-o", f"{root}/{name}",
                        source], check=True)
    gz = subprocess.run(["gzip", "-9", "-n"], input=pack(root), check=True,
                        capture_output=True).stdout
    with open(f"{OUT}/initrd.gz", "wb") as f:
        f.write(gz)
    link = f"{OUT}/vmlinuz"
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink("linux/vmlinuz", link)
    with open(stamp, "w") as f:
        f.write(want)
    print(f"  INITRD  {OUT}/initrd.gz ({len(gz) >> 10} KiB)")


if __name__ == "__main__":
    main()
