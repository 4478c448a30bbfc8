# SPDX-License-Identifier: GPL-2.0
"""Events as they happen, through buffers of our own: a folder of
tracing/instances that begins with us and ends with us, so that nobody else's
trace is read away, and nobody else sees ours."""

import os
import re

from listing import Unreadable
from program import missing

PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing", "/proc/1/root/sys/kernel/tracing")
NAME = "xtcp-watch-%d"
MEMORY = 64 << 10   # kB for all processors, and for one of them at most:
MOST, LEAST = 16 << 10, 1 << 10


def namespace():
    """The number of the network namespace that we are in, as events have it; 0: nobody says."""
    try:
        return int(re.sub(r"\D", "", os.readlink("/proc/self/ns/net")))
    except (OSError, ValueError):
        return 0


def find_tracefs():
    """Its folder. `ip netns exec` hides it behind a /sys of its own, but process 1 still has it."""
    for place in PLACES:
        if os.path.isdir(place + "/instances"):
            return place
    if not os.path.isdir(PLACES[0]):
        raise Unreadable("there are no events: this kernel has no %s" % PLACES[0])
    if not os.access(PLACES[0], os.X_OK):
        raise Unreadable("there are no events: %s is for root only" % PLACES[0])
    raise Unreadable("there are no events: no tracefs is mounted (mount -t tracefs nodev %s)" % PLACES[0])


def remove_orphans(place):
    """Those whose process was killed. One that somebody still reads stays."""
    try:
        for name in os.listdir(place + "/instances"):
            found = re.fullmatch(NAME.replace("%d", r"(\d+)"), name)
            if found and not os.path.isdir("/proc/" + found[1]):
                os.rmdir("%s/instances/%s" % (place, name))
    except OSError:
        pass


class Tracer:
    """.folder: the instance's, .system: of its events. wanted: {event: filter}, of the namespace that we are in."""

    def __init__(self, name, wanted):
        self.folder = None
        place = find_tracefs()
        remove_orphans(place)
        folder = "%s/instances/%s" % (place, NAME % os.getpid())
        try:
            os.mkdir(folder, 0o700)
        except OSError as error:
            reason = "only root may read them" if error.errno in (1, 13, 30) else error.strerror
            raise Unreadable("there are no events: cannot make %s (%s)" % (folder, reason)) from None
        self.folder, self.system = folder, "%s/events/%s" % (folder, name)
        try:
            self.start(name, wanted)
        except BaseException:
            self.stop()
            raise

    def start(self, name, wanted):
        if not os.path.isdir(self.system):
            raise Unreadable(missing(name, "events"))
        self.write("trace_clock", "mono")
        size = max(min(MEMORY // (os.cpu_count() or 1), MOST), LEAST)
        while not self.write("buffer_size_kb", size, optional=True) and size > LEAST:
            size //= 2
        for event, only in wanted.items():
            event = "events/%s/xtcp_%s/" % (name, event)
            self.write(event + "filter", "netns==%d%s" % (namespace(), only and " && (%s)" % self.numbers(event, only)))
            self.write(event + "enable", 1)

    def numbers(self, event, only):
        """A filter's words as the numbers that the event has for them: reason=="refused"."""
        def number(word):
            found = re.search(r"\{ *(\d+), *%s *\}" % word[0], text)
            if not found:
                raise Unreadable("the events are those of another version of xtcp: no %s in %sformat" %
                                 (word[0], event))
            return found[1]
        with open("%s/%sformat" % (self.folder, event)) as file:
            text = file.read()
        return re.sub(r'"[^"]*"', number, only)

    def write(self, file, value, optional=False):
        try:
            with open("%s/%s" % (self.folder, file), "w") as out:
                out.write(str(value))
            return True
        except OSError as error:
            if optional:
                return False
            raise Unreadable("there are no events: cannot write %s/%s (%s)" %
                             (self.folder, file, error.strerror)) from None

    def stop(self):
        """Nobody reads it any more."""
        folder, self.folder = self.folder, None
        if folder:
            try:
                os.rmdir(folder)
            except OSError:
                pass
