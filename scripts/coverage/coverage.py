#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the tests reach in module/, from what scripts/coverage/coverage.sh has collected in a folder:

  KIND/all.gcno ...     what gcc knows of the module that was run on a kernel
  KIND/NAME.coverage    what it counted while a test ran (selftests/modules/xtcp_coverage.c)
  whole                 all tests ran, on each kernel

Prints lines and branches by room, and the functions with lines that nothing reaches; if all tests ran,
what is different from selftests/coverage.list. Writes FOLDER/module.info, which genhtml draws, and
FOLDER/reach.json: which tests reach which line (scripts/coverage/mutants.py).
"""

import argparse
import gzip
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import defaultdict

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIST = os.path.join(TOP, "selftests", "coverage.list")
REASONS = ("race", "kernel", "memory", "guard", "unit", "history", "rare")
# macros of the kernel that check what is so
ASKS = r"\b(WARN_ON(_ONCE)?|ASSERT_RTNL|kv?free_rcu)\("
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

    def add(self, other, is_first):
        """Adds counts of @other. What there is to count, the first kernel says: the laboratory."""
        for line, count in other.lines.items():
            if is_first or line in self.lines:
                self.lines[line] += count
        for line, counts in other.branches.items():
            if is_first:
                mine = self.branches.setdefault(line, counts)
            else:
                mine = self.branches.get(line, counts)
            # a debug kernel may have others in a line
            if mine is not counts and len(mine) == len(counts):
                self.branches[line] = [a + b for a, b in zip(mine, counts)]
        for name, (line, end, count) in other.functions.items():
            if is_first or name in self.functions:
                before = self.functions.get(name, (0, 0, 0))[2]
                self.functions[name] = (line, end, before + count)


def module_file(path):
    """The path of a source below module/; None if the source is not the module's."""
    _, found, name = path.rpartition("/module/")
    return name if found and "/selftests/" not in path else None


def stamp_of(gcno):
    with open(gcno, "rb") as file:
        return struct.unpack("<3I", file.read(12))[2]


def gcov(folder, counts):
    """Runs gcov: {file below module/: Seen}. What the second build of the module has counted is left out."""
    files = defaultdict(Seen)
    with tempfile.TemporaryDirectory() as work:
        names = []
        objects = read_counts(counts)
        known = [name for name, *_ in objects]
        for name, version, stamp, checksum, functions in objects:
            gcno = os.path.splitext(name)[0] + ".gcno"
            if known.count(name) > 1 and stamp != stamp_of(os.path.join(folder, gcno)):
                continue
            with open(os.path.join(work, name), "wb") as file:
                file.write(gcda_of(version, stamp, checksum, functions))
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


def add_all(total, files, is_first=True):
    for name, seen in files.items():
        if is_first or name in total:
            total.setdefault(name, Seen()).add(seen, is_first)


def statement_end(source, first):
    """The index of the line that ends the parentheses which begin at index @first."""
    depth = 0
    for i in range(first, len(source)):
        depth += source[i].count("(") - source[i].count(")")
        if depth <= 0:
            return i
    return first


def warnings(source):
    """Indexes of lines with a WARN_ON(), and of those that run only if one warns: never, or the tests fail."""
    asks, behind = set(), set()
    for i, text in enumerate(source):
        if not re.search(ASKS, text):
            continue
        end = statement_end(source, i)
        asks.update(range(i, end + 1))
        indent = text[:len(text) - len(text.lstrip())]
        if "WARN_ON_ONCE(1)" in text:
            # nothing else leads here
            behind.add(i)
            if re.match(r"\s*(default|case\b.*):$", source[i - 1]):
                behind.add(i - 1)
            behind.update([i + 1] if re.match(r"\s*(break|return\b.*);", source[i + 1]) else [])
        elif re.match(r"\s*if \(WARN_ON", text):
            last = next((k for k in range(end + 1, len(source)) if source[k].startswith(indent + "}")), end) \
                if source[end].endswith("{") else statement_end(source, end + 1)
            behind.update(range(end + 1, last + 1))
    return asks, behind


def leave_out_warnings(total):
    """No test can reach a branch in which the kernel warns: the check fails with it."""
    for name, seen in total.items():
        with open(os.path.join(TOP, "module", name), encoding="utf-8") as file:
            asks, behind = warnings(file.read().split("\n"))
        for i in asks:
            seen.branches.pop(i + 1, None)
        for i in behind:
            if not seen.lines.get(i + 1):
                seen.lines.pop(i + 1, None)
                seen.branches.pop(i + 1, None)


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


def unreached(total):
    """For each function of the module: its place, and its lines that no test reaches."""
    functions = {}
    for name, seen in total.items():
        for function, (start, end, _) in seen.functions.items():
            lines = [line for line in range(start, end + 1) if line in seen.lines and not seen.lines[line]]
            functions[function] = (name, start, lines)
    return functions


def read_list():
    """selftests/coverage.list: {function: kind of reason}."""
    reasons = {}
    with open(LIST, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split(None, 2)
            if not words or words[0].startswith("#"):
                continue
            if len(words) < 3 or words[1] not in REASONS or words[0] in reasons:
                sys.exit(f"coverage: {LIST}:{number}: a new function, one of {' '.join(REASONS)}, a reason")
            reasons[words[0]] = words[1]
    return reasons


def compare_with_list(total):
    """Prints where the list of what is left is wrong. Only a run of all tests can tell."""
    functions, reasons = unreached(total), read_list()
    wrong = []
    for function, (name, start, lines) in sorted(functions.items(), key=lambda item: item[1]):
        if lines and function not in reasons:
            wrong.append(f"module/{name}:{start}: {function}: no test reaches {ranges(lines)}, and nobody says why")
        elif not lines and function in reasons and reasons[function] != "rare":
            wrong.append(f"module/{name}:{start}: {function}: is reached, take it out")
    wrong += [f"{function}: the module has no such function" for function in sorted(set(reasons) - set(functions))]
    print(f"\nselftests/coverage.list, {len(reasons)} functions: {'as it says' if not wrong else ''}")
    for text in wrong:
        print(f"  {text}")


def print_unreached(total):
    functions = [(name, start, function, lines) for function, (name, start, lines) in unreached(total).items() if lines]
    if functions:
        print("\nfunctions with lines that no test reaches:")
    for name, start, function, lines in sorted(functions):
        print(f"  module/{name}:{start}: {function}: {ranges(lines)}")


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", help="what scripts/coverage/coverage.sh has collected")
    options = parser.parse_args()
    if not os.path.isdir(options.folder):
        parser.error(f"there is no folder '{options.folder}': make coverage makes it")
    kinds, tests = collect(options.folder)
    total = {}
    for kind, files in kinds.items():
        add_all(total, files, kind == next(iter(kinds)))
    if not total:
        parser.error(f"nothing was counted in '{options.folder}'")
    leave_out_warnings(total)
    table(total)
    print_unreached(total)
    if os.path.exists(os.path.join(options.folder, "whole")):
        compare_with_list(total)
    only_elsewhere(kinds)
    write_info(total, os.path.join(options.folder, "module.info"))
    if tests:
        write_reach(tests, os.path.join(options.folder, "reach.json"))


if __name__ == "__main__":
    main()
