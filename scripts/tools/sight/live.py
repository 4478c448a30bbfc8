# SPDX-License-Identifier: GPL-2.0
"""xtcp-ladder --live: draws each connection while it happens. What has not
arrived when a row is drawn may be on its way, so nothing is called lost."""

import os
import select
import sys
import time

import events
import ladder_text
import rows
from connections import Connections

QUIET = 0.15    # seconds without an event after which all that is known is drawn
LATEST = 1.0    # and so long it may take at most
TIME = 99999.0  # ms; the columns have room for it


class Source:
    """Lines as they come. .idle: no more is there at the moment."""

    def __init__(self, name):
        self.file = os.open(name, os.O_RDONLY) if name != "-" else 0
        self.rest = b""
        self.ended = False

    def lines(self, timeout):
        """Those that have come, after waiting so long for any."""
        if not select.select([self.file], [], [], timeout)[0]:
            return []
        data = os.read(self.file, 1 << 16)
        self.ended = not data
        pieces = (self.rest + data).split(b"\n")
        self.rest = pieces.pop()[-events.LONGEST:]
        return [events.clean(piece.decode("utf-8", "replace") + "\n") for piece in pieces]


class Live:
    def __init__(self, args, width):
        self.args, self.width = args, width
        self.shown = None
        self.columns, self.titles = {}, {}
        self.touched = []
        self.connections = Connections(lambda connection: not args.port or connection.has_port(args.port))
        self.number = 0
        self.trace = events.Trace(self.feed(), lazy=True)
        self.waiting = []

    def feed(self):
        """The trace takes lines from here as long as there are any."""
        while self.waiting:
            yield self.waiting.pop(0)

    def take(self, lines):
        self.waiting.extend(lines)
        self.trace.lines = self.feed()
        for event in self.trace:
            if event.local is None:
                self.flush()
                for connection in self.connections.all:
                    if connection.story:
                        connection.story.note_gap()
                words = "%s lost here" % events_lost(event)
                print(self.any_columns().paint("31;1", (" " + words + " ").center(self.width, "~")), flush=True)
                continue
            connection = self.connections.take(event)
            if connection and connection.story and connection not in self.touched:
                self.touched.append(connection)

    def any_columns(self):
        return ladder_text.Columns(self.width, self.args.color, TIME)

    def flush(self):
        for connection in self.touched:
            self.draw(connection)
        self.touched.clear()
        sys.stdout.flush()

    def draw(self, connection):
        story = connection.story
        story.is_live = True
        if connection not in self.columns:
            self.number += 1
            connection.number = self.number
            self.columns[connection] = self.any_columns()
        columns = self.columns[connection]
        if self.args.conn not in (None, "all", connection.number):
            story.marks.clear()
            return
        for mark in story.marks:
            if mark[2] == "leaves" and story.is_elsewhere(1 - mark[3].sender):
                mark[3].untold = not mark[3].arrivals
        found = rows.lay_out(story)
        story.marks.clear()
        story.ways.sweep()
        if not self.args.all:
            found = rows.fold(found, 2 if self.args.fold else rows.FOLD)
        if not found:
            return
        title = "\n".join(ladder_text.title(story, columns))
        if self.shown is not connection or self.titles[connection] != title:    # an end may turn out to be another TCP's
            if self.shown:
                print()
            self.shown, self.titles[connection] = connection, title
            print(title)
        for row in found:
            print("\n".join(ladder_text.draw_row(row, story.start or row.time, columns)))


def events_lost(gap):
    return "%s events" % format(gap.count, ",") if gap.count else "events"


def source_of(args):
    name = args.trace or events.TRACEFS + "/trace_pipe"
    reason = events.from_memory(name)
    if reason:
        raise events.Unreadable(reason)
    if not args.trace and not events.builds():
        raise events.Unreadable(events.missing("xtcp", "events"))
    try:
        return Source(name)
    except OSError as error:
        raise events.Unreadable("cannot read %s: %s" % (name, error.strerror)) from None


def draw(args, width):
    """Until the source ends, or the reader has had enough."""
    live, source = Live(args, width), source_of(args)
    since = time.monotonic()
    while not source.ended:
        lines = source.lines(QUIET if live.touched else None)
        if lines:
            live.take(lines)
        if not lines or time.monotonic() - since > LATEST:
            live.flush()
            since = time.monotonic()
    live.flush()
    complaint = live.trace.complaint()
    if complaint:
        raise events.Unreadable(complaint)
    return 0
