# SPDX-License-Identifier: GPL-2.0
"""What a text has to say, for check-ladder.py and check-watch.py."""

import re


def differs(text, says):
    """What is not there, or None: each pattern in a line of its own, in this order; behind a "!" what is nowhere."""
    lines, at = text.split("\n"), 0
    for pattern in says:
        if pattern.startswith("!"):
            if re.search(pattern[1:], text, re.M):
                return "says " + pattern[1:]
            continue
        while at < len(lines) and not re.search(pattern, lines[at]):
            at += 1
        if at == len(lines):
            return "does not say, in its place: " + pattern
        at += 1
    return None
