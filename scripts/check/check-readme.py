#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check-readme.py LOG

Is what make demo drew (its output is in LOG) the picture that scripts/README.md shows?
Times, ports and WND are of each run, and so is which end closes first and what is
acknowledged on the way: compared are the columns, what each end sends with text,
SYN or FIN, its options, and the states of either end."""

import os
import re
import sys

HEAD = re.compile(r" *ms 10\.77\.0\.1:\d+ +10\.77\.0\.2:80 +ms *$")
ROW = re.compile(r" *(\d+\.\d{3})? +([A-Z0-9-]*) *\|(.*)\| ?([A-Z0-9-]*) *(\d+\.\d{3})? *$")
LEFT, RIGHT = re.compile(r"-- (.*?) -*(>|$)"), re.compile(r"(?:<|^)-* (.*?) --$")
OPENS = (["CLOSED", "SYN-SENT", "ESTABLISHED"], ["LISTEN", "SYN-RECEIVED", "ESTABLISHED"])
FIRST, SECOND = ["FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"], ["CLOSE-WAIT", "LAST-ACK", "CLOSED"]
BOTH = ["FIN-WAIT-1", "CLOSING", "TIME-WAIT"]


def picture(name):
    """The lines of the first ladder between the ends of the demonstration."""
    with open(name, encoding="utf-8") as file:
        lines = [re.sub("\033\\[[0-9;]*m", "", line.rstrip("\n")) for line in file]
    begin = next((at for at, line in enumerate(lines) if HEAD.match(line)), None)
    if begin is None:
        sys.exit("not ok - README: no ladder of port 80 in %s" % name)
    end = begin + 1
    while end < len(lines) and ROW.match(lines[end]):
        end += 1
    return lines[begin + 1:end]


def told(words):
    """What a segment is, but for what differs from run to run; None: an ACK alone."""
    flags, *more = words.split(" (")[0].split()
    if flags == "ACK" and not any(word.startswith("LEN=") for word in more):
        return None
    kept = [word for word in more if not word.startswith(("ACK=", "WND=") if "F" in flags else "WND=")]
    return " ".join(["FIN" if "FIN" in flags else flags, *kept])


def shape(lines):
    """(segments of both ends, states of both)"""
    segments, states = ([], []), ([], [])
    for line in lines:
        left, between, right = ROW.match(line).group(2, 3, 4)
        for end, state in enumerate((left, right)):
            if state:
                states[end].append(state)
        for end, found in enumerate((LEFT.match(between), RIGHT.search(between))):
            if found and told(found[1]):
                segments[end].append(told(found[1]))
    return segments, states


def wrong_states(states):
    """What is not as it should be, or None."""
    for end in (0, 1):
        if states[end][:3] != OPENS[end]:
            return "the %s end goes through %s" % (("left", "right")[end], " ".join(states[end]))
    closes = states[0][3:], states[1][3:]
    if closes not in ((FIRST, SECOND), (SECOND, FIRST), (BOTH, BOTH)):
        return "the ends close by %s and %s" % (" ".join(closes[0]), " ".join(closes[1]))
    return None


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    shapes, failed = [], 0
    for name in ("scripts/README.md", sys.argv[1]):
        segments, states = shape(picture(name))
        why = wrong_states(states)
        if why:
            print("not ok - README: %s: %s" % (name, why))
            failed = 1
        shapes.append(segments)
    for end, where in enumerate(("left", "right")):
        if shapes[0][end] != shapes[1][end]:
            print("# README: " + "; ".join(shapes[0][end]))
            print("# now:    " + "; ".join(shapes[1][end]))
            print("not ok - README: what the %s end sends is not what make demo draws" % where)
            failed = 1
    if not failed:
        print("ok - README: its ladder is the one of make demo")
    return failed


if len(sys.argv) != 2 or not os.path.isfile(sys.argv[1]):
    print("Usage: scripts/check/check-readme.py LOG", file=sys.stderr)
    sys.exit(2)
sys.exit(main())
