# SPDX-License-Identifier: GPL-2.0
"""What the events told of each connection, as one of its ends saw it, in as
little memory as a picture needs."""

from collections import deque

from segments import modular

MOST = 3000         # points of one flow
MOST_FLOWS = 20000
MOST_MARKS = 400    # resent segments, changes and gaps that are kept
NONE = (1 << 32) - 1
RATE = 2.0          # seconds that a rate is of


class Point:
    """After an ACK and what it has let out. .place: octets acknowledged since the flow is known, .delivered: those that
    the ACKs told of."""

    __slots__ = ("time", "place", "cwnd", "ssthresh", "pipe", "srtt_us", "rtt_us", "delivered")

    def __init__(self, time, place, event, delivered):
        self.time, self.place, self.delivered = time, place, delivered
        self.cwnd, self.pipe, self.srtt_us, self.rtt_us = event.cwnd, event.pipe, event.srtt_us, event.rtt_us
        self.ssthresh = None if event.ssthresh == NONE else event.ssthresh


class Change:
    """Of congestion state."""

    __slots__ = ("time", "phase", "reason", "cwnd", "before", "ssthresh")

    def __init__(self, event, before):
        self.time, self.phase, self.reason = event.time, event.word("phase"), event.word("reason")
        self.cwnd, self.before = event.number("cwnd"), before
        self.ssthresh = None if event.number("ssthresh", NONE) == NONE else event.number("ssthresh")

    def words(self):
        text = "%s: %s" % (self.phase, self.reason)
        if self.before and self.before != self.cwnd:
            text += ", cwnd %.1f -> %.1f kB" % (self.before / 1000, self.cwnd / 1000)
        if self.ssthresh is not None:
            text += ", ssthresh %.1f kB" % (self.ssthresh / 1000)
        return text


class Flow:
    """One end of a connection. None: not told yet. .points: None if nobody wants its history."""

    def __init__(self, event, history):
        self.local, self.peer = event.local, event.peer
        self.first = self.last = event.time
        self.cwnd = self.ssthresh = self.pipe = self.srtt_us = None
        self.phase = "Open"
        self.algorithm = None   # events do not tell
        self.una = self.nxt = None
        self.place = self.delivered = self.received = self.lost = self.resent = 0
        self.points, self.apart = [] if history else None, 0.0
        self.changes, self.again = deque(maxlen=MOST_MARKS), deque(maxlen=MOST_MARKS)
        self.marks = deque([(event.time, 0, 0)], maxlen=64)

    def acked(self, event):
        if self.una is None:
            self.una = (event.snd_una - event.acked) % (1 << 32)
        self.place += modular(event.snd_una - self.una)
        self.una = event.snd_una
        self.delivered += event.delivered
        self.lost += event.lost
        self.windows(event)
        if self.points:
            self.points[-1].pipe += max(modular(event.snd_nxt - self.nxt), 0)   # has left since then
        self.nxt = event.snd_nxt
        if self.points is not None:
            self.point(Point(event.time, self.place, event, self.delivered))

    def windows(self, event):
        self.cwnd, self.pipe, self.phase = event.cwnd, event.pipe, event.phase
        self.ssthresh = None if event.ssthresh == NONE else event.ssthresh
        self.srtt_us = event.srtt_us or self.srtt_us

    def point(self, point):
        """Kept if it is far enough from the one before, or if the window falls; else that one makes room for it."""
        points = self.points
        if len(points) > 1 and point.time - points[-2].time < self.apart and point.cwnd >= points[-1].cwnd:
            points[-1] = point
            return
        points.append(point)
        if len(points) > MOST:
            self.apart = max(self.apart * 2, (points[-1].time - points[0].time) / MOST)
            points[:] = points[::2]

    def changed(self, event):
        self.changes.append(Change(event, self.cwnd))
        self.windows(event)

    def segment(self, event):
        if event.name == "segment_in":
            self.received += event.len
        elif event.resent:
            self.resent += event.segs
            if self.points:
                self.points[-1].pipe += event.len
            # before the first ACK nobody knows how far away that is
            ahead = 0 if self.una is None else modular(event.seq - self.una)
            self.again.append((event.time, self.place + ahead))

    def take(self, event):
        self.last = event.time
        if event.name == "ack":
            self.acked(event)
        elif event.name == "congestion":
            self.changed(event)
        else:
            self.segment(event)

    def is_another(self, event):
        """Does this tell of a later connection between the same ends?"""
        return event.name == "ack" and self.una is not None and modular(event.snd_una - self.una) < 0

    def rates(self, now):
        """Octets per second (delivered, received) of the last seconds, as of now."""
        while len(self.marks) > 1 and now - self.marks[1][0] >= RATE:
            self.marks.popleft()
        since, delivered, received = self.marks[0]
        seconds = max(now - since, 1e-3)
        if now - self.marks[-1][0] >= RATE / 16:
            self.marks.append((now, self.delivered, self.received))
        return (self.delivered - delivered) / seconds, (self.received - received) / seconds

    def forget(self, before):
        """What was earlier; the last point of it stays, for the line that begins there."""
        at = 0
        while at + 1 < len(self.points) and self.points[at + 1].time < before:
            at += 1
        del self.points[:at]
        for marks in (self.changes, self.again):
            while marks and time_of(marks[0]) < before:
                marks.popleft()

    def rate_points(self, window, end):
        """(time, octets per second over the window before it), up to this end."""
        at, last = 0, None
        for point in self.points:
            if last is not None and point.time - last > window:
                yield last + window, 0.0
            while at + 1 < len(self.points) and self.points[at + 1].time <= point.time - window:
                at += 1
            earlier, last = self.points[at], point.time
            yield last, (point.delivered - earlier.delivered) / max(last - earlier.time, window)
        if last is not None and end - last > window:
            yield last + window, 0.0

    def phases(self, end):
        """(phase, from, to) of all that are not Open."""
        every = list(self.changes)
        for change, follower in zip(every, every[1:] + [None]):
            if change.phase != "Open":
                yield change.phase, change.time, follower.time if follower else end


def time_of(mark):
    return mark[0] if isinstance(mark, tuple) else mark.time


class Flows:
    """All of them by (local, peer). .lost: events that are missing; .gaps: when. .now: the time of the last event."""

    def __init__(self, history):
        self.all, self.history = {}, history
        self.lost = 0
        self.gaps = deque(maxlen=MOST_MARKS)
        self.now = None

    def take(self, event):
        if event.local is None:     # a gap
            self.lost += event.count or 1
            self.gaps.append(self.now if event.time is None else event.time)
            return
        self.now = event.time
        name = event.name
        if not (name in ("ack", "congestion") or name == "segment_in" and event.len or
                name == "segment_out" and event.len and event.resent):
            return
        flow = self.all.get((event.local, event.peer))
        if flow is None or flow.is_another(event):
            if len(self.all) >= MOST_FLOWS:
                self.make_room()
            flow = self.all[event.local, event.peer] = Flow(event, self.history)
        flow.take(event)

    def make_room(self):
        """The half that was silent longest goes."""
        every = sorted(self.all.items(), key=lambda item: item[1].last)
        for key, _ in every[:len(every) // 2]:
            del self.all[key]

    def keep(self, keys):
        """Forgets the connections that have ended."""
        if len(self.all) > 2 * len(keys) + 100:
            self.all = {key: flow for key, flow in self.all.items() if key in keys}
