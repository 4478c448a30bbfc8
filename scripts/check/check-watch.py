#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check-watch.py

Tests of scripts/tools/xtcp-watch over what was recorded in selftests/see/watch: what
each view says of it, at each width, in ASCII and not; the terminal is afterwards
as it was before; what is no listing and no trace is refused in one sentence.

Also lost events; keys, signals and Ctrl-Z, those of the tour, too; no module, no listing, no trace; what xtcp-ss and
xtcp-nstat refuse; which rows xtcp-ss asks for, and what it makes of them; the page of xtcp-nstat --prometheus."""

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections import namedtuple
from types import SimpleNamespace
from xml.etree import ElementTree

os.chdir(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
sys.path += ["scripts/tools/sight", "scripts/tour", "selftests/see"]

import advice
import diag
import diag_json
import exposition
import pager
import prometheus
import raw
import ss
import watch_conn
from advice import ENDS, Advice
from listing import Listing, Row
from owners import NOBODY, Owner, program_of
from tap import Tap, differs, read, write
from watch_conn import Conn
from watch_flow import Flow
from watch_states import States, services

FOLDER = "selftests/see/watch/"
LISTINGS = tempfile.mkdtemp()   # server.txt, a file for each of its parts
SERVER, LOSS = FOLDER + "server.trace", FOLDER + "loss.trace"
WATCH = "scripts/tools/xtcp-watch"
UTF8 = {"LC_ALL": "C.UTF-8", "TERM": "xterm"}
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "TERM": "xterm"}
SOON = 20

# What each view says, line by line in this order; "!" before what it must not say.
SAYS = (
    ("listen, a full accept queue", ["listen", "--proc", LISTINGS, "--trace", SERVER],
     r"2 listeners", r"^10\.77\.0\.2:80  limit 1, holds one more", r"^  accept \[#+\] 2 of 2, most 2  FULL$",
     r"^  SYN    \[\.+\|\.+\] 0 of 2, most 1$",
     r"^  accept queue full: 6 times; SYNs dropped: 6; answered by cookie: 0, 0 of them came back$",
     r"^  last: 10\.77\.0\.1:50003: refused, accept queue full, 3\.1 s ago$",
     r"^10\.77\.0\.2:443  limit 128", r"^  accept \[\|\.+\] 0 of 129, most 1$"),
    ("conn", ["conn", "--proc", LISTINGS, "--trace", SERVER],
     r"6 connections, by state",
     r"^ESTABLISHED  10\.77\.0\.2:443  +10\.77\.0\.1:50100  +290k +14\.5k +100\.8 +3\.1M "
     r"57.9k +0 resend 190ms$", r"^ESTABLISHED  .*:50103  +10seg +0 +- +2\.7k +0  1\.0k -$",
     r"^ESTABLISHED  10\.77\.0\.2:80 +10\.77\.0\.1:50000 +10seg +0 +- +- +0 +0 -$", r"^CLOSE-WAIT .*:50102 ",
     r"^TIME-WAIT .*:50101 +14\.5k .* 2MSL 57s$"),
    ("flow, slow start and a loss", ["flow", "--trace", LOSS],
     r"1 of 1 senders", r"^a 10\.77\.0\.1:50001 -> 10\.77\.0\.2:80: \d+\.\d kB, ", r"kB acknowledged; o resent",
     r"^ kB: : cwnd, - ssthresh, below it in flight", r"^ +d?R+$", r"^ ms: ", r"Mbit/s", r"^ +0\.\d+  Recovery: RACK"),
)

verdict = Tap("watch")


def watch(*args, env=None, data=None, program=WATCH):
    return subprocess.run([program, *args], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", timeout=120, env=dict(os.environ, **(env or UTF8)))


def check_views(_):
    for name, args, *says in SAYS:
        done = watch(*args, "--plain", "--width", "100", env=ASCII)
        problem = done.stderr or differs(done.stdout, says)
        verdict(done.returncode == 0 and not problem, name, problem, done.stdout)
        for width in (80, 100, 140):
            for env, most in ((ASCII, 127), (UTF8, 0x28ff)):
                done = watch(*args, "--plain", "--width", str(width), env=env)
                wrong = [line for line in done.stdout.split("\n") if len(line) > width]
                signs = max(map(ord, done.stdout))
                verdict(done.returncode == 0 and not wrong and signs <= most and (signs > 127) == (most > 127 and
                        name != "conn"), "%s: %d columns, %s" % (name, width, env["LC_ALL"]), *wrong,
                        "sign %#x" % signs)


def column(text, title):
    """The words of one column, which is on the right."""
    lines = [line for line in text.split("\n")[1:] if line]
    at = lines[0].index(title) + len(title)
    return [line[:at].split()[-1] for line in lines[1:]]


def check_pages(_):
    scalars = "phase " + " ".join(raw.ACK_WORDS)
    text = "name: xtcp_ack\nID: 1234\nformat:\n"
    at = 0
    for kind, key, size in [("unsigned short", "common_type", 2), ("unsigned char", "common_flags", 1),
                            ("unsigned char", "common_preempt_count", 1), ("int", "common_pid", 4),
                            ("u32", "netns", 4), ("u8", "local[28]", 28), ("u8", "peer[28]", 28)] + \
            [("int" if key == "phase" else "u32", key, 4) for key in scalars.split()]:
        text += "\tfield:%s %s;\toffset:%d;\tsize:%d;\tsigned:%d;\n" % (kind, key, at, size, kind == "int")
        at += size
    text += 'print fmt: "phase=%s", __print_symbolic(REC->phase, { 0, "Open" }, { 3, "Recovery" }), REC->snd_una\n'
    decoder = raw.Decoder([raw.Layout("ack", text)])

    def ends(*numbers):
        return b"".join(struct.pack("=H", 2) + struct.pack("!HI20x", port, address) for address, port in numbers)

    def entry(delta, body):
        return struct.pack("=II", delta << 5, len(body) + 4) + body

    def page(stamp, flags, entries, behind=b""):
        return (struct.pack("=QQ", stamp, len(entries) | flags) + entries + behind).ljust(4096, b"\0")

    body = struct.pack("=HBBiI", 1234, 0, 0, 7, 99) + ends((0x0a4d0002, 80), (0x0a4d0001, 50107)) + \
        struct.pack("=i12I", 3, *range(101, 113))
    six = struct.pack("=HHI", 10, 0x5000, 0) + b"\xfd\0\0\x09" + bytes(11) + b"\2" + bytes(4)
    entries = entry(5, body) + struct.pack("=II", 30 | 7 << 5, 2) + entry(1, body[:12] + six + six + body[68:])
    found = decoder.page(page(1000, raw.MISSED | raw.STORED, entries, struct.pack("=Q", 544)), 1)
    gap, first, second = [event for _, event in found]
    verdict([stamp for stamp, _ in found] == [1000, 1005, 1005 + 7 + (2 << 27) + 1] and gap.local is None and
            gap.count == 544 and gap.cpu == 1, "a page: times, and events that are missing", found)
    verdict((first.name, first.netns, first.local, first.peer, first.phase, first.snd_una, first.srtt_us, second.local) ==
            ("ack", 99, "10.77.0.2:80", "10.77.0.1:50107", "Recovery", 101, 112, "[fd00:9::2]:80"), "a page: ACKs", vars(type(first)))
    try:
        raw.Decoder([raw.Layout("ack", text.replace("cwnd", "window"))])
        verdict(False, "a format of another version")
    except raw.Unreadable as error:
        verdict("xtcp_ack" in str(error), "a format of another version", error)


def check_states(_):
    # the first sample and the last are as far apart as was asked; how many are between them is the machine's affair
    done = watch("states", "--proc", LISTINGS, "--seconds", "2", "--interval", "0.2", env=ASCII)
    verdict.says("states", done, r"8 sockets and records", r"over the last (?:[2-9]|\d\d)\.?\d*s",
                 r"^LISTEN +2 +2  #{3,}",
                 r"^ESTABLISHED +\d", r"^CLOSE-WAIT +1 +1 +##", r"^TIME-WAIT +1 +1 ",
                 r"^since then: 0 opened, 0 accepted, 0 failed")


class Known:
    """Owners of the inodes of server.txt."""

    def __init__(self, **of):
        self.nobody, self.known = NOBODY, {}
        for inode, (program, algorithm) in of.items():
            owner = self.known[int(inode[1:])] = Owner(1, 1, program)
            owner.algorithm = algorithm

    def of(self, inode):
        return self.known.get(inode, self.nobody)


def view_of(kind, *, known, **args):
    args = {"sort": None, "port": None, "trace": None, "proc": LISTINGS, "view": "", "name": "xtcp", "span": 60, **args}
    view = kind(SimpleNamespace(**args), Listing("xtcp", LISTINGS))
    view.owners = known
    return view


def plain(code, text):
    return text


plain.ascii = True


def check_algorithms(_):
    """By connection: in a column if there is room, else how many have which."""
    known = Known(i11170=("nginx", "bbr"), i11176=("nginx", "cubic"), i11174=("nginx", "cubic"))
    view = view_of(Conn, known=known)
    view.look(0.0)
    wide, narrow = "\n".join(view.draw(120, None, plain)), "\n".join(view.draw(80, None, plain))
    words = dict(zip([line.split()[2] for line in wide.split("\n")[2:]], column(wide, "CC   ".rstrip())))
    problem = differs(wide, (r"^xtcp-watch .*by state *\d\d:", r" RECVQ +CC ", r":50100 .* bbr +", r":50103 .* cubic ",
                             r"TIME-WAIT .*:50101 .* 0 +- +"))
    verdict(not problem and "; cubic" not in wide, "conn: the algorithm of each", problem, wide, words)
    verdict("; cubic 2; bbr 1 " in narrow and " CC" not in narrow, "conn: the algorithms in few columns", narrow)
    some = [SimpleNamespace(algorithm=name, listed=SimpleNamespace(inode=inode))
            for name, inode in (("cubic", 1), ("cubic", 2), ("bbr", 3), (None, 4), (None, 0))]
    said = [watch_conn.algorithms(some[:at]) for at in (3, 4, 5)] + [watch_conn.algorithms(some[3:])]
    verdict(said == ["; cubic 2; bbr 1", *["; cubic 2; bbr 1 of 3 known"] * 2, ""], "conn: not all have been asked", *said)


def check_services(_):
    """By listening port, with the listener's program; the rest by the port that is a server's."""
    known = Known(i20274=("python3", None), i20277=("nginx", None), i11170=("worker", None))
    view = view_of(States, known=known)
    view.look(0.0)
    text = "\n".join(view.draw(100, None, plain))
    problem = differs(text, (r"^SERVICE +ESTAB +CLOSE-W +TIME-W *$", r"^:443 nginx +2 +1 +1$", r"^:80 python3 +2 +- +-$",
                             r"!worker"))
    verdict(not problem, "states: by service", problem, text)
    form = "0: 02004D0A:%04X 01004D0A:%04X %s 00000000:00000000 00:00000000 00000000 0 0 %d 1 0"
    rows = [Row((form % words).split()) for words in ((40000, 443, "01", 7), (40001, 443, "06", 0), (80, 50000, "06", 0))]
    found = {each.words(): sum(each.counts.values()) for each in services(rows, Known(i7=("curl", None)))}
    verdict(found == {"to :443 curl": 2, ":80": 1}, "states: clients, and a listener that has gone", found)


def check_ends(folder):
    """Why connections ended: since then and in all, with advice; not the rows that are zero."""
    where = os.path.join(folder, "ends")
    shutil.copytree(LISTINGS, where)
    write(where + "/xtcp_netstat", "TcpExt: TW TCPAbortOnReset TCPAbortOnTimeout TCPAbortOnKill\nTcpExt: 7 12 1500 0\n")
    done = watch("states", "--proc", where, "--once", "--seconds", "0.2")
    verdict.says("states: why connections ended", done,
                 r"^ENDED OTHERWISE THAN BY FINS +SINCE THEN +IN ALL *$", r"^no answer .* 0 +1\.5k$",
                 r"^reset or refused by the peer +0 +12$", r"!administrator", r"!retries2")
    done = watch("states", "--proc", LISTINGS, "--once", "--seconds", "0.2")
    verdict("ENDED" not in done.stdout and done.returncode == 0, "states: none ended but by FINs", done.stdout)
    os.remove(where + "/xtcp_netstat")
    done = watch("states", "--proc", where, "--once", "--seconds", "0.2")
    verdict("ENDED" not in done.stdout and done.returncode == 0, "states: copies without these counters", done.stderr)
    counted = set(re.findall(r'"(TCPAbortOn\w+|TCPLingerZero|TCPClosedInSynSent)"', read("module/sight/mib.c")))
    verdict(counted == {name for name, _, _ in ENDS}, "states: each counter of ends has words", counted)

    view = view_of(States, known=Known())
    view.look(0.0)
    view.ends = {name: 1000 + at for at, (name, _, _) in enumerate(ENDS)}
    view.first_ends = dict(view.ends, TCPAbortOnTimeout=990)
    view.advice = Advice("xtcp_none")
    lines = list(view.by_reason(80, None, plain))
    problem = differs("\n".join(lines), (r"^no answer for too long +12 +1\.0k$", r"^  how long .*: net\.xtcp_none\.retries2,",
                                         r"^closed with unread data +0 +1\.0k$", r"^  the peer got a reset: "))
    verdict(not problem and lines[2].startswith("no answer") and max(map(len, lines)) <= 80 and
            len(lines) >= 2 + len(ENDS) + sum(1 for end in ENDS if end[2]), "states: advice", problem, *lines)
    view.advice.knob = lambda found: found[1] + "=15"
    verdict("retries2=15, syn_retries=15, keep" in view.advice.on_end(dict((name, text) for name, _, text in ENDS)["TCPAbortOnTimeout"]), "states: advice with the settings")


def check_advice(_):
    """Of a full accept queue: which limit is in the way, and who should accept."""
    listener = namedtuple("Listener", "inode limit somaxconn")
    told, before = advice.Advice("xtcp_none"), advice.number
    told.owners = namedtuple("Owners", "of")(lambda inode: namedtuple("Owner", "words trouble")("nginx (pid 7)", ""))
    try:
        for limit, then, most, says in (
                (4, 4, 4, "raise net.core.somaxconn, which is 4, and its backlog unless that is larger, and restart it"),
                (4, 4, 64, "restart it: net.core.somaxconn was 4 at its listen(), and is 64 now"),
                (4, 4096, 4096, "raise its backlog of 4 and restart it: net.core.somaxconn allows 4,096")):
            advice.number = lambda name, most=most: most
            text = told.on_full_queue(listener(1, limit, then))
            verdict(text == "nginx (pid 7) accepts too slowly; to queue more, " + says, "advice: %d of %d" % (limit, then), text)
    finally:
        advice.number = before
    with socket.create_server(("127.0.0.1", 0)) as one:
        inode = os.fstat(one.fileno()).st_ino
        workers = [subprocess.Popen(["sleep", "1000"], pass_fds=[one.fileno()]) for _ in range(2)]
        try:
            found = advice.Owners().of(inode)
            pids = "%d, %d" % tuple(sorted(worker.pid for worker in workers))
            verdict(found.words == "sleep (pid %s)" % pids and not found.trouble,
                    "advice: the workers, not their master", vars(found))
            workers[1].send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, workers[1].pid, os.WSTOPPED)
            found = advice.Owners().of(inode)
            verdict(found.trouble == "is stopped: kill -CONT %d" % workers[1].pid and
                    found.words == "sleep (pid %d)" % workers[1].pid, "advice: a worker that is stopped", vars(found))
            check_stopped_master(inode, workers[0])
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
    verdict(not advice.Owners().of(inode).words, "advice: a socket that nobody has")


def check_stopped_master(inode, worker):
    """A restart of a program whose master is stopped fails, so its pid is named, too."""
    states = {str(os.getpid()): ("nginx", "1", "T"), str(worker.pid): ("nginx", str(os.getpid()), "T")}
    before, advice.words_of = advice.words_of, lambda pid: states.get(pid, ("nginx", str(os.getpid()), "S"))
    try:
        found = advice.Owners().of(inode)
    finally:
        advice.words_of = before
    pids = sorted(map(int, states))
    verdict(found.words == "nginx (pid %d, %d)" % tuple(pids) and found.trouble == "is stopped: kill -CONT %d %d" % tuple(pids),
            "advice: a worker and its master that are stopped", vars(found))


@contextlib.contextmanager
def called(name):
    """This program has another name meanwhile."""
    before = read("/proc/self/comm").rstrip("\n")
    try:
        yield write("/proc/self/comm", name)
    finally:
        write("/proc/self/comm", before)


def check_foreign_names(folder):
    """A terminal obeys no name of a program or of a device."""
    with called(b"a\x1b]0;b\x07\xc2\x9b2J\x7f"):
        name, told = "a?]0;b??2J?", advice.words_of(os.getpid())[0]
        verdict((program_of(os.getpid()), told) == (name, name), "names of programs are signs only", program_of(os.getpid()), told)
    write(folder + "/xtcp_paths",
          b"to=10.9.0.1 from=10.9.0.2 dev=a\x1c\x1b\xc2\x9b\xff=\x85b cwnd=14480 rtt_us=2500 age=7\n")
    done = watch("--proc", folder, "list", program="scripts/tools/xtcp-paths")
    verdict(done.stdout == "10.9.0.1 from 10.9.0.2 dev a???\ufffd=\ufffdb cwnd 14480 rtt 2.500ms age 7s\n",
            "xtcp-paths: names of devices are signs only", done.stdout, done.stderr)


def check_svg(folder):
    svg = os.path.join(folder, "a.svg")
    done = watch("flow", "--trace", LOSS, "--svg", svg, "--title", "Slow start & a loss")
    text = read(svg)
    words = "".join(ElementTree.fromstring(text).itertext())
    missing = [word for word in ("Slow start & a loss", "Sequence", "Windows", "cwnd", "ssthresh", "in flight",
                                 "Round trip", "SRTT", "Rate", "Recovery: RACK") if word not in words]
    verdict(done.returncode == 0 and not missing and "nan" not in text, "the picture as SVG", missing, done.stderr)
    os.remove(svg)
    nobody, pipe = os.pipe()
    os.close(nobody)
    status = subprocess.run([WATCH, "flow", "--trace", LOSS, "--svg", svg], stdout=pipe, timeout=120).returncode
    os.close(pipe)
    verdict(status == 0 and "Recovery: RACK" in read(svg), "the picture as SVG, if nobody reads the text", status)


def check_lost(_):
    lines = read(LOSS).splitlines(True)
    lines[40:60] = ["CPU:0 [LOST 544 EVENTS]\n"]
    for view in ("flow", "conn"):
        done = watch(view, "--trace", "-", "--proc", LISTINGS, data="".join(lines))
        verdict(done.returncode == 0 and "544 events are lost" in done.stdout and
                ("~ events lost" in done.stdout) == (view == "flow"), view + ": events that are lost", done.stdout)


def check_sentence(name, done, *patterns, program="xtcp-watch"):
    verdict.sentence(name, done, *patterns, program=program)


def check_bad(folder):
    for view in ("listen", "conn", "states"):
        check_sentence(view + ": no module", watch(view, "--proc", folder, "--once"), "there is no " + folder)
    check_sentence("a module of another name", watch("conn", "--name", "xtcp_b", "--proc", LISTINGS, "--once"),
                   "there is no .*/xtcp_b")
    check_sentence("no name of a module", watch("conn", "--name", "../x"), "no name of a module")
    for suffix in ("", "6", "_listen", "_snmp"):
        write(folder + "/xtcp" + suffix, b"\xff\0\1 of another kind\n x\n")
    for view in ("listen", "conn", "states"):
        check_sentence(view + ": no listing", watch(view, "--proc", folder, "--once"), "no listing of xtcp")
    check_sentence("a trace that is a folder", watch("flow", "--trace", folder), "folder")
    check_sentence("no such namespace", watch("conn", "--netns", "not-there"), "not-there")
    check_sentence("20 columns", watch("conn", "--proc", LISTINGS, "--once", env=dict(UTF8, COLUMNS="20")),
                   "20 columns are too few; 80 is the least")
    check_sentence("an SVG that cannot be written", watch("flow", "--trace", "-", "--svg", "/no/such/a", data=""),
                   "empty")
    check_sentence("--svg of another view", watch("conn", "--svg", "a"), "of the view flow")
    text = read(LOSS)
    cut = watch("flow", "--trace", "-", data=text[:len(text) * 2 // 3])
    verdict(cut.returncode == 0 and "cwnd" in cut.stdout and not cut.stderr, "a trace that is cut", cut.stderr)
    for args in ([], ["nothing"], ["conn", "--sort", "x"], ["conn", "--seconds", "0"], ["flow", "--port", "x"]):
        done = watch(*args)
        verdict(done.returncode == 2 and "Traceback" not in done.stderr, "wrong arguments " + " ".join(args),
                done.stderr)


class Session:
    """The program at a terminal of its own; in a shell: as a job of one that lets it go on after Enter."""

    SHELL = 'set -m; "$@"; echo "[stopped: $?]"; read -r line; fg; echo "[ended: $?]"'

    def __init__(self, args, columns, rows, program=(WATCH,), shell=False, data=None):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.slave, self.before = slave, termios.tcgetattr(slave)
        self.text = ""
        command = [*(["bash", "-c", self.SHELL, "bash"] if shell else []), *program, *args]
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, text=True,
                                        env=dict(os.environ, **UTF8), start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0))

    def read_until(self, condition):
        """True as soon as what it wrote fulfils that."""
        deadline = time.monotonic() + SOON
        while not condition(self.text) and time.monotonic() < deadline:
            if select.select([self.master], [], [], 0.05)[0]:
                self.text += os.read(self.master, 1 << 16).decode("utf-8", "replace")
            elif self.process.poll() is not None:
                break
        return condition(self.text)

    def press(self, keys, words):
        """And wait until these words come."""
        begun = len(self.text)
        os.write(self.master, keys.encode())
        return self.read_until(lambda text: words in text[begun:])

    def ends(self, status):
        """With this status, and the terminal is what it was: its modes, its cursor and its other screen."""
        self.read_until(lambda text: False)
        same = termios.tcgetattr(self.slave) == self.before
        os.close(self.slave)
        os.close(self.master)
        return self.process.wait(SOON) == status and same and self.is_given_back()

    def is_given_back(self):
        """By what was written: the other screen is gone, and the cursor is there."""
        return self.text.count("\033[?1049h") == self.text.count("\033[?1049l") and \
            self.text.rfind("\033[?25l") <= self.text.rfind("\033[?25h")

    def pauses(self, begins):
        """Ctrl-Z, at which the shell has its terminal as it was; and back again, with the whole picture."""
        good = self.read_until(begins)
        during = termios.tcgetattr(self.slave)
        good = good and self.press("\x1a", "[stopped: 148]")
        same = termios.tcgetattr(self.slave) == self.before != during
        at, given_back = len(self.text), self.is_given_back()
        os.write(self.master, b"\n")
        good = good and self.read_until(lambda text: "\033[?1049h" in text[at:] and begins(text[at:]))
        return good and same and given_back and termios.tcgetattr(self.slave) == during


def check_terminal(_):
    conn = ["conn", "--proc", LISTINGS]
    first = lambda text: "\033[J" in text   # a whole picture
    session = Session(conn, 100, 7)
    good = session.read_until(first) and session.press("\033[C", "by local") and session.press("r", "reversed") and \
        session.press("\033[D", "by state") and session.press("\033[B", "1 more above") and session.press("q", "1049l")
    verdict(good and session.ends(0), "keys, and q", session.text[-3000:])
    verdict(not re.search(r"\d:\d\d(\033\[0m)?\033\[K", session.text), "a line as long as the terminal keeps its end",
            session.text[:300])
    for name, act, status in (("Ctrl-C", lambda s: os.write(s.master, b"\x03"), 130),
                              ("SIGTERM", lambda s: s.process.send_signal(signal.SIGTERM), 143),
                              ("a terminal that hangs up", lambda s: s.process.send_signal(signal.SIGHUP), 129)):
        session = Session(["listen", "--proc", LISTINGS], 80, 24)
        good = session.read_until(first)
        act(session)
        verdict(good and session.ends(status), name + " leaves the terminal as it was", session.text[-500:])
    session = Session(["listen", "--proc", LISTINGS, "--seconds", "0.5"], 80, 24)
    verdict(session.ends(0) and "2 of 2" in session.text.split("\033[?1049l")[-1], "--seconds leaves the last picture",
            session.text[-2000:])
    session = Session(["listen", "--proc", LISTINGS], 80, 9)
    flat = r"10\.77\.0\.2:80 +A\[.*\S{5}.*\]2 +S\[.*\]0 +full 6 dropped 6 cookies 0/0"
    good = session.read_until(lambda text: re.search(flat, text)) and session.press("q", "1049l")
    verdict(good and session.ends(0), "listeners in a row each, when the screen is too small", session.text[-1500:])
    session = Session(conn, 20, 24)
    verdict(session.ends(2) and "20 columns are too few" in session.text and "\033" not in session.text,
            "a terminal of 20 columns", session.text)
    session = Session([*conn, "--once"], 0, 0)
    verdict(session.read_until(lambda text: "6 connections" in text) and session.ends(0), "a terminal that has no size", session.text)
    session = Session(conn, 100, 12)
    good = session.read_until(first)
    fcntl.ioctl(session.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 40, 0, 0))
    good = good and session.read_until(lambda text: "40 columns are too few" in text) and session.press("q", "1049l")
    verdict(good and session.ends(0), "a terminal that becomes too narrow", session.text[-500:])


def check_pause(_):
    """Ctrl-Z of xtcp-watch and of the pager of the tour, at a shell."""
    first = lambda text: "\033[J" in text
    session = Session(["conn", "--proc", LISTINGS, "--interval", "100"], 100, 12, shell=True)
    good = session.pauses(first) and session.press("q", "[ended: 0]")
    verdict(good and session.ends(0), "Ctrl-Z and fg", session.text[-3000:])
    pager = ["bash", "-c", 'exec scripts/tour/pager.py < <(printf "notice\\n\\fone\\n\\ftwo\\n\\f")']
    last = lambda text: "Enter: next" in text and "one" in text
    session = Session([], 100, 12, program=pager, shell=True)
    good = session.pauses(last) and session.press("\n", "two") and session.press("\033[D", "one") and \
        session.press("q", "[ended: 0]")
    verdict(good and session.ends(0), "the tour: Ctrl-Z and fg, and pages by keys", session.text[-3000:])
    for name, act, status in (("Ctrl-C", lambda s: os.write(s.master, b"\x03"), 0),
                              ("SIGTERM", lambda s: s.process.send_signal(signal.SIGTERM), 143)):
        session = Session([], 100, 12, program=pager)
        good = session.read_until(last)
        act(session)
        verdict(good and session.ends(status), "the tour: %s leaves the terminal as it was" % name, session.text[-500:])


def check_letters(_):
    """A read of the tour's pager may end anywhere, in a letter, too."""
    whole = "notice\r\n\f\u2500\u2502 \u00fc \U0001d11e\f"
    for size in 1, 2, 3:
        reader, octets = pager.Pager(None), whole.encode("utf-8")
        for at in range(0, len(octets), size):
            reader.take(octets[at:at + size])
        verdict(reader.come == whole.replace("\r", "") and not reader.complete,
                "the tour: %d octets at a time" % size, repr(reader.come))
        reader.take(b"")
        verdict(reader.complete and reader.pages() == [["\u2500\u2502 \u00fc \U0001d11e"]],
                "the tour: %d octets at a time, all pages" % size, reader.pages())
    reader = pager.Pager(None)
    reader.take(b"\fa\xe2\x94")
    reader.take(b"")
    verdict(reader.pages() == [["a\ufffd"]], "the tour: the end comes within a letter", reader.pages())


