# SPDX-License-Identifier: GPL-2.0
"""The picture of xtcp-plot as SVG: sequence numbers, windows and round trips
over one axis of time, and each loss once more from near."""

from html import escape

from transfer import LEAST, ticks

WIDTH, LEFT, RIGHT = 1080, 68, 20
SMALL = 13.2   # of letters: on a page of the tour they have 12 pixels
FONT = "system-ui, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"
INK, MUTED, GRID, FRAME = "#1f2933", "#616e7c", "#e8ecf0", "#b8c2cc"
SENT, RESENT, LOST, UNA, SACK = "#3b7dd8", "#f08c00", "#e03131", "#495057", "#2f9e44"
CWND, SSTHRESH, PIPE = "#3b7dd8", "#9c36b5", "#ced4da"
OTHERS = ("#f08c00", "#2f9e44")    # connections beside the first one
SAMPLE, SMOOTH = "#74c0b4", "#0b7285"
PHASE = {"Disorder": "#fff3bf", "CWR": "#d0ebff", "Recovery": "#ffe3c2", "Loss": "#ffd0d0"}
SECOND, KILO, MILLI = 1, 1000, 0.001


def width_of(words, size):
    """About how wide they are, in the widest font of FONT."""
    return size * sum(0.33 if letter in " .,:;fijltI" else 0.9 if letter in "mwMW" else
                      0.7 if letter.isupper() else 0.62 for letter in words)


class Panel:
    """A frame with axes; x and y turn what is measured into places in the picture."""

    def __init__(self, svg, title, left, top, width, height, times, values, unit, scale, time_scale=SECOND):
        self.svg, self.left, self.top, self.width, self.height = svg, left, top, width, height
        self.times, self.values = times, values
        self.title, self.unit, self.scale, self.time_scale = title, unit, scale, time_scale

    def x(self, time):
        low, high = self.times
        return self.left + (time - low) / (high - low) * self.width

    def y(self, value):
        low, high = self.values
        return self.top + self.height - (value - low) / (high - low) * self.height

    def inside(self, time):
        return self.times[0] <= time <= self.times[1]

    def axes(self, phases, x_labels=True):
        svg, bottom = self.svg, self.top + self.height
        svg.add('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#fff"/>' %
                (self.left, self.top, self.width, self.height))
        for phase, begin, end in phases:
            begin, end = max(begin, self.times[0]), min(end, self.times[1])
            if begin < end:
                svg.add('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' %
                        (self.x(begin), self.top, max(self.x(end) - self.x(begin), 1.5), self.height, PHASE[phase]))
        for value in ticks(self.values[0] / self.scale, self.values[1] / self.scale, max(self.height / 36, 3)):
            at = self.y(value * self.scale)
            svg.line(self.left, at, self.left + self.width, at, GRID)
            svg.text(self.left - 7, at + 4, "%g" % round(value, 6), SMALL, MUTED, "end")
        for time in ticks(self.times[0] / self.time_scale, self.times[1] / self.time_scale, self.width / 60):
            at = self.x(time * self.time_scale)
            svg.line(at, self.top, at, bottom, GRID)
            if x_labels:
                svg.text(at, bottom + 17, "%g" % round(time, 6), SMALL, MUTED, "middle")
        svg.text(self.left, self.top - 8, self.title, 15, INK, weight=600)
        if self.unit:
            svg.text(self.left - 7, self.top - 8, self.unit, SMALL, MUTED, "end")

    def frame(self):
        self.svg.add('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="none" stroke="%s"/>' %
                     (self.left, self.top, self.width, self.height, FRAME))

    def legend(self, entries):
        """At the right of the title; entries: (kind, colour, words)."""
        right = self.left + self.width
        for kind, colour, words in reversed(entries):
            right -= width_of(words, SMALL)
            self.svg.text(right, self.top - 8, words, SMALL, INK)
            right -= 24
            self.svg.mark(kind, right, self.top - 12, colour)
            right -= 12

    def steps(self, points, colour, width=1.6, dash="", fill=""):
        """A line that keeps each value until the next one."""
        path, last = [], None
        for time, value in points:
            if value is None or not self.inside(time):
                continue
            x, y = self.x(time), self.y(min(value, self.values[1]))
            path.append("M%.1f %.1f" % (x, y) if last is None else "H%.1fV%.1f" % (x, y))
            last = x
        if last is None:
            return
        if fill:
            first = path[0][1:].split()[0]
            self.svg.add('<path d="%sV%.1fH%sZ" fill="%s"/>' %
                         ("".join(path), self.top + self.height, first, fill))
            return
        self.svg.add('<path d="%s" fill="none" stroke="%s" stroke-width="%.1f" stroke-linejoin="round"%s/>' %
                     ("".join(path), colour, width, ' stroke-dasharray="%s"' % dash if dash else ""))

    def strokes(self, bars, colour, width, least=2.0, opacity=1.0):
        """Upright bars: (time, low, high)."""
        path = []
        for time, low, high in bars:
            if not self.inside(time) or high < self.values[0] or low > self.values[1]:
                continue
            top, bottom = self.y(min(high, self.values[1])), self.y(max(low, self.values[0]))
            if bottom - top < least:
                top, bottom = (top + bottom - least) / 2, (top + bottom + least) / 2
            path.append("M%.1f %.1fV%.1f" % (self.x(time), top, bottom))
        if path:
            self.svg.add('<path d="%s" stroke="%s" stroke-width="%.1f" opacity="%.2g"/>' %
                         ("".join(path), colour, width, opacity))

    def crosses(self, points, colour, size=4):
        for time, value in points:
            if self.inside(time) and self.values[0] <= value <= self.values[1]:
                self.svg.mark("cross", self.x(time) - 9, self.y(value), colour, size)


