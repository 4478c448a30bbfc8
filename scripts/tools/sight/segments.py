# SPDX-License-Identifier: GPL-2.0
"""Segments, and which arrival is of which departure."""

MODULUS = 1 << 32
NEAR = 2000  # departures that are looked through for one that an arrival is made of
SLACK = 0.001   # seconds by which ways may differ, or by as much as they take


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
                 "sacks", "options", "ts", "resent", "arrivals", "state", "note", "fate", "untold", "origin")

    def __init__(self, event, sender, window):
        self.sender, self.window = sender, window
        self.time = self.index = None
        self.flags = event.flags
        self.seq, self.end, self.ack, self.len = event.seq, event.end, event.ack, event.len
        self.field, self.segs, self.ecn = event.wnd, event.segs, event.ecn
        self.sacks, self.options, self.resent = event.sacks, event.options or "", event.resent
        self.ts = event.ts
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
        self.due, self.quickest = [0, 0], [0, 0]    # how long the last segment took, and the quickest, of each sender
        self.newest = [None, None]  # when the newest departure that has arrived had left, of each sender
        self.slowest = 0.0

    def leaves(self, segment, event):
        self.same.setdefault(signature(event, segment.sender), []).append(segment)
        self.open[segment.sender].append(segment)
        if segment.len:
            recent = self.recent[segment.sender]
            recent.append(segment)
            if len(recent) > NEAR * 2:
                del recent[:NEAR]

    def chosen(self, known, event, sender):
        """Of departures that this arrival may be, in order, or None: a path keeps order as long as nothing proves that it
        does not. So it is the oldest one behind which nothing has arrived; but one that would have taken much longer than
        the segment before, and than the newest one of these, is lost. None takes half as long as the quickest."""
        quickest, newest = self.quickest[sender], self.newest[sender]
        if len(known) > 1:
            known = [segment for segment in known if 2 * (event.time - segment.time) >= quickest] or known
            known = [segment for segment in known if newest is None or segment.time >= newest] or known
        if not known:
            return None
        least = event.time - known[-1].time
        due = max(self.due[sender] or self.due[1 - sender], least)
        limit = due + max(due, SLACK)
        return next((segment for segment in known if event.time - segment.time <= limit), known[-1])

    def matching(self, departures, sender, fits):
        """Those of the newest that may be it, in order; none before one that left no later than what has arrived."""
        found = []
        for segment in reversed(departures[-NEAR:]):
            if found and self.newest[sender] is not None and segment.time < self.newest[sender]:
                break
            if fits(segment):
                found.append(segment)
        return found[::-1]

    def whole(self, event, sender):
        """The departure that is this arrival, or None."""
        known = self.same.get(signature(event, sender))
        if not known:
            return None
        known[:] = [segment for segment in known if not segment.arrivals]
        found = self.chosen(known, event, sender)
        if found:
            known.remove(found)
        return found

    @staticmethod
    def has_left(segment, octets):
        """Have so many of it not arrived?"""
        return segment.len - sum(arrival.octets for arrival in segment.arrivals) >= octets

    def merged(self, event, sender):
        """Those that one arrival is made of, put together on the way, perhaps of parts of bundles."""
        found, place = [], event.end
        for segment in reversed(self.recent[sender][-NEAR:]):
            if segment.ts == event.ts and modular(segment.end - place) >= 0 and modular(place - segment.seq) > 0:
                first = max(modular(segment.seq - event.seq), 0)
                last = min(modular(segment.seq - event.seq) + segment.len, modular(place - event.seq))
                if self.has_left(segment, last - first):
                    found.append(segment)
                    place = (event.seq + first) % MODULUS
                    if not first:
                        return found[::-1]
        return []

    def bundle(self, event, sender):
        """One that this arrival is a part of, or None."""
        return self.chosen(self.matching(self.recent[sender], sender, lambda segment: segment.ts == event.ts and
                                         modular(event.seq - segment.seq) >= 0 and
                                         modular(segment.end - event.end) >= 0 and
                                         self.has_left(segment, event.len)),
                           event, sender)

    def alike(self, event, sender):
        """A departure that has not arrived and says the same but for what a network may change."""
        return self.chosen(self.matching(self.open[sender], sender, lambda segment: not segment.arrivals and
                                         (segment.seq, segment.end, segment.flags) ==
                                         (event.seq, event.end, event.flags) and
                                         (segment.ack == event.ack or "A" not in segment.flags)), event, sender)

    def departures(self, event, sender):
        """What arrives here: a list of departures, empty when nobody saw it leave."""
        one = self.whole(event, sender)
        if one:
            self.due[sender] = event.time - one.time
            self.quickest[sender] = min(self.quickest[sender] or self.due[sender], self.due[sender])
        elif event.len:
            one = self.bundle(event, sender)
        found = [one] if one else self.merged(event, sender) if event.len else []
        if not found:
            one = self.alike(event, sender)
            found = [one] if one else []
        for segment in found:
            self.slowest = max(self.slowest, event.time - segment.time)
            self.newest[sender] = max(self.newest[sender] or segment.time, segment.time)
        return found

    def arrivals(self, event, sender):
        """The same as a list of arrivals, one of each departure."""
        found = self.departures(event, sender)
        made = [Arrival(segment, event.time, event.index, event.seq, event.len) for segment in found]
        for arrival in made if len(found) > 1 else ():
            segment = arrival.segment
            before = max(modular(segment.seq - event.seq), 0)
            arrival.seq = (event.seq + before) % MODULUS
            arrival.octets = min(modular(segment.seq - event.seq) + segment.len, event.len) - before
        for arrival in made:
            arrival.segment.arrivals.append(arrival)
        return made

    def is_overtaken(self, segment):
        """Has one arrived that left later?"""
        newest = self.newest[segment.sender]
        return newest is not None and newest > segment.time

    def is_under_way(self, segment, ended):
        """May it still arrive behind the end of the trace?"""
        return not self.is_overtaken(segment) and ended - segment.time < max(2 * self.slowest, SLACK)

    def is_lost(self, segment, ended):
        return not segment.arrivals and not self.is_under_way(segment, ended)

    def sweep(self):
        for sender in (0, 1):
            self.open[sender][:] = [segment for segment in self.open[sender] if not segment.arrivals]
