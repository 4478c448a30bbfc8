#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""ab.py: the rounds of `make ab` and what they say; scripts/bench/ab.sh builds what they need and calls it.

Two sides, A and B, go through the same networks. Round N is the same path for both, in machines of the laboratory with
the same seed. So rounds are pairs. Of each measure:

  - medians and quartiles of both sides;
  - the difference B - A: the median of all means of two pairs' differences (Hodges and Lehmann), and the interval that
    holds the true one in 95 of 100 cases;
  - Wilcoxon's signed-rank test, its exact distribution, two-sided. Pairs without a difference are left out;
  - Holm's correction over all measures of the run. So if nothing differs, at most one run in twenty reports any
    difference.

What a machine has said is kept until all are done: a run that was interrupted goes on where it stopped, if modules,
program and arguments are the same.

There is a verdict where the corrected p is below 0.05. Two streams beside each other take from each other, so they are
no comparison; they say how a bottleneck is shared.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median, quantiles

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../tools/sight"))

from plot_svg import GRID, INK, MUTED, RESENT, SENT, WIDTH, Svg
from screen import is_utf8

ALPHA = 0.05
KEPT = "build/ab/kept"
ROUNDS_OF_A_MACHINE = 3
SECONDS = 1.5           # of a processor, about: what a transfer takes
OTHER_SEEDS = 1000      # of side B where both sides are the same
# name: words and unit, and whether more of it is better
MEASURES = {
    "goodput": ("goodput, % of the link", True),
    "queue": ("queueing delay, ms", False),
    "resent": ("resent, % of the octets", False),
    "needless": ("resent needlessly, %", False),
    "10KB": ("10 KB, ms", False),
    "100KB": ("100 KB, ms", False),
    "600KB": ("600 KB, ms", False),
    "share": ("share", None),
}
OF_A_KIND = {"stream": 4, "short": 3, "beside": 1}     # measures


def distribution(ranks):
    """How many of all choices of signs have each sum of positive ranks."""
    counts = [1]
    for rank in ranks:
        counts += [0] * rank
        for total in range(len(counts) - 1, rank - 1, -1):
            counts[total] += counts[total - rank]
    return counts


def signed_rank(differences, known={}):
    """p of Wilcoxon's signed-rank test. Ranks are doubled, so that those of ties are whole."""
    differences = sorted((d for d in (round(d, 9) for d in differences) if d), key=abs)
    ranks, first = [], 0
    while first < len(differences):
        last = first
        while last + 1 < len(differences) and abs(differences[last + 1]) == abs(differences[first]):
            last += 1
        ranks += [first + last + 2] * (last - first + 1)
        first = last + 1
    if not ranks:
        return 1.0
    positive = sum(rank for rank, d in zip(ranks, differences) if d > 0)
    least = min(positive, sum(ranks) - positive)
    key = tuple(ranks)
    if key not in known:
        known[key] = distribution(ranks)
    return min(1.0, 2 * sum(known[key][:least + 1]) / 2 ** len(ranks))


def estimate(differences):
    """The difference, and its interval of 95 %: None where there are too few pairs for one."""
    number = len(differences)
    walsh = sorted((differences[i] + differences[k]) / 2 for i in range(number) for k in range(i, number))
    counts, outside, skip = distribution(range(1, number + 1)), 0, -1
    while 2 * (outside + counts[skip + 1]) <= ALPHA * 2 ** number:
        skip += 1
        outside += counts[skip]
    return median(walsh), None if skip < 0 else (walsh[skip], walsh[len(walsh) - 1 - skip])


def holm(values):
    """Each p, corrected for their number."""
    order = sorted(range(len(values)), key=values.__getitem__)
    corrected, most = [0.0] * len(values), 0.0
    for place, which in enumerate(order):
        most = max(most, min(1.0, values[which] * (len(values) - place)))
        corrected[which] = most
    return corrected


def pairs_needed(rows):
    """The least number of pairs that can give a verdict on one of @rows measures: all of them differ the same way."""
    pairs = 1
    while 2 * rows / 2 ** pairs >= ALPHA:
        pairs += 1
    return pairs


def too_few(rounds, measures):
    """What to say if so many rounds cannot give a verdict, whatever differs; else nothing."""
    needed = pairs_needed(measures)
    return "%d round%s too few for a verdict among %d measures: %d at least" % (
        rounds, " is" if rounds == 1 else "s are", measures, needed) if rounds < needed else ""


def minutes(seconds):
    return "less than a minute" if seconds < 45 else "about %d min" % max(1, round(seconds / 60))


