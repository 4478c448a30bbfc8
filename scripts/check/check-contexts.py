#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Each function of module/ that is not static says in which context it may be called, and which lock it needs.

Usage: check-contexts.py

Its kernel-doc comment has a line `Context: ...`. Without one it is called by softirq or by a process with the lock of
its socket held, and its body asserts that lock. The head of a file may say it once for all:

    * Context of all public functions: any.

Prints a line for each function that says nothing and asserts nothing.
"""
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
# a comment at the left edge; then a definition at the left edge
FUNCTION = re.compile(r"^/\*\*\n((?: \*.*\n)+?) \*/\n((?:[^\n;{}#/]+\n)+)\{\n((?:.*\n)*?)\}$", re.M)


def main():
    for path in sorted([*TOP.glob("module/*.c"), *TOP.glob("module/*/*.c")]):
        text = path.read_text()
        if "\n * Context of all public functions: " in text:
            continue
        for comment, prototype, body in FUNCTION.findall(text):
            name = re.search(r"(\w+)\(", prototype)[1]
            if not prototype.startswith("static ") and "\n * Context: " not in "\n" + comment and \
               not re.search(r"\bsock_owned_by_me\(", body):
                print(f"{path.relative_to(TOP)}: {name}(): no context")


main()
