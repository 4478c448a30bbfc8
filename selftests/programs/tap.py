# SPDX-License-Identifier: GPL-2.0
"""What a program's segments say on the wire: a packet socket in a namespace, for one port."""

import ctypes
import socket
import struct

CLONE_NEWNET = 0x40000000
FIN, SYN, RST, ACK = 1, 2, 4, 16


def packet_socket(where):
    """Of a namespace, which it stays in."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as home, open("/run/netns/" + where) as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            found = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
            found.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
            found.bind(("veth0", 3))
            found.setblocking(False)
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)
    return found


class Segment:
    """Of TCP; options: {kind: what stands behind kind and length}."""

    def __init__(self, source, tcp):
        self.source = source
        self.ports = struct.unpack("!HH", tcp[:4])
        self.seq, = struct.unpack("!I", tcp[4:8])
        self.flags = tcp[13]
        header = tcp[12] >> 4 << 2
        self.text = tcp[header:]
        self.options, left = {}, tcp[20:header]
        while left and left[0]:
            length = 1 if left[0] == 1 else left[1]
            self.options[left[0]] = left[2:length]
            left = left[length:]


def segment(packet):
    """Of an IP packet, or None."""
    if packet[0] >> 4 == 4 and packet[9] == 6:
        header, end = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
        return Segment(socket.inet_ntop(socket.AF_INET, packet[12:16]), packet[header:end])
    if packet[0] >> 4 == 6 and packet[6] == 6:
        end = 40 + int.from_bytes(packet[4:6], "big")
        return Segment(socket.inet_ntop(socket.AF_INET6, packet[8:24]), packet[40:end])
    return None


class Tap:
    """The segments from and to a port, by look(). Something can be read from @events after one of them."""

    def __init__(self, where, port):
        self.port, self.segments = port, []
        self._packets, self._events = packet_socket(where), packet_socket(where)
        self.events = self._events.fileno()
        self._next, self._text = {}, {}

    def look(self):
        while True:
            try:
                found = segment(self._packets.recv(1 << 17))
            except BlockingIOError:
                return self.segments
            if found and self.port in found.ports:
                self.segments.append(found)
                self._add(found)

    def _add(self, found):
        """Text in order; what comes again is left out."""
        of = (found.source, *found.ports)
        if found.flags & SYN:
            self._next[of], self._text[of] = (found.seq + 1) & 0xffffffff, b""
        elif of in self._next and (skip := self._next[of] - found.seq & 0xffffffff) < len(found.text):
            self._text[of] += found.text[skip:]
            self._next[of] = found.seq + len(found.text) & 0xffffffff

    def texts(self):
        """All that was said so far: [(address, octets)], one for each direction of a connection."""
        self.look()
        return [(of[0], text) for of, text in self._text.items()]

    def close(self):
        self._packets.close()
        self._events.close()
