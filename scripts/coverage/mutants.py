#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Do the tests notice small wrong changes? Builds and runs each of a sample, in the lines of module/*/*.c."""

import argparse
import difflib
import glob
import json
import multiprocessing
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter, defaultdict

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "mutants"))
import changes  # noqa: E402
import choice  # noqa: E402
from laboratory import EXPLORE, SEEDS, TOP, WORK, Failure, Machine, Module, Tests, run, say  # noqa: E402

REACH = os.path.join(TOP, "build/coverage/reach.json")
SOURCE = os.path.join(TOP, "build/coverage/source")
NOTICED, UNNOTICED, UNREACHED = "noticed", "NOT NOTICED", "NOT REACHED"
EQUAL, REFUSED = "no mutant: equal object code", "does not compile"
UNITS = "unit test"
LOOK = 10                               # seconds after which a worker may have been killed
EXCUSED = os.path.join(TOP, "selftests/mutants.list")

USAGE = """\
Changes one line of module/*/*.c at a time, in a copy: a comparison turned, a constant off by
one, a statement, lock or counter left out, a condition negated, && for ||. Builds the module for
the laboratory, runs the tests that reach the line until one fails, and then, if none did, the
explorer. The sample follows from the seed. Results stay in build/mutants, or in a file of yours; the
next call continues where this one ended.
"""


class Reach:
    """Which tests reach a line, from the last `make coverage`, whatever was inserted elsewhere in the file since."""

    def __init__(self):
        if not os.path.exists(REACH):
            say("# which tests reach which line is not known yet: scripts/coverage/coverage.sh")
            subprocess.run(["scripts/coverage/coverage.sh"], cwd=TOP, check=False)
        if not os.path.exists(REACH):
            raise Failure("no build/coverage/reach.json")
        with open(REACH, encoding="utf-8") as file:
            reach = json.load(file)
        self.tests = reach["tests"]
        self.lines = {file: {int(line): int(bits, 16) for line, bits in lines.items()}
                      for file, lines in reach["lines"].items()}
        self.maps = {}
        self.widths = Counter()
        for lines in self.lines.values():
            for bits in lines.values():
                self.widths.update(self.names(bits))

    def line_then(self, file, line):
        """The number that a line had then."""
        if file not in self.maps:
            before = read(os.path.join(SOURCE, file)).split("\n")
            after = read(os.path.join(TOP, "module", file)).split("\n")
            moved = {}
            for a, b, size in difflib.SequenceMatcher(None, before, after, False).get_matching_blocks():
                moved.update((b + i + 1, a + i + 1) for i in range(size))
            self.maps[file] = moved
        return self.maps[file].get(line)

    def of(self, change):
        """The names of the tests; None: not known. A line without code of its own counts as part of the one before."""
        lines = self.lines.get(change.file)
        if lines is None:
            return None
        if change.function.isupper():
            bits = [bits for bits in lines.values()]
            return self.names(max(bits, default=0, key=lambda bits: bits.bit_count()))
        for line in range(change.line, max(change.line - 12, 0), -1):
            then = self.line_then(change.file, line)
            if then is None:
                return None
            if then in lines:
                return self.names(lines[then])
        return None

    def names(self, bits):
        return [name for i, name in enumerate(self.tests) if bits >> i & 1]


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def excused():
    """{(file, function, line, changed line): why no test can notice it}"""
    reasons = {}
    for block in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n", "", read(EXCUSED)).strip()):
        where, before, after, *why = (line.strip() for line in block.split("\n"))
        file, function = where.split()
        if not after.startswith("->") or not why:
            raise Failure(f"{EXCUSED}: {where}: a line, '->' and the changed line, and a reason are needed")
        reasons[file, function, before, after[2:].strip()] = " ".join(why)
    return reasons


