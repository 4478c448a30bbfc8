# SPDX-License-Identifier: GPL-2.0
"""CPython's own tests of sockets, under xtcp_run, and on kernel TCP beside it."""

import re

from stage import must, run, say

NAMES = ("*TCP*", "*Create*", "*Timeout*", "*NonBlocking*", "*Basic*", "*FileObject*", "*Sendfile*")
# What is meant to differ: none is known of these.
DIFFERS = {}


def results(stack):
    which = [word for name in NAMES for word in ("-m", name)]
    out = run("client", stack, "python3", "-m", "test", "-v", "test_socket", *which).decode(errors="replace")
    return dict(re.findall(r"^(test\w+ \([\w.]+\)) \.\.\. (?:.*\n)?(ok|FAIL|ERROR|skipped)", out, re.M))


def same():
    ours, theirs = results("xtcp"), results("kernel")
    must(len(theirs) > 100, "only %d tests" % len(theirs))
    other = {name: (ours.get(name), theirs[name]) for name in theirs if ours.get(name) != theirs[name]}
    say("%d tests of test_socket" % len(theirs))
    must(set(other) == set(DIFFERS), str({name: other[name] for name in other if name not in DIFFERS}))


def cases():
    yield "test_socket", same