def check_narrow(_):
    session = Session([], 20, 24, program=["scripts/tour/tour.sh"])
    verdict(session.ends(2) and "tour: 20 columns are too few; 80 is the least" in session.text.replace("\r\n", ""),
            "the tour in a terminal of 20 columns", session.text)


def check_damaged(folder):
    """What is damaged, or of another version, is refused in a sentence, and no terminal obeys it."""
    where = os.path.join(folder, "damaged")
    shutil.copytree(LISTINGS, where)

    def put(name, text):
        write(os.path.join(where, name), text)

    box = read(FOLDER + "blackbox/xtcp_blackbox")
    good = {"policy": "to=10.0.0.0/8 cc=bbr max_pacing_rate=125000 rto_min_us=8000 hits=3\n",
            "paths": "to=10.9.0.1 from=10.9.0.2 dev=eth0 cwnd=14480 rtt_us=2500 age=7\n", "blackbox": box}
    for tool, wrong in (("policy", ("125000", "x")), ("policy", ("8000", "")), ("policy", ("hits", "mits")), ("policy", ("cc=", "cc ")),
                        ("paths", ("cwnd=", "wnd=")), ("paths", ("2500", "x")), ("paths", ("age=7", "age")),
                        ("blackbox", ("flags=", "flag=")), ("blackbox", (" wnd=", " wnd=x")), ("blackbox", ("netns=", "nets="))):
        put("xtcp_" + tool, good[tool].replace(*wrong))
        words = ["save", where + "/a.pcapng"] if tool == "blackbox" else ["list"]
        check_sentence("%s: %s for %s" % (tool, wrong[1] or "nothing", wrong[0]),
                       watch("--proc", where, *words, program="scripts/tools/xtcp-" + tool), "of another version",
                       program="xtcp-" + tool)
    put("xtcp_paths", good["paths"] * 2000)
    done = watch("-c", 'scripts/tools/xtcp-paths --proc "$0" list | head -n 1; exit ${PIPESTATUS[0]}', where, program="bash")
    verdict((done.returncode, done.stderr) == (0, "") and done.stdout.startswith("10.9.0.1 from "), "paths: who reads one line",
            done.returncode, done.stderr)
    with open(LISTINGS + "/xtcp_listen") as file:
        put("xtcp_listen", file.read().replace(" syn_len ", " sin_len "))
    for tool, *words in ("xtcp-why",), ("xtcp-watch", "listen", "--once"):
        check_sentence(tool + ": a column is missing", watch("--proc", where, *words, program="scripts/tools/" + tool),
                       "no listing of xtcp", program=tool)
    with open(SERVER) as file:
        lines = file.readlines()
    sent = next(at for at, line in enumerate(lines) if "xtcp_segment_out" in line and re.search(r" len=[1-9]", line))
    put("one", lines[sent])
    done = watch(where + "/one", "--svg", where + "/a.svg", program="scripts/tools/xtcp-plot")
    verdict(done.returncode == 0 and not done.stderr, "plot: one segment", done.stderr)
    put("hostile", "".join(lines).replace("state=ESTABLISHED", "state=\x1b]0;a\x07\x9b2J"))
    for program, *words in (("scripts/tools/xtcp-ladder",), (WATCH, "conn", "--proc", LISTINGS, "--trace")):
        done = watch(*words, where + "/hostile", program=program)
        verdict(done.returncode == 0 and not re.search("[\x1b\x07\x9b]", done.stdout), program + ": a hostile trace", ascii(done.stdout[:500]),
                done.stderr)
    put("hostile", "".join(line for line in lines if "xtcp_ack" not in line) +
        "".join(line.replace(" cwnd=", " window=") for line in lines if "xtcp_ack" in line))
    done = watch("conn", "--proc", LISTINGS, "--trace", where + "/hostile")
    verdict(done.returncode == 0 and not done.stderr, "conn: ACKs of another version", done.stderr[-300:])


