#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the tests reach in module/, from what scripts/coverage/coverage.sh has collected in a folder:

  KIND/all.gcno ...     what gcc knows of the module that was run on a kernel
  KIND/NAME.coverage    what it counted while a test ran (selftests/modules/xtcp_coverage.c)

Prints lines and branches by room, and the functions that nothing reaches. Writes FOLDER/module.info,
which genhtml draws, and FOLDER/reach.json: which tests reach which line (scripts/coverage/mutants.py).
"""

import argparse
import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import defaultdict

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GCDA = 0x67636461
FUNCTION, COUNTERS = 0x01000000, 0x01A10000


def read_counts(path):
    """The objects of a file: (name, version, stamp, checksum, functions)."""
    objects = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            word, *rest = line.split()
            if word == "object":
                objects.append((os.path.basename(rest[0]), *map(int, rest[1:]), []))
            else:
                ident, lines, graph, _, *values = map(int, rest)
                objects[-1][-1].append((ident, lines, graph, values))
    return objects


def gcda_of(version, stamp, checksum, functions):
    """A file for gcov as gcc 12 writes it, or as gcc 10 and 11 do, which count in words."""
    release = version.to_bytes(4, "big").decode("latin-1")
    unit = 4 if release[0] == "B" and int(release[1:3]) >= 20 or release[0] > "B" else 1
    out = struct.pack("<3I", GCDA, version, stamp)
    if unit == 4:
        out += struct.pack("<I", checksum)
    for ident, lines, graph, values in functions:
        out += struct.pack("<5I", FUNCTION, 3 * unit, ident, lines, graph)
        out += struct.pack(f"<2I{len(values)}q", COUNTERS, 2 * len(values) * unit, *values)
    return out


class Seen:
    """One file of the module: counts of its lines, of the branches of each line, and of its functions."""

    def __init__(self):
        self.lines = defaultdict(int)
        self.branches = {}
        self.functions = {}

    def add(self, other):
        for line, count in other.lines.items():
            self.lines[line] += count
        for line, counts in other.branches.items():
            mine = self.branches.setdefault(line, counts)
            # another kernel's inline functions have others: the first one, the laboratory, counts
            if mine is not counts and len(mine) == len(counts):
                self.branches[line] = [a + b for a, b in zip(mine, counts)]
        for name, (line, end, count) in other.functions.items():
            before = self.functions.get(name, (0, 0, 0))[2]
            self.functions[name] = (line, end, before + count)


def module_file(path):
    """The path of a source below module/; None if the source is not the module's."""
    _, found, name = path.rpartition("/module/")
    return name if found and "/selftests/" not in path else None


def gcov(folder, counts):
    """Runs gcov: {file below module/: Seen}."""
    files = defaultdict(Seen)
    with tempfile.TemporaryDirectory() as work:
        names = []
        for name, version, stamp, checksum, functions in read_counts(counts):
            with open(os.path.join(work, name), "wb") as file:
                file.write(gcda_of(version, stamp, checksum, functions))
            gcno = os.path.splitext(name)[0] + ".gcno"
            shutil.copy(os.path.join(folder, gcno), work)
            names.append(name)
        for name in names:
            ran = subprocess.run(["gcov", "-b", "-c", "-j", "-t", name], cwd=work, check=False,
                                 capture_output=True)
            if ran.returncode or b"stamp mismatch" in ran.stderr:
                sys.exit(f"coverage: gcov {counts}: {ran.stderr.decode().strip()}")
            out = ran.stdout
            take(json.loads(gzip.decompress(out) if out[:2] == b"\x1f\x8b" else out), files)
    return files


def take(report, files):
    for part in report["files"]:
        name = module_file(part["file"])
        if not name:
            continue
        seen, branches = files[name], defaultdict(list)
        for line in part["lines"]:
            number = line["line_number"]
            seen.lines[number] += line["count"]
            branches[number] += [branch["count"] for branch in line["branches"]]
        for number, counts in branches.items():
            if counts:
                seen.branches[number] = counts
        for function in part["functions"]:
            seen.functions[function["name"]] = (function["start_line"], function["end_line"],
                                                function["execution_count"])


def collect(folder):
    """All counts: sums for each kernel; for each test of the laboratory also the lines that it reaches, by file."""
    kinds, tests = {}, {}
    for kind in sorted(os.listdir(folder), key=lambda kind: (not kind.startswith("lab"), kind)):
        inside = os.path.join(folder, kind)
        if not os.path.isdir(inside):
            continue
        for name in sorted(os.listdir(inside)):
            test, what = os.path.splitext(name)
            if what != ".coverage":
                continue
            files = gcov(inside, os.path.join(inside, name))
            add_all(kinds.setdefault(kind, {}), files)
            if kind == "lab":
                tests[test] = {file: seen.lines for file, seen in files.items()}
    return kinds, tests


