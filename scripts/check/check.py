#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""All checks: scripts/check/check.list has their parts. A worker for each processor takes the longest part that may
begin. Each part prints TAP, and all of it is counted for the closing line. What is not here (missing()) is left out, and
--rest makes up for it."""
import argparse
import copy
import difflib
import fnmatch
import os
import pathlib
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from parts import Part, end_all, inherit_orphans, say, settled

TOP = pathlib.Path(__file__).resolve().parents[2]
STOCK, OTHER = "6.1", "6.12"
LEFT = "build/check/left-out"
FOR_WHAT = {"style": "style", "module": "newer kernels", "lab": "the laboratory"}
NOT_BUILT = "its kernels are not built"
NOT_MATCHED = "# not on the debug kernel, which is not built: make debug-kernel builds it, ALL=1 does so here"
USAGE = """check.py [--quick | --rest | --all | --kernel SERIES [--short]] [--also SERIES] [--only NAME] [--asked] | --list"""
ABOUT = """\
Runs the unit tests and draws recorded traces here. Runs the tests of selftests/, real programs, a demonstration and
pages of the tour on the stock kernel, in virtual machines. Checks the style, and runs what machines.list calls other on
Linux 6.12, where the cache has what that needs. With the laboratory's kernels in the cache, what it calls short runs
there, what it calls debug on its debug kernel, and it explores random connections. One line says what was left out. The
last line says "N passed, N failed", and ", N skipped" if any; the exit status is 0 if none failed."""
ENVIRONMENT = """\
SEED=N in the environment repeats tests that use random numbers; NO_SKIP=1 or CI=true turns skipped tests into
failures."""


def wrong(text):
    print(text, file=sys.stderr)
    sys.exit(2)


def words_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.split()


def fails(*command):
    """Why a command fails: the last line that it prints, or its name; None: it does not."""
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return (run.stdout.splitlines() or [command[0]])[-1] if run.returncode else None


def missing(rest):
    """What parts of check.list need and this machine has not, and why not. Only --rest waits for it to be built."""
    not_able = fails("scripts/lab/run.sh", "--able")
    if not_able:
        yield "lab", not_able
    if rest:
        return
    packages = words_of("scripts/kernel/deps.sh", "--missing", "check-rest")
    if packages:
        yield "style", "packages are missing"
    if fails("bash", "-c", ". scripts/kernel/cache.sh; . scripts/kernel/kernel.sh; for series in $(kernel_listed | "
             f"awk '$1 != {STOCK} {{ print $1 }}'); do kernel_cached $series || exit; done"):
        yield "module", "not in the cache"
    if not not_able and ( packages or any(fails("scripts/lab/kernel.sh", "--path", kind) for kind in ("fast", "debug"))):
        yield "lab", NOT_BUILT


def absent(options):
    """Parts that nothing makes up for: who wants arm64 asks for it, by K= or ALL=1."""
    if platform.machine() != "x86_64":
        return {name: "this machine is no x86-64 one" for name in ("arm64", "i386", "s390x")}
    if options.kernel != "arm64" and not options.all and fails("scripts/kernel/foreign.sh", "--path", "arm64"):
        return {"arm64": "not in the cache; make check K=arm64 fetches it"}
    return {}


def listed(name):
    """The words of each line of a list."""
    return [line.split() for line in (TOP / name).read_text().splitlines() if line.strip() and line[0] != "#"]


def matching(names, pattern):
    """The names that match, as for grep -E; None: the pattern is no regular expression."""
    found = subprocess.run(["grep", "-E", "--", pattern], input="".join(f"{name}\n" for name in names), text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return None if found.returncode > 1 else found.stdout.split()


class Tests:
    """The programs of selftests/, and which of them run where."""

    def __init__(self, only):
        self.all = words_of("make", "-s", "-C", "selftests", "list", "KSELFTEST=none")
        self.only = matching(self.all, only) if only else None
        self.machines = listed("selftests/machines.list")
        self.short, self.other, self.debug, self.arm64 = (
            [name for name in self.all if mark in self.marks(name)] for mark in ("short", "other", "debug", "arm64"))
        self.not_in_lab = listed("selftests/lab.list")
        self.no_lab = False

    def marks(self, name):
        """The clock of a test and its other marks: the last line of machines.list that fits decides."""
        found = [words[1].split(",") for words in self.machines if fnmatch.fnmatchcase(name, words[0])]
        return found[-1] if found else ["usual"]

    def without(self, *marks):
        return [name for name in self.all if not set(marks) & set(self.marks(name))]

    def left_to_others(self, kernel):
        """The tests that do not run in this laboratory."""
        return {words[0] for words in self.not_in_lab if kernel.startswith("lab") and words[1] in ("both", kernel)}

    def listed(self, which):
        """The tests of a LIST of check.list."""
        usually, left = self.without("long"), self.left_to_others("lab")
        lists = {"all": self.all, "usually": usually, "quickly": self.without("long", "slow"),
                 "debugged": self.without("stock"), "lab": [name for name in self.all if name not in left],
                 "virtually": [name for name in usually
                               if not self.no_lab and name not in left and (name in self.short or "lab" in self.marks(name))],
                 "short": self.short, "other": self.other, "debug": self.debug, "arm64": self.arm64}
        first, sign, second = re.fullmatch(r"(\w+)(?:([+-])(\w+))?", which).groups()
        return [name for name in lists[first] if not sign or (name in lists[second]) == (sign == "+")]

    def of(self, kernel, clock, which):
        """The tests that T= asks for, or those of a list, that run on this kernel with this clock."""
        left = self.left_to_others(kernel)
        names = self.only if self.only is not None else [name for name in self.listed(which) if name not in left]
        return [name for name in names if name in self.all and clock in ("any", self.marks(name)[0])]

    def mistakes(self):
        wrong = sorted(set(self.other) - set(self.short))
        if wrong:
            yield f"not ok - selftests/machines.list, other without short: {' '.join(wrong)}"
        for words in self.machines + self.not_in_lab:
            if not fnmatch.filter(self.all, words[0]):
                yield f"not ok - selftests/machines.list or lab.list, no such test: {words[0]}"


def units():
    return sorted(file.stem for file in (TOP / "selftests/unit").glob("*_test.c"))


def rows():
    for name, seconds, where, time_of, after, *command in listed("scripts/check/check.list"):
        yield name, int(seconds), where, time_of, [] if after == "-" else after.split(","), command


class Plan:
    """The parts that the options ask for."""

    def __init__(self, options, tests):
        self.options, self.tests = options, tests
        # nobody should wait minutes for a kernel to run one test
        self.debug = not (options.only and not (options.quick or options.all or options.kernel)) or not options.row and not subprocess.run(
            ["scripts/kernel/debug-kernel.sh", "--path"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=False).returncode
        self.asked_also = options.also
        if not options.also and not (options.quick or options.only or options.kernel):
            options.also = OTHER
        # None: all of a part
        self.left = (TOP / LEFT).read_text().split() if options.rest else None
        self.missing = {} if options.kernel or options.all else dict(missing(options.rest))
        self.absent = absent(options)
        if self.asked_also:
            self.missing.pop("module", None)
        if options.only:
            # what is not built is built if all is there that this takes
            self.missing = {name: why for name, why in self.missing.items() if name == "lab" and "style" in self.missing}
        # what is left to a laboratory that cannot be started runs elsewhere
        tests.no_lab = self.missing.get("lab", NOT_BUILT) != NOT_BUILT and not options.only
        self.mode = self.mode_of()

    def mode_of(self):
        """A letter of check.list."""
        options = self.options
        if options.kernel:
            return {"debug": "d", "lab": "l", "lab-debug": "l", "arm64": "m"}.get(options.kernel, "s" if options.short else "k")
        if options.quick:
            return "p" if options.only or "lab" in self.missing else "q"
        return "o" if options.only else "a" if options.all else "f" if "lab" in self.missing and not options.rest else "c"

    def left_out(self):
        """What make check does where nothing is missing, and these parts do not."""
        if not self.missing or self.options.quick:
            return []
        here = {work for part in self.parts(None) for work in part.works}
        options, everything = self.options, copy.copy(self)
        everything.mode, everything.missing, everything.options = "c", {}, copy.copy(options)
        return [work for part in everything.parts(None) for work in part.works if work not in here]

    def names(self):
        """The names that T= chooses from."""
        parts = [] if self.options.kernel else units() + [row[0][2:] for row in rows() if row[0].startswith("t:")]
        return self.tests.all + list(dict.fromkeys(parts))

    def is_asked(self, name):
        if not self.options.only:
            return True
        return bool(matching(units() if name == "units" else [name[2:]] if name.startswith("t:") else [], self.options.only))

    def parts(self, folder):
        options, found = self.options, []
        values = {"KIND": options.kernel, "ALSO": options.also, "ONLY": options.only or "", "OUT": str(folder)}
        for name, seconds, where, time_of, after, command in rows():
            command = [values.get(word, word) for word in command]
            if self.mode not in where or None in command or ("r" in where and os.geteuid()):
                continue
            if {name, *after} & {*self.missing, *self.absent}:
                continue
            if command[0] == "tests":
                found += self.machines(folder, (name, seconds, time_of, after), *command[1:])
            elif self.is_asked(name) and (self.left is None or name in self.left):
                found.append(Part(name.removeprefix("t:"), seconds, time_of, after, command, works=[name]))
        return found

    def machines(self, folder, row, kernel, clock, which, shares):
        """The parts that share a list of tests."""
        group, seconds, time_of, after = row
        kernel = "stock" if kernel == STOCK else kernel
        names = self.tests.of(kernel, clock, which) if kernel != "debug" or self.debug else []
        if self.left is not None:
            names = [name for name in names if f"{kernel}:{name}" in self.left]
        # a machine takes seconds to boot
        count = min(os.cpu_count() if shares == "cpus" else int(shares), (len(names) + 7) // 8)
        for i in range(count):
            share, name = names[i::count], group + (f"-{i + 1}" if count > 1 else "")
            words = ["SHORT=1"] if self.mode in "qpcf" else []
            if kernel.startswith("lab") and "fuzz" in share and not any(map(os.environ.get, ("SEED", "LAB_SEED"))):
                # programs take it from the clock, which begins at the same second in each machine of the laboratory
                words.append(f"SEED={random.getrandbits(32)}")
            options = {"counted": ["--counted"], "paced": ["--counted", "--real-waits"]}.get(clock, [])
            command = ["env", *words] if words else []
            command += ["scripts/check/check-vm.sh", *options, kernel, f"{folder}/{name}", f"^({'|'.join(share)})$"]
            yield Part(name, seconds // count, time_of, after, command, group, share, [f"{kernel}:{test}" for test in share])


class Ended(Exception):
    """The run was ended by a signal."""


class Run:
    """The parts of a check while they run, and their output."""

    def __init__(self, folder):
        self.folder, self.began = folder, time.monotonic()
        (folder / "said").mkdir()
        self.running, self.over, self.text = [], [], ""

    def tell(self, text):
        self.text += text
        print(text, end="", flush=True)

    def all(self, parts):
        """A worker for each processor and one more, see may_begin(); a virtual machine has 3 GB."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
        processors = max(1, min(os.cpu_count(), (memory - 2) // 3 - 1))
        waiting = sorted(parts, key=lambda part: -part.chain(parts))
        while waiting or self.running:
            for part in waiting[:]:
                if self.may_begin(part, waiting, processors):
                    waiting.remove(part)
                    say(f"# begins: {part.name}; about {self.minutes_left([part, *waiting], processors)} minutes left")
                    part.begin(self.folder, any(part.group in other.after for other in waiting))
                    self.running.append(part)
            time.sleep(0.2)
            for part in self.running[:]:
                part.look()
                if part.is_over:
                    self.running.remove(part)
                    self.end(part)

    def minutes_left(self, waiting, processors):
        """By what check.list says, and by how much slower than that this machine was so far."""
        known = sum(part.seconds for part in self.over)
        pace = max(1, sum(part.took for part in self.over) / known) if known > 60 else 1
        left = [part.seconds for part in waiting] + [max(0, part.seconds * pace - part.took) / pace for part in self.running]
        chain = max(part.chain(waiting) for part in waiting)
        return round(max(sum(left) / processors, chain) * pace / 60 + 0.5)

    def may_begin(self, part, waiting, processors):
        """Parts of real time come first. Parts with a time of their own get the other workers, and one more."""
        if not part.is_ready(waiting, self.running) or len(self.running) > processors:
            return False
        if part.time == "alone":
            return not self.running and all(other.time == "alone" for other in waiting)
        if any(other.time == "alone" for other in self.running):
            return False
        real = [other for other in self.running if other.time == "real"]
        if part.time == "real":
            return len(real) < processors
        could = [other for other in waiting if other.time == "real" and other.is_ready(waiting, self.running)]
        return len(self.running) - len(real) < processors + 1 - min(processors, len(real) + len(could))

    def end(self, part):
        self.over.append(part)
        say(f"# {part.name}:")
        self.tell(part.verdict())

    def times(self):
        ended = sorted(self.over, key=lambda part: part.began)
        say(f"# where the time went, {time.monotonic() - self.began:.0f} s in all; for each part: how long it took, how long it"
            " and its machines used a processor, when it began:")
        for part in ended:
            say(f"# {part.took:5.0f} s {part.cpu:5.0f} s {part.began - self.began:5.0f} s  {part.name}")

    def interrupted(self, why):
        """What the parts have printed so far counts, and not what they print as they are ended."""
        for part in self.running:
            self.text += part.text()
        end_all()
        self.tell(f"{why}\n")


def close_up(run, ended=""):
    """Prints the closing line, with what ended the run too early. Returns whether all is well."""
    run.text = settled(run.text)
    lines = run.text.split("\n")
    if strict():    # a kernel cannot be tested for what it lacks; any other skipped test counts as a failure
        lines = [re.sub(r"(?i)^(ok .*# *skip(?! the kernel cannot))", r"not \1", line) for line in lines]
    skipped = sum(bool(re.match(r"ok .*# *skip", line, re.I)) for line in lines)
    failed = sum(bool(re.match(r"not ok( |$)", line)) for line in lines)
    passed = sum(bool(re.match(r"ok( |$)", line)) for line in lines) - skipped
    failed += not kept(run.folder / "log", run.text)
    run.times()
    if not passed and not failed and not ended:
        say("not ok - nothing was tested")
        failed = 1
    if failed:
        tell_failures(lines)
        say(f"# details in {os.path.relpath(run.folder)}")
    else:
        shutil.rmtree(run.folder, ignore_errors=True)
    line = f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "") + ended
    if not kept(run.folder.parent / "verdict", line + "\n"):
        line = line.replace(f", {failed} failed", f", {failed + 1} failed", 1)
        failed += 1
    say(line)
    return not failed


def strict():
    return os.environ.get("NO_SKIP") == "1" or os.environ.get("CI") == "true"


def kept(path, text):
    """Writes a file of the results. If that fails, says so as a failure."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        say(f"not ok - cannot write {path}: {error.strerror}")
        return False
    return True


def tell_failures(lines):
    """Prints each failure with the lines right before it and the explorer's command below it, 60 lines at most; then
    the commands of other failures."""
    told, before = [], []
    for line in lines:
        if line.startswith("not ok"):
            told += before[-2:] + ["# " + line]
            before = []
        elif line.startswith("#  again: "):     # of the explorer, right below the failure
            told.append(line)
        elif line.startswith("# "):
            before.append(line)
        else:
            before = []
    say("\n".join(told[:60] + [line for line in lines if line.startswith("# again: ")][:20]))


def arguments():
    listing = words_of("bash", "-c", ". scripts/kernel/cache.sh; . scripts/kernel/kernel.sh; "
                       "kernel_listed all | awk '{ print $1 }'")
    parser = argparse.ArgumentParser(usage=USAGE, description=ABOUT, epilog=ENVIRONMENT, allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="the stock kernel and the laboratory alone, without what takes long; where "
                        "that is not there, or with --only, on the stock kernel alone")
    parser.add_argument("--rest", action="store_true", help=f"what the last make check left out, as {LEFT} says; builds the kernels "
                        "that it needs")
    parser.add_argument("--all", action="store_true", help="all tests on the stock kernel, and nearly all on the emulated "
                        "debug kernel, too")
    parser.add_argument("--kernel", metavar="SERIES", help="build the module for that kernel of kernels.list, compare what it "
                        "imports with what the kernel exports, and run the tests of selftests/ on it; nothing "
                        "else. lab, lab-debug: in the laboratory (scripts/lab), LAB_SEED=N in the environment is its seed; "
                        "debug: on the emulated debug kernel; arm64: what machines.list calls so, in an emulated arm64 machine")
    parser.add_argument("--short", action="store_true",
                        help="with --kernel: only the tests that selftests/machines.list calls short")
    parser.add_argument("--also", metavar="SERIES", help=f"run what machines.list calls other on that kernel instead of {OTHER}; "
                        "with --all what it calls short")
    parser.add_argument("--only", metavar="NAME", help="only the tests whose name has a match for NAME, as in ^load$; on the "
                        "emulated debug kernel, too, if it is built, or with --all; NAME.ROW: one row of wire_*, differential, overlap or fuzz")
    parser.add_argument("--list", action="store_true", help="only name the tests")
    parser.add_argument("--asked", action="store_true", help="test nothing: say whether the other options name anything to test")
    options = parser.parse_args()
    if options.kernel is not None and options.kernel not in [*listing, "debug", "lab", "lab-debug", "arm64"]:
        wrong(f"--kernel needs a kernel of scripts/kernel/kernels.list: {' '.join(listing)}; or debug, lab, lab-debug, arm64")
    if options.also is not None and options.also not in listing:
        wrong(f"--also needs a kernel of scripts/kernel/kernels.list: {' '.join(listing)}")
    if options.also == STOCK:
        wrong(f"--also {STOCK}: that is the stock kernel")
    if options.rest and not (TOP / LEFT).exists():
        wrong("check: make check has left nothing out yet: it runs first")
    if options.only == "":
        wrong("--only needs a name")
    program, dot, row = (options.only or "").partition(".")
    options.row = None
    if dot and re.fullmatch(r"[\w%]+", row) and re.fullmatch(r"wire_\w+|differential|overlap|fuzz", program):
        options.only, options.row = f"^{program}$", row
        os.environ["ONLY_ROW"] = row
    for name, number in ("SEED", r"0[xX][0-9a-fA-F]{1,16}|[0-9]{0,20}"), ("LAB_SEED", r"(0|[1-9][0-9]{0,17})?"):
        if not re.fullmatch(number, os.environ.get(name, "")):
            wrong(f"check: {name}={os.environ[name]} is no number, or one of too many digits")
    return options


def insist(plan):
    """Ends with a list of names if no test matches."""
    only, kernel, names = plan.options.only, plan.options.kernel, plan.names()
    found = matching(names, only)
    if found is None:
        wrong(f"check: T={only} is no regular expression of grep -E")
    if not found:
        near = difflib.get_close_matches(only.strip("^$"), names)
        wrong(f"check: none of the {len(names)} tests has a name with a match for T={only}"
              + (f"; similar names: {' '.join(near)}" if near else "")
              + f"; all of them: scripts/check/check.py {f'--kernel {kernel} ' if kernel else ''}--list")


def end_by(number, frame):
    """Handles the first signal; later ones are ignored."""
    on_signals(signal.SIG_IGN)
    raise Ended


def on_signals(handler):
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, handler)


def main():
    os.chdir(TOP)
    options = arguments()
    tests = Tests(options.only)
    if options.row and not options.kernel and not tests.left_to_others("lab") & set(tests.only or []) and not fails(
            "scripts/lab/run.sh", "--able") and not fails("scripts/lab/kernel.sh", "--path", "fast"):
        options.kernel = "lab"          # it boots in a second
    plan = Plan(options, tests)
    if options.list:
        print("\n".join(sorted(plan.names())))
        return 0
    if options.only:
        insist(plan)
    if not plan.debug and not options.row:
        say(NOT_MATCHED)
    if options.asked:
        return 0
    results = TOP / "build/check"
    try:
        results.mkdir(parents=True, exist_ok=True)
        (results / "verdict").unlink(missing_ok=True)
        run = Run(pathlib.Path(tempfile.mkdtemp(prefix="run.", dir=results)))
    except OSError as error:
        print(f"check: cannot write to {results}: {error.strerror}", file=sys.stderr)
        return 1
    mistakes = [] if options.only or options.rest else plan.tests.mistakes()
    if plan.missing and options.rest and strict():
        mistakes = [f"not ok - {FOR_WHAT[name]}: {why}" for name, why in plan.missing.items()]
    elif plan.missing:
        say("# left out: " + "; ".join(f"{FOR_WHAT[name]}: {why}" for name, why in plan.missing.items())
            + ("" if options.rest else ". make check, then make check-rest: installs and builds what it can, in half an hour, and runs it"))
    if plan.absent and plan.mode in "am" or plan.mode == "c" and not options.rest:
        say("".join(f"# not built for arm64: {why}" for why in set(plan.absent.values())))
    if plan.mode in "cf" and not options.rest and not plan.asked_also:
        if not kept(results / "left-out", "".join(f"{work}\n" for work in plan.left_out())):
            mistakes.append("not ok - what is left out cannot be kept")
    elif options.rest and not plan.left:
        shutil.rmtree(run.folder)
        say("# make check has left nothing out")
        say("0 passed, 0 failed")
        return not kept(results / "verdict", "0 passed, 0 failed\n")
    return run_all(run, plan.parts(run.folder), mistakes)


def run_all(run, parts, mistakes=()):
    """Runs all parts and prints the closing line. Returns the exit status."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    inherit_orphans()
    on_signals(end_by)
    try:
        run.tell("".join(line + "\n" for line in mistakes))
        run.all(parts)
        end_all()
        on_signals(signal.SIG_IGN)
    except Ended:
        try:
            run.interrupted("# ended by a signal: what has not run yet is not counted, so this is no verdict")
            close_up(run, ", ended by a signal")
        except BrokenPipeError:
            # the signal has ended who reads this, too
            to_nowhere()
            close_up(run, ", ended by a signal")
        return 143
    except Exception as error:
        on_signals(signal.SIG_IGN)
        if isinstance(error, BrokenPipeError):
            to_nowhere()
        run.interrupted("not ok - check.py itself failed")
        say("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()))
    return 0 if close_up(run) else 1


def to_nowhere():
    """Nobody reads standard output any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