def check_not_loaded(_):
    """Each program has the same sentence, which says what to do."""
    words = "the xtcp_none module is not loaded: sudo modprobe xtcp_none, or, where it is not installed, make and sudo insmod " \
        "xtcp_none.ko"
    name = ("--name", "xtcp_none")
    for tool, *args in (("ss", *name), ("nstat", *name), ("nstat", *name, "--prometheus"), ("watch", "conn", *name, "--once"),
                        ("watch", "flow", *name), ("why", *name), ("blackbox", *name, "list"), ("policy", *name, "list"),
                        ("policy", *name, "add", "to=10.0.0.1", "cc=bbr"), ("paths", *name, "list"), ("paths", *name, "flush"), ("holders", "xtcp_none")):
        done = watch(*args, program="scripts/tools/xtcp-" + tool)
        verdict(done.returncode == 2 and done.stderr == "xtcp-%s: %s\n" % (tool, words), "no module: xtcp-%s %s" % (
            tool, " ".join(args)), done.stdout, done.stderr)
    done = watch("--name", "xtcp_none", "true", program="scripts/tools/xtcp_run")
    verdict(done.returncode and words in done.stderr, "no module: xtcp_run", done.returncode, done.stderr)


def check_tools(_):
    for option in ("-as", "-tE", "--events", "-u", "-ax", "--udp", "--ev", "--ud", "--query udp", "--query=udp", "--so unix",
                   "--family inet", "--fam=unix", "--net x", "--diag x", "--dia=x", "-F", "-aF", "--filter"):
        check_sentence("xtcp-ss " + option, watch(*option.split(), program="scripts/tools/xtcp-ss"),
                       "wants a file$" if option[-1:] in "Fr" else "TCP's sockets only$|not know xtcp's sockets$|by itself$",
                       program="xtcp-ss")
    for option in ("-Ffoos", "-Fudp", "-aF NED", "--filter=udp"):
        check_sentence("xtcp-ss " + option, watch("--name", "xtcp_none", *option.split(), program="scripts/tools/xtcp-ss"),
                       "module is not loaded", program="xtcp-ss")
    for option in ("-d", "-ad", "-zrd1", "--scan=1", "--sc"):
        check_sentence("xtcp-nstat " + option, watch(option, "1", program="scripts/tools/xtcp-nstat"), "daemon",
                       program="xtcp-nstat")
    if not watch("-rm", "true", program="unshare").returncode:
        done = watch("-rm", "sh", "-c", "mount -t tmpfs none /run && exec scripts/tools/xtcp-service status", program="unshare")
        check_sentence("xtcp-service without systemd", done, "systemd does not run this system", program="xtcp-service")
    done = watch("--help", program="scripts/tools/xtcp-nstat")
    verdict(done.returncode == 0, "xtcp-nstat --help ends with 0", done.returncode)


