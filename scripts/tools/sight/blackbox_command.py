# SPDX-License-Identifier: GPL-2.0
"""What xtcp-blackbox does with its options."""

import argparse
import errno
import re
import struct
import sys
import time

import events
import ladder_command
import pcapng
import program
from blackbox import boxes_in
from program import PROC, Wrong

KNOB = "/proc/sys/net/%s/blackbox"


def options(doc):
    parser = program.Parser("xtcp-blackbox", doc)
    add = parser.add_argument
    add("--port", type=ladder_command.port, metavar="N", help="only connections that have this port at one end")
    program.add_module(add, "a copy of the file of /proc/net instead of it")
    add("--calls", action="store_true", help="show: what the program called, too, and which segments were refused")
    add("--brief", action="store_true", help="show: shorter rows")
    add("--width", type=program.width, metavar="N", help="show: columns")
    add("--color", action="store_true", default=None, help="show: in colours (the default at a terminal)")
    add("--plain", action="store_false", dest="color", help="show: without")
    add("--svg", metavar="FILE", help="show: write a picture there, too")
    add("--html", metavar="FILE", help="show: write a page there, too")
    commands = ("list", "show", "trace", "save", "forget")
    add("command", nargs="?", choices=commands, metavar="COMMAND")
    add("words", nargs="*", default=[], metavar="WORD")
    args = parser.parse_args()
    if not args.command:
        parser.error("a COMMAND is missing: " + ", ".join(commands))
    program.take_module(args)
    return args


def file_of(args):
    return "%s/%s_blackbox" % (args.proc, args.name)


def trouble(args, error):
    """Why the file cannot be had, in words."""
    if error.errno == errno.EACCES:
        return Wrong("only root may read %s: it has sequence numbers" % error.filename)
    if error.errno == errno.ENOENT and args.proc == PROC:
        return Wrong(program.missing(args.name, error.filename))
    return Wrong("cannot read %s: %s" % (error.filename, error.strerror))


def read(args):
    try:
        with open(file_of(args), encoding="ascii", errors="replace") as file:
            found = boxes_in(map(events.clean, file))
    except OSError as error:
        raise trouble(args, error) from None
    except (ValueError, KeyError) as error:
        raise Wrong("%s is of another version: %s" % (file_of(args), error)) from None
    if args.port:
        found = [box for box in found if args.port in (events.port_of(box.local), events.port_of(box.peer))]
    return found


def numbers(words):
    if not all(re.fullmatch("[0-9]{1,10}", word) for word in words):
        raise Wrong("a box has a number; xtcp-blackbox list tells it")
    return [int(word) for word in words]


def chosen(args, words):
    """Those with these numbers; without a number all."""
    found, wanted = read(args), numbers(words)
    for number in wanted:
        if number not in [box.number for box in found]:
            raise Wrong("there is no box %d" % number, 1)
    return [box for box in found if not wanted or box.number in wanted]


def one(args):
    """The box of a number; without one the last that ended, or of connections that live the last that began."""
    if len(args.words) > 1:
        raise Wrong("%s is of one box" % args.command)
    found = chosen(args, args.words)
    if not found:
        raise Wrong(nothing(args), 1)
    return max(found, key=lambda box: (box.ended, box.number))


def nothing(args):
    """What to do if there is no box."""
    words = "no box" + (" of a connection with port %d" % args.port if args.port else "")
    try:
        with open(KNOB % args.name) as file:
            if args.proc == PROC and file.read().split()[0] == "0":
                return "%s; sysctl net.%s.blackbox=1 gives one to each connection from then on" % (words, args.name)
    except (OSError, IndexError):
        pass
    return words + "; connections that end by FINs leave none"


def lasted(box, now):
    return "%.3f s" % ((box.ended or now) - box.began)


def line_of(box, now):
    end = "lives" if box.lives else box.reason
    if box.error:
        end += " (%s)" % errno.errorcode.get(box.error, box.error)
    return "%6d  %-26s %-14s %s -> %s: %d events%s in %s" % (
        box.number, end, "" if box.lives else "%.1f s ago" % (now - box.ended), box.local, box.peer, box.total,
        ", %d gone" % box.missing if box.missing else "", lasted(box, now))


def do_list(args):
    if args.words:
        raise Wrong("list takes no number")
    now, found = time.monotonic(), read(args)
    if args.proc != PROC:   # a copy: its own time
        now = max((happened.time for box in found for happened in box.happened), default=0)
    for box in found:
        print(line_of(box, now))
    if not found:
        print(nothing(args)[:1].upper() + nothing(args)[1:] + ".")


def show_calls(box):
    """What no event of a trace tells, in the order of the box, in ms from the first segment."""
    start = next((happened.time for happened in box.happened if happened.is_segment), box.began)
    for happened in box.happened:
        words = happened.words
        if happened.name == "refused":
            what = "a segment is refused: %s" % words["reason"]
        elif happened.name == "call":
            got = int(words["result"])
            what = "%s(%s)" % (words["call"], words["wanted"] if words["call"] in ("send", "recv", "shutdown") else "")
            what += " = %s" % (errno.errorcode.get(-got, got) if got < 0 else got)
            if words["times"] != "1":
                what += ", %s times" % words["times"]
        else:
            continue
        yield "%10.3f ms  %s, in %s" % ((happened.time - start) * 1000, what, words["state"])


def do_show(args):
    box = one(args)
    trace = events.Trace(iter(list(box.trace())), lazy=True)
    drawn = argparse.Namespace(port=None, conn=1, list=False, all=True, fold=False, brief=args.brief, begin=None, end=None,
                               last=None, live=False, width=args.width, color=args.color, svg=args.svg, html=args.html, narrow=False)
    print(line_of(box, time.monotonic() if args.proc == PROC else box.happened[-1].time if box.happened else 0))
    if not any(happened.is_segment for happened in box.happened):
        print("No segment is in it.")
    else:
        connections = ladder_command.read(trace, drawn)
        connection = ladder_command.chosen(connections, drawn)[0]
        connection.story.elsewhere = "not in this box"
        ladder_command.draw(connection, drawn, trace, ladder_command.width_of(drawn))
    if args.calls:
        print()
        for line in show_calls(box):
            print(line)


def do_trace(args):
    for line in one(args).trace():
        sys.stdout.write(line)


def do_save(args):
    if not args.words:
        raise Wrong("save wants the name of a file")
    found = chosen(args, args.words[1:])
    if not found:
        raise Wrong(nothing(args), 1)
    offset = time.time() - time.monotonic() if args.proc == PROC else 0
    try:
        with open(args.words[0], "wb") as file:
            packets = pcapng.write(file, found, offset)
    except OSError as error:
        raise Wrong("cannot write %s: %s" % (args.words[0], error.strerror)) from None
    print("%s: %d segments of %d connection%s" % (args.words[0], packets, len(found), "" if len(found) == 1 else "s"))


def do_forget(args):
    if args.words:
        raise Wrong("forget takes no number")
    if args.proc != PROC:
        raise Wrong("the kernel forgets, not a copy of its file")
    try:
        with open(file_of(args), "w") as file:
            file.write("\n")
    except OSError as error:
        raise trouble(args, error) from None


def run(args):
    if args.color is None:
        args.color = sys.stdout.isatty()
    try:
        {"list": do_list, "show": do_show, "trace": do_trace, "save": do_save, "forget": do_forget}[args.command](args)
    except (ValueError, KeyError, struct.error) as error:
        raise Wrong("%s is of another version: %s" % (file_of(args), error)) from None


def main(doc):
    return program.ends("xtcp-blackbox", lambda: run(options(doc)), events.Unreadable)
