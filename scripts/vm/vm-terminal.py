#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Usage: scripts/vm/vm-terminal.py [N]

Gives a second shell in the machine that make vm or make lab runs. Of several machines it takes the one that started last; N=2 is
the one before it. exit ends the shell, and the machine goes on. The exit status is the shell's; 1 if there is no such
machine, or if its second terminal is in use."""
import contextlib
import fcntl
import glob
import os
import re
import select
import signal
import socket
import sys
import tempfile
import termios
import time
import tty

BOOT_SECONDS = 240


def fail(text, status=1):
    sys.exit(print("vm-shell: " + text, file=sys.stderr) or status)


class Pipes:
    """Two pipes, which are a serial line in the laboratory; used as a socket is."""

    def __init__(self, folder):
        # without a machine the first open() fails, and none waits for it
        self.typed = os.open(os.path.join(folder, "typed"), os.O_WRONLY | os.O_NONBLOCK)
        self.shown = os.open(os.path.join(folder, "shown"), os.O_RDONLY | os.O_NONBLOCK)
        for pipe in self.typed, self.shown:
            os.set_blocking(pipe, True)

    def fileno(self):
        return self.shown

    def recv(self, size):
        return os.read(self.shown, size)

    def sendall(self, data):
        while data:
            data = data[os.write(self.typed, data):]


def connected(folder):
    """A line to a running machine; None if it has ended, and has left its folder behind."""
    try:
        if os.path.exists(os.path.join(folder, "typed")):
            return Pipes(folder)
        there = socket.socket(socket.AF_UNIX)
        there.connect(os.path.join(folder, "socket"))
    except OSError:
        return None
    return there


def runs(folder):
    """Does the machine of that folder still run? Its pid is in a file."""
    try:
        with open(os.path.join(folder, "pid"), encoding="ascii") as file:
            return os.path.exists("/proc/%d" % int(file.read()))
    except (OSError, ValueError):
        return False


def machines():
    """Folders of running machines with a second terminal, the newest first."""
    found = []
    for line in "xtcp-vm.*/socket", "xtcp-lab.*/typed":
        for path in glob.glob(os.path.join(glob.escape(tempfile.gettempdir()), line)):
            folder = os.path.dirname(path)
            if os.access(folder, os.W_OK | os.X_OK) and runs(folder):
                found.append((os.stat(os.path.join(folder, "pid")).st_mtime, folder))
    return [folder for _, folder in sorted(found, reverse=True)]


def chosen(word):
    """The folder of machine N."""
    if not re.fullmatch("[1-9][0-9]{0,2}", word or "1"):
        fail("N=%s is not a number from 1 on" % word, 2)
    found = machines()
    if not found:
        fail("no machine runs; make vm starts one")
    number = int(word or 1)
    if number > len(found):
        fail("there is no N=%d: %d of these machines run%s" % (number, len(found), "s" * (len(found) == 1)))
    if len(found) > 1:
        print("%d machines run; this is N=%d, where N=1 is the one that started last" % (len(found), number), file=sys.stderr)
    return found[number - 1]


class Terminal:
    """What goes between this terminal and the machine."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "ctl", "second")
        self.token = os.urandom(8).hex()
        self.begin = b"%s begin." % self.token.encode()
        self.end = re.compile(rb"%s (\d+)\." % self.token.encode())
        self.pending = b""
        self.ready = self.begun = False

    def ask(self, text):
        """Write the request as a whole."""
        name = os.path.join(self.folder, "request")
        with open(name + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.replace(name + ".new", name)

    def show(self, data):
        """Shows what came from the machine. Returns the status of its shell once that has ended."""
        self.pending += data
        if not self.begun:
            before, found, after = self.pending.partition(self.begin)
            if not found:
                return None
            self.begun, self.pending = True, after
        ended = self.end.search(self.pending)
        if ended:
            self.write(self.pending[:ended.start()])
            return int(ended[1])
        whole = self.pending
        begins = whole.find(self.token.encode())
        if begins < 0:  # what came last may be a part of it
            begins = next((at for at in range(max(0, len(whole) - 16), len(whole))
                           if self.token.encode().startswith(whole[at:])), len(whole))
        self.write(whole[:begins])
        self.pending = whole[begins:]
        return None

    @staticmethod
    def write(data):
        while data:
            data = data[os.write(1, data):]

    def run(self, there):
        """Goes on until the shell or the machine ends."""
        size = os.get_terminal_size(0)
        term = re.sub("[^A-Za-z0-9+._-]", "", os.environ.get("TERM", "")) or "dumb"
        self.ask("%s %d %d %s\n" % (self.token, size.lines or 24, size.columns or 80, term))
        started = time.monotonic()
        while True:
            ready = select.select([there] + [0] * self.begun, [], [], 1)[0]
            if there in ready:
                data = there.recv(65536)
                if not data:
                    self.write(b"\r\nvm-shell: the machine has ended\r\n")
                    return 0
                status = self.show(data)
                if not self.ready and b"%s ready." % self.token.encode() in self.pending:
                    self.ready = True
                    there.sendall(b"%s\n" % self.token.encode())
                if status is not None:
                    return status
            if 0 in ready:
                typed = os.read(0, 4096)
                if not typed:
                    return 129
                there.sendall(typed)
            if not self.begun and time.monotonic() > started + BOOT_SECONDS:
                self.write(b"vm-shell: the machine does not answer\r\n")
                return 1


def ended(number, _):
    raise SystemExit(128 + number)


def main():
    if sys.argv[1:] in (["--help"], ["-h"]):
        print(__doc__)
        return 0
    if len(sys.argv) > 2:
        fail("one number at most; try --help", 2)
    if not (os.isatty(0) and os.isatty(1)):
        fail("this is no terminal", 2)
    folder = chosen(sys.argv[1] if len(sys.argv) > 1 else "")
    with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            fail("the second terminal of this machine is in use")
        there = connected(folder)
        if not there:
            fail("the machine has just ended")
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ended)
        before, terminal = termios.tcgetattr(0), Terminal(folder)
        try:
            tty.setraw(0, termios.TCSADRAIN)     # what was typed ahead stays
            return terminal.run(there)
        except ConnectionError:
            return 0
        finally:
            with contextlib.suppress(OSError):      # the machine has ended
                terminal.ask("")
            with contextlib.suppress(termios.error):    # nobody is at this terminal any more
                termios.tcsetattr(0, termios.TCSADRAIN, before)


sys.exit(main())
