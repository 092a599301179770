#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Installs the Debian packages that building and testing need. With all of
# them present it only asks dpkg, which takes a few milliseconds.
set -eu

packages=(
    gcc make binutils libc6-dev
    clang libclang-rt-dev clang-format clang-tidy cppcheck shellcheck
    qemu-system-x86 seabios
    libxen-dev liblzma-dev libzstd-dev zlib1g-dev
    busybox-static cpio xz-utils zstd gzip
    gnuplot-nox
    python3 python3-pexpect apt-utils dpkg-dev mmdebstrap
)

missing=()
have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" \
    2>/dev/null || true)
for p in "${packages[@]}"; do
    case $'\n'"$have"$'\n' in
    *$'\n'"$p installed"$'\n'*) ;;
    *) missing+=("$p") ;;
    esac
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing: ${missing[*]}"
root=()
[ "$(id -u)" = 0 ] || root=(sudo)
export DEBIAN_FRONTEND=noninteractive
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends "${missing[@]}" >/dev/null