def judge(rows):
    """Fills in what each row says. A row has "a" and "b": lists of equal length."""
    for row in rows:
        differences = [b - a for a, b in zip(row["a"], row["b"])]
        row["p"] = signed_rank(differences)
        row["difference"], row["interval"] = estimate(differences)
    for row, corrected in zip(rows, holm([row["p"] for row in rows])):
        row["p_corrected"] = corrected
        row["verdict"] = None
        if corrected < ALPHA:
            more, better = row["difference"] > 0, MEASURES[row["measure"]][1]
            row["verdict"] = ("more" if more else "less") if better is None else "better" if more == better else "worse"
    return rows


class Failed(Exception):
    pass


class Player:
    """Plays rounds in machines of the laboratory, as many at once as there are processors."""

    def __init__(self, options, networks):
        self.options = options
        self.alone = [name for name, kind, _ in networks if kind != "beside"]
        self.beside = [name for name, kind, _ in networks if kind == "beside"]
        self.values = {}        # (who, network, measure): {round: value}
        self.lock = threading.Lock()
        self.running, self.played, self.stopped = [], 0, False
        self.machines, self.began = 0, time.monotonic()

    def file_of(self, who, command):
        """Where what this machine says is kept. B's module is known by its commit: it is built in another folder each
        time."""
        options = self.options
        digest = hashlib.sha256(repr((options.name_a, options.name_b, who,
                                      [word for word in command if "/run." not in word])).encode())
        for name in (options.program, options.ko_a):
            with open(name, "rb") as file:
                digest.update(file.read())
        return os.path.join(KEPT, digest.hexdigest()[:32])

    def command(self, who, first, count):
        options = self.options
        kernel = "kernel:cubic"
        if who == "AB":
            other = options.side_b if not options.second else "xtcp_b:" + options.side_b.split(":")[1]
            words, ko = ["%s/%s" % (options.side_a, other)] + self.beside, options.ko_a
        else:
            side, ko = (options.side_a, options.ko_a) if who == "A" else (options.side_b, options.ko_b)
            words = [side] + self.alone if self.alone else []
            if self.beside:
                words += (["--"] if words else []) + ["%s/%s" % (side, kernel)] + self.beside
        seed = options.seed + first // ROUNDS_OF_A_MACHINE + (OTHER_SEEDS if options.same and who == "B" else 0)
        receiver = ["-x"] if options.receiver and who != "AB" else []
        return ["scripts/lab/run.sh", "--seed", str(seed), "--memory", "1G", "--timeout", "1800", "--", "env",
                "XTCP_KO=" + ko, "XTCP_B_KO=" + (options.second or ""), options.program,
                *receiver, str(first), str(count), *words]

    def play(self, who, first, count):
        command = self.command(who, first, count)
        kept = self.file_of(who, command)
        if os.path.exists(kept):
            with open(kept, encoding="utf-8") as file, self.lock:
                self.machines -= 1
                self.take(who, file.read())
            return
        with self.lock:
            if self.stopped:
                return
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
            self.running.append(process)
        said, complaint = process.communicate()
        with self.lock:
            self.running.remove(process)
            if self.stopped:
                return
            self.played += 1
            if process.returncode:
                raise Failed("%s: status %d\n%s%s" % (" ".join(command), process.returncode, said[-800:],
                                                     complaint[-800:]))
            write(kept + ".new", said)
            os.replace(kept + ".new", kept)
            self.take(who, said)
            self.say_left()

    def take(self, who, said):
        for line in said.splitlines():
            words = line.split()
            if words[:1] == ["ab"]:
                self.values.setdefault((who, words[2], words[3]), {})[int(words[1])] = float(words[4])

    def jobs(self):
        """Of each machine: who is played, from which round on, how many."""
        jobs = []
        for first in range(0, self.options.pairs, ROUNDS_OF_A_MACHINE):
            count = min(ROUNDS_OF_A_MACHINE, self.options.pairs - first)
            jobs += [("A", first, count), ("B", first, count)]
            if self.beside and self.options.share:
                jobs.append(("AB", first, count))
        return jobs

    def plan(self):
        transfers = sum(count * (len(self.beside) if who == "AB" else len(self.alone + self.beside))
                        for who, _, count in self.jobs())
        processors = os.cpu_count() or 1
        return "%d transfers on %d machines of the laboratory, %d at once: %s where nothing else runs" % (
            transfers, len(self.jobs()), min(processors, len(self.jobs())), minutes(transfers * SECONDS / processors))

    def measures(self, networks):
        """How many rows the table will have."""
        return sum(OF_A_KIND[kind] + (kind == "beside" and bool(self.options.share)) for _, kind, _ in networks)

    def say_left(self):
        left = self.machines - self.played
        took = (time.monotonic() - self.began) / self.played
        print("# %d of %d machines are done%s" % (self.played, self.machines, ", %s to go" % minutes(left * took) if left
                                                else ""), file=sys.stderr, flush=True)

    def play_all(self):
        jobs = self.jobs()
        self.machines, self.began = len(jobs), time.monotonic()
        os.makedirs(KEPT, exist_ok=True)
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            try:
                for played in [pool.submit(self.play, *job) for job in jobs]:
                    played.result()
            finally:
                with self.lock:
                    self.stopped = True
                    for process in self.running:
                        process.terminate()
    def rows(self, networks):
        rows = []
        for name, kind, what in networks:
            for measure in MEASURES:
                a, b = (self.values.get((who, name, measure)) for who in "AB")
                if a and b:
                    order = sorted(a)
                    rows.append({"network": name, "what": what, "measure": measure,
                                 "words": MEASURES[measure][0] + " beside kernel CUBIC, %" * (kind == "beside"),
                                 "a": [a[i] for i in order], "b": [b[i] for i in order]})
            both = self.values.get(("AB", name, "share"))
            if both:
                a = [both[i] for i in sorted(both)]
                rows.append({"network": name, "what": what, "measure": "share", "both": True,
                             "words": "share beside each other, %", "a": a, "b": [100 - value for value in a]})
        return rows


