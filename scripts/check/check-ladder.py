#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check-ladder.py [--write] [NAME]...

Tests of scripts/tools/xtcp-ladder over the recorded traces of selftests/see/traces: each
NAME.trace is drawn as NAME.txt has it; what is no trace is refused in one
sentence. --write writes the pictures anew: look at each line that it changes.

The traces have crossing segments, and segments that are refused, dropped, lost or not in the trace; both ends in order
of time; widths of 80, 100 and 140 columns. Traces that are empty, cut, binary, of other versions, or larger than the
memory. Words in the SVG have room. README.md's picture is what the command below it draws, and that of
scripts/README.md what is drawn of a trace of make demo. 1,000 random transfers (random_traces.py): ladder, plot and flow
say what has happened."""

import contextlib
import csv
import gc
import io
import json
import math
import os
import re
import resource
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from xml.etree import ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../tools/sight"))

import events
import ladder_command
import ladder_svg
import rows
from connections import Connections
from flows import Flow
from random_traces import Simulation
from segments import SLACK
from tap import Tap, differs, read, write
from transfer import Transfer

TRACES, WATCHED = "selftests/see/traces/", "selftests/see/watch/loss.trace"
LADDER = ["scripts/tools/xtcp-ladder"]
ROW = re.compile(r" *(\d+\.\d{3})? +([A-Z0-9-]*) *\|(.*)\| +([A-Z][A-Z0-9-]*)? *(\d+\.\d{3})? *$")

# What each trace is of.
ABOUT = {
    "close-both": "both close at once: the FINs cross",
    "close-first": "TIME-WAIT comes with the FIN, and the ACK after it",
    "open-both": "both open at once: no end is in SYN-RECEIVED before the other's SYN is there",
    "close-queued": "close() with data queued: its row is where it was",
    "refused-syn": "a full accept queue drops the SYN",
    "refused-by-queue": "a full SYN queue without cookies",
    "cookie": "a cookie: nothing is kept, and no state",
    "bad-checksum": "a wrong checksum",
    "corrupted": "one lost, one damaged on its way, one that arrives",
    "one-tuple": "three connections that had the same ports",
    "bundles": "bundles say how many they are, windows are in octets",
    "bundle-cut": "a bundle that the network cuts, of which one part is lost",
    "ecn": "what ECN says",
    "marked": "a segment that the network marks, what echoes the mark, and what it does to the sender",
    "zero-window": "a window that shuts: the sender's timer probes it, and it opens",
    "overwritten": "the oldest events are gone",
    "lost": "events are lost in the midst of it",
    "loss": "one of five segments is lost: SACK tells, RACK finds it, and it comes again",
    "told": "a RST with a diagnostic payload",
    "local": "writes by the short way, and between them one that a tap saw",
    "readme": "what make demo shows",
    "older": "a trace of events that said less",
}

TRANSFERS = 1000    # made by random_traces.py

verdict = Tap("ladder")


class Output(io.StringIO):
    encoding = "utf-8"      # what argparse and print() ask for


def ladder_here(args):
    """As below, without a process: starting Python takes longer than most drawings."""
    out, err = Output(), Output()
    argv, sys.argv = sys.argv, ["xtcp-ladder", *args]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = ladder_command.main("usage")
    except SystemExit as end:
        status = end.code
    except Exception:
        traceback.print_exc(file=err)
        status = 1
    finally:
        sys.argv = argv
        gc.enable()
    return subprocess.CompletedProcess(args, status, out.getvalue(), err.getvalue())


def ladder(*args, data=None, env=None):
    """In this process, where input and environment are not what is tested."""
    if data is None and env is None:
        return ladder_here(args)
    return subprocess.run([*LADDER, *args], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", timeout=120, env=dict(os.environ, **(env or {})))


def disorder(text):
    """The first line whose time is before one above it at the same end; each connection begins anew."""
    last = [-1.0, -1.0]
    for line in text.split("\n"):
        row = ROW.match(line)
        if not row:
            last = [-1.0, -1.0]
            continue
        for end, at in ((0, 1), (1, 5)):
            if row[at] is not None:
                if float(row[at]) < last[end]:
                    return line
                last[end] = float(row[at])
    return None


def picture(name):
    """What was drawn of a trace, and looked at."""
    return read(TRACES + name + ".txt")


def check_traces(names, anew):
    for name, about in ABOUT.items():
        if names and name not in names:
            continue
        options = ["--plain", "--conn", "all"]
        done = ladder(*options, "--width", "100", TRACES + name + ".trace")
        text = done.stdout
        if anew:
            write(TRACES + name + ".txt", text)
        late = disorder(text)
        verdict(done.returncode == 0 and not done.stderr and text == picture(name), name + ": " + about, done.stderr, text)
        verdict(not late, name + ": in order of time at both ends", str(late))
        for width in (80, 100, 140):
            lines = ladder(*options, "--all", "--width", str(width), TRACES + name + ".trace").stdout.split("\n")
            wrong = [line for line in lines if len(line) > width or not line.isascii()]
            rows = {len(line) for line in lines if ROW.match(line)}
            verdict(not wrong and rows == {width}, "%s: %d columns" % (name, width), *wrong, str(rows))


def check_readme(folder):
    """The picture that scripts/README.md shows is what is drawn of the trace that was kept of it; that of README.md is
    what the command below it draws."""
    shown = ladder("--plain", "--width", "110", TRACES + "readme.trace").stdout
    shown = "".join("    %s\n" % line.rstrip() for line in shown.splitlines())
    verdict(shown in read("scripts/README.md"), "the picture of scripts/README.md", "it has not:", shown)
    text = read("README.md")
    picture = re.search(r"^!\[[^]]+\]\((\S+\.svg)\)$", text, re.M)
    command = re.search(r"^    scripts/xtcp ladder (.*) --svg \S+ (\S+)$", text, re.M)
    verdict(picture and command, "README.md has a picture and the command that draws it", text)
    if picture and command:
        drawn = os.path.join(folder, "readme.svg")
        done = ladder("--plain", *command[1].split(), "--svg", drawn, command[2])
        same = subprocess.run(["diff", picture[1], drawn], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        verdict(done.returncode == 0 and same.returncode == 0, "README.md's picture is what its command draws",
                done.stderr, same.stdout[:2000])


def check_sentence(name, done, status, *patterns, prog="xtcp-ladder"):
    verdict.sentence(name, done, *patterns, program=prog, status=status)


def check_bad(folder):
    def file(name, data):
        return write(os.path.join(folder, name), data)

    good = read(TRACES, "close-first.trace").encode()
    check_sentence("an empty trace", ladder(file("empty", b"")), 2, "the trace is empty")
    check_sentence("no event in it", ladder(file("none", b"# tracer: nop\n# nothing\n")), 2, "no event of xtcp")
    check_sentence("binary", ladder(file("binary", bytes(range(256)) * 2000)), 2, "no text")
    check_sentence("64 MB without the end of a line", ladder(file("wide", b"x" * (64 << 20))), 2, "no event of xtcp")
    check_sentence("another version", ladder(file("other", good.replace(b" seq=", b" sequence="))), 2,
                   "another version")
    check_sentence("no such file", ladder(os.path.join(folder, "not-there")), 2, "No such file")
    check_sentence("a folder", ladder(folder), 2, "folder|directory")
    check_sentence("no such port", ladder("--port", "1", TRACES + "close-first.trace"), 1, "port 1")
    check_sentence("no such connection", ladder("--conn", "7", TRACES + "close-first.trace"), 1, "no connection 7")
    check_sentence("20 columns", ladder(TRACES + "close-first.trace", env={"COLUMNS": "20"}), 2, "20 columns")
    check_sentence("a picture that cannot be written", ladder("--svg", "/no/such/folder/a", TRACES + "cookie.trace"), 2,
                   "cannot write")
    for argument in ("--port=x", "--from=x", "--width=0", "--last=-1", "--no-such-option"):
        done = ladder(argument, TRACES + "close-first.trace")
        verdict(done.returncode == 2 and "Traceback" not in done.stderr, "wrong option " + argument, done.stderr)
    cut = ladder("--plain", file("cut", good[:len(good) * 2 // 3]))
    verdict(cut.returncode == 0 and re.search("cut off", cut.stdout) and "SYN-SENT" in cut.stdout,
            "a trace that is cut in a line", cut.stdout, cut.stderr)
    lines = good.split(b"\n")
    lines[8] = lines[8][:90]
    ladder("--svg", os.path.join(folder, "cut.svg"), file("cut", good[:len(good) * 2 // 3]))
    drawn = read(os.path.join(folder, "cut.svg"))
    verdict("the trace ends" in drawn and 'stroke="%s"' % ladder_svg.BAD not in drawn, "where the trace ends nothing is red", drawn)
    harmed = ladder("--plain", file("harmed", b"\n".join(lines)))
    verdict(harmed.returncode == 0 and "1 line" in harmed.stdout.split("\n")[0] and
            "(lost)" not in harmed.stdout, "a line that cannot be read",
            harmed.stdout, harmed.stderr)
    alone = ladder(TRACES + "close-first.trace", env={"COLUMNS": ""})
    wide = {len(line) for line in alone.stdout.split("\n") if ROW.match(line)}
    verdict(alone.returncode == 0 and wide == {110} and "\033" not in alone.stdout, "no terminal", str(wide),
            alone.stderr)
    odd = good.replace(b"         python3-143 ", b": xtcp_[0] x: 9.-143 ").replace(b" .Ns1. ", b" DNs1. ")
    odd = ladder("--plain", "--width", "100", file("odd", odd))
    verdict(not odd.stderr and odd.stdout == picture("close-first"),
            "a program with a name like an event's", odd.stdout, odd.stderr)
    doubled = read(TRACES, "corrupted.trace").replace("rto_ms=201 backoff=0", "rto_ms=201 backoff=12")
    doubled = ladder("--plain", file("doubled", doubled))
    verdict("(retransmit timer, RTO 120000 ms)" in doubled.stdout, "an RTO that was doubled to the largest one",
            doubled.stdout, doubled.stderr)
    pipe = subprocess.run("%s --plain %sclose-first.trace | head -n 1" % (" ".join(LADDER), TRACES), shell=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    verdict(not pipe.stderr, "a reader that goes", pipe.stderr)
    other = ladder("--plain", TRACES + "close-first.trace", env={"LC_ALL": "C", "PYTHONUTF8": "0", "TERM": "dumb"})
    verdict(other.returncode == 0 and other.stdout.isascii(), "a locale of ASCII", other.stderr)


def many(count):
    """A transfer of so many segments, as both ends' events; every one takes 5 ms, and its ACK 5 ms."""
    ends = {0: "local=10.0.0.1:4000 peer=10.0.0.2:80", 1: "local=10.0.0.2:80 peer=10.0.0.1:4000"}
    more = "sacks=[] shift=7 segs=1 ecn=0 ts=0/0 options=[]"
    lines = []

    def event(at, end, what, text):
        lines.append((at, "  <idle>-0  [000] ..s1. %12.6f: xtcp_%s: netns=1 %s %s\n" % (at, what, ends[end], text)))

    for i in range(count):
        at = 1 + i * 0.0002
        text = "state=ESTABLISHED flags=[A] seq=%d end=%d ack=1 wnd=500 len=1448 %s" % (i * 1448, (i + 1) * 1448, more)
        event(at, 0, "segment_out", text.replace("sacks", "resent=0 sacks"))
        event(at + 0.005, 1, "segment_in", text)
        if i % 2:
            text = "state=ESTABLISHED flags=[A] seq=1 end=1 ack=%d wnd=900 len=0 %s" % ((i + 1) * 1448, more)
            event(at + 0.00501, 1, "segment_out", text.replace("sacks", "resent=0 sacks"))
            event(at + 0.01, 0, "segment_in", text)
    lines.sort()
    return "".join(line for _, line in lines)


