# SPDX-License-Identifier: GPL-2.0
"""xtcp-watch conn: a line for each connection."""

from collections import Counter

from listing import LIFE
from table import Column, brief, fit, row, span
from watch_view import View, more

COLOUR = {"ESTABLISHED": "32", "SYN-SENT": "33", "SYN-RECEIVED": "33", "TIME-WAIT": "90", "CLOSE-WAIT": "36"}


class Connection:
    """A row of /proc and the flow of it, if an event has told of one."""

    def __init__(self, listed, flow, now, owner):
        self.listed, self.flow, self.algorithm = listed, flow, owner.algorithm
        self.local, self.peer = listed.ends
        self.out, self.into = flow.rates(now) if flow else (None, None)

    @property
    def flight(self):
        if self.listed.cwnd is not None and not self.listed.unsent:
            return 0
        return self.flow.pipe if self.flow else None

    def told(self, name):
        return getattr(self.flow, name) if self.flow else None

    @property
    def rate(self):
        return None if self.out is None else self.out + self.into

    def timer(self):
        if not self.listed.timer:
            return "-"
        return "%s %s%s" % (self.listed.timer, span(self.listed.left),
                            " x%d" % self.listed.tries if self.listed.tries else "")


def milliseconds(microseconds):
    if not microseconds:
        return "-"
    return ("%.2f" if microseconds < 9995 else "%.1f" if microseconds < 999500 else "%.0f") % (microseconds / 1000)


def bits(octets):
    return brief(None if octets is None else octets * 8)


# key, title, least width, words, rank, most width, what it is sorted by; numbers begin with the largest
COLUMNS = (
    (Column("state", "STATE", 12, lambda c: c.listed.state, left=True), lambda c: LIFE.index(c.listed.state)),
    (Column("local", "LOCAL", 15, lambda c: c.local, 1, 47, left=True), lambda c: end(c.local)),
    (Column("peer", "PEER", 15, lambda c: c.peer, 0, 47, left=True), lambda c: end(c.peer)),
    (Column("cwnd", "CWND", 5, lambda c: brief(c.told("cwnd")) if c.flow and c.flow.cwnd else
            "-" if c.listed.cwnd is None else "%dseg" % c.listed.cwnd, most=6), lambda c: -(c.told("cwnd") or 0)),
    (Column("ssthresh", "SSTHR", 5, lambda c: brief(c.told("ssthresh")), 4), lambda c: -(c.told("ssthresh") or 0)),
    (Column("flight", "FLGHT", 5, lambda c: brief(c.flight), most=6), lambda c: -(c.flight or 0)),
    (Column("rtt", "RTT ms", 6, lambda c: milliseconds(c.told("srtt_us"))), lambda c: -(c.told("srtt_us") or 0)),
    (Column("rate", "BIT/S", 5, lambda c: bits(c.rate), most=6), lambda c: -(c.rate or 0)),
    (Column("out", "OUT/S", 5, lambda c: bits(c.out), 6), lambda c: -(c.out or 0)),
    (Column("in", "IN/S", 5, lambda c: bits(c.into), 5), lambda c: -(c.into or 0)),
    (Column("unsent", "SENDQ", 5, lambda c: brief(c.listed.unsent), most=6), lambda c: -c.listed.unsent),
    (Column("unread", "RECVQ", 5, lambda c: brief(c.listed.unread), most=6), lambda c: -c.listed.unread),
    (Column("resent", "AGAIN", 5, lambda c: brief(c.told("resent")), 7), lambda c: -(c.told("resent") or 0)),
    (Column("algorithm", "CC", 5, lambda c: c.algorithm or "-", 3, 15, left=True), lambda c: c.algorithm or "~"),
    (Column("phase", "PHASE", 8, lambda c: c.told("phase") or "-", 8, left=True), lambda c: c.told("phase") or "~"),
    (Column("timer", "TIMER", 14, Connection.timer, 0, 16, left=True), lambda c: c.listed.left or 1e9),
)
KEYS = [column.key for column, _ in COLUMNS]


def end(name):
    address, _, port = name.rpartition(":")
    return address, int(port)


def algorithms(connections):
    """How many connections have which algorithm, where there is no room for its column. Of many, some are asked with each
    picture."""
    found = Counter(c.algorithm for c in connections if c.algorithm)
    known, all_of_them = sum(found.values()), sum(1 for c in connections if c.listed.inode)
    return "".join("; %s %s" % (name, brief(count)) for name, count in found.most_common(3)) + \
        (" of %s known" % brief(known) if 0 < known < all_of_them else "")


class Conn(View):
    wanted = {"ack": "", "congestion": "", "segment_in": "len>0", "local": "", "segment_out": "resent==1 && len>0"}
    help = "left, right: sort   r: reverse   up, down   q: end"

    def __init__(self, args, listing):
        super().__init__(args, listing)
        self.sort, self.reverse = KEYS.index(args.sort or "state"), False
        self.connections = []

    def look(self, now):
        rows = [listed for listed in self.listing.rows() if listed.state != "LISTEN"]
        flows = self.flows.all
        self.know(rows, True)
        self.connections = [Connection(listed, flows.get(listed.ends), now, self.owners.of(listed.inode))
                            for listed in rows]
        self.flows.keep({listed.ends for listed in rows})
        if self.args.port:
            self.connections = [c for c in self.connections if {end(c.local)[1], end(c.peer)[1]} & set(self.args.port)]

    def key(self, key):
        if key in ("left", "right"):
            self.sort = (self.sort + (1 if key == "right" else -1)) % len(COLUMNS)
        elif key == "r":
            self.reverse = not self.reverse
        else:
            super().key(key)

    def draw(self, width, height, paint):
        every = sorted(self.connections, key=lambda c: (c.local, c.peer))
        every.sort(key=COLUMNS[self.sort][1], reverse=self.reverse)
        foot = list(self.foot(width, paint))
        shown, above, below = self.scroll(every, None if height is None else height - 3 - len(foot))
        fitted = fit([column for column, _ in COLUMNS], width)
        narrow = all(column.key != "algorithm" for column, _ in fitted)
        yield self.head(width, paint, "%s connection%s, by %s%s%s" % (
            format(len(every), ","), "" if len(every) == 1 else "s", KEYS[self.sort],
            ", reversed" if self.reverse else "", algorithms(every) if narrow else ""))
        yield paint("7", row(fitted, [column.title for column, _ in fitted]))
        for connection in shown:
            line = row(fitted, [column.value(connection) for column, _ in fitted])
            yield paint(COLOUR.get(connection.listed.state, ""), line)
        if above or below:
            yield paint("90", more(above, below))
        yield from foot