def check_closed(folder):
    """Streams that were closed before the program began, and a full disk: a sentence, and a status that says so."""
    def run(tool, *args, closed):
        return watch("-c", 'exec scripts/tools/"$@" ' + closed, "bash", tool, *args, program="bash")

    blackbox = ["--proc", FOLDER + "blackbox"]
    for tool, *args in (("xtcp-ladder", LOSS), ("xtcp-plot", LOSS), ("xtcp-watch", "flow", "--trace", LOSS),
                        ("xtcp-watch", "conn", "--proc", LISTINGS, "--trace", SERVER), ("xtcp-why", "--proc", LISTINGS),
                        ("xtcp-blackbox", *blackbox, "list"), ("xtcp-blackbox", *blackbox, "show"),
                        ("xtcp-paths", "--proc", folder, "list")):
        name = " ".join([tool, *args[:1]])
        check_sentence(name + " without standard output", run(tool, *args, closed=">&-"), program=tool)
        check_sentence(name + " at a full disk", run(tool, *args, closed=">/dev/full"), "No space", program=tool)
        done = run(tool, *args, closed="2>&- <&-")
        verdict(done.returncode == 0 and done.stdout, name + " without the other streams", done.returncode)
    for tool in "blackbox", "holders", "ladder", "paths", "plot", "policy", "upgrade", "watch", "why":
        check_sentence(tool + " --help at a full disk", run("xtcp-" + tool, "--help", closed=">/dev/full"), "No space",
                       program="xtcp-" + tool)
    for tool, *args in (("xtcp-ladder", "-"), ("xtcp-watch", "flow", "--trace", "-"), ("xtcp-policy", "replace", "-")):
        check_sentence(tool + " reads nothing that is closed", run(tool, *args, closed="<&-"), "Bad file descriptor", program=tool)