class Svg:
    def __init__(self):
        self.lines = []

    def add(self, line):
        self.lines.append(line)

    def text(self, x, y, words, size, colour, anchor="start", weight=400):
        self.add('<text x="%.1f" y="%.1f" font-size="%g" fill="%s"%s%s>%s</text>' %
                 (x, y, size, colour, ' text-anchor="%s"' % anchor if anchor != "start" else "",
                  ' font-weight="%d"' % weight if weight != 400 else "", escape(words)))

    def line(self, x1, y1, x2, y2, colour, width=1.0, dash=""):
        self.add('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%g"%s/>' %
                 (x1, y1, x2, y2, colour, width, ' stroke-dasharray="%s"' % dash if dash else ""))

    def mark(self, kind, x, y, colour, size=4):
        """What stands for a series in a legend, 18 wide; a cross is one of the picture, too."""
        if kind == "cross":
            self.add('<path d="M%.1f %.1fl%g %gm0 %gl%g %g" stroke="%s" stroke-width="2" fill="none"/>' %
                     (x + 9 - size, y - size, 2 * size, 2 * size, -2 * size, -2 * size, 2 * size, colour))
        elif kind == "area":
            self.add('<rect x="%.1f" y="%.1f" width="18" height="9" fill="%s"/>' % (x, y - 4.5, colour))
        elif kind == "dot":
            self.add('<circle cx="%.1f" cy="%.1f" r="2.6" fill="%s"/>' % (x + 9, y, colour))
        elif kind == "bar":
            self.line(x + 9, y - 5, x + 9, y + 5, colour, 3)
        else:
            self.line(x, y, x + 18, y, colour, 2, "5 3" if kind == "dash" else "")

    def badge(self, x, y, number):
        self.add('<circle cx="%.1f" cy="%.1f" r="8" fill="%s"/>' % (x, y, INK))
        self.text(x, y + 3.6, str(number), 11, "#fff", "middle", 600)

    def phases(self, y, phases):
        """What the colours of those mean that there are: (phase, from, to)."""
        right = WIDTH - RIGHT
        for phase in reversed([p for p in PHASE if any(p == span[0] for span in phases)]):
            right -= width_of(phase, SMALL)
            self.text(right, y, phase, SMALL, INK)
            self.add('<rect x="%.1f" y="%d" width="16" height="12" fill="%s" stroke="%s" stroke-width=".6"/>' %
                     (right - 21, y - 10, PHASE[phase], FRAME))
            right -= 36

    def document(self, height):
        return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
                'font-family="%s">\n<rect width="100%%" height="100%%" fill="#fbfcfd"/>\n%s\n</svg>\n' %
                (WIDTH, height, WIDTH, height, FONT, "\n".join(self.lines)))


