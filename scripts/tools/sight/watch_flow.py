# SPDX-License-Identifier: GPL-2.0
"""xtcp-watch flow: sequence, windows, round trips and rates of some connections
over time."""

from plot_text import MARGIN, Canvas, axis, phase_row, place
from watch_view import View

COLOURS = ("34", "33", "32", "35", "36", "31")
NAMES = "abcdef"
NUMBERS = "123456"    # keys
BUSIEST = 3
SYN_AND_FIN = 2     # octets that an end without text sends
TALL = 34           # rows of a screen that has room for two lines about each flow
ROWS = (9, 9, 5, 6)     # of the panels, without a terminal
WINDOW = 40         # a rate is of so many parts of what is shown, or of a round trip


class Span:
    """The time that is shown, in seconds from .start."""

    def __init__(self, flows, now, most):
        self.start = min(flow.first for flow in flows)
        self.end = max(now - self.start, 1e-3)
        self.begin = max(self.end - most, 0)

    def of(self, time):
        return time - self.start

    @property
    def times(self):
        return self.begin, self.end

    def window(self, flow):
        return max((self.end - self.begin) / WINDOW, (flow.srtt_us or 0) / 1e6, 1e-3)


class Flow(View):
    wanted = {"ack": "", "congestion": "", "segment_out": "resent==1 && len>0"}
    needs_events = history = True
    waits = 0.5
    help = "1-6: that one   0: all   q: end"

    def __init__(self, args, listing):
        super().__init__(args, listing)
        self.alone = None

    def senders(self):
        """Those that send anything at all, if there are such."""
        every = [flow for flow in self.flows.all.values() if flow.points]
        return [flow for flow in every if flow.delivered > SYN_AND_FIN] or every

    def chosen(self):
        """The flows to draw, by the order of their beginning: those asked for, or those that moved most."""
        every = self.senders()
        if self.args.port:
            every = [flow for flow in every if any(end.endswith(":%d" % port) for port in self.args.port
                                                   for end in (flow.local, flow.peer))]
        most = len(NAMES) if self.args.port else BUSIEST
        every.sort(key=lambda flow: flow.delivered, reverse=True)
        return sorted(every[:most], key=lambda flow: flow.first)

    def key(self, key):
        if key in ("0", *NUMBERS):
            self.alone = NUMBERS.index(key) if key != "0" else None
        else:
            super().key(key)

    def look(self, now):
        if not self.args.trace:
            self.listing.lines("_snmp")     # says so when the module goes
            self.name_algorithms()
        for flow in self.flows.all.values():
            flow.forget(now - self.args.span)

    def name_algorithms(self):
        """Of the flows that are drawn. A flow that has ended keeps its last algorithm."""
        ends = {(flow.local, flow.peer): flow for flow in self.chosen()}
        rows = [row for row in self.listing.rows() if row.inode and row.ends in ends] if ends else []
        self.know(rows, True)
        for row in rows:
            flow = ends[row.ends]
            flow.algorithm = self.owners.of(row.inode).algorithm or flow.algorithm

    def named(self):
        """(letter, colour, flow) of those to draw."""
        chosen = list(zip(NAMES, COLOURS, self.chosen()))
        return chosen[self.alone:self.alone + 1] if self.alone is not None and self.alone < len(chosen) else chosen

    def draw(self, width, height, paint):
        chosen, now = self.named(), self.now()
        foot = list(self.foot(width, paint))
        yield self.head(width, paint, "%d of %d senders" % (len(chosen), len(self.senders())))
        if not chosen:
            yield "no acknowledgment has come yet%s" % (" for port %s" % ", ".join(map(str, self.args.port))
                                                        if self.args.port else "")
            yield from foot
            return
        span = Span([flow for _, _, flow in chosen], now, self.args.span)
        each = 2 if height is None or height >= TALL or len(chosen) == 1 else 1
        lines = [line for letter, colour, flow in chosen
                 for line in describe(letter, colour, flow, now, width, paint)[:each]]
        yield from lines
        alone = chosen[0][2] if len(chosen) == 1 else None
        changes = list(alone.changes)[-5:] if alone else []
        rows = ROWS
        if height is not None:
            left = height - 1 - len(lines) - 4 - 2 - bool(alone) - bool(self.flows.gaps) - len(foot)
            changes = changes[max(len(changes) - max(left - sum(ROWS), 0), 0):]
            left -= len(changes)
            rows = share(left)
        yield from Panels(chosen, span, width, rows, paint, self.flows.gaps).draw()
        for change in changes:
            yield ("%9.3f  %s" % (span.of(change.time), change.words()))[:width]
        yield from foot


