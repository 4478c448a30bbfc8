# SPDX-License-Identifier: GPL-2.0
"""Traces of transfers that never were, made by a seed, and what is true of them: which
arrival is of which departure, and how much was in flight.

A sender with a window, cumulative ACKs, three duplicate ACKs and a timer; two ways that lose
segments, and keep their order or not; bundles that the network cuts, segments that it puts
together; with timestamps or without."""

import heapq
import random

ENDS = ("local=10.0.0.1:4000 peer=10.0.0.2:80", "local=10.0.0.2:80 peer=10.0.0.1:4000")
ACK = "snd_wnd=64000 acked=0 sacked=0 lost=0 delivered=0 pipe=%d cwnd=%d ssthresh=4294967295 rtt_us=0 srtt_us=0"
CHANGE = "pipe=%d cwnd=%d ssthresh=4294967295 reason="
STEP = 2e-6         # between two events: no two have the same time


class Way:
    """From one end to the other: how long it takes, and what it does."""

    def __init__(self, rng):
        self.rng = rng
        self.takes, self.varies = rng.choice((0.00005, 0.002, 0.01, 0.05)), rng.choice((0, 0, 0.1, 0.5))
        self.loses = rng.choice((0, 0, 0.05, 0.2))
        self.keeps_order = rng.random() < 0.7
        self.last = 0.0

    def arrives(self, time):
        """When what leaves now does; None: never."""
        at = time + self.takes * (1 + self.varies * self.rng.random())
        if not self.keeps_order and self.rng.random() < 0.2:
            at += self.takes * self.rng.random()
        if self.keeps_order:
            at = max(at, self.last + STEP)
        if self.rng.random() < self.loses:
            return None
        self.last = max(self.last, at)
        return at


class Piece:
    """Of the stream, as the sender knows it."""

    def __init__(self, seq, octets):
        self.seq, self.end, self.flight, self.lost = seq, seq + octets, 0, False


