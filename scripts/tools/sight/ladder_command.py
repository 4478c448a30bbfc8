# SPDX-License-Identifier: GPL-2.0
"""What xtcp-ladder does with its options."""

import argparse
import gc
import os
import sys

import events
import ladder_text
import program
import rows
from connections import Connections
from program import Wrong

MOST = 400000       # events of connections that are drawn
NO_TERMINAL = 110   # columns
NARROW = 4096       # octets, of a window


def milliseconds(text):
    value = float(text)
    if value != value or abs(value) == float("inf"):
        raise ValueError(text)
    return value / 1000


def positive(text):
    value = int(text)
    if value <= 0:
        raise ValueError(text)
    return value


def port(text):
    value = positive(text)
    if value > 65535:
        raise ValueError(text)
    return value


def which(text):
    return text if text == "all" else positive(text)


milliseconds.__name__, positive.__name__, which.__name__ = "number of ms", "number", "number"


def options(doc):
    parser = program.Parser("xtcp-ladder", doc)
    add = parser.add_argument
    add("--port", type=port, metavar="N", help="the newest connection that has this port at one end")
    add("--conn", type=which, metavar="N", help="the connection that --list gives this number, instead of the newest; all: each")
    add("--list", action="store_true", help="only name the connections")
    add("--all", action="store_true", help="fold nothing: each segment has its row")
    add("--fold", action="store_true", help="fold short runs of like segments, too")
    add("--brief", action="store_true", help="shorter rows: no options of SYNs, only narrow windows and new ACKs, times to tenths")
    add("--from", dest="begin", type=milliseconds, metavar="MS", help="only from this time on")
    add("--to", dest="end", type=milliseconds, metavar="MS", help="only up to this time")
    add("--last", type=positive, metavar="N", help="only the last N rows")
    add("--live", action="store_true", help="draw while it happens, from trace_pipe or standard input, each connection")
    add("--pcap", nargs=2, metavar=("FILE", "FILE"), help="two captures, one at each end, instead of a trace")
    add("--width", type=program.width, metavar="N", help="columns: the terminal's, or %d" % NO_TERMINAL)
    add("--color", action="store_true", default=None, help="in colours (the default at a terminal)")
    add("--plain", action="store_false", dest="color", help="without")
    add("--svg", metavar="FILE", help="write a picture there, too")
    add("--narrow", action="store_true", help="that picture as wide as a telephone: one column of times")
    add("--html", metavar="FILE", help="write a page there, too, which needs no other file")
    add("trace", nargs="*", metavar="TRACE")
    args = parser.parse_args()
    args.trace = program.one_trace(parser, args.trace, svg="--svg", html="--html")
    return args


def width_of(args):
    width = args.width
    width = width or program.columns()
    if not width and sys.stdout.isatty():
        width = os.get_terminal_size(sys.stdout.fileno()).columns
    width = width or NO_TERMINAL
    if width < ladder_text.LEAST:
        raise Wrong("%d columns are too few for two ends; --width %d is the least" % (width, ladder_text.LEAST))
    return width


def chooser(args, connections, trace, only):
    """Tells of which connections the events are kept. only: of this one alone, and the others' lines are hardly looked at;
    None: without --conn the newest so far, and nothing is kept of those before."""
    def keep(connection):
        if args.port and not connection.has_port(args.port):
            return False
        if args.conn or args.list or args.live:
            return not args.list
        before = connections.chosen
        if connection.number < (only or (before.number if before else 0)):
            return False
        if connection.segments and connection is not before:
            if before:
                before.story = None
            connections.chosen = connection
            if only:
                trace.wanted = connection.names
        return True
    return keep


def read(trace, args, only=None):
    connections = Connections()
    connections.chosen = None
    connections.keep = chooser(args, connections, trace, only)
    trace.too_much = False
    kept = 0
    for event in trace:
        if event.local is None:
            for connection in connections.all:
                if connection.story:
                    connection.story.note_gap()
            continue
        connection = connections.take(event)
        kept += bool(connection and connection.story)
        if kept > MOST:
            trace.too_much = True
            break
    return connections


def numbered(connections):
    """Those with segments, by the numbers that --list shows."""
    found = [connection for connection in connections.all if connection.segments]
    for number, connection in enumerate(found, 1):
        connection.number = number
    return found


def newest(trace, args):
    """(its number among all connections, how many could be drawn), of a trace that can be read again; None: there is
    none."""
    connections = read(trace, argparse.Namespace(**{**vars(args), "list": True}))
    found = [connection for connection in connections.all
             if connection.segments and (not args.port or connection.has_port(args.port))]
    return (found[-1].number, len(found)) if found else (None, 0)


def chosen(connections, args):
    found = numbered(connections)
    if isinstance(args.conn, int):
        if args.conn > len(found):
            raise Wrong("there is no connection %d, but %d of them; see --list" % (args.conn, len(found)), 1)
        found = [found[args.conn - 1]]
    if args.port:
        found = [connection for connection in found if connection.has_port(args.port)]
    if not found:
        raise Wrong("no segments of %s in this trace" %
                    ("a connection with port %d" % args.port if args.port else "any connection"), 1)
    return found


def name_of(connection, trace_start):
    left, right = connection.ends
    turn = ", the %d. on these ports" % connection.turn if connection.turn > 1 else ""
    return "%3d  %s -> %s: %d segment events from %.3f s on, in %.3f s%s%s" % (
        connection.number, left, right, connection.segments, connection.time - trace_start,
        connection.last - connection.time, turn, ", who opened it is not seen" if connection.guessed else "")


