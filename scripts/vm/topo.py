#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""topo.py FILE

Reads a network from FILE, as make vm TOPO=FILE does, and prints the commands that make it
of namespaces. A wrong line is named, and nothing is printed. FILE has lines of three kinds:

  host a b                 hosts: their programs run on xtcp
  router left              routers
  link a left              between two of these, as fast as it gets, or with any of
  link left right rate=10mbit delay=20ms queue=50 loss=1%

Rate, delay and loss are those of each direction; queue is how many packets of 1,514 octets
wait for the link (100, with a rate). What is behind # is a comment. Everybody finds
everybody by name, on the way with the fewest links; each device has the name of who is at
its other end.
"""

import re
import signal
import sys
from collections import deque

signal.signal(signal.SIGPIPE, signal.SIG_DFL)   # who reads this may have seen enough

VALUES = {"rate": (r"[1-9]\d{0,3}[kmg]bit", "10mbit"), "delay": (r"\d{1,4}ms", "20ms"),
          "loss": (r"\d{1,2}(\.\d{1,3})?%", "1%"), "queue": (r"[1-9]\d{0,5}", "50")}


class Wrong(Exception):
    pass


def link_of(nodes, links, words):
    """(its ends, what it is like)"""
    ends, values = tuple(words[:2]), dict(word.partition("=")[::2] for word in words[2:])
    for end in ends:
        if end not in nodes:
            raise Wrong("there is no host or router '%s' above" % end)
    if len(ends) < 2 or ends[0] == ends[1]:
        raise Wrong("a link is between two of them: link a b")
    if any(set(ends) == set(other) for other, _ in links):
        raise Wrong("there is a link between %s and %s already" % ends)
    for name, value in values.items():
        if name not in VALUES:
            raise Wrong("a link has no '%s'; it has " % name + ", ".join(VALUES))
        if not re.fullmatch(VALUES[name][0], value):
            raise Wrong("%s=%s is not like %s=%s" % (name, value, name, VALUES[name][1]))
    if "queue" in values and "rate" not in values:
        raise Wrong("without a rate nothing waits in a queue")
    return ends, values


def read(lines):
    """({name: "host" or "router"}, [link])"""
    nodes, links, number = {}, [], 0
    try:
        for number, line in enumerate(lines, 1):
            kind, *words = line.split("#")[0].split() or [""]
            if kind == "link":
                links.append(link_of(nodes, links, words))
            elif kind in ("host", "router") and words:
                for name in words:
                    if not re.fullmatch("[a-z][a-z0-9-]{0,11}", name):
                        raise Wrong("'%s' is no name: 12 of a-z, 0-9 and -, and a letter first" % name)
                    if name in nodes:
                        raise Wrong("there is a '%s' already" % name)
                    nodes[name] = kind
            elif kind:
                raise Wrong("a line begins with host, router or link, and names follow")
    except Wrong as wrong:
        raise Wrong("line %d: %s" % (number, wrong)) from None
    if not 1 <= len(links) <= 250:
        raise Wrong("%d links; it wants 1 to 250" % len(links))
    for name in nodes:
        for other in nodes.keys() - ways(nodes, links, name).keys():
            raise Wrong("there is no way from %s to %s" % (name, other))
    return nodes, links


def ways(nodes, links, start):
    """{node: the address of the neighbour that leads there}, the nearest node first; hosts forward nothing"""
    found, queue = {start: None}, deque([start])
    while queue:
        here = queue.popleft()
        for number, (ends, _) in enumerate(links, 1):
            there = ends[1 - ends.index(here)] if here in ends else here
            if there not in found:
                found[there] = found[here] or address(number, links, there)
                if nodes[there] == "router":
                    queue.append(there)
    return found


def address(number, links, name):
    return "10.77.%d.%d" % (number, 1 + links[number - 1][0].index(name))


def home(links, name):
    """Its first link."""
    return next(number for number, (ends, _) in enumerate(links, 1) if name in ends)


def commands(nodes, links):
    yield "ip -all netns delete"
    for name in nodes:
        yield "ip netns add %s; ip -n %s link set lo up" % (name, name)
    for number, (ends, values) in enumerate(links, 1):
        yield "ip link add name %s netns %s gso_max_segs 1 type veth peer name %s netns %s gso_max_segs 1" % (
            ends[1], ends[0], ends[0], ends[1])
        for here, there in (ends, ends[::-1]):
            yield "ip -n %s addr add %s/24 dev %s; ip -n %s link set dev %s up" % (
                here, address(number, links, here), there, here, there)
            if values:
                yield "tc -n %s qdisc add dev %s root handle 1: netem limit 100000%s" % (
                    here, there, "".join(" %s %s" % (word, values[word]) for word in ("delay", "loss") if word in values))
            if "rate" in values:
                yield "tc -n %s qdisc add dev %s parent 1:1 tbf rate %s burst 3028 limit %d" % (
                    here, there, values["rate"], 1514 * int(values.get("queue", 100)))
    for name, kind in nodes.items():
        first = ways(nodes, links, name)
        for number, (ends, _) in enumerate(links, 1):
            if name not in ends:
                yield "ip -n %s route add 10.77.%d.0/24 via %s" % (name, number, next(first[end] for end in first if end in ends))
        if kind == "router":
            yield "ip netns exec %s sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'" % name
        yield "echo %s %s >>/etc/hosts" % (address(home(links, name), links, name), name)
    yield "echo 'Loaded. Hosts, on it: %s; routers: %s'" % tuple(" ".join(name for name in nodes if nodes[name] == kind) for kind in ("host", "router"))


def main(path):
    try:
        with open(path, encoding="utf-8") as file:
            network = read(file.read().split("\n"))
    except (OSError, UnicodeDecodeError, Wrong) as error:
        print("vm: TOPO=%s: %s" % (path, getattr(error, "strerror", None) or error), file=sys.stderr)
        return 2
    print("\n".join(commands(*network)))
    return 0


sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else print(__doc__, file=sys.stderr) or 2)
