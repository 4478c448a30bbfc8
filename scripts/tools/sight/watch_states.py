# SPDX-License-Identifier: GPL-2.0
"""xtcp-watch states: how many connections are in each state, over time, of which service they are, and why others
ended."""

import textwrap
from collections import Counter, deque

from advice import ENDS, Advice, ends_of
from listing import LIFE, Unreadable
from program import PROC
from table import Column, brief, fit, row, span
from watch_view import View

LEVELS = {True: " .:-=+*#", False: " ▁▂▃▄▅▆▇█"}
COUNTED = (("ActiveOpens", "opened"), ("PassiveOpens", "accepted"), ("AttemptFails", "failed"),
           ("EstabResets", "reset"), ("RetransSegs", "segments resent"))
MOST = 4000     # samples
NAME = 13
SHORT = {"SYN-SENT": "SYN-SNT", "SYN-RECEIVED": "SYN-RCV", "ESTABLISHED": "ESTAB", "FIN-WAIT-1": "FIN-W-1",
         "FIN-WAIT-2": "FIN-W-2", "CLOSE-WAIT": "CLOSE-W", "LAST-ACK": "LAST-A", "TIME-WAIT": "TIME-W"}
SERVICES = 8    # lines without a terminal; at one, as many as there is room for


class Service:
    """A listening port, or a port of another host. .counts: how many connections are in each state."""

    def __init__(self, name):
        self.name, self.programs, self.counts = name, set(), Counter()

    def words(self):
        return " ".join([self.name, *sorted(self.programs)])


def service_of(listed, listening):
    """The name of a row's service. Without a listener, the lower port is taken for the server's."""
    local, peer = (int(end.rpartition(":")[2], 16) for end in listed.hex)
    return ":%d" % local if local in listening or local < peer else "to :%d" % peer


def services(rows, owners):
    """Those with the most connections first."""
    listening = {int(listed.hex[0].rpartition(":")[2], 16) for listed in rows if listed.state == "LISTEN"}
    found = {}
    for listed in rows:
        name = service_of(listed, listening)
        service = found.setdefault(name, Service(name))
        service.counts[listed.state] += 1
        # An accepted socket may belong to another program: the listener's names the service.
        program = owners.of(listed.inode).program
        if program and (listed.state == "LISTEN" or name.startswith("to")):
            service.programs.add(program)
    return sorted(found.values(), key=lambda each: (-sum(each.counts.values()) + each.counts["LISTEN"], each.name))


class States(View):
    samples = True
    help = "q: end"

    def __init__(self, args, listing):
        super().__init__(args, listing)
        self.samples = deque(maxlen=MOST)   # (time, counts)
        self.counters = self.first = None
        self.before = None
        self.services = []
        self.ends = self.first_ends = None  # by counter; None: copies without these counters
        self.advice = Advice(args.name) if args.proc == PROC else None

    def look(self, now):
        rows = self.listing.rows()
        self.samples.append((now, Counter(listed.state for listed in rows)))
        self.know(rows)
        self.services = services(rows, self.owners)
        self.before, self.counters = self.counters, (now, self.listing.counters())
        self.first = self.first or self.counters
        try:
            self.ends = ends_of(self.listing.counters("_netstat", "TcpExt"))
        except Unreadable:
            self.ends = None
        self.first_ends = self.first_ends or self.ends

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
        foot = list(self.foot(width, paint))
        free = None if height is None else height - 4 - len(LIFE) - len(foot)
        ends = list(self.by_reason(width, None if free is None else free // 2, paint))
        room = SERVICES if free is None else free - 2 - len(ends)
        if room > 0 and self.services:
            yield from self.by_service(width, room, paint)
        yield from ends
        yield from foot

    def by_reason(self, width, room, paint):
        """A line for each reason for which connections have ended, FINs left aside, and advice; those that grow first."""
        found = [(words, self.ends[name] - self.first_ends.get(name, 0), self.ends[name], advice)
                 for name, words, advice in ENDS if self.ends and self.ends.get(name)]
        if not found or room is not None and room < 4:
            return
        line = "%-40s %10s %10s"
        yield ""
        yield paint("7", (line % ("ENDED OTHERWISE THAN BY FINS", "SINCE THEN", "IN ALL")).ljust(width))
        left = len(found)
        room = None if room is None else room - 2
        for words, grown, count, advice in sorted(found, key=lambda each: (-each[1], -each[2])):
            lines = [line % (words, brief(grown), brief(count))]
            if advice and self.advice:
                lines += [paint("33", "  " + text) for text in textwrap.wrap(self.advice.on_end(advice), width - 2)]
            if room is not None and len(lines) + (left > 1) > room:
                yield paint("90", "%d more" % left)
                return
            yield from lines
            left -= 1
            room = None if room is None else room - len(lines)

    def by_service(self, width, room, paint):
        """A line for each service, with a column for each state in which one of them has connections."""
        def count(state):
            return lambda service: brief(service.counts[state]) if service.counts[state] else "-"

        columns = [Column("service", "SERVICE", 16, Service.words, 0, 40, left=True)]
        columns += [Column(state, SHORT.get(state, state), 7, count(state), 1) for state in LIFE
                    if state != "LISTEN" and any(service.counts[state] for service in self.services)]
        fitted = fit(columns, width)
        yield ""
        yield paint("7", row(fitted, [column.title for column, _ in fitted]).ljust(width))
        shown = self.services if len(self.services) <= room else self.services[:max(room - 1, 1)]
        for service in shown:
            yield row(fitted, [column.value(service) for column, _ in fitted])
        if len(shown) < len(self.services):
            yield paint("90", "%d more" % (len(self.services) - len(shown)))