def add_all(total, files):
    for name, seen in files.items():
        total.setdefault(name, Seen()).add(seen)


def room_of(name):
    return name.split("/")[0] + "/" if "/" in name else "beside"


def share(part, whole):
    return f"{100 * part / whole:5.1f} %" if whole else "      -"


def table(total):
    rooms = defaultdict(lambda: [0] * 6)
    for name, seen in total.items():
        values = [seen.lines.values(), [c for counts in seen.branches.values() for c in counts],
                  [function[2] for function in seen.functions.values()]]
        for row in (rooms[room_of(name)], rooms["all"]):
            for i, counts in enumerate(values):
                row[2 * i] += sum(count > 0 for count in counts)
                row[2 * i + 1] += len(counts)
    print(f"{'room':10} {'lines':>7} {'reached':>8}  {'branches':>8} {'reached':>8}  {'functions':>9} {'never':>6}")
    for room in sorted(rooms, key=lambda room: (room == "all", room)):
        lines, of_lines, branches, of_branches, functions, of_functions = rooms[room]
        print(f"{room:10} {of_lines:7} {share(lines, of_lines):>8}  {of_branches:8} {share(branches, of_branches):>8}"
              f"  {of_functions:9} {of_functions - functions:6}")


def write_info(total, path):
    """Writes module.info in lcov's format."""
    with open(path, "w", encoding="utf-8") as out:
        for name, seen in sorted(total.items()):
            out.write(f"TN:\nSF:{TOP}/module/{name}\n")
            for function, (line, _, _) in seen.functions.items():
                out.write(f"FN:{line},{function}\n")
            for function, (_, _, count) in seen.functions.items():
                out.write(f"FNDA:{count},{function}\n")
            for line, counts in sorted(seen.branches.items()):
                for i, count in enumerate(counts):
                    out.write(f"BRDA:{line},0,{i},{count if seen.lines[line] else '-'}\n")
            for line, count in sorted(seen.lines.items()):
                out.write(f"DA:{line},{count}\n")
            out.write("end_of_record\n")


def write_reach(tests, path):
    """Writes reach.json: for each line with code a number whose bits say which tests reach it."""
    names = sorted(tests)
    reach = defaultdict(lambda: defaultdict(int))
    for bit, test in enumerate(names):
        for file, lines in tests[test].items():
            for line, count in lines.items():
                reach[file][line] |= (count > 0) << bit
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"tests": names, "lines": {file: {line: f"{bits:x}" for line, bits in lines.items()}
                                             for file, lines in reach.items()}}, out)


def ranges(numbers):
    """5 7 8 9: "5, 7-9"."""
    out = []
    for number in sorted(numbers):
        if out and number == out[-1][1] + 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in out)


def never(total):
    functions = [(name, line, function) for name, seen in total.items()
                 for function, (line, _, count) in seen.functions.items() if not count]
    if functions:
        print("\nfunctions that no test reaches:")
    for name, line, function in sorted(functions):
        print(f"  module/{name}:{line}: {function}")


def only_elsewhere(kinds):
    """Prints for each other kernel the lines that are not reached in the laboratory."""
    for kind in kinds:
        if kind == "lab" or "lab" not in kinds:
            continue
        lines = {name: [line for line, count in seen.lines.items()
                        if count and not (name in kinds["lab"] and kinds["lab"][name].lines.get(line))]
                 for name, seen in kinds[kind].items()}
        count = sum(map(len, lines.values()))
        print(f"\n{count} lines are reached on the {kind} kernel and not in the laboratory:")
        for name, numbers in sorted(lines.items()):
            if numbers:
                print(f"  module/{name}: {ranges(numbers)}")


def missed(total):
    for name, seen in sorted(total.items()):
        lines = [line for line, count in seen.lines.items() if not count]
        if lines:
            print(f"module/{name}: {ranges(lines)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--missed", action="store_true", help="only list the lines that no test reaches")
    parser.add_argument("folder", help="what scripts/coverage/coverage.sh has collected")
    options = parser.parse_args()
    if not os.path.isdir(options.folder):
        parser.error(f"there is no folder '{options.folder}': make coverage makes it")
    kinds, tests = collect(options.folder)
    total = {}
    for files in kinds.values():
        add_all(total, files)
    if not total:
        parser.error(f"nothing was counted in '{options.folder}'")
    if options.missed:
        missed(total)
        return
    table(total)
    never(total)
    only_elsewhere(kinds)
    write_info(total, os.path.join(options.folder, "module.info"))
    if tests:
        write_reach(tests, os.path.join(options.folder, "reach.json"))


if __name__ == "__main__":
    main()