def check_odd(folder):
    """Words and signs that are no number, no text or no name."""
    blackbox = "scripts/tools/xtcp-blackbox"
    for word in "²", "1²", "9" * 5000, "-1":
        check_sentence("blackbox: no number: " + word[:9], watch("--proc", FOLDER + "blackbox", "--", "show", word, program=blackbox),
                       "has a number", program="xtcp-blackbox")
    for columns in "²", "9" * 5000, "":
        for program, *args in ((WATCH, "conn", "--proc", LISTINGS, "--trace", SERVER), ("scripts/tools/xtcp-plot", LOSS),
                               ("scripts/tools/xtcp-ladder", LOSS)):
            done = watch(*args, program=program, env=dict(UTF8, COLUMNS=columns))
            verdict(done.returncode == 0 and done.stdout, "%s: COLUMNS=%s" % (program, columns[:9]), done.stderr)
    for tool, *args in (("xtcp-plot", LOSS), ("xtcp-ladder", LOSS), ("xtcp-watch", "flow", "--trace", LOSS),
                        ("xtcp-blackbox", "--proc", FOLDER + "blackbox", "show")):
        done = watch(*args, "--width", "99999999999", program="scripts/tools/" + tool)
        verdict(done.returncode == 2 and "Traceback" not in done.stderr and "columns" in done.stderr,
                tool + ": too many columns", done.stderr[-300:])
    view = view_of(Flow, known=Known())
    for key, alone in (("2", 1), ("²", 1), ("7", 1), ("٣", 1), ("0", None)):
        view.key(key)
        verdict(view.alone == alone, "flow: the key " + key, view.alone)
    policy = "scripts/tools/xtcp-policy"
    for words, says in ((["add", "to=fe80::1%eth0"], "zone"), (["add", "to=fe80::%eth0/64"], "zone"),
                        (["add", "cc=\udcff"], "udcff. is no UTF-8"), (["add", "pacing=" + "9" * 400], "bits per second"),
                        (["add", "pacing=1." + "9" * 400 + "mbit"], "bits per second"), (["add", "cgroup=", "cc=bbr"], "/ is the root")):
        check_sentence("policy: " + words[1][:20].encode("ascii", "replace").decode(), watch(*words, program=policy), says,
                       program="xtcp-policy")
    for tool, *args in (("xtcp-policy", "list"), ("xtcp-paths", "list"), ("xtcp-blackbox", "list"), ("xtcp-why",),
                        ("xtcp-watch", "conn")):
        check_sentence(tool + ": a namespace without a name", watch("--netns", "", *args, program="scripts/tools/" + tool),
                       "cannot enter", program=tool)
    write(folder + "/xtcp_paths", "to=10.9.0.1 from=10.9.0.2 dev=bü cwnd=14480 rtt_us=2500 age=7\n")
    done = watch("--proc", folder, "list", program="scripts/tools/xtcp-paths", env=dict(ASCII, PYTHONCOERCECLOCALE="0"))
    verdict(done.returncode == 0 and " dev b? cwnd" in done.stdout, "a letter that the locale lacks", done.stdout, done.stderr)