def plot(*args, locale="C.UTF-8"):
    return subprocess.run(["scripts/tools/xtcp-plot", "--plain", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          encoding="utf-8", timeout=120, env=dict(os.environ, LC_ALL=locale, PYTHONUTF8="0"))


def check_threshold(folder):
    """An algorithm that sets no ssthresh: neither picture speaks of one."""
    picture = os.path.join(folder, "threshold.svg")
    for words, there in (("ssthresh=4294967295", False), ("ssthresh=14480", True)):
        name = write(os.path.join(folder, "threshold.trace"), re.sub(r"ssthresh=\d+", words, read(WATCHED)))
        text = plot("--width", "80", "--svg", picture, name).stdout
        drawn = read(picture)
        verdict((" cwnd, - ssthresh" in text) == there and (">ssthresh</text>" in drawn) == there and "cwnd" in text,
                "plot: " + words, text)


def check_many_marks(folder):
    """A hundred congestion marks: a loss behind them has its number and its reason nevertheless."""
    loss = re.compile(r"(.*xtcp_congestion: .*) phase=Loss (.*) reason=")
    lines = read(TRACES, "corrupted.trace").splitlines(True)
    at, found = next((at, loss.match(line)) for at, line in enumerate(lines) if loss.match(line))
    marks = ["%s phase=CWR %s reason=congestion mark\n" % found.groups(), "%s phase=Open %s reason=over\n" % found.groups()]
    name = write(os.path.join(folder, "marks.trace"), "".join(lines[:at] + marks * 100 + lines[at:]))
    text = plot("--width", "80", name).stdout
    numbers = re.findall(r"^ *\d+ +\d+\.\d ms  (.*)", text, re.M)
    wide = [line for line in text.split("\n") if len(line) > 80]
    verdict(len(numbers) < 12 and not wide and
            not differs("\n".join(numbers), ("CWR: congestion mark", "Loss: timeout")),
            "plot: a hundred marks and a loss", text)


def check_beside(folder):
    """Two connections in one picture, the second one as large and a second later; four are too many."""
    picture, lines = os.path.join(folder, "two.svg"), read(WATCHED).splitlines(True)
    later = [re.sub(r" (\d+)(\.\d+: xtcp_)", lambda found: " %d%s" % (int(found[1]) + 1, found[2]), line)
             .replace(":50001 ", ":50002 ") for line in lines if ": xtcp_" in line]
    name = write(os.path.join(folder, "two.trace"), "".join(lines + later))
    for locale, dot in (("C", ":"), ("C.UTF-8", "⣿")):
        text = plot("--width", "80", "--windows", "--port", "50001", "--port", "50002", "--svg", picture, name,
                    locale=locale).stdout
        rows = text.split("\n")[1:8]
        drawn = read(picture)
        verdict(" kB, cwnd: %s 10.77.0.1:50001, o 10.77.0.1:50002\n" % dot in text and "o" not in "".join(
            row[:40] for row in rows) and "o" in "".join(rows) and "cwnd of 10.77.0.1:50002</text>" in drawn and
                not [line for line in text.split("\n") if len(line) > 80], "plot: two connections, " + locale, text)
    text = plot("--width", "80", "--windows", "--port", "50001=one", "--port", "50002=another", "--svg", picture, name).stdout
    drawn = read(picture)
    missing = [words for words in ("cwnd of one", "cwnd of another", "SRTT of one", "SRTT of another")
               if ">%s</text>" % words not in drawn]
    verdict(" one, o another\n" in text and not missing, "plot: two connections by name, and their round trips", text, *missing)
    check_sentence("plot: four connections", plot(*["--port", "50001"] * 4, name), 2, "4 connections are too many; 3 fit",
                   prog="xtcp-plot")


def check_listener(folder):
    """The queues of a listener: 8 entries, 300 cookies, one that is opened and accepted, and seven peers that are refused."""
    picture = os.path.join(folder, "queue.svg")
    told = [("syn", number, number + 1, "arrived", 1) for number in range(8)] + [("syn", 8, 8, "cookie", 2)] * 300
    told += [("accept", 0, 1, "completed", 1), ("syn", 8, 7, "completed", 1), ("accept", 1, 0, "accepted", 1)]
    told += [("syn", 7, 7, "refused", 10 + at % 7) for at in range(15)]
    name = write(os.path.join(folder, "queue.trace"), "".join(
        "  <idle>-0       [000] ..s1. %12.6f: xtcp_queue: netns=1 local=10.0.0.1:80 peer=10.0.0.%d:4000 queue=%s "
        "old=%d new=%d reason=%s\n" % (1 + at / 1000, host, queue, old, new, reason)
        for at, (queue, old, new, reason, host) in enumerate(told)))
    text = plot("--width", "80", "--listener", "80", "--svg", picture, name).stdout
    problem = differs(text, ("^The queues of 10.0.0.1:80$", "^SYNs: 8 got a place, 300 a cookie; 15 refused$", "SYN queue; X refused",
                             "X", "^refused: 10.0.0.10:4000, 3 times, the SYN queue was full$", "^and 2 others$"))
    drawn = read(picture)
    verdict(not problem and "SYNs answered by cookie" in drawn and "10.0.0.10:4000, 3 times" in drawn,
            "plot: the queues of a listener", problem, text)
    check_sentence("plot: no such listener", plot("--listener", "81", name), 2, "a listener with port 81", prog="xtcp-plot")


def check_settings(folder):
    """What an administrator has set: at its moment, in both plots and in the ladder."""
    name, picture = os.path.join(folder, "set.trace"), os.path.join(folder, "set.svg")
    lines = read(TRACES, "loss.trace").splitlines(True)
    ends = re.compile(r"(.*xtcp_)segment_out: (netns=\d+ local=10.77.0.1:\d+ peer=\S+ state=\S+) .* len=[1-9]")
    sent = [at for at, line in enumerate(lines) if ends.match(line)]
    settings = (("congestion", "bbr", 1 << 64, "cc=bbr"), ("max_pacing_rate", "bbr", 125000, "pacing=1mbit"),
                ("max_pacing_rate", "bbr", 1250000000, "pacing=10gbit"),
                ("congestion,max_pacing_rate", "cubic", 1 << 64, "cc=cubic pacing=off"),
                ("user_timeout", "bbr", 1 << 64, "user_timeout=5000"), ("keepalive,keepidle", "bbr", 1 << 64, "keepalive=60"),
                ("keepalive", "bbr", 1 << 64, "keepalive=on"))
    for share, (what, algorithm, octets, words) in enumerate(settings):
        at = sent[len(sent) * share // len(settings)]
        event = "%sset: %s set=%s congestion=%s max_pacing_rate=%d user_timeout=5000 keepalive=1 keepidle=60\n" % (
            *ends.match(lines[at]).groups(), what, algorithm, octets - (octets > 1 << 32))
        write(name, "".join(lines[:at] + [event] + lines[at:]))
        for options in ("--windows",), ("--svg", picture):
            text = plot("--width", "80", *options, name, locale="C").stdout
            marks = [line for line in text.split("\n") if "v " + words in line or line.endswith(words + " v")]
            verdict(len(marks) == 1 and not [line for line in text.split("\n") if len(line) > 80],
                    "plot: %s: %s" % (options[0], words), text)
        drawn = read(picture)
        told = ladder("--plain", "--all", "--width", "100", name).stdout
        verdict(">%s</text>" % words in drawn and "(an administrator sets %s)" % words in told,
                "the picture and the ladder: " + words, told[:3000])


def check_plot(folder):
    """What scripts/tools/xtcp-plot says of a trace that it cannot draw; what it draws the demonstrations look at."""
    def file(name, data):
        return write(os.path.join(folder, name), data)

    for locale in ("C", "C.UTF-8"):
        text = plot("--width", "80", WATCHED, locale=locale).stdout
        wide = [line for line in text.split("\n") if len(line) > 80]
        verdict("cwnd, - ssthresh" in text and text.isascii() == (locale == "C") and not wide, "plot: " + locale, text)
    check_threshold(folder)
    check_many_marks(folder)
    check_beside(folder)
    check_sentence("plot: an empty trace", plot(file("empty", b"")), 2, "the trace is empty", prog="xtcp-plot")
    check_sentence("plot: binary", plot(file("binary", bytes(range(256)) * 2000)), 2, "no text", prog="xtcp-plot")
    check_sentence("plot: no such file", plot(os.path.join(folder, "not-there")), 2, "No such file", prog="xtcp-plot")
    check_sentence("plot: no such port", plot("--port", "1", TRACES + "corrupted.trace"), 2, "such a connection",
                   prog="xtcp-plot")
    check_sentence("plot: no text", plot(TRACES + "close-first.trace"), 2, "sent no text", prog="xtcp-plot")
    check_sentence("plot: a picture that cannot be written", plot("--svg", "/no/such/folder/a", TRACES +
                                                                  "corrupted.trace"), 2, "cannot write", prog="xtcp-plot")


def check_memory(folder):
    """Of a trace only what is drawn is kept: 34 MB of others' events before a connection, in 48 MB of memory."""
    name = write(os.path.join(folder, "large"), many(10000) * 5 + read(TRACES, "close-first.trace"))
    done = subprocess.run([*LADDER, "--plain", "--width", "100", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=120, env=dict(os.environ, LC_ALL="C.UTF-8"),
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (48 << 20, 48 << 20)))
    verdict(done.returncode == 0 and done.stdout.startswith(picture("close-first")),
            "a trace larger than the memory", done.stdout, done.stderr[-2000:])


def wrong_pairs(made, found):
    """What a picture says of arrivals that is not so. found: [(number of an arrival's line, those of its departures)].
    Of two departures that say the same, and left within the time that both ways take, nobody knows which one is lost."""
    close = 2 * sum(way.takes * (1 + way.varies) for way in made.ways) + SLACK
    time_of = {number: time for number, (_, time) in made.sent.items()}
    at = {number: float(line.split()[3][:-1]) for number, line in enumerate(made.lines, 1)}
    if sorted(number for number, _ in found) != sorted(made.left):
        yield "not each arrival is there once"
    if any(None in departures for _, departures in found):
        yield "one was not seen leaving"
        return
    for number, departures in found:
        if sorted(departures) != sorted(made.left[number]):
            twins = [(a, b) for a, b in zip(sorted(departures), sorted(made.left[number])) if a != b]
            same = all(made.lines[a - 1].split(" seq=")[1].split(" resent")[0] ==
                       made.lines[b - 1].split(" seq=")[1].split(" resent")[0] and
                       abs(time_of[a] - time_of[b]) < close for a, b in twins)
            if len(departures) != len(made.left[number]) or not same:
                yield "line %d is the arrival of %s, and not of %s" % (number, departures, made.left[number])
    for end in 0, 1:
        ways = sorted((time_of[left], at[number]) for number, departures in found for left in departures
                      if made.sent[left][0] == end)
        crossings = [(a, b) for a, b in zip(ways, ways[1:]) if b[1] < a[1]]
        if made.ways[end].keeps_order and crossings:
            yield "%d pairs cross: %s" % (len(crossings), crossings[0])


def wrong_flight(made, transfer):
    """At which event a plot has another sum in flight."""
    drawn, at, now = transfer.windows, 0, 0
    for time, octets in made.flight:
        while at < len(drawn) and drawn[at][0] + transfer.start <= time + 5e-7:
            now = drawn[at][3]
            at += 1
        if now != octets:
            yield "%.6f: %d octets are in flight, and not %d" % (time, octets, now)


def wrong_points(made):
    """Behind which ACK xtcp-watch flow has another sum in flight, as long as nothing is lost."""
    flow, last = None, None
    for event, (_, octets) in zip([event for event in events.Trace(made.lines) if event.local.endswith(":4000")], made.flight):
        if event.name == "congestion":
            return
        if event.name == "ack":
            flow = flow or Flow(event, True)
            flow.acked(event)
            if len(flow.points) > 1 and flow.points[-2].pipe != last:
                yield "%.6f: %d octets are in flight, and not %d" % (event.time, flow.points[-2].pipe, last)
        elif event.name == "segment_out" and event.resent and flow:
            flow.segment(event)
        last = octets


def wrong_arrows(story, picture):
    """Arrows of the SVG whose two ends are not of one segment, or that are not there."""
    def ms(thing):
        return "%.3f" % ((thing.time - story.start) * 1000)
    drawn = set(re.findall(r'class="segment"><title>left (\S+) ms, arrived (\S+) ms', picture))
    return sorted(drawn ^ {(ms(thing), ms(arrival)) for _, _, what, thing in story.marks if what == "leaves"
                           for arrival in thing.arrivals})


def wrong_picture(seed):
    """Of a random transfer."""
    made, connections = Simulation(seed), Connections()
    trace = events.Trace(made.lines, lazy=True)
    for event in trace:
        connections.take(event)
    story = connections.all[0].story
    found = {}
    for _, index, what, thing in story.marks:
        if what == "arrives":
            found.setdefault(index, []).append(thing.segment.index)
    wrong = list(wrong_pairs(made, list(found.items())))
    transfer = Transfer(made.lines)
    found = {}
    for sent in transfer.sent:
        for arrival in sent.segment.arrivals:
            found.setdefault(arrival.index, []).append(sent.segment.index)
    wrong += ["plot: " + why for why in wrong_pairs(made, [*found.items(), *(
        pair for pair in made.left.items() if made.sent[pair[1][0]][0] == 1)])]
    wrong += wrong_flight(made, transfer)
    wrong += wrong_points(made)
    if seed % 20 == 0:
        story.finish(trace)
        wrong += wrong_arrows(story, ladder_svg.draw(story, rows.lay_out(story), ("", "")))
    return wrong


def check_random(_):
    """Of many random transfers each arrow's ends are of one segment, nothing crosses that has not, and what is in flight is
    so at each event."""
    for first in range(0, TRANSFERS, 100):
        wrong = [(seed, *problems) for seed in range(first, first + 100) for problems in [wrong_picture(seed)] if problems]
        verdict(not wrong, "random transfers from %d on: pictures say what has happened" % first,
                "%d of 100 are wrong" % len(wrong), *wrong[:3])


def check_choice(_):
    name = TRACES + "one-tuple.trace"
    done = ladder("--list", name)
    verdict(done.returncode == 0 and done.stdout.count("\n") == 3 and "the 3. on these ports" in done.stdout,
            "--list", done.stdout, done.stderr)
    done = ladder("--plain", "--conn", "3", name)
    verdict("| TIME-WAIT" in done.stdout.split("\n")[1] and done.stdout.count(" ms\n") == 1, "--conn", done.stdout)
    text = read(name)
    two = text.replace("10.77.0.1:50104", "10.77.0.1:50103") + text
    for what, options, number, says in (
            ("the newest", ([name], {}), 3, "newest of 3 connections; --list names them, --conn N draws another"),
            ("the newest of standard input", (["-"], {"data": text}), 3, "newest of 3 connections;"),
            ("the newest with a port", (["--port", "50104", "-"], {"data": two}), 3,
             "newest of 3 connections with port 50104;")):
        done = ladder("--plain", *options[0], **options[1])
        one = ladder("--plain", "--conn", str(number), name)
        verdict(done.stdout.startswith(one.stdout) and one.stdout and says in done.stdout, "without --conn: " + what, done.stdout,
                done.stderr)
    done = ladder("--plain", TRACES + "close-first.trace")
    verdict("newest of" not in done.stdout, "one connection is no choice", done.stdout)
    for options in (["--from", "900", "--to", "1000"], ["--to", "-1"]):
        check_sentence("%s %s: nothing happened then" % (options[0], options[1]),
                       ladder("--plain", *options, TRACES + "loss.trace"), 1, "goes from 0 to 17[0-9] ms")
    done = ladder("--plain", "--from", "443", "--to", "546", TRACES + "close-queued.trace")
    verdict(len([line for line in done.stdout.split("\n") if ROW.match(line)]) == 4 and
            "FIN-WAIT-1 |    " in done.stdout, "--from and --to: the state of then", done.stdout)
    done = ladder("--plain", "--last", "2", TRACES + "close-first.trace")
    rows = [line for line in done.stdout.split("\n") if ROW.match(line)]
    verdict(len(rows) == 3 and "FIN-WAIT-2" in rows[0] and "TIME-WAIT" in rows[1], "--last", done.stdout)


def check_pictures(folder):
    svg, html = os.path.join(folder, "a.svg"), os.path.join(folder, "a.html")
    for name in ("close-both", "refused-syn", "lost", "corrupted"):
        ladder("--plain", "--all", "--svg", svg, "--html", html, TRACES + name + ".trace")
        text = read(svg)
        root = ElementTree.fromstring(text)
        groups = [group for group in root.iter() if group.get("class") == "segment"]
        drawn = len(re.findall("segment_out", open(TRACES + name + ".trace").read()))
        verdict(len(groups) >= drawn and "NaN" not in text and "nan" not in text, name + ": the SVG has each segment",
                "%d groups, %d segments" % (len(groups), drawn))
        page = read(html)
        verdict(page.startswith("<!DOCTYPE html>") and text in page and not re.search(r"(src|href)=", page),
                name + ": the page needs no other file")
        ids = re.findall(r' id="([^"]*)"', page)
        verdict(page.count('<svg class="narrow" ') == 1 and "width=device-width" in page and len(ids) == len(set(ids)) and
                set(re.findall(r"url\(#(\w+)\)", page)) <= set(ids), name + ": the page has a narrow picture, too", *ids)
    reader, unread = os.pipe()
    os.close(reader)
    for program in LADDER, ["scripts/tools/xtcp-plot"]:
        os.unlink(svg)
        done = subprocess.run([*program, "--svg", svg, TRACES + "loss.trace"], stdout=unread, stderr=subprocess.PIPE, text=True,
                              timeout=120)
        verdict(done.returncode == 0 and not done.stderr and os.path.exists(svg), program[0] + ": a picture, and no reader",
                done.returncode, done.stderr)
    os.close(unread)
    ladder("--svg", svg, TRACES + "close-both.trace")
    every = ElementTree.parse(svg).getroot().iter()
    lines = [[float(line.get(at)) for at in ("x1", "y1", "x2", "y2")] for line in every
             if line.tag.endswith("line") and line.get("marker-end")]
    crossings = [(a, b) for a in lines for b in lines if a[0] < a[2] and b[0] > b[2] and a[1] < b[3] and b[1] < a[3]]
    verdict(len(crossings) == 2 and all(line[3] > line[1] for line in lines), "close-both: arrows cross in the SVG",
            str(lines))


def places_of(label, large):
    """Where the letters of words in the SVG are, one of three of them, on the line that they are written on."""
    x, y, count = float(label.get("x")), float(label.get("y")), len(label.text)
    step = float(label.get("font-size")) * large
    turn = math.tan(math.radians(float((label.get("transform") or "rotate(0").partition("rotate(")[2].split()[0])))
    for at in range(0, count, 3):
        along = step * (at - count if label.get("text-anchor") == "end" else at)
        yield x + along, y + along * turn


def check_letters(folder):
    """In the SVG nothing is written where something else is: not across an end, not over the times, and no words of a
    segment or a moment on others."""
    svg, large = os.path.join(folder, "a.svg"), 0.62      # a letter's width, for its size
    for name in ABOUT:
        ladder("--plain", "--svg", svg, TRACES + name + ".trace")
        wrong, labels = [], []
        for text in ElementTree.parse(svg).getroot().iter("{http://www.w3.org/2000/svg}text"):
            if text.get("font-family") and " " in text.text:
                labels.append((text.text, list(places_of(text, 0.602))))
            x, wide = float(text.get("x")), len(text.text) * float(text.get("font-size")) * large
            first = x - {"start": 0, "middle": wide / 2, "end": wide}[text.get("text-anchor", "start")]
            of_segment, of_end = "rotate" in (text.get("transform") or ""), text.get("font-weight") == "600"
            if of_segment and not ladder_svg.LEFT <= first <= first + wide <= ladder_svg.RIGHT or \
                    of_end and "." not in text.text and \
                    not ladder_svg.TIMES <= first <= first + wide <= ladder_svg.WIDTH - ladder_svg.TIMES:
                wrong.append("%s from %d to %d" % (text.text, first, first + wide))
        wrong += ["%s on %s" % (a[0], b[0]) for at, a in enumerate(labels) for b in labels[at + 1:]
                  if any(abs(x - x2) < 4 and abs(y - y2) < 11 for x, y in a[1] for x2, y2 in b[1])]
        verdict(not wrong, name + ": the SVG's words have room", *wrong)
        tags = [one.tag.rpartition("}")[2] for one in ElementTree.parse(svg).getroot().iter()]
        last = max(at for at, tag in enumerate(tags) if tag in ("line", "path"))
        verdict("text" not in tags[:last], name + ": no arrow of the SVG is drawn over words")


def check_narrow(folder):
    """--narrow: each arrow of the wide picture, and every word within 328 pixels, 12 high or more."""
    svg = os.path.join(folder, "a.svg")
    for name in ABOUT:
        arrows = []
        for narrow in [], ["--narrow"]:
            ladder("--plain", "--svg", svg, *narrow, TRACES + name + ".trace")
            every = list(ElementTree.parse(svg).getroot().iter())
            arrows.append(sum(one.tag.endswith("}line") and one.get("stroke-width") == "1.4" for one in every))
        wrong = []
        for text in every:
            if text.tag.endswith("}text"):
                x, size = float(text.get("x")), float(text.get("font-size"))
                wide = len(text.text) * size * 0.602
                first = x - {"start": 0, "middle": wide / 2, "end": wide}[text.get("text-anchor", "start")]
                if size < 12 or not 0 <= first <= first + wide <= 328:
                    wrong.append("%s from %d to %d" % (text.text, first, first + wide))
        verdict(not wrong and arrows[0] == arrows[1] > 0, name + ": the narrow SVG", str(arrows), *wrong)


def check_live(_):
    done = ladder("--live", "--plain", "--width", "100", "-", data=read(TRACES, "close-both.trace"))
    crossing = (r"FIN-WAIT-1 \|-- FIN,ACK SEQ=1 ACK=1 .*> \(907\.587\) \|",
                r"607\.435 +CLOSING \|<-.* FIN,ACK SEQ=1 ACK=1 .*\| FIN-WAIT-1 +607\.358",
                r"\| \(607\.217\) - FIN,ACK SEQ=1 ACK=1 .*>\| CLOSING +907\.587")
    verdict(done.returncode == 0 and not differs(done.stdout, crossing) and not disorder(done.stdout),
            "--live from a pipe", done.stdout, done.stderr)
    done = ladder("--live", "--plain", "--width", "100", "-", data=read(TRACES, "lost.trace"))
    verdict(done.returncode == 0 and "544 events lost here" in done.stdout, "--live: events are lost", done.stdout,
            done.stderr)
    check_live_late()
    check_sentence("--live: nothing", ladder("--live", "-", data=""), 2, "empty")


def check_live_late():
    """What is drawn before the other end has said anything: that may still come, or never."""
    lines = [line for line in read(TRACES, "close-first.trace").splitlines(True) if ": xtcp_" in line]
    syn = next(line for line in lines if "segment_out" in line)
    client = re.search("local=\\S+", syn)[0]
    alone = [line for line in lines if client in line]
    for what, feed, says in (
            ("a SYN that takes long", lines, (
                r"^ +ms 10\.77\.0\.1:\d+ +10\.77\.0\.2:80 +ms$", r"-- SYN SEQ=0 .*-> \.\.\.\|",
                r"\(0\.000\) - SYN SEQ=0 .*->\| SYN-RECEIVED", "!not in this trace")),
            ("another TCP's server", alone, (
                r"^ +ms 10\.77\.0\.1:\d+ +10\.77\.0\.2:80 +ms$", r"-- SYN SEQ=0 .*-> \.\.\.\|",
                r"^ +ms 10\.77\.0\.1:\d+ +10\.77\.0\.2:80 \(not in this trace\) +ms$", r"<-+ SYN,ACK SEQ=0 ACK=1",
                r"-- ACK SEQ=1 ACK=1 .*->\|"))):
        with subprocess.Popen([*LADDER, "--live", "--plain", "--width", "100", "-"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, bufsize=1) as process:
            at = feed.index(syn) + 1
            process.stdin.writelines(feed[:at])
            process.stdin.flush()
            text = ""
            while "SYN SEQ=0" not in text:
                line = process.stdout.readline()
                if not line:
                    break
                text += line
            process.stdin.writelines(feed[at:])
            process.stdin.close()
            text += process.stdout.read()
        verdict(process.returncode == 0 and not differs(text, says), "--live: " + what, str(differs(text, says)), text)


def packet(end, flags, seq, ack, options=b"", text=b""):
    """An IPv4 packet from 10.0.0.1:4000 (end 0) to 10.0.0.2:80, or back."""
    ports, addresses = (4000, 80), (bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
    tcp = struct.pack("!HHIIBBHHH", ports[end], ports[1 - end], seq, ack, (20 + len(options)) * 4, flags, 500, 0, 0)
    tcp += options + text
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + addresses[end] + addresses[1 - end] + tcp


def check_state_unseen(_):
    """Of a SYN with ECE and CWR whose state event is not there."""
    lines = [line for line in read(TRACES, "ecn.trace").splitlines(True) if "new=SYN-SENT" not in line]
    text = ladder("--plain", "--width", "100", "-", data="".join(lines)).stdout
    verdict(not differs(text, (r"^ +CLOSED \|", r"SYN-SENT \|-- SYN,ECE,CWR ")), "a state that only its segment tells",
            text)


def check_brief(folder):
    """--brief: shorter rows."""
    svg = os.path.join(folder, "brief.svg")
    for name in "zero-window", "close-both":
        ladder("--brief", "--svg", svg, TRACES + name + ".trace")
        drawn = read(svg)
        verdict("ACK" in drawn and not re.search("PSH|MSS=", drawn), "--brief: the SVG of " + name, drawn)
        whole, short = (ladder("--plain", "--width", "80", *more, TRACES + name + ".trace").stdout
                        for more in ((), ("--brief",)))
        gone = re.compile(r"WND=\d{5}|MSS=|WS=|\.\d{3}|PSH|^\S* +CLOSED {5}")
        verdict(gone.search(whole) and not gone.search(short) and len(short) < len(whole), "--brief: " + name, short)
    text = ladder("--plain", "--width", "80", "--brief", TRACES + "bundles.trace").stdout
    verdict(not differs(text, ("-- ACK SEQ=1 ACK=1 -", "-- ACK SEQ=1 LEN=14480 ", "!ACK=1 LEN=")),
            "--brief: an ACK once", text)
    verdict(not differs(short, (r"-- FIN,ACK SEQ=1 ACK=1 .*\(\d+\.\d\)", r"\(\d+\.\d\) - FIN,ACK SEQ=1 -+>")),
            "--brief: what has two rows", short)
    check_sentence("--live --brief", ladder("--live", "--brief", "-"), 2, "--live goes with none of .*--brief")


SYN = bytes((2, 4, 5, 180, 1, 3, 3, 7))


def captures(folder, story, clock=lambda end, ms: ms):
    """The files of both ends: of (end, ms it left, ms it came or None, packet) in the order of each end's events."""
    names = []
    for end in (0, 1):
        here = sorted(((left if end == sender else came, data) for sender, left, came, data in story
                       if end == sender or came is not None), key=lambda pair: pair[0])
        names.append(os.path.join(folder, "%d.pcap" % end))
        with open(names[end], "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
            for ms, data in here:
                at = 7000000 + round(clock(end, ms) * 1000)
                file.write(struct.pack("<IIII", at // 1000000, at % 1000000, len(data), len(data)) + data)
    return names


def check_ties(folder):
    """Segments that leave and come in the same microsecond."""
    flow = [(0, 0, packet(0, 2, 100, 0, SYN)), (1, 1, packet(1, 18, 500, 101, SYN)), (0, 1, packet(0, 16, 101, 501)),
            (0, 2, packet(0, 24, 101, 501, text=b"hello")), (1, 2, packet(1, 16, 501, 106)),
            (1, 3, packet(1, 17, 501, 106)), (0, 3, packet(0, 17, 106, 502)), (1, 3, packet(1, 16, 502, 107))]
    flags = ["SYN ", "SYN,ACK ", "ACK ", "PSH,ACK ", "ACK ", "FIN,ACK ", "FIN,ACK ", "ACK "]
    for what, came in (("all ties", lambda left: left), ("the SYN is none", lambda left: left + (left == 0)),
                       ("the SYN is one", lambda left: left + (left == 3))):
        names = captures(folder, [(end, left, came(left), data) for end, left, data in flow])
        for order in (names, names[::-1]):
            done = ladder("--plain", "--all", "--width", "100", "--pcap", *order)
            rows = [line for line in done.stdout.split("\n") if re.search(r"[|] *(<|--|\()", line)]
            problem = differs(done.stdout, ("!lost", "!before they left", "!not seen", *flags))
            verdict(done.returncode == 0 and not problem and not disorder(done.stdout) and
                    (len(rows) == 8 or what != "all ties"), "--pcap of one microsecond: " + what, str(problem),
                    done.stdout, done.stderr)


def check_clocks(folder, story):
    """Captures of two machines: one clock is ahead by more than a segment takes, or drifts."""
    truth = ladder("--plain", "--all", "--width", "100", "--pcap", *captures(folder, story)).stdout
    verdict("clocks" not in truth, "--pcap: clocks that agree", truth)
    for what, end, ms in (("the second is ahead", 1, 300), ("the first is ahead", 0, 300), ("an hour", 1, 3600000),
                          ("less than a round trip", 1, 15)):
        names = captures(folder, story, lambda at, time, end=end, ms=ms: time + ms * (at == end))
        for order in (names, names[::-1]):
            done = ladder("--plain", "--all", "--width", "100", "--pcap", *order)
            ahead = "second" if order[1] == names[end] else "first"
            # the fastest take 9 ms each way
            says = "The clocks of the captures differ by about %s: the %s one is ahead. Its times are corrected, give or " \
                "take 9 ms. " % ("3600 s" if ms > 10000 else "%d ms" % ms, ahead)
            text = done.stdout.replace("\n", " ")
            verdict(done.returncode == 0 and says in text and not disorder(done.stdout) and
                    "before they left" not in text and done.stdout[done.stdout.index("   ms "):] == truth[truth.index("   ms "):],
                    "--pcap: %s, %s" % (what, ahead), done.stdout, done.stderr)
    names = captures(folder, story, lambda at, time: time * (1 + 0.5 * at) + 300 * at)
    done = ladder("--plain", "--all", "--width", "100", "--pcap", *names)
    verdict(done.returncode == 0 and "the clocks drift apart." in done.stdout.replace("\n", " "), "--pcap: clocks that drift",
            done.stdout, done.stderr)
    alone = [(end, left, came if not end else None, data) for end, left, came, data in story]
    names = captures(folder, alone, lambda at, time: time - 50 * at)
    done = ladder("--plain", "--all", "--width", "100", "--pcap", *names)
    verdict(done.returncode == 0 and "differ by" not in done.stdout, "--pcap: one direction does not tell", done.stdout)


def check_captures(folder):
    """Both ends of a connection whose FINs cross, the last ACK lost."""
    story = [(0, 0, 10, packet(0, 2, 100, 0, SYN)), (1, 11, 20, packet(1, 18, 500, 101, SYN)),
             (0, 21, 30, packet(0, 16, 101, 501)), (0, 40, 60, packet(0, 17, 101, 501)),
             (1, 45, 65, packet(1, 17, 501, 101)), (1, 61, 81, packet(1, 16, 502, 102)),
             (0, 66, None, packet(0, 16, 102, 502)), (1, 100, 120, packet(1, 17, 501, 102)),
             (0, 121, 141, packet(0, 16, 102, 502))]
    names = captures(folder, story)
    for order in (names, names[::-1]):
        done = ladder("--plain", "--width", "100", "--pcap", *order)
        problem = differs(done.stdout, (
            r"0\.000 .*-- SYN SEQ=0 WND=500 MSS=1460 WS=7 -+>\| +10\.000",
            r"40\.000 .*-- FIN,ACK SEQ=1 ACK=1 WND=64000 -+> \(60\.000\)",
            r"65\.000 .*<-+ FIN,ACK SEQ=1 ACK=1 WND=64000 --\| +45\.000", r"\(40\.000\) - FIN,ACK SEQ=1 ",
            r"ACK SEQ=2 ACK=2 WND=64000 \(lost\) -+X \|", r"FIN,ACK SEQ=1 ACK=2 .*\(resent\) --\| +100\.000"))
        verdict(done.returncode == 0 and not problem and not disorder(done.stdout), "--pcap", str(problem), done.stdout,
                done.stderr)
    check_ties(folder)
    check_clocks(folder, story)
    check_sentence("--pcap of a trace", ladder("--pcap", TRACES + "cookie.trace", names[0]), 2, "no capture")


def check_export(folder):
    """xtcp-trace: each event of a trace is a row, an object, or a packet or comment of a capture."""
    def export(*args, data=None):
        return subprocess.run(["scripts/tools/xtcp-trace", *args], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=120, check=False)

    source, names = TRACES + "loss.trace", {kind: os.path.join(folder, "e." + kind) for kind in ("csv", "json", "jsonl", "pcapng")}
    done = [export("-o", name, source) for name in names.values()]
    lines = [line for line in read(source).splitlines(True) if ": xtcp_" in line]
    rows = list(csv.DictReader(io.StringIO(read(names["csv"]), newline="")))
    objects = json.loads(read(names["json"]))
    by_line = [json.loads(line) for line in read(names["jsonl"]).splitlines()]

    def is_there(line, row):
        words = dict(word.split("=", 1) for word in re.sub(r" reason=.*", "", line.split(": ", 2)[2]).split())
        unset = {"ssthresh": "4294967295", "rtt_us": "0", "srtt_us": "0"}
        return all(row.get(key) == ("" if unset.get(key) == value else value.strip("[]")) or
                   "%s=%s" % (key, value) in row["text"].split() for key, value in words.items() if key != "netns")

    wrong = [line for line, row in zip(lines, rows) if not is_there(line, row)]
    verdict(not any(each.returncode or each.stderr for each in done) and len(rows) == len(lines) == len(objects) and not wrong and
            objects == by_line and None in [one.get("ssthresh", 0) for one in objects] and
            all({key: str("" if value is None else value) for key, value in one.items() if key != "time"} ==
                                       {key: value for key, value in row.items() if key != "time" and (value or key in one)} and
                                       one["time"] == float(row["time"]) for one, row in zip(objects, rows)),
            "trace: each event is a row, and each value in it", *wrong[:3], *[each.stderr for each in done])
    live = export("--live", "--format", "csv", "-", data="".join(lines))
    verdict(live.stdout == read(names["csv"]), "trace: --live writes the same", live.stderr)
    with subprocess.Popen(["scripts/tools/xtcp-trace", "--live", "--format", "pcapng", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as busy:
        segments = [line for line in lines if ": xtcp_segment" in line]
        busy.stdin.write(segments[0].encode())
        other, until, came = segments[1].replace("10.77.0.1", "10.77.0.3").encode(), time.monotonic() + 15, b""
        while b"10.77.0.1:" not in came and time.monotonic() < until:   # more often than it waits for quiet
            busy.stdin.write(other)
            busy.stdin.flush()
            if select.select([busy.stdout], [], [], 0.02)[0]:
                came += busy.stdout.read1(1 << 16)
        busy.communicate(timeout=60)
        verdict(b"10.77.0.1:" in came and busy.returncode == 0, "trace: --live writes while others send on")
    left = export("--local", "10.77.0.1", "--format", "jsonl", "-o", "-", source).stdout.splitlines()
    verdict(left == [json.dumps(one) for one in objects if one["local"].startswith("10.77.0.1:")] and left, "trace: one end alone")
    check_sentence("trace: no format", export("-o", "a.txt", source), 2, "does not end with .csv", prog="xtcp-trace")
    check_sentence("trace: no -o", export(names["csv"], source), 2, "behind -o: -o %s$" % names["csv"], prog="xtcp-trace")
    check_sentence("ladder: no --svg", ladder(source, "a.svg"), 2, "behind --svg: --svg a.svg$")
    check_sentence("two traces", ladder(source, source), 2, "one TRACE is read, and not 2")
    check_sentence("trace: no trace", export("-o", names["csv"], os.path.join(folder, "empty")), 2, "the trace is empty",
                   prog="xtcp-trace")
    check_sentence("trace: no place", export("-o", folder, "--format", "csv", source), 2, "cannot write", prog="xtcp-trace")
    if not shutil.which("tshark"):
        print("# no tshark here (scripts/kernel/deps.sh check-rest): nobody reads the capture")
        return
    fields = ("frame.time_epoch", "tcp.srcport", "tcp.flags.syn", "tcp.seq_raw", "tcp.len", "tcp.window_size_value")
    done = subprocess.run(["tshark", "-n", "-r", names["pcapng"], "-T", "fields", *[word for one in fields for word in ("-e", one)]],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=120, check=False)
    segments = [one for one in objects if one["event"].startswith("segment")]
    sender = [one["local" if one["event"] == "segment_out" else "peer"].rpartition(":")[2] for one in segments]
    verdict([line.split("\t")[1:] for line in done.stdout.splitlines()] ==
            [[port, str(int("S" in one["flags"])), str(one["seq"]), str(one["len"]), str(one["wnd"])]
             for port, one in zip(sender, segments)], "trace: what Wireshark reads", done.stdout[:500])
    done = subprocess.run(["tshark", "-n", "-V", "-r", names["pcapng"]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, timeout=120, check=False)
    acks = sum(one["event"] == "ack" for one in objects)
    verdict(len(re.findall(r"^ +ack .*cwnd=\d+", done.stdout, re.M)) == acks > 0 and "alformed" not in done.stdout,
            "trace: decisions are comments", done.stdout[:2000])


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
    names = [name for name in sys.argv[1:] if name != "--write"]
    verdict.run([check_traces], names, "--write" in sys.argv)
    if not names:
        with tempfile.TemporaryDirectory() as folder:
            verdict.run((check_bad, check_plot, check_listener, check_settings, check_memory, check_random,
                         check_choice, check_pictures, check_letters, check_narrow, check_brief, check_state_unseen,
                         check_readme, check_live, check_captures, check_export), folder)
    return verdict.failed


sys.exit(main())
