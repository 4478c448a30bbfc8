# SPDX-License-Identifier: GPL-2.0
"""xtcp-nstat --prometheus: the counters, sockets and listeners as a page in Prometheus's text format, version 0.0.4.

    prometheus.py NAME [FOLDER]     of the module NAME; from copies of the files of /proc/net in FOLDER

A name follows from the kernel's name of the counter alone, so it stays the same as counters are added. Only whole pages
are written: if a file cannot be read, there is a sentence instead."""

import re
import sys

import program
from listing import GAUGES, Listing, Unreadable
from prometheus_help import COUNTERS, SOCKETS

# Sockets that share an address and port are one row: what they hold is added up. name: (column, type, help)
LISTEN = (
    ("limit", "limit", "gauge", "The backlog; each of both queues holds one more."),
    ("accept_queue_length", "accept_len", "gauge", "Connections that wait for accept()."),
    ("accept_queue_peak", "accept_peak", "gauge", "The most that have waited for accept() since listen()."),
    ("syn_queue_length", "syn_len", "gauge", "Half-open connections."),
    ("syn_queue_peak", "syn_peak", "gauge", "The most half-open connections since listen()."),
    ("overflows_total", "overflows", "counter", "SYNs and third ACKs that met a full accept queue."),
    ("syns_declined_total", "declined", "counter",
     "SYNs that left no entry in the SYN queue: dropped, for a full accept queue, too, or answered by cookie."),
    ("cookies_sent_total", "cookies_sent", "counter", "SYNs answered by cookie."),
    ("cookies_received_total", "cookies_recv", "counter", "Connections that a cookie opened."),
)


def snake(name):
    """TCPDSACKOfoRecv as tcp_dsack_ofo_recv, DelayedACKs as delayed_acks."""
    name = re.sub("^TCP(?=[A-Z])", "tcp_", name)
    name = re.sub("([A-Z]{2,}s)(?![a-z])", lambda plural: plural[0].capitalize(), name)
    name = re.sub("([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def metric(group, name):
    """Tcp:InSegs as tcp_in_segs_total; the TCP of TcpExt:TCPTimeouts says nothing that the group does not."""
    words = snake(name)
    if group == "TcpExt" and words.startswith("tcp_"):
        words = words[len("tcp_"):]
    return "%s_%s%s" % (group.lower(), words, "" if name in GAUGES else "_total")


def label(text):
    """A value of a label, quoted."""
    return '"%s"' % text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r'\"')


def help_text(text):
    return text.replace("\\", r"\\").replace("\n", r"\n")


def help_of(words, source):
    """What a number is, if there are words for that, and where it comes from."""
    return "%s%s." % (words + ": " if words else "", source)


def family(name, kind, words, samples):
    """The lines of one; samples are (labels, value)."""
    yield "# HELP %s %s" % (name, help_text(words))
    yield "# TYPE %s %s" % (name, kind)
    for labels, value in samples:
        text = ",".join("%s=%s" % (key, label(of)) for key, of in labels)
        yield "%s%s %d" % (name, "{%s}" % text if text else "", value)


def places(listeners):
    """{(address, port): its sockets}; an IPv6 address without brackets."""
    found = {}
    for listener in listeners:
        address, _, port = listener.address.rpartition(":")
        found.setdefault((address.strip("[]"), port), []).append(listener)
    return found


def ends(listing):
    """{((address), (port), (reason)): how many connections}"""
    found = {}
    for at, reason, number in listing.aborts():
        address, _, port = at.rpartition(":")
        labels = (("address", address.strip("[]")), ("port", port), ("reason", reason))
        found[labels] = found.get(labels, 0) + number
    return found


def page(listing):
    name = listing.name
    for suffix, group in (("_snmp", "Tcp"), ("_netstat", "TcpExt")):
        for counter, value in listing.counters(suffix, group).items():
            yield from family("%s_%s" % (name, metric(group, counter)), "gauge" if counter in GAUGES else "counter",
                              help_of(COUNTERS.get(counter), "%s%s of %s%s" % (group, counter, name, suffix)), [((), value)])
    for group, numbers in listing.sockstat().items():
        for word, value in numbers.items():
            yield from family("%s_sockstat_%s_%s" % (name, group.lower(), word), "gauge",
                              help_of(SOCKETS.get(word), "%s:%s of %s_sockstat" % (group, word, name)), [((), value)])
    found = [((("address", address), ("port", port)), sockets)
             for (address, port), sockets in places(listing.listeners()).items()]
    if not found:
        return
    yield from family(name + "_listen_sockets", "gauge", "Sockets that listen at this address and port.",
                      [(labels, len(sockets)) for labels, sockets in found])
    for word, column, kind, words in LISTEN:
        yield from family("%s_listen_%s" % (name, word), kind, words,
                          [(labels, sum(getattr(socket, column) for socket in sockets)) for labels, sockets in found])
    aborts = ends(listing)
    if aborts:
        yield from family(name + "_listen_aborts_total", "counter",
                          "Connections of the listener that were aborted, by reason, since listen().", aborts.items())


def run(name, folder):
    sys.stdout.write("\n".join(page(Listing(name, folder))) + "\n")


def main(name, folder="/proc/net"):
    return program.ends("xtcp-nstat", lambda: run(name, folder), Unreadable)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
