# SPDX-License-Identifier: GPL-2.0
"""How late this machine was: a process that naps says when it woke late. Its clock goes on while the machine that it
runs in stands still; then timers are due that would have had time.

As a program: says so of the time until SIGTERM, for the demonstrations."""

import mmap
import os
import signal
import struct
import textwrap
import time

NAP = 0.005
LATE = 0.020  # what a page cannot stand: a delayed ACK and a probe have twice that


class Lateness:
    """Of the time since begin(), in seconds."""

    def __init__(self):
        self.worst = mmap.mmap(-1, 8)
        self.begin()
        self.pid = os.fork()
        if not self.pid:
            self.nap()

    def nap(self):
        parent = os.getppid()
        now = time.monotonic()
        while os.getppid() == parent:
            time.sleep(NAP)
            before, now = now, time.monotonic()
            if now - before - NAP > self.seconds():
                self.worst[:] = struct.pack("d", now - before - NAP)
        os._exit(0)

    def begin(self):
        self.worst[:] = struct.pack("d", 0)

    def seconds(self):
        return struct.unpack("d", self.worst[:])[0]

    def is_bad(self):
        return self.seconds() > LATE

    def words(self, what, where):
        """What to say of times there; nothing if the machine kept its time."""
        if not self.is_bad():
            return ""
        return "(The machine stood still for %.0f ms during this %s, so times in it can differ from what %s.)" % (
            self.seconds() * 1000, what, where)

    def end(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    lateness = Lateness()
    signal.sigwait([signal.SIGTERM])
    for line in textwrap.wrap(lateness.words("demonstration", "they would be"), 80):
        print(line, flush=True)
    lateness.end()
