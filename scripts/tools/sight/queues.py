# SPDX-License-Identifier: GPL-2.0
"""Both queues of a listener over time, from the events xtcp_queue of a trace: what they held, which SYNs were answered by
cookie, and who was refused. As a picture, and for a terminal."""

from collections import Counter

from events import Event, port_of
from plot_svg import CWND, INK, LEFT, LOST, MUTED, PIPE, RIGHT, SACK, SMALL, WIDTH, Panel, Svg
from plot_text import MARGIN, Canvas, axis
from transfer import LEAST

TITLES = {"syn": "SYN queue", "accept": "Accept queue"}
MOST = 5    # peers that are named


class Queues:
    """Of the listeners with this port. .lengths: {"syn" or "accept": [(seconds, how many wait)]}; .cookies: [(seconds, how
    many SYNs had one by then)]; .refused: [(seconds, queue, peer)]."""

    def __init__(self, trace, port):
        self.lengths, self.cookies, self.refused = {"syn": [], "accept": []}, [], []
        self.entries, self.name, start = 0, "", None
        for event in trace:
            if isinstance(event, Event) and event.name == "queue" and port_of(event.local) == port:
                start = event.time if start is None else start
                self.name = event.local
                self.take(event, event.time - start)
        if start is None:
            raise ValueError("nothing has come into a queue of a listener with port %d in this trace" % port)

    def take(self, event, time):
        queue, reason = event.word("queue"), event.word("reason")
        self.lengths[queue].append((time, event.number("new")))
        self.entries += queue == "syn" and reason == "arrived"
        if reason == "cookie":
            self.cookies.append((time, len(self.cookies) + 1))
        elif reason == "refused":
            self.refused.append((time, queue, event.peer))

    def times(self):
        end = max(time for points in self.lengths.values() for time, _ in points)
        return 0, max(end, LEAST)

    def summary(self):
        return "SYNs: %s got a place, %s a cookie; %s refused" % tuple(
            format(count, ",") for count in (self.entries, len(self.cookies), len(self.refused)))

    def whom(self):
        """The peers that were refused, most frequent first."""
        found = Counter((peer, TITLES[queue]) for _, queue, peer in self.refused).most_common()
        for (peer, queue), count in found[:MOST]:
            yield "refused: %s, %s, the %s was full" % (peer, "once" if count == 1 else "%d times" % count, queue)
        if len(found) > MOST:
            yield "and %s others" % format(len(found) - MOST, ",")


def draw(queues, title, width, paint):
    width, times = width - MARGIN - 1, queues.times()
    yield paint(1, title)
    yield queues.summary()
    for queue, points in queues.lengths.items():
        refused = [time for time, where, _ in queues.refused if where == queue]
        yield " %s%s" % (TITLES[queue], "; %s refused" % paint(31, "X") if refused else "")
        most = max([length for _, length in points] + [1])
        canvas = Canvas(width, 3, times, most, paint)
        canvas.steps([*points, (times[1], points[-1][1])] if points else [(0, 0), (times[1], 0)], 34)
        for time in refused:
            canvas.letter(time, most, "X", 31)
        yield from canvas.rows(1)
    yield from axis(times, width, "s", paint.ascii)
    yield from queues.whom()


def picture(queues, title):
    svg, (begin, end), top = Svg(), queues.times(), 98
    times = (begin - (end - begin) * 0.01, end + (end - begin) * 0.01)
    svg.text(24, 34, title, 19, INK, weight=700)
    svg.text(24, 55, queues.summary(), 14, MUTED)
    inner = WIDTH - LEFT - RIGHT
    panels = [(TITLES[queue], points, CWND, queue) for queue, points in queues.lengths.items()]
    if queues.cookies:
        panels.insert(1, ("SYNs answered by cookie, all in all", queues.cookies, SACK, ""))
    for title, points, colour, queue in panels:
        most = max([length for _, length in points] + [1])
        panel = Panel(svg, title, LEFT, top, inner, 130, times, (0, most * 1.15), "", 1)
        panel.axes((), queue == "accept")
        points = [(0, 0), *points, (end, points[-1][1] if points else 0)]
        panel.steps(points, PIPE, fill=PIPE)
        panel.steps(points, colour, 1.9)
        refused = [(time, most) for time, where, _ in queues.refused if where == queue]
        panel.crosses(refused, LOST)
        panel.frame()
        panel.legend([("cross", LOST, "refused")] if refused else [])
        top += 130 + 44
    svg.text(LEFT + inner / 2, top, "seconds since the first of these events", SMALL, MUTED, "middle")
    for words in queues.whom():
        top += 22
        svg.text(LEFT, top, words, SMALL, LOST)
    return svg.document(top + 20)
