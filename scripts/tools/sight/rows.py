# SPDX-License-Identifier: GPL-2.0
"""The rows of a ladder, in order of time at both ends: a segment has one, or two
when something crosses it on its way; runs of like segments are folded."""

from bisect import bisect_left, insort
from operator import itemgetter

FOLD = 8            # so many rows in a run are folded
ALIKE = 3           # of losses, repetitions, marks and duplicate ACKs in a run so many are drawn
LOUD, ECHO = frozenset("SFR"), frozenset("EC")      # flags


class Row:
    """.what: "whole", "leaves" or "arrives" (.segment, .arrivals), "moment" (.moment), "gap" (.moment) or "fold"
    (.rows). .times and .states: of the left and of the right end, None and "" where there is none."""

    __slots__ = ("what", "time", "times", "states", "segment", "moment", "arrivals", "rows")

    def __init__(self, what, time):
        self.what, self.time = what, time
        self.times, self.states = [None, None], ["", ""]
        self.segment = self.moment = None
        self.arrivals, self.rows = (), ()

    def passed(self, end):
        """The states that the end only went through, on its way to the row's."""
        if self.arrivals and self.segment.sender != end:
            return self.arrivals[0].passed
        return ()


def crossed(marks):
    """The segments whose departure and arrival cannot be one row: at the other end something happens in between that
    belongs below that row."""
    place = {}
    hard = ([], [])         # at each end: places of what is a row of its own there
    flights = []            # (place of departure, place of arrival, segment)
    for at, (_, _, what, thing) in enumerate(marks):
        if what == "leaves":
            place[thing] = at
            hard[thing.sender].append(at)
        elif what == "moment":
            for end in (0, 1) if thing.end is None else (thing.end,):
                hard[end].append(at)
        else:
            segment = thing.segment
            if segment in place and len(segment.arrivals) == 1:
                flights.append((place[segment], at, segment))
            else:
                hard[1 - segment.sender].append(at)
    flights.sort(key=itemgetter(0))
    earliest = [len(marks), len(marks)]
    overtaken = set()       # by one that left later
    for departure, arrival, segment in reversed(flights):
        end = 1 - segment.sender
        if earliest[end] < arrival:
            overtaken.add(segment)
        earliest[end] = min(earliest[end], arrival)
    split = set()
    for departure, arrival, segment in flights:
        there = hard[1 - segment.sender]
        at = bisect_left(there, departure)
        if segment in overtaken or at < len(there) and there[at] < arrival:
            split.add(segment)
            insort(there, arrival)
    return split


def lay_out(story):
    marks = story.ordered()
    split = crossed(marks)
    departed = set()
    rows = []
    for time, index, what, thing in marks:
        if what == "moment":
            row = Row("gap" if thing.end is None else "moment", time)
            row.moment = thing
            if thing.end is not None:
                row.times[thing.end], row.states[thing.end] = time, thing.state
        elif what == "leaves":
            whole = thing not in split and len(thing.arrivals) == 1
            row = Row("whole" if whole else "leaves", time)
            row.segment, row.times[thing.sender], row.states[thing.sender] = thing, time, thing.state
            departed.add(thing)
            if whole:
                arrive(row, thing.arrivals[0])
        else:
            segment = thing.segment
            if segment in departed and segment not in split and len(segment.arrivals) == 1:
                continue
            row = Row("arrives", time)
            row.segment = segment
            arrive(row, thing)
        rows.append(row)
    return rows


def arrive(row, arrival):
    row.arrivals = (arrival,)
    end = 1 - arrival.segment.sender
    row.times[end] = arrival.time
    row.states[end] = arrival.state


class Plain:
    """Which segments go by without an event. Of losses, repetitions, marks, what echoes them and
    duplicate ACKs a run begins with a few."""

    def __init__(self):
        self.known = {}
        self.acked = [None, None]
        self.kind = ["", ""]
        self.run = [0, 0]
        self.shown = ["", ""]

    def is_plain(self, row):
        moved, (left, right), shown = False, row.states, self.shown
        if left and left != shown[0]:
            shown[0], moved = left, True
        if right and right != shown[1]:
            shown[1], moved = right, True
        segment = row.segment
        if segment is None or moved:
            return False
        if segment not in self.known:
            self.known[segment] = self.judge(segment)
        return self.known[segment]

    def judge(self, segment):
        s = segment.sender
        again, self.acked[s] = segment.ack == self.acked[s], segment.ack
        if not LOUD.isdisjoint(segment.flags):
            return False
        like, octets, marked = segment.fate or segment.note, 0, False
        for arrival in segment.arrivals:
            if arrival.dropped:
                return False
            octets += arrival.octets
            marked |= arrival.marked
        if not like and segment.arrivals and octets != segment.len:
            like = "part"
        if not like and marked:
            like = "marked"
        if not like and not ECHO.isdisjoint(segment.flags):
            like = "echo"
        if not like and again and not segment.len:
            like = "duplicate"
        if not like:
            self.kind[s] = ""
            return True
        self.run[s] = self.run[s] + 1 if like == self.kind[s] else 1
        self.kind[s] = like
        return self.run[s] > ALIKE


def fold(rows, least=FOLD, before=()):
    """Runs of at least so many rows that tell nothing become one. before: rows that are not shown."""
    plain, out, run = Plain(), [], []
    for row in before:
        plain.is_plain(row)

    def close():
        if len(run) >= least:
            row = Row("fold", run[0].time)
            row.rows = run[:]
            out.append(row)
        else:
            out.extend(run)
        run.clear()

    for row in rows:
        if plain.is_plain(row):
            run.append(row)
        else:
            close()
            out.append(row)
    close()
    return out


class Folded:
    """What one end sent in a folded run."""

    def __init__(self, rows, sender):
        here = [row for row in rows if row.segment.sender == sender]
        left = [row.segment for row in here if row.what != "arrives"]
        self.segments = sum(segment.segs for segment in left)
        self.octets = sum(segment.len for segment in left)
        self.lost = sum(segment.segs for segment in left if segment.fate)
        self.resent = sum(segment.segs for segment in left if segment.resent)
        self.arrivals = sum(len(row.arrivals) for row in here if row.what == "arrives")

    def words(self):
        if not self.segments:
            return "%s arrive%s" % (format(self.arrivals, ","), "s" if self.arrivals == 1 else "") \
                if self.arrivals else ""
        text = "%s segment%s" % (format(self.segments, ","), "" if self.segments == 1 else "s")
        if self.octets:
            text += ", %s octets" % format(self.octets, ",")
        if self.lost:
            text += ", %s lost" % format(self.lost, ",")
        if self.resent:
            text += ", %s resent" % format(self.resent, ",")
        return text



def between(rows, start, first, begin=None, end=None):
    """The rows of these seconds since the start, and the states when they begin. A row that has a time at both ends is
    there when either is."""
    states, chosen = list(first), []
    for row in rows:
        times = [time - start for time in row.times if time is not None] or [row.time - start]
        if begin is not None and max(times) < begin:
            states = [row.states[s] or states[s] for s in (0, 1)]
            continue
        if end is not None and min(times) > end:
            continue
        chosen.append(row)
    return chosen, states


def last(rows, number, first):
    """The last rows, and the states when they begin."""
    states = list(first)
    for row in rows[:-number] if number else rows:
        states = [row.states[s] or states[s] for s in (0, 1)]
    return (rows[-number:] if number else []), states
