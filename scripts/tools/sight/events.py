# SPDX-License-Identifier: GPL-2.0
"""The events of xtcp in the text of a trace, line by line: of
/sys/kernel/tracing/trace, of trace_pipe, or of what trace-cmd report prints."""

import copy
import os
import re

from program import missing
from table import rate

TRACEFS = "/sys/kernel/tracing"
MARK = ": xtcp_"
KEPT = re.compile(r"# entries-in-buffer/entries-written: (\d+)/(\d+)")
LOST = re.compile(r"CPU:(\d+) \[LOST (?:(\d+) )?EVENTS\]")
STARTED = re.compile(r"#+ CPU (\d+) buffer started #+")
LONGEST = 1 << 16
COMM = 16   # the processor stands behind the name of the task
SEGMENTS = ("segment_in", "segment_out")
SEGMENT = re.compile(r": xtcp_(segment_in|segment_out): +netns=[0-9]+ local=([^ ]+) peer=([^ ]+) state=([^ ]+) "
                     r"flags=\[([A-Z]*)\] seq=([0-9]+) end=([0-9]+) ack=([0-9]+) wnd=([0-9]+) len=([0-9]+)"
                     r"(?: resent=([01]))? sacks=\[([^]]*)\]"
                     r"(?: shift=(-?[0-9]+) segs=([0-9]+) ecn=([0-9]+) ts=([^ ]+) options=\[([^]]*)\])?\s*$")
ACK_WORDS = ("snd_una", "snd_nxt", "snd_wnd", "acked", "sacked", "lost", "delivered", "pipe", "cwnd", "ssthresh",
             "rtt_us", "srtt_us")
ACK = re.compile(r": xtcp_ack: +netns=(\d+) local=(\S+) peer=(\S+) phase=(\S+) " +
                 " ".join(word + r"=(\d+)" for word in ACK_WORDS) + r"\s*$")
NEEDED = ("local", "peer", "flags", "seq", "end", "ack", "wnd", "len")
NUMBERS = (*NEEDED[3:], "shift", "segs", "ecn")
NUMBER = re.compile("[0-9]{1,20}|-1")


class Unreadable(Exception):
    """What is wrong with a trace, in one sentence."""


class Event:
    """What one line says: .time in seconds, .index among the lines, .name without "xtcp_", .local and .peer, and each
    field as an attribute, a number where it is one; brackets are gone."""

    def __init__(self, time, index, name, fields):
        self.time, self.index, self.name, self.fields = time, index, name, fields
        self.local, self.peer = fields["local"], fields["peer"]

    def __getattr__(self, name):
        try:
            value = self.fields[name]
        except KeyError:
            raise AttributeError(name) from None
        if value.startswith("["):
            value = value[1:-1]
        elif value.isdecimal() or value[:1] == "-" and value[1:].isdecimal():
            value = int(value)
        setattr(self, name, value)
        return value

    def number(self, name, default=0):
        """A field that not each version of the events has."""
        value = getattr(self, name, default)
        return value if isinstance(value, int) else default

    def word(self, name):
        return str(getattr(self, name, ""))


def settings_of(event):
    """What an administrator has changed by xtcp_set, as xtcp-ss --set has it."""
    found = []
    for name in event.word("set").split(","):
        value = event.word(name)
        if name == "congestion":
            found.append("cc=" + value)
        elif name == "max_pacing_rate" and value.isdecimal():
            found.append("pacing=" + ("off" if int(value) >= (1 << 64) - 1 else rate(int(value))))
        elif name == "keepalive" and "keepidle" not in event.word("set"):
            found.append("keepalive=" + ("on" if value == "1" else "off"))
        elif name == "keepidle":
            found.append("keepalive=" + value)
        elif name == "user_timeout":
            found.append("user_timeout=" + value)
        elif name == "blackbox":
            found.append("blackbox=" + ("on" if value == "1" else "off"))
    return " ".join(found)


