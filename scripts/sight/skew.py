# SPDX-License-Identifier: GPL-2.0
"""How far apart the clocks of two captures are, by packets that both have.

Of each packet that both captures have once, let d be its time in the second one less that in the first one: the time that
it took plus the skew where the first capture is at the sender, the skew less the time that it took where it is at the
receiver. So of a connection the larger d are of packets that leave at the first capture, and no skew hides which end that
is. The skew is at most the least d of one direction, and at least the greatest d of the other; in the middle between both
the fastest packets of both directions take equally long."""

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
    """.seconds that the second clock is ahead; None: nothing says that they differ. .error: in seconds; below 0 no one skew
    fits all packets. .leaves: {(source, destination): do they leave at the first capture?}, of connections that tell."""

    def __init__(self, captures):
        self.seconds, self.error, self.leaves = None, 0.0, {}
        least = most = None
        ways = copies(captures)
        for way, there in ways.items():
            back = ways.get(way[::-1])
            # what is less than a microsecond of the captures says nothing
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
    """In words; seconds, if there are many of them."""
    if seconds >= 10:
        return "%.0f s" % seconds
    return ("%.3g ms" if seconds < 1 else "%.0f ms") % (seconds * 1000)
