#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Each function of module/ that is not static says in which context it may be called, and which lock it needs.

Usage: check-contexts.py

Its kernel-doc comment has a line `Context: ...`. If all such functions of a file share a context, the comment at the top
of the file may say it once. If it names a lock, each function asserts that it is held:

    * Context of all public functions: softirq or process. Lock: socket, held.

Prints a line for each function that says nothing, says it twice, or lacks the assertion.
"""
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
# a comment at the left edge; then a definition at the left edge
FUNCTION = re.compile(r"^/\*\*\n((?: \*.*\n)+?) \*/\n((?:[^\n;{}#/]+\n)+)\{\n((?:.*\n)*?)\}$", re.M)
HEAD = re.compile(r"^// SPDX.*\n(?:#.*\n)*/\*(?:.|\n)*?\*/")
SHARED = re.compile(r"^ \* Context of all public functions: (.*)$", re.M)
ASSERTION = re.compile(r"\b(sock_owned_by_me|lockdep_assert_held)\(")


def main():
    for path in sorted([*TOP.glob("module/*.c"), *TOP.glob("module/*/*.c")]):
        text, file = path.read_text(), path.relative_to(TOP)
        head = HEAD.match(text)
        shared = head and SHARED.search(head[0])
        for comment, prototype, body in FUNCTION.findall(text):
            name = re.search(r"(\w+)\(", prototype)[1]
            if prototype.startswith("static "):
                continue
            said = "\n * Context: " in "\n" + comment
            if not said and not shared:
                print(f"{file}: {name}(): no context")
            if said and shared:
                print(f"{file}: {name}(): the top of the file says its context")
            if shared and "Lock:" in shared[1] and not ASSERTION.search(body):
                print(f"{file}: {name}(): does not assert the lock that the top of the file says")


main()
