#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Does check.py report what goes wrong in a part, and leave no process behind? Plays parts that fail, hang,
leave processes behind, or are interrupted. Prints TAP."""
import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import check
from parts import Part, marked
from tap import Tap

MARK = "XTCP_CHECK_DRIVER"
# the folder is a disk of 64 KB; the last argument is the folder
SMALL = 'for folder; do :; done; mount -t tmpfs -o size=64k small "$folder" && mkdir "$folder/run" && exec "$@"'


def shell(name, command, tests=(), limit=None):
    part = Part(name, 1, "own", [], ["sh", "-c", command], tests=tests)
    part.limit = limit or part.limit
    return part


def parts_of(name, folder):
    return {
        "fails": [shell("one", "echo ok 1 - fine; echo not ok 2 - wrong; exit 1"), shell("two", "echo built")],
        "status": [shell("one", "echo ok 1 - fine; exit 3")],
        "nothing": [],
        "left out": [shell("one", "echo '# load: 1 passed, 0 failed'; echo ok 1 - fine", tests=["load", "ports"])],
        "hangs": [shell("one", "setsid sh -c 'sleep 1000 & sleep 1000' & echo ok 1 - fine; sleep 1000", limit=4)],
        "interrupted": [shell("one", "setsid sleep 1000 & echo ok 1 - fine; echo not ok 2 - wrong; "
                              f"trap 'echo not ok 3 - torn down; exit' TERM; touch {folder}/begun; sleep 1000 & wait")],
        "full": [shell("one", "echo ok 1 - fine; yes ok - more | head -n 30000; exit 0")],
        "full later": [shell("one", f"echo ok 1 - fine; dd if=/dev/zero of={folder}/more 2>/dev/null; exit 0")],
    }[name]


def play(name):
    """Plays a row in a process of its own: status, output, processes left behind."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "run").mkdir()
        command = [sys.executable, __file__, "--play", name, folder]
        if name.startswith("full"):
            command = ["unshare", "--mount", "sh", "-c", SMALL, "sh", *command]
        player = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  env={**os.environ, MARK: str(folder), "NO_SKIP": "0", "CI": ""})
        if name == "interrupted":
            while not (folder / "begun").exists() and player.poll() is None:
                time.sleep(0.1)
            player.send_signal(signal.SIGTERM)
        said = player.communicate()[0]
        # a small disk went with its namespace
        verdict = (folder / "verdict").read_text().strip() if (folder / "verdict").exists() else None
        if not name.startswith("full") and said.splitlines()[-1] != verdict:
            said += f"the last line is not the verdict: {verdict}"
        return player.returncode, said, marked(f"{MARK}={folder}")


# row, exit status, last line, a line that it also prints
ROWS = (
    ("fails", 1, "2 passed, 1 failed", r"^# one: not ok 2 - wrong$"),
    ("status", 1, "1 passed, 1 failed", r"^not ok - one: failed, exit status 3$"),
    ("nothing", 1, "0 passed, 1 failed", r"^not ok - nothing was tested$"),
    ("left out", 1, "1 passed, 1 failed", r"^not ok - one, left out: ports$"),
    ("hangs", 1, "1 passed, 1 failed", r"^not ok - one: not over after 4 s, ended$"),
    ("interrupted", 143, "1 passed, 1 failed, ended by a signal", r"^# ended by a signal: .* no verdict$"),
    ("full", 1, None, r"^not ok - one: no space left in /.*/run/said$"),
    ("full later", 1, "1 passed, 3 failed", r"^not ok - cannot write /.*/verdict: No space left on device$"),
)


def check_rest():
    """What make check leaves out where something is missing is what make check-rest runs, and nothing gets lost."""
    options = argparse.Namespace(all=False, also=None, kernel=None, only=None, quick=False, rest=False, short=False)

    def works(mode, missing, left=None):
        plan.mode, plan.missing, plan.left = mode, dict.fromkeys(missing, "not here"), left
        return {work for part in plan.parts(None) for work in part.works}, plan.left_out()

    plan = check.Plan(options, check.Tests(None))
    everything, left = works("c", ())
    if left or len(everything) < 50:
        return f"without anything missing {len(everything)} works, and left out: {left}"
    for mode, missing in ("f", ("style", "module", "lab")), ("f", ("lab",)), ("c", ("style",)):
        here, left = works(mode, missing)
        rest = works("c", (), left)[0]
        if rest != set(left) or not left or rest & here or everything - here != rest:
            return f"without {missing}: left out {sorted(left)}, made up for {sorted(rest)}"
    return None


def main():
    if sys.argv[1:2] == ["--play"]:
        folder = pathlib.Path(sys.argv[3])
        return check.run_all(check.Run(folder / "run"), parts_of(sys.argv[2], folder))
    if sys.argv[1:]:
        print("check-driver.py takes no arguments", file=sys.stderr)
        return 2
    verdict = Tap("driver")
    may_mount = not subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL, check=False).returncode
    for name, status, last, says in ROWS:
        if name.startswith("full") and not may_mount:
            verdict(True, name + " # SKIP not root, or the kernel cannot give us mounts of our own")
            continue
        got, said, left = play(name)
        told = re.search(says, said, re.M) and last in (None, said.splitlines()[-1])
        verdict(got == status and told and not left, name, said,
                f"status {got} for {status}; '{last}' at the end, and {says}; left running: {left}")
    os.chdir(check.TOP)
    why = check_rest()
    verdict(not why, "check-rest", why)
    return verdict.failed


sys.exit(main())