class Mutants:
    def __init__(self, options):
        self.options = options
        self.files = {path[len(TOP) + 8:]: read(path) for path in sorted(glob.glob(f"{TOP}/module/*/*.c"))}
        rest = [read(path) for path in sorted(glob.glob(f"{TOP}/module/*.[ch]") + glob.glob(f"{TOP}/module/*/*.h") +
                                              glob.glob(f"{TOP}/include/**/*.h", recursive=True) + [f"{TOP}/Kbuild"])]
        self.sample = changes.sample(self.files, options.seed)
        self.digest = changes.digest(*self.files, *self.files.values(), *rest)[:12]
        self.path = options.results or os.path.join(WORK, f"results-{options.seed}")
        self.results = {}
        for line in read(self.path).splitlines():
            result = json.loads(line)
            self.results[result["key"]] = result
        self.excused = excused() if os.path.exists(EXCUSED) else {}
        for file, function, before, _ in self.excused:
            if before not in map(str.strip, self.files.get(file, "").split("\n")):
                say(f"# {os.path.relpath(EXCUSED, TOP)}: {file} {function} has no such line any more: {before}")
        self.machine = self.names = None

    def prepare(self):
        os.makedirs(WORK, exist_ok=True)
        self.reach = Reach()
        self.names = Tests.build(Module(self.digest), set(self.reach.tests))

    def begin(self, worker):
        self.folder = os.path.join(WORK, f"worker-{worker}")
        os.makedirs(self.folder, exist_ok=True)
        self.machine = Machine(self.folder)
        self.module = Module(self.digest, self.folder)
        self.tests = Tests(self.machine, self.module, self.names)

    def end(self):
        if self.machine:
            self.machine.end()

    def evidence(self):
        """Of all results until now: those of other workers, too."""
        evidence = choice.Evidence(self.reach.widths)
        for path in {*glob.glob(os.path.join(WORK, "results-*")), self.path}:
            for line in read(path).splitlines():
                evidence.learn(json.loads(line))
        return evidence

    def chosen(self, change, names, before):
        """(the tests to run in their order, how many are left for another call). @before: the result of an earlier call; a
        test that has run with it would say the same again, unless the module or the test is another one by now."""
        known = self.tests.all()
        tests = [known[name] for name in names if name in known and re.search(self.options.tests, name)]
        done = {name for name, made in before.get("proof", {}).items() if name in known and made == self.tests.proof(name)}
        return choice.choose(tests, change.file, self.evidence(), self.options.budget,
                             () if self.options.only else done)

    def units(self, change, text):
        """Runs the unit tests of a file or of a part of it. Returns what the first that failed said."""
        tests = re.findall(rf"^(\w+)-of := .*{re.escape(change.file)}$", read(f"{TOP}/selftests/unit/Makefile"), re.M)
        plain = os.path.basename(change.file)[:-2]
        if os.path.exists(f"{TOP}/selftests/unit/{plain}_test.c"):
            tests.append(plain)
        return next(filter(None, (self.unit(change, text, name) for name in tests)), None)

    def unit(self, change, text, name):
        source = os.path.join(self.module.tree, "module", change.file)
        binary = os.path.join(self.folder, f"unit/{name}_test")
        before = read(source)
        try:
            write(source, text)
            shutil.rmtree(os.path.dirname(binary), ignore_errors=True)
            run("make", "-s", "-C", os.path.join(self.module.tree, "selftests/unit"),
                f"BUILD={os.path.dirname(binary)}", "CC=gcc -w",
                f"KSELFTEST={run('scripts/kernel/kernel-source.sh', cwd=TOP).strip()}", binary)
        except Failure:
            return None
        finally:
            write(source, before)
        try:
            ran = subprocess.run([binary], capture_output=True, text=True, check=False, timeout=60)
        except subprocess.TimeoutExpired:
            return f"{UNITS} {name}: comes to no end"
        failed = re.search(r"^not ok.*|.*runtime error.*|^==\d+==ERROR.*", ran.stdout + ran.stderr, re.M)
        return f"{UNITS} {name}: {failed[0][:160] if failed else ran.returncode}" if ran.returncode else None

    def judge(self, change, before):
        """What is found out of a change: parts of its result."""
        text = changes.apply(self.files[change.file], change)
        plain = self.module.plain(change.file)
        made = self.module.compile(change.file, text)
        if made is None or made == plain:
            return {"verdict": REFUSED if made is None else EQUAL}
        said = self.units(change, text)
        if said:
            return {"verdict": NOTICED, "by": said}
        names = self.reach.of(change)
        names = self.reach.tests if names is None else names
        tests, left = self.chosen(change, names, before)
        if not tests:
            # either nothing reaches the line, or all that does has run
            return {"verdict": UNNOTICED if before.get("proof") else UNREACHED, "proof": before.get("proof", {})}
        self.module.link(os.path.join(self.folder, "mutant.ko"))
        known = self.tests.all()
        most = 3 * sum(known[name].cpu for name in tests) + choice.LONG
        said, took = self.tests.play(tests, os.path.join(self.folder, "mutant.ko"), self.options.budget and most)
        ran = [name for name in tests if name in took]
        proof = {**before.get("proof", {}), **{name: self.tests.proof(name) for name in ran}}
        return {"verdict": NOTICED if said else UNNOTICED, "by": said or "", "ran": ran, "cpu": round(sum(took.values()), 1),
                "left": 0 if said else len(left) + len(tests) - len(ran), "proof": {} if said else proof}

    def result(self, number, key, change):
        lines = [self.files[change.file].split("\n")[change.line - 1].strip(),
                 changes.apply(self.files[change.file], change).split("\n")[change.line - 1].strip()]
        started = time.monotonic()
        found = {"verdict": UNNOTICED}
        if (change.file, change.function, *lines) not in self.excused or self.options.only:
            found = self.judge(change, self.results.get(key, {}))
            self.module.plain(change.file)
        return {"key": key, "number": number, "file": change.file, "line": change.line, "function": change.function,
                "kind": change.kind, "from": lines[0], "to": lines[1], "by": "", "ran": [], "cpu": 0, "left": 0, **found,
                "real": round(time.monotonic() - started, 1)}

    def keep(self, result):
        self.results[result["key"]] = result
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")

    def reason(self, result):
        return self.excused.get((result["file"], result["function"], result["from"], result["to"]))

    def show(self, result):
        by = f" by {result['by']}" if result["by"] else ""
        left = f"; {result['left']} more reach the line: AGAIN=1" if result.get("left") else ""
        say(f"{result['number']:4} {result['file']}:{result['line']} {result['function']}: {result['kind']}:"
            f" {result['verdict']}{by} ({len(result['ran'])} tests, {result['cpu']} s{left})")
        if result["verdict"] in (UNNOTICED, UNREACHED):
            say(f"       {result['from']}\n    -> {result['to']}")
            if self.reason(result):
                say(f"       {self.reason(result)}")

    def play(self):
        """The first changes of the sample, without those that have a result already."""
        first = self.sample[:self.options.number]
        if self.options.file:
            first = [(key, change) for key, change in self.sample if self.options.file.search(change.file)]
            first = first[:self.options.number]
        numbers = {key: i + 1 for i, (key, _) in enumerate(self.sample)}
        left = []
        for key, change in first:
            known = self.results.get(key)
            if not known or self.options.again and known["verdict"] in (UNNOTICED, UNREACHED):
                left.append((numbers[key], key, change))
        if left:
            self.prepare()
            self.share_out(left)
        self.summary([self.results[key] for key, _ in first])

    def share_out(self, left):
        todo, done = multiprocessing.Queue(), multiprocessing.Queue()
        # what nobody has taken when this call is ended
        todo.cancel_join_thread()
        jobs = min(self.options.jobs, len(left))
        for job in [*left, *[None] * jobs]:
            todo.put(job)
        workers = [multiprocessing.Process(target=self.work, args=(i, todo, done), daemon=True) for i in range(jobs)]
        for worker in workers:
            worker.start()
        while jobs:
            try:
                result = done.get(timeout=LOOK)
            except queue.Empty:
                # ended without a word, as when memory was short
                killed = [worker.exitcode for worker in workers if worker.exitcode]
                if killed:
                    raise Failure(f"a worker was ended: {killed[0]}") from None
                continue
            if result is None:
                jobs -= 1
            elif isinstance(result, str):
                raise Failure(result)
            else:
                self.keep(result)
                self.show(result)

    def work(self, number, todo, done):
        try:
            self.begin(number)
            while job := todo.get():
                done.put(self.result(*job))
            done.put(None)
        except (Failure, OSError) as failure:
            done.put(str(failure))
        except KeyboardInterrupt:
            pass
        except Exception:
            # or the others would be waited for
            done.put(traceback.format_exc())
        finally:
            self.end()

    def only(self, number):
        key, change = self.sample[number - 1]
        before = self.files[change.file]
        say("".join(difflib.unified_diff(before.splitlines(True), changes.apply(before, change).splitlines(True),
                                         f"a/module/{change.file}", f"b/module/{change.file}")))
        self.options.budget = None
        self.prepare()
        self.begin("only")
        result = self.result(number, key, change)
        # with only some tests there is no result unless one of them notices
        if not self.options.tests or result["verdict"] == NOTICED:
            self.keep(result)
        self.show(result)
        say("# ran: " + " ".join(result["ran"]))
        say(f"# what the machine said: {os.path.relpath(self.machine.log, TOP)}")

    def summary(self, results):
        rooms = defaultdict(Counter)
        for result in results:
            for room in (result["file"].split("/")[0] + "/", "all"):
                rooms[room][result["verdict"]] += 1
                rooms[room]["left"] += bool(result.get("left"))
                rooms[room]["why"] += result["verdict"] in (UNNOTICED, UNREACHED) and self.reason(result) is not None
        say(f"\n{'room':10} {'noticed':>8} {'not noticed':>12} {'tests left':>11} {'not reached':>12} {'of mutants':>11}"
            f"  {'with a reason':>13}  {'no mutants':>10}")
        for room in sorted(rooms, key=lambda room: (room == "all", room)):
            count = rooms[room]
            mutants = count[NOTICED] + count[UNNOTICED] + count[UNREACHED]
            share = f"{100 * count[NOTICED] / mutants:.0f} %" if mutants else "-"
            say(f"{room:10} {count[NOTICED]:8} {count[UNNOTICED]:12} {count['left']:11} {count[UNREACHED]:12} {share:>11}"
                f"  {count['why']:13}  {count[EQUAL] + count[REFUSED]:10}")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def may_append(path):
    return os.access(path, os.R_OK | os.W_OK) and os.path.isfile(path) or \
        not os.path.exists(path) and os.access(os.path.dirname(path), os.W_OK | os.X_OK)