def draw_sequence(panel, transfer, near=False):
    panel.strokes(((time, left, right) for time, blocks in transfer.sacks for left, right in blocks), SACK, 1.2,
                  opacity=0.45)
    width, least = (2.4, 3.0) if near else (1.4, 2.0)
    once = (segment for segment in transfer.sent if not segment.resent and not segment.lost)
    again = (segment for segment in transfer.sent if segment.resent and not segment.lost)
    panel.strokes(((s.time, s.left, s.right) for s in once), SENT, width, least)
    panel.steps(((ack.time, ack.una) for ack in transfer.acks if ack.una >= panel.values[0]), UNA, 1.3)
    panel.strokes(((s.time, s.left, s.right) for s in again), RESENT, width + 1.2, 5.0)
    panel.crosses(((s.time, (s.left + s.right) / 2) for s in transfer.lost()), LOST, 3.6 if near else 4)


def sequence_legend(transfer):
    entries = [("bar", SENT, "sent"), ("bar", RESENT, "resent"), ("cross", LOST, "lost"), ("line", UNA, "SND.UNA")]
    return entries + ([("bar", SACK, "SACK")] if transfer.sacks else [])


def near(svg, transfer, top):
    episodes = transfer.episodes()[:4]
    if not episodes:
        return top
    width = (WIDTH - LEFT - RIGHT - 62 * (len(episodes) - 1)) / len(episodes)
    svg.text(LEFT - 44, top, "The losses from near: ms, and kB of the stream", 14, INK, weight=600)
    for number, lost in enumerate(episodes):
        begin = lost[0].time
        end = max(transfer.repaired(lost), begin + LEAST)
        margin = (end - begin) * 0.12
        times = (max(begin - margin, 0), end + margin)
        low = max(lost[0].left - 12 * (lost[0].right - lost[0].left), 0)
        high = max([s.right for s in transfer.sent if times[0] <= s.time <= times[1]])
        edge = (high - low) * 0.05
        words = "%d lost at %.1f kB" % (len(lost), lost[0].left / KILO)
        panel = Panel(svg, words, LEFT + number * (width + 62), top + 36, width, 250, times, (low - edge, high + edge),
                      "", KILO, MILLI)
        panel.axes(transfer.phases())
        draw_sequence(panel, transfer, True)
        panel.frame()
    return top + 36 + 250 + 48


def badges(svg, panel, changes):
    """The number of each change of state above the panel, none upon another one, and none beyond its right edge."""
    places, last, end = [], 0, panel.left + panel.width - 8
    for change in changes:
        at = panel.x(change.time)
        svg.line(at, panel.top, at, panel.top + panel.height, MUTED, 0.7, "2 3")
        last = max(at, last + 17)
        places.append(last)
    for number, at in reversed(list(enumerate(places, 1))):
        end = min(at, end) - 17
        svg.badge(end + 17, panel.top + 11, number)


def settings(svg, panel, transfer):
    for number, (time, words) in enumerate(transfer.settings):
        at, is_left = panel.x(time), panel.x(time) < panel.left + panel.width * 0.7
        svg.line(at, panel.top, at, panel.top + panel.height, LOST, 1.2, "6 3")
        svg.text(at + (5 if is_left else -5), panel.top + 16 + 15 * (number % 4), words, SMALL, LOST, "start" if is_left else "end",
                 600)


