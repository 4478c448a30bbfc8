# SPDX-License-Identifier: GPL-2.0
"""Which connection an event belongs to: both ends' names, and which of the
connections that had them one after the other."""

from events import SEGMENTS, port_of
from story import Story


class Connection:
    """.ends: who opened it, then the other; .guessed: nothing in the trace tells who that was."""

    def __init__(self, number, event):
        self.number = number
        self.names = (event.local, event.peer)
        self.time = event.time
        self.last = event.time
        self.segments = 0
        self.early = []
        self.story = None
        self.isn = {}
        self.sent = set()
        self.opener = None
        self.turn = 1

    def note(self, event):
        """A segment's event: what it tells of the ends."""
        self.segments += 1
        sender, flags = event.local if event.name == "segment_out" else event.peer, event.flags
        if "S" in flags:
            self.isn.setdefault(sender, event.seq)
            if not self.opener:
                self.opener = event.peer if "A" in flags and sender == event.local else \
                    event.local if "A" in flags else sender
        self.sent.add(sender)

    @property
    def guessed(self):
        return self.opener is None

    @property
    def ends(self):
        """The opener first. A trace that begins later leaves the ports to tell: a server's is the lower one."""
        left = self.opener or max(self.names, key=port_of)
        return (left, self.names[1] if self.names[0] == left else self.names[0])

    def tell(self, event):
        """Its story begins with its first segment, which tells which end is which."""
        self.early.append(event)
        if self.segments:
            self.story = Story(self.ends)
            for earlier in self.early:
                self.story.take(earlier)
            self.early.clear()

    def has_port(self, port):
        return port in (port_of(self.names[0]), port_of(self.names[1]))


class Connections:
    """All of a trace, in the order in which they begin."""

    def __init__(self, keep=lambda connection: True):
        self.keep = keep
        self.all = []
        self.of_tuple = {}
        self.current = {}

    def take(self, event):
        """The connection of an event, which then has it; None: it belongs to none."""
        local, peer = event.local, event.peer
        found = self.current.get((local, peer))
        of_segment = event.name in SEGMENTS
        if found is None or ("S" in event.flags if of_segment else event.name == "state") and self.may_begin(event):
            if port_of(peer) == 0 or port_of(local) == 0:
                return None
            found = self.place(event, (local, peer) if local < peer else (peer, local), found)
            self.current[local, peer] = found
        found.last = event.time
        if of_segment:
            found.note(event)
        if found.story:     # so it was to be kept, and is
            found.story.take(event)
        elif self.keep(found):
            found.tell(event)
        return found

    @staticmethod
    def may_begin(event):
        if event.name in SEGMENTS:
            flags = event.flags
            return "S" in flags and "A" not in flags
        return event.name == "state" and event.fields.get("new") == "SYN-SENT"

    def place(self, event, key, found):
        turns = self.of_tuple.setdefault(key, [])
        if not turns:
            return self.begin(event, turns)
        found = found or turns[-1]
        if not self.may_begin(event):
            return found
        if event.name == "state":
            return self.begin(event, turns) if event.local in found.sent else found
        sender = event.local if event.name == "segment_out" else event.peer
        for turn in reversed(turns):
            if turn.isn.get(sender) == event.seq:
                return turn
        if sender in found.sent:
            return self.begin(event, turns)
        return found

    def begin(self, event, turns):
        connection = Connection(len(self.all) + 1, event)
        turns.append(connection)
        connection.turn = len(turns)
        self.all.append(connection)
        return connection