def number(value, plus=""):
    text = "%.*f" % (0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2, value)
    return text.lstrip("-") if not float(text) else plus + text if value > 0 else text


def scatter(values):
    low, middle, high = quantiles(values * 2 if len(values) == 1 else values, method="inclusive")
    return "%s (%s-%s)" % (number(middle), number(low), number(high))


def changed(row):
    if row["a"] == row["b"]:
        return "0, in each round"
    if row["interval"] is None:
        return number(row["difference"], "+")
    return "%s (%s to %s)" % tuple(number(value, "+") for value in (row["difference"], *row["interval"]))


COLUMNS = 112
FORMAT = "  %-28s %-20s %-20s %-25s %s"


def tell(result):
    a, b, rows = result["a"], result["b"], result["rows"]
    few = too_few(result["pairs"], len(rows))
    lines = ["A is %s, B is %s; %d rounds of each, medians (quartiles)" % (a, b, result["pairs"])]
    if result["same"]:
        lines.append("Both are the same, with different seeds: what differs here is chance.")
    last = None
    for row in rows:
        if row["what"] != last:
            last = row["what"]
            lines += ["", "%s: %s" % (row["network"], last), FORMAT % ("", "A", "B", "B - A (95 %)", "p      B is")]
        lines.append(FORMAT % (row["words"], scatter(row["a"]), scatter(row["b"]), changed(row), "%.3f  %s" %
                               (row["p_corrected"], row["verdict"] or ("?" if few and row["a"] != row["b"] else "-"))))
    lines.append("")
    said = len(lines)
    found = sum(1 for row in rows if row["verdict"])
    lines.append("?: cannot be told. %s, whatever differs." % few if few else
                 "%d of %d measures differ by more than chance: Wilcoxon's signed-rank test of the pairs, p by Holm "
                 "for all of them, below %g." % (found, len(rows), ALPHA))
    equal = sum(1 for row in rows if row["a"] == row["b"])
    if equal:
        lines.append("%d of %d measures are equal in each round, to the last digit." % (equal, len(rows)))
    return lines[:said] + [part for line in lines[said:] + warnings(result) for part in textwrap.wrap(line, COLUMNS)]


def warnings(result):
    for row in result["rows"]:
        if row.get("both"):
            lines = ["Beside each other A got %s %% and B %s %% of what both got. Each takes from the other, so that "
                     "is no comparison of the two." % (scatter(row["a"]), scatter(row["b"]))]
            alone = [r for r in result["rows"] if r["network"] == "clean" and r["measure"] == "goodput"]
            if row["verdict"] and alone:
                lines.append("Warning: the two disturb each other. Alone, on the clean path, B has %.2f of A's "
                             "goodput; beside A %.2f. Tests that have both on one path at once would measure the second." %
                             tuple(median(r["b"]) / median(r["a"]) for r in (alone[0], row)))
            return lines
    return []


ROW, NAMES, DOTS, WORDS = 30, 16, 300, 690