def draw(transfer, title, changes, others=()):
    """The document. changes: those that get a number; others: connections whose windows stand beside this one's."""
    svg = Svg()
    begin, end = transfer.all_bounds(others)
    times = (begin - (end - begin) * 0.01, end + (end - begin) * 0.01)
    inner = WIDTH - LEFT - RIGHT
    phases = transfer.phases()
    svg.text(24, 34, title, 19, INK, weight=700)
    svg.text(24, 55, transfer.summary(), 14, MUTED)

    svg.phases(55, phases)

    top = 98
    octets = max(segment.right for segment in transfer.sent)
    panel = Panel(svg, "Sequence", LEFT, top, inner, 300, times, (0, octets * 1.05), "kB", KILO)
    panel.axes(phases, False)
    draw_sequence(panel, transfer)
    panel.frame()
    badges(svg, panel, changes)
    panel.legend(sequence_legend(transfer))

    top += 300 + 44
    windows = transfer.windows
    beside = [list(other.cwnds_of(transfer)) for other in others]
    most = max([max(window[1] or 1, window[3]) for window in windows] +
               [cwnd for flow in beside for _, cwnd in flow])
    panel = Panel(svg, "Windows", LEFT, top, inner, 220, times, (0, most * 1.08), "kB", KILO)
    panel.axes(phases, False)
    panel.steps(((window[0], window[3]) for window in windows), PIPE, fill=PIPE)
    panel.steps(((window[0], window[2]) for window in windows), SSTHRESH, 1.6, "5 3")
    panel.steps(((window[0], window[1]) for window in windows), CWND, 1.9)
    for flow, colour in zip(beside, OTHERS):
        panel.steps(flow, colour, 1.9)
    settings(svg, panel, transfer)
    panel.frame()
    threshold = [("dash", SSTHRESH, "ssthresh")] if any(window[2] is not None for window in windows) else []
    whose = " of " + transfer.name if others else ""
    panel.legend([("line", CWND, "cwnd" + whose), *threshold, ("area", PIPE, "in flight"),
                  *[("line", colour, "cwnd of " + other.name) for colour, other in zip(OTHERS, others)]])

    top += 220 + 44
    samples = [(ack.time, ack.rtt_us / 1e6) for ack in transfer.acks if ack.rtt_us]
    beside = [other.round_trips_of(transfer) for other in others]
    most = max([sample[1] for flow in [samples, *beside] for sample in flow] + [0.001])
    panel = Panel(svg, "Round trip", LEFT, top, inner, 140, times, (0, most * 1.1), "ms", MILLI)
    panel.axes(phases)
    for time, rtt in samples:
        svg.add('<circle cx="%.1f" cy="%.1f" r="1.5" fill="%s"/>' % (panel.x(time), panel.y(rtt), SAMPLE))
    smooth = CWND if others else SMOOTH
    panel.steps(transfer.round_trips_of(transfer), smooth)
    for flow, colour in zip(beside, OTHERS):
        panel.steps(flow, colour, 1.9)
    panel.frame()
    panel.legend([("dot", SAMPLE, "sample"), ("line", smooth, "SRTT" + whose),
                  *[("line", colour, "SRTT of " + other.name) for colour, other in zip(OTHERS, others)]])
    svg.text(LEFT + inner / 2, top + 140 + 37, "time since the SYN, seconds", SMALL, MUTED, "middle")

    top = near(svg, transfer, top + 140 + 72)
    for number, change in enumerate(changes, 1):
        svg.badge(LEFT - 36, top - 4, number)
        svg.text(LEFT + 44, top, "%.1f ms" % (change.time * 1000), SMALL, MUTED, "end")
        svg.text(LEFT + 56, top, change.words(), SMALL, INK)
        top += 21
    return svg.document(top + 6)
