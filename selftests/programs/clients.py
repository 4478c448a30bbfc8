# SPDX-License-Identifier: GPL-2.0
"""clients.py HOST PORT RATE BURST MOST http|redis: RATE times a second a new connection asks for /small, or redis for an
answer, and reads until it ends, until standard input ends. BURST come at once; the times at which bursts begin are
equally far apart, but each burst is late by chance, by less than that. They come whatever becomes of the others, unless
MOST are there: then the next waits. Prints the seconds, how many were served, the milliseconds that the slowest one took, and how many failed, by the
error."""

import collections
import errno
import os
import random
import select
import socket
import sys
import time

# The request, how the answer begins, and how it ends
ASKS = {"http": (b"GET /small HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 ", b"a small file"),
        "redis": (b"PING\r\nQUIT\r\n", b"+PONG\r\n", b"+OK\r\n")}
PATIENCE = 60  # seconds for the last ones


class Clients:
    def __init__(self, host, asks, port, rate, burst, most):
        self.request, self.begins, self.ends = ASKS[asks]
        self.to, self.rate, self.burst, self.most = (host, port), rate, burst, most
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.poll, self.there = select.epoll(), {}
        self.said, self.slowest = collections.Counter(), 0.0

    def open(self):
        new = socket.socket(self.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.there[new.fileno()] = [new, time.monotonic(), b""]
        status = new.connect_ex(self.to)
        if status not in (0, errno.EINPROGRESS):
            self.close(new.fileno(), errno.errorcode[status])
        else:
            self.poll.register(new.fileno(), select.EPOLLOUT)

    def close(self, fd, how):
        gone, begun, _ = self.there.pop(fd)
        gone.close()
        self.said[how] += 1
        self.slowest = max(self.slowest, time.monotonic() - begun)

    def go_on(self, fd, what):
        """Asks once it may write; then reads."""
        one = self.there[fd]
        try:
            if what & select.EPOLLOUT:
                one[0].sendall(self.request)
                self.poll.modify(fd, select.EPOLLIN)
                return
            data = one[0].recv(65536)
            one[2] += data
            if not data:
                whole = one[2].startswith(self.begins) and one[2].endswith(self.ends)
                self.close(fd, "served" if whole else "cut")
        except OSError as error:
            self.close(fd, type(error).__name__)

    def run(self):
        started = begin = due = time.monotonic()
        self.poll.register(0, select.EPOLLIN)
        ended = None
        while not ended or self.there and time.monotonic() < ended + PATIENCE:
            now = time.monotonic()
            while not ended and due <= now and len(self.there) < self.most:
                for _ in range(self.burst):
                    self.open()
                begin += self.burst / self.rate
                due = max(due, begin + random.random() * self.burst / self.rate)
            if len(self.there) >= self.most:
                begin = due = max(due, now)
            for fd, what in self.poll.poll(PATIENCE if ended else max(0, due - time.monotonic())):
                if fd:
                    self.go_on(fd, what)
                elif not os.read(0, 100):
                    self.poll.unregister(0)
                    ended = time.monotonic()
        self.said["waits"] += len(self.there)
        return ended - started


def main():
    clients = Clients(sys.argv[1], sys.argv[6], *map(int, sys.argv[2:6]))
    seconds = clients.run()
    served = clients.said.pop("served", 0)
    print("%.2f" % seconds, served, "%.0f" % (1000 * clients.slowest),
          *("%s:%d" % pair for pair in clients.said.items() if pair[1]))


if __name__ == "__main__":
    main()
