#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tour.py [--check[=lab|=rest] | --html DIR] [NAME]: shows the pages of the tour whose name begins
so, or all, in the virtual machine; scripts/tour/tour.sh runs it there. With --check: one line of
TAP for each page, and the page only if it does not show what it should; =lab: without the pages
of lab.list, which the laboratory cannot play; =rest: those alone. With --html: a
file for each, and an index. Without a terminal pages come one below the other; for a
pager each is between two form feeds."""

import functools
import gc
import os
import sys
import tempfile
import time

import html_pages
import page
from lateness import Lateness

STARTS_OVER = 5  # of a page, before its failure counts nevertheless


def contents():
    """The names of all pages in their order, and the titles of the chapters."""
    chapters, names, title = {}, [], ""
    with open(os.path.join(page.here, "contents.txt"), encoding="ascii") as file:
        for line in file:
            if line.startswith("# "):
                title = line[2:].strip()
            elif line.strip():
                names.append(line.split()[0])
                chapters.setdefault(names[-1].split("-")[0], title)
    others = {file[:-4] for file in os.listdir(page.here) if file.endswith(".txt")} - {"contents"}
    if set(names) != others:
        sys.exit("tour: contents.txt and the pages are not the same: %s" % ", ".join(sorted(set(names) ^ others)))
    return names, chapters


def not_in_lab():
    """The names of the pages that the laboratory cannot play."""
    with open(os.path.join(page.here, "lab.list"), encoding="ascii") as file:
        return {line.split()[0] for line in file if line.strip() and line[0] != "#"}


def chosen(wanted, where=""):
    names, _ = contents()
    if where:
        left = not_in_lab()
        if left - set(names):
            sys.exit("tour: lab.list: there is no page %s" % ", ".join(sorted(left - set(names))))
        names = [name for name in names if (name in left) == (where == "rest")]
    found = [name for name in names if not wanted or name == wanted or name.startswith(wanted + "-")]
    if not found:
        sys.exit("tour: there is no page %s; there are: %s" % (wanted, " ".join(names)))
    return found


def play(one, lateness, kind=page.Show):
    """A page, once more if it failed on a machine that stood still meanwhile, and only then. The show."""
    for again in range(STARTS_OVER + 1):
        lateness.begin()
        show = kind(one)
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
    failed |= check_html(pages, lateness)
    lateness.end()
    return failed


def check_html(pages, lateness):
    """Writes the first page as a file, with the index as it is when others are still to come: is it whole, and does each
    link lead to a file?"""
    drawn = sum(line.kind in ("ladder", "plot") for line in pages[0].lines)
    with tempfile.TemporaryDirectory() as folder:
        wrong = write(pages[:1], folder, lateness, lambda *_: None)
        html_pages.write_index(folder, pages, contents()[1], pages[:1])
        wrong += html_pages.wrong_files(folder, drawn)
    linked = html_pages.HtmlShow(pages[0], ["open-here"]).linked("a (page open-here), b (page open-elsewhere).")
    if linked != 'a (page <a href="open-here.html">open-here</a>), b.':
        wrong.append("links in prose: %s" % linked)
    print("%s - tour: a page and the index as HTML" % ("not ok" if wrong else "ok"))
    print("".join("# %s\n" % why for why in wrong), end="", flush=True)
    return 1 if wrong else 0


def write(pages, folder, lateness, tell):
    """Writes a file for each page, and an index, which is right after each. Returns what did not show what it should;
    @tell is called with the number of a page and the page, before it is played."""
    failures, (_, chapters) = [], contents()
    kind = functools.partial(html_pages.HtmlShow, names=[one.name for one in pages])
    html_pages.write_style(folder)
    for number, one in enumerate(pages, 1):
        tell(number, one)
        show = play(one, lateness, kind)
        show.prose(lateness.words("page", "the text says"))
        html_pages.write_page(folder, show, pages)
        html_pages.write_index(folder, pages, chapters, pages[:number])
        failures += ["%s: %s" % (one.name, why) for why in show.failures]
        gc.collect()
    return failures


def write_all(pages, folder):
    lateness = Lateness()
    failures = write(pages, folder, lateness,
                     lambda number, one: print("%d/%d %s" % (number, len(pages), one.name), flush=True))
    lateness.end()
    print("".join("tour: %s\n" % why for why in failures), end="")
    return 1 if failures else 0


def tour(pages):
    width = max(page.NARROW, min(int(os.environ.get("COLUMNS", 0)), 140))
    color = bool(os.environ.get("COLOR"))
    end = "\n\f" if os.environ.get("PAGED") else "\n\n"
    failed, answer, lateness = 0, "", Lateness()
    print(end.strip("\n"), end="")
    for number, one in enumerate(pages, 1):
        show = page.Show(one, width, color)
        if answer:
            show.prose("Answer: " + answer)
            show.say()
        lateness.begin()
        good = show.run("%d/%d" % (number, len(pages)) if len(pages) > 1 else "")
        show.prose(lateness.words("page", "the text says"))
        for why in show.failures:
            show.out.append(show.paint("31", "This page did not show what it should: " + why))
        print("\n".join(show.out), end=end, flush=True)
        failed |= not good
        answer = one.answer
        gc.collect()
    lateness.end()
    last = page.Show(pages[-1], width, color)
    last.prose("Answer: " + answer)
    print("\n".join(last.out), end=end.strip() or "\n", flush=True)
    return failed


def main():
    arguments = sys.argv[1:]
    how, _, where = arguments.pop(0).partition("=") if arguments and arguments[0].startswith("--") else ("", "", "")
    folder = arguments.pop(0) if how == "--html" else ""
    pages = [page.Page(name) for name in chosen(arguments[0] if arguments else "", where)]
    if folder:
        return write_all(pages, folder)
    return check(pages) if how else tour(pages)


if __name__ == "__main__":
    sys.exit(main())
