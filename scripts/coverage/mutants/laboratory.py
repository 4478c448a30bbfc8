# SPDX-License-Identifier: GPL-2.0
"""Builds one changed file of the module and runs tests on it in a machine of scripts/lab."""

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import time

from choice import EXPLORE

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
WORK = os.path.join(TOP, "build/mutants")
TICK = os.sysconf("SC_CLK_TCK")
SEEDS = 60
# needs a second module; moves gigabytes, which takes a minute
LEFT_OUT = {"side_by_side", "longlife"}


class Failure(Exception):
    """An error that ends the whole run."""


def say(*words):
    print(*words, flush=True)


def run(*command, **options):
    ran = subprocess.run(command, check=False, text=True, capture_output=True, **options)
    if ran.returncode:
        raise Failure(f"{' '.join(command)[:100]}: {(ran.stderr or ran.stdout).strip()[-800:]}")
    return ran.stdout


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def file_digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def put(path, folder):
    """Copies a file, unless it is there already; another call may be using what was there."""
    to = os.path.join(folder, os.path.basename(path))
    if not os.path.exists(to) or file_digest(to) != file_digest(path):
        shutil.copy(path, to + ".new")
        os.replace(to + ".new", to)


class Module:
    """A copy of the tree and its objects, each compiled by itself: to build a mutant, compile one file and link."""

    def __init__(self, digest, folder=WORK):
        self.folder = folder
        self.tree = os.path.join(folder, "tree")
        self.objects = os.path.join(folder, "objects")
        self.kdir = os.path.join(run("scripts/lab/kernel.sh", "fast", cwd=TOP).strip(), "build")
        self.digest = digest
        stamp = os.path.join(folder, "digest")
        self.is_new = not os.path.exists(stamp) or read(stamp) != digest
        if self.is_new:
            if folder == WORK:
                self.build()
            else:
                self.copy()
            with open(stamp, "w", encoding="utf-8") as file:
                file.write(digest)
        # an interrupted call may have left a mutant's
        for path in self.kept():
            shutil.copy(path, path[:-len(".plain")])
        shutil.rmtree(os.path.join(self.tree, "module"))
        shutil.copytree(os.path.join(TOP, "module"), os.path.join(self.tree, "module"))

    def kept(self):
        return [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(self.objects, "module"))
                for name in names if name.endswith(".plain")]

    def copy(self):
        """What build() has made, with links into our own tree."""
        for folder in (self.tree, self.objects):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(folder.replace(self.folder, WORK), folder, symlinks=True)
        for folder, _, names in os.walk(self.objects):
            for path in (os.path.join(folder, name) for name in names):
                if os.path.islink(path):
                    to = os.readlink(path).replace(WORK, self.folder)
                    os.unlink(path)
                    os.symlink(to, path)
        for path in self.kept():
            os.unlink(path)
        # the list of objects to link
        path = os.path.join(self.objects, "xtcp.mod")
        text = read(path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(WORK, self.folder))

    def build(self):
        say("# building the module, each file by itself")
        for folder in (self.tree, self.objects):
            shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(self.tree)
        for name in ("Kbuild", "include", "module", "scripts", "selftests"):
            copy = shutil.copytree if os.path.isdir(os.path.join(TOP, name)) else shutil.copy
            copy(os.path.join(TOP, name), os.path.join(self.tree, name))
        run("scripts/kernel/build-module.sh", self.kdir, self.objects, "-s", "ARCH=um", "SEPARATE=1", "WRAPPER=1",
            cwd=self.tree)
        run("strip", "-g", os.path.join(self.objects, "selftests/modules/xtcp_wrapper.ko"))

    def command(self, target):
        """The command by which make has compiled a file."""
        folder, name = os.path.split(os.path.join(self.objects, target))
        with open(os.path.join(folder, f".{name}.cmd"), encoding="utf-8") as file:
            line = re.sub(r"-Wp,-MMD,\S+", "", re.match(r"\S+ := (.*)", file.readline())[1])
        return line.replace(WORK, self.folder)

    def compile(self, name, text):
        """Compiles a file with that text. Returns the digest of the object; None if the compiler refuses."""
        source, target = os.path.join(self.tree, "module", name), f"module/{name[:-2]}.o"
        before = read(source)
        path = os.path.join(self.objects, target)
        try:
            with open(source, "w", encoding="utf-8") as file:
                file.write(text)
            ran = subprocess.run(self.command(target), shell=True, cwd=self.kdir, check=False, capture_output=True)
        finally:
            with open(source, "w", encoding="utf-8") as file:
                file.write(before)
        return None if ran.returncode else file_digest(path)

    def plain(self, name):
        """Puts back the object without a change for the next link. Returns its digest."""
        path = os.path.join(self.objects, f"module/{name[:-2]}.o")
        if not os.path.exists(path + ".plain"):
            # that of build() names files of its own tree
            if self.compile(name, read(os.path.join(self.tree, "module", name))) is None:
                raise Failure(f"{name} does not compile without a change")
            shutil.copy(path, path + ".plain")
        shutil.copy(path + ".plain", path)
        return file_digest(path)

    def link(self, to):
        for target in ("xtcp.o", "xtcp.ko"):
            run("sh", "-c", self.command(target), cwd=self.kdir)
        run("strip", "-g", "-o", to, os.path.join(self.objects, "xtcp.ko"))


