# SPDX-License-Identifier: GPL-2.0
"""What xtcp-trace does with its options: events as rows, as JSON or as a capture."""

import csv
import json
import struct
import sys
import time

import live
import pcapng
import program
from events import ACK_WORDS, TRACEFS, AckEvent, SegmentEvent, Trace, Unreadable, lines_of, open_lines, port_of, \
    what_is_missing, why_nothing

SEGMENT = ("state", "flags", "seq", "end", "ack", "wnd", "len", "resent", "sacks", "shift", "segs", "ecn", "ts", "options")
COLUMNS = ("time", "event", "local", "peer", *SEGMENT, "phase", *ACK_WORDS, "old", "new", "reason", "text")
FORMATS = ("csv", "json", "jsonl", "pcapng")
# what says that there is none
NONE = {("ssthresh", 2 ** 31 - 1), ("ssthresh", 2 ** 32 - 1), ("rtt_us", 0), ("srtt_us", 0)}


def values_of(event):
    """{column: value or None}; what has no column of its own stands in "text"."""
    found = {"time": event.time, "event": event.name, "local": event.local, "peer": event.peer}
    if isinstance(event, SegmentEvent):
        found.update((name, getattr(event, name)) for name in SEGMENT if getattr(event, name) is not None)
        found["resent"] = int(event.resent)
    elif isinstance(event, AckEvent):
        found.update((name, getattr(event, name)) for name in ("phase", *ACK_WORDS))
    else:
        rest = []
        for name in event.fields:
            if name in COLUMNS:
                found.setdefault(name, getattr(event, name))
            elif name != "netns":
                rest.append("%s=%s" % (name, event.fields[name]))
        if rest:
            found["text"] = " ".join(rest)
    return {name: value if (name, value) not in NONE else None for name, value in found.items()}


class Csv:
    def __init__(self, file):
        self.file = file
        self.rows = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        self.rows.writeheader()

    def take(self, event):
        self.rows.writerow(values_of(event))

    def flush(self):
        self.file.flush()

    end = flush


class JsonLines(Csv):
    def __init__(self, file):
        self.file = file

    def take(self, event):
        self.file.write(json.dumps(values_of(event)) + "\n")


class Json(JsonLines):
    """One array."""
    between = "[\n"

    def take(self, event):
        self.file.write(self.between + json.dumps(values_of(event)))
        self.between = ",\n"

    def end(self):
        self.file.write("\n]\n" if self.between == ",\n" else "[]\n")
        self.flush()


class Capture:
    """An interface for each end. A decision stands at the last segment of its end, so a segment is written when all
    before it are complete: when the end has its next one, when nothing has come for a while, or after a second."""

    def __init__(self, file):
        self.file = file
        self.interfaces, self.open, self.early, self.queue = {}, {}, {}, []
        file.write(pcapng.block(pcapng.SECTION, struct.pack("<IHHq", pcapng.MAGIC, 1, 0, -1),
                                pcapng.option(pcapng.APPLICATION, b"xtcp-trace")))

    def interface(self, name):
        if name not in self.interfaces:
            self.interfaces[name] = len(self.interfaces)
            self.file.write(pcapng.block(pcapng.INTERFACE, struct.pack("<HHI", pcapng.RAW_IP, 0, 0),
                                         pcapng.option(pcapng.NAME, name.encode())))
        return self.interfaces[name]

    def take(self, event):
        key = event.local, event.peer
        if isinstance(event, SegmentEvent):
            self.open[key] = [event, self.early.pop(key, [])]
            self.queue.append(self.open[key])
            while self.open[self.queue[0][0].local, self.queue[0][0].peer] is not self.queue[0]:
                self.write(*self.queue.pop(0))
            return
        found = values_of(event)
        words = " ".join("%s=%s" % item for item in found.items()
                         if item[1] is not None and item[0] not in ("time", "event", "local", "peer", "text"))
        comment = " ".join(filter(None, (event.name, found.get("text"), words)))
        if key in self.open:
            self.open[key][1].append(comment)
        else:
            self.early.setdefault(key, []).append("before: " + comment)

    def write(self, event, comments):
        self.file.write(pcapng.packet_block(self.interface(event.local), event.time, event,
                                            b"".join(map(pcapng.comment, comments))))

    def flush(self):
        for found in self.queue:
            self.write(*found)
        self.queue.clear()
        self.open.clear()
        self.file.flush()

    end = flush


