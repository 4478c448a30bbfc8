#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plays make vm and make vm-shell at two terminals: what is written to the shared folder survives the machine and
nothing else does, the second terminal is one of the same machine, both builds can be loaded anew by insmod, and nothing
is left behind. With --lab: plays make lab and make vm-shell, and sees the same of the second terminal. Prints TAP."""
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from parts import marked
from tap import Tap

TOP = pathlib.Path(__file__).resolve().parents[2]
MARK = "XTCP_CHECK_TERMINAL"
SECONDS = 240
LAB = sys.argv[1:] == ["--lab"]
PORT = "ttyS1" if LAB else "hvc0"   # the second terminal in the machine


def seen(port, state):
    """A shell's words that wait until the server's namespace has a socket of that port in that state."""
    return f"until ip netns exec server grep -q ':{port:04X} .* {state:02X} ' /proc/net/xtcp; do sleep 0.1; done"


SERVE = f"server python3 -m http.server 80 >/dev/null 2>&1 & {seen(80, 10)}"
TAP = Tap("terminal-lab" if LAB else "terminal")


class Typist:
    """A command at a terminal of its own, and what it showed."""

    def __init__(self, *command, env):
        self.shown = ""
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.chdir(TOP)
            os.execvpe(command[0], command, env)

    def read(self, seconds):
        """More of what it shows; False at its end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.shown += data.decode(errors="replace").replace("\r", "")
        return bool(data)

    def wait_for(self, pattern, seconds=SECONDS):
        """Returns the match, and forgets all before it; None if it does not come."""
        until = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.shown, re.M)
            if found:
                self.shown = self.shown[found.end():]
                return found
            if time.monotonic() > until or not self.read(0.5):
                found = re.search(pattern, self.shown, re.M)
                return found

    def run(self, command):
        """A command of the shell: its output and its status, which the echo of what was typed does not look like."""
        line = f"printf '%s%s\\n' ': be' gins; {command}; printf '%s%s \\n' ': status' \": $?\"\n"
        os.write(self.fd, line.encode())
        found = self.wait_for(r": begins\n([\s\S]*?): status: (\d+) $", 60)
        return (found[1], int(found[2])) if found else (self.shown, None)

    def status(self, seconds=60):
        until = time.monotonic() + seconds
        while self.read(0.5) and time.monotonic() < until:
            pass
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = None
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.1)
        return None

    def close(self):
        """Closes the window: SIGHUP for all that runs there."""
        os.close(self.fd)
        self.fd = None
        os.waitpid(self.pid, 0)
        self.pid = None

    def end(self):
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            self.close()
        elif self.fd is not None:
            os.close(self.fd)
            self.fd = None


def row(name, good, said=""):
    return TAP(good, name, "\n".join(str(said).splitlines()[-30:]))


def at_second(env, boot):
    """The second terminal, while the first one waits."""
    second = Typist("make", "vm-shell", env=env)
    try:
        second.wait_for("# $")
        said, _ = second.run("cat /proc/sys/kernel/random/boot_id; tty; type -t client")
        row("vm-shell is a shell in the same machine", boot and boot in said and PORT in said and "function" in said, said)
        third = subprocess.run(["scripts/vm/vm-terminal.py"], cwd=TOP, env=env, capture_output=True, text=True,
                               check=False)
        row("no terminal, no second shell", third.returncode == 2 and "no terminal" in third.stderr, third)
        busy = Typist("scripts/vm/vm-terminal.py", env=env)
        status = busy.status()
        row("the second terminal is one person's", status == 1 and "is in use" in busy.shown, busy.shown)
        os.write(second.fd, b"bash -mc \"sleep 1000 & echo be''gun; wait\"\n")    # -m: a process group of its own
        second.wait_for("begun")
        second.close()
    finally:
        second.end()
    second = Typist("scripts/vm/vm-terminal.py", "1", env=env)
    try:
        second.wait_for("# $")
        said, _ = second.run("tty; echo second >shared-by; ps -e -o args | grep -c '^sleep 1000'")
        row("after its window was closed there is a new one, and what ran there has ended",
            PORT in said and said.split()[-1:] == ["0"], said)
        os.write(second.fd, b"exit 7\n")
        status = second.status()
        row("exit ends vm-shell with the shell's status", status == 7, (status, second.shown))
    finally:
        second.end()
    return Typist("scripts/vm/vm-terminal.py", env=env)


def play(folder, shared, env):
    first = Typist("make", "vm", f"SHARED={shared}", env=env)
    last = None
    try:
        if not row("make vm gives a shell", first.wait_for(r"make vm-shell\s[\s\S]*# $"), first.shown):
            return
        boot = first.run("cat /proc/sys/kernel/random/boot_id")[0].strip()
        said, status = first.run(f"xtcp ladder --help >/dev/null; {SERVE}; "
                                 f"client curl -s -o /dev/null http://server/; xtcp ladder --svg {shared}/one.svg")
        row("a drawing goes to the shared folder", status == 0, said)
        first.run("server python3 -c 'import socket, time; l = socket.create_server((\"server\", 443)); c, _ = l.accept(); "
                  f"time.sleep(1000)' & {seen(443, 10)}; client python3 -c 'import socket, time; c = socket.create_connection"
                  f"((\"server\", 443)); time.sleep(1000)' & {seen(443, 1)}")
        said, _ = first.run("xtcp-watch conn --netns server --once --width 120 | grep ESTAB; "
                            "xtcp-watch states --netns server --once | grep :443")
        row("xtcp-watch tells the algorithm and the program of a socket", re.search(r"ESTABLISHED .* cubic ", said) and
            re.search(r"^:443 python3 ", said, re.M), said)
        first.run("kill %2 %3")
        said, _ = first.run("rmmod xtcp_b && insmod xtcp_b.ko && lsmod | grep -c ^xtcp; echo gone >not-kept")
        row("xtcp_b is loaded, and insmod loads it as the documents say", "2" in said.split(), said)
        first.run(f"ln -s {folder}/outside {shared}/link; echo no >{shared}/link; touch {TOP}/README.md.new")
        last = at_both(first, env, boot)
    finally:
        first.end()
        if last:
            last.end()


