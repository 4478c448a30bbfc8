# SPDX-License-Identifier: GPL-2.0
"""The three namespaces of a page, with somebody in each who runs Python
statements and shell commands, and looks at what xtcp tells there."""

import builtins
import os
import queue
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import program

TRACING = "/sys/kernel/tracing/"
LIMIT = 30      # seconds that anything may take
STATES = ("", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED", "CLOSE-WAIT",
          "LAST-ACK", "LISTEN", "CLOSING")


shown = threading.local()   # what a statement's expressions come to


def show(value):
    if value is not None:
        shown.lines.append(repr(value))


sys.displayhook = show


class Failed(Exception):
    """The page does not show what it should."""


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def send(src, dst, flags, seq=0, ack=0, data=b"", mss=0, ts=None, wnd=502):
    """A segment by hand, from anybody: send("10.77.0.1:50001", "10.77.0.2:80", "S", seq=1000); ts: the two numbers of
    a timestamps option."""
    (src, sport), (dst, dport) = (end.split(":") for end in (src, dst))
    src, dst = socket.inet_aton(src), socket.inet_aton(dst)
    bits = sum(1 << "FSRPAUEC".index(flag) for flag in flags)
    option = struct.pack("!BBH", 2, 4, mss) if mss else b""
    option += struct.pack("!BBBBII", 1, 1, 8, 10, *ts) if ts else b""
    tcp = struct.pack("!HHIIBBHHH", int(sport), int(dport), seq % (1 << 32), ack % (1 << 32),
                      (5 + len(option) // 4) << 4, bits, 64240 if "S" in flags else wnd, 0, 0) + option + data
    pseudo = src + dst + struct.pack("!HH", 6, len(tcp)) + tcp + b"\0" * (len(tcp) % 2)
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + src + dst
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(ip + tcp, (socket.inet_ntoa(dst), 0))


def time_of(line):
    """Seconds, of a line of the trace."""
    return float(re.search(r" (\d+\.\d+): xtcp_", line)[1])


def events(*words):
    """Lines of the trace with all of these words."""
    with open(TRACING + "trace", encoding="ascii") as file:
        return [line for line in file if ": xtcp_" in line and all(word in line for word in words)]


class Numbers:
    """The newest segment that an end has sent, as one in the middle sees it: .seq of what comes next, .ack, .tsval and
    .tsecr."""

    def __init__(self, src):
        line = events("xtcp_segment_out", "local=%s " % src)[-1]
        fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
        self.seq, self.ack = int(fields["end"]), int(fields["ack"])
        self.tsval, self.tsecr = map(int, fields["ts"].split("/"))


def field(line, name):
    """A number of it."""
    return int(re.search(r" %s=(\d+)" % name, line)[1])


def flights(port="", again=0):
    """How many segments with text the client has sent, from this port if any, one behind the other, before it had to
    wait; again=1: those that it has sent again."""
    found, last = [], None
    for line in events("xtcp_segment_out", "local=10.77.0.1:%s%s" % (port, " " if port else "")):
        if field(line, "len") and field(line, "resent") >= again:
            if last is None or time_of(line) - last > 0.03:
                found.append(0)
            found[-1] += field(line, "segs")
            last = time_of(line)
    return found


def falls(port):
    """What recoveries and congestion marks have left of the window of the client's connection from this port, each in
    percent."""
    found, before = [], ""
    for line in events("xtcp_congestion", "local=10.77.0.1:%d " % port):
        phase = re.search(r" phase=(\w+)", line)[1]
        if phase in ("Recovery", "CWR") and phase != before:
            found.append(round(field(line, "ssthresh") * 100 / field(line, "cwnd")))
        before = phase
    return found


def delay(port):
    """The median of the round trips of the client's connection from this port, in ms."""
    found = sorted(field(line, "rtt_us") for line in events("xtcp_ack", "local=10.77.0.1:%d " % port))
    found = [rtt for rtt in found if rtt]
    return found[len(found) // 2] // 1000


def pour(seconds, *sockets):
    """Sends on each for so long as much as it takes."""
    end = time.monotonic() + seconds
    for one in sockets:
        one.setblocking(False)
    while time.monotonic() < end:
        for one in select.select([], sockets, [], 1)[1]:
            one.send(bytes(65536))


def drain(*sockets):
    """Reads from each until nothing has come for half a second; octets by the ports that they came from."""
    got = dict.fromkeys((one.getpeername()[1] for one in sockets), 0)
    while ready := select.select(sockets, [], [], 0.5)[0]:
        for one in ready:
            got[one.getpeername()[1]] += len(one.recv(1 << 20))
    return got


HELP = {function.__name__: function for function in (send, events, flights, falls, delay, pour, drain)}


class End(threading.Thread):
    """One namespace. Statements run one behind the other in this thread, which has entered it."""

    def __init__(self, name):
        super().__init__(daemon=True)
        self.name, self.jobs, self.children = name, queue.Queue(), []
        self.variables = {**HELP, "numbers": Numbers}
        exec("from socket import *; import os, select, struct, time", self.variables)
        self.pending = None
        self.start()
        self.do(lambda: None)
        self.first = self.do(self.counters) if name != "router" else {}

    def run(self):
        program.enter(self.name)
        for job in iter(self.jobs.get, None):
            job()

    def begin(self, work):
        """Has work done here; what ends() waits for."""
        answer = queue.Queue()

        def job():
            try:
                answer.put((work(), None))
            except Exception as error:  # whatever a page's statement raises is shown on the page
                answer.put((None, error))
        self.jobs.put(job)
        return answer

    def ends(self, answer):
        try:
            value, error = answer.get(timeout=LIMIT)
        except queue.Empty:
            raise Failed("this does not end in the %s" % self.name) from None
        if error:
            raise error
        return value

    def do(self, work):
        return self.ends(self.begin(work))

    def end(self):
        for child in self.children:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()
        self.variables.clear()
        self.jobs.put(None)

    # ---- statements and commands

    def statement(self, text):
        """Runs it as Python's prompt does; what that would show."""
        shown.lines = []
        exec(compile(text + "\n", "<%s>" % self.name, "single"), self.variables)
        return "".join(line + "\n" for line in shown.lines)

    def python(self, text):
        def work():
            try:
                return self.statement(text)
            except Failed:
                raise
            except Exception as error:
                return "%s: %s\n" % (type(error).__name__, error)
        return work

    def shell(self, text):
        """A command; with & at its end it goes on until the page ends."""
        def work():
            if text.endswith("&"):
                self.children.append(subprocess.Popen(["bash", "-c", text[:-1]], stdin=subprocess.DEVNULL,
                                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                                      start_new_session=True))
                return ""
            done = subprocess.run(["bash", "-c", text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=LIMIT, check=False,
                                  env={**os.environ, "COLUMNS": "80"})
            return done.stdout
        return work

    # ---- what xtcp tells

    def counters(self):
        """All of them, by nstat's names."""
        found = {}
        for file in ("snmp", "netstat"):
            with open("/proc/thread-self/net/xtcp_" + file, encoding="ascii") as lines:
                for names, values in zip(lines, lines):
                    group, *names = names.split()
                    found.update(zip((group.rstrip(":") + name for name in names), map(int, values.split()[1:])))
        return found

    def moved(self):
        now = self.do(self.counters)
        return {name: value - self.first[name] for name, value in now.items() if value != self.first[name]}

    def states(self):
        """Of all connections here, and of listeners."""
        with open("/proc/thread-self/net/xtcp", encoding="ascii") as file:
            return [STATES[int(line.split()[3], 16)] for line in list(file)[1:]]

    def sendq(self):
        """Octets that connections here have sent and that are not acknowledged, or that they are still to send."""
        with open("/proc/thread-self/net/xtcp", encoding="ascii") as file:
            rows = [line.split() for line in list(file)[1:]]
        return sum(int(row[4].split(":")[0], 16) for row in rows if STATES[int(row[3], 16)] != "LISTEN")

    def listener(self):
        """What /proc/net/xtcp_listen says of the first one."""
        with open("/proc/thread-self/net/xtcp_listen", encoding="ascii") as file:
            names, values = file.readline().split(), file.readline().split()
        return dict(zip(names, values))

    def find(self, name):
        """What a word in a condition stands for."""
        if name == "states":
            return self.states()
        if name == "sendq":
            return self.sendq()
        if name.startswith("Tcp"):
            return self.counters()[name] - self.first[name]
        if name in self.variables:
            return self.variables[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        return int(self.listener()[name])

    def until(self, condition):
        code = compile(condition, "<until>", "eval")
        deadline = time.monotonic() + LIMIT

        class Words(dict):
            def __missing__(words, name):
                return self.find(name)

        def holds():
            return eval(code, {"__builtins__": {}}, Words())
        while not self.do(holds):
            if time.monotonic() > deadline:
                raise Failed("never came in the %s: %s" % (self.name, condition))
            time.sleep(0.005)


class Scene:
    """Network, ends and an empty trace, for as long as a page lasts."""

    def __init__(self):
        subprocess.run(["scripts/vm/scene.sh"], check=True)
        with open(TRACING + "trace", "w", encoding="ascii"):
            pass
        self.ends = {name: End(name) for name in ("client", "router", "server")}

    def close(self):
        for end in self.ends.values():
            end.end()
