# SPDX-License-Identifier: GPL-2.0
"""What the views of xtcp-watch have in common."""

import time

from flows import Flows
from owners import Owners
from program import PROC

LATE = 1.0      # seconds that a picture may be behind without a word


class View:
    """.wanted: {event: filter} to look at; .needs_events: without them there is nothing to see; .samples: /proc is read
    often, even if there is one picture only; .history: what flows were matters, too; .waits: seconds between two
    pictures."""

    wanted = {}
    needs_events = samples = history = False
    waits = 1.0
    help = ""

    def __init__(self, args, listing):
        self.args, self.listing = args, listing
        self.flows = Flows(self.history)
        self.owners = Owners()
        self.where = ""     # the namespace, in words
        self.note = ""      # what is missing in the pictures, and why
        self.read_to = None # all events up to then are known
        self.behind = 0.0   # seconds by which what was read last is older than what is still to be read
        self.at = 0         # the first thing that the screen has room for
        self.page = 1       # how many it has room for

    def take(self, event):
        self.flows.take(event)

    def look(self, now):
        """Reads /proc, once for each picture."""

    def know(self, rows, algorithms=False):
        """Asks for the programs of these rows, and for their algorithms. Copies of /proc/net have none."""
        if self.args.proc == PROC:
            self.owners.look((row.inode for row in rows), algorithms)

    def now(self):
        """The end of the recorded trace; live, the moment up to which all events have been read, by their clock. To
        read /proc takes a while, in which no event is read: a rate up to the end of it would be too low."""
        if self.args.trace:
            return self.flows.now or 0.0
        return self.read_to or time.monotonic()

    def head(self, width, paint, words):
        left = "xtcp-watch %s: %s, %s" % (self.args.view, self.args.name, self.where)
        right = "" if self.args.trace else time.strftime("%H:%M:%S")
        line = "%s; %s" % (left, words)
        return paint("1", line[:width - len(right) - 1].ljust(width - len(right)) + right)

    def foot(self, width, paint):
        """What the reader must know before believing it."""
        if self.flows.lost:
            yield paint("31;1", (" %s events are lost: what is shown of connections may be old or too little " %
                                 format(self.flows.lost, ",")).center(width, "~"))
        if self.behind > LATE:
            yield paint("31;1", (" %.1f s behind: events come faster than they can be read " %
                                 self.behind).center(width, "~"))
        if self.note:
            yield paint("33", self.note[:width])

    def scroll(self, things, room):
        """(those that there is room for, how many are above, how many below)"""
        if room is None or len(things) <= room:
            self.at = 0
            return things, 0, 0
        self.page = max(room - 1, 1)
        self.at = max(min(self.at, len(things) - self.page), 0)
        return things[self.at:self.at + self.page], self.at, len(things) - self.at - self.page

    def key(self, key):
        if key in ("up", "k"):
            self.at -= 1
        elif key in ("down", "j"):
            self.at += 1
        elif key == " ":
            self.at += self.page


def more(above, below):
    return " ".join(filter(None, (above and "%d more above" % above, below and "%d more below" % below)))