class SegmentEvent:
    """As Event, of a segment that leaves or arrives; there are many. .shift is -1 when nobody knows, .ts and .options
    are None in traces that do not have them."""

    __slots__ = ("time", "index", "name", "local", "peer", "state", "flags", "seq", "end", "ack", "wnd", "len",
                 "resent", "sacks", "shift", "segs", "ecn", "ts", "options")

    def __init__(self, time, index, parts):
        """parts: words in the order of the names above."""
        self.time, self.index = time, index
        (self.name, self.local, self.peer, self.state, self.flags, seq, end, ack, wnd, octets, resent, self.sacks,
         shift, segs, ecn, self.ts, self.options) = parts
        self.seq, self.end, self.ack, self.wnd, self.len = int(seq), int(end), int(ack), int(wnd), int(octets)
        self.resent = resent == "1"
        self.shift = -1 if shift is None else int(shift)
        self.segs = 1 if segs is None else int(segs)
        self.ecn = 0 if ecn is None else int(ecn)

    @classmethod
    def of_fields(cls, time, index, name, fields):
        """From a line that does not look like today's."""
        def bare(key):
            return fields[key].strip("[]") if key in fields else None
        return cls(time, index, (name, fields["local"], fields["peer"], fields.get("state", ""), bare("flags"),
                                 fields["seq"], fields["end"], fields["ack"], fields["wnd"], fields["len"],
                                 fields.get("resent"), bare("sacks") or "", fields.get("shift"), fields.get("segs"),
                                 fields.get("ecn"), fields.get("ts"), bare("options")))

    def both(self):
        """What went the short way between two ends on one machine has left and arrived."""
        there = copy.copy(self)
        self.name, (there.name, there.local, there.peer) = "segment_out", ("segment_in", self.peer, self.local)
        return self, there


class AckEvent:
    """As Event, of what an ACK told; there are as many. .una is the reader's."""

    __slots__ = ("time", "index", "netns", "local", "peer", "phase", *ACK_WORDS, "una")
    name = "ack"

    def __init__(self, time, index, parts):
        """parts: words in the order of the names above."""
        self.time, self.index = time, index
        (netns, self.local, self.peer, self.phase, una, nxt, wnd, acked, sacked, lost, delivered, pipe, cwnd, ssthresh,
         rtt_us, srtt_us) = parts
        self.netns, self.snd_una, self.snd_nxt, self.snd_wnd = int(netns), int(una), int(nxt), int(wnd)
        self.acked, self.sacked, self.lost, self.delivered = int(acked), int(sacked), int(lost), int(delivered)
        self.pipe, self.cwnd, self.ssthresh = int(pipe), int(cwnd), int(ssthresh)
        self.rtt_us, self.srtt_us = int(rtt_us), int(srtt_us)


class Gap:
    """Events are missing: .count of them or None, of .cpu or of all (None), somewhere before .time (None: the end)."""

    def __init__(self, count, cpu, since):
        self.count, self.cpu, self.since, self.time, self.index = count, cpu, since, None, 0
        self.local = self.peer = None
        self.name = "gap"


def fields_of(text):
    head, sep, reason = text.partition(" reason=")
    fields = {}
    for word in head.split():
        key, equals, value = word.partition("=")
        if equals:
            fields[key] = value
    if sep:  # the last field, and it may have spaces
        fields["reason"] = reason
    return fields


def is_whole(name, fields):
    """Has it all that is needed? None: such an event tells of no connection."""
    if "peer" not in fields and name == "queue" and "reason" in fields:
        return None  # they had none once
    if "local" not in fields or "peer" not in fields:
        return False
    if name in SEGMENTS or name == "local":
        return all(key in fields for key in NEEDED) and \
            all(NUMBER.fullmatch(fields[key]) for key in NUMBERS if key in fields)
    return name != "ack" or all(NUMBER.fullmatch(fields.get(word, "")) for word in ACK_WORDS)