def number_of(word):
    if not re.fullmatch(r"[1-9][0-9]{0,5}", word):
        raise argparse.ArgumentTypeError(f"'{word}' is no number from 1 on")
    return int(word)


def check_tests(parser, pattern):
    """Ends if no test has a name that the pattern matches."""
    names = subprocess.run(["make", "-s", "-C", "selftests", "list", "KSELFTEST=none"], cwd=TOP, text=True,
                           stdout=subprocess.PIPE, check=True).stdout.split()
    try:
        if not any(re.search(pattern, name) for name in [*names, EXPLORE]):
            parser.error(f"no test has a name with a match for '{pattern}'")
    except re.error:
        parser.error(f"'{pattern}' is no regular expression")


def main():
    parser = argparse.ArgumentParser(prog="mutants", description=USAGE, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--number", type=number_of, default=200, metavar="N", help="how many changes (200)")
    parser.add_argument("--seed", type=number_of, default=1, metavar="SEED", help="of the sample (1)")
    parser.add_argument("--only", type=number_of, metavar="NUMBER", 
                        help="only this change: shows it, and runs all tests that reach it")
    parser.add_argument("--tests", default="", metavar="NAME",
                        help="with --only: the tests whose name has a match for NAME")
    parser.add_argument("--file", metavar="NAME", help="only in files whose name below module/ has a match for NAME")
    parser.add_argument("--again", action="store_true",
                        help="run those again that no test noticed, with tests that have not run or are new")
    parser.add_argument("--results", metavar="FILE", type=os.path.abspath,
                        help="read results from this file and append to it (build/mutants/results-SEED)")
    parser.add_argument("--budget", type=number_of, default=20, metavar="SECONDS",
                        help="time of the processor for the tests of one change (20); tests that have noticed other\n"
                             f"changes of the file may run beyond it, then the explorer, with {SEEDS} seeds")
    parser.add_argument("--jobs", type=number_of, default=os.cpu_count(), metavar="N",
                        help="how many changes are tried at once (as many as there are processors)")
    parser.add_argument("--asked", action="store_true",
                        help="do nothing: say whether the other options name anything to run")
    options = parser.parse_args()
    if options.tests and not options.only:
        parser.error("--tests goes with --only alone")
    if options.only and (options.file or options.again):
        parser.error("--only goes with neither --file nor --again")
    if options.results and not may_append(options.results):
        parser.error(f"cannot append to '{options.results}'")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    try:
        mutants = Mutants(options)
    except Failure as failure:
        parser.exit(1, f"mutants: {failure}\n")
    try:
        options.file = options.file and re.compile(options.file)
    except re.error:
        parser.error(f"'{options.file}' is no regular expression")
    if options.file and not any(options.file.search(file) for file in mutants.files):
        parser.error(f"no file of module/ has a name with a match for '{options.file.pattern}'")
    if options.tests:
        check_tests(parser, options.tests)
    if options.only and options.only > len(mutants.sample):
        parser.error(f"there is no mutant {options.only}: the sample has {len(mutants.sample)}")
    if options.asked:
        return
    try:
        if options.only:
            mutants.only(options.only)
        else:
            mutants.play()
    except (Failure, OSError) as failure:
        print(f"mutants: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        mutants.end()


if __name__ == "__main__":
    main()
