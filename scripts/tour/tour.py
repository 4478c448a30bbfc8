#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tour.py [--check[=lab|=rest]] [NAME]: shows the pages of the tour whose name begins so, or all, in the virtual machine;
scripts/tour/tour.sh runs it there. With --check: one line of TAP for each page, and the page only if it does not show what
it should; =lab: without the pages of lab.list, which the laboratory cannot play; =rest: those alone. Without a terminal
pages come one below the other; for a pager each is between two form feeds.

tour.py --html DIR NAME [PAGE]...: a file for each PAGE, with links to those of NAME. --left DIR NAME: which pages of NAME
have no file in DIR. --index DIR NAME: the index of those that have one. The last two run on any machine."""

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
        wrong = write(pages[:1], pages[:1], folder, lateness, lambda _: None)
        html_pages.write_index(folder, pages, contents()[1], pages[:1])
        wrong += html_pages.wrong_files(folder, drawn)
        if pages[0] in left(folder, pages) or not set(pages[1:]) <= set(left(folder, pages)):
            wrong.append("an interrupted tour would go on with other pages")
        try:
            html_pages.save(folder, "half.html", "what cannot be written: \udcff")
        except UnicodeEncodeError:
            wrong += ["a page that is not whole has its name"] * os.path.exists(folder + "/half.html")
    linked = html_pages.HtmlShow(pages[0], ["open-here"]).linked("a (page open-here), b (page open-elsewhere).")
    if linked != 'a (page <a href="open-here.html">open-here</a>), b.':
        wrong.append("links in prose: %s" % linked)
    print("%s - tour: a page and the index as HTML" % ("not ok" if wrong else "ok"))
    print("".join("# %s\n" % why for why in wrong), end="", flush=True)
    return 1 if wrong else 0


def write(mine, pages, folder, lateness, tell):
    """Writes a file for each page of @mine, one of @pages. Returns what did not show what it should; @tell is called with
    the name of each page, when its file is there."""
    failures = []
    kind = functools.partial(html_pages.HtmlShow, names=[one.name for one in pages])
    for one in mine:
        show = play(one, lateness, kind)
        show.prose(lateness.words("page", "the text says"))
        html_pages.write_page(folder, show, pages)
        tell(one.name)
        failures += ["%s: %s" % (one.name, why) for why in show.failures]
        gc.collect()
    return failures


def write_all(folder, wanted, mine):
    pages = [page.Page(name) for name in chosen(wanted)]
    lateness = Lateness()
    failures = write([one for one in pages if one.name in mine], pages, folder, lateness,
                     lambda name: print("page", name, flush=True))
    lateness.end()
    print("".join("tour: %s\n" % why for why in failures), end="")
    return 1 if failures else 0


def index(folder, wanted):
    pages = [page.Page(name) for name in chosen(wanted)]
    html_pages.write_index(folder, pages, contents()[1], [one for one in pages if html_pages.is_written(folder, one)])


def left(folder, pages):
    return [one for one in pages if not html_pages.is_written(folder, one)]


def say_left(folder, wanted):
    """First those that the laboratory can play, on a line; then the others."""
    names, rest = [one.name for one in left(folder, [page.Page(name) for name in chosen(wanted)])], not_in_lab()
    print(*(name for name in names if name not in rest))
    print(*(name for name in names if name in rest))


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
    if how == "--html":
        return write_all(arguments[0], arguments[1], arguments[2:])
    if how in ("--left", "--index"):
        return (say_left if how == "--left" else index)(*arguments)
    pages = [page.Page(name) for name in chosen(arguments[0] if arguments else "", where)]
    return check(pages) if how else tour(pages)


if __name__ == "__main__":
    sys.exit(main())
