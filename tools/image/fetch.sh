#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fetch.sh linux|headers|xen: Debian's kernel, what modules for that kernel are
# built with, or Debian's hypervisor, unpacked under build/image/. The .debs
# stay in a cache outside the tree; each use compares them with the SHA256 that
# apt's signed lists give.
set -eu

what=${1:?linux, headers or xen}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pv-boot-debs
out=build/image/$what
root=()
[ "$(id -u)" = 0 ] || root=(sudo)

# Asking apt takes seconds; its answer holds until its lists change. Headers
# also go with the kernel that was unpacked before.
if [ -f "$out/.sha256" ] && [ ! /var/lib/apt/lists -nt "$out/.sha256" ] &&
    { [ "$what" != headers ] ||
        [ ! build/image/linux/.sha256 -nt "$out/.sha256" ]; }; then
    exit 0
fi

packages() {
    local release
    case $what in
    linux)
        apt-cache depends linux-image-amd64 2>/dev/null |
            sed -n 's/^ *Depends: *\(linux-image-[0-9].*\)/\1/p' | head -n 1
        ;;
    headers)
        release=$(ls build/image/linux/lib/modules)
        apt-cache depends "linux-headers-$release" 2>/dev/null |
            sed -n 's/^ *Depends: *\(linux-\(headers\|kbuild\)-.*\)/\1/p' |
            sort | tr '\n' ' ' | sed "s/^./linux-headers-$release &/"
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

names=$(packages)
if [ -z "$names" ]; then
    "${root[@]}" apt-get update -qq
    names=$(packages)
fi
[ -n "$names" ] || { echo "fetch.sh: apt knows no package for $what" >&2; exit 1; }

good() { # the cached file of a package is the one the lists speak of
    sha=$(field "$1" SHA256)
    deb=$cache/$(basename "$(field "$1" Filename)")
    [ -f "$deb" ] && echo "$sha  $deb" | sha256sum -c --status
}

mkdir -p "$cache"
for try in 1 2; do
    all=yes
    for name in $names; do
        good "$name" || all=
    done
    [ -z "$all" ] || break
    [ $try = 1 ] || "${root[@]}" apt-get update -qq
    names=$(packages)
    for name in $names; do
        ! good "$name" || continue
        echo "  FETCH   $name"
        new=$(mktemp -d)
        chmod 755 "$new" # apt drops its own privileges before it writes
        if (cd "$new" && apt-get download -qq "$name"); then
            mv "$new"/*.deb "$deb"
        fi
        rm -rf "$new"
    done
done

shas=''
debs=()
for name in $names; do
    good "$name" ||
        { echo "fetch.sh: $name: cannot be fetched or its checksum is wrong" >&2
          exit 1; }
    shas="$shas$sha "
    debs+=("$deb")
done
shas=${shas% }

if [ "$(cat "$out/.sha256" 2>/dev/null)" != "$shas" ]; then
    rm -rf "$out"
    mkdir -p "$out"
    for deb in "${debs[@]}"; do
        dpkg-deb -x "$deb" "$out"
    done
    case $what in
    xen) gunzip -c "$out"/boot/xen-4.17-amd64.gz >"$out/xen" ;;
    linux) (cd "$out" && ln -s boot/vmlinuz-* vmlinuz) ;;
    esac
fi
echo "$shas" >"$out/.sha256"