WRITERS = dict(zip(FORMATS, (Csv, Json, JsonLines, Capture)))


def options(doc):
    parser = program.Parser("xtcp-trace", doc)
    add = parser.add_argument
    add("-o", "--output", default="-", metavar="FILE", help="write there; its name says as what: .csv, .json, .jsonl, .pcapng")
    add("--format", choices=FORMATS, help="as what, if no name says it; to standard output: csv unless this says otherwise")
    add("--port", type=int, metavar="N", help="only connections that have this port at one end")
    add("--local", metavar="END", help="only what this end saw: an address, or address:port")
    add("--live", action="store_true", help="write while it happens, from trace_pipe or standard input")
    add("trace", nargs="*", metavar="TRACE")
    args = parser.parse_args()
    args.trace = program.one_trace(parser, args.trace, **dict.fromkeys(FORMATS, "-o"))
    suffix = args.output.rpartition(".")[2] if args.output != "-" else "csv"
    args.format = args.format or suffix
    if args.format not in FORMATS:
        parser.error("'%s' does not end with .csv, .json, .jsonl or .pcapng, and there is no --format" % args.output)
    if args.format == "pcapng" and args.output == "-" and sys.stdout.isatty():
        parser.error("a capture is not for a terminal; -o FILE.pcapng, or a pipe")
    return args


def output(args):
    binary = args.format == "pcapng"
    if args.output == "-":
        return sys.stdout.buffer if binary else sys.stdout
    try:
        return open(args.output, "wb") if binary else open(args.output, "w", encoding="utf-8", newline="")
    except OSError as error:
        raise Unreadable("cannot write %s: %s" % (args.output, error.strerror)) from None


def is_wanted(event, args):
    if event.local is None or args.port and args.port not in (port_of(event.local), port_of(event.peer)):
        return False
    return args.local in (None, event.local, event.local.rpartition(":")[0].strip("[]"))


def copy(trace, writer, args):
    for event in trace:
        if is_wanted(event, args):
            writer.take(event)


def follow(args):
    """Until the source ends, or the user has had enough."""
    source = live.source_of(args)
    waiting, since = [], time.monotonic()
    trace, writer = Trace(()), WRITERS[args.format](output(args))
    try:
        while not source.ended:
            waiting = source.lines(live.QUIET if waiting else None)
            trace.lines = iter(waiting)
            copy(trace, writer, args)
            if not waiting or time.monotonic() - since > live.LATEST:
                writer.flush()
                since = time.monotonic()
    except KeyboardInterrupt:
        pass
    writer.end()
    return trace


def run(doc):
    args = options(doc)
    if args.live:
        trace = follow(args)
    else:
        name = args.trace or TRACEFS + "/trace"
        with open_lines(name) as file:
            trace = Trace(lines_of(file))
            trace.is_of_now = not args.trace
            writer = WRITERS[args.format](output(args))
            copy(trace, writer, args)
            writer.end()
        complaint = trace.complaint()
        if complaint:
            raise Unreadable(why_nothing(name) or complaint)
    if trace.missing():
        print("xtcp-trace: " + what_is_missing(trace), file=sys.stderr)
    if trace.damaged:
        print("xtcp-trace: %d events could not be read" % trace.damaged, file=sys.stderr)


def main(doc):
    return program.ends("xtcp-trace", lambda: run(doc), Unreadable)
