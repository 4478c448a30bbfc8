# SPDX-License-Identifier: GPL-2.0
"""The picture of xtcp-watch flow as SVG, of the pieces of which xtcp-plot
makes its own."""

from plot_svg import (CWND, INK, KILO, LEFT, LOST, MILLI, MUTED, PHASE, PIPE, RIGHT, SAMPLE, SMALL, SMOOTH, SSTHRESH, UNA,
                      WIDTH, Panel, Svg)

COLOURS = ("#3b7dd8", "#f08c00", "#2f9e44", "#9c36b5", "#0b7285", "#e03131")
MEGA = 1000000
INNER = WIDTH - LEFT - RIGHT
GAP = "#ffc9c9"


class Picture:
    """chosen: (letter, colour of a terminal, flow) each."""

    def __init__(self, chosen, span, gaps):
        self.svg, self.span = Svg(), span
        self.flows = [flow for _, _, flow in chosen]
        self.alone = self.flows[0] if len(self.flows) == 1 else None
        self.colours = COLOURS[:len(self.flows)]
        self.letters = [letter for letter, _, _ in chosen]
        margin = (span.end - span.begin) * 0.01
        self.times = (span.begin - margin, span.end + margin)
        self.gaps = [span.of(gap) for gap in gaps if gap is not None]
        self.shaded = [(phase, span.of(begin), span.of(end)) for phase, begin, end in self.alone.phases(self.alone.last)
                       if phase in PHASE] if self.alone else []

    def points(self, flow, value):
        for point in flow.points:
            yield self.span.of(point.time), value(point)

    def panel(self, title, top, height, most, unit, scale, labels=False):
        panel = Panel(self.svg, title, LEFT, top, INNER, height, self.times, (0, most * 1.08), unit, scale)
        panel.axes(self.shaded, labels)
        for gap in self.gaps:
            if panel.inside(gap):
                self.svg.line(panel.x(gap), top, panel.x(gap), top + height, GAP, 4)
        return panel

    def each(self, kind="line"):
        """The legend of several flows."""
        return [(kind, colour, letter) for colour, letter in zip(self.colours, self.letters)]

    def sequence(self, top):
        most = max([point.place for flow in self.flows for point in flow.points] + [1])
        panel = self.panel("Sequence: acknowledged", top, 240, most, "kB", KILO)
        for flow, colour in zip(self.flows, self.colours):
            panel.steps(self.points(flow, lambda point: point.place), UNA if self.alone else colour, 1.6)
            panel.crosses(((self.span.of(time), place) for time, place in flow.again), LOST, 3.4)
        panel.frame()
        panel.legend(([("line", UNA, "SND.UNA")] if self.alone else self.each()) +
                     ([("cross", LOST, "resent")] if any(flow.again for flow in self.flows) else []))

    def windows(self, top):
        most = max([point.cwnd for flow in self.flows for point in flow.points] + [1])
        panel = self.panel("Windows", top, 200, most, "kB", KILO)
        for flow, colour in zip(self.flows, self.colours):
            if self.alone:
                panel.steps(self.points(flow, lambda point: point.pipe), PIPE, fill=PIPE)
            panel.steps(self.points(flow, lambda point: point.ssthresh), SSTHRESH if self.alone else colour, 1.3, "5 3")
            panel.steps(self.points(flow, lambda point: point.cwnd), CWND if self.alone else colour, 1.9)
        panel.frame()
        panel.legend([("line", CWND, "cwnd"), ("dash", SSTHRESH, "ssthresh"), ("area", PIPE, "in flight")]
                     if self.alone else self.each() + [("dash", MUTED, "ssthresh")])

    def round_trips(self, top):
        every = [point.rtt_us or point.srtt_us for flow in self.flows for point in flow.points]
        panel = self.panel("Round trip", top, 130, max(every + [100]) / 1e6, "ms", MILLI)
        for flow, colour in zip(self.flows, self.colours):
            if self.alone:
                for point in flow.points:
                    time = self.span.of(point.time)
                    if point.rtt_us and panel.inside(time):
                        self.svg.add('<circle cx="%.1f" cy="%.1f" r="1.5" fill="%s"/>' %
                                     (panel.x(time), panel.y(point.rtt_us / 1e6), SAMPLE))
            panel.steps(self.points(flow, lambda point: point.srtt_us / 1e6 if point.srtt_us else None),
                        SMOOTH if self.alone else colour)
        panel.frame()
        panel.legend([("dot", SAMPLE, "sample"), ("line", SMOOTH, "SRTT")] if self.alone else self.each())

    def rates(self, top):
        every = [[(self.span.of(time), rate * 8) for time, rate in flow.rate_points(self.span.window(flow), flow.last)]
                 for flow in self.flows]
        most = max([rate for points in every for _, rate in points] + [1000])
        panel = self.panel("Rate: delivered", top, 130, most, "Mbit/s", MEGA, True)
        for points, colour in zip(every, self.colours):
            panel.steps(points, colour)
        panel.frame()
        if not self.alone:
            panel.legend(self.each())

    def heading(self, title):
        self.svg.text(24, 34, title, 19, INK, weight=700)
        self.svg.phases(34, self.shaded)
        top = 56
        for letter, colour, flow in zip(self.letters, self.colours, self.flows):
            words = "%s to %s: %.1f kB delivered, %.1f kB lost, segments resent: %d" % (
                flow.local, flow.peer, flow.delivered / 1000, flow.lost / 1000, flow.resent)
            self.svg.text(24, top, words if self.alone else letter + ": " + words, SMALL, MUTED if self.alone else colour)
            top += 18
        return top

    def draw(self, title, notice):
        top = self.heading(title)
        if notice:
            self.svg.text(24, top, notice, SMALL, LOST, weight=600)
            top += 18
        for part, height in ((self.sequence, 240), (self.windows, 200), (self.round_trips, 130), (self.rates, 130)):
            top += 30
            part(top)
            top += height + 14
        self.svg.text(LEFT + INNER / 2, top + 19, "seconds since the first of these events", SMALL, MUTED, "middle")
        top += 48
        for change in list(self.alone.changes)[-30:] if self.alone else []:
            self.svg.text(LEFT + 44, top, "%.1f ms" % (self.span.of(change.time) * 1000), SMALL, MUTED, "end")
            self.svg.text(LEFT + 56, top, change.words(), SMALL, INK)
            top += 20
        return self.svg.document(top + 6)
