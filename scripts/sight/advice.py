# SPDX-License-Identifier: GPL-2.0
"""What an operator can do about a listener that refuses."""

import glob
import os
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


def number(name):
    try:
        with open(name) as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


class Advice:
    """Advice about the listeners of this namespace, by the present settings."""

    def __init__(self, module):
        self.syncookies, self.owners = "net.%s.syncookies" % module, Owners()

    def on(self, listener):
        """A sentence; "" if nothing is wrong."""
        if listener.accept_len > listener.limit:
            who = self.owners.of(listener.inode) or "the program"
            most = number(SOMAXCONN)
            if most is not None and listener.limit >= most:
                return "%s accepts too slowly; to queue more, raise net.core.somaxconn and its backlog" % who
            return "%s accepts too slowly; to queue more, raise its backlog%s" % (
                who, "" if most is None else ": net.core.somaxconn allows %s" % format(most, ","))
        if listener.declined > listener.cookies_sent + listener.overflows and \
                number("/proc/sys/" + self.syncookies.replace(".", "/")) == 0:
            return "%s=1 answers SYNs by cookie when the SYN queue is full" % self.syncookies
        return ""