def cpu_of(root):
    """Seconds of the processor that a process and all below it have taken."""
    parents, times = {}, {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(name))
        times[int(name)] = sum(map(int, fields[11:15])) / TICK
    total, left = 0, [root]
    while left:
        pid = left.pop()
        total += times.get(pid, 0)
        left += parents.get(pid, [])
    return total


class Machine:
    """One boot. All its limits but the last are processor time or virtual time, so a busy machine changes nothing."""

    REAL_SECONDS = 1800

    def __init__(self, folder=WORK):
        self.process = None
        self.bin = os.path.join(WORK, "bin")
        self.share = os.path.join(folder, "share")
        self.log = os.path.join(folder, "log")
        self.known = os.path.join(folder, "known")

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process = None

    def command(self, tests, module, first):
        names = [name for name in tests if name != EXPLORE]
        # the lanes of kernel TCP notice nothing
        setting = f"WIRE_STACK=xtcp XTCP_KO={module} XTCP_WRAPPER_KO={self.bin}/xtcp_wrapper.ko"
        words = [f"{name}:{self.bin}/{name}:{tests[name].virtual}" for name in names]
        if first:
            setting += f" RUN_KNOWN={self.known}"
        run_them = f"{self.bin}/run {'-f ' * first}{self.share}"
        line = f"env {setting} {run_them} {' '.join(words)}" if words else ":"
        if EXPLORE in tests:
            line += f" && echo {EXPLORE} >{self.share}/current && env {setting} {self.bin}/explore 1 {SEEDS}"
        return ["scripts/lab/run.sh", "--seed", "1", "--memory", "3G", "--timeout", str(self.REAL_SECONDS),
                "--share", self.share, line]

    def play(self, tests, module, first=True, most=None):
        """Returns (who noticed it and how, processor times by test). @tests: {name: Test}; @first: ends at the first
        failure, except in rows that fail anyway; otherwise runs all. After @most seconds nobody has noticed it."""
        shutil.rmtree(self.share, ignore_errors=True)
        os.makedirs(self.share)
        took, late = {}, None
        with open(self.log, "w", encoding="utf-8") as out:
            self.process = subprocess.Popen(self.command(tests, module, first), cwd=TOP, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.STDOUT)
        current, since, cpu, over = "start", 0.0, 0.0, False
        while self.process.poll() is None:
            time.sleep(0.1)
            cpu = max(cpu, cpu_of(self.process.pid))
            now = self.current() or current
            if now != current:
                took[current] = cpu - since
                current, since = now, cpu
            elif cpu - since > (tests[current].limit if current in tests else 30):
                late = f"{current}: takes the processor for ever"
                break
            if most and cpu > most:
                over = True
                break
        if not over:
            took[current] = cpu - since
        status = self.process.poll()
        self.end()
        if status == 124:
            raise Failure(f"{current}: no end after {self.REAL_SECONDS} s: too much else goes on here")
        said = self.said()
        return late or (None if over else self.verdict(status, current, said)), took

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def current(self):
        try:
            with open(os.path.join(self.share, "current"), encoding="utf-8") as file:
                return file.read().strip()
        except OSError:
            return None

    @staticmethod
    def verdict(status, current, said):
        """Who noticed the change, and how; None: nobody."""
        if status == 0:
            return None
        failed = re.search(r"^not ok.*", said, re.M)
        if failed:
            return f"{current}: {failed[0][:160]}"
        panic = re.search(r"^# .*(?:BUG|Kernel panic|RIP|segfault).*", said, re.M)
        return f"{current}: {panic[0][2:160] if panic else f'the machine ended with status {status}'}"


