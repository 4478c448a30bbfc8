#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check-ab.py [ROUNDS.json]... | --lab

Tests of scripts/bench/ab.py: its statistics against known answers; 1,000 comparisons of a side with itself, made of
recorded rounds, of which at most 5 % may say that something differs; what a table, a picture and the JSON say of a side
that is made different. With files that `make ab JSON=` wrote, where both sides were the same: these rounds in place of the
recorded ones.

--lab, in the laboratory: what `make ab` gives twice is the same; a build of a commit is played; where a machine fails,
that is said."""

import importlib.util
import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

from tap import Tap

os.chdir(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
spec = importlib.util.spec_from_file_location("ab", "scripts/bench/ab.py")
ab = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ab)

RECORDED = "selftests/see/ab/cubic.json"
RUNS, PAIRS, MOST = 1000, 12, 0.05
verdict = Tap("ab")


def close(a, b, within=1e-6):
    return abs(a - b) <= within


def by_all_signs(differences):
    """The test's p by its definition, for distinct sizes and ties alike."""
    values = [d for d in differences if d]
    sizes = sorted(abs(d) for d in values)
    ranks = [sum(i + 1 for i, s in enumerate(sizes) if s == abs(d)) / sizes.count(abs(d)) for d in values]
    middle = sum(ranks) / 2
    off = abs(sum(r for r, d in zip(ranks, values) if d > 0) - middle)
    signs = itertools.product((0, 1), repeat=len(ranks))
    return sum(abs(sum(r for r, s in zip(ranks, sign) if s) - middle) >= off - 1e-9 for sign in signs) / 2 ** len(ranks)


def check_statistics():
    verdict([ab.scatter(values) for values in ([7], [4, 1, 3, 2], [1, 2, 3, 4, 5])] ==
            ["7.00 (7.00-7.00)", "2.50 (1.75-3.25)", "3.00 (2.00-4.00)"], "medians and quartiles")
    # Hollander and Wolfe, Nonparametric Statistical Methods, example 3.1: depression, T+ = 40 of 45, p = 0.0391
    before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    differences = [a - b for a, b in zip(after, before)]
    p = ab.signed_rank(differences)
    verdict(close(p, 0.0390625), "the signed-rank test of a textbook", p)
    middle, interval = ab.estimate(differences)
    verdict(close(middle, -0.46) and close(interval[0], -0.786) and close(interval[1], -0.010),
            "its estimate and its interval", (middle, interval))
    verdict(all(close(ab.signed_rank([1] * n), 2 / 2 ** n if n else 1) for n in range(13)), "pairs that all agree")
    verdict(ab.signed_rank([0, 0, 0, 0]) == 1 and ab.signed_rank([]) == 1, "pairs without a difference")
    chance = random.Random(1)
    cases = [[chance.choice((-3, -2, -1, 0, 1, 2, 4)) for _ in range(9)] for _ in range(40)]
    wrong = [case for case in cases if not close(ab.signed_rank(case), by_all_signs(case))]
    verdict(not wrong, "ties and zeros, against all choices of signs", wrong[:1])
    verdict(ab.holm([0.01, 0.04, 0.03, 0.005]) == [0.03, 0.06, 0.06, 0.02], "Holm", ab.holm([0.01, 0.04, 0.03, 0.005]))
    verdict(ab.pairs_needed(36) == 11 and ab.pairs_needed(1) == 6, "rounds that a verdict needs")
    verdict(ab.estimate([1, 2])[1] is None, "no interval of two pairs")


def false_alarms(recorded, name):
    """Two sides of the same rounds, drawn without repetition; those of a measure hold together by their round."""
    chance, alarms = random.Random(2), 0
    count = len(recorded[0]["a"])
    for _ in range(RUNS):
        drawn = chance.sample(range(count), 2 * PAIRS)
        rows = [dict(row, a=[row["a"][i] for i in drawn[:PAIRS]], b=[row["a"][i] for i in drawn[PAIRS:]])
                for row in recorded]
        alarms += any(row["verdict"] for row in ab.judge(rows))
    verdict(alarms <= MOST * RUNS, "%d comparisons of equal sides, %s: at most %d%% false alarms" %
            (RUNS, name, MOST * 100), alarms)
    print("# %d false alarms, each in a table of %d measures" % (alarms, len(recorded)))


def check_alarms(files):
    for name in files:
        with open(name, encoding="utf-8") as file:
            recorded = json.load(file)["rows"]
        # equal sides are twice as many rounds of one
        rows = [dict(row, a=row["a"] + row["b"]) for row in recorded if not row.get("both")]
        false_alarms(rows, os.path.basename(name))