def diag_message(family, state, sport, dport, peer, dev=0, attributes=b""):
    """A row as the kernel lists it."""
    here = "192.0.2.1" if family == socket.AF_INET else "2001:db8::1"
    addrs = [socket.inet_pton(family, text) for text in (here, peer)]
    body = struct.pack("=BBBB", family, state, 0, 0) + struct.pack("!HH16s16s", sport, dport, *addrs) + struct.pack(
        "=III5I", dev, 7, 0, 0, 5, 0, 1000, 77) + attributes
    return struct.pack("=IHHII", 16 + len(body), 20, 2, 0, 0) + body


# Words for ss; the states, IP versions (0: IPv4) and words of a filter that are in them.
CONNECTED, ALL = 0xFFE & ~(1 << 10 | 1 << 7 | 1 << 6 | 1 << 3), 0xFFE
WISHES = ((["-ni"], CONNECTED, [0, 1], []), (["-tanoem"], ALL, [0, 1], []), (["-4l"], 1 << 10 | 1 << 7, [0], []),
          (["--listening", "--ipv6"], 1 << 10 | 1 << 7, [1], []), (["--all", "sport", "=", ":80"], ALL, [0, 1], 3),
          (["state", "established", "-i", "state", "TIME-WAIT", "dst", "::1"], 1 << 1 | 1 << 6, [0, 1], 2),
          (["exclude", "syn_recv"], ALL & ~(1 << 3), [0, 1], []),
          (["-F", "/dev/null", "-i", "dport", "ge", ":1"], CONNECTED, [0, 1], 3),
          (["-iF/dev/null", "state", "closing"], 1 << 11, [0, 1], []), (["state", "nonsense"], CONNECTED, [0, 1], 2),
          (["-al"], 1 << 10 | 1 << 7, [0, 1], []), (["-la"], ALL, [0, 1], []),
          (["--listening", "-i", "--all"], ALL, [0, 1], []), (["-46n"], CONNECTED, [1], []),
          (["-6", "--ipv4"], CONNECTED, [0], []))


def check_comm(ss):
    """The kernel cuts the name of a program within a letter."""
    with called("ü".encode() * 7 + b"\xc3"), socket.socket() as sock:
        row = diag_message(socket.AF_INET, 1, 80, 40000, "198.51.100.7")
        row = row[:84] + struct.pack("=I", os.fstat(sock.fileno()).st_ino) + row[88:]
        status, lines = ss.ask_ss([row], ["-npOH"]) if shutil.which("ss") else (0, ["\udcc3"])
    verdict(status == 0 and len(lines) == 1 and "\udcc3" in lines[0], "xtcp-ss: half a letter", ascii(lines))


def check_listing(_):
    """xtcp-ss of rows from netlink: what it asks for, which rows ss chooses of them, and what JSON says."""
    with tempfile.NamedTemporaryFile(buffering=0) as file:
        file.write(b"# ours\n\nsport = :80\nor dst 198.51.100.9/32\n")
        for words in (["-nF", file.name, "-i"], ["--filter", file.name], ["--filter=" + file.name, "-a"], ["-aF" + file.name]):
            wish = ss.Wish(words + ["dport ge :1 and"])
            verdict(wish.filter == ["dport ge :1 and", "sport = :80", "or dst 198.51.100.9/32"] and wish.is_narrow and
                    "F" not in wish.flags and not any("F" in word or "filter" in word for word in wish.words),
                    "xtcp-ss: the words of a file, by " + words[0].partition("=")[0][:8], wish.words)
    for words, states, protocols, rest in WISHES:
        wish = ss.Wish(words)
        verdict((wish.states, wish.protocols) == (states, protocols) and len(wish.filter) == (rest or 0),
                "xtcp-ss " + " ".join(words), hex(wish.states), wish.protocols, wish.filter)
    info = diag.attribute(diag.INFO, bytes([1, 0, 2, 0, 0, 5, 0x7A, 1]) + struct.pack("=II", 204000, 40000))
    rows = [diag_message(socket.AF_INET, 1, 80, 40000, "198.51.100.7", 0, info),
            diag_message(socket.AF_INET, 1, 443, 40001, "198.51.100.8"),
            diag_message(socket.AF_INET6, 6, 80, 40002, "2001:db8::2", 1)]
    for words, wanted in (([], [0, 1, 2]), (["sport = :80"], [0, 2]), (["dst 198.51.100.8/32 or dport = :40002"], [1, 2]),
                          (["dev = lo"], [2]), (["dport ge :40001 and not sport = :80"], [1]), (["sport = :1"], [])):
        if shutil.which("ss"):
            got = ss.chosen(rows, words)
            verdict(got == (0, wanted), "xtcp-ss chooses: " + " ".join(words), got)
    check_comm(ss)
    row = diag_json.object_of(rows[0], {77: [{"name": "a", "pid": 1, "fd": 3}]})
    info = row["info"]
    verdict(row["state"] == "established" and row["local"] == {"addr": "192.0.2.1", "port": 80} and
            row["peer"]["port"] == 40000 and (row["recv_q"], row["uid"], row["cookie"]) == (5, 1000, 7) and
            row["programs"][0]["fd"] == 3, "xtcp-ss --json: a row", row)
    verdict((info["rto"], info["retransmits"], info["snd_wscale"], info["rcv_wscale"]) == (204000, 2, 10, 7) and
            info["options"] == ["ts", "wscale"] and info["total_rto_time"] == 0 and info["delivery_rate_app_limited"],
            "xtcp-ss --json: TCP_INFO", info)


# A name that a counter once had it keeps.
NAMES = {("Tcp", "InSegs"): "tcp_in_segs_total", ("Tcp", "CurrEstab"): "tcp_curr_estab",
         ("Tcp", "MaxConn"): "tcp_max_conn", ("TcpExt", "TW"): "tcpext_tw_total",
         ("TcpExt", "DelayedACKs"): "tcpext_delayed_acks_total", ("TcpExt", "TCPTimeouts"): "tcpext_timeouts_total",
         ("TcpExt", "TCPDSACKOfoRecv"): "tcpext_dsack_ofo_recv_total",
         ("TcpExt", "TCPSpuriousRTOs"): "tcpext_spurious_rtos_total",
         ("TcpExt", "TCPAbortOnIcmp"): "tcpext_abort_on_icmp_total",
         ("TcpExt", "TcpTimeoutRehash"): "tcpext_timeout_rehash_total",
         ("TcpExt", "TCPRcvQDrop"): "tcpext_rcv_q_drop_total"}

