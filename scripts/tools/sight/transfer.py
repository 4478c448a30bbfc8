# SPDX-License-Identifier: GPL-2.0
"""One connection as its sender saw it: for xtcp-plot and the demonstrations."""

from events import Gap, Trace, port_of, settings_of
from segments import MODULUS, Segment, Ways, modular

LEAST = 1e-3    # seconds of a picture
NONE = MODULUS - 1  # an ssthresh that nothing has set yet


def events(lines, port=None):
    """The events of the first connection, or of the first one that has this port at one end, in lines, a Trace, or a
    tuple of its events."""
    wanted = None
    for event in lines if isinstance(lines, (Trace, tuple)) else Trace(lines):
        if isinstance(event, Gap):
            continue
        ends = {event.local, event.peer}
        if wanted is None and event.name.startswith("segment") and (port is None or port in map(port_of, ends)):
            wanted = ends
        if ends == wanted:
            yield event


class Sent:
    """A segment with text that left. .lost: it never arrived, though the other end is in the trace, too."""

    def __init__(self, segment, time, left):
        self.segment, self.time, self.left, self.right = segment, time, left, left + segment.len
        self.resent, self.lost = segment.resent, False


class Change:
    """A change of congestion state: .phase from now on, .words, and the windows before (None: not known) and after."""

    def __init__(self, time, event, before):
        self.time, self.phase, self.reason = time, event.phase, event.reason
        self.cwnd, self.ssthresh, self.una, self.before = event.cwnd, event.ssthresh, event.snd_una, before
        self.new_phase, self.old_phase = True, "Open"

    def words(self):
        text = (self.phase + ": " if self.new_phase else "") + self.reason
        if self.before and self.before.cwnd != self.cwnd:
            text += ", cwnd %s → %s" % (kilo(self.before.cwnd), kilo(self.cwnd))
        if self.ssthresh != NONE and not (self.before and self.before.ssthresh == self.ssthresh):
            text += ", ssthresh " + kilo(self.ssthresh)
        return text


def kilo(octets):
    return "%.1f kB" % (octets / 1000)


