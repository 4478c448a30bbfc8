# SPDX-License-Identifier: GPL-2.0
"""The black boxes of connections, as /proc/net/xtcp_blackbox shows them, or a copy of it."""

import re

from events import fields_of
from segments import MODULUS, modular

LINE = re.compile(r"^ (\d+\.\d{6}) (\w+)(.*)$")
BEHIND = " cwnd="       # a segment's line has more than that of a trace


class Happened:
    """An event of a box: .time in seconds, .name without "xtcp_", .text as a trace has it, .words: every field."""

    __slots__ = ("time", "name", "text", "words")

    def __init__(self, time, name, text):
        self.time, self.name = float(time), name
        self.words = fields_of(text)
        at = text.find(BEHIND) if name.startswith("segment") else -1
        self.text = text[:at] if at >= 0 else text

    def number(self, name):
        return int(self.words.get(name, 0))

    @property
    def is_segment(self):
        return self.name.startswith("segment")


class Box:
    """A connection's box: .number, .netns, .local, .peer, .began and .ended in seconds (.ended is 0 while it lives),
    .reason in words, .error: an errno or 0, .total: events that it has had, .missing: those that are gone, .shift and
    .peer_shift of the windows, .iss, .irs, .mss, .uid, .happened: a list of Happened."""

    def __init__(self, words):
        self.number, self.netns = int(words["box"]), words["netns"]
        self.local, self.peer, self.reason = words["local"], words["peer"], words["reason"]
        self.began, self.ended = float(words["began"]), float(words["ended"])
        self.total, self.missing = int(words["events"]), int(words["missing"])
        self.iss, self.irs, self.mss = int(words["iss"]), int(words["irs"]), int(words["mss"])
        self.shift, self.peer_shift = int(words["shift"]), int(words["peer_shift"])
        self.uid, self.error = int(words["uid"]), int(words["error"])
        self.happened = []

    @property
    def lives(self):
        return self.ended == 0

    def trace(self):
        """Its events as lines of a trace, which xtcp-ladder and xtcp-plot read. A box has no event xtcp_ack: what each
        ACK has brought is told by the numbers of the next segment."""
        sender = Sender(self)
        for at, event in enumerate(self.happened):
            if event.name in ("call", "refused"):
                continue
            yield self.line(event.time, event.name, event.text)
            ack = sender.take(event, self.happened[at + 1:])
            if ack:
                yield self.line(event.time, "ack", ack)

    def line(self, time, name, text):
        return "             box-0       [000] ..... %.6f: xtcp_%s: netns=%s local=%s peer=%s%s\n" % (
            time, name, self.netns, self.local, self.peer, text)


class Sender:
    """What the end of a box knows as its sender, event by event: .una, .nxt, .window, .cwnd, .ssthresh, .srtt_us, .phase;
    and as its receiver: .rcv_nxt, .rcv_window."""

    def __init__(self, box):
        self.box = box
        self.una = self.nxt = (box.iss + 1) % MODULUS
        self.window, self.cwnd, self.ssthresh, self.srtt_us, self.phase = 0, 0, MODULUS - 1, 0, "Open"
        self.rcv_nxt, self.rcv_window = (box.irs + 1) % MODULUS, 0
        self.is_first = True

    def take(self, event, later):
        """The text of xtcp_ack, if the event is an ACK of something new."""
        if event.name == "congestion":
            self.phase, self.cwnd, self.ssthresh = event.words["phase"], event.number("cwnd"), event.number("ssthresh")
            self.una, self.nxt, self.srtt_us = event.number("snd_una"), event.number("snd_nxt"), event.number("srtt_us")
        if not event.is_segment:
            return None
        if not event.number("rebuilt"):
            self.cwnd, self.srtt_us = event.number("cwnd"), event.number("srtt_us")
            self.una = event.number("snd_una")
        if self.is_first:   # what was sent before is not in the box
            self.nxt = self.una
            self.is_first = False
        shift = 0 if "S" in event.words["flags"] else event.number("shift")
        if event.name == "segment_out":
            if modular(event.number("end") - self.nxt) > 0:
                self.nxt = event.number("end")
            self.rcv_nxt, self.rcv_window = event.number("ack") or self.rcv_nxt, event.number("wnd") << shift
            return None
        self.window = event.number("wnd") << shift
        acked = modular(event.number("ack") - self.una)
        if "A" not in event.words["flags"] or acked <= 0 or acked > modular(self.nxt - self.una):
            return None
        self.una = event.number("ack")
        told = next((other for other in later if other.is_segment), event)
        self.cwnd, self.srtt_us = told.number("cwnd"), told.number("srtt_us")
        return " phase=%s snd_una=%d snd_nxt=%d snd_wnd=%d acked=%d sacked=0 lost=0 delivered=%d pipe=%d cwnd=%d" \
               " ssthresh=%d rtt_us=%d srtt_us=%d" % (
                   self.phase, self.una, self.nxt, self.window, acked, acked, modular(self.nxt - self.una), self.cwnd,
                   self.ssthresh, self.srtt_us, self.srtt_us)


def boxes_in(lines):
    """All boxes, in the order in which their connections began."""
    found = []
    for line in lines:
        line = line.rstrip("\n")
        match = LINE.match(line)
        if match and found:
            found[-1].happened.append(Happened(*match.groups()))
        elif line.startswith("box="):
            found.append(Box(fields_of(line)))
        elif line:
            raise ValueError("this line is not known here: %s" % line[:60])
    return sorted(found, key=lambda box: box.number)
