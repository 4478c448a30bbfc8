#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check-ab.py [ROUNDS.json]... | --lab

Tests of scripts/bench/ab.py: its statistics against known answers; 1,000 comparisons of a side with itself, made of
recorded rounds, and 1,000 made of random numbers, of which at most 5 % may say that something differs; a side that is
made different is found; what a table, a picture and the JSON say. With files that `make ab JSON=` wrote, where both
sides were the same: these rounds in place of the recorded ones.

--lab, in the laboratory: what `make ab` gives twice is the same; a build of a commit is played; where a machine fails,
that is said."""

import argparse
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

os.chdir(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
spec = importlib.util.spec_from_file_location("ab", "scripts/bench/ab.py")
ab = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ab)

RECORDED = "selftests/see/ab/cubic.json"
RUNS, PAIRS, MOST = 1000, 12, 0.05
done = failed = 0


def verdict(good, name, why=""):
    global done, failed
    done += 1
    failed += not good
    print("%sok %d - %s%s" % ("" if good else "not ", done, name, "" if good or not why else "\n# " + str(why)))


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


def simulated(chance):
    """A table without a difference whose values are skewed, tied, or now and then far off; each pair has its path."""
    kinds = (lambda: chance.gauss(0, 1), lambda: chance.expovariate(1), lambda: chance.choice((0, 0, 0, 1, 2)),
             lambda: chance.gauss(0, 1) * (100 if chance.random() < 0.05 else 1))
    rows = []
    for which in range(36):
        paths = [chance.gauss(0, 3) for _ in range(PAIRS)]
        rows.append({"measure": "queue", "a": [p + kinds[which % 4]() for p in paths],
                     "b": [p + kinds[which % 4]() for p in paths]})
    return rows


def check_alarms(files):
    chance = random.Random(3)
    alarms = sum(any(row["verdict"] for row in ab.judge(simulated(chance))) for _ in range(RUNS))
    verdict(alarms <= MOST * RUNS, "%d simulated comparisons of equal sides: at most %d%% false alarms" %
            (RUNS, MOST * 100), alarms)
    print("# %d false alarms" % alarms)
    for name in files:
        with open(name, encoding="utf-8") as file:
            recorded = json.load(file)["rows"]
        # equal sides are twice as many rounds of one
        rows = [dict(row, a=row["a"] + row["b"]) for row in recorded if not row.get("both")]
        false_alarms(rows, os.path.basename(name))


def check_found():
    """What is worse by two deviations is found nearly always, and only there."""
    chance, found, others = random.Random(4), 0, 0
    for _ in range(100):
        rows = simulated(chance)
        rows[0]["b"] = [value + 3 for value in rows[0]["a"]]
        rows[4]["b"] = [value + chance.gauss(3, 1) for value in rows[4]["a"]]
        ab.judge(rows)
        found += rows[0]["verdict"] == "worse" and rows[4]["verdict"] == "worse"
        others += any(row["verdict"] for row in rows[1:4] + rows[5:])
    verdict(found >= 90, "a difference of two deviations is found", found)
    verdict(others <= 10, "and not elsewhere", others)


def option(command, name):
    return command[command.index(name) + 1]


def check_machines():
    """Which machines are played: rounds of both sides in pairs, with the same seeds, or others."""
    networks = [["loss", "stream", "l"], ["beside", "beside", "b"]]
    options = argparse.Namespace(program="play", side_a="xtcp:cubic", side_b="xtcp:bbr", ko_a="a.ko", ko_b="b.ko",
                                 second=None, share=1, receiver=False, same=False, pairs=7, seed=5)
    player = ab.Player(options, networks)
    a, b, both = (player.command(who, 3, 3) for who in ("A", "B", "AB"))
    verdict(option(a, "--seed") == option(b, "--seed") == "6" and "XTCP_KO=a.ko" in a and "XTCP_KO=b.ko" in b,
            "both sides have the same seed", (a, b))
    verdict(a[-7:] == ["3", "3", "xtcp:cubic", "loss", "--", "xtcp:cubic/kernel:cubic", "beside"],
            "a side is alone, then beside kernel TCP's CUBIC", a)
    verdict(both[-4:] == ["3", "3", "xtcp:cubic/xtcp:bbr", "beside"], "then they are beside each other", both)
    verdict([(who, count) for who, _, count in player.jobs()] == [("A", 3), ("B", 3), ("AB", 3)] * 2 +
            [("A", 1), ("B", 1), ("AB", 1)] and player.measures(networks) == 6 and
            player.plan().startswith("35 transfers on 9 machines "), "what is to come is said before", player.plan())
    options.same = True
    verdict(option(player.command("A", 3, 3), "--seed") != option(player.command("B", 3, 3), "--seed"),
            "equal sides have different seeds")
    options.same, options.second, options.receiver = False, "b2.ko", True
    both = player.command("AB", 0, 1)
    verdict("XTCP_B_KO=b2.ko" in both and "xtcp:cubic/xtcp_b:bbr" in both and "-x" not in both and
            "-x" in player.command("B", 0, 1), "two builds beside each other; alone they receive, too", both)
    for who, value in (("A", 40), ("B", 45), ("AB", 60)):
        player.values[who, "beside", "share"] = {1: value + 1, 0: value}
    beside, each = player.rows(networks)
    verdict((beside["a"], beside["b"], each["a"], each["b"]) == ([40, 41], [45, 46], [60, 61], [40, 39]),
            "rounds stay in pairs, and two shares make a whole", (beside, each))


def check_words():
    """What the table of recorded rounds says."""
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
        text = ran.stdout
        verdict(ran.returncode == 0 and not ran.stderr, "a table of rounds that were played before", ran.stderr)
        for pattern in (r"^A is left, B is right; 12 rounds", r"goodput, % of the link .* 0\.0\d\d  worse$",
                        r"^2 of \d+ measures differ by more than chance", r"^Beside each other A got 75\.5",
                        r"^Warning: the two disturb each other\. Alone, .* B has (0\.9|1\.0)\d of A's\sgoodput; "
                        r"beside A 0\.32\."):
            verdict(re.search(pattern.replace(" ", r"\s"), text, re.M), "says " + pattern, text)
        with open(name["json"], encoding="utf-8") as file:
            written = json.load(file)
        verdict(written["verdicts"] == 2 and all({"p", "p_corrected", "difference", "interval"} <= row.keys()
                                                 for row in written["rows"]), "the JSON has what the table says")
        root = ElementTree.parse(name["svg"]).getroot()
        dots = [e for e in root.iter() if e.tag.endswith("circle") and e.get("opacity")]
        verdict(len(dots) == 2 * PAIRS * len(result["rows"]), "the picture has a dot for each round", len(dots))
        result["same"], result["pairs"] = True, 2
        for row in result["rows"]:
            row["a"], row["b"] = row["a"][:2], row["b"][:2]
        with open(name["in"], "w", encoding="utf-8") as file:
            json.dump(result, file)
        text = subprocess.run(["scripts/bench/ab.py", "--again", name["in"]], capture_output=True, text=True).stdout
        for pattern in (r"^Both are the same", r" \?$", r"^\?: cannot be told\. 2 rounds are too few for a verdict among "
                        r"\d+\smeasures: 1\d at least, whatever differs\.$"):
            verdict(re.search(pattern, text, re.M), "says " + pattern, text)
        verdict(" 0 of " not in text and not re.search(r"^\d+ of \d+ measures differ", text, re.M),
                "and does not say how many differ", text)
        for words in (["--again", "/nosuch"], ["--again", "Makefile"], ["--again", name["in"], "--svg", "/nosuch/x"]):
            ran = subprocess.run(["scripts/bench/ab.py", *words], capture_output=True, text=True)
            verdict(ran.returncode == 1 and ran.stderr.startswith("ab: ") and ran.stderr.count("\n") == 1,
                    "refuses " + " ".join(words[:1] + [os.path.basename(w) for w in words[1:]]), ran.stderr)


def played(folder, *words):
    """What make ab says, and what it writes."""
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
    print("# %d tests, %d failed" % (done, failed))
    sys.exit(1 if failed else 0)
absent = [name for name in sys.argv[1:] if not os.path.isfile(name)]
if absent:
    print("check-ab.py: no file %s" % absent[0], file=sys.stderr)
    sys.exit(2)
check_statistics()
check_alarms(sys.argv[1:] or [RECORDED])
check_found()
check_machines()
check_words()
print("# %d tests, %d failed" % (done, failed))
sys.exit(1 if failed else 0)
