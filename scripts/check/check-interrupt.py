#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check-interrupt.py [all | NAME]

Ctrl-C and SIGTERM while a long command runs: it ends with a status that is not 0, and leaves no process and no
temporary folder. Without an argument the rows that take seconds; with NAME those whose name has a match for it.
Prints TAP."""

import glob
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

from parts import end_all, inherit_orphans, offspring
from tap import Tap

TOP = pathlib.Path(__file__).resolve().parents[2]
# seconds that a busy machine may take until one boots, until the command has ended, and then all helpers
BEGINS, ENDS, LAST = 900, 180, 60
MACHINE = "xtcp-lab.*/ctl/started"

# what is run, {} being a new folder, without what would first install packages or overwrite results; the file of its TMPDIR
# that is there when it has begun; where it keeps temporary folders; quick: it takes seconds
Row = namedtuple("Row", "name command begun folders quick")
ROWS = (
    Row("soak", "make soak T=soak_year", MACHINE, ["build/soak.*"], True),
    Row("ab", "make ab CC=cubic CC2=reno N=2 NET=short", MACHINE, ["build/ab/run.*"], True),
    Row("tour", "make tour HTML={}/tour P=loss", "../tour/.part-2/*.html", [], False),
    Row("explore", "make explore SEEDS=4000", MACHINE, ["build/explore.*"], False),
    Row("programs", "scripts/check/programs.sh --short --kernel lab reload", MACHINE, [], False),
)
SIGNALS = signal.SIGINT, signal.SIGTERM
verdict = Tap("interrupted")
# what the commands would take for their options, as in check-input.sh
OPTIONS = """MAKELEVEL MAKEFLAGS MFLAGS MAKEOVERRIDES T P D HTML K B N F ALL ALSO SHORT ONLY SEED AB CC CC2 NET JSON SVG
             FROM FOR SEEDS COMPARE ROW DEBUG AGAIN LAB_SEED"""


def names_of(pids):
    found = []
    for pid in pids:
        try:
            found.append(pathlib.Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")[:80])
        except OSError:
            pass
    return found


def interrupt(row, number, folder):
    """Returns what is wrong, if anything is."""
    tmp = folder / "tmp"
    tmp.mkdir()
    before = {name for pattern in row.folders for name in glob.glob(str(TOP / pattern))}
    with open(folder / "said", "wb") as said:
        # what ignores SIGINT passes that on, and a script cannot take it back
        player = subprocess.Popen(["env", "--default-signal", *row.command.format(folder).split()], cwd=TOP,
                                  stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
                                  env={**os.environ, "TMPDIR": str(tmp)})
    deadline = time.monotonic() + BEGINS
    while not list(tmp.glob(row.begun)) and player.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    if not list(tmp.glob(row.begun)):
        return "it did not come so far"
    if player.poll() is not None:
        return "it ended by itself"
    try:
        if number == signal.SIGINT:
            os.killpg(player.pid, number)
        else:
            player.send_signal(number)
    except ProcessLookupError:
        return "it ended by itself"
    try:
        status = player.wait(ENDS)
    except subprocess.TimeoutExpired:
        return f"it goes on: {names_of(offspring(os.getpid()))}"
    # helpers that wait for a process end a moment later
    deadline = time.monotonic() + LAST
    while (offspring(os.getpid()) or list(tmp.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.1)
    left = names_of(offspring(os.getpid()))
    left += [name for pattern in row.folders for name in glob.glob(str(TOP / pattern)) if name not in before]
    left += [str(path.relative_to(tmp)) for path in tmp.iterdir()]
    left += [str(page) for page in folder.glob("tour/**/*.html") if not page.read_text().endswith("</html>\n")]
    if left:
        return f"left: {left}"
    return None if status else "its status is 0"


def play(row, number):
    with tempfile.TemporaryDirectory(prefix="check-interrupt.", ignore_cleanup_errors=True) as folder:
        try:
            why = interrupt(row, number, pathlib.Path(folder))
        finally:
            end_all()
        text = (pathlib.Path(folder) / "said").read_text(errors="replace")
        verdict(not why, f"{row.command}, {number.name}", "\n".join(text.splitlines()[-30:]), why)


def chosen(words):
    if not words:
        return [row for row in ROWS if row.quick]
    return [row for row in ROWS if words[0] == "all" or re.search(words[0], row.name)]


def main():
    try:
        rows = chosen(sys.argv[1:])
    except re.error:
        rows = []
    if len(sys.argv) > 2 or not rows:
        print(f"check-interrupt.py: no row has that name; there are: all {' '.join(row.name for row in ROWS)}",
              file=sys.stderr)
        return 2
    for word in OPTIONS.split():
        os.environ.pop(word, None)
    inherit_orphans()
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    for row in rows:
        for number in SIGNALS:
            play(row, number)
    return verdict.failed


sys.exit(main())
