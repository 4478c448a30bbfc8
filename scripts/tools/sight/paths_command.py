# SPDX-License-Identifier: GPL-2.0
"""What xtcp-paths does."""

import errno
import os

import change
import program
from owners import printable
from program import Wrong

FLUSH = 5  # XTCP_CMD_PATHS_FLUSH


def shown(line):
    """A line of /proc, with its units. Who owns a namespace may give any name to a device."""
    words = dict(word.split("=", 1) for word in printable(line.rstrip("\n")).split(" "))
    return "%s from %s dev %s cwnd %s rtt %.3fms age %ss" % (
        words["to"], words["from"], words["dev"], words["cwnd"], int(words["rtt_us"]) / 1000, words["age"])


def do_list(args):
    try:
        with open("%s/%s_paths" % (args.proc, args.name), encoding="utf-8", errors="replace") as file:
            found = [shown(line) for line in file]
    except (ValueError, KeyError):
        raise Wrong("%s/%s_paths is of another version" % (args.proc, args.name)) from None
    except PermissionError as error:
        raise Wrong("only root may read %s" % error.filename) from None
    except OSError as error:
        raise Wrong(program.missing(args.name, error.filename) if error.errno == errno.ENOENT and args.proc == program.PROC else
                    "cannot read %s: %s" % (error.filename, error.strerror)) from None
    for line in found:
        print(line)


def do_flush(args):
    requests = change.Requests(args.name)
    if requests.id is None:
        raise Wrong(program.missing(args.name, "paths to save"))
    error = requests.ask(FLUSH, b"")
    if error:
        raise Wrong(requests.text or os.strerror(error), 1)


COMMANDS = {"list": do_list, "flush": do_flush}


def main(doc):
    return program.commands("xtcp-paths", doc, COMMANDS)
