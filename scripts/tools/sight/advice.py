# SPDX-License-Identifier: GPL-2.0
"""What an operator can do about a listener that refuses, and about connections that end otherwise than by FINs."""

import glob
import os
import re
import time

SOMAXCONN = "/proc/sys/net/core/somaxconn"
AGAIN = 10      # seconds until we look for a program again


class Owners:
    """The programs that have sockets open, by inode, if we may see them."""

    def __init__(self):
        self.known = {}     # inode: (words, when)

    def of(self, inode):
        words, when = self.known.get(inode, ("", -AGAIN))
        if time.monotonic() - when >= AGAIN:
            words = self.find("socket:[%d]" % inode)
            self.known[inode] = words, time.monotonic()
        return words

    @staticmethod
    def find(link):
        for name in glob.iglob("/proc/[0-9]*/fd/*"):
            try:
                if os.readlink(name) == link:
                    pid = name.split("/")[2]
                    with open("/proc/%s/comm" % pid, errors="replace") as file:
                        return "%s (pid %s)" % (file.read().strip(), pid)
            except OSError:
                continue    # the process has ended, or belongs to another user
        return ""


# Of the line TcpExt:, why connections ended otherwise than by FINs, in words; and what can be done about it.
# "{knob}" is net.xtcp.knob, with its value if it is known.
ENDS = (
    ("TCPAbortOnReset", "reset or refused by the peer", ""),
    ("TCPAbortOnIcmp", "an ICMP error while it opened", ""),
    ("TCPAbortOnTimeout", "no answer for too long",
     "how long a silent peer is tried: {retries2}, {syn_retries}, keepalive, TCP_USER_TIMEOUT"),
    ("TCPAbortOnClose", "closed with unread data",
     "the peer got a reset: a program that reads until the end loses nothing"),
    ("TCPAbortOnData", "SO_LINGER of 0 s, or data after close()",
     "the peer got a reset: shutdown() and reading until the end, before close(), avoids it"),
    ("TCPAbortOnLinger", "TCP_LINGER2 below 0", "0 waits in FIN-WAIT-2 for {fin_timeout} s"),
    ("TCPAbortOnMemory", "too many orphans, or too much memory", "{max_orphans} and net.ipv4.tcp_mem are the limits"),
    ("TCPAbortOnListener", "its listener ended before accept()", "accept() what waits, and close the listener then"),
    ("TCPAbortOnDisconnect", "connect() to AF_UNSPEC", ""),
    ("TCPAbortOnKill", "ended by an administrator", ""),
    ("TCPAbortOnNamespace", "the namespace ended", ""),
    ("TCPAbortOnIdle", "no data for too long", "the limit is {idle_ms} ms"),
    ("TCPAbortOnHalfClosed", "half closed, and no data for too long",
     "the limit is {half_closed_ms} ms; the program should close() when it reads the end"),
)


def number(name):
    try:
        with open(name) as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


class Advice:
    """Advice about the listeners and connections of this namespace, by the present settings."""

    def __init__(self, module):
        self.module = module
        self.syncookies, self.owners = "net.%s.syncookies" % module, Owners()

    def knob(self, found):
        name = "net.%s.%s" % (self.module, found[1])
        value = number("/proc/sys/" + name.replace(".", "/"))
        return name if value is None else "%s=%d" % (name, value)

    def on_end(self, words):
        """A sentence of ENDS with the present settings."""
        return re.sub(r"\{(\w+)\}", self.knob, words)

    def on_full_queue(self, listener):
        who = self.owners.of(listener.inode) or "the program"
        most = number(SOMAXCONN)
        if most is not None and listener.limit >= most:
            return "%s accepts too slowly; to queue more, raise net.core.somaxconn and its backlog" % who
        return "%s accepts too slowly; to queue more, raise its backlog%s" % (
            who, "" if most is None else ": net.core.somaxconn allows %s" % format(most, ","))

    def on_dropped_syns(self):
        """What answers them when the SYN queue is full; "" if that is so already."""
        off = number("/proc/sys/" + self.syncookies.replace(".", "/")) == 0
        return "%s=1 answers SYNs by cookie when the SYN queue is full" % self.syncookies if off else ""

    def on(self, listener):
        """A sentence; "" if nothing is wrong."""
        if listener.accept_len > listener.limit:
            return self.on_full_queue(listener)
        return self.on_dropped_syns() if listener.declined > listener.cookies_sent + listener.overflows else ""
