# SPDX-License-Identifier: GPL-2.0
"""xtcp-watch listen: both queues of each listener as bars."""

import textwrap

from advice import Advice
from events import port_of
from table import brief, shorten
from watch_view import View, more

FULL, HELD, PEAK, FREE = 0, 1, 2, 3
MARKS = {True: "##|.", False: "██▏░"}
WHY = {("accept", "refused"): "refused, accept queue full", ("syn", "refused"): "SYN dropped",
       ("syn", "cookie"): "answered by cookie, SYN queue full"}
TALL = 7    # rows of a listener


class Listen(View):
    wanted = {"queue": 'reason=="refused" || reason=="cookie"'}
    help = "up, down   q: end"

    def __init__(self, args, listing):
        super().__init__(args, listing)
        self.listeners, self.before = [], {}
        self.last = {}      # (address, port): the last that was refused, or answered by cookie
        self.then = None
        self.advice = None if args.trace or listing.folder != "/proc/net" else Advice(args.name)

    def take(self, event):
        super().take(event)
        if event.name == "queue":
            why = WHY.get((event.word("queue"), event.word("reason")))
            last = self.last.get(event.local)
            # the reason comes first: the SYN that the accept queue has no room for is refused by the other one, too
            if why and not (last and last[0] == event.peer and event.time - last[2] < 0.001 and
                            last[1] == WHY["accept", "refused"]):
                self.last[event.local] = (event.peer, why, event.time)
            if len(self.last) > 10000:
                self.last.clear()

    def look(self, now):
        old = {listener.inode: listener for listener in self.listeners}
        self.listeners = self.listing.listeners()
        if self.args.port:
            self.listeners = [one for one in self.listeners if port_of(one.address) in self.args.port]
        self.listeners.sort(key=lambda one: (port_of(one.address), one.address))
        self.before = {}
        if self.then is not None and now > self.then:
            self.before = {inode: (one, now - self.then) for inode, one in old.items()}
        self.then = now

    def rate(self, listener, count):
        """How fast a count grows, in words."""
        old, seconds = self.before.get(listener.inode, (None, 1))
        grown = count(listener) - count(old) if old else 0
        return " (+%s/s)" % brief(grown / seconds) if grown > 0 else ""

    def counted(self, listener, count):
        return brief(count(listener)) + self.rate(listener, count)

    def bar(self, paint, width, length, limit, peak):
        """Of limit + 1 places: that is how many it holds."""
        room, marks = limit + 1, MARKS[paint.ascii]
        cells = [marks[FREE]] * width
        held = min((length * width + room - 1) // room, width)
        most = min((peak * width + room - 1) // room, width)
        if most > held:
            cells[most - 1] = marks[PEAK]
        full = length >= room
        cells[:held] = marks[FULL if full else HELD] * held
        text = "".join(cells)
        return "[%s%s]" % (paint("31" if full else "32", text[:held]), paint("90", text[held:]))

    def queue(self, paint, width, name, length, limit, peak):
        words = "%s of %s, most %s%s" % (format(length, ","), format(limit + 1, ","), format(peak, ","),
                                         "  FULL" if length > limit else "")
        return "  %-6s %s %s" % (name, self.bar(paint, max(width - 10 - 30, 10), length, limit, peak), words)

    def refusal(self, listener, now):
        """The last one of this listener, which may stand for every address."""
        found = [last for local, last in self.last.items() if local == listener.address or
                 port_of(local) == port_of(listener.address) and is_wildcard(listener.address)]
        if not found:
            return ""
        peer, why, time = max(found, key=lambda last: last[2])
        return "%s: %s, %.1f s ago" % (peer, why, max(now - time, 0))

    def tall(self, listener, width, paint, now):
        yield paint("1", "%s" % listener.address) + "  limit %s, holds one more; uid %d, inode %d" % (
            format(listener.limit, ","), listener.uid, listener.inode)
        yield self.queue(paint, width, "accept", listener.accept_len, listener.limit, listener.accept_peak)
        yield self.queue(paint, width, "SYN", listener.syn_len, listener.limit, listener.syn_peak)
        words = "  accept queue full: %s times; SYNs dropped: %s" % (
            self.counted(listener, overflows), self.counted(listener, dropped))
        words += "; answered by cookie: %s, %s of them came back" % (
            self.counted(listener, cookies), brief(listener.cookies_recv))
        if len(words) > width:
            first, _, second = words.rpartition("; ")
            yield first
            words = "  " + second
        last = self.refusal(listener, now)
        if last and len(words) + len(last) + 8 <= width:
            words, last = words + "; last: " + last, ""
        yield words
        if last:
            yield "  last: " + last
        for line in textwrap.wrap(self.advice and self.advice.on(listener) or "", width - 2):
            yield paint("33", "  " + line)

    def flat(self, listener, width, paint):
        words = "full %s dropped %s cookies %s/%s" % (brief(listener.overflows), brief(dropped(listener)),
                                                     brief(listener.cookies_sent), brief(listener.cookies_recv))
        room = width - 2 - len(words.ljust(32)) - 1
        name = shorten(listener.address, 22).ljust(22)
        bars = max((room - 22 - 18) // 2, 5)
        line = "%s A%s%-6s" % (name, self.bar(paint, bars, listener.accept_len, listener.limit, listener.accept_peak),
                              brief(listener.accept_len))
        return line + "S%s%-6s%s" % (self.bar(paint, bars, listener.syn_len, listener.limit, listener.syn_peak),
                                     brief(listener.syn_len), words)

    def draw(self, width, height, paint):
        now, count = self.now(), len(self.listeners)
        foot = list(self.foot(width, paint))
        yield self.head(width, paint, "%s listener%s" % (format(count, ","), "" if count == 1 else "s"))
        if height is None or (TALL + 1) * count <= height - 2 - len(foot):
            for listener in self.listeners:
                yield ""
                yield from self.tall(listener, width, paint, now)
        else:
            shown, above, below = self.scroll(self.listeners, height - 3 - len(foot))
            yield paint("7", "A: accept queue, how often it was full  S: SYN queue; cookies sent/came back".ljust(width))
            for listener in shown:
                yield self.flat(listener, width, paint)
            if above or below:
                yield paint("90", more(above, below))
        yield from foot


def overflows(listener):
    """SYNs and third ACKs that met a full accept queue."""
    return listener.overflows


def cookies(listener):
    return listener.cookies_sent


def dropped(listener):
    """SYNs that got no answer; some of them met a full accept queue."""
    return max(listener.declined - listener.cookies_sent, 0)


def is_wildcard(address):
    return address.startswith("0.0.0.0:") or address.startswith("[::]:")
