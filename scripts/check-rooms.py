#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which room of module/ calls which, by the objects, against the table in module/README.md.

Usage: check-rooms.py OBJECTS [--print]

OBJECTS is a folder with the module's files compiled one by one (SEPARATE=1). A call is a symbol that one object
defines and another one needs; what headers define inline is nobody's call. A row of the table names a room, or files of
one that may do more than their room:

    | `arrive/` | ... | `recv` `loss` |
    | `base/sock.c` `base/netns.c` | ... | `in` `time` |

Everybody may call the rooms of FREE. The others' rows are in order: a room calls those below it, and a file of one
that has a row of its own those above. Prints a line for each call that the table does not have, for each entry of the
table that nobody needs, and for each that goes the wrong way.
"""
import pathlib
import re
import subprocess
import sys

README = pathlib.Path(__file__).parent.parent / "module/README.md"
ROW = re.compile(r"^\| ((?:`[a-z]+/(?:[a-z_]+\.c)?` ?)+)\|.*\| ((?:`[a-z]+` ?)*)\|$")
FREE = ("base", "pure", "sight")


def symbols(objects):
    """What each object defines, and what it needs: {symbol: file}, [(file, symbol)]."""
    defined, needed = {}, []
    for path in sorted(objects.glob("*/*.o")):
        file = str(path.relative_to(objects).with_suffix(".c"))
        for line in subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines():
            kind, name = line.split()[-2:]
            if kind == "U":
                needed.append((file, name))
            elif kind.isupper():
                defined[name] = file
    return defined, needed


def calls(objects):
    """{(file, room that it calls): the symbols}"""
    defined, needed = symbols(objects)
    found = {}
    for file, name in needed:
        callee = room(defined[name]) if name in defined else room(file)
        if callee not in (room(file), *FREE):
            found.setdefault((file, callee), []).append(name)
    return found


def room(file):
    return file.split("/")[0]


def table():
    """{room or file: the rooms that it may call}"""
    rows = {}
    for line in README.read_text().splitlines():
        match = ROW.match(line)
        if match:
            for who in re.findall(r"`([^`]+)`", match[1]):
                rows[who.rstrip("/")] = set(re.findall(r"`([a-z]+)`", match[2]))
    return rows


def wrong_way(rows):
    """The entries that do not go down from a room's row, or up from a file's: [(row, callee)]"""
    order = [row for row in rows if "/" not in row and row not in FREE]
    for row, callees in rows.items():
        if row in FREE:
            continue
        at = order.index(room(row)) if room(row) in order else len(order)
        for callee in sorted(callees):
            if callee in FREE or (order.index(callee) > at) == ("/" in row):
                yield row, callee


def main():
    if len(sys.argv) not in (2, 3) or (len(sys.argv) == 3 and sys.argv[2] != "--print"):
        sys.exit(__doc__.split("\n\n")[1])
    found = calls(pathlib.Path(sys.argv[1]))
    if not found:
        sys.exit(f"check-rooms.py: no objects of several rooms in {sys.argv[1]}")
    if len(sys.argv) == 3:
        for (file, callee), names in sorted(found.items()):
            print(f"{file:24} {callee:8} {' '.join(sorted(names))}")
        return
    allowed, used = table(), set()
    for (file, callee), names in sorted(found.items()):
        row = file if callee in allowed.get(file, ()) else room(file)
        if callee in allowed.get(row, ()):
            used.add((row, callee))
        else:
            print(f"module/{file} calls {callee}/ ({', '.join(sorted(names))}): the table in module/README.md has no such call")
    for row, callees in allowed.items():
        for callee in sorted(callees):
            if (row, callee) not in used:
                print(f"module/README.md: {row} calls {callee}/, says the table, and does not")
    for row, callee in wrong_way(allowed):
        print(f"module/README.md: {row} calls {callee}/, which is {'below' if '/' in row else 'above'} it")


main()
