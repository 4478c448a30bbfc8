#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tour.py [--check] [NAME]: shows the pages of the tour whose name begins so, or all,
in the virtual machine; scripts/tour.sh runs it there. With --check: one line of TAP
for each page, and the page only if it does not show what it should. Without a
terminal pages come one below the other; for a pager each is between two form feeds."""

import gc
import os
import sys
import time

import page
from lateness import Lateness

STARTS_OVER = 5  # of a page, before its failure counts nevertheless


def contents():
    """Names of pages, in their order."""
    with open(os.path.join(page.here, "contents.txt"), encoding="ascii") as file:
        names = [line.split()[0] for line in file if line.strip() and not line.startswith("#")]
    others = {file[:-4] for file in os.listdir(page.here) if file.endswith(".txt")} - {"contents"}
    if set(names) != others:
        sys.exit("tour: contents.txt and the pages are not the same: %s" % ", ".join(sorted(set(names) ^ others)))
    return names


def chosen(wanted):
    names = contents()
    found = [name for name in names if not wanted or name == wanted or name.startswith(wanted + "-")]
    if not found:
        sys.exit("tour: there is no page %s; there are: %s" % (wanted, " ".join(names)))
    return found


def play(one, lateness):
    """A page, once more if it failed on a machine that stood still meanwhile, and only then. The show."""
    for again in range(STARTS_OVER + 1):
        lateness.begin()
        show = page.Show(one)
        show.good = show.run()
        if show.good or not lateness.is_bad():
            break
        if again < STARTS_OVER:
            print("# tour %s: starts over, the machine stood still for %.0f ms" % (one.name, lateness.seconds() * 1000))
            gc.collect()
    return show


def check(pages):
    failed = 0
    lateness = Lateness()
    for one in pages:
        began = time.monotonic()
        show = play(one, lateness)
        print("%s - tour %s # %d seen, %d lines, %.1f s" % ("ok" if show.good else "not ok", one.name, show.checked,
                                                            show.lines, time.monotonic() - began), flush=True)
        if not show.good:
            failed = 1
            print("\n".join("# " + line for line in show.failures + show.out), flush=True)
        gc.collect()
    lateness.end()
    return failed


def tour(pages):
    width = max(page.NARROW, min(int(os.environ.get("COLUMNS", 0)), 140))
    color = bool(os.environ.get("COLOR"))
    end = "\n\f" if os.environ.get("PAGED") else "\n\n"
    failed, answer = 0, ""
    print(end.strip("\n"), end="")
    for number, one in enumerate(pages, 1):
        show = page.Show(one, width, color)
        if answer:
            show.prose("Answer: " + answer)
            show.say()
        good = show.run("%d/%d" % (number, len(pages)) if len(pages) > 1 else "")
        for why in show.failures:
            show.out.append(show.paint("31", "This page did not show what it should: " + why))
        print("\n".join(show.out), end=end, flush=True)
        failed |= not good
        answer = one.answer
        gc.collect()
    last = page.Show(pages[-1], width, color)
    last.prose("Answer: " + answer)
    print("\n".join(last.out), end=end.strip() or "\n", flush=True)
    return failed


def main():
    arguments = sys.argv[1:]
    checks = arguments[:1] == ["--check"]
    wanted = arguments[checks] if len(arguments) > checks else ""
    pages = [page.Page(name) for name in chosen(wanted)]
    return check(pages) if checks else tour(pages)


if __name__ == "__main__":
    sys.exit(main())
