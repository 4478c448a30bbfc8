#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check-mutants.py

Tests of scripts/coverage/mutants/choice.py: which tests make mutants runs on a change. The tests are made up. And a worker
of make mutants that fails is no reason to wait for it."""

import importlib.util
import os
import signal
import sys
from collections import namedtuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../coverage/mutants"))

import choice
from tap import Tap

Test = namedtuple("Test", "name cpu")
verdict = Tap("mutants")
FILE = "loss/prr.c"


def evidence(*noticed, widths=()):
    """@noticed: (file, test) of earlier changes, each noticed by that test alone."""
    found = choice.Evidence({**{f"t{i}": 1000 for i in range(20)}, **dict(widths)})
    for file, test in noticed:
        found.learn({"file": file, "verdict": "noticed", "ran": [test]})
    return found


def some(number, cpu, *more):
    return [Test(f"t{i}", cpu) for i in range(number)] + [Test(*words) for words in more]


def check(name, got, wanted):
    verdict(got == wanted, name, f"{got}, not {wanted}")


def check_order():
    check("short tests first", choice.choose(some(0, 0, ("long", 3), ("short", 1)), FILE, evidence(), 20),
          (["short", "long"], []))
    check("what reaches few lines first",
          choice.choose(some(0, 0, ("wide", 1), ("narrow", 1)), FILE, evidence(widths=[("wide", 4000), ("narrow", 200)]), 20),
          (["narrow", "wide"], []))
    check("what has the file's name first", choice.choose(some(0, 0, ("other", 1), ("wire_prr", 1)), FILE, evidence(), 20)[0][0],
          "wire_prr")
    got = choice.choose(some(0, 0, ("t1", 2), ("t2", 2)), FILE, evidence(("cong/bbr.c", "t1"), (FILE, "t2")), 20)
    check("what noticed a change of the same file before what noticed one elsewhere", got, (["t2", "t1"], []))
    found = evidence((FILE, "t0"))
    for _ in range(20):
        found.learn({"file": FILE, "verdict": "NOT NOTICED", "ran": ["t1"]})
    check("what has often run in vain last", choice.choose(some(3, 1), FILE, found, 20)[0], ["t0", "t2", "t1"])
    check("the explorer is last, whatever was spent",
          choice.choose(some(9, 1, (choice.EXPLORE, 50)), FILE, evidence(), 3)[0][-1], choice.EXPLORE)


def check_budget():
    ran, left = choice.choose(some(10, 5), FILE, evidence(), 20)
    check("as many as the time allows, and one more", (len(ran), len(left)), (5, 5))
    ran, left = choice.choose(some(choice.FEW, 15), FILE, evidence(), 20)
    check("all of few", (len(ran), len(left)), (choice.FEW, 0))
    noticed = [(FILE, f"t{i}") for i in range(8)]
    ran, left = choice.choose(some(10, 10), FILE, evidence(*noticed), 20)
    check("those that noticed a change of the file run beyond the time", (set(ran) >= {f"t{i}" for i in range(8)}, len(left)),
          (True, 1))
    ran, left = choice.choose(some(20, 30), FILE, evidence(*[(FILE, f"t{i}") for i in range(20)]), 20)
    check("and that has an end, too", (len(ran), len(left)), (choice.MOST * 20 // 30 + 1, 20 - choice.MOST * 20 // 30 - 1))
    ran, left = choice.choose(some(8, 4, ("t8", 300)), FILE, evidence((FILE, "t8")), 20)
    check("one that takes minutes waits", ("t8" in ran, "t8" in left), (False, True))
    check("without a limit all run", [len(names) for names in choice.choose(some(10, 500), FILE, evidence(), None)], [10, 0])


def check_again():
    tests, done = some(10, 10, ("t10", 300)), set()
    runs = []
    while len(done) < 11 and len(runs) < 20:
        ran, left = choice.choose(tests, FILE, evidence(), 20, done)
        if done & set(ran) or len(done) + len(ran) + len(left) != 11:
            break
        done |= set(ran)
        runs.append(len(ran))
    check("call after call, each test runs once, the long one at the end", runs, [3, 3, 3, 1, 1])
    check("nothing is left", choice.choose(tests, FILE, evidence(), 20, done), ([], []))
    check("no test", choice.choose([], FILE, evidence(), 20), ([], []))


def check_workers():
    spec = importlib.util.spec_from_file_location("play", os.path.join(sys.path[0], "../mutants.py"))
    play = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(play)
    mutants = play.Mutants.__new__(play.Mutants)
    mutants.options, mutants.machine = namedtuple("Options", "jobs")(1), None
    signal.signal(signal.SIGALRM, lambda *_: verdict(False, "a worker that fails: it is waited for") or os._exit(1))
    for error in OSError(28, "No space left on device", "/build/mutants"), ValueError("not foreseen"):
        def begin(number, error=error):
            raise error

        mutants.begin = begin
        signal.alarm(60)
        try:
            mutants.share_out([(1, "key", None)])
            said = "nothing"
        except play.Failure as failure:
            said = str(failure).strip().split("\n")[-1]
        signal.alarm(0)
        check(f"a worker that fails by {type(error).__name__}", said.split(": ")[-1], str(error).split(": ")[-1])


for part in check_order, check_budget, check_again, check_workers:
    verdict.run(part)
sys.exit(verdict.failed)
