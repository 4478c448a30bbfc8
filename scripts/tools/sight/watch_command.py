# SPDX-License-Identifier: GPL-2.0
"""What xtcp-watch does with its options, and the loop that takes events,
keys and time."""

import os
import select
import signal
import sys
import time

import events
import listing
import program
import raw
import screen
import tracer
from live import Source
from program import PROC, Wrong
from watch_conn import KEYS, Conn
from watch_flow import Flow, Span
from watch_listen import Listen
from watch_states import States

VIEWS = {"listen": Listen, "conn": Conn, "flow": Flow, "states": States}
BUSY = 0.25     # seconds of events after which keys and pictures have a turn
PAUSE = 0.05    # seconds in which events gather: taking each by itself costs several times as much
SHARE = 4       # a picture takes at most one part in so many of the time


def positive(text):
    value = float(text)
    if not 0 < value < 1e6:
        raise ValueError(text)
    return value


def port(text):
    value = int(text)
    if not 0 < value < 65536:
        raise ValueError(text)
    return value


positive.__name__ = "number of seconds"


def options(doc):
    parser = program.Parser("xtcp-watch", doc)
    add = parser.add_argument
    add("view", nargs="?", choices=sorted(VIEWS), metavar="VIEW")
    add("--port", type=port, action="append", metavar="N", help="only what has this port; may be given several times")
    add("--sort", choices=KEYS, metavar="COLUMN", help="conn: by this column: " + " ".join(KEYS))
    add("--once", action="store_true", help="one picture and no more, as without a terminal")
    add("--seconds", type=positive, metavar="N", help="end after so long, with a picture; with --once after 1")
    add("--interval", type=positive, metavar="N", help="seconds between two pictures (1; flow: 0.5)")
    add("--span", type=positive, default=60.0, metavar="N", help="flow: seconds that the picture goes back (60)")
    add("--svg", metavar="FILE", help="flow: write the last picture there, too")
    add("--title", help="flow: what stands above that")
    add("--trace", metavar="FILE", help="not live: the text of a trace; - for standard input")
    program.add_module(add, "copies of the files of /proc/net instead of them")
    add("--width", type=program.width, metavar="N", help="columns: the terminal's, or %d" % screen.NO_TERMINAL)
    add("--color", action="store_true", default=None, help="in colours (the default at a terminal)")
    add("--plain", action="store_false", dest="color", help="without")
    add("--ascii", action="store_true", help="in ASCII, whatever the locale says")
    args = parser.parse_args()
    if not args.view:
        parser.error("a VIEW is missing: " + ", ".join(sorted(VIEWS)))
    if (args.svg or args.title) and args.view != "flow":
        raise Wrong("--svg and --title are of the view flow")
    if args.sort and args.view != "conn":
        raise Wrong("--sort is of the view conn")
    if args.view == "flow" and args.proc != PROC and not args.trace:
        raise Wrong("/proc does not tell what flows; --trace does")
    if args.trace and args.view == "states":
        raise Wrong("a trace does not tell how many are in each state; leave --trace away")
    return args