def check_prometheus(folder):
    """What only copies of the files have; see compares a page with the files of a machine."""
    where = os.path.join(folder, "shared")
    shutil.copytree(LISTINGS, where)
    rows = (("[fd00:9::2]:80", 5, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1), ("0.0.0.0:80", 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2),
            ("[fd00:9::2]:80", 5, 1, 2, 3, 4, 5, 6, 7, 8, 0, 3))
    write(where + "/xtcp_listen", read(LISTINGS, "xtcp_listen").split("\n")[0] + "\n" +
          "".join(" ".join(map(str, row)) + "\n" for row in rows))
    done = watch("scripts/tools/sight/prometheus.py", "xtcp", where, program="python3")
    try:
        wrong = exposition.compare(done.stdout, "xtcp", where)[1] != 2
    except exposition.Wrong as error:
        wrong = error
    problem = differs(done.stdout, (
        r"^# TYPE xtcp_tcp_in_segs_total counter$", r"^xtcp_tcp_in_segs_total 102$",
        r"^# HELP xtcp_tcpext_timeouts_total Retransmission timeouts: TcpExtTCPTimeouts of xtcp_netstat\.$",
        r"^xtcp_sockstat_tcp_inuse 7$", r"^# HELP xtcp_sockstat_tcp_mem .*, in pages: TCP:mem of .*\.$", r"^xtcp_sockstat_tcp6_inuse 0$",
        r'^xtcp_listen_sockets\{address="fd00:9::2",port="80"\} 2$', r'^xtcp_listen_overflows_total\{address="fd00:9::2",port="80"\} 10$'))
    verdict(not wrong and not problem and not done.stderr, "--prometheus: what stands there, members of a group added up", problem,
            wrong, done.stderr)
    line = "\n".join(prometheus.family("a_total", "counter", "b\\c\nd", [((("x", 'q"\\\n'), ("y", "")), 7)])) + "\n"
    verdict(exposition.parse(line) == {"a_total": ("counter", "b\\c\nd", {(("x", 'q"\\\n'), ("y", "")): 7})},
            "--prometheus: values are escaped", line)
    wrong = [(name, prometheus.metric(*name)) for name, metric in NAMES.items() if prometheus.metric(*name) != metric]
    verdict(not wrong, "--prometheus: names stay", *wrong)
    write(where + "/xtcp_netstat", "TcpExt: a b\nTcpExt: 1\n")
    check_sentence("--prometheus: no listing", watch("scripts/tools/sight/prometheus.py", "xtcp", where, program="python3"),
                   "no listing of xtcp", program="xtcp-nstat")
    for words in (("--prometheus", "TcpInSegs"), ("-a", "--prometheus")):
        check_sentence("xtcp-nstat " + " ".join(words), watch(*words, program="scripts/tools/xtcp-nstat"), "no other option",
                       program="xtcp-nstat")


def check_why(folder):
    """What it says of copies is the same as long as they are; with advice it is a test of see."""
    done = watch("--proc", LISTINGS, program="scripts/tools/xtcp-why")
    verdict.says("why: a listener", done,
                 r"^10\.77\.0\.2:80 refused: its accept queue was full, 6 times; it holds 2, and has held 2$",
                 "!10.77.0.2:443")
    shutil.copytree(LISTINGS, folder + "/why")
    write(folder + "/why/xtcp_listen", "local_address limit accept_len accept_peak syn_len syn_peak overflows declined cookies_sent "
          "cookies_recv uid inode\n10.0.0.1:80 8 0 0 0 9 0 1 0 0 0 77\n")
    write(folder + "/why/xtcp_netstat", "TcpExt: TCPAbortOnTimeout TCPAbortOnClose TW\nTcpExt: 1234 1 5\n")
    done = watch("--proc", folder + "/why", program="scripts/tools/xtcp-why")
    verdict(done.stdout.split("\n") == ["10.0.0.1:80 dropped SYNs: its SYN queue was full, once",
                                        "ended: no answer for too long, 1,234 times",
                                        "ended: closed with unread data, once", ""],
            "why: a SYN queue, and ends", done.stdout, done.stderr)
    check_why_peers(folder + "/why")
    write(folder + "/why/xtcp_listen", "local_address limit accept_len\n")
    write(folder + "/why/xtcp_netstat", "TcpExt: TW\nTcpExt: 5\n")
    done = watch("--proc", folder + "/why", program="scripts/tools/xtcp-why")
    verdict(done.returncode == 0 and done.stdout.startswith("No listener has refused"), "why: nothing", done.stdout,
            done.stderr)
    write(folder + "/why/xtcp_netstat", "TcpExt: TCPAbortOnData TCPLingerZero TCPClosedInSynSent\nTcpExt: 5 3 4\n")
    done = watch("--proc", folder + "/why", program="scripts/tools/xtcp-why")
    verdict(done.stdout.split("\n") == ["ended: the program gave up while connecting, 4 times",
                                        "ended: SO_LINGER of 0 s, 3 times", "ended: the peer still sent after close(), 2 times", ""],
            "why: SO_LINGER apart from late data, and connections that were given up", done.stdout, done.stderr)
    check_sentence("why: no module", watch("--name", "xtcp_none", program="scripts/tools/xtcp-why"), "is not loaded",
                   program="xtcp-why")
    check_sentence("why: no namespace", watch("--netns", "nosuch", program="scripts/tools/xtcp-why"), "cannot enter",
                   program="xtcp-why")


def check_why_peers(copies):
    """Of the black boxes: address and port, the most frequent ones first; of a server's peers the address alone."""
    box = next(line for line in read(FOLDER + "blackbox/xtcp_blackbox").splitlines(True) if line.startswith("box="))
    ends = [("10.0.0.9:%d" % (50000 + at), "10.0.0.%d:443" % (1 + at % 7 * (at > 9)), "reset") for at in range(24)]
    ends += [("10.0.0.1:80", "10.0.0.8:%d" % port, "user-timeout") for port in (1024, 1025)]
    write(copies + "/xtcp_blackbox", "".join(
        re.sub("local=.* began", "local=%s peer=%s began" % (local, peer), re.sub("reason=.*", "reason=" + reason, box))
        for local, peer, reason in ends))
    write(copies + "/xtcp_netstat", "TcpExt: TCPAbortOnTimeout TCPAbortOnReset\nTcpExt: 2 1025\n")
    done = watch("--proc", copies, program="scripts/tools/xtcp-why")
    verdict("ended: reset or refused by the peer, 1,025 times peers: 10.0.0.1:443, 12 times; 10.0.0.4:443, 2 times; "
            "10.0.0.5:443, 2 times; 10.0.0.6:443, 2 times; 10.0.0.7:443, 2 times; and 2 others (of the rest nobody "
            "knows) ended: no answer for too long, 2 times peers: 10.0.0.8, 2 times" in " ".join(done.stdout.split()),
            "why: which peers", done.stdout, done.stderr)


def blocks_of(data):
    """(type, body, {option: [values]}) of each block of a capture, pcapng."""
    while data:
        kind, size = struct.unpack_from("<II", data)
        assert size % 4 == 0 and struct.unpack_from("<I", data, size - 4) == (size,), "a block of %d octets" % size
        body, data = data[8:size - 4], data[size:]
        at = {0x0a0d0d0a: 16, 1: 8, 6: 20, 0xbad: 8}[kind]
        if kind == 6:
            at += (struct.unpack_from("<I", body, 12)[0] + 3) // 4 * 4
        options, fixed = {}, body[:at]
        while at < len(body):
            code, length = struct.unpack_from("<HH", body, at)
            options.setdefault(code, []).append(body[at + 4:at + 4 + length])
            at += 4 + (length + 3) // 4 * 4
        yield kind, fixed, options


