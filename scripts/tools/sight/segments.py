# SPDX-License-Identifier: GPL-2.0
"""Segments, and which arrival is of which departure."""

MODULUS = 1 << 32
NEAR = 2000  # departures that are looked through for one that an arrival is made of


def modular(number):
    """How far apart two sequence numbers are."""
    number %= MODULUS
    return number - MODULUS if number >= MODULUS // 2 else number


class Arrival:
    """A segment, or a part of it, at the other end. .dropped: why it ended there; .seq and .octets: of its text;
    .state: what it has made of that end, and before, for no time, what .passed has."""

    __slots__ = ("segment", "time", "index", "seq", "octets", "state", "passed", "dropped", "marked")

    def __init__(self, segment, time, index, seq, octets):
        self.segment, self.time, self.index, self.seq, self.octets = segment, time, index, seq, octets
        self.state, self.passed, self.dropped, self.marked = "", (), "", False


class Segment:
    """.sender is 0 (the left end) or 1; .time is when it left, None: nobody saw it leave. .window: in octets, or None:
    nobody knows how the field is shifted. .fate: "" or what became of it if it did not arrive."""

    __slots__ = ("sender", "window", "time", "index", "flags", "seq", "end", "ack", "len", "field", "segs", "ecn",
                 "sacks", "options", "resent", "arrivals", "state", "note", "fate", "untold", "origin")

    def __init__(self, event, sender, window):
        self.sender, self.window = sender, window
        self.time = self.index = None
        self.flags = event.flags
        self.seq, self.end, self.ack, self.len = event.seq, event.end, event.ack, event.len
        self.field, self.segs, self.ecn = event.wnd, event.segs, event.ecn
        self.sacks, self.options, self.resent = event.sacks, event.options or "", event.resent
        self.arrivals = []
        self.state = ""
        self.note = ""
        self.fate = ""
        self.untold = False     # nobody looks at the other end
        self.origin = (0, 0)  # the initial sequence numbers of the sender and of the other end, as known then

    def missing(self):
        """Octets of a bundle that did not arrive."""
        return self.len - sum(arrival.octets for arrival in self.arrivals) if self.arrivals else 0


def signature(event, sender):
    return (sender, event.seq, event.end, event.ack, event.wnd, event.flags, event.sacks, event.ts)


class Ways:
    """The segments on their way."""

    def __init__(self):
        self.same = {}
        self.open = ([], [])
        self.recent = ([], [])
        self.due = [None, None]     # how long the last segment took, of each sender

    def leaves(self, segment, event):
        self.same.setdefault(signature(event, segment.sender), []).append(segment)
        self.open[segment.sender].append(segment)
        if segment.len:
            recent = self.recent[segment.sender]
            recent.append(segment)
            if len(recent) > NEAR * 2:
                del recent[:NEAR]

    def whole(self, event, sender):
        """The departure that is this arrival, or None. Of several that say the same, the one that then took as long as
        the segment before; as long as none has arrived, of text the newest one, since what was sent before it may be
        what is lost, else the oldest one."""
        known = self.same.get(signature(event, sender))
        if not known:
            return None
        if len(known) > 1:
            known[:] = [segment for segment in known if not segment.arrivals]
            due = self.due[sender]
            if due is not None and known:
                found = min(known, key=lambda segment: abs(event.time - segment.time - due))
            else:
                found = known[-1 if event.len else 0] if known else None
        else:
            found = known[0]
        if found:
            known.remove(found)
        return None if not found or found.arrivals else found

    def merged(self, event, sender):
        """Those that one arrival is made of, put together on the way; some may be lost and sent again before."""
        found, place, recent = [], event.end, self.recent[sender]
        for segment in reversed(recent[-NEAR:]):
            if not segment.arrivals and segment.end == place and modular(segment.seq - event.seq) >= 0:
                found.append(segment)
                place = segment.seq
                if place == event.seq:
                    break
        return found[::-1] if place == event.seq else []

    def bundle(self, event, sender):
        """The newest that this arrival is a part of, or None."""
        for segment in reversed(self.recent[sender][-NEAR:]):
            if modular(event.seq - segment.seq) >= 0 and modular(segment.end - event.end) >= 0 and \
                    segment.missing() + (segment.len if not segment.arrivals else 0) >= event.len:
                return segment
        return None

    def alike(self, event, sender):
        """A departure that has not arrived and says the same but for what a network may change."""
        for segment in reversed(self.open[sender][-NEAR:]):
            if not segment.arrivals and (segment.seq, segment.end, segment.flags) == \
                    (event.seq, event.end, event.flags) and \
                    (segment.ack == event.ack or "A" not in segment.flags):
                return segment
        return None

    def departures(self, event, sender):
        """What arrives here: a list of departures, empty when nobody saw it leave."""
        found = self.whole(event, sender)
        if found:
            self.due[sender] = event.time - found.time
            return [found]
        if event.len:
            found = self.merged(event, sender)
            if found:
                return found
            found = self.bundle(event, sender)
            if found:
                return [found]
        found = self.alike(event, sender)
        return [found] if found else []

    def sweep(self):
        """Forgets what has arrived."""
        for sender in (0, 1):
            self.open[sender][:] = [segment for segment in self.open[sender] if not segment.arrivals]
