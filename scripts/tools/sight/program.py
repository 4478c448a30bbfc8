# SPDX-License-Identifier: GPL-2.0
"""What the programs of tools/ have in common: they end with a sentence if something is wrong, and quietly if nobody
reads any more; they enter a network namespace."""

import ctypes
import os
import sys

CLONE_NEWNET = 0x40000000


class Wrong(Exception):
    """Ends the program with a sentence and an exit status."""

    def __init__(self, words, status=2):
        super().__init__(words)
        self.status = status


def enter(name):
    """The network namespace, and nothing else of what `ip netns exec` does."""
    try:
        with open(name if "/" in name else "/run/netns/" + name) as ns:
            if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    except OSError as error:
        raise Wrong("cannot enter the network namespace %s: %s" % (name, error.strerror)) from None


def ends(name, run, *sentences):
    """The exit status of run(). What it raises of OSError, Wrong and the classes in sentences is said in the program's
    name."""
    try:
        status = run()
        sys.stdout.flush()
        return status or 0
    except BrokenPipeError:     # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except UnicodeEncodeError:
        return 2
    except KeyboardInterrupt:
        return 130
    except (OSError, Wrong, *sentences) as error:
        words = "cannot read %s: it is a folder" % error.filename if isinstance(error, IsADirectoryError) else error
        status = getattr(error, "status", 2)
    return ends(name, lambda: print("%s: %s" % (name, words), file=sys.stderr)) or status
