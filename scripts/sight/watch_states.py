# SPDX-License-Identifier: GPL-2.0
"""xtcp-watch states: how many connections are in each state, over time."""

from collections import Counter, deque

from listing import LIFE
from table import brief, span
from watch_view import View

LEVELS = {True: " .:-=+*#", False: " ▁▂▃▄▅▆▇█"}
COUNTED = (("ActiveOpens", "opened"), ("PassiveOpens", "accepted"), ("AttemptFails", "failed"),
           ("EstabResets", "reset"), ("RetransSegs", "segments resent"))
MOST = 4000     # samples
NAME = 13


class States(View):
    samples = True
    help = "q: end"

    def __init__(self, args, listing):
        super().__init__(args, listing)
        self.samples = deque(maxlen=MOST)   # (time, counts)
        self.counters = self.first = None
        self.before = None

    def look(self, now):
        self.samples.append((now, Counter(row.state for row in self.listing.rows())))
        self.before, self.counters = self.counters, (now, self.listing.counters())
        self.first = self.first or self.counters

    def line(self, state, cells, most, paint):
        """One place for each so many samples: the most of them."""
        levels = LEVELS[paint.ascii]
        samples = list(self.samples)
        each = -(-len(samples) // cells)
        text = ""
        for at in range(0, len(samples), each):
            value = max(counts[state] for _, counts in samples[at:at + each])
            text += levels[0] if not value else levels[1 + min((value * (len(levels) - 2)) // max(most, 1),
                                                                len(levels) - 2)]
        return text

    def draw(self, width, height, paint):
        latest = self.samples[-1][1]
        seconds = self.samples[-1][0] - self.samples[0][0]
        yield self.head(width, paint, "%s sockets and records" % format(sum(latest.values()), ","))
        title = "%-*s %6s %6s  over the last %s" % (NAME, "STATE", "NOW", "MOST", span(seconds))
        yield paint("7", title.ljust(width))
        cells = width - NAME - 16
        for state in LIFE:
            most = max(counts[state] for _, counts in self.samples)
            name = paint("90" if not most else "", "%-*s %6s %6s" % (NAME, state, brief(latest[state]), brief(most)))
            yield "%s  %s" % (name, paint("36", self.line(state, cells, most, paint)))
        yield ""
        (now, counters), (then, old) = self.counters, self.before or self.counters
        words = []
        for name, word in COUNTED:
            rate = (counters[name] - old[name]) / max(now - then, 1e-3)
            words.append("%s %s%s" % (brief(counters[name] - self.first[1][name]), word,
                                      " (%s/s)" % brief(rate) if rate >= 0.5 else ""))
        yield ("since then: " + ", ".join(words))[:width]
        yield from self.foot(width, paint)