def at_both(first, env, boot):
    """What the second terminal does, until the first one ends the machine. Returns the second one."""
    last = at_second(env, boot)
    last.wait_for("# $")
    last.run("true")
    said, _ = first.run("cat shared-by")
    row("the first terminal sees what the second one wrote", said.strip() == "second", said)
    first.run("false")
    os.write(first.fd, b"exit\n")
    status = first.status()
    row("exit ends the machine, whatever the last command has come to", status == 0, (status, first.shown))
    status = last.status()
    row("and its second terminal", status == 0 and "the machine has ended" in last.shown, (status, last.shown))
    return last


def play_tour(env):
    """A tour that is left before its first page; check-watch.py has its pager."""
    tour = Typist("scripts/tour/tour.sh", "open-handshake", env=env)
    try:
        until = time.monotonic() + SECONDS
        while not any("qemu-system" in command for command in marked(f"{MARK}={env[MARK]}")) and time.monotonic() < until:
            tour.read(0.2)
        os.write(tour.fd, b"q")
        status = tour.status()
        left = marked(f"{MARK}={env[MARK]}")
        row("q ends a tour that still plays, and its machine", (status, left) == (0, []) and "unbound" not in tour.shown,
            (status, left, tour.shown))
    finally:
        tour.end()


def play_lab(env):
    first, last = Typist("make", "lab", env=env), None
    try:
        if not row("make lab gives a shell", first.wait_for(r"make vm-shell\s[\s\S]*# $"), first.shown):
            return
        boot = first.run("cat /proc/sys/kernel/random/boot_id")[0].strip()
        said, status = first.run(f"{SERVE}; client curl -s http://server/ | head -n 1")
        row("client and server talk", status == 0 and "html" in said.lower(), said)
        said, status = first.run("client xtcp ladder; server xtcp ss state connected '( sport = 80 )'")
        row("the client sees the trace, and cgroups", status == 0 and " SYN" in said and "mount" not in said, said)
        first.run("client xtcp policy add dport=80 cc=cubic")
        said, _ = first.run("tour open-handshake; router ip -br link show client0; "
                            "client curl -s http://server/ | head -n 1; client xtcp policy list")
        row("the tour leaves client, router and server as they were", "page did not show" not in said and
            re.search(r"^client0.* UP [\s\S]*html[\s\S]*^dport=80 cc=cubic # 1 hit$", said, re.M | re.I), said)
        said, status = first.run(
            ". <(scripts/vm/topo.py scripts/vm/parking-lot.topo); on end python3 -m http.server 80 >/dev/null 2>&1 & "
            f"{seen(80, 10).replace('server', 'end')}; on far ip route get 10.77.8.2; on a curl -s http://end/ | head -n 1; "
            "on end xtcp nstat -asz TcpPassiveOpens; on r1 tc qdisc show dev r2; kill %?end; wait %?end; true")
        row("a network of a file: a host finds another over three routers, on xtcp, through a queue of 40",
            status == 0 and re.search(r"^10.77.8.2 via 10.77.1.2 [\s\S]*html[\s\S]*TcpPassiveOpens +1 [\s\S]* delay 10ms[\s\S]*"
                                      r"^qdisc tbf .* rate 10Mbit ", said, re.M | re.I), said)
        last = at_both(first, env, boot)
    finally:
        first.end()
        if last:
            last.end()


def nothing_left(folder):
    left = marked(f"{MARK}={folder}"), [path.name for path in folder.glob("*")]
    row("no process and no file is left behind", left == ([], []), left)


def main():
    if sys.argv[1:] and not LAB:
        sys.exit(print("Usage: scripts/check/check-terminal.py [--lab]", file=sys.stderr) or 2)
    os.chdir(TOP)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="xtcp-terminal.")).resolve()
    env = {**os.environ, MARK: str(folder), "TMPDIR": str(folder), "TERM": "dumb", "NO_COLOR": "1"}
    for name in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES"):
        env.pop(name, None)
    if LAB:
        try:
            play_lab(env)
            written = [name for name in ("shared-by",) if pathlib.Path(name).exists()]
            row("nothing of this machine was written to", not written, written)
            nothing_left(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return TAP.failed
    subprocess.run(["bash", "-c", ". scripts/kernel/vm-module.sh && vm_module stock -s NAME=xtcp_b FAMILY=27"],
                   check=True)
    shared = f"build/check-terminal-{os.getpid()}"
    try:
        alone = Typist("make", "vm-shell", env=env)
        status = alone.status()
        row("without a machine vm-shell says so", status == 2 and "no machine runs; make vm starts one" in alone.shown, alone.shown)
        play_tour(env)
        play(folder, shared, env)
        there = sorted(path.name for path in pathlib.Path(shared).glob("*"))
        row("the drawing is kept, and nothing else is there", there == ["link", "one.svg"] and
            "<svg" in (pathlib.Path(shared) / "one.svg").read_text(), there)
        outside = [name for name in ("not-kept", "shared-by", "README.md.new", folder / "outside")
                   if pathlib.Path(name).exists()]
        row("nothing else of this machine was written to", not outside, outside)
        nothing_left(folder)
    finally:
        shutil.rmtree(shared, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
    return TAP.failed


sys.exit(main())
