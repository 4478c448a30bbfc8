# SPDX-License-Identifier: GPL-2.0
"""How late this machine was: a process that naps says when it woke late. Its clock goes on while the machine that it
runs in stands still; then timers are due that would have had time."""

import mmap
import os
import struct
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

    def end(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
