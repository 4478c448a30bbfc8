# SPDX-License-Identifier: GPL-2.0
"""Which tests run on a change, and in which order. Knows no files and no machine."""

import statistics
from collections import defaultdict

EXPLORE = "explore"
LONG = 60   # seconds of the processor that a single test may take, while there are others
FEW = 6     # where no more tests reach a line, each of them runs
MOST = 6    # times the budget that tests get beyond it because something speaks for them


class Evidence:
    """What earlier results say of the tests, and how many lines of the module each test reaches."""

    def __init__(self, widths):
        """@widths: {name: lines}"""
        self.widths = widths
        self.typical = statistics.median(widths.values()) if widths else 1
        self.noticed, self.ran = defaultdict(int), defaultdict(int)

    def learn(self, result):
        """A test that ends the run has noticed the change. Changes of the same file count much, others a little."""
        for test in result["ran"]:
            noticed = result["verdict"] == "noticed" and test == result["ran"][-1]
            for place, weight in ((result["file"], 3), ("", 1)):
                self.noticed[place, test] += noticed * weight
                self.ran[place, test] += weight

    def speaks_for(self, test, file):
        """Has the test noticed another change of the file?"""
        return self.noticed[file, test.name] > 0

    def worth(self, test, file):
        """How likely the test is to notice a change of the file, for each second that it takes."""
        noticed = self.noticed[file, test.name] + self.noticed["", test.name]
        ran = self.ran[file, test.name] + self.ran["", test.name]
        # rows of segments are exact, and short
        own = 4 if test.name.split("_")[-1] in file else 2 if test.name.startswith("wire_") else 1
        # what reaches little besides is about this
        focus = min(max(self.typical / max(self.widths.get(test.name, self.typical), 1), 0.25), 4)
        return (noticed + 0.2 * own * focus) / (ran + 1) / (test.cpu + 0.3)


def choose(tests, file, evidence, budget, done=()):
    """Returns the tests to run, in order, and the tests that are left for another time: their names.

    @tests: all that reach the line; @done: names of those that have run on this change, and would say the same again.
    In the order of what they are worth, tests run as long as @budget allows, in seconds; None: all. Beyond it run tests
    that have noticed another change of the file, and all if few reach the line; and the best of the others. The explorer
    is last, and costs nothing of the budget.
    """
    few = len(tests) <= FEW
    waiting = sorted((test for test in tests if test.name not in done),
                     key=lambda test: (test.name == EXPLORE, -evidence.worth(test, file)))
    chosen, late, explorer = [], [], []
    within, beyond = budget, budget and MOST * budget
    for test in waiting:
        if test.name == EXPLORE:
            explorer.append(test)
        elif budget is None:
            chosen.append(test)
        elif test.cpu <= within:
            chosen.append(test)
            within -= test.cpu
        elif (few or evidence.speaks_for(test, file)) and test.cpu <= min(beyond, LONG):
            chosen.append(test)
            beyond -= test.cpu
        else:
            late.append(test)
    # one that takes very long has to wait until nothing else is left
    best = next((test for test in late if test.cpu <= LONG or not chosen), None)
    if best:
        chosen.append(best)
        late.remove(best)
    return [test.name for test in chosen + explorer], [test.name for test in late]