class Trace:
    """Iterates over the events and gaps of lines, and counts what is wrong with them."""

    def __init__(self, lines, lazy=False):
        """lazy: an ACK's event comes only as .before of the change of congestion state that follows it. .wanted: words
        of which a line must have all to be looked at in full."""
        self.lines, self.lazy, self.wanted = lines, lazy, None
        self.acks = {}
        self.is_of_now = False
        self.seen = self.xtcp = self.damaged = 0
        self.cut = self.binary = False
        self.kept = self.written = None
        self.segments = 0
        self.gaps, self.started, self.harmed = [], [], []
        self.last_of, self.first_of = {}, {}

    def __iter__(self):
        line = "\n"
        waiting = []
        self.cut = False
        for line in self.lines:
            self.seen += 1
            at = line.find(MARK, COMM)
            if at < 0:
                gap = self.note(line)
                if gap:
                    waiting.append(gap)
                    yield gap
                continue
            self.xtcp += 1
            if line[-1] != "\n":
                break
            cpu = line.find("[", COMM)
            cpu = line[cpu + 1:cpu + 4]
            if waiting:
                waiting = [gap for gap in waiting if not self.ends(gap, cpu, line, at)]
            try:
                time = float(line[line.rfind(" ", 0, at) + 1:at])
            except ValueError:
                time = None
            found = SEGMENT.match(line, at) if time is not None else None
            if found:
                self.last_time = time
                self.segments += 1
                wanted = self.wanted
                event = None if wanted and not (found[2] in wanted and found[3] in wanted) else \
                    SegmentEvent(time, self.seen, found.groups())
            else:
                event = self.other_event(line, at, time)
            if cpu not in self.last_of:
                self.first_of[cpu] = self.last_time
            self.last_of[cpu] = self.last_time
            if event and event.name == "local":
                yield from event.both()
            elif event:
                yield event
        self.cut = line[-1] != "\n" and bool(self.xtcp)

    def harm(self, time):
        """A line that cannot be read may have been any event of this time."""
        self.damaged += 1
        gap = Gap(1, None, self.last_time)
        gap.time = self.last_time if time is None else time
        self.harmed.append(gap)

    def other_event(self, line, at, time):
        """What is no segment's, or a segment's of other versions of the events."""
        name, colon, text = line[at + len(MARK):].partition(": ")
        if time is None or not colon:
            self.harm(time)
            return None
        self.last_time = time
        if self.lazy and name == "ack":
            self.acks[text[:text.find(" phase=")]] = text
            return None
        if self.wanted and " peer=" in text and not all(word in text for word in self.wanted):
            return None
        found = ACK.match(line, at) if name == "ack" else None
        if found:
            return AckEvent(time, self.seen, found.groups())
        fields = fields_of(text.rstrip("\n"))
        whole = is_whole(name, fields)
        if not whole:
            if whole is False:
                self.harm(time)
            return None
        if name in SEGMENTS:
            self.segments += 1
            return SegmentEvent.of_fields(time, self.seen, name, fields)
        if name == "local":
            return SegmentEvent.of_fields(time, self.seen, name, dict(fields, options="[local]"))
        event = Event(time, self.seen, name, fields)
        if name == "congestion" and self.lazy:
            before = self.acks.pop(text[:text.find(" phase=")], None)
            event.before = before and fields_of(before)
        return event

    last_time = None

    def note(self, line):
        """A line that is no event of ours: of the buffers, perhaps."""
        if line.startswith("CPU:"):
            found = LOST.match(line)
            if found:
                gap = Gap(int(found[2]) if found[2] else None, int(found[1]), self.last_on(int(found[1])))
                self.gaps.append(gap)
                return gap
        elif line.startswith("#"):
            found = KEPT.match(line)
            if found:
                self.kept, self.written = int(found[1]), int(found[2])
            found = STARTED.match(line)
            if found:
                gap = Gap(None, int(found[1]), None)
                self.started.append(gap)
                return gap
        elif "\0" in line:
            self.binary = True
        return None

    def last_on(self, cpu):
        """The time of the last event of a processor; None: there was none."""
        return next((time for name, time in self.last_of.items() if name.isdigit() and int(name) == cpu), None)

    @staticmethod
    def ends(gap, cpu, line, at):
        """Is this the first event behind the gap, of its processor?"""
        if not cpu.isdigit() or int(cpu) != gap.cpu:
            return False
        try:
            gap.time = float(line[line.rfind(" ", 0, at) + 1:at])
        except ValueError:
            return False
        return True

    def overwritten(self):
        """How many of the oldest events the buffers have not kept."""
        return self.written - self.kept if self.written else 0

    def missing(self):
        return self.overwritten() + sum(gap.count or 0 for gap in self.gaps)

    def complete_from(self):
        """The time from which on each processor's events are there, or later; None: they are from the start."""
        times = [gap.time for gap in self.started if gap.time is not None]
        if self.overwritten():
            times += [time for time in self.first_of.values() if time is not None]
        return max(times) if times else None

    def complaint(self):
        """Why there is nothing in it, or None."""
        if not self.seen:
            return "the trace is empty"
        if self.binary and not self.xtcp:
            return "this is no text; of a trace.dat, trace-cmd report makes some"
        if not self.xtcp:
            return "no event of xtcp in %d lines; was events/xtcp/enable 1 when it happened?" % self.seen
        if self.damaged and not self.segments:
            return "its events are those of another version of xtcp, or its clock does not count seconds " \
                   "(echo global >%s/trace_clock)" % TRACEFS
        return None


