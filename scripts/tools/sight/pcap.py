# SPDX-License-Identifier: GPL-2.0
"""Two captures of tcpdump, one at each end, as if they were a trace: for
xtcp-ladder --pcap. They know of no states and no timers."""

import heapq
import itertools
import os
import struct
from collections import Counter, deque
from operator import itemgetter

from events import SegmentEvent, Unreadable
from skew import Skew

MAGICS = {0xa1b2c3d4: 1e-6, 0xa1b23c4d: 1e-9}
ETHERNET, RAW, LINUX_SLL, LINUX_SLL2 = 1, (12, 14, 101), 113, 276
FLAGS = "FSRPAUECa"
MANY = 10000        # packets of a connection


def address(data):
    if len(data) == 4:
        return "%d.%d.%d.%d" % tuple(data)
    import ipaddress
    return "[%s]" % ipaddress.ip_address(data)


def ip_of(link, data):
    """The IP header and what follows it, or None."""
    if link == ETHERNET:
        at = 12
        while data[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
            at += 4
        return data[at + 2:] if data[at:at + 2] in (b"\x08\x00", b"\x86\xdd") else None
    if link == LINUX_SLL:
        return data[16:]
    if link == LINUX_SLL2:
        return data[20:]
    return data


def tcp_of(ip):
    """(source, destination, ECN, TCP header and what follows, octets of it on the wire, identification), or None."""
    if len(ip) >= 20 and ip[0] >> 4 == 4:
        header, (total,) = (ip[0] & 15) * 4, struct.unpack_from("!H", ip, 2)
        if ip[9] != 6 or struct.unpack_from("!H", ip, 6)[0] & 0x1fff:
            return None
        return address(ip[12:16]), address(ip[16:20]), ip[1] & 3, ip[header:], (total or len(ip)) - header, \
            struct.unpack_from("!H", ip, 4)[0]
    if len(ip) >= 40 and ip[0] >> 4 == 6 and ip[6] == 6:
        octets = struct.unpack_from("!H", ip, 4)[0] or len(ip) - 40
        return address(ip[8:24]), address(ip[24:40]), ip[1] >> 4 & 3, ip[40:], octets, 0
    return None


def options_of(data, is_syn):
    """(SACK blocks, timestamps, what a SYN offers, or a request for an ACK rate) in the words of the events."""
    sacks, stamps, offers, rate = "", "0/0", [], []
    while len(data) >= 2 and data[0]:
        if data[0] == 1:
            data = data[1:]
            continue
        kind, size = data[0], data[1]
        if size < 2 or size > len(data):
            break
        value = data[2:size]
        if kind == 5 and not is_syn:
            sacks = ",".join("%d-%d" % struct.unpack_from("!II", value, at) for at in range(0, len(value) - 7, 8))
        elif kind == 8 and size == 10:
            stamps = "%d/%d" % struct.unpack("!II", value)
            offers.append("ts")
        elif kind == 2 and size == 4:
            offers.append("mss:%d" % struct.unpack("!H", value))
        elif kind == 3 and size == 3:
            offers.append("ws:%d" % value[0])
        elif kind == 4 and size == 2:
            offers.append("sackok")
        elif kind == 254 and value[:2] == b"\x00\xac" and size in (4, 5):
            rate.append("tarr:%d" % (value[2] >> 1) if size == 5 else "tarr")
            offers.append(rate[-1])
        else:
            offers.append("opt%d:%d" % (kind, size))
        data = data[size:]
    return sacks, stamps, ",".join(offers if is_syn else rate)


class Capture:
    """Packets of one file: (time, source, destination, parts of a SegmentEvent)."""

    def __init__(self, name):
        try:
            self.file = open(name, "rb")
            head = self.file.read(24)
        except OSError as error:
            raise Unreadable("cannot read %s: %s" % (name, error.strerror)) from None
        for self.order in "<>":
            magic = struct.unpack(self.order + "I", head[:4])[0] if len(head) == 24 else 0
            if magic in MAGICS:
                self.unit = MAGICS[magic]
                self.link = struct.unpack_from(self.order + "I", head, 20)[0] & 0xffff
                break
        else:
            raise Unreadable("%s is no capture of tcpdump (a pcap file)" % name)
        if self.link not in (ETHERNET, LINUX_SLL, LINUX_SLL2, *RAW):
            raise Unreadable("%s has packets of link type %d, which is not known here" % (name, self.link))
        self.cut = False

    def __iter__(self):
        while True:
            head = self.file.read(16)
            if len(head) < 16:
                self.cut |= bool(head)
                return
            seconds, fraction, kept, _ = struct.unpack(self.order + "IIII", head)
            data = self.file.read(kept) if kept <= 1 << 20 else b""
            if len(data) < kept:
                self.cut = True
                return
            packet = self.packet(seconds + fraction * self.unit, data)
            if packet:
                yield packet

    def packet(self, time, data):
        ip = ip_of(self.link, data)
        found = tcp_of(ip) if ip else None
        if not found or len(found[3]) < 20:
            return None
        source, destination, ecn, tcp, octets, name = found
        sport, dport, seq, ack, offset, bits, window = struct.unpack_from("!HHIIBBH", tcp)
        header = (offset >> 4) * 4
        length = max(octets - header, 0)
        bits |= (offset & 1) << 8
        flags = "".join(FLAGS[at] for at in (1, 0, 2, 3, 4, 5, 6, 7, 8) if bits >> at & 1)
        sacks, stamps, offers = options_of(tcp[20:header], bits & 2)
        end = (seq + length + (bits & 1) + (bits >> 1 & 1)) % (1 << 32)
        return time, "%s:%d" % (source, sport), "%s:%d" % (destination, dport), \
            ("", flags, str(seq), str(end), str(ack), str(window), str(length), None, sacks, None, None, str(ecn),
             "%s#%d" % (stamps, name), offers)     # repetitions have names of their own, of IP


class Captures:
    """Iterates over the events of both, as events.Trace does. Which end a file was made at is known by who is seen
    sending there first: of a connection's first segment with two times the earlier copy is the sender's. If both files
    have packets of both directions, skew.py finds it out, whatever the clocks say."""

    is_of_now = False
    clocks = ""
    gaps = started = harmed = ()
    damaged = 0
    written = kept = last_time = None

    def __init__(self, *names):
        self.names = names
        self.files = [Capture(name) for name in names]
        self.here = {}      # (file, end): is it this file's end?
        self.sent = {}      # the newest end of text of a sender, to tell repetitions
        self.wanted = None
        self.packets = 0
        self.ahead = [0, 0]     # seconds by which the clock of each is ahead

    def compare_clocks(self):
        """From now on all times are by the clock that is behind."""
        if not all(map(os.path.isfile, self.names)):     # a pipe is read once
            return
        skew = Skew([Capture(name) for name in self.names])
        if skew.seconds:
            self.ahead[skew.seconds > 0] = abs(skew.seconds)
        self.clocks = skew.words()
        for way, leaves in skew.leaves.items():
            self.here[(0, *way)], self.here[(1, *way)] = leaves, not leaves

    def packets_of(self, which):
        for time, *rest in self.files[which]:
            yield (time - self.ahead[which], which, *rest)

    def ordered(self):
        """The packets of both files by time. Of those that have one time no copy comes before the sender's, and those of a
        file stay as they are."""
        for _, group in itertools.groupby(heapq.merge(self.packets_of(0), self.packets_of(1)), key=itemgetter(0)):
            both = (deque(), deque())
            for packet in group:
                both[packet[1]].append(packet)
            there = [Counter(packet[2:] for packet in packets) for packets in both]
            for packet in (*both[0], *both[1]):
                if packet[1:4] not in self.here:
                    self.place(packet, packet[2:] in there[1 - packet[1]])
            while both[0] and both[1]:
                first = both[0][0]
                waits = not self.here[first[1:4]] and there[1][first[2:]]   # it is still to leave at the other end
                packet = both[bool(waits)].popleft()
                there[packet[1]][packet[2:]] -= 1
                yield packet
            yield from both[0] or both[1]

    def place(self, packet, is_tie):
        """At which file's end the sender of a new connection is: the one of its first packet leaves there, or, where both
        copies have one time, of a later one that has two. Where none has, it makes no difference."""
        _, which, source, destination, _ = packet
        sender = which
        if is_tie and all(map(os.path.isfile, self.names)):     # a pipe is read once
            ends, times = {source, destination}, {}
            for time, *copy in itertools.islice((copy for copy in Capture(self.names[0]) if {*copy[1:3]} == ends), MANY):
                times.setdefault(tuple(copy), time)
            for time, *copy in itertools.islice((copy for copy in Capture(self.names[1]) if {*copy[1:3]} == ends), MANY):
                first = times.get(tuple(copy), time)
                if first != time:
                    sender = int((first < time) != (copy[0] == source))
                    break
        for file in (0, 1):
            self.here[file, source, destination] = file == sender
            self.here[file, destination, source] = file != sender

    def __iter__(self):
        self.compare_clocks()
        for index, (time, which, source, destination, parts) in enumerate(self.ordered()):
            self.packets += 1
            self.last_time = time
            leaves = self.here[which, source, destination]
            name = "segment_out" if leaves else "segment_in"
            ends = (source, destination) if leaves else (destination, source)
            resent = None
            if leaves:
                resent = self.is_resent((source, destination), parts)
            yield SegmentEvent(time, index, (name, *ends, *parts[:7], resent, *parts[8:]))

    def is_resent(self, way, parts):
        seq, end = int(parts[2]), int(parts[3])
        if seq == end:
            return "0"
        newest = self.sent.get(way)
        if newest is None or 0 < (end - newest) % (1 << 32) < 1 << 31:
            self.sent[way] = end
            return "0"
        return "1"

    @property
    def cut(self):
        return any(file.cut for file in self.files)

    def missing(self):
        return 0

    overwritten = missing

    def complete_from(self):
        return None

    def complaint(self):
        return None if self.packets else "no segment of TCP in %s" % os.path.basename(self.files[0].file.name)