class Watch:
    """The view, and where its events come from."""

    def __init__(self, args):
        self.args = args
        self.view = VIEWS[args.view](args, listing.Listing(args.name, args.proc))
        self.tracer = self.reader = self.source = None
        self.trace = events.Trace(())
        self.seen, self.last = 0, None

    def begin(self):
        args, view = self.args, self.view
        number = tracer.namespace()
        view.where = "recorded, all namespaces" if args.trace else \
            "namespace %s" % (args.netns or number) if number else "this namespace"
        if args.trace:
            reason = events.from_memory(args.trace)
            if reason:
                raise events.Unreadable(reason)
            self.source = self.open(args.trace)
        elif args.proc != PROC:
            view.where = "recorded"
        elif view.wanted:
            view.listing.lines("_listen")     # is the module there at all?
            self.start()

    @staticmethod
    def open(name):
        try:
            return Source(name)
        except OSError as error:
            raise events.Unreadable("cannot read %s: %s" % (name, error.strerror)) from None

    def start(self):
        try:
            self.tracer = tracer.Tracer(program.module_of(self.args.name), self.view.wanted)
            self.reader = raw.Reader(self.tracer, self.view.wanted)
        except listing.Unreadable as error:
            if self.view.needs_events:
                raise
            self.view.note = str(error)

    def end(self):
        """Nothing interrupts this: what was made goes."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if self.source and self.source.file > 2:
            os.close(self.source.file)
        if self.reader:
            self.reader.close()
        if self.tracer:
            self.tracer.stop()

    def take(self, lines):
        self.trace.lines = lines
        for event in self.trace:
            self.view.take(event)
            self.seen += 1

    def read_all(self):
        try:
            while not self.source.ended:
                self.take(self.source.lines(None))
        except IsADirectoryError:
            raise events.Unreadable("cannot read %s: it is a folder" % self.args.trace) from None
        complaint = self.trace.complaint()
        if complaint:
            raise events.Unreadable("%s: %s" % ("standard input" if self.args.trace == "-" else self.args.trace,
                                                complaint))
        self.view.flows.lost += self.trace.overwritten()

    def wait(self, until, keyboard=None):
        """Takes events up to then, or until a key is pressed: true."""
        keys = [] if keyboard is None else [keyboard]
        while True:
            more = self.drain(time.monotonic() + BUSY)
            left = until - time.monotonic()
            if select.select(keys, [], [], 0 if more else max(min(left, PAUSE) if self.reader else left, 0))[0]:
                return True
            if left <= 0:
                return False

    def drain(self, until):
        """What has come, but no longer than that; is there more?"""
        more = self.reader is not None
        while more:
            began = time.monotonic()
            more = self.reader.read()
            for event in self.reader.take(time.monotonic_ns()):
                self.view.take(event)
                self.last = event.time
                self.seen += 1
            if time.monotonic() >= until:
                break
        if self.reader:
            self.view.read_to = self.last if more and self.last else began - raw.HELD / 1e9
        self.view.behind = time.monotonic() - self.last if more and self.last else 0.0
        return more


def picture(watch, place, paint):
    """The lines of one, from /proc and the events as of now."""
    columns, rows = place.size()
    if columns < screen.LEAST:
        return [screen.too_narrow(columns)]
    watch.view.look(watch.view.now())
    lines = list(watch.view.draw(columns, rows and rows - 1, paint))
    if rows:
        lines += [""] * (rows - 1 - len(lines)) + [paint("90", watch.view.help)]
    return lines


def run(watch, place, paint):
    """Until somebody ends it, or its time is over: then the lines of the last picture, if the screen takes it away."""
    args, view = watch.args, watch.view
    if args.trace:
        watch.read_all()
        place.show(picture(watch, place, paint))
        return []
    seconds = args.seconds or (None if place.is_terminal else 1)
    begun = time.monotonic()
    end = None if seconds is None else begun + seconds
    if not place.is_terminal:
        view.look(begun)    # what the one picture is compared with
    while True:
        interval = args.interval or view.waits
        if place.is_terminal:
            drawn = time.monotonic()
            place.show(picture(watch, place, paint))
            interval = max(interval, SHARE * (time.monotonic() - drawn))
        until = time.monotonic() + interval
        if end is not None and (until >= end or not (place.is_terminal or view.samples)):
            until = end
        if watch.wait(until, place.keyboard):
            for key in place.keys():
                if key in ("q", "Q", "\x03", "\x04"):
                    return []
                view.key(key)
        elif end is not None and time.monotonic() >= end:
            lines = picture(watch, place, paint)
            if place.is_terminal:
                return lines[:-1]
            place.show(lines)
            return []
        elif not place.is_terminal:
            view.look(time.monotonic())


def save(watch):
    args, view = watch.args, watch.view
    if not args.svg:
        return
    import flow_svg
    chosen = view.named()
    if not chosen:
        raise Wrong("no acknowledgment has come, so there is nothing to write to %s" % args.svg)
    span = Span([flow for _, _, flow in chosen], view.now(), args.span)
    lost = "%s events are lost: the lines have gaps there" % format(view.flows.lost, ",") if view.flows.lost else ""
    text = flow_svg.Picture(chosen, span, view.flows.gaps).draw(args.title or "xtcp-watch flow", lost)
    program.write(args.svg, text)


def stop(number, _):
    raise SystemExit(128 + number)


def watch_all(args):
    program.take_module(args)
    at_terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not args.once and not args.trace
    place = screen.Terminal(args.width) if at_terminal else screen.Plain(args.width)
    columns = place.size()[0]
    if columns < screen.LEAST:
        raise Wrong(screen.too_narrow(columns))
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR") if args.color is None else args.color
    paint = screen.Paint(color, args.ascii or not screen.is_utf8())
    sys.stdout.reconfigure(encoding="ascii" if paint.ascii else "utf-8", errors="replace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    watch = Watch(args)
    try:
        watch.begin()
        try:
            with place:
                left = run(watch, place, paint)
            for line in left:
                print(line)
        except BrokenPipeError:     # nobody reads the text any more; the picture is wanted all the same
            save(watch)
            raise
        save(watch)
    finally:
        watch.end()


def main(doc):
    return program.ends("xtcp-watch", lambda: watch_all(options(doc)), listing.Unreadable, events.Unreadable)
