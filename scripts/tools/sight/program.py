# SPDX-License-Identifier: GPL-2.0
"""What the programs of tools/ have in common: they end with a sentence if something is wrong, and quietly if nobody
reads any more; they enter a network namespace."""

import argparse
import ctypes
import glob
import os
import re
import sys

PROC = "/proc/net"
WIDEST = 9999       # columns
CLONE_NEWNET = 0x40000000


def begin():
    """Streams that were closed before we began, as by ">&-", fail when they are used, as other programs' do. Signs that
    the terminal's locale does not have become question marks."""
    for name, mode, flags in (("stdin", "r", os.O_WRONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, flags), mode))
    sys.stdout.reconfigure(errors="replace")


begin()


class Wrong(Exception):
    """Ends the program with a sentence and an exit status."""

    def __init__(self, words, status=2):
        super().__init__(words)
        self.status = status


def shown(module):
    """The name of its sysctls and files, which xtcp upgrade changes."""
    try:
        with open("/sys/module/%s/parameters/name" % module, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return module


def module_of(name):
    """The module whose sysctls and files have this name."""
    return next((path.split("/")[3] for path in glob.glob("/sys/module/xtcp*/parameters/name")
                 if shown(path.split("/")[3]) == name), name)


def missing(name, what):
    """Why the module has no such file, or no such thing; the programs in the shell have the same sentence."""
    if os.path.isdir("/sys/module/" + module_of(name)):
        return "the %s module that is loaded has no %s" % (name, what)
    return "the %s module is not loaded: sudo modprobe %s, or, where it is not installed, make and sudo insmod %s.ko" % (
        name, name, name)


def columns():
    """What COLUMNS says in the environment; 0: nothing, or no number."""
    words = os.environ.get("COLUMNS", "")
    return int(words) if re.fullmatch("[0-9]{1,4}", words) else 0


def width(text):
    value = int(text)
    if not 0 < value <= WIDEST:
        raise ValueError(text)
    return value


width.__name__ = "number of columns"


def enter(name):
    """The network namespace, and nothing else of what `ip netns exec` does."""
    try:
        with open(name if "/" in name else "/run/netns/" + name) as ns:
            if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    except OSError as error:
        raise Wrong("cannot enter the network namespace %s: %s" % (name or "''", error.strerror)) from None


class Parser(argparse.ArgumentParser):
    """Of the options of a program whose --help begins with doc."""

    def __init__(self, name, doc):
        super().__init__(prog=name, description=doc, usage=argparse.SUPPRESS, allow_abbrev=False,
                         formatter_class=argparse.RawDescriptionHelpFormatter)

    def _print_message(self, message, file=None):
        """argparse's own says nothing when the disk is full."""
        print(message, end="", file=file or sys.stderr, flush=True)


def one_trace(parser, names, **options):
    """The one that is to be read, or None. @options: the one before a file to write, by the end of its name."""
    for name in names:
        option = options.get(name.rpartition(".")[2])
        if option and (len(names) > 1 or not os.path.exists(name)):
            parser.error("the file to write stands behind %s: %s %s" % (option, option, name))
    if len(names) > 1:
        parser.error("one TRACE is read, and not %d" % len(names))
    return names[0] if names else None


def write(name, text):
    try:
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Wrong("cannot write %s: %s" % (name, error.strerror)) from None


def add_module(add, proc):
    """Options that say of which module, and where. @proc: what --proc is for."""
    add("--name", default="xtcp", help="the module's name, if it was built with make NAME=...")
    add("--netns", metavar="NAME", help="in this network namespace of ip netns")
    add("--proc", metavar="FOLDER", default=PROC, help=proc)


def take_module(args):
    """What these options have to be, before anything else; and the namespace."""
    if not re.fullmatch("[a-z0-9_]+", args.name):
        raise Wrong("'%s' is no name of a module" % args.name)
    if args.netns is not None:
        enter(args.netns)


def commands(name, doc, functions, takes_words=False):
    """The exit status of a program whose first argument names one of these functions, which get the arguments."""
    def run():
        parser = Parser(name, doc)
        add = parser.add_argument
        add_module(add, "list: a copy of the file of /proc/net instead of it")
        add("command", nargs="?", choices=functions, metavar="COMMAND")
        if takes_words:
            add("words", nargs="*", default=[], metavar="WORD")
        args = parser.parse_args()
        if not args.command:
            parser.error("a COMMAND is missing: " + ", ".join(functions))
        take_module(args)
        return functions[args.command](args)

    return ends(name, run)


def status_of(run):
    """What run() returns, or the status with which it ends the program, as argparse does after --help."""
    try:
        return run()
    except SystemExit as ended:
        return ended.code


def ends(name, run, *sentences):
    """The exit status of run(). What it raises of OSError, Wrong and the classes in sentences is said in the program's
    name."""
    try:
        status = status_of(run)
        sys.stdout.flush()
        return status or 0
    except BrokenPipeError:     # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except UnicodeEncodeError as error:
        words, status = "%s is no UTF-8" % ascii(error.object), 2
    except KeyboardInterrupt:
        return 130
    except (OSError, Wrong, *sentences) as error:
        words = "cannot read %s: it is a folder" % error.filename if isinstance(error, IsADirectoryError) else error
        status = getattr(error, "status", 2)
    try:
        sys.stdout.flush()
    except OSError:     # nor can it be written later
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return ends(name, lambda: print("%s: %s" % (name, words), file=sys.stderr)) or status
