# SPDX-License-Identifier: GPL-2.0
"""How far apart the clocks of two captures are, by packets that both have.

Of each packet that both captures have once, let d be its time in the second one less its time in the first one. If
the first capture is at the sender, d is the skew plus the time on the path. If it is at the receiver, d is the skew
less that time. So in a connection d is larger in the direction that leaves at the first capture, and no skew hides
which one that is. The skew is at most the least d of this direction, and at least the greatest d of the other. In the
middle between both, the fastest packets of both directions take equally long."""

import itertools
import statistics

MOST = 200000       # packets of each capture that are looked at


def copies(captures):
    """{(source, destination): [d]} of packets that both captures have once."""
    times = [{}, {}]
    for found, capture in zip(times, captures):
        for time, *copy in itertools.islice(capture, MOST):
            copy = tuple(copy)
            found[copy] = None if copy in found else time
    ways = {}
    for copy, first in times[0].items():
        second = times[1].get(copy)
        if first is not None and second is not None:
            ways.setdefault(copy[:2], []).append(second - first)
    return ways


class Skew:
    """.seconds: by how much the second clock is ahead; None: nothing shows that they differ. .error: give or take,
    seconds; below 0: no single skew fits all packets. .leaves: {(source, destination): do they leave at the first
    capture?}, of connections that tell."""

    def __init__(self, captures):
        self.seconds, self.error, self.leaves = None, 0.0, {}
        least = most = None
        ways = copies(captures)
        for way, there in ways.items():
            back = ways.get(way[::-1])
            # captures count microseconds: a smaller difference says nothing
            if not back or abs(statistics.median(there) - statistics.median(back)) < 0.9e-6:
                continue
            self.leaves[way] = statistics.median(there) > statistics.median(back)
            if self.leaves[way]:
                least = min(there) if least is None else min(least, *there)
                most = max(back) if most is None else max(most, *back)
        if least is not None and not most - 1e-6 <= 0 <= least + 1e-6:
            self.seconds, self.error = (least + most) / 2, (least - most) / 2

    def words(self):
        if self.seconds is None:
            return ""
        text = "The clocks of the captures differ by about %s: the %s one is ahead. Its times are corrected" % (
            milliseconds(abs(self.seconds)), "second" if self.seconds > 0 else "first")
        if self.error < 0:
            return text + ", as far as one number can: the clocks drift apart."
        return text + ", give or take %s." % milliseconds(self.error)


def milliseconds(seconds):
    """In words: as milliseconds, or as seconds if there are many of them."""
    if seconds >= 10:
        return "%.0f s" % seconds
    return ("%.3g ms" if seconds < 1 else "%.0f ms") % (seconds * 1000)
