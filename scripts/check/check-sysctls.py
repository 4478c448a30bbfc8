#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compares the table of module/SYSCTLS.md with the knobs of module/netns/netns.c: names, ranges and defaults. What the
package's example sets has to be there, too, and to be taken.

Prints a line for each difference. Defaults that are no plain numbers in netns/netns.c are the kernel's own: the test
selftests/see/sysctl.c compares those with the running kernel.
"""
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2] / "module"
CONSTANTS = {"MAX_TCP_SYNCNT": "127", "XTCP_MSS_MIN_SND": "48", "INT_MAX": "INT_MAX"}


def knobs(source):
    """{name: (low, high, start)}; None: no bound, or one of its unit."""
    def bound(text):
        return text if text.isdigit() else CONSTANTS.get(text)

    found = {name: (None, None, "") for name in re.findall(r'^\t(?:GLOBAL|SECRET)\("(\w+)"', source, re.M)}
    for entry in re.findall(r"^\t(?:ENTRY|NAMED)\((.*)\),$", source, re.M):
        words = [word.strip().strip('"') for word in entry.split(",")]
        found[words[0]] = (bound(words[-2]), bound(words[-1]), words[-4])
    return found


def table():
    """{name: (range, default)}"""
    rows = {}
    for line in (TOP / "SYSCTLS.md").read_text().splitlines():
        match = re.match(r"\| `(\w+)` \|([^|]*)\|([^|]*)\|", line)
        if match:
            rows[match[1]] = (match[2].strip(), match[3].strip())
    return rows


def algorithms():
    return {name for file in TOP.glob("cong/cong_*.c")
            for name in re.findall(r'^\t\.name = "(\w+)"', file.read_text(), re.M)}


def check_example(code):
    for line in (TOP.parent / "scripts/package/sysctl.conf.example").read_text().splitlines():
        match = re.match(r"#?net\.xtcp\.(\w+) *= *(.*)", line)
        if not match:
            continue
        name, value = match.groups()
        low, high, _ = code.get(name, (None, None, None))
        if name not in code:
            print(f"{name}: in sysctl.conf.example, not in netns/netns.c")
        elif name == "congestion_control":
            if value not in algorithms():
                print(f"{name}: no such algorithm: {value} in sysctl.conf.example")
        elif not value.isdigit() or int(value) < int(low or 0) or high and high.isdigit() and int(value) > int(high):
            print(f"{name}: {value} in sysctl.conf.example is not in its range")


def main():
    source = (TOP / "netns/netns.c").read_text()
    code, rows = knobs(source), table()
    for name in sorted(code.keys() ^ rows.keys()):
        print(f"{name}: only in {'netns/netns.c' if name in code else 'SYSCTLS.md'}")
    for name in sorted(code.keys() & rows.keys()):
        (low, high, start), (written, default) = code[name], rows[name]
        words = re.findall(r"\w+", written)
        if words[0] == "from":
            agree = words[1] == (low or "0") and high in (None, "INT_MAX")
        else:
            agree = high in (None, "0") or words[-1] == "any" or (words[0], words[2]) == (low or "0", high)
        if not agree:
            print(f"{name}: {low} to {high} in netns/netns.c, {written} in SYSCTLS.md")
        if start.isdigit() and default[0].isdigit() and start != default.split()[0]:
            print(f"{name}: default {start} in netns/netns.c, {default} in SYSCTLS.md")
    check_example(code)


main()