def check_wireshark(file):
    """What Wireshark shows of a saved black box: packets and events by time, the state at an event, no complaint."""
    if not shutil.which("tshark"):
        print("# no tshark here (scripts/kernel/deps.sh check-rest): nobody reads the file")
        return

    def tshark(*words):
        return subprocess.run(["tshark", "-n", "-r", file, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=120)

    fields = ("frame.time_epoch", "tcp.seq_raw", "bblog.serial_nr", "bblog.event_id", "bblog.snd_cwnd", "bblog.errno")
    done = tshark("-T", "fields", *[word for field in fields for word in ("-e", field)])
    lines = [re.sub(r"^(\d+\.\d{6})0*\t", r"\1 ", line).split() for line in done.stdout.splitlines()]
    shown = [" ".join(line) for line in lines]
    verdict(done.returncode == 0 and shown == [
        "100.000000 0 59 0 0", "100.000010 1000", "100.001010 5000", "100.001020 1001", "100.001020 5 31 14480 0",
        "100.002020 5001", "100.100000 1101", "100.100000 8 31 14580 0", "100.300000 9 3 14580 0",
        "100.300001 10 17 1448 0", "100.300010 1101", "101.500000 12 54 1448 110", "101.500100 14 54 1448 0",
        "103.000000 5001", "103.000000 200 54 14480 0"], "blackbox save: what Wireshark shows", done.stdout, done.stderr)
    done = tshark("-V")
    verdict(done.returncode == 0 and "Event Identifier: Retransmit timeout (3)" in done.stdout and
            not re.search(r"[Mm]alformed|Expert Info \((Warning|Error)", done.stdout), "blackbox save: Wireshark has no complaint",
            *re.findall(r".*(?:[Mm]alformed|Expert Info \((?:Warning|Error)).*", done.stdout), done.stderr)


def check_blackbox(folder):
    """Copies of the file; the test blackbox has the kernel's."""
    def box(*words, proc=FOLDER + "blackbox"):
        return watch("--proc", proc, "--plain", "--width", "120", *words, program="scripts/tools/xtcp-blackbox")

    done = box("list")
    verdict.says("blackbox list", done,
                 r"^ +1  user-timeout \(ETIMEDOUT\) +1\.5 s ago +10\.9\.0\.1:40000 -> 10\.9\.0\.2:80: 14 events in 1\.500 s$",
                 r"^ +2  lives +\[fd00:9::1\]:40001 -> .*: 200 events, 136 gone in 1\.000 s$")
    done = box("--calls", "show", "1")
    problem = differs(done.stdout, (r"SYN SEQ=0 WND=64240 --", r"Loss: timeout, cwnd 14580 -> 1448",
                                    r"SEQ=101 ACK=1 LEN=2 WND=64256 \(resent\)", r"^ +1\.010 ms  send\(100\) = 100, in ESTABLISHED$"))
    verdict(not problem and box("show").stdout.split("\n")[1:9] == done.stdout.split("\n")[1:9], "blackbox show", problem,
            done.stdout, done.stderr)
    verdict(" (not in this box) " in box("show").stdout, "blackbox show: the other end", box("show").stdout)
    done = box("--calls", "show", "2")
    verdict("SACK=101-201+1" in done.stdout and "a segment is refused: challenge ACK" in done.stdout, "blackbox show: refused",
            done.stdout, done.stderr)
    acks = [line.partition(" snd_una=")[2].split(" ssthresh")[0] for line in box("trace", "1").stdout.split("\n")
            if ": xtcp_ack:" in line]
    verdict(len(acks) == 2 and acks[1] == "1101 snd_nxt=1101 snd_wnd=65152 acked=100 sacked=0 lost=0 delivered=100 pipe=0 "
            "cwnd=14580", "blackbox trace", *acks)
    done = box("save", folder + "/all.pcapng")
    with open(folder + "/all.pcapng", "rb") as file:
        blocks = list(blocks_of(file.read()))
    packets = [(body, options) for kind, body, options in blocks if kind == 6]
    events = [(body, options) for kind, body, options in blocks if kind == 0xbad]
    infos = [struct.unpack("<QQIIBBH", options[2989][0][8:36]) for _, options in packets + events]
    verdict(done.stdout.endswith(": 7 segments of 2 connections\n") and len(packets) == 7 and
            [body[:8] for body, _ in events] == [struct.pack("<II", 10949, 1)] * len(events) and
            all(len(options[2989][0]) == 276 and options[2989][0][:8] == struct.pack("<II", 10949, 2)
                for _, options in packets + events) and
            [info[5] for info in infos] == [2, 1, 2, 1, 2, 2, 1, 59, 31, 31, 3, 17, 54, 54, 54], "blackbox save", done.stdout,
            done.stderr, [info[5] for info in infos])
    first = packets[0][0][20:]
    verdict(first[:20].hex() == "4500003800004000400626ac0a0900010a090002" and
            first[20:32] == struct.pack("!HHII", 40000, 80, 1000, 0) and
            first[40:].hex() == "01030307" + "0101080a0000000700000000" and
            packets[3][0][16:20] == struct.pack("<I", 52), "blackbox save: a packet", first.hex())
    check_wireshark(folder + "/all.pcapng")
    os.mkdir(folder + "/without")
    open(folder + "/without/xtcp_blackbox", "w").close()
    done = box("list", proc=folder + "/without")
    verdict(done.returncode == 0 and done.stdout == "No box; connections that end by FINs leave none.\n", "blackbox list: none",
            done.stdout, done.stderr)
    write(folder + "/without/xtcp_blackbox", "box=1 netns=2\n")
    for name, done, words in (
            ("no module", watch("--name", "xtcp_none", "list", program="scripts/tools/xtcp-blackbox"), "xtcp_none module is not loaded"),
            ("another version", box("list", proc=folder + "/without"), "of another version"),
            ("forget a copy", box("forget"), "the kernel forgets"),
            ("no number", box("show", "x"), "has a number"),
            ("a number too many", box("show", "1", "2"), "of one box"),
            ("a folder", box("save", folder), "cannot write")):
        check_sentence("blackbox: " + name, done, words, program="xtcp-blackbox")
    done = box("show", "7")
    verdict(done.returncode == 1 and done.stderr == "xtcp-blackbox: there is no box 7\n", "blackbox: no such box", done.stderr)


def check_xtcp(_):
    """The command, and the names that it has for the programs."""
    def xtcp(*words):
        return watch(*words, program="scripts/xtcp")

    check_sentence("xtcp nosuch", xtcp("nosuch"), "no command 'nosuch'", " run .* ladder .* tour$", program="xtcp")
    done = xtcp()
    verdict(done.returncode == 2 and not done.stdout and done.stderr == xtcp("--help").stdout, "xtcp", done.stderr)
    verdict(re.match(r"xtcp \d+\.\d+\n", xtcp("--version").stdout), "xtcp --version", xtcp("--version").stdout)
    for command in ("ss", "nstat", "watch", "ladder", "plot", "why", "holders", "blackbox", "policy", "paths"):
        done, other = xtcp(command, "--help"), watch("--help", program="scripts/tools/xtcp-" + command)
        verdict(done.stdout == other.stdout and "xtcp-" + command in done.stdout, "xtcp " + command, done.stdout, done.stderr)
    verdict("xtcp_run [OPTION]" in xtcp("run", "--help").stdout, "xtcp run")
    for command, what in (("policy", "COMMAND is missing: list, add, del, replace"), ("paths", "COMMAND is missing: list, flush"),
                          ("blackbox", "COMMAND is missing: list, show, trace, save, forget"),
                          ("watch", "VIEW is missing: conn, flow, listen, states")):
        done = xtcp(command)
        verdict(done.returncode == 2 and what in done.stderr, "xtcp %s alone" % command, done.stderr)
    done = xtcp("watch", "--name", "a/b", "conn")
    check_sentence("xtcp watch: a sentence", done, "no name of a module")
    verdict(xtcp("tour", "nosuch").returncode == 2 and "no page or chapter 'nosuch'" in xtcp("tour", "nosuch").stderr, "xtcp tour nosuch")


def main():
    parts = re.split(r"==> (\w+) <==\n", read(FOLDER + "server.txt"))[1:]
    for name, text in zip(parts[::2], parts[1::2]):
        write(os.path.join(LISTINGS, name), text)
    with tempfile.TemporaryDirectory() as folder:
        verdict.run((check_views, check_prometheus, check_ends, check_why, check_blackbox, check_xtcp, check_pages,
                     check_states, check_algorithms, check_services, check_advice, check_foreign_names, check_svg,
                     check_lost, check_bad, check_terminal, check_pause, check_letters, check_narrow, check_not_loaded,
                     check_tools, check_closed, check_odd, check_damaged, check_listing), folder)
    shutil.rmtree(LISTINGS)
    return verdict.failed


sys.exit(main())
