#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks that each command-line option the code registers, and each item of a
list option, has a row with default and effect in docs/command-line.md, and
that no row speaks of one that the code does not know; and the same for debug
keys in docs/debugging.md."""
import glob
import re
import sys

DOC = "docs/command-line.md"
KEYS = "docs/debugging.md"
# name registered; item of a list; item of a table of booleans.
PATTERNS = (r"\b\w+_param\(\s*\"([^\"]+)\"",
            r"\bcmdline_(?:bool_item|item_value)\(\s*\"([^\"]+)\"",
            r"^\s*\{ \"([^\"]+)\", &\w+")
# An item without a value, in files that have lists of booleans.
WORD = r"\bstrcmp\(item, \"([^\"=]+)\"\)"


def plain(name):
    name = name.replace("_", "-")
    return name[3:] if name.startswith("no-") else name


def registered():
    """{name: where} of all options; only files that parse any are read."""
    out = {}
    for path in sorted(glob.glob("xen/**/*.c", recursive=True)):
        with open(path) as f:
            text = f.read()
        if not re.search(r"^\w+_param\(", text, re.M):
            continue
        lists = "cmdline_bool_item(" in text
        for pattern in PATTERNS + ((WORD,) if lists else ()):
            for m in re.finditer(pattern, text, re.M):
                line = text.count("\n", 0, m.start()) + 1
                out.setdefault(plain(m[1]), f"{path}:{line}")
    return out


def documented():
    """{name: where}, and complaints about rows that leave something out."""
    out, bad = {}, []
    with open(DOC) as f:
        lines = f.read().splitlines()
    for number, line in enumerate(lines, 1):
        where = f"{DOC}:{number}"
        m = re.match(r"`([\w-]+)=<list>`", line)
        if m:
            out[plain(m[1])] = where
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 3 or not cells[0].startswith("`"):
            continue
        names = [plain(n[0]) for span in re.findall(r"`([^`]+)`", cells[0])
                 for n in [re.match(r"[\w-]+", w) for w in
                           ([span] if "=" in span else span.split())] if n]
        out.update((n, where) for n in names)
        if not cells[1] or not cells[2]:
            bad.append(f"{where}: {', '.join(names)}: no default or no effect")
    return out, bad


def keys():
    """(registered, documented) debug keys, each {key: where}."""
    code, doc = {}, {}
    for path in sorted(glob.glob("xen/**/*.c", recursive=True)):
        with open(path) as f:
            for m in re.finditer(r"key_register\('(.)'|^    \['(.)'\] = \{",
                                 f.read(), re.M):
                code[m[1] or m[2]] = path
    with open(KEYS) as f:
        for m in re.finditer(r"^\| ((?:`.`(?:, )?)+) \|", f.read(), re.M):
            doc.update((k, KEYS) for k in re.findall(r"`(.)`", m[1]))
    return code, doc


def compare(code, doc, page):
    return ([f"{code[n]}: {n} is not in {page}" for n in sorted(code)
             if n not in doc]
            + [f"{doc[n]}: the code knows no {n}" for n in sorted(doc)
               if n not in code])


def main():
    code = registered()
    doc, bad = documented()
    bad += compare(code, doc, DOC)
    code_keys, doc_keys = keys()
    bad += compare(code_keys, doc_keys, KEYS)
    print("".join(f"{x}\n" for x in bad) + f"options: {len(code)}, "
          f"{len(code_keys)} debug keys, {len(bad)} bad")
    return 1 if bad or not code or not code_keys else 0


sys.exit(main())