class Simulation:
    """.lines: the trace. .left: {number of an arrival's line: those of its departures}. .sent: {number of a departure's
    line: (end, seconds)}. .flight: [(seconds, octets in flight)] behind each event at the sender."""

    def __init__(self, seed):
        self.rng = rng = random.Random(seed)
        self.ways = (Way(rng), Way(rng))
        self.stamps = rng.random() < 0.5
        # without stamps nobody could tell
        self.merges = self.stamps and self.ways[0].keeps_order and rng.random() < 0.3
        self.cuts = self.stamps and rng.random() < 0.3
        self.mss = rng.choice((100, 1448))
        self.lines, self.left, self.sent, self.flight = [], {}, {}, []
        self.todo, self.count, self.now = [], 0, 1.0
        self.base = (rng.randrange(1 << 32), rng.randrange(1 << 32))
        self.pieces, self.unsent = [], [Piece(at * self.mss, self.mss) for at in range(rng.randrange(1, 30))]
        self.cwnd, self.una, self.duplicates, self.timeouts = rng.choice((1, 4, 10)), 0, 0, 0
        self.got, self.next, self.waiting = set(), 0, []
        self.rto = 4 * (self.ways[0].takes + self.ways[1].takes) + 0.01
        self.armed = None
        self.push()
        while self.todo and len(self.lines) < 400:
            time, _, work = heapq.heappop(self.todo)
            self.now = max(self.now, time)
            work()

    # ---- the trace

    def later(self, time, work):
        self.count += 1
        heapq.heappush(self.todo, (time, self.count, work))

    def event(self, end, what, text):
        self.now = round(self.now + STEP, 6)
        self.lines.append("  <idle>-0       [000] ..s1. %12.6f: xtcp_%s: netns=1 %s %s\n" %
                          (self.now, what, ENDS[end], text))
        if end == 0:
            self.flight.append((self.now, self.octets_in_flight()))
        return len(self.lines)

    def segment(self, end, seq, octets, ack, stamp, again=None, segs=1):
        own, other = (self.base[end] + seq) % (1 << 32), (self.base[1 - end] + ack) % (1 << 32)
        return "state=ESTABLISHED flags=[A] seq=%d end=%d ack=%d wnd=500 len=%d%s sacks=[] shift=7 segs=%d ecn=0 ts=%s " \
            "options=[]" % (own, (own + octets) % (1 << 32), other, octets, "" if again is None else " resent=%d" % again,
                            segs, stamp)

    def stamp(self):
        return "%d/1" % (self.now * 1000) if self.stamps else "0/0"

    # ---- the sender

    def octets_in_flight(self):
        return sum((piece.end - piece.seq) * piece.flight for piece in self.pieces)

    def send(self, pieces, again):
        """One segment, or a bundle of several pieces."""
        seq, octets, stamp = pieces[0].seq, pieces[-1].end - pieces[0].seq, self.stamp()
        for piece in pieces:
            piece.flight += 1
        text = self.segment(0, seq, octets, 0, stamp, again, len(pieces))
        number = self.event(0, "segment_out", text)
        self.sent[number] = 0, self.now
        for piece in pieces:
            at = self.ways[0].arrives(self.now)
            if at is not None:
                self.later(at, lambda piece=piece: self.arrives(number, piece.seq, piece.end - piece.seq, stamp))
        self.arm()

    def push(self):
        """What the window allows: first what is lost."""
        for piece in self.pieces:
            if piece.lost and self.octets_in_flight() < self.cwnd * self.mss:
                piece.lost = False
                self.send([piece], 1)
        while self.unsent and self.octets_in_flight() < self.cwnd * self.mss:
            much = self.rng.randrange(1, 4) if self.cuts else 1
            pieces, self.unsent[:much] = self.unsent[:much], []
            self.pieces += pieces
            self.send(pieces, 0)

    def arm(self):
        self.armed = mine = object()
        self.later(self.now + self.rto, lambda: self.expires(mine))

    def expires(self, mine):
        if mine is not self.armed or not self.pieces:
            return
        self.timeouts += 1
        for piece in self.pieces:
            piece.lost, piece.flight = True, 0
        self.cwnd = 1
        self.tells("congestion", "Loss", CHANGE + "timeout")
        if self.timeouts < 6:
            self.push()

    def tells(self, what, phase, more):
        """That something is acknowledged, or lost."""
        end = self.pieces[-1].end if self.pieces else self.una
        self.event(0, what, "phase=%s snd_una=%d snd_nxt=%d %s" % (
            phase, (self.base[0] + self.una) % (1 << 32), (self.base[0] + end) % (1 << 32),
            more % (self.octets_in_flight(), self.cwnd * self.mss)))

    def acked(self, number, ack, stamp):
        arrived = self.event(0, "segment_in", self.segment(1, 0, 0, ack, stamp))
        self.left[arrived] = (number,)
        if ack > self.una:
            self.una, self.duplicates, self.timeouts = ack, 0, 0
            self.pieces = [piece for piece in self.pieces if piece.end > ack]
            self.cwnd = min(self.cwnd + 1, 16)
            self.tells("ack", "Open", ACK)
            self.arm()
        elif self.pieces:
            self.duplicates += 1
            if self.duplicates == 3 and not self.pieces[0].lost:
                self.pieces[0].lost, self.pieces[0].flight = True, 0
                self.tells("congestion", "Recovery", CHANGE + "third duplicate ACK")
        self.push()

    # ---- the receiver

    def arrives(self, number, seq, octets, stamp):
        """Sometimes keeps a segment, as GRO does: flush() merges it with the next ones that left at the same moment."""
        if self.merges and self.rng.random() < 0.7:
            self.waiting.append((number, seq, octets, stamp))
            self.later(self.now + 5 * STEP, self.flush)
            return
        self.flush()
        self.receives([number], seq, octets, stamp)

    def flush(self):
        while self.waiting:
            number, seq, octets, stamp = self.waiting.pop(0)
            numbers = [number]
            while self.waiting and self.waiting[0][1] == seq + octets and self.waiting[0][3] == stamp:
                numbers.append(self.waiting[0][0])
                octets += self.waiting.pop(0)[2]
            self.receives(numbers, seq, octets, stamp)

    def receives(self, numbers, seq, octets, stamp):
        arrived = self.event(1, "segment_in", self.segment(0, seq, octets, 0, stamp, segs=1))
        self.left[arrived] = tuple(sorted(set(numbers)))
        self.got.update(range(seq // self.mss, (seq + octets) // self.mss))
        while self.next in self.got:
            self.next += 1
        stamp, ack = self.stamp(), self.next * self.mss
        number = self.event(1, "segment_out", self.segment(1, 0, 0, ack, stamp, 0))
        self.sent[number] = 1, self.now
        at = self.ways[1].arrives(self.now)
        if at is not None:
            self.later(at, lambda: self.acked(number, ack, stamp))
