# SPDX-License-Identifier: GPL-2.0
"""What xtcp-plot does with its options."""

import sys

import plot_svg
import plot_text
import program
import queues
from events import TRACEFS, Trace, Unreadable, lines_of, open_lines, what_is_missing
from screen import Paint, is_utf8
from transfer import Transfer

MOST_CHANGES = 26
MANY_CHANGES = 10
FIRST_CHANGES = 6
LEAST = 40          # columns
NO_TERMINAL = 100


def without(changes, unwanted):
    """Without those, and without the way back to Open from there."""
    kept, gone = [], False
    for change in changes:
        gone = unwanted(change) or gone and change.new_phase and change.phase == "Open"
        if not gone:
            kept.append(change)
    return kept


def worth_a_number(changes):
    """All of them; of many, not those into Disorder and back; of still more, of congestion marks only the first ones;
    and no more than fit."""
    if len(changes) > MANY_CHANGES:
        changes = without(changes, lambda change: change.phase == "Disorder")
    if len(changes) > MOST_CHANGES:
        most = without(changes, lambda change: change.reason == "congestion mark")
        first = [change for change in changes if change not in most][:FIRST_CHANGES]
        changes = [change for change in changes if change in most or change in first]
    return changes[:MOST_CHANGES]


def port(text):
    """(PORT, NAME) of PORT=NAME."""
    number, _, name = text.partition("=")
    return int(number), name


def draw_all(trace, lines, file, picture):
    """The picture as a file, if there is to be one, what is missing, and the lines."""
    if file:
        program.write(file, picture())
    if trace.missing():
        print(what_is_missing(trace) + "\n")
    for line in lines:
        print(line)


def run(doc):
    parser = program.Parser("xtcp-plot", doc)
    parser.add_argument("--port", type=port, action="append", metavar="PORT[=NAME]",
                        help="the first connection that has this port at one end; further ones: their windows and round "
                        "trips beside it; NAME: what it is called there")
    parser.add_argument("--listener", type=int, metavar="PORT", help="both queues of the listener with this port instead")
    parser.add_argument("--windows", action="store_true", help="only the windows, not so high")
    parser.add_argument("--title", help="what stands above the picture")
    parser.add_argument("--svg", metavar="FILE", help="write a picture there, too")
    parser.add_argument("--width", type=int, metavar="N", help="columns: those of COLUMNS, or %d" % NO_TERMINAL)
    parser.add_argument("--color", action="store_true", default=sys.stdout.isatty(), help="in colours")
    parser.add_argument("--plain", action="store_false", dest="color", help="without")
    parser.add_argument("trace", nargs="*", metavar="TRACE")
    args = parser.parse_args()
    args.trace = program.one_trace(parser, args.trace, svg="--svg") or TRACEFS + "/trace"
    width = args.width
    if width is None:
        width = program.columns() or NO_TERMINAL
    if width > program.WIDEST:
        parser.error("%d columns are too many" % width)
    if width < LEAST:
        parser.error("%d columns are too few; --width %d is the least" % (width, LEAST))
    paint = Paint(args.color, not is_utf8())
    sys.stdout.reconfigure(encoding="ascii" if paint.ascii else "utf-8", errors="replace")
    (first, name), *more = args.port or [(None, "")]
    if len(more) > len(plot_text.OTHERS):
        parser.error("%d connections are too many; %d fit" % (1 + len(more), 1 + len(plot_text.OTHERS)))
    try:
        with open_lines(args.trace) as file:
            trace = Trace(lines_of(file))
            every = tuple(trace) if more else trace
            transfer = queues.Queues(trace, args.listener) if args.listener else Transfer(every, first, name)
            others = [Transfer(every, *other) for other in dict.fromkeys(more) if other[0] != first]
    except ValueError as error:
        complaint = trace.complaint()
        raise Unreadable("%s: %s" % (args.trace, complaint) if complaint else error) from None
    if args.listener:
        title = args.title or "The queues of " + transfer.name
        draw_all(trace, queues.draw(transfer, title, width, paint), args.svg, lambda: queues.picture(transfer, title))
        return
    title = args.title or "%s to %s" % (transfer.sender, transfer.peer)
    changes = worth_a_number(transfer.changes)
    draw_all(trace, plot_text.draw(transfer, title, changes, width, paint, args.windows, others),
             args.svg, lambda: plot_svg.draw(transfer, title, changes, others))


def main(doc):
    return program.ends("xtcp-plot", lambda: run(doc), Unreadable)
