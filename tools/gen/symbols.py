#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Turns `nm -n` on stdin into an assembly file: the text symbols' addresses
as offsets from xen_start, sorted, and their names. Without input the table is
empty, for the first link."""
import re
import sys

start = None
syms = {}
for line in sys.stdin:
    m = re.match(r"([0-9a-f]+) (\w) (\S+)$", line)
    if not m:
        continue
    addr, kind, name = int(m[1], 16), m[2], m[3]
    if name == "xen_start":
        start = addr
    if kind in "tTwW" and not name.startswith((".L", "__compound_literal")):
        # A global name is the better one of several at an address.
        if addr not in syms or kind == "T":
            syms[addr] = name
table = []
if syms:
    if start is None:
        sys.exit("symbols.py: the image has no symbol xen_start")
    table = sorted((a - start, n) for a, n in syms.items()
                   if 0 <= a - start < 1 << 32)

print("/* Made by tools/gen/symbols.py; do not edit. */")
print('    .section .symtab_xen, "a", @progbits')


def label(name):
    print(f"    .balign 4\n    .globl {name}\n    .hidden {name}\n{name}:")


label("symbols_nr")
print(f"    .long {len(table)}")
label("symbols_offsets")
for off, _ in table:
    print(f"    .long {off:#x}")
label("symbols_name_offsets")
pos = 0
for _, name in table:
    print(f"    .long {pos}")
    pos += len(name) + 1
label("symbols_names")
for _, name in table:
    print(f'    .asciz "{name}"')
print('    .section .note.GNU-stack, "", @progbits')