def notices(trace, connection):
    """What the reader must know before believing the picture."""
    if trace.missing() or trace.gaps or trace.started:
        yield events.what_is_missing(trace)
    if trace.damaged:
        yield "%d line%s of this trace cannot be read and %s left out." % (
            trace.damaged, "" if trace.damaged == 1 else "s", "is" if trace.damaged == 1 else "are")
    if trace.cut:
        yield "The last line of this trace is cut off, and left out."
    if trace.too_much:
        yield "The trace has more: only the first %s events are drawn." % format(MOST, ",")
    if connection.guessed:
        yield "No SYN is in this trace: which end opened is a guess by the ports, and SEQ and ACK count from the " \
              "first ones seen."
    clocks = getattr(trace, "clocks", None)     # of captures
    if clocks:
        yield clocks
    if connection.story.clock_wrong and clocks is not None:
        yield "Segments arrive before they left: the clocks of the captures differ%s." % (
            ", and not always by as much" if clocks else "")
    elif connection.story.clock_wrong:
        yield "Segments arrive before they left: echo global >%s/trace_clock, before it happens." % events.TRACEFS


def be_brief(segment):
    """Leaves a SYN's options away, PSH, and windows but those that may hold somebody up."""
    segment.options, segment.flags = "", segment.flags.replace("P", "")
    if segment.window is None or segment.window >= NARROW:
        segment.window, segment.field = None, 0


def ladder_of(connection, args, trace):
    """(rows, states when the first one begins) of a connection."""
    story = connection.story
    story.finish(trace)
    first = [end.first for end in story.ends]
    every = rows.lay_out(story)
    found, states = rows.between(every, story.start, first, args.begin, args.end)
    if not args.all:
        found = rows.fold(found, 2 if args.fold else rows.FOLD, every[:every.index(found[0])] if found else ())
    if args.last:
        found, states = rows.last(found, args.last, states)
    if args.brief:
        for row in found:
            if row.segment is not None:
                be_brief(row.segment)
    return found, states


def nothing_then(args, connection):
    """Why no row is left, in words."""
    story = connection.story
    ends = [time - story.start for row in rows.lay_out(story) for time in (*row.times, row.time) if time is not None]
    return "no segment is there then: this connection goes from %.0f to %.0f ms" % (min(ends) * 1000, max(ends) * 1000)


def longest(found, start):
    return max([abs(time - start) * 1000 for row in found for time in row.times if time is not None] + [0])


def draw(connection, args, trace, width):
    found, states = ladder_of(connection, args, trace)
    if not found and (args.begin is not None or args.end is not None):
        raise Wrong(nothing_then(args, connection), 1)
    warnings = list(notices(trace, connection))
    columns = ladder_text.Columns(width, args.color, longest(found, connection.story.start), args.brief,
                                  [state for row in found for end in (0, 1)
                                   for state in (states[end], row.states[end], *row.passed(end))])
    if args.svg or args.html:
        import ladder_narrow
        import ladder_svg
        narrow, wide = (way.draw(connection.story, found, states, warnings) for way in (ladder_narrow, ladder_svg))
        if args.svg:
            program.write(args.svg, narrow if args.narrow else wide)
        if args.html:
            import ladder_html
            program.write(args.html, ladder_html.page(connection.story, narrow, wide, warnings))
    for line in ladder_text.draw(connection.story, found, states, columns, warnings):
        print(line)


def run(args):
    if args.live and (args.svg or args.html or args.list or args.last or args.pcap or args.brief):
        raise Wrong("--live goes with none of --svg, --html, --list, --last, --pcap, --brief")
    if args.conn == "all" and (args.svg or args.html):
        raise Wrong("--svg and --html are of one connection; --conn N or --port N choose it")
    if args.pcap and args.trace:
        raise Wrong("a trace or --pcap, not both")
    width, only, count = width_of(args), None, 0
    if args.live:
        import live
        return live.draw(args, width)
    if args.pcap:
        import pcap
        trace, name = pcap.Captures(*args.pcap), args.pcap[0]
    else:
        name = args.trace or events.TRACEFS + "/trace"
        is_of_now = name.startswith(events.TRACEFS + "/")
        if not (args.conn or args.list or is_of_now) and os.path.isfile(name):
            with events.open_lines(name) as file:
                only, count = newest(events.Trace(events.lines_of(file), lazy=True), args)
        trace = events.Trace(events.lines_of(events.open_lines(name)), lazy=True)
        trace.is_of_now = is_of_now
    connections = read(trace, args, only)
    complaint = trace.complaint()
    if complaint:
        raise Wrong(("standard input" if name == "-" else name) + ": " + (events.why_nothing(name) or complaint))
    found = chosen(connections, args)
    if not (args.conn or args.list):
        count, found = count or len(found), [connections.chosen]
    for at, connection in enumerate(found):
        if args.list:
            print(name_of(connection, connections.all[0].time))
            continue
        if at:
            print()
        draw(connection, args, trace, width)
    if count > 1:
        print("This is the newest of %s connections%s; --list names them, --conn N draws another." % (
            format(count, ","), " with port %d" % args.port if args.port else ""))
    return 0


def begin(doc):
    args = options(doc)
    if not args.live:
        gc.disable()    # all is kept to the end anyway, and looking through it costs a third of the time
    if args.color is None:
        args.color = sys.stdout.isatty()
    return run(args)


def main(doc):
    return program.ends("xtcp-ladder", lambda: begin(doc), events.Unreadable)