class Test:
    """A test program, and how long it takes: seconds of the processor, and virtual seconds."""

    def __init__(self, name, known):
        self.name = name
        self.cpu = known.get("cpu", 2)
        self.virtual = int(4 * known["virtual"] + 60) if "virtual" in known else 2000
        self.limit = 10 * self.cpu + 20 if "cpu" in known else 200


class Tests:
    """The programs that reach something. Remembers their times, and which of them pass without a change."""

    plain = os.path.join(WORK, "plain.ko")

    def __init__(self, machine, module, names):
        self.machine, self.digest = machine, module.digest
        self.names = [*names, EXPLORE]
        self.path = os.path.join(WORK, "tests.json")
        with self.keeping():
            pass

    @staticmethod
    def build(module, reached):
        """Builds the programs and the module without a change. Returns the names of the programs."""
        names = [name for name in run("make", "-s", "-C", "selftests", "list", "KSELFTEST=none", cwd=TOP).split()
                 if name in reached and name not in LEFT_OUT]
        run("scripts/check/selftests.sh", "tools", *[f"../build/selftests/{name}" for name in names], cwd=TOP)
        to = os.path.join(WORK, "bin")
        os.makedirs(to, exist_ok=True)
        for name in [*names, "run/run", "explore/explore"]:
            put(os.path.join(TOP, "build/selftests", name), to)
        put(os.path.join(module.objects, "selftests/modules/xtcp_wrapper.ko"), to)
        if not os.path.exists(Tests.plain) or module.is_new:
            module.link(Tests.plain)
        return names

    @functools.lru_cache(maxsize=None)
    def made(self, name):
        return self.digest + file_digest(os.path.join(self.machine.bin, name))

    def proof(self, name):
        """A short name of the test and the module as they are."""
        return hashlib.sha256(self.made(name).encode()).hexdigest()[:8]

    def all(self):
        """{name: Test}, without those that fail without a change, too."""
        return {name: Test(name, self.known.get(name, {})) for name in self.names
                if self.known.get(name, {}).get("fails") != self.made(name)}

    def play(self, names, module, most=None):
        """Runs the tests in the machine. A test that has noticed something has to pass without the change."""
        while True:
            tests = {name: test for name, test in self.all().items() if name in names}
            tests = {name: tests[name] for name in names if name in tests}
            if not tests:
                return None, {}
            said, took = self.machine.play(tests, module, most=most)
            self.remember(took, said)
            name = said and said.split(":")[0]
            if name not in tests or self.passes(name):
                return said, took

    def passes(self, name):
        """Does the test pass without the change? Rows that fail there do not count from now on."""
        with self.keeping():
            known = self.known.get(name, {})
        if known.get("passes") == self.made(name):
            return True
        said, took = self.machine.play({name: Test(name, {})}, self.plain, False)
        self.remember(took, said)
        rows = re.findall(r"^not ok \d+ (.*)$", self.machine.said(), re.M) if said else []
        with self.keeping():
            known = self.known.setdefault(name, {})
            known["rows"] = rows
            known["fails" if said and not rows else "passes"] = self.made(name)
        if said:
            say(f"# {name}: without a change, too: " + (", ".join(rows) or said))
        return not said

    def remember(self, took, said):
        virtual = dict(re.findall(r"^# (\w+): \d+ passed, .* ([\d.]+) s$", self.machine.said(), re.M))
        with self.keeping():
            for name, cpu in took.items():
                if name in self.names and not (said and said.startswith(name + ":")):
                    known = self.known.setdefault(name, {})
                    known["cpu"] = round(min(cpu, known.get("cpu", cpu)), 2)
                    if name in virtual:
                        known["virtual"] = float(virtual[name])

    @contextlib.contextmanager
    def keeping(self):
        """What is known of the tests, for a change of it: others change it, too."""
        with open(self.path + ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.known = {}
            if os.path.exists(self.path):
                with open(self.path, encoding="utf-8") as file:
                    self.known = json.load(file)
            yield
            with open(self.path, "w", encoding="utf-8") as file:
                json.dump(self.known, file, indent=0)
        with open(os.path.join(TOP, "selftests/lab.rows"), encoding="utf-8") as file:
            unsteady = [line for line in file if line.strip() and not line.startswith("#")]
        with open(self.machine.known, "w", encoding="utf-8") as file:
            file.writelines(unsteady)
            file.writelines(row + "\n" for known in self.known.values() for row in known.get("rows", []))
