#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What scripts/bench/profile.sh shows, from what its plugin has counted:

    report.py FOLDER UNITS               functions, kernel TCP beside xtcp
    report.py FOLDER UNITS OBJECT        also who of OBJECT, the module, calls what

FOLDER has kallsyms, blocks.1 (kernel TCP) and blocks.2 (xtcp).
"""

import bisect
import collections
import re
import subprocess
import sys

KERNEL_SPACE = 1 << 63
USER = "(programs)"
TOP = 60    # lines


def read_symbols(path):
    """Addresses and names of functions, in order; and where each of the module's is."""
    functions, ours = [], collections.defaultdict(list)
    with open(path) as file:
        for line in file:
            address, kind, name, *module = line.split()
            if kind not in "tTwW":
                continue
            if module == ["[xtcp]"]:
                ours[name].append(int(address, 16))
                name += " [xtcp]"
            functions.append((int(address, 16), name))
    functions.sort()
    return functions, ours


def read_blocks(path):
    with open(path) as file:
        for line in file:
            start, insns, runs, last = line.split()
            yield int(start, 16), int(insns), int(runs), int(last, 16)


def by_function(path, functions, units):
    """Instructions and calls of each function for one unit."""
    addresses = [address for address, _ in functions]
    insns, calls = collections.Counter(), collections.Counter()
    for start, count, runs, _ in read_blocks(path):
        if start < KERNEL_SPACE:
            insns[USER] += count * runs / units
            continue
        i = bisect.bisect(addresses, start) - 1
        insns[functions[i][1]] += count * runs / units
        if addresses[i] == start:
            calls[functions[i][1]] += runs / units
    return insns, calls


def read_calls(path):
    """Where the text of an object has a call or a jump to another function: offset to (from, to); and its functions."""
    text = subprocess.run(["objdump", "-dr", "-j", ".text", path], check=True, capture_output=True, text=True).stdout
    offsets, sites, function, insn, verb = {}, {}, None, None, None
    for line in text.splitlines():
        if match := re.match(r"([0-9a-f]+) <(.+)>:$", line):
            function = match[2]
            offsets[function] = int(match[1], 16)
        elif match := re.match(r"\s+([0-9a-f]+):\t(?:[0-9a-f]{2} )+\s*(\S+)\s*(?:[0-9a-f]+ <([^+>]+)>)?", line):
            insn, verb = int(match[1], 16), match[2]
            if match[3] and (verb == "call" or (verb == "jmp" and match[3] != function)):
                sites[insn] = function, match[3]
        elif match := re.search(r"R_X86_64_(?:PLT32|PC32)\s+([^\s-]+)(?:-0x4)?$", line):
            if verb in ("call", "jmp"):
                sites[insn] = function, match[1]
    return offsets, sites


def show_functions(folder, units, functions):
    theirs, _ = by_function(folder + "/blocks.1", functions, units)
    ours, calls = by_function(folder + "/blocks.2", functions, units)
    print(f"{sum(theirs.values()):.0f} instructions with kernel TCP, {sum(ours.values()):.0f} with xtcp, "
          f"{sum(n for name, n in ours.items() if name.endswith('[xtcp]')):.0f} of them in xtcp")
    print(f"{'xtcp':>8}{'kernel':>8}{'calls':>8}  function")
    for name in sorted(ours | theirs, key=lambda name: -max(ours[name], theirs[name]))[:TOP]:
        print(f"{ours[name]:8.0f}{theirs[name]:8.0f}{calls[name]:8.2f}  {name}")


def show_calls(folder, units, module, ours):
    offsets, sites = read_calls(module)
    bases = {ours[name][0] - offset for name, offset in offsets.items() if len(ours[name]) == 1}
    if len(bases) != 1:
        sys.exit(f"report.py: {module} is not the module that ran")
    base = bases.pop()
    callers = collections.defaultdict(collections.Counter)
    for _, _, runs, last in read_blocks(folder + "/blocks.2"):
        caller, callee = sites.get(last - base, (None, "__x86_"))
        if not callee.startswith("__x86_"):
            callers[callee][caller] += runs / units
    print(f"\n{'calls':>8}  what xtcp calls: from where")
    for callee in sorted(callers, key=lambda callee: -callers[callee].total())[:TOP]:
        who = ", ".join(f"{caller} {n:.2f}" for caller, n in callers[callee].most_common() if n >= 0.01)
        print(f"{callers[callee].total():8.2f}  {callee}: {who}")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    folder, units = sys.argv[1], int(sys.argv[2])
    functions, ours = read_symbols(folder + "/kallsyms")
    show_functions(folder, units, functions)
    if len(sys.argv) == 4:
        show_calls(folder, units, sys.argv[3], ours)


main()
