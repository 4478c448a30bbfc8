#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Calls go down: each file of module/ may call those that module/all.c names after it.

Usage: check-rooms.py OBJECTS [--print | --write]

OBJECTS is a folder with the module's files compiled one by one (SEPARATE=1). A call is a symbol that one object
defines and another one needs; inline functions of headers do not count.

The table of rooms in module/README.md says which room calls which; --write writes it, in the order of all.c, and keeps
the words about each room. base/ and sight/ stand at the end: everybody calls them. The other table there has the
calls that go up, each with a reason:

    | `in/a.c` | `out/b.c` | ... |

Prints a line for each call that goes up and is not in that table, for each row of it without such a call, for a circle
of more rooms than CIRCLE, and for each row of the table of rooms that differs from the objects. Also prints one if more
files than WHOLE include the whole TCB (base/sock.h), by themselves or by a header.
"""
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
README = TOP / "module/README.md"
ROOM = re.compile(r"^\| `([a-z]+)/` \| (.*) \| ((?:`[a-z]+` ?)*)\|$")
UP = re.compile(r"^\| `([a-z_/]+\.c)` \| ((?:`[a-z_/]+\.c` ?)+)\| .* \|$")
LAST = ("base", "sight")
CIRCLE = 4
ROWS = 11
WHOLE = 50


def files_in_order():
    found = []
    for name in re.findall(r'^#include "(.*)"$', (TOP / "module/all.c").read_text(), re.M):
        if name == "generated/algorithms_files.h":
            found += sorted(str(file.relative_to(TOP / "module")) for file in TOP.glob("module/cong/cong_*.c"))
        else:
            found.append(name)
    # compiled by itself: it can call no other file
    return found + ["sight/trace.c"]


def calls(objects):
    """{(file, file that it calls): the symbols}"""
    defined, needed, found = {}, [], {}
    for path in sorted([*objects.glob("*.o"), *objects.glob("*/*.o")]):
        file = str(path.relative_to(objects).with_suffix(".c"))
        if not (TOP / "module" / file).exists():    # left from an earlier build
            continue
        for line in subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines():
            kind, name = line.split()[-2:]
            if kind == "U":
                needed.append((file, name))
            elif kind.isupper():
                defined[name] = file
    for file, name in needed:
        if name in defined:
            found.setdefault((file, defined[name]), []).append(name)
    return found


def room(file):
    return file.split("/")[0] if "/" in file else ""


def rooms_called(found):
    """{room: the rooms that it calls}, without main.c, which calls all"""
    called = {}
    for file, callee in found:
        if room(file):
            called.setdefault(room(callee), set())
            called.setdefault(room(file), set()).update({room(callee)} - {room(file)})
    return called


def whole_tcb():
    """The files that include base/sock.h, by themselves or by a header."""
    paths = [*TOP.glob("module/*/*.[ch]"), TOP / "module/main.c"]
    included = {str(path.relative_to(TOP / "module")): set(re.findall(r'^#include "(.*)"$', path.read_text(), re.M))
                for path in paths}
    found, new = set(), {"base/sock.h"}
    while new:
        found |= new
        new = {file for file, headers in included.items() if headers & found} - found
    return found - {"base/sock.h"}


def circles(called):
    """Sets of rooms in which each room reaches all others."""
    reached = {}
    for start in called:
        seen, todo = set(), [start]
        while todo:
            new = called[todo.pop()] - seen
            seen |= new
            todo += new
        reached[start] = seen
    return {frozenset(other for other in called if other == one or (other in reached[one] and one in reached[other]))
            for one in called}


def table(found, order):
    """The rows of the table of rooms, as they are and as they should be."""
    lines = README.read_text().splitlines()
    at = [number for number, line in enumerate(lines) if ROOM.match(line)]
    said = {ROOM.match(lines[number])[1]: ROOM.match(lines[number])[2] for number in at}
    rooms = list(dict.fromkeys(room(file) for file in order if room(file)))
    called = rooms_called(found)
    rows = []
    for name in sorted(rooms, key=lambda name: name in LAST):
        callees = [other for other in rooms if other in called.get(name, ()) and other not in LAST]
        rows.append(f"| `{name}/` | {said.get(name, '?')} | {''.join(f'`{callee}` ' for callee in callees)}|")
    return lines, at, rows


def main():
    if len(sys.argv) not in (2, 3) or (len(sys.argv) == 3 and sys.argv[2] not in ("--print", "--write")):
        sys.exit(__doc__.split("\n\n")[1])
    found = calls(pathlib.Path(sys.argv[1]))
    if not found:
        sys.exit(f"check-rooms.py: no objects of several files in {sys.argv[1]}")
    order = files_in_order()
    at = {file: number for number, file in enumerate(order)}
    # check-style.sh reports files that all.c does not name
    up = sorted(call for call in found if at.get(call[0], 0) > at.get(call[1], len(order)))
    if sys.argv[2:] == ["--print"]:
        for call, names in sorted(found.items()):
            print(f"{'UP' if call in up else '  '} {call[0]:26} {call[1]:26} {' '.join(sorted(names))}")
        return
    lines, rows_at, rows = table(found, order)
    if sys.argv[2:] == ["--write"]:
        README.write_text("\n".join(lines[:rows_at[0]] + rows + lines[rows_at[-1] + 1:]) + "\n")
        return
    allowed = [(match[1], callee) for match in map(UP.match, lines) if match
               for callee in re.findall(r"`([^`]+)`", match[2])]
    for call in up:
        if call not in allowed:
            print(f"module/{call[0]} calls {call[1]} ({', '.join(sorted(found[call]))}), which all.c names before it")
    for call in allowed:
        if call not in up:
            print(f"module/README.md: the table says that {call[0]} calls {call[1]}, and no such call goes up")
    if len(allowed) > ROWS:
        print(f"module/README.md: {len(allowed)} calls go up, {ROWS} at most")
    for circle in circles(rooms_called(found)):
        if len(circle) > CIRCLE:
            print(f"these rooms call each other: {' '.join(sorted(circle))}: {CIRCLE} at most")
    if len(whole_tcb()) > WHOLE:
        print(f"{len(whole_tcb())} files include base/sock.h, {WHOLE} at most: see base/endpoint.h and base/sender.h")
    for row in [lines[number] for number in rows_at]:
        if row not in rows:
            print(f"module/README.md: not as the objects say (--write): {row}")
    if [lines[number] for number in rows_at] != rows and not {lines[number] for number in rows_at} - set(rows):
        print("module/README.md: the rooms do not stand in the order of all.c, or one is missing (--write)")


main()
