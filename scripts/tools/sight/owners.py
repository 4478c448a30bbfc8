# SPDX-License-Identifier: GPL-2.0
"""Which program has a socket, and which congestion algorithm the socket uses. /proc/net tells neither. The inode of the
socket leads to the program, and a short-lived copy of the program's descriptor tells the algorithm."""

import ctypes
import os
import re
import socket
import time

PIDFD_GETFD = 438
SOL_TCP, TCP_CONGESTION = 6, 13
AGAIN = 5.0     # seconds for which an answer is good, and after which a socket without a program is looked for again
MOST = 1000     # sockets that one picture asks
SHARE = 20      # the search for sockets takes at most one part in so many of the time


class Owner:
    """.program and .algorithm are words, or None."""

    __slots__ = ("pid", "fd", "program", "algorithm", "asked")

    def __init__(self, pid=None, fd=None, program=None):
        self.pid, self.fd, self.program, self.algorithm, self.asked = pid, fd, program, None, -AGAIN


NOBODY = Owner()


def descriptors():
    """(pid, descriptor, inode) of each socket that we may see."""
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        folder = "/proc/%s/fd/" % pid
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            try:
                found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(folder + name))
            except OSError:
                continue
            if found:
                yield int(pid), int(name), int(found[1])


def printable(text):
    """With a question mark for each sign that a terminal could obey. Any user may choose the name of his program, and
    terminals obey U+009B as well as ESC [."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def program_of(pid):
    try:
        with open("/proc/%d/comm" % pid, encoding="utf-8", errors="replace") as file:
            return printable(file.read().rstrip("\n")) or None
    except OSError:
        return None


def descriptor_of(pid, number):
    """A copy of a process's descriptor."""
    pidfd = os.pidfd_open(pid)
    try:
        copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, pidfd, number, 0)
        error = ctypes.get_errno()
    finally:
        os.close(pidfd)
    if copy < 0:
        raise OSError(error, os.strerror(error))
    return copy


def copy_of(pid, number):
    """The socket of a process's descriptor."""
    return socket.socket(fileno=descriptor_of(pid, number))


def algorithm_of(pid, number, inode):
    """None if the program has ended or has closed the socket, or if we may not."""
    try:
        with copy_of(pid, number) as held:
            if os.fstat(held.fileno()).st_ino != inode:
                return None
            return held.getsockopt(SOL_TCP, TCP_CONGESTION, 16).split(b"\0")[0].decode("ascii", "replace") or None
    except OSError:
        return None


class Owners:
    """The owners of the sockets in /proc/net, by inode."""

    def __init__(self):
        self.all, self.next = {}, 0.0

    def look(self, inodes, algorithms):
        """Finds the programs of these, and asks their sockets if somebody wants the algorithms."""
        now = time.monotonic()
        inodes = {inode for inode in inodes if inode}
        if now >= self.next and not inodes <= self.all.keys():
            self.find(inodes)
            took = time.monotonic() - now
            self.next = now + (SHARE * took if inodes <= self.all.keys() else max(AGAIN, SHARE * took))
        for inode in self.all.keys() - inodes:
            del self.all[inode]
        if algorithms:
            old = [(owner.asked, inode) for inode, owner in self.all.items() if owner.asked + AGAIN <= now]
            for _, inode in sorted(old)[:MOST]:
                owner = self.all[inode]
                owner.asked, owner.algorithm = now, algorithm_of(owner.pid, owner.fd, inode)

    def find(self, inodes):
        programs = {}
        for pid, number, inode in descriptors():
            if inode in inodes and inode not in self.all:
                if pid not in programs:
                    programs[pid] = program_of(pid)
                self.all[inode] = Owner(pid, number, programs[pid])

    def of(self, inode):
        return self.all.get(inode, NOBODY)
