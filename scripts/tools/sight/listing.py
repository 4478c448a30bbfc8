# SPDX-License-Identifier: GPL-2.0
"""What stands in /proc/net/xtcp, xtcp6, xtcp_listen, xtcp_snmp, xtcp_netstat and
xtcp_sockstat, or in copies of these files."""

import os
import socket
import struct

import program

STATES = ("", "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED",
          "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING")
# In the order in which a connection goes through them.
LIFE = ("LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "CLOSE-WAIT",
        "LAST-ACK", "TIME-WAIT")
TIMERS = ("", "resend", "alive", "2MSL", "probe")
HERTZ = os.sysconf("SC_CLK_TCK")
# Of the line Tcp:, those that do not count.
GAUGES = ("RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn", "CurrEstab")
MAPPED = "0000000000000000FFFF0000"
COLUMNS = ("limit", "accept_len", "accept_peak", "syn_len", "syn_peak", "overflows", "declined", "cookies_sent",
           "cookies_recv", "uid", "inode")


class Unreadable(Exception):
    """Why there is nothing to see, in one sentence."""


class Row:
    """A socket, a half-open entry or a TIME-WAIT record. .unsent and .unread are octets (of a listener its limit and
    its queue), .timer is a word or "", .left are seconds until it, .tries how often it was in vain; .cwnd is in
    segments, None: none of a full sock's columns is there. .inode is 0 without a program's descriptor."""

    __slots__ = ("hex", "known", "state", "unsent", "unread", "timer", "left", "tries", "inode", "cwnd", "ssthresh")

    def __init__(self, words):
        self.hex, self.known = (words[1], words[2]), None
        self.state = STATES[int(words[3], 16)]
        self.unsent, self.unread = (int(word, 16) for word in words[4].split(":"))
        kind, left = words[5].split(":")
        self.timer = TIMERS[int(kind, 16)]
        # a deadline that has just passed is a negative number of 64 bits
        left = int(left, 16)
        self.left = 0 if left >> 62 else left / HERTZ
        self.tries = int(words[6], 16) + int(words[8])
        self.inode = int(words[9])
        full = len(words) > 16
        self.cwnd = int(words[15]) if full else None
        self.ssthresh = int(words[16]) if full and int(words[16]) >= 0 else None

    @property
    def ends(self):
        """(local, peer) as events write them; only of rows that somebody wants to see."""
        if not self.known:
            self.known = tuple(end_of(end) for end in self.hex)
        return self.known


class Listener:
    """A line of xtcp_listen: each column is an attribute."""

    def __init__(self, columns, words):
        self.address = words[0]
        for column, word in zip(columns[1:], words[1:]):
            setattr(self, column, int(word))


def end_of(text):
    """0100007F:0050 as 127.0.0.1:80, and the same of IPv6, as the events write it."""
    address, port = text.split(":")
    if len(address) == 32 and address.startswith(MAPPED):
        address = address[24:]
    octets = b"".join(struct.pack("=I", int(address[at:at + 8], 16)) for at in range(0, len(address), 8))
    if len(octets) == 4:
        return "%s:%d" % (socket.inet_ntop(socket.AF_INET, octets), int(port, 16))
    return "[%s]:%d" % (socket.inet_ntop(socket.AF_INET6, octets), int(port, 16))


class Listing:
    """The files of one module in one folder."""

    def __init__(self, name="xtcp", folder="/proc/net"):
        self.name, self.folder = name, folder

    def lines(self, suffix):
        try:
            with open("%s/%s%s" % (self.folder, self.name, suffix)) as file:
                return file.read().split("\n")
        except FileNotFoundError:
            there = "%s/%s%s" % (self.folder, self.name, suffix)
            raise Unreadable("there is no " + there if self.folder != program.PROC else
                             program.missing(self.name, there)) from None
        except OSError as error:
            raise Unreadable("cannot read %s/%s%s: %s" % (self.folder, self.name, suffix, error.strerror)) from None
        except UnicodeDecodeError:
            raise self.strange(suffix) from None

    def strange(self, suffix):
        return Unreadable("%s/%s%s is no listing of xtcp, or one of another version" %
                          (self.folder, self.name, suffix))

    def rows(self):
        """Of both IP versions."""
        found = []
        for suffix in ("", "6"):
            try:
                found += [Row(line.split()) for line in self.lines(suffix)[1:] if line]
            except (IndexError, ValueError):
                raise self.strange(suffix) from None
        return found

    def listeners(self):
        lines = self.lines("_listen")
        columns = lines[0].split()
        try:
            found = [Listener(columns, line.split()) for line in lines[1:] if line]
            if "accept_len" not in columns or any(not hasattr(listener, column) for listener in found
                                                  for column in (*COLUMNS, columns[-1])):
                raise ValueError
        except (IndexError, ValueError):
            raise self.strange("_listen") from None
        return found

    def aborts(self):
        """[(address, reason, number)], of _aborts; none of a module that does not have the file."""
        try:
            return [(words[0], words[3], int(words[4]))
                    for words in (line.split() for line in self.lines("_aborts")[1:] if line)]
        except (IndexError, ValueError):
            raise self.strange("_aborts") from None
        except Unreadable:
            return []

    def sockstat(self):
        """{"TCP": {"inuse": 3, ...}, "TCP6": ...}, of _sockstat."""
        found = {}
        try:
            for group, *words in (line.split() for line in self.lines("_sockstat") if line):
                if not group.endswith(":") or len(words) % 2:
                    raise ValueError
                found[group[:-1]] = {name: int(value) for name, value in zip(words[::2], words[1::2])}
        except ValueError:
            raise self.strange("_sockstat") from None
        return found

    def counters(self, suffix="_snmp", group="Tcp"):
        """Those of the line Tcp:, or of TcpExt: in _netstat, by name."""
        lines = [line.split() for line in self.lines(suffix) if line.startswith(group + ":")]
        try:
            if len(lines) != 2 or len(lines[0]) != len(lines[1]):
                raise ValueError
            return {name: int(value) for name, value in zip(lines[0][1:], lines[1][1:])}
        except ValueError:
            raise self.strange(suffix) from None