class Transfer:
    """What the end did that sent more. Times in seconds from the first event that ladder draws, too; places in
    the stream in octets from the first one of text."""

    def __init__(self, lines, port=None, name=""):
        every = list(events(lines, port))
        out = [event for event in every if event.name == "segment_out"]
        if not out:
            raise ValueError("no segment of such a connection left in this trace")
        self.start = min(event.time for event in every if event.name.startswith("segment"))
        sums = {}
        for event in out:
            sums[event.local] = sums.get(event.local, 0) + event.len
        self.sender = max(sums, key=sums.get)
        self.name = name or self.sender
        self.peer = next(event.peer for event in out if event.local == self.sender)
        if not sums[self.sender]:
            raise ValueError("this connection has sent no text, so there is nothing to plot")
        first = next(event for event in out if event.local == self.sender and (event.len or "S" in event.flags))
        self.base = first.seq + ("S" in first.flags)
        self.sent, self.acks, self.sacks, self.changes, self.settings = [], [], [], [], []
        self.windows = []   # (time, cwnd, ssthresh or None, in flight) after each event that changes one of them
        self.ways = Ways()
        seen_by_peer = any(event.local == self.peer for event in every)
        for event in every:
            self.take(event)
        for sent in self.sent if seen_by_peer else ():
            sent.lost = self.ways.is_lost(sent.segment, every[-1].time)
        self.mark_phases()

    def take(self, event):
        time = event.time - self.start
        if event.name == "segment_out" and event.local == self.sender and event.len:
            segment = Segment(event, 0, None)
            segment.time, segment.index = event.time, event.index
            self.ways.leaves(segment, event)
            self.sent.append(Sent(segment, time, self.place(event.seq)))
            _, cwnd, ssthresh, pipe = self.windows[-1] if self.windows else (0, None, None, 0)
            self.windows.append((time, cwnd, ssthresh, pipe + event.len))
        elif event.name == "segment_in" and event.local == self.peer and event.len:
            self.ways.arrivals(event, 0)
        elif event.name == "segment_in" and event.local == self.sender and event.sacks:
            blocks = [tuple(self.place(int(edge)) for edge in block.split("-")) for block in event.sacks.split(",")]
            self.sacks.append((time, blocks))
        elif event.name == "ack" and event.local == self.sender:
            event.time, event.una = time, self.place(event.snd_una)
            self.acks.append(event)
            self.known(time, event, event.pipe)
        elif event.name == "congestion" and event.local == self.sender:
            before = self.acks[-1] if self.acks else None
            if self.changes and (not before or self.changes[-1].time > before.time):
                before = self.changes[-1]
            self.changes.append(Change(time, event, before))
            self.known(time, event, event.number("pipe", None))
        elif event.name == "set" and event.local == self.sender:
            self.settings.append((time, settings_of(event)))

    def place(self, seq):
        return modular(seq - self.base)

    def known(self, time, event, pipe):
        """The windows after an ACK or a change. What leaves counts from when it leaves, and is in the next pipe."""
        if pipe is None:    # of older events
            pipe = self.windows[-1][3] if self.windows else 0
        self.windows.append((time, event.cwnd, None if event.ssthresh == NONE else event.ssthresh, pipe))

    def mark_phases(self):
        phase = "Open"
        for change in self.changes:
            change.new_phase, change.old_phase = change.phase != phase, phase
            phase = change.phase

    def lost(self):
        return [segment for segment in self.sent if segment.lost]

    def bounds(self):
        times = [thing.time for thing in self.sent + self.acks + self.changes]
        begin = min(thing.time for thing in self.sent)
        return begin, max(*times, begin + LEAST)

    def all_bounds(self, others):
        bounds = [self.bounds()] + [other.bounds_of(self) for other in others]
        return min(begin for begin, _ in bounds), max(end for _, end in bounds)

    def bounds_of(self, other):
        """bounds() in the time of another one."""
        begin, end = self.bounds()
        return begin + self.start - other.start, end + self.start - other.start

    def cwnds_of(self, other):
        """(time, cwnd) after each ACK and each change, in the time of another one."""
        for time, cwnd, _, _ in self.windows:
            if cwnd is not None:
                yield time + self.start - other.start, cwnd

    def round_trips_of(self, other):
        """As that, the smoothed ones in seconds."""
        return [(ack.time + self.start - other.start, ack.srtt_us / 1e6) for ack in self.acks if ack.srtt_us]

    def phases(self):
        """(phase, from, to) of all that are not Open."""
        end = self.bounds()[1]
        spans = []
        for change, follower in zip(self.changes, self.changes[1:] + [None]):
            until = follower.time if follower else end
            if change.phase == "Open":
                continue
            if spans and spans[-1][0] == change.phase and spans[-1][2] == change.time:
                spans[-1] = (change.phase, spans[-1][1], until)
            else:
                spans.append((change.phase, change.time, until))
        return spans

    def episodes(self, apart=0.25):
        """The lost segments, as lists of such that were sent within so many seconds."""
        lists = []
        for segment in self.lost():
            if lists and segment.time - lists[-1][-1].time < apart:
                lists[-1].append(segment)
            else:
                lists.append([segment])
        return lists

    def repaired(self, segments):
        """When all of these were acknowledged, or the end."""
        right = max(segment.right for segment in segments)
        for ack in self.acks:
            if ack.time > segments[0].time and ack.una >= right:
                return ack.time
        return self.bounds()[1]

    def summary(self):
        begin, end = self.bounds()
        octets = max(segment.right for segment in self.sent)
        last = next((ack.time for ack in self.acks if ack.una >= octets), end)
        lost, again = len(self.lost()), sum(1 for segment in self.sent if segment.resent)
        return "%s in %.2f s, %.1f Mbit/s; segments: %d sent, %d lost, %d resent" % \
            (kilo(octets), last - begin, octets * 8e-6 / max(last - begin, 1e-6), len(self.sent), lost, again)


def ticks(low, high, about):
    """Round numbers between two, about so many."""
    step = 1e-9
    while (high - low) / step > about:
        for factor in (2, 2.5, 2):
            step *= factor
            if (high - low) / step <= about:
                break
    number = int(low / step + 0.999999)
    while number * step <= high + step * 1e-6:
        yield number * step
        number += 1
