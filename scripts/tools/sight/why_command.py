# SPDX-License-Identifier: GPL-2.0
"""What xtcp-why does with its options."""

import collections
import textwrap

import program
import tracer
from advice import ENDS, PEERS_MATTER, REASONS, Advice, ends_of
from blackbox import boxes_in
from causes import cause_of
from diag import ABORT, Diag, Refused, abort_of, attributes_of, ends_of_row, told_of
from events import port_of
from listing import Listing, Unreadable
from program import PROC
from watch_listen import dropped

WIDTH = 100
MOST = 5            # reasons of peers, and peers
CLOSED = 1 << 7     # of the states of sock_diag


def options(doc):
    parser = program.Parser("xtcp-why", doc)
    program.add_module(parser.add_argument, "copies of the files of /proc/net instead of them; without advice")
    args = parser.parse_args()
    program.take_module(args)
    return args


def times(count):
    return "once" if count == 1 else "%s times" % format(count, ",")


def refusals(listener, advice):
    """(what, advice) for each kind of refusal of this listener."""
    if listener.overflows:
        yield ("%s refused: its accept queue was full, %s; it holds %s, and has held %s" % (
            listener.address, times(listener.overflows), format(listener.limit + 1, ","),
            format(listener.accept_peak, ",")), advice and advice.on_full_queue(listener))
    # a SYN that met a full accept queue is counted twice
    syns = dropped(listener) - listener.overflows
    if syns > 0:
        yield ("%s dropped SYNs: its SYN queue was full, %s" % (listener.address, times(syns)),
               advice and advice.on_dropped_syns())


def aborted(name):
    """[(ends, struct xtcp_abort)] of the sockets that programs still hold."""
    try:
        with open("/sys/module/%s/parameters/family" % program.module_of(name)) as file:
            diag = Diag(int(file.read()))
        if not diag.is_there():
            return []
        rows = [(ends_of_row(row), attributes_of(row).get(ABORT)) for protocol in (0, 1)
                for row in diag.rows(protocol, CLOSED, 0)]
    except (OSError, ValueError, Refused):
        return []
    return [row for row in rows if row[1]]


def told_by_sockets(sockets):
    """[(cause, how many)] of these, by what the peers' RSTs said."""
    told = [told_of(abort) for _, abort in sockets]
    return collections.Counter(cause_of(*code) for code in told if code).most_common()


def peers(listing, sockets):
    """{reason: {peer: how many}}, of the black boxes if there are any, else of the sockets. A client's port says nothing."""
    try:
        found = [((box.local, box.peer), box.reason) for box in boxes_in(listing.lines("_blackbox"))]
    except (ValueError, KeyError, Unreadable):
        found = []
    found = found or [(ends, abort_of(abort)[0]) for ends, abort in sockets]
    servers = {port_of(listener.address) for listener in listing.listeners()}
    by = {}
    for (local, peer), reason in found:
        name = peer.rpartition(":")[0] if port_of(local) in servers else peer
        by.setdefault(reason, collections.Counter())[name] += 1
    return by


def by_whom(name, count, by, advice):
    """Who the peers of such ends were, as far as that is known."""
    found = sum((by[reason] for reason in REASONS.get(name, ()) if reason in by), collections.Counter())
    listed = "; ".join("%s, %s" % (peer, times(number)) for peer, number in found.most_common(MOST))
    others = len(found) - MOST
    if not found:
        return advice.on_unknown_peers() if advice and name in PEERS_MATTER else ""
    return "peers: %s%s%s" % (listed, "; and %d other%s" % (others, "s" if others > 1 else "") if others > 0 else "",
                              " (of the rest nobody knows)" if sum(found.values()) < count else "")


def said(counts, sockets):
    """What the peers' RSTs said of their reasons; nobody has verified it. A peer may say thousands of them, so only the
    most frequent ones are listed."""
    words = []
    if counts.get("TCPRstDiagRecv"):
        words.append("%s the RST said why" % times(counts["TCPRstDiagRecv"]))
    if counts.get("TCPRstDiagMalformed"):
        words.append("%s what it said was malformed" % times(counts["TCPRstDiagMalformed"]))
    if sockets:
        listed = ", ".join("%s, %s" % (cause, times(count)) for cause, count in sockets[:MOST])
        others = len(sockets) - MOST
        words.append("of sockets that programs still hold: " + listed +
                     (" and %d other%s" % (others, "s" if others > 1 else "") if others > 0 else ""))
    return "; ".join(words)


def ended(counts, advice, sockets, by):
    """(what, from whom, advice) for each kind of end."""
    found = ends_of(counts)
    for name, words, help_of in ENDS:
        if found.get(name):
            help_of = advice and help_of and advice.on_end(help_of)
            yield "ended: %s, %s" % (words, times(found[name])), by_whom(name, found[name], by, advice), \
                said(counts, told_by_sockets(sockets)) if name == "TCPAbortOnReset" else help_of


def run(args):
    listing, copies = Listing(args.name, args.proc), args.proc != PROC
    advice = None if copies else Advice(args.name)
    found = [reason for listener in listing.listeners() for reason in refusals(listener, advice)]
    sockets = [] if copies else aborted(args.name)
    found += ended(listing.counters("_netstat", "TcpExt"), advice, sockets, peers(listing, sockets))
    if not copies:
        print("#%s, network namespace %d" % (args.name, tracer.namespace()))
    for what, *more in found:
        print(what)
        for helps in filter(None, more):
            print(textwrap.fill(helps, WIDTH, initial_indent="    ", subsequent_indent="    "))
    if not found:
        print("No listener has refused anybody since it listens, and every connection has ended by FINs.")


def main(doc):
    return program.ends("xtcp-why", lambda: run(options(doc)), Unreadable)