def check_words():
    """What the table of recorded rounds says, if B has half of A's goodput in one network."""
    with open(RECORDED, encoding="utf-8") as file:
        result = json.load(file)
    for row in result["rows"]:
        row["a"], row["b"] = row["a"][:PAIRS], row["b"][:PAIRS]
        if row["measure"] == "goodput" and row["network"] == "rare":
            row["b"] = [value / 2 for value in row["a"]]
        if row.get("both"):
            row["a"], row["b"] = [70 + i for i in range(PAIRS)], [30 - i for i in range(PAIRS)]
    result.update(a="left", b="right", same=False, pairs=PAIRS)
    with tempfile.TemporaryDirectory() as folder:
        name = {end: os.path.join(folder, "x." + end) for end in ("in", "json", "svg")}
        with open(name["in"], "w", encoding="utf-8") as file:
            json.dump(result, file)
        words = ["--again", name["in"], "--json", name["json"], "--svg", name["svg"]]
        ran = subprocess.run(["scripts/bench/ab.py", *words], capture_output=True, text=True)
        for pattern in (r"^A is left, B is right; 12 rounds", r"goodput, % of the link .* 0\.0\d\d  worse$",
                        r"^2 of \d+ measures differ by more than chance", r"^Beside each other A got 75\.5",
                        r"^Warning: the two disturb each other\. Alone, .* B has (0\.9|1\.0)\d of A's\sgoodput; "
                        r"beside A 0\.32\."):
            verdict(re.search(pattern.replace(" ", r"\s"), ran.stdout, re.M), "says " + pattern, ran.stdout + ran.stderr)
        with open(name["json"], encoding="utf-8") as file:
            written = json.load(file)
        dots = [e for e in ElementTree.parse(name["svg"]).getroot().iter() if e.tag.endswith("circle") and e.get("opacity")]
        verdict(written["verdicts"] == 2 and len(dots) == 2 * PAIRS * len(result["rows"]), "JSON and picture have it, too", len(dots))


def played(folder, *words):
    name = os.path.join(folder, "played.json")
    ran = subprocess.run(["scripts/bench/ab.sh", *words, "JSON=" + name, "SVG=" + os.path.join(folder, "x.svg")],
                         capture_output=True, text=True)
    if ran.returncode:
        return ran, None
    with open(name, encoding="utf-8") as file:
        return ran, json.load(file)


def check_laboratory():
    with tempfile.TemporaryDirectory() as folder:
        ran, once = played(folder, "CC=cubic", "CC2=reno", "N=1", "NET=short beside")
        verdict(once and [row["measure"] for row in once["rows"]] == ["10KB", "100KB", "600KB", "share", "share"],
                "two congestion controls: each measure of these networks", ran.stderr)
        ran, again = played(folder, "CC=cubic", "CC2=reno", "N=1", "NET=short beside")
        verdict(re.search(r"^# 1 round is too few for a verdict among 5 measures: 8 at least; there will be none\.\n"
                          r"# 5 transfers on 3 machines .*(minute|min) where nothing else runs\n", ran.stderr, re.M) and
                ran.stderr.endswith("# 3 of 3 machines are done\n"), "it says before it begins what will come of it", ran.stderr)
        verdict(once and once == again, "the same command gives the same values", ran.stdout)
        ran, built = played(folder, "AB=HEAD", "N=1", "NET=short")
        verdict(built and len(built["rows"]) == 3 and built["b"].endswith(" (cubic)"), "the build of a commit",
                ran.stderr)
        mine = os.path.join(folder, "cong_aimd.c")
        with open("README.md", encoding="utf-8") as readme, open(mine, "w", encoding="utf-8") as file:
            file.write(readme.read().split("```c\n")[1].split("```")[0])
        ran, own = played(folder, "CC=" + mine, "CC2=reno", "N=1", "NET=short")
        verdict(own and own["a"] == "aimd" and len(own["rows"]) == 3, "a congestion control of one's own", ran.stderr)
        play = ["scripts/bench/ab.py", "--program", os.path.abspath("build/selftests/tools/bench_ab"), "--pairs", "1",
                "--networks", "short", "--name-a", "a", "--name-b", "b", "--side-a", "kernel:nosuch", "--side-b",
                "kernel:cubic", "--ko-a", os.path.abspath("build/lab/xtcp.ko"), "--ko-b", "/nosuch"]
        ran = subprocess.run(play, capture_output=True, text=True)
        verdict(ran.returncode == 1 and "ab: scripts/lab/run.sh" in ran.stderr and not ran.stdout,
                "a machine that fails", ran.stderr)
        play[-1] = play[play.index("--ko-a") + 1]
        sides = [play.index("--side-" + side) + 1 for side in "ab"]
        for b, status, said in ("nosuch", 1, "bench_ab: nosuch"), ("cubic", 0, "# 1 of 1 machines are done\n"):
            play[sides[0]], play[sides[1]] = "kernel:cubic", "kernel:" + b
            ran = subprocess.run(play, capture_output=True, text=True)
            verdict(ran.returncode == status and said in ran.stderr,
                    "of a run that failed, what it has played is kept: status %d" % status, ran.stderr)


if sys.argv[1:] == ["--lab"]:
    check_laboratory()
    sys.exit(verdict.failed)
absent = [name for name in sys.argv[1:] if not os.path.isfile(name)]
if absent:
    print("check-ab.py: no file %s" % absent[0], file=sys.stderr)
    sys.exit(2)
check_statistics()
check_alarms(sys.argv[1:] or [RECORDED])
check_words()
sys.exit(verdict.failed)
