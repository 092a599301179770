#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks that every function declared in a public or folder header carries a
docstring that names each parameter and has Locks:, Context: and, if it returns
something, Return: with each errno that the function's own body returns; and
that what a Spec: names is in docs/specs.md."""
import glob
import re
import sys

# Macros that stand where a declarator's name could.
ATTRIBUTE = re.compile(
    r"\b(must_\w+|printf_like|noreturn_fn|section_\w+|acquires|releases|"
    r"aligned|attr_\w+|static_assert|_Static_assert|init_\w+|"
    r"__attribute__|returns_\w+|no_\w+|alloc_\w+)\s*\((?:[^()]|\([^()]*\))*\)")


def blank(m):
    """Keeps the line numbers of what is cut out."""
    return re.sub(r"[^\n]", " ", m[0])


def declarations(text):
    """(line, docstring or None, statement) of each file-scope declaration."""
    docs = {}

    def keep_doc(m):
        if m[0].startswith("/**"):
            docs[m.end()] = m[0]
        return blank(m)

    code = re.sub(r"/\*.*?\*/|//[^\n]*", keep_doc, text, flags=re.S)
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, code, flags=re.M)
    code = re.sub(r"'(?:\\.|[^'\\])'|\"(?:\\.|[^\"\\])*\"", blank, code)
    depth, start, body = 0, 0, False
    for i, c in enumerate(code):
        if c == "{":
            depth += 1
            body = True
        elif c == "}":
            depth -= 1
            # A function's body ends its statement; a struct's does not.
            if depth == 0 and re.search(r"\)\s*\{", code[start:i]) and \
                    not re.match(r"\s*(typedef|struct|union|enum)\s+\w*\s*\{",
                                 code[start:i]):
                start, body = i + 1, False
        elif c == ";" and depth == 0:
            stmt = code[start:i]
            if not body and "(" in stmt:
                lead = len(stmt) - len(stmt.lstrip())
                at = start + lead
                doc = None
                for end, d in docs.items():
                    if end <= at and not code[end:at].strip():
                        doc = d
                yield text.count("\n", 0, at) + 1, doc, " ".join(stmt.split())
            start, body = i + 1, False


def split_args(s):
    out, depth, cur = [], 0, ""
    for c in s:
        if c == "," and depth == 0:
            out.append(cur)
            cur = ""
            continue
        depth += (c == "(") - (c == ")")
        cur += c
    return [a.strip() for a in out + [cur] if a.strip()]


def prototype(stmt):
    """(name, returns something, parameter names), or None."""
    if re.match(r"(typedef|static_assert|_Static_assert|static)\b", stmt):
        return None
    if re.match(r"[\w\s*]*\(\s*\*", stmt):
        return None  # a variable that points to a function
    stmt = ATTRIBUTE.sub(" ", stmt)
    m = re.match(r"([^()=]*?)\b(\w+)\s*\((.*)\)[^()]*$", stmt, re.S)
    if not m or not m[1].strip() or "=" in m[1]:
        return None
    ret = re.sub(r"\b(extern|static|inline|must_check|noreturn_fn|\w+_fn)\b", "",
                 m[1]).strip()
    names = []
    for a in split_args(m[3]):
        if a in ("void", "..."):
            continue
        fp = re.search(r"\(\s*\*\s*(?:const\s+)?(\w+)\s*\)", a)
        names.append(fp[1] if fp else
                     re.findall(r"\w+", re.sub(r"\[.*", "", a))[-1])
    return m[2], ret != "void", names


def manuals():
    """Short names in the first column of the tables of docs/specs.md."""
    names = set()
    for line in open("docs/specs.md"):
        m = re.match(r"\|\s*([\w.-]+)\s*\|", line)
        if m:
            names.add(m[1])
    return names


def unknown_specs(path, text, names):
    bad = 0
    for m in re.finditer(r"Spec:\s+(?:\*\s+)?(<public/|[\w.-]+)", text):
        if m[1] != "<public/" and m[1].rstrip(".,;") not in names:
            bad += 1
            print(f"{path}:{text.count(chr(10), 0, m.start()) + 1}: "
                  f"{m[1]} is not in docs/specs.md")
    return bad


def bodies():
    """name -> bodies of the non-static functions of that name."""
    out = {}
    for path in glob.glob("xen/**/*.c", recursive=True):
        for m in re.finditer(
                r"^(?!static)[a-z][^\n;{}=]*?\b(\w+)\([^;{}]*\)\s*\n"
                r"\{\n(.*?)^\}", open(path).read(), re.M | re.S):
            out.setdefault(m[1], []).append(m[2])
    return out


def missing_errnos(doc, defs):
    """Errnos a body returns by name. "as NAME()" stands for any of them."""
    if re.search(r"\bas\b", doc.split("Return:")[-1]):
        return []
    found = set()
    for body in defs:
        e = set(re.findall(r"(?:\breturn|(?<!int )\brc =) -(E[A-Z0-9]+)", body))
        # Asks for a continuation, so the guest never sees it.
        found |= e - {"ERESTART"} if "hypercall_continue(" in body else e
    return sorted(x for x in found if x not in doc)


def main():
    # The standard names of port/libc.h are documented by the standard.
    files = sorted(set(glob.glob("xen/include/xen/*.h")
                       + glob.glob("xen/arch/x86/include/asm/*.h")
                       + glob.glob("xen/arch/x86/include/port/*.h")
                       + glob.glob("xen/drivers/**/*.h", recursive=True)
                       + glob.glob("xen/**/*-priv.h", recursive=True))
                   - {"xen/arch/x86/include/port/libc.h"})
    bad = n = 0
    names = manuals()
    defs = bodies()
    for top in ("*.c", "*.h", "*.S"):
        for path in sorted(glob.glob(f"xen/**/{top}", recursive=True)):
            bad += unknown_specs(path, open(path).read(), names)
    for path in files:
        for line, doc, stmt in declarations(open(path).read()):
            p = prototype(stmt)
            if p is None:
                continue
            n += 1
            name, returns, params = p
            missing = []
            if doc is None:
                missing = ["docstring"]
            else:
                missing = [f for f in ("Locks:", "Context:") if f not in doc]
                if returns and "Return:" not in doc:
                    missing.append("Return:")
                missing += [f"@{a}" for a in params
                            if not re.search(rf"@{a}\b", doc)]
                missing += [f"-{e}" for e in missing_errnos(
                    doc, defs.get(name, []))] if returns else []
            if missing:
                bad += 1
                print(f"{path}:{line}: {name}(): no {', '.join(missing)}")
    print(f"docs: {n} functions, {bad} bad")
    return 1 if bad else 0


sys.exit(main())
