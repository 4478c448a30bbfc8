# SPDX-License-Identifier: GPL-2.0
"""Events from trace_pipe_raw, a page of the ring buffer at a time. To print them
as text would cost the kernel several times what it costs us to read them."""

import operator
import os
import re
import socket
import struct

from events import ACK_WORDS, AckEvent, Event, Gap
from listing import Unreadable

MISSED, STORED = 1 << 31, 1 << 30       # of a page's length: events are missing before it; their number is behind it
LENGTH = 0xfffff
PADDING, EXTEND, ABSOLUTE = 29, 30, 31  # kinds of entries that are no event
HEAD = 16                               # octets of a page before its entries
HELD = 5000000                          # ns that events wait for earlier ones of other processors
FIELD = re.compile(r"\tfield:[^;]*?(\w+)(\[\d*\])?;\s*offset:(\d+);\s*size:(\d+);\s*signed:(\d);")
CODES = {(1, 0): "B", (1, 1): "b", (2, 0): "H", (2, 1): "h", (4, 0): "I", (4, 1): "i", (8, 0): "Q", (8, 1): "q"}
TEXT = {("queue", "which"): "queue"}    # fields that the text of an event calls otherwise
U32 = struct.Struct("=I").unpack_from
PAGE_HEAD = struct.Struct("=QQ").unpack_from


class Piece:
    """A segment's event: what a flow wants to know of it."""

    __slots__ = ("time", "name", "local", "peer", "seq", "len", "segs", "resent")


class Layout:
    """Where an event's fields are, and what its numbers are called, by the file "format"."""

    def __init__(self, name, text):
        self.name = name
        found = re.search(r"^ID: (\d+)$", text, re.M)
        if not found:
            raise Unreadable("the format of the event xtcp_%s cannot be read" % name)
        self.id = int(found[1])
        self.keys, codes, end = [], "=", 0
        for key, array, offset, size, signed in FIELD.findall(text):
            offset, size = int(offset), int(size)
            code = "%ds" % size if array else CODES.get((size, int(signed)))
            if offset < end or not code:
                continue
            codes += "%dx" % (offset - end) * (offset > end) + code
            end = offset + size
            self.keys.append(key)
        self.unpack = struct.Struct(codes).unpack_from
        self.size = end
        self.names = {}
        for part in re.split(r"__print_(?:symbolic|flags)\(REC->", text)[1:]:
            field = re.match(r"\w+", part)[0]
            self.names[field] = {int(number, 0): words for number, words in
                                 re.findall(r'\{ *(-?\d+|0x[0-9a-f]+) *, *"([^"]*)" *\}', part)}

    def places(self, *keys):
        """Of these fields among what unpack() gives."""
        try:
            return [self.keys.index(key) for key in keys]
        except ValueError:
            raise Unreadable("the events are those of another version of xtcp: xtcp_%s has not all of %s" %
                             (self.name, ", ".join(keys))) from None


def end_of(octets):
    """A sockaddr as the text of an event has it."""
    family, = struct.unpack_from("=H", octets)
    port, = struct.unpack_from("!H", octets, 2)
    if family == socket.AF_INET:
        return "%s:%d" % (socket.inet_ntop(family, octets[4:8]), port)
    return "[%s]:%d" % (socket.inet_ntop(socket.AF_INET6, octets[8:24]), port)