def from_memory(name):
    """Why there can be nothing to read in the tracefs of now, or None."""
    if not name.startswith(TRACEFS + "/"):
        return None
    if not os.path.isdir(TRACEFS):
        return "there is no %s; mount -t tracefs nodev %s" % (TRACEFS, TRACEFS)
    if not os.access(TRACEFS, os.X_OK):
        return "%s is for root only" % TRACEFS
    if not os.path.exists(TRACEFS + "/trace"):
        return "no tracefs is mounted; mount -t tracefs nodev %s" % TRACEFS
    return None


def clean(line):
    """With a question mark for each sign that a terminal could obey: who has written a trace may be anybody."""
    if line[:-1].isprintable():
        return line
    return "".join(sign if sign.isprintable() or sign in "\n\t\0" else "?" for sign in line)


def lines_of(file):
    """Its lines; one without an end is no line of a trace and comes in pieces."""
    while True:
        line = file.readline(LONGEST)
        if not line:
            return
        yield clean(line)


def open_lines(name):
    """A file, or standard input (-), as text."""
    if name == "-":
        return open(0, encoding="utf-8", errors="replace", closefd=False)
    reason = from_memory(name)
    if reason:
        raise Unreadable(reason)
    try:
        return open(name, encoding="utf-8", errors="replace")
    except OSError as error:
        raise Unreadable("cannot read %s: %s" % (name, error.strerror)) from None


def builds():
    """The folders of events of the module, which may be loaded under several names."""
    top = TRACEFS + "/events/"
    try:
        return [top + name for name in os.listdir(top) if os.path.isdir(top + name + "/xtcp_segment_out")]
    except OSError:
        return []


def why_nothing(name):
    """What the tracefs of now says about an empty trace."""
    if not name.startswith(TRACEFS + "/"):
        return ""
    if not builds():
        return missing("xtcp", "events")
    try:
        for folder in builds():
            with open(folder + "/enable") as file:
                if file.read(1) != "0":
                    return ""
    except OSError:
        return ""
    return "nothing is traced; echo 1 >%s/enable, before the connection begins" % builds()[0]


def buffer_advice(trace):
    """How to have it all the next time."""
    size = None
    try:
        if trace.is_of_now:
            with open(TRACEFS + "/buffer_size_kb") as file:
                size = int(file.read().split()[0])
    except (OSError, ValueError, IndexError):
        pass
    factor = 2
    while trace.written and factor * trace.kept < trace.written:
        factor *= 2
    if size:
        return "For all of them: echo %d >%s/buffer_size_kb (it is %d) before it happens." % \
            (size * factor, TRACEFS, size)
    return "A buffer %d times as large has room for all of them: %s/buffer_size_kb, before it happens." % \
        (factor, TRACEFS)


def what_is_missing(trace):
    """In words, and what to do about it."""
    where = []
    if trace.overwritten():
        where.append("the oldest %s of its %s events were overwritten" % (format(trace.overwritten(), ","),
                                                                         format(trace.written, ",")))
    if trace.gaps:
        where.append("%s events were lost in %d place%s" % (format(sum(gap.count or 0 for gap in trace.gaps), ","),
                                                            len(trace.gaps), "" if len(trace.gaps) == 1 else "s"))
    return "The trace is not complete: %s. %s" % (" and ".join(where) or "its oldest events were overwritten",
                                                 buffer_advice(trace))


def port_of(end):
    try:
        return int(end.rsplit(":", 1)[1])
    except (IndexError, ValueError):
        return 0
