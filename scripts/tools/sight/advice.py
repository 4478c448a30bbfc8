# SPDX-License-Identifier: GPL-2.0
"""What an operator can do about a listener that refuses, and about connections that end otherwise than by FINs."""

import glob
import os
import re
import time

from owners import printable

SOMAXCONN = "/proc/sys/net/core/somaxconn"
AGAIN = 10      # seconds until we look for a program again
NAMED = 4       # processes of a program that words name


def words_of(pid):
    """(name, parent, state) of a process."""
    with open("/proc/%s/stat" % pid, encoding="utf-8", errors="replace") as file:
        name, _, rest = file.read().partition("(")[2].rpartition(")")
    state, parent = rest.split()[:2]
    return printable(name), parent, state


class Owner:
    """Who has a socket open: a program as words, and what stands in its way, or "". Of a master and its workers the
    workers, which are the ones that accept. All that are stopped are named, the master too: it has to run for a restart."""

    def __init__(self, pids):
        found = {}
        for pid in sorted(pids, key=int):
            try:
                found[pid] = words_of(pid)
            except (OSError, ValueError):
                continue    # it has ended
        parents = {parent for _, parent, _ in found.values()}
        stopped = [pid for pid in found if found[pid][2] in "Tt"]
        # a worker that is stopped has a part of the connections of its own, if it does not hold up all
        those = stopped or [pid for pid in found if pid not in parents] or list(found)
        self.words = self.trouble = ""
        if those:
            more = len(those) - NAMED
            self.words = "%s (pid %s%s)" % (found[those[0]][0], ", ".join(those[:NAMED]),
                                            ", and %d more" % more if more > 0 else "")
        if stopped:
            self.trouble = "is stopped: kill -CONT " + " ".join(stopped)


class Owners:
    """The programs that have sockets open, by inode, if we may see them."""

    def __init__(self):
        self.known = {}     # inode: (pids, when)

    def of(self, inode):
        pids, when = self.known.get(inode, ((), -AGAIN))
        if time.monotonic() - when >= AGAIN:
            pids = self.find("socket:[%d]" % inode)
            self.known[inode] = pids, time.monotonic()
        return Owner(pids)

    @staticmethod
    def find(link):
        pids = set()
        for name in glob.iglob("/proc/[0-9]*/fd/*"):
            try:
                if os.readlink(name) == link:
                    pids.add(name.split("/")[2])
            except OSError:
                continue    # the process has ended, or belongs to another user
        return pids


TIMEOUT = "TCPAbortOnTimeout"   # this one without those of the two knobs
LATE = "TCPAbortOnData"     # this one without TCPLingerZero

# Of the line TcpExt:, why connections ended otherwise than by FINs, in words; and what can be done about it.
# "{knob}" is net.xtcp.knob, with its value if it is known.
ENDS = (
    ("TCPAbortOnReset", "reset or refused by the peer", ""),
    ("TCPAbortOnIcmp", "an ICMP error while it opened", ""),
    (TIMEOUT, "no answer for too long",
     "how long a silent peer is tried: {retries2}, {syn_retries}, keepalive, TCP_USER_TIMEOUT"),
    ("TCPAbortOnUserTimeoutMs", "no answer within net.xtcp.user_timeout_ms",
     "the limit is {user_timeout_ms} ms for programs that set no TCP_USER_TIMEOUT"),
    ("TCPAbortOnKeepaliveAlways", "no answer to the probes of net.xtcp.keepalive_always",
     "{keepalive_probes} probes, {keepalive_intvl} s apart, after {keepalive_time} s without a segment"),
    ("TCPClosedInSynSent", "the program gave up while connecting",
     "no SYN was answered until then: is the address right, does a packet filter drop, are the peer's queues full?"),
    ("TCPAbortOnClose", "closed with unread data",
     "the peer got a reset: a program that reads until the end loses nothing"),
    ("TCPLingerZero", "SO_LINGER of 0 s", "the peer got a reset, and lost what it had not read yet: SO_LINGER off avoids it"),
    (LATE, "the peer still sent after close()",
     "the peer got a reset: shutdown() and reading until the end, before close(), avoids it; a program that gave up means it"),
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


# What a socket or a black box says of such ends. The rest has nothing to do with the peer.
REASONS = {
    "TCPAbortOnReset": ("reset",), "TCPAbortOnIcmp": ("icmp",), TIMEOUT: ("timeout", "keepalive", "user-timeout"),
    "TCPAbortOnUserTimeoutMs": ("user-timeout-ms",), "TCPAbortOnKeepaliveAlways": ("keepalive-always",),
    "TCPAbortOnClose": ("unread-data",), "TCPLingerZero": ("linger",), LATE: ("late-data",),
    "TCPAbortOnIdle": ("idle",), "TCPAbortOnHalfClosed": ("half-closed",),
}

PEERS_MATTER = ("TCPAbortOnReset", "TCPAbortOnIcmp", TIMEOUT)   # what to look for begins with who they were


def ends_of(counts):
    """{a name of ENDS: how often}, from the counters of the line TcpExt:."""
    found = {name: counts[name] for name, _, _ in ENDS if name in counts}
    if TIMEOUT in found:
        found[TIMEOUT] -= sum(found.get(name, 0) for name in ("TCPAbortOnUserTimeoutMs", "TCPAbortOnKeepaliveAlways"))
    if LATE in found:
        found[LATE] -= found.get("TCPLingerZero", 0)
    return found


def number(name):
    try:
        with open(name) as file:
            return int(file.read().split()[0])
    except (OSError, ValueError, IndexError):
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
        """Who accepts too slowly, and which limit is in the way. Only a new listen() can have a larger one."""
        owner, most = self.owners.of(listener.inode), number(SOMAXCONN)
        limit, now = format(listener.limit, ","), "" if most is None else format(most, ",")
        words = "%s %s; to queue more, " % (owner.words or "the program", owner.trouble or "accepts too slowly")
        if listener.limit < listener.somaxconn:
            return words + "raise its backlog of %s and restart it%s" % (
                limit, ": net.core.somaxconn allows " + now if now else "")
        if most is None or most <= listener.limit:
            return words + "raise net.core.somaxconn, which is %s, and its backlog unless that is larger, and restart it" % limit
        return words + "restart it: net.core.somaxconn was %s at its listen(), and is %s now" % (limit, now)

    def on_dropped_syns(self):
        """What answers them when the SYN queue is full; "" if that is so already."""
        off = number("/proc/sys/" + self.syncookies.replace(".", "/")) == 0
        return "%s=1 answers SYNs by cookie when the SYN queue is full" % self.syncookies if off else ""

    def on_unknown_peers(self):
        """What remembers them from now on; "" if that is so already."""
        knob = "net.%s.blackbox" % self.module
        off = number("/proc/sys/" + knob.replace(".", "/")) == 0
        return "which peers, nobody knows any more: sudo sysctl %s=1, and the next ones stand here with address and port" % knob \
            if off else ""

    def on(self, listener):
        """A sentence; "" if nothing is wrong."""
        if listener.accept_len > listener.limit:
            return self.on_full_queue(listener)
        return self.on_dropped_syns() if listener.declined > listener.cookies_sent + listener.overflows else ""