class Decoder:
    """Makes the octets of an event an event."""

    def __init__(self, layouts):
        self.ends = {}
        self.makers = {layout.id: self.maker(layout) for layout in layouts}

    def end(self, octets):
        name = self.ends.get(octets)
        if name is None:
            if len(self.ends) > 100000:
                self.ends.clear()
            name = self.ends[octets] = end_of(octets)
        return name

    def maker(self, layout):
        make = {"ack": self.acks, "segment_in": self.pieces, "segment_out": self.pieces,
                "local": self.handed}.get(layout.name, self.others)
        return layout.size, make(layout)

    def acks(self, layout):
        netns, local, peer, phase, *numbers = layout.places("netns", "local", "peer", "phase", *ACK_WORDS)
        unpack, phases, end, new = layout.unpack, layout.names.get("phase", {}), self.end, AckEvent.__new__
        pick = operator.itemgetter(*numbers)

        def make(time, page, at):
            values, event = unpack(page, at), new(AckEvent)
            event.time, event.index = time, 0
            event.netns, event.local, event.peer = values[netns], end(values[local]), end(values[peer])
            event.phase = phases.get(values[phase], "")
            (event.snd_una, event.snd_nxt, event.snd_wnd, event.acked, event.sacked, event.lost, event.delivered,
             event.pipe, event.cwnd, event.ssthresh, event.rtt_us, event.srtt_us) = pick(values)
            return event
        return make

    def pieces(self, layout):
        local, peer, seq, octets, segs = layout.places("local", "peer", "seq", "len", "segs")
        resent = layout.places("resent")[0] if layout.name == "segment_out" else None
        unpack, name, end = layout.unpack, layout.name, self.end

        def make(time, page, at):
            values, piece = unpack(page, at), Piece()
            piece.time, piece.name, piece.local, piece.peer = time, name, end(values[local]), end(values[peer])
            piece.seq, piece.len, piece.segs = values[seq], values[octets], values[segs]
            piece.resent = resent is not None and bool(values[resent])
            return piece
        return make

    def handed(self, layout):
        """What went the short way, as it arrives; its ack tells that it has left."""
        local, peer, seq, octets = layout.places("local", "peer", "seq", "len")
        unpack, end = layout.unpack, self.end

        def make(time, page, at):
            values, piece = unpack(page, at), Piece()
            piece.time, piece.name, piece.local, piece.peer = time, "segment_in", end(values[peer]), end(values[local])
            piece.seq, piece.len, piece.segs, piece.resent = values[seq], values[octets], 1, False
            return piece
        return make

    def others(self, layout):
        """What is rare: with its fields by name, as the text has them."""
        layout.places("local", "peer", *[key for event, key in TEXT if event == layout.name])

        def make(time, page, at):
            fields = dict(zip(layout.keys, layout.unpack(page, at)))
            for key, value in fields.items():
                fields[key] = self.end(value) if key in ("local", "peer") else \
                    layout.names[key].get(value, str(value)) if key in layout.names else str(value)
            for key in layout.keys:
                if (layout.name, key) in TEXT:
                    fields[TEXT[layout.name, key]] = fields[key]
            return Event(time, 0, layout.name, fields)
        return make

    def page(self, page, cpu):
        """[(time in ns, event)] of a page."""
        stamp, length = PAGE_HEAD(page)
        found, at, end = [], HEAD, min(HEAD + (length & LENGTH), len(page))
        if length & MISSED:
            count = struct.unpack_from("=Q", page, end)[0] if length & STORED and end + 8 <= len(page) else None
            gap = Gap(count, cpu, None)
            gap.time = stamp / 1e9
            found.append((stamp, gap))
        while at + 4 <= end:
            word, = U32(page, at)
            kind, delta = word & 31, word >> 5
            if kind >= PADDING:
                if kind == PADDING and not delta:
                    break
                more, = U32(page, at + 4)
                if kind == ABSOLUTE:
                    stamp = stamp >> 59 << 59 | more << 27 | delta
                else:
                    stamp += delta + (more << 27 if kind == EXTEND else 0)
                at += 4 + more if kind == PADDING else 8
                continue
            stamp += delta
            body, size = (at + 4, kind * 4) if kind else (at + 8, U32(page, at + 4)[0] - 4)
            at = body + size
            maker = self.makers.get(page[body] | page[body + 1] << 8)
            if maker and maker[0] <= size and at <= end:
                found.append((stamp, maker[1](stamp / 1e9, page, body)))
        return found


class Reader:
    """Of all processors' buffers; events come in the order of time."""

    def __init__(self, tracer, wanted):
        self.files, self.held = {}, []
        self.size = os.sysconf("SC_PAGESIZE")
        try:
            layouts = []
            for name in wanted:
                with open("%s/xtcp_%s/format" % (tracer.system, name)) as file:
                    layouts.append(Layout(name, file.read()))
            self.decoder = Decoder(layouts)
            for name in os.listdir(tracer.folder + "/per_cpu"):
                self.files[int(name[3:])] = os.open("%s/per_cpu/%s/trace_pipe_raw" % (tracer.folder, name),
                                                    os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            self.close()
            raise Unreadable("there are no events: cannot read %s (%s)" % (error.filename, error.strerror)) from None

    def read(self, most=64):
        """(what has come, is there more?) of at most so many pages of each processor."""
        more = False
        for cpu, file in self.files.items():
            for turn in range(most):
                try:
                    page = os.read(file, self.size)
                except BlockingIOError:
                    break
                if len(page) < HEAD:
                    break
                self.held += self.decoder.page(page, cpu)
                more |= turn == most - 1
        return more

    def take(self, now):
        """Those that nothing can come before any more. now: of the clock that they have, in ns."""
        self.held.sort(key=lambda entry: entry[0])
        at, limit = len(self.held), now - HELD
        while at and self.held[at - 1][0] > limit:
            at -= 1
        ready, self.held = self.held[:at], self.held[at:]
        return [event for _, event in ready]

    def close(self):
        for file in self.files.values():
            os.close(file)
        self.files = {}