def share(left):
    if left >= sum(ROWS):
        return [rows + (left - sum(ROWS)) // len(ROWS) for rows in ROWS]
    kept = [max(rows * left // sum(ROWS), 2) for rows in ROWS]
    return kept


def describe(letter, colour, flow, now, width, paint):
    """A flow in one line, or in two."""
    first = "%s -> %s: %.1f kB, %.2f Mbit/s" % (flow.local, flow.peer, flow.delivered / 1000,
                                              flow.rates(now)[0] * 8e-6)
    more = ", %s" % flow.algorithm if flow.algorithm else ""
    more += ", cwnd %.1f kB" % (flow.cwnd / 1000)
    more += ", ssthresh %.1f kB" % (flow.ssthresh / 1000) if flow.ssthresh is not None else ""
    more += ", RTT %.1f ms" % (flow.srtt_us / 1000) if flow.srtt_us else ""
    more += ", %.1f kB lost" % (flow.lost / 1000) if flow.lost else ""
    more += ", %d resent" % flow.resent if flow.resent else ""
    if len(first + more) + 2 <= width:
        return [paint(colour, letter) + " " + first + more]
    return [paint(colour, letter) + " " + first[:width - 2], "  " + more[2:width]]


class Panels:
    """The four plots over one axis."""

    def __init__(self, chosen, span, width, rows, paint, gaps):
        self.chosen, self.span, self.rows, self.paint = chosen, span, rows, paint
        self.width = width - MARGIN - 1
        self.gaps = [span.of(gap) for gap in gaps if gap is not None and span.of(gap) >= span.begin]

    def canvas(self, rows, most):
        return Canvas(self.width, rows, self.span.times, most, self.paint)

    def points(self, flow, value):
        """(time, value) of what is shown; what was before stands at the left edge, the last goes on to the right."""
        found = None
        for point in flow.points:
            found = value(point)
            if found is not None:
                yield max(self.span.of(point.time), self.span.begin), found
        if found is not None and flow.last >= flow.points[-1].time:
            yield max(self.span.of(flow.last), self.span.begin), found

    def line(self, canvas, points, letter, colour):
        """One flow's; with others beside it, it ends with its letter."""
        points = list(points)
        canvas.steps(points, colour)
        if points and len(self.chosen) > 1:
            canvas.letter(*points[-1], letter, colour)

    def draw(self):
        span, paint, chosen = self.span, self.paint, self.chosen
        sample = paint("34", ":" if paint.ascii else "⣿") + " " if len(chosen) == 1 else ""
        most = max(max(point.place for point in flow.points) for _, _, flow in chosen)
        canvas = self.canvas(self.rows[0], most or 1)
        for letter, colour, flow in chosen:
            self.line(canvas, self.points(flow, lambda point: point.place), letter, colour)
            for time, octets in flow.again:
                if span.of(time) >= span.begin:
                    canvas.letter(span.of(time), octets, "o", "31")
        again = any(flow.again for _, _, flow in chosen)
        yield " kB acknowledged%s" % ("; %s resent" % paint("31", "o") if again else "")
        yield from canvas.rows(1000)

        most = max(point.cwnd for _, _, flow in chosen for point in flow.points)
        canvas = self.canvas(self.rows[1], most or 1)
        for letter, colour, flow in chosen:
            if len(chosen) == 1:
                canvas.steps(self.points(flow, lambda point: point.pipe), "90")
            self.line(canvas, self.points(flow, lambda point: point.cwnd), letter, colour)
        for letter, colour, flow in chosen:
            points = list(self.points(flow, lambda point: point.ssthresh))
            canvas.line_of(points, "-", "35" if len(chosen) == 1 else colour, (span.end - span.begin) / self.width)
        flight = ", " + (paint("90", "⣿ ") if paint.color and not paint.ascii else "below it ") + "in flight"
        yield " kB: %scwnd, %s ssthresh%s" % (sample, paint("35" if len(chosen) == 1 else "", "-"),
                                            flight if len(chosen) == 1 else "")
        yield from canvas.rows(1000)
        if len(chosen) == 1:
            yield paint("35", " " * MARGIN + self.phases(chosen[0][2]))

        times = [point.rtt_us or point.srtt_us for _, _, flow in chosen for point in flow.points]
        canvas = self.canvas(self.rows[2], max(times + [100]))
        for letter, colour, flow in chosen:
            for time, rtt in list(self.points(flow, lambda point: point.rtt_us or None))[:-1]:
                canvas.point(time, rtt, "90" if len(chosen) == 1 else colour)
            self.line(canvas, self.points(flow, lambda point: point.srtt_us or None), letter, colour)
        yield " ms: %ssmoothed round trip, and each sample" % sample
        yield from canvas.rows(1000)

        rates = [(letter, colour, [(max(span.of(time), span.begin), rate * 8)
                                   for time, rate in flow.rate_points(span.window(flow), flow.last)])
                 for letter, colour, flow in chosen]
        canvas = self.canvas(self.rows[3], max([rate for _, _, points in rates for _, rate in points] + [1000]))
        for letter, colour, points in rates:
            self.line(canvas, points, letter, colour)
        yield " Mbit/s delivered"
        yield from canvas.rows(1000000)
        yield from axis(span.times, self.width, "s", paint.ascii)
        if self.gaps:
            yield paint("31;1", " " * MARGIN + self.marks(self.gaps) + " events lost")

    def marks(self, times):
        cells = [" "] * self.width
        for time in times:
            cells[place(time, self.span.times, self.width)] = "~"
        return "".join(cells).rstrip()

    def phases(self, flow):
        of, spans = self.span.of, flow.phases(flow.last)
        return phase_row([(phase, of(begin), of(end)) for phase, begin, end in spans], self.span.times, self.width)
