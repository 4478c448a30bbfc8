# SPDX-License-Identifier: GPL-2.0
"""What xtcp-paths does."""

import argparse
import os
import re

import change
import program
from program import Wrong

PROC = "/proc/net"
FLUSH = 5  # XTCP_CMD_PATHS_FLUSH


def shown(line):
    """A line of /proc, with its units."""
    words = dict(word.split("=", 1) for word in line.split())
    return "%s from %s dev %s cwnd %s rtt %.3fms age %ss" % (
        words["to"], words["from"], words["dev"], words["cwnd"], int(words["rtt_us"]) / 1000, words["age"])


def do_list(args):
    try:
        with open("%s/%s_paths" % (args.proc, args.name)) as file:
            for line in file:
                print(shown(line))
    except OSError as error:
        raise Wrong("cannot read %s: %s; is the module loaded?" % (error.filename, error.strerror)) from None


def do_flush(args):
    requests = change.Requests(args.name)
    if requests.id is None:
        raise Wrong("the module %s is not loaded, or saves no paths" % args.name)
    error = requests.ask(FLUSH, b"")
    if error:
        raise Wrong(requests.text or os.strerror(error), 1)


COMMANDS = {"list": do_list, "flush": do_flush}


def options(doc):
    parser = argparse.ArgumentParser(prog="xtcp-paths", description=doc, usage=argparse.SUPPRESS, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="xtcp", help="the module's name, if it was built with make NAME=...")
    parser.add_argument("--netns", metavar="NAME", help="in this network namespace of ip netns")
    parser.add_argument("--proc", metavar="FOLDER", default=PROC, help="list: a copy of the file of /proc/net instead of it")
    parser.add_argument("command", nargs="?", choices=COMMANDS, metavar="COMMAND")
    args = parser.parse_args()
    if not args.command:
        parser.error("a COMMAND is missing: " + ", ".join(COMMANDS))
    if not re.fullmatch("[a-z0-9_]+", args.name):
        raise Wrong("'%s' is no name of a module" % args.name)
    return args


def run(args):
    if args.netns:
        program.enter(args.netns)
    return COMMANDS[args.command](args)


def main(doc):
    return program.ends("xtcp-paths", lambda: run(options(doc)))