def draw(result):
    """All rounds as dots, the medians as bars; each row has a scale of its own."""
    svg, top, last = Svg(), 62, None
    svg.text(NAMES, 26, "%s (A) and %s (B): %d rounds through each network" % (result["a"], result["b"],
                                                                             result["pairs"]), 15, INK, weight=600)
    svg.mark("dot", NAMES - 8, 43, SENT)
    svg.text(NAMES + 12, 47, "A", 11, INK)
    svg.mark("dot", NAMES + 32, 43, RESENT)
    svg.text(NAMES + 52, 47, "B; a bar is the median. At the right: B - A with its interval of 95 %, and the verdict",
             11, INK)
    for row in result["rows"]:
        if row["what"] != last:
            last = row["what"]
            top += 30
            svg.text(NAMES, top, "%s: %s" % (row["network"], last), 12.5, INK, weight=600)
            top += 20
        low, high = min(row["a"] + row["b"]), max(row["a"] + row["b"])
        wide = (high - low) or 1
        svg.text(NAMES + 8, top + 4, row["words"], 11, INK)
        svg.text(DOTS - 6, top + 4, number(low), 10, MUTED, "end")
        svg.text(WORDS - 36, top + 4, number(high), 10, MUTED)
        for values, colour, y in ((row["a"], SENT, top - 5), (row["b"], RESENT, top + 5)):
            svg.line(DOTS, y, WORDS - 44, y, GRID)
            places = [DOTS + 4 + (value - low) / wide * (WORDS - 52 - DOTS) for value in values]
            for x in places:
                svg.add('<circle cx="%.1f" cy="%.1f" r="2.6" fill="%s" opacity="0.5"/>' % (x, y, colour))
            svg.line(median(places), y - 5, median(places), y + 5, colour, 2.5)
        svg.text(WORDS + 16, top + 4, changed(row), 11, INK if row["verdict"] else MUTED)
        if row["verdict"]:
            svg.text(WIDTH - 90, top + 4, "B: " + row["verdict"], 11, INK, weight=600)
        top += ROW
    return svg.document(top + 10)


def write(name, text):
    try:
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Failed("cannot write %s: %s" % (name, error.strerror)) from None


def as_json(result):
    """A measure is a line."""
    head = {name: value for name, value in result.items() if name != "rows"}
    return '%s, "rows": [\n%s\n]}\n' % (json.dumps(head)[:-1], ",\n".join(map(json.dumps, result["rows"])))


def networks_of(program, asked):
    lines = subprocess.run([program, "-n"], check=True, capture_output=True, text=True).stdout.splitlines()
    return [words for words in (line.split("\t") for line in lines) if not asked or words[0] in asked]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", metavar="FILE", help="what --json wrote, judged anew; nothing is played")
    parser.add_argument("--program", help="bench_ab")
    for side in "ab":
        parser.add_argument("--name-" + side)
        parser.add_argument("--side-" + side, help="STACK:ALGORITHM")
        parser.add_argument("--ko-" + side)
    parser.add_argument("--second", help="B's module as xtcp_b.ko, where A's is another one")
    parser.add_argument("--share", type=int, default=1, help="0: A and B cannot be beside each other")
    parser.add_argument("--receiver", action="store_true", help="B and A also receive, where they are alone")
    parser.add_argument("--same", action="store_true", help="both are the same: they get different seeds")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--networks", default="")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--svg", metavar="FILE")
    options = parser.parse_args()
    if options.again:
        with open(options.again, encoding="utf-8") as file:
            result = json.load(file)
    else:
        networks = networks_of(options.program, options.networks.split())
        player = Player(options, networks)
        few = too_few(options.pairs, player.measures(networks))
        print("# %s%s" % ("%s; there will be none.\n# " % few if few else "", player.plan()), file=sys.stderr, flush=True)
        player.play_all()
        result = {"a": options.name_a, "b": options.name_b, "pairs": options.pairs, "seed": options.seed,
                  "same": options.same, "alpha": ALPHA, "rows": player.rows(networks)}
    judge(result["rows"])
    result["verdicts"] = sum(1 for row in result["rows"] if row["verdict"])
    sys.stdout.reconfigure(encoding="utf-8" if is_utf8() else "ascii", errors="replace")
    for line in tell(result):
        print(line)
    if options.json:
        write(options.json, as_json(result))
    if options.svg:
        write(options.svg, draw(result))
        print("Each round is a dot in %s." % options.svg)
    if not options.again:
        shutil.rmtree(KEPT, ignore_errors=True)


if __name__ == "__main__":
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _: sys.exit(128 + number))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (Failed, OSError, ValueError, KeyError) as error:
        print("ab: %s" % error, file=sys.stderr)
        sys.exit(1)
