#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fetch.sh linux|xen: Debian's kernel or hypervisor package, unpacked under
# build/image/. The .deb stays in a cache outside the tree; each use compares
# it with the SHA256 that apt's signed lists give.
set -eu

what=${1:?linux or xen}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pv-boot-debs
out=build/image/$what
root=()
[ "$(id -u)" = 0 ] || root=(sudo)

# Asking apt takes seconds; its answer holds until its lists change.
if [ -f "$out/.sha256" ] && [ ! /var/lib/apt/lists -nt "$out/.sha256" ]; then
    exit 0
fi

package() {
    case $what in
    linux)
        apt-cache depends linux-image-amd64 2>/dev/null |
            sed -n 's/^ *Depends: *\(linux-image-[0-9].*\)/\1/p' | head -n 1
        ;;
    xen) apt-cache show --no-all-versions xen-hypervisor-4.17-amd64 \
        2>/dev/null | sed -n 's/^Package: //p' ;;
    *)
        echo "fetch.sh: $what?" >&2
        exit 1
        ;;
    esac
}

field() { # field package name
    apt-cache show --no-all-versions "$1" | sed -n "s/^$2: //p" | head -n 1
}

name=$(package)
if [ -z "$name" ]; then
    "${root[@]}" apt-get update -qq
    name=$(package)
fi
[ -n "$name" ] || { echo "fetch.sh: apt knows no package for $what" >&2; exit 1; }

mkdir -p "$cache"
for try in 1 2; do
    sha=$(field "$name" SHA256)
    deb=$cache/$(basename "$(field "$name" Filename)")
    if [ -f "$deb" ] && echo "$sha  $deb" | sha256sum -c --status; then
        break
    fi
    [ $try = 1 ] || "${root[@]}" apt-get update -qq
    name=$(package)
    sha=$(field "$name" SHA256)
    deb=$cache/$(basename "$(field "$name" Filename)")
    echo "  FETCH   $name"
    new=$(mktemp -d)
    chmod 755 "$new" # apt drops its own privileges before it writes
    if (cd "$new" && apt-get download -qq "$name"); then
        mv "$new"/*.deb "$deb"
    fi
    rm -rf "$new"
done
echo "$sha  $deb" | sha256sum -c --status ||
    { echo "fetch.sh: $name: cannot be fetched or its checksum is wrong" >&2
      exit 1; }

if [ "$(cat "$out/.sha256" 2>/dev/null)" != "$sha" ]; then
    rm -rf "$out"
    mkdir -p "$out"
    dpkg-deb -x "$deb" "$out"
    if [ "$what" = xen ]; then
        gunzip -c "$out"/boot/xen-4.17-amd64.gz >"$out/xen"
    else
        (cd "$out" && ln -s boot/vmlinuz-* vmlinuz)
    fi
fi
echo "$sha" >"$out/.sha256"
