# SPDX-License-Identifier: GPL-2.0
"""A part of scripts/check/check.py: a command that runs beside others, with all that it starts."""
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import time

PDEATHSIG, CHILD_SUBREAPER = 1, 36      # of prctl()
LOW = 10                                # nice value: a part gets little of a busy processor, but always some
PROGRESS = 60                           # seconds between two lines that say how far a build is


def say(*words):
    print(*words, flush=True)


def settled(text):
    """The output, without rows of a void test: it ran again."""
    lines = text.removesuffix("\n").split("\n") if text else []
    for at, line in enumerate(lines):
        if not re.match(r"# [^ :]+: void, ", line):
            continue
        begin = line.partition(":")[0]
        while at > 0 and lines[at - 1] != begin:
            at -= 1
            lines[at] = "# " + lines[at]
    return "".join(line + "\n" for line in lines)


def failures(text):
    return re.findall(r"^not ok(?: .*)?$", settled(text), re.M)


def inherit_orphans():
    """Processes that a part leaves behind become our children, so that we can end them."""
    ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 1)


def in_child(nice):
    """Whatever ends us, each part gets a TERM. Only we get a Ctrl-C."""
    ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGTERM)
    os.nice(nice)
    try:
        # each part is a session, between which a kernel with autogroup divides the processors by this alone
        pathlib.Path("/proc/self/autogroup").write_text(str(os.nice(0)), encoding="ascii")
    except OSError:
        pass


def offspring(pid):
    children = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            children.setdefault(int(parent), []).append(int(stat.parent.name))
    found = list(children.get(pid, []))
    for child in found:
        found += children.get(child, [])
    return found


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def end_all(pids=None):
    """Ends all that we have started, or these: first by TERM."""
    us = os.getpid()
    for number, seconds in (signal.SIGTERM, 20), (signal.SIGKILL, 5):
        deadline = time.monotonic() + seconds
        told = set()
        while (left := [pid for pid in offspring(us) if pids is None or pid in pids]) and time.monotonic() < deadline:
            send(set(left) - told, number)
            told |= set(left)
            time.sleep(0.1)


def room_in(folder):
    """Is there any on its disk?"""
    disk = os.statvfs(folder)
    return not disk.f_blocks or (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail)


def marked(mark):
    """The commands of all processes that have VARIABLE=VALUE in their environment."""
    found = []
    for environ in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in environ.read_bytes():
                found.append((environ.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            pass
    return found


class Part:
    """A command, its output, and how long it has taken."""

    def __init__(self, name, seconds, time_of, after, command, group=None, tests=(), works=()):
        self.name, self.seconds, self.time, self.after, self.command = name, seconds, time_of, after, command
        self.group, self.tests, self.works = group or name, tests, works
        # for a busy machine; each virtual machine has limits of its own, and tells more when it reaches them
        self.limit = 1800 + 20 * seconds
        self.process = self.output = self.reader = self.late = None
        self.began = self.took = self.cpu = self.status = self.told = 0
        self.begun = ""                 # a line that it has begun to print
        self.is_over = self.is_full = False

    def is_ready(self, waiting, running):
        """Have all parts ended that it waits for?"""
        return not {part.group for part in waiting + running} & set(self.after)

    def chain(self, parts):
        """Seconds of this part and of the longest chain that waits for it."""
        return self.seconds + max((part.chain(parts) for part in parts if self.group in part.after), default=0)

    def begin(self, folder, is_waited_for):
        self.output, self.began = folder / "said" / self.name, time.monotonic()
        with open(self.output, "wb") as file:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                            start_new_session=True,
                                            preexec_fn=lambda: in_child(
                                                LOW if self.time == "own" and not is_waited_for else 0))
        self.reader = open(self.output, encoding="utf-8", errors="replace")

    def text(self):
        text = self.output.read_text(encoding="utf-8", errors="replace")
        return text if text.endswith("\n") or not text else text + "\n"

    def look(self):
        """Has it ended, or taken too long? Failures are printed at once, the rest at the end."""
        pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        self.took = time.monotonic() - self.began
        if pid:
            self.process.returncode = self.status = os.waitstatus_to_exitcode(status)
            self.cpu = usage.ru_utime + usage.ru_stime
            self.is_over = True
        elif self.took > self.limit and not self.late:
            self.late = f"not ok - {self.name}: not over after {self.limit} s, ended\n"
            end_all([self.process.pid, *offspring(self.process.pid)])
        # what it prints then is lost, and it may not notice
        self.is_full = self.is_full or not room_in(self.output.parent)
        *lines, self.begun = (self.begun + self.reader.read()).split("\n")
        for line in lines:
            self.tell(line)
        if self.is_over:
            self.reader.close()

    def tell(self, line):
        if re.match(r"not ok( |$)", line):
            say(f"# {self.name}: {line}")
        elif " steps of about " in line and time.monotonic() - self.told > PROGRESS:
            self.told = time.monotonic()
            say(f"# {line}")

    def verdict(self):
        """All that it has printed, and a failure for each test that it has left out."""
        text = self.text()
        if self.late:
            text += self.late
        if self.is_full:
            text += f"not ok - {self.name}: no space left in {self.output.parent}\n"
        if self.status and not failures(text):
            text += f"not ok - {self.name}: failed, exit status {self.status}\n"
        left = [name for name in self.tests if not re.search(rf"^# {re.escape(name)}: \d+ passed, ", text, re.M)]
        if left:
            text += f"not ok - {self.name}, left out: {' '.join(left)}\n"
        if not re.search(r"^(not )?ok( |$)", text, re.M):
            text += f"ok - {self.name}\n"
        return text
